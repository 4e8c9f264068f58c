#!/usr/bin/env python3
"""turnpike discover beside PySINDy and the recipe of Rudy et al. 2017, on the published fields of Burgers, KdV and KS.

  discover_against_peers.py TURNPIKE PYTHON DATA [--repeat 5] [--noisy]

TURNPIKE is the command, PYTHON the interpreter of an environment with pysindy, scipy and numpy (python3 -m venv FOLDER;
FOLDER/bin/pip install pysindy scipy), DATA the folder of burgers.mat, kdv.mat and kuramoto_sivishinky.mat.

Whole processes run by turns, one thread each; what is compared is CPU time, user and system, which a busy machine changes
little. A line has the median and range of the peer's whole process, its ratio to turnpike's whole command (which also
resamples, simulates what it found and writes its report), the ratio of the same work (file to coefficients: the peer's
time after its imports to turnpike's whole process without those three), and the terms. Ratios are medians over the turns.
PySINDy's thresholds were picked so that it finds the right terms, by trying a few; its users have to find them too.
--noisy: the recipe with 1 % noise and its Chebyshev fits, some minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile

CASES = [
    # file, field, time axis, highest derivative, PySINDy's thresholds (strong, weak), the recipe's degree, order, step and
    # fits of noisy data (points on either side in x and t, degree)
    ("burgers.mat", "usol", "t", 3, (2, 0.2), (3, 3, 1), (10, 10, 4)),
    ("kdv.mat", "usol", "t", 3, (5, 2), (2, 3, 5), (20, 10, 5)),
    ("kuramoto_sivishinky.mat", "uu", "tt", 4, (10, 10), (5, 5, 5), (20, 20, 6)),
]
NO_EXTRAS = ["resamples=0", "simulate=false", "report=false"]


def timed(command, folder):
    """CPU seconds and the last line's JSON."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, cwd=folder, env={**os.environ, **threads})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed")
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, json.loads(out.read().decode().strip().splitlines()[-1])


def text_of(answer):
    terms = answer["terms"]
    if not isinstance(terms, dict):
        terms = {term["term"]: term["coefficient"] for term in terms}
    return ", ".join(f"{value:.6g} {name}" for name, value in terms.items()) or "nothing"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("turnpike")
    parser.add_argument("python")
    parser.add_argument("data")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--noisy", action="store_true")
    words = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as folder:
        for file, field, time_axis, order, thresholds, recipe, fits in CASES:
            path = os.path.abspath(os.path.join(words.data, file))
            ours = [os.path.abspath(words.turnpike), "discover", path, "--field", f"u={field}"]
            ours += ["--axes", f"x,t={time_axis}", "--json", "--quiet", "--threads", "1"]
            degree, highest, step = recipe
            published = ["form=published", f"degree={degree}", f"derivatives={highest}", f"published_step={step}", "accuracy=2"]
            pysindy = [os.path.abspath(words.python), os.path.join(here, "pysindy_peer.py"), path, field, time_axis, str(order)]
            own = [os.path.abspath(words.python), os.path.join(here, "pde_find_peer.py"), path, field, time_axis]
            own += [str(word) for word in recipe]
            if words.noisy:
                # turnpike's fits take one half width, its noise is another draw: the whole command alone is like the peer's
                peers = {"recipe": own + ["noisy"] + [str(word) for word in fits]}
                noise = ["--noise", "0.01", "noise_scale=deviation", "derivative=polynomial"]
                noise += [f"half_width={fits[0]}", f"fit_degree={fits[2]}"]
                mine = {"weak": ours + noise[:3], "recipe": ours + noise + published}
            else:
                peers = {"PySINDy strong": pysindy + [str(thresholds[0])]}
                peers["PySINDy weak"] = pysindy + [str(thresholds[1]), "weak"]
                peers["recipe"] = own
                mine = {"weak": ours, "recipe": ours + published}
            commands = {f"turnpike {name}": command for name, command in mine.items()}
            commands |= {f"turnpike {name}, the same work": command + NO_EXTRAS for name, command in mine.items()}
            commands |= peers
            seconds, answers = {name: [] for name in commands}, {}
            inside = {name: [] for name in peers}
            for _ in range(words.repeat):
                for name, command in commands.items():
                    took, answers[name] = timed(command, folder)
                    seconds[name].append(took)
                    if name in peers:
                        inside[name].append(answers[name]["seconds"])
            for name, took in seconds.items():
                line = f"{file:24} {name:30} {statistics.median(took):7.3f} s ({min(took):.3f} .. {max(took):.3f})"
                if name in peers:
                    whole = statistics.median(a / b for a, b in zip(took, seconds["turnpike weak"]))
                    same = "recipe" if name == "recipe" else "weak"
                    work = statistics.median(a / b for a, b in zip(inside[name], seconds[f"turnpike {same}, the same work"]))
                    line += f"  whole {whole:6.1f} x, same work {work:6.1f} x"
                print(f"{line}  {text_of(answers[name])}", flush=True)


main()
