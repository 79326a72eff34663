/* verb_tokenize.c - `tokenize`: ids and pieces, without weights.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include "floats.h"
#include "jsonl.h"

#include <inttypes.h>
#include <string.h>

typedef struct tokenize_options {
    const char *jsonl; /* NULL: texts are arguments */
    bool pieces, no_special;
    size_t skip; /* of --on-error */
} tokenize_options;

typedef struct tokenize_job {
    cli *c;
    tokenize_options o;
    anm_tokenizer *tokenizer;
    anm_encoding *encoding;
    size_t n_bad;
} tokenize_job;

static const cli_option options[] = {
    { "jsonl", 0, CLI_OPTIONAL, offsetof(tokenize_options, jsonl), "FILE",
      "tokenize lines {\"id\":…,\"text\":…} of FILE or of stdin (-), and "
      "answer each with itself and its ids",
      0, 0 },
    { "pieces", 0, CLI_SWITCH, offsetof(tokenize_options, pieces), NULL,
      "add the vocabulary's spelling of each id", 0, 0 },
    { "no-special", 0, CLI_SWITCH, offsetof(tokenize_options, no_special), NULL,
      "add no special tokens; those written in the text still count", 0, 0 },
    { "on-error", 0, CLI_CHOICE, offsetof(tokenize_options, skip), "stop|skip",
      "what a bad line does; either way the exit code is 4", 0, 0 },
};

static void put_pieces(const tokenize_job *job)
{
    const int32_t *ids = anm_encoding_ids(job->encoding);

    fputs(",\"pieces\":[", stdout);
    for (size_t i = 0; i < anm_encoding_n(job->encoding); i++) {
        if (i) fputc(',', stdout);
        cli_json_text(stdout, anm_tokenizer_piece(job->tokenizer, ids[i]));
    }
    fputc(']', stdout);
}

static void put_fields(const tokenize_job *job)
{
    fputs(",\"ids\":", stdout);
    cli_put_ids(stdout, anm_encoding_ids(job->encoding),
                anm_encoding_n(job->encoding));
    if (job->o.pieces) put_pieces(job);
}

static void put_people(const tokenize_job *job)
{
    const int32_t *ids = anm_encoding_ids(job->encoding);
    const size_t n = anm_encoding_n(job->encoding);

    for (size_t i = 0; i < n; i++)
        printf("%s%" PRId32, i ? " " : "", ids[i]);
    for (size_t i = 0; job->o.pieces && i < n; i++) {
        fputc(i ? ' ' : '\t', stdout);
        cli_put_text(stdout, &job->c->term,
                     anm_tokenizer_piece(job->tokenizer, ids[i]), SIZE_MAX);
    }
    fputc('\n', stdout);
}

static anm_status tokenize_text(tokenize_job *job, anm_text text,
                                anm_error *err)
{
    return anm_tokenize(job->tokenizer, text, !job->o.no_special, job->encoding,
                        err);
}

static anm_status tokenize_arguments(tokenize_job *job, anm_error *err)
{
    const cli *c = job->c;
    anm_error why;

    // All are read before anything is written: an error leaves no half answer.
    for (size_t i = 0; i < c->n_args; i++) {
        const anm_status status =
            tokenize_text(job, anm_text_of(c->args[i]), &why);
        if (status)
            return cli_fail(err, status, "text %zu: %.900s", i, why.message);
    }
    if (c->json) fputs("{\"anemone_tokenize\":1,\"items\":[", stdout);
    for (size_t i = 0; i < c->n_args; i++) {
        const anm_status status =
            tokenize_text(job, anm_text_of(c->args[i]), err);
        if (status) return status;
        if (c->json) {
            printf("%s{\"id\":%zu", i ? "," : "", i);
            put_fields(job);
            fputc('}', stdout);
        } else {
            put_people(job);
        }
    }
    if (c->json) fputs("]}\n", stdout);
    return ANM_OK;
}

