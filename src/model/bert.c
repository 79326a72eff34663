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

/* Canonical names are short; the checkpoint's prefix is what makes them long. */
enum { NAME_BYTES = 96, FULL_NAME_BYTES = NAME_BYTES + ANM_PREFIX_MAX };

typedef struct bert_config {
    int64_t hidden, layers, heads, inner;
    int64_t vocab, types, positions;
    anm_act act;
    double eps;
} bert_config;

static const struct {
    const char *name;
    anm_act act;
} activations[] = {
    { "gelu", ANM_ACT_GELU_ERF },
    { "gelu_new", ANM_ACT_GELU_TANH },
    { "gelu_pytorch_tanh", ANM_ACT_GELU_TANH },
    { "relu", ANM_ACT_RELU },
    { "silu", ANM_ACT_SILU },
    { "swish", ANM_ACT_SILU },
    { "tanh", ANM_ACT_TANH },
};

static anm_status read_act(const json_t *config, const char *at, anm_act *out,
                           anm_error *err)
{
    const char *name = NULL;
    const anm_status status =
        anm_json_string_or(config, "hidden_act", at, "gelu", &name, err);

    if (status) return status;
    for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
        if (strcmp(activations[i].name, name) != 0) continue;
        *out = activations[i].act;
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: hidden_act \"%s\" is not built in; built in: gelu, "
                    "gelu_new, gelu_pytorch_tanh, relu, silu, swish, tanh",
                    at, name);
}

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
        const anm_status status = anm_json_int(config, sizes[i].key, at, 1,
                                               sizes[i].max, sizes[i].out, err);
        if (status) return status;
    }
    if (c->hidden % c->heads != 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: hidden_size %" PRId64
                        " is no multiple of num_attention_heads %" PRId64,
                        at, c->hidden, c->heads);
    return anm_json_int_or(config, "type_vocab_size", at, 1, 65536, 2,
                           &c->types, err);
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

    status = read_act(config, at, &c->act, err);
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
    out->positions = (size_t)c.positions;
    out->vocab_rows = (size_t)c.vocab;
    return ANM_OK;
}

typedef struct builder {
    anm_source *s;
    anm_graph *g;
    bert_config c;
    unsigned layer;
    anm_value_id mask;
} builder;

/* Position in order of name; the count when there is none. */
static size_t find_tensor(const anm_safetensors *f, const char *name)
{
    const size_t n = anm_safetensors_n(f);
    size_t low = 0, high = n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(anm_safetensors_at(f, middle)->name, name);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return n;
}

/* Checkpoints from before 2019 call the two vectors of a norm gamma and
 * beta. */
static size_t find_under_old_name(const builder *b, const char *name)
{
    static const char *const pairs[][2] = {
        { "LayerNorm.weight", "LayerNorm.gamma" },
        { "LayerNorm.bias", "LayerNorm.beta" },
    };
    char full[FULL_NAME_BYTES];

    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(name, pairs[i][0]);
        if (!at) continue;
        snprintf(full, sizeof(full), "%s%.*s%s", b->s->prefix, (int)(at - name),
                 name, pairs[i][1]);
        return find_tensor(b->s->weights, full);
    }
    return anm_safetensors_n(b->s->weights);
}

static void write_shape(char *out, size_t cap, int64_t rows, int64_t cols)
{
    if (cols)
        snprintf(out, cap, "[%" PRId64 ", %" PRId64 "]", rows, cols);
    else
        snprintf(out, cap, "[%" PRId64 "]", rows);
}

/* True when the stored tensor is what config.json promises; cols is 0 for a
 * vector. */
