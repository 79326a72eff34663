/* test_bpe.c - byte pair encoding: options, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "support/pieces_of.h"

#include "base/alloc.h"

#define SPLIT "'pre_tokenizer': {'type': 'WhitespaceSplit'}, "

/* A document with this model, written with ' for ". */
#define MODEL(members) "{" SPLIT "'model': {'type': 'BPE', " members "}}"

static void check(const char *json, const char *text, const char *pieces)
{
    anm_tokenizer *t = test_tokenizer(json);

    assert_string_equal(test_pieces(t, text), pieces);
    anm_tokenizer_free(t);
}

static void check_refused(const char *json, anm_status status,
                          const char *message)
{
    anm_tokenizer *t = NULL;
    anm_error err;
    char *copy = anm_copy_string(json);

    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    assert_int_equal(
        anm_tokenizer_new(&t, anm_bytes_of(copy, strlen(copy)), &err), status);
    assert_null(t);
    if (!strstr(err.message, message)) fail_msg("%s", err.message);
    anm_free(copy);
}

static void merges_of_both_spellings_are_taken_in_order(void **state)
{
    (void)state;
    check(MODEL("'vocab': {'a': 0, 'b': 1, 'c': 2, 'bc': 3, 'ab': 4},"
                "'merges': ['b c', 'a b']"),
          "abc ab", "a|bc|ab");
    check(MODEL("'vocab': {'a': 0, 'b': 1, 'c': 2, 'bc': 3, 'ab': 4},"
                "'merges': [['a', 'b'], ['b', 'c']]"),
          "abc bc", "ab|c|bc");
    check(MODEL("'vocab': {'a': 0, ' ': 1, ' a': 2}, 'merges': [[' ', 'a']]"),
          "a", "a");
}

static void characters_without_a_piece_follow_the_options(void **state)
{
    (void)state;
    check(MODEL("'vocab': {'a': 0}, 'merges': []"), "xax", "a");
    check(MODEL("'vocab': {'a': 0, '?': 1}, 'merges': [], 'unk_token': '?'"),
          "xyax", "?|?|a|?");
    check(MODEL("'vocab': {'a': 0, '?': 1}, 'merges': [], 'unk_token': '?',"
                "'fuse_unk': true"),
          "xyax", "?|a|?");
    check(MODEL("'vocab': {'a': 0, '<0xC3>': 1, '<0xA9>': 2, '?': 3},"
                "'merges': [], 'unk_token': '?', 'byte_fallback': true"),
          "a\u00e9\u00fc", "a|<0xC3>|<0xA9>|?");
}

static void prefix_and_suffix_mark_places_in_a_word(void **state)
{
    (void)state;
    check(MODEL("'vocab': {'a': 0, '##a': 1, '##b</w>': 2, '##ab</w>': 3,"
                "'a</w>': 4}, 'merges': ['##a ##b</w>'],"
                "'continuing_subword_prefix': '##',"
                "'end_of_word_suffix': '</w>'"),
          "aab a", "a|##ab</w>|a</w>");
}

static void whole_piece_may_pass_merges_by(void **state)
{
    (void)state;
    check(MODEL("'vocab': {'a': 0, 'b': 1, 'ab': 2}, 'merges': [],"
                "'ignore_merges': true"),
          "ab aba", "ab|a|b|a");
    check(MODEL("'vocab': {'a': 0, 'b': 1, 'ab': 2}, 'merges': []"), "ab",
          "a|b");
}

static void model_without_type_but_with_merges_is_bpe(void **state)
{
    (void)state;
    check("{" SPLIT "'model': {'vocab': {'a': 0, 'b': 1, 'ab': 2},"
          "'merges': ['#version: 0.2', 'a b']}}",
          "ab", "ab");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    check_refused(MODEL("'vocab': {'a': 0}, 'merges': ['a b']"), ANM_E_CORRUPT,
                  "model.merges: 0: the vocabulary lacks \"b\"");
    check_refused(MODEL("'vocab': {'a': 0, 'b': 1}, 'merges': ['a b']"),
                  ANM_E_CORRUPT, "lacks \"ab\"");
    check_refused(MODEL("'vocab': {'a': 0}, 'merges': ['a']"), ANM_E_FORMAT,
                  "has not one blank");
    check_refused(MODEL("'vocab': {'a': 0}, 'merges': [['a']]"), ANM_E_FORMAT,
                  "expected two strings");
    check_refused(MODEL("'vocab': {'a': 0}, 'merges': [], 'dropout': 0.5"),
                  ANM_E_UNSUPPORTED, "dropout 0.5");
    check_refused(MODEL("'vocab': {'a': 0}, 'merges': [], 'unk_token': '?'"),
                  ANM_E_CORRUPT, "lacks the unknown token");
    check_refused(MODEL("'vocab': {'a': 0}"), ANM_E_FORMAT, "merges");
}

