/* cause.c - why a call left its band: one table, one rule.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/cause.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/contract.h"

enum { CAUSES_MAX = 3 };

// Below these a model says nothing: they are within what a quiet machine does.
static const double probe_ratio_least = 1.10;
static const double freq_ratio_least = 1.05;
static const double drift_least = 0.05;

// Inside its band a call is near the median up to here, and a gap is longer than
// those before the band's runs from here on.
static const double near_median = 1.1;
static const int64_t long_gap_ns = 40000000;

// A page that is mapped anew costs about this much CPU time.
static const uint64_t minor_fault_ns = 500;

/* ---- Pots: what was counted once is given away once ------------------------ */

/* Nanoseconds that are left to be explained. */
typedef struct pots {
    uint64_t excess;  /* of the call */
    uint64_t delay;   /* runnable and not running */
    uint64_t blocked; /* asleep outside the queue, beyond the band's usual */
} pots;

typedef struct call {
    const anm_receipt *r;
    const anm_history *h;
    pots left;
    /* Bits of the causes whose fact holds, and what they explain. */
    unsigned standing, passing;
    uint64_t by_standing, by_passing;
} call;

static uint64_t known(int64_t counter)
{
    return counter > 0 ? (uint64_t)counter : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t part_of(uint64_t ns, double ratio)
{
    return ratio > 0 ? (uint64_t)((double)ns * ratio) : 0;
}

/* ---- Times ----------------------------------------------------------------- */

static uint64_t claim_queue(const call *c)
{
    return c->r->stages_ns[ANM_STAGE_QUEUE];
}

/* What the system calls throttled is summed over CPUs and may be older than
 * the call: it counts as the delays of the threads do, where the longest stands
 * for their sum, and no more of it than this call's threads waited. */
static uint64_t claim_throttled(const call *c)
{
    const anm_counters *n = &c->r->counters;
    uint64_t ns = known(n->throttled_ns);

    if (n->run_delay_max_ns > 0 && n->run_delay_ns > n->run_delay_max_ns)
        ns = part_of(ns, (double)n->run_delay_max_ns / (double)n->run_delay_ns);
    return least(ns, c->left.delay + c->left.blocked);
}

static uint64_t claim_delay(const call *c)
{
    return c->left.delay;
}

static uint64_t claim_device(const call *c)
{
    return known(c->r->counters.device_wait_ns);
}

static uint64_t claim_pressure(const call *c)
{
    const int64_t us = c->r->counters.psi_memory_us;

    return us > 0 ? least((uint64_t)us * 1000, c->left.blocked) : 0;
}

static uint64_t claim_paging(const call *c)
{
    const anm_counters *n = &c->r->counters;
    const uint64_t blocked = n->major_faults > 0 ? c->left.blocked : 0;

    return blocked + known(n->minor_faults) * minor_fault_ns;
}

static uint64_t outside_predict(const anm_receipt *r)
{
    return anm_beyond(r->total_ns, r->stages_ns[ANM_STAGE_QUEUE] +
                                       r->stages_ns[ANM_STAGE_PREDICT]);
}

/* How much longer than at warm-up any code of this host takes just now. */
static double slowness(const anm_history *h)
{
    if (h->probe_ratio >= probe_ratio_least) return h->probe_ratio;
    return h->freq_ratio >= freq_ratio_least ? h->freq_ratio : 1;
}

/* Of a host that is slower every stage is: that much of it is usual. */
static uint64_t claim_outside(const call *c)
{
    const anm_band *b = &c->h->band;
    const double slow = slowness(c->h);
    const uint64_t outside = outside_predict(c->r);

    return b->outside_high_ns && outside > part_of(b->outside_high_ns, slow)
               ? anm_beyond(outside, part_of(b->outside_p50_ns, slow))
               : 0;
}

/* ---- Models ---------------------------------------------------------------- */

static uint64_t claim_frequency(const call *c)
{
    const double ratio = c->h->freq_ratio;

    return ratio < freq_ratio_least ? 0 : part_of(c->r->band.p50_ns, ratio - 1);
}

/* A lower frequency slows the probe as well: what it accounts for is left to
 * it. */
static uint64_t claim_host(const call *c)
{
    const double freq =
        c->h->freq_ratio < freq_ratio_least ? 1 : c->h->freq_ratio;
    const double ratio = c->h->probe_ratio / freq;

    return ratio < probe_ratio_least ? 0
                                     : part_of(c->r->band.p50_ns, ratio - 1);
}

static uint64_t claim_drift(const call *c)
{
    return c->h->drift < drift_least ? 0
                                     : part_of(c->r->band.p50_ns, c->h->drift);
}

static uint64_t claim_idle(const call *c)
{
    return c->h->idle_extra_ns;
}

static uint64_t claim_longer(const call *c)
{
    return part_of(c->r->band.p50_ns, c->h->longer_ratio - 1);
}

/* Today's warm-up against the band that an earlier start stored: what facts
 * cost, and less what they took. */
static uint64_t shift(const call *c)
{
    const anm_band *b = &c->h->band;

    return anm_band_moved(b) ? anm_beyond(b->today_p50_ns, b->p50_ns) : 0;
}

static uint64_t claim_shift(const call *c)
{
    return anm_beyond(shift(c), c->by_standing + c->by_passing);
}

/* ---- Facts ----------------------------------------------------------------- */

static unsigned bit(anm_cause cause)
{
    return 1u << cause;
}

static bool is_unpermitted(const anm_receipt *r)
{
    if (r->where.device >= ANM_DEVICE_COUNT) return false;
    const unsigned device = 1u << r->where.device;

    return r->where.evidence == ANM_EVIDENCE_OBSERVED &&
           (!(anm_units_permitted(r->units) & device) ||
            (r->where.excluded & device));
}

/* Facts of this call alone. */
static unsigned find_passing(const anm_receipt *r, const anm_history *h)
{
    unsigned facts = 0;

    // A first call is the first of its length and thread as well.
    const bool is_cold = r->first & ANM_FIRST_CALL;
    if (is_cold) facts |= bit(ANM_CAUSE_COLD_START);
    if (!is_cold && (r->first & ANM_FIRST_LENGTH))
        facts |= bit(ANM_CAUSE_FIRST_IN_BUCKET);
    if (!is_cold && (r->first & ANM_FIRST_THREAD))
        facts |= bit(ANM_CAUSE_NEW_THREAD);
    if (h->input_changed) facts |= bit(ANM_CAUSE_INPUT_CHANGED);
    return facts;
}

/* Facts that hold for one call after another: the band is of another place or
 * of another artifact. */
static unsigned find_standing(const anm_receipt *r, const anm_history *h)
{
    const bool other_place = h->plan_changed || h->device_changed;
    const bool fallback = r->contract.fallback && other_place;
    unsigned facts = 0;

    // Of several things to be said of one place the plainest is said.
    if (is_unpermitted(r))
        facts |= bit(ANM_CAUSE_UNITS_NOT_HONOURED);
    else if (fallback)
        facts |= bit(ANM_CAUSE_FALLBACK_LOAD);
    else if (r->where.conflict.evidence != ANM_EVIDENCE_UNKNOWN)
        facts |= bit(ANM_CAUSE_EVIDENCE_CONFLICT);
    else if (other_place)
        facts |= bit(ANM_CAUSE_SLOWER_DEVICE_BY_PLAN);
    if (h->artifact_changed) facts |= bit(ANM_CAUSE_STALE_ARTIFACT);
    return facts;
}

/* ---- The table ------------------------------------------------------------- */

typedef enum proof { PROOF_TIME = 1, PROOF_MODEL, PROOF_FACT } proof;

/* Which pots a claim is drawn from, in this order, beside the excess. */
enum { POT_DELAY = 1, POT_BLOCKED = 2 };

typedef struct row {
    anm_cause cause;
    proof kind;
    unsigned pots;
    uint64_t (*claim)(const call *c); /* NULL: a fact's share */
    const char *rule;
} row;

/* In the order of claiming: what was counted, then what was measured before,
 * then what is merely so. */
static const row table[] = {
    { ANM_CAUSE_QUEUEING, PROOF_TIME, 0, claim_queue,
      "waiting for other calls of this model" },
    { ANM_CAUSE_THROTTLED_QUOTA, PROOF_TIME, POT_DELAY | POT_BLOCKED,
      claim_throttled, "kept from running by the CPU quota of the cgroup" },
    { ANM_CAUSE_CPU_CONTENTION, PROOF_TIME, POT_DELAY, claim_delay,
      "a thread of this call runnable while others ran" },
    { ANM_CAUSE_DEVICE_BUSY, PROOF_TIME, POT_BLOCKED, claim_device,
      "before the device, busy with others, took the call" },
    { ANM_CAUSE_MEMORY_PRESSURE, PROOF_TIME, POT_BLOCKED, claim_pressure,
      "asleep while the system stalled on memory" },
    { ANM_CAUSE_PAGING, PROOF_TIME, POT_BLOCKED, claim_paging,
      "bringing pages in" },
    { ANM_CAUSE_OVERHEAD_OUTSIDE_PREDICT, PROOF_TIME, 0, claim_outside,
      "more than usual outside predict" },
    { ANM_CAUSE_LONGER_INPUT, PROOF_MODEL, 0, claim_longer,
      "more work by the cost model than at the longest band" },
    { ANM_CAUSE_FREQUENCY, PROOF_MODEL, 0, claim_frequency,
      "by the CPU frequency against that at warm-up" },
    { ANM_CAUSE_HOST_SLOWER, PROOF_MODEL, 0, claim_host,
      "by the host probe against that at warm-up" },
    { ANM_CAUSE_THERMAL_DRIFT, PROOF_MODEL, 0, claim_drift,
      "by the steady rise of the last calls" },
    { ANM_CAUSE_IDLE_WAKEUP, PROOF_MODEL, 0, claim_idle,
      "by the curve of calls after idle gaps" },
    { ANM_CAUSE_COLD_START, PROOF_FACT, 0, NULL, "first call of the model" },
    { ANM_CAUSE_FIRST_IN_BUCKET, PROOF_FACT, 0, NULL,
      "first call of its length class or bucket" },
    { ANM_CAUSE_NEW_THREAD, PROOF_FACT, 0, NULL, "first call of its thread" },
    { ANM_CAUSE_UNITS_NOT_HONOURED, PROOF_FACT, 0, NULL,
      "observed on a device that the units exclude" },
    { ANM_CAUSE_FALLBACK_LOAD, PROOF_FACT, 0, NULL,
      "a fallback runs it, which the band's runs did not have" },
    { ANM_CAUSE_EVIDENCE_CONFLICT, PROOF_FACT, 0, NULL,
      "two statements about its device contradict each other" },
    { ANM_CAUSE_SLOWER_DEVICE_BY_PLAN, PROOF_FACT, 0, NULL,
      "planned or seen elsewhere than the band's runs" },
    { ANM_CAUSE_STALE_ARTIFACT, PROOF_FACT, 0, NULL,
      "another artifact than in the band's runs" },
    { ANM_CAUSE_INPUT_CHANGED, PROOF_FACT, 0, NULL,
      "the ids differ from those of the calls before" },
    { ANM_CAUSE_BAND_MOVED, PROOF_MODEL, 0, claim_shift,
      "today's warm-up against the stored band" },
};
enum { N_ROWS = sizeof(table) / sizeof(table[0]) };
static_assert(N_ROWS == ANM_CAUSE_COUNT - 2, "a row for every cause but two");

static const row *find_row(anm_cause cause)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (table[i].cause == cause) return &table[i];
    return NULL;
}

