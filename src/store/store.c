/* store.c - opening a store: whose file it is, and how the connection is set
 * up.
 *
 * SQLite before 3.51.3 can lose a transaction when two connections write and
 * checkpoint at once (the WAL-reset defect). Hence: whoever writes or
 * checkpoints holds the lock file, no connection checkpoints on its own, and no
 * file is mapped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/error.h"
#include "store/statement.h"

/* The file header's fields, from SQLite's documentation of its format. */
enum { HEADER_BYTES = 100, AT_USER_VERSION = 60, AT_APPLICATION_ID = 68 };

static uint32_t read_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

/* [HEADER_BYTES]; the file has `size` bytes. */
static anm_status judge_header(const char *path, const uint8_t *header,
                               sqlite3_int64 size, bool may_be_new,
                               anm_error *err)
{
    static const char magic[] = "SQLite format 3";

    if (size == 0 && may_be_new) return ANM_OK;
    if (size < HEADER_BYTES || memcmp(header, magic, sizeof(magic)) != 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: no store of anemone: not a SQLite database of at "
                        "least %d bytes",
                        path, HEADER_BYTES);
    const uint32_t id = read_u32be(header + AT_APPLICATION_ID);
    const uint32_t version = read_u32be(header + AT_USER_VERSION);
    if (id != ANM_STORE_APPLICATION_ID)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: no store of anemone: application id 0x%08" PRIx32
                        ", that of anemone is 0x%08x",
                        path, id, (unsigned)ANM_STORE_APPLICATION_ID);
    if (version > ANM_STORE_VERSION)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: store of version %" PRIu32
                        ", this anemone reads up to %d",
                        path, version, ANM_STORE_VERSION);
    return ANM_OK;
}

/* Judge the file by its own first bytes, before SQLite is asked anything, which
 * would leave files beside one that is another program's. They are read through
 * SQLite's own descriptor: closing another one of this process would drop the
 * locks that its connections hold on the file (POSIX has them so), and whoever
 * then looks at the store with another program and ends takes the log away from
 * under them. */
static anm_status check_header(const anm_store *s, anm_error *err)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    uint8_t header[HEADER_BYTES] = { 0 };

    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    assert(file && file->pMethods);
    int rc = file->pMethods->xFileSize(file, &size);
    if (rc == SQLITE_OK)
        rc = file->pMethods->xRead(file, header, HEADER_BYTES, 0);
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
        return anm_fail(err, ANM_E_IO, "%s: read: %s", s->path,
                        sqlite3_errstr(rc));
    return judge_header(s->path, header, size, s->mode == ANM_STORE_CREATE,
                        err);
}

static anm_status make_folder_of(const char *path, anm_error *err)
{
    const char *slash = strrchr(path, '/');

    if (!slash || slash == path) return ANM_OK;
    char *folder = anm_copy_bytes(path, (size_t)(slash - path));
    if (!folder) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    const anm_status status = anm_folder_make(folder, err);
    anm_free(folder);
    return status;
}

static anm_status find_file(const char *path, anm_store_mode mode,
                            anm_error *err)
{
    anm_file_kind kind;
    anm_file_id id;

    if (!path[0]) return anm_fail(err, ANM_E_ARG, "store: the path is empty");
    anm_status status = anm_file_look(path, &kind, &id, err);
    if (status) return status;
    if (kind == ANM_FILE_ABSENT && mode == ANM_STORE_CREATE)
        return make_folder_of(path, err);
    if (kind == ANM_FILE_ABSENT)
        return anm_fail(err, ANM_E_NOTFOUND, "store %s does not exist", path);
    if (kind == ANM_FILE_REGULAR) return ANM_OK;
    return anm_fail(
        err, ANM_E_IO, "store %s is %s, needed is a regular file", path,
        kind == ANM_FILE_FOLDER ? "a folder" : "a device or a pipe");
}

static int note_pages(void *ctx, sqlite3 *db, const char *name, int pages)
{
    anm_store *s = ctx;

    (void)db;
    (void)name;
    s->wal_pages = pages;
    return SQLITE_OK;
}

/* TRUSTED_SCHEMA is on although a file may come from anywhere: with it off,
 * SQLite 3.40 refuses its own JSON functions in an index or a CHECK. Triggers
 * and views, the usual way to make a schema call functions, are off. */
