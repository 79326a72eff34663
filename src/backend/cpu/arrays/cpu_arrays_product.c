/* cpu_arrays_product.c - matrix products: with packed weights, and of two
 * computed arrays.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "backend/cpu/arrays/cpu_arrays_ops.h"

/* ---- Linear -------------------------------------------------------------- */

void anm_cpu_array_linear(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_cpu_array *x = s->in[0], *w = s->in[1], *y = s->out[0];
    const anm_cpu_array *bias = anm_cpu_input(s, 2);
    const anm_cpu_array *residual = anm_cpu_input(s, 3);
    const size_t k = (size_t)x->type.dims[x->type.rank - 1];
    const size_t n = (size_t)y->type.dims[y->type.rank - 1];

    anm_cpu_multiply(t->kern,
                     &(anm_gemm_f32){
                         .m = anm_cpu_array_n(x) / k,
                         .n = n,
                         .k = k,
                         .a = x->data,
                         .lda = k,
                         .w = w->panels,
                         .w_type = w->stored_type,
                         .c = y->data,
                         .ldc = n,
                         .bias = bias ? bias->data : NULL,
                         .residual = residual ? residual->data : NULL,
                         .ld_residual = n,
                         .act = s->node->attr.act,
                         .panel_count = anm_panels(n),
                     },
                     t->pool, t->member, t->n_members);
}

/* ---- Products of computed arrays ----------------------------------------- */

size_t anm_cpu_product_room(size_t m, size_t n, size_t k, bool copy_a)
{
    size_t panels = 0, a = 0, all = 0;

    if (!anm_mul_size(anm_panels(n) * ANM_PANEL, k, &panels) ||
        (copy_a && !anm_mul_size(m, k, &a)) || !anm_add_size(panels, a, &all))
        return SIZE_MAX;
    return all;
}

void anm_cpu_pack_columns(float *panels, const float *b, size_t row, size_t col,
                          size_t k, anm_cpu_range columns)
{
    for (size_t p = 0; p < columns.n; p += ANM_PANEL) {
        const size_t some =
            columns.n - p < ANM_PANEL ? columns.n - p : ANM_PANEL;
        const float *from = b + (columns.first + p) * col;

        for (size_t i = 0; i < k; i++, panels += ANM_PANEL, from += row) {
            if (some < ANM_PANEL) memset(panels, 0, ANM_PANEL * sizeof(*b));
            for (size_t j = 0; j < some; j++)
                panels[j] = from[j * col];
        }
    }
}

static void copy_rows(float *to, const anm_cpu_product *p)
{
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->k; j++)
            to[i * p->k + j] = p->a[i * p->a_row + j * p->a_col];
    }
}

static void clear_columns(const anm_cpu_product *p, size_t first, size_t n)
{
    for (size_t i = 0; i < p->m; i++)
        memset(p->c + i * p->c_row + first, 0, n * sizeof(float));
}

void anm_cpu_product_run(const anm_kern *kern, const anm_cpu_product *p,
                         size_t first, size_t n, float *scratch)
{
    const float *a = p->a;
    size_t lda = p->a_row;

    assert(first % ANM_PANEL == 0);
    if (p->m == 0 || n == 0) return;
    if (p->k == 0) {
        clear_columns(p, first, n);
        return;
    }
    anm_cpu_pack_columns(scratch, p->b, p->b_row, p->b_col, p->k,
                         (anm_cpu_range){ first, n });
    if (p->a_col != 1) {
        float *copy = scratch + anm_panels(n) * ANM_PANEL * p->k;
        copy_rows(copy, p);
        a = copy;
        lda = p->k;
    }
    kern->gemm_f32(&(anm_gemm_f32){
        .m = p->m,
        .n = n,
        .k = p->k,
        .a = a,
        .lda = lda,
        .w = scratch,
        .w_type = ANM_DTYPE_F32,
        .c = p->c + first,
        .ldc = p->c_row,
        .panel_count = anm_panels(n),
    });
}

/* ---- Shares: a product of a batch, or some of its columns ------------------ */

/* Columns of one unit of work: all, unless that leaves members idle. */
static size_t columns_of(size_t n, size_t n_products, unsigned n_members)
{
    const size_t panels = anm_panels(n);
    size_t parts = 1;

    if (n_products < n_members)
        parts = (n_members + n_products - 1) / (n_products ? n_products : 1);
    if (parts > panels) parts = panels ? panels : 1;
    return (panels + parts - 1) / parts * ANM_PANEL;
}

typedef void (*product_at_fn)(const anm_cpu_array_step *s, size_t i,
                              anm_cpu_product *out);

static void run_products(const anm_cpu_array_step *s, const anm_cpu_turn *t,
                         size_t n_products, size_t n, product_at_fn at)
{
    const size_t columns = columns_of(n, n_products, t->n_members);
    const size_t parts = columns ? (n + columns - 1) / columns : 0;
    const anm_cpu_range r = anm_cpu_array_share(t, n_products * parts, 1);

    for (size_t i = r.first; i < r.first + r.n; i++) {
        const size_t first = i % parts * columns;
        const size_t left = n - first;
        anm_cpu_product p;

        at(s, i / parts, &p);
        anm_cpu_product_run(t->kern, &p, first, left < columns ? left : columns,
                            t->scratch);
    }
}

