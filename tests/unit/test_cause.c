/* test_cause.c - causes follow from receipt and history alone, and never claim
 * more than there is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/cause.h"

#include <string.h>

#include "support/support.h"

static const uint64_t ms = 1000000;

/* A call of `total` against a median of 10 ms, all of it predict. */
static anm_receipt call_of(uint64_t total)
{
    anm_receipt r = { 0 };

    r.total_ns = total;
    r.stages_ns[ANM_STAGE_PREDICT] = total;
    r.units = ANM_UNITS_CPU_AND_NE;
    r.where.device = ANM_DEVICE_ANE;
    r.where.evidence = ANM_EVIDENCE_OBSERVED;
    r.where.excluded = 1u << ANM_DEVICE_GPU;
    r.counters = (anm_counters){ .device_wait_ns = ANM_COUNTER_UNKNOWN,
                                 .probe_ns = ANM_COUNTER_UNKNOWN,
                                 .freq_khz = ANM_COUNTER_UNKNOWN };
    r.band.n = 20;
    r.band.p50_ns = 10 * ms;
    r.band.high_ns = 11 * ms;
    r.band.verdict = total > 11 * ms ? ANM_VERDICT_ABOVE : ANM_VERDICT_INSIDE;
    return r;
}

static anm_history quiet_past(void)
{
    return (anm_history){ .band = { .tokens = 8,
                                    .n = 20,
                                    .first_ns = 14 * ms,
                                    .p50_ns = 10 * ms,
                                    .high_ns = 11 * ms,
                                    .predict_p50_ns = 9 * ms,
                                    .outside_p50_ns = 1 * ms,
                                    .outside_high_ns = 2 * ms,
                                    .today_p50_ns = 10 * ms },
                          .probe_ratio = 1,
                          .freq_ratio = 1,
                          .longer_ratio = 1 };
}

static void move_stage(anm_receipt *r, anm_stage to, uint64_t ns)
{
    r->stages_ns[ANM_STAGE_PREDICT] -= ns;
    r->stages_ns[to] += ns;
}

/* ---- One planted cause each ----------------------------------------------- */

/* Plant about `excess` of a cause in a call that is so much too late. */
static void plant(anm_cause cause, uint64_t excess, anm_receipt *r,
                  anm_history *h)
{
    anm_counters *c = &r->counters;
    const double share = (double)excess / (double)(10 * ms);

    switch (cause) {
    case ANM_CAUSE_QUEUEING:
        move_stage(r, ANM_STAGE_QUEUE, excess);
        break;
    case ANM_CAUSE_CPU_CONTENTION:
        c->run_delay_ns += (int64_t)excess;
        c->run_delay_max_ns += (int64_t)excess;
        break;
    case ANM_CAUSE_THROTTLED_QUOTA:
        c->throttled_ns = (int64_t)(2 * excess);
        c->run_delay_ns += (int64_t)(2 * excess);
        c->run_delay_max_ns += (int64_t)excess;
        break;
    case ANM_CAUSE_DEVICE_BUSY:
        c->device_wait_ns = (int64_t)excess;
        c->blocked_ns += (int64_t)excess;
        break;
    case ANM_CAUSE_PAGING:
        c->major_faults = 40;
        c->blocked_ns += (int64_t)excess;
        break;
    case ANM_CAUSE_MEMORY_PRESSURE:
        c->major_faults = 4;
        c->psi_memory_us = (int64_t)(excess / 1000);
        c->blocked_ns += (int64_t)excess;
        break;
    case ANM_CAUSE_OVERHEAD_OUTSIDE_PREDICT:
        move_stage(r, ANM_STAGE_TOKENIZE, excess + ms);
        break;
    case ANM_CAUSE_FREQUENCY:
        h->freq_ratio = 1 + share;
        h->probe_ratio = 1 + share;
        break;
    case ANM_CAUSE_HOST_SLOWER:
        h->probe_ratio = 1 + share;
        break;
    case ANM_CAUSE_THERMAL_DRIFT:
        h->drift = share;
        break;
    case ANM_CAUSE_IDLE_WAKEUP:
        h->idle_extra_ns = excess;
        break;
    case ANM_CAUSE_LONGER_INPUT:
        h->longer_ratio = 1 + share;
        break;
    case ANM_CAUSE_COLD_START:
        r->first = ANM_FIRST_CALL | ANM_FIRST_THREAD;
        break;
    case ANM_CAUSE_FIRST_IN_BUCKET:
        r->first = ANM_FIRST_LENGTH;
        break;
    case ANM_CAUSE_NEW_THREAD:
        r->first = ANM_FIRST_THREAD;
        break;
    case ANM_CAUSE_UNITS_NOT_HONOURED:
        r->where.device = ANM_DEVICE_GPU;
        break;
    case ANM_CAUSE_FALLBACK_LOAD:
        r->contract.fallback = true;
        h->plan_changed = true;
        break;
    case ANM_CAUSE_EVIDENCE_CONFLICT:
        r->where.conflict.evidence = ANM_EVIDENCE_PLANNED;
        break;
    case ANM_CAUSE_SLOWER_DEVICE_BY_PLAN:
        h->plan_changed = true;
        break;
    case ANM_CAUSE_STALE_ARTIFACT:
        h->artifact_changed = true;
        break;
    case ANM_CAUSE_INPUT_CHANGED:
        h->input_changed = true;
        break;
    case ANM_CAUSE_BAND_MOVED:
        h->band.today_p50_ns = 10 * ms + excess;
        break;
    case ANM_CAUSE_NONE:
    case ANM_CAUSE_UNKNOWN:
    case ANM_CAUSE_COUNT:
        break;
    }
}

