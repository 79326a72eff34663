/* plan_recorded.h - a plan of a Core ML package that was recorded on a Mac.
 *
 *   {"anemone_recorded_plan": 1,
 *    "units": "CPU_AND_NE",            that it was loaded with
 *    "function": "main",               optional: the default one
 *    "model": …, "machine": …, "system": …   optional texts, for people
 *    "devices": ["cpu", "gpu", "ane"], present on that machine
 *    "ops": [{"output": "var_16_cast_fp16",  name of its first output
 *             "type": "ios16.gather",
 *             "preferred": "cpu",            null: the plan says nothing
 *             "supported": ["cpu", "gpu"],
 *             "cost": 0.0012}]}              share of the whole; or null
 *
 * Ops that never execute may be left out. The bridge between packages and
 * plans is the name of an op's output.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PLAN_RECORDED_H
#define ANM_PLAN_RECORDED_H

#include "base/alloc.h"
#include "format/mlpackage.h"

enum { ANM_PLAN_RECORDED_MAX = 16 * 1024 * 1024 }; /* bytes of the file */

typedef struct anm_recorded_op {
    bool is_known; /* the plan says where */
    anm_device preferred;
    unsigned supported; /* bits 1u << anm_device */
    double cost;        /* negative: unknown */
} anm_recorded_op;

typedef struct anm_recorded_plan {
    anm_units units;
    const anm_mil_function *function;
    unsigned devices;
    bool has_costs;       /* every known op has one */
    anm_recorded_op *ops; /* [function->block.n_ops], zeroed where absent */
} anm_recorded_plan;

/* Read a recording and lay it over a package. Arrays come from the arena.
 *
 * @return ANM_E_FORMAT  malformed, or of another package: names the output or
 *                       the function that the package lacks, or the type that
 *                       differs
 *         ANM_E_NOTFOUND, ANM_E_LIMIT, ANM_E_IO, ANM_E_NOMEM */
anm_status anm_recorded_plan_read(anm_recorded_plan *out, anm_arena *arena,
                                  const char *path, const anm_mlpackage *p,
                                  anm_error *err);

#endif
