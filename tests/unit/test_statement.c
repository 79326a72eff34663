/* Running SQL: values go in and come out byte by byte, kept statements are
 * clean when they are handed out, failures have statuses and numbers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "store/statement.h"
#include "support/stores.h"

static anm_store *new_store(void)
{
    return test_store_open(test_db_path(), ANM_STORE_CREATE);
}

static void values_come_out_byte_by_byte(void **state)
{
    static const struct {
        const char *data;
        size_t len;
    } values[] = { { NULL, 0 }, { "", 0 }, { "a\0b", 3 }, { "\xc3\xa9", 2 } };
    anm_store *s = new_store();
    sqlite3_stmt *st;
    anm_text out;
    bool row;
    (void)state;

    assert_int_equal(anm_sql_prepare(s, "SELECT ?1, ?2, typeof(?1)", &st, NULL),
                     ANM_OK);
    for (size_t i = 0; i < 4; i++) {
        const anm_text in = { values[i].data, values[i].len };
        anm_sql_bind_text(st, 1, in);
        anm_sql_bind_blob(st, 2, in.data, in.len);
        assert_int_equal(anm_sql_step(s, st, &row, NULL), ANM_OK);
        assert_true(row);
        for (int column = 0; column < 2; column++) {
            assert_int_equal(anm_sql_bytes(s, st, column, &out, NULL), ANM_OK);
            assert_int_equal(out.len, in.len);
            if (in.len) assert_memory_equal(out.data, in.data, in.len);
        }
        // An empty text is a text, and no NULL.
        assert_string_equal((const char *)sqlite3_column_text(st, 2), "text");
        anm_sql_end(st);
    }
    sqlite3_finalize(st);
    anm_store_close(s);
}

static void kept_statement_is_one_and_comes_without_values(void **state)
{
    anm_store *s = new_store();
    sqlite3_stmt *a, *b;
    bool row;
    (void)state;

    assert_int_equal(anm_sql_get(s, ANM_SQL_COLLECTION, &a, NULL), ANM_OK);
    anm_sql_bind_text(a, 1, test_text("notes"));
    assert_int_equal(anm_sql_step(s, a, &row, NULL), ANM_OK);
    assert_false(row);
    assert_int_equal(anm_sql_get(s, ANM_SQL_COLLECTION, &b, NULL), ANM_OK);
    assert_ptr_equal(a, b);
    char *text = sqlite3_expanded_sql(b);
    assert_non_null(strstr(text, "name = NULL"));
    sqlite3_free(text);
    anm_store_close(s);
}

/* One forgotten at a row would hold a snapshot, and with it the log. */
static void handed_out_statement_holds_no_snapshot(void **state)
{
    anm_store *s = new_store();
    sqlite3_stmt *st;
    bool row;
    (void)state;

    test_store_collection(s, "notes", 4);
    assert_int_equal(anm_sql_get(s, ANM_SQL_COUNT_COLLECTIONS, &st, NULL),
                     ANM_OK);
    assert_int_equal(anm_sql_step(s, st, &row, NULL), ANM_OK);
    assert_true(row && sqlite3_stmt_busy(st));
    assert_int_equal(anm_sql_get(s, ANM_SQL_COUNT_COLLECTIONS, &st, NULL),
                     ANM_OK);
    assert_false(sqlite3_stmt_busy(st));
    anm_store_close(s);
}

static void every_kept_statement_can_be_prepared(void **state)
{
    anm_store *s = new_store();
    sqlite3_stmt *st;
    anm_error err = { 0 };
    (void)state;

    for (int i = 0; i < ANM_SQL_COUNT; i++)
        if (anm_sql_get(s, (anm_sql)i, &st, &err))
            fail_msg("statement %d: %s", i, err.message);
    anm_store_close(s);
}

static void failures_have_statuses_and_sqlites_number(void **state)
{
    static const struct {
        const char *sql;
        anm_status status;
        const char *part;
    } cases[] = {
        { "SELECT no_such", ANM_E_CORRUPT, "no such column" },
        { "INSERT INTO store VALUES('uuid', 1)", ANM_E_CORRUPT, "(SQLite " },
        { "SELECT zeroblob(2000000000)", ANM_E_LIMIT, "too big" },
    };
    anm_store *s = new_store();
    anm_error err;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(anm_sql_exec(s, cases[i].sql, &err), cases[i].status);
        if (!strstr(err.message, cases[i].part) || !strstr(err.message, "m.db"))
            fail_msg("%s: %s", cases[i].sql, err.message);
    }
    // And the handle goes on.
    test_store_collection(s, "notes", 4);
    anm_store_close(s);
}

static void reader_that_writes_is_io_error(void **state)
{
    const char *path = test_db_path();
    anm_error err;
    (void)state;

    anm_store_close(test_store_open(path, ANM_STORE_CREATE));
    anm_store *s = test_store_open(path, ANM_STORE_READ);
    assert_int_equal(anm_sql_exec(s, "DELETE FROM store", &err), ANM_E_IO);
    assert_non_null(strstr(err.message, "readonly"));
    anm_store_close(s);
}

static void int_is_the_first_column_or_damage(void **state)
{
    anm_store *s = new_store();
    int64_t n = 0;
    anm_error err;
    (void)state;

    assert_int_equal(anm_sql_int(s, "SELECT -9223372036854775807, 2", &n, NULL),
                     ANM_OK);
    assert_true(n == -INT64_MAX);
    assert_int_equal(anm_sql_int(s, "SELECT 1 WHERE 0", &n, &err),
                     ANM_E_CORRUPT);
    assert_non_null(strstr(err.message, "SELECT 1 WHERE 0"));
    anm_store_close(s);
}

static void long_keys_are_shown_in_part(void **state)
{
    char key[300];
    (void)state;

    memset(key, 'k', sizeof(key));
    assert_int_equal(anm_key_shown((anm_text){ key, 5 }), 5);
    assert_int_equal(anm_key_shown((anm_text){ key, sizeof(key) }), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_byte_by_byte),
        cmocka_unit_test(kept_statement_is_one_and_comes_without_values),
        cmocka_unit_test(handed_out_statement_holds_no_snapshot),
        cmocka_unit_test(every_kept_statement_can_be_prepared),
        cmocka_unit_test(failures_have_statuses_and_sqlites_number),
        cmocka_unit_test(reader_that_writes_is_io_error),
        cmocka_unit_test(int_is_the_first_column_or_damage),
        cmocka_unit_test(long_keys_are_shown_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
