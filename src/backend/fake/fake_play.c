/* fake_play.c - the scenario of this process, how far it has come, and which
 * of its faults act now.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/error.h"
#include "base/virtual.h"

static struct play {
    anm_fake_scenario scenario;
    bool begun;
    uint64_t seed, chances; /* state of the draws of conditions */
    unsigned start;
    anm_fake_phase phase;
    uint64_t live_since_ns;
    unsigned n_drifted[ANM_FAKE_ITEMS_MAX]; /* calls that a drift has seen */
} play;

/* Of the calling thread. */
static _Thread_local unsigned query;
static _Thread_local const char *caller;

/* ---- Draws ----------------------------------------------------------------- */

double anm_fake_draw(uint64_t *state)
{
    // splitmix64
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

double anm_fake_draw_range(anm_fake_range r, uint64_t *state)
{
    return r.low == r.high ? r.low
                           : r.low + (r.high - r.low) * anm_fake_draw(state);
}

uint64_t anm_fake_seed(void)
{
    return play.seed;
}

/* ---- Where the play is ------------------------------------------------------ */

static void set_machine(void)
{
    const anm_fake_scenario *s = &play.scenario;
    anm_virtual_machine *m = anm_virtual_host();

    snprintf(m->identity, sizeof(m->identity), "%s", s->machine.name);
    m->tick_ns = (uint64_t)s->machine.clock_read_ns;
    m->absent = s->machine.absent;
    m->state.freq_khz = (int64_t)s->machine.freq_khz;
    m->host_ratio = 1;
}

anm_status anm_fake_begin(const char *path, uint64_t seed, anm_error *err)
{
    const anm_status status = anm_fake_scenario_read(&play.scenario, path, err);

    if (status) return status;
    play.begun = true;
    play.seed = seed ? seed : (uint64_t)play.scenario.seed;
    play.chances = play.seed * 7919 + 1;
    play.start = 1;
    set_machine();
    return ANM_OK;
}

void anm_fake_end(void)
{
    if (play.begun) anm_fake_scenario_deinit(&play.scenario);
    play.begun = false;
}

const anm_fake_scenario *anm_fake_scenario_played(void)
{
    return play.begun ? &play.scenario : NULL;
}

void anm_fake_enter_start(unsigned start)
{
    play.start = start;
    play.phase = ANM_FAKE_OPEN;
}

void anm_fake_enter_phase(anm_fake_phase phase)
{
    play.phase = phase;
    if (phase == ANM_FAKE_LIVE) play.live_since_ns = anm_virtual_now();
}

bool anm_fake_is_proving(void)
{
    return play.phase == ANM_FAKE_OPEN;
}

void anm_fake_enter_query(unsigned number, const char *name)
{
    query = number;
    caller = name;
}

/* ---- Conditions -------------------------------------------------------------- */

static bool is_start(const anm_fake_when *w)
{
    return (w->start == 0 || w->start == play.start) &&
           play.start >= w->from_start;
}

static bool is_moment(const anm_fake_when *w, const anm_fake_moment *m)
{
    return m->idle_ms >= w->min_idle_ms && (double)m->tokens >= w->min_tokens &&
           (double)m->tokens <= w->max_tokens &&
           (!w->first_on_thread || m->first_on_thread) &&
           (!w->first_of_length || m->first_of_length);
}

/* Queries count from 1; 0 is one outside the workload, which is no n-th. */
static bool is_query(const anm_fake_when *w)
{
    const double n = query;
    const double past = n > 0 ? n - fmax(w->from_query, 1) : 0;

    return n >= w->from_query && n <= w->to_query &&
           (w->every <= 1 || fmod(past, w->every) == 0) &&
           (!w->caller || (caller && strcmp(w->caller, caller) == 0));
}

static bool is_time(const anm_fake_when *w)
{
    const double ms =
        play.phase == ANM_FAKE_LIVE
            ? (double)(anm_virtual_now() - play.live_since_ns) / 1e6
            : 0;

    return ms >= w->from_ms && ms <= w->to_ms;
}

/* One draw a query, so that all of its stages agree. */
static bool happens(const anm_fake_fault *f)
{
    const uint64_t number = (uint64_t)(f - play.scenario.faults) + 1;
    uint64_t state = (play.seed * 64 + number) * UINT64_C(1000003) + query;

    if (f->when.chance >= 1) return true;
    return anm_fake_draw(query ? &state : &play.chances) < f->when.chance;
}

static bool acts(const anm_fake_fault *f, const anm_fake_moment *m)
{
    const anm_fake_when *w = &f->when;

    return (w->phase == ANM_FAKE_ANY || w->phase == (size_t)play.phase) &&
           is_start(w) && is_query(w) && is_time(w) && is_moment(w, m) &&
           happens(f);
}

const anm_fake_fault *anm_fake_fault_at_load(anm_fake_kind kind, anm_fake_at at)
{
    for (size_t i = 0; i < play.scenario.n_faults; i++) {
        const anm_fake_fault *f = &play.scenario.faults[i];
        if (f->kind == (size_t)kind && is_start(&f->when) &&
            (kind != ANM_FAKE_FAIL || f->at == (size_t)at) && happens(f))
            return f;
    }
    return NULL;
}

/* ---- Waits ------------------------------------------------------------------- */

/* What a nanosecond of such a wait counts as, and what a millisecond of it. */
static const struct wait_row {
    bool is_cpu;
    double run_delay, throttled, psi_cpu, psi_memory, psi_io;
    double major, minor, invol, vol;
} waits[ANM_FAKE_KIND_COUNT] = {
    [ANM_FAKE_SLOW] = { .is_cpu = true },
    [ANM_FAKE_CONTENTION] = { .run_delay = 1, .psi_cpu = 0.8, .invol = 0.3 },
    // A throttled thread is runnable all the while, and is counted as such.
    [ANM_FAKE_QUOTA] = { .run_delay = 1,
                         .throttled = 1,
                         .psi_cpu = 1,
                         .invol = 0.1 },
    [ANM_FAKE_PAGING] = { .psi_io = 1, .major = 4, .vol = 4 },
    [ANM_FAKE_MEMORY] = { .psi_memory = 1,
                          .major = 0.2,
                          .minor = 40,
                          .vol = 0.2 },
    [ANM_FAKE_BUSY] = { .vol = 0.2 },
    [ANM_FAKE_IDLE] = { .is_cpu = true },
};

static int64_t count_of(double per_ms, double ms)
{
    return (int64_t)ceil(per_ms * ms);
}

void anm_fake_count_wait(anm_fake_kind kind, double ms)
{
    const struct wait_row *w = &waits[kind];
    anm_host_thread *t = anm_virtual_counters();
    anm_host_state *host = &anm_virtual_host()->state;
    const double us = ms * 1e3, ns = ms * 1e6;

    t->run_delay_ns += (int64_t)(w->run_delay * ns);
    t->major_faults += count_of(w->major, ms);
    t->minor_faults += count_of(w->minor, ms);
    t->invol_switches += count_of(w->invol, ms);
    t->vol_switches += count_of(w->vol, ms);
    host->throttled_ns += (int64_t)(w->throttled * ns);
    host->psi_cpu_us += (int64_t)(w->psi_cpu * us);
    host->psi_memory_us += (int64_t)(w->psi_memory * us);
    host->psi_io_us += (int64_t)(w->psi_io * us);
}

bool anm_fake_counts_as_cpu(anm_fake_kind kind)
{
    return waits[kind].is_cpu;
}

/* ---- Effects ----------------------------------------------------------------- */

static void slow_host(anm_fake_effect *e, double factor)
{
    e->factor *= factor;
    e->host_ratio *= factor;
}

static double idle_part(const anm_fake_fault *f, const anm_fake_moment *m)
{
    return 1 - exp(-m->idle_ms / f->tau_ms);
}

static void apply(size_t i, const anm_fake_moment *m, anm_fake_effect *e)
{
    const anm_fake_fault *f = &play.scenario.faults[i];
    const double ms = anm_fake_draw_range(f->ms, &play.chances);

    switch ((anm_fake_kind)f->kind) {
    case ANM_FAKE_IDLE:
        e->ms[f->kind] += ms * idle_part(f, m);
        break;
    case ANM_FAKE_DRIFT:
        e->factor *=
            fmin(1 + f->per_query * ++play.n_drifted[i], f->max_factor);
        break;
    case ANM_FAKE_FREQUENCY:
        slow_host(e, play.scenario.machine.freq_khz / f->khz);
        e->khz = f->khz;
        break;
    case ANM_FAKE_HOST:
        slow_host(e, f->factor);
        break;
    case ANM_FAKE_OVERHEAD:
        if (f->stage == ANM_FAKE_BIND) e->bind_ms += ms;
        break;
    case ANM_FAKE_PAD:
        e->tokens = fmax(e->tokens, f->tokens);
        break;
    case ANM_FAKE_EXECUTE:
        e->executes = f->shares;
        break;
    case ANM_FAKE_EVIDENCE:
        e->evidence.energy = f->energy;
        e->evidence.footprint = f->footprint;
        break;
    case ANM_FAKE_FAIL:
        if (f->at == ANM_FAKE_AT_PREDICT) e->fail = f;
        break;
    case ANM_FAKE_OUTPUT:
        e->output = f;
        break;
    case ANM_FAKE_CRASH:
        e->crash = f;
        break;
    case ANM_FAKE_SLOW:
    case ANM_FAKE_CONTENTION:
    case ANM_FAKE_QUOTA:
    case ANM_FAKE_PAGING:
    case ANM_FAKE_MEMORY:
    case ANM_FAKE_BUSY:
    case ANM_FAKE_SUSPEND:
        e->factor *= f->factor;
        e->ms[f->kind] += ms;
        break;
    case ANM_FAKE_PLAN:
    case ANM_FAKE_ARTIFACT:
    case ANM_FAKE_KIND_COUNT:
        break;
    }
}

void anm_fake_effect_of_call(const anm_fake_moment *m, anm_fake_effect *out)
{
    const anm_fake_scenario *s = &play.scenario;

    *out = (anm_fake_effect){ .factor = 1,
                              .host_ratio = 1,
                              .khz = s->machine.freq_khz,
                              .bind_ms = s->stages.bind_ms,
                              .executes = s->executes,
                              .evidence = s->evidence };
    for (size_t i = 0; i < s->n_faults; i++)
        if (acts(&s->faults[i], m)) apply(i, m, out);
}

/* ---- Stages outside the backend ---------------------------------------------- */

/* Before a call's tokens and gap are known. */
static double host_ratio_before(const anm_fake_moment *none)
{
    const anm_fake_scenario *s = &play.scenario;
    double ratio = 1;

    for (size_t i = 0; i < s->n_faults; i++) {
        const anm_fake_fault *f = &s->faults[i];
        if (f->kind == ANM_FAKE_HOST && acts(f, none))
            ratio *= f->factor;
        else if (f->kind == ANM_FAKE_FREQUENCY && acts(f, none))
            ratio *= s->machine.freq_khz / f->khz;
    }
    return ratio;
}

void anm_fake_spend_stage(anm_fake_stage stage)
{
    const anm_fake_scenario *s = &play.scenario;
    const anm_fake_moment none = { 0 };
    double ms =
        stage == ANM_FAKE_TOKENIZE ? s->stages.tokenize_ms : s->stages.post_ms;

    for (size_t i = 0; i < s->n_faults; i++) {
        const anm_fake_fault *f = &s->faults[i];
        if (f->kind == ANM_FAKE_OVERHEAD && f->stage == (size_t)stage &&
            acts(f, &none))
            ms += anm_fake_draw_range(f->ms, &play.chances);
    }
    if (stage == ANM_FAKE_TOKENIZE)
        anm_virtual_host()->host_ratio = host_ratio_before(&none);
    anm_virtual_spend((uint64_t)(ms * anm_virtual_host()->host_ratio * 1e6),
                      true);
}
