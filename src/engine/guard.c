/* guard.c - is this a vector?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/guard.h"

#include <math.h>

#include "base/error.h"

anm_status anm_guard_check(const float *v, size_t dim, bool unit, size_t index,
                           anm_error *err)
{
    double sum = 0;

    for (size_t i = 0; i < dim; i++) {
        if (!isfinite(v[i]))
            return anm_fail(err, ANM_E_DEVICE,
                            "vector of text %zu: number %zu is %s", index, i,
                            isnan(v[i]) ? "nan"
                            : v[i] > 0  ? "inf"
                                        : "-inf");
        sum += (double)v[i] * v[i];
    }
    if (sum == 0)
        return anm_fail(err, ANM_E_DEVICE,
                        "vector of text %zu: all %zu numbers are 0", index,
                        dim);
    const double norm = sqrt(sum);
    if (unit && fabs(norm - 1) > ANM_GUARD_NORM_TOLERANCE)
        return anm_fail(err, ANM_E_DEVICE,
                        "vector of text %zu: its length is %.6g, must be 1 "
                        "within %g",
                        index, norm, ANM_GUARD_NORM_TOLERANCE);
    return ANM_OK;
}

anm_status anm_guard_golden(const float *v, const float *golden, size_t dim,
                            anm_error *err)
{
    double largest = 0, difference = 0;
    size_t where = 0;

    for (size_t i = 0; i < dim; i++) {
        const double d = fabs((double)v[i] - golden[i]);
        largest = fmax(largest, fabs(golden[i]));
        // Not `d > difference`: a NaN must be a difference.
        if (d <= difference) continue;
        difference = d;
        where = i;
        if (isnan(d)) break;
    }
    if (difference <= ANM_GOLDEN_TOLERANCE * largest) return ANM_OK;
    return anm_fail(err, ANM_E_DEVICE,
                    "golden vector: number %zu is %.9g, must be %.9g within "
                    "%.3g",
                    where, (double)v[where], (double)golden[where],
                    ANM_GOLDEN_TOLERANCE * largest);
}
