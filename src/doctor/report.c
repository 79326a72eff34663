/* report.c - the document of the doctor.
 *
 * Every sample and every call is in it, so that whoever draws it needs nothing
 * else: idle curves, distributions and time lines are arrangements of these.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/report.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "doctor/judged.h"
#include "doctor/statistics.h"
#include "engine/json_text.h"

/* A log of days has more calls than anybody draws. */
enum { CALLS_MAX = 20000 };

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *known(int64_t value)
{
    return value == ANM_COUNTER_UNKNOWN ? json_null() : json_integer(value);
}

/* Append, or give the list up when memory is out. */
static bool append(json_t **list, json_t *one)
{
    if (*list && json_array_append_new(*list, one) == 0) return true;
    json_decref(*list);
    *list = NULL;
    return false;
}

/* ---- Experiments ---------------------------------------------------------------- */

static json_t *make_samples(const anm_arm *arm)
{
    json_t *list = json_array();

    for (size_t i = 0; i < arm->n; i++) {
        const double ns = arm->samples[i];
        if (!append(&list,
                    isnan(ns) ? json_null() : json_integer((json_int_t)ns)))
            break;
    }
    return list;
}

static double quantile_of(const anm_arm *arm, double part)
{
    double *values = anm_alloc_array(arm->n + 1, sizeof(*values));
    size_t n = 0;

    for (size_t i = 0; values && i < arm->n; i++)
        if (!isnan(arm->samples[i])) values[n++] = arm->samples[i];
    const double value = n ? anm_quantile(values, n, part) : NAN;
    anm_free(values);
    return value;
}

static size_t count_of(const anm_arm *arm)
{
    size_t n = 0;

    for (size_t i = 0; i < arm->n; i++)
        if (!isnan(arm->samples[i])) n++;
    return n;
}

static json_t *whole_or_null(double value)
{
    return isfinite(value) ? json_integer((json_int_t)value) : json_null();
}

/* null when too few rounds bound it. */
static json_t *make_interval(const anm_ratio *r)
{
    return isfinite(r->high) ? json_pack("[f, f]", r->low, r->high)
                             : json_null();
}

static json_t *make_arm(const anm_arm *arm, bool is_base)
{
    const anm_ratio *r = &arm->against;

    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                     arm->name, "role",
                     is_base              ? "base"
                     : arm->is_base_again ? "base_again"
                                          : "condition",
                     "n", number(count_of(arm)), "p50_ns",
                     whole_or_null(anm_arm_median(arm)), "p95_ns",
                     whole_or_null(quantile_of(arm, 0.95)), "min_ns",
                     whole_or_null(quantile_of(arm, 0)), "ratio",
                     arm->compared ? real_or_null(r->ratio) : json_null(),
                     "ci95", arm->compared ? make_interval(r) : json_null(),
                     "samples_ns", make_samples(arm));
}

static json_t *make_arms(const anm_outcome *o)
{
    json_t *list = json_array();

    for (size_t i = 0; i < o->n_arms; i++)
        if (!append(&list, make_arm(&o->arms[i], i == 0))) break;
    return list;
}

static json_t *hypothesis_name(unsigned number_of)
{
    char name[16];

    if (!number_of) return json_null();
    snprintf(name, sizeof(name), "H%u", number_of);
    return json_string(name);
}

static json_t *make_experiment(const anm_outcome *o)
{
    const anm_ratio *r = o->worst ? &o->arms[o->worst].against : NULL;
    const bool is_judged = r && !o->answered;

    return json_pack(
        "{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, "
        "s:s, s:f}",
        "name", o->of->name, "hypothesis", hypothesis_name(o->of->hypothesis),
        "question", o->of->question, "cause", anm_cause_name(o->of->cause), "n",
        number(o->n_rounds), "disturbed", number(o->n_disturbed), "arms",
        make_arms(o), "effect_ratio", r ? real_or_null(r->ratio) : json_null(),
        "effect_ns", r ? whole_or_null(r->effect) : json_null(), "ci95",
        r ? make_interval(r) : json_null(), "p",
        is_judged ? real_or_null(o->p_all) : json_null(), "aa_ratio",
        o->bound > 0 ? real_or_null(o->bound) : json_null(), "verdict",
        anm_answer_name(o->answer), "evidence", o->evidence, "seconds",
        (double)o->ns / 1e9);
}

