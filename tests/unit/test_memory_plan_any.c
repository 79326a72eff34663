/* Plans of graphs that nobody designed, and of long ones.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/plan_check.h"

#include <stdio.h>

static uint64_t next_random(uint64_t *seed)
{
    *seed =
        *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* A graph of about n nodes over values [L, 8] and [L, 16], each node reading
 * values picked at random. */
static anm_graph *random_graph(uint64_t seed, unsigned n)
{
    anm_graph *g = test_graph_new();
    const anm_value_id w[] = { test_const(g, "w8", 8, 8),
                               test_const(g, "w16", 16, 8) };
    const anm_value_id gamma = test_const(g, "gamma", 8, 0);
    const anm_attr relu = { .act = ANM_ACT_RELU };
    const anm_attr pair = { .size = 2, .theta = 10 };
    const anm_value_id positions =
        test_add1(g, ANM_OP_POSITION, "p", anm_graph_find(g, "ids"), NULL);
    const anm_value_id angles =
        test_add1(g, ANM_OP_ANGLES, "angles", positions, &pair);
    anm_value_id pool[256];
    size_t n_pool = 0;

    pool[n_pool++] = test_rows(g, "x", 8);
    for (unsigned i = 0; i < n; i++) {
        // Mostly recent values, as in a network, and now and then an old one.
        const uint64_t back = next_random(&seed) % 4 ? 3 : n_pool;
        const size_t reach = back < n_pool ? (size_t)back : n_pool;
        const anm_value_id a = pool[n_pool - 1 - next_random(&seed) % reach];
        const anm_value_id b = pool[next_random(&seed) % n_pool];
        const anm_value_id norm[] = { a, gamma, gamma };
        const anm_value_id linear[] = { a, w[0], ANM_VALUE_NONE, b };
        const anm_attr half = { .begin = 8 * (int64_t)(i % 2), .size = 8 };
        const anm_attr split = { .rank = 3, .dims = { ANM_DIM_TOKENS, 2, 4 } };
        const anm_attr join = { .rank = 2, .dims = { ANM_DIM_TOKENS, 8 } };
        char name[16], inner[16];
        anm_value_id y;

        snprintf(name, sizeof(name), "n%u", i);
        snprintf(inner, sizeof(inner), "n%u.in", i);
        switch (next_random(&seed) % 9) {
        case 0:
            y = test_add2(g, ANM_OP_ADD, name, a, b, NULL);
            break;
        case 1:
            y = test_add1(g, ANM_OP_ACT, name, a, &relu);
            break;
        case 2:
            y = anm_graph_add(g, ANM_OP_LAYER_NORM, name, norm, 3, NULL);
            break;
        case 3:
            y = test_add2(g, ANM_OP_LINEAR, inner, a, w[1], NULL);
            y = test_add1(g, ANM_OP_SLICE, name, y, &half);
            break;
        case 4:
            y = test_add1(g, ANM_OP_RESHAPE, inner, a, &split);
            y = test_add1(g, ANM_OP_RESHAPE, name, y, &join);
            break;
        case 5:
            y = anm_graph_add(g, ANM_OP_RMS_NORM, name, norm, 2, NULL);
            break;
        case 6:
            y = test_add2(g, ANM_OP_ROPE, name, a, angles, NULL);
            break;
        case 7:
            y = test_add2(g, ANM_OP_LINEAR, inner, a, w[1], NULL);
            y = test_add1(g, ANM_OP_GLU, name, y, &relu);
            break;
        default:
            y = anm_graph_add(g, ANM_OP_LINEAR, name, linear, 4, NULL);
            break;
        }
        pool[n_pool++] = y;
    }
    test_end(g, pool[n_pool - 1]);
    return g;
}

static void random_graphs_are_sound(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        anm_graph *g = random_graph(seed, 4 + (unsigned)(seed % 60));
        anm_memory_plan p = test_plan(g, 1 + seed % 5, 1 + seed % 3);

        test_plan_check(g, &p);
        anm_memory_plan_deinit(&p);
        anm_graph_free(g);
    }
}

/* Quadratic work would take minutes here. */
static void long_graph_is_planned_in_linear_time(void **state)
{
    (void)state;
    enum { N = 200000 };
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    anm_value_id y = x;

    for (unsigned i = 0; i < N; i++) {
        char name[16];

        snprintf(name, sizeof(name), "n%u", i);
        y = test_add2(g, ANM_OP_ADD, name, y, x, NULL);
    }
    anm_graph_result(g, test_add2(g, ANM_OP_POOL, "pool", y,
                                  anm_graph_find(g, "mask"), &mean));
    anm_memory_plan p = test_plan(g, 16, 1);
    assert_int_equal(p.floats, 3 * 8 * 16);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_are_sound),
        cmocka_unit_test(long_graph_is_planned_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
