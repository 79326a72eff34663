/* test_normalizer.c - the small normalizers, and chains of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/pieces_of.h"

static void check(const char *normalizer, const char *text, const char *normal)
{
    anm_tokenizer *t = test_tokenizer_of(
        (test_parts){ .normalizer = normalizer, .words = normal });

    assert_string_equal(test_pieces(t, text), normal);
    anm_tokenizer_free(t);
}

static void small_normalizers_do_what_they_are_named(void **state)
{
    (void)state;
    check("{'type': 'Lowercase'}", "A\u0130\u03a3", "ai\u0307\u03c3");
    check("{'type': 'StripAccents'}", "e\u0301\u00e9\u0903", "e\u00e9");
    check("{'type': 'Strip', 'strip_left': true, 'strip_right': true}",
          "\u3000a\u00a0 ", "a");
    check("{'type': 'Strip', 'strip_left': true, 'strip_right': true}", " \n",
          "");
    check("{'type': 'Prepend', 'prepend': '_'}", "a", "_a");
    check("{'type': 'Prepend', 'prepend': '_'}", "", "");
    check("{'type': 'Replace', 'pattern': {'String': 'aa'}, 'content': 'x'}",
          "aaaab", "xxb");
    check("{'type': 'Replace', 'pattern': {'String': 'ab'}, 'content': ''}",
          "aabb", "ab");
    // At the end of the text, whole and cut short.
    check("{'type': 'Replace', 'pattern': {'String': 'aa'}, 'content': 'x'}",
          "baa", "bx");
    check("{'type': 'Replace', 'pattern': {'String': 'aa'}, 'content': 'x'}",
          "ba", "ba");
}

static void sequence_runs_in_order_and_nests(void **state)
{
    (void)state;
    check("{'type': 'Sequence', 'normalizers': ["
          "{'type': 'Replace', 'pattern': {'String': 'A'}, 'content': 'x'},"
          "{'type': 'Sequence', 'normalizers': [{'type': 'Lowercase'},"
          "{'type': 'Prepend', 'prepend': 'A'}]}]}",
          "AB", "Axb");
    check("{'type': 'Sequence', 'normalizers': []}", "AB", "AB");
}

static anm_tokenizer *lowered(test_parts parts)
{
    anm_tokenizer *t = test_tokenizer_of(parts);

    assert_int_equal(anm_tokenizer_lower_first(t, NULL), ANM_OK);
    return t;
}

/* What sentence-transformers makes of do_lower_case: special tokens in a text
 * are found before it, sigma is no word's last letter, and a token that is
 * looked for behind the normalizers is lower-cased as the text is. */
static void lower_case_in_front_spares_special_tokens(void **state)
{
    static const char added[] =
        "[{'id': 1, 'content': '[M]', 'single_word': false, 'lstrip': false,"
        " 'rstrip': false, 'normalized': false, 'special': true},"
        "{'id': 2, 'content': 'New', 'single_word': false, 'lstrip': false,"
        " 'rstrip': false, 'normalized': true, 'special': false}]";

    (void)state;
    anm_tokenizer *t = lowered((test_parts){
        .added = added,
        .normalizer = "{'type': 'Replace', 'pattern': {'String': 'a'},"
                      " 'content': 'x'}",
        .splitter = "{'type': 'WhitespaceSplit'}",
        .words = "[M] New xb \u03bf\u03c3 new A" });
    anm_tokenizer_info info;
    anm_tokenizer_describe(t, &info);
    assert_true(info.lowercase);
    assert_string_equal(test_pieces(t, "AB [M] \u039f\u03a3 NEW A"),
                        "xb|[M]|\u03bf\u03c3|New|[UNK]");
    anm_tokenizer_free(t);
}

static void lower_case_in_front_is_put_there_once(void **state)
{
    static const char *const have[] = {
        "{'type': 'Sequence', 'normalizers': [{'type': 'NFC'},"
        " {'type': 'Lowercase'}]}",
        "{'type': 'BertNormalizer', 'clean_text': true,"
        " 'handle_chinese_chars': true, 'strip_accents': null,"
        " 'lowercase': true}",
    };
    uint8_t before[32], after[32];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        anm_tokenizer *t = test_tokenizer_of(
            (test_parts){ .normalizer = have[i], .words = "a" });
        anm_tokenizer_digest(t, before);
        assert_int_equal(anm_tokenizer_lower_first(t, NULL), ANM_OK);
        anm_tokenizer_digest(t, after);
        assert_memory_equal(before, after, sizeof(before));
        anm_tokenizer_free(t);
    }
    anm_tokenizer *t = test_tokenizer_of((test_parts){ .words = "a" });
    anm_tokenizer_digest(t, before);
    assert_int_equal(anm_tokenizer_lower_first(t, NULL), ANM_OK);
    anm_tokenizer_digest(t, after);
    assert_memory_not_equal(before, after, sizeof(before));
    anm_tokenizer_free(t);
}

static void unknown_parts_are_refused_with_what_is_built_in(void **state)
{
    anm_error err;

    (void)state;
    assert_int_equal(
        test_refused_of((test_parts){ .normalizer = "{'type': 'Nmt'}" }, &err),
        ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "normalizer \"Nmt\" is not built "
                                        "in (built in: "));
    assert_non_null(strstr(err.message, "BertNormalizer"));
    assert_int_equal(
        test_refused_of((test_parts){ .normalizer =
                                          "{'type': 'Replace', 'pattern': "
                                          "{'Regex': 'a+'}, 'content': ''}" },
                        &err),
        ANM_E_UNSUPPORTED);
    assert_int_equal(
        test_refused_of((test_parts){ .normalizer = "'NFC'" }, &err),
        ANM_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_normalizers_do_what_they_are_named),
        cmocka_unit_test(sequence_runs_in_order_and_nests),
        cmocka_unit_test(lower_case_in_front_spares_special_tokens),
        cmocka_unit_test(lower_case_in_front_is_put_there_once),
        cmocka_unit_test(unknown_parts_are_refused_with_what_is_built_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
