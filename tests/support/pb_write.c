/* pb_write.c - see pb_write.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/pb_write.h"

#include <stdio.h>
#include <string.h>

#include "support/safetensors_write.h"

static anm_buf *top(test_pb *w)
{
    return &w->levels[w->depth];
}

void test_pb_raw(test_pb *w, const void *data, size_t len)
{
    if (len) anm_buf_append(top(w), data, len);
}

void test_pb_varint(test_pb *w, uint64_t v)
{
    do {
        const uint8_t b = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        test_pb_raw(w, &b, 1);
    } while (v >>= 7);
}

void test_pb_int(test_pb *w, unsigned field, int64_t v)
{
    test_pb_varint(w, (uint64_t)field << 3);
    test_pb_varint(w, (uint64_t)v);
}

void test_pb_bytes(test_pb *w, unsigned field, const void *data, size_t len)
{
    test_pb_varint(w, (uint64_t)field << 3 | 2);
    test_pb_varint(w, len);
    test_pb_raw(w, data, len);
}

void test_pb_text(test_pb *w, unsigned field, const char *text)
{
    test_pb_bytes(w, field, text, strlen(text));
}

void test_pb_begin(test_pb *w, unsigned field)
{
    assert_true(w->depth + 1 < sizeof(w->levels) / sizeof(w->levels[0]));
    w->fields[++w->depth] = field;
}

void test_pb_end(test_pb *w)
{
    anm_buf inner = *top(w);

    assert_true(w->depth);
    *top(w) = (anm_buf){ 0 };
    w->depth--;
    test_pb_bytes(w, w->fields[w->depth + 1], inner.data, inner.len);
    anm_buf_deinit(&inner);
}

void test_pb_entry(test_pb *w, unsigned field, const char *key)
{
    test_pb_begin(w, field);
    test_pb_text(w, 1, key);
    test_pb_begin(w, 2);
}

const char *test_pb_file(test_pb *w)
{
    static char path[4096];

    assert_int_equal(w->depth, 0);
    snprintf(path, sizeof(path), "%s/model.mlmodel", test_temp_folder());
    test_write(path, w->levels[0].data ? w->levels[0].data : "",
               w->levels[0].len);
    anm_buf_deinit(&w->levels[0]);
    return path;
}

/* ---- Models -------------------------------------------------------------- */

void test_mil_type(test_pb *w, unsigned field, int dtype, const int64_t *dims,
                   size_t n)
{
    test_pb_begin(w, field);
    test_pb_begin(w, 1);
    test_pb_int(w, 1, dtype);
    test_pb_int(w, 2, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        test_pb_begin(w, 3);
        test_pb_begin(w, dims[i] < 0 ? 2 : 1);
        if (dims[i] >= 0) test_pb_int(w, 1, dims[i]);
        test_pb_end(w);
        test_pb_end(w);
    }
    test_pb_end(w);
    test_pb_end(w);
}

void test_mil_var(test_pb *w, unsigned field, const char *name, int dtype,
                  const int64_t *dims, size_t n)
{
    test_pb_begin(w, field);
    test_pb_text(w, 1, name);
    test_mil_type(w, 2, dtype, dims, n);
    test_pb_end(w);
}

void test_mil_feature(test_pb *w, unsigned field, const char *name, int type,
                      const int64_t *dims, size_t n)
{
    test_pb_begin(w, field);
    test_pb_text(w, 1, name);
    test_pb_begin(w, 3);
    test_pb_begin(w, 5);
    test_pb_begin(w, 1);
    for (size_t i = 0; i < n; i++)
        test_pb_varint(w, (uint64_t)dims[i]);
    test_pb_end(w);
    test_pb_int(w, 2, type);
    test_pb_end(w);
    test_pb_end(w);
    test_pb_end(w);
}

void test_mil_op(test_pb *w, const char *type)
{
    test_pb_begin(w, 3);
    test_pb_text(w, 1, type);
}

void test_mil_arg(test_pb *w, const char *param, const char *name)
{
    test_pb_entry(w, 2, param);
    test_pb_begin(w, 1);
    test_pb_text(w, 1, name);
    test_pb_end(w);
    test_pb_end(w);
    test_pb_end(w);
}

void test_mil_output(test_pb *w, const char *name, int dtype,
                     const int64_t *dims, size_t n)
{
    test_mil_var(w, 3, name, dtype, dims, n);
}

void test_mil_relu(test_pb *w, const char *x, const char *y)
{
    test_mil_op(w, "relu");
    test_mil_arg(w, "x", x);
    test_mil_output(w, y, 11, TEST_DIMS(4));
    test_pb_end(w);
}

void test_mil_const(test_pb *w, const char *name, int dtype,
                    const int64_t *dims, size_t n, unsigned spelling)
{
    test_mil_op(w, "const");
    test_mil_output(w, name, dtype, dims, n);
    test_pb_entry(w, 5, "val");
    test_mil_type(w, 2, dtype, dims, n);
    test_pb_begin(w, 3);
    test_pb_begin(w, 1);
    test_pb_begin(w, spelling);
}

void test_mil_const_end(test_pb *w)
{
    for (int i = 0; i < 6; i++)
        test_pb_end(w);
}

void test_mil_begin(test_pb *w)
{
    test_pb_int(w, 1, 7);
    test_pb_begin(w, 2);
    test_mil_feature(w, 1, "x", 0x10020, TEST_DIMS(4));
    test_mil_feature(w, 10, "y", 0x10020, TEST_DIMS(4));
    test_pb_end(w);
    test_pb_begin(w, 502);
    test_pb_int(w, 1, 1);
    test_pb_entry(w, 2, "main");
    test_mil_var(w, 1, "x", 11, TEST_DIMS(4));
    test_pb_text(w, 2, "CoreML6");
    test_pb_entry(w, 3, "CoreML6");
}

void test_mil_end(test_pb *w)
{
    test_pb_text(w, 2, "y");
    for (int i = 0; i < 5; i++)
        test_pb_end(w);
}