const char *anm_cause_proof(anm_cause cause)
{
    static const char *const names[] = { NULL, "time", "model", "fact" };
    const row *found = find_row(cause);

    return found ? names[found->kind] : NULL;
}

const char *anm_cause_rule(anm_cause cause)
{
    const row *found = find_row(cause);

    return found ? found->rule : NULL;
}

/* ---- Claiming -------------------------------------------------------------- */

static call begin_call(const anm_receipt *r, const anm_history *h)
{
    const anm_counters *n = &r->counters;
    const uint64_t excess = anm_beyond(r->total_ns, r->band.p50_ns);
    // Two threads that wait at once keep the caller for the longer wait only.
    const int64_t delay = n->run_delay_max_ns == ANM_COUNTER_UNKNOWN
                              ? n->run_delay_ns
                              : n->run_delay_max_ns;

    return (call){
        .r = r,
        .h = h,
        .left = { .excess = excess,
                  .delay = known(delay),
                  .blocked = anm_beyond(known(n->blocked_ns),
                                        h->band.blocked_p50_ns) },
        .standing = find_standing(r, h),
        .passing = find_passing(r, h),
    };
}

static unsigned count_bits(unsigned bits)
{
    unsigned n = 0;

    for (; bits; bits &= bits - 1)
        n++;
    return n;
}