static void each_planted_cause_is_named_alone(void **state)
{
    (void)state;
    for (int cause = 1; cause < ANM_CAUSE_UNKNOWN; cause++) {
        anm_receipt r = call_of(25 * ms);
        anm_history h = quiet_past();
        plant((anm_cause)cause, 15 * ms, &r, &h);
        anm_cause_explain(&r, &h);
        if (r.n_causes != 1 || (int)r.causes[0].cause != cause)
            fail_msg("%s: %zu causes, first %s",
                     anm_cause_name((anm_cause)cause), r.n_causes,
                     anm_cause_name(r.causes[0].cause));
        assert_int_equal(r.causes[0].excess_ns, 15 * ms);
        assert_true(strlen(r.causes[0].evidence) > 0);
        assert_non_null(anm_cause_rule((anm_cause)cause));
        assert_non_null(anm_cause_proof((anm_cause)cause));
    }
    assert_null(anm_cause_rule(ANM_CAUSE_NONE));
    assert_null(anm_cause_proof(ANM_CAUSE_UNKNOWN));
}

static void nothing_planted_is_unknown(void **state)
{
    anm_receipt r = call_of(25 * ms);
    const anm_history h = quiet_past();
    (void)state;

    anm_cause_explain(&r, &h);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
    assert_int_equal(r.causes[0].explained_ns, 0);
    assert_int_equal(r.causes[0].excess_ns, 15 * ms);
}

static void inside_below_and_without_band_have_no_cause(void **state)
{
    static const anm_verdict verdicts[] = { ANM_VERDICT_NONE,
                                            ANM_VERDICT_INSIDE,
                                            ANM_VERDICT_BELOW };
    (void)state;

    for (size_t i = 0; i < 3; i++)
        for (int cause = 1; cause < ANM_CAUSE_UNKNOWN; cause++) {
            anm_receipt r = call_of(25 * ms);
            anm_history h = quiet_past();
            plant((anm_cause)cause, 15 * ms, &r, &h);
            r.band.verdict = verdicts[i];
            anm_cause_explain(&r, &h);
            assert_int_equal(r.n_causes, 1);
            assert_int_equal(r.causes[0].cause, ANM_CAUSE_NONE);
            assert_int_equal(r.causes[0].excess_ns, 0);
        }
}

static bool is_listed(const anm_receipt *r, int cause)
{
    for (size_t i = 0; i < r->n_causes; i++)
        if ((int)r->causes[i].cause == cause) return true;
    return false;
}

