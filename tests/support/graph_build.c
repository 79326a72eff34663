/* graph_build.c - graphs like those of real builders, in small.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_build.h"

#include <stdio.h>
#include <string.h>

#include "graph/shape.h"

static const float zeros[1 << 20];

anm_graph *test_graph_new(void)
{
    const anm_shape row = { ANM_DTYPE_I32, 1, { ANM_DIM_TOKENS } };
    anm_graph *g = NULL;

    assert_int_equal(anm_graph_new(&g, NULL), ANM_OK);
    anm_graph_input(g, "ids", &row);
    anm_graph_input(g, "mask", &row);
    return g;
}

anm_value_id test_const(anm_graph *g, const char *name, int64_t rows,
                        int64_t cols)
{
    const anm_shape shape = { ANM_DTYPE_F32, cols ? 2 : 1, { rows, cols } };
    const size_t n = (size_t)(rows * (cols ? cols : 1));

    assert_true(n <= sizeof(zeros) / sizeof(zeros[0]));
    return anm_graph_const(g, name, &shape,
                           anm_bytes_of(zeros, n * sizeof(float)));
}

anm_value_id test_add1(anm_graph *g, anm_op op, const char *name,
                       anm_value_id x, const anm_attr *attr)
{
    return anm_graph_add(g, op, name, &x, 1, attr);
}

anm_value_id test_add2(anm_graph *g, anm_op op, const char *name,
                       anm_value_id a, anm_value_id b, const anm_attr *attr)
{
    const anm_value_id inputs[] = { a, b };
    return anm_graph_add(g, op, name, inputs, 2, attr);
}

anm_value_id test_rows(anm_graph *g, const char *name, int64_t dim)
{
    char table[64];

    snprintf(table, sizeof(table), "%s.w", name);
    return test_add2(g, ANM_OP_GATHER, name, test_const(g, table, 30, dim),
                     anm_graph_find(g, "ids"), NULL);
}

static int64_t width_of(const anm_graph *g, anm_value_id x)
{
    const anm_shape *s = &anm_graph_value(g, x)->shape;
    return s->dims[s->rank - 1];
}

anm_value_id test_linear(anm_graph *g, const char *name, anm_value_id x,
                         int64_t n, bool bias)
{
    char w[64], b[64];

    snprintf(w, sizeof(w), "%s.w", name);
    snprintf(b, sizeof(b), "%s.b", name);
    const anm_value_id inputs[] = { x, test_const(g, w, n, width_of(g, x)),
                                    bias ? test_const(g, b, n, 0)
                                         : ANM_VALUE_NONE };
    return anm_graph_add(g, ANM_OP_LINEAR, name, inputs, 3, NULL);
}

static anm_value_id add_norm(anm_graph *g, const char *name, anm_value_id x)
{
    const anm_attr attr = { .eps = 1e-12 };
    char w[64], b[64];

    snprintf(w, sizeof(w), "%s.w", name);
    snprintf(b, sizeof(b), "%s.b", name);
    const anm_value_id inputs[] = { x, test_const(g, w, width_of(g, x), 0),
                                    test_const(g, b, width_of(g, x), 0) };
    return anm_graph_add(g, ANM_OP_LAYER_NORM, name, inputs, 3, &attr);
}

void test_end(anm_graph *g, anm_value_id x)
{
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    const anm_attr eps = { .eps = 1e-12 };
    anm_error err = { 0 };

    x = test_add2(g, ANM_OP_POOL, "pool", x, anm_graph_find(g, "mask"), &mean);
    anm_graph_result(g, test_add1(g, ANM_OP_NORMALIZE, "unit", x, &eps));
    if (anm_graph_finish(g, &err)) fail_msg("%s", err.message);
    test_graph_check(g);
}

/* ---- The encoder --------------------------------------------------------- */

typedef struct build {
    anm_graph *g;
    const test_encoder *e;
    unsigned layer;
} build;

/* "LAYER.part"; static storage, the last four stay valid. */
static const char *name_of(const build *b, const char *part)
{
    static char names[4][64];
    static unsigned turn;
    char *name = names[turn++ % 4];

    snprintf(name, sizeof(names[0]), "%u.%s", b->layer, part);
    return name;
}

static anm_value_id add_heads(build *b, const char *part, unsigned bit,
                              anm_value_id x)
{
    const int64_t d = b->e->dim, h = b->e->heads;
    const anm_attr split = { .rank = 3, .dims = { ANM_DIM_TOKENS, h, d / h } };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    char name[16];

    x = test_linear(b->g, name_of(b, part), x, d, b->e->biases >> bit & 1);
    snprintf(name, sizeof(name), "%s.split", part);
    x = test_add1(b->g, ANM_OP_RESHAPE, name_of(b, name), x, &split);
    snprintf(name, sizeof(name), "%s.heads", part);
    return test_add1(b->g, ANM_OP_TRANSPOSE, name_of(b, name), x, &swap);
}

