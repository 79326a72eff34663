/* Every operation gives the shape that graph.h states, and refuses inputs and
 * attributes that do not fit, naming them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/shape.h"

/* "[L, 4]" is F32; "i[L]" I32, "h[2]" F16, "b[…]" BF16, "q[…]" I64. */
static anm_shape shape_of(const char *text)
{
    static const struct {
        char letter;
        anm_dtype dtype;
    } types[] = {
        { 'i', ANM_DTYPE_I32 },
        { 'h', ANM_DTYPE_F16 },
        { 'b', ANM_DTYPE_BF16 },
        { 'q', ANM_DTYPE_I64 },
    };
    anm_shape s = { .dtype = ANM_DTYPE_F32 };

    for (size_t i = 0; i < 4; i++)
        if (text[0] == types[i].letter) s.dtype = types[i].dtype;
    for (const char *p = strchr(text, '[') + 1; *p != ']';) {
        char *end = NULL;

        assert_true(s.rank < ANM_RANK_MAX);
        if (*p == 'L') {
            s.dims[s.rank++] = ANM_DIM_TOKENS;
            p++;
        } else {
            s.dims[s.rank++] = strtoll(p, &end, 10);
            p = end;
        }
        while (*p == ',' || *p == ' ')
            p++;
    }
    return s;
}

typedef struct example {
    anm_op op;
    const char *in[ANM_INPUTS_MAX]; /* NULL where absent */
    anm_attr attr;
    const char *out; /* shape, or words of the message after a '!' */
} example;

static void check_example(const example *e)
{
    anm_shape shapes[ANM_INPUTS_MAX], out;
    const anm_shape *in[ANM_INPUTS_MAX] = { 0 };
    anm_error err = { 0 };

    for (size_t i = 0; i < ANM_INPUTS_MAX; i++) {
        if (!e->in[i]) continue;
        shapes[i] = shape_of(e->in[i]);
        in[i] = &shapes[i];
    }
    const anm_status status = anm_shape_infer(e->op, in, &e->attr, &out, &err);

    if (e->out[0] == '!') {
        assert_int_not_equal(status, ANM_OK);
        if (!strstr(err.message, e->out + 1))
            fail_msg("\"%s\" not in: %s", e->out + 1, err.message);
        return;
    }
    if (status) fail_msg("%s", err.message);
    const anm_shape expected = shape_of(e->out);
    char a[96], b[96];

    anm_shape_text(&out, a, sizeof(a));
    anm_shape_text(&expected, b, sizeof(b));
    assert_string_equal(a, b);
}

#define CHECK_ALL(examples)                                                    \
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)        \
    check_example(&examples[i])

static void position_counts_the_ids(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_POSITION, { "i[L]" }, { 0 }, "i[L]" },
        { ANM_OP_POSITION, { "i[L]" }, { .offset = 2 }, "i[L]" },
        { ANM_OP_POSITION, { "[L]" }, { 0 }, "!I32" },
        { ANM_OP_POSITION, { "i[L, 2]" }, { 0 }, "!position(I32 [L, 2])" },
        { ANM_OP_POSITION, { "i[L]" }, { .offset = -1 }, "!offset" },
        { ANM_OP_POSITION, { "i[L]" }, { .offset = INT64_MAX }, "!offset" },
    };
    CHECK_ALL(examples);
}

static void gather_gives_a_row_per_id(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_GATHER, { "[30, 4]", "i[L]" }, { 0 }, "[L, 4]" },
        { ANM_OP_GATHER, { "h[30, 4]", "i[L]" }, { 0 }, "[L, 4]" },
        { ANM_OP_GATHER, { "[30, 4]", "i[3]" }, { 0 }, "[3, 4]" },
        { ANM_OP_GATHER, { "[30, 4]", "[L]" }, { 0 }, "!I32" },
        { ANM_OP_GATHER, { "[30, 4]", "q[L]" }, { 0 }, "!I32" },
        { ANM_OP_GATHER, { "i[30, 4]", "i[L]" }, { 0 }, "!floating" },
        { ANM_OP_GATHER, { "[30]", "i[L]" }, { 0 }, "!table" },
        { ANM_OP_GATHER, { "[L, 4]", "i[L]" }, { 0 }, "!table" },
        { ANM_OP_GATHER, { "[30, 4]", "i[L, 1]" }, { 0 }, "!ids" },
        { ANM_OP_GATHER,
          { "[1, 4611686018427387904]", "i[3]" },
          { 0 },
          "!2^63" },
    };
    CHECK_ALL(examples);
}

