"""test_bench.py - bench, and what a terminal sees.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pty
import resource
import subprocess
import time

from harness import (
    COMMAND, MEAN, TMP, Skip, environment, expect, fails, is_near, jsonl,
    read_line, run, start, succeeds, test, texts)


# ---- Bench -------------------------------------------------------------------

@test
def bench_has_a_row_for_each_mode():
    d = succeeds("bench", "-m", MEAN, "--tokens", "8", "--idle", "1",
                 "--callers", "2", "--bulk", "4", "--json").json()
    modes = [r["mode"] for r in d["rows"]]
    expect(all(r["tokens"] == 8 for r in d["rows"]), str(d["rows"]))
    expect(modes == ["back_to_back", "idle_1ms", "callers_2", "bulk_4"],
           str(modes))
    for row in d["rows"]:
        values = [row[k] for k in ("min_ms", "p50_ms", "p95_ms", "p99_ms",
                                   "max_ms")]
        expect(values == sorted(values) and values[0] > 0, str(row))
        expect(row["floor_ms"] > 0 and row["n"] > 0, str(row))
        loop = row["loop_tail"]
        expect(loop is None or loop >= 1, str(row))
        expect(loop is None or row["mode"] in ("back_to_back", "bulk_4"),
               str(row))
        expect(abs(row["floor_share"] - row["floor_ms"] / row["p50_ms"]) <
               1e-3 * row["floor_share"] + 1e-9, str(row))
    for key in ("date", "machine", "state", "threads", "model", "peak"):
        expect(key in d, key)
    fails(2, "65", "64", args=["bench", "-m", MEAN, "--tokens", "65"])


@test
def bench_is_a_table_for_people():
    out = succeeds("bench", MEAN, "--tokens", "8,16").out
    expect(out.count("back_to_back") == 2, out)
    expect("FLOOR" in out and "LOOP" in out, out)


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


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (32 << 20, 32 << 20))


@test
def memory_that_runs_out_is_exit_8():
    if run("embed", "-m", MEAN, "--threads", "1", "x",
           preexec_fn=limit_memory).code:
        raise Skip("this build needs more than 32 MB for itself")
    fails(8, "out of memory", args=["bench", "-m", MEAN, "--threads", "1",
                                    "--tokens", "64", "--bulk", "65536"],
          preexec_fn=limit_memory)


@test
def bench_that_cannot_start_says_skip():
    r = run("bench", "--lines", "-m", TMP / "nowhere")
    expect(r.code == 3 and "skip" in json.loads(r.out), r.out)


@test
def bench_search_has_a_row_for_each_size():
    d = succeeds("bench", "search", "-m", MEAN, "--items", "50,100",
                 "--collections", "1,2", "--threads", "1", "--json").json()
    expect([(r["items"], r["collections"]) for r in d["rows"]] ==
           [(50, 1), (50, 2), (100, 1), (100, 2)], str(d["rows"]))
    for r in d["rows"]:
        expect(r["candidates"] == r["items"] * r["collections"], str(r))
        for part in ("embed", "search", "merge", "total"):
            expect(0 < r[f"{part}_p50_ms"] <= r[f"{part}_p99_ms"], str(r))
        expect(r["threads"] == 1 and r["bytes_per_s"] > 0, str(r))
        expect((r["beside_one"] == 1) if r["collections"] == 1 else
               r["beside_one"] > 0, str(r))
    expect(all(w["items_per_s"] > 0 for w in d["writes"]), str(d["writes"]))
    fails(2, "search takes no arguments", args=["bench", "search", MEAN])
    fails(2, "no model", args=["bench", "search"])


@test
def bench_search_keeps_a_store_only_where_it_is_named():
    folder, store = TMP / "bench-temp", TMP / "bench-kept.db"
    folder.mkdir()
    common = ["bench", "search", "-m", MEAN, "--items", "20", "--threads", "1",
              "--collections", "1", "--where", "n < 5"]
    succeeds(*common, env={"TMPDIR": str(folder)})
    expect(list(folder.iterdir()) == [], "something is left")
    out = succeeds(*common, "-s", store).out
    expect("SEARCH" in out and "GB/S" in out, out)
    kept = succeeds("ls", "-s", store, "--json").json()["collections"]
    expect([(c["name"], c["items"]) for c in kept] == [("bench-20-0", 20)],
           str(kept))


# ---- Terminal ----------------------------------------------------------------

def on_terminal(*arguments, **env):
    """stdout and stderr as one terminal; what it got."""
    try:
        ours, theirs = pty.openpty()
    except OSError as reason:
        raise Skip(f"no terminal can be made here: {reason}")
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
    args = ["embed", "-m", MEAN, "--jsonl", file, "--format", "npy", "-o", out]
    for n in (2000, 6000, 20000):  # as many as this machine needs a while for
        file.write_text(jsonl(*[{"text": "some words here"}] * n))
        begin = time.time()
        shown = on_terminal(*args)
        if time.time() - begin > 1.5:
            break
    else:
        raise Skip("this machine is too fast for a bar")
    expect("texts/s" in shown and "%" in shown, shown[:200])
    expect(on_terminal(*args, "-q") == "", "quiet")
    expect(on_terminal("embed", "-m", MEAN, "x").count("\r\x1b[K") == 0,
           "a bar for short work")
