/* verbs.c - the verb of a name, and the options that every verb takes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <string.h>

const cli_option cli_common_options[] = {
    { "json", 0, CLI_SWITCH, offsetof(cli, json), NULL,
      "one JSON document on stdout", 0, 0 },
    { "quiet", 'q', CLI_SWITCH, offsetof(cli, quiet), NULL,
      "no progress and no warnings", 0, 0 },
    { "verify", 0, CLI_SWITCH, offsetof(cli, verify), NULL,
      "hash weights and prepared model again", 0, 0 },
    { "help", 'h', CLI_SWITCH, offsetof(cli, help), NULL, "this text", 0, 0 },
    { "version", 'V', CLI_SWITCH, offsetof(cli, version), NULL,
      "version, compiler, instruction sets, backends", 0, 0 },
};
const size_t cli_n_common_options =
    sizeof(cli_common_options) / sizeof(cli_common_options[0]);

const cli_verb *cli_verb_find(const char *name)
{
    for (const cli_verb *const *v = cli_verbs; *v; v++)
        if (!strcmp((*v)->name, name)) return *v;
    return NULL;
}
