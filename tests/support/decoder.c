/* decoder.c - graphs of a small Qwen3.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/decoder.h"

#include <math.h>
#include <stdio.h>

#include "support/support.h"

typedef struct builder {
    test_graph *t;
    test_decoder p;
    anm_value_id angles;
    int64_t layer;
} builder;

static anm_value_id add2(const builder *b, anm_op op, const char *name,
                         anm_value_id x, anm_value_id y, anm_attr attr)
{
    const anm_value_id in[] = { x, y };
    return anm_graph_add(b->t->graph, op, test_layer_name(b->layer, name, ""),
                         in, y == ANM_VALUE_NONE ? 1 : 2, &attr);
}

static anm_value_id add_linear(const builder *b, const char *name,
                               anm_value_id x, int64_t n, int64_t k)
{
    const anm_value_id w =
        test_constant(b->t, test_layer_name(b->layer, name, ".weight"),
                      b->p.dtype, n, k, 1.7f / sqrtf((float)k));

    return add2(b, ANM_OP_LINEAR, name, x, w, (anm_attr){ 0 });
}

static anm_value_id add_norm(const builder *b, const char *name, anm_value_id x,
                             int64_t d)
{
    const anm_value_id gamma =
        test_constant(b->t, test_layer_name(b->layer, name, ".gamma"),
                      ANM_DTYPE_F32, d, 0, 1.0f);

    return add2(b, ANM_OP_RMS_NORM, name, x, gamma, (anm_attr){ .eps = 1e-6 });
}

static anm_value_id add_turned(const builder *b, const char *which,
                               anm_value_id x, int64_t heads)
{
    char norm[32], rope[32];

    snprintf(norm, sizeof(norm), "%s_norm", which);
    snprintf(rope, sizeof(rope), "%s_rope", which);
    x = add_linear(b, which, x, heads * b->p.head, b->p.dim);
    x = add_norm(b, norm, x, b->p.head);
    return add2(b, ANM_OP_ROPE, rope, x, b->angles, (anm_attr){ 0 });
}

static anm_value_id add_attention(const builder *b, anm_value_id x)
{
    const anm_attr attr = {
        .heads = (unsigned)b->p.heads,
        .kv_heads = (unsigned)b->p.kv_heads,
        .alpha = 1.0f / sqrtf((float)b->p.head),
        .flag = true,
    };
    const anm_value_id in[] = {
        add_turned(b, "q", x, b->p.heads),
        add_turned(b, "k", x, b->p.kv_heads),
        add_linear(b, "v", x, b->p.kv_heads * b->p.head, b->p.dim),
        1,
    };

    return anm_graph_add(b->t->graph, ANM_OP_ATTENTION,
                         test_layer_name(b->layer, "attention", ""), in, 4,
                         &attr);
}

static anm_value_id add_layer(const builder *b, anm_value_id x)
{
    const int64_t d = b->p.dim, n = b->p.inner;
    const anm_attr none = { 0 }, silu = { .act = ANM_ACT_SILU };

    anm_value_id y = add_attention(b, add_norm(b, "norm_1", x, d));
    y = add_linear(b, "o", y, d, b->p.heads * b->p.head);
    x = add2(b, ANM_OP_ADD, "attention_sum", y, x, none);
    y = add_norm(b, "norm_2", x, d);
    anm_value_id gate = add_linear(b, "gate", y, n, d);
    gate = add2(b, ANM_OP_ACT, "act", gate, ANM_VALUE_NONE, silu);
    y = add2(b, ANM_OP_MUL, "product", gate, add_linear(b, "up", y, n, d),
             none);
    y = add_linear(b, "down", y, d, n);
    return add2(b, ANM_OP_ADD, "sum", y, x, none);
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value ? value : otherwise;
}

void test_decoder_init(test_graph *t, const test_decoder *params)
{
    builder b = { .t = t, .p = *params };
    anm_error err;

    b.p.vocab = or_default(b.p.vocab, 97);
    b.p.dim = or_default(b.p.dim, 48);
    b.p.heads = or_default(b.p.heads, 4);
    b.p.kv_heads = or_default(b.p.kv_heads, 2);
    b.p.head = or_default(b.p.head, 20);
    b.p.inner = or_default(b.p.inner, 100);
    b.p.layers = or_default(b.p.layers, 2);
    test_graph_init(t, params->seed);
    const anm_attr size = { .size = b.p.head, .theta = 1e4 };
    const anm_value_id positions = add2(&b, ANM_OP_POSITION, "position", 0,
                                        ANM_VALUE_NONE, (anm_attr){ 0 });
    b.angles =
        add2(&b, ANM_OP_ANGLES, "angles", positions, ANM_VALUE_NONE, size);
    const anm_value_id table =
        test_constant(t, "word", b.p.dtype, b.p.vocab, b.p.dim, 0.5f);
    anm_value_id x =
        add2(&b, ANM_OP_GATHER, "embedding", table, 0, (anm_attr){ 0 });
    for (b.layer = 1; b.layer <= b.p.layers; b.layer++)
        x = add_layer(&b, x);
    x = add_norm(&b, "final_norm", x, b.p.dim);
    x = add2(&b, ANM_OP_POOL, "pooled", x, 1,
             (anm_attr){ .pool = ANM_POOL_LAST });
    x = add2(&b, ANM_OP_NORMALIZE, "unit", x, ANM_VALUE_NONE,
             (anm_attr){ .eps = 1e-12 });
    anm_graph_result(t->graph, x);
    if (anm_graph_finish(t->graph, &err)) fail_msg("%s", err.message);
}
