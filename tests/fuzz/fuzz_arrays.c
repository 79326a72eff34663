/* fuzz_arrays.c - array programs of any nodes: refused, or run to the end, with
 * and without the passes. Bytes choose operations, inputs, attributes and the
 * numbers of constants; allocations above 32 MB fail.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "graph/arrays_pass.h"
#include "support/arrays_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void *alloc_some(void *ctx, size_t size)
{
    (void)ctx;
    return size > (size_t)32 << 20 ? NULL : malloc(size);
}

static void *resize_some(void *ctx, void *old, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    return size > (size_t)32 << 20 ? NULL : realloc(old, size);
}

static void release(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const anm_allocator some = { alloc_some, resize_some, release,
                                        NULL };

    (void)argc;
    (void)argv;
    anm_set_allocator(&some);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t hash = 0;

    test_random_arrays(data, size, 0, 1, &hash, NULL);
    test_random_arrays(data, size, ANM_ARRAYS_PASS_ALL, 1, &hash, NULL);
    return 0;
}
