/* Opening an archive, its readers, and the list of its collections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "memory/memory_parts.h"
#include "support/memories.h"
#include "support/stores.h"

static void put_collection(anm_archive *a, const char *name)
{
    anm_collection c = { .dim = 2, .fingerprint = "sha256:x" };

    snprintf(c.name, sizeof(c.name), "%s", name);
    assert_int_equal(anm_store_begin(a->writer, NULL), ANM_OK);
    assert_int_equal(anm_store_need_collection(a->writer, &c, NULL), ANM_OK);
    assert_int_equal(anm_store_commit(a->writer, NULL), ANM_OK);
}

static void absent_store_cannot_be_read(void **state)
{
    const char *path = test_store_path();
    const anm_memory_options o = { .store = path, .read_only = true };
    anm_memory *m = (anm_memory *)state; // not NULL
    anm_error err;

    test_failed(anm_memory_open(&m, &o, &err), &err, ANM_E_NOTFOUND, path);
    assert_null(m);
}

/* Whatever is refused while there is no store. */
static void refuse_everything(anm_memory *m)
{
    static const char deep[] =
        "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
    static const struct {
        const char *collection, *key, *meta;
        anm_status status;
    } bad[] = {
        { "", "k", "", ANM_E_ARG },
        { "a\nb", "k", "", ANM_E_ARG },
        { "notes", "", "", ANM_E_ARG },
        { "notes", "k", "[]", ANM_E_ARG },
        { "notes", "k", "{", ANM_E_ARG },
        { "notes", "k", deep, ANM_E_ARG },
        { "notes", "k", "{\"a\":\"\\u0000\"}", ANM_E_FORMAT },
    };
    anm_error err;
    anm_recall *r;
    char *json;
    size_t removed;
    const anm_text key = anm_text_of("k");

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const anm_memo memo = { anm_text_of(bad[i].key), anm_text_of("text"),
                                anm_text_of(bad[i].meta) };
        const anm_status got = anm_memory_remember(m, bad[i].collection, &memo,
                                                   1, NULL, NULL, NULL, &err);
        if (got != bad[i].status) fail_msg("%zu: %s", i, err.message);
    }
    test_failed(anm_memory_recall(m, anm_text_of("?"), NULL, &r, NULL, &err),
                &err, ANM_E_NOTFOUND, "no collection");
    test_failed(anm_memory_forget(m, "notes", &key, 1, NULL, &removed, &err),
                &err, ANM_E_NOTFOUND, "does not exist");
    test_failed(anm_memory_index(m, "notes", "a", &err), &err, ANM_E_NOTFOUND,
                "does not exist");
    test_failed(anm_memory_stats(m, &json, &err), &err, ANM_E_NOTFOUND,
                "does not exist");
    test_failed(anm_memory_compact(m, &json, &err), &err, ANM_E_NOTFOUND,
                "does not exist");
}

static void only_a_first_item_makes_an_absent_store(void **state)
{
    const char *parent = test_temp_folder();
    char path[600], folder[560];
    const anm_options how = test_options("tiny-bert-mean");
    anm_model *model = test_model_open(&how);
    char *json;
    anm_file_kind kind;
    anm_file_id id;
    (void)state;

    snprintf(folder, sizeof(folder), "%s/a", parent);
    snprintf(path, sizeof(path), "%s/m.db", folder);
    anm_memory *m = test_memory_open(path, model);
    refuse_everything(m);
    assert_int_equal(anm_memory_ls(m, &json, NULL), ANM_OK);
    assert_string_equal(json, "{\"collections\":[]}");
    anm_free(json);
    assert_int_equal(anm_file_look(folder, &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_ABSENT);

    assert_int_equal(test_remember(m, "notes", "k", "text", NULL).added, 1);
    anm_recall *r = test_recall(m, "text", 1, NULL);
    assert_true(test_key_is(r, 0, "k"));
    anm_recall_free(r);
    anm_memory_close(m);
    anm_model_close(model);
}

/* Another is at the creation, or was killed at it. */
static void store_that_is_being_made_is_completed(void **state)
{
    const anm_options how = test_options("tiny-bert-mean");
    anm_model *model = test_model_open(&how);
    anm_error err;
    anm_recall *r;
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        const char *path = test_store_path();
        anm_memory *m = test_memory_open(path, model);

        fclose(fopen(path, "wb"));
        if (i) test_store_sql(path, "PRAGMA application_id = 1095650609");
        test_failed(
            anm_memory_recall(m, anm_text_of("?"), NULL, &r, NULL, &err), &err,
            ANM_E_NOTFOUND, "no collection");
        assert_int_equal(test_remember(m, "notes", "k", "text", NULL).added, 1);
        anm_memory_close(m);
    }
    anm_model_close(model);
}

