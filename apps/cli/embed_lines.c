/* embed_lines.c - `embed --jsonl`: a conversation on stdin, a file in bulk.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"
#include "jsonl.h"
#include "receipt_view.h"

#include <stdlib.h>
#include <string.h>

/* A bulk chunk: long enough to keep every thread busy, short enough that
 * Ctrl-C is obeyed within a second on a small model. */
enum { CHUNK_TEXTS = 64, CHUNK_BYTES = 4 << 20 };

static const char *const added[] = { "vector", "tokens",  "truncated",
                                     "ids",    "receipt", NULL };

typedef struct lines_job {
    embed_job *job;
    cli_lines lines;
    cli_item items[CHUNK_TEXTS]; /* [n_items] */
    anm_text texts[CHUNK_TEXTS];
    size_t numbers[CHUNK_TEXTS]; /* of the lines they came in */
    size_t n_items, n_bytes;
    size_t n_done, n_bad;
    bool receipts; /* every line has one of its own */
} lines_job;

/* The names that an answer takes from the line: all that it will write. */
static void begin_answer(const lines_job *l, const cli_item *item)
{
    const char *names[6];
    size_t n = 0;
    for (const char *const *name = added; *name; name++) {
        if (!strcmp(*name, "ids") && !l->job->o.ids) continue;
        if (!strcmp(*name, "receipt") && !l->job->o.receipt) continue;
        names[n++] = *name;
    }
    names[n] = NULL;
    cli_item_begin(stdout, item, names);
}

/* Items [first, first + n), whose vectors are the first n. */
static anm_status write_answers(lines_job *l, size_t first, size_t n,
                                anm_error *err)
{
    embed_job *job = l->job;

    if (job->o.format == EMBED_NPY)
        return cli_npy_add(&job->npy, job->vectors, n, err);
    for (size_t i = 0; i < n; i++) {
        begin_answer(l, &l->items[first + i]);
        anm_status status =
            cli_embed_put_fields(job, i, l->texts[first + i], err);
        if (!status && job->o.receipt) {
            fputs(",\"receipt\":", stdout);
            status = cli_receipt_write(stdout, &job->receipt, err);
        }
        if (status) return status;
        fputs("}\n", stdout);
    }
    if (fflush(stdout) == EOF)
        return cli_fail(err, ANM_E_IO, "stdout: write failed");
    return ANM_OK;
}

static anm_status embed_items(lines_job *l, size_t first, size_t n,
                              anm_error *err)
{
    embed_job *job = l->job;
    const cli_answers to = { .vectors = job->vectors,
                             .infos = job->infos,
                             .receipt = job->o.receipt ? &job->receipt : NULL };
    anm_status status = cli_session_embed(&job->session, l->texts + first, n,
                                          &job->params, &to, err);

    if (status) return status;
    for (size_t i = 0; i < n; i++) {
        job->n_cut += job->infos[i].truncated > 0;
        job->tokens_cut += job->infos[i].truncated;
    }
    l->n_done += n;
    return write_answers(l, first, n, err);
}

/* A bad line is skipped and counted, or stops. */
static anm_status skip_or_stop(lines_job *l, const anm_error *why,
                               anm_error *err)
{
    if (l->job->o.on_error != EMBED_SKIP)
        return cli_fail(err, why->status, "%s", why->message);
    cli_warn(l->job->c, "%s; skipped", why->message);
    l->n_bad++;
    return ANM_OK;
}

/* It is a text of the chunk that the model does not take: too long for it, or
 * nothing of it becomes a token. The library says which. */
static bool is_of_text(const anm_error *why)
{
    return why->status == ANM_E_LIMIT ||
           (why->status == ANM_E_ARG && !strncmp(why->message, "text ", 5));
}

/* Which line it is shows one by one, and those before it are answered. */
static anm_status embed_singly(lines_job *l, anm_error *err)
{
    static const char index[] = "text 0: ";
    anm_status status = ANM_OK;

    for (size_t i = 0; i < l->n_items && !status; i++) {
        anm_error why, numbered;

        status = embed_items(l, i, 1, &why);
        if (!status) continue;
        const bool indexed = !strncmp(why.message, index, sizeof(index) - 1);
        // An argument that is wrong is a line that is wrong, here.
        cli_fail(&numbered, status == ANM_E_ARG ? ANM_E_FORMAT : status,
                 "line %zu: %.900s", l->numbers[i],
                 why.message + (indexed ? sizeof(index) - 1 : 0));
        status = is_of_text(&why)
                     ? skip_or_stop(l, &numbered, err)
                     : cli_fail(err, status, "%s", numbered.message);
    }
    return status;
}

/* Embed and answer what has been gathered. */
static anm_status flush_chunk(lines_job *l, anm_error *err)
{
    anm_error why;
    anm_status status =
        l->n_items ? embed_items(l, 0, l->n_items, &why) : ANM_OK;

    if (status)
        status = is_of_text(&why) ? embed_singly(l, err)
                                  : cli_fail(err, status, "%s", why.message);
    for (size_t i = 0; i < l->n_items; i++)
        cli_item_deinit(&l->items[i]);
    l->n_items = 0;
    l->n_bytes = 0;
    return status;
}

