/* test_chars.c - the frozen properties, spread out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"
#include "text/chars.h"

static anm_chars chars;

static unsigned flags_of_range(uint32_t cp)
{
    for (size_t i = 0; i < anm_char_n_ranges; i++)
        if (anm_char_ranges[i].first <= cp && cp <= anm_char_ranges[i].last)
            return anm_char_ranges[i].flags;
    return 0;
}

static void table_agrees_with_the_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < anm_char_n_ranges; i++) {
        const anm_char_range *r = &anm_char_ranges[i];
        const uint32_t probes[] = { r->first, r->last, r->last + 1 };
        if (i) assert_true(r->first > anm_char_ranges[i - 1].last);
        assert_true(r->first <= r->last && r->last < 0x110000);
        for (size_t p = 0; p < 3 && probes[p] < 0x110000; p++)
            assert_int_equal(anm_char_flags(&chars, probes[p]) &
                                 ~(unsigned)ANM_CHAR_UPPER,
                             flags_of_range(probes[p]));
    }
}

static void upper_case_is_exactly_what_has_a_lower_case(void **state)
{
    size_t n = 0, listed = 1; // U+0130

    (void)state;
    for (size_t i = 0; i < anm_char_n_lowers; i++)
        listed += (anm_char_lowers[i].last - anm_char_lowers[i].first) /
                      anm_char_lowers[i].step +
                  1;
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        uint32_t lower[2];
        if (!(anm_char_flags(&chars, cp) & ANM_CHAR_UPPER)) continue;
        n++;
        assert_int_equal(anm_char_lower_of(cp, lower), cp == 0x130 ? 2 : 1);
        assert_int_not_equal(lower[0], cp);
    }
    assert_int_equal(n, listed);
}

static void lower_case_is_per_code_point(void **state)
{
    static const uint32_t pairs[][2] = {
        { 'A', 'a' },       { 'Z', 'z' },       { 0xc5, 0xe5 },
        { 0x3a3, 0x3c3 },   { 0x178, 0xff },    { 0x1e9e, 0xdf },
        { 0x2126, 0x3c9 },  { 0x212a, 'k' },    { 0x10400, 0x10428 },
        { 0x1c89, 0x1c8a }, { 0x13a0, 0xab70 }, { 0x1f88, 0x1f80 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint32_t lower[2] = { 0 };
        assert_true(anm_char_flags(&chars, pairs[i][0]) & ANM_CHAR_UPPER);
        assert_int_equal(anm_char_lower_of(pairs[i][0], lower), 1);
        assert_int_equal(lower[0], pairs[i][1]);
    }
}

static void code_points_newer_than_the_original_have_no_property(void **state)
{
    (void)state;
    // Nonspacing since Unicode 9, decomposing since Unicode 13: unknown there.
    assert_false(anm_char_flags(&chars, 0x1e000) & ANM_CHAR_NONSPACING);
    assert_false(anm_char_flags(&chars, 0x11938) & ANM_CHAR_CANONICAL);
    assert_true(anm_char_flags(&chars, 0x301) & ANM_CHAR_NONSPACING);
    assert_true(anm_char_flags(&chars, 0xe9) & ANM_CHAR_CANONICAL);
}

static int set_up(void **state)
{
    static anm_arena arena;

    *state = &arena;
    return anm_chars_init(&chars, &arena) ? 0 : -1;
}

static int tear_down(void **state)
{
    anm_arena_deinit(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_agrees_with_the_ranges),
        cmocka_unit_test(upper_case_is_exactly_what_has_a_lower_case),
        cmocka_unit_test(lower_case_is_per_code_point),
        cmocka_unit_test(code_points_newer_than_the_original_have_no_property),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
