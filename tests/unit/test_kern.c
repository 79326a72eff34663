/* test_kern.c - which table a mask gives. What the kernels compute is checked
 * by tests/kern.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/kern.h"

#include <string.h>

#include "base/cpu.h"
#include "support/support.h"

static void no_level_gives_the_specification(void **state)
{
    anm_kern k;

    (void)state;
    anm_kern_init(&k, 0);
    assert_string_equal(k.level, "scalar");
}

static void every_slot_is_filled_at_every_mask(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 256; mask++) {
        anm_kern k;
        void (*slot)(void);

        memset(&k, 0, sizeof(k));
        anm_kern_init(&k, mask);
        assert_non_null(k.level);
        for (size_t at = offsetof(anm_kern, pack); at < sizeof(k);
             at += sizeof(slot)) {
            memcpy(&slot, (const char *)&k + at, sizeof(slot));
            assert_true(slot != NULL);
        }
    }
}

static void levels_without_kernels_change_nothing(void **state)
{
    anm_kern a, b;

    (void)state;
    anm_kern_init(&a, 0);
    anm_kern_init(&b, ANM_CPU_AVXVNNI | ANM_CPU_AVX512VNNI);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void scratch_is_linear_in_keys(void **state)
{
    (void)state;
    const size_t one = anm_attention_scratch(512, 64);
    const size_t eight = anm_attention_scratch(8 * 512, 64);

    assert_int_equal(eight, 8 * one);
    assert_true(anm_attention_scratch(1, 64) >= 64 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_level_gives_the_specification),
        cmocka_unit_test(every_slot_is_filled_at_every_mask),
        cmocka_unit_test(levels_without_kernels_change_nothing),
        cmocka_unit_test(scratch_is_linear_in_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
