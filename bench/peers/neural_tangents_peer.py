"""neural_tangents_peer.py THREADS POINTS HIDDEN_LAYERS ROWS: the tangent kernel of a ReLU network by neural-tangents.

POINTS is an NPY file [n, d]; the kernel's first rows are written to the NPY file ROWS (64 of them). Answers each line on
standard input with one line: "prepare" with what it is, "run" with the seconds of one more kernel, compiled by jax.jit
beforehand: processor time with one thread, wall clock with more. What cannot be done is answered "error: SENTENCE".
"""

import os
import sys

# XLA asks for its threads when it starts.
threads = int(sys.argv[1])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
if threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import time

import jax
import neural_tangents
import numpy as np
from neural_tangents import stax

points = np.load(sys.argv[2])
jax.config.update("jax_platforms", "cpu")
# Only where it is asked for: with it, neural-tangents computes float32 in float64.
jax.config.update("jax_enable_x64", points.dtype == np.float64)


def prepare():
    x = jax.numpy.asarray(points)
    # W_std^2 / d in front of the first layer is 1 here, sigma_w^2 = 2 in all others.
    layers = [stax.Dense(1, W_std=x.shape[1] ** 0.5, b_std=None)]
    for _ in range(int(sys.argv[3])):
        layers += [stax.Relu(), stax.Dense(1, W_std=2**0.5, b_std=None)]
    _, _, kernel = stax.serial(*layers)
    compiled = jax.jit(lambda inputs: kernel(inputs, None, "ntk"))
    run = lambda: jax.block_until_ready(compiled(x))
    np.save(sys.argv[4], np.asarray(run()[:64]).astype(np.float64))
    return run, f"neural-tangents {neural_tangents.__version__} on JAX {jax.__version__}, compiled"


clock = time.process_time if threads == 1 else time.perf_counter
answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
for line in sys.stdin:
    try:
        if line.strip() == "prepare":
            run, answer = prepare()
        else:
            start = clock()
            run()
            answer = repr(clock() - start)
    except Exception as error:  # the reason goes to the one who asked
        answer = "error: " + " ".join(f"{type(error).__name__}: {error}".split())
    answers.write(answer + "\n")
    answers.flush()
