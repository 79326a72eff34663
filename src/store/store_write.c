/* store_write.c - collections and items into the store.
 *
 * A put is a savepoint: when it fails half way, what it did is undone and the
 * transaction goes on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "store/statement.h"

/* ---- Collections ----------------------------------------------------------- */

static anm_status check_name(const char *name, anm_error *err)
{
    const size_t len = strlen(name);

    if (len == 0 || len > ANM_STORE_NAME_MAX)
        return anm_fail(err, ANM_E_ARG,
                        "collection name of %zu bytes, allowed are 1 to %d",
                        len, ANM_STORE_NAME_MAX);
    if (anm_utf8_invalid_at(name, len) < len)
        return anm_fail(err, ANM_E_ARG, "collection name %s is not UTF-8",
                        name);
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (c >= 0x20 && c != 0x7f) continue;
        return anm_fail(err, ANM_E_ARG,
                        "collection name %s has a control character at byte "
                        "%zu",
                        name, i);
    }
    return ANM_OK;
}

static anm_status check_spec(const anm_collection *spec, anm_error *err)
{
    const anm_status status = check_name(spec->name, err);

    if (status) return status;
    if (spec->dim < 1 || spec->dim > ANM_STORE_DIM_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "collection %s: dimension %zu, allowed are 1 to %d",
                        spec->name, spec->dim, ANM_STORE_DIM_MAX);
    return ANM_OK;
}

static anm_status check_same(const anm_collection *has,
                             const anm_collection *spec, anm_error *err)
{
    if (strcmp(has->fingerprint, spec->fingerprint) != 0)
        return anm_fail(err, ANM_E_MISMATCH,
                        "collection %s has vectors of %s (%s), offered are "
                        "those of %s (%s)",
                        has->name, has->fingerprint, has->model,
                        spec->fingerprint, spec->model);
    if (has->dim != spec->dim)
        return anm_fail(err, ANM_E_MISMATCH,
                        "collection %s has vectors of dimension %zu, offered "
                        "are those of %zu",
                        has->name, has->dim, spec->dim);
    return ANM_OK;
}

static anm_status add_collection(anm_store *s, anm_collection *spec,
                                 anm_error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    anm_status status = anm_sql_get(s, ANM_SQL_COUNT_COLLECTIONS, &st, err);

    if (!status) status = anm_sql_step(s, st, &row, err);
    if (status) return status;
    const int64_t n = row ? sqlite3_column_int64(st, 0) : 0;
    anm_sql_end(st);
    if (n >= ANM_STORE_COLLECTIONS_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "store %s has %" PRId64 " collections, at most %d",
                        s->path, n, ANM_STORE_COLLECTIONS_MAX);
    status = anm_sql_get(s, ANM_SQL_ADD_COLLECTION, &st, err);
    if (status) return status;
    anm_sql_bind_text(st, 1, anm_text_from(spec->name));
    sqlite3_bind_int64(st, 2, (int64_t)spec->dim);
    anm_sql_bind_text(st, 3, anm_text_from(spec->fingerprint));
    anm_sql_bind_text(st, 4, anm_text_from(spec->model));
    anm_sql_bind_text(st, 5, anm_text_from(spec->model_path));
    anm_sql_bind_text(st, 6, anm_text_from(spec->doc_prompt));
    anm_sql_bind_text(st, 7, anm_text_from(spec->query_prompt));
    sqlite3_bind_int64(st, 8, anm_wall_ns() / 1000000);
    status = anm_sql_run(s, st, err);
    if (status) return status;
    spec->id = sqlite3_last_insert_rowid(s->db);
    spec->items = 0;
    spec->seq = 0;
    return ANM_OK;
}

/* The path is a hint, and the newest is the best. */
static anm_status move_model(anm_store *s, const anm_collection *spec,
                             const anm_collection *has, anm_error *err)
{
    sqlite3_stmt *st;

    if (!spec->model_path[0] || !strcmp(spec->model_path, has->model_path))
        return ANM_OK;
    const anm_status status = anm_sql_get(s, ANM_SQL_MOVE_MODEL, &st, err);
    if (status) return status;
    sqlite3_bind_int64(st, 1, has->id);
    anm_sql_bind_text(st, 2, anm_text_from(spec->model_path));
    return anm_sql_run(s, st, err);
}

