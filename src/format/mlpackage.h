/* mlpackage.h - a Core ML model as the rest of the house sees it: its
 * description, its ML Program and the values in it, read without Core ML.
 *
 *   X.mlpackage/Manifest.json            names the root model and its folders
 *   X.mlpackage/Data/…/model.mlmodel     protobuf "Model", usually an ML Program
 *   X.mlpackage/Data/…/weights/weight.bin  blobs that the program refers to
 *   X.mlmodel                            the Model alone: no blobs
 *   X.mlmodelc/metadata.json             compiled: described, never run here
 *
 * Everything structural is checked while a package is read: paths stay inside
 * it, every name is defined before it is used and only once, every value has
 * the elements that its type wants, every blob lies in its file and has the
 * type and size that the program says. What an op *means* (its parameters,
 * shapes and types) is not looked at: that is model/mil's. A package that is
 * well formed and cannot be run (control flow, a neural network, compiled) is
 * read all the same, so that it can be inspected; see
 * anm_mlpackage_check_runnable().
 *
 * Conventions: everything is read-only and lives as long as the package.
 * Strings end in NUL, are valid UTF-8 and hold no other NUL. Names are unique
 * pointers: within a function two uses of one name are the same pointer.
 * Arrays of length 0 may be NULL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MLPACKAGE_H
#define ANM_MLPACKAGE_H

#include "anemone.h"
#include "base/bytes.h"
#include "base/file.h"

/* Limits, ANM_E_LIMIT above them. */
enum {
    ANM_MIL_RANK_MAX = 16,                   /* axes of a declared tensor */
    ANM_MIL_NEST_MAX = 16,                   /* blocks in ops, types in types */
    ANM_MLPACKAGE_FILES_MAX = 64,            /* blob files of one package */
    ANM_MLPACKAGE_MANIFEST_MAX = 256 * 1024, /* bytes */
    ANM_MLPACKAGE_METADATA_MAX = 1024 * 1024, /* bytes of metadata.json */
};
/* Elements of a declared tensor. */
#define ANM_MIL_ELEMENTS_MAX ((uint64_t)1 << 36)
/* What reading may allocate: the size of the model file and this. */
#define ANM_MLPACKAGE_MEMORY_MAX ((size_t)40 << 20)

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

/* ---- Description --------------------------------------------------------- */

/* Kinds of features: name, field in FeatureType. */
#define ANM_FEATURE_KIND_LIST(X)                                               \
    X(INT64, "int64Type", 1)                                                   \
    X(DOUBLE, "doubleType", 2)                                                 \
    X(STRING, "stringType", 3)                                                 \
    X(IMAGE, "imageType", 4)                                                   \
    X(ARRAY, "multiArrayType", 5)                                              \
    X(DICTIONARY, "dictionaryType", 6)                                         \
    X(SEQUENCE, "sequenceType", 7)                                             \
    X(STATE, "stateType", 8)

typedef enum anm_feature_kind {
#define X(name, text, field) ANM_FEATURE_##name,
    ANM_FEATURE_KIND_LIST(X)
#undef X
        ANM_FEATURE_KIND_COUNT,
} anm_feature_kind;

const char *anm_feature_kind_name(anm_feature_kind k);

/* A size range of one axis; high -1: unbounded. */
typedef struct anm_feature_range {
    uint64_t low;
    int64_t high;
} anm_feature_range;

/* An input, output or state as a user of the model sees it. */
typedef struct anm_feature {
    const char *name, *about; /* about: "" when there is none */
    anm_feature_kind kind;
    bool optional;
    /* Arrays and states. The shape is the default one where others are
     * allowed; [0] where the file says none. */
    anm_mil_type type;    /* FLOAT32 FLOAT64 INT32 FLOAT16 INT8 */
    const uint64_t *dims; /* [rank] */
    unsigned rank;
    const anm_feature_range *ranges; /* [n_ranges], one an axis */
    size_t n_ranges;
    const uint64_t *const *shapes; /* [n_shapes][shape_ranks[i]]: enumerated */
    const unsigned *shape_ranks;
    size_t n_shapes;
} anm_feature;

/* True when a caller may give more than one shape. */
bool anm_feature_is_flexible(const anm_feature *f);

typedef struct anm_features {
    const anm_feature *inputs, *outputs, *states;
    size_t n_inputs, n_outputs, n_states;
} anm_features;

