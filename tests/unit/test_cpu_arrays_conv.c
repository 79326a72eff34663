/* Convolutions: pointwise ones as products, the others tap by tap.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static const test_given pointwise_given[] = {
    [0] = { .dims = D(2, 4, 1, 5),
            .numbers = F(
                -0.100000001f, -0.800000012f, 0.899999976f, 1.5f, -1.5f,
                0.800000012f, 0.200000003f, 0.200000003f, 2.5f, 1.20000005f,
                0.300000012f, 0.200000003f, -2.20000005f, 0.800000012f,
                -0.699999988f, 0.200000003f, 0.100000001f, 1.0f, 2.0f, 1.0f,
                1.29999995f, -0.200000003f, 0.5f, 0.800000012f, -1.39999998f,
                2.0f, -0.699999988f, -1.29999995f, 1.60000002f, 2.0999999f,
                -0.699999988f, -0.600000024f, 3.0999999f, 0.100000001f, -2.0f,
                -0.600000024f, 2.0f, 0.699999988f, 0.800000012f, 1.20000005f) },
    [1] = { .dims = D(3, 4, 1, 1),
            .numbers =
                F(0.699999988f, -0.300000012f, -1.60000002f, 0.400000006f,
                  -1.10000002f, -0.100000001f, 1.79999995f, 0.5f, 0.100000001f,
                  0.100000001f, 0.699999988f, 0.899999976f),
            .is_constant = true },
    [2] = { .dims = D(3),
            .numbers = F(-1.29999995f, 0.200000003f, 1.70000005f),
            .is_constant = true },
    [3] = { .dims = D(1, 3, 5, 4),
            .numbers =
                F(0.800000012f, -0.800000012f, -0.699999988f, -2.0999999f,
                  -0.800000012f, 1.60000002f, -0.100000001f, -0.899999976f,
                  -0.600000024f, -0.100000001f, -0.100000001f, -0.400000006f,
                  -0.800000012f, 0.600000024f, 1.5f, -0.600000024f, -0.5f,
                  1.20000005f, -1.5f, -0.600000024f, -0.400000006f,
                  0.200000003f, -0.300000012f, -0.899999976f, 0.300000012f,
                  -1.20000005f, -1.70000005f, -2.0f, 0.699999988f, -1.70000005f,
                  0.400000006f, 0.699999988f, 0.800000012f, -0.200000003f,
                  -0.5f, 0.100000001f, -0.600000024f, -1.29999995f, 1.29999995f,
                  -0.899999976f, 1.79999995f, 0.5f, -0.5f, 0.400000006f,
                  1.20000005f, -1.39999998f, -0.899999976f, -1.0f, 0.200000003f,
                  0.400000006f, 0.0f, -0.699999988f, -0.5f, 1.20000005f,
                  1.10000002f, 0.100000001f, -1.29999995f, 0.600000024f,
                  0.300000012f, 0.300000012f) },
    [4] = { .dims = D(2, 3, 1, 1),
            .numbers = F(0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f),
            .is_constant = true },
};

static const test_row pointwise_rows[] = {
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 1, 2),
      .dims = D(2, 3, 1, 5),
      .want = F(-2.01000002f, -2.20000001f, 3.19000006f, -1.48000002f,
                -1.19000003f, 0.870000023f, 1.47000002f, -4.27000006f,
                0.740000021f, 0.970000017f, 2.16000001f, 1.87f, 1.16999996f,
                4.46000001f, 2.08000001f, -0.110000062f, 0.530000032f,
                -5.23999987f, -1.06f, 0.770000064f, -2.98999994f, 0.409999959f,
                5.70999982f, -0.260000007f, -1.46999999f, 0.999999982f,
                2.98999998f, 4.41999993f, 2.73000002f, 1.45000004f) },
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 1),
      .attr = { .pad_type = ANM_ARRAY_PAD_SAME },
      .dims = D(2, 3, 1, 5),
      .want =
          F(-0.710000023f, -0.900000013f, 4.49000006f, -0.180000019f,
            0.109999967f, 0.670000023f, 1.27000002f, -4.47000006f, 0.540000021f,
            0.770000017f, 0.460000012f, 0.170000003f, -0.530000035f,
            2.76000001f, 0.380000013f, 1.18999994f, 1.83000003f, -3.93999987f,
            0.240000004f, 2.07000006f, -3.18999994f, 0.209999959f, 5.50999982f,
            -0.460000007f, -1.66999999f, -0.700000018f, 1.28999998f,
            2.71999993f, 1.03000002f, -0.249999964f) },
    { .op = ANM_ARRAY_CONV,
      .in = IN(3, 4),
      .attr = { .strides = { 2, 2 } },
      .dims = D(1, 2, 3, 2),
      .want = F(1.1f, -0.75f, 0.15f, 0.15f, -1.2f, 0.05f, 1.1f, -0.75f, 0.15f,
                0.15f, -1.2f, 0.05f) },
};

static void pointwise_ones_are_products(void **state)
{
    (void)state;
    TEST_ROWS(pointwise_given, pointwise_rows);
}

static const test_given windows_given[] = {
    [0] = { .dims = D(1, 2, 5, 4),
            .numbers =
                F(0.899999976f, -0.100000001f, -0.899999976f, 0.300000012f,
                  1.60000002f, 0.400000006f, -1.10000002f, -0.200000003f,
                  -0.400000006f, 0.200000003f, 1.10000002f, 2.0999999f,
                  0.300000012f, -0.300000012f, 0.200000003f, 0.100000001f,
                  -0.300000012f, 0.100000001f, 0.100000001f, -1.10000002f,
                  0.600000024f, -0.300000012f, -0.899999976f, 0.600000024f,
                  -0.400000006f, 1.79999995f, 0.600000024f, 0.200000003f,
                  -0.699999988f, -0.300000012f, 0.899999976f, -0.600000024f,
                  0.800000012f, -2.0f, 0.300000012f, 0.899999976f, 0.400000006f,
                  0.100000001f, 1.10000002f, -0.800000012f) },
    [1] = { .dims = D(2, 2, 3, 2),
            .numbers =
                F(-0.899999976f, 0.200000003f, 1.29999995f, 0.5f, -0.100000001f,
                  0.400000006f, 0.5f, -1.20000005f, -2.70000005f, -1.0f,
                  -1.39999998f, -0.5f, -1.10000002f, -0.800000012f, 0.5f,
                  0.200000003f, 0.100000001f, 1.70000005f, -0.400000006f,
                  -0.300000012f, 1.39999998f, -1.0f, -1.5f, 1.39999998f),
            .is_constant = true },
    [2] = { .dims = D(2),
            .numbers = F(0.400000006f, 0.699999988f),
            .is_constant = true },
    [3] = { .dims = D(2, 1, 3, 3),
            .numbers =
                F(0.699999988f, 1.0f, -0.400000006f, 0.0f, -1.0f, 0.200000003f,
                  0.300000012f, -0.300000012f, 0.800000012f, 3.0999999f, -1.0f,
                  0.899999976f, 1.10000002f, 1.20000005f, -0.699999988f,
                  1.29999995f, 0.800000012f, 0.0f),
            .is_constant = true },
};

static const test_row windows_rows[] = {
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 1, 2),
      .dims = D(1, 2, 3, 3),
      .want =
          F(3.04f, -3.86f, -3.48f, -1.82f, 3.48f, 1.21f, 0.35f, 3.36f, -1.99f,
            -0.91f, 7.42f, 3.17f, -7.08f, 2.97f, 5.6f, 4.24f, -2.19f, -7.36f) },
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 1),
      .attr = { .pad_type = ANM_ARRAY_PAD_CUSTOM,
                .pads = { 1, 2, 0, 1 },
                .strides = { 2, 1 } },
      .dims = D(1, 2, 3, 4),
      .want = F(-0.54f, -2.17f, -0.1f, -1.49f, -2.22f, 3.08f, 0.81f, 3.36f,
                0.95f, -2.24f, -3.68f, 1.09f, 5.53f, -3.44f, -3.32f, 0.67f,
                -7.78f, 2.27f, 4.9f, -0.99f, 0.52f, -0.01f, 1.48f, -2.14f) },
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 1),
      .attr = { .pad_type = ANM_ARRAY_PAD_SAME },
      .dims = D(1, 2, 5, 4),
      .want = F(-0.54f, -2.17f, -0.1f, -1.49f, 2.64f, -4.26f, -3.88f, -0.14f,
                -2.22f, 3.08f, 0.81f, 3.36f, -0.05f, 2.96f, -2.39f, -3.26f,
                0.95f, -2.24f, -3.68f, 1.09f, 5.53f, -3.44f, -3.32f, 0.67f,
                -1.61f, 6.72f, 2.47f, 0.72f, -7.78f, 2.27f, 4.9f, -0.99f, 3.54f,
                -2.89f, -8.06f, 0.33f, 0.52f, -0.01f, 1.48f, -2.14f) },
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 1),
      .attr = { .pad_type = ANM_ARRAY_PAD_SAME_LOWER },
      .dims = D(1, 2, 5, 4),
      .want = F(0.69f, -0.54f, -2.17f, -0.1f, 0.85f, 2.64f, -4.26f, -3.88f,
                1.02f, -2.22f, 3.08f, 0.81f, -0.21f, -0.05f, 2.96f, -2.39f,
                -1.45f, 0.95f, -2.24f, -3.68f, 1.74f, 5.53f, -3.44f, -3.32f,
                -1.84f, -1.61f, 6.72f, 2.47f, 1.09f, -7.78f, 2.27f, 4.9f,
                -0.16f, 3.54f, -2.89f, -8.06f, -0.94f, 0.52f, -0.01f, 1.48f) },
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 1),
      .attr = { .dilations = { 2, 3 } },
      .dims = D(1, 2, 1, 1),
      .want = F(1.28f, -5.43f) },
    { .op = ANM_ARRAY_CONV,
      .in = IN(0, 3),
      .attr = { .groups = 2 },
      .dims = D(1, 2, 3, 2),
      .want = F(0.97f, 1.38f, 2.32f, -1.49f, -0.22f, -0.66f, 1.5f, 3.4f, -4.82f,
                3.97f, -2.19f, -3.83f) },
};

static void windows_strides_pads_and_groups(void **state)
{
    (void)state;
    TEST_ROWS(windows_given, windows_rows);
}

static void one_and_three_spatial_axes(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(1, 2, 6),
        F(-0.200000003f, 0.400000006f, 1.10000002f, 1.0f, 2.4000001f,
          -0.200000003f, 0.800000012f, -0.300000012f, 0.899999976f,
          0.300000012f, -0.400000006f, -1.20000005f));
    const anm_value_id v1 = test_arrays_const(
        &t, ANM_DTYPE_F32, D(2, 2, 3),
        F(-0.600000024f, 0.400000006f, 1.60000002f, 0.899999976f, -1.0f,
          -0.300000012f, 0.200000003f, 0.0f, 0.200000003f, 0.899999976f,
          0.300000012f, -0.600000024f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_CONV,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .attr = { .strides = { 2 } },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(1, 2, 2) },
                      F(2.79f, 4.21f, 0.27f, 1.84f));
    const anm_value_id v2 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(1, 2, 2, 3, 2),
        F(-1.79999995f, -0.300000012f, -1.60000002f, -0.100000001f,
          0.400000006f, -1.29999995f, -0.100000001f, -0.300000012f, 1.89999998f,
          0.400000006f, -1.89999998f, 0.400000006f, 0.400000006f, -0.200000003f,
          -0.400000006f, 0.600000024f, 0.600000024f, 0.400000006f, -1.10000002f,
          -0.300000012f, -1.60000002f, -1.60000002f, -0.600000024f,
          -1.10000002f));
    const anm_value_id v3 = test_arrays_const(
        &t, ANM_DTYPE_F32, D(1, 2, 2, 2, 2),
        F(-0.5f, 2.4000001f, 0.400000006f, -1.0f, -2.29999995f, -0.899999976f,
          -1.5f, -2.29999995f, 0.600000024f, -0.600000024f, 0.300000012f, 3.0f,
          0.100000001f, -0.0f, 0.200000003f, -0.400000006f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_CONV,
                                    .in = { v2, v3 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(1, 1, 1, 2, 1) },
                      F(-1.38f, 0.16f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

/* One block of positions, whose channels several members divide: 70 make four
 * panels and a part of one. */
