/* test_contract.c - the table of units, devices, shares and flags.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/contract.h"

#include <string.h>

#include "support/support.h"

enum {
    CPU = 1u << ANM_DEVICE_CPU,
    GPU = 1u << ANM_DEVICE_GPU,
    ANE = 1u << ANM_DEVICE_ANE
};

static anm_require implied_by(anm_units units)
{
    anm_require r;

    assert_int_equal(anm_require_parse(&r, NULL, units, NULL), ANM_OK);
    return r;
}

static anm_require require(const char *text)
{
    anm_require r;

    assert_int_equal(anm_require_parse(&r, text, ANM_UNITS_ALL, NULL), ANM_OK);
    return r;
}

static void units_imply_their_requirement(void **state)
{
    static const struct {
        anm_units units;
        const char *text;
    } rows[] = {
        { ANM_UNITS_ALL, "none" },
        { ANM_UNITS_CPU_AND_GPU, "gpu:0.5" },
        { ANM_UNITS_CPU_AND_NE, "ane:0.5" },
        { ANM_UNITS_CPU_ONLY, "cpu:1" },
    };
    char text[24];
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        const anm_require r = implied_by(rows[i].units);
        anm_require_text(&r, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
}

static void written_requirements_read_back(void **state)
{
    static const char *const rows[][2] = {
        { "none", "none" },
        { "NONE", "none" },
        { "cpu", "cpu:1" },
        { "gpu", "gpu:0.5" },
        { "ANE:0.9", "ane:0.9" },
        { "gpu:1.0", "gpu:1" },
        { "cpu:.25", "cpu:0.25" },
        { "gpu:0.333", "gpu:0.333" },
        { "gpu:0.33333333333333333333", "gpu:0.333333" },
        { "gpu:0.0000000000001", "gpu:0.000001" },
    };
    char text[24];
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const anm_require r = require(rows[i][0]);
        anm_require_text(&r, text, sizeof(text));
        assert_string_equal(text, rows[i][1]);
    }
}

static void other_requirements_name_value_and_form(void **state)
{
    static const char *const rows[] = {
        "",        "tpu",     "cpu:",     "cpu:0",    "gpu:1.5", "gpu:-1",
        "gpu:nan", "gpu:1e0", "gpu:0.5x", "gpu:0,5",  "none:1",  "cp",
        "cpux",    ":0.5",    "gpu:..5",  "gpu: 0.5",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        anm_require r = { ANM_DEVICE_ANE, 0.125 };
        anm_error err;
        assert_int_equal(anm_require_parse(&r, rows[i], ANM_UNITS_ALL, &err),
                         ANM_E_ARG);
        assert_non_null(strstr(err.message, "DEVICE[:SHARE]"));
        assert_true(r.device == ANM_DEVICE_ANE && r.share == 0.125);
    }
}

static anm_contract judge(anm_units units, const char *text, unsigned present,
                          double cpu, double gpu, double ane, unsigned allowed)
{
    anm_contract_facts f = { .units = units,
                             .allow_fallback = allowed,
                             .present = present,
                             .loadable = present,
                             .shares = { cpu, gpu, ane } };
    anm_contract c;

    assert_int_equal(anm_require_parse(&f.require, text, units, NULL), ANM_OK);
    anm_contract_judge(&f, &c);
    return c;
}

static void cpu_alone_meets_what_needs_no_more(void **state)
{
    (void)state;
    assert_true(judge(ANM_UNITS_ALL, NULL, CPU, 1, 0, 0, 0).met);
    assert_true(judge(ANM_UNITS_CPU_ONLY, NULL, CPU, 1, 0, 0, 0).met);
    assert_false(judge(ANM_UNITS_CPU_AND_GPU, NULL, CPU, 1, 0, 0, 0).met);
    assert_false(judge(ANM_UNITS_CPU_AND_NE, NULL, CPU, 1, 0, 0, 0).met);
}

/* Every units, every set of devices, shares in steps, every set of allowed
 * fallbacks: the verdict against a statement of the rule. */
