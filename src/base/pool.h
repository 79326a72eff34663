/* pool.h - a fixed team of threads for short parallel steps.
 *
 * The caller of anm_pool_run() is member 0 and works too; the others spin for
 * a short time between steps and then sleep. Steps of one pool do not overlap:
 * callers serialise (the engine's queue does). No allocation after _new.
 *
 * Workers are pinned, one to a CPU, only when the pool's size equals the CPUs
 * that the process may use and nobody narrowed them. The caller is never
 * pinned: a worker on whose CPU it is found moves to the CPU left over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_POOL_H
#define ANM_POOL_H

#include "anemone.h"

typedef struct anm_pool anm_pool;

/* One member's share of a step. */
typedef void (*anm_pool_fn)(void *ctx, unsigned member, unsigned n_members);

/* n_members >= 1, the caller included; 1 starts no thread. */
anm_status anm_pool_new(anm_pool **out, unsigned n_members, anm_error *err);

/* Waits for the workers to end. In a child of fork(), which has none of them,
 * the pool goes on with its caller alone and is freed likewise. */
void anm_pool_free(anm_pool *p);

/* Members that have a thread: in a child of fork() the caller alone. */
unsigned anm_pool_size(const anm_pool *p);

/* Run fn once as every member and return when all are done. What members wrote
 * is visible to the caller, and what the caller wrote before is visible to
 * them. A worker that has not come by the time the caller is done with its own
 * share loses its share to the caller, so that members may run one after the
 * other on one thread: fn must not wait for another member. */
void anm_pool_run(anm_pool *p, anm_pool_fn fn, void *ctx);

/* Units 0 to n - 1 of the current step, n below 2^32, each given once across all
 * members, for work whose neighbours are cheap one after the other: a member
 * gets its own contiguous part in ascending order and then, where another one
 * is behind, what lies at the end of that one's part. False: none is left. The
 * same n from all members of a step, all of whom draw until none is left. */
bool anm_pool_draw(anm_pool *p, unsigned member, size_t n, size_t *unit);

/* Between _begin and _end workers spin without sleeping, so that the steps of
 * one prediction do not pay for a wake-up each. Call _end soon. _begin
 * wakes them and does not wait for it; a worker that sees no step for 2 ms
 * sleeps all the same. _end makes them read their counters, which takes a few
 * microseconds, and does not wait for that either; _end_uncounted leaves it
 * out. Not nested. */
void anm_pool_begin(anm_pool *p);
void anm_pool_end(anm_pool *p);
void anm_pool_end_uncounted(anm_pool *p);

/* A counter that members of the current step draw work from: returns 0, 1,
 * 2 … each once across all members. Reset to 0 by every anm_pool_run(). */
size_t anm_pool_next(anm_pool *p);

/* What the workers (the caller not included) have used since they started, as
 * of the last anm_pool_end(); zeros before it. Time spent waiting awake for
 * the next step is CPU time like any other. Of a worker that does not come at
 * _end, the run delay is estimated as the time it has been missing, and what
 * else the system counts comes with the next reading. */
typedef struct anm_pool_usage {
    uint64_t cpu_ns;
    int64_t run_delay_ns; /* ANM_COUNTER_UNKNOWN where the system is silent */
    int64_t run_delay_max_ns; /* of one worker, since _usage_mark() */
    int64_t vol_switches, invol_switches, minor_faults, major_faults;
} anm_pool_usage;

/* Waits until the workers have read their counters, which each does by itself
 * since anm_pool_end(), and adds up. Call it from where steps are started. */
void anm_pool_usage_read(anm_pool *p, anm_pool_usage *out);

/* Inside a window that is to be counted, before its first step: the usage up
 * to here, which takes a step of its own when an earlier window was not
 * counted, and from where on the longest delay is told. */
void anm_pool_usage_mark(anm_pool *p, anm_pool_usage *out);

#endif
