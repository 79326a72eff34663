/* test_history.c - what earlier calls tell: drift but no step, gaps, changes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/history.h"
#include "engine/state.h"
#include "support/support.h"

static const uint64_t ms = 1000000;

static anm_engine *new_engine(void)
{
    anm_engine *e = anm_alloc_zero(sizeof(*e));

    assert_non_null(e);
    e->past.device = ANM_DEVICE_UNKNOWN;
    e->past.latest_class = ANM_IDLE_CLASSES;
    return e;
}

/* A live call against a median of 10 ms. */
static anm_receipt call_of(uint64_t total)
{
    anm_receipt r = { 0 };

    r.total_ns = total;
    r.band.n = 20;
    r.band.p50_ns = 10 * ms;
    r.band.tokens = 8;
    strcpy(r.input.ids_sha256, "ab");
    r.band.verdict = ANM_VERDICT_INSIDE;
    return r;
}

static anm_history view(const anm_engine *e, const anm_receipt *r)
{
    const anm_band band = { .tokens = 8, .n = 20, .p50_ns = 10 * ms };

    return anm_past_view(e, &band, r);
}

/* Noise of 1 %, the same in every run. */
static uint64_t noise(int i)
{
    return (uint64_t)(i * 7919 % 21) * 10000;
}

static void steady_rise_is_drift(void **state)
{
    anm_engine *e = new_engine();
    (void)state;

    for (int i = 0; i < 60; i++) {
        const anm_receipt r = call_of(10 * ms + (uint64_t)i * 50000 + noise(i));
        anm_past_note(e, &r);
    }
    const anm_receipt now = call_of(13 * ms);
    const double drift = view(e, &now).drift;
    assert_true(drift > 0.25 && drift < 0.35);
    anm_free(e);
}

/* Wherever in the window it lies. */
static void step_is_no_drift(void **state)
{
    (void)state;
    for (int at = 0; at < 40; at++) {
        anm_engine *e = new_engine();
        double most = 0;
        for (int i = 0; i < 40; i++) {
            const anm_receipt r =
                call_of((i >= at ? 18 * ms : 10 * ms) + noise(i));
            anm_past_note(e, &r);
        }
        const anm_receipt now = call_of(18 * ms);
        most = view(e, &now).drift;
        assert_true(most < 0.05);
        anm_free(e);
    }
}

/* A draw around 1 with this deviation. */
static double scatter(uint64_t *seed, double deviation)
{
    double sum = 0;

    for (int i = 0; i < 12; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(*seed >> 40) / (double)(1 << 24);
    }
    return 1 + deviation * (sum - 6);
}

/* A rise of 2 % a call is seen through scatter of 3 %, and a step of any size is
 * not taken for one, wherever in the window it lies. */
static void scatter_hides_no_rise_and_makes_none(void **state)
{
    uint64_t seed = 5;
    unsigned seen = 0, false_ones = 0, n = 0;
    (void)state;

    for (int run = 0; run < 100; run++) {
        anm_engine *rising = new_engine(), *stepping = new_engine();
        for (int i = 0; i < 60; i++) {
            const double up = (1 + 0.02 * i) * scatter(&seed, 0.03);
            const double step =
                (i < 12 ? 1 : 2 + run % 5) * scatter(&seed, 0.1);
            const anm_receipt r = call_of((uint64_t)(up * (double)(10 * ms)));
            const anm_receipt s = call_of((uint64_t)(step * (double)(10 * ms)));
            anm_past_note(rising, &r);
            anm_past_note(stepping, &s);
            if (i < 32) continue;
            n++;
            const double drift = view(rising, &r).drift;
            seen += drift > 0.01 * i && drift < 0.03 * i;
            false_ones += view(stepping, &s).drift > 0;
        }
        anm_free(rising);
        anm_free(stepping);
    }
    assert_true(seen > n * 98 / 100);
    assert_true(false_ones < n * 3 / 1000);
}

static void add_cause(anm_receipt *r, anm_cause cause, uint64_t ns)
{
    r->causes[r->n_causes].cause = cause;
    r->causes[r->n_causes++].explained_ns = ns;
}

