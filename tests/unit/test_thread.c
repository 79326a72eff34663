/* Threads of experiments.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "support/support.h"

static void count(void *ctx)
{
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static void joined_threads_have_run(void **state)
{
    anm_thread threads[4];
    atomic_int n = 0;
    (void)state;

    for (int i = 0; i < 4; i++)
        assert_int_equal(anm_thread_start(&threads[i], count, &n, NULL),
                         ANM_OK);
    for (int i = 0; i < 4; i++)
        anm_thread_join(&threads[i]);
    assert_int_equal(n, 4);
    anm_thread_join(&threads[0]);
    anm_thread_join(&(anm_thread){ 0 });
}

static void place(void *ctx)
{
    // Both may be refused; neither may harm the thread that started this one.
    (void)anm_thread_pin(0);
    (void)anm_thread_yield_to_all();
    *(bool *)ctx = anm_thread_pin(1000000);
}

static void placing_is_of_one_thread(void **state)
{
    anm_thread thread;
    bool beyond = true;
    (void)state;

    assert_int_equal(anm_thread_start(&thread, place, &beyond, NULL), ANM_OK);
    anm_thread_join(&thread);
    assert_false(beyond);
}

static void burning_takes_cpu_time(void **state)
{
    const uint64_t before = anm_thread_cpu_ns(), began = anm_now_ns();
    (void)state;

    anm_thread_burn(3000000);
    assert_true(anm_now_ns() - began >= 3000000);
    assert_true(anm_thread_cpu_ns() - before > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_threads_have_run),
        cmocka_unit_test(placing_is_of_one_thread),
        cmocka_unit_test(burning_takes_cpu_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
