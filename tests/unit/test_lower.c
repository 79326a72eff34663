/* test_lower.c - lower-casing a text; expectations are those of Python's
 * str.lower().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/lower.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "support/support.h"

static void is_lower(const char *text, const char *expected)
{
    const size_t len = strlen(text);
    char *room = malloc(len + anm_lower_growth(len) + 1);

    // In place, from the end of the room: a write that overtook the reading
    // would show.
    memcpy(room + anm_lower_growth(len), text, len);
    const size_t n = anm_lower(room, room + anm_lower_growth(len), len);
    assert_true(n <= len + anm_lower_growth(len));
    room[n] = '\0';
    assert_string_equal(room, expected);
    free(room);
}

static void letters_of_many_scripts(void **state)
{
    (void)state;
    is_lower("", "");
    is_lower("Hello, WORLD 42", "hello, world 42");
    is_lower("ÄÖÜ ŁÓDŹ ПРИВЕТ", "äöü łódź привет");
    is_lower("ẞ", "ß");
    is_lower("K Å", "k å"); // Kelvin, Angstrom
    is_lower("日本語 ١٢٣", "日本語 ١٢٣");
}

static void dotted_capital_i_becomes_two_code_points(void **state)
{
    (void)state;
    is_lower("İ", "i̇");
    is_lower("İİİİ", "i̇i̇i̇i̇");
}

static void letters_that_grow_have_room(void **state)
{
    (void)state;
    is_lower("ȺȺȺȾȾȾ", "ⱥⱥⱥⱦⱦⱦ");
}

static void sigma_at_the_end_of_a_word_is_final(void **state)
{
    (void)state;
    is_lower("ΣΊΣΥΦΟΣ", "σίσυφος");
    is_lower("ΟΔΟΣ.", "οδος.");
    is_lower("ΟΔΟΣ ΑΒ", "οδος αβ");
    is_lower("Σ", "σ");
    is_lower("ΑΣ'", "ας'");
    is_lower("ΑΣ'Α", "ασ'α");
    is_lower("Α'Σ", "α'ς");
}

/* Case mappings of all code points keep the text valid and in its room. */
static void every_code_point_stays_valid(void **state)
{
    (void)state;
    for (uint32_t cp = 1; cp <= 0x10ffff; cp++) {
        char text[4], out[16];
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        const size_t len = anm_utf8_encode(cp, text);
        const size_t n = anm_lower(out, text, len);
        assert_true(n <= len + anm_lower_growth(len));
        assert_int_equal(anm_utf8_invalid_at(out, n), n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_many_scripts),
        cmocka_unit_test(dotted_capital_i_becomes_two_code_points),
        cmocka_unit_test(letters_that_grow_have_room),
        cmocka_unit_test(sigma_at_the_end_of_a_word_is_final),
        cmocka_unit_test(every_code_point_stays_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
