/* An activation and the sum with a residual go into the linear before them
 * when nobody else reads what lies between.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_build.h"

#include <string.h>

#include "graph/pass.h"

static void optimize(anm_graph *g)
{
    anm_error err = { 0 };

    if (anm_graph_optimize(g, ANM_PASS_EPILOGUE, &err))
        fail_msg("%s", err.message);
    test_graph_check(g);
}

static const anm_attr relu = { .act = ANM_ACT_RELU };
static const anm_attr tanh_attr = { .act = ANM_ACT_TANH };

/* A graph with x [L, 8] and y = linear(x) [L, 8]. */
typedef struct base {
    anm_graph *g;
    anm_value_id x, y;
} base;

static base new_base(void)
{
    base b = { .g = test_graph_new() };

    b.x = test_rows(b.g, "x", 8);
    b.y = test_linear(b.g, "y", b.x, 8, true);
    return b;
}

static void assert_ops(base b, anm_value_id end, const char *expected)
{
    char all[512] = "gather ";

    test_end(b.g, end);
    optimize(b.g);
    strcat(strcat(all, expected), " pool normalize");
    assert_string_equal(test_ops(b.g), all);
}

static void activation_goes_into_the_linear(void **state)
{
    (void)state;
    base b = new_base();

    assert_ops(b, test_add1(b.g, ANM_OP_ACT, "act", b.y, &relu), "linear");
    const anm_node *node = test_definer(b.g, "act");
    assert_string_equal(node->name, "y");
    assert_int_equal(node->attr.act, ANM_ACT_RELU);
    assert_int_equal(node->inputs[0], anm_graph_find(b.g, "x"));
    assert_int_equal(node->inputs[1], anm_graph_find(b.g, "y.w"));
    assert_int_equal(node->inputs[2], anm_graph_find(b.g, "y.b"));
    assert_int_equal(node->inputs[3], ANM_VALUE_NONE);
    assert_int_equal(anm_graph_find(b.g, "y"), ANM_VALUE_NONE);
    anm_graph_free(b.g);
}

static void residual_goes_into_the_linear_on_either_side(void **state)
{
    (void)state;
    for (unsigned side = 0; side < 2; side++) {
        base b = new_base();

        assert_ops(b,
                   test_add2(b.g, ANM_OP_ADD, "sum", side ? b.x : b.y,
                             side ? b.y : b.x, NULL),
                   "linear");
        const anm_node *node = test_definer(b.g, "sum");
        assert_string_equal(node->name, "y");
        assert_int_equal(node->inputs[0], anm_graph_find(b.g, "x"));
        assert_int_equal(node->inputs[3], anm_graph_find(b.g, "x"));
        anm_graph_free(b.g);
    }
}

static void activation_then_residual_both_go_in(void **state)
{
    (void)state;
    base b = new_base();
    const anm_value_id a = test_add1(b.g, ANM_OP_ACT, "act", b.y, &relu);

    assert_ops(b, test_add2(b.g, ANM_OP_ADD, "sum", b.x, a, NULL), "linear");
    assert_int_equal(test_definer(b.g, "sum")->attr.act, ANM_ACT_RELU);
    assert_int_not_equal(test_definer(b.g, "sum")->inputs[3], ANM_VALUE_NONE);
    anm_graph_free(b.g);
}

/* act(linear + residual) is not act(linear) + residual. */
static void activation_behind_a_residual_stays(void **state)
{
    (void)state;
    base b = new_base();
    const anm_value_id s = test_add2(b.g, ANM_OP_ADD, "sum", b.y, b.x, NULL);

    assert_ops(b, test_add1(b.g, ANM_OP_ACT, "act", s, &relu), "linear act");
    assert_int_equal(test_definer(b.g, "sum")->attr.act, ANM_ACT_NONE);
    anm_graph_free(b.g);
}

static void second_activation_stays(void **state)
{
    (void)state;
    base b = new_base();
    const anm_value_id a = test_add1(b.g, ANM_OP_ACT, "a", b.y, &relu);

    assert_ops(b, test_add1(b.g, ANM_OP_ACT, "b", a, &tanh_attr), "linear act");
    assert_int_equal(test_definer(b.g, "a")->attr.act, ANM_ACT_RELU);
    assert_int_equal(test_definer(b.g, "b")->attr.act, ANM_ACT_TANH);
    anm_graph_free(b.g);
}

static void second_residual_stays(void **state)
{
    (void)state;
    base b = new_base();
    const anm_value_id z = test_add1(b.g, ANM_OP_SCALE, "z", b.x, NULL);
    const anm_value_id s = test_add2(b.g, ANM_OP_ADD, "s", b.y, b.x, NULL);

    assert_ops(b, test_add2(b.g, ANM_OP_ADD, "t", s, z, NULL),
               "scale linear add");
    anm_graph_free(b.g);
}

