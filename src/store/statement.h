/* statement.h - the store's handle inside this room: the connection, the state
 * of its transaction, and its prepared statements.
 *
 * A prepared statement lives as long as the handle and is reset before it is
 * handed out again, so nobody calls back into user code while one is open:
 * walks over many rows prepare their own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_STATEMENT_H
#define ANM_STATEMENT_H

#include <sqlite3.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/sha256.h"
#include "store/store.h"

enum {
    ANM_STORE_APPLICATION_ID = 0x414e4d31,
    /* Of new files: ten vectors of 384 numbers a page. With 4,096 a quarter of
     * every page is left over and reading them takes half as long again. */
    ANM_STORE_PAGE_BYTES = 16384,
    ANM_STORE_VERSION = 2,
    ANM_STORE_KEY_MAX = 1024,
    ANM_STORE_META_MAX = 1 << 20,
    ANM_STORE_META_DEPTH = 1000, /* SQLite reads 2,000 */
    ANM_STORE_DIM_MAX = 65536,
    ANM_STORE_NAME_MAX = 128,
    ANM_STORE_COLLECTIONS_MAX = 1024,
};

/* Operations in the change log. */
enum { ANM_OP_PUT = 1, ANM_OP_REMOVED = 2 };

#define ANM_SQL_COLLECTION_COLUMNS                                             \
    "SELECT cid, name, dim, fingerprint, model, model_path, doc_prompt, "      \
    "query_prompt, items, seq, forgotten FROM collection "

/* The vector is looked up only when the last parameter says so. */
#define ANM_SQL_ITEM_COLUMNS(flag)                                             \
    "SELECT i.iid, i.seq, i.updated, i.key, i.text, i.meta, v.v, v.sum "       \
    "FROM item i LEFT JOIN vector v ON v.iid = "                               \
    "CASE WHEN " flag " THEN i.iid END "

