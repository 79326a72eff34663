/* test_tokenizer.c - one text through all stages; digests; failures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "support/pieces_of.h"
#include "text/stages.h"

#define BERT                                                                   \
    "{'type': 'BertNormalizer', 'clean_text': true,"                           \
    " 'handle_chinese_chars': true, 'strip_accents': null, 'lowercase': true}"
#define SPLIT "{'type': 'BertPreTokenizer'}"
#define ADDED(flag)                                                            \
    "[{'id': 9, 'content': '<s>', 'single_word': false, 'lstrip': " flag ","   \
    " 'rstrip': false, 'normalized': true, 'special': true}]"

static const test_parts all = { .added = ADDED("true"),
                                .normalizer = BERT,
                                .splitter = SPLIT,
                                .words = "caf ##e b" };

static void invalid_utf8_names_the_byte(void **state)
{
    anm_tokenizer *t = test_tokenizer_of(all);
    anm_encoding *e = NULL;
    anm_error err;

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(anm_tokenizer_encode(t, (anm_text){ "ab\xed\xa0\x80", 5 },
                                          true, e, &err),
                     ANM_E_ARG);
    assert_non_null(strstr(err.message, "byte 2"));
    assert_int_equal(anm_encoding_n(e), 0);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
}

static void empty_text_and_nul_are_texts(void **state)
{
    anm_tokenizer *t = test_tokenizer_of(all);
    anm_encoding *e = NULL;

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(
        anm_tokenizer_encode(t, (anm_text){ NULL, 0 }, true, e, NULL), ANM_OK);
    assert_int_equal(anm_encoding_n(e), 0);
    assert_int_equal(
        anm_tokenizer_encode(t, (anm_text){ "b\0b", 3 }, true, e, NULL),
        ANM_OK);
    assert_int_equal(anm_encoding_n(e), 1);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
}

static void digest_covers_what_changes_ids_and_nothing_else(void **state)
{
    const test_parts changed[] = {
        { ADDED("false"), BERT, SPLIT, NULL, "caf ##e b", 0 },
        { ADDED("true"), NULL, SPLIT, NULL, "caf ##e b", 0 },
        { ADDED("true"), BERT, NULL, NULL, "caf ##e b", 0 },
        { ADDED("true"), BERT, SPLIT, NULL, "caf b ##e", 0 },
        { ADDED("true"), BERT, SPLIT, NULL, "caf ##e b", 99 },
        { ADDED("true"), BERT, SPLIT,
          "{'type': 'BertProcessing', 'sep': ['b', 3], 'cls': ['b', 3]}",
          "caf ##e b", 0 },
    };
    uint8_t same[2][32], other[32];
    anm_tokenizer *t = test_tokenizer_of(all);

    (void)state;
    anm_tokenizer_digest(t, same[0]);
    anm_tokenizer_free(t);
    // strip_accents null means what lowercase says.
    t = test_tokenizer_of((test_parts){
        .added = ADDED("true"),
        .splitter = SPLIT,
        .words = "caf ##e b",
        .normalizer = "{'lowercase': true, 'strip_accents': true,"
                      " 'handle_chinese_chars': true, 'clean_text': true,"
                      " 'type': 'BertNormalizer'}" });
    anm_tokenizer_digest(t, same[1]);
    anm_tokenizer_free(t);
    assert_memory_equal(same[0], same[1], 32);
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        t = test_tokenizer_of(changed[i]);
        anm_tokenizer_digest(t, other);
        anm_tokenizer_free(t);
        assert_memory_not_equal(same[0], other, 32);
    }
}

static anm_status compile_parsed(void *ctx, anm_error *err)
{
    anm_tokenizer *t = NULL;
    const anm_status status = anm_tokenizer_compile(&t, ctx, "test", err);

    assert_int_equal(status == ANM_OK, t != NULL);
    anm_tokenizer_free(t);
    return status;
}

static void every_failed_allocation_of_making_is_reported(void **state)
{
    size_t len = 0;
    char *text = test_read(test_data("tiny-bert-cls/tokenizer.json"), &len);
    json_t *root = json_loadb(text, len, 0, NULL);

    (void)state;
    assert_non_null(root);
    test_every_fault(compile_parsed, root);
    json_decref(root);
    free(text);
}

/* ctx: the tokenizer. A fresh encoding each time, so that all of it grows. */
static anm_status encode_afresh(void *ctx, anm_error *err)
{
    static const char text[] = "caf\u00e9 <s> b\u302e\U0001e000\u302e "
                               "\U0001e000\u302e\U0001e000\u302e\U0001e000"
                               "\u302e\U0001e000\u302e\U0001e000\u302e"
                               "\U0001e000\u302e\U0001e000\u302e\U0001e000"
                               "\u302e\U0001e000\u302e";
    anm_encoding *e = NULL;
    anm_status status = anm_encoding_new(&e, err);

    if (status) return status;
    status = anm_tokenizer_encode(ctx, (anm_text){ text, sizeof(text) - 1 },
                                  true, e, err);
    if (status) {
        // Still usable: the same text goes through now.
        assert_int_equal(anm_encoding_n(e), 0);
        assert_int_equal(
            anm_tokenizer_encode(ctx, (anm_text){ text, sizeof(text) - 1 },
                                 true, e, NULL),
            ANM_OK);
    }
    anm_encoding_free(e);
    return status;
}

static void every_failed_allocation_of_encoding_is_reported(void **state)
{
    anm_tokenizer *t = test_tokenizer_of(all);

    (void)state;
    test_every_fault(encode_afresh, t);
    anm_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_utf8_names_the_byte),
        cmocka_unit_test(empty_text_and_nul_are_texts),
        cmocka_unit_test(digest_covers_what_changes_ids_and_nothing_else),
        cmocka_unit_test(every_failed_allocation_of_making_is_reported),
        cmocka_unit_test(every_failed_allocation_of_encoding_is_reported),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
