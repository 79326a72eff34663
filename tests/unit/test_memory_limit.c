/* How much memory this process may have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/memory_limit.h"

#include "support/support.h"

static void limit_files_of_both_versions_are_read(void **state)
{
    (void)state;
    assert_int_equal(anm_memory_limit_of("4294967296\n"), 4294967296);
    assert_int_equal(anm_memory_limit_of("max\n"), 0);
    assert_int_equal(anm_memory_limit_of("9223372036854771712\n"), 0);
    assert_int_equal(anm_memory_limit_of("-1\n"), 0);
    assert_int_equal(anm_memory_limit_of(""), 0);
}

static void this_machine_has_some_memory(void **state)
{
    anm_memory_limit limit;

    (void)state;
    anm_memory_limit_read(&limit);
    // 0 is "not said"; what is said holds at least this test.
    if (limit.machine) assert_true(limit.machine > 1 << 20);
    if (limit.cgroup) assert_true(limit.cgroup > 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limit_files_of_both_versions_are_read),
        cmocka_unit_test(this_machine_has_some_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
