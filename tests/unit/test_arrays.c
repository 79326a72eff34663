/* An array program keeps what its builder said, and the first thing that went
 * wrong.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "graph/arrays.h"

static const anm_array_type pair = { ANM_DTYPE_F16, 2, { 2, -1 } };

static anm_arrays *new_program(void)
{
    anm_arrays *a = NULL;

    assert_int_equal(anm_arrays_new(&a, NULL), ANM_OK);
    return a;
}

static anm_value_id add_one(anm_arrays *a, anm_array_op op, const char *name,
                            const anm_value_id *inputs, size_t n,
                            const anm_array_type *type)
{
    const anm_array_result result = { name, *type };

    return anm_arrays_add(a, op, name, inputs, n, NULL, &result, 1);
}

static void assert_fails(anm_arrays *a, anm_status expected, const char *words)
{
    anm_error err = { 0 };

    assert_int_equal(anm_arrays_finish(a, &err), expected);
    if (!strstr(err.message, words))
        fail_msg("\"%s\" not in: %s", words, err.message);
    anm_arrays_free(a);
}

static void program_reads_as_it_was_built(void **state)
{
    (void)state;
    anm_arrays *a = new_program();
    const anm_value_id x = anm_arrays_input(a, "x", &pair);
    const anm_value_id two = anm_arrays_scalar_f32(a, "two", 2);
    const anm_value_id y =
        add_one(a, ANM_ARRAY_MUL, "y", (anm_value_id[]){ x, two }, 2, &pair);

    anm_arrays_output(a, y);
    assert_int_equal(anm_arrays_finish(a, NULL), ANM_OK);
    assert_int_equal(anm_arrays_n_nodes(a), 1);
    assert_int_equal(anm_arrays_n_values(a), 3);
    assert_int_equal(anm_arrays_n_inputs(a), 1);
    assert_int_equal(anm_arrays_input_at(a, 0), x);
    assert_int_equal(anm_arrays_n_outputs(a), 1);
    assert_int_equal(anm_arrays_output_at(a, 0), y);
    assert_int_equal(anm_arrays_find(a, "two"), two);
    assert_int_equal(anm_arrays_find(a, "three"), ANM_VALUE_NONE);
    const anm_array_node *node = anm_arrays_node(a, 0);
    assert_int_equal(node->op, ANM_ARRAY_MUL);
    assert_int_equal(node->inputs[1], two);
    assert_int_equal(node->outputs[0], y);
    assert_int_equal(anm_arrays_value(a, two)->data.len, 4);
    anm_arrays_free(a);
}

static void first_error_sticks(void **state)
{
    (void)state;
    anm_arrays *a = new_program();
    const anm_array_type deep = { ANM_DTYPE_F32, 7, { 0 } };

    assert_int_equal(anm_arrays_input(a, "deep", &deep), ANM_VALUE_NONE);
    assert_int_equal(anm_arrays_input(a, "x", &pair), ANM_VALUE_NONE);
    anm_arrays_fail(a, ANM_E_FORMAT, "another");
    assert_fails(a, ANM_E_UNSUPPORTED, "deep: 7 axes, at most 6");
}

static void wrong_programs_are_refused(void **state)
{
    (void)state;
    const anm_array_type huge = { ANM_DTYPE_F32, 2, { 65536, 65536 } };
    const anm_array_type wide = { ANM_DTYPE_I32, 1, { 3 } };
    const anm_array_type bf16 = { ANM_DTYPE_BF16, 1, { 3 } };
    anm_arrays *a = new_program();

    assert_fails(a, ANM_E_FORMAT, "no output");
    a = new_program();
    anm_arrays_input(a, "x", &huge);
    assert_fails(a, ANM_E_LIMIT, "x: F32 [65536, 65536]: at most 2147483648");
    a = new_program();
    anm_arrays_input(a, "x", &bf16);
    assert_fails(a, ANM_E_UNSUPPORTED, "not computed");
    a = new_program();
    anm_arrays_const(a, "c", &wide, anm_bytes_of("12345678", 8));
    assert_fails(a, ANM_E_FORMAT, "c: 8 bytes for I32 [3]");
    a = new_program();
    anm_arrays_const(a, "c", &pair, anm_bytes_of("", 0));
    assert_fails(a, ANM_E_FORMAT, "c: F16 [2, ?]: a constant of unknown size");
    a = new_program();
    anm_arrays_state(a, "s", &pair);
    assert_fails(a, ANM_E_FORMAT, "s: a state of unknown size");
    a = new_program();
    anm_arrays_input(a, "x", &wide);
    anm_arrays_output(a, anm_arrays_input(a, "x", &wide));
    assert_fails(a, ANM_E_FORMAT, "two values are named x");
}

static void wrong_nodes_are_refused(void **state)
{
    (void)state;
    const anm_array_type row = { ANM_DTYPE_F32, 1, { 3 } };
    anm_arrays *a = new_program();
    anm_value_id x = anm_arrays_input(a, "x", &row);

    add_one(a, ANM_ARRAY_ADD, "y", &x, 1, &row);
    assert_fails(a, ANM_E_FORMAT, "y: add of 1 inputs, takes 2 to 2");
    a = new_program();
    x = anm_arrays_input(a, "x", &row);
    add_one(a, ANM_ARRAY_ADD, "y", (anm_value_id[]){ x, 7 }, 2, &row);
    assert_fails(a, ANM_E_FORMAT, "y: input 1 of add is missing");
    a = new_program();
    x = anm_arrays_state(a, "s", &row);
    add_one(a, ANM_ARRAY_ABS, "y", &x, 1, &row);
    assert_fails(a, ANM_E_FORMAT, "y: input 0 of abs is s");
    a = new_program();
    x = anm_arrays_input(a, "x", &row);
    anm_arrays_add(a, ANM_ARRAY_SPLIT, "y", &x, 1, NULL, NULL, 0);
    assert_fails(a, ANM_E_FORMAT, "y: split with 0 outputs");
}

static void operations_are_found_by_mil_name(void **state)
{
    (void)state;
    anm_array_op op = ANM_ARRAY_OP_COUNT;

    assert_true(anm_array_op_find("scaled_dot_product_attention", &op));
    assert_int_equal(op, ANM_ARRAY_SDPA);
    assert_true(anm_array_op_find("identity", &op));
    assert_int_equal(op, ANM_ARRAY_IDENTITY);
    assert_false(anm_array_op_find("rope", &op));
    assert_false(anm_array_op_find("while_loop", &op));
}

static void failed_allocation_sticks(void **state)
{
    (void)state;
    for (size_t k = 1;; k++) {
        anm_arrays *a = NULL;
        anm_error err = { 0 };

        test_fault_arm(k);
        anm_status status = anm_arrays_new(&a, &err);
        if (!status) {
            const anm_value_id x = anm_arrays_input(a, "x", &pair);
            const anm_value_id c = anm_arrays_scalar_i32(a, "c", 2);

            anm_arrays_output(a, add_one(a, ANM_ARRAY_ADD, "y",
                                         (anm_value_id[]){ x, c }, 2, &pair));
            status = anm_arrays_finish(a, &err);
        }
        const bool failed = test_fault_disarm();
        anm_arrays_free(a);
        if (!failed) {
            assert_int_equal(status, ANM_OK);
            return;
        }
        assert_int_equal(status, ANM_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_reads_as_it_was_built),
        cmocka_unit_test(first_error_sticks),
        cmocka_unit_test(wrong_programs_are_refused),
        cmocka_unit_test(wrong_nodes_are_refused),
        cmocka_unit_test(operations_are_found_by_mil_name),
        cmocka_unit_test(failed_allocation_sticks),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
