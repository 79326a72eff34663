/* JSON from outside: refused with the place, read with its type.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "support/support.h"

static json_t *parse(const char *text)
{
    json_t *v = NULL;
    anm_error err;
    if (anm_json_parse(&v, text, strlen(text), &err))
        fail_msg("%s", err.message);
    return v;
}

static void bad_documents_are_refused_with_the_place(void **state)
{
    static const char *const cases[][2] = {
        { "", "1:" },
        { "{\"a\":1,\n\"a\":2}", "2:" },
        { "{} x", "1:" },
        { "{\"a\":\"\xff\"}", "1:" },
        { "[1,]", "1:" },
        { "{\"a\":", "1:" },
        { "[99999999999999999999]", "1:" },
        { "[1e999]", "1:" },
        { "\n\n\"\xed\xa0\x80\"", "3:" },
        { "nul", "1:" },
        { "\xef\xbb\xbf{}", "begins with a byte order mark" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *v = NULL;
        anm_error err;
        const anm_status status =
            anm_json_parse(&v, cases[i][0], strlen(cases[i][0]), &err);
        assert_int_equal(status, ANM_E_FORMAT);
        assert_null(v);
        assert_memory_equal(err.message, cases[i][1], strlen(cases[i][1]));
    }
}

static void message_never_quotes_the_text(void **state)
{
    static const char text[] = "{\"a\": secret}";
    json_t *v = NULL;
    anm_error err;
    (void)state;

    anm_json_parse(&v, text, strlen(text), &err);
    assert_null(strstr(err.message, "secret"));
    assert_true(strlen(err.message) > 6);
}

static void deep_nesting_is_refused_and_shallow_is_not(void **state)
{
    char text[6001];
    json_t *v = NULL;
    (void)state;

    memset(text, '[', 3000);
    memset(text + 3000, ']', 3000);
    text[6000] = '\0';
    assert_int_equal(anm_json_parse(&v, text, 6000, NULL), ANM_E_FORMAT);
    assert_int_equal(anm_json_parse(&v, text + 2000, 2000, NULL), ANM_OK);
    json_decref(v);
}

static void any_value_may_stand_at_the_top(void **state)
{
    static const char *const texts[] = { "1", "\"s\"", "null", "[]", " {} \n" };
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        json_decref(parse(texts[i]));
}

static void nul_in_a_string_is_kept_and_refused_as_a_c_string(void **state)
{
    const char *s = "untouched";
    anm_error err;
    json_t *v = parse("{\"a\":\"x\\u0000y\"}");
    (void)state;

    assert_int_equal(json_string_length(json_object_get(v, "a")), 3);
    assert_int_equal(anm_json_string(v, "a", "o", &s, &err), ANM_E_FORMAT);
    assert_string_equal(s, "untouched");
    json_decref(v);
}

static void members_have_their_type(void **state)
{
    json_t *v = parse("{\"o\":{},\"a\":[1],\"s\":\"t\",\"i\":7,\"r\":2.5,"
                      "\"t\":true,\"f\":false,\"n\":null}");
    const json_t *found = NULL;
    const char *s = NULL;
    int64_t i = 0;
    double r = 0;
    bool b = false;
    (void)state;

    assert_int_equal(anm_json_object(v, "o", "x", &found, NULL), ANM_OK);
    assert_int_equal(anm_json_array(v, "a", "x", &found, NULL), ANM_OK);
    assert_int_equal(json_array_size(found), 1);
    assert_int_equal(anm_json_string(v, "s", "x", &s, NULL), ANM_OK);
    assert_string_equal(s, "t");
    assert_int_equal(anm_json_int(v, "i", "x",
                                  (anm_int_rule){ .min = 7, .max = 7 }, &i,
                                  NULL),
                     ANM_OK);
    assert_int_equal(i, 7);
    assert_int_equal(anm_json_real_or(v, "r", "x", 0, &r, NULL), ANM_OK);
    assert_true(r == 2.5);
    assert_int_equal(anm_json_real_or(v, "i", "x", 0, &r, NULL), ANM_OK);
    assert_true(r == 7);
    assert_int_equal(anm_json_bool_or(v, "t", "x", false, &b, NULL), ANM_OK);
    assert_true(b);
    assert_int_equal(anm_json_bool_or(v, "f", "x", true, &b, NULL), ANM_OK);
    assert_false(b);
    json_decref(v);
}

static void absent_and_null_take_the_default(void **state)
{
    static const char *const keys[] = { "n", "absent" };
    json_t *v = parse("{\"n\":null}");
    (void)state;

    for (size_t k = 0; k < 2; k++) {
        const char *s = NULL;
        int64_t i = 0;
        double r = 0;
        bool b = false;
        assert_int_equal(anm_json_string_or(v, keys[k], "x", "d", &s, NULL),
                         ANM_OK);
        assert_string_equal(s, "d");
        // A default is the program's own and need not be in the range.
        assert_int_equal(
            anm_json_int_or(
                v, keys[k], "x",
                (anm_int_rule){ .min = 1, .max = 2, .otherwise = -1 }, &i,
                NULL),
            ANM_OK);
        assert_int_equal(i, -1);
        assert_int_equal(anm_json_real_or(v, keys[k], "x", 0.5, &r, NULL),
                         ANM_OK);
        assert_true(r == 0.5);
        assert_int_equal(anm_json_bool_or(v, keys[k], "x", true, &b, NULL),
                         ANM_OK);
        assert_true(b);
        assert_int_equal(anm_json_string(v, keys[k], "x", &s, NULL),
                         ANM_E_FORMAT);
        assert_int_equal(
            anm_json_int(v, keys[k], "x", (anm_int_rule){ .max = 9 }, &i, NULL),
            ANM_E_FORMAT);
    }
    json_decref(v);
}

static void wrong_type_names_path_expected_and_found(void **state)
{
    json_t *v = parse("{\"a\":\"1\",\"i\":1.0,\"t\":1}");
    const json_t *found = NULL;
    anm_error err;
    int64_t i = 0;
    double r = 0;
    bool b = false;
    (void)state;

    assert_int_equal(anm_json_int(v, "a", "config.json",
                                  (anm_int_rule){ .max = 9 }, &i, &err),
                     ANM_E_FORMAT);
    assert_string_equal(err.message,
                        "config.json: a: expected integer, found string");
    assert_int_equal(anm_json_int_or(v, "i", "c",
                                     (anm_int_rule){ .max = 9, .otherwise = 3 },
                                     &i, &err),
                     ANM_E_FORMAT);
    assert_string_equal(err.message, "c: i: expected integer, found real");
    assert_int_equal(anm_json_object(v, "none", "c", &found, &err),
                     ANM_E_FORMAT);
    assert_string_equal(err.message, "c: none: expected object, found nothing");
    assert_int_equal(anm_json_real_or(v, "a", "c", 1, &r, &err), ANM_E_FORMAT);
    assert_int_equal(anm_json_bool_or(v, "t", "c", true, &b, &err),
                     ANM_E_FORMAT);
    assert_int_equal(anm_json_int(json_object_get(v, "a"), "k", "c",
                                  (anm_int_rule){ .max = 9 }, &i, &err),
                     ANM_E_FORMAT);
    assert_string_equal(err.message, "c: expected object, found string");
    json_decref(v);
}

static void integer_outside_its_range_names_the_range(void **state)
{
    json_t *v = parse("{\"a\":70000,\"b\":-9223372036854775808}");
    anm_error err;
    int64_t i = 42;
    (void)state;

    assert_int_equal(anm_json_int(v, "a", "c",
                                  (anm_int_rule){ .min = 1, .max = 65536 }, &i,
                                  &err),
                     ANM_E_FORMAT);
    assert_string_equal(err.message, "c: a: 70000, allowed 1 to 65536");
    assert_int_equal(i, 42);
    assert_int_equal(
        anm_json_int(v, "b", "c",
                     (anm_int_rule){ .min = INT64_MIN, .max = INT64_MAX }, &i,
                     &err),
        ANM_OK);
    assert_true(i == INT64_MIN);
    json_decref(v);
}

static void file_errors_start_with_path_and_line(void **state)
{
    char path[512], want[600];
    json_t *v = NULL;
    anm_error err;
    (void)state;

    snprintf(path, sizeof(path), "%s/bad.json", test_temp_folder());
    FILE *f = fopen(path, "wb");
    fputs("{\n \"a\": ,\n}", f);
    fclose(f);
    assert_int_equal(anm_json_read(&v, path, 1000, &err), ANM_E_FORMAT);
    snprintf(want, sizeof(want), "%s:2:", path);
    assert_memory_equal(err.message, want, strlen(want));
    assert_int_equal(anm_json_read(&v, path, 5, &err), ANM_E_LIMIT);
    assert_int_equal(anm_json_read(&v, "/no/such", 5, &err), ANM_E_NOTFOUND);
}

static void document_survives_being_written(void **state)
{
    static const char text[] =
        "{\"z\":1,\"a\":[true,null,\"\xc3\xa9\\n\\u0000\"],\"r\":0.5}";
    char *s = NULL;
    (void)state;

    assert_int_equal(anm_json_take_string(parse(text), 0, &s, NULL), ANM_OK);
    assert_string_equal(s, text);
    anm_free(s);
    assert_int_equal(anm_json_take_string(json_real(1.0 / 3), 0, &s, NULL),
                     ANM_OK);
    assert_true(fabs(strtod(s, NULL) - 1.0 / 3) < 1e-9);
    assert_int_equal(strlen(s), 11);
    anm_free(s);
    assert_int_equal(anm_json_take_string(json_real(1.0 / 3), 17, &s, NULL),
                     ANM_OK);
    assert_true(strtod(s, NULL) == 1.0 / 3);
    anm_free(s);
    assert_int_equal(anm_json_take_string(NULL, 0, &s, NULL), ANM_E_NOMEM);
}

static void every_allocation_may_fail(void **state)
{
    // Strings short enough for the buffer that Jansson starts with: see the
    // defect that json.c names.
    static const char text[] = "{\"a\":[1,2.5,\"text\",{\"b\":null}],\"c\":{}}";
    anm_alloc_stats before, after;
    (void)state;

    anm_alloc_stats_read(&before);
    for (uint64_t k = 1;; k++) {
        json_t *v = NULL;
        char *s = NULL;
        test_fault_arm(k);
        anm_status status = anm_json_parse(&v, text, strlen(text), NULL);
        if (!status) status = anm_json_take_string(v, 0, &s, NULL);
        const bool happened = test_fault_disarm();
        if (!happened) assert_int_equal(status, ANM_OK);
        // Jansson does without some of its memory.
        if (status) assert_int_equal(status, ANM_E_NOMEM);
        if (!status) assert_string_equal(s, text);
        anm_free(s);
        if (!happened) break;
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(before.bytes_live, after.bytes_live);
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_documents_are_refused_with_the_place),
        cmocka_unit_test(message_never_quotes_the_text),
        cmocka_unit_test(deep_nesting_is_refused_and_shallow_is_not),
        cmocka_unit_test(any_value_may_stand_at_the_top),
        cmocka_unit_test(nul_in_a_string_is_kept_and_refused_as_a_c_string),
        cmocka_unit_test(members_have_their_type),
        cmocka_unit_test(absent_and_null_take_the_default),
        cmocka_unit_test(wrong_type_names_path_expected_and_found),
        cmocka_unit_test(integer_outside_its_range_names_the_range),
        cmocka_unit_test(file_errors_start_with_path_and_line),
        cmocka_unit_test(document_survives_being_written),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
