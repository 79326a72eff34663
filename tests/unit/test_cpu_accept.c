/* test_cpu_accept.c - what the cpu backend refuses, by name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/program.h"
#include "support/support.h"

#include "graph/keep.h"

static const anm_load_params params = { .threads = 1 };

static void refused(const anm_program *p, const char *word)
{
    anm_error err = { 0 };

    assert_int_equal(anm_backend_cpu.accepts(p, &params, &err),
                     ANM_E_UNSUPPORTED);
    if (!strstr(err.message, word))
        fail_msg("no \"%s\" in \"%s\"", word, err.message);
}

static void small_bert_is_accepted(void **state)
{
    test_graph t;
    anm_error err;

    (void)state;
    test_bert_init(&t, &(test_bert){ 0 });
    const anm_program p = test_program(t.graph, 256);
    assert_int_equal(anm_backend_cpu.accepts(&p, &params, &err), ANM_OK);
    test_graph_deinit(&t);
}

/* f32 for every model, the name of what its weights are stored as, and what those
 * of plain types can be rounded to. */
static void precision_is_what_is_stored_or_smaller(void **state)
{
    enum {
        F32 = 1 << ANM_PRECISION_F32,
        BF16 = 1 << ANM_PRECISION_BF16,
        INT8 = 1 << ANM_PRECISION_INT8,
        INT4 = 1 << ANM_PRECISION_INT4,
    };
    static const struct {
        anm_dtype stored;
        unsigned possible; /* bits 1 << precision */
        const char *named;
    } cases[] = {
        { ANM_DTYPE_F32, F32 | BF16 | INT8 | INT4, "" },
        { ANM_DTYPE_F16, F32 | INT8 | INT4, "F16; possible: f32, int8, int4" },
        { ANM_DTYPE_BF16, F32 | BF16 | INT8 | INT4, "" },
        { ANM_DTYPE_Q8_0, F32 | INT8, "Q8_0; possible: f32, int8" },
        { ANM_DTYPE_Q4_0, F32 | INT4, "Q4_0; possible: f32, int4" },
    };

    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        for (int i = ANM_PRECISION_F32; i <= ANM_PRECISION_INT4; i++) {
            test_graph t;

            test_bert_init(&t, &(test_bert){ .dim = 32,
                                             .inner = 64,
                                             .dtype = cases[c].stored });
            anm_program p = test_program(t.graph, 256);
            p.precision = (anm_precision)i;
            anm_graph_keep(t.graph, p.precision);
            if (cases[c].possible & 1u << i) {
                assert_int_equal(anm_backend_cpu.accepts(&p, &params, NULL),
                                 ANM_OK);
            } else {
                refused(&p, anm_precision_name(p.precision));
                refused(&p, cases[c].named);
            }
            test_graph_deinit(&t);
        }
    }
}

/* Rows of 36 are no blocks of 32: hardly a weight would be what the name says. */
static void precision_that_reaches_few_weights_is_refused(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ .dim = 36, .inner = 64 });
    anm_program p = test_program(t.graph, 256);
    p.precision = ANM_PRECISION_INT8;
    anm_graph_keep(t.graph, p.precision);
    refused(&p, "precision int8 would reach ");
    test_graph_deinit(&t);
}

static void table_shorter_than_the_longest_text_is_refused(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ .positions = 31 });
    anm_program p = test_program(t.graph, 31);
    assert_int_equal(anm_backend_cpu.accepts(&p, &params, NULL), ANM_OK);
    p.max_tokens = 32;
    refused(&p, "places");
    refused(&p, "32");
    test_graph_deinit(&t);
}

static void result_of_another_size_is_refused(void **state)
{
    test_graph t;

    (void)state;
    test_bert_init(&t, &(test_bert){ 0 });
    anm_program p = test_program(t.graph, 16);
    p.dim++;
    refused(&p, "pooled");
    test_graph_deinit(&t);
}

/* Rows of a table picked by an input of this name. */
static void other_input_is_refused(void **state)
{
    const anm_shape row = { ANM_DTYPE_I32, 1, { ANM_DIM_TOKENS } };
    test_graph t;
    anm_error err;

    (void)state;
    test_graph_init(&t, 1);
    const anm_value_id in[] = { test_constant(&t, "table", ANM_DTYPE_F32, 9, 4,
                                              1.0f),
                                anm_graph_input(t.graph, "types", &row) };
    const anm_value_id x =
        anm_graph_add(t.graph, ANM_OP_GATHER, "type_rows", in, 2, NULL);
    const anm_value_id pool[] = { x, 1 };
    anm_graph_result(
        t.graph, anm_graph_add(t.graph, ANM_OP_POOL, "pooled", pool, 2, NULL));
    if (anm_graph_finish(t.graph, &err)) fail_msg("%s", err.message);
    const anm_program p = test_program(t.graph, 16);
    refused(&p, "type_rows");
    refused(&p, "input 1");
    test_graph_deinit(&t);
}

static void computed_weight_is_refused(void **state)
{
    test_graph t;
    anm_error err;

    (void)state;
    test_graph_init(&t, 1);
    const anm_value_id in[] = {
        test_constant(&t, "table", ANM_DTYPE_F32, 9, 4, 1.0f), 0
    };
    const anm_value_id x =
        anm_graph_add(t.graph, ANM_OP_GATHER, "rows", in, 2, NULL);
    const anm_value_id pool[] = { x, 1 };
    const anm_value_id p =
        anm_graph_add(t.graph, ANM_OP_POOL, "pooled", pool, 2, NULL);
    const anm_attr flat = { .rank = 2, .dims = { 1, 4 } };
    const anm_value_id w =
        anm_graph_add(t.graph, ANM_OP_RESHAPE, "as_weight", &p, 1, &flat);
    const anm_value_id linear[] = { p, w };
    anm_graph_result(t.graph, anm_graph_add(t.graph, ANM_OP_LINEAR, "gate",
                                            linear, 2, NULL));
    if (anm_graph_finish(t.graph, &err)) fail_msg("%s", err.message);
    const anm_program program = test_program(t.graph, 16);
    refused(&program, "gate: the cpu backend cannot run linear");
    test_graph_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_bert_is_accepted),
        cmocka_unit_test(precision_is_what_is_stored_or_smaller),
        cmocka_unit_test(precision_that_reaches_few_weights_is_refused),
        cmocka_unit_test(table_shorter_than_the_longest_text_is_refused),
        cmocka_unit_test(result_of_another_size_is_refused),
        cmocka_unit_test(other_input_is_refused),
        cmocka_unit_test(computed_weight_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
