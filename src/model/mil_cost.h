/* mil_cost.h - what the ops of a package cost, estimated from declared shapes
 * alone: the shares of a plan before anything has run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_COST_H
#define ANM_MIL_COST_H

#include "format/mlpackage.h"

/* The declared type of what a binding names: an output, or an input of the
 * function. NULL for literals and inputs of nested blocks. */
const anm_mil_value_type *anm_mil_binding_type(const anm_mil_function *f,
                                               const anm_mil_binding *b);

/* Multiply-accumulates plus one sixteenth of the bytes moved, as
 * graph/cost.h weighs them. Unknown axes count as one. 0 for what never
 * executes. Of no unit: only shares of it mean something. */
double anm_mil_op_cost(const anm_mil_function *f, const anm_mil_op *op);

#endif
