/* upkeep.c - copying a store, giving space back, figures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/statement.h"

/* ---- Figures ------------------------------------------------------------------ */

const char *anm_store_sqlite(void)
{
    return sqlite3_libversion();
}

/* Bytes of path + suffix; 0 when there is no such file. */
static anm_status file_bytes(const anm_store *s, const char *suffix,
                             uint64_t *bytes, anm_error *err)
{
    anm_buf name = { 0 };
    anm_file_kind kind;
    anm_file_id id = { 0 };
    anm_status status;

    anm_buf_printf(&name, "%s%s", s->path, suffix);
    if (name.failed)
        status = anm_fail(err, ANM_E_NOMEM, "store %s: out of memory", s->path);
    else
        status = anm_file_look(name.data, &kind, &id, err);
    if (!status) *bytes = kind == ANM_FILE_REGULAR ? id.size : 0;
    anm_buf_deinit(&name);
    return status;
}

static anm_status all_bytes(const anm_store *s, uint64_t *bytes, anm_error *err)
{
    uint64_t log = 0;
    anm_status status = file_bytes(s, "", bytes, err);

    if (!status) status = file_bytes(s, "-wal", &log, err);
    *bytes += log;
    return status;
}

anm_status anm_store_stats_read(anm_store *s, anm_store_stats *out,
                                anm_error *err)
{
    anm_store_stats stats = { .sqlite = anm_store_sqlite() };
    int64_t collections = 0, items = 0, changes = 0, version = 0;
    anm_status status = anm_store_flush(s, err);

    if (!status) status = file_bytes(s, "", &stats.file_bytes, err);
    if (!status) status = file_bytes(s, "-wal", &stats.wal_bytes, err);
    if (!status)
        status = anm_sql_int(s, "SELECT count(*) FROM collection", &collections,
                             err);
    if (!status)
        status =
            anm_sql_int(s, "SELECT total(items) FROM collection", &items, err);
    if (!status)
        status = anm_sql_int(s, "SELECT count(*) FROM change", &changes, err);
    if (!status) status = anm_sql_int(s, "PRAGMA user_version", &version, err);
    if (status) return status;
    stats.collections = (uint64_t)collections;
    stats.items = (uint64_t)items;
    stats.changes = (uint64_t)changes;
    stats.version = (int)version;
    *out = stats;
    return ANM_OK;
}

/* ---- Copying ------------------------------------------------------------------ */

enum { COPY_PAGES = 256, REPORT_NS = 50000000 };

typedef struct report {
    anm_progress_fn fn; /* or NULL */
    void *ctx;
    uint64_t last_ns;
} report;

static void tell(report *r, const char *step, uint64_t done, uint64_t total)
{
    const uint64_t now = anm_now_ns();

    if (!r->fn || (done < total && now - r->last_ns < REPORT_NS)) return;
    r->last_ns = now;
    r->fn(r->ctx, step, done, total);
}

static anm_status fail_copy(sqlite3 *to, const char *path, int rc,
                            anm_error *err)
{
    if (rc == SQLITE_NOMEM || !to)
        return anm_fail(err, ANM_E_NOMEM, "backup %s: out of memory", path);
    if (rc == SQLITE_CORRUPT)
        return anm_fail(err, ANM_E_CORRUPT,
                        "backup %s: the store is damaged: %s", path,
                        sqlite3_errstr(rc));
    return anm_fail(err, ANM_E_IO, "backup %s: %s", path, sqlite3_errstr(rc));
}

/* The read transaction that the caller holds keeps the source still, so that
 * the copy never starts again however many write meanwhile. */
static anm_status copy_pages(anm_store *s, sqlite3 *to, const char *path,
                             report *r, anm_error *err)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", s->db, "main");
    int rc = SQLITE_OK;

    if (!copy) return fail_copy(to, path, sqlite3_errcode(to), err);
    while (rc == SQLITE_OK) {
        rc = sqlite3_backup_step(copy, COPY_PAGES);
        const int total = sqlite3_backup_pagecount(copy);
        tell(r, "backup", (uint64_t)(total - sqlite3_backup_remaining(copy)),
             (uint64_t)total);
    }
    const int end = sqlite3_backup_finish(copy);
    if (rc == SQLITE_DONE) rc = end;
    return rc == SQLITE_OK ? ANM_OK : fail_copy(to, path, rc & 0xff, err);
}

