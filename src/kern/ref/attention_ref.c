/* attention_ref.c - attention, one query at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/variants.h"

static float score(const anm_attention_f32 *a, size_t i, size_t j)
{
    double sum = 0.0;

    for (size_t d = 0; d < a->head_dim; d++)
        sum += (double)a->q[i * a->ldq + d] * a->k[j * a->ldk + d];
    return (float)(sum * a->scale);
}

void anm_attention_f32_ref(const anm_attention_f32 *a)
{
    float *p = a->scratch;

    for (size_t i = 0; i < a->n_q; i++) {
        const size_t n = anm_attention_visible(a, i);

        for (size_t j = 0; j < n; j++)
            p[j] = score(a, i, j);
        anm_softmax_f32_ref(p, n, 1, n);
        for (size_t d = 0; d < a->head_dim; d++) {
            double sum = 0.0;

            for (size_t j = 0; j < n; j++)
                sum += (double)p[j] * a->v[j * a->ldv + d];
            a->out[i * a->ldo + d] = (float)sum;
        }
    }
}
