"""test_embed.py - embed: documents, forms, lines, interruption, log.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import json
import math
import os
import re
import signal
import struct
import subprocess
import time

from harness import (
    CLS, COMMAND, MEAN, TMP, Skip, environment, expect, fails, is_near,
    jsonl, read_line, run, start, succeeds, test, texts)


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
def text_that_may_not_be_cut_is_refused_by_text_or_line():
    uncut = ["embed", "-m", MEAN, "--no-truncate"]
    long = "a " * 200
    fails(8, "text 1: 202 tokens, at most 64", args=[*uncut, "short", long])
    data = jsonl(*({"id": i, "text": t} for i, t in
                   enumerate(["a", "b", long, "c", long, "d"])))
    file = TMP / "uncut.jsonl"
    file.write_text(data)
    for where in ("-", file):
        r = fails(8, "line 3: 202 tokens", args=[*uncut, "--jsonl", where],
                  stdin=data)
        expect([x["id"] for x in r.lines()] == [0, 1], r.out)
        r = run(*uncut, "--on-error", "skip", "--jsonl", where, stdin=data)
        expect(r.code == 4 and "line 5: 202 tokens" in r.err, r.err)
        expect([x["id"] for x in r.lines()] == [0, 1, 3, 5], r.out)


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


@test
def npy_never_takes_the_place_of_what_is_no_file():
    # A pipe stands for a device: as root a rename would replace either.
    folder = TMP / "npy-places"
    (folder / "folder").mkdir(parents=True)
    pipe, link = folder / "pipe", folder / "link"
    os.mkfifo(pipe)
    link.symlink_to("pipe")
    source = folder / "in.jsonl"
    source.write_text(jsonl({"text": "a"}))
    for place in (pipe, link, folder / "folder"):
        for what in (["x"], ["--jsonl", source]):
            fails(3, place.name, args=["embed", "-m", MEAN, "--format", "npy",
                                       "-o", place, *what])
    for place in ("", "-"):
        fails(2, "-o", "a file", args=["embed", "-m", MEAN, "--format", "npy",
                                       "-o", place, "x"], cwd=folder)
    expect(pipe.is_fifo() and link.is_symlink(), "the place was taken")
    expect(sorted(p.name for p in folder.iterdir()) ==
           ["folder", "in.jsonl", "link", "pipe"], "something is left")


@test
def npy_goes_where_a_link_points_to():
    folder = TMP / "npy-link"
    (folder / "far").mkdir(parents=True)
    (folder / "far" / "rows.npy").write_bytes(b"old")
    (folder / "link.npy").symlink_to("far/rows.npy")
    succeeds("embed", "-m", MEAN, "--format", "npy", "-o",
             folder / "link.npy", "x")
    expect((folder / "link.npy").is_symlink(), "the link was replaced")
    expect((folder / "far" / "rows.npy").read_bytes()[:6] == b"\x93NUMPY",
           "no rows")
    expect(len(list((folder / "far").iterdir())) == 1, "something is left")


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
def byte_order_mark_may_stand_before_the_first_line():
    lines = b'\xef\xbb\xbf\r\n{"text":"a"}\n'
    got = succeeds("embed", "-m", MEAN, "--jsonl", "-", stdin=lines[3:]).out
    for data in (lines, b"\xef\xbb\xbf" + lines[5:]):
        r = succeeds("embed", "-m", MEAN, "--jsonl", "-", stdin=data)
        expect(r.out == got, r.out[:80])
    fails(4, "line 2", args=["embed", "-m", MEAN, "--jsonl", "-"],
          stdin=lines[5:] + lines[:3] + lines[5:])


@test
def text_with_nul_and_escapes_is_a_text():
    got = succeeds("embed", "-m", MEAN, "--jsonl", "-",
                   stdin='{"text":"a\\u0000b\\ud83d\\ude00"}').lines()
    expect(len(got[0]["vector"]) == 48, "vector")


BAD_LINES = {
    "a text given twice": b'{"text":"a","text":"b"}',
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
            # Many conversations: each warms up one length only.
            r = fails(4, "line 3", args=["embed", "-m", MEAN, "--jsonl", where,
                                         "--buckets", "8"], stdin=data)
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
    fails(3, f"{TMP}: line 1", args=["embed", "-m", MEAN, "--jsonl", TMP])


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
                   stdin=jsonl(*[{"text": "where has the kettle gone, and "
                                          "who drank the tea"}] * 2)).lines()
    for item in got:
        expect(item["receipt"]["input"]["texts"] == 1, "texts")
        expect(item["receipt"]["input"]["tokens"] == item["tokens"] ==
               len(item["ids"]), "tokens")
    expect(got[1]["receipt"]["band"]["verdict"] != "none", "no band")
    for item in succeeds("embed", "-m", MEAN, "--jsonl", "-", "--receipt",
                         stdin=jsonl({"text": "a"}, {"text": ""})).lines():
        expect(item["receipt"]["band"]["verdict"] != "none", "short text")


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


@test
def closed_stream_is_no_place_for_another_file():
    file = TMP / "closed.jsonl"
    command = 'exec "$0" embed -m "$1" --receipt-log "$2" --dims 7 x'
    for closed, code in (("<&-", 0), (">&-", 3), ("2>&-", 0),
                         ("<&- >&- 2>&-", 3)):
        file.unlink(missing_ok=True)
        p = subprocess.run(["sh", "-c", f"{command} {closed}", COMMAND, MEAN,
                            file], capture_output=True, env=environment())
        expect(p.returncode == code, f"{closed}: exit {p.returncode}")
        lines = file.read_text().splitlines()
        expect(len(lines) == 1 and "anemone_receipt" in json.loads(lines[0]),
               f"{closed}: {lines}")


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
def interrupt_while_reading_cases_is_no_failure():
    p = start("predict", MEAN, "--inputs", "-", "--json")
    # More than a pipe holds: when all is written it is being read.
    p.stdin.write(b'{"cases":[' + b" " * 300000)
    p.stdin.flush()
    p.send_signal(signal.SIGINT)
    time.sleep(0.1)
    p.stdin.close()
    code = p.wait(60)
    out, err = p.stdout.read(), p.stderr.read()
    expect(code == 130 and out == b"" and err == b"", f"{code} {out!r} {err!r}")


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
    form = (r"breakdown tok=T \| bind=T \| pred=T \| post=T \| total=T \| "
            r"cpu \(observed\) \| band [a-z]+( \| queue=T)?")
    for line in lines:
        expect(re.fullmatch(form.replace("T", r"\d+\.\dms"), line), line)
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
def receipt_log_goes_on_after_a_line_that_was_cut():
    file = TMP / "cut.jsonl"
    file.write_text('{"anemone_receipt":1}\n{"anemone_rec')
    succeeds("embed", "-m", MEAN, "--receipt-log", file, "x")
    lines = file.read_text().splitlines()
    expect(lines[1] == '{"anemone_rec' and len(lines) == 3, str(len(lines)))
    expect(json.loads(lines[2])["anemone_receipt"] == 1, lines[2])


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
