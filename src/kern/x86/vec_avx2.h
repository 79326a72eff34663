/* vec_avx2.h - vectors of 8 floats: tails, exponential, activations. The fits
 * are those of vec_avx512.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KERN_VEC_AVX2_H
#define ANM_KERN_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/types.h"

/* The first n lanes; all of them from 8 on. A masked access never faults on a
 * lane that it skips. */
static ANM_ALWAYS_INLINE __m256i first_lanes(size_t n)
{
    static const int32_t keep[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    const void *at = keep + 8 - (n < 8 ? n : 8);

    return _mm256_loadu_si256(at);
}

/* x[0..min(n, 8)), other lanes 0. */
static ANM_ALWAYS_INLINE __m256 load_f32x8(const float *x, size_t n)
{
    return n >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, first_lanes(n));
}

static ANM_ALWAYS_INLINE void store_f32x8(float *x, size_t n, __m256 v)
{
    if (n >= 8)
        _mm256_storeu_ps(x, v);
    else
        _mm256_maskstore_ps(x, first_lanes(n), v);
}

static ANM_ALWAYS_INLINE __m256 keep_lanes(__m256 x, size_t n)
{
    return _mm256_and_ps(x, _mm256_castsi256_ps(first_lanes(n)));
}

static ANM_ALWAYS_INLINE __m256 abs_f32x8(__m256 x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

static ANM_ALWAYS_INLINE float sum_f32x8(__m256 x)
{
    __m128 s =
        _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static ANM_ALWAYS_INLINE float max_f32x8(__m256 x)
{
    __m128 s =
        _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));

    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static ANM_ALWAYS_INLINE double sum_f64x4(__m256d x)
{
    const __m128d s =
        _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));

    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

static ANM_ALWAYS_INLINE __m256d widen_low_f64x4(__m256 x)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}

static ANM_ALWAYS_INLINE __m256d widen_high_f64x4(__m256 x)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}

/* 2^n for integers -126 <= n <= 127 in any lane, 0 for -127. */
static ANM_ALWAYS_INLINE __m256 power_of_two(__m256i n)
{
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

static ANM_ALWAYS_INLINE __m256 round_f32x8(__m256 x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* e^(x + lo) for a small lo. 2^n is applied in two halves, which lets the
 * result be a subnormal or infinity. A constant stands first in min and max,
 * which give their second operand when one is NaN. */
static ANM_ALWAYS_INLINE __m256 exp_sum_f32x8(__m256 x, __m256 lo)
{
    const __m256 c = _mm256_min_ps(_mm256_set1_ps(89.0f),
                                   _mm256_max_ps(_mm256_set1_ps(-104.0f), x));
    const __m256 n =
        round_f32x8(_mm256_mul_ps(c, _mm256_set1_ps(0x1.715476p+0f)));
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.62e4p-1f), c);
    __m256 p = _mm256_set1_ps(0.00138144647522f);

    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.7f7d1cp-20f), r);
    r = _mm256_add_ps(r, lo);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.00836878062223f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.0416683942592f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.166665201055f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.499999934123f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1.0f));

    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    return _mm256_mul_ps(_mm256_mul_ps(p, power_of_two(half)),
                         power_of_two(_mm256_sub_epi32(whole, half)));
}

static ANM_ALWAYS_INLINE __m256 exp_f32x8(__m256 x)
{
    return exp_sum_f32x8(x, _mm256_setzero_ps());
}

/* c0 + c1 x */
static ANM_ALWAYS_INLINE __m256 line_f32x8(__m256 x, float c0, float c1)
{
    return _mm256_fmadd_ps(x, _mm256_set1_ps(c1), _mm256_set1_ps(c0));
}

/* max(x, 0) - |x| 2^-p(|x|); from p = 127 on the power is 0. The polynomials
 * are summed as trees: as chains their latency, not their work, is the time. */
