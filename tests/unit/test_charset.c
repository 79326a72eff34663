/* test_charset.c - sets of code points, and the frozen properties.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "support/support.h"
#include "text/charset.h"

static size_t size_of(const anm_charset *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->spans[i].last - s->spans[i].first + 1;
    return n;
}

static size_t size_of_property(const char *name, bool in_brackets)
{
    anm_charset s = { 0 };
    bool known = false;

    assert_true(anm_charset_add_property(&s, (anm_text){ name, strlen(name) },
                                         in_brackets, &known));
    assert_true(known);
    const size_t n = size_of(&s);
    anm_charset_deinit(&s);
    return n;
}

static void spans_that_touch_are_one(void **state)
{
    anm_charset s = { 0 };

    (void)state;
    assert_true(anm_charset_add(&s, 5, 9) && anm_charset_add(&s, 1, 2) &&
                anm_charset_add(&s, 3, 4) && anm_charset_add(&s, 20, 20));
    assert_int_equal(s.n, 2);
    assert_int_equal(s.spans[0].first, 1);
    assert_int_equal(s.spans[0].last, 9);
    assert_true(anm_charset_has(&s, 20) && !anm_charset_has(&s, 10));
    anm_charset_deinit(&s);
}

static void complement_of_complement_is_the_set(void **state)
{
    anm_charset s = { 0 };

    (void)state;
    assert_true(anm_charset_add(&s, 0, 2) && anm_charset_add(&s, 7, 9));
    assert_true(anm_charset_invert(&s));
    assert_int_equal(size_of(&s), 0x110000 - 6);
    assert_true(anm_charset_has(&s, 0x10ffff) && !anm_charset_has(&s, 0));
    assert_true(anm_charset_invert(&s));
    assert_int_equal(size_of(&s), 6);
    anm_charset_deinit(&s);
    assert_true(anm_charset_invert(&s));
    assert_int_equal(size_of(&s), 0x110000);
    assert_true(anm_charset_invert(&s));
    assert_int_equal(s.n, 0);
    anm_charset_deinit(&s);
}

static void intersection_keeps_what_both_have(void **state)
{
    anm_charset a = { 0 }, b = { 0 };

    (void)state;
    assert_true(anm_charset_add(&a, 0, 10) && anm_charset_add(&a, 20, 30));
    assert_true(anm_charset_add(&b, 5, 22) && anm_charset_add(&b, 30, 40));
    assert_true(anm_charset_intersect(&a, &b));
    assert_int_equal(size_of(&a), 6 + 3 + 1);
    assert_true(anm_charset_has(&a, 30) && !anm_charset_has(&a, 23));
    anm_charset_deinit(&a);
    anm_charset_deinit(&b);
}

/* Every way in which a set grows; each is false when memory runs out. */
static anm_status grow(void *ctx, anm_error *err)
{
    anm_charset a = { 0 }, b = { 0 };
    bool ok = true;

    (void)ctx;
    for (uint32_t i = 0; ok && i < 40; i++)
        ok = anm_charset_add(&a, 10 * i, 10 * i + 5);
    ok = ok && anm_charset_add_set(&b, &a) && anm_charset_invert(&b) &&
         anm_charset_add(&b, 3, 12) && anm_charset_intersect(&a, &b);
    if (ok) assert_int_equal(size_of(&a), 3 + 3);
    anm_charset_deinit(&a);
    anm_charset_deinit(&b);
    return ok ? ANM_OK : anm_fail(err, ANM_E_NOMEM, "out of memory");
}

static void memory_may_run_out_at_any_point(void **state)
{
    (void)state;
    test_every_fault(grow, NULL);
}

/* Counted by asking the original about every code point but surrogates. */
static void properties_have_the_sizes_of_the_original(void **state)
{
    (void)state;
    assert_int_equal(size_of_property("L", false), 141028);
    assert_int_equal(size_of_property("N", false), 1911);
    assert_int_equal(size_of_property("M", false), 2501);
    assert_int_equal(size_of_property("P", false), 855);
    assert_int_equal(size_of_property("Punct", false), 855);
    assert_int_equal(size_of_property("S", false), 8514);
    assert_int_equal(size_of_property("Z", false), 19);
    assert_int_equal(size_of_property("Lu", false), 1858);
    assert_int_equal(size_of_property("uppercase letter", false), 1858);
    assert_int_equal(size_of_property("LC", false), 4147);
    assert_int_equal(size_of_property("Han", false), 99030);
    assert_int_equal(size_of_property("Alnum", false), 143519);
    assert_int_equal(size_of_property("Word", false), 144671);
    assert_int_equal(size_of_property("Word", true), 144665);
    assert_int_equal(size_of_property("Space", false), 25);
    assert_int_equal(size_of_property("XDigit", false), 22);
    assert_int_equal(size_of_property("Cn", false), 819533 + 2048);
    assert_int_equal(size_of_property("Any", false), 0x110000);
}

static void posix_names_differ_where_the_original_does(void **state)
{
    anm_charset s = { 0 };
    bool known = false;

    (void)state;
    assert_true(anm_charset_add_posix(&s, (anm_text){ "punct", 5 }, &known));
    assert_true(known);
    assert_int_equal(size_of(&s), 9369);
    assert_true(anm_charset_add_posix(&s, (anm_text){ "L", 1 }, &known));
    assert_false(known);
    assert_true(
        anm_charset_add_property(&s, (anm_text){ "Foo", 3 }, false, &known));
    assert_false(known);
    anm_charset_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_that_touch_are_one),
        cmocka_unit_test(complement_of_complement_is_the_set),
        cmocka_unit_test(intersection_keeps_what_both_have),
        cmocka_unit_test(memory_may_run_out_at_any_point),
        cmocka_unit_test(properties_have_the_sizes_of_the_original),
        cmocka_unit_test(posix_names_differ_where_the_original_does),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
