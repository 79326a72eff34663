/* sha256.h - SHA-256 over OpenSSL's libcrypto.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SHA256_H
#define ANM_SHA256_H

#include "anemone.h"

enum { ANM_SHA256_BYTES = 32, ANM_SHA256_HEX = 65 };

typedef struct anm_sha256 anm_sha256;

/* A running hash. NULL when memory is out. */
anm_sha256 *anm_sha256_new(void);
void anm_sha256_free(anm_sha256 *h);
void anm_sha256_reset(anm_sha256 *h); /* start again; no allocation */
void anm_sha256_add(anm_sha256 *h, const void *data, size_t len);

/* Integers are hashed as 8 bytes little-endian, strings with their length
 * before them, so that no two sequences of fields give the same bytes. */
void anm_sha256_add_u64(anm_sha256 *h, uint64_t value);
void anm_sha256_add_string(anm_sha256 *h, const char *s);

/* The digest so far; the hash must be reset before it is used again. */
void anm_sha256_read(anm_sha256 *h, uint8_t out[ANM_SHA256_BYTES]);

/* Lower-case hexadecimal with NUL. */
void anm_sha256_hex(const uint8_t digest[ANM_SHA256_BYTES],
                    char out[ANM_SHA256_HEX]);

#endif
