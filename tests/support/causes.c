/* causes.c - calls that came late, with a reason planted in them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/causes.h"

static const uint64_t ms = 1000000;

anm_receipt test_late_call(uint64_t total)
{
    anm_receipt r = { 0 };

    r.total_ns = total;
    r.stages_ns[ANM_STAGE_PREDICT] = total;
    r.units = ANM_UNITS_CPU_AND_NE;
    r.where.device = ANM_DEVICE_ANE;
    r.where.evidence = ANM_EVIDENCE_OBSERVED;
    r.where.excluded = 1u << ANM_DEVICE_GPU;
    r.counters = (anm_counters){ .device_wait_ns = ANM_COUNTER_UNKNOWN,
                                 .probe_ns = ANM_COUNTER_UNKNOWN,
                                 .freq_khz = ANM_COUNTER_UNKNOWN };
    r.band.n = 20;
    r.band.p50_ns = 10 * ms;
    r.band.high_ns = 11 * ms;
    r.band.verdict = total > 11 * ms ? ANM_VERDICT_ABOVE : ANM_VERDICT_INSIDE;
    return r;
}

anm_history test_quiet_past(void)
{
    return (anm_history){ .band = { .tokens = 8,
                                    .n = 20,
                                    .first_ns = 14 * ms,
                                    .p50_ns = 10 * ms,
                                    .high_ns = 11 * ms,
                                    .predict_p50_ns = 9 * ms,
                                    .outside_p50_ns = 1 * ms,
                                    .outside_high_ns = 2 * ms,
                                    .today_p50_ns = 10 * ms },
                          .probe_ratio = 1,
                          .freq_ratio = 1,
                          .longer_ratio = 1 };
}

void test_move_stage(anm_receipt *r, anm_stage to, uint64_t ns)
{
    r->stages_ns[ANM_STAGE_PREDICT] -= ns;
    r->stages_ns[to] += ns;
}

/* What tells of a cause. Numbers are shares of the planted excess. */
typedef struct sign {
    anm_stage stage; /* of the part that moves there */
    double moved, moved_ms;
    double run_delay, run_delay_max, throttled, device_wait, blocked, psi;
    int64_t major_faults;
    double probe, freq, longer, drift, idle, today;
    unsigned first; /* ANM_FIRST_… */
    bool on_gpu, fell_back, conflict;
    bool other_plan, other_artifact, other_input;
} sign;

static const sign signs[ANM_CAUSE_COUNT] = {
    [ANM_CAUSE_QUEUEING] = { .stage = ANM_STAGE_QUEUE, .moved = 1 },
    [ANM_CAUSE_CPU_CONTENTION] = { .run_delay = 1, .run_delay_max = 1 },
    [ANM_CAUSE_THROTTLED_QUOTA] = { .throttled = 2,
                                    .run_delay = 2,
                                    .run_delay_max = 1 },
    [ANM_CAUSE_DEVICE_BUSY] = { .device_wait = 1, .blocked = 1 },
    [ANM_CAUSE_PAGING] = { .major_faults = 40, .blocked = 1 },
    [ANM_CAUSE_MEMORY_PRESSURE] = { .major_faults = 4, .psi = 1, .blocked = 1 },
    [ANM_CAUSE_OVERHEAD_OUTSIDE_PREDICT] = { .stage = ANM_STAGE_TOKENIZE,
                                             .moved = 1,
                                             .moved_ms = 1 },
    [ANM_CAUSE_FREQUENCY] = { .freq = 1, .probe = 1 },
    [ANM_CAUSE_HOST_SLOWER] = { .probe = 1 },
    [ANM_CAUSE_THERMAL_DRIFT] = { .drift = 1 },
    [ANM_CAUSE_IDLE_WAKEUP] = { .idle = 1 },
    [ANM_CAUSE_LONGER_INPUT] = { .longer = 1 },
    [ANM_CAUSE_BAND_MOVED] = { .today = 1 },
    [ANM_CAUSE_COLD_START] = { .first = ANM_FIRST_CALL | ANM_FIRST_THREAD },
    [ANM_CAUSE_FIRST_IN_BUCKET] = { .first = ANM_FIRST_LENGTH },
    [ANM_CAUSE_NEW_THREAD] = { .first = ANM_FIRST_THREAD },
    [ANM_CAUSE_UNITS_NOT_HONOURED] = { .on_gpu = true },
    [ANM_CAUSE_FALLBACK_LOAD] = { .fell_back = true, .other_plan = true },
    [ANM_CAUSE_EVIDENCE_CONFLICT] = { .conflict = true },
    [ANM_CAUSE_SLOWER_DEVICE_BY_PLAN] = { .other_plan = true },
    [ANM_CAUSE_STALE_ARTIFACT] = { .other_artifact = true },
    [ANM_CAUSE_INPUT_CHANGED] = { .other_input = true },
};

static void plant_counters(const sign *s, double excess, anm_counters *c)
{
    c->run_delay_ns += (int64_t)(s->run_delay * excess);
    c->run_delay_max_ns += (int64_t)(s->run_delay_max * excess);
    c->throttled_ns += (int64_t)(s->throttled * excess);
    if (s->device_wait > 0) // not offered otherwise
        c->device_wait_ns = (int64_t)(s->device_wait * excess);
    c->blocked_ns += (int64_t)(s->blocked * excess);
    c->psi_memory_us += (int64_t)(s->psi * excess / 1000);
    c->major_faults += s->major_faults;
}

static void plant_history(const sign *s, double excess, anm_history *h)
{
    const double share = excess / (double)h->band.p50_ns;

    h->probe_ratio += s->probe * share;
    h->freq_ratio += s->freq * share;
    h->longer_ratio += s->longer * share;
    h->drift += s->drift * share;
    h->idle_extra_ns += (uint64_t)(s->idle * excess);
    h->band.today_p50_ns += (uint64_t)(s->today * excess);
    if (s->other_plan) h->plan_changed = true;
    if (s->other_artifact) h->artifact_changed = true;
    if (s->other_input) h->input_changed = true;
}

void test_plant(anm_cause cause, uint64_t excess, anm_receipt *r,
                anm_history *h)
{
    const sign *s = &signs[cause];

    if (s->moved > 0)
        test_move_stage(
            r, s->stage,
            (uint64_t)(s->moved * (double)excess + s->moved_ms * (double)ms));
    plant_counters(s, (double)excess, &r->counters);
    plant_history(s, (double)excess, h);
    r->first |= s->first;
    if (s->on_gpu) r->where.device = ANM_DEVICE_GPU;
    if (s->fell_back) r->contract.fallback = true;
    if (s->conflict) r->where.conflict.evidence = ANM_EVIDENCE_PLANNED;
}
