/* memory_api.c - the handle of a memory: arguments checked, then handed on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "api/model.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "memory/memory.h"

struct anm_memory {
    anm_archive *archive;
};

/* As the store has them; here they are found before anything is embedded. */
enum { NAME_MAX_BYTES = 128, KEY_MAX_BYTES = 1024, META_MAX_BYTES = 1 << 20 };

/* ---- Arguments ------------------------------------------------------------------ */

static anm_status check_string(const char *s, const char *what, anm_error *err)
{
    const anm_status status = anm_check_given(s, what, err);

    if (status) return status;
    return *s ? ANM_OK : anm_fail(err, ANM_E_ARG, "%s: is empty", what);
}

static anm_status check_collection(const char *name, anm_error *err)
{
    const anm_status status = check_string(name, "collection", err);

    if (status) return status;
    const size_t len = strlen(name);
    if (len > NAME_MAX_BYTES)
        return anm_fail(err, ANM_E_ARG,
                        "collection: name of %zu bytes, at most %d", len,
                        NAME_MAX_BYTES);
    if (anm_utf8_invalid_at(name, len) < len)
        return anm_fail(err, ANM_E_ARG, "collection %s: invalid UTF-8", name);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return anm_fail(err, ANM_E_ARG,
                            "collection %s: control character at byte %zu",
                            name, i);
    return ANM_OK;
}

static anm_status check_text(anm_text text, const char *what, size_t most,
                             anm_status over, anm_error *err)
{
    if (!text.data && text.len)
        return anm_fail(err, ANM_E_ARG, "%s of %zu bytes at NULL", what,
                        text.len);
    if (text.len > most)
        return anm_fail(err, over, "%s of %zu bytes, at most %zu", what,
                        text.len, most);
    const size_t bad = anm_utf8_invalid_at(text.data, text.len);
    if (bad < text.len)
        return anm_fail(err, ANM_E_ARG, "%s: invalid UTF-8 at byte %zu", what,
                        bad);
    return ANM_OK;
}

static anm_status check_key(anm_text key, anm_error *err)
{
    if (!key.len) return anm_fail(err, ANM_E_ARG, "key is empty");
    return check_text(key, "key", KEY_MAX_BYTES, ANM_E_ARG, err);
}

static anm_status check_meta(anm_text meta, anm_error *err)
{
    json_t *v;
    anm_error why;
    anm_status status =
        check_text(meta, "meta", META_MAX_BYTES, ANM_E_LIMIT, err);

    if (status || !meta.len) return status;
    status = anm_json_parse(&v, meta.data, meta.len, &why);
    if (status == ANM_E_NOMEM)
        return anm_fail(err, status, "meta: out of memory");
    if (status) return anm_fail(err, ANM_E_ARG, "meta: %s", why.message);
    if (!json_is_object(v))
        status =
            anm_fail(err, ANM_E_ARG, "meta: is of type %s, must be an object",
                     anm_json_type_name(v));
    json_decref(v);
    return status;
}

static anm_status check_memo(const anm_memo *item, anm_error *err)
{
    anm_status status = check_key(item->key, err);

    if (!status)
        status = check_text(item->text, "text", ANM_TEXT_MAX_BYTES, ANM_E_LIMIT,
                            err);
    return status ? status : check_meta(item->meta, err);
}

/* Which of several it is; one alone has no number. */
static anm_status name_item(anm_status status, size_t i, size_t n,
                            anm_error *err)
{
    if (!status || n == 1) return status;
    return anm_fail_prefix(err, status, "item %zu", i);
}

static anm_status check_memos(const anm_memo *items, size_t n, anm_error *err)
{
    anm_status status = n ? anm_check_given(items, "items", err) : ANM_OK;

    for (size_t i = 0; !status && i < n; i++)
        status = name_item(check_memo(&items[i], err), i, n, err);
    return status;
}

static anm_status check_keys(const anm_text *keys, size_t n, anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t i = 0; !status && i < n; i++)
        status = name_item(check_key(keys[i], err), i, n, err);
    return status;
}

/* ---- The handle ------------------------------------------------------------------ */

anm_status anm_memory_open(anm_memory **out, const anm_memory_options *options,
                           anm_error *err)
{
    anm_options defaults;

    anm_status status = anm_check_given(out, "out", err);
    if (status) return status;
    *out = NULL;
    status = anm_check_given(options, "options", err);
    if (!status) status = check_string(options->store, "options.store", err);
    if (!status && options->open)
        status = anm_check_opening(options->open, err);
    if (status) return status;
    anm_memory *m = anm_alloc_zero(sizeof(*m));
    if (!m) return anm_fail(err, ANM_E_NOMEM, "memory: out of memory");
    anm_options_init(&defaults);
    const anm_archive_options how = {
        .store = options->store,
        .engine = options->model ? options->model->engine : NULL,
        .open = options->open ? options->open : &defaults,
        .read_only = options->read_only,
        .timeout_ms = options->timeout_ms,
        .no_truncate = options->no_truncate,
    };
    status = anm_archive_open(&m->archive, &how, err);
    if (status) {
        anm_free(m);
        return status;
    }
    *out = m;
    return ANM_OK;
}

void anm_memory_close(anm_memory *m)
{
    if (!m) return;
    anm_archive_close(m->archive);
    anm_free(m);
}

/* ---- Remember, forget, walk -------------------------------------------------------- */

