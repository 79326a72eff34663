/* act(linear) * linear becomes one linear and a gated unit, or stays as it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_build.h"

#include <string.h>

#include "graph/pass.h"

/* How the product is built. */
typedef struct shape_of {
    bool up_first;    /* the factors change places */
    bool other_input; /* up reads another value than gate */
    bool act_is_read; /* another node reads the activation */
    bool up_is_read;  /* another node reads up */
    bool gate_has_bias, up_has_bias;
} shape_of;

static anm_graph *build(const shape_of *s)
{
    const anm_attr silu = { .act = ANM_ACT_SILU };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id z = s->other_input ? test_rows(g, "z", 8) : x;
    const int64_t n = 16;
    anm_value_id gate = test_linear(g, "0.gate", x, n, s->gate_has_bias);

    gate = test_add1(g, ANM_OP_ACT, "0.act", gate, &silu);
    const anm_value_id up = test_linear(g, "0.up", z, n, s->up_has_bias);
    anm_value_id y =
        s->up_first ? test_add2(g, ANM_OP_MUL, "0.product", up, gate, NULL)
                    : test_add2(g, ANM_OP_MUL, "0.product", gate, up, NULL);
    if (s->act_is_read) y = test_add2(g, ANM_OP_ADD, "more", y, gate, NULL);
    if (s->up_is_read) y = test_add2(g, ANM_OP_ADD, "more", y, up, NULL);
    test_end(g, y);
    return g;
}

static void optimize(anm_graph *g, unsigned passes)
{
    anm_error err = { 0 };

    if (anm_graph_optimize(g, passes, &err)) fail_msg("%s", err.message);
    test_graph_check(g);
}

static void product_becomes_one_linear_and_a_gated_unit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        anm_graph *g = build(&(shape_of){
            .up_first = i & 1, .gate_has_bias = i & 2, .up_has_bias = i & 2 });

        optimize(g, ANM_PASS_ALL);
        assert_string_equal(test_ops(g), "gather linear glu pool normalize");
        const anm_node *linear = test_definer(g, "0.gate+up");
        const anm_node *glu = test_definer(g, "0.product");
        const anm_value *w = anm_graph_value(g, linear->inputs[1]);
        assert_string_equal(w->name, "0.gate+up.weight");
        assert_int_equal(w->n_parts, 2);
        assert_int_equal(w->shape.dims[0], 32);
        // The gate comes first, in whatever order the factors stood.
        assert_int_equal(glu->inputs[0], linear->output);
        assert_int_equal(glu->attr.act, ANM_ACT_SILU);
        assert_int_equal(linear->attr.act, ANM_ACT_NONE);
        assert_int_equal(linear->inputs[2] != ANM_VALUE_NONE, (i & 2) != 0);
        anm_graph_free(g);
    }
}

static void parts_are_the_gate_and_then_the_other(void **state)
{
    (void)state;
    anm_graph *g = build(&(shape_of){ .up_first = true });
    const anm_part gate =
        anm_graph_value(g, anm_graph_find(g, "0.gate.w"))->parts[0];
    const anm_part up =
        anm_graph_value(g, anm_graph_find(g, "0.up.w"))->parts[0];

    optimize(g, ANM_PASS_GLU);
    const anm_node *linear = test_definer(g, "0.gate+up");
    const anm_value *w = anm_graph_value(g, linear->inputs[1]);
    assert_ptr_equal(w->parts[0].data.data, gate.data.data);
    assert_ptr_equal(w->parts[1].data.data, up.data.data);
    anm_graph_free(g);
}

static void what_differs_or_is_read_elsewhere_prevents_it(void **state)
{
    (void)state;
    static const shape_of shapes[] = {
        { .other_input = true }, { .act_is_read = true },
        { .up_is_read = true },  { .gate_has_bias = true },
        { .up_has_bias = true },
    };

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        anm_graph *g = build(&shapes[i]);
        const size_t n = anm_graph_n_nodes(g);

        optimize(g, ANM_PASS_GLU);
        assert_int_equal(anm_graph_n_nodes(g), n);
        assert_null(strstr(test_ops(g), "glu"));
        anm_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_becomes_one_linear_and_a_gated_unit),
        cmocka_unit_test(parts_are_the_gate_and_then_the_other),
        cmocka_unit_test(what_differs_or_is_read_elsewhere_prevents_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
