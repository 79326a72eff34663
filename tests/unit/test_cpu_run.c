/* test_cpu_run.c - a call: what is refused, masks, passes, taps, what is
 * observed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"
#include "support/support.h"

#include "base/alloc.h"
#include "base/host.h"
#include "graph/pass.h"

#undef malloc
#undef calloc

enum { VOCAB = 97, DIM = 48, MOST = 200 };

typedef struct fixture {
    test_graph graph;
    anm_program program;
    test_runner runner;
    int32_t ids[4096], mask[4096];
    anm_input inputs[64];
    float vectors[64 * DIM];
    uint64_t bind_ns; // of the latest call
} fixture;

static void set_up_with(fixture *f, unsigned threads, unsigned passes)
{
    *f = (fixture){ 0 };
    test_bert_init(&f->graph, &(test_bert){ .normalize = true });
    assert_int_equal(anm_graph_optimize(f->graph.graph, passes, NULL), ANM_OK);
    f->program = test_program(f->graph.graph, MOST);
    test_runner_init(&f->runner, &f->program, threads, anm_cpu_detect());
}

static int set_up(void **state)
{
    static fixture f;

    set_up_with(&f, 2, ANM_PASS_ALL);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    test_runner_deinit(&f->runner);
    test_graph_deinit(&f->graph);
    return 0;
}

/* n texts of len tokens each. */
static void fill(fixture *f, size_t n, size_t len)
{
    uint64_t seed = n * 1000 + len;

    assert_true(n <= 64 && n * len <= 4096);
    for (size_t i = 0; i < n; i++)
        f->inputs[i] =
            test_input(f->ids + i * len, f->mask + i * len, len, VOCAB, &seed);
}

static const anm_spent spent = { .cpu_ns = 1500000, .wall_ns = 2340000 };

static anm_status call(fixture *f, size_t n, anm_observed *o, anm_error *err)
{
    const anm_call c = { .inputs = f->inputs,
                         .n_inputs = n,
                         .vectors = f->vectors,
                         .counted = true };

    const anm_status status =
        anm_backend_cpu.predict(f->runner.runner, &c, &f->bind_ns, err);
    if (!status) anm_backend_cpu.observe(f->runner.runner, &spent, o);
    return status;
}

static void call_is_refused(fixture *f, size_t n, const char *word)
{
    anm_observed o;
    anm_error err = { 0 };

    assert_int_equal(call(f, n, &o, &err), ANM_E_ARG);
    if (!strstr(err.message, word))
        fail_msg("no \"%s\" in \"%s\"", word, err.message);
}

static void id_outside_the_table_is_refused_with_both_numbers(void **state)
{
    static const int32_t wrong[] = { -1, VOCAB, INT32_MAX, INT32_MIN };
    fixture *f = *state;

    for (size_t i = 0; i < 4; i++) {
        char word[32];
        fill(f, 3, 10);
        f->ids[25] = wrong[i];
        snprintf(word, sizeof(word), "id %d,", (int)wrong[i]);
        call_is_refused(f, 3, word);
        call_is_refused(f, 3, "text 2");
        call_is_refused(f, 3, "97 rows");
        f->mask[25] = 0; // a position that does not exist has no id
        assert_int_equal(call(f, 3, &(anm_observed){ 0 }, NULL), ANM_OK);
    }
}

static void text_without_tokens_or_with_too_many_is_refused(void **state)
{
    fixture *f = *state;

    fill(f, 2, 5);
    memset(f->mask + 5, 0, 5 * sizeof(f->mask[0]));
    call_is_refused(f, 2, "text 1: 0 tokens");
    fill(f, 1, MOST + 1);
    call_is_refused(f, 1, "text 0: 201 tokens, allowed 1 to 200");
    f->mask[77] = 0;
    assert_int_equal(call(f, 1, &(anm_observed){ 0 }, NULL), ANM_OK);
}

static void runner_works_after_a_refused_call(void **state)
{
    fixture *f = *state;
    float before[DIM];

    fill(f, 1, 9);
    test_predict(&f->runner, f->inputs, 1, before);
    f->ids[3] = VOCAB;
    call_is_refused(f, 1, "text 0");
    fill(f, 1, 9);
    test_predict(&f->runner, f->inputs, 1, f->vectors);
    assert_memory_equal(before, f->vectors, sizeof(before));
}

static void no_text_is_no_work(void **state)
{
    anm_observed o;

    assert_int_equal(call(*state, 0, &o, NULL), ANM_OK);
}

