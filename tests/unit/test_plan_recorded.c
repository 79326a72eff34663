/* Unit tests of engine/plan_recorded.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan_recorded.h"

#include <stdio.h>
#include <string.h>

#include "support/packages.h"
#include "support/safetensors_write.h"

typedef struct reading {
    anm_mlpackage *package;
    anm_arena arena;
    anm_recorded_plan plan;
} reading;

/* Read the text with ' for " of a recording of a package with one linear op
 * that gives y. */
static anm_status read_text(reading *x, const char *text, anm_error *err)
{
    *x = (reading){ .package = test_open_package(
                        test_data("coreml/immediate_only_ios16.mlpackage")) };
    return anm_recorded_plan_read(
        &x->plan, &x->arena, test_json_write(test_temp_folder(), "plan", text),
        x->package, err);
}

static void drop(reading *x)
{
    anm_arena_deinit(&x->arena);
    anm_mlpackage_close(x->package);
}

static void ops_are_joined_by_output(void **state)
{
    (void)state;
    reading x;
    anm_error err = { 0 };

    if (read_text(&x,
                  "{'anemone_recorded_plan':1,'units':'CPU_AND_NE','devices':"
                  "['cpu','ane'],'ops':[{'output':'y','type':'iOS16.linear',"
                  "'preferred':'ane','supported':['cpu','ane'],'cost':1.0}]}",
                  &err))
        fail_msg("%s", err.message);
    assert_int_equal(x.plan.units, ANM_UNITS_CPU_AND_NE);
    assert_ptr_equal(x.plan.function, x.package->main);
    assert_true(x.plan.has_costs);
    const size_t last = x.package->main->block.n_ops - 1;
    assert_true(x.plan.ops[last].is_known);
    assert_int_equal(x.plan.ops[last].preferred, ANM_DEVICE_ANE);
    assert_false(x.plan.ops[0].is_known);
    drop(&x);
}

static void costs_may_be_missing(void **state)
{
    (void)state;
    reading x;

    assert_int_equal(
        read_text(&x,
                  "{'anemone_recorded_plan':1,'units':'ALL','devices':['cpu'],"
                  "'ops':[{'output':'y','type':'linear','preferred':'cpu',"
                  "'supported':['cpu'],'cost':null}]}",
                  NULL),
        ANM_OK);
    assert_false(x.plan.has_costs);
    drop(&x);
}

static void recordings_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "{}", "anemone_recorded_plan" },
        { "{'anemone_recorded_plan':2}", "2" },
        { "{'anemone_recorded_plan':1,'units':'GPU'}", "units: GPU" },
        { "{'anemone_recorded_plan':1,'units':'ALL','devices':['npu']}",
          "device npu" },
        { "{'anemone_recorded_plan':1,'units':'ALL','devices':[],"
          "'function':'f','ops':[]}",
          "function f is none" },
        { "{'anemone_recorded_plan':1,'units':'ALL','devices':[],"
          "'ops':[{'output':'z','type':'linear'}]}",
          "of another package" },
        { "{'anemone_recorded_plan':1,'units':'ALL','devices':[],"
          "'ops':[{'output':'y','type':'ios16.conv'}]}",
          "type ios16.conv, in the package it is linear" },
        { "{'anemone_recorded_plan':1,'units':'ALL','devices':[],'ops':"
          "[{'output':'y','type':'linear','preferred':'ane',"
          "'supported':['cpu']}]}",
          "not among the supported" },
        { "{'anemone_recorded_plan':1,'units':'ALL','devices':[],'ops':"
          "[{'output':'y','type':'linear','preferred':'ane','cost':7,"
          "'supported':['ane']}]}",
          "cost 7" },
        { "{'anemone_recorded_plan':1,'units':'ALL','devices':[],'ops':[5]}",
          "ops" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reading x;
        anm_error err = { 0 };

        assert_int_equal(read_text(&x, cases[i].text, &err), ANM_E_FORMAT);
        if (!test_holds(err.message, cases[i].words))
            fail_msg("no \"%s\" in \"%s\"", cases[i].words, err.message);
        drop(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_are_joined_by_output),
        cmocka_unit_test(costs_may_be_missing),
        cmocka_unit_test(recordings_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
