/* Prompts, lower-casing and the settings of sentence-transformers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <stdio.h>
#include <string.h>

static const char own[] = "sentence_bert_config.json";
static const char st[] = "config_sentence_transformers.json";

static const char *copy(void)
{
    return test_model_copy("tiny-bert-mean");
}

static void prompts_keep_the_order_of_the_file(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, st,
                   "{\"prompts\": {\"zeta\": \"z: \", \"query\": null, "
                   "\"alpha\": \"\"}, \"default_prompt_name\": \"zeta\"}");
    anm_source *s = test_open(folder);
    assert_int_equal(s->recipe.n_prompts, 3);
    assert_string_equal(s->recipe.prompts[0].name, "zeta");
    assert_string_equal(s->recipe.prompts[0].text, "z: ");
    assert_string_equal(s->recipe.prompts[1].name, "query");
    assert_string_equal(s->recipe.prompts[1].text, "");
    assert_string_equal(s->recipe.prompts[2].name, "alpha");
    assert_string_equal(s->recipe.default_prompt, "zeta");
    anm_source_close(s);
}

static void default_prompt_must_be_among_the_prompts(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, st,
                   "{\"prompts\": {\"a\": \"b\"}, "
                   "\"default_prompt_name\": \"c\"}");
    test_refused(folder, ANM_E_FORMAT,
                 "config_sentence_transformers.json|default_prompt_name|\"c\"");
    test_model_set(folder, st, "{\"default_prompt_name\": null}");
    anm_source *s = test_open(folder);
    assert_null(s->recipe.default_prompt);
    anm_source_close(s);
}

static void default_prompt_query_without_text_is_noted(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, st, "{\"default_prompt_name\": \"query\"}");
    anm_source *s = test_open(folder);
    assert_null(s->recipe.default_prompt);
    assert_non_null(strstr(test_note(s, "prompts"), "query"));
    anm_source_close(s);
}

static void prompts_of_a_wrong_type_are_refused(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, st, "{\"prompts\": [\"a\"]}");
    test_refused(folder, ANM_E_FORMAT, "prompts|array");
    test_model_set(folder, st, "{\"prompts\": {\"a\": 1}}");
    test_refused(folder, ANM_E_FORMAT, "prompts.a|integer");
    const char *zero = "{\"prompts\": {\"a\": \"x\\u0000y\"}}";
    test_model_write(folder, st, zero, strlen(zero));
    test_refused(folder, ANM_E_FORMAT, "prompts.a|U+0000");
}

static void similarity_is_noted_only(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, st, "{\"similarity_fn_name\": \"dot\"}");
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "similarity"), "dot"));
    anm_source_close(s);
}

static void other_kinds_of_model_are_refused(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, st, "{\"model_type\": \"SparseEncoder\"}");
    test_refused(folder, ANM_E_UNSUPPORTED, "SparseEncoder");
}

static void lower_casing_counts_where_the_tokenizer_does_not(void **state)
{
    (void)state;
    const char *cased = test_model_copy("tiny-bert-cls");
    test_model_set(cased, own, "{\"do_lower_case\": true}");
    anm_source *s = test_open(cased);
    anm_tokenizer_info info;
    anm_tokenizer_describe(s->tokenizer, &info);
    assert_true(s->recipe.lowercase);
    assert_true(info.lowercase);
    anm_source_close(s);

    const char *uncased = copy();
    test_model_set(uncased, own, "{\"do_lower_case\": true}");
    s = test_open(uncased);
    assert_false(s->recipe.lowercase);
    anm_source_close(s);
}

static void what_counts_for_one_task_is_noted(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, own,
                   "{\"query_length\": 8, \"document_length\": null}");
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "query_length"), "one task"));
    assert_string_equal(test_note(s, "document_length"), "");
    anm_source_close(s);
}

static void older_names_of_the_file_are_found_in_order(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_remove(folder, own);
    test_model_set(folder, "sentence_xlnet_config.json",
                   "{\"max_seq_length\": 20}");
    test_model_set(folder, "sentence_roberta_config.json",
                   "{\"max_seq_length\": 24}");
    anm_source *s = test_open(folder);
    assert_int_equal(s->recipe.max_tokens, 24);
    assert_non_null(
        strstr(test_note(s, "max_tokens"), "sentence_roberta_config.json"));
    anm_source_close(s);

    test_model_write(folder, "sentence_roberta_config.json", "{}", 2);
    s = test_open(folder);
    assert_int_equal(s->recipe.max_tokens, 20);
    anm_source_close(s);
}

static void settings_that_change_vectors_are_not_skipped(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        { "{\"transformer_task\": \"fill-mask\"}", "transformer_task" },
        { "{\"module_output_name\": \"sentence_embedding\"}",
          "module_output_name" },
        { "{\"tokenizer_args\": {\"padding_side\": \"left\"}}",
          "tokenizer_args.padding_side" },
        { "{\"processing_kwargs\": {\"text\": {}}}", "processing_kwargs.text" },
    };
    static const char *const accepted[] = {
        "{\"model_args\": {\"torch_dtype\": \"bfloat16\"}}",
        "{\"model_kwargs\": {\"attn_implementation\": \"sdpa\"}}",
        "{\"tokenizer_args\": {}}",
        "{\"transformer_task\": \"feature-extraction\"}",
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const char *folder = copy();
        test_model_set(folder, own, refused[i][0]);
        test_refused(folder, ANM_E_UNSUPPORTED, refused[i][1]);
        test_refused(folder, ANM_E_UNSUPPORTED, own);
    }
    const char *folder = copy();
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        test_model_set(folder, own, accepted[i]);
        anm_source_close(test_open(folder));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_keep_the_order_of_the_file),
        cmocka_unit_test(default_prompt_must_be_among_the_prompts),
        cmocka_unit_test(default_prompt_query_without_text_is_noted),
        cmocka_unit_test(prompts_of_a_wrong_type_are_refused),
        cmocka_unit_test(similarity_is_noted_only),
        cmocka_unit_test(other_kinds_of_model_are_refused),
        cmocka_unit_test(lower_casing_counts_where_the_tokenizer_does_not),
        cmocka_unit_test(what_counts_for_one_task_is_noted),
        cmocka_unit_test(older_names_of_the_file_are_found_in_order),
        cmocka_unit_test(settings_that_change_vectors_are_not_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
