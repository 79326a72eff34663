/* softmax_ref.c - softmax of rows, in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"

static void softmax_row(float *x, size_t n)
{
    float max = -INFINITY;
    double sum = 0.0;

    /* A NaN is passed over here and reaches every entry through the sum. */
    for (size_t j = 0; j < n; j++)
        max = x[j] > max ? x[j] : max;
    if (max == -INFINITY) max = 0.0f;
    for (size_t j = 0; j < n; j++)
        sum += exp((double)x[j] - max);
    if (sum == 0.0) sum = 1.0;
    for (size_t j = 0; j < n; j++)
        x[j] = (float)(exp((double)x[j] - max) / sum);
}

void anm_softmax_f32_ref(float *x, size_t ldx, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        softmax_row(x + i * ldx, n);
}
