/* store_check.c - whether a store keeps what its schema promises.
 *
 * SQLite looks for damage of its own structures; queries, one a promise, look
 * for rows that do not belong together; the hash of each text, the checksum
 * and the length of each vector are computed again. A page that cannot be read
 * ends the check it is found in, is reported, and the next check goes on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "store/statement.h"

typedef struct finding {
    void (*fn)(void *ctx, const char *line);
    void *ctx;
    uint64_t n;
} finding;

/* More lines of one kind help nobody. */
enum { MAX_LINES = 100 };

static void tell(finding *f, const char *line)
{
    f->n++;
    f->fn(f->ctx, line);
}

/* Damage is what is looked for; anything else that fails ends the check. */
static anm_status settle(finding *f, anm_status status, const anm_error *e,
                         anm_error *err)
{
    if (status != ANM_E_CORRUPT && status != ANM_E_FORMAT) {
        if (status && err) *err = *e;
        return status;
    }
    tell(f, e->message);
    return ANM_OK;
}

/* ---- SQLite's own structures --------------------------------------------------- */

/* One row may hold many lines, under a head that names the database. */
static void tell_lines(finding *f, anm_text text)
{
    char line[512];
    size_t i = 0;

    while (i < text.len) {
        const char *from = text.data + i;
        const char *end = memchr(from, '\n', text.len - i);
        const size_t len = end ? (size_t)(end - from) : text.len - i;
        const size_t kept = len < sizeof(line) ? len : sizeof(line) - 1;

        memcpy(line, from, kept);
        line[kept] = '\0';
        if (kept && strncmp(line, "*** in database", 15) != 0) tell(f, line);
        i += len + 1;
    }
}

static anm_status check_pages(anm_store *s, finding *f, anm_error *err)
{
    sqlite3_stmt *st;
    anm_text text = { 0 };
    bool row = false;
    anm_status status =
        anm_sql_prepare(s, "PRAGMA integrity_check(100)", &st, err);

    while (!status) {
        status = anm_sql_step(s, st, &row, err);
        if (status || !row) break;
        status = anm_sql_bytes(s, st, 0, &text, err);
        if (text.len != 2 || memcmp(text.data, "ok", 2) != 0)
            tell_lines(f, text);
    }
    sqlite3_finalize(st);
    return status;
}

/* ---- Rows that belong together ---------------------------------------------------- */

/* Each query gives one text a finding. */
static const char *const promises[] = {
    "SELECT 'item '||iid||' is of collection '||cid||', which does not exist' "
    "FROM item WHERE cid NOT IN (SELECT cid FROM collection)",
    "SELECT 'item '||iid||' has no vector' FROM item "
    "WHERE iid NOT IN (SELECT iid FROM vector)",
    "SELECT 'vector '||iid||' has no item' FROM vector "
    "WHERE iid NOT IN (SELECT iid FROM item)",
    "SELECT 'collection '||c.name||', item '||i.iid||': vector of '"
    "||length(v.v)||' bytes, needed are '||(4*c.dim) FROM item i "
    "JOIN vector v ON v.iid = i.iid JOIN collection c ON c.cid = i.cid "
    "WHERE typeof(v.v) <> 'blob' OR length(v.v) <> 4*c.dim",
    "SELECT 'collection '||c.name||', item '||i.iid||': metadata is no object' "
    "FROM item i JOIN collection c ON c.cid = i.cid "
    "WHERE NOT json_valid(i.meta) OR json_type(i.meta) IS NOT 'object'",
    "SELECT 'collection '||c.name||' counts '||c.items||' items and has '||n "
    "FROM (SELECT c.*, (SELECT count(*) FROM item i WHERE i.cid = c.cid) AS n "
    "FROM collection c) AS c WHERE c.items <> n",
    "SELECT 'collection '||c.name||': last change '||c.seq||', in the log '||n "
    "FROM (SELECT c.*, ifnull((SELECT max(seq) FROM change g "
    "WHERE g.cid = c.cid), 0) AS n FROM collection c) AS c "
    "WHERE c.seq <> n AND c.seq <> c.forgotten",
    "SELECT 'item '||i.iid||': its change '||i.seq||' is not in the log' "
    "FROM item i WHERE NOT EXISTS (SELECT 1 FROM change g "
    "WHERE g.seq = i.seq AND g.iid = i.iid AND g.cid = i.cid AND g.op = 1)",
    "SELECT 'change '||g.seq||' puts item '||g.iid||', which does not have it' "
    "FROM change g WHERE g.op = 1 AND NOT EXISTS (SELECT 1 FROM item i "
    "WHERE i.iid = g.iid AND i.seq = g.seq)",
    "SELECT 'change '||g.seq||' removes item '||g.iid||', which is there' "
    "FROM change g WHERE g.op = 2 AND g.iid IN (SELECT iid FROM item)",
    "SELECT 'the sequence ends at '||seq||', the log at '||"
    "(SELECT max(seq) FROM change) FROM sqlite_sequence "
    "WHERE name = 'change' AND seq < (SELECT max(seq) FROM change)",
    "SELECT 'the store has no '||k.column1 FROM "
    "(VALUES ('uuid'), ('created')) AS k "
    "WHERE k.column1 NOT IN (SELECT key FROM store)",
};