/* Facts of place exclude each other: there the plainest is said. */
static bool is_place(int cause)
{
    return cause == ANM_CAUSE_UNITS_NOT_HONOURED ||
           cause == ANM_CAUSE_FALLBACK_LOAD ||
           cause == ANM_CAUSE_EVIDENCE_CONFLICT ||
           cause == ANM_CAUSE_SLOWER_DEVICE_BY_PLAN;
}

/* Facts of another place or artifact, and those of one call. */
static bool is_standing(int cause)
{
    return is_place(cause) || cause == ANM_CAUSE_STALE_ARTIFACT;
}

static bool is_passing(int cause)
{
    return strcmp(anm_cause_proof((anm_cause)cause), "fact") == 0 &&
           !is_standing(cause);
}

/* A planted pair whose halves make up the excess. A fact that comes with what
 * warm-up measured is what band_moved names when there is no such fact. */
static bool is_one_thing(int a, int b)
{
    const bool facts =
        a >= 0 && strcmp(anm_cause_proof((anm_cause)a), "fact") == 0;

    return (is_place(a) && is_place(b)) ||
           (facts && b == ANM_CAUSE_BAND_MOVED) ||
           (a == ANM_CAUSE_FREQUENCY && b == ANM_CAUSE_HOST_SLOWER) ||
           (a == ANM_CAUSE_PAGING && b == ANM_CAUSE_MEMORY_PRESSURE) ||
           (a == ANM_CAUSE_COLD_START &&
            (b == ANM_CAUSE_FIRST_IN_BUCKET || b == ANM_CAUSE_NEW_THREAD)) ||
           (a == ANM_CAUSE_FIRST_IN_BUCKET && b == ANM_CAUSE_NEW_THREAD);
}

/* The gap is told and nothing is claimed for it. */
static void a_gap_is_told_inside_the_band(void **state)
{
    static const struct {
        uint64_t total, queue;
        int64_t idle_ns;
        unsigned first;
        bool told;
    } cases[] = {
        { 13 * ms, 0, 1000000000, 0, true },
        { 13 * ms, 0, 50000000, 0, true },
        { 13 * ms, 1 * ms, 50000000, 0, true },
        { 13 * ms, 2 * ms, 50000000, 0, false },
        { 13 * ms, 0, 20000000, 0, false },
        { 13 * ms, 0, 1000000000, ANM_FIRST_THREAD, false },
        { 11 * ms, 0, 1000000000, 0, false },
        { 9 * ms, 0, 1000000000, 0, false },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_receipt r = call_of(cases[i].total);
        const anm_history h = quiet_past();
        move_stage(&r, ANM_STAGE_QUEUE, cases[i].queue);
        r.band.verdict = ANM_VERDICT_INSIDE;
        r.counters.idle_before = cases[i].idle_ns;
        r.first = cases[i].first;
        anm_cause_explain(&r, &h);
        assert_int_equal(r.n_causes, 1);
        assert_int_equal(r.causes[0].cause, ANM_CAUSE_NONE);
        assert_int_equal(r.causes[0].explained_ns, 0);
        assert_int_equal(strstr(r.causes[0].evidence, "idle_wakeup") != NULL,
                         cases[i].told);
    }
}

static void two_planted_causes_are_both_named_or_unknown(void **state)
{
    (void)state;
    for (int a = 1; a < ANM_CAUSE_UNKNOWN; a++)
        for (int b = a + 1; b < ANM_CAUSE_UNKNOWN; b++) {
            if (is_one_thing(a, b) || is_one_thing(b, a)) continue;
            anm_receipt r = call_of(30 * ms);
            anm_history h = quiet_past();
            plant((anm_cause)a, 10 * ms, &r, &h);
            plant((anm_cause)b, 10 * ms, &r, &h);
            // What stands is known from the calls before.
            if ((is_standing(a) && is_passing(b)) ||
                (is_standing(b) && is_passing(a)))
                h.standing_ns = 10 * ms;
            anm_cause_explain(&r, &h);
            if (is_listed(&r, ANM_CAUSE_UNKNOWN)) continue;
            if (r.n_causes != 2 || !is_listed(&r, a) || !is_listed(&r, b))
                fail_msg("%s and %s: %zu causes, %s %s",
                         anm_cause_name((anm_cause)a),
                         anm_cause_name((anm_cause)b), r.n_causes,
                         anm_cause_name(r.causes[0].cause),
                         anm_cause_name(r.causes[1].cause));
        }
}