static void few_positions_are_divided_by_channels(void **state)
{
    enum { IN = 64, OUT = 70, POSITIONS = 40 };
    static float x[IN * POSITIONS], w[OUT * IN], bias[OUT];
    static float want[OUT * POSITIONS];
    test_arrays t;

    (void)state;
    for (size_t i = 0; i < IN * POSITIONS; i++)
        x[i] = (float)((i * 37) % 101) / 50.0f - 1.0f;
    for (size_t i = 0; i < OUT * IN; i++)
        w[i] = (float)((i * 53) % 89) / 44.0f - 1.0f;
    for (size_t o = 0; o < OUT; o++) {
        bias[o] = (float)o / 70.0f;
        for (size_t p = 0; p < POSITIONS; p++) {
            double sum = (double)bias[o];
            for (size_t c = 0; c < IN; c++)
                sum += (double)w[o * IN + c] * (double)x[c * POSITIONS + p];
            want[o * POSITIONS + p] = (float)sum;
        }
    }
    test_arrays_init(&t);
    t.tolerance = 1e-5;
    const anm_value_id in[] = {
        test_arrays_in(&t, ANM_DTYPE_F32, D(1, IN, 1, POSITIONS), x),
        test_arrays_const(&t, ANM_DTYPE_F32, D(OUT, IN, 1, 1), w),
        test_arrays_const(&t, ANM_DTYPE_F32, D(OUT), bias),
    };
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_CONV,
                                    .in = { in[0], in[1], in[2] },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(1, OUT, 1, POSITIONS) },
                      want);
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

/* No panel holds weights of no channels. */
static void empty_weights_are_refused(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id x =
        test_arrays_in(&t, ANM_DTYPE_F32, D(1, 0, 1, 2), F(0));
    const anm_value_id w =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3, 0, 1, 1), F(0));
    test_arrays_gives(
        &t,
        &(test_node){
            ANM_ARRAY_CONV, { x, w }, 2, { 0 }, ANM_DTYPE_F32, D(1, 3, 1, 2) },
        F(0, 0, 0, 0, 0, 0));
    test_arrays_fails(&t, ANM_E_FORMAT, "w is empty");
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointwise_ones_are_products),
        cmocka_unit_test(few_positions_are_divided_by_channels),
        cmocka_unit_test(windows_strides_pads_and_groups),
        cmocka_unit_test(one_and_three_spatial_axes),
        cmocka_unit_test(empty_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
