/* finding.c - calls become windows, windows become findings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/finding.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "doctor/judged.h"
#include "doctor/statistics.h"
#include "engine/cause.h"

// The share of calls that leave a band of a steady machine: engine/band.h.
static const double nominal_rate = 0.01;

static const double level = 0.05;
static const double least_ratio = 1.10;
static const uint64_t least_effect_ns = 50000;

enum { LEAST_MOMENTS = 3, LEAST_FIRSTS = 2 };

/* ---- Calls of a cause -------------------------------------------------------- */

/* The bit that a call must have to be able to show the cause; 0: none. */
static unsigned needed_first(anm_cause cause)
{
    if (cause == ANM_CAUSE_COLD_START) return ANM_FIRST_CALL;
    if (cause == ANM_CAUSE_FIRST_IN_BUCKET) return ANM_FIRST_LENGTH;
    if (cause == ANM_CAUSE_NEW_THREAD) return ANM_FIRST_THREAD;
    return 0;
}

static bool can_show(const anm_record *r, anm_cause cause)
{
    const unsigned first = needed_first(cause);

    if (!anm_record_is_judged(r)) return false;
    if (!first) return true;
    // A first call is the first of its length and thread as well.
    if (first != ANM_FIRST_CALL && (r->first & ANM_FIRST_CALL)) return false;
    return r->first & first;
}

/* What the cause took of this call; false when it does not show it. */
static bool shows(const anm_record *r, anm_cause cause, uint64_t *ns)
{
    for (size_t i = 0; i < r->n_causes; i++) {
        if (r->causes[i].cause != cause) continue;
        *ns = cause == ANM_CAUSE_UNKNOWN ? r->causes[i].excess_ns
                                         : r->causes[i].explained_ns;
        return true;
    }
    return false;
}

/* ---- Windows ----------------------------------------------------------------- */

/* Storage of one look at all records. */
typedef struct look {
    const anm_records *records;
    anm_trial *moments; /* [n_moments] of the cause looked at */
    size_t *firsts;     /* [n_moments] records with which they begin */
    size_t *lasts;      /* [n_moments] and end */
    double *values;     /* [2 x records->n] scratch */
    size_t n_moments;
    size_t n_judged;
} look;

static void find_moments(look *l, anm_cause cause)
{
    const anm_record *items = l->records->items;

    l->n_moments = 0;
    for (size_t i = 0; i < l->records->n; i++) {
        uint64_t ns;
        if (!can_show(&items[i], cause)) continue;
        if (!l->n_moments ||
            !anm_is_same_moment(&items[l->firsts[l->n_moments - 1]],
                                &items[i])) {
            l->moments[l->n_moments] = (anm_trial){ 0 };
            l->firsts[l->n_moments++] = i;
        }
        const size_t at = l->n_moments - 1;
        l->lasts[at] = i;
        l->moments[at].n++;
        l->moments[at].n_hits += shows(&items[i], cause, &ns);
    }
}

/* ---- Figures of a window ------------------------------------------------------- */

/* Records of `first` to `last` that show the cause, and their sums. */
static void measure(look *l, anm_finding *f)
{
    const anm_record *items = l->records->items;
    double *extra = l->values;
    double *usual = l->values + l->records->n;
    size_t n = 0;

    for (size_t i = 0; i < l->records->n; i++) {
        uint64_t ns = 0;
        if (!can_show(&items[i], f->cause)) continue;
        f->n_of++;
        if (!shows(&items[i], f->cause, &ns)) continue;
        f->n_hits++;
        f->cost_ns += ns;
        if (i < f->first || i > f->last) continue;
        extra[n] = (double)ns;
        usual[n++] = (double)items[i].p50_ns;
    }
    if (!n) return;
    f->effect_ns = (uint64_t)anm_median(extra, n);
    f->effect_ratio = 1 + (double)f->effect_ns / anm_median(usual, n);
    f->since_ms = items[f->first].at_ms;
    f->until_ms = items[f->last].at_ms;
}

/* ---- Slow calls that warm-up could have had --------------------------------------- */

