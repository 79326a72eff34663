/* pool.c - a fixed team of threads for short parallel steps.
 *
 *     caller                          worker
 *     writes fn, ctx, n_running       waits for `signal` to change
 *     changes `signal`         ---->  sees it, claims its share, runs fn
 *     runs fn as member 0             takes itself off n_running
 *     claims and runs what no
 *     worker has claimed yet
 *     waits for n_running == 0 <----
 *
 * A worker that is still waking up, or whose CPU another process holds for a
 * slice of milliseconds, therefore delays nothing: a step takes at most as
 * long as the caller alone would need. Only a worker that loses its CPU in
 * the middle of its share is waited for.
 *
 * Whoever waits spins at first, then lets others run between two looks, and
 * sleeps when that has not helped. Spinning alone would be fastest on an idle
 * machine; where another process holds one of the CPUs, two members share the
 * other, and one that spins keeps the one it waits for from running until its
 * slice is over.
 *
 * Nobody sleeps through a change: a sleeper announces itself and looks once
 * more; the other side makes the change and then looks for sleepers. All four
 * are sequentially consistent, so that at least one sees the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/host.h"

enum {
    SPIN_NS = 30000,           // before letting others run between looks
    WORKER_AWAKE_NS = 50000,   // before sleeping, outside a window
    WINDOW_AWAKE_NS = 2000000, // before sleeping, inside a window
    CALLER_AWAKE_NS = 200000,  // before sleeping, waiting for members
    USAGE_WAIT_NS = 5000,      // for a worker to read its own counters
    LOOKS_PER_CLOCK = 32,      // looks between two readings of the clock
};

/* Parts of `signal`: a count of steps above one bit. */
enum { IN_WINDOW = 1, ONE_STEP = 2 };

/* Where threads sleep until something holds. */
typedef struct bed {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    atomic_uint n_sleepers;
} bed;

typedef struct worker {
    // The last step whose share was claimed, by this worker or the caller.
    alignas(ANM_CACHE_LINE) _Atomic uint64_t claimed;
    _Atomic uint64_t drawn; // of its units: see anm_pool_draw()

    alignas(ANM_CACHE_LINE) anm_pool *pool;
    pthread_t thread;
    unsigned member;
    anm_host_thread usage; // written in the share of the step of _end
    int64_t marked_delay;  // of usage, at the last mark
    // When the caller first took a share that this worker did not come for;
    // 0 while it comes. The caller's own.
    uint64_t missing_since;
    int cpu; // where it is pinned
} worker;

struct anm_pool {
    // What workers look at while they wait, and the step, which is written
    // before signal changes.
    alignas(ANM_CACHE_LINE) _Atomic uint64_t signal;
    anm_pool_fn fn; // NULL: end the thread
    void *ctx;

    alignas(ANM_CACHE_LINE) atomic_size_t next;
    _Atomic uint64_t drawn; // of the caller's units
    alignas(ANM_CACHE_LINE) atomic_uint n_running;

    alignas(ANM_CACHE_LINE) bed workers_bed;
    bed caller_bed;
    unsigned n_members;
    unsigned n_workers; // started so far
    bool is_pinned;
    bool is_stale;   // windows have ended uncounted since the last reading
    bool is_reading; // workers read their counters, and nobody has waited yet
    int free_cpu;    // the one that no worker is pinned to
    // Of the caller: the latest mark in this window, or 0, and how long it has
    // slept since; and been stopped, if a worker was missing at the end.
    uint64_t marked_ns, slept_ns, stopped_ns;
    pid_t process;   // in which the workers are
    worker *workers; // [n_members - 1]
};

static bool signal_changed(anm_pool *p, uint64_t seen)
{
    return atomic_load(&p->signal) != seen;
}

static bool all_done(anm_pool *p, uint64_t unused)
{
    (void)unused;
    return atomic_load(&p->n_running) == 0;
}

typedef bool (*condition)(anm_pool *p, uint64_t seen);

static void sleep_until(anm_pool *p, bed *b, condition holds, uint64_t seen)
{
    pthread_mutex_lock(&b->mutex);
    atomic_fetch_add(&b->n_sleepers, 1);
    while (!holds(p, seen))
        pthread_cond_wait(&b->cond, &b->mutex);
    atomic_fetch_sub(&b->n_sleepers, 1);
    pthread_mutex_unlock(&b->mutex);
}

