/* test_fake_play.c - which faults act in a call, and what they add up to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/virtual.h"
#include "support/support.h"

static const char *folder;

/* Play a machine with these faults, serving. */
static void begin(const char *faults, uint64_t seed)
{
    char path[4096];
    anm_error err;

    snprintf(path, sizeof(path), "%s/x.json", folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f,
            "{\"anemone_scenario\":1,\"devices\":{\"cpu\":{}},"
            "\"stages\":{\"tokenize_ms\":1,\"post_ms\":2},"
            "\"workload\":[{\"queries\":20},"
            "{\"queries\":20,\"caller\":\"b\"}],\"faults\":[%s]}",
            faults);
    assert_int_equal(fclose(f), 0);
    if (anm_fake_begin(path, seed, &err)) fail_msg("%s", err.message);
    anm_fake_enter_start(1);
    anm_fake_enter_phase(ANM_FAKE_LIVE);
}

static anm_fake_effect effect_in(unsigned query, const char *caller,
                                 const anm_fake_moment *m)
{
    anm_fake_effect e;

    anm_fake_enter_query(query, caller);
    anm_fake_effect_of_call(m, &e);
    return e;
}

static const anm_fake_moment usual = { .tokens = 20, .idle_ms = 500 };

static bool acts_in(unsigned query)
{
    return effect_in(query, "main", &usual).ms[ANM_FAKE_SLOW] > 0;
}

static void queries_are_counted_from_the_first_planted(void **state)
{
    (void)state;
    begin("{\"kind\":\"slow\",\"ms\":5,\"when\":{\"from_query\":4,"
          "\"to_query\":11,\"every\":3}}",
          1);
    for (unsigned q = 1; q < 20; q++)
        assert_int_equal(acts_in(q), q == 4 || q == 7 || q == 10);
    anm_fake_end();
}

static void every_nth_begins_with_the_first(void **state)
{
    (void)state;
    begin("{\"kind\":\"slow\",\"ms\":5,\"when\":{\"every\":3}}", 1);
    for (unsigned q = 1; q < 12; q++)
        assert_int_equal(acts_in(q), q % 3 == 1);
    anm_fake_end();
}

static void all_conditions_must_hold(void **state)
{
    anm_fake_moment m = usual;
    (void)state;

    begin("{\"kind\":\"slow\",\"ms\":5,\"when\":{\"from_start\":2,"
          "\"caller\":\"b\",\"min_idle_ms\":100,\"min_tokens\":10,"
          "\"max_tokens\":20,\"first_on_thread\":true}}",
          1);
    m.first_on_thread = true;
    assert_true(effect_in(1, "b", &m).ms[ANM_FAKE_SLOW] == 0);
    anm_fake_enter_start(2);
    anm_fake_enter_phase(ANM_FAKE_WARM);
    assert_true(effect_in(1, "b", &m).ms[ANM_FAKE_SLOW] == 0);
    anm_fake_enter_phase(ANM_FAKE_LIVE);
    assert_true(effect_in(1, "b", &m).ms[ANM_FAKE_SLOW] == 5);
    assert_true(effect_in(1, "main", &m).ms[ANM_FAKE_SLOW] == 0);
    assert_true(effect_in(1, NULL, &m).ms[ANM_FAKE_SLOW] == 0);
    for (int i = 0; i < 4; i++) {
        anm_fake_moment other = m;
        if (i == 0) other.idle_ms = 99;
        if (i == 1) other.tokens = 9;
        if (i == 2) other.tokens = 21;
        if (i == 3) other.first_on_thread = false;
        assert_true(effect_in(1, "b", &other).ms[ANM_FAKE_SLOW] == 0);
    }
    anm_fake_end();
}

static void time_is_that_of_the_start(void **state)
{
    (void)state;
    begin("{\"kind\":\"slow\",\"ms\":5,\"when\":{\"from_ms\":10,"
          "\"to_ms\":20}}",
          1);
    for (int i = 0; i < 2; i++) {
        assert_false(acts_in(1));
        anm_virtual_spend(11000000, false);
        assert_true(acts_in(1));
        anm_virtual_spend(11000000, false);
        assert_false(acts_in(1));
        anm_fake_enter_start(2);
        anm_fake_enter_phase(ANM_FAKE_LIVE);
    }
    anm_fake_end();
}

/* One query's stages agree; queries, faults and seeds differ; and the share is
 * what was asked for. */
static void chance_is_drawn_once_a_query(void **state)
{
    unsigned n = 0, same = 0, seeds = 0;
    bool before[1000];
    (void)state;

    for (uint64_t seed = 1; seed <= 2; seed++) {
        begin("{\"kind\":\"slow\",\"ms\":5,\"when\":{\"chance\":0.3}},"
              "{\"kind\":\"paging\",\"ms\":5,\"when\":{\"chance\":0.3}}",
              seed);
        for (unsigned q = 1; q <= 1000; q++) {
            const anm_fake_effect e = effect_in(q, "main", &usual);
            const bool acts = e.ms[ANM_FAKE_SLOW] > 0;
            assert_int_equal(acts_in(q), acts);
            n += acts;
            same += acts == (e.ms[ANM_FAKE_PAGING] > 0);
            if (seed == 2) seeds += acts == before[q - 1];
            before[q - 1] = acts;
        }
        anm_fake_end();
    }
    assert_in_range(n, 520, 680);
    assert_in_range(same, 1050, 1270); // 0.58 of 2000
    assert_in_range(seeds, 520, 640);
}