/* Another makes the store while a handle waits for its first item. */
static void store_that_another_made_is_seen(void **state)
{
    const char *path = test_store_path();
    const anm_options how = test_options("tiny-bert-mean");
    anm_model *model = test_model_open(&how);
    anm_memory *first = test_memory_open(path, model);
    anm_memory *second = test_memory_open(path, model);
    (void)state;

    test_remember(first, "notes", "a", "one", NULL);
    anm_recall *r = test_recall(second, "one", 5, NULL);
    assert_int_equal(anm_recall_n(r), 1);
    anm_recall_free(r);
    assert_int_equal(test_remember(second, "notes", "a", "one", NULL).unchanged,
                     1);
    anm_memory_close(second);
    anm_memory_close(first);
    anm_model_close(model);
}

static void file_of_others_is_refused_and_not_touched(void **state)
{
    const char *path = test_store_path();
    static const char text[] = "not a database, and it stays what it is";
    const anm_memory_options o = { .store = path };
    anm_memory *m;
    anm_error err;
    size_t len;
    (void)state;

    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    test_failed(anm_memory_open(&m, &o, &err), &err, ANM_E_FORMAT, path);
    assert_null(m);
    char *after = test_read(path, &len);
    assert_int_equal(len, sizeof(text) - 1);
    assert_memory_equal(after, text, len);
    free(after);
}

static void bad_level_is_refused_at_once(void **state)
{
    anm_options open = test_options("tiny-bert-mean");
    const anm_memory_options o = { .store = test_store_path(), .open = &open };
    anm_memory *m;
    anm_error err;
    (void)state;

    open.cpu = "quantum";
    test_failed(anm_memory_open(&m, &o, &err), &err, ANM_E_ARG, "quantum");
}

static void reader_given_back_is_taken_again(void **state)
{
    anm_archive *a = test_archive_open(test_store_path(), 1);
    anm_reader *first, *second, *third;
    (void)state;

    assert_int_equal(anm_reader_take(a, &first, NULL), ANM_OK);
    assert_int_equal(anm_reader_take(a, &second, NULL), ANM_OK);
    assert_ptr_not_equal(first, second);
    anm_reader_give_back(a, first);
    assert_int_equal(anm_reader_take(a, &third, NULL), ANM_OK);
    assert_ptr_equal(third, first);
    anm_reader_give_back(a, second);
    anm_reader_give_back(a, third);
    anm_archive_close(a);
}

static void readers_kept_are_few(void **state)
{
    anm_archive *a = test_archive_open(test_store_path(), 1);
    anm_reader *r[20];
    (void)state;

    for (int i = 0; i < 20; i++)
        assert_int_equal(anm_reader_take(a, &r[i], NULL), ANM_OK);
    for (int i = 0; i < 20; i++)
        anm_reader_give_back(a, r[i]);
    assert_true(a->n_readers <= 8);
    anm_archive_close(a);
}

