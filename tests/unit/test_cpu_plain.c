/* test_cpu_plain.c - graphs with and without the passes mean the same, and both
 * what graph_eval says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "support/program.h"
#include "support/support.h"

#include "graph/pass.h"

static const size_t lens[] = { 1, 2, 17, 100, 3 };
enum { N_LENS = sizeof(lens) / sizeof(lens[0]) };

static const test_bert models[] = {
    { .act = ANM_ACT_GELU_ERF, .pool = ANM_POOL_MEAN, .normalize = true },
    { .act = ANM_ACT_RELU, .pool = ANM_POOL_CLS, .heads = 3, .seed = 1 },
    { .act = ANM_ACT_SILU, .pool = ANM_POOL_LAST, .dim = 60, .heads = 12 },
};
enum { N_MODELS = sizeof(models) / sizeof(models[0]) };

static void every_value_is_its_meaning_whatever_the_passes(void **state)
{
    unsigned masks[16];
    const size_t n = test_levels(masks);

    (void)state;
    for (unsigned m = 0; m < N_MODELS; m++) {
        for (unsigned passes = m; passes <= ANM_PASS_ALL; passes += 3) {
            test_graph t;
            test_bert_init(&t, &models[m]);
            assert_int_equal(anm_graph_optimize(t.graph, passes, NULL), ANM_OK);
            const anm_program p = test_program(t.graph, 100);
            test_against_eval(&p, lens, N_LENS, 1 + passes % 2,
                              masks[passes % n], 1e-5);
            test_graph_deinit(&t);
        }
    }
}

/* Vectors of all texts, with the passes given. */
static float *embed(const test_bert *params, unsigned passes, unsigned cpu,
                    size_t *dim)
{
    int32_t ids[256], mask[256];
    anm_input inputs[N_LENS];
    uint64_t seed = 11;
    size_t at = 0;
    test_graph t;
    test_runner r;

    test_bert_init(&t, params);
    assert_int_equal(anm_graph_optimize(t.graph, passes, NULL), ANM_OK);
    const anm_program p = test_program(t.graph, 100);
    test_runner_init(&r, &p, 2, cpu);
    for (size_t i = 0; i < N_LENS; i++, at += lens[i - 1])
        inputs[i] = test_input(ids + at, mask + at, lens[i], 97, &seed);
    *dim = p.dim;
    float *vectors = calloc(N_LENS * p.dim, sizeof(*vectors));
    test_predict(&r, inputs, N_LENS, vectors);
    test_runner_deinit(&r);
    test_graph_deinit(&t);
    return vectors;
}

/* Each side may err by 1e-5 of the largest value, as above. */
static void passes_do_not_change_vectors(void **state)
{
    unsigned masks[16];
    const size_t n = test_levels(masks);

    (void)state;
    for (size_t m = 0; m < N_MODELS * n; m++) {
        size_t dim = 0;
        float *with = embed(&models[m / n], ANM_PASS_ALL, masks[m % n], &dim);
        float *without = embed(&models[m / n], 0, masks[m % n], &dim);
        float largest = 0.0f;

        for (size_t i = 0; i < N_LENS * dim; i++)
            largest = fmaxf(largest, fabsf(without[i]));
        for (size_t i = 0; i < N_LENS * dim; i++)
            assert_true(fabsf(with[i] - without[i]) <= 2e-5f * largest);
        free(with);
        free(without);
    }
}

/* Views where they can be, copies where they cannot. */
static void reshape_and_slice_of_any_layout(void **state)
{
    const anm_attr attrs[] = {
        { .begin = 5, .size = 12 },
        { .rank = 3, .dims = { ANM_DIM_TOKENS, 3, 4 } },
        { .begin = 1, .size = 2 },
        { .rank = 3, .perm = { 1, 0, 2 } },
        { .begin = 1, .size = 1 },
        { .rank = 3, .dims = { 1, 3, ANM_DIM_TOKENS } },
        { .rank = 3, .perm = { 2, 0, 1 } },
        { .rank = 2, .dims = { ANM_DIM_TOKENS, 3 } },
    };
    const anm_op ops[] = { ANM_OP_SLICE,     ANM_OP_RESHAPE, ANM_OP_SLICE,
                           ANM_OP_TRANSPOSE, ANM_OP_SLICE,   ANM_OP_RESHAPE,
                           ANM_OP_TRANSPOSE, ANM_OP_RESHAPE };
    test_graph t;
    anm_error err;

    (void)state;
    test_graph_init(&t, 3);
    const anm_value_id in[] = {
        test_constant(&t, "table", ANM_DTYPE_F32, 97, 20, 1.0f), 0
    };
    anm_value_id x = anm_graph_add(t.graph, ANM_OP_GATHER, "rows", in, 2, NULL);
    for (size_t i = 0; i < 8; i++) {
        const char name[] = { 'v', (char)('0' + i), '\0' };
        x = anm_graph_add(t.graph, ops[i], name, &x, 1, &attrs[i]);
    }
    const anm_value_id pool[] = { x, 1 };
    anm_graph_result(
        t.graph, anm_graph_add(t.graph, ANM_OP_POOL, "pooled", pool, 2, NULL));
    if (anm_graph_finish(t.graph, &err)) fail_msg("%s", err.message);
    const anm_program p = test_program(t.graph, 100);
    test_against_eval(&p, lens, N_LENS, 2, 0, 0.0);
    test_graph_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_its_meaning_whatever_the_passes),
        cmocka_unit_test(passes_do_not_change_vectors),
        cmocka_unit_test(reshape_and_slice_of_any_layout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
