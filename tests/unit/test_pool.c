/* The pool: every member once, what was written is seen, nobody is waited for
 * in vain.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "support/support.h"

enum { MAX_MEMBERS = 8 };

typedef struct counts {
    unsigned runs[MAX_MEMBERS]; // not atomic: the pool orders the accesses
    unsigned n_members;
} counts;

static void count_member(void *ctx, unsigned member, unsigned n_members)
{
    counts *c = ctx;
    c->runs[member]++;
    if (member == 0) c->n_members = n_members;
}

static anm_pool *make(unsigned n_members)
{
    anm_pool *p = NULL;
    assert_int_equal(anm_pool_new(&p, n_members, NULL), ANM_OK);
    assert_int_equal(anm_pool_size(p), n_members);
    return p;
}

static void every_member_runs_once_a_step(void **state)
{
    enum { STEPS = 500 };
    (void)state;

    for (unsigned n = 1; n <= MAX_MEMBERS; n++) {
        anm_pool *p = make(n);
        counts c = { 0 };
        for (unsigned i = 0; i < STEPS; i++)
            anm_pool_run(p, count_member, &c);
        for (unsigned m = 0; m < MAX_MEMBERS; m++)
            assert_int_equal(c.runs[m], m < n ? STEPS : 0);
        assert_int_equal(c.n_members, n);
        anm_pool_free(p);
    }
}

/* A step reads what all members of the step before wrote. */
typedef struct relay {
    uint64_t now[MAX_MEMBERS], before[MAX_MEMBERS];
} relay;

static void add_all(void *ctx, unsigned member, unsigned n_members)
{
    relay *r = ctx;
    uint64_t sum = 1;
    for (unsigned m = 0; m < n_members; m++)
        sum += r->before[m];
    r->now[member] = sum % 1000003;
}

static void members_see_what_the_step_before_wrote(void **state)
{
    enum { STEPS = 2000, N = 3 };
    anm_pool *p = make(N);
    relay r = { 0 };
    uint64_t want = 0;
    (void)state;

    anm_pool_begin(p);
    for (unsigned i = 0; i < STEPS; i++) {
        anm_pool_run(p, add_all, &r);
        memcpy(r.before, r.now, sizeof(r.now));
        want = (1 + N * want) % 1000003;
        for (unsigned m = 0; m < N; m++)
            assert_int_equal(r.now[m], want);
    }
    anm_pool_end(p);
    anm_pool_free(p);
}

typedef struct drawing {
    anm_pool *pool;
    atomic_uint drawn[1000];
} drawing;

static void draw(void *ctx, unsigned member, unsigned n_members)
{
    drawing *d = ctx;
    (void)member;
    (void)n_members;
    for (size_t i; (i = anm_pool_next(d->pool)) < 1000;)
        atomic_fetch_add(&d->drawn[i], 1);
}

static void each_piece_of_work_is_drawn_once(void **state)
{
    anm_pool *p = make(4);
    drawing d = { .pool = p };
    (void)state;

    for (unsigned step = 1; step <= 20; step++) {
        anm_pool_run(p, draw, &d);
        for (size_t i = 0; i < 1000; i++)
            assert_int_equal(d.drawn[i], step);
    }
    anm_pool_free(p);
}

enum { MAX_UNITS = 100 };

/* In which order each member drew its units, of which there are n. */
typedef struct sharing {
    anm_pool *pool;
    size_t n;
    atomic_uint drawn[MAX_UNITS];
    size_t order[MAX_MEMBERS][MAX_UNITS], n_drawn[MAX_MEMBERS];
} sharing;

static void draw_units(void *ctx, unsigned member, unsigned n_members)
{
    sharing *s = ctx;
    (void)n_members;
    for (size_t u; anm_pool_draw(s->pool, member, s->n, &u);) {
        assert_true(u < s->n);
        atomic_fetch_add(&s->drawn[u], 1);
        s->order[member][s->n_drawn[member]++] = u;
    }
}

