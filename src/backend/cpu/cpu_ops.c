/* cpu_ops.c - the packable operations: which rows, panels or heads a member
 * takes, and the kernel that computes them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "backend/cpu/cpu_backend.h"

/* ---- Shapes -------------------------------------------------------------- */

size_t anm_cpu_last_axis(const anm_cpu_operand *o, const anm_cpu_batch *b)
{
    const anm_shape *s = o->shape;
    const int64_t last = s->rank ? s->dims[s->rank - 1] : 1;

    return last == ANM_DIM_TOKENS ? b->rows : (size_t)last;
}

/* Whether rows of this shape follow the tokens: the first axis and no other. */
static bool is_row_per_token(const anm_shape *s)
{
    if (s->rank == 0 || s->dims[0] != ANM_DIM_TOKENS) return false;
    for (unsigned i = 1; i < s->rank; i++) {
        if (s->dims[i] == ANM_DIM_TOKENS) return false;
    }
    return true;
}

anm_cpu_rows anm_cpu_last_rows(const anm_cpu_operand *o, const anm_cpu_batch *b)
{
    const size_t last = anm_cpu_last_axis(o, b);
    const anm_cpu_rows rows = anm_cpu_rows_of(o, b);

    if (rows.width == last) return rows;
    assert(rows.ld == rows.width);
    return (anm_cpu_rows){ .n = rows.n * (rows.width / last),
                           .ld = last,
                           .width = last };
}

anm_cpu_rows anm_cpu_rows_of(const anm_cpu_operand *o, const anm_cpu_batch *b)
{
    if (o->home == ANM_CPU_SECTION)
        return (anm_cpu_rows){ .n = 1, .ld = o->width, .width = o->width };
    if (is_row_per_token(o->shape))
        return (anm_cpu_rows){ .n = b->rows, .ld = o->ld, .width = o->width };
    if (o->per_text)
        return (
            anm_cpu_rows){ .n = b->n_texts, .ld = o->ld, .width = o->width };
    const size_t last = anm_cpu_last_axis(o, b);
    const size_t all = (size_t)anm_shape_elements(o->shape, b->rows);
    return (anm_cpu_rows){ .n = all / last, .ld = last, .width = last };
}

/* ---- Splitting ----------------------------------------------------------- */

typedef struct range {
    size_t first, n;
} range;

/* A member's contiguous share of n, in whole grains. */
static range share_of(size_t n, size_t grain, unsigned member,
                      unsigned n_members)
{
    const size_t grains = (n + grain - 1) / grain;
    const size_t first = grains * member / n_members * grain;
    size_t end = grains * (member + 1) / n_members * grain;

    if (end > n) end = n;
    return (range){ .first = first, .n = end - first };
}

/* The next unit of the step: across members, or this member's own count. */
static size_t draw(const anm_cpu_batch *b, size_t *own, unsigned n_members)
{
    return n_members == 1 ? (*own)++ : anm_pool_next(b->pool);
}

void anm_cpu_copy_rows(const anm_cpu_step *s, const anm_cpu_batch *b,
                       size_t first, size_t n)
{
    const anm_cpu_rows x = anm_cpu_rows_of(&s->in[0], b);
    const anm_cpu_rows y = anm_cpu_rows_of(&s->out, b);

    if (s->y == s->in[0].data) return;
    for (size_t i = first; i < first + n; i++)
        memcpy(s->y + i * y.ld, s->in[0].data + i * x.ld,
               y.width * sizeof(float));
}

/* ---- Into rows ----------------------------------------------------------- */

void anm_cpu_run_position(const anm_cpu_step *s, const anm_cpu_batch *b,
                          unsigned member, unsigned n_members)
{
    int32_t *y = (void *)s->y;
    const int32_t offset = (int32_t)s->node->attr.offset;

    (void)member;
    (void)n_members;
    for (size_t t = 0; t < b->n_texts; t++) {
        const size_t len = b->bounds[t + 1] - b->bounds[t];

        for (size_t i = 0; i < len; i++)
            y[(b->bounds[t] + i) * s->out.ld] = (int32_t)i + offset;
    }
}

