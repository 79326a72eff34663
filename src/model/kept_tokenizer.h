/* kept_tokenizer.h - compiled tokenizers from one start to the next. Internal
 * to model/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_KEPT_TOKENIZER_H
#define ANM_KEPT_TOKENIZER_H

#include "base/file.h"
#include "text/tokenizer.h"

/* Where the compiled form of one file's tokenizer is kept. What beside the file
 * decides what becomes of it is part of `way`. */
typedef struct anm_kept_place {
    const char *memory; /* folder; NULL: nothing is kept */
    const anm_file_id *id;
    const char *way; /* a word; "" where the file alone decides */
} anm_kept_place;

/* False when nothing is kept there, or nothing that can be read. */
bool anm_kept_tokenizer_open(anm_tokenizer **out, const anm_kept_place *place);

/* began_ns: anm_wall_ns() before the file was opened. What cannot be kept is
 * compiled again next time. */
void anm_kept_tokenizer_put(const anm_tokenizer *t, const anm_kept_place *place,
                            int64_t began_ns);

#endif
