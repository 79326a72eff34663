/* What packages write out becomes few nodes, and what only looks like it stays.
 * That the numbers stay too is seen in golden/test_arrays_golden.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "graph/arrays_pass.h"
#include "support/support.h"

/* ---- Programs ------------------------------------------------------------ */

typedef struct maker {
    anm_arrays *a;
    unsigned n;
} maker;

static const char *next_name(maker *m)
{
    static char name[32];

    snprintf(name, sizeof(name), "v%u", m->n++);
    return name;
}

static anm_array_type floats(unsigned rank, int64_t a, int64_t b, int64_t c,
                             int64_t d)
{
    return (anm_array_type){ ANM_DTYPE_F32, rank, { a, b, c, d } };
}

static maker make(void)
{
    maker m = { 0 };

    assert_int_equal(anm_arrays_new(&m.a, NULL), ANM_OK);
    return m;
}

static anm_value_id input(maker *m, anm_array_type t)
{
    return anm_arrays_input(m->a, next_name(m), &t);
}

static anm_value_id constant(maker *m, anm_array_type t)
{
    static const float zeros[4096];
    size_t n = 1;

    for (unsigned i = 0; i < t.rank; i++)
        n *= (size_t)t.dims[i];
    return anm_arrays_const(m->a, next_name(m), &t, anm_bytes_of(zeros, 4 * n));
}

static anm_value_id scalar(maker *m, float v)
{
    return anm_arrays_scalar_f32(m->a, next_name(m), v);
}

static anm_value_id list(maker *m, size_t n, const int32_t *v)
{
    return anm_arrays_const_i32(m->a, next_name(m), v, n);
}

static anm_value_id node(maker *m, anm_array_op op, anm_array_attr attr,
                         size_t n, const anm_value_id *in, anm_array_type t)
{
    const anm_array_result result = { next_name(m), t };

    return anm_arrays_add(m->a, op, result.name, in, n, &attr, &result, 1);
}

static anm_value_id one(maker *m, anm_array_op op, anm_array_attr attr,
                        anm_value_id x, anm_array_type t)
{
    return node(m, op, attr, 1, &x, t);
}

static anm_value_id two(maker *m, anm_array_op op, anm_array_attr attr,
                        anm_value_id x, anm_value_id y, anm_array_type t)
{
    return node(m, op, attr, 2, (anm_value_id[]){ x, y }, t);
}

#define NONE ((anm_array_attr){ 0 })

