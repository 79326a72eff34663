/* Two arrays, element by element: broadcast both ways, numpy's meaning of every
 * operation, integers exact.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static const test_given floats_given[] = {
    [0] = { .dims = D(2, 3),
            .numbers = F(-1.60000002f, -2.6500001f, -0.5f, 0.839999974f,
                         2.26999998f, 0.219999999f) },
    [1] = { .dims = D(2, 1), .numbers = F(2.0f, -3.0f) },
    [2] = { .dims = D(2, 3),
            .numbers = F(1.60000002f, 2.6500001f, 0.5f, 0.839999974f,
                         2.26999998f, 0.219999999f) },
    [3] = { .dims = SCALAR, .numbers = F(2.0f), .is_constant = true },
    [4] = { .dims = SCALAR, .numbers = F(1.5f), .is_constant = true },
};

static const test_row floats_rows[] = {
    { .op = ANM_ARRAY_ADD,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want = F(0.4f, -0.65f, 1.5f, -2.16f, -0.73f, -2.78f) },
    { .op = ANM_ARRAY_SUB,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want = F(-3.6f, -4.65f, -2.5f, 3.84f, 5.27f, 3.22f) },
    { .op = ANM_ARRAY_MUL,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want = F(-3.2f, -5.3f, -1.0f, -2.52f, -6.81f, -0.66f) },
    { .op = ANM_ARRAY_REAL_DIV,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want =
          F(-0.8f, -1.325f, -0.25f, -0.28f, -0.756666667f, -0.0733333333f) },
    { .op = ANM_ARRAY_FLOOR_DIV,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want = F(-1.0f, -2.0f, -1.0f, -1.0f, -1.0f, -1.0f) },
    { .op = ANM_ARRAY_MAXIMUM,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want = F(2.0f, 2.0f, 2.0f, 0.84f, 2.27f, 0.22f) },
    { .op = ANM_ARRAY_MINIMUM,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want = F(-1.6f, -2.65f, -0.5f, -3.0f, -3.0f, -3.0f) },
    { .op = ANM_ARRAY_MOD,
      .in = IN(0, 1),
      .dims = D(2, 3),
      .want = F(0.4f, 1.35f, 1.5f, -2.16f, -0.73f, -2.78f) },
    { .op = ANM_ARRAY_SUB,
      .in = IN(1, 0),
      .dims = D(2, 3),
      .want = F(3.6f, 4.65f, 2.5f, -3.84f, -5.27f, -3.22f) },
    { .op = ANM_ARRAY_POW,
      .in = IN(0, 3),
      .dims = D(2, 3),
      .want = F(2.56f, 7.0225f, 0.25f, 0.7056f, 5.1529f, 0.0484f) },
    { .op = ANM_ARRAY_POW,
      .in = IN(2, 4),
      .dims = D(2, 3),
      .want = F(2.0238577f, 4.31388746f, 0.353553391f, 0.769872717f,
                3.42009985f, 0.103189147f) },
};

static void floats_combine_as_numpy_does(void **state)
{
    (void)state;
    TEST_ROWS(floats_given, floats_rows);
}

static const test_given comparisons_given[] = {
    [0] = { .dims = D(2, 2), .numbers = F(1.0f, 2.0f, NAN, 3.0f) },
    [1] = { .dims = D(2), .numbers = F(2.0f, 2.0f) },
    [2] = { .dtype = ANM_DTYPE_I32,
            .dims = D(2, 2),
            .numbers = I(1, -2, 3, 0) },
    [3] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(1),
            .is_constant = true },
};

static const test_row comparisons_rows[] = {
    { .op = ANM_ARRAY_EQUAL,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(0, 1, 0, 0) },
    { .op = ANM_ARRAY_NOT_EQUAL,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(1, 0, 1, 1) },
    { .op = ANM_ARRAY_LESS,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(1, 0, 0, 0) },
    { .op = ANM_ARRAY_LESS_EQUAL,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(1, 1, 0, 0) },
    { .op = ANM_ARRAY_GREATER,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(0, 0, 0, 1) },
    { .op = ANM_ARRAY_GREATER_EQUAL,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(0, 1, 0, 1) },
    { .op = ANM_ARRAY_EQUAL,
      .in = IN(2, 3),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(1, 0, 0, 0) },
    { .op = ANM_ARRAY_NOT_EQUAL,
      .in = IN(2, 3),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(0, 1, 1, 1) },
    { .op = ANM_ARRAY_LESS,
      .in = IN(2, 3),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(0, 1, 0, 1) },
    { .op = ANM_ARRAY_LESS_EQUAL,
      .in = IN(2, 3),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(1, 1, 0, 1) },
    { .op = ANM_ARRAY_GREATER,
      .in = IN(2, 3),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(0, 0, 1, 0) },
    { .op = ANM_ARRAY_GREATER_EQUAL,
      .in = IN(2, 3),
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(2, 2),
      .want = I(1, 0, 1, 0) },
};

static void comparisons_give_bools(void **state)
{
    (void)state;
    TEST_ROWS(comparisons_given, comparisons_rows);
}

static const test_given integers_given[] = {
    [0] = { .dtype = ANM_DTYPE_I32,
            .dims = D(6),
            .numbers = I(-7, -1, 0, 7, 2147483647, INT32_MIN) },
    [1] = { .dtype = ANM_DTYPE_I32,
            .dims = D(6),
            .numbers = I(2, -2, 3, -4, 1, 1) },
    [2] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(0),
            .is_constant = true },
    [3] = { .dtype = ANM_DTYPE_I32,
            .dims = D(6),
            .numbers = I(2, 3, 0, 3, 1, 1),
            .is_constant = true },
};

static const test_row integers_rows[] = {
    { .op = ANM_ARRAY_ADD,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(-5, -3, 3, 3, INT32_MIN, -2147483647) },
    { .op = ANM_ARRAY_SUB,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(-9, 1, -3, 11, 2147483646, 2147483647) },
    { .op = ANM_ARRAY_MUL,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(-14, 2, 0, -28, 2147483647, INT32_MIN) },
    { .op = ANM_ARRAY_FLOOR_DIV,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(-4, 0, 0, -2, 2147483647, INT32_MIN) },
    { .op = ANM_ARRAY_MOD,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(1, -1, 0, -1, 0, 0) },
    { .op = ANM_ARRAY_MAXIMUM,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(2, -1, 3, 7, 2147483647, 1) },
    { .op = ANM_ARRAY_MINIMUM,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(-7, -2, 0, -4, 1, INT32_MIN) },
    { .op = ANM_ARRAY_FLOOR_DIV,
      .in = IN(0, 2),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(0, 0, 0, 0, 0, 0) },
    { .op = ANM_ARRAY_MOD,
      .in = IN(0, 2),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(0, 0, 0, 0, 0, 0) },
    { .op = ANM_ARRAY_REAL_DIV,
      .in = IN(0, 1),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(-3, 0, 0, -1, 2147483647, INT32_MIN) },
    { .op = ANM_ARRAY_POW,
      .in = IN(0, 3),
      .dtype = ANM_DTYPE_I32,
      .dims = D(6),
      .want = I(49, -1, 1, 343, 2147483647, INT32_MIN) },
};

static void integers_are_exact_and_wrap(void **state)
{
    (void)state;
    TEST_ROWS(integers_given, integers_rows);
}

static void declared_small_types_wrap(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(&t, ANM_DTYPE_U8, D(2), I(200, 100));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_ADD,
                                    .in = { v0, v0 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_U8,
                                    .dims = D(2) },
                      I(144, 200));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_I8, D(2), I(100, -100));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_ADD,
                                    .in = { v1, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_I8,
                                    .dims = D(2) },
                      I(-56, 56));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void nan_passes_maximum_and_minimum(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(3), F(NAN, 1.0f, 2.0f));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(3), F(1.0f, NAN, 3.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_MAXIMUM,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(3) },
                      F(NAN, NAN, 3.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_MINIMUM,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(3) },
                      F(NAN, NAN, 2.0f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void logic_and_select(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_BOOL, D(1, 3), I(0, 1, 1));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_BOOL, D(2, 1), I(1, 0));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_LOGICAL_AND,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_BOOL,
                                    .dims = D(2, 3) },
                      I(0, 1, 1, 0, 0, 0));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_LOGICAL_OR,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_BOOL,
                                    .dims = D(2, 3) },
                      I(1, 1, 1, 0, 1, 1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_LOGICAL_XOR,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_BOOL,
                                    .dims = D(2, 3) },
                      I(1, 0, 0, 0, 1, 1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_LOGICAL_NOT,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_BOOL,
                                    .dims = D(1, 3) },
                      I(1, 0, 0));
    const anm_value_id v2 = test_arrays_in(&t, ANM_DTYPE_F32, D(2, 1),
                                           F(-1.11000001f, -1.57000005f));
    const anm_value_id v3 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(3), F(-1.0f, -2.0f, -INFINITY));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SELECT,
                                    .in = { v0, v2, v3 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3) },
                      F(-1.0f, -1.11f, -1.11f, -1.0f, -1.57f, -1.57f));
    const anm_value_id v4 = test_arrays_in(&t, ANM_DTYPE_I32, D(3), I(5, 6, 7));
    const anm_value_id v5 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(-1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SELECT,
                                    .in = { v0, v4, v5 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(1, 3) },
                      I(-1, 6, 7));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_combine_as_numpy_does),
        cmocka_unit_test(comparisons_give_bools),
        cmocka_unit_test(integers_are_exact_and_wrap),
        cmocka_unit_test(declared_small_types_wrap),
        cmocka_unit_test(nan_passes_maximum_and_minimum),
        cmocka_unit_test(logic_and_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