static void sums_broadcast_the_second_over_leading_axes(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_ADD, { "[L, 4]", "[L, 4]" }, { 0 }, "[L, 4]" },
        { ANM_OP_ADD, { "[L, 4]", "h[4]" }, { 0 }, "[L, 4]" },
        { ANM_OP_MUL, { "[L, 2, 4]", "[2, 4]" }, { 0 }, "[L, 2, 4]" },
        { ANM_OP_MUL, { "[L, 4]", "[]" }, { 0 }, "[L, 4]" },
        { ANM_OP_ADD, { "[4]", "[L, 4]" }, { 0 }, "!last axes" },
        { ANM_OP_ADD, { "[L, 4]", "[1]" }, { 0 }, "!last axes" },
        { ANM_OP_ADD, { "[L, 4]", "[3, 4]" }, { 0 }, "!last axes" },
        { ANM_OP_ADD, { "i[L]", "i[L]" }, { 0 }, "!floating" },
    };
    CHECK_ALL(examples);
}

static void functions_of_one_value_keep_its_shape(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_SCALE, { "[2, L, L]" }, { .alpha = 0.5f }, "[2, L, L]" },
        { ANM_OP_SCALE, { "h[2]" }, { .alpha = 0.5f }, "[2]" },
        { ANM_OP_SCALE, { "[2]" }, { .alpha = INFINITY }, "!alpha" },
        { ANM_OP_ACT, { "[L, 4]" }, { .act = ANM_ACT_TANH }, "[L, 4]" },
        { ANM_OP_ACT, { "[L, 4]" }, { .act = ANM_ACT_COUNT }, "!activation" },
        { ANM_OP_NORMALIZE, { "[4]" }, { .eps = 1e-12 }, "[4]" },
        { ANM_OP_NORMALIZE, { "[L, 4]" }, { .eps = 1e-12 }, "![d]" },
        { ANM_OP_NORMALIZE, { "[L]" }, { .eps = 1e-12 }, "![d]" },
        { ANM_OP_NORMALIZE, { "[4]" }, { .eps = -1 }, "!eps" },
        { ANM_OP_NORMALIZE, { "[4]" }, { .eps = NAN }, "!eps" },
    };
    CHECK_ALL(examples);
}

static void linear_replaces_the_last_axis(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_LINEAR, { "[L, 4]", "[3, 4]" }, { 0 }, "[L, 3]" },
        { ANM_OP_LINEAR, { "[4]", "h[3, 4]", "b[3]" }, { 0 }, "[3]" },
        { ANM_OP_LINEAR, { "[2, L, 4]", "[3, 4]" }, { 0 }, "[2, L, 3]" },
        { ANM_OP_LINEAR,
          { "[L, 4]", "[3, 4]", "[3]", "[L, 3]" },
          { .act = ANM_ACT_RELU },
          "[L, 3]" },
        { ANM_OP_LINEAR,
          { "[L, 4]", "[3, 4]", NULL, "[L, 3]" },
          { 0 },
          "[L, 3]" },
        { ANM_OP_LINEAR,
          { "[L, 4]", "[4, 3]" },
          { 0 },
          "!linear(F32 [L, 4], F32 [4, 3]" },
        { ANM_OP_LINEAR, { "[]", "[3, 4]" }, { 0 }, "!last axis" },
        { ANM_OP_LINEAR, { "[4, L]", "[3, L]" }, { 0 }, "!weight" },
        { ANM_OP_LINEAR, { "[L, 4]", "[4]" }, { 0 }, "!weight" },
        { ANM_OP_LINEAR, { "[L, 4]", "[3, 4]", "[4]" }, { 0 }, "!bias" },
        { ANM_OP_LINEAR, { "[L, 4]", "[3, 4]", "[1, 3]" }, { 0 }, "!bias" },
        { ANM_OP_LINEAR,
          { "[L, 4]", "[3, 4]", "[3]", "[3]" },
          { 0 },
          "!residual" },
        { ANM_OP_LINEAR,
          { "[L, 4]", "[3, 4]", NULL, "[L, 4]" },
          { 0 },
          "!nothing, F32 [L, 4]" },
        { ANM_OP_LINEAR,
          { "[L, 4]", "[3, 4]" },
          { .act = (anm_act)99 },
          "!activation" },
    };
    CHECK_ALL(examples);
}

