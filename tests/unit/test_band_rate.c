/* test_band_rate.c - how often calls of a steady machine leave the band that a
 * warm-up of the same machine made: the nominal rate is at most 1 %.
 *
 * Each shape of latency is drawn for many machines: a warm-up of n runs, then
 * 200 calls. The measured rate of calls above the band is printed. Outliers are
 * no part of a steady machine: there the rate counts the other calls, and the
 * outliers must be seen.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "engine/band.h"
#include "support/support.h"

enum { MACHINES = 3000, CALLS = 200 };

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static double uniform(uint64_t *seed)
{
    return ((double)next_random(seed) + 0.5) / 2147483648.0;
}

static double normal(uint64_t *seed)
{
    return sqrt(-2 * log(uniform(seed))) *
           cos(6.283185307179586 * uniform(seed));
}

typedef struct draw {
    double latency; /* times 2 ms */
    bool outlier;
} draw;

/* `part` is how far this machine's life has come, 0 to 1. */
typedef draw (*shape)(uint64_t *seed, double part);

static draw draw_normal(uint64_t *seed, double part)
{
    (void)part;
    return (draw){ 1 + 0.03 * normal(seed), false };
}

static draw draw_lognormal(uint64_t *seed, double part)
{
    (void)part;
    return (draw){ exp(0.08 * normal(seed)), false };
}

static draw draw_heavy(uint64_t *seed, double part)
{
    (void)part;
    return (draw){ exp(0.2 * normal(seed)), false };
}

static draw draw_with_outliers(uint64_t *seed, double part)
{
    const bool outlier = uniform(seed) < 0.02;
    (void)part;

    return (draw){ exp(0.05 * normal(seed)) * (outlier ? 3 : 1), outlier };
}

static draw draw_two_modes(uint64_t *seed, double part)
{
    const double mode = uniform(seed) < 0.3 ? 1.3 : 1;
    (void)part;

    return (draw){ mode * exp(0.03 * normal(seed)), false };
}

/* 5 % slower in the course of its life. */
static draw draw_drifting(uint64_t *seed, double part)
{
    return (draw){ (1 + 0.05 * part) * exp(0.04 * normal(seed)), false };
}

typedef struct rates {
    double above;   /* of calls that are no outliers */
    double noticed; /* of outliers */
} rates;

static rates simulate(shape draw_one, unsigned n_runs)
{
    uint64_t seed = 20;
    double above = 0, calls = 0, noticed = 0, outliers = 0;

    for (int machine = 0; machine < MACHINES; machine++) {
        anm_timed runs[ANM_TIMED_MAX] = { 0 };
        for (unsigned i = 0; i < n_runs; i++)
            runs[i].total_ns = (uint64_t)(2e6 * draw_one(&seed, 0).latency);
        const anm_band band = anm_band_make(8, 0, runs, n_runs);
        for (int i = 0; i < CALLS; i++) {
            const draw d = draw_one(&seed, (double)i / CALLS);
            const bool is_above =
                anm_band_judge(&band, (uint64_t)(2e6 * d.latency)) ==
                ANM_VERDICT_ABOVE;
            if (d.outlier) {
                outliers++;
                noticed += is_above;
            } else {
                calls++;
                above += is_above;
            }
        }
    }
    return (rates){ above / calls, outliers > 0 ? noticed / outliers : 1 };
}

static void steady_machines_leave_it_once_in_a_hundred(void **state)
{
    static const struct {
        const char *name;
        shape draw_one;
        double noticed; /* least share of outliers to be seen */
    } shapes[] = {
        { "normal, 3 %", draw_normal, 0 },
        { "lognormal, 8 %", draw_lognormal, 0 },
        { "lognormal, 20 %", draw_heavy, 0 },
        { "2 % outliers of 3 times", draw_with_outliers, 0.85 },
        { "two modes 1.3 apart", draw_two_modes, 0 },
        { "drifting by 5 %", draw_drifting, 0 },
    };
    static const unsigned n_runs[] = { 20, 30, 40 };
    (void)state;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (size_t k = 0; k < sizeof(n_runs) / sizeof(n_runs[0]); k++) {
            const rates r = simulate(shapes[i].draw_one, n_runs[k]);
            printf("%-26s %2u runs: %.3f %% above\n", shapes[i].name, n_runs[k],
                   100 * r.above);
            assert_true(r.above <= 0.01);
            assert_true(r.noticed >= shapes[i].noticed);
        }
}

/* A slow model whose warm-up ran out of time. */
static void few_runs_of_one_mode_are_enough(void **state)
{
    (void)state;
    for (unsigned n = 3; n <= 10; n++) {
        const rates narrow = simulate(draw_normal, n);
        const rates skewed = simulate(draw_lognormal, n);
        printf("%2u runs: normal %.3f %%, lognormal %.3f %% above\n", n,
               100 * narrow.above, 100 * skewed.above);
        assert_true(narrow.above <= 0.01);
        assert_true(skewed.above <= 0.01);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_machines_leave_it_once_in_a_hundred),
        cmocka_unit_test(few_runs_of_one_mode_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