void anm_cpu_run_gather(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members)
{
    const range r = share_of(b->rows, 1, member, n_members);
    const anm_cpu_operand *table = &s->in[0];
    const int32_t *ids = (const void *)s->in[1].data;

    assert(s->in[1].ld == 1);
    s->kern->gather_f32(&(anm_gather_f32){
        .table = table->data,
        .type = table->type,
        .ldt = table->ld,
        .ids = ids + r.first,
        .n = r.n,
        .dim = table->ld,
        .y = s->y + r.first * s->out.ld,
        .ldy = s->out.ld,
    });
}

/* ---- Element by element -------------------------------------------------- */

/* b broadcasts over leading axes: element i of a meets element i mod |b|. */
static void combine_any(const anm_cpu_step *s, const anm_cpu_batch *b, bool mul)
{
    const anm_cpu_rows y = anm_cpu_rows_of(&s->out, b);
    const anm_cpu_operand *other = &s->in[1];
    const anm_cpu_rows o = anm_cpu_rows_of(other, b);
    const size_t period = o.n * o.width;

    for (size_t i = 0; i < y.n; i++) {
        float *row = s->y + i * y.ld;

        for (size_t j = 0; j < y.width; j++) {
            const size_t at = (i * y.width + j) % period;
            const float z = other->data[at / o.width * o.ld + at % o.width];

            row[j] = mul ? row[j] * z : row[j] + z;
        }
    }
}

static void multiply_rows(float *y, size_t ldy, const float *x, size_t ldx,
                          size_t rows, size_t dim)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < dim; j++)
            y[i * ldy + j] *= x[i * ldx + j];
    }
}

static void combine(const anm_cpu_step *s, const anm_cpu_batch *b,
                    unsigned member, unsigned n_members, bool mul)
{
    const anm_cpu_rows y = anm_cpu_rows_of(&s->out, b);
    const anm_cpu_rows o = anm_cpu_rows_of(&s->in[1], b);
    const bool by_rows = o.width == y.width && (o.n == y.n || o.n == 1);

    if (!by_rows) {
        if (member != 0) return;
        anm_cpu_copy_rows(s, b, 0, y.n);
        combine_any(s, b, mul);
        return;
    }
    const range r = share_of(y.n, 1, member, n_members);
    const size_t ldo = o.n == 1 ? 0 : o.ld;
    const float *x = s->in[1].data + r.first * ldo;

    anm_cpu_copy_rows(s, b, r.first, r.n);
    if (mul)
        multiply_rows(s->y + r.first * y.ld, y.ld, x, ldo, r.n, y.width);
    else
        s->kern->add_f32(s->y + r.first * y.ld, y.ld, x, ldo, r.n, y.width);
}

void anm_cpu_run_add(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members)
{
    combine(s, b, member, n_members, false);
}

void anm_cpu_run_mul(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members)
{
    combine(s, b, member, n_members, true);
}

void anm_cpu_run_scale(const anm_cpu_step *s, const anm_cpu_batch *b,
                       unsigned member, unsigned n_members)
{
    const anm_cpu_rows y = anm_cpu_rows_of(&s->out, b);
    const range r = share_of(y.n, 1, member, n_members);

    anm_cpu_copy_rows(s, b, r.first, r.n);
    for (size_t i = r.first; i < r.first + r.n; i++) {
        for (size_t j = 0; j < y.width; j++)
            s->y[i * y.ld + j] *= s->node->attr.alpha;
    }
}

