/* test_cpu_ops.c - every packable operation against its meaning, alone and
 * with other texts, on one thread and several, at every level.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/decoder.h"
#include "support/program.h"
#include "support/support.h"

#include "graph/pass.h"

/* Lengths around the blocks of queries (96) and rows. */
static const size_t lens[] = { 1, 5, 97, 2, 31, 196 };
enum { N_LENS = sizeof(lens) / sizeof(lens[0]) };

static void check(const anm_graph *g)
{
    const anm_program p = test_program(g, 256);
    unsigned masks[16];
    const size_t n = test_levels(masks);

    for (size_t i = 0; i < n; i++)
        for (unsigned threads = 1; threads <= 3; threads += 2)
            test_against_eval(&p, lens, N_LENS, threads, masks[i], 1e-5);
}

static anm_value_id add(test_graph *t, anm_op op, const char *name,
                        const anm_value_id *in, size_t n, anm_attr attr)
{
    return anm_graph_add(t->graph, op, name, in, n, &attr);
}

/* Rows of random numbers: a table gathered by ids. */
static anm_value_id start(test_graph *t, int64_t dim)
{
    test_graph_init(t, 3);
    const anm_value_id in[] = {
        test_constant(t, "table", ANM_DTYPE_F32, 97, dim, 1.0f), 0
    };
    return add(t, ANM_OP_GATHER, "rows", in, 2, (anm_attr){ 0 });
}

/* Pool, check, release. */
static void finish(test_graph *t, anm_value_id x, anm_pool_kind pool)
{
    const anm_value_id in[] = { x, 1 };
    anm_error err;

    anm_graph_result(t->graph, add(t, ANM_OP_POOL, "pooled", in, 2,
                                   (anm_attr){ .pool = pool }));
    if (anm_graph_finish(t->graph, &err)) fail_msg("%s", err.message);
    check(t->graph);
    test_graph_deinit(t);
}

static void positions_count_within_each_text_from_the_offset(void **state)
{
    test_graph t;

    (void)state;
    const anm_value_id x = start(&t, 8), ids = 0;
    const anm_value_id in[] = {
        test_constant(&t, "places", ANM_DTYPE_F32, 260, 8, 1.0f),
        add(&t, ANM_OP_POSITION, "position", &ids, 1,
            (anm_attr){ .offset = 2 }),
    };
    const anm_value_id p =
        add(&t, ANM_OP_GATHER, "place", in, 2, (anm_attr){ 0 });
    const anm_value_id both[] = { x, p };
    finish(&t, add(&t, ANM_OP_ADD, "sum", both, 2, (anm_attr){ 0 }),
           ANM_POOL_MEAN);
}

static void elementwise_operations_broadcast(void **state)
{
    static const anm_op ops[] = { ANM_OP_ADD, ANM_OP_MUL };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        test_graph t;
        anm_value_id x = start(&t, 21);
        const anm_value_id vector[] = { x, test_constant(&t, "v", ANM_DTYPE_F32,
                                                         21, 0, 1.0f) };
        x = add(&t, ops[i], "with_vector", vector, 2, (anm_attr){ 0 });
        const anm_value_id same[] = { x, vector[0] };
        x = add(&t, ops[i], "with_rows", same, 2, (anm_attr){ 0 });
        x = add(&t, ANM_OP_SCALE, "scaled", &x, 1, (anm_attr){ .alpha = 3 });
        finish(&t, x, ANM_POOL_LAST);
    }
}

static void every_activation_alone_and_in_a_linear(void **state)
{
    (void)state;
    for (int act = 0; act < ANM_ACT_COUNT; act++) {
        test_graph t;
        const anm_attr attr = { .act = (anm_act)act };
        anm_value_id x = start(&t, 19);
        x = add(&t, ANM_OP_ACT, "act", &x, 1, attr);
        const anm_value_id in[] = {
            x, test_constant(&t, "w", ANM_DTYPE_F32, 37, 19, 0.5f),
            test_constant(&t, "b", ANM_DTYPE_F32, 37, 0, 0.5f)
        };
        x = add(&t, ANM_OP_LINEAR, "linear", in, 3, attr);
        finish(&t, x, ANM_POOL_CLS);
    }
}

