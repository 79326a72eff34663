/* engine.c - opening a model: from options to a proven runner, step by step.
 *
 *   describe   source, graph, passes                    no weight is touched
 *   choose     a backend, the contract before loading   refuses early
 *   identify   the fingerprint                          hashes, or remembers
 *   load       artifact, runner, contract on the plan
 *   prove      the golden text on the serving buffers   golden.c
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "engine/fit.h"
#include "engine/state.h"
#include "graph/arrays_cost.h"
#include "graph/arrays_pass.h"
#include "graph/cost.h"
#include "graph/pass.h"
#include "model/package.h"

/* Room made at load: a usual query and a chunk of short texts fault no page.
 * Longer ones grow it once. */
enum { RESERVED_TOKENS = 128, RESERVED_TEXTS = 16 };

void anm_engine_enter_state(anm_engine *e, anm_state state, const char *reason)
{
    const double ms = (double)(anm_now_ns() - (uint64_t)e->opened_at_ns) / 1e6;

    atomic_store(&e->state, (int)state);
    anm_log_line(
        &e->log, state == ANM_STATE_DEGRADED ? ANM_LOG_WARN : ANM_LOG_DEBUG,
        "%s: state %s after %.1f ms%s%s", e->source ? e->source->name : "model",
        anm_state_name(state), ms, reason ? ": " : "", reason ? reason : "");
}

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

/* What nothing but float32 may stand for keeps that name; other weights are
 * named as they are stored. */
