/* memory_search.c - one query against the vectors of several collections.
 *
 * The rows of all fields are cut into units of about a megabyte, which the
 * members of a pool draw one after the other; a unit has room for its own hits
 * and the lists of a field are merged pairwise. So two collections keep two
 * threads busy however unequal they are, and so does one.
 *
 * A search that finds the pool taken, or that is too small to be worth waking
 * threads for, is done by its caller alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "memory/memory_parts.h"

static const size_t unit_bytes = (size_t)1 << 20;

// Waking a thread takes 50 to 100 us, in which one thread reads some megabytes.
static const size_t shared_bytes = (size_t)4 << 20;

/* Rows [first, first + count) of a field. */
typedef struct unit {
    anm_field *field;
    size_t first, count;
    anm_hit *hits; /* room for min(k, count) */
    size_t n;
    uint64_t ns;
} unit;

typedef struct scan_job {
    const anm_search *search;
    anm_pool *pool; /* NULL: the caller alone */
    unit *units;    /* [n] those of a field stand together */
    size_t n;
    size_t bytes; /* to be read */
} scan_job;

/* ---- Indexes ------------------------------------------------------------------ */

void anm_index_free(anm_index *index)
{
    if (!index) return;
    anm_scan_free(index->scan);
    anm_mutex_deinit(&index->refreshing);
    anm_free(index);
}

static anm_index *find_index(anm_archive *a, int64_t collection)
{
    anm_index *index = a->indexes;

    while (index && index->collection != collection)
        index = index->next;
    return index;
}

static anm_status make_index(anm_archive *a, const anm_collection *c,
                             anm_index **out, anm_error *err)
{
    anm_index *index = anm_alloc_zero(sizeof(*index));

    if (!index) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", a->path);
    index->collection = c->id;
    index->refreshing = ANM_MUTEX_INIT;
    const anm_status status = anm_scan_new(&index->scan, &a->kern, c->dim, err);
    if (status) {
        anm_index_free(index);
        return status;
    }
    *out = index;
    return ANM_OK;
}

static anm_status get_index(anm_archive *a, const anm_collection *c,
                            anm_index **out, anm_error *err)
{
    anm_index *made = NULL;

    anm_mutex_lock(&a->book);
    *out = find_index(a, c->id);
    anm_mutex_unlock(&a->book);
    if (*out) return ANM_OK;

    const anm_status status = make_index(a, c, &made, err);
    if (status) return status;
    anm_mutex_lock(&a->book);
    *out = find_index(a, c->id);
    if (!*out) {
        made->next = a->indexes;
        a->indexes = *out = made;
        made = NULL;
    }
    anm_mutex_unlock(&a->book);
    anm_index_free(made);
    return ANM_OK;
}

/* At least as new as the search wants it. Its generation was counted before
 * the store is read here, so that a commit in between is looked for again. */
static anm_status refresh(anm_index *index, const anm_search *s,
                          const anm_collection *c, anm_store *store,
                          anm_error *err)
{
    anm_status status = ANM_OK;

    anm_mutex_lock(&index->refreshing);
    const bool is_behind = index->generation < s->generation;
    if (is_behind || s->again)
        status = anm_scan_refresh(index->scan, store, c, err);
    if (!status && is_behind) index->generation = s->generation;
    anm_mutex_unlock(&index->refreshing);
    return status;
}

/* A refresh names its collection by itself. */
static anm_status prepare_field(anm_archive *a, anm_store *store,
                                const anm_search *s, anm_field *f,
                                anm_error *err)
{
    const anm_collection *c = f->collection;
    anm_status status = get_index(a, c, &f->index, err);

    if (!status) status = refresh(f->index, s, c, store, err);
    if (status || !s->filter) return status;
    status = anm_store_filter(store, c, s->filter, &f->only, &f->n_only, err);
    return status ? anm_fail_prefix(err, status, "collection %s", c->name)
                  : ANM_OK;
}

static anm_status prepare_fields(anm_archive *a, anm_store *store,
                                 anm_search *s, anm_error *err)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const uint64_t mark = anm_now_ns();
        const anm_status status =
            prepare_field(a, store, s, &s->fields[i], err);
        if (status) return status;
        s->fields[i].ns += anm_now_ns() - mark;
    }
    return ANM_OK;
}

/* ---- Units -------------------------------------------------------------------- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows that will be looked at. */
static size_t rows_to_read(const anm_search *s, const anm_field *f)
{
    const size_t rows = anm_scan_rows(f->index->scan);
    return s->filter ? smaller(rows, f->n_only) : rows;
}

static size_t count_units(const anm_search *s, const anm_field *f)
{
    const size_t row_bytes = f->collection->dim * sizeof(float);
    const size_t bytes = rows_to_read(s, f) * row_bytes;
    return (bytes + unit_bytes - 1) / unit_bytes;
}

/* The indexes are held still. */
static anm_status cut_units(scan_job *job, anm_search *s, anm_error *err)
{
    size_t n_units = 0, n_hits = 0;

    for (size_t i = 0; i < s->n_fields; i++) {
        const anm_field *f = &s->fields[i];
        n_units += count_units(s, f);
        n_hits += anm_scan_rows(f->index->scan);
    }
    // A unit has room for k hits or for its rows, whichever is less.
    size_t most;
    if (anm_mul_size(n_units, s->k, &most)) n_hits = smaller(n_hits, most);
    job->units = anm_alloc_array(n_units, sizeof(*job->units));
    anm_hit *hits = anm_alloc_array(n_hits, sizeof(*hits));
    s->found = hits;
    if (!job->units || !hits)
        return anm_fail(err, ANM_E_NOMEM, "%zu hits: out of memory", n_hits);

    for (size_t i = 0; i < s->n_fields; i++) {
        anm_field *f = &s->fields[i];
        const size_t rows = anm_scan_rows(f->index->scan);
        const size_t n = count_units(s, f);
        job->bytes += rows_to_read(s, f) * f->collection->dim * sizeof(float);
        for (size_t u = 0; u < n; u++) {
            const size_t first = rows * u / n, end = rows * (u + 1) / n;
            job->units[job->n++] = (unit){ f, first, end - first, hits, 0, 0 };
            hits += smaller(s->k, end - first);
        }
    }
    return ANM_OK;
}

