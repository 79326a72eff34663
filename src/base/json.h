/* json.h - reading JSON from outside, through Jansson, with limits.
 *
 * Every reader of configuration uses these: a value of another type than
 * expected is an error that names the path of the value, the type expected and
 * the type found. Nothing is converted in silence.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_JSON_H
#define ANM_JSON_H

#include <jansson.h>

#include "anemone.h"
#include "base/types.h"

/* Parse one document. Duplicate keys, trailing bytes, depth over Jansson's
 * 2,048 and invalid UTF-8 are ANM_E_FORMAT with line and column. U+0000 in
 * strings is allowed. */
anm_status anm_json_parse(json_t **out, const char *data, size_t len,
                          anm_error *err);

/* Read and parse a file of at most limit bytes; messages start with its path. */
anm_status anm_json_read(json_t **out, const char *path, size_t limit,
                         anm_error *err);

/* Members of an object. `at` names the object in messages ("config.json",
 * "model.vocab"). The `_or` forms take a default when the member is absent or
 * null; the others make absence ANM_E_FORMAT. Strings are borrowed from the
 * document. Integers are held against their rule. */
anm_status anm_json_object(const json_t *o, const char *key, const char *at,
                           const json_t **out, anm_error *err);
anm_status anm_json_array(const json_t *o, const char *key, const char *at,
                          const json_t **out, anm_error *err);
anm_status anm_json_string(const json_t *o, const char *key, const char *at,
                           const char **out, anm_error *err);
anm_status anm_json_string_or(const json_t *o, const char *key, const char *at,
                              const char *otherwise, const char **out,
                              anm_error *err);
anm_status anm_json_int(const json_t *o, const char *key, const char *at,
                        anm_int_rule rule, int64_t *out, anm_error *err);
anm_status anm_json_int_or(const json_t *o, const char *key, const char *at,
                           anm_int_rule rule, int64_t *out, anm_error *err);
anm_status anm_json_real_or(const json_t *o, const char *key, const char *at,
                            double otherwise, double *out, anm_error *err);
anm_status anm_json_bool_or(const json_t *o, const char *key, const char *at,
                            bool otherwise, bool *out, anm_error *err);

/* "object", "array", "string", "integer", "real", "true", … */
const char *anm_json_type_name(const json_t *v);

/* Serialise (compact, keys in insertion order, reals with 9 digits unless
 * `digits` says otherwise) into a string for anm_free(), and release v in any
 * case. A v of NULL is memory that ran out while it was built. */
anm_status anm_json_take_string(json_t *v, int digits, char **out,
                                anm_error *err);

#endif
