"""test_doctor.py - `doctor` as a user runs it: documents, exit codes, logs of
receipts, interruption.

SPDX-License-Identifier: Apache-2.0
"""
import json
import signal
import time

from harness import MEAN, TMP, expect, fails, jsonl, run, start, succeeds, test
from schema import load, problems

NAMES = ["cached_handle", "plan", "artifact", "load", "fresh_process",
         "new_thread", "pinning", "padding", "longer", "input", "idle",
         "threads", "units", "precision", "residency", "balloon", "callers",
         "neighbours", "background", "quota", "frequency", "overhead", "drift"]


def valid(document):
    found = list(problems(document, load("doctor.schema.json")))
    expect(not found, f"doctor: {found[:3]}")
    return document


def receipts(n):
    """Receipts of n calls of one process, as a log holds them."""
    log = TMP / f"receipts-{n}.jsonl"
    log.unlink(missing_ok=True)
    succeeds("embed", "-m", MEAN, "--jsonl", "-", "--receipt-log", log,
             stdin=jsonl(*[{"text": "a river"}] * n))
    return [json.loads(line) for line in log.read_text().splitlines()]


def slowed(receipt, cause, ms, at_ms=0):
    """The same call, above its band for a cause."""
    r = json.loads(json.dumps(receipt))
    extra = int(ms * 1e6)
    r["at_ms"] = at_ms
    r["first"] = []
    r["band"].update(n=20, p50_ns=1000000, low_ns=900000, high_ns=1200000)
    r["band"]["verdict"] = "above" if cause else "inside"
    r["stages_ns"]["total"] = 1000000 + (extra if cause else 0)
    r["causes"] = [{"name": cause or "none", "evidence": [],
                    "excess_ns": extra if cause else 0,
                    "explained_ns": extra if cause not in (None, "unknown")
                    else 0}]
    return r


def log_of(name, *lines):
    file = TMP / name
    file.write_text("".join(
        (line if isinstance(line, str) else json.dumps(line)) + "\n"
        for line in lines))
    return file


@test
def quick_run_lists_every_experiment():
    r = run("doctor", "-m", MEAN, "--quick", "--json")
    expect(r.code in (0, 1), r.err)
    d = valid(r.json())
    expect([e["name"] for e in d["experiments"]] == NAMES, "other experiments")
    expect(r.code == (1 if d["findings"] else 0), "exit code")
    expect(all(e["evidence"] for e in d["experiments"]), "no evidence")
    expect(len(d["settings"]) > 10 and d["seconds"] < 60, str(d["seconds"]))
    own = [c for c in d["calls"] if not c["imposed"]]
    expect(len(own) >= 25, f"{len(own)} unchanged calls")


@test
def one_experiment_is_for_people_as_well():
    r = run("doctor", "-m", MEAN, "--quick", "--experiment", "overhead")
    expect(r.code in (0, 1), r.err)
    for part in ("overhead", "prediction alone", "H1 caching",
                 "What conditions cost here"):
        expect(part in r.out, f"{part!r} is not in {r.out[-400:]!r}")
    expect("cached_handle" not in r.out, "another experiment was run")
    fails(2, "'nothing'", "overhead", args=["doctor", "-m", MEAN,
                                            "--experiment", "nothing"])


@test
def doctor_needs_a_model_or_receipts():
    fails(2, "no model", args=["doctor"])
    fails(3, "none.jsonl", args=["doctor", "--receipts", TMP / "none.jsonl"])


@test
def interrupted_run_reports_what_was_measured():
    p = start("doctor", "-m", MEAN, "--json")
    time.sleep(2.5)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    expect(p.returncode == 130, f"exit {p.returncode}: {err[-200:]}")
    d = valid(json.loads(out))
    expect(d["interrupted"] and len(d["experiments"]) == len(NAMES), "")
    expect(any("interrupted" in e["evidence"] for e in d["experiments"]), "")


# ---- Receipts -----------------------------------------------------------------

@test
def receipts_of_a_steady_process_have_no_finding():
    own = receipts(3)
    log = log_of("steady.jsonl", *[slowed(own[1], None, 0, 1000 * i)
                                   for i in range(200)])
    d = valid(succeeds("doctor", "--receipts", log, "--json").json())
    expect(d["mode"] == "receipts" and d["findings"] == [], str(d["findings"]))
    expect(d["receipts"]["calls"] == 200 and len(d["calls"]) == 200, "")
    expect("No finding" in succeeds("doctor", "--receipts", log).out, "")


