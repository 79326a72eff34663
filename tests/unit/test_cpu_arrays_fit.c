/* A program fits the shapes it is given: those that follow from inputs, those
 * that contents decide, one after the other; and asks for memory once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "support/arrays_run.h"
#include "support/support.h"

/* ---- Shapes that contents decide ----------------------------------------- */

/* y = x[b:e], its shape as a vector, and its sum. */
static void build_slice(test_arrays *t, const int32_t *begin,
                        const int32_t *end)
{
    static const float x[] = { 1, 2, 3, 4, 5, 6 };
    const anm_array_type any = { ANM_DTYPE_F32, 1, { -1 } };
    const anm_array_type two = { ANM_DTYPE_I32, 1, { 1 } };
    const anm_array_type none = { ANM_DTYPE_F32, 0, { 0 } };
    const anm_value_id v = test_arrays_in(t, ANM_DTYPE_F32, D(6), x);
    const anm_value_id b = test_arrays_in(t, ANM_DTYPE_I32, D(1), begin);
    const anm_value_id e = test_arrays_in(t, ANM_DTYPE_I32, D(1), end);
    const anm_value_id in[] = { v, b, e };
    const anm_value_id y =
        anm_arrays_add(t->program, ANM_ARRAY_SLICE_BY_INDEX, "slice", in, 3,
                       NULL, &(anm_array_result){ "y", any }, 1);
    const anm_value_id shape =
        anm_arrays_add(t->program, ANM_ARRAY_SHAPE, "shape", &y, 1, NULL,
                       &(anm_array_result){ "n", two }, 1);
    const anm_value_id sum =
        anm_arrays_add(t->program, ANM_ARRAY_REDUCE_SUM, "sum", &y, 1, NULL,
                       &(anm_array_result){ "s", none }, 1);

    anm_arrays_output(t->program, y);
    anm_arrays_output(t->program, shape);
    anm_arrays_output(t->program, sum);
}

static void assert_slice(const anm_array_view out[3], int32_t n, float first,
                         float sum)
{
    assert_int_equal(out[0].rank, 1);
    assert_int_equal(out[0].dims[0], n);
    if (n) assert_float_equal(((const float *)out[0].data)[0], first, 0);
    assert_int_equal(((const int32_t *)out[1].data)[0], n);
    assert_int_equal(out[2].rank, 0);
    assert_float_equal(((const float *)out[2].data)[0], sum, 0);
}

