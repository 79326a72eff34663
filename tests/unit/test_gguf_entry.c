/* test_gguf_entry.c - metadata: every type of value, and what is wrong.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/gguf.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/gguf_write.h"

static anm_gguf *sample;

static int open_sample(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_sample(&f);
    assert_int_equal(
        anm_gguf_open(&sample, test_gguf_write(&f, "sample.gguf"), NULL),
        ANM_OK);
    free(f.data);
    return 0;
}

static int close_sample(void **state)
{
    (void)state;
    anm_gguf_close(sample);
    return 0;
}

static void integers_of_every_width_are_read(void **state)
{
    static const struct {
        const char *key;
        int64_t value;
    } rows[] = {
        { "u8", 200 },        { "i8", -56 },         { "u16", 65535 },
        { "i16", -1 },        { "u32", 4000000000 }, { "i32", -294967296 },
        { "u64", INT64_MAX }, { "i64", -2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = 0;

        assert_int_equal(
            anm_gguf_int(sample, rows[i].key,
                         (anm_int_rule){ .min = INT64_MIN, .max = INT64_MAX },
                         &value, NULL),
            ANM_OK);
        assert_int_equal(value, rows[i].value);
    }
}

static void reals_bools_and_texts_are_read(void **state)
{
    double d = 0.0;
    bool b = false;
    anm_text t;

    (void)state;
    assert_int_equal(anm_gguf_real(sample, "f64", &d, NULL), ANM_OK);
    assert_true(d == 3.25);
    assert_int_equal(anm_gguf_real(sample, "i8", &d, NULL), ANM_OK);
    assert_true(d == -56.0);
    assert_int_equal(anm_gguf_bool_or(sample, "yes", false, &b, NULL), ANM_OK);
    assert_true(b);
    assert_int_equal(anm_gguf_bool_or(sample, "no", true, &b, NULL), ANM_OK);
    assert_false(b);
    assert_int_equal(anm_gguf_text(sample, "general.architecture", &t, NULL),
                     ANM_OK);
    assert_int_equal(t.len, 4);
    assert_memory_equal(t.data, "none", 4);
}

static void a_real_is_the_decimal_it_was_written_from(void **state)
{
    static const struct {
        float written;
        double decimal;
    } rows[] = {
        { 1e-12f, 1e-12 },
        { 1e-6f, 1e-6 },
        { 1e6f, 1e6 },
        { 0.044715f, 0.044715 },
        { -0.5f, -0.5 },
        { 0.0f, 0.0 },
        { 16777217.0f, 16777216.0 },
        { FLT_MAX, (double)3.4028235e38 },
        { (float)INFINITY, INFINITY },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_gguf f = { 0 };
        anm_gguf *g = NULL;
        double d = 7.0;

        test_gguf_head(&f, 3, 0, 1);
        test_gguf_key_f32(&f, "x", rows[i].written);
        assert_int_equal(anm_gguf_open(&g, test_gguf_write(&f, "x"), NULL),
                         ANM_OK);
        assert_int_equal(anm_gguf_real(g, "x", &d, NULL), ANM_OK);
        assert_true((float)d == rows[i].written);
        assert_true(d == rows[i].decimal);
        anm_gguf_close(g);
        free(f.data);
    }
}

static void arrays_are_taken_to_their_end(void **state)
{
    static const char *const words[] = { "one", "", "three" };
    static const int64_t numbers[] = { 1, -1, 7 };
    anm_gguf_array a;
    anm_text text;
    int64_t value;

    (void)state;
    assert_int_equal(anm_gguf_texts(sample, "texts", &a, NULL), ANM_OK);
    assert_int_equal(a.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(anm_gguf_take_text(&a, &text));
        assert_int_equal(text.len, strlen(words[i]));
        assert_memory_equal(text.data, words[i], text.len);
    }
    assert_false(anm_gguf_take_text(&a, &text));
    assert_int_equal(anm_gguf_ints(sample, "ints", &a, NULL), ANM_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_true(anm_gguf_take_int(&a, &value));
        assert_int_equal(value, numbers[i]);
    }
    assert_false(anm_gguf_take_int(&a, &value));
}

static void nested_arrays_are_kept_as_they_lie(void **state)
{
    const anm_gguf_entry *e = anm_gguf_entry_find(sample, "nested");

    (void)state;
    assert_non_null(e);
    assert_int_equal(e->type, ANM_GGUF_ARRAY);
    assert_int_equal(e->element, ANM_GGUF_ARRAY);
    assert_int_equal(e->n, 2);
    assert_int_equal(e->value.len, 4 + 8 + 2 + 4 + 8 + 8 + 4);
    assert_int_equal(anm_gguf_entry_find(sample, "nothing")->n, 0);
}

static void what_is_absent_is_the_default_or_an_error(void **state)
{
    int64_t i = 0;
    double d = 0.0;
    bool b = false;
    anm_text t;
    anm_gguf_array a;
    anm_error err;

    (void)state;
    assert_null(anm_gguf_entry_find(sample, "absent"));
    assert_int_equal(
        anm_gguf_int_or(sample, "absent",
                        (anm_int_rule){ .max = 9, .otherwise = -1 }, &i, NULL),
        ANM_OK);
    assert_int_equal(i, -1);
    assert_int_equal(anm_gguf_real_or(sample, "absent", 0.5, &d, NULL), ANM_OK);
    assert_true(d == 0.5);
    assert_int_equal(anm_gguf_bool_or(sample, "absent", true, &b, NULL),
                     ANM_OK);
    assert_true(b);
    assert_int_equal(anm_gguf_text_or(sample, "absent", "x", &t, NULL), ANM_OK);
    assert_memory_equal(t.data, "x", 1);
    assert_int_equal(
        anm_gguf_int(sample, "absent", (anm_int_rule){ .max = 9 }, &i, &err),
        ANM_E_FORMAT);
    assert_string_equal(err.message, "absent: not there");
    assert_int_equal(anm_gguf_real(sample, "absent", &d, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_gguf_text(sample, "absent", &t, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_gguf_texts(sample, "absent", &a, NULL), ANM_E_FORMAT);
}

static void another_type_is_named_with_the_one_expected(void **state)
{
    int64_t i = 0;
    double d = 0.0;
    bool b = false;
    anm_text t;
    anm_gguf_array a;
    anm_error err;

    (void)state;
    assert_int_equal(
        anm_gguf_int(sample, "f32", (anm_int_rule){ .max = 9 }, &i, &err),
        ANM_E_FORMAT);
    assert_string_equal(err.message, "f32: expected integer, found f32");
    assert_int_equal(
        anm_gguf_int(sample, "yes", (anm_int_rule){ .max = 9 }, &i, NULL),
        ANM_E_FORMAT);
    assert_int_equal(anm_gguf_real(sample, "texts", &d, &err), ANM_E_FORMAT);
    assert_string_equal(err.message,
                        "texts: expected number, found array of string");
    assert_int_equal(anm_gguf_bool_or(sample, "u8", true, &b, &err),
                     ANM_E_FORMAT);
    assert_string_equal(err.message, "u8: expected bool, found u8");
    assert_int_equal(anm_gguf_text(sample, "ints", &t, &err), ANM_E_FORMAT);
    assert_string_equal(err.message,
                        "ints: expected string, found array of i32");
    assert_int_equal(anm_gguf_texts(sample, "ints", &a, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_gguf_ints(sample, "texts", &a, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_gguf_ints(sample, "u8", &a, NULL), ANM_E_FORMAT);
    assert_int_equal(
        anm_gguf_int(sample, "u8", (anm_int_rule){ .max = 9 }, &i, &err),
        ANM_E_FORMAT);
    assert_string_equal(err.message, "u8: 200, allowed 0 to 9");
}

static void check_refused(test_gguf *f, anm_status expected, const char *words)
{
    anm_gguf *g = NULL;
    anm_error err = { 0 };

    assert_int_equal(anm_gguf_open(&g, test_gguf_write(f, "x.gguf"), &err),
                     expected);
    if (!strstr(err.message, words)) print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, words));
    free(f->data);
    *f = (test_gguf){ 0 };
}

static void lengths_are_held_against_the_file(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_key(&f, "k", ANM_GGUF_STRING);
    test_gguf_u64(&f, UINT64_MAX);
    check_refused(&f, ANM_E_FORMAT, "string of 18446744073709551615 bytes");
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_key_array(&f, "k", ANM_GGUF_U64, UINT64_MAX / 8 + 2);
    test_gguf_u64(&f, 0);
    check_refused(&f, ANM_E_FORMAT, "of u64 where 8 bytes are left");
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_key_array(&f, "k", ANM_GGUF_STRING, UINT64_MAX);
    check_refused(&f, ANM_E_FORMAT, "of string where 0 bytes are left");
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_u64(&f, 1000);
    test_gguf_u64(&f, 1000);
    check_refused(&f, ANM_E_FORMAT, "a key: a string of 1000 bytes");
}

static void a_key_stands_once(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_head(&f, 3, 0, 3);
    test_gguf_key_u32(&f, "k", 1);
    test_gguf_key_u32(&f, "other", 1);
    test_gguf_key_u32(&f, "k", 1);
    check_refused(&f, ANM_E_FORMAT, "key k is there twice");
}

static void unknown_types_and_odd_bools_are_refused(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_key(&f, "k", (anm_gguf_type)13);
    test_gguf_u64(&f, 0);
    check_refused(&f, ANM_E_FORMAT, "k: type 13");
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_key(&f, "k", ANM_GGUF_BOOL);
    test_gguf_bytes(&f, "\2", 1);
    check_refused(&f, ANM_E_FORMAT, "k: a bool is 2");
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_key_array(&f, "k", ANM_GGUF_BOOL, 2);
    test_gguf_bytes(&f, "\1\3", 2);
    check_refused(&f, ANM_E_FORMAT, "k: a bool is 3");
}

static void nest(test_gguf *f, unsigned depth)
{
    test_gguf_head(f, 3, 0, 1);
    test_gguf_key(f, "k", ANM_GGUF_ARRAY);
    for (unsigned i = 1; i < depth; i++) {
        test_gguf_u32(f, ANM_GGUF_ARRAY);
        test_gguf_u64(f, 1);
    }
    test_gguf_u32(f, ANM_GGUF_U8);
    test_gguf_u64(f, 0);
}

static void arrays_nest_four_deep_and_no_deeper(void **state)
{
    test_gguf f = { 0 };
    anm_gguf *g = NULL;

    (void)state;
    nest(&f, 4);
    assert_int_equal(anm_gguf_open(&g, test_gguf_write(&f, "x"), NULL), ANM_OK);
    anm_gguf_close(g);
    free(f.data);
    f = (test_gguf){ 0 };
    nest(&f, 5);
    check_refused(&f, ANM_E_LIMIT, "arrays 5 deep, at most 4");
    nest(&f, 100000);
    check_refused(&f, ANM_E_LIMIT, "arrays 5 deep, at most 4");
}

static void a_key_has_a_longest_length(void **state)
{
    test_gguf f = { 0 };
    char key[65537];

    (void)state;
    memset(key, 'k', sizeof(key));
    key[65536] = '\0';
    test_gguf_head(&f, 3, 0, 1);
    test_gguf_key_u32(&f, key, 1);
    check_refused(&f, ANM_E_LIMIT, "key of 65536 bytes, at most 65535");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_width_are_read),
        cmocka_unit_test(reals_bools_and_texts_are_read),
        cmocka_unit_test(a_real_is_the_decimal_it_was_written_from),
        cmocka_unit_test(arrays_are_taken_to_their_end),
        cmocka_unit_test(nested_arrays_are_kept_as_they_lie),
        cmocka_unit_test(what_is_absent_is_the_default_or_an_error),
        cmocka_unit_test(another_type_is_named_with_the_one_expected),
        cmocka_unit_test(lengths_are_held_against_the_file),
        cmocka_unit_test(a_key_stands_once),
        cmocka_unit_test(unknown_types_and_odd_bools_are_refused),
        cmocka_unit_test(arrays_nest_four_deep_and_no_deeper),
        cmocka_unit_test(a_key_has_a_longest_length),
    };
    return cmocka_run_group_tests(tests, open_sample, close_sample);
}