static anm_precision resolve_precision(anm_precision asked,
                                       const anm_graph *graph)
{
    if (asked != ANM_PRECISION_DEFAULT) return asked;
    const anm_dtype stored = anm_graph_main_type(graph);
    if (stored == ANM_DTYPE_BF16) return ANM_PRECISION_BF16;
    if (stored == ANM_DTYPE_Q8_0) return ANM_PRECISION_INT8;
    if (stored == ANM_DTYPE_Q4_0 || stored == ANM_DTYPE_Q4_K)
        return ANM_PRECISION_INT4;
    return ANM_PRECISION_F32;
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
    e->program.precision = resolve_precision(o->precision, e->graph);
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

/* Where digests and compiled tokenizers are remembered; *out stays NULL without
 * a cache. */
static anm_status find_memory(const anm_engine *e, char **out, anm_error *err)
{
    *out = e->cache ? anm_path_join(e->cache, "remembered") : NULL;
    if (*out || !e->cache) return ANM_OK;
    return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", e->cache);
}

static anm_status open_source(anm_engine *e, const anm_options *o,
                              anm_error *err)
{
    char *memory = NULL;
    anm_status status = find_memory(e, &memory, err);
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
    anm_engine *e = anm_alloc_zero(sizeof(*e));

    *out = NULL;
    if (!e) return anm_fail(err, ANM_E_NOMEM, "model: out of memory");
    e->book = ANM_MUTEX_INIT;
    e->past.device = ANM_DEVICE_UNKNOWN;
    e->past.latest_class = ANM_IDLE_CLASSES; // no call yet
    e->opened_at_ns = (int64_t)anm_now_ns();
    e->log = (anm_log){ options->log, options->log_ctx, options->log_level };
    atomic_store(&e->state, ANM_STATE_PREPARING);
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

/* Refuse when it is certain that the contract is not met. */
static anm_status enforce(const anm_engine *e, anm_error *err)
{
    if (e->contract.runs) return ANM_OK;
    return anm_fail(err, ANM_E_CONTRACT, "%s", e->contract.reason);
}

/* Before loading an unknown share is no reason yet, unless the device itself
 * is missing. */
static anm_status enforce_early(const anm_engine *e, anm_error *err)
{
    return e->facts.shares[e->facts.require.device] < 0 ? ANM_OK
                                                        : enforce(e, err);
}

/* ---- Identify -------------------------------------------------------------- */

anm_status anm_engine_identify(anm_engine *e, const anm_options *options,
                               anm_error *err)
{
    anm_graph *plain = NULL;
    char *remembered = NULL;
    anm_status status = find_memory(e, &remembered, err);
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

/* ---- Load ------------------------------------------------------------------ */

static anm_status open_artifact(anm_engine *e, const anm_options *o,
                                bool rebuild, anm_error *err)
{
    const anm_artifact_key key = {
        .fingerprint = e->fingerprint,
        .backend = e->backend->name,
        .layout = e->backend->layout(&e->program, &e->load),
        .level = e->level,
        .units = e->load.units,
        .precision = e->program.precision,
        .model = e->source->name,
    };
    const anm_artifact_params params = {
        .folder = e->cache,
        .verify = o->verify,
        .rebuild = rebuild,
        .log = &e->log,
        .progress = o->progress,
        .progress_ctx = o->progress_ctx,
    };
    const anm_artifact_builder builder = anm_golden_builder(e);

    anm_artifact_close(&e->artifact);
    return anm_artifact_open(&e->artifact, &key, &params, &builder, err);
}

static anm_status load_runner(anm_engine *e, anm_error *err)
{
    anm_status status = e->backend->load(&e->runner, &e->program, &e->load,
                                         &e->artifact.sections, err);

    if (status) return status;
    const size_t tokens = e->program.max_tokens < RESERVED_TOKENS
                              ? e->program.max_tokens
                              : RESERVED_TOKENS;
    e->reserved_tokens = tokens;
    e->reserved_texts = RESERVED_TEXTS;
    return e->backend->reserve(e->runner, tokens, RESERVED_TEXTS, err);
}

static void add_share(double *sum, double share)
{
    *sum = share < 0 || *sum < 0 ? -1 : *sum + share;
}

/* What runs on a device that is not known may run on any that may be used. */
static void read_plan(anm_engine *e)
{
    const unsigned usable =
        e->backend->devices() & anm_units_permitted(e->facts.units);
    const anm_plan_row *rows;
    const size_t n = e->backend->plan(e->runner, &rows);

    for (unsigned d = 0; d < ANM_DEVICE_COUNT; d++)
        e->facts.shares[d] = 0;
    for (size_t i = 0; i < n; i++) {
        const bool known = rows[i].device < ANM_DEVICE_COUNT;
        const unsigned where = known ? 1u << rows[i].device : usable;
        for (unsigned d = 0; d < ANM_DEVICE_COUNT; d++)
            if (where >> d & 1)
                add_share(&e->facts.shares[d], known ? rows[i].share : -1);
    }
}

static void digest_text(anm_sha256 *h, char out[33])
{
    uint8_t digest[ANM_SHA256_BYTES];
    char hex[ANM_SHA256_HEX];

    anm_sha256_read(h, digest);
    anm_sha256_hex(digest, hex);
    memcpy(out, hex, 32);
    out[32] = '\0';
}

/* What bands were measured with: every operation's device, and the artifact's
 * bytes. Without memory for it nothing is known to have changed. */
static void digest_surroundings(anm_engine *e)
{
    static const uint8_t none[ANM_SHA256_BYTES];
    const anm_plan_row *rows;
    const size_t n = e->backend->plan(e->runner, &rows);
    char hex[ANM_SHA256_HEX];
    anm_sha256 *h = anm_sha256_new();

    for (size_t i = 0; i < n && h; i++) {
        const char *device = anm_device_name(rows[i].device);
        anm_sha256_add(h, rows[i].name, strlen(rows[i].name) + 1);
        anm_sha256_add(h, device, strlen(device) + 1);
    }
    if (h) digest_text(h, e->plan_digest);
    anm_sha256_free(h);
    if (memcmp(e->artifact.digest, none, sizeof(none)) == 0) return;
    anm_sha256_hex(e->artifact.digest, hex);
    memcpy(e->artifact_digest, hex, 32);
}

static anm_status make_band_key(anm_engine *e, anm_error *err)
{
    char machine[256];
    anm_buf b = { 0 };

    anm_host_identity(machine, sizeof(machine));
    anm_buf_printf(&b,
                   "machine %s\nfingerprint %s\nprecision %s\nbackend %s\n"
                   "units %s\nthreads %u\nlevel %s\nartifact %d\n",
                   machine, e->fingerprint,
                   anm_precision_name(e->program.precision), e->backend->name,
                   anm_units_name(e->load.units), e->load.threads, e->level,
                   (int)ANM_ARTIFACT_VERSION);
    e->band_key = anm_buf_take(&b);
    return e->band_key ? ANM_OK
                       : anm_fail(err, ANM_E_NOMEM, "bands: out of memory");
}

anm_status anm_engine_load(anm_engine *e, const anm_options *options,
                           anm_error *err)
{
    anm_error why;
    anm_status status = open_artifact(e, options, false, err);

    if (status) return status;
    anm_engine_enter_state(e, ANM_STATE_LOADING, NULL);
    status = load_runner(e, &why);
    if (status == ANM_E_CORRUPT && e->artifact.path) {
        anm_log_line(&e->log, ANM_LOG_WARN,
                     "artifact %s does not fit this program and is built "
                     "again: %s",
                     e->artifact.path, why.message);
        status = open_artifact(e, options, true, err);
        if (status) return status;
        status = load_runner(e, &why);
    }
    if (status) return anm_fail(err, status, "%s", why.message);
    if (e->source->package) anm_package_let_go(e->source->package);
    read_plan(e);
    digest_surroundings(e);
    anm_contract_judge(&e->facts, &e->contract);
    return make_band_key(e, err);
}

/* ---- Open ------------------------------------------------------------------ */

static void log_ready(const anm_engine *e)
{
    anm_buf plan = { 0 };

    if (!anm_log_wants(&e->log, ANM_LOG_INFO)) return;
    for (int d = 0; d < ANM_DEVICE_COUNT; d++)
        if (e->facts.shares[d] != 0)
            anm_buf_printf(&plan, " %s %.3g", anm_device_name((anm_device)d),
                           e->facts.shares[d]);
    anm_log_line(&e->log, ANM_LOG_INFO,
                 "loaded %s: units %s, contract %s %s%s, plan%s, %s level, "
                 "%u threads, artifact %s (%.1f ms), ready in %.3f s",
                 e->source->name, anm_units_name(e->load.units),
                 e->contract.require, e->contract.met ? "met" : "not met",
                 e->contract.fallback ? ", fallback" : "",
                 plan.data ? plan.data : " unknown", e->level, e->load.threads,
                 e->artifact.state, (double)e->artifact.ns / 1e6,
                 (double)e->open_ns / 1e9);
    anm_buf_deinit(&plan);
}

/* The golden vector of a hit may be missing or of another size when the file
 * is sound and yet not ours; then it is made again, once. */
static anm_status prove(anm_engine *e, const anm_options *options,
                        anm_error *err)
{
    anm_error why;
    anm_status status = anm_golden_prove(e, &why);

    if (status == ANM_E_CORRUPT && e->artifact.path) {
        anm_log_line(&e->log, ANM_LOG_WARN, "artifact %s is built again: %s",
                     e->artifact.path, why.message);
        e->backend->unload(e->runner);
        e->runner = NULL;
        status = open_artifact(e, options, true, err);
        if (status) return status;
        status = load_runner(e, err);
        if (status) return status;
        status = anm_golden_prove(e, &why);
    }
    return status ? anm_fail(err, status, "%s", why.message) : ANM_OK;
}

/* Before an artifact of that size is written. */
static anm_status check_fit(const anm_engine *e, const anm_options *o,
                            anm_error *err)
{
    anm_memory_limit limit;
    anm_footprint need;

    if (o->overcommit || !e->backend->footprint) return ANM_OK;
    anm_status status = e->backend->footprint(&e->program, &e->load,
                                              RESERVED_TOKENS, &need, err);
    if (status) return status;
    anm_memory_limit_read(&limit);
    status = anm_fit_check(&need, &limit, err);
    return status ? anm_fail_prefix(err, status, "%s", o->model) : ANM_OK;
}

static anm_status open_steps(anm_engine *e, const anm_options *options,
                             anm_error *err)
{
    anm_status status = anm_engine_choose(e, options, err);

    if (status) return status;
    status = enforce_early(e, err);
    if (status) return status;
    status = check_fit(e, options, err);
    if (status) return status;
    status = anm_engine_identify(e, options, err);
    if (status) return status;
    status = anm_engine_load(e, options, err);
    if (status) return status;
    status = enforce(e, err);
    if (status) return status;
    anm_engine_enter_state(e, ANM_STATE_WARMING, NULL);
    return prove(e, options, err);
}

anm_status anm_engine_open(anm_engine **out, const anm_options *options,
                           anm_error *err)
{
    anm_engine *e;
    anm_status status = anm_engine_describe(&e, options, err);

    *out = NULL;
    if (status) return status;
    status = open_steps(e, options, err);
    if (status) {
        anm_engine_enter_state(e, ANM_STATE_FAILED, anm_status_name(status));
        anm_engine_close(e);
        return status;
    }
    if (e->contract.fallback)
        anm_log_line(&e->log, ANM_LOG_WARN, "%s", e->contract.reason);
    anm_bands_load(&e->bands, e->cache, e->band_key);
    anm_artifact_remember(&e->artifact, e->cache);
    anm_book_begin(e);
    anm_alloc_trim();
    anm_engine_enter_state(e, ANM_STATE_READY, NULL);
    e->open_ns = anm_now_ns() - (uint64_t)e->opened_at_ns;
    log_ready(e);
    *out = e;
    return ANM_OK;
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
    while (e->slots) {
        anm_slot *slot = e->slots;
        e->slots = slot->next;
        anm_slot_free(slot);
    }
    anm_host_deinit(&e->host);
    anm_free(e->threads_seen);
    anm_free(e->maps);
    anm_free(e->band_key);
    anm_free(e->cache);
    anm_mutex_deinit(&e->book);
    anm_free(e);
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
