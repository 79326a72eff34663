/* test_tokenizer_vocab.c - vocab.txt with its settings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/pieces_of.h"

#define VOCAB "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n\u00e9\nA\n##a\n"

static anm_status make(const char *vocab, const char *config, anm_tokenizer **t,
                       anm_error *err)
{
    return anm_tokenizer_new_vocab(t, anm_bytes_of(vocab, strlen(vocab)),
                                   anm_bytes_of(config, strlen(config)), err);
}

static anm_tokenizer *with_config(const char *config)
{
    anm_tokenizer *t = NULL;
    anm_error err;

    if (make(VOCAB, config, &t, &err)) fail_msg("%s", err.message);
    return t;
}

static void settings_are_obeyed(void **state)
{
    static const char *const cases[][2] = {
        { "", "[CLS]|a|a|a|[MASK]|[SEP]" },
        { "{}", "[CLS]|a|a|a|[MASK]|[SEP]" },
        { "{\"do_lower_case\": false}", "[CLS]|a|\u00e9|A|[MASK]|[SEP]" },
        { "{\"strip_accents\": false}", "[CLS]|a|\u00e9|a|[MASK]|[SEP]" },
        { "{\"do_lower_case\": false, \"strip_accents\": true}",
          "[CLS]|a|[UNK]|A|[MASK]|[SEP]" },
        { "{\"cls_token\": \"A\", \"sep_token\": {\"content\": \"##a\"}}",
          "A|a|a|A|[MASK]|##a" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_tokenizer *t = with_config(cases[i][0]);
        const char *accent = i == 4 ? "a e\u0301 A[MASK]" : "a \u00e9 A[MASK]";
        const char *expected = cases[i][1];
        if (strstr(expected, "|a|a|a|") || i == 5) accent = "a a\u0301 A[MASK]";
        assert_string_equal(test_pieces_special(t, accent), expected);
        anm_tokenizer_free(t);
    }
}

static void lines_end_in_any_way_and_the_last_of_equals_counts(void **state)
{
    anm_tokenizer *t = NULL;
    anm_tokenizer_info info;

    (void)state;
    assert_int_equal(make("[UNK]\r\n[CLS]\r[SEP]\n\na\nb\na", "", &t, NULL),
                     ANM_OK);
    anm_tokenizer_describe(t, &info);
    assert_int_equal(anm_tokenizer_piece(t, 4).len, 0); // the first "a" fell
    assert_memory_equal(anm_tokenizer_piece(t, 6).data, "a", 1);
    assert_memory_equal(anm_tokenizer_piece(t, 2).data, "[SEP]", 5);
    assert_int_equal(info.unknown_id, 0);
    anm_tokenizer_free(t);
}

static void refusals_name_what_is_wrong(void **state)
{
    static const struct {
        const char *vocab, *config;
        anm_status status;
        const char *named;
    } cases[] = {
        { "a\n[CLS]\n[SEP]\n", "", ANM_E_CORRUPT, "[UNK]" },
        { "a\n[UNK]\n[SEP]\n", "", ANM_E_CORRUPT, "[CLS]" },
        { "a\n[UNK]\n[CLS]\n", "", ANM_E_CORRUPT, "[SEP]" },
        { "", "", ANM_E_FORMAT, "vocab.txt" },
        { "a\xff\n", "", ANM_E_FORMAT, "byte 1" },
        { VOCAB, "[", ANM_E_FORMAT, "tokenizer_config.json" },
        { VOCAB, "[]", ANM_E_FORMAT, "tokenizer_config.json" },
        { VOCAB, "{\"do_lower_case\": 1}", ANM_E_FORMAT, "do_lower_case" },
        { VOCAB, "{\"unk_token\": 1}", ANM_E_FORMAT, "unk_token" },
        { VOCAB, "{\"tokenizer_class\": \"MPNetTokenizer\"}", ANM_E_UNSUPPORTED,
          "MPNetTokenizer" },
        { VOCAB, "{\"do_basic_tokenize\": false}", ANM_E_UNSUPPORTED,
          "do_basic_tokenize" },
        { VOCAB, "{\"never_split\": [\"a\"]}", ANM_E_UNSUPPORTED,
          "never_split" },
        { VOCAB, "{\"added_tokens_decoder\": {\"5\": {}}}", ANM_E_FORMAT,
          "content" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_tokenizer *t = NULL;
        anm_error err;
        assert_int_equal(make(cases[i].vocab, cases[i].config, &t, &err),
                         cases[i].status);
        assert_non_null(strstr(err.message, cases[i].named));
        assert_null(t);
    }
}

static anm_status make_whole(void *ctx, anm_error *err)
{
    anm_tokenizer *t = NULL;
    // Jansson 2.14 writes past its buffer when memory runs out inside a string
    // of 16 bytes or more, so the settings here are shorter.
    const anm_status status = make(VOCAB, "{\"strip_accents\": true}", &t, err);

    (void)ctx;
    assert_int_equal(status == ANM_OK, t != NULL);
    anm_tokenizer_free(t);
    return status;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    test_every_fault(make_whole, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_obeyed),
        cmocka_unit_test(lines_end_in_any_way_and_the_last_of_equals_counts),
        cmocka_unit_test(refusals_name_what_is_wrong),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
