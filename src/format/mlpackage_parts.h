/* mlpackage_parts.h - the parts that a Core ML package is read from, each by a
 * file of its own into the reading that is handed on. Internal to format/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MLPACKAGE_PARTS_H
#define ANM_MLPACKAGE_PARTS_H

#include "format/mlpackage_reading.h"

/* The ModelDescription: r->view.features and metadata; *functions receives
 * what it says of functions. */
typedef struct anm_described_function {
    const char *name;
    anm_features features;
} anm_described_function;

typedef struct anm_description {
    anm_described_function *functions; /* [n] */
    size_t n;
    const char *main; /* defaultFunctionName; "" */
} anm_description;

anm_status anm_reading_description(anm_mlpackage_reading *r, anm_bytes message,
                                   anm_description *out, anm_error *err);

/* The Program: r->view.functions, still without features. */
anm_status anm_reading_program(anm_mlpackage_reading *r, anm_bytes message,
                               anm_error *err);

/* ValueType, `depth` levels inside others, and Value. */
anm_status anm_reading_type(anm_mlpackage_reading *r, anm_bytes message,
                            int depth, anm_mil_value_type *out, anm_error *err);
anm_status anm_reading_value(anm_mlpackage_reading *r, anm_bytes message,
                             const anm_mil_value **out, anm_error *err);

/* metadata.json of a compiled model. */
anm_status anm_reading_compiled(anm_mlpackage_reading *r, anm_error *err);

#endif
