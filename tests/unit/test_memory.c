/* Opening an archive, its readers, and the list of its collections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "memory/memory_parts.h"
#include "support/memories.h"

static void put_collection(anm_archive *a, const char *name)
{
    anm_collection c = { .dim = 2, .fingerprint = "sha256:x" };

    snprintf(c.name, sizeof(c.name), "%s", name);
    assert_int_equal(anm_store_begin(a->writer, NULL), ANM_OK);
    assert_int_equal(anm_store_need_collection(a->writer, &c, NULL), ANM_OK);
    assert_int_equal(anm_store_commit(a->writer, NULL), ANM_OK);
}

static void absent_store_is_made_only_for_writing(void **state)
{
    const char *path = test_store_path();
    anm_memory_options o = { .store = path, .read_only = true };
    anm_memory *m = (anm_memory *)state; // not NULL
    anm_error err;

    test_failed(anm_memory_open(&m, &o, &err), &err, ANM_E_NOTFOUND, path);
    assert_null(m);
    o.read_only = false;
    assert_int_equal(anm_memory_open(&m, &o, &err), ANM_OK);
    anm_memory_close(m);
    o.read_only = true;
    assert_int_equal(anm_memory_open(&m, &o, &err), ANM_OK);
    anm_memory_close(m);
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
    anm_collection *list;
    size_t n;
    (void)state;

    put_collection(a, "z");
    put_collection(a, "m");
    put_collection(a, "a");
    assert_int_equal(
        anm_archive_collections(a, names, 3, &list, &n, NULL, NULL), ANM_OK);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "z");
    assert_string_equal(list[1].name, "a");
    anm_free(list);
    assert_int_equal(anm_archive_collections(a, NULL, 0, &list, &n, NULL, NULL),
                     ANM_OK);
    assert_int_equal(n, 3);
    anm_free(list);
    anm_archive_close(a);
}

static void unknown_collection_is_named(void **state)
{
    const char *path = test_store_path();
    anm_archive *a = test_archive_open(path, 1);
    const char *names[] = { "here", "gone" };
    char words[600];
    anm_collection *list;
    size_t n;
    anm_error err;
    (void)state;

    test_failed(anm_archive_collections(a, NULL, 0, &list, &n, NULL, &err),
                &err, ANM_E_NOTFOUND, path);
    put_collection(a, "here");
    snprintf(words, sizeof(words), "gone|%s", path);
    test_failed(anm_archive_collections(a, names, 2, &list, &n, NULL, &err),
                &err, ANM_E_NOTFOUND, words);
    assert_null(list);
    anm_archive_close(a);
}

static void generation_moves_with_commits_alone(void **state)
{
    const char *path = test_store_path();
    anm_archive *a = test_archive_open(path, 1);
    anm_archive *other = test_archive_open(path, 1);
    uint64_t seen[4];
    anm_collection *list;
    size_t n;
    (void)state;

    put_collection(a, "one");
    for (int i = 0; i < 4; i++) {
        if (i == 2) put_collection(other, "two");
        assert_int_equal(
            anm_archive_collections(a, NULL, 0, &list, &n, &seen[i], NULL),
            ANM_OK);
        assert_int_equal(n, i < 2 ? 1 : 2);
        anm_free(list);
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

    anm_memory_close(test_memory_open(path, NULL));
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
        cmocka_unit_test(absent_store_is_made_only_for_writing),
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
