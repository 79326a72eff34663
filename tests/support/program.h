/* program.h - what tests of a backend share: graphs of a small BERT with random
 * weights, sections kept in memory, a runner prepared and loaded in one go.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_PROGRAM_H
#define ANM_TEST_PROGRAM_H

#include "backend/backend.h"
#include "base/cpu.h"

/* Random numbers that are the same everywhere. */
uint64_t test_random(uint64_t *seed);
float test_random_float(uint64_t *seed); /* in [-1, 1) */

/* ---- Graphs -------------------------------------------------------------- */

/* A graph and the constants it borrows. */
typedef struct test_graph {
    anm_graph *graph;
    void *constants[512];
    size_t n_constants;
    uint64_t seed;
} test_graph;

/* Starts with the inputs "ids" (value 0) and "mask" (value 1). */
void test_graph_init(test_graph *t, uint64_t seed);
void test_graph_deinit(test_graph *t);

/* A constant of random numbers, scaled: F32, F16, BF16 or a block type. cols 0:
 * a vector, which has no blocks. */
anm_value_id test_constant(test_graph *t, const char *name, anm_dtype dtype,
                           int64_t rows, int64_t cols, float scale);

/* "layer_02.part" and suffix; static storage, the last four stay valid. */
const char *test_layer_name(int64_t layer, const char *part,
                            const char *suffix);

/* Zero members have defaults: a tiny model of every kind of node. */
typedef struct test_bert {
    int64_t vocab, positions, dim, heads, inner, layers;
    anm_act act;
    anm_pool_kind pool;
    anm_dtype dtype;
    bool normalize;
    uint64_t seed;
} test_bert;

/* Built as model/ builds it: no operation fused. */
void test_bert_init(test_graph *t, const test_bert *params);

/* ---- Programs ------------------------------------------------------------ */

anm_program test_program(const anm_graph *g, size_t max_tokens);

/* Sections in memory, as an artifact would hold them. */
typedef struct test_sections {
    anm_section items[512];
    size_t n;
    size_t written; /* bytes of the last section so far */
    anm_sections view;
} test_sections;

anm_section_sink test_sink(test_sections *s);
void test_sections_sort(test_sections *s); /* sets view */
void test_sections_deinit(test_sections *s);

typedef struct test_runner {
    const anm_backend *backend;
    anm_runner *runner;
    test_sections sections;
} test_runner;

/* Prepare and load on the cpu backend; fails the test when that fails. */
void test_runner_init(test_runner *t, const anm_program *program,
                      unsigned threads, unsigned cpu);
void test_runner_deinit(test_runner *t);

/* ---- Calls --------------------------------------------------------------- */

/* A text of `len` random ids, mask all ones, into storage of the caller. */
anm_input test_input(int32_t *ids, int32_t *mask, size_t len, size_t vocab,
                     uint64_t *seed);

/* predict() that must succeed. */
void test_predict(test_runner *t, const anm_input *inputs, size_t n,
                  float *vectors);

/* False where a sanitizer's own memory faults beside ours. */
bool test_counts_own_faults(void);

/* Run texts of these lengths alone and all together, and compare every computed
 * value with graph_eval: |x - exact| <= tolerance * max |exact| of the value. */
void test_against_eval(const anm_program *program, const size_t *lens, size_t n,
                       unsigned threads, unsigned cpu, double tolerance);

/* Masks of the levels this machine executes, scalar first, without those that
 * choose no other kernel; returns how many. */
size_t test_levels(unsigned masks[16]);

#endif
