"""test_schema.py - documents are what docs/schema/ says.

SPDX-License-Identifier: Apache-2.0
"""
import copy
import json

from harness import CLS, MEAN, TMP, expect, jsonl, run, succeeds, test
from schema import load, problems


def valid(document, name):
    found = list(problems(document, load(f"{name}.schema.json")))
    expect(not found, f"{name}: {found[:3]}")


def receipts():
    lines = succeeds("embed", "-m", MEAN, "--jsonl", "-", "--receipt",
                     stdin=jsonl(*[{"text": "a river " * n}
                                   for n in range(1, 30)])).lines()
    return [line["receipt"] for line in lines]


@test
def receipts_are_as_the_schema_says():
    for r in receipts():
        valid(r, "receipt")
        stages = dict(r["stages_ns"])
        total = stages.pop("total")
        expect(sum(stages.values()) == total, "stages do not add up")


@test
def schema_notices_what_is_wrong():
    good = receipts()[0]
    valid(good, "receipt")
    for change in (lambda d: d.pop("units"),
                   lambda d: d.update(units="GPU"),
                   lambda d: d.update(more=1),
                   lambda d: d["where"].update(device="npu"),
                   lambda d: d["where"].update(share=2),
                   lambda d: d["counters"].update(cpu_ns=-1),
                   lambda d: d["counters"].update(cpu_ns="1"),
                   lambda d: d["stages_ns"].update(total=None),
                   lambda d: d.update(causes=[]),
                   lambda d: d["causes"][0].update(name="ghosts"),
                   lambda d: d["input"].update(ids_sha256="xyz")):
        bad = copy.deepcopy(good)
        change(bad)
        expect(list(problems(bad, load("receipt.schema.json"))),
               "a bad receipt is valid")


@test
def embed_plan_and_inspect_are_as_the_schemas_say():
    for model in (MEAN, CLS):
        for more in ([], ["--receipt"], ["--ids"], ["--encoding", "base64"]):
            valid(succeeds("embed", "-m", model, "--json", *more, "one",
                           "two words").json(), "embed")
        valid(succeeds("inspect", "-m", model, "--json").json(), "inspect")
        valid(succeeds("inspect", "-m", model, "--json", "--tensors",
                       "--ops").json(), "inspect")
        for units in ("ALL", "CPU_ONLY", "CPU_AND_NE", "CPU_AND_GPU"):
            r = run("plan", "-m", model, "--units", units, "--json")
            expect(r.code in (0, 1), r.err)
            valid(r.json(), "plan")
    valid(succeeds("plan", "-m", MEAN, "--precision", "bf16", "--json").json(),
          "plan")


@test
def search_is_as_the_schema_says():
    store = TMP / "schema.db"
    succeeds("add", "-s", store, "-m", MEAN, "-c", "g", "k", "a river")
    valid(succeeds("search", "-s", store, "-m", MEAN, "--json",
                   "a hill").json(), "search")
    valid(succeeds("search", "-s", store, "-m", MEAN, "--json", "--receipt",
                   "a hill").json(), "search")


@test
def bench_is_as_the_schema_says():
    valid(succeeds("bench", "-m", MEAN, "--tokens", "8", "--json").json(),
          "bench")
    mission = succeeds("bench", "-m", MEAN, "--mission", "--quick",
                       "--json").json()
    valid(mission, "bench")
    expect(len(mission["queries"]) == 30, "30 queries")
    expect(all(q["warm_n"] >= 3 and q["warm_p50_ms"] > 0
               for q in mission["queries"]), "no warm-up")
    cost = succeeds("bench", "-m", MEAN, "--evidence", "--quick",
                    "--json").json()
    valid(cost, "bench")
    expect(cost["n"] == 200 and cost["with_p50_ms"] > 0, json.dumps(cost))


@test
def mission_and_evidence_are_lines_for_people():
    out = succeeds("bench", MEAN, "--mission", "--quick").out
    expect("eld: the median of the live queries" in out, out[-300:])
    out = succeeds("bench", MEAN, "--evidence", "--quick").out
    expect("without a receipt" in out, out)


@test
def help_is_as_the_schema_says():
    document = succeeds("help", "--json").json()
    valid(document, "help")
    for verb in document["verbs"]:
        one = succeeds(verb["name"], "--help", "--json").json()
        valid(one, "help")
        expect((one["verb"], one["summary"]) ==
               (verb["name"], verb["summary"]), one["verb"])
