/* test_quantize.c - floats rounded to smaller types: near enough, and the best
 * there is where the contract says so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/kern.h"

#include <math.h>
#include <string.h>

#include "support/program.h"
#include "support/support.h"

enum { BLOCK = 32, BLOCKS = 500 };

/* Blocks as weights are: many small values, some with one far away, scales over
 * many powers of two, some all zero. */
static void fill(float *x, uint64_t *seed)
{
    const float scale = ldexpf(1.0f, (int)(test_random(seed) % 24) - 18);
    const bool empty = test_random(seed) % 20 == 0;

    for (size_t i = 0; i < BLOCK; i++)
        x[i] = empty ? 0.0f : scale * test_random_float(seed);
    if (test_random(seed) % 3 == 0) x[test_random(seed) % BLOCK] *= 8.0f;
}

static float largest(const float *x)
{
    float most = 0.0f;

    for (size_t i = 0; i < BLOCK; i++)
        most = fmaxf(most, fabsf(x[i]));
    return most;
}

static void round_trip(float *y, anm_dtype type, const float *x)
{
    unsigned char block[64];

    assert_true(anm_quantize(block, type, x, BLOCK));
    assert_true(anm_widen_f32(y, block, type, BLOCK));
}

static void bf16_is_the_nearest(void **state)
{
    static const struct {
        float x;
        uint16_t want;
    } cases[] = {
        { 0.0f, 0 },
        { -0.0f, 0x8000 },
        { 1.0f, 0x3f80 },
        { 0x1.01p0f, 0x3f80 },      // halfway: to the even one
        { 0x1.03p0f, 0x3f82 },      // halfway: to the even one
        { 0x1.010002p0f, 0x3f81 },  // a little more than halfway
        { -0x1.00fffep0f, 0xbf80 }, // a little less
        { 0x1.fffffep-1f, 0x3f80 }, // carries into the exponent
        { 0x1p-149f, 0 },
        { 0x1.fep127f, 0x7f7f },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint16_t got;
        assert_true(anm_quantize(&got, ANM_DTYPE_BF16, &cases[i].x, 1));
        if (got != cases[i].want)
            fail_msg("%a: 0x%04x, must be 0x%04x", (double)cases[i].x, got,
                     cases[i].want);
    }
    assert_true(isnan(anm_f32_of_bf16(anm_bf16_of_f32(NAN))));
    assert_true(isinf(anm_f32_of_bf16(anm_bf16_of_f32(INFINITY))));
    assert_true(isinf(anm_f32_of_bf16(anm_bf16_of_f32(0x1.fffffep127f))));
}

static void q8_0_is_as_near_as_it_says(void **state)
{
    uint64_t seed = 3;
    (void)state;

    for (size_t b = 0; b < BLOCKS; b++) {
        float x[BLOCK], y[BLOCK];
        fill(x, &seed);
        round_trip(y, ANM_DTYPE_Q8_0, x);
        const float most = largest(x);
        const float allowed = most / 254.0f + most * 0x1p-11f + 0x1p-18f;
        for (size_t i = 0; i < BLOCK; i++)
            if (!(fabsf(x[i] - y[i]) <= allowed))
                fail_msg("%g became %g in a block up to %g", (double)x[i],
                         (double)y[i], (double)most);
    }
}

/* What the format's own numbers are is what they become. */
static void q8_0_keeps_its_own_numbers(void **state)
{
    uint64_t seed = 4;
    (void)state;

    for (size_t b = 0; b < BLOCKS; b++) {
        unsigned char block[34], again[34];
        float x[BLOCK];
        const uint16_t d = anm_f16_of_f32(ldexpf(
            1.0f + 0.9f * fabsf(test_random_float(&seed)), (int)(b % 12) - 9));
        memcpy(block, &d, 2);
        for (size_t i = 0; i < BLOCK; i++)
            block[2 + i] = (unsigned char)(int)(test_random(&seed) % 255 + 129);
        block[2 + test_random(&seed) % BLOCK] = 127;
        assert_true(anm_widen_f32(x, block, ANM_DTYPE_Q8_0, BLOCK));
        assert_true(anm_quantize(again, ANM_DTYPE_Q8_0, x, BLOCK));
        assert_memory_equal(block, again, sizeof(block));
    }
}

static double squared_error(const float *x, const float *y)
{
    double sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    return sum;
}

/* The scale that puts the largest element on -8, and every level the nearest. */
static void round_plainly(float *y, const float *x)
{
    float most = 0.0f;

    for (size_t i = 0; i < BLOCK; i++)
        if (fabsf(x[i]) > fabsf(most)) most = x[i];
    const float d = anm_f32_of_f16(anm_f16_of_f32(most / -8.0f));
    for (size_t i = 0; i < BLOCK; i++) {
        const float q = d != 0.0f ? nearbyintf(x[i] / d) : 0.0f;
        y[i] = d * fminf(fmaxf(q, -8.0f), 7.0f);
    }
}

static void q4_0_is_never_worse_than_its_first_scale(void **state)
{
    uint64_t seed = 5;
    double best = 0, plain = 0;
    (void)state;

    for (size_t b = 0; b < BLOCKS; b++) {
        float x[BLOCK], y[BLOCK], z[BLOCK];
        fill(x, &seed);
        round_trip(y, ANM_DTYPE_Q4_0, x);
        round_plainly(z, x);
        assert_true(squared_error(x, y) <= squared_error(x, z) * (1 + 1e-6));
        const double unit = (double)largest(x) * (double)largest(x) + 1e-30;
        best += squared_error(x, y) / unit;
        plain += squared_error(x, z) / unit;
    }
    // And better over all, or the turns would be of no use.
    assert_true(best < 0.97 * plain);
}

static void what_has_no_place_is_refused(void **state)
{
    static const anm_dtype types[] = { ANM_DTYPE_BF16, ANM_DTYPE_Q8_0,
                                       ANM_DTYPE_Q4_0 };
    static const float bad[] = { NAN, INFINITY, -INFINITY, 3.4e38f };
    unsigned char out[64];
    (void)state;

    for (size_t t = 0; t < 3; t++)
        for (size_t k = 0; k < 4; k++)
            for (size_t at = 0; at < BLOCK; at += 31) {
                float x[BLOCK] = { 1.0f, -2.0f };
                x[at] = bad[k];
                assert_false(anm_quantize(out, types[t], x, BLOCK));
            }
    assert_false(anm_quantize(out, ANM_DTYPE_Q4_K, (float[256]){ 0 }, 256));
    assert_false(anm_quantize(out, ANM_DTYPE_F16, (float[1]){ 0 }, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bf16_is_the_nearest),
        cmocka_unit_test(q8_0_is_as_near_as_it_says),
        cmocka_unit_test(q8_0_keeps_its_own_numbers),
        cmocka_unit_test(q4_0_is_never_worse_than_its_first_scale),
        cmocka_unit_test(what_has_no_place_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