static bool check_tensor(const builder *b, const anm_tensor *t, int64_t rows,
                         int64_t cols)
{
    const unsigned rank = cols ? 2 : 1;
    char found[96], expected[64];

    if (t->dtype != ANM_DTYPE_F32 && t->dtype != ANM_DTYPE_F16 &&
        t->dtype != ANM_DTYPE_BF16) {
        anm_graph_fail(b->g, ANM_E_UNSUPPORTED,
                       "%s: tensor %s: type %s found, F32, F16 or BF16 "
                       "expected",
                       anm_safetensors_path(b->s->weights, t->shard), t->name,
                       anm_dtype_name(t->dtype));
        return false;
    }
    if (t->rank == rank && t->dims[0] == (uint64_t)rows &&
        (rank == 1 || t->dims[1] == (uint64_t)cols))
        return true;
    anm_tensor_shape_text(t, found, sizeof(found));
    write_shape(expected, sizeof(expected), rows, cols);
    anm_graph_fail(b->g, ANM_E_FORMAT,
                   "%s: tensor %s: shape %s found, %s expected from "
                   "config.json",
                   anm_safetensors_path(b->s->weights, t->shard), t->name,
                   found, expected);
    return false;
}

/* The tensor of a canonical name, checked and marked as used; NULL after
 * anm_graph_fail(). */
static const anm_tensor *use_tensor(builder *b, const char *name, int64_t rows,
                                    int64_t cols)
{
    const anm_safetensors *f = b->s->weights;
    char full[FULL_NAME_BYTES];

    snprintf(full, sizeof(full), "%s%s", b->s->prefix, name);
    size_t i = find_tensor(f, full);
    if (i == anm_safetensors_n(f)) i = find_under_old_name(b, name);
    if (i == anm_safetensors_n(f)) {
        anm_graph_fail(b->g, ANM_E_FORMAT,
                       "%s: no tensor %s, which config.json asks for",
                       anm_safetensors_path(f, 0), full);
        return NULL;
    }
    const anm_tensor *t = anm_safetensors_at(f, i);
    if (!check_tensor(b, t, rows, cols)) return NULL;
    b->s->tensor_used[i] = true;
    return t;
}

static anm_value_id add_matrix(builder *b, const char *name, int64_t rows,
                               int64_t cols)
{
    const anm_tensor *t = use_tensor(b, name, rows, cols);

    if (!t) return ANM_VALUE_NONE;
    const anm_shape shape = { t->dtype, 2, { rows, cols } };
    return anm_graph_const(b->g, name, &shape, t->data);
}

static anm_value_id add_vector(builder *b, const char *name, int64_t n)
{
    const anm_tensor *t = use_tensor(b, name, n, 0);

    if (!t) return ANM_VALUE_NONE;
    const anm_shape shape = { t->dtype, 1, { n } };
    return anm_graph_const(b->g, name, &shape, t->data);
}

/* The vector of token type 0, the only type that a single text has. */
static anm_value_id add_type_row(builder *b)
{
    const anm_tensor *t = use_tensor(
        b, "embeddings.token_type_embeddings.weight", b->c.types, b->c.hidden);
    anm_bytes row;

    if (!t) return ANM_VALUE_NONE;
    const size_t bytes = (size_t)b->c.hidden * anm_dtype_block(t->dtype).bytes;
    if (!anm_bytes_slice(t->data, 0, bytes, &row)) return ANM_VALUE_NONE;
    const anm_shape shape = { t->dtype, 1, { b->c.hidden } };
    return anm_graph_const(b->g, "embeddings.token_type_embeddings.weight[0]",
                           &shape, row);
}

static anm_value_id add_node1(builder *b, anm_op op, const char *name,
                              anm_value_id x, const anm_attr *attr)
{
    return anm_graph_add(b->g, op, name, &x, 1, attr);
}

static anm_value_id add_node2(builder *b, anm_op op, const char *name,
                              anm_value_id x, anm_value_id y,
                              const anm_attr *attr)
{
    const anm_value_id inputs[] = { x, y };
    return anm_graph_add(b->g, op, name, inputs, 2, attr);
}

/* "layer_03.PART" and "encoder.layer.3.PART". */
typedef struct layer_name {
    char node[NAME_BYTES], tensor[NAME_BYTES];
} layer_name;

