/* Shapes follow from shapes, and what cannot be is told with the shapes that
 * were given. What each operation gives is also seen where it runs
 * (test_cpu_arrays_*.c); here is what they refuse, and what they wait for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/arrays_shape.h"
#include "support/support.h"

enum { IN_MAX = 5 };

/* A list of integers as data of an input. */
#define LIST(...) ((const int32_t[]){ __VA_ARGS__ })

typedef struct row {
    anm_array_op op;
    const char *in[IN_MAX]; /* "f2,3" "i4" "b" ; NULL: the end, "": absent */
    const int32_t *data[IN_MAX];
    anm_array_attr attr;
    char out;         /* 'f', 'i' or 'b' */
    const char *want; /* "[2, 3]", "?" where it waits, or words of an error */
} row;

static anm_array_type type_of(const char *text)
{
    anm_array_type t = { .dtype = *text == 'f'   ? ANM_DTYPE_F32
                                  : *text == 'b' ? ANM_DTYPE_BOOL
                                                 : ANM_DTYPE_I32 };

    for (text++; *text;
         text += strcspn(text, ",") + (strchr(text, ',') != NULL))
        t.dims[t.rank++] = strtol(text, NULL, 10);
    return t;
}

static void check(const row *r)
{
    const char out_type[] = { r->out, '\0' };
    anm_array_known in[IN_MAX] = { 0 };
    const anm_value_id ids[IN_MAX] = { 0 };
    anm_array_node node = { .op = r->op,
                            .name = "node",
                            .inputs = ids,
                            .outputs = ids,
                            .n_outputs = r->op == ANM_ARRAY_SPLIT ? 2 : 1,
                            .attr = r->attr };
    anm_array_type out[2] = { type_of(out_type), type_of(out_type) };
    anm_error err = { 0 };
    bool open = false;
    char text[128] = "?";

    for (; node.n_inputs < IN_MAX && r->in[node.n_inputs]; node.n_inputs++) {
        const unsigned i = node.n_inputs;
        if (!*r->in[i]) continue;
        in[i] = (anm_array_known){ true, type_of(r->in[i]), r->data[i] };
    }
    const anm_status status = anm_arrays_infer(&node, in, out, &open, &err);
    if (!status && !open) anm_array_type_text(out, text, sizeof(text));
    if (!strstr(status ? err.message : text, r->want))
        fail_msg("%s: \"%s\", not \"%s\"", anm_array_op_describe(r->op)->name,
                 status ? err.message : text, r->want);
}

