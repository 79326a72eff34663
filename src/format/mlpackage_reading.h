/* mlpackage_reading.h - a Core ML package while it is put together. Internal
 * to format/.
 *
 * Memory: every string and array lies in one arena, taken from a budget of the
 * model file's size and ANM_MLPACKAGE_MEMORY_MAX. So a count in the file is
 * never trusted further than its bytes justify, by construction.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MLPACKAGE_READING_H
#define ANM_MLPACKAGE_READING_H

#include "base/alloc.h"
#include "format/mlpackage.h"

typedef struct anm_mlpackage_reading {
    anm_mlpackage view; /* first: what the house holds a pointer to */
    anm_arena arena;
    size_t memory_left; /* of the budget */
    bool over_budget;   /* why the last request gave NULL */
    anm_mlpackage_file files[1 + ANM_MLPACKAGE_FILES_MAX];
    const char *root;   /* the package, links followed; ends in no '/' */
    const char *folder; /* of the model file: what @model_path means */
} anm_mlpackage_reading;

/* Zeroed memory of the arena; NULL when it or the budget is used up. */
void *anm_reading_array(anm_mlpackage_reading *r, size_t n, size_t size);
/* A copy that ends in NUL. */
const char *anm_reading_copy(anm_mlpackage_reading *r, anm_bytes text);
/* ANM_E_NOMEM or ANM_E_LIMIT, for the NULL just received. */
anm_status anm_reading_fail(const anm_mlpackage_reading *r, anm_error *err);

/* Map a file of the package and note it. `name` is relative to `folder`; the
 * path is refused when it, or a link on its way, leads out of the package.
 * *index: where it is in files. Mapping one twice gives the same index. */
anm_status anm_reading_file(anm_mlpackage_reading *r, const char *folder,
                            anm_bytes name, unsigned *index, anm_error *err);

/* A name in `folder`, joined; NULL as anm_reading_array(). */
const char *anm_reading_join(anm_mlpackage_reading *r, const char *folder,
                             anm_bytes name);

/* Manifest.json: the path of the root model, relative to Data/. */
anm_status anm_reading_manifest(anm_mlpackage_reading *r, anm_bytes *root,
                                anm_error *err);

#endif
