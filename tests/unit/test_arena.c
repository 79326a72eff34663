/* The arena: aligned, zeroed, disjoint, gone at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "support/support.h"

static uint64_t live(void)
{
    anm_alloc_stats s;
    anm_alloc_stats_read(&s);
    return s.bytes_live;
}

static void blocks_are_aligned_zeroed_and_disjoint(void **state)
{
    enum { N = 400 };
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 3000, 5000, 70000 };
    unsigned char *blocks[N];
    size_t n[N];
    const uint64_t before = live();
    anm_arena a = { 0 };
    (void)state;

    for (size_t i = 0; i < N; i++) {
        n[i] = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];
        blocks[i] = anm_arena_alloc(&a, n[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t j = 0; j < n[i]; j++)
            assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], (int)(i % 251) + 1, n[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < n[i]; j++)
            assert_int_equal(blocks[i][j], i % 251 + 1);
    anm_arena_deinit(&a);
    assert_null(a.head);
    assert_int_equal(live(), before);
    anm_arena_deinit(&a);
}

static void small_blocks_waste_little(void **state)
{
    const uint64_t before = live();
    anm_arena a = { 0 };
    (void)state;

    for (size_t i = 0; i < 10000; i++) {
        anm_arena_alloc(&a, 32);
        if (i % 1000 == 0) anm_arena_alloc(&a, 200000);
    }
    assert_true(live() - before < 10000 * 32 + 10 * 200000 + 600000);
    anm_arena_deinit(&a);
}

static void impossible_sizes_are_refused(void **state)
{
    anm_arena a = { 0 };
    (void)state;

    assert_null(anm_arena_alloc(&a, SIZE_MAX));
    assert_null(anm_arena_alloc(&a, SIZE_MAX - 20));
    assert_null(anm_arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(anm_arena_copy(&a, "", SIZE_MAX));
    assert_non_null(anm_arena_alloc(&a, 8));
    anm_arena_deinit(&a);
}

static void copy_ends_in_nul(void **state)
{
    anm_arena a = { 0 };
    (void)state;

    assert_memory_equal(anm_arena_copy(&a, "x\0y", 3), "x\0y", 4);
    assert_string_equal(anm_arena_copy(&a, NULL, 0), "");
    anm_arena_deinit(&a);
}

static void failure_leaves_the_arena_usable(void **state)
{
    anm_arena a = { 0 };
    (void)state;

    char *kept = anm_arena_copy(&a, "kept", 4);
    test_fault_arm(1);
    assert_null(anm_arena_alloc(&a, 100000));
    assert_true(test_fault_disarm());
    assert_non_null(anm_arena_alloc(&a, 100000));
    assert_string_equal(kept, "kept");
    anm_arena_deinit(&a);
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_zeroed_and_disjoint),
        cmocka_unit_test(small_blocks_waste_little),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(copy_ends_in_nul),
        cmocka_unit_test(failure_leaves_the_arena_usable),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
