/* The operations of attention become one node where nobody would miss what
 * lies between, and stay otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_build.h"

#include <string.h>

#include "graph/pass.h"

static const test_encoder one = { 1, 8, 2, 16, TEST_ALL_BIASES };

static void optimize(anm_graph *g)
{
    anm_error err = { 0 };

    if (anm_graph_optimize(g, ANM_PASS_ATTENTION, &err))
        fail_msg("%s", err.message);
    test_graph_check(g);
}

static void layer_becomes_one_attention(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&one);

    optimize(g);
    assert_string_equal(test_ops(g),
                        "gather linear linear linear attention linear add "
                        "layer_norm linear act linear add layer_norm pool "
                        "normalize");
    const anm_node *a = test_definer(g, "0.attention");
    assert_int_equal(a->op, ANM_OP_ATTENTION);
    assert_string_equal(a->name, "0.attention");
    assert_int_equal(a->inputs[0], anm_graph_find(g, "0.q"));
    assert_int_equal(a->inputs[1], anm_graph_find(g, "0.k"));
    assert_int_equal(a->inputs[2], anm_graph_find(g, "0.v"));
    assert_int_equal(a->inputs[3], anm_graph_find(g, "mask"));
    assert_int_equal(a->attr.heads, 2);
    assert_int_equal(a->attr.kv_heads, 2);
    assert_true(a->attr.alpha == 0.25f);
    assert_false(a->attr.flag);
    anm_graph_free(g);
}

static void values_between_are_gone(void **state)
{
    (void)state;
    static const char *const gone[] = { "0.q.split", "0.k.heads", "0.dots",
                                        "0.scores",  "0.shares",  "0.mixed",
                                        "0.rows" };
    anm_graph *g = test_encoder_new(&one);

    optimize(g);
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        assert_int_equal(anm_graph_find(g, gone[i]), ANM_VALUE_NONE);
    anm_graph_free(g);
}

static void every_layer_is_replaced(void **state)
{
    (void)state;
    const test_encoder many = { 5, 8, 4, 16, 0 };
    anm_graph *g = test_encoder_new(&many);
    size_t n = 0;

    optimize(g);
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        n += anm_graph_node(g, i)->op == ANM_OP_ATTENTION;
    assert_int_equal(n, 5);
    assert_int_equal(anm_graph_n_nodes(g), 1 + 5 * 12 + 2);
    anm_graph_free(g);
}

static void another_reader_of_any_value_between_prevents_it(void **state)
{
    (void)state;
    static const char *const between[] = {
        "0.q.split", "0.q.heads", "0.k.split", "0.k.heads",
        "0.v.split", "0.v.heads", "0.dots",    "0.scores",
        "0.shares",  "0.mixed",   "0.rows",
    };

    for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
        anm_graph *g = test_encoder_new(&one);
        test_add1(g, ANM_OP_SCALE, "reader", anm_graph_find(g, between[i]),
                  NULL);
        const char *before = test_ops(g);

        optimize(g);
        assert_string_equal(test_ops(g), before);
        anm_graph_free(g);
    }
}

static void readers_of_what_stays_do_not_prevent_it(void **state)
{
    (void)state;
    static const char *const staying[] = { "0.q", "0.k", "0.v", "0.attention" };

    for (size_t i = 0; i < 4; i++) {
        anm_graph *g = test_encoder_new(&one);
        test_add1(g, ANM_OP_SCALE, "reader", anm_graph_find(g, staying[i]),
                  NULL);
        optimize(g);
        assert_non_null(strstr(test_ops(g), "attention"));
        assert_non_null(test_definer(g, "reader"));
        anm_graph_free(g);
    }
}

/* One attention over [L, width] with two heads, each part as told. */
typedef struct variant {
    unsigned q_perm[3], k_perm[3], v_perm[3], out_perm[3];
    bool k_turned, v_turned, masked, q_is_k, joined_in_three;
    int64_t width, v_width;
} variant;

static const variant plain = {
    .q_perm = { 1, 0, 2 },
    .k_perm = { 1, 0, 2 },
    .v_perm = { 1, 0, 2 },
    .out_perm = { 1, 0, 2 },
    .k_turned = true,
    .masked = true,
    .width = 8,
    .v_width = 8,
};

static anm_attr permute(const unsigned *perm)
{
    return (anm_attr){ .rank = 3, .perm = { perm[0], perm[1], perm[2] } };
}

