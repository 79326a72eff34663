/* gguf_tables.h - the table of tokens as a GGUF file has it. Internal to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GGUF_TABLES_H
#define ANM_GGUF_TABLES_H

#include "model/gguf_reading.h"

/* The ids that keys name. */
typedef enum anm_gguf_special {
    ANM_GGUF_BOS,
    ANM_GGUF_EOS,
    ANM_GGUF_UNK,
    ANM_GGUF_SEP,
    ANM_GGUF_CLS,
    ANM_GGUF_PAD,
    ANM_GGUF_MASK,
    ANM_GGUF_SPECIAL_COUNT,
} anm_gguf_special;

/* Spellings are borrowed from the file and are UTF-8. */
typedef struct anm_gguf_tables {
    anm_text *pieces;      /* [n] */
    anm_piece_kind *kinds; /* [n] */
    size_t n;
    int32_t special[ANM_GGUF_SPECIAL_COUNT]; /* -1: no key names it */
} anm_gguf_tables;

/* Bytes of a spelling that a message shows. */
static inline int anm_gguf_shown(anm_text text)
{
    return (int)(text.len < 64 ? text.len : 64);
}

/* gguf_word_piece.c, gguf_bpe.c: compile what `model` names. */
anm_status anm_gguf_compile_word_piece(const anm_gguf_reading *r,
                                       const anm_gguf_tables *t,
                                       anm_tokenizer **out, anm_error *err);
anm_status anm_gguf_compile_bpe(const anm_gguf_reading *r,
                                const anm_gguf_tables *t, anm_tokenizer **out,
                                anm_error *err);

#endif
