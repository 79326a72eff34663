/* How a package takes a text: names, lengths, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_inputs.h"

#include <string.h>

#include "support/support.h"

static const uint64_t fixed[] = { 1, 32 }, flat[] = { 16 };
static const uint64_t wide[] = { 1, 2, 3 }, four[] = { 4, 32 };

static anm_feature feature(const char *name, anm_mil_type type,
                           const uint64_t *dims, unsigned rank)
{
    return (anm_feature){ .name = name,
                          .about = "",
                          .kind = ANM_FEATURE_ARRAY,
                          .type = type,
                          .dims = dims,
                          .rank = rank };
}

static anm_status find(anm_mil_inputs *out, const anm_feature *inputs, size_t n,
                       anm_arena *arena, anm_error *err)
{
    const anm_features f = { .inputs = inputs, .n_inputs = n };
    return anm_mil_inputs_find(out, &f, arena, err);
}

static void names_say_what_an_input_takes(void **state)
{
    const anm_feature inputs[] = {
        feature("segment_ids", ANM_MIL_INT32, fixed, 2),
        feature("Attention_Mask", ANM_MIL_FLOAT32, fixed, 2),
        feature("position_ids", ANM_MIL_INT32, fixed, 2),
        feature("INPUT_IDS", ANM_MIL_INT32, fixed, 2),
    };
    anm_arena arena = { 0 };
    anm_mil_inputs in;
    anm_error err;
    (void)state;

    assert_int_equal(find(&in, inputs, 4, &arena, &err), ANM_OK);
    assert_ptr_equal(in.roles[ANM_ARRAY_ROLE_IDS], &inputs[3]);
    assert_ptr_equal(in.roles[ANM_ARRAY_ROLE_MASK], &inputs[1]);
    assert_ptr_equal(in.roles[ANM_ARRAY_ROLE_TYPES], &inputs[0]);
    assert_ptr_equal(in.roles[ANM_ARRAY_ROLE_POSITIONS], &inputs[2]);
    anm_arena_deinit(&arena);
}

static void the_one_integer_input_left_takes_the_ids(void **state)
{
    const anm_feature inputs[] = {
        feature("attention_mask", ANM_MIL_INT32, fixed, 2),
        feature("x", ANM_MIL_INT32, fixed, 2),
    };
    const anm_feature real[] = { feature("x", ANM_MIL_FLOAT32, fixed, 2) };
    anm_arena arena = { 0 };
    anm_mil_inputs in;
    anm_error err;
    (void)state;

    assert_int_equal(find(&in, inputs, 2, &arena, &err), ANM_OK);
    assert_ptr_equal(in.roles[ANM_ARRAY_ROLE_IDS], &inputs[1]);
    assert_int_equal(find(&in, real, 1, &arena, &err), ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "x FLOAT32 [1, 32]"));
    anm_arena_deinit(&arena);
}

static void what_is_left_over_is_listed(void **state)
{
    const anm_feature inputs[] = {
        feature("input_ids", ANM_MIL_INT32, fixed, 2),
        feature("bias", ANM_MIL_FLOAT16, flat, 1),
    };
    const anm_feature twice[] = {
        feature("input_ids", ANM_MIL_INT32, fixed, 2),
        feature("ids", ANM_MIL_INT32, fixed, 2),
    };
    anm_arena arena = { 0 };
    anm_mil_inputs in;
    anm_error err;
    (void)state;

    assert_int_equal(find(&in, inputs, 2, &arena, &err), ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "bias FLOAT16 [16]"));
    assert_int_equal(find(&in, twice, 2, &arena, &err), ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "input_ids and ids"));
    anm_arena_deinit(&arena);
}

static void a_fixed_shape_is_one_bucket(void **state)
{
    const anm_feature one[] = { feature("ids", ANM_MIL_INT32, fixed, 2) };
    const anm_feature row[] = { feature("ids", ANM_MIL_INT32, flat, 1) };
    const anm_feature many[] = { feature("ids", ANM_MIL_INT32, four, 2) };
    anm_arena arena = { 0 };
    anm_mil_inputs in;
    anm_error err;
    (void)state;

    assert_int_equal(find(&in, one, 1, &arena, &err), ANM_OK);
    assert_int_equal(in.texts, 1);
    assert_int_equal(anm_mil_inputs_length(&in, 1), 32);
    assert_int_equal(anm_mil_inputs_length(&in, 32), 32);
    assert_int_equal(anm_mil_inputs_length(&in, 33), 0);
    assert_int_equal(find(&in, row, 1, &arena, &err), ANM_OK);
    assert_int_equal(in.rank, 1);
    assert_int_equal(anm_mil_inputs_length(&in, 3), 16);
    assert_int_equal(find(&in, many, 1, &arena, &err), ANM_OK);
    assert_int_equal(in.texts, 4);
    anm_arena_deinit(&arena);
}

static void enumerated_shapes_are_buckets_in_order(void **state)
{
    static const uint64_t a[] = { 1, 32 }, b[] = { 1, 8 }, c[] = { 1, 16 };
    static const uint64_t *const shapes[] = { a, b, c, b };
    static const unsigned ranks[] = { 2, 2, 2, 2 };
    anm_feature ids = feature("ids", ANM_MIL_INT32, fixed, 2);
    anm_arena arena = { 0 };
    anm_mil_inputs in;
    anm_error err;
    char text[64];
    (void)state;

    ids.shapes = shapes;
    ids.shape_ranks = ranks;
    ids.n_shapes = 4;
    assert_int_equal(find(&in, &ids, 1, &arena, &err), ANM_OK);
    assert_int_equal(in.n_lengths, 3);
    assert_int_equal(anm_mil_inputs_length(&in, 9), 16);
    assert_int_equal(anm_mil_inputs_length(&in, 1), 8);
    assert_int_equal(anm_mil_inputs_length(&in, 33), 0);
    assert_string_equal(anm_feature_text(&ids, text, sizeof(text)),
                        "INT32 [1, 32|8|16]");
    anm_arena_deinit(&arena);
}

static void a_range_takes_every_length_in_it(void **state)
{
    anm_feature_range ranges[] = { { 1, 1 }, { 4, 64 } };
    anm_feature ids = feature("ids", ANM_MIL_INT32, fixed, 2);
    anm_arena arena = { 0 };
    anm_mil_inputs in;
    anm_error err;
    char text[64];
    (void)state;

    ids.ranges = ranges;
    ids.n_ranges = 2;
    assert_int_equal(find(&in, &ids, 1, &arena, &err), ANM_OK);
    assert_int_equal(anm_mil_inputs_length(&in, 3), 4);
    assert_int_equal(anm_mil_inputs_length(&in, 37), 37);
    assert_int_equal(anm_mil_inputs_length(&in, 65), 0);
    assert_string_equal(anm_feature_text(&ids, text, sizeof(text)),
                        "INT32 [1, 4..64]");
    ranges[1].high = -1;
    assert_int_equal(find(&in, &ids, 1, &arena, &err), ANM_OK);
    assert_int_equal(in.high, SIZE_MAX);
    assert_int_equal(anm_mil_inputs_length(&in, 70000), 70000);
    ranges[1].high = 3;
    assert_int_equal(find(&in, &ids, 1, &arena, &err), ANM_E_UNSUPPORTED);
    anm_arena_deinit(&arena);
}

static void lengths_must_agree(void **state)
{
    const anm_feature inputs[] = {
        feature("ids", ANM_MIL_INT32, fixed, 2),
        feature("mask", ANM_MIL_INT32, flat, 1),
    };
    const anm_feature cube[] = { feature("ids", ANM_MIL_INT32, wide, 3) };
    anm_arena arena = { 0 };
    anm_mil_inputs in;
    anm_error err;
    (void)state;

    assert_int_equal(find(&in, inputs, 2, &arena, &err), ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "INT32 [1, 32], mask INT32 [16]"));
    assert_int_equal(find(&in, cube, 1, &arena, &err), ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "[1, 2, 3]"));
    anm_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_what_an_input_takes),
        cmocka_unit_test(the_one_integer_input_left_takes_the_ids),
        cmocka_unit_test(what_is_left_over_is_listed),
        cmocka_unit_test(a_fixed_shape_is_one_bucket),
        cmocka_unit_test(enumerated_shapes_are_buckets_in_order),
        cmocka_unit_test(a_range_takes_every_length_in_it),
        cmocka_unit_test(lengths_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