static anm_status set_up(anm_store *s, anm_error *err)
{
    static const struct {
        int what, value;
    } settings[] = {
        { SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1 },
        { SQLITE_DBCONFIG_DQS_DML, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },
        { SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
        { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
        { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
    };

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (sqlite3_db_config(s->db, settings[i].what, settings[i].value,
                              NULL) != SQLITE_OK)
            return anm_sql_fail(s, "set up", err);
    }
    sqlite3_busy_timeout(s->db, (int)(s->timeout_ms & INT32_MAX));
    sqlite3_wal_autocheckpoint(s->db, 0);
    sqlite3_wal_hook(s->db, note_pages, s);
    return anm_sql_exec(s,
                        "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0;"
                        "PRAGMA cell_size_check = ON;"
                        "PRAGMA cache_size = -8192",
                        err);
}

/* Absolute or with "./", so that no name is special to SQLite. */
static anm_status connect(anm_store *s, const char *path, anm_error *err)
{
    static const int flags[] = {
        [ANM_STORE_READ] = SQLITE_OPEN_READONLY,
        [ANM_STORE_WRITE] = SQLITE_OPEN_READWRITE,
        [ANM_STORE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };
    char *name = anm_path_join(path[0] == '/' ? "" : ".", path);

    if (!name) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    s->path = path;
    const int rc = sqlite3_open_v2(name, &s->db,
                                   flags[s->mode] | SQLITE_OPEN_NOMUTEX, NULL);
    anm_free(name);
    if (!s->db) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    if (rc != SQLITE_OK) return anm_sql_fail(s, "open", err);
    const anm_status status = check_header(s, err);
    if (status) return status;
    if (s->mode != ANM_STORE_READ && sqlite3_db_readonly(s->db, "main") != 0)
        return anm_fail(err, ANM_E_IO, "store %s is not writable", path);
    return ANM_OK;
}

static anm_status name_files(anm_store *s, anm_error *err)
{
    anm_buf b = { 0 };

    s->path = sqlite3_db_filename(s->db, "main");
    anm_buf_printf(&b, "%s.lock", s->path);
    s->lock_path = anm_buf_take(&b);
    s->sha = anm_sha256_new();
    if (!s->lock_path || !s->sha)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", s->path);
    return ANM_OK;
}

/* True when everything stands and a writer has nothing to prepare. */
static bool is_ready(anm_store *s)
{
    sqlite3_stmt *st = NULL;
    anm_text mode = { 0 };
    bool row = false;

    if (!anm_schema_is_current(s)) return false;
    if (!anm_sql_prepare(s, "PRAGMA journal_mode", &st, NULL) &&
        !anm_sql_step(s, st, &row, NULL) && row)
        (void)anm_sql_bytes(s, st, 0, &mode, NULL);
    const bool ready = mode.len == 3 && memcmp(mode.data, "wal", 3) == 0;
    sqlite3_finalize(st);
    return ready;
}

static anm_status prepare_reader(anm_store *s, anm_error *err)
{
    const anm_status status = set_up(s, err);

    return status ? status : anm_schema_read(s, err);
}

/* Readers keep a lock in the file of suffix -shm, which tells writers what may
 * not be written over yet. Without it no reading is safe while others may write
 * through another door, so that SQLite's "immutable" is not for us. */
static anm_status open_reader(anm_store *s, anm_error *err)
{
    const anm_status status = prepare_reader(s, err);
    const int rc = sqlite3_errcode(s->db) & 0xff;

    // A process without a descriptor left is told that by the message it has.
    const bool no_file = rc == SQLITE_CANTOPEN &&
                         sqlite3_system_errno(s->db) != EMFILE &&
                         sqlite3_system_errno(s->db) != ENFILE;
    if (status != ANM_E_IO || (rc != SQLITE_READONLY && !no_file))
        return status;
    return anm_fail(err, ANM_E_IO,
                    "store %s: reading it needs %s-shm beside it, which cannot "
                    "be made there: make the folder writable, or copy the "
                    "store and its -wal to one that is",
                    s->path, s->path);
}

static anm_status open_checked(anm_store *s, const char *path, anm_error *err)
{
    anm_status status = connect(s, path, err);

    if (!status) status = name_files(s, err);
    if (status) return status;
    if (s->mode == ANM_STORE_READ) return open_reader(s, err);
    s->version = ANM_STORE_VERSION;
    status = set_up(s, err);
    if (status) return status;
    return is_ready(s) ? ANM_OK : anm_schema_migrate(s, err);
}

anm_status anm_store_open(anm_store **out, const char *path,
                          anm_store_mode mode, unsigned timeout_ms,
                          anm_error *err)
{
    *out = NULL;
    anm_status status = find_file(path, mode, err);
    if (status) return status;
    anm_store *s = anm_alloc_zero(sizeof(*s));
    if (!s) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    s->mode = mode;
    s->timeout_ms = timeout_ms;
    status = open_checked(s, path, err);
    if (status)
        anm_store_close(s);
    else
        *out = s;
    return status;
}

void anm_store_close(anm_store *s)
{
    if (!s) return;
    if (s->in_transaction) anm_store_rollback(s);
    for (size_t i = 0; i < ANM_SQL_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    anm_store_empty_log(s);
    sqlite3_close(s->db);
    anm_lock_close(&s->lock);
    anm_sha256_free(s->sha);
    anm_buf_deinit(&s->meta);
    anm_free(s->touched);
    anm_free(s->lock_path);
    anm_free(s);
}