static void layer_norm_needs_gamma_and_beta_of_the_last_axis(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_LAYER_NORM, { "[L, 4]", "[4]", "h[4]" }, { 0 }, "[L, 4]" },
        { ANM_OP_LAYER_NORM, { "[L, 4]", "[4]", "[5]" }, { 0 }, "!beta" },
        { ANM_OP_LAYER_NORM, { "[L, 4]", "[L]", "[4]" }, { 0 }, "!gamma" },
        { ANM_OP_LAYER_NORM, { "[4, L]", "[L]", "[L]" }, { 0 }, "!x must be" },
        { ANM_OP_LAYER_NORM, { "[]", "[4]", "[4]" }, { 0 }, "!x must be" },
        { ANM_OP_LAYER_NORM,
          { "[4]", "[4]", "[4]" },
          { .eps = -1e-9 },
          "!eps" },
    };
    CHECK_ALL(examples);
}

static void rms_norm_takes_groups_of_gamma(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_RMS_NORM, { "[L, 4]", "[4]" }, { 0 }, "[L, 4]" },
        { ANM_OP_RMS_NORM, { "[L, 12]", "h[4]" }, { 0 }, "[L, 12]" },
        { ANM_OP_RMS_NORM, { "[L, 3, 4]", "[4]" }, { 0 }, "[L, 3, 4]" },
        { ANM_OP_RMS_NORM, { "[L, 6]", "[4]" }, { 0 }, "!multiple" },
        { ANM_OP_RMS_NORM, { "[4, L]", "[4]" }, { 0 }, "!multiple" },
        { ANM_OP_RMS_NORM, { "[]", "[4]" }, { 0 }, "!multiple" },
        { ANM_OP_RMS_NORM, { "[L, 4]", "[1, 4]" }, { 0 }, "!gamma" },
        { ANM_OP_RMS_NORM, { "[L, 4]", "[L]" }, { 0 }, "!gamma" },
        { ANM_OP_RMS_NORM, { "[4]", "[4]" }, { .eps = NAN }, "!eps" },
    };
    CHECK_ALL(examples);
}

static void angles_have_a_cosine_and_a_sine_for_each_pair(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_ANGLES, { "i[L]" }, { .size = 8, .theta = 1e6 }, "[L, 8]" },
        { ANM_OP_ANGLES, { "i[L, 2]" }, { .size = 8, .theta = 1 }, "![L]" },
        { ANM_OP_ANGLES, { "[L]" }, { .size = 8, .theta = 1 }, "!I32" },
        { ANM_OP_ANGLES, { "i[L]" }, { .size = 7, .theta = 1 }, "!even" },
        { ANM_OP_ANGLES, { "i[L]" }, { .size = 0, .theta = 1 }, "!even" },
        { ANM_OP_ANGLES, { "i[L]" }, { .size = 8, .theta = 0 }, "!theta" },
        { ANM_OP_ANGLES, { "i[L]" }, { .size = 8, .theta = NAN }, "!theta" },
    };
    CHECK_ALL(examples);
}

static void rope_turns_heads_of_the_angles_size(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_ROPE, { "[L, 24]", "[L, 8]" }, { 0 }, "[L, 24]" },
        { ANM_OP_ROPE, { "[L, 20]", "[L, 8]" }, { 0 }, "!heads" },
        { ANM_OP_ROPE, { "[3, 24]", "[L, 8]" }, { 0 }, "!heads" },
        { ANM_OP_ROPE, { "[L, 3, 8]", "[L, 8]" }, { 0 }, "!heads" },
        { ANM_OP_ROPE, { "[L, 21]", "[L, 7]" }, { 0 }, "!angles" },
        { ANM_OP_ROPE, { "[L, 24]", "[8]" }, { 0 }, "!angles" },
    };
    CHECK_ALL(examples);
}

