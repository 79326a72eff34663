/* trie.h - a set of byte strings with a number each, for longest-match search.
 *
 * A double array: the child of node s for byte b is base[s] XOR b, and it is
 * one exactly when it names s as its parent. One load a byte, no hashing, and
 * every piece of a word is found by one walk. Node 0 is the root; the empty
 * string is in no trie.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TRIE_H
#define ANM_TRIE_H

#include "anemone.h"
#include "base/alloc.h"

enum { ANM_TRIE_ROOT = 0, ANM_TRIE_NONE = -1 };

/* A string to put in. value >= 0. */
typedef struct anm_trie_key {
    anm_text text; /* borrowed until the trie is built; len > 0 */
    int32_t value;
} anm_trie_key;

typedef struct anm_trie_node {
    uint32_t base;
    int32_t parent; /* ANM_TRIE_NONE: free */
} anm_trie_node;

/* Immutable after _init. Zero-initialised: valid to release, not to search. */
typedef struct anm_trie {
    anm_trie_node *nodes; /* [n_nodes], n_nodes a multiple of 256 */
    int32_t *values;      /* [n_nodes]; ANM_TRIE_NONE: no string ends here */
    size_t n_nodes;
} anm_trie;

/* Build; sorts keys in place. Of equal strings the highest value wins. False:
 * no memory. */
bool anm_trie_init(anm_trie *t, anm_trie_key *keys, size_t n_keys);
void anm_trie_deinit(anm_trie *t);

/* The child of a node, ANM_TRIE_NONE when there is none. */
static inline int32_t anm_trie_child(const anm_trie *t, int32_t node,
                                     unsigned char byte)
{
    const uint32_t child = t->nodes[node].base ^ byte;
    return t->nodes[child].parent == node ? (int32_t)child : ANM_TRIE_NONE;
}

/* The node that a string leads to, from a node; ANM_TRIE_NONE: nowhere. */
int32_t anm_trie_walk(const anm_trie *t, int32_t node, anm_text text);

/* The value of exactly this string, ANM_TRIE_NONE when it is not in. */
int32_t anm_trie_find(const anm_trie *t, anm_text text);

/* The value of the longest string that text starts with, from a node, and its
 * length; ANM_TRIE_NONE when there is none. */
static inline int32_t anm_trie_longest(const anm_trie *t, int32_t node,
                                       anm_text text, size_t *len)
{
    int32_t value = ANM_TRIE_NONE;

    for (size_t i = 0; i < text.len; i++) {
        node = anm_trie_child(t, node, (unsigned char)text.data[i]);
        if (node < 0) break;
        if (t->values[node] < 0) continue;
        value = t->values[node];
        *len = i + 1;
    }
    return value;
}

#endif
