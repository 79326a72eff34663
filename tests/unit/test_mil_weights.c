/* Compressed weights: every form by hand, and what contradicts itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_weights.h"

#include <string.h>

#include "base/alloc.h"
#include "base/types.h"
#include "support/support.h"

#define DIMS(...)                                                              \
    {                                                                          \
        __VA_ARGS__                                                            \
    }
#define BYTES(...)                                                             \
    {                                                                          \
        (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })   \
    }
#define FLOATS(...)                                                            \
    {                                                                          \
        (const uint8_t *)(const float[]){ __VA_ARGS__ },                       \
            sizeof((float[]){ __VA_ARGS__ })                                   \
    }
#define HALVES(...)                                                            \
    {                                                                          \
        (const uint8_t *)(const uint16_t[]){ __VA_ARGS__ },                    \
            sizeof((uint16_t[]){ __VA_ARGS__ })                                \
    }

static void expect_floats(anm_mil_array *a, const float *want, size_t n)
{
    assert_int_equal(a->type, ANM_MIL_FLOAT32);
    assert_int_equal(a->data.len, n * sizeof(float));
    if (n) assert_memory_equal(a->data.data, want, n * sizeof(float));
    anm_mil_array_deinit(a);
}

static void expect_bytes(anm_mil_array *a, const uint8_t *want, size_t n)
{
    assert_int_equal(a->data.len, n);
    assert_memory_equal(a->data.data, want, n);
    anm_mil_array_deinit(a);
}

static void affine_subtracts_before_it_multiplies(void **state)
{
    const anm_mil_array data = { ANM_MIL_INT8, 2, DIMS(2, 3),
                                 BYTES(1, 0xff, 0x80, 4, 5, 0x7f), NULL };
    const anm_mil_array zero = { ANM_MIL_INT8, 0, { 0 }, BYTES(1), NULL };
    const anm_mil_array scale = { ANM_MIL_FLOAT32, 1, DIMS(2), FLOATS(0.5f, 2),
                                  NULL };
    const anm_mil_array columns = { ANM_MIL_FLOAT32, 1, DIMS(3),
                                    FLOATS(1, 10, 100), NULL };
    const float by_row[] = { 0, -1, -64.5f, 6, 8, 252 };
    const float by_column[] = { 1, -10, -12800, 4, 50, 12700 };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_affine(&data, &zero, &scale, 0, &out, &err), 0);
    expect_floats(&out, by_row, 6);
    assert_int_equal(anm_mil_affine(&data, NULL, &columns, -1, &out, &err), 0);
    expect_floats(&out, by_column, 6);
}

/* 255 * 0.0999756 in float32 is no half: it is rounded once, to even. */
static void a_half_scale_gives_halves(void **state)
{
    const anm_mil_array data = { ANM_MIL_UINT8, 1, DIMS(2), BYTES(255, 0),
                                 NULL };
    const anm_mil_array scale = {
        ANM_MIL_FLOAT16, 0, { 0 }, HALVES(0x2e66), NULL
    };
    anm_mil_array out = { 0 };
    anm_error err;
    uint16_t first;
    (void)state;

    assert_int_equal(anm_mil_affine(&data, NULL, &scale, 0, &out, &err), 0);
    assert_int_equal(out.type, ANM_MIL_FLOAT16);
    memcpy(&first, out.data.data, 2);
    assert_int_equal(first,
                     anm_f16_of_f32(255 * anm_f32_of_f16((uint16_t)0x2e66)));
    anm_mil_array_deinit(&out);
}

static void blocks_may_differ_for_scale_and_offset(void **state)
{
    // Eight codes of four bits, 0 to 7, as two rows.
    const anm_mil_array data = { ANM_MIL_UINT4, 2, DIMS(2, 4),
                                 BYTES(0x10, 0x32, 0x54, 0x76), NULL };
    const anm_mil_array scale = { ANM_MIL_FLOAT32, 2, DIMS(2, 2),
                                  FLOATS(1, 10, 100, 1000), NULL };
    const anm_mil_array offset = { ANM_MIL_UINT4, 2, DIMS(1, 4),
                                   BYTES(0x10, 0x32), NULL };
    const float want[] = { 0, 0, 0, 0, 400, 400, 4000, 4000 };
    const float plain[] = { 0, 1, 20, 30, 400, 500, 6000, 7000 };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_blockwise(&data, &scale, &offset, &out, &err), 0);
    expect_floats(&out, want, 8);
    assert_int_equal(anm_mil_blockwise(&data, &scale, NULL, &out, &err), 0);
    expect_floats(&out, plain, 8);
}