static void glu_halves_the_last_axis(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_GLU, { "[L, 6]" }, { .act = ANM_ACT_SILU }, "[L, 3]" },
        { ANM_OP_GLU, { "[6]" }, { .act = ANM_ACT_SILU }, "[3]" },
        { ANM_OP_GLU, { "[L, 5]" }, { 0 }, "!2 d" },
        { ANM_OP_GLU, { "[4, L]" }, { 0 }, "!2 d" },
        { ANM_OP_GLU, { "[]" }, { 0 }, "!2 d" },
        { ANM_OP_GLU, { "[L, 6]" }, { .act = (anm_act)99 }, "!activation" },
    };
    CHECK_ALL(examples);
}

static void reshape_keeps_the_number_of_elements_for_every_l(void **state)
{
    (void)state;
    const int64_t l = ANM_DIM_TOKENS;
    const example examples[] = {
        { ANM_OP_RESHAPE,
          { "[L, 6]" },
          { .rank = 3, .dims = { l, 2, 3 } },
          "[L, 2, 3]" },
        { ANM_OP_RESHAPE,
          { "i[L]" },
          { .rank = 2, .dims = { 1, l } },
          "i[1, L]" },
        { ANM_OP_RESHAPE,
          { "h[6]" },
          { .rank = 2, .dims = { 2, 3 } },
          "[2, 3]" },
        { ANM_OP_RESHAPE, { "[1]" }, { .rank = 0 }, "[]" },
        { ANM_OP_RESHAPE,
          { "[L, 6]" },
          { .rank = 2, .dims = { l, 5 } },
          "!as many" },
        { ANM_OP_RESHAPE,
          { "[L, 6]" },
          { .rank = 2, .dims = { 1, 6 } },
          "!as many" },
        { ANM_OP_RESHAPE,
          { "[L, L]" },
          { .rank = 1, .dims = { l } },
          "!as many" },
        { ANM_OP_RESHAPE,
          { "[6]" },
          { .rank = 2, .dims = { 6, 0 } },
          "!axis 1 of 0" },
        { ANM_OP_RESHAPE,
          { "[6]" },
          { .rank = 2, .dims = { -2, -3 } },
          "!axis 0 of -2" },
        { ANM_OP_RESHAPE, { "[6]" }, { .rank = 7 }, "!axes" },
        { ANM_OP_RESHAPE,
          { "[4]" },
          { .rank = 3, .dims = { INT64_C(1) << 62, 4, 4 } },
          "!2^63" },
    };
    CHECK_ALL(examples);
}

static void transpose_permutes_every_axis_once(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_TRANSPOSE,
          { "[L, 2, 3]" },
          { .rank = 3, .perm = { 1, 0, 2 } },
          "[2, L, 3]" },
        { ANM_OP_TRANSPOSE,
          { "[L, 2, 3]" },
          { .rank = 3, .perm = { 2, 0, 1 } },
          "[3, L, 2]" },
        { ANM_OP_TRANSPOSE,
          { "[L, 2]" },
          { .rank = 2, .perm = { 0, 0 } },
          "!once" },
        { ANM_OP_TRANSPOSE,
          { "[L, 2]" },
          { .rank = 2, .perm = { 0, 2 } },
          "!once" },
        { ANM_OP_TRANSPOSE,
          { "[L, 2]" },
          { .rank = 1, .perm = { 0 } },
          "!each axis" },
    };
    CHECK_ALL(examples);
}

static void slice_takes_a_range_of_the_last_axis(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_SLICE, { "[L, 6]" }, { .begin = 4, .size = 2 }, "[L, 2]" },
        { ANM_OP_SLICE, { "[6]" }, { .begin = 0, .size = 6 }, "[6]" },
        { ANM_OP_SLICE, { "[L, 6]" }, { .begin = 5, .size = 2 }, "!range" },
        { ANM_OP_SLICE, { "[L, 6]" }, { .begin = 6, .size = 1 }, "!range" },
        { ANM_OP_SLICE, { "[L, 6]" }, { .begin = -1, .size = 1 }, "!range" },
        { ANM_OP_SLICE, { "[L, 6]" }, { .begin = 0, .size = 0 }, "!range" },
        { ANM_OP_SLICE,
          { "[L, 6]" },
          { .begin = 1, .size = INT64_MAX },
          "!range" },
        { ANM_OP_SLICE, { "[6, L]" }, { .begin = 0, .size = 1 }, "![.., d]" },
        { ANM_OP_SLICE, { "[]" }, { .begin = 0, .size = 1 }, "![.., d]" },
    };
    CHECK_ALL(examples);
}