/* Names of the operations that are left, in order. */
static void assert_ops(maker *m, anm_value_id result, const char *want)
{
    char ops[512] = "";
    anm_error err = { 0 };

    anm_arrays_output(m->a, result);
    if (anm_arrays_finish(m->a, &err) ||
        anm_arrays_optimize(m->a, ANM_ARRAYS_PASS_ALL, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < anm_arrays_n_nodes(m->a); i++) {
        const anm_array_node *n = anm_arrays_node(m->a, i);
        const size_t len = strlen(ops);

        snprintf(ops + len, sizeof(ops) - len, "%s%s", len ? " " : "",
                 anm_array_op_describe(n->op)->name);
    }
    assert_string_equal(ops, want);
}

static void done(maker *m)
{
    anm_arrays_free(m->a);
}

/* ---- Linear -------------------------------------------------------------- */

static void products_take_what_follows(void **state)
{
    const anm_array_type row = floats(2, 2, 4, 0, 0);
    maker m = make();
    const anm_value_id x = input(&m, row);
    const anm_value_id w = constant(&m, floats(2, 4, 4, 0, 0));
    const anm_value_id b = constant(&m, floats(1, 4, 0, 0, 0));
    anm_value_id y = two(&m, ANM_ARRAY_MATMUL, NONE, x, w, row);

    (void)state;
    y = two(&m, ANM_ARRAY_ADD, NONE, b, y, row);
    y = one(&m, ANM_ARRAY_SILU, NONE, y, row);
    y = two(&m, ANM_ARRAY_ADD, NONE, y, x, row);
    assert_ops(&m, y, "linear");
    const anm_array_node *n = anm_arrays_node(m.a, 0);
    assert_int_equal(n->inputs[0], x);
    assert_int_equal(n->inputs[1], w);
    assert_int_equal(n->inputs[2], b);
    assert_int_equal(n->inputs[3], x);
    assert_int_equal(n->outputs[0], y);
    assert_int_equal(n->attr.act, ANM_ACT_SILU);
    assert_int_equal(n->attr.flags, ANM_ARRAY_TRANSPOSE_W);
    done(&m);
}

static void products_leave_what_others_read(void **state)
{
    const anm_array_type row = floats(2, 2, 4, 0, 0);
    maker m = make();
    const anm_value_id x = input(&m, row);
    const anm_value_id w = constant(&m, floats(2, 4, 4, 0, 0));
    const anm_value_id y = two(&m, ANM_ARRAY_LINEAR, NONE, x, w, row);
    const anm_value_id z = one(&m, ANM_ARRAY_RELU, NONE, y, row);

    (void)state;
    anm_arrays_output(m.a, y);
    assert_ops(&m, z, "linear relu");
    done(&m);
}

/* One constant, both ways round: packed once, so only one product is fused. */
static void a_weight_is_read_one_way(void **state)
{
    const anm_array_type row = floats(2, 2, 4, 0, 0);
    maker m = make();
    const anm_value_id x = input(&m, row);
    const anm_value_id w = constant(&m, floats(2, 4, 4, 0, 0));
    const anm_value_id y = two(&m, ANM_ARRAY_LINEAR, NONE, x, w, row);

    (void)state;
    assert_ops(&m, two(&m, ANM_ARRAY_MATMUL, NONE, y, w, row), "linear matmul");
    done(&m);
}

/* An array that only broadcasts to the product is no residual. */
static void a_residual_has_the_same_shape(void **state)
{
    const anm_array_type row = floats(2, 2, 4, 0, 0);
    maker m = make();
    const anm_value_id x = input(&m, row);
    const anm_value_id r = input(&m, floats(2, 1, 4, 0, 0));
    const anm_value_id w = constant(&m, floats(2, 4, 4, 0, 0));
    const anm_value_id y = two(&m, ANM_ARRAY_LINEAR, NONE, x, w, row);

    (void)state;
    assert_ops(&m, two(&m, ANM_ARRAY_ADD, NONE, y, r, row), "linear add");
    done(&m);
}

/* ---- Norms --------------------------------------------------------------- */

static const anm_array_attr over_last = { .flags = ANM_ARRAY_KEEP_DIMS,
                                          .n_axes = 1,
                                          .axes = { -1 } };

static anm_value_id root(maker *m, anm_value_id x, anm_array_type t,
                         anm_value_id square)
{
    anm_array_type narrow = t;

    narrow.dims[t.rank - 1] = 1;
    anm_value_id v = one(m, ANM_ARRAY_REDUCE_MEAN, over_last, square, narrow);
    v = two(m, ANM_ARRAY_ADD, NONE, v, scalar(m, 1e-5f), narrow);
    v = one(m, ANM_ARRAY_RSQRT, (anm_array_attr){ .eps = 1e-12 }, v, narrow);
    return two(m, ANM_ARRAY_MUL, NONE, x, v, t);
}

static void root_mean_square_is_a_norm(void **state)
{
    const anm_array_type t = floats(3, 1, 2, 4, 0);
    maker m = make();
    const anm_value_id x = input(&m, t);
    const anm_value_id g = constant(&m, floats(1, 4, 0, 0, 0));
    anm_value_id y =
        root(&m, x, t, two(&m, ANM_ARRAY_POW, NONE, x, scalar(&m, 2), t));

    (void)state;
    y = two(&m, ANM_ARRAY_MUL, NONE, g, y, t);
    assert_ops(&m, y, "rms_norm");
    assert_float_equal(anm_arrays_node(m.a, 0)->attr.eps, 1e-5, 1e-10);
    assert_int_equal(anm_arrays_node(m.a, 0)->inputs[1], g);
    done(&m);
}

static void another_power_is_no_norm(void **state)
{
    const anm_array_type t = floats(3, 1, 2, 4, 0);
    maker m = make();
    const anm_value_id x = input(&m, t);

    (void)state;
    assert_ops(
        &m, root(&m, x, t, two(&m, ANM_ARRAY_POW, NONE, x, scalar(&m, 3), t)),
        "pow reduce_mean add rsqrt mul");
    done(&m);
}

static void layer_norm_is_found(void **state)
{
    const anm_array_type t = floats(3, 1, 2, 4, 0);
    const anm_array_type narrow = floats(3, 1, 2, 1, 0);
    maker m = make();
    const anm_value_id x = input(&m, t);
    const anm_value_id mean =
        one(&m, ANM_ARRAY_REDUCE_MEAN, over_last, x, narrow);
    const anm_value_id d = two(&m, ANM_ARRAY_SUB, NONE, x, mean, t);
    anm_value_id y = root(&m, d, t, two(&m, ANM_ARRAY_MUL, NONE, d, d, t));

    (void)state;
    y = two(&m, ANM_ARRAY_MUL, NONE, y, constant(&m, floats(1, 4, 0, 0, 0)), t);
    y = two(&m, ANM_ARRAY_ADD, NONE, y, constant(&m, floats(1, 4, 0, 0, 0)), t);
    assert_ops(&m, y, "layer_norm");
    assert_int_equal(anm_arrays_node(m.a, 0)->inputs[0], x);
    assert_int_equal(anm_arrays_node(m.a, 0)->attr.axes[0], 2);
    done(&m);
}

/* ---- GELU ---------------------------------------------------------------- */

static anm_value_id gelu_with(maker *m, anm_value_id x, float inner)
{
    const anm_array_type t = floats(1, 4, 0, 0, 0);
    anm_value_id e = two(m, ANM_ARRAY_MUL, NONE, x, scalar(m, inner), t);

    e = one(m, ANM_ARRAY_ERF, NONE, e, t);
    e = two(m, ANM_ARRAY_ADD, NONE, scalar(m, 1), e, t);
    const anm_value_id half =
        two(m, ANM_ARRAY_MUL, NONE, x, scalar(m, 0.5f), t);
    return two(m, ANM_ARRAY_MUL, NONE, half, e, t);
}

static void gelu_is_found_with_its_own_constant_alone(void **state)
{
    maker m = make();

    (void)state;
    assert_ops(&m, gelu_with(&m, input(&m, floats(1, 4, 0, 0, 0)), 0.70710678f),
               "gelu");
    done(&m);
    m = make();
    /* As half: another function. */
    assert_ops(&m, gelu_with(&m, input(&m, floats(1, 4, 0, 0, 0)), 0.70703125f),
               "mul erf add mul mul");
    done(&m);
}

/* A constant of one number with more axes than x: gelu(x) would have too few. */
static void constants_that_add_axes_stay(void **state)
{
    const anm_array_type t = floats(1, 4, 0, 0, 0);
    const anm_array_type wide = floats(2, 1, 4, 0, 0);
    const anm_array_type narrow = floats(2, 1, 1, 0, 0);
    maker m = make();
    anm_value_id x = input(&m, t);
    anm_value_id e =
        two(&m, ANM_ARRAY_MUL, NONE, x, scalar(&m, 0.70710678f), t);

    (void)state;
    e = two(&m, ANM_ARRAY_ADD, NONE, scalar(&m, 1),
            one(&m, ANM_ARRAY_ERF, NONE, e, t), t);
    static const float half = 0.5f;
    e = two(&m, ANM_ARRAY_MUL, NONE, e,
            anm_arrays_const(m.a, "half", &narrow, anm_bytes_of(&half, 4)),
            wide);
    assert_ops(&m, two(&m, ANM_ARRAY_MUL, NONE, x, e, wide),
               "mul erf add mul mul");
    done(&m);

    m = make();
    x = input(&m, t);
    e = one(&m, ANM_ARRAY_REDUCE_MEAN, over_last,
            two(&m, ANM_ARRAY_MUL, NONE, x, x, t), floats(1, 1, 0, 0, 0));
    e = two(&m, ANM_ARRAY_ADD, NONE, e, constant(&m, narrow), narrow);
    e = one(&m, ANM_ARRAY_RSQRT, (anm_array_attr){ .eps = 1e-12 }, e, narrow);
    assert_ops(&m, two(&m, ANM_ARRAY_MUL, NONE, x, e, wide),
               "mul reduce_mean add rsqrt mul");
    done(&m);
}

/* ---- Attention ----------------------------------------------------------- */

static const anm_array_attr swap = { .n_axes = 4, .axes = { 0, 2, 1, 3 } };

/* q, k [b, l, h, d] with k turned as coremltools writes it. */
static anm_value_id attention_of(maker *m, anm_value_id q, anm_value_id k,
                                 anm_value_id v, anm_value_id mask)
{
    const anm_array_type heads = floats(4, 1, 2, 3, 4);
    const anm_array_type scores = floats(4, 1, 2, 3, 3);
    const anm_array_attr turn = { .n_axes = 4, .axes = { 0, 2, 3, 1 } };
    anm_value_id s = two(
        m, ANM_ARRAY_MATMUL, NONE, one(m, ANM_ARRAY_TRANSPOSE, swap, q, heads),
        one(m, ANM_ARRAY_TRANSPOSE, turn, k, floats(4, 1, 2, 4, 3)), scores);

    s = two(m, ANM_ARRAY_MUL, NONE, s, scalar(m, 0.5f), scores);
    s = two(m, ANM_ARRAY_ADD, NONE, s, mask, scores);
    s = one(m, ANM_ARRAY_SOFTMAX, (anm_array_attr){ .axis = -1 }, s, scores);
    return two(m, ANM_ARRAY_MATMUL, NONE, s,
               one(m, ANM_ARRAY_TRANSPOSE, swap, v, heads), heads);
}

static void attention_reads_what_projections_leave(void **state)
{
    const anm_array_type tokens = floats(4, 1, 3, 2, 4);
    maker m = make();
    const anm_value_id q = input(&m, tokens), k = input(&m, tokens);
    const anm_value_id v = input(&m, tokens);
    const anm_value_id mask = input(&m, floats(4, 1, 1, 1, 3));
    const anm_value_id y = attention_of(&m, q, k, v, mask);

    (void)state;
    assert_ops(&m, one(&m, ANM_ARRAY_TRANSPOSE, swap, y, tokens), "attention");
    const anm_array_node *n = anm_arrays_node(m.a, 0);
    assert_int_equal(n->inputs[0], q);
    assert_int_equal(n->inputs[1], k);
    assert_int_equal(n->inputs[2], v);
    assert_int_equal(n->inputs[3], mask);
    assert_int_equal(n->attr.flags, ANM_ARRAY_TOKENS_FIRST);
    assert_float_equal(n->attr.alpha, 0.5, 0);
    done(&m);
}

/* A mask that makes more scores than there were is no mask. */
static void a_mask_adds_no_scores(void **state)
{
    const anm_array_type tokens = floats(4, 1, 3, 2, 4);
    maker m = make();
    const anm_value_id q = input(&m, tokens), k = input(&m, tokens);
    const anm_value_id v = input(&m, tokens);
    const anm_value_id mask = input(&m, floats(4, 5, 1, 1, 3));
    const anm_value_id y = attention_of(&m, q, k, v, mask);

    (void)state;
    assert_ops(&m, y,
               "transpose transpose matmul mul add softmax transpose matmul");
    done(&m);
}

static void repeated_heads_are_read_once(void **state)
{
    const anm_array_type few = floats(4, 1, 2, 3, 4);
    const anm_array_type many = floats(4, 1, 4, 3, 4);
    const anm_array_type apart = { ANM_DTYPE_F32, 5, { 1, 2, 1, 3, 4 } };
    const anm_array_type tiled = { ANM_DTYPE_F32, 5, { 1, 2, 2, 3, 4 } };
    maker m = make();
    const anm_value_id q = input(&m, many);
    anm_value_id kv[2], full[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        kv[i] = input(&m, few);
        anm_value_id x =
            one(&m, ANM_ARRAY_EXPAND_DIMS,
                (anm_array_attr){ .n_axes = 1, .axes = { 2 } }, kv[i], apart);
        x = two(&m, ANM_ARRAY_TILE, NONE, x,
                list(&m, 5, (const int32_t[]){ 1, 1, 2, 1, 1 }), tiled);
        full[i] = two(&m, ANM_ARRAY_RESHAPE, NONE, x,
                      list(&m, 4, (const int32_t[]){ 1, 4, 3, 4 }), many);
    }
    const anm_value_id in[] = { q, full[0], full[1] };
    assert_ops(&m, node(&m, ANM_ARRAY_SDPA, NONE, 3, in, many), "attention");
    assert_int_equal(anm_arrays_node(m.a, 0)->inputs[1], kv[0]);
    assert_int_equal(anm_arrays_node(m.a, 0)->inputs[2], kv[1]);
    assert_float_equal(anm_arrays_node(m.a, 0)->attr.alpha, 0.5, 1e-12);
    done(&m);
}

/* ---- Rotary positions ---------------------------------------------------- */

static anm_value_id rotate(maker *m, anm_value_id x, float sign,
                           anm_array_type t)
{
    const anm_array_type half = floats(3, 2, 3, 2, 0);
    const anm_value_id zeros = list(m, 3, (const int32_t[]){ 0, 0, 0 });
    const anm_value_id middle = list(m, 3, (const int32_t[]){ 0, 0, 2 });
    const anm_value_id all = list(m, 3, (const int32_t[]){ 2, 3, 4 });
    const anm_value_id first[] = { x, zeros,
                                   list(m, 3, (const int32_t[]){ 2, 3, 2 }) };
    const anm_value_id second[] = { x, middle, all };
    const anm_value_id a =
        node(m, ANM_ARRAY_SLICE_BY_INDEX, NONE, 3, first, half);
    anm_value_id b = node(m, ANM_ARRAY_SLICE_BY_INDEX, NONE, 3, second, half);

    b = two(m, ANM_ARRAY_MUL, NONE, b, scalar(m, sign), half);
    return two(m, ANM_ARRAY_CONCAT, (anm_array_attr){ .axis = -1 }, b, a, t);
}

static void rotary_positions_are_found(void **state)
{
    const anm_array_type t = floats(3, 2, 3, 4, 0);

    (void)state;
    for (int i = 0; i < 2; i++) {
        maker m = make();
        const anm_value_id x = input(&m, t);
        const anm_value_id c = constant(&m, floats(2, 3, 4, 0, 0));
        const anm_value_id s = constant(&m, floats(2, 3, 4, 0, 0));
        const anm_value_id turned = rotate(&m, x, i ? 1.0f : -1.0f, t);
        const anm_value_id y =
            two(&m, ANM_ARRAY_ADD, NONE, two(&m, ANM_ARRAY_MUL, NONE, x, c, t),
                two(&m, ANM_ARRAY_MUL, NONE, turned, s, t), t);

        assert_ops(&m, y,
                   i ? "slice_by_index slice_by_index mul concat mul mul add"
                     : "rope");
        done(&m);
    }
}

/* ---- Memory -------------------------------------------------------------- */

static void failed_allocation_is_told(void **state)
{
    (void)state;
    for (uint64_t k = 1;; k++) {
        const anm_array_type row = floats(2, 2, 4, 0, 0);
        maker m = make();
        const anm_value_id x = input(&m, row);
        const anm_value_id y = two(&m, ANM_ARRAY_MATMUL, NONE, x,
                                   constant(&m, floats(2, 4, 4, 0, 0)), row);

        anm_arrays_output(m.a, one(&m, ANM_ARRAY_RELU, NONE, y, row));
        test_fault_arm(k);
        const anm_status status =
            anm_arrays_optimize(m.a, ANM_ARRAYS_PASS_ALL, NULL);
        const bool failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        done(&m);
        if (!failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_take_what_follows),
        cmocka_unit_test(products_leave_what_others_read),
        cmocka_unit_test(a_weight_is_read_one_way),
        cmocka_unit_test(a_residual_has_the_same_shape),
        cmocka_unit_test(root_mean_square_is_a_norm),
        cmocka_unit_test(another_power_is_no_norm),
        cmocka_unit_test(layer_norm_is_found),
        cmocka_unit_test(gelu_is_found_with_its_own_constant_alone),
        cmocka_unit_test(constants_that_add_axes_stay),
        cmocka_unit_test(attention_reads_what_projections_leave),
        cmocka_unit_test(a_mask_adds_no_scores),
        cmocka_unit_test(repeated_heads_are_read_once),
        cmocka_unit_test(rotary_positions_are_found),
        cmocka_unit_test(failed_allocation_is_told),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