static void tap_without_a_value_or_room_is_refused(void **state)
{
    fixture *f = *state;
    float room[64];
    anm_tap tap = { .name = "layer_09.act", .out = room, .cap = 64 };
    const anm_call c = { .inputs = f->inputs,
                         .n_inputs = 1,
                         .vectors = f->vectors,
                         .taps = &tap,
                         .n_taps = 1 };
    anm_error err;

    fill(f, 1, 2);
    assert_int_equal(
        anm_backend_cpu.predict(f->runner.runner, &c, &f->bind_ns, &err),
        ANM_E_ARG);
    assert_non_null(strstr(err.message, "layer_09.act"));
    tap.name = "layer_00.embedding";
    assert_int_equal(
        anm_backend_cpu.predict(f->runner.runner, &c, &f->bind_ns, &err),
        ANM_E_ARG);
    assert_non_null(strstr(err.message, "96 floats"));
}

/* More texts than one pass holds: taps follow the texts over all passes. */
static void taps_hold_all_texts_of_all_passes(void **state)
{
    enum { TEXTS = 40, LEN = 100 };
    fixture *f = *state;
    float *all = calloc(TEXTS * LEN * DIM, sizeof(float));
    anm_tap tap = { .name = "layer_00.embedding",
                    .out = all,
                    .cap = TEXTS * LEN * DIM };
    const anm_call c = { .inputs = f->inputs,
                         .n_inputs = TEXTS,
                         .vectors = f->vectors,
                         .taps = &tap,
                         .n_taps = 1 };
    float *one = calloc(LEN * DIM, sizeof(float));

    fill(f, TEXTS, LEN);
    assert_int_equal(
        anm_backend_cpu.predict(f->runner.runner, &c, &f->bind_ns, NULL),
        ANM_OK);
    assert_int_equal(tap.n, TEXTS * LEN * DIM);
    for (size_t i = 0; i < TEXTS; i++) {
        anm_tap single = { "layer_00.embedding", one, LEN * DIM, 0 };
        const anm_call alone = { .inputs = f->inputs + i,
                                 .n_inputs = 1,
                                 .vectors = f->vectors,
                                 .taps = &single,
                                 .n_taps = 1 };
        assert_int_equal(anm_backend_cpu.predict(f->runner.runner, &alone,
                                                 &f->bind_ns, NULL),
                         ANM_OK);
        assert_memory_equal(one, all + i * LEN * DIM,
                            LEN * DIM * sizeof(float));
    }
    free(all);
    free(one);
}

/* What a call told: one operation after the other, up to all of them. */
typedef struct told {
    size_t last, total, passes;
} told;

static void note(void *ctx, size_t done, size_t total)
{
    told *t = ctx;

    assert_int_equal(done, t->last + 1);
    assert_true(done <= total);
    t->total = total;
    t->last = done == total ? 0 : done;
    t->passes += done == total;
}

static void who_waits_is_told_of_every_operation(void **state)
{
    fixture *f = *state;
    told t = { 0 };
    const anm_call c = { .inputs = f->inputs,
                         .n_inputs = 2,
                         .vectors = f->vectors,
                         .told = note,
                         .told_ctx = &t };

    fill(f, 2, 9);
    assert_int_equal(
        anm_backend_cpu.predict(f->runner.runner, &c, &f->bind_ns, NULL),
        ANM_OK);
    assert_true(t.total > 1);
    assert_int_equal(t.last, 0);
    assert_int_equal(t.passes, 1);
}

static void what_was_observed_is_the_cpu(void **state)
{
    fixture *f = *state;
    anm_observed o;

    fill(f, 8, 100);
    assert_int_equal(call(f, 8, &o, NULL), ANM_OK);
    const anm_statement *w = anm_testimony_strongest(&o.where);
    assert_int_equal(anm_statement_device(w), ANM_DEVICE_CPU);
    assert_int_equal(anm_statement_evidence(w), ANM_EVIDENCE_OBSERVED);
    assert_true(anm_statement_share(w) == 1.0);
    assert_int_equal(o.where.excluded,
                     1u << ANM_DEVICE_GPU | 1u << ANM_DEVICE_ANE);
    double cpu_ms, wall_ms;
    unsigned threads;
    assert_int_equal(sscanf(anm_statement_how(w),
                            "thread cpu time %lf ms of %lf ms wall on %u",
                            &cpu_ms, &wall_ms, &threads),
                     3);
    assert_float_equal(wall_ms, 2.34, 0.0001);
    // The caller's share and the worker's.
    assert_true(fabs(cpu_ms - 1.5 - (double)o.cpu_ns / 1e6) <= 0.00501);
    assert_non_null(strstr(anm_statement_how(w), "2 threads"));
    assert_true(f->bind_ns > 0);
    // On a busy machine a worker can miss a call, and not all of them.
    for (int i = 0; i < 2000 && o.cpu_ns == 0; i++)
        assert_int_equal(call(f, 8, &o, NULL), ANM_OK);
    assert_true(o.cpu_ns > 0);
}