static void matmul_contracts_the_inner_axes(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_MATMUL,
          { "[2, L, 3]", "[2, L, 3]" },
          { .flag = true },
          "[2, L, L]" },
        { ANM_OP_MATMUL, { "[2, L, L]", "[2, L, 3]" }, { 0 }, "[2, L, 3]" },
        { ANM_OP_MATMUL, { "[L, 3]", "[3, 5]" }, { 0 }, "[L, 5]" },
        { ANM_OP_MATMUL, { "[2, L, 3]", "[2, L, 3]" }, { 0 }, "!summed" },
        { ANM_OP_MATMUL,
          { "[2, L, L]", "[2, L, 3]" },
          { .flag = true },
          "!summed" },
        { ANM_OP_MATMUL, { "[2, L, 3]", "[4, 3, L]" }, { 0 }, "!leading" },
        { ANM_OP_MATMUL, { "[2, L, 3]", "[3, L]" }, { 0 }, "!rank" },
        { ANM_OP_MATMUL, { "[3]", "[3]" }, { 0 }, "!rank" },
    };
    CHECK_ALL(examples);
}

static void softmax_masks_the_last_axis(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_SOFTMAX, { "[2, L, L]", "i[L]" }, { 0 }, "[2, L, L]" },
        { ANM_OP_SOFTMAX, { "[L, 4]" }, { 0 }, "[L, 4]" },
        { ANM_OP_SOFTMAX, { "[L, 4]", "i[L]" }, { 0 }, "!mask" },
        { ANM_OP_SOFTMAX, { "[L, L]", "[L]" }, { 0 }, "!I32" },
        { ANM_OP_SOFTMAX, { "[]" }, { 0 }, "!x must be" },
    };
    CHECK_ALL(examples);
}

static void attention_splits_widths_into_heads(void **state)
{
    (void)state;
    const anm_attr two = { .heads = 2, .kv_heads = 2, .alpha = 1 };
    const anm_attr grouped = { .heads = 4, .kv_heads = 2, .alpha = 1 };
    const example examples[] = {
        { ANM_OP_ATTENTION,
          { "[L, 6]", "[L, 6]", "[L, 6]", "i[L]" },
          two,
          "[L, 6]" },
        { ANM_OP_ATTENTION,
          { "[L, 8]", "[L, 4]", "[L, 4]", "i[L]" },
          grouped,
          "[L, 8]" },
        { ANM_OP_ATTENTION,
          { "[L, 8]", "[L, 8]", "[L, 8]", "i[L]" },
          grouped,
          "!k and v" },
        { ANM_OP_ATTENTION,
          { "[L, 6]", "[L, 6]", "[L, 4]", "i[L]" },
          two,
          "!k and v" },
        { ANM_OP_ATTENTION,
          { "[L, 5]", "[L, 5]", "[L, 5]", "i[L]" },
          two,
          "!q must be" },
        { ANM_OP_ATTENTION,
          { "[L, 6]", "[L, 6]", "[L, 6]", "i[4]" },
          two,
          "!mask" },
        { ANM_OP_ATTENTION,
          { "[L, 6]", "[4, 6]", "[4, 6]", "i[L]" },
          two,
          "!k and v" },
        { ANM_OP_ATTENTION,
          { "[L, 6]", "[L, 6]", "[L, 6]", "i[L]" },
          { .heads = 3, .kv_heads = 2 },
          "!multiple" },
        { ANM_OP_ATTENTION,
          { "[L, 6]", "[L, 6]", "[L, 6]", "i[L]" },
          { 0 },
          "!above 0" },
        { ANM_OP_ATTENTION,
          { "[L, 6]", "[L, 6]", "[L, 6]", "i[L]" },
          { .heads = 2, .kv_heads = 2, .alpha = NAN },
          "!alpha" },
    };
    CHECK_ALL(examples);
}

