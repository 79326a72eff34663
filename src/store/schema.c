/* schema.c - the tables of a store, and how a file comes to have them.
 *
 * A new file gets its application_id before anything else, so that the first
 * page on disk says whose it is from the first byte on; a file with the id and
 * version 0 is one whose creation was cut off, and the next opening for writing
 * completes it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/statement.h"

/* vec stands apart from item so that pages of texts and pages of vectors stay
 * dense. item_of lists a collection in order of id without reading a text. */
static const char version_1[] =
    "CREATE TABLE store(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE collection("
    "  cid INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  dim INTEGER NOT NULL CHECK(dim BETWEEN 1 AND 65536),"
    "  fingerprint TEXT NOT NULL,"
    "  model TEXT NOT NULL, model_path TEXT NOT NULL,"
    "  doc_prompt TEXT NOT NULL, query_prompt TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  items INTEGER NOT NULL DEFAULT 0 CHECK(items >= 0),"
    "  seq INTEGER NOT NULL DEFAULT 0,"
    "  forgotten INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE item("
    "  iid INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  cid INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,"
    "  key TEXT NOT NULL,"
    "  text TEXT NOT NULL,"
    "  text_sha256 BLOB NOT NULL CHECK(length(text_sha256) = 32),"
    "  meta TEXT NOT NULL CHECK(json_type(meta) IS 'object'),"
    "  seq INTEGER NOT NULL,"
    "  updated INTEGER NOT NULL,"
    "  UNIQUE(cid, key));"
    "CREATE INDEX item_of ON item(cid, iid, seq);"
    "CREATE TABLE vec("
    "  iid INTEGER PRIMARY KEY REFERENCES item ON DELETE CASCADE,"
    "  v BLOB NOT NULL);"
    "CREATE TABLE change("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  cid INTEGER NOT NULL,"
    "  iid INTEGER NOT NULL,"
    "  op INTEGER NOT NULL CHECK(op IN (1, 2)));"
    "CREATE TABLE path_index("
    "  cid INTEGER NOT NULL REFERENCES collection ON DELETE CASCADE,"
    "  path TEXT NOT NULL, PRIMARY KEY(cid, path)) WITHOUT ROWID;"
    "INSERT INTO store VALUES('uuid', lower(hex(randomblob(16))));"
    "INSERT INTO sqlite_sequence(name, seq) VALUES('change', 0);";

/* Vectors get a checksum. The default is there for SQLite alone, which adds no
 * column without: every row has its sum when the transaction ends. */
static const char version_2[] =
    "ALTER TABLE vec RENAME TO vector;"
    "ALTER TABLE vector ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
    "UPDATE vector SET sum = vector_sum(iid, v);";

/* Row i leads from version i to i + 1. */
static const char *const migrations[] = { version_1, version_2 };

static_assert(sizeof(migrations) / sizeof(migrations[0]) == ANM_STORE_VERSION,
              "a migration a version");

static anm_status check_versions(anm_store *s, int64_t *version, anm_error *err)
{
    int64_t id = 0;
    anm_status status = anm_sql_int(s, "PRAGMA application_id", &id, err);

    if (!status) status = anm_sql_int(s, "PRAGMA user_version", version, err);
    if (status) return status;
    if (id != ANM_STORE_APPLICATION_ID)
        return anm_fail(err, ANM_E_FORMAT,
                        "store %s: application id 0x%08" PRIx64
                        ", that of anemone is 0x%08x",
                        s->path, (uint64_t)id & 0xffffffffu,
                        (unsigned)ANM_STORE_APPLICATION_ID);
    if (*version < 0 || *version > ANM_STORE_VERSION)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "store %s: version %" PRId64 ", this anemone reads up "
                        "to %d",
                        s->path, *version, ANM_STORE_VERSION);
    return ANM_OK;
}

