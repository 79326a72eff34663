/* describe.c - what is known of a model before it is loaded: source and graph,
 * the backend that could run it, the fingerprint.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/describe.h"

#include "base/cpu.h"
#include "base/error.h"
#include "engine/state.h"
#include "graph/arrays_cost.h"
#include "graph/arrays_pass.h"
#include "graph/cost.h"
#include "graph/keep.h"
#include "graph/pass.h"
#include "model/package.h"

/* ---- Describe -------------------------------------------------------------- */

anm_status anm_engine_cache_folder(const char *cache_dir, char **out,
                                   anm_error *err)
{
    *out = NULL;
    if (!cache_dir) return anm_path_cache(out, err);
    if (!*cache_dir) return ANM_OK;
    *out = anm_copy_string(cache_dir);
    return *out ? ANM_OK
                : anm_fail(err, ANM_E_NOMEM, "%s: out of memory", cache_dir);
}

/* A system without a cache folder is served from memory. */
static anm_status find_cache(anm_engine *e, const anm_options *o,
                             anm_error *err)
{
    anm_error why;
    const anm_status status =
        anm_engine_cache_folder(o->cache_dir, &e->cache, &why);

    if (!status || status == ANM_E_NOTFOUND) {
        if (status)
            anm_log_line(&e->log, ANM_LOG_WARN, "nothing is kept: %s",
                         why.message);
        return ANM_OK;
    }
    return anm_fail(err, status, "%s", why.message);
}

static anm_status read_options(anm_engine *e, const anm_options *o,
                               anm_error *err)
{
    anm_cpu_budget budget;
    anm_status status =
        anm_require_parse(&e->facts.require, o->require, o->units, err);

    if (status) return status;
    status = anm_cpu_parse(o->cpu, &e->load.cpu, err);
    if (status) return status;
    e->level = anm_cpu_level_name(e->load.cpu);
    e->load.units = o->units;
    e->load.log = &e->log;
    e->load.threads = o->threads;
    if (!o->threads) {
        anm_cpu_budget_read(&budget);
        e->load.threads = budget.threads;
    }
    e->facts.units = o->units;
    e->facts.allow_fallback = o->allow_fallback;
    return find_cache(e, o, err);
}

anm_status anm_engine_plain_graph(anm_engine *e, anm_graph **out,
                                  anm_error *err)
{
    *out = NULL;
    return e->arrays ? ANM_OK : anm_source_build(e->source, out, err);
}

/* Attention makes the cost of a text a polynomial of degree two in its
 * tokens: three points give it, and no call walks the graph. */
static void fit_cost(anm_engine *e)
{
    const double y1 = anm_engine_cost(e, 1).macs;
    const double y2 = anm_engine_cost(e, 2).macs;
    const double y3 = anm_engine_cost(e, 3).macs;

    e->macs[2] = (y3 - 2 * y2 + y1) / 2;
    e->macs[1] = y2 - y1 - 3 * e->macs[2];
    e->macs[0] = y1 - e->macs[1] - e->macs[2];
}

/* The maps of the weights, so that preparing may let go of their pages. */
static anm_status list_maps(anm_engine *e, anm_error *err)
{
    const anm_weights *w = &e->source->weights;
    const size_t n = w->n_files;

    e->maps = anm_alloc_array(n, sizeof(*e->maps));
    if (!e->maps) return anm_fail(err, ANM_E_NOMEM, "model: out of memory");
    for (size_t i = 0; i < n; i++)
        e->maps[i] = w->files[i].map->bytes;
    e->program.maps = e->maps;
    e->program.n_maps = n;
    return ANM_OK;
}

static anm_status describe_graph(anm_engine *e, const anm_options *o,
                                 anm_error *err)
{
    anm_status status = anm_source_build(e->source, &e->graph, err);

    if (status) return status;
    status = anm_graph_optimize(e->graph, ANM_PASS_ALL, err);
    if (status) return status;
    e->program.graph = e->graph;
    e->program.precision = o->precision;
    if (o->precision == ANM_PRECISION_DEFAULT)
        e->program.precision = anm_precision_of(anm_graph_main_type(e->graph));
    anm_graph_keep(e->graph, e->program.precision);
    return ANM_OK;
}