static ANM_ALWAYS_INLINE __m256 gelu_f32x8(__m256 x)
{
    const __m256 a = _mm256_min_ps(_mm256_set1_ps(13.0f), abs_f32x8(x));
    const __m256 a2 = _mm256_mul_ps(a, a);
    const __m256 p01 = line_f32x8(a, 1.15110830299f, 0.45918375125f);
    const __m256 p23 = line_f32x8(a, 5.25657658147635e-2f, -7.15959365539e-3f);
    const __m256 p45 = line_f32x8(a, 2.08164217541e-4f, 1.57407910697e-4f);
    const __m256 p67 = line_f32x8(a, -3.34337385636e-5f, 2.34573613228e-6f);
    const __m256 high = _mm256_fmadd_ps(p67, a2, p45);
    const __m256 low = _mm256_fmadd_ps(p23, a2, p01);
    __m256 p = _mm256_fmadd_ps(high, _mm256_mul_ps(a2, a2), low);

    p = _mm256_fnmadd_ps(p, a, _mm256_set1_ps(-1.0f));
    p = _mm256_max_ps(_mm256_set1_ps(-127.0f), p);

    const __m256 n = round_f32x8(p);
    const __m256 f = _mm256_sub_ps(p, n);
    const __m256 f2 = _mm256_mul_ps(f, f);
    const __m256 e01 = line_f32x8(f, 1.0f, 0.693146976353f);
    const __m256 e23 = line_f32x8(f, 0.240222404409f, 0.0555073507505f);
    const __m256 e45 = line_f32x8(f, 0.00967161990107f, 0.00132645777061f);
    const __m256 e = _mm256_fmadd_ps(_mm256_fmadd_ps(e45, f2, e23), f2, e01);
    const __m256 tail = _mm256_mul_ps(e, power_of_two(_mm256_cvtps_epi32(n)));
    return _mm256_fnmadd_ps(a, tail, _mm256_max_ps(_mm256_setzero_ps(), x));
}

/* x / (1 + e^-t); the clamp keeps -inf from meeting an infinite divisor. */
static ANM_ALWAYS_INLINE __m256 gate_f32x8(__m256 x, __m256 t)
{
    const __m256 e = exp_f32x8(_mm256_sub_ps(_mm256_setzero_ps(), t));

    return _mm256_div_ps(_mm256_max_ps(_mm256_set1_ps(-1e30f), x),
                         _mm256_add_ps(_mm256_set1_ps(1.0f), e));
}

static ANM_ALWAYS_INLINE __m256 gelu_tanh_f32x8(__m256 x)
{
    /* (1 + tanh y) / 2 = 1 / (1 + e^-2y) */
    const __m256 cubic =
        _mm256_fmadd_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(0.0713548163f),
                        _mm256_set1_ps(1.59576912f));

    return gate_f32x8(x, _mm256_mul_ps(x, cubic));
}

static ANM_ALWAYS_INLINE __m256 tanh_f32x8(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1.0f);
    const __m256 e =
        exp_f32x8(_mm256_mul_ps(_mm256_set1_ps(-2.0f), abs_f32x8(x)));
    const __m256 t =
        _mm256_div_ps(_mm256_sub_ps(one, e), _mm256_add_ps(one, e));

    return _mm256_or_ps(t, _mm256_and_ps(x, _mm256_set1_ps(-0.0f)));
}

static ANM_ALWAYS_INLINE __m256 act_f32x8(__m256 x, anm_act act)
{
    switch (act) {
    case ANM_ACT_GELU_ERF:
        return gelu_f32x8(x);
    case ANM_ACT_GELU_TANH:
        return gelu_tanh_f32x8(x);
    case ANM_ACT_RELU:
        return _mm256_max_ps(_mm256_setzero_ps(), x);
    case ANM_ACT_SILU:
        return gate_f32x8(x, x);
    case ANM_ACT_TANH:
        return tanh_f32x8(x);
    case ANM_ACT_NONE:
    case ANM_ACT_COUNT:
        break;
    }
    return x;
}

#endif
