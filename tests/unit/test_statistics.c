/* Medians, intervals, corrections and rates against known values and by
 * simulation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/statistics.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

static bool is_near(double a, double b, double bar)
{
    return fabs(a - b) <= bar;
}

static double draw(uint64_t *state)
{
    return (double)(anm_draw_bits(state) >> 11) * 0x1p-53;
}

/* A latency: normal logarithm, now and then far out. */
static double draw_latency(uint64_t *state, double median)
{
    const double u = 1 - draw(state), v = draw(state);
    const double normal = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
    const double tail = draw(state) < 0.05 ? 2 : 1;

    return median * exp(0.03 * normal) * tail;
}

static void median_and_quantiles_are_those_of_the_sorted_values(void **state)
{
    (void)state;
    assert_true(anm_median((double[]){ 3 }, 1) == 3);
    assert_true(anm_median((double[]){ 4, 1 }, 2) == 2.5);
    assert_true(anm_median((double[]){ 9, 1, 5 }, 3) == 5);
    assert_true(anm_median((double[]){ 2, 2, 2, 2 }, 4) == 2);
    assert_true(anm_quantile((double[]){ 5, 1, 3 }, 3, 0) == 1);
    assert_true(anm_quantile((double[]){ 5, 1, 3 }, 3, 1) == 5);
    assert_true(anm_quantile((double[]){ 5, 1, 3 }, 3, 0.25) == 2);

    uint64_t draws = 7;
    for (size_t n = 1; n < 60; n++) {
        double a[60], b[60];
        for (size_t i = 0; i < n; i++)
            a[i] = b[i] = (double)anm_draw_index(&draws, 10);
        assert_true(anm_median(a, n) == anm_quantile(b, n, 0.5));
    }
}

static void ratio_of_apart_arms_is_sure_and_right(void **state)
{
    double a[20], b[20];
    anm_ratio r;
    (void)state;

    for (size_t i = 0; i < 20; i++) {
        a[i] = 100 + (double)(i % 5);
        b[i] = 2 * a[i];
    }
    assert_int_equal(anm_ratio_paired(a, b, 20, 0.05, &r), ANM_OK);
    assert_true(is_near(r.ratio, 2, 1e-9) && is_near(r.effect, 102, 1e-9));
    assert_true(r.low > 1.9 && r.high < 2.1 && r.p < 0.001);
    assert_int_equal(anm_ratio_unpaired(a, 20, b, 20, 1, &r), ANM_OK);
    assert_true(r.low > 1.9 && r.high < 2.1 && r.p < 0.001);
}

static void ratio_is_made_again_by_its_seed(void **state)
{
    double a[12], b[12];
    uint64_t draws = 3;
    anm_ratio one, same, other;
    (void)state;

    for (size_t i = 0; i < 12; i++) {
        a[i] = draw_latency(&draws, 1);
        b[i] = draw_latency(&draws, 1.02);
    }
    anm_ratio_unpaired(a, 12, b, 12, 5, &one);
    anm_ratio_unpaired(a, 12, b, 12, 5, &same);
    anm_ratio_unpaired(a, 12, b, 12, 6, &other);
    assert_memory_equal(&one, &same, sizeof(one));
    assert_true(one.p != other.p || one.low != other.low);
}

/* Of alike arms at most a twentieth may look different at 0.05, and the
 * interval holds 1 nearly always. */
static void alike_arms_look_different_no_more_often_than_said(void **state)
{
    enum { TRIALS = 150, N = 16 };
    uint64_t draws = 11;
    size_t n_different[2] = { 0 }, n_outside[2] = { 0 };
    (void)state;

    for (size_t t = 0; t < TRIALS; t++) {
        double a[N], b[N];
        for (size_t i = 0; i < N; i++) {
            // Rounds differ from one another by half.
            const double round = 1 + 0.5 * draw(&draws);
            a[i] = draw_latency(&draws, round);
            b[i] = draw_latency(&draws, round);
        }
        for (int paired = 0; paired < 2; paired++) {
            anm_ratio r;
            if (paired)
                anm_ratio_paired(a, b, N, 0.05, &r);
            else
                anm_ratio_unpaired(a, N, b, N, t, &r);
            n_different[paired] += r.p < 0.05;
            n_outside[paired] += r.low > 1 || r.high < 1;
        }
    }
    // Three deviations of a share of 0.05 in 150 are 0.053.
    for (int paired = 0; paired < 2; paired++) {
        assert_true((double)n_different[paired] <= TRIALS * 0.103);
        assert_true((double)n_outside[paired] <= TRIALS * 0.103);
    }
}

