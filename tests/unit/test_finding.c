/* What windows of calls allow to be said of causes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/finding.h"

#include <string.h>

#include "base/alloc.h"
#include "doctor/statistics.h"
#include "support/support.h"

enum { MOST = 4000 };

typedef struct window {
    anm_records records;
    anm_finding found[ANM_FINDINGS_MAX];
    size_t n;
} window;

/* n steady calls, 2 s apart. */
static window *steady(size_t n)
{
    window *w = anm_alloc_zero(sizeof(*w));

    assert_non_null(w);
    w->records.items = anm_alloc_array(MOST, sizeof(*w->records.items));
    w->records.cap = MOST;
    w->records.n = n;
    for (size_t i = 0; i < n; i++)
        w->records.items[i] =
            (anm_record){ .at_ms = (int64_t)i * 2000,
                          .total_ns = 2000000,
                          .stages_ns = { [ANM_STAGE_PREDICT] = 1900000 },
                          .p50_ns = 2000000,
                          .verdict = ANM_VERDICT_INSIDE,
                          .n_causes = 1,
                          .run_delay_max_ns = ANM_COUNTER_UNKNOWN };
    return w;
}

/* Call i leaves its band for a cause that takes `ns`. */
static void plant(window *w, size_t i, anm_cause cause, uint64_t ns)
{
    anm_record *r = &w->records.items[i];

    r->verdict = ANM_VERDICT_ABOVE;
    r->total_ns = r->p50_ns + ns;
    r->causes[0].cause = cause;
    r->causes[0].excess_ns = ns;
    r->causes[0].explained_ns = cause == ANM_CAUSE_UNKNOWN ? 0 : ns;
}

static void look(window *w)
{
    anm_error err;

    assert_int_equal(
        anm_findings_make(&w->records, "receipts", w->found, &w->n, &err),
        ANM_OK);
}

static void drop(window *w)
{
    anm_records_deinit(&w->records);
    anm_free(w);
}

static void steady_calls_give_no_finding(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n += 99) {
        window *w = steady(n);
        look(w);
        assert_int_equal(w->n, 0);
        drop(w);
    }
}

/* 300 calls judged by a band of 16 runs. */
static window *steady_with_runs(void)
{
    window *w = steady(300);

    for (size_t i = 0; i < w->records.n; i++)
        w->records.items[i].band_n = 16;
    return w;
}

static void tail_that_warm_up_need_not_have_shown_is_no_finding(void **state)
{
    window *w = steady_with_runs();
    (void)state;

    for (size_t i = 0; i < 300; i += 12)
        plant(w, i, ANM_CAUSE_UNKNOWN, 3000000);
    look(w);
    assert_int_equal(w->n, 0);
    // What has a proof needs none of warm-up.
    for (size_t i = 0; i < 300; i += 12)
        plant(w, i, ANM_CAUSE_PAGING, 3000000);
    look(w);
    assert_int_equal(w->n, 1);
    drop(w);
}

static void unknown_beyond_any_tail_of_warm_up_is_found(void **state)
{
    (void)state;
    window *often = steady_with_runs();
    for (size_t i = 0; i < 300; i += 2)
        plant(often, i, ANM_CAUSE_UNKNOWN, 3000000);
    look(often);
    assert_int_equal(often->n, 1);
    drop(often);

    window *stretch = steady_with_runs();
    for (size_t i = 100; i < 110; i++)
        plant(stretch, i, ANM_CAUSE_UNKNOWN, 3000000);
    look(stretch);
    assert_int_equal(stretch->n, 1);
    assert_int_equal(stretch->found[0].n_hits, 10);
    drop(stretch);
}

static void few_calls_above_are_no_finding(void **state)
{
    window *w = steady(100);
    (void)state;

    plant(w, 10, ANM_CAUSE_PAGING, 9000000);
    look(w);
    assert_int_equal(w->n, 0);
    plant(w, 60, ANM_CAUSE_PAGING, 9000000);
    look(w);
    assert_int_equal(w->n, 0);
    drop(w);
}

static void frequent_cause_is_a_finding_with_figures(void **state)
{
    window *w = steady(1000);
    (void)state;

    for (size_t i = 400; i < 440; i += 2)
        plant(w, i, ANM_CAUSE_PAGING, 3000000);
    look(w);
    assert_int_equal(w->n, 1);
    const anm_finding *f = &w->found[0];
    assert_int_equal(f->cause, ANM_CAUSE_PAGING);
    assert_int_equal(f->n_hits, 20);
    assert_int_equal(f->n_of, 1000);
    assert_int_equal(f->first, 400);
    assert_int_equal(f->last, 438);
    assert_int_equal(f->effect_ns, 3000000);
    assert_true(f->effect_ratio > 2.49 && f->effect_ratio < 2.51);
    assert_int_equal(f->cost_ns, 60000000);
    assert_int_equal(f->since_ms, 800000);
    assert_true(f->p < 0.001 && f->n_evidence >= 2 && *f->advice);
    drop(w);
}

static void imposed_and_disturbed_calls_do_not_count(void **state)
{
    (void)state;
    for (int imposed = 0; imposed < 2; imposed++) {
        window *w = steady(60);
        for (size_t i = 20; i < 60; i++) {
            plant(w, i, ANM_CAUSE_QUEUEING, 3000000);
            w->records.items[i].imposed = imposed;
            w->records.items[i].disturbed = !imposed;
        }
        look(w);
        assert_int_equal(w->n, 0);
        drop(w);
    }
}

