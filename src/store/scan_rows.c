/* scan_rows.c - see scan_rows.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/scan_rows.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/file.h"

/* A block of 2 MiB fills a huge page, so that a scan stops for no page walk, and
 * is short enough that what is unused in the last one does not count. */
enum { BLOCK_BYTES = 2 << 20, MAX_ROWS = 8192, FIRST_ROWS = 16 };

void anm_rows_init(anm_rows *r, size_t dim)
{
    const size_t rows = BLOCK_BYTES / (dim * sizeof(float));

    *r = (anm_rows){ .dim = dim };
    r->per_block = rows < FIRST_ROWS ? FIRST_ROWS
                   : rows > MAX_ROWS ? MAX_ROWS
                                     : rows;
}

static void release(anm_rows_block *b)
{
    anm_free_aligned(b->vectors);
    anm_free(b->ids);
    anm_free(b->dead);
    *b = (anm_rows_block){ 0 };
}

void anm_rows_reset(anm_rows *r)
{
    for (size_t i = 0; i < r->n_blocks; i++)
        release(&r->blocks[i]);
    anm_free(r->blocks);
    anm_rows_init(r, r->dim);
}

void anm_rows_deinit(anm_rows *r)
{
    if (r->dim) anm_rows_reset(r);
}

/* ---- One row ------------------------------------------------------------------ */

static anm_rows_block *block_of(const anm_rows *r, size_t row)
{
    return &r->blocks[row / r->per_block];
}

static float *vector_of(const anm_rows *r, size_t row)
{
    return block_of(r, row)->vectors + row % r->per_block * r->dim;
}

int64_t anm_rows_id(const anm_rows *r, size_t row)
{
    return block_of(r, row)->ids[row % r->per_block];
}

bool anm_rows_is_dead(const anm_rows *r, size_t row)
{
    return block_of(r, row)->dead[row % r->per_block];
}

const float *anm_rows_at(const anm_rows *r, size_t row, size_t *n)
{
    *n = block_of(r, row)->n - row % r->per_block;
    return vector_of(r, row);
}

