/* gguf_config.c - the metadata of an architecture becomes the document that
 * config.json would have been, so that a builder reads one kind of settings.
 *
 * Sizes that a table of weights shows are taken from there. What llama.cpp
 * knows of an architecture without writing it down is written down here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "model/bert.h"
#include "model/gguf_reading.h"
#include "model/qwen3.h"

static const anm_gguf_stem bert_whole[] = {
    { "token_embd", "embeddings.word_embeddings" },
    { "position_embd", "embeddings.position_embeddings" },
    { "token_types", "embeddings.token_type_embeddings" },
    { "token_embd_norm", "embeddings.LayerNorm" },
    { NULL, NULL },
};

static const anm_gguf_stem bert_layer[] = {
    { "attn_q", "attention.self.query" },
    { "attn_k", "attention.self.key" },
    { "attn_v", "attention.self.value" },
    { "attn_output", "attention.output.dense" },
    { "attn_output_norm", "attention.output.LayerNorm" },
    { "ffn_up", "intermediate.dense" },
    { "ffn_down", "output.dense" },
    { "layer_output_norm", "output.LayerNorm" },
    { NULL, NULL },
};

const anm_gguf_kind anm_gguf_bert = {
    .name = "bert",
    .architecture = &anm_bert,
    .whole = bert_whole,
    .layer = bert_layer,
    .qkv = { "attention.self.query", "attention.self.key",
             "attention.self.value" },
};

static const anm_gguf_stem qwen3_whole[] = {
    { "token_embd", "embed_tokens" },
    { "output_norm", "norm" },
    { NULL, NULL },
};

/* Rotary positions turn the halves of a head, as the original's do: rows of q
 * and k stand in its order. */
static const anm_gguf_stem qwen3_layer[] = {
    { "attn_norm", "input_layernorm" },
    { "attn_q", "self_attn.q_proj" },
    { "attn_k", "self_attn.k_proj" },
    { "attn_v", "self_attn.v_proj" },
    { "attn_q_norm", "self_attn.q_norm" },
    { "attn_k_norm", "self_attn.k_norm" },
    { "attn_output", "self_attn.o_proj" },
    { "ffn_norm", "post_attention_layernorm" },
    { "ffn_gate", "mlp.gate_proj" },
    { "ffn_up", "mlp.up_proj" },
    { "ffn_down", "mlp.down_proj" },
    { NULL, NULL },
};

const anm_gguf_kind anm_gguf_qwen3 = {
    .name = "qwen3",
    .architecture = &anm_qwen3,
    .whole = qwen3_whole,
    .layer = qwen3_layer,
    .qkv = { "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj" },
    .causal = true,
    .ends = true,
    .has_default_pool = true,
    .pool = ANM_POOL_LAST,
};

/* ---- What both share ----------------------------------------------------- */

/* Sizes above are no model's; the architecture has narrower limits. */
#define SIZE_MAX_SAID ((int64_t)1 << 31)

static anm_status set(anm_gguf_reading *r, const char *key, json_t *value,
                      anm_error *err)
{
    return json_object_set_new(r->s->config, key, value)
               ? anm_gguf_fail_memory(err)
               : ANM_OK;
}

static anm_status read_size(const anm_gguf_reading *r, const char *name,
                            int64_t otherwise, int64_t *out, anm_error *err)
{
    char key[ANM_GGUF_KEY_BYTES];

    anm_gguf_key(r, name, key);
    const anm_int_rule rule = { 1, SIZE_MAX_SAID, otherwise };
    return otherwise ? anm_gguf_int_or(r->g, key, rule, out, err)
                     : anm_gguf_int(r->g, key, rule, out, err);
}

static anm_status set_size(anm_gguf_reading *r, const char *name,
                           const char *key, anm_error *err)
{
    int64_t n = 0;
    const anm_status status = read_size(r, name, 0, &n, err);

    return status ? status : set(r, key, json_integer(n), err);
}

