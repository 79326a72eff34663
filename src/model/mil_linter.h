/* mil_linter.h - the lint while it looks. Internal to mil_lint*.c.
 *
 * Findings come together in a linter; memory that runs out is remembered in
 * `failed`, so that rules need not look after it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_LINTER_H
#define ANM_MIL_LINTER_H

#include "base/alloc.h"
#include "model/mil_lint_rules.h"

typedef struct anm_linter {
    anm_lint view; /* first: what the caller holds */
    anm_arena arena;
    anm_lint_finding *findings; /* [n], cap */
    size_t n, cap;
    const anm_mlpackage *package;
    uint64_t scan_left;       /* elements that may still be looked at */
    uint64_t decoded;         /* bytes of a function's constants, made whole */
    bool has_fp16;            /* an op that computes in float16 */
    bool multiplies_infinity; /* by an infinite constant */
    bool failed;
} anm_linter;

/* What a person looks for: the name of the value that the op gives. */
const char *anm_lint_place_of(const anm_mil_op *op);

/* ---- Findings ------------------------------------------------------------ */

/* A place where a rule applies; it outlives the linter. */
void anm_linter_report(anm_linter *l, anm_lint_rule_id id, const char *place);

/* With figures of this package, which are copied; the first ones stay. */
void anm_linter_report_detail(anm_linter *l, anm_lint_rule_id id,
                              const char *place, const char *detail);

/* "op-off-ane:topk". */
void anm_linter_report_type(anm_linter *l, const anm_mil_op *op);

/* Another severity for what was found by a rule. */
void anm_linter_lower(anm_linter *l, anm_lint_rule_id id,
                      anm_lint_severity severity);

/* Into the order that callers see, and into the view. */
void anm_linter_sort(anm_linter *l);

/* ---- Looking -------------------------------------------------------------- */

/* At const or a constexpr op; at one that executes. Not at its blocks. */
void anm_linter_constant(anm_linter *l, const anm_mil_op *op);
void anm_linter_op(anm_linter *l, const anm_mil_op *op);

#endif
