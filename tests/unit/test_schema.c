/* Versions of a store's file: what an older one is to readers and to writers,
 * and what its own program may still do to it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/statement.h"
#include "support/stores.h"

/* A copy of a file that a program of version 1 wrote: "notes" with an index on
 * n, three items and a removed one, and "goals & plans"; pages of 4 KiB. */
static const char *old_file(void)
{
    const char *path = test_db_path();

    test_file_copy(ANM_TEST_DATA "/store-version-1.db", path);
    return path;
}

static anm_collection collection_of(anm_store *s, const char *name)
{
    anm_collection c;

    assert_int_equal(anm_store_collection(s, name, &c, NULL), ANM_OK);
    return c;
}

static int64_t version_of(anm_store *s)
{
    int64_t version = 0;

    assert_int_equal(anm_sql_int(s, "PRAGMA user_version", &version, NULL),
                     ANM_OK);
    return version;
}

typedef struct vectors {
    float v[8][48];
    size_t n;
} vectors;

static bool keep_vector(void *ctx, const anm_change *change)
{
    vectors *all = ctx;

    assert_int_equal(change->dim, 48);
    memcpy(all->v[all->n++], change->vector, sizeof(all->v[0]));
    return true;
}

/* Everything that the file holds, and every way to read it. */
static void holds_what_was_put(anm_store *s, vectors *all)
{
    const anm_collection notes = collection_of(s, "notes");
    const anm_collection goals = collection_of(s, "goals & plans");
    anm_item item = { 0 };
    anm_filter *f;
    int64_t *ids;
    size_t n;

    assert_int_equal(notes.items, 3);
    assert_string_equal(test_store_list(s, &notes),
                        "caf\xc3\xa9=na\xc3\xafve fa\xc3\xa7"
                        "ade "
                        "b=the old house by the river c=");
    assert_string_equal(test_store_list(s, &goals), "g1=bread and butter");
    *all = (vectors){ 0 };
    assert_int_equal(anm_store_changes(s, &notes, 0, keep_vector, all, NULL),
                     ANM_OK);
    assert_int_equal(all->n, 3);
    assert_int_equal(
        anm_store_get(s, &notes, test_text("b"), true, &item, NULL), ANM_OK);
    assert_memory_equal(item.vector, all->v[1], sizeof(all->v[1]));
    anm_item_deinit(&item);
    assert_int_equal(anm_filter_new(&f, "n >= 2", NULL), ANM_OK);
    assert_int_equal(anm_store_filter(s, &notes, f, &ids, &n, NULL), ANM_OK);
    assert_int_equal(n, 2);
    anm_free(ids);
    anm_filter_free(f);
    test_store_sound(s);
}