static void bound_of_identical_arms_reaches_both_ways(void **state)
{
    (void)state;
    assert_true(is_near(
        anm_ratio_bound(&(anm_ratio){ .low = 0.8, .high = 1.1 }), 1.25, 1e-9));
    assert_true(is_near(
        anm_ratio_bound(&(anm_ratio){ .low = 0.99, .high = 1.2 }), 1.2, 1e-9));
    assert_true(
        is_near(anm_ratio_bound(&(anm_ratio){ .low = 1, .high = 1 }), 1, 0));
}

static void agreeing_questions_do_not_count_against_each_other(void **state)
{
    double agree[] = { 0.01, 0.01, 0.01 }, alone[] = { 0.9, 0.01, 0.8 };
    (void)state;

    assert_true(is_near(anm_simes(agree, 3), 0.01, 1e-12));
    assert_true(is_near(anm_simes(alone, 3), 0.03, 1e-12));
    assert_true(anm_simes(NULL, 0) == 1);
}

static void holm_corrects_in_order(void **state)
{
    double p[] = { 0.04, 0.01, 0.03, 0.005 };
    double same[] = { 0.01, 0.01, 0 };
    double large[] = { 0.9, 0.8 };
    (void)state;

    anm_holm(p, 4);
    assert_true(is_near(p[3], 0.02, 1e-12)); // 4 x 0.005
    assert_true(is_near(p[1], 0.03, 1e-12)); // 3 x 0.01
    assert_true(is_near(p[2], 0.06, 1e-12)); // 2 x 0.03
    assert_true(is_near(p[0], 0.06, 1e-12)); // not below the one before
    anm_holm(same, 3);
    assert_true(same[2] == 0 && is_near(same[0], 0.02, 1e-12) &&
                same[0] == same[1]);
    anm_holm(large, 2);
    assert_true(large[0] == 1 && large[1] == 1);
    anm_holm(NULL, 0);
}

static void binomial_tail_is_the_known_one(void **state)
{
    (void)state;
    assert_true(anm_binomial_tail(10, 0, 0.01) == 1);
    assert_true(is_near(anm_binomial_tail(1, 1, 0.01), 0.01, 1e-12));
    assert_true(is_near(anm_binomial_tail(2, 1, 0.5), 0.75, 1e-12));
    // 1 - 0.99^100 - 100 x 0.01 x 0.99^99
    assert_true(is_near(anm_binomial_tail(100, 2, 0.01), 0.2642380, 1e-6));
    assert_true(anm_binomial_tail(100000, 2000, 0.01) < 1e-50);
    assert_true(is_near(anm_binomial_tail(3, 3, 0.1), 0.001, 1e-12));
}

static void draw_tail_is_the_known_one(void **state)
{
    (void)state;
    // 2 of 10, of which 3 are marked: 21, 21 and 3 of 45 pairs.
    assert_true(is_near(anm_draw_tail(10, 3, 2, 0), 21.0 / 45, 1e-12));
    assert_true(is_near(anm_draw_tail(10, 3, 2, 1), 42.0 / 45, 1e-12));
    assert_true(is_near(anm_draw_tail(10, 3, 2, 2), 1, 1e-12));
    assert_true(anm_draw_tail(4, 4, 2, 1) == 0);
    assert_true(is_near(anm_draw_tail(5, 0, 3, 0), 1, 1e-12));
}

/* Each in a moment of its own. */
static anm_burst find(const bool *hits, size_t n)
{
    anm_trial trials[1000];

    assert_true(n <= 1000);
    for (size_t i = 0; i < n; i++)
        trials[i] = (anm_trial){ .n = 1, .n_hits = hits[i] };
    return anm_burst_find(trials, n, 0.01);
}

static void burst_is_found_where_it_is(void **state)
{
    bool hits[1000] = { false };
    (void)state;

    assert_true(find(hits, 1000).p == 1);
    for (size_t i = 400; i < 420; i++)
        hits[i] = true;
    anm_burst b = find(hits, 1000);
    assert_int_equal(b.first, 400);
    assert_int_equal(b.last, 419);
    assert_int_equal(b.n_hits, 20);
    assert_true(b.p < 1e-20);

    // Two in a hundred thousand are nothing, three in a row in thirty are.
    memset(hits, 0, sizeof(hits));
    hits[10] = hits[700] = true;
    assert_true(find(hits, 1000).p > 0.5);
    memset(hits, 0, sizeof(hits));
    hits[3] = true;
    assert_true(find(hits, 30).p > 0.3);
    hits[4] = hits[5] = true;
    assert_true(find(hits, 30).p < 0.001);
}