/* The copy needs no journal of its own: until it is renamed it is nothing. */
static anm_status copy_into(anm_store *s, const char *temp, report *r,
                            anm_error *err)
{
    sqlite3 *to = NULL;
    anm_status status;
    const int rc = sqlite3_open_v2(
        temp, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK &&
        sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
                     NULL, NULL, NULL) == SQLITE_OK)
        status = copy_pages(s, to, temp, r, err);
    else
        status = fail_copy(to, temp, sqlite3_errcode(to), err);
    sqlite3_close(to);
    return status;
}

static anm_status copy_snapshot(anm_store *s, const char *temp, report *r,
                                anm_error *err)
{
    int64_t version;
    anm_status status = anm_sql_exec(s, "BEGIN", err);

    if (status) return status;
    // The transaction takes its snapshot with the first thing it reads.
    status = anm_sql_int(s, "SELECT count(*) FROM store", &version, err);
    if (!status) status = copy_into(s, temp, r, err);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static anm_status check_absent(const char *path, anm_error *err)
{
    anm_file_kind kind;
    anm_file_id id;
    const anm_status status = anm_file_look(path, &kind, &id, err);

    if (status || kind == ANM_FILE_ABSENT) return status;
    return anm_fail(err, ANM_E_ARG,
                    "backup %s exists already, and is not overwritten", path);
}

anm_status anm_store_backup(anm_store *s, const char *path,
                            anm_progress_fn progress, void *progress_ctx,
                            anm_error *err)
{
    report r = { .fn = progress, .ctx = progress_ctx };
    anm_new_file file = { 0 };
    anm_status status = check_absent(path, err);

    assert(!s->in_transaction);
    if (!status) status = anm_new_file_open(&file, path, err);
    if (status) return status;
    status = copy_snapshot(s, file.temp_path, &r, err);
    if (!status) status = check_absent(path, err);
    if (!status) status = anm_new_file_commit(&file, err);
    anm_new_file_close(&file);
    return status;
}

/* ---- Giving space back ------------------------------------------------------- */

static anm_status forget_removals(anm_store *s, anm_error *err)
{
    anm_status status = anm_sql_exec(s, "BEGIN IMMEDIATE", err);

    if (status) return status;
    status = anm_sql_exec(
        s,
        "UPDATE collection SET forgotten = g.last FROM "
        "(SELECT cid, max(seq) AS last FROM change WHERE op = 2 GROUP BY cid) "
        "AS g WHERE collection.cid = g.cid;"
        "DELETE FROM change WHERE op = 2;"
        "COMMIT",
        err);
    if (status && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* What the log holds into the file, and the log to nothing. Readers in the
 * middle of a snapshot prevent it, which is no failure. */
static anm_status empty_log(anm_store *s, anm_error *err)
{
    const int rc = sqlite3_wal_checkpoint_v2(
        s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    if (rc == SQLITE_OK || rc == SQLITE_BUSY) return ANM_OK;
    return anm_sql_fail(s, "checkpoint", err);
}

static anm_status compact_locked(anm_store *s, uint64_t *before,
                                 uint64_t *after, anm_error *err)
{
    anm_status status = all_bytes(s, before, err);

    if (!status) status = forget_removals(s, err);
    if (!status) status = anm_sql_exec(s, "VACUUM", err);
    if (!status) s->committed = true;
    if (!status) status = empty_log(s, err);
    if (!status) status = all_bytes(s, after, err);
    return status;
}

anm_status anm_store_compact(anm_store *s, uint64_t *bytes_before,
                             uint64_t *bytes_after, anm_error *err)
{
    uint64_t before = 0, after = 0;

    assert(!s->in_transaction);
    if (s->mode == ANM_STORE_READ)
        return anm_fail(err, ANM_E_ARG, "store %s is open for reading only",
                        s->path);
    anm_status status = anm_store_lock(s, err);
    if (status) return status;
    status = compact_locked(s, &before, &after, err);
    anm_lock_close(&s->lock);
    if (status) return status;
    *bytes_before = before;
    *bytes_after = after;
    return ANM_OK;
}
