/* A Hugging Face folder: modules, configuration and the longest text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <stdio.h>
#include <string.h>

static const char *copy(void)
{
    return test_model_copy("tiny-bert-mean");
}

static void write_text(const char *folder, const char *file, const char *text)
{
    test_model_write(folder, file, text, strlen(text));
}

#define TYPE(kind) "\"type\":\"sentence_transformers.models." kind "\""
#define MODULE(kind, path)                                                     \
    "{\"idx\":0,\"name\":\"n\",\"path\":\"" path "\"," TYPE(kind) "}"

static void folder_without_modules_has_mean_pooling_and_a_note(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_remove(folder, "modules.json");
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\": 16}");
    test_model_set(folder, "config_sentence_transformers.json",
                   "{\"prompts\": {\"query\": \"q: \"}}");
    anm_source *s = test_open(folder);
    assert_int_equal(s->recipe.pool, ANM_POOL_MEAN);
    assert_false(s->recipe.normalize);
    // Without modules.json the original never looks at its own files.
    assert_int_equal(s->recipe.max_tokens, 64);
    assert_int_equal(s->recipe.n_prompts, 0);
    assert_non_null(strstr(test_note(s, "modules"), "no modules.json"));
    anm_source_close(s);
}

/* What was made to predict the next token has seen the whole text at the last
 * one only; sentence-transformers goes by the name of the class. */
static void
folder_without_modules_of_a_causal_model_has_the_last_token(void **state)
{
    static const char qwen3[] = "tiny-qwen3", bert[] = "tiny-bert-mean";
    static const struct {
        const char *folder, *patch; /* of config.json */
        anm_pool_kind pool;
        const char *word;
    } rows[] = {
        { qwen3, "{}", ANM_POOL_LAST, "last token pooling" },
        { qwen3, "{\"is_causal\": true}", ANM_POOL_LAST, "last token pooling" },
        { qwen3, "{\"architectures\": [\"Qwen3Model\"], \"is_causal\": true}",
          ANM_POOL_MEAN, "mean pooling" },
        { qwen3, "{\"architectures\": null}", ANM_POOL_MEAN, "mean pooling" },
        { bert, "{\"architectures\": [\"BertForCausalLM\"]}", ANM_POOL_LAST,
          "last token pooling" },
        { bert,
          "{\"architectures\": [\"BertForCausalLM\"], \"is_causal\": false}",
          ANM_POOL_MEAN, "mean pooling" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *folder = test_model_copy(rows[i].folder);
        test_model_remove(folder, "modules.json");
        test_model_set(folder, "config.json", rows[i].patch);
        anm_source *s = test_open(folder);
        assert_int_equal(s->recipe.pool, rows[i].pool);
        assert_false(s->recipe.normalize);
        assert_non_null(strstr(test_note(s, "modules"), rows[i].word));
        anm_source_close(s);
    }
}

static void folder_without_normalize_does_not_normalise(void **state)
{
    (void)state;
    const char *folder = copy();
    write_text(
        folder, "modules.json",
        "[" MODULE("Transformer", "") "," MODULE("Pooling", "1_Pooling") "]");
    anm_source *s = test_open(folder);
    assert_false(s->recipe.normalize);
    anm_graph *g = test_build(s);
    assert_int_equal(anm_graph_find(g, "module_2_normalize"), ANM_VALUE_NONE);
    anm_graph_free(g);
    anm_source_close(s);
}

static void class_paths_of_newer_releases_are_known(void **state)
{
    (void)state;
    const char *folder = copy();
    write_text(folder, "modules.json",
               "[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":"
               "\"sentence_transformers.base.modules.transformer.Transformer\""
               "},{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":"
               "\"sentence_transformers.sentence_transformer.modules.pooling."
               "Pooling\"}]");
    anm_source_close(test_open(folder));
}

static void other_modules_and_orders_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *json, *word;
    } cases[] = {
        { "[" MODULE("Transformer", "") "," MODULE(
              "Pooling", "1_Pooling") "," MODULE("Dense", "2_Dense") "]",
          "models.Dense" },
        { "[" MODULE("Transformer", "") "," MODULE(
              "Pooling",
              "1_Pooling") "," MODULE("Normalize",
                                      "2_Normalize") "," MODULE("Normalize",
                                                                "3") "]",
          "module 3" },
        { "[" MODULE("Pooling", "1_Pooling") "," MODULE("Transformer", "") "]",
          "models.Pooling" },
        { "[" MODULE("Transformer", "") "," MODULE("Normalize", "2") "]",
          "models.Normalize" },
        { "[" MODULE("Transformer", "") "]", "1 modules" },
        { "[]", "0 modules" },
        { "[{\"path\":\"\",\"type\":\"custom_st.Transformer\"}]",
          "custom_st.Transformer" },
        { "[{\"path\":\"\",\"type\":\"Transformer\"}]", "Transformer" },
    };

    const char *folder = copy();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char words[128];
        snprintf(words, sizeof(words), "modules.json|%s", cases[i].word);
        write_text(folder, "modules.json", cases[i].json);
        test_refused(folder, ANM_E_UNSUPPORTED, words);
    }
}