void anm_cpu_run_act(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members)
{
    const anm_cpu_rows y = anm_cpu_rows_of(&s->out, b);
    const range r = share_of(y.n, 1, member, n_members);

    anm_cpu_copy_rows(s, b, r.first, r.n);
    for (size_t i = r.first; i < r.first + r.n; i++)
        s->kern->act_f32(s->y + i * y.ld, y.width, s->node->attr.act);
}

void anm_cpu_run_glu(const anm_cpu_step *s, const anm_cpu_batch *b,
                     unsigned member, unsigned n_members)
{
    const anm_cpu_rows x = anm_cpu_last_rows(&s->in[0], b);
    const anm_cpu_rows y = anm_cpu_last_rows(&s->out, b);
    const range r = share_of(y.n, 1, member, n_members);

    s->kern->glu_f32(s->y + r.first * y.ld, y.ld,
                     s->in[0].data + r.first * x.ld, x.ld, r.n, y.width,
                     s->node->attr.act);
}

/* ---- Linear -------------------------------------------------------------- */

enum {
    /* Floats of activations that stay in L2 while all panels pass over them,
     * and the grain of their rows: whole tiles at every level. */
    BLOCK_FLOATS = 98304,
    ROW_GRAIN = 42,
    /* Fewer panels a member than this, and rows are split instead where there
     * are enough. */
    PANELS_A_MEMBER = 4,
    /* Units of a member, where there are panels for them: what it can be behind
     * by. Their grain is what a kernel takes at once, for few rows four. */
    UNITS_A_MEMBER = 6,
    PANEL_GRAIN = 2,
    WIDE_GRAIN = 4,
    WIDE_ROWS = 4,
};

/* The panels of g for its rows, a block of rows at a time. */
static void multiply(const anm_kern *kern, const anm_gemm_f32 *g)
{
    size_t block = BLOCK_FLOATS / g->k / ROW_GRAIN * ROW_GRAIN;

    if (block < ROW_GRAIN) block = ROW_GRAIN;
    for (size_t i = 0; i < g->m; i += block) {
        anm_gemm_f32 part = *g;

        part.m = g->m - i < block ? g->m - i : block;
        part.a += i * g->lda;
        part.c += i * g->ldc;
        if (part.residual) part.residual += i * g->ld_residual;
        kern->gemm_f32(&part);
    }
}

static anm_gemm_f32 describe_product(const anm_cpu_step *s,
                                     const anm_cpu_batch *b)
{
    const anm_cpu_rows x = anm_cpu_last_rows(&s->in[0], b);
    const anm_cpu_rows y = anm_cpu_last_rows(&s->out, b);
    anm_gemm_f32 g = {
        .m = x.n,
        .n = y.width,
        .k = x.width,
        .a = s->in[0].data,
        .lda = x.ld,
        .w = s->in[1].data,
        .w_type = s->in[1].type,
        .c = s->y,
        .ldc = y.ld,
        .bias = s->in[2].data,
        .act = s->node->attr.act,
        .panel_count = anm_panels(y.width),
    };

    if (s->in[3].home != ANM_CPU_NOWHERE) {
        g.residual = s->in[3].data;
        g.ld_residual = anm_cpu_last_rows(&s->in[3], b).ld;
    }
    return g;
}

/* Members take contiguous ranges of rows. */
static void take_rows(const anm_kern *kern, const anm_gemm_f32 *product,
                      unsigned member, unsigned n_members)
{
    const range r = share_of(product->m, ROW_GRAIN / 3, member, n_members);
    anm_gemm_f32 g = *product;

    g.m = r.n;
    g.a += r.first * g.lda;
    g.c += r.first * g.ldc;
    if (g.residual) g.residual += r.first * g.ld_residual;
    multiply(kern, &g);
}

/* Members go through contiguous ranges of panels, so that each one's stream of
 * weights is unbroken, and help whoever is behind. */
