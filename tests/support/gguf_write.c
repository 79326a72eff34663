/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/safetensors_write.h"

void test_gguf_bytes(test_gguf *f, const void *data, size_t len)
{
    if (f->cap - f->len < len) {
        f->cap = 2 * (f->len + len) + 256;
        f->data = realloc(f->data, f->cap);
        assert_non_null(f->data);
    }
    if (len) memcpy(f->data + f->len, data, len);
    f->len += len;
}

static void put_le(test_gguf *f, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char byte = (unsigned char)(value >> 8 * i);
        test_gguf_bytes(f, &byte, 1);
    }
}

void test_gguf_u32(test_gguf *f, uint32_t value)
{
    put_le(f, value, 4);
}

void test_gguf_u64(test_gguf *f, uint64_t value)
{
    put_le(f, value, 8);
}

void test_gguf_string(test_gguf *f, const char *string)
{
    test_gguf_u64(f, strlen(string));
    test_gguf_bytes(f, string, strlen(string));
}

void test_gguf_head(test_gguf *f, uint32_t version, uint64_t n_tensors,
                    uint64_t n_entries)
{
    test_gguf_bytes(f, "GGUF", 4);
    test_gguf_u32(f, version);
    test_gguf_u64(f, n_tensors);
    test_gguf_u64(f, n_entries);
}

void test_gguf_key(test_gguf *f, const char *key, anm_gguf_type type)
{
    test_gguf_string(f, key);
    test_gguf_u32(f, type);
}

void test_gguf_key_u32(test_gguf *f, const char *key, uint32_t value)
{
    test_gguf_key(f, key, ANM_GGUF_U32);
    test_gguf_u32(f, value);
}

void test_gguf_key_f32(test_gguf *f, const char *key, float value)
{
    test_gguf_key(f, key, ANM_GGUF_F32);
    test_gguf_bytes(f, &value, sizeof(value));
}

void test_gguf_key_bool(test_gguf *f, const char *key, bool value)
{
    test_gguf_key(f, key, ANM_GGUF_BOOL);
    put_le(f, value, 1);
}

void test_gguf_key_string(test_gguf *f, const char *key, const char *value)
{
    test_gguf_key(f, key, ANM_GGUF_STRING);
    test_gguf_string(f, value);
}

void test_gguf_key_array(test_gguf *f, const char *key, anm_gguf_type element,
                         uint64_t n)
{
    test_gguf_key(f, key, ANM_GGUF_ARRAY);
    test_gguf_u32(f, element);
    test_gguf_u64(f, n);
}

void test_gguf_tensor(test_gguf *f, const char *name, const uint64_t *sizes,
                      uint32_t type, uint64_t offset)
{
    uint32_t rank = 0;

    while (sizes[rank])
        rank++;
    test_gguf_string(f, name);
    test_gguf_u32(f, rank);
    for (uint32_t i = 0; i < rank; i++)
        test_gguf_u64(f, sizes[i]);
    test_gguf_u32(f, type);
    test_gguf_u64(f, offset);
}

void test_gguf_pad(test_gguf *f, size_t n)
{
    while (f->len % n)
        test_gguf_bytes(f, "", 1);
}

static void put_arrays(test_gguf *f)
{
    test_gguf_key_array(f, "texts", ANM_GGUF_STRING, 3);
    test_gguf_string(f, "one");
    test_gguf_string(f, "");
    test_gguf_string(f, "three");
    test_gguf_key_array(f, "ints", ANM_GGUF_I32, 3);
    test_gguf_u32(f, 1);
    test_gguf_u32(f, 0xffffffff);
    test_gguf_u32(f, 7);
    test_gguf_key_array(f, "nested", ANM_GGUF_ARRAY, 2);
    test_gguf_u32(f, ANM_GGUF_U8);
    test_gguf_u64(f, 2);
    test_gguf_bytes(f, "\1\2", 2);
    test_gguf_u32(f, ANM_GGUF_STRING);
    test_gguf_u64(f, 1);
    test_gguf_string(f, "deep");
    test_gguf_key_array(f, "nothing", ANM_GGUF_F64, 0);
}

void test_gguf_sample(test_gguf *f)
{
    const double pi = 3.25;

    test_gguf_head(f, 3, 3, 17);
    test_gguf_key_string(f, "general.architecture", "none");
    test_gguf_key(f, "u8", ANM_GGUF_U8);
    put_le(f, 200, 1);
    test_gguf_key(f, "i8", ANM_GGUF_I8);
    put_le(f, 200, 1);
    test_gguf_key(f, "u16", ANM_GGUF_U16);
    put_le(f, 65535, 2);
    test_gguf_key(f, "i16", ANM_GGUF_I16);
    put_le(f, 65535, 2);
    test_gguf_key_u32(f, "u32", 4000000000);
    test_gguf_key(f, "i32", ANM_GGUF_I32);
    test_gguf_u32(f, 4000000000);
    test_gguf_key(f, "u64", ANM_GGUF_U64);
    test_gguf_u64(f, UINT64_MAX);
    test_gguf_key(f, "i64", ANM_GGUF_I64);
    test_gguf_u64(f, UINT64_MAX - 1);
    test_gguf_key_f32(f, "f32", 1e-12f);
    test_gguf_key(f, "f64", ANM_GGUF_F64);
    test_gguf_bytes(f, &pi, sizeof(pi));
    test_gguf_key_bool(f, "yes", true);
    test_gguf_key_bool(f, "no", false);
    put_arrays(f);
    test_gguf_tensor(f, "b", (const uint64_t[]){ 3, 2, 0 }, 0, 0);
    test_gguf_tensor(f, "a", (const uint64_t[]){ 32, 1, 0 }, 8, 32);
    test_gguf_string(f, "none");
    test_gguf_u32(f, 2);
    test_gguf_u64(f, 4);
    test_gguf_u64(f, 0);
    test_gguf_u32(f, 1);
    test_gguf_u64(f, 32);
    test_gguf_pad(f, 32);
    for (unsigned char i = 0; i < 32 + 34; i++)
        test_gguf_bytes(f, &i, 1);
}

const char *test_gguf_write(const test_gguf *f, const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", test_temp_folder(), name);
    test_write(path, f->data ? (const void *)f->data : "", f->len);
    return path;
}
