/* UTF-8 against its definition.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static void every_code_point_survives(void **state)
{
    (void)state;

    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char s[4];
        size_t size = 0;
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        const size_t n = anm_utf8_encode(cp, s);
        assert_int_equal(n, cp < 0x80      ? 1
                            : cp < 0x800   ? 2
                            : cp < 0x10000 ? 3
                                           : 4);
        assert_int_equal(anm_utf8_invalid_at(s, n), n);
        assert_int_equal(anm_utf8_decode(s, n, &size), cp);
        assert_int_equal(size, n);
    }
}

/* The definition: valid is exactly what encoding a code point gives. */
static bool is_encoding(const unsigned char *s, size_t n)
{
    uint32_t cp = n == 2 ? s[0] & 0x1fu : n == 3 ? s[0] & 0x0fu : s[0] & 0x07u;
    char again[4];

    for (size_t i = 1; i < n; i++)
        cp = cp << 6 | (s[i] & 0x3fu);
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) return false;
    return anm_utf8_encode(cp, again) == n && memcmp(again, s, n) == 0;
}

static void exactly_the_encodings_are_valid(void **state)
{
    (void)state;

    for (uint32_t x = 0; x < 0x1000000; x += x < 0xc00000 ? 7 : 1) {
        const unsigned char s[3] = { (unsigned char)(x >> 16),
                                     (unsigned char)(x >> 8),
                                     (unsigned char)x };
        if (s[0] < 0x80) continue;
        const size_t at = anm_utf8_invalid_at((const char *)s, 3);
        assert_int_equal(at == 3 && s[0] >= 0xe0, is_encoding(s, 3));
    }
    for (uint32_t x = 0; x < 0x10000; x++) {
        const unsigned char s[4] = { 0xf0 | (unsigned char)(x >> 13),
                                     (unsigned char)(x >> 5 & 0xff), 0x80,
                                     0x80 | (x & 0x1f) };
        assert_int_equal(anm_utf8_invalid_at((const char *)s, 4) == 4,
                         is_encoding(s, 4));
    }
}

static void first_bad_byte_is_named_at_any_offset(void **state)
{
    static const char *const bad[] = { "\x80",         "\xc0\x80",
                                       "\xff",         "\xe2\x82",
                                       "\xed\xa0\x80", "\xf4\x90\x80\x80" };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t at = 0; at < 40; at++) {
            const size_t len = at + strlen(bad[i]);
            char *s = malloc(len); // no byte more than the text
            memset(s, 'x', at);
            memcpy(s + at, bad[i], len - at);
            assert_int_equal(anm_utf8_invalid_at(s, len), at);
            free(s);
        }
    }
    assert_int_equal(anm_utf8_invalid_at(NULL, 0), 0);
    assert_int_equal(anm_utf8_invalid_at("a\0b", 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_survives),
        cmocka_unit_test(exactly_the_encodings_are_valid),
        cmocka_unit_test(first_bad_byte_is_named_at_any_offset),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