static void paths_of_modules_stay_inside_the_folder(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "..", ".", "../other", "/etc", "a/b", "", "..\\\\x", "C:x",
    };

    const char *folder = copy();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char json[512];
        snprintf(json, sizeof(json),
                 "[" MODULE("Transformer",
                            "") ",{" TYPE("Pooling") ",\"path\":\"%s\"}]",
                 paths[i]);
        write_text(folder, "modules.json", json);
        test_refused(folder, ANM_E_FORMAT, "modules.json|module 1|path");
    }
}

static void encoder_may_lie_in_a_folder_of_its_own(void **state)
{
    (void)state;
    const char *folder = copy();
    char inner[4200];

    snprintf(inner, sizeof(inner),
             "mv '%s' '%s.t' && mkdir '%s' && "
             "mv '%s.t' '%s/0_Transformer' && "
             "mv '%s/0_Transformer/1_Pooling' '%s/1_Pooling'",
             folder, folder, folder, folder, folder, folder, folder);
    assert_int_equal(system(inner), 0);
    write_text(folder, "modules.json",
               "[" MODULE("Transformer", "0_Transformer") "," MODULE(
                   "Pooling", "1_Pooling") "]");
    anm_source *s = test_open(folder);
    assert_int_equal(s->recipe.max_tokens, 64);
    anm_source_close(s);
}

static void what_is_missing_is_named_with_what_was_looked_for(void **state)
{
    (void)state;
    test_refused(test_temp_folder(), ANM_E_NOTFOUND,
                 "config.json|model.safetensors|tokenizer.json|vocab.txt");
    const char *folder = copy();
    test_model_remove(folder, "tokenizer.json");
    test_model_remove(folder, "vocab.txt");
    test_refused(folder, ANM_E_NOTFOUND, "tokenizer.json|vocab.txt");
}

static void unknown_architecture_is_refused_by_name(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "config.json", "{\"model_type\": \"t5\"}");
    test_refused(folder, ANM_E_UNSUPPORTED, "config.json|\"t5\"|bert");
}

static void quantised_checkpoint_is_refused(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "config.json",
                   "{\"quantization_config\": {\"bits\": 4}}");
    test_refused(folder, ANM_E_UNSUPPORTED, "config.json|quantization_config");
}

static void code_of_the_folder_is_noted_and_not_run(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "config.json",
                   "{\"auto_map\": {\"AutoModel\": \"m.M\"}}");
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "config"), "auto_map"));
    anm_source_close(s);
}

static size_t longest(const char *folder)
{
    anm_source *s = test_open(folder);
    const size_t n = s->recipe.max_tokens;
    anm_source_close(s);
    return n;
}

static void encoders_own_file_decides_the_longest_text(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\": 32}");
    test_model_set(folder, "tokenizer_config.json",
                   "{\"model_max_length\": 48}");
    test_model_set(folder, "tokenizer.json",
                   "{\"truncation\": {\"max_length\": 16, \"stride\": 0, "
                   "\"strategy\": \"LongestFirst\", \"direction\": "
                   "\"Right\"}}");
    anm_source *s = test_open(folder);
    assert_int_equal(s->recipe.max_tokens, 32);
    const char *note = test_note(s, "max_tokens");
    assert_non_null(strstr(note, "sentence_bert_config.json says 32"));
    assert_non_null(strstr(note, "tokenizer_config.json says 48"));
    assert_non_null(strstr(note, "tokenizer.json says 16"));
    assert_non_null(strstr(note, "config.json has 64"));
    anm_source_close(s);
}

static void silent_file_leaves_the_smaller_of_two(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\": null}");
    test_model_set(folder, "tokenizer_config.json",
                   "{\"model_max_length\": 48}");
    assert_int_equal(longest(folder), 48);
    test_model_set(folder, "tokenizer_config.json",
                   "{\"model_max_length\": 512}");
    assert_int_equal(longest(folder), 64);
    test_model_unset(folder, "tokenizer_config.json", "model_max_length");
    assert_int_equal(longest(folder), 64);
    test_model_remove(folder, "sentence_bert_config.json");
    assert_int_equal(longest(folder), 64);
}