static void whole_table_follows_the_rule(void **state)
{
    static const double steps[] = { -1, 0, 0.49, 0.5, 1 };
    (void)state;

    for (unsigned units = 0; units < 4; units++)
        for (unsigned present = 1; present < 8; present += 2)
            for (size_t s = 0; s < 5; s++)
                for (unsigned allowed = 0; allowed < 8; allowed++) {
                    const anm_require r = implied_by((anm_units)units);
                    double shares[3] = { 0, 0, 0 };
                    const double share = steps[s];
                    shares[r.device] = share;
                    if (r.device != ANM_DEVICE_CPU)
                        shares[0] = share < 0 ? -1 : 1 - share;
                    const anm_contract c =
                        judge((anm_units)units, NULL, present, shares[0],
                              shares[1], shares[2], allowed);
                    const bool met =
                        r.share == 0 ||
                        ((present >> r.device & 1) && share >= r.share);
                    assert_true(c.met == met);
                    assert_true(c.runs == (c.met || c.fallback));
                    assert_true(met == (c.reason[0] == '\0'));
                    if (c.fallback) {
                        assert_false(met);
                        assert_true(allowed >> c.device & 1);
                        assert_true(c.device != r.device);
                    }
                }
}

static void unknown_share_meets_no_contract(void **state)
{
    (void)state;
    const anm_contract c =
        judge(ANM_UNITS_CPU_AND_GPU, NULL, CPU | GPU, -1, -1, 0, 0);
    assert_false(c.met);
    assert_non_null(strstr(c.reason, "planned on gpu: unknown"));
    assert_true(
        judge(ANM_UNITS_CPU_AND_GPU, "none", CPU | GPU, -1, -1, 0, 0).met);
}

static void excluded_device_cannot_be_required(void **state)
{
    (void)state;
    const anm_contract c =
        judge(ANM_UNITS_CPU_ONLY, "gpu:0.5", CPU | GPU, 0, 1, 0, 0);
    assert_false(c.met);
    assert_non_null(strstr(c.reason, "units CPU_ONLY exclude it"));
}

static void refusal_names_all_that_a_person_needs(void **state)
{
    static const char *const parts[] = { "CPU_AND_NE",
                                         "ane:0.5",
                                         "ane is not present",
                                         "present: cpu",
                                         "share planned on ane: 0",
                                         "required: 0.5",
                                         "--allow-fallback cpu" };
    (void)state;
    const anm_contract c = judge(ANM_UNITS_CPU_AND_NE, NULL, CPU, 1, 0, 0, 0);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_non_null(strstr(c.reason, parts[i]));
}

static void device_that_cannot_load_names_the_way(void **state)
{
    anm_contract_facts f = { .units = ANM_UNITS_CPU_AND_NE,
                             .require = { ANM_DEVICE_ANE, 0.5 },
                             .present = CPU | ANE,
                             .loadable = CPU,
                             .shares = { 1, 0, 0 } };
    anm_contract c;
    (void)state;

    anm_contract_judge(&f, &c);
    assert_non_null(strstr(c.reason, ".mlpackage"));
}

static void allowed_fallback_runs_and_says_so(void **state)
{
    (void)state;
    const anm_contract c =
        judge(ANM_UNITS_CPU_AND_GPU, NULL, CPU, 1, 0, 0, CPU);
    assert_true(c.runs && c.fallback && !c.met);
    assert_int_equal(c.device, ANM_DEVICE_CPU);
    assert_non_null(strstr(c.reason, "fallback that was allowed"));
}

static void fallback_to_another_device_does_not_run(void **state)
{
    (void)state;
    assert_false(judge(ANM_UNITS_CPU_AND_GPU, NULL, CPU, 1, 0, 0, ANE).runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_imply_their_requirement),
        cmocka_unit_test(written_requirements_read_back),
        cmocka_unit_test(other_requirements_name_value_and_form),
        cmocka_unit_test(cpu_alone_meets_what_needs_no_more),
        cmocka_unit_test(whole_table_follows_the_rule),
        cmocka_unit_test(unknown_share_meets_no_contract),
        cmocka_unit_test(excluded_device_cannot_be_required),
        cmocka_unit_test(refusal_names_all_that_a_person_needs),
        cmocka_unit_test(device_that_cannot_load_names_the_way),
        cmocka_unit_test(allowed_fallback_runs_and_says_so),
        cmocka_unit_test(fallback_to_another_device_does_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
