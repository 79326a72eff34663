/* A graph keeps what its builder said, and the first thing that went wrong.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/graph.h"

static const anm_shape row = { ANM_DTYPE_I32, 1, { ANM_DIM_TOKENS } };
static const anm_shape table = { ANM_DTYPE_F32, 2, { 5, 4 } };
static const float numbers[20];

static anm_graph *new_graph(void)
{
    anm_graph *g = NULL;

    assert_int_equal(anm_graph_new(&g, NULL), ANM_OK);
    return g;
}

/* ids, mask, a table of 5 rows of 4, its rows, their mean: values 0 to 4. */
static void build_small(anm_graph *g)
{
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    const anm_value_id ids = anm_graph_input(g, "ids", &row);
    const anm_value_id mask = anm_graph_input(g, "mask", &row);
    const anm_value_id t = anm_graph_const(
        g, "table", &table, anm_bytes_of(numbers, sizeof(numbers)));
    const anm_value_id gather[] = { t, ids };
    const anm_value_id x =
        anm_graph_add(g, ANM_OP_GATHER, "rows", gather, 2, NULL);
    const anm_value_id pool[] = { x, mask };

    anm_graph_result(g, anm_graph_add(g, ANM_OP_POOL, "mean", pool, 2, &mean));
}

static anm_graph *small_graph(void)
{
    anm_graph *g = new_graph();

    build_small(g);
    return g;
}

static void assert_fails(anm_graph *g, anm_status expected, const char *words)
{
    anm_error err = { 0 };

    assert_int_equal(anm_graph_finish(g, &err), expected);
    assert_int_equal(err.status, expected);
    if (!strstr(err.message, words))
        fail_msg("\"%s\" not in: %s", words, err.message);
    anm_graph_free(g);
}

static void graph_reads_as_it_was_built(void **state)
{
    (void)state;
    anm_graph *g = small_graph();
    const anm_node *rows = anm_graph_node(g, 0), *mean = anm_graph_node(g, 1);
    const anm_value *t = anm_graph_value(g, 2);

    assert_int_equal(anm_graph_finish(g, NULL), ANM_OK);
    assert_int_equal(anm_graph_n_nodes(g), 2);
    assert_int_equal(anm_graph_n_values(g), 5);
    assert_int_equal(rows->op, ANM_OP_GATHER);
    assert_string_equal(rows->name, "rows");
    assert_int_equal(rows->inputs[0], 2);
    assert_int_equal(rows->inputs[1], 0);
    assert_int_equal(rows->inputs[2], ANM_VALUE_NONE);
    assert_int_equal(mean->inputs[0], rows->output);
    assert_int_equal(mean->attr.pool, ANM_POOL_MEAN);
    assert_int_equal(anm_graph_result_of(g), mean->output);
    assert_int_equal(t->kind, ANM_VALUE_CONST);
    assert_int_equal(t->n_parts, 1);
    assert_int_equal(t->parts[0].rows, 5);
    assert_ptr_equal(t->parts[0].data.data, numbers);
    assert_int_equal(anm_graph_value(g, 0)->kind, ANM_VALUE_INPUT);
    assert_int_equal(anm_graph_value(g, rows->output)->kind, ANM_VALUE_TEMP);
    anm_graph_free(g);
}

static void values_are_found_by_name(void **state)
{
    (void)state;
    anm_graph *g = small_graph();

    assert_int_equal(anm_graph_find(g, "ids"), 0);
    assert_int_equal(anm_graph_find(g, "mean"), 4);
    assert_int_equal(anm_graph_find(g, "mea"), ANM_VALUE_NONE);
    anm_graph_free(g);
}

static void names_are_copied(void **state)
{
    (void)state;
    char name[] = "ids";
    anm_graph *g = new_graph();

    anm_graph_input(g, name, &row);
    name[0] = 'x';
    assert_int_equal(anm_graph_find(g, "ids"), 0);
    anm_graph_free(g);
}

