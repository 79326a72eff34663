/* Arrays from numbers and shapes, bands and running sums.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static const test_given made_given[] = {
    [0] = { .dims = D(2, 3),
            .numbers = F(1.91999996f, -2.3599999f, 1.48000002f, -2.20000005f,
                         -0.660000026f, -1.67999995f) },
    [1] = { .dtype = ANM_DTYPE_I32,
            .dims = D(2),
            .numbers = I(2, 2),
            .is_constant = true },
    [2] = { .dims = SCALAR, .numbers = F(1.5f), .is_constant = true },
    [3] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(7),
            .is_constant = true },
    [4] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(1),
            .is_constant = true },
    [5] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(10),
            .is_constant = true },
    [6] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(3),
            .is_constant = true },
    [7] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(5),
            .is_constant = true },
    [8] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(0),
            .is_constant = true },
    [9] = { .dtype = ANM_DTYPE_I32,
            .dims = SCALAR,
            .numbers = I(-2),
            .is_constant = true },
    [10] = { .dims = SCALAR, .numbers = F(0.0f), .is_constant = true },
    [11] = { .dims = SCALAR, .numbers = F(2.0f), .is_constant = true },
    [12] = { .dims = SCALAR, .numbers = F(0.5f), .is_constant = true },
    [13] = { .dtype = ANM_DTYPE_I32,
             .dims = SCALAR,
             .numbers = I(3),
             .is_constant = true },
    [14] = { .dtype = ANM_DTYPE_I32,
             .dims = SCALAR,
             .numbers = I(3),
             .is_constant = true },
    [15] = { .dtype = ANM_DTYPE_I32,
             .dims = SCALAR,
             .numbers = I(1),
             .is_constant = true },
};

static const test_row made_rows[] = {
    { .op = ANM_ARRAY_SHAPE,
      .in = IN(0),
      .dtype = ANM_DTYPE_I32,
      .dims = D(2),
      .want = I(2, 3) },
    { .op = ANM_ARRAY_FILL,
      .in = IN(1, 2),
      .dims = D(2, 2),
      .want = F(1.5f, 1.5f, 1.5f, 1.5f) },
    { .op = ANM_ARRAY_FILL,
      .in = IN(1, 3),
      .dtype = ANM_DTYPE_I32,
      .dims = D(2, 2),
      .want = I(7, 7, 7, 7) },
    { .op = ANM_ARRAY_FILL_LIKE,
      .in = IN(0, 3),
      .dtype = ANM_DTYPE_I32,
      .dims = D(2, 3),
      .want = I(7, 7, 7, 7, 7, 7) },
    { .op = ANM_ARRAY_RANGE_1D,
      .in = IN(4, 5, 6),
      .dtype = ANM_DTYPE_I32,
      .dims = D(3),
      .want = I(1, 4, 7) },
    { .op = ANM_ARRAY_RANGE_1D,
      .in = IN(7, 8, 9),
      .dtype = ANM_DTYPE_I32,
      .dims = D(3),
      .want = I(5, 3, 1) },
    { .op = ANM_ARRAY_RANGE_1D,
      .in = IN(10, 11, 12),
      .dims = D(4),
      .want = F(0.0f, 0.5f, 1.0f, 1.5f) },
    { .op = ANM_ARRAY_RANGE_1D,
      .in = IN(13, 14, 15),
      .dtype = ANM_DTYPE_I32,
      .dims = D(0),
      .want = I(0) },
};

static void arrays_from_numbers_and_shapes(void **state)
{
    (void)state;
    TEST_ROWS(made_given, made_rows);
}

static const test_given bands_given[] = {
    [0] = { .dims = D(2, 3, 4),
            .numbers =
                F(2.9000001f, 1.13999999f, 4.86000013f, 1.27999997f,
                  1.69000006f, 1.67999995f, -1.21000004f, -0.140000001f,
                  2.70000005f, -0.790000021f, 0.379999995f, -0.0399999991f,
                  1.22000003f, -0.730000019f, -0.300000012f, 0.479999989f,
                  0.209999993f, -1.73000002f, 1.78999996f, -2.5999999f,
                  -2.4000001f, -2.55999994f, 1.92999995f, -0.720000029f) },
};

static const test_row bands_rows[] = {
    { .op = ANM_ARRAY_BAND_PART,
      .in = IN(0),
      .attr = { .lower = -1, .upper = -1 },
      .dims = D(2, 3, 4),
      .want = F(2.9f, 1.14f, 4.86f, 1.28f, 1.69f, 1.68f, -1.21f, -0.14f, 2.7f,
                -0.79f, 0.38f, -0.04f, 1.22f, -0.73f, -0.3f, 0.48f, 0.21f,
                -1.73f, 1.79f, -2.6f, -2.4f, -2.56f, 1.93f, -0.72f) },
    { .op = ANM_ARRAY_BAND_PART,
      .in = IN(0),
      .attr = { .lower = -1, .upper = 0 },
      .dims = D(2, 3, 4),
      .want = F(2.9f, 0.0f, 0.0f, 0.0f, 1.69f, 1.68f, 0.0f, 0.0f, 2.7f, -0.79f,
                0.38f, 0.0f, 1.22f, 0.0f, 0.0f, 0.0f, 0.21f, -1.73f, 0.0f, 0.0f,
                -2.4f, -2.56f, 1.93f, 0.0f) },
    { .op = ANM_ARRAY_BAND_PART,
      .in = IN(0),
      .attr = { .lower = 0, .upper = -1 },
      .dims = D(2, 3, 4),
      .want = F(2.9f, 1.14f, 4.86f, 1.28f, 0.0f, 1.68f, -1.21f, -0.14f, 0.0f,
                0.0f, 0.38f, -0.04f, 1.22f, -0.73f, -0.3f, 0.48f, 0.0f, -1.73f,
                1.79f, -2.6f, 0.0f, 0.0f, 1.93f, -0.72f) },
    { .op = ANM_ARRAY_BAND_PART,
      .in = IN(0),
      .attr = { .lower = 1, .upper = 2 },
      .dims = D(2, 3, 4),
      .want = F(2.9f, 1.14f, 4.86f, 0.0f, 1.69f, 1.68f, -1.21f, -0.14f, 0.0f,
                -0.79f, 0.38f, -0.04f, 1.22f, -0.73f, -0.3f, 0.0f, 0.21f,
                -1.73f, 1.79f, -2.6f, 0.0f, -2.56f, 1.93f, -0.72f) },
    { .op = ANM_ARRAY_BAND_PART,
      .in = IN(0),
      .attr = { .lower = 0, .upper = 0 },
      .dims = D(2, 3, 4),
      .want = F(2.9f, 0.0f, 0.0f, 0.0f, 0.0f, 1.68f, 0.0f, 0.0f, 0.0f, 0.0f,
                0.38f, 0.0f, 1.22f, 0.0f, 0.0f, 0.0f, 0.0f, -1.73f, 0.0f, 0.0f,
                0.0f, 0.0f, 1.93f, 0.0f) },
};

static void bands_of_a_matrix(void **state)
{
    (void)state;
    TEST_ROWS(bands_given, bands_rows);
}

static const test_given sums_given[] = {
    [0] = { .dims = D(2, 3, 2),
            .numbers = F(-1.0f, 1.0f, 0.0f, 2.0f, 3.0f, -1.0f, -1.0f, 0.0f,
                         1.0f, 0.0f, 1.0f, 3.0f) },
    [1] = { .dtype = ANM_DTYPE_I32, .dims = D(1, 4), .numbers = I(1, 0, 1, 1) },
};

static const test_row sums_rows[] = {
    { .op = ANM_ARRAY_CUMSUM,
      .in = IN(0),
      .dims = D(2, 3, 2),
      .want = F(-1.0f, 1.0f, 0.0f, 2.0f, 3.0f, -1.0f, -2.0f, 1.0f, 1.0f, 2.0f,
                4.0f, 2.0f) },
    { .op = ANM_ARRAY_CUMSUM,
      .in = IN(0),
      .attr = { .axis = 1, .flags = ANM_ARRAY_EXCLUSIVE },
      .dims = D(2, 3, 2),
      .want = F(0.0f, 0.0f, -1.0f, 1.0f, -1.0f, 3.0f, 0.0f, 0.0f, -1.0f, 0.0f,
                0.0f, 0.0f) },
    { .op = ANM_ARRAY_CUMSUM,
      .in = IN(0),
      .attr = { .axis = -1, .flags = ANM_ARRAY_REVERSE_ORDER },
      .dims = D(2, 3, 2),
      .want = F(0.0f, 1.0f, 2.0f, 2.0f, 2.0f, -1.0f, -1.0f, 0.0f, 1.0f, 0.0f,
                4.0f, 3.0f) },
    { .op = ANM_ARRAY_CUMSUM,
      .in = IN(0),
      .attr = { .axis = 1,
                .flags = ANM_ARRAY_EXCLUSIVE | ANM_ARRAY_REVERSE_ORDER },
      .dims = D(2, 3, 2),
      .want = F(3.0f, 1.0f, 3.0f, -1.0f, 0.0f, 0.0f, 2.0f, 3.0f, 1.0f, 3.0f,
                0.0f, 0.0f) },
    { .op = ANM_ARRAY_CUMSUM,
      .in = IN(1),
      .attr = { .axis = 1 },
      .dtype = ANM_DTYPE_I32,
      .dims = D(1, 4),
      .want = I(1, 1, 2, 3) },
};

static void running_sums(void **state)
{
    (void)state;
    TEST_ROWS(sums_given, sums_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_from_numbers_and_shapes),
        cmocka_unit_test(bands_of_a_matrix),
        cmocka_unit_test(running_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
