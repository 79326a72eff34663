/* Three linears of one input that feed one attention become one linear with a
 * slice each, or stay as they are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_build.h"

#include <string.h>

#include "graph/pass.h"

enum { STACKED = ANM_PASS_ATTENTION | ANM_PASS_STACK };

static void optimize(anm_graph *g, unsigned passes)
{
    anm_error err = { 0 };

    if (anm_graph_optimize(g, passes, &err)) fail_msg("%s", err.message);
    test_graph_check(g);
}

static anm_graph *encoder(unsigned biases)
{
    const test_encoder one = { 1, 8, 2, 16, biases };
    return test_encoder_new(&one);
}

static void three_linears_become_one_and_slices(void **state)
{
    (void)state;
    anm_graph *g = encoder(TEST_ALL_BIASES);

    optimize(g, STACKED);
    assert_string_equal(test_ops(g),
                        "gather linear slice slice slice attention linear add "
                        "layer_norm linear act linear add layer_norm pool "
                        "normalize");
    const anm_node *linear = test_definer(g, "0.q+k+v");
    const anm_value *w = anm_graph_value(g, linear->inputs[1]);
    const anm_value *b = anm_graph_value(g, linear->inputs[2]);
    const anm_value *y = anm_graph_value(g, linear->output);

    assert_string_equal(linear->name, "0.q+k+v");
    assert_int_equal(linear->inputs[0], anm_graph_find(g, "embedding"));
    assert_int_equal(linear->inputs[3], ANM_VALUE_NONE);
    assert_string_equal(w->name, "0.q+k+v.weight");
    assert_string_equal(b->name, "0.q+k+v.bias");
    assert_int_equal(w->n_parts, 3);
    assert_int_equal(w->shape.dims[0], 24);
    assert_int_equal(w->shape.dims[1], 8);
    assert_int_equal(b->shape.dims[0], 24);
    assert_int_equal(y->shape.dims[1], 24);
    anm_graph_free(g);
}

static void slices_take_over_the_names_in_order(void **state)
{
    (void)state;
    static const char *const names[] = { "0.q", "0.k", "0.v" };
    anm_graph *g = encoder(0);

    optimize(g, STACKED);
    const anm_node *attention = test_definer(g, "0.attention");
    for (size_t i = 0; i < 3; i++) {
        const anm_node *slice = test_definer(g, names[i]);

        assert_int_equal(slice->op, ANM_OP_SLICE);
        assert_string_equal(slice->name, names[i]);
        assert_int_equal(slice->inputs[0], anm_graph_find(g, "0.q+k+v"));
        assert_int_equal(slice->attr.begin, 8 * i);
        assert_int_equal(slice->attr.size, 8);
        assert_int_equal(attention->inputs[i], slice->output);
    }
    anm_graph_free(g);
}

/* q, k, v of one input with different widths and bytes. */
static void parts_are_the_weights_in_order_uncopied(void **state)
{
    (void)state;
    static const float bytes[3][8 * 8];
    static const char *const names[] = { "q", "k", "v" };
    const int64_t widths[] = { 8, 4, 4 };
    const anm_attr heads = { .heads = 4, .kv_heads = 2, .alpha = 1 };
    anm_graph *g = test_graph_new();
    anm_value_id in[4] = { 0 };
    const anm_value_id x = test_rows(g, "x", 8);

    for (size_t i = 0; i < 3; i++) {
        const anm_shape shape = { ANM_DTYPE_F32, 2, { widths[i], 8 } };
        const char w[] = { 'w', (char)('0' + i), '\0' };
        const anm_value_id weight = anm_graph_const(
            g, w, &shape, anm_bytes_of(bytes[i], (size_t)widths[i] * 32));
        in[i] = test_add2(g, ANM_OP_LINEAR, names[i], x, weight, NULL);
    }
    in[3] = anm_graph_find(g, "mask");
    test_end(g, anm_graph_add(g, ANM_OP_ATTENTION, "a", in, 4, &heads));

    optimize(g, ANM_PASS_STACK);
    const anm_node *linear = test_definer(g, "q+k+v");
    const anm_value *w = anm_graph_value(g, linear->inputs[1]);
    int64_t begin = 0;

    assert_int_equal(linear->inputs[2], ANM_VALUE_NONE);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(w->parts[i].data.data, bytes[i]);
        assert_int_equal(w->parts[i].rows, widths[i]);
        assert_int_equal(test_definer(g, names[i])->attr.begin, begin);
        assert_int_equal(test_definer(g, names[i])->attr.size, widths[i]);
        begin += widths[i];
    }
    assert_int_equal(begin, w->shape.dims[0]);
    anm_graph_free(g);
}

