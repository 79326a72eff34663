/* test_bert_normalizer.c - BertNormalizer's four steps, alone and together. With no
 * pre-tokenizer the whole normalized text is one word, so a vocabulary of one
 * word tells exactly what the normalizer made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "support/pieces_of.h"

/* Flags: c clean, j ideographs, s strip, l lower case; S: strip null. */
static void check(const char *flags, const char *text, const char *normal)
{
    char normalizer[256], words[256];

    snprintf(normalizer, sizeof(normalizer),
             "{'type': 'BertNormalizer', 'clean_text': %s,"
             " 'handle_chinese_chars': %s, 'strip_accents': %s,"
             " 'lowercase': %s}",
             strchr(flags, 'c') ? "true" : "false",
             strchr(flags, 'j') ? "true" : "false",
             strchr(flags, 'S')   ? "null"
             : strchr(flags, 's') ? "true"
                                  : "false",
             strchr(flags, 'l') ? "true" : "false");
    snprintf(words, sizeof(words), "%s", normal);
    anm_tokenizer *t = test_tokenizer_of((test_parts){
        .normalizer = normalizer, .splitter = NULL, .words = words });
    assert_string_equal(test_pieces(t, text), normal);
    anm_tokenizer_free(t);
}

static void cleaning_drops_controls_and_levels_white_space(void **state)
{
    (void)state;
    check("c", "a\x01\u200b\ufffd\u00adb", "ab");
    check("", "a\u200bb", "a\u200bb");
    check("c", "a\ue000\U000f0000b", "ab");
}

static void accents_fall_where_they_are_told_to(void **state)
{
    (void)state;
    check("s", "\u00c9e\u0301\u1ec7", "Eee");
    check("", "\u00c9e\u0301", "\u00c9e\u0301");
    check("Sl", "\u00c9\u0130", "ei");
    check("S", "\u00c9", "\u00c9");
    check("l", "\u00c9\u0130", "\u00e9i\u0307");
}

static void lower_case_is_per_code_point_and_behind_accents(void **state)
{
    (void)state;
    check("l", "\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c3");
    check("sl", "\u1e9e\u00c5", "\u00dfa");
    check("sl", "\u212b", "a");
}

static void hangul_comes_apart_and_new_marks_stay(void **state)
{
    (void)state;
    check("s", "\ud55c", "\u1112\u1161\u11ab");
    check("s", "a\U0001e000", "a\U0001e000");
    // Marks that stay are put into canonical order.
    check("s", "a\U0001e000\u302e", "a\u302e\U0001e000");
    check("", "a\U0001e000\u302e", "a\U0001e000\u302e");
}

static void ideographs_stand_alone(void **state)
{
    anm_tokenizer *t = test_tokenizer_of((test_parts){
        .normalizer = "{'type': 'BertNormalizer', 'clean_text': true,"
                      " 'handle_chinese_chars': true, 'strip_accents': true,"
                      " 'lowercase': true}",
        .splitter = "{'type': 'WhitespaceSplit'}",
        .words = "a b \u4e00 \u8c48 \u3042\u3044 \ud55c" });

    (void)state;
    assert_string_equal(test_pieces(t, "a\u4e00b\uf900"), "a|\u4e00|b|\u8c48");
    assert_string_equal(test_pieces(t, "\u3042\u3044\t\u00a0a"),
                        "\u3042\u3044|a");
    anm_tokenizer_free(t);
}

static void missing_switch_is_named(void **state)
{
    anm_error err;

    (void)state;
    assert_int_equal(
        test_refused_of((test_parts){ .normalizer = "{'type': 'BertNormalizer',"
                                                    " 'clean_text': true}" },
                        &err),
        ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "handle_chinese_chars"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleaning_drops_controls_and_levels_white_space),
        cmocka_unit_test(accents_fall_where_they_are_told_to),
        cmocka_unit_test(lower_case_is_per_code_point_and_behind_accents),
        cmocka_unit_test(hangul_comes_apart_and_new_marks_stay),
        cmocka_unit_test(ideographs_stand_alone),
        cmocka_unit_test(missing_switch_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
