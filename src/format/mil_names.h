/* mil_names.h - which op a name leads to, while a function is read. Internal to
 * format/.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_NAMES_H
#define ANM_MIL_NAMES_H

#include "format/mlpackage_reading.h"

/* Where a value comes from. */
typedef struct anm_mil_origin {
    const anm_mil_op *op; /* NULL: an input */
    size_t output;        /* of op */
} anm_mil_origin;

/* What a name means at the place that is being read. */
typedef struct anm_mil_name {
    struct anm_mil_name *next;   /* of the same bucket */
    struct anm_mil_name *before; /* defined before this one */
    uint64_t hash;
    const char *text;
    size_t len;
    anm_mil_origin origin;
    bool is_visible;
} anm_mil_name;

/* Zero-initialised is valid. Lies in the arena. */
typedef struct anm_mil_names {
    anm_mil_name **buckets; /* [n_buckets], a power of two */
    size_t n_buckets, n;
    anm_mil_name *last; /* defined and visible */
} anm_mil_names;

/* Define a name; two visible ones of the same text are ANM_E_FORMAT. */
anm_status anm_mil_names_define(anm_mlpackage_reading *r, anm_mil_names *names,
                                anm_bytes text, anm_mil_origin origin,
                                const char **out, anm_error *err);
/* NULL when the name means nothing here. */
const anm_mil_name *anm_mil_names_find(const anm_mil_names *names,
                                       anm_bytes text);
/* Hide what was defined since `last` was names->last. */
void anm_mil_names_leave(anm_mil_names *names, anm_mil_name *last);

#endif
