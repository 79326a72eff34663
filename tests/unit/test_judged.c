/* What is said of calls before a cause is looked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/judged.h"

#include <string.h>

#include "support/support.h"

enum { MOST = 40, TEXT = 400 };

/* Calls 100 ms apart, inside their band. */
static void fill(anm_record items[MOST])
{
    for (size_t i = 0; i < MOST; i++)
        items[i] = (anm_record){ .at_ms = (int64_t)i * 100,
                                 .p50_ns = 1000,
                                 .verdict = ANM_VERDICT_INSIDE };
}

static anm_judged judge(anm_record *items, char says[TEXT])
{
    const anm_records records = { .items = items, .n = MOST };
    anm_judged j = { 0 };

    anm_judged_add(&j, &records);
    anm_judged_say(&j, says, TEXT);
    return j;
}

static void words_tell_calls_above_and_their_moments(void **state)
{
    anm_record items[MOST];
    char says[TEXT];
    (void)state;

    fill(items);
    anm_judged j = judge(items, says);
    assert_int_equal(j.n, MOST);
    assert_int_equal(j.n_above, 0);
    assert_non_null(strstr(says, "none lay above its band"));
    for (size_t i = 0; i < 4; i++)
        items[i].verdict = ANM_VERDICT_ABOVE;
    j = judge(items, says);
    assert_int_equal(j.n_above, 4);
    assert_int_equal(j.n_moments, 1);
    assert_non_null(strstr(says, "4 of them lay above their band, in one "
                                 "moment: "));
    for (size_t i = 0; i < MOST; i += 10)
        items[i].verdict = ANM_VERDICT_ABOVE;
    j = judge(items, says);
    assert_int_equal(j.n_moments, 4);
    assert_non_null(strstr(says, "in 4 moments. No cause"));
}

static void calls_of_a_log_and_of_this_run_are_told_apart(void **state)
{
    anm_record items[MOST];
    char says[TEXT];
    (void)state;

    fill(items);
    const anm_records own = { .items = items, .n = MOST / 4 };
    const anm_records log = { .items = items, .n = MOST };
    anm_judged j = { 0 };
    anm_judged_add(&j, &own);
    anm_judged_add_log(&j, &log);
    anm_judged_say(&j, says, TEXT);
    assert_non_null(strstr(says, "50 calls, 10 of this run and 40 of the log, "
                                 "were judged, and none"));
    j = (anm_judged){ 0 };
    anm_judged_add_log(&j, &log);
    anm_judged_say(&j, says, TEXT);
    assert_non_null(strstr(says, "40 calls were judged, and none"));
}

static void calls_without_a_time_have_moments_of_their_own(void **state)
{
    anm_record items[MOST];
    char says[TEXT];
    (void)state;

    fill(items);
    for (size_t i = 0; i < 4; i++) {
        items[i].verdict = ANM_VERDICT_ABOVE;
        items[i].at_ms = ANM_COUNTER_UNKNOWN;
    }
    assert_int_equal(judge(items, says).n_moments, 4);
}

static void imposed_disturbed_and_bandless_calls_are_not_judged(void **state)
{
    anm_record items[MOST];
    char says[TEXT];
    (void)state;

    fill(items);
    for (size_t i = 0; i < MOST; i++) {
        items[i].imposed = i % 3 == 0;
        items[i].disturbed = i % 3 == 1;
        if (i % 3 == 2) items[i].p50_ns = 0;
    }
    assert_int_equal(judge(items, says).n, 0);
    assert_non_null(strstr(says, "No call could be judged"));
}

static void band_of_disturbed_runs_is_warned_of(void **state)
{
    anm_record items[MOST];
    char says[TEXT], warning[TEXT];
    (void)state;

    fill(items);
    anm_judged j = judge(items, says);
    anm_judged_warn(&j, warning, TEXT);
    assert_string_equal(warning, "");
    for (size_t i = 0; i < 10; i++)
        items[i].blurred = true;
    j = judge(items, says);
    anm_judged_warn(&j, warning, TEXT);
    assert_non_null(strstr(warning, "10 of 40 calls were judged by a band"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_tell_calls_above_and_their_moments),
        cmocka_unit_test(calls_without_a_time_have_moments_of_their_own),
        cmocka_unit_test(calls_of_a_log_and_of_this_run_are_told_apart),
        cmocka_unit_test(imposed_disturbed_and_bandless_calls_are_not_judged),
        cmocka_unit_test(band_of_disturbed_runs_is_warned_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
