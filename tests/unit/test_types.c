/* Names of types and activations, half floats.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/types.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

static void every_type_is_found_by_its_name(void **state)
{
    (void)state;

    for (unsigned t = 0; t < ANM_DTYPE_COUNT; t++) {
        const char *name = anm_dtype_name((anm_dtype)t);
        anm_dtype found = ANM_DTYPE_COUNT;
        const anm_block block = anm_dtype_block((anm_dtype)t);
        const bool plain = block.elements == 1;
        assert_int_equal(anm_dtype_parse(name, strlen(name), &found), plain);
        if (!plain) continue;
        assert_int_equal(found, t);
        assert_true(block.bytes == 1 || block.bytes == 2 || block.bytes == 4 ||
                    block.bytes == 8);
    }
    assert_int_equal(anm_dtype_block(ANM_DTYPE_BF16).bytes, 2);
}

static void bytes_are_those_of_whole_blocks(void **state)
{
    uint64_t bytes = 7;
    (void)state;

    assert_true(anm_dtype_bytes(ANM_DTYPE_F32, 3, &bytes));
    assert_int_equal(bytes, 12);
    assert_true(anm_dtype_bytes(ANM_DTYPE_Q8_0, 64, &bytes));
    assert_int_equal(bytes, 68);
    assert_true(anm_dtype_bytes(ANM_DTYPE_Q6_K, 0, &bytes));
    assert_int_equal(bytes, 0);
    assert_false(anm_dtype_bytes(ANM_DTYPE_Q8_0, 63, &bytes));
    assert_false(anm_dtype_bytes(ANM_DTYPE_F64, UINT64_MAX / 4, &bytes));
    assert_int_equal(bytes, 0);
}

static void other_names_are_no_type(void **state)
{
    static const char *const names[] = { "", "f32", "F3", "F321", "F8_E4M3" };
    anm_dtype found = ANM_DTYPE_I8;
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_false(anm_dtype_parse(names[i], strlen(names[i]), &found));
    assert_int_equal(found, ANM_DTYPE_I8);
    assert_true(anm_dtype_parse("F32 and more", 3, &found));
    assert_int_equal(found, ANM_DTYPE_F32);
}

/* The value of a binary16 by its definition, in double. */
static double value_of_f16(unsigned h)
{
    const int exponent = (int)(h >> 10 & 31);
    const double fraction = (double)(h & 0x3ff) / 1024;
    const double sign = h & 0x8000 ? -1 : 1;

    if (exponent == 31) return fraction > 0 ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, -14);
    return sign * ldexp(1 + fraction, exponent - 15);
}

static void every_half_is_exact(void **state)
{
    (void)state;

    for (unsigned h = 0; h < 0x10000; h++) {
        const double want = value_of_f16(h);
        const double got = (double)anm_f32_of_f16((uint16_t)h);
        if (isnan(want)) {
            assert_true(isnan(got));
            continue;
        }
        assert_true(got == want);
        assert_int_equal(!!signbit(got), h >> 15);
    }
}

static void every_bfloat_is_the_upper_half(void **state)
{
    (void)state;

    for (uint32_t b = 0; b < 0x10000; b++) {
        const float f = anm_f32_of_bf16((uint16_t)b);
        uint32_t bits;
        memcpy(&bits, &f, sizeof(bits));
        assert_int_equal(bits, b << 16);
    }
}

static void activations_have_names(void **state)
{
    (void)state;

    assert_string_equal(anm_act_name(ANM_ACT_NONE), "none");
    assert_string_equal(anm_act_name(ANM_ACT_GELU_TANH), "gelu_tanh");
    assert_string_equal(anm_act_name(ANM_ACT_TANH), "tanh");
}

static void every_half_comes_back(void **state)
{
    (void)state;

    for (unsigned h = 0; h < 0x10000; h++) {
        const float f = anm_f32_of_f16((uint16_t)h);
        if (isnan(f))
            assert_true(isnan(anm_f32_of_f16(anm_f16_of_f32(f))));
        else
            assert_int_equal(anm_f16_of_f32(f), h);
    }
}

/* Between two neighbours the nearer one, and half-way the even one. */
static void a_float_becomes_the_nearest_half(void **state)
{
    (void)state;

    for (unsigned h = 0; h < 0x7bff; h++) {
        const float low = anm_f32_of_f16((uint16_t)h);
        const float high = anm_f32_of_f16((uint16_t)(h + 1));
        const float middle = low + (high - low) / 2; // exact
        assert_int_equal(anm_f16_of_f32(nextafterf(middle, 0)), h);
        assert_int_equal(anm_f16_of_f32(middle), h + (h & 1));
        assert_int_equal(anm_f16_of_f32(nextafterf(middle, INFINITY)), h + 1);
        assert_int_equal(anm_f16_of_f32(-middle), 0x8000 + h + (h & 1));
    }
    assert_int_equal(anm_f16_of_f32(65519.996f), 0x7bff);
    assert_int_equal(anm_f16_of_f32(65520), 0x7c00);
    assert_int_equal(anm_f16_of_f32(-1e30f), 0xfc00);
    assert_int_equal(anm_f16_of_f32(1e-45f), 0);
}

static void long_dims_are_cut(void **state)
{
    const uint64_t dims[] = { 1000, 200, UINT64_MAX };
    char text[64];
    (void)state;

    anm_dims_text(dims, 3, text, sizeof(text));
    assert_string_equal(text, "[1000, 200, 18446744073709551615]");
    for (size_t cap = 1; cap < sizeof(text); cap++) {
        char cut[64] = "";
        anm_dims_text(dims, 3, cut, cap);
        assert_true(strlen(cut) < cap);
        assert_memory_equal(cut, text, strlen(cut));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_found_by_its_name),
        cmocka_unit_test(bytes_are_those_of_whole_blocks),
        cmocka_unit_test(other_names_are_no_type),
        cmocka_unit_test(every_half_is_exact),
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(a_float_becomes_the_nearest_half),
        cmocka_unit_test(every_bfloat_is_the_upper_half),
        cmocka_unit_test(activations_have_names),
        cmocka_unit_test(long_dims_are_cut),
    };
    return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
