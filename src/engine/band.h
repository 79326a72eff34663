/* band.h - the latency range that warm-up measured, and what it says of a
 * call.
 *
 * A band belongs to a length. From the quiet timed runs at one length (the
 * first run apart): p50 is their median and s their scaled median absolute
 * deviation, at least 3.5 % of p50 and 20 us. The range reaches k s to both
 * sides, k = 6 (1 + 3 / n), and at least 1.5 times as far up as the slowest
 * run; of ten runs and more the slowest is left out, of forty the two slowest.
 * For latencies that are steady, whatever their shape, at most 1 % of calls
 * leave the range: the nominal rate (tests/unit/test_band_rate.c simulates it).
 *
 * Between measured lengths all figures are interpolated on tokens. A length
 * below the first takes the first with a low end of 0: such a call takes at
 * most that long, and how much less is not known. A length beyond the last
 * takes the last; the cost model tells what the rest of it explains.
 *
 * A call after a gap longer than those before the band's runs is judged by the
 * band moved up by what warm-up found such a gap to take, if a call that takes
 * just that much more lies inside the band. A dearer gap leaves the band where it
 * is, and its calls leave it, for which idle_wakeup is the cause.
 *
 * Where this start's median is above the stored one, and not by so much that the
 * band is said to have moved, the range reaches as far above it as above that.
 *
 * A band moves only by rule: it is measured where there is none, when the user
 * asks for it again, and when a later start settles below p50 / 1.25. A start
 * whose median is above 1.25 p50 leaves it where it is, and calls that leave it
 * then say `band_moved` with both medians.
 *
 * Bands are kept in a small JSON file beside the artifacts, under the machine's
 * identity and the key of architecture.md: fingerprint, precision, backend,
 * units, threads, ISA level. A file that is damaged counts as absent. A band
 * that no three quiet runs stand behind serves this start and is not kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BAND_H
#define ANM_BAND_H

#include "anemone.h"

enum { ANM_BAND_LENGTHS_MAX = 16, ANM_TIMED_MAX = 60, ANM_IDLE_CLASSES = 5 };

typedef struct anm_band {
    size_t tokens;
    unsigned n;         /* timed runs; 0: no band */
    unsigned disturbed; /* runs left out, others were busy; when no three are
                           left, n counts those */
    bool useless;       /* fewer than three quiet runs: not kept */
    uint64_t first_ns;  /* the run that was set apart */
    uint64_t p50_ns, low_ns, high_ns;
    /* Of the stages: 0 where not known. Outside is all but queue and predict. */
    uint64_t predict_p50_ns, outside_p50_ns, outside_high_ns;
    uint64_t blocked_p50_ns; /* the caller asleep outside the queue */
    uint64_t today_p50_ns;   /* of this start's warm-up; 0: not measured */
    uint64_t gap_ns; /* of all but low_ns, what a gap takes; 0 but for a call */
} anm_band;

/* What was measured beside the bands and belongs to them. */
typedef struct anm_band_base {
    uint64_t probe_ns;      /* host probe, the median; 0: none */
    uint64_t probe_high_ns; /* up to here one tells nothing */
    int64_t freq_khz;       /* 0: not known */
    /* Extra time after a gap of at least 20 ms, 200 ms, 2 s, 20 s, 200 s. */
    uint64_t idle_extra_ns[ANM_IDLE_CLASSES];
    unsigned idle_known; /* bits of the classes measured */
    char plan[33];       /* digest of the plan; "": not known */
    char artifact[33];   /* digest of the artifact */
} anm_band_base;

/* Ascending by tokens. Zero-initialised: no bands. */
typedef struct anm_bands {
    anm_band items[ANM_BAND_LENGTHS_MAX];
    size_t n;
    int64_t measured_wall_ns; /* when; 0: never */
    anm_band_base base;
} anm_bands;

/* One timed run. */
typedef struct anm_timed {
    uint64_t total_ns, predict_ns, outside_ns, blocked_ns;
    bool disturbed;
} anm_timed;

/* Make a band from n timed runs (n >= 3); reorders `runs`. */
anm_band anm_band_make(size_t tokens, uint64_t first_ns, anm_timed *runs,
                       unsigned n);

/* Today's median is more than 1.25 times the stored one. */
bool anm_band_moved(const anm_band *band);

/* Note what host probes took, each after a timed run: their median, and above
 * it three scaled median absolute deviations, at least a tenth. Reorders
 * `ns`; n may be 0. */
void anm_band_base_probe(anm_band_base *base, uint64_t *ns, unsigned n);

/* What a value is more than the usual; 0 when it is not. */
static inline uint64_t anm_beyond(uint64_t value, uint64_t usual)
{
    return value > usual ? value - usual : 0;
}

/* The class of an idle gap, -1 below the first. */
int anm_idle_class(int64_t idle_ns);

/* The gap by which warm-up measures a class: 50 ms, 250 ms, 2.5 s, ... */
int64_t anm_idle_gap_ns(int class);

/* What the curve says of a gap: between the two nearest that were measured;
 * beyond the last what that takes, below the first 0, unless of its class. */
uint64_t anm_idle_extra(const anm_band_base *base, int64_t idle_ns);

/* Make of a band that of calls after a gap which takes `extra_ns` more. */
void anm_band_after_gap(anm_band *band, uint64_t extra_ns);

/* Make of a stored band that of a call of this start, by its today_p50_ns. */
void anm_band_of_today(anm_band *band);

/* Insert or replace the band of its length. False when the table is full. */
bool anm_bands_put(anm_bands *b, const anm_band *band);

/* The band of a call of `tokens` tokens: n is 0 when there is none. */
anm_band anm_bands_at(const anm_bands *b, size_t tokens);

anm_verdict anm_band_judge(const anm_band *band, uint64_t total_ns);

/* Store and find again. key is a text that names everything the bands depend
 * on; folder NULL: nothing is kept. Loading what is not there gives no bands;
 * storing never fails loudly (a warning at most). */
void anm_bands_load(anm_bands *out, const char *folder, const char *key);
bool anm_bands_store(const anm_bands *b, const char *folder, const char *key);

#endif
