#!/usr/bin/env python3
"""bad.py - scenarios that are wrong: exit 4, and the message names the field
and what is allowed.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

GOOD = {"anemone_scenario": 1, "devices": {"cpu": {}},
        "workload": [{"queries": 1}]}

# What is set, and words that the message must hold.
CASES = {
    "unknown_field": ({"speed": 1}, ["x.json: speed: unknown field",
                                     "devices"]),
    "other_version": ({"anemone_scenario": 2},
                      ["anemone_scenario", "2 is not", "allowed: 1"]),
    "no_devices": ({"devices": {}},
                   ["devices: {}", "cpu and what else is there of gpu, ane"]),
    "no_cpu": ({"devices": {"gpu": {}}}, ["devices.cpu", "missing"]),
    "unknown_device": ({"devices": {"cpu": {}, "tpu": {}}},
                       ["devices.tpu", "cpu, gpu, ane"]),
    "failure_that_is_none": ({"faults": [{"kind": "fail", "status": "OK"}]},
                             ["faults[0].status", "OK is no failure",
                              "E_DEVICE"]),
    "negative_latency": ({"devices": {"cpu": {"ms": -1}}},
                         ["devices.cpu.ms", "-1", "from 0"]),
    "text_for_number": ({"devices": {"cpu": {"ms": "2"}}},
                        ["devices.cpu.ms", "a number"]),
    "unknown_units": ({"settings": {"units": "NPU"}},
                      ["settings.units", "NPU", "CPU_AND_NE"]),
    "broken_count": ({"model": {"dim": 48.5}},
                     ["model.dim", "48.5", "whole number"]),
    "shares_not_one": ({"executes": {"cpu": 0.5}},
                       ["executes", "add up to 1"]),
    "executes_on_nothing": ({"executes": {"gpu": 1}},
                            ["executes.gpu", "not among devices"]),
    "unknown_operation": ({"plan": {"ops": {"conv": "cpu"}}},
                          ["plan.ops.conv"]),
    "unknown_counter": ({"machine": {"absent": ["watts"]}},
                        ["machine.absent[0]: \"watts\"", "run_delay"]),
    "range_upside_down": ({"workload": [{"gap_ms": [5, 1]}]},
                          ["workload[0].gap_ms", "[low, high]"]),
    "fault_without_kind": ({"faults": [{"ms": 1}]},
                           ["faults[0].kind", "missing", "contention"]),
    "fault_without_need": ({"faults": [{"kind": "quota"}]},
                           ["faults[0].ms", "missing", "quota"]),
    "unknown_kind": ({"faults": [{"kind": "gremlin"}]},
                     ["faults[0].kind", "gremlin", "contention"]),
    "unknown_condition": ({"faults": [{"kind": "slow", "when": {"day": 1}}]},
                          ["faults[0].when.day", "unknown field",
                           "from_query"]),
    "list_for_object": ({"stages": []}, ["stages", "expected object"]),
    "lengths_no_numbers": ({"warm": {"lengths": ["x"]}},
                           ["warm.lengths[0]: \"x\"", "whole number"]),
    "field_of_another_kind": ({"faults": [{"kind": "slow", "khz": 2000000}]},
                              ["faults[0].khz", "slow", "when|ms|factor"]),
    "unknown_requirement": ({"settings": {"require": "gpu:2"}},
                            ["settings.require", "gpu:2", "DEVICE[:SHARE]"]),
    "unknown_fallback": ({"settings": {"allow_fallback": "cpu,"}},
                         ["settings.allow_fallback", "cpu,"]),
    "unknown_cause": ({"expect": {"causes": ["gremlins"]}},
                      ["expect.causes[0]", "paging"]),
    "text_for_query": ({"expect": {"from_query": "1"}},
                       ["expect.from_query", "whole number"]),
    "too_many_faults": ({"faults": [{"kind": "slow"}] * 65},
                        ["faults", "at most 64"]),
}
TEXTS = {
    "not_json": ("{", ["x.json:"]),
    "field_twice": ('{"anemone_scenario":1,"anemone_scenario":1}',
                    ["duplicate"]),
    "no_object": ("[1]", ["expected object"]),
    "empty": ("", ["x.json"]),
}


def run(command, file, *arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith("ANEMONE_")}
    return subprocess.run([command, "--backend", f"fake:{file}", *arguments],
                          capture_output=True, env=env, timeout=60)


def check(name, done, code, words):
    err = done.stderr.decode()
    problems = [] if done.returncode == code else [
        f"exit {done.returncode}, expected {code}"]
    problems += [f"no '{w}'" for w in words if w not in err]
    print(f"not ok {name}: {problems[0]} in: {err.strip()}" if problems
          else f"ok {name}")
    return not problems


def main():
    command = os.path.abspath(sys.argv[1])
    good = []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "x.json")
        for name, (change, words) in CASES.items():
            file.write_text(json.dumps({**GOOD, **change}))
            good.append(check(name, run(command, file, "embed"), 4, words))
        for name, (text, words) in TEXTS.items():
            file.write_text(text)
            good.append(check(name, run(command, file, "embed"), 4, words))
        good.append(check("no_file", run(command, "/nonexistent", "embed"), 3,
                          ["/nonexistent"]))
        file.write_text(json.dumps(GOOD))
        good.append(check("good", run(command, file, "embed"), 0, []))
        good.append(check("any_verb", run(command, file, "plan"), 0, []))
        good.append(check("bad_seed",
                          run(command, file, "--seed", "x", "embed"), 2,
                          ["--seed", "whole number"]))
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


sys.exit(main())
