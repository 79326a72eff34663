/* The same elements in another order, another shape or another array.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "support/arrays_run.h"
#include "support/support.h"

static const test_given reshapes_given[] = {
    [0] = { .dims = D(2, 3, 4),
            .numbers = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f,
                         17.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    [1] = { .dtype = ANM_DTYPE_I32,
            .dims = D(2),
            .numbers = I(6, 4),
            .is_constant = true },
    [2] = { .dtype = ANM_DTYPE_I32,
            .dims = D(2),
            .numbers = I(-1, 2),
            .is_constant = true },
    [3] = { .dtype = ANM_DTYPE_I32,
            .dims = D(3),
            .numbers = I(0, -1, 2),
            .is_constant = true },
    [4] = { .dtype = ANM_DTYPE_I32,
            .dims = D(4),
            .numbers = I(1, 2, 0, 0),
            .is_constant = true },
    [5] = { .dtype = ANM_DTYPE_I32,
            .dims = D(2),
            .numbers = I(-1, 0),
            .is_constant = true },
    [6] = { .dims = D(1, 3, 1), .numbers = F(0.0f, 4.0f, 8.0f) },
};

static const test_row reshapes_rows[] = {
    { .op = ANM_ARRAY_RESHAPE,
      .in = IN(0, 1),
      .dims = D(6, 4),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f,
                10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f,
                19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    { .op = ANM_ARRAY_RESHAPE,
      .in = IN(0, 2),
      .dims = D(12, 2),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f,
                10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f,
                19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    { .op = ANM_ARRAY_RESHAPE,
      .in = IN(0, 3),
      .dims = D(2, 6, 2),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f,
                10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f,
                19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    { .op = ANM_ARRAY_RESHAPE,
      .in = IN(0, 4),
      .attr = { .flags = ANM_ARRAY_FROM_RIGHT },
      .dims = D(1, 2, 3, 4),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f,
                10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f,
                19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    { .op = ANM_ARRAY_RESHAPE,
      .in = IN(0, 5),
      .attr = { .flags = ANM_ARRAY_FROM_RIGHT },
      .dims = D(6, 4),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f,
                10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f,
                19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    { .op = ANM_ARRAY_EXPAND_DIMS,
      .in = IN(0),
      .attr = { .n_axes = 2, .axes = { 1, -1 } },
      .dims = D(2, 1, 3, 4, 1),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f,
                10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f,
                19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    { .op = ANM_ARRAY_SQUEEZE,
      .in = IN(6),
      .attr = { .n_axes = 1, .axes = { -1 } },
      .dims = D(1, 3),
      .want = F(0.0f, 4.0f, 8.0f) },
    { .op = ANM_ARRAY_SQUEEZE,
      .in = IN(6),
      .dims = D(3),
      .want = F(0.0f, 4.0f, 8.0f) },
    { .op = ANM_ARRAY_SQUEEZE,
      .in = IN(6),
      .attr = { .n_axes = 2, .axes = { 0, 1 } },
      .dims = D(3, 1),
      .want = F(0.0f, 4.0f, 8.0f) },
    { .op = ANM_ARRAY_IDENTITY,
      .in = IN(0),
      .dims = D(2, 3, 4),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f,
                10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f,
                19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
};

static void shapes_change_and_elements_stay(void **state)
{
    (void)state;
    TEST_ROWS(reshapes_given, reshapes_rows);
}

static const test_given permutations_given[] = {
    [0] = { .dims = D(2, 3, 4),
            .numbers = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f,
                         17.0f, 18.0f, 19.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
};

static const test_row permutations_rows[] = {
    { .op = ANM_ARRAY_TRANSPOSE,
      .in = IN(0),
      .attr = { .n_axes = 3, .axes = { 2, 0, 1 } },
      .dims = D(4, 2, 3),
      .want = F(0.0f, 4.0f, 8.0f, 12.0f, 16.0f, 20.0f, 1.0f, 5.0f, 9.0f, 13.0f,
                17.0f, 21.0f, 2.0f, 6.0f, 10.0f, 14.0f, 18.0f, 22.0f, 3.0f,
                7.0f, 11.0f, 15.0f, 19.0f, 23.0f) },
    { .op = ANM_ARRAY_TRANSPOSE,
      .in = IN(0),
      .attr = { .n_axes = 3, .axes = { 0, -1, -2 } },
      .dims = D(2, 4, 3),
      .want = F(0.0f, 4.0f, 8.0f, 1.0f, 5.0f, 9.0f, 2.0f, 6.0f, 10.0f, 3.0f,
                7.0f, 11.0f, 12.0f, 16.0f, 20.0f, 13.0f, 17.0f, 21.0f, 14.0f,
                18.0f, 22.0f, 15.0f, 19.0f, 23.0f) },
    { .op = ANM_ARRAY_REVERSE,
      .in = IN(0),
      .dims = D(2, 3, 4),
      .want = F(23.0f, 22.0f, 21.0f, 20.0f, 19.0f, 18.0f, 17.0f, 16.0f, 15.0f,
                14.0f, 13.0f, 12.0f, 11.0f, 10.0f, 9.0f, 8.0f, 7.0f, 6.0f, 5.0f,
                4.0f, 3.0f, 2.0f, 1.0f, 0.0f) },
    { .op = ANM_ARRAY_REVERSE,
      .in = IN(0),
      .attr = { .n_axes = 1, .axes = { -1 } },
      .dims = D(2, 3, 4),
      .want = F(3.0f, 2.0f, 1.0f, 0.0f, 7.0f, 6.0f, 5.0f, 4.0f, 11.0f, 10.0f,
                9.0f, 8.0f, 15.0f, 14.0f, 13.0f, 12.0f, 19.0f, 18.0f, 17.0f,
                16.0f, 23.0f, 22.0f, 21.0f, 20.0f) },
    { .op = ANM_ARRAY_REVERSE,
      .in = IN(0),
      .attr = { .n_axes = 2, .axes = { 0, 1 } },
      .dims = D(2, 3, 4),
      .want = F(20.0f, 21.0f, 22.0f, 23.0f, 16.0f, 17.0f, 18.0f, 19.0f, 12.0f,
                13.0f, 14.0f, 15.0f, 8.0f, 9.0f, 10.0f, 11.0f, 4.0f, 5.0f, 6.0f,
                7.0f, 0.0f, 1.0f, 2.0f, 3.0f) },
};

static void axes_are_permuted_and_reversed(void **state)
{
    (void)state;
    TEST_ROWS(permutations_given, permutations_rows);
}

static const test_given joins_given[] = {
    [0] = { .dims = D(2, 2, 4),
            .numbers = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 12.0f,
                         13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f, 19.0f) },
    [1] = { .dims = D(2, 1, 4),
            .numbers =
                F(8.0f, 9.0f, 10.0f, 11.0f, 20.0f, 21.0f, 22.0f, 23.0f) },
    [2] = { .dims = D(2, 2, 4),
            .numbers = F(100.0f, 101.0f, 102.0f, 103.0f, 104.0f, 105.0f, 106.0f,
                         107.0f, 112.0f, 113.0f, 114.0f, 115.0f, 116.0f, 117.0f,
                         118.0f, 119.0f) },
    [3] = { .dtype = ANM_DTYPE_I32, .dims = SCALAR, .numbers = I(4) },
    [4] = { .dtype = ANM_DTYPE_I32, .dims = D(2), .numbers = I(5, 6) },
};

static const test_row joins_rows[] = {
    { .op = ANM_ARRAY_CONCAT,
      .in = IN(1, 0),
      .attr = { .axis = 1 },
      .dims = D(2, 3, 4),
      .want = F(8.0f, 9.0f, 10.0f, 11.0f, 0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f,
                6.0f, 7.0f, 20.0f, 21.0f, 22.0f, 23.0f, 12.0f, 13.0f, 14.0f,
                15.0f, 16.0f, 17.0f, 18.0f, 19.0f) },
    { .op = ANM_ARRAY_CONCAT,
      .in = IN(0, 2),
      .attr = { .axis = -1 },
      .dims = D(2, 2, 8),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 100.0f, 101.0f, 102.0f, 103.0f, 4.0f,
                5.0f, 6.0f, 7.0f, 104.0f, 105.0f, 106.0f, 107.0f, 12.0f, 13.0f,
                14.0f, 15.0f, 112.0f, 113.0f, 114.0f, 115.0f, 16.0f, 17.0f,
                18.0f, 19.0f, 116.0f, 117.0f, 118.0f, 119.0f) },
    { .op = ANM_ARRAY_CONCAT,
      .in = IN(0, 2),
      .attr = { .axis = 1, .flags = ANM_ARRAY_INTERLEAVE },
      .dims = D(2, 4, 4),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 100.0f, 101.0f, 102.0f, 103.0f, 4.0f,
                5.0f, 6.0f, 7.0f, 104.0f, 105.0f, 106.0f, 107.0f, 12.0f, 13.0f,
                14.0f, 15.0f, 112.0f, 113.0f, 114.0f, 115.0f, 16.0f, 17.0f,
                18.0f, 19.0f, 116.0f, 117.0f, 118.0f, 119.0f) },
    { .op = ANM_ARRAY_STACK,
      .in = IN(0, 2),
      .attr = { .axis = 0 },
      .dims = D(2, 2, 2, 4),
      .want = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 12.0f, 13.0f,
                14.0f, 15.0f, 16.0f, 17.0f, 18.0f, 19.0f, 100.0f, 101.0f,
                102.0f, 103.0f, 104.0f, 105.0f, 106.0f, 107.0f, 112.0f, 113.0f,
                114.0f, 115.0f, 116.0f, 117.0f, 118.0f, 119.0f) },
    { .op = ANM_ARRAY_STACK,
      .in = IN(0, 2),
      .attr = { .axis = -1 },
      .dims = D(2, 2, 4, 2),
      .want = F(0.0f, 100.0f, 1.0f, 101.0f, 2.0f, 102.0f, 3.0f, 103.0f, 4.0f,
                104.0f, 5.0f, 105.0f, 6.0f, 106.0f, 7.0f, 107.0f, 12.0f, 112.0f,
                13.0f, 113.0f, 14.0f, 114.0f, 15.0f, 115.0f, 16.0f, 116.0f,
                17.0f, 117.0f, 18.0f, 118.0f, 19.0f, 119.0f) },
    { .op = ANM_ARRAY_CONCAT,
      .in = IN(3, 4),
      .attr = { .axis = 0 },
      .dtype = ANM_DTYPE_I32,
      .dims = D(3),
      .want = I(4, 5, 6) },
};

static void arrays_are_joined(void **state)
{
    (void)state;
    TEST_ROWS(joins_given, joins_rows);
}

static void arrays_are_repeated(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 1, 3),
                       F(0.0f, 1.0f, 2.0f, 12.0f, 13.0f, 14.0f));
    const anm_value_id v1 =
        test_arrays_const(&t, ANM_DTYPE_I32, D(3), I(1, 4, 1));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_TILE,
                                    .in = { v0, v1 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(2, 4, 3) },
                      F(0.0f, 1.0f, 2.0f, 0.0f, 1.0f, 2.0f, 0.0f, 1.0f, 2.0f,
                        0.0f, 1.0f, 2.0f, 12.0f, 13.0f, 14.0f, 12.0f, 13.0f,
                        14.0f, 12.0f, 13.0f, 14.0f, 12.0f, 13.0f, 14.0f));
    const anm_value_id v2 =
        test_arrays_const(&t, ANM_DTYPE_I32, D(3), I(2, 1, 3));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_TILE,
                                    .in = { v0, v2 },
                                    .n = 2,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(4, 1, 9) },
                      F(0.0f, 1.0f, 2.0f, 0.0f, 1.0f, 2.0f, 0.0f, 1.0f, 2.0f,
                        12.0f, 13.0f, 14.0f, 12.0f, 13.0f, 14.0f, 12.0f, 13.0f,
                        14.0f, 0.0f, 1.0f, 2.0f, 0.0f, 1.0f, 2.0f, 0.0f, 1.0f,
                        2.0f, 12.0f, 13.0f, 14.0f, 12.0f, 13.0f, 14.0f, 12.0f,
                        13.0f, 14.0f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static const test_given pads_given[] = {
    [0] = { .dims = D(3, 4),
            .numbers = F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f,
                         9.0f, 10.0f, 11.0f) },
    [1] = { .dtype = ANM_DTYPE_I32,
            .dims = D(4),
            .numbers = I(1, 2, 0, 3),
            .is_constant = true },
    [2] = { .dims = SCALAR, .numbers = F(-1.5f), .is_constant = true },
    [3] = { .dtype = ANM_DTYPE_I32,
            .dims = D(2),
            .numbers = I(2, 1),
            .is_constant = true },
    [4] = { .dtype = ANM_DTYPE_I32,
            .dims = D(4),
            .numbers = I(2, 1, 1, 3),
            .is_constant = true },
};

static const test_row pads_rows[] = {
    { .op = ANM_ARRAY_PAD,
      .in = IN(0, 1, 2),
      .attr = { .mode = ANM_ARRAY_MODE_CONSTANT },
      .dims = D(6, 7),
      .want = F(-1.5f, -1.5f, -1.5f, -1.5f, -1.5f, -1.5f, -1.5f, 0.0f, 1.0f,
                2.0f, 3.0f, -1.5f, -1.5f, -1.5f, 4.0f, 5.0f, 6.0f, 7.0f, -1.5f,
                -1.5f, -1.5f, 8.0f, 9.0f, 10.0f, 11.0f, -1.5f, -1.5f, -1.5f,
                -1.5f, -1.5f, -1.5f, -1.5f, -1.5f, -1.5f, -1.5f, -1.5f, -1.5f,
                -1.5f, -1.5f, -1.5f, -1.5f, -1.5f) },
    { .op = ANM_ARRAY_PAD,
      .in = IN(0, 3),
      .attr = { .mode = ANM_ARRAY_MODE_CONSTANT },
      .dims = D(3, 7),
      .want =
          F(0.0f, 0.0f, 0.0f, 1.0f, 2.0f, 3.0f, 0.0f, 0.0f, 0.0f, 4.0f, 5.0f,
            6.0f, 7.0f, 0.0f, 0.0f, 0.0f, 8.0f, 9.0f, 10.0f, 11.0f, 0.0f) },
    { .op = ANM_ARRAY_PAD,
      .in = IN(0, 4),
      .attr = { .mode = ANM_ARRAY_MODE_REFLECT },
      .dims = D(6, 8),
      .want = F(9.0f, 8.0f, 9.0f, 10.0f, 11.0f, 10.0f, 9.0f, 8.0f, 5.0f, 4.0f,
                5.0f, 6.0f, 7.0f, 6.0f, 5.0f, 4.0f, 1.0f, 0.0f, 1.0f, 2.0f,
                3.0f, 2.0f, 1.0f, 0.0f, 5.0f, 4.0f, 5.0f, 6.0f, 7.0f, 6.0f,
                5.0f, 4.0f, 9.0f, 8.0f, 9.0f, 10.0f, 11.0f, 10.0f, 9.0f, 8.0f,
                5.0f, 4.0f, 5.0f, 6.0f, 7.0f, 6.0f, 5.0f, 4.0f) },
    { .op = ANM_ARRAY_PAD,
      .in = IN(0, 4),
      .attr = { .mode = ANM_ARRAY_MODE_REPLICATE },
      .dims = D(6, 8),
      .want = F(0.0f, 0.0f, 1.0f, 2.0f, 3.0f, 3.0f, 3.0f, 3.0f, 0.0f, 0.0f,
                1.0f, 2.0f, 3.0f, 3.0f, 3.0f, 3.0f, 0.0f, 0.0f, 1.0f, 2.0f,
                3.0f, 3.0f, 3.0f, 3.0f, 4.0f, 4.0f, 5.0f, 6.0f, 7.0f, 7.0f,
                7.0f, 7.0f, 8.0f, 8.0f, 9.0f, 10.0f, 11.0f, 11.0f, 11.0f, 11.0f,
                8.0f, 8.0f, 9.0f, 10.0f, 11.0f, 11.0f, 11.0f, 11.0f) },
};

static void pads_of_each_mode(void **state)
{
    (void)state;
    TEST_ROWS(pads_given, pads_rows);
}

/* A slice of 0 to 59 as [3, 4, 5]; a stride of 0 is none. */
typedef struct slice {
    anm_array_op op;
    int32_t begin[3], end[3], stride[3]; /* or begin and size */
    anm_array_attr attr;
    int64_t dims[4]; /* ended by -1 */
    float want[36];
} slice;