static void times_add_up_and_factors_multiply(void **state)
{
    (void)state;
    begin("{\"kind\":\"slow\",\"ms\":5,\"factor\":2},"
          "{\"kind\":\"slow\",\"ms\":1,\"factor\":3},"
          "{\"kind\":\"host\",\"factor\":2},"
          "{\"kind\":\"frequency\",\"khz\":1000000},"
          "{\"kind\":\"pad\",\"tokens\":90},{\"kind\":\"pad\",\"tokens\":40},"
          "{\"kind\":\"overhead\",\"ms\":7,\"stage\":\"bind\"}",
          1);
    const anm_fake_effect e = effect_in(1, "main", &usual);
    assert_true(e.ms[ANM_FAKE_SLOW] == 6);
    assert_true(fabs(e.factor - 36) < 1e-9);
    assert_true(fabs(e.host_ratio - 6) < 1e-9);
    assert_true(e.khz == 1000000 && e.tokens == 90);
    assert_true(fabs(e.bind_ms - 7.02) < 1e-9);
    anm_fake_end();
}

static void drift_grows_by_calls_up_to_its_end(void **state)
{
    (void)state;
    begin("{\"kind\":\"drift\",\"per_query\":0.5,\"max_factor\":3,"
          "\"when\":{\"from_query\":3}}",
          1);
    static const double wanted[] = { 1, 1, 1.5, 2, 2.5, 3, 3, 3 };
    for (unsigned q = 1; q <= 8; q++)
        assert_true(effect_in(q, "main", &usual).factor == wanted[q - 1]);
    anm_fake_end();
}

static void idle_costs_more_after_longer_gaps(void **state)
{
    (void)state;
    begin("{\"kind\":\"idle\",\"ms\":10,\"tau_ms\":100}", 1);
    static const double gaps[] = { 0, 100, 100000 };
    static const double wanted[] = { 0, 6.3212, 10 };
    for (int i = 0; i < 3; i++) {
        const anm_fake_moment m = { .tokens = 8, .idle_ms = gaps[i] };
        const double ms = effect_in(1, "main", &m).ms[ANM_FAKE_IDLE];
        assert_true(fabs(ms - wanted[i]) < 1e-3);
    }
    anm_fake_end();
}

/* A slow host slows the stages of the query it is planted in, the first one
 * too. */
static void slow_host_slows_its_own_tokenize(void **state)
{
    (void)state;
    begin("{\"kind\":\"host\",\"factor\":4,\"when\":{\"from_query\":2,"
          "\"every\":2}}",
          1);
    for (unsigned q = 1; q <= 6; q++) {
        anm_fake_enter_query(q, "main");
        const uint64_t start = anm_virtual_now();
        anm_fake_spend_stage(ANM_FAKE_TOKENIZE);
        assert_int_equal(anm_virtual_now() - start, q % 2 ? 1000000 : 4000000);
    }
    anm_fake_end();
}

static void faults_of_loading_look_at_their_start(void **state)
{
    (void)state;
    begin("{\"kind\":\"fail\",\"at\":\"load\",\"when\":{\"start\":2}},"
          "{\"kind\":\"plan\",\"device\":\"cpu\",\"when\":{\"from_start\":3}}",
          1);
    for (unsigned start = 1; start <= 4; start++) {
        anm_fake_enter_start(start);
        assert_int_equal(
            anm_fake_fault_at_load(ANM_FAKE_FAIL, ANM_FAKE_AT_LOAD) != NULL,
            start == 2);
        assert_null(anm_fake_fault_at_load(ANM_FAKE_FAIL, ANM_FAKE_AT_PREPARE));
        assert_int_equal(
            anm_fake_fault_at_load(ANM_FAKE_PLAN, ANM_FAKE_AT_LOAD) != NULL,
            start >= 3);
    }
    anm_fake_end();
}

static void waits_are_counted_as_their_kind(void **state)
{
    const anm_host_thread before = *anm_virtual_counters();
    const anm_host_thread *now = anm_virtual_counters();
    const anm_host_state *host = &anm_virtual_host()->state;
    (void)state;

    const int64_t throttled = host->throttled_ns, memory = host->psi_memory_us;
    anm_fake_count_wait(ANM_FAKE_QUOTA, 3);
    assert_int_equal(host->throttled_ns - throttled, 3000000);
    assert_int_equal(now->run_delay_ns - before.run_delay_ns, 3000000);
    anm_fake_count_wait(ANM_FAKE_PAGING, 2);
    assert_int_equal(now->major_faults - before.major_faults, 8);
    anm_fake_count_wait(ANM_FAKE_MEMORY, 1);
    assert_int_equal(host->psi_memory_us - memory, 1000);
    assert_true(anm_fake_counts_as_cpu(ANM_FAKE_SLOW));
    assert_false(anm_fake_counts_as_cpu(ANM_FAKE_CONTENTION));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_counted_from_the_first_planted),
        cmocka_unit_test(every_nth_begins_with_the_first),
        cmocka_unit_test(all_conditions_must_hold),
        cmocka_unit_test(time_is_that_of_the_start),
        cmocka_unit_test(chance_is_drawn_once_a_query),
        cmocka_unit_test(times_add_up_and_factors_multiply),
        cmocka_unit_test(drift_grows_by_calls_up_to_its_end),
        cmocka_unit_test(idle_costs_more_after_longer_gaps),
        cmocka_unit_test(slow_host_slows_its_own_tokenize),
        cmocka_unit_test(faults_of_loading_look_at_their_start),
        cmocka_unit_test(waits_are_counted_as_their_kind),
    };
    folder = test_temp_folder();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
