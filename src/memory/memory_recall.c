/* memory_recall.c - a question becomes results.
 *
 *   collections, their one model       unaccounted
 *   embed the question, once           queue, tokenize, bind, predict, post
 *   refresh, filter, scan              search
 *   merge, fetch the winners           merge
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "memory/memory_parts.h"

enum {
    K_DEFAULT = 10,
    // Searches of one question, while others remove what was found.
    TRIES = 3,
};

typedef struct job {
    anm_archive *a;
    anm_reader *reader;
    anm_collection *collections; /* [search.n_fields] */
    anm_engine *engine;
    float *query;
    anm_search search;
    anm_filter *filter;
    anm_recall *result;
    uint64_t opening_ns, search_ns, merge_ns;
} job;

static void deinit_job(job *j)
{
    anm_search_deinit(&j->search);
    anm_free(j->search.fields);
    anm_filter_free(j->filter);
    anm_free(j->query);
    anm_free(j->collections);
    anm_reader_give_back(j->a, j->reader);
    anm_recall_free(j->result);
}

/* ---- What is asked ------------------------------------------------------------- */

static anm_status check_together(const job *j, anm_error *err)
{
    const anm_collection *first = &j->collections[0];

    for (size_t i = 1; i < j->search.n_fields; i++) {
        const anm_collection *c = &j->collections[i];
        if (strcmp(c->fingerprint, first->fingerprint) != 0 ||
            c->dim != first->dim)
            return anm_fail(err, ANM_E_MISMATCH,
                            "collections %s (%s, fingerprint %s, dimension "
                            "%zu) and %s (%s, fingerprint %s, dimension %zu) "
                            "cannot be asked together",
                            first->name, first->model, first->fingerprint,
                            first->dim, c->name, c->model, c->fingerprint,
                            c->dim);
        if (strcmp(c->query_prompt, first->query_prompt) != 0)
            return anm_fail(err, ANM_E_MISMATCH,
                            "collections %s (prompt '%s') and %s (prompt '%s') "
                            "cannot be asked together",
                            first->name, first->query_prompt, c->name,
                            c->query_prompt);
    }
    return ANM_OK;
}

static anm_status find_collections(job *j, const anm_recall_params *params,
                                   anm_error *err)
{
    anm_search *s = &j->search;
    anm_collection_list list;
    anm_status status = anm_archive_collections(
        j->a, params->collections, params->n_collections, &list, err);

    if (status) return status;
    j->collections = list.items;
    s->n_fields = list.n;
    s->generation = list.generation;
    status = check_together(j, err);
    if (status) return status;
    s->fields = anm_alloc_array(s->n_fields, sizeof(*s->fields));
    j->query = anm_alloc_array(j->collections[0].dim, sizeof(*j->query));
    if (!s->fields || !j->query)
        return anm_fail(err, ANM_E_NOMEM, "search: out of memory");
    for (size_t i = 0; i < s->n_fields; i++)
        s->fields[i].collection = &j->collections[i];
    s->query = j->query;
    return ANM_OK;
}

/* The first question may open the model. That is no part of answering it; the
 * receipt's artifact tells what it took. */
static anm_status find_model(job *j, anm_error *err)
{
    const uint64_t start = anm_now_ns();
    const anm_status status =
        anm_model_of(j->a, &j->collections[0], &j->engine, err);

    j->opening_ns = anm_now_ns() - start;
    return status;
}

static anm_status prepare(job *j, const anm_recall_params *params,
                          anm_error *err)
{
    anm_status status = ANM_OK;

    j->search.k = params->k ? params->k : K_DEFAULT;
    if (params->where) status = anm_filter_new(&j->filter, params->where, err);
    j->search.filter = j->filter;
    if (!status) status = find_collections(j, params, err);
    if (!status) status = find_model(j, err);
    if (!status) status = anm_reader_take(j->a, &j->reader, err);
    return status;
}

/* ---- Merging ------------------------------------------------------------------- */

static bool is_before(const anm_hit *a, const anm_hit *b)
{
    return a->score > b->score || (a->score == b->score && a->id < b->id);
}

/* The field whose next hit is the best; n_fields when all are used up. */
static size_t best_field(const anm_search *s, const size_t *used)
{
    size_t best = s->n_fields;

    for (size_t i = 0; i < s->n_fields; i++) {
        const anm_field *f = &s->fields[i];
        if (used[i] == f->n_hits) continue;
        if (best == s->n_fields ||
            is_before(&f->hits[used[i]], &s->fields[best].hits[used[best]]))
            best = i;
    }
    return best;
}

/* Fetch a winner. One that is gone is not counted, and one that was changed
 * since has another vector than was compared, and perhaps no place here. */
static anm_status fetch(job *j, size_t field, const anm_hit *hit, bool *gone,
                        anm_error *err)
{
    const anm_field *f = &j->search.fields[field];
    const anm_collection *c = f->collection;
    struct anm_recall_hit *slot = &j->result->hits[j->result->n];
    anm_error why;
    const anm_status status = anm_store_get_id(j->reader->store, c, hit->id,
                                               false, &slot->item, &why);

    if (status == ANM_E_NOTFOUND) {
        *gone = true;
        return ANM_OK;
    }
    if (status)
        return anm_fail(err, status, "collection %s: %s", c->name, why.message);
    if (slot->item.seq > f->seq) *gone = true;
    slot->searched = field;
    slot->score = hit->score;
    j->result->n++;
    return ANM_OK;
}

static size_t count_hits(const anm_search *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_fields; i++)
        n += s->fields[i].n_hits;
    return n < s->k ? n : s->k;
}

