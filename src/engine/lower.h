/* lower.h - lower-casing a whole text as sentence-transformers does it where a
 * model's files ask for it (Python's str.lower()): full mappings of Unicode,
 * and the final form of sigma at the end of a word.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_LOWER_H
#define ANM_LOWER_H

#include <stddef.h>

/* Most bytes that lower-casing adds to len bytes. */
size_t anm_lower_growth(size_t len);

/* Lower-case valid UTF-8 into out, which has room for len and the growth; text
 * may end where that room ends. Returns the bytes written. */
size_t anm_lower(char *out, const char *text, size_t len);

#endif
