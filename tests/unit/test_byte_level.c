/* test_byte_level.c - bytes as visible characters.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "support/pieces_of.h"
#include "text/stages.h"

static void every_byte_has_a_character_of_its_own(void **state)
{
    char spelled[256][ANM_BYTE_SPELLED_MAX + 1];

    (void)state;
    anm_byte_level_list(spelled);
    for (size_t i = 0; i < 256; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(spelled[i], spelled[k]);
    assert_string_equal(spelled['A'], "A");
    assert_string_equal(spelled[' '], "\u0120");
    assert_string_equal(spelled['\n'], "\u010a");
    assert_string_equal(spelled[0xad], "\u0143");
    assert_string_equal(spelled[0xff], "\u00ff");
}

static void check(const char *options, const char *text, const char *words,
                  const char *parts)
{
    char splitter[256];
    snprintf(splitter, sizeof(splitter),
             "{'type': 'ByteLevel', 'trim_offsets': true, %s}", options);
    anm_tokenizer *t =
        test_tokenizer_of((test_parts){ .splitter = splitter, .words = words });

    assert_string_equal(test_pieces(t, text), parts);
    anm_tokenizer_free(t);
}

static void words_are_split_and_spelled(void **state)
{
    (void)state;
    check("'add_prefix_space': false", "it!? 12 \u00e9",
          "it !? \u012012 \u0120\u00c3\u00a9",
          "it|!?|\u012012|\u0120\u00c3\u00a9");
    check("'add_prefix_space': false, 'use_regex': false", "a b", "a\u0120b",
          "a\u0120b");
}

static void space_is_added_unless_there_is_one(void **state)
{
    (void)state;
    check("'add_prefix_space': true", "a b", "\u0120a \u0120b",
          "\u0120a|\u0120b");
    check("'add_prefix_space': true", " a", "\u0120a", "\u0120a");
}

static void other_stages_may_follow(void **state)
{
    anm_tokenizer *t = test_tokenizer_of((test_parts){
        .splitter = "{'type': 'Sequence', 'pretokenizers': ["
                    "{'type': 'ByteLevel', 'add_prefix_space': false,"
                    " 'use_regex': false},"
                    "{'type': 'Split', 'pattern': {'String': '\u0120'},"
                    " 'behavior': 'Removed', 'invert': false}]}",
        .words = "a b" });

    (void)state;
    assert_string_equal(test_pieces(t, "a b"), "a|b");
    anm_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_has_a_character_of_its_own),
        cmocka_unit_test(words_are_split_and_spelled),
        cmocka_unit_test(space_is_added_unless_there_is_one),
        cmocka_unit_test(other_stages_may_follow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
