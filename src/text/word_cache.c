/* word_cache.c - pieces of words that an encoding has met before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/merge.h"

bool anm_word_cache_begin(anm_encoding *e, const uint8_t digest[32])
{
    if (!e->words) e->words = anm_alloc_zero(sizeof(*e->words));
    if (!e->words) return false;
    if (memcmp(e->words->owner, digest, sizeof(e->words->owner)) == 0)
        return true;
    memset(e->words, 0, sizeof(*e->words));
    memcpy(e->words->owner, digest, sizeof(e->words->owner));
    return true;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15u;

    x ^= x >> 32;
    return x * 0xbf58476d1ce4e5b9u;
}

static uint32_t hash_word(anm_text word)
{
    uint64_t h = word.len, last = 0;
    size_t i = 0;

    for (; word.len - i >= 8; i += 8) {
        uint64_t part;
        memcpy(&part, word.data + i, 8);
        h = mix(h, part);
    }
    memcpy(&last, word.data + i, word.len - i);
    h = mix(h, last);
    return (uint32_t)(h ^ h >> 32);
}

anm_cached_word *anm_word_cache_find(anm_word_cache *c, anm_text word,
                                     uint32_t *hash, bool *hit)
{
    *hash = hash_word(word);
    anm_cached_word *slot = &c->slots[*hash % ANM_CACHE_SLOTS];
    *hit = slot->hash == *hash && slot->len == word.len &&
           memcmp(slot->word, word.data, word.len) == 0;
    return slot;
}

void anm_word_cache_put(anm_cached_word *slot, anm_text word, uint32_t hash,
                        const int32_t *ids, size_t n)
{
    slot->hash = hash;
    slot->len = (uint8_t)word.len;
    slot->n = (uint8_t)n;
    memcpy(slot->word, word.data, word.len);
    memcpy(slot->ids, ids, n * sizeof(*ids));
}
