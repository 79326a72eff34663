/* cpu_measure.c - what the machine reaches just now: multiply-adds on
 * registers, and reading memory. The denominators of every floor.
 *
 * Each figure is the best of many short windows: a neighbour takes away and
 * nothing adds, and where others want the CPU a window of one millisecond is
 * often whole when one of ten is not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <string.h>

#include "backend/cpu/cpu_backend.h"
#include "base/clock.h"
#include "base/error.h"

enum {
    WINDOWS = 36,
    WINDOW_NS = 1300000,
    BURN = 1 << 17,          /* multiply-adds between looks at the clock */
    CHUNK = 1 << 18,         /* bytes read likewise */
    PIECES = 4,              /* of a probe's reading */
    PIECE_BYTES = 128 << 10, /* about 10 us of reading memory */
    COLD_BYTES = 8 << 20,    /* of a table */
    BUFFER = 64 << 20, /* bytes that the last cache of a small machine lacks */
};

/* Memory to read, in chunks drawn by all members; reading goes on where the
 * last window ended, so that nothing is read again while a cache holds it. */
typedef struct measurement {
    const anm_kern *kern;
    const anm_bytes *runs; /* [n_runs] */
    size_t n_runs;
    size_t n_chunks;
    atomic_size_t next;
    _Atomic uint64_t done; /* in this window */
    _Atomic uint32_t sink; /* keeps what was read alive */
} measurement;

static void burn_share(void *ctx, unsigned member, unsigned n_members)
{
    measurement *m = ctx;
    const uint64_t end = anm_now_ns() + WINDOW_NS;
    uint64_t done = 0;

    (void)member;
    (void)n_members;
    while (anm_now_ns() < end)
        done += m->kern->burn_fma(BURN);
    atomic_fetch_add(&m->done, done);
}

static size_t count_chunks(anm_bytes run)
{
    return (run.len + CHUNK - 1) / CHUNK;
}

static anm_bytes find_chunk(const measurement *m, size_t i)
{
    const anm_bytes *run = m->runs;

    for (i %= m->n_chunks; i >= count_chunks(*run); run++)
        i -= count_chunks(*run);
    const size_t left = run->len - i * CHUNK;
    return (anm_bytes){ run->data + i * CHUNK, left < CHUNK ? left : CHUNK };
}

static void read_share(void *ctx, unsigned member, unsigned n_members)
{
    measurement *m = ctx;
    const uint64_t end = anm_now_ns() + WINDOW_NS;
    uint64_t done = 0;
    float sum = 0.0f;

    (void)member;
    (void)n_members;
    while (anm_now_ns() < end) {
        const anm_bytes b = find_chunk(m, atomic_fetch_add(&m->next, 1));

        sum += m->kern->read_f32((const void *)b.data, b.len / sizeof(float));
        done += b.len;
    }
    atomic_fetch_add(&m->done, done);
    atomic_store(&m->sink, sum != 0.0f);
}

static double best_rate(const anm_runner *r, measurement *m, anm_pool_fn fn)
{
    double best = 0.0;

    for (unsigned i = 0; i < WINDOWS; i++) {
        atomic_store(&m->done, 0);
        const uint64_t start = anm_now_ns();
        if (r->pool)
            anm_pool_run(r->pool, fn, m);
        else
            fn(m, 0, 1);
        const double ns = (double)(anm_now_ns() - start);
        const double rate = (double)atomic_load(&m->done) / ns * 1e9;
        if (rate > best) best = rate;
    }
    return best;
}

/* ---- The probe -------------------------------------------------------------- */

/* About 40 us of multiply-adds. Never measured: the next start compares its
 * probes with those of this one. */
static uint64_t probe_macs(const anm_kern *k)
{
    return strcmp(k->level, "scalar") == 0 ? UINT64_C(1) << 16
                                           : UINT64_C(1) << 21;
}

/* One probe: what each member does, and the longest that any of them took. */
typedef struct probe {
    const anm_runner *r;
    _Atomic uint64_t longest_ns;
} probe;

/* What a probe reads: the end of a table, which lies in no cache because hardly
 * any prediction looks there, and of which no more than this is ever brought
 * into memory for it. What a prediction reads whole it leaves in the caches, and
 * a busy bus would not be seen. A model without a large table has only that. */
