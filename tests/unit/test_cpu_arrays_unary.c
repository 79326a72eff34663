/* One array, element by element; casts and quantised numbers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

/* An operation on input i of a table, and what it gives. */
typedef struct one {
    anm_array_op op;
    size_t input;
    anm_array_attr attr;
    float want[8];
} one;

static void check_table(const float (*inputs)[8], size_t n_inputs,
                        const one *rows, size_t n_rows)
{
    anm_value_id in[4];
    test_arrays t;

    test_arrays_init(&t);
    for (size_t i = 0; i < n_inputs; i++)
        in[i] = test_arrays_in(&t, ANM_DTYPE_F32, D(2, 4), inputs[i]);
    for (size_t i = 0; i < n_rows; i++)
        test_arrays_gives(&t,
                          &(test_node){ .op = rows[i].op,
                                        .in = { in[rows[i].input] },
                                        .n = 1,
                                        .attr = rows[i].attr,
                                        .dtype = ANM_DTYPE_F32,
                                        .dims = D(2, 4) },
                          rows[i].want);
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static const float plain_inputs[][8] = {
    { -2.5f, -1.5f, -0.5f, 0.0f, 0.5f, 1.5f, 2.5f, 6.5f },
    { 2.5f, 1.5f, 0.5f, 0.0f, 0.5f, 1.5f, 2.5f, 6.5f },
    { -0.833333313f, -0.5f, -0.166666672f, 0.0f, 0.166666672f, 0.5f,
      0.833333313f, 0.899999976f },
};

static const one plain_rows[] = {
    { ANM_ARRAY_ABS,
      0,
      { 0 },
      { 2.5f, 1.5f, 0.5f, 0.0f, 0.5f, 1.5f, 2.5f, 6.5f } },
    { ANM_ARRAY_CEIL,
      0,
      { 0 },
      { -2.0f, -1.0f, -0.0f, 0.0f, 1.0f, 2.0f, 3.0f, 7.0f } },
    { ANM_ARRAY_FLOOR,
      0,
      { 0 },
      { -3.0f, -2.0f, -1.0f, 0.0f, 0.0f, 1.0f, 2.0f, 6.0f } },
    { ANM_ARRAY_SIGN,
      0,
      { 0 },
      { -1.0f, -1.0f, -1.0f, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f } },
    { ANM_ARRAY_SQUARE,
      0,
      { 0 },
      { 6.25f, 2.25f, 0.25f, 0.0f, 0.25f, 2.25f, 6.25f, 42.25f } },
    { ANM_ARRAY_SIN,
      0,
      { 0 },
      { -0.598472144f, -0.997494987f, -0.479425539f, 0.0f, 0.479425539f,
        0.997494987f, 0.598472144f, 0.215119988f } },
    { ANM_ARRAY_COS,
      0,
      { 0 },
      { -0.801143616f, 0.0707372017f, 0.877582562f, 1.0f, 0.877582562f,
        0.0707372017f, -0.801143616f, 0.976587626f } },
    { ANM_ARRAY_TAN,
      0,
      { 0 },
      { 0.747022297f, -14.1014199f, -0.54630249f, 0.0f, 0.54630249f,
        14.1014199f, -0.747022297f, 0.2202772f } },
    { ANM_ARRAY_ATAN,
      0,
      { 0 },
      { -1.19028995f, -0.982793723f, -0.463647609f, 0.0f, 0.463647609f,
        0.982793723f, 1.19028995f, 1.418147f } },
    { ANM_ARRAY_TANH,
      0,
      { 0 },
      { -0.986614298f, -0.905148254f, -0.462117157f, 0.0f, 0.462117157f,
        0.905148254f, 0.986614298f, 0.999995479f } },
    { ANM_ARRAY_EXP,
      0,
      { 0 },
      { 0.0820849986f, 0.22313016f, 0.60653066f, 1.0f, 1.64872127f, 4.48168907f,
        12.182494f, 665.141633f } },
    { ANM_ARRAY_EXP2,
      0,
      { 0 },
      { 0.176776695f, 0.353553391f, 0.707106781f, 1.0f, 1.41421356f,
        2.82842712f, 5.65685425f, 90.509668f } },
    { ANM_ARRAY_SINH,
      0,
      { 0 },
      { -6.05020448f, -2.12927946f, -0.521095305f, 0.0f, 0.521095305f,
        2.12927946f, 6.05020448f, 332.570065f } },
    { ANM_ARRAY_COSH,
      0,
      { 0 },
      { 6.13228948f, 2.35240962f, 1.12762597f, 1.0f, 1.12762597f, 2.35240962f,
        6.13228948f, 332.571568f } },
    { ANM_ARRAY_ROUND,
      0,
      { 0 },
      { -2.0f, -2.0f, -0.0f, 0.0f, 0.0f, 2.0f, 2.0f, 6.0f } },
    { ANM_ARRAY_RELU,
      0,
      { 0 },
      { 0.0f, 0.0f, 0.0f, 0.0f, 0.5f, 1.5f, 2.5f, 6.5f } },
    { ANM_ARRAY_RELU6,
      0,
      { 0 },
      { 0.0f, 0.0f, 0.0f, 0.0f, 0.5f, 1.5f, 2.5f, 6.0f } },
    { ANM_ARRAY_ERF,
      0,
      { 0 },
      { -0.999593048f, -0.966105146f, -0.520499878f, 0.0f, 0.520499878f,
        0.966105146f, 0.999593048f, 1.0f } },
    { ANM_ARRAY_SIGMOID,
      0,
      { 0 },
      { 0.07585818f, 0.182425524f, 0.377540669f, 0.5f, 0.622459331f,
        0.817574476f, 0.92414182f, 0.998498818f } },
    { ANM_ARRAY_SILU,
      0,
      { 0 },
      { -0.18964545f, -0.273638286f, -0.188770334f, 0.0f, 0.311229666f,
        1.22636171f, 2.31035455f, 6.49024232f } },
    { ANM_ARRAY_SOFTPLUS,
      0,
      { 0 },
      { 0.0788897343f, 0.201413278f, 0.474076984f, 0.693147181f, 0.974076984f,
        1.70141328f, 2.57888973f, 6.50150231f } },
    { ANM_ARRAY_SOFTSIGN,
      0,
      { 0 },
      { -0.714285714f, -0.6f, -0.333333333f, 0.0f, 0.333333333f, 0.6f,
        0.714285714f, 0.866666667f } },
    { ANM_ARRAY_SQRT,
      1,
      { 0 },
      { 1.58113883f, 1.22474487f, 0.707106781f, 0.0f, 0.707106781f, 1.22474487f,
        1.58113883f, 2.54950976f } },
    { ANM_ARRAY_ASIN,
      2,
      { 0 },
      { -0.985110747f, -0.523598776f, -0.167448084f, 0.0f, 0.167448084f,
        0.523598776f, 0.985110747f, 1.11976946f } },
    { ANM_ARRAY_ACOS,
      2,
      { 0 },
      { 2.55590707f, 2.0943951f, 1.73824441f, 1.57079633f, 1.40334824f,
        1.04719755f, 0.585685579f, 0.451026866f } },
    { ANM_ARRAY_ATANH,
      2,
      { 0 },
      { -1.19894757f, -0.549306144f, -0.168236123f, 0.0f, 0.168236123f,
        0.549306144f, 1.19894757f, 1.47221936f } },
};

static void functions_of_one_number(void **state)
{
    (void)state;
    check_table(plain_inputs, sizeof(plain_inputs) / sizeof(plain_inputs[0]),
                plain_rows, sizeof(plain_rows) / sizeof(plain_rows[0]));
}

static const float given_inputs[][8] = {
    { -2.5f, -1.5f, -0.5f, 0.0f, 0.5f, 1.5f, 2.5f, 6.5f },
    { 2.5f, 1.5f, 0.5f, 0.0f, 0.5f, 1.5f, 2.5f, 6.5f },
};

static const one given_rows[] = {
    { ANM_ARRAY_CLIP,
      0,
      { .alpha = -1.5, .beta = 2.25 },
      { -1.5f, -1.5f, -0.5f, 0.0f, 0.5f, 1.5f, 2.25f, 2.25f } },
    { ANM_ARRAY_CLIP,
      0,
      { .alpha = 0.5, .beta = INFINITY },
      { 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 1.5f, 2.5f, 6.5f } },
    { ANM_ARRAY_THRESHOLD,
      0,
      { .alpha = 0.5 },
      { 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 1.5f, 2.5f, 6.5f } },
    { ANM_ARRAY_LEAKY_RELU,
      0,
      { .alpha = 0.125 },
      { -0.3125f, -0.1875f, -0.0625f, 0.0f, 0.5f, 1.5f, 2.5f, 6.5f } },
    { ANM_ARRAY_CLAMPED_RELU,
      0,
      { .alpha = 0.25, .beta = 3 },
      { -0.625f, -0.375f, -0.125f, 0.0f, 0.5f, 1.5f, 2.5f, 3.0f } },
    { ANM_ARRAY_THRESHOLDED_RELU,
      0,
      { .alpha = 0.75 },
      { 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.5f, 2.5f, 6.5f } },
    { ANM_ARRAY_ELU,
      0,
      { .alpha = 1.5 },
      { -1.3768725f, -1.16530476f, -0.59020401f, 0.0f, 0.5f, 1.5f, 2.5f,
        6.5f } },
    { ANM_ARRAY_LINEAR_ACTIVATION,
      0,
      { .alpha = 1.5, .beta = -0.5 },
      { -4.25f, -2.75f, -1.25f, -0.5f, 0.25f, 1.75f, 3.25f, 9.25f } },
    { ANM_ARRAY_SCALED_TANH,
      0,
      { .alpha = 1.25, .beta = 0.5 },
      { -1.06035455f, -0.79393619f, -0.306148328f, 0.0f, 0.306148328f,
        0.79393619f, 1.06035455f, 1.24624704f } },
    { ANM_ARRAY_SIGMOID_HARD,
      0,
      { .alpha = 0.25, .beta = 0.5 },
      { 0.0f, 0.125f, 0.375f, 0.5f, 0.625f, 0.875f, 1.0f, 1.0f } },
    { ANM_ARRAY_GELU,
      0,
      { .act = ANM_ACT_GELU_ERF },
      { -0.0155241633f, -0.100210802f, -0.154268769f, 0.0f, 0.345731231f,
        1.3997892f, 2.48447584f, 6.5f } },
    { ANM_ARRAY_GELU,
      0,
      { .act = ANM_ACT_GELU_TANH },
      { -0.0150842661f, -0.100428423f, -0.15428599f, 0.0f, 0.34571401f,
        1.39957158f, 2.48491573f, 6.5f } },
    { ANM_ARRAY_GELU,
      0,
      { 0 },
      { -0.034986165f, -0.108337802f, -0.149611563f, 0.0f, 0.350388437f,
        1.3916622f, 2.46501383f, 6.49989807f } },
    { ANM_ARRAY_RSQRT,
      1,
      { .eps = 1e-3 },
      { 0.632329079f, 0.816224551f, 1.41280147f, 31.6227766f, 1.41280147f,
        0.816224551f, 0.632329079f, 0.392202102f } },
    { ANM_ARRAY_INVERSE,
      1,
      { .eps = 0.5 },
      { 0.333333333f, 0.5f, 1.0f, 2.0f, 1.0f, 0.5f, 0.333333333f,
        0.142857143f } },
    { ANM_ARRAY_LOG,
      1,
      { .eps = 0.01 },
      { 0.920282753f, 0.412109651f, -0.673344553f, -4.60517019f, -0.673344553f,
        0.412109651f, 0.920282753f, 1.87333946f } },
};

static void parameters_are_attributes(void **state)
{
    (void)state;
    check_table(given_inputs, sizeof(given_inputs) / sizeof(given_inputs[0]),
                given_rows, sizeof(given_rows) / sizeof(given_rows[0]));
}

static void parameters_per_channel(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(2, 3, 2),
        F(1.5f, 3.26999998f, 0.550000012f, -2.47000003f, -1.91999996f,
          3.20000005f, 0.409999996f, -3.46000004f, -0.170000002f, -2.32999992f,
          -1.25999999f, -0.980000019f));
    const anm_value_id v1 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(0.100000001f, 0.5f, 2.0f));
    const anm_value_id v2 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(0.5f, 1.0f, 2.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_PRELU,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 2) },
                      F(1.5f, 3.27f, 0.55f, -1.235f, -3.84f, 3.2f, 0.41f,
                        -0.346000005f, -0.085f, -1.165f, -2.52f, -1.96f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SOFTPLUS_PARAMETRIC,
                                    .in = { v0, v1, v2 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 2) },
                      F(0.113687102f, 0.181310635f, 0.502746241f, 0.0405986477f,
                        0.0425317426f, 12.8033204f, 0.0800891145f,
                        0.0163210441f, 0.305877669f, 0.0464243706f,
                        0.154773025f, 0.26356196f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static const test_given casts_given[] = {
    [0] = { .dims = D(12),
            .numbers = F(-2.9000001f, -0.5f, 0.0f, 0.5f, 1.89999998f, 65504.0f,
                         65519.0f, 65521.0f, -70000.0f, 5.99999979e-08f, 300.5f,
                         NAN) },
    [1] = { .dtype = ANM_DTYPE_I32,
            .dims = D(5),
            .numbers = I(-3, 0, 2049, 70000, 16777217) },
};

static const test_row casts_rows[] = {
    { .op = ANM_ARRAY_CAST,
      .in = IN(0),
      .attr = { .dtype = ANM_DTYPE_F16 },
      .dtype = ANM_DTYPE_F16,
      .dims = D(12),
      .want = F(-2.90039062f, -0.5f, 0.0f, 0.5f, 1.90039062f, 65504.0f,
                65504.0f, INFINITY, -INFINITY, 5.96046448e-08f, 300.5f, NAN) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(0),
      .attr = { .dtype = ANM_DTYPE_I32 },
      .dtype = ANM_DTYPE_I32,
      .dims = D(12),
      .want = I(-2, 0, 0, 0, 1, 65504, 65519, 65521, -70000, 0, 300, 0) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(0),
      .attr = { .dtype = ANM_DTYPE_BOOL },
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(12),
      .want = I(1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(0),
      .attr = { .dtype = ANM_DTYPE_I8 },
      .dtype = ANM_DTYPE_I8,
      .dims = D(12),
      .want = I(-2, 0, 0, 0, 1, -32, -17, -15, -112, 0, 44, 0) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(0),
      .attr = { .dtype = ANM_DTYPE_U8 },
      .dtype = ANM_DTYPE_U8,
      .dims = D(12),
      .want = I(254, 0, 0, 0, 1, 224, 239, 241, 144, 0, 44, 0) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(0),
      .attr = { .dtype = ANM_DTYPE_I16 },
      .dtype = ANM_DTYPE_I16,
      .dims = D(12),
      .want = I(-2, 0, 0, 0, 1, -32, -17, -15, -4464, 0, 300, 0) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(0),
      .attr = { .dtype = ANM_DTYPE_U16 },
      .dtype = ANM_DTYPE_U16,
      .dims = D(12),
      .want = I(65534, 0, 0, 0, 1, 65504, 65519, 65521, 61072, 0, 300, 0) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(1),
      .attr = { .dtype = ANM_DTYPE_F32 },
      .dims = D(5),
      .want = F(-3.0f, 0.0f, 2049.0f, 70000.0f, 16777216.0f) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(1),
      .attr = { .dtype = ANM_DTYPE_F16 },
      .dtype = ANM_DTYPE_F16,
      .dims = D(5),
      .want = F(-3.0f, 0.0f, 2048.0f, INFINITY, INFINITY) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(1),
      .attr = { .dtype = ANM_DTYPE_BOOL },
      .dtype = ANM_DTYPE_BOOL,
      .dims = D(5),
      .want = I(1, 0, 1, 1, 1) },
    { .op = ANM_ARRAY_CAST,
      .in = IN(1),
      .attr = { .dtype = ANM_DTYPE_U8 },
      .dtype = ANM_DTYPE_U8,
      .dims = D(5),
      .want = I(253, 0, 1, 112, 1) },
};

static void casts_truncate_round_and_wrap(void **state)
{
    (void)state;
    TEST_ROWS(casts_given, casts_rows);
}

static const test_given quantised_given[] = {
    [0] = { .dims = D(2, 3, 2),
            .numbers = F(-7.1500001f, 5.55000019f, -0.649999976f, -5.9000001f,
                         4.0999999f, 8.30000019f, -16.4500008f, -2.54999995f,
                         -9.80000019f, -1.75f, -12.8999996f, 0.200000003f) },
    [1] = { .dims = SCALAR, .numbers = F(0.125f), .is_constant = true },
    [2] = { .dims = D(3),
            .numbers = F(0.125f, 0.25f, 0.5f),
            .is_constant = true },
    [3] = { .dtype = ANM_DTYPE_I32,
            .dims = D(3),
            .numbers = I(10, 100, 128),
            .is_constant = true },
    [4] = { .dtype = ANM_DTYPE_I8,
            .dims = D(2, 3, 2),
            .numbers =
                I(-57, 44, -5, -47, 33, 66, -128, -20, -78, -14, -103, 2) },
    [5] = { .dtype = ANM_DTYPE_U8,
            .dims = D(2, 3, 2),
            .numbers = I(0, 54, 97, 76, 136, 145, 0, 0, 61, 93, 102, 128) },
};

static const test_row quantised_rows[] = {
    { .op = ANM_ARRAY_QUANTIZE,
      .in = IN(0, 1),
      .attr = { .dtype = ANM_DTYPE_I8 },
      .dtype = ANM_DTYPE_I8,
      .dims = D(2, 3, 2),
      .want = I(-57, 44, -5, -47, 33, 66, -128, -20, -78, -14, -103, 2) },
    { .op = ANM_ARRAY_QUANTIZE,
      .in = IN(0, 2, 3),
      .attr = { .flags = ANM_ARRAY_PER_AXIS, .axis = 1, .dtype = ANM_DTYPE_U8 },
      .dtype = ANM_DTYPE_U8,
      .dims = D(2, 3, 2),
      .want = I(0, 54, 97, 76, 136, 145, 0, 0, 61, 93, 102, 128) },
    { .op = ANM_ARRAY_DEQUANTIZE,
      .in = IN(4, 1),
      .dims = D(2, 3, 2),
      .want = F(-7.125f, 5.5f, -0.625f, -5.875f, 4.125f, 8.25f, -16.0f, -2.5f,
                -9.75f, -1.75f, -12.875f, 0.25f) },
    { .op = ANM_ARRAY_DEQUANTIZE,
      .in = IN(5, 2, 3),
      .attr = { .flags = ANM_ARRAY_PER_AXIS, .axis = -2 },
      .dims = D(2, 3, 2),
      .want = F(-1.25f, 5.5f, -0.75f, -6.0f, 4.0f, 8.5f, -1.25f, -1.25f, -9.75f,
                -1.75f, -13.0f, 0.0f) },
};

static void quantised_numbers_saturate(void **state)
{
    (void)state;
    TEST_ROWS(quantised_given, quantised_rows);
}

static void integers_have_their_own(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_I32, D(3), I(-3, 0, 5));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_ABS,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(3, 0, 5));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SIGN,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(-1, 0, 1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SQUARE,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(9, 0, 25));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_RELU,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(0, 0, 5));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_FLOOR,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(-3, 0, 5));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_CEIL,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(-3, 0, 5));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_ROUND,
                                    .in = { v0 },
                                    .n = 1,
                                    .dtype = ANM_DTYPE_I32,
                                    .dims = D(3) },
                      I(-3, 0, 5));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_one_number),
        cmocka_unit_test(parameters_are_attributes),
        cmocka_unit_test(parameters_per_channel),
        cmocka_unit_test(casts_truncate_round_and_wrap),
        cmocka_unit_test(quantised_numbers_saturate),
        cmocka_unit_test(integers_have_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