static void check_slice(test_arrays *t, anm_value_id x, const slice *s)
{
    const bool has_stride = s->stride[0] != 0;
    test_node node = {
        .op = s->op,
        .in = { x, test_arrays_const(t, ANM_DTYPE_I32, D(3), s->begin),
                test_arrays_const(t, ANM_DTYPE_I32, D(3), s->end) },
        .n = has_stride ? 4 : 3,
        .attr = s->attr,
        .dtype = ANM_DTYPE_F32,
        .dims = s->dims
    };

    if (has_stride)
        node.in[3] = test_arrays_const(t, ANM_DTYPE_I32, D(3), s->stride);
    test_arrays_gives(t, &node, s->want);
}

static const slice
    slices[] = {
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 1, 0, 2 },
          { 3, 4, 5 },
          { 0 },
          { 0 },
          { 2, 4, 3, -1 },
          { 22, 23, 24, 27, 28, 29, 32, 33, 34, 37, 38, 39,
            42, 43, 44, 47, 48, 49, 52, 53, 54, 57, 58, 59 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { -2, 0, -3 },
          { -1, -1, 5 },
          { 0 },
          { 0 },
          { 1, 3, 3, -1 },
          { 22, 23, 24, 27, 28, 29, 32, 33, 34 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 0, 0, 0 },
          { 3, 4, 5 },
          { 2, 3, 4 },
          { 0 },
          { 2, 2, 2, -1 },
          { 0, 4, 15, 19, 40, 44, 55, 59 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 1, 1, 0 },
          { 99, 99, 99 },
          { 0 },
          { 0 },
          { 2, 3, 5, -1 },
          { 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
            45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 2, 2, 4 },
          { 3, 4, 5 },
          { 0 },
          { .begin_mask = 5 },
          { 3, 2, 5, -1 },
          { 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 30, 31, 32, 33, 34,
            35, 36, 37, 38, 39, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 1, 1, 1 },
          { 1, 2, 2 },
          { 0 },
          { .end_mask = 5 },
          { 2, 1, 4, -1 },
          { 26, 27, 28, 29, 46, 47, 48, 49 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 2, 3, 4 },
          { 0, 0, 1 },
          { -1, -2, -1 },
          { 0 },
          { 2, 2, 3, -1 },
          { 59, 58, 57, 49, 48, 47, 39, 38, 37, 29, 28, 27 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 0, 0, 0 },
          { 0, 0, 0 },
          { -1, 1, -2 },
          { .begin_mask = 7, .end_mask = 7 },
          { 3, 4, 3, -1 },
          { 44, 42, 40, 49, 47, 45, 54, 52, 50, 59, 57, 55,
            24, 22, 20, 29, 27, 25, 34, 32, 30, 39, 37, 35,
            4,  2,  0,  9,  7,  5,  14, 12, 10, 19, 17, 15 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { -1, 1, 3 },
          { 0, 4, 4 },
          { 0 },
          { .squeeze_mask = 5 },
          { 3, -1 },
          { 48, 53, 58 } },
        { ANM_ARRAY_SLICE_BY_INDEX,
          { 2, 2, 0 },
          { 2, 1, 5 },
          { 0 },
          { 0 },
          { 0, 0, 5, -1 },
          { 0 } },
        { ANM_ARRAY_SLICE_BY_SIZE,
          { 1, 0, 2 },
          { 2, 4, 3 },
          { 0 },
          { 0 },
          { 2, 4, 3, -1 },
          { 22, 23, 24, 27, 28, 29, 32, 33, 34, 37, 38, 39,
            42, 43, 44, 47, 48, 49, 52, 53, 54, 57, 58, 59 } },
        { ANM_ARRAY_SLICE_BY_SIZE,
          { 0, 3, 1 },
          { -1, 1, -1 },
          { 0 },
          { 0 },
          { 3, 1, 4, -1 },
          { 16, 17, 18, 19, 36, 37, 38, 39, 56, 57, 58, 59 } },
    };

