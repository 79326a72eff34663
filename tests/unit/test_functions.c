/* Functions of packages: found by name, fed by name, states of their own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/packed.h"
#include "support/pb_write.h"

static anm_predictor *open_package(const char *name)
{
    char path[4096];
    anm_options o;
    anm_predictor *p = NULL;
    anm_error err;

    snprintf(path, sizeof(path), "%s/%s.mlpackage", test_packed_folder(), name);
    anm_options_init(&o);
    o.model = path;
    o.threads = 1;
    if (anm_predictor_open(&p, &o, &err)) fail_msg("%s", err.message);
    return p;
}

static const size_t row[] = { 1, 16 };
static const float ones[16] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
};
static const anm_raw_array x = { "x", ANM_RAW_FLOAT16, row, 2, ones, NULL };

static float first_number(anm_predictor *p)
{
    const anm_raw_array *out;
    size_t n;
    anm_error err;

    if (anm_predictor_run(p, NULL, &x, 1, &out, &n, &err))
        fail_msg("%s", err.message);
    assert_int_equal(n, 1);
    assert_string_equal(out[0].name, "y");
    assert_int_equal(out[0].type, ANM_RAW_FLOAT16);
    assert_int_equal(out[0].rank, 2);
    assert_int_equal(out[0].dims[1], 16);
    assert_null(out[0].ints);
    return out[0].floats[0];
}

static void a_state_lasts_until_it_is_reset(void **state)
{
    anm_predictor *p = open_package("state_running_mean_ios18");
    (void)state;

    const float first = first_number(p), second = first_number(p);
    assert_true(first != second);
    anm_predictor_reset(p);
    assert_true(first_number(p) == first);
    anm_predictor_close(p);
}

/* What was refused has not run. */
static void a_refused_call_changes_no_state(void **state)
{
    static const size_t other[] = { 1, 8 };
    anm_predictor *p = open_package("state_running_mean_ios18");
    anm_raw_array wrong = x;
    const anm_raw_array *out;
    size_t n;
    anm_error err;
    (void)state;

    wrong.dims = other;
    assert_int_equal(anm_predictor_run(p, NULL, &wrong, 1, &out, &n, &err),
                     ANM_E_ARG);
    assert_non_null(strstr(err.message, "expected FLOAT16 [1, 16], found "
                                        "FLOAT16 [1, 8]"));
    const float first = first_number(p);
    assert_int_equal(anm_predictor_run(p, NULL, &wrong, 1, &out, &n, &err),
                     ANM_E_ARG);
    const float second = first_number(p);
    anm_predictor_reset(p);
    assert_true(first_number(p) == first && first_number(p) == second);
    anm_predictor_close(p);
}

static void functions_and_arguments_are_checked(void **state)
{
    anm_predictor *p = open_package("state_running_mean_ios18");
    anm_raw_array bare = x;
    const anm_raw_array *out;
    size_t n;
    anm_error err;
    (void)state;

    assert_int_equal(anm_predictor_run(p, "other", &x, 1, &out, &n, &err),
                     ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "there are: main"));
    bare.floats = NULL;
    assert_int_equal(anm_predictor_run(p, NULL, &bare, 1, &out, &n, &err),
                     ANM_E_ARG);
    assert_int_equal(anm_predictor_run(p, NULL, NULL, 1, &out, &n, &err),
                     ANM_E_ARG);
    assert_int_equal(anm_predictor_run(p, NULL, &x, 1, NULL, &n, &err),
                     ANM_E_ARG);
    assert_int_equal(anm_predictor_run(NULL, NULL, &x, 1, &out, &n, &err),
                     ANM_E_ARG);
    anm_predictor_reset(NULL);
    anm_predictor_close(NULL);
    anm_predictor_close(p);
}

/* 2049 is no half: what the package gets is 2048. */
static void halves_are_rounded_on_the_way_in(void **state)
{
    float values[2][16];
    anm_predictor *p = open_package("state_running_mean_ios18");
    anm_raw_array given = x;
    const anm_raw_array *out;
    float got[2];
    size_t n;
    (void)state;

    for (size_t i = 0; i < 16; i++) {
        values[0][i] = 2048;
        values[1][i] = 2049;
    }
    for (size_t i = 0; i < 2; i++) {
        anm_predictor_reset(p);
        given.floats = values[i];
        assert_int_equal(anm_predictor_run(p, NULL, &given, 1, &out, &n, NULL),
                         ANM_OK);
        got[i] = out[0].floats[0];
    }
    assert_true(got[0] == got[1]);
    anm_predictor_close(p);
}

/* A program of x [4], up to its ops; what its description says of x is another
 * matter. */
static void begin_program(test_pb *w, int described, int type,
                          const int64_t *dims, size_t n)
{
    test_pb_int(w, 1, 7);
    test_pb_begin(w, 2);
    test_mil_feature(w, 1, "x", described, dims, n);
    test_mil_feature(w, 10, "y", described, TEST_DIMS(4));
    test_pb_end(w);
    test_pb_begin(w, 502);
    test_pb_int(w, 1, 1);
    test_pb_entry(w, 2, "main");
    test_mil_var(w, 1, "x", type, TEST_DIMS(4));
    test_pb_text(w, 2, "CoreML6");
    test_pb_entry(w, 3, "CoreML6");
}