/* ---- Rules ----------------------------------------------------------------- */

static void less_than_half_explained_is_unknown(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        anm_receipt r = call_of(30 * ms);
        const anm_history h = quiet_past();
        move_stage(&r, ANM_STAGE_QUEUE, 10 * ms - 1 + (uint64_t)more);
        anm_cause_explain(&r, &h);
        assert_int_equal(r.causes[0].cause,
                         more ? ANM_CAUSE_QUEUEING : ANM_CAUSE_UNKNOWN);
    }
}

static void less_than_a_fifth_is_not_listed(void **state)
{
    anm_receipt r = call_of(30 * ms);
    const anm_history h = quiet_past();
    (void)state;

    move_stage(&r, ANM_STAGE_QUEUE, 14 * ms);
    r.counters.run_delay_max_ns = (int64_t)(4 * ms - 1);
    anm_cause_explain(&r, &h);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_QUEUEING);
    r.counters.run_delay_max_ns++;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.n_causes, 2);
}

static void throttled_time_is_no_contention(void **state)
{
    anm_receipt r = call_of(30 * ms);
    const anm_history h = quiet_past();
    (void)state;

    // Both threads were held for 18 ms, and the system adds them up.
    r.counters.throttled_ns = (int64_t)(36 * ms);
    r.counters.run_delay_ns = (int64_t)(36 * ms);
    r.counters.run_delay_max_ns = (int64_t)(18 * ms);
    anm_cause_explain(&r, &h);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_THROTTLED_QUOTA);
    assert_int_equal(r.causes[0].explained_ns, 18 * ms);
}

static void old_throttling_explains_no_call_that_did_not_wait(void **state)
{
    anm_receipt r = call_of(30 * ms);
    const anm_history h = quiet_past();
    (void)state;

    r.counters.throttled_ns = (int64_t)(500 * ms);
    r.counters.psi_memory_us = 500000;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
}

static void price_of_todays_warm_up_bounds_a_fact(void **state)
{
    anm_receipt r = call_of(30 * ms);
    anm_history h = quiet_past();
    (void)state;

    h.plan_changed = true;
    h.band.today_p50_ns = 22 * ms;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_SLOWER_DEVICE_BY_PLAN);
    assert_int_equal(r.causes[0].explained_ns, 12 * ms);
}

/* A first call on another device: the band says nothing of that device, with
 * or without a first call. */
static void what_stands_goes_before_what_passes(void **state)
{
    (void)state;
    for (int stands = 1; stands < ANM_CAUSE_UNKNOWN; stands++)
        for (int passes = 1; passes < ANM_CAUSE_UNKNOWN; passes++) {
            if (!is_standing(stands) || !is_passing(passes)) continue;
            anm_receipt r = call_of(30 * ms);
            anm_history h = quiet_past();
            plant((anm_cause)stands, 0, &r, &h);
            plant((anm_cause)passes, 0, &r, &h);
            // Not known, and known from calls that were a little faster.
            for (uint64_t ns = 0; ns <= 14 * ms; ns += 14 * ms) {
                h.standing_ns = ns;
                anm_cause_explain(&r, &h);
                assert_int_equal(r.n_causes, 1);
                assert_int_equal(r.causes[0].cause, stands);
            }
        }
}

/* What contention leaves would be within the band: no fact is needed for it. */
static void rest_within_the_band_is_no_facts(void **state)
{
    const anm_history h = quiet_past();
    (void)state;

    for (uint64_t rest = ms; rest <= 9 * ms; rest += 8 * ms) {
        anm_receipt r = call_of(10 * ms + 3 * ms + rest);
        r.band.high_ns = 12 * ms;
        r.first = ANM_FIRST_THREAD;
        r.counters.run_delay_max_ns = (int64_t)(3 * ms);
        anm_cause_explain(&r, &h);
        assert_int_equal(r.n_causes, rest == ms ? 1 : 2);
        assert_int_equal(r.causes[0].cause, rest == ms
                                                ? ANM_CAUSE_CPU_CONTENTION
                                                : ANM_CAUSE_NEW_THREAD);
    }
}

