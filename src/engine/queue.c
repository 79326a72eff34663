/* queue.c - the fair lock of a loaded model.
 *
 * Whoever leaves hands the turn to the first waiter: the oldest live call, else
 * the oldest bulk call. Waiters live on their callers' stacks and each has its
 * own signal: entering allocates nothing and leaving wakes exactly one thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/queue.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/sync.h"

typedef struct waiter {
    struct waiter *next;
    anm_signal turn;
    bool called;
} waiter;

typedef struct line {
    waiter *first, *last;
} line;

struct anm_queue {
    anm_mutex lock;
    bool taken;
    line live, bulk;
    atomic_uint in_flight;
};

static void append(line *l, waiter *w)
{
    if (l->first)
        l->last->next = w;
    else
        l->first = w;
    l->last = w;
}

static waiter *remove_first(line *l)
{
    waiter *w = l->first;

    if (w) l->first = w->next;
    return w;
}

anm_status anm_queue_new(anm_queue **out, anm_error *err)
{
    anm_queue *q = anm_alloc_zero(sizeof(*q));

    *out = NULL;
    if (!q) return anm_fail(err, ANM_E_NOMEM, "queue: out of memory");
    q->lock = ANM_MUTEX_INIT;
    *out = q;
    return ANM_OK;
}

void anm_queue_free(anm_queue *q)
{
    if (!q) return;
    assert(!q->taken && !q->live.first && !q->bulk.first);
    anm_mutex_deinit(&q->lock);
    anm_free(q);
}

bool anm_queue_enter(anm_queue *q, bool bulk)
{
    atomic_fetch_add(&q->in_flight, 1);
    anm_mutex_lock(&q->lock);
    const bool waited = q->taken;
    if (waited) {
        waiter w = { .turn = ANM_SIGNAL_INIT };
        append(bulk ? &q->bulk : &q->live, &w);
        while (!w.called)
            anm_signal_wait(&w.turn, &q->lock);
        anm_signal_deinit(&w.turn);
    }
    q->taken = true;
    anm_mutex_unlock(&q->lock);
    return waited;
}

bool anm_queue_leave(anm_queue *q)
{
    anm_mutex_lock(&q->lock);
    assert(q->taken);
    waiter *next = remove_first(q->live.first ? &q->live : &q->bulk);
    // The turn is handed over without ever being free, so that a newcomer
    // cannot slip in between.
    q->taken = next != NULL;
    if (next) {
        next->called = true;
        anm_signal_raise(&next->turn);
    }
    anm_mutex_unlock(&q->lock);
    atomic_fetch_sub(&q->in_flight, 1);
    return next != NULL;
}

bool anm_queue_live_waiting(anm_queue *q)
{
    anm_mutex_lock(&q->lock);
    const bool waiting = q->live.first != NULL;
    anm_mutex_unlock(&q->lock);
    return waiting;
}

unsigned anm_queue_in_flight(const anm_queue *q)
{
    return atomic_load(&q->in_flight);
}
