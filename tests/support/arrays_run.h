/* arrays_run.h - array programs of a few nodes, and what each must give.
 *
 * Inputs come with their numbers and nodes with the result that numpy would
 * have; test_arrays_check() runs the program on the cpu backend, with one
 * thread and with three, and compares: floats within the tolerance, integers
 * exactly, and both runs bit by bit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_ARRAYS_RUN_H
#define ANM_TEST_ARRAYS_RUN_H

#include "graph/arrays.h"
#include "support/program.h"

enum { TEST_ARRAYS_MAX = 96 };

typedef struct test_arrays {
    anm_arrays *program;
    anm_array_view inputs[TEST_ARRAYS_MAX];
    size_t n_inputs;
    anm_array_view expected[TEST_ARRAYS_MAX]; /* of the outputs */
    size_t n_expected;
    void *blocks[2 * TEST_ARRAYS_MAX];
    size_t n_blocks, n_names;
    double tolerance; /* absolute and relative; 0: 2e-6 */
    bool open;        /* declare no dims */
} test_arrays;

void test_arrays_init(test_arrays *t);
void test_arrays_deinit(test_arrays *t);

/* Dims end in -1: { 2, 3, -1 }; a scalar is { -1 }. */
#define D(...) ((const int64_t[]){ __VA_ARGS__, -1 })
#define SCALAR ((const int64_t[]){ -1 })

#define F(...) ((const float[]){ __VA_ARGS__ })
#define I(...) ((const int32_t[]){ __VA_ARGS__ })

/* An input and its numbers: float for F32 and F16, else int32_t. */
anm_value_id test_arrays_in(test_arrays *t, anm_dtype dtype,
                            const int64_t *dims, const void *numbers);

/* The same numbers as a constant, F32 or I32. */
anm_value_id test_arrays_const(test_arrays *t, anm_dtype dtype,
                               const int64_t *dims, const void *numbers);

/* A node with one output; NONE ends the inputs of the program's side early
 * where n says so. */
typedef struct test_node {
    anm_array_op op;
    anm_value_id in[5];
    unsigned n;
    anm_array_attr attr;
    anm_dtype dtype;     /* of the result */
    const int64_t *dims; /* of the result */
} test_node;

anm_value_id test_arrays_node(test_arrays *t, const test_node *node);

/* The same, and what it must give. */
anm_value_id test_arrays_gives(test_arrays *t, const test_node *node,
                               const void *numbers);

/* v is an output, and this is what it must be. */
void test_arrays_expect(test_arrays *t, anm_value_id v, const int64_t *dims,
                        const void *numbers);

void test_arrays_check(test_arrays *t);

/* ---- Tables ----
 * Cases of one kind: arrays that are given, and operations on them with what
 * each must give. Types that are not said are F32. */

typedef struct test_given {
    anm_dtype dtype;
    const int64_t *dims;
    const void *numbers;
    bool is_constant; /* else an input of the program */
} test_given;

/* Places in the array of those given; NOTHING where an input is left out. */
enum { NOTHING = -2 };
#define IN(...) ((const int[]){ __VA_ARGS__, -1 })

typedef struct test_row {
    anm_array_op op;
    const int *in; /* NULL: none */
    anm_array_attr attr;
    anm_dtype dtype; /* of the result */
    const int64_t *dims;
    const void *want;
} test_row;

/* All rows in one program. */
void test_arrays_rows(const test_given *given, size_t n_given,
                      const test_row *rows, size_t n_rows);

#define TEST_ROWS(given, rows)                                                 \
    test_arrays_rows(given, sizeof(given) / sizeof(*(given)), rows,            \
                     sizeof(rows) / sizeof(*(rows)))

/* ---- Running ---- */

/* Running it, or loading it, must fail like this. */
void test_arrays_fails(test_arrays *t, anm_status expected, const char *words);

/* Load it, for what the above do not do. */
void test_arrays_load(test_arrays *t, test_runner *r, unsigned threads);
anm_status test_arrays_run(test_arrays *t, test_runner *r, bool reset,
                           anm_array_view *outputs, anm_error *err);

#endif
