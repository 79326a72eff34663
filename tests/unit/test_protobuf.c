/* Unit tests of format/protobuf.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/protobuf.h"

#include <string.h>

#include "support/packages.h"

#define BYTES(...)                                                             \
    anm_bytes_of((const uint8_t[]){ __VA_ARGS__ },                             \
                 sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* The status of taking every field, and the last one. */
static anm_status take_all(anm_bytes b, anm_pb_field *f, anm_error *err)
{
    anm_status status = ANM_OK;

    while (b.len && !status)
        status = anm_pb_next(&b, f, err);
    return status;
}

static void fields_of_every_wire_type_are_taken(void **state)
{
    (void)state;
    anm_bytes rest = BYTES(0x08, 0x96, 0x01, 0x12, 2, 'h', 'i', 0x1d, 1, 2, 3,
                           4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8);
    anm_pb_field f;

    assert_int_equal(anm_pb_next(&rest, &f, NULL), ANM_OK);
    assert_int_equal(f.number, 1);
    assert_int_equal(f.value, 150);
    assert_int_equal(anm_pb_next(&rest, &f, NULL), ANM_OK);
    assert_int_equal(f.number, 2);
    assert_int_equal(f.bytes.len, 2);
    assert_int_equal(anm_pb_next(&rest, &f, NULL), ANM_OK);
    assert_int_equal(f.value, 0x04030201);
    assert_int_equal(anm_pb_next(&rest, &f, NULL), ANM_OK);
    assert_true(f.value == 0x0807060504030201);
    assert_int_equal(rest.len, 0);
}

static void negative_numbers_take_ten_bytes(void **state)
{
    (void)state;
    anm_pb_field f;
    int64_t v = 0;

    assert_int_equal(take_all(BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0x01),
                              &f, NULL),
                     ANM_OK);
    assert_int_equal(anm_pb_int(&f, &v, NULL), ANM_OK);
    assert_int_equal(v, -1);
}