anm_status anm_memory_remember(anm_memory *m, const char *collection,
                               const anm_memo *items, size_t n_items,
                               anm_remembered *counts,
                               void (*on_truncated)(void *ctx, size_t index,
                                                    size_t tokens),
                               void *ctx, anm_error *err)
{
    anm_memo_report report = { .truncated = on_truncated, .ctx = ctx };
    anm_status status = anm_check_given(m, "memory", err);

    if (!status) status = check_collection(collection, err);
    if (!status) status = check_memos(items, n_items, err);
    if (status) return status;
    status = anm_archive_remember(m->archive, collection, items, n_items,
                                  &report, err);
    if (!status && counts) *counts = report.counts;
    return status;
}

anm_status anm_memory_forget(anm_memory *m, const char *collection,
                             const anm_text *keys, size_t n_keys,
                             const char *where, size_t *removed, anm_error *err)
{
    size_t ignored;
    anm_status status = anm_check_given(m, "memory", err);

    if (!status) status = check_collection(collection, err);
    if (status) return status;
    if (!removed) removed = &ignored;
    if (keys && where)
        return anm_fail(err, ANM_E_ARG, "keys and where exclude each other");
    if (where)
        return anm_archive_forget_where(m->archive, collection, where, removed,
                                        err);
    status = anm_check_given(keys, "keys (or where)", err);
    if (!status) status = check_keys(keys, n_keys, err);
    if (status) return status;
    return anm_archive_forget(m->archive, collection, keys, n_keys, removed,
                              err);
}

anm_status anm_memory_each(anm_memory *m, const char *collection,
                           const anm_text *key, bool with_vectors,
                           bool (*fn)(void *ctx,
                                      const anm_remembered_item *item),
                           void *ctx, anm_error *err)
{
    anm_status status = anm_check_given(m, "memory", err);

    if (!status) status = check_collection(collection, err);
    if (!status && key) status = check_key(*key, err);
    if (!status && !fn)
        status = anm_fail(err, ANM_E_ARG, "fn: NULL is not allowed");
    if (status) return status;
    return anm_archive_each(m->archive, collection, key, with_vectors,
                            &(anm_viewer){ fn, ctx }, err);
}

/* ---- Recall ------------------------------------------------------------------------ */

static anm_status check_recall(const anm_recall_params *params, anm_error *err)
{
    anm_status status = ANM_OK;

    if (params->n_collections)
        status = anm_check_given(params->collections, "collections", err);
    for (size_t i = 0; !status && i < params->n_collections; i++)
        status = check_collection(params->collections[i], err);
    return status;
}

anm_status anm_memory_recall(anm_memory *m, anm_text question,
                             const anm_recall_params *params, anm_recall **out,
                             anm_receipt *receipt, anm_error *err)
{
    static const anm_recall_params defaults;

    if (!params) params = &defaults;
    anm_status status = anm_check_given(out, "out", err);
    if (status) return status;
    *out = NULL;
    status = anm_check_given(m, "memory", err);
    if (!status) status = anm_check_texts(&question, 1, err);
    if (!status) status = check_recall(params, err);
    if (status) return status;
    return anm_archive_recall(m->archive, question, params, out, receipt, err);
}

size_t anm_recall_n(const anm_recall *r)
{
    return r->n;
}

anm_recalled anm_recall_at(const anm_recall *r, size_t i)
{
    const struct anm_recall_hit *hit = &r->hits[i];

    return (anm_recalled){
        .collection = r->names[hit->searched],
        .key = hit->item.key,
        .text = hit->item.text,
        .meta = hit->item.meta,
        .score = hit->score,
    };
}

bool anm_recall_certified(const anm_recall *r)
{
    return r->certified;
}

size_t anm_recall_n_searched(const anm_recall *r)
{
    return r->n_searched;
}

anm_searched anm_recall_searched(const anm_recall *r, size_t i)
{
    return r->searched[i];
}

/* ---- Upkeep ------------------------------------------------------------------------- */

static anm_status check_upkeep(const anm_memory *m, char **json, anm_error *err)
{
    const anm_status status = anm_check_given(m, "memory", err);
    return status ? status : anm_check_given(json, "json", err);
}

anm_status anm_memory_ls(anm_memory *m, char **json, anm_error *err)
{
    const anm_status status = check_upkeep(m, json, err);
    return status ? status : anm_archive_ls(m->archive, json, err);
}

anm_status anm_memory_stats(anm_memory *m, char **json, anm_error *err)
{
    const anm_status status = check_upkeep(m, json, err);
    return status ? status : anm_archive_stats(m->archive, json, err);
}

anm_status anm_memory_check(anm_memory *m, char **json, bool *sound,
                            anm_error *err)
{
    bool ignored;
    const anm_status status = check_upkeep(m, json, err);

    if (status) return status;
    return anm_archive_check(m->archive, json, sound ? sound : &ignored, err);
}

anm_status anm_memory_backup(anm_memory *m, const char *path, char **json,
                             anm_error *err)
{
    anm_status status = check_upkeep(m, json, err);

    if (!status) status = check_string(path, "path", err);
    return status ? status : anm_archive_backup(m->archive, path, json, err);
}

anm_status anm_memory_compact(anm_memory *m, char **json, anm_error *err)
{
    const anm_status status = check_upkeep(m, json, err);
    return status ? status : anm_archive_compact(m->archive, json, err);
}

anm_status anm_memory_index(anm_memory *m, const char *collection,
                            const char *path, anm_error *err)
{
    anm_status status = anm_check_given(m, "memory", err);

    if (!status) status = check_collection(collection, err);
    if (!status) status = check_string(path, "path", err);
    if (status) return status;
    return anm_archive_index(m->archive, collection, path, err);
}