/* Give an empty file its identity. */
static anm_status found(anm_store *s, anm_error *err)
{
    int64_t pages = 0;
    char sql[96];
    anm_status status = anm_sql_int(s, "PRAGMA page_count", &pages, err);

    if (status || pages > 0) return status;
    snprintf(sql, sizeof(sql),
             "PRAGMA page_size = %d; PRAGMA application_id = %d",
             (int)ANM_STORE_PAGE_BYTES, (int)ANM_STORE_APPLICATION_ID);
    return anm_sql_exec(s, sql, err);
}

static anm_status use_wal(anm_store *s, anm_error *err)
{
    sqlite3_stmt *st;
    anm_text mode = { 0 };
    bool row = false;
    anm_status status =
        anm_sql_prepare(s, "PRAGMA journal_mode = WAL", &st, err);

    if (!status) status = anm_sql_step(s, st, &row, err);
    if (row) status = anm_sql_bytes(s, st, 0, &mode, err);
    if (!status && (mode.len != 3 || memcmp(mode.data, "wal", 3) != 0))
        status = anm_fail(err, ANM_E_IO,
                          "store %s: journal mode is \"%.*s\", needed is "
                          "\"wal\": the file system may lack shared memory",
                          s->path, (int)mode.len, mode.data ? mode.data : "");
    sqlite3_finalize(st);
    return status;
}

static void sum_in_sql(sqlite3_context *context, int n, sqlite3_value **values)
{
    const int64_t item = sqlite3_value_int64(values[0]);
    const void *bytes = sqlite3_value_blob(values[1]);
    const int len = sqlite3_value_bytes(values[1]);

    (void)n;
    if (!bytes && len) {
        sqlite3_result_error_nomem(context);
        return;
    }
    sqlite3_result_int64(context, anm_vector_sum(item, bytes, (size_t)len));
}

static anm_status apply(anm_store *s, int64_t version, anm_error *err)
{
    char sql[96];
    anm_status status = ANM_OK;

    if (sqlite3_create_function_v2(
            s->db, "vector_sum", 2,
            SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
            sum_in_sql, NULL, NULL, NULL) != SQLITE_OK)
        return anm_sql_fail(s, "set up", err);
    for (; !status && version < ANM_STORE_VERSION; version++)
        status = anm_sql_exec(s, migrations[version], err);
    if (status) return status;
    snprintf(sql, sizeof(sql),
             "INSERT OR IGNORE INTO store VALUES('created', %" PRId64 ");"
             "PRAGMA user_version = %d",
             anm_wall_ns() / 1000000, ANM_STORE_VERSION);
    return anm_sql_exec(s, sql, err);
}

static anm_status migrate_locked(anm_store *s, anm_error *err)
{
    int64_t version = 0;
    anm_status status = found(s, err);

    if (!status) status = check_versions(s, &version, err);
    if (!status) status = use_wal(s, err);
    if (status || version == ANM_STORE_VERSION) return status;
    status = anm_sql_exec(s, "BEGIN IMMEDIATE", err);
    if (status) return status;
    status = apply(s, version, err);
    if (!status) status = anm_sql_exec(s, "COMMIT", err);
    if (status) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    if (!status) anm_store_checkpoint(s);
    return status;
}

anm_status anm_schema_migrate(anm_store *s, anm_error *err)
{
    anm_status status = anm_store_lock(s, err);

    if (status) return status;
    status = migrate_locked(s, err);
    anm_lock_close(&s->lock);
    return status;
}

bool anm_schema_is_current(anm_store *s)
{
    int64_t version = 0;

    return !check_versions(s, &version, NULL) && version == ANM_STORE_VERSION;
}

/* What version 1 has, by the names of version 2. */
static const char read_version_1[] =
    "CREATE TEMP VIEW vector AS SELECT iid, v, NULL AS sum FROM main.vec";

anm_status anm_schema_read(anm_store *s, anm_error *err)
{
    anm_status status = check_versions(s, &s->version, err);

    if (!status && s->version == 0)
        status = anm_fail(err, ANM_E_FORMAT,
                          "store %s: version 0: its creation was cut off, or "
                          "its log %s-wal was left behind; who opens it for "
                          "writing makes it an empty store",
                          s->path, s->path);
    if (!status && s->version == 1)
        status = anm_sql_exec(s, read_version_1, err);
    return status;
}
