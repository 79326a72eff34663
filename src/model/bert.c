/* bert.c - the BERT encoder: what config.json must say, and the graph.
 *
 *     x = norm(word[ids] + type[0] + position[0, 1, 2 …])
 *     for each layer
 *         o = dense(softmax(q k^T / sqrt(head)) v)
 *         x = norm(o + x)
 *         x = norm(dense(act(dense(x))) + x)
 *
 * Values that the model's authors name carry those names ("layer_00.output
 * .dense"), so that a tap can be laid beside a trace of the original.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/bert.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "model/builder.h"

static const char layer_path[] = "encoder.layer";

typedef struct bert_config {
    int64_t hidden, layers, heads, inner;
    int64_t vocab, types, positions;
    anm_act act;
    double eps;
} bert_config;

static anm_status read_sizes(const json_t *config, const char *at,
                             bert_config *c, anm_error *err)
{
    const struct {
        const char *key;
        int64_t max;
        int64_t *out;
    } sizes[] = {
        { "hidden_size", 65536, &c->hidden },
        { "num_hidden_layers", 1024, &c->layers },
        { "num_attention_heads", 65536, &c->heads },
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
    if (c->hidden % c->heads != 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: hidden_size %" PRId64
                        " is no multiple of num_attention_heads %" PRId64,
                        at, c->hidden, c->heads);
    return anm_json_int_or(
        config, "type_vocab_size", at,
        (anm_int_rule){ .min = 1, .max = 65536, .otherwise = 2 }, &c->types,
        err);
}

/* Settings that would change the computation to one that is not here. */
static anm_status refuse_variants(const json_t *config, const char *at,
                                  anm_error *err)
{
    static const char *const flags[] = { "is_decoder", "add_cross_attention" };
    const char *kind = NULL;
    anm_status status = anm_json_string_or(config, "position_embedding_type",
                                           at, "absolute", &kind, err);

    if (status) return status;
    if (strcmp(kind, "absolute") != 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: position_embedding_type \"%s\" is not built in; "
                        "built in: absolute",
                        at, kind);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        bool on = false;
        status = anm_json_bool_or(config, flags[i], at, false, &on, err);
        if (status) return status;
        if (on)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: %s is true; an encoder needs false", at,
                            flags[i]);
    }
    const json_t *pruned = json_object_get(config, "pruned_heads");
    if (json_object_size(pruned) > 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: pruned_heads holds %zu layers; only whole "
                        "attention is built in",
                        at, json_object_size(pruned));
    return ANM_OK;
}

static anm_status read_config(const json_t *config, const char *at,
                              bert_config *c, anm_error *err)
{
    anm_status status = read_sizes(config, at, c, err);
    if (status) return status;

    status = refuse_variants(config, at, err);
    if (status) return status;

    status = anm_read_act(config, at, "gelu", &c->act, err);
    if (status) return status;

    status =
        anm_json_real_or(config, "layer_norm_eps", at, 1e-12, &c->eps, err);
    if (status) return status;
    if (!(c->eps >= 0.0 && c->eps <= 1.0))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: layer_norm_eps %g, allowed 0 to 1", at, c->eps);
    return ANM_OK;
}

static anm_status measure_bert(anm_source *s, const char *at, anm_extent *out,
                               anm_error *err)
{
    static const char *const with_default[] = { "hidden_act", "layer_norm_eps",
                                                "type_vocab_size" };
    bert_config c;
    anm_status status = read_config(s->config, at, &c, err);

    for (size_t i = 0; !status && i < 3; i++)
        if (!json_object_get(s->config, with_default[i]))
            status = anm_source_note(s, err, with_default[i],
                                     "config.json is silent; the original's "
                                     "default is taken");
    if (status) return status;
    out->hidden = (size_t)c.hidden;
    out->layers = (size_t)c.layers;
    out->positions = (size_t)c.positions;
    out->vocab_rows = (size_t)c.vocab;
    return ANM_OK;
}

typedef struct builder {
    anm_builder base;
    bert_config c;
} builder;

/* Checkpoints from before 2019 call the two vectors of a norm gamma and
 * beta. */