/* ---- Scanning ----------------------------------------------------------------- */

static void scan_unit(const anm_search *s, unit *u)
{
    const anm_scan_query query = {
        .query = s->query,
        .k = smaller(s->k, u->count),
        .only = u->field->only,
        .n_only = u->field->n_only,
    };
    const uint64_t mark = anm_now_ns();

    anm_scan_part(u->field->index->scan, &query, u->first, u->count, u->hits,
                  &u->n);
    u->ns = anm_now_ns() - mark;
}

static void scan_units(void *ctx, unsigned member, unsigned n_members)
{
    scan_job *job = ctx;
    size_t i;
    (void)member;
    (void)n_members;

    while ((i = anm_pool_next(job->pool)) < job->n)
        scan_unit(job->search, &job->units[i]);
}

/* The pool if this search is to have it, else NULL. What cannot be started is
 * done without. */
static anm_pool *borrow_pool(anm_archive *a, const scan_job *job)
{
    if (a->threads < 2 || job->n < 2 || job->bytes < shared_bytes) return NULL;
    anm_mutex_lock(&a->book);
    const bool is_free = !a->pool_busy;
    a->pool_busy = true;
    anm_mutex_unlock(&a->book);
    if (!is_free) return NULL;
    if (!a->pool && anm_pool_new(&a->pool, a->threads, NULL)) a->pool = NULL;
    if (a->pool) return a->pool;
    anm_mutex_lock(&a->book);
    a->pool_busy = false;
    anm_mutex_unlock(&a->book);
    return NULL;
}

static void run_units(anm_archive *a, scan_job *job)
{
    job->pool = borrow_pool(a, job);
    if (!job->pool) {
        for (size_t i = 0; i < job->n; i++)
            scan_unit(job->search, &job->units[i]);
        return;
    }
    anm_pool_run(job->pool, scan_units, job);
    anm_mutex_lock(&a->book);
    a->pool_busy = false;
    anm_mutex_unlock(&a->book);
}

/* ---- Merging the units of a field ------------------------------------------------ */

/* Neighbours into the first of the two, whose room and its neighbour's lie one
 * behind the other. */
static void merge_pair(unit *a, const unit *b, size_t k, anm_hit *spare)
{
    a->n = anm_hits_merge(spare, k, a->hits, a->n, b->hits, b->n);
    memcpy(a->hits, spare, a->n * sizeof(*spare));
}

static void merge_field(unit *units, size_t n, size_t k, anm_hit *spare)
{
    for (size_t step = 1; step < n; step *= 2)
        for (size_t i = 0; i + step < n; i += 2 * step)
            merge_pair(&units[i], &units[i + step], k, spare);
}

static anm_status merge_units(scan_job *job, anm_error *err)
{
    const size_t k = job->search->k;
    size_t most = 0;

    for (size_t i = 0; i < job->n; i++)
        most += job->units[i].n;
    most = smaller(most, k);
    anm_hit *spare = anm_alloc_array(most, sizeof(*spare));
    if (!spare)
        return anm_fail(err, ANM_E_NOMEM, "%zu hits: out of memory", most);
    for (size_t i = 0, next; i < job->n; i = next) {
        anm_field *f = job->units[i].field;
        for (next = i; next < job->n && job->units[next].field == f; next++)
            f->ns += job->units[next].ns;
        merge_field(&job->units[i], next - i, k, spare);
        f->hits = job->units[i].hits;
        f->n_hits = job->units[i].n;
    }
    anm_free(spare);
    return ANM_OK;
}

/* ---- The whole ------------------------------------------------------------------ */

static void enter_all(const anm_search *s)
{
    for (size_t i = 0; i < s->n_fields; i++)
        anm_scan_enter(s->fields[i].index->scan);
}

static void leave_all(const anm_search *s)
{
    for (size_t i = 0; i < s->n_fields; i++)
        anm_scan_leave(s->fields[i].index->scan);
}

anm_status anm_search_run(anm_archive *a, anm_store *store, anm_search *s,
                          anm_error *err)
{
    scan_job job = { .search = s };
    anm_status status = prepare_fields(a, store, s, err);

    if (status) return status;
    enter_all(s);
    status = cut_units(&job, s, err);
    if (!status) run_units(a, &job);
    for (size_t i = 0; i < s->n_fields; i++) {
        s->fields[i].items = anm_scan_n(s->fields[i].index->scan);
        s->fields[i].seq = anm_scan_seq(s->fields[i].index->scan);
    }
    leave_all(s);
    if (!status) status = merge_units(&job, err);
    anm_free(job.units);
    return status;
}

void anm_search_deinit(anm_search *s)
{
    for (size_t i = 0; s->fields && i < s->n_fields; i++) {
        anm_field *f = &s->fields[i];
        anm_free(f->only);
        f->only = NULL;
        f->hits = NULL;
        f->n_hits = f->n_only = 0;
    }
    anm_free(s->found);
    s->found = NULL;
}
