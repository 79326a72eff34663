/* vec_avx512.h - vectors of 16 floats: tails, exponential, activations.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_VEC_AVX512_H
#define ANM_KERN_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/types.h"

ANM_ALLOW_MASK_CASTS

/* The first n lanes; all of them from 16 on. A masked access never faults on
 * a lane that it skips. */
static ANM_ALWAYS_INLINE __mmask16 first_lanes(size_t n)
{
    return (__mmask16)(n < 16 ? (1u << n) - 1u : 0xffffu);
}

/* min and max of the intrinsics give their second operand when one is NaN, so
 * a constant stands first and NaN passes. */
static ANM_ALWAYS_INLINE __m512 clamp_f32x16(__m512 x, float low, float high)
{
    return _mm512_min_ps(_mm512_set1_ps(high),
                         _mm512_max_ps(_mm512_set1_ps(low), x));
}

/* e^(x + lo) for a small lo. With n = round(x log2 e) the rest r of x - n ln 2
 * lies within ln 2 / 2, where e^r is 1 + r + r^2 P(r) to 3e-9 (P is a weighted
 * minimax fit). Overflow gives infinity, underflow a subnormal or 0. */
static ANM_ALWAYS_INLINE __m512 exp_sum_f32x16(__m512 x, __m512 lo)
{
    const __m512 c = clamp_f32x16(x, -104.0f, 89.0f);
    const __m512 n =
        _mm512_roundscale_ps(_mm512_mul_ps(c, _mm512_set1_ps(0x1.715476p+0f)),
                             _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.62e4p-1f), c);
    __m512 p = _mm512_set1_ps(0.00138144647522f);

    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0x1.7f7d1cp-20f), r);
    r = _mm512_add_ps(r, lo);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.00836878062223f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0416683942592f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.166665201055f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.499999934123f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r);
    return _mm512_scalef_ps(_mm512_add_ps(p, _mm512_set1_ps(1.0f)), n);
}

static ANM_ALWAYS_INLINE __m512 exp_f32x16(__m512 x)
{
    return exp_sum_f32x16(x, _mm512_setzero_ps());
}

/* gelu(x) = max(x, 0) - |x| 2^-p(|x|), p(a) = -log2(erfc(a / sqrt 2) / 2): no
 * division, no cancellation, and 0 where the tail underflows. p is fitted on
 * [0, 6.5] so that the result errs by less than 5e-9 max(1, |x|); beyond, it
 * rises on. 2^f is fitted on [-1/2, 1/2] to 1e-7. */
static ANM_ALWAYS_INLINE __m512 gelu_f32x16(__m512 x)
{
    const __m512 a = _mm512_min_ps(_mm512_set1_ps(13.0f), _mm512_abs_ps(x));
    __m512 p = _mm512_set1_ps(2.34573613228e-6f);

    p = _mm512_fmadd_ps(p, a, _mm512_set1_ps(-3.34337385636e-5f));
    p = _mm512_fmadd_ps(p, a, _mm512_set1_ps(1.57407910697e-4f));
    p = _mm512_fmadd_ps(p, a, _mm512_set1_ps(2.08164217541e-4f));
    p = _mm512_fmadd_ps(p, a, _mm512_set1_ps(-7.15959365539e-3f));
    p = _mm512_fmadd_ps(p, a, _mm512_set1_ps(5.25657658147635e-2f));
    p = _mm512_fmadd_ps(p, a, _mm512_set1_ps(0.45918375125f));
    p = _mm512_fmadd_ps(p, a, _mm512_set1_ps(1.15110830299f));
    p = _mm512_fnmadd_ps(p, a, _mm512_set1_ps(-1.0f));

    const __m512 n =
        _mm512_roundscale_ps(p, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(p, n);
    __m512 e = _mm512_set1_ps(0.00132645777061f);
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(0.00967161990107f));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(0.0555073507505f));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(0.240222404409f));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(0.693146976353f));
    e = _mm512_fmadd_ps(e, f, _mm512_set1_ps(1.0f));
    return _mm512_fnmadd_ps(a, _mm512_scalef_ps(e, n),
                            _mm512_max_ps(_mm512_setzero_ps(), x));
}

/* x / (1 + e^-t); the clamp keeps -inf from meeting an infinite divisor. */
static ANM_ALWAYS_INLINE __m512 gate_f32x16(__m512 x, __m512 t)
{
    const __m512 e = exp_f32x16(_mm512_sub_ps(_mm512_setzero_ps(), t));

    return _mm512_div_ps(_mm512_max_ps(_mm512_set1_ps(-1e30f), x),
                         _mm512_add_ps(_mm512_set1_ps(1.0f), e));
}

static ANM_ALWAYS_INLINE __m512 gelu_tanh_f32x16(__m512 x)
{
    /* (1 + tanh y) / 2 = 1 / (1 + e^-2y) */
    const __m512 cubic =
        _mm512_fmadd_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(0.0713548163f),
                        _mm512_set1_ps(1.59576912f));

    return gate_f32x16(x, _mm512_mul_ps(x, cubic));
}

static ANM_ALWAYS_INLINE __m512 tanh_f32x16(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 e =
        exp_f32x16(_mm512_mul_ps(_mm512_set1_ps(-2.0f), _mm512_abs_ps(x)));
    const __m512 t =
        _mm512_div_ps(_mm512_sub_ps(one, e), _mm512_add_ps(one, e));

    return _mm512_or_ps(t, _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));
}

static ANM_ALWAYS_INLINE __m512 act_f32x16(__m512 x, anm_act act)
{
    switch (act) {
    case ANM_ACT_GELU_ERF:
        return gelu_f32x16(x);
    case ANM_ACT_GELU_TANH:
        return gelu_tanh_f32x16(x);
    case ANM_ACT_RELU:
        return _mm512_max_ps(_mm512_setzero_ps(), x);
    case ANM_ACT_SILU:
        return gate_f32x16(x, x);
    case ANM_ACT_TANH:
        return tanh_f32x16(x);
    case ANM_ACT_NONE:
    case ANM_ACT_COUNT:
        break;
    }
    return x;
}

/* The sum of both halves in double: exact conversion, 8 partial sums. */
static ANM_ALWAYS_INLINE __m512d widen_low_f64x8(__m512 x)
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(x));
}

static ANM_ALWAYS_INLINE __m512d widen_high_f64x8(__m512 x)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
}

#endif
