/* guard.h - is this a vector? Finite, not zero, of unit length where the
 * recipe normalises. Runs on every vector before anyone sees it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GUARD_H
#define ANM_GUARD_H

#include "anemone.h"

/* | |v| - 1 | at most this where the recipe normalises. */
#define ANM_GUARD_NORM_TOLERANCE 1e-3

/* ANM_E_DEVICE names what is wrong and the value: "vector of text 3: number 17
 * is nan". */
anm_status anm_guard_check(const float *v, size_t dim, bool unit, size_t index,
                           anm_error *err);

/* Is `v` the golden vector? Largest difference of a number at most
 * ANM_GOLDEN_TOLERANCE times the largest number of the golden vector. */
#define ANM_GOLDEN_TOLERANCE 1e-4

anm_status anm_guard_golden(const float *v, const float *golden, size_t dim,
                            anm_error *err);

#endif
