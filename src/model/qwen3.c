/* qwen3.c - the Qwen3 decoder without its head: what config.json must say, and
 * the graph.
 *
 *     x = word[ids]
 *     for each layer
 *         n = norm(x)
 *         q, k = rope(norm(q_proj(n))), rope(norm(k_proj(n))), by head
 *         x = x + o_proj(causal attention(q, k, v_proj(n)))
 *         n = norm(x)
 *         x = x + down(act(gate(n)) * up(n))
 *     norm(x)
 *
 * Several heads of q share one of k and v; the size of a head is a setting of
 * its own. The head that predicts the next token is neither read nor computed.
 * Values that the model's authors name carry those names ("layer_00.self_attn
 * .q_proj"), so that a tap can be laid beside a trace of the original.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/qwen3.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/builder.h"

static const char layer_path[] = "layers";

typedef struct qwen3_config {
    int64_t hidden, layers, heads, kv_heads, head, inner;
    int64_t vocab, positions;
    anm_act act;
    double eps, theta;
    bool theta_said;
    bool bias; /* of q, k, v and o */
} qwen3_config;

/* ---- Settings ------------------------------------------------------------ */

/* What the original takes where config.json is silent. */
enum { DEFAULT_HEAD = 128, DEFAULT_KV_HEADS = 32 };
static const double default_theta = 10000.0;

static anm_status check_heads(const qwen3_config *c, const char *at,
                              anm_error *err)
{
    if (c->heads % c->kv_heads != 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: num_attention_heads %" PRId64
                        " is no multiple of num_key_value_heads %" PRId64,
                        at, c->heads, c->kv_heads);
    if (c->head % 2 != 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: head_dim %" PRId64
                        " is odd; rotary positions turn pairs",
                        at, c->head);
    return ANM_OK;
}

static anm_status read_sizes(const json_t *config, const char *at,
                             qwen3_config *c, anm_error *err)
{
    const struct {
        const char *key;
        int64_t max;
        int64_t *out;
    } sizes[] = {
        { "hidden_size", 65536, &c->hidden },
        { "num_hidden_layers", 1024, &c->layers },
        { "num_attention_heads", 4096, &c->heads },
        { "intermediate_size", 1 << 20, &c->inner },
        { "vocab_size", 1 << 24, &c->vocab },
        { "max_position_embeddings", 1 << 24, &c->positions },
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const anm_status status = anm_json_int(
            config, sizes[i].key, at,
            (anm_int_rule){ .min = 1, .max = sizes[i].max }, sizes[i].out, err);
        if (status) return status;
    }
    // null is the original's spelling of "as many as heads of q".
    const int64_t otherwise =
        json_is_null(json_object_get(config, "num_key_value_heads"))
            ? c->heads
            : DEFAULT_KV_HEADS;
    anm_status status = anm_json_int_or(
        config, "num_key_value_heads", at,
        (anm_int_rule){ .min = 1, .max = 4096, .otherwise = otherwise },
        &c->kv_heads, err);
    if (status) return status;
    status = anm_json_int_or(
        config, "head_dim", at,
        (anm_int_rule){ .min = 1, .max = 4096, .otherwise = DEFAULT_HEAD },
        &c->head, err);
    return status ? status : check_heads(c, at, err);
}

/* Newer models say them by kind of layer, which this one has not. */
static anm_status refuse_by_layer(json_t *rope, const char *at, anm_error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach(rope, key, value)
    {
        if (!json_is_object(value)) continue;
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: %s: rotary positions by kind of layer are not "
                        "built in",
                        at, key);
    }
    return ANM_OK;
}

/* The kind of rotary positions in an object of theirs; older files call it
 * "type". */
static anm_status check_rope_type(const json_t *rope, const char *at,
                                  anm_error *err)
{
    const char *key = json_object_get(rope, "rope_type") ? "rope_type" : "type";
    const char *kind = NULL;
    double factor = 1.0;
    anm_status status =
        anm_json_string_or(rope, key, at, "default", &kind, err);

    if (status) return status;
    if (strcmp(kind, "default") != 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: %s \"%s\" is not built in; built in: default", at,
                        key, kind);
    status =
        anm_json_real_or(rope, "partial_rotary_factor", at, 1.0, &factor, err);
    if (status || factor == 1.0) return status;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: partial_rotary_factor %g is not built in; built in: 1",
                    at, factor);
}

