/* Clocks: monotonic, and CPU time only while computing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <pthread.h>
#include <time.h>

#include "support/support.h"

static void time_never_goes_back(void **state)
{
    uint64_t last = anm_now_ns();
    (void)state;

    for (int i = 0; i < 100000; i++) {
        const uint64_t now = anm_now_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void clock_that_went_back_shows_no_time(void **state)
{
    (void)state;
    assert_int_equal(anm_elapsed_ns(5, 9), 4);
    assert_int_equal(anm_elapsed_ns(9, 5), 0);
}

static void clock_with_sleep_goes_on_like_the_other(void **state)
{
    const uint64_t start = anm_now_with_sleep_ns(), began = anm_now_ns();
    (void)state;

    anm_sleep_ns(1000000);
    const uint64_t passed = anm_now_ns() - began;
    assert_true(passed >= 1000000);
    assert_true(anm_now_with_sleep_ns() - start >= passed);
}

static void sleep_is_at_least_as_long_as_asked(void **state)
{
    const uint64_t start = anm_now_ns();
    (void)state;

    anm_sleep_ns(3000000);
    assert_true(anm_now_ns() - start >= 3000000);
}

static void wall_clock_is_the_date(void **state)
{
    (void)state;
    const int64_t seconds = anm_wall_ns() / 1000000000;
    assert_true(seconds >= time(NULL) - 2 && seconds <= time(NULL) + 2);
}

static void sleeping_takes_no_cpu_time(void **state)
{
    (void)state;

    const uint64_t cpu = anm_thread_cpu_ns();
    anm_sleep_ns(50000000);
    assert_true(anm_thread_cpu_ns() - cpu < 25000000);
    const uint64_t end = anm_thread_cpu_ns() + 2000000;
    while (anm_thread_cpu_ns() < end) {
    }
}

static void another_thread_sees_the_same_cpu_time(void **state)
{
    (void)state;

    const uint64_t before = anm_thread_cpu_ns();
    const uint64_t seen = anm_other_thread_cpu_ns(pthread_self());
    const uint64_t after = anm_thread_cpu_ns();
    assert_true(seen == 0 || (before <= seen && seen <= after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(clock_that_went_back_shows_no_time),
        cmocka_unit_test(clock_with_sleep_goes_on_like_the_other),
        cmocka_unit_test(sleep_is_at_least_as_long_as_asked),
        cmocka_unit_test(wall_clock_is_the_date),
        cmocka_unit_test(sleeping_takes_no_cpu_time),
        cmocka_unit_test(another_thread_sees_the_same_cpu_time),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
