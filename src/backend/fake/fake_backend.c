/* fake_backend.c - the backend's table: plans and predicts as the scenario says
 * and computes nothing.
 *
 * What prepare() has made is loaded first by the builder of the golden vector:
 * that runner answers as it should, at once, and no fault touches it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/virtual.h"
#include "graph/cost.h"

struct anm_runner {
    anm_program program;
    unsigned excluded;
    unsigned n_members;
    bool is_reference;
    double stale_factor;
    uint64_t latencies; /* state of the draws */
    uint64_t last_end_ns;
    uint64_t lengths_seen; /* bit per power of two */
    uint64_t number;       /* of this runner */
    anm_fake_shares planned;
    bool plan_known;
    anm_plan_row *rows; /* [n_rows] */
    size_t n_rows;
    anm_fake_effect effect; /* of the latest call */
};

static bool prepared_now;
static double found_factor = 1;            /* of the artifact found last */
static _Thread_local uint64_t last_runner; /* that this thread has called */

/* What an artifact holds: no two that are built are the same. */
typedef struct build {
    uint64_t number;
} build;

static const char section[] = "fake";
static const size_t reference_tokens = 32;

/* ---- Devices ----------------------------------------------------------------- */

static unsigned list_devices(void)
{
    const anm_fake_scenario *s = anm_fake_scenario_played();
    unsigned set = 0;

    for (size_t d = 0; s && d < ANM_DEVICE_COUNT; d++)
        if (s->devices[d].present) set |= 1u << d;
    return set;
}

static unsigned excluded_by(anm_units units)
{
    switch (units) {
    case ANM_UNITS_ALL:
        return 0;
    case ANM_UNITS_CPU_AND_GPU:
        return 1u << ANM_DEVICE_ANE;
    case ANM_UNITS_CPU_AND_NE:
        return 1u << ANM_DEVICE_GPU;
    case ANM_UNITS_CPU_ONLY:
        return 1u << ANM_DEVICE_GPU | 1u << ANM_DEVICE_ANE;
    }
    return 0;
}

static anm_status fail_as_told(anm_fake_at at, const char *what, anm_error *err)
{
    const anm_fake_fault *f = anm_fake_fault_at_load(ANM_FAKE_FAIL, at);

    if (!f) return ANM_OK;
    return anm_fail(err, (anm_status)f->status, "%s: %s", what,
                    *f->reason ? f->reason : "the scenario says so");
}

static anm_status accept_program(const anm_program *program,
                                 const anm_load_params *params, anm_error *err)
{
    (void)program;
    (void)params;
    return fail_as_told(ANM_FAKE_AT_ACCEPTS, "accepts", err);
}

static const char *name_layout(const anm_program *program,
                               const anm_load_params *params)
{
    (void)program;
    (void)params;
    return "fake-1";
}

static anm_status prepare(const anm_program *program,
                          const anm_load_params *params,
                          const anm_section_sink *sink, anm_error *err)
{
    static uint64_t last_number;
    anm_status status = fail_as_told(ANM_FAKE_AT_PREPARE, "compile", err);
    const build made = { .number = ++last_number };

    (void)program;
    (void)params;
    if (!status) status = sink->begin(sink->ctx, section, sizeof(made), err);
    if (!status) status = sink->write(sink->ctx, &made, sizeof(made), err);
    if (!status) prepared_now = true;
    return status;
}

/* ---- Plan -------------------------------------------------------------------- */

static bool may_use(const anm_runner *r, size_t device)
{
    return device < ANM_DEVICE_COUNT &&
           (list_devices() & ~r->excluded) >> device & 1;
}

static size_t preferred(const anm_runner *r, const anm_fake_scenario *s)
{
    static const size_t order[] = { ANM_DEVICE_ANE, ANM_DEVICE_GPU };

    if (may_use(r, s->plan.prefer)) return s->plan.prefer;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (may_use(r, order[i])) return order[i];
    return ANM_DEVICE_CPU;
}

