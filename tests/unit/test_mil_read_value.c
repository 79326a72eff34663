/* Unit tests of format/mil_read_value.c: one constant in a model of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/packages.h"
#include "support/pb_write.h"

enum { FLOATS = 1, INTS, BOOLS, STRINGS, LONG_INTS, DOUBLES, AS_BYTES };
enum {
    BOOL = 1,
    STRING = 2,
    F16 = 10,
    F32,
    F64,
    BF16,
    I8 = 21,
    I16,
    I32,
    I64,
    I4,
    U8 = 31,
    U16,
    U32,
    U64,
    U4,
    U2,
    U1,
    U6,
    U3,
    E4M3,
    E5M2
};

/* A model with the constant c, whose payload is `bytes` in field 1 of the
 * spelling, packed unless it is one field a string. */
static const char *model(int dtype, const int64_t *dims, size_t n,
                         unsigned spelling, anm_bytes payload)
{
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_const(&w, "c", dtype, dims, n, spelling);
    test_pb_bytes(&w, 1, payload.data, payload.len);
    test_mil_const_end(&w);
    test_mil_relu(&w, "x", "y");
    test_mil_end(&w);
    return test_pb_file(&w);
}

static const anm_mil_value *constant(const anm_mlpackage *p)
{
    return anm_mil_op_attribute(&p->main->block.ops[0], "val");
}

#define BYTES(...)                                                             \
    anm_bytes_of((const uint8_t[]){ __VA_ARGS__ },                             \
                 sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void check_read(int dtype, unsigned spelling, anm_bytes payload,
                       int64_t n, anm_bytes want)
{
    anm_mlpackage *p =
        test_open_package(model(dtype, TEST_DIMS(n), spelling, payload));
    const anm_mil_value *v = constant(p);

    assert_int_equal(v->n, n);
    assert_int_equal(v->rank, 1);
    assert_false(v->in_file);
    if (!anm_bytes_equal(v->data, want))
        fail_msg("dtype %d spelt %u: %zu bytes differ", dtype, spelling,
                 v->data.len);
    anm_mlpackage_close(p);
}

static void every_spelling_comes_in_one_layout(void **state)
{
    (void)state;
    const anm_bytes floats = BYTES(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0); // 1, -2
    const anm_bytes minus_one =
        BYTES(3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);

    check_read(F32, FLOATS, floats, 2, floats);
    check_read(F16, FLOATS, floats, 2, BYTES(0, 0x3c, 0, 0xc0));
    check_read(BF16, FLOATS, floats, 2, BYTES(0x80, 0x3f, 0, 0xc0));
    check_read(F64, FLOATS, BYTES(0, 0, 0x80, 0x3f), 1,
               BYTES(0, 0, 0, 0, 0, 0, 0xf0, 0x3f));
    check_read(F64, DOUBLES, BYTES(0, 0, 0, 0, 0, 0, 0xf0, 0x3f), 1,
               BYTES(0, 0, 0, 0, 0, 0, 0xf0, 0x3f));
    check_read(I8, INTS, minus_one, 2, BYTES(3, 0xff));
    check_read(I16, INTS, minus_one, 2, BYTES(3, 0, 0xff, 0xff));
    check_read(I32, INTS, minus_one, 2, BYTES(3, 0, 0, 0, 255, 255, 255, 255));
    check_read(I4, INTS, minus_one, 2, BYTES(0xf3));
    check_read(I64, LONG_INTS, BYTES(5), 1, BYTES(5, 0, 0, 0, 0, 0, 0, 0));
    check_read(U16, INTS, BYTES(0xff, 0xff, 3), 1, BYTES(0xff, 0xff));
    check_read(U32, LONG_INTS, BYTES(7), 1, BYTES(7, 0, 0, 0));
    check_read(U3, INTS, BYTES(1, 2, 7), 3, BYTES(0xd1, 0x01));
    check_read(U1, INTS, BYTES(1, 0, 1, 1, 0, 0, 0, 0, 1), 9, BYTES(0x0d, 1));
    check_read(BOOL, BOOLS, BYTES(0, 1, 5), 3, BYTES(0, 1, 1));
    check_read(BOOL, AS_BYTES, BYTES(0, 1, 5), 3, BYTES(0, 1, 1));
    check_read(F16, AS_BYTES, BYTES(1, 2, 3, 4), 2, BYTES(1, 2, 3, 4));
    check_read(U6, AS_BYTES, BYTES(1, 2, 3, 4), 5, BYTES(1, 2, 3, 4));
    check_read(E4M3, AS_BYTES, BYTES(1, 2), 2, BYTES(1, 2));
    check_read(I32, INTS, anm_bytes_of("", 0), 0, anm_bytes_of("", 0));
}

static void numbers_may_come_one_field_each(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_const(&w, "c", I32, TEST_DIMS(3), INTS);
    test_pb_int(&w, 1, 7);
    test_pb_bytes(&w, 1, "\x08", 1);
    test_pb_int(&w, 1, -9);
    test_mil_const_end(&w);
    test_mil_relu(&w, "x", "y");
    test_mil_end(&w);
    anm_mlpackage *p = test_open_package(test_pb_file(&w));
    static const int64_t want[] = { 7, 8, -9 };
    for (uint64_t i = 0; i < 3; i++) {
        int64_t got = 0;

        assert_true(anm_mil_value_int(constant(p), i, &got));
        assert_int_equal(got, want[i]);
    }
    anm_mlpackage_close(p);
}

static void strings_are_kept(void **state)
{
    (void)state;
    anm_mlpackage *p = test_open_package(
        model(STRING, NULL, 0, STRINGS, anm_bytes_of("valid", 5)));

    assert_string_equal(anm_mil_value_string(constant(p)), "valid");
    assert_int_equal(constant(p)->rank, 0);
    anm_mlpackage_close(p);
}

static void check_refused(const char *path, const char *words)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };
    const anm_status status = anm_mlpackage_open(&p, path, &err);

    assert_int_equal(status, ANM_E_FORMAT);
    if (!test_holds(err.message, words))
        fail_msg("no \"%s\" in \"%s\"", words, err.message);
}

