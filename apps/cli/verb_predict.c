/* verb_predict.c - `predict`: raw arrays through a package.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "raw_array.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Longest document of cases, in bytes. */
enum { DOCUMENT_MAX = 1 << 30 };

typedef struct predict_options {
    const char *inputs;
    const char *function; /* of the settings */
} predict_options;

static const cli_option options[] = {
    { "inputs", 0, CLI_STRING, offsetof(predict_options, inputs), "FILE",
      "the cases, as JSON; - is stdin", 0, 0 },
};

/* ---- Reading --------------------------------------------------------------- */

static anm_status read_all(FILE *in, const char *path, char **out, size_t *len,
                           anm_error *err)
{
    size_t cap = 1 << 16;

    *len = 0;
    *out = malloc(cap);
    while (*out) {
        *len += fread(*out + *len, 1, cap - *len, in);
        if (cli_interrupted()) return ANM_OK;
        if (ferror(in))
            return cli_fail(err, ANM_E_IO, "%s: %s", path, strerror(errno));
        if (*len < cap) return ANM_OK;
        if (cap >= DOCUMENT_MAX)
            return cli_fail(err, ANM_E_LIMIT, "%s: over %d bytes", path,
                            DOCUMENT_MAX);
        cap *= 2;
        char *more = realloc(*out, cap);
        if (!more) break;
        *out = more;
    }
    return cli_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
}

static anm_status parse_cases(const char *path, const char *text, size_t len,
                              json_t **root, anm_error *err)
{
    json_error_t at;

    *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    if (!*root)
        return cli_fail(err, ANM_E_FORMAT, "%s: line %d, column %d: %s", path,
                        at.line, at.column, at.text);
    if (json_is_array(json_object_get(*root, "cases"))) return ANM_OK;
    return cli_fail(err, ANM_E_FORMAT,
                    "%s: must be an object with a list \"cases\"", path);
}

/* *root stays NULL when it was interrupted. */
static anm_status read_cases(const char *path, json_t **root, anm_error *err)
{
    const bool is_stdin = !strcmp(path, "-");
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    char *text = NULL;
    size_t len = 0;

    if (!in)
        return cli_fail(err, errno == ENOENT ? ANM_E_NOTFOUND : ANM_E_IO,
                        "%s: %s", path, strerror(errno));
    anm_status status = read_all(in, path, &text, &len, err);
    if (!is_stdin) fclose(in);
    if (!status && !cli_interrupted())
        status = parse_cases(path, text, len, root, err);
    free(text);
    return status;
}

/* ---- Running --------------------------------------------------------------- */

static void write_answer(FILE *out, const json_t *c,
                         const anm_raw_array *outputs, size_t n)
{
    const json_t *label = json_object_get(c, "label");

    fputc('{', out);
    if (label) {
        fputs("\"label\":", out);
        json_dumpf(label, out, JSON_ENCODE_ANY | JSON_COMPACT);
        fputc(',', out);
    }
    fputs("\"outputs\":[", out);
    for (size_t i = 0; i < n; i++) {
        if (i) fputc(',', out);
        cli_array_write(out, &outputs[i]);
    }
    fputs("]}", out);
}

static anm_status read_settings(const json_t *c, const predict_options *o,
                                const char **function, bool *reset,
                                anm_error *err)
{
    const json_t *name = json_object_get(c, "function");
    const json_t *state = json_object_get(c, "reset_state");

    *function = o->function;
    *reset = json_is_true(state);
    if (json_is_string(name)) *function = json_string_value(name);
    if (!json_is_object(c))
        return cli_fail(err, ANM_E_FORMAT, "must be an object");
    if (name && !json_is_string(name) && !json_is_null(name))
        return cli_fail(err, ANM_E_FORMAT, "function must be a string");
    if (state && !json_is_boolean(state))
        return cli_fail(err, ANM_E_FORMAT, "reset_state must be true or false");
    return ANM_OK;
}

