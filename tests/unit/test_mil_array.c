/* Arrays of constants: elements of every width, and memory that is not given by
 * a number of the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_array.h"

#include <string.h>

#include "base/alloc.h"
#include "base/types.h"
#include "support/support.h"

static anm_mil_array array_of(anm_mil_type type, uint64_t n, const void *bytes,
                              size_t len)
{
    return (anm_mil_array){
        .type = type, .rank = 1, .dims = { n }, .data = anm_bytes_of(bytes, len)
    };
}

static void elements_of_every_width_are_read(void **state)
{
    static const uint8_t ones[] = { 0x1b, 0xff, 0x80, 0x7f };
    static const struct {
        anm_mil_type type;
        uint64_t n;
        float want[4];
    } rows[] = {
        { ANM_MIL_UINT1, 4, { 1, 1, 0, 1 } },
        { ANM_MIL_UINT2, 4, { 3, 2, 1, 0 } },
        { ANM_MIL_UINT3, 4, { 3, 3, 4, 7 } },
        { ANM_MIL_UINT4, 4, { 11, 1, 15, 15 } },
        { ANM_MIL_INT4, 4, { -5, 1, -1, -1 } },
        { ANM_MIL_UINT6, 4, { 27, 60, 15, 32 } },
        { ANM_MIL_UINT8, 4, { 27, 255, 128, 127 } },
        { ANM_MIL_INT8, 4, { 27, -1, -128, 127 } },
        { ANM_MIL_UINT16, 2, { 65307, 32640 } },
        { ANM_MIL_INT16, 2, { -229, 32640 } },
        { ANM_MIL_INT32, 1, { 2139160320 } },
    };
    (void)state;

    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        const anm_mil_array a =
            array_of(rows[r].type, rows[r].n, ones, sizeof(ones));
        float got[4] = { 0 };

        assert_true(anm_mil_array_is_number(&a));
        anm_mil_array_load(&a, 0, (size_t)rows[r].n, got);
        for (uint64_t i = 0; i < rows[r].n; i++)
            assert_float_equal(got[i], rows[r].want[i], 0);
    }
}

static void floats_are_rounded_to_the_type_of_the_array(void **state)
{
    static const float v[] = { 1.0f, 1.0f + 0x1p-11f, 1.0f + 0x3p-11f, -0.0f };
    static const float halves[] = { 1.0f, 1.0f, 1.0f + 0x1p-9f, -0.0f };
    anm_mil_array a = { .type = ANM_MIL_FLOAT16, .rank = 1, .dims = { 4 } };
    float got[4];
    (void)state;

    assert_int_equal(anm_mil_array_make(&a, 8, NULL), ANM_OK);
    anm_mil_array_store(&a, 0, 4, v);
    anm_mil_array_load(&a, 0, 4, got);
    assert_memory_equal(got, halves, sizeof(halves));
    anm_mil_array_deinit(&a);
    assert_null(a.owned);
}

static void bytes_must_be_those_of_the_shape(void **state)
{
    const uint8_t bytes[3] = { 0 };
    const anm_mil_array good = array_of(ANM_MIL_UINT6, 4, bytes, 3);
    const anm_mil_array few = array_of(ANM_MIL_UINT6, 5, bytes, 3);
    anm_mil_array many = array_of(ANM_MIL_UINT8, UINT64_MAX / 2, bytes, 3);
    uint64_t n;
    anm_error err;
    (void)state;

    assert_int_equal(anm_mil_array_check(&good, "x", &err), ANM_OK);
    assert_int_equal(anm_mil_array_check(&few, "x", &err), ANM_E_FORMAT);
    assert_string_equal(err.message,
                        "x: 3 bytes are not those of its shape in UINT6");
    many.rank = 2;
    many.dims[1] = 3;
    assert_false(anm_mil_array_elements(&many, &n));
    assert_int_equal(anm_mil_array_check(&many, "x", &err), ANM_E_FORMAT);
}

/* 64 MiB are free, and 256 times what there is. */
static void memory_is_given_by_what_is_there(void **state)
{
    anm_mil_array a = { .type = ANM_MIL_UINT8, .rank = 1 };
    anm_alloc_stats before, after;
    anm_error err;
    (void)state;

    anm_alloc_stats_read(&before);
    a.dims[0] = ANM_MIL_GROWTH_FREE + 257;
    assert_int_equal(anm_mil_array_make(&a, 0, &err), ANM_E_LIMIT);
    a.dims[0] = ANM_MIL_DENSE_MAX + 1;
    assert_int_equal(anm_mil_array_make(&a, ANM_MIL_DENSE_MAX, &err),
                     ANM_E_LIMIT);
    a.dims[0] = UINT64_MAX;
    assert_int_equal(anm_mil_array_make(&a, UINT64_MAX, &err), ANM_E_LIMIT);
    anm_alloc_stats_read(&after);
    assert_int_equal(before.n_allocs, after.n_allocs);
}

static void packed_bytes_take_their_shape(void **state)
{
    const uint64_t two = 2;
    const uint32_t dims[] = { 2, 3 };
    const anm_mil_value shape = { .type = ANM_MIL_UINT32,
                                  .rank = 1,
                                  .dims = &two,
                                  .n = 2,
                                  .data = anm_bytes_of(dims, sizeof(dims)) };
    const uint8_t bytes[] = { 1, 2, 3 };
    const anm_mil_array packed = array_of(ANM_MIL_UINT8, 3, bytes, 3);
    anm_mil_array out;
    anm_error err;
    (void)state;

    assert_int_equal(
        anm_mil_unpacked_view(&packed, ANM_MIL_UINT4, &shape, &out, &err), 0);
    assert_int_equal(out.rank, 2);
    assert_int_equal(out.dims[1], 3);
    assert_int_equal(
        anm_mil_unpacked_view(&packed, ANM_MIL_UINT6, &shape, &out, &err),
        ANM_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_of_every_width_are_read),
        cmocka_unit_test(floats_are_rounded_to_the_type_of_the_array),
        cmocka_unit_test(bytes_must_be_those_of_the_shape),
        cmocka_unit_test(memory_is_given_by_what_is_there),
        cmocka_unit_test(packed_bytes_take_their_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
