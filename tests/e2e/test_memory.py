"""test_memory.py - the memory: add, search, get, rm and the upkeep of a store.

SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import time

from harness import (
    CLS, COMMAND, MEAN, TMP, Skip, environment, expect, fails, is_near, jsonl,
    read_line, run, start, succeeds, test, texts)

ITEMS = [
    {"key": "tea", "text": "where has the kettle gone, and who drank the tea",
     "meta": {"year": 2024, "tags": {"kind": "drink"}, "done": False}},
    {"key": "train", "text": "the train leaves at seven",
     "meta": {"year": 2023, "done": True}},
    {"key": "empty", "text": ""},
    {"key": "schlüssel", "text": "der Schlüssel liegt unter der Matte",
     "meta": {"year": 2024, "price": 1.50}},
]


def new_store(name):
    """A store that does not exist yet."""
    path = TMP / f"{name}.db"
    for left in TMP.glob(f"{name}.db*"):
        left.unlink()
    return path


def write_lines(name, items):
    file = TMP / name
    file.write_text(jsonl(*items))
    return file


def filled(name, collection="notes", items=ITEMS):
    store = new_store(name)
    file = write_lines(f"{name}.jsonl", items)
    succeeds("add", "-s", store, "-m", MEAN, "-c", collection, "--jsonl", file)
    return store


def export(store, collection="notes", *more):
    return succeeds("get", "-s", store, "-c", collection, "--all", "--jsonl",
                    *more).lines()


def is_sound(store):
    got = succeeds("check", "-s", store, "--json").json()
    expect(got == {"ok": True, "problems": []}, str(got))


def many(n, word="line"):
    return [{"key": f"k{i}", "text": f"{word} {i}"} for i in range(n)]


# ---- Add ---------------------------------------------------------------------

@test
def add_counts_new_updated_and_unchanged():
    store = new_store("counts")
    common = ["add", "-s", store, "-m", MEAN, "-c", "notes", "--json"]
    file = write_lines("counts.jsonl", ITEMS)
    got = succeeds(*common, "--jsonl", file).json()
    expect(got == {"new": 4, "updated": 0, "unchanged": 0, "truncated": 0,
                   "skipped": 0, "collection": "notes"}, str(got))
    changed = [dict(ITEMS[0], text="a new text"),
               dict(ITEMS[1], meta={"year": 1999}), ITEMS[2], ITEMS[3]]
    file = write_lines("counts.jsonl", changed + [{"key": "5", "text": "five"}])
    got = succeeds(*common, "--jsonl", file).json()
    expect((got["new"], got["updated"], got["unchanged"]) == (1, 2, 2),
           str(got))


@test
def add_takes_one_item_from_arguments():
    store = new_store("one")
    r = succeeds("add", "-s", store, "-m", MEAN, "-c", "notes", "k", "a text",
                 "--meta", '{"year": 2024}')
    expect(r.out == "1 new, 0 updated, 0 unchanged in notes\n", r.out)
    item = succeeds("get", "-s", store, "-c", "notes", "k", "--json").json()
    expect(item["text"] == "a text" and item["meta"] == {"year": 2024},
           str(item))
    for meta in ("7", "{", '{"a":1,"a":2}'):
        fails(2, "meta", args=["add", "-s", store, "-c", "notes", "k", "t",
                               "--meta", meta])
    fails(2, "UTF-8", args=["add", "-s", store, "-c", "notes", "k",
                            b"caf\xe9"])
    fails(2, "key", args=["add", "-s", store, "-c", "notes", "", "t"])


@test
def add_refuses_what_it_cannot_take():
    store = new_store("usage")
    common = ["add", "-s", store, "-m", MEAN]
    fails(2, "ANEMONE_COLLECTION", args=[*common, "k", "t"])
    fails(2, "KEY and TEXT", args=[*common, "-c", "notes", "k"])
    fails(2, "--jsonl", args=[*common, "-c", "notes", "--jsonl", "f", "k", "t"])
    fails(2, "--meta", args=[*common, "-c", "notes", "--jsonl", "-", "--meta",
                             "{}"])
    expect(not store.exists(), "a store was made by a usage error")
    fails(2, "collection", args=[*common, "-c", "a\nb", "k", "t"])


@test
def what_is_refused_leaves_no_store():
    folder = TMP / "never"
    store = folder / "sub" / "m.db"
    bad = write_lines("never.jsonl", [{"key": 1, "text": "x"}])
    deep = '{"a":' * 1900 + "1" + "}" * 1900
    common = ["add", "-m", MEAN, "-s", store]
    for code, more in (
            (2, ["-c", "a\nb", "k", "t"]), (2, ["-c", "", "k", "t"]),
            (2, ["-c", "n", "k", "t", "--meta", "[]"]),
            (2, ["-c", "n", "k", "t", "--meta", "{"]),
            (4, ["-c", "n", "k", "t", "--meta", deep]),
            (4, ["-c", "n", "k", "t", "--meta", r'{"a":"\u0000"}']),
            (2, ["-c", "n", "", "t"]), (3, ["-c", "n", "--index", "a"]),
            (3, ["-c", "n", "--jsonl", TMP / "absent.jsonl"]),
            (4, ["-c", "n", "--jsonl", bad]),
            (5, ["-c", "n", "k", "t", "--units", "CPU_AND_NE"])):
        fails(code, args=[*common, *more])
        expect(not folder.exists(), f"{more} left something")
    succeeds(*common, "-c", "n", "--jsonl", os.devnull)
    expect(not folder.exists(), "nothing left something")
    succeeds(*common, "-c", "n", "k", "t")
    is_sound(store)


@test
def add_without_a_model_uses_the_collections_own():
    store = filled("own")
    got = succeeds("add", "-s", store, "-c", "notes", "k", "more",
                   "--json").json()
    expect(got["new"] == 1, str(got))
    fails(3, "dreams", "no model", args=["add", "-s", store, "-c", "dreams",
                                         "k", "t"])
    missing = new_store("missing")
    fails(3, "missing.db", "-m", args=["add", "-s", missing, "-c", "notes",
                                       "k", "t"])
    expect(not missing.exists(), "a store was made without a model")


@test
def add_names_the_model_that_is_gone():
    model = TMP / "moving-model"
    shutil.copytree(MEAN, model)
    store = new_store("moved")
    succeeds("add", "-s", store, "-m", model, "-c", "notes", "k", "text")
    model.rename(TMP / "moved-model")
    fails(3, "moving-model", "sha256:", args=["search", "-s", store, "text"])
    succeeds("search", "-s", store, "-m", TMP / "moved-model", "text")
    succeeds("add", "-s", store, "-m", TMP / "moved-model", "-c", "notes", "l",
             "t")
    succeeds("search", "-s", store, "text")  # the hint moved along


@test
def other_fingerprint_is_exit_6_and_changes_nothing():
    store = filled("mismatch")
    before = export(store)
    for args in (["add", "-c", "notes", "k", "t"], ["search", "q"]):
        r = fails(6, "tiny-bert-mean", "tiny-bert-cls", "48", "64",
                  args=[*args, "-s", store, "-m", CLS])
        expect(r.err.count("sha256:") == 2, r.err)
    expect(export(store) == before, "something changed")
    succeeds("add", "-s", store, "-m", CLS, "-c", "other", "k", "t")
    fails(6, "notes", "other", args=["search", "-s", store, "q"])
    succeeds("search", "-s", store, "-c", "other", "q")


@test
def text_that_may_not_be_cut_is_refused_by_key_or_line():
    store = new_store("uncut")
    long = "a " * 200
    uncut = ["add", "-s", store, "-m", MEAN, "-c", "notes", "--no-truncate"]
    fails(8, "key roof", "202 tokens, at most 64", args=[*uncut, "roof", long])
    rows = [{"key": str(i), "text": t} for i, t in
            enumerate(["a", "b", long, "c", long, "d"])]
    file = write_lines("uncut.jsonl", rows)
    fails(8, "line 3: key 2", "202 tokens", "the 2 items before are stored",
          args=[*uncut, "--jsonl", file])
    r = run(*uncut, "--jsonl", file, "--on-error", "skip", "--json")
    expect(r.code == 4 and "line 5: key 4" in r.err, r.err)
    got = r.json()
    expect((got["new"], got["unchanged"], got["skipped"]) == (2, 2, 2), r.out)
    r = run(*uncut, "--jsonl", "-", "--on-error", "skip", stdin=jsonl(*rows))
    expect(r.code == 4 and [x["key"] for x in r.lines()] ==
           ["0", "1", "3", "5"], r.out)
    succeeds("add", "-s", store, "-c", "notes", "roof", long)
    fails(8, "202 tokens, at most 64",
          args=["search", "-s", store, "--no-truncate", long])
    expect("roof" in succeeds("search", "-s", store, long).out, "not found")


@test
def truncated_text_is_warned_of_with_key_and_count():
    store = new_store("truncated")
    file = write_lines("truncated.jsonl",
                       [{"key": "short", "text": "a"},
                        {"key": "long", "text": "kettle " * 100}])
    r = succeeds("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", file)
    warnings = [l for l in r.err.splitlines() if "warning" in l]
    expect(len(warnings) == 1 and "long" in warnings[0], r.err)
    expect(re.search(r"\d+ tokens", warnings[0]), warnings[0])
    expect("1 truncated" in r.out, r.out)
    file = write_lines("truncated.jsonl",
                       [{"key": str(i), "text": "tea " * 100}
                        for i in range(30)])
    r = succeeds("add", "-s", store, "-c", "notes", "--jsonl", file, "--json")
    expect(r.json()["truncated"] == 30, r.out)
    expect(r.err.count("warning") == 10, "every one of thirty is warned of")
    r = succeeds("add", "-s", store, "-c", "notes", "--jsonl", file, "-q")
    expect(r.err == "" and "30 unchanged" in r.out, r.err + r.out)


BAD_ITEMS = {
    "no JSON": b"nonsense",
    "no key": b'{"text":"a"}',
    "an empty key": b'{"key":"","text":"a"}',
    "a key that is a number": b'{"key":7,"text":"a"}',
    "a key that is too long": b'{"key":"' + b"k" * 1025 + b'","text":"a"}',
    "no text": b'{"key":"k"}',
    "metadata that is no object": b'{"key":"k","text":"a","meta":[1]}',
    "a name twice": b'{"key":"k","text":"a","meta":{"a":1,"a":2}}',
    "a NUL": b'{"key":"k","text":"a","meta":{"a":"\\u0000"}}',
    "a huge number": b'{"key":"k","text":"a","meta":{"a":' + b"9" * 30 + b"}}",
    "invalid UTF-8": b'{"key":"caf\xe9","text":"a"}',
    "over the limit": b'{"key":"k","text":"' + b"a" * (1 << 20) + b'"}',
}


@test
def bad_item_stops_after_the_good_ones_with_its_number():
    good = jsonl(*ITEMS[:2]).encode()
    for name, bad in BAD_ITEMS.items():
        store, file = new_store("bad"), TMP / "bad-items.jsonl"
        file.write_bytes(good + bad + b"\n" + jsonl(ITEMS[3]).encode())
        r = fails(4, "line 3", "2 items before",
                  args=["add", "-s", store, "-m", MEAN, "-c", "notes",
                        "--jsonl", file, "--json"])
        expect(r.json()["error"]["status"] == "ANM_E_FORMAT", name)
        expect(len(export(store)) == 2, f"{name}: stored")
    fails(4, "line 3", args=["add", "-s", store, "-c", "notes", "--jsonl", "-"],
          stdin=good + b"nonsense\n")


@test
def bad_items_can_be_skipped_and_are_counted():
    store, file = new_store("skipped"), TMP / "skipped-items.jsonl"
    file.write_bytes(b"".join(
        jsonl({"key": str(i), "text": "a"}).encode() + bad + b"\n"
        for i, bad in enumerate(BAD_ITEMS.values())))
    r = run("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", file,
            "--on-error", "skip", "--json")
    expect(r.code == 4, f"exit {r.code}")
    got = r.json()
    expect(got["new"] == got["skipped"] == len(BAD_ITEMS), str(got))
    expect(f"{len(BAD_ITEMS)} bad lines" in r.err, r.err[-200:])


def without_special_tokens():
    """A model that adds no tokens: nothing of an empty text is left."""
    model = TMP / "bare-model"
    if not model.exists():
        shutil.copytree(MEAN, model)
        file = model / "tokenizer.json"
        tokenizer = json.loads(file.read_text())
        tokenizer["post_processor"] = None
        file.write_text(json.dumps(tokenizer))
        # A BertTokenizer would bring its own.
        file = model / "tokenizer_config.json"
        config = json.loads(file.read_text())
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        file.write_text(json.dumps(config))
    return model


@test
def line_that_the_store_or_the_model_does_not_take_is_named():
    deep = '{"key":"d","text":"x","meta":' + '{"a":' * 1200 + "1" + "}" * 1201
    for bad, more in ((deep, "at most 1000"),
                      ('{"key":"e","text":""}', "no token")):
        lines = (jsonl(*ITEMS[:2]) + bad + "\n" + jsonl(ITEMS[3]))
        store, file = new_store("not-taken"), TMP / "not-taken.jsonl"
        file.write_text(lines)
        common = ["-m", without_special_tokens(), "--jsonl", file]
        fails(4, "line 3", "2 items before", more,
              args=["add", "-s", store, "-c", "notes", *common])
        expect(len(export(store)) == 2, "those before are stored")
        fails(4, "1 bad line", args=["add", "-s", store, "-c", "notes",
                                     "--on-error", "skip", *common])
        expect(len(export(store)) == 3, "those behind are stored")
        if "meta" in bad:
            continue
        r = fails(4, "line 3", more, args=["embed", *common])
        expect(len(r.lines()) == 2, "those before are answered")
        r = fails(4, "1 bad line", args=["embed", "--on-error", "skip",
                                         *common])
        expect(len(r.lines()) == 3, "those behind are answered")


@test
def metadata_comes_back_as_it_was_spelled():
    meta = '{"price":1.50,"big":9007199254740993,"n":{"a":[1,2,"x\\"}"]},"z":1e3}'
    line = '{ "meta" : %s , "key":"k","text":"a, \\"meta\\": {}"}\n' % meta
    store = new_store("spelled")
    succeeds("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", "-",
             stdin=line)
    out = succeeds("get", "-s", store, "-c", "notes", "k", "--jsonl").out
    expect(meta in out, out)


@test
def metadata_on_lines_of_its_own_is_exported_on_one():
    store = new_store("broken-lines")
    succeeds("add", "-s", store, "-m", MEAN, "-c", "notes", "k", "t", "--meta",
             '{\n  "a": "x\\ny",\r\n  "b": [1,\n 2]\n}\n')
    lines = succeeds("get", "-s", store, "-c", "notes", "--all",
                     "--jsonl").out.splitlines()
    expect(len(lines) == 1, str(lines))
    expect(json.loads(lines[0])["meta"] == {"a": "x\ny", "b": [1, 2]}, lines[0])
    succeeds("add", "-s", store, "-m", MEAN, "-c", "copy", "--jsonl", "-",
             stdin=lines[0] + "\n")
    expect(len(succeeds("search", "-s", store, "t",
                        "--json").out.splitlines()) == 1, "a document")


@test
def conversation_acknowledges_each_item_when_it_is_durable():
    store = new_store("conversation")
    p = start("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", "-")
    for text, result in (("one", "new"), ("one", "unchanged"),
                         ("two", "updated"), ("kettle " * 99, "updated")):
        p.stdin.write(jsonl({"key": "k", "text": text}).encode())
        p.stdin.flush()
        got = json.loads(read_line(p))
        expect((got["key"], got["result"]) == ("k", result), str(got))
        expect((got["truncated"] > 0) == (len(text) > 99), str(got))
        expect(export(store)[0]["text"] == text, "not stored yet")
    p.stdin.close()
    expect(p.wait(60) == 0, "exit")


@test
def stdin_is_one_document_with_json():
    store = new_store("bulk-stdin")
    got = succeeds("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl",
                   "-", "--json", stdin=jsonl(*many(150))).json()
    expect(got["new"] == 150, str(got))


@test
def index_is_kept_and_listed():
    store = filled("index")
    r = succeeds("add", "-s", store, "-c", "notes", "--index", "year",
                 "--index", "tags.kind")
    expect("year" in r.out, r.out)
    ls = succeeds("ls", "-s", store, "--json").json()["collections"]
    expect(ls[0]["index"] == ["tags.kind", "year"], str(ls))
    expect("tags.kind year" in succeeds("ls", "-s", store).out, "not shown")
    fails(2, "column", args=["add", "-s", store, "-c", "notes", "--index",
                             "a..b"])
    fails(3, "dreams", args=["add", "-s", store, "-c", "dreams", "--index",
                             "a"])


# ---- Search ------------------------------------------------------------------

@test
def search_ranks_by_cosine_similarity():
    store = new_store("rank")
    rows = texts(12)
    file = write_lines("rank.jsonl", [{"key": str(r["id"]), "text": r["text"]}
                                      for r in rows])
    succeeds("add", "-s", store, "-m", MEAN, "-c", "a", "--jsonl", file)
    query = "who drank the tea"
    d = succeeds("search", "-s", store, "-m", MEAN, "-k", "12", "--json",
                 query).json()
    vectors = [i["vector"] for i in succeeds(
        "embed", "-m", MEAN, "--json", query,
        *[r["text"] for r in rows]).json()["items"]]

    def cosine(v):
        dot = sum(a * b for a, b in zip(vectors[0], v))
        return dot / math.hypot(*v) / math.hypot(*vectors[0])
    want = {str(r["id"]): cosine(v) for r, v in zip(rows, vectors[1:])}
    expect(d["anemone_search"] == 1 and d["query"] == query, "head")
    expect(d["k"] == 12 and d["certified"] is True, "head")
    scores = [r["score"] for r in d["results"]]
    expect(scores == sorted(scores, reverse=True), "order")
    expect([r["rank"] for r in d["results"]] == list(range(1, 13)), "ranks")
    for r in d["results"]:
        expect(abs(r["score"] - want[r["key"]]) < 1e-5, str(r))


@test
def search_asks_all_collections_or_those_named():
    store = filled("several", "goals", ITEMS[:2])
    for name, item in (("notes", ITEMS[2]), ("contacts", ITEMS[3])):
        succeeds("add", "-s", store, "-m", MEAN, "-c", name, item["key"],
                 item["text"])

    def asked(*arguments, **env):
        d = succeeds("search", "-s", store, "--json", "tea", *arguments,
                     env=env).json()
        names = {s["collection"] for s in d["searched"]}
        expect({r["collection"] for r in d["results"]} <= names, str(d))
        return names
    expect(asked() == {"goals", "notes", "contacts"}, "all")
    expect(asked("-c", "goals", "--collection=notes") == {"goals", "notes"},
           "named")
    expect(asked(ANEMONE_COLLECTION="notes") == {"notes"}, "environment")
    expect(asked("-c", "goals", ANEMONE_COLLECTION="notes") == {"goals"},
           "flag")
    fails(3, "dreams", args=["search", "-s", store, "-c", "goals", "-c",
                             "dreams", "tea"])


@test
def where_leaves_what_it_says():
    store = filled("where")

    def keys(where):
        d = succeeds("search", "-s", store, "--where", where, "--json",
                     "tea").json()
        expect(d["searched"][0]["items"] == 4, str(d["searched"]))
        expect(d["searched"][0]["candidates"] == len(d["results"]),
               str(d["searched"]))
        return {r["key"] for r in d["results"]}
    expect(keys("year = 2024") == {"tea", "schlüssel"}, "=")
    expect(keys("year >= 2023 AND NOT (done = true)") == {"tea", "schlüssel"},
           "and not")
    expect(keys("tags.kind in ('drink', 'it''s')") == {"tea"}, "in")
    expect(keys("price != 2 or done = true") == {"schlüssel", "train"}, "or")
    expect(keys("nothing = 1") == set(), "missing")
    fails(2, "column 7", args=["search", "-s", store, "--where", "year >",
                               "tea"])


@test
def search_is_a_table_for_people():
    store = filled("people")
    for env in ({}, {"LC_ALL": "C"}):
        r = succeeds("search", "-s", store, "-k", "2", "--receipt", "tea",
                     env=env)
        lines = r.out.splitlines()
        expect("SCORE" in lines[0] and lines[1].startswith("1  "), r.out)
        expect(lines[2].startswith("2  ") and lines[3] == "", r.out)
        for word in ("receipt", "search", "merge", "SEARCHED", "CANDIDATES"):
            expect(word in r.out, word)
        expect(all(len(l) <= 80 for l in lines), r.out)
    r = succeeds("search", "-s", store, "--where", "year = 1", "tea")
    expect(r.out == "no item found\n", r.out)


@test
def receipt_of_a_search_adds_up_and_is_logged():
    store, log = filled("receipt"), TMP / "search-receipts.jsonl"
    d = succeeds("search", "-s", store, "--json", "--receipt-log", log,
                 "tea").json()
    stages = d["receipt"]["stages_ns"]
    expect(stages["search"] > 0 and stages["merge"] > 0, str(stages))
    expect(sum(stages.values()) == 2 * stages["total"], str(stages))
    expect(all(s["ns"] > 0 for s in d["searched"]), str(d["searched"]))
    logged = json.loads(log.read_text())
    expect(logged["stages_ns"] == stages, "another receipt")


@test
def search_refuses_what_is_not_there():
    store = filled("refuses")
    fails(2, "--hybrid", "not in this version",
          args=["search", "-s", store, "--hybrid", "tea"])
    fails(2, "one QUERY", args=["search", "-s", store])
    fails(2, "one QUERY", args=["search", "-s", store, "a", "b"])
    fails(2, "--k", args=["search", "-s", store, "-k", "0", "tea"])
    r = fails(3, "nowhere.db", args=["search", "-s", TMP / "nowhere.db", "tea",
                                     "--json"])
    expect(r.json()["error"]["status"] == "ANM_E_NOTFOUND", r.out)


# ---- Get and rm --------------------------------------------------------------

@test
def get_gives_the_item():
    store = filled("get")
    common = ["get", "-s", store, "-c", "notes"]
    item = succeeds(*common, "schlüssel", "--json").json()
    expect(item["text"] == ITEMS[3]["text"], str(item))
    expect(item["meta"] == ITEMS[3]["meta"] and item["seq"] > 0, str(item))
    expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", item["updated"]),
           item["updated"])
    expect("vector" not in item, "vector")
    item = succeeds(*common, "tea", "--json", "--vectors").json()
    want = succeeds("embed", "-m", MEAN, "--json", ITEMS[0]["text"]).json()
    expect(is_near(item["vector"], want["items"][0]["vector"]), "vector")
    out = succeeds(*common, "tea").out
    expect("kettle" in out and "2024" in out, out)
    fails(3, "dreams", "notes", args=[*common, "dreams"])
    fails(2, "one KEY", args=common)
    fails(2, "--all", args=[*common, "--all", "tea"])
    fails(2, "--jsonl", args=[*common, "--json", "--jsonl", "tea"])
    fails(2, "ANEMONE_COLLECTION", args=["get", "-s", store, "tea"])


@test
def export_can_be_imported():
    store, copy = filled("export"), new_store("import")
    lines = succeeds("get", "-s", store, "-c", "notes", "--all", "--jsonl",
                     "--vectors")
    expect([i["key"] for i in lines.lines()] == [i["key"] for i in ITEMS],
           "order")
    succeeds("add", "-s", copy, "-m", MEAN, "-c", "notes", "--jsonl", "-",
             "--json", stdin=lines.out)
    strip = [{k: i[k] for k in ("key", "text", "meta", "vector")}
             for i in lines.lines()]
    again = [{k: i[k] for k in ("key", "text", "meta", "vector")}
             for i in export(copy, "notes", "--vectors")]
    expect(strip == again, "the copy differs")
    d = succeeds("get", "-s", store, "-c", "notes", "--all", "--json").json()
    expect([i["key"] for i in d["items"]] == [i["key"] for i in ITEMS], "json")
    expect(len(succeeds("get", "-s", store, "-c", "notes",
                        "--all").out.split("\n\n")) == 4, "people")


@test
def rm_removes_by_key_and_by_filter():
    store = filled("rm")
    common = ["rm", "-s", store, "-c", "notes"]
    got = succeeds(*common, "tea", "dreams", "--json").json()
    expect(got == {"removed": 1}, str(got))
    expect(succeeds(*common, "--where", "year > 0").out == "2 removed\n", "")
    expect([i["key"] for i in export(store)] == ["empty"], "left")
    fails(2, "no item", args=common)
    fails(2, "--where", args=[*common, "--where", "a = 1", "tea"])
    fails(2, "column", args=[*common, "--where", "a ="])
    fails(2, "ANEMONE_COLLECTION", args=["rm", "-s", store, "tea"])
    missing = new_store("rm-missing")
    fails(3, "rm-missing.db", args=["rm", "-s", missing, "-c", "a", "k"])
    expect(not missing.exists(), "rm made a store")
    is_sound(store)


# ---- Upkeep ------------------------------------------------------------------

@test
def ls_and_stats_tell_what_is_there():
    store = filled("ls")
    fingerprint = succeeds("inspect", "-m", MEAN,
                           "--json").json()["fingerprint"]
    one = succeeds("ls", "-s", store, "--json").json()["collections"][0]
    expect((one["name"], one["items"], one["dim"], one["model"],
            one["fingerprint"]) ==
           ("notes", 4, 48, "tiny-bert-mean", fingerprint), str(one))
    out = succeeds("ls", "-s", store).out
    expect("notes" in out and "tiny-bert-mean" in out, out)
    stats = succeeds("stats", "-s", store, "--json").json()
    expect(stats["items"] == 4 and stats["collections"] == 1, str(stats))
    expect(stats["store"] == str(store) and stats["version"] == 2, str(stats))
    expect(stats["file_bytes"] > 0 and "sqlite" in stats, str(stats))
    expect("collections" in succeeds("stats", "-s", store).out, "people")


@test
def check_names_what_is_wrong_and_exits_1():
    store = filled("check")
    is_sound(store)
    expect(succeeds("check", "-s", store).out == "no problem found\n", "")
    with sqlite3.connect(store) as db:
        db.execute("UPDATE vector SET v = zeroblob(48 * 4) WHERE iid = 2")
    db.close()
    r = run("check", "-s", store, "--json")
    got = r.json()
    expect(r.code == 1 and not got["ok"] and len(got["problems"]) == 1, r.out)
    expect("item 2" in got["problems"][0], r.out)
    r = run("check", "-s", store)
    expect(r.code == 1 and "item 2" in r.out and not r.err, r.out + r.err)


@test
def flipped_bit_is_named_refused_and_healed_by_add():
    store = filled("flipped")
    with sqlite3.connect(store) as db:
        (v,) = db.execute("SELECT v FROM vector WHERE iid = 2").fetchone()
        db.execute("UPDATE vector SET v = ? WHERE iid = 2",
                   (bytes([v[0] ^ 1]) + v[1:],))
    db.close()
    key = ITEMS[1]["key"]
    r = run("check", "-s", store)
    expect(r.code == 1 and f"(key {key})" in r.out, r.out + r.err)
    fails(4, "item 2", "run check", args=["search", "-s", store, "x"])
    fails(4, "item 2", args=["get", "-s", store, "-c", "notes", "--all",
                             "--jsonl", "--vectors"])
    file = write_lines("flipped.jsonl", ITEMS)
    got = succeeds("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl",
                   file, "--json").json()
    expect((got["updated"], got["unchanged"]) == (1, len(ITEMS) - 1), str(got))
    is_sound(store)
    succeeds("search", "-s", store, "x")


@test
def backup_is_a_store_and_overwrites_nothing():
    store, copy = filled("backup"), new_store("backup-copy")
    got = succeeds("backup", "-s", store, copy, "--json").json()
    expect(got["items"] == 4, str(got))
    expect(got["file_bytes"] == copy.stat().st_size, str(got))
    is_sound(copy)
    expect(export(copy) == export(store), "the copy differs")
    fails(2, "backup-copy.db", "exists", args=["backup", "-s", store, copy])
    fails(3, "nowhere", args=["backup", "-s", store, TMP / "nowhere" / "b.db"])
    fails(2, "one FILE", args=["backup", "-s", store])


@test
def compact_gives_space_back():
    store = filled("compact", items=many(1000))
    succeeds("rm", "-s", store, "-c", "notes", *[f"k{i}" for i in range(990)])
    got = succeeds("compact", "-s", store, "--json").json()
    expect(got["bytes_after"] < got["bytes_before"] / 2, str(got))
    expect(store.stat().st_size <= got["bytes_after"], str(got))
    is_sound(store)
    expect(len(export(store)) == 10, "items")
    expect("now" in succeeds("compact", "-s", store).out, "people")


@test
def store_is_a_setting():
    default = pathlib.Path(TMP / "data" / "anemone" / "memory.db")
    fails(3, str(default), args=["ls"])
    succeeds("add", "-m", MEAN, "-c", "notes", "k", "t")
    expect(default.exists(), "no default store")
    expect(len(succeeds("ls", "--json").json()["collections"]) == 1, "default")
    other = filled("setting")
    env = {"ANEMONE_STORE": str(other), "ANEMONE_COLLECTION": "notes"}
    expect(succeeds("get", "tea", "--json", env=env).json()["key"] == "tea",
           "environment")
    shutil.rmtree(default.parent)


@test
def version_tells_of_sqlite():
    r = succeeds("--version", "--json")
    version = r.json()["sqlite"]
    old = tuple(map(int, version.split("."))) < (3, 51, 3)
    expect(("3.51.3" in r.err) == old, r.err)


# ---- Stores that cannot be used ----------------------------------------------

@test
def store_of_another_program_is_left_alone():
    foreign, text = TMP / "foreign.db", TMP / "text.db"
    foreign.unlink(missing_ok=True)
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE t(a)")
    db.close()
    text.write_text("no database at all\n" * 20)
    for path in (foreign, text):
        before = path.read_bytes()
        for args in (["ls"], ["check"], ["compact"], ["search", "q"],
                     ["rm", "-c", "a", "k"],
                     ["add", "-m", MEAN, "-c", "a", "k", "t"]):
            fails(4, path.name, args=[*args, "-s", path])
        expect(path.read_bytes() == before, "changed")
        expect(len(list(TMP.glob(path.name + "*"))) == 1, "something beside it")


@test
def newer_store_is_unsupported():
    store = filled("newer")
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA user_version = 99")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    fails(4, "99", args=["ls", "-s", store])
    fails(4, "99", args=["add", "-s", store, "-m", MEAN, "-c", "a", "k", "t"])


def as_nobody():
    os.setgid(65534)
    os.setuid(65534)


@test
def read_only_store_can_be_read():
    folder = TMP / "read-only-store"
    folder.mkdir()
    store = folder / "copy.db"
    succeeds("backup", "-s", filled("writable"), store)
    os.chmod(store, 0o444)
    os.chmod(folder, 0o777)
    os.chmod(TMP, 0o755)
    more = {}
    if os.geteuid() == 0:
        more = {"preexec_fn": as_nobody, "cwd": "/"}
        try:
            probe = run("ls", "-s", store, **more)
        except PermissionError:
            raise Skip("nobody may not run the command") from None
        if "Permission" in probe.err:
            raise Skip("nobody may not read the store")
    try:
        expect(len(succeeds("ls", "-s", store, "--json",
                            **more).json()["collections"]) == 1, "ls")
        succeeds("get", "-s", store, "-c", "notes", "tea", **more)
        fails(3, "copy.db", args=["rm", "-s", store, "-c", "notes", "tea"],
              **more)
        fails(3, "copy.db", args=["compact", "-s", store], **more)
        # SQLite keeps its index of the log beside the store.
        for left in folder.glob("copy.db?*"):
            left.unlink()
        os.chmod(folder, 0o555)
        fails(3, "copy.db-shm", "make the folder writable",
              args=["ls", "-s", store], **more)
    finally:
        os.chmod(folder, 0o755)


# ---- Several processes, and endings ------------------------------------------

@test
def two_processes_write_and_nothing_is_lost():
    store = filled("two", items=[{"key": "first", "text": "a"}])
    files = [write_lines(f"two-{w}.jsonl",
                         [dict(i, key=w + i["key"]) for i in many(300, w)])
             for w in ("left", "right")]
    writers = [start("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl",
                     f, "--json", "--timeout", "60s") for f in files]
    while any(p.poll() is None for p in writers):
        succeeds("search", "-s", store, "-k", "1", "left 7", "--json")
    for p in writers:
        expect(p.returncode == 0, p.stderr.read().decode())
        expect(json.loads(p.stdout.read())["new"] == 300, "counts")
    expect(len(export(store)) == 601, "items are missing")
    is_sound(store)


@test
def busy_store_is_exit_7():
    store = filled("busy")
    import fcntl
    with open(f"{store}.lock", "a") as lock:
        for take in (fcntl.flock, fcntl.lockf):
            take(lock, fcntl.LOCK_EX)
        begin = time.time()
        r = run("add", "-s", store, "-m", MEAN, "-c", "notes", "k", "t",
                "--timeout", "300ms", "--json")
        waited = time.time() - begin
        expect(len(succeeds("search", "-s", store, "tea",
                            "--json").json()["results"]) == 4, "readers wait")
    if r.code == 0:
        raise Skip("the lock of this system cannot be taken from here")
    expect(r.code == 7 and waited > 0.3, f"exit {r.code} after {waited}")
    expect(r.json()["error"]["status"] == "ANM_E_BUSY", r.out)
    expect(len(r.err.splitlines()) == 1, r.err)


@test
def another_program_that_looks_takes_nothing_away():
    store = new_store("looked-at")
    p = start("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", "-")
    for i in range(6):
        p.stdin.write(jsonl({"key": f"k{i}", "text": f"text {i}"}).encode())
        p.stdin.flush()
        read_line(p)
        # It closes as SQLite does by default: the last one removes the log.
        db = sqlite3.connect(store)
        n, = db.execute("SELECT count(*) FROM item").fetchone()
        db.close()
        expect(n == i + 1, f"{n} of {i + 1} acknowledged items")
    p.stdin.close()
    expect(p.wait(60) == 0, "exit")
    expect(len(export(store)) == 6, "an acknowledged item is gone")
    is_sound(store)


@test
def killed_add_keeps_what_it_acknowledged():
    store = new_store("killed")
    for round_ in range(5):
        p = start("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", "-")
        p.stdin.write(jsonl(*[{"key": f"{round_}-{i}", "text": f"text {i}"}
                              for i in range(200)]).encode())
        p.stdin.flush()
        acknowledged = [json.loads(read_line(p))["key"] for _ in range(20)]
        p.kill()
        acknowledged += [json.loads(l)["key"]
                         for l in p.stdout.read().splitlines(True)
                         if l.endswith(b"\n")]
        p.wait(60)
        is_sound(store)
        keys = {i["key"] for i in export(store)}
        expect(set(acknowledged) <= keys, "an acknowledged item is gone")


@test
def interrupted_add_stores_whole_batches_and_says_so():
    store = new_store("interrupted")
    file = write_lines("interrupted-add.jsonl", many(50000, "a few words"))
    p = start("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", file,
              "--json")
    deadline = time.time() + 60
    while time.time() < deadline:
        time.sleep(0.05)
        if not store.exists():
            continue
        got = run("stats", "-s", store, "--json")
        if got.code == 0 and got.json()["items"]:
            break
    p.send_signal(signal.SIGINT)
    code = p.wait(60)
    counts = json.loads(p.stdout.read())
    expect(code == 130 and p.stderr.read() == b"", f"exit {code}")
    expect(0 < counts["new"] < 50000, str(counts))
    expect(len(export(store)) == counts["new"], "stored is not counted")
    is_sound(store)


@test
def interrupted_conversation_ends_with_130():
    store = new_store("interrupted-talk")
    p = start("add", "-s", store, "-m", MEAN, "-c", "notes", "--jsonl", "-")
    p.stdin.write(jsonl({"key": "k", "text": "a"}).encode())
    p.stdin.flush()
    read_line(p)
    p.send_signal(signal.SIGINT)
    code = p.wait(60)
    expect(code == 130 and p.stderr.read() == b"", f"exit {code}")
    expect(len(export(store)) == 1, "items")


@test
def export_ends_quietly_when_the_pipe_closes():
    store = filled("pipe", items=many(3000, "word " * 10))
    p = subprocess.Popen([COMMAND, "get", "-s", store, "-c", "notes", "--all",
                          "--jsonl", "--vectors"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env=environment())
    first = read_line(p)
    p.stdout.close()
    err = p.stderr.read()
    code = p.wait(60)
    expect(json.loads(first)["key"] == "k0", "first line")
    expect(code == -signal.SIGPIPE and err == b"", f"{code} {err!r}")


@test
def results_that_cannot_be_written_are_an_error():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    store = filled("full")
    for args in (["search", "tea"], ["get", "-c", "notes", "--all", "--jsonl"],
                 ["ls"], ["stats", "--json"]):
        with open("/dev/full", "wb") as full:
            p = subprocess.run([COMMAND, *args, "-s", store], stdout=full,
                               stderr=subprocess.PIPE, env=environment())
        expect(p.returncode == 3 and b"stdout" in p.stderr,
               f"{args}: {p.returncode} {p.stderr!r}")
