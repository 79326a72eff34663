/* mil_program.h - an ML Program: its types, the values in it, its operations.
 *
 * What it means is model/mil's; how it is read is mlpackage.h's, which checks
 * everything structural.
 *
 * Conventions: everything is read-only and lives as long as the package.
 * Strings end in NUL, are valid UTF-8 and hold no other NUL. Names are unique
 * pointers: within a function two uses of one name are the same pointer.
 * Arrays of length 0 may be NULL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_PROGRAM_H
#define ANM_MIL_PROGRAM_H

#include "anemone.h"
#include "base/bytes.h"

/* Limits, ANM_E_LIMIT above them. */
enum {
    ANM_MIL_RANK_MAX = 16, /* axes of a declared tensor */
    ANM_MIL_NEST_MAX = 16, /* blocks in ops, types in types */
};
/* Elements of a declared tensor. */
#define ANM_MIL_ELEMENTS_MAX ((uint64_t)1 << 36)

/* ---- Types --------------------------------------------------------------- */

/* Element types of MIL: name, number in the program, code in a blob file (0:
 * none), bits (0: no fixed size). */
#define ANM_MIL_TYPE_LIST(X)                                                   \
    X(BOOL, 1, 0, 8)                                                           \
    X(STRING, 2, 0, 0)                                                         \
    X(FLOAT16, 10, 1, 16)                                                      \
    X(FLOAT32, 11, 2, 32)                                                      \
    X(FLOAT64, 12, 0, 64)                                                      \
    X(BFLOAT16, 13, 5, 16)                                                     \
    X(INT8, 21, 4, 8)                                                          \
    X(INT16, 22, 6, 16)                                                        \
    X(INT32, 23, 14, 32)                                                       \
    X(INT64, 24, 0, 64)                                                        \
    X(INT4, 25, 8, 4)                                                          \
    X(UINT8, 31, 3, 8)                                                         \
    X(UINT16, 32, 7, 16)                                                       \
    X(UINT32, 33, 15, 32)                                                      \
    X(UINT64, 34, 0, 64)                                                       \
    X(UINT4, 35, 11, 4)                                                        \
    X(UINT2, 36, 10, 2)                                                        \
    X(UINT1, 37, 9, 1)                                                         \
    X(UINT6, 38, 13, 6)                                                        \
    X(UINT3, 39, 12, 3)                                                        \
    X(FLOAT8E4M3FN, 40, 16, 8)                                                 \
    X(FLOAT8E5M2, 41, 17, 8)

typedef enum anm_mil_type {
    ANM_MIL_NONE, /* of what is no tensor */
#define X(name, number, code, bits) ANM_MIL_##name,
    ANM_MIL_TYPE_LIST(X)
#undef X
        ANM_MIL_TYPE_COUNT,
} anm_mil_type;

/* "FLOAT16"; "NONE". */
const char *anm_mil_type_name(anm_mil_type t);
unsigned anm_mil_type_bits(anm_mil_type t);
/* FLOAT16, FLOAT32, FLOAT64, BFLOAT16 and the 8-bit floats. */
bool anm_mil_type_is_float(anm_mil_type t);

typedef enum anm_mil_form {
    ANM_MIL_TENSOR,
    ANM_MIL_LIST,
    ANM_MIL_TUPLE,
    ANM_MIL_DICTIONARY,
} anm_mil_form;

/* The declared type of a name. */
typedef struct anm_mil_value_type {
    anm_mil_form form;
    bool is_state; /* a state that holds such a tensor */
    bool rank_known;
    anm_mil_type type;   /* tensors only; so are rank and dims */
    unsigned rank;       /* 0 for a scalar, and where unknown */
    const int64_t *dims; /* [rank], -1 where unknown */
} anm_mil_value_type;

/* "FLOAT16 [1, ?, 64]", "state FLOAT16 [1, 8]", "list"; for messages. Returns
 * out. */
const char *anm_mil_value_type_text(const anm_mil_value_type *t, char *out,
                                    size_t cap);

/* ---- Values -------------------------------------------------------------- */

