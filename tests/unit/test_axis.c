/* Axes have round ticks that do not collide, whatever they are made of, and
 * amounts have a unit and three digits, whatever the locale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <math.h>
#include <string.h>

#include "doctor/svg.h"

#include "support/support.h"

static void amounts_have_three_digits_and_their_unit(void **state)
{
    static const struct {
        anm_amount kind;
        double value;
        const char *text;
    } cases[] = {
        { ANM_AMOUNT_DURATION, 0, "0 ns" },
        { ANM_AMOUNT_DURATION, 999, "999 ns" },
        { ANM_AMOUNT_DURATION, 999.9, "1.00 µs" },
        { ANM_AMOUNT_DURATION, 2328080, "2.33 ms" },
        { ANM_AMOUNT_DURATION, 99.96e6, "100 ms" },
        { ANM_AMOUNT_DURATION, 9.996e6, "10.0 ms" },
        { ANM_AMOUNT_DURATION, 219e9, "219 s" },
        { ANM_AMOUNT_CLOCK, 90e9, "1.50 min" },
        { ANM_AMOUNT_COUNT, 103, "103" },
        { ANM_AMOUNT_COUNT, 0.25, "0.25" },
        { ANM_AMOUNT_SHARE, 0.979, "97.9 %" },
        { ANM_AMOUNT_SHARE, 1, "100 %" },
        { ANM_AMOUNT_TIMES, 1.5, "1.50 ×" },
        { ANM_AMOUNT_BYTES, 90405304, "90.4 MB" },
        { ANM_AMOUNT_HERTZ, 2.4e9, "2.40 GHz" },
        { ANM_AMOUNT_COUNT, (double)NAN, "-" },
        { ANM_AMOUNT_DURATION, (double)INFINITY, "-" },
    };
    char text[32];
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_amount_text(text, cases[i].kind, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
}

static void numbers_have_a_point_in_every_locale(void **state)
{
    static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "C" };
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        anm_buf b = { 0 };
        if (!setlocale(LC_ALL, names[i])) continue;
        anm_put_number(&b, -12.345, 2);
        anm_buf_puts(&b, " ");
        anm_put_number(&b, -0.001, 2);
        anm_buf_puts(&b, " ");
        anm_put_number(&b, 12.0, 3);
        anm_buf_puts(&b, " ");
        anm_put_number(&b, (double)NAN, 1);
        anm_buf_puts(&b, " ");
        anm_put_number(&b, 1e300, 1);
        assert_string_equal(b.data, "-12.35 0 12 0 900000000000000000");
        anm_buf_deinit(&b);
    }
    setlocale(LC_ALL, "C");
}

static void check_axis(const anm_axis *a)
{
    anm_tick ticks[ANM_TICKS_MAX];
    const size_t n = anm_axis_ticks(a, ticks);

    assert_true(isfinite(a->low) && isfinite(a->high) && a->low < a->high);
    assert_true(n <= ANM_TICKS_MAX);
    for (size_t i = 0; i < n; i++) {
        const double at = anm_axis_at(a, ticks[i].value);
        assert_true(at >= fmin(a->begin, a->end) - 0.01);
        assert_true(at <= fmax(a->begin, a->end) + 0.01);
        assert_true(strlen(ticks[i].text) > 0);
        if (i == 0) continue;
        assert_true(ticks[i].value > ticks[i - 1].value);
        assert_string_not_equal(ticks[i].text, ticks[i - 1].text);
    }
}

static void any_ends_give_an_axis(void **state)
{
    static const double ends[] = { -1e300,    -5, 0,    1e-9, 0.9,     1,
                                   1.0000001, 7,  8760, 3e6,  9.99e17, 1e300 };
    enum { N = sizeof(ends) / sizeof(ends[0]) };
    (void)state;

    for (int kind = 0; kind <= ANM_AMOUNT_BYTES; kind++)
        for (int log = 0; log < 2; log++)
            for (int tight = 0; tight < 2; tight++)
                for (size_t i = 0; i < (N + 2) * (N + 2); i++) {
                    const size_t l = i / (N + 2), h = i % (N + 2);
                    const anm_axis_params p = {
                        .kind = (anm_amount)kind,
                        .low = l < N    ? ends[l]
                               : l == N ? (double)NAN
                                        : (double)INFINITY,
                        .high = h < N    ? ends[h]
                                : h == N ? (double)NAN
                                         : (double)INFINITY,
                        .begin = 200,
                        .end = 10,
                        .n_ticks = i % 10,
                        .is_log = log,
                        .is_tight = tight,
                    };
                    const anm_axis a = anm_axis_make(&p);
                    check_axis(&a);
                }
}

static anm_axis make(anm_amount kind, double low, double high, bool is_log)
{
    const anm_axis_params p = { .kind = kind,
                                .low = low,
                                .high = high,
                                .begin = 0,
                                .end = 100,
                                .n_ticks = 5,
                                .is_log = is_log };
    return anm_axis_make(&p);
}

static void ends_and_ticks_are_round(void **state)
{
    anm_tick t[ANM_TICKS_MAX];
    (void)state;

    const anm_axis a = make(ANM_AMOUNT_DURATION, 0, 4.3e6, false);
    assert_int_equal(anm_axis_ticks(&a, t), 6);
    assert_string_equal(t[5].text, "5");
    assert_string_equal(a.unit, "ms");
    const anm_axis b = make(ANM_AMOUNT_DURATION, 0.7e6, 90e6, true);
    assert_int_equal(anm_axis_ticks(&b, t), 8);
    assert_string_equal(t[0].text, "0.5");
    assert_string_equal(t[7].text, "100");
    // No label has five digits.
    const anm_axis e = make(ANM_AMOUNT_DURATION, 60e6, 7.8e9, true);
    assert_int_equal(anm_axis_ticks(&e, t), 8);
    assert_string_equal(t[0].text, "50 ms");
    assert_string_equal(t[7].text, "10 s");
    const anm_axis d = make(ANM_AMOUNT_DURATION, 100, 1e11, true);
    assert_int_equal(anm_axis_ticks(&d, t), 5);
    assert_string_equal(d.unit, "");
    assert_string_equal(t[0].text, "100 ns");
    assert_string_equal(t[2].text, "1 ms");
    assert_string_equal(t[4].text, "10 s");
    const anm_axis c = make(ANM_AMOUNT_CLOCK, 0, 5 * 3600e9, false);
    assert_string_equal(c.unit, "h");
    assert_int_equal(anm_axis_ticks(&c, t), 6);
    assert_string_equal(t[1].text, "1");
}

static void what_lies_outside_is_drawn_at_the_edge(void **state)
{
    const anm_axis a = make(ANM_AMOUNT_COUNT, 0, 10, false);
    (void)state;

    assert_true(anm_axis_at(&a, -5) == 0);
    assert_true(anm_axis_at(&a, 1e300) == 100);
    assert_true(anm_axis_at(&a, (double)NAN) == 0);
    assert_true(fabs(anm_axis_at(&a, 5) - 50) < 1e-9);
    const anm_axis b = make(ANM_AMOUNT_COUNT, 1, 100, true);
    assert_true(fabs(anm_axis_at(&b, 10) - 50) < 1e-9);
    assert_true(anm_axis_at(&b, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_have_three_digits_and_their_unit),
        cmocka_unit_test(numbers_have_a_point_in_every_locale),
        cmocka_unit_test(any_ends_give_an_axis),
        cmocka_unit_test(ends_and_ticks_are_round),
        cmocka_unit_test(what_lies_outside_is_drawn_at_the_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