/* The part of its own ascending, then of each other one from its end. */
static void check_order(const sharing *s, unsigned member, unsigned n_members)
{
    size_t at = 0;

    for (unsigned i = 0; i < n_members; i++) {
        const unsigned owner = (member + i) % n_members;
        const size_t first = s->n * owner / n_members;
        const size_t end = s->n * (owner + 1) / n_members;
        size_t n = 0;

        for (; at < s->n_drawn[member]; at++, n++) {
            const size_t u = s->order[member][at];
            if (u < first || u >= end) break;
            if (n == 0) continue;
            const size_t before = s->order[member][at - 1];
            if (i == 0)
                assert_int_equal(u, before + 1);
            else
                assert_true(u < before);
        }
        if (i == 0 && n) assert_int_equal(s->order[member][0], first);
    }
    assert_int_equal(at, s->n_drawn[member]);
}

static void each_unit_is_drawn_once_and_in_order(void **state)
{
    static const size_t sizes[] = { 0, 1, 2, 7, 48, MAX_UNITS };
    (void)state;

    for (unsigned n = 1; n <= MAX_MEMBERS; n++) {
        anm_pool *p = make(n);
        for (size_t i = 0; i < 200; i++) {
            sharing s = { .pool = p, .n = sizes[i % 6] };
            anm_pool_run(p, draw_units, &s);
            for (size_t u = 0; u < s.n; u++)
                assert_int_equal(s.drawn[u], 1);
            for (unsigned m = 0; m < n; m++)
                check_order(&s, m, n);
        }
        anm_pool_free(p);
    }
}

static void draw_as_first(void *ctx, unsigned member, unsigned n_members)
{
    if (member == 0) draw_units(ctx, member, n_members);
}

static void member_does_the_units_of_one_that_draws_none(void **state)
{
    anm_pool *p = make(3);
    sharing s = { .pool = p, .n = 10 };
    static const size_t want[] = { 0, 1, 2, 5, 4, 3, 9, 8, 7, 6 };
    (void)state;

    anm_pool_run(p, draw_as_first, &s);
    assert_int_equal(s.n_drawn[0], s.n);
    assert_memory_equal(s.order[0], want, sizeof(want));
    anm_pool_free(p);
}

static void steps_after_any_pause_are_complete(void **state)
{
    static const uint64_t pauses_ns[] = { 0,      1000,    20000,
                                          100000, 1000000, 5000000 };
    enum { N_PAUSES = sizeof(pauses_ns) / sizeof(pauses_ns[0]) };
    anm_pool *p = make(3);
    counts c = { 0 };
    unsigned want = 0;
    (void)state;

    for (unsigned i = 0; i < 60; i++) {
        const bool window = i % 3 == 0;
        if (window) anm_pool_begin(p);
        anm_sleep_ns(pauses_ns[i % N_PAUSES]);
        anm_pool_run(p, count_member, &c);
        anm_sleep_ns(pauses_ns[(i + 1) % N_PAUSES]);
        anm_pool_run(p, count_member, &c);
        if (window) anm_pool_end(p);
        want += 2;
        for (unsigned m = 0; m < 3; m++)
            assert_int_equal(c.runs[m], want);
    }
    anm_pool_free(p);
}

static void burn_member(void *ctx, unsigned member, unsigned n_members)
{
    const uint64_t *ns = ctx;
    const uint64_t end = anm_now_ns() + *ns;
    (void)member;
    (void)n_members;
    while (anm_now_ns() < end) {
    }
}

static void usage_covers_the_work_of_workers(void **state)
{
    anm_pool *p = make(2);
    uint64_t ns = 2000000;
    anm_pool_usage u;
    (void)state;

    anm_pool_usage_read(p, &u);
    assert_int_equal(u.cpu_ns, 0);
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t before = u.cpu_ns;
        anm_pool_begin(p);
        for (unsigned k = 0; k < 5; k++)
            anm_pool_run(p, burn_member, &ns);
        anm_pool_end(p);
        // Whoever does not ask at once finds them as well.
        if (i % 2) anm_sleep_ns(1000000);
        anm_pool_usage_read(p, &u);
        assert_true(u.cpu_ns >= before);
        // And asking again changes nothing.
        const anm_pool_usage once = u;
        anm_pool_usage_read(p, &u);
        assert_memory_equal(&once, &u, sizeof(u));
    }
    // On a busy machine the caller may have taken over most of the shares.
    assert_true(u.cpu_ns > 0 && u.cpu_ns < UINT64_C(10000000000));
    assert_true(u.run_delay_ns >= 0 || u.run_delay_ns == ANM_COUNTER_UNKNOWN);
    anm_pool_free(p);
}

