/* test_hf_settings.c - the settings of a folder's tokenizer, in files of then
 * and now.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/hf_settings.h"

#include <string.h>

#include "support/model_open.h"

static const char settings[] = "tokenizer_config.json";
static const char map[] = "special_tokens_map.json";
static const char added[] = "added_tokens.json";

/* Files that transformers wrote before 2023 beside vocab.txt. */
static void older_files_name_tokens_where_the_settings_do_not(void **state)
{
    static const char decoder[] = "{\"added_tokens_decoder\": {}}";

    (void)state;
    for (int with_json = 0; with_json < 2; with_json++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        if (!with_json) test_model_remove(folder, "tokenizer.json");
        assert_true(test_count_ids(folder, "[New]") > 1);
        test_model_write(folder, added, "{\"[New]\": 800}", 14);
        assert_int_equal(test_count_ids(folder, "[New]"), 1);
        assert_int_equal(test_count_ids(folder, "[new]"),
                         1); // behind the normalizer
        test_model_write(folder, map, "{\"mask_token\": \"[New]\"}", 23);
        assert_int_equal(test_count_ids(folder, "[New]"), 1);
        assert_true(test_count_ids(folder, "[new]") > 1);
        test_model_set(folder, settings, decoder);
        assert_int_equal(test_count_ids(folder, "[MASK]"), 1);
        assert_true(test_count_ids(folder, "[New]") > 1);
    }
}

static void an_older_file_names_tokens_and_counts_ids(void **state)
{
    static const struct {
        const char *file, *content, *words;
    } rows[] = {
        { map, "{\"cls_token\": true}",
          "cls_token: expected string, found true" },
        { map, "[]", "expected object, found array" },
        { added, "{\"[New]\": \"800\"}",
          "[New]: expected integer, found string" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        anm_hf_settings c = { 0 };
        anm_error err = { .message = "" };

        test_model_write(folder, rows[i].file, rows[i].content,
                         strlen(rows[i].content));
        assert_int_equal(anm_hf_settings_open(&c, folder, &err), ANM_E_FORMAT);
        assert_non_null(strstr(err.message, rows[i].file));
        assert_non_null(strstr(err.message, rows[i].words));
        anm_hf_settings_close(&c);
    }
}

/* Without any of the three there is nothing; the class's defaults count. */
static void absent_files_leave_nothing(void **state)
{
    anm_hf_settings c = { 0 };

    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    test_model_remove(folder, settings);
    test_model_remove(folder, map);
    assert_int_equal(anm_hf_settings_open(&c, folder, NULL), ANM_OK);
    assert_null(c.root);
    assert_null(c.data);
    anm_hf_settings_close(&c);

    test_model_write(folder, map, "{\"cls_token\": \"[SEP]\"}", 22);
    assert_int_equal(anm_hf_settings_open(&c, folder, NULL), ANM_OK);
    assert_string_equal(json_string_value(json_object_get(c.root, "cls_token")),
                        "[SEP]");
    assert_non_null(strstr(c.data, "[SEP]"));
    anm_hf_settings_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_files_name_tokens_where_the_settings_do_not),
        cmocka_unit_test(an_older_file_names_tokens_and_counts_ids),
        cmocka_unit_test(absent_files_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