/* On a host that is three times slower the stages outside predict are so too. */
static void slow_host_is_no_overhead(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        anm_receipt r = call_of(30 * ms + (uint64_t)more * 6 * ms);
        anm_history h = quiet_past();
        h.band.outside_p50_ns = 4 * ms;
        h.band.outside_high_ns = 5 * ms;
        h.probe_ratio = 3;
        move_stage(&r, ANM_STAGE_TOKENIZE, 12 * ms + (uint64_t)more * 6 * ms);
        anm_cause_explain(&r, &h);
        assert_int_equal(r.causes[0].cause, ANM_CAUSE_HOST_SLOWER);
        assert_int_equal(r.n_causes, 1 + more);
        h.probe_ratio = 1;
        h.freq_ratio = 3;
        anm_cause_explain(&r, &h);
        assert_int_equal(r.causes[0].cause, ANM_CAUSE_FREQUENCY);
        assert_int_equal(r.n_causes, 1 + more);
    }
}

/* A price that a fact took is not taken again by the move of the band. */
static void price_is_paid_once(void **state)
{
    anm_receipt r = call_of(40 * ms);
    anm_history h = quiet_past();
    (void)state;

    h.artifact_changed = true;
    h.band.today_p50_ns = 26 * ms;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_STALE_ARTIFACT);
    assert_int_equal(r.causes[0].explained_ns, 16 * ms);
}

static void silent_counters_explain_nothing(void **state)
{
    anm_receipt r = call_of(30 * ms);
    const anm_history h = { 0 };
    (void)state;

    int64_t *const counters[] = {
        &r.counters.run_delay_ns,  &r.counters.run_delay_max_ns,
        &r.counters.blocked_ns,    &r.counters.throttled_ns,
        &r.counters.psi_memory_us, &r.counters.major_faults,
        &r.counters.minor_faults,  &r.counters.device_wait_ns,
    };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        *counters[i] = ANM_COUNTER_UNKNOWN;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
}

/* A quarter of a second under CPU_AND_NE, and nobody saw the device. */
static void latency_names_no_device(void **state)
{
    anm_receipt r = call_of(250 * ms);
    const anm_history h = quiet_past();
    (void)state;

    r.where.device = ANM_DEVICE_UNKNOWN;
    r.where.evidence = ANM_EVIDENCE_UNKNOWN;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.where.device, ANM_DEVICE_UNKNOWN);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
}

/* ---- Properties of any receipt ---------------------------------------------- */

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static int64_t draw_counter(uint64_t *seed)
{
    const uint64_t kind = draw(seed) % 4;

    if (kind == 0) return ANM_COUNTER_UNKNOWN;
    return kind == 1 ? 0 : (int64_t)(draw(seed) % (60 * ms));
}

static double draw_ratio(uint64_t *seed)
{
    return draw(seed) % 2 ? 1 : (double)(draw(seed) % 400) / 100;
}

static void draw_call(uint64_t *seed, anm_receipt *r, anm_history *h)
{
    *r = call_of(12 * ms + draw(seed) % (50 * ms));
    *h = quiet_past();
    for (int s = 0; s < ANM_STAGE_COUNT; s++)
        if (s != ANM_STAGE_PREDICT)
            move_stage(r, (anm_stage)s,
                       draw(seed) % (r->stages_ns[ANM_STAGE_PREDICT] + 1));
    anm_counters *c = &r->counters;
    int64_t *const counters[] = { &c->run_delay_ns, &c->run_delay_max_ns,
                                  &c->blocked_ns,   &c->device_wait_ns,
                                  &c->throttled_ns, &c->psi_memory_us,
                                  &c->major_faults, &c->minor_faults };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        *counters[i] = draw_counter(seed);
    h->probe_ratio = draw_ratio(seed);
    h->freq_ratio = draw_ratio(seed);
    h->longer_ratio = draw_ratio(seed);
    h->drift = draw_ratio(seed) - 1;
    h->idle_extra_ns = draw(seed) % 2 ? 0 : draw(seed) % (40 * ms);
    h->band.today_p50_ns = draw(seed) % (30 * ms);
    if (draw(seed) % 2) return;
    r->first = (unsigned)draw(seed) % 8;
    r->contract.fallback = draw(seed) % 2;
    r->where.device = (anm_device)(draw(seed) % 5);
    r->where.conflict.evidence = (anm_evidence)(draw(seed) % 4);
    h->plan_changed = draw(seed) % 2;
    h->artifact_changed = draw(seed) % 2;
    h->input_changed = draw(seed) % 2;
    h->standing_ns = draw(seed) % (20 * ms);
}