static void node_without_attributes_has_zeros(void **state)
{
    (void)state;
    anm_graph *g = small_graph();
    const anm_attr zero = { 0 };

    assert_int_equal(anm_graph_node(g, 0)->attr.offset, zero.offset);
    assert_int_equal(anm_graph_node(g, 0)->attr.rank, 0);
    anm_graph_free(g);
}

static void first_error_sticks_and_nothing_is_added_after_it(void **state)
{
    (void)state;
    anm_graph *g = new_graph();
    const anm_value_id ids = anm_graph_input(g, "ids", &row);

    assert_int_equal(anm_graph_add(g, ANM_OP_NORMALIZE, "first", &ids, 1, NULL),
                     ANM_VALUE_NONE);
    anm_graph_fail(g, ANM_E_IO, "second");
    assert_int_equal(anm_graph_input(g, "mask", &row), ANM_VALUE_NONE);
    build_small(g);
    assert_int_equal(anm_graph_n_values(g), 1);
    assert_int_equal(anm_graph_n_nodes(g), 0);
    assert_fails(g, ANM_E_FORMAT, "first: normalize(I32 [L])");
}

static void builder_reports_its_own_trouble(void **state)
{
    (void)state;
    anm_graph *g = small_graph();

    anm_graph_fail(g, ANM_E_UNSUPPORTED, "%s of %d", "act", 7);
    assert_fails(g, ANM_E_UNSUPPORTED, "act of 7");
}

static void graph_without_result_is_refused(void **state)
{
    (void)state;
    anm_graph *g = new_graph();

    anm_graph_input(g, "ids", &row);
    assert_fails(g, ANM_E_INTERNAL, "no result");
}

static void second_result_is_refused(void **state)
{
    (void)state;
    anm_graph *g = small_graph();

    anm_graph_result(g, anm_graph_result_of(g));
    assert_fails(g, ANM_E_INTERNAL, "another");
}

static void result_must_be_a_computed_vector(void **state)
{
    (void)state;
    static const anm_value_id wrong[] = { 0, 2 }; // ids, table
    anm_graph *g;

    for (size_t i = 0; i < 2; i++) {
        g = new_graph();
        anm_graph_input(g, "ids", &row);
        anm_graph_input(g, "mask", &row);
        anm_graph_const(g, "table", &table,
                        anm_bytes_of(numbers, sizeof(numbers)));
        anm_graph_result(g, wrong[i]);
        assert_fails(g, ANM_E_FORMAT, "must be computed");
    }
    g = new_graph();
    anm_graph_result(g, 3);
    assert_fails(g, ANM_E_INTERNAL, "value 3 of 0");
}

static void name_twice_is_refused(void **state)
{
    (void)state;
    anm_graph *g = small_graph();
    const anm_value_id x = 3;

    anm_graph_add(g, ANM_OP_SCALE, "table", &x, 1, NULL);
    assert_fails(g, ANM_E_FORMAT, "two values are named table");
}

static void constant_of_another_length_is_refused(void **state)
{
    (void)state;
    const size_t lengths[] = { 0, 79, 81, 40 };

    for (size_t i = 0; i < 4; i++) {
        anm_graph *g = new_graph();
        assert_int_equal(anm_graph_const(g, "table", &table,
                                         anm_bytes_of(numbers, lengths[i])),
                         ANM_VALUE_NONE);
        assert_fails(g, ANM_E_FORMAT, "bytes for F32 [5, 4]");
    }
}

static void constant_of_impossible_shape_is_refused(void **state)
{
    (void)state;
    static const anm_shape shapes[] = {
        { ANM_DTYPE_F32, 1, { ANM_DIM_TOKENS } },
        { ANM_DTYPE_F32, 1, { 0 } },
        { ANM_DTYPE_F32, 2, { 4, -3 } },
        { ANM_DTYPE_F32, 2, { INT64_MAX, 2 } },
        { ANM_DTYPE_F32, 2, { INT64_MAX, INT64_MAX } },
        { ANM_DTYPE_F32, 7, { 1, 1, 1, 1, 1, 1 } },
        { (anm_dtype)77, 1, { 1 } },
    };

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        anm_graph *g = new_graph();
        anm_graph_const(g, "the.constant", &shapes[i],
                        anm_bytes_of(numbers, 4));
        anm_error err = { 0 };
        assert_int_not_equal(anm_graph_finish(g, &err), ANM_OK);
        assert_non_null(strstr(err.message, "the.constant: "));
        anm_graph_free(g);
    }
}

