/* trie.c - building the double array, and whole-string look-ups.
 *
 * Nodes are placed breadth first, so the wide ones near the root find room
 * while the array is empty and the narrow ones fill the holes. Free cells form
 * a ring; a search for room gives up after a few and opens a new block of 256,
 * which bounds the building time for any set of strings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "text/trie.h"

#include <assert.h>

enum { BLOCK = 256, TRIES = 32, NO_CELL = -1 };

/* A node whose children are not placed yet: keys [first, last) share its
 * path of `depth` bytes. */
typedef struct pending {
    size_t first, last;
    size_t depth;
    int32_t node;
} pending;

typedef struct builder {
    anm_trie *trie;
    const anm_trie_key *keys;
    size_t cap;         /* of trie->nodes */
    size_t values_cap;  /* of trie->values */
    int32_t *next_free; /* [n_nodes] ring of free cells */
    int32_t *prev_free;
    size_t next_cap, prev_cap;
    int32_t free_cell; /* any free one, or NO_CELL */
    pending *queue;
    size_t queue_cap, queue_first, queue_last;
} builder;

static int compare_keys(const void *a, const void *b)
{
    const anm_trie_key *x = a, *y = b;
    const size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
    const int order = memcmp(x->text.data, y->text.data, len);

    if (order) return order;
    if (x->text.len != y->text.len) return x->text.len < y->text.len ? -1 : 1;
    return x->value < y->value ? 1 : x->value > y->value ? -1 : 0;
}

static void link_free(builder *b, int32_t cell)
{
    if (b->free_cell == NO_CELL) {
        b->next_free[cell] = b->prev_free[cell] = cell;
        b->free_cell = cell;
        return;
    }
    const int32_t before = b->prev_free[b->free_cell];
    b->next_free[before] = cell;
    b->prev_free[cell] = before;
    b->next_free[cell] = b->free_cell;
    b->prev_free[b->free_cell] = cell;
}

static void unlink_free(builder *b, int32_t cell)
{
    const int32_t next = b->next_free[cell];

    b->next_free[b->prev_free[cell]] = next;
    b->prev_free[next] = b->prev_free[cell];
    if (b->free_cell == cell) b->free_cell = next == cell ? NO_CELL : next;
}

static bool open_block(builder *b)
{
    anm_trie *t = b->trie;
    const size_t old = t->n_nodes, n = old + BLOCK;

    if (n > INT32_MAX) return false;
    if (!anm_grow(&t->nodes, &b->cap, n, sizeof(*t->nodes)) ||
        !anm_grow(&t->values, &b->values_cap, n, sizeof(*t->values)) ||
        !anm_grow(&b->next_free, &b->next_cap, n, sizeof(*b->next_free)) ||
        !anm_grow(&b->prev_free, &b->prev_cap, n, sizeof(*b->prev_free)))
        return false;
    t->n_nodes = n;
    for (size_t i = old; i < n; i++) {
        t->nodes[i] = (anm_trie_node){ 0, ANM_TRIE_NONE };
        t->values[i] = ANM_TRIE_NONE;
        link_free(b, (int32_t)i);
    }
    return true;
}

static bool fits(const builder *b, uint32_t base, const unsigned char *bytes,
                 size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (b->trie->nodes[base ^ bytes[i]].parent != ANM_TRIE_NONE)
            return false;
    return true;
}

/* Find a base under which all n bytes have free cells. */
static bool find_base(builder *b, const unsigned char *bytes, size_t n,
                      uint32_t *base)
{
    int32_t cell = b->free_cell;

    for (int i = 0; cell != NO_CELL && i < TRIES; i++) {
        *base = (uint32_t)cell ^ bytes[0];
        if (fits(b, *base, bytes, n)) return true;
        cell = b->next_free[cell];
        if (cell == b->free_cell) break;
    }
    // Later searches start in the new block, not among the cells that did not
    // serve this one: a set of strings made to miss costs no more than others.
    const size_t fresh = b->trie->n_nodes;
    if (!open_block(b)) return false;
    b->free_cell = (int32_t)fresh;
    *base = (uint32_t)fresh ^ bytes[0];
    return true;
}

/* Queue the children of a node: one for each byte that follows its path. */
static bool push_children(builder *b, pending p, unsigned char *bytes,
                          size_t *n_bytes)
{
    size_t first = p.first;

    // Strings that end here come first, and equal ones are neighbours.
    while (first < p.last && b->keys[first].text.len == p.depth)
        first++;
    for (size_t i = first; i < p.last; i++) {
        const unsigned char byte = (unsigned char)b->keys[i].text.data[p.depth];
        if (*n_bytes && bytes[*n_bytes - 1] == byte) {
            b->queue[b->queue_last - 1].last = i + 1;
            continue;
        }
        if (!anm_grow(&b->queue, &b->queue_cap, b->queue_last + 1,
                      sizeof(*b->queue)))
            return false;
        b->queue[b->queue_last++] =
            (pending){ i, i + 1, p.depth + 1, ANM_TRIE_NONE };
        bytes[(*n_bytes)++] = byte;
    }
    return true;
}

static bool place_children(builder *b, pending p)
{
    unsigned char bytes[BLOCK];
    size_t n = 0;
    uint32_t base = 0;

    if (!push_children(b, p, bytes, &n)) return false;
    if (!n) return true;
    if (!find_base(b, bytes, n, &base)) return false;
    b->trie->nodes[p.node].base = base;
    for (size_t i = 0; i < n; i++) {
        const int32_t child = (int32_t)(base ^ bytes[i]);
        pending *c = &b->queue[b->queue_last - n + i];
        unlink_free(b, child);
        b->trie->nodes[child].parent = p.node;
        c->node = child;
        if (b->keys[c->first].text.len == c->depth)
            b->trie->values[child] = b->keys[c->first].value;
    }
    return true;
}

static bool build(builder *b, size_t n_keys)
{
    if (!open_block(b)) return false;
    unlink_free(b, ANM_TRIE_ROOT);
    // The root is nobody's child, and its cell must not look free either.
    b->trie->nodes[ANM_TRIE_ROOT].parent = INT32_MAX;
    if (!place_children(b, (pending){ 0, n_keys, 0, ANM_TRIE_ROOT }))
        return false;
    while (b->queue_first < b->queue_last)
        if (!place_children(b, b->queue[b->queue_first++])) return false;
    return true;
}

bool anm_trie_init(anm_trie *t, anm_trie_key *keys, size_t n_keys)
{
    builder b = { .trie = t, .keys = keys, .free_cell = NO_CELL };

    *t = (anm_trie){ 0 };
    if (n_keys) qsort(keys, n_keys, sizeof(*keys), compare_keys);
    const bool built = build(&b, n_keys);
    anm_free(b.next_free);
    anm_free(b.prev_free);
    anm_free(b.queue);
    if (!built) anm_trie_deinit(t);
    return built;
}

void anm_trie_deinit(anm_trie *t)
{
    anm_free(t->nodes);
    anm_free(t->values);
    *t = (anm_trie){ 0 };
}

int32_t anm_trie_walk(const anm_trie *t, int32_t node, anm_text text)
{
    for (size_t i = 0; i < text.len && node >= 0; i++)
        node = anm_trie_child(t, node, (unsigned char)text.data[i]);
    return node;
}

int32_t anm_trie_find(const anm_trie *t, anm_text text)
{
    const int32_t node = anm_trie_walk(t, ANM_TRIE_ROOT, text);
    return node < 0 ? ANM_TRIE_NONE : t->values[node];
}