/* Of n runs the slowest that a band does not reach: engine/band.h. */
static size_t left_out(size_t n)
{
    return n >= 40 ? 2 : n >= 10 ? 1 : 0;
}

static size_t runs_of_warm_up(const anm_records *r)
{
    size_t most = 0;

    for (size_t i = 0; i < r->n; i++)
        if (anm_record_is_judged(&r->items[i]) && r->items[i].band_n > most)
            most = r->items[i].band_n;
    return most;
}

/* The chance that runs of warm-up and these calls are of one machine with a
 * tail, of which warm-up by luck had no more than its band leaves out; or that
 * the stretch is of one machine with warm-up and the rest, for which the best
 * of all stretches is paid for. 0 where warm-up is not known. */
static double chance_of_luck(const look *l, const anm_finding *f)
{
    const size_t n_runs = runs_of_warm_up(l->records);
    const size_t all = n_runs + f->n_of, slow = left_out(n_runs) + f->n_hits;
    size_t n = 0, n_hits = 0;

    if (!n_runs) return 0;
    for (size_t i = f->first; i <= f->last; i++) {
        uint64_t ns;
        if (!can_show(&l->records->items[i], f->cause)) continue;
        n++;
        n_hits += shows(&l->records->items[i], f->cause, &ns);
    }
    const double stretches = (double)f->n_of * ((double)f->n_of + 1) / 2;
    const double whole = anm_draw_tail(all, slow, n_runs, left_out(n_runs));
    const double stretch =
        stretches * anm_draw_tail(all, slow, all - n, slow - n_hits);
    return fmin(1, 2 * fmin(whole, stretch));
}

/* ---- Evidence ------------------------------------------------------------------ */

static void add_evidence(anm_finding *f, const char *format, ...)
    ANM_PRINTF(2, 3);

static void add_evidence(anm_finding *f, const char *format, ...)
{
    va_list args;

    if (f->n_evidence == ANM_FINDING_EVIDENCE) return;
    va_start(args, format);
    vsnprintf(f->evidence[f->n_evidence], sizeof(f->evidence[0]), format, args);
    va_end(args);
    f->n_evidence++;
}