static anm_value_id add_split(anm_graph *g, const char *name, anm_value_id x,
                              int64_t width, const unsigned *perm)
{
    const anm_attr split = { .rank = 3,
                             .dims = { ANM_DIM_TOKENS, 2, width / 2 } };
    const anm_attr swap = permute(perm);
    char split_name[16] = "s.";

    strcat(split_name, name);
    x = test_add1(g, ANM_OP_RESHAPE, split_name, x, &split);
    return test_add1(g, ANM_OP_TRANSPOSE, name, x, &swap);
}

static anm_graph *build_variant(const variant *t)
{
    const anm_attr scale = { .alpha = 0.5f }, out = permute(t->out_perm);
    const anm_attr join =
        t->joined_in_three
            ? (anm_attr){ .rank = 3, .dims = { ANM_DIM_TOKENS, 4, 2 } }
            : (anm_attr){ .rank = 2, .dims = { ANM_DIM_TOKENS, t->v_width } };
    const anm_attr flat = { .rank = 2, .dims = { ANM_DIM_TOKENS, t->v_width } };
    const anm_attr k_turned = { .flag = t->k_turned };
    const anm_attr v_turned = { .flag = t->v_turned };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", t->width);
    const anm_value_id y = test_rows(g, "y", t->v_width);
    const anm_value_id mask = anm_graph_find(g, "mask");
    const anm_value_id q = add_split(g, "q", x, t->width, t->q_perm);
    const anm_value_id k =
        t->q_is_k ? q : add_split(g, "k", x, t->width, t->k_perm);
    const anm_value_id v = add_split(g, "v", y, t->v_width, t->v_perm);

    anm_value_id p = test_add2(g, ANM_OP_MATMUL, "dots", q, k, &k_turned);
    p = test_add1(g, ANM_OP_SCALE, "scores", p, &scale);
    p = t->masked ? test_add2(g, ANM_OP_SOFTMAX, "shares", p, mask, NULL)
                  : test_add1(g, ANM_OP_SOFTMAX, "shares", p, NULL);
    p = test_add2(g, ANM_OP_MATMUL, "mixed", p, v, &v_turned);
    p = test_add1(g, ANM_OP_TRANSPOSE, "rows", p, &out);
    p = test_add1(g, ANM_OP_RESHAPE, "joined", p, &join);
    if (t->joined_in_three) p = test_add1(g, ANM_OP_RESHAPE, "flat", p, &flat);
    test_end(g, p);
    return g;
}

static void assert_variant(const variant *t, bool fires)
{
    anm_graph *g = build_variant(t);

    optimize(g);
    assert_int_equal(test_definer(g, "joined")->op,
                     fires ? ANM_OP_ATTENTION : ANM_OP_RESHAPE);
    anm_graph_free(g);
}

static void q_and_k_may_be_split_from_one_value(void **state)
{
    (void)state;
    assert_variant(&plain, true);
}

static void softmax_without_mask_prevents_it(void **state)
{
    (void)state;
    variant t = plain;
    t.masked = false;
    assert_variant(&t, false);
}

static void one_split_for_q_and_k_prevents_it(void **state)
{
    (void)state;
    variant t = plain;
    t.q_is_k = true;
    assert_variant(&t, false);
}

static void k_or_v_laid_out_otherwise_prevents_it(void **state)
{
    (void)state;
    static const unsigned turned[] = { 1, 2, 0 };
    variant t = plain;

    memcpy(t.k_perm, turned, sizeof(turned));
    t.k_turned = false;
    assert_variant(&t, false);
    t = plain;
    memcpy(t.v_perm, turned, sizeof(turned));
    t.v_turned = true;
    assert_variant(&t, false);
}

/* Two heads of two: [L, 2, 2] with its last axis in front has the shape of
 * heads, and is not. */
static void swap_of_other_axes_of_the_same_size_prevents_it(void **state)
{
    (void)state;
    static const unsigned other[] = { 2, 0, 1 };

    for (size_t i = 0; i < 4; i++) {
        variant t = plain;
        unsigned *const perms[] = { t.q_perm, t.k_perm, t.v_perm };

        t.width = t.v_width = 4;
        if (i < 3) memcpy(perms[i], other, sizeof(other));
        assert_variant(&t, i == 3);
    }
}