static void signed_nibbles_reach_from_minus_8_to_7(void **state)
{
    const anm_mil_array data = { ANM_MIL_INT4, 1, DIMS(4), BYTES(0x08, 0x7f),
                                 NULL };
    const anm_mil_array scale = { ANM_MIL_FLOAT32, 1, DIMS(1), FLOATS(1),
                                  NULL };
    const float want[] = { -8, 0, -1, 7 };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_blockwise(&data, &scale, NULL, &out, &err), 0);
    expect_floats(&out, want, 4);
}

/* Codes 0 to 7 of 3 and of 6 bits straddle bytes. */
static void indices_may_straddle_bytes(void **state)
{
    const anm_mil_array three = { ANM_MIL_UINT3, 1, DIMS(8),
                                  BYTES(0x88, 0xc6, 0xfa), NULL };
    const anm_mil_array six = { ANM_MIL_UINT6, 1, DIMS(4),
                                BYTES(0x40, 0x20, 0x0c), NULL };
    anm_mil_array lut = { ANM_MIL_UINT8, 3, DIMS(1, 8, 1),
                          BYTES(10, 11, 12, 13, 14, 15, 16, 17), NULL };
    const uint8_t want[] = { 10, 11, 12, 13, 14, 15, 16, 17 };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_lookup(&three, &lut, 0, &out, &err), 0);
    expect_bytes(&out, want, 8);
    assert_int_equal(anm_mil_lookup(&six, &lut, 0, &out, &err), 0);
    expect_bytes(&out, (const uint8_t[]){ 10, 11, 12, 13 }, 4);
}

static void each_group_has_its_palette(void **state)
{
    const anm_mil_array indices = { ANM_MIL_UINT1, 2, DIMS(4, 2), BYTES(0xa6),
                                    NULL }; // 0110 0101
    const anm_mil_array lut = { ANM_MIL_UINT8, 4, DIMS(2, 1, 2, 1),
                                BYTES(1, 2, 3, 4), NULL };
    const uint8_t want[] = { 1, 2, 2, 1, 3, 4, 3, 4 };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_lookup(&indices, &lut, 0, &out, &err), 0);
    expect_bytes(&out, want, 8);
}

static void vectors_lie_along_their_axis(void **state)
{
    const anm_mil_array indices = { ANM_MIL_UINT1, 2, DIMS(1, 3), BYTES(0x02),
                                    NULL };
    const anm_mil_array lut = { ANM_MIL_UINT8, 4, DIMS(1, 1, 2, 2),
                                BYTES(1, 2, 3, 4), NULL };
    const uint8_t down[] = { 1, 3, 1, 2, 4, 2 };
    const uint8_t along[] = { 1, 2, 3, 4, 1, 2 };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_lookup(&indices, &lut, 0, &out, &err), 0);
    assert_int_equal(out.dims[0], 2);
    assert_int_equal(out.dims[1], 3);
    expect_bytes(&out, down, 6);
    assert_int_equal(anm_mil_lookup(&indices, &lut, -1, &out, &err), 0);
    assert_int_equal(out.dims[1], 6);
    expect_bytes(&out, along, 6);
}

static void values_lie_where_the_mask_is_set(void **state)
{
    const anm_mil_array mask = { ANM_MIL_UINT1, 2, DIMS(2, 3), BYTES(0x2a),
                                 NULL };
    const anm_mil_array values = { ANM_MIL_INT4, 1, DIMS(3), BYTES(0x9f, 0x01),
                                   NULL };
    const uint8_t whole[] = { 0, 0xff, 0, 0xf9, 0, 1 };
    const uint8_t wide[] = { 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1 };
    anm_mil_array out = { 0 }, back = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_scatter(&values, &mask, &out, &err), 0);
    assert_int_equal(anm_mil_collect(&out, &mask, &back, &err), 0);
    assert_int_equal(back.dims[0], 3);
    expect_bytes(&back, (const uint8_t[]){ 0xff, 0xf9, 1 }, 3);
    expect_bytes(&out, whole, 6);
    assert_int_equal(anm_mil_widen_mask(&mask, 2, 0, &out, &err), 0);
    assert_int_equal(out.dims[0], 4);
    expect_bytes(&out, wide, 12);
}

