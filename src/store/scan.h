/* scan.h - the vectors of one collection in memory, and the exact k nearest.
 *
 * Derived from the store and thrown away at will; never a second truth. This
 * header is what a faster exact scan (1-bit codes with an error bound, int8
 * rescoring) replaces without touching anything else.
 *
 * Thread rule: any number of threads may search; refresh excludes them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SCAN_H
#define ANM_SCAN_H

#include "anemone.h"
#include "kern/kern.h"
#include "store/store.h"

typedef struct anm_scan anm_scan;

anm_status anm_scan_new(anm_scan **out, const anm_kern *kern, size_t dim,
                        anm_error *err);
void anm_scan_free(anm_scan *s);

/* Bring the index to the store's present state: everything the first time,
 * changes after that. */
anm_status anm_scan_refresh(anm_scan *s, anm_store *store,
                            const anm_collection *c, anm_error *err);

size_t anm_scan_n(const anm_scan *s);       /* items */
uint64_t anm_scan_bytes(const anm_scan *s); /* memory held */

/* What it shows: the store up to this change. Between _enter and _leave. */
int64_t anm_scan_seq(const anm_scan *s);

typedef struct anm_hit {
    int64_t id;
    float score; /* cosine similarity */
} anm_hit;

/* A part of a search: rows [first, first + count) of the index against one
 * query. Parts of one search may run on several threads, each with its own
 * heap. */
typedef struct anm_scan_query {
    const float *query; /* [dim], unit length */
    size_t k;
    const int64_t *only; /* ids that may be hits, ascending; NULL: all */
    size_t n_only;
} anm_scan_query;

/* Rows that a part covers are those of the index's present order; the caller
 * splits [0, anm_scan_rows()). hits has room for k; *n receives how many. The
 * hits are in order: score descending, then id ascending. */
size_t anm_scan_rows(const anm_scan *s);
void anm_scan_part(const anm_scan *s, const anm_scan_query *q, size_t first,
                   size_t count, anm_hit *hits, size_t *n);

/* Hold the index still from _enter to _leave: rows and parts agree. */
void anm_scan_enter(anm_scan *s);
void anm_scan_leave(anm_scan *s);

/* Merge two ordered lists into `into` (room for k), same order. */
size_t anm_hits_merge(anm_hit *into, size_t k, const anm_hit *a, size_t na,
                      const anm_hit *b, size_t nb);

#endif
