/* store.h - the truth: items, metadata, vectors and a change log in one SQLite
 * file. Knows no models: a fingerprint is a string to it, a vector is numbers.
 *
 * Promises
 * - Acknowledged means durable: _commit() returns after the transaction is on
 *   disk (WAL, synchronous FULL).
 * - One connection writes and checkpoints at a time, in all processes together:
 *   a lock file beside the store is held from _begin() to _commit(). Readers
 *   are read-only, never checkpoint, and see the last committed state.
 * - What would spoil a collection is refused with both values and nothing is
 *   deleted: another fingerprint or dimension, a vector that is zero, not
 *   finite or not of unit length.
 * - Every change has a sequence number; an index in memory, or a follower that
 *   feeds another engine, reads the changes after its own.
 *
 * Schema, user_version 2 (application_id 0x414e4d31, "ANM1"):
 *
 *   store(key PRIMARY KEY, value)            uuid, created
 *   collection(cid, name UNIQUE, dim, fingerprint, model, model_path,
 *              doc_prompt, query_prompt, created, items, seq, forgotten)
 *   item(iid AUTOINCREMENT, cid, key, text, text_sha256, meta JSON, seq,
 *        updated, UNIQUE(cid, key))
 *   vector(iid, v, sum)                      dim * 4 bytes, little-endian f32,
 *                                            and their checksum
 *   change(seq AUTOINCREMENT, cid, iid, op)  op: 1 put, 2 removed; of an item
 *                                            the last one only
 *   path_index(cid, path)                    metadata paths with an index
 *
 * collection.items and .seq count what the other tables hold, so that nobody
 * has to; _check() compares. Removals up to .forgotten were dropped by
 * _compact(). Metadata is kept as it came, but escapes of printable characters
 * in strings are written as those characters, so that one name has one
 * spelling; \u0000 is refused. A vector is held against its checksum whenever
 * it is read (store/vector_sum.c): what is not what was put is ANM_E_CORRUPT
 * and never a hit.
 *
 * Version 1 had no checksums and called the table "vec"; the new name keeps a
 * program of that version, which has the file open while it is migrated, from
 * writing vectors without them.
 *
 * Thread rule: a handle is for one thread at a time; open one a thread. Any
 * number of handles, in any number of processes, may be open on a file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_STORE_H
#define ANM_STORE_H

#include "anemone.h"
#include "base/buf.h"

/* Limits: key 1,024 bytes, text ANM_TEXT_MAX_BYTES, metadata 1 MiB, dimension
 * 65,536, collection name 128 bytes of printable UTF-8, 1,024 collections. */

typedef struct anm_store anm_store;

typedef enum anm_store_mode {
    ANM_STORE_READ,   /* must exist */
    ANM_STORE_WRITE,  /* must exist */
    ANM_STORE_CREATE, /* made, with missing parent folders, when absent */
} anm_store_mode;

/* What a handle wrote is in the log (suffix -wal) beside the file for a while
 * and comes into the file when it closes, as far as others let it. */

/* Open and verify identity: ANM_E_FORMAT for a file that is no store of
 * anemone (nothing in it is touched), ANM_E_UNSUPPORTED for a newer
 * user_version, with both numbers. Older versions are migrated in one
 * transaction when opened for writing, and read as they are otherwise; a
 * handle that reads such a file fails with ANM_E_BUSY once another has migrated
 * it, and is to be opened again. */
anm_status anm_store_open(anm_store **out, const char *path,
                          anm_store_mode mode, unsigned timeout_ms,
                          anm_error *err);
void anm_store_close(anm_store *s);

/* ---- Collections --------------------------------------------------------- */

typedef struct anm_collection {
    char name[132];
    int64_t id;
    size_t dim;
    char fingerprint[80];
    char model[128];                       /* name, for people */
    char model_path[1024];                 /* hint: where the model was */
    char doc_prompt[64], query_prompt[64]; /* names; "" for none */
    uint64_t items;
    int64_t seq; /* of its last change */
} anm_collection;

/* ANM_E_NOTFOUND names the collection and the store. */
anm_status anm_store_collection(anm_store *s, const char *name,
                                anm_collection *out, anm_error *err);

/* All of them in order of name; anm_free() the array. */
anm_status anm_store_collections(anm_store *s, anm_collection **out, size_t *n,
                                 anm_error *err);

/* ---- Writing ------------------------------------------------------------- */

/* Everything between _begin and _commit happens or does not. _begin waits for
 * the lock at most the timeout, then ANM_E_BUSY. A failed put or remove leaves
 * the transaction usable; _rollback gives it up. A failed _commit ends the
 * transaction; when it was the disk's last sync that failed, the next opening
 * may find the transaction done, whole. */
anm_status anm_store_begin(anm_store *s, anm_error *err);
anm_status anm_store_commit(anm_store *s, anm_error *err);
void anm_store_rollback(anm_store *s);

/* Create the collection, or hold an existing one against this description:
 * another fingerprint or dimension is ANM_E_MISMATCH naming both. *spec
 * receives id, items and seq. Inside a transaction. */
anm_status anm_store_need_collection(anm_store *s, anm_collection *spec,
                                     anm_error *err);

/* Refused: an empty key (ANM_E_ARG), sizes over the limits (ANM_E_LIMIT),
 * metadata that is no JSON object (ANM_E_FORMAT). */
