/* Strings and sets of devices as documents spell them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/json_text.h"

#include "anemone.h"
#include "support/support.h"

static void check_text(const char *from, const char *to)
{
    json_t *text = anm_json_text(from);

    assert_non_null(text);
    assert_string_equal(json_string_value(text), to);
    json_decref(text);
}

static void only_invalid_texts_lose_their_foreign_bytes(void **state)
{
    (void)state;
    check_text("", "");
    check_text("models/caf\xc3\xa9", "models/caf\xc3\xa9");
    check_text("models/caf\xe9", "models/caf?");
    check_text("caf\xc3\xa9/\xff", "caf?"
                                   "?/?");
}

static void devices_are_named_in_their_order(void **state)
{
    json_t *none = anm_json_devices(0);
    json_t *two = anm_json_devices(1u << ANM_DEVICE_ANE | 1u << ANM_DEVICE_CPU);
    (void)state;

    assert_int_equal(json_array_size(none), 0);
    assert_int_equal(json_array_size(two), 2);
    assert_string_equal(json_string_value(json_array_get(two, 0)), "cpu");
    assert_string_equal(json_string_value(json_array_get(two, 1)), "ane");
    json_decref(none);
    json_decref(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_invalid_texts_lose_their_foreign_bytes),
        cmocka_unit_test(devices_are_named_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
