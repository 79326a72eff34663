/* test_slot.c - the storage of a call serves the next one, unless it is huge.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "engine/slot.h"
#include "support/support.h"
#include "text/encoding.h"

static void slot_given_back_last_is_taken_first(void **state)
{
    anm_slots slots = ANM_SLOTS_INIT;
    (void)state;

    anm_slot *a = anm_slot_take(&slots, NULL);
    anm_slot *b = anm_slot_take(&slots, NULL);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    anm_slot_give_back(&slots, a);
    anm_slot_give_back(&slots, b);
    assert_ptr_equal(anm_slot_take(&slots, NULL), b);
    assert_ptr_equal(anm_slot_take(&slots, NULL), a);
    anm_slot_give_back(&slots, b);
    anm_slot_give_back(&slots, a);
    anm_slots_deinit(&slots);
}

/* Vectors of 8 MiB are kept, those of more are not. */
static void huge_slot_is_not_kept(void **state)
{
    const size_t kept = ((size_t)8 << 20) / sizeof(float);
    (void)state;

    for (size_t more = 0; more <= 1; more++) {
        anm_slots slots = ANM_SLOTS_INIT;
        anm_slot *slot = anm_slot_take(&slots, NULL);
        assert_non_null(slot);
        slot->staged = anm_alloc_array(kept + more, sizeof(float));
        assert_non_null(slot->staged);
        slot->cap_staged = kept + more;
        anm_slot_give_back(&slots, slot);
        if (more)
            assert_null(slots.free);
        else
            assert_ptr_equal(slots.free, slot);
        anm_slots_deinit(&slots);
    }
}

/* Neither is what a tokenizer needed for a text of megabytes. */
static void huge_encoding_is_not_kept(void **state)
{
    const size_t kept = ((size_t)8 << 20) / sizeof(int32_t);
    (void)state;

    for (size_t more = 0; more <= 1; more++) {
        anm_slots slots = ANM_SLOTS_INIT;
        anm_slot *slot = anm_slot_take(&slots, NULL);
        assert_non_null(slot);
        assert_int_equal(anm_encoding_new(&slot->inputs.encoding, NULL),
                         ANM_OK);
        assert_true(anm_encoding_reserve(slot->inputs.encoding, kept + more));
        anm_slot_give_back(&slots, slot);
        if (more)
            assert_null(slots.free);
        else
            assert_ptr_equal(slots.free, slot);
        anm_slots_deinit(&slots);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slot_given_back_last_is_taken_first),
        cmocka_unit_test(huge_slot_is_not_kept),
        cmocka_unit_test(huge_encoding_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
