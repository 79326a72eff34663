/* Loads and processes of their own: what is asked of given ones.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "support/exam.h"
#include "support/models.h"

static anm_doctor_params params = { .quick = true };

static anm_exam *begin(void)
{
    anm_exam *x = test_exam_open(&params);

    for (size_t i = 0; i < 100; i++)
        assert_true(anm_exam_note_noise(x, 1000, 1000 + (double)(i % 50)));
    return x;
}

static void end(anm_exam *x, anm_outcome *out)
{
    anm_outcome_deinit(out);
    test_exam_free(x);
}

static void give_loads(anm_exam *x, uint64_t first_ns)
{
    for (x->n_loads = 0; x->n_loads < 10; x->n_loads++)
        x->loads[x->n_loads] =
            (anm_fresh_load){ .open_ns = 30000000,
                              .first_ns = first_ns + 1000 * x->n_loads,
                              .later_ns = 2000000 + 1000 * x->n_loads,
                              .same_plan = true,
                              .same_units = true,
                              .same_device = true };
}

static void first_call_is_compared_with_a_later_one(void **state)
{
    anm_experiment e = { .run = anm_experiment_load };
    anm_outcome slow = { 0 }, alike = { 0 }, none = { 0 };
    anm_exam *x = begin();
    (void)state;

    assert_int_equal(test_exam_ask(x, &none, &e), ANM_ANSWER_NOT_TESTABLE);
    anm_outcome_deinit(&none);
    give_loads(x, 9000000);
    assert_int_equal(test_exam_ask(x, &slow, &e), ANM_ANSWER_SUPPORTED);
    // Opening takes longest and is not what is asked.
    assert_int_equal(slow.worst, 1);
    anm_outcome_deinit(&slow);
    give_loads(x, 2000000);
    assert_int_equal(test_exam_ask(x, &alike, &e), ANM_ANSWER_REJECTED);
    end(x, &alike);
}

static void another_plan_of_one_load_is_told(void **state)
{
    anm_experiment e = { .run = anm_experiment_plan };
    anm_outcome same = { 0 }, other = { 0 };
    anm_exam *x = begin();
    (void)state;

    give_loads(x, 2000000);
    assert_int_equal(test_exam_ask(x, &same, &e), ANM_ANSWER_REJECTED);
    anm_outcome_deinit(&same);
    x->loads[4].same_device = false;
    assert_int_equal(test_exam_ask(x, &other, &e), ANM_ANSWER_SUPPORTED);
    assert_non_null(strstr(other.evidence, "1 of 10 loads"));
    end(x, &other);
}

static void without_a_cache_there_is_no_artifact_to_lose(void **state)
{
    anm_experiment e = { .run = anm_experiment_artifact };
    anm_outcome out = { 0 };
    anm_exam *x = begin();
    (void)state;

    give_loads(x, 2000000);
    assert_int_equal(test_exam_ask(x, &out, &e), ANM_ANSWER_NOT_TESTABLE);
    end(x, &out);
}

/* A handle that is kept is slower only when a fresh one is faster. */
static void fresh_handle_is_loaded_in_turns_with_the_kept_one(void **state)
{
    anm_experiment e = { .run = anm_experiment_cached_handle };
    anm_outcome out = { 0 };
    anm_exam *x = begin();
    (void)state;

    assert_int_not_equal(test_exam_ask(x, &out, &e), ANM_ANSWER_NOT_TESTABLE);
    assert_true(x->n_loads == out.n_rounds + out.n_disturbed);
    assert_true(x->loads[0].same_plan && x->loads[0].same_units);
    end(x, &out);
}

static bool tell_of_slow_processes(void *ctx, anm_fresh *out, char *why,
                                   size_t cap)
{
    size_t *n = ctx;

    (void)why;
    (void)cap;
    *out = (anm_fresh){ .open_ns = 200000000,
                        .first_ns = 50000000,
                        .later_ns = 500000000 + 1000 * (*n)++ };
    return true;
}

static bool cannot_start(void *ctx, anm_fresh *out, char *why, size_t cap)
{
    (void)ctx;
    (void)out;
    snprintf(why, cap, "a process of its own: no more of them");
    return false;
}

static void process_of_its_own_is_judged_by_its_later_calls(void **state)
{
    anm_experiment e = { .run = anm_experiment_fresh_process };
    anm_outcome slow = { 0 }, none = { 0 };
    size_t n = 0;
    anm_exam *x = begin();
    (void)state;

    params.ctx = &n;
    params.fresh = tell_of_slow_processes;
    assert_int_equal(test_exam_ask(x, &slow, &e), ANM_ANSWER_SUPPORTED);
    assert_true(slow.worst == 1 && n == 8);
    anm_outcome_deinit(&slow);
    params.fresh = cannot_start;
    assert_int_equal(test_exam_ask(x, &none, &e), ANM_ANSWER_NOT_TESTABLE);
    assert_non_null(strstr(none.evidence, "no more of them"));
    params = (anm_doctor_params){ .quick = true };
    end(x, &none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_call_is_compared_with_a_later_one),
        cmocka_unit_test(another_plan_of_one_load_is_told),
        cmocka_unit_test(without_a_cache_there_is_no_artifact_to_lose),
        cmocka_unit_test(fresh_handle_is_loaded_in_turns_with_the_kept_one),
        cmocka_unit_test(process_of_its_own_is_judged_by_its_later_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
