/* test_evidence.c - a device is named only by a witness, and the strongest one
 * is believed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/evidence.h"

#include <string.h>

#include "support/support.h"

static anm_testimony of(const anm_statement *items, size_t n)
{
    anm_testimony t = { 0 };

    for (size_t i = 0; i < n; i++)
        anm_testimony_add(&t, &items[i]);
    return t;
}

static void the_witness_decides_the_strength(void **state)
{
    static const anm_evidence want[] = {
        [ANM_WITNESS_CONFIGURATION] = ANM_EVIDENCE_CONFIGURED,
        [ANM_WITNESS_PLAN] = ANM_EVIDENCE_PLANNED,
        [ANM_WITNESS_CPU_TIME] = ANM_EVIDENCE_OBSERVED,
        [ANM_WITNESS_DEVICE] = ANM_EVIDENCE_OBSERVED,
    };
    (void)state;

    for (int w = 0; w < 4; w++) {
        const anm_statement s = anm_statement_make(
            (anm_witness)w, ANM_DEVICE_ANE, 0.5, "%d of %d", 3, 4);
        assert_int_equal(anm_statement_evidence(&s), want[w]);
        assert_int_equal(anm_statement_device(&s), ANM_DEVICE_ANE);
        assert_string_equal(anm_statement_how(&s), "3 of 4");
    }
}

static void ready_words_are_cut_to_fit(void **state)
{
    char words[400];
    (void)state;

    memset(words, 'w', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    const anm_statement s =
        anm_statement_quote(ANM_WITNESS_CPU_TIME, ANM_DEVICE_CPU, 1, words);
    const anm_statement same = anm_statement_make(
        ANM_WITNESS_CPU_TIME, ANM_DEVICE_CPU, 1, "%s", words);
    assert_string_equal(anm_statement_how(&s), anm_statement_how(&same));
    assert_int_equal(strlen(anm_statement_how(&s)), 199);
    assert_int_equal(anm_statement_evidence(&s), anm_statement_evidence(&same));
}

static void without_a_witness_nothing_is_known(void **state)
{
    const anm_statement s = { 0 };
    const anm_testimony t = { 0 };
    (void)state;

    assert_int_equal(anm_statement_device(&s), ANM_DEVICE_UNKNOWN);
    assert_true(anm_statement_share(&s) < 0);
    const anm_statement *best = anm_testimony_strongest(&t);
    assert_int_equal(anm_statement_evidence(best), ANM_EVIDENCE_UNKNOWN);
    assert_int_equal(anm_statement_device(best), ANM_DEVICE_UNKNOWN);
    assert_null(anm_testimony_against(&t));
}

static void the_strongest_is_believed_and_its_opposite_is_kept(void **state)
{
    const anm_statement said[] = {
        anm_statement_make(ANM_WITNESS_CONFIGURATION, ANM_DEVICE_ANE, -1, "c"),
        anm_statement_make(ANM_WITNESS_PLAN, ANM_DEVICE_ANE, 0.9, "p"),
        anm_statement_make(ANM_WITNESS_CPU_TIME, ANM_DEVICE_CPU, 1, "o"),
    };
    const anm_testimony t = of(said, 3);
    (void)state;

    const anm_statement *best = anm_testimony_strongest(&t);
    assert_int_equal(anm_statement_device(best), ANM_DEVICE_CPU);
    assert_string_equal(anm_statement_how(anm_testimony_against(&t)), "p");
}

static void shares_that_fit_together_do_not_contradict(void **state)
{
    const anm_statement said[] = {
        anm_statement_make(ANM_WITNESS_PLAN, ANM_DEVICE_ANE, 0.9, "p"),
        anm_statement_make(ANM_WITNESS_CPU_TIME, ANM_DEVICE_CPU, 0.1, "o"),
    };
    const anm_testimony t = of(said, 2);
    (void)state;

    assert_null(anm_testimony_against(&t));
    const anm_statement mixed =
        anm_statement_make(ANM_WITNESS_DEVICE, ANM_DEVICE_MIXED, -1, "m");
    assert_false(anm_statements_contradict(&said[0], &mixed));
    assert_false(anm_statements_contradict(&said[0], &said[0]));
}

static void the_weakest_makes_room(void **state)
{
    anm_testimony t = { 0 };
    (void)state;

    for (int i = 0; i < 6; i++) {
        const anm_statement s =
            anm_statement_make(i == 5 ? ANM_WITNESS_DEVICE : ANM_WITNESS_PLAN,
                               ANM_DEVICE_GPU, 1, "%d", i);
        anm_testimony_add(&t, &s);
    }
    assert_int_equal(t.n, ANM_TESTIMONY_MAX);
    assert_string_equal(anm_statement_how(anm_testimony_strongest(&t)), "5");
}

static void chunks_on_two_devices_are_mixed(void **state)
{
    const anm_statement cpu =
        anm_statement_make(ANM_WITNESS_CPU_TIME, ANM_DEVICE_CPU, 1, "a");
    const anm_statement gpu =
        anm_statement_make(ANM_WITNESS_DEVICE, ANM_DEVICE_GPU, 1, "b");
    anm_testimony t = { 0 }, a = of(&cpu, 1), b = of(&gpu, 1);
    (void)state;

    a.excluded = 6;
    b.excluded = 4;
    anm_testimony_join(&t, &a);
    assert_int_equal(anm_statement_device(anm_testimony_strongest(&t)),
                     ANM_DEVICE_CPU);
    anm_testimony_join(&t, &a);
    assert_int_equal(anm_statement_device(anm_testimony_strongest(&t)),
                     ANM_DEVICE_CPU);
    anm_testimony_join(&t, &b);
    assert_int_equal(anm_statement_device(anm_testimony_strongest(&t)),
                     ANM_DEVICE_MIXED);
    assert_int_equal(t.excluded, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_witness_decides_the_strength),
        cmocka_unit_test(ready_words_are_cut_to_fit),
        cmocka_unit_test(without_a_witness_nothing_is_known),
        cmocka_unit_test(the_strongest_is_believed_and_its_opposite_is_kept),
        cmocka_unit_test(shares_that_fit_together_do_not_contradict),
        cmocka_unit_test(the_weakest_makes_room),
        cmocka_unit_test(chunks_on_two_devices_are_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
