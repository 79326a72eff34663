#!/usr/bin/env python3
"""run.py - the command as a user runs it.

    run.py COMMAND [WORD]

Runs every test whose name holds WORD. Uses the tiny models of tests/data and a
cache folder of its own. Exit codes 6, 7 and 70 have no way to be reached by the
verbs of this version and no test here.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import math
import os
import pathlib
import pty
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

COMMAND = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "anemone"
DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
MEAN, CLS = DATA / "tiny-bert-mean", DATA / "tiny-bert-cls"
VERBS = ("embed", "tokenize", "inspect", "plan", "bench", "cache", "doctor",
         "help")
TMP = pathlib.Path(tempfile.mkdtemp(prefix="anemone-e2e-"))
TESTS = []


class Skip(Exception):
    pass


def test(function):
    TESTS.append(function)
    return function


def environment(**changes):
    keep = ("PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
            "LLVM_PROFILE_FILE")
    env = {k: os.environ[k] for k in keep if k in os.environ}
    env.update(LC_ALL="C.UTF-8", XDG_CACHE_HOME=str(TMP / "cache"),
               XDG_DATA_HOME=str(TMP / "data"))
    env.update(changes)
    return env


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments, stdin=b"", env=None, timeout=120, **more):
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([COMMAND, *map(os.fspath, arguments)], input=stdin,
                          capture_output=True, timeout=timeout,
                          env=environment(**(env or {})), **more)
    return Result(done.returncode, done.stdout.decode("utf-8", "replace"),
                  done.stderr.decode("utf-8", "replace"))


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def succeeds(*arguments, **more):
    r = run(*arguments, **more)
    expect(r.code == 0, f"exit {r.code}: {r.err.strip()[-300:]}")
    return r


def fails(code, *words, args, **more):
    """One error line that holds the words, and the exit code."""
    r = run(*args, **more)
    expect(r.code == code, f"exit {r.code}, not {code}: {r.err.strip()[-300:]}")
    lines = [l for l in r.err.splitlines() if not l.startswith("anemone: w")]
    expect(len(lines) == 1, f"not one error line: {r.err!r}")
    expect(lines[0].startswith("anemone"), lines[0])
    for word in words:
        expect(word in lines[0], f"{word!r} is not in {lines[0]!r}")
    return r


def is_near(a, b, bar=1e-6):
    return len(a) == len(b) and all(abs(x - y) <= bar for x, y in zip(a, b))


def jsonl(*objects):
    return "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects)


def copied(name, model=MEAN):
    folder = TMP / name
    shutil.copytree(model, folder)
    return folder


def texts(n):
    lines = (DATA / "tiny-texts.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[:n]]


# ---- Usage -------------------------------------------------------------------

@test
def no_verb_is_usage():
    r = run()
    expect(r.code == 2 and not r.out and "embed" in r.err, r.err)


@test
def help_goes_to_stdout_with_an_example():
    expect("verbs:" in succeeds("help").out, "no overview")
    for verb in VERBS:
        long, short = succeeds(verb, "--help").out, succeeds("help", verb).out
        expect(long == short, verb)
        expect("example:\n  anemone" in long or "example:\n  ANEMONE" in long,
               verb)


@test
def lines_of_help_fit_into_80_columns():
    for verb in VERBS:
        for line in succeeds("help", verb).out.splitlines():
            expect(len(line) <= 80, line)


@test
def unknown_verb_names_the_nearest():
    fails(2, "'embd'", "'embed'", args=["embd", "x"])


@test
def verbs_of_later_versions_are_unknown():
    for verb in ("add", "search", "get", "predict", "serve"):
        fails(2, "unknown verb", args=[verb])


@test
def unknown_option_names_the_nearest():
    fails(2, "--promt", "--prompt", args=["embed", "--promt", "x"])
    fails(2, "-x", args=["embed", "-x", "a"])


@test
def option_without_its_value_is_refused():
    fails(2, "--dims", args=["embed", "a", "--dims"])
    fails(2, "-m", args=["embed", "a", "-m"])
    fails(2, "--receipt", args=["embed", "a", "--receipt=yes"])
    fails(2, "--dims", "ten", args=["embed", "a", "--dims", "ten"])
    fails(2, "--encoding", "hex", "base64",
          args=["embed", "a", "--encoding", "hex"])


@test
def options_take_every_spelling():
    plain = succeeds("embed", "-m", MEAN, "--json", "hello").json()["items"]
    for spelling in (["-m" + str(MEAN), "--json", "hello"],
                     [f"--model={MEAN}", "hello", "--json"],
                     ["-qm", MEAN, "--json", "--", "hello"]):
        items = succeeds("embed", *spelling).json()["items"]
        expect(items == plain, str(spelling))
    items = succeeds("-m", MEAN, "--json", "embed", "hello").json()["items"]
    expect(items == plain, "before the verb")


@test
def text_behind_two_dashes_may_look_like_an_option():
    items = succeeds("embed", "-m", MEAN, "--json", "--", "--json").json()
    expect(len(items["items"]) == 1, "one text")


@test
def usage_error_is_a_document_with_json():
    r = fails(2, args=["embed", "--json", "--nonsense"])
    error = r.json()["error"]
    expect(error["status"] == "ANM_E_ARG", str(error))
    expect("--nonsense" in error["message"], str(error))


@test
def options_that_exclude_each_other_are_refused():
    fails(2, "--json", args=["embed", "-m", MEAN, "--json", "--jsonl", "-"])
    fails(2, "--prompt", args=["embed", "-m", MEAN, "--prompt", "a",
                               "--prompt-text", "b", "x"])
    fails(2, "-o", args=["embed", "-m", MEAN, "--format", "npy", "x"])
    fails(2, "npy", args=["embed", "-m", MEAN, "-o", "f", "x"])


@test
def embed_without_a_text_reads_nothing():
    fails(2, "no text", args=["embed", "-m", MEAN], stdin="a text\n")


@test
def version_tells_the_build():
    expect("0.1.0" in succeeds("--version").out, "no version")
    expect(isinstance(succeeds("--version", "--json").json(), dict), "no JSON")


# ---- Settings ----------------------------------------------------------------

def settings(*arguments, **env):
    document = succeeds(*arguments, "doctor", "--settings", "--json",
                        env=env).json()
    return {s["name"]: s for s in document["settings"]}


@test
def flag_beats_environment_beats_default():
    expect(settings()["units"] == {"name": "units", "value": "ALL",
                                   "origin": "default", "source": None}, "")
    got = settings(ANEMONE_UNITS="CPU_ONLY")["units"]
    expect((got["value"], got["origin"], got["source"]) ==
           ("CPU_ONLY", "environment", "ANEMONE_UNITS"), str(got))
    got = settings("--units", "cpu_and_gpu", ANEMONE_UNITS="CPU_ONLY")["units"]
    expect((got["value"], got["origin"]) == ("cpu_and_gpu", "flag"), str(got))


@test
def second_variable_of_units_counts_when_the_first_is_unset():
    got = settings(PAPR_COREML_COMPUTE_UNITS="CPU_AND_NE")["units"]
    expect(got["source"] == "PAPR_COREML_COMPUTE_UNITS", str(got))
    got = settings(PAPR_COREML_COMPUTE_UNITS="CPU_AND_NE",
                   ANEMONE_UNITS="CPU_ONLY")["units"]
    expect(got["source"] == "ANEMONE_UNITS", str(got))


@test
def every_setting_is_shown_to_people():
    out = succeeds("doctor", "--settings").out
    for name in settings():
        expect(f"\n{name} " in out, name)


@test
def empty_variable_counts_as_unset():
    expect(settings(ANEMONE_UNITS="")["units"]["origin"] == "default", "")


@test
def bad_variable_names_itself_its_value_and_the_allowed():
    for name, value, allowed in (
            ("ANEMONE_UNITS", "NPU", "CPU_AND_NE"),
            ("PAPR_COREML_COMPUTE_UNITS", "cpuAndNeuralEngine", "CPU_ONLY"),
            ("ANEMONE_REQUIRE", "npu:1", "ane"),
            ("ANEMONE_REQUIRE", "cpu:1.5", "up to 1"),
            ("ANEMONE_REQUIRE", "cpu:0", "above 0"),
            ("ANEMONE_ALLOW_FALLBACK", "cpu,tpu", "gpu"),
            ("ANEMONE_PRECISION", "f64", "bf16"),
            ("ANEMONE_THREADS", "0", "from 1"),
            ("ANEMONE_THREADS", "-2", "from 1"),
            ("ANEMONE_CPU", "mmx", "scalar"),
            ("ANEMONE_BUCKETS", "8,x", "lengths"),
            ("ANEMONE_LOG", "loud", "debug"),
            ("ANEMONE_KEEP_WARM", "often", "off"),
            ("ANEMONE_TIMEOUT", "5 minutes", "5s")):
        fails(2, name, value, allowed, args=["embed", "-m", MEAN, "x"],
              env={name: value})


@test
def bad_flag_is_refused_before_anything_is_read():
    fails(2, "--units", "FAST", "CPU_ONLY",
          args=["embed", "-m", "/nowhere", "--units", "FAST", "x"])


@test
def bucket_above_the_model_is_refused():
    fails(2, "4096", "64", args=["embed", "-m", MEAN, "--buckets", "4096", "x"])


@test
def doctor_says_what_is_not_in_this_version():
    fails(2, "--settings", args=["doctor"])


# ---- Embed -------------------------------------------------------------------

@test
def document_holds_vectors_of_unit_length_and_a_receipt():
    d = succeeds("embed", "-m", MEAN, "--json", "one text", "another").json()
    expect(d["anemone"] == 1 and len(d["items"]) == 2, "items")
    expect(d["model"]["dim"] == 48, "dim")
    expect(d["model"]["fingerprint"].startswith("sha256:"), "fingerprint")
    for item in d["items"]:
        expect(len(item["vector"]) == 48 and item["truncated"] == 0, "item")
        expect(abs(math.hypot(*item["vector"]) - 1) < 1e-5, "norm")
    stages = dict(d["receipt"]["stages_ns"])
    expect(sum(stages.values()) == 2 * stages["total"], "stages do not add up")
    expect(d["receipt"]["where"]["device"] == "cpu", "where")


@test
def vectors_are_the_original_ones():
    for model in (MEAN, CLS):
        rows = texts(12)
        raw = (model / "golden" / "vectors.f32").read_bytes()
        items = succeeds("embed", "-m", model, "--json",
                         *[r["text"] for r in rows]).json()["items"]
        dim = len(items[0]["vector"])
        for i, item in enumerate(items):
            golden = struct.unpack_from(f"<{dim}f", raw, i * dim * 4)
            cosine = sum(a * b for a, b in zip(golden, item["vector"]))
            cosine /= math.hypot(*golden) * math.hypot(*item["vector"])
            expect(cosine > 0.99999, f"{model.name} {rows[i]['id']} {cosine}")


@test
def people_get_a_line_a_text_without_escapes():
    r = succeeds("embed", "-m", MEAN, "first\x1b[31m text", "second")
    lines = r.out.splitlines()
    expect(len(lines) == 3 and "\x1b" not in r.out, r.out)
    expect("second" in lines[2] and "48" in lines[2], lines[2])


@test
def receipt_is_drawn_in_80_columns():
    for env in ({}, {"LC_ALL": "C"}):
        out = succeeds("embed", "-m", MEAN, "--receipt", "a text", env=env).out
        for word in ("receipt", "predict", "where", "band", "input",
                     "artifact"):
            expect(word in out, word)
        expect(all(len(l) <= 80 for l in out.splitlines()), out)
        if env:
            expect(out.isascii(), "not ASCII in the C locale")


@test
def empty_text_is_a_text():
    items = succeeds("embed", "-m", MEAN, "--json", "").json()["items"]
    expect(items[0]["tokens"] == 2, str(items[0]["tokens"]))


@test
def base64_holds_the_same_floats():
    plain = succeeds("embed", "-m", MEAN, "--json", "x").json()["items"][0]
    packed = succeeds("embed", "-m", MEAN, "--json", "--encoding", "base64",
                      "x").json()["items"][0]
    raw = base64.b64decode(packed["vector"], validate=True)
    floats = struct.unpack(f"<{len(raw) // 4}f", raw)
    again = [struct.unpack("<f", struct.pack("<f", v))[0]
             for v in plain["vector"]]
    expect(list(floats) == again, "floats differ")


@test
def dims_cut_and_normalise():
    whole = succeeds("embed", "-m", MEAN, "--json", "x").json()["items"][0]
    cut = succeeds("embed", "-m", MEAN, "--json", "--dims", "7",
                   "x").json()["items"][0]["vector"]
    norm = math.hypot(*whole["vector"][:7])
    expect(is_near(cut, [v / norm for v in whole["vector"][:7]]), "cut")
    fails(2, "--dims", "49", "48",
          args=["embed", "-m", MEAN, "--dims", "49", "x"])


@test
def max_tokens_cut_and_are_limited():
    words = "the kettle clicked off before anyone had found the tea"
    item = succeeds("embed", "-m", MEAN, "--json", "--max-tokens", "6",
                    "--ids", words).json()["items"][0]
    expect(item["tokens"] == 6 and len(item["ids"]) == 6, str(item["tokens"]))
    expect(item["truncated"] > 0, "nothing cut")
    fails(2, "65", args=["embed", "-m", MEAN, "--max-tokens", "65", "x"])


@test
def long_text_is_cut_to_the_model():
    item = succeeds("embed", "-m", MEAN, "--json",
                    "word " * 20000).json()["items"][0]
    expect(item["tokens"] == 64 and item["truncated"] > 0, str(item["tokens"]))


@test
def prompt_text_stands_before_the_text():
    a = succeeds("embed", "-m", MEAN, "--json", "--ids", "--prompt-text",
                 "find: ", "tea").json()["items"][0]
    b = succeeds("embed", "-m", MEAN, "--json", "--ids",
                 "find: tea").json()["items"][0]
    expect(a["ids"] == b["ids"] and a["vector"] == b["vector"], "prompt")
    fails(2, "nonsense", args=["embed", "-m", MEAN, "--prompt", "nonsense",
                               "x"])


@test
def argument_that_is_no_utf8_is_refused():
    fails(2, "UTF-8", args=["embed", "-m", MEAN, b"caf\xe9"])
    r = run("embed", "-m", MEAN, "--json", b"caf\xe9")
    expect(r.code == 2 and r.json()["error"]["status"] == "ANM_E_ARG", r.out)


@test
def npy_holds_the_rows():
    file = TMP / "rows.npy"
    items = succeeds("embed", "-m", MEAN, "--json", "a", "b").json()["items"]
    r = succeeds("embed", "-m", MEAN, "--format", "npy", "-o", file, "a", "b")
    expect(r.out == "", "stdout is not empty")
    data = file.read_bytes()
    expect(data[:8] == b"\x93NUMPY\x01\x00", "magic")
    length = struct.unpack("<H", data[8:10])[0]
    expect((10 + length) % 64 == 0, "alignment")
    expect(b"'<f4'" in data[:128] and b"(2, 48)" in data[:128], "header")
    rows = struct.unpack("<96f", data[10 + length:])
    expect(is_near(rows[:48], items[0]["vector"]), "row 0")
    expect(is_near(rows[48:], items[1]["vector"]), "row 1")


@test
def npy_of_a_file_appears_whole_or_not_at_all():
    folder = TMP / "npy"
    folder.mkdir()
    good = folder / "in.jsonl"
    good.write_text(jsonl(*[{"text": f"text {i}"} for i in range(100)]))
    succeeds("embed", "-m", MEAN, "--format", "npy", "-o", folder / "o.npy",
             "--jsonl", good)
    expect(b"(100, 48)" in (folder / "o.npy").read_bytes()[:128], "shape")
    bad = folder / "bad.jsonl"
    bad.write_text(jsonl({"text": "fine"}) + "nonsense\n")
    fails(4, "line 2", args=["embed", "-m", MEAN, "--format", "npy", "-o",
                             folder / "none.npy", "--jsonl", bad])
    expect(sorted(p.name for p in folder.iterdir()) ==
           ["bad.jsonl", "in.jsonl", "o.npy"], str(list(folder.iterdir())))
    fails(3, "nowhere", args=["embed", "-m", MEAN, "--format", "npy", "-o",
                              folder / "nowhere" / "o.npy", "x"])


# ---- JSONL -------------------------------------------------------------------

@test
def lines_keep_their_fields_and_order():
    line = ('{"id": 12345678901234567890123, "b":1.50, "text":"tea" , '
            '"a":{"z":[1,  2]}}')
    out = succeeds("embed", "-m", MEAN, "--jsonl", "-", stdin=line).out
    expect(out.startswith(line[:-1] + ',"vector":['), out[:120])
    d = json.loads(out)
    expect(list(d) == ["id", "b", "text", "a", "vector", "tokens",
                       "truncated"], str(list(d)))


@test
def field_that_is_written_anew_occurs_once():
    line = jsonl({"vector": [1], "text": "tea", "tokens": 99, "id": 1})
    out = succeeds("embed", "-m", MEAN, "--jsonl", stdin=line).out
    expect(out.count('"vector"') == 1 and out.count('"tokens"') == 1, out[:99])
    expect(len(json.loads(out)["vector"]) == 48, "vector")


@test
def file_in_bulk_gives_the_vectors_of_single_calls():
    rows = texts(40)
    file = TMP / "bulk.jsonl"
    file.write_text(jsonl(*rows))
    bulk = succeeds("embed", "-m", MEAN, "--jsonl", file).lines()
    live = succeeds("embed", "-m", MEAN, "--jsonl", "-",
                    stdin=jsonl(*rows)).lines()
    expect(bulk == live, "bulk differs from live")
    expect([b["id"] for b in bulk] == [r["id"] for r in rows], "order")


@test
def file_may_be_written_every_way():
    file = TMP / "one.jsonl"
    file.write_text(jsonl({"text": "tea"}))
    a = succeeds("embed", "-m", MEAN, "--jsonl", file).out
    b = succeeds("embed", "-m", MEAN, f"--jsonl={file}").out
    c = succeeds("embed", file, "-m", MEAN, "--jsonl").out
    expect(a == b == c and a, "spellings differ")
    fails(2, "--jsonl", args=["embed", "-m", MEAN, "--jsonl", file, "more"])


@test
def blank_lines_and_dos_line_ends_are_no_lines():
    got = succeeds("embed", "-m", MEAN, "--jsonl", "-",
                   stdin='{"text":"a"}\r\n\r\n  \n{"text":"b"}').lines()
    expect([g["text"] for g in got] == ["a", "b"], str(got)[:200])


@test
def text_with_nul_and_escapes_is_a_text():
    got = succeeds("embed", "-m", MEAN, "--jsonl", "-",
                   stdin='{"text":"a\\u0000b\\ud83d\\ude00"}').lines()
    expect(len(got[0]["vector"]) == 48, "vector")


BAD_LINES = {
    "no JSON": b"nonsense",
    "an array": b"[1]",
    "no text": b'{"id":1}',
    "a text that is no string": b'{"text":7}',
    "invalid UTF-8": b'{"text":"caf\xe9"}',
    "half a pair": b'{"text":"\\ud800"}',
    "over the limit": b'{"text":"' + b"a" * (1 << 20) + b'"}',
    "10 MB": b'{"text":"' + b"a " * 5000000 + b'"}',
    "too deep": b'{"text":"a","x":' + b"[" * 100000 + b"]" * 100000 + b"}",
}


@test
def bad_line_stops_after_the_good_ones_with_its_number():
    good = jsonl({"text": "a"}, {"text": "b"}).encode()
    for where in ("-", TMP / "bad.jsonl"):
        for name, bad in BAD_LINES.items():
            data = good + bad + b"\n" + good
            if where != "-":
                where.write_bytes(data)
            r = fails(4, "line 3", args=["embed", "-m", MEAN, "--jsonl", where],
                      stdin=data)
            expect(len(r.lines()) == 2, f"{name}: {len(r.lines())} lines")


@test
def bad_line_can_be_skipped_and_is_counted():
    data = b"".join(jsonl({"text": "a"}).encode() + bad + b"\n"
                    for bad in BAD_LINES.values())
    file = TMP / "skip.jsonl"
    file.write_bytes(data)
    for where in ("-", file):
        r = run("embed", "-m", MEAN, "--jsonl", where, "--on-error", "skip",
                stdin=data)
        expect(r.code == 4, f"exit {r.code}")
        expect(len(r.lines()) == len(BAD_LINES), "good lines are missing")
        expect(f"{len(BAD_LINES)} bad lines" in r.err, r.err[-200:])


@test
def missing_file_is_not_found():
    fails(3, "nowhere.jsonl", args=["embed", "-m", MEAN, "--jsonl",
                                    TMP / "nowhere.jsonl"])


def start(*arguments, **env):
    return subprocess.Popen([COMMAND, *map(os.fspath, arguments)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment(**env))


def read_line(process, seconds=60):
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    expect(ready, "no answer")
    return process.stdout.readline()


@test
def conversation_answers_each_line_before_the_next():
    p = start("embed", "-m", MEAN, "--jsonl", "-")
    for i in range(5):
        p.stdin.write(jsonl({"id": i, "text": f"line {i}"}).encode())
        p.stdin.flush()
        expect(json.loads(read_line(p))["id"] == i, f"line {i}")
    p.stdin.close()
    expect(p.wait(60) == 0, "exit")


@test
def receipts_of_a_conversation_are_one_a_line():
    got = succeeds("embed", "-m", MEAN, "--jsonl", "-", "--receipt", "--ids",
                   stdin=jsonl({"text": "a"}, {"text": "b c"})).lines()
    for item in got:
        expect(item["receipt"]["input"]["texts"] == 1, "texts")
        expect(item["receipt"]["input"]["tokens"] == item["tokens"] ==
               len(item["ids"]), "tokens")
    expect(got[1]["receipt"]["band"]["verdict"] != "none", "no band")


@test
def kept_warm_conversation_is_never_idle_for_long():
    p = start("embed", "-m", MEAN, "--jsonl", "-", "--receipt", "--keep-warm",
              "20")
    idle = []
    for i in range(2):
        p.stdin.write(jsonl({"text": "a"}).encode())
        p.stdin.flush()
        receipt = json.loads(read_line(p))["receipt"]
        idle.append(receipt["counters"]["idle_before"])
        time.sleep(1)
    p.stdin.close()
    p.wait(60)
    expect(idle[1] < 900e6, f"idle for {idle[1]} ns")


@test
def pipe_that_closes_ends_the_run_quietly():
    file = TMP / "many.jsonl"
    with open(file, "w") as f:
        for i in range(100000):
            f.write('{"id":%d,"text":"a"}\n' % i)
    for where in (file, "-"):
        source = open(file, "rb")
        p = subprocess.Popen([COMMAND, "embed", "-m", MEAN, "--jsonl", where],
                             stdin=source, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=environment())
        first = read_line(p)
        p.stdout.close()
        err = p.stderr.read()
        code = p.wait(60)
        p.stderr.close()
        source.close()
        expect(json.loads(first)["id"] == 0, "first line")
        expect(code == -signal.SIGPIPE and err == b"", f"{code} {err!r}")


@test
def output_that_cannot_be_written_is_an_error():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    file = TMP / "full.jsonl"
    file.write_text(jsonl({"text": "a"}))
    for args in (["embed", "-m", MEAN, "--json", "x"], ["help"],
                 ["embed", "-m", MEAN, "--jsonl", file],
                 ["tokenize", "-m", MEAN, "x"]):
        with open("/dev/full", "wb") as full:
            p = subprocess.run([COMMAND, *map(os.fspath, args)], stdout=full,
                               stderr=subprocess.PIPE, env=environment())
        expect(p.returncode == 3 and b"stdout" in p.stderr,
               f"{args}: {p.returncode} {p.stderr!r}")


# ---- Interruption ------------------------------------------------------------

@test
def interrupt_ends_a_conversation_with_130():
    p = start("embed", "-m", MEAN, "--jsonl", "-")
    p.stdin.write(jsonl({"text": "a"}).encode())
    p.stdin.flush()
    read_line(p)
    p.send_signal(signal.SIGINT)
    code = p.wait(60)
    err = p.stderr.read()
    p.stdin.close()
    expect(code == 130 and err == b"", f"{code} {err!r}")


@test
def interrupt_ends_bulk_work_between_lines():
    file = TMP / "interrupted.jsonl"
    with open(file, "w") as f:
        for i in range(200000):
            f.write('{"id":%d,"text":"a few words more"}\n' % i)
    out = TMP / "interrupted.out"
    with open(out, "wb") as sink:
        p = subprocess.Popen([COMMAND, "embed", "-m", MEAN, "--jsonl", file],
                             stdout=sink, stderr=subprocess.PIPE,
                             env=environment())
        deadline = time.time() + 60
        while out.stat().st_size == 0 and time.time() < deadline:
            time.sleep(0.01)
        p.send_signal(signal.SIGINT)
        code = p.wait(60)
    err = p.stderr.read()
    lines = out.read_bytes().split(b"\n")
    expect(code == 130 and err == b"", f"{code} {err!r}")
    expect(lines[-1] == b"" and json.loads(lines[-2]), "half a line")
    expect(len(lines) < 200000, "was not interrupted")


@test
def interrupted_npy_leaves_nothing():
    file, out = TMP / "interrupted.jsonl", TMP / "interrupted.npy"
    if not file.exists():
        raise Skip("needs interrupt_ends_bulk_work_between_lines")
    p = start("embed", "-m", MEAN, "--jsonl", file, "--format", "npy", "-o",
              out)
    deadline = time.time() + 60
    while not list(TMP.glob("interrupted.npy*")) and time.time() < deadline:
        time.sleep(0.01)
    p.send_signal(signal.SIGINT)
    expect(p.wait(60) == 130, "exit")
    expect(not list(TMP.glob("interrupted.npy*")), "something is left")


# ---- Log and receipts --------------------------------------------------------

@test
def log_info_writes_a_line_a_query():
    r = succeeds("embed", "-m", MEAN, "--jsonl", "-", "--log", "info",
                 stdin=jsonl({"text": "secret one"}, {"text": "secret two"}))
    lines = [l for l in r.err.splitlines() if l.startswith("breakdown ")]
    expect(len(lines) == 2, r.err)
    for part in ("tok=", " | bind=", " | pred=", " | post=", " | total=",
                 " | cpu (observed) | band "):
        expect(part in lines[0], lines[0])
    expect("secret" not in r.err, "a text of the user is in the log")


@test
def log_debug_tells_what_entered_the_model():
    r = succeeds("embed", "-m", MEAN, "--log", "debug", "secret words")
    expect("int32" in r.err and "sha256" in r.err, r.err)
    expect("secret" not in r.err, "a text of the user is in the log")


@test
def log_can_be_json():
    r = succeeds("embed", "-m", MEAN, "--log", "info", "--log-format", "json",
                 "x")
    lines = [json.loads(l) for l in r.err.splitlines()]
    expect(lines and all(set(l) == {"time", "level", "message"}
                         for l in lines), r.err)


@test
def quiet_run_says_nothing():
    r = succeeds("embed", "-m", MEAN, "-q", "x")
    expect(r.err == "", r.err)


@test
def receipt_log_is_appended_without_texts():
    file = TMP / "receipts.jsonl"
    for _ in range(2):
        succeeds("embed", "-m", MEAN, "--receipt-log", file, "secret words")
    lines = file.read_text().splitlines()
    expect(len(lines) == 2, str(len(lines)))
    for line in lines:
        expect(json.loads(line)["anemone_receipt"] == 1, line)
        expect("secret" not in line, "a text of the user is in the receipt")


@test
def receipt_log_on_a_full_disk_warns_once_and_goes_on():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    r = succeeds("embed", "-m", MEAN, "--receipt-log", "/dev/full", "--jsonl",
                 "-", stdin=jsonl(*[{"text": "a"}] * 3))
    expect(len(r.lines()) == 3, "answers")
    expect(r.err.count("receipt log") == 1, r.err)


@test
def receipt_log_is_bounded():
    file = TMP / "bounded.jsonl"
    line = b'{"anemone_receipt":1}\n'
    with open(file, "wb") as f:
        f.write(line)
        f.truncate((64 << 20) - 10)
    succeeds("embed", "-m", MEAN, "--receipt-log", file, "x")
    expect((TMP / "bounded.jsonl.1").stat().st_size == (64 << 20) - 10, "old")
    expect(len(file.read_text().splitlines()) == 1, "new")


@test
def receipt_log_that_cannot_be_opened_is_an_error():
    fails(3, "nowhere", args=["embed", "-m", MEAN, "--receipt-log",
                              TMP / "nowhere" / "r.jsonl", "x"])


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
    os.utime(artifacts(cache)[0], (old, old))
    d = succeeds("cache", "prune", "--cache-dir", cache, "--json").json()
    expect(len(d["removed"]) == 1 and not artifacts(cache), str(d))
    expect(foreign.read_text() == "mine", "a foreign file was touched")
    fails(2, "ls, verify, prune", args=["cache", "clean"])
    fails(2, "ls, verify, prune", args=["cache"])


@test
def cache_that_cannot_be_written_is_one_warning():
    file = TMP / "a-file"
    file.write_text("")
    r = succeeds("embed", "-m", MEAN, "--cache-dir", file / "x", "--json", "x")
    expect(r.json()["receipt"]["artifact"]["state"] == "memory", "state")
    expect(len(r.err.splitlines()) == 1 and "warning" in r.err, r.err)


@test
def cache_that_is_read_only_is_one_warning():
    if os.geteuid() == 0:
        raise Skip("root may write everywhere")
    cache = TMP / "read-only"
    cache.mkdir()
    cache.chmod(0o555)
    r = succeeds("embed", "-m", MEAN, "--cache-dir", cache, "--json", "x")
    expect(r.json()["receipt"]["artifact"]["state"] == "memory", "state")
    expect("warning" in r.err, r.err)


def limit_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
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


# ---- Bench -------------------------------------------------------------------

@test
def bench_has_a_row_for_each_mode():
    d = succeeds("bench", "-m", MEAN, "--tokens", "8,16", "--idle", "1",
                 "--callers", "2", "--bulk", "4", "--json").json()
    modes = [r["mode"] for r in d["rows"] if r["tokens"] == 8]
    expect(modes == ["back_to_back", "idle_1ms", "callers_2", "bulk_4"],
           str(modes))
    for row in d["rows"]:
        values = [row[k] for k in ("min_ms", "p50_ms", "p95_ms", "p99_ms",
                                   "max_ms")]
        expect(values == sorted(values) and values[0] > 0, str(row))
        expect(row["floor_ms"] > 0 and row["n"] > 0, str(row))
        expect(abs(row["floor_share"] - row["floor_ms"] / row["p50_ms"]) <
               1e-3 * row["floor_share"] + 1e-9, str(row))
    for key in ("date", "machine", "state", "threads", "model", "peak"):
        expect(key in d, key)
    fails(2, "65", "64", args=["bench", "-m", MEAN, "--tokens", "65"])


@test
def bench_is_a_table_for_people():
    out = succeeds("bench", MEAN, "--tokens", "8").out
    expect("back_to_back" in out and "FLOOR" in out, out)


@test
def bench_speaks_the_line_protocol():
    p = start("bench", "--lines", "-m", MEAN)
    ready = json.loads(read_line(p))
    expect(ready["has_ids"] and ready["load_ms"] > 0 and "first_ms" in ready,
           str(ready))

    def ask(**request):
        p.stdin.write((json.dumps(request) + "\n").encode())
        p.stdin.flush()
        return json.loads(read_line(p))

    rows = ["the tea", "a tea"]
    ids = [i["ids"] for i in succeeds("tokenize", "-m", MEAN, "--json",
                                      *rows).json()["items"]]
    n = len(ids[0])
    ids[1] = (ids[1] + ids[0])[:n]
    expect(ask(do="texts", n=n, texts=rows, ids=ids) == {}, "texts")
    for request in ({"do": "ids"}, {"do": "text"}, {"do": "ids", "gap": 2},
                    {"do": "ids", "batch": 8}):
        got = ask(n=n, reps=5, seconds=1.0, **request)
        expect(len(got["ms"]) == len(got["cpu"]) == 5, str(got))
        expect(got["rss_mb"] > 1, str(got))
    vectors = ask(do="embed", n=n)["v"]
    want = succeeds("embed", "-m", MEAN, "--json", rows[0]).json()["items"]
    expect(is_near(vectors[0], want[0]["vector"]), "vectors")
    expect("error" in ask(do="ids", n=9999), "unknown length")
    expect("error" in ask(do="dance", n=n), "unknown request")
    p.stdin.write(b'{"do":"end"}\n')
    p.stdin.close()
    expect(p.wait(60) == 0, "exit")


@test
def bench_that_cannot_start_says_skip():
    r = run("bench", "--lines", "-m", TMP / "nowhere")
    expect(r.code == 3 and "skip" in json.loads(r.out), r.out)


# ---- Terminal ----------------------------------------------------------------

def on_terminal(*arguments, **env):
    """stdout and stderr as one terminal; what it got."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen([COMMAND, *map(os.fspath, arguments)],
                         stdin=subprocess.DEVNULL, stdout=theirs,
                         stderr=theirs, env=environment(TERM="xterm", **env))
    os.close(theirs)
    data = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    os.close(ours)
    expect(p.wait(60) == 0, "exit")
    return data.decode()


