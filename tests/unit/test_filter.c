/* The --where grammar: what passes, what does not, and where it is wrong.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/stores.h"

static anm_store *store;
static const char *store_path;
static anm_collection c;

/* Item i is metas[i - 1]. */
static const char *const metas[] = {
    "{\"n\":1,\"s\":\"one\",\"b\":true,\"z\":null,\"o\":{\"n\":10}}",
    "{\"n\":2,\"s\":\"two\",\"b\":false,\"o\":{\"n\":20}}",
    "{\"n\":2.0,\"s\":\"it's\",\"b\":1,\"z\":0}",
    "{\"n\":\"2\",\"s\":2,\"b\":\"true\",\"z\":\"null\"}",
    "{}",
    "{\"n\":[2],\"s\":{\"a\":\"one\"},\"o\":{\"n\":{\"n\":5}}}",
    "{\"n\":-3.5,\"s\":\"\\u00e9t\\u00e9\",\"caf\\u00e9\":1,\"and\":{\"7\":7}}",
    "{\"n\":9007199254740993,\"s\":\"\",\"a-b\":{\"in\":\"x\\\"y\\\\z\"}}",
};

static int set_up(void **state)
{
    char key[8];
    (void)state;

    store_path = test_db_path();
    store = test_store_open(store_path, ANM_STORE_CREATE);
    c = test_store_collection(store, "notes", 4);
    const anm_collection other = test_store_collection(store, "other", 4);
    test_store_begin(store);
    for (size_t i = 0; i < sizeof(metas) / sizeof(metas[0]); i++) {
        snprintf(key, sizeof(key), "%zu", i + 1);
        test_store_put(store, &c, key, "text", metas[i], i);
    }
    test_store_put(store, &other, "1", "text", metas[0], 1);
    test_store_commit(store);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    anm_store_close(store);
    return 0;
}

/* Ids that pass, as "1 2 ". */
static const char *passing(const char *expression)
{
    static char text[256];
    anm_filter *f;
    anm_error err;
    int64_t *ids;
    size_t n;

    if (anm_filter_new(&f, expression, &err))
        fail_msg("%s: %s", expression, err.message);
    if (anm_store_filter(store, &c, f, &ids, &n, &err))
        fail_msg("%s: %s", expression, err.message);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const size_t len = strlen(text);
        snprintf(text + len, sizeof(text) - len, "%d ", (int)ids[i]);
    }
    anm_free(ids);
    anm_filter_free(f);
    return text;
}

static void refused(const char *expression, const char *message)
{
    anm_filter *f;
    anm_error err = { 0 };

    assert_true(anm_filter_new(&f, expression, &err) != ANM_OK);
    assert_null(f);
    if (!strstr(err.message, message))
        fail_msg("%s: \"%s\" lacks \"%s\"", expression, err.message, message);
}

