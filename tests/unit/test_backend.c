/* test_backend.c - the list of backends and finding sections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/support.h"

#include "backend/backend.h"

static void each_section_is_found_by_name_and_no_other(void **state)
{
    static const char *const names[] = { "a", "b/c", "b/cc", "d", "plain/x" };
    static const char *const absent[] = {
        "", "A", "b", "b/ccc", "plain/y", "z"
    };
    anm_section items[5];

    (void)state;
    for (size_t i = 0; i < 5; i++)
        items[i] = (anm_section){ names[i], anm_bytes_of(names[i], i + 1) };
    for (size_t n = 0; n <= 5; n++) {
        const anm_sections s = { items, n };
        anm_bytes found;

        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(anm_sections_find(&s, names[i], &found), i < n);
            if (i < n) assert_ptr_equal(found.data, names[i]);
            if (i < n) assert_int_equal(found.len, i + 1);
        }
        for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
            assert_false(anm_sections_find(&s, absent[i], &found));
    }
}

static void cpu_is_built_in_and_last_resort(void **state)
{
    const anm_backend *const *b = anm_backends();
    const anm_backend *last = NULL;

    (void)state;
    for (; *b; b++)
        last = *b;
    assert_non_null(last);
    assert_string_equal(last->name, "cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_section_is_found_by_name_and_no_other),
        cmocka_unit_test(cpu_is_built_in_and_last_resort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
