/* test_order.c - canonical order and the four normal forms.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/pieces_of.h"

static void check(const char *form, const char *text, const char *normal)
{
    char normalizer[64];

    snprintf(normalizer, sizeof(normalizer), "{'type': '%s'}", form);
    anm_tokenizer *t = test_tokenizer_of(
        (test_parts){ .normalizer = normalizer, .words = normal });
    assert_string_equal(test_pieces(t, text), normal);
    anm_tokenizer_free(t);
}

static void forms_decompose_and_compose(void **state)
{
    (void)state;
    check("NFD", "\u00e9\u1ec7", "e\u0301e\u0323\u0302");
    check("NFC", "e\u0301e\u0323\u0302", "\u00e9\u1ec7");
    check("NFC", "\u1112\u1161\u11ab", "\ud55c");
    check("NFD", "\ud55c", "\u1112\u1161\u11ab");
    check("NFKC", "\ufb01\u2460\uff21", "fi1A");
    check("NFKD", "\ufb01\u00e9", "fie\u0301");
    check("NFC", "\ufb01\u212b", "\ufb01\u00c5");
}

static void marks_are_ordered_by_class_and_kept_in_turn(void **state)
{
    (void)state;
    check("NFD", "a\u0301\u0323b", "a\u0323\u0301b");
    check("NFD", "a\u0301\u0300\u0323\u0324", "a\u0323\u0324\u0301\u0300");
    check("NFC", "a\u0301\u0323", "\u1ea1\u0301");
    // More than the small sort takes.
    check("NFD",
          "a\u0301\u0323\u0301\u0323\u0301\u0323\u0301\u0323\u0301\u0323"
          "\u0301\u0323\u0301\u0323\u0301\u0323\u0301\u0323",
          "a\u0323\u0323\u0323\u0323\u0323\u0323\u0323\u0323\u0323"
          "\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301");
}

static void code_points_unknown_to_the_original_pass(void **state)
{
    (void)state;
    check("NFD", "\U00011938", "\U00011938");
    check("NFC", "\U00011935\U00011930", "\U00011935\U00011930");
    check("NFKC", "\U0001fbf1", "\U0001fbf1");
}

static void text_of_marks_takes_linear_time(void **state)
{
    const size_t n = 500000;
    char *text = malloc(n * 4 + 1);
    const clock_t start = clock();
    anm_encoding *e = NULL;

    (void)state;
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * 4, "\u0301\u0323", 4);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    anm_tokenizer *t = test_tokenizer_of(
        (test_parts){ .normalizer = "{'type': 'NFC'}", .words = "a" });
    assert_int_equal(
        anm_tokenizer_encode(t, (anm_text){ text, n * 4 }, true, e, NULL),
        ANM_OK);
    assert_int_equal(anm_encoding_n(e), 1);
    assert_true((clock() - start) / CLOCKS_PER_SEC < 20);
    anm_tokenizer_free(t);
    anm_encoding_free(e);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_decompose_and_compose),
        cmocka_unit_test(marks_are_ordered_by_class_and_kept_in_turn),
        cmocka_unit_test(code_points_unknown_to_the_original_pass),
        cmocka_unit_test(text_of_marks_takes_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
