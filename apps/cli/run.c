/* run.c - from the command line to an exit code: global options, the verb.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <string.h>

/* Errors in options come before --json is read, and must obey it. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--json")) return true;
    return false;
}

static int fail_verb(const cli *c, const char *name)
{
    anm_error err;
    const char *nearest = NULL;
    size_t best = 0;

    for (const cli_verb *const *v = cli_verbs; *v; v++)
        cli_guess(name, (*v)->name, &nearest, &best);
    cli_fail(&err, ANM_E_ARG, "unknown verb '%.60s'; %s%s%s", name,
             nearest ? "the nearest known is '" : "anemone help lists all",
             nearest ? nearest : "",
             nearest ? "' (anemone help lists all)" : "");
    return cli_report(c, &err);
}

/* For a person the overview; a program gets the error it can read. */
static int fail_no_verb(const cli *c)
{
    anm_error err;

    if (!c->json) {
        cli_help_print(stderr, NULL);
        return CLI_USAGE;
    }
    cli_fail(&err, ANM_E_ARG, "no verb; anemone help lists all");
    return cli_report(c, &err);
}

static int run(cli *c, int argc, char **argv)
{
    anm_error err;

    if (cli_parse(c, NULL, true, argc - 1, argv + 1, &err))
        return cli_report(c, &err);
    const int used = (int)c->n_args + 1;
    if (c->version) return cli_version_print(c);
    if (c->help) {
        c->verb = used < argc ? cli_verb_find(argv[used]) : NULL;
        return cli_help_give(c, c->verb);
    }
    if (used >= argc) return fail_no_verb(c);
    const cli_verb *verb = cli_verb_find(argv[used]);
    if (!verb) return fail_verb(c, argv[used]);
    c->verb = verb;
    return verb->run(c, argc - used - 1, argv + used + 1);
}

int cli_run(int argc, char **argv)
{
    cli c = { 0 };

    cli_streams_hold();
    cli_signals_init();
    cli_term_init(&c.term);
    cli_settings_init(&c.settings);
    c.json = wants_json(argc, argv);
    const int code = run(&c, argc, argv);
    return cli_interrupted() ? CLI_INTERRUPTED : code;
}
