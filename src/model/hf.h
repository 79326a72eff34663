/* hf.h - a Hugging Face folder. Internal to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_HF_H
#define ANM_HF_H

#include "model/source.h"

/* Read everything that s->path holds into s, a zeroed source with its path. */
anm_status anm_hf_open(anm_source *s, const anm_source_params *params,
                       anm_error *err);

/* A tokenizer and what its folder says beside it. */
typedef struct anm_hf_tokenizer {
    anm_tokenizer *tokenizer; /* the caller's to free */
    const char *file;         /* "tokenizer.json", "vocab.txt" …; static */
    uint64_t model_max; /* tokenizer_config.json; UINT64_MAX: silent, or the
                           huge number that stands for no limit */
    /* tokenizer_config.json: "left", "right"; NULL: silent */
    const char *cut_side, *pad_side;
    int32_t pad_id;      /* of its pad_token; -1: silent */
    char overruled[256]; /* settings and parts of tokenizer.json that give way
                            to tokenizer_config.json and its class; "": none */
} anm_hf_tokenizer;

/* From a folder, or from a tokenizer.json as it stands.
 *
 * @param memory  folder where compiled tokenizers are kept from one
 *                start to the next (base/remember.h); NULL: none. */
anm_status anm_hf_tokenizer_open(anm_hf_tokenizer *out, const char *path,
                                 const char *memory, anm_error *err);

/* The tokenizer of a folder as its model uses it: where modules.json puts the
 * encoder, and with do_lower_case of the file beside it. */
anm_status anm_hf_source_tokenizer(anm_tokenizer **out, const char *folder,
                                   const char *memory, anm_error *err);

/* What a folder that holds a tokenizer says beside it as sentence-transformers
 * does, of a model whose weights lie elsewhere. */
typedef struct anm_hf_beside {
    bool has_modules; /* else nothing is said of the next two */
    bool normalize;
    anm_pool_kind pool;
    uint64_t max_seq_length; /* 0: silent */
    bool lowercase;
} anm_hf_beside;

/* Prompts go into s->recipe, notes into s. s->recipe.dim is known. */
anm_status anm_hf_read_beside(anm_source *s, const char *folder,
                              anm_hf_beside *out, anm_error *err);

#endif
