/* check.h - what a checker of kernels needs: a random source, buffers that end
 * against unreadable memory, comparisons that remember, and a stopwatch.
 *
 * A checker is called once for each distinct pointer of its slot among the
 * tables of this machine. It compares with an exact computation in double
 * under a tolerance derived from the contract in kern.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TESTS_KERN_CHECK_H
#define ANM_TESTS_KERN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/kern.h"

/* u of kern.h. */
#define CHECK_U 0x1p-24

/* Rounding of the double computations that stand for the exact ones. */
#define CHECK_EXACT 1e-13

typedef struct check_block check_block;

typedef struct check {
    uint64_t random;
    uint64_t failures, cases; /* of the checker now running */
    bool bench;
    double peak; /* float32 multiply-adds a nanosecond, of this level */
    check_block *blocks;
} check;

/* ---- Random values -------------------------------------------------------- */

uint64_t check_random(check *c);

/* Uniform in [0, n). */
size_t check_below(check *c, size_t n);

/* Uniform in [-1, 1). */
float check_unit(check *c);

/* ---- Buffers ----------------------------------------------------------------
 * Every buffer ends at an unreadable page and begins behind a guard band; they
 * live until check_release(), which examines the bands. */

/* [n] values of mixed sign and magnitude, 2^-8 to 2^2. */
float *check_floats(check *c, size_t n);

/* [n] values of check_blank(): a place for output. */
float *check_space(check *c, size_t n);

/* A copy of x[0..n) in a buffer of its own. */
float *check_copy(check *c, const float *x, size_t n);

int32_t *check_ids(check *c, size_t n, size_t below);

void check_release(check *c);

/* The value that a place for output holds before: a NaN with a payload that no
 * arithmetic makes. */
bool check_is_blank(float x);

/* What lies between the rows of x [rows, dim] is untouched. */
void check_gaps(check *c, const float *x, size_t ldx, size_t rows, size_t dim,
                const char *what);

/* [n] elements of a stored type, whose values are as those of check_floats(),
 * finite; n is whole blocks. Ends against an unreadable page. */
void *check_stored(check *c, anm_dtype type, size_t n);

/* Bytes of n elements, whole blocks. */
size_t check_bytes(anm_dtype type, size_t n);

/* The types that panels and tables come in. */
enum { CHECK_TYPES = 9 };
extern const anm_dtype check_types[CHECK_TYPES];

/* ---- Comparisons ------------------------------------------------------------ */

/* |got - exact| <= tolerance; a NaN agrees with a NaN, an infinity with the
 * same infinity. */
void check_near(check *c, double got, double exact, double tolerance,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

void check_true(check *c, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same bits. */
void check_same(check *c, const float *a, const float *b, size_t n,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- Exact computations shared by checkers ------------------------------------ */

double check_act(double x, anm_act act);

/* The absolute error that the contract of act_f32 grants at x. */
double check_act_error(double x, anm_act act);

/* ---- Time ------------------------------------------------------------------- */

/* Least nanoseconds of one call of body(ctx), over many short runs. */
double check_time(void (*body)(void *ctx), void *ctx);

/* A line of figures: work is in multiply-adds, 0 for none; bytes likewise. */
void check_report(const check *c, const char *name, double ns, double fma,
                  double bytes);

/* ---- The checkers ------------------------------------------------------------- */

void check_pack(check *c, const anm_kern *k);
void check_gemm_f32(check *c, const anm_kern *k);
void check_act_f32(check *c, const anm_kern *k);
void check_layer_norm_f32(check *c, const anm_kern *k);
void check_rms_norm_f32(check *c, const anm_kern *k);
void check_angles_f32(check *c, const anm_kern *k);
void check_rope_f32(check *c, const anm_kern *k);
void check_glu_f32(check *c, const anm_kern *k);
void check_softmax_f32(check *c, const anm_kern *k);
void check_attention_f32(check *c, const anm_kern *k);
void check_add_f32(check *c, const anm_kern *k);
void check_gather_f32(check *c, const anm_kern *k);
void check_mean_rows_f32(check *c, const anm_kern *k);
void check_dot_f32(check *c, const anm_kern *k);
void check_dot_rows_f32(check *c, const anm_kern *k);
void check_normalize_f32(check *c, const anm_kern *k);
void check_burn_fma(check *c, const anm_kern *k);
void check_read_f32(check *c, const anm_kern *k);
void check_widen_f32(check *c);

/* Whole layers over the table, for figures only. */
void bench_forward(check *c, const anm_kern *k);

#endif