static void every_layer_is_stacked(void **state)
{
    (void)state;
    const test_encoder many = { 4, 8, 2, 16, TEST_ALL_BIASES };
    anm_graph *g = test_encoder_new(&many);

    optimize(g, STACKED);
    assert_int_equal(anm_graph_n_nodes(g), 1 + 4 * 13 + 2);
    assert_non_null(test_definer(g, "3.q+k+v"));
    anm_graph_free(g);
}

static void refuse(anm_graph *g)
{
    optimize(g, ANM_PASS_ATTENTION);
    const char *before = test_ops(g);

    optimize(g, ANM_PASS_STACK);
    assert_string_equal(test_ops(g), before);
    anm_graph_free(g);
}

static void bias_on_some_only_prevents_it(void **state)
{
    (void)state;
    for (unsigned biases = 1; biases < TEST_ALL_BIASES; biases++)
        refuse(encoder(biases));
}

static void another_reader_prevents_it(void **state)
{
    (void)state;
    static const char *const names[] = { "0.q", "0.k", "0.v" };

    for (size_t i = 0; i < 3; i++) {
        anm_graph *g = encoder(TEST_ALL_BIASES);
        test_add1(g, ANM_OP_SCALE, "reader", anm_graph_find(g, names[i]), NULL);
        refuse(g);
    }
}

/* What one of q, k, v is made by in the graphs below. */
typedef enum special {
    PLAIN,
    OTHER_INPUT,
    WITH_ACT,
    WITH_RESIDUAL,
    OTHER_TYPE,
    COMPUTED_WEIGHT,
    NO_LINEAR,
} special;

static anm_value_id add_special(anm_graph *g, special s, const char *name,
                                anm_value_id x)
{
    static const uint16_t halves[64];
    const anm_shape half = { ANM_DTYPE_F16, 2, { 8, 8 } };
    const anm_attr act = { .act = ANM_ACT_RELU };
    char w[16] = "w.";

    strcat(w, name);
    if (s == NO_LINEAR) return test_add1(g, ANM_OP_SCALE, name, x, NULL);
    anm_value_id in[] = { x, ANM_VALUE_NONE, ANM_VALUE_NONE, ANM_VALUE_NONE };
    if (s == OTHER_INPUT) in[0] = test_rows(g, "other", 8);
    if (s == WITH_RESIDUAL) in[3] = x;
    if (s == OTHER_TYPE)
        in[1] =
            anm_graph_const(g, w, &half, anm_bytes_of(halves, sizeof(halves)));
    else
        in[1] = test_const(g, w, 8, 8);
    if (s == COMPUTED_WEIGHT)
        in[1] = test_add1(g, ANM_OP_SCALE, "computed", in[1], NULL);
    return anm_graph_add(g, ANM_OP_LINEAR, name, in, 4,
                         s == WITH_ACT ? &act : NULL);
}

static anm_graph *build_special(special s, size_t which)
{
    static const char *const names[] = { "q", "k", "v" };
    const anm_attr heads = { .heads = 2, .kv_heads = 2, .alpha = 1 };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    anm_value_id in[4] = { 0 };

    for (size_t i = 0; i < 3; i++)
        in[i] = add_special(g, i == which ? s : PLAIN, names[i], x);
    in[3] = anm_graph_find(g, "mask");
    test_end(g, anm_graph_add(g, ANM_OP_ATTENTION, "a", in, 4, &heads));
    return g;
}

static void linear_that_differs_prevents_it(void **state)
{
    (void)state;
    for (special s = OTHER_INPUT; s <= NO_LINEAR; s++)
        for (size_t which = 0; which < 3; which++)
            refuse(build_special(s, which));
    anm_graph *g = build_special(PLAIN, 0);
    optimize(g, ANM_PASS_STACK);
    assert_non_null(test_definer(g, "q+k+v"));
    anm_graph_free(g);
}

static void one_linear_for_two_of_them_prevents_it(void **state)
{
    (void)state;
    const anm_attr heads = { .heads = 2, .kv_heads = 2, .alpha = 1 };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id q = test_linear(g, "q", x, 8, false);
    const anm_value_id v = test_linear(g, "v", x, 8, false);
    const anm_value_id in[] = { q, q, v, anm_graph_find(g, "mask") };

    test_end(g, anm_graph_add(g, ANM_OP_ATTENTION, "a", in, 4, &heads));
    refuse(g);
}

/* Linears in another order than q, k, v, with nodes between that read them
 * not: the one linear stands where the first stood. */
