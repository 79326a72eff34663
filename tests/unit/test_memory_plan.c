/* Values that are needed at the same time never share room, and the block is
 * no larger than what lives at once asks for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/plan_check.h"

#include <string.h>

#include "base/alloc.h"
#include "graph/pass.h"

/* ---- Encoders ------------------------------------------------------------ */

static anm_graph *fused(const test_encoder *e)
{
    anm_graph *g = test_encoder_new(e);

    assert_int_equal(anm_graph_optimize(g, ANM_PASS_ALL, NULL), ANM_OK);
    return g;
}

static void fused_encoder_is_sound_at_any_capacity(void **state)
{
    (void)state;
    static const size_t capacities[][2] = {
        { 1, 1 }, { 7, 1 }, { 7, 7 }, { 64, 3 }
    };
    const test_encoder e = { 3, 8, 2, 32, TEST_ALL_BIASES };
    anm_graph *g = fused(&e);

    for (size_t i = 0; i < 4; i++) {
        anm_memory_plan p = test_plan(g, capacities[i][0], capacities[i][1]);
        test_plan_check(g, &p);
        anm_memory_plan_deinit(&p);
    }
    anm_graph_free(g);
}

static void plain_encoder_is_sound(void **state)
{
    (void)state;
    const test_encoder e = { 2, 8, 2, 32, TEST_ALL_BIASES };

    for (unsigned passes = 0; passes < ANM_PASS_ALL; passes++) {
        anm_graph *g = test_encoder_new(&e);
        assert_int_equal(anm_graph_optimize(g, passes, NULL), ANM_OK);
        anm_memory_plan p = test_plan(g, 9, 1);
        test_plan_check(g, &p);
        anm_memory_plan_deinit(&p);
        anm_graph_free(g);
    }
}

/* While a layer runs, x lives beside q, k, v and what attention makes of them
 * (1 + 3 + 1 widths of dim), or beside what "up" makes of it (1 + 4): 5 rows
 * of dim for each token, and nothing can do with less. */
