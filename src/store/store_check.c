/* store_check.c - whether a store keeps what its schema promises.
 *
 * SQLite looks for damage of its own structures; queries, one a promise, look
 * for rows that do not belong together; the hash of each text and the length
 * of each vector are computed again. A page that cannot be read ends the check
 * it is found in, is reported, and the next check goes on.
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
    "WHERE iid NOT IN (SELECT iid FROM vec)",
    "SELECT 'vector '||iid||' has no item' FROM vec "
    "WHERE iid NOT IN (SELECT iid FROM item)",
    "SELECT 'collection '||c.name||', item '||i.iid||': vector of '"
    "||length(v.v)||' bytes, needed are '||(4*c.dim) FROM item i "
    "JOIN vec v ON v.iid = i.iid JOIN collection c ON c.cid = i.cid "
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

static void tell_item(finding *f, const char *collection, int64_t id,
                      const char *what)
{
    char line[512];

    snprintf(line, sizeof(line), "collection %s, item %" PRId64 ": %.300s",
             collection, id, what);
    tell(f, line);
}

/* A row of: iid, collection, dim, text, text_sha256, v. */
static anm_status check_content(anm_store *s, sqlite3_stmt *st, anm_buf *vector,
                                finding *f, anm_error *err)
{
    anm_text name = { 0 }, text = { 0 }, hash = { 0 }, v = { 0 };
    uint8_t digest[ANM_SHA256_BYTES];
    char collection[ANM_STORE_NAME_MAX + 4];
    anm_error e;
    anm_status status = anm_sql_bytes(s, st, 1, &name, err);

    snprintf(collection, sizeof(collection), "%.*s", (int)name.len,
             name.len ? name.data : "");
    const int64_t id = sqlite3_column_int64(st, 0);
    const int64_t dim = sqlite3_column_int64(st, 2);
    if (!status) status = anm_sql_bytes(s, st, 3, &text, err);
    if (!status) status = anm_sql_bytes(s, st, 4, &hash, err);
    if (!status) status = anm_sql_bytes(s, st, 5, &v, err);
    if (status) return status;
    anm_sha256_reset(s->sha);
    anm_sha256_add(s->sha, text.data, text.len);
    anm_sha256_read(s->sha, digest);
    if (hash.len != sizeof(digest) || memcmp(hash.data, digest, hash.len) != 0)
        tell_item(f, collection, id, "the text is not the one that was put");
    // Another length is the finding of a promise.
    if (dim < 1 || v.len != (size_t)dim * sizeof(float)) return ANM_OK;
    anm_buf_reset(vector);
    anm_buf_append(vector, v.data, v.len);
    if (vector->failed)
        return anm_fail(err, ANM_E_NOMEM, "store %s: out of memory", s->path);
    const void *aligned = vector->data;
    if (anm_vector_check(aligned, (size_t)dim, &e))
        tell_item(f, collection, id, e.message);
    return ANM_OK;
}

static anm_status check_contents(anm_store *s, finding *f, anm_error *err)
{
    sqlite3_stmt *st;
    anm_buf vector = { 0 };
    bool row = true;
    anm_status status = anm_sql_prepare(
        s,
        "SELECT i.iid, c.name, c.dim, i.text, i.text_sha256, v.v FROM item i "
        "JOIN collection c ON c.cid = i.cid JOIN vec v ON v.iid = i.iid "
        "ORDER BY i.iid",
        &st, err);

    while (!status && row) {
        status = anm_sql_step(s, st, &row, err);
        if (!status && row) status = check_content(s, st, &vector, f, err);
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