static anm_status set_real(anm_gguf_reading *r, const char *name,
                           const char *key, anm_error *err)
{
    char long_key[ANM_GGUF_KEY_BYTES];
    double value = 0.0;
    const anm_status status =
        anm_gguf_real(r->g, anm_gguf_key(r, name, long_key), &value, err);

    if (status) return status;
    if (!isfinite(value))
        return anm_fail(err, ANM_E_FORMAT, "%s: %g is no finite number",
                        long_key, value);
    return set(r, key, json_real(value), err);
}

static anm_status set_rows(anm_gguf_reading *r, const char *tensor,
                           const char *key, anm_error *err)
{
    int64_t n = 0;
    const anm_status status = anm_gguf_rows(r, tensor, &n, err);

    return status ? status : set(r, key, json_integer(n), err);
}

static anm_status set_shared(anm_gguf_reading *r, anm_error *err)
{
    static const char *const sizes[][2] = {
        { "embedding_length", "hidden_size" },
        { "block_count", "num_hidden_layers" },
        { "attention.head_count", "num_attention_heads" },
        { "feed_forward_length", "intermediate_size" },
    };
    anm_status status = set(
        r, "model_type", json_string(r->kind->architecture->model_type), err);

    for (size_t i = 0; i < 4 && !status; i++)
        status = set_size(r, sizes[i][0], sizes[i][1], err);
    if (status) return status;
    return set_rows(r, "token_embd.weight", "vocab_size", err);
}

/* ---- Settings that would change the computation -------------------------- */

static anm_status check_causal(const anm_gguf_reading *r, anm_error *err)
{
    char key[ANM_GGUF_KEY_BYTES];
    bool causal = r->kind->causal;
    const anm_status status = anm_gguf_bool_or(
        r->g, anm_gguf_key(r, "attention.causal", key), causal, &causal, err);

    if (status || causal == r->kind->causal) return status;
    return anm_fail(err, ANM_E_UNSUPPORTED, "%s: %s; %s needs %s", key,
                    causal ? "true" : "false", r->kind->name,
                    r->kind->causal ? "true" : "false");
}

/* Of llama.cpp's settings those that other architectures have. */
static anm_status check_zeros(const anm_gguf_reading *r, anm_error *err)
{
    static const char *const names[] = {
        "attention.sliding_window", "attention.scale",
        "attention.max_alibi_bias", "attention.clamp_kqv",
        "attn_logit_softcapping",   "expert_count",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char key[ANM_GGUF_KEY_BYTES];
        double value = 0.0;
        const anm_status status = anm_gguf_real_or(
            r->g, anm_gguf_key(r, names[i], key), 0.0, &value, err);

        if (status) return status;
        if (value != 0.0)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: %g is not built in; built in: 0", key, value);
    }
    return ANM_OK;
}

static anm_status check_rope(const anm_gguf_reading *r, int64_t head,
                             anm_error *err)
{
    static const char *const factors[] = { "rope.scaling.factor",
                                           "rope.scale_linear" };
    char key[ANM_GGUF_KEY_BYTES];
    anm_text type;
    int64_t dims = 0;
    anm_status status = anm_gguf_text_or(
        r->g, anm_gguf_key(r, "rope.scaling.type", key), "none", &type, err);

    if (status) return status;
    if (!anm_text_is(type, "none"))
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: \"%.*s\" is not built in; built in: none", key,
                        (int)(type.len < 64 ? type.len : 64), type.data);
    for (size_t i = 0; i < 2; i++) {
        double factor = 1.0;

        status = anm_gguf_real_or(r->g, anm_gguf_key(r, factors[i], key), 1.0,
                                  &factor, err);
        if (status) return status;
        if (factor != 1.0 && factor != 0.0)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: %g is not built in; built in: 1", key, factor);
    }
    status = read_size(r, "rope.dimension_count", head, &dims, err);
    if (status || dims == head) return status;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s.rope.dimension_count: %" PRId64 " of a head of %" PRId64
                    " is not built in",
                    r->kind->name, dims, head);
}