static layer_name name_part(const builder *b, const char *part)
{
    layer_name n;

    snprintf(n.node, sizeof(n.node), "layer_%02u.%s", b->layer, part);
    snprintf(n.tensor, sizeof(n.tensor), "encoder.layer.%u.%s", b->layer, part);
    return n;
}

static anm_value_id add_linear(builder *b, const char *part, anm_value_id x,
                               int64_t n, int64_t k)
{
    const layer_name name = name_part(b, part);
    char weight[NAME_BYTES + 8], bias[NAME_BYTES + 8];

    snprintf(weight, sizeof(weight), "%s.weight", name.tensor);
    snprintf(bias, sizeof(bias), "%s.bias", name.tensor);
    const anm_value_id inputs[] = { x, add_matrix(b, weight, n, k),
                                    add_vector(b, bias, n) };
    return anm_graph_add(b->g, ANM_OP_LINEAR, name.node, inputs, 3, NULL);
}

/* tensor: the path of the norm without ".weight". */
static anm_value_id add_norm(builder *b, const char *node, const char *tensor,
                             anm_value_id x)
{
    char weight[NAME_BYTES + 8], bias[NAME_BYTES + 8];
    const anm_attr attr = { .eps = b->c.eps };

    snprintf(weight, sizeof(weight), "%s.weight", tensor);
    snprintf(bias, sizeof(bias), "%s.bias", tensor);
    const anm_value_id inputs[] = { x, add_vector(b, weight, b->c.hidden),
                                    add_vector(b, bias, b->c.hidden) };
    return anm_graph_add(b->g, ANM_OP_LAYER_NORM, node, inputs, 3, &attr);
}

static anm_value_id add_embedding(builder *b, anm_value_id ids)
{
    const anm_value_id word = add_matrix(b, "embeddings.word_embeddings.weight",
                                         b->c.vocab, b->c.hidden);
    const anm_value_id place =
        add_matrix(b, "embeddings.position_embeddings.weight", b->c.positions,
                   b->c.hidden);
    const anm_value_id type = add_type_row(b);
    const anm_value_id positions =
        add_node1(b, ANM_OP_POSITION, "embedding.positions", ids, NULL);

    anm_value_id x =
        add_node2(b, ANM_OP_GATHER, "embedding.word", word, ids, NULL);
    x = add_node2(b, ANM_OP_ADD, "embedding.word_type", x, type, NULL);
    const anm_value_id p = add_node2(b, ANM_OP_GATHER, "embedding.position",
                                     place, positions, NULL);
    x = add_node2(b, ANM_OP_ADD, "embedding.sum", x, p, NULL);
    return add_norm(b, "embedding", "embeddings.LayerNorm", x);
}

/* One of q, k, v as [heads, L, head size]. */
static anm_value_id add_heads(builder *b, const char *part, anm_value_id x)
{
    const int64_t d = b->c.hidden, h = b->c.heads;
    const anm_attr split = { .rank = 3, .dims = { ANM_DIM_TOKENS, h, d / h } };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    char name[64];

    x = add_linear(b, part, x, d, d);
    snprintf(name, sizeof(name), "%s.split", part);
    x = add_node1(b, ANM_OP_RESHAPE, name_part(b, name).node, x, &split);
    snprintf(name, sizeof(name), "%s.heads", part);
    return add_node1(b, ANM_OP_TRANSPOSE, name_part(b, name).node, x, &swap);
}