size_t anm_rows_seek(const anm_rows *r, size_t from, size_t end, int64_t id)
{
    size_t step = 1, low = from, high = from;

    // Steps that double until the id is behind; then halves between.
    while (high < end && anm_rows_id(r, high) < id) {
        low = high + 1;
        high = step < end - high ? high + step : end;
        step *= 2;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (anm_rows_id(r, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Rows with ids in order first, then binary search; n when absent. */
static size_t find(const anm_rows *r, int64_t id)
{
    size_t low = 0, high = r->n_sorted;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (anm_rows_id(r, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n_sorted && anm_rows_id(r, low) == id ? low : r->n;
}

/* ---- Growing ------------------------------------------------------------------- */

/* The longest that a huge page may take to come: several times what it takes to
 * clear one. */
static const uint64_t page_most_ns = 1000000;

static void advise_page(const float *vectors)
{
    anm_map_advise(anm_bytes_of(vectors, BLOCK_BYTES), ANM_MAP_LASTING);
}

static bool fills_page(const anm_rows *r, size_t rows)
{
    const size_t bytes = rows * r->dim * sizeof(float);

    return rows == r->per_block && bytes > BLOCK_BYTES / 2 &&
           bytes <= BLOCK_BYTES;
}

/* A whole block gets its huge page at once, unless such are slow to come: a
 * system that must gather one, or have it from its host, keeps a first search
 * waiting for it. Then small pages do, which the system may join later. */
static float *alloc_vectors(anm_rows *r, size_t rows)
{
    if (!fills_page(r, rows))
        return anm_alloc_aligned(ANM_CACHE_LINE, rows * r->dim * sizeof(float));
    float *vectors = anm_alloc_aligned(BLOCK_BYTES, BLOCK_BYTES);
    if (!vectors || r->pages_are_slow) return vectors;
    advise_page(vectors);
    const uint64_t start = anm_now_ns();
    *(volatile float *)vectors = 0;
    r->pages_are_slow = anm_now_ns() - start > page_most_ns;
    return vectors;
}

/* A collection of one block starts small. */
static bool grow_block(anm_rows *r, anm_rows_block *b)
{
    const size_t twice = b->cap ? 2 * b->cap : FIRST_ROWS;
    const bool whole = r->n_blocks > 1 || twice > r->per_block;
    const size_t cap = whole ? r->per_block : twice;
    anm_rows_block to = {
        .vectors = alloc_vectors(r, cap),
        .ids = anm_alloc_array(cap, sizeof(int64_t)),
        .dead = anm_alloc_array(cap, 1),
        .n = b->n,
        .cap = cap,
    };

    if (!to.vectors || !to.ids || !to.dead) {
        release(&to);
        return false;
    }
    if (b->n) {
        memcpy(to.vectors, b->vectors, b->n * r->dim * sizeof(float));
        memcpy(to.ids, b->ids, b->n * sizeof(int64_t));
        memcpy(to.dead, b->dead, b->n);
    }
    release(b);
    *b = to;
    return true;
}

/* Room for one more row behind the last. */
static bool make_room(anm_rows *r)
{
    const size_t block = r->n / r->per_block;

    if (block == r->n_blocks) {
        if (!anm_grow(&r->blocks, &r->cap_blocks, block + 1,
                      sizeof(*r->blocks)))
            return false;
        r->blocks[r->n_blocks++] = (anm_rows_block){ 0 };
    }
    anm_rows_block *b = &r->blocks[block];
    return b->n < b->cap || grow_block(r, b);
}

static void set_row(anm_rows *r, size_t row, int64_t id, const float *vector,
                    bool dead)
{
    anm_rows_block *b = block_of(r, row);

    memcpy(vector_of(r, row), vector, r->dim * sizeof(*vector));
    b->ids[row % r->per_block] = id;
    b->dead[row % r->per_block] = dead;
}

bool anm_rows_put(anm_rows *r, int64_t id, const float *vector)
{
    const size_t row = find(r, id);

    if (row < r->n) {
        r->n_dead -= anm_rows_is_dead(r, row);
        set_row(r, row, id, vector, false);
        return true;
    }
    if (!make_room(r)) return false;
    anm_rows_block *b = block_of(r, r->n);
    set_row(r, r->n++, id, vector, false);
    if (++b->n == r->per_block && fills_page(r, b->n)) advise_page(b->vectors);
    return true;
}

void anm_rows_remove(anm_rows *r, int64_t id)
{
    const size_t row = find(r, id);

    if (row >= r->n || anm_rows_is_dead(r, row)) return;
    block_of(r, row)->dead[row % r->per_block] = 1;
    r->n_dead++;
}

/* ---- Order ---------------------------------------------------------------------- */

/* Give up rows [n, r->n) and the blocks that only they used. */
static void cut(anm_rows *r, size_t n)
{
    const size_t keep = (n + r->per_block - 1) / r->per_block;

    while (r->n_blocks > keep)
        release(&r->blocks[--r->n_blocks]);
    if (n % r->per_block) r->blocks[keep - 1].n = n % r->per_block;
    r->n = n;
    if (r->n_sorted > n) r->n_sorted = n;
}

static int compare_ids(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

typedef struct sorter {
    int64_t *order; /* [2 n] pairs: id, row */
    float *spare;   /* [dim] */
} sorter;

/* Follow each cycle of the permutation once: row i receives what lies at
 * order[i].row. */
static void permute(anm_rows *r, size_t first, size_t n, sorter *t)
{
    for (size_t i = 0; i < n; i++) {
        size_t to = i, from = (size_t)t->order[2 * i + 1];

        if (from == i) continue;
        const bool spare_dead = anm_rows_is_dead(r, first + i);
        memcpy(t->spare, vector_of(r, first + i), r->dim * sizeof(float));
        while (from != i) {
            set_row(r, first + to, t->order[2 * to], vector_of(r, first + from),
                    anm_rows_is_dead(r, first + from));
            t->order[2 * to + 1] = (int64_t)to;
            to = from;
            from = (size_t)t->order[2 * to + 1];
        }
        set_row(r, first + to, t->order[2 * to], t->spare, spare_dead);
        t->order[2 * to + 1] = (int64_t)to;
    }
}

/* The first row that a new one goes before, or is itself. */
static size_t first_to_move(const anm_rows *r)
{
    int64_t least = INT64_MAX;

    for (size_t row = r->n_sorted; row < r->n; row++) {
        const int64_t id = anm_rows_id(r, row);
        if (id < least) least = id;
    }
    return anm_rows_seek(r, 0, r->n_sorted, least);
}

static bool sort_new(anm_rows *r)
{
    const size_t first = first_to_move(r), n = r->n - first;
    sorter t = {
        .order = anm_alloc_array(n, 2 * sizeof(int64_t)),
        .spare = anm_alloc_array(r->dim, sizeof(float)),
    };
    const bool ok = t.order && t.spare;

    for (size_t i = 0; ok && i < n; i++) {
        t.order[2 * i] = anm_rows_id(r, first + i);
        t.order[2 * i + 1] = (int64_t)i;
    }
    if (ok) {
        qsort(t.order, n, 2 * sizeof(int64_t), compare_ids);
        permute(r, first, n, &t);
    }
    anm_free(t.order);
    anm_free(t.spare);
    return ok;
}

/* The living move down over the dead, in order. */
static void drop_dead(anm_rows *r)
{
    size_t to = 0;

    for (size_t row = 0; row < r->n; row++) {
        if (anm_rows_is_dead(r, row)) continue;
        if (to != row)
            set_row(r, to, anm_rows_id(r, row), vector_of(r, row), false);
        to++;
    }
    cut(r, to);
    r->n_dead = 0;
}

static bool new_ascend(const anm_rows *r)
{
    for (size_t row = r->n_sorted ? r->n_sorted : 1; row < r->n; row++) {
        if (anm_rows_id(r, row - 1) >= anm_rows_id(r, row)) return false;
    }
    return true;
}

bool anm_rows_settle(anm_rows *r)
{
    const bool ok = new_ascend(r) || sort_new(r);

    if (ok)
        r->n_sorted = r->n;
    else
        cut(r, r->n_sorted);
    if (r->n_dead * 4 > r->n) drop_dead(r);
    return ok;
}

uint64_t anm_rows_bytes(const anm_rows *r)
{
    uint64_t bytes = r->cap_blocks * sizeof(*r->blocks);

    for (size_t i = 0; i < r->n_blocks; i++)
        bytes +=
            r->blocks[i].cap * (r->dim * sizeof(float) + sizeof(int64_t) + 1);
    return bytes;
}
