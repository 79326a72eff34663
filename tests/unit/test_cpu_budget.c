/* The thread budget of this very process.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/cpu.h"
#include "support/support.h"

static void budget_is_within_the_machine(void **state)
{
    anm_cpu_budget b;
    (void)state;

    anm_cpu_budget_read(&b);
    assert_in_range(b.affinity, 1, sysconf(_SC_NPROCESSORS_CONF));
    assert_in_range(b.physical, 1, b.affinity);
    assert_in_range(b.threads, 1, b.physical);
    assert_true(b.quota >= 0);
    if (b.quota > 0) assert_true(b.threads == 1 || b.threads <= b.quota);
}

#if defined(__linux__)

static void *read_on_one_cpu(void *out)
{
    cpu_set_t all, one;

    sched_getaffinity(0, sizeof(all), &all);
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
        if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
    anm_cpu_budget_read(out);
    return NULL;
}

static void narrowed_affinity_is_obeyed(void **state)
{
    anm_cpu_budget b;
    pthread_t thread;
    (void)state;

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) skip();
    assert_int_equal(pthread_create(&thread, NULL, read_on_one_cpu, &b), 0);
    pthread_join(thread, NULL);
    assert_int_equal(b.affinity, 1);
    assert_int_equal(b.physical, 1);
    assert_int_equal(b.threads, 1);
    assert_false(b.owns_all);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_is_within_the_machine),
#if defined(__linux__)
        cmocka_unit_test(narrowed_affinity_is_obeyed),
#endif
    };
    return cmocka_run_group_tests_name("cpu_budget", tests, NULL, NULL);
}
