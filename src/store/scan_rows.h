/* scan_rows.h - vectors and ids in blocks, in order of id.
 *
 * A block has room for per_block rows; only the last one is not full, and only
 * the last one grows, so that growing never holds two copies of more than a
 * block. Removed rows stay, marked, until a quarter of all is such. Not
 * locked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SCAN_ROWS_H
#define ANM_SCAN_ROWS_H

#include "anemone.h"

typedef struct anm_rows_block {
    float *vectors; /* [cap, dim] */
    int64_t *ids;   /* [cap] */
    uint8_t *dead;  /* [cap] 1: removed */
    size_t n, cap;
} anm_rows_block;

/* Ids ascend over the first n_sorted rows, which are all from _settle to the
 * next _put of a new id; rows behind them are new, in any order. Their ids are
 * beyond those in order, unless a reading of changes broke off: items that it
 * did not come to may be older than some it put. */
typedef struct anm_rows {
    size_t dim, per_block;
    bool pages_are_slow; /* huge ones: a block does without until it is full */
    anm_rows_block *blocks; /* [n_blocks] */
    size_t n_blocks, cap_blocks;
    size_t n, n_dead, n_sorted;
} anm_rows;

void anm_rows_init(anm_rows *r, size_t dim);
void anm_rows_deinit(anm_rows *r);

/* Keep nothing, not even the memory. */
void anm_rows_reset(anm_rows *r);

/* Overwrite the row of an id among those in order, or append one. A new id is
 * put once before the next _settle. False when memory is out: nothing
 * changed. */
bool anm_rows_put(anm_rows *r, int64_t id, const float *vector);

/* Mark the row of an id, if there is one among those in order. */
void anm_rows_remove(anm_rows *r, int64_t id);

/* Order the new rows; drop removed ones when they are many. False when memory
 * is out: the new rows are gone then, and must be put again. */
bool anm_rows_settle(anm_rows *r);

/* The first of rows [from, end) whose id is at least `id`; end when none is.
 * Looks near `from` first. */
size_t anm_rows_seek(const anm_rows *r, size_t from, size_t end, int64_t id);

int64_t anm_rows_id(const anm_rows *r, size_t row);
bool anm_rows_is_dead(const anm_rows *r, size_t row);

/* The row's vector; *n receives how many rows follow in its block, itself
 * included. */
const float *anm_rows_at(const anm_rows *r, size_t row, size_t *n);

uint64_t anm_rows_bytes(const anm_rows *r);

#endif
