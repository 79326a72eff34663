/* What an array program costs, and the length that a text runs at.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_cost.h"

#include "support/support.h"

static anm_array_type type(anm_dtype dtype, int64_t a, int64_t b, int64_t c)
{
    anm_array_type t = { .dtype = dtype, .rank = 2, .dims = { a, b } };

    if (c) {
        t.rank = 3;
        t.dims[2] = c;
    }
    return t;
}

/* [1, tokens, 4] by a half matrix of [8, 4], after a look-up of rows. */
static void products_and_rows_that_are_read_count(void **state)
{
    static const uint16_t table[400], matrix[32];
    const anm_array_type rows = type(ANM_DTYPE_F16, 100, 4, 0);
    const anm_array_type weight = type(ANM_DTYPE_F16, 8, 4, 0);
    const anm_array_type ids = type(ANM_DTYPE_I32, 1, -1, 0);
    const anm_array_result x = { "x", type(ANM_DTYPE_F16, 1, -1, 4) };
    const anm_array_result y = { "y", type(ANM_DTYPE_F16, 1, -1, 8) };
    anm_arrays *a;
    anm_error err;
    (void)state;

    assert_int_equal(anm_arrays_new(&a, &err), ANM_OK);
    const anm_value_id gather[] = {
        anm_arrays_const(a, "table", &rows, anm_bytes_of(table, sizeof(table))),
        anm_arrays_input(a, "ids", &ids),
    };
    const anm_value_id linear[] = {
        anm_arrays_add(a, ANM_ARRAY_GATHER, "g", gather, 2, NULL, &x, 1),
        anm_arrays_const(a, "w", &weight, anm_bytes_of(matrix, sizeof(matrix))),
    };
    anm_arrays_output(
        a, anm_arrays_add(a, ANM_ARRAY_LINEAR, "l", linear, 2, NULL, &y, 1));
    assert_int_equal(anm_arrays_finish(a, &err), ANM_OK);

    const anm_cost cost = anm_arrays_cost(a, 10);
    assert_true(cost.macs == 10 * 8 * 4);
    assert_true(cost.weight_bytes == 10 * 4 * 2 + sizeof(matrix));
    assert_true(cost.activation_bytes == (10 * 4 + 10 * 8) * 4);
    anm_arrays_free(a);
}

static void a_text_runs_at_the_next_length(void **state)
{
    static const size_t lengths[] = { 8, 16, 32 };
    const anm_arrays_text fixed = { .lengths = lengths, .n_lengths = 3 };
    const anm_arrays_text range = { .min_length = 4, .max_length = 64 };
    (void)state;

    assert_int_equal(anm_arrays_length(&fixed, 1), 8);
    assert_int_equal(anm_arrays_length(&fixed, 16), 16);
    assert_int_equal(anm_arrays_length(&fixed, 17), 32);
    assert_int_equal(anm_arrays_length(&fixed, 99), 32);
    assert_int_equal(anm_arrays_length(&range, 3), 4);
    assert_int_equal(anm_arrays_length(&range, 37), 37);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_and_rows_that_are_read_count),
        cmocka_unit_test(a_text_runs_at_the_next_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
