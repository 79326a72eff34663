/* test_words.c - spellings, both ways.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/support.h"

static void every_value_has_its_spelling(void **state)
{
    (void)state;
    assert_string_equal(anm_units_name(ANM_UNITS_CPU_AND_NE), "CPU_AND_NE");
    assert_string_equal(anm_device_name(ANM_DEVICE_ANE), "ane");
    assert_string_equal(anm_device_name(ANM_DEVICE_MIXED), "mixed");
    assert_string_equal(anm_evidence_name(ANM_EVIDENCE_OBSERVED), "observed");
    assert_string_equal(anm_precision_name(ANM_PRECISION_INT4), "int4");
    assert_string_equal(anm_state_name(ANM_STATE_DEGRADED), "degraded");
    assert_string_equal(anm_stage_name(ANM_STAGE_UNACCOUNTED), "unaccounted");
    assert_string_equal(anm_verdict_name(ANM_VERDICT_BELOW), "below");
    assert_string_equal(anm_cause_name(ANM_CAUSE_UNKNOWN), "unknown");
    for (int s = 0; s < ANM_STAGE_COUNT; s++)
        assert_string_not_equal(anm_stage_name((anm_stage)s), "?");
    for (int c = 0; c < ANM_CAUSE_COUNT; c++)
        assert_string_not_equal(anm_cause_name((anm_cause)c), "?");
}

static void value_outside_its_list_is_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(anm_units_name((anm_units)99), "?");
    assert_string_equal(anm_stage_name(ANM_STAGE_COUNT), "?");
    assert_string_equal(anm_cause_name((anm_cause)-1), "?");
}

static void units_read_in_any_case(void **state)
{
    static const char *const spellings[] = { "CPU_AND_NE", "cpu_and_ne",
                                             "Cpu_And_Ne" };
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        anm_units units = ANM_UNITS_ALL;
        assert_int_equal(anm_units_parse(&units, spellings[i], NULL), ANM_OK);
        assert_int_equal(units, ANM_UNITS_CPU_AND_NE);
    }
}

static void every_name_reads_back(void **state)
{
    (void)state;
    for (int u = 0; u <= ANM_UNITS_CPU_ONLY; u++) {
        anm_units units;
        assert_int_equal(
            anm_units_parse(&units, anm_units_name((anm_units)u), NULL),
            ANM_OK);
        assert_int_equal(units, u);
    }
    for (int p = ANM_PRECISION_F32; p <= ANM_PRECISION_INT4; p++) {
        anm_precision precision;
        assert_int_equal(
            anm_precision_parse(&precision,
                                anm_precision_name((anm_precision)p), NULL),
            ANM_OK);
        assert_int_equal(precision, p);
    }
}

static void other_names_are_refused_with_the_allowed_ones(void **state)
{
    static const char *const names[] = { "", "CPU", "ALL ", "CPU_AND_NEE" };
    anm_error err;
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        anm_units units = ANM_UNITS_CPU_ONLY;
        assert_int_equal(anm_units_parse(&units, names[i], &err), ANM_E_ARG);
        assert_int_equal(units, ANM_UNITS_CPU_ONLY);
        assert_non_null(
            strstr(err.message, "ALL, CPU_AND_GPU, CPU_AND_NE, CPU_ONLY"));
    }
    anm_units units;
    assert_int_equal(anm_units_parse(&units, NULL, NULL), ANM_E_ARG);
    assert_int_equal(anm_units_parse(NULL, "ALL", NULL), ANM_E_ARG);
    assert_int_equal(anm_precision_parse(NULL, "f32", NULL), ANM_E_ARG);
    assert_int_equal(anm_raw_type_parse(NULL, "INT8", NULL), ANM_E_ARG);
    assert_int_equal(anm_encoding_new(NULL, NULL), ANM_E_ARG);
    anm_precision precision;
    assert_int_equal(anm_precision_parse(&precision, "default", &err),
                     ANM_E_ARG);
    assert_non_null(strstr(err.message, "f32, bf16, int8, int4"));
}

static void exit_codes_are_those_of_the_table(void **state)
{
    (void)state;
    assert_int_equal(anm_status_exit_code(ANM_OK), 0);
    assert_int_equal(anm_status_exit_code(ANM_E_ARG), 2);
    assert_int_equal(anm_status_exit_code(ANM_E_CONTRACT), 5);
    assert_int_equal(anm_status_exit_code(ANM_E_LIMIT), 8);
    assert_int_equal(anm_status_exit_code((anm_status)99), 70);
}

static void text_of_null_is_empty(void **state)
{
    (void)state;
    assert_int_equal(anm_text_of(NULL).len, 0);
    assert_int_equal(anm_text_of("abc").len, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_has_its_spelling),
        cmocka_unit_test(value_outside_its_list_is_a_question_mark),
        cmocka_unit_test(units_read_in_any_case),
        cmocka_unit_test(every_name_reads_back),
        cmocka_unit_test(other_names_are_refused_with_the_allowed_ones),
        cmocka_unit_test(exit_codes_are_those_of_the_table),
        cmocka_unit_test(text_of_null_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
