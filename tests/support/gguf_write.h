/* gguf_write.h - GGUF files as a test wants them, right or wrong.
 *
 * A file is put together from its parts in order: head, entries, tensors,
 * padding, data. Numbers are not held against each other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_GGUF_WRITE_H
#define ANM_TEST_GGUF_WRITE_H

#include "support/support.h"

#include "format/gguf.h"

typedef struct test_gguf {
    unsigned char *data; /* [len]; free() it */
    size_t len, cap;
} test_gguf;

void test_gguf_bytes(test_gguf *f, const void *data, size_t len);
void test_gguf_u32(test_gguf *f, uint32_t value);
void test_gguf_u64(test_gguf *f, uint64_t value);
void test_gguf_string(test_gguf *f, const char *string);

void test_gguf_head(test_gguf *f, uint32_t version, uint64_t n_tensors,
                    uint64_t n_entries);

/* A key and the type of its value, which follows. */
void test_gguf_key(test_gguf *f, const char *key, anm_gguf_type type);
void test_gguf_key_u32(test_gguf *f, const char *key, uint32_t value);
void test_gguf_key_f32(test_gguf *f, const char *key, float value);
void test_gguf_key_bool(test_gguf *f, const char *key, bool value);
void test_gguf_key_string(test_gguf *f, const char *key, const char *value);

/* A key, and the head of an array whose n elements follow. */
void test_gguf_key_array(test_gguf *f, const char *key, anm_gguf_type element,
                         uint64_t n);

/* Sizes as the file has them: the innermost first; 0 ends them. */
void test_gguf_tensor(test_gguf *f, const char *name, const uint64_t *sizes,
                      uint32_t type, uint64_t offset);

/* Zeros up to a multiple of n. */
void test_gguf_pad(test_gguf *f, size_t n);

/* A valid file with every type of value and three tensors, one of them empty:
 * "b" F32 [2, 3] at 0, "a" Q8_0 [1, 32] at 32, "none" F16 [0, 4]. Data byte i
 * is i. */
void test_gguf_sample(test_gguf *f);

/* Write it to a file of that name in a fresh folder; the path: static storage,
 * the last four stay valid. */
const char *test_gguf_write(const test_gguf *f, const char *name);

#endif
