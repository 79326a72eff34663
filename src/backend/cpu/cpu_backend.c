/* cpu_backend.c - the cpu backend's table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/cpu/arrays/cpu_arrays.h"

static unsigned list_devices(void)
{
    return 1u << ANM_DEVICE_CPU;
}

static const char *name_layout(const anm_program *program,
                               const anm_load_params *params)
{
    (void)params;
    if (program->arrays) return "cpu-arrays-1";
    return "cpu-panel16-2";
}

static anm_status find_footprint(const anm_program *program,
                                 const anm_load_params *params, size_t tokens,
                                 anm_footprint *out, anm_error *err)
{
    *out = (anm_footprint){ 0 };
    if (!program->graph) return ANM_OK;
    const anm_status status =
        anm_cpu_sections_bytes(program, &out->weights, err);
    return status
               ? status
               : anm_cpu_room_bytes(program, params, tokens, &out->room, err);
}

static size_t list_plan(const anm_runner *r, const anm_plan_row **rows)
{
    *rows = r->plan_rows;
    return r->n_steps;
}

const anm_backend anm_backend_cpu = {
    .name = "cpu",
    .devices = list_devices,
    .accepts = anm_cpu_accepts,
    .layout = name_layout,
    .footprint = find_footprint,
    .prepare = anm_cpu_prepare,
    .load = anm_cpu_load,
    .plan = list_plan,
    .reserve = anm_cpu_reserve,
    .predict = anm_cpu_predict,
    .observe = anm_cpu_observe,
    .run = anm_cpu_arrays_run,
    .probe = anm_cpu_probe,
    .measure = anm_cpu_measure,
    .unload = anm_cpu_unload,
};
