/* Unit tests of format/mil_read_program.c and of the types it declares
 * (format/mil_read_type.c), on models made here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/packages.h"
#include "support/pb_write.h"

enum { F32 = 11, I32 = 23 };

static anm_mlpackage *open_made(test_pb *w)
{
    test_mil_end(w);
    return test_open_package(test_pb_file(w));
}

static void check_refused(test_pb *w, anm_status want, const char *words)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };

    test_mil_end(w);
    assert_int_equal(anm_mlpackage_open(&p, test_pb_file(w), &err), want);
    assert_null(p);
    if (!test_holds(err.message, words))
        fail_msg("no \"%s\" in \"%s\"", words, err.message);
}

static void names_lead_to_what_defines_them(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_relu(&w, "x", "a");
    test_mil_op(&w, "add");
    test_mil_arg(&w, "x", "a");
    test_mil_arg(&w, "y", "x");
    test_mil_output(&w, "y", F32, TEST_DIMS(4));
    test_pb_end(&w);
    anm_mlpackage *p = open_made(&w);
    const anm_mil_function *f = p->main;
    const anm_mil_op *add = &f->block.ops[1];
    const anm_mil_binding *x = &anm_mil_op_arg(add, "x")->bindings[0];
    const anm_mil_binding *y = &anm_mil_op_arg(add, "y")->bindings[0];

    assert_string_equal(f->name, "main");
    assert_int_equal(f->ios, 16);
    assert_ptr_equal(x->from, &f->block.ops[0]);
    assert_ptr_equal(x->name, f->block.ops[0].outputs[0].name);
    assert_null(y->from);
    assert_ptr_equal(y->name, f->inputs[0].name);
    assert_ptr_equal(f->block.outputs[0].from, add);
    assert_string_equal(add->name, "y");
    anm_mlpackage_close(p);
}

static void literal_bindings_are_values(void **state)
{
    (void)state;
    test_pb w = { 0 };
    int64_t axis = 0;

    test_mil_begin(&w);
    test_mil_op(&w, "softmax");
    test_mil_arg(&w, "x", "x");
    test_pb_entry(&w, 2, "axis");
    test_pb_begin(&w, 1);
    test_pb_begin(&w, 2);
    test_mil_type(&w, 2, I32, NULL, 0);
    test_pb_begin(&w, 3);
    test_pb_begin(&w, 1);
    test_pb_begin(&w, 2);
    test_pb_int(&w, 1, -1);
    for (int i = 0; i < 7; i++)
        test_pb_end(&w);
    test_mil_output(&w, "y", F32, TEST_DIMS(4));
    test_pb_end(&w);
    anm_mlpackage *p = open_made(&w);
    const anm_mil_value *v = anm_mil_op_value(&p->main->block.ops[0], "axis");

    assert_non_null(v);
    assert_true(anm_mil_value_int(v, 0, &axis));
    assert_int_equal(axis, -1);
    anm_mlpackage_close(p);
}

static void names_must_be_defined_before_and_once(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_relu(&w, "b", "a");
    test_mil_relu(&w, "x", "b");
    test_mil_relu(&w, "a", "y");
    check_refused(&w, ANM_E_FORMAT, "b is not defined before it is used");

    test_mil_begin(&w);
    test_mil_relu(&w, "y", "y");
    check_refused(&w, ANM_E_FORMAT, "y is not defined before it is used");

    test_mil_begin(&w);
    test_mil_relu(&w, "x", "y");
    test_mil_relu(&w, "x", "y");
    check_refused(&w, ANM_E_FORMAT, "y is defined twice");

    test_mil_begin(&w);
    test_mil_relu(&w, "y", "x");
    check_refused(&w, ANM_E_FORMAT, "y is not defined");

    test_mil_begin(&w);
    test_mil_relu(&w, "x", "");
    check_refused(&w, ANM_E_FORMAT, "an empty name");

    test_mil_begin(&w);
    check_refused(&w, ANM_E_FORMAT, "output of a block: y is not defined");
}

/* A cond with two branches that each define `inner`. */
static void branches(test_pb *w, const char *inner)
{
    test_mil_op(w, "cond");
    for (int i = 0; i < 2; i++) {
        test_pb_begin(w, 4);
        test_mil_relu(w, "x", inner);
        test_pb_text(w, 2, inner);
        test_pb_end(w);
    }
    test_mil_output(w, "z", F32, TEST_DIMS(4));
    test_pb_end(w);
}

