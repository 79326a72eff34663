/* Passes run to their fixed points, remove what nobody reads and leave a graph
 * that its builder could have made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_build.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/pass.h"

static const test_encoder two = { 2, 8, 2, 16, TEST_ALL_BIASES };

static void optimize(anm_graph *g, unsigned passes)
{
    anm_error err = { 0 };

    if (anm_graph_optimize(g, passes, &err)) fail_msg("%s", err.message);
    test_graph_check(g);
}

static void no_pass_changes_nothing(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&two);
    const char *before = test_ops(g);
    const size_t n_values = anm_graph_n_values(g);

    optimize(g, 0);
    assert_string_equal(test_ops(g), before);
    assert_int_equal(anm_graph_n_values(g), n_values);
    anm_graph_free(g);
}

static void every_subset_of_passes_leaves_a_sound_graph(void **state)
{
    (void)state;
    for (unsigned passes = 0; passes <= ANM_PASS_ALL; passes++) {
        anm_graph *g = test_encoder_new(&two);

        optimize(g, passes);
        assert_string_equal(anm_graph_value(g, anm_graph_result_of(g))->name,
                            "unit");
        anm_graph_free(g);
    }
}

static void optimizing_twice_changes_nothing_more(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&two);

    optimize(g, ANM_PASS_ALL);
    const char *once = test_ops(g);
    const size_t n_values = anm_graph_n_values(g);
    optimize(g, ANM_PASS_ALL);
    assert_string_equal(test_ops(g), once);
    assert_int_equal(anm_graph_n_values(g), n_values);
    anm_graph_free(g);
}

static void chain_that_nobody_reads_is_removed_whole(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&two);
    const char *before = test_ops(g);
    anm_value_id x =
        test_linear(g, "dead", anm_graph_find(g, "1.o.norm"), 8, true);

    for (unsigned i = 0; i < 50; i++) {
        const char name[] = { 'd', (char)('0' + i / 10), (char)('0' + i % 10),
                              '\0' };
        x = test_add1(g, ANM_OP_SCALE, name, x, NULL);
    }
    optimize(g, ANM_PASS_DEAD);
    assert_string_equal(test_ops(g), before);
    assert_int_equal(anm_graph_find(g, "dead"), ANM_VALUE_NONE);
    assert_int_equal(anm_graph_find(g, "dead.w"), ANM_VALUE_NONE);
    anm_graph_free(g);
}

static void result_and_inputs_stay_though_no_node_reads_them(void **state)
{
    (void)state;
    const anm_shape v = { ANM_DTYPE_F32, 1, { 4 } };
    anm_graph *g = test_graph_new();
    const anm_value_id in = anm_graph_input(g, "v", &v);

    anm_graph_result(g, test_add1(g, ANM_OP_SCALE, "s", in, NULL));
    optimize(g, ANM_PASS_ALL);
    assert_string_equal(test_ops(g), "scale");
    assert_int_not_equal(anm_graph_find(g, "ids"), ANM_VALUE_NONE);
    assert_int_not_equal(anm_graph_find(g, "mask"), ANM_VALUE_NONE);
    anm_graph_free(g);
}

static void constants_of_stacked_linears_are_dropped(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&two);

    optimize(g, ANM_PASS_ALL);
    assert_int_equal(anm_graph_find(g, "0.q.w"), ANM_VALUE_NONE);
    assert_int_equal(anm_graph_find(g, "1.v.b"), ANM_VALUE_NONE);
    assert_int_not_equal(anm_graph_find(g, "0.o.w"), ANM_VALUE_NONE);
    anm_graph_free(g);
}

static void pass_fires_once_a_dead_reader_is_removed(void **state)
{
    (void)state;
    anm_graph *g = test_encoder_new(&two);

    test_add1(g, ANM_OP_SCALE, "reader", anm_graph_find(g, "0.dots"), NULL);
    optimize(g, ANM_PASS_DEAD);
    optimize(g, ANM_PASS_ALL);
    assert_null(strstr(test_ops(g), "softmax"));
    anm_graph_free(g);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    anm_alloc_stats before, after;
    bool failed = true;

    anm_alloc_stats_read(&before);
    for (uint64_t k = 1; failed; k++) {
        anm_graph *g = test_encoder_new(&two);

        test_fault_arm(k);
        const anm_status status = anm_graph_optimize(g, ANM_PASS_ALL, NULL);
        failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        anm_graph_free(g);
        assert_true(failed || k > 20);
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(after.bytes_live, before.bytes_live);
}

/* Quadratic work would take minutes here. */
static void long_graph_takes_linear_time(void **state)
{
    (void)state;
    enum { N = 200000 };
    const anm_attr relu = { .act = ANM_ACT_RELU };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 2);
    const anm_value_id w = test_const(g, "w", 2, 2);
    anm_value_id y = x;

    for (unsigned i = 0; i < N; i++) {
        char name[3][16];

        snprintf(name[0], sizeof(name[0]), "l%u", i);
        snprintf(name[1], sizeof(name[1]), "a%u", i);
        snprintf(name[2], sizeof(name[2]), "s%u", i);
        const anm_value_id l = test_add2(g, ANM_OP_LINEAR, name[0], y, w, NULL);
        const anm_value_id a = test_add1(g, ANM_OP_ACT, name[1], l, &relu);
        y = test_add2(g, ANM_OP_ADD, name[2], a, y, NULL);
    }
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    anm_graph_result(g, test_add2(g, ANM_OP_POOL, "pool", y,
                                  anm_graph_find(g, "mask"), &mean));
    assert_int_equal(anm_graph_optimize(g, ANM_PASS_ALL, NULL), ANM_OK);
    assert_int_equal(anm_graph_n_nodes(g), N + 2);
    anm_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_pass_changes_nothing),
        cmocka_unit_test(every_subset_of_passes_leaves_a_sound_graph),
        cmocka_unit_test(optimizing_twice_changes_nothing_more),
        cmocka_unit_test(chain_that_nobody_reads_is_removed_whole),
        cmocka_unit_test(result_and_inputs_stay_though_no_node_reads_them),
        cmocka_unit_test(constants_of_stacked_linears_are_dropped),
        cmocka_unit_test(pass_fires_once_a_dead_reader_is_removed),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(long_graph_takes_linear_time),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
