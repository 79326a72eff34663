/* test_cpu_measure.c - a measurement is a number that a machine can have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/program.h"
#include "support/support.h"

static void figures_are_those_of_a_machine(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ .layers = 1 });
    const anm_program p = test_program(t.graph, 64);
    for (unsigned threads = 1; threads <= 2; threads++) {
        test_runner r;
        anm_peak peak = { 0 };

        test_runner_init(&r, &p, threads, anm_cpu_detect());
        assert_int_equal(anm_backend_cpu.measure(r.runner, &peak, NULL),
                         ANM_OK);
        assert_true(peak.macs_per_s > 1e7 && peak.macs_per_s < 1e13);
        assert_true(peak.bytes_per_s > 1e7 && peak.bytes_per_s < 1e13);
        test_runner_deinit(&r);
    }
    test_graph_deinit(&t);
}

/* Other processes only add to it. */
static void probe_takes_microseconds(void **state)
{
    static const unsigned levels[] = { 0, ~0u };
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ .layers = 1 });
    const anm_program p = test_program(t.graph, 64);
    for (size_t i = 0; i < 2; i++) {
        test_runner r;
        uint64_t least = UINT64_MAX;
        test_runner_init(&r, &p, 1, levels[i] & anm_cpu_detect());
        for (int k = 0; k < 200; k++) {
            const uint64_t ns = anm_backend_cpu.probe(r.runner);
            if (ns < least) least = ns;
        }
        assert_in_range(least, 2000, 2000000);
        test_runner_deinit(&r);
    }
    test_graph_deinit(&t);
}

static void failed_allocation_is_an_error(void **state)
{
    test_graph t;
    test_runner r;
    anm_peak peak = { 0 };

    (void)state;
    test_bert_init(&t, &(test_bert){ .layers = 1 });
    const anm_program p = test_program(t.graph, 64);
    test_runner_init(&r, &p, 1, anm_cpu_detect());
    test_fault_arm(1);
    assert_int_equal(anm_backend_cpu.measure(r.runner, &peak, NULL),
                     ANM_E_NOMEM);
    assert_true(test_fault_disarm());
    test_runner_deinit(&r);
    test_graph_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_a_machine),
        cmocka_unit_test(probe_takes_microseconds),
        cmocka_unit_test(failed_allocation_is_an_error),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