typedef struct anm_record {
    anm_text key;
    anm_text text;
    anm_text meta;       /* a JSON object, or empty for {} */
    const float *vector; /* [dim], unit length; borrowed */
} anm_record;

/* What _put() refuses of a record by itself, for who wants to know before there
 * is a store. */
anm_status anm_record_check(const anm_collection *c, const anm_record *r,
                            anm_error *err);

typedef enum anm_put {
    ANM_PUT_NEW,
    ANM_PUT_UPDATED,   /* text, metadata or vector changed */
    ANM_PUT_UNCHANGED, /* nothing written */
} anm_put;

/* Whether an item with exactly this text, and an undamaged vector, is there
 * already: then only its metadata may need a write and no embedding is
 * needed. */
anm_status anm_store_holds_text(anm_store *s, const anm_collection *c,
                                anm_text key, anm_text text, bool *holds,
                                anm_error *err);

/* Insert or replace by key. record->vector NULL keeps the stored vector of an
 * item whose text is unchanged (anything else without vector, or a stored one
 * that is damaged, is ANM_E_MISMATCH). */
anm_status anm_store_put(anm_store *s, const anm_collection *c,
                         const anm_record *record, anm_put *what,
                         anm_error *err);

/* By key; *removed is false when there is none. */
anm_status anm_store_remove(anm_store *s, const anm_collection *c, anm_text key,
                            bool *removed, anm_error *err);

/* ---- Reading ------------------------------------------------------------- */

/* An item read back; strings and vector belong to the item's buffer. */
typedef struct anm_item {
    int64_t id;
    int64_t seq;
    int64_t updated_ms; /* wall clock, since the epoch */
    anm_text key, text, meta;
    const float *vector; /* [dim], or NULL when not asked for */
    size_t dim;
    anm_buf storage;
} anm_item;

void anm_item_deinit(anm_item *item);

/* ANM_E_NOTFOUND names key and collection. */
anm_status anm_store_get(anm_store *s, const anm_collection *c, anm_text key,
                         bool with_vector, anm_item *item, anm_error *err);
anm_status anm_store_get_id(anm_store *s, const anm_collection *c, int64_t id,
                            bool with_vector, anm_item *item, anm_error *err);

/* Every item in order of id, from one snapshot. fn returns false to stop. */
anm_status anm_store_each(anm_store *s, const anm_collection *c,
                          bool with_vector,
                          bool (*fn)(void *ctx, const anm_item *item),
                          void *ctx, anm_error *err);

/* Changes after a sequence number, in order; `vector` is NULL for a removal.
 * The last change of an item stands for its earlier ones. After 0: every item
 * there is, as a put, in order of id. ANM_E_NOTFOUND when removals after
 * `after` were forgotten by _compact(): start again from 0, with nothing. */
typedef struct anm_change {
    int64_t seq, collection, id;
    bool removed;
    const float *vector;
    size_t dim;
} anm_change;

anm_status anm_store_changes(anm_store *s, const anm_collection *c,
                             int64_t after,
                             bool (*fn)(void *ctx, const anm_change *change),
                             void *ctx, anm_error *err);

/* Cheap: whether anyone committed since this handle last asked. */
anm_status anm_store_moved(anm_store *s, bool *moved, anm_error *err);

/* ---- Filter -------------------------------------------------------------- */

/* A compiled --where expression: SQL with bound values (store/filter.h). */
typedef struct anm_filter anm_filter;

anm_status anm_filter_new(anm_filter **out, const char *expression,
                          anm_error *err); /* ANM_E_ARG with the column */
void anm_filter_free(anm_filter *f);

/* Ids that pass, ascending; anm_free() the array. */
anm_status anm_store_filter(anm_store *s, const anm_collection *c,
                            const anm_filter *f, int64_t **ids, size_t *n,
                            anm_error *err);

/* Keep an SQL index on a metadata path ("a.b"); idempotent. Inside a
 * transaction or, outside, as one of its own. */
anm_status anm_store_index_path(anm_store *s, const anm_collection *c,
                                const char *path, anm_error *err);

/* The paths that have one, in order; fn returns false to stop. */
anm_status anm_store_paths(anm_store *s, const anm_collection *c,
                           bool (*fn)(void *ctx, const char *path), void *ctx,
                           anm_error *err);

/* ---- Upkeep -------------------------------------------------------------- */

/* Verify all that the schema promises, and SQLite's own integrity. problem()
 * is called once a finding, naming page, item or collection; returns the
 * status of the checking itself. */
anm_status anm_store_check(anm_store *s,
                           void (*problem)(void *ctx, const char *line),
                           void *ctx, anm_error *err);

/* Copy the store, while others use it, to a path that must not exist; appears
 * complete or not at all. */
anm_status anm_store_backup(anm_store *s, const char *path,
                            anm_progress_fn progress, void *progress_ctx,
                            anm_error *err);

/* Give space back and forget removals (no follower is registered in a store so
 * far). Not inside a transaction. */
anm_status anm_store_compact(anm_store *s, uint64_t *bytes_before,
                             uint64_t *bytes_after, anm_error *err);

typedef struct anm_store_stats {
    uint64_t file_bytes, wal_bytes;
    uint64_t collections, items, changes;
    int version;
    const char *sqlite; /* "3.40.1" */
} anm_store_stats;

/* Version of the SQLite in use, such as "3.40.1". */
const char *anm_store_sqlite(void);

anm_status anm_store_stats_read(anm_store *s, anm_store_stats *out,
                                anm_error *err);

#endif
