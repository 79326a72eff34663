/* rms_norm_ref.c - normalisation by the root of the mean square, in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"

static void norm_group(float *y, const float *x, const float *gamma, size_t dim,
                       double eps)
{
    double squares = 0.0;

    for (size_t j = 0; j < dim; j++)
        squares += (double)x[j] * x[j];
    const double scale = 1.0 / sqrt(squares / (double)dim + eps);
    for (size_t j = 0; j < dim; j++)
        y[j] = (float)(x[j] * scale * gamma[j]);
}

void anm_rms_norm_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                          const float *gamma, size_t rows, size_t groups,
                          size_t dim, float eps)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t g = 0; g < groups; g++)
            norm_group(y + i * ldy + g * dim, x + i * ldx + g * dim, gamma, dim,
                       eps);
}
