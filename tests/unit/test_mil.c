/* From operations of MIL to nodes: what opsets mean, what is left out, what is
 * refused and in which words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mil_walk.h"
#include "support/mil_build.h"
#include "support/support.h"

static const int64_t four[] = { 1, 4, 0 };

static anm_status translate(test_mil *m, anm_arrays **out,
                            anm_mil_constants **c, anm_error *err)
{
    assert_int_equal(anm_mil_constants_new(c, &m->function, err), ANM_OK);
    return anm_mil_translate(out, &m->function, *c, NULL, err);
}

static void expect_refused(test_mil *m, anm_status want, const char *words)
{
    anm_arrays *a = NULL;
    anm_mil_constants *c;
    anm_error err = { 0 };

    assert_int_equal(translate(m, &a, &c, &err), want);
    if (!strstr(err.message, words))
        fail_msg("'%s' does not hold '%s'", err.message, words);
    anm_mil_constants_free(c);
}

static void names_and_order_are_kept(void **state)
{
    static const float half = 0.5f;
    test_mil m;
    anm_arrays *a;
    anm_mil_constants *c;
    anm_error err;
    (void)state;

    test_mil_init(&m, "CoreML5", 15);
    test_mil_input(&m, "b", ANM_MIL_FLOAT32, four);
    test_mil_input(&m, "a", ANM_MIL_FLOAT32, four);
    test_mil_add_const(&m, "half", ANM_MIL_FLOAT32, &half, 0);
    test_mil_add(&m, "mul", "scaled", "x=a y=half", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "add", "sum", "y=b x=scaled", ANM_MIL_FLOAT32, four);
    test_mil_result(&m, "sum");
    test_mil_result(&m, "a");
    assert_int_equal(translate(&m, &a, &c, &err), ANM_OK);
    assert_int_equal(anm_arrays_n_inputs(a), 2);
    assert_int_equal(anm_arrays_input_at(a, 0), anm_arrays_find(a, "b"));
    assert_int_equal(anm_arrays_output_at(a, 0), anm_arrays_find(a, "sum"));
    assert_int_equal(anm_arrays_output_at(a, 1), anm_arrays_find(a, "a"));
    const anm_array_node *add = anm_arrays_node(a, 1);
    assert_int_equal(add->op, ANM_ARRAY_ADD);
    assert_int_equal(add->inputs[0], anm_arrays_find(a, "scaled"));
    assert_int_equal(add->inputs[1], anm_arrays_find(a, "b"));
    anm_arrays_free(a);
    anm_mil_constants_free(c);
}

static void what_no_result_needs_is_left_out(void **state)
{
    test_mil m;
    anm_arrays *a;
    anm_mil_constants *c;
    anm_error err;
    (void)state;

    test_mil_init(&m, "CoreML5", 15);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
    // Not even known: nobody reads it.
    test_mil_add(&m, "frobnicate", "dead", "x=x", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "relu", "y", "x=x", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "tanh", "z", "x=y", ANM_MIL_FLOAT32, four);
    test_mil_result(&m, "y");
    test_mil_result(&m, "z");
    assert_int_equal(translate(&m, &a, &c, &err), ANM_OK);
    assert_int_equal(anm_arrays_n_nodes(a), 2);
    anm_arrays_free(a);
    assert_int_equal(anm_mil_translate(&a, &m.function, c, "y", &err), ANM_OK);
    assert_int_equal(anm_arrays_n_nodes(a), 1);
    assert_int_equal(anm_arrays_n_outputs(a), 1);
    anm_arrays_free(a);
    anm_mil_constants_free(c);
}

static void a_zero_of_reshape_is_the_opsets(void **state)
{
    static const int32_t shape[] = { 0, -1 };
    static const struct {
        const char *opset;
        int ios;
        unsigned flags;
    } opsets[] = { { "CoreML5", 15, 0 },
                   { "CoreML6", 16, 0 },
                   { "CoreML7", 17, ANM_ARRAY_FROM_RIGHT },
                   { "CoreML8", 18, ANM_ARRAY_FROM_RIGHT } };
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        test_mil m;
        anm_arrays *a;
        anm_mil_constants *c;
        anm_error err;
        test_mil_init(&m, opsets[i].opset, opsets[i].ios);
        test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
        test_mil_add_const(&m, "s", ANM_MIL_INT32, shape, 2);
        test_mil_add(&m, "reshape", "y", "x=x shape=s", ANM_MIL_FLOAT32, four);
        test_mil_result(&m, "y");
        assert_int_equal(translate(&m, &a, &c, &err), ANM_OK);
        assert_int_equal(anm_arrays_node(a, 0)->attr.flags, opsets[i].flags);
        anm_arrays_free(a);
        anm_mil_constants_free(c);
    }
}

static void defaults_are_those_of_mil(void **state)
{
    test_mil m;
    anm_arrays *a;
    anm_mil_constants *c;
    anm_error err;
    (void)state;

    test_mil_init(&m, "CoreML7", 17);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "rsqrt", "r", "x=x", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "leaky_relu", "l", "x=r", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "layer_norm", "n", "x=l", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "softmax", "s", "x=n", ANM_MIL_FLOAT32, four);
    test_mil_result(&m, "s");
    assert_int_equal(translate(&m, &a, &c, &err), ANM_OK);
    assert_true(anm_arrays_node(a, 0)->attr.eps == 1e-12);
    assert_true(anm_arrays_node(a, 1)->attr.alpha == 0.01);
    assert_int_equal(anm_arrays_node(a, 2)->attr.n_axes, 2);
    assert_true(anm_arrays_node(a, 2)->attr.eps == 1e-5);
    assert_int_equal(anm_arrays_node(a, 3)->attr.axis, -1);
    anm_arrays_free(a);
    anm_mil_constants_free(c);
}

static void what_is_not_known_is_refused_by_name(void **state)
{
    static const float one = 1;
    static const int64_t seven[] = { 1, 1, 1, 1, 1, 1, 1, 0 };
    test_mil m;
    (void)state;

    test_mil_init(&m, "CoreML7", 17);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "frobnicate", "op_7", "x=x", ANM_MIL_FLOAT32, four);
    test_mil_result(&m, "op_7");
    expect_refused(&m, ANM_E_UNSUPPORTED,
                   "function main (CoreML7): frobnicate op_7: this operation "
                   "is not built in");

    test_mil_init(&m, "CoreML7", 17);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
    test_mil_add_const(&m, "one", ANM_MIL_FLOAT32, &one, 0);
    test_mil_add(&m, "relu", "op_8", "x=x slope=one", ANM_MIL_FLOAT32, four);
    test_mil_result(&m, "op_8");
    expect_refused(&m, ANM_E_UNSUPPORTED,
                   "relu op_8: parameter slope is not built in; built in: x");

    test_mil_init(&m, "CoreML7", 17);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "add", "op_9", "x=x", ANM_MIL_FLOAT32, four);
    test_mil_result(&m, "op_9");
    expect_refused(&m, ANM_E_FORMAT, "add op_9: it has no y");

    test_mil_init(&m, "CoreML7", 17);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "leaky_relu", "op_10", "x=x alpha=x", ANM_MIL_FLOAT32,
                 four);
    test_mil_result(&m, "op_10");
    expect_refused(&m, ANM_E_UNSUPPORTED, "alpha is computed");

    test_mil_init(&m, "CoreML7", 17);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, seven);
    test_mil_result(&m, "x");
    expect_refused(&m, ANM_E_UNSUPPORTED, "input x is FLOAT32");
}

static void a_scatter_must_say_its_mode(void **state)
{
    static const int32_t zero = 0;
    test_mil m;
    (void)state;

    test_mil_init(&m, "CoreML5", 15);
    test_mil_input(&m, "x", ANM_MIL_FLOAT32, four);
    test_mil_add_const(&m, "i", ANM_MIL_INT32, &zero, 1);
    test_mil_add(&m, "scatter", "y", "data=x indices=i updates=x",
                 ANM_MIL_FLOAT32, four);
    test_mil_result(&m, "y");
    expect_refused(&m, ANM_E_UNSUPPORTED, "mode \"\"; built in: update, add");
}

static void an_infinite_factor_is_found(void **state)
{
    static const uint16_t infinite = 0xfc00, finite = 0xfbff;
    test_mil m;
    (void)state;

    test_mil_init(&m, "CoreML5", 15);
    test_mil_input(&m, "x", ANM_MIL_FLOAT16, four);
    test_mil_add_const(&m, "low", ANM_MIL_FLOAT16, &finite, 0);
    test_mil_add_const(&m, "mask", ANM_MIL_FLOAT16, &infinite, 0);
    test_mil_add(&m, "maximum", "y", "x=x y=mask", ANM_MIL_FLOAT16, four);
    test_mil_add(&m, "mul", "z", "x=y y=low", ANM_MIL_FLOAT16, four);
    test_mil_result(&m, "z");
    assert_null(anm_mil_infinite_factor(&m.function));
    test_mil_add(&m, "mul", "w", "x=z y=mask", ANM_MIL_FLOAT16, four);
    assert_string_equal(anm_mil_infinite_factor(&m.function), "mask");
}

/* Every row is found, is no constant, and has words for its parameters. */
static void the_table_is_sound(void **state)
{
    const char *name, *params;
    size_t n = 0;
    (void)state;

    for (; anm_mil_op_at(n, &name, &params); n++) {
        const char *before, *unused;
        assert_non_null(anm_mil_row_find(name));
        assert_true(params[0] && params[strlen(params) - 1] != ' ');
        if (n && anm_mil_op_at(n - 1, &before, &unused))
            assert_true(strcmp(before, name) < 0);
    }
    assert_true(n > 100);
    assert_null(anm_mil_row_find("lstm"));
    assert_true(anm_mil_constexpr_known("constexpr_lut_to_dense"));
    assert_false(anm_mil_constexpr_known("constexpr_lut_to_lut"));
}

/* docs/COREML.md lists the operations; none is missing there. */
static void every_row_is_documented(void **state)
{
    char *text = test_read(test_data("../../docs/COREML.md"), NULL);
    const char *name, *params;
    (void)state;

    for (size_t i = 0; anm_mil_op_at(i, &name, &params); i++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "`%s`", name);
        if (!strstr(text, quoted)) fail_msg("%s is not documented", quoted);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_order_are_kept),
        cmocka_unit_test(what_no_result_needs_is_left_out),
        cmocka_unit_test(a_zero_of_reshape_is_the_opsets),
        cmocka_unit_test(defaults_are_those_of_mil),
        cmocka_unit_test(what_is_not_known_is_refused_by_name),
        cmocka_unit_test(a_scatter_must_say_its_mode),
        cmocka_unit_test(an_infinite_factor_is_found),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(every_row_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
