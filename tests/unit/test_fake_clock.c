/* test_fake_clock.c - threads of a played machine take turns in virtual time,
 * in an order that depends on nothing but their script.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/virtual.h"
#include "support/support.h"

static const uint64_t ms = 1000000;

/* What happened, in order. One thread of all runs at any moment. */
static char trace[64];

static void note(char what)
{
    const size_t n = strlen(trace);

    assert_true(n + 1 < sizeof(trace));
    trace[n] = what;
    trace[n + 1] = '\0';
}

static void time_passes_where_it_is_spent(void **state)
{
    const uint64_t start = anm_virtual_now();
    const int64_t cpu = anm_virtual_counters()->cpu_ns;
    (void)state;

    assert_int_equal(anm_virtual_now(), start);
    anm_virtual_spend(5 * ms, true);
    anm_virtual_spend(3 * ms, false);
    assert_int_equal(anm_virtual_now() - start, 8 * ms);
    assert_int_equal(anm_virtual_counters()->cpu_ns - cpu, 5 * ms);
    anm_virtual_jump(60000 * ms); // asleep: nobody computed
    assert_int_equal(anm_virtual_now() - start, 60008 * ms);
    assert_int_equal(anm_virtual_counters()->cpu_ns - cpu, 5 * ms);
    anm_virtual_wait_until(start); // in the past
    assert_int_equal(anm_virtual_now() - start, 60008 * ms);
}

static void reading_the_clock_takes_a_tick(void **state)
{
    const uint64_t start = anm_virtual_now();
    (void)state;

    anm_virtual_host()->tick_ns = 300;
    assert_int_equal(anm_virtual_read() - start, 300);
    assert_int_equal(anm_virtual_read() - start, 600);
    anm_virtual_host()->tick_ns = 20;
}

typedef struct visitor {
    char name;
    uint64_t every_ns;
    int64_t cpu_ns; /* at its end */
} visitor;

static void visit(void *ctx)
{
    visitor *v = ctx;

    for (int i = 0; i < 3; i++) {
        note(v->name);
        anm_virtual_spend(v->every_ns, true);
    }
    v->cpu_ns = anm_virtual_counters()->cpu_ns;
}

static void arrivals_come_in_the_order_of_their_time(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        anm_error err;
        visitor slow = { 's', 10 * ms, 0 }, quick = { 'q', 4 * ms, 0 };
        const uint64_t now = anm_virtual_now();
        trace[0] = '\0';
        // s at 0, 10, 20; q at 1, 5, 9; of two at once the one that asked first
        assert_int_equal(anm_virtual_start(visit, &quick, now + ms, &err), 0);
        assert_int_equal(anm_virtual_start(visit, &slow, now, &err), 0);
        anm_virtual_join();
        assert_string_equal(trace, "sqqqss");
        assert_int_equal(slow.cpu_ns, 30 * ms);
        assert_int_equal(quick.cpu_ns, 12 * ms);
        assert_in_range(anm_virtual_now() - now, 30 * ms, 31 * ms);
    }
}

static int door;

static void wait_at_the_door(void *ctx)
{
    anm_virtual_wait(&door);
    note(*(const char *)ctx);
    anm_virtual_spend(ms, false);
    anm_virtual_raise(&door);
}

static void who_waits_first_is_woken_first(void **state)
{
    static char names[] = "abc";
    anm_error err;
    (void)state;

    for (int round = 0; round < 20; round++) {
        const uint64_t now = anm_virtual_now();
        trace[0] = '\0';
        for (int i = 0; i < 3; i++)
            assert_int_equal(anm_virtual_start(wait_at_the_door, &names[i],
                                               now + (uint64_t)i, &err),
                             0);
        anm_virtual_spend(5 * ms, false);
        assert_string_equal(trace, "");
        anm_virtual_raise(&trace); // another signal
        anm_virtual_spend(5 * ms, false);
        assert_string_equal(trace, "");
        anm_virtual_raise(&door);
        anm_virtual_join();
        assert_string_equal(trace, "abc");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_passes_where_it_is_spent),
        cmocka_unit_test(reading_the_clock_takes_a_tick),
        cmocka_unit_test(arrivals_come_in_the_order_of_their_time),
        cmocka_unit_test(who_waits_first_is_woken_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