static void encoder_takes_five_rows_of_dim_a_token(void **state)
{
    (void)state;
    enum { DIM = 96, ROWS = 50 };
    const test_encoder e = { 6, DIM, 12, 4 * DIM, TEST_ALL_BIASES };
    anm_graph *g = fused(&e);
    anm_memory_plan p = test_plan(g, ROWS, 1);

    assert_int_equal(p.floats, 5 * DIM * ROWS);
    test_plan_check(g, &p);
    print_message("block: %.2f times the largest value\n",
                  (double)p.floats / (4 * DIM * ROWS));
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void layers_do_not_make_the_block_larger(void **state)
{
    (void)state;
    const test_encoder few = { 2, 16, 2, 64, 0 }, many = { 12, 16, 2, 64, 0 };
    anm_graph *a = fused(&few), *b = fused(&many);
    anm_memory_plan p = test_plan(a, 10, 2), q = test_plan(b, 10, 2);

    assert_int_equal(p.floats, q.floats);
    anm_memory_plan_deinit(&p);
    anm_memory_plan_deinit(&q);
    anm_graph_free(a);
    anm_graph_free(b);
}

/* ---- Views and in place --------------------------------------------------- */

static void slices_are_views_with_the_stride_of_their_source(void **state)
{
    (void)state;
    const test_encoder e = { 1, 8, 2, 16, 0 };
    static const char *const names[] = { "0.q", "0.k", "0.v" };
    anm_graph *g = fused(&e);
    anm_memory_plan p = test_plan(g, 5, 1);
    const anm_place *whole = test_plan_place(&p, g, "0.q+k+v");

    assert_int_equal(whole->ld, 24);
    for (size_t i = 0; i < 3; i++) {
        const anm_place *part = test_plan_place(&p, g, names[i]);

        assert_true(part->view);
        assert_int_equal(part->offset, whole->offset + 8 * i);
        assert_int_equal(part->ld, 24);
        assert_int_equal(part->width, 8);
    }
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void reshape_of_rows_is_a_view_slices_included(void **state)
{
    (void)state;
    const anm_attr slice = { .begin = 4, .size = 4 };
    const anm_attr split = { .rank = 3, .dims = { ANM_DIM_TOKENS, 2, 2 } };
    const anm_attr join = { .rank = 2, .dims = { ANM_DIM_TOKENS, 4 } };
    anm_graph *g = test_graph_new();
    anm_value_id x = test_rows(g, "x", 8);

    x = test_add1(g, ANM_OP_SLICE, "slice", x, &slice);
    x = test_add1(g, ANM_OP_RESHAPE, "split", x, &split);
    x = test_add1(g, ANM_OP_RESHAPE, "join", x, &join);
    test_end(g, x);
    anm_memory_plan p = test_plan(g, 5, 1);

    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = { "slice", "split", "join" };
        const anm_place *place = test_plan_place(&p, g, names[i]);

        assert_true(place->view);
        assert_int_equal(place->offset,
                         test_plan_place(&p, g, "x")->offset + 4);
        assert_int_equal(place->ld, 8);
        assert_int_equal(place->width, 4);
    }
    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void what_cannot_be_a_view_has_room_of_its_own(void **state)
{
    (void)state;
    const int64_t l = ANM_DIM_TOKENS;
    const anm_attr slice = { .begin = 4, .size = 4 };
    const anm_attr mix = { .rank = 2, .dims = { 4, l } };
    const anm_attr split = { .rank = 3, .dims = { l, 2, 4 } };
    const anm_attr inner = { .begin = 1, .size = 2 };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    anm_value_id y = test_add1(g, ANM_OP_SLICE, "slice", x, &slice);

    test_add1(g, ANM_OP_RESHAPE, "mixed", y, &mix);
    y = test_add1(g, ANM_OP_RESHAPE, "split", x, &split);
    test_add1(g, ANM_OP_SLICE, "inner", y, &inner);
    test_add1(g, ANM_OP_RESHAPE, "ids.turned", anm_graph_find(g, "ids"),
              &(anm_attr){ .rank = 2, .dims = { l, 1 } });
    test_end(g, x);
    anm_memory_plan p = test_plan(g, 5, 1);

    assert_false(test_plan_place(&p, g, "mixed")->view);
    assert_false(test_plan_place(&p, g, "inner")->view);
    assert_false(test_plan_place(&p, g, "ids.turned")->view);
    assert_int_equal(test_plan_place(&p, g, "inner")->ld, 4);
    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void reshape_without_gaps_may_mix_rows_as_a_view(void **state)
{
    (void)state;
    const anm_attr mix = { .rank = 2, .dims = { 8, ANM_DIM_TOKENS } };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);

    test_add1(g, ANM_OP_RESHAPE, "mixed", x, &mix);
    test_end(g, x);
    anm_memory_plan p = test_plan(g, 5, 1);
    const anm_place *place = test_plan_place(&p, g, "mixed");

    assert_true(place->view);
    assert_int_equal(place->width, 5);
    assert_int_equal(place->ld, 5);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void root_lives_as_long_as_its_last_view(void **state)
{
    (void)state;
    const anm_attr slice = { .begin = 2, .size = 4 };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id v = test_add1(g, ANM_OP_SLICE, "view", x, &slice);
    anm_value_id y = test_rows(g, "y", 4);

    for (unsigned i = 0; i < 5; i++) {
        const char name[] = { 's', (char)('0' + i), '\0' };
        y = test_add1(g, ANM_OP_SCALE, name, y, NULL);
    }
    test_end(g, test_add2(g, ANM_OP_ADD, "sum", y, v, NULL));
    anm_memory_plan p = test_plan(g, 4, 1);
    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

/* What is computed behind it is larger, and placed before it. */
static void result_lives_to_the_end(void **state)
{
    (void)state;
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    anm_graph *g = test_graph_new();
    const anm_value_id x = test_rows(g, "x", 8);

    anm_graph_result(g, test_add2(g, ANM_OP_POOL, "result", x,
                                  anm_graph_find(g, "mask"), &mean));
    test_rows(g, "large", 32);
    anm_memory_plan p = test_plan(g, 4, 1);
    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

/* y = linear(x) + r where r dies, or does not. r may be the first half of a
 * value; then `beside` is what else is read of that. */
typedef enum fate {
    DIES,
    IS_VIEW,
    IS_VIEW_BESIDE_ANOTHER,
    READ_LATER,
    VIEWED_LATER,
    IS_VIEW_THAT_ANOTHER_OVERLAPS,
    IS_VIEW_OF_WHAT_IS_READ_LATER,
    IS_X,
} fate;

static bool is_in_place(fate f)
{
    const bool half =
        f != DIES && f != READ_LATER && f != VIEWED_LATER && f != IS_X;
    const anm_attr slice = { .begin = 0, .size = 8 };
    const anm_attr other = { .begin = f == IS_VIEW_BESIDE_ANOTHER ? 8 : 7,
                             .size = 8 };
    const anm_attr mean = { .pool = ANM_POOL_MEAN };
    anm_graph *g = test_graph_new();
    const anm_value_id w = test_const(g, "w", 8, 8);
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id whole = f == IS_X ? x : test_rows(g, "r", half ? 16 : 8);
    anm_value_id r = whole, view = ANM_VALUE_NONE;

    if (half || f == VIEWED_LATER)
        view = test_add1(g, ANM_OP_SLICE, "view", whole, &slice);
    if (half) r = view;
    const anm_value_id in[] = { x, w, ANM_VALUE_NONE, r };
    if (f == IS_VIEW_BESIDE_ANOTHER || f == IS_VIEW_THAT_ANOTHER_OVERLAPS)
        view = test_add1(g, ANM_OP_SLICE, "other", whole, &other);
    anm_value_id y = anm_graph_add(g, ANM_OP_LINEAR, "y", in, 4, NULL);
    if (f == READ_LATER) y = test_add2(g, ANM_OP_ADD, "more", y, r, NULL);
    if (view != r && view != ANM_VALUE_NONE)
        y = test_add2(g, ANM_OP_ADD, "more", y, view, NULL);
    if (f == IS_VIEW_OF_WHAT_IS_READ_LATER)
        test_add2(g, ANM_OP_POOL, "later", whole, anm_graph_find(g, "mask"),
                  &mean);
    test_end(g, y);

    anm_memory_plan p = test_plan(g, 4, 1);
    const anm_place *a = test_plan_place(&p, g, "y"), *b = &p.places[r];
    const bool same = a->offset == b->offset && a->ld == b->ld;

    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
    return same;
}

static void linear_lies_over_a_residual_that_dies_there(void **state)
{
    (void)state;
    for (fate f = DIES; f <= IS_VIEW_BESIDE_ANOTHER; f++)
        assert_true(is_in_place(f));
}

static void residual_that_is_needed_is_not_overwritten(void **state)
{
    (void)state;
    for (fate f = READ_LATER; f <= IS_X; f++)
        assert_false(is_in_place(f));
}

static void layer_norm_lies_over_x_only_when_x_dies(void **state)
{
    (void)state;
    for (unsigned later = 0; later < 2; later++) {
        anm_graph *g = test_graph_new();
        const anm_value_id x = test_rows(g, "x", 8);
        const anm_value_id in[] = { x, test_const(g, "gamma", 8, 0),
                                    test_const(g, "beta", 8, 0) };
        anm_value_id y = anm_graph_add(g, ANM_OP_LAYER_NORM, "y", in, 3, NULL);

        if (later) y = test_add2(g, ANM_OP_ADD, "sum", y, x, NULL);
        test_end(g, y);
        anm_memory_plan p = test_plan(g, 4, 1);
        assert_int_equal(test_plan_place(&p, g, "x")->offset ==
                             test_plan_place(&p, g, "y")->offset,
                         !later);
        test_plan_check(g, &p);
        anm_memory_plan_deinit(&p);
        anm_graph_free(g);
    }
}

static void glu_lies_over_the_first_half_of_x(void **state)
{
    (void)state;
    anm_graph *g = test_graph_new();
    const anm_attr silu = { .act = ANM_ACT_SILU };
    const anm_value_id x = test_rows(g, "x", 16);
    anm_value_id y = test_add1(g, ANM_OP_GLU, "y", x, &silu);

    y = test_add2(g, ANM_OP_LINEAR, "z", y, test_const(g, "w", 8, 8), NULL);
    test_end(g, y);
    anm_memory_plan p = test_plan(g, 4, 1);
    const anm_place *place = test_plan_place(&p, g, "y");
    assert_int_equal(place->offset, test_plan_place(&p, g, "x")->offset);
    assert_int_equal(place->ld, 16);
    assert_int_equal(place->width, 8);
    assert_false(place->view);
    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void values_without_tokens_have_a_row_per_text(void **state)
{
    (void)state;
    anm_graph *g = test_graph_new();

    test_end(g, test_rows(g, "x", 8));
    anm_memory_plan p = test_plan(g, 20, 6);
    const anm_place *pool = test_plan_place(&p, g, "pool");

    assert_true(pool->per_text);
    assert_int_equal(pool->width, 8);
    assert_int_equal(pool->ld, 8);
    assert_false(test_plan_place(&p, g, "x")->per_text);
    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void positions_lie_one_after_the_other(void **state)
{
    (void)state;
    anm_graph *g = test_graph_new();
    const anm_value_id at =
        test_add1(g, ANM_OP_POSITION, "at", anm_graph_find(g, "ids"), NULL);
    test_end(g, test_add2(g, ANM_OP_GATHER, "x", test_const(g, "w", 30, 8), at,
                          NULL));
    anm_memory_plan p = test_plan(g, 20, 1);

    assert_int_equal(test_plan_place(&p, g, "at")->ld, 1);
    assert_int_equal(test_plan_place(&p, g, "at")->width, 1);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

/* ---- Making again, and limits --------------------------------------------- */

static void plan_can_be_made_again_for_another_capacity(void **state)
{
    (void)state;
    const test_encoder e = { 2, 8, 2, 32, 0 };
    anm_graph *g = fused(&e);
    anm_memory_plan p = test_plan(g, 4, 1);
    const anm_place *places = p.places;

    assert_int_equal(anm_memory_plan_make(&p, g, 32, 4, NULL), ANM_OK);
    assert_ptr_equal(p.places, places);
    test_plan_check(g, &p);
    anm_graph_free(g);

    g = test_encoder_new(&e);
    assert_int_equal(anm_memory_plan_make(&p, g, 8, 1, NULL), ANM_OK);
    test_plan_check(g, &p);
    anm_memory_plan_deinit(&p);
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void sizes_that_do_not_fit_are_over_the_limit(void **state)
{
    (void)state;
    const test_encoder e = { 1, 8, 2, 32, 0 };
    static const size_t capacities[][2] = {
        { SIZE_MAX, 1 },        { SIZE_MAX / 16, 1 }, { SIZE_MAX / 400, 1 },
        { (size_t)1 << 33, 1 }, { 8, SIZE_MAX },      { 8, SIZE_MAX / 40 },
    };
    anm_graph *g = test_encoder_new(&e);

    for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
        anm_memory_plan p = { 0 };
        anm_error err = { 0 };

        assert_int_equal(anm_memory_plan_make(&p, g, capacities[i][0],
                                              capacities[i][1], &err),
                         ANM_E_LIMIT);
        assert_non_null(strstr(err.message, "does not fit into memory"));
        anm_memory_plan_deinit(&p);
    }
    anm_graph_free(g);
}

/* Three values at once, each of which would fit. */
static void block_that_does_not_fit_is_over_the_limit(void **state)
{
    (void)state;
    anm_graph *g = test_graph_new();
    anm_memory_plan p = { 0 };
    anm_error err = { 0 };
    const anm_value_id x = test_rows(g, "x", 8);
    const anm_value_id y = test_add2(g, ANM_OP_ADD, "y", x, x, NULL);

    test_end(g, test_add2(g, ANM_OP_ADD, "z", y, x, NULL));
    assert_int_equal(anm_memory_plan_make(&p, g, SIZE_MAX / 72, 1, &err),
                     ANM_E_LIMIT);
    assert_non_null(strstr(err.message, "values for"));
    anm_memory_plan_deinit(&p);
    anm_graph_free(g);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    const test_encoder e = { 2, 8, 2, 32, 0 };
    anm_graph *g = test_encoder_new(&e);
    anm_memory_plan p = { 0 };
    anm_alloc_stats before, after;
    bool failed = true;

    anm_alloc_stats_read(&before);
    for (uint64_t k = 1; failed; k++) {
        test_fault_arm(k);
        const anm_status status = anm_memory_plan_make(&p, g, 8, 1, NULL);
        failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        assert_true(failed || k > 5);
        if (k % 2) anm_memory_plan_deinit(&p);
    }
    anm_memory_plan_deinit(&p);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.bytes_live, before.bytes_live);
    anm_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_encoder_is_sound_at_any_capacity),
        cmocka_unit_test(plain_encoder_is_sound),
        cmocka_unit_test(encoder_takes_five_rows_of_dim_a_token),
        cmocka_unit_test(layers_do_not_make_the_block_larger),
        cmocka_unit_test(slices_are_views_with_the_stride_of_their_source),
        cmocka_unit_test(reshape_of_rows_is_a_view_slices_included),
        cmocka_unit_test(what_cannot_be_a_view_has_room_of_its_own),
        cmocka_unit_test(reshape_without_gaps_may_mix_rows_as_a_view),
        cmocka_unit_test(root_lives_as_long_as_its_last_view),
        cmocka_unit_test(result_lives_to_the_end),
        cmocka_unit_test(linear_lies_over_a_residual_that_dies_there),
        cmocka_unit_test(residual_that_is_needed_is_not_overwritten),
        cmocka_unit_test(layer_norm_lies_over_x_only_when_x_dies),
        cmocka_unit_test(glu_lies_over_the_first_half_of_x),
        cmocka_unit_test(values_without_tokens_have_a_row_per_text),
        cmocka_unit_test(positions_lie_one_after_the_other),
        cmocka_unit_test(plan_can_be_made_again_for_another_capacity),
        cmocka_unit_test(sizes_that_do_not_fit_are_over_the_limit),
        cmocka_unit_test(block_that_does_not_fit_is_over_the_limit),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
