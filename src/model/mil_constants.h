/* mil_constants.h - the constants of a function: const ops as they are, and
 * constexpr ops made whole, each at most once and only where it is asked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_CONSTANTS_H
#define ANM_MIL_CONSTANTS_H

#include "graph/arrays.h"
#include "model/mil_weights.h"

typedef struct anm_mil_constants anm_mil_constants;

/* Of a function, which must outlive them. */
anm_status anm_mil_constants_new(anm_mil_constants **out,
                                 const anm_mil_function *f, anm_error *err);
void anm_mil_constants_free(anm_mil_constants *c);

/* Whether a binding is a constant: a literal, or leads to a const or constexpr
 * op. */
bool anm_mil_is_constant(const anm_mil_binding *b);

/* A view of the whole array of a constant binding; its bytes live as long as
 * the constants and the package.
 *
 * @return ANM_OK, ANM_E_FORMAT or ANM_E_CORRUPT (an op whose parameters
 *         contradict each other; named), ANM_E_UNSUPPORTED (a constexpr op that
 *         is not known), ANM_E_LIMIT, ANM_E_NOMEM */
anm_status anm_mil_constants_get(anm_mil_constants *c, const anm_mil_binding *b,
                                 anm_mil_array *out, anm_error *err);

/* Whether a constexpr op declares as many elements as it is made of, without
 * making them; ANM_E_FORMAT names the op. Operands are taken at their word: of a
 * chain each op is to be checked. */
anm_status anm_mil_constants_check(const anm_mil_op *op, anm_error *err);

/* Whether all constants that are needed, [ops of the function], are in
 * proportion to what is stored: one blob may be named by any number of ops.
 * ANM_E_LIMIT with both figures. */
anm_status anm_mil_constants_check_all(const anm_mil_function *f,
                                       const bool *needed, anm_error *err);

/* The bytes of a binding to a constexpr op, when they are asked for: made
 * whole, handed over, and let go of again. NULL when memory is out. */
void *anm_mil_constants_lazy(anm_mil_constants *c, const anm_mil_binding *b);
anm_status anm_mil_constants_fill(void *lazy, void *dst, size_t bytes,
                                  anm_error *err);

/* Whether a constexpr op of this type can be made. */
bool anm_mil_constexpr_known(const char *type);

#endif
