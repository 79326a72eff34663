/* test_wordpiece.c - longest pieces from the left.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/pieces_of.h"

#define SPLIT "{'type': 'WhitespaceSplit'}"

static anm_tokenizer *with_words(const char *words, int max_chars)
{
    return test_tokenizer_of((test_parts){
        .splitter = SPLIT, .words = words, .max_chars = max_chars });
}

static void longest_piece_from_the_left_is_taken(void **state)
{
    anm_tokenizer *t = with_words("un una ##aff ##able ##ff ##a ##b ##le", 0);

    (void)state;
    assert_string_equal(test_pieces(t, "unaffable"), "una|##ff|##able");
    assert_string_equal(test_pieces(t, "un"), "un");
    anm_tokenizer_free(t);
}

static void word_that_does_not_come_out_even_is_one_unknown(void **state)
{
    anm_tokenizer *t = with_words("un ##a x", 0);

    (void)state;
    assert_string_equal(test_pieces(t, "unaz x"), "[UNK]|x");
    assert_string_equal(test_pieces(t, "xx"), "[UNK]");
    anm_tokenizer_free(t);
}

static void continuing_piece_may_start_a_word_that_spells_it(void **state)
{
    anm_tokenizer *t = with_words("##ing a ##a", 0);

    (void)state;
    assert_string_equal(test_pieces(t, "##ing"), "##ing");
    assert_string_equal(test_pieces(t, "##inga ing"), "##ing|##a|[UNK]");
    anm_tokenizer_free(t);
}

static void limit_counts_characters_not_bytes(void **state)
{
    anm_tokenizer *t = with_words("ж ##ж", 3);

    (void)state;
    assert_string_equal(test_pieces(t, "жжж"), "ж|##ж|##ж");
    assert_string_equal(test_pieces(t, "жжжж"), "[UNK]");
    anm_tokenizer_free(t);
}

static void vocabulary_without_unknown_token_is_corrupt(void **state)
{
    anm_tokenizer *t = NULL;
    anm_error err;
    static const char json[] =
        "{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"<unk>\","
        "\"continuing_subword_prefix\": \"##\","
        "\"max_input_chars_per_word\": 100, \"vocab\": {\"a\": 0}}}";

    (void)state;
    assert_int_equal(
        anm_tokenizer_new(&t, anm_bytes_of(json, strlen(json)), &err),
        ANM_E_CORRUPT);
    assert_non_null(strstr(err.message, "<unk>"));
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_piece_from_the_left_is_taken),
        cmocka_unit_test(word_that_does_not_come_out_even_is_one_unknown),
        cmocka_unit_test(continuing_piece_may_start_a_word_that_spells_it),
        cmocka_unit_test(limit_counts_characters_not_bytes),
        cmocka_unit_test(vocabulary_without_unknown_token_is_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