static json_t *make_experiments(const anm_report *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_outcomes; i++)
        if (!append(&list, make_experiment(&r->outcomes[i]))) break;
    return list;
}

/* ---- Findings --------------------------------------------------------------------- */

static json_t *make_evidence(const anm_finding *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < f->n_evidence; i++)
        if (!append(&list, json_string(f->evidence[i]))) break;
    return list;
}

static json_t *make_finding(const anm_finding *f)
{
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, "
        "s:o, s:o}",
        "cause", anm_cause_name(f->cause), "source", f->source, "evidence",
        make_evidence(f), "effect_ns", number(f->effect_ns), "effect_ratio",
        real_or_null(f->effect_ratio), "confidence", real_or_null(1 - f->p),
        "do", f->advice, "calls", number(f->n_hits), "of", number(f->n_of),
        "unit", f->of_starts ? "starts" : "calls", "cost_ns",
        number(f->cost_ns), "first_call", number(f->first + 1), "last_call",
        number(f->last + 1), "since_ms", known(f->since_ms), "until_ms",
        known(f->until_ms));
}

static json_t *make_findings(const anm_report *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_findings; i++)
        if (!append(&list, make_finding(&r->findings[i]))) break;
    return list;
}

/* ---- Calls -------------------------------------------------------------------------- */

static json_t *make_causes(const anm_record *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_causes; i++) {
        if (c->causes[i].cause == ANM_CAUSE_NONE) continue;
        json_t *one = json_pack("{s:s, s:o, s:o}", "name",
                                anm_cause_name(c->causes[i].cause), "excess_ns",
                                number(c->causes[i].excess_ns), "explained_ns",
                                number(c->causes[i].explained_ns));
        if (!append(&list, one)) break;
    }
    return list;
}

static json_t *make_counters(const anm_record *c)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "idle_before",
        known(c->idle_ns), "run_delay_ns", known(c->run_delay_ns),
        "run_delay_max_ns", known(c->run_delay_max_ns), "major_faults",
        known(c->major_faults), "minor_faults", known(c->minor_faults),
        "throttled_ns", known(c->throttled_ns), "psi_cpu_us",
        known(c->psi_cpu_us), "psi_memory_us", known(c->psi_memory_us),
        "psi_io_us", known(c->psi_io_us), "freq_khz", known(c->freq_khz));
}

