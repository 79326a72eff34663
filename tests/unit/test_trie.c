/* test_trie.c - the double array finds what was put in, and nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"
#include "text/trie.h"

static anm_text text_of(const char *s)
{
    return (anm_text){ s, strlen(s) };
}

static void whole_strings_are_found_and_others_are_not(void **state)
{
    anm_trie_key keys[] = { { text_of("ab"), 7 },
                            { text_of("abc"), 8 },
                            { text_of("\xff\xfe"), 9 },
                            { { "\0x", 2 }, 10 } };
    anm_trie t;

    (void)state;
    assert_true(anm_trie_init(&t, keys, 4));
    assert_int_equal(anm_trie_find(&t, text_of("ab")), 7);
    assert_int_equal(anm_trie_find(&t, text_of("abc")), 8);
    assert_int_equal(anm_trie_find(&t, text_of("\xff\xfe")), 9);
    assert_int_equal(anm_trie_find(&t, (anm_text){ "\0x", 2 }), 10);
    assert_int_equal(anm_trie_find(&t, text_of("a")), ANM_TRIE_NONE);
    assert_int_equal(anm_trie_find(&t, text_of("abcd")), ANM_TRIE_NONE);
    assert_int_equal(anm_trie_find(&t, text_of("")), ANM_TRIE_NONE);
    assert_int_equal(anm_trie_find(&t, (anm_text){ "\0", 1 }), ANM_TRIE_NONE);
    anm_trie_deinit(&t);
}

static void longest_string_wins_at_every_start(void **state)
{
    anm_trie_key keys[] = { { text_of("a"), 1 }, { text_of("abcd"), 2 } };
    anm_trie t;
    size_t len = 0;

    (void)state;
    assert_true(anm_trie_init(&t, keys, 2));
    assert_int_equal(anm_trie_longest(&t, 0, text_of("abcde"), &len), 2);
    assert_int_equal(len, 4);
    assert_int_equal(anm_trie_longest(&t, 0, text_of("abcx"), &len), 1);
    assert_int_equal(len, 1);
    assert_int_equal(anm_trie_longest(&t, 0, text_of("xa"), &len),
                     ANM_TRIE_NONE);
    anm_trie_deinit(&t);
}

static void highest_value_of_equal_strings_wins(void **state)
{
    anm_trie_key keys[] = { { text_of("x"), 3 },
                            { text_of("x"), 9 },
                            { text_of("x"), 5 } };
    anm_trie t;

    (void)state;
    assert_true(anm_trie_init(&t, keys, 3));
    assert_int_equal(anm_trie_find(&t, text_of("x")), 9);
    anm_trie_deinit(&t);
}

static void empty_set_holds_nothing(void **state)
{
    anm_trie t;

    (void)state;
    assert_true(anm_trie_init(&t, NULL, 0));
    for (int byte = 0; byte < 256; byte++)
        assert_int_equal(anm_trie_child(&t, ANM_TRIE_ROOT, (unsigned char)byte),
                         ANM_TRIE_NONE);
    anm_trie_deinit(&t);
}

/* Deterministic strings of 1 to 6 bytes over an alphabet of n bytes. */
static uint32_t fill(char *bytes, size_t n_bytes, unsigned alphabet)
{
    uint32_t seed = 12345;
    for (size_t i = 0; i < n_bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)((seed >> 16) % alphabet);
    }
    return seed;
}

static void many_strings_are_told_apart(void **state)
{
    enum { N = 20000 };
    static char bytes[N * 6];
    static anm_trie_key keys[N];

    (void)state;
    for (unsigned alphabet = 2; alphabet <= 256; alphabet = alphabet * 4 + 8) {
        anm_trie t;
        fill(bytes, sizeof(bytes), alphabet < 256 ? alphabet : 256);
        for (int32_t i = 0; i < N; i++)
            keys[i] =
                (anm_trie_key){ { bytes + i * 6, (size_t)(1 + i % 6) }, i };
        assert_true(anm_trie_init(&t, keys, N));
        for (int32_t i = 0; i < N; i++) {
            const anm_text s = { bytes + i * 6, (size_t)(1 + i % 6) };
            const int32_t found = anm_trie_find(&t, s);
            assert_true(found >= i);
            assert_int_equal(found % 6, i % 6);
            assert_memory_equal(bytes + found * 6, s.data, s.len);
        }
        // Room stays in proportion, whatever the strings.
        assert_true(t.n_nodes < (size_t)N * 6 * 4);
        anm_trie_deinit(&t);
    }
}

static void failed_allocation_leaves_nothing(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 100; k++) {
        anm_trie_key keys[] = { { text_of("ab"), 1 }, { text_of("b"), 2 } };
        anm_trie t;
        test_fault_arm(k);
        const bool built = anm_trie_init(&t, keys, 2);
        const bool happened = test_fault_disarm();
        assert_int_equal(built, !happened);
        if (!built) assert_null(t.nodes);
        anm_trie_deinit(&t);
        if (!happened) return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_strings_are_found_and_others_are_not),
        cmocka_unit_test(longest_string_wins_at_every_start),
        cmocka_unit_test(highest_value_of_equal_strings_wins),
        cmocka_unit_test(empty_set_holds_nothing),
        cmocka_unit_test(many_strings_are_told_apart),
        cmocka_unit_test(failed_allocation_leaves_nothing),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
