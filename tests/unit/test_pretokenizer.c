/* test_pretokenizer.c - where a text is split.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "support/pieces_of.h"

/* Every part of these texts is a word of the vocabulary, so the pieces are the
 * parts. */
static void check(const char *splitter, const char *text, const char *words,
                  const char *parts)
{
    anm_tokenizer *t =
        test_tokenizer_of((test_parts){ .splitter = splitter, .words = words });

    assert_string_equal(test_pieces(t, text), parts);
    anm_tokenizer_free(t);
}

static void bert_isolates_punctuation_and_drops_white_space(void **state)
{
    (void)state;
    check("{'type': 'BertPreTokenizer'}", " a,,b\u3000\u00bfc\u2014d\n$",
          "a , b \u00bf c \u2014 d $", "a|,|,|b|\u00bf|c|\u2014|d|$");
}

static void whitespace_groups_words_and_the_rest(void **state)
{
    (void)state;
    check("{'type': 'Whitespace'}", "ab_1!?\u00e9 \u20ac!",
          "ab_1 !? \u00e9 \u20ac!", "ab_1|!?|\u00e9|\u20ac!");
    check("{'type': 'WhitespaceSplit'}", "a!\u2003\u2003b?", "a! b?", "a!|b?");
}

static void behaviors_place_the_splitting_characters(void **state)
{
    static const char *const cases[][2] = {
        { "Removed", "a|b" },
        { "Isolated", "!|a|!|!|b|!" },
        { "MergedWithPrevious", "!|a!|!|b!" },
        { "MergedWithNext", "!a|!|!b|!" },
        { "Contiguous", "!|a|!!|b|!" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char splitter[128];
        snprintf(splitter, sizeof(splitter),
                 "{'type': 'Punctuation', 'behavior': '%s'}", cases[i][0]);
        check(splitter, "!a!!b!", "a b ! a! b! !a !b !!", cases[i][1]);
    }
}

static void digits_and_delimiters_split(void **state)
{
    (void)state;
    check("{'type': 'Digits', 'individual_digits': true}", "a12\u00bd",
          "a 1 2 \u00bd", "a|1|2|\u00bd");
    check("{'type': 'Digits', 'individual_digits': false}", "12a3", "12 a 3",
          "12|a|3");
    check("{'type': 'CharDelimiterSplit', 'delimiter': '\u00b7'}",
          "a\u00b7\u00b7b", "a b", "a|b");
}

static void sequence_splits_what_was_split(void **state)
{
    (void)state;
    check("{'type': 'Sequence', 'pretokenizers': [{'type': 'WhitespaceSplit'},"
          "{'type': 'Digits', 'individual_digits': true}]}",
          "a1 2b", "a 1 2 b", "a|1|2|b");
}

static void unknown_parts_are_refused_with_what_is_built_in(void **state)
{
    anm_error err;

    (void)state;
    assert_int_equal(
        test_refused_of((test_parts){ .splitter = "{'type': 'Foo'}" }, &err),
        ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "pre_tokenizer \"Foo\" is not "
                                        "built in (built in: "));
    assert_int_equal(
        test_refused_of((test_parts){ .splitter = "{'type': 'Punctuation',"
                                                  " 'behavior': 'Odd'}" },
                        &err),
        ANM_E_UNSUPPORTED);
    assert_int_equal(
        test_refused_of((test_parts){ .splitter =
                                          "{'type': 'CharDelimiterSplit',"
                                          " 'delimiter': 'ab'}" },
                        &err),
        ANM_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_isolates_punctuation_and_drops_white_space),
        cmocka_unit_test(whitespace_groups_words_and_the_rest),
        cmocka_unit_test(behaviors_place_the_splitting_characters),
        cmocka_unit_test(digits_and_delimiters_split),
        cmocka_unit_test(sequence_splits_what_was_split),
        cmocka_unit_test(unknown_parts_are_refused_with_what_is_built_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
