/* The tokenizer of a folder: which file, and whose settings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <stdio.h>
#include <string.h>

static const char settings[] = "tokenizer_config.json";

typedef struct digest {
    uint8_t bytes[32];
} digest;

static digest digest_of(const char *path)
{
    anm_tokenizer *t = NULL;
    anm_error err = { .message = "" };
    digest d;

    if (anm_source_tokenizer(&t, path, &err)) fail_msg("%s", err.message);
    anm_tokenizer_digest(t, d.bytes);
    anm_tokenizer_free(t);
    return d;
}

static bool is_equal(digest a, digest b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static bool lowers(const char *path)
{
    anm_tokenizer *t = NULL;
    anm_tokenizer_info info;
    anm_error err = { .message = "" };

    if (anm_source_tokenizer(&t, path, &err)) fail_msg("%s", err.message);
    anm_tokenizer_describe(t, &info);
    anm_tokenizer_free(t);
    return info.lowercase;
}

static void agreeing_folder_and_file_are_one_tokenizer(void **state)
{
    (void)state;
    assert_true(
        is_equal(digest_of(test_data("tiny-bert-mean")),
                 digest_of(test_data("tiny-bert-mean/tokenizer.json"))));
    assert_true(is_equal(digest_of(test_data("tiny-bert-cls")),
                         digest_of(test_data("tiny-bert-cls/tokenizer.json"))));
}

/* Verified against transformers 5.23.0: a BertTokenizer takes these settings
 * from tokenizer_config.json, absent ones by the class's defaults. */
static void bert_settings_overrule_the_normalizer_with_a_note(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");

    test_model_set(folder, settings,
                   "{\"do_lower_case\": false, \"strip_accents\": true}");
    assert_false(lowers(folder));
    assert_true(lowers(test_model_path(folder, "tokenizer.json")));
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "tokenizer"),
                           "do_lower_case false, strip_accents true"));
    anm_source_close(s);
}

static void silent_settings_are_the_defaults_of_the_class(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-cls");

    assert_false(lowers(folder));
    test_model_unset(folder, settings, "do_lower_case");
    assert_true(lowers(folder));
    test_model_remove(folder, settings);
    assert_true(lowers(folder));
}

static void classes_other_than_bert_follow_the_file(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");

    test_model_set(folder, settings,
                   "{\"do_lower_case\": false, \"tokenizer_class\": "
                   "\"PreTrainedTokenizerFast\"}");
    assert_true(lowers(folder));
    test_model_set(folder, settings,
                   "{\"tokenizer_class\": \"BertTokenizerFast\"}");
    assert_false(lowers(folder));
    test_model_unset(folder, settings, "tokenizer_class");
    assert_false(lowers(folder)); // by model_type of config.json
    test_model_set(folder, "config.json",
                   "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
    assert_true(lowers(folder));
}

static void chinese_setting_overrules_too(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    const digest before = digest_of(folder);

    test_model_set(folder, settings, "{\"tokenize_chinese_chars\": false}");
    const digest after = digest_of(folder);
    assert_false(is_equal(before, after));
    test_model_set(folder, settings, "{\"tokenize_chinese_chars\": true}");
    assert_true(is_equal(before, digest_of(folder)));
}

static void vocabulary_file_gives_the_same_ids(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    const char *text = "The kettle clicked off; [MASK] caf\xc3\xa9.";
    anm_encoding *e[2];
    anm_tokenizer *t;
    anm_error err;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(anm_source_tokenizer(&t, folder, &err), ANM_OK);
        assert_int_equal(anm_encoding_new(&e[i], &err), ANM_OK);
        assert_int_equal(
            anm_tokenizer_encode(t, anm_text_of(text), true, e[i], &err),
            ANM_OK);
        anm_tokenizer_free(t);
        if (i == 0) test_model_remove(folder, "tokenizer.json");
    }
    assert_int_equal(anm_encoding_n(e[0]), anm_encoding_n(e[1]));
    assert_memory_equal(anm_encoding_ids(e[0]), anm_encoding_ids(e[1]),
                        anm_encoding_n(e[0]) * sizeof(int32_t));
    anm_encoding_free(e[0]);
    anm_encoding_free(e[1]);

    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "tokenizer"), "vocab.txt"));
    anm_source_close(s);
}

static void settings_of_a_wrong_type_are_refused(void **state)
{
    (void)state;
    static const char *const patches[][2] = {
        { "{\"do_lower_case\": 1}", "do_lower_case" },
        { "{\"strip_accents\": \"yes\"}", "strip_accents" },
        { "{\"tokenizer_class\": 5}", "tokenizer_class" },
        { "{\"model_max_length\": \"64\"}", "model_max_length" },
        { "{\"model_max_length\": -1}", "model_max_length" },
    };

    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        test_model_set(folder, settings, patches[i][0]);
        test_refused(folder, ANM_E_FORMAT, patches[i][1]);
        test_refused(folder, ANM_E_FORMAT, settings);
    }
}

static void key_in_a_text_is_not_taken_for_the_normalizer(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    char *file = test_read(test_model_path(folder, "tokenizer.json"), NULL);
    char *changed = anm_alloc(strlen(file) + 64);

    // A member of another meaning, in front of the real one.
    snprintf(changed, strlen(file) + 64, "{\"\\\"normalizer\\\"\": 1,%s",
             strchr(file, '{') + 1);
    test_model_write(folder, "tokenizer.json", changed, strlen(changed));
    test_model_set(folder, settings, "{\"do_lower_case\": false}");
    assert_false(lowers(folder));
    anm_free(changed);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreeing_folder_and_file_are_one_tokenizer),
        cmocka_unit_test(bert_settings_overrule_the_normalizer_with_a_note),
        cmocka_unit_test(silent_settings_are_the_defaults_of_the_class),
        cmocka_unit_test(classes_other_than_bert_follow_the_file),
        cmocka_unit_test(chinese_setting_overrules_too),
        cmocka_unit_test(vocabulary_file_gives_the_same_ids),
        cmocka_unit_test(settings_of_a_wrong_type_are_refused),
        cmocka_unit_test(key_in_a_text_is_not_taken_for_the_normalizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
