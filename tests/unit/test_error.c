/* Messages: one printable line, cut at a character, whatever the values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <string.h>

#include "base/utf8.h"
#include "support/support.h"

static void message_carries_status_and_values(void **state)
{
    anm_error err;
    (void)state;

    assert_int_equal(anm_fail(&err, ANM_E_FORMAT, "%s: %d", "x", 7),
                     ANM_E_FORMAT);
    assert_int_equal(err.status, ANM_E_FORMAT);
    assert_string_equal(err.message, "x: 7");
    assert_int_equal(anm_fail(NULL, ANM_E_IO, "%d", 1), ANM_E_IO);
    assert_int_equal(anm_fail_prefix(NULL, ANM_E_IO, "%d", 1), ANM_E_IO);
    assert_int_equal(anm_fail_errno(NULL, EIO, "x"), ANM_E_IO);
}

static void unprintable_bytes_are_escaped(void **state)
{
    static const char *const cases[][2] = {
        { "a\nb\tc\x1b[31m", "a\\x0Ab\\x09c\\x1B[31m" },
        { "\x7f", "\\x7F" },
        { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "\xff\xc3(\xed\xa0\x80", "\\xFF\\xC3(\\xED\\xA0\\x80" },
        { "\xc2\x85", "\\xC2\\x85" },
        { "\xe2\x80\xae", "\\xE2\\x80\\xAE" },
        { "cut at the end \xe2\x82", "cut at the end \\xE2\\x82" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_error err;
        anm_fail(&err, ANM_E_IO, "%s", cases[i][0]);
        assert_string_equal(err.message, cases[i][1]);
    }
}

/* n bytes: `lead` one-byte characters, then three-byte ones, then the rest. */
static void fill(char *text, size_t n, size_t lead)
{
    memset(text, '.', n);
    for (size_t i = lead; i + 3 <= n; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    text[n] = '\0';
}

static void long_message_is_cut_at_a_character(void **state)
{
    char text[4001];
    (void)state;

    for (size_t lead = 0; lead < 3; lead++) {
        for (size_t n = 1000; n < sizeof(text) - 1; n += n < 1100 ? 1 : 479) {
            anm_error err;
            fill(text, n, lead);
            anm_fail(&err, ANM_E_IO, "%s", text);
            const size_t len = strlen(err.message);
            assert_true(len <= 1023);
            assert_int_equal(anm_utf8_invalid_at(err.message, len), len);
            if (n <= 1023) {
                assert_string_equal(err.message, text);
                continue;
            }
            assert_true(len >= 1018);
            assert_string_equal(err.message + len - 3, "…");
            assert_memory_equal(err.message, text, len - 3);
        }
    }
}

static void escapes_are_not_cut_in_the_middle(void **state)
{
    char text[1101];
    (void)state;

    memset(text, '\x01', sizeof(text) - 1);
    for (size_t lead = 0; lead < 4; lead++) {
        anm_error err;
        memset(text, '.', lead);
        text[sizeof(text) - 1] = '\0';
        anm_fail(&err, ANM_E_IO, "%s", text);
        const size_t len = strlen(err.message);
        assert_true(len <= 1023);
        assert_string_equal(err.message + len - 7, "\\x01…");
    }
}

static void prefix_keeps_the_message(void **state)
{
    anm_error err;
    (void)state;

    anm_fail(&err, ANM_E_CORRUPT, "tensor a");
    assert_int_equal(anm_fail_prefix(&err, err.status, "file %s", "b\n"),
                     ANM_E_CORRUPT);
    assert_string_equal(err.message, "file b\\x0A: tensor a");
}

static void prefix_of_a_full_message_is_cut_once(void **state)
{
    anm_error err;
    char text[1024];
    (void)state;

    fill(text, sizeof(text) - 1, 0);
    anm_fail(&err, ANM_E_IO, "%s", text);
    anm_fail_prefix(&err, ANM_E_IO, "p");
    const size_t len = strlen(err.message);
    assert_true(len <= 1023 && len >= 1018);
    assert_memory_equal(err.message, "p: \xe2\x82\xac", 6);
    assert_string_equal(err.message + len - 6, "\xe2\x82\xac…");
}

static void errno_decides_the_status(void **state)
{
    anm_error err;
    (void)state;

    assert_int_equal(anm_fail_errno(&err, ENOENT, "open %s", "/x"),
                     ANM_E_NOTFOUND);
    assert_string_equal(err.message, "open /x: No such file or directory");
    assert_int_equal(anm_fail_errno(&err, ENOTDIR, "x"), ANM_E_NOTFOUND);
    assert_int_equal(anm_fail_errno(&err, ENOMEM, "x"), ANM_E_NOMEM);
    assert_int_equal(anm_fail_errno(&err, ENOSPC, "x"), ANM_E_IO);
    assert_int_equal(err.status, ANM_E_IO);
    anm_fail_errno(&err, 987654, "x");
    assert_true(strlen(err.message) > 3);
}

static void statuses_have_names(void **state)
{
    (void)state;

    assert_string_equal(anm_status_name(ANM_OK), "ANM_OK");
    assert_string_equal(anm_status_name(ANM_E_INTERNAL), "ANM_E_INTERNAL");
    assert_string_equal(anm_status_name((anm_status)99), "ANM_?");
    assert_string_equal(anm_status_name((anm_status)-1), "ANM_?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_carries_status_and_values),
        cmocka_unit_test(unprintable_bytes_are_escaped),
        cmocka_unit_test(long_message_is_cut_at_a_character),
        cmocka_unit_test(escapes_are_not_cut_in_the_middle),
        cmocka_unit_test(prefix_keeps_the_message),
        cmocka_unit_test(prefix_of_a_full_message_is_cut_once),
        cmocka_unit_test(errno_decides_the_status),
        cmocka_unit_test(statuses_have_names),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
