/* gguf_random.h - tensors of random blocks, for whole models in types that a
 * committed folder is too narrow for: a block of Q4_K or Q6_K has 256 elements.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_GGUF_RANDOM_H
#define ANM_TEST_GGUF_RANDOM_H

#include "support/gguf_write.h"

/* Types of the matrices; vectors, positions and token types are F32. */
typedef enum test_mix {
    TEST_MIX_NONE,
    TEST_MIX_Q6_K,
    TEST_MIX_Q4_K_M, /* as llama-quantize mixes: the table of tokens, v and the
                        way down in Q6_K, the rest in Q4_K */
    TEST_MIX_Q5_K_M, /* the same with Q5_K */
    TEST_MIX_Q5_0,
} test_mix;

/* Sizes of the model: two layers, 256 wide. */
void test_gguf_random_config(json_t *config);

/* Append the table entries to `tensors`, their bytes to `data`: random, and the
 * same numbers whenever mix, architecture and rows are the same.
 *
 * @param rows     Of the table of tokens.
 * @param widened  Everything as F32: the numbers that the blocks stand for.
 *
 * @return How many tensors there are. */
uint64_t test_gguf_random(test_gguf *tensors, test_gguf *data, const char *arch,
                          uint64_t rows, test_mix mix, bool widened);

#endif
