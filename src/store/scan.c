/* scan.c - the exact k nearest: one pass over the vectors.
 *
 * Hits are kept in a heap whose top is the worst of them, so that most rows
 * cost one comparison. Of two equal scores the smaller id is the better one,
 * everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/scan.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/sync.h"
#include "store/scan_rows.h"

struct anm_scan {
    const anm_kern *kern;
    anm_rows rows;
    int64_t collection; /* 0 before the first refresh */
    int64_t seq;        /* of the last change that is in */

    /* Readers share, a refresh excludes; one that waits goes first. */
    anm_mutex mutex;
    anm_signal may_read, may_write;
    unsigned n_readers, n_waiting;
    bool writing;
};

anm_status anm_scan_new(anm_scan **out, const anm_kern *kern, size_t dim,
                        anm_error *err)
{
    anm_scan *s = anm_alloc_zero(sizeof(*s));

    assert(dim > 0);
    *out = s;
    if (!s) return anm_fail(err, ANM_E_NOMEM, "scan: out of memory");
    s->kern = kern;
    s->mutex = ANM_MUTEX_INIT;
    s->may_read = ANM_SIGNAL_INIT;
    s->may_write = ANM_SIGNAL_INIT;
    anm_rows_init(&s->rows, dim);
    return ANM_OK;
}

void anm_scan_free(anm_scan *s)
{
    if (!s) return;
    anm_rows_deinit(&s->rows);
    anm_signal_deinit(&s->may_read);
    anm_signal_deinit(&s->may_write);
    anm_mutex_deinit(&s->mutex);
    anm_free(s);
}

/* ---- Who may look ---------------------------------------------------------------- */

void anm_scan_enter(anm_scan *s)
{
    anm_mutex_lock(&s->mutex);
    while (s->writing || s->n_waiting)
        anm_signal_wait(&s->may_read, &s->mutex);
    s->n_readers++;
    // A signal wakes one; each that gets in wakes the next.
    anm_signal_raise(&s->may_read);
    anm_mutex_unlock(&s->mutex);
}

void anm_scan_leave(anm_scan *s)
{
    anm_mutex_lock(&s->mutex);
    if (--s->n_readers == 0) anm_signal_raise(&s->may_write);
    anm_mutex_unlock(&s->mutex);
}

static void enter_alone(anm_scan *s)
{
    anm_mutex_lock(&s->mutex);
    s->n_waiting++;
    while (s->writing || s->n_readers)
        anm_signal_wait(&s->may_write, &s->mutex);
    s->n_waiting--;
    s->writing = true;
    anm_mutex_unlock(&s->mutex);
}

static void leave_alone(anm_scan *s)
{
    anm_mutex_lock(&s->mutex);
    s->writing = false;
    anm_signal_raise(s->n_waiting ? &s->may_write : &s->may_read);
    anm_mutex_unlock(&s->mutex);
}

size_t anm_scan_n(const anm_scan *s)
{
    return s->rows.n - s->rows.n_dead;
}

uint64_t anm_scan_bytes(const anm_scan *s)
{
    return sizeof(*s) + anm_rows_bytes(&s->rows);
}

int64_t anm_scan_seq(const anm_scan *s)
{
    return s->seq;
}

size_t anm_scan_rows(const anm_scan *s)
{
    return s->rows.n;
}

/* ---- Following the store ------------------------------------------------------------ */

typedef struct following {
    anm_scan *scan;
    int64_t seq; /* of the last change seen */
    anm_status status;
    anm_error *err;
} following;

static bool apply(void *ctx, const anm_change *change)
{
    following *f = ctx;
    anm_scan *s = f->scan;
    const size_t dim = s->rows.dim;

    if (change->seq > f->seq) f->seq = change->seq;
    if (change->removed) {
        anm_rows_remove(&s->rows, change->id);
        return true;
    }
    // A NaN from a damaged page would make the order of hits senseless.
    const float square = s->kern->dot_f32(change->vector, change->vector, dim);
    if (!(square > 0.98f && square < 1.02f))
        f->status = anm_fail(f->err, ANM_E_CORRUPT,
                             "item %" PRId64 ": vector of length %g, needed is "
                             "1: run check",
                             change->id, sqrt((double)square));
    else if (!anm_rows_put(&s->rows, change->id, change->vector))
        f->status = anm_fail(f->err, ANM_E_NOMEM,
                             "vectors of %zu items: out of memory", s->rows.n);
    return f->status == ANM_OK;
}

static anm_status follow(anm_scan *s, anm_store *store, const anm_collection *c,
                         int64_t after, anm_error *err)
{
    // What the collection had before the walk began is in the walk.
    following f = { .scan = s, .seq = after, .err = err };
    anm_collection now;
    anm_status status = anm_store_collection(store, c->name, &now, err);

    if (status) return status;
    status = anm_store_changes(store, c, after, apply, &f, err);
    if (!status) status = f.status;
    // Changes are put again when they come again, so half of them do no harm.
    if (!anm_rows_settle(&s->rows) && !status)
        status = anm_fail(err, ANM_E_NOMEM,
                          "vectors of collection %s: out of memory", c->name);
    if (status) return anm_fail_prefix(err, status, "collection %s", c->name);
    s->seq = now.seq > f.seq ? now.seq : f.seq;
    return ANM_OK;
}

