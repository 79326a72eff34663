/* test_pieces.c - spellings and ids of the vocabulary.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "support/pieces_of.h"

static anm_status compile_vocab(const char *vocab, anm_tokenizer **t,
                                anm_error *err)
{
    char json[4096];

    snprintf(json, sizeof(json),
             "{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"u\","
             "\"continuing_subword_prefix\": \"##\","
             "\"max_input_chars_per_word\": 100, \"vocab\": %s}}",
             vocab);
    return anm_tokenizer_new(t, anm_bytes_of(json, strlen(json)), err);
}

static void refused_vocabularies_name_the_piece(void **state)
{
    static const struct {
        const char *vocab;
        anm_status status;
        const char *named;
    } cases[] = {
        { "{\"u\": 0, \"twin\": 0}", ANM_E_CORRUPT, "twin" },
        { "{\"u\": 0, \"low\": -1}", ANM_E_CORRUPT, "-1" },
        { "{\"u\": 0, \"high\": 4000000000}", ANM_E_CORRUPT, "4000000000" },
        { "{\"u\": 0, \"high\": 2097152}", ANM_E_CORRUPT, "2097152" },
        { "{\"u\": 0, \"real\": 1.5}", ANM_E_FORMAT, "real" },
        { "[\"u\"]", ANM_E_FORMAT, "vocab" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_tokenizer *t = NULL;
        anm_error err;
        assert_int_equal(compile_vocab(cases[i].vocab, &t, &err),
                         cases[i].status);
        assert_non_null(strstr(err.message, cases[i].named));
        assert_null(t);
    }
}

static void ids_may_have_gaps_and_spellings_come_back(void **state)
{
    anm_tokenizer *t = NULL;
    anm_tokenizer_info info;

    (void)state;
    assert_int_equal(compile_vocab("{\"b\": 9, \"u\": 2, \"\": 4}", &t, NULL),
                     ANM_OK);
    anm_tokenizer_describe(t, &info);
    assert_int_equal(info.vocab_size, 10);
    assert_int_equal(info.unknown_id, 2);
    assert_int_equal(anm_tokenizer_piece(t, 9).len, 1);
    assert_memory_equal(anm_tokenizer_piece(t, 9).data, "b", 1);
    assert_int_equal(anm_tokenizer_piece(t, 4).len, 0);
    assert_int_equal(anm_tokenizer_piece(t, 5).len, 0);
    assert_int_equal(anm_tokenizer_piece(t, 10).len, 0);
    assert_int_equal(anm_tokenizer_piece(t, -1).len, 0);
    anm_tokenizer_free(t);
}

static void piece_over_the_limit_is_refused(void **state)
{
    anm_tokenizer *t = NULL;
    char vocab[2048];

    (void)state;
    snprintf(vocab, sizeof(vocab), "{\"u\": 0, \"%01024d\": 1}", 7);
    assert_int_equal(compile_vocab(vocab, &t, NULL), ANM_OK);
    anm_tokenizer_free(t);
    snprintf(vocab, sizeof(vocab), "{\"u\": 0, \"%01025d\": 1}", 7);
    assert_int_equal(compile_vocab(vocab, &t, NULL), ANM_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_vocabularies_name_the_piece),
        cmocka_unit_test(ids_may_have_gaps_and_spellings_come_back),
        cmocka_unit_test(piece_over_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
