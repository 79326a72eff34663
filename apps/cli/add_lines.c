/* add_lines.c - `add --jsonl`: a conversation on stdin, or lines in batches of
 * one commit each.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "add.h"
#include "jsonl.h"

#include <stdlib.h>
#include <string.h>

/* A batch: enough for one fsync to weigh little beside the embedding, and few
 * enough that Ctrl-C is obeyed and the bar moves every half second, however slow
 * the model is: what takes longer is halved, what takes a quarter of it
 * doubled. */
enum { BATCH_ITEMS = 64, BATCH_BYTES = 4 << 20 };
static const uint64_t batch_ns = 500000000;

/* What a store takes, so that a line that it would refuse is named here. */
enum { KEY_MAX_BYTES = 1024, META_MAX_DEPTH = 1000 };

typedef struct lines_job {
    add_job *job;
    cli_lines lines;
    cli_item items[BATCH_ITEMS]; /* [n] */
    anm_memo memos[BATCH_ITEMS];
    size_t numbers[BATCH_ITEMS]; /* of the lines they came in */
    size_t n, n_bytes;
    size_t limit; /* of n */
    size_t n_stored;
} lines_job;

static void drop_batch(lines_job *l)
{
    for (size_t i = 0; i < l->n; i++)
        cli_item_deinit(&l->items[i]);
    l->n = 0;
    l->n_bytes = 0;
}

/* The answer of a conversation: `before` tells what the item was counted as. */
static anm_status acknowledge(const lines_job *l, const anm_remembered *before,
                              anm_error *err)
{
    const anm_remembered *now = &l->job->total;
    const char *result = now->added > before->added       ? "new"
                         : now->updated > before->updated ? "updated"
                                                          : "unchanged";

    fputs("{\"key\":", stdout);
    cli_json_text(stdout, l->memos[0].key);
    printf(",\"result\":\"%s\",\"truncated\":%zu}\n", result, l->job->last_cut);
    if (fflush(stdout) != EOF) return ANM_OK;
    return cli_fail(err, ANM_E_IO, "stdout: write failed");
}

/* Count a bad line, or stop. */
static anm_status skip_or_stop(lines_job *l, const anm_error *why,
                               anm_error *err)
{
    if (l->job->o.on_error != ADD_SKIP)
        return cli_fail(err, why->status, "%s", why->message);
    cli_progress_end(&l->job->store.session.progress);
    cli_warn(l->job->c, "%s; skipped", why->message);
    l->job->n_bad++;
    return ANM_OK;
}

/* n items from the one at `first` on. */
static anm_status store_some(lines_job *l, size_t first, size_t n,
                             anm_error *err)
{
    const anm_remembered before = l->job->total;
    anm_status status = cli_add_items(l->job, l->memos + first, n, err);

    if (status) return status;
    l->n_stored += n;
    return l->job->conversation ? acknowledge(l, &before, err) : ANM_OK;
}

/* It is a text of the batch that the model does not take: too long for it, or
 * nothing of it becomes a token. The library names its key, or the items among
 * which it is. */
static bool is_of_text(const anm_error *why)
{
    return why->status == ANM_E_LIMIT ||
           (why->status == ANM_E_ARG && (!strncmp(why->message, "key ", 4) ||
                                         !strncmp(why->message, "items ", 6)));
}

/* Which line it is shows one by one, and those before it are stored. */
static anm_status store_singly(lines_job *l, anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t i = 0; i < l->n && !status; i++) {
        anm_error why, numbered;

        status = store_some(l, i, 1, &why);
        if (!status) continue;
        // An argument that is wrong is a line that is wrong, here.
        cli_fail(&numbered, status == ANM_E_ARG ? ANM_E_FORMAT : status,
                 "line %zu: %.900s", l->numbers[i], why.message);
        status = is_of_text(&why)
                     ? skip_or_stop(l, &numbered, err)
                     : cli_fail(err, status, "%s", numbered.message);
    }
    return status;
}

static void adapt_limit(lines_job *l, uint64_t spent_ns)
{
    if (spent_ns > batch_ns && l->limit > 1) l->limit /= 2;
    if (spent_ns < batch_ns / 4 && l->limit < BATCH_ITEMS) l->limit *= 2;
}

static anm_status store_batch(lines_job *l, anm_error *err)
{
    const uint64_t begin = cli_now_ns();
    anm_error why;
    anm_status status = l->n ? store_some(l, 0, l->n, &why) : ANM_OK;

    if (l->n == l->limit && !l->job->conversation)
        adapt_limit(l, cli_now_ns() - begin);
    if (status)
        status = is_of_text(&why) ? store_singly(l, err)
                                  : cli_fail(err, status, "%s", why.message);
    drop_batch(l);
    return status;
}

/* Count a bad line, or stop: then what came before it is stored first. */
static anm_status refuse_line(lines_job *l, const anm_error *why,
                              anm_error *err)
{
    if (l->job->o.on_error != ADD_SKIP) {
        const anm_status status = store_batch(l, err);
        if (status) return status;
    }
    return skip_or_stop(l, why, err);
}