/* Panels many and few against the members, with and without the rest. */
static void linear_of_many_sizes(void **state)
{
    static const int64_t sizes[][2] = {
        { 1, 1 }, { 16, 3 }, { 33, 300 }, { 300, 8 }, { 200, 65 }
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const int64_t n = sizes[i][0], k = sizes[i][1];
        test_graph t;
        anm_value_id x = start(&t, k);
        const anm_value_id up[] = { x, test_constant(&t, "up.w", ANM_DTYPE_BF16,
                                                     n, k, 0.2f) };
        const anm_value_id y =
            add(&t, ANM_OP_LINEAR, "up", up, 2, (anm_attr){ 0 });
        const anm_value_id down[] = {
            y, test_constant(&t, "down.w", ANM_DTYPE_F32, k, n, 0.2f),
            test_constant(&t, "down.b", ANM_DTYPE_F32, k, 0, 0.2f), x
        };
        x = add(&t, ANM_OP_LINEAR, "down", down, 4,
                (anm_attr){ .act = ANM_ACT_TANH });
        finish(&t, x, ANM_POOL_MEAN);
    }
}

static void slice_is_a_view_that_others_read(void **state)
{
    test_graph t;

    (void)state;
    const anm_value_id x = start(&t, 40);
    const anm_value_id s = add(&t, ANM_OP_SLICE, "slice", &x, 1,
                               (anm_attr){ .begin = 11, .size = 24 });
    const anm_value_id in[] = {
        s, test_constant(&t, "gamma", ANM_DTYPE_F32, 24, 0, 1.0f),
        test_constant(&t, "beta", ANM_DTYPE_F32, 24, 0, 1.0f)
    };
    const anm_value_id norm =
        add(&t, ANM_OP_LAYER_NORM, "norm", in, 3, (anm_attr){ .eps = 1e-6 });
    const anm_value_id both[] = { norm, s };
    finish(&t, add(&t, ANM_OP_ADD, "sum", both, 2, (anm_attr){ 0 }),
           ANM_POOL_MEAN);
}

static anm_value_id add_slice(test_graph *t, const char *name, anm_value_id x,
                              int64_t begin, int64_t size)
{
    return add(t, ANM_OP_SLICE, name, &x, 1,
               (anm_attr){ .begin = begin, .size = size });
}

/* Heads of q and k inside one product, as in a decoder. */
static void norm_by_head_and_rotation_work_inside_a_slice(void **state)
{
    (void)state;
    test_graph t;
    const anm_value_id x = start(&t, 60);
    const anm_value_id ids = 0;
    const anm_value_id p =
        add(&t, ANM_OP_POSITION, "positions", &ids, 1, (anm_attr){ 0 });
    const anm_value_id angles = add(&t, ANM_OP_ANGLES, "angles", &p, 1,
                                    (anm_attr){ .size = 10, .theta = 1e4 });
    const anm_value_id w[] = { x, test_constant(&t, "w", ANM_DTYPE_F32, 60, 60,
                                                0.2f) };
    const anm_value_id y =
        add(&t, ANM_OP_LINEAR, "product", w, 2, (anm_attr){ 0 });
    const anm_value_id gamma =
        test_constant(&t, "gamma", ANM_DTYPE_F32, 10, 0, 1.0f);
    const anm_value_id q[] = { add_slice(&t, "q", y, 0, 40), gamma };
    const anm_value_id k[] = { add_slice(&t, "k", y, 40, 20), gamma };
    const anm_attr eps = { .eps = 1e-6 };
    const anm_value_id q_turn[] = {
        add(&t, ANM_OP_RMS_NORM, "q_norm", q, 2, eps), angles
    };
    const anm_value_id k_turn[] = {
        add(&t, ANM_OP_RMS_NORM, "k_norm", k, 2, eps), angles
    };
    const anm_value_id turned =
        add(&t, ANM_OP_ROPE, "q_turned", q_turn, 2, (anm_attr){ 0 });
    const anm_value_id kv =
        add(&t, ANM_OP_ROPE, "k_turned", k_turn, 2, (anm_attr){ 0 });
    const anm_value_id in[] = { turned, kv, kv, 1 };
    const anm_attr heads = {
        .heads = 4, .kv_heads = 2, .alpha = 0.4f, .flag = true
    };

    finish(&t, add(&t, ANM_OP_ATTENTION, "attention", in, 4, heads),
           ANM_POOL_LAST);
}

