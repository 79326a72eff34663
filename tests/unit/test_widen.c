/* test_widen.c - block types against what ggml's own package decodes
 * (tests/data/tiny-gguf: random valid blocks, and their values). Plain types
 * are checked by tests/kern.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kern/kern.h"

#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static const char older[] = "tiny-gguf/blocks.gguf";
static const char fives[] = "tiny-gguf/blocks-q5.bin";

/* Three rows each; where they lie in a file of blocks, and in that of values
 * beside it. */
static const struct {
    anm_dtype type;
    size_t columns, at, first;
    const char *file;
} rows[] = {
    { ANM_DTYPE_Q4_0, 256, 704, 0, older },
    { ANM_DTYPE_Q8_0, 256, 2752, 3072, older },
    { ANM_DTYPE_Q4_K, 512, 4768, 6912, older },
    { ANM_DTYPE_Q6_K, 512, 6688, 9984, older },
    { ANM_DTYPE_Q5_0, 256, 0, 0, fives },
    { ANM_DTYPE_Q5_K, 512, 528, 768, fives },
};

enum { N_ROWS = 3, N_MAX = 3 * 512 };

static void blocks_give_the_bits_that_ggml_decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t n = N_ROWS * rows[i].columns;
        size_t bytes = 0, values = 0;
        char *blocks = test_read(test_data(rows[i].file), &bytes);
        char *want = test_read(test_data(rows[i].file == older
                                             ? "tiny-gguf/blocks.f32"
                                             : "tiny-gguf/blocks-q5.f32"),
                               &values);
        float got[N_MAX];

        assert_true((rows[i].first + n) * sizeof(float) <= values);
        assert_true(rows[i].at < bytes);
        assert_true(anm_widen_f32(got, blocks + rows[i].at, rows[i].type, n));
        assert_memory_equal(got, want + rows[i].first * sizeof(float),
                            n * sizeof(float));
        free(blocks);
        free(want);
    }
}

/* A part of a row from its own first block on gives the same bits. */
static void blocks_are_widened_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const anm_block block = anm_dtype_block(rows[i].type);
        char *file = test_read(test_data(rows[i].file), NULL);
        const char *src = file + rows[i].at;
        const size_t n = N_ROWS * rows[i].columns;
        float whole[N_MAX], one[256];

        anm_widen_f32(whole, src, rows[i].type, n);
        for (size_t at = 0; at < n; at += block.elements) {
            anm_widen_f32(one, src + at / block.elements * block.bytes,
                          rows[i].type, block.elements);
            assert_memory_equal(one, whole + at,
                                block.elements * sizeof(float));
        }
        free(file);
    }
}

static void no_elements_are_no_blocks(void **state)
{
    float untouched = 7.0f;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(anm_widen_f32(&untouched, "", rows[i].type, 0));
    assert_true(untouched == 7.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_give_the_bits_that_ggml_decodes),
        cmocka_unit_test(blocks_are_widened_one_by_one),
        cmocka_unit_test(no_elements_are_no_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
