/* mil_array.h - an array of constants of an ML Program: a view of a value, or
 * what was computed of one.
 *
 * Elements of fewer than eight bits lie in one stream, lowest bits first. What
 * is made is checked against what it is made of before memory is asked for, so
 * that no file gets memory by a number that it holds.
 *
 * Errors are ANM_E_FORMAT, ANM_E_LIMIT and ANM_E_NOMEM; they do not name the
 * operation, which the caller prefixes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_ARRAY_H
#define ANM_MIL_ARRAY_H

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

/* Give an array of this type and shape zeroed bytes of its own, made of
 * `from` bytes; ANM_E_LIMIT when that is out of all proportion. */
anm_status anm_mil_array_make(anm_mil_array *a, uint64_t from, anm_error *err);

/* ---- Elements ------------------------------------------------------------ */

bool anm_mil_array_is_float(const anm_mil_array *a); /* FLOAT16, FLOAT32 */
bool anm_mil_array_is_signed(const anm_mil_array *a);
bool anm_mil_array_is_unsigned(const anm_mil_array *a);
/* Any of these. */
bool anm_mil_array_is_number(const anm_mil_array *a);

static inline unsigned anm_mil_array_bits(const anm_mil_array *a)
{
    return anm_mil_type_bits(a->type);
}

/* Bits of element i, which has at most eight of them. */
static inline unsigned anm_mil_array_code(const anm_mil_array *a, uint64_t i)
{
    const unsigned bits = anm_mil_array_bits(a);
    const uint64_t bit = i * bits;
    const uint8_t *at = a->data.data + bit / 8;
    const unsigned shift = (unsigned)(bit % 8);
    unsigned v = at[0];

    if (shift + bits > 8) v |= (unsigned)at[1] << 8;
    return v >> shift & ((1u << bits) - 1);
}

/* Elements [first, first + n) of an array of numbers, as floats. */
void anm_mil_array_load(const anm_mil_array *a, uint64_t first, size_t n,
                        float *out);

/* Into an array of floats that owns its bytes, rounded to its type. */
void anm_mil_array_store(anm_mil_array *a, uint64_t first, size_t n,
                         const float *v);

#endif
