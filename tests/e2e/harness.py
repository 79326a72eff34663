"""harness.py - starts the command, and says what went wrong.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile

COMMAND = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "anemone"
DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
MEAN, CLS = DATA / "tiny-bert-mean", DATA / "tiny-bert-cls"
VERBS = ("embed", "tokenize", "add", "search", "get", "rm", "ls", "stats",
         "check", "backup", "compact", "inspect", "plan", "predict", "bench",
         "cache", "doctor", "watch", "help")
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


def start(*arguments, **env):
    return subprocess.Popen([COMMAND, *map(os.fspath, arguments)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment(**env))


def read_line(process, seconds=60):
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    expect(ready, "no answer")
    return process.stdout.readline()
