/* memory_remember.c - texts become items.
 *
 *   look     which model, which texts are there already         (a reader)
 *   embed    the others, in bulk                                 (no lock)
 *   write    everything in one transaction                       (the writer)
 *
 * A store that is absent is made by the third step, after all that may refuse
 * the items has been asked.
 *
 * Between looking and writing another writer may change an item that was to
 * keep its vector. The store then refuses to keep it, the transaction is given
 * up, and the item is embedded after all; each round embeds more items than the
 * one before, so that there are at most as many rounds as items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "memory/memory_parts.h"

// Texts of one call of the engine: its storage stays small and other calls of
// the model wait for chunks of it only.
enum { SLICE = 256 };

typedef struct job {
    anm_archive *a;
    const anm_memo *items;
    size_t n;
    anm_collection spec;
    bool exists;
    anm_engine *engine;
    size_t *wanted; /* [n_wanted] items that need a vector, in order */
    size_t n_wanted, n_embedded;
    size_t *row;    /* [n] 1 + row of its vector; 0: it has none */
    float *vectors; /* [n_embedded, dim] */
    size_t cap_vectors;
    size_t *cut; /* [n] tokens that a text lost */
} job;

static void deinit_job(job *j)
{
    anm_free(j->wanted);
    anm_free(j->row);
    anm_free(j->vectors);
    anm_free(j->cut);
}

/* ---- Look --------------------------------------------------------------------- */

static anm_status find_model(job *j, anm_error *err)
{
    const anm_status status = anm_model_of(j->a, &j->spec, &j->engine, err);

    // Where the model is now is the better hint.
    if (!status) anm_model_hint(j->engine, &j->spec);
    return status;
}

static anm_status find_collection(job *j, anm_store *store, const char *name,
                                  anm_error *err)
{
    anm_error why;
    const anm_status status = anm_store_collection(store, name, &j->spec, &why);

    j->exists = status == ANM_OK;
    if (j->exists) return find_model(j, err);
    if (status != ANM_E_NOTFOUND)
        return anm_fail(err, status, "%s", why.message);
    return anm_model_of_new(j->a, name, &j->spec, &j->engine, err);
}

static anm_status look_at_items(job *j, anm_store *store, anm_error *err)
{
    for (size_t i = 0; i < j->n; i++) {
        bool holds = false;
        if (j->exists) {
            const anm_status status =
                anm_store_holds_text(store, &j->spec, j->items[i].key,
                                     j->items[i].text, &holds, err);
            if (status) return status;
        }
        if (!holds) j->wanted[j->n_wanted++] = i;
    }
    return ANM_OK;
}

/* What the store would refuse, while there is none. */
static anm_status check_items(const job *j, anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t i = 0; !status && i < j->n; i++) {
        const anm_memo *m = &j->items[i];
        const anm_record r = { m->key, m->text, m->meta, NULL };
        status = anm_record_check(&j->spec, &r, err);
    }
    return status;
}

static anm_status look_without_store(job *j, const char *name, anm_error *err)
{
    anm_status status = anm_model_of_new(j->a, name, &j->spec, &j->engine, err);

    if (!status) status = check_items(j, err);
    if (!status) status = look_at_items(j, NULL, err);
    return status;
}

static anm_status look(job *j, const char *name, anm_error *err)
{
    anm_reader *reader;
    anm_error why;

    j->wanted = anm_alloc_array(j->n, sizeof(*j->wanted));
    j->row = anm_alloc_array(j->n, sizeof(*j->row));
    j->cut = anm_alloc_array(j->n, sizeof(*j->cut));
    if (!j->wanted || !j->row || !j->cut)
        return anm_fail(err, ANM_E_NOMEM, "%zu items: out of memory", j->n);
    anm_status status = anm_reader_take(j->a, &reader, &why);
    if (status == ANM_E_NOTFOUND) return look_without_store(j, name, err);
    if (status) return anm_fail(err, status, "%s", why.message);
    status = find_collection(j, reader->store, name, err);
    if (!status) status = look_at_items(j, reader->store, err);
    anm_reader_give_back(j->a, reader);
    return status;
}

/* ---- Embed -------------------------------------------------------------------- */

/* One item is named by its key, several by where they stand. */
static anm_status fail_slice(const job *j, const size_t *wanted, size_t n,
                             const anm_error *why, anm_error *err)
{
    enum { KEY_SHOWN = 100 };
    const anm_text key = j->items[wanted[0]].key;

    if (n == 1)
        return anm_fail(err, why->status, "key %.*s: %s",
                        (int)(key.len < KEY_SHOWN ? key.len : KEY_SHOWN),
                        key.data, why->message);
    return anm_fail(err, why->status, "items %zu to %zu: %s", wanted[0],
                    wanted[n - 1], why->message);
}

