/* test_hf_settings.c - the settings of a folder's tokenizer, in files of then
 * and now.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/hf_settings.h"

#include <string.h>

#include "support/model_open.h"

static const char settings[] = "tokenizer_config.json";
static const char map[] = "special_tokens_map.json";

static size_t n_ids_of(const char *folder, const char *text)
{
    anm_tokenizer *t = NULL;
    anm_encoding *e = NULL;

    assert_int_equal(anm_source_tokenizer(&t, folder, NULL, NULL), ANM_OK);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(anm_tokenizer_encode(t, anm_text_of(text), false, e, NULL),
                     ANM_OK);
    const size_t n = anm_encoding_n(e);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
    return n;
}

/* Files that transformers wrote before 2023 beside vocab.txt. */
static void older_files_name_tokens_where_the_settings_do_not(void **state)
{
    static const char added[] = "added_tokens.json";
    static const char decoder[] = "{\"added_tokens_decoder\": {}}";

    (void)state;
    for (int with_json = 0; with_json < 2; with_json++) {
        const char *folder = test_model_copy("tiny-bert-mean");
        if (!with_json) test_model_remove(folder, "tokenizer.json");
        assert_true(n_ids_of(folder, "[New]") > 1);
        test_model_write(folder, added, "{\"[New]\": 800}", 14);
        assert_int_equal(n_ids_of(folder, "[New]"), 1);
        assert_int_equal(n_ids_of(folder, "[new]"), 1); // behind the normalizer
        test_model_write(folder, map, "{\"mask_token\": \"[New]\"}", 23);
        assert_int_equal(n_ids_of(folder, "[New]"), 1);
        assert_true(n_ids_of(folder, "[new]") > 1);
        test_model_set(folder, settings, decoder);
        assert_int_equal(n_ids_of(folder, "[MASK]"), 1);
        assert_true(n_ids_of(folder, "[New]") > 1);
    }
}

static void a_token_of_an_older_file_is_a_name(void **state)
{
    static const char *const contents[][2] = {
        { "{\"cls_token\": true}", "cls_token: expected string, found true" },
        { "[]", "expected object, found array" },
    };

    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    for (size_t i = 0; i < 2; i++) {
        anm_hf_settings c = { 0 };
        anm_error err = { .message = "" };

        test_model_write(folder, map, contents[i][0], strlen(contents[i][0]));
        assert_int_equal(anm_hf_settings_open(&c, folder, &err), ANM_E_FORMAT);
        assert_non_null(strstr(err.message, map));
        assert_non_null(strstr(err.message, contents[i][1]));
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
        cmocka_unit_test(a_token_of_an_older_file_is_a_name),
        cmocka_unit_test(absent_files_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