/* Whatever a package stores, it is computed in float32. */
static anm_status describe_package(anm_engine *e, const anm_options *o,
                                   anm_error *err)
{
    anm_status status = anm_package_build(e->source, &e->arrays, &e->text, err);

    if (!status)
        status = anm_arrays_optimize(e->arrays, ANM_ARRAYS_PASS_ALL, err);
    e->program.arrays = e->arrays;
    e->program.text = &e->text;
    e->program.precision = o->precision == ANM_PRECISION_DEFAULT
                               ? ANM_PRECISION_F32
                               : o->precision;
    return status;
}

anm_status anm_engine_memory_folder(const char *cache, char **out,
                                    anm_error *err)
{
    *out = cache ? anm_path_join(cache, "remembered") : NULL;
    if (*out || !cache) return ANM_OK;
    return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", cache);
}

static anm_status open_source(anm_engine *e, const anm_options *o,
                              anm_error *err)
{
    char *memory = NULL;
    anm_status status = anm_engine_memory_folder(e->cache, &memory, err);
    const anm_source_params params = {
        .tokenizer = o->tokenizer,
        .pooling = o->pooling,
        .normalize = o->normalize,
        .lowercase = o->lowercase,
        .add_eos = o->add_eos,
        .function = o->function,
        .output = o->output,
        .padding = o->padding,
        .memory = o->verify ? NULL : memory,
    };

    if (!status) status = anm_source_open(&e->source, o->model, &params, err);
    anm_free(memory);
    return status;
}

static anm_status describe(anm_engine *e, const anm_options *o, anm_error *err)
{
    anm_status status = read_options(e, o, err);

    if (status) return status;
    status = open_source(e, o, err);
    if (status) return status;
    status = e->source->package ? describe_package(e, o, err)
                                : describe_graph(e, o, err);
    if (status) return status;
    e->program.max_tokens = e->source->recipe.max_tokens < ANM_TOKENS_MAX
                                ? e->source->recipe.max_tokens
                                : ANM_TOKENS_MAX;
    e->program.dim = e->source->recipe.dim;
    fit_cost(e);
    status = list_maps(e, err);
    if (status) return status;
    return anm_queue_new(&e->queue, err);
}

anm_status anm_engine_describe(anm_engine **out, const anm_options *options,
                               anm_error *err)
{
    anm_engine *e = anm_engine_new(options);

    *out = NULL;
    if (!e) return anm_fail(err, ANM_E_NOMEM, "model: out of memory");
    const anm_status status = describe(e, options, err);
    if (status) {
        anm_engine_close(e);
        return status;
    }
    *out = e;
    return ANM_OK;
}

/* ---- Choose ---------------------------------------------------------------- */

/* What can be said of the plan before loading: a backend that can use one
 * permitted device only will plan everything there. */
static void expect_shares(anm_engine *e)
{
    const unsigned usable =
        e->backend->devices() & anm_units_permitted(e->facts.units);

    for (unsigned d = 0; d < ANM_DEVICE_COUNT; d++) {
        const bool here = usable >> d & 1;
        const bool alone = (usable & (usable - 1)) == 0;
        e->facts.shares[d] = !here ? 0 : alone ? 1 : -1;
    }
}

anm_status anm_engine_choose(anm_engine *e, const anm_options *options,
                             anm_error *err)
{
    anm_status refused = ANM_E_UNSUPPORTED;
    const unsigned permitted = anm_units_permitted(options->units);

    for (const anm_backend *const *b = anm_backends(); *b; b++) {
        const unsigned devices = (*b)->devices();
        e->facts.present |= devices;
        if (!(devices & permitted)) continue;
        const anm_status status = (*b)->accepts(&e->program, &e->load, err);
        if (status) {
            refused = status;
            continue;
        }
        e->facts.loadable |= devices;
        if (!e->backend) e->backend = *b;
    }
    if (!e->backend) return refused;
    expect_shares(e);
    anm_contract_judge(&e->facts, &e->contract);
    return ANM_OK;
}

/* ---- Identify -------------------------------------------------------------- */

anm_status anm_engine_identify(anm_engine *e, const anm_options *options,
                               anm_error *err)
{
    anm_graph *plain = NULL;
    char *remembered = NULL;
    anm_status status = anm_engine_memory_folder(e->cache, &remembered, err);
    const anm_fingerprint_params params = {
        .memory = remembered,
        .verify = options->verify,
        .progress = options->progress,
        .progress_ctx = options->progress_ctx,
    };

    if (!status) status = anm_engine_plain_graph(e, &plain, err);
    if (!status)
        status = anm_fingerprint_make(e->source, plain, e->program.precision,
                                      &params, e->fingerprint, err);
    anm_graph_free(plain);
    anm_free(remembered);
    return status;
}