/* A constant. Tensors have one of
 *   data     elements in row-major order, little-endian, in the natural packed
 *            layout of the type however the file spelt them: BOOL a byte of 0
 *            or 1; types below 8 bits one stream, first element in the lowest
 *            bits, unused bits of the last byte as in the file; aligned to 16
 *            (64 where in_file)
 *   strings  where the type is STRING
 * Lists and tuples have items [n], dictionaries items [2 n]: key, value, … */
typedef struct anm_mil_value {
    anm_mil_form form;
    anm_mil_type type;
    unsigned rank;        /* 0: a scalar of one element */
    const uint64_t *dims; /* [rank] */
    uint64_t n;           /* elements, items or pairs */
    anm_bytes data;
    const char *const *strings; /* [n] */
    const struct anm_mil_value *items;
    bool in_file; /* data lies in the map of a blob file */
    /* Where in_file: the file, and the offset of the record that names the
     * data. Equal pairs are the same weights, also across functions. */
    unsigned file;
    uint64_t offset;
} anm_mil_value;

/* ---- Programs ------------------------------------------------------------ */

/* Opsets: name in the program, the iOS it came with. */
#define ANM_MIL_OPSET_LIST(X)                                                  \
    X("CoreML5", 15)                                                           \
    X("CoreML6", 16)                                                           \
    X("CoreML7", 17)                                                           \
    X("CoreML8", 18)                                                           \
    X("CoreML9", 26)

typedef struct anm_mil_op anm_mil_op;

/* One value given to a parameter: a name or a literal, never both. */
typedef struct anm_mil_binding {
    const char *name; /* NULL: a literal */
    /* What defines the name: output from_output of op from. NULL: an input of
     * the function or of a block around. */
    const anm_mil_op *from;
    size_t from_output;
    const anm_mil_value *value; /* the literal */
} anm_mil_binding;

/* A parameter of an op; more than one binding where it takes a row of values
 * ("values" of concat). At least one. */
typedef struct anm_mil_arg {
    const char *param;
    const anm_mil_binding *bindings; /* [n] */
    size_t n;
} anm_mil_arg;

typedef struct anm_mil_var {
    const char *name;
    anm_mil_value_type type;
} anm_mil_var;

typedef struct anm_mil_attribute {
    const char *name;
    const anm_mil_value *value;
} anm_mil_attribute;

typedef struct anm_mil_block {
    const anm_mil_var *inputs; /* of nested blocks */
    size_t n_inputs;
    const anm_mil_op *ops; /* in order: defined before used */
    size_t n_ops;
    const anm_mil_binding *outputs; /* names only */
    size_t n_outputs;
} anm_mil_block;

struct anm_mil_op {
    const char *type; /* "linear" */
    /* The name attribute, else the first output's name, else the type: for
     * messages. Joins are made on names of outputs. */
    const char *name;
    const anm_mil_arg *args;
    size_t n_args;
    const anm_mil_var *outputs;
    size_t n_outputs;
    const anm_mil_attribute *attributes; /* "name" included */
    size_t n_attributes;
    const anm_mil_block *blocks; /* of control flow */
    size_t n_blocks;
};

/* What defines what an op reads. NULL when the op has no such parameter or
 * attribute. */
const anm_mil_arg *anm_mil_op_arg(const anm_mil_op *op, const char *param);
const anm_mil_value *anm_mil_op_attribute(const anm_mil_op *op,
                                          const char *name);

/* True for const and constexpr ops, which never execute. */
bool anm_mil_op_is_constant(const anm_mil_op *op);

/* The constant that a binding is: the literal, or `val` of the const op that
 * its name leads to. NULL when it is computed. */
const anm_mil_value *anm_mil_binding_value(const anm_mil_binding *b);

/* The constant of a parameter with one binding, or else the attribute of that
 * name: how constexpr ops of either spelling give theirs. NULL as above. */
const anm_mil_value *anm_mil_op_value(const anm_mil_op *op, const char *param);

/* Element i of a tensor as a number, widened exactly; false when the value is
 * no tensor of such numbers, or i is beyond its end. _int takes BOOL and
 * integers (UINT64 up to INT64_MAX), _real every type with a size. */
bool anm_mil_value_int(const anm_mil_value *v, uint64_t i, int64_t *out);
bool anm_mil_value_real(const anm_mil_value *v, uint64_t i, double *out);
/* A value of one string; NULL else. */
const char *anm_mil_value_string(const anm_mil_value *v);

#endif