static void put_time(char out[32], int64_t at_ms)
{
    const time_t seconds = (time_t)(at_ms / 1000);
    struct tm utc;

    out[0] = '\0';
    if (gmtime_r(&seconds, &utc)) strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

typedef enum unit { TIME, COUNT, FREQUENCY } unit;

/* The counter that shows a cause. */
typedef struct witness {
    anm_cause cause;
    const char *name;
    int64_t (*read)(const anm_record *r); /* ns, as they are, kHz */
    unit unit;
} witness;

/* In a unit that suits its size. */
static void put_amount(char out[32], double value, unit u)
{
    if (u == FREQUENCY)
        snprintf(out, 32, "%.0f MHz", value / 1e3);
    else if (u == COUNT)
        snprintf(out, 32, "%.*f", fmod(value, 1) > 0 ? 1 : 0, value);
    else if (value < 1e3)
        snprintf(out, 32, "%.0f ns", value);
    else if (value < 1e6)
        snprintf(out, 32, "%.1f us", value / 1e3);
    else if (value < 1e9)
        snprintf(out, 32, "%.2f ms", value / 1e6);
    else
        snprintf(out, 32, "%.2f s", value / 1e9);
}

static int64_t read_queue(const anm_record *r)
{
    return (int64_t)r->stages_ns[ANM_STAGE_QUEUE];
}

static int64_t read_delay(const anm_record *r)
{
    return r->run_delay_max_ns;
}

static int64_t read_throttled(const anm_record *r)
{
    return r->throttled_ns;
}

static int64_t read_major(const anm_record *r)
{
    return r->major_faults;
}

static int64_t read_pressure(const anm_record *r)
{
    return r->psi_memory_us == ANM_COUNTER_UNKNOWN ? ANM_COUNTER_UNKNOWN
                                                   : r->psi_memory_us * 1000;
}

static int64_t read_idle(const anm_record *r)
{
    return r->idle_ns;
}

static int64_t read_freq(const anm_record *r)
{
    return r->freq_khz;
}

static int64_t read_outside(const anm_record *r)
{
    return (int64_t)(r->total_ns - r->stages_ns[ANM_STAGE_QUEUE] -
                     r->stages_ns[ANM_STAGE_PREDICT]);
}

static int64_t read_tokens(const anm_record *r)
{
    return r->tokens;
}

static const witness witnesses[] = {
    { ANM_CAUSE_QUEUEING, "time in the queue", read_queue, TIME },
    { ANM_CAUSE_CPU_CONTENTION, "longest run delay of a thread", read_delay,
      TIME },
    { ANM_CAUSE_THROTTLED_QUOTA, "time throttled", read_throttled, TIME },
    { ANM_CAUSE_PAGING, "major faults", read_major, COUNT },
    { ANM_CAUSE_MEMORY_PRESSURE, "memory stall", read_pressure, TIME },
    { ANM_CAUSE_IDLE_WAKEUP, "idle gap before", read_idle, TIME },
    { ANM_CAUSE_FREQUENCY, "frequency", read_freq, FREQUENCY },
    { ANM_CAUSE_OVERHEAD_OUTSIDE_PREDICT, "time outside predict", read_outside,
      TIME },
    { ANM_CAUSE_LONGER_INPUT, "tokens", read_tokens, COUNT },
};

/* Median of the witness over calls that show the cause or do not; false when
 * none of them has it. */
static bool witness_median(look *l, const witness *w, bool of_hits, double *out)
{
    size_t n = 0;

    for (size_t i = 0; i < l->records->n; i++) {
        const anm_record *r = &l->records->items[i];
        uint64_t ns;
        if (!can_show(r, w->cause) || shows(r, w->cause, &ns) != of_hits)
            continue;
        const int64_t value = w->read(r);
        if (value != ANM_COUNTER_UNKNOWN) l->values[n++] = (double)value;
    }
    if (n) *out = anm_median(l->values, n);
    return n > 0;
}

static void add_witness(look *l, anm_finding *f)
{
    for (size_t i = 0; i < sizeof(witnesses) / sizeof(witnesses[0]); i++) {
        const witness *w = &witnesses[i];
        double with, without;
        char these[32], others[32];
        if (w->cause != f->cause || !witness_median(l, w, true, &with))
            continue;
        put_amount(these, with, w->unit);
        if (!witness_median(l, w, false, &without)) {
            add_evidence(f, "%s: median %s in these calls", w->name, these);
            continue;
        }
        put_amount(others, without, w->unit);
        add_evidence(f, "%s: median %s in these calls, %s in the others",
                     w->name, these, others);
    }
}

static void add_counts(const look *l, anm_finding *f)
{
    static const char *const kinds[] = { "calls", "first calls",
                                         "calls of a length for the first time",
                                         "first calls of a thread" };
    const unsigned first = needed_first(f->cause);
    const char *kind = kinds[first == ANM_FIRST_CALL     ? 1
                             : first == ANM_FIRST_LENGTH ? 2
                             : first == ANM_FIRST_THREAD ? 3
                                                         : 0];
    char since[32], until[32];

    if (f->since_ms == ANM_COUNTER_UNKNOWN ||
        f->until_ms == ANM_COUNTER_UNKNOWN) {
        add_evidence(f,
                     "%zu of %zu %s above their band for this, from call "
                     "%zu to call %zu",
                     f->n_hits, f->n_of, kind, f->first + 1, f->last + 1);
        return;
    }
    put_time(since, f->since_ms);
    put_time(until, f->until_ms);
    (void)l;
    add_evidence(f,
                 "%zu of %zu %s above their band for this, from %s (call "
                 "%zu) to %s (call %zu)",
                 f->n_hits, f->n_of, kind, since, f->first + 1, until,
                 f->last + 1);
}

static void add_rule(anm_finding *f)
{
    const char *proof = anm_cause_proof(f->cause);

    if (proof)
        add_evidence(f, "proof by %s: %s", proof, anm_cause_rule(f->cause));
    else
        add_evidence(f, "what was counted in these calls does not explain half "
                        "of their excess");
}

/* ---- Artifacts ------------------------------------------------------------------- */

/* Median time of loads that found their artifact; 0: none did. */
static double usual_load(const look *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->records->n_loads; i++)
        if (strcmp(l->records->loads[i].state, "hit") == 0 && n < l->records->n)
            l->values[n++] = (double)l->records->loads[i].load_ns;
    return n ? anm_median(l->values, n) : 0;
}

