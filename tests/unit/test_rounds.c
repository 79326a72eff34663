/* Rounds of arms whose times are given, and the verdicts that follow.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/exam.h"
#include "support/models.h"

static const anm_doctor_params params = { .quick = true };

/* `number` microseconds, give or take a hundredth. */
static anm_status take_given(anm_exam *x, const anm_arm_plan *arm, double *ns,
                             anm_error *err)
{
    (void)err;
    *ns = (double)arm->number * 1e3 *
          (1 + (double)anm_draw_index(&x->draws, 100) / 1e4);
    return ANM_OK;
}

/* Base, a condition, and the base again; the number of rounds kept. */
static anm_outcome compare(anm_exam *x, size_t base, size_t condition,
                           size_t most)
{
    static const anm_experiment experiment = { .name = "given",
                                               .cause = ANM_CAUSE_QUEUEING };
    const anm_arm_plan arms[] = {
        { .name = "base", .take = take_given, .number = base },
        { .name = "condition", .take = take_given, .number = condition },
        { .name = "base again",
          .take = take_given,
          .number = base,
          .is_base_again = true },
    };
    const anm_rounds rounds = { .arms = arms, .n_arms = 3, .most = most };
    anm_outcome out = { .of = &experiment };
    anm_error err;

    assert_int_equal(anm_rounds_run(x, &rounds, &out, &err), ANM_OK);
    anm_outcomes_judge(&out, 1);
    return out;
}

