/* part.h - reading the object of one part of a tokenizer.json: its kind and the
 * members that every kind may have. Knows no kind.
 *
 * `at` is the part's place for messages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PART_H
#define ANM_PART_H

#include "anemone.h"
#include "base/alloc.h"
#include "base/json.h"

/* The kinds that a part may be of: n rows of `size` bytes, each of which starts
 * with its name, a const char *. */
typedef struct anm_part_kinds {
    const void *rows;
    size_t n, size;
} anm_part_kinds;

/* The row of this name; n: there is none. */
size_t anm_part_kind(const anm_part_kinds *k, anm_text name);

/* The row that the "type" of a part names; a type in no row is refused with the
 * names that are. */
anm_status anm_part_find(const json_t *o, const char *at,
                         const anm_part_kinds *k, size_t *row, anm_error *err);

/* A member that must be there. */
anm_status anm_part_bool(const json_t *o, const char *key, const char *at,
                         bool *out, anm_error *err);

/* A string member as a copy in the arena; it may hold U+0000. */
anm_status anm_part_text(anm_arena *arena, const json_t *o, const char *key,
                         const char *at, anm_text *out, anm_error *err);

anm_status anm_part_nomem(anm_error *err);

#endif