static void names_of_a_block_end_with_it(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    branches(&w, "inner");
    test_mil_relu(&w, "z", "y");
    anm_mlpackage *p = open_made(&w);
    const anm_mil_op *cond = &p->main->block.ops[0];
    assert_int_equal(cond->n_blocks, 2);
    assert_ptr_equal(cond->blocks[0].outputs[0].name,
                     cond->blocks[1].outputs[0].name);
    assert_ptr_not_equal(cond->blocks[0].outputs[0].from,
                         cond->blocks[1].outputs[0].from);
    assert_int_equal(anm_mlpackage_check_runnable(p, NULL), ANM_E_UNSUPPORTED);
    anm_mlpackage_close(p);

    test_mil_begin(&w);
    branches(&w, "inner");
    test_mil_relu(&w, "inner", "y");
    check_refused(&w, ANM_E_FORMAT, "inner is not defined");

    test_mil_begin(&w);
    branches(&w, "x");
    check_refused(&w, ANM_E_FORMAT, "x is defined twice");
}

static void what_is_given_twice_is_refused(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_op(&w, "relu");
    test_mil_arg(&w, "x", "x");
    test_mil_arg(&w, "x", "x");
    test_pb_end(&w);
    check_refused(&w, ANM_E_FORMAT, "parameter x given twice");

    test_mil_begin(&w);
    test_mil_op(&w, "relu");
    test_pb_entry(&w, 2, "x");
    test_pb_begin(&w, 1);
    test_pb_text(&w, 1, "x");
    test_pb_text(&w, 1, "x");
    for (int i = 0; i < 4; i++)
        test_pb_end(&w);
    check_refused(&w, ANM_E_FORMAT, "binding of two values");
}

static void what_is_empty_is_refused(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_pb_begin(&w, 3);
    test_pb_end(&w);
    check_refused(&w, ANM_E_FORMAT, "an op without a type");

    test_mil_begin(&w);
    test_mil_op(&w, "relu");
    test_pb_entry(&w, 2, "x");
    for (int i = 0; i < 3; i++)
        test_pb_end(&w);
    check_refused(&w, ANM_E_FORMAT, "argument of nothing");

    test_mil_begin(&w);
    test_mil_op(&w, "relu");
    test_pb_entry(&w, 2, "x");
    test_pb_begin(&w, 1);
    for (int i = 0; i < 4; i++)
        test_pb_end(&w);
    check_refused(&w, ANM_E_FORMAT, "binding of nothing");
}

static void more_parameters_than_any_op_has_are_a_limit(void **state)
{
    (void)state;
    test_pb w = { 0 };
    char name[8] = "p00";

    test_mil_begin(&w);
    test_mil_op(&w, "relu");
    for (int i = 0; i < 65; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        test_mil_arg(&w, name, "x");
    }
    test_pb_end(&w);
    check_refused(&w, ANM_E_LIMIT, "65 parameters");
}

/* ---- Types --------------------------------------------------------------- */

static void output_of(test_pb *w, int dtype, const int64_t *dims, size_t n)
{
    test_mil_begin(w);
    test_mil_op(w, "relu");
    test_mil_arg(w, "x", "x");
    test_mil_output(w, "y", dtype, dims, n);
    test_pb_end(w);
}

static void unknown_axes_and_ranks_are_kept(void **state)
{
    (void)state;
    test_pb w = { 0 };

    output_of(&w, F32, TEST_DIMS(-1, 7, 0));
    anm_mlpackage *p = open_made(&w);
    const anm_mil_value_type *t = &p->main->block.ops[0].outputs[0].type;
    assert_true(t->rank_known && t->rank == 3);
    assert_int_equal(t->dims[0], -1);
    assert_int_equal(t->dims[1], 7);
    assert_int_equal(t->dims[2], 0);
    anm_mlpackage_close(p);

    test_mil_begin(&w);
    test_mil_op(&w, "relu");
    test_pb_begin(&w, 3);
    test_pb_text(&w, 1, "y");
    test_pb_begin(&w, 2);
    test_pb_begin(&w, 1);
    test_pb_int(&w, 1, F32);
    test_pb_int(&w, 2, -1);
    for (int i = 0; i < 4; i++)
        test_pb_end(&w);
    p = open_made(&w);
    assert_false(p->main->block.ops[0].outputs[0].type.rank_known);
    anm_mlpackage_close(p);
}

