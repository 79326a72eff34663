/* The plan of an array program: a row a node, and shares that add up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/arrays_run.h"
#include "support/support.h"

static void build(test_arrays *t)
{
    static const float w[64 * 64];
    static const float x[8 * 64];
    const anm_value_id v = test_arrays_in(t, ANM_DTYPE_F32, D(8, 64), x);
    const anm_value_id c = test_arrays_const(t, ANM_DTYPE_F32, D(64, 64), w);
    const anm_value_id y = test_arrays_node(
        t, &(test_node){
               ANM_ARRAY_LINEAR, { v, c }, 2, { 0 }, ANM_DTYPE_F32, D(8, 64) });
    anm_arrays_output(
        t->program,
        test_arrays_node(
            t, &(test_node){
                   ANM_ARRAY_TANH, { y }, 1, { 0 }, ANM_DTYPE_F32, D(8, 64) }));
}

static void shares_add_up_where_shapes_are_known(void **state)
{
    const anm_plan_row *rows = NULL;
    test_arrays t;
    test_runner r;

    (void)state;
    test_arrays_init(&t);
    build(&t);
    test_arrays_load(&t, &r, 1);
    assert_int_equal(r.backend->plan(r.runner, &rows), 2);
    assert_string_equal(rows[0].name, "v2");
    assert_string_equal(rows[0].type, "linear");
    assert_string_equal(rows[1].type, "tanh");
    assert_int_equal(rows[0].device, ANM_DEVICE_CPU);
    assert_int_equal(rows[0].evidence, ANM_EVIDENCE_PLANNED);
    assert_true(rows[0].share > rows[1].share);
    assert_float_equal((float)(rows[0].share + rows[1].share), 1.0f, 1e-6f);
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

static void shares_are_unknown_where_shapes_are(void **state)
{
    const anm_plan_row *rows = NULL;
    test_arrays t;
    test_runner r;

    (void)state;
    test_arrays_init(&t);
    t.open = true;
    build(&t);
    test_arrays_load(&t, &r, 1);
    assert_int_equal(r.backend->plan(r.runner, &rows), 2);
    assert_true(rows[0].share < 0.0);
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

/* Before any call: with the shapes of the first. */
static void what_is_wrong_with_a_program_is_told_at_load(void **state)
{
    const anm_load_params params = { .units = ANM_UNITS_CPU_ONLY,
                                     .threads = 1 };
    anm_runner *none = NULL;
    anm_error err = { 0 };
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id x = test_arrays_in(&t, ANM_DTYPE_F32, D(2), F(1, 2));
    const anm_value_id y = test_arrays_in(&t, ANM_DTYPE_F32, D(3), F(1, 2, 3));
    test_arrays_gives(
        &t,
        &(test_node){ ANM_ARRAY_ADD, { x, y }, 2, { 0 }, ANM_DTYPE_F32, D(3) },
        F(0, 0, 0));
    const anm_program program = { .arrays = t.program,
                                  .precision = ANM_PRECISION_F32 };
    const anm_sections nothing = { 0 };
    assert_int_equal(
        anm_backend_cpu.load(&none, &program, &params, &nothing, &err),
        ANM_E_FORMAT);
    assert_string_equal(err.message,
                        "v2: add(F32 [2], F32 [3]): shapes do not broadcast");
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up_where_shapes_are_known),
        cmocka_unit_test(shares_are_unknown_where_shapes_are),
        cmocka_unit_test(what_is_wrong_with_a_program_is_told_at_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