static void start_again(anm_scan *s, const anm_collection *c)
{
    anm_rows_reset(&s->rows);
    s->collection = c->id;
    s->seq = 0;
}

anm_status anm_scan_refresh(anm_scan *s, anm_store *store,
                            const anm_collection *c, anm_error *err)
{
    if (c->dim != s->rows.dim)
        return anm_fail(err, ANM_E_MISMATCH,
                        "collection %s has dimension %zu, the index %zu",
                        c->name, c->dim, s->rows.dim);
    enter_alone(s);
    // Half of a first reading may hold what has been removed since.
    if (s->collection != c->id || s->seq == 0) start_again(s, c);
    anm_status status = follow(s, store, c, s->seq, err);
    if (status == ANM_E_NOTFOUND && s->seq > 0) {
        start_again(s, c);
        status = follow(s, store, c, 0, err);
    }
    leave_alone(s);
    return status;
}

/* ---- Hits ---------------------------------------------------------------------------- */

static bool is_worse(anm_hit a, anm_hit b)
{
    return a.score < b.score || (a.score == b.score && a.id > b.id);
}

/* Put h where the top was and let it sink below what is worse. */
static void sink(anm_hit *heap, size_t n, anm_hit h)
{
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && is_worse(heap[child + 1], heap[child])) child++;
        if (!is_worse(heap[child], h)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = h;
}

static void rise(anm_hit *heap, size_t i, anm_hit h)
{
    while (i > 0 && is_worse(h, heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = h;
}

/* Best first. */
static void order(anm_hit *heap, size_t n)
{
    while (n > 1) {
        const anm_hit worst = heap[0];

        n--;
        sink(heap, n, heap[n]);
        heap[n] = worst;
    }
}

/* ---- A part ---------------------------------------------------------------------------- */

typedef struct part {
    const anm_scan *scan;
    const anm_scan_query *q;
    anm_hit *hits; /* [k] */
    size_t n;
} part;

static void offer(part *p, size_t row, float score)
{
    const anm_hit h = { anm_rows_id(&p->scan->rows, row), score };

    if (anm_rows_is_dead(&p->scan->rows, row)) return;
    if (p->n < p->q->k)
        rise(p->hits, p->n++, h);
    else if (is_worse(p->hits[0], h))
        sink(p->hits, p->n, h);
}

enum { RUN_ROWS = 256 };

/* Rows [first, end) all. */
static void visit_run(part *p, size_t first, size_t end)
{
    const anm_scan *s = p->scan;
    const size_t dim = s->rows.dim;
    float scores[RUN_ROWS];

    while (first < end) {
        size_t n;
        const float *rows = anm_rows_at(&s->rows, first, &n);

        if (n > end - first) n = end - first;
        if (n > RUN_ROWS) n = RUN_ROWS;
        s->kern->dot_rows_f32(scores, rows, dim, n, dim, p->q->query);
        for (size_t i = 0; i < n; i++) {
            // The common case: not better than the worst of k hits.
            if (p->n == p->q->k && scores[i] < p->hits[0].score) continue;
            offer(p, first + i, scores[i]);
        }
        first += n;
    }
}

static size_t lower_bound(const int64_t *ids, size_t n, int64_t id)
{
    size_t low = 0;

    while (low < n) {
        const size_t middle = low + (n - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

/* Rows [first, end) whose ids are in the list, neighbours as one run. */
static void visit_only(part *p, size_t first, size_t end)
{
    const anm_rows *r = &p->scan->rows;
    const int64_t *only = p->q->only;
    size_t run = first, run_end = first, row = first;

    if (first == end) return;
    size_t i = lower_bound(only, p->q->n_only, anm_rows_id(r, first));
    for (; i < p->q->n_only && row < end; i++) {
        row = anm_rows_seek(r, row, end, only[i]);
        if (row == end || anm_rows_id(r, row) != only[i]) continue;
        if (row != run_end) {
            visit_run(p, run, run_end);
            run = row;
        }
        run_end = ++row;
    }
    visit_run(p, run, run_end);
}

void anm_scan_part(const anm_scan *s, const anm_scan_query *q, size_t first,
                   size_t count, anm_hit *hits, size_t *n)
{
    part p = { .scan = s, .q = q, .hits = hits };

    assert(first + count <= s->rows.n);
    if (q->k > 0 && q->only)
        visit_only(&p, first, first + count);
    else if (q->k > 0)
        visit_run(&p, first, first + count);
    order(hits, p.n);
    *n = p.n;
}

size_t anm_hits_merge(anm_hit *into, size_t k, const anm_hit *a, size_t na,
                      const anm_hit *b, size_t nb)
{
    size_t n = 0, i = 0, j = 0;

    while (n < k && (i < na || j < nb)) {
        const bool from_b = i == na || (j < nb && is_worse(a[i], b[j]));

        into[n++] = from_b ? b[j++] : a[i++];
    }
    return n;
}
