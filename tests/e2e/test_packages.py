"""test_packages.py - Core ML packages looked at: inspect, its lint, and plans.

SPDX-License-Identifier: Apache-2.0
"""
import json
import shutil

from harness import DATA, MEAN, TMP, expect, fails, run, succeeds, test
from schema import load, problems

COREML = DATA / "coreml"


def inspected(path, *more):
    document = succeeds("inspect", "-m", path, "--json", *more).json()
    found = list(problems(document, load("inspect.schema.json")))
    expect(not found, f"{path}: {found[:3]}")
    return document


@test
def packages_are_inspected():
    d = inspected(COREML / "immediate_only_ios16.mlpackage", "--ops",
                  "--tensors")
    expect(d["format"] == "mlpackage" and d["architecture"] == "mlProgram", d)
    expect(d["ops"] == {"const": 2, "linear": 1}, d["ops"])
    expect(d["inputs"][0]["name"] == "x" and
           d["inputs"][0]["shape"] == [1, 3], d["inputs"])
    expect([o["type"] for o in d["ops_list"]] == ["linear"], d["ops_list"])
    expect(len(d["tensors"]) == 2, d["tensors"])
    expect(d["runnable"]["here"], d["runnable"])
    rules = {f["rule"]: f for f in d["lint"]}
    expect({"linear-not-conv", "small-model-likely-cpu"} <= set(rules), rules)
    expect(rules["linear-not-conv"]["where"] == "y", rules)


@test
def what_cannot_run_is_inspected_and_linted():
    d = inspected(COREML / "refuse_cond_ios16.mlpackage")
    rules = {f["rule"]: f["severity"] for f in d["lint"]}
    expect(rules.get("op-off-ane:cond") == "warn", rules)
    expect(rules.get("control-flow") == "error", rules)
    expect(not d["runnable"]["here"] and "cond" in d["runnable"]["reason"],
           d["runnable"])


@test
def errors_name_the_package_once():
    path = COREML / "refuse_cond_ios16.mlpackage"
    cases = TMP / "no-cases.json"
    cases.write_text('{"cases":[]}')
    for args in (["predict", path, "--inputs", cases],
                 ["embed", "-m", path, "--tokenizer",
                  COREML / "bert-tokenizer.json", "x"]):
        r = fails(4, "function main: op y of type cond", args=args)
        expect(r.err.count(path.name) == 1, r.err)


@test
def strict_exits_1_on_errors_of_the_lint_alone():
    r = run("inspect", "--strict", "--json", "-m",
            COREML / "refuse_cond_ios16.mlpackage")
    expect(r.code == 1 and r.json()["lint"], r.code)
    succeeds("inspect", "--strict", "-m",
             COREML / "immediate_only_ios16.mlpackage")


@test
def compiled_models_are_described_and_not_run():
    folder = TMP / "x.mlmodelc"
    folder.mkdir()
    (folder / "coremldata.bin").write_bytes(b"x")
    (folder / "metadata.json").write_text(json.dumps([{
        "specificationVersion": 7,
        "modelType": {"name": "MLModelType_mlProgram"},
        "inputSchema": [{"name": "ids", "dataType": "Int32",
                         "shape": "[1, 32]"}],
        "outputSchema": [], "mlProgramOperationTypeHistogram":
        {"Ios16.mul": 2}}]))
    d = inspected(folder)
    expect(d["container"] == "mlmodelc" and d["ops"] == {"Ios16.mul": 2}, d)
    expect("mlpackage" in d["runnable"]["reason"], d["runnable"])
    r = fails(4, "give the .mlpackage", args=["plan", "-m", folder])
    expect(r.err.count(folder.name) == 1, r.err)


@test
def damaged_packages_are_format_errors():
    folder = TMP / "cut.mlpackage"
    shutil.copytree(COREML / "immediate_only_ios16.mlpackage", folder)
    model = folder / "Data/com.apple.CoreML/model.mlmodel"
    model.write_bytes(model.read_bytes()[:-1])
    fails(4, "model.mlmodel", args=["inspect", "-m", folder])


# ---- Plans -------------------------------------------------------------------

def planned(code, *args):
    r = run("plan", "--json", *args)
    expect(r.code == code, f"exit {r.code}, not {code}: {r.err}")
    document = r.json()
    found = list(problems(document, load("plan.schema.json")))
    expect(not found, found[:3])
    return document


@test
def plans_of_packages_are_predictions_that_say_so():
    model = COREML / "immediate_only_ios16.mlpackage"
    d = planned(0, "-m", model)
    expect([(o["name"], o["type"], o["evidence"]) for o in d["ops"]] ==
           [("y", "linear", "unknown")], d["ops"])
    expect(d["source"] == "predicted" and d["predicted"] == {"ane": 1.0}, d)
    expect(d["share"] == {"cpu": 1.0}, d["share"])
    d = planned(1, "-m", model, "--units", "CPU_AND_NE")
    expect("ane" in d["contract"]["reason"], d["contract"])
    d = planned(0, "-m", COREML / "refuse_cond_ios16.mlpackage")
    expect(any(o["reason"] == "op-off-ane" for o in d["ops"]), d["ops"])


def recording(name, **changes):
    file = TMP / name
    document = {
        "anemone_recorded_plan": 1, "units": "CPU_AND_NE",
        "machine": "Mac14,3", "devices": ["cpu", "gpu", "ane"],
        "ops": [{"output": "y", "type": "ios16.linear", "preferred": "ane",
                 "supported": ["cpu", "ane"], "cost": 1.0}]}
    document["ops"][0].update(changes)
    file.write_text(json.dumps(document))
    return file


@test
def recorded_plans_are_read_and_judged():
    model = COREML / "immediate_only_ios16.mlpackage"
    d = planned(0, "-m", model, "--from", recording("ane.json"))
    expect(d["ops"][0]["device"] == "ane" and
           d["ops"][0]["evidence"] == "planned" and
           d["ops"][0]["cost_share"] == 1.0, d["ops"])
    expect(d["units"] == "CPU_AND_NE" and d["contract"]["met"], d)
    d = planned(1, "-m", model, "--from",
                recording("cpu.json", preferred="cpu", cost=None))
    expect("preferred" in d["ops"][0]["reason"], d["ops"])
    expect(not d["contract"]["met"], d["contract"])
    fails(4, "another package", args=["plan", "-m", model, "--from",
                                      recording("other.json", output="z")])
    fails(2, "packages", args=["plan", "-m", MEAN, "--from",
                               recording("mean.json")])
    fails(3, "nowhere", args=["plan", "-m", model, "--from",
                              TMP / "nowhere.json"])
