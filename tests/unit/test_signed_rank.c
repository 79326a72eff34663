/* Arms that took turns, compared by ranks and against known noise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "doctor/statistics.h"
#include "support/support.h"

static double draw(uint64_t *draws)
{
    return (double)(anm_draw_bits(draws) >> 11) * 0x1p-53;
}

/* Latencies of a machine: narrow, with a tail. */
static double draw_latency(uint64_t *draws)
{
    const double u = draw(draws);

    return 1 + 0.05 * draw(draws) + (u > 0.9 ? 2 * (u - 0.9) : 0);
}

static bool is_near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}

/* 2^-n when all rounds agree; the known sums of ranks otherwise. */
static void chances_are_those_of_the_ranks(void **state)
{
    const double a[] = { 1, 1, 1, 1, 1 };
    const double all[] = { 1.1, 1.2, 1.3, 1.4, 1.5 };
    const double none[] = { 0.9, 0.8, 0.7, 0.6, 0.5 };
    const double least_against[] = { 0.99, 1.2, 1.3, 1.4, 1.5 };
    const double equal[] = { 1.2, 1.2, 1.2, 1.2, 1 / 1.2 };
    anm_ratio r;
    (void)state;

    anm_ratio_paired(a, all, 5, 0.05, &r);
    assert_true(is_near(r.p, 1.0 / 32, 1e-12));
    anm_ratio_paired(a, none, 5, 0.05, &r);
    assert_true(is_near(r.p, 1, 1e-12));
    // Only the rank 1 is missing: itself and the full sum.
    anm_ratio_paired(a, least_against, 5, 0.05, &r);
    assert_true(is_near(r.p, 2.0 / 32, 1e-12));
    // Ranks that are all the same: four or five of five.
    anm_ratio_paired(a, equal, 5, 0.05, &r);
    assert_true(is_near(r.p, 6.0 / 32, 1e-12));
    // No difference is no evidence.
    anm_ratio_paired(a, a, 5, 0.05, &r);
    assert_true(is_near(r.p, 1, 1e-12) && is_near(r.ratio, 1, 1e-12));
}

static void few_rounds_bound_nothing(void **state)
{
    const double a[] = { 1, 1.01, 1.02, 1.03, 1.04, 1.05 };
    const double b[] = { 9, 9.1, 9.2, 9.3, 9.4, 9.5 };
    anm_ratio r;
    (void)state;

    anm_ratio_paired(a, b, 5, 0.05, &r);
    assert_true(r.low <= 0 && isinf(r.high));
    anm_ratio_paired(a, b, 6, 0.05, &r);
    assert_true(r.low > 8.9 && r.high < 9.1);
}

/* What differs from round to round counts for nothing; one outlier moves
 * little. */
static void rounds_and_outliers_do_not_move_it(void **state)
{
    double a[12], b[12];
    anm_ratio r;
    (void)state;

    for (size_t i = 0; i < 12; i++) {
        a[i] = 1000 * (double)(1 + i);
        b[i] = a[i] * (1.5 + 0.001 * (double)i);
    }
    b[3] *= 50;
    anm_ratio_paired(a, b, 12, 0.05, &r);
    assert_true(is_near(r.ratio, 1.505, 0.01) && r.low > 1.49 && r.high < 1.6);
    assert_true(is_near(r.effect, 0.505 * 6500, 100));
    assert_true(is_near(r.p, 1.0 / 4096, 1e-12));
}

/* Of the alike no more than said look different, few rounds or many; beyond
 * sixty the ranks are taken as normal. */
static void alike_arms_look_different_no_more_often_than_said(void **state)
{
    static const size_t rounds[] = { 4, 8, 16, 80 };
    enum { TRIALS = 400, N = 80, NOISE = 60 };
    (void)state;

    for (size_t k = 0; k < 4; k++) {
        uint64_t draws = 7 + k;
        size_t n_different = 0, n_outside = 0, n_beyond = 0;
        for (size_t t = 0; t < TRIALS; t++) {
            double a[N], b[N], noise[NOISE];
            anm_ratio r;
            for (size_t i = 0; i < rounds[k]; i++) {
                const double round = 1 + 0.5 * draw(&draws);
                a[i] = round * draw_latency(&draws);
                b[i] = round * draw_latency(&draws);
            }
            for (size_t i = 0; i < NOISE; i++)
                noise[i] =
                    fabs(log(draw_latency(&draws) / draw_latency(&draws)));
            anm_ratio_paired(a, b, rounds[k], 0.05, &r);
            n_different += r.p < 0.05;
            n_outside += r.low > 1 || r.high < 1;
            n_beyond += anm_noise_chance(a, b, rounds[k], noise, NOISE) < 0.05;
        }
        // Three deviations of a share of 0.05 in 400 are 0.033.
        assert_true((double)n_different <= TRIALS * 0.083);
        assert_true((double)n_outside <= TRIALS * 0.083);
        assert_true((double)n_beyond <= TRIALS * 0.083);
    }
}

static void what_is_beyond_all_noise_is_known_soon(void **state)
{
    const double a[] = { 1, 1, 1, 1 }, b[] = { 3, 3, 3, 3 };
    double noise[100];
    (void)state;

    for (size_t i = 0; i < 100; i++)
        noise[i] = (double)i * 1e-3;
    assert_true(anm_noise_chance(a, b, 4, noise, 100) < 2e-5);
    assert_true(anm_noise_chance(a, b, 2, noise, 100) < 2e-3);
    assert_true(is_near(anm_noise_chance(b, a, 4, noise, 100), 1, 1e-12));
    assert_true(is_near(anm_noise_chance(a, b, 4, noise, 19), 1, 1e-12));
}

static void memory_that_is_out_is_said(void **state)
{
    const double a[] = { 1, 2, 3 };
    anm_ratio r;
    (void)state;

    for (uint64_t k = 1; k <= 4; k++) {
        test_fault_arm(k);
        assert_int_equal(anm_ratio_paired(a, a, 3, 0.05, &r), ANM_E_NOMEM);
        assert_true(test_fault_disarm());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chances_are_those_of_the_ranks),
        cmocka_unit_test(few_rounds_bound_nothing),
        cmocka_unit_test(rounds_and_outliers_do_not_move_it),
        cmocka_unit_test(alike_arms_look_different_no_more_often_than_said),
        cmocka_unit_test(what_is_beyond_all_noise_is_known_soon),
        cmocka_unit_test(memory_that_is_out_is_said),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