/* What a fact without a price may explain: as much as leaves the band by
 * itself. The rest of a call whose times and models bring it back into its band
 * needs no explanation. */
static uint64_t unpriced(const call *c, uint64_t ns)
{
    const uint64_t width = anm_beyond(c->r->band.high_ns, c->r->band.p50_ns);

    return ns > width ? ns : 0;
}

/* What facts take of what times and models leave. A call that is not where or
 * with what the band's runs were lies in no range of theirs: what stands goes
 * before what passes, which takes what is clearly more than the calls before
 * took for the same standing reason. */
static void share_facts(call *c)
{
    const uint64_t unexplained = c->left.excess;
    const uint64_t price = shift(c), standing = c->h->standing_ns;
    const uint64_t whole =
        price ? least(price, unexplained) : unpriced(c, unexplained);

    if (!c->standing) {
        c->by_passing = c->passing ? whole : 0;
        return;
    }
    const uint64_t rest = anm_beyond(whole, standing);
    if (c->passing && standing && rest > standing / 2)
        c->by_passing = unpriced(c, rest);
    c->by_standing = whole - c->by_passing;
}

/* Facts that hold at once share evenly: nothing here can tell them apart. */
static uint64_t fact_share(const call *c, anm_cause cause)
{
    if (c->standing & bit(cause))
        return c->by_standing / count_bits(c->standing);
    if (c->passing & bit(cause)) return c->by_passing / count_bits(c->passing);
    return 0;
}