/* A start that prepared again what an earlier start had. */
static bool is_lost(const anm_records *r, size_t at)
{
    const anm_load_record *load = &r->loads[at];

    if (strcmp(load->state, "rebuilt") == 0) return true;
    if (strcmp(load->state, "built") != 0) return false;
    for (size_t i = 0; i < at; i++)
        if (r->loads[i].artifact == load->artifact) return true;
    return false;
}

static anm_finding *find_cause(anm_finding *out, size_t n, anm_cause cause)
{
    for (size_t i = 0; i < n; i++)
        if (out[i].cause == cause) return &out[i];
    return NULL;
}

/* Starts that prepared the model again although an earlier one had. */
typedef struct losses {
    size_t n, first, last; /* the receipts of the first and the last of them */
    double usual;          /* ns of a load that found it; 0: none did */
    uint64_t cost_ns;      /* beyond that, all together */
} losses;

static losses count_losses(const look *l)
{
    const anm_records *r = l->records;
    losses found = { .usual = usual_load(l) };

    for (size_t i = 0; i < r->n_loads; i++) {
        if (!is_lost(r, i)) continue;
        if (!found.n++) found.first = r->loads[i].at;
        found.last = r->loads[i].at;
        if ((double)r->loads[i].load_ns > found.usual)
            found.cost_ns += r->loads[i].load_ns - (uint64_t)found.usual;
    }
    return found;
}

static anm_finding find_losses(const look *l, const char *source,
                               const losses *of)
{
    const anm_records *r = l->records;
    const double each = (double)(of->cost_ns / of->n);

    return (anm_finding){
        .cause = ANM_CAUSE_STALE_ARTIFACT,
        .source = source,
        .n_hits = of->n,
        .n_of = r->n_loads,
        .of_starts = true,
        .n_banded = l->n_judged,
        .effect_ns = of->cost_ns / of->n,
        .effect_ratio = 1 + (of->usual > 0 ? each / of->usual : least_ratio),
        .first = of->first,
        .last = of->last,
        .since_ms = r->items[of->first].at_ms,
        .until_ms = r->items[of->last].at_ms,
        .advice = anm_cause_advice(ANM_CAUSE_STALE_ARTIFACT),
    };
}

/* Artifacts that were there and were not found again are facts, for which no
 * window has to be judged. */
static void judge_loads(const look *l, const char *source, anm_finding *out,
                        size_t *n)
{
    const losses lost = count_losses(l);
    char found[64] = "";

    if (!lost.n || lost.cost_ns / lost.n < least_effect_ns) return;
    anm_finding *f = find_cause(out, *n, ANM_CAUSE_STALE_ARTIFACT);
    if (!f) {
        f = &out[(*n)++];
        *f = find_losses(l, source, &lost);
    }
    f->cost_ns += lost.cost_ns;
    if (lost.usual > 0)
        snprintf(found, sizeof(found), ", %.1f ms where it was found",
                 lost.usual / 1e6);
    add_evidence(f,
                 "%zu of %zu starts prepared the model again although an "
                 "earlier one had: %.1f ms each%s",
                 lost.n, l->records->n_loads,
                 ((double)(lost.cost_ns / lost.n) + lost.usual) / 1e6, found);
}

/* ---- All of them ------------------------------------------------------------------- */

static bool is_finding(const anm_finding *f, size_t n_hit_moments)
{
    const size_t least = needed_first(f->cause) ? LEAST_FIRSTS : LEAST_MOMENTS;

    return n_hit_moments >= least && f->p < level &&
           f->effect_ratio >= least_ratio && f->effect_ns >= least_effect_ns;
}