static anm_plan_row make_row(const anm_runner *r, size_t i, size_t device)
{
    const anm_node *node = anm_graph_node(r->program.graph, i);

    return (anm_plan_row){
        .name = node->name,
        .type = anm_op_describe(node->op)->name,
        .variant = "",
        .device = (anm_device)device,
        .share = anm_node_share(r->program.graph, i, reference_tokens),
        .evidence = ANM_EVIDENCE_PLANNED,
    };
}

/* Operations in order go to `best` until it has its share of the work. */
static void make_plan(anm_runner *r, const anm_fake_scenario *s)
{
    const anm_fake_fault *moved =
        anm_fake_fault_at_load(ANM_FAKE_PLAN, ANM_FAKE_AT_LOAD);
    const size_t best = moved && may_use(r, moved->device) ? moved->device
                        : moved                            ? ANM_DEVICE_CPU
                                                           : preferred(r, s);
    const char *why = moved ? moved->reason : s->plan.reason;

    for (size_t i = 0; i < r->n_rows; i++) {
        const size_t told =
            s->plan.ops[anm_graph_node(r->program.graph, i)->op];
        anm_plan_row row = make_row(r, i, best);
        const double after = r->planned.of[best] + row.share;
        const bool fits = s->plan.share >= 1 || after <= s->plan.share;
        if (may_use(r, told) && !moved)
            row.device = (anm_device)told;
        else if (!fits)
            row.device = ANM_DEVICE_CPU;
        if (row.device != (anm_device)preferred(r, s) || moved)
            row.reason = why && *why ? why : NULL;
        r->planned.of[row.device] += row.share;
        r->rows[i] = row;
    }
}

/* Without a plan API nothing is known before it runs, and it runs as planned
 * all the same. */
static void hide_plan(anm_runner *r)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        r->rows[i].device = ANM_DEVICE_UNKNOWN;
        r->rows[i].share = -1;
        r->rows[i].evidence = ANM_EVIDENCE_UNKNOWN;
    }
}

static size_t list_plan(const anm_runner *r, const anm_plan_row **rows)
{
    *rows = r->rows;
    return r->n_rows;
}

/* ---- Load -------------------------------------------------------------------- */

static anm_status check_artifact(anm_runner *r, const anm_sections *sections,
                                 bool fresh, anm_error *err)
{
    static double rebuilt_factor = 1;
    anm_bytes bytes;
    const anm_fake_fault *f =
        fresh ? NULL
              : anm_fake_fault_at_load(ANM_FAKE_ARTIFACT, ANM_FAKE_AT_LOAD);

    // What is built in place of a refused one runs as the fault says.
    if (!fresh) rebuilt_factor = 1;
    r->stale_factor = rebuilt_factor * found_factor;
    if (!anm_sections_find(sections, section, &bytes) ||
        bytes.len != sizeof(build))
        return anm_fail(err, ANM_E_CORRUPT, "no section named %s", section);
    if (f && f->answer == ANM_FAKE_CORRUPT) {
        rebuilt_factor = f->factor;
        return anm_fail(err, ANM_E_CORRUPT, "%s",
                        *f->reason ? f->reason
                                   : "it is of another configuration");
    }
    return ANM_OK;
}

bool anm_fake_found_stale(void)
{
    const anm_fake_fault *f =
        anm_fake_fault_at_load(ANM_FAKE_ARTIFACT, ANM_FAKE_AT_LOAD);

    if (!f || f->answer != ANM_FAKE_STALE) return false;
    found_factor = f->factor;
    return true;
}

static void unload(anm_runner *r)
{
    if (!r) return;
    anm_free(r->rows);
    anm_free(r);
}

