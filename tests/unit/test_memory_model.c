/* Which model embeds for a collection.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/memories.h"
#include "support/model_folder.h"

static anm_model *open_model(const char *name)
{
    const anm_options o = test_options(name);
    return test_model_open(&o);
}

/* A member of the only collection of a store. */
static void read_member(anm_memory *m, const char *member, char *out,
                        size_t cap)
{
    char *json;

    assert_int_equal(anm_memory_ls(m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    const json_t *c = json_array_get(json_object_get(doc, "collections"), 0);
    snprintf(out, cap, "%s", json_string_value(json_object_get(c, member)));
    json_decref(doc);
}

static anm_status recall(anm_memory *m, anm_error *err)
{
    anm_recall *r = NULL;
    const anm_status status =
        anm_memory_recall(m, anm_text_of("the river"), NULL, &r, NULL, err);

    assert_true((status == ANM_OK) == (r != NULL));
    anm_recall_free(r);
    return status;
}

static anm_status remember(anm_memory *m, const char *text, anm_error *err)
{
    const anm_memo memo = { anm_text_of("k"), anm_text_of(text), { 0 } };
    return anm_memory_remember(m, "c", &memo, 1, NULL, NULL, NULL, err);
}

static void model_of_another_fingerprint_is_refused_naming_both(void **state)
{
    const char *path = test_store_path();
    anm_model *mean = open_model("tiny-bert-mean");
    anm_model *cls = open_model("tiny-bert-cls");
    anm_memory *m = test_memory_open(path, mean);
    char words[400];
    anm_error err;
    (void)state;

    test_remember(m, "c", "k", "the old house by the river", NULL);
    anm_memory_close(m);
    m = test_memory_open(path, cls);
    snprintf(words, sizeof(words), "%s|%s|48|64|tiny-bert-mean|tiny-bert-cls",
             anm_model_fingerprint(mean), anm_model_fingerprint(cls));
    test_failed(remember(m, "other", &err), &err, ANM_E_MISMATCH, words);
    test_failed(recall(m, &err), &err, ANM_E_MISMATCH, words);
    anm_memory_close(m);

    // Nothing was changed by the refusal.
    m = test_memory_open(path, mean);
    anm_recall *r = test_recall(m, "river", 10, NULL);
    assert_int_equal(anm_recall_n(r), 1);
    assert_true(test_key_is(r, 0, "k"));
    anm_recall_free(r);
    anm_memory_close(m);
    anm_model_close(mean);
    anm_model_close(cls);
}

static void collection_remembers_where_its_model_is(void **state)
{
    const char *path = test_store_path();
    anm_model *mean = open_model("tiny-bert-mean");
    anm_memory *m = test_memory_open(path, mean);
    anm_error err;
    (void)state;

    test_remember(m, "c", "k", "the old house by the river", NULL);
    anm_memory_close(m);
    anm_model_close(mean);

    anm_options open = test_options("tiny-bert-mean");
    open.model = "ignored";
    const anm_memory_options o = { .store = path, .open = &open };
    assert_int_equal(anm_memory_open(&m, &o, NULL), ANM_OK);
    assert_int_equal(recall(m, &err), ANM_OK);
    assert_int_equal(remember(m, "another text", &err), ANM_OK);
    anm_memory_close(m);
}

static void hint_does_not_depend_on_the_current_folder(void **state)
{
    const char *path = test_store_path();
    char before[1024], hint[1024];
    (void)state;

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(test_data("")), 0);
    anm_model *mean = open_model("./tiny-bert-mean");
    anm_memory *m = test_memory_open(path, mean);
    test_remember(m, "c", "k", "text", NULL);
    assert_int_equal(chdir(before), 0);
    read_member(m, "model_path", hint, sizeof(hint));
    assert_int_equal(hint[0], '/');
    assert_non_null(strstr(hint, "tiny-bert-mean"));
    anm_memory_close(m);
    anm_model_close(mean);
}

static void missing_model_is_named_with_path_and_fingerprint(void **state)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    const char *path = test_store_path();
    anm_model *model = open_model(folder);
    anm_memory *m = test_memory_open(path, model);
    char words[1200], hint[1024], fingerprint[100];
    anm_error err;
    (void)state;

    test_remember(m, "c", "k", "text", NULL);
    read_member(m, "model_path", hint, sizeof(hint));
    snprintf(fingerprint, sizeof(fingerprint), "%s",
             anm_model_fingerprint(model));
    anm_memory_close(m);
    anm_model_close(model);
    test_model_remove(folder, "model.safetensors");

    snprintf(words, sizeof(words), "collection c|%s|%s", hint, fingerprint);
    m = test_memory_open(path, NULL);
    test_failed(recall(m, &err), &err, ANM_E_NOTFOUND, words);
    test_failed(remember(m, "t", &err), &err, ANM_E_NOTFOUND, words);
    anm_memory_close(m);
}

static void changed_model_at_the_hint_is_refused(void **state)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    const char *path = test_store_path();
    anm_model *model = open_model(folder);
    anm_memory *m = test_memory_open(path, model);
    char words[400];
    anm_error err;
    (void)state;

    test_remember(m, "c", "k", "text", NULL);
    snprintf(words, sizeof(words), "%s|collection c",
             anm_model_fingerprint(model));
    anm_memory_close(m);
    anm_model_close(model);
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\": 32}");
    m = test_memory_open(path, NULL);
    test_failed(recall(m, &err), &err, ANM_E_MISMATCH, words);
    anm_memory_close(m);
}

static void new_collection_without_model_is_refused(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), NULL);
    anm_error err;
    (void)state;

    test_failed(remember(m, "t", &err), &err, ANM_E_NOTFOUND,
                "collection c|no model was given");
    anm_memory_close(m);
}

