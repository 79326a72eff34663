/* Experiments that only look at the calls of a run: calls are given.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "support/exam.h"
#include "support/support.h"

enum { CALLS = 60 };

/* 60 unchanged calls of 2 ms, of which the prediction is 1.9 ms, give or take
 * a hundredth; no counter is known. */
static anm_exam *begin(void)
{
    anm_exam *x = test_exam_new();
    uint64_t draws = 3;

    x->records.items = anm_alloc_array(CALLS, sizeof(*x->records.items));
    assert_non_null(x->records.items);
    x->records.n = CALLS;
    for (size_t i = 0; i < CALLS; i++) {
        const uint64_t more = anm_draw_index(&draws, 20000);
        x->records.items[i] = (anm_record){
            .total_ns = 2000000 + more,
            .stages_ns = { [ANM_STAGE_PREDICT] = 1900000 + more },
            .throttled_ns = ANM_COUNTER_UNKNOWN,
            .freq_khz = ANM_COUNTER_UNKNOWN,
        };
    }
    return x;
}

static void end(anm_exam *x, anm_outcome *out)
{
    anm_outcome_deinit(out);
    test_exam_free(x);
}

/* The answer to one experiment. */
static anm_answer ask(anm_exam *x, anm_outcome *out, anm_experiment *e)
{
    e->cause = ANM_CAUSE_FREQUENCY;
    return test_exam_ask(x, out, e);
}

static void little_outside_the_prediction_is_rejected(void **state)
{
    anm_experiment e = { .run = anm_experiment_overhead };
    anm_outcome out = { 0 };
    anm_exam *x = begin();
    (void)state;

    assert_int_equal(ask(x, &out, &e), ANM_ANSWER_REJECTED);
    end(x, &out);
}

static void much_outside_the_prediction_is_supported(void **state)
{
    anm_experiment e = { .run = anm_experiment_overhead };
    anm_outcome out = { 0 };
    anm_exam *x = begin();
    (void)state;

    for (size_t i = 0; i < CALLS; i++)
        x->records.items[i].total_ns += 3000000;
    // Waiting for a turn is not what this asks about.
    x->records.items[0].total_ns += 900000000;
    x->records.items[0].stages_ns[ANM_STAGE_QUEUE] = 900000000;
    assert_int_equal(ask(x, &out, &e), ANM_ANSWER_SUPPORTED);
    assert_true(out.arms[1].samples[0] < 6e6);
    end(x, &out);
}

static void imposed_and_disturbed_calls_count_for_nothing(void **state)
{
    anm_experiment e = { .run = anm_experiment_overhead };
    anm_outcome out = { 0 };
    anm_exam *x = begin();
    (void)state;

    for (size_t i = 1; i < CALLS; i++) {
        x->records.items[i].imposed = i % 2;
        x->records.items[i].disturbed = !(i % 2);
    }
    assert_int_equal(ask(x, &out, &e), ANM_ANSWER_NOT_TESTABLE);
    end(x, &out);
}

static void rising_calls_drift_and_steady_ones_do_not(void **state)
{
    anm_experiment e = { .run = anm_experiment_drift };
    anm_outcome steady = { 0 }, rising = { 0 };
    anm_exam *x = begin();
    (void)state;

    assert_int_equal(ask(x, &steady, &e), ANM_ANSWER_REJECTED);
    anm_outcome_deinit(&steady);
    for (size_t i = 0; i < CALLS; i++)
        x->records.items[i].total_ns += i * 30000;
    assert_int_equal(ask(x, &rising, &e), ANM_ANSWER_SUPPORTED);
    end(x, &rising);
}

static void few_calls_cannot_show_a_drift(void **state)
{
    anm_experiment e = { .run = anm_experiment_drift };
    anm_outcome out = { 0 };
    anm_exam *x = begin();
    (void)state;

    x->records.n = 30;
    assert_int_equal(ask(x, &out, &e), ANM_ANSWER_NOT_TESTABLE);
    end(x, &out);
}

static void quota_is_compared_where_calls_were_throttled(void **state)
{
    anm_experiment e = { .run = anm_experiment_quota };
    anm_outcome unknown = { 0 }, none = { 0 }, some = { 0 };
    anm_exam *x = begin();
    (void)state;

    assert_int_equal(ask(x, &unknown, &e), ANM_ANSWER_NOT_TESTABLE);
    anm_outcome_deinit(&unknown);
    for (size_t i = 0; i < CALLS; i++)
        x->records.items[i].throttled_ns = 0;
    assert_int_equal(ask(x, &none, &e), ANM_ANSWER_NOT_TESTABLE);
    assert_non_null(strstr(none.evidence, "none of 60 calls"));
    anm_outcome_deinit(&none);
    for (size_t i = 0; i < CALLS; i += 3) {
        x->records.items[i].throttled_ns = 5000000;
        x->records.items[i].total_ns += 5000000;
    }
    assert_int_equal(ask(x, &some, &e), ANM_ANSWER_SUPPORTED);
    assert_int_equal(some.arms[1].n, 20);
    end(x, &some);
}

static void frequency_that_stays_costs_nothing(void **state)
{
    anm_experiment e = { .run = anm_experiment_frequency };
    anm_outcome unknown = { 0 }, same = { 0 }, lower = { 0 };
    anm_exam *x = begin();
    (void)state;

    assert_int_equal(ask(x, &unknown, &e), ANM_ANSWER_NOT_TESTABLE);
    anm_outcome_deinit(&unknown);
    for (size_t i = 0; i < CALLS; i++)
        x->records.items[i].freq_khz = 3000000;
    assert_int_equal(ask(x, &same, &e), ANM_ANSWER_REJECTED);
    anm_outcome_deinit(&same);
    for (size_t i = 0; i < CALLS; i += 3) {
        x->records.items[i].freq_khz = 1500000;
        x->records.items[i].total_ns *= 2;
    }
    assert_int_equal(ask(x, &lower, &e), ANM_ANSWER_SUPPORTED);
    end(x, &lower);
}

static void memory_is_never_filled(void **state)
{
    anm_experiment e = { .run = anm_experiment_balloon };
    anm_outcome out = { 0 };
    anm_exam *x = begin();
    (void)state;

    x->machine.memory_limit_bytes = 512000000;
    assert_int_equal(ask(x, &out, &e), ANM_ANSWER_NOT_TESTABLE);
    assert_non_null(strstr(out.evidence, "512 MB"));
    end(x, &out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_outside_the_prediction_is_rejected),
        cmocka_unit_test(much_outside_the_prediction_is_supported),
        cmocka_unit_test(imposed_and_disturbed_calls_count_for_nothing),
        cmocka_unit_test(rising_calls_drift_and_steady_ones_do_not),
        cmocka_unit_test(few_calls_cannot_show_a_drift),
        cmocka_unit_test(quota_is_compared_where_calls_were_throttled),
        cmocka_unit_test(frequency_that_stays_costs_nothing),
        cmocka_unit_test(memory_is_never_filled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
