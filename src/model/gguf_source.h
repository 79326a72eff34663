/* gguf_source.h - a GGUF file as llama.cpp writes them. Internal to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GGUF_SOURCE_H
#define ANM_GGUF_SOURCE_H

#include "model/source.h"

/* Whether the regular file is one, by its first bytes or by its name: a damaged
 * file shall hear what is wrong with it. */
anm_status anm_gguf_source_is(const char *path, bool *is_gguf, anm_error *err);

/* Read everything that the file s->path holds into s, a zeroed source with its
 * path. */
anm_status anm_gguf_source_open(anm_source *s, const anm_source_params *params,
                                anm_error *err);

/* The tokenizer alone. */
anm_status anm_gguf_source_tokenizer(anm_tokenizer **out, const char *path,
                                     const anm_source_params *params,
                                     anm_error *err);

#endif