/* ---- The two ------------------------------------------------------------- */

static anm_status set_bert(anm_gguf_reading *r, anm_error *err)
{
    anm_status status =
        set_rows(r, "position_embd.weight", "max_position_embeddings", err);

    if (!status)
        status = set_rows(r, "token_types.weight", "type_vocab_size", err);
    if (!status)
        status =
            set_real(r, "attention.layer_norm_epsilon", "layer_norm_eps", err);
    if (!status) status = set(r, "hidden_act", json_string("gelu"), err);
    if (status) return status;
    return anm_source_assume(r->s, err, "hidden_act",
                             "the file does not say; gelu, as nearly every "
                             "BERT has it");
}

/* A head is a setting of its own; absent, the width shared out. */
static anm_status read_head(const anm_gguf_reading *r, int64_t *out,
                            anm_error *err)
{
    int64_t hidden = 0, heads = 0, values = 0;
    anm_status status = read_size(r, "embedding_length", 0, &hidden, err);

    if (!status) status = read_size(r, "attention.head_count", 0, &heads, err);
    if (status) return status;
    const int64_t otherwise = hidden / heads ? hidden / heads : 1;
    status = read_size(r, "attention.key_length", otherwise, out, err);
    if (status) return status;
    status = read_size(r, "attention.value_length", otherwise, &values, err);
    if (status || values == *out) return status;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s.attention.value_length: %" PRId64
                    " beside keys of %" PRId64 " is not built in",
                    r->kind->name, values, *out);
}

static anm_status set_rope_base(anm_gguf_reading *r, anm_error *err)
{
    char key[ANM_GGUF_KEY_BYTES];

    anm_gguf_key(r, "rope.freq_base", key);
    if (anm_gguf_entry_find(r->g, key))
        return set_real(r, "rope.freq_base", "rope_theta", err);
    const anm_status status = set(r, "rope_theta", json_real(10000.0), err);
    if (status) return status;
    return anm_source_assume(r->s, err, "rope_theta",
                             "the file does not say; 10000");
}

static anm_status set_qwen3(anm_gguf_reading *r, anm_error *err)
{
    int64_t head = 0, heads = 0, kv_heads = 0;
    const bool bias = anm_gguf_tensor_find(r->g, "blk.0.attn_q.bias") ||
                      anm_gguf_tensor_find(r->g, "blk.0.attn_qkv.bias");
    anm_status status = read_head(r, &head, err);

    if (!status) status = check_rope(r, head, err);
    if (!status) status = read_size(r, "attention.head_count", 0, &heads, err);
    if (!status)
        status = read_size(r, "attention.head_count_kv", heads, &kv_heads, err);
    if (!status) status = set(r, "head_dim", json_integer(head), err);
    if (!status)
        status = set(r, "num_key_value_heads", json_integer(kv_heads), err);
    if (!status)
        status = set_size(r, "context_length", "max_position_embeddings", err);
    if (!status)
        status = set_real(r, "attention.layer_norm_rms_epsilon", "rms_norm_eps",
                          err);
    if (!status) status = set_rope_base(r, err);
    if (!status) status = set(r, "hidden_act", json_string("silu"), err);
    if (!status) status = set(r, "attention_bias", json_boolean(bias), err);
    return status;
}

anm_status anm_gguf_read_config(anm_gguf_reading *r, anm_error *err)
{
    anm_status status = check_causal(r, err);

    if (!status) status = check_zeros(r, err);
    if (status) return status;
    r->s->config = json_object();
    if (!r->s->config) return anm_gguf_fail_memory(err);
    status = set_shared(r, err);
    if (status) return status;
    return r->kind == &anm_gguf_bert ? set_bert(r, err) : set_qwen3(r, err);
}
