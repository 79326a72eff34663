/* decoder.h - graphs of a small Qwen3 with random weights, beside the BERT of
 * program.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TEST_DECODER_H
#define ANM_TEST_DECODER_H

#include "support/program.h"

/* Zero members have defaults: 48 wide, 4 heads of 20 on 2 of k and v. */
typedef struct test_decoder {
    int64_t vocab, dim, heads, kv_heads, head, inner, layers;
    anm_dtype dtype;
    uint64_t seed;
} test_decoder;

/* Built as model/ builds it: no operation fused. The vector is normalised. */
void test_decoder_init(test_graph *t, const test_decoder *params);

#endif