static void moved_model_moves_the_hint(void **state)
{
    const char *path = test_store_path();
    anm_model *first = open_model("tiny-bert-mean");
    anm_model *second = open_model(test_model_copy("tiny-bert-mean"));
    char before[1024], after[1024];
    (void)state;

    assert_string_equal(anm_model_fingerprint(first),
                        anm_model_fingerprint(second));
    anm_memory *m = test_memory_open(path, first);
    test_remember(m, "c", "k", "text", NULL);
    read_member(m, "model_path", before, sizeof(before));
    anm_memory_close(m);
    m = test_memory_open(path, second);
    test_remember(m, "c", "k", "other", NULL);
    read_member(m, "model_path", after, sizeof(after));
    assert_string_not_equal(before, after);
    anm_memory_close(m);
    anm_model_close(first);
    anm_model_close(second);
}

/* ---- Prompts ------------------------------------------------------------------ */

static void check_prompts(const char *patch, const char *document,
                          const char *query)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    char got[100];

    test_model_set(folder, "config_sentence_transformers.json", patch);
    anm_model *model = open_model(folder);
    anm_memory *m = test_memory_open(test_store_path(), model);
    test_remember(m, "c", "k", "text", NULL);
    read_member(m, "document_prompt", got, sizeof(got));
    assert_string_equal(got, document);
    read_member(m, "query_prompt", got, sizeof(got));
    assert_string_equal(got, query);
    anm_memory_close(m);
    anm_model_close(model);
}

static void prompts_are_the_first_that_the_model_defines(void **state)
{
    (void)state;
    check_prompts("{\"prompts\":{\"query\":\"q: \",\"corpus\":\"c: \","
                  "\"passage\":\"p: \"}}",
                  "passage", "query");
    check_prompts("{\"prompts\":{\"corpus\":\"c: \"}}", "corpus", "");
    check_prompts("{\"prompts\":{\"document\":\"d: \",\"passage\":\"p: \"}}",
                  "document", "");
    check_prompts("{\"prompts\":{\"sts\":\"s: \"},"
                  "\"default_prompt_name\":\"sts\"}",
                  "sts", "sts");
    check_prompts("{}", "", "");
}

static bool copy_vector(void *ctx, const anm_remembered_item *item)
{
    memcpy(ctx, item->vector, item->dim * sizeof(float));
    return true;
}

static void prompts_are_embedded(void **state)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    float stored[48];
    const anm_text key = anm_text_of("k");
    (void)state;

    test_model_set(folder, "config_sentence_transformers.json",
                   "{\"prompts\":{\"query\":\"what is \","
                   "\"document\":\"answer: \"}}");
    anm_model *model = open_model(folder);
    anm_memory *m = test_memory_open(test_store_path(), model);
    test_remember(m, "c", "k", "the river", NULL);
    assert_int_equal(
        anm_memory_each(m, "c", &key, true, copy_vector, stored, NULL), ANM_OK);
    float *document = test_embed(model, "answer: the river");
    float *question = test_embed(model, "what is the bridge");
    assert_memory_equal(stored, document, sizeof(stored));
    double cosine = 0;
    for (int i = 0; i < 48; i++)
        cosine += (double)document[i] * question[i];
    anm_recall *r = test_recall(m, "the bridge", 1, NULL);
    assert_true(fabs((double)anm_recall_at(r, 0).score - cosine) < 1e-5);
    anm_recall_free(r);
    free(document);
    free(question);
    anm_memory_close(m);
    anm_model_close(model);
}

static void
vectors_of_a_recipe_without_normalisation_are_normalised(void **state)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    static const char modules[] =
        "[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":"
        "\"sentence_transformers.models.Transformer\"},"
        "{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":"
        "\"sentence_transformers.models.Pooling\"}]";
    float stored[48];
    const anm_text key = anm_text_of("k");
    (void)state;

    test_model_write(folder, "modules.json", modules, sizeof(modules) - 1);
    anm_model *model = open_model(folder);
    anm_memory *m = test_memory_open(test_store_path(), model);
    float *plain = test_embed(model, "the river");
    double norm = 0, stored_norm = 0;
    test_remember(m, "c", "k", "the river", NULL);
    assert_int_equal(
        anm_memory_each(m, "c", &key, true, copy_vector, stored, NULL), ANM_OK);
    for (int i = 0; i < 48; i++) {
        norm += (double)plain[i] * plain[i];
        stored_norm += (double)stored[i] * stored[i];
    }
    assert_true(fabs(norm - 1) > 0.1);
    assert_true(fabs(stored_norm - 1) < 1e-6);
    anm_recall *r = test_recall(m, "the river", 1, NULL);
    assert_true(fabs((double)anm_recall_at(r, 0).score - 1) < 1e-5);
    anm_recall_free(r);
    free(plain);
    anm_memory_close(m);
    anm_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_of_another_fingerprint_is_refused_naming_both),
        cmocka_unit_test(collection_remembers_where_its_model_is),
        cmocka_unit_test(hint_does_not_depend_on_the_current_folder),
        cmocka_unit_test(missing_model_is_named_with_path_and_fingerprint),
        cmocka_unit_test(changed_model_at_the_hint_is_refused),
        cmocka_unit_test(new_collection_without_model_is_refused),
        cmocka_unit_test(moved_model_moves_the_hint),
        cmocka_unit_test(prompts_are_the_first_that_the_model_defines),
        cmocka_unit_test(prompts_are_embedded),
        cmocka_unit_test(
            vectors_of_a_recipe_without_normalisation_are_normalised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
