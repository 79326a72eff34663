"""test_documents.py - manual, completion and documents name what the command
takes, all of it and nothing else.

SPDX-License-Identifier: Apache-2.0
"""
import functools
import pathlib
import re
import shutil
import subprocess

from harness import VERBS, Skip, expect, succeeds, test

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMPLETION = ROOT / "completions" / "anemone.bash"
MANUAL = ROOT / "docs" / "anemone.1"
FLAG = r"--[a-z][a-z-]*[a-z]|--k\b"


@functools.lru_cache(maxsize=None)
def listed(*verb):
    """Flags that help lists in its left column."""
    out = succeeds("help", *verb).out
    return {m.group(1) for m in
            re.finditer(rf"^  (?:-\w, |    )({FLAG})", out, re.M)}


def every_flag():
    return set().union(listed(), *(listed(verb) for verb in VERBS))


def completed(*words):
    """What the completion offers for the last word."""
    if not shutil.which("bash"):
        raise Skip("no bash")
    script = (f'source "{COMPLETION}"; COMP_WORDS=("$@"); '
              'COMP_CWORD=$(($# - 1)); _anemone 2>/dev/null; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", "anemone",
                           *words], capture_output=True, text=True, timeout=60)
    expect(done.returncode == 0, done.stderr)
    return [line for line in done.stdout.splitlines() if line]


def differ(what, got, wanted):
    missing, extra = sorted(wanted - set(got)), sorted(set(got) - wanted)
    expect(not missing and not extra,
           f"{what}: lacks {missing}, has besides {extra}")


@test
def completion_offers_every_verb_and_no_other():
    differ("verbs", completed(""), set(VERBS))
    differ("help", completed("help", ""), set(VERBS))


@test
def completion_offers_the_options_of_each_verb_and_no_other():
    for verb in VERBS:
        differ(verb, completed(verb, "--"), listed(verb))
    differ("before a verb", completed("--"), listed())


@test
def completion_offers_the_words_that_an_option_takes():
    for verb in VERBS:
        for flag, words in re.findall(rf"({FLAG}) ([a-z0-9]+(?:\|[a-z0-9]+)+)",
                                      succeeds("help", verb).out):
            differ(f"{verb} {flag}", completed(verb, flag, ""),
                   set(words.split("|")))


@test
def manual_names_every_verb_and_option_and_no_other():
    text = MANUAL.read_text().replace("\\-", "-")
    named = set(re.findall(rf"(?<![-\w])({FLAG})", text))
    differ("options", named, every_flag())
    verbs = text[text.index(".SH VERBS"):text.index(".SH OPTIONS OF EVERY")]
    for verb in VERBS:
        expect(re.search(rf'^\.B\w* "?{verb}\b', verbs, re.M), verb)


@test
def documents_name_options_that_exist():
    known = every_flag()
    for folder in ("tools", "tests/scenarios", "tests/kern", "tests/fake"):
        for path in (ROOT / folder).iterdir():
            if path.is_file():
                known.update(re.findall(FLAG, path.read_text("utf-8",
                                                             "replace")))
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for line in path.read_text().splitlines():
            for flag in re.findall(rf"(?<![-\w])({FLAG})", line):
                expect(flag in known or "llama" in line,
                       f"{path.name}: {flag} in: {line.strip()}")
