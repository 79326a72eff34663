/* mil_lint.h - what in a package will keep it off the Neural Engine, or make
 * it slow or wrong there, told without a Mac.
 *
 * Nobody publishes which operations run where: it depends on the machine, the
 * system, shapes and sizes. So a finding is a warning and never a proof, and
 * each rule says how well it is known. docs/COREML.md lists them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MIL_LINT_H
#define ANM_MIL_LINT_H

#include "format/mlpackage.h"

/* How bad it is: an error keeps the work, or a good part of it, off the engine
 * or spoils the result; a warning may do so, or costs much time; a note is
 * worth knowing. */
#define ANM_LINT_SEVERITY_LIST(X)                                              \
    X(NOTE, "note")                                                            \
    X(WARN, "warn")                                                            \
    X(ERROR, "error")

typedef enum anm_lint_severity {
#define X(name, text) ANM_LINT_##name,
    ANM_LINT_SEVERITY_LIST(X)
#undef X
} anm_lint_severity;

const char *anm_lint_severity_name(anm_lint_severity s);

/* How a rule is known. */
#define ANM_LINT_KNOWN_LIST(X)                                                 \
    X(VENDOR, "vendor documentation")                                          \
    X(MEASURED, "measured")                                                    \
    X(REPORTED, "reported")                                                    \
    X(FORMAT, "follows from the file")

typedef enum anm_lint_known {
#define X(name, text) ANM_LINT_KNOWN_##name,
    ANM_LINT_KNOWN_LIST(X)
#undef X
} anm_lint_known;

const char *anm_lint_known_name(anm_lint_known k);

typedef struct anm_lint_rule {
    const char *word; /* "linear-not-conv" */
    anm_lint_severity severity;
    anm_lint_known known;
    const char *why;
    const char *what_to_do;
} anm_lint_rule;

/* Every rule; NULL behind the last. "op-off-ane" is followed by ":" and the
 * type of the op where it is found. */
const anm_lint_rule *anm_lint_rule_at(size_t i);

enum { ANM_LINT_PLACES_MAX = 8 };

/* One rule, and where it applies: each rule is found once, however many ops
 * it concerns. */
typedef struct anm_lint_finding {
    const char *word; /* the rule's, or with ":" and a type */
    const anm_lint_rule *rule;
    anm_lint_severity severity; /* the rule's, or less where less is at stake */
    const char *detail; /* figures of this package; "" when there are none */
    /* Names of ops or features, "model" for the whole; the first of n_places. */
    const char *places[ANM_LINT_PLACES_MAX];
    size_t n_places;
} anm_lint_finding;

/* The least time of one prediction on a class of machines: what must be read
 * of the weights, over a bandwidth. */
typedef struct anm_lint_floor {
    const char *device; /* "Neural Engine of M1", "memory of M1" */
    anm_lint_known known;
    double gb_per_s;
    double ms;
} anm_lint_floor;

typedef struct anm_lint {
    const anm_lint_finding *findings; /* errors first, then by rule */
    size_t n;
    const anm_lint_floor *floors; /* slowest first; none without weights */
    size_t n_floors;
    uint64_t bytes_read; /* of weights, in one prediction */
} anm_lint;

/* Look at a package. What is not an ML Program, or is compiled, gets the
 * findings that its description allows. The package must outlive the lint.
 * ANM_E_NOMEM. */
anm_status anm_lint_new(anm_lint **out, const anm_mlpackage *p, anm_error *err);
void anm_lint_free(anm_lint *lint);

/* Findings of a severity. */
size_t anm_lint_count(const anm_lint *lint, anm_lint_severity s);

/* NULL when there is none of this word. */
const anm_lint_finding *anm_lint_find(const anm_lint *lint, const char *word);

/* Why the Neural Engine is unlikely to take anything of a function, whatever
 * its ops are; the word of a rule, or NULL. */
const char *anm_lint_function_off_ane(const anm_mil_function *f);

/* Why the Neural Engine is unlikely to take an op of a function, as the word
 * of a rule; NULL when nothing speaks against it. Ops that never execute
 * (const, constexpr) are not asked about. */
const char *anm_lint_op_off_ane(const anm_mil_op *op);

#endif