static anm_status fill_runner(anm_runner *r, const anm_sections *sections,
                              bool fresh, anm_error *err)
{
    const anm_fake_scenario *s = anm_fake_scenario_played();

    r->rows = anm_alloc_array(r->n_rows, sizeof(*r->rows));
    if (!r->rows) return anm_fail(err, ANM_E_NOMEM, "plan: out of memory");
    anm_status status = check_artifact(r, sections, fresh, err);
    if (status) return status;
    make_plan(r, s);
    // With one device to choose from there is nothing to tell.
    const unsigned usable = list_devices() & ~r->excluded;
    r->plan_known = s->plan.known || (usable & (usable - 1)) == 0;
    if (!r->plan_known) hide_plan(r);
    if (r->is_reference) return ANM_OK;
    anm_virtual_spend((uint64_t)(s->stages.load_ms * 1e6), true);
    status = fail_as_told(ANM_FAKE_AT_LOAD, "load", err);
    return status;
}

static anm_status load(anm_runner **out, const anm_program *program,
                       const anm_load_params *params,
                       const anm_sections *sections, anm_error *err)
{
    static atomic_ullong last_number;
    static bool fresh;
    anm_runner *r = anm_alloc_zero(sizeof(*r));

    *out = NULL;
    if (!r) return anm_fail(err, ANM_E_NOMEM, "runner: out of memory");
    r->program = *program;
    r->excluded = excluded_by(params->units);
    r->n_members = params->threads;
    r->n_rows = anm_graph_n_nodes(program->graph);
    r->is_reference = prepared_now;
    r->number = atomic_fetch_add(&last_number, 1) + 1;
    r->latencies = anm_fake_seed() * 104729 + r->number;
    r->last_end_ns = anm_virtual_now();
    if (prepared_now) fresh = true;
    prepared_now = false;
    const anm_status status = fill_runner(r, sections, fresh, err);
    if (!r->is_reference) {
        fresh = false;
        found_factor = 1;
    }
    if (status) {
        unload(r);
        return status;
    }
    *out = r;
    return ANM_OK;
}

static anm_status reserve(anm_runner *r, size_t tokens, size_t texts,
                          anm_error *err)
{
    (void)r;
    (void)tokens;
    (void)texts;
    (void)err;
    return ANM_OK;
}

/* ---- Time -------------------------------------------------------------------- */

static size_t count_tokens(const anm_call *call)
{
    size_t n = 0;

    for (size_t i = 0; i < call->n_inputs; i++)
        for (size_t t = 0; t < call->inputs[i].len; t++)
            n += call->inputs[i].mask[t] != 0;
    return n;
}

static anm_fake_moment see_moment(anm_runner *r, size_t tokens)
{
    unsigned class = 0;

    while (class < 63 && (size_t)1 << class < tokens)
        class ++;
    const uint64_t bit = UINT64_C(1) << class;
    const anm_fake_moment m = {
        .tokens = tokens,
        .idle_ms = (double)(anm_virtual_now() - r->last_end_ns) / 1e6,
        .first_on_thread = last_runner != r->number,
        .first_of_length = !(r->lengths_seen & bit),
    };
    if (anm_fake_is_proving()) return m;
    r->lengths_seen |= bit;
    last_runner = r->number;
    return m;
}

/* A draw around 1 whose logarithm is normal. */
static double draw_spread(anm_runner *r, const anm_fake_device *d)
{
    const double u = 1 - anm_fake_draw(&r->latencies);
    const double v = anm_fake_draw(&r->latencies);
    const double normal = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
    const bool tail = anm_fake_draw(&r->latencies) < d->tail_chance;

    return exp(d->spread * normal) * (tail ? d->tail_factor : 1);
}

static anm_fake_shares executed(const anm_runner *r, const anm_fake_effect *e)
{
    return e->executes.of[ANM_DEVICE_CPU] >= 0 ? e->executes : r->planned;
}

