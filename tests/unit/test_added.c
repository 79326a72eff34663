/* test_added.c - added tokens are cut out as their flags say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/pieces_of.h"

/* An added token: content and the letters of its flags (w, l, r, n, s). */
#define WORDS "a b c q x ##b"
#define BERT  "{'type': 'BertPreTokenizer'}"
#define LOWER "{'type': 'Lowercase'}"

static const char *added_of(const char *content, const char *flags)
{
    static char json[512];

    snprintf(json, sizeof(json),
             "[{'id': 7, 'content': '%s', 'single_word': %s, 'lstrip': %s,"
             " 'rstrip': %s, 'normalized': %s, 'special': %s}]",
             content, strchr(flags, 'w') ? "true" : "false",
             strchr(flags, 'l') ? "true" : "false",
             strchr(flags, 'r') ? "true" : "false",
             strchr(flags, 'n') ? "true" : "false",
             strchr(flags, 's') ? "true" : "false");
    return json;
}

static void flags_decide_where_a_token_is_found(void **state)
{
    static const struct {
        const char *content, *flags, *text, *pieces;
    } cases[] = {
        { "<s>", "", "a<s>b <s> c", "a|<s>|b|<s>|c" },
        { "<s>", "s", "<s", "[UNK]|[UNK]" },
        { "<S>", "", "<s>", "[UNK]|[UNK]|[UNK]" },
        { "<S>", "n", "a<s>b", "a|<S>|b" },
        { "Q", "w", "aQ Qb Q \u00e9Q Q_ (Q)",
          "[UNK]|q|##b|Q|[UNK]|q|[UNK]|[UNK]|Q|[UNK]" },
        { "Q", "w", "Q\u0301", "[UNK]" },
        { "\\n", "", "a\n\nb", "a|\n|\n|b" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_tokenizer *t = test_tokenizer_of(
            (test_parts){ .added = added_of(cases[i].content, cases[i].flags),
                          .normalizer = LOWER,
                          .splitter = BERT,
                          .words = WORDS });
        assert_string_equal(test_pieces(t, cases[i].text), cases[i].pieces);
        anm_tokenizer_free(t);
    }
}

static void strips_take_white_space_on_their_side(void **state)
{
    // Without a pre-tokenizer what is left between shows its white space.
    static const struct {
        const char *flags, *pieces;
    } cases[] = {
        { "", "[UNK]|<s>|[UNK]" },
        { "l", "a|<s>|[UNK]" },
        { "r", "[UNK]|<s>|b" },
        { "lr", "a|<s>|b" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_tokenizer *t = test_tokenizer_of((test_parts){
            .added = added_of("<s>", cases[i].flags), .words = WORDS });
        assert_string_equal(test_pieces(t, "a \u3000\t<s>\n b"),
                            cases[i].pieces);
        anm_tokenizer_free(t);
    }
}

static void leftmost_then_longest_token_is_cut(void **state)
{
    anm_tokenizer *t = test_tokenizer(
        "{'added_tokens': ["
        "{'id': 1, 'content': 'ab', 'single_word': false, 'lstrip': false,"
        " 'rstrip': false, 'normalized': false, 'special': false},"
        "{'id': 2, 'content': 'abcd', 'single_word': false, 'lstrip': false,"
        " 'rstrip': false, 'normalized': false, 'special': false},"
        "{'id': 3, 'content': 'bcdefg', 'single_word': false, 'lstrip': false,"
        " 'rstrip': false, 'normalized': false, 'special': false}],"
        "'model': {'type': 'WordPiece', 'unk_token': '?',"
        " 'continuing_subword_prefix': '##', 'max_input_chars_per_word': 100,"
        " 'vocab': {'?': 0, 'c': 1, 'efg': 2}}}");

    (void)state;
    assert_string_equal(test_pieces(t, "abcdefg"), "abcd|efg");
    assert_string_equal(test_pieces(t, "abc"), "ab|c");
    assert_string_equal(test_pieces(t, "bcdefg"), "bcdefg");
    anm_tokenizer_free(t);
}

static void ids_are_counted_not_read(void **state)
{
    anm_tokenizer *t = test_tokenizer_of(
        (test_parts){ .added = added_of("<s>", ""), .words = WORDS });
    anm_tokenizer_info info;
    anm_encoding *e = NULL;

    (void)state;
    anm_tokenizer_describe(t, &info);
    assert_int_equal(info.vocab_size, 8);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(
        anm_tokenizer_encode(t, (anm_text){ "<s>", 3 }, true, e, NULL), ANM_OK);
    assert_int_equal(anm_encoding_ids(e)[0], 7);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
}

/* 2 MB that tempt a matcher to look at the same bytes again and again: each
 * would take minutes if time were quadratic. */
static void tempting_texts_take_linear_time(void **state)
{
    static const char *const fills[] = { "[", "[MASK", " ", "a", "\n" };
    static const char *const contents[] = { "[MASK]", " ", "\\n", "aaaab" };
    const size_t len = 2u << 20;
    char *text = malloc(len);
    anm_encoding *e = NULL;
    const clock_t start = clock();

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    for (size_t c = 0; c < sizeof(contents) / sizeof(contents[0]); c++) {
        anm_tokenizer *t = test_tokenizer_of(
            (test_parts){ .added = added_of(contents[c], "lr"),
                          .normalizer = LOWER,
                          .splitter = BERT,
                          .words = WORDS });
        for (size_t f = 0; f < sizeof(fills) / sizeof(fills[0]); f++) {
            const size_t n = strlen(fills[f]);
            for (size_t i = 0; i < len; i++)
                text[i] = fills[f][i % n];
            assert_int_equal(
                anm_tokenizer_encode(t, (anm_text){ text, len }, true, e, NULL),
                ANM_OK);
        }
        anm_tokenizer_free(t);
    }
    assert_true((clock() - start) / CLOCKS_PER_SEC < 60);
    anm_encoding_free(e);
    free(text);
}

static void malformed_tokens_are_named(void **state)
{
    anm_error err;

    (void)state;
    assert_int_equal(test_refused_of((test_parts){ .added = "{}" }, &err),
                     ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "added_tokens"));
    assert_int_equal(
        test_refused_of((test_parts){ .added = "[{'id': 1}]" }, &err),
        ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "content"));
    assert_int_equal(
        test_refused_of((test_parts){ .added = "[{'id': 1, 'content': 'x'}]" },
                        &err),
        ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "single_word"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_decide_where_a_token_is_found),
        cmocka_unit_test(strips_take_white_space_on_their_side),
        cmocka_unit_test(leftmost_then_longest_token_is_cut),
        cmocka_unit_test(ids_are_counted_not_read),
        cmocka_unit_test(tempting_texts_take_linear_time),
        cmocka_unit_test(malformed_tokens_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
