/* Looking at a package, by inspect or plan, with memory that runs out: an
 * error, never a document that lacks a part.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/safetensors_write.h"
#include "support/support.h"

static const char RECORDING[] =
    "{'anemone_recorded_plan':1,'units':'ALL','devices':['cpu'],'ops':"
    "[{'output':'y','type':'linear','preferred':'cpu','supported':['cpu']}]}";

typedef enum look { INSPECT, PLAN, PLAN_FROM } look;

static anm_status look_at(look what, const char *recording, char **json)
{
    anm_options o;
    anm_error err;

    anm_options_init(&o);
    o.model = test_data("coreml/immediate_only_ios16.mlpackage");
    o.cache_dir = "";
    if (what == PLAN) return anm_plan(&o, json, NULL, &err);
    if (what == PLAN_FROM)
        return anm_plan_from(&o, recording, json, NULL, &err);
    return anm_inspect(&o, ANM_INSPECT_TENSORS | ANM_INSPECT_OPS, json, &err);
}

static void fail_each_allocation(look what)
{
    static char recording[4096];
    char *whole = NULL, *json = NULL;

    strcpy(recording, test_json_write(test_temp_folder(), "plan", RECORDING));
    assert_int_equal(look_at(what, recording, &whole), ANM_OK);
    for (uint64_t k = 1;; k++) {
        test_fault_arm(k);
        const anm_status status = look_at(what, recording, &json);
        const bool has_failed = test_fault_disarm();

        if (status && status != ANM_E_NOMEM)
            fail_msg("allocation %d: %s", (int)k, anm_status_name(status));
        if (!status) {
            // What failed was of no consequence.
            assert_string_equal(json, whole);
            anm_free(json);
        }
        if (has_failed) continue;
        assert_true(k > 3);
        break;
    }
    anm_free(whole);
}

static void inspect_is_whole_or_out_of_memory(void **state)
{
    (void)state;
    fail_each_allocation(INSPECT);
}

static void plan_is_whole_or_out_of_memory(void **state)
{
    (void)state;
    fail_each_allocation(PLAN);
    fail_each_allocation(PLAN_FROM);
}

static int install(void **state)
{
    (void)state;
    test_fault_install();
    test_fault_spare_jansson(true);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inspect_is_whole_or_out_of_memory),
        cmocka_unit_test(plan_is_whole_or_out_of_memory),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
