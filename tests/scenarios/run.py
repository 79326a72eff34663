#!/usr/bin/env python3
"""run.py - play every scenario with many seeds and hold the receipts against
what was planted.

    run.py build/fake/anemone [--seeds 20] [--check] [--contract] [--doctor]
                              [FILE…]

Prints, for each scenario, how many of its planted queries name the planted
cause, and in all: device claims above the evidence given, and causes on quiet
scenarios. Of two planted causes both must be named, or none but `unknown`.
--check holds only what no list of causes can change (exit codes, errors, claims,
sums of stages, quiet scenarios, one seed twice) and exits 1 when it does not
hold. --contract plays units x devices x planned share x flags. --doctor lets the
doctor examine each machine after its workload and compares its first finding
with what was planted; of fewer planted queries than three, and of a quiet
machine, nothing may be found.

SPDX-License-Identifier: Apache-2.0
"""
import argparse
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RANK = ["unknown", "configured", "planned", "observed"]
DEVICES = ("cpu", "gpu", "ane")
PERMITTED = {"ALL": set(DEVICES), "CPU_AND_GPU": {"cpu", "gpu"},
             "CPU_AND_NE": {"cpu", "ane"}, "CPU_ONLY": {"cpu"}}


def play(command, file, seed, *more, form="--json"):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("ANEMONE_", "PAPR_"))}
    arguments = [command, "--backend", f"fake:{file}", "--seed", str(seed),
                 "embed", form, "-q", *more]
    done = subprocess.run(arguments, capture_output=True, env=env, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# ---- What a receipt may say ---------------------------------------------------

def witnesses(scenario):
    """Answers of the sources of evidence, those of faults among them."""
    evidence = dict(scenario.get("evidence", {}))
    for fault in scenario.get("faults", []):
        if fault["kind"] == "evidence":
            evidence.update({k: fault[k] for k in ("energy", "footprint")
                             if k in fault})
    return evidence


def ceiling(scenario):
    evidence = witnesses(scenario)
    if evidence.get("cpu_time") or any(
            evidence.get(k, "absent") != "absent"
            for k in ("energy", "footprint")):
        return "observed"
    if scenario.get("plan", {}).get("known", True) and \
            evidence.get("plan", True):
        return "planned"
    return "configured"


def overclaims(scenario, receipt):
    where = receipt["where"]
    units = scenario.get("settings", {}).get("units", "ALL")
    possible = PERMITTED[units] & set(scenario["devices"])
    named = where["device"] in DEVICES
    if RANK.index(where["evidence"]) > RANK.index(ceiling(scenario)):
        return True
    if where["evidence"] == "unknown":
        return named
    return where["evidence"] == "configured" and named and \
        possible != {where["device"]}


def sums_up(receipt):
    stages = dict(receipt["stages_ns"])
    return stages.pop("total") == sum(stages.values())


# ---- One play -----------------------------------------------------------------

class Tally:
    def __init__(self):
        self.planted = self.named = self.third = 0
        self.claims = self.quiet = self.unknown = self.calls = 0
        self.above = 0
        self.problems, self.seen = [], {}


def is_planted(expect, number):
    first, last = expect.get("from_query", 1), expect.get("to_query", 10 ** 9)
    return "causes" in expect and first <= number <= last and \
        (number - first) % expect.get("every", 1) == 0


def judge_planted(expect, receipt, tally):
    wanted = set(expect["causes"])
    names = {c["name"] for c in receipt["causes"]}
    tally.planted += 1
    tally.above += receipt["band"]["verdict"] == "above"
    both_or_none = wanted <= names or (len(wanted) > 1 and
                                       names == {"unknown"})
    tally.named += both_or_none
    tally.third += bool(names - wanted - {"none", "unknown"})
    key = "+".join(sorted(names))
    tally.seen[key] = tally.seen.get(key, 0) + 1


def judge(scenario, code, out, err, tally):
    expect = scenario.get("expect", {})
    if expect.get("exit", 0) < 0 and "AddressSanitizer" in err:
        return
    if code != expect.get("exit", 0):
        tally.problems.append(f"exit {code}, expected {expect.get('exit', 0)}")
        return
    answers = json.loads(out) if out.strip() else []
    if isinstance(answers, dict):
        return
    errors = sum("error" in a for a in answers)
    if errors != expect.get("errors", 0):
        tally.problems.append(f"{errors} queries failed")
    for number, receipt in enumerate(answers, 1):
        if "error" in receipt:
            continue
        tally.calls += 1
        if not sums_up(receipt):
            tally.problems.append(f"query {number}: stages do not add up")
        tally.claims += overclaims(scenario, receipt)
        names = {c["name"] for c in receipt["causes"]}
        if expect.get("quiet"):
            tally.quiet += bool(names - {"none", "unknown"})
            tally.unknown += "unknown" in names
        if is_planted(expect, number):
            judge_planted(expect, receipt, tally)


def without_paths(text):
    """A folder for temporary files has another name each time."""
    return re.sub(r"anemone-fake-\w{6}", "", text)


def play_all(command, file, seeds):
    scenario = json.loads(file.read_text())
    tally = Tally()
    for seed in range(1, seeds + 1):
        code, out, err = play(command, file, seed)
        judge(scenario, code, out, err, tally)
        if tally.problems and len(tally.problems) == 1:
            tally.problems[0] += f" (seed {seed}: {err.strip()[-300:]})"
        if seed == 1 and scenario.get("expect", {}).get("exit", 0) >= 0:
            again = play(command, file, seed)[1]
            if without_paths(out) != without_paths(again):
                tally.problems.append("seed 1 gave two different answers")
    return file.stem, scenario, tally


# ---- The contract ---------------------------------------------------------------

FLAGS = ([], ["--allow-fallback", "cpu"], ["--require", "none"],
         ["--require", "cpu:1"], ["--require", "gpu:0.9"])
IMPLIED = {"ALL": None, "CPU_AND_GPU": ("gpu", 0.5), "CPU_AND_NE": ("ane", 0.5),
           "CPU_ONLY": ("cpu", 1.0)}


def contract_cells():
    presents = (["cpu"], ["cpu", "gpu"], ["cpu", "ane"], ["cpu", "gpu", "ane"])
    shares = (0, 0.3, 0.7, 1, None)
    return itertools.product(PERMITTED, presents, shares, FLAGS)


def planned_shares(units, present, share):
    """What the played machine plans; None: nothing is known."""
    usable = PERMITTED[units] & set(present)
    best = next(d for d in ("ane", "gpu", "cpu") if d in usable)
    if share is None:
        return None if len(usable) > 1 else {"cpu": 1}
    if best == "cpu":
        return {"cpu": 1}
    return {best: share, "cpu": 1 - share}


def required(units, flags):
    if flags[:1] != ["--require"]:
        return IMPLIED[units]
    device, _, part = flags[1].partition(":")
    return None if device == "none" else (device, float(part))


def expected_exit(units, present, share, flags):
    require = required(units, flags)
    if require is None:
        return 0
    shares = planned_shares(units, present, share)
    device, least = require
    met = shares is not None and device in present and \
        shares.get(device, 0) >= least
    if met:
        return 0
    fallback = flags == ["--allow-fallback", "cpu"] and device != "cpu" and \
        shares is not None and \
        max(shares, key=lambda d: shares[d]) == "cpu"
    return 0 if fallback else 5


def play_cell(command, folder, cell):
    units, present, share, flags = cell
    name = f"{units}-{'+'.join(present)}-{share}-{'_'.join(flags)}"
    scenario = {"anemone_scenario": 1, "model": {"dim": 16, "layers": 6},
                "settings": {"units": units},
                "devices": {d: {} for d in present}, "warm": {"skip": True},
                "plan": {"known": share is not None,
                         "share": 1 if share is None else share},
                "workload": [{"queries": 1}]}
    file = pathlib.Path(folder, name.replace("/", "_") + ".json")
    file.write_text(json.dumps(scenario))
    code, out, err = play(command, file, 1, *flags)
    wanted = expected_exit(units, present, share, flags)
    problems = [] if code == wanted else [
        f"exit {code}, expected {wanted}: {err.strip()[:300]}"]
    if code == wanted == 5:
        device = required(units, flags)[0]
        usable = PERMITTED[units] & set(present)
        is_known = share is not None or len(usable) == 1 or \
            device not in usable
        for word in ("present: " + ", ".join(present), "required: ",
                     f"share planned on {device}: "
                     f"{'' if is_known else 'unknown'}"):
            if word not in err:
                problems.append(f"no '{word}' in: {err.strip()[:300]}")
    return name, problems


def play_contract(command):
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda c: play_cell(command, folder, c),
                             contract_cells()))
    bad = [(n, p) for n, p in done if p]
    for name, problems in bad:
        print(f"not ok {name}: {problems[0]}")
    print(f"contract: {len(done)} cells, {len(bad)} wrong")
    print(f"{len(done) - len(bad)} passed, {len(bad)} failed")
    return not bad


