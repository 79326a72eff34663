/* test_word_cache.c - what was put in comes out, for its tokenizer only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/support.h"
#include "text/merge.h"

static bool holds(anm_encoding *e, const char *word, int32_t id)
{
    uint32_t hash = 0;
    bool hit = false;
    const anm_cached_word *slot = anm_word_cache_find(
        e->words, (anm_text){ word, strlen(word) }, &hash, &hit);

    return hit && slot->n == 1 && slot->ids[0] == id;
}

static void put(anm_encoding *e, const char *word, int32_t id)
{
    const anm_text text = { word, strlen(word) };
    uint32_t hash = 0;
    bool hit = false;
    anm_cached_word *slot = anm_word_cache_find(e->words, text, &hash, &hit);

    anm_word_cache_put(slot, text, hash, &id, 1);
}

static void words_are_found_until_another_takes_their_slot(void **state)
{
    anm_encoding *e = NULL;
    const uint8_t digest[32] = { 1 };
    size_t n_held = 0;
    char word[16];

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_word_cache_begin(e, digest));
    for (int i = 0; i < 1000; i++) {
        snprintf(word, sizeof(word), "word%d", i);
        assert_false(holds(e, word, i));
        put(e, word, i);
        assert_true(holds(e, word, i));
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(word, sizeof(word), "word%d", i);
        n_held += holds(e, word, i);
    }
    assert_in_range(n_held, 800, 1000);
    assert_false(holds(e, "word", 0));
    anm_encoding_free(e);
}

static void another_tokenizer_finds_nothing(void **state)
{
    anm_encoding *e = NULL;
    const uint8_t digests[2][32] = { { 1 }, { 2 } };

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_word_cache_begin(e, digests[0]));
    put(e, "a", 1);
    assert_true(anm_word_cache_begin(e, digests[0]));
    assert_true(holds(e, "a", 1));
    assert_true(anm_word_cache_begin(e, digests[1]));
    assert_false(holds(e, "a", 1));
    anm_encoding_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_found_until_another_takes_their_slot),
        cmocka_unit_test(another_tokenizer_finds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
