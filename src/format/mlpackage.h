/* mlpackage.h - a Core ML model as the rest of the house sees it: its
 * description and its ML Program (mil_program.h), read without Core ML.
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
 * Conventions: those of mil_program.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MLPACKAGE_H
#define ANM_MLPACKAGE_H

#include "anemone.h"
#include "base/bytes.h"
#include "base/file.h"
#include "format/mil_program.h"

/* Limits, ANM_E_LIMIT above them. */
enum {
    ANM_MLPACKAGE_FILES_MAX = 64,             /* blob files of one package */
    ANM_MLPACKAGE_MANIFEST_MAX = 256 * 1024,  /* bytes */
    ANM_MLPACKAGE_METADATA_MAX = 1024 * 1024, /* bytes of metadata.json */
};
/* What reading may allocate: the size of the model file and this. */
#define ANM_MLPACKAGE_MEMORY_MAX ((size_t)40 << 20)

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
 * or the function, op and type, and what to give instead, but not the package:
 * callers put its path before. An op that is not known passes: model/mil has
 * the table. */
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
