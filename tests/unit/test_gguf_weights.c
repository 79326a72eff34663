/* test_gguf_weights.c - tensors under the names of their authors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_model.h"

#include <stdlib.h>
#include <string.h>

#include "model/fingerprint.h"
#include "support/model_open.h"

static void print_of(const char *path, char out[ANM_FINGERPRINT_TEXT])
{
    const anm_fingerprint_params params = { 0 };
    anm_source *s = test_open(path);
    anm_graph *g = test_build(s);

    assert_int_equal(
        anm_fingerprint_make(s, g, ANM_PRECISION_F32, &params, out, NULL),
        ANM_OK);
    anm_graph_free(g);
    anm_source_close(s);
}

static void every_tensor_of_the_folder_is_there_and_used(void **state)
{
    static const char *const folders[] = { "tiny-bert-mean", "tiny-qwen3" };

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        anm_source *s = test_open(test_gguf_model(folders[f], NULL));
        anm_source *hf = test_open(test_data(folders[f]));
        anm_graph *g = test_build(s), *h = test_build(hf);
        size_t n = 0;

        for (size_t i = 0; i < hf->weights.n; i++) {
            const anm_weight *a = &hf->weights.tensors[i];
            if (!a->used) continue;
            const anm_weight *b = anm_weights_find(&s->weights, a->name);
            assert_non_null(b);
            assert_true(b->used);
            assert_int_equal(a->dtype, b->dtype);
            assert_int_equal(a->data.len, b->data.len);
            assert_memory_equal(a->data.data, b->data.data, a->data.len);
            n++;
        }
        assert_int_equal(s->weights.n, n);
        anm_graph_free(g);
        anm_graph_free(h);
        anm_source_close(s);
        anm_source_close(hf);
    }
}

/* Three runs of rows of one tensor are the same constants. */
static void a_fused_tensor_is_its_three_parts(void **state)
{
    static const char *const folders[] = { "tiny-bert-mean", "tiny-qwen3" };

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        char apart[ANM_FINGERPRINT_TEXT], fused[ANM_FINGERPRINT_TEXT];

        print_of(test_gguf_model(folders[f], NULL), apart);
        print_of(test_gguf_model(folders[f], &(test_gguf_how){ .fuse = true }),
                 fused);
        assert_string_equal(apart, fused);
    }
}

static void a_fused_tensor_of_other_rows_is_refused(void **state)
{
    const test_gguf_edit edits[] = {
        { "qwen3.attention.head_count_kv", TEST_GGUF_U32, 4, NULL },
        { .key = NULL },
    };

    (void)state;
    test_refused(
        test_gguf_model("tiny-qwen3",
                        &(test_gguf_how){ .edits = edits, .fuse = true }),
        ANM_E_FORMAT, "attn_qkv.weight: 256 rows, 128 of q|128 of k");
}

static void a_tensor_that_is_missing_or_strange_is_named(void **state)
{
    static const struct {
        test_gguf_how how;
        anm_status status;
        const char *words;
    } rows[] = {
        { { .drop = "token_embd.weight" },
          ANM_E_FORMAT,
          "tensor token_embd.weight: not there" },
        { { .drop = "blk.1.attn_k.bias" },
          ANM_E_FORMAT,
          "encoder.layer.1.attention.self.key.bias" },
        { { .rename = { "blk.1.attn_k.bias", "blk.1.attn_k.scale" } },
          ANM_E_UNSUPPORTED,
          "tensor blk.1.attn_k.scale is no part of bert" },
        { { .rename = { "blk.1.attn_k.bias", "blk.1.attn_sinks.bias" } },
          ANM_E_UNSUPPORTED,
          "blk.1.attn_sinks.bias" },
        { { .rename = { "blk.1.attn_k.bias", "blk.12345.attn_k.bias" } },
          ANM_E_UNSUPPORTED,
          "blk.12345.attn_k.bias" },
        { { .rename = { "blk.1.attn_k.bias", "blk.01.attn_q.bias" } },
          ANM_E_FORMAT,
          "blk.01.attn_q.bias|blk.1.attn_q.bias|two tensors are" },
        { { .rename = { "blk.1.attn_k.bias", "rope_freqs.weight" } },
          ANM_E_UNSUPPORTED,
          "rope_freqs.weight" },
        { { .retype = "blk.2.ffn_up.weight" },
          ANM_E_UNSUPPORTED,
          "blk.2.ffn_up.weight: type Q3_K is not built in; built in: F32" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        test_refused(test_gguf_model("tiny-bert-mean", &rows[i].how),
                     rows[i].status, rows[i].words);
}

static void a_layer_that_metadata_does_not_count_is_refused(void **state)
{
    (void)state;
    test_refused(test_gguf_edited("tiny-bert-mean",
                                  (test_gguf_edit){ "bert.block_count",
                                                    TEST_GGUF_U32, 2, NULL }),
                 ANM_E_FORMAT, "tensor blk.2.|metadata says 2 layers, 0 to 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tensor_of_the_folder_is_there_and_used),
        cmocka_unit_test(a_fused_tensor_is_its_three_parts),
        cmocka_unit_test(a_fused_tensor_of_other_rows_is_refused),
        cmocka_unit_test(a_tensor_that_is_missing_or_strange_is_named),
        cmocka_unit_test(a_layer_that_metadata_does_not_count_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
