/* measure_ref.c - work of known size, for measuring the machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"

uint64_t anm_burn_fma_ref(uint64_t n)
{
    /* Eight chains that stay finite: x -> x/2 + 1 tends to 2. */
    float x[8] = { 0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 2.5f, 3.0f, 3.5f };
    uint64_t done = 0;
    float sum = 0.0f;

    for (; done < n; done += 8) {
        for (int j = 0; j < 8; j++)
            x[j] = x[j] * 0.5f + 1.0f;
    }
    for (int j = 0; j < 8; j++)
        sum += x[j];
    /* Never true, and the compiler cannot know: the work must be done. */
    return sum < 0.0f ? 0 : done;
}

float anm_read_f32_ref(const float *x, size_t n)
{
    float sum[8] = { 0 };
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        for (size_t j = 0; j < 8; j++)
            sum[j] += x[i + j];
    }
    for (; i < n; i++)
        sum[0] += x[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) +
           ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}