@test
def colours_are_for_terminals_that_want_them():
    args = ["embed", "-m", MEAN, "--receipt", "x"]
    expect("\x1b[" in on_terminal(*args), "no colours on a terminal")
    expect("\x1b[" not in on_terminal(*args, NO_COLOR="1"), "NO_COLOR")
    expect("\x1b[" not in succeeds(*args).out, "colours in a pipe")


@test
def progress_is_for_terminals_and_long_work():
    file, out = TMP / "progress.jsonl", TMP / "progress.npy"
    file.write_text(jsonl(*[{"text": "some words here"}] * 20000))
    args = ["embed", "-m", MEAN, "--jsonl", file, "--format", "npy", "-o", out]
    begin = time.time()
    shown = on_terminal(*args)
    if time.time() - begin < 1.5:
        raise Skip("this machine is too fast for a bar")
    expect("texts/s" in shown and "%" in shown, shown[:200])
    expect(on_terminal(*args, "-q") == "", "quiet")
    expect(on_terminal("embed", "-m", MEAN, "x").count("\r\x1b[K") == 0,
           "a bar for short work")


def main():
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    passed = failed = skipped = 0
    for function in TESTS:
        name = function.__name__
        if word not in name:
            continue
        try:
            function()
        except Skip as why:
            skipped += 1
            print(f"skipped {name}: {why}")
        except Exception as why:  # a crash of a test is its failure
            failed += 1
            print(f"FAILED {name}: {type(why).__name__}: {why}")
        else:
            passed += 1
            print(f"passed {name}")
        sys.stdout.flush()
    shutil.rmtree(TMP, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
