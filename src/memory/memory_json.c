/* memory_json.c - upkeep of a store, and the documents that tell of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/json_text.h"
#include "memory/memory_parts.h"

/* ---- Collections ---------------------------------------------------------------- */

typedef struct strings {
    json_t *list;
    bool failed;
} strings;

static void add_string(strings *s, const char *text)
{
    if (json_array_append_new(s->list, anm_json_text(text))) s->failed = true;
}

static bool add_path(void *ctx, const char *path)
{
    add_string(ctx, path);
    return true;
}

static json_t *make_collection(const anm_collection *c, json_t *paths)
{
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I}",
                     "name", anm_json_text(c->name), "items",
                     (json_int_t)c->items, "dim", (json_int_t)c->dim, "model",
                     anm_json_text(c->model), "fingerprint",
                     anm_json_text(c->fingerprint), "model_path",
                     anm_json_text(c->model_path), "document_prompt",
                     anm_json_text(c->doc_prompt), "query_prompt",
                     anm_json_text(c->query_prompt), "index", paths, "seq",
                     (json_int_t)c->seq);
}

static anm_status add_collections(anm_store *store, const anm_collection *list,
                                  size_t n, strings *all, anm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        strings paths = { .list = json_array() };
        const anm_status status =
            anm_store_paths(store, &list[i], add_path, &paths, err);
        if (status || paths.failed) {
            json_decref(paths.list);
            if (status) return status;
            all->failed = true;
            return ANM_OK;
        }
        if (json_array_append_new(all->list,
                                  make_collection(&list[i], paths.list)))
            all->failed = true;
    }
    return ANM_OK;
}

anm_status anm_archive_ls(anm_archive *a, char **json, anm_error *err)
{
    anm_reader *reader = NULL;
    anm_error why;
    anm_collection *list = NULL;
    size_t n = 0;
    strings all = { .list = json_array() };
    anm_status status = anm_reader_take(a, &reader, &why);

    // A store that is to be made by the first item holds none.
    if (status == ANM_E_NOTFOUND && !a->read_only) status = ANM_OK;
    if (status) anm_fail(err, status, "%s", why.message);
    if (reader) {
        status = anm_store_collections(reader->store, &list, &n, err);
        if (!status)
            status = add_collections(reader->store, list, n, &all, err);
        anm_reader_give_back(a, reader);
    }
    anm_free(list);
    if (!status && all.failed)
        status = anm_fail(err, ANM_E_NOMEM, "%s: out of memory", a->path);
    if (status) {
        json_decref(all.list);
        return status;
    }
    return anm_json_take_string(json_pack("{s:o}", "collections", all.list), 0,
                                json, err);
}

/* ---- Figures -------------------------------------------------------------------- */

anm_status anm_archive_stats(anm_archive *a, char **json, anm_error *err)
{
    anm_reader *reader;
    anm_store_stats s;
    anm_status status = anm_reader_take(a, &reader, err);

    if (status) return status;
    status = anm_store_stats_read(reader->store, &s, err);
    anm_reader_give_back(a, reader);
    if (status) return status;
    return anm_json_take_string(
        json_pack("{s:o, s:i, s:s, s:I, s:I, s:I, s:I, s:I}", "store",
                  anm_json_text(a->path), "version", s.version, "sqlite",
                  s.sqlite, "file_bytes", (json_int_t)s.file_bytes, "wal_bytes",
                  (json_int_t)s.wal_bytes, "collections",
                  (json_int_t)s.collections, "items", (json_int_t)s.items,
                  "changes", (json_int_t)s.changes),
        0, json, err);
}

/* ---- Check ---------------------------------------------------------------------- */

static void add_problem(void *ctx, const char *line)
{
    add_string(ctx, line);
}

anm_status anm_archive_check(anm_archive *a, char **json, bool *sound,
                             anm_error *err)
{
    anm_reader *reader;
    strings p = { .list = json_array() };
    anm_status status = anm_reader_take(a, &reader, err);

    if (status) {
        json_decref(p.list);
        return status;
    }
    status = anm_store_check(reader->store, add_problem, &p, err);
    anm_reader_give_back(a, reader);
    if (!status && (p.failed || !p.list))
        status = anm_fail(err, ANM_E_NOMEM, "%s: out of memory", a->path);
    if (status) {
        json_decref(p.list);
        return status;
    }
    const bool ok = json_array_size(p.list) == 0;
    status = anm_json_take_string(
        json_pack("{s:b, s:o}", "ok", ok, "problems", p.list), 0, json, err);
    if (!status) *sound = ok;
    return status;
}

/* ---- Backup and compaction ------------------------------------------------------- */

anm_status anm_archive_backup(anm_archive *a, const char *path, char **json,
                              anm_error *err)
{
    anm_reader *reader;
    anm_store_stats s;
    anm_file_kind kind;
    anm_file_id copy = { 0 };
    anm_status status = anm_reader_take(a, &reader, err);

    if (status) return status;
    status = anm_store_backup(reader->store, path, a->open.progress,
                              a->open.progress_ctx, err);
    if (!status) status = anm_store_stats_read(reader->store, &s, err);
    anm_reader_give_back(a, reader);
    if (!status) status = anm_file_look(path, &kind, &copy, err);
    if (status) return status;
    return anm_json_take_string(
        json_pack("{s:o, s:o, s:I, s:I}", "store", anm_json_text(a->path),
                  "backup", anm_json_text(path), "file_bytes",
                  (json_int_t)copy.size, "items", (json_int_t)s.items),
        0, json, err);
}

anm_status anm_archive_compact(anm_archive *a, char **json, anm_error *err)
{
    uint64_t before, after;
    anm_store *writer;
    anm_status status = anm_writer_take(a, false, &writer, err);

    if (status) return status;
    status = anm_store_compact(writer, &before, &after, err);
    anm_writer_give_back(a);
    if (status) return status;
    return anm_json_take_string(json_pack("{s:o, s:I, s:I}", "store",
                                          anm_json_text(a->path),
                                          "bytes_before", (json_int_t)before,
                                          "bytes_after", (json_int_t)after),
                                0, json, err);
}

/* ---- Indexes on metadata ---------------------------------------------------------- */

anm_status anm_archive_index(anm_archive *a, const char *collection,
                             const char *path, anm_error *err)
{
    anm_collection c;
    anm_store *writer;
    anm_status status = anm_writer_take(a, false, &writer, err);

    if (status) return status;
    status = anm_store_collection(writer, collection, &c, err);
    if (!status) status = anm_store_index_path(writer, &c, path, err);
    anm_writer_give_back(a);
    return status;
}
