"""test_packages.py - Core ML packages looked at: inspect and its lint.

SPDX-License-Identifier: Apache-2.0
"""
import json
import shutil

from harness import DATA, TMP, expect, fails, run, succeeds, test
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


@test
def damaged_packages_are_format_errors():
    folder = TMP / "cut.mlpackage"
    shutil.copytree(COREML / "immediate_only_ios16.mlpackage", folder)
    model = folder / "Data/com.apple.CoreML/model.mlmodel"
    model.write_bytes(model.read_bytes()[:-1])
    fails(4, "model.mlmodel", args=["inspect", "-m", folder])
