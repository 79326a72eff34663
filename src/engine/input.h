/* input.h - the only place where a text becomes what a model sees.
 *
 * Warm-up, live queries, bulk, tests and `--ids` all come through here: prompt
 * and text are joined, tokenized, cut to the limit (the frame of special tokens
 * stays whole, the end of the text goes), and laid out as ids and mask.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_INPUT_H
#define ANM_INPUT_H

#include "anemone.h"
#include "backend/backend.h"
#include "text/tokenizer.h"

/* Reusable storage for the inputs of one call; grows, never shrinks.
 * Zero-initialised is valid. One call at a time. */
typedef struct anm_inputs {
    anm_input *items;     /* [n] */
    anm_text_info *infos; /* [n] */
    size_t n, cap_items, cap_infos;
    int32_t *ids, *mask; /* [n_ids] all rows, one after the other */
    size_t n_ids, cap_ids, cap_mask;
    anm_encoding *encoding;
    char *joined; /* prompt + text */
    size_t cap_joined;
} anm_inputs;

typedef struct anm_input_params {
    const anm_tokenizer *tokenizer;
    anm_text prompt;   /* literal; empty: none */
    size_t max_tokens; /* <= the recipe's; at least the frame + 1 */
    bool whole;        /* a longer text is refused, not cut */
    size_t vocab_rows; /* ids below it are the model's; 0: any are */
    size_t bucket;     /* pad to this length; 0: exact length */
    int32_t pad_id;
} anm_input_params;

void anm_inputs_reset(anm_inputs *in);
void anm_inputs_deinit(anm_inputs *in);

/* Room for this many rows and ids in all, so that adding them allocates
 * nothing here. */
anm_status anm_inputs_reserve(anm_inputs *in, size_t rows, size_t ids,
                              anm_error *err);

/* Drop the first n rows; the others move to the front. */
void anm_inputs_drop(anm_inputs *in, size_t n);

/* Append one text. On failure nothing was appended.
 *
 * @return ANM_OK, ANM_E_ARG (not valid UTF-8, with the offset), ANM_E_LIMIT
 *         (longer than ANM_TEXT_MAX_BYTES, or more tokens than allowed and not
 *         to be cut, or a token beyond vocab_rows), ANM_E_NOMEM */
anm_status anm_inputs_add(anm_inputs *in, const anm_input_params *params,
                          anm_text text, anm_error *err);

/* Append ids as they are. ANM_E_ARG when the row is empty, longer than
 * max_tokens or holds an id outside [0, vocab_rows). */
anm_status anm_inputs_add_ids(anm_inputs *in, const anm_input_params *params,
                              const anm_ids *row, size_t vocab_rows,
                              anm_error *err);

#endif
