/* Texts that describe a machine, and this machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/machine.h"

#include <locale.h>
#include <string.h>

#include "support/support.h"

static void choice_is_the_word_in_brackets(void **state)
{
    char out[16];
    (void)state;

    anm_machine_choice("always [madvise] never\n", out, sizeof(out));
    assert_string_equal(out, "madvise");
    anm_machine_choice("never", out, sizeof(out));
    assert_string_equal(out, "");
    anm_machine_choice("]x[", out, sizeof(out));
    assert_string_equal(out, "");
    anm_machine_choice("[a word that is too long]", out, sizeof(out));
    assert_string_equal(out, "");
}

static void size_has_a_unit_or_none(void **state)
{
    int64_t n = -1;
    (void)state;

    assert_true(anm_machine_size("512K\n", &n) && n == 512 << 10);
    assert_true(anm_machine_size("33M", &n) && n == 33 << 20);
    assert_true(anm_machine_size("32768\n", &n) && n == 32768);
    assert_false(anm_machine_size("", &n));
    assert_false(anm_machine_size("K", &n));
    assert_false(anm_machine_size("-1", &n));
    assert_false(anm_machine_size("5X", &n));
    assert_false(anm_machine_size("99999999999999999999", &n));
    assert_false(anm_machine_size("9223372036854775807G", &n));
}

static void pressure_is_a_share_of_the_last_seconds(void **state)
{
    double v = -1;
    (void)state;

    assert_true(anm_machine_psi("some avg10=0.25 avg60=0.2 total=3\n", &v) &&
                v == 0.25);
    assert_false(anm_machine_psi("full avg10=0.25 total=3\n", &v));
    assert_false(anm_machine_psi("some avg10=", &v));
    assert_false(anm_machine_psi("some avg10=nan avg60=0", &v));
    assert_false(anm_machine_psi("some avg10=101 avg60=0", &v));
}

static void pressure_does_not_ask_the_locale(void **state)
{
    const bool has_comma = setlocale(LC_NUMERIC, "de_DE.UTF-8") ||
                           setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    double v = -1;
    (void)state;

    if (!has_comma) skip(); // no locale with a decimal comma here
    const bool read =
        anm_machine_psi("some avg10=0.25 avg60=0.2 total=3\n", &v);
    setlocale(LC_NUMERIC, "C");
    assert_true(read && v == 0.25);
}

static void this_machine_is_somewhat_known(void **state)
{
    anm_machine m;
    (void)state;

    anm_machine_read(&m);
    assert_true(m.cpus >= 1 && *m.cpu && *m.system);
    assert_true(m.n_accelerators <= ANM_ACCELERATORS_MAX);
#if defined(__linux__)
    assert_true(m.memory_bytes > 0 && m.available_bytes <= m.memory_bytes);
    assert_true(m.memory_limit_bytes == ANM_COUNTER_UNKNOWN ||
                m.memory_limit_bytes < m.memory_bytes);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choice_is_the_word_in_brackets),
        cmocka_unit_test(size_has_a_unit_or_none),
        cmocka_unit_test(pressure_is_a_share_of_the_last_seconds),
        cmocka_unit_test(pressure_does_not_ask_the_locale),
        cmocka_unit_test(this_machine_is_somewhat_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
