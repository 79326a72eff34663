/* memory.c - an archive: opening and closing, its readers, and the collections
 * that its store holds now.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "memory/memory_parts.h"

// Handles kept open for later; more are opened when more read at once.
enum { READERS_KEPT = 8, TIMEOUT_MS = 5000 };

/* ---- Opening ---------------------------------------------------------------- */

static anm_status choose_kernels(anm_archive *a, anm_error *err)
{
    unsigned mask;
    anm_cpu_budget budget;
    const anm_status status = anm_cpu_parse(a->open.cpu, &mask, err);

    if (status) return status;
    anm_kern_init(&a->kern, mask);
    a->threads = a->open.threads;
    if (!a->threads) {
        anm_cpu_budget_read(&budget);
        a->threads = budget.threads;
    }
    return ANM_OK;
}

static anm_status open_writer(anm_archive *a, anm_store_mode mode,
                              anm_error *err)
{
    return anm_store_open(&a->writer, a->path, mode, a->timeout_ms, err);
}

static anm_status open_watch(anm_archive *a, anm_error *err)
{
    return anm_store_open(&a->watch, a->path, ANM_STORE_READ, a->timeout_ms,
                          err);
}

/* What is there is opened now, so that a wrong file is found at once. */
static anm_status open_stores(anm_archive *a, anm_error *err)
{
    anm_file_kind kind;
    anm_file_id id;

    if (a->read_only) return open_watch(a, err);
    anm_status status = anm_file_look(a->path, &kind, &id, err);
    if (status || kind == ANM_FILE_ABSENT) return status;
    status = open_writer(a, ANM_STORE_CREATE, err);
    return status ? status : open_watch(a, err);
}

anm_status anm_archive_open(anm_archive **out,
                            const anm_archive_options *options, anm_error *err)
{
    anm_status status = ANM_OK;

    *out = NULL;
    anm_archive *a = anm_alloc_zero(sizeof(*a));
    if (!a) return anm_fail(err, ANM_E_NOMEM, "memory: out of memory");
    a->writing = a->opening = a->watching = a->book = ANM_MUTEX_INIT;
    a->given = options->engine;
    a->open = *options->open;
    a->read_only = options->read_only;
    a->no_truncate = options->no_truncate;
    a->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
    a->path = anm_copy_string(options->store);
    if (!a->path) status = anm_fail(err, ANM_E_NOMEM, "memory: out of memory");
    if (!status) status = choose_kernels(a, err);
    if (!status) status = open_stores(a, err);
    if (status) {
        anm_archive_close(a);
        return status;
    }
    *out = a;
    return ANM_OK;
}

static void free_reader(anm_reader *r)
{
    anm_store_close(r->store);
    anm_free(r);
}

static void free_lists(anm_archive *a)
{
    while (a->readers) {
        anm_reader *r = a->readers;
        a->readers = r->next;
        free_reader(r);
    }
    while (a->indexes) {
        anm_index *index = a->indexes;
        a->indexes = index->next;
        anm_index_free(index);
    }
    while (a->own) {
        anm_own_model *own = a->own;
        a->own = own->next;
        anm_engine_close(own->engine);
        anm_free(own);
    }
}

void anm_archive_close(anm_archive *a)
{
    if (!a) return;
    free_lists(a);
    anm_pool_free(a->pool);
    anm_store_close(a->watch);
    anm_store_close(a->writer);
    anm_free(a->known);
    anm_free(a->path);
    anm_mutex_deinit(&a->writing);
    anm_mutex_deinit(&a->opening);
    anm_mutex_deinit(&a->watching);
    anm_mutex_deinit(&a->book);
    anm_free(a);
}

anm_status anm_archive_writable(const anm_archive *a, anm_error *err)
{
    return a->read_only
               ? anm_fail(err, ANM_E_ARG, "%s: opened read-only", a->path)
               : ANM_OK;
}

/* ---- The writer -------------------------------------------------------------- */

anm_status anm_writer_take(anm_archive *a, bool make, anm_store **out,
                           anm_error *err)
{
    anm_status status = anm_archive_writable(a, err);

    if (status) return status;
    anm_mutex_lock(&a->writing);
    if (!a->writer)
        status = open_writer(a, make ? ANM_STORE_CREATE : ANM_STORE_WRITE, err);
    if (status) anm_mutex_unlock(&a->writing);
    *out = a->writer;
    return status;
}

void anm_writer_give_back(anm_archive *a)
{
    anm_mutex_unlock(&a->writing);
}

/* ---- Readers ---------------------------------------------------------------- */

/* A creation that was cut off since the archive was opened, or that another is
 * at, has left a file that is no store yet. The writer waits or completes it;
 * of a file that is something else it says so. */