/* True in a child of fork(): the workers are in the parent. */
static bool is_left_alone(const anm_pool *p)
{
    return p->process != getpid();
}

static void wake(anm_pool *p, bed *b)
{
    if (atomic_load(&b->n_sleepers) == 0) return;
    // Of those who slept when fork() was called one may have held the mutex.
    if (is_left_alone(p)) return;
    // A sleeper holds the mutex from its last look until it sleeps.
    pthread_mutex_lock(&b->mutex);
    pthread_cond_broadcast(&b->cond);
    pthread_mutex_unlock(&b->mutex);
}

/* How long it slept. Inlined, so that the condition is a load and not a call. */
static ANM_ALWAYS_INLINE uint64_t wait_until(anm_pool *p, bed *b,
                                             condition holds, uint64_t seen,
                                             uint64_t awake_ns)
{
    uint64_t start = 0;

    for (;;) {
        for (unsigned i = 0; i < LOOKS_PER_CLOCK; i++) {
            if (holds(p, seen)) return 0;
            anm_spin_pause();
        }
        const uint64_t now = anm_now_ns();
        if (!start) start = now;
        if (now - start > awake_ns) {
            sleep_until(p, b, holds, seen);
            return anm_elapsed_ns(now, anm_now_ns());
        }
        if (now - start > SPIN_NS) sched_yield();
    }
}

/* True for the one who is to run this share of this step. Each earlier step
 * has been claimed, or it would not be over. */
static bool claim(worker *w, uint64_t step)
{
    uint64_t before = step - 1;
    return atomic_compare_exchange_strong(&w->claimed, &before, step);
}

static void *work(void *arg)
{
    worker *w = arg;
    anm_pool *p = w->pool;
    uint64_t seen = 0;

    for (;;) {
        wait_until(p, &p->workers_bed, signal_changed, seen,
                   seen & IN_WINDOW ? WINDOW_AWAKE_NS : WORKER_AWAKE_NS);
        const uint64_t now = atomic_load(&p->signal);
        const bool is_step = now / ONE_STEP != seen / ONE_STEP;
        seen = now;
        if (!is_step || !claim(w, now / ONE_STEP)) continue;
        if (!p->fn) return NULL;
        p->fn(p->ctx, w->member, p->n_members);
        if (atomic_fetch_sub(&p->n_running, 1) == 1) wake(p, &p->caller_bed);
    }
}

#if defined(__linux__)

static bool pin_worker(worker *w, int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (pthread_setaffinity_np(w->thread, sizeof(one), &one) != 0) return false;
    w->cpu = cpu;
    return true;
}

/* A woken thread tends to be put on the CPU of whoever woke it, beside the
 * caller that needs it elsewhere; pinning prevents that. It is harmful as soon
 * as others compete for the CPU, hence only where the machine is ours. */
static void pin_workers(anm_pool *p)
{
    anm_cpu_budget budget;
    cpu_set_t allowed;
    unsigned n = 0;

    anm_cpu_budget_read(&budget);
    if (!budget.owns_all || budget.affinity != p->n_members) return;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
    for (int cpu = 0; cpu < CPU_SETSIZE && n < p->n_members; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &allowed)) continue;
        if (n == 0)
            p->free_cpu = cpu;
        else if (!pin_worker(&p->workers[n - 1], cpu))
            return;
        n++;
    }
    p->is_pinned = n == p->n_members;
}

/* The caller is nobody's to pin: the worker on whose CPU it is found goes to
 * the CPU that has no worker. The scheduler would take hundreds of
 * milliseconds to part two threads that never sleep. */
static void make_room_for_caller(anm_pool *p)
{
    if (!p->is_pinned) return;
    const int cpu = sched_getcpu();
    if (cpu < 0 || cpu == p->free_cpu) return;
    // To the child of a fork() the threads of the workers are gone, and what
    // is asked of a thread that is gone happens to the calling one.
    if (is_left_alone(p)) return;
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker *w = &p->workers[i];
        if (w->cpu != cpu) continue;
        if (pin_worker(w, p->free_cpu)) p->free_cpu = cpu;
        return;
    }
}

#else

static void pin_workers(anm_pool *p)
{
    (void)p;
}

