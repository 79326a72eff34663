/* cpu_plain.c - the operations that the passes replace, one text at a time and
 * as they are defined: the yardstick for what replaces them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "backend/cpu/cpu_backend.h"

/* Dimensions of a value for the text at hand, and where its elements lie. A
 * view of rows that are ld apart has that stride on its first axis. */
typedef struct grid {
    unsigned rank;
    size_t dims[ANM_RANK_MAX], strides[ANM_RANK_MAX];
    size_t n;
} grid;

static grid grid_of(const anm_cpu_operand *o, const anm_cpu_batch *b)
{
    const anm_shape *s = o->shape;
    grid g = { .rank = s->rank, .n = 1 };

    for (unsigned i = s->rank; i-- > 0;) {
        g.dims[i] = s->dims[i] == ANM_DIM_TOKENS ? b->rows : (size_t)s->dims[i];
        g.strides[i] = g.n;
        g.n *= g.dims[i];
    }
    if (o->home == ANM_CPU_TEMP && g.rank > 1 && s->dims[0] == ANM_DIM_TOKENS &&
        g.strides[0] == o->width)
        g.strides[0] = o->ld;
    return g;
}

/* y[0..n) in order become what lies at the positions of a walk over dims, the
 * last axis fastest. */
static void walk(float *y, const float *x, unsigned rank, const size_t *dims,
                 const size_t *strides, size_t n)
{
    size_t at[ANM_RANK_MAX] = { 0 };

    for (size_t i = 0; i < n; i++) {
        size_t from = 0;

        for (unsigned a = 0; a < rank; a++)
            from += at[a] * strides[a];
        y[i] = x[from];
        for (unsigned a = rank; a-- > 0 && ++at[a] == dims[a];)
            at[a] = 0;
    }
}

void anm_cpu_run_transpose(const anm_cpu_step *s, const anm_cpu_batch *b,
                           unsigned member, unsigned n_members)
{
    const grid x = grid_of(&s->in[0], b), y = grid_of(&s->out, b);
    size_t strides[ANM_RANK_MAX];

    assert(member == 0 && n_members == 1);
    (void)member;
    (void)n_members;
    for (unsigned a = 0; a < y.rank; a++)
        strides[a] = x.strides[s->node->attr.perm[a]];
    walk(s->y, s->in[0].data, y.rank, y.dims, strides, y.n);
}

void anm_cpu_run_reshape(const anm_cpu_step *s, const anm_cpu_batch *b,
                         unsigned member, unsigned n_members)
{
    const grid x = grid_of(&s->in[0], b);

    assert(member == 0 && n_members == 1);
    (void)member;
    (void)n_members;
    walk(s->y, s->in[0].data, x.rank, x.dims, x.strides, x.n);
}

void anm_cpu_run_slice(const anm_cpu_step *s, const anm_cpu_batch *b,
                       unsigned member, unsigned n_members)
{
    const grid x = grid_of(&s->in[0], b), y = grid_of(&s->out, b);

    assert(member == 0 && n_members == 1);
    (void)member;
    (void)n_members;
    walk(s->y, s->in[0].data + s->node->attr.begin, y.rank, y.dims, x.strides,
         y.n);
}

/* Where matrix i of the matrices in the last two axes begins. */
static size_t find_matrix(const grid *g, size_t i)
{
    size_t at = 0;

    for (unsigned a = g->rank - 2; a-- > 0;) {
        at += i % g->dims[a] * g->strides[a];
        i /= g->dims[a];
    }
    return at;
}

/* One matrix: c [m, n] = a [m, k] b, where b is [k, n] or its transpose. */
typedef struct product {
    size_t m, n, k, lda, ldb;
    bool transposed;
} product;

static void multiply(const product *p, const anm_kern *kern, float *c,
                     const float *a, const float *b)
{
    for (size_t i = 0; i < p->m; i++, c += p->n, a += p->lda) {
        for (size_t j = 0; j < p->n; j++)
            c[j] = p->transposed ? kern->dot_f32(a, b + j * p->ldb, p->k) : 0;
        for (size_t d = 0; !p->transposed && d < p->k; d++) {
            for (size_t j = 0; j < p->n; j++)
                c[j] += a[d] * b[d * p->ldb + j];
        }
    }
}

void anm_cpu_run_matmul(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members)
{
    const grid x = grid_of(&s->in[0], b), z = grid_of(&s->in[1], b);
    const grid y = grid_of(&s->out, b);
    const product p = {
        .m = y.dims[y.rank - 2],
        .n = y.dims[y.rank - 1],
        .k = x.dims[x.rank - 1],
        .lda = x.strides[x.rank - 2],
        .ldb = z.strides[z.rank - 2],
        .transposed = s->node->attr.flag,
    };

    assert(member == 0 && n_members == 1);
    (void)member;
    (void)n_members;
    for (size_t i = 0; i < y.n / (p.m * p.n); i++)
        multiply(&p, s->kern, s->y + find_matrix(&y, i),
                 s->in[0].data + find_matrix(&x, i),
                 s->in[1].data + find_matrix(&z, i));
}

/* Masked keys do not exist here, so the mask changes nothing. */
void anm_cpu_run_softmax(const anm_cpu_step *s, const anm_cpu_batch *b,
                         unsigned member, unsigned n_members)
{
    const anm_cpu_rows all = anm_cpu_rows_of(&s->out, b);
    const anm_cpu_rows rows = anm_cpu_last_rows(&s->out, b);

    assert(member == 0 && n_members == 1);
    (void)member;
    (void)n_members;
    anm_cpu_copy_rows(s, b, 0, all.n);
    s->kern->softmax_f32(s->y, rows.ld, rows.n, rows.width);
}