static void work(anm_runner *r, const anm_call *call, const anm_fake_effect *e,
                 size_t tokens)
{
    const anm_fake_scenario *s = anm_fake_scenario_played();
    const anm_fake_shares shares = executed(r, e);
    const double tokens_run = (double)tokens;

    for (size_t d = 0; d < ANM_DEVICE_COUNT; d++) {
        const anm_fake_device *device = &s->devices[d];
        if (shares.of[d] <= 0) continue;
        const double ms = (device->ms * (double)call->n_inputs +
                           device->ms_per_token * fmax(tokens_run, e->tokens)) *
                          shares.of[d] * e->factor * r->stale_factor *
                          draw_spread(r, device);
        if (d != ANM_DEVICE_CPU) anm_virtual_counters()->vol_switches++;
        anm_virtual_spend((uint64_t)(ms * 1e6), d == ANM_DEVICE_CPU);
    }
}

static void wait_as_told(const anm_fake_effect *e)
{
    for (size_t k = 0; k < ANM_FAKE_KIND_COUNT; k++) {
        if (e->ms[k] <= 0) continue;
        if (k == ANM_FAKE_SUSPEND) {
            anm_virtual_jump((uint64_t)(e->ms[k] * 1e6));
            continue;
        }
        anm_fake_count_wait((anm_fake_kind)k, e->ms[k]);
        anm_virtual_spend((uint64_t)(e->ms[k] * 1e6),
                          anm_fake_counts_as_cpu((anm_fake_kind)k));
    }
}

/* ---- Evidence ---------------------------------------------------------------- */

static anm_device largest(const anm_fake_shares *s, double *share)
{
    const double almost_all = 0.9;
    size_t best = 0;

    for (size_t d = 1; d < ANM_DEVICE_COUNT; d++)
        if (s->of[d] > s->of[best]) best = d;
    *share = s->of[best];
    if (*share >= almost_all) return (anm_device)best;
    *share = -1;
    return ANM_DEVICE_MIXED;
}

static void state_seen(anm_testimony *t, const char *source, size_t answer,
                       const anm_fake_shares *really)
{
    static const anm_fake_shares said[] = {
        [ANM_FAKE_SAYS_CPU] = { { 1, 0, 0 } },
        [ANM_FAKE_SAYS_GPU] = { { 0, 1, 0 } },
        [ANM_FAKE_SAYS_ANE] = { { 0, 0, 1 } },
    };
    double share;

    if (answer == ANM_FAKE_ABSENT) return;
    const anm_fake_shares *s =
        answer == ANM_FAKE_HONEST ? really : &said[answer];
    const anm_device device = largest(s, &share);
    const anm_statement statement =
        anm_statement_make(ANM_WITNESS_DEVICE, device, share,
                           "%s: %.0f %% cpu, %.0f %% gpu, %.0f %% ane", source,
                           100 * s->of[0], 100 * s->of[1], 100 * s->of[2]);
    anm_testimony_add(t, &statement);
}

static void state_configured(const anm_runner *r, anm_testimony *t)
{
    const unsigned possible = list_devices() & ~r->excluded;
    anm_statement s;

    t->excluded = r->excluded;
    if (possible == 1u << ANM_DEVICE_CPU)
        s = anm_statement_make(ANM_WITNESS_CONFIGURATION, ANM_DEVICE_CPU, 1,
                               "no other device may be used");
    else if (r->excluded)
        s = anm_statement_make(ANM_WITNESS_CONFIGURATION, ANM_DEVICE_UNKNOWN,
                               -1, "%s excluded by configuration",
                               r->excluded >> ANM_DEVICE_GPU & 1 ? "gpu"
                                                                 : "ane");
    else
        return;
    anm_testimony_add(t, &s);
}

static void state_planned(const anm_runner *r, anm_testimony *t)
{
    double share;

    if (!r->plan_known) return;
    const anm_device device = largest(&r->planned, &share);
    const anm_statement s =
        anm_statement_make(ANM_WITNESS_PLAN, device, share, "plan of the load");
    anm_testimony_add(t, &s);
}

