#!/usr/bin/env python3
"""bench.py - `bench` on a played machine: its rows hold what the scenario plays,
and one seed gives them twice.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

MS = 20.0
SCENARIO = {"anemone_scenario": 1, "devices": {"cpu": {"ms": MS}},
            "workload": [{"queries": 1}]}


def rows_of(command, file, seed):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("ANEMONE_", "PAPR_"))}
    done = subprocess.run(
        [command, "--backend", f"fake:{file}", "--seed", str(seed), "bench",
         "--tokens", "8", "--idle", "50", "--callers", "2", "--seconds", "1",
         "--json", "-q"], capture_output=True, env=env, timeout=120, text=True)
    if done.returncode:
        return {}, done.stderr.strip()
    return {r["mode"]: r for r in json.loads(done.stdout)["rows"]}, ""


def judge(rows, again):
    if set(rows) != {"back_to_back", "idle_50ms", "callers_2"}:
        return f"rows: {sorted(rows)}"
    # Callers that share one model wait for each other.
    for mode, factor in (("back_to_back", 1), ("idle_50ms", 1),
                         ("callers_2", 2)):
        p50 = rows[mode]["p50_ms"]
        if not 0.9 * MS * factor < p50 < 1.2 * MS * factor:
            return f"{mode}: p50 {p50} ms, a call plays {MS}"
    return "" if rows == again else "one seed gave two tables"


def main():
    command = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "x.json")
        file.write_text(json.dumps(SCENARIO))
        rows, problem = rows_of(command, file, 1)
        again, _ = rows_of(command, file, 1)
    problem = problem or judge(rows, again)
    print(f"not ok bench: {problem}" if problem else "ok bench")
    print(f"{0 if problem else 1} passed, {1 if problem else 0} failed")
    return 1 if problem else 0


sys.exit(main())
