/* Which output holds the vector, and what a program tells of itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/package.h"
#include "support/mil_build.h"
#include "support/support.h"

static const int64_t ids[] = { 1, 8, 0 };

/* A function with one output per list of dims, each relu of the one input. */
static void build(test_mil *m, const int64_t (*outputs)[6], size_t n)
{
    static const char *const names[] = { "a", "b", "c" };

    test_mil_init(m, "CoreML6", 16);
    test_mil_input(m, "input_ids", ANM_MIL_INT32, ids);
    for (size_t i = 0; i < n; i++) {
        test_mil_add(m, "relu", names[i], "x=input_ids", ANM_MIL_FLOAT16,
                     outputs[i]);
        test_mil_result(m, names[i]);
    }
}

static anm_status choose(test_mil *m, anm_package *p, const char *wanted,
                         size_t *dim, anm_error *err)
{
    static size_t length = 8;

    *p = (anm_package){ .function = &m->function };
    p->inputs = (anm_mil_inputs){ .texts = 1,
                                  .rank = 2,
                                  .lengths = &length,
                                  .n_lengths = 1,
                                  .low = 8,
                                  .high = 8 };
    return anm_package_choose(p, wanted, dim, err);
}

static void shapes_tell_vectors_from_rows(void **state)
{
    static const struct {
        int64_t dims[1][6];
        anm_package_layout layout;
        size_t dim;
    } shapes[] = {
        { { { 1, 64, 0 } }, ANM_PACKAGE_VECTOR, 64 },
        { { { 1, 1, 64, 0 } }, ANM_PACKAGE_VECTOR, 64 },
        { { { 1, 64, 1, 1, 0 } }, ANM_PACKAGE_VECTOR, 64 },
        { { { -1, 64, 0 } }, ANM_PACKAGE_VECTOR, 64 },
        { { { 1, 8, 64, 0 } }, ANM_PACKAGE_ROWS, 64 },
        { { { 1, 1, 8, 64, 0 } }, ANM_PACKAGE_ROWS, 64 },
        { { { 1, 64, 8, 0 } }, ANM_PACKAGE_CHANNELS, 64 },
        { { { 1, 64, 1, 8, 0 } }, ANM_PACKAGE_CHANNELS, 64 },
        { { { 1, 8, 8, 0 } }, ANM_PACKAGE_ROWS, 8 },
        { { { 1, 1, 8, 8, 0 } }, ANM_PACKAGE_ROWS, 8 },
        { { { 1, 8, 1, 8, 0 } }, ANM_PACKAGE_CHANNELS, 8 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        test_mil m;
        anm_package p;
        size_t dim = 0;
        anm_error err;
        build(&m, shapes[i].dims, 1);
        if (choose(&m, &p, NULL, &dim, &err))
            fail_msg("%zu: %s", i, err.message);
        assert_int_equal(p.layout, shapes[i].layout);
        assert_int_equal(dim, shapes[i].dim);
    }
}

static void other_shapes_hold_no_vector(void **state)
{
    static const int64_t shapes[][1][6] = {
        { { 2, 64, 0 } }, { { 1, 9, 64, 0 } }, { { 64, 0 } },
        { { 1, -1, 0 } }, { { 1, 1, 1, 0 } },  { { 1, 8, 2, 64, 0 } },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        test_mil m;
        anm_package p;
        size_t dim = 0;
        anm_error err;
        build(&m, shapes[i], 1);
        assert_int_equal(choose(&m, &p, NULL, &dim, &err), ANM_E_UNSUPPORTED);
        assert_non_null(strstr(err.message, "its outputs are a FLOAT16"));
    }
}

static void several_outputs_are_listed_and_one_is_chosen(void **state)
{
    static const int64_t dims[][6] = { { 1, 8, 64, 0 },
                                       { 1, 32, 0 },
                                       { 3, 0 } };
    test_mil m;
    anm_package p;
    size_t dim = 0;
    anm_error err;
    (void)state;

    build(&m, dims, 3);
    assert_int_equal(choose(&m, &p, NULL, &dim, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "--output-name"));
    assert_non_null(
        strstr(err.message, "a FLOAT16 [1, 8, 64], b FLOAT16 [1, 32], c"));
    assert_int_equal(choose(&m, &p, "b", &dim, &err), ANM_OK);
    assert_string_equal(p.output.name, "b");
    assert_int_equal(dim, 32);
    assert_int_equal(choose(&m, &p, "c", &dim, &err), ANM_E_ARG);
    assert_int_equal(choose(&m, &p, "d", &dim, &err), ANM_E_ARG);
}

static anm_arrays *translate(test_mil *m, anm_mil_constants **c)
{
    anm_arrays *a;
    anm_error err;

    assert_int_equal(anm_mil_constants_new(c, &m->function, &err), ANM_OK);
    if (anm_mil_translate(&a, &m->function, *c, NULL, &err))
        fail_msg("%s", err.message);
    return a;
}

/* x / max(|x|, eps), with a cast at the end: what exporters write. */
static void a_division_by_the_length_is_seen(void **state)
{
    static const int64_t row[] = { 1, 4, 0 }, one[] = { 1, 1, 0 };
    static const float eps = 1e-12f;
    static const int32_t last = -1;
    static const uint8_t yes = 1;
    (void)state;

    for (int divides = 0; divides < 2; divides++) {
        test_mil m;
        anm_mil_constants *c;
        test_mil_init(&m, "CoreML6", 16);
        test_mil_input(&m, "x", ANM_MIL_FLOAT32, row);
        test_mil_add_const(&m, "eps", ANM_MIL_FLOAT32, &eps, 0);
        test_mil_add_const(&m, "axes", ANM_MIL_INT32, &last, 1);
        test_mil_add_const(&m, "keep", ANM_MIL_BOOL, &yes, 0);
        test_mil_add(&m, "tanh", "t", "x=x", ANM_MIL_FLOAT32, row);
        test_mil_add(&m, "reduce_l2_norm", "n",
                     divides ? "x=t axes=axes keep_dims=keep"
                             : "x=x axes=axes keep_dims=keep",
                     ANM_MIL_FLOAT32, one);
        test_mil_add(&m, "maximum", "b", "x=n y=eps", ANM_MIL_FLOAT32, one);
        test_mil_add(&m, "real_div", "d", "x=t y=b", ANM_MIL_FLOAT32, row);
        test_mil_add(&m, "identity", "y", "x=d", ANM_MIL_FLOAT32, row);
        test_mil_result(&m, "y");
        anm_arrays *a = translate(&m, &c);
        // Divided by the length of something else it is not.
        assert_int_equal(anm_package_is_unit(a, anm_arrays_output_at(a, 0)),
                         divides);
        anm_arrays_free(a);
        anm_mil_constants_free(c);
    }
}

static void ids_are_as_many_as_their_table_has_rows(void **state)
{
    static const float table[12] = { 0 };
    static const int64_t rows[] = { 1, 8, 1, 0 }, flat[] = { 1, 8, 0 };
    static const int32_t zero = 0;
    test_mil m;
    anm_mil_constants *c;
    (void)state;

    test_mil_init(&m, "CoreML6", 16);
    test_mil_input(&m, "input_ids", ANM_MIL_INT32, ids);
    test_mil_add_const(&m, "table", ANM_MIL_FLOAT32, table, 12);
    test_mil_add_const(&m, "zero", ANM_MIL_INT32, &zero, 0);
    test_mil_add(&m, "maximum", "known", "x=input_ids y=zero", ANM_MIL_INT32,
                 flat);
    test_mil_add(&m, "gather", "y", "x=table indices=known axis=zero",
                 ANM_MIL_FLOAT32, flat);
    test_mil_add(&m, "relu", "z", "x=y", ANM_MIL_FLOAT32, rows);
    test_mil_result(&m, "z");
    anm_arrays *a = translate(&m, &c);
    size_t n = 0;
    assert_true(anm_package_id_rows(a, anm_arrays_find(a, "input_ids"), &n));
    assert_int_equal(n, 12);
    assert_true(anm_package_id_rows(a, anm_arrays_find(a, "y"), &n));
    assert_int_equal(n, SIZE_MAX);
    anm_arrays_free(a);
    anm_mil_constants_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_tell_vectors_from_rows),
        cmocka_unit_test(other_shapes_hold_no_vector),
        cmocka_unit_test(several_outputs_are_listed_and_one_is_chosen),
        cmocka_unit_test(a_division_by_the_length_is_seen),
        cmocka_unit_test(ids_are_as_many_as_their_table_has_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
