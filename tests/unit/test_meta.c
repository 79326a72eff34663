/* Metadata in one spelling: escapes that need none are undone, numbers and
 * spaces stay as they came.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "store/statement.h"
#include "support/stores.h"

static const struct {
    const char *in, *out;
} cases[] = {
    { "", "{}" },
    { "{}", "{}" },
    { " { \"a\" : 0.10 } ", " { \"a\" : 0.10 } " },
    { "{\"a\":1e2}", "{\"a\":1e2}" },
    { "{\"caf\\u00e9\":\"\\u00C4\\/\"}", "{\"caf\xc3\xa9\":\"\xc3\x84/\"}" },
    { "{\"a\":\"\\ud83c\\udF0A\"}", "{\"a\":\"\xf0\x9f\x8c\x8a\"}" },
    { "{\"a\":\"\\u0022\\u005c\\u0041\"}", "{\"a\":\"\\\"\\\\A\"}" },
    { "{\"a\":\"\\\\u0041\"}", "{\"a\":\"\\\\u0041\"}" },
    { "{\"a\":\"\\u000a\\u0009\\n\\u0001\\u001F\\u007f\"}",
      "{\"a\":\"\\n\\t\\n\\u0001\\u001f\x7f\"}" },
};

static void escapes_have_one_spelling(void **state)
{
    anm_buf out = { 0 };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(anm_meta_normal(test_text(cases[i].in), &out, NULL),
                         ANM_OK);
        assert_int_equal(out.len, strlen(cases[i].out));
        assert_string_equal(out.data, cases[i].out);
        // What is normal stays.
        anm_buf again = { 0 };
        assert_int_equal(
            anm_meta_normal((anm_text){ out.data, out.len }, &again, NULL),
            ANM_OK);
        assert_string_equal(again.data, cases[i].out);
        anm_buf_deinit(&again);
    }
    anm_buf_deinit(&out);
}

static void depth_is_counted_outside_strings(void **state)
{
    char json[2100] = "{\"\\\"[[[[\":";
    const size_t head = strlen(json);
    anm_buf out = { 0 };
    anm_error err;
    (void)state;

    memset(json + head, '[', 999);
    memset(json + head + 999, ']', 999);
    strcpy(json + head + 1998, "}");
    assert_int_equal(anm_meta_normal(test_text(json), &out, &err), ANM_OK);
    memmove(json + head + 1, json + head, strlen(json + head) + 1);
    json[head] = '[';
    strcpy(json + head + 1999, "]}");
    assert_int_equal(anm_meta_normal(test_text(json), &out, &err),
                     ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "1001 deep, at most 1000"));
    anm_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_have_one_spelling),
        cmocka_unit_test(depth_is_counted_outside_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
