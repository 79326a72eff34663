/* Programs of random nodes: no number of threads shows in a bit, and a program
 * that runs without the passes runs with them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_pass.h"
#include "support/arrays_random.h"
#include "support/program.h"
#include "support/support.h"

enum { PROGRAMS = 1500, BYTES = 2500 };

static void random_programs_do_not_depend_on_threads(void **state)
{
    uint64_t seed = 20261125;
    uint8_t bytes[BYTES];
    size_t n_run = 0;

    (void)state;
    for (size_t i = 0; i < PROGRAMS; i++) {
        uint64_t one = 0, three = 0, fused = 0;
        anm_error err = { 0 };

        for (size_t j = 0; j < BYTES; j++)
            bytes[j] = (uint8_t)test_random(&seed);
        const anm_status status =
            test_random_arrays(bytes, BYTES, 0, 1, &one, &err);
        assert_int_not_equal(status, ANM_E_INTERNAL);
        const anm_status with = test_random_arrays(
            bytes, BYTES, ANM_ARRAYS_PASS_ALL, 1, &fused, &err);
        if (status) continue;
        if (with) fail_msg("program %zu: %s", i, err.message);
        n_run++;
        if (i % 8) continue;
        assert_int_equal(test_random_arrays(bytes, BYTES, 0, 3, &three, &err),
                         ANM_OK);
        assert_true(one == three);
    }
    print_message("%zu of %d programs ran\n", n_run, PROGRAMS);
    assert_true(n_run > PROGRAMS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