static anm_status complete(anm_archive *a, anm_error *err)
{
    anm_store *writer;
    const anm_status status = anm_writer_take(a, true, &writer, err);

    if (!status) anm_writer_give_back(a);
    return status;
}

static anm_status open_reader(anm_archive *a, anm_store **out, anm_error *err)
{
    anm_status status =
        anm_store_open(out, a->path, ANM_STORE_READ, a->timeout_ms, err);

    if (status != ANM_E_FORMAT || a->read_only) return status;
    status = complete(a, err);
    if (status) return status;
    return anm_store_open(out, a->path, ANM_STORE_READ, a->timeout_ms, err);
}

anm_status anm_reader_take(anm_archive *a, anm_reader **out, anm_error *err)
{
    anm_mutex_lock(&a->book);
    anm_reader *r = a->readers;
    if (r) {
        a->readers = r->next;
        a->n_readers--;
    }
    anm_mutex_unlock(&a->book);
    *out = r;
    if (r) return ANM_OK;

    r = anm_alloc_zero(sizeof(*r));
    if (!r) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", a->path);
    const anm_status status = open_reader(a, &r->store, err);
    if (status) {
        anm_free(r);
        return status;
    }
    *out = r;
    return ANM_OK;
}

void anm_reader_give_back(anm_archive *a, anm_reader *r)
{
    if (!r) return;
    anm_mutex_lock(&a->book);
    const bool keep = a->n_readers < READERS_KEPT;
    if (keep) {
        r->next = a->readers;
        a->readers = r;
        a->n_readers++;
    }
    anm_mutex_unlock(&a->book);
    if (!keep) free_reader(r);
}

/* ---- Collections ------------------------------------------------------------ */

/* Ids ascend: indexes are entered in this order by everyone, so that no two
 * searches wait for each other. */
static int order_by_id(const void *a, const void *b)
{
    const anm_collection *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* List again if anyone committed; `watching` is held. A store that is not there
 * yet holds nothing. */
static anm_status look_again(anm_archive *a, anm_error *err)
{
    bool moved = false;
    anm_error why;
    anm_status status = a->watch ? ANM_OK : open_watch(a, &why);

    if (status == ANM_E_NOTFOUND) return ANM_OK;
    if (status) return anm_fail(err, status, "%s", why.message);
    status = anm_store_moved(a->watch, &moved, err);
    if (status) return status;
    if (!a->known || moved) {
        a->generation++;
        anm_free(a->known);
        a->known = NULL;
        a->n_known = 0;
        status = anm_store_collections(a->watch, &a->known, &a->n_known, err);
        if (status) return status;
        if (a->n_known)
            qsort(a->known, a->n_known, sizeof(*a->known), order_by_id);
    }
    return ANM_OK;
}

static bool is_wanted(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return n == 0;
}

static anm_status check_names(const anm_archive *a, const char *const *names,
                              size_t n, anm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t j = 0; j < a->n_known && !found; j++)
            found = strcmp(names[i], a->known[j].name) == 0;
        if (!found)
            return anm_fail(err, ANM_E_NOTFOUND, "collection %s: not in %s",
                            names[i], a->path);
    }
    if (!a->n_known)
        return anm_fail(err, ANM_E_NOTFOUND, "%s: holds no collection",
                        a->path);
    return ANM_OK;
}

static anm_status copy_wanted(const anm_archive *a, const char *const *names,
                              size_t n, anm_collection_list *out,
                              anm_error *err)
{
    const anm_status status = check_names(a, names, n, err);

    if (status) return status;
    out->items = anm_alloc_array(a->n_known, sizeof(*out->items));
    if (!out->items)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", a->path);
    for (size_t i = 0; i < a->n_known; i++)
        if (is_wanted(names, n, a->known[i].name))
            out->items[out->n++] = a->known[i];
    return ANM_OK;
}

static anm_status look_and_copy(anm_archive *a, const char *const *names,
                                size_t n, anm_collection_list *out,
                                anm_error *err)
{
    anm_mutex_lock(&a->watching);
    anm_status status = look_again(a, err);
    if (!status) status = copy_wanted(a, names, n, out, err);
    out->generation = a->generation;
    anm_mutex_unlock(&a->watching);
    return status;
}

anm_status anm_archive_collections(anm_archive *a, const char *const *names,
                                   size_t n, anm_collection_list *out,
                                   anm_error *err)
{
    *out = (anm_collection_list){ 0 };
    anm_status status = look_and_copy(a, names, n, out, err);

    if (status != ANM_E_FORMAT || a->read_only) return status;
    status = complete(a, err);
    if (status) return status;
    return look_and_copy(a, names, n, out, err);
}
