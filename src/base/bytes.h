/* bytes.h - reading untrusted bytes without pointer arithmetic.
 *
 * An anm_bytes is a borrowed run of bytes. Every anm_take_*() either removes
 * what it asked for from the front and returns true, or changes nothing and
 * returns false: a reader cannot run past the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BYTES_H
#define ANM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct anm_bytes {
    const uint8_t *data; /* [len] */
    size_t len;
} anm_bytes;

anm_bytes anm_bytes_of(const void *data, size_t len);

/* The first n bytes into *out. n comes from a file, hence 64 bits. */
bool anm_take(anm_bytes *rest, uint64_t n, anm_bytes *out);
bool anm_take_u8(anm_bytes *rest, uint8_t *out);
bool anm_take_u32le(anm_bytes *rest, uint32_t *out);
bool anm_take_u64le(anm_bytes *rest, uint64_t *out);

/* Bytes [offset, offset + n) of b; false when they are not all there. */
bool anm_bytes_slice(anm_bytes b, uint64_t offset, uint64_t n, anm_bytes *out);

bool anm_bytes_equal(anm_bytes a, anm_bytes b);

/* What a file that is none of its kind was mistaken for, and what helps, for a
 * message: a pointer of Git LFS, a page of a site, text in UTF-16, a byte
 * order mark in front. NULL when it is nothing that people often have. */
const char *anm_bytes_mistaken(anm_bytes file);

#endif
