/* mil.h - a function of an ML Program becomes an array program.
 *
 * Every operation is one row of a table: its name, its parameters, the function
 * that translates it. Operations are bound by name; one that is not in the
 * table, or has a parameter that is not in its row, is refused. What an opset
 * means differently becomes an attribute here, so that nothing below knows
 * opsets. Operations that no output and no state depends on are left out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_H
#define ANM_MIL_H

#include "graph/arrays.h"
#include "model/mil_constants.h"

/* Translate a function. Its inputs, states and outputs keep their names and
 * order. Weights stay where they are: constants of the program point into the
 * package's files, compressed ones are made whole when they are asked for. f
 * and c must outlive the program.
 *
 * @param only  The one output that is wanted; NULL: all. What it does not
 *              depend on is left out.
 *
 * @return ANM_OK
 *         ANM_E_UNSUPPORTED  an operation, a parameter or a type that is not
 *                            built in; names function, opset and operation
 *         ANM_E_FORMAT       an operation lacks what it needs
 *         ANM_E_LIMIT, ANM_E_NOMEM */
anm_status anm_mil_translate(anm_arrays **out, const anm_mil_function *f,
                             anm_mil_constants *c, const char *only,
                             anm_error *err);

/* The first constant holding an infinity that a product reads: 0 times it is
 * not a number, and spreads. NULL when there is none. Converters write a mask
 * of -inf so, where a large negative number was meant. */
const char *anm_mil_infinite_factor(const anm_mil_function *f);

/* Row i of the table, for documents and tests; false behind the last. params
 * are those of the operation, with blanks between. */
bool anm_mil_op_at(size_t i, const char **name, const char **params);

/* Element types of packages and programs; false when there is none. */
bool anm_mil_dtype(anm_mil_type type, anm_dtype *out);

#endif