static void contents_may_decide_a_shape(void **state)
{
    int32_t *begin, *end;
    anm_array_view out[3];
    test_arrays t;
    test_runner r;

    (void)state;
    test_arrays_init(&t);
    build_slice(&t, I(1), I(3));
    begin = (void *)(uintptr_t)t.inputs[1].data;
    end = (void *)(uintptr_t)t.inputs[2].data;
    test_arrays_load(&t, &r, 1);
    assert_int_equal(test_arrays_run(&t, &r, true, out, NULL), ANM_OK);
    assert_slice(out, 2, 2, 5);
    *begin = 0;
    *end = 6;
    assert_int_equal(test_arrays_run(&t, &r, true, out, NULL), ANM_OK);
    assert_slice(out, 6, 1, 21);
    *begin = 4;
    *end = 2;
    assert_int_equal(test_arrays_run(&t, &r, true, out, NULL), ANM_OK);
    assert_slice(out, 0, 0, 0);
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

static void shapes_from_contents_are_checked(void **state)
{
    const anm_array_type any = { ANM_DTYPE_F32, 1, { -1 } };
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id in[] = {
        test_arrays_in(&t, ANM_DTYPE_F32, D(6), F(1, 2, 3, 4, 5, 6)),
        test_arrays_in(&t, ANM_DTYPE_I32, D(1), I(5)),
    };
    anm_arrays_output(
        t.program, anm_arrays_add(t.program, ANM_ARRAY_RESHAPE, "to five", in,
                                  2, NULL, &(anm_array_result){ "y", any }, 1));
    test_arrays_fails(&t, ANM_E_FORMAT,
                      "to five: reshape(F32 [6], I32 [1]): sizes differ");
    test_arrays_deinit(&t);
}

/* ---- Shapes that follow from inputs -------------------------------------- */

/* reshape(x [n, 4], [n * 2, 2]) spelt as packages of any length spell it. */
static void build_flexible(test_arrays *t, int64_t n, const float *x)
{
    t->open = true;
    const anm_value_id v =
        test_arrays_in(t, ANM_DTYPE_F32, (const int64_t[]){ n, 4, -1 }, x);
    const anm_value_id shape = test_arrays_node(
        t,
        &(test_node){ ANM_ARRAY_SHAPE, { v }, 1, { 0 }, ANM_DTYPE_I32, D(2) });
    const anm_value_id zero = test_arrays_const(t, ANM_DTYPE_I32, SCALAR, I(0));
    const anm_value_id two = test_arrays_const(t, ANM_DTYPE_I32, SCALAR, I(2));
    const anm_value_id rows =
        test_arrays_node(t, &(test_node){ ANM_ARRAY_GATHER,
                                          { shape, zero },
                                          2,
                                          { 0 },
                                          ANM_DTYPE_I32,
                                          SCALAR });
    const anm_value_id twice = test_arrays_node(
        t, &(test_node){
               ANM_ARRAY_MUL, { rows, two }, 2, { 0 }, ANM_DTYPE_I32, SCALAR });
    const anm_value_id to = test_arrays_node(
        t,
        &(test_node){
            ANM_ARRAY_CONCAT, { twice, two }, 2, { 0 }, ANM_DTYPE_I32, D(2) });
    anm_arrays_output(t->program,
                      test_arrays_node(t, &(test_node){ ANM_ARRAY_RESHAPE,
                                                        { v, to },
                                                        2,
                                                        { 0 },
                                                        ANM_DTYPE_F32,
                                                        D(0, 2) }));
}

static void any_length_is_taken_more_than_are_kept(void **state)
{
    static float x[4 * 12];
    anm_array_view out[1];
    test_arrays t;
    test_runner r;

    (void)state;
    for (size_t i = 0; i < 48; i++)
        x[i] = (float)i;
    test_arrays_init(&t);
    build_flexible(&t, 12, x);
    test_arrays_load(&t, &r, 1);
    for (int round = 0; round < 2; round++) {
        for (int64_t n = 1; n <= 12; n++) {
            t.inputs[0].dims[0] = n;
            assert_int_equal(test_arrays_run(&t, &r, true, out, NULL), ANM_OK);
            assert_int_equal(out[0].dims[0], 2 * n);
            assert_int_equal(out[0].dims[1], 2);
            assert_memory_equal(out[0].data, x, (size_t)n * 16);
        }
    }
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

static void a_declared_shape_must_hold(void **state)
{
    const anm_array_type wrong = { ANM_DTYPE_F32, 2, { 2, -1 } };
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id x =
        test_arrays_in(&t, ANM_DTYPE_F32, D(3, 1), F(1, 2, 3));
    anm_arrays_output(
        t.program, anm_arrays_add(t.program, ANM_ARRAY_ABS, "magnitude", &x, 1,
                                  NULL, &(anm_array_result){ "y", wrong }, 1));
    test_arrays_fails(&t, ANM_E_FORMAT,
                      "magnitude: output 0 is F32 [3, 1], declared F32 [2, ?]");
    test_arrays_deinit(&t);
}

/* ---- Memory -------------------------------------------------------------- */

static void a_second_call_allocates_nothing(void **state)
{
    anm_alloc_stats before, after;
    anm_array_view out[3];
    test_arrays t;
    test_runner r;

    (void)state;
    test_arrays_init(&t);
    build_slice(&t, I(1), I(3));
    test_arrays_load(&t, &r, 2);
    assert_int_equal(test_arrays_run(&t, &r, true, out, NULL), ANM_OK);
    anm_alloc_stats_read(&before);
    assert_int_equal(test_arrays_run(&t, &r, true, out, NULL), ANM_OK);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.n_allocs, before.n_allocs);
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    for (uint64_t k = 1;; k++) {
        const anm_load_params params = { .units = ANM_UNITS_CPU_ONLY,
                                         .threads = 1 };
        anm_array_view out[3];
        anm_error err = { 0 };
        test_arrays t;
        test_runner r = { .backend = &anm_backend_cpu };

        test_arrays_init(&t);
        build_slice(&t, I(1), I(3));
        const anm_program program = { .arrays = t.program,
                                      .precision = ANM_PRECISION_F32 };
        const anm_section_sink sink = test_sink(&r.sections);
        test_fault_arm(k);
        anm_status status = r.backend->prepare(&program, &params, &sink, &err);
        if (!status) {
            test_sections_sort(&r.sections);
            status = r.backend->load(&r.runner, &program, &params,
                                     &r.sections.view, &err);
        }
        if (!status) status = test_arrays_run(&t, &r, true, out, &err);
        const bool failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        test_runner_deinit(&r);
        test_arrays_deinit(&t);
        if (!failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_may_decide_a_shape),
        cmocka_unit_test(shapes_from_contents_are_checked),
        cmocka_unit_test(any_length_is_taken_more_than_are_kept),
        cmocka_unit_test(a_declared_shape_must_hold),
        cmocka_unit_test(a_second_call_allocates_nothing),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