static void residual_defined_behind_the_linear_is_read_in_time(void **state)
{
    (void)state;
    base b = new_base();
    const anm_value_id z = test_add1(b.g, ANM_OP_SCALE, "z", b.x, NULL);

    assert_ops(b, test_add2(b.g, ANM_OP_ADD, "sum", b.y, z, NULL),
               "scale linear");
    anm_graph_free(b.g);
}

static void sum_of_two_linears_takes_the_first(void **state)
{
    (void)state;
    base b = new_base();
    const anm_value_id z = test_linear(b.g, "z", b.x, 8, false);

    assert_ops(b, test_add2(b.g, ANM_OP_ADD, "sum", b.y, z, NULL),
               "linear linear");
    const anm_node *node = test_definer(b.g, "sum");
    assert_string_equal(node->name, "y");
    assert_int_equal(node->inputs[3], anm_graph_find(b.g, "z"));
    anm_graph_free(b.g);
}

static void another_reader_of_the_linear_prevents_it(void **state)
{
    (void)state;
    base b = new_base();

    test_add1(b.g, ANM_OP_SCALE, "reader", b.y, NULL);
    assert_ops(b, test_add1(b.g, ANM_OP_ACT, "act", b.y, &relu),
               "linear scale act");
    anm_graph_free(b.g);

    b = new_base();
    test_add1(b.g, ANM_OP_SCALE, "reader", b.y, NULL);
    assert_ops(b, test_add2(b.g, ANM_OP_ADD, "sum", b.y, b.x, NULL),
               "linear scale add");
    anm_graph_free(b.g);
}

static void linear_added_to_itself_stays(void **state)
{
    (void)state;
    base b = new_base();

    assert_ops(b, test_add2(b.g, ANM_OP_ADD, "sum", b.y, b.y, NULL),
               "linear add");
    anm_graph_free(b.g);
}

static void sum_that_broadcasts_stays(void **state)
{
    (void)state;
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    base b = new_base();
    const anm_value_id c = test_add2(b.g, ANM_OP_POOL, "c", b.x,
                                     anm_graph_find(b.g, "mask"), &mean);

    assert_ops(b, test_add2(b.g, ANM_OP_ADD, "sum", b.y, c, NULL),
               "linear pool add");
    anm_graph_free(b.g);
}

/* Linear of a vector, and the result is its value. */
static void result_of_the_graph_stays_itself(void **state)
{
    (void)state;
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id p =
        test_add2(g, ANM_OP_POOL, "pool", x, anm_graph_find(g, "mask"), &mean);
    const anm_value_id y = test_linear(g, "y", p, 8, true);

    test_add1(g, ANM_OP_ACT, "act", y, &relu);
    anm_graph_result(g, y);
    optimize(g);
    assert_string_equal(test_ops(g), "gather pool linear act");
    anm_graph_free(g);
}

/* [8] and [8]: a residual by shape, and no value that was computed. */
static void constant_residual_stays(void **state)
{
    (void)state;
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id p =
        test_add2(g, ANM_OP_POOL, "pool", x, anm_graph_find(g, "mask"), &mean);
    const anm_value_id y = test_linear(g, "y", p, 8, true);

    anm_graph_result(
        g, test_add2(g, ANM_OP_ADD, "sum", y, test_const(g, "c", 8, 0), NULL));
    optimize(g);
    assert_string_equal(test_ops(g), "gather pool linear add");
    anm_graph_free(g);
}

static void whole_encoder_is_fused(void **state)
{
    (void)state;
    const test_encoder one = { 1, 8, 2, 16, TEST_ALL_BIASES };
    anm_graph *g = test_encoder_new(&one);

    assert_int_equal(anm_graph_optimize(g, ANM_PASS_ALL, NULL), ANM_OK);
    test_graph_check(g);
    assert_string_equal(test_ops(g),
                        "gather linear slice slice slice attention linear "
                        "layer_norm linear linear layer_norm pool normalize");
    assert_int_equal(test_definer(g, "0.act")->attr.act, ANM_ACT_GELU_ERF);
    assert_int_equal(test_definer(g, "0.o.sum")->inputs[3],
                     anm_graph_find(g, "embedding"));
    assert_int_equal(test_definer(g, "0.down.sum")->inputs[3],
                     anm_graph_find(g, "0.o.norm"));
    anm_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activation_goes_into_the_linear),
        cmocka_unit_test(residual_goes_into_the_linear_on_either_side),
        cmocka_unit_test(activation_then_residual_both_go_in),
        cmocka_unit_test(activation_behind_a_residual_stays),
        cmocka_unit_test(second_activation_stays),
        cmocka_unit_test(second_residual_stays),
        cmocka_unit_test(residual_defined_behind_the_linear_is_read_in_time),
        cmocka_unit_test(sum_of_two_linears_takes_the_first),
        cmocka_unit_test(another_reader_of_the_linear_prevents_it),
        cmocka_unit_test(linear_added_to_itself_stays),
        cmocka_unit_test(sum_that_broadcasts_stays),
        cmocka_unit_test(constant_residual_stays),
        cmocka_unit_test(result_of_the_graph_stays_itself),
        cmocka_unit_test(whole_encoder_is_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