static void pool_removes_the_token_axis(void **state)
{
    (void)state;
    const example examples[] = {
        { ANM_OP_POOL, { "[L, 4]", "i[L]" }, { .pool = ANM_POOL_MEAN }, "[4]" },
        { ANM_OP_POOL, { "[L, 4]", "i[4]" }, { 0 }, "!mask" },
        { ANM_OP_POOL, { "[4]", "i[L]" }, { 0 }, "!x must be" },
        { ANM_OP_POOL, { "[L, L]", "i[L]" }, { 0 }, "!x must be" },
        { ANM_OP_POOL,
          { "[L, 4]", "i[L]" },
          { .pool = (anm_pool_kind)9 },
          "!pooling" },
    };
    CHECK_ALL(examples);
}

static void elements_count_tokens_and_saturate(void **state)
{
    (void)state;
    const anm_shape square = shape_of("[2, L, L]"), scalar = shape_of("[]");
    const anm_shape huge = shape_of("[4611686018427387904, L]");

    assert_int_equal(anm_shape_elements(&square, 5), 50);
    assert_int_equal(anm_shape_elements(&square, 0), 0);
    assert_int_equal(anm_shape_elements(&scalar, 5), 1);
    assert_true(anm_shape_elements(&huge, 3) == UINT64_C(3) << 62);
    assert_true(anm_shape_elements(&huge, 4) == UINT64_MAX);
    assert_true(anm_shape_elements(&square, SIZE_MAX) == UINT64_MAX);
}

static void text_of_a_shape_is_cut_at_the_buffer(void **state)
{
    (void)state;
    const anm_shape s = shape_of("h[2, L, 384]");
    char text[32];

    anm_shape_text(&s, text, sizeof(text));
    assert_string_equal(text, "F16 [2, L, 384]");
    for (size_t cap = 1; cap < sizeof(text); cap++) {
        char cut[32] = "";
        anm_shape_text(&s, cut, cap);
        assert_true(strlen(cut) < cap);
        assert_memory_equal(cut, text, strlen(cut));
    }
}

static void every_op_describes_itself(void **state)
{
    (void)state;
    for (unsigned op = 0; op < ANM_OP_COUNT; op++) {
        const anm_op_info *info = anm_op_describe((anm_op)op);

        assert_true(info->name[0]);
        assert_in_range(info->min_inputs, 1, info->max_inputs);
        assert_in_range(info->max_inputs, 1, ANM_INPUTS_MAX);
        for (unsigned other = 0; other < op; other++)
            assert_string_not_equal(anm_op_describe((anm_op)other)->name,
                                    info->name);
    }
    assert_false(anm_op_describe(ANM_OP_MATMUL)->packable);
    assert_true(anm_op_describe(ANM_OP_ATTENTION)->packable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(position_counts_the_ids),
        cmocka_unit_test(gather_gives_a_row_per_id),
        cmocka_unit_test(sums_broadcast_the_second_over_leading_axes),
        cmocka_unit_test(functions_of_one_value_keep_its_shape),
        cmocka_unit_test(linear_replaces_the_last_axis),
        cmocka_unit_test(layer_norm_needs_gamma_and_beta_of_the_last_axis),
        cmocka_unit_test(rms_norm_takes_groups_of_gamma),
        cmocka_unit_test(angles_have_a_cosine_and_a_sine_for_each_pair),
        cmocka_unit_test(rope_turns_heads_of_the_angles_size),
        cmocka_unit_test(glu_halves_the_last_axis),
        cmocka_unit_test(reshape_keeps_the_number_of_elements_for_every_l),
        cmocka_unit_test(transpose_permutes_every_axis_once),
        cmocka_unit_test(slice_takes_a_range_of_the_last_axis),
        cmocka_unit_test(matmul_contracts_the_inner_axes),
        cmocka_unit_test(softmax_masks_the_last_axis),
        cmocka_unit_test(attention_splits_widths_into_heads),
        cmocka_unit_test(pool_removes_the_token_axis),
        cmocka_unit_test(elements_count_tokens_and_saturate),
        cmocka_unit_test(text_of_a_shape_is_cut_at_the_buffer),
        cmocka_unit_test(every_op_describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