/* NULL when there is none of this name. */
const anm_feature *anm_feature_find(const anm_feature *features, size_t n,
                                    const char *name);

/* ---- Packages ------------------------------------------------------------ */

/* Opsets: name in the program, the iOS it came with. */
#define ANM_MIL_OPSET_LIST(X)                                                  \
    X("CoreML5", 15)                                                           \
    X("CoreML6", 16)                                                           \
    X("CoreML7", 17)                                                           \
    X("CoreML8", 18)                                                           \
    X("CoreML9", 26)

typedef struct anm_mil_function {
    const char *name;
    const char *opset;         /* "CoreML7" */
    int ios;                   /* 17 */
    const anm_mil_var *inputs; /* states included, in the file's order */
    size_t n_inputs;
    anm_mil_block block;   /* its inputs are the function's */
    anm_features features; /* every input of the program is in here */
} anm_mil_function;

typedef enum anm_mlpackage_container {
    ANM_MLPACKAGE_FOLDER,   /* .mlpackage */
    ANM_MLPACKAGE_FILE,     /* .mlmodel */
    ANM_MLPACKAGE_COMPILED, /* .mlmodelc */
} anm_mlpackage_container;

typedef struct anm_mlpackage_pair {
    const char *key, *value;
} anm_mlpackage_pair;

/* A file that the package is made of, for identity and hashing. The first is
 * the model, then blob files in order of first use. */
typedef struct anm_mlpackage_file {
    const char *path;
    anm_map map;
} anm_mlpackage_file;

typedef struct anm_mlpackage {
    const char *path;
    anm_mlpackage_container container;
    const char *kind; /* "mlProgram", "neuralNetwork", "pipeline", … */
    int64_t spec_version;
    /* Metadata; "" where there is none. */
    const char *about, *version, *author, *license;
    const anm_mlpackage_pair *user_defined;
    size_t n_user_defined;
    /* Of a compiled model: ops of the program by type, and how often. */
    const anm_mlpackage_pair *histogram;
    size_t n_histogram;
    /* Of the model; where it describes functions, of the default one. */
    anm_features features;
    const anm_mil_function *functions; /* of an ML Program, by name */
    size_t n_functions;
    const anm_mil_function *main; /* the default one; NULL without functions */
    const anm_mlpackage_file *files;
    size_t n_files;
    uint64_t bytes; /* of all files */
} anm_mlpackage;

/* Open a .mlpackage folder, a .mlmodel file or a .mlmodelc folder. Messages
 * start with the path of the file that is wrong.
 *
 * @return ANM_OK
 *         ANM_E_NOTFOUND     the package, its manifest, model or a blob file
 *         ANM_E_FORMAT       malformed, contradicting itself, or leading out
 *                            of the package
 *         ANM_E_UNSUPPORTED  a version of manifest, model, opset or blob file
 *                            that is not known
 *         ANM_E_LIMIT, ANM_E_NOMEM, ANM_E_IO */
anm_status anm_mlpackage_open(anm_mlpackage **out, const char *path,
                              anm_error *err);
void anm_mlpackage_close(anm_mlpackage *p);

/* Whether anything here can run it: an ML Program, not compiled, without
 * control flow, recurrent and custom layers. ANM_E_UNSUPPORTED names the kind,
 * or the function, op and type, and what to give instead. An op that is not
 * known passes: model/mil has the table. */
anm_status anm_mlpackage_check_runnable(const anm_mlpackage *p, anm_error *err);

/* NULL when there is none of this name. */
const anm_mil_function *anm_mlpackage_function(const anm_mlpackage *p,
                                               const char *name);

/* The function of this name, the default one where it is NULL. ANM_E_NOTFOUND
 * lists those that there are. */
anm_status anm_mlpackage_find_function(const anm_mlpackage *p, const char *name,
                                       const anm_mil_function **out,
                                       anm_error *err);

/* The user-defined metadata of this key, or NULL. */
const char *anm_mlpackage_user_defined(const anm_mlpackage *p, const char *key);

/* True when path looks like one of the three containers: a folder with a
 * Manifest.json or ending in .mlpackage or .mlmodelc, a file ending in
 * .mlmodel. */
bool anm_mlpackage_is(const char *path);

#endif