/* What a call used that nobody observes, because nobody wants a receipt of it or
 * because nobody asked, is not charged to the next one. */
static void calls_that_are_not_observed_charge_nobody(void **state)
{
    fixture *f = *state;
    anm_observed o;
    int64_t most = 0, least = INT64_MAX;

    fill(f, 8, 100);
    anm_call quiet = { .inputs = f->inputs,
                       .n_inputs = 8,
                       .vectors = f->vectors };
    for (int i = 0; i < 8; i++) {
        quiet.counted = i % 4 > 1;
        for (int k = 0; k < 40 * (i % 2); k++) {
            assert_int_equal(anm_backend_cpu.predict(f->runner.runner, &quiet,
                                                     &f->bind_ns, NULL),
                             ANM_OK);
        }
        assert_int_equal(call(f, 8, &o, NULL), ANM_OK);
        if (o.cpu_ns > most) most = o.cpu_ns;
        if (o.cpu_ns < least) least = o.cpu_ns;
        assert_true(o.run_delay_max_ns <= o.run_delay_ns);
        assert_true(o.device_wait_ns == ANM_COUNTER_UNKNOWN);
    }
    assert_true(most < 20 * least + 20000000);
}

/* Faults of caller and workers in one call. */
static int64_t count_faults(fixture *f, size_t n)
{
    anm_host_thread before, after;
    anm_observed o;

    anm_host_thread_read(&before);
    assert_int_equal(call(f, n, &o, NULL), ANM_OK);
    anm_host_thread_read(&after);
    return after.minor_faults - before.minor_faults + after.major_faults -
           before.major_faults + o.minor_faults + o.major_faults;
}

static void second_call_is_free(unsigned threads, unsigned passes, size_t n,
                                size_t len)
{
    static fixture f;
    anm_alloc_stats before, after;
    anm_observed o;

    set_up_with(&f, threads, passes);
    fill(&f, n, len);
    assert_int_equal(call(&f, n, &o, NULL), ANM_OK);
    anm_alloc_stats_read(&before);
    int64_t faults = count_faults(&f, n);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.n_allocs, before.n_allocs);
    assert_int_equal(after.n_frees, before.n_frees);
    // The system takes a page away now and then; a fault of ours stays.
    for (unsigned i = 0; i < 4 && faults > 0; i++)
        faults = count_faults(&f, n);
    if (test_counts_own_faults()) assert_int_equal(faults, 0);
    test_runner_deinit(&f.runner);
    test_graph_deinit(&f.graph);
}

static void second_identical_call_allocates_and_faults_nothing(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 2; threads++) {
        second_call_is_free(threads, ANM_PASS_ALL, 1, 8);
        second_call_is_free(threads, ANM_PASS_ALL, 1, MOST);
        second_call_is_free(threads, ANM_PASS_ALL, 40, 100);
        second_call_is_free(threads, 0, 3, 50);
    }
}

static void each_failed_allocation_leaves_the_runner_usable(void **state)
{
    fixture f;
    float expected[8 * DIM];

    (void)state;
    set_up_with(&f, 1, ANM_PASS_ALL);
    fill(&f, 8, 100);
    for (uint64_t k = 1;; k++) {
        anm_observed o;

        test_fault_arm(k);
        const anm_status status = call(&f, 8, &o, NULL);
        const bool failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        if (!failed) break;
        // What fitted before still runs.
        assert_int_equal(call(&f, 0, &o, NULL), ANM_OK);
        f.inputs[0].len = 8;
        assert_int_equal(call(&f, 1, &o, NULL), ANM_OK);
        f.inputs[0].len = 100;
    }
    memcpy(expected, f.vectors, sizeof(expected));
    test_predict(&f.runner, f.inputs, 8, f.vectors);
    assert_memory_equal(expected, f.vectors, sizeof(expected));
    test_runner_deinit(&f.runner);
    test_graph_deinit(&f.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_outside_the_table_is_refused_with_both_numbers),
        cmocka_unit_test(text_without_tokens_or_with_too_many_is_refused),
        cmocka_unit_test(runner_works_after_a_refused_call),
        cmocka_unit_test(no_text_is_no_work),
        cmocka_unit_test(tap_without_a_value_or_room_is_refused),
        cmocka_unit_test(taps_hold_all_texts_of_all_passes),
        cmocka_unit_test(who_waits_is_told_of_every_operation),
        cmocka_unit_test(what_was_observed_is_the_cpu),
        cmocka_unit_test(calls_that_are_not_observed_charge_nobody),
        cmocka_unit_test(second_identical_call_allocates_and_faults_nothing),
        cmocka_unit_test(each_failed_allocation_leaves_the_runner_usable),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
