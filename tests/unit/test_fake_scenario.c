/* test_fake_scenario.c - a scenario is read in full, and what is wrong in it is
 * named by its field.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "support/support.h"

static const char full[] =
    "{\"anemone_scenario\":1,\"name\":\"n\",\"seed\":7,"
    "\"settings\":{\"units\":\"CPU_AND_NE\",\"require\":\"ane:0.5\","
    "\"allow_fallback\":\"cpu,gpu\",\"threads\":3},"
    "\"model\":{\"dim\":16,\"layers\":1,\"max_tokens\":64,\"words\":40},"
    "\"machine\":{\"name\":\"m\",\"freq_khz\":2000000,"
    "\"absent\":[\"psi\",\"freq\"]},"
    "\"devices\":{\"cpu\":{\"ms\":4},\"ane\":{\"ms\":1.5,\"spread\":0}},"
    "\"plan\":{\"known\":false,\"prefer\":\"ane\",\"share\":0.5,"
    "\"ops\":{\"layer_norm\":\"cpu\"}},"
    "\"executes\":{\"ane\":0.75,\"cpu\":0.25},"
    "\"evidence\":{\"energy\":\"honest\",\"footprint\":\"ane\"},"
    "\"stages\":{\"bind_ms\":0.5},"
    "\"warm\":{\"lengths\":[8,64],\"budget_ms\":1000},"
    "\"workload\":[{\"queries\":3,\"gap_ms\":[1,2],\"tokens\":12},"
    "{\"restart\":true,\"warm\":false}],"
    "\"faults\":[{\"kind\":\"idle\",\"ms\":[2,3],\"tau_ms\":40,"
    "\"when\":{\"phase\":\"any\",\"every\":2,\"chance\":0.5,"
    "\"caller\":\"main\"}},"
    "{\"kind\":\"fail\",\"at\":\"load\",\"status\":\"E_BUSY\"}],"
    "\"expect\":{\"causes\":[\"paging\"],\"exit\":-11}}";

static const char *folder;

static anm_status read_text(anm_fake_scenario *s, const char *text, size_t len,
                            anm_error *err)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/x.json", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    return anm_fake_scenario_read(s, path, err);
}

static void every_field_arrives(void **state)
{
    anm_fake_scenario s;
    anm_error err;
    (void)state;

    assert_int_equal(read_text(&s, full, strlen(full), &err), ANM_OK);
    assert_string_equal(s.name, "n");
    assert_string_equal(s.settings.require, "ane:0.5");
    assert_true(s.seed == 7 && s.settings.threads == 3 && s.model.dim == 16);
    assert_true(s.machine.freq_khz == 2000000);
    assert_int_equal(s.machine.absent, 1u << 4 | 1u << 5);
    assert_true(s.devices[ANM_DEVICE_ANE].present);
    assert_false(s.devices[ANM_DEVICE_GPU].present);
    assert_true(s.devices[ANM_DEVICE_ANE].ms == 1.5);
    assert_true(s.devices[ANM_DEVICE_ANE].spread == 0);
    assert_true(s.executes.of[ANM_DEVICE_ANE] == 0.75);
    assert_true(s.executes.of[ANM_DEVICE_GPU] == 0);
    assert_false(s.plan.known);
    assert_int_equal(s.plan.prefer, ANM_DEVICE_ANE);
    assert_int_equal(s.evidence.energy, ANM_FAKE_HONEST);
    assert_int_equal(s.evidence.footprint, ANM_FAKE_SAYS_ANE);
    assert_int_equal(s.warm.n_lengths, 2);
    assert_int_equal(s.n_steps, 2);
    assert_true(s.steps[0].queries == 3 && s.steps[0].gap_ms.high == 2);
    assert_true(s.steps[0].tokens.low == 12 && s.steps[0].tokens.high == 12);
    assert_true(s.steps[1].restart && !s.steps[1].warm);
    assert_int_equal(s.faults[0].kind, ANM_FAKE_IDLE);
    assert_int_equal(s.faults[0].when.phase, ANM_FAKE_ANY);
    assert_true(s.faults[0].when.chance == 0.5);
    assert_string_equal(s.faults[0].when.caller, "main");
    assert_int_equal(s.faults[1].at, ANM_FAKE_AT_LOAD);
    assert_int_equal(s.faults[1].status, ANM_E_BUSY);
    anm_fake_scenario_deinit(&s);
}

static void what_is_not_said_has_its_default(void **state)
{
    static const char text[] =
        "{\"anemone_scenario\":1,\"devices\":{\"cpu\":{}},"
        "\"workload\":[{}],\"faults\":[{\"kind\":"
        "\"slow\"}]}";
    anm_fake_scenario s;
    anm_error err;
    (void)state;

    assert_int_equal(read_text(&s, text, strlen(text), &err), ANM_OK);
    assert_true(s.seed == 1 && s.settings.threads == 2 && s.model.words == 800);
    assert_true(s.plan.known && s.evidence.plan && s.plan.share == 1);
    assert_true(s.executes.of[ANM_DEVICE_CPU] < 0);
    assert_true(s.devices[0].ms == 2 && s.devices[0].tail_factor == 1);
    assert_string_equal(s.steps[0].caller, "main");
    assert_true(s.steps[0].gap_ms.low == 1000 && s.steps[0].texts == 1);
    assert_true(s.faults[0].factor == 1 && s.faults[0].when.chance == 1);
    assert_int_equal(s.faults[0].when.phase, ANM_FAKE_LIVE);
    anm_fake_scenario_deinit(&s);
}

static void what_is_wrong_is_named(void **state)
{
    // What is put in place of what, and the start of the message.
    static const char *const cases[][3] = {
        { "\"seed\":7", "\"seed\":0", "seed: 0" },
        { "\"seed\":7", "\"sead\":7", "sead: unknown field" },
        { "\"anemone_scenario\":1", "\"anemone_scenario\":2",
          "anemone_scenario: 2" },
        { "\"dim\":16", "\"dim\":16.5", "model.dim: 16.5" },
        { "CPU_AND_NE", "NPU", "settings.units: \"NPU\"" },
        { "ane:0.5", "ane:1.5", "settings.require: \"ane:1.5\"" },
        { "ane:0.5", "ane:0.5x", "settings.require: \"ane:0.5x\"" },
        { "cpu,gpu", "cpu,", "settings.allow_fallback: \"cpu,\"" },
        { "\"psi\"", "\"watts\"", "machine.absent[0]: \"watts\"" },
        { "\"ms\":4", "\"ms\":-4", "devices.cpu.ms: -4" },
        { "\"cpu\":{\"ms\":4},", "", "devices.cpu: missing" },
        { "layer_norm", "sort", "plan.ops.sort" },
        { "0.75", "0.7", "executes: " },
        { "\"honest\"", "\"true\"", "evidence.energy: \"true\"" },
        { "[8,64]", "[8,2]", "warm.lengths[1]: 2" },
        { "[1,2]", "[2,1]", "workload[0].gap_ms: [2,1]" },
        { "\"restart\":true", "\"restart\":1", "workload[1].restart: 1" },
        { "\"idle\"", "\"idol\"", "faults[0].kind: \"idol\"" },
        { "\"idle\"", "\"pad\"", "faults[0].tokens: missing" },
        { "\"tau_ms\":40", "\"khz\":400000", "faults[0].khz: no field" },
        { "\"chance\":0.5", "\"chance\":2", "faults[0].when.chance: 2" },
        { "\"main\"", "\"sync\"",
          "faults[0].when.caller: \"sync\": no step of the workload" },
        { "\"queries\":3", "\"queries\":0", "faults[0].when.caller: \"main\"" },
        { "E_BUSY", "BUSY", "faults[1].status: \"BUSY\"" },
        { "\"paging\"", "\"pages\"", "expect.causes[0]" },
        { "-11", "\"11\"", "expect.exit: \"11\"" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[sizeof(full) + 64], wanted[128];
        anm_fake_scenario s;
        anm_error err;
        const char *at = strstr(full, cases[i][0]);
        assert_non_null(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - full), full,
                 cases[i][1], at + strlen(cases[i][0]));
        assert_int_equal(read_text(&s, text, strlen(text), &err), ANM_E_FORMAT);
        snprintf(wanted, sizeof(wanted), "/x.json: %s", cases[i][2]);
        if (!strstr(err.message, wanted))
            fail_msg("no '%s' in: %s", wanted, err.message);
    }
}

static void no_part_of_a_scenario_is_one(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(full); len++) {
        anm_fake_scenario s;
        anm_error err;
        assert_int_equal(read_text(&s, full, len, &err), ANM_E_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_arrives),
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(no_part_of_a_scenario_is_one),
    };
    folder = test_temp_folder();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