static anm_status make(void *ctx, anm_error *err)
{
    static const char json[] =
        "{\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": ["
        "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\p{L}+\"},"
        "\"behavior\": \"Isolated\", \"invert\": false},"
        "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}]},"
        "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1,"
        "\"ab\": 2}, \"merges\": [\"a b\"]}}";

    return anm_tokenizer_new(ctx, anm_bytes_of(json, sizeof(json) - 1), err);
}

static void check_made(void *ctx)
{
    anm_tokenizer **made = ctx;

    assert_string_equal(test_pieces(*made, "aab"), "a|ab");
    anm_tokenizer_free(*made);
}

static void memory_may_run_out_at_any_point(void **state)
{
    anm_tokenizer *made;

    (void)state;
    test_fault_spare_jansson(true);
    test_every_fault_borne(make, check_made, &made);
    test_fault_spare_jansson(false);
}

typedef struct encoder {
    const anm_tokenizer *tokenizer;
    anm_text text;
} encoder;

static anm_status encode(void *ctx, anm_error *err)
{
    const encoder *c = ctx;
    anm_encoding *e = NULL;
    anm_status status = anm_encoding_new(&e, err);

    if (!status)
        status = anm_tokenizer_encode(c->tokenizer, c->text, true, e, err);
    anm_encoding_free(e);
    return status;
}

static void memory_may_run_out_while_a_text_is_encoded(void **state)
{
    char text[200];
    anm_tokenizer *t = test_tokenizer(
        "{'pre_tokenizer': {'type': 'ByteLevel', 'add_prefix_space': true,"
        "'use_regex': true}, 'model': {'type': 'BPE', 'vocab': {'a': 0,"
        "'b': 1, 'ab': 2}, 'merges': ['a b'], 'ignore_merges': true}}");

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 90 == 5 ? ' ' : "ab"[i % 2];
    encoder c = { t, { text, sizeof(text) } };
    test_every_fault(encode, &c);
    anm_tokenizer_free(t);
}

static void second_text_allocates_nothing(void **state)
{
    char text[300];
    anm_alloc_stats before, after;
    anm_encoding *e = NULL;
    anm_tokenizer *t = test_tokenizer(
        "{'normalizer': {'type': 'NFC'}, 'pre_tokenizer': {'type': 'Sequence',"
        "'pretokenizers': [{'type': 'Split', 'pattern': {'Regex': 'a+|b'},"
        "'behavior': 'Isolated', 'invert': false}, {'type': 'ByteLevel',"
        "'add_prefix_space': true}]}, 'model': {'type': 'BPE', 'vocab':"
        "{'a': 0, 'b': 1, 'aa': 2}, 'merges': ['a a']}}");

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "aaaaaaab"[i * i / 40 % 8];
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    for (int round = 0; round < 2; round++) {
        anm_alloc_stats_read(&before);
        assert_int_equal(anm_tokenizer_encode(t,
                                              (anm_text){ text, sizeof(text) },
                                              true, e, NULL),
                         ANM_OK);
        anm_alloc_stats_read(&after);
    }
    assert_int_equal(after.n_allocs, before.n_allocs);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_of_both_spellings_are_taken_in_order),
        cmocka_unit_test(characters_without_a_piece_follow_the_options),
        cmocka_unit_test(prefix_and_suffix_mark_places_in_a_word),
        cmocka_unit_test(whole_piece_may_pass_merges_by),
        cmocka_unit_test(model_without_type_but_with_merges_is_bpe),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(memory_may_run_out_at_any_point),
        cmocka_unit_test(memory_may_run_out_while_a_text_is_encoded),
        cmocka_unit_test(second_text_allocates_nothing),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
