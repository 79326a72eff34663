/* document.h - JSON documents of the library, for people and for programs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include "output.h"

#include <jansson.h>

/* Parse a document of the library; NULL with err when it is none. */
json_t *cli_document_read(const char *json, anm_error *err);

/* Write it on one line, with a newline. */
void cli_document_write(FILE *out, const char *json);

/* Every field of an object, names left and values right; nested names are
 * joined by points. Lists of objects become tables below, each under its name;
 * one with a cell too wide for a table becomes paragraphs. */
void cli_document_print(FILE *out, const cli_term *term, const json_t *root);

/* The document itself on one line, or its fields for people. */
anm_status cli_document_show(FILE *out, const cli_term *term, const char *json,
                             bool as_json, anm_error *err);

/* A scalar as text: strings without quotes, null as "-". At most cap bytes. */
void cli_scalar_text(const json_t *value, char *out, size_t cap);

/* A member as text, "-" when it is missing. */
void cli_member_text(const json_t *object, const char *name, char *out,
                     size_t cap);

/* A number of an object, `missing` when it has none. */
double cli_member_number(const json_t *object, const char *name,
                         double missing);

#endif
