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
    uint64_t model_max;   /* tokenizer_config.json; UINT64_MAX: silent, or the
                           huge number that stands for no limit */
    const char *cut_side; /* tokenizer_config.json: "left", "right"; NULL:
                             silent */
    char overruled[160];  /* settings of tokenizer.json that give way to
                            tokenizer_config.json; "": none */
} anm_hf_tokenizer;

/* From a folder, or from a tokenizer.json as it stands.
 *
 * @param memory  folder where compiled tokenizers of folders are kept from one
 *                start to the next (base/remember.h); NULL: none. */
anm_status anm_hf_tokenizer_open(anm_hf_tokenizer *out, const char *path,
                                 const char *memory, anm_error *err);

#endif
