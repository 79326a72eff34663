/* fake_vectors.c - vectors that are functions of the ids alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "backend/fake/fake.h"

static void make_vector(const anm_input *in, float *out, size_t dim)
{
    uint64_t state = 1469598103934665603u;
    double sum = 0;

    for (size_t i = 0; i < in->len; i++)
        if (in->mask[i])
            state = (state ^ (uint64_t)(uint32_t)in->ids[i]) *
                    UINT64_C(1099511628211);
    for (size_t i = 0; i < dim; i++) {
        out[i] = (float)(anm_fake_draw(&state) - 0.5);
        sum += (double)out[i] * out[i];
    }
    for (size_t i = 0; i < dim; i++)
        out[i] = (float)(out[i] / sqrt(sum));
}

static void spoil(const anm_fake_fault *f, float *v, size_t dim)
{
    switch ((anm_fake_output)f->output) {
    case ANM_FAKE_NAN:
        v[dim / 2] = NAN;
        break;
    case ANM_FAKE_INF:
        v[dim / 2] = INFINITY;
        break;
    case ANM_FAKE_ZERO:
        memset(v, 0, dim * sizeof(*v));
        break;
    case ANM_FAKE_WRONG:
        v[0] = -v[0];
        v[1] = -v[1];
        break;
    case ANM_FAKE_LONG:
        for (size_t i = 0; i < dim; i++)
            v[i] *= 3;
        break;
    }
}

void anm_fake_vectors_fill(size_t dim, const anm_call *call,
                           const anm_fake_fault *output)
{
    for (size_t i = 0; i < call->n_inputs; i++) {
        make_vector(&call->inputs[i], call->vectors + i * dim, dim);
        if (output) spoil(output, call->vectors + i * dim, dim);
    }
}