static void slices_mean_what_numpy_means(void **state)
{
    float x[60];
    test_arrays t;

    (void)state;
    for (size_t i = 0; i < 60; i++)
        x[i] = (float)i;
    test_arrays_init(&t);
    const anm_value_id v = test_arrays_in(&t, ANM_DTYPE_F32, D(3, 4, 5), x);
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
        check_slice(&t, v, &slices[i]);
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void slices_are_written(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id v0 = test_arrays_in(
        &t, ANM_DTYPE_F32, D(4, 5),
        F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f, 10.0f,
          11.0f, 12.0f, 13.0f, 14.0f, 15.0f, 16.0f, 17.0f, 18.0f, 19.0f));
    const anm_value_id v1 =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 3),
                       F(0.0799999982f, 0.610000014f, 2.0999999f, 0.790000021f,
                         2.18000007f, 2.71000004f));
    const anm_value_id v2 = test_arrays_const(&t, ANM_DTYPE_I32, D(2), I(1, 2));
    const anm_value_id v3 = test_arrays_const(&t, ANM_DTYPE_I32, D(2), I(3, 5));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SLICE_UPDATE,
                                    .in = { v0, v1, v2, v3 },
                                    .n = 4,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(4, 5) },
                      F(0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 0.08f, 0.61f,
                        2.1f, 10.0f, 11.0f, 0.79f, 2.18f, 2.71f, 15.0f, 16.0f,
                        17.0f, 18.0f, 19.0f));
    const anm_value_id v4 = test_arrays_const(&t, ANM_DTYPE_I32, D(2), I(0, 0));
    const anm_value_id v5 = test_arrays_const(&t, ANM_DTYPE_I32, D(2), I(4, 5));
    const anm_value_id v6 = test_arrays_const(&t, ANM_DTYPE_I32, D(2), I(2, 2));
    test_arrays_gives(&t,
                      &(test_node){ .op = ANM_ARRAY_SLICE_UPDATE,
                                    .in = { v0, v1, v4, v5, v6 },
                                    .n = 5,
                                    .dtype = ANM_DTYPE_F32,
                                    .dims = D(4, 5) },
                      F(0.08f, 1.0f, 0.61f, 3.0f, 2.1f, 5.0f, 6.0f, 7.0f, 8.0f,
                        9.0f, 0.79f, 11.0f, 2.18f, 13.0f, 2.71f, 15.0f, 16.0f,
                        17.0f, 18.0f, 19.0f));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_change_and_elements_stay),
        cmocka_unit_test(axes_are_permuted_and_reversed),
        cmocka_unit_test(arrays_are_joined),
        cmocka_unit_test(arrays_are_repeated),
        cmocka_unit_test(pads_of_each_mode),
        cmocka_unit_test(slices_mean_what_numpy_means),
        cmocka_unit_test(slices_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
