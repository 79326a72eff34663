/* mil_walk.h - one operation as its translation sees it. Internal to
 * model/mil*.c.
 *
 * Reading never fails in the middle: the first error sticks in the program, and
 * what is read afterwards is zero or NONE.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_WALK_H
#define ANM_MIL_WALK_H

#include "base/alloc.h"
#include "model/mil.h"

typedef struct anm_mil_walk anm_mil_walk;

typedef void anm_mil_translate_fn(anm_mil_walk *w);

typedef struct anm_mil_row {
    const char *name;
    anm_mil_translate_fn *translate;
    anm_array_op op;
    const char *params; /* with blanks between */
} anm_mil_row;

/* The table; NULL when there is no such operation. */
const anm_mil_row *anm_mil_row_find(const char *type);

struct anm_mil_walk {
    const anm_mil_function *function;
    anm_mil_constants *constants;
    anm_arrays *program;
    anm_arena *arena;  /* lives as long as the program's constants */
    anm_value_id *ids; /* of every output of every op, NONE: not yet made */
    size_t *first;     /* [ops] where its outputs lie in ids */
    /* The operation at hand. */
    const anm_mil_op *op;
    const anm_mil_row *row;
    int ios;
};

/* The sticky error, with function, opset and operation before it. */
void anm_mil_fail(anm_mil_walk *w, anm_status status, const char *format, ...)
    ANM_PRINTF(3, 4);

/* ---- Inputs ---------------------------------------------------------------- */

/* The value of a binding; `param` names a literal. */
anm_value_id anm_mil_bind(anm_mil_walk *w, const char *param,
                          const anm_mil_binding *b);
/* The one value of a parameter, which must be there. */
anm_value_id anm_mil_in(anm_mil_walk *w, const char *param);
/* NONE when the operation has no such parameter. */
anm_value_id anm_mil_in_or_none(anm_mil_walk *w, const char *param);
/* All values of a parameter; *n becomes how many. From the arena. */
const anm_value_id *anm_mil_in_row(anm_mil_walk *w, const char *param,
                                   size_t *n);
bool anm_mil_has(const anm_mil_walk *w, const char *param);

/* Axes of a value; 0 after an error. */
unsigned anm_mil_rank(const anm_mil_walk *w, anm_value_id v);

/* ---- Constants ------------------------------------------------------------- */

int64_t anm_mil_int(anm_mil_walk *w, const char *param, int64_t otherwise);
double anm_mil_real(anm_mil_walk *w, const char *param, double otherwise);
bool anm_mil_bool(anm_mil_walk *w, const char *param, bool otherwise);
const char *anm_mil_string(anm_mil_walk *w, const char *param,
                           const char *otherwise);
/* At most cap integers; the number found, 0 when there is no such parameter. */
size_t anm_mil_ints(anm_mil_walk *w, const char *param, int64_t *out,
                    size_t cap);
/* Bit i is element i of a row of bools. */
unsigned anm_mil_bits(anm_mil_walk *w, const char *param);

/* The same of a parameter with n values of one bool each. */
unsigned anm_mil_row_bits(anm_mil_walk *w, const char *param, size_t n);

/* ---- Outputs --------------------------------------------------------------- */

/* Add the node of the operation at hand, whose outputs are the operation's. */
void anm_mil_emit(anm_mil_walk *w, anm_array_op op, const anm_value_id *inputs,
                  size_t n_inputs, const anm_array_attr *attr);

/* Add a node of the translation's own; its value, of this type, is named after
 * the operation and `suffix`. Without a type it has none. */
anm_value_id anm_mil_emit_extra(anm_mil_walk *w, anm_array_op op,
                                const char *suffix, const anm_value_id *inputs,
                                size_t n_inputs, const anm_array_attr *attr,
                                const anm_array_type *type);

/* A name of the operation and `suffix`; from the arena. */
const char *anm_mil_name(anm_mil_walk *w, const char *suffix);

#endif
