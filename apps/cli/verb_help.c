/* verb_help.c - `help`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

static int run_help(cli *c, int argc, char **argv)
{
    anm_error err;

    if (!cli_begin(c, NULL, argc, argv)) return c->exit_code;
    const cli_verb *verb = NULL;
    if (c->n_args > 1) {
        cli_fail(&err, ANM_E_ARG, "takes one VERB; there are %zu arguments",
                 c->n_args);
        return cli_report(c, &err);
    }
    if (c->n_args > 0) {
        verb = cli_verb_find(c->args[0]);
        if (!verb) {
            cli_fail(&err, ANM_E_ARG, "unknown verb '%.60s'", c->args[0]);
            return cli_report(c, &err);
        }
    }
    return cli_help_give(c, verb);
}

const cli_verb cli_verb_help = {
    .name = "help",
    .summary = "tell of the command or of one verb",
    .arguments = "[VERB]",
    .about = "Prints what the command, or one verb, does and takes.",
    .example = "anemone help embed",
    .run = run_help,
};
