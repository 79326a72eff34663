/* state.c - an engine from its first to its last moment, and what it is made of.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/state.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "graph/arrays_cost.h"
#include "graph/cost.h"

anm_engine *anm_engine_new(const anm_options *options)
{
    anm_engine *e = anm_alloc_zero(sizeof(*e));

    if (!e) return NULL;
    e->book = ANM_MUTEX_INIT;
    e->slots = ANM_SLOTS_INIT;
    e->past.device = ANM_DEVICE_UNKNOWN;
    e->past.latest_class = ANM_IDLE_CLASSES; // no call yet
    e->opened_at_ns = (int64_t)anm_now_ns();
    e->log = (anm_log){ options->log, options->log_ctx, options->log_level };
    e->progress = options->progress;
    e->progress_ctx = options->progress_ctx;
    atomic_store(&e->state, ANM_STATE_PREPARING);
    return e;
}

void anm_engine_close(anm_engine *e)
{
    if (!e) return;
    if (e->runner) e->backend->unload(e->runner);
    anm_artifact_close(&e->artifact);
    anm_graph_free(e->graph);
    anm_arrays_free(e->arrays);
    anm_source_close(e->source);
    anm_queue_free(e->queue);
    anm_slots_deinit(&e->slots);
    anm_host_deinit(&e->host);
    anm_free(e->threads_seen);
    anm_free(e->maps);
    anm_free(e->band_key);
    anm_free(e->cache);
    anm_mutex_deinit(&e->book);
    anm_free(e);
}

void anm_engine_enter_state(anm_engine *e, anm_state state, const char *reason)
{
    const double ms = (double)(anm_now_ns() - (uint64_t)e->opened_at_ns) / 1e6;

    atomic_store(&e->state, (int)state);
    anm_log_line(
        &e->log, state == ANM_STATE_DEGRADED ? ANM_LOG_WARN : ANM_LOG_DEBUG,
        "%s: state %s after %.1f ms%s%s", e->source ? e->source->name : "model",
        anm_state_name(state), ms, reason ? ": " : "", reason ? reason : "");
}

/* ---- What it is made of ----------------------------------------------------- */

const anm_source *anm_engine_source(const anm_engine *e)
{
    return e->source;
}

size_t anm_engine_max_tokens(const anm_engine *e)
{
    return e->program.max_tokens;
}

const char *anm_engine_fingerprint(const anm_engine *e)
{
    return e->fingerprint;
}

unsigned anm_engine_threads(const anm_engine *e)
{
    return e->load.threads;
}

anm_state anm_engine_state(const anm_engine *e)
{
    return (anm_state)atomic_load(&e->state);
}

size_t anm_engine_length(const anm_engine *e, size_t n, bool *padded)
{
    const size_t length = e->arrays ? anm_arrays_length(&e->text, n) : n;

    if (padded) *padded = e->arrays && (e->text.n_lengths || length != n);
    return length;
}

anm_cost anm_engine_cost(const anm_engine *e, size_t tokens)
{
    return e->arrays ? anm_arrays_cost(e->arrays, tokens)
                     : anm_graph_cost(e->graph, tokens);
}

double anm_engine_macs(const anm_engine *e, size_t tokens)
{
    const double t = (double)tokens;

    return e->macs[0] + (e->macs[1] + e->macs[2] * t) * t;
}
