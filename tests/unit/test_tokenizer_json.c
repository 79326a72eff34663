/* test_tokenizer_json.c - documents that compile, and documents that do not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "support/pieces_of.h"

#define MODEL                                                                  \
    "'model': {'unk_token': 'u', 'continuing_subword_prefix': '##',"           \
    " 'max_input_chars_per_word': 9, 'vocab': {'u': 0, '[PAD]': 1}}"

static anm_status refuse(const char *json, anm_error *err)
{
    char copy[1024];
    anm_tokenizer *t = NULL;

    snprintf(copy, sizeof(copy), "%s", json);
    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    const anm_status status =
        anm_tokenizer_new(&t, anm_bytes_of(copy, strlen(copy)), err);
    assert_int_equal(status == ANM_OK, t != NULL);
    anm_tokenizer_free(t);
    return status;
}

static void refusals_name_the_part(void **state)
{
    static const struct {
        const char *json;
        anm_status status;
        const char *named;
    } cases[] = {
        { "", ANM_E_FORMAT, "1:0: " },
        { "[]", ANM_E_FORMAT, "object" },
        { "{}", ANM_E_FORMAT, "model" },
        { "{'model': {}}", ANM_E_FORMAT, "type" },
        { "{'model': {'type': 'WordLevel'}}", ANM_E_UNSUPPORTED,
          "model \"WordLevel\" is not built in (built in: "
          "WordPiece, BPE)" },
        { "{'model': {'type': 'WordPiece'}}", ANM_E_FORMAT, "unk_token" },
        { "{'version': '2.0', " MODEL "}", ANM_E_UNSUPPORTED, "2.0" },
        { "{'truncation': 5, " MODEL "}", ANM_E_FORMAT, "truncation" },
        { "{'truncation': {'max_length': -1}, " MODEL "}", ANM_E_FORMAT,
          "max_length" },
        { "{'padding': {'pad_id': 0, 'strategy': 'Odd'}, " MODEL "}",
          ANM_E_UNSUPPORTED, "strategy: \"Odd\", known: BatchLongest" },
        { "{'truncation': {'max_length': 1, 'strategy': 'Odd'}, " MODEL "}",
          ANM_E_UNSUPPORTED,
          "\"Odd\", known: LongestFirst, OnlyFirst, OnlySecond" },
        { "{'padding': {'pad_id': 'x', 'strategy': 'BatchLongest'}, " MODEL "}",
          ANM_E_FORMAT, "pad_id" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_error err;
        assert_int_equal(refuse(cases[i].json, &err), cases[i].status);
        assert_non_null(strstr(err.message, cases[i].named));
    }
}

static void truncation_and_padding_are_told_and_not_done(void **state)
{
    anm_tokenizer *t = test_tokenizer(
        "{'truncation': {'max_length': 2, 'strategy': 'LongestFirst',"
        " 'stride': 0}, 'padding': {'strategy': {'Fixed': 128}, 'pad_id': 1,"
        " 'direction': 'Left', 'pad_type_id': 0, 'pad_token': '[PAD]',"
        " 'pad_to_multiple_of': null}, 'pre_tokenizer': {'type':"
        " 'WhitespaceSplit'}, " MODEL "}");
    anm_tokenizer_info info;

    (void)state;
    anm_tokenizer_describe(t, &info);
    assert_int_equal(info.truncation, 2);
    assert_int_equal(info.padding, 128);
    assert_true(info.pads_left);
    assert_int_equal(info.pad_id, 1);
    assert_string_equal(info.model, "WordPiece");
    assert_false(info.lowercase);
    assert_string_equal(test_pieces_special(t, "u u u"), "u|u|u");
    anm_tokenizer_free(t);
}

static void without_sections_the_defaults_are_told(void **state)
{
    anm_tokenizer *t = test_tokenizer("{" MODEL "}");
    anm_tokenizer_info info;

    (void)state;
    anm_tokenizer_describe(t, &info);
    assert_int_equal(info.truncation, 0);
    assert_int_equal(info.padding, 0);
    assert_false(info.pads_left);
    assert_int_equal(info.pad_id, 1); // "[PAD]"
    anm_tokenizer_free(t);
}

static void document_cut_anywhere_is_refused(void **state)
{
    size_t len = 0;
    char *json = test_read(test_data("tiny-bert-cls/tokenizer.json"), &len);

    (void)state;
    while (len && json[len - 1] != '}')
        len--;
    for (size_t cut = 0; cut < len; cut += cut < 4096 ? 1 : 97) {
        anm_tokenizer *t = NULL;
        assert_int_equal(anm_tokenizer_new(&t, anm_bytes_of(json, cut), NULL),
                         ANM_E_FORMAT);
        assert_null(t);
    }
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_name_the_part),
        cmocka_unit_test(truncation_and_padding_are_told_and_not_done),
        cmocka_unit_test(without_sections_the_defaults_are_told),
        cmocka_unit_test(document_cut_anywhere_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
