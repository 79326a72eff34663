/* mil_inputs.h - which input of a function takes what of a text, and at which
 * lengths the function runs.
 *
 * The rules, in this order; case of letters does not matter:
 *
 *  1. An input is found by its name:
 *       ids        input_ids, ids, token_ids, tokens, input_tokens, word_ids
 *       mask       attention_mask, mask, input_mask, padding_mask
 *       types      token_type_ids, type_ids, segment_ids, token_types
 *       positions  position_ids, positions
 *  2. When no name says which input takes the ids and exactly one integer
 *     input is left, that one takes them.
 *  3. Every input must have found its part: what is left over is an error that
 *     lists it.
 *  4. Each is [tokens] or [texts, tokens], all with the same lengths. Fixed
 *     and enumerated lengths are buckets: a text is padded to the next one. A
 *     range takes every length in it as it is, shorter ones padded to its low
 *     end.
 *
 * Types get 0, positions 0, 1, 2 …, the mask 1 for a token and 0 for padding.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_INPUTS_H
#define ANM_MIL_INPUTS_H

#include "base/alloc.h"
#include "format/mlpackage.h"
#include "graph/arrays.h"

enum { ANM_ARRAY_ROLE_COUNT = ANM_ARRAY_ROLE_POSITIONS + 1 };

/* "ids", "mask", "types", "positions". */
const char *anm_array_role_name(anm_array_role role);

/* Most lengths of an enumerated shape, as Core ML allows. */
enum { ANM_MIL_LENGTHS_MAX = 128 };

typedef struct anm_mil_inputs {
    const anm_feature *roles[ANM_ARRAY_ROLE_COUNT]; /* NULL: takes none */
    size_t texts;                                   /* rows of one run */
    unsigned rank;   /* 1: [tokens], 2: [texts, tokens] */
    size_t *lengths; /* [n_lengths] ascending; none: any in [low, high] */
    size_t n_lengths;
    size_t low, high; /* high SIZE_MAX: no end is written */
} anm_mil_inputs;

/* Apply the rules. Arrays come from the arena.
 *
 * @return ANM_OK
 *         ANM_E_UNSUPPORTED  no input takes ids, one is left over, or a shape
 *                            is none of rule 4; names inputs and shapes
 *         ANM_E_NOMEM */
anm_status anm_mil_inputs_find(anm_mil_inputs *out, const anm_features *f,
                               anm_arena *arena, anm_error *err);

/* The length that a text of n tokens runs at; 0 when it is longer than all. */
size_t anm_mil_inputs_length(const anm_mil_inputs *in, size_t n);

/* "INT32 [1, 32]"; flexible ones as "[1, 8|16|32]" and "[1, 4..64]". Returns
 * out. */
const char *anm_feature_text(const anm_feature *f, char *out, size_t cap);

#endif
