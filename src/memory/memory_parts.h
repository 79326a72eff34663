/* memory_parts.h - what an open archive is made of; for the files of memory/
 * alone.
 *
 * Locks, none of which is taken while another is held, except `book`, which
 * may be taken inside any: it covers a few assignments.
 *
 *   writing      the writer, from begin to commit
 *   opening      models that are opened by the archive itself
 *   watching     the list of collections, and whether anyone committed
 *   refreshing   of an index: one brings it up to date, the others wait
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MEMORY_PARTS_H
#define ANM_MEMORY_PARTS_H

#include "base/pool.h"
#include "base/sync.h"
#include "memory/memory.h"
#include "store/scan.h"

/* A store handle for whoever reads next. */
typedef struct anm_reader {
    struct anm_reader *next;
    anm_store *store;
} anm_reader;

/* The vectors of one collection, shared by all who search it. */
typedef struct anm_index {
    struct anm_index *next;
    int64_t collection;
    anm_scan *scan;
    anm_mutex refreshing;
    uint64_t generation; /* of the store, that it shows; 0: none yet */
} anm_index;

/* A model that the archive opened from a collection's hint. */
typedef struct anm_own_model {
    struct anm_own_model *next;
    anm_engine *engine;
} anm_own_model;

struct anm_archive {
    char *path;
    anm_engine *given; /* NULL: none */
    anm_options open;
    bool read_only, no_truncate;
    unsigned timeout_ms;
    unsigned threads; /* of a search, the caller included */
    anm_kern kern;

    anm_mutex writing;
    anm_store *writer; /* NULL: read-only, or not needed yet */

    anm_mutex opening;
    anm_own_model *own;

    anm_mutex watching;
    anm_store *watch;      /* NULL while there is no store */
    uint64_t generation;   /* counts the commits seen */
    anm_collection *known; /* [n_known]; NULL: to be listed again */
    size_t n_known;

    anm_mutex book;
    anm_reader *readers; /* free ones */
    unsigned n_readers;
    anm_index *indexes;
    anm_pool *pool; /* NULL: not needed yet */
    bool pool_busy;
};

/* ---- memory.c --------------------------------------------------------------- */

/* ANM_E_NOTFOUND while there is no store: it is made by the first item. */
anm_status anm_reader_take(anm_archive *a, anm_reader **out, anm_error *err);
void anm_reader_give_back(anm_archive *a, anm_reader *r); /* accepts NULL */

/* The writer, with the lock `writing` held until _give_back. An absent store is
 * made when `make` says so, else ANM_E_NOTFOUND; ANM_E_ARG for an archive that
 * is read-only. Nothing is held after a failure. */
anm_status anm_writer_take(anm_archive *a, bool make, anm_store **out,
                           anm_error *err);
void anm_writer_give_back(anm_archive *a);

/* ANM_E_ARG for an archive that is read-only. */
anm_status anm_archive_writable(const anm_archive *a, anm_error *err);

/* Collections, in order of id, each once. */
typedef struct anm_collection_list {
    anm_collection *items; /* [n], anm_free() it */
    size_t n;
    uint64_t generation; /* the state of the store that they are of, or an
                            earlier one */
} anm_collection_list;

/* Those of n names; with n 0 all there are, at least one. An empty list where
 * it fails. */
anm_status anm_archive_collections(anm_archive *a, const char *const *names,
                                   size_t n, anm_collection_list *out,
                                   anm_error *err);

/* ---- memory_model.c --------------------------------------------------------- */

/* The model of an existing collection; borrowed, as long as the archive. */
anm_status anm_model_of(anm_archive *a, const anm_collection *c,
                        anm_engine **out, anm_error *err);

/* The model for a collection that does not exist yet, and the description that
 * the collection is to have. */
anm_status anm_model_of_new(anm_archive *a, const char *name,
                            anm_collection *spec, anm_engine **out,
                            anm_error *err);

/* Note in a description where the model is. */
void anm_model_hint(const anm_engine *e, anm_collection *spec);

/* Vectors [n, dim] of an engine as the store has them: of unit length whatever
 * the recipe says. */
void anm_model_normalize(const anm_archive *a, const anm_engine *e,
                         float *vectors, size_t n);

/* ---- memory_search.c -------------------------------------------------------- */

/* One collection of a search, and what was found in it. */
typedef struct anm_field {
    const anm_collection *collection;
    anm_index *index;
    int64_t *only; /* ids that pass the filter, or NULL */
    size_t n_only;
    const anm_hit *hits; /* [n_hits], in order */
    size_t n_hits;
    uint64_t items;
    int64_t seq; /* of the last change that was searched */
    uint64_t ns; /* spent on it, threads added up */
} anm_field;

typedef struct anm_search {
    anm_field *fields; /* [n_fields] */
    size_t n_fields;
    const float *query; /* [dim], unit length */
    size_t k;
    const anm_filter *filter; /* or NULL */
    uint64_t generation;      /* of the store, to be searched at least */
    bool again;  /* what was found is behind the store: read changes anyhow */
    void *found; /* the hits of all fields */
} anm_search;

/* Bring the indexes up to date, filter, and find the k best of each field. */
anm_status anm_search_run(anm_archive *a, anm_store *store, anm_search *s,
                          anm_error *err);

/* What a run allocated. */
void anm_search_deinit(anm_search *s);

void anm_index_free(anm_index *index);

#endif