/* rope_parameters took the place of rope_scaling and rope_theta. */
static anm_status read_rope(const json_t *config, const char *at,
                            qwen3_config *c, anm_error *err)
{
    static const char *const keys[] = { "rope_scaling", "rope_parameters" };
    double inner = 0.0;
    anm_status status =
        anm_json_real_or(config, "rope_theta", at, 0.0, &c->theta, err);

    for (size_t i = 0; i < 2 && !status; i++) {
        const json_t *rope = json_object_get(config, keys[i]);
        char where[256];

        if (!rope || json_is_null(rope)) continue;
        status = anm_json_object(config, keys[i], at, &rope, err);
        if (status) return status;
        snprintf(where, sizeof(where), "%s: %s", at, keys[i]);
        status = refuse_by_layer(json_object_get(config, keys[i]), where, err);
        if (!status) status = check_rope_type(rope, where, err);
        if (!status)
            status =
                anm_json_real_or(rope, "rope_theta", where, inner, &inner, err);
    }
    if (status) return status;
    if (inner != 0.0 && c->theta != 0.0 && inner != c->theta)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: rope_theta is %g, that of rope_parameters %g", at,
                        c->theta, inner);
    if (inner != 0.0) c->theta = inner;
    c->theta_said = c->theta != 0.0;
    if (!c->theta_said) c->theta = default_theta;
    // Beyond, a power of it is no float32 any more.
    if (c->theta >= 1.0 && c->theta <= 1e12) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "%s: rope_theta %g, allowed 1 to 1e12",
                    at, c->theta);
}

/* How far back a layer with a window sees, its own token included. */
typedef struct window {
    int64_t tokens;     /* 0: none */
    int64_t from_layer; /* the first that has it, where no list of kinds says */
} window;

static anm_status read_window(const json_t *config, const char *at, window *out,
                              anm_error *err)
{
    // What the original takes where config.json is silent.
    const int64_t tokens = 4096, from_layer = 28;
    bool used = false;

    *out = (window){ 0, from_layer };
    anm_status status =
        anm_json_bool_or(config, "use_sliding_window", at, false, &used, err);
    if (status || !used) return status;
    status = anm_json_int_or(
        config, "max_window_layers", at,
        (anm_int_rule){ .max = INT32_MAX, .otherwise = from_layer },
        &out->from_layer, err);
    // null is none, which silence is not.
    if (status || json_is_null(json_object_get(config, "sliding_window")))
        return status;
    return anm_json_int_or(
        config, "sliding_window", at,
        (anm_int_rule){ .min = 1, .max = INT32_MAX, .otherwise = tokens },
        &out->tokens, err);
}

/* A list of kinds says of each layer whether it has the window; without one the
 * last layers have it. */
static anm_status check_layer_types(const json_t *types, bool is_wide,
                                    const char *at, anm_error *err)
{
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));

        if (type && strcmp(type, "full_attention") == 0) continue;
        if (type && strcmp(type, "sliding_attention") == 0 && is_wide) continue;
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: layer_types: layer %zu is %s; built in: "
                        "full_attention",
                        at, i, type ? type : "no string");
    }
    return ANM_OK;
}

/* Every layer sees the whole text before it: a window may be spoken of, and may
 * not leave out a token of the longest text. */
static anm_status check_window(const json_t *config, const char *at,
                               const qwen3_config *c, anm_error *err)
{
    window w;
    const json_t *types = json_object_get(config, "layer_types");
    const anm_status status = read_window(config, at, &w, err);

    if (status) return status;
    const bool is_wide = w.tokens >= c->positions;
    if (json_is_array(types)) return check_layer_types(types, is_wide, at, err);
    if (!w.tokens || is_wide || w.from_layer >= c->layers) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: sliding_window of %" PRId64
                    " tokens from layer %" PRId64 " of %" PRId64
                    ", texts of up to %" PRId64
                    "; only causal attention over the whole text is built in",
                    at, w.tokens, w.from_layer, c->layers, c->positions);
}

/* Settings that would change the computation to one that is not here. */
static anm_status refuse_variants(const json_t *config, const char *at,
                                  anm_error *err)
{
    static const struct {
        const char *key;
        bool built_in;
    } flags[] = {
        { "use_bidirectional_attention", false },
        { "is_causal", true },
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        bool on = false;
        const anm_status status = anm_json_bool_or(config, flags[i].key, at,
                                                   flags[i].built_in, &on, err);
        if (status) return status;
        if (on != flags[i].built_in)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: %s is %s; only causal attention over the "
                            "whole text is built in",
                            at, flags[i].key, on ? "true" : "false");
    }
    return ANM_OK;
}