anm_status anm_store_need_collection(anm_store *s, anm_collection *spec,
                                     anm_error *err)
{
    anm_collection has;
    anm_status status = anm_store_check_open(s, err);

    if (!status) status = check_spec(spec, err);
    if (status) return status;
    // Absence is an answer here; its message is overwritten or dropped.
    status = anm_store_collection(s, spec->name, &has, err);
    if (status == ANM_E_NOTFOUND) return add_collection(s, spec, err);
    if (!status) status = check_same(&has, spec, err);
    if (!status) status = move_model(s, spec, &has, err);
    if (status) return status;
    spec->id = has.id;
    spec->items = has.items;
    spec->seq = has.seq;
    return ANM_OK;
}

/* ---- Items ------------------------------------------------------------------ */

/* What the store has under a key, held against what is offered. */
typedef struct present {
    bool found;
    int64_t id, seq;
    bool same_text, same_meta, same_vector;
} present;

static void hash_text(anm_store *s, anm_text text,
                      uint8_t digest[ANM_SHA256_BYTES])
{
    anm_sha256_reset(s->sha);
    anm_sha256_add(s->sha, text.data, text.len);
    anm_sha256_read(s->sha, digest);
}

static anm_status find(anm_store *s, const anm_collection *c, anm_text key,
                       const uint8_t digest[ANM_SHA256_BYTES], present *p,
                       anm_error *err)
{
    sqlite3_stmt *st;
    anm_text hash = { 0 }, meta = { 0 };
    anm_status status = anm_sql_get(s, ANM_SQL_FIND, &st, err);

    *p = (present){ 0 };
    if (status) return status;
    sqlite3_bind_int64(st, 1, c->id);
    anm_sql_bind_text(st, 2, key);
    status = anm_sql_step(s, st, &p->found, err);
    if (!status && p->found) {
        p->id = sqlite3_column_int64(st, 0);
        p->seq = sqlite3_column_int64(st, 1);
        status = anm_sql_bytes(s, st, 2, &hash, err);
    }
    if (!status && p->found) status = anm_sql_bytes(s, st, 3, &meta, err);
    p->same_text = digest && hash.len == ANM_SHA256_BYTES &&
                   !memcmp(hash.data, digest, ANM_SHA256_BYTES);
    p->same_meta = meta.len == s->meta.len && meta.len &&
                   !memcmp(meta.data, s->meta.data, meta.len);
    anm_sql_end(st);
    return status;
}

/* Hold the stored vector against one that is offered, or, without, against its
 * own checksum. */
static anm_status compare_vector(anm_store *s, const anm_collection *c,
                                 const float *v, present *p, anm_error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    anm_stored_vector has;
    anm_status status = anm_sql_get(s, ANM_SQL_VECTOR, &st, err);

    if (status) return status;
    sqlite3_bind_int64(st, 1, p->id);
    status = anm_sql_step(s, st, &row, err);
    if (row) status = anm_sql_vector(s, st, 0, &has, err);
    p->same_vector = !status && row && anm_vector_is_sound(&has, p->id, c->dim);
    if (p->same_vector && v)
        p->same_vector = !memcmp(has.bytes.data, v, has.bytes.len);
    anm_sql_end(st);
    return status;
}

static anm_status write_vector(anm_store *s, anm_sql which, int64_t id,
                               const anm_collection *c, const float *v,
                               anm_error *err)
{
    sqlite3_stmt *st;
    const anm_status status = anm_sql_get(s, which, &st, err);

    if (status) return status;
    const size_t len = c->dim * sizeof(*v);
    sqlite3_bind_int64(st, 1, id);
    anm_sql_bind_blob(st, 2, v, len);
    sqlite3_bind_int64(st, 3, anm_vector_sum(id, v, len));
    return anm_sql_run(s, st, err);
}

