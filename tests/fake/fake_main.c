/* fake_main.c - the command on a machine that a scenario plays: takes its own
 * flags out of the command line, makes what the scenario does not need to
 * have, and runs the command as it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fake/app.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/fake/fake.h"
#include "cli/doctor.h"
#include "cli/embed.h"

static cli_verb embed_playing, doctor_playing;

const cli_verb *const cli_verbs[] = {
    &embed_playing,  &cli_verb_tokenize, &cli_verb_add,     &cli_verb_search,
    &cli_verb_get,   &cli_verb_rm,       &cli_verb_ls,      &cli_verb_stats,
    &cli_verb_check, &cli_verb_backup,   &cli_verb_compact, &cli_verb_inspect,
    &cli_verb_plan,  &cli_verb_predict,  &cli_verb_bench,   &cli_verb_cache,
    &cli_verb_watch, &doctor_playing,    &cli_verb_help,    NULL,
};

/* ---- embed without texts -------------------------------------------------------- */

/* Whether the arguments ask for nothing but the workload; looks at a copy,
 * since reading options moves them. */
static bool wants_workload(cli *c, int argc, char **argv, bool *lines)
{
    embed_options o = { 0 };
    char **copy = calloc((size_t)argc + 1, sizeof(*copy));
    bool wants = false;

    if (!copy) return false;
    memcpy(copy, argv, (size_t)argc * sizeof(*copy));
    if (!cli_parse(c, &o, false, argc, copy, NULL)) {
        wants = !c->help && !c->version && c->n_args == 0 &&
                (!o.jsonl || !*o.jsonl) && o.format == EMBED_TEXT;
        *lines = o.jsonl != NULL;
    }
    free(copy);
    return wants;
}

static int run_embed(cli *c, int argc, char **argv)
{
    embed_options o = { 0 };
    bool lines = false;

    if (!wants_workload(c, argc, argv, &lines))
        return cli_verb_embed.run(c, argc, argv);
    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    return fake_play(c, lines);
}

/* ---- doctor after the workload --------------------------------------------------- */

static char folder[4096];

/* Whether the machine itself is asked about; looks at a copy. */
static bool wants_machine(cli *c, int argc, char **argv)
{
    doctor_options o = { 0 };
    char **copy = calloc((size_t)argc + 1, sizeof(*copy));
    bool wants = false;

    if (!copy) return false;
    memcpy(copy, argv, (size_t)argc * sizeof(*copy));
    if (!cli_parse(c, &o, false, argc, copy, NULL))
        wants = !c->help && !c->version && !o.settings && !o.receipts;
    free(copy);
    return wants;
}

/* Play the workload into a receipt log. False: reported, with *code. */
static bool play_into(const char *log, cli *c, int argc, char **argv, int *code)
{
    doctor_options o = { 0 };
    anm_error err;
    char **copy = calloc((size_t)argc + 1, sizeof(*copy));
    bool played = false;

    if (!copy) return false;
    memcpy(copy, argv, (size_t)argc * sizeof(*copy));
    setenv("ANEMONE_RECEIPT_LOG", log, 1);
    if (!cli_begin(c, &o, argc, copy))
        *code = c->exit_code;
    else if (fake_play_silently(c, &err))
        *code = cli_report(c, &err);
    else
        played = true;
    unsetenv("ANEMONE_RECEIPT_LOG");
    free(copy);
    return played;
}

/* Of a played machine the doctor sees what it was asked, and then examines
 * it. */
static int run_doctor(cli *c, int argc, char **argv)
{
    static char option[] = "--receipts";
    char log[sizeof(folder) + 32];
    int code = CLI_DONE;

    if (!wants_machine(c, argc, argv))
        return cli_verb_doctor.run(c, argc, argv);
    snprintf(log, sizeof(log), "%s/receipts.jsonl", folder);
    if (!play_into(log, c, argc, argv, &code)) return code;
    char **more = calloc((size_t)argc + 3, sizeof(*more));
    if (!more) return anm_status_exit_code(ANM_E_NOMEM);
    more[0] = option;
    more[1] = log;
    memcpy(more + 2, argv, (size_t)argc * sizeof(*more));
    code = cli_verb_doctor.run(c, argc + 2, more);
    free(more);
    return code;
}

/* ---- Flags of this build ---------------------------------------------------------- */

typedef struct flags {
    const char *backend, *seed;
} flags;

