/* filter_run.c - which items pass a filter, and indexes that find them fast.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "store/filter.h"

static anm_text text_of(const anm_filter *f, const anm_filter_value *v)
{
    const bool empty = v->text.len == 0;

    return (anm_text){ empty ? "" : f->texts.data + v->text.at, v->text.len };
}

static void bind_values(sqlite3_stmt *st, const anm_filter *f)
{
    for (size_t i = 0; i < f->n_values; i++) {
        const anm_filter_value *v = &f->values[i];
        const int at = (int)i + ANM_FILTER_FIRST;

        if (v->kind == ANM_FILTER_INTEGER)
            sqlite3_bind_int64(st, at, v->integer);
        else if (v->kind == ANM_FILTER_REAL)
            sqlite3_bind_double(st, at, v->real);
        else
            anm_sql_bind_text(st, at, text_of(f, v));
    }
}

static anm_status collect(anm_store *s, sqlite3_stmt *st, int64_t **ids,
                          size_t *n, anm_error *err)
{
    size_t cap = 0;
    bool row = false;

    for (;;) {
        const anm_status status = anm_sql_step(s, st, &row, err);
        if (status || !row) return status;
        if (!anm_grow(ids, &cap, *n + 1, sizeof(**ids)))
            return anm_fail(err, ANM_E_NOMEM, "store %s: out of memory",
                            s->path);
        (*ids)[(*n)++] = sqlite3_column_int64(st, 0);
    }
}

anm_status anm_store_filter(anm_store *s, const anm_collection *c,
                            const anm_filter *f, int64_t **ids, size_t *n,
                            anm_error *err)
{
    sqlite3_stmt *st = NULL;
    anm_buf sql = { 0 };
    int64_t *found = NULL;
    size_t n_found = 0;
    anm_status status = ANM_OK;

    anm_buf_puts(&sql, "SELECT iid FROM item WHERE cid = ?1 AND (");
    anm_buf_append(&sql, f->sql.data, f->sql.len);
    anm_buf_puts(&sql, ") ORDER BY iid");
    if (sql.failed)
        status = anm_fail(err, ANM_E_NOMEM, "filter: out of memory");
    else
        status = anm_sql_prepare(s, sql.data, &st, err);
    if (!status) {
        sqlite3_bind_int64(st, 1, c->id);
        bind_values(st, f);
        status = collect(s, st, &found, &n_found, err);
    }
    sqlite3_finalize(st);
    anm_buf_deinit(&sql);
    if (status) {
        anm_free(found);
        return status;
    }
    *ids = found;
    *n = n_found;
    return ANM_OK;
}

/* "a.b" as one word that can be a part of a name in SQL: the first half of its
 * digest. */
static void put_index_name(anm_store *s, anm_buf *sql, anm_text path)
{
    uint8_t digest[ANM_SHA256_BYTES];
    char hex[ANM_SHA256_HEX];

    anm_sha256_reset(s->sha);
    anm_sha256_add(s->sha, path.data, path.len);
    anm_sha256_read(s->sha, digest);
    anm_sha256_hex(digest, hex);
    anm_buf_printf(sql, "meta_%.32s", hex);
}

/* "a.b" without the spaces that the grammar allows. */
static void put_path(anm_buf *out, const anm_token *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0) anm_buf_puts(out, ".");
        anm_buf_append(out, names[i].at, names[i].len);
    }
}

static anm_status add_index(anm_store *s, const anm_collection *c,
                            const anm_token *names, size_t n, anm_error *err)
{
    sqlite3_stmt *st;
    anm_buf path = { 0 }, sql = { 0 };
    anm_status status = ANM_OK;

    put_path(&path, names, n);
    anm_buf_puts(&sql, "CREATE INDEX IF NOT EXISTS ");
    put_index_name(s, &sql, (anm_text){ path.data, path.len });
    anm_buf_puts(&sql, " ON item(cid, ");
    anm_filter_path_sql(&sql, "json_extract", names, n);
    anm_buf_puts(&sql, ")");
    if (sql.failed || path.failed)
        status = anm_fail(err, ANM_E_NOMEM, "store %s: out of memory", s->path);
    if (!status) status = anm_sql_exec(s, sql.data, err);
    if (!status) status = anm_sql_get(s, ANM_SQL_ADD_PATH, &st, err);
    if (!status) {
        sqlite3_bind_int64(st, 1, c->id);
        anm_sql_bind_text(st, 2, (anm_text){ path.data, path.len });
        status = anm_sql_run(s, st, err);
    }
    anm_buf_deinit(&path);
    anm_buf_deinit(&sql);
    return status;
}

static anm_status add_saved(anm_store *s, const anm_collection *c,
                            const anm_token *names, size_t n, anm_error *err)
{
    anm_status status = anm_store_save(s, err);

    if (status) return status;
    status = add_index(s, c, names, n, err);
    if (!status) status = anm_store_keep(s, err);
    if (status) anm_store_undo(s);
    return status;
}

anm_status anm_store_index_path(anm_store *s, const anm_collection *c,
                                const char *path, anm_error *err)
{
    anm_token names[ANM_FILTER_PATH];
    size_t n = 0;
    const bool own = !s->in_transaction;
    anm_status status = anm_filter_parse_path(path, names, &n, err);

    if (!status && own) status = anm_store_begin(s, err);
    if (status) return status;
    status = add_saved(s, c, names, n, err);
    if (!own) return status;
    if (!status) return anm_store_commit(s, err);
    anm_store_rollback(s);
    return status;
}

anm_status anm_store_paths(anm_store *s, const anm_collection *c,
                           bool (*fn)(void *ctx, const char *path), void *ctx,
                           anm_error *err)
{
    sqlite3_stmt *st;
    bool row = true, more = true;
    anm_status status = anm_sql_prepare(
        s, "SELECT path FROM path_index WHERE cid = ?1 ORDER BY path", &st,
        err);

    if (!status) sqlite3_bind_int64(st, 1, c->id);
    while (!status && row && more) {
        status = anm_sql_step(s, st, &row, err);
        if (status || !row) break;
        const unsigned char *path = sqlite3_column_text(st, 0);
        if (!path)
            status =
                anm_fail(err, ANM_E_NOMEM, "store %s: out of memory", s->path);
        else
            more = fn(ctx, (const char *)path);
    }
    sqlite3_finalize(st);
    return status;
}
