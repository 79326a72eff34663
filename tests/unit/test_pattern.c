/* test_pattern.c - what a pattern matches, one match after the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pieces_of.h"
#include "text/pattern.h"

static anm_text text_of(const char *s)
{
    return (anm_text){ s, strlen(s) };
}

/* All matches, each in brackets. */
static void check(const char *source, const char *text, const char *expected)
{
    anm_pattern p;
    anm_finder f;
    anm_match_span m;
    anm_encoding *e = NULL;
    anm_error err;
    anm_buf out = { 0 };

    if (anm_pattern_compile(&p, text_of(source), false, "t", &err))
        fail_msg("%s", err.message);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_finder_begin(&f, &p, text_of(text), e));
    anm_buf_puts(&out, "");
    while (anm_finder_next(&f, &m, e) == ANM_FOUND)
        anm_buf_printf(&out, "[%.*s]", (int)(m.end - m.start), text + m.start);
    anm_finder_end(&f, e);
    assert_string_equal(out.data, expected);
    anm_buf_deinit(&out);
    anm_encoding_free(e);
    anm_pattern_deinit(&p);
}

static void matches_are_found_in_every_script(void **state)
{
    (void)state;
    check("\\p{L}+", "ab \u00e9\u4e2d1\U00020000",
          "[ab][\u00e9\u4e2d]"
          "[\U00020000]");
    check("\\s", "a\u00a0b\u180e", "[\u00a0]");
    check(".", "a\n\u4e2d", "[a][\u4e2d]");
}

static void empty_matches_are_found_but_not_behind_another(void **state)
{
    (void)state;
    check("x*", "axb", "[][x][]");
    check("$", "a\n\nb", "[][][]");
    check("a|", "ab", "[a][]");
    check("(?=\u4e2d)", "\u4e2d\u4e2d", "[][]");
}

static void finders_nest(void **state)
{
    anm_pattern p;
    anm_finder outer, inner;
    anm_match_span m;
    anm_encoding *e = NULL;

    (void)state;
    assert_int_equal(anm_pattern_compile(&p, text_of("b"), true, "t", NULL),
                     ANM_OK);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_finder_begin(&outer, &p, text_of("ab\u00e9b"), e));
    assert_int_equal(anm_finder_next(&outer, &m, e), ANM_FOUND);
    assert_true(anm_finder_begin(&inner, &p, text_of("xxxxxxxxb"), e));
    assert_int_equal(anm_finder_next(&inner, &m, e), ANM_FOUND);
    assert_int_equal(m.start, 8);
    anm_finder_end(&inner, e);
    assert_int_equal(anm_finder_next(&outer, &m, e), ANM_FOUND);
    assert_int_equal(m.start, 4);
    assert_int_equal(anm_finder_next(&outer, &m, e), ANM_FOUND_NOTHING);
    anm_finder_end(&outer, e);
    anm_encoding_free(e);
    anm_pattern_deinit(&p);
}

static void match_without_end_gives_up(void **state)
{
    anm_pattern p;
    anm_finder f;
    anm_match_span m;
    anm_encoding *e = NULL;

    (void)state;
    assert_int_equal(
        anm_pattern_compile(&p, text_of("(a|b|ab)*(?=c)"), false, "t", NULL),
        ANM_OK);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_finder_begin(
        &f, &p, text_of("abababababababababababababababababababababababd"), e));
    assert_int_equal(anm_finder_next(&f, &m, e), ANM_FOUND_TROUBLE);
    assert_int_equal(e->trouble, ANM_E_LIMIT);
    anm_finder_end(&f, e);
    anm_encoding_free(e);
    anm_pattern_deinit(&p);
}

static anm_status make(void *ctx, anm_error *err)
{
    return anm_pattern_compile(
        ctx, text_of("[^\\p{L}&&[^a-z]]\\b(?i)s$|\\w{2,}"), false, "t", err);
}

/* Without memory for compiled code a pattern is interpreted, and the same. */
static void check_made(void *ctx)
{
    anm_finder f;
    anm_match_span m;
    anm_encoding *e = NULL;

    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_true(anm_finder_begin(&f, ctx, text_of(". two"), e));
    assert_int_equal(anm_finder_next(&f, &m, e), ANM_FOUND);
    assert_int_equal(m.start, 1); // (?i) takes in the alternative
    assert_int_equal(m.end, 5);
    assert_int_equal(anm_finder_next(&f, &m, e), ANM_FOUND_NOTHING);
    anm_finder_end(&f, e);
    anm_encoding_free(e);
    anm_pattern_deinit(ctx);
}

static void memory_may_run_out_at_any_point(void **state)
{
    anm_pattern made;

    (void)state;
    test_every_fault_borne(make, check_made, &made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_found_in_every_script),
        cmocka_unit_test(empty_matches_are_found_but_not_behind_another),
        cmocka_unit_test(finders_nest),
        cmocka_unit_test(match_without_end_gives_up),
        cmocka_unit_test(memory_may_run_out_at_any_point),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
