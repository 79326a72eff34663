/* verb_help.c - `help`, the help text of every verb, and the version.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "document.h"

static void print_overview(FILE *out)
{
    fputs("usage: anemone [OPTIONS] VERB [OPTIONS] [ARGUMENTS]\n\n"
          "Text to vectors on the device you named, with proof.\n\nverbs:\n",
          out);
    for (const cli_verb *const *v = cli_verbs; *v; v++)
        fprintf(out, "  %-10s %s\n", (*v)->name, (*v)->summary);
    fputs("\n`anemone help VERB` tells of one. For every verb:\n", out);
}

static void print_verb(FILE *out, const cli_verb *verb)
{
    fprintf(out, "usage: anemone %s [OPTIONS] %s\n\n", verb->name,
            verb->arguments);
    cli_wrap(out, verb->about, 0, 80);
    fprintf(out, "\nexample:\n  %s\n", verb->example);
    if (verb->n_options) {
        fputs("\noptions:\n", out);
        cli_options_print(out, verb->options, verb->n_options);
    }
    fputs("\nfor every verb:\n", out);
}

void cli_help_print(FILE *out, const cli_verb *verb)
{
    cli_settings settings;

    cli_settings_init(&settings);
    if (verb) {
        print_verb(out, verb);
    } else {
        print_overview(out);
    }
    cli_options_print(out, cli_common_options, cli_n_common_options);
    cli_options_print(out, settings.flags, CLI_SETTING_COUNT);
    if (verb) return;
    fputs("\nenvironment, where the flag is not given:\n", out);
    cli_settings_variables(out);
}

int cli_version_print(cli *c)
{
    anm_error err;
    char *json = NULL;

    anm_status status = cli_settings_settle(&c->settings, &err);
    if (!status) status = anm_build_json(c->settings.options.cpu, &json, &err);
    if (status) return cli_report(c, &err);
    if (!c->json) printf("anemone %s\n\n", ANM_VERSION);
    status = cli_document_show(stdout, &c->term, json, c->json, &err);
    anm_free(json);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}

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
    cli_help_print(stdout, verb);
    return cli_finish(c, CLI_DONE);
}

const cli_verb cli_verb_help = {
    .name = "help",
    .summary = "tell of the command or of one verb",
    .arguments = "[VERB]",
    .about = "Prints what the command, or one verb, does and takes.",
    .example = "anemone help embed",
    .run = run_help,
};
