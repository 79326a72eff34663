/* json_text.h - strings that come from file names into JSON documents.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_JSON_TEXT_H
#define ANM_JSON_TEXT_H

#include <jansson.h>

/* A JSON string; in a text that is not valid UTF-8 each byte above 0x7f becomes
 * '?'. NULL when memory is out. */
json_t *anm_json_text(const char *s);

#endif
