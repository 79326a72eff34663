/* Documents of upkeep.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/memories.h"

static anm_model *model;

static int open_model(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    (void)state;
    model = test_model_open(&o);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    anm_model_close(model);
    return 0;
}

static json_int_t number(const json_t *o, const char *key)
{
    assert_true(json_is_integer(json_object_get(o, key)));
    return json_integer_value(json_object_get(o, key));
}

static const char *string(const json_t *o, const char *key)
{
    assert_true(json_is_string(json_object_get(o, key)));
    return json_string_value(json_object_get(o, key));
}

static void ls_lists_collections_by_name(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    char *json;
    (void)state;

    assert_int_equal(anm_memory_ls(m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_int_equal(json_array_size(json_object_get(doc, "collections")), 0);
    json_decref(doc);

    test_remember(m, "zeta", "a", "one", NULL);
    test_remember(m, "alpha", "a", "one", NULL);
    test_remember(m, "zeta", "b", "two", NULL);
    assert_int_equal(anm_memory_ls(m, &json, NULL), ANM_OK);
    doc = test_take_json(json);
    const json_t *list = json_object_get(doc, "collections");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(string(json_array_get(list, 0), "name"), "alpha");
    const json_t *zeta = json_array_get(list, 1);
    assert_string_equal(string(zeta, "name"), "zeta");
    assert_int_equal(number(zeta, "items"), 2);
    assert_int_equal(number(zeta, "dim"), 48);
    assert_string_equal(string(zeta, "model"), "tiny-bert-mean");
    assert_string_equal(string(zeta, "fingerprint"),
                        anm_model_fingerprint(model));
    json_decref(doc);
    anm_memory_close(m);
}

static void ls_names_the_paths_with_an_index(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    char *json;
    (void)state;

    test_remember(m, "c", "a", "one", NULL);
    test_remember(m, "d", "a", "one", NULL);
    assert_int_equal(anm_memory_index(m, "c", "year", NULL), ANM_OK);
    assert_int_equal(anm_memory_index(m, "c", "a.b", NULL), ANM_OK);
    assert_int_equal(anm_memory_index(m, "c", "year", NULL), ANM_OK);
    assert_int_equal(anm_memory_ls(m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    const json_t *list = json_object_get(doc, "collections");
    const json_t *paths = json_object_get(json_array_get(list, 0), "index");
    assert_int_equal(json_array_size(paths), 2);
    assert_string_equal(json_string_value(json_array_get(paths, 0)), "a.b");
    assert_string_equal(json_string_value(json_array_get(paths, 1)), "year");
    paths = json_object_get(json_array_get(list, 1), "index");
    assert_int_equal(json_array_size(paths), 0);
    json_decref(doc);
    anm_memory_close(m);
}

static void stats_count_what_is_there(void **state)
{
    const char *path = test_store_path();
    anm_memory *m = test_memory_open(path, model);
    char *json;
    (void)state;

    test_remember(m, "c", "a", "one", NULL);
    test_remember(m, "c", "b", "two", NULL);
    test_remember(m, "d", "a", "one", NULL);
    assert_int_equal(anm_memory_stats(m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_string_equal(string(doc, "store"), path);
    assert_int_equal(number(doc, "version"), 2);
    assert_int_equal(number(doc, "collections"), 2);
    assert_int_equal(number(doc, "items"), 3);
    assert_int_equal(number(doc, "changes"), 3);
    assert_true(number(doc, "file_bytes") > 0);
    assert_int_equal(strncmp(string(doc, "sqlite"), "3.", 2), 0);
    json_decref(doc);
    anm_memory_close(m);
}

static void sound_store_has_no_problems(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    char *json;
    bool sound = false;
    (void)state;

    test_remember(m, "c", "a", "one", "{\"n\":1}");
    assert_int_equal(anm_memory_check(m, &json, &sound, NULL), ANM_OK);
    assert_true(sound);
    assert_string_equal(json, "{\"ok\":true,\"problems\":[]}");
    anm_free(json);
    anm_memory_close(m);
}

static void damaged_page_is_a_problem(void **state)
{
    const char *path = test_store_path();
    anm_memory *m = test_memory_open(path, model);
    char *json;
    bool sound = true;
    size_t len;
    (void)state;

    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        test_remember(m, "c", key, "one and the same text", NULL);
    }
    assert_int_equal(anm_memory_compact(m, &json, NULL), ANM_OK);
    anm_free(json);
    anm_memory_close(m);
    free(test_read(path, &len));
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)(len / 4096 / 2 * 4096), SEEK_SET), 0);
    for (int i = 0; i < 4096; i++)
        fputc(0xa5, f);
    fclose(f);

    m = test_memory_open(path, model);
    assert_int_equal(anm_memory_check(m, &json, &sound, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_false(sound);
    assert_true(json_is_false(json_object_get(doc, "ok")));
    assert_true(json_array_size(json_object_get(doc, "problems")) > 0);
    json_decref(doc);
    anm_memory_close(m);
}

static void backup_can_be_asked_like_the_store(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    const char *copy = test_store_path();
    char *json;
    anm_error err;
    (void)state;

    test_remember(m, "c", "a", "a cup of tea", NULL);
    test_remember(m, "c", "b", "the old house", NULL);
    assert_int_equal(anm_memory_backup(m, copy, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_string_equal(string(doc, "backup"), copy);
    assert_int_equal(number(doc, "items"), 2);
    assert_true(number(doc, "file_bytes") > 0);
    json_decref(doc);
    // A backup never overwrites.
    const anm_status again = anm_memory_backup(m, copy, &json, &err);
    assert_int_not_equal(again, ANM_OK);
    test_failed(again, &err, again, copy);
    anm_memory_close(m);

    m = test_memory_open(copy, model);
    anm_recall *r = test_recall(m, "a cup of tea", 1, NULL);
    assert_true(test_key_is(r, 0, "a"));
    anm_recall_free(r);
    anm_memory_close(m);
}

static void compaction_gives_space_back_and_keeps_items(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    char *json;
    (void)state;

    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        test_remember(m, "c", key, "one and the same text",
                      i % 10 ? "{\"n\":1}" : NULL);
    }
    assert_int_equal(anm_memory_forget(m, "c", NULL, 0, "n = 1", NULL, NULL),
                     ANM_OK);
    assert_int_equal(anm_memory_compact(m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_true(number(doc, "bytes_after") < number(doc, "bytes_before"));
    json_decref(doc);
    // An index that was loaded before goes on being right.
    anm_recall *r = test_recall(m, "one and the same text", 1000, NULL);
    assert_int_equal(anm_recall_n(r), 30);
    anm_recall_free(r);
    test_remember(m, "c", "new", "a cup of tea", NULL);
    r = test_recall(m, "a cup of tea", 1000, NULL);
    assert_int_equal(anm_recall_n(r), 31);
    assert_true(test_key_is(r, 0, "new"));
    anm_recall_free(r);
    anm_memory_close(m);
}

static void index_on_a_path_changes_no_answer(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    anm_error err;
    (void)state;

    test_remember(m, "c", "a", "one", "{\"a\":{\"b\":1}}");
    test_remember(m, "c", "b", "two", "{\"a\":{\"b\":2}}");
    for (int i = 0; i < 2; i++)
        assert_int_equal(anm_memory_index(m, "c", "a.b", NULL), ANM_OK);
    anm_recall *r = test_recall(m, "one", 10, "a.b = 2");
    assert_int_equal(anm_recall_n(r), 1);
    assert_true(test_key_is(r, 0, "b"));
    anm_recall_free(r);
    test_failed(anm_memory_index(m, "none", "a.b", &err), &err, ANM_E_NOTFOUND,
                "none");
    anm_memory_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ls_lists_collections_by_name),
        cmocka_unit_test(ls_names_the_paths_with_an_index),
        cmocka_unit_test(stats_count_what_is_there),
        cmocka_unit_test(sound_store_has_no_problems),
        cmocka_unit_test(damaged_page_is_a_problem),
        cmocka_unit_test(backup_can_be_asked_like_the_store),
        cmocka_unit_test(compaction_gives_space_back_and_keeps_items),
        cmocka_unit_test(index_on_a_path_changes_no_answer),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
