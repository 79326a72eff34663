/* Receipts of logs as records, sound ones and damaged ones.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static anm_receipt sample(void)
{
    anm_receipt r = { .total_ns = 3000000,
                      .units = ANM_UNITS_CPU_ONLY,
                      .n_causes = 1,
                      .first = ANM_FIRST_CALL | ANM_FIRST_THREAD,
                      .at_ms = 1767225600123 };

    strcpy(r.model.name, "a model");
    strcpy(r.model.fingerprint, "sha256:00");
    strcpy(r.model.architecture, "bert");
    strcpy(r.contract.require, "none");
    strcpy(r.artifact.state, "hit");
    strcpy(r.artifact.path, "/cache/x.anm");
    r.model.precision = ANM_PRECISION_F32;
    r.where.device = ANM_DEVICE_CPU;
    r.where.evidence = ANM_EVIDENCE_OBSERVED;
    r.stages_ns[ANM_STAGE_QUEUE] = 500000;
    r.stages_ns[ANM_STAGE_PREDICT] = 2500000;
    r.counters.major_faults = 4;
    r.counters.freq_khz = ANM_COUNTER_UNKNOWN;
    r.input.tokens = 9;
    r.band.n = 20;
    r.band.p50_ns = 1000000;
    r.band.high_ns = 1200000;
    r.band.verdict = ANM_VERDICT_ABOVE;
    r.causes[0].cause = ANM_CAUSE_PAGING;
    r.causes[0].excess_ns = r.causes[0].explained_ns = 2000000;
    return r;
}

static char *json_of(const anm_receipt *r)
{
    char *json;
    anm_error err;

    assert_int_equal(anm_receipt_json(r, &json, &err), ANM_OK);
    return json;
}

/* The one file of this program, with these bytes. */
static const char *file_of(const char *text, size_t len)
{
    static char path[512];
    FILE *f;

    if (!*path)
        snprintf(path, sizeof(path), "%s/log.jsonl", test_temp_folder());
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void log_and_own_call_give_the_same_record(void **state)
{
    anm_records own = { 0 }, read = { 0 };
    const anm_receipt r = sample();
    char *json = json_of(&r);
    anm_error err;
    (void)state;

    assert_non_null(anm_records_add(&own, &r, r.at_ms));
    assert_int_equal(anm_records_read(&read, file_of(json, strlen(json)), &err),
                     ANM_OK);
    assert_int_equal(read.n, 1);
    assert_memory_equal(&own.items[0], &read.items[0], sizeof(anm_record));
    assert_int_equal(read.n_loads, 1);
    assert_string_equal(read.loads[0].state, "hit");
    assert_int_equal(read.n_models, 1);
    assert_string_equal(read.models[0].name, "a model");
    anm_free(json);
    anm_records_deinit(&own);
    anm_records_deinit(&read);
}

static void line_cut_at_any_byte_is_damaged_and_no_more(void **state)
{
    const anm_receipt r = sample();
    char *json = json_of(&r);
    const size_t len = strlen(json);
    char *text = malloc(2 * len + 2);
    (void)state;

    assert_non_null(text);
    for (size_t n = 1; n < len; n += 7) {
        anm_records log = { 0 };
        anm_error err;
        memcpy(text, json, len);
        text[len] = '\n';
        memcpy(text + len + 1, json, n);
        assert_int_equal(
            anm_records_read(&log, file_of(text, len + 1 + n), &err), ANM_OK);
        assert_int_equal(log.n, 1);
        assert_int_equal(log.n_damaged, 1);
        assert_int_equal(log.damaged[0].line, 2);
        anm_records_deinit(&log);
    }
    free(text);
    anm_free(json);
}

static void flipped_bits_never_break_the_reader(void **state)
{
    const anm_receipt r = sample();
    char *json = json_of(&r);
    const size_t len = strlen(json);
    (void)state;

    for (size_t i = 0; i < len; i += 3) {
        anm_records log = { 0 };
        json[i] = (char)(json[i] ^ 1 << i % 8);
        (void)anm_records_read(&log, file_of(json, len), NULL);
        assert_int_equal(log.n + log.n_damaged, log.n_lines);
        anm_records_deinit(&log);
        json[i] = (char)(json[i] ^ 1 << i % 8);
    }
    anm_free(json);
}

static void more_models_than_fit_share_the_last_place(void **state)
{
    anm_records log = { 0 };
    anm_receipt r = sample();
    anm_error err;
    char *text = calloc(1, 1 << 17);
    (void)state;

    assert_non_null(text);
    for (int i = 0; i < 20; i++) {
        snprintf(r.model.fingerprint, sizeof(r.model.fingerprint), "sha256:%d",
                 i);
        char *json = json_of(&r);
        strcat(strcat(text, json), "\n");
        anm_free(json);
    }
    assert_int_equal(anm_records_read(&log, file_of(text, strlen(text)), &err),
                     ANM_OK);
    assert_int_equal(log.n, 20);
    assert_int_equal(log.n_models, ANM_RECORD_MODELS_MAX);
    assert_int_equal(log.models[ANM_RECORD_MODELS_MAX - 1].n, 5);
    free(text);
    anm_records_deinit(&log);
}

static void nothing_readable_names_the_first_line(void **state)
{
    anm_records log = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_records_read(&log, file_of("x\ny\n", 4), &err),
                     ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "none of 2 lines"));
    anm_records_deinit(&log);
    assert_int_equal(anm_records_read(&log, "/no/such/log", &err),
                     ANM_E_NOTFOUND);
    anm_records_deinit(&log);
    assert_int_equal(anm_records_read(&log, file_of("", 0), &err), ANM_OK);
    anm_records_deinit(&log);
}

static void allocation_that_fails_is_said_or_survived(void **state)
{
    const anm_receipt r = sample();
    char *json = json_of(&r);
    const char *path = file_of(json, strlen(json));
    bool failed = true;
    (void)state;

    test_fault_spare_jansson(true);
    for (uint64_t k = 1; failed; k++) {
        anm_records log = { 0 };
        anm_error err;
        test_fault_arm(k);
        const anm_status status = anm_records_read(&log, path, &err);
        failed = test_fault_disarm();
        if (failed) assert_int_equal(status, ANM_E_NOMEM);
        anm_records_deinit(&log);
    }
    test_fault_spare_jansson(false);
    anm_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_and_own_call_give_the_same_record),
        cmocka_unit_test(line_cut_at_any_byte_is_damaged_and_no_more),
        cmocka_unit_test(flipped_bits_never_break_the_reader),
        cmocka_unit_test(more_models_than_fit_share_the_last_place),
        cmocka_unit_test(nothing_readable_names_the_first_line),
        cmocka_unit_test(allocation_that_fails_is_said_or_survived),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