static anm_status read_config(const json_t *config, const char *at,
                              qwen3_config *c, anm_error *err)
{
    anm_status status = read_sizes(config, at, c, err);
    if (status) return status;

    status = read_rope(config, at, c, err);
    if (status) return status;

    status = refuse_variants(config, at, err);
    if (status) return status;

    status = check_window(config, at, c, err);
    if (status) return status;

    status = anm_read_act(config, at, "silu", &c->act, err);
    if (status) return status;

    status =
        anm_json_bool_or(config, "attention_bias", at, false, &c->bias, err);
    if (status) return status;

    status = anm_json_real_or(config, "rms_norm_eps", at, 1e-6, &c->eps, err);
    if (status) return status;
    if (!(c->eps >= 0.0 && c->eps <= 1.0))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: rms_norm_eps %g, allowed 0 to 1", at, c->eps);
    return ANM_OK;
}

static anm_status note_default(anm_source *s, const char *key, anm_error *err)
{
    return anm_source_note(s, err, key,
                           "%s is silent; the original's default is taken",
                           s->settings);
}

static anm_status measure_qwen3(anm_source *s, const char *at, anm_extent *out,
                                anm_error *err)
{
    static const char *const with_default[] = { "head_dim",
                                                "num_key_value_heads",
                                                "rms_norm_eps", "hidden_act" };
    qwen3_config c = { 0 };
    anm_status status = read_config(s->config, at, &c, err);

    for (size_t i = 0; !status && i < 4; i++)
        if (!json_object_get(s->config, with_default[i]))
            status = note_default(s, with_default[i], err);
    if (!status && !c.theta_said) status = note_default(s, "rope_theta", err);
    if (status) return status;
    out->hidden = (size_t)c.hidden;
    out->layers = (size_t)c.layers;
    out->positions = (size_t)c.positions;
    out->vocab_rows = (size_t)c.vocab;
    return ANM_OK;
}

/* ---- The graph ----------------------------------------------------------- */

typedef struct builder {
    anm_builder base;
    qwen3_config c;
    anm_value_id angles; /* [L, head] */
} builder;

/* tensor: the path of the norm without ".weight"; d: its length. */
static anm_value_id add_norm(builder *b, const char *node, const char *tensor,
                             anm_value_id x, int64_t d)
{
    const anm_attr attr = { .eps = b->c.eps };
    char weight[ANM_NAME_BYTES + 8];

    snprintf(weight, sizeof(weight), "%s.weight", tensor);
    return anm_add_node2(&b->base, ANM_OP_RMS_NORM, node, x,
                         anm_add_vector(&b->base, weight, d), &attr);
}

/* The norm of a part of the layer. */
static anm_value_id add_part_norm(builder *b, const char *part, anm_value_id x,
                                  int64_t d)
{
    const anm_part_name name = anm_name_part(&b->base, part);

    return add_norm(b, name.node, name.tensor, x, d);
}

static void add_angles(builder *b)
{
    const anm_attr attr = { .size = b->c.head, .theta = b->c.theta };
    const anm_value_id positions = anm_add_node1(
        &b->base, ANM_OP_POSITION, "rope.positions", b->base.ids, NULL);

    b->angles =
        anm_add_node1(&b->base, ANM_OP_ANGLES, "rope.angles", positions, &attr);
}

/* q or k: projected, normalised by head, turned. which: 'q', 'k'. */
static anm_value_id add_turned(builder *b, char which, anm_value_id x,
                               int64_t heads)
{
    char proj[32], norm[32], rope[32];

    snprintf(proj, sizeof(proj), "self_attn.%c_proj", which);
    snprintf(norm, sizeof(norm), "self_attn.%c_norm", which);
    snprintf(rope, sizeof(rope), "self_attn.%c_rope", which);
    x = anm_add_linear(&b->base, proj, x, heads * b->c.head, b->c.hidden,
                       b->c.bias);
    x = add_part_norm(b, norm, x, b->c.head);
    return anm_add_node2(&b->base, ANM_OP_ROPE,
                         anm_name_part(&b->base, rope).node, x, b->angles,
                         NULL);
}

