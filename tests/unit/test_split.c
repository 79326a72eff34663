/* test_split.c - the pre-tokenizer Split, each behavior, both ways around.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "support/pieces_of.h"

/* Every part is a word of the vocabulary, so the pieces are the parts. */
static void check(const char *pattern, const char *behavior, bool invert,
                  const char *text, const char *words, const char *parts)
{
    char splitter[512];
    snprintf(splitter, sizeof(splitter),
             "{'type': 'Split', 'pattern': {%s}, 'behavior': '%s', 'invert': "
             "%s}",
             pattern, behavior, invert ? "true" : "false");
    anm_tokenizer *t =
        test_tokenizer_of((test_parts){ .splitter = splitter, .words = words });

    assert_string_equal(test_pieces(t, text), parts);
    anm_tokenizer_free(t);
}

static void behaviors_place_the_matches(void **state)
{
    static const char *const cases[][3] = {
        { "Removed", "a|b", "!!|!" },
        { "Isolated", "!!|a|!|b", "!!|a|!|b" },
        { "MergedWithPrevious", "!!|a!|b", "!!a|!b" },
        { "MergedWithNext", "!!a|!b", "!!|a!|b" },
        { "Contiguous", "!!|a|!|b", "!!|a|!|b" },
    };
    static const char words[] = "a b ! !! a! !!a !b";

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check("'Regex': '!+'", cases[i][0], false, "!!a!b", words, cases[i][1]);
        check("'Regex': '!+'", cases[i][0], true, "!!a!b", words, cases[i][2]);
    }
}

static void contiguous_joins_matches(void **state)
{
    (void)state;
    check("'Regex': '!'", "Contiguous", false, "!!a", "a !!", "!!|a");
    check("'Regex': '!'", "Isolated", false, "!!a", "a !", "!|!|a");
}

static void string_stands_for_itself(void **state)
{
    (void)state;
    check("'String': 'a+'", "Isolated", false, "aa+\u4e2d", "a a+ \u4e2d",
          "a|a+|\u4e2d");
}

static void bad_patterns_are_refused(void **state)
{
    anm_error err;

    (void)state;
    assert_int_equal(
        test_refused_of(
            (test_parts){ .splitter = "{'type': 'Split', 'pattern': {'Regex': "
                                      "'(a'}, 'behavior': 'Isolated',"
                                      " 'invert': false}" },
            &err),
        ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "pre_tokenizer: pattern: "));
    assert_int_equal(
        test_refused_of(
            (test_parts){ .splitter = "{'type': 'Split', 'pattern': {'String': "
                                      "''}, 'behavior': 'Isolated',"
                                      " 'invert': false}" },
            &err),
        ANM_E_UNSUPPORTED);
    assert_int_equal(
        test_refused_of(
            (test_parts){ .splitter = "{'type': 'Split', 'pattern': {'Regex': "
                                      "'a'}, 'invert': false}" },
            &err),
        ANM_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaviors_place_the_matches),
        cmocka_unit_test(contiguous_joins_matches),
        cmocka_unit_test(string_stands_for_itself),
        cmocka_unit_test(bad_patterns_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
