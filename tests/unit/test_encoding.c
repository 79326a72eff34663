/* test_encoding.c - reusable results.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "support/pieces_of.h"

static void new_encoding_is_empty_and_null_may_be_freed(void **state)
{
    anm_encoding *e = NULL;

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(anm_encoding_n(e), 0);
    anm_encoding_free(e);
    anm_encoding_free(NULL);
}

static void reset_drops_content_and_keeps_memory(void **state)
{
    anm_tokenizer *t = test_tokenizer_of(
        (test_parts){ .normalizer = "{'type': 'NFC'}",
                      .splitter = "{'type': 'BertPreTokenizer'}",
                      .words = "a b" });
    const anm_text text = { "a b \u00e9 e\u0301\u0323 a", 15 };
    anm_encoding *e = NULL;
    anm_alloc_stats before, after;

    (void)state;
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(anm_tokenizer_encode(t, text, true, e, NULL), ANM_OK);
    const size_t n = anm_encoding_n(e);
    anm_encoding_reset(e);
    assert_int_equal(anm_encoding_n(e), 0);
    anm_alloc_stats_read(&before);
    assert_int_equal(anm_tokenizer_encode(t, text, true, e, NULL), ANM_OK);
    anm_alloc_stats_read(&after);
    assert_int_equal(anm_encoding_n(e), n);
    assert_int_equal(after.n_allocs, before.n_allocs);
    anm_encoding_free(e);
    anm_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_encoding_is_empty_and_null_may_be_freed),
        cmocka_unit_test(reset_drops_content_and_keeps_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