static anm_status run_case(anm_predictor *p, const json_t *c,
                           const predict_options *o, FILE *out, anm_error *err)
{
    const char *function;
    bool reset;
    cli_arrays inputs = { 0 };
    const anm_raw_array *outputs;
    size_t n = 0;
    anm_status status = read_settings(c, o, &function, &reset, err);

    if (status) return status;
    status = cli_arrays_read(&inputs, json_object_get(c, "inputs"), err);
    if (!status && reset) anm_predictor_reset(p);
    if (!status)
        status = anm_predictor_run(p, function, inputs.items, inputs.n,
                                   &outputs, &n, err);
    if (!status) write_answer(out, c, outputs, n);
    cli_arrays_deinit(&inputs);
    // What the library was given came from the file.
    if (status == ANM_E_ARG) status = err->status = ANM_E_FORMAT;
    return status;
}

static anm_status fail_case(const json_t *c, size_t i, const char *path,
                            const anm_error *why, anm_error *err)
{
    const char *label = json_string_value(json_object_get(c, "label"));
    char quoted[128] = "";

    if (label && *label) snprintf(quoted, sizeof(quoted), " '%.100s'", label);
    return cli_fail(err, why->status, "%.300s: case %zu%s: %.500s", path, i,
                    quoted, why->message);
}

static anm_status run_cases(anm_predictor *p, const json_t *root,
                            const predict_options *o, FILE *out, anm_error *err)
{
    const json_t *c;
    size_t i;

    fputs("{\"cases\":[", out);
    json_array_foreach(json_object_get(root, "cases"), i, c)
    {
        anm_error why;
        if (i) fputc(',', out);
        const anm_status status = run_case(p, c, o, out, &why);
        if (status) return fail_case(c, i, o->inputs, &why, err);
        if (cli_interrupted()) break;
    }
    fputs("]}\n", out);
    return ANM_OK;
}

/* The answer is written when all of it is there: neither an error nor an
 * interrupt leaves half of it. */
static anm_status answer(anm_predictor *p, const json_t *root,
                         const predict_options *o, anm_error *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    anm_status status = run_cases(p, root, o, out, err);
    if (fclose(out) && !status)
        status = cli_fail(err, ANM_E_NOMEM, "out of memory");
    if (!status && !cli_interrupted()) fwrite(text, 1, len, stdout);
    free(text);
    return status;
}

static int run_predict(cli *c, int argc, char **argv)
{
    predict_options o = { 0 };
    cli_session session;
    anm_options model;
    anm_predictor *p = NULL;
    json_t *root = NULL;
    anm_error err;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    cli_session_options(&session, c, &model);
    o.function = model.function;
    anm_status status = cli_session_model(c, &model, &err);
    if (!status && !o.inputs)
        status = cli_fail(&err, ANM_E_ARG,
                          "no cases: give --inputs FILE, or --inputs -");
    if (!status) status = anm_predictor_open(&p, &model, &err);
    if (!status) status = read_cases(o.inputs, &root, &err);
    if (!status && root) status = answer(p, root, &o, &err);
    json_decref(root);
    anm_predictor_close(p);
    if (status) return cli_report(c, &err);
    return cli_finish(c, cli_interrupted() ? CLI_INTERRUPTED : CLI_DONE);
}

const cli_verb cli_verb_predict = {
    .name = "predict",
    .summary = "run raw arrays through a package or a model",
    .arguments = "[MODEL] --inputs FILE|-",
    .about = "Reads { \"cases\": [ { \"label\": …, \"function\": …, "
             "\"reset_state\": …, \"inputs\": [ { \"name\": …, \"dtype\": "
             "…, \"shape\": …, \"values\": … } ] } ] }, runs the cases in "
             "order, and writes their outputs in the same form. Cases share "
             "the states of the package unless \"reset_state\" is true. A "
             "model that is no package takes \"ids\" and \"mask\" and gives "
             "\"vector\".",
    .example = "anemone predict model.mlpackage --inputs cases.json",
    .run = run_predict,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
