/* pb_write.h - writing protocol buffers, and Core ML models in them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_PB_WRITE_H
#define ANM_TEST_PB_WRITE_H

#include "base/buf.h"
#include "format/mlpackage.h"
#include "support/support.h"

/* Messages under construction: the innermost is the last. Zero-initialised is
 * an empty outermost message. */
typedef struct test_pb {
    anm_buf levels[64];
    unsigned fields[64];
    size_t depth;
} test_pb;

void test_pb_raw(test_pb *w, const void *data, size_t len);
void test_pb_varint(test_pb *w, uint64_t v); /* without a key */
void test_pb_int(test_pb *w, unsigned field, int64_t v);
void test_pb_bytes(test_pb *w, unsigned field, const void *data, size_t len);
void test_pb_text(test_pb *w, unsigned field, const char *text);
/* What is written until the end is a message in this field. */
void test_pb_begin(test_pb *w, unsigned field);
void test_pb_end(test_pb *w);
/* Begin an entry of a map, up to and into its value, a message; ends with two
 * test_pb_end(). */
void test_pb_entry(test_pb *w, unsigned field, const char *key);

/* Write the outermost message into a fresh folder as model.mlmodel, and start
 * anew. Static storage. */
const char *test_pb_file(test_pb *w);

/* ---- Models -------------------------------------------------------------- */

/* Elements of dims and their number; -1 is an unknown one. */
#define TEST_DIMS(...)                                                         \
    (const int64_t[]){ __VA_ARGS__ },                                          \
        sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)

/* A ValueType of a tensor in a field; dtype is the number in the program. */
void test_mil_type(test_pb *w, unsigned field, int dtype, const int64_t *dims,
                   size_t n);
/* A NamedValueType. */
void test_mil_var(test_pb *w, unsigned field, const char *name, int dtype,
                  const int64_t *dims, size_t n);
/* An array feature; type 0x10020 is FLOAT32. */
void test_mil_feature(test_pb *w, unsigned field, const char *name, int type,
                      const int64_t *dims, size_t n);

/* An op, until test_pb_end(). */
void test_mil_op(test_pb *w, const char *type);
/* An input of the op begun: the name of a value. */
void test_mil_arg(test_pb *w, const char *param, const char *name);
void test_mil_output(test_pb *w, const char *name, int dtype,
                     const int64_t *dims, size_t n);
/* relu of a [4] of FLOAT32, whole. */
void test_mil_relu(test_pb *w, const char *x, const char *y);
/* A const op up to the inside of its TensorValue's field `spelling`; ends with
 * test_mil_const_end(). */
void test_mil_const(test_pb *w, const char *name, int dtype,
                    const int64_t *dims, size_t n, unsigned spelling);
void test_mil_const_end(test_pb *w);

/* A model of version 7 whose function main takes x, FLOAT32 [4], and returns y;
 * ops follow, until test_mil_end(). */
void test_mil_begin(test_pb *w);
void test_mil_end(test_pb *w);

#endif