static anm_status check_promise(anm_store *s, const char *sql, finding *f,
                                anm_error *err)
{
    sqlite3_stmt *st;
    anm_text text = { 0 };
    bool row = true;
    anm_status status = anm_sql_prepare(s, sql, &st, err);

    for (int i = 0; !status && row && i < MAX_LINES; i++) {
        status = anm_sql_step(s, st, &row, err);
        if (!status && row) status = anm_sql_bytes(s, st, 0, &text, err);
        if (!status && row) tell_lines(f, text);
    }
    sqlite3_finalize(st);
    return status;
}

/* ---- Contents --------------------------------------------------------------------- */

/* A row of: iid, collection, dim, key, text, text_sha256, v, sum. */
typedef struct item_row {
    int64_t id;
    size_t dim; /* 0: of no collection that can be */
    anm_text collection, key, text, sha256;
    anm_stored_vector vector;
} item_row;

static anm_status read_row(anm_store *s, sqlite3_stmt *st, item_row *r,
                           anm_error *err)
{
    const int64_t dim = sqlite3_column_int64(st, 2);
    anm_status status = anm_sql_bytes(s, st, 1, &r->collection, err);

    r->id = sqlite3_column_int64(st, 0);
    r->dim = dim < 1 || dim > ANM_STORE_DIM_MAX ? 0 : (size_t)dim;
    if (!status) status = anm_sql_bytes(s, st, 3, &r->key, err);
    if (!status) status = anm_sql_bytes(s, st, 4, &r->text, err);
    if (!status) status = anm_sql_bytes(s, st, 5, &r->sha256, err);
    if (!status) status = anm_sql_vector(s, st, 6, &r->vector, err);
    return status;
}

static void tell_item(finding *f, const item_row *r, const char *what)
{
    char line[512];

    snprintf(line, sizeof(line),
             "collection %.*s, item %" PRId64 " (key %.*s): %.200s",
             (int)r->collection.len,
             r->collection.data ? r->collection.data : "", r->id,
             anm_key_shown(r->key), r->key.data ? r->key.data : "", what);
    tell(f, line);
}

static void check_text(anm_store *s, const item_row *r, finding *f)
{
    uint8_t digest[ANM_SHA256_BYTES];

    anm_sha256_reset(s->sha);
    anm_sha256_add(s->sha, r->text.data, r->text.len);
    anm_sha256_read(s->sha, digest);
    if (r->sha256.len != sizeof(digest) ||
        memcmp(r->sha256.data, digest, sizeof(digest)) != 0)
        tell_item(f, r, "the text is not the one that was put");
}

/* What the checksum lets pass may still have been damaged before there was
 * one, by a program of version 1. */
static anm_status check_vector(const item_row *r, anm_buf *aligned, finding *f,
                               anm_error *err)
{
    const anm_text bytes = r->vector.bytes;
    anm_error why;

    // Another length is the finding of a promise.
    if (!r->dim || bytes.len != r->dim * sizeof(float)) return ANM_OK;
    if (!anm_vector_is_sound(&r->vector, r->id, r->dim)) {
        tell_item(f, r, "the vector is not the one that was put");
        return ANM_OK;
    }
    anm_buf_reset(aligned);
    anm_buf_append(aligned, bytes.data, bytes.len);
    if (aligned->failed)
        return anm_fail(err, ANM_E_NOMEM, "item %" PRId64 ": out of memory",
                        r->id);
    const void *numbers = aligned->data;
    if (anm_vector_check(numbers, r->dim, &why)) tell_item(f, r, why.message);
    return ANM_OK;
}

static anm_status check_contents(anm_store *s, finding *f, anm_error *err)
{
    sqlite3_stmt *st;
    anm_buf vector = { 0 };
    bool row = true;
    anm_status status = anm_sql_prepare(
        s,
        "SELECT i.iid, c.name, c.dim, i.key, i.text, i.text_sha256, v.v, "
        "v.sum FROM item i JOIN collection c ON c.cid = i.cid "
        "JOIN vector v ON v.iid = i.iid ORDER BY i.iid",
        &st, err);

    while (!status && row) {
        item_row r;
        status = anm_sql_step(s, st, &row, err);
        if (!status && row) status = read_row(s, st, &r, err);
        if (status || !row) break;
        check_text(s, &r, f);
        status = check_vector(&r, &vector, f, err);
    }
    sqlite3_finalize(st);
    anm_buf_deinit(&vector);
    return status;
}

anm_status anm_store_check(anm_store *s,
                           void (*problem)(void *ctx, const char *line),
                           void *ctx, anm_error *err)
{
    finding f = { .fn = problem, .ctx = ctx };
    const size_t n = sizeof(promises) / sizeof(promises[0]);
    anm_error e;
    anm_status status = settle(&f, check_pages(s, &f, &e), &e, err);

    for (size_t i = 0; !status && i < n; i++)
        status = settle(&f, check_promise(s, promises[i], &f, &e), &e, err);
    if (!status) status = settle(&f, check_contents(s, &f, &e), &e, err);
    return status;
}