static void draw(pots *left, unsigned from, uint64_t ns)
{
    left->excess -= ns;
    if (from & POT_DELAY) {
        const uint64_t part = least(ns, left->delay);
        left->delay -= part;
        ns -= part;
    }
    if (from & POT_BLOCKED) left->blocked -= least(ns, left->blocked);
}

static void list(anm_receipt *r, const row *of, uint64_t excess,
                 uint64_t explained)
{
    size_t at = r->n_causes;

    while (at > 0 && r->causes[at - 1].explained_ns < explained)
        at--;
    if (at == CAUSES_MAX) return;
    if (r->n_causes < CAUSES_MAX) r->n_causes++;
    for (size_t i = r->n_causes - 1; i > at; i--)
        r->causes[i] = r->causes[i - 1];
    r->causes[at].cause = of->cause;
    r->causes[at].excess_ns = excess;
    r->causes[at].explained_ns = explained;
    snprintf(r->causes[at].evidence, sizeof(r->causes[at].evidence),
             "%" PRIu64 ".%03" PRIu64 " ms %s", explained / 1000000,
             explained / 1000 % 1000, of->rule);
}

static void claim_all(anm_receipt *out, call *c)
{
    const uint64_t excess = c->left.excess;
    bool at_facts = false;

    for (size_t i = 0; i < N_ROWS; i++) {
        if (table[i].kind == PROOF_FACT && !at_facts) {
            share_facts(c);
            at_facts = true;
        }
        const uint64_t claim =
            table[i].claim ? table[i].claim(c) : fact_share(c, table[i].cause);
        const uint64_t explained = least(claim, c->left.excess);
        // A part too small to be listed is nobody else's either.
        draw(&c->left, table[i].pots, explained);
        if (explained == 0 || explained < (excess + 4) / 5) continue;
        list(out, &table[i], excess, explained);
    }
}

static void add_values(anm_receipt *r, const anm_history *h)
{
    for (size_t i = 0; i < r->n_causes; i++) {
        char *text = r->causes[i].evidence;
        const size_t len = strlen(text), cap = sizeof(r->causes[i].evidence);
        if (r->causes[i].cause == ANM_CAUSE_BAND_MOVED)
            snprintf(text + len, cap - len, ": median %.3f ms, stored %.3f ms",
                     (double)h->band.today_p50_ns / 1e6,
                     (double)h->band.p50_ns / 1e6);
        if (r->causes[i].cause == ANM_CAUSE_HOST_SLOWER)
            snprintf(text + len, cap - len, ": %.2f times as long",
                     h->probe_ratio);
    }
}

static void answer(anm_receipt *r, anm_cause cause, uint64_t excess)
{
    r->n_causes = 1;
    r->causes[0].cause = cause;
    r->causes[0].excess_ns = excess;
    r->causes[0].explained_ns = 0;
    r->causes[0].evidence[0] = '\0';
}

/* A call inside its band needs no cause. One that is not near the median of
 * short gaps after a longer one, and that did not wait, says so: that much may be
 * what the gap costs, and nothing is claimed for it. */
static void tell_gap(anm_receipt *r, const pots *left)
{
    const anm_counters *n = &r->counters;
    const uint64_t waits = r->stages_ns[ANM_STAGE_QUEUE] + left->delay;
    const uint64_t p50 = r->band.p50_ns - r->band.gap_ns;
    const uint64_t more = anm_beyond(r->total_ns, p50);

    if (r->band.verdict != ANM_VERDICT_INSIDE || r->first) return;
    if (n->idle_before < long_gap_ns || waits > more / 2) return;
    if (r->total_ns <= part_of(p50, near_median)) return;
    snprintf(r->causes[0].evidence, sizeof(r->causes[0].evidence),
             "inside the band; idle_wakeup may be part of the %.3f ms above "
             "the median after short gaps: %.3f s idle before",
             (double)more / 1e6, (double)n->idle_before / 1e9);
}

void anm_cause_explain(anm_receipt *receipt, const anm_history *history)
{
    uint64_t explained = 0;
    call c = begin_call(receipt, history);
    const uint64_t excess = c.left.excess;

    receipt->n_causes = 0;
    if (receipt->band.verdict != ANM_VERDICT_ABOVE) {
        answer(receipt, ANM_CAUSE_NONE, 0);
        tell_gap(receipt, &c.left);
        return;
    }
    claim_all(receipt, &c);
    for (size_t i = 0; i < receipt->n_causes; i++)
        explained += receipt->causes[i].explained_ns;
    if (receipt->n_causes == 0 || explained < (excess + 1) / 2)
        answer(receipt, ANM_CAUSE_UNKNOWN, excess);
    add_values(receipt, history);
}
