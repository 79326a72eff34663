/* cpu_arrays_attention.c - softmax(scale q k^T + mask) v, a head and a block of
 * queries at a time: the scores never leave the caches.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "backend/cpu/arrays/cpu_arrays_ops.h"

/* Queries of one unit of work. */
enum { QUERIES = 128 };

/* Sizes and steps of q, k, v and out as [batch, heads, rows, dim]; SDPA's
 * leading axes are all batch. */
typedef struct heads {
    size_t batch, n, kv; /* heads of q and out, of k and v */
    size_t rows, keys, dim, v_dim;
    bool tokens_first;
    float scale;
} heads;

static heads heads_of(const anm_cpu_array_step *s)
{
    const anm_array_type *q = &s->in[0]->type, *k = &s->in[1]->type;
    const unsigned r = q->rank;
    heads h = { .batch = 1,
                .n = 1,
                .kv = 1,
                .dim = (size_t)q->dims[r - 1],
                .v_dim = (size_t)s->in[2]->type.dims[r - 1] };

    if (s->node->op == ANM_ARRAY_SDPA) {
        for (unsigned i = 0; i + 2 < r; i++)
            h.batch *= (size_t)q->dims[i];
        h.rows = (size_t)q->dims[r - 2];
        h.keys = (size_t)k->dims[r - 2];
        h.scale = (float)(1.0 / sqrt((double)h.dim));
        return h;
    }
    h.tokens_first = (s->node->attr.flags & ANM_ARRAY_TOKENS_FIRST) != 0;
    h.batch = (size_t)q->dims[0];
    h.n = (size_t)q->dims[h.tokens_first ? 2 : 1];
    h.kv = (size_t)k->dims[h.tokens_first ? 2 : 1];
    h.rows = (size_t)q->dims[h.tokens_first ? 1 : 2];
    h.keys = (size_t)k->dims[h.tokens_first ? 1 : 2];
    h.scale = (float)s->node->attr.alpha;
    return h;
}

/* Where a head of an array begins, and how far its rows are apart. */
typedef struct head {
    size_t at, ld;
} head;

static head head_at(const heads *h, size_t n, size_t rows, size_t dim,
                    size_t batch, size_t i)
{
    if (h->tokens_first)
        return (head){ batch * rows * n * dim + i * dim, n * dim };
    return (head){ (batch * n + i) * rows * dim, dim };
}

static size_t block_rows(const heads *h)
{
    return h->rows < QUERIES ? h->rows : QUERIES;
}

size_t anm_cpu_array_room_attention(const anm_cpu_array_step *s,
                                    unsigned n_members)
{
    const heads h = heads_of(s);
    const size_t k = anm_cpu_product_room(0, h.keys, h.dim, false);
    const size_t v = anm_cpu_product_room(0, h.v_dim, h.keys, false);
    size_t scores = 0, all = 0;

    (void)n_members;
    if (!anm_mul_size(block_rows(&h), h.keys, &scores) ||
        !anm_add_size(k, v, &all) || !anm_add_size(all, scores, &all))
        return SIZE_MAX;
    return all;
}

/* ---- Mask ---------------------------------------------------------------- */

/* Add the mask to scores [n, keys] of queries from `first` on. */
static void add_mask(const anm_cpu_array_step *s, const heads *h, float *scores,
                     size_t head_index, anm_cpu_range queries)
{
    const anm_cpu_array *mask = anm_cpu_input(s, 3);
    const bool is_float = anm_cpu_is_float(mask);
    anm_array_type t = s->in[0]->type;
    anm_cpu_walk w;
    anm_cpu_cursor c;

    /* The scores of all heads, [.., rows, keys], with the mask beside them. */
    if (h->tokens_first) t.dims[1] = (int64_t)h->n;
    t.dims[t.rank - 2] = (int64_t)h->rows;
    t.dims[t.rank - 1] = (int64_t)h->keys;
    anm_cpu_walk_begin(&w, &t);
    anm_cpu_walk_add(&w, &mask->type);
    const size_t first = (head_index * h->rows + queries.first) * h->keys;
    const int64_t step = w.steps[1][w.rank - 1];
    anm_cpu_cursor_begin(&c, &w, (anm_cpu_range){ first, queries.n * h->keys });
    while (anm_cpu_cursor_next(&c)) {
        float *row = scores + (c.at[0] - (int64_t)first);

        for (int64_t j = 0; j < (int64_t)c.run; j++) {
            const int64_t at = c.at[1] + j * step;

            if (is_float)
                row[j] += anm_cpu_floats(mask)[at];
            else if (!anm_cpu_ints(mask)[at])
                row[j] = -INFINITY;
        }
    }
}

