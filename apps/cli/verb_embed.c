/* verb_embed.c - `embed`: its options, texts from arguments, and the forms of
 * the result.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"
#include "receipt_view.h"
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    { "jsonl", 0, CLI_OPTIONAL, offsetof(embed_options, jsonl), "FILE",
      "embed lines {\"id\":…,\"text\":…} of FILE in bulk, or of stdin (-) one "
      "by one, and answer each with itself and its vector",
      0, 0 },
    { "encoding", 0, CLI_CHOICE, offsetof(embed_options, encoding),
      "float|base64", "vectors as numbers, or little-endian float32", 0, 0 },
    { "prompt", 0, CLI_STRING, offsetof(embed_options, prompt), "NAME",
      "put the model's prompt of that name before each text; '' for none", 0,
      0 },
    { "prompt-text", 0, CLI_STRING, offsetof(embed_options, prompt_text),
      "TEXT", "put this before each text", 0, 0 },
    { "dims", 0, CLI_COUNT, offsetof(embed_options, dims), "N",
      "keep the first N numbers and normalise again", 1, SIZE_MAX },
    { "max-tokens", 0, CLI_COUNT, offsetof(embed_options, max_tokens), "N",
      "cut texts to N tokens, special ones included", 1, SIZE_MAX },
    { "no-truncate", 0, CLI_SWITCH, offsetof(embed_options, no_truncate), NULL,
      "refuse a text that is too long instead of cutting it (exit 8)", 0, 0 },
    { "ids", 0, CLI_SWITCH, offsetof(embed_options, ids), NULL,
      "add the token ids that entered the model", 0, 0 },
    { "receipt", 0, CLI_SWITCH, offsetof(embed_options, receipt), NULL,
      "add the receipt: where it ran, how long, in its band or not", 0, 0 },
    { "on-error", 0, CLI_CHOICE, offsetof(embed_options, on_error), "stop|skip",
      "what a bad line does; either way the exit code is 4", 0, 0 },
    { "format", 0, CLI_CHOICE, offsetof(embed_options, format), "text|npy",
      "npy writes the vectors to the file of -o", 0, 0 },
    { "output", 'o', CLI_STRING, offsetof(embed_options, output), "FILE",
      "where --format npy writes", 0, 0 },
};

static anm_status check_options(const cli *c, const embed_options *o,
                                anm_error *err)
{
    const bool npy = o->format == EMBED_NPY;
    anm_status status = cli_check_texts(c, o->jsonl, err);

    if (!status)
        status = cli_check_skip(o->on_error == EMBED_SKIP, o->jsonl, err);
    if (status) return status;
    if (o->prompt && o->prompt_text)
        return cli_fail(err, ANM_E_ARG,
                        "--prompt and --prompt-text exclude each other");
    if (npy && !o->output)
        return cli_fail(err, ANM_E_ARG, "--format npy needs -o FILE");
    if (npy && (!*o->output || strcmp(o->output, "-") == 0))
        return cli_fail(err, ANM_E_ARG,
                        "-o: '%s' is not allowed; allowed: a file, since the "
                        "header is written last",
                        o->output);
    if (npy && (o->ids || o->receipt || o->encoding != EMBED_FLOAT))
        return cli_fail(err, ANM_E_ARG,
                        "--%s and --format npy exclude each other: the file "
                        "holds vectors alone",
                        o->ids       ? "ids"
                        : o->receipt ? "receipt"
                                     : "encoding base64");
    if (npy && c->json)
        return cli_fail(err, ANM_E_ARG,
                        "--json and --format npy exclude each other");
    if (!npy && o->output)
        return cli_fail(err, ANM_E_ARG, "-o needs --format npy");
    if (o->encoding != EMBED_FLOAT && !c->json && !o->jsonl)
        return cli_fail(err, ANM_E_ARG,
                        "--encoding needs --json or --jsonl: the table for "
                        "people shows the first numbers");
    return ANM_OK;
}

static void put_model(const anm_receipt *r)
{
    fputs("{\"name\":", stdout);
    cli_json_string(stdout, r->model.name);
    fputs(",\"fingerprint\":", stdout);
    cli_json_string(stdout, r->model.fingerprint);
    fputs(",\"architecture\":", stdout);
    cli_json_string(stdout, r->model.architecture);
    printf(",\"precision\":\"%s\",\"dim\":%zu}",
           anm_precision_name(r->model.precision), r->model.dim);
}

static anm_status write_document(embed_job *job, const anm_text *texts,
                                 size_t n, anm_error *err)
{
    fputs("{\"anemone\":1,\"model\":", stdout);
    put_model(&job->receipt);
    fputs(",\"items\":[", stdout);
    for (size_t i = 0; i < n; i++) {
        printf("%s{\"id\":%zu", i ? "," : "", i);
        const anm_status status = cli_embed_put_fields(job, i, texts[i], err);
        if (status) return status;
        fputc('}', stdout);
    }
    fputs("],\"receipt\":", stdout);
    const anm_status status = cli_receipt_write(stdout, &job->receipt, err);
    fputs("}\n", stdout);
    return status;
}

static void put_ids_row(embed_job *job, anm_text text, char *out, size_t cap)
{
    size_t n, used = 0;

    if (anm_model_ids(job->session.model, text, &job->params, job->ids,
                      anm_model_max_tokens(job->session.model), &n, NULL, NULL))
        n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && used + 16 < cap; i++)
        used += (size_t)snprintf(out + used, cap - used, "%s%" PRId32,
                                 i ? " " : "", job->ids[i]);
}

static anm_status write_people(embed_job *job, const anm_text *texts, size_t n)
{
    enum { TEXT_COLUMNS = 28, NUMBERS = 4, IDS_CAP = 8192 };
    const cli_term *term = &job->c->term;
    cli_table t = { 0 };
    char ids[IDS_CAP];

    cli_table_add(&t, "TEXT\tDIM\tVECTOR\tTOKENS%s", job->o.ids ? "\tIDS" : "");
    for (size_t i = 0; i < n; i++) {
        char text[160], numbers[80] = "";
        size_t used = 0;
        cli_clip_text(text, sizeof(text), term, texts[i], TEXT_COLUMNS);
        for (size_t k = 0; k < NUMBERS && k < job->dim; k++)
            used += (size_t)snprintf(numbers + used, sizeof(numbers) - used,
                                     "%7.4f ",
                                     (double)job->vectors[i * job->dim + k]);
        if (job->dim > NUMBERS)
            snprintf(numbers + used, sizeof(numbers) - used,
                     term->utf8 ? "…" : "..");
        char tokens[64];
        const anm_text_info *info = &job->infos[i];
        snprintf(tokens, sizeof(tokens),
                 info->truncated ? "%zu, %zu cut" : "%zu", info->tokens,
                 info->truncated);
        if (job->o.ids) put_ids_row(job, texts[i], ids, sizeof(ids));
        cli_table_add(&t, "%s\t%zu\t%s\t%s%s%s", text, job->dim, numbers,
                      tokens, job->o.ids ? "\t" : "", job->o.ids ? ids : "");
    }
    cli_table_print(&t, "lrlrl", true, term, stdout);
    if (job->o.receipt) {
        fputc('\n', stdout);
        cli_receipt_draw(stdout, term, &job->receipt);
    }
    return ANM_OK;
}

static anm_status write_npy(embed_job *job, size_t n, anm_error *err)
{
    anm_status status = cli_npy_open(&job->npy, job->o.output, job->dim, err);
    if (!status) status = cli_npy_add(&job->npy, job->vectors, n, err);
    if (!status) status = cli_npy_finish(&job->npy, err);
    cli_npy_abandon(&job->npy);
    return status;
}

static anm_status embed_arguments(embed_job *job, anm_error *err)
{
    const size_t n = job->c->n_args;
    anm_text *texts = calloc(n, sizeof(*texts));
    if (!texts) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        texts[i] = anm_text_of(job->c->args[i]);

    anm_status status = cli_embed_reserve(job, n, err);
    const cli_answers to = { job->vectors, job->infos, &job->receipt };
    if (!status)
        status =
            cli_session_embed(&job->session, texts, n, &job->params, &to, err);
    if (!status && !cli_interrupted()) {
        if (job->o.format == EMBED_NPY) {
            status = write_npy(job, n, err);
        } else if (job->c->json) {
            status = write_document(job, texts, n, err);
        } else {
            status = write_people(job, texts, n);
        }
    }
    free(texts);
    return status;
}

static anm_status open_job(embed_job *job, anm_error *err)
{
    const anm_status status =
        cli_session_open(&job->session, job->c, false, err);
    if (status) return status;

    const size_t dim = anm_model_dim(job->session.model);
    if (job->o.dims > dim)
        return cli_fail(err, ANM_E_ARG,
                        "--dims: %zu is above the %zu numbers of %s",
                        job->o.dims, dim, anm_model_name(job->session.model));
    job->dim = job->o.dims ? job->o.dims : dim;
    job->params = (anm_embed_params){
        .prompt = job->o.prompt,
        .prompt_text = job->o.prompt_text,
        .dims = job->o.dims,
        .max_tokens = job->o.max_tokens,
        .no_truncate = job->o.no_truncate,
    };
    return ANM_OK;
}

static int run_embed(cli *c, int argc, char **argv)
{
    embed_job job = { .c = c };
    anm_error err;

    if (!cli_begin(c, &job.o, argc, argv)) return c->exit_code;
    anm_status status = check_options(c, &job.o, &err);
    if (!status) status = open_job(&job, &err);

    int code;
    if (status) {
        code = cli_report(c, &err);
    } else if (job.o.jsonl) {
        const char *path = *job.o.jsonl    ? job.o.jsonl
                           : c->n_args > 0 ? c->args[0]
                                           : "-";
        code = cli_embed_lines(&job, path);
    } else {
        status = embed_arguments(&job, &err);
        code = status ? cli_report(c, &err) : cli_finish(c, CLI_DONE);
    }
    cli_session_close(&job.session);
    free(job.vectors);
    free(job.infos);
    free(job.ids);
    return code;
}

const cli_verb cli_verb_embed = {
    .name = "embed",
    .summary = "turn texts into vectors",
    .arguments = "[TEXT]... | --jsonl [FILE|-]",
    .about = "Embeds each TEXT. With --jsonl FILE the lines of FILE are "
             "embedded in bulk; with --jsonl - each line of stdin is answered "
             "as soon as it is read. Other fields of a line come back "
             "unchanged.",
    .example = "anemone embed -m all-MiniLM-L6-v2 \"what are my Q2 goals?\" "
               "--receipt",
    .run = run_embed,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