static void check_rows(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(&rows[i]);
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static const row kinds[] = {
    { ANM_ARRAY_ADD,
      { "f2", "i2" },
      { 0 },
      { 0 },
      'f',
      "add(F32 [2], I32 [2]): element type of input 1" },
    { ANM_ARRAY_ADD,
      { "i2", "i2" },
      { 0 },
      { 0 },
      'f',
      "element type of the result" },
    { ANM_ARRAY_LESS, { "f2", "f2" }, { 0 }, { 0 }, 'b', "BOOL [2]" },
    { ANM_ARRAY_LESS,
      { "f2", "f2" },
      { 0 },
      { 0 },
      'f',
      "element type of the result" },
    { ANM_ARRAY_EXP, { "i2" }, { 0 }, { 0 }, 'f', "element type of input 0" },
    { ANM_ARRAY_SELECT,
      { "b2", "f2", "i2" },
      { 0 },
      { 0 },
      'f',
      "element type of input 2" },
    { ANM_ARRAY_CAST, { "f2" }, { 0 }, { 0 }, 'i', "I32 [2]" },
};

static void kinds_of_elements_must_fit(void **state)
{
    (void)state;
    CHECK(kinds);
}

static const row broadcasts[] = {

    { ANM_ARRAY_MUL, { "f2,1,3", "f4,1" }, { 0 }, { 0 }, 'f', "[2, 4, 3]" },
    { ANM_ARRAY_MUL,
      { "f2,3", "f2" },
      { 0 },
      { 0 },
      'f',
      "mul(F32 [2, 3], F32 [2]): shapes do not broadcast" },
    { ANM_ARRAY_MUL, { "f0,3", "f1,3" }, { 0 }, { 0 }, 'f', "[0, 3]" },
    { ANM_ARRAY_MUL,
      { "f65536,1", "f65536" },
      { 0 },
      { 0 },
      'f',
      "F32 [65536, 65536] is more than 2147483648 elements" },
};

static void shapes_must_broadcast(void **state)
{
    (void)state;
    CHECK(broadcasts);
}

static const row axes[] = {

    { ANM_ARRAY_SOFTMAX,
      { "f2,3" },
      { 0 },
      { .axis = -3 },
      'f',
      "softmax(F32 [2, 3]): axis -3 of 2" },
    { ANM_ARRAY_REDUCE_SUM,
      { "f2,3" },
      { 0 },
      { .n_axes = 2, .axes = { 1, -1 } },
      'f',
      "an axis twice" },
    { ANM_ARRAY_REDUCE_ARGMAX,
      { "f2,0" },
      { 0 },
      { .axis = 1 },
      'i',
      "nothing to choose from" },
    { ANM_ARRAY_EXPAND_DIMS,
      { "f2,3" },
      { 0 },
      { .n_axes = 2, .axes = { 1, 1 } },
      'f',
      "an axis twice" },
    { ANM_ARRAY_EXPAND_DIMS,
      { "f2,3" },
      { 0 },
      { .n_axes = 1, .axes = { 3 } },
      'f',
      "axis 3 of 3" },
    { ANM_ARRAY_EXPAND_DIMS,
      { "f1,1,1,1,1,1" },
      { 0 },
      { .n_axes = 1, .axes = { 0 } },
      'f',
      "no axes, or too many" },
    { ANM_ARRAY_SQUEEZE,
      { "f1,3,1" },
      { 0 },
      { .n_axes = 2, .axes = { 0, 1 } },
      'f',
      "[3, 1]" },
    { ANM_ARRAY_TRANSPOSE,
      { "f2,3" },
      { 0 },
      { .n_axes = 2, .axes = { 0, 0 } },
      'f',
      "not a permutation of the axes" },
    { ANM_ARRAY_STACK, { "f2", "f3" }, { 0 }, { 0 }, 'f', "shapes differ" },
    { ANM_ARRAY_CONCAT,
      { "f2,3", "f3,3" },
      { 0 },
      { .axis = 1 },
      'f',
      "shapes differ beside the axis" },
};

static void axes_must_be_in_range(void **state)
{
    (void)state;
    CHECK(axes);
}

static const row reshapes[] = {
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i2" },
      { NULL, LIST(3, -1) },
      { 0 },
      'f',
      "[3, 2]" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i2" },
      { NULL, LIST(0, 3) },
      { 0 },
      'f',
      "[2, 3]" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i3" },
      { NULL, LIST(0, 3, 1) },
      { 0 },
      'f',
      "sizes differ: F32 [0, 3, 1]" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i3" },
      { NULL, LIST(1, 0, 0) },
      { .flags = ANM_ARRAY_FROM_RIGHT },
      'f',
      "[1, 2, 3]" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i3" },
      { NULL, LIST(0, 2, 3) },
      { .flags = ANM_ARRAY_FROM_RIGHT },
      'f',
      "[1, 2, 3]" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i2" },
      { NULL, LIST(-1, -1) },
      { 0 },
      'f',
      "no such shape" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i2" },
      { NULL, LIST(-2, 3) },
      { 0 },
      'f',
      "no such shape" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i2" },
      { NULL, LIST(INT32_MAX, INT32_MAX) },
      { 0 },
      'f',
      "sizes differ" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "i1" },
      { NULL, LIST(5) },
      { 0 },
      'f',
      "reshape(F32 [2, 3], I32 [1]): sizes differ: F32 [5]" },
    { ANM_ARRAY_RESHAPE, { "f2,3", "i7" }, { 0 }, { 0 }, 'f', "too many axes" },
    { ANM_ARRAY_RESHAPE,
      { "f2,3", "b2" },
      { 0 },
      { 0 },
      'f',
      "input 1 must be a list of integers" },
    { ANM_ARRAY_RESHAPE, { "f2,3", "i2" }, { 0 }, { 0 }, 'f', "?" },
};

static void a_reshape_keeps_its_elements(void **state)
{
    (void)state;
    CHECK(reshapes);
}

