/* Unit tests of format/mil_value.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "support/packages.h"

static anm_mil_value tensor(anm_mil_type t, uint64_t n, const void *data,
                            size_t len)
{
    return (
        anm_mil_value){ .type = t, .n = n, .data = anm_bytes_of(data, len) };
}

static double real(const anm_mil_value *v, uint64_t i)
{
    double x = -1234.5;

    assert_true(anm_mil_value_real(v, i, &x));
    return x;
}

static int64_t whole(const anm_mil_value *v, uint64_t i)
{
    int64_t x = -12345;

    assert_true(anm_mil_value_int(v, i, &x));
    return x;
}

static void parts_of_bytes_come_lowest_bits_first(void **state)
{
    (void)state;
    static const uint8_t bits[] = { 0xb4, 0x2d, 0x81 };
    const anm_mil_value one = tensor(ANM_MIL_UINT1, 24, bits, 3);
    const anm_mil_value two = tensor(ANM_MIL_UINT2, 12, bits, 3);
    const anm_mil_value three = tensor(ANM_MIL_UINT3, 8, bits, 3);
    const anm_mil_value six = tensor(ANM_MIL_UINT6, 4, bits, 3);
    const anm_mil_value four = tensor(ANM_MIL_INT4, 6, bits, 3);
    const uint32_t stream = 0x812db4;

    for (unsigned i = 0; i < 24; i++)
        assert_int_equal(whole(&one, i), stream >> i & 1);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(whole(&two, i), stream >> 2 * i & 3);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(whole(&three, i), stream >> 3 * i & 7);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(whole(&six, i), stream >> 6 * i & 63);
    assert_int_equal(whole(&four, 0), 4);
    assert_int_equal(whole(&four, 1), -5);
    assert_int_equal(whole(&four, 5), -8);
}

static void integers_keep_their_sign(void **state)
{
    (void)state;
    static const uint8_t ones[8] = { 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff };
    static const struct {
        anm_mil_type type;
        int64_t want;
    } cases[] = {
        { ANM_MIL_INT8, -1 },  { ANM_MIL_UINT8, 255 },
        { ANM_MIL_INT16, -1 }, { ANM_MIL_UINT16, 65535 },
        { ANM_MIL_INT32, -1 }, { ANM_MIL_UINT32, 4294967295 },
        { ANM_MIL_INT64, -1 },
    };
    const anm_mil_value huge = tensor(ANM_MIL_UINT64, 1, ones, 8);
    int64_t x = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const anm_mil_value v = tensor(cases[i].type, 1, ones, 8);

        assert_int_equal(whole(&v, 0), cases[i].want);
        assert_true(real(&v, 0) == (double)cases[i].want);
    }
    assert_false(anm_mil_value_int(&huge, 0, &x));
}

static void floats_are_widened_exactly(void **state)
{
    (void)state;
    static const uint8_t half[] = { 0x00, 0x3c, 0x01, 0x00 };
    static const uint8_t brain[] = { 0x80, 0xbf };
    static const uint8_t e4m3[] = { 0x38, 0x7e, 0x01, 0x88, 0x7f, 0xff };
    static const uint8_t e5m2[] = { 0x3c, 0x7c, 0x01 };
    static const float f = -0x1.8p-140f;
    static const double d = 0x1.123456789abcdp+1000;
    const anm_mil_value a = tensor(ANM_MIL_FLOAT16, 2, half, 4);
    const anm_mil_value b = tensor(ANM_MIL_BFLOAT16, 1, brain, 2);
    const anm_mil_value c = tensor(ANM_MIL_FLOAT8E4M3FN, 6, e4m3, 6);
    const anm_mil_value e = tensor(ANM_MIL_FLOAT8E5M2, 3, e5m2, 3);
    const anm_mil_value g = tensor(ANM_MIL_FLOAT32, 1, &f, 4);
    const anm_mil_value h = tensor(ANM_MIL_FLOAT64, 1, &d, 8);

    assert_true(real(&a, 0) == 1 && real(&a, 1) == 0x1p-24);
    assert_true(real(&b, 0) == -1);
    assert_true(real(&c, 0) == 1 && real(&c, 1) == 448);
    assert_true(real(&c, 2) == 0x1p-9 && real(&c, 3) == -0x1p-6);
    assert_true(isnan(real(&c, 4)) && isnan(real(&c, 5)));
    assert_true(real(&e, 0) == 1 && isinf(real(&e, 1)));
    assert_true(real(&e, 2) == 0x1p-16);
    assert_true(real(&g, 0) == (double)f && real(&h, 0) == d);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const strings[] = { "valid" };
    const anm_mil_value text = { .type = ANM_MIL_STRING,
                                 .n = 1,
                                 .strings = strings };
    const anm_mil_value list = { .form = ANM_MIL_LIST, .n = 1 };
    static const float one = 1;
    const anm_mil_value f = tensor(ANM_MIL_FLOAT32, 1, &one, 4);
    double x = 0;
    int64_t i = 0;

    assert_string_equal(anm_mil_value_string(&text), "valid");
    assert_null(anm_mil_value_string(&f));
    assert_false(anm_mil_value_real(&text, 0, &x));
    assert_false(anm_mil_value_real(&list, 0, &x));
    assert_false(anm_mil_value_int(&f, 0, &i));
    assert_false(anm_mil_value_real(&f, 1, &x));
}

static void types_read_well_in_messages(void **state)
{
    (void)state;
    static const int64_t dims[] = { 1, -1, 64 };
    anm_mil_value_type t = {
        .rank_known = true, .type = ANM_MIL_FLOAT16, .rank = 3, .dims = dims
    };
    char text[64], tiny[8];

    assert_string_equal(anm_mil_value_type_text(&t, text, sizeof(text)),
                        "FLOAT16 [1, ?, 64]");
    assert_string_equal(anm_mil_value_type_text(&t, tiny, sizeof(tiny)),
                        "FLOAT16");
    t.is_state = true;
    t.rank = 0;
    assert_string_equal(anm_mil_value_type_text(&t, text, sizeof(text)),
                        "state FLOAT16 []");
    t = (anm_mil_value_type){ .type = ANM_MIL_INT32 };
    assert_string_equal(anm_mil_value_type_text(&t, text, sizeof(text)),
                        "INT32 of any rank");
    t.form = ANM_MIL_LIST;
    assert_string_equal(anm_mil_value_type_text(&t, text, sizeof(text)),
                        "list");
}

static void constants_are_found_wherever_they_are_given(void **state)
{
    (void)state;
    const anm_mil_value literal = { .n = 1 }, constant = { .n = 2 };
    const anm_mil_attribute val = { "val", &constant };
    const anm_mil_op producer = { .type = "const",
                                  .attributes = &val,
                                  .n_attributes = 1 };
    const anm_mil_op computed = { .type = "relu" };
    const anm_mil_binding bindings[] = { { .value = &literal },
                                         { .name = "c", .from = &producer },
                                         { .name = "r", .from = &computed },
                                         { .name = "x" } };
    const anm_mil_arg args[] = { { "a", &bindings[0], 1 },
                                 { "b", &bindings[1], 1 },
                                 { "c", &bindings[2], 1 },
                                 { "d", &bindings[0], 2 } };
    const anm_mil_op op = { .type = "constexpr",
                            .args = args,
                            .n_args = 4,
                            .attributes = &val,
                            .n_attributes = 1 };

    assert_ptr_equal(anm_mil_op_value(&op, "a"), &literal);
    assert_ptr_equal(anm_mil_op_value(&op, "b"), &constant);
    assert_null(anm_mil_op_value(&op, "c"));
    assert_null(anm_mil_op_value(&op, "d"));
    assert_ptr_equal(anm_mil_op_value(&op, "val"), &constant);
    assert_null(anm_mil_op_value(&op, "nothing"));
    assert_null(anm_mil_op_arg(&op, "nothing"));
    assert_null(anm_mil_binding_value(&bindings[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_bytes_come_lowest_bits_first),
        cmocka_unit_test(integers_keep_their_sign),
        cmocka_unit_test(floats_are_widened_exactly),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(types_read_well_in_messages),
        cmocka_unit_test(constants_are_found_wherever_they_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
