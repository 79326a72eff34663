/* utf8.h - UTF-8 as RFC 3629 defines it: no surrogates, nothing above
 * U+10FFFF, no overlong forms.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_UTF8_H
#define ANM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "anemone.h"

/* Offset of the first byte that is not valid UTF-8; len when all is. */
size_t anm_utf8_invalid_at(const char *s, size_t len);

/* Decode the code point at s[0] of VALID text with len > 0 bytes left; *size
 * receives the bytes it takes. */
uint32_t anm_utf8_decode(const char *s, size_t len, size_t *size);

/* Whether a text is this word, byte for byte. */
static inline bool anm_text_is(anm_text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* Write a code point; returns its bytes (1 to 4). */
size_t anm_utf8_encode(uint32_t cp, char out[4]);

#endif