static void what_contradicts_itself_is_refused(void **state)
{
    const anm_mil_array data = { ANM_MIL_UINT8, 2, DIMS(2, 3),
                                 BYTES(1, 2, 3, 4, 5, 6), NULL };
    const anm_mil_array three = { ANM_MIL_FLOAT32, 2, DIMS(1, 2), FLOATS(1, 2),
                                  NULL };
    const anm_mil_array whole = { ANM_MIL_UINT8, 2, DIMS(1, 1), BYTES(1),
                                  NULL };
    const anm_mil_array lut = { ANM_MIL_UINT8, 4, DIMS(1, 1, 4, 1),
                                BYTES(1, 2, 3, 4), NULL };
    const anm_mil_array mask = { ANM_MIL_UINT1, 1, DIMS(6), BYTES(0x03), NULL };
    const anm_mil_array wide = { ANM_MIL_UINT8, 4, DIMS(1, 1, 4, 1), BYTES(1),
                                 NULL };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_blockwise(&data, &three, NULL, &out, &err),
                     ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "2 groups on axis 1 of 3"));
    assert_int_equal(anm_mil_blockwise(&data, &whole, NULL, &out, &err),
                     ANM_E_FORMAT);
    assert_int_equal(anm_mil_affine(&data, NULL, &three, 2, &out, &err),
                     ANM_E_FORMAT);
    assert_int_equal(anm_mil_lookup(&data, &lut, 0, &out, &err), ANM_E_CORRUPT);
    assert_non_null(strstr(err.message, "index 4 into a palette of 4"));
    assert_int_equal(anm_mil_lookup(&data, &wide, 0, &out, &err), ANM_E_FORMAT);
    assert_int_equal(anm_mil_scatter(&data, &mask, &out, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "6 values for a mask with 2"));
    assert_int_equal(anm_mil_collect(&data, &mask, &out, &err), ANM_E_FORMAT);
}

/* 2^23 indices of 2^14 floats each are eight times the limit. */
static void huge_results_are_refused_before_memory_is_asked_for(void **state)
{
    static const uint8_t zeros[1 << 20];
    const anm_mil_array indices = {
        ANM_MIL_UINT1, 1, DIMS(1 << 23), { zeros, sizeof(zeros) }, NULL
    };
    const anm_mil_array lut = {
        ANM_MIL_FLOAT32, 3, DIMS(1, 2, 1 << 14), { zeros, 1 << 17 }, NULL
    };
    anm_mil_array out = { 0 };
    anm_alloc_stats before, after;
    anm_error err;
    (void)state;

    anm_alloc_stats_read(&before);
    assert_int_equal(anm_mil_lookup(&indices, &lut, 0, &out, &err),
                     ANM_E_LIMIT);
    anm_alloc_stats_read(&after);
    assert_int_equal(before.n_allocs, after.n_allocs);
}

/* As many rows as a file may declare: none is walked. */
static void empty_rows_take_no_time(void **state)
{
    const uint64_t many = (uint64_t)1 << 36;
    const anm_mil_array data = {
        ANM_MIL_UINT8, 2, DIMS(many, 0), { NULL, 0 }, NULL
    };
    const anm_mil_array scale = { ANM_MIL_FLOAT32, 2, DIMS(1, 1), FLOATS(1),
                                  NULL };
    const anm_mil_array lut = { ANM_MIL_FLOAT32, 4, DIMS(1, 1, 2, 1),
                                FLOATS(1, 2), NULL };
    anm_mil_array out = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_blockwise(&data, &scale, NULL, &out, &err), 0);
    expect_floats(&out, NULL, 0);
    assert_int_equal(anm_mil_lookup(&data, &lut, -1, &out, &err), 0);
    expect_floats(&out, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affine_subtracts_before_it_multiplies),
        cmocka_unit_test(a_half_scale_gives_halves),
        cmocka_unit_test(blocks_may_differ_for_scale_and_offset),
        cmocka_unit_test(signed_nibbles_reach_from_minus_8_to_7),
        cmocka_unit_test(indices_may_straddle_bytes),
        cmocka_unit_test(each_group_has_its_palette),
        cmocka_unit_test(vectors_lie_along_their_axis),
        cmocka_unit_test(values_lie_where_the_mask_is_set),
        cmocka_unit_test(what_contradicts_itself_is_refused),
        cmocka_unit_test(huge_results_are_refused_before_memory_is_asked_for),
        cmocka_unit_test(empty_rows_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
