/* safetensors_file.h - an open set of files while it is put together. Internal
 * to format/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SAFETENSORS_FILE_H
#define ANM_SAFETENSORS_FILE_H

#include "base/alloc.h"
#include "format/safetensors.h"

enum {
    ANM_SAFETENSORS_HEADER_MAX = 16 * 1000 * 1000,
    ANM_SAFETENSORS_TENSORS_MAX = 100 * 1000,
    ANM_SAFETENSORS_SHARDS_MAX = 1024,
};

typedef struct anm_safetensors_file {
    char *path;
    anm_map map;
} anm_safetensors_file;

struct anm_safetensors {
    anm_arena arena;             /* names of tensors, paths */
    anm_safetensors_file *files; /* [n_files], cap_files */
    size_t n_files, cap_files;
    anm_tensor *tensors; /* [n_tensors], by name once all are in */
    size_t n_tensors, cap_tensors;
};

/* Map one file and append its tensors. */
anm_status anm_safetensors_add(anm_safetensors *f, const char *path,
                               anm_error *err);

/* Bring the tensors in order; two of one name are ANM_E_FORMAT. */
anm_status anm_safetensors_sort(anm_safetensors *f, const char *path,
                                anm_error *err);

#endif