static anm_status answer_line(tokenize_job *job, anm_text line, anm_error *err)
{
    static const char *const added[] = { "ids", "pieces", NULL };
    static const char *const added_ids[] = { "ids", NULL };
    cli_item item;

    anm_status status = cli_item_read(&item, line, err);
    if (status) return status;
    status = tokenize_text(job, item.text, err);
    if (!status) {
        cli_item_begin(stdout, &item, job->o.pieces ? added : added_ids);
        put_fields(job);
        fputs("}\n", stdout);
    }
    cli_item_deinit(&item);
    return status;
}

static anm_status tokenize_lines(tokenize_job *job, cli_lines *lines,
                                 bool conversation, anm_error *err)
{
    while (!cli_interrupted()) {
        anm_text line;
        anm_error why;
        const cli_line got = cli_lines_next(lines, -1, &line, &why);
        if (got == CLI_LINE_END) break;
        if (got == CLI_LINE_INTERRUPTED) continue;
        anm_status status = got == CLI_LINE_GIVEN ? ANM_OK : why.status;
        if (!status) {
            anm_error inner;
            status = answer_line(job, line, &inner);
            if (status)
                cli_fail(&why, status, "line %zu: %.900s", lines->line,
                         inner.message);
        }
        const bool is_bad = status == ANM_E_FORMAT || status == ANM_E_LIMIT;
        if (status && !(is_bad && job->o.skip))
            return cli_fail(err, status, "%s", why.message);
        if (status) {
            cli_warn(job->c, "%s; skipped", why.message);
            job->n_bad++;
        }
        if ((conversation && fflush(stdout) == EOF) || ferror(stdout))
            return cli_fail(err, ANM_E_IO, "stdout: write failed");
    }
    if (job->n_bad)
        return cli_fail(err, ANM_E_FORMAT, "%zu bad lines were skipped",
                        job->n_bad);
    return ANM_OK;
}

static anm_status check_options(const cli *c, const tokenize_options *o,
                                anm_error *err)
{
    const cli_settings *s = &c->settings;

    if (!s->options.tokenizer && !s->options.model)
        return cli_fail(err, ANM_E_ARG,
                        "no tokenizer: give -m MODEL or --tokenizer FILE");
    const anm_status status = cli_check_texts(c, o->jsonl, err);
    return status ? status : cli_check_skip(o->skip, o->jsonl, err);
}

static anm_status run_job(tokenize_job *job, anm_error *err)
{
    const cli *c = job->c;
    anm_options how = c->settings.options;

    how.cache_dir = c->settings.text[CLI_CACHE_DIR];
    anm_status status = anm_tokenizer_open_with(&job->tokenizer, &how, err);
    if (!status) status = anm_encoding_new(&job->encoding, err);
    if (status) return status;
    if (!job->o.jsonl) return tokenize_arguments(job, err);

    const char *path = *job->o.jsonl   ? job->o.jsonl
                       : c->n_args > 0 ? c->args[0]
                                       : "-";
    cli_lines lines;
    status = cli_lines_open(&lines, path, err);
    if (!status) status = tokenize_lines(job, &lines, !strcmp(path, "-"), err);
    cli_lines_close(&lines);
    return status;
}

static int run_tokenize(cli *c, int argc, char **argv)
{
    tokenize_job job = { .c = c };
    anm_error err;

    if (!cli_begin(c, &job.o, argc, argv)) return c->exit_code;
    anm_status status = check_options(c, &job.o, &err);
    if (!status) status = run_job(&job, &err);
    anm_encoding_free(job.encoding);
    anm_tokenizer_close(job.tokenizer);
    if (!status) return cli_finish(c, CLI_DONE);
    fflush(stdout); // the good lines before a bad one
    return cli_report(c, &err);
}

const cli_verb cli_verb_tokenize = {
    .name = "tokenize",
    .summary = "turn texts into token ids",
    .arguments = "[TEXT]... | --jsonl [FILE|-]",
    .about = "Prints the ids of each TEXT, of the tokenizer of -m MODEL or of "
             "--tokenizer FILE. Never truncates; needs no weights.",
    .example = "anemone tokenize --tokenizer tokenizer.json --pieces \"hello\"",
    .run = run_tokenize,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