static void judge_causes(look *l, const char *source, anm_finding *out,
                         size_t *n)
{
    anm_finding tried[ANM_CAUSE_COUNT] = { 0 };
    double p[ANM_CAUSE_COUNT], luck = 0;
    size_t n_hit_moments[ANM_CAUSE_COUNT] = { 0 };
    enum { FIRST_CAUSE = ANM_CAUSE_NONE + 1 };

    for (int c = FIRST_CAUSE; c < ANM_CAUSE_COUNT; c++) {
        anm_finding *f = &tried[c];
        *f = (anm_finding){ .cause = (anm_cause)c,
                            .source = source,
                            .n_banded = l->n_judged,
                            .since_ms = ANM_COUNTER_UNKNOWN,
                            .until_ms = ANM_COUNTER_UNKNOWN,
                            .advice = anm_cause_advice((anm_cause)c) };
        find_moments(l, f->cause);
        const anm_burst b =
            anm_burst_find(l->moments, l->n_moments, nominal_rate);
        p[c] = b.p;
        n_hit_moments[c] = b.n_hits;
        if (!b.n_hits) continue;
        f->first = l->firsts[b.first];
        f->last = l->lasts[b.last];
        measure(l, f);
        if (f->cause == ANM_CAUSE_UNKNOWN) luck = chance_of_luck(l, f);
    }
    anm_holm(p + FIRST_CAUSE, ANM_CAUSE_COUNT - FIRST_CAUSE);
    for (int c = FIRST_CAUSE; c < ANM_CAUSE_COUNT; c++) {
        tried[c].p = p[c];
        // One question about one cause, which has no proof of its own.
        if (c == ANM_CAUSE_UNKNOWN) tried[c].p = fmax(p[c], luck);
        if (!is_finding(&tried[c], n_hit_moments[c])) continue;
        add_counts(l, &tried[c]);
        add_rule(&tried[c]);
        add_witness(l, &tried[c]);
        out[(*n)++] = tried[c];
    }
}

static void sort_by_cost(anm_finding *out, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const anm_finding one = out[i];
        size_t at = i;
        for (; at > 0 && out[at - 1].cost_ns < one.cost_ns; at--)
            out[at] = out[at - 1];
        out[at] = one;
    }
}

anm_status anm_findings_make(const anm_records *records, const char *source,
                             anm_finding *out, size_t *n, anm_error *err)
{
    look l = { .records = records };
    const size_t room = records->n + 1;

    *n = 0;
    for (size_t i = 0; i < records->n; i++)
        l.n_judged += anm_record_is_judged(&records->items[i]);
    l.moments = anm_alloc_array(room, sizeof(*l.moments));
    l.firsts = anm_alloc_array(room, sizeof(*l.firsts));
    l.lasts = anm_alloc_array(room, sizeof(*l.lasts));
    l.values = anm_alloc_array(2 * room, sizeof(*l.values));
    const bool has_room = l.moments && l.firsts && l.lasts && l.values;
    if (has_room) {
        judge_causes(&l, source, out, n);
        judge_loads(&l, source, out, n);
        sort_by_cost(out, *n);
    }
    anm_free(l.moments);
    anm_free(l.firsts);
    anm_free(l.lasts);
    anm_free(l.values);
    return has_room ? ANM_OK
                    : anm_fail(err, ANM_E_NOMEM, "findings: out of memory");
}

void anm_findings_join(anm_finding *into, size_t *n, const anm_finding *from,
                       size_t n_from)
{
    for (size_t i = 0; i < n_from; i++) {
        anm_finding *known = find_cause(into, *n, from[i].cause);
        if (!known) {
            assert(*n < ANM_FINDINGS_MAX);
            into[(*n)++] = from[i];
            continue;
        }
        const anm_finding other =
            from[i].cost_ns > known->cost_ns ? *known : from[i];
        if (from[i].cost_ns > known->cost_ns) *known = from[i];
        add_evidence(known, "also in %s: %s",
                     strcmp(other.source, "baseline") == 0
                         ? "calls that nothing was changed for"
                         : "recorded receipts",
                     other.evidence[0]);
    }
    sort_by_cost(into, *n);
}
