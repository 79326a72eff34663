/* cpu_arrays_load.c - what a runner has for an array program: constants, states
 * and the rows of its plan.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/error.h"
#include "base/file.h"

static anm_status alloc_parts(anm_runner *r, anm_error *err)
{
    const anm_arrays *program = r->program.arrays;
    const size_t n = anm_arrays_n_values(program);
    anm_cpu_arrays *a = anm_alloc_zero(sizeof(*a));

    if (!a) return anm_fail(err, ANM_E_NOMEM, "a runner: out of memory");
    r->arrays = a;
    a->program = program;
    a->forms = anm_arena_array(&r->arena, n, sizeof(*a->forms));
    a->consts = anm_arena_array(&r->arena, n, sizeof(*a->consts));
    /* Two forms a value, and the cells. */
    r->sections = anm_arena_array(&r->arena, 2 * n + 1, sizeof(*r->sections));
    r->plan_rows =
        anm_arena_array(&r->arena, r->n_steps + 1, sizeof(*r->plan_rows));
    if (!a->forms || !a->consts || !r->sections || !r->plan_rows)
        return anm_fail(err, ANM_E_NOMEM, "%zu values: no memory", n);
    return ANM_OK;
}

static anm_status make_states(anm_runner *r, anm_error *err)
{
    const anm_arrays *program = r->arrays->program;

    for (anm_value_id v = 0; v < anm_arrays_n_values(program); v++) {
        const anm_array *value = anm_arrays_value(program, v);
        if (value->kind != ANM_ARRAY_STATE) continue;
        const size_t n = anm_array_elements(&value->type);
        const anm_status status = anm_cpu_cells_take(r->arrays, n, err);
        if (status) return anm_fail_prefix(err, status, "%s", value->name);
        void *cells =
            anm_arena_array(&r->arena, n ? n : 1, sizeof(anm_cpu_cell));

        if (!cells)
            return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", value->name);
        r->arrays->consts[v].data = cells;
    }
    return ANM_OK;
}

/* A fit for shapes that are known now tells what is wrong with a program before
 * the first call, and what each node costs. */
static anm_status make_first_fit(anm_runner *r, anm_cpu_fit **fit,
                                 anm_error *err)
{
    const anm_arrays *program = r->arrays->program;
    const size_t n = anm_arrays_n_inputs(program);
    anm_status status = ANM_OK;
    bool known = true;

    *fit = NULL;
    if (r->program.text) {
        status = anm_cpu_arrays_reserve(r, 1, err);
        if (!status) *fit = r->arrays->fits[0];
        return status;
    }
    anm_array_type *types = anm_alloc_array(n, sizeof(*types));
    if (!types) return anm_fail(err, ANM_E_NOMEM, "%zu inputs: no memory", n);
    for (size_t i = 0; i < n; i++) {
        types[i] =
            anm_arrays_value(program, anm_arrays_input_at(program, i))->type;
        for (unsigned j = 0; j < types[i].rank; j++)
            known = known && types[i].dims[j] >= 0;
    }
    if (known) status = anm_cpu_fit_get(r, types, fit, err);
    anm_free(types);
    return status;
}

static void fill_plan(anm_runner *r, const anm_cpu_fit *fit)
{
    double all = 0.0;

    for (size_t i = 0; i < r->n_steps && fit; i++)
        if (!fit->steps[i].skip) all += fit->steps[i].ns;
    for (size_t i = 0; i < r->n_steps; i++) {
        const anm_array_node *node = anm_arrays_node(r->arrays->program, i);
        const double ns = fit && !fit->steps[i].skip ? fit->steps[i].ns : 0.0;

        r->plan_rows[i] = (anm_plan_row){
            .name = node->name,
            .type = anm_array_op_describe(node->op)->name,
            .variant = r->kern.level,
            .device = ANM_DEVICE_CPU,
            .share = fit && all > 0.0 ? ns / all : -1.0,
            .evidence = ANM_EVIDENCE_PLANNED,
            .reason = r->unwanted,
        };
    }
}

anm_status anm_cpu_arrays_load(anm_runner *r, const anm_sections *sections,
                               anm_error *err)
{
    anm_cpu_fit *fit = NULL;
    anm_status status = alloc_parts(r, err);

    if (status) return status;
    anm_cpu_array_forms(r->arrays->program, r->arrays->forms);
    status = anm_cpu_arrays_bind(r, sections, err);
    if (!status) status = make_states(r, err);
    if (status) return status;
    for (size_t i = 0; i < r->n_sections; i++)
        anm_map_populate(r->sections[i]);
    status = make_first_fit(r, &fit, err);
    if (!status) fill_plan(r, fit);
    return status;
}

void anm_cpu_arrays_unload(anm_runner *r)
{
    anm_cpu_arrays *a = r->arrays;

    if (!a) return;
    for (size_t i = 0; i < a->n_fits; i++)
        anm_cpu_fit_free(a->fits[i]);
    anm_free_aligned(a->scratch);
    anm_free(a->fed);
    anm_free(a);
    r->arrays = NULL;
}
