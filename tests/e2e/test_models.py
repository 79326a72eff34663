"""test_models.py - models, contracts, tokenizers, caches.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import resource
import struct
import subprocess
import time

from harness import (
    CLS, COMMAND, DATA, MEAN, TMP, Skip, copied, environment, expect, fails,
    jsonl, run, start, succeeds, test, texts)


# ---- Models ------------------------------------------------------------------

@test
def missing_model_is_not_found():
    fails(2, "-m MODEL", args=["embed", "x"])
    fails(3, "nowhere", args=["embed", "-m", TMP / "nowhere", "x"])
    r = run("embed", "--json", "-m", TMP / "nowhere", "x")
    expect(r.json()["error"]["status"] == "ANM_E_NOTFOUND", r.out)


@test
def folder_without_weights_or_tokenizer_names_what_is_missing():
    folder = copied("no-weights")
    (folder / "model.safetensors").unlink()
    fails(3, "model.safetensors", args=["embed", "-m", folder, "x"])
    folder = copied("no-tokenizer")
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink()
    fails(3, "tokenizer", args=["embed", "-m", folder, "x"])
    folder = copied("no-config")
    (folder / "config.json").unlink()
    fails(3, "config.json", args=["embed", "-m", folder, "x"])


@test
def broken_part_of_a_folder_is_never_taken_for_absent():
    for name in ("config.json", "modules.json", "1_Pooling/config.json",
                 "sentence_bert_config.json", "tokenizer.json",
                 "tokenizer_config.json", "model.safetensors",
                 "config_sentence_transformers.json"):
        folder = copied("broken-" + name.replace("/", "-"))
        file = folder / name
        for kind, make in (("a link", lambda: file.symlink_to("nowhere")),
                           ("a pipe", lambda: os.mkfifo(file)),
                           ("a folder", file.mkdir)):
            file.unlink()
            make()
            fails(3, name, kind.split()[1], args=["embed", "-m", folder, "x"])


def edited(name, file, change, model=MEAN):
    folder = copied(name, model)
    document = json.loads((folder / file).read_text())
    change(document)
    (folder / file).write_text(json.dumps(document))
    return folder


@test
def unknown_architecture_is_named():
    folder = edited("gpt", "config.json", lambda d: d.update(
        model_type="gizmo", architectures=["GizmoModel"]))
    fails(4, "izmo", args=["embed", "-m", folder, "x"])


@test
def config_and_tensors_that_disagree_are_refused():
    folder = edited("wide", "config.json", lambda d: d.update(hidden_size=96))
    fails(4, "96", args=["embed", "-m", folder, "x"])
    folder = edited("deep", "config.json",
                    lambda d: d.update(num_hidden_layers=4))
    fails(4, args=["embed", "-m", folder, "x"])


@test
def damaged_weights_are_refused():
    folder = copied("damaged-weights")
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    for name, data in (("truncated", whole[:len(whole) // 2]),
                       ("empty", b""),
                       ("header of 2^63 bytes",
                        struct.pack("<Q", 1 << 63) + whole[8:]),
                       ("header that is no JSON",
                        whole[:8] + b"x" * 100 + whole[108:])):
        file.write_bytes(data)
        r = run("embed", "-m", folder, "x")
        expect(r.code == 4 and len(r.err.splitlines()) == 1 and not r.out,
               f"{name}: {r.code} {r.err}")


@test
def weights_that_give_no_vector_name_the_model():
    folder = copied("nan-weights")
    file = folder / "model.safetensors"
    data = bytearray(file.read_bytes())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    at = header["encoder.layer.1.output.dense.bias"]["data_offsets"][0]
    data[start + at:start + at + 4] = struct.pack("<f", float("nan"))
    file.write_bytes(data)
    fails(5, f"{folder}: golden text", "nan", args=["embed", "-m", folder, "x"])


@test
def unknown_tokenizer_part_is_named():
    folder = edited("odd-tokenizer", "tokenizer.json",
                    lambda d: d.update(pre_tokenizer={"type": "Gizmo"}))
    fails(4, "Gizmo", args=["embed", "-m", folder, "x"])


@test
def vocabulary_without_special_tokens_is_refused():
    def change(d):
        d["model"]["vocab"].pop("[UNK]", None)
        d["added_tokens"] = [t for t in d["added_tokens"]
                             if t["content"] != "[UNK]"]
    folder = edited("no-unknown", "tokenizer.json", change)
    fails(4, "[UNK]", args=["embed", "-m", folder, "x"])


@test
def long_names_are_cut_between_characters():
    prompt = "é" * 50
    folder = edited("xä" + "ä" * 120, "config_sentence_transformers.json",
                    lambda d: d.update(prompts={prompt: "find: "},
                                       default_prompt_name=prompt))
    cache = TMP / ("y" + "ö" * 100) / ("ö" * 120) / ("ö" * 120)
    receipt = succeeds("embed", "-m", folder, "--cache-dir", cache, "--json",
                       "tea").json()["receipt"]
    expect(receipt["model"]["name"] == folder.name[:64], str(receipt["model"]))
    expect(receipt["input"]["prompt"] == prompt[:31], str(receipt["input"]))
    expect(str(cache).startswith(receipt["artifact"]["path"]) and
           receipt["artifact"]["path"][-1] == "ö", str(receipt["artifact"]))


@test
def demo_ends_where_the_model_cannot_be_fetched():
    tools = DATA.parent.parent / "tools"
    stubs = TMP / "stubs"
    stubs.mkdir()
    (stubs / "python3").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    (stubs / "python3").chmod(0o755)
    path = f"{stubs}:{os.environ['PATH']}"
    p = subprocess.run([tools / "demo"], capture_output=True, text=True,
                       env=environment(PATH=path,
                                       XDG_CACHE_HOME=str(TMP / "no-model")))
    expect(p.returncode == 1 and "no network" in p.stderr, p.stderr)
    expect("anemone_demo" not in p.stderr, p.stderr)
    expect(not list((TMP / "no-model/anemone/models").iterdir()), "left over")


# ---- Contract ----------------------------------------------------------------

@test
def permitted_devices_that_are_not_there_refuse_to_start():
    for units, device in (("CPU_AND_NE", "ane"), ("CPU_AND_GPU", "gpu")):
        fails(5, device, "--allow-fallback cpu",
              args=["embed", "-m", MEAN, "--units", units, "x"])


@test
def refused_start_writes_no_line_of_a_conversation():
    r = run("embed", "-m", MEAN, "--units", "CPU_AND_NE", "--jsonl", "-",
            stdin=jsonl({"text": "a"}))
    expect(r.code == 5 and r.out == "", r.out)


@test
def written_fallback_runs_and_says_so():
    d = succeeds("embed", "-m", MEAN, "--units", "CPU_AND_NE",
                 "--allow-fallback", "cpu", "--json", "x").json()
    contract = d["receipt"]["contract"]
    expect(contract["fallback"] and contract["reason"], str(contract))


@test
def requirement_none_permits_without_requiring():
    d = succeeds("embed", "-m", MEAN, "--units", "CPU_AND_NE", "--require",
                 "none", "--json", "x").json()
    expect(d["receipt"]["where"]["device"] == "cpu", "device")
    fails(5, "gpu", args=["embed", "-m", MEAN, "--require", "gpu:0.1", "x"])


@test
def words_beyond_the_table_are_refused_wherever_a_text_holds_them():
    def add(word):
        def change(tokenizer):
            tokenizer["added_tokens"].append({
                "id": 800, "content": word, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False,
                "special": False})
        return change
    folder = edited("beyond", "tokenizer.json", add("@@"))
    succeeds("embed", "-m", folder, "sand")
    fails(8, "800", args=["embed", "-m", folder, "sand @@"])
    # The text that proves a model has an é.
    folder = edited("beyond-golden", "tokenizer.json", add("\u00e9"))
    fails(8, "800", args=["embed", "-m", folder, "sand"])


@test
def rounded_weights_are_measured_and_never_mixed_with_others():
    rounded = ["-m", MEAN, "--precision", "bf16"]
    d = succeeds("plan", *rounded, "--json").json()
    expect(d["precision"] == "bf16", d["precision"])
    f = d["fidelity"]
    expect(0.999 <= f["cosine_least"] <= f["cosine_p50"] <= 1, f)
    out = succeeds("plan", *rounded).out
    expect(f"at least {f['cosine_least']:.5f}" in out, out)
    expect("fidelity" not in succeeds("plan", "-m", MEAN, "--json").json(),
           "nothing is rounded by default")
    store = ["-s", TMP / "rounded.db", "-c", "notes"]
    succeeds("add", *store, "-m", MEAN, "a", "sand and sea")
    fails(6, "fingerprint", args=["add", *store, *rounded, "b", "sea"])
    # 48 numbers in a row are no blocks of 32.
    fails(4, "precision int8 would reach",
          args=["plan", "-m", MEAN, "--precision", "int8"])


@test
def plan_exits_with_1_when_the_contract_would_not_be_met():
    d = succeeds("plan", "-m", MEAN, "--units", "CPU_ONLY", "--json").json()
    expect(d["anemone_plan"] == 1 and d["contract"]["met"], "contract")
    expect(abs(sum(o["cost_share"] for o in d["ops"]) - 1) < 1e-6, "shares")
    for more in ([], ["--json"]):
        r = run("plan", MEAN, "--units", "CPU_AND_NE", *more)
        expect(r.code == 1 and r.out and not r.err, f"{r.code} {r.err}")


@test
def inspect_tells_what_a_model_is():
    d = succeeds("inspect", MEAN, "--json").json()
    for key, value in (("anemone_inspect", 1), ("format", "hf"),
                       ("architecture", "bert"), ("dim", 48),
                       ("max_tokens", 64)):
        expect(d[key] == value, f"{key}: {d[key]}")
    expect(d["recipe"]["pooling"] == "mean", "pooling")
    out = succeeds("inspect", "-m", CLS, "--tensors", "--ops").out
    expect("position_ids" in out and "roofline" in out, out)
    expect(succeeds("inspect", MEAN, "--strict").code == 0, "strict")
    fails(3, "nowhere", args=["inspect", TMP / "nowhere"])
    fails(2, "MODEL", args=["inspect", MEAN, CLS])


# ---- Tokenize ----------------------------------------------------------------

@test
def tokenize_gives_the_original_ids():
    for model in (MEAN, CLS):
        golden = [json.loads(l) for l in
                  (model / "golden" / "ids.jsonl").read_text().splitlines()]
        rows = texts(len(golden))
        got = succeeds("tokenize", "-m", model, "--jsonl", "-",
                       stdin=jsonl(*rows)).lines()
        expect(len(got) == len(golden), "lines")
        for g, want in zip(got, golden):
            expect(g["ids"] == want["ids"], f"{model.name} {g['id']}")


@test
def tokenize_needs_no_weights():
    r = succeeds("tokenize", "--tokenizer", MEAN / "tokenizer.json",
                 "--pieces", "the tea", "")
    lines = r.out.splitlines()
    expect(len(lines) == 2 and "[CLS]" in lines[0] and "\t" in lines[0], r.out)
    bare = succeeds("tokenize", "--tokenizer", MEAN / "tokenizer.json",
                    "--no-special", "--json", "--pieces", "the tea").json()
    item = bare["items"][0]
    expect("[CLS]" not in item["pieces"], str(item))
    expect(len(item["pieces"]) == len(item["ids"]), "pieces")


@test
def tokenize_obeys_the_same_rules_of_input():
    fails(2, "tokenizer", args=["tokenize", "x"])
    fails(2, "no text", args=["tokenize", "-m", MEAN])
    fails(2, "UTF-8", args=["tokenize", "-m", MEAN, b"caf\xe9"])
    fails(3, "nowhere", args=["tokenize", "-m", TMP / "nowhere", "x"])
    r = fails(4, "line 2", args=["tokenize", "-m", MEAN, "--jsonl", "-"],
              stdin=jsonl({"text": "a"}) + "nonsense\n")
    expect(len(r.lines()) == 1, "the good line is missing")
    r = run("tokenize", "-m", MEAN, "--jsonl", "-", "--on-error", "skip",
            stdin="nonsense\n" + jsonl({"text": "a"}))
    expect(r.code == 4 and len(r.lines()) == 1, f"{r.code} {r.out}")


@test
def tokenize_skips_a_line_that_is_over_a_limit():
    rules = json.loads((DATA / "tiny-qwen3" / "tokenizer.json").read_text())
    split = rules["pre_tokenizer"]["pretokenizers"][0]
    split["pattern"]["Regex"] = "(?:a|ab|b)*c|[^c]"  # needs a stack
    file = TMP / "deep.json"
    file.write_text(json.dumps(rules))
    lines = jsonl({"text": "x"}, {"text": "ab" * 400000}, {"text": "y"})
    tokenize = ["tokenize", "--tokenizer", file, "--jsonl", "-"]
    r = fails(8, "line 2: text of 800000 bytes", args=tokenize, stdin=lines)
    expect([x["text"] for x in r.lines()] == ["x"], r.out[:200])
    r = run(*tokenize, "--on-error", "skip", stdin=lines)
    expect(r.code == 4 and "line 2" in r.err, f"{r.code} {r.err}")
    expect([x["text"] for x in r.lines()] == ["x", "y"], r.out[:200])


# ---- Cache -------------------------------------------------------------------

def artifacts(cache):
    return sorted((cache / "artifacts").glob("*.anm"))


def artifact_state(cache, *more):
    return succeeds("embed", "-m", MEAN, "--cache-dir", cache, "--json", "-q",
                    *more, "x").json()["receipt"]["artifact"]["state"]


@test
def artifact_is_built_once_and_found_again():
    cache = TMP / "once"
    expect(artifact_state(cache) == "built", "first")
    expect(artifact_state(cache) == "hit", "second")
    d = succeeds("cache", "ls", "--cache-dir", cache, "--json").json()
    expect(len(d["artifacts"]) == 1 and d["artifacts"][0]["bytes"] > 0, str(d))
    expect("1 prepared model" in succeeds("cache", "ls", "--cache-dir",
                                          cache).out, "people")


@test
def cache_without_a_folder_is_empty():
    d = succeeds("cache", "ls", "--cache-dir", TMP / "none", "--json").json()
    expect(d["artifacts"] == [], str(d))
    expect(not (TMP / "none").exists(), "looking made the folder")
    file = TMP / "no-folder"
    file.write_text("")
    for what in ("ls", "verify", "prune"):
        fails(3, "a file, a folder expected",
              args=["cache", what, "--cache-dir", file])


@test
def damaged_artifact_is_found_and_rebuilt():
    cache = TMP / "damage"
    before = succeeds("embed", "-m", MEAN, "--cache-dir", cache, "--json",
                      "x").json()["items"]
    expect(succeeds("cache", "verify", "--cache-dir", cache).code == 0, "sound")
    file = artifacts(cache)[0]
    data = bytearray(file.read_bytes())
    for name, damaged in (("flipped", None), ("truncated", data[:100]),
                          ("foreign", b"not an artifact"), ("empty", b"")):
        if damaged is None:
            damaged = bytearray(data)
            damaged[len(data) // 2] ^= 1
        file.write_bytes(damaged)
        r = run("cache", "verify", "--cache-dir", cache)
        expect(r.code == 1, f"{name}: verify exits with {r.code}")
        d = succeeds("embed", "-m", MEAN, "--cache-dir", cache, "-q", "--json",
                     "x").json()
        expect(d["receipt"]["artifact"]["state"] == "rebuilt",
               f"{name}: {d['receipt']['artifact']}")
        expect(d["items"] == before, f"{name}: other vectors")
        expect(artifact_state(cache) == "hit", f"{name}: not kept")


@test
def prune_removes_what_is_unused_and_nothing_else():
    cache = TMP / "prune"
    artifact_state(cache)
    foreign = cache / "artifacts" / "notes.txt"
    foreign.write_text("mine")
    succeeds("cache", "prune", "--cache-dir", cache, "--unused-days", "3")
    expect(len(artifacts(cache)) == 1, "a used one was removed")
    old = time.time() - 40 * 86400
    for file in (cache / "artifacts").iterdir():
        os.utime(file, (old, old))
    d = succeeds("cache", "prune", "--cache-dir", cache, "--json").json()
    expect(len(d["removed"]) == 1 and not artifacts(cache), str(d))
    expect(foreign.read_text() == "mine", "a foreign file was touched")
    fails(2, "ls, verify, prune", args=["cache", "clean"])
    fails(2, "ls, verify, prune", args=["cache"])


@test
def prune_goes_on_behind_what_it_cannot_remove():
    cache = TMP / "prune-on"
    artifact_state(cache)
    artifact_state(cache, "--cpu", "scalar")
    first, second = artifacts(cache)
    first.unlink()
    first.mkdir()
    (first / "mine").write_text("")
    fails(3, first.name, "1 others", args=["cache", "prune", "--cache-dir",
                                           cache, "--unused-days", "0"])
    expect((first / "mine").exists() and not second.exists(), "not pruned")


@test
def relative_home_is_no_place_for_a_cache():
    work = TMP / "relative-home"
    work.mkdir()
    env = {k: v for k, v in environment(HOME="home").items()
           if not k.startswith("XDG_")}
    p = subprocess.run([COMMAND, "embed", "-m", MEAN, "x"], env=env, cwd=work,
                       capture_output=True)
    expect(p.returncode == 0 and b"HOME" in p.stderr, str(p.stderr))
    expect(not list(work.iterdir()), "the current folder was written to")


@test
def cache_that_cannot_be_written_is_one_warning():
    file = TMP / "a-file"
    file.write_text("")
    r = succeeds("embed", "-m", MEAN, "--cache-dir", file / "x", "--json", "x")
    expect(r.json()["receipt"]["artifact"]["state"] == "memory", "state")
    expect(len(r.err.splitlines()) == 1 and "warning" in r.err, r.err)


@test
def cache_that_is_read_only_is_one_warning():
    more = {}
    if os.geteuid() == 0:  # root may write everywhere
        more = {"user": 65534, "group": 65534, "extra_groups": []}
        TMP.chmod(0o755)
        try:
            reads = subprocess.run([COMMAND, "inspect", MEAN],
                                   capture_output=True, env=environment(),
                                   **more).returncode == 0
        except PermissionError:
            reads = False
        if not reads:
            raise Skip("an ordinary user cannot read this checkout")
    cache = TMP / "read-only"
    cache.mkdir()
    cache.chmod(0o555)
    r = succeeds("embed", "-m", MEAN, "--cache-dir", cache, "--json", "x",
                 **more)
    expect(r.json()["receipt"]["artifact"]["state"] == "memory", "state")
    expect(len(r.err.splitlines()) == 1 and "warning" in r.err, r.err)
    expect(not list(cache.iterdir()), "something was written")


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


@test
def disk_that_fills_up_leaves_nothing_half_written():
    cache = TMP / "full-disk"
    r = succeeds("embed", "-m", MEAN, "--cache-dir", cache, "--json", "x",
                 preexec_fn=limit_files)
    expect(r.json()["receipt"]["artifact"]["state"] == "memory", "state")
    expect("warning" in r.err, r.err)
    expect(not artifacts(cache), "half an artifact")
    expect(artifact_state(cache) == "built", "afterwards")


def lose_the_current_folder():
    folder = TMP / "lost"
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()


@test
def store_that_cannot_be_opened_says_what_the_system_said():
    fails(3, "store here.db", "No such file or directory",
          args=["add", "-m", MEAN, "-s", "here.db", "-c", "c", "k", "t"],
          preexec_fn=lose_the_current_folder)


@test
def cache_can_be_switched_off():
    r = succeeds("embed", "-m", MEAN, "--cache-dir", "", "--json", "x")
    expect(r.json()["receipt"]["artifact"]["state"] == "memory", "state")
    expect(r.err == "", r.err)


@test
def processes_that_build_at_once_build_one():
    cache = TMP / "at-once"
    running = [start("embed", "-m", MEAN, "--cache-dir", cache, "--json", "x")
               for _ in range(4)]
    documents = [json.loads(p.communicate(timeout=120)[0]) for p in running]
    expect(all(p.returncode == 0 for p in running), "exit")
    states = sorted(d["receipt"]["artifact"]["state"] for d in documents)
    expect(states == ["built", "hit", "hit", "hit"], str(states))
    expect(all(d["items"] == documents[0]["items"] for d in documents), "items")
    expect(len(artifacts(cache)) == 1, "artifacts")


@test
def one_folder_of_a_user_is_never_written_to():
    before = sorted(p.name for p in MEAN.rglob("*"))
    work = TMP / "work"
    work.mkdir()
    succeeds("embed", "-m", MEAN, "x", cwd=work)
    expect(not list(work.iterdir()), "the current folder was written to")
    expect(before == sorted(p.name for p in MEAN.rglob("*")), "the model was")