static void older_file_is_read_as_it_is(void **state)
{
    const char *path = old_file();
    size_t before_len, after_len;
    char *before = test_read(path, &before_len);
    vectors all;
    (void)state;

    anm_store *s = test_store_open(path, ANM_STORE_READ);
    holds_what_was_put(s, &all);
    assert_int_equal(version_of(s), 1);
    anm_store_close(s);
    char *after = test_read(path, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
}

static void older_file_is_migrated_by_a_writer(void **state)
{
    const char *path = old_file();
    vectors before, after;
    (void)state;

    anm_store *s = test_store_open(path, ANM_STORE_READ);
    holds_what_was_put(s, &before);
    anm_store_close(s);
    anm_store_close(test_store_open(path, ANM_STORE_WRITE));
    s = test_store_open(path, ANM_STORE_READ);
    assert_int_equal(version_of(s), 2);
    holds_what_was_put(s, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    anm_store_close(s);
    // What was not seen before is seen now.
    test_store_sql(path, "UPDATE vector SET v = (SELECT v FROM vector "
                         "WHERE iid = 1) WHERE iid = 2");
    s = test_store_open(path, ANM_STORE_WRITE);
    assert_non_null(strstr(test_store_problems(s), "item 2 (key b)"));
    anm_store_close(s);
}

static void reader_is_told_that_its_file_was_migrated(void **state)
{
    const char *path = old_file();
    vectors all;
    anm_error err;
    (void)state;

    anm_store *r = test_store_open(path, ANM_STORE_READ);
    holds_what_was_put(r, &all);
    const anm_collection notes = collection_of(r, "notes");
    anm_store_close(test_store_open(path, ANM_STORE_WRITE));
    assert_int_equal(anm_store_changes(r, &notes, 0, keep_vector, &all, &err),
                     ANM_E_BUSY);
    assert_non_null(strstr(err.message, "from version 1"));
    assert_non_null(strstr(err.message, "open it again"));
    anm_store_close(r);
    r = test_store_open(path, ANM_STORE_READ);
    holds_what_was_put(r, &all);
    anm_store_close(r);
}

static int try_sql(const char *path, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return rc;
}

/* A program of version 1 that had the file open: its statements fail, since a
 * vector without its sum would be taken for damaged. */
static void older_program_cannot_write_a_migrated_file(void **state)
{
    const char *path = old_file();
    (void)state;

    anm_store_close(test_store_open(path, ANM_STORE_WRITE));
    assert_int_not_equal(
        try_sql(path, "INSERT INTO vec(iid, v) VALUES (99, zeroblob(192))"),
        SQLITE_OK);
    assert_int_not_equal(
        try_sql(path, "UPDATE vec SET v = zeroblob(192) WHERE iid = 1"),
        SQLITE_OK);
    anm_store *s = test_store_open(path, ANM_STORE_READ);
    test_store_sound(s);
    anm_store_close(s);
}

/* Damage from before there were sums has no sum that tells, but a length. */
static void damage_from_before_is_still_found(void **state)
{
    const char *path = old_file();
    (void)state;

    test_store_sql(path, "UPDATE vec SET v = zeroblob(192) WHERE iid = 2");
    anm_store *s = test_store_open(path, ANM_STORE_READ);
    assert_non_null(strstr(test_store_problems(s), "vector has length 0"));
    anm_store_close(s);
    s = test_store_open(path, ANM_STORE_WRITE);
    assert_non_null(
        strstr(test_store_problems(s), "item 2 (key b): vector has length 0"));
    anm_store_close(s);
}

static char schema[1 << 14];

static int append_schema(void *ctx, int n, char **values, char **names)
{
    (void)ctx;
    (void)n;
    (void)names;
    strncat(schema, values[0], sizeof(schema) - strlen(schema) - 2);
    strcat(schema, "\n");
    return 0;
}

static const char *schema_of(const char *path)
{
    sqlite3 *db;

    schema[0] = '\0';
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL "
                     "AND sql NOT LIKE 'CREATE INDEX%meta%' ORDER BY name",
                     append_schema, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    return schema;
}

static void migrated_file_has_the_tables_of_a_new_one(void **state)
{
    const char *old = old_file(), *new = test_db_path();
    (void)state;

    anm_store_close(test_store_open(old, ANM_STORE_WRITE));
    anm_store_close(test_store_open(new, ANM_STORE_CREATE));
    char *made = strdup(schema_of(new));
    assert_string_equal(schema_of(old), made);
    free(made);
}

/* A creation that ended between its parts has the id and version 0. */
static void version_0_is_completed_by_a_writer_alone(void **state)
{
    const char *path = test_db_path();
    (void)state;

    test_store_sql(path, "PRAGMA application_id = 1095650609");
    test_store_refused(path, ANM_STORE_READ, ANM_E_FORMAT, "version 0");
    anm_store *s = test_store_open(path, ANM_STORE_WRITE);
    assert_int_equal(version_of(s), ANM_STORE_VERSION);
    test_store_sound(s);
    anm_store_close(s);
}

/* A migration needs the lock, and says whose it is when it cannot have it. */
static void migration_waits_its_turn(void **state)
{
    const char *path = old_file();
    char lock[600];
    anm_lock held = { 0 };
    anm_store *s;
    anm_error err;
    (void)state;

    snprintf(lock, sizeof(lock), "%s.lock", path);
    assert_int_equal(anm_lock_open(&held, lock, 0, NULL), ANM_OK);
    assert_int_equal(anm_store_open(&s, path, ANM_STORE_WRITE, 10, &err),
                     ANM_E_BUSY);
    assert_non_null(strstr(err.message, "m.db.lock"));
    anm_lock_close(&held);
    s = test_store_open(path, ANM_STORE_WRITE);
    assert_int_equal(version_of(s), 2);
    anm_store_close(s);
}

static int refuse_begin(void *ctx, int action, const char *what,
                        const char *none, const char *base, const char *by)
{
    (void)ctx, (void)none, (void)base, (void)by;
    return action == SQLITE_TRANSACTION && strcmp(what, "BEGIN") == 0
               ? SQLITE_DENY
               : SQLITE_OK;
}

/* Statement by statement, a crash would leave half a migration. */
static void nothing_is_migrated_outside_of_a_transaction(void **state)
{
    const char *path = old_file();
    (void)state;

    anm_store *s = test_store_open(path, ANM_STORE_WRITE);
    assert_int_equal(version_of(s), 2);
    test_store_age(path);
    sqlite3_set_authorizer(s->db, refuse_begin, NULL);
    assert_int_not_equal(anm_schema_migrate(s, NULL), ANM_OK);
    sqlite3_set_authorizer(s->db, NULL, NULL);
    assert_int_equal(version_of(s), 1);
    assert_int_equal(anm_schema_migrate(s, NULL), ANM_OK);
    assert_int_equal(version_of(s), 2);
    anm_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_file_is_read_as_it_is),
        cmocka_unit_test(older_file_is_migrated_by_a_writer),
        cmocka_unit_test(reader_is_told_that_its_file_was_migrated),
        cmocka_unit_test(older_program_cannot_write_a_migrated_file),
        cmocka_unit_test(damage_from_before_is_still_found),
        cmocka_unit_test(migrated_file_has_the_tables_of_a_new_one),
        cmocka_unit_test(version_0_is_completed_by_a_writer_alone),
        cmocka_unit_test(migration_waits_its_turn),
        cmocka_unit_test(nothing_is_migrated_outside_of_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
