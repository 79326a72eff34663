/* mil_ops.h - what the rows of the table share. Internal to model/mil*.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_OPS_H
#define ANM_MIL_OPS_H

#include "model/mil_walk.h"

/* Most inputs of an operation that takes nothing else. */
enum { ANM_MIL_PLAIN_MAX = 8 };

/* A word of MIL and what it is here. */
typedef struct anm_mil_word {
    const char *word; /* NULL ends a list */
    int value;
} anm_mil_word;

/* The value of a string parameter; a word that is not in the list is refused
 * with those that are. */
int anm_mil_choice(anm_mil_walk *w, const char *param, const char *otherwise,
                   const anm_mil_word *words);

/* "fp16" and the like. */
anm_dtype anm_mil_dtype_of(anm_mil_walk *w, const char *param);

/* Parameters, with blanks between, that must be there. */
void anm_mil_need(anm_mil_walk *w, const char *params);

/* ---- mil_shapes.c: movement and making ------------------------------------- */

anm_mil_translate_fn anm_mil_axes, anm_mil_concat, anm_mil_expand_dims,
    anm_mil_fill, anm_mil_gather, anm_mil_one_hot, anm_mil_pad, anm_mil_reshape,
    anm_mil_reshape_like, anm_mil_scatter_op, anm_mil_slice,
    anm_mil_slice_update, anm_mil_split, anm_mil_transpose,
    anm_mil_update_state;

#endif