/* Value of --NAME at argv[i]; *n is how many words it takes, 0: another. */
static const char *match(const char *name, int argc, char **argv, int i, int *n)
{
    const size_t len = strlen(name);

    *n = 0;
    if (strncmp(argv[i], name, len) != 0) return NULL;
    if (argv[i][len] == '=') {
        *n = 1;
        return argv[i] + len + 1;
    }
    if (argv[i][len] || i + 1 >= argc) return NULL;
    *n = 2;
    return argv[i + 1];
}

static int take_flags(flags *f, int argc, char **argv)
{
    int kept = 0, n = 0;

    for (int i = 0; i < argc; i += n ? n : 1) {
        const char *value = match("--backend", argc, argv, i, &n);
        if (n) {
            f->backend = value;
            continue;
        }
        value = match("--seed", argc, argv, i, &n);
        if (n)
            f->seed = value;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    return kept;
}

static bool has_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0) return true;
    return false;
}

static int fail(int argc, char **argv, const anm_error *err)
{
    cli c = { .json = has_json(argc, argv) };

    cli_term_init(&c.term);
    return cli_report(&c, err);
}

/* ---- What a scenario need not have -------------------------------------------------- */

static int remove_one(const char *path, const struct stat *s, int kind,
                      struct FTW *at)
{
    (void)s;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    if (*folder) nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static anm_status make_folder(anm_error *err)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof(folder), "%s/anemone-fake-XXXXXX",
             tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(folder)) return ANM_OK;
    folder[0] = '\0';
    return cli_fail(err, ANM_E_IO, "no folder for temporary files in %s",
                    tmp && *tmp ? tmp : "/tmp");
}

static void set_default(const char *name, const char *value)
{
    if (value) setenv(name, value, 0);
}

/* Flags and variables beat the scenario. */
static anm_status set_defaults(const anm_fake_scenario *s, anm_error *err)
{
    char path[sizeof(folder) + 16], threads[16];

    snprintf(threads, sizeof(threads), "%.0f", s->settings.threads);
    set_default("ANEMONE_THREADS", threads);
    set_default("ANEMONE_CPU", "scalar");
    set_default("ANEMONE_REQUIRE", s->settings.require);
    set_default("ANEMONE_ALLOW_FALLBACK", s->settings.allow_fallback);
    if (!getenv("PAPR_COREML_COMPUTE_UNITS"))
        set_default("ANEMONE_UNITS", s->settings.units);
    snprintf(path, sizeof(path), "%s/cache", folder);
    set_default("ANEMONE_CACHE_DIR", path);
    snprintf(path, sizeof(path), "%s/memory.db", folder);
    set_default("ANEMONE_STORE", path);
    snprintf(path, sizeof(path), "%s/played", folder);
    set_default("ANEMONE_MODEL", path);
    return anm_fake_model_write(path, err);
}

static anm_status begin(const flags *f, anm_error *err)
{
    static const char prefix[] = "fake:";
    char *end = NULL;
    const unsigned long seed = f->seed ? strtoul(f->seed, &end, 10) : 0;

    if (!f->backend || strncmp(f->backend, prefix, strlen(prefix)) != 0)
        return cli_fail(err, ANM_E_ARG,
                        "--backend: '%.200s' is not allowed; allowed: "
                        "fake:FILE, a scenario; this build does nothing else",
                        f->backend ? f->backend : "");
    if (f->seed && (*end || seed < 1 || seed > 1000000000))
        return cli_fail(err, ANM_E_ARG,
                        "--seed: '%.60s' is not allowed; allowed: a whole "
                        "number from 1 to 1000000000",
                        f->seed);
    anm_status status = anm_fake_begin(f->backend + strlen(prefix), seed, err);
    if (!status) status = make_folder(err);
    if (!status) status = set_defaults(anm_fake_scenario_played(), err);
    return status;
}

int main(int argc, char **argv)
{
    flags f = { 0 };
    anm_error err;

    embed_playing = cli_verb_embed;
    embed_playing.run = run_embed;
    doctor_playing = cli_verb_doctor;
    doctor_playing.run = run_doctor;
    argc = take_flags(&f, argc, argv);
    const int code =
        begin(&f, &err) ? fail(argc, argv, &err) : cli_run(argc, argv);
    remove_folder();
    anm_fake_end();
    return code;
}