static void effect_below_ten_percent_is_no_finding(void **state)
{
    window *w = steady(60);
    (void)state;

    for (size_t i = 20; i < 60; i++)
        plant(w, i, ANM_CAUSE_QUEUEING, 150000);
    look(w);
    assert_int_equal(w->n, 0);
    for (size_t i = 20; i < 60; i++)
        plant(w, i, ANM_CAUSE_QUEUEING, 250000);
    look(w);
    assert_int_equal(w->n, 1);
    for (size_t i = 0; i < 60; i++)
        w->records.items[i].p50_ns = 30000;
    for (size_t i = 20; i < 60; i++)
        plant(w, i, ANM_CAUSE_QUEUEING, 40000);
    look(w);
    assert_int_equal(w->n, 0); // a third longer, and 40 us
    drop(w);
}

static void calls_of_one_moment_are_one_piece_of_evidence(void **state)
{
    window *w = steady(400);
    (void)state;

    for (size_t i = 0; i < 400; i++)
        w->records.items[i].at_ms = (int64_t)i * 20;
    for (size_t i = 100; i < 120; i++)
        plant(w, i, ANM_CAUSE_CPU_CONTENTION, 3000000);
    look(w);
    assert_int_equal(w->n, 0);
    for (size_t i = 100; i < 300; i++)
        plant(w, i, ANM_CAUSE_CPU_CONTENTION, 3000000);
    look(w);
    assert_int_equal(w->n, 1);
    drop(w);
}

static void rare_cause_of_a_busy_process_is_found(void **state)
{
    window *w = steady(2000);
    (void)state;

    // Fifty calls a second, every twentieth of them: two or fewer in a moment.
    for (size_t i = 0; i < 2000; i++)
        w->records.items[i].at_ms = (int64_t)i * 20;
    for (size_t i = 3; i < 2000; i += 20)
        plant(w, i, ANM_CAUSE_CPU_CONTENTION, 3000000);
    look(w);
    assert_int_equal(w->n, 1);
    assert_int_equal(w->found[0].cause, ANM_CAUSE_CPU_CONTENTION);
    assert_int_equal(w->found[0].n_hits, 100);
    drop(w);
}

static void first_calls_are_counted_among_first_calls(void **state)
{
    window *w = steady(2000);
    (void)state;

    // Five starts in two thousand calls: far below one in a hundred.
    for (size_t i = 0; i < 2000; i += 400) {
        w->records.items[i].first = ANM_FIRST_CALL | ANM_FIRST_LENGTH;
        plant(w, i, ANM_CAUSE_COLD_START, 90000000);
    }
    look(w);
    assert_int_equal(w->n, 1);
    assert_int_equal(w->found[0].cause, ANM_CAUSE_COLD_START);
    assert_int_equal(w->found[0].n_of, 5);
    drop(w);
}

static void costliest_comes_first(void **state)
{
    window *w = steady(200);
    (void)state;

    for (size_t i = 10; i < 50; i++)
        plant(w, i, ANM_CAUSE_UNKNOWN, 1000000);
    for (size_t i = 60; i < 100; i++)
        plant(w, i, ANM_CAUSE_PAGING, 5000000);
    look(w);
    assert_int_equal(w->n, 2);
    assert_int_equal(w->found[0].cause, ANM_CAUSE_PAGING);
    assert_int_equal(w->found[1].cause, ANM_CAUSE_UNKNOWN);
    assert_int_equal(w->found[1].effect_ns, 1000000);
    drop(w);
}

/* Every cause at the nominal rate at once: findings stay as rare as said. */
static void nominal_rate_is_no_finding(void **state)
{
    enum { TRIALS = 300 };
    uint64_t draws = 9;
    size_t n_found = 0;
    (void)state;

    for (size_t t = 0; t < TRIALS; t++) {
        window *w = steady(300);
        for (size_t i = 0; i < 300; i++)
            if (anm_draw_index(&draws, 100) == 0)
                plant(w, i,
                      (anm_cause)(1 +
                                  anm_draw_index(&draws, ANM_CAUSE_COUNT - 1)),
                      9000000);
        look(w);
        n_found += w->n > 0;
        drop(w);
    }
    assert_true(n_found <= TRIALS / 20);
}

static void every_cause_but_none_has_advice(void **state)
{
    (void)state;
    assert_string_equal(anm_cause_advice(ANM_CAUSE_NONE), "");
    for (int c = 1; c < ANM_CAUSE_COUNT; c++)
        assert_true(strlen(anm_cause_advice((anm_cause)c)) > 20);
}

static void memory_that_is_out_is_said(void **state)
{
    window *w = steady(20);
    anm_error err;
    (void)state;

    for (uint64_t k = 1; k <= 3; k++) {
        test_fault_arm(k);
        assert_int_equal(
            anm_findings_make(&w->records, "receipts", w->found, &w->n, &err),
            ANM_E_NOMEM);
        assert_true(test_fault_disarm());
    }
    drop(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_calls_give_no_finding),
        cmocka_unit_test(tail_that_warm_up_need_not_have_shown_is_no_finding),
        cmocka_unit_test(unknown_beyond_any_tail_of_warm_up_is_found),
        cmocka_unit_test(few_calls_above_are_no_finding),
        cmocka_unit_test(frequent_cause_is_a_finding_with_figures),
        cmocka_unit_test(imposed_and_disturbed_calls_do_not_count),
        cmocka_unit_test(effect_below_ten_percent_is_no_finding),
        cmocka_unit_test(calls_of_one_moment_are_one_piece_of_evidence),
        cmocka_unit_test(rare_cause_of_a_busy_process_is_found),
        cmocka_unit_test(first_calls_are_counted_among_first_calls),
        cmocka_unit_test(costliest_comes_first),
        cmocka_unit_test(nominal_rate_is_no_finding),
        cmocka_unit_test(every_cause_but_none_has_advice),
        cmocka_unit_test(memory_that_is_out_is_said),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
