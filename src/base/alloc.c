/* alloc.c - the one allocator and its counters.
 *
 * The allocator's free is told no size, so each block carries its size in the
 * 16 bytes before the pointer that is handed out: bytes_live is then exact and
 * the alignment of the block is kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define ANM_ALLOC_C
#include "base/alloc.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static void *libc_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void *libc_realloc(void *ctx, void *ptr, size_t old_size,
                          size_t new_size)
{
    (void)ctx;
    (void)old_size;
    return realloc(ptr, new_size);
}

static void libc_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static const anm_allocator libc_allocator = {
    .alloc = libc_alloc,
    .realloc = libc_realloc,
    .free = libc_free,
};

static anm_allocator current = {
    .alloc = libc_alloc,
    .realloc = libc_realloc,
    .free = libc_free,
};

static _Atomic uint64_t n_allocs, n_frees, bytes_live, bytes_peak;

typedef struct header {
    alignas(16) size_t size; // what the caller asked for
} header;

static_assert(sizeof(header) == 16, "keeps the alignment of the block");

void anm_set_allocator(const anm_allocator *allocator)
{
    current = allocator ? *allocator : libc_allocator;
}

void anm_alloc_trim(void)
{
#ifdef __GLIBC__
    if (current.alloc == libc_alloc) malloc_trim(0);
#endif
}

bool anm_mul_size(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

bool anm_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

static void count_live(uint64_t added, uint64_t removed)
{
    const uint64_t before = atomic_fetch_add_explicit(
        &bytes_live, added - removed, memory_order_relaxed);
    const uint64_t live = before + added - removed;
    uint64_t peak = atomic_load_explicit(&bytes_peak, memory_order_relaxed);

    while (live > peak && !atomic_compare_exchange_weak_explicit(
                              &bytes_peak, &peak, live, memory_order_relaxed,
                              memory_order_relaxed)) {
    }
}

/* The header of a block that anm_alloc() gave. */
static header *header_of(void *ptr)
{
    return (header *)ptr - 1;
}

void *anm_alloc(size_t size)
{
    size_t total = 0;

    atomic_fetch_add_explicit(&n_allocs, 1, memory_order_relaxed);
    if (!anm_add_size(size, sizeof(header), &total)) return NULL;
    header *h = current.alloc(current.ctx, total);
    if (!h) return NULL;
    h->size = size;
    count_live(size, 0);
    return h + 1;
}

void *anm_alloc_zero(size_t size)
{
    void *ptr = anm_alloc(size);
    if (ptr) memset(ptr, 0, size);
    return ptr;
}

void *anm_alloc_array(size_t n, size_t size)
{
    size_t total = 0;
    return anm_mul_size(n, size, &total) ? anm_alloc_zero(total) : NULL;
}

void anm_free(void *ptr)
{
    if (!ptr) return;
    header *h = header_of(ptr);
    atomic_fetch_add_explicit(&n_frees, 1, memory_order_relaxed);
    count_live(0, h->size);
    current.free(current.ctx, h);
}

void *anm_realloc(void *ptr, size_t old_size, size_t new_size)
{
    size_t total = 0;

    if (!ptr) return anm_alloc(new_size);
    assert(header_of(ptr)->size == old_size);
    atomic_fetch_add_explicit(&n_allocs, 1, memory_order_relaxed);
    if (!anm_add_size(new_size, sizeof(header), &total)) return NULL;
    header *h = current.realloc(current.ctx, header_of(ptr),
                                old_size + sizeof(header), total);
    if (!h) return NULL;
    h->size = new_size;
    count_live(new_size, old_size);
    return h + 1;
}

void *anm_alloc_aligned(size_t align, size_t size)
{
    const size_t at_least = align > alignof(header) ? align : alignof(header);
    size_t total = 0;

    assert(align && (align & (align - 1)) == 0);
    // The pointer to release stands right before the aligned one.
    if (!anm_add_size(size, at_least + sizeof(void *), &total)) return NULL;
    char *block = anm_alloc(total);
    if (!block) return NULL;
    const size_t past = ((uintptr_t)block + sizeof(void *)) & (at_least - 1);
    char *ptr = block + sizeof(void *) + (past ? at_least - past : 0);
    memcpy(ptr - sizeof(block), &block, sizeof(block));
    return ptr;
}

void anm_free_aligned(void *ptr)
{
    char *block = NULL;

    if (!ptr) return;
    memcpy(&block, (char *)ptr - sizeof(block), sizeof(block));
    anm_free(block);
}

char *anm_copy_bytes(const char *data, size_t len)
{
    size_t total = 0;

    if (!anm_add_size(len, 1, &total)) return NULL;
    char *copy = anm_alloc(total);
    if (!copy) return NULL;
    if (len) memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

char *anm_copy_string(const char *s)
{
    return anm_copy_bytes(s, strlen(s));
}

bool anm_grow(void *ptr_to_array, size_t *cap, size_t need, size_t size)
{
    size_t new_cap = *cap > SIZE_MAX / 2 ? SIZE_MAX : *cap * 2;
    size_t bytes = 0;
    void *array = NULL;

    if (need <= *cap) return true;
    if (new_cap < need) new_cap = need;
    if (!anm_mul_size(new_cap, size, &bytes)) return false;
    memcpy(&array, ptr_to_array, sizeof(array));
    array = anm_realloc(array, *cap * size, bytes);
    if (!array) return false;
    memcpy(ptr_to_array, &array, sizeof(array));
    *cap = new_cap;
    return true;
}

void anm_alloc_stats_read(anm_alloc_stats *out)
{
    *out = (anm_alloc_stats){
        .n_allocs = atomic_load_explicit(&n_allocs, memory_order_relaxed),
        .n_frees = atomic_load_explicit(&n_frees, memory_order_relaxed),
        .bytes_live = atomic_load_explicit(&bytes_live, memory_order_relaxed),
        .bytes_peak = atomic_load_explicit(&bytes_peak, memory_order_relaxed),
    };
}
