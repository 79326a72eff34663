/* virtual.c - the threads of a played machine take turns in virtual time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/virtual.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"

typedef enum turn_state { TURN_TIMED, TURN_SIGNAL, TURN_ENDED } turn_state;

typedef struct thread {
    struct thread *next;
    pthread_t os;
    pthread_cond_t cond;
    turn_state state;
    uint64_t wake_ns; /* of TIMED */
    uint64_t order;   /* who asked first goes first */
    const void *signal;
    anm_host_thread counters;
    void (*fn)(void *ctx);
    void *ctx;
} thread;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static thread main_thread = { .cond = PTHREAD_COND_INITIALIZER };
static thread *threads = &main_thread, *running = &main_thread;
static _Thread_local thread *self;
static atomic_bool has_main;
static _Atomic uint64_t clock_ns = 1000000000;
static uint64_t last_order;
static anm_virtual_machine machine = { .tick_ns = 20, .host_ratio = 1 };

anm_virtual_machine *anm_virtual_host(void)
{
    return &machine;
}

/* NULL for a thread that takes no part. */
static thread *find_self(void)
{
    if (!self && !atomic_exchange(&has_main, true)) self = &main_thread;
    return self;
}

anm_host_thread *anm_virtual_counters(void)
{
    static _Thread_local anm_host_thread of_others;
    thread *t = find_self();

    return t ? &t->counters : &of_others;
}

uint64_t anm_virtual_now(void)
{
    return atomic_load(&clock_ns);
}

void anm_virtual_jump(uint64_t ns)
{
    atomic_fetch_add(&clock_ns, ns);
}

uint64_t anm_virtual_read(void)
{
    if (!find_self()) return anm_virtual_now();
    return atomic_fetch_add(&clock_ns, machine.tick_ns) + machine.tick_ns;
}

/* ---- Turns ----------------------------------------------------------------- */

static thread *find_next(void)
{
    thread *best = NULL;

    for (thread *t = threads; t; t = t->next) {
        if (t->state != TURN_TIMED) continue;
        if (!best || t->wake_ns < best->wake_ns ||
            (t->wake_ns == best->wake_ns && t->order < best->order))
            best = t;
    }
    return best;
}

/* Under the lock: hand the turn on. */
static void pass_turn(void)
{
    thread *next = find_next();

    // With nobody whose time comes, everyone waits for everyone.
    assert(next);
    if (next->wake_ns > atomic_load(&clock_ns))
        atomic_store(&clock_ns, next->wake_ns);
    running = next;
    pthread_cond_signal(&next->cond);
}

/* Under the lock: wait until it is t's turn again. */
static void await_turn(thread *t)
{
    while (running != t)
        pthread_cond_wait(&t->cond, &lock);
}

static void set_timed(thread *t, uint64_t at_ns)
{
    t->state = TURN_TIMED;
    t->wake_ns = at_ns;
    t->order = ++last_order;
}

void anm_virtual_wait_until(uint64_t at_ns)
{
    thread *t = find_self();

    if (!t) return;
    pthread_mutex_lock(&lock);
    set_timed(t, at_ns);
    pass_turn();
    await_turn(t);
    pthread_mutex_unlock(&lock);
}

void anm_virtual_spend(uint64_t ns, bool on_cpu)
{
    if (on_cpu) anm_virtual_counters()->cpu_ns += (int64_t)ns;
    anm_virtual_wait_until(anm_virtual_now() + ns);
}

void anm_virtual_wait(const void *signal)
{
    thread *t = find_self();

    assert(t);
    pthread_mutex_lock(&lock);
    t->state = TURN_SIGNAL;
    t->signal = signal;
    t->order = ++last_order;
    pass_turn();
    await_turn(t);
    pthread_mutex_unlock(&lock);
}

void anm_virtual_raise(const void *signal)
{
    thread *first = NULL;

    pthread_mutex_lock(&lock);
    for (thread *t = threads; t; t = t->next)
        if (t->state == TURN_SIGNAL && t->signal == signal &&
            (!first || t->order < first->order))
            first = t;
    if (first) set_timed(first, anm_virtual_now());
    pthread_mutex_unlock(&lock);
}

/* ---- Threads --------------------------------------------------------------- */

static void *run_thread(void *arg)
{
    thread *t = arg;

    self = t;
    pthread_mutex_lock(&lock);
    await_turn(t);
    pthread_mutex_unlock(&lock);
    t->fn(t->ctx);
    pthread_mutex_lock(&lock);
    t->state = TURN_ENDED;
    pass_turn();
    pthread_mutex_unlock(&lock);
    return NULL;
}

anm_status anm_virtual_start(void (*fn)(void *ctx), void *ctx, uint64_t at_ns,
                             anm_error *err)
{
    thread *t = anm_alloc_zero(sizeof(*t));

    (void)find_self();
    if (!t) return anm_fail(err, ANM_E_NOMEM, "caller: out of memory");
    *t = (thread){ .cond = PTHREAD_COND_INITIALIZER, .fn = fn, .ctx = ctx };
    pthread_mutex_lock(&lock);
    set_timed(t, at_ns);
    const int why = pthread_create(&t->os, NULL, run_thread, t);
    if (!why) {
        t->next = threads;
        threads = t;
    }
    pthread_mutex_unlock(&lock);
    if (!why) return ANM_OK;
    anm_free(t);
    return anm_fail_errno(err, why, "start a caller");
}

static bool all_ended(void)
{
    bool ended = true;

    pthread_mutex_lock(&lock);
    for (const thread *t = threads; t; t = t->next)
        if (t != self && t->state != TURN_ENDED) ended = false;
    pthread_mutex_unlock(&lock);
    return ended;
}

void anm_virtual_join(void)
{
    // A millisecond of a played machine costs next to nothing.
    const uint64_t step_ns = 1000000;

    while (!all_ended())
        anm_virtual_wait_until(anm_virtual_now() + step_ns);
    while (threads != &main_thread) {
        thread *t = threads;
        threads = t->next;
        pthread_join(t->os, NULL);
        anm_free(t);
    }
}
