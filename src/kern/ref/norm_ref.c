/* norm_ref.c - layer normalisation, two passes in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"

static void norm_row(float *y, const float *x, const float *gamma,
                     const float *beta, size_t dim, double eps)
{
    double mean = 0.0, var = 0.0;

    for (size_t j = 0; j < dim; j++)
        mean += x[j];
    mean /= (double)dim;
    for (size_t j = 0; j < dim; j++)
        var += (x[j] - mean) * (x[j] - mean);
    var /= (double)dim;

    const double scale = 1.0 / sqrt(var + eps);
    for (size_t j = 0; j < dim; j++)
        y[j] = (float)((x[j] - mean) * scale * gamma[j] + beta[j]);
}

void anm_layer_norm_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                            const float *gamma, const float *beta, size_t rows,
                            size_t dim, float eps)
{
    for (size_t i = 0; i < rows; i++)
        norm_row(y + i * ldy, x + i * ldx, gamma, beta, dim, eps);
}
