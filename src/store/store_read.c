/* store_read.c - collections, items and changes out of the store.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/error.h"
#include "store/statement.h"

/* ---- Collections ----------------------------------------------------------- */

static anm_status read_string(anm_store *s, sqlite3_stmt *st, int column,
                              char *out, size_t cap, anm_error *err)
{
    anm_text text;
    const anm_status status = anm_sql_bytes(s, st, column, &text, err);

    if (status) return status;
    if (text.len >= cap)
        return anm_fail(err, ANM_E_CORRUPT,
                        "store %s: collection row with a field of %zu bytes, "
                        "at most %zu",
                        s->path, text.len, cap - 1);
    memcpy(out, text.len ? text.data : "", text.len);
    out[text.len] = '\0';
    return ANM_OK;
}

/* In the order of ANM_SQL_COLLECTION_COLUMNS. */
static anm_status read_collection(anm_store *s, sqlite3_stmt *st,
                                  anm_collection *c, anm_error *err)
{
    const struct {
        char *at;
        size_t cap;
        int column;
    } strings[] = {
        { c->name, sizeof(c->name), 1 },
        { c->fingerprint, sizeof(c->fingerprint), 3 },
        { c->model, sizeof(c->model), 4 },
        { c->model_path, sizeof(c->model_path), 5 },
        { c->doc_prompt, sizeof(c->doc_prompt), 6 },
        { c->query_prompt, sizeof(c->query_prompt), 7 },
    };
    anm_status status = ANM_OK;

    for (size_t i = 0; !status && i < sizeof(strings) / sizeof(strings[0]); i++)
        status = read_string(s, st, strings[i].column, strings[i].at,
                             strings[i].cap, err);
    if (status) return status;
    const int64_t dim = sqlite3_column_int64(st, 2);
    if (dim < 1 || dim > ANM_STORE_DIM_MAX)
        return anm_fail(err, ANM_E_CORRUPT,
                        "store %s, collection %s: dimension %" PRId64
                        ", allowed are 1 to %d",
                        s->path, c->name, dim, ANM_STORE_DIM_MAX);
    c->id = sqlite3_column_int64(st, 0);
    c->dim = (size_t)dim;
    c->items = (uint64_t)sqlite3_column_int64(st, 8);
    c->seq = sqlite3_column_int64(st, 9);
    return ANM_OK;
}

anm_status anm_store_collection(anm_store *s, const char *name,
                                anm_collection *out, anm_error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    anm_collection c;
    anm_status status = anm_store_flush(s, err);

    if (!status) status = anm_sql_get(s, ANM_SQL_COLLECTION, &st, err);
    if (status) return status;
    anm_sql_bind_text(st, 1, anm_text_from(name));
    status = anm_sql_step(s, st, &row, err);
    if (row) status = read_collection(s, st, &c, err);
    if (!status && !row)
        status = anm_fail(err, ANM_E_NOTFOUND, "store %s has no collection %s",
                          s->path, name);
    if (!status) *out = c;
    anm_sql_end(st);
    return status;
}

static anm_status collect(anm_store *s, sqlite3_stmt *st, anm_collection **list,
                          size_t *n, anm_error *err)
{
    size_t cap = 0;
    bool row = false;
    anm_status status;

    for (;;) {
        status = anm_sql_step(s, st, &row, err);
        if (status || !row) return status;
        if (!anm_grow(list, &cap, *n + 1, sizeof(**list)))
            return anm_fail(err, ANM_E_NOMEM, "store %s: out of memory",
                            s->path);
        status = read_collection(s, st, &(*list)[*n], err);
        if (status) return status;
        (*n)++;
    }
}

anm_status anm_store_collections(anm_store *s, anm_collection **out, size_t *n,
                                 anm_error *err)
{
    sqlite3_stmt *st = NULL;
    anm_collection *list = NULL;
    size_t count = 0;
    anm_status status = anm_store_flush(s, err);

    if (!status)
        status = anm_sql_prepare(s, ANM_SQL_COLLECTION_COLUMNS "ORDER BY name",
                                 &st, err);
    if (!status) status = collect(s, st, &list, &count, err);
    sqlite3_finalize(st);
    if (status) {
        anm_free(list);
        return status;
    }
    *out = list;
    *n = count;
    return ANM_OK;
}

/* ---- Items ------------------------------------------------------------------ */

void anm_item_deinit(anm_item *item)
{
    anm_buf_deinit(&item->storage);
}

/* Rows of a collection, as a bound statement gives them. */
typedef struct rows {
    anm_store *s;
    sqlite3_stmt *st;
    const anm_collection *c;
    bool with_vector; /* of items; a change always has its own */
} rows;