/* ---- Matmul -------------------------------------------------------------- */

typedef struct operands {
    anm_array_matrix a, b;
    anm_array_type batch; /* leading axes of the result */
} operands;

static operands operands_of(const anm_cpu_array_step *s)
{
    const anm_array_type *x = &s->in[0]->type, *y = &s->in[1]->type;
    const unsigned flags = s->node->attr.flags;
    operands o = {
        .a = anm_array_matrix_of(x, (flags & ANM_ARRAY_TRANSPOSE_X) != 0, true),
        .b =
            anm_array_matrix_of(y, (flags & ANM_ARRAY_TRANSPOSE_Y) != 0, false),
        .batch = s->out[0]->type,
    };

    o.batch.rank -= (x->rank > 1 ? 1u : 0u) + (y->rank > 1 ? 1u : 0u);
    return o;
}

/* Which matrix of an operand meets matrix i of the batch. */
static size_t matrix_at(const anm_array_type *batch, const anm_array_type *t,
                        size_t i)
{
    const unsigned rank = t->rank > 2 ? t->rank - 2 : 0;
    size_t at = 0, step = 1;

    for (unsigned j = 1; j <= rank; j++) {
        const size_t dim = (size_t)t->dims[rank - j];

        if (dim > 1) at += i % dim * step;
        step *= dim;
        i /= (size_t)batch->dims[batch->rank - j];
    }
    return at;
}

static void matmul_at(const anm_cpu_array_step *s, size_t i,
                      anm_cpu_product *out)
{
    const operands o = operands_of(s);
    const size_t k = (size_t)o.a.cols;
    const size_t m = (size_t)o.a.rows, n = (size_t)o.b.cols;
    const size_t ai = matrix_at(&o.batch, &s->in[0]->type, i);
    const size_t bi = matrix_at(&o.batch, &s->in[1]->type, i);

    *out = (anm_cpu_product){
        .m = m,
        .n = n,
        .k = k,
        .a = anm_cpu_floats(s->in[0]) + ai * m * k,
        .b = anm_cpu_floats(s->in[1]) + bi * k * n,
        .a_row = o.a.row_step,
        .a_col = o.a.col_step,
        .b_row = o.b.row_step,
        .b_col = o.b.col_step,
        .c = (float *)s->out[0]->data + i * m * n,
        .c_row = n,
    };
}

size_t anm_cpu_array_room_matmul(const anm_cpu_array_step *s,
                                 unsigned n_members)
{
    const operands o = operands_of(s);

    (void)n_members;
    return anm_cpu_product_room((size_t)o.a.rows, (size_t)o.b.cols,
                                (size_t)o.a.cols, o.a.col_step != 1);
}

void anm_cpu_array_matmul(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const operands o = operands_of(s);

    run_products(s, t, anm_array_elements(&o.batch), (size_t)o.b.cols,
                 matmul_at);
}

/* ---- Einsum: [n, c, h, w] by [n, w, h, u], a product for each n and h ------ */

static void einsum_at(const anm_cpu_array_step *s, size_t i,
                      anm_cpu_product *out)
{
    const anm_array_type *a = &s->in[0]->type, *b = &s->in[1]->type;
    const anm_array_type *y = &s->out[0]->type;
    const unsigned r = a->rank;
    const size_t h = i % (size_t)y->dims[r - 2];
    const size_t n = i / (size_t)y->dims[r - 2];
    const size_t c = (size_t)a->dims[r - 3], w = (size_t)a->dims[r - 1];
    const size_t u = (size_t)b->dims[r - 1];
    const size_t ah = (size_t)a->dims[r - 2], bh = (size_t)b->dims[r - 2];
    const size_t yh = (size_t)y->dims[r - 2];
    const size_t an = r == 4 && a->dims[0] > 1 ? n : 0;
    const size_t bn = r == 4 && b->dims[0] > 1 ? n : 0;

    *out = (anm_cpu_product){
        .m = c,
        .n = u,
        .k = w,
        .a = anm_cpu_floats(s->in[0]) + an * c * ah * w + (ah > 1 ? h * w : 0),
        .b = anm_cpu_floats(s->in[1]) + bn * w * bh * u + (bh > 1 ? h * u : 0),
        .a_row = ah * w,
        .a_col = 1,
        .b_row = bh * u,
        .b_col = 1,
        .c = (float *)s->out[0]->data + n * c * yh * u + h * u,
        .c_row = yh * u,
    };
}

size_t anm_cpu_array_room_einsum(const anm_cpu_array_step *s,
                                 unsigned n_members)
{
    const anm_array_type *a = &s->in[0]->type, *b = &s->in[1]->type;
    const unsigned r = a->rank;

    (void)n_members;
    return anm_cpu_product_room((size_t)a->dims[r - 3], (size_t)b->dims[r - 1],
                                (size_t)a->dims[r - 1], false);
}

void anm_cpu_array_einsum(const anm_cpu_array_step *s, const anm_cpu_turn *t)
{
    const anm_array_type *y = &s->out[0]->type;
    const unsigned r = y->rank;
    const size_t n = r == 4 ? (size_t)y->dims[0] : 1;

    run_products(s, t, n * (size_t)y->dims[r - 2], (size_t)y->dims[r - 1],
                 einsum_at);
}
