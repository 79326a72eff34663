/* arena.c - many small blocks that die together.
 *
 * Blocks double from 4 KiB to 256 KiB. A request that is large for the block
 * size of the moment gets a block of its own behind the head, so that the
 * room left in the head stays in use.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <stdint.h>

#include "base/alloc.h"

enum { ALIGN = 16, BLOCK_MIN = 4096, BLOCK_MAX = 256 * 1024 };

typedef struct anm_arena_block {
    alignas(ALIGN) struct anm_arena_block *next;
    size_t used, size; // of the bytes behind this header
} anm_arena_block;

static anm_arena_block *block_new(size_t size)
{
    size_t total = 0;

    if (!anm_add_size(size, sizeof(anm_arena_block), &total)) return NULL;
    anm_arena_block *b = anm_alloc(total);
    if (b) *b = (anm_arena_block){ .size = size };
    return b;
}

/* A block with room for size bytes, linked into the arena. */
static anm_arena_block *add_block(anm_arena *a, size_t size)
{
    size_t standard = a->head ? a->head->size * 2 : BLOCK_MIN;

    if (standard < BLOCK_MIN) standard = BLOCK_MIN;
    if (standard > BLOCK_MAX) standard = BLOCK_MAX;
    const bool alone = size > standard / 2;
    anm_arena_block *b = block_new(alone ? size : standard);
    if (!b) return NULL;
    if (alone && a->head) {
        b->next = a->head->next;
        a->head->next = b;
        return b;
    }
    b->next = a->head;
    a->head = b;
    return b;
}

void *anm_arena_alloc(anm_arena *a, size_t size)
{
    anm_arena_block *b = a->head;
    size_t rounded = 0;

    if (!anm_add_size(size, ALIGN - 1, &rounded)) return NULL;
    rounded &= ~(size_t)(ALIGN - 1);
    if (!rounded) rounded = ALIGN;
    if (!b || rounded > b->size - b->used) b = add_block(a, rounded);
    if (!b) return NULL;
    void *ptr = (char *)(b + 1) + b->used;
    b->used += rounded;
    return memset(ptr, 0, rounded);
}

void *anm_arena_array(anm_arena *a, size_t n, size_t size)
{
    size_t total = 0;
    return anm_mul_size(n, size, &total) ? anm_arena_alloc(a, total) : NULL;
}

char *anm_arena_copy(anm_arena *a, const char *data, size_t len)
{
    size_t total = 0;

    if (!anm_add_size(len, 1, &total)) return NULL;
    char *copy = anm_arena_alloc(a, total);
    if (copy && len) memcpy(copy, data, len);
    return copy;
}

void anm_arena_deinit(anm_arena *a)
{
    while (a->head) {
        anm_arena_block *next = a->head->next;
        anm_free(a->head);
        a->head = next;
    }
}
