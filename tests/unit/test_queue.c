/* test_queue.c - one at a time, live before bulk, nobody forgotten.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/queue.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "support/support.h"

typedef struct shared {
    anm_queue *queue;
    int inside; /* unprotected but for the queue */
    unsigned rounds;
    int order[8];
    int n_order;
} shared;

static void *take_turns(void *arg)
{
    shared *s = arg;

    for (unsigned i = 0; i < s->rounds; i++) {
        anm_queue_enter(s->queue, i % 3 == 0);
        assert_int_equal(++s->inside, 1);
        s->inside--;
        anm_queue_leave(s->queue);
    }
    return NULL;
}

static void never_two_inside(void **state)
{
    shared s = { .rounds = 2000 };
    pthread_t threads[6];
    (void)state;

    assert_int_equal(anm_queue_new(&s.queue, NULL), ANM_OK);
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, &s), 0);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(anm_queue_in_flight(s.queue), 0);
    anm_queue_free(s.queue);
}

typedef struct caller {
    shared *s;
    int name;
    bool bulk;
} caller;

static void *enter_once(void *arg)
{
    caller *c = arg;

    assert_true(anm_queue_enter(c->s->queue, c->bulk));
    c->s->order[c->s->n_order++] = c->name;
    anm_queue_leave(c->s->queue);
    return NULL;
}

static void wait_for_in_flight(shared *s, unsigned n)
{
    while (anm_queue_in_flight(s->queue) < n)
        anm_sleep_ns(100000);
    // Counted before it waits: give it the time to stand in line.
    anm_sleep_ns(20000000);
}

static void live_overtakes_bulk_in_order_of_arrival(void **state)
{
    static const bool bulk[5] = { true, false, true, false, false };
    static const int expected[5] = { 1, 3, 4, 0, 2 };
    shared s = { 0 };
    pthread_t threads[5];
    caller callers[5];
    (void)state;

    assert_int_equal(anm_queue_new(&s.queue, NULL), ANM_OK);
    assert_false(anm_queue_enter(s.queue, true));
    assert_false(anm_queue_live_waiting(s.queue));
    for (int i = 0; i < 5; i++) {
        callers[i] = (caller){ &s, i, bulk[i] };
        assert_int_equal(
            pthread_create(&threads[i], NULL, enter_once, &callers[i]), 0);
        wait_for_in_flight(&s, (unsigned)i + 2);
    }
    assert_true(anm_queue_live_waiting(s.queue));
    assert_true(anm_queue_leave(s.queue));
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(s.order[i], expected[i]);
    anm_queue_free(s.queue);
}

static void free_accepts_null(void **state)
{
    (void)state;
    anm_queue_free(NULL);
}

static void memory_that_runs_out_is_reported(void **state)
{
    anm_queue *q = NULL;
    anm_error err;
    (void)state;

    test_fault_arm(1);
    assert_int_equal(anm_queue_new(&q, &err), ANM_E_NOMEM);
    assert_true(test_fault_disarm());
    assert_null(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_two_inside),
        cmocka_unit_test(live_overtakes_bulk_in_order_of_arrival),
        cmocka_unit_test(free_accepts_null),
        cmocka_unit_test(memory_that_runs_out_is_reported),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
