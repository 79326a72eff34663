/* test_rows.c - the bits of a vector do not depend on its company: other texts,
 * its place among them, padding, threads, a busy machine. At each level.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "support/decoder.h"
#include "support/program.h"
#include "support/support.h"

#include "graph/pass.h"

enum { DIM = 48, MOST = 150, TEXTS = 24, THREADS = 8, PAD = 20 };

/* Lengths around tile heights, panels and blocks of queries. */
static const size_t lens[TEXTS] = { 1,  2,  3,  5,  6,  7,  8,   11,
                                    12, 13, 14, 15, 16, 17, 25,  28,
                                    29, 48, 95, 96, 97, 98, 149, 150 };

typedef struct texts {
    int32_t ids[TEXTS][MOST + 2 * PAD], mask[TEXTS][MOST + 2 * PAD];
    anm_input inputs[TEXTS];
} texts;

/* Each text between `left` and `right` masked positions, whose ids are
 * nonsense. */
static void make_texts(texts *t, size_t left, size_t right)
{
    uint64_t seed = 2;

    for (size_t i = 0; i < TEXTS; i++) {
        const size_t len = left + lens[i] + right;

        for (size_t j = 0; j < len; j++) {
            t->ids[i][j] = -12345;
            t->mask[i][j] = 0;
        }
        test_input(t->ids[i] + left, t->mask[i] + left, lens[i], 97, &seed);
        t->inputs[i] = (anm_input){ t->ids[i], t->mask[i], len };
    }
}

/* A model of one level, and the vectors of each text alone on one thread. */
typedef struct model {
    test_graph graph;
    anm_program program;
    unsigned cpu;
    float alone[TEXTS][DIM];
} model;

static void model_init(model *m, bool decoder, unsigned cpu)
{
    static texts t;
    test_runner r;

    if (decoder)
        test_decoder_init(&m->graph,
                          &(test_decoder){ .layers = 1, .inner = 40 });
    else
        test_bert_init(&m->graph, &(test_bert){ .normalize = true });
    assert_int_equal(anm_graph_optimize(m->graph.graph, ANM_PASS_ALL, NULL),
                     ANM_OK);
    m->program = test_program(m->graph.graph, MOST);
    m->cpu = cpu;
    make_texts(&t, 0, 0);
    test_runner_init(&r, &m->program, 1, cpu);
    for (size_t i = 0; i < TEXTS; i++)
        test_predict(&r, &t.inputs[i], 1, m->alone[i]);
    test_runner_deinit(&r);
}

/* Texts picked[0..n) in one call have the bits they have alone. */
static void check_call(const model *m, test_runner *r, const texts *t,
                       const size_t *picked, size_t n)
{
    anm_input inputs[40] = { 0 };
    float vectors[40][DIM];

    for (size_t i = 0; i < n; i++)
        inputs[i] = t->inputs[picked[i]];
    test_predict(r, inputs, n, vectors[0]);
    for (size_t i = 0; i < n; i++)
        if (memcmp(vectors[i], m->alone[picked[i]], sizeof(vectors[i])) != 0)
            fail_msg("text of %zu tokens at %zu of %zu has other bits",
                     lens[picked[i]], i, n);
}

/* Batches of many sizes, texts in many places. */
static void check_batches(const model *m, test_runner *r, const texts *t)
{
    static const size_t sizes[] = { 2, 3, 7, 40 };
    uint64_t seed = 9;

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (unsigned round = 0; round < 2; round++) {
            size_t picked[40];

            for (size_t i = 0; i < sizes[s]; i++)
                picked[i] = test_random(&seed) % TEXTS;
            check_call(m, r, t, picked, sizes[s]);
        }
    }
}

static void for_each_level(void (*fn)(const model *m))
{
    unsigned masks[16];
    const size_t n = test_levels(masks);
    size_t i = 0;

#ifdef __SANITIZE_THREAD__
    // Levels differ in arithmetic, not in who waits for whom.
    i = 2 * (n - 1);
#endif
    for (; i < 2 * n; i++) {
        static model m;
        model_init(&m, i % 2, masks[i / 2]);
        fn(&m);
        test_graph_deinit(&m.graph);
    }
}

static void try_batches_and_threads(const model *m)
{
    static texts t;

    make_texts(&t, 0, 0);
    for (unsigned threads = 1; threads <= THREADS; threads += threads / 2 + 1) {
        test_runner r;

        test_runner_init(&r, &m->program, threads, m->cpu);
        for (size_t i = 0; i < TEXTS; i++)
            check_call(m, &r, &t, &i, 1);
        check_batches(m, &r, &t);
        test_runner_deinit(&r);
    }
}

static void bits_do_not_depend_on_batch_place_or_threads(void **state)
{
    (void)state;
    for_each_level(try_batches_and_threads);
}

static void try_padding(const model *m)
{
    static texts t;
    test_runner r;

    test_runner_init(&r, &m->program, 2, m->cpu);
    for (size_t left = 0; left <= PAD; left += PAD / 2) {
        make_texts(&t, left, PAD - left);
        for (size_t i = 0; i < TEXTS; i++)
            check_call(m, &r, &t, &i, 1);
        check_batches(m, &r, &t);
    }
    test_runner_deinit(&r);
}

static void bits_do_not_depend_on_masked_positions(void **state)
{
    (void)state;
    for_each_level(try_padding);
}

/* ---- A neighbour --------------------------------------------------------- */

static atomic_bool stop;

static void *be_busy(void *unused)
{
    volatile unsigned n = 0;

    while (!atomic_load(&stop))
        n = n + 1;
    return unused;
}

static void try_beside_neighbours(const model *m)
{
    static texts t;
    pthread_t neighbours[2];
    test_runner r;

    make_texts(&t, 0, 0);
    atomic_store(&stop, false);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&neighbours[i], NULL, be_busy, NULL),
                         0);
    test_runner_init(&r, &m->program, 3, m->cpu);
    check_batches(m, &r, &t);
    test_runner_deinit(&r);
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++)
        pthread_join(neighbours[i], NULL);
}

static void bits_do_not_depend_on_a_busy_machine(void **state)
{
    (void)state;
    for_each_level(try_beside_neighbours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_do_not_depend_on_batch_place_or_threads),
        cmocka_unit_test(bits_do_not_depend_on_masked_positions),
        cmocka_unit_test(bits_do_not_depend_on_a_busy_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
