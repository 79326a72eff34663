/* test_cpu_workspace.c - room is made once, as a whole, or not at all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/program.h"
#include "support/support.h"

#include "base/alloc.h"
#include "base/host.h"
#include "graph/pass.h"

enum { MOST = 256, DIM = 48 };

typedef struct fixture {
    test_graph graph;
    anm_program program;
    test_runner runner;
    int32_t ids[4096], mask[4096];
    anm_input inputs[64];
    float vectors[64 * DIM];
} fixture;

static fixture f;

static int set_up(void **state)
{
    (void)state;
    test_bert_init(&f.graph, &(test_bert){ 0 });
    assert_int_equal(anm_graph_optimize(f.graph.graph, ANM_PASS_ALL, NULL),
                     ANM_OK);
    f.program = test_program(f.graph.graph, MOST);
    test_runner_init(&f.runner, &f.program, 2, anm_cpu_detect());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_runner_deinit(&f.runner);
    test_graph_deinit(&f.graph);
    return 0;
}

static void predict(size_t n, size_t len)
{
    uint64_t seed = 5;

    for (size_t i = 0; i < n; i++)
        f.inputs[i] =
            test_input(f.ids + i * len, f.mask + i * len, len, 97, &seed);
    test_predict(&f.runner, f.inputs, n, f.vectors);
}

/* Page faults of this thread in the first call after a reserve; the call
 * allocates nothing. */
static int64_t count_faults(void)
{
    anm_alloc_stats before, after;
    anm_host_thread own_before, own_after;

    predict(1, 64); // code and stacks
    assert_int_equal(
        anm_backend_cpu.reserve(f.runner.runner, 40 * 100, 40, NULL), ANM_OK);
    for (size_t i = 0; i < 4096; i++)
        f.ids[i] = f.mask[i] = 1;
    memset(f.vectors, 0, sizeof(f.vectors));
    anm_alloc_stats_read(&before);
    anm_host_thread_read(&own_before);
    predict(40, 100);
    anm_host_thread_read(&own_after);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.n_allocs, before.n_allocs);
    return own_after.minor_faults - own_before.minor_faults;
}

/* The system moves pages of its own accord now and then, and each is a fault;
 * room that was not touched faults in every runner. */
static void first_call_after_reserve_allocates_and_faults_nothing(void **state)
{
    int64_t faults = count_faults();

    for (int i = 0; i < 5 && faults > 0; i++) {
        tear_down(state);
        set_up(state);
        faults = count_faults();
    }
    if (test_counts_own_faults()) assert_int_equal(faults, 0);
}

static void room_does_not_grow_with_texts_beyond_a_pass(void **state)
{
    anm_alloc_stats before, after;

    (void)state;
    assert_int_equal(
        anm_backend_cpu.reserve(f.runner.runner, 1 << 20, 1 << 20, NULL),
        ANM_OK);
    anm_alloc_stats_read(&before);
    assert_int_equal(
        anm_backend_cpu.reserve(f.runner.runner, SIZE_MAX, SIZE_MAX, NULL),
        ANM_OK);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.n_allocs, before.n_allocs);
}

static void failed_reserve_leaves_the_runner_as_it_was(void **state)
{
    float expected[DIM];

    (void)state;
    predict(1, 20);
    memcpy(expected, f.vectors, sizeof(expected));
    for (uint64_t k = 1;; k++) {
        test_fault_arm(k);
        const anm_status status =
            anm_backend_cpu.reserve(f.runner.runner, 300, 9, NULL);
        const bool failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        predict(1, 20);
        assert_memory_equal(expected, f.vectors, sizeof(expected));
        if (!failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            first_call_after_reserve_allocates_and_faults_nothing, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            room_does_not_grow_with_texts_beyond_a_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            failed_reserve_leaves_the_runner_as_it_was, set_up, tear_down),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