static void gated_units_of_every_activation(void **state)
{
    (void)state;
    for (unsigned act = 0; act < ANM_ACT_COUNT; act++) {
        test_graph t;
        anm_value_id x = start(&t, 74);

        x = add(&t, ANM_OP_GLU, "glu", &x, 1,
                (anm_attr){ .act = (anm_act)act });
        const anm_value_id w[] = { x, test_constant(&t, "w", ANM_DTYPE_F32, 20,
                                                    37, 0.3f) };
        finish(&t, add(&t, ANM_OP_LINEAR, "linear", w, 2, (anm_attr){ 0 }),
               ANM_POOL_MEAN);
    }
}

static void decoder_with_and_without_passes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const test_decoder d = { .layers = 1,
                                 .inner = 40,
                                 .dtype = i ? ANM_DTYPE_BF16 : ANM_DTYPE_F32 };
        test_graph t;

        test_decoder_init(&t, &d);
        assert_int_equal(
            anm_graph_optimize(t.graph, i ? ANM_PASS_ALL : 0, NULL), ANM_OK);
        check(t.graph);
        test_graph_deinit(&t);
    }
}

static void attention_causal_or_not_with_shared_keys(void **state)
{
    static const unsigned kv_heads[] = { 6, 2, 1 };

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        test_graph t;
        const unsigned kv = kv_heads[i / 2];
        const anm_value_id x = start(&t, 60 + 2 * 10 * kv);
        const anm_attr parts[] = {
            { .begin = 0, .size = 60 },
            { .begin = 60, .size = 10 * kv },
            { .begin = 60 + 10 * kv, .size = 10 * kv },
        };
        const anm_value_id in[] = { add(&t, ANM_OP_SLICE, "q", &x, 1, parts[0]),
                                    add(&t, ANM_OP_SLICE, "k", &x, 1, parts[1]),
                                    add(&t, ANM_OP_SLICE, "v", &x, 1, parts[2]),
                                    1 };
        const anm_attr attr = {
            .heads = 6, .kv_heads = kv, .alpha = 1.1f, .flag = i % 2
        };
        finish(&t, add(&t, ANM_OP_ATTENTION, "attention", in, 4, attr),
               ANM_POOL_MEAN);
    }
}

static void vectors_are_normalized(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ .normalize = true, .layers = 1 });
    assert_int_equal(anm_graph_optimize(t.graph, ANM_PASS_ALL, NULL), ANM_OK);
    check(t.graph);
    test_graph_deinit(&t);
}

/* Rows around the tiles of every level. */
static void check_briefly(const anm_graph *g)
{
    static const size_t few[] = { 1, 5, 2, 13 };
    const anm_program p = test_program(g, 256);
    unsigned masks[16];
    const size_t n = test_levels(masks);

    for (size_t i = 0; i < n; i++)
        test_against_eval(&p, few, 4, 2, masks[i], 1e-5);
}

/* A whole model of weights in each stored type, fused and not. */
static void stored_weights_compute_their_values(void **state)
{
    static const struct {
        anm_dtype type;
        int64_t dim, inner;
    } cases[] = {
        { ANM_DTYPE_F16, 36, 101 },   { ANM_DTYPE_BF16, 36, 101 },
        { ANM_DTYPE_Q8_0, 64, 96 },   { ANM_DTYPE_Q4_0, 64, 96 },
        { ANM_DTYPE_Q4_K, 256, 256 }, { ANM_DTYPE_Q6_K, 256, 256 },
        { ANM_DTYPE_Q5_K, 256, 256 }, { ANM_DTYPE_Q5_0, 64, 96 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_graph t;

        test_bert_init(&t, &(test_bert){ .dim = cases[i].dim,
                                         .inner = cases[i].inner,
                                         .layers = 1,
                                         .dtype = cases[i].type,
                                         .normalize = true });
        assert_int_equal(anm_graph_optimize(t.graph, ANM_PASS_ALL, NULL),
                         ANM_OK);
        check_briefly(t.graph);
        test_graph_deinit(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_weights_compute_their_values),
        cmocka_unit_test(positions_count_within_each_text_from_the_offset),
        cmocka_unit_test(elementwise_operations_broadcast),
        cmocka_unit_test(every_activation_alone_and_in_a_linear),
        cmocka_unit_test(linear_of_many_sizes),
        cmocka_unit_test(slice_is_a_view_that_others_read),
        cmocka_unit_test(norm_by_head_and_rotation_work_inside_a_slice),
        cmocka_unit_test(gated_units_of_every_activation),
        cmocka_unit_test(decoder_with_and_without_passes),
        cmocka_unit_test(attention_causal_or_not_with_shared_keys),
        cmocka_unit_test(vectors_are_normalized),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
