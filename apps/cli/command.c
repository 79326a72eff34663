/* command.c - the arguments of a verb: read, settled, checked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

anm_status cli_parse(cli *c, void *values, bool globals, int argc, char **argv,
                     anm_error *err)
{
    const cli_options groups[] = {
        { c->verb ? c->verb->options : NULL, c->verb ? c->verb->n_options : 0,
          values },
        { cli_common_options, cli_n_common_options, c },
        { c->settings.flags, CLI_SETTING_COUNT, (void *)c->settings.given },
    };
    const cli_parse_params params = { groups, 3, globals };

    c->args = argv;
    return cli_options_parse(&params, argc, argv, &c->n_args, err);
}

bool cli_begin(cli *c, void *values, int argc, char **argv)
{
    anm_error err;

    anm_status status = cli_parse(c, values, false, argc, argv, &err);
    if (status) {
        c->exit_code = cli_report(c, &err);
        return false;
    }
    if (c->help) {
        c->exit_code = cli_help_give(c, c->verb);
        return false;
    }
    if (c->version) {
        c->exit_code = cli_version_print(c);
        return false;
    }
    status = cli_settings_settle(&c->settings, &err);
    if (status) {
        c->exit_code = cli_report(c, &err);
        return false;
    }
    c->settings.options.verify = c->verify;
    return true;
}

anm_status cli_check_texts(const cli *c, const char *jsonl, anm_error *err)
{
    if (jsonl && c->json)
        return cli_fail(err, ANM_E_ARG,
                        "--json and --jsonl exclude each other");
    if (jsonl && c->n_args > (*jsonl ? 0 : 1))
        return cli_fail(err, ANM_E_ARG,
                        "--jsonl takes one FILE, and no texts; there are %zu "
                        "arguments",
                        c->n_args);
    if (!jsonl && c->n_args == 0)
        return cli_fail(err, ANM_E_ARG,
                        "no text: give TEXT as an argument, or --jsonl -");
    return ANM_OK;
}

anm_status cli_check_skip(bool skips, const char *jsonl, anm_error *err)
{
    if (!skips || jsonl) return ANM_OK;
    return cli_fail(err, ANM_E_ARG, "--on-error needs --jsonl");
}
