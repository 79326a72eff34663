/* Pooling and Normalize as their folders say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <string.h>
#include <sys/stat.h>

static const char file[] = "1_Pooling/config.json";

static void set_modes(const char *folder, const char *json)
{
    test_model_write(folder, file, json, strlen(json));
}

static anm_pool_kind pool_of(const char *folder)
{
    anm_source *s = test_open(folder);
    const anm_pool_kind pool = s->recipe.pool;
    anm_source_close(s);
    return pool;
}

static void every_spelling_of_a_mode_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        anm_pool_kind pool;
    } cases[] = {
        { "{\"word_embedding_dimension\":48,\"pooling_mode_cls_token\":true}",
          ANM_POOL_CLS },
        { "{\"word_embedding_dimension\":48,\"pooling_mode_lasttoken\":true}",
          ANM_POOL_LAST },
        { "{\"word_embedding_dimension\":48,\"pooling_mode_mean_tokens\":true,"
          "\"pooling_mode_cls_token\":false}",
          ANM_POOL_MEAN },
        { "{\"embedding_dimension\":48,\"pooling_mode\":\"cls\"}",
          ANM_POOL_CLS },
        { "{\"embedding_dimension\":48,\"pooling_mode\":[\"lasttoken\"]}",
          ANM_POOL_LAST },
        { "{\"embedding_dimension\":48,\"pooling_mode\":\"mean\","
          "\"pooling_mode_cls_token\":true}",
          ANM_POOL_MEAN },
        { "{\"word_embedding_dimension\":48}", ANM_POOL_MEAN },
    };

    const char *folder = test_model_copy("tiny-bert-mean");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_modes(folder, cases[i].json);
        assert_int_equal(pool_of(folder), cases[i].pool);
    }
}

static void modes_not_built_in_are_refused_by_name(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");

    test_model_set(folder, file, "{\"pooling_mode_max_tokens\": true}");
    test_refused(folder, ANM_E_UNSUPPORTED, "1_Pooling/config.json|mean + max");
    set_modes(folder, "{\"word_embedding_dimension\":48,"
                      "\"pooling_mode_weightedmean_tokens\":true}");
    test_refused(folder, ANM_E_UNSUPPORTED, "weightedmean");
    set_modes(folder, "{\"embedding_dimension\":48,"
                      "\"pooling_mode\":[\"cls\",\"mean\"]}");
    test_refused(folder, ANM_E_UNSUPPORTED, "cls + mean");
    set_modes(folder,
              "{\"embedding_dimension\":48,\"pooling_mode\":\"median\"}");
    test_refused(folder, ANM_E_UNSUPPORTED, "\"median\"");
    set_modes(folder, "{\"embedding_dimension\":48,\"pooling_mode\":[]}");
    test_refused(folder, ANM_E_FORMAT, "pooling_mode is empty");
    set_modes(folder, "{\"embedding_dimension\":48,\"pooling_mode\":[1]}");
    test_refused(folder, ANM_E_FORMAT, "pooling_mode|integer");
}

static void pooling_without_the_prompt_is_refused(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    test_model_set(folder, file, "{\"include_prompt\": false}");
    test_refused(folder, ANM_E_UNSUPPORTED, "include_prompt");
}

static void dimension_must_be_the_encoders(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    test_model_set(folder, file, "{\"word_embedding_dimension\": 47}");
    test_refused(folder, ANM_E_FORMAT,
                 "1_Pooling/config.json|word_embedding_dimension|47|48");
}

static void absent_pooling_file_is_named(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    test_model_remove(folder, file);
    test_refused(folder, ANM_E_NOTFOUND, "1_Pooling/config.json|modules.json");
}

static void normalising_anything_but_the_vector_is_refused(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    const char *normalize = "2_Normalize/config.json";

    assert_int_equal(mkdir(test_model_path(folder, "2_Normalize"), 0700), 0);
    test_model_set(folder, normalize,
                   "{\"module_input_name\": \"sentence_embedding\"}");
    anm_source_close(test_open(folder));
    test_model_set(folder, normalize,
                   "{\"module_input_name\": \"token_embeddings\"}");
    test_refused(folder, ANM_E_UNSUPPORTED,
                 "2_Normalize/config.json|token_embeddings");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_a_mode_is_read),
        cmocka_unit_test(modes_not_built_in_are_refused_by_name),
        cmocka_unit_test(pooling_without_the_prompt_is_refused),
        cmocka_unit_test(dimension_must_be_the_encoders),
        cmocka_unit_test(absent_pooling_file_is_named),
        cmocka_unit_test(normalising_anything_but_the_vector_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
