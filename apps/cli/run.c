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
    const char *nearest = "help";
    size_t best = SIZE_MAX;

    for (const cli_verb *const *v = cli_verbs; *v; v++) {
        const size_t distance = cli_name_distance(name, (*v)->name);
        if (distance >= best) continue;
        best = distance;
        nearest = (*v)->name;
    }
    cli_fail(&err, ANM_E_ARG,
             "unknown verb '%.60s'; the nearest known is '%s' (anemone help "
             "lists all)",
             name, nearest);
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
        cli_help_print(stdout, c->verb);
        return cli_finish(c, CLI_DONE);
    }
    if (used >= argc) {
        cli_help_print(stderr, NULL);
        return CLI_USAGE;
    }
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
