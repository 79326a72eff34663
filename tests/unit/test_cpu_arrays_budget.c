/* A runner's arrays together have a limit, whatever its program names: what is
 * above it is refused with both figures before memory is asked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/cpu/arrays/cpu_arrays.h"

#include "base/alloc.h"
#include "support/arrays_run.h"
#include "support/support.h"

static void cells_are_counted_and_given_back(void **state)
{
    anm_cpu_arrays a = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_cpu_cells_take(&a, 1000, &err), ANM_OK);
    assert_int_equal(anm_cpu_cells_take(&a, ANM_CPU_CELLS_MAX, &err),
                     ANM_E_LIMIT);
    assert_string_equal(
        err.message,
        "2147483648 elements besides 1000, at most 2147483648 in all");
    assert_int_equal(anm_cpu_cells_take(&a, UINT64_MAX, &err), ANM_E_LIMIT);
    assert_int_equal(a.cells, 1000);
    anm_cpu_cells_give(&a, 1000);
    assert_int_equal(a.cells, 0);
}

/* Every node is legal, and no array larger than one may be. */
static void build_tower(test_arrays *t)
{
    enum { LAYERS = 8 };
    anm_value_id v = test_arrays_in(t, ANM_DTYPE_F32, D(1), F(1));
    anm_value_id sums[LAYERS];

    for (size_t i = 0; i < LAYERS; i++) {
        const anm_value_id reps =
            test_arrays_const(t, ANM_DTYPE_I32, D(1), I(1 << 30));
        sums[i] = test_arrays_node(t, &(test_node){ ANM_ARRAY_TILE,
                                                    { v, reps },
                                                    2,
                                                    { 0 },
                                                    ANM_DTYPE_F32,
                                                    D(1 << 30) });
    }
    for (size_t i = 1; i < LAYERS; i++)
        sums[0] = test_arrays_node(t, &(test_node){ ANM_ARRAY_ADD,
                                                    { sums[0], sums[i] },
                                                    2,
                                                    { 0 },
                                                    ANM_DTYPE_F32,
                                                    D(1 << 30) });
    test_arrays_gives(t,
                      &(test_node){ ANM_ARRAY_REDUCE_MAX,
                                    { sums[0] },
                                    1,
                                    { .flags = ANM_ARRAY_KEEP_DIMS },
                                    ANM_DTYPE_F32,
                                    D(1) },
                      F(8));
}

static void programs_of_huge_arrays_ask_for_nothing(void **state)
{
    anm_alloc_stats before, after;
    test_arrays t;
    (void)state;

    test_arrays_init(&t);
    build_tower(&t);
    anm_alloc_stats_read(&before);
    test_arrays_fails(&t, ANM_E_LIMIT, "at most 2147483648 in all");
    anm_alloc_stats_read(&after);
    assert_true(after.bytes_peak - before.bytes_live < (uint64_t)1 << 24);
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_counted_and_given_back),
        cmocka_unit_test(programs_of_huge_arrays_ask_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
