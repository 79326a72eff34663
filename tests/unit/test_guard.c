/* test_guard.c - what is a vector and what is not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/guard.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

static void unit_vector_passes(void **state)
{
    const float v[] = { 0.6f, 0, -0.8f };
    (void)state;
    assert_int_equal(anm_guard_check(v, 3, true, 0, NULL), ANM_OK);
}

static void length_matters_only_where_the_recipe_normalises(void **state)
{
    const float v[] = { 3, 4 };
    anm_error err;
    (void)state;
    assert_int_equal(anm_guard_check(v, 2, false, 0, NULL), ANM_OK);
    assert_int_equal(anm_guard_check(v, 2, true, 7, &err), ANM_E_DEVICE);
    assert_non_null(strstr(err.message, "text 7"));
    assert_non_null(strstr(err.message, "length is 5"));
}

static void not_finite_is_refused_with_place_and_value(void **state)
{
    static const struct {
        float value;
        const char *text;
    } rows[] = { { NAN, "is nan" },
                 { INFINITY, "is inf" },
                 { -INFINITY, "is -inf" } };
    anm_error err;
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        float v[20] = { 1 };
        v[17] = rows[i].value;
        assert_int_equal(anm_guard_check(v, 20, true, 3, &err), ANM_E_DEVICE);
        assert_non_null(strstr(err.message, "text 3: number 17"));
        assert_non_null(strstr(err.message, rows[i].text));
    }
}

static void zero_vector_is_refused(void **state)
{
    const float v[8] = { 0 };
    (void)state;
    assert_int_equal(anm_guard_check(v, 8, false, 0, NULL), ANM_E_DEVICE);
}

static void huge_finite_numbers_do_not_overflow_the_length(void **state)
{
    const float v[2] = { 3e38f, 3e38f };
    (void)state;
    assert_int_equal(anm_guard_check(v, 2, false, 0, NULL), ANM_OK);
}

static void golden_accepts_rounding_and_refuses_more(void **state)
{
    const float golden[] = { 0.5f, -0.25f, 0.1f };
    float v[] = { 0.5f, -0.25f, 0.1f };
    anm_error err;
    (void)state;

    assert_int_equal(anm_guard_golden(v, golden, 3, NULL), ANM_OK);
    v[1] += 0.4e-4f;
    assert_int_equal(anm_guard_golden(v, golden, 3, NULL), ANM_OK);
    v[1] += 1e-4f;
    assert_int_equal(anm_guard_golden(v, golden, 3, &err), ANM_E_DEVICE);
    assert_non_null(strstr(err.message, "number 1 "));
}

static void golden_refuses_nan(void **state)
{
    const float golden[] = { 0.5f, 0.5f };
    const float v[] = { NAN, 0.5f };
    (void)state;
    assert_int_equal(anm_guard_golden(v, golden, 2, NULL), ANM_E_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_vector_passes),
        cmocka_unit_test(length_matters_only_where_the_recipe_normalises),
        cmocka_unit_test(not_finite_is_refused_with_place_and_value),
        cmocka_unit_test(zero_vector_is_refused),
        cmocka_unit_test(huge_finite_numbers_do_not_overflow_the_length),
        cmocka_unit_test(golden_accepts_rounding_and_refuses_more),
        cmocka_unit_test(golden_refuses_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
