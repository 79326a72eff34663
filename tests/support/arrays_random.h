/* arrays_random.h - array programs that bytes choose: operations, inputs,
 * attributes, the numbers of constants. Nodes that shape inference refuses are
 * left out, so that programs become deep.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_ARRAYS_RANDOM_H
#define ANM_TEST_ARRAYS_RANDOM_H

#include "backend/backend.h"
#include "graph/arrays.h"

/* Build, optimise, prepare, load and run twice; floats of the outputs, then
 * integers, hashed into *hash where all went well. What fails, fails with an
 * error. */
anm_status test_random_arrays(const uint8_t *data, size_t size, unsigned passes,
                              unsigned threads, uint64_t *hash, anm_error *err);

#endif