static void counts_that_disagree_are_refused(void **state)
{
    (void)state;
    const anm_bytes three = BYTES(1, 2, 3);

    check_refused(model(I32, TEST_DIMS(4), INTS, three),
                  "op const c: attribute val: immediate value of 3 elements, "
                  "INT32 [4] takes 4");
    check_refused(model(I32, TEST_DIMS(2), INTS, three),
                  "3 elements, INT32 [2] takes 2");
    check_refused(model(U4, TEST_DIMS(7), AS_BYTES, three),
                  "3 bytes, UINT4 [7] takes 4");
    check_refused(model(F32, TEST_DIMS(1), FLOATS, three), "0 elements");
    check_refused(model(STRING, TEST_DIMS(2), STRINGS, three),
                  "1 strings, STRING [2] takes 2");
    check_refused(model(I32, TEST_DIMS(-1), INTS, three),
                  "a constant of shape INT32 [?]");
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    const anm_bytes big = BYTES(0x80, 0x80, 4);

    check_refused(model(I16, TEST_DIMS(1), INTS, big), "65536 is no INT16");
    check_refused(model(U1, TEST_DIMS(1), INTS, BYTES(2)), "2 is no UINT1");
    check_refused(model(I4, TEST_DIMS(1), INTS, BYTES(8)), "8 is no INT4");
    check_refused(
        model(U8, TEST_DIMS(1), INTS,
              BYTES(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)),
        "-1 is no UINT8");
}

static void spellings_of_other_types_are_refused(void **state)
{
    (void)state;
    const anm_bytes four = BYTES(0, 0, 0, 0);

    check_refused(model(I32, TEST_DIMS(1), FLOATS, four),
                  "dtype INT32 spelt as floats");
    check_refused(model(F32, TEST_DIMS(4), INTS, four),
                  "dtype FLOAT32 spelt as ints");
    check_refused(model(E5M2, TEST_DIMS(1), FLOATS, four),
                  "dtype FLOAT8E5M2 spelt as floats");
    check_refused(model(STRING, TEST_DIMS(1), AS_BYTES, four),
                  "dtype STRING spelt as bytes");
    check_refused(model(F32, TEST_DIMS(1), STRINGS, four),
                  "dtype FLOAT32 spelt as strings");
}

/* A const whose Value has a type of form `form` (a field of ValueType) and
 * content in a field of ImmediateValue; ends with six ends. */
static void begin_form(test_pb *w, unsigned form, unsigned field)
{
    test_mil_op(w, "const");
    test_pb_begin(w, 3);
    test_pb_text(w, 1, "c");
    test_pb_begin(w, 2);
    test_pb_begin(w, form);
    test_pb_end(w);
    test_pb_end(w);
    test_pb_end(w);
    test_pb_entry(w, 5, "val");
    test_pb_begin(w, 2);
    test_pb_begin(w, form);
    test_pb_end(w);
    test_pb_end(w);
    test_pb_begin(w, 3);
    test_pb_begin(w, field);
}