static void drop_hits(anm_recall *r)
{
    for (size_t i = 0; i < r->n; i++)
        anm_item_deinit(&r->hits[i].item);
    anm_free(r->hits);
    r->hits = NULL;
    r->n = 0;
}

static anm_status merge(job *j, bool *gone, anm_error *err)
{
    const anm_search *s = &j->search;
    const size_t n = count_hits(s);
    anm_status status = ANM_OK;

    size_t *used = anm_alloc_array(s->n_fields, sizeof(*used));
    j->result->hits = anm_alloc_array(n, sizeof(*j->result->hits));
    if (!used || !j->result->hits)
        status = anm_fail(err, ANM_E_NOMEM, "%zu results: out of memory", n);
    for (size_t i = 0; !status && i < n; i++) {
        const size_t field = best_field(s, used);
        assert(field < s->n_fields);
        status =
            fetch(j, field, &s->fields[field].hits[used[field]++], gone, err);
    }
    anm_free(used);
    return status;
}

/* ---- Searching ----------------------------------------------------------------- */

static anm_status search_once(job *j, bool *gone, anm_error *err)
{
    const uint64_t start = anm_now_ns();
    anm_status status = anm_search_run(j->a, j->reader->store, &j->search, err);
    const uint64_t searched = anm_now_ns();

    j->search_ns += searched - start;
    if (status) return status;
    *gone = false;
    status = merge(j, gone, err);
    j->merge_ns += anm_now_ns() - searched;
    return status;
}

/* The state of the store now, so that indexes forget what is gone. */
static anm_status look_again(job *j, anm_error *err)
{
    anm_collection_list list;
    const anm_status status =
        anm_archive_collections(j->a, NULL, 0, &list, err);

    anm_free(list.items);
    j->search.generation = list.generation;
    j->search.again = true;
    return status;
}

/* In the last try, what is gone is left out, and what was changed stays. */
static anm_status search(job *j, anm_error *err)
{
    bool gone = true;
    anm_status status = ANM_OK;

    for (int try = 1; !status && gone && try <= TRIES; try++) {
        if (try > 1) {
            drop_hits(j->result);
            anm_search_deinit(&j->search);
            status = look_again(j, err);
        }
        if (!status) status = search_once(j, &gone, err);
    }
    return status;
}

/* ---- Results ------------------------------------------------------------------- */

static anm_status new_result(job *j, anm_error *err)
{
    const size_t n = j->search.n_fields;
    anm_recall *r = anm_alloc_zero(sizeof(*r));

    j->result = r;
    if (!r) return anm_fail(err, ANM_E_NOMEM, "results: out of memory");
    r->searched = anm_alloc_array(n, sizeof(*r->searched));
    r->names = anm_alloc_array(n, sizeof(*r->names));
    if (!r->searched || !r->names)
        return anm_fail(err, ANM_E_NOMEM, "results: out of memory");
    r->n_searched = n;
    // Every row is compared in float32: nothing is estimated.
    r->certified = true;
    return ANM_OK;
}

static void describe_fields(job *j)
{
    anm_recall *r = j->result;

    for (size_t i = 0; i < r->n_searched; i++) {
        const anm_field *f = &j->search.fields[i];
        memcpy(r->names[i], f->collection->name, sizeof(r->names[i]));
        r->searched[i] = (anm_searched){
            .collection = r->names[i],
            .items = f->items,
            .candidates = j->filter ? f->n_only : f->items,
            .ns = f->ns,
        };
    }
}

void anm_recall_free(anm_recall *r)
{
    if (!r) return;
    drop_hits(r);
    anm_free(r->searched);
    anm_free(r->names);
    anm_free(r);
}

/* Stages are disjoint, so that what is left is what no stage covers. */
static void fill_receipt(const job *j, uint64_t total_ns, anm_receipt *r)
{
    uint64_t covered = 0;

    r->stages_ns[ANM_STAGE_SEARCH] = j->search_ns;
    r->stages_ns[ANM_STAGE_MERGE] = j->merge_ns;
    for (int s = 0; s < ANM_STAGE_UNACCOUNTED; s++)
        covered += r->stages_ns[s];
    r->total_ns = total_ns > covered ? total_ns : covered;
    r->stages_ns[ANM_STAGE_UNACCOUNTED] = r->total_ns - covered;
}

static anm_status run(job *j, anm_text question,
                      const anm_recall_params *params, anm_receipt *receipt,
                      anm_error *err)
{
    anm_status status = prepare(j, params, err);

    if (!status) status = new_result(j, err);
    if (status) return status;
    const anm_embed_params how = { .prompt = j->collections[0].query_prompt,
                                   .no_truncate = j->a->no_truncate };
    const anm_answers answers = { .vectors = j->query, .receipt = receipt };
    status = anm_engine_embed(j->engine, &question, 1, &how, &answers, err);
    if (status) return status;
    anm_model_normalize(j->a, j->engine, j->query, 1);
    status = search(j, err);
    if (!status) describe_fields(j);
    return status;
}

anm_status anm_archive_recall(anm_archive *a, anm_text question,
                              const anm_recall_params *params, anm_recall **out,
                              anm_receipt *receipt, anm_error *err)
{
    const uint64_t start = anm_now_ns();
    anm_receipt record;
    job j = { .a = a };

    const anm_status status =
        run(&j, question, params, receipt ? &record : NULL, err);
    if (!status) {
        *out = j.result;
        j.result = NULL;
    }
    deinit_job(&j);
    if (!status && receipt) {
        fill_receipt(&j, anm_now_ns() - start - j.opening_ns, &record);
        *receipt = record;
    }
    return status;
}