static void draw_panels(const anm_kern *kern, const anm_gemm_f32 *product,
                        anm_pool *pool, unsigned member, unsigned n_members)
{
    const size_t n = product->panel_count;
    const size_t grain = product->m < WIDE_ROWS ? WIDE_GRAIN : PANEL_GRAIN;
    const size_t part = n / ((size_t)UNITS_A_MEMBER * n_members);
    const size_t unit = part < grain ? grain : part / grain * grain;
    size_t i = 0;

    while (anm_pool_draw(pool, member, (n + unit - 1) / unit, &i)) {
        anm_gemm_f32 g = *product;
        const size_t end = (i + 1) * unit;

        g.panel_first = i * unit;
        g.panel_count = (end < n ? end : n) - g.panel_first;
        g.panel_ahead = n - g.panel_first - g.panel_count;
        multiply(kern, &g);
    }
}

/* Panels are split where there are some for each member, and else rows where
 * there are many. */
void anm_cpu_multiply(const anm_kern *kern, const anm_gemm_f32 *product,
                      anm_pool *pool, unsigned member, unsigned n_members)
{
    const size_t few = (size_t)PANELS_A_MEMBER * n_members;

    if (n_members == 1)
        multiply(kern, product);
    else if (product->panel_count >= few ||
             product->m < (size_t)ROW_GRAIN * n_members)
        draw_panels(kern, product, pool, member, n_members);
    else
        take_rows(kern, product, member, n_members);
}

void anm_cpu_run_linear(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members)
{
    const anm_gemm_f32 g = describe_product(s, b);

    anm_cpu_multiply(s->kern, &g, b->pool, member, n_members);
}

/* ---- Norm ---------------------------------------------------------------- */

void anm_cpu_run_layer_norm(const anm_cpu_step *s, const anm_cpu_batch *b,
                            unsigned member, unsigned n_members)
{
    const anm_cpu_rows x = anm_cpu_last_rows(&s->in[0], b);
    const anm_cpu_rows y = anm_cpu_last_rows(&s->out, b);
    const range r = share_of(y.n, 1, member, n_members);

    s->kern->layer_norm_f32(
        s->y + r.first * y.ld, y.ld, s->in[0].data + r.first * x.ld, x.ld,
        s->in[1].data, s->in[2].data, r.n, y.width, (float)s->node->attr.eps);
}

void anm_cpu_run_rms_norm(const anm_cpu_step *s, const anm_cpu_batch *b,
                          unsigned member, unsigned n_members)
{
    const anm_cpu_rows x = anm_cpu_rows_of(&s->in[0], b);
    const anm_cpu_rows y = anm_cpu_rows_of(&s->out, b);
    const range r = share_of(y.n, 1, member, n_members);
    const size_t dim = s->in[1].width;

    s->kern->rms_norm_f32(s->y + r.first * y.ld, y.ld,
                          s->in[0].data + r.first * x.ld, x.ld, s->in[1].data,
                          r.n, y.width / dim, dim, (float)s->node->attr.eps);
}

/* ---- Rotary positions ---------------------------------------------------- */

void anm_cpu_run_angles(const anm_cpu_step *s, const anm_cpu_batch *b,
                        unsigned member, unsigned n_members)
{
    const range r = share_of(b->rows, 1, member, n_members);
    const int32_t *positions = (const void *)s->in[0].data;

    assert(s->in[0].ld == 1);
    s->kern->angles_f32(s->y + r.first * s->out.ld, s->out.ld,
                        positions + r.first, r.n, s->out.width,
                        s->node->attr.theta);
}

void anm_cpu_run_rope(const anm_cpu_step *s, const anm_cpu_batch *b,
                      unsigned member, unsigned n_members)
{
    const range r = share_of(b->rows, 1, member, n_members);
    const anm_cpu_operand *x = &s->in[0], *angles = &s->in[1];

    s->kern->rope_f32(s->y + r.first * s->out.ld, s->out.ld,
                      x->data + r.first * x->ld, x->ld,
                      angles->data + r.first * angles->ld, angles->ld, r.n,
                      x->width / angles->width, angles->width);
}