/* What is explained otherwise does not rise. */
static void explained_rise_is_no_drift(void **state)
{
    (void)state;
    for (int explained = 0; explained < 2; explained++) {
        anm_engine *e = new_engine();
        for (int i = 0; i < 40; i++) {
            const uint64_t more = (uint64_t)i * 200000;
            anm_receipt r = call_of(10 * ms + more + noise(i));
            if (explained) add_cause(&r, ANM_CAUSE_PAGING, more);
            anm_past_note(e, &r);
        }
        const anm_receipt now = call_of(18 * ms);
        assert_int_equal(view(e, &now).drift > 0.05, !explained);
        anm_free(e);
    }
}

/* A machine that has become hot and stays so. */
static void drift_lasts_until_calls_fall_back(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt hot = call_of(20 * ms);
    const anm_receipt cool = call_of(10 * ms);
    (void)state;

    add_cause(&hot, ANM_CAUSE_THERMAL_DRIFT, 10 * ms);
    for (int i = 0; i < 50; i++)
        anm_past_note(e, &hot);
    assert_true(view(e, &hot).drift == 1);
    for (int i = 0; i < 8; i++)
        anm_past_note(e, &cool);
    assert_true(view(e, &hot).drift == 0);
    anm_free(e);
}

static void price_of_another_place_is_learned_from_calls_no_firsts(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt r = call_of(25 * ms);
    (void)state;

    add_cause(&r, ANM_CAUSE_FALLBACK_LOAD, 15 * ms);
    r.first = ANM_FIRST_LENGTH;
    anm_past_note(e, &r);
    assert_int_equal(view(e, &r).standing_ns, 0);
    r.first = 0;
    anm_past_note(e, &r);
    assert_int_equal(view(e, &r).standing_ns, 15 * ms);
    r.band.p50_ns = 20 * ms; // of a longer text
    assert_int_equal(view(e, &r).standing_ns, 30 * ms);
    anm_free(e);
}

static void quiet_calls_have_no_drift(void **state)
{
    anm_engine *e = new_engine();
    (void)state;

    for (int i = 0; i < 200; i++) {
        const anm_receipt r = call_of(10 * ms + noise(i));
        assert_true(view(e, &r).drift < 0.05);
        anm_past_note(e, &r);
    }
    anm_free(e);
}

static void gaps_are_learned_by_class(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt short_one = call_of(10 * ms), r = call_of(14 * ms);
    (void)state;

    r.counters.idle_before = 3000000000;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(view(e, &r).idle_extra_ns, 0);
        anm_past_note(e, &short_one);
        anm_past_note(e, &r);
    }
    assert_int_equal(view(e, &r).idle_extra_ns, 4 * ms);
    r.counters.idle_before = 300000000; // shorter: not known
    assert_int_equal(view(e, &r).idle_extra_ns, 0);
    e->bands.base.idle_extra_ns[0] = 7;
    e->bands.base.idle_known = 1;
    const uint64_t between = view(e, &r).idle_extra_ns;
    assert_true(between > ms && between < 3 * ms);
    const anm_band holding = { .gap_ns = 5 };
    assert_int_equal(anm_past_view(e, &holding, &r).idle_extra_ns, between - 5);
    r.counters.idle_before = 90000000000; // longer: at least as much
    assert_int_equal(view(e, &r).idle_extra_ns, 4 * ms);
    anm_free(e);
}

/* Three slow calls after longer gaps happen where half of all are slow. */
static void warm_up_is_overruled_by_more_than_a_few_gaps(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt short_one = call_of(10 * ms), r = call_of(14 * ms);
    (void)state;

    r.counters.idle_before = 3000000000;
    e->bands.base.idle_known = 1u << anm_idle_class(r.counters.idle_before);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(view(e, &r).idle_extra_ns, 0);
        anm_past_note(e, &short_one);
        anm_past_note(e, &r);
    }
    assert_int_equal(view(e, &r).idle_extra_ns, 4 * ms);
    anm_free(e);
}

