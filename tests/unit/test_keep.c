/* test_keep.c - which weights are kept as what.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/keep.h"

#include <string.h>

#include "graph/pass.h"
#include "support/program.h"
#include "support/support.h"

static void a_precision_is_what_is_stored_or_rounds_what_is_wider(void **state)
{
    static const struct {
        anm_dtype stored;
        anm_precision of;
        const char *
            rounds; /* of f32, bf16, int8, int4: y, s as stored, n impossible */
    } cases[] = {
        { ANM_DTYPE_F32, ANM_PRECISION_F32, "syyy" },
        { ANM_DTYPE_F16, ANM_PRECISION_F32, "snyy" },
        { ANM_DTYPE_BF16, ANM_PRECISION_BF16, "ssyy" },
        { ANM_DTYPE_Q8_0, ANM_PRECISION_INT8, "snsn" },
        { ANM_DTYPE_Q4_0, ANM_PRECISION_INT4, "snns" },
        { ANM_DTYPE_Q4_K, ANM_PRECISION_INT4, "snns" },
        { ANM_DTYPE_Q6_K, ANM_PRECISION_F32, "snnn" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(anm_precision_of(cases[i].stored), cases[i].of);
        for (int p = ANM_PRECISION_F32; p <= ANM_PRECISION_INT4; p++) {
            const char want = cases[i].rounds[p - ANM_PRECISION_F32];
            const anm_precision precision = (anm_precision)p;
            const bool rounds =
                anm_precision_rounds(cases[i].stored, precision);
            const bool possible =
                anm_precision_possible(cases[i].stored, precision);
            assert_int_equal(rounds, want == 'y');
            assert_int_equal(possible, want != 'n');
        }
    }
    assert_false(anm_precision_possible(ANM_DTYPE_F32, ANM_PRECISION_DEFAULT));
}

/* What each constant of a program is kept as; TEMP values are not looked at. */
static void check_kept(const anm_graph *g, anm_dtype weight, anm_dtype table)
{
    size_t n_weights = 0, n_tables = 0;

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);
        for (size_t k = 0; k < ANM_INPUTS_MAX; k++) {
            if (node->inputs[k] == ANM_VALUE_NONE) continue;
            const anm_value *v = anm_graph_value(g, node->inputs[k]);
            if (v->kind != ANM_VALUE_CONST) continue;
            const bool is_weight = node->op == ANM_OP_LINEAR && k == 1;
            const bool is_table = node->op == ANM_OP_GATHER && k == 0;
            n_weights += is_weight;
            n_tables += is_table;
            assert_int_equal(v->kept, is_weight  ? weight
                                      : is_table ? table
                                                 : v->shape.dtype);
        }
    }
    assert_true(n_weights > 0 && n_tables > 0);
}

static void keep(anm_dtype stored, int64_t dim, anm_precision precision,
                 anm_dtype weight, anm_dtype table)
{
    for (unsigned passes = 0; passes <= ANM_PASS_ALL; passes += ANM_PASS_ALL) {
        test_graph t;
        test_bert_init(
            &t, &(test_bert){ .dim = dim, .inner = 2 * dim, .dtype = stored });
        assert_int_equal(anm_graph_optimize(t.graph, passes, NULL), ANM_OK);
        anm_graph_keep(t.graph, precision);
        check_kept(t.graph, weight, table);
        const anm_kept kept = anm_graph_count_kept(t.graph);
        assert_true(kept.weights > 0);
        assert_int_equal(kept.rounded, weight == stored ? 0 : kept.weights);
        test_graph_deinit(&t);
    }
}

static void weights_and_tables_are_kept_as_the_precision_says(void **state)
{
    (void)state;
    keep(ANM_DTYPE_F32, 64, ANM_PRECISION_F32, ANM_DTYPE_F32, ANM_DTYPE_F32);
    keep(ANM_DTYPE_F32, 64, ANM_PRECISION_BF16, ANM_DTYPE_BF16, ANM_DTYPE_BF16);
    keep(ANM_DTYPE_F32, 64, ANM_PRECISION_INT8, ANM_DTYPE_Q8_0, ANM_DTYPE_Q8_0);
    keep(ANM_DTYPE_F16, 64, ANM_PRECISION_INT4, ANM_DTYPE_Q4_0, ANM_DTYPE_Q8_0);
    keep(ANM_DTYPE_BF16, 64, ANM_PRECISION_BF16, ANM_DTYPE_BF16,
         ANM_DTYPE_BF16);
    keep(ANM_DTYPE_BF16, 64, ANM_PRECISION_INT8, ANM_DTYPE_Q8_0,
         ANM_DTYPE_Q8_0);
    keep(ANM_DTYPE_Q8_0, 64, ANM_PRECISION_INT8, ANM_DTYPE_Q8_0,
         ANM_DTYPE_Q8_0);
    // Rows of 36 are no whole blocks.
    keep(ANM_DTYPE_F32, 36, ANM_PRECISION_INT8, ANM_DTYPE_F32, ANM_DTYPE_F32);
    keep(ANM_DTYPE_F32, 36, ANM_PRECISION_BF16, ANM_DTYPE_BF16, ANM_DTYPE_BF16);
}

/* One that a product and a look-up read stays in the wider of both types,
 * whichever comes first. */
static void a_tied_table_stays_in_the_wider_type(void **state)
{
    (void)state;
    for (int table_first = 0; table_first < 2; table_first++) {
        test_graph t;
        test_graph_init(&t, 1);
        anm_graph *g = t.graph;
        const anm_value_id w =
            test_constant(&t, "tied", ANM_DTYPE_F32, 64, 64, 1.0f);
        const anm_value_id other =
            test_constant(&t, "table", ANM_DTYPE_F32, 64, 64, 1.0f);
        const anm_value_id x = anm_graph_add(
            g, ANM_OP_GATHER, "x",
            (anm_value_id[]){ table_first ? w : other, 0 }, 2, NULL);
        const anm_value_id y = anm_graph_add(g, ANM_OP_LINEAR, "y",
                                             (anm_value_id[]){ x, w }, 2, NULL);
        const anm_value_id z = anm_graph_add(
            g, ANM_OP_GATHER, "z",
            (anm_value_id[]){ table_first ? other : w, 0 }, 2, NULL);
        const anm_value_id sum = anm_graph_add(
            g, ANM_OP_ADD, "sum", (anm_value_id[]){ y, z }, 2, NULL);
        const anm_attr mean = { .pool = ANM_POOL_MEAN };
        anm_graph_result(g,
                         anm_graph_add(g, ANM_OP_POOL, "pool",
                                       (anm_value_id[]){ sum, 1 }, 2, &mean));
        assert_int_equal(anm_graph_finish(g, NULL), ANM_OK);
        anm_graph_keep(g, ANM_PRECISION_INT4);
        assert_int_equal(anm_graph_value(g, w)->kept, ANM_DTYPE_Q8_0);
        test_graph_deinit(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_precision_is_what_is_stored_or_rounds_what_is_wider),
        cmocka_unit_test(weights_and_tables_are_kept_as_the_precision_says),
        cmocka_unit_test(a_tied_table_stays_in_the_wider_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
