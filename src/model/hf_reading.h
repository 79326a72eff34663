/* hf_reading.h - what the files that read a folder share. Internal to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_HF_READING_H
#define ANM_HF_READING_H

#include "model/architecture.h"
#include "model/hf.h"

/* What is known while a folder is being read. */
typedef struct anm_hf_reading {
    anm_source *s;
    const char *root; /* the folder that modules.json would lie in */
    const anm_architecture *architecture;
    anm_extent extent;
    anm_hf_tokenizer tokenizer;
    char *transformer; /* folder of config.json, weights and tokenizer */
    char *pooling;     /* folders of the other modules; NULL: none */
    char *normalize;
    bool has_modules;
    bool is_pooled;          /* the Pooling module is somebody else's work */
    uint64_t max_seq_length; /* of the encoder's own file; 0: silent */
    const char *length_file; /* the name of that file */
    bool lowercase;
} anm_hf_reading;

anm_status anm_hf_fail_memory(const anm_hf_reading *r, anm_error *err);

/* A settings file of a folder; root is NULL when there is none of that name.
 * Zero-initialised is valid to close. */
typedef struct anm_hf_doc {
    char *path;
    json_t *root;
} anm_hf_doc;

/* A root of another type than `type` is ANM_E_FORMAT, a file above 4 MiB
 * ANM_E_LIMIT. */
anm_status anm_hf_doc_open(anm_hf_doc *d, const char *folder, const char *name,
                           json_type type, anm_error *err);
void anm_hf_doc_close(anm_hf_doc *d);

/* Whether a regular file of this name is in the folder. Anything else of that
 * name is an error, a link that leads nowhere too: snapshots of a hub are made
 * of links, and a model must not turn into another when one breaks. */
anm_status anm_hf_has(const char *folder, const char *name, bool *has,
                      anm_error *err);

/* hf_pooling.c */
anm_status anm_hf_read_pooling(anm_hf_reading *r, const anm_hf_doc *d,
                               anm_error *err);
anm_status anm_hf_read_normalize(anm_hf_reading *r, const anm_hf_doc *d,
                                 anm_error *err);

/* hf_sentence.c */
anm_status anm_hf_read_sentence_config(anm_hf_reading *r, anm_error *err);
anm_status anm_hf_read_prompts(anm_hf_reading *r, const anm_hf_doc *d,
                               anm_error *err);

/* Whether the file says that vectors may be shortened; any file may. */
void anm_hf_read_declared_dims(anm_hf_reading *r, const anm_hf_doc *d);

/* hf_weights.c: find, open, and learn the prefix and the stored type. */
anm_status anm_hf_open_weights(anm_hf_reading *r, anm_error *err);

#endif
