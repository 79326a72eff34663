/* main.c - the command: its verbs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

const cli_verb *const cli_verbs[] = {
    &cli_verb_embed,  &cli_verb_tokenize, &cli_verb_add,     &cli_verb_search,
    &cli_verb_get,    &cli_verb_rm,       &cli_verb_ls,      &cli_verb_stats,
    &cli_verb_check,  &cli_verb_backup,   &cli_verb_compact, &cli_verb_inspect,
    &cli_verb_plan,   &cli_verb_predict,  &cli_verb_bench,   &cli_verb_cache,
    &cli_verb_doctor, &cli_verb_watch,    &cli_verb_help,    NULL,
};

int main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
