/* rope_ref.c - rotary positions: the angles, the same at every level, and the
 * rotation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"

/* Column by column: a frequency costs a power, and there are far fewer of them
 * than of angles. */
void anm_angles_f32_ref(float *y, size_t ldy, const int32_t *positions,
                        size_t n, size_t dim, double theta)
{
    const size_t half = dim / 2;

    for (size_t j = 0; j < half; j++) {
        const float share = (float)(2 * j) / (float)dim;
        const float frequency = 1.0f / (float)pow((float)theta, share);

        for (size_t i = 0; i < n; i++) {
            const float angle = (float)positions[i] * frequency;

            y[i * ldy + j] = (float)cos(angle);
            y[i * ldy + half + j] = (float)sin(angle);
        }
    }
}

static void rotate(float *y, const float *x, const float *cosines,
                   const float *sines, size_t half)
{
    for (size_t j = 0; j < half; j++) {
        const double a = x[j], b = x[half + j];

        y[j] = (float)(a * cosines[j] - b * sines[j]);
        y[half + j] = (float)(b * cosines[j] + a * sines[j]);
    }
}

void anm_rope_f32_ref(float *y, size_t ldy, const float *x, size_t ldx,
                      const float *angles, size_t lda, size_t rows,
                      size_t heads, size_t dim)
{
    for (size_t i = 0; i < rows; i++) {
        const float *row = angles + i * lda;

        for (size_t h = 0; h < heads; h++)
            rotate(y + i * ldy + h * dim, x + i * ldx + h * dim, row,
                   row + dim / 2, dim / 2);
    }
}
