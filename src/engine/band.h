/* band.h - the latency range that warm-up measured, and what it says of a
 * call.
 *
 * A band belongs to a length. From the timed runs at one length (the first run
 * apart): p50 is their median; the range is p50 - k s … p50 + k s, s the scaled
 * median absolute deviation but at least 2 % of p50 and 20 us, k = 6. Between
 * measured lengths p50 and range are interpolated on tokens. A length below the
 * first takes the first with a low end of 0: such a call takes at most that
 * long, and how much less is not known. A length up to 10 % beyond the last
 * takes the last; beyond that there is no band.
 *
 * Bands are kept in a small JSON file beside the artifacts, under the machine's
 * identity and the key of architecture.md: fingerprint, precision, backend,
 * units, threads, ISA level. A file that is damaged counts as absent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BAND_H
#define ANM_BAND_H

#include "anemone.h"

enum { ANM_BAND_LENGTHS_MAX = 16 };

typedef struct anm_band {
    size_t tokens;
    unsigned n;        /* timed runs; 0: no band */
    uint64_t first_ns; /* the run that was set apart */
    uint64_t p50_ns, low_ns, high_ns;
} anm_band;

/* Ascending by tokens. Zero-initialised: no bands. */
typedef struct anm_bands {
    anm_band items[ANM_BAND_LENGTHS_MAX];
    size_t n;
    int64_t measured_wall_ns; /* when; 0: never */
} anm_bands;

/* Make a band from n timed runs (n >= 3); sorts `runs_ns`. */
anm_band anm_band_make(size_t tokens, uint64_t first_ns, uint64_t *runs_ns,
                       unsigned n);

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
