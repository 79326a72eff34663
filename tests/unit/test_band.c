/* test_band.c - ranges of latency, and between lengths.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/band.h"

#include <math.h>
#include <stdlib.h>

#include "support/support.h"

/* The median absolute deviation by its definition. */
static int compare_double(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(double *v, unsigned n)
{
    qsort(v, n, sizeof(*v), compare_double);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static anm_band make_band(const uint64_t *totals, unsigned n)
{
    anm_timed runs[ANM_TIMED_MAX] = { 0 };

    for (unsigned i = 0; i < n; i++)
        runs[i].total_ns = totals[i];
    return anm_band_make(8, 1, runs, n);
}

static void range_is_six_deviations_of_the_median(void **state)
{
    uint64_t seed = 11;
    (void)state;

    for (unsigned n = 3; n <= 40; n++) {
        uint64_t totals[40];
        double v[40], d[40];
        for (unsigned i = 0; i < n; i++) {
            totals[i] = 1000000 + next_random(&seed) % 900000;
            v[i] = (double)totals[i];
        }
        const double p50 = median_of(v, n);
        for (unsigned i = 0; i < n; i++)
            d[i] = fabs(v[i] - p50);
        const double reach = 6 * (1 + 3.0 / n) * 1.4826 * median_of(d, n);
        const anm_band band = make_band(totals, n);
        assert_true(fabs((double)band.p50_ns - p50) <= 1);
        assert_true((double)band.high_ns >= p50 + reach - 2);
        assert_true(band.low_ns == 0 ||
                    fabs((double)band.low_ns - (p50 - reach)) <= 2);
        assert_int_equal(band.n, n);
    }
}

static void spread_has_a_floor(void **state)
{
    const uint64_t equal[] = { 5000000, 5000000, 5000000 };
    const uint64_t quick[] = { 50000, 50000, 50000 };
    (void)state;

    const anm_band slow = make_band(equal, 3);
    assert_in_range(slow.high_ns, 7099999, 7100001); // 12 x 3.5 % of 5 ms
    assert_in_range(slow.low_ns, 2899999, 2900001);
    const anm_band fast = make_band(quick, 3);
    assert_int_equal(fast.high_ns, 290000); // 12 x 20 us
    assert_int_equal(fast.low_ns, 0);
}

static void range_reaches_beyond_a_second_mode(void **state)
{
    uint64_t totals[20];
    (void)state;

    for (unsigned i = 0; i < 20; i++)
        totals[i] = i % 4 == 3 ? 3000000 : 2000000;
    assert_int_equal(make_band(totals, 20).high_ns, 3500000);
    // One that happened once is no mode.
    for (unsigned i = 0; i < 20; i++)
        totals[i] = i == 7 ? 9000000 : 2000000;
    assert_true(make_band(totals, 20).high_ns < 2500000);
}

static void disturbed_runs_are_counted_and_left_out(void **state)
{
    anm_timed runs[12] = { 0 };
    (void)state;

    for (unsigned i = 0; i < 12; i++) {
        runs[i].disturbed = i % 3 == 0;
        runs[i].total_ns = runs[i].disturbed ? 9000000 : 1000000 + i;
        runs[i].predict_ns = 800000;
        runs[i].outside_ns = 200000;
        runs[i].blocked_ns = i;
    }
    anm_band band = anm_band_make(8, 0, runs, 12);
    assert_int_equal(band.n, 8);
    assert_int_equal(band.disturbed, 4);
    assert_false(band.useless);
    assert_true(band.p50_ns < 1001000);
    assert_int_equal(band.predict_p50_ns, 800000);
    assert_int_equal(band.outside_p50_ns, 200000);
    assert_true(band.outside_high_ns > 200000);
    assert_true(band.blocked_p50_ns > 0);
    for (unsigned i = 0; i < 12; i++)
        runs[i].disturbed = i >= 2;
    band = anm_band_make(8, 0, runs, 12);
    assert_true(band.useless);
    assert_int_equal(band.n, 12);
}

static void band_has_moved_when_today_is_a_quarter_slower(void **state)
{
    anm_band band = { .p50_ns = 1000, .today_p50_ns = 1250 };
    (void)state;

    assert_false(anm_band_moved(&band));
    band.today_p50_ns = 1251;
    assert_true(anm_band_moved(&band));
    band.today_p50_ns = 0;
    assert_false(anm_band_moved(&band));
}

static void probes_have_a_median_and_a_scatter(void **state)
{
    uint64_t steady[] = { 1000, 1000, 1001, 999, 5000 };
    uint64_t wide[] = { 1400, 800, 1000, 1200, 900 };
    anm_band_base base = { .probe_ns = 7, .probe_high_ns = 7 };
    (void)state;

    anm_band_base_probe(&base, steady, 5);
    assert_int_equal(base.probe_ns, 1000);
    assert_int_equal(base.probe_high_ns, 1100);
    anm_band_base_probe(&base, wide, 5);
    assert_int_equal(base.probe_ns, 1000);
    assert_in_range(base.probe_high_ns, 1889, 1890); // 3 x 1.4826 x 200
    anm_band_base_probe(&base, wide, 0);
    assert_true(base.probe_ns == 0 && base.probe_high_ns == 0);
}

static void gap_costs_what_lies_between_those_measured(void **state)
{
    anm_band_base base = { .idle_extra_ns = { 5, 0, 7 }, .idle_known = 5 };
    (void)state;

    assert_int_equal(anm_idle_class(19999999), -1);
    assert_int_equal(anm_idle_class(20000000), 0);
    assert_int_equal(anm_idle_class(INT64_MAX), ANM_IDLE_CLASSES - 1);
    assert_int_equal(anm_idle_extra(&base, 1000), 0);
    assert_int_equal(anm_idle_extra(&base, 50000000), 5);
    assert_int_equal(anm_idle_extra(&base, 30000000), 5);
    assert_int_equal(anm_idle_extra(&base, 500000000), 6);
    assert_int_equal(anm_idle_extra(&base, 2400000000), 6);
    assert_int_equal(anm_idle_extra(&base, 2500000000), 7);
    assert_int_equal(anm_idle_extra(&base, 3000000000), 7);
    assert_int_equal(anm_idle_extra(&base, 3000000000000), 7);
}

static void band_moves_up_by_a_gap_that_stays_inside(void **state)
{
    const anm_band band = { .n = 8,
                            .p50_ns = 100,
                            .low_ns = 80,
                            .high_ns = 130,
                            .predict_p50_ns = 90,
                            .today_p50_ns = 0 };
    anm_band after = band;
    (void)state;

    anm_band_after_gap(&after, 29);
    assert_int_equal(after.gap_ns, 29);
    assert_int_equal(after.p50_ns, 129);
    assert_int_equal(after.low_ns, 80);
    assert_int_equal(after.high_ns, 159);
    assert_int_equal(after.predict_p50_ns, 119);
    assert_int_equal(after.today_p50_ns, 0);
    after = band;
    anm_band_after_gap(&after, 30); // is a cause
    assert_memory_equal(&after, &band, sizeof(band));
    after = (anm_band){ 0 };
    anm_band_after_gap(&after, 5);
    assert_int_equal(after.gap_ns, 0);
}

static void band_reaches_above_the_median_of_today(void **state)
{
    static const struct {
        uint64_t today, high;
    } cases[] = { { 0, 130 },   { 90, 130 },  { 100, 130 },
                  { 110, 140 }, { 125, 155 }, { 126, 130 } };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_band band = { .n = 8,
                          .p50_ns = 100,
                          .low_ns = 80,
                          .high_ns = 130,
                          .today_p50_ns = cases[i].today };
        anm_band_of_today(&band);
        assert_int_equal(band.high_ns, cases[i].high);
        assert_int_equal(band.p50_ns, 100);
        assert_int_equal(band.low_ns, 80);
    }
}

static anm_band at(size_t tokens, uint64_t p50)
{
    return (anm_band){ .tokens = tokens,
                       .n = 5,
                       .p50_ns = p50,
                       .low_ns = p50 / 2,
                       .high_ns = p50 * 2 };
}

static anm_bands two_lengths(void)
{
    anm_bands b = { 0 };
    const anm_band long_one = at(32, 3000), short_one = at(8, 1000);

    assert_true(anm_bands_put(&b, &long_one));
    assert_true(anm_bands_put(&b, &short_one));
    return b;
}

static void bands_lie_in_order_of_length(void **state)
{
    (void)state;
    const anm_bands b = two_lengths();
    assert_int_equal(b.n, 2);
    assert_int_equal(b.items[0].tokens, 8);
    assert_int_equal(b.items[1].tokens, 32);
}

static void between_lengths_is_interpolated(void **state)
{
    (void)state;
    const anm_bands b = two_lengths();
    const anm_band band = anm_bands_at(&b, 20);
    assert_int_equal(band.tokens, 20);
    assert_int_equal(band.p50_ns, 2000);
    assert_int_equal(band.low_ns, 1000);
    assert_int_equal(band.high_ns, 4000);
    assert_int_equal(anm_bands_at(&b, 8).p50_ns, 1000);
    assert_int_equal(anm_bands_at(&b, 32).p50_ns, 3000);
}

static void below_the_first_length_only_the_high_end_holds(void **state)
{
    (void)state;
    const anm_bands b = two_lengths();
    for (size_t tokens = 0; tokens < 8; tokens++) {
        const anm_band band = anm_bands_at(&b, tokens);
        assert_int_equal(band.tokens, tokens);
        assert_int_equal(band.n, 5);
        assert_int_equal(band.low_ns, 0);
        assert_int_equal(band.p50_ns, 1000);
        assert_int_equal(band.high_ns, 2000);
    }
    assert_int_equal(anm_bands_at(&b, 8).low_ns, 500);
}

static void beyond_the_last_length_the_last_band_holds(void **state)
{
    (void)state;
    const anm_bands b = two_lengths();
    for (size_t tokens = 33; tokens < 400; tokens += 50) {
        const anm_band band = anm_bands_at(&b, tokens);
        assert_int_equal(band.tokens, tokens);
        assert_int_equal(band.p50_ns, 3000);
        assert_int_equal(band.high_ns, 6000);
    }
}

static void same_length_replaces(void **state)
{
    (void)state;
    anm_bands b = two_lengths();
    const anm_band again = at(8, 1500);
    assert_true(anm_bands_put(&b, &again));
    assert_int_equal(b.n, 2);
    assert_int_equal(anm_bands_at(&b, 8).p50_ns, 1500);
}

static void full_table_refuses_a_new_length_and_keeps_the_old(void **state)
{
    anm_bands b = { 0 };
    (void)state;

    for (size_t i = 0; i < ANM_BAND_LENGTHS_MAX; i++) {
        const anm_band band = at(8 * (i + 1), 1000);
        assert_true(anm_bands_put(&b, &band));
    }
    const anm_band more = at(3, 1);
    assert_false(anm_bands_put(&b, &more));
    assert_int_equal(b.items[0].tokens, 8);
    const anm_band again = at(8, 7);
    assert_true(anm_bands_put(&b, &again));
}

static void verdicts_follow_the_range(void **state)
{
    const anm_band band = at(8, 1000);
    const anm_band none = { 0 };
    (void)state;

    assert_int_equal(anm_band_judge(&band, 500), ANM_VERDICT_INSIDE);
    assert_int_equal(anm_band_judge(&band, 2000), ANM_VERDICT_INSIDE);
    assert_int_equal(anm_band_judge(&band, 2001), ANM_VERDICT_ABOVE);
    assert_int_equal(anm_band_judge(&band, 499), ANM_VERDICT_BELOW);
    assert_int_equal(anm_band_judge(&none, 499), ANM_VERDICT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_is_six_deviations_of_the_median),
        cmocka_unit_test(spread_has_a_floor),
        cmocka_unit_test(range_reaches_beyond_a_second_mode),
        cmocka_unit_test(disturbed_runs_are_counted_and_left_out),
        cmocka_unit_test(band_has_moved_when_today_is_a_quarter_slower),
        cmocka_unit_test(probes_have_a_median_and_a_scatter),
        cmocka_unit_test(gap_costs_what_lies_between_those_measured),
        cmocka_unit_test(band_moves_up_by_a_gap_that_stays_inside),
        cmocka_unit_test(band_reaches_above_the_median_of_today),
        cmocka_unit_test(bands_lie_in_order_of_length),
        cmocka_unit_test(between_lengths_is_interpolated),
        cmocka_unit_test(below_the_first_length_only_the_high_end_holds),
        cmocka_unit_test(beyond_the_last_length_the_last_band_holds),
        cmocka_unit_test(same_length_replaces),
        cmocka_unit_test(full_table_refuses_a_new_length_and_keeps_the_old),
        cmocka_unit_test(verdicts_follow_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