/* Each call comes after a gap that costs, the longer one more. */
static void longer_gap_keeps_its_price_among_shorter_ones(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt shorter = call_of(15 * ms), longer = call_of(16 * ms);
    (void)state;

    shorter.counters.idle_before = 50000000;
    longer.counters.idle_before = 250000000;
    e->bands.base.idle_known = 3;
    e->bands.base.idle_extra_ns[0] = 5 * ms;
    e->bands.base.idle_extra_ns[1] = 6 * ms;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(view(e, &shorter).idle_extra_ns, 5 * ms);
        anm_past_note(e, &shorter);
        assert_int_equal(view(e, &longer).idle_extra_ns, 6 * ms);
        anm_past_note(e, &longer);
    }
    anm_free(e);
}

/* Calls that are slow whatever the gap, and calls whose gaps are all alike. */
static void slow_calls_are_no_price_of_gaps(void **state)
{
    static const int64_t gaps[][2] = { { 300000000, 3000000000 },
                                       { 3000000000, 3000000000 } };
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        anm_engine *e = new_engine();
        anm_receipt r = call_of(18 * ms);
        for (int k = 0; k < 30; k++) {
            r.counters.idle_before = gaps[i][k % 2];
            assert_int_equal(view(e, &r).idle_extra_ns, 0);
            anm_past_note(e, &r);
        }
        anm_free(e);
    }
}

/* Gaps of two classes come by turns, and from one on all calls are slow. */
static void step_at_a_longer_gap_is_no_price_of_it(void **state)
{
    uint64_t seed = 9;
    (void)state;

    for (int at = 0; at < 200; at++) {
        anm_engine *e = new_engine();
        for (int k = 0; k < 400; k++) {
            anm_receipt r = call_of(k >= at ? 30 * ms : 10 * ms);
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            r.counters.idle_before = seed >> 61 ? 500000000 : 100000000;
            assert_true(view(e, &r).idle_extra_ns < ms);
            anm_past_note(e, &r);
        }
        anm_free(e);
    }
}

/* A wait that others caused is no price of a gap. */
static void queue_and_delay_are_no_part_of_a_gap(void **state)
{
    anm_engine *e = new_engine();
    const anm_receipt short_one = call_of(10 * ms);
    anm_receipt r = call_of(30 * ms);
    (void)state;

    r.counters.idle_before = 3000000000;
    r.stages_ns[ANM_STAGE_QUEUE] = 12 * ms;
    r.counters.run_delay_max_ns = (int64_t)(8 * ms);
    for (int i = 0; i < 5; i++) {
        anm_past_note(e, &short_one);
        anm_past_note(e, &r);
    }
    assert_int_equal(view(e, &r).idle_extra_ns, 0);
    anm_free(e);
}

static void other_ids_after_the_same_are_a_change(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt r = call_of(10 * ms), other = r;
    (void)state;

    strcpy(other.input.ids_sha256, "cd");
    for (int i = 0; i < 5; i++) {
        assert_false(view(e, &other).input_changed);
        anm_past_note(e, &r);
    }
    assert_false(view(e, &r).input_changed);
    assert_true(view(e, &other).input_changed);
    // A change that left the band stays one.
    other.band.verdict = ANM_VERDICT_ABOVE;
    for (int i = 0; i < 5; i++)
        anm_past_note(e, &other);
    assert_true(view(e, &other).input_changed);
    anm_free(e);
}

