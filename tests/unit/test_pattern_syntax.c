/* test_pattern_syntax.c - what is read, and what is refused by name. What each
 * construct matches is held to the original by golden/test_tokenizer_golden.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/support.h"
#include "text/pattern.h"

static anm_status read_pattern(const char *source, anm_error *err)
{
    anm_draft *d = anm_alloc_zero(sizeof(*d));
    const anm_status status =
        anm_draft_read(d, (anm_text){ source, strlen(source) }, "place", err);

    anm_draft_deinit(d);
    anm_free(d);
    return status;
}

static void what_is_not_carried_over_is_refused_by_name(void **state)
{
    static const char *const cases[][2] = {
        { "(?m:a)", "this group" },       { "(?<n>a)", "this group" },
        { "(?#x)", "this group" },        { "a\\K", "this escape" },
        { "\\1", "this escape" },         { "\\X", "this escape" },
        { "\\p{Klingon}", "property" },   { "[[:graph:]]", "this class" },
        { "a{2}+", "this quantifier" },   { "a{2}?", "this quantifier" },
        { "a**", "this quantifier" },     { "(?i)ss", "these letters" },
        { "(?i)\u00df", "character" },    { "(?i)[\\p{Lu}]", "this class" },
        { "[]a]", "in front of" },        { "\\xe9", "\\x of a byte" },
        { "[a-\\d]", "ends in a class" },
    };
    anm_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_pattern(cases[i][0], &err) != ANM_E_UNSUPPORTED)
            fail_msg("%s is not refused", cases[i][0]);
        if (!strstr(err.message, cases[i][1]) ||
            !strstr(err.message, "place: pattern: "))
            fail_msg("%s: %s", cases[i][0], err.message);
    }
}

static void what_is_no_pattern_is_a_format_error(void **state)
{
    static const char *const cases[] = { "(a",    "a)",          "[a",
                                         "[",     "a\\",         "\\p{L",
                                         "*a",    "\\x{110000}", "[b-a]",
                                         "\\u12", "[a&&",        "\\x{d800}" };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (read_pattern(cases[i], NULL) != ANM_E_FORMAT)
            fail_msg("%s is accepted", cases[i]);
}

static void depth_is_limited(void **state)
{
    char source[2 * ANM_PATTERN_MAX_DEPTH + 8] = "";

    (void)state;
    memset(source, '(', ANM_PATTERN_MAX_DEPTH + 1);
    assert_int_equal(read_pattern(source, NULL), ANM_E_LIMIT);
    memset(source, '[', ANM_PATTERN_MAX_DEPTH + 1);
    assert_int_equal(read_pattern(source, NULL), ANM_E_LIMIT);
}

static void equal_characters_share_a_set(void **state)
{
    anm_draft *d = anm_alloc_zero(sizeof(*d));

    (void)state;
    assert_int_equal(
        anm_draft_read(d, (anm_text){ "abab[a]\\x61", 11 }, "t", NULL), ANM_OK);
    assert_int_equal(d->n_sets, 2);
    assert_int_equal(d->text.len, 12);
    anm_draft_deinit(d);
    anm_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_carried_over_is_refused_by_name),
        cmocka_unit_test(what_is_no_pattern_is_a_format_error),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(equal_characters_share_a_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
