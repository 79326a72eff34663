"""test_usage.py - usage and settings.

SPDX-License-Identifier: Apache-2.0
"""
from harness import (
    MEAN, VERBS, environment, expect, fails, jsonl, run, succeeds, test)


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
        fails(2, "one VERB", args=["help", verb, verb])
        expect("example:\n  anemone" in long or "example:\n  ANEMONE" in long,
               verb)


@test
def help_is_a_document_with_json():
    d = succeeds("help", "--json").json()
    expect(sorted(v["name"] for v in d["verbs"]) == sorted(VERBS), str(d))
    for verb in VERBS:
        d = succeeds(verb, "--help", "--json").json()
        expect(d["anemone_help"] == 1 and d["verb"] == verb, str(d)[:80])
        expect(d == succeeds("--json", "help", verb).json(), verb)
        names = [o["name"] for o in d["options"]]
        expect("model" in names and len(names) == len(set(names)), str(names))
    r = run("--json")
    expect(r.code == 2 and r.json()["error"]["status"] == "ANM_E_ARG", r.out)


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
    for verb in ("serve",):
        fails(2, "unknown verb", args=[verb])


@test
def unknown_option_names_the_nearest():
    fails(2, "--promt", "--prompt", args=["embed", "--promt", "x"])
    fails(2, "-x", args=["embed", "-x", "a"])
    fails(2, "--rec", "'--receipt'", args=["embed", "--rec", "x"])
    fails(2, "'--nonsense'; --help lists", args=["embed", "--nonsense"])


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
    for more in (["--ids"], ["--receipt"], ["--encoding", "base64"]):
        fails(2, more[0], "npy", args=["embed", "-m", MEAN, "--format", "npy",
                                       "-o", "f", *more, "x"])
    bench = ["bench", "-m", MEAN]
    for more in (["--lines", "--mission"], ["--mission", "--evidence"],
                 ["--lines", "--json"], ["search", "--mission"],
                 ["--quick"], ["--where", "n < 3"], ["--items", "5"]):
        fails(2, [m for m in more if m.startswith("-")][0],
              args=[*bench, *more])
    fails(2, "two models", args=["inspect", MEAN, "-m", MEAN])
    succeeds("inspect", MEAN, env={"ANEMONE_MODEL": "/nowhere"})


@test
def options_without_effect_are_refused():
    for verb in (["embed", "-m", MEAN, "x"], ["tokenize", "-m", MEAN, "x"],
                 ["add", "-m", MEAN, "-c", "c", "-s", "/nowhere/no.db", "k", "x"]):
        fails(2, "--on-error", "--jsonl", args=[*verb, "--on-error", "skip"])
    fails(2, "--encoding", "--json",
          args=["embed", "-m", MEAN, "x", "--encoding", "base64"])
    for what in ("ls", "verify"):
        fails(2, "--unused-days", "prune",
              args=["cache", what, "--unused-days", "3"])
    for more in (["--quick"], ["--experiment", "idle"], ["--receipts", "f"],
                 ["--report", "r"], ["--bundle", "b.tar.gz"], ["--with-texts"],
                 [MEAN]):
        named = more[0] if more[0] != MEAN else "MODEL"
        fails(2, "--settings", named, args=["doctor", "--settings", *more])


@test
def embed_without_a_text_reads_nothing():
    fails(2, "no text", args=["embed", "-m", MEAN], stdin="a text\n")


@test
def version_tells_the_build():
    expect("0.1.0" in succeeds("--version").out, "no version")
    expect(isinstance(succeeds("--version", "--json").json(), dict), "no JSON")
    for verb in VERBS:
        for flag in ("--version", "-V"):
            expect(succeeds(verb, flag).out.startswith("anemone 0.1.0\n"),
                   f"{verb} {flag}")


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
def overcommit_is_a_setting_like_any():
    def got(*arguments, **env):
        s = settings(*arguments, **env)["overcommit"]
        return s["value"], s["origin"], s["source"]
    expect(got() == ("no", "default", None), str(got()))
    expect(got("--overcommit") == ("yes", "flag", "overcommit"), "flag")
    expect(got(ANEMONE_OVERCOMMIT="yes") ==
           ("yes", "environment", "ANEMONE_OVERCOMMIT"), "environment")
    expect(got("--overcommit=no", ANEMONE_OVERCOMMIT="yes")[0] == "no", "both")
    # The word after it is a text, not its value.
    succeeds("embed", "-m", MEAN, "--overcommit", "no")


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
            ("ANEMONE_BUCKETS", "0", "from 1"),
            ("ANEMONE_BUCKETS", ",".join(map(str, range(1, 18))), "16 lengths"),
            ("ANEMONE_LOG", "loud", "debug"),
            ("ANEMONE_KEEP_WARM", "often", "off"),
            ("ANEMONE_OVERCOMMIT", "maybe", "yes, no"),
            ("ANEMONE_TIMEOUT", "5 minutes", "5s")):
        fails(2, name, value, allowed, args=["embed", "-m", MEAN, "x"],
              env={name: value})


@test
def shares_are_read_alike_by_command_and_library():
    for share in ("0.333333333333333333", "00000000000000000.5", "1.000"):
        succeeds("embed", "-m", MEAN, "--require", f"cpu:{share}", "x")
    for share in ("1e-3", "0x1", ".", "0.0", "1.0.0"):
        fails(2, "--require: ", f"'cpu:{share}'",
              args=["embed", "-m", "/nowhere", "--require", f"cpu:{share}",
                    "x"])


@test
def bad_flag_is_refused_before_anything_is_read():
    fails(2, "--units", "FAST", "CPU_ONLY",
          args=["embed", "-m", "/nowhere", "--units", "FAST", "x"])


@test
def bucket_above_the_model_is_refused():
    fails(2, "4096", "64", args=["embed", "-m", MEAN, "--buckets", "4096", "x"])