static void what_bands_were_measured_with_is_compared(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt r = call_of(20 * ms);
    (void)state;

    strcpy(e->plan_digest, "p1");
    strcpy(e->artifact_digest, "a1");
    anm_history h = view(e, &r);
    assert_false(h.plan_changed || h.artifact_changed || h.device_changed);
    strcpy(e->bands.base.plan, "p1");
    strcpy(e->bands.base.artifact, "a0");
    e->bands.base.probe_ns = 20000;
    e->bands.base.freq_khz = 3000000;
    e->past.device = ANM_DEVICE_ANE;
    r.counters.probe_ns = 50000;
    r.counters.freq_khz = 1500000;
    r.where.device = ANM_DEVICE_CPU;
    h = view(e, &r);
    assert_true(!h.plan_changed && h.artifact_changed);
    assert_false(h.device_changed); // nobody has seen it there
    assert_true(h.probe_ratio == 2.5 && h.freq_ratio == 2);
    r.where.evidence = ANM_EVIDENCE_OBSERVED;
    r.counters.freq_khz = ANM_COUNTER_UNKNOWN;
    r.counters.probe_ns = ANM_COUNTER_UNKNOWN;
    h = view(e, &r);
    assert_true(h.device_changed);
    assert_true(h.probe_ratio == 0 && h.freq_ratio == 0);
    anm_free(e);
}

static void probe_within_its_scatter_tells_nothing(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt r = call_of(20 * ms);
    (void)state;

    e->bands.base.probe_ns = 20000;
    e->bands.base.probe_high_ns = 26000;
    r.counters.probe_ns = 26000;
    assert_true(view(e, &r).probe_ratio == 1);
    r.counters.probe_ns = 28000;
    assert_true(view(e, &r).probe_ratio == 1.4);
    anm_free(e);
}

static void text_beyond_the_longest_band_is_longer(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt r = call_of(20 * ms);
    (void)state;

    e->macs[1] = 100;
    e->bands.n = 1;
    e->bands.items[0].tokens = 8;
    assert_true(view(e, &r).longer_ratio == 0);
    r.band.tokens = 20;
    assert_true(view(e, &r).longer_ratio == 2.5);
    anm_free(e);
}

static void longer_text_takes_no_more_than_twice_what_bands_grow(void **state)
{
    anm_engine *e = new_engine();
    anm_receipt r = call_of(20 * ms);
    (void)state;

    e->macs[1] = 100;
    e->bands.n = 3;
    e->bands.items[0] = (anm_band){ .tokens = 8, .p50_ns = 35 * ms / 2 };
    e->bands.items[1] = (anm_band){ .tokens = 12, .p50_ns = 19 * ms };
    e->bands.items[2] = (anm_band){ .tokens = 16, .p50_ns = 20 * ms };
    r.band.tokens = 48;
    assert_true(fabs(view(e, &r).longer_ratio - 2) < 1e-9); // of 3
    r.first = ANM_FIRST_LENGTH;
    assert_true(fabs(view(e, &r).longer_ratio - 1.5) < 1e-9);
    r.first = 0;
    e->bands.items[0].p50_ns = 5 * ms;
    assert_true(view(e, &r).longer_ratio == 3);
    e->bands.items[0].p50_ns = 20 * ms;
    assert_true(view(e, &r).longer_ratio == 1);
    anm_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_rise_is_drift),
        cmocka_unit_test(step_is_no_drift),
        cmocka_unit_test(scatter_hides_no_rise_and_makes_none),
        cmocka_unit_test(explained_rise_is_no_drift),
        cmocka_unit_test(drift_lasts_until_calls_fall_back),
        cmocka_unit_test(
            price_of_another_place_is_learned_from_calls_no_firsts),
        cmocka_unit_test(quiet_calls_have_no_drift),
        cmocka_unit_test(gaps_are_learned_by_class),
        cmocka_unit_test(warm_up_is_overruled_by_more_than_a_few_gaps),
        cmocka_unit_test(longer_gap_keeps_its_price_among_shorter_ones),
        cmocka_unit_test(slow_calls_are_no_price_of_gaps),
        cmocka_unit_test(step_at_a_longer_gap_is_no_price_of_it),
        cmocka_unit_test(queue_and_delay_are_no_part_of_a_gap),
        cmocka_unit_test(other_ids_after_the_same_are_a_change),
        cmocka_unit_test(what_bands_were_measured_with_is_compared),
        cmocka_unit_test(probe_within_its_scatter_tells_nothing),
        cmocka_unit_test(text_beyond_the_longest_band_is_longer),
        cmocka_unit_test(longer_text_takes_no_more_than_twice_what_bands_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