static anm_predictor *open_program(test_pb *w)
{
    anm_predictor *p = NULL;
    anm_options o;
    anm_error err;

    test_mil_end(w);
    anm_options_init(&o);
    o.model = test_pb_file(w);
    o.threads = 1;
    if (anm_predictor_open(&p, &o, &err)) fail_msg("%s", err.message);
    return p;
}

static void more_axes_than_are_built_in_are_refused(void **state)
{
    static const int64_t described[16] = { 1, 1, 1, 1, 1, 1, 1, 1,
                                           1, 1, 1, 1, 1, 1, 1, 1 };
    static const size_t dims[16] = { 1, 1, 1, 1, 1, 1, 1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1 };
    (void)state;

    for (size_t n = 5; n <= 16; n++) {
        const anm_raw_array many = {
            "x", ANM_RAW_FLOAT32, dims, n, ones, NULL
        };
        const anm_raw_array *out;
        test_pb w = { 0 };
        anm_error err;
        size_t n_out;

        begin_program(&w, 0x10020, 11, described, n);
        test_mil_relu(&w, "x", "y");
        anm_predictor *p = open_program(&w);
        assert_int_equal(
            anm_predictor_run(p, NULL, &many, 1, &out, &n_out, &err),
            ANM_E_ARG);
        assert_non_null(strstr(err.message, "input x: "));
        anm_predictor_close(p);
    }
}

/* Ids where a program takes floats would be read as their bits, and of floats
 * that are described as ids the pointer to ids is none. */
static void another_kind_than_described_is_refused(void **state)
{
    static const size_t dims[] = { 4 };
    static const int32_t ints[4] = { 1, 2, 3, 4 };
    const anm_raw_array given = { "x", ANM_RAW_INT32, dims, 1, NULL, ints };
    const anm_raw_array *out;
    test_pb w = { 0 };
    anm_error err;
    size_t n;
    (void)state;

    begin_program(&w, 0x20020, 11, TEST_DIMS(4));
    test_mil_relu(&w, "x", "y");
    anm_predictor *p = open_program(&w);
    assert_int_equal(anm_predictor_run(p, NULL, &given, 1, &out, &n, &err),
                     ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "x is described as INT32, and is F32"));
    anm_predictor_close(p);
}

static void infinite_factor_is_named_where_it_gives_no_number(void **state)
{
    static const size_t dims[] = { 4 };
    const anm_raw_array given = { "x", ANM_RAW_FLOAT16, dims, 1, ones, NULL };
    static const float zeros[4];
    anm_raw_array none = given;
    const anm_raw_array *out;
    test_pb w = { 0 };
    anm_error err;
    size_t n;
    (void)state;

    begin_program(&w, 0x10010, 10, TEST_DIMS(4));
    test_mil_const(&w, "low", 10, NULL, 0, 7);
    test_pb_bytes(&w, 1, "\x00\xfc", 2);
    test_mil_const_end(&w);
    test_mil_op(&w, "mul");
    test_mil_arg(&w, "x", "x");
    test_mil_arg(&w, "y", "low");
    test_mil_output(&w, "y", 10, TEST_DIMS(4));
    test_pb_end(&w);
    anm_predictor *p = open_program(&w);
    if (anm_predictor_run(p, NULL, &given, 1, &out, &n, &err))
        fail_msg("%s", err.message);
    none.floats = zeros;
    assert_int_equal(anm_predictor_run(p, NULL, &none, 1, &out, &n, &err),
                     ANM_E_DEVICE);
    assert_non_null(strstr(err.message, "output y: number 0 is nan"));
    assert_non_null(strstr(err.message, "constant low"));
    anm_predictor_close(p);
}

/* The type says which of the two pointers counts. */
static void pointer_of_the_other_kind_is_not_looked_at(void **state)
{
    static const size_t dims[] = { 4 };
    static const int32_t ints[] = { 1, -2, 3, 40 };
    const anm_raw_array both = { "x", ANM_RAW_INT32, dims, 1, ones, ints };
    const anm_raw_array *out;
    test_pb w = { 0 };
    anm_error err;
    size_t n;
    (void)state;

    begin_program(&w, 0x20020, 23, TEST_DIMS(4));
    test_mil_op(&w, "add");
    test_mil_arg(&w, "x", "x");
    test_mil_arg(&w, "y", "x");
    test_mil_output(&w, "y", 23, TEST_DIMS(4));
    test_pb_end(&w);
    anm_predictor *p = open_program(&w);
    if (anm_predictor_run(p, NULL, &both, 1, &out, &n, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(out[0].ints[i], 2 * ints[i]);
    anm_predictor_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_lasts_until_it_is_reset),
        cmocka_unit_test(a_refused_call_changes_no_state),
        cmocka_unit_test(functions_and_arguments_are_checked),
        cmocka_unit_test(halves_are_rounded_on_the_way_in),
        cmocka_unit_test(more_axes_than_are_built_in_are_refused),
        cmocka_unit_test(another_kind_than_described_is_refused),
        cmocka_unit_test(infinite_factor_is_named_where_it_gives_no_number),
        cmocka_unit_test(pointer_of_the_other_kind_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