static anm_status embed_slice(job *j, size_t n, anm_error *err)
{
    const anm_embed_params params = { .prompt = j->spec.doc_prompt,
                                      .bulk = true,
                                      .no_truncate = j->a->no_truncate };
    const size_t *wanted = j->wanted + j->n_embedded;
    anm_text texts[SLICE];
    anm_text_info infos[SLICE];
    const anm_answers answers = {
        .vectors = j->vectors + j->n_embedded * j->spec.dim,
        .infos = infos,
    };
    anm_error why;

    for (size_t i = 0; i < n; i++)
        texts[i] = j->items[wanted[i]].text;
    const anm_status status =
        anm_engine_embed(j->engine, texts, n, &params, &answers, &why);
    if (status) return fail_slice(j, wanted, n, &why, err);
    anm_model_normalize(j->a, j->engine, answers.vectors, n);
    for (size_t i = 0; i < n; i++) {
        j->row[wanted[i]] = ++j->n_embedded;
        j->cut[wanted[i]] = infos[i].truncated;
    }
    return ANM_OK;
}

static anm_status embed(job *j, anm_error *err)
{
    size_t numbers;

    if (!anm_mul_size(j->n_wanted, j->spec.dim, &numbers) ||
        !anm_grow(&j->vectors, &j->cap_vectors, numbers, sizeof(*j->vectors)))
        return anm_fail(err, ANM_E_NOMEM, "%zu vectors: out of memory",
                        j->n_wanted);
    while (j->n_embedded < j->n_wanted) {
        const size_t left = j->n_wanted - j->n_embedded;
        const anm_status status =
            embed_slice(j, left < SLICE ? left : SLICE, err);
        if (status) return status;
    }
    return ANM_OK;
}

/* ---- Write -------------------------------------------------------------------- */

static void count(anm_remembered *counts, anm_put what)
{
    switch (what) {
    case ANM_PUT_NEW:
        counts->added++;
        break;
    case ANM_PUT_UPDATED:
        counts->updated++;
        break;
    case ANM_PUT_UNCHANGED:
        counts->unchanged++;
        break;
    }
}

static anm_status put_items(job *j, anm_store *store, anm_remembered *counts,
                            anm_error *err)
{
    for (size_t i = 0; i < j->n; i++) {
        const size_t row = j->row[i];
        const anm_record record = {
            .key = j->items[i].key,
            .text = j->items[i].text,
            .meta = j->items[i].meta,
            .vector = row ? j->vectors + (row - 1) * j->spec.dim : NULL,
        };
        anm_put what = ANM_PUT_UNCHANGED;
        const anm_status status =
            anm_store_put(store, &j->spec, &record, &what, err);
        if (status == ANM_E_MISMATCH && !row)
            j->wanted[j->n_wanted++] = i;
        else if (status)
            return status;
        else
            count(counts, what);
    }
    return ANM_OK;
}

/* ANM_OK with n_wanted > n_embedded: nothing was written, more vectors are
 * needed. */
static anm_status transact(job *j, anm_store *store, anm_remembered *counts,
                           anm_error *err)
{
    anm_status status = anm_store_begin(store, err);

    if (status) return status;
    *counts = (anm_remembered){ 0 };
    status = anm_store_need_collection(store, &j->spec, err);
    if (!status) status = put_items(j, store, counts, err);
    if (status || j->n_wanted > j->n_embedded)
        anm_store_rollback(store);
    else
        status = anm_store_commit(store, err);
    return status;
}

static anm_status write_all(job *j, anm_remembered *counts, anm_error *err)
{
    anm_store *writer;
    anm_status status = anm_writer_take(j->a, true, &writer, err);

    if (status) return status;
    status = transact(j, writer, counts, err);
    anm_writer_give_back(j->a);
    return status;
}

static void report_cuts(const job *j, anm_memo_report *report)
{
    for (size_t i = 0; i < j->n; i++) {
        if (!j->cut[i]) continue;
        report->counts.truncated++;
        if (report->truncated) report->truncated(report->ctx, i, j->cut[i]);
    }
}

anm_status anm_archive_remember(anm_archive *a, const char *collection,
                                const anm_memo *items, size_t n,
                                anm_memo_report *report, anm_error *err)
{
    job j = { .a = a, .items = items, .n = n };
    anm_remembered written = { 0 };
    anm_status status = anm_archive_writable(a, err);

    if (status) return status;
    status = look(&j, collection, err);
    while (!status) {
        status = embed(&j, err);
        if (!status) status = write_all(&j, &written, err);
        if (j.n_embedded == j.n_wanted) break;
    }
    if (!status) {
        report->counts = written;
        report_cuts(&j, report);
    }
    deinit_job(&j);
    return status;
}
