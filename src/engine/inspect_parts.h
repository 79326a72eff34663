/* inspect_parts.h - parts of the document of inspect that models of every form
 * have. Internal to engine/inspect*.c.
 *
 * Builders return NULL when memory ran out; json_pack() takes values over and
 * passes a NULL on, so a whole document is NULL then.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_INSPECT_PARTS_H
#define ANM_INSPECT_PARTS_H

#include <jansson.h>

#include "engine/engine.h"

json_t *anm_inspect_number(uint64_t value);

/* Append or set, or give up the whole: *list is NULL and false returned. */
bool anm_inspect_append(json_t **list, json_t *item);
bool anm_inspect_set(json_t **object, const char *key, json_t *value);

json_t *anm_inspect_recipe(const anm_recipe *r);
json_t *anm_inspect_tokenizer(const anm_tokenizer *t);
json_t *anm_inspect_notes(const anm_source *s);

/* The document of a Core ML package (engine/inspect_package.c). */
anm_status anm_inspect_package(const anm_options *options, unsigned flags,
                               char **json, anm_error *err);

#endif
