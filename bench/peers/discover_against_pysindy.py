#!/usr/bin/env python3
"""turnpike discover beside PySINDy on the published fields of Burgers, KdV and Kuramoto-Sivashinsky.

  discover_against_pysindy.py TURNPIKE PYTHON DATA [--repeat 5]

TURNPIKE is the command, PYTHON the interpreter of an environment with pysindy, scipy and numpy (python3 -m venv FOLDER;
FOLDER/bin/pip install pysindy scipy), DATA the folder of burgers.mat, kdv.mat and kuramoto_sivishinky.mat. Whole
processes are timed, from the shell's start to the answer, by turns; the median and the range of the repeats are printed.
turnpike also simulates what it found and writes its report. PySINDy's thresholds were picked so that it finds the right
terms, by trying a few; its users have to find them too.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

CASES = [
    # file, field, time axis, highest derivative, thresholds of the strong and the weak form
    ("burgers.mat", "usol", "t", 3, 2, 0.2),
    ("kdv.mat", "usol", "t", 3, 5, 2),
    ("kuramoto_sivishinky.mat", "uu", "tt", 4, 10, 10),
]


def timed(command, folder):
    start = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    seconds = time.perf_counter() - start
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {run.stderr.strip().splitlines()[-1]}")
    return seconds, json.loads(run.stdout.strip().splitlines()[-1])


def text_of(terms):
    return ", ".join(f"{value:.6g} {name}" for name, value in terms.items()) or "nothing"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("turnpike")
    parser.add_argument("python")
    parser.add_argument("data")
    parser.add_argument("--repeat", type=int, default=5)
    words = parser.parse_args()
    peer = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pysindy_peer.py")
    with tempfile.TemporaryDirectory() as folder:
        for file, field, time_axis, order, strong, weak in CASES:
            path = os.path.abspath(os.path.join(words.data, file))
            script = [os.path.abspath(words.python), peer, path, field, time_axis, str(order)]
            commands = {
                "turnpike": [os.path.abspath(words.turnpike), "discover", path, "--json", "--quiet"],
                "pysindy strong": script + [str(strong)],
                "pysindy weak": script + [str(weak), "weak"],
            }
            seconds, answers = {name: [] for name in commands}, {}
            for _ in range(words.repeat):
                for name, command in commands.items():
                    took, answers[name] = timed(command, folder)
                    seconds[name].append(took)
            ours = statistics.median(seconds["turnpike"])
            for name, took in seconds.items():
                answer = answers[name]["terms"]
                terms = answer if isinstance(answer, dict) else {t["term"]: t["coefficient"] for t in answer}
                middle = statistics.median(took)
                print(
                    f"{file:24} {name:15} {middle:7.3f} s ({min(took):.3f} .. {max(took):.3f})  "
                    f"{middle / ours:6.1f} x  {text_of(terms)}",
                    flush=True,
                )


main()
