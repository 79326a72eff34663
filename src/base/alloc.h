/* alloc.h - where memory comes from.
 *
 * Everything goes through the one anm_allocator of anemone.h (tests replace it
 * to fail the k-th allocation). Three lifetimes exist and no fourth: model
 * (arena, freed whole), workspace (planned at load, reused), call (stack, or
 * the workspace). libc's allocators are banned outside alloc.c: including this
 * header turns malloc and friends into a compile error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ALLOC_H
#define ANM_ALLOC_H

#include <stdlib.h>
#include <string.h>

#include "anemone.h"

/* All return NULL when memory is out or the product overflows. A size of 0
 * gives a valid pointer that must be freed. */
void *anm_alloc(size_t size);
void *anm_alloc_zero(size_t size);
void *anm_alloc_array(size_t n, size_t size); /* zeroed */

/* Aligned to a power of two; released with anm_free_aligned() only. Not
 * zeroed. */
void *anm_alloc_aligned(size_t align, size_t size);
void anm_free_aligned(void *ptr);

/* On failure the old block is untouched and NULL is returned. Growing keeps
 * the old content; the new part is not zeroed. */
void *anm_realloc(void *ptr, size_t old_size, size_t new_size);

/* NUL-terminated copies. */
char *anm_copy_string(const char *s);
char *anm_copy_bytes(const char *data, size_t len); /* adds a NUL */

/* Grow *ptr (elements of `size`) to hold at least `need` elements, at least
 * doubling *cap. False when memory is out; nothing changed then. */
bool anm_grow(void *ptr_to_array, size_t *cap, size_t need, size_t size);

/* What has been asked for since the process started. Exact, also under
 * threads. A test takes the difference around a call. */
typedef struct anm_alloc_stats {
    uint64_t n_allocs; /* alloc and realloc calls */
    uint64_t n_frees;
    uint64_t bytes_live;
    uint64_t bytes_peak;
} anm_alloc_stats;

void anm_alloc_stats_read(anm_alloc_stats *out);

/* Hand freed pages back to the system where libc keeps them: what reading a
 * model took is megabytes that its calls never need. Takes a fraction of a
 * millisecond; does nothing to an allocator of the user's. */
void anm_alloc_trim(void);

/* Products and sums of sizes from files. False on overflow. */
bool anm_mul_size(size_t a, size_t b, size_t *out);
bool anm_add_size(size_t a, size_t b, size_t *out);

/* ---- Arena: many small blocks that die together -------------------------- */

/* Zero-initialised is a valid empty arena. One thread at a time. */
typedef struct anm_arena {
    struct anm_arena_block *head;
} anm_arena;

/* Zeroed, aligned to 16; NULL when memory is out. */
void *anm_arena_alloc(anm_arena *a, size_t size);
void *anm_arena_array(anm_arena *a, size_t n, size_t size);
char *anm_arena_copy(anm_arena *a, const char *data, size_t len); /* + NUL */
void anm_arena_deinit(anm_arena *a);

#ifndef ANM_ALLOC_C
#define malloc(...)  libc_allocator_is_banned_here
#define calloc(...)  libc_allocator_is_banned_here
#define realloc(...) libc_allocator_is_banned_here
#define strdup(...)  libc_allocator_is_banned_here
#define strndup(...) libc_allocator_is_banned_here
#endif

#endif
