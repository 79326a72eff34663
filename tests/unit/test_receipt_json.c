/* test_receipt_json.c - the receipt as a document: every field, null for what
 * is not known.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/models.h"

static anm_receipt sample(void)
{
    anm_receipt r = { 0 };

    strcpy(r.model.name, "tiny");
    strcpy(r.model.fingerprint, "sha256:ab");
    strcpy(r.model.architecture, "bert");
    r.model.precision = ANM_PRECISION_F32;
    r.model.dim = 48;
    r.units = ANM_UNITS_CPU_ONLY;
    strcpy(r.contract.require, "cpu:1");
    r.contract.met = true;
    r.where.device = ANM_DEVICE_CPU;
    r.where.evidence = ANM_EVIDENCE_OBSERVED;
    r.where.share = 1;
    r.where.excluded = 1u << ANM_DEVICE_GPU | 1u << ANM_DEVICE_ANE;
    r.input.texts = 1;
    r.input.tokens = 9;
    strcpy(r.input.ids_sha256, "cd");
    for (int s = 0; s < ANM_STAGE_COUNT; s++)
        r.total_ns += r.stages_ns[s] = (uint64_t)s + 1;
    r.counters.freq_khz = ANM_COUNTER_UNKNOWN;
    r.counters.cpu_ns = 77;
    r.band.tokens = 9;
    r.n_causes = 1;
    r.causes[0].cause = ANM_CAUSE_NONE;
    strcpy(r.artifact.state, "hit");
    r.first = ANM_FIRST_CALL | ANM_FIRST_THREAD;
    return r;
}

static json_t *document_of(const anm_receipt *r)
{
    char *json = NULL;

    assert_int_equal(anm_receipt_json(r, &json, NULL), ANM_OK);
    return test_take_json(json);
}

/* The value at "a.b". */
static const json_t *at(const json_t *doc, const char *path)
{
    char part[64];
    const char *dot;

    for (; (dot = strchr(path, '.')); path = dot + 1) {
        snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
        doc = json_object_get(doc, part);
    }
    doc = json_object_get(doc, path);
    if (!doc) fail_msg("no %s", path);
    return doc;
}

static void every_field_of_the_page_is_there(void **state)
{
    static const char *const paths[] = {
        "anemone_receipt",
        "model.name",
        "model.fingerprint",
        "model.architecture",
        "model.precision",
        "model.dim",
        "model.assumed",
        "units",
        "contract.require",
        "contract.met",
        "contract.fallback",
        "contract.reason",
        "where.device",
        "where.evidence",
        "where.share",
        "where.how",
        "where.excluded",
        "input.texts",
        "input.tokens",
        "input.bucket",
        "input.truncated",
        "input.prompt",
        "input.ids_sha256",
        "stages_ns.queue",
        "stages_ns.tokenize",
        "stages_ns.bind",
        "stages_ns.predict",
        "stages_ns.post",
        "stages_ns.search",
        "stages_ns.merge",
        "stages_ns.unaccounted",
        "stages_ns.total",
        "counters.idle_before",
        "counters.in_flight",
        "counters.cpu_ns",
        "counters.run_delay_ns",
        "counters.vol_switches",
        "counters.invol_switches",
        "counters.minor_faults",
        "counters.major_faults",
        "counters.throttled_ns",
        "counters.psi_cpu_us",
        "counters.psi_memory_us",
        "counters.psi_io_us",
        "counters.freq_khz",
        "counters.sample_age_ms",
        "band.tokens",
        "band.n",
        "band.p50_ns",
        "band.low_ns",
        "band.high_ns",
        "band.verdict",
        "causes",
        "artifact.state",
        "artifact.path",
        "artifact.load_ns",
        "first",
    };
    const anm_receipt r = sample();
    json_t *doc = document_of(&r);
    (void)state;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        at(doc, paths[i]);
    json_decref(doc);
}

static void unknown_is_null_and_never_zero(void **state)
{
    anm_receipt r = sample();
    (void)state;

    r.where.share = -1;
    json_t *doc = document_of(&r);
    assert_true(json_is_null(at(doc, "counters.freq_khz")));
    assert_int_equal(json_integer_value(at(doc, "counters.cpu_ns")), 77);
    assert_int_equal(json_integer_value(at(doc, "counters.throttled_ns")), 0);
    assert_true(json_is_null(at(doc, "where.share")));
    assert_true(json_is_null(at(doc, "input.bucket")));
    assert_true(json_is_null(at(doc, "input.prompt")));
    assert_true(json_is_null(at(doc, "contract.reason")));
    assert_true(json_is_null(at(doc, "artifact.path")));
    json_decref(doc);
}

static void stages_add_up_in_the_document(void **state)
{
    const anm_receipt r = sample();
    json_t *doc = document_of(&r);
    const json_t *stages = at(doc, "stages_ns");
    json_int_t sum = 0;
    (void)state;

    for (int s = 0; s < ANM_STAGE_COUNT; s++)
        sum += json_integer_value(
            json_object_get(stages, anm_stage_name((anm_stage)s)));
    assert_int_equal(sum, json_integer_value(at(doc, "stages_ns.total")));
    json_decref(doc);
}

static void lists_hold_the_words(void **state)
{
    const anm_receipt r = sample();
    json_t *doc = document_of(&r);
    (void)state;

    const json_t *excluded = at(doc, "where.excluded");
    assert_int_equal(json_array_size(excluded), 2);
    assert_string_equal(json_string_value(json_array_get(excluded, 1)), "ane");
    const json_t *first = at(doc, "first");
    assert_int_equal(json_array_size(first), 2);
    assert_string_equal(json_string_value(json_array_get(first, 0)), "call");
    const json_t *cause = json_array_get(at(doc, "causes"), 0);
    assert_string_equal(json_string_value(at(cause, "name")), "none");
    assert_int_equal(json_array_size(at(cause, "evidence")), 0);
    json_decref(doc);
}

static void name_that_is_not_utf8_still_gives_a_document(void **state)
{
    anm_receipt r = sample();
    (void)state;

    strcpy(r.model.name, "m\xff\xfe");
    strcpy(r.artifact.path, "/tmp/\xc3");
    json_t *doc = document_of(&r);
    assert_string_equal(json_string_value(at(doc, "model.name")), "m??");
    json_decref(doc);
}

static void every_failed_allocation_is_reported(void **state)
{
    const anm_receipt r = sample();
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k++) {
        char *json = NULL;
        test_fault_arm(k);
        const anm_status status = anm_receipt_json(&r, &json, NULL);
        happened = test_fault_disarm();
        if (status) {
            assert_int_equal(status, ANM_E_NOMEM);
            assert_true(happened);
            assert_null(json);
        }
        anm_free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_the_page_is_there),
        cmocka_unit_test(unknown_is_null_and_never_zero),
        cmocka_unit_test(stages_add_up_in_the_document),
        cmocka_unit_test(lists_hold_the_words),
        cmocka_unit_test(name_that_is_not_utf8_still_gives_a_document),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
