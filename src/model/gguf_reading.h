/* gguf_reading.h - what the files that read a GGUF file share. Internal to
 * model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GGUF_READING_H
#define ANM_GGUF_READING_H

#include "base/utf8.h"
#include "model/architecture.h"
#include "model/gguf_source.h"

/* A tensor's name without "blk.N." and ".weight" or ".bias", and the path that
 * the architecture's authors gave it. */
typedef struct anm_gguf_stem {
    const char *stem, *path;
} anm_gguf_stem;

/* One architecture as llama.cpp spells it. */
typedef struct anm_gguf_kind {
    const char *name; /* general.architecture, and what keys start with */
    const anm_architecture *architecture;
    const anm_gguf_stem *whole; /* outside of layers; ends in a NULL stem */
    const anm_gguf_stem *layer; /* of a layer; ends in a NULL stem */
    const char *qkv[3];         /* paths of the parts of a fused attn_qkv */
    bool causal;                /* the attention that is built in */
    bool ends; /* where the file is silent, an end token is added */
    bool has_default_pool;
    anm_pool_kind pool; /* where the file is silent */
} anm_gguf_kind;

extern const anm_gguf_kind anm_gguf_bert, anm_gguf_qwen3;

/* What is known while a file is being read. */
typedef struct anm_gguf_reading {
    anm_source *s;
    const anm_gguf *g;
    const anm_source_params *params;
    const anm_gguf_kind *kind; /* NULL: only the tokenizer is wanted */
    int64_t began_ns;          /* anm_wall_ns() before the file was opened */
    anm_extent extent;
} anm_gguf_reading;

enum { ANM_GGUF_KEY_BYTES = 96 };

/* Messages of all of these name the file only where they say so. */

anm_status anm_gguf_fail_memory(anm_error *err);

/* r->kind, by the architecture that the file names. */
anm_status anm_gguf_find_kind(anm_gguf_reading *r, anm_error *err);

/* "qwen3.NAME" into out, which is returned. */
const char *anm_gguf_key(const anm_gguf_reading *r, const char *name,
                         char out[ANM_GGUF_KEY_BYTES]);

/* Rows of a matrix; a tensor that is absent or none is ANM_E_FORMAT. */
anm_status anm_gguf_rows(const anm_gguf_reading *r, const char *tensor,
                         int64_t *out, anm_error *err);

/* gguf_config.c: s->config, as config.json would spell it. */
anm_status anm_gguf_read_config(anm_gguf_reading *r, anm_error *err);

/* gguf_weights.c: the table of tensors; names the file. */
anm_status anm_gguf_read_weights(anm_gguf_reading *r, anm_error *err);

/* gguf_tokenizer.c. What is assumed is noted in r->s where that is given. */
anm_status anm_gguf_read_tokenizer(const anm_gguf_reading *r,
                                   anm_tokenizer **out, anm_error *err);

#endif
