#!/usr/bin/env python3
"""run.py - the command as a user runs it.

    run.py COMMAND [WORD]

Runs every test whose name or file holds WORD. Uses the tiny models of tests/data, and a
cache folder and stores of its own. Exit code 70 has no way to be reached and no
test here.

SPDX-License-Identifier: Apache-2.0
"""
import importlib
import pathlib
import shutil
import sys

from harness import TESTS, TMP, Skip

# Importing a part registers its tests.
for part in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
    importlib.import_module(part.stem)


def main():
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    passed = failed = skipped = 0
    for function in TESTS:
        name = function.__name__
        if word not in f"{function.__module__}.{name}":
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
