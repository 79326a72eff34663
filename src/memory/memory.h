/* memory.h - engine and store together: remember, recall, forget.
 *
 * An archive is an open store with what is needed to embed for it. Here meet
 * the two that do not know each other: engine/ turns texts into vectors, store/
 * keeps and compares them. This room decides which model belongs to a
 * collection, embeds only what changed and outside the store's lock, and
 * searches all wanted collections with one embedding of the question.
 *
 * Thread rule: any number of threads may use an archive. Each who reads takes a
 * store handle of a small list; those who write take turns. Searches share the
 * vectors in memory and have a pool of their own, so that they take no thread
 * from the embedder.
 *
 * Arguments are checked by api/; the functions below assert.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MEMORY_H
#define ANM_MEMORY_H

#include "anemone.h"
#include "engine/engine.h"
#include "store/store.h"

typedef struct anm_archive anm_archive;

typedef struct anm_archive_options {
    const char *store;
    anm_engine *engine;      /* borrowed; NULL: opened when first needed */
    const anm_options *open; /* how; what it points to is borrowed as long as
                                the archive */
    bool read_only;
    unsigned timeout_ms;
    bool no_truncate; /* texts and questions are refused, not cut */
} anm_archive_options;

/* As anm_memory_open(). A store that is absent is made when the first items are
 * written to it, and not by anything that is refused. */
anm_status anm_archive_open(anm_archive **out,
                            const anm_archive_options *options, anm_error *err);
void anm_archive_close(anm_archive *a);

/* ---- Use: as the functions of anemone.h of the same verb ------------------ */

/* What becomes of items: those that were cut are told, and all are counted. */
typedef struct anm_memo_report {
    void (*truncated)(void *ctx, size_t index, size_t tokens); /* or NULL */
    void *ctx;
    anm_remembered counts;
} anm_memo_report;

anm_status anm_archive_remember(anm_archive *a, const char *collection,
                                const anm_memo *items, size_t n,
                                anm_memo_report *out, anm_error *err);

/* Results of one question: what the handle of anemone.h points to. */
struct anm_recall {
    struct anm_recall_hit {
        anm_item item;
        size_t searched; /* which of them it is in */
        float score;
    } * hits; /* [n] */
    size_t n;
    anm_searched *searched; /* [n_searched] */
    size_t n_searched;
    char (*names)[sizeof(((anm_collection *)0)->name)]; /* [n_searched] */
    bool certified;
};

/* Collections are searched and listed in order of their creation. A hit whose
 * item is removed or changed between search and fetching is looked for
 * again. */
anm_status anm_archive_recall(anm_archive *a, anm_text question,
                              const anm_recall_params *params, anm_recall **out,
                              anm_receipt *receipt, anm_error *err);

anm_status anm_archive_forget(anm_archive *a, const char *collection,
                              const anm_text *keys, size_t n, size_t *removed,
                              anm_error *err);

/* Items that pass a filter. */
anm_status anm_archive_forget_where(anm_archive *a, const char *collection,
                                    const char *where, size_t *removed,
                                    anm_error *err);

/* Whom items are shown to, until it says false. */
typedef struct anm_viewer {
    bool (*fn)(void *ctx, const anm_remembered_item *item);
    void *ctx;
} anm_viewer;

anm_status anm_archive_each(anm_archive *a, const char *collection,
                            const anm_text *key, bool with_vectors,
                            const anm_viewer *viewer, anm_error *err);

/* ---- Upkeep (memory/memory_json.c) ---------------------------------------- */

anm_status anm_archive_ls(anm_archive *a, char **json, anm_error *err);
anm_status anm_archive_stats(anm_archive *a, char **json, anm_error *err);
anm_status anm_archive_check(anm_archive *a, char **json, bool *sound,
                             anm_error *err);
anm_status anm_archive_backup(anm_archive *a, const char *path, char **json,
                              anm_error *err);
anm_status anm_archive_compact(anm_archive *a, char **json, anm_error *err);
anm_status anm_archive_index(anm_archive *a, const char *collection,
                             const char *path, anm_error *err);

#endif
