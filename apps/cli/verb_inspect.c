/* verb_inspect.c - `inspect`: what a model is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "document.h"
#include "session.h"

#include <string.h>

typedef struct inspect_options {
    bool tensors, ops, strict;
} inspect_options;

static const cli_option options[] = {
    { "tensors", 0, CLI_SWITCH, offsetof(inspect_options, tensors), NULL,
      "list every tensor", 0, 0 },
    { "ops", 0, CLI_SWITCH, offsetof(inspect_options, ops), NULL,
      "list every operation", 0, 0 },
    { "strict", 0, CLI_SWITCH, offsetof(inspect_options, strict), NULL,
      "exit with 1 when the lint has errors", 0, 0 },
};

/* Errors of the lint; the document names each entry's severity. */
static size_t count_lint_errors(const json_t *root)
{
    const json_t *lint = json_object_get(root, "lint"), *one;
    size_t n = 0, i;

    json_array_foreach(lint, i, one)
    {
        const char *severity =
            json_string_value(json_object_get(one, "severity"));
        n += severity && !strcmp(severity, "error");
    }
    return n;
}

static int print_answer(cli *c, const inspect_options *o, const char *json)
{
    anm_error err;
    size_t n_errors = 0;

    json_t *root = cli_document_read(json, &err);
    if (!root) return cli_report(c, &err);
    if (o->strict) n_errors = count_lint_errors(root);
    if (c->json) {
        cli_document_write(stdout, json);
    } else {
        json_object_del(root, "anemone_inspect");
        cli_document_print(stdout, &c->term, root);
    }
    json_decref(root);
    return cli_finish(c, n_errors ? CLI_NEGATIVE : CLI_DONE);
}

static int run_inspect(cli *c, int argc, char **argv)
{
    inspect_options o = { 0 };
    cli_session session;
    anm_options model;
    anm_error err;
    char *json = NULL;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    cli_session_options(&session, c, &model);
    anm_status status = cli_session_model(c, &model, &err);
    const unsigned flags =
        (o.tensors ? ANM_INSPECT_TENSORS : 0u) | (o.ops ? ANM_INSPECT_OPS : 0u);
    if (!status) status = anm_inspect(&model, flags, &json, &err);
    cli_progress_end(&session.progress);
    if (status) return cli_report(c, &err);
    const int code = print_answer(c, &o, json);
    anm_free(json);
    return code;
}

const cli_verb cli_verb_inspect = {
    .name = "inspect",
    .summary = "tell what a model is",
    .arguments = "[MODEL]",
    .about = "Prints format, architecture, recipe, fingerprint, sizes, the "
             "least time that its bytes and operations need on this machine, "
             "and what in its files is contradictory or unused.",
    .example = "anemone inspect all-MiniLM-L6-v2",
    .run = run_inspect,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