static void pool_of_one_starts_no_thread(void **state)
{
    anm_pool *p = make(1);
    anm_pool_usage u;
    counts c = { 0 };
    (void)state;

    anm_pool_begin(p);
    anm_pool_run(p, count_member, &c);
    anm_pool_end(p);
    assert_int_equal(c.runs[0], 1);
    anm_pool_usage_read(p, &u);
    assert_int_equal(u.cpu_ns, 0);
    assert_int_equal(u.minor_faults, 0);
    anm_pool_free(p);
}

static void running_allocates_nothing(void **state)
{
    anm_alloc_stats before, after;
    anm_pool *p = make(3);
    anm_pool_usage u;
    counts c = { 0 };
    (void)state;

    anm_alloc_stats_read(&before);
    anm_pool_begin(p);
    anm_pool_run(p, count_member, &c);
    anm_pool_end(p);
    anm_pool_usage_read(p, &u);
    anm_alloc_stats_read(&after);
    assert_int_equal(before.n_allocs, after.n_allocs);
    anm_pool_free(p);
}

static pthread_t signalled_thread;
static atomic_bool signalled;

static void note_thread(int number)
{
    (void)number;
    signalled_thread = pthread_self();
    atomic_store(&signalled, true);
}

static void workers_take_no_signals(void **state)
{
    sigset_t usr1, before;
    anm_pool *p = make(3);
    (void)state;

    // Blocked here, a signal to the process would go to a worker that lets it
    // through.
    signal(SIGUSR1, note_thread);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, &before);
    kill(getpid(), SIGUSR1);
    anm_sleep_ns(5000000);
    assert_false(atomic_load(&signalled));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    anm_sleep_ns(1000000);
    assert_true(atomic_load(&signalled));
    assert_true(pthread_equal(signalled_thread, pthread_self()));
    signal(SIGUSR1, SIG_DFL);
    anm_pool_free(p);
}

