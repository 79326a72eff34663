/* hf_settings.h - the settings of a folder's tokenizer. Internal to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_HF_SETTINGS_H
#define ANM_HF_SETTINGS_H

#include "anemone.h"
#include "base/json.h"

/* tokenizer_config.json: its bytes, as the readers of vocabularies want them,
 * and parsed. Where it does not list the added tokens, what
 * special_tokens_map.json and added_tokens.json say is in both. root and data
 * are NULL when none of them is there. Zero-initialised is valid to close. */
typedef struct anm_hf_settings {
    char *path, *data;
    size_t len;
    json_t *root;
} anm_hf_settings;

/* ANM_OK, ANM_E_FORMAT (names file and setting), ANM_E_LIMIT, ANM_E_NOMEM,
 * ANM_E_IO. */
anm_status anm_hf_settings_open(anm_hf_settings *c, const char *folder,
                                anm_error *err);
void anm_hf_settings_close(anm_hf_settings *c);

/* A whole file of a folder; *data stays NULL when it is absent. The caller
 * frees it. */
anm_status anm_hf_read_file(const char *folder, const char *name, size_t limit,
                            char **data, size_t *len, anm_error *err);

#endif
