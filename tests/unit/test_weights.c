/* The table of tensors by canonical name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "model/weights.h"

static const char bytes[64];

typedef struct table {
    anm_arena arena;
    anm_map map;
    anm_weights weights;
} table;

static void reset(table *t, size_t n)
{
    t->map.bytes = anm_bytes_of(bytes, sizeof(bytes));
    assert_true(anm_weights_reset(&t->weights, &t->arena, n, 1));
    anm_weights_add_file(&t->weights, "a.file", &t->map);
}

static void add(table *t, const char *name, const char *stored, anm_dtype type,
                size_t len)
{
    const anm_weight w = { .name = name,
                           .stored = stored,
                           .dtype = type,
                           .rank = 2,
                           .dims = { 3, 4 },
                           .data = anm_bytes_of(bytes, len) };

    anm_weights_add(&t->weights, &w);
}

static void tensors_are_found_by_canonical_name(void **state)
{
    (void)state;
    table t = { 0 };
    anm_error err;

    reset(&t, 4);
    add(&t, "b", "x.b", ANM_DTYPE_F32, 4);
    add(&t, "", "lm_head", ANM_DTYPE_F32, 4);
    add(&t, "a", "x.a", ANM_DTYPE_F32, 4);
    add(&t, "", "another", ANM_DTYPE_F32, 4);
    assert_int_equal(anm_weights_finish(&t.weights, &err), ANM_OK);
    assert_string_equal(anm_weights_find(&t.weights, "a")->stored, "x.a");
    assert_string_equal(anm_weights_find(&t.weights, "b")->stored, "x.b");
    assert_null(anm_weights_find(&t.weights, "x.a"));
    assert_null(anm_weights_find(&t.weights, "c"));
    assert_string_equal(t.weights.tensors[0].stored, "another");
    assert_string_equal(anm_weights_path(&t.weights, t.weights.tensors),
                        "a.file");
    assert_int_equal(anm_weights_bytes(&t.weights), sizeof(bytes));
    anm_arena_deinit(&t.arena);
}

static void two_tensors_of_one_name_are_refused_with_both(void **state)
{
    (void)state;
    table t = { 0 };
    anm_error err;

    reset(&t, 2);
    add(&t, "a", "blk.a", ANM_DTYPE_F32, 4);
    add(&t, "a", "block.a", ANM_DTYPE_F32, 4);
    assert_int_equal(anm_weights_finish(&t.weights, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "a.file"));
    assert_non_null(strstr(err.message, "blk.a and block.a"));
    anm_arena_deinit(&t.arena);
}

static void type_with_most_bytes_is_what_the_model_is_stored_as(void **state)
{
    (void)state;
    table t = { 0 };
    anm_error err;
    char text[32];

    reset(&t, 3);
    add(&t, "ids", "ids", ANM_DTYPE_I64, 60);
    add(&t, "norm", "norm", ANM_DTYPE_F32, 16);
    add(&t, "w", "w", ANM_DTYPE_Q8_0, 34);
    assert_int_equal(anm_weights_finish(&t.weights, &err), ANM_OK);
    assert_int_equal(anm_weights_main_type(&t.weights), ANM_DTYPE_Q8_0);
    const anm_weight *w = anm_weights_find(&t.weights, "w");
    anm_dims_text(w->dims, w->rank, text, sizeof(text));
    assert_string_equal(text, "[3, 4]");
    anm_arena_deinit(&t.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_found_by_canonical_name),
        cmocka_unit_test(two_tensors_of_one_name_are_refused_with_both),
        cmocka_unit_test(type_with_most_bytes_is_what_the_model_is_stored_as),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