static anm_value_id add_attention(build *b, anm_value_id x)
{
    const anm_attr turned = { .flag = true };
    const anm_attr scale = { .alpha = 0.25f };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    const anm_attr join = { .rank = 2, .dims = { ANM_DIM_TOKENS, b->e->dim } };
    anm_graph *g = b->g;
    const anm_value_id q = add_heads(b, "q", 0, x);
    const anm_value_id k = add_heads(b, "k", 1, x);
    const anm_value_id v = add_heads(b, "v", 2, x);

    anm_value_id p =
        test_add2(g, ANM_OP_MATMUL, name_of(b, "dots"), q, k, &turned);
    p = test_add1(g, ANM_OP_SCALE, name_of(b, "scores"), p, &scale);
    p = test_add2(g, ANM_OP_SOFTMAX, name_of(b, "shares"), p,
                  anm_graph_find(g, "mask"), NULL);
    p = test_add2(g, ANM_OP_MATMUL, name_of(b, "mixed"), p, v, NULL);
    p = test_add1(g, ANM_OP_TRANSPOSE, name_of(b, "rows"), p, &swap);
    return test_add1(g, ANM_OP_RESHAPE, name_of(b, "attention"), p, &join);
}

static anm_value_id add_layer(build *b, anm_value_id x)
{
    const anm_attr gelu = { .act = ANM_ACT_GELU_ERF };
    anm_graph *g = b->g;
    char last[16];

    anm_value_id y = add_attention(b, x);
    y = test_linear(g, name_of(b, "o"), y, b->e->dim, true);
    y = test_add2(g, ANM_OP_ADD, name_of(b, "o.sum"), y, x, NULL);
    x = add_norm(g, name_of(b, "o.norm"), y);

    y = test_linear(g, name_of(b, "up"), x, b->e->inner, true);
    y = test_add1(g, ANM_OP_ACT, name_of(b, "act"), y, &gelu);
    y = test_linear(g, name_of(b, "down"), y, b->e->dim, true);
    y = test_add2(g, ANM_OP_ADD, name_of(b, "down.sum"), y, x, NULL);
    snprintf(last, sizeof(last), "%u", b->layer);
    return add_norm(g, last, y);
}

anm_graph *test_encoder_new(const test_encoder *e)
{
    build b = { .g = test_graph_new(), .e = e };
    anm_value_id x = test_rows(b.g, "embedding", e->dim);

    for (b.layer = 0; b.layer < e->layers; b.layer++)
        x = add_layer(&b, x);
    test_end(b.g, x);
    return b.g;
}

/* ---- Looking ------------------------------------------------------------- */

const char *test_ops(const anm_graph *g)
{
    static char texts[4][4096];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);

        len += (size_t)snprintf(text + len, sizeof(texts[0]) - len, "%s%s",
                                i ? " " : "", anm_op_describe(node->op)->name);
        assert_true(len < sizeof(texts[0]));
    }
    return text;
}

const anm_node *test_definer(const anm_graph *g, const char *name)
{
    const anm_value_id v = anm_graph_find(g, name);

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        if (anm_graph_node(g, i)->output == v) return anm_graph_node(g, i);
    return NULL;
}

static void check_node(const anm_graph *g, const anm_node *node, bool *defined)
{
    const anm_shape *shapes[ANM_INPUTS_MAX] = { 0 };
    anm_shape inferred;
    anm_error err = { 0 };
    char a[96], b[96];

    for (size_t k = 0; k < ANM_INPUTS_MAX; k++) {
        const anm_value_id id = node->inputs[k];

        if (id == ANM_VALUE_NONE) continue;
        if (!defined[id])
            fail_msg("%s reads %s too early", node->name,
                     anm_graph_value(g, id)->name);
        shapes[k] = &anm_graph_value(g, id)->shape;
    }
    assert_false(defined[node->output]);
    defined[node->output] = true;
    if (anm_shape_infer(node->op, shapes, &node->attr, &inferred, &err))
        fail_msg("%s: %s", node->name, err.message);
    anm_shape_text(&inferred, a, sizeof(a));
    anm_shape_text(&anm_graph_value(g, node->output)->shape, b, sizeof(b));
    assert_string_equal(a, b);
}

static void check_const(const anm_value *v)
{
    const uint64_t width = anm_shape_elements(&v->shape, 0) /
                           (v->shape.rank ? (uint64_t)v->shape.dims[0] : 1);
    uint64_t rows = 0;

    for (size_t i = 0; i < v->n_parts; i++) {
        rows += v->parts[i].rows;
        assert_int_equal(v->parts[i].data.len,
                         v->parts[i].rows * width *
                             anm_dtype_block(v->shape.dtype).bytes);
    }
    assert_int_equal(rows, v->shape.rank ? v->shape.dims[0] : 1);
}

void test_graph_check(const anm_graph *g)
{
    const size_t n = anm_graph_n_values(g);
    bool *defined = test_calloc(n, sizeof(*defined));

    for (size_t i = 0; i < n; i++) {
        const anm_value *v = anm_graph_value(g, (anm_value_id)i);

        defined[i] = v->kind != ANM_VALUE_TEMP;
        if (v->kind == ANM_VALUE_CONST) check_const(v);
    }
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        check_node(g, anm_graph_node(g, i), defined);
    assert_true(defined[anm_graph_result_of(g)]);
    assert_int_equal(anm_graph_finish(g, NULL), ANM_OK);
    test_free(defined);
}
