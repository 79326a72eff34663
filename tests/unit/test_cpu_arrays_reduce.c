/* Reductions, the place of the largest, and softmax.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static const test_given reductions_given[] = {
    [0] = { .dims = D(2, 3, 4),
            .numbers =
                F(-0.699999988f, 0.180000007f, 0.49000001f, 0.0500000007f,
                  0.449999988f, 1.84000003f, -0.0199999996f, -0.75999999f,
                  -1.34000003f, 0.300000012f, 0.150000006f, 0.769999981f,
                  0.0399999991f, 0.0199999996f, -0.219999999f, -0.0199999996f,
                  0.660000026f, 0.119999997f, 0.600000024f, 2.4000001f,
                  0.980000019f, -1.08000004f, 2.23000002f, 0.850000024f) },
    [1] = { .dims = D(2, 3, 4),
            .numbers = F(1.20000005f, 0.680000007f, 0.99000001f, 0.550000012f,
                         0.949999988f, 2.34000015f, 0.519999981f, 1.25999999f,
                         1.84000003f, 0.800000012f, 0.649999976f, 1.26999998f,
                         0.540000021f, 0.519999981f, 0.720000029f, 0.519999981f,
                         1.16000009f, 0.620000005f, 1.10000002f, 2.9000001f,
                         1.48000002f, 1.58000004f, 2.73000002f, 1.35000002f) },
    [2] = { .dtype = ANM_DTYPE_I32,
            .dims = D(2, 3),
            .numbers = I(2, -3, 4, 5, 0, -7) },
};

static const test_row reductions_rows[] = {
    { .op = ANM_ARRAY_REDUCE_SUM,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { -1 } },
      .dims = D(2, 3),
      .want = F(0.0200000294f, 1.51000003f, -0.120000035f, -0.18f, 3.78000014f,
                2.98000002f) },
    { .op = ANM_ARRAY_REDUCE_SUM,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { 1 }, .flags = ANM_ARRAY_KEEP_DIMS },
      .dims = D(2, 1, 4),
      .want = F(-1.59000003f, 2.32000005f, 0.620000016f, 0.0599999912f,
                1.68000004f, -0.940000046f, 2.61000004f, 3.23000012f) },
    { .op = ANM_ARRAY_REDUCE_SUM,
      .in = IN(0),
      .attr = { .n_axes = 2, .axes = { 0, 2 } },
      .dims = D(3),
      .want = F(-0.15999997f, 5.29000017f, 2.85999998f) },
    { .op = ANM_ARRAY_REDUCE_SUM,
      .in = IN(0),
      .dims = SCALAR,
      .want = F(7.99000019f) },
    { .op = ANM_ARRAY_REDUCE_MEAN,
      .in = IN(0),
      .attr = { .n_axes = 2, .axes = { 1, 2 } },
      .dims = D(2),
      .want = F(0.117500002f, 0.548333347f) },
    { .op = ANM_ARRAY_REDUCE_MAX,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { -2 } },
      .dims = D(2, 4),
      .want = F(0.449999988f, 1.84000003f, 0.49000001f, 0.769999981f,
                0.980000019f, 0.119999997f, 2.23000002f, 2.4000001f) },
    { .op = ANM_ARRAY_REDUCE_MIN,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { 0 } },
      .dims = D(3, 4),
      .want = F(-0.699999988f, 0.0199999996f, -0.219999999f, -0.0199999996f,
                0.449999988f, 0.119999997f, -0.0199999996f, -0.75999999f,
                -1.34000003f, -1.08000004f, 0.150000006f, 0.769999981f) },
    { .op = ANM_ARRAY_REDUCE_PROD,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { -1 } },
      .dims = D(2, 3),
      .want = F(-0.00308700018f, 0.0125855995f, -0.0464310037f, 3.51999974e-06f,
                0.114048011f, -2.00619739f) },
    { .op = ANM_ARRAY_REDUCE_SUM_SQUARE,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { -1 }, .flags = ANM_ARRAY_KEEP_DIMS },
      .dims = D(2, 3, 1),
      .want = F(0.764999995f, 4.1661001f, 2.50100007f, 0.0507999994f,
                6.57000052f, 7.82220026f) },
    { .op = ANM_ARRAY_REDUCE_L1_NORM,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dims = D(2, 4),
      .want = F(2.49000001f, 2.32000005f, 0.660000015f, 1.57999997f,
                1.68000004f, 1.22000004f, 3.05000004f, 3.27000012f) },
    { .op = ANM_ARRAY_REDUCE_L2_NORM,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { -1 } },
      .dims = D(2, 3),
      .want = F(0.874642782f, 2.04110267f, 1.58145505f, 0.225388552f,
                2.56320123f, 2.79681967f) },
    { .op = ANM_ARRAY_REDUCE_LOG_SUM_EXP,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { -1 }, .flags = ANM_ARRAY_KEEP_DIMS },
      .dims = D(2, 3, 1),
      .want = F(1.47645266f, 2.23138075f, 1.59600914f, 1.34644314f, 2.76679607f,
                2.68400099f) },
    { .op = ANM_ARRAY_REDUCE_LOG_SUM_EXP,
      .in = IN(0),
      .attr = { .n_axes = 2, .axes = { 0, 1 } },
      .dims = D(4),
      .want = F(2.07528323f, 2.42753425f, 2.75358766f, 2.89157807f) },
    { .op = ANM_ARRAY_REDUCE_LOG_SUM,
      .in = IN(1),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dims = D(2, 4),
      .want = F(1.38379125f, 1.34025047f, 0.770108206f, 1.12492959f,
                1.15688124f, 1.00063189f, 1.51512725f, 1.56234633f) },
    { .op = ANM_ARRAY_REDUCE_SUM,
      .in = IN(2),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dtype = ANM_DTYPE_I32,
      .dims = D(2),
      .want = I(3, -2) },
    { .op = ANM_ARRAY_REDUCE_MAX,
      .in = IN(2),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dtype = ANM_DTYPE_I32,
      .dims = D(2),
      .want = I(4, 5) },
    { .op = ANM_ARRAY_REDUCE_MIN,
      .in = IN(2),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dtype = ANM_DTYPE_I32,
      .dims = D(2),
      .want = I(-3, -7) },
    { .op = ANM_ARRAY_REDUCE_PROD,
      .in = IN(2),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dtype = ANM_DTYPE_I32,
      .dims = D(2),
      .want = I(-24, 0) },
    { .op = ANM_ARRAY_REDUCE_SUM_SQUARE,
      .in = IN(2),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dtype = ANM_DTYPE_I32,
      .dims = D(2),
      .want = I(29, 74) },
    { .op = ANM_ARRAY_REDUCE_L1_NORM,
      .in = IN(2),
      .attr = { .n_axes = 1, .axes = { 1 } },
      .dtype = ANM_DTYPE_I32,
      .dims = D(2),
      .want = I(9, 12) },
};

static void many_elements_become_one(void **state)
{
    (void)state;
    TEST_ROWS(reductions_given, reductions_rows);
}

static void the_first_of_equals_is_the_place(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(2, 3), F(1.0f, 3.0f, 3.0f, -2.0f, -2.0f, 0.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_REDUCE_ARGMAX,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .axis = -1 },
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(2) },
                      I(1, 2));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_REDUCE_ARGMIN,
                      .in = { v0 },
                      .n = 1,
                      .attr = { .axis = 1, .flags = ANM_ARRAY_KEEP_DIMS },
                      .dtype = ANM_DTYPE_I32,
                      .dims = D(2, 1) },
        I(0, 0));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_REDUCE_ARGMAX,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .axis = 0 },
                                    .dtype = ANM_DTYPE_U16,
                                    .dims = D(3) },
                      I(0, 0, 0));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static const test_given softmaxes_given[] = {
    [0] = { .dims = D(2, 3, 4),
            .numbers =
                F(-3.75999999f, 3.61999989f, 0.0799999982f, -2.46000004f,
                  -2.53999996f, -3.98000002f, 0.200000003f, 4.28000021f,
                  -1.29999995f, 1.67999995f, 7.5f, -4.86000013f, 1.03999996f,
                  -1.22000003f, -4.23999977f, -4.0999999f, -0.0599999987f,
                  1.74000001f, -2.11999989f, 0.219999999f, 2.88000011f,
                  1.17999995f, 3.48000002f, 1.84000003f) },
    [1] = { .dims = D(2, 3),
            .numbers =
                F(0.0f, -INFINITY, 0.0f, -INFINITY, -INFINITY, -INFINITY) },
};

static const test_row softmaxes_rows[] = {
    { .op = ANM_ARRAY_SOFTMAX,
      .in = IN(0),
      .attr = { .axis = -1 },
      .dims = D(2, 3, 4),
      .want = F(0.000604308354f, 0.969062573f, 0.0281157325f, 0.00221738652f,
                0.00107214567f, 0.000254021056f, 0.0166043034f, 0.98206953f,
                0.000150263865f, 0.00295836712f, 0.996887096f, 4.27332693e-06f,
                0.896619254f, 0.0935626547f, 0.00456597272f, 0.00525211808f,
                0.117643857f, 0.71170387f, 0.0149941784f, 0.155658095f,
                0.297773538f, 0.0543983102f, 0.54257871f, 0.105249443f) },
    { .op = ANM_ARRAY_SOFTMAX,
      .in = IN(0),
      .attr = { .axis = 1 },
      .dims = D(2, 3, 4),
      .want = F(0.0621426803f, 0.873969713f, 0.000598386389f, 0.00118112329f,
                0.21048893f, 0.000437379437f, 0.000674678772f, 0.998711728f,
                0.727368389f, 0.125592908f, 0.998726935f, 0.000107149077f,
                0.131071729f, 0.0319273093f, 0.000442029931f, 0.00219238855f,
                0.0436299901f, 0.616132337f, 0.00368261171f, 0.164842672f,
                0.825298281f, 0.351940354f, 0.995875358f, 0.832964939f) },
    { .op = ANM_ARRAY_SOFTMAX,
      .in = IN(0),
      .attr = { .axis = 0 },
      .dims = D(2, 3, 4),
      .want = F(0.00816257154f, 0.992154976f, 0.986874679f, 0.837534919f,
                0.0772722048f, 0.00326898947f, 0.910519932f, 0.983043468f,
                0.0150679888f, 0.622459331f, 0.982363659f, 0.00122939842f,
                0.991837428f, 0.0078450237f, 0.0131253213f, 0.162465081f,
                0.922727795f, 0.996731011f, 0.0894800684f, 0.016956532f,
                0.984932011f, 0.377540669f, 0.0176363407f, 0.998770602f) },
    { .op = ANM_ARRAY_SOFTMAX,
      .in = IN(1),
      .attr = { .axis = 1 },
      .dims = D(2, 3),
      .want = F(0.5f, 0.0f, 0.5f, NAN, NAN, NAN) },
    { .op = ANM_ARRAY_SOFTMAX,
      .in = IN(1),
      .attr = { .axis = 0 },
      .dims = D(2, 3),
      .want = F(1.0f, NAN, 1.0f, 0.0f, NAN, 0.0f) },
};

static void softmax_over_any_axis(void **state)
{
    (void)state;
    TEST_ROWS(softmaxes_given, softmaxes_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_elements_become_one),
        cmocka_unit_test(the_first_of_equals_is_the_place),
        cmocka_unit_test(softmax_over_any_axis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
