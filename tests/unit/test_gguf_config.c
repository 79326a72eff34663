/* test_gguf_config.c - keys become settings; what would change the computation
 * is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_model.h"

#include <string.h>

#include "support/model_open.h"

static int64_t setting(const anm_source *s, const char *key)
{
    return json_integer_value(json_object_get(s->config, key));
}

static double real(const anm_source *s, const char *key)
{
    return json_real_value(json_object_get(s->config, key));
}

static void an_encoder_has_the_settings_of_its_folder(void **state)
{
    (void)state;
    anm_source *s = test_open(test_gguf_model("tiny-bert-mean", NULL));

    assert_int_equal(setting(s, "hidden_size"), 48);
    assert_int_equal(setting(s, "num_hidden_layers"), 3);
    assert_int_equal(setting(s, "num_attention_heads"), 4);
    assert_int_equal(setting(s, "intermediate_size"), 96);
    assert_int_equal(setting(s, "vocab_size"), 800);
    assert_int_equal(setting(s, "max_position_embeddings"), 64);
    assert_int_equal(setting(s, "type_vocab_size"), 2);
    assert_true(real(s, "layer_norm_eps") == 1e-12);
    anm_source_close(s);
}

static void a_decoder_has_the_settings_of_its_folder(void **state)
{
    (void)state;
    anm_source *s = test_open(test_gguf_model("tiny-qwen3", NULL));

    assert_int_equal(setting(s, "num_key_value_heads"), 2);
    assert_int_equal(setting(s, "head_dim"), 32);
    assert_int_equal(setting(s, "max_position_embeddings"), 128);
    assert_true(real(s, "rms_norm_eps") == 1e-6);
    assert_true(real(s, "rope_theta") == 1e6);
    assert_true(json_is_false(json_object_get(s->config, "attention_bias")));
    anm_source_close(s);
}

static void what_a_decoder_may_leave_out_has_its_default(void **state)
{
    const test_gguf_edit edits[] = {
        { .key = "qwen3.rope.freq_base" },
        { .key = "qwen3.attention.head_count_kv" },
        { .key = NULL },
    };
    anm_source *s = NULL;

    (void)state;
    const char *path =
        test_gguf_model("tiny-qwen3", &(test_gguf_how){ .edits = edits });
    assert_int_equal(anm_source_open(&s, path, NULL, NULL), ANM_OK);
    assert_int_equal(setting(s, "num_key_value_heads"), 4);
    assert_true(real(s, "rope_theta") == 10000.0);
    assert_string_not_equal(test_note(s, "rope_theta"), "");
    anm_source_close(s);
}

typedef struct row {
    const char *folder;
    test_gguf_edit edit;
    anm_status status;
    const char *words;
} row;

static void check(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        test_refused(test_gguf_edited(rows[i].folder, rows[i].edit),
                     rows[i].status, rows[i].words);
}

static void other_computations_are_refused_by_key(void **state)
{
    static const char bert[] = "tiny-bert-mean", qwen3[] = "tiny-qwen3";
    static const row rows[] = {
        { bert,
          { "bert.attention.causal", TEST_GGUF_BOOL, 1, NULL },
          ANM_E_UNSUPPORTED,
          "bert.attention.causal: true; bert needs false" },
        { qwen3,
          { "qwen3.attention.causal", TEST_GGUF_BOOL, 0, NULL },
          ANM_E_UNSUPPORTED,
          "qwen3.attention.causal: false" },
        { qwen3,
          { "qwen3.attention.sliding_window", TEST_GGUF_U32, 64, NULL },
          ANM_E_UNSUPPORTED,
          "sliding_window: 64 is not built in" },
        { qwen3,
          { "qwen3.expert_count", TEST_GGUF_U32, 8, NULL },
          ANM_E_UNSUPPORTED,
          "expert_count: 8" },
        { qwen3,
          { "qwen3.rope.scaling.type", TEST_GGUF_STRING, 0, "yarn" },
          ANM_E_UNSUPPORTED,
          "\"yarn\" is not built in; built in: none" },
        { qwen3,
          { "qwen3.rope.scaling.factor", TEST_GGUF_F32, 4, NULL },
          ANM_E_UNSUPPORTED,
          "rope.scaling.factor: 4" },
        { qwen3,
          { "qwen3.rope.dimension_count", TEST_GGUF_U32, 16, NULL },
          ANM_E_UNSUPPORTED,
          "16 of a head of 32" },
        { qwen3,
          { "qwen3.attention.value_length", TEST_GGUF_U32, 16, NULL },
          ANM_E_UNSUPPORTED,
          "16 beside keys of 32" },
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

static void absent_and_absurd_settings_are_named(void **state)
{
    static const char bert[] = "tiny-bert-mean", qwen3[] = "tiny-qwen3";
    static const row rows[] = {
        { bert,
          { .key = "general.architecture" },
          ANM_E_FORMAT,
          "general.architecture: not there" },
        { bert,
          { .key = "bert.block_count" },
          ANM_E_FORMAT,
          "bert.block_count: not there" },
        { bert,
          { "bert.embedding_length", TEST_GGUF_U32, 0, NULL },
          ANM_E_FORMAT,
          "bert.embedding_length: 0, allowed 1" },
        { bert,
          { "bert.embedding_length", TEST_GGUF_STRING, 0, "48" },
          ANM_E_FORMAT,
          "expected integer, found string" },
        { bert,
          { "bert.attention.head_count", TEST_GGUF_U32, 5, NULL },
          ANM_E_FORMAT,
          "no multiple" },
        { bert,
          { "bert.block_count", TEST_GGUF_U32, 4e9, NULL },
          ANM_E_FORMAT,
          "bert.block_count: 4000000000, allowed" },
        { bert,
          { .key = "bert.attention.layer_norm_epsilon" },
          ANM_E_FORMAT,
          "layer_norm_epsilon: not there" },
        { qwen3,
          { .key = "qwen3.context_length" },
          ANM_E_FORMAT,
          "qwen3.context_length: not there" },
    };

    (void)state;
    check(rows, sizeof(rows) / sizeof(rows[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_encoder_has_the_settings_of_its_folder),
        cmocka_unit_test(a_decoder_has_the_settings_of_its_folder),
        cmocka_unit_test(what_a_decoder_may_leave_out_has_its_default),
        cmocka_unit_test(other_computations_are_refused_by_key),
        cmocka_unit_test(absent_and_absurd_settings_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