static uint64_t explained_by(const anm_receipt *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < r->n_causes; i++)
        sum += r->causes[i].explained_ns;
    return sum;
}

static void any_receipt_keeps_the_rules(void **state)
{
    uint64_t seed = 3;
    (void)state;

    for (int i = 0; i < 200000; i++) {
        anm_receipt r;
        anm_history h;
        draw_call(&seed, &r, &h);
        anm_cause_explain(&r, &h);
        const uint64_t excess = r.total_ns - r.band.p50_ns;
        assert_in_range(r.n_causes, 1, 3);
        assert_true(explained_by(&r) <= excess);
        if (r.causes[0].cause == ANM_CAUSE_UNKNOWN) {
            assert_int_equal(r.n_causes, 1);
            continue;
        }
        assert_true(explained_by(&r) * 2 >= excess);
        for (size_t k = 0; k < r.n_causes; k++) {
            assert_int_not_equal(r.causes[k].cause, ANM_CAUSE_NONE);
            assert_true(r.causes[k].excess_ns == excess);
            assert_true(r.causes[k].explained_ns * 5 >= excess);
            if (k)
                assert_true(r.causes[k].explained_ns <=
                            r.causes[k - 1].explained_ns);
        }
    }
}

static uint64_t explained_as(const anm_receipt *r, anm_cause cause)
{
    for (size_t i = 0; i < r->n_causes; i++)
        if (r->causes[i].cause == cause) return r->causes[i].explained_ns;
    return 0;
}

/* With more of its own evidence a cause explains no less. */
static void more_evidence_explains_no_less(void **state)
{
    static const anm_cause causes[] = {
        ANM_CAUSE_QUEUEING,     ANM_CAUSE_CPU_CONTENTION, ANM_CAUSE_DEVICE_BUSY,
        ANM_CAUSE_HOST_SLOWER,  ANM_CAUSE_THERMAL_DRIFT,  ANM_CAUSE_IDLE_WAKEUP,
        ANM_CAUSE_LONGER_INPUT, ANM_CAUSE_BAND_MOVED,
    };
    (void)state;

    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        uint64_t before = 0;
        for (uint64_t ns = 0; ns <= 20 * ms; ns += ms / 4) {
            anm_receipt r = call_of(30 * ms);
            anm_history h = quiet_past();
            plant(causes[i], ns, &r, &h);
            anm_cause_explain(&r, &h);
            const uint64_t now = explained_as(&r, causes[i]);
            assert_true(now >= before);
            before = now;
        }
        // Shares are computed in floating point.
        assert_true(before + 10 >= 20 * ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_planted_cause_is_named_alone),
        cmocka_unit_test(nothing_planted_is_unknown),
        cmocka_unit_test(inside_below_and_without_band_have_no_cause),
        cmocka_unit_test(a_gap_is_told_inside_the_band),
        cmocka_unit_test(two_planted_causes_are_both_named_or_unknown),
        cmocka_unit_test(less_than_half_explained_is_unknown),
        cmocka_unit_test(less_than_a_fifth_is_not_listed),
        cmocka_unit_test(throttled_time_is_no_contention),
        cmocka_unit_test(old_throttling_explains_no_call_that_did_not_wait),
        cmocka_unit_test(price_of_todays_warm_up_bounds_a_fact),
        cmocka_unit_test(what_stands_goes_before_what_passes),
        cmocka_unit_test(rest_within_the_band_is_no_facts),
        cmocka_unit_test(slow_host_is_no_overhead),
        cmocka_unit_test(price_is_paid_once),
        cmocka_unit_test(silent_counters_explain_nothing),
        cmocka_unit_test(latency_names_no_device),
        cmocka_unit_test(any_receipt_keeps_the_rules),
        cmocka_unit_test(more_evidence_explains_no_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