static void costly_condition_is_supported(void **state)
{
    anm_exam *x = test_exam_open(&params);
    anm_outcome out = compare(x, 1000, 2000, 12);
    (void)state;

    assert_int_equal(out.answer, ANM_ANSWER_SUPPORTED);
    assert_int_equal(out.worst, 1);
    assert_int_equal(out.n_rounds, 12); // the first look that ranks can pass
    assert_true(out.bound >= 1 && out.bound < 1.05);
    const anm_ratio *r = &out.arms[1].against;
    assert_true(r->low > 1.9 && r->high < 2.1);
    assert_true(*out.evidence);
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

static void cheap_condition_is_rejected(void **state)
{
    anm_exam *x = test_exam_open(&params);
    (void)state;

    // Five per cent more; and a third more that is 30 us.
    anm_outcome out = compare(x, 1000, 1050, 12);
    assert_int_equal(out.answer, ANM_ANSWER_REJECTED);
    anm_outcome_deinit(&out);
    out = compare(x, 90, 120, 12);
    assert_int_equal(out.answer, ANM_ANSWER_REJECTED);
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

static void few_rounds_decide_nothing(void **state)
{
    anm_exam *x = test_exam_open(&params);
    (void)state;

    anm_outcome out = compare(x, 1000, 2000, 3);
    assert_int_equal(out.answer, ANM_ANSWER_UNDECIDED);
    anm_outcome_deinit(&out);
    out = compare(x, 1000, 1000, 3);
    assert_int_equal(out.answer, ANM_ANSWER_UNDECIDED);
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

/* What is far beyond all that identical calls showed is known after the first
 * look; what costs nothing after the second. */
static void rounds_end_when_the_answer_is_known(void **state)
{
    anm_exam *x = test_exam_open(&params);
    const anm_arm_plan arms[] = {
        { .name = "base", .take = anm_take_unchanged, .pause_ns = 1 },
        { .name = "condition", .take = take_given, .number = 90000 },
    };
    const anm_rounds rounds = { .arms = arms, .n_arms = 2, .most = 40 };
    static const anm_experiment experiment = { .name = "given" };
    anm_outcome out = { .of = &experiment };
    anm_error err;
    (void)state;

    for (size_t i = 0; i < 100; i++)
        assert_true(anm_exam_note_noise(x, 100, 100 + (double)(i % 10)));
    assert_int_equal(anm_rounds_run(x, &rounds, &out, &err), ANM_OK);
    assert_true(out.plain && out.n_rounds == 4);
    anm_outcomes_judge(&out, 1);
    assert_int_equal(out.answer, ANM_ANSWER_SUPPORTED);
    assert_non_null(strstr(out.evidence, "each of 4 rounds"));
    anm_outcome_deinit(&out);
    out = compare(x, 1000, 1000, 40);
    assert_int_equal(out.n_rounds, 8);
    assert_int_equal(out.answer, ANM_ANSWER_REJECTED);
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

/* Run again an experiment goes on with the rounds it has. */
static void reopened_experiment_keeps_its_rounds(void **state)
{
    anm_exam *x = test_exam_open(&params);
    const anm_arm_plan arms[] = {
        { .name = "base", .take = take_given, .number = 1000 },
        { .name = "condition", .take = take_given, .number = 2000 },
        { .name = "again",
          .take = take_given,
          .number = 1000,
          .is_base_again = true },
    };
    anm_rounds rounds = { .arms = arms, .n_arms = 3, .most = 3 };
    static const anm_experiment experiment = { .name = "given" };
    anm_outcome out = { .of = &experiment };
    (void)state;

    assert_int_equal(anm_rounds_run(x, &rounds, &out, NULL), ANM_OK);
    anm_outcomes_judge(&out, 1);
    assert_int_equal(out.answer, ANM_ANSWER_UNDECIDED);
    anm_outcome_reopen(&out);
    rounds.most = 12;
    assert_int_equal(anm_rounds_run(x, &rounds, &out, NULL), ANM_OK);
    anm_outcomes_judge(&out, 1);
    assert_int_equal(out.n_rounds, 12);
    assert_int_equal(out.answer, ANM_ANSWER_SUPPORTED);
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

static void no_time_is_not_testable(void **state)
{
    anm_exam *x = test_exam_open(&params);
    (void)state;

    x->end_ns = anm_now_ns();
    anm_outcome out = compare(x, 1000, 2000, 12);
    assert_int_equal(out.answer, ANM_ANSWER_NOT_TESTABLE);
    assert_non_null(strstr(out.evidence, "0 rounds"));
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

/* Two rounds of three calls of a minute, and their pauses. */
static void rounds_that_do_not_fit_are_not_begun(void **state)
{
    anm_exam *x = test_exam_open(&params);
    (void)state;

    x->least_ns = UINT64_C(60000000000);
    x->end_ns = anm_now_ns() + UINT64_C(200000000000);
    anm_outcome out = compare(x, 1000, 2000, 12);
    assert_true(out.starved && out.n_rounds == 0);
    assert_int_equal(out.need_ns, UINT64_C(360060000000));
    assert_int_equal(out.answer, ANM_ANSWER_NOT_TESTABLE);
    assert_non_null(strstr(out.evidence, "two rounds take 360.1 s at least"));
    anm_outcome_deinit(&out);
    x->end_ns = UINT64_MAX;
    out = compare(x, 1000, 2000, 12);
    assert_int_equal(out.answer, ANM_ANSWER_SUPPORTED);
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

/* Five milliseconds, behind which less than one is left. */
static anm_status take_nearly_all_time(anm_exam *x, const anm_arm_plan *arm,
                                       double *ns, anm_error *err)
{
    anm_sleep_ns(5000000);
    const anm_status status = take_given(x, arm, ns, err);
    x->end_ns = anm_now_ns() + 900000;
    return status;
}

static void second_round_that_does_not_fit_is_not_begun(void **state)
{
    static const anm_experiment experiment = { .name = "given" };
    const anm_arm_plan arms[] = {
        { .name = "base", .take = take_nearly_all_time, .number = 1000 },
    };
    const anm_rounds rounds = { .arms = arms, .n_arms = 1, .most = 8 };
    anm_exam *x = test_exam_open(&params);
    anm_outcome out = { .of = &experiment };
    anm_error err;
    (void)state;

    x->end_ns = UINT64_MAX;
    assert_int_equal(anm_rounds_run(x, &rounds, &out, &err), ANM_OK);
    assert_int_equal(out.n_rounds, 1);
    assert_true(out.starved && out.need_ns >= 5000000);
    assert_non_null(strstr(out.evidence, "only 1 round fit"));
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

static bool stop_at_once(void *ctx)
{
    (void)ctx;
    return true;
}

static void told_to_stop_it_stops(void **state)
{
    static const anm_doctor_params stopping = { .stop = stop_at_once };
    anm_exam *x = test_exam_open(&params);
    (void)state;

    x->params = &stopping;
    anm_outcome out = compare(x, 1000, 2000, 12);
    assert_true(x->stopped);
    assert_int_equal(out.answer, ANM_ANSWER_NOT_TESTABLE);
    assert_non_null(strstr(out.evidence, "interrupted"));
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

static void rare_arm_is_absent_in_other_rounds(void **state)
{
    anm_exam *x = test_exam_open(&params);
    const anm_arm_plan arms[] = {
        { .name = "base", .take = take_given, .number = 100 },
        { .name = "rare", .take = take_given, .number = 300, .every = 4 },
    };
    const anm_rounds rounds = { .arms = arms, .n_arms = 2, .most = 8 };
    anm_outcome out = { 0 };
    size_t n = 0;
    (void)state;

    assert_int_equal(anm_rounds_run(x, &rounds, &out, NULL), ANM_OK);
    for (size_t i = 0; i < out.arms[1].n; i++)
        if (!isnan(out.arms[1].samples[i])) n++;
    assert_true(out.n_rounds == 8 && n >= 1 && n <= 3);
    assert_true(anm_arm_median(&out.arms[1]) > 290e3);
    anm_outcome_deinit(&out);
    test_exam_free(x);
}

static void calls_are_kept_with_their_arm(void **state)
{
    anm_exam *x = test_exam_open(&params);
    const anm_arm_plan unchanged = { .name = "unchanged", .pause_ns = 1 };
    double ns = 0;
    (void)state;

    assert_int_equal(anm_take_unchanged(x, &unchanged, &ns, NULL), ANM_OK);
    assert_int_equal(anm_take_unchanged(x, &unchanged, &ns, NULL), ANM_OK);
    assert_int_equal(x->records.n, 2);
    assert_string_equal(x->records.items[1].arm, "unchanged");
    assert_string_equal(x->records.items[1].experiment, "baseline");
    assert_false(x->records.items[1].imposed);
    assert_true(ns > 0 && strlen(x->ids_sha256) == 64 && !x->n_other_ids);
    test_exam_free(x);
}

static void many_experiments_are_corrected_together(void **state)
{
    static const anm_experiment experiment = { .name = "given" };
    anm_outcome all[20];
    (void)state;

    // One in thirty by itself: no answer among twenty.
    memset(all, 0, sizeof(all));
    for (size_t i = 0; i < 20; i++) {
        static double base[] = { 1e6, 1e6, 1e6, 1e6, 1e6, 1e6 };
        static double more[] = { 2e6, 2e6, 2e6, 2e6, 2e6, 2e6 };
        all[i] = (anm_outcome){ .of = &experiment,
                                .n_arms = 2,
                                .worst = 1,
                                .n_rounds = 6,
                                .p = i ? 1 : 0.03 };
        all[i].arms[0] = (anm_arm){ .name = "a", .samples = base, .n = 6 };
        all[i].arms[1] = (anm_arm){
            .name = "b",
            .samples = more,
            .n = 6,
            .compared = true,
            .against = { .ratio = 2, .low = 1.9, .high = 2.1, .effect = 1e6 }
        };
    }
    anm_outcomes_judge(all, 1);
    assert_int_equal(all[0].answer, ANM_ANSWER_SUPPORTED);
    all[0].p = 0.03;
    anm_outcomes_judge(all, 20);
    assert_int_equal(all[0].answer, ANM_ANSWER_UNDECIDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costly_condition_is_supported),
        cmocka_unit_test(cheap_condition_is_rejected),
        cmocka_unit_test(few_rounds_decide_nothing),
        cmocka_unit_test(rounds_end_when_the_answer_is_known),
        cmocka_unit_test(reopened_experiment_keeps_its_rounds),
        cmocka_unit_test(no_time_is_not_testable),
        cmocka_unit_test(rounds_that_do_not_fit_are_not_begun),
        cmocka_unit_test(second_round_that_does_not_fit_is_not_begun),
        cmocka_unit_test(told_to_stop_it_stops),
        cmocka_unit_test(rare_arm_is_absent_in_other_rounds),
        cmocka_unit_test(calls_are_kept_with_their_arm),
        cmocka_unit_test(many_experiments_are_corrected_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
