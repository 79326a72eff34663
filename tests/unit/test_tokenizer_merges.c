/* test_tokenizer_merges.c - vocab.json, merges.txt and their settings. Held to
 * the original by hand (transformers 5.23.0, twelve kinds of settings).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/pieces_of.h"

static const char vocab[] =
    "{\"a\": 0, \"b\": 1, \"\u0120\": 2, \"ab\": 3, \"\u0120a\": 4,"
    " \"1\": 5, \"2\": 6, \"12\": 7}";
static const char merges[] = "#version: 0.2\r\na b\r\n\u0120 a\r\n1 2\r\n";

static anm_bytes bytes_of(const char *s)
{
    return anm_bytes_of(s, strlen(s));
}

static anm_tokenizer *make_with(const char *config, anm_bpe_class class)
{
    anm_tokenizer *t = NULL;
    anm_error err;

    if (anm_tokenizer_new_merges(&t, bytes_of(vocab), bytes_of(merges),
                                 bytes_of(config), class, &err))
        fail_msg("%s", err.message);
    return t;
}

static void check(const char *config, anm_bpe_class class, const char *text,
                  const char *pieces)
{
    anm_tokenizer *t = make_with(config, class);

    assert_string_equal(test_pieces_special(t, text), pieces);
    anm_tokenizer_free(t);
}

static void classes_differ_as_the_original_has_them(void **state)
{
    (void)state;
    check("", ANM_BPE_QWEN2, "ab a", "ab|\u0120a");
    check("", ANM_BPE_GPT2, "ab a", "ab|\u0120a");
    // One number is one word, or each digit is one.
    check("", ANM_BPE_QWEN2, "12", "1|2");
    check("", ANM_BPE_GPT2, "12", "12");
    check("{\"add_prefix_space\": true}", ANM_BPE_GPT2, "ab", "\u0120|ab");
}

static void ends_are_added_when_asked_for_and_there(void **state)
{
    (void)state;
    check("{\"add_eos_token\": true}", ANM_BPE_QWEN2, "a", "a|<|endoftext|>");
    check("{\"add_bos_token\": true}", ANM_BPE_QWEN2, "a", "a");
    check("{\"add_bos_token\": true}", ANM_BPE_GPT2, "a", "<|endoftext|>|a");
    check("{\"add_bos_token\": true, \"bos_token\": null}", ANM_BPE_GPT2, "a",
          "a");
    check("{\"add_eos_token\": true, \"eos_token\": {\"content\": \"<e>\"}}",
          ANM_BPE_GPT2, "a<e>b", "a|<e>|b|<e>");
}

static void added_tokens_come_by_their_number(void **state)
{
    static const char flags[] =
        "\"lstrip\": false, \"rstrip\": false, \"single_word\": false,"
        "\"normalized\": false, \"special\": false";
    char config[512];

    (void)state;
    snprintf(config, sizeof(config),
             "{\"added_tokens_decoder\": {\"10\": {\"content\": \"<y>\", %s},"
             "\"9\": {\"content\": \"<x>\", %s}}}",
             flags, flags);
    anm_tokenizer *t = make_with(config, ANM_BPE_QWEN2);
    assert_string_equal(anm_tokenizer_piece(t, 8).data, "<x>");
    assert_string_equal(anm_tokenizer_piece(t, 9).data, "<y>");
    assert_string_equal(anm_tokenizer_piece(t, 10).data, "<|endoftext|>");
    anm_tokenizer_free(t);
}

static void further_special_tokens_are_found(void **state)
{
    static const char *const configs[] = {
        "{\"additional_special_tokens\": [\"<x>\", \"a\"]}",
        "{\"extra_special_tokens\": [{\"content\": \"<x>\"}]}",
        "{\"extra_special_tokens\": {\"x_token\": \"<x>\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++)
        check(configs[i], ANM_BPE_QWEN2, "a<x>b", "a|<x>|b");
}

static void wrong_files_are_refused_by_name(void **state)
{
    static const struct {
        const char *vocab, *merges, *config, *named;
        anm_status status;
    } cases[] = {
        { "[]", "", "", "vocab.json: expected object", ANM_E_FORMAT },
        { "{", "", "", "vocab.json", ANM_E_FORMAT },
        { "{\"a\": 0}", "a", "", "has not one blank", ANM_E_FORMAT },
        { "{\"a\": 0}", "a a", "", "lacks \"aa\"", ANM_E_CORRUPT },
        { "{\"a\": 0}", "\xff", "", "merges.txt: not UTF-8", ANM_E_FORMAT },
        { "{\"a\": 0}", "", "{\"eos_token\": 5}", "eos_token", ANM_E_FORMAT },
        { "{\"a\": 0}", "", "{\"added_tokens_decoder\": {\"x\": {}}}",
          "added_tokens_decoder: \"x\"", ANM_E_FORMAT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_tokenizer *t = NULL;
        anm_error err;
        assert_int_equal(anm_tokenizer_new_merges(&t, bytes_of(cases[i].vocab),
                                                  bytes_of(cases[i].merges),
                                                  bytes_of(cases[i].config),
                                                  ANM_BPE_GPT2, &err),
                         cases[i].status);
        if (!strstr(err.message, cases[i].named)) fail_msg("%s", err.message);
    }
}

static anm_status make(void *ctx, anm_error *err)
{
    return anm_tokenizer_new_merges(ctx, bytes_of(vocab), bytes_of(merges),
                                    bytes_of("{\"add_eos_token\": true}"),
                                    ANM_BPE_QWEN2, err);
}

static void check_made(void *ctx)
{
    anm_tokenizer **made = ctx;

    assert_string_equal(test_pieces_special(*made, "ab a"),
                        "ab|\u0120a|<|endoftext|>");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_differ_as_the_original_has_them),
        cmocka_unit_test(ends_are_added_when_asked_for_and_there),
        cmocka_unit_test(added_tokens_come_by_their_number),
        cmocka_unit_test(further_special_tokens_are_found),
        cmocka_unit_test(wrong_files_are_refused_by_name),
        cmocka_unit_test(memory_may_run_out_at_any_point),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