static anm_value_id add_attention(builder *b, anm_value_id x)
{
    anm_builder *base = &b->base;
    const qwen3_config *c = &b->c;
    const anm_attr attr = {
        .heads = (unsigned)c->heads,
        .kv_heads = (unsigned)c->kv_heads,
        .alpha = (float)(1.0 / sqrt((double)c->head)),
        .flag = true,
    };
    const anm_value_id q = add_turned(b, 'q', x, c->heads);
    const anm_value_id k = add_turned(b, 'k', x, c->kv_heads);
    const anm_value_id v = anm_add_linear(
        base, "self_attn.v_proj", x, c->kv_heads * c->head, c->hidden, c->bias);
    const anm_value_id inputs[] = { q, k, v, base->mask };

    x = anm_graph_add(base->g, ANM_OP_ATTENTION,
                      anm_name_part(base, "self_attn.heads").node, inputs, 4,
                      &attr);
    return anm_add_linear(base, "self_attn.o_proj", x, c->hidden,
                          c->heads * c->head, c->bias);
}

static anm_value_id add_mlp(builder *b, anm_value_id x)
{
    anm_builder *base = &b->base;
    const int64_t d = b->c.hidden, n = b->c.inner;
    const anm_attr act = { .act = b->c.act };
    anm_value_id gate = anm_add_linear(base, "mlp.gate_proj", x, n, d, false);

    gate = anm_add_node1(base, ANM_OP_ACT,
                         anm_name_part(base, "mlp.act_fn").node, gate, &act);
    const anm_value_id up = anm_add_linear(base, "mlp.up_proj", x, n, d, false);
    x = anm_add_node2(base, ANM_OP_MUL, anm_name_part(base, "mlp.product").node,
                      gate, up, NULL);
    return anm_add_linear(base, "mlp.down_proj", x, d, n, false);
}

static anm_value_id add_layer(builder *b, anm_value_id x)
{
    anm_builder *base = &b->base;
    const int64_t d = b->c.hidden;
    char node[32];

    const anm_value_id o =
        add_attention(b, add_part_norm(b, "input_layernorm", x, d));
    x = anm_add_node2(base, ANM_OP_ADD,
                      anm_name_part(base, "self_attn.sum").node, o, x, NULL);
    const anm_value_id m =
        add_mlp(b, add_part_norm(b, "post_attention_layernorm", x, d));
    snprintf(node, sizeof(node), "layer_%02u", base->layer);
    return anm_add_node2(base, ANM_OP_ADD, node, m, x, NULL);
}

static void build_qwen3(anm_source *s, anm_graph *g)
{
    builder b = { .base = { .s = s, .g = g, .layers = layer_path } };
    anm_error err;
    const anm_status status = read_config(s->config, s->settings, &b.c, &err);

    if (status) {
        anm_graph_fail(g, status, "%s", err.message);
        return;
    }
    anm_builder_begin(&b.base);
    const anm_value_id table =
        anm_add_matrix(&b.base, "embed_tokens.weight", b.c.vocab, b.c.hidden);
    anm_value_id x = anm_add_node2(&b.base, ANM_OP_GATHER, "embedding", table,
                                   b.base.ids, NULL);
    add_angles(&b);
    for (b.base.layer = 0; b.base.layer < b.c.layers; b.base.layer++)
        x = add_layer(&b, x);
    anm_builder_finish(&b.base,
                       add_norm(&b, "final_norm", "norm", x, b.c.hidden));
}

static void digest_qwen3(const anm_source *s, anm_sha256 *h)
{
    qwen3_config c = { 0 };
    uint64_t bits[2];

    // Opening has read the same configuration without trouble.
    (void)read_config(s->config, s->settings, &c, NULL);
    static_assert(sizeof(bits[0]) == sizeof(c.eps), "the bits of a double");
    memcpy(&bits[0], &c.eps, sizeof(c.eps));
    memcpy(&bits[1], &c.theta, sizeof(c.theta));
    anm_sha256_add_u64(h, (uint64_t)c.heads);
    anm_sha256_add_u64(h, (uint64_t)c.kv_heads);
    anm_sha256_add_string(h, anm_act_name(c.act));
    anm_sha256_add_u64(h, bits[0]);
    anm_sha256_add_u64(h, bits[1]);
}

const anm_architecture anm_qwen3 = {
    .model_type = "qwen3",
    .token_table = "embed_tokens.weight",
    .layers = layer_path,
    .measure = measure_qwen3,
    .build = build_qwen3,
    .digest = digest_qwen3,
};