static void make_room_for_caller(anm_pool *p)
{
    (void)p;
}

#endif

/* Make a change of signal known to those who spin and those who sleep. */
static void change_signal(anm_pool *p, uint64_t signal)
{
    atomic_store(&p->signal, signal);
    wake(p, &p->workers_bed);
}

static uint64_t current_signal(const anm_pool *p)
{
    // Only the caller writes it, one at a time.
    return atomic_load_explicit(&p->signal, memory_order_relaxed);
}

/* Start a step on the workers, and make `signal` what follows. */
static void start_step(anm_pool *p, anm_pool_fn fn, void *ctx, uint64_t signal)
{
    p->fn = fn;
    p->ctx = ctx;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    atomic_store_explicit(&p->drawn, 0, memory_order_relaxed);
    for (unsigned i = 0; i < p->n_workers; i++)
        atomic_store_explicit(&p->workers[i].drawn, 0, memory_order_relaxed);
    atomic_store_explicit(&p->n_running, p->n_workers, memory_order_relaxed);
    change_signal(p, signal);
}

static void finish_step(anm_pool *p)
{
    p->slept_ns += wait_until(p, &p->caller_bed, all_done, 0, CALLER_AWAKE_NS);
}

/* Claim the share of a worker that has not come, and note since when. */
static bool take_over(anm_pool *p, worker *w)
{
    if (!claim(w, current_signal(p) / ONE_STEP)) {
        w->missing_since = 0;
        return false;
    }
    if (!w->missing_since) w->missing_since = anm_now_ns();
    make_room_for_caller(p);
    return true;
}

static void read_own_usage(void *ctx, unsigned member, unsigned n_members)
{
    anm_pool *p = ctx;
    anm_host_thread *usage = &p->workers[member - 1].usage;
    const int64_t estimated = usage->run_delay_ns;

    (void)n_members;
    anm_host_thread_read(usage);
    // What was estimated while the worker was missing is part of what it reads
    // once it is back.
    if (usage->run_delay_ns < estimated && usage->run_delay_ns >= 0)
        usage->run_delay_ns = estimated;
}

/* Since the mark, the time in which the caller neither computed nor waited for
 * a CPU nor slept until others were done: the process was stopped, or the clock
 * jumped, and nobody waited for a CPU meanwhile. Rather less than that, since
 * the caller read its counters some time before the mark. */
static uint64_t find_stopped(const anm_pool *p)
{
    bool is_missing = false;

    for (unsigned i = 0; i < p->n_workers; i++)
        is_missing |= p->workers[i].missing_since != 0;
    const int64_t active =
        is_missing && p->marked_ns ? anm_host_thread_active_ns() : -1;
    return active < 0
               ? 0
               : anm_elapsed_ns(p->marked_ns + p->slept_ns + (uint64_t)active,
                                anm_now_ns());
}

/* A worker that does not come waits for a CPU, which the system counts later. */
static void estimate_usage(const anm_pool *p, worker *w)
{
    const uint64_t waiting_since = w->missing_since + p->stopped_ns;
    const int64_t cpu_ns = (int64_t)anm_other_thread_cpu_ns(w->thread);

    if (cpu_ns > w->usage.cpu_ns) w->usage.cpu_ns = cpu_ns;
    if (w->usage.run_delay_ns >= 0)
        w->usage.run_delay_ns +=
            (int64_t)anm_elapsed_ns(waiting_since, anm_now_ns());
}

/* A worker that spins comes at once, though it may be late for every step that
 * is shorter than the way of the signal: it is given a little time. */
static bool comes(const anm_pool *p, const worker *w)
{
    const uint64_t step = current_signal(p) / ONE_STEP;
    const uint64_t start = anm_now_ns();

    while (atomic_load(&w->claimed) != step) {
        if (anm_now_ns() - start > USAGE_WAIT_NS) return false;
        anm_spin_pause();
    }
    return true;
}

/* All workers read their counters, for which they must fetch the system's code from
 * memory; the caller does something else meanwhile. `signal` follows. */
static void start_reading(anm_pool *p, uint64_t signal)
{
    start_step(p, read_own_usage, p, signal);
    p->is_reading = true;
    p->is_stale = false;
    p->stopped_ns = find_stopped(p);
}