@test
def log_without_receipts_is_said_to_hold_none():
    out = succeeds("doctor", "--receipts", log_of("empty.jsonl")).out
    expect("No call was recorded" in out and "warm-up" not in out, out)


@test
def cause_is_found_with_its_time_and_price():
    own = receipts(3)
    day = 1767225600000
    lines = [slowed(own[1], "cpu_contention" if 300 <= i < 340 else None, 2,
                    day + 60000 * i) for i in range(1000)]
    log = log_of("burst.jsonl", *lines)
    r = run("doctor", "--receipts", log, "--json")
    expect(r.code == 1, f"exit {r.code}")
    (f,) = valid(r.json())["findings"]
    expect(f["cause"] == "cpu_contention" and f["source"] == "receipts", "")
    expect((f["calls"], f["of"], f["first_call"], f["last_call"]) ==
           (40, 1000, 301, 340), str(f))
    expect(f["since_ms"] == day + 60000 * 300 and f["cost_ns"] == 80000000, "")
    expect(f["effect_ns"] == 2000000 and abs(f["effect_ratio"] - 3) < 1e-6, "")
    out = run("doctor", "--receipts", log).out
    expect("1. cpu_contention" in out and "Do: " in out, out)


@test
def one_receipt_and_small_effects_are_no_finding():
    own = receipts(3)
    one = [slowed(own[1], "paging" if i == 7 else None, 9, 2000 * i)
           for i in range(40)]
    succeeds("doctor", "--receipts", log_of("one.jsonl", *one))
    small = [slowed(own[1], "paging", 0.04, 2000 * i) for i in range(40)]
    succeeds("doctor", "--receipts", log_of("small.jsonl", *small))
    # Forty calls of one moment are one piece of evidence.
    burst = [slowed(own[1], "paging" if i < 40 else None, 9, 10 * i)
             for i in range(400)]
    succeeds("doctor", "--receipts", log_of("moment.jsonl", *burst))


@test
def unknown_is_an_answer():
    own = receipts(3)
    lines = [slowed(own[1], "unknown" if i > 20 else None, 9, 2000 * i)
             for i in range(60)]
    r = run("doctor", "--receipts", log_of("unknown.jsonl", *lines), "--json")
    expect(r.code == 1 and valid(r.json())["findings"][0]["cause"] == "unknown",
           r.out[-300:])


@test
def damaged_lines_are_counted_and_named():
    own = receipts(3)
    good = slowed(own[1], None, 0)
    bad = dict(good, causes=[{"name": "ghosts"}])
    log = log_of("damaged.jsonl", "not JSON", good, "{}", json.dumps(bad), "",
                 json.dumps(good)[:200])
    d = valid(succeeds("doctor", "--receipts", log, "--json").json())
    expect(d["receipts"]["damaged"] == 4 and d["receipts"]["calls"] == 1, "")
    expect([x["line"] for x in d["receipts"]["damaged_lines"]] == [1, 3, 4, 6],
           str(d["receipts"]["damaged_lines"]))
    expect("4 of 5 lines" in succeeds("doctor", "--receipts", log).out, "")
    fails(4, "line 1", args=["doctor", "--receipts",
                             log_of("all-bad.jsonl", "nothing", "more")])
    succeeds("doctor", "--receipts", log_of("empty.jsonl"))


@test
def file_before_the_rotation_is_read_first():
    own = receipts(3)
    log = log_of("rotated.jsonl", slowed(own[1], None, 0, 2000))
    log_of("rotated.jsonl.1", slowed(own[1], None, 0, 1000), "broken")
    d = valid(succeeds("doctor", "--receipts", log, "--json").json())
    expect([c["at_ms"] for c in d["calls"]] == [1000, 2000], "order")
    expect(d["receipts"]["damaged_lines"][0]["file"] == ".1", "no file named")


@test
def starts_that_lost_their_artifact_are_found():
    own = receipts(3)

    def first_call(i, state):
        r = dict(slowed(own[1], None, 0, 60000 * i), first=["call"])
        r["artifact"] = dict(state=state, path="/cache/x.anm",
                             load_ns=i + (900000000 if state == "built"
                                          else 50000))
        return r
    log = log_of("lost.jsonl", *[first_call(i, s) for i, s in enumerate(
        ["built", "hit", "hit", "built", "hit", "built"])])
    r = run("doctor", "--receipts", log, "--json")
    (f,) = valid(r.json())["findings"]
    expect(f["cause"] == "stale_artifact" and f["calls"] == 2, str(f))