static void integer_for_no_limit_is_read(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_remove(folder, "sentence_bert_config.json");
    write_text(folder, "tokenizer_config.json",
               "{\"x\": \"\\\"12345678901234567890123\", \"model_max_length\":"
               "1000000000000000019884624838656}");
    assert_int_equal(longest(folder), 64);
    write_text(folder, "tokenizer_config.json", "{\"model_max_length\": 1e30}");
    assert_int_equal(longest(folder), 64);
    write_text(folder, "tokenizer_config.json", "{\"model_max_length\": 0}");
    test_refused(folder, ANM_E_FORMAT, "tokenizer_config.json|0");
}

static void length_above_the_position_table_is_cut_to_it(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\": 512}");
    anm_source *s = test_open(folder);
    assert_int_equal(s->recipe.max_tokens, 64);
    const char *note = test_note(s, "max_tokens");
    assert_non_null(strstr(note, "says 512"));
    assert_non_null(strstr(note, "the limit is 64"));
    assert_null(strstr(note, "is followed"));
    anm_source_close(s);
}

static void length_without_room_for_a_text_is_refused(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\": 2}");
    test_refused(folder, ANM_E_FORMAT, "2 tokens|3 needed");
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\": 3}");
    assert_int_equal(longest(folder), 3);
}

/* As transformers 5.23.0: both files count, tokenizer_config.json more. */
static void cutting_on_the_left_is_refused(void **state)
{
    static const char left[] = "{\"truncation\": {\"max_length\": 5, "
                               "\"direction\": \"Left\"}}";
    anm_source *s = NULL;
    anm_error err;
    (void)state;

    const char *folder = test_model_copy("tiny-bert-mean");
    test_model_set(folder, "tokenizer.json", left);
    assert_int_equal(anm_source_open(&s, folder, NULL, &err),
                     ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "truncation of tokenizer.json"));
    test_model_set(folder, "tokenizer_config.json",
                   "{\"truncation_side\": \"right\"}");
    anm_source_close(test_open(folder));
    test_model_set(folder, "tokenizer_config.json",
                   "{\"truncation_side\": \"left\"}");
    assert_int_equal(anm_source_open(&s, folder, NULL, &err),
                     ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "truncation_side"));
    test_model_set(folder, "tokenizer_config.json",
                   "{\"truncation_side\": \"top\"}");
    assert_int_equal(anm_source_open(&s, folder, NULL, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "\"top\""));
}

static void padding_of_the_tokenizer_is_noted_only(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "tokenizer.json",
                   "{\"padding\": {\"strategy\": {\"Fixed\": 40}, "
                   "\"direction\": \"Right\", \"pad_to_multiple_of\": null, "
                   "\"pad_id\": 0, \"pad_type_id\": 0, "
                   "\"pad_token\": \"[PAD]\"}}");
    anm_source *s = test_open(folder);
    assert_int_equal(s->recipe.max_tokens, 64);
    assert_non_null(strstr(test_note(s, "padding"), "40"));
    anm_source_close(s);
}

static void vocabulary_above_the_table_is_refused_with_both(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "config.json", "{\"vocab_size\": 799}");
    test_refused(folder, ANM_E_FORMAT, "800|799|config.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_without_modules_has_mean_pooling_and_a_note),
        cmocka_unit_test(
            folder_without_modules_of_a_causal_model_has_the_last_token),
        cmocka_unit_test(folder_without_normalize_does_not_normalise),
        cmocka_unit_test(class_paths_of_newer_releases_are_known),
        cmocka_unit_test(other_modules_and_orders_are_refused_by_name),
        cmocka_unit_test(paths_of_modules_stay_inside_the_folder),
        cmocka_unit_test(encoder_may_lie_in_a_folder_of_its_own),
        cmocka_unit_test(what_is_missing_is_named_with_what_was_looked_for),
        cmocka_unit_test(unknown_architecture_is_refused_by_name),
        cmocka_unit_test(quantised_checkpoint_is_refused),
        cmocka_unit_test(code_of_the_folder_is_noted_and_not_run),
        cmocka_unit_test(encoders_own_file_decides_the_longest_text),
        cmocka_unit_test(silent_file_leaves_the_smaller_of_two),
        cmocka_unit_test(integer_for_no_limit_is_read),
        cmocka_unit_test(length_above_the_position_table_is_cut_to_it),
        cmocka_unit_test(length_without_room_for_a_text_is_refused),
        cmocka_unit_test(cutting_on_the_left_is_refused),
        cmocka_unit_test(padding_of_the_tokenizer_is_noted_only),
        cmocka_unit_test(vocabulary_above_the_table_is_refused_with_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
