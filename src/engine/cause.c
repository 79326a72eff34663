/* cause.c - why a call left its band: one table, one rule.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/cause.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Nanoseconds of a proven wait; 0 where nothing is known. */
static uint64_t queue_wait(const anm_receipt *r)
{
    return r->stages_ns[ANM_STAGE_QUEUE];
}

static uint64_t run_delay(const anm_receipt *r)
{
    const int64_t ns = r->counters.run_delay_ns;

    return ns > 0 ? (uint64_t)ns : 0;
}

/* Waits that time itself proves, in the order in which they take their part of
 * the excess. A thread in the queue sleeps and one with run delay wants to run:
 * no wait is in two rows. */
static const struct row {
    anm_cause cause;
    uint64_t (*wait_ns)(const anm_receipt *r);
    const char *what;
} rows[] = {
    { ANM_CAUSE_QUEUEING, queue_wait, "waiting for other calls of this model" },
    { ANM_CAUSE_CPU_CONTENTION, run_delay,
      "threads of this call runnable while others ran" },
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };
static_assert(N_ROWS <= 3, "a receipt holds three causes");

static void list(anm_receipt *r, anm_cause cause, uint64_t excess,
                 uint64_t explained)
{
    const size_t i = r->n_causes++;

    r->causes[i].cause = cause;
    r->causes[i].excess_ns = excess;
    r->causes[i].explained_ns = explained;
    r->causes[i].evidence[0] = '\0';
}

/* Largest first; the table's order among equals. */
static void sort_last(anm_receipt *r)
{
    for (size_t i = r->n_causes - 1;
         i > 0 && r->causes[i].explained_ns > r->causes[i - 1].explained_ns;
         i--) {
        char saved[sizeof(r->causes[0])];
        memcpy(saved, &r->causes[i], sizeof(saved));
        r->causes[i] = r->causes[i - 1];
        memcpy(&r->causes[i - 1], saved, sizeof(saved));
    }
}

static void list_rows(anm_receipt *r, uint64_t excess)
{
    uint64_t left = excess;

    for (size_t i = 0; i < N_ROWS; i++) {
        const uint64_t wait = rows[i].wait_ns(r);
        const uint64_t explained = wait < left ? wait : left;
        if (explained == 0 || explained * 5 < excess) continue;
        left -= explained;
        const size_t at = r->n_causes;
        list(r, rows[i].cause, excess, explained);
        snprintf(r->causes[at].evidence, sizeof(r->causes[at].evidence),
                 "%" PRIu64 ".%03" PRIu64 " ms %s", wait / 1000000,
                 wait / 1000 % 1000, rows[i].what);
        sort_last(r);
    }
    if ((excess - left) * 2 < excess) r->n_causes = 0;
}

void anm_cause_explain(anm_receipt *receipt)
{
    receipt->n_causes = 0;
    if (receipt->band.verdict != ANM_VERDICT_ABOVE) {
        list(receipt, ANM_CAUSE_NONE, 0, 0);
        return;
    }
    const uint64_t excess = receipt->total_ns - receipt->band.p50_ns;
    list_rows(receipt, excess);
    if (receipt->n_causes == 0) list(receipt, ANM_CAUSE_UNKNOWN, excess, 0);
}