static anm_value_id add_attention(builder *b, anm_value_id x)
{
    const int64_t d = b->c.hidden, h = b->c.heads;
    const anm_attr transposed = { .flag = true };
    const anm_attr scale = { .alpha =
                                 (float)(1.0 / sqrt((double)d / (double)h)) };
    const anm_attr swap = { .rank = 3, .perm = { 1, 0, 2 } };
    const anm_attr join = { .rank = 2, .dims = { ANM_DIM_TOKENS, d } };
    const anm_value_id q = add_heads(b, "attention.self.query", x);
    const anm_value_id k = add_heads(b, "attention.self.key", x);
    const anm_value_id v = add_heads(b, "attention.self.value", x);

    anm_value_id p =
        add_node2(b, ANM_OP_MATMUL, name_part(b, "attention.self.dots").node, q,
                  k, &transposed);
    p = add_node1(b, ANM_OP_SCALE, name_part(b, "attention.self.scores").node,
                  p, &scale);
    p = add_node2(b, ANM_OP_SOFTMAX, name_part(b, "attention.self.shares").node,
                  p, b->mask, NULL);
    anm_value_id o =
        add_node2(b, ANM_OP_MATMUL, name_part(b, "attention.self.heads").node,
                  p, v, NULL);
    o = add_node1(b, ANM_OP_TRANSPOSE, name_part(b, "attention.self.rows").node,
                  o, &swap);
    return add_node1(b, ANM_OP_RESHAPE, name_part(b, "attention.self").node, o,
                     &join);
}

static anm_value_id add_layer(builder *b, anm_value_id x)
{
    const int64_t d = b->c.hidden;
    const anm_attr act = { .act = b->c.act };
    layer_name name = name_part(b, "attention.output.LayerNorm");
    char node[32];

    anm_value_id o = add_attention(b, x);
    o = add_linear(b, "attention.output.dense", o, d, d);
    o = add_node2(b, ANM_OP_ADD, name_part(b, "attention.output.sum").node, o,
                  x, NULL);
    x = add_norm(b, name.node, name.tensor, o);

    o = add_linear(b, "intermediate.dense", x, b->c.inner, d);
    o = add_node1(b, ANM_OP_ACT,
                  name_part(b, "intermediate.intermediate_act_fn").node, o,
                  &act);
    o = add_linear(b, "output.dense", o, d, b->c.inner);
    o = add_node2(b, ANM_OP_ADD, name_part(b, "output.sum").node, o, x, NULL);
    name = name_part(b, "output.LayerNorm");
    snprintf(node, sizeof(node), "layer_%02u", b->layer);
    return add_norm(b, node, name.tensor, o);
}

static anm_value_id add_sentence(builder *b, anm_value_id x)
{
    const anm_recipe *r = &b->s->recipe;
    const anm_attr pool = { .pool = r->pool };
    const anm_attr unit = { .eps = 1e-12 };

    x = add_node2(b, ANM_OP_POOL, "module_1_pooling", x, b->mask, &pool);
    if (r->normalize)
        x = add_node1(b, ANM_OP_NORMALIZE, "module_2_normalize", x, &unit);
    return x;
}

static void build_bert(anm_source *s, anm_graph *g)
{
    const anm_shape row = { ANM_DTYPE_I32, 1, { ANM_DIM_TOKENS } };
    builder b = { .s = s, .g = g };
    anm_error err;
    const anm_status status = read_config(s->config, "config.json", &b.c, &err);

    if (status) {
        anm_graph_fail(g, status, "%s", err.message);
        return;
    }
    const anm_value_id ids = anm_graph_input(g, "ids", &row);
    b.mask = anm_graph_input(g, "mask", &row);

    anm_value_id x = add_embedding(&b, ids);
    for (b.layer = 0; b.layer < b.c.layers; b.layer++)
        x = add_layer(&b, x);
    anm_graph_result(g, add_sentence(&b, x));
}

static void digest_bert(const anm_source *s, anm_sha256 *h)
{
    bert_config c = { 0 };
    uint64_t eps;

    // Opening has read the same configuration without trouble.
    (void)read_config(s->config, "config.json", &c, NULL);
    static_assert(sizeof(eps) == sizeof(c.eps), "the bits of a double");
    memcpy(&eps, &c.eps, sizeof(eps));
    anm_sha256_add_u64(h, (uint64_t)c.heads);
    anm_sha256_add_string(h, anm_act_name(c.act));
    anm_sha256_add_u64(h, eps);
}

const anm_architecture anm_bert = {
    .model_type = "bert",
    .token_table = "embeddings.word_embeddings.weight",
    .measure = measure_bert,
    .build = build_bert,
    .digest = digest_bert,
};