static void wrong_inputs_are_a_bug_of_the_builder(void **state)
{
    (void)state;
    static const struct {
        anm_value_id inputs[3];
        size_t n;
        const char *words;
    } cases[] = {
        { { 2 }, 1, "gather of 1 inputs, takes 2 to 2" },
        { { 2, 0, 0 }, 3, "gather of 3 inputs, takes 2 to 2" },
        { { 2, ANM_VALUE_NONE }, 2, "input 1 of gather" },
        { { 9, 0 }, 2, "input 0 of gather is value 9 of 5" },
    };

    for (size_t i = 0; i < 4; i++) {
        anm_graph *g = small_graph();
        anm_graph_add(g, ANM_OP_GATHER, "more", cases[i].inputs, cases[i].n,
                      NULL);
        assert_fails(g, ANM_E_INTERNAL, cases[i].words);
    }
}

static void optional_inputs_may_be_absent_in_the_middle(void **state)
{
    (void)state;
    anm_graph *g = small_graph();
    static const anm_shape square = { ANM_DTYPE_F32, 2, { 4, 4 } };
    const anm_value_id w =
        anm_graph_const(g, "w", &square, anm_bytes_of(numbers, 64));
    const anm_value_id inputs[] = { 3, w, ANM_VALUE_NONE, 3 };

    assert_int_not_equal(anm_graph_add(g, ANM_OP_LINEAR, "l", inputs, 4, NULL),
                         ANM_VALUE_NONE);
    assert_int_equal(anm_graph_finish(g, NULL), ANM_OK);
    assert_int_equal(anm_graph_node(g, 2)->inputs[2], ANM_VALUE_NONE);
    assert_int_equal(anm_graph_node(g, 2)->inputs[3], 3);
    anm_graph_free(g);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    anm_alloc_stats before, after;
    anm_status status;
    bool failed = true;

    anm_alloc_stats_read(&before);
    for (uint64_t k = 1; failed; k++) {
        anm_graph *g = NULL;

        test_fault_arm(k);
        status = anm_graph_new(&g, NULL);
        if (!status) build_small(g);
        if (!status) status = anm_graph_finish(g, NULL);
        failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        anm_graph_free(g);
        if (!failed) assert_true(k > 4);
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(after.bytes_live, before.bytes_live);
}

static void pool_kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(anm_pool_kind_name(ANM_POOL_CLS), "cls");
    assert_string_equal(anm_pool_kind_name(ANM_POOL_MEAN), "mean");
    assert_string_equal(anm_pool_kind_name(ANM_POOL_LAST), "last");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_reads_as_it_was_built),
        cmocka_unit_test(values_are_found_by_name),
        cmocka_unit_test(names_are_copied),
        cmocka_unit_test(node_without_attributes_has_zeros),
        cmocka_unit_test(first_error_sticks_and_nothing_is_added_after_it),
        cmocka_unit_test(builder_reports_its_own_trouble),
        cmocka_unit_test(graph_without_result_is_refused),
        cmocka_unit_test(second_result_is_refused),
        cmocka_unit_test(result_must_be_a_computed_vector),
        cmocka_unit_test(name_twice_is_refused),
        cmocka_unit_test(constant_of_another_length_is_refused),
        cmocka_unit_test(constant_of_impossible_shape_is_refused),
        cmocka_unit_test(wrong_inputs_are_a_bug_of_the_builder),
        cmocka_unit_test(optional_inputs_may_be_absent_in_the_middle),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(pool_kinds_have_names),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
