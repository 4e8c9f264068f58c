"""One process a peer: reads a JSON request a line on standard input, answers each with one line.

  {"do": "prepare", "case": {...}, "file": IN, "out": OUT}   reads x0, control, weight and y from the NPZ file IN, warms
                                                             up, writes OUT with "gradient" [K, P]: {"description": ...}
  {"do": "run"}                                              one more gradient: {"seconds": ...}

What cannot be done is answered {"error": SENTENCE}. A peer is a function prepare(case, arrays) -> (run, description):
run() computes the gradient, completely, and returns what numpy() makes of it.
"""

import json
import sys
import time

import numpy as np


def parts(case):
    """Names and shapes of a layer's parameters in the order of the control's columns."""
    d = case["d"]
    half = d // 2
    return {
        "outer": [("W", (d, d)), ("b", (d,))],
        "inner": [("W", (d, d)), ("b", (d,))],
        "antisymmetric": [("W", (d, d)), ("b", (d,))],
        "hamiltonian": [("W", (half, half)), ("bq", (half,)), ("bp", (half,))],
        "bottleneck": [("W1", (d, d)), ("W2", (d, d)), ("b1", (d,)), ("b2", (d,))],
    }[case["field"]]


def split(case, control):
    """{name: [K, ...]} of a control [K, P]."""
    out, start = {}, 0
    for name, shape in parts(case):
        size = int(np.prod(shape))
        out[name] = np.ascontiguousarray(control[:, start : start + size]).reshape((-1,) + shape)
        start += size
    return out


def join(case, pieces):
    """[K, P] of {name: [K, ...]}."""
    return np.concatenate([np.asarray(pieces[name]).reshape(case["K"], -1) for name, _ in parts(case)], 1)


def serve(prepare):
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    run = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                with np.load(request["file"]) as file:
                    arrays = {name: file[name] for name in file.files}
                run, numpy, description = prepare(request["case"], arrays)
                np.savez(request["out"], gradient=join(request["case"], numpy(run())))
                answer = {"description": description}
            else:
                start = time.perf_counter()
                run()
                answer = {"seconds": time.perf_counter() - start}
        except Exception as error:  # the reason goes to the one who asked
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
