/* Constants are held against what is stored before any is made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_constants.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "support/mil_build.h"
#include "support/support.h"

static const uint8_t codes[] = { 3, 2, 1, 0 };
static const float scale = 10;

/* n scales over the same four codes, each declared with `rows` rows. */
static void build(test_mil *m, size_t n, int64_t rows)
{
    const int64_t dims[] = { rows, 4, 0 };
    char name[32];

    test_mil_init(m, "CoreML8", 18);
    test_mil_add_const(m, "codes", ANM_MIL_UINT8, codes, 4);
    test_mil_add_const(m, "scale", ANM_MIL_FLOAT32, &scale, 1);
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "w%zu", i);
        test_mil_add(m, "constexpr_blockwise_shift_scale", name,
                     "data=codes scale=scale", ANM_MIL_FLOAT32, dims);
    }
}

static void declared_elements_are_those_of_the_operands(void **state)
{
    test_mil m;
    anm_error err;
    (void)state;

    build(&m, 1, 1);
    assert_int_equal(anm_mil_constants_check(&m.ops[2], &err), ANM_OK);
    build(&m, 1, 2);
    assert_int_equal(anm_mil_constants_check(&m.ops[2], &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "declares 8 elements"));
}

/* 16 MiB each: four are free, five are not, and only those needed count. */
static void one_blob_named_often_is_refused(void **state)
{
    bool needed[TEST_MIL_OPS];
    anm_alloc_stats before, after;
    test_mil m;
    anm_error err;
    (void)state;

    memset(needed, true, sizeof(needed));
    build(&m, 5, 1 << 20);
    anm_alloc_stats_read(&before);
    assert_int_equal(anm_mil_constants_check_all(&m.function, needed, &err),
                     ANM_E_LIMIT);
    assert_string_equal(err.message,
                        "function main: constants of 83886100 bytes from 8 in "
                        "the file; at most 256 times as many and 67108864");
    needed[3] = needed[4] = false;
    assert_int_equal(anm_mil_constants_check_all(&m.function, needed, &err),
                     ANM_OK);
    anm_alloc_stats_read(&after);
    assert_int_equal(before.n_allocs, after.n_allocs);
}

static void sizes_that_overflow_are_refused(void **state)
{
    bool needed[TEST_MIL_OPS];
    test_mil m;
    anm_error err;
    (void)state;

    memset(needed, true, sizeof(needed));
    build(&m, 2, INT64_MAX / 4);
    assert_int_equal(anm_mil_constants_check_all(&m.function, needed, &err),
                     ANM_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_elements_are_those_of_the_operands),
        cmocka_unit_test(one_blob_named_often_is_refused),
        cmocka_unit_test(sizes_that_overflow_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
