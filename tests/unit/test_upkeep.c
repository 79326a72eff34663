/* Copies that appear whole, space given back, figures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "support/stores.h"

static anm_store *filled(const char *path, anm_collection *c, int n)
{
    anm_store *s = test_store_open(path, ANM_STORE_CREATE);
    char key[16];

    *c = test_store_collection(s, "notes", 256);
    test_store_begin(s);
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        test_store_put(s, c, key, "text", "{\"n\":1}", (uint64_t)i);
    }
    test_store_commit(s);
    return s;
}

static void no_trace(const char *path)
{
    char folder[600];
    anm_names names = { 0 };

    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path),
             path);
    assert_int_equal(anm_folder_list(folder, &names, NULL), ANM_OK);
    for (size_t i = 0; i < names.n; i++)
        assert_null(strstr(names.names[i], ".tmp"));
    anm_names_deinit(&names);
}

static uint64_t reports;

static void report(void *ctx, const char *step, uint64_t done, uint64_t total)
{
    (void)ctx;
    assert_string_equal(step, "backup");
    assert_true(done <= total);
    if (done == total) reports++;
}

static void backup_is_a_store_of_the_same_items(void **state)
{
    const char *path = test_db_path(), *to = test_db_path();
    anm_collection c;
    (void)state;

    anm_store *s = filled(path, &c, 50);
    reports = 0;
    assert_int_equal(anm_store_backup(s, to, report, NULL, NULL), ANM_OK);
    assert_int_equal(reports, 1);
    test_store_add(s, &c, "later", "x", "", 1);
    no_trace(to);
    anm_store *copy = test_store_open(to, ANM_STORE_WRITE);
    test_store_sound(copy);
    anm_collection there;
    assert_int_equal(anm_store_collection(copy, "notes", &there, NULL), ANM_OK);
    assert_int_equal(there.items, 50);
    test_store_add(copy, &c, "new", "y", "", 1);
    anm_store_close(copy);
    anm_store_close(s);
}

static void backup_overwrites_nothing(void **state)
{
    const char *path = test_db_path(), *to = test_db_path();
    anm_collection c;
    anm_error err;
    (void)state;

    anm_store *s = filled(path, &c, 5);
    test_store_sql(to, "CREATE TABLE mine(x)");
    assert_int_equal(anm_store_backup(s, to, NULL, NULL, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, to));
    assert_int_equal(anm_store_backup(s, path, NULL, NULL, &err), ANM_E_ARG);
    assert_int_equal(anm_store_backup(s, "/nonexistent/x.db", NULL, NULL, &err),
                     ANM_E_NOTFOUND);
    test_store_sql(to, "INSERT INTO mine VALUES(1)");
    anm_store_close(s);
}

static atomic_bool stop;
static const char *busy_path;
static anm_collection busy_collection;

/* NULL, or ctx when something failed. */
static void *write_on(void *ctx)
{
    anm_store *s = NULL;
    anm_error err;
    anm_put what;
    float v[256] = { 1.0f };
    char key[16];

    if (anm_store_open(&s, busy_path, ANM_STORE_WRITE, 2000, &err)) return ctx;
    for (int i = 0; !stop; i++) {
        snprintf(key, sizeof(key), "w%d", i);
        const anm_record r = { test_text(key), test_text("w"), { 0 }, v };
        if (anm_store_begin(s, &err)) return ctx;
        if (anm_store_put(s, &busy_collection, &r, &what, &err)) return ctx;
        if (anm_store_commit(s, &err)) return ctx;
    }
    anm_store_close(s);
    return NULL;
}

/* A copy that started again at each commit would never end. */
static void backup_ends_and_is_sound_while_another_writes(void **state)
{
    char to[600];
    pthread_t writer;
    void *failed;
    (void)state;

    busy_path = test_db_path();
    anm_store *s = filled(busy_path, &busy_collection, 2000);
    stop = false;
    assert_int_equal(pthread_create(&writer, NULL, write_on, &stop), 0);
    for (int i = 0; i < 3; i++) {
        snprintf(to, sizeof(to), "%s.copy%d", busy_path, i);
        assert_int_equal(anm_store_backup(s, to, NULL, NULL, NULL), ANM_OK);
        anm_store *copy = test_store_open(to, ANM_STORE_READ);
        test_store_sound(copy);
        anm_store_close(copy);
    }
    stop = true;
    pthread_join(writer, &failed);
    assert_null(failed);
    test_store_sound(s);
    anm_store_close(s);
}

static void compact_gives_space_back_and_loses_nothing(void **state)
{
    const char *path = test_db_path();
    anm_collection c;
    uint64_t before, after;
    anm_store_stats stats;
    char key[16];
    (void)state;

    anm_store *s = filled(path, &c, 1000);
    test_store_begin(s);
    for (int i = 0; i < 990; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        test_store_remove(s, &c, key);
    }
    test_store_commit(s);
    assert_int_equal(anm_store_compact(s, &before, &after, NULL), ANM_OK);
    assert_true(before > 1000 * 1024);
    assert_true(after < 200000);
    test_store_sound(s);
    assert_string_equal(test_store_list(s, &c),
                        "k990=text k991=text k992=text k993=text k994=text "
                        "k995=text k996=text k997=text k998=text k999=text");
    assert_int_equal(anm_store_stats_read(s, &stats, NULL), ANM_OK);
    assert_int_equal(stats.changes, 10);
    assert_int_equal(stats.wal_bytes, 0);
    // Numbers of changes go on, never again.
    test_store_add(s, &c, "new", "x", "", 1);
    anm_collection now;
    assert_int_equal(anm_store_collection(s, "notes", &now, NULL), ANM_OK);
    assert_int_equal(now.seq, 1991);
    anm_store_close(s);
}

static bool compact_inside(void *ctx, const anm_item *item)
{
    anm_store *s = ctx;
    uint64_t before, after;

    assert_int_equal(anm_store_compact(s, &before, &after, NULL), ANM_OK);
    return item->key.len == 0;
}

static void compact_does_not_wait_for_readers(void **state)
{
    const char *path = test_db_path();
    anm_collection c;
    (void)state;

    anm_store *s = filled(path, &c, 20);
    anm_store *r = test_store_open(path, ANM_STORE_READ);
    assert_int_equal(anm_store_each(r, &c, false, compact_inside, s, NULL),
                     ANM_OK);
    test_store_sound(r);
    anm_store_close(r);
    anm_store_close(s);
}

static void figures_are_those_of_the_store(void **state)
{
    const char *path = test_db_path();
    anm_collection c;
    anm_store_stats stats;
    (void)state;

    anm_store *s = filled(path, &c, 7);
    test_store_begin(s);
    test_store_remove(s, &c, "k3");
    test_store_commit(s);
    assert_int_equal(anm_store_stats_read(s, &stats, NULL), ANM_OK);
    assert_int_equal(stats.collections, 1);
    assert_int_equal(stats.items, 6);
    assert_int_equal(stats.changes, 7);
    assert_int_equal(stats.version, 2);
    assert_true(stats.wal_bytes > 0);
    assert_int_equal(stats.file_bytes % 4096, 0);
    assert_int_equal(stats.sqlite[0], '3');
    anm_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backup_is_a_store_of_the_same_items),
        cmocka_unit_test(backup_overwrites_nothing),
        cmocka_unit_test(backup_ends_and_is_sound_while_another_writes),
        cmocka_unit_test(compact_gives_space_back_and_loses_nothing),
        cmocka_unit_test(compact_does_not_wait_for_readers),
        cmocka_unit_test(figures_are_those_of_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
