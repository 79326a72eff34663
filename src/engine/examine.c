/* examine.c - an open engine looked at from outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/examine.h"

#include "base/file.h"
#include "engine/history.h"
#include "engine/state.h"

anm_engine_facts anm_engine_facts_of(const anm_engine *e)
{
    return (anm_engine_facts){
        .backend = e->backend->name,
        .level = e->level,
        .units = e->load.units,
        .precision = e->program.precision,
        .devices = e->backend->devices(),
        .plan = e->plan_digest,
        .artifact_state = e->artifact.state,
        .artifact_path = e->artifact.path,
        .artifact_bytes = e->artifact.bytes,
        .artifact_ns = e->artifact.ns,
        .open_ns = e->open_ns,
    };
}

bool anm_engine_backend(size_t i, anm_backend_view *out)
{
    const anm_backend *const *all = anm_backends();

    for (size_t k = 0; all[k]; k++) {
        if (k < i) continue;
        *out = (anm_backend_view){ all[k]->name, all[k]->devices() };
        return true;
    }
    return false;
}

uint64_t anm_engine_probe(anm_engine *e)
{
    anm_queue_enter(e->queue, false);
    const uint64_t ns = anm_host_probe(e);
    anm_queue_leave(e->queue);
    return ns;
}

void anm_engine_bands(anm_engine *e, anm_bands *out)
{
    anm_mutex_lock(&e->book);
    *out = e->bands;
    anm_mutex_unlock(&e->book);
}

anm_engine_pages anm_engine_pages_of(const anm_engine *e)
{
    anm_engine_pages pages = { .mapped_bytes = e->artifact.map.bytes.len };

    pages.resident_bytes = anm_map_resident(e->artifact.map.bytes);
    for (size_t i = 0; i < e->program.n_maps; i++) {
        const int64_t resident = anm_map_resident(e->maps[i]);
        pages.mapped_bytes += e->maps[i].len;
        if (resident == ANM_COUNTER_UNKNOWN ||
            pages.resident_bytes == ANM_COUNTER_UNKNOWN)
            pages.resident_bytes = ANM_COUNTER_UNKNOWN;
        else
            pages.resident_bytes += resident;
    }
    return pages;
}

void anm_engine_pages_drop(const anm_engine *e)
{
    anm_map_advise(e->artifact.map.bytes, ANM_MAP_DROP);
    for (size_t i = 0; i < e->program.n_maps; i++)
        anm_map_advise(e->maps[i], ANM_MAP_DROP);
}