static void malformed_fields_are_format_errors(void **state)
{
    static const struct {
        uint8_t bytes[14];
        size_t len;
        const char *word;
    } cases[] = {
        { { 0x80 }, 1, "varint" },
        { { 0x08 }, 1, "varint" },
        { { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 },
          11,
          "64 bits" },
        { { 0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
            0x01 },
          12,
          "64 bits" },
        { { 0x12, 3, 'h', 'i' }, 4, "3 bytes, 2 left" },
        { { 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 },
          11,
          "18446744073709551615" },
        { { 0x1d, 1, 2, 3 }, 4, "4 bytes, 3 left" },
        { { 0x19, 1, 2, 3 }, 4, "8 bytes, 3 left" },
        { { 0x0b }, 1, "wire type 3" },
        { { 0x0c }, 1, "wire type 4" },
        { { 0x0e }, 1, "wire type 6" },
        { { 0x0f }, 1, "wire type 7" },
        { { 0x00, 0x00 }, 2, "field number 0" },
        { { 0x80, 0x80, 0x80, 0x80, 0x10, 0x00 }, 6, "field number 536870912" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_pb_field f;
        anm_error err = { 0 };
        const anm_bytes b = anm_bytes_of(cases[i].bytes, cases[i].len);

        assert_int_equal(take_all(b, &f, &err), ANM_E_FORMAT);
        if (!test_holds(err.message, cases[i].word))
            fail_msg("%zu: %s", i, err.message);
    }
}

static void another_wire_type_than_expected_is_refused(void **state)
{
    (void)state;
    const anm_pb_field number = { .number = 9, .wire = ANM_PB_VARINT };
    const anm_pb_field bytes = { .number = 9, .wire = ANM_PB_BYTES };
    anm_error err = { 0 };
    anm_bytes b;
    anm_pb_run run;
    int64_t i = 0;
    uint64_t u = 0;
    bool is = false;

    assert_int_equal(anm_pb_message(&number, &b, &err), ANM_E_FORMAT);
    assert_string_equal(err.message, "field 9: wire type 0, must be 2");
    assert_int_equal(anm_pb_string(&number, &b, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_pb_entry(&number, &b, &b, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_pb_int(&bytes, &i, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_pb_uint(&bytes, &u, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_pb_bool(&bytes, &is, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_pb_run_of(&number, ANM_PB_FIXED32, &run, NULL),
                     ANM_E_FORMAT);
}

static void strings_are_utf8_without_nul(void **state)
{
    (void)state;
    anm_pb_field f = { .number = 1, .wire = ANM_PB_BYTES };
    anm_error err = { 0 };
    anm_bytes text;

    f.bytes = anm_bytes_of("h\xc3\xa9", 3);
    assert_int_equal(anm_pb_string(&f, &text, NULL), ANM_OK);
    assert_int_equal(text.len, 3);
    f.bytes = anm_bytes_of("h\xff", 2);
    assert_int_equal(anm_pb_string(&f, &text, &err), ANM_E_FORMAT);
    assert_true(test_holds(err.message, "UTF-8 at byte 1"));
    f.bytes = anm_bytes_of("a\0b", 3);
    assert_int_equal(anm_pb_string(&f, &text, &err), ANM_E_FORMAT);
    assert_true(test_holds(err.message, "NUL at byte 1"));
}

static void entries_without_key_or_value_have_empty_ones(void **state)
{
    (void)state;
    anm_pb_field f = { .number = 1, .wire = ANM_PB_BYTES };
    anm_bytes key, value;

    assert_int_equal(anm_pb_entry(&f, &key, &value, NULL), ANM_OK);
    assert_int_equal(key.len + value.len, 0);
    f.bytes = BYTES(0x12, 1, 'v', 0x0a, 1, 'k', 0x18, 5);
    assert_int_equal(anm_pb_entry(&f, &key, &value, NULL), ANM_OK);
    assert_int_equal(key.data[0], 'k');
    assert_int_equal(value.data[0], 'v');
}

/* Three messages in field 2, a number between, and what is cut short behind. */
static void a_loop_ends_behind_the_last_and_at_an_error(void **state)
{
    (void)state;
    const anm_bytes whole = BYTES(0x12, 1, 'a', 0x08, 7, 0x12, 0, 0x12, 1, 'b');
    const anm_bytes cut = BYTES(0x12, 1, 'a', 0x12, 5, 'b');
    const anm_bytes wrong = BYTES(0x12, 1, 'a', 0x10, 5, 0x12, 0);
    anm_status status = ANM_OK;
    anm_bytes rest = whole, inner;
    anm_pb_field f;
    size_t n = 0;

    while (anm_pb_take(&rest, &f, &status, NULL))
        n++;
    assert_int_equal(status, ANM_OK);
    assert_int_equal(n, 4);
    rest = whole;
    for (n = 0; anm_pb_take_message(&rest, 2, &inner, &status, NULL); n++)
        assert_int_equal(inner.len, n != 1);
    assert_int_equal(status, ANM_OK);
    assert_int_equal(n, 3);
    rest = whole; // the body says no at the second
    for (n = 0; anm_pb_take_message(&rest, 2, &inner, &status, NULL); n++)
        if (inner.len == 0) status = ANM_E_LIMIT;
    assert_int_equal(status, ANM_E_LIMIT);
    assert_int_equal(n, 2);
    assert_int_equal(rest.len, 3);
    rest = cut;
    status = ANM_OK;
    for (n = 0; anm_pb_take_message(&rest, 2, &inner, &status, NULL);)
        n++;
    assert_int_equal(status, ANM_E_FORMAT);
    assert_int_equal(n, 1);
    rest = wrong; // a number where a message is meant
    status = ANM_OK;
    for (n = 0; anm_pb_take_message(&rest, 2, &inner, &status, NULL);)
        n++;
    assert_int_equal(status, ANM_E_FORMAT);
    assert_int_equal(n, 1);
}

static void fields_are_counted(void **state)
{
    (void)state;
    size_t n = 0;

    assert_int_equal(
        anm_pb_count(BYTES(0x08, 1, 0x10, 1, 0x08, 2), 1, &n, NULL), ANM_OK);
    assert_int_equal(n, 2);
    assert_int_equal(anm_pb_count(BYTES(0x08, 1, 0x12, 9), 1, &n, NULL),
                     ANM_E_FORMAT);
}

/* Numbers of a field, at most 4. */
static size_t numbers(const anm_pb_field *f, anm_pb_wire wire, uint64_t *out)
{
    anm_pb_run run;
    size_t n = 0;
    bool end = false;

    assert_int_equal(anm_pb_run_of(f, wire, &run, NULL), ANM_OK);
    const size_t expected = anm_pb_run_len(&run);
    while (!end) {
        assert_int_equal(anm_pb_run_next(&run, &out[n], &end, NULL), ANM_OK);
        n += !end;
    }
    assert_int_equal(n, expected);
    return n;
}

static void packed_and_single_numbers_read_alike(void **state)
{
    (void)state;
    const anm_pb_field one = { .wire = ANM_PB_VARINT, .value = 300 };
    const anm_pb_field many = { .wire = ANM_PB_BYTES,
                                .bytes = BYTES(1, 0xac, 2, 3) };
    const anm_pb_field floats = { .wire = ANM_PB_BYTES,
                                  .bytes = BYTES(1, 0, 0, 0, 2, 0, 0, 0) };
    const anm_pb_field doubles = { .wire = ANM_PB_FIXED64, .value = 7 };
    const anm_pb_field none = { .wire = ANM_PB_BYTES };
    uint64_t v[5];

    assert_int_equal(numbers(&one, ANM_PB_VARINT, v), 1);
    assert_int_equal(v[0], 300);
    assert_int_equal(numbers(&many, ANM_PB_VARINT, v), 3);
    assert_int_equal(v[1], 300);
    assert_int_equal(numbers(&floats, ANM_PB_FIXED32, v), 2);
    assert_int_equal(v[1], 2);
    assert_int_equal(numbers(&doubles, ANM_PB_FIXED64, v), 1);
    assert_int_equal(numbers(&none, ANM_PB_VARINT, v), 0);
}

static void runs_cut_short_are_format_errors(void **state)
{
    (void)state;
    const anm_pb_field f = { .wire = ANM_PB_BYTES, .bytes = BYTES(1, 2, 3) };
    const anm_pb_field open = { .wire = ANM_PB_BYTES, .bytes = BYTES(0x80) };
    anm_pb_run run;
    uint64_t v = 0;
    bool end = false;

    assert_int_equal(anm_pb_run_of(&f, ANM_PB_FIXED32, &run, NULL), ANM_OK);
    assert_int_equal(anm_pb_run_len(&run), 0);
    assert_int_equal(anm_pb_run_next(&run, &v, &end, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_pb_run_of(&open, ANM_PB_VARINT, &run, NULL), ANM_OK);
    assert_int_equal(anm_pb_run_next(&run, &v, &end, NULL), ANM_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_every_wire_type_are_taken),
        cmocka_unit_test(negative_numbers_take_ten_bytes),
        cmocka_unit_test(malformed_fields_are_format_errors),
        cmocka_unit_test(another_wire_type_than_expected_is_refused),
        cmocka_unit_test(strings_are_utf8_without_nul),
        cmocka_unit_test(entries_without_key_or_value_have_empty_ones),
        cmocka_unit_test(a_loop_ends_behind_the_last_and_at_an_error),
        cmocka_unit_test(fields_are_counted),
        cmocka_unit_test(packed_and_single_numbers_read_alike),
        cmocka_unit_test(runs_cut_short_are_format_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
