/* receipt_json.c - the receipt as the JSON document of version 1.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "engine/engine.h"
#include "engine/json_text.h"

/* "" is null. */
static json_t *text_or_null(const char *s)
{
    return *s ? anm_json_text(s) : json_null();
}

static json_t *counter(int64_t value)
{
    return value == ANM_COUNTER_UNKNOWN ? json_null() : json_integer(value);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *share_or_null(double share)
{
    return share < 0 ? json_null() : json_real(share);
}

/* Below, json_pack() takes each value over; a NULL among them (memory ran out)
 * makes the whole NULL. */
static json_t *make_model(const anm_receipt *r)
{
    return json_pack(
        "{s:o, s:s, s:s, s:s, s:o, s:o}", "name", anm_json_text(r->model.name),
        "fingerprint", r->model.fingerprint, "architecture",
        r->model.architecture, "precision",
        anm_precision_name(r->model.precision), "dim", number(r->model.dim),
        "assumed", text_or_null(r->model.assumed));
}

static json_t *make_contract(const anm_receipt *r)
{
    return json_pack("{s:s, s:b, s:b, s:o}", "require", r->contract.require,
                     "met", r->contract.met, "fallback", r->contract.fallback,
                     "reason", text_or_null(r->contract.reason));
}

static json_t *make_conflict(const anm_receipt *r)
{
    if (r->where.conflict.evidence == ANM_EVIDENCE_UNKNOWN) return json_null();
    return json_pack("{s:s, s:s, s:o, s:o}", "device",
                     anm_device_name(r->where.conflict.device), "evidence",
                     anm_evidence_name(r->where.conflict.evidence), "share",
                     share_or_null(r->where.conflict.share), "how",
                     anm_json_text(r->where.conflict.how));
}

static json_t *make_where(const anm_receipt *r)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "device",
                     anm_device_name(r->where.device), "evidence",
                     anm_evidence_name(r->where.evidence), "share",
                     share_or_null(r->where.share), "how",
                     anm_json_text(r->where.how), "excluded",
                     anm_json_devices(r->where.excluded), "conflict",
                     make_conflict(r));
}

static json_t *make_input(const anm_receipt *r)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:s}", "texts", number(r->input.texts),
        "tokens", number(r->input.tokens), "bucket",
        r->input.bucket ? number(r->input.bucket) : json_null(), "truncated",
        number(r->input.truncated), "prompt", text_or_null(r->input.prompt),
        "ids_sha256", r->input.ids_sha256);
}

static json_t *make_stages(const anm_receipt *r)
{
    json_t *stages = json_object();

    for (int s = 0; s < ANM_STAGE_COUNT; s++) {
        if (json_object_set_new(stages, anm_stage_name((anm_stage)s),
                                number(r->stages_ns[s]))) {
            json_decref(stages);
            return NULL;
        }
    }
    if (json_object_set_new(stages, "total", number(r->total_ns))) {
        json_decref(stages);
        return NULL;
    }
    return stages;
}

static json_t *make_counters(const anm_counters *c)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        { "idle_before", c->idle_before },
        { "in_flight", c->in_flight },
        { "cpu_ns", c->cpu_ns },
        { "run_delay_ns", c->run_delay_ns },
        { "run_delay_max_ns", c->run_delay_max_ns },
        { "blocked_ns", c->blocked_ns },
        { "device_wait_ns", c->device_wait_ns },
        { "probe_ns", c->probe_ns },
        { "vol_switches", c->vol_switches },
        { "invol_switches", c->invol_switches },
        { "minor_faults", c->minor_faults },
        { "major_faults", c->major_faults },
        { "throttled_ns", c->throttled_ns },
        { "psi_cpu_us", c->psi_cpu_us },
        { "psi_memory_us", c->psi_memory_us },
        { "psi_io_us", c->psi_io_us },
        { "freq_khz", c->freq_khz },
        { "sample_age_ms", c->sample_age_ms },
    };
    json_t *o = json_object();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (json_object_set_new(o, rows[i].name, counter(rows[i].value))) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

/* 0 is a figure that was not measured. */
static json_t *number_or_null(uint64_t value)
{
    return value ? number(value) : json_null();
}

static json_t *make_band(const anm_receipt *r)
{
    return json_pack(
        "{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:s}",
        "tokens", number(r->band.tokens), "n", number(r->band.n), "disturbed",
        number(r->band.disturbed), "blurred", r->band.blurred, "p50_ns",
        number(r->band.p50_ns), "low_ns", number(r->band.low_ns), "high_ns",
        number(r->band.high_ns), "predict_p50_ns",
        number_or_null(r->band.predict_p50_ns), "outside_p50_ns",
        number_or_null(r->band.outside_p50_ns), "today_p50_ns",
        number_or_null(r->band.today_p50_ns), "gap_ns", number(r->band.gap_ns),
        "verdict", anm_verdict_name(r->band.verdict));
}

static json_t *make_cause(const anm_receipt *r, size_t i)
{
    const char *text = r->causes[i].evidence;
    json_t *evidence = *text ? json_pack("[s]", text) : json_array();

    return json_pack("{s:s, s:o, s:o, s:o}", "name",
                     anm_cause_name(r->causes[i].cause), "excess_ns",
                     number(r->causes[i].excess_ns), "explained_ns",
                     number(r->causes[i].explained_ns), "evidence", evidence);
}

static json_t *make_causes(const anm_receipt *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_causes; i++) {
        if (json_array_append_new(list, make_cause(r, i))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *make_artifact(const anm_receipt *r)
{
    return json_pack("{s:s, s:o, s:o}", "state", r->artifact.state, "path",
                     text_or_null(r->artifact.path), "load_ns",
                     number(r->artifact.load_ns));
}

static json_t *make_first(const anm_receipt *r)
{
    static const char *const names[] = { "call", "length", "thread" };
    json_t *list = json_array();

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!(r->first >> i & 1)) continue;
        if (json_array_append_new(list, json_string(names[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

anm_status anm_receipt_write(const anm_receipt *receipt, char **json,
                             anm_error *err)
{
    json_t *doc = json_pack(
        "{s:i, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "anemone_receipt", 1, "at_ms", (json_int_t)receipt->at_ms, "model",
        make_model(receipt), "units", anm_units_name(receipt->units),
        "contract", make_contract(receipt), "where", make_where(receipt),
        "input", make_input(receipt), "stages_ns", make_stages(receipt),
        "counters", make_counters(&receipt->counters), "band",
        make_band(receipt), "causes", make_causes(receipt), "artifact",
        make_artifact(receipt), "first", make_first(receipt));

    return anm_json_take_string(doc, 0, json, err);
}
