/* The allocator: exact counters, overflow, alignment, failure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <pthread.h>

#include "support/support.h"

static anm_alloc_stats stats(void)
{
    anm_alloc_stats s;
    anm_alloc_stats_read(&s);
    return s;
}

static void counters_are_exact(void **state)
{
    const anm_alloc_stats before = stats();
    (void)state;

    char *a = anm_alloc(100);
    char *b = anm_alloc_zero(50);
    assert_int_equal(stats().bytes_live - before.bytes_live, 150);
    a = anm_realloc(a, 100, 1000);
    assert_int_equal(stats().bytes_live - before.bytes_live, 1050);
    assert_true(stats().bytes_peak >= before.bytes_live + 1050);
    a = anm_realloc(a, 1000, 10);
    assert_int_equal(stats().bytes_live - before.bytes_live, 60);
    anm_free(a);
    anm_free(b);
    anm_free(NULL);
    assert_int_equal(stats().bytes_live, before.bytes_live);
    assert_int_equal(stats().n_allocs - before.n_allocs, 4);
    assert_int_equal(stats().n_frees - before.n_frees, 2);
}

enum { N_THREADS = 4, N_ROUNDS = 20000 };

static void *allocate_a_lot(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < N_ROUNDS; i++) {
        void *p = anm_alloc(i % 97);
        p = anm_realloc(p, i % 97, i % 31);
        anm_free(p);
    }
    return NULL;
}

static void counters_are_exact_under_threads(void **state)
{
    const anm_alloc_stats before = stats();
    pthread_t threads[N_THREADS];
    (void)state;

    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, allocate_a_lot, NULL), 0);
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(stats().bytes_live, before.bytes_live);
    assert_int_equal(stats().n_allocs - before.n_allocs,
                     2 * N_THREADS * N_ROUNDS);
    assert_int_equal(stats().n_frees - before.n_frees, N_THREADS * N_ROUNDS);
}

static void products_that_overflow_are_refused(void **state)
{
    const size_t big = SIZE_MAX / 8 + 1;
    size_t out = 5;
    (void)state;

    assert_null(anm_alloc_array(big, 8));
    assert_null(anm_alloc_array(SIZE_MAX, SIZE_MAX));
    assert_null(anm_alloc(SIZE_MAX));
    assert_null(anm_alloc_aligned(64, SIZE_MAX - 64));
    assert_null(anm_copy_bytes("", SIZE_MAX));
    assert_false(anm_mul_size(big, 8, &out));
    assert_false(anm_add_size(SIZE_MAX, 1, &out));
    assert_int_equal(out, 5);
    assert_true(anm_mul_size(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    assert_true(anm_mul_size(0, SIZE_MAX, &out) && out == 0);
    assert_true(anm_add_size(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
}

static void blocks_of_no_bytes_are_valid(void **state)
{
    (void)state;

    void *a = anm_alloc(0), *b = anm_alloc_array(0, 8);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    anm_free(a);
    anm_free(b);
}

static void arrays_are_zeroed(void **state)
{
    (void)state;

    unsigned char *dirty = anm_alloc(4096);
    memset(dirty, 0xa5, 4096);
    anm_free(dirty);
    unsigned char *a = anm_alloc_array(512, 8);
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(a[i], 0);
    anm_free(a);
}

static void aligned_blocks_are_aligned_and_whole(void **state)
{
    const anm_alloc_stats before = stats();
    (void)state;

    for (size_t align = 1; align <= 4096; align *= 2) {
        for (size_t size = 0; size <= 130; size += 13) {
            unsigned char *p = anm_alloc_aligned(align, size);
            assert_int_equal((uintptr_t)p % align, 0);
            memset(p, 0x5a, size);
            anm_free_aligned(p);
        }
    }
    anm_free_aligned(NULL);
    assert_int_equal(stats().bytes_live, before.bytes_live);
}

static void plain_blocks_are_aligned_to_16(void **state)
{
    (void)state;

    for (size_t size = 1; size < 100; size++) {
        void *p = anm_alloc(size);
        assert_int_equal((uintptr_t)p % 16, 0);
        anm_free(p);
    }
}

static void growing_keeps_content_and_doubles(void **state)
{
    uint32_t *a = NULL;
    size_t cap = 0, n_moves = 0;
    (void)state;

    for (uint32_t i = 0; i < 1000; i++) {
        const size_t before = cap;
        assert_true(anm_grow(&a, &cap, i + 1, sizeof(*a)));
        if (cap != before) n_moves++;
        a[i] = i * 7;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(a[i], i * 7);
    assert_true(n_moves <= 11);
    const uint32_t *same = a;
    assert_false(anm_grow(&a, &cap, SIZE_MAX / 2, sizeof(*a)));
    assert_ptr_equal(a, same);
    anm_free(a);
}

static void failed_realloc_leaves_the_block(void **state)
{
    (void)state;

    char *p = anm_copy_string("kept");
    const anm_alloc_stats before = stats();
    test_fault_arm(1);
    assert_null(anm_realloc(p, 5, 50));
    assert_true(test_fault_disarm());
    assert_string_equal(p, "kept");
    assert_int_equal(stats().bytes_live, before.bytes_live);
    size_t cap = 5;
    test_fault_arm(1);
    assert_false(anm_grow(&p, &cap, 6, 1));
    assert_true(test_fault_disarm());
    assert_int_equal(cap, 5);
    assert_string_equal(p, "kept");
    anm_free(p);
}

static void copies_end_in_nul(void **state)
{
    (void)state;

    char *a = anm_copy_bytes("a\0b", 3), *b = anm_copy_bytes(NULL, 0);
    assert_memory_equal(a, "a\0b", 4);
    assert_string_equal(b, "");
    anm_free(a);
    anm_free(b);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;

    const anm_alloc_stats before = stats();
    test_fault_arm(1);
    assert_null(anm_alloc(1));
    assert_true(test_fault_disarm());
    test_fault_arm(1);
    assert_null(anm_alloc_aligned(64, 1));
    assert_true(test_fault_disarm());
    test_fault_arm(1);
    assert_null(anm_copy_string("a"));
    assert_true(test_fault_disarm());
    test_fault_arm(2);
    void *p = anm_alloc(1);
    assert_non_null(p);
    assert_false(test_fault_disarm());
    anm_free(p);
    assert_int_equal(stats().bytes_live, before.bytes_live);
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_exact),
        cmocka_unit_test(counters_are_exact_under_threads),
        cmocka_unit_test(products_that_overflow_are_refused),
        cmocka_unit_test(blocks_of_no_bytes_are_valid),
        cmocka_unit_test(arrays_are_zeroed),
        cmocka_unit_test(aligned_blocks_are_aligned_and_whole),
        cmocka_unit_test(plain_blocks_are_aligned_to_16),
        cmocka_unit_test(growing_keeps_content_and_doubles),
        cmocka_unit_test(failed_realloc_leaves_the_block),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
