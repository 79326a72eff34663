/* Costs are those that a person counts from the shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_build.h"

#include <math.h>

#include "graph/cost.h"
#include "graph/pass.h"

static const test_encoder two = { 2, 8, 2, 32, TEST_ALL_BIASES };

static size_t index_of(const anm_graph *g, const char *name)
{
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        if (anm_graph_node(g, i) == test_definer(g, name)) return i;
    fail_msg("no %s", name);
    return 0;
}

static anm_cost cost_of(const anm_graph *g, const char *name, size_t tokens)
{
    return anm_node_cost(g, index_of(g, name), tokens);
}

static void assert_cost(anm_cost c, double macs, double weight_bytes,
                        double activation_bytes)
{
    if (c.macs != macs || c.weight_bytes != weight_bytes ||
        c.activation_bytes != activation_bytes)
        fail_msg("%g %g %g", c.macs, c.weight_bytes, c.activation_bytes);
}

static void nodes_cost_what_their_shapes_say(void **state)
{
    (void)state;
    enum { L = 5, D = 8, H = 2 };
    anm_graph *g = test_encoder_new(&two);

    // ids and rows of the table in, rows out
    assert_cost(cost_of(g, "embedding", L), 0, L * D * 4, (L + L * D) * 4);
    assert_cost(cost_of(g, "0.up", L), L * 32 * D, (32 * D + 32) * 4,
                (L * D + L * 32) * 4);
    assert_cost(cost_of(g, "0.dots", L), L * L * D, 0,
                (2 * L * D + H * L * L) * 4);
    assert_cost(cost_of(g, "0.mixed", L), L * L * D, 0,
                (2 * L * D + H * L * L) * 4);
    assert_cost(cost_of(g, "0.q.split", L), 0, 0, 0);
    assert_cost(cost_of(g, "0.q.heads", L), 0, 0, 2 * L * D * 4);
    assert_cost(cost_of(g, "0.o.norm", L), 0, 2 * D * 4, 2 * L * D * 4);
    assert_cost(cost_of(g, "pool", L), 0, 0, (L * D + L + D) * 4);
    anm_graph_free(g);
}

static void attention_costs_two_products(void **state)
{
    (void)state;
    enum { L = 7, D = 8 };
    anm_graph *g = test_encoder_new(&two);

    assert_int_equal(anm_graph_optimize(g, ANM_PASS_ALL, NULL), ANM_OK);
    assert_cost(cost_of(g, "0.attention", L), 2 * L * L * D, 0,
                (4 * L * D + L) * 4);
    assert_cost(cost_of(g, "0.q", L), 0, 0, 0); // a slice
    anm_graph_free(g);
}

static void causal_attention_costs_the_pairs_that_meet(void **state)
{
    (void)state;
    const anm_attr causal = { .heads = 2, .kv_heads = 2, .flag = true };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id in[] = { x, x, x, anm_graph_find(g, "mask") };

    test_end(g, anm_graph_add(g, ANM_OP_ATTENTION, "a", in, 4, &causal));
    // 1 + 2 + 3 + 4 pairs, two products of 8 each
    assert_true(cost_of(g, "a", 4).macs == 10 * 2 * 8);
    anm_graph_free(g);
}

/* Per token and layer 4 d^2 + 2 d inner of linears and 2 L d of attention. */
static void graph_costs_the_sum_and_passes_do_not_change_it(void **state)
{
    (void)state;
    for (unsigned passes = 0; passes <= ANM_PASS_ALL; passes++) {
        anm_graph *g = test_encoder_new(&two);

        assert_int_equal(anm_graph_optimize(g, passes, NULL), ANM_OK);
        for (size_t n = 1; n < 40; n += 13) {
            const double l = (double)n, per_token = 4 * 64 + 2 * 8 * 32;
            assert_true(anm_graph_cost(g, n).macs ==
                        2 * l * (per_token + 2 * l * 8));
        }
        anm_graph_free(g);
    }
}

static void passes_move_fewer_bytes(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&two);
    const anm_cost before = anm_graph_cost(g, 16);

    assert_int_equal(anm_graph_optimize(g, ANM_PASS_ALL, NULL), ANM_OK);
    const anm_cost after = anm_graph_cost(g, 16);
    assert_true(after.activation_bytes < before.activation_bytes);
    assert_true(after.weight_bytes == before.weight_bytes);
    anm_graph_free(g);
}

static void weights_cost_what_they_take_as_stored(void **state)
{
    static const struct {
        anm_dtype type;
        double bytes;
    } cases[] = {
        { ANM_DTYPE_F32, 64 * 32 * 4 },
        { ANM_DTYPE_BF16, 64 * 32 * 2 },
        { ANM_DTYPE_Q8_0, 64 * 34 },
        { ANM_DTYPE_Q4_0, 64 * 18 },
    };
    static const uint8_t zeros[64 * 32 * 4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const anm_shape shape = { cases[i].type, 2, { 64, 32 } };
        anm_graph *g = test_graph_new();
        const anm_value_id x = test_rows(g, "rows", 32);
        const anm_value_id w = anm_graph_const(
            g, "w", &shape, anm_bytes_of(zeros, (size_t)cases[i].bytes));
        const anm_value_id in[] = { x, w };

        anm_graph_add(g, ANM_OP_LINEAR, "up", in, 2, NULL);
        assert_cost(cost_of(g, "up", 3), 3 * 64 * 32, cases[i].bytes,
                    (3 * 32 + 3 * 64) * 4);
        anm_graph_free(g);
    }
}

static void shares_sum_to_one_and_follow_the_work(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&two);
    double sum = 0;

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const double share = anm_node_share(g, i, 9);
        assert_true(share >= 0);
        sum += share;
    }
    assert_true(fabs(sum - 1) < 1e-12);
    assert_true(anm_node_share(g, index_of(g, "0.up"), 9) >
                anm_node_share(g, index_of(g, "0.o"), 9));
    anm_graph_free(g);
}

static void graph_of_views_alone_shares_evenly(void **state)
{
    (void)state;
    const anm_shape v = { ANM_DTYPE_F32, 1, { 4 } };
    const anm_attr slice = { .begin = 0, .size = 2 };
    anm_graph *g = test_graph_new();
    anm_value_id x = anm_graph_input(g, "v", &v);

    x = test_add1(g, ANM_OP_SLICE, "a", x, &slice);
    anm_graph_result(g, test_add1(g, ANM_OP_SLICE, "b", x, &slice));
    assert_true(anm_node_share(g, 0, 9) == 0.5);
    anm_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_cost_what_their_shapes_say),
        cmocka_unit_test(attention_costs_two_products),
        cmocka_unit_test(causal_attention_costs_the_pairs_that_meet),
        cmocka_unit_test(graph_costs_the_sum_and_passes_do_not_change_it),
        cmocka_unit_test(passes_move_fewer_bytes),
        cmocka_unit_test(weights_cost_what_they_take_as_stored),
        cmocka_unit_test(shares_sum_to_one_and_follow_the_work),
        cmocka_unit_test(graph_of_views_alone_shares_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