static anm_bytes find_cold(const anm_runner *r)
{
    const anm_bytes t = r->table;
    const size_t len = t.len < COLD_BYTES ? t.len : (size_t)COLD_BYTES;
    const size_t first = (t.len - len) / ANM_CACHE_LINE * ANM_CACHE_LINE;

    return (anm_bytes){ t.len ? t.data + first : NULL, len };
}

static size_t count_pieces(const anm_bytes *runs, size_t n)
{
    size_t pieces = 0;

    for (size_t i = 0; i < n; i++)
        pieces += runs[i].len / PIECE_BYTES;
    return pieces;
}

/* Piece i of all, which there is. */
static const float *find_piece(const anm_bytes *run, size_t i)
{
    for (; i >= run->len / PIECE_BYTES; run++)
        i -= run->len / PIECE_BYTES;
    return (const void *)(run->data + i * PIECE_BYTES);
}

/* `most` pieces from piece `first` on, in a circle. */
static void read_pieces(const anm_runner *r, size_t first, size_t most)
{
    const anm_bytes cold = find_cold(r);
    const bool has_cold = cold.len >= COLD_BYTES;
    const anm_bytes *runs = has_cold ? &cold : r->sections;
    const size_t n = count_pieces(runs, has_cold ? 1 : r->n_sections);
    volatile float sum = 0.0f;

    for (size_t i = 0; i < most && i < n; i++)
        sum = sum + r->kern.read_f32(find_piece(runs, (first + i) % n),
                                     PIECE_BYTES / sizeof(float));
    (void)sum;
}

static void probe_share(void *ctx, unsigned member, unsigned n_members)
{
    probe *p = ctx;
    const anm_runner *r = p->r;
    const uint64_t start = anm_now_ns();
    volatile uint64_t done = r->kern.burn_fma(probe_macs(&r->kern));

    (void)done;
    (void)n_members;
    read_pieces(r, r->probe_at + (size_t)member * PIECES, PIECES);
    const uint64_t ns = anm_now_ns() - start;
    uint64_t longest = atomic_load(&p->longest_ns);
    while (ns > longest &&
           !atomic_compare_exchange_weak(&p->longest_ns, &longest, ns)) {
    }
}

/* On every CPU that predictions run on, since each has neighbours of its own:
 * multiply-adds, and reading where the last probe ended, so that a slower clock
 * and a bus that others use are both seen. */
uint64_t anm_cpu_probe(anm_runner *r)
{
    probe p = { .r = r };

    // Pages that are touched for the first time would be mapped meanwhile.
    if (r->probe_at == 0) read_pieces(r, 0, COLD_BYTES / PIECE_BYTES);
    if (r->pool) {
        anm_pool_begin(r->pool);
        anm_pool_run(r->pool, probe_share, &p);
        anm_pool_end_uncounted(r->pool);
    } else {
        probe_share(&p, 0, 1);
    }
    r->probe_at += (size_t)r->n_members * PIECES;
    return atomic_load(&p.longest_ns);
}

/* ---- The machine ------------------------------------------------------------ */

anm_status anm_cpu_measure(anm_runner *r, anm_peak *out, anm_error *err)
{
    measurement m = { .kern = &r->kern,
                      .runs = r->sections,
                      .n_runs = r->n_sections };
    anm_bytes buffer = { .len = BUFFER };
    uint8_t *block = NULL;

    size_t total = 0;

    for (size_t i = 0; i < m.n_runs; i++) {
        m.n_chunks += count_chunks(m.runs[i]);
        total += m.runs[i].len;
    }
    if (total < BUFFER) {
        block = anm_alloc_aligned(ANM_CACHE_LINE, BUFFER);
        if (!block)
            return anm_fail(err, ANM_E_NOMEM, "%d bytes to read: out of memory",
                            BUFFER);
        memset(block, 0, BUFFER);
        buffer.data = block;
        m.runs = &buffer;
        m.n_runs = 1;
        m.n_chunks = count_chunks(buffer);
    }
    if (r->pool) anm_pool_begin(r->pool);
    out->macs_per_s = best_rate(r, &m, burn_share);
    out->bytes_per_s = best_rate(r, &m, read_share);
    if (r->pool) anm_pool_end_uncounted(r->pool);
    anm_free_aligned(block);
    return ANM_OK;
}
