/* Elements picked and placed by index, and indices that are made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static const test_given lookups_given[] = {
    [0] = { .dims = D(5, 2, 3),
            .numbers = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f,
                         17.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f, 24.0f,
                         25.0f, 26.0f, 27.0f, 28.0f, 29.0f) },
    [1] = { .dims = D(5, 2, 3),
            .numbers = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f,
                         17.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f, 24.0f,
                         25.0f, 26.0f, 27.0f, 28.0f, 29.0f),
            .is_constant = true },
    [2] = { .dtype = ANM_DTYPE_I32, .dims = D(2, 2), .numbers = I(0, 4, 2, 2) },
    [3] = { .dtype = ANM_DTYPE_I32, .dims = D(3), .numbers = I(1, 0, 1) },
    [4] = { .dtype = ANM_DTYPE_I32, .dims = D(3), .numbers = I(-1, -5, 0) },
    [5] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(1),
            .is_constant = true },
    [6] = { .dims = D(2, 3, 4),
            .numbers = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f,
                         17.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    [7] = { .dtype = ANM_DTYPE_I32, .dims = D(2, 2), .numbers = I(2, 0, 1, 1) },
};

static const test_row lookups_rows[] = {
    { .op = ANM_ARRAY_GATHER,
      .in = IN(0, 2),
      .dims = D(2, 2, 2, 3),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 24.0f, 25.0f, 26.0f, 27.0f,
                28.0f, 29.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 12.0f,
                13.0f, 14.0f, 15.0f, 16.0f, 17.0f) },
    { .op = ANM_ARRAY_GATHER,
      .in = IN(1, 2),
      .dims = D(2, 2, 2, 3),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 24.0f, 25.0f, 26.0f, 27.0f,
                28.0f, 29.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 12.0f,
                13.0f, 14.0f, 15.0f, 16.0f, 17.0f) },
    { .op = ANM_ARRAY_GATHER,
      .in = IN(1, 4),
      .attr = { .flags = ANM_ARRAY_WRAP_INDEX },
      .dims = D(3, 2, 3),
      .want = F(24.0f, 25.0f, 26.0f, 27.0f, 28.0f, 29.0f, 0.0f, 1.0f, 2.0f,
                3.0f, 4.0f, 5.0f, 0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f) },
    { .op = ANM_ARRAY_GATHER,
      .in = IN(0, 3),
      .attr = { .axis = 1 },
      .dims = D(5, 3, 3),
      .want = F(3.0f, 4.0f, 5.0f, 0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 9.0f,
                10.0f, 11.0f, 6.0f, 7.0f, 8.0f, 9.0f, 10.0f, 11.0f, 15.0f,
                16.0f, 17.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 21.0f,
                22.0f, 23.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f, 27.0f,
                28.0f, 29.0f, 24.0f, 25.0f, 26.0f, 27.0f, 28.0f, 29.0f) },
    { .op = ANM_ARRAY_GATHER, // of what others look up along the first axis
      .in = IN(1, 3),
      .attr = { .axis = 1 },
      .dims = D(5, 3, 3),
      .want = F(3.0f, 4.0f, 5.0f, 0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 9.0f,
                10.0f, 11.0f, 6.0f, 7.0f, 8.0f, 9.0f, 10.0f, 11.0f, 15.0f,
                16.0f, 17.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 21.0f,
                22.0f, 23.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f, 27.0f,
                28.0f, 29.0f, 24.0f, 25.0f, 26.0f, 27.0f, 28.0f, 29.0f) },
    { .op = ANM_ARRAY_GATHER,
      .in = IN(0, 3),
      .attr = { .axis = -1 },
      .dims = D(5, 2, 3),
      .want = F(1.0f, 0.0f, 1.0f, 4.0f, 3.0f, 4.0f, 7.0f, 6.0f, 7.0f, 10.0f,
                9.0f, 10.0f, 13.0f, 12.0f, 13.0f, 16.0f, 15.0f, 16.0f, 19.0f,
                18.0f, 19.0f, 22.0f, 21.0f, 22.0f, 25.0f, 24.0f, 25.0f, 28.0f,
                27.0f, 28.0f) },
    { .op = ANM_ARRAY_GATHER,
      .in = IN(0, 5),
      .attr = { .axis = 1 },
      .dims = D(5, 3),
      .want = F(3.0f, 4.0f, 5.0f, 9.0f, 10.0f, 11.0f, 15.0f, 16.0f, 17.0f,
                21.0f, 22.0f, 23.0f, 27.0f, 28.0f, 29.0f) },
    { .op = ANM_ARRAY_GATHER,
      .in = IN(6, 7),
      .attr = { .axis = 1, .batch_dims = 1 },
      .dims = D(2, 2, 4),
      .want = F(8.0f, 9.0f, 10.0f, 11.0f, 0.0f, 1.0f, 2.0f, 3.0f, 16.0f, 17.0f,
                18.0f, 19.0f, 16.0f, 17.0f, 18.0f, 19.0f) },
    { .op = ANM_ARRAY_GATHER,
      .in = IN(6, 7),
      .attr = { .axis = 2, .batch_dims = 1 },
      .dims = D(2, 3, 2),
      .want = F(2.0f, 0.0f, 6.0f, 4.0f, 10.0f, 8.0f, 13.0f, 13.0f, 17.0f, 17.0f,
                21.0f, 21.0f) },
};

static void rows_are_looked_up(void **state)
{
    (void)state;
    TEST_ROWS(lookups_given, lookups_rows);
}

static void elements_are_looked_up_along_an_axis(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(3, 4),
                       F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_I32, D(2, 4), I(0, 2, 1, 0, 2, 2, 0, 1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_GATHER_ALONG_AXIS,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 4) },
                      F(0.0f, 9.0f, 6.0f, 3.0f, 8.0f, 9.0f, 2.0f, 7.0f));
    const anm_value_id v2 =
        test_arrays_in(&t, ANM_DTYPE_I32, D(3, 2), I(3, -1, 0, 1, 2, 2));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_GATHER_ALONG_AXIS,
                      .in = { v0, v2 },
                      .n = 2,
                      .attr = { .axis = -1, .flags = ANM_ARRAY_WRAP_INDEX },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(3, 2) },
        F(3.0f, 3.0f, 4.0f, 5.0f, 10.0f, 10.0f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void several_indices_name_a_place(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 3, 4),
                       F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f,
                         17.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_I32, D(2, 2), I(0, 2, 1, 0));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_GATHER_ND,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 4) },
                      F(8.0f, 9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f));
    const anm_value_id v2 =
        test_arrays_in(&t, ANM_DTYPE_I32, D(2, 2, 1), I(1, 0, 2, 2));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_GATHER_ND,
                                    .in = { v0, v2 },
                                    .n = 2,
                                    .attr = { .batch_dims = 1 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 2, 4) },
                      F(4.0f, 5.0f, 6.0f, 7.0f, 0.0f, 1.0f, 2.0f, 3.0f, 20.0f,
                        21.0f, 22.0f, 23.0f, 20.0f, 21.0f, 22.0f, 23.0f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static const test_given scatters_given[] = {
    [0] = { .dims = D(4, 2),
            .numbers = F(0.449999988f, -2.22000003f, 2.33999991f, 1.42999995f,
                         -4.0f, 0.540000021f, -2.20000005f, 0.0700000003f) },
    [1] = { .dtype = ANM_DTYPE_I32, .dims = D(2), .numbers = I(2, 0) },
    [2] = { .dims = D(2, 2),
            .numbers = F(5.09000015f, 1.01999998f, 4.53000021f, 4.48999977f) },
    [3] = { .dtype = ANM_DTYPE_I32, .dims = D(2, 1), .numbers = I(2, 0) },
    [4] = { .dtype = ANM_DTYPE_I32, .dims = D(2, 2), .numbers = I(1, 0, 1, 3) },
    [5] = { .dtype = ANM_DTYPE_I32, .dims = D(3), .numbers = I(1, 2, 3) },
    [6] = { .dtype = ANM_DTYPE_I32, .dims = D(3), .numbers = I(0, 0, 2) },
    [7] = { .dtype = ANM_DTYPE_I32, .dims = D(3), .numbers = I(5, 6, 7) },
};

static const test_row scatters_rows[] = {
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_UPDATE },
      .dims = D(4, 2),
      .want = F(4.53000021f, 4.48999977f, 2.33999991f, 1.42999995f, 5.09000015f,
                1.01999998f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_ADD },
      .dims = D(4, 2),
      .want = F(4.9800002f, 2.26999974f, 2.33999991f, 1.42999995f, 1.09000015f,
                1.56f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_SUB },
      .dims = D(4, 2),
      .want = F(-4.08000022f, -6.7099998f, 2.33999991f, 1.42999995f,
                -9.09000015f, -0.479999959f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_MUL },
      .dims = D(4, 2),
      .want = F(2.03850004f, -9.96779962f, 2.33999991f, 1.42999995f,
                -20.3600006f, 0.550800012f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_DIV },
      .dims = D(4, 2),
      .want = F(0.0993377411f, -0.494432103f, 2.33999991f, 1.42999995f,
                -0.785854593f, 0.529411796f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_MAX },
      .dims = D(4, 2),
      .want = F(4.53000021f, 4.48999977f, 2.33999991f, 1.42999995f, 5.09000015f,
                1.01999998f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_MIN },
      .dims = D(4, 2),
      .want = F(0.449999988f, -2.22000003f, 2.33999991f, 1.42999995f, -4.0f,
                0.540000021f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER_ND,
      .in = IN(0, 3, 2),
      .attr = { .mode = ANM_ARRAY_MODE_UPDATE },
      .dims = D(4, 2),
      .want = F(4.53000021f, 4.48999977f, 2.33999991f, 1.42999995f, 5.09000015f,
                1.01999998f, -2.20000005f, 0.0700000003f) },
    { .op = ANM_ARRAY_SCATTER_ALONG_AXIS,
      .in = IN(0, 4, 2),
      .attr = { .mode = ANM_ARRAY_MODE_ADD },
      .dims = D(4, 2),
      .want = F(0.449999988f, -1.20000005f, 11.9600003f, 1.42999995f, -4.0f,
                0.540000021f, -2.20000005f, 4.55999977f) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(5, 6, 7),
      .attr = { .mode = ANM_ARRAY_MODE_ADD },
      .dtype = ANM_DTYPE_I32,
      .dims = D(3),
      .want = I(12, 2, 10) },
    { .op = ANM_ARRAY_SCATTER,
      .in = IN(5, 6, 7),
      .attr = { .mode = ANM_ARRAY_MODE_UPDATE },
      .dtype = ANM_DTYPE_I32,
      .dims = D(3),
      .want = I(6, 2, 7) },
};

static void scatter_merges_in_each_mode(void **state)
{
    (void)state;
    TEST_ROWS(scatters_given, scatters_rows);
}

static void one_hot_marks_indices_in_range(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_I32, D(2, 2), I(0, 2, 3, -1));
    const anm_value_id v1 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(3));
    const anm_value_id v2 =
        test_arrays_const(&t, ANM_DTYPE_F32, SCALAR, F(2.0f));
    const anm_value_id v3 =
        test_arrays_const(&t, ANM_DTYPE_F32, SCALAR, F(-1.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_ONE_HOT,
                                    .in = { v0, v1, v2, v3 },
                                    .n = 4,
                                    .attr = { .axis = -1 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 2, 3) },
                      F(2.0f, -1.0f, -1.0f, -1.0f, -1.0f, 2.0f, -1.0f, -1.0f,
                        -1.0f, -1.0f, -1.0f, -1.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_ONE_HOT,
                                    .in = { v0, v1, v2, v3 },
                                    .n = 4,
                                    .attr = { .axis = 0 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(3, 2, 2) },
                      F(2.0f, -1.0f, -1.0f, -1.0f, -1.0f, -1.0f, -1.0f, -1.0f,
                        -1.0f, 2.0f, -1.0f, -1.0f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void the_places_of_what_is_not_zero(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 2), F(0.0f, 1.5f, 0.0f, -2.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_NON_ZERO,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(2, 2) },
                      I(0, 1, 1, 1));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2), F(0.0f, 0.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_NON_ZERO,
                                    .in = { v1 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(0, 1) },
                      I(0));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void indices_outside_fail_the_call(void **state)
{
    static const struct {
        int32_t index;
        unsigned flags;
        const char *words;
    } cases[] = {
        { 5, 0, "v2: gather: index 5 into an axis of 5" },
        { -1, 0, "v2: gather: index -1 into an axis of 5" },
        { -6, ANM_ARRAY_WRAP_INDEX, "index -6 into an axis of 5" },
        { INT32_MIN, ANM_ARRAY_WRAP_INDEX, "index -2147483648" },
    };
    const float table[5] = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_arrays t;

        test_arrays_init(&t);
        const anm_value_id x =
            test_arrays_const(&t, ANM_DTYPE_F32, D(5), table);
        const anm_value_id ix =
            test_arrays_in(&t, ANM_DTYPE_I32, D(1), &cases[i].index);
        test_arrays_gives(&t,
                          &(test_node){ .op = ANM_ARRAY_GATHER,
                                        .in = { x, ix },
                                        .n = 2,
                                        .attr = { .flags = cases[i].flags },
                                        .dtype = ANM_DTYPE_F32,
                                        .dims = D(1) },
                          table);
        test_arrays_fails(&t, ANM_E_ARG, cases[i].words);
        test_arrays_deinit(&t);
    }
}

/* A node with two outputs. */
static void the_best_of_an_axis_come_with_their_places(void **state)
{
    static const float x[] = { 3, 1, NAN, 1, 2, 0, 5, 5, -1, 4 };
    static const float best[] = { NAN, 3, 5, 5 };
    static const int32_t places[] = { 2, 0, 1, 2 };
    const anm_array_type type = { ANM_DTYPE_F32, 2, { 2, 2 } };
    const anm_array_type ints = { ANM_DTYPE_I32, 2, { 2, 2 } };
    const anm_array_result results[] = { { "best", type }, { "at", ints } };
    const anm_array_attr attr = { .axis = -1, .k = 2 };
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v = test_arrays_in(&t, ANM_DTYPE_F32, D(2, 5), x);
    const anm_value_id first = anm_arrays_add(t.program, ANM_ARRAY_TOPK, "topk",
                                              &v, 1, &attr, results, 2);
    test_arrays_expect(&t, first, D(2, 2), best);
    test_arrays_expect(&t, first + 1, D(2, 2), places);
    test_arrays_gives(
        &t,
        &(test_node){
            .op = ANM_ARRAY_TOPK,
            .in = { v },
            .n = 1,
            .attr = { .axis = 0, .k = 1, .flags = ANM_ARRAY_ASCENDING },
            .dtype = ANM_DTYPE_F32,
            .dims = D(1, 5) },
        F(0, 1, 5, -1, 2));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_looked_up),
        cmocka_unit_test(elements_are_looked_up_along_an_axis),
        cmocka_unit_test(several_indices_name_a_place),
        cmocka_unit_test(scatter_merges_in_each_mode),
        cmocka_unit_test(one_hot_marks_indices_in_range),
        cmocka_unit_test(the_places_of_what_is_not_zero),
        cmocka_unit_test(indices_outside_fail_the_call),
        cmocka_unit_test(the_best_of_an_axis_come_with_their_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
