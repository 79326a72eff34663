/* What experiments and findings let be said of the mission's hypotheses.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "doctor/report.h"
#include "support/support.h"

static const anm_experiment callers = { .name = "callers", .hypothesis = 2 };
static const anm_experiment padding = { .name = "padding", .hypothesis = 4 };
static const anm_experiment input = { .name = "input", .hypothesis = 4 };

/* A report of these outcomes; released by the test. */
static anm_report *report_of(anm_outcome *outcomes, size_t n)
{
    anm_report *r = anm_alloc_zero(sizeof(*r));

    assert_non_null(r);
    r->outcomes = outcomes;
    r->n_outcomes = n;
    return r;
}

/* The verdict on H1 … H4, and why. */
static const char *verdict(json_t *list, size_t h, const char **why)
{
    const json_t *one = json_array_get(list, h - 1);

    *why = json_string_value(json_object_get(one, "because"));
    assert_non_null(*why);
    return json_string_value(json_object_get(one, "verdict"));
}

static void nothing_run_is_not_testable(void **state)
{
    anm_report *r = report_of(NULL, 0);
    json_t *list = anm_report_hypotheses(r);
    const char *why;
    (void)state;

    assert_int_equal(json_array_size(list), 4);
    for (size_t h = 1; h <= 4; h++)
        assert_string_equal(verdict(list, h, &why), "not_testable");
    assert_non_null(strstr(why, "-m"));
    json_decref(list);
    anm_free(r);
}

static void found_condition_supports_whatever_experiments_say(void **state)
{
    anm_outcome o = { .of = &callers, .answer = ANM_ANSWER_REJECTED };
    anm_report *r = report_of(&o, 1);
    const char *why;
    (void)state;

    r->findings[r->n_findings++] =
        (anm_finding){ .cause = ANM_CAUSE_QUEUEING, .n_hits = 7, .n_of = 30 };
    json_t *list = anm_report_hypotheses(r);
    assert_string_equal(verdict(list, 2, &why), "supported");
    assert_non_null(strstr(why, "queueing, 7 of 30"));
    json_decref(list);
    anm_free(r);
}

/* What costs when imposed is no condition that is there. */
static void imposed_cost_alone_decides_nothing(void **state)
{
    anm_outcome o = { .of = &callers, .answer = ANM_ANSWER_SUPPORTED };
    anm_report *r = report_of(&o, 1);
    json_t *list = anm_report_hypotheses(r);
    const char *why;
    (void)state;

    assert_string_equal(verdict(list, 2, &why), "undecided");
    assert_non_null(strstr(why, "imposed (callers)"));
    json_decref(list);
    anm_free(r);
}

/* The input of live calls is looked at as it is: that is no imposed arm. */
static void what_nothing_was_imposed_for_supports(void **state)
{
    anm_outcome o = { .of = &input, .answer = ANM_ANSWER_SUPPORTED };
    anm_report *r = report_of(&o, 1);
    json_t *list = anm_report_hypotheses(r);
    const char *why;
    (void)state;

    assert_string_equal(verdict(list, 4, &why), "supported");
    json_decref(list);
    anm_free(r);
}

static void rejected_needs_all_and_one_open_is_open(void **state)
{
    anm_outcome o[] = { { .of = &padding, .answer = ANM_ANSWER_REJECTED },
                        { .of = &input, .answer = ANM_ANSWER_REJECTED } };
    anm_report *r = report_of(o, 2);
    json_t *list = anm_report_hypotheses(r);
    const char *why;
    (void)state;

    assert_string_equal(verdict(list, 4, &why), "rejected");
    json_decref(list);
    o[0].answer = ANM_ANSWER_UNDECIDED;
    list = anm_report_hypotheses(r);
    assert_string_equal(verdict(list, 4, &why), "undecided");
    assert_non_null(strstr(why, "1 of its experiments"));
    json_decref(list);
    anm_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_run_is_not_testable),
        cmocka_unit_test(found_condition_supports_whatever_experiments_say),
        cmocka_unit_test(imposed_cost_alone_decides_nothing),
        cmocka_unit_test(what_nothing_was_imposed_for_supports),
        cmocka_unit_test(rejected_needs_all_and_one_open_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
