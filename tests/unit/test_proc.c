/* Texts of /proc and cgroup files, sensible and senseless.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <string.h>

#include "support/support.h"

static void value_stands_behind_its_key(void **state)
{
    static const char text[] =
        "nr_periods 3\nnr_throttled 42\nVmHWM:\t  77 kB\n";
    int64_t v = -1;
    (void)state;

    assert_true(anm_proc_value(text, "nr_throttled", &v) && v == 42);
    assert_true(anm_proc_value(text, "nr_periods", &v) && v == 3);
    assert_true(anm_proc_value(text, "VmHWM:", &v) && v == 77);
    assert_false(anm_proc_value(text, "nr_thro", &v));
    assert_false(anm_proc_value(text, "throttled", &v));
    assert_false(anm_proc_value("", "a", &v));
    assert_false(anm_proc_value("a", "a", &v));
    assert_false(anm_proc_value("a x", "a", &v));
    assert_false(anm_proc_value("a 1x", "a", &v));
    assert_false(anm_proc_value("a -1", "a", &v));
    assert_false(anm_proc_value("a 99999999999999999999", "a", &v));
}

static void number_is_the_whole_text(void **state)
{
    int64_t v = -1;
    (void)state;

    assert_true(anm_proc_number("1200000\n", &v) && v == 1200000);
    assert_true(anm_proc_number("-1\n", &v) && v == -1);
    assert_true(anm_proc_number("9223372036854775807", &v) && v == INT64_MAX);
    assert_false(anm_proc_number("9223372036854775808", &v));
    assert_false(anm_proc_number("", &v));
    assert_false(anm_proc_number("\n", &v));
    assert_false(anm_proc_number("<unknown>\n", &v));
    assert_false(anm_proc_number("1 2", &v));
}

static void pressure_is_the_total_of_some(void **state)
{
    int64_t v = -1;
    (void)state;

    assert_true(anm_proc_psi_total(
        "some avg10=0.25 avg60=0.20 avg300=0.09 total=3066762\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
        &v));
    assert_int_equal(v, 3066762);
    assert_false(anm_proc_psi_total("full avg10=0.00 total=5\n", &v));
    assert_false(anm_proc_psi_total("some avg10=0\nfull total=5\n", &v));
    assert_false(anm_proc_psi_total("some total=x\n", &v));
    assert_false(anm_proc_psi_total("some total=", &v));
    assert_false(anm_proc_psi_total("", &v));
}

static void run_delay_is_the_second_of_three(void **state)
{
    int64_t v = -1;
    (void)state;

    assert_true(anm_proc_run_delay("90104 57525 2\n", &v) && v == 57525);
    assert_false(anm_proc_run_delay("90104 57525\n", &v));
    assert_false(anm_proc_run_delay("1 2 3 4\n", &v));
    assert_false(anm_proc_run_delay("a b c\n", &v));
    assert_false(anm_proc_run_delay("", &v));
}

static void core_is_named_by_its_lowest_cpu(void **state)
{
    int64_t v = -1;
    (void)state;

    assert_true(anm_proc_first_cpu("0,64\n", &v) && v == 0);
    assert_true(anm_proc_first_cpu("2-3\n", &v) && v == 2);
    assert_true(anm_proc_first_cpu("7\n", &v) && v == 7);
    assert_false(anm_proc_first_cpu("\n", &v));
    assert_false(anm_proc_first_cpu("-3", &v));
    assert_false(anm_proc_first_cpu("3x", &v));
}

static void quota_is_a_number_of_cpus(void **state)
{
    (void)state;

    assert_true(anm_proc_cpu_max("150000 100000\n") == 1.5);
    assert_true(anm_proc_cpu_max("max 100000\n") == 0);
    assert_true(anm_proc_cpu_max("100000 0\n") == 0);
    assert_true(anm_proc_cpu_max("100000\n") == 0);
    assert_true(anm_proc_cpu_max("") == 0);
    assert_true(anm_proc_cpu_max("-1 100000") == 0);
    assert_true(anm_proc_cfs_quota("50000\n", "100000\n") == 0.5);
    assert_true(anm_proc_cfs_quota("-1\n", "100000\n") == 0);
    assert_true(anm_proc_cfs_quota("50000\n", "0\n") == 0);
    assert_true(anm_proc_cfs_quota("", "") == 0);
}

static void throttling_is_read_in_either_unit(void **state)
{
    int64_t v = -1;
    (void)state;

    assert_true(anm_proc_throttled_ns(
        "usage_usec 9\nnr_throttled 2\nthrottled_usec 1234\n", &v));
    assert_int_equal(v, 1234000);
    assert_true(anm_proc_throttled_ns(
        "nr_periods 0\nnr_throttled 0\nthrottled_time 5678\n", &v));
    assert_int_equal(v, 5678);
    assert_false(anm_proc_throttled_ns("usage_usec 9\n", &v));
    assert_false(
        anm_proc_throttled_ns("throttled_usec 9223372036854775807\n", &v));
}

static void cut_texts_are_never_over_read(void **state)
{
    static const char *const texts[] = {
        "some avg10=0.25 avg60=0.20 avg300=0.09 total=3066762\n",
        "nr_periods 3\nnr_throttled 42\nthrottled_time 77\n",
        "90104 57525 2\n",
        "150000 100000\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            int64_t v;
            char *text = malloc(len + 1);
            memcpy(text, texts[i], len);
            text[len] = '\0';
            anm_proc_psi_total(text, &v);
            anm_proc_throttled_ns(text, &v);
            anm_proc_run_delay(text, &v);
            anm_proc_first_cpu(text, &v);
            anm_proc_number(text, &v);
            anm_proc_cpu_max(text);
            free(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_stands_behind_its_key),
        cmocka_unit_test(number_is_the_whole_text),
        cmocka_unit_test(pressure_is_the_total_of_some),
        cmocka_unit_test(run_delay_is_the_second_of_three),
        cmocka_unit_test(core_is_named_by_its_lowest_cpu),
        cmocka_unit_test(quota_is_a_number_of_cpus),
        cmocka_unit_test(throttling_is_read_in_either_unit),
        cmocka_unit_test(cut_texts_are_never_over_read),
    };
    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
