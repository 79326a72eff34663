/* help.c - the help text of the command and of every verb, and the version.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "document.h"

#include <string.h>

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

/* True when the verb has an option of that name itself. */
static bool is_own(const cli_verb *verb, const char *name)
{
    for (size_t i = 0; verb && i < verb->n_options; i++)
        if (!strcmp(verb->options[i].name, name)) return true;
    return false;
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
    for (size_t i = 0; i < CLI_SETTING_COUNT; i++)
        if (!is_own(verb, settings.flags[i].name))
            cli_options_print(out, &settings.flags[i], 1);
    if (verb) return;
    fputs("\nenvironment, where the flag is not given:\n", out);
    cli_settings_variables(out);
}

/* ---- For programs ---------------------------------------------------------- */

static void put_option(const cli_option *o, bool first)
{
    const char letter[] = { o->letter, '\0' };

    fputs(first ? "{\"name\":" : ",{\"name\":", stdout);
    cli_json_string(stdout, o->name);
    fputs(",\"letter\":", stdout);
    cli_json_string(stdout, o->letter ? letter : NULL);
    fputs(",\"value\":", stdout);
    cli_json_string(stdout, o->kind == CLI_SWITCH ? NULL : o->value);
    fputs(",\"help\":", stdout);
    cli_json_string(stdout, o->help);
    fputc('}', stdout);
}

static void put_options(const cli_verb *verb)
{
    cli_settings settings;
    bool first = true;

    cli_settings_init(&settings);
    fputs(",\"options\":[", stdout);
    for (size_t i = 0; verb && i < verb->n_options; i++, first = false)
        put_option(&verb->options[i], first);
    for (size_t i = 0; i < cli_n_common_options; i++, first = false)
        put_option(&cli_common_options[i], first);
    for (size_t i = 0; i < CLI_SETTING_COUNT; i++)
        if (!is_own(verb, settings.flags[i].name))
            put_option(&settings.flags[i], false);
    fputc(']', stdout);
}

static void put_verbs(void)
{
    fputs(",\"verbs\":[", stdout);
    for (const cli_verb *const *v = cli_verbs; *v; v++) {
        fputs(v == cli_verbs ? "{\"name\":" : ",{\"name\":", stdout);
        cli_json_string(stdout, (*v)->name);
        fputs(",\"summary\":", stdout);
        cli_json_string(stdout, (*v)->summary);
        fputc('}', stdout);
    }
    fputc(']', stdout);
}

static void put_verb(const cli_verb *verb)
{
    const char *const members[][2] = {
        { "verb", verb->name },           { "summary", verb->summary },
        { "arguments", verb->arguments }, { "about", verb->about },
        { "example", verb->example },
    };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        printf(",\"%s\":", members[i][0]);
        cli_json_string(stdout, members[i][1]);
    }
}

int cli_help_give(const cli *c, const cli_verb *verb)
{
    if (!c->json) {
        cli_help_print(stdout, verb);
        return cli_finish(c, CLI_DONE);
    }
    fputs("{\"anemone_help\":1", stdout);
    if (verb) {
        put_verb(verb);
    } else {
        put_verbs();
    }
    put_options(verb);
    fputs("}\n", stdout);
    return cli_finish(c, CLI_DONE);
}

/* ---- The version ----------------------------------------------------------- */

/* Before 3.51.3 two connections that write and checkpoint at once can lose a
 * transaction; the store allows one at a time, in all processes together. */
static void judge_sqlite(const cli *c, const char *json)
{
    json_t *root = json_loads(json, 0, NULL);
    const char *text = json_string_value(json_object_get(root, "sqlite"));
    unsigned v[3] = { 0 };

    if (text && sscanf(text, "%u.%u.%u", &v[0], &v[1], &v[2]) == 3 &&
        v[0] * 1000000u + v[1] * 1000u + v[2] < 3051003u)
        cli_warn(c,
                 "SQLite %s is below 3.51.3 and has the WAL-reset defect; "
                 "stores of anemone are guarded by their lock file, and must "
                 "not be written by other programs",
                 text);
    json_decref(root);
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
    if (!status) judge_sqlite(c, json);
    anm_free(json);
    return status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
}