static const struct {
    const char *expression, *ids;
} cases[] = {
    { "n = 1", "1 " },
    { "n = 2", "2 3 " },
    { "n=2.0", "2 3 " },
    { "n != 2", "1 7 8 " },
    { "n < 2", "1 7 " },
    { "n<=2", "1 2 3 7 " },
    { "n > 1", "2 3 8 " },
    { "n >= 9007199254740993", "8 " },
    { "n > 9007199254740993", "" },
    { "n = -3.5", "7 " },
    { "n = -35e-1", "7 " },
    { "n < 1e300", "1 2 3 7 8 " },
    { "s = 'one'", "1 " },
    { "s != 'one'", "2 3 7 8 " },
    { "s = 'it''s'", "3 " },
    { "s = ''", "8 " },
    { "s > 'one'", "2 7 " },
    { "s = '\xc3\xa9t\xc3\xa9'", "7 " },
    { "caf\xc3\xa9 = 1", "7 " },
    { "b = true", "1 " },
    { "b != TRUE", "2 " },
    { "b != false", "1 " },
    { "b = 1", "3 " },
    { "b = 'true'", "4 " },
    { "z = null", "1 " },
    { "z != Null", "" },
    { "z = 'null'", "4 " },
    { "absent = 1", "" },
    { "absent != 1", "" },
    { "not absent = 1", "1 2 3 4 5 6 7 8 " },
    { "not n = 2", "1 4 5 6 7 8 " },
    { "NOT n != 2", "2 3 4 5 6 " },
    { "o.n = 10", "1 " },
    { "o . n > 5", "1 2 " },
    { "o.n.n = 5", "6 " },
    { "a-b.in = 'x\"y\\z'", "8 " },
    { "n in (1, 2)", "1 2 3 " },
    { "n IN (1, '2')", "1 4 " },
    { "b in (true, false, null)", "1 2 " },
    { "z in (null, 0, 'null')", "1 3 4 " },
    { "not n in (2)", "1 4 5 6 7 8 " },
    { "n = 1 or n = 2 and s = 'two'", "1 2 " },
    { "(n = 1 or n = 2) and s = 'two'", "2 " },
    { "not (n = 1 or s = 'two') and n <= 2", "3 7 " },
    { "n=1 OR(n=2)And s='two'", "1 2 " },
    { "  n\t=\n1  ", "1 " },
    { "s = 'and'", "" },
    { "n = 0", "" },
    { "nothing = 1 or s = 'two'", "2 " },
};

static void every_case_passes_the_ids_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(passing(cases[i].expression), cases[i].ids) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].expression,
                     passing(cases[i].expression), cases[i].ids);
    }
}

static void index_changes_no_answer(void **state)
{
    static const char *const paths[] = { "n", "s", "o.n", "b", "a-b.in" };

    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(anm_store_index_path(store, &c, paths[i], NULL),
                         ANM_OK);
        assert_int_equal(anm_store_index_path(store, &c, paths[i], NULL),
                         ANM_OK);
    }
    every_case_passes_the_ids_it_says(state);
    test_store_sound(store);
}

static void numbers_do_not_ask_the_locale(void **state)
{
    const bool has_comma = setlocale(LC_NUMERIC, "de_DE.UTF-8") ||
                           setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    (void)state;

    if (!has_comma) skip(); // no locale with a decimal comma here
    every_case_passes_the_ids_it_says(state);
    index_changes_no_answer(state);
    setlocale(LC_NUMERIC, "C");
}

static void errors_give_the_column(void **state)
{
    (void)state;
    refused("", "column 1: the filter ends, expected is the name");
    refused("n", "column 2: the filter ends, expected is =");
    refused("n =", "column 4: the filter ends, expected is a value");
    refused("n == 1", "column 4: found =");
    refused("n = 1 2", "column 7: found 2, expected is and, or, or the end");
    refused("n = 'abc", "column 5: text without end");
    refused("n = abc", "column 5: found abc, expected is a value");
    refused("= 1", "column 1");
    refused("(n = 1", "column 7");
    refused("n = 1)", "column 6");
    refused("n in 1", "column 6");
    refused("n in ()", "column 7");
    refused("n in (1 2)", "column 9");
    refused("n in (1,)", "column 9");
    refused("n. = 1", "column 4");
    refused("1 = 1", "column 1");
    refused("not = 1", "column 5");
    refused("not not n = 1", "column 5: found not");
    refused("and.7 = 7", "column 1: found and");
    refused("n < true", "column 3: < has no meaning");
    refused("n >= null", "column 3");
    refused("n = 01", "column 5: not a number");
    refused("n = 1.", "column 5");
    refused("n = 1e", "column 5");
    refused("n = -", "column 5");
    refused("n = 1e999", "column 5: number beyond");
    refused("n = +1", "column 5: unexpected character +");
    refused("n ! 1", "column 3: unexpected character !");
    refused("n = \"x\"", "column 5: unexpected");
    refused("\xc3\xa9t\xc3\xa9 = ;", "column 7");
    refused("n = '\xff'", "column 6: invalid UTF-8");
    refused("n = 1 --", "column 7");
    refused("'secret' = 1", "found a text");
}

