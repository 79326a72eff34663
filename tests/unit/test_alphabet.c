/* test_alphabet.c - code points are in one class when the sets agree on them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"
#include "text/pattern.h"

static bool in_class_set(const anm_class_set *s, uint8_t k)
{
    return s->bits[k / 8] >> k % 8 & 1;
}

static void classes_agree_with_every_set(void **state)
{
    anm_charset sets[3] = { 0 };
    anm_class_set members[3];
    anm_alphabet a = { 0 };
    bool known = false;

    (void)state;
    assert_true(anm_charset_add_property(&sets[0], (anm_text){ "L", 1 }, false,
                                         &known));
    assert_true(anm_charset_add_property(&sets[1], (anm_text){ "Han", 3 },
                                         false, &known) &&
                anm_charset_invert(&sets[1]));
    assert_true(anm_charset_add(&sets[2], 'a', 'a'));
    assert_int_equal(anm_alphabet_init(&a, sets, 3, members, NULL), ANM_OK);
    assert_int_equal(a.n_classes, 5);
    for (uint32_t cp = 0; cp < 0x110000; cp += cp < 0x3000 ? 1 : 7)
        for (size_t i = 0; i < 3; i++)
            if (in_class_set(&members[i], anm_alphabet_class(&a, cp)) !=
                anm_charset_has(&sets[i], cp))
                fail_msg("U+%04X, set %zu", cp, i);
    for (size_t i = 0; i < 3; i++)
        anm_charset_deinit(&sets[i]);
    anm_alphabet_deinit(&a);
}

static void too_many_classes_are_a_limit(void **state)
{
    anm_charset *sets = anm_alloc_array(256, sizeof(*sets));
    anm_class_set *members = anm_alloc_array(256, sizeof(*members));
    anm_alphabet a = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 256; i++)
        assert_true(anm_charset_add(&sets[i], 0x4e00 + i, 0x4e00 + i));
    assert_int_equal(anm_alphabet_init(&a, sets, 255, members, NULL), ANM_OK);
    assert_int_equal(a.n_classes, 256);
    anm_alphabet_deinit(&a);
    a = (anm_alphabet){ 0 };
    assert_int_equal(anm_alphabet_init(&a, sets, 256, members, NULL),
                     ANM_E_LIMIT);
    for (uint32_t i = 0; i < 256; i++)
        anm_charset_deinit(&sets[i]);
    anm_alphabet_deinit(&a);
    anm_free(sets);
    anm_free(members);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_agree_with_every_set),
        cmocka_unit_test(too_many_classes_are_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
