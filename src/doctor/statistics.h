/* statistics.h - what numbers allow to be said: medians, intervals on ratios of
 * medians, rates against a nominal rate, many questions at once.
 *
 * Pure functions of their arguments; what is random in them comes from a seed,
 * so that a report can be made again. No memory is kept between calls; those
 * that resample take their storage from base/alloc.h and say so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_STATISTICS_H
#define ANM_STATISTICS_H

#include "anemone.h"

/* ---- Draws ----------------------------------------------------------------- */

/* The next 64 bits of a sequence; *state is the seed at first. */
uint64_t anm_draw_bits(uint64_t *state);

/* Evenly from [0, n), n > 0. */
size_t anm_draw_index(uint64_t *state, size_t n);

/* ---- Order ----------------------------------------------------------------- */

/* All reorder values. n > 0. */
double anm_median(double *values, size_t n);

/* The k-th smallest, counted from 0; k < n. */
double anm_select(double *values, size_t n, size_t k);

/* The value below which `part` of them lie, between neighbours where it falls
 * between two. part in [0, 1]. */
double anm_quantile(double *values, size_t n, double part);

/* ---- Two arms ---------------------------------------------------------------- */

/* How much longer b is than a. */
typedef struct anm_ratio {
    double ratio;
    double low, high; /* interval of it; 0 and infinity: nothing is bounded */
    double effect;    /* that b takes more, in the unit of a */
    double p;         /* chance of one as large when both are alike */
} anm_ratio;

/* a[i] and b[i] belong to one round: what changes from round to round counts
 * for nothing. Wilcoxon's signed ranks of the logarithms (signed_rank.c): the
 * ratio is the middle of all means of two rounds, p is exact, one-sided, and
 * 2^-n when all rounds agree; the interval misses with a chance of at most
 * `miss`. n > 1, all above 0.
 *
 * @return ANM_OK or ANM_E_NOMEM */
anm_status anm_ratio_paired(const double *a, const double *b, size_t n,
                            double miss, anm_ratio *out);

/* The chance of such ratios in n rounds when b is like a, and identical calls
 * differ as `noise` [n_noise] tells: the sizes of the logarithms of their
 * ratios. A round is as rare as the share of the noise that is as large; rounds
 * are combined as Fisher does. A few rounds are enough for what is far beyond
 * all noise, which ranks of so few could never show. 1 when less than 20 are
 * known. */
double anm_noise_chance(const double *a, const double *b, size_t n,
                        const double *noise, size_t n_noise);

/* Arms that took no turns: the ratio of medians, its 95 % interval by
 * bootstrap, p by the sum of ranks over permutations, at least 1 / 2001. At
 * least two of each, all above 0.
 *
 * @return ANM_OK or ANM_E_NOMEM */
anm_status anm_ratio_unpaired(const double *a, size_t n_a, const double *b,
                              size_t n_b, uint64_t seed, anm_ratio *out);

/* The ratio that two identical arms could show, from what they did show: a
 * ratio between the bound and 1 over it says nothing. At least 1. */
double anm_ratio_bound(const anm_ratio *identical);

/* ---- Many questions ---------------------------------------------------------- */

/* Simes' combination of n questions about one condition: the chance of the
 * least of them, where those who agree do not count against each other.
 * Reorders p; 1 without any. */
double anm_simes(double *p, size_t n);

/* Holm's correction, in place: afterwards p[i] below a level means that the
 * chance of one wrong answer among all n is below it. */
void anm_holm(double *p, size_t n);

/* ---- Rates ------------------------------------------------------------------- */

/* Chance of at least k of n when each has the chance `rate`, in (0, 1). */
double anm_binomial_tail(size_t n, size_t k, double rate);

/* Chance that n of `all` things, drawn without putting back, hold at most
 * `most` of the `marked` ones. n and marked are at most all. */
double anm_draw_tail(size_t all, size_t marked, size_t n, size_t most);

/* Calls of one moment, which share what disturbs them. n > 0. */
typedef struct anm_trial {
    size_t n, n_hits;
} anm_trial;

/* Where in a sequence of moments hits are more frequent than a nominal rate
 * allows. */
typedef struct anm_burst {
    size_t first, last; /* the densest run of moments, both with hits */
    size_t n_hits;      /* moments with hits inside it */
    double p;           /* chance of a run as dense anywhere in the sequence,
                           or of as many hits in all, at the nominal rate */
} anm_burst;

/* trials [n]. Without any hit p is 1 and the rest 0.
 *
 * Moments are looked at in two ways. That of many calls a share is hit, which
 * one disturbance does: a moment counts when so many hits have at most the
 * nominal chance. And that some call is hit in one moment after the other: a
 * moment counts when any call is, which m calls have a chance of at most
 * 1 - (1 - nominal)^m for, alike or not as they may be. Where every moment has
 * one call both are one; else p is doubled.
 *
 * A run is scored by the logarithm of how much likelier it is at a rate of
 * 0.05, 0.25 or 0.8 than at the nominal one. From any one place on that
 * likelihood ratio has at most the mean 1 under the nominal rate, so it ever
 * passes s with a chance of at most 1 / s; n places and three rates bound the
 * chance of the best run by 3 n / s. That is compared with the tail of the
 * whole, binomial at the mean of the moments' chances (Hoeffding's bound beyond
 * the mean), and the smaller of the two is doubled. */
anm_burst anm_burst_find(const anm_trial *trials, size_t n, double nominal);

#endif
