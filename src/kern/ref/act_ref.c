/* act_ref.c - activation functions, computed in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kern/variants.h"

/* x times a factor that is 0 at -inf, where the product has the limit 0. */
static float gate(double x, double factor)
{
    return (float)(factor == 0.0 ? copysign(0.0, x) : x * factor);
}

float anm_act_one_ref(float x, anm_act act)
{
    const double d = x;

    switch (act) {
    case ANM_ACT_GELU_ERF:
        return gate(d, 0.5 * erfc(-d * 0.70710678118654752));
    case ANM_ACT_GELU_TANH: {
        /* (1 + tanh y) / 2 = 1 / (1 + e^-2y) keeps what 1 + tanh cancels. */
        const double y = 0.79788456080286536 * (d + 0.044715 * d * d * d);
        return gate(d, 1.0 / (1.0 + exp(-2.0 * y)));
    }
    case ANM_ACT_RELU:
        return x < 0.0f ? 0.0f : x;
    case ANM_ACT_SILU:
        return gate(d, 1.0 / (1.0 + exp(-d)));
    case ANM_ACT_TANH:
        return (float)tanh(d);
    case ANM_ACT_NONE:
    case ANM_ACT_COUNT:
        break;
    }
    return x;
}

void anm_act_f32_ref(float *x, size_t n, anm_act act)
{
    for (size_t i = 0; i < n; i++)
        x[i] = anm_act_one_ref(x[i], act);
}