/* Log the change; the item's earlier one, if any, is stood for by it. */
static anm_status write_change(anm_store *s, const anm_collection *c,
                               int64_t id, int64_t old_seq, int op,
                               anm_error *err)
{
    sqlite3_stmt *st;
    anm_status status = ANM_OK;

    if (old_seq) {
        status = anm_sql_get(s, ANM_SQL_DROP_CHANGE, &st, err);
        if (status) return status;
        sqlite3_bind_int64(st, 1, old_seq);
        status = anm_sql_run(s, st, err);
    }
    if (!status) status = anm_sql_get(s, ANM_SQL_ADD_CHANGE, &st, err);
    if (status) return status;
    sqlite3_bind_int64(st, 1, s->next_seq);
    sqlite3_bind_int64(st, 2, c->id);
    sqlite3_bind_int64(st, 3, id);
    sqlite3_bind_int(st, 4, op);
    return anm_sql_run(s, st, err);
}

static anm_status insert_item(anm_store *s, const anm_collection *c,
                              const anm_record *r,
                              const uint8_t digest[ANM_SHA256_BYTES],
                              anm_error *err)
{
    sqlite3_stmt *st;
    anm_status status = anm_sql_get(s, ANM_SQL_ADD_ITEM, &st, err);

    if (status) return status;
    sqlite3_bind_int64(st, 1, c->id);
    anm_sql_bind_text(st, 2, r->key);
    anm_sql_bind_text(st, 3, r->text);
    anm_sql_bind_blob(st, 4, digest, ANM_SHA256_BYTES);
    anm_sql_bind_text(st, 5, (anm_text){ s->meta.data, s->meta.len });
    sqlite3_bind_int64(st, 6, s->next_seq);
    sqlite3_bind_int64(st, 7, anm_wall_ns() / 1000000);
    status = anm_sql_run(s, st, err);
    if (status) return status;
    const int64_t id = sqlite3_last_insert_rowid(s->db);
    status = write_vector(s, ANM_SQL_ADD_VECTOR, id, c, r->vector, err);
    if (!status) status = write_change(s, c, id, 0, ANM_OP_PUT, err);
    return status;
}

static anm_status update_item(anm_store *s, const anm_collection *c,
                              const anm_record *r, const present *p,
                              const uint8_t digest[ANM_SHA256_BYTES],
                              anm_error *err)
{
    sqlite3_stmt *st;
    anm_status status = anm_sql_get(s, ANM_SQL_SET_ITEM, &st, err);

    if (status) return status;
    sqlite3_bind_int64(st, 1, p->id);
    anm_sql_bind_text(st, 2, r->text);
    anm_sql_bind_blob(st, 3, digest, ANM_SHA256_BYTES);
    anm_sql_bind_text(st, 4, (anm_text){ s->meta.data, s->meta.len });
    sqlite3_bind_int64(st, 5, s->next_seq);
    sqlite3_bind_int64(st, 6, anm_wall_ns() / 1000000);
    status = anm_sql_run(s, st, err);
    if (!status && !p->same_vector)
        status = write_vector(s, ANM_SQL_SET_VECTOR, p->id, c, r->vector, err);
    if (!status) status = write_change(s, c, p->id, p->seq, ANM_OP_PUT, err);
    return status;
}

/* The metadata as the store keeps it comes out in *meta. */
static anm_status check_record(const anm_collection *c, const anm_record *r,
                               anm_buf *meta, anm_error *err)
{
    if (r->key.len == 0)
        return anm_fail(err, ANM_E_ARG, "collection %s: the key is empty",
                        c->name);
    if (r->key.len > ANM_STORE_KEY_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "collection %s: key of %zu bytes, at most %d", c->name,
                        r->key.len, ANM_STORE_KEY_MAX);
    if (r->text.len > ANM_TEXT_MAX_BYTES)
        return anm_fail(err, ANM_E_LIMIT,
                        "collection %s, key %.*s: text of %zu bytes, at most "
                        "%zu",
                        c->name, anm_key_shown(r->key), r->key.data,
                        r->text.len, ANM_TEXT_MAX_BYTES);
    anm_status status = anm_meta_normal(r->meta, meta, err);
    if (!status && r->vector) status = anm_vector_check(r->vector, c->dim, err);
    if (status)
        return anm_fail_prefix(err, status, "collection %s, key %.*s", c->name,
                               anm_key_shown(r->key), r->key.data);
    return ANM_OK;
}

