/* The checksum of a vector: every damaged byte is seen, and the numbers that
 * files hold stay those that they are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/statement.h"
#include "support/stores.h"

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
}

/* By an implementation of its own, in Python's integers. */
static void sums_of_files_never_change(void **state)
{
    static const struct {
        int64_t item;
        size_t len;
        uint64_t sum;
    } cases[] = {
        { 1, 0, UINT64_C(0x7e91c30a1f67809d) },
        { 1, 4, UINT64_C(0x7deece4e922b51de) },
        { 7, 8, UINT64_C(0x969ea4d8d6f2476d) },
        { 7, 31, UINT64_C(0x81dc90483113cb85) },
        { 2, 32, UINT64_C(0x1cef9c8ef79fd1e6) },
        { 3, 100, UINT64_C(0xc1cb82bf35bb555c) },
        { INT64_C(1) << 40, 1536, UINT64_C(0x888b7a1e335b881d) },
    };
    uint8_t bytes[1536];
    (void)state;

    fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            (uint64_t)anm_vector_sum(cases[i].item, bytes, cases[i].len),
            cases[i].sum);
}

static void every_flipped_bit_changes_the_sum(void **state)
{
    uint8_t bytes[384 * 4];
    (void)state;

    fill(bytes, sizeof(bytes));
    for (size_t len = 4; len <= sizeof(bytes); len += len < 80 ? 4 : 364) {
        const int64_t sum = anm_vector_sum(5, bytes, len);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_not_equal(anm_vector_sum(5, bytes, len), sum);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* The same bit of any two words, which a sum without rotation cancels. */
static void two_flipped_signs_change_the_sum(void **state)
{
    uint8_t bytes[256];
    (void)state;

    fill(bytes, sizeof(bytes));
    const int64_t sum = anm_vector_sum(5, bytes, sizeof(bytes));
    for (size_t i = 3; i < sizeof(bytes); i += 4)
        for (size_t j = i + 4; j < sizeof(bytes); j += 4) {
            bytes[i] ^= 0x80;
            bytes[j] ^= 0x80;
            assert_int_not_equal(anm_vector_sum(5, bytes, sizeof(bytes)), sum);
            bytes[i] ^= 0x80;
            bytes[j] ^= 0x80;
        }
}

static void numbers_in_other_places_change_the_sum(void **state)
{
    float v[96], w[96];
    (void)state;

    memcpy(v, test_unit_vector(96, 3), sizeof(v));
    const int64_t sum = anm_vector_sum(5, v, sizeof(v));
    for (size_t i = 1; i < 96; i++) {
        memcpy(w, v, sizeof(w));
        w[0] = v[i];
        w[i] = v[0];
        assert_int_not_equal(anm_vector_sum(5, w, sizeof(w)), sum);
    }
    assert_int_not_equal(anm_vector_sum(6, v, sizeof(v)), sum);
}

static void sound_is_the_right_length_and_the_right_sum(void **state)
{
    const float *v = test_unit_vector(8, 1);
    anm_stored_vector stored = {
        .bytes = { (const char *)v, 32 },
        .sum = anm_vector_sum(9, v, 32),
        .summed = true,
    };
    (void)state;

    assert_true(anm_vector_is_sound(&stored, 9, 8));
    assert_false(anm_vector_is_sound(&stored, 9, 7));
    assert_false(anm_vector_is_sound(&stored, 8, 8));
    stored.sum++;
    assert_false(anm_vector_is_sound(&stored, 9, 8));
    // A file of version 1 cannot say more than the length.
    stored.summed = false;
    assert_true(anm_vector_is_sound(&stored, 9, 8));
    assert_false(anm_vector_is_sound(&stored, 9, 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_files_never_change),
        cmocka_unit_test(every_flipped_bit_changes_the_sum),
        cmocka_unit_test(two_flipped_signs_change_the_sum),
        cmocka_unit_test(numbers_in_other_places_change_the_sum),
        cmocka_unit_test(sound_is_the_right_length_and_the_right_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
