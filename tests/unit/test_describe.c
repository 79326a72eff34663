/* test_describe.c - what is known of a model before it is loaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "engine/describe.h"
#include "engine/state.h"
#include "support/models.h"

static const char tiny[] = "tiny-bert-mean";

static void fitted_work_is_the_graphs_at_every_length(void **state)
{
    const anm_options o = test_options(tiny);
    anm_engine *e;
    (void)state;

    assert_int_equal(anm_engine_describe(&e, &o, NULL), ANM_OK);
    for (size_t n = 1; n <= anm_engine_max_tokens(e); n++) {
        const double t = (double)n, want = anm_engine_cost(e, n).macs;
        const double fitted = e->macs[0] + (e->macs[1] + e->macs[2] * t) * t;
        assert_true(fabs(fitted - want) <= 1e-9 * want);
    }
    anm_engine_close(e);
}

static void nothing_is_prepared_by_describing_and_choosing(void **state)
{
    const char *cache = test_temp_folder();
    anm_options o = test_options(tiny);
    anm_engine *e;
    anm_names names;
    (void)state;

    o.cache_dir = cache;
    assert_int_equal(anm_engine_describe(&e, &o, NULL), ANM_OK);
    assert_int_equal(anm_engine_state(e), ANM_STATE_PREPARING);
    assert_int_equal(anm_engine_choose(e, &o, NULL), ANM_OK);
    assert_string_equal(e->backend->name, "cpu");
    assert_string_equal(anm_engine_fingerprint(e), "");
    assert_null(e->runner);
    anm_engine_close(e);
    assert_int_equal(anm_folder_list(cache, &names, NULL), ANM_OK);
    for (size_t i = 0; i < names.n; i++)
        assert_string_equal(names.names[i], "remembered");
    anm_names_deinit(&names);
}

static void
shares_are_told_before_loading_where_one_device_is_left(void **state)
{
    anm_options o = test_options(tiny);
    anm_engine *e;
    (void)state;

    o.units = ANM_UNITS_CPU_ONLY;
    assert_int_equal(anm_engine_describe(&e, &o, NULL), ANM_OK);
    assert_int_equal(anm_engine_choose(e, &o, NULL), ANM_OK);
    assert_true(e->facts.shares[ANM_DEVICE_CPU] == 1);
    assert_true(e->facts.shares[ANM_DEVICE_ANE] == 0);
    assert_true(e->contract.runs);
    anm_engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fitted_work_is_the_graphs_at_every_length),
        cmocka_unit_test(nothing_is_prepared_by_describing_and_choosing),
        cmocka_unit_test(
            shares_are_told_before_loading_where_one_device_is_left),
    };
    return cmocka_run_group_tests_name("describe", tests, NULL, NULL);
}
