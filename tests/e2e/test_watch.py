"""test_watch.py - `watch` as a user runs it: logs that grow, rotate, are cut
and damaged; interruption. `doctor --report`: files, and a browser that opens
them where there is one.

SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tarfile
import termios
import time

from harness import (
    COMMAND, MEAN, TMP, Skip, environment, expect, fails, run, start,
    succeeds, test)
from schema import load, problems
from test_doctor import log_of, receipts, slowed


def lines_of(process, n, seconds=20):
    """The next n lines that it writes."""
    found, end = b"", time.monotonic() + seconds
    while found.count(b"\n") < n and time.monotonic() < end:
        ready, _, _ = select.select([process.stdout], [], [], 0.2)
        if ready:
            part = os.read(process.stdout.fileno(), 65536)
            if not part:
                break
            found += part
    lines = found.decode().splitlines()
    expect(len(lines) == n, f"{len(lines)} lines, not {n}: {lines}")
    return lines


@test
def watch_ends_when_nobody_reads_it_though_the_log_is_quiet():
    log = log_of("unread.jsonl", receipts(1)[-1])
    p = start("watch", "--receipts", log)
    lines_of(p, 1)
    p.stdout.close()
    expect(p.wait(60) == 0, f"exit {p.returncode}")


@test
def watch_once_counts_what_a_log_holds():
    one = receipts(3)[-1]
    log = log_of("watched.jsonl", one, slowed(one, "paging", 3), "not a receipt",
                 "{\"anemone_receipt\":2}", slowed(one, "paging", 1),
                 slowed(one, "queueing", 9))
    d = succeeds("watch", "--receipts", log, "--once", "--json").json()
    found = list(problems(d, load("watch.schema.json")))
    expect(not found, f"watch: {found[:3]}")
    expect(d["receipts"] == 4 and d["damaged"] == 2 and d["above"] == 3, str(d))
    expect([c["name"] for c in d["causes"]] == ["queueing", "paging"], str(d))
    expect(d["causes"][1] == {"name": "paging", "calls": 2,
                              "explained_ns": 4000000}, str(d))
    out = succeeds("watch", "--receipts", log, "--once").out
    for word in ("4 receipts", "2 no receipts", "paging", "2 calls", "▴", "cpu"):
        expect(word in out, f"{word} not in {out}")
    expect(all(len(l) <= 80 for l in out.splitlines()), out)


@test
def watch_sends_a_terminal_nothing_that_it_obeys():
    evil = "\x1b]0;x\x07"
    log = log_of("evil.jsonl", {
        "anemone_receipt": 1, "units": evil, "stages_ns": {"total": 5},
        "where": {"device": evil, "evidence": evil},
        "model": {"name": evil, "precision": evil},
        "causes": [{"name": evil, "explained_ns": 1}]})
    out = succeeds("watch", "--receipts", log, "--once").out
    p = start("watch", "--receipts", log)
    out += lines_of(p, 1)[0]
    p.send_signal(signal.SIGINT)
    p.wait(60)
    expect("\x1b" not in out and "\x07" not in out, repr(out))


@test
def watch_takes_numbers_beyond_all_bounds():
    log = log_of("huge.jsonl", {
        "anemone_receipt": 1, "at_ms": 1e300, "stages_ns": {"total": 1e300},
        "band": {"p50_ns": 2e300, "low_ns": 1, "high_ns": 9,
                 "verdict": "above"}, "counters": {"major_faults": 1e300}})
    out = succeeds("watch", "--receipts", log, "--once").out
    expect("major faults 9,000,000,000,000,000,000" in out, out)
    expect(all(len(line) <= 80 for line in out.splitlines()), out)


@test
def watch_follows_rotation_and_counts_what_was_cut():
    one = receipts(3)[-1]
    log = log_of("followed.jsonl", one)
    p = start("watch", "--receipts", log)
    lines_of(p, 1)
    with log.open("a") as f:
        f.write(json.dumps(slowed(one, "paging", 3)) + "\n")
    expect("paging 3.00 ms" in lines_of(p, 1)[0], "cause")
    with log.open("a") as f:  # its end comes later, in two parts
        line = json.dumps(slowed(one, "queueing", 2)) + "\n"
        f.write(line[:100])
        f.flush()
        time.sleep(0.3)
        f.write(line[100:])
    expect("queueing" in lines_of(p, 1)[0], "a line in two parts")
    log.rename(str(log) + ".1")
    time.sleep(0.3)  # nothing stands in its place for a moment
    log_of("followed.jsonl", slowed(one, "frequency", 2))
    expect("frequency" in lines_of(p, 1)[0], "after rotation")
    log_of("followed.jsonl")  # cut short in its place
    time.sleep(1)
    log_of("followed.jsonl", one)
    lines_of(p, 1)
    p.send_signal(signal.SIGINT)
    expect(p.wait(20) == 130, f"exit {p.returncode}")


@test
def watch_draws_on_a_terminal_and_leaves_it_as_it_was():
    one = receipts(3)[-1]
    log = log_of("drawn.jsonl", one, slowed(one, "paging", 3))
    for sent, code in ((signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM),
                       (signal.SIGHUP, -signal.SIGHUP)):
        master, slave = pty.openpty()
        p = subprocess.Popen([COMMAND, "watch", "--receipts", log],
                             stdout=slave, stderr=slave, stdin=slave,
                             env=environment(TERM="xterm"))
        os.close(slave)
        seen, end = b"", time.monotonic() + 20
        while b"counters" not in seen and time.monotonic() < end:
            seen += os.read(master, 65536)
        p.send_signal(sent)
        expect(p.wait(20) == code, f"{sent.name}: exit {p.returncode}")
        try:
            seen += os.read(master, 65536)
        except OSError:
            pass
        os.close(master)
        expect(seen.startswith(b"\x1b[?1049h") and b"\x1b[?1049l" in seen,
               f"{sent.name}: the terminal's own screen")
        expect(b"paging" in seen and b"above" in seen, repr(seen[-400:]))


@test
def watch_fits_into_a_small_terminal():
    one = receipts(3)[-1]
    log = log_of("small.jsonl", one, slowed(one, "paging", 3),
                 slowed(one, "queueing", 4))
    for columns, rows in ((40, 10), (20, 5), (100, 40)):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))
        p = subprocess.Popen([COMMAND, "watch", "--receipts", log],
                             stdout=slave, stderr=slave, stdin=slave,
                             env=environment(TERM="xterm"))
        os.close(slave)
        seen, end = b"", time.monotonic() + 20
        while (seen.count(b"\r\n") < min(rows, 8) - 1 and
               time.monotonic() < end):
            seen += os.read(master, 65536)
        p.send_signal(signal.SIGINT)
        expect(p.wait(20) == 130, f"exit {p.returncode}")
        os.close(master)
        screen = seen.split(b"\x1b[H", 1)[1].split(b"\x1b[?", 1)[0]
        lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", screen.decode()).rstrip(
            "\r\n").split("\r\n")
        expect(lines[0].startswith("watching"), repr(lines[0]))
        expect(len(lines) <= rows, f"{len(lines)} lines on {rows}")
        expect(all(len(line) <= columns for line in lines),
               f"{columns}: {max(lines, key=len)!r}")


@test
def watch_says_what_it_needs():
    fails(2, "--receipts", args=["watch"])
    fails(2, "--once", args=["watch", "--json", "--receipts", "x"])
    fails(3, "none.jsonl", args=["watch", "--receipts", TMP / "none.jsonl"])
    fails(3, "regular file", args=["watch", "--receipts", TMP])
    out = succeeds("watch", "--once", "--receipts", log_of("empty.jsonl")).out
    expect("no receipt yet" in out, out)


@test
def watch_ends_quietly_on_a_closed_pipe():
    one = receipts(3)[-1]
    log = log_of("piped.jsonl", *[one] * 50)
    p = start("watch", "--receipts", log)
    p.stdout.close()
    with log.open("a") as f:
        for _ in range(30):
            f.write(json.dumps(one) + "\n")
            f.flush()
            time.sleep(0.05)
            if p.poll() is not None:
                break
    expect(p.wait(20) is not None, "still running")


# ---- Report -----------------------------------------------------------------


def report_of(log):
    folder = TMP / "report"
    shutil.rmtree(folder, ignore_errors=True)
    r = run("doctor", "--receipts", log, "--report", folder, "--json")
    expect(r.code == 1, f"exit {r.code}: {r.err}")
    return folder, r.json()


def bad_log():
    one = receipts(3)[-1]
    lines = [slowed(one, None if i % 3 else "cpu_contention", 4,
                    1767225600000 + 60000 * i) for i in range(200)]
    return log_of("reported.jsonl", *lines)


@test
def report_is_the_document_and_a_page_of_it():
    folder, document = report_of(bad_log())
    expect(sorted(os.listdir(folder)) == ["doctor.json", "index.html"],
           str(os.listdir(folder)))
    expect(json.loads((folder / "doctor.json").read_text()) == document,
           "another document")
    page = (folder / "index.html").read_text()
    expect("<h1>Other processes take the CPUs</h1>" in page, page[:200])
    expect("http" not in page.replace("http-equiv", "") and
           "<script" not in page, "network or script")
    fails(3, "none", args=["doctor", "--receipts", bad_log(), "--report",
                           TMP / "none" / "deep"])
    fails(3, "regular.txt", args=["doctor", "--receipts", bad_log(), "--report",
                                  log_of("regular.txt", "")])


def bundle_of(*arguments):
    file = TMP / "bundle.tar.gz"
    file.unlink(missing_ok=True)
    r = run("doctor", *arguments, "--bundle", file, "--json")
    expect(r.code in (0, 1), f"exit {r.code}: {r.err}")
    with tarfile.open(file) as archive:
        members = archive.getmembers()
        expect(all(m.isfile() and m.name.startswith("anemone-doctor/") and
                   m.uid == 0 for m in members), str(members))
        return r.json(), {m.name.split("/")[1]:
                          archive.extractfile(m).read().decode()
                          for m in members}


@test
def bundle_holds_what_somebody_else_needs_and_no_text():
    secret = "my diary of 1987"
    one = receipts(3)[-1]
    lines = [slowed(one, None if i % 3 else "paging", 4, 60000 * i)
             for i in range(60)]
    lines[7]["text"] = secret
    lines[8]["input"]["text"] = secret
    log = log_of("bundled.jsonl", *lines, secret, json.dumps({"text": secret}))
    log_of("bundled.jsonl.1", *lines[:5])
    d, files = bundle_of("--receipts", log)
    expect(sorted(files) == ["README.txt", "doctor.json", "index.html",
                             "machine.json", "model.json", "receipts.jsonl",
                             "settings.json", "version.json"], str(list(files)))
    expect(json.loads(files["doctor.json"]) == d, "another document")
    expect(json.loads(files["machine.json"]) == d["machine"], "machine")
    kept = [json.loads(line) for line in files["receipts.jsonl"].splitlines()]
    expect(len(kept) == 65 and kept[0] == lines[0], f"{len(kept)} receipts")
    expect(not any(secret in text for text in files.values()), "a user's text")
    expect("no text" in files["README.txt"], files["README.txt"])
    _, files = bundle_of("--receipts", log, "--with-texts")
    expect(files["receipts.jsonl"].count(secret) == 4, "as it is")
    expect("--with-texts" in files["README.txt"], files["README.txt"])
    fails(2, "--bundle", args=["doctor", "--receipts", log, "--with-texts"])
    fails(3, "none", args=["doctor", "--receipts", log, "--bundle",
                           TMP / "none" / "b.tar.gz"])


@test
def bundle_of_a_model_has_its_plan():
    d, files = bundle_of("-m", MEAN, "--quick", "--experiment", "overhead")
    expect(json.loads(files["plan.json"])["anemone_plan"] == 1, "plan")
    expect(json.loads(files["model.json"])["fingerprint"] ==
           d["model"]["fingerprint"], "identity")


@test
def report_opens_in_a_browser():
    browser = next((b for b in ("chromium", "chromium-browser",
                                "google-chrome") if shutil.which(b)), None)
    if not browser:
        raise Skip("needs chromium")
    folder, _ = report_of(bad_log())
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={TMP / 'browser'}", "--dump-dom",
         (folder / "index.html").as_uri()],
        capture_output=True, timeout=120, env=environment(HOME=str(TMP)))
    dom = done.stdout.decode()
    expect(done.returncode == 0 and "Other processes take the CPUs" in dom,
           done.stderr.decode()[-300:])
    # What the parser had to mend would be elsewhere in the tree.
    expect(dom.count("<svg") == dom.count("</svg>") and
           dom.rstrip().endswith("</html>"), dom[-200:])
