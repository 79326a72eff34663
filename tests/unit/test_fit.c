/* Whether a model fits, for machines that are not this one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/fit.h"

#include <string.h>

#include "support/support.h"

static const anm_footprint need = { .weights = 8000000000, .room = 300000000 };

static void what_is_enough_or_not_known_is_no_limit(void **state)
{
    static const anm_memory_limit limits[] = {
        { 0, 0 },
        { 0, 8300000000 },
        { 8300000000, 0 },
        { 16000000000, 9000000000 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        assert_int_equal(anm_fit_check(&need, &limits[i], NULL), ANM_OK);
    const anm_footprint unknown = { 0, 0 };
    assert_int_equal(anm_fit_check(&unknown, &limits[3], NULL), ANM_OK);
}

static void too_little_is_refused_with_every_figure(void **state)
{
    static const struct {
        anm_memory_limit have;
        const char *words[3];
    } cases[] = {
        { { 4000000000, 16000000000 },
          { "the cgroup allows 4.000 GB", "the machine has 16.000 GB",
            "8.000" } },
        { { 0, 8299999999 },
          { "the cgroup allows any", "the machine has 8.300 GB", "0.300" } },
        { { 1, 0 }, { "0.000 GB", "the machine has any", "overcommit" } },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_error err;

        assert_int_equal(anm_fit_check(&need, &cases[i].have, &err),
                         ANM_E_LIMIT);
        for (size_t w = 0; w < 3; w++)
            if (!strstr(err.message, cases[i].words[w]))
                fail_msg("no \"%s\": %s", cases[i].words[w], err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_enough_or_not_known_is_no_limit),
        cmocka_unit_test(too_little_is_refused_with_every_figure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