#define ANM_SQL_LIST(X)                                                        \
    X(BEGIN, "BEGIN IMMEDIATE")                                                \
    X(COMMIT, "COMMIT")                                                        \
    X(SAVE, "SAVEPOINT one")                                                   \
    X(KEEP, "RELEASE one")                                                     \
    X(UNDO, "ROLLBACK TO one")                                                 \
    X(DATA_VERSION, "PRAGMA data_version")                                     \
    X(LAST_SEQ, "SELECT seq FROM sqlite_sequence WHERE name = 'change'")       \
    X(COLLECTION, ANM_SQL_COLLECTION_COLUMNS "WHERE name = ?1")                \
    X(COUNT_COLLECTIONS, "SELECT count(*) FROM collection")                    \
    X(ADD_COLLECTION,                                                          \
      "INSERT INTO collection(name, dim, fingerprint, model, model_path, "     \
      "doc_prompt, query_prompt, created) "                                    \
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                               \
    X(MOVE_MODEL, "UPDATE collection SET model_path = ?2 WHERE cid = ?1")      \
    X(COUNT_CHANGES,                                                           \
      "UPDATE collection SET items = items + ?2, seq = ?3 WHERE cid = ?1")     \
    X(FORGOTTEN, "SELECT forgotten FROM collection WHERE cid = ?1")            \
    X(FIND, "SELECT iid, seq, text_sha256, meta FROM item "                    \
            "WHERE cid = ?1 AND key = ?2")                                     \
    X(VECTOR, "SELECT v, sum FROM vector WHERE iid = ?1")                      \
    X(ADD_ITEM,                                                                \
      "INSERT INTO item(cid, key, text, text_sha256, meta, seq, updated) "     \
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                   \
    X(SET_ITEM,                                                                \
      "UPDATE item SET text = ?2, text_sha256 = ?3, meta = ?4, seq = ?5, "     \
      "updated = ?6 WHERE iid = ?1")                                           \
    X(DROP_ITEM, "DELETE FROM item WHERE iid = ?1")                            \
    X(ADD_VECTOR, "INSERT INTO vector(iid, v, sum) VALUES (?1, ?2, ?3)")       \
    X(SET_VECTOR, "UPDATE vector SET v = ?2, sum = ?3 WHERE iid = ?1")         \
    X(ADD_CHANGE,                                                              \
      "INSERT INTO change(seq, cid, iid, op) VALUES (?1, ?2, ?3, ?4)")         \
    X(DROP_CHANGE, "DELETE FROM change WHERE seq = ?1")                        \
    X(GET_KEY, ANM_SQL_ITEM_COLUMNS("?3") "WHERE i.cid = ?1 AND i.key = ?2")   \
    X(GET_ID, ANM_SQL_ITEM_COLUMNS("?3") "WHERE i.cid = ?1 AND i.iid = ?2")    \
    X(ADD_PATH, "INSERT OR IGNORE INTO path_index(cid, path) VALUES (?1, ?2)")

typedef enum anm_sql {
#define X(name, text) ANM_SQL_##name,
    ANM_SQL_LIST(X)
#undef X
        ANM_SQL_COUNT,
} anm_sql;

/* What a transaction did to a collection so far and its row does not say. */
typedef struct anm_touched {
    int64_t collection, items, seq;
} anm_touched;

struct anm_store {
    sqlite3 *db;
    const char *path; /* SQLite's: absolute, links resolved */
    char *lock_path;
    anm_store_mode mode;
    unsigned timeout_ms;
    int64_t version; /* of the file when it was opened */

    anm_lock lock;
    bool in_transaction;
    int64_t next_seq;
    anm_touched *touched; /* [n_touched] */
    size_t n_touched, cap_touched;

    bool committed; /* by this handle since _moved() was last asked */
    bool asked;
    int64_t data_version;
    int wal_pages; /* as of the last commit */

    anm_sha256 *sha;
    anm_buf meta; /* scratch */
    sqlite3_stmt *statements[ANM_SQL_COUNT];
};

/* ---- Running SQL ---------------------------------------------------------- */

/* The status and message of the connection's last failure. */
anm_status anm_sql_fail(const anm_store *s, const char *doing, anm_error *err);

/* A kept statement, ready to be bound. */
anm_status anm_sql_get(anm_store *s, anm_sql which, sqlite3_stmt **out,
                       anm_error *err);

/* A statement of one's own; sqlite3_finalize() it. */
anm_status anm_sql_prepare(anm_store *s, const char *sql, sqlite3_stmt **out,
                           anm_error *err);

/* Advance to the next row; *row is false behind the last. */
anm_status anm_sql_step(anm_store *s, sqlite3_stmt *st, bool *row,
                        anm_error *err);

/* Step a statement that has no rows, and reset it. */
anm_status anm_sql_run(anm_store *s, sqlite3_stmt *st, anm_error *err);

/* Drop locks and bound values; before the statement's next use at the latest. */
void anm_sql_end(sqlite3_stmt *st);

anm_status anm_sql_exec(anm_store *s, const char *sql, anm_error *err);

/* The first column of the first row of a query that has one. */
anm_status anm_sql_int(anm_store *s, const char *sql, int64_t *out,
                       anm_error *err);

/* anm_text_of() is of the room above. */
static inline anm_text anm_text_from(const char *string)
{
    return (anm_text){ string, strlen(string) };
}

/* Precision for a key in a message: a long one would push out the rest. */
static inline int anm_key_shown(anm_text key)
{
    return key.len < 100 ? (int)key.len : 100;
}

/* Values are borrowed until the statement ends. */
void anm_sql_bind_text(sqlite3_stmt *st, int i, anm_text text);
void anm_sql_bind_blob(sqlite3_stmt *st, int i, const void *data, size_t len);

/* A text or blob column: borrowed until the next step. */
anm_status anm_sql_bytes(anm_store *s, sqlite3_stmt *st, int column,
                         anm_text *out, anm_error *err);

/* ---- Shared by the files of this room -------------------------------------- */

/* Bring the schema to ANM_STORE_VERSION; takes the writer's lock. */
anm_status anm_schema_migrate(anm_store *s, anm_error *err);

/* For a connection that only reads: also a file of an older version, which it
 * sees as one of this version. */
anm_status anm_schema_read(anm_store *s, anm_error *err);

/* Whether the file has the version that writing needs. */
bool anm_schema_is_current(anm_store *s);

/* The lock file and BEGIN IMMEDIATE's busy handler wait this long. */
anm_status anm_store_lock(anm_store *s, anm_error *err);

/* As far as readers let it, never waiting; failure is of no consequence: the
 * log still holds everything. Under the lock only. */
void anm_store_checkpoint(anm_store *s);

/* At the end of a handle that wrote: the log into the file, so that the file
 * alone, moved or copied, is the store. Waits for nobody: whoever has the lock
 * does it when it ends. Failure is of no consequence either. */
void anm_store_empty_log(anm_store *s);

/* Write pending counts into the collections' rows. */
anm_status anm_store_flush(anm_store *s, anm_error *err);

/* ANM_E_IO when SQLite has rolled the transaction back by itself. */
anm_status anm_store_check_open(anm_store *s, anm_error *err);

/* What happens between _save and _keep is undone as one by _undo. */
anm_status anm_store_save(anm_store *s, anm_error *err);
anm_status anm_store_keep(anm_store *s, anm_error *err);
void anm_store_undo(anm_store *s);

/* Note so many items more and the last change; room is reserved before, so
 * that noting cannot fail. */
bool anm_store_reserve_touch(anm_store *s);
void anm_store_touch(anm_store *s, int64_t collection, int64_t items,
                     int64_t seq);

/* A copy of metadata as the store keeps it, in *out. */
anm_status anm_meta_normal(anm_text meta, anm_buf *out, anm_error *err);

/* The checksum of a stored vector: of its bytes and the item they are of, so
 * that neither damage nor a row in another's place goes unseen. What differs in
 * one word of 8 bytes always differs in its sum. */
int64_t anm_vector_sum(int64_t item, const void *bytes, size_t len);

/* A vector as it is stored, borrowed until the next step. */
typedef struct anm_stored_vector {
    anm_text bytes;
    int64_t sum;
    bool summed; /* a file of version 1 has no sums */
} anm_stored_vector;

/* Columns `column` (v) and `column` + 1 (sum). */
anm_status anm_sql_vector(anm_store *s, sqlite3_stmt *st, int column,
                          anm_stored_vector *out, anm_error *err);

/* Length and sum are those of a vector [dim] that was put for the item. */
bool anm_vector_is_sound(const anm_stored_vector *v, int64_t item, size_t dim);

/* ANM_E_MISMATCH unless v [dim] is finite and of unit length within 1e-3. */
anm_status anm_vector_check(const float *v, size_t dim, anm_error *err);

#endif
