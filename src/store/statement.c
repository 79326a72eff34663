/* statement.c - running SQL: kept statements, bound values, failures as
 * statuses.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/statement.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/numbers.h"

static anm_status status_of(int rc)
{
    if (rc == SQLITE_IOERR_NOMEM) return ANM_E_NOMEM;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return ANM_E_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ANM_E_BUSY;
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return ANM_E_IO;
    case SQLITE_CORRUPT:
    // Our SQL has no errors of its own: the tables, or what they hold, are not
    // what it is for.
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return ANM_E_CORRUPT;
    case SQLITE_NOTADB:
        return ANM_E_FORMAT;
    case SQLITE_TOOBIG:
        return ANM_E_LIMIT;
    default:
        return ANM_E_INTERNAL;
    }
}

/* Failures of which the operating system knows more than SQLite says. */
static bool is_of_system(int rc)
{
    return (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
}

anm_status anm_sql_fail(const anm_store *s, const char *doing, anm_error *err)
{
    const int rc = sqlite3_extended_errcode(s->db);
    const anm_status status = status_of(rc);

    if (status == ANM_E_BUSY)
        return anm_fail(err, status,
                        "store %s: %s: locked by another for %u ms", s->path,
                        doing, s->timeout_ms);
    if (rc == SQLITE_ERROR && s->version > 0 && s->version < ANM_STORE_VERSION)
        return anm_fail(err, ANM_E_BUSY,
                        "store %s: another program brought it from version "
                        "%d to a newer one: open it again",
                        s->path, (int)s->version);
    const int why = is_of_system(rc) ? sqlite3_system_errno(s->db) : 0;
    if (!why)
        return anm_fail(err, status, "store %s: %s: %s (SQLite %d)", s->path,
                        doing, sqlite3_errmsg(s->db), rc);
    anm_fail_errno(err, why, "store %s: %s: %s (SQLite %d)", s->path, doing,
                   sqlite3_errmsg(s->db), rc);
    if (err) err->status = status;
    return status;
}

anm_status anm_sql_prepare(anm_store *s, const char *sql, sqlite3_stmt **out,
                           anm_error *err)
{
    *out = NULL;
    if (sqlite3_prepare_v3(s->db, sql, -1, 0, out, NULL) != SQLITE_OK)
        return anm_sql_fail(s, "prepare", err);
    return ANM_OK;
}

anm_status anm_sql_get(anm_store *s, anm_sql which, sqlite3_stmt **out,
                       anm_error *err)
{
    static const char *const text[] = {
#define X(name, sql) sql,
        ANM_SQL_LIST(X)
#undef X
    };
    sqlite3_stmt **kept = &s->statements[which];

    if (!*kept &&
        sqlite3_prepare_v3(s->db, text[which], -1, SQLITE_PREPARE_PERSISTENT,
                           kept, NULL) != SQLITE_OK)
        return anm_sql_fail(s, "prepare", err);
    anm_sql_end(*kept);
    *out = *kept;
    return ANM_OK;
}

anm_status anm_sql_step(anm_store *s, sqlite3_stmt *st, bool *row,
                        anm_error *err)
{
    const anm_numbers numbers = anm_numbers_enter();
    const int rc = sqlite3_step(st);

    anm_numbers_leave(numbers);

    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) return ANM_OK;
    const anm_status status = anm_sql_fail(s, "read or write", err);
    sqlite3_reset(st);
    return status;
}

anm_status anm_sql_run(anm_store *s, sqlite3_stmt *st, anm_error *err)
{
    bool row;
    anm_status status;

    do
        status = anm_sql_step(s, st, &row, err);
    while (!status && row);
    anm_sql_end(st);
    return status;
}

void anm_sql_end(sqlite3_stmt *st)
{
    // Reset repeats the error of the last step, which has been reported.
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

anm_status anm_sql_exec(anm_store *s, const char *sql, anm_error *err)
{
    const anm_numbers numbers = anm_numbers_enter();
    const int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    anm_numbers_leave(numbers);
    if (rc != SQLITE_OK) return anm_sql_fail(s, "read or write", err);
    return ANM_OK;
}

anm_status anm_sql_int(anm_store *s, const char *sql, int64_t *out,
                       anm_error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    anm_status status = anm_sql_prepare(s, sql, &st, err);

    if (!status) status = anm_sql_step(s, st, &row, err);
    if (row) *out = sqlite3_column_int64(st, 0);
    if (!status && !row)
        status = anm_fail(err, ANM_E_CORRUPT, "store %s: no answer to %s",
                          s->path, sql);
    sqlite3_finalize(st);
    return status;
}

/* Binding borrowed bytes of the database's own encoding copies nothing and
 * cannot fail below SQLite's limit of 10^9 bytes. NULL would bind NULL. */
void anm_sql_bind_text(sqlite3_stmt *st, int i, anm_text text)
{
    const int rc = sqlite3_bind_text64(st, i, text.len ? text.data : "",
                                       text.len, SQLITE_STATIC, SQLITE_UTF8);

    assert(rc == SQLITE_OK);
    (void)rc;
}

void anm_sql_bind_blob(sqlite3_stmt *st, int i, const void *data, size_t len)
{
    const int rc = sqlite3_bind_blob64(st, i, data, len, SQLITE_STATIC);

    assert(rc == SQLITE_OK);
    (void)rc;
}

/* As a blob, since asking for text would copy it to add a NUL. */
anm_status anm_sql_bytes(anm_store *s, sqlite3_stmt *st, int column,
                         anm_text *out, anm_error *err)
{
    const void *data = sqlite3_column_blob(st, column);
    const int len = sqlite3_column_bytes(st, column);

    if (!data && sqlite3_errcode(s->db) == SQLITE_NOMEM)
        return anm_sql_fail(s, "read", err);
    *out = (anm_text){ data, data ? (size_t)len : 0 };
    return ANM_OK;
}

anm_status anm_sql_vector(anm_store *s, sqlite3_stmt *st, int column,
                          anm_stored_vector *out, anm_error *err)
{
    out->sum = sqlite3_column_int64(st, column + 1);
    out->summed = sqlite3_column_type(st, column + 1) != SQLITE_NULL;
    return anm_sql_bytes(s, st, column, &out->bytes, err);
}