static anm_status read_key(const cli_item *item, anm_text *out, anm_error *err)
{
    const json_t *key = json_object_get(item->object, "key");

    if (!json_is_string(key) || json_string_length(key) == 0)
        return cli_fail(err, ANM_E_FORMAT,
                        "no string \"key\", or an empty one");
    *out = (anm_text){ json_string_value(key), json_string_length(key) };
    if (out->len <= KEY_MAX_BYTES) return ANM_OK;
    return cli_fail(err, ANM_E_FORMAT,
                    "\"key\" of %zu bytes; allowed: at most %d", out->len,
                    KEY_MAX_BYTES);
}

/* How deep lists and objects of a JSON text stand in each other. */
static size_t depth_of(anm_text json)
{
    size_t depth = 0, deepest = 0;
    bool quoted = false;

    for (size_t i = 0; i < json.len; i++) {
        const char c = json.data[i];
        if (quoted) {
            if (c == '\\') i++;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest) deepest = depth;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return deepest;
}

/* Metadata goes on as it was spelled, so that its numbers keep their digits. */
static anm_status read_meta(const cli_item *item, anm_text *out, anm_error *err)
{
    const json_t *meta = json_object_get(item->object, "meta");

    *out = (anm_text){ NULL, 0 };
    if (!meta || json_is_null(meta)) return ANM_OK;
    if (!json_is_object(meta))
        return cli_fail(err, ANM_E_FORMAT, "\"meta\" is no object");
    if (!cli_item_value(item, "meta", out))
        return cli_fail(err, ANM_E_FORMAT,
                        "the name \"meta\" is spelled with escapes");
    // What the line reader lets pass and a store refuses.
    json_t *strict = json_loadb(out->data, out->len, 0, NULL);
    const bool sound = json_is_object(strict);
    json_decref(strict);
    if (!sound)
        return cli_fail(
            err, ANM_E_FORMAT,
            "\"meta\" has \\u0000 or a whole number beyond 64 bits");
    const size_t depth = depth_of(*out);
    if (depth <= META_MAX_DEPTH) return ANM_OK;
    return cli_fail(err, ANM_E_FORMAT,
                    "\"meta\" is nested %zu deep; allowed: at most %d", depth,
                    META_MAX_DEPTH);
}

static anm_status read_item(lines_job *l, anm_text line, anm_error *err)
{
    cli_item *item = &l->items[l->n];
    anm_memo *memo = &l->memos[l->n];

    anm_status status = cli_item_read(item, line, err);
    if (status) return status;
    memo->text = item->text;
    status = read_key(item, &memo->key, err);
    if (!status) status = read_meta(item, &memo->meta, err);
    if (status) cli_item_deinit(item);
    return status;
}

static anm_status gather_line(lines_job *l, anm_text line, anm_error *err)
{
    anm_error why, numbered;

    const anm_status status = read_item(l, line, &why);
    if (status) {
        cli_fail(&numbered, status, "line %zu: %.900s", l->lines.line,
                 why.message);
        if (status == ANM_E_FORMAT) return refuse_line(l, &numbered, err);
        return cli_fail(err, status, "%s", numbered.message);
    }
    l->numbers[l->n++] = l->lines.line;
    l->n_bytes += line.len;
    if (l->n < l->limit && l->n_bytes < BATCH_BYTES) return ANM_OK;
    return store_batch(l, err);
}

/* Opening a collection's model, in the first batch, has a bar of its own. */
static void show_progress(lines_job *l, uint64_t total)
{
    static const char what[] = "adding";
    cli_progress *p = &l->job->store.session.progress;

    if (strcmp(p->what, what)) cli_progress_begin(p, what, "items/s");
    cli_progress_show(p, cli_lines_given(&l->lines), total, l->n_stored);
}

static anm_status read_lines(lines_job *l, anm_error *err)
{
    const uint64_t total = cli_lines_total(&l->lines);
    anm_status status = ANM_OK;

    while (!status && !cli_interrupted()) {
        anm_text line;
        anm_error why;
        const cli_line got = cli_lines_next(&l->lines, -1, &line, &why);
        if (got == CLI_LINE_END) break;
        if (got == CLI_LINE_FAILED)
            return cli_fail(err, why.status, "%s", why.message);
        if (got == CLI_LINE_INTERRUPTED) continue;
        status = got == CLI_LINE_BAD ? refuse_line(l, &why, err)
                                     : gather_line(l, line, err);
        if (!l->job->conversation) show_progress(l, total);
    }
    if (status || cli_interrupted()) return status;
    return store_batch(l, err);
}

/* What was stored before a failure is told; a conversation was told already. */
static void fail_after(const lines_job *l, const anm_error *why, anm_error *err)
{
    if (l->n_stored && !l->job->conversation) {
        cli_fail(err, why->status, "%.900s; the %zu items before are stored",
                 why->message, l->n_stored);
    } else {
        *err = *why;
    }
}

anm_status cli_add_lines(add_job *job, const char *path, anm_error *err)
{
    lines_job *l = calloc(1, sizeof(*l));
    anm_error why;

    if (!l) return cli_fail(err, ANM_E_NOMEM, "out of memory");
    l->job = job;
    l->limit = job->conversation ? 1 : BATCH_ITEMS;
    anm_status status = cli_lines_open(&l->lines, path, err);
    if (!status) {
        status = read_lines(l, &why);
        if (status) fail_after(l, &why, err);
        cli_progress_end(&job->store.session.progress);
        drop_batch(l);
        cli_lines_close(&l->lines);
    }
    free(l);
    return status;
}