/* To a child of fork() a worker may have gone in the middle of its share, and
 * nothing more becomes known of the threads of another process. */
static void give_up_reading(anm_pool *p)
{
    for (unsigned i = 0; i < p->n_workers; i++)
        atomic_store(&p->workers[i].claimed, current_signal(p) / ONE_STEP);
    atomic_store(&p->n_running, 0);
}

static void finish_reading(anm_pool *p)
{
    if (!p->is_reading) return;
    p->is_reading = false;
    if (is_left_alone(p)) give_up_reading(p);
    for (unsigned i = 0; i < p->n_workers; i++) {
        worker *w = &p->workers[i];
        if (comes(p, w) || !take_over(p, w)) continue;
        estimate_usage(p, w);
        atomic_fetch_sub(&p->n_running, 1);
    }
    finish_step(p);
}

void anm_pool_run(anm_pool *p, anm_pool_fn fn, void *ctx)
{
    finish_reading(p);
    start_step(p, fn, ctx, current_signal(p) + ONE_STEP);
    fn(ctx, 0, p->n_members);
    for (unsigned i = 0; i < p->n_workers; i++) {
        if (!take_over(p, &p->workers[i])) continue;
        fn(ctx, i + 1, p->n_members);
        atomic_fetch_sub(&p->n_running, 1);
    }
    finish_step(p);
}

void anm_pool_begin(anm_pool *p)
{
    assert(!(current_signal(p) & IN_WINDOW));
    finish_reading(p);
    // Nobody is missing while there is nothing to do.
    for (unsigned i = 0; i < p->n_workers; i++)
        p->workers[i].missing_since = 0;
    p->marked_ns = 0;
    make_room_for_caller(p);
    change_signal(p, current_signal(p) | IN_WINDOW);
}

void anm_pool_end(anm_pool *p)
{
    assert(current_signal(p) & IN_WINDOW);
    start_reading(p, (current_signal(p) & ~(uint64_t)IN_WINDOW) + ONE_STEP);
}

void anm_pool_end_uncounted(anm_pool *p)
{
    assert(current_signal(p) & IN_WINDOW);
    p->is_stale = true;
    change_signal(p, current_signal(p) & ~(uint64_t)IN_WINDOW);
}

size_t anm_pool_next(anm_pool *p)
{
    return atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
}

enum { FROM_END_SHIFT = 32 };

