/* The document of a log: what is in it, and what is left out of a long one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/report.h"

#include <string.h>

#include "base/alloc.h"
#include "support/support.h"

/* n recorded calls of 3 ms; every hundredth left its band. */
static anm_report *report_of(size_t n, anm_machine *machine)
{
    anm_report *r = anm_alloc_zero(sizeof(*r));
    anm_records *log = anm_alloc_zero(sizeof(*log));

    assert_true(r && log);
    anm_machine_read(machine);
    log->items = anm_alloc_array(n + 1, sizeof(*log->items));
    assert_non_null(log->items);
    log->n = log->n_lines = n;
    for (size_t i = 0; i < n; i++) {
        log->items[i] = (anm_record){
            .at_ms = (int64_t)i * 1000,
            .total_ns = 3000000,
            .stages_ns = { [ANM_STAGE_QUEUE] = 100000,
                           [ANM_STAGE_PREDICT] = 2800000,
                           [ANM_STAGE_POST] = 60000,
                           [ANM_STAGE_UNACCOUNTED] = 40000 },
            .p50_ns = 3000000,
            .verdict = i % 100 ? ANM_VERDICT_INSIDE : ANM_VERDICT_ABOVE,
            .n_causes = 1,
            .major_faults = ANM_COUNTER_UNKNOWN,
        };
        if (i % 100 == 0) log->items[i].causes[0].cause = ANM_CAUSE_PAGING;
    }
    *r = (anm_report){
        .mode = "receipts", .seed = 1, .machine = machine, .log = log
    };
    return r;
}

static json_t *write_report(const anm_report *r)
{
    char *json;
    anm_error err;

    assert_int_equal(anm_report_write(r, &json, &err), ANM_OK);
    json_t *doc = json_loads(json, 0, NULL);
    anm_free(json);
    assert_non_null(doc);
    return doc;
}

static void drop(anm_report *r)
{
    anm_records *log = (anm_records *)(uintptr_t)r->log;

    anm_records_deinit(log);
    anm_free(log);
    anm_free(r);
}

static void call_has_its_stages_and_unknown_counters_are_null(void **state)
{
    anm_machine machine;
    anm_report *r = report_of(3, &machine);
    json_t *doc = write_report(r);
    const json_t *call = json_array_get(json_object_get(doc, "calls"), 0);
    const json_t *stages = json_object_get(call, "stages_ns"), *ns;
    const char *name;
    json_int_t sum = 0;
    (void)state;

    assert_int_equal(json_object_size(stages), ANM_STAGE_COUNT);
    json_object_foreach((json_t *)(uintptr_t)stages, name, ns) sum +=
        json_integer_value(ns);
    assert_int_equal(sum,
                     json_integer_value(json_object_get(call, "total_ns")));
    assert_true(json_is_null(
        json_object_get(json_object_get(call, "counters"), "major_faults")));
    assert_string_equal(json_string_value(json_object_get(call, "experiment")),
                        "receipts");
    assert_true(json_is_null(json_object_get(doc, "model")));
    json_decref(doc);
    drop(r);
}

/* Nobody draws a hundred thousand calls; those that left their band stay. */
static void long_log_is_thinned_but_for_what_left_its_band(void **state)
{
    anm_machine machine;
    anm_report *r = report_of(100000, &machine);
    json_t *doc = write_report(r);
    const json_t *list = json_object_get(doc, "calls"), *call;
    size_t i, n_above = 0;
    json_int_t before = 0;
    (void)state;

    assert_true(json_is_true(json_object_get(doc, "calls_thinned")));
    assert_true(json_array_size(list) <= 20000);
    json_array_foreach(list, i, call)
    {
        const json_int_t number =
            json_integer_value(json_object_get(call, "call"));
        assert_true(number > before);
        before = number;
        n_above += strcmp(json_string_value(json_object_get(call, "verdict")),
                          "above") == 0;
    }
    assert_int_equal(n_above, 1000);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(doc, "receipts"), "calls")),
                     100000);
    json_decref(doc);
    drop(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_has_its_stages_and_unknown_counters_are_null),
        cmocka_unit_test(long_log_is_thinned_but_for_what_left_its_band),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
