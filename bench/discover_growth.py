#!/usr/bin/env python3
"""discover_growth.py TURNPIKE [--noise 0.05] [--json FILE]: time and memory of turnpike discover against the size of the grid.

KdV on n points and n / 2 times, the heat equation on n x n points and n times: simulated by turnpike itself, n doubled from
line to line. CPU seconds (user and system) and peak memory of the whole process from the file to the coefficients, one
thread; slope: d log(seconds) / d log(points) from the line before. FILE gets the same as JSON lines.
"""

import argparse
import json
import math
import os
import subprocess
import tempfile

CASES = {
    "kdv": ([(n, n // 2) for n in (256, 512, 1024, 2048)], ["degree=2", "derivatives=3"]),
    "heat_2d": ([(n, n) for n in (32, 64, 128, 256)], ["degree=2", "derivatives=2"]),
}


def run(command, folder):
    """CPU seconds, peak bytes, last line of standard output."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, cwd=folder, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed")
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, json.loads(out.read().decode().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("turnpike")
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--json")
    words = parser.parse_args()
    turnpike, lines = os.path.abspath(words.turnpike), []
    for name, (sizes, library) in CASES.items():
        axes = "x,t" if name == "kdv" else "x,y,t"
        for noise in (0, words.noise):
            before = None
            for n, frames in sizes:
                with tempfile.TemporaryDirectory() as folder:
                    _, _, made = run([turnpike, "simulate", name, f"n={n}", f"frames={frames}", "--json", "--quiet"], folder)
                    command = [turnpike, "discover", os.path.join(folder, made["data"]), "--axes", axes, "--field", "u"]
                    command += ["--noise", str(noise), "--threads", "1", "--json", "--quiet"]
                    command += ["resamples=0", "simulate=false", "report=false", *library]
                    seconds, peak, answer = run(command, folder)
                points = n ** (len(axes) // 2) * frames
                slope = math.log(seconds / before[0]) / math.log(points / before[1]) if before else None
                before = seconds, points
                line = {"case": name, "noise": noise, "n": n, "frames": frames, "points": points, "cpu_s": round(seconds, 4)}
                line |= {"peak_bytes": peak, "slope": slope, "equation": answer["equation"] if answer["found"] else None}
                lines.append(line)
                print(
                    f"{name:8} noise {noise:<5g} n {n:5} frames {frames:5} {points / 1e6:8.3f} M points {seconds:8.3f} s "
                    f"{peak / 2**20:7.0f} MiB  slope {'' if slope is None else format(slope, '.2f'):5} {line['equation']}",
                    flush=True,
                )
    if words.json:
        with open(words.json, "w") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)


main()