static void nominal_rate_gives_bursts_no_more_often_than_said(void **state)
{
    enum { TRIALS = 2000, N = 300 };
    uint64_t draws = 5;
    size_t n_found = 0;
    (void)state;

    for (size_t t = 0; t < TRIALS; t++) {
        bool hits[N];
        for (size_t i = 0; i < N; i++)
            hits[i] = draw(&draws) < 0.01;
        n_found += find(hits, N).p < 0.05;
    }
    assert_true((double)n_found <= TRIALS * 0.05);
}

static void rare_hits_of_crowded_moments_are_found(void **state)
{
    anm_trial trials[200];
    (void)state;

    // Every twentieth call: of two calls in a moment one, or two of fifty.
    for (size_t i = 0; i < 200; i++)
        trials[i] = (anm_trial){ .n = 2, .n_hits = i % 10 == 0 };
    assert_true(anm_burst_find(trials, 200, 0.01).p < 1e-5);
    for (size_t i = 0; i < 200; i++)
        trials[i] = (anm_trial){ .n = 50, .n_hits = i % 2 ? 2 : 3 };
    assert_true(anm_burst_find(trials, 200, 0.01).p < 1e-30);

    // One disturbance is one, however many calls it meets.
    for (size_t i = 0; i < 200; i++)
        trials[i] = (anm_trial){ .n = 50, .n_hits = i == 7 ? 50 : 0 };
    assert_true(anm_burst_find(trials, 200, 0.01).p > 0.5);
}

/* Calls of a moment alike or not: `part` of the moments are hit as a whole at
 * the nominal rate, the others call by call. */
static size_t found_of_crowds(double part)
{
    enum { TRIALS = 1000, N = 60 };
    uint64_t draws = 11;
    size_t n_found = 0;

    for (size_t t = 0; t < TRIALS; t++) {
        anm_trial trials[N];
        for (size_t i = 0; i < N; i++) {
            trials[i] = (anm_trial){ .n = 1 + i % 7 * 6 };
            const bool is_whole = draw(&draws) < part;
            const bool is_hit = draw(&draws) < 0.01;
            for (size_t k = 0; k < trials[i].n; k++)
                trials[i].n_hits += is_whole ? is_hit : draw(&draws) < 0.01;
        }
        n_found += anm_burst_find(trials, N, 0.01).p < 0.05;
    }
    return n_found;
}

static void nominal_rate_in_crowds_is_found_no_more_often(void **state)
{
    (void)state;

    assert_true(found_of_crowds(0) <= 50);
    assert_true(found_of_crowds(0.5) <= 50);
    assert_true(found_of_crowds(1) <= 50);
}

static void memory_that_is_out_is_said(void **state)
{
    const double a[] = { 1, 2, 3 };
    anm_ratio r;
    (void)state;

    test_fault_arm(1);
    assert_int_equal(anm_ratio_unpaired(a, 3, a, 3, 1, &r), ANM_E_NOMEM);
    assert_true(test_fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(median_and_quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(ratio_of_apart_arms_is_sure_and_right),
        cmocka_unit_test(ratio_is_made_again_by_its_seed),
        cmocka_unit_test(agreeing_questions_do_not_count_against_each_other),
        cmocka_unit_test(alike_arms_look_different_no_more_often_than_said),
        cmocka_unit_test(bound_of_identical_arms_reaches_both_ways),
        cmocka_unit_test(holm_corrects_in_order),
        cmocka_unit_test(binomial_tail_is_the_known_one),
        cmocka_unit_test(draw_tail_is_the_known_one),
        cmocka_unit_test(burst_is_found_where_it_is),
        cmocka_unit_test(nominal_rate_gives_bursts_no_more_often_than_said),
        cmocka_unit_test(rare_hits_of_crowded_moments_are_found),
        cmocka_unit_test(nominal_rate_in_crowds_is_found_no_more_often),
        cmocka_unit_test(memory_that_is_out_is_said),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
