/* Norms over any axes, and rotary positions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static void layer_norm_over_any_axes(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(2, 3, 4),
        F(0.980000019f, 3.6500001f, 1.25f, 0.25999999f, 1.41999996f,
          -1.84000003f, -0.680000007f, 1.59000003f, 1.25999999f, 3.0999999f,
          0.0199999996f, -2.92000008f, 3.8900001f, 2.19000006f, -2.11999989f,
          2.75f, 0.0599999987f, -3.63000011f, -0.839999974f, -1.01999998f,
          3.18000007f, -1.58000004f, -0.50999999f, -0.550000012f));
    const anm_value_id v1 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(4), F(1.0f, 2.0f, -1.0f, 0.5f));
    const anm_value_id v2 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(4), F(0.0f, 1.0f, 2.0f, 3.0f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_LAYER_NORM,
                      .in = { v0, v1, v2 },
                      .n = 3,
                      .attr = { .n_axes = 1, .axes = { -1 }, .eps = 1e-3 },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 4) },
        F(-0.435642629f, 4.32030335f, 2.22370839f, 2.49959968f, 0.89876494f,
          -1.71880733f, 2.55588353f, 3.50826113f, 0.408557638f, 3.49699458f,
          2.15748867f, 2.25021687f, 0.97181014f, 1.45021711f, 3.6679995f,
          3.2355404f, 1.03112895f, -2.30615959f, 1.62355607f, 3.12275346f,
          1.68244241f, -0.895165032f, 2.35637942f, 2.81075976f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_LAYER_NORM,
                      .in = { v0 },
                      .n = 1,
                      .attr = { .n_axes = 1, .axes = { 2 }, .eps = 1e-3 },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 4) },
        F(-0.435642629f, 1.66015167f, -0.223708395f, -1.00080065f, 0.89876494f,
          -1.35940366f, -0.555883527f, 1.01652225f, 0.408557638f, 1.24849729f,
          -0.157488672f, -1.49956626f, 0.97181014f, 0.225108555f, -1.6679995f,
          0.47108081f, 1.03112895f, -1.65307979f, 0.37644393f, 0.245506916f,
          1.68244241f, -0.947582516f, -0.356379418f, -0.378480479f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_LAYER_NORM,
                      .in = { v0, v1 },
                      .n = 2,
                      .attr = { .n_axes = 1, .axes = { 2 }, .eps = 1e-3 },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 4) },
        F(-0.435642629f, 3.32030335f, 0.223708395f, -0.500400325f, 0.89876494f,
          -2.71880733f, 0.555883527f, 0.508261126f, 0.408557638f, 2.49699458f,
          0.157488672f, -0.749783129f, 0.97181014f, 0.450217109f, 1.6679995f,
          0.235540405f, 1.03112895f, -3.30615959f, -0.37644393f, 0.122753458f,
          1.68244241f, -1.89516503f, 0.356379418f, -0.18924024f));
    const anm_value_id v3 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(1.0f, 2.0f, 3.0f));
    const anm_value_id v4 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(-1.0f, -2.0f, -3.0f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_LAYER_NORM,
                      .in = { v0, v3, v4 },
                      .n = 3,
                      .attr = { .n_axes = 1, .axes = { 1 }, .eps = 1e-3 },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 4) },
        F(-2.30030857f, -0.184492318f, 0.319326323f, -0.67413413f, 0.167180874f,
          -4.81647176f, -4.19609382f, 0.057358599f, -2.34984561f, -1.2218154f,
          -3.66383824f, -7.06363551f, -0.0904780004f, 0.326114577f,
          -2.38590384f, 0.404681352f, -4.78465985f, -4.1765426f, -1.08885215f,
          -3.68482288f, -1.55157623f, -3.71352984f, -0.209010243f,
          -4.68680974f));
    const anm_value_id v5 = test_arrays_const(
        &t, ANM_DTYPE_F32, D(3, 4),
        F(-0.379999995f, -0.910000026f, 0.219999999f, 1.08000004f, 0.620000005f,
          -0.930000007f, -1.14999998f, 0.119999997f, -0.709999979f,
          -0.629999995f, -1.67999995f, 1.95000005f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_LAYER_NORM,
                      .in = { v0, v5 },
                      .n = 2,
                      .attr = { .n_axes = 2, .axes = { 1, 2 }, .eps = 1e-3 },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 4) },
        F(-0.0648087358f, -1.51013268f, 0.070645513f, -0.249438789f,
          0.257868654f, 1.30389347f, 0.868430467f, 0.0612862158f, -0.231951679f,
          -0.852249169f, 0.612862119f, -3.90839028f, -0.636257322f,
          -0.830783323f, -0.223840378f, 1.25686832f, -0.0254550754f,
          1.57520605f, 0.510780978f, -0.0629733046f, -0.963015319f,
          0.488625385f, 0.497874298f, -0.612825233f));
    const anm_value_id v6 = test_arrays_const(
        &t, ANM_DTYPE_F32, D(2, 4),
        F(0.920000017f, -0.970000029f, 0.910000026f, 1.34000003f, -2.3900001f,
          -0.550000012f, -0.389999986f, 0.649999976f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_LAYER_NORM,
                      .in = { v0, v6 },
                      .n = 2,
                      .attr = { .n_axes = 2, .axes = { 0, 2 }, .eps = 1e-3 },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 4) },
        F(-0.312084038f, -1.07382988f, -0.175603147f, -0.97716185f, 1.17742538f,
          0.744849556f, -0.0357247591f, 1.85803322f, 0.46169612f, -1.3736105f,
          -0.103995898f, -2.11062504f, -2.95653103f, -0.173910402f,
          0.787177294f, 0.402698874f, -1.01708012f, 1.04072914f, 0.0545057721f,
          -0.164333899f, -3.47946565f, 0.500104547f, 0.147273701f,
          -0.258374922f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void norms_per_channel_and_over_three_axes(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(2, 3, 2, 2),
        F(-0.239999995f, -0.460000008f, -0.119999997f, 3.71000004f, 4.32000017f,
          -1.04999995f, -1.85000002f, 5.38999987f, -1.96000004f, -1.14999998f,
          0.0700000003f, 0.970000029f, 2.05999994f, 0.779999971f, -1.74000001f,
          1.00999999f, 0.5f, 3.75f, -0.0299999993f, -2.67000008f, -2.08999991f,
          2.9000001f, -1.08000004f, -4.21000004f));
    const anm_value_id v1 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(0.5f, -1.0f, 0.0f));
    const anm_value_id v2 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(1.0f, 2.0f, 0.5f));
    const anm_value_id v3 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(2.0f, 1.0f, -1.0f));
    const anm_value_id v4 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(3), F(0.0f, 1.0f, 2.0f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_BATCH_NORM,
                                    .in = { v0, v1, v2 },
                                    .n = 3,
                                    .attr = { .eps = 1e-3 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 2, 2) },
                      F(-0.739630272f, -0.959520368f, -0.61969023f, 3.20839624f,
                        3.7608681f, -0.0353464698f, -0.600890577f, 4.51728306f,
                        -2.76909093f, -1.62472165f, 0.0988961031f, 1.37041746f,
                        1.55922053f, 0.279860076f, -2.23888085f, 0.509745182f,
                        1.06039511f, 3.35791784f, 0.685722169f, -1.18057327f,
                        -2.95275494f, 4.09712439f, -1.52582564f, -5.94789423f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_BATCH_NORM,
                                    .in = { v0, v1, v2, v3, v4 },
                                    .n = 5,
                                    .attr = { .eps = 1e-3 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 2, 2) },
                      F(-1.47926054f, -1.91904074f, -1.23938046f, 6.41679248f,
                        4.7608681f, 0.96465353f, 0.399109423f, 5.51728306f,
                        4.76909093f, 3.62472165f, 1.9011039f, 0.629582537f,
                        3.11844105f, 0.559720153f, -4.4777617f, 1.01949036f,
                        2.06039511f, 4.35791784f, 1.68572217f, -0.180573272f,
                        4.95275494f, -2.09712439f, 3.52582564f, 7.94789423f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_INSTANCE_NORM,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .eps = 1e-3 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 2, 2) },
                      F(-0.55654262f, -0.683752369f, -0.48715549f, 1.72745048f,
                        0.821087125f, -0.863435397f, -1.11438849f, 1.15673676f,
                        -1.28474026f, -0.563326284f, 0.523247748f, 1.3248188f,
                        1.09810263f, 0.180927189f, -1.62476198f, 0.345732168f,
                        0.0492804432f, 1.47293745f, -0.182885161f, -1.33933273f,
                        -0.375761562f, 1.55728f, 0.0154952968f, -1.19701374f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_INSTANCE_NORM,
                                    .in = { v0, v3, v4 },
                                    .n = 3,
                                    .attr = { .eps = 1e-3 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 3, 2, 2) },
                      F(-1.11308524f, -1.36750474f, -0.97431098f, 3.45490096f,
                        1.82108713f, 0.136564603f, -0.114388489f, 2.15673676f,
                        3.28474026f, 2.56332628f, 1.47675225f, 0.675181205f,
                        2.19620525f, 0.361854377f, -3.24952397f, 0.691464335f,
                        1.04928044f, 2.47293745f, 0.817114839f, -0.339332734f,
                        2.37576156f, 0.44272f, 1.9845047f, 3.19701374f));
    test_arrays_gives(
        &t,
        &(test_node){ .op = ANM_ARRAY_L2_NORM,
                      .in = { v0 },
                      .n = 1,
                      .attr = { .eps = 1e-3 },
                      .dtype = ANM_DTYPE_F32,
                      .dims = D(2, 3, 2, 2) },
        F(-0.0282063991f, -0.0540622671f, -0.0141031995f, 0.436023933f,
          0.507715215f, -0.123402993f, -0.217424334f, 0.633468711f,
          -0.230352269f, -0.135155662f, 0.00822686662f, 0.114000869f,
          0.261595782f, 0.0990508292f, -0.220959551f, 0.128258129f,
          0.0634941236f, 0.476205927f, -0.00380964733f, -0.33905863f,
          -0.265405426f, 0.368265929f, -0.137147312f, -0.534620526f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void root_mean_square_norm(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(2, 2, 4),
        F(-1.15999997f, 0.0f, 2.38000011f, -2.02999997f, 1.33000004f,
          1.59000003f, -1.39999998f, -0.379999995f, 3.53999996f, 3.44000006f,
          1.71000004f, 0.660000026f, 2.27999997f, -0.280000001f, -0.189999998f,
          -1.72000003f));
    const anm_value_id v1 =
        test_arrays_const(&t, ANM_DTYPE_F32, D(4), F(1.0f, 2.0f, -1.0f, 0.5f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_RMS_NORM,
                                    .in = { v0 },
                                    .n = 1,
                                    .attr = { .eps = 1e-5 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 2, 4) },
                      F(-0.695379758f, 0.0f, 1.42672754f, -1.21691459f,
                        1.05133907f, 1.25686399f, -1.10667266f, -0.300382579f,
                        1.34461497f, 1.30663154f, 0.649517424f, 0.25069094f,
                        1.5855389f, -0.194715307f, -0.132128242f,
                        -1.19610833f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_RMS_NORM,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .attr = { .eps = 1e-5 },
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 2, 4) },
                      F(-0.695379758f, 0.0f, -1.42672754f, -0.608457297f,
                        1.05133907f, 2.51372798f, 1.10667266f, -0.15019129f,
                        1.34461497f, 2.61326307f, -0.649517424f, 0.12534547f,
                        1.5855389f, -0.389430613f, 0.132128242f,
                        -0.598054164f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void rotary_positions_turn_halves(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(1, 2, 3, 4),
        F(0.00999999978f, -0.159999996f, 5.55000019f, -0.389999986f,
          2.53999996f, 2.6400001f, -0.370000005f, 2.33999991f, -4.3499999f,
          0.189999998f, 1.71000004f, -4.80000019f, -2.31999993f, 2.1099999f,
          -0.50999999f, -2.20000005f, -0.75f, -1.09000003f, 1.45000005f,
          0.910000026f, -0.560000002f, -1.33000004f, -0.109999999f,
          2.6500001f));
    const anm_value_id v1 = test_arrays_const(
        &t, ANM_DTYPE_F32, D(3, 4),
        F(0.349999994f, 0.639999986f, -0.150000006f, -1.28999996f,
          -0.709999979f, 0.649999976f, 0.100000001f, -0.899999976f, -1.62f,
          0.109999999f, -0.340000004f, -0.349999994f));
    const anm_value_id v2 = test_arrays_const(
        &t, ANM_DTYPE_F32, D(1, 1, 3, 4),
        F(-0.330000013f, 0.280000001f, 0.289999992f, 0.959999979f, 0.930000007f,
          1.33000004f, 0.810000002f, -0.340000004f, -0.0500000007f, 0.49000001f,
          -0.310000002f, 0.550000012f));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_ROPE,
                                    .in = { v0, v1, v2 },
                                    .n = 3,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(1, 2, 3, 4) },
                      F(1.83500006f, 0.00679999828f, -0.829600029f,
                        0.349499985f, -1.45929997f, -1.39619982f, 2.02039997f,
                        -3.00359996f, 7.13249985f, 2.37290009f, 0.767099957f,
                        1.78450007f, -0.980299973f, 1.96639995f, -0.596299982f,
                        4.86359996f, -0.816000044f, -1.91880006f, -0.462499995f,
                        -0.448400012f, 0.901700004f, -1.44480005f, 0.211000001f,
                        -1.65900006f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_over_any_axes),
        cmocka_unit_test(norms_per_channel_and_over_three_axes),
        cmocka_unit_test(root_mean_square_norm),
        cmocka_unit_test(rotary_positions_turn_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