static anm_status read_vector(const rows *r, int column, int64_t id,
                              anm_text *bytes, anm_error *err)
{
    anm_stored_vector v;
    const anm_collection *c = r->c;
    const size_t needed = c->dim * sizeof(float);
    const anm_status status = anm_sql_vector(r->s, r->st, column, &v, err);

    if (status) return status;
    if (v.bytes.len != needed)
        return anm_fail(err, ANM_E_CORRUPT,
                        "store %s, collection %s, item %" PRId64
                        ": vector of %zu bytes, needed are %zu: run check",
                        r->s->path, c->name, id, v.bytes.len, needed);
    if (!anm_vector_is_sound(&v, id, c->dim))
        return anm_fail(err, ANM_E_CORRUPT,
                        "store %s, collection %s, item %" PRId64
                        ": the vector is not the one that was put: run check",
                        r->s->path, c->name, id);
    *bytes = v.bytes;
    return ANM_OK;
}

/* Read a row in the order of ANM_SQL_ITEM_COLUMNS. The vector comes first in
 * the storage, where it is aligned; pointers are taken when nothing moves any
 * more. */
static anm_status read_item(const rows *r, anm_item *item, anm_error *err)
{
    anm_buf *b = &item->storage;
    anm_text parts[4] = { 0 };
    anm_status status = ANM_OK;

    item->id = sqlite3_column_int64(r->st, 0);
    item->seq = sqlite3_column_int64(r->st, 1);
    item->updated_ms = sqlite3_column_int64(r->st, 2);
    anm_buf_reset(b);
    for (int i = 0; !status && i < 3; i++)
        status = anm_sql_bytes(r->s, r->st, 3 + i, &parts[1 + i], err);
    if (!status && r->with_vector)
        status = read_vector(r, 6, item->id, parts, err);
    if (status) return status;
    for (int i = 0; i < 4; i++) {
        anm_buf_append(b, parts[i].len ? parts[i].data : "", parts[i].len);
        if (i > 0) anm_buf_append(b, "", 1);
    }
    if (b->failed)
        return anm_fail(err, ANM_E_NOMEM, "store %s: out of memory",
                        r->s->path);
    const void *vector = b->data;
    const char *at = b->data + parts[0].len;
    item->vector = r->with_vector ? vector : NULL;
    item->dim = r->with_vector ? r->c->dim : 0;
    item->key = (anm_text){ at, parts[1].len };
    item->text = (anm_text){ at + parts[1].len + 1, parts[2].len };
    item->meta =
        (anm_text){ at + parts[1].len + parts[2].len + 2, parts[3].len };
    return ANM_OK;
}

/* Run a bound statement that gives one item or none. */
static anm_status read_one(const rows *r, bool *found, anm_item *item,
                           anm_error *err)
{
    anm_item read = { 0 };

    sqlite3_bind_int64(r->st, 1, r->c->id);
    sqlite3_bind_int(r->st, 3, r->with_vector);
    anm_status status = anm_sql_step(r->s, r->st, found, err);
    if (!status && *found) {
        status = read_item(r, &read, err);
        if (status)
            anm_item_deinit(&read);
        else
            *item = read;
    }
    anm_sql_end(r->st);
    return status;
}

anm_status anm_store_get(anm_store *s, const anm_collection *c, anm_text key,
                         bool with_vector, anm_item *item, anm_error *err)
{
    sqlite3_stmt *st;
    bool found = false;
    anm_status status = anm_sql_get(s, ANM_SQL_GET_KEY, &st, err);

    if (status) return status;
    anm_sql_bind_text(st, 2, key);
    status = read_one(&(rows){ s, st, c, with_vector }, &found, item, err);
    if (!status && !found)
        status =
            anm_fail(err, ANM_E_NOTFOUND, "collection %s has no key %.*s",
                     c->name, anm_key_shown(key), key.data ? key.data : "");
    return status;
}

anm_status anm_store_get_id(anm_store *s, const anm_collection *c, int64_t id,
                            bool with_vector, anm_item *item, anm_error *err)
{
    sqlite3_stmt *st;
    bool found = false;
    anm_status status = anm_sql_get(s, ANM_SQL_GET_ID, &st, err);

    if (status) return status;
    sqlite3_bind_int64(st, 2, id);
    status = read_one(&(rows){ s, st, c, with_vector }, &found, item, err);
    if (!status && !found)
        status = anm_fail(err, ANM_E_NOTFOUND,
                          "collection %s has no item %" PRId64, c->name, id);
    return status;
}

static anm_status walk_items(const rows *r,
                             bool (*fn)(void *ctx, const anm_item *item),
                             void *ctx, anm_error *err)
{
    anm_item item = { 0 };
    bool more = true;
    anm_status status = ANM_OK;

    while (more) {
        status = anm_sql_step(r->s, r->st, &more, err);
        if (status || !more) break;
        status = read_item(r, &item, err);
        more = !status && fn(ctx, &item);
    }
    anm_item_deinit(&item);
    return status;
}

