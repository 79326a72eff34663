/* test_calls.c - a vector does not depend on who else calls, in which class, in
 * what company or with how many threads; and a second identical call costs no
 * memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/host.h"
#include "support/models.h"

enum { CALLERS = 8 };

typedef struct crowd {
    anm_model *m;
    test_texts texts;
    size_t dim;
    float *alone; /* [n, dim] from a quiet model */
    atomic_int wrong;
} crowd;

typedef struct caller {
    crowd *c;
    unsigned seed;
} caller;

static float *embed_alone(anm_model *m, const test_texts *t)
{
    const size_t dim = anm_model_dim(m);
    float *v = anm_alloc_array(t->n * dim, sizeof(*v));
    anm_error err;

    for (size_t i = 0; i < t->n; i++)
        if (anm_embed(m, &t->items[i], 1, v + i * dim, &err))
            fail_msg("%s", err.message);
    return v;
}

/* Live ones, several at once, bulk, and with a receipt, in turn. */
static void *call_often(void *arg)
{
    caller *me = arg;
    crowd *c = me->c;
    float *v = anm_alloc_array(c->texts.n * c->dim, sizeof(*v));
    anm_receipt *receipt = anm_alloc_array(1, sizeof(*receipt));

    for (unsigned round = 0; round < 12; round++) {
        const size_t first = (me->seed * 7 + round * 13) % c->texts.n;
        const size_t most = round % 3 == 0 ? 1 : round % 3 == 1 ? 9 : 1000;
        const size_t left = c->texts.n - first;
        const size_t n = most < left ? most : left;
        const anm_embed_params params = { .bulk = round % 2 == 1 };
        if (anm_embed_with(c->m, c->texts.items + first, n, &params, v, NULL,
                           round % 4 == 0 ? receipt : NULL, NULL) ||
            memcmp(v, c->alone + first * c->dim, n * c->dim * sizeof(*v)) != 0)
            atomic_fetch_add(&c->wrong, 1);
    }
    anm_free(receipt);
    anm_free(v);
    return NULL;
}

static void crowd_gets_the_bits_of_a_lone_caller(void **state)
{
    crowd c = { .texts = test_texts_read(test_data("tiny-texts.jsonl")) };
    anm_options o = test_options("tiny-bert-mean");
    pthread_t threads[CALLERS];
    caller callers[CALLERS];
    (void)state;

    anm_model *quiet = test_model_open(&o);
    c.alone = embed_alone(quiet, &c.texts);
    anm_model_close(quiet);
    o.threads = 2;
    c.m = test_model_open(&o);
    c.dim = anm_model_dim(c.m);
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (caller){ &c, i };
        assert_int_equal(
            pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (unsigned i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.wrong), 0);
    anm_model_close(c.m);
    anm_free(c.alone);
    test_texts_free(&c.texts);
}

static void thread_count_does_not_change_a_bit(void **state)
{
    test_texts texts = test_texts_read(test_data("tiny-texts.jsonl"));
    anm_options o = test_options("tiny-bert-cls");
    float *first = NULL;
    size_t bytes = 0;
    (void)state;

    for (o.threads = 1; o.threads <= 4; o.threads++) {
        anm_model *m = test_model_open(&o);
        float *v = embed_alone(m, &texts);
        if (first) assert_memory_equal(v, first, bytes);
        bytes = texts.n * anm_model_dim(m) * sizeof(*v);
        if (!first) first = v;
        if (v != first) anm_free(v);
        anm_model_close(m);
    }
    anm_free(first);
    test_texts_free(&texts);
}

/* ---- The second identical call ------------------------------------------------ */

/* Allocations of the library and page faults of this thread around a call. */
typedef struct cost {
    uint64_t allocs;
    int64_t faults;
} cost;

static cost cost_of(anm_model *m, const anm_text *texts, size_t n, float *v,
                    anm_receipt *receipt)
{
    anm_alloc_stats before, after;
    anm_host_thread a, b;
    anm_error err;

    anm_host_thread_read(&a);
    anm_alloc_stats_read(&before);
    if (anm_embed_with(m, texts, n, NULL, v, NULL, receipt, &err))
        fail_msg("%s", err.message);
    anm_alloc_stats_read(&after);
    anm_host_thread_read(&b);
    return (cost){ after.n_allocs - before.n_allocs,
                   b.minor_faults - a.minor_faults +
                       (b.major_faults - a.major_faults) };
}

static void check_second_call(const char *model, size_t n_texts, bool recorded)
{
    test_texts texts = test_texts_read(test_data("tiny-texts.jsonl"));
    anm_options o = test_options(model);
    anm_receipt *receipt = anm_alloc_array(1, sizeof(*receipt));

    o.threads = 2;
    anm_model *m = test_model_open(&o);
    float *v = anm_alloc_array(n_texts * anm_model_dim(m), sizeof(*v));
    anm_receipt *wanted = recorded ? receipt : NULL;
    memset(receipt, 1, sizeof(*receipt));
    cost_of(m, texts.items, n_texts, v, wanted);
    cost again = cost_of(m, texts.items, n_texts, v, wanted);
    assert_int_equal(again.allocs, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // A sanitizer's shadow memory has faults of its own; and the system moves
    // pages of its own accord now and then, but not in every call.
    for (int i = 0; i < 4 && again.faults; i++)
        again = cost_of(m, texts.items, n_texts, v, wanted);
    if (again.faults) fail_msg("%lld faults", (long long)again.faults);
#endif
    anm_model_close(m);
    anm_free(receipt);
    anm_free(v);
    test_texts_free(&texts);
}

static void second_identical_call_allocates_nothing(void **state)
{
    (void)state;
    check_second_call("tiny-bert-mean", 1, false);
    check_second_call("tiny-bert-mean", 1, true);
    check_second_call("tiny-bert-mean", 40, false);
}

static void second_call_of_the_real_model_allocates_nothing(void **state)
{
    (void)state;
    if (!test_minilm()) {
        print_message("no $ANM_TEST_MINILM: all-MiniLM-L6-v2 is skipped\n");
        skip();
    }
    check_second_call(test_minilm(), 1, false);
    check_second_call(test_minilm(), 1, true);
    check_second_call(test_minilm(), 20, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crowd_gets_the_bits_of_a_lone_caller),
        cmocka_unit_test(thread_count_does_not_change_a_bit),
        cmocka_unit_test(second_identical_call_allocates_nothing),
        cmocka_unit_test(second_call_of_the_real_model_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
