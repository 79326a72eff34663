/* mil_weights.h - compressed weights made whole: what the constexpr operations
 * of ML Programs mean, as functions over arrays of constants.
 *
 * Exact: a palette's entries are copied bit by bit, and what is computed is
 * computed in float32 and rounded once to the type of the scale. The iOS16
 * forms (packed bytes and a shape) and the iOS18 forms (typed arrays) come out
 * of the same code. Shapes are checked against each other and against the bytes
 * that are there before memory is asked for; results above ANM_MIL_DENSE_MAX
 * bytes are refused.
 *
 * Errors are ANM_E_FORMAT (shapes or sizes that contradict each other, with
 * both), ANM_E_LIMIT and ANM_E_NOMEM; they do not name the operation, which the
 * caller prefixes. Results own their bytes until anm_mil_array_deinit().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_WEIGHTS_H
#define ANM_MIL_WEIGHTS_H

#include "format/mlpackage.h"

/* A palette has two axes more than the weight that it is for. */
enum { ANM_MIL_DENSE_RANK_MAX = 8 };

/* Largest result of one operation, in bytes; and how much larger than what it
 * is made of it may be: so many times, and so many bytes on top. One bit of an
 * index that stands for eight float32 is 256 times. */
#define ANM_MIL_DENSE_MAX   ((uint64_t)1 << 36)
#define ANM_MIL_GROWTH_FREE ((uint64_t)64 << 20)
enum { ANM_MIL_GROWTH_MAX = 256 };

/* A constant, or what became of one: laid out as an anm_mil_value of a tensor. */
typedef struct anm_mil_array {
    anm_mil_type type;
    unsigned rank;
    uint64_t dims[ANM_MIL_DENSE_RANK_MAX];
    anm_bytes data;
    void *owned; /* what holds the data; NULL: borrowed */
} anm_mil_array;

/* A view of a value: ANM_E_FORMAT when it is no tensor of numbers, or has more
 * axes. The value outlives it. */
anm_status anm_mil_array_of(const anm_mil_value *v, const char *name,
                            anm_mil_array *out, anm_error *err);

/* Elements in all; false when they are more than 64 bits count. */
bool anm_mil_array_elements(const anm_mil_array *a, uint64_t *n);

/* Whether the bytes are those of the shape. */
anm_status anm_mil_array_check(const anm_mil_array *a, const char *name,
                               anm_error *err);

/* Release what is owned; accepts a zeroed array. */
void anm_mil_array_deinit(anm_mil_array *a);

/* The view of packed bytes (iOS16) as a stream of elements of this shape. */
anm_status anm_mil_unpacked_view(const anm_mil_array *packed, anm_mil_type type,
                                 const anm_mil_value *shape, anm_mil_array *out,
                                 anm_error *err);

/* scale * (data - zero_point); both scalars, or vectors along axis. */
anm_status anm_mil_affine(const anm_mil_array *data,
                          const anm_mil_array *zero_point, /* or NULL */
                          const anm_mil_array *scale, int64_t axis,
                          anm_mil_array *out, anm_error *err);

/* scale * (data - offset), each spread over blocks: on every axis the size of
 * data is a multiple of the size of scale and offset. */
anm_status anm_mil_blockwise(const anm_mil_array *data,
                             const anm_mil_array *scale,
                             const anm_mil_array *offset, /* or NULL */
                             anm_mil_array *out, anm_error *err);

/* lut [groups .., entries, width]: each index picks an entry of its group's
 * palette; its `width` values lie along axis `vector_axis` of the result. */
anm_status anm_mil_lookup(const anm_mil_array *indices,
                          const anm_mil_array *lut, int64_t vector_axis,
                          anm_mil_array *out, anm_error *err);

/* Values in row-major order of the set bits of mask; zero elsewhere. */
anm_status anm_mil_scatter(const anm_mil_array *values,
                           const anm_mil_array *mask, anm_mil_array *out,
                           anm_error *err);

/* The other way: the elements of a whole array where mask is set, in order. */
anm_status anm_mil_collect(const anm_mil_array *whole,
                           const anm_mil_array *mask, anm_mil_array *out,
                           anm_error *err);

/* Each element of the mask `width` times along axis. */
anm_status anm_mil_widen_mask(const anm_mil_array *mask, uint64_t width,
                              int64_t axis, anm_mil_array *out, anm_error *err);

/* Half to single. */
anm_status anm_mil_to_f32(const anm_mil_array *a, anm_mil_array *out,
                          anm_error *err);

#endif