static void types_out_of_range_are_refused(void **state)
{
    (void)state;
    test_pb w = { 0 };
    int64_t ones[17];

    for (size_t i = 0; i < 17; i++)
        ones[i] = 1;
    output_of(&w, 77, TEST_DIMS(4));
    check_refused(&w, ANM_E_FORMAT, "dtype 77");
    output_of(&w, 0, TEST_DIMS(4));
    check_refused(&w, ANM_E_FORMAT, "dtype 0");
    output_of(&w, F32, ones, 17);
    check_refused(&w, ANM_E_LIMIT, "rank 17, at most 16");
    output_of(&w, F32, TEST_DIMS((int64_t)1 << 36, 2));
    check_refused(&w, ANM_E_LIMIT, "shape: FLOAT32 [68719476736, 2]");
    output_of(&w, F32, TEST_DIMS(INT64_MAX, 0));
    check_refused(&w, ANM_E_LIMIT, "shape");
    output_of(&w, F32, TEST_DIMS((int64_t)1 << 32, (int64_t)1 << 32, 64));
    check_refused(&w, ANM_E_LIMIT, "shape");
}

/* An output of a type made by hand: the message of its ValueType. */
static void hand_made(test_pb *w, const void *bytes, size_t len)
{
    test_mil_begin(w);
    test_mil_op(w, "relu");
    test_pb_begin(w, 3);
    test_pb_text(w, 1, "y");
    test_pb_bytes(w, 2, bytes, len);
    test_pb_end(w);
    test_pb_end(w);
}

static void malformed_types_are_refused(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t len;
        const char *words;
    } cases[] = {
        { { 0 }, 0, "no type given" },
        { { 0x0a, 2, 0x08, 11, 0x0a, 2, 0x08, 11 }, 8, "two types" },
        { { 0x0a, 4, 0x08, 11, 0x10, 2 }, 6, "rank 2 declared with 0" },
        { { 0x0a, 6, 0x08, 11, 0x10, 1, 0x1a, 0 }, 8, "neither constant" },
        { { 0x0a, 2, 0x0a, 0 }, 4, "wire type" },
        { { 0x2a, 0 }, 2, "no type given" },
        { { 0x2a, 4, 0x0a, 2, 0x12, 0 }, 6, "a state that holds no tensor" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_pb w = { 0 };

        hand_made(&w, cases[i].bytes, cases[i].len);
        check_refused(&w, ANM_E_FORMAT, cases[i].words);
    }
}

static void states_are_marked(void **state)
{
    (void)state;
    test_pb w = { 0 };
    static const uint8_t type[] = { 0x2a, 6, 0x0a, 4, 0x0a, 2, 0x08, 11 };

    hand_made(&w, type, sizeof(type));
    anm_mlpackage *p = open_made(&w);
    const anm_mil_value_type *t = &p->main->block.ops[0].outputs[0].type;
    assert_true(t->is_state && t->type == ANM_MIL_FLOAT32);
    anm_mlpackage_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_to_what_defines_them),
        cmocka_unit_test(literal_bindings_are_values),
        cmocka_unit_test(names_must_be_defined_before_and_once),
        cmocka_unit_test(names_of_a_block_end_with_it),
        cmocka_unit_test(what_is_given_twice_is_refused),
        cmocka_unit_test(what_is_empty_is_refused),
        cmocka_unit_test(more_parameters_than_any_op_has_are_a_limit),
        cmocka_unit_test(unknown_axes_and_ranks_are_kept),
        cmocka_unit_test(types_out_of_range_are_refused),
        cmocka_unit_test(malformed_types_are_refused),
        cmocka_unit_test(states_are_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