/* ---- Attention ----------------------------------------------------------- */

/* One head of one block of queries of one text. */
static void attend(const anm_cpu_step *s, const anm_cpu_batch *b, size_t text,
                   size_t block, size_t head, float *scratch)
{
    const anm_attr *attr = &s->node->attr;
    const size_t head_dim = s->out.width / attr->heads;
    const size_t kv = head / (attr->heads / attr->kv_heads) * head_dim;
    const size_t first = b->bounds[text];
    const size_t len = b->bounds[text + 1] - first;
    const size_t q_first = block * ANM_CPU_QUERY_BLOCK;
    const size_t left = len - q_first;
    const size_t n_q = left < ANM_CPU_QUERY_BLOCK ? left : ANM_CPU_QUERY_BLOCK;
    const anm_cpu_operand *q = &s->in[0], *k = &s->in[1], *v = &s->in[2];
    const anm_attention_f32 a = {
        .n_q = n_q,
        // Keys that no query of the block sees need not be packed.
        .n_k = attr->flag ? q_first + n_q : len,
        .head_dim = head_dim,
        .q_first = q_first,
        .causal = attr->flag,
        .scale = attr->alpha,
        .q = q->data + (first + q_first) * q->ld + head * head_dim,
        .ldq = q->ld,
        .k = k->data + first * k->ld + kv,
        .ldk = k->ld,
        .v = v->data + first * v->ld + kv,
        .ldv = v->ld,
        .out = s->y + (first + q_first) * s->out.ld + head * head_dim,
        .ldo = s->out.ld,
        .scratch = scratch,
    };

    s->kern->attention_f32(&a);
}

void anm_cpu_run_attention(const anm_cpu_step *s, const anm_cpu_batch *b,
                           unsigned member, unsigned n_members)
{
    float *scratch = b->scratch + member * b->scratch_len;
    const size_t heads = s->node->attr.heads;
    const size_t units = b->blocks[b->n_texts] * heads;
    size_t own = 0, text = 0;

    for (size_t u; (u = draw(b, &own, n_members)) < units;) {
        const size_t block = u / heads;

        // A member draws ascending units, so the text only moves forward.
        while (block >= b->blocks[text + 1])
            text++;
        attend(s, b, text, block - b->blocks[text], u % heads, scratch);
    }
}

/* ---- Into vectors -------------------------------------------------------- */

void anm_cpu_run_pool(const anm_cpu_step *s, const anm_cpu_batch *b,
                      unsigned member, unsigned n_members)
{
    const range r = share_of(b->n_texts, 1, member, n_members);
    const anm_cpu_operand *x = &s->in[0];

    for (size_t t = r.first; t < r.first + r.n; t++) {
        const size_t first = b->bounds[t], end = b->bounds[t + 1];
        const float *rows = x->data + first * x->ld;
        float *y = s->y + t * s->out.ld;

        switch (s->node->attr.pool) {
        case ANM_POOL_CLS:
            memcpy(y, rows, x->width * sizeof(*y));
            break;
        case ANM_POOL_MEAN:
            s->kern->mean_rows_f32(y, rows, x->ld, end - first, x->width);
            break;
        case ANM_POOL_LAST:
            memcpy(y, rows + (end - first - 1) * x->ld, x->width * sizeof(*y));
            break;
        }
    }
}

void anm_cpu_run_normalize(const anm_cpu_step *s, const anm_cpu_batch *b,
                           unsigned member, unsigned n_members)
{
    const anm_cpu_rows y = anm_cpu_rows_of(&s->out, b);
    const range r = share_of(y.n, 1, member, n_members);

    anm_cpu_copy_rows(s, b, r.first, r.n);
    for (size_t i = r.first; i < r.first + r.n; i++)
        s->kern->normalize_f32(s->y + i * y.ld, y.width, s->node->attr.eps);
}