static void end_form(test_pb *w)
{
    for (int i = 0; i < 5; i++)
        test_pb_end(w);
    test_mil_relu(w, "x", "y");
    test_mil_end(w);
}

/* A Value in a field: one string. */
static void string_value(test_pb *w, unsigned field, const char *text)
{
    test_pb_begin(w, field);
    test_mil_type(w, 2, STRING, NULL, 0);
    test_pb_begin(w, 3);
    test_pb_begin(w, 1);
    test_pb_begin(w, STRINGS);
    test_pb_text(w, 1, text);
    for (int i = 0; i < 4; i++)
        test_pb_end(w);
}

static void lists_and_dictionaries_hold_values(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    begin_form(&w, 2, 3);
    string_value(&w, 1, "ane");
    string_value(&w, 1, "bnns");
    end_form(&w);
    anm_mlpackage *p = test_open_package(test_pb_file(&w));
    assert_int_equal(constant(p)->form, ANM_MIL_LIST);
    assert_int_equal(constant(p)->n, 2);
    assert_string_equal(anm_mil_value_string(&constant(p)->items[1]), "bnns");
    anm_mlpackage_close(p);

    w = (test_pb){ 0 };
    test_mil_begin(&w);
    begin_form(&w, 4, 4);
    test_pb_begin(&w, 1);
    string_value(&w, 1, "key");
    string_value(&w, 2, "value");
    test_pb_end(&w);
    end_form(&w);
    p = test_open_package(test_pb_file(&w));
    assert_int_equal(constant(p)->form, ANM_MIL_DICTIONARY);
    assert_int_equal(constant(p)->n, 1);
    assert_string_equal(anm_mil_value_string(&constant(p)->items[0]), "key");
    assert_string_equal(anm_mil_value_string(&constant(p)->items[1]), "value");
    anm_mlpackage_close(p);
}

static void content_of_another_form_is_refused(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    begin_form(&w, 2, 4);
    end_form(&w);
    check_refused(test_pb_file(&w), "another form than its type");
}

static void values_nest_up_to_a_limit(void **state)
{
    (void)state;
    enum { DEEP = 17 };
    test_pb w = { 0 };
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };

    test_mil_begin(&w);
    begin_form(&w, 2, 3);
    for (int i = 0; i < DEEP; i++) {
        test_pb_begin(&w, 1);
        test_pb_begin(&w, 2);
        test_pb_begin(&w, 2);
        test_pb_end(&w);
        test_pb_end(&w);
        test_pb_begin(&w, 3);
        test_pb_begin(&w, 3);
    }
    for (int i = 0; i < 3 * DEEP; i++)
        test_pb_end(&w);
    end_form(&w);
    assert_int_equal(anm_mlpackage_open(&p, test_pb_file(&w), &err),
                     ANM_E_LIMIT);
    assert_true(test_holds(err.message, "nested deeper than 16"));
}

static void a_bare_model_cannot_have_blobs(void **state)
{
    (void)state;
    test_pb w = { 0 };
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };

    test_mil_begin(&w);
    test_mil_op(&w, "const");
    test_mil_output(&w, "c", F32, TEST_DIMS(4));
    test_pb_entry(&w, 5, "val");
    test_mil_type(&w, 2, F32, TEST_DIMS(4));
    test_pb_begin(&w, 5);
    test_pb_text(&w, 1, "@model_path/weights/weight.bin");
    test_pb_int(&w, 2, 64);
    for (int i = 0; i < 4; i++)
        test_pb_end(&w);
    test_mil_relu(&w, "x", "y");
    test_mil_end(&w);
    assert_int_equal(anm_mlpackage_open(&p, test_pb_file(&w), &err),
                     ANM_E_UNSUPPORTED);
    assert_true(test_holds(err.message, "give the .mlpackage"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_comes_in_one_layout),
        cmocka_unit_test(numbers_may_come_one_field_each),
        cmocka_unit_test(strings_are_kept),
        cmocka_unit_test(counts_that_disagree_are_refused),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(spellings_of_other_types_are_refused),
        cmocka_unit_test(lists_and_dictionaries_hold_values),
        cmocka_unit_test(content_of_another_form_is_refused),
        cmocka_unit_test(values_nest_up_to_a_limit),
        cmocka_unit_test(a_bare_model_cannot_have_blobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
