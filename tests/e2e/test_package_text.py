"""test_package_text.py - Core ML packages that run: raw arrays through
`predict`, and text in, vector out.

SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import pathlib
import shutil
import tarfile

from harness import DATA, TMP, Skip, expect, fails, run, succeeds, test

COREML = DATA / "coreml"
SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared/data/coreml"
BERT, QWEN = COREML / "bert-tokenizer.json", COREML / "qwen-tokenizer.json"
QUESTION = "what are my Q2 goals?"


def packed():
    folder = TMP / "packed"
    if not folder.exists():
        with tarfile.open(COREML / "packages.tar.gz") as archive:
            archive.extractall(folder)
    return folder


def package(name):
    return packed() / f"{name}.mlpackage"


def reference(name):
    return json.loads((packed() / f"{name}.ref.json").read_text())


def predict(path, cases, *more):
    r = run("predict", path, "--inputs", "-", *more,
            stdin=json.dumps({"cases": cases}))
    expect(r.code == 0, f"exit {r.code}: {r.err.strip()[-300:]}")
    return r.json()["cases"]


def number(x):
    return float(x)


def close(got, want):
    tolerance = want["tolerance"]
    for g, w in zip(map(number, got["values"]), map(number, want["values"])):
        if g == w or (math.isnan(g) and math.isnan(w)):
            continue
        if abs(g - w) > tolerance["abs"] + tolerance["rel"] * abs(w):
            return False
    return got["shape"] == want["shape"] and got["dtype"] == want["dtype"]


def compare(path, ref):
    got = predict(path, ref["cases"])
    expect(len(got) == len(ref["cases"]), len(got))
    for one, want in zip(got, ref["cases"]):
        outputs = {o["name"]: o for o in one["outputs"]}
        for o in want["outputs"]:
            expect(close(outputs[o["name"]], o), f"{path}: {o['name']}")


@test
def predict_gives_the_references():
    for name in ("bert_c_pal2", "op_select_ios17", "op_cast_ios15",
                 "state_running_mean_ios18", "op_dead_code_ios15"):
        compare(package(name), reference(name))


@test
def predict_reads_a_file_and_keeps_labels():
    ref = reference("op_binary_int_ios15")
    case = dict(ref["cases"][0], label="first é", other=[1, 2])
    path = TMP / "cases.json"
    path.write_text(json.dumps({"cases": [case], "more": 1}))
    got = succeeds("predict", "--inputs", path, "-m",
                   package("op_binary_int_ios15")).json()
    expect(got["cases"][0]["label"] == "first é", got)
    expect(succeeds("predict", "-m", package("op_binary_int_ios15"),
                    "--inputs", path, "--json").json() == got, "--json")


@test
def cases_share_states_unless_they_reset():
    case = reference("state_running_mean_ios18")["cases"][0]
    path = package("state_running_mean_ios18")
    first, second, third = predict(path, [
        dict(case, reset_state=True), dict(case, reset_state=False),
        dict(case, reset_state=True)])
    values = [c["outputs"][0]["values"] for c in (first, second, third)]
    expect(values[0] == values[2], "a reset state is as at first")
    expect(values[0] != values[1], "a kept one is not")


@test
def bad_inputs_are_named_with_what_was_expected():
    path = package("op_binary_int_ios15")
    good = reference("op_binary_int_ios15")["cases"][0]["inputs"]
    x = dict(good[0])

    def refused(inputs, *words, **case):
        text = json.dumps({"cases": [dict(case, label="odd", inputs=inputs)]})
        fails(4, "case 0 'odd'", *words,
              args=("predict", path, "--inputs", "-"), stdin=text)

    refused(good[:1], "input y: missing", "x INT32 [1, 8]")
    refused(good + [good[0]], "input x: given twice")
    refused(good + [dict(x, name="z")], "input z: there is none")
    refused([dict(x, dtype="FLOAT32"), good[1]],
            "input x: expected INT32 [1, 8], found FLOAT32 [1, 8]")
    refused([dict(x, shape=[2, 4]), good[1]],
            "expected INT32 [1, 8], found INT32 [2, 4]")
    refused([dict(x, values=[1]), good[1]], "8 elements", "values are 1")
    refused([dict(x, values=[0.5] * 8), good[1]], "value 0 is 0.5")
    fails(3, "no function loop; there are: main",
          args=("predict", path, "--inputs", "-", "--function", "loop"),
          stdin=json.dumps({"cases": [{"inputs": good}]}))
    fails(4, "line 1", args=("predict", path, "--inputs", "-"), stdin="{")
    fails(4, '"cases"', args=("predict", path, "--inputs", "-"), stdin="{}")
    fails(3, "nothing.json",
          args=("predict", path, "--inputs", TMP / "nothing.json"))
    fails(2, "--inputs", args=("predict", path))
    r = run("predict", path, "--inputs", "-", "--json", stdin="{}")
    expect(r.json()["error"]["status"] == "ANM_E_FORMAT", r.out)


@test
def what_cannot_run_is_refused_by_name():
    fails(4, "while_loop", args=("predict", package("refuse_while_ios15"),
                                 "--inputs", "-"), stdin='{"cases":[]}')


@test
def other_models_are_a_function_of_ids():
    folder = DATA / "tiny-bert-mean"
    d = succeeds("embed", "-m", folder, "--json", "--ids", QUESTION).json()
    ids = d["items"][0]["ids"]
    case = {"inputs": [
        {"name": "ids", "dtype": "INT32", "shape": [1, len(ids) + 2],
         "values": ids + [0, 0]},
        {"name": "mask", "dtype": "INT32", "shape": [1, len(ids) + 2],
         "values": [1] * len(ids) + [0, 0]}]}
    got = predict(folder, [case])[0]["outputs"][0]
    expect(got["name"] == "vector" and got["shape"][0] == 1, got)
    expect(got["values"] == d["items"][0]["vector"], "vectors differ")
    fails(4, "input ids: missing", args=("predict", folder, "--inputs", "-"),
          stdin=json.dumps({"cases": [{"inputs": case["inputs"][1:]}]}))
    real = dict(case["inputs"][0], dtype="FLOAT32")
    fails(4, "input ids: expected INT32", "FLOAT32",
          args=("predict", folder, "--inputs", "-"),
          stdin=json.dumps({"cases": [{"inputs": [real]}]}))


def vector(*arguments):
    d = succeeds("embed", *arguments, "--json", "--receipt").json()
    return d["items"][0]["vector"], d["receipt"], d["items"][0]


@test
def a_text_is_what_its_padded_ids_are():
    path = package("bert_c_pal2")
    ids = [int(i) for i in succeeds("tokenize", "--tokenizer", BERT,
                                    QUESTION).out.split()]
    v, receipt, item = vector("-m", path, "--tokenizer", BERT, QUESTION)
    pad = 32 - len(ids)
    case = {"inputs": [
        {"name": "input_ids", "dtype": "INT32", "shape": [1, 32],
         "values": ids + [0] * pad},
        {"name": "attention_mask", "dtype": "INT32", "shape": [1, 32],
         "values": [1] * len(ids) + [0] * pad}]}
    raw = predict(path, [case])[0]["outputs"][0]["values"]
    expect(max(abs(a - b) for a, b in zip(v, raw)) < 1e-6, "vectors differ")
    expect(receipt["input"]["bucket"] == 32, receipt["input"])
    expect(receipt["input"]["tokens"] == len(ids), receipt["input"])
    expect(receipt["where"]["device"] == "cpu", receipt["where"])
    expect(receipt["model"]["architecture"] == "mlprogram", receipt["model"])


@test
def longer_texts_are_cut_and_counted():
    _, receipt, item = vector("-m", package("bert_c_pal2"), "--tokenizer",
                              BERT, "word " * 60)
    expect(item["tokens"] == 32 and item["truncated"] > 0, item)
    expect(receipt["input"]["truncated"] == item["truncated"], receipt)
    fails(2, "33", args=("embed", "-m", package("bert_c_pal2"), "--tokenizer",
                         BERT, "--max-tokens", "33", "x"))


@test
def a_tokenizer_lies_inside_beside_or_nowhere():
    folder = TMP / "placed"
    folder.mkdir()
    path = folder / "model.mlpackage"
    shutil.copytree(package("bert_c_pal2"), path)
    fails(3, "--tokenizer", "tokenizer.json", args=("embed", "-m", path, "x"))
    given, _, _ = vector("-m", path, "--tokenizer", BERT, QUESTION)
    shutil.copy(BERT, folder / "tokenizer.json")
    expect(vector("-m", path, QUESTION)[0] == given, "beside")
    (folder / "tokenizer.json").rename(path / "tokenizer.json")
    expect(vector("-m", path, QUESTION)[0] == given, "inside")
    expect(succeeds("tokenize", "-m", path, QUESTION).out ==
           succeeds("tokenize", "--tokenizer", BERT, QUESTION).out, "ids")
    r = run("embed", "-m", "model.mlpackage", QUESTION, "--json", cwd=path.parent)
    expect(r.code == 0, r.err)


@test
def every_verb_takes_a_package():
    path = package("bert_c_pal2")
    model = ("-m", path, "--tokenizer", BERT)
    store = TMP / "package.db"
    succeeds("add", *model, "-s", store, "-c", "notes", "a", "a red fox")
    succeeds("add", *model, "-s", store, "-c", "notes", "b", "goals of Q2")
    found = succeeds("search", *model, "-s", store, "--json", QUESTION).json()
    expect(len(found["results"]) == 2, found)
    fails(6, "fingerprint", args=(
        "add", "-m", DATA / "tiny-bert-mean", "-s", store, "-c", "notes", "c",
        "x"))
    plan = succeeds("plan", *model, "--json").json()
    expect(plan["contract"]["met"], plan["contract"])
    rows = succeeds("bench", *model, "--tokens", "32", "--json").json()["rows"]
    expect(rows[0]["tokens"] == 32, rows)
    text = succeeds("inspect", *model, "--json").json()
    recipe = text["recipe"]
    expect(recipe["inputs"] == {"ids": "input_ids", "mask": "attention_mask"},
           recipe)
    expect(recipe["output"] == "embedding" and recipe["lengths"] == [32] and
           recipe["padding"] == "right" and recipe["pooling"] == "none" and
           recipe["normalized_by"] == "package", recipe)
    expect(text["runnable"]["text"], text["runnable"])
    rows = [json.loads(l) for l in run(
        "embed", *model, "--jsonl=-", stdin='{"text":"a"}\n{"text":"b c"}\n'
    ).out.splitlines()]
    expect([len(r["vector"]) for r in rows] == [64, 64], len(rows))


@test
def what_leaves_no_choice_is_refused():
    model = ("embed", "-m", package("bert_c_pal2"), "--tokenizer", BERT, "x")
    fails(2, "nothing to pool", args=(*model, "--pooling", "mean"))
    fails(2, "cannot be undone", args=(*model, "--normalize", "no"))
    fails(2, "embedding FLOAT16 [1, 64]", args=(*model, "--output-name", "y"))
    fails(3, "function other", args=(*model, "--function", "other"))
    fails(2, "padding", args=(*model, "--padding", "up"))
    fails(4, "no input takes token ids", "predict",
          args=("embed", "-m", COREML / "immediate_only_ios16.mlpackage",
                "--tokenizer", BERT, "x"))


def under_each_unit(path, tokenizer):
    model = ("-m", path, "--tokenizer", tokenizer)
    vectors = []
    for units, require in (("ALL", "none"), ("CPU_ONLY", "cpu:1")):
        v, receipt, _ = vector(*model, "--units", units, QUESTION)
        expect(receipt["units"] == units, receipt["units"])
        expect(receipt["contract"]["require"] == require and
               receipt["contract"]["met"], receipt["contract"])
        expect(receipt["where"]["device"] == "cpu" and
               receipt["where"]["evidence"] == "observed" and
               set(receipt["where"]["excluded"]) == {"gpu", "ane"},
               receipt["where"])
        expect(receipt["input"]["bucket"] == 32, receipt["input"])
        vectors.append(v)
    for units, device in (("CPU_AND_NE", "ane"), ("CPU_AND_GPU", "gpu")):
        fails(5, f"require {device}:0.5", f"{device} is not present",
              "present: cpu", "--allow-fallback cpu",
              args=("embed", *model, "--units", units, QUESTION))
        v, receipt, _ = vector(*model, "--units", units, "--allow-fallback",
                               "cpu", QUESTION)
        expect(receipt["contract"]["fallback"] and
               not receipt["contract"]["met"], receipt["contract"])
        vectors.append(v)
    expect(all(v == vectors[0] for v in vectors), "vectors differ")
    expect(abs(sum(x * x for x in vectors[0]) - 1) < 1e-3, "no unit length")


@test
def contracts_of_packages_are_those_of_units():
    under_each_unit(package("qwen_c_pal2"), QWEN)


@test
def the_missions_package_answers_under_each_unit():
    path = SHARED / "qwen_mean4_fp16_default.mlpackage"
    if not path.exists():
        raise Skip("there is no ../shared/data/coreml")
    under_each_unit(path, QWEN)


@test
def padding_on_the_left_says_what_it_spoils():
    fails(5, "nan", "--padding right", args=(
        "embed", "-m", package("qwen_c_pal2"), "--tokenizer", QWEN,
        "--padding", "left", QUESTION))