static const row slices[] = {
    { ANM_ARRAY_SLICE_BY_INDEX,
      { "f4,6", "i2", "i2" },
      { 0 },
      { 0 },
      'f',
      "?" },
    { ANM_ARRAY_SLICE_BY_INDEX,
      { "f4,6", "i2", "i3" },
      { 0 },
      { 0 },
      'f',
      "input 2 must be 2 integers" },
    { ANM_ARRAY_SLICE_BY_INDEX,
      { "f4,6", "i2", "i2" },
      { NULL, LIST(4, 0), LIST(4, 9) },
      { .squeeze_mask = 1 },
      'f',
      "slice_by_index: index 4 of axis 0 of 4" },
    { ANM_ARRAY_SLICE_BY_INDEX,
      { "f4,6", "i2", "i2", "i2" },
      { NULL, LIST(0, 0), LIST(4, 6), LIST(1, 0) },
      { 0 },
      'f',
      "a stride of 0" },
    { ANM_ARRAY_SLICE_BY_INDEX,
      { "f1,6", "i2", "i2" },
      { NULL, LIST(0, 0), LIST(0, 9) },
      { 0 },
      'f',
      "[1, 6]" },
    { ANM_ARRAY_SLICE_BY_INDEX,
      { "f4,6", "i2", "i2", "i2" },
      { NULL, LIST(INT32_MIN, 0), LIST(INT32_MAX, 6),
        LIST(INT32_MAX, INT32_MIN) },
      { 0 },
      'f',
      "[1, 0]" },
    { ANM_ARRAY_SLICE_BY_SIZE,
      { "f4", "i1", "i1" },
      { NULL, LIST(2), LIST(3) },
      { 0 },
      'f',
      "slice_by_size: 3 from 2 of axis 0 of 4" },
    { ANM_ARRAY_PAD,
      { "f3", "i2" },
      { NULL, LIST(3, 0) },
      { .mode = ANM_ARRAY_MODE_REFLECT },
      'f',
      "a pad longer than what it reflects" },
    { ANM_ARRAY_PAD,
      { "f3", "i2" },
      { NULL, LIST(-1, 0) },
      { .mode = ANM_ARRAY_MODE_CONSTANT },
      'f',
      "a negative pad" },
    { ANM_ARRAY_SPLIT,
      { "f5" },
      { 0 },
      { 0 },
      'f',
      "the parts do not cover the axis" },
    { ANM_ARRAY_SPLIT,
      { "f5", "i2" },
      { NULL, LIST(2, 3) },
      { 0 },
      'f',
      "[2]" },
    { ANM_ARRAY_TILE,
      { "f2,3", "i2" },
      { NULL, LIST(2, 0) },
      { 0 },
      'f',
      "reps must be at least 1" },
    { ANM_ARRAY_FILL,
      { "i2", "f" },
      { LIST(2, -1) },
      { 0 },
      'f',
      "a negative size" },
    { ANM_ARRAY_FILL,
      { "i3", "f" },
      { LIST(65536, 65536, 2) },
      { 0 },
      'f',
      "F32 [65536, 65536, 2] is more than 2147483648 elements" },
    { ANM_ARRAY_RANGE_1D,
      { "i", "i", "i" },
      { LIST(0), LIST(9), LIST(0) },
      { 0 },
      'i',
      "range_1d: from 0 to 9 by 0" },
    { ANM_ARRAY_RANGE_1D, { "i", "i", "i" }, { 0 }, { 0 }, 'i', "?" },
};

static void slices_wait_for_their_bounds(void **state)
{
    (void)state;
    CHECK(slices);
}

static const row indices[] = {
    { ANM_ARRAY_GATHER,
      { "f5,2", "i3,4" },
      { 0 },
      { .axis = 1 },
      'f',
      "[5, 3, 4]" },
    { ANM_ARRAY_GATHER,
      { "f5,2", "b3" },
      { 0 },
      { 0 },
      'f',
      "indices must be integers" },
    { ANM_ARRAY_GATHER,
      { "f5,2", "i3" },
      { 0 },
      { .axis = 1, .batch_dims = 1 },
      'f',
      "batch dimensions differ" },
    { ANM_ARRAY_GATHER,
      { "f5,2", "i3" },
      { 0 },
      { .batch_dims = 1 },
      'f',
      "batch_dims out of range" },
    { ANM_ARRAY_GATHER,
      { "f1,1,1,1", "i1,1,1,1" },
      { 0 },
      { 0 },
      'f',
      "too many axes" },
    { ANM_ARRAY_GATHER_ALONG_AXIS,
      { "f5,2", "i3,3" },
      { 0 },
      { 0 },
      'f',
      "indices are larger than x" },
    { ANM_ARRAY_GATHER_ND,
      { "f5,2", "i3,3" },
      { 0 },
      { 0 },
      'f',
      "more indices than axes" },
    { ANM_ARRAY_SCATTER,
      { "f5,2", "i3", "f3" },
      { 0 },
      { 0 },
      'f',
      "updates have another shape" },
    { ANM_ARRAY_TOPK,
      { "f5" },
      { 0 },
      { .k = 6 },
      'f',
      "k is larger than the axis" },
    { ANM_ARRAY_ONE_HOT,
      { "i2", "i", "f", "f" },
      { NULL, LIST(-1) },
      { 0 },
      'f',
      "a negative size" },
    { ANM_ARRAY_NON_ZERO, { "f2,3" }, { 0 }, { 0 }, 'i', "?" },
};

