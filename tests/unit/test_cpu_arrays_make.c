/* Arrays from numbers and shapes, bands and running sums.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static void arrays_from_numbers_and_shapes(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 3),
                       F(1.91999996f, -2.3599999f, 1.48000002f, -2.20000005f,
                         -0.660000026f, -1.67999995f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SHAPE,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(2) },
                      I(2, 3));
    const anm_value_id v1 = test_arrays_const(&t, ANM_DTYPE_I32, D(2), I(2, 2));
    const anm_value_id v2 =
        test_arrays_const(&t, ANM_DTYPE_F32, SCALAR, F(1.5f));
    const anm_value_id v3 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(7));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_FILL,
                                    .in = { v1, v2 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 2) },
                      F(1.5f, 1.5f, 1.5f, 1.5f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_FILL,
                                    .in = { v1, v3 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(2, 2) },
                      I(7, 7, 7, 7));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_FILL_LIKE,
                                    .in = { v0, v3 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(2, 3) },
                      I(7, 7, 7, 7, 7, 7));
    const anm_value_id v4 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(1));
    const anm_value_id v5 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(10));
    const anm_value_id v6 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(3));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_RANGE_1D,
                                    .in = { v4, v5, v6 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(1, 4, 7));
    const anm_value_id v7 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(5));
    const anm_value_id v8 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(0));
    const anm_value_id v9 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(-2));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_RANGE_1D,
                                    .in = { v7, v8, v9 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(5, 3, 1));
    const anm_value_id v10 =
        test_arrays_const(&t, ANM_DTYPE_F32, SCALAR, F(0.0f));
    const anm_value_id v11 =
        test_arrays_const(&t, ANM_DTYPE_F32, SCALAR, F(2.0f));
    const anm_value_id v12 =
        test_arrays_const(&t, ANM_DTYPE_F32, SCALAR, F(0.5f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_RANGE_1D,
                                    .in = { v10, v11, v12 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(4) },
                      F(0.0f, 0.5f, 1.0f, 1.5f));
    const anm_value_id v13 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(3));
    const anm_value_id v14 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(3));
    const anm_value_id v15 = test_arrays_const(&t, ANM_DTYPE_I32, SCALAR, I(1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_RANGE_1D,
                                    .in = { v13, v14, v15 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(0) },
                      I(0));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void bands_of_a_matrix(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(2, 3, 4),
        F(2.9000001f, 1.13999999f, 4.86000013f, 1.27999997f, 1.69000006f,
          1.67999995f, -1.21000004f, -0.140000001f, 2.70000005f, -0.790000021f,
          0.379999995f, -0.0399999991f, 1.22000003f, -0.730000019f,
          -0.300000012f, 0.479999989f, 0.209999993f, -1.73000002f, 1.78999996f,
          -2.5999999f, -2.4000001f, -2.55999994f, 1.92999995f, -0.720000029f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_BAND_PART,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .lower = -1, .upper = -1 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 4) },
                      F(2.9f, 1.14f, 4.86f, 1.28f, 1.69f, 1.68f, -1.21f, -0.14f,
                        2.7f, -0.79f, 0.38f, -0.04f, 1.22f, -0.73f, -0.3f,
                        0.48f, 0.21f, -1.73f, 1.79f, -2.6f, -2.4f, -2.56f,
                        1.93f, -0.72f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_BAND_PART,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .lower = -1, .upper = 0 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 4) },
                      F(2.9f, 0.0f, 0.0f, 0.0f, 1.69f, 1.68f, 0.0f, 0.0f, 2.7f,
                        -0.79f, 0.38f, 0.0f, 1.22f, 0.0f, 0.0f, 0.0f, 0.21f,
                        -1.73f, 0.0f, 0.0f, -2.4f, -2.56f, 1.93f, 0.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_BAND_PART,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .lower = 0, .upper = -1 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 4) },
                      F(2.9f, 1.14f, 4.86f, 1.28f, 0.0f, 1.68f, -1.21f, -0.14f,
                        0.0f, 0.0f, 0.38f, -0.04f, 1.22f, -0.73f, -0.3f, 0.48f,
                        0.0f, -1.73f, 1.79f, -2.6f, 0.0f, 0.0f, 1.93f, -0.72f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_BAND_PART,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .lower = 1, .upper = 2 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 4) },
                      F(2.9f, 1.14f, 4.86f, 0.0f, 1.69f, 1.68f, -1.21f, -0.14f,
                        0.0f, -0.79f, 0.38f, -0.04f, 1.22f, -0.73f, -0.3f, 0.0f,
                        0.21f, -1.73f, 1.79f, -2.6f, 0.0f, -2.56f, 1.93f,
                        -0.72f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_BAND_PART,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .lower = 0, .upper = 0 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 4) },
                      F(2.9f, 0.0f, 0.0f, 0.0f, 0.0f, 1.68f, 0.0f, 0.0f, 0.0f,
                        0.0f, 0.38f, 0.0f, 1.22f, 0.0f, 0.0f, 0.0f, 0.0f,
                        -1.73f, 0.0f, 0.0f, 0.0f, 0.0f, 1.93f, 0.0f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void running_sums(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 3, 2),
                       F(-1.0f, 1.0f, 0.0f, 2.0f, 3.0f, -1.0f, -1.0f, 0.0f,
                         1.0f, 0.0f, 1.0f, 3.0f));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_I32, D(1, 4), I(1, 0, 1, 1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_CUMSUM,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 2) },
                      F(-1.0f, 1.0f, 0.0f, 2.0f, 3.0f, -1.0f, -2.0f, 1.0f, 1.0f,
                        2.0f, 4.0f, 2.0f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_CUMSUM,
                      .in = { v0 },
                      .n = 1,
                      .attr = { .axis = 1, .flags = ANM_ARRAY_EXCLUSIVE },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 2) },
        F(0.0f, 0.0f, -1.0f, 1.0f, -1.0f, 3.0f, 0.0f, 0.0f, -1.0f, 0.0f, 0.0f,
          0.0f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_CUMSUM,
                      .in = { v0 },
                      .n = 1,
                      .attr = { .axis = -1, .flags = ANM_ARRAY_REVERSE_ORDER },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 2) },
        F(0.0f, 1.0f, 2.0f, 2.0f, 2.0f, -1.0f, -1.0f, 0.0f, 1.0f, 0.0f, 4.0f,
          3.0f));
    test_arrays_gives(
        &t,
        &(test_node){
            .op = ANM_ARRAY_CUMSUM,
            .in = { v0 },
            .n = 1,
            .attr = { .axis = 1,
                      .flags = ANM_ARRAY_EXCLUSIVE | ANM_ARRAY_REVERSE_ORDER },
            .dtype = ANM_DTYPE_F32,
            .dims = D(2, 3, 2) },
        F(3.0f, 1.0f, 3.0f, -1.0f, 0.0f, 0.0f, 2.0f, 3.0f, 1.0f, 3.0f, 0.0f,
          0.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_CUMSUM,
                                    .in = { v1 },
                                    .n = 1,
                                    .attr = { .axis = 1 },
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(1, 4) },
                      I(1, 1, 2, 3));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
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
