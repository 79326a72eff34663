"""test_clocks.py - receipts of a machine whose clocks jump, that sleeps, and of a
process that is stopped, in the middle of a call and between two.

SPDX-License-Identifier: Apache-2.0
"""
import json
import mmap
import os
import pathlib
import signal
import struct
import subprocess
import time

from harness import COMMAND, MEAN, TMP, Skip, environment, expect, read_line, test

SHIM = pathlib.Path(COMMAND).parent / "tests" / "clock_shim.so"
HOUR, MINUTE = 3600 * 10**9, 60 * 10**9
# Long enough for every reading of a call, at whatever place of it.
READINGS = 36


class Clocks:
    """What the command reads; see clock_shim.c."""
    NAMES = ("real", "monotonic", "boot", "countdown", "jump_monotonic",
             "jump_boot", "stop", "readings", "frozen")

    def __init__(self):
        if not SHIM.exists():
            raise Skip(f"no {SHIM}")
        self.path = TMP / "clocks"
        self.path.write_bytes(bytes(mmap.PAGESIZE))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), mmap.PAGESIZE)

    def set(self, **values):
        for name, value in values.items():
            struct.pack_into("<q", self.map, 8 * self.NAMES.index(name), value)

    def get(self, name):
        return struct.unpack_from("<q", self.map, 8 * self.NAMES.index(name))[0]


class Conversation:
    """The command, asked text by text, under these clocks."""

    def __init__(self, clocks):
        asan = os.environ.get("ASAN_OPTIONS", "")
        self.process = subprocess.Popen(
            [COMMAND, "embed", "-m", MEAN, "--jsonl", "-", "--receipt"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment(LD_PRELOAD=str(SHIM),
                            ANEMONE_TEST_CLOCKS=str(clocks.path),
                            ASAN_OPTIONS=f"{asan}:verify_asan_link_order=0"))
        self.ask()
        begin = clocks.get("readings")
        self.ask()
        expect(5 < clocks.get("readings") - begin, "the clocks are not read here")

    def send(self):
        self.process.stdin.write(b'{"text":"a river"}\n')
        self.process.stdin.flush()

    def receive(self):
        receipt = json.loads(read_line(self.process))["receipt"]
        check_sums(receipt)
        return receipt

    def ask(self):
        self.send()
        return self.receive()

    def end(self):
        self.process.stdin.close()
        expect(self.process.wait(20) == 0, f"exit {self.process.returncode}")


def check_sums(r):
    stages = dict(r["stages_ns"])
    total = stages.pop("total")
    expect(sum(stages.values()) == total, str(r["stages_ns"]))
    for name, value in {**stages, **r["counters"]}.items():
        expect(value is None or value >= 0, f"{name} {value}")


def check_stopped(r, ns):
    """Of a call that lasted at least so long and did nothing in that time: only
    the place where it stood may be named."""
    stages, causes = r["stages_ns"], r["causes"]
    outside = stages["total"] - stages["predict"] - stages["queue"]
    expect(stages["queue"] < ns / 2, str(stages))
    expect(r["counters"]["run_delay_ns"] < ns / 2, str(r["counters"]))
    for cause in causes:
        if cause["name"] == "overhead_outside_predict":
            expect(outside >= ns, str(stages))
        else:
            expect(cause["explained_ns"] < ns / 2, str(causes))
    if outside < ns:
        expect(causes[0]["name"] == "unknown", str(causes))


@test
def jump_ahead_in_any_stage_is_no_cause():
    clocks = Clocks()
    c, seen = Conversation(clocks), 0
    for k in range(1, READINGS):
        clocks.set(jump_monotonic=HOUR, jump_boot=HOUR, countdown=k)
        receipts = [c.ask() for _ in range(4)]
        clocks.set(countdown=0)
        for r in receipts:
            if r["stages_ns"]["total"] >= HOUR:
                seen += 1
                check_stopped(r, HOUR)
            else:
                expect(all(x["explained_ns"] < MINUTE for x in r["causes"]),
                       str(r["causes"]))
    expect(seen >= 5, f"{seen} calls took an hour")
    c.end()


@test
def jump_back_in_any_stage_takes_no_time_away():
    clocks = Clocks()
    c = Conversation(clocks)
    for jump in (-HOUR, -2000):
        for k in range(1, READINGS):
            clocks.set(jump_monotonic=jump, countdown=k)
            for r in [c.ask() for _ in range(4)]:
                expect(r["stages_ns"]["total"] < MINUTE, str(r["stages_ns"]))
                expect(r["counters"]["idle_before"] < MINUTE, "idle")
            clocks.set(countdown=0, monotonic=0)
    c.end()


@test
def clock_that_stands_still_does_not_stop_the_command():
    clocks = Clocks()
    c = Conversation(clocks)
    clocks.set(frozen=time.monotonic_ns())
    for _ in range(5):
        expect(c.ask()["stages_ns"]["total"] == 0, "time went on")
    clocks.set(frozen=0)
    c.ask()
    expect(0 < c.ask()["stages_ns"]["total"] < MINUTE, "time went on")
    c.end()


@test
def date_that_jumps_changes_dates_alone():
    clocks = Clocks()
    c = Conversation(clocks)
    for jump in (HOUR, -5 * HOUR, 10**18, -10**18, 0):
        clocks.set(real=jump)
        r = c.ask()
        expect(abs(r["at_ms"] - (time.time_ns() + jump) // 10**6) < 60000,
               f"{r['at_ms']} by {jump}")
        expect(r["stages_ns"]["total"] < MINUTE, str(r["stages_ns"]))
        expect(r["counters"]["idle_before"] < MINUTE, str(r["counters"]))
    c.end()


@test
def machine_that_slept_says_how_long_it_was_idle():
    clocks = Clocks()
    c = Conversation(clocks)
    clocks.set(boot=8 * HOUR)
    r = c.ask()
    expect(8 * HOUR <= r["counters"]["idle_before"] < 9 * HOUR, "between calls")
    expect(r["stages_ns"]["total"] < MINUTE, str(r["stages_ns"]))
    for k in range(2, 10):  # in the middle of a call
        clocks.set(jump_monotonic=0, jump_boot=HOUR, countdown=k)
        r = c.ask()
        expect(r["stages_ns"]["total"] < MINUTE, str(r["stages_ns"]))
        expect(r["counters"]["idle_before"] < MINUTE, str(r["counters"]))
        expect(c.ask()["counters"]["idle_before"] < MINUTE, "counted twice")
    c.end()


@test
def stopped_process_reads_unknown_or_where_it_stood():
    pause = 0.3
    clocks = Clocks()
    c, seen = Conversation(clocks), 0
    for k in (3, 4, 5, 7, 9, 11, 13, 15):
        clocks.set(stop=1, countdown=k)
        c.send()
        _, status = os.waitpid(c.process.pid, os.WUNTRACED)
        expect(os.WIFSTOPPED(status), f"status {status}")
        time.sleep(pause)
        c.process.send_signal(signal.SIGCONT)
        r = c.receive()
        if r["stages_ns"]["total"] >= pause * 1e9:
            seen += 1
            check_stopped(r, pause * 1e9)
        for _ in range(3):
            expect(all(x["explained_ns"] < pause * 5e8
                       for x in c.ask()["causes"]), "the call after it")
    expect(seen >= 4, f"{seen} calls were stopped")
    c.end()