static json_t *make_stages(const anm_record *c)
{
    json_t *o = json_object();

    for (int s = 0; s < ANM_STAGE_COUNT; s++) {
        if (json_object_set_new(o, anm_stage_name((anm_stage)s),
                                number(c->stages_ns[s]))) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static json_t *make_call(const anm_record *c, size_t number_of)
{
    json_t *band =
        c->p50_ns
            ? json_pack("{s:o, s:o, s:o, s:b}", "p50_ns", number(c->p50_ns),
                        "low_ns", number(c->low_ns), "high_ns",
                        number(c->high_ns), "blurred", c->blurred)
            : json_null();

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:b, s:b, s:o, "
        "s:s, s:o, s:o}",
        "call", number(number_of + 1), "at_ms", known(c->at_ms), "total_ns",
        number(c->total_ns), "queue_ns", number(c->stages_ns[ANM_STAGE_QUEUE]),
        "predict_ns", number(c->stages_ns[ANM_STAGE_PREDICT]), "stages_ns",
        make_stages(c), "tokens", number(c->tokens), "experiment",
        c->experiment ? c->experiment : "receipts", "arm",
        c->arm ? c->arm : "recorded", "band", band, "imposed", c->imposed,
        "disturbed", c->disturbed, "causes", make_causes(c), "verdict",
        anm_verdict_name(c->verdict), "device",
        json_string(anm_device_name(c->device)), "counters", make_counters(c));
}

static bool is_of_interest(const anm_record *c)
{
    return c->verdict == ANM_VERDICT_ABOVE || c->first;
}

/* All calls; of too many all that left their band, as far as there is room,
 * and every n-th of the others. */
static json_t *make_calls(const anm_records *records, bool *thinned)
{
    json_t *list = json_array();
    const size_t step = records->n / (CALLS_MAX / 2) + 1;
    size_t n = 0;

    *thinned = records->n > CALLS_MAX;
    for (size_t i = 0; i < records->n; i++) {
        const anm_record *c = &records->items[i];
        const bool is_kept =
            !*thinned || i % step == 0 || (is_of_interest(c) && n < CALLS_MAX);
        if (!is_kept) continue;
        n++;
        if (!append(&list, make_call(c, i))) break;
    }
    return list;
}

/* ---- Model, bands, logs -------------------------------------------------------------- */

static json_t *make_bands(const anm_bands *bands)
{
    json_t *list = json_array();

    for (size_t i = 0; bands && i < bands->n; i++) {
        const anm_band *b = &bands->items[i];
        json_t *one =
            json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "tokens",
                      number(b->tokens), "n", number(b->n), "disturbed",
                      number(b->disturbed), "blurred", b->useless, "p50_ns",
                      number(b->p50_ns), "low_ns", number(b->low_ns), "high_ns",
                      number(b->high_ns), "today_p50_ns",
                      b->today_p50_ns ? number(b->today_p50_ns) : json_null());
        if (!append(&list, one)) break;
    }
    return list;
}

static json_t *floor_of(const anm_report *r)
{
    const size_t tokens =
        r->exam->records.n ? r->exam->records.items[0].tokens : 8;
    const anm_cost cost = anm_engine_cost(r->exam->engine, tokens);

    if (!r->peak || r->peak->macs_per_s <= 0 || r->peak->bytes_per_s <= 0)
        return json_null();
    const double compute = cost.macs / r->peak->macs_per_s;
    const double memory =
        (cost.weight_bytes + cost.activation_bytes) / r->peak->bytes_per_s;
    return json_pack("{s:o, s:o, s:s}", "tokens", number(tokens), "floor_ns",
                     whole_or_null(1e9 * fmax(compute, memory)), "bound",
                     compute > memory ? "compute" : "memory");
}

static json_t *make_model(const anm_report *r)
{
    if (!r->exam) return json_null();
    const anm_engine *e = r->exam->engine;
    const anm_engine_facts f = anm_engine_facts_of(e);
    const anm_engine_pages pages = anm_engine_pages_of(e);

    return json_pack(
        "{s:o, s:s, s:s, s:s, s:i, s:s, s:s, s:i, s:o, s:{s:s, s:o, s:o, s:o}, "
        "s:o, s:o, s:o, s:o}",
        "name", anm_json_text(anm_engine_source(e)->name), "fingerprint",
        anm_engine_fingerprint(e), "architecture",
        anm_engine_source(e)->architecture, "precision",
        anm_precision_name(f.precision), "dim",
        (int)anm_engine_source(e)->recipe.dim, "units", anm_units_name(f.units),
        "backend", f.backend, "threads", (int)anm_engine_threads(e), "plan",
        *f.plan ? json_string(f.plan) : json_null(), "artifact", "state",
        f.artifact_state, "path",
        f.artifact_path ? anm_json_text(f.artifact_path) : json_null(), "bytes",
        number(f.artifact_bytes), "load_ns", number(f.artifact_ns), "open_ns",
        number(f.open_ns), "mapped_bytes", number(pages.mapped_bytes),
        "resident_bytes", known(pages.resident_bytes), "floor", floor_of(r));
}

static json_t *make_damaged(const anm_records *log)
{
    json_t *list = json_array();

    for (size_t i = 0; i < log->n_damaged && i < ANM_DAMAGED_NAMED; i++) {
        json_t *one = json_pack("{s:s, s:o, s:o}", "file", log->damaged[i].file,
                                "line", number(log->damaged[i].line), "why",
                                anm_json_text(log->damaged[i].why));
        if (!append(&list, one)) break;
    }
    return list;
}