static void sql_in_values_and_names_stays_text(void **state)
{
    (void)state;
    assert_string_equal(passing("s = ''') OR 1=1 --'"), "");
    refused("n\"') OR 1=1 -- = 1", "column 2");
    refused("x[0] = 1", "column 2");
    refused("$ = 1", "column 1");
}

/* Parentheses around the second part, each time. */
static char *nested(size_t depth)
{
    char *text = malloc(depth * 32 + 32);

    assert_non_null(text);
    text[0] = '\0';
    for (size_t i = 0; i < depth; i++)
        strcat(text, i % 2 ? "n=1 or not (" : "n=1 and not (");
    strcat(text, "n = 1");
    for (size_t i = 0; i < depth; i++)
        strcat(text, ")");
    return text;
}

static void depth_has_a_limit_that_sqlite_can_take(void **state)
{
    char *text = nested(16);
    (void)state;

    passing(text);
    free(text);
    text = nested(17);
    refused(text, "more than 16 parentheses");
    free(text);
    text = nested(20000);
    refused(text, "more than 16 parentheses");
    free(text);
}

/* Each level has all that can wait at once. */
static char *crowded(size_t depth)
{
    char *text = malloc(depth * 32 + 32);

    assert_non_null(text);
    text[0] = '\0';
    for (size_t i = 0; i < depth; i++)
        strcat(text, "n=1 or n=2 and not (");
    strcat(text, "n in (1, 'x', true)");
    for (size_t i = 0; i < depth; i++)
        strcat(text, ")");
    return text;
}

/* What SQLite's parser cannot hold is refused as the filter it is, and the
 * store is not called damaged for it. */
static void what_waits_has_a_limit_that_sqlite_can_take(void **state)
{
    (void)state;

    for (size_t depth = 1; depth <= 16; depth++) {
        char *text = crowded(depth);
        if (depth <= 12)
            passing(text);
        else
            refused(text, "at most 72");
        free(text);
    }
}

static char *repeated(const char *first, const char *more, size_t n)
{
    const size_t len = strlen(more);
    char *text = malloc(strlen(first) + n * len + 2), *at = text;

    assert_non_null(text);
    at += sprintf(at, "%s", first);
    for (size_t i = 0; i < n; i++, at += len)
        memcpy(at, more, len + 1);
    return text;
}

static void numbers_of_terms_and_values_have_limits(void **state)
{
    char *text = repeated("n=1", " or s='x'", 499);
    (void)state;

    assert_string_equal(passing(text), "1 ");
    free(text);
    text = repeated("n in (1", ",2,3", 499);
    strcat(text, ")");
    assert_string_equal(passing(text), "1 2 3 ");
    free(text);
    text = repeated("n=1", " or n=2", 500);
    refused(text, "more than 500 comparisons");
    free(text);
    text = repeated("n in (1", ",2", 10000);
    refused(text, "more than 10000 values");
    free(text);
    text = repeated("n", ".n", 16);
    refused(text, "more than 16 names");
    free(text);
}

static void bad_paths_get_no_index(void **state)
{
    static const char *const bad[] = { "",      "a.",  ".a", "a b", "a'b",
                                       "a = 1", "not", "1a", "\xff" };
    anm_error err;
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(anm_store_index_path(store, &c, bad[i], &err),
                         ANM_E_ARG);
        assert_non_null(strstr(err.message, "column"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_passes_the_ids_it_says),
        cmocka_unit_test(numbers_do_not_ask_the_locale),
        cmocka_unit_test(errors_give_the_column),
        cmocka_unit_test(sql_in_values_and_names_stays_text),
        cmocka_unit_test(depth_has_a_limit_that_sqlite_can_take),
        cmocka_unit_test(what_waits_has_a_limit_that_sqlite_can_take),
        cmocka_unit_test(numbers_of_terms_and_values_have_limits),
        cmocka_unit_test(bad_paths_get_no_index),
        cmocka_unit_test(index_changes_no_answer),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