/* ---- Heads --------------------------------------------------------------- */

typedef struct unit {
    const anm_cpu_array_step *s;
    const anm_kern *kern;
    heads h;
    float *k_panels, *v_panels, *scores;
    size_t packed; /* head of k and v in the panels, SIZE_MAX: none */
} unit;

static void pack_head(unit *u, size_t batch, size_t i)
{
    const heads *h = &u->h;
    const head k = head_at(h, h->kv, h->keys, h->dim, batch, i);
    const head v = head_at(h, h->kv, h->keys, h->v_dim, batch, i);

    if (u->packed == batch * h->kv + i) return;
    u->packed = batch * h->kv + i;
    anm_cpu_pack_columns(u->k_panels, anm_cpu_floats(u->s->in[1]) + k.at, 1,
                         k.ld, h->dim, (anm_cpu_range){ 0, h->keys });
    anm_cpu_pack_columns(u->v_panels, anm_cpu_floats(u->s->in[2]) + v.at, v.ld,
                         1, h->keys, (anm_cpu_range){ 0, h->v_dim });
}

static void multiply(const unit *u, anm_gemm_f32 *g, size_t m, size_t n,
                     size_t k)
{
    g->m = m;
    g->n = n;
    g->k = k;
    g->w_type = ANM_DTYPE_F32;
    g->panel_count = anm_panels(n);
    u->kern->gemm_f32(g);
}

/* Queries [first, first + n) of one head. */
static void attend(unit *u, size_t batch, size_t i, anm_cpu_range queries)
{
    const heads *h = &u->h;
    const head q = head_at(h, h->n, h->rows, h->dim, batch, i);
    const head y = head_at(h, h->n, h->rows, h->v_dim, batch, i);
    const size_t n = queries.n * h->keys;

    pack_head(u, batch, i / (h->n / h->kv));
    multiply(u,
             &(anm_gemm_f32){ .a = anm_cpu_floats(u->s->in[0]) + q.at +
                                   queries.first * q.ld,
                              .lda = q.ld,
                              .w = u->k_panels,
                              .c = u->scores,
                              .ldc = h->keys },
             queries.n, h->keys, h->dim);
    for (size_t j = 0; j < n; j++)
        u->scores[j] *= h->scale;
    if (anm_cpu_input(u->s, 3))
        add_mask(u->s, h, u->scores, batch * h->n + i, queries);
    anm_cpu_softmax_rows(u->kern, u->scores, h->keys, queries.n, h->keys);
    multiply(u,
             &(anm_gemm_f32){ .a = u->scores,
                              .lda = h->keys,
                              .w = u->v_panels,
                              .c = (float *)u->s->out[0]->data + y.at +
                                   queries.first * y.ld,
                              .ldc = y.ld },
             queries.n, h->v_dim, h->keys);
}

void anm_cpu_array_attention(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    unit u = { .s = s, .kern = t->kern, .h = heads_of(s), .packed = SIZE_MAX };
    const heads *h = &u.h;
    const size_t parts = (h->rows + QUERIES - 1) / QUERIES;
    const anm_cpu_range r = anm_cpu_array_share(t, h->batch * h->n * parts, 1);

    if (h->dim == 0 || h->keys == 0 || h->v_dim == 0) {
        if (t->member == 0 && anm_cpu_array_n(s->out[0]))
            memset(s->out[0]->data, 0,
                   anm_cpu_array_n(s->out[0]) * sizeof(float));
        return;
    }
    u.k_panels = t->scratch;
    u.v_panels = u.k_panels + anm_panels(h->keys) * ANM_PANEL * h->dim;
    u.scores = u.v_panels + anm_panels(h->v_dim) * ANM_PANEL * h->keys;
    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t first = i % parts * QUERIES, left = h->rows - first;
        const size_t at = i / parts;

        attend(&u, at / h->n, at % h->n,
               (anm_cpu_range){ first, left < QUERIES ? left : QUERIES });
    }
}