anm_status anm_store_each(anm_store *s, const anm_collection *c,
                          bool with_vector,
                          bool (*fn)(void *ctx, const anm_item *item),
                          void *ctx, anm_error *err)
{
    sqlite3_stmt *st;
    anm_status status = anm_sql_prepare(
        s, ANM_SQL_ITEM_COLUMNS("?2") "WHERE i.cid = ?1 ORDER BY i.iid", &st,
        err);

    if (status) return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int(st, 2, with_vector);
    status = walk_items(&(rows){ s, st, c, with_vector }, fn, ctx, err);
    sqlite3_finalize(st);
    return status;
}

/* ---- Changes ----------------------------------------------------------------- */

static anm_status read_change(const rows *r, anm_change *change,
                              anm_buf *vector, anm_error *err)
{
    anm_text blob;

    *change = (anm_change){
        .seq = sqlite3_column_int64(r->st, 0),
        .collection = r->c->id,
        .id = sqlite3_column_int64(r->st, 1),
        .removed = sqlite3_column_int(r->st, 2) == ANM_OP_REMOVED,
        .dim = r->c->dim,
    };
    if (change->removed) return ANM_OK;
    const anm_status status = read_vector(r, 3, change->id, &blob, err);
    if (status) return status;
    // SQLite's bytes lie where the page has them, at any address.
    anm_buf_reset(vector);
    anm_buf_append(vector, blob.data, blob.len);
    if (vector->failed)
        return anm_fail(err, ANM_E_NOMEM, "store %s: out of memory",
                        r->s->path);
    const void *aligned = vector->data;
    change->vector = aligned;
    return ANM_OK;
}

static anm_status walk_changes(const rows *r,
                               bool (*fn)(void *ctx, const anm_change *change),
                               void *ctx, anm_error *err)
{
    anm_buf vector = { 0 };
    anm_change change;
    bool more = true;
    anm_status status = ANM_OK;

    while (more) {
        status = anm_sql_step(r->s, r->st, &more, err);
        if (status || !more) break;
        status = read_change(r, &change, &vector, err);
        more = !status && fn(ctx, &change);
    }
    anm_buf_deinit(&vector);
    return status;
}

/* Removals that a follower at `after` would never hear of. */
static anm_status check_forgotten(anm_store *s, const anm_collection *c,
                                  int64_t after, anm_error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    anm_status status = anm_sql_get(s, ANM_SQL_FORGOTTEN, &st, err);

    if (status) return status;
    sqlite3_bind_int64(st, 1, c->id);
    status = anm_sql_step(s, st, &row, err);
    const int64_t forgotten = row ? sqlite3_column_int64(st, 0) : 0;
    anm_sql_end(st);
    if (status || after >= forgotten) return status;
    return anm_fail(err, ANM_E_NOTFOUND,
                    "collection %s: changes after %" PRId64
                    " are gone, removals up to %" PRId64 " were forgotten",
                    c->name, after, forgotten);
}

static const char changes_sql[] =
    "SELECT g.seq, g.iid, g.op, v.v, v.sum FROM change g "
    "LEFT JOIN vector v ON v.iid = CASE g.op WHEN 1 THEN g.iid END "
    "WHERE g.seq > ?2 AND g.cid = ?1 ORDER BY g.seq";

static const char present_sql[] =
    "SELECT i.seq, i.iid, 1, v.v, v.sum FROM item i INDEXED BY item_of "
    "LEFT JOIN vector v ON v.iid = i.iid "
    "WHERE i.cid = ?1 AND i.seq > ?2 ORDER BY i.iid";

static anm_status read_changes(anm_store *s, const anm_collection *c,
                               int64_t after,
                               bool (*fn)(void *ctx, const anm_change *change),
                               void *ctx, anm_error *err)
{
    sqlite3_stmt *st;
    anm_status status = after > 0 ? check_forgotten(s, c, after, err) : ANM_OK;

    if (!status)
        status =
            anm_sql_prepare(s, after > 0 ? changes_sql : present_sql, &st, err);
    if (status) return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int64(st, 2, after);
    status = walk_changes(&(rows){ s, st, c, true }, fn, ctx, err);
    sqlite3_finalize(st);
    return status;
}

/* One snapshot for the question what was forgotten and the walk. */
anm_status anm_store_changes(anm_store *s, const anm_collection *c,
                             int64_t after,
                             bool (*fn)(void *ctx, const anm_change *change),
                             void *ctx, anm_error *err)
{
    const bool own = sqlite3_get_autocommit(s->db);
    anm_status status = own ? anm_sql_exec(s, "BEGIN", err) : ANM_OK;

    if (status) return status;
    status = read_changes(s, c, after, fn, ctx, err);
    if (own) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

anm_status anm_store_moved(anm_store *s, bool *moved, anm_error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    anm_status status = anm_sql_get(s, ANM_SQL_DATA_VERSION, &st, err);

    if (!status) status = anm_sql_step(s, st, &row, err);
    if (status) return status;
    const int64_t version = row ? sqlite3_column_int64(st, 0) : 0;
    anm_sql_end(st);
    *moved = !s->asked || s->committed || version != s->data_version;
    s->asked = true;
    s->committed = false;
    s->data_version = version;
    return ANM_OK;
}