anm_status anm_record_check(const anm_collection *c, const anm_record *r,
                            anm_error *err)
{
    anm_buf meta = { 0 };
    anm_status status = check_spec(c, err);

    if (!status) status = check_record(c, r, &meta, err);
    anm_buf_deinit(&meta);
    return status;
}

/* Compare with what is there. */
static anm_status judge(anm_store *s, const anm_collection *c,
                        const anm_record *r,
                        const uint8_t digest[ANM_SHA256_BYTES], present *p,
                        anm_error *err)
{
    anm_status status = find(s, c, r->key, digest, p, err);

    if (!status && p->found) status = compare_vector(s, c, r->vector, p, err);
    if (status || r->vector || (p->same_text && p->same_vector)) return status;
    return anm_fail(err, ANM_E_MISMATCH,
                    "collection %s, key %.*s: no vector, "
                    "and %s",
                    c->name, anm_key_shown(r->key), r->key.data,
                    !p->found      ? "there is no such item"
                    : p->same_text ? "the one stored is damaged"
                                   : "the text is not the one stored");
}

anm_status anm_store_put(anm_store *s, const anm_collection *c,
                         const anm_record *r, anm_put *what, anm_error *err)
{
    uint8_t digest[ANM_SHA256_BYTES];
    present p;
    anm_status status = anm_store_check_open(s, err);

    if (!status) status = check_record(c, r, &s->meta, err);
    if (status) return status;
    if (!anm_store_reserve_touch(s))
        return anm_fail(err, ANM_E_NOMEM, "store %s: out of memory", s->path);
    hash_text(s, r->text, digest);
    status = judge(s, c, r, digest, &p, err);
    if (status) return status;
    if (p.found && p.same_text && p.same_meta && p.same_vector) {
        *what = ANM_PUT_UNCHANGED;
        return ANM_OK;
    }
    status = anm_store_save(s, err);
    if (status) return status;
    status = p.found ? update_item(s, c, r, &p, digest, err)
                     : insert_item(s, c, r, digest, err);
    if (!status) status = anm_store_keep(s, err);
    if (status) {
        anm_store_undo(s);
        return status;
    }
    anm_store_touch(s, c->id, !p.found, s->next_seq++);
    *what = p.found ? ANM_PUT_UPDATED : ANM_PUT_NEW;
    return ANM_OK;
}

anm_status anm_store_holds_text(anm_store *s, const anm_collection *c,
                                anm_text key, anm_text text, bool *holds,
                                anm_error *err)
{
    uint8_t digest[ANM_SHA256_BYTES];
    present p;

    hash_text(s, text, digest);
    anm_status status = find(s, c, key, digest, &p, err);
    if (!status && p.same_text) status = compare_vector(s, c, NULL, &p, err);
    if (!status) *holds = p.same_text && p.same_vector;
    return status;
}

static anm_status remove_item(anm_store *s, const anm_collection *c,
                              const present *p, anm_error *err)
{
    sqlite3_stmt *st;
    anm_status status = anm_sql_get(s, ANM_SQL_DROP_ITEM, &st, err);

    if (status) return status;
    sqlite3_bind_int64(st, 1, p->id);
    status = anm_sql_run(s, st, err);
    if (status) return status;
    return write_change(s, c, p->id, p->seq, ANM_OP_REMOVED, err);
}

anm_status anm_store_remove(anm_store *s, const anm_collection *c, anm_text key,
                            bool *removed, anm_error *err)
{
    present p;
    anm_status status = anm_store_check_open(s, err);

    if (status) return status;
    if (!anm_store_reserve_touch(s))
        return anm_fail(err, ANM_E_NOMEM, "store %s: out of memory", s->path);
    status = find(s, c, key, NULL, &p, err);
    if (status) return status;
    if (!p.found) {
        *removed = false;
        return ANM_OK;
    }
    status = anm_store_save(s, err);
    if (status) return status;
    status = remove_item(s, c, &p, err);
    if (!status) status = anm_store_keep(s, err);
    if (status) {
        anm_store_undo(s);
        return status;
    }
    anm_store_touch(s, c->id, -1, s->next_seq++);
    *removed = true;
    return ANM_OK;
}
