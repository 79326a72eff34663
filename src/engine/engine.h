/* engine.h - a loaded model: from options to vectors and receipts.
 *
 * Opens the source, finds or builds the artifact, loads a backend, judges the
 * contract, proves the first prediction, and then answers calls from any
 * thread through one queue. Knows no store and no SQL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ENGINE_H
#define ANM_ENGINE_H

#include "anemone.h"
#include "backend/backend.h"
#include "model/source.h"

typedef struct anm_engine anm_engine;

/* As anm_model_open(). */
anm_status anm_engine_open(anm_engine **out, const anm_options *options,
                           anm_error *err);
void anm_engine_close(anm_engine *e);

/* Where a call puts its answers; untouched unless it succeeds. */
typedef struct anm_answers {
    float *vectors;       /* [n, dims] */
    anm_text_info *infos; /* [n], or NULL */
    anm_receipt *receipt; /* or NULL */
} anm_answers;

/* The ids of a text, as far as there is room, and how many there are. */
typedef struct anm_id_list {
    int32_t *ids; /* [cap] */
    size_t cap;
    size_t n; /* may be more than cap */
    anm_text_info info;
} anm_id_list;

/* As the functions of anemone.h that these names end like; arguments are
 * checked by their callers in api/. */
anm_status anm_engine_warm(anm_engine *e, const size_t *lengths,
                           size_t n_lengths, unsigned budget_ms, bool again,
                           anm_error *err);
anm_status anm_engine_embed(anm_engine *e, const anm_text *texts,
                            size_t n_texts, const anm_embed_params *params,
                            const anm_answers *answers, anm_error *err);
/* Ids have no infos. */
anm_status anm_engine_embed_ids(anm_engine *e, const anm_ids *rows,
                                size_t n_rows, const anm_embed_params *params,
                                const anm_answers *answers, anm_error *err);
anm_status anm_engine_ids(anm_engine *e, anm_text text,
                          const anm_embed_params *params, anm_id_list *out,
                          anm_error *err);
anm_status anm_engine_peak(anm_engine *e, anm_peak *out, anm_error *err);
anm_cost anm_engine_cost(const anm_engine *e, size_t tokens);

/* What it is made of; borrowed, as long as the engine. */
const anm_source *anm_engine_source(const anm_engine *e);
const char *anm_engine_fingerprint(const anm_engine *e);
size_t anm_engine_max_tokens(const anm_engine *e);
unsigned anm_engine_threads(const anm_engine *e);
anm_state anm_engine_state(const anm_engine *e);

/* The documents of inspect and plan (engine/inspect.c, engine/plan.c): open
 * what is needed by themselves and never refuse by contract. */
anm_status anm_engine_inspect(const anm_options *options, unsigned flags,
                              char **json, anm_error *err);
anm_status anm_engine_plan(const anm_options *options, const char *recorded,
                           char **json, bool *met, anm_error *err);

/* The cache folder that options mean: theirs, the platform's, or NULL for none
 * (""). Newly allocated. */
anm_status anm_engine_cache_folder(const char *cache_dir, char **out,
                                   anm_error *err);

/* Where below a cache folder digests and compiled tokenizers are remembered.
 * Newly allocated; *out stays NULL without a cache (NULL). */
anm_status anm_engine_memory_folder(const char *cache, char **out,
                                    anm_error *err);

/* As anm_cache_ls(), _verify(), _prune() (engine/cache.c). */
anm_status anm_artifacts_ls(const char *folder, char **json, anm_error *err);
anm_status anm_artifacts_verify(const char *folder, char **json, bool *sound,
                                anm_error *err);
anm_status anm_artifacts_prune(const char *folder, unsigned unused_days,
                               char **json, anm_error *err);

/* As anm_receipt_json() (engine/receipt_json.c). */
anm_status anm_receipt_write(const anm_receipt *receipt, char **json,
                             anm_error *err);

#endif