static void indices_must_name_what_is_there(void **state)
{
    (void)state;
    CHECK(indices);
}

static const row products[] = {
    { ANM_ARRAY_LINEAR,
      { "f2,3", "f4,5" },
      { 0 },
      { 0 },
      'f',
      "inner dimensions differ" },
    { ANM_ARRAY_LINEAR,
      { "f2,3", "f4,3", "f3" },
      { 0 },
      { 0 },
      'f',
      "bias is not as long as the rows of w" },
    { ANM_ARRAY_LINEAR,
      { "f2,3", "f4,3", "", "f2" },
      { 0 },
      { 0 },
      'f',
      "the residual has another size" },
    { ANM_ARRAY_LINEAR, { "f2,0", "f4,0" }, { 0 }, { 0 }, 'f', "w is empty" },
    { ANM_ARRAY_MATMUL,
      { "f2,3", "f4" },
      { 0 },
      { 0 },
      'f',
      "inner dimensions differ" },
    { ANM_ARRAY_MATMUL,
      { "f2,3", "f" },
      { 0 },
      { 0 },
      'f',
      "a scalar has no rows" },
    { ANM_ARRAY_MATMUL,
      { "f7,1,2,3", "f5,3,4" },
      { 0 },
      { 0 },
      'f',
      "[7, 5, 2, 4]" },
    { ANM_ARRAY_EINSUM,
      { "f2,3,4", "f5,3,6" },
      { 0 },
      { 0 },
      'f',
      "inner dimensions differ" },
    { ANM_ARRAY_CONV,
      { "f1,4,5", "f2,3,3" },
      { 0 },
      { 0 },
      'f',
      "channels and groups disagree" },
    { ANM_ARRAY_CONV,
      { "f1,4,2", "f2,4,3" },
      { 0 },
      { 0 },
      'f',
      "conv: a window of 3 over 2" },
    { ANM_ARRAY_CONV,
      { "f1,4,5", "f2,4,3" },
      { 0 },
      { .strides = { -1 } },
      'f',
      "conv: stride -1" },
    { ANM_ARRAY_LAYER_NORM,
      { "f2,3", "f2" },
      { 0 },
      { .n_axes = 1, .axes = { 1 } },
      'f',
      "not one element per normalised one" },
    { ANM_ARRAY_BATCH_NORM,
      { "f2,3", "f2", "f3" },
      { 0 },
      { 0 },
      'f',
      "not one element a channel" },
    { ANM_ARRAY_SDPA,
      { "f1,2,3", "f1,4,3", "f1,4,5", "f2,2,4" },
      { 0 },
      { 0 },
      'f',
      "the mask is larger than the scores" },
    { ANM_ARRAY_ATTENTION,
      { "f1,2,6,8", "f1,4,2,8", "f1,4,2,5" },
      { 0 },
      { .flags = ANM_ARRAY_TOKENS_FIRST },
      'f',
      "[1, 2, 6, 5]" },
    { ANM_ARRAY_ATTENTION,
      { "f1,2,6,8", "f1,4,4,8", "f1,4,4,5" },
      { 0 },
      { .flags = ANM_ARRAY_TOKENS_FIRST },
      'f',
      "dimensions differ" },
    { ANM_ARRAY_ROPE,
      { "f1,3,4", "f3,4", "f2,3,4" },
      { 0 },
      { 0 },
      'f',
      "cos and sin are larger than x" },
};

static void products_must_meet(void **state)
{
    (void)state;
    CHECK(products);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_elements_must_fit),
        cmocka_unit_test(shapes_must_broadcast),
        cmocka_unit_test(axes_must_be_in_range),
        cmocka_unit_test(a_reshape_keeps_its_elements),
        cmocka_unit_test(slices_wait_for_their_bounds),
        cmocka_unit_test(indices_must_name_what_is_there),
        cmocka_unit_test(products_must_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