static json_t *make_log_models(const anm_records *log)
{
    json_t *list = json_array();

    for (size_t i = 0; i < log->n_models; i++) {
        const anm_record_model *m = &log->models[i];
        json_t *one = json_pack(
            "{s:o, s:o, s:s, s:s, s:o}", "name", anm_json_text(m->name),
            "fingerprint", anm_json_text(m->fingerprint), "precision",
            anm_precision_name(m->precision), "units", anm_units_name(m->units),
            "calls", number(m->n));
        if (!append(&list, one)) break;
    }
    return list;
}

static json_t *make_log(const anm_records *log)
{
    size_t n_judged = 0, n_above = 0;
    uint64_t total = 0, excess = 0;

    if (!log) return json_null();
    for (size_t i = 0; i < log->n; i++) {
        const anm_record *c = &log->items[i];
        n_judged += c->p50_ns && c->verdict != ANM_VERDICT_NONE;
        n_above += c->verdict == ANM_VERDICT_ABOVE;
        total += c->total_ns;
        if (c->verdict == ANM_VERDICT_ABOVE && c->total_ns > c->p50_ns)
            excess += c->total_ns - c->p50_ns;
    }
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "lines",
        number(log->n_lines), "damaged", number(log->n_damaged),
        "damaged_lines", make_damaged(log), "calls", number(log->n), "judged",
        number(n_judged), "above", number(n_above), "total_ns", number(total),
        "excess_ns", number(excess), "starts", number(log->n_loads), "since_ms",
        log->n ? known(log->items[0].at_ms) : json_null(), "models",
        make_log_models(log));
}

/* ---- Calls that were judged ------------------------------------------------------------ */

static json_t *make_judged(const anm_report *r)
{
    char why[400], warning[400];
    anm_judged j = { 0 };

    if (r->exam) anm_judged_add(&j, &r->exam->records);
    if (r->log) anm_judged_add_log(&j, r->log);
    anm_judged_say(&j, why, sizeof(why));
    anm_judged_warn(&j, warning, sizeof(warning));
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o}", "calls", number(j.n),
                     "above", number(j.n_above), "moments", number(j.n_moments),
                     "blurred", number(j.n_blurred), "says", why, "warning",
                     *warning ? json_string(warning) : json_null());
}

/* ---- The document --------------------------------------------------------------------- */

static json_t *make_settings(const char *settings)
{
    json_t *list = settings ? json_loads(settings, 0, NULL) : json_array();

    return list ? list : json_array();
}

static json_t *make_rounds(const anm_report *r)
{
    size_t n = 0, n_disturbed = 0;

    for (size_t i = 0; i < r->n_outcomes; i++) {
        n += r->outcomes[i].n_rounds;
        n_disturbed += r->outcomes[i].n_disturbed;
    }
    return json_pack("{s:o, s:o}", "kept", number(n), "disturbed",
                     number(n_disturbed));
}

anm_status anm_report_write(const anm_report *r, char **json, anm_error *err)
{
    bool thinned = false;
    const anm_records *records = r->exam ? &r->exam->records : r->log;
    json_t *calls = make_calls(records, &thinned);
    json_t *doc = json_pack(
        "{s:i, s:s, s:o, s:f, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:b, s:o}",
        "anemone_doctor", 1, "mode", r->mode, "started_ms",
        json_integer(r->started_ms), "seconds", (double)r->ns / 1e9,
        "interrupted", r->interrupted, "seed", number(r->seed), "machine",
        anm_report_machine(r), "settings", make_settings(r->settings), "model",
        make_model(r), "findings", make_findings(r), "judged", make_judged(r),
        "experiments", make_experiments(r), "hypotheses",
        anm_report_hypotheses(r), "rounds", make_rounds(r), "bands",
        make_bands(r->bands), "receipts", make_log(r->log), "calls_thinned",
        thinned, "calls", calls);

    return anm_json_take_string(doc, 0, json, err);
}
