#!/usr/bin/env python3
"""document.py - docs/INVESTIGATION.md shows what the command prints: every line
that it gives of a played machine, in order. Figures may differ.

    tests/scenarios/document.py build/fake/anemone

SPDX-License-Identifier: Apache-2.0
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "INVESTIGATION.md"


def plain(text):
    """Without figures, and however it is wrapped."""
    return " ".join(re.sub(r"\d+(\.\d+)?", "#", text).split())


def examples():
    """Each command on $anemone, and the runs of lines shown of its output."""
    for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(), re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            if command.startswith("$anemone "):
                yield command, [plain(run) for run in
                                re.split(r"^\s*…$", shown, flags=re.M)
                                if run.strip()]


def problem(command, shown):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("ANEMONE_", "PAPR_"))}
    env.update(LC_ALL="C.UTF-8", anemone=os.path.abspath(sys.argv[1]),
               played="tests/scenarios")
    done = subprocess.run(["sh", "-c", command + " 2>&1"], cwd=ROOT, env=env,
                          capture_output=True, text=True, timeout=120)
    printed, at = plain(done.stdout), 0
    for run in shown:
        found = printed.find(run, at)
        if found < 0:
            return f"does not print: {run}\nbut: {printed}"
        at = found + len(run)
    return None


def main():
    n = n_bad = 0
    for command, shown in examples():
        n += 1
        what = problem(command, shown)
        n_bad += what is not None
        print(f"{'not ok' if what else 'ok'} {command}")
        if what:
            print(what)
    print(f"{n} examples, {n_bad} wrong")
    return n == 0 or n_bad > 0


if __name__ == "__main__":
    sys.exit(main())