/* Of a part, what is drawn from its front and, above 32 bits, from its end. */
static bool draw_from(_Atomic uint64_t *drawn, size_t n, bool own, size_t *at)
{
    const uint64_t one = own ? 1 : UINT64_C(1) << FROM_END_SHIFT;
    uint64_t now = atomic_load_explicit(drawn, memory_order_relaxed);

    for (;;) {
        const size_t front = (uint32_t)now;
        const size_t end = (size_t)(now >> FROM_END_SHIFT);

        if (front + end >= n) return false;
        *at = own ? front : n - 1 - end;
        // What units hold is ordered by the step, not by drawing them.
        if (atomic_compare_exchange_weak_explicit(drawn, &now, now + one,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
}

bool anm_pool_draw(anm_pool *p, unsigned member, size_t n, size_t *unit)
{
    assert(n <= UINT32_MAX);
    for (unsigned i = 0; i < p->n_members; i++) {
        const unsigned owner = (member + i) % p->n_members;
        const size_t first = n * owner / p->n_members;
        const size_t len = n * (owner + 1) / p->n_members - first;
        _Atomic uint64_t *drawn =
            owner ? &p->workers[owner - 1].drawn : &p->drawn;

        if (!draw_from(drawn, len, i == 0, unit)) continue;
        *unit += first;
        return true;
    }
    return false;
}

unsigned anm_pool_size(const anm_pool *p)
{
    return is_left_alone(p) ? 1 : p->n_members;
}

static int64_t add_counter(int64_t sum, int64_t counter)
{
    if (sum == ANM_COUNTER_UNKNOWN || counter == ANM_COUNTER_UNKNOWN)
        return ANM_COUNTER_UNKNOWN;
    return sum + counter;
}

void anm_pool_usage_read(anm_pool *p, anm_pool_usage *out)
{
    finish_reading(p);
    *out = (anm_pool_usage){ 0 };
    for (unsigned i = 0; i < p->n_workers; i++) {
        const anm_host_thread *u = &p->workers[i].usage;
        out->cpu_ns += (uint64_t)u->cpu_ns;
        if (u->run_delay_ns == ANM_COUNTER_UNKNOWN)
            out->run_delay_max_ns = ANM_COUNTER_UNKNOWN;
        else if (u->run_delay_ns - p->workers[i].marked_delay >
                 out->run_delay_max_ns)
            out->run_delay_max_ns =
                u->run_delay_ns - p->workers[i].marked_delay;
        out->run_delay_ns = add_counter(out->run_delay_ns, u->run_delay_ns);
        out->vol_switches = add_counter(out->vol_switches, u->vol_switches);
        out->invol_switches =
            add_counter(out->invol_switches, u->invol_switches);
        out->minor_faults = add_counter(out->minor_faults, u->minor_faults);
        out->major_faults = add_counter(out->major_faults, u->major_faults);
    }
}

void anm_pool_usage_mark(anm_pool *p, anm_pool_usage *out)
{
    assert(current_signal(p) & IN_WINDOW);
    if (p->is_stale) start_reading(p, current_signal(p) + ONE_STEP);
    finish_reading(p);
    p->marked_ns = anm_now_ns();
    p->slept_ns = 0;
    for (unsigned i = 0; i < p->n_workers; i++)
        p->workers[i].marked_delay = p->workers[i].usage.run_delay_ns;
    anm_pool_usage_read(p, out);
}

/* Workers take no signals: those are the business of the program's threads. */
static anm_status start_workers(anm_pool *p, anm_error *err)
{
    sigset_t all, before;
    anm_status status = ANM_OK;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!status && p->n_workers + 1 < p->n_members) {
        worker *w = &p->workers[p->n_workers];
        *w = (worker){ .pool = p, .member = p->n_workers + 1 };
        const int why = pthread_create(&w->thread, NULL, work, w);
        if (why == EAGAIN)
            status = anm_fail(err, ANM_E_NOMEM,
                              "start thread %u of %u: no memory for its stack, "
                              "or too many threads; fewer may do",
                              w->member, p->n_members);
        else if (why)
            status = anm_fail_errno(err, why, "start thread %u of %u",
                                    w->member, p->n_members);
        else
            p->n_workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static anm_pool *pool_alloc(unsigned n_members)
{
    size_t bytes = 0;

    if (!anm_mul_size(n_members - 1, sizeof(worker), &bytes)) return NULL;
    anm_pool *p = anm_alloc_aligned(alignof(anm_pool), sizeof(*p));
    worker *workers = anm_alloc_aligned(alignof(worker), bytes);
    if (!p || !workers) {
        anm_free_aligned(p);
        anm_free_aligned(workers);
        return NULL;
    }
    const bed empty = { .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .cond = PTHREAD_COND_INITIALIZER };
    *p = (anm_pool){ .n_members = n_members,
                     .workers = workers,
                     .process = getpid(),
                     .workers_bed = empty,
                     .caller_bed = empty };
    return p;
}

anm_status anm_pool_new(anm_pool **out, unsigned n_members, anm_error *err)
{
    *out = NULL;
    assert(n_members >= 1);
    anm_pool *p = pool_alloc(n_members);
    if (!p)
        return anm_fail(err, ANM_E_NOMEM, "%u threads: out of memory",
                        n_members);
    const anm_status status = start_workers(p, err);
    if (status) {
        anm_pool_free(p);
        return status;
    }
    if (p->n_workers) pin_workers(p);
    *out = p;
    return ANM_OK;
}

static void end_workers(anm_pool *p)
{
    finish_reading(p);
    start_step(p, NULL, NULL, current_signal(p) + ONE_STEP);
    for (unsigned i = 0; i < p->n_workers; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_mutex_destroy(&p->workers_bed.mutex);
    pthread_mutex_destroy(&p->caller_bed.mutex);
    pthread_cond_destroy(&p->workers_bed.cond);
    pthread_cond_destroy(&p->caller_bed.cond);
}

void anm_pool_free(anm_pool *p)
{
    if (!p) return;
    // fork() left the workers behind: nobody to join, and what they slept on
    // waits for them for ever.
    if (!is_left_alone(p)) end_workers(p);
    anm_free_aligned(p->workers);
    anm_free_aligned(p);
}