static void rows_of_three_axes_prevent_it(void **state)
{
    (void)state;
    variant t = plain;
    t.joined_in_three = true;
    assert_variant(&t, false);

    const anm_attr three = { .rank = 3, .dims = { ANM_DIM_TOKENS, 4, 2 } };
    const anm_attr heads = { .rank = 3, .dims = { ANM_DIM_TOKENS, 2, 4 } };
    const anm_attr swap = permute(plain.q_perm), turned = { .flag = true };
    const anm_attr join = { .rank = 2, .dims = { ANM_DIM_TOKENS, 8 } };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id y = test_add1(g, ANM_OP_RESHAPE, "y", x, &three);
    const anm_value_id s = test_add1(g, ANM_OP_RESHAPE, "s.q", y, &heads);
    const anm_value_id q = test_add1(g, ANM_OP_TRANSPOSE, "q", s, &swap);
    const anm_value_id k = add_split(g, "k", x, 8, plain.k_perm);
    const anm_value_id v = add_split(g, "v", x, 8, plain.v_perm);

    anm_value_id p = test_add2(g, ANM_OP_MATMUL, "dots", q, k, &turned);
    p = test_add1(g, ANM_OP_SCALE, "scores", p, NULL);
    p = test_add2(g, ANM_OP_SOFTMAX, "shares", p, anm_graph_find(g, "mask"),
                  NULL);
    p = test_add2(g, ANM_OP_MATMUL, "mixed", p, v, NULL);
    p = test_add1(g, ANM_OP_TRANSPOSE, "rows", p, &swap);
    test_end(g, test_add1(g, ANM_OP_RESHAPE, "joined", p, &join));
    optimize(g);
    assert_int_equal(test_definer(g, "joined")->op, ANM_OP_RESHAPE);
    anm_graph_free(g);
}

static void heads_of_another_size_in_v_prevent_it(void **state)
{
    (void)state;
    variant t = plain;
    t.v_width = 4;
    assert_variant(&t, false);
}

static void other_permutation_of_the_result_prevents_it(void **state)
{
    (void)state;
    variant t = plain;
    // [h, L, d] as [L, d, h]: as many elements in another order.
    memcpy(t.out_perm, (const unsigned[]){ 1, 2, 0 }, sizeof(t.out_perm));
    assert_variant(&t, false);
}

/* L texts' worth of single-number heads: [L, L] splits into [L, L, 1], whose
 * dimension of heads is no number. */
static void heads_that_are_tokens_prevent_it(void **state)
{
    (void)state;
    const int64_t l = ANM_DIM_TOKENS;
    const anm_shape square = { ANM_DTYPE_F32, 2, { l, l } };
    const anm_attr split = { .rank = 3, .dims = { l, l, 1 } };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    const anm_attr join = { .rank = 2, .dims = { l, l } };
    const anm_attr turned = { .flag = true }, half = { .alpha = 0.5f };
    static const char *const names[][2] = { { "q.split", "q.heads" },
                                            { "k.split", "k.heads" },
                                            { "v.split", "v.heads" } };
    anm_graph *g = test_graph_new();
    const anm_value_id x = anm_graph_input(g, "x", &square);
    anm_value_id h[3];

    for (size_t i = 0; i < 3; i++) {
        h[i] = test_add1(g, ANM_OP_RESHAPE, names[i][0], x, &split);
        h[i] = test_add1(g, ANM_OP_TRANSPOSE, names[i][1], h[i], &swap);
    }
    anm_value_id p = test_add2(g, ANM_OP_MATMUL, "dots", h[0], h[1], &turned);
    p = test_add1(g, ANM_OP_SCALE, "scores", p, &half);
    p = test_add2(g, ANM_OP_SOFTMAX, "shares", p, anm_graph_find(g, "mask"),
                  NULL);
    p = test_add2(g, ANM_OP_MATMUL, "mixed", p, h[2], NULL);
    p = test_add1(g, ANM_OP_TRANSPOSE, "rows", p, &swap);
    test_add1(g, ANM_OP_RESHAPE, "joined", p, &join);
    test_end(g, test_rows(g, "r", 4));
    optimize(g);
    assert_int_equal(test_definer(g, "joined")->op, ANM_OP_RESHAPE);
    anm_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_becomes_one_attention),
        cmocka_unit_test(values_between_are_gone),
        cmocka_unit_test(every_layer_is_replaced),
        cmocka_unit_test(another_reader_of_any_value_between_prevents_it),
        cmocka_unit_test(readers_of_what_stays_do_not_prevent_it),
        cmocka_unit_test(q_and_k_may_be_split_from_one_value),
        cmocka_unit_test(k_or_v_laid_out_otherwise_prevents_it),
        cmocka_unit_test(swap_of_other_axes_of_the_same_size_prevents_it),
        cmocka_unit_test(rows_of_three_axes_prevent_it),
        cmocka_unit_test(heads_of_another_size_in_v_prevent_it),
        cmocka_unit_test(softmax_without_mask_prevents_it),
        cmocka_unit_test(one_split_for_q_and_k_prevents_it),
        cmocka_unit_test(other_permutation_of_the_result_prevents_it),
        cmocka_unit_test(heads_that_are_tokens_prevent_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
