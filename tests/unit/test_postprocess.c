/* test_postprocess.c - the ids around a text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "support/pieces_of.h"

#define WORDS "a cls sep x"
#define TEMPLATE(single)                                                       \
    "{'type': 'TemplateProcessing', 'single': [" single "],"                   \
    " 'pair': [], 'special_tokens': {"                                         \
    "'C': {'id': 'C', 'ids': [2], 'tokens': ['cls']},"                         \
    "'S': {'id': 'S', 'ids': [3, 4], 'tokens': ['sep', 'x']},"                 \
    "'lost': {'id': 'lost', 'ids': [3], 'tokens': ['[LOST]']},"                \
    "'far': {'id': 'far', 'ids': [5], 'tokens': ['x']}}}"
#define TOKEN(name) "{'SpecialToken': {'id': '" name "', 'type_id': 0}}"
#define TEXT        "{'Sequence': {'id': 'A', 'type_id': 0}}"
#define BERT(type)  "{'type': '" type "', 'sep': ['sep', 3], 'cls': ['cls', 2]}"

static void check(const char *post, const char *pieces)
{
    anm_tokenizer *t =
        test_tokenizer_of((test_parts){ .post = post, .words = WORDS });
    char whole[256];

    assert_string_equal(test_pieces(t, "a"), "a");
    assert_string_equal(test_pieces_special(t, "a"), pieces);
    // The frame is what surrounds the text.
    const anm_tokenizer_frame f = anm_tokenizer_frame_of(t);
    size_t used = 0;
    for (size_t i = 0; i < f.n_before; i++)
        used += (size_t)snprintf(whole + used, sizeof(whole) - used, "%s|",
                                 anm_tokenizer_piece(t, f.before[i]).data);
    used += (size_t)snprintf(whole + used, sizeof(whole) - used, "a");
    for (size_t i = 0; i < f.n_after; i++)
        used += (size_t)snprintf(whole + used, sizeof(whole) - used, "|%s",
                                 anm_tokenizer_piece(t, f.after[i]).data);
    assert_string_equal(whole, pieces);
    anm_tokenizer_free(t);
}

static void every_kind_puts_its_ids_around_the_text(void **state)
{
    (void)state;
    check(NULL, "a");
    check(TEMPLATE(TOKEN("C") "," TEXT "," TOKEN("S")), "cls|a|sep|x");
    check(TEMPLATE(TEXT), "a");
    check(BERT("BertProcessing"), "cls|a|sep");
    check(BERT("RobertaProcessing"), "cls|a|sep");
    check("{'type': 'ByteLevel'}", "a");
}

static void later_part_of_a_sequence_goes_around(void **state)
{
    (void)state;
    check("{'type': 'Sequence', 'processors': [{'type': 'ByteLevel'}," BERT(
              "BertProcessing") "," TEMPLATE(TOKEN("S") "," TEXT) ", {'type': "
                                                                  "'ByteLevel'}"
                                                                  "]}",
          "sep|x|cls|a|sep");
}

static void refusals_name_what_is_wrong(void **state)
{
    static const struct {
        const char *post;
        anm_status status;
        const char *named;
    } cases[] = {
        { TEMPLATE(TOKEN("lost") "," TEXT), ANM_E_CORRUPT, "[LOST]" },
        { TEMPLATE(TOKEN("far") "," TEXT), ANM_E_CORRUPT, "5" },
        { TEMPLATE(TOKEN("none") "," TEXT), ANM_E_CORRUPT, "none" },
        { TEMPLATE(TEXT "," TEXT), ANM_E_UNSUPPORTED, "2 times" },
        { TEMPLATE(TOKEN("C")), ANM_E_UNSUPPORTED, "0 times" },
        { "{'type': 'BertProcessing', 'sep': ['[SEP]', 9], 'cls': ['cls', 2]}",
          ANM_E_CORRUPT, "[SEP]" },
        { "{'type': 'BertProcessing', 'cls': ['cls', 2]}", ANM_E_FORMAT,
          "sep" },
        { "{'type': 'Odd'}", ANM_E_UNSUPPORTED,
          "post_processor \"Odd\" is not built in (built in: " },
        { "{'type': 'Sequence', 'processors': [" TEMPLATE(TEXT) "," BERT(
              "BertProcessing") "]}",
          ANM_E_UNSUPPORTED, "behind TemplateProcessing" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_error err;
        assert_int_equal(
            test_refused_of(
                (test_parts){ .post = cases[i].post, .words = WORDS }, &err),
            cases[i].status);
        assert_non_null(strstr(err.message, cases[i].named));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_puts_its_ids_around_the_text),
        cmocka_unit_test(later_part_of_a_sequence_goes_around),
        cmocka_unit_test(refusals_name_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
