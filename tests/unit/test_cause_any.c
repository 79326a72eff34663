/* test_cause_any.c - whatever a receipt holds, its causes never claim more than
 * there is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/cause.h"

#include "support/causes.h"
#include "support/support.h"

static const uint64_t ms = 1000000;

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static int64_t draw_counter(uint64_t *seed)
{
    const uint64_t kind = draw(seed) % 4;

    if (kind == 0) return ANM_COUNTER_UNKNOWN;
    return kind == 1 ? 0 : (int64_t)(draw(seed) % (60 * ms));
}

static double draw_ratio(uint64_t *seed)
{
    return draw(seed) % 2 ? 1 : (double)(draw(seed) % 400) / 100;
}

static void draw_call(uint64_t *seed, anm_receipt *r, anm_history *h)
{
    *r = test_late_call(12 * ms + draw(seed) % (50 * ms));
    *h = test_quiet_past();
    for (int s = 0; s < ANM_STAGE_COUNT; s++)
        if (s != ANM_STAGE_PREDICT)
            test_move_stage(r, (anm_stage)s,
                            draw(seed) % (r->stages_ns[ANM_STAGE_PREDICT] + 1));
    anm_counters *c = &r->counters;
    int64_t *const counters[] = { &c->run_delay_ns, &c->run_delay_max_ns,
                                  &c->blocked_ns,   &c->device_wait_ns,
                                  &c->throttled_ns, &c->psi_memory_us,
                                  &c->major_faults, &c->minor_faults };
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        *counters[i] = draw_counter(seed);
    h->probe_ratio = draw_ratio(seed);
    h->freq_ratio = draw_ratio(seed);
    h->longer_ratio = draw_ratio(seed);
    h->drift = draw_ratio(seed) - 1;
    h->idle_extra_ns = draw(seed) % 2 ? 0 : draw(seed) % (40 * ms);
    h->band.today_p50_ns = draw(seed) % (30 * ms);
    if (draw(seed) % 2) return;
    r->first = (unsigned)draw(seed) % 8;
    r->contract.fallback = draw(seed) % 2;
    r->where.device = (anm_device)(draw(seed) % 5);
    r->where.conflict.evidence = (anm_evidence)(draw(seed) % 4);
    h->plan_changed = draw(seed) % 2;
    h->artifact_changed = draw(seed) % 2;
    h->input_changed = draw(seed) % 2;
    h->standing_ns = draw(seed) % (20 * ms);
}

static uint64_t explained_by(const anm_receipt *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < r->n_causes; i++)
        sum += r->causes[i].explained_ns;
    return sum;
}

static void any_receipt_keeps_the_rules(void **state)
{
    uint64_t seed = 3;
    (void)state;

    for (int i = 0; i < 200000; i++) {
        anm_receipt r;
        anm_history h;
        draw_call(&seed, &r, &h);
        anm_cause_explain(&r, &h);
        const uint64_t excess = r.total_ns - r.band.p50_ns;
        assert_in_range(r.n_causes, 1, 3);
        assert_true(explained_by(&r) <= excess);
        if (r.causes[0].cause == ANM_CAUSE_UNKNOWN) {
            assert_int_equal(r.n_causes, 1);
            continue;
        }
        assert_true(explained_by(&r) * 2 >= excess);
        for (size_t k = 0; k < r.n_causes; k++) {
            assert_int_not_equal(r.causes[k].cause, ANM_CAUSE_NONE);
            assert_true(r.causes[k].excess_ns == excess);
            assert_true(r.causes[k].explained_ns * 5 >= excess);
            if (k)
                assert_true(r.causes[k].explained_ns <=
                            r.causes[k - 1].explained_ns);
        }
    }
}

static uint64_t explained_as(const anm_receipt *r, anm_cause cause)
{
    for (size_t i = 0; i < r->n_causes; i++)
        if (r->causes[i].cause == cause) return r->causes[i].explained_ns;
    return 0;
}

/* With more of its own evidence a cause explains no less. */
static void more_evidence_explains_no_less(void **state)
{
    static const anm_cause causes[] = {
        ANM_CAUSE_QUEUEING,     ANM_CAUSE_CPU_CONTENTION, ANM_CAUSE_DEVICE_BUSY,
        ANM_CAUSE_HOST_SLOWER,  ANM_CAUSE_THERMAL_DRIFT,  ANM_CAUSE_IDLE_WAKEUP,
        ANM_CAUSE_LONGER_INPUT, ANM_CAUSE_BAND_MOVED,
    };
    (void)state;

    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        uint64_t before = 0;
        for (uint64_t ns = 0; ns <= 20 * ms; ns += ms / 4) {
            anm_receipt r = test_late_call(30 * ms);
            anm_history h = test_quiet_past();
            test_plant(causes[i], ns, &r, &h);
            anm_cause_explain(&r, &h);
            const uint64_t now = explained_as(&r, causes[i]);
            assert_true(now >= before);
            before = now;
        }
        // Shares are computed in floating point.
        assert_true(before + 10 >= 20 * ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_receipt_keeps_the_rules),
        cmocka_unit_test(more_evidence_explains_no_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