static void child_of_fork_goes_on_alone_and_ends(void **state)
{
    anm_pool *p = make(4);
    (void)state;

    for (int i = 0; i < 20; i++) {
        counts c = { 0 };
        int status = -1;
        // Some children find workers asleep, some awake.
        if (i % 2) anm_sleep_ns(3000000);
        anm_pool_run(p, count_member, &c);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(60);
            const bool alone = anm_pool_size(p) == 1;
            anm_pool_run(p, count_member, &c);
            anm_pool_free(p);
            _exit(c.runs[0] == 2 && c.runs[3] == 2 && alone ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    anm_pool_free(p);
}

/* Workers that a child does not have wait for no CPU of it. */
static void child_of_fork_counts_no_workers(void **state)
{
    anm_pool *p = make(3);
    anm_pool_usage before, after;
    counts c = { 0 };
    int status = -1;
    (void)state;

    anm_pool_begin(p);
    anm_pool_run(p, count_member, &c);
    anm_pool_end(p);
    anm_pool_usage_read(p, &before);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        anm_pool_begin(p);
        anm_pool_run(p, count_member, &c);
        anm_sleep_ns(3000000);
        anm_pool_end(p);
        anm_pool_usage_read(p, &after);
        anm_pool_free(p);
        _exit(after.cpu_ns != before.cpu_ns               ? 1
              : after.run_delay_ns != before.run_delay_ns ? 2
                                                          : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    anm_pool_free(p);
}

static void do_nothing(void *ctx, unsigned member, unsigned n_members)
{
    (void)ctx;
    (void)member;
    (void)n_members;
}

/* Workers read their counters behind the end of a call: some are in the middle
 * of it when a child is made, and nobody goes on with that there. */
static void child_of_fork_waits_for_no_counters(void **state)
{
    anm_pool *p = make(16);
    (void)state;

    for (int i = 0; i < 40; i++) {
        anm_pool_usage usage;
        int status = -1;
        anm_pool_begin(p);
        anm_pool_run(p, do_nothing, NULL);
        anm_pool_end(p);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(20);
            anm_pool_usage_read(p, &usage);
            anm_pool_run(p, do_nothing, NULL);
            anm_pool_free(p);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        anm_pool_usage_read(p, &usage);
    }
    anm_pool_free(p);
}

#if defined(__linux__)

static bool is_on(const cpu_set_t *cpus)
{
    cpu_set_t now;

    return sched_getaffinity(0, sizeof(now), &now) == 0 &&
           CPU_EQUAL(cpus, &now);
}

static bool stays_where_it_is(anm_pool *p, int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) return true;
    for (int i = 0; i < 3; i++) {
        anm_pool_begin(p);
        if (!is_on(&one)) return false;
        anm_pool_run(p, do_nothing, NULL);
        if (!is_on(&one)) return false;
        anm_pool_end(p);
    }
    anm_pool_free(p);
    return true;
}

/* On a machine that is all ours workers are pinned, and make room for a caller
 * that is found on their CPU. */
static void child_of_fork_is_pinned_nowhere(void **state)
{
    anm_cpu_budget budget;
    (void)state;

    anm_cpu_budget_read(&budget);
    anm_pool *p = make(budget.affinity);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        cpu_set_t allowed;
        int status = -1;
        assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
        if (!CPU_ISSET((size_t)cpu, &allowed)) continue;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(60);
            _exit(stays_where_it_is(p, cpu) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    anm_pool_free(p);
}

#endif

static void many_pools_come_and_go(void **state)
{
    anm_alloc_stats before, after;
    (void)state;

    anm_alloc_stats_read(&before);
    for (unsigned i = 0; i < 50; i++) {
        anm_pool *p = make(1 + i % 4);
        counts c = { 0 };
        if (i % 2) anm_pool_begin(p);
        if (i % 3) anm_pool_run(p, count_member, &c);
        anm_pool_free(p);
    }
    anm_pool_free(NULL);
    anm_alloc_stats_read(&after);
    assert_int_equal(before.bytes_live, after.bytes_live);
}

static void every_allocation_may_fail(void **state)
{
    anm_alloc_stats before, after;
    (void)state;

    anm_alloc_stats_read(&before);
    for (uint64_t k = 1;; k++) {
        anm_pool *p = NULL;
        test_fault_arm(k);
        const anm_status status = anm_pool_new(&p, 2, NULL);
        const bool happened = test_fault_disarm();
        assert_true(status == ANM_OK || (happened && status == ANM_E_NOMEM));
        assert_int_equal(p == NULL, status != ANM_OK);
        anm_pool_free(p);
        if (!happened) break;
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(before.bytes_live, after.bytes_live);
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_runs_once_a_step),
        cmocka_unit_test(members_see_what_the_step_before_wrote),
        cmocka_unit_test(each_piece_of_work_is_drawn_once),
        cmocka_unit_test(each_unit_is_drawn_once_and_in_order),
        cmocka_unit_test(member_does_the_units_of_one_that_draws_none),
        cmocka_unit_test(steps_after_any_pause_are_complete),
        cmocka_unit_test(usage_covers_the_work_of_workers),
        cmocka_unit_test(pool_of_one_starts_no_thread),
        cmocka_unit_test(running_allocates_nothing),
        cmocka_unit_test(workers_take_no_signals),
        cmocka_unit_test(child_of_fork_goes_on_alone_and_ends),
        cmocka_unit_test(child_of_fork_counts_no_workers),
        cmocka_unit_test(child_of_fork_waits_for_no_counters),
#if defined(__linux__)
        cmocka_unit_test(child_of_fork_is_pinned_nowhere),
#endif
        cmocka_unit_test(many_pools_come_and_go),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
