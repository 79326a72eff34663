/* merge.h - byte pair encoding: merging the symbols of a word.
 *
 * The pair of neighbours with the lowest rank is merged, the leftmost of equal
 * ones first, until no pair has a rank. Short words do so literally; long ones
 * keep their pairs in a queue, so that n symbols take O(n log n).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_MERGE_H
#define ANM_MERGE_H

#include "anemone.h"
#include "text/encoding.h"

enum { ANM_NO_RANK = -1 };

/* A pair and what it becomes. */
typedef struct anm_merge {
    int32_t left, right; /* ids; left < 0: a free slot */
    int32_t rank;        /* place among the merges, from 0 */
    int32_t id;
} anm_merge;

/* Pairs by open addressing: a pair lies in the first of the slots from its
 * home on (around the end) that is not another's. At least one is free. */
typedef struct anm_merges {
    const anm_merge *slots; /* [n_slots] */
    size_t n_slots;         /* a power of two */
} anm_merges;

static inline size_t anm_merge_home(int32_t left, int32_t right, size_t n_slots)
{
    const uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    return (size_t)(pair * 0x9e3779b97f4a7c15u >> 32) & (n_slots - 1);
}

/* The merge of a pair; NULL: none. */
static inline const anm_merge *anm_merge_find(const anm_merges *m, int32_t left,
                                              int32_t right)
{
    size_t i = anm_merge_home(left, right, m->n_slots);

    for (;; i = (i + 1) & (m->n_slots - 1)) {
        const anm_merge *slot = &m->slots[i];
        if (slot->left == left && slot->right == right) return slot;
        if (slot->left < 0) return NULL;
    }
}

/* A symbol, and what it would become with its right neighbour. */
typedef struct anm_symbol {
    int32_t id;
    int32_t rank, merged; /* of that pair; rank ANM_NO_RANK: none */
    int32_t next, prev;   /* long words: neighbours; -1: none */
} anm_symbol;

/* Start a word of at most n symbols. False: no memory, or over 2^31 symbols
 * (then e->trouble says so). */
bool anm_merging_begin(anm_encoding *e, size_t n);

static inline void anm_merging_push(anm_encoding *e, int32_t id)
{
    e->merging.symbols[e->merging.n++] = (anm_symbol){ .id = id };
}

/* Merge the symbols and push the ids of what they become. False: no memory. */
bool anm_merging_end(const anm_merges *m, anm_encoding *e);

/* ---- Words seen before --------------------------------------------------- */

/* A cache belongs to an encoding and holds words of one tokenizer, known by its
 * digest. It has a fixed size; a word replaces another of the same slot. */
enum { ANM_CACHE_SLOTS = 8192, ANM_CACHE_BYTES = 26, ANM_CACHE_IDS = 8 };

typedef struct anm_cached_word {
    uint32_t hash;
    uint8_t len;                /* 0: empty */
    uint8_t n;                  /* ids */
    char word[ANM_CACHE_BYTES]; /* [len] */
    int32_t ids[ANM_CACHE_IDS]; /* [n] */
} anm_cached_word;

struct anm_word_cache {
    uint8_t owner[32];
    anm_cached_word slots[ANM_CACHE_SLOTS];
};

/* Make the cache one of this tokenizer, empty when it was another's. False: no
 * memory. */
bool anm_word_cache_begin(anm_encoding *e, const uint8_t digest[32]);

/* The slot of a word that is short enough; *hit: it holds the word. */
anm_cached_word *anm_word_cache_find(anm_word_cache *c, anm_text word,
                                     uint32_t *hash, bool *hit);

void anm_word_cache_put(anm_cached_word *slot, anm_text word, uint32_t hash,
                        const int32_t *ids, size_t n);

#endif