static void collections_come_in_order_of_creation_each_once(void **state)
{
    anm_archive *a = test_archive_open(test_store_path(), 1);
    const char *names[] = { "a", "z", "a" };
    anm_collection_list list;
    (void)state;

    put_collection(a, "z");
    put_collection(a, "m");
    put_collection(a, "a");
    assert_int_equal(anm_archive_collections(a, names, 3, &list, NULL), ANM_OK);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0].name, "z");
    assert_string_equal(list.items[1].name, "a");
    anm_free(list.items);
    assert_int_equal(anm_archive_collections(a, NULL, 0, &list, NULL), ANM_OK);
    assert_int_equal(list.n, 3);
    anm_free(list.items);
    anm_archive_close(a);
}

static void unknown_collection_is_named(void **state)
{
    const char *path = test_store_path();
    anm_archive *a = test_archive_open(path, 1);
    const char *names[] = { "here", "gone" };
    char words[600];
    anm_collection_list list;
    anm_error err;
    (void)state;

    test_failed(anm_archive_collections(a, NULL, 0, &list, &err), &err,
                ANM_E_NOTFOUND, path);
    put_collection(a, "here");
    snprintf(words, sizeof(words), "gone|%s", path);
    test_failed(anm_archive_collections(a, names, 2, &list, &err), &err,
                ANM_E_NOTFOUND, words);
    assert_null(list.items);
    anm_archive_close(a);
}

static void generation_moves_with_commits_alone(void **state)
{
    const char *path = test_store_path();
    anm_archive *a = test_archive_open(path, 1);
    anm_archive *other = test_archive_open(path, 1);
    uint64_t seen[4];
    anm_collection_list list;
    (void)state;

    put_collection(a, "one");
    for (int i = 0; i < 4; i++) {
        if (i == 2) put_collection(other, "two");
        assert_int_equal(anm_archive_collections(a, NULL, 0, &list, NULL),
                         ANM_OK);
        seen[i] = list.generation;
        assert_int_equal(list.n, i < 2 ? 1 : 2);
        anm_free(list.items);
    }
    assert_int_equal(seen[0], seen[1]);
    assert_true(seen[2] > seen[1]);
    assert_int_equal(seen[2], seen[3]);
    anm_archive_close(other);
    anm_archive_close(a);
}

static void read_only_memory_refuses_to_write(void **state)
{
    const char *path = test_store_path();
    const anm_text key = anm_text_of("k");
    const anm_memo memo = { key, anm_text_of("t"), { 0 } };
    const anm_memory_options o = { .store = path, .read_only = true };
    anm_memory *m;
    char *json;
    anm_error err;
    (void)state;

    anm_archive_close(test_archive_open(path, 1));
    assert_int_equal(anm_memory_open(&m, &o, NULL), ANM_OK);
    test_failed(anm_memory_remember(m, "c", &memo, 1, NULL, NULL, NULL, &err),
                &err, ANM_E_ARG, "read-only");
    test_failed(anm_memory_forget(m, "c", &key, 1, NULL, NULL, &err), &err,
                ANM_E_ARG, "read-only");
    test_failed(anm_memory_compact(m, &json, &err), &err, ANM_E_ARG,
                "read-only");
    test_failed(anm_memory_index(m, "c", "a", &err), &err, ANM_E_ARG,
                "read-only");
    anm_memory_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_store_cannot_be_read),
        cmocka_unit_test(only_a_first_item_makes_an_absent_store),
        cmocka_unit_test(store_that_is_being_made_is_completed),
        cmocka_unit_test(store_that_another_made_is_seen),
        cmocka_unit_test(file_of_others_is_refused_and_not_touched),
        cmocka_unit_test(bad_level_is_refused_at_once),
        cmocka_unit_test(reader_given_back_is_taken_again),
        cmocka_unit_test(readers_kept_are_few),
        cmocka_unit_test(collections_come_in_order_of_creation_each_once),
        cmocka_unit_test(unknown_collection_is_named),
        cmocka_unit_test(generation_moves_with_commits_alone),
        cmocka_unit_test(read_only_memory_refuses_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
