/* test_run.c - a call is cut into chunks, and live calls get their turn between
 * the chunks of a bulk call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/run.h"
#include "support/models.h"

#undef malloc
#undef calloc

enum { DIM = 48, N_TEXTS = 600 };

typedef struct bulk_call {
    anm_model *m;
    atomic_bool begun, done;
} bulk_call;

static const char text[] = "the old house by the river stands alone, and every "
                           "window looks west over the water at night";

static void *embed_bulk(void *arg)
{
    bulk_call *call = arg;
    const anm_embed_params params = { .bulk = true };
    anm_text *texts = malloc(N_TEXTS * sizeof(*texts));
    float *v = malloc(N_TEXTS * DIM * sizeof(*v));

    for (size_t i = 0; i < N_TEXTS; i++)
        texts[i] = anm_text_of(text);
    atomic_store(&call->begun, true);
    if (anm_embed_with(call->m, texts, N_TEXTS, &params, v, NULL, NULL, NULL))
        abort();
    atomic_store(&call->done, true);
    free(texts);
    free(v);
    return NULL;
}

static uint64_t sum_of_stages(const anm_run *run)
{
    uint64_t sum = 0;

    for (int s = 0; s < ANM_STAGE_COUNT; s++)
        sum += run->stages_ns[s];
    return sum;
}

static void nothing_lies_between_two_stages(void **state)
{
    anm_run run = anm_run_begin(0);
    (void)state;

    for (int s = 0; s < 4 * ANM_STAGE_COUNT; s++) {
        anm_run_mark(&run, (anm_stage)(s % ANM_STAGE_COUNT));
        assert_int_equal(sum_of_stages(&run), run.mark_ns - run.start_ns);
    }
    anm_run_end(&run);
    assert_int_equal(sum_of_stages(&run), run.total_ns);
}

/* In hundredths of a millisecond, as the receipt tells them. */
static void a_receipt_tells_the_cpu_time_of_its_call(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    anm_model *m = test_model_open(&o);
    const anm_text t = anm_text_of(text);
    float v[DIM];
    anm_receipt r;
    double cpu_ms, wall_ms;
    unsigned threads, n_same = 0;
    (void)state;

    for (int i = 0; i < 20; i++) {
        assert_int_equal(anm_embed_with(m, &t, 1, NULL, v, NULL, &r, NULL),
                         ANM_OK);
        assert_int_equal(sscanf(r.where.how,
                                "thread cpu time %lf ms of %lf ms wall on %u",
                                &cpu_ms, &wall_ms, &threads),
                         3);
        const uint64_t ns = r.total_ns - r.stages_ns[ANM_STAGE_QUEUE];
        // To give the turn back is part of the call and comes later.
        n_same += fabs(wall_ms - (double)ns / 1e6) <= 0.0101;
        assert_true(fabs(cpu_ms - (double)r.counters.cpu_ns / 1e6) <= 0.0101);
        assert_int_equal(threads, anm_model_threads(m));
    }
    assert_in_range(n_same, 10, 20);
    anm_model_close(m);
}

/* Were the bulk call one piece, the first live call would come back only when
 * it is over. */
static void live_calls_are_answered_while_a_bulk_call_runs(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    bulk_call call = { .m = test_model_open(&o) };
    pthread_t thread;
    unsigned answered = 0;
    (void)state;

    assert_int_equal(pthread_create(&thread, NULL, embed_bulk, &call), 0);
    while (!atomic_load(&call.begun))
        anm_sleep_ns(10000);
    for (int i = 0; i < 20; i++) {
        free(test_embed(call.m, "a"));
        if (!atomic_load(&call.done)) answered++;
    }
    pthread_join(thread, NULL);
    assert_true(answered >= 1);
    anm_model_close(call.m);
}

typedef struct waiting {
    uint64_t longest_ns;
    int64_t most_in_flight;
} waiting;

/* Live calls beside one bulk call. */
static void ask_beside_bulk(anm_model *m, waiting *seen)
{
    bulk_call call = { .m = m };
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, embed_bulk, &call), 0);
    while (!atomic_load(&call.begun))
        anm_sleep_ns(10000);
    for (int i = 0; i < 20 && !atomic_load(&call.done); i++) {
        const anm_text t = anm_text_of("a");
        anm_receipt r;
        float v[DIM];
        assert_int_equal(anm_embed_with(m, &t, 1, NULL, v, NULL, &r, NULL),
                         ANM_OK);
        if (r.stages_ns[ANM_STAGE_QUEUE] > seen->longest_ns)
            seen->longest_ns = r.stages_ns[ANM_STAGE_QUEUE];
        if (r.counters.in_flight > seen->most_in_flight)
            seen->most_in_flight = r.counters.in_flight;
    }
    pthread_join(thread, NULL);
}

/* On a busy machine the bulk call can be over before the first live call gets
 * a CPU: then it is made again. */
static void waiting_is_in_the_queue_stage(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    anm_model *m = test_model_open(&o);
    waiting seen = { 0 };
    (void)state;

    for (int i = 0; i < 100 && seen.longest_ns <= 20000; i++)
        ask_beside_bulk(m, &seen);
    assert_true(seen.longest_ns > 20000);
    assert_int_equal(seen.most_in_flight, 2);
    anm_model_close(m);
}

static void infos_are_in_the_order_of_the_texts(void **state)
{
    test_texts texts = test_texts_read(test_data("tiny-texts.jsonl"));
    const anm_options o = test_options("tiny-bert-mean");
    anm_model *m = test_model_open(&o);
    anm_text_info *infos = calloc(texts.n, sizeof(*infos));
    float *v = calloc(texts.n * DIM, sizeof(*v));
    (void)state;

    assert_int_equal(
        anm_embed_with(m, texts.items, texts.n, NULL, v, infos, NULL, NULL),
        ANM_OK);
    for (size_t i = 0; i < texts.n; i++) {
        anm_text_info want;
        size_t n;
        assert_int_equal(
            anm_model_ids(m, texts.items[i], NULL, NULL, 0, &n, &want, NULL),
            ANM_OK);
        assert_int_equal(infos[i].tokens, want.tokens);
        assert_int_equal(infos[i].truncated, want.truncated);
    }
    free(infos);
    free(v);
    anm_model_close(m);
    test_texts_free(&texts);
}

static void peak_and_cost_give_a_floor_below_what_was_measured(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    anm_model *m = test_model_open(&o);
    anm_peak peak;
    (void)state;

    assert_int_equal(anm_model_peak(m, &peak, NULL), ANM_OK);
    assert_true(peak.macs_per_s > 1e6);
    assert_true(peak.bytes_per_s > 1e6);
    const double floor_s = anm_model_cost(m, 16).macs / peak.macs_per_s;
    const uint64_t before = anm_now_ns();
    free(test_embed(m, text));
    assert_true((double)(anm_now_ns() - before) / 1e9 > floor_s);
    anm_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_lies_between_two_stages),
        cmocka_unit_test(a_receipt_tells_the_cpu_time_of_its_call),
        cmocka_unit_test(live_calls_are_answered_while_a_bulk_call_runs),
        cmocka_unit_test(waiting_is_in_the_queue_stage),
        cmocka_unit_test(infos_are_in_the_order_of_the_texts),
        cmocka_unit_test(peak_and_cost_give_a_floor_below_what_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
