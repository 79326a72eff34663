/* test_value_names.c - two values never have one name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/value_names.h"

#include <string.h>

#include "support/support.h"

static void name_of_two_values_is_told(void **state)
{
    const char *names[] = { "c", "a", "b", "", "a." };
    const char *twice[] = { "c", "a", "b", "ab", "a" };
    anm_error err;
    (void)state;

    assert_int_equal(anm_value_names_check(names, 0, NULL), ANM_OK);
    assert_int_equal(anm_value_names_check(names, 1, NULL), ANM_OK);
    assert_int_equal(anm_value_names_check(names, 5, NULL), ANM_OK);
    assert_int_equal(anm_value_names_check(twice, 4, NULL), ANM_OK);
    assert_int_equal(anm_value_names_check(twice, 5, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "named a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_of_two_values_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