/* What the computing threads' CPU time tells: nothing of other devices. */
static void observe_cpu_time(anm_testimony *t, const anm_fake_shares *really)
{
    double share;

    if (largest(really, &share) != ANM_DEVICE_CPU) return;
    const anm_statement s =
        anm_statement_make(ANM_WITNESS_CPU_TIME, ANM_DEVICE_CPU, share,
                           "thread cpu time as long as the prediction");
    anm_testimony_add(t, &s);
}

static void testify(const anm_runner *r, const anm_fake_effect *e,
                    anm_testimony *t)
{
    const anm_fake_shares really = executed(r, e);

    state_configured(r, t);
    if (e->evidence.plan) state_planned(r, t);
    if (e->evidence.cpu_time) observe_cpu_time(t, &really);
    state_seen(t, "energy", e->evidence.energy, &really);
    state_seen(t, "footprint", e->evidence.footprint, &really);
}

/* Threads of the backend wait where the caller waits; the caller's counters
 * hold it all. A cpu has no queue before it. */
static void count(const anm_fake_effect *e, anm_observed *o)
{
    const bool is_device = e->ms[ANM_FAKE_BUSY] > 0;

    o->run_delay_max_ns = 0;
    o->device_wait_ns = is_device ? (int64_t)(e->ms[ANM_FAKE_BUSY] * 1e6) : 0;
}

/* ---- Predict ----------------------------------------------------------------- */

static void set_host(const anm_fake_effect *e)
{
    anm_virtual_machine *m = anm_virtual_host();

    m->host_ratio = e->host_ratio;
    m->state.freq_khz = (int64_t)e->khz;
}

static anm_status predict(anm_runner *r, const anm_call *call,
                          uint64_t *bind_ns, anm_error *err)
{
    anm_fake_effect e;

    *bind_ns = 0;
    if (r->is_reference) {
        anm_fake_vectors_fill(r->program.dim, call, NULL);
        return ANM_OK;
    }
    const size_t tokens = count_tokens(call);
    const anm_fake_moment m = see_moment(r, tokens);
    anm_fake_effect_of_call(&m, &e);
    set_host(&e);
    if (e.crash) raise(SIGSEGV);
    const uint64_t start = anm_virtual_now();
    anm_virtual_spend((uint64_t)(e.bind_ms * e.host_ratio * 1e6), true);
    *bind_ns = anm_virtual_now() - start;
    work(r, call, &e, tokens);
    wait_as_told(&e);
    r->last_end_ns = anm_virtual_now();
    if (e.fail)
        return anm_fail(err, (anm_status)e.fail->status, "predict: %s",
                        *e.fail->reason ? e.fail->reason
                                        : "the scenario says so");
    anm_fake_vectors_fill(r->program.dim, call, e.output);
    r->effect = e;
    return ANM_OK;
}

static void observe(anm_runner *r, const anm_spent *caller, anm_observed *out)
{
    (void)caller;
    *out = (anm_observed){ 0 };
    count(&r->effect, out);
    testify(r, &r->effect, &out->where);
}

/* A fixed piece of work of the host's own. */
static uint64_t probe(anm_runner *r)
{
    const double usual_ns = 20000, spread = 0.02;
    const double ns = usual_ns * anm_virtual_host()->host_ratio *
                      (1 + spread * (anm_fake_draw(&r->latencies) - 0.5));

    anm_virtual_spend((uint64_t)ns, true);
    return (uint64_t)ns;
}

static anm_status measure(anm_runner *r, anm_peak *out, anm_error *err)
{
    (void)r;
    (void)err;
    *out = (anm_peak){ .macs_per_s = 1e11, .bytes_per_s = 1e10 };
    return ANM_OK;
}

const anm_backend anm_backend_fake = {
    .name = "fake",
    .devices = list_devices,
    .accepts = accept_program,
    .layout = name_layout,
    .prepare = prepare,
    .load = load,
    .plan = list_plan,
    .reserve = reserve,
    .predict = predict,
    .observe = observe,
    .probe = probe,
    .measure = measure,
    .unload = unload,
};