# ---- The doctor -----------------------------------------------------------------

def examine(command, file, seed):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("ANEMONE_", "PAPR_"))}
    done = subprocess.run([command, "--backend", f"fake:{file}", "--seed",
                           str(seed), "doctor", "--quick", "--json", "-q"],
                          capture_output=True, env=env, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def n_planted(expect):
    """Planted queries of one play, as far as the file says."""
    first, last = expect.get("from_query", 1), expect.get("to_query", 10 ** 9)
    return (last - first) // expect.get("every", 1) + 1


def wanted_finding(scenario):
    """Causes of which one must be found first; empty: nothing is there to
    find; None: what is found is not judged."""
    expect = scenario.get("expect", {})
    if expect.get("exit", 0) or expect.get("errors", 0):
        return None
    if "causes" in expect:
        return set(expect["causes"]) if n_planted(expect) >= 3 else set()
    return set() if expect.get("quiet") else None


def examine_all(command, file, seeds):
    scenario = json.loads(file.read_text())
    wanted = wanted_finding(scenario)
    good, seen = 0, {}
    for seed in range(1, seeds + 1) if wanted is not None else ():
        code, out, err = examine(command, file, seed)
        first = "nothing"
        if code in (0, 1) and out.strip():
            found = [f["cause"] for f in json.loads(out)["findings"]]
            first = found[0] if found else "nothing"
            if code != bool(found):
                first = f"exit {code}"
        else:
            first = f"exit {code}: {err.strip()[-200:]}"
        good += first in wanted if wanted else first == "nothing"
        seen[first] = seen.get(first, 0) + 1
    return file.stem, wanted, good, seen


def print_examined(rows, seeds):
    for name, wanted, good, seen in rows:
        if wanted is None:
            continue
        words = "+".join(sorted(wanted)) or "nothing"
        print(f"{name:26s} {words:32s} {good:4d} of {seeds}" +
              ("" if good == seeds else ", said " + ", ".join(
                  f"{k} {n}" for k, n in sorted(seen.items(),
                                                key=lambda kv: -kv[1]))))
    planted = [r for r in rows if r[1]]
    quiet = [r for r in rows if r[1] == set()]
    named = sum(r[2] for r in planted)
    total = seeds * len(planted)
    false = seeds * len(quiet) - sum(r[2] for r in quiet)
    print(f"\nplanted cause first in {100 * named / max(total, 1):.1f} % of "
          f"{total} runs of the doctor; {sum(r[2] >= 0.98 * seeds for r in planted)}"
          f" of {len(planted)} scenarios at 98 % or more")
    print(f"runs with a finding where there is none: {false} of "
          f"{seeds * len(quiet)}")
    return named >= 0.98 * total and false == 0


# ---- All of it ------------------------------------------------------------------

def print_row(name, scenario, t):
    expect = scenario.get("expect", {})
    if "causes" in expect and t.planted:
        share = 100 * t.named / t.planted
        words = f"{'+'.join(expect['causes']):32s} {share:6.1f} % of " \
                f"{t.planted}, third causes {t.third}"
        if share < 98:
            most = sorted(t.seen.items(), key=lambda kv: -kv[1])[:3]
            words += ", said " + ", ".join(f"{k} {n}" for k, n in most)
            words += f", above {t.above}"
    elif expect.get("quiet"):
        words = f"{'quiet':32s} {t.quiet} causes, {t.unknown} unknown in " \
                f"{t.calls}"
    else:
        words = f"{'exit ' + str(expect.get('exit', 0)):32s} " \
                f"{'as expected' if not t.problems else t.problems[0]}"
    print(f"{name:26s} {words}")


def print_sums(rows, seeds):
    planted = [t for _, _, t in rows if t.planted]
    good = sum(t.named >= 0.98 * t.planted for t in planted)
    named = sum(t.named for t in planted)
    total = sum(t.planted for t in planted)
    quiet = sum(t.quiet for _, _, t in rows)
    print(f"\n{len(rows)} scenarios x {seeds} seeds")
    print(f"planted cause named: {100 * named / max(total, 1):.1f} % of {total} "
          f"queries; {good} of {len(planted)} scenarios at 98 % or more")
    print(f"third causes: {sum(t.third for t in planted)}")
    print(f"device claims above evidence: {sum(t.claims for _, _, t in rows)}")
    print(f"causes on quiet scenarios: {quiet}")


def checks(rows):
    bad = 0
    for name, _, t in rows:
        problems = list(t.problems)
        if t.claims:
            problems.append(f"{t.claims} device claims above evidence")
        if t.quiet:
            problems.append(f"{t.quiet} causes on a quiet machine")
        if problems:
            print(f"not ok {name}: {problems[0]}")
            bad += 1
    print(f"{len(rows) - bad} passed, {bad} failed")
    return bad == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--contract", action="store_true")
    parser.add_argument("--doctor", action="store_true")
    a = parser.parse_args()
    command = os.path.abspath(a.command)
    if a.contract:
        return 0 if play_contract(command) else 1
    files = a.files or sorted(HERE.glob("*.json"))
    # A play that crashes leaves its folder.
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        os.environ["TMPDIR"] = folder
        if a.doctor:
            rows = list(pool.map(lambda f: examine_all(command, f, a.seeds),
                                 files))
            good = print_examined(rows, a.seeds)
            return 0 if good or not a.check else 1
        rows = list(pool.map(lambda f: play_all(command, f, a.seeds), files))
    for row in rows:
        print_row(*row)
    print_sums(rows, a.seeds)
    return 0 if not a.check or checks(rows) else 1


sys.exit(main())
