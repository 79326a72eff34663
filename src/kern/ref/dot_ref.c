/* dot_ref.c - dot product and unit length.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"

float anm_dot_f32_ref(const float *a, const float *b, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return (float)sum;
}

double anm_normalize_f32_ref(float *x, size_t n, double floor)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];

    const double norm = sqrt(sum);
    /* Written so that a NaN is chosen, not the floor. */
    const double length = norm <= floor ? floor : norm;
    if (length == 0.0) return norm;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(x[i] / length);
    return norm;
}
