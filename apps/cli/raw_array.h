/* raw_array.h - named arrays as JSON, and back.
 *
 *   {"name":"x","dtype":"FLOAT32","shape":[1,2],"values":[0.5,"-inf"]}
 *
 * Values are row-major; those that JSON has no number for are the strings
 * "nan", "inf" and "-inf". Other members are ignored.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_RAW_ARRAY_H
#define CLI_RAW_ARRAY_H

#include "output.h"

#include <jansson.h>

/* Arrays that own what they point to. Zero-initialised is valid. */
typedef struct cli_arrays {
    anm_raw_array *items; /* [n] */
    size_t n;
} cli_arrays;

/* Read a list of arrays; names are borrowed from it.
 *
 * @return ANM_OK, ANM_E_FORMAT (the array, the member, what is expected and
 *         what was found), ANM_E_NOMEM */
anm_status cli_arrays_read(cli_arrays *out, const json_t *list, anm_error *err);
void cli_arrays_deinit(cli_arrays *a);

/* Write one array. Nine significant digits give every float32 back. */
void cli_array_write(FILE *out, const anm_raw_array *a);

#endif