static anm_weight *find_under_old_name(const anm_weights *w, const char *name)
{
    static const char *const pairs[][2] = {
        { "LayerNorm.weight", "LayerNorm.gamma" },
        { "LayerNorm.bias", "LayerNorm.beta" },
    };
    char old[ANM_NAME_BYTES + 8];

    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(name, pairs[i][0]);

        if (!at) continue;
        snprintf(old, sizeof(old), "%.*s%s", (int)(at - name), name,
                 pairs[i][1]);
        return anm_weights_find(w, old);
    }
    return NULL;
}

/* A vector of a norm, under its canonical name whatever it is stored as. */
static anm_value_id add_norm_vector(builder *b, const char *name)
{
    const anm_weights *weights = &b->base.s->weights;
    const int64_t d = b->c.hidden;
    anm_weight *w = anm_weights_find(weights, name);

    if (!w) w = find_under_old_name(weights, name);
    if (!anm_use_weight(&b->base, w, name, d, 0)) return ANM_VALUE_NONE;
    const anm_shape shape = { w->dtype, 1, { d } };
    return anm_graph_const(b->base.g, name, &shape, w->data);
}

/* The vector of token type 0, the only type that a single text has. */
static anm_value_id add_type_row(builder *b)
{
    static const char name[] = "embeddings.token_type_embeddings.weight";
    const int64_t d = b->c.hidden;
    const anm_weight *t =
        anm_use_weight(&b->base, anm_weights_find(&b->base.s->weights, name),
                       name, b->c.types, d);
    uint64_t bytes = 0;
    anm_bytes row;

    if (!t || !anm_dtype_bytes(t->dtype, (uint64_t)d, &bytes) ||
        !anm_bytes_slice(t->data, 0, (size_t)bytes, &row))
        return ANM_VALUE_NONE;
    const anm_shape shape = { t->dtype, 1, { d } };
    return anm_graph_const(
        b->base.g, "embeddings.token_type_embeddings.weight[0]", &shape, row);
}

/* tensor: the path of the norm without ".weight". */
static anm_value_id add_norm(builder *b, const char *node, const char *tensor,
                             anm_value_id x)
{
    char weight[ANM_NAME_BYTES + 8], bias[ANM_NAME_BYTES + 8];
    const anm_attr attr = { .eps = b->c.eps };

    snprintf(weight, sizeof(weight), "%s.weight", tensor);
    snprintf(bias, sizeof(bias), "%s.bias", tensor);
    const anm_value_id inputs[] = { x, add_norm_vector(b, weight),
                                    add_norm_vector(b, bias) };
    return anm_graph_add(b->base.g, ANM_OP_LAYER_NORM, node, inputs, 3, &attr);
}

static anm_value_id add_embedding(builder *b)
{
    anm_builder *base = &b->base;
    const anm_value_id word = anm_add_matrix(
        base, "embeddings.word_embeddings.weight", b->c.vocab, b->c.hidden);
    const anm_value_id place =
        anm_add_matrix(base, "embeddings.position_embeddings.weight",
                       b->c.positions, b->c.hidden);
    const anm_value_id type = add_type_row(b);
    const anm_value_id positions = anm_add_node1(
        base, ANM_OP_POSITION, "embedding.positions", base->ids, NULL);

    anm_value_id x = anm_add_node2(base, ANM_OP_GATHER, "embedding.word", word,
                                   base->ids, NULL);
    x = anm_add_node2(base, ANM_OP_ADD, "embedding.word_type", x, type, NULL);
    const anm_value_id p = anm_add_node2(
        base, ANM_OP_GATHER, "embedding.position", place, positions, NULL);
    x = anm_add_node2(base, ANM_OP_ADD, "embedding.sum", x, p, NULL);
    return add_norm(b, "embedding", "embeddings.LayerNorm", x);
}

/* One of q, k, v as [heads, L, head size]. */
static anm_value_id add_heads(builder *b, const char *part, anm_value_id x)
{
    anm_builder *base = &b->base;
    const int64_t d = b->c.hidden, h = b->c.heads;
    const anm_attr split = { .rank = 3, .dims = { ANM_DIM_TOKENS, h, d / h } };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    char name[64];

    x = anm_add_linear(base, part, x, d, d, true);
    snprintf(name, sizeof(name), "%s.split", part);
    x = anm_add_node1(base, ANM_OP_RESHAPE, anm_name_part(base, name).node, x,
                      &split);
    snprintf(name, sizeof(name), "%s.heads", part);
    return anm_add_node1(base, ANM_OP_TRANSPOSE, anm_name_part(base, name).node,
                         x, &swap);
}

