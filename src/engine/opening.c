/* opening.c - opening a model: from options to a proven runner, step by step. The
 * steps that load nothing are in describe.c.
 *
 *   describe   source, graph, passes                    no weight is touched
 *   choose     a backend, the contract before loading   refuses early
 *   identify   the fingerprint                          hashes, or remembers
 *   load       artifact, runner, contract on the plan
 *   prove      the golden text on the serving buffers   golden.c
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/opening.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/describe.h"
#include "engine/fit.h"
#include "engine/golden.h"
#include "engine/receipt.h"
#include "engine/state.h"
#include "model/package.h"

/* Room made at load: a usual query and a chunk of short texts fault no page.
 * Longer ones grow it once. */
enum { RESERVED_TOKENS = 128, RESERVED_TEXTS = 16 };

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
    anm_build build = { e, o };
    const anm_artifact_builder builder = anm_golden_builder(&build);

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

/* What a disk gives back may change without a trace in its file's stamps, by
 * which the digest of a hit was believed: a vector that is not the golden one
 * is that file's fault when its bytes are not those that were written. */
static anm_status blame(const anm_engine *e, anm_status status, anm_error *why)
{
    anm_error found;

    if (status != ANM_E_DEVICE || strcmp(e->artifact.state, "hit") != 0)
        return status;
    if (anm_artifact_verify(&e->artifact, &found) != ANM_E_CORRUPT)
        return status;
    *why = found;
    return ANM_E_CORRUPT;
}

/* The golden vector of a hit may be missing or of another size when the file
 * is sound and yet not ours; then it is made again, once. */
static anm_status prove(anm_engine *e, const anm_options *options,
                        anm_error *err)
{
    anm_error why;
    anm_status status = blame(e, anm_golden_prove(e, &why), &why);

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
    e->progress = NULL;
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
