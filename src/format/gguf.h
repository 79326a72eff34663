/* gguf.h - the metadata and the tensors of a GGUF file of version 2 or 3.
 *
 *   offset 0   "GGUF", u32 version, u64 number of tensors, u64 of entries
 *   then       entries: key, u32 type, value; a string is u64 length and bytes,
 *              an array u32 type of its elements, u64 number and the elements
 *   then       tensors: name, u32 rank, u64 sizes (innermost first), u32 type,
 *              u64 offset
 *   then       data, from the next multiple of general.alignment (32 where that
 *              is silent); offsets count from there and are such multiples
 *
 * Everything is little-endian; a file for big-endian machines is refused. Every
 * length is checked before use: strings and arrays against what is left of the
 * file, shape x type and offset against the data, tensors against each other
 * (no overlap; holes are the padding), keys and names against each other (none
 * twice). Nothing is copied but names of tensors: strings, arrays and data
 * point into the map. What a file makes the reader allocate is at most eight
 * times its header.
 *
 * Limits: 65,536 entries, keys of 65,535 bytes, arrays 4 deep, 100,000 tensors
 * of 4 axes, names of 255 bytes. Above: ANM_E_LIMIT.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_GGUF_H
#define ANM_GGUF_H

#include "anemone.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/types.h"

/* ---- Opening ------------------------------------------------------------- */

typedef struct anm_gguf anm_gguf;

/* @return ANM_OK
 *         ANM_E_FORMAT       not of this form, or damaged
 *         ANM_E_UNSUPPORTED  another version, big-endian, or a type of tensors
 *                            whose size is not known
 *         ANM_E_LIMIT, ANM_E_NOMEM, ANM_E_NOTFOUND, ANM_E_IO */
anm_status anm_gguf_open(anm_gguf **out, const char *path, anm_error *err);
void anm_gguf_close(anm_gguf *g);

/* Whether the regular file starts as one of these does. */
anm_status anm_gguf_sniff(const char *path, bool *is_gguf, anm_error *err);

const char *anm_gguf_path(const anm_gguf *g);
const anm_map *anm_gguf_map(const anm_gguf *g);

/* ---- Metadata ------------------------------------------------------------ */

/* Name in messages, bytes of a value (0: the value says). The order is that of
 * the numbers in files. */
#define ANM_GGUF_TYPE_LIST(X)                                                  \
    X(U8, "u8", 1)                                                             \
    X(I8, "i8", 1)                                                             \
    X(U16, "u16", 2)                                                           \
    X(I16, "i16", 2)                                                           \
    X(U32, "u32", 4)                                                           \
    X(I32, "i32", 4)                                                           \
    X(F32, "f32", 4)                                                           \
    X(BOOL, "bool", 1)                                                         \
    X(STRING, "string", 0)                                                     \
    X(ARRAY, "array", 0)                                                       \
    X(U64, "u64", 8)                                                           \
    X(I64, "i64", 8)                                                           \
    X(F64, "f64", 8)

typedef enum anm_gguf_type {
#define X(name, text, bytes) ANM_GGUF_##name,
    ANM_GGUF_TYPE_LIST(X)
#undef X
        ANM_GGUF_TYPE_COUNT,
} anm_gguf_type;

typedef struct anm_gguf_entry {
    anm_text key;
    anm_gguf_type type;
    anm_gguf_type element; /* of an array */
    uint64_t n;            /* elements of an array */
    anm_bytes value;       /* as it lies there: a string's bytes, an array's
                            elements */
} anm_gguf_entry;

/* Elements not yet taken. */
typedef struct anm_gguf_array {
    anm_gguf_type element;
    uint64_t n;
    anm_bytes rest;
} anm_gguf_array;

size_t anm_gguf_n_entries(const anm_gguf *g);

/* In order of key (length, then bytes). */
const anm_gguf_entry *anm_gguf_entry_at(const anm_gguf *g, size_t i);

/* NULL when there is none of this key. */
const anm_gguf_entry *anm_gguf_entry_find(const anm_gguf *g, const char *key);

/* The value of a key; absence and another type are ANM_E_FORMAT, which names
 * key, expected and found (not the file). An integer may have any width; it is
 * held against its rule. The `_or` forms take a default when the key is absent. A
 * number of type f32 is read as the shortest decimal that is this f32: what was
 * written from 1e-12 is 1e-12 again. */
anm_status anm_gguf_int(const anm_gguf *g, const char *key, anm_int_rule rule,
                        int64_t *out, anm_error *err);
anm_status anm_gguf_int_or(const anm_gguf *g, const char *key,
                           anm_int_rule rule, int64_t *out, anm_error *err);
anm_status anm_gguf_real(const anm_gguf *g, const char *key, double *out,
                         anm_error *err);
anm_status anm_gguf_real_or(const anm_gguf *g, const char *key,
                            double otherwise, double *out, anm_error *err);
anm_status anm_gguf_bool_or(const anm_gguf *g, const char *key, bool otherwise,
                            bool *out, anm_error *err);
anm_status anm_gguf_text(const anm_gguf *g, const char *key, anm_text *out,
                         anm_error *err);
anm_status anm_gguf_text_or(const anm_gguf *g, const char *key,
                            const char *otherwise, anm_text *out,
                            anm_error *err);

/* An array of strings, or of integers of any one width. */
anm_status anm_gguf_texts(const anm_gguf *g, const char *key,
                          anm_gguf_array *out, anm_error *err);
anm_status anm_gguf_ints(const anm_gguf *g, const char *key,
                         anm_gguf_array *out, anm_error *err);

/* The next element; false at the end. An integer above INT64_MAX is
 * INT64_MAX. */
bool anm_gguf_take_text(anm_gguf_array *a, anm_text *out);
bool anm_gguf_take_int(anm_gguf_array *a, int64_t *out);

/* ---- Tensors ------------------------------------------------------------- */

enum { ANM_GGUF_RANK_MAX = 4 };

typedef struct anm_gguf_tensor {
    const char *name;
    const char *type; /* as ggml names it */
    anm_dtype dtype;  /* ANM_DTYPE_COUNT: a type that is not built in */
    unsigned rank;
    uint64_t dims[ANM_GGUF_RANK_MAX]; /* row-major, the outermost first */
    anm_bytes data;                   /* borrowed from the map */
} anm_gguf_tensor;

size_t anm_gguf_n_tensors(const anm_gguf *g);

/* In order of name (bytes). */
const anm_gguf_tensor *anm_gguf_tensor_at(const anm_gguf *g, size_t i);

/* NULL when there is none of this name. */
const anm_gguf_tensor *anm_gguf_tensor_find(const anm_gguf *g,
                                            const char *name);

#endif