static anm_value_id add_attention(builder *b, anm_value_id x)
{
    anm_builder *base = &b->base;
    const int64_t d = b->c.hidden, h = b->c.heads;
    const anm_attr transposed = { .flag = true };
    const anm_attr scale = { .alpha =
                                 (float)(1.0 / sqrt((double)d / (double)h)) };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    const anm_attr join = { .rank = 2, .dims = { ANM_DIM_TOKENS, d } };
    const anm_value_id q = add_heads(b, "attention.self.query", x);
    const anm_value_id k = add_heads(b, "attention.self.key", x);
    const anm_value_id v = add_heads(b, "attention.self.value", x);

    anm_value_id p = anm_add_node2(
        base, ANM_OP_MATMUL, anm_name_part(base, "attention.self.dots").node, q,
        k, &transposed);
    p = anm_add_node1(base, ANM_OP_SCALE,
                      anm_name_part(base, "attention.self.scores").node, p,
                      &scale);
    p = anm_add_node2(base, ANM_OP_SOFTMAX,
                      anm_name_part(base, "attention.self.shares").node, p,
                      base->mask, NULL);
    anm_value_id o = anm_add_node2(
        base, ANM_OP_MATMUL, anm_name_part(base, "attention.self.heads").node,
        p, v, NULL);
    o = anm_add_node1(base, ANM_OP_TRANSPOSE,
                      anm_name_part(base, "attention.self.rows").node, o,
                      &swap);
    return anm_add_node1(base, ANM_OP_RESHAPE,
                         anm_name_part(base, "attention.self").node, o, &join);
}

static anm_value_id add_layer(builder *b, anm_value_id x)
{
    anm_builder *base = &b->base;
    const int64_t d = b->c.hidden;
    const anm_attr act = { .act = b->c.act };
    anm_part_name name = anm_name_part(base, "attention.output.LayerNorm");
    char node[32];

    anm_value_id o = add_attention(b, x);
    o = anm_add_linear(base, "attention.output.dense", o, d, d, true);
    o = anm_add_node2(base, ANM_OP_ADD,
                      anm_name_part(base, "attention.output.sum").node, o, x,
                      NULL);
    x = add_norm(b, name.node, name.tensor, o);

    o = anm_add_linear(base, "intermediate.dense", x, b->c.inner, d, true);
    o = anm_add_node1(
        base, ANM_OP_ACT,
        anm_name_part(base, "intermediate.intermediate_act_fn").node, o, &act);
    o = anm_add_linear(base, "output.dense", o, d, b->c.inner, true);
    o = anm_add_node2(base, ANM_OP_ADD, anm_name_part(base, "output.sum").node,
                      o, x, NULL);
    name = anm_name_part(base, "output.LayerNorm");
    snprintf(node, sizeof(node), "layer_%02u", base->layer);
    return add_norm(b, node, name.tensor, o);
}

static void build_bert(anm_source *s, anm_graph *g)
{
    builder b = { .base = { .s = s, .g = g, .layers = layer_path } };
    anm_error err;
    const anm_status status = read_config(s->config, s->settings, &b.c, &err);

    if (status) {
        anm_graph_fail(g, status, "%s", err.message);
        return;
    }
    anm_builder_begin(&b.base);
    anm_value_id x = add_embedding(&b);
    for (b.base.layer = 0; b.base.layer < b.c.layers; b.base.layer++)
        x = add_layer(&b, x);
    anm_builder_finish(&b.base, x);
}

static void digest_bert(const anm_source *s, anm_sha256 *h)
{
    bert_config c = { 0 };
    uint64_t eps;

    // Opening has read the same configuration without trouble.
    (void)read_config(s->config, s->settings, &c, NULL);
    static_assert(sizeof(eps) == sizeof(c.eps), "the bits of a double");
    memcpy(&eps, &c.eps, sizeof(eps));
    anm_sha256_add_u64(h, (uint64_t)c.heads);
    anm_sha256_add_string(h, anm_act_name(c.act));
    anm_sha256_add_u64(h, eps);
}

const anm_architecture anm_bert = {
    .model_type = "bert",
    .token_table = "embeddings.word_embeddings.weight",
    .layers = layer_path,
    .measure = measure_bert,
    .build = build_bert,
    .digest = digest_bert,
};