/* Count a bad line, or stop: then what came before it is answered first. */
static anm_status refuse_line(lines_job *l, const anm_error *why,
                              anm_error *err)
{
    if (l->job->o.on_error != EMBED_SKIP) {
        const anm_status status = flush_chunk(l, err);
        if (status) return status;
    }
    return skip_or_stop(l, why, err);
}

static anm_status gather_line(lines_job *l, anm_text line, anm_error *err)
{
    cli_item *item = &l->items[l->n_items];
    anm_error why, numbered;

    const anm_status status = cli_item_read(item, line, &why);
    if (status) {
        cli_fail(&numbered, status, "line %zu: %.900s", l->lines.line,
                 why.message);
        return status == ANM_E_FORMAT
                   ? refuse_line(l, &numbered, err)
                   : cli_fail(err, status, "%s", numbered.message);
    }
    l->numbers[l->n_items] = l->lines.line;
    l->texts[l->n_items++] = item->text;
    l->n_bytes += line.len;
    const size_t limit = l->receipts ? 1 : CHUNK_TEXTS;
    if (l->n_items < limit && l->n_bytes < CHUNK_BYTES) return ANM_OK;
    return flush_chunk(l, err);
}

/* A dummy prediction, so that the next line finds the caches warm. */
static void keep_warm(lines_job *l)
{
    const anm_text dummy = anm_text_of("keep warm");
    anm_embed_with(l->job->session.model, &dummy, 1, &l->job->params,
                   l->job->vectors, NULL, NULL, NULL);
}

static anm_status read_lines(lines_job *l, bool conversation, anm_error *err)
{
    embed_job *job = l->job;
    const uint64_t total = cli_lines_total(&l->lines);
    const size_t warm_ms = job->c->settings.keep_warm_ms;
    const int wait_ms = conversation && warm_ms ? (int)warm_ms : -1;
    anm_status status = ANM_OK;

    while (!status && !cli_interrupted()) {
        anm_text line;
        anm_error why;
        const cli_line got = cli_lines_next(&l->lines, wait_ms, &line, &why);
        if (got == CLI_LINE_END) break;
        if (got == CLI_LINE_FAILED)
            return cli_fail(err, why.status, "%s", why.message);
        if (got == CLI_LINE_INTERRUPTED) continue;
        if (got == CLI_LINE_BAD) {
            status = refuse_line(l, &why, err);
        } else if (line.data) {
            status = gather_line(l, line, err);
        } else {
            keep_warm(l);
        }
        if (!conversation)
            cli_progress_show(&job->session.progress,
                              cli_lines_given(&l->lines), total, l->n_done);
    }
    if (status || cli_interrupted()) return status;
    return flush_chunk(l, err);
}

static anm_status embed_lines(lines_job *l, bool conversation, anm_error *err)
{
    embed_job *job = l->job;

    job->params.bulk = !conversation;
    l->receipts = conversation || job->o.receipt;
    anm_status status = cli_embed_reserve(job, CHUNK_TEXTS, err);
    if (!status && conversation) status = cli_session_warm(&job->session, err);
    if (!status && job->o.format == EMBED_NPY)
        status = cli_npy_open(&job->npy, job->o.output, job->dim, err);
    if (status) return status;

    cli_progress_begin(&job->session.progress, "embedding", "texts/s");
    status = read_lines(l, conversation, err);
    cli_progress_end(&job->session.progress);
    if (!status && job->o.format == EMBED_NPY && !cli_interrupted())
        status = cli_npy_finish(&job->npy, err);
    cli_npy_abandon(&job->npy);
    return status;
}

int cli_embed_lines(embed_job *job, const char *path)
{
    lines_job *l = calloc(1, sizeof(*l));
    const bool conversation = !strcmp(path, "-");
    anm_error err;
    anm_status status;

    if (!l) {
        cli_fail(&err, ANM_E_NOMEM, "out of memory");
        return cli_report(job->c, &err);
    }
    l->job = job;
    status = cli_lines_open(&l->lines, path, &err);
    if (!status) status = embed_lines(l, conversation, &err);
    for (size_t i = 0; i < l->n_items; i++)
        cli_item_deinit(&l->items[i]);
    cli_lines_close(&l->lines);
    if (!status && job->n_cut && !conversation)
        cli_warn(job->c, "%zu texts were too long: %zu tokens cut off",
                 job->n_cut, job->tokens_cut);
    if (!status && l->n_bad)
        status = cli_fail(&err, ANM_E_FORMAT, "%zu bad lines were skipped",
                          l->n_bad);
    free(l);
    return status ? cli_report(job->c, &err) : cli_finish(job->c, CLI_DONE);
}
