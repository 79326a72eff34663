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

#include "model/mil_array.h"

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
