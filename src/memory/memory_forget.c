/* memory_forget.c - items out of the store: removed, or walked over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/error.h"
#include "memory/memory_parts.h"

/* ---- Removing ------------------------------------------------------------------ */

/* What is removed: by keys, or by filter. */
typedef struct job {
    const char *collection;
    const anm_text *keys; /* [n] */
    size_t n;
    const anm_filter *filter; /* NULL: by keys */
} job;

static anm_status remove_keys(anm_store *store, const anm_collection *c,
                              const anm_text *keys, size_t n, size_t *removed,
                              anm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        bool was_there = false;
        const anm_status status =
            anm_store_remove(store, c, keys[i], &was_there, err);
        if (status) return status;
        *removed += was_there;
    }
    return ANM_OK;
}

/* Inside the transaction, so that nobody changes what passes. */
static anm_status remove_passing(anm_store *store, const anm_collection *c,
                                 const anm_filter *filter, size_t *removed,
                                 anm_error *err)
{
    int64_t *ids = NULL;
    size_t n = 0;
    anm_status status = anm_store_filter(store, c, filter, &ids, &n, err);

    for (size_t i = 0; !status && i < n; i++) {
        anm_item item = { 0 };
        status = anm_store_get_id(store, c, ids[i], false, &item, err);
        if (!status) status = remove_keys(store, c, &item.key, 1, removed, err);
        anm_item_deinit(&item);
    }
    anm_free(ids);
    return status;
}

static anm_status transact(anm_store *store, const job *j, size_t *removed,
                           anm_error *err)
{
    anm_collection c;
    anm_status status = anm_store_begin(store, err);

    if (status) return status;
    status = anm_store_collection(store, j->collection, &c, err);
    if (!status)
        status = j->filter
                     ? remove_passing(store, &c, j->filter, removed, err)
                     : remove_keys(store, &c, j->keys, j->n, removed, err);
    if (status)
        anm_store_rollback(store);
    else
        status = anm_store_commit(store, err);
    return status;
}

static anm_status forget(anm_archive *a, const job *j, size_t *removed,
                         anm_error *err)
{
    size_t n = 0;
    anm_store *writer;
    anm_status status = anm_writer_take(a, false, &writer, err);

    if (status) return status;
    status = transact(writer, j, &n, err);
    anm_writer_give_back(a);
    if (!status) *removed = n;
    return status;
}

anm_status anm_archive_forget(anm_archive *a, const char *collection,
                              const anm_text *keys, size_t n, size_t *removed,
                              anm_error *err)
{
    const job j = { .collection = collection, .keys = keys, .n = n };
    return forget(a, &j, removed, err);
}

anm_status anm_archive_forget_where(anm_archive *a, const char *collection,
                                    const char *where, size_t *removed,
                                    anm_error *err)
{
    anm_filter *filter;
    anm_status status = anm_filter_new(&filter, where, err);

    if (status) return status;
    const job j = { .collection = collection, .filter = filter };
    status = forget(a, &j, removed, err);
    anm_filter_free(filter);
    return status;
}

/* ---- Walking ------------------------------------------------------------------- */

static bool show(void *ctx, const anm_item *item)
{
    const anm_viewer *viewer = ctx;
    const anm_remembered_item shown = {
        .key = item->key,
        .text = item->text,
        .meta = item->meta,
        .vector = item->vector,
        .dim = item->dim,
        .seq = item->seq,
        .updated_ms = item->updated_ms,
    };
    return viewer->fn(viewer->ctx, &shown);
}

static anm_status walk_one(anm_store *store, const anm_collection *c,
                           anm_text key, bool with_vectors, anm_viewer *viewer,
                           anm_error *err)
{
    anm_item item = { 0 };
    const anm_status status =
        anm_store_get(store, c, key, with_vectors, &item, err);

    if (!status) show(viewer, &item);
    anm_item_deinit(&item);
    return status;
}

anm_status anm_archive_each(anm_archive *a, const char *collection,
                            const anm_text *key, bool with_vectors,
                            const anm_viewer *viewer, anm_error *err)
{
    anm_reader *reader;
    anm_collection c;
    anm_viewer to = *viewer;
    anm_status status = anm_reader_take(a, &reader, err);

    if (status) return status;
    status = anm_store_collection(reader->store, collection, &c, err);
    if (!status)
        status = key ? walk_one(reader->store, &c, *key, with_vectors, &to, err)
                     : anm_store_each(reader->store, &c, with_vectors, show,
                                      &to, err);
    anm_reader_give_back(a, reader);
    return status;
}
