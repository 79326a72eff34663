/* test_cause.c - a cause is named where its signs are, and nowhere else.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/cause.h"

#include <string.h>

#include "support/causes.h"
#include "support/support.h"

static const uint64_t ms = 1000000;

/* ---- One planted cause each ----------------------------------------------- */

static void each_planted_cause_is_named_alone(void **state)
{
    (void)state;
    for (int cause = 1; cause < ANM_CAUSE_UNKNOWN; cause++) {
        anm_receipt r = test_late_call(25 * ms);
        anm_history h = test_quiet_past();
        test_plant((anm_cause)cause, 15 * ms, &r, &h);
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
    anm_receipt r = test_late_call(25 * ms);
    const anm_history h = test_quiet_past();
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
            anm_receipt r = test_late_call(25 * ms);
            anm_history h = test_quiet_past();
            test_plant((anm_cause)cause, 15 * ms, &r, &h);
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
        anm_receipt r = test_late_call(cases[i].total);
        const anm_history h = test_quiet_past();
        test_move_stage(&r, ANM_STAGE_QUEUE, cases[i].queue);
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
            anm_receipt r = test_late_call(30 * ms);
            anm_history h = test_quiet_past();
            test_plant((anm_cause)a, 10 * ms, &r, &h);
            test_plant((anm_cause)b, 10 * ms, &r, &h);
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
        anm_receipt r = test_late_call(30 * ms);
        const anm_history h = test_quiet_past();
        test_move_stage(&r, ANM_STAGE_QUEUE, 10 * ms - 1 + (uint64_t)more);
        anm_cause_explain(&r, &h);
        assert_int_equal(r.causes[0].cause,
                         more ? ANM_CAUSE_QUEUEING : ANM_CAUSE_UNKNOWN);
    }
}

static void less_than_a_fifth_is_not_listed(void **state)
{
    anm_receipt r = test_late_call(30 * ms);
    const anm_history h = test_quiet_past();
    (void)state;

    test_move_stage(&r, ANM_STAGE_QUEUE, 14 * ms);
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
    anm_receipt r = test_late_call(30 * ms);
    const anm_history h = test_quiet_past();
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
    anm_receipt r = test_late_call(30 * ms);
    const anm_history h = test_quiet_past();
    (void)state;

    r.counters.throttled_ns = (int64_t)(500 * ms);
    r.counters.psi_memory_us = 500000;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
}

static void price_of_todays_warm_up_bounds_a_fact(void **state)
{
    anm_receipt r = test_late_call(30 * ms);
    anm_history h = test_quiet_past();
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
            anm_receipt r = test_late_call(30 * ms);
            anm_history h = test_quiet_past();
            test_plant((anm_cause)stands, 0, &r, &h);
            test_plant((anm_cause)passes, 0, &r, &h);
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
    const anm_history h = test_quiet_past();
    (void)state;

    for (uint64_t rest = ms; rest <= 9 * ms; rest += 8 * ms) {
        anm_receipt r = test_late_call(10 * ms + 3 * ms + rest);
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
        anm_receipt r = test_late_call(30 * ms + (uint64_t)more * 6 * ms);
        anm_history h = test_quiet_past();
        h.band.outside_p50_ns = 4 * ms;
        h.band.outside_high_ns = 5 * ms;
        h.probe_ratio = 3;
        test_move_stage(&r, ANM_STAGE_TOKENIZE,
                        12 * ms + (uint64_t)more * 6 * ms);
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
    anm_receipt r = test_late_call(40 * ms);
    anm_history h = test_quiet_past();
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
    anm_receipt r = test_late_call(30 * ms);
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
    anm_receipt r = test_late_call(250 * ms);
    const anm_history h = test_quiet_past();
    (void)state;

    r.where.device = ANM_DEVICE_UNKNOWN;
    r.where.evidence = ANM_EVIDENCE_UNKNOWN;
    anm_cause_explain(&r, &h);
    assert_int_equal(r.where.device, ANM_DEVICE_UNKNOWN);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_UNKNOWN);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