static void order_of_the_linears_does_not_matter(void **state)
{
    (void)state;
    const anm_attr heads = { .heads = 2, .kv_heads = 2, .alpha = 1 };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id v = test_linear(g, "v", x, 8, true);
    const anm_value_id y = test_add1(g, ANM_OP_SCALE, "y", x, NULL);
    const anm_value_id q = test_linear(g, "q", x, 8, true);
    const anm_value_id k = test_linear(g, "k", x, 8, true);
    const anm_value_id in[] = { q, k, v, anm_graph_find(g, "mask") };
    const anm_value_id a =
        anm_graph_add(g, ANM_OP_ATTENTION, "a", in, 4, &heads);

    test_end(g, test_add2(g, ANM_OP_ADD, "sum", a, y, NULL));
    optimize(g, ANM_PASS_STACK);
    assert_string_equal(test_ops(g), "gather linear slice slice slice scale "
                                     "attention add pool normalize");
    assert_int_equal(test_definer(g, "v")->attr.begin, 16);
    anm_graph_free(g);
}

/* q and k by way of a norm and a rotation, v directly. */
static void norms_and_rotations_between_do_not_matter(void **state)
{
    (void)state;
    const anm_attr turn = { .size = 2, .theta = 10 };
    const anm_attr heads = { .heads = 4, .kv_heads = 2, .alpha = 1 };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id ids = anm_graph_find(g, "ids");
    const anm_value_id angles =
        test_add1(g, ANM_OP_ANGLES, "angles",
                  test_add1(g, ANM_OP_POSITION, "p", ids, NULL), &turn);
    const anm_value_id gamma = test_const(g, "gamma", 2, 0);

    anm_value_id q = test_linear(g, "0.q", x, 8, false);
    q = test_add2(g, ANM_OP_RMS_NORM, "0.q_norm", q, gamma, NULL);
    q = test_add2(g, ANM_OP_ROPE, "0.q_rope", q, angles, NULL);
    anm_value_id k = test_linear(g, "0.k", x, 4, false);
    k = test_add2(g, ANM_OP_ROPE, "0.k_rope", k, angles, NULL);
    const anm_value_id in[] = { q, k, test_linear(g, "0.v", x, 4, false),
                                anm_graph_find(g, "mask") };
    test_end(g, anm_graph_add(g, ANM_OP_ATTENTION, "0.a", in, 4, &heads));
    optimize(g, ANM_PASS_STACK);
    assert_string_equal(test_ops(g),
                        "gather position angles linear slice slice slice "
                        "rms_norm rope rope attention pool normalize");
    const anm_node *linear = test_definer(g, "0.q+k+v");
    assert_int_equal(anm_graph_value(g, linear->inputs[1])->shape.dims[0], 16);
    anm_graph_free(g);
}

static void name_that_a_builder_gave_already_is_refused(void **state)
{
    (void)state;
    anm_graph *g = encoder(0);
    anm_error err = { 0 };

    test_add1(g, ANM_OP_SCALE, "0.q+k+v", anm_graph_find(g, "0.o.norm"), NULL);
    assert_int_equal(anm_graph_optimize(g, STACKED, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "0.q+k+v"));
    anm_graph_free(g);
}

/* A graph that lost a node for lack of memory is never taken for a whole one. */
static void every_failed_allocation_is_reported(void **state)
{
    anm_status status = ANM_E_NOMEM;
    uint64_t k = 0;
    (void)state;

    while (status) {
        const test_encoder two = { 2, 8, 2, 16, TEST_ALL_BIASES };
        anm_graph *g = test_encoder_new(&two);
        test_fault_arm(++k);
        status = anm_graph_optimize(g, STACKED, NULL);
        const bool happened = test_fault_disarm();
        assert_int_equal(status, happened ? ANM_E_NOMEM : ANM_OK);
        if (!status) assert_int_equal(anm_graph_n_nodes(g), 1 + 2 * 13 + 2);
        anm_graph_free(g);
    }
    assert_true(k > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_linears_become_one_and_slices),
        cmocka_unit_test(slices_take_over_the_names_in_order),
        cmocka_unit_test(parts_are_the_weights_in_order_uncopied),
        cmocka_unit_test(every_layer_is_stacked),
        cmocka_unit_test(bias_on_some_only_prevents_it),
        cmocka_unit_test(another_reader_prevents_it),
        cmocka_unit_test(linear_that_differs_prevents_it),
        cmocka_unit_test(one_linear_for_two_of_them_prevents_it),
        cmocka_unit_test(order_of_the_linears_does_not_matter),
        cmocka_unit_test(norms_and_rotations_between_do_not_matter),
        cmocka_unit_test(name_that_a_builder_gave_already_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
