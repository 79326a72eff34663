/* gguf_model.h - committed model folders as GGUF files, with changes.
 *
 * A file is what llama.cpp's converter makes of the folder: its keys, its names
 * of tensors, its way with a vocabulary. Tensors keep the type they have, or
 * are random ones of other sizes and types.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_GGUF_MODEL_H
#define ANM_TEST_GGUF_MODEL_H

#include "support/gguf_random.h"

#include "model/source.h"

/* One entry otherwise than the converter writes it. The last of a list has no
 * key. */
typedef struct test_gguf_edit {
    const char *key;
    enum {
        TEST_GGUF_ABSENT,
        TEST_GGUF_U32,
        TEST_GGUF_F32,
        TEST_GGUF_BOOL,
        TEST_GGUF_STRING,
    } as;
    double number;
    const char *string;
} test_gguf_edit;

/* What else is done otherwise; zeros: nothing. */
typedef struct test_gguf_how {
    const test_gguf_edit *edits; /* NULL: none */
    const char *drop;            /* a tensor to leave out */
    const char *rename[2];       /* a tensor, and what it is called instead */
    const char *retype;          /* a tensor that gets type Q3_K */
    bool fuse;                   /* q, k and v in one tensor */
    bool keep_brackets;          /* "[unused0]" as in 2024's first files */
    bool keep_pieces;            /* "##x" and "x" as vocab.txt has them */
    /* The spelling of a token, and what it is instead. */
    const char *respell[2];
    /* Random weights in these types instead of the folder's, or the same
     * numbers as F32; TEST_MIX_NONE: the folder's. */
    test_mix mix;
    bool widened;
} test_gguf_how;

/* Convert tests/data/FOLDER; free() the bytes. how may be NULL. */
test_gguf test_gguf_convert(const char *folder, const test_gguf_how *how);

/* The same, written; the path is static storage, the last four stay valid. */
const char *test_gguf_model(const char *folder, const test_gguf_how *how);

/* With one entry changed. */
const char *test_gguf_edited(const char *folder, test_gguf_edit edit);

#endif
