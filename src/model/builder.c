/* builder.c - tensors into constants, nodes, names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/builder.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"

/* ---- Settings ------------------------------------------------------------ */

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

anm_status anm_read_act(const json_t *config, const char *at,
                        const char *otherwise, anm_act *out, anm_error *err)
{
    const char *name = NULL;
    const anm_status status =
        anm_json_string_or(config, "hidden_act", at, otherwise, &name, err);

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

/* ---- Names --------------------------------------------------------------- */

anm_part_name anm_name_part(const anm_builder *b, const char *part)
{
    anm_part_name n;

    snprintf(n.node, sizeof(n.node), "layer_%02u.%s", b->layer, part);
    snprintf(n.tensor, sizeof(n.tensor), "%s.%u.%s", b->layers, b->layer, part);
    return n;
}

/* ---- Tensors ------------------------------------------------------------- */

static void write_shape(char *out, size_t cap, int64_t rows, int64_t cols)
{
    if (cols)
        snprintf(out, cap, "[%" PRId64 ", %" PRId64 "]", rows, cols);
    else
        snprintf(out, cap, "[%" PRId64 "]", rows);
}

static bool check_type(const anm_builder *b, const anm_weight *t, bool matrix)
{
    const bool blocks = anm_dtype_block(t->dtype).elements > 1;

    if (t->dtype == ANM_DTYPE_F32 || t->dtype == ANM_DTYPE_F16 ||
        t->dtype == ANM_DTYPE_BF16 || (matrix && blocks))
        return true;
    anm_graph_fail(b->g, ANM_E_UNSUPPORTED,
                   "%s: tensor %s: type %s found, F32, F16 or BF16%s expected",
                   anm_weights_path(&b->s->weights, t), t->stored,
                   anm_dtype_name(t->dtype), matrix ? ", or a block type" : "");
    return false;
}

static bool check_shape(const anm_builder *b, const anm_weight *t, int64_t rows,
                        int64_t cols)
{
    const unsigned rank = cols ? 2 : 1;
    char found[96], expected[64];

    if (t->rank == rank && t->dims[0] == (uint64_t)rows &&
        (rank == 1 || t->dims[1] == (uint64_t)cols))
        return true;
    anm_dims_text(t->dims, t->rank, found, sizeof(found));
    write_shape(expected, sizeof(expected), rows, cols);
    anm_graph_fail(b->g, ANM_E_FORMAT,
                   "%s: tensor %s: shape %s found, %s expected from %s",
                   anm_weights_path(&b->s->weights, t), t->stored, found,
                   expected, b->s->settings);
    return false;
}

const anm_weight *anm_use_weight(anm_builder *b, anm_weight *w,
                                 const char *name, int64_t rows, int64_t cols)
{
    if (!w) {
        anm_graph_fail(
            b->g, ANM_E_FORMAT, "%s: no tensor %s%s, which %s asks for",
            b->s->weights.files[0].path, b->s->prefix, name, b->s->settings);
        return NULL;
    }
    if (!check_type(b, w, cols != 0) || !check_shape(b, w, rows, cols))
        return NULL;
    w->used = true;
    return w;
}

static anm_value_id add_constant(anm_builder *b, const char *name, int64_t rows,
                                 int64_t cols)
{
    const anm_weight *w = anm_use_weight(
        b, anm_weights_find(&b->s->weights, name), name, rows, cols);

    if (!w) return ANM_VALUE_NONE;
    const anm_shape shape = { w->dtype, cols ? 2 : 1, { rows, cols } };
    return anm_graph_const(b->g, name, &shape, w->data);
}

anm_value_id anm_add_matrix(anm_builder *b, const char *name, int64_t rows,
                            int64_t cols)
{
    return add_constant(b, name, rows, cols);
}

anm_value_id anm_add_vector(anm_builder *b, const char *name, int64_t n)
{
    return add_constant(b, name, n, 0);
}

/* ---- Nodes --------------------------------------------------------------- */

anm_value_id anm_add_node1(anm_builder *b, anm_op op, const char *name,
                           anm_value_id x, const anm_attr *attr)
{
    return anm_graph_add(b->g, op, name, &x, 1, attr);
}

anm_value_id anm_add_node2(anm_builder *b, anm_op op, const char *name,
                           anm_value_id x, anm_value_id y, const anm_attr *attr)
{
    const anm_value_id inputs[] = { x, y };
    return anm_graph_add(b->g, op, name, inputs, 2, attr);
}

anm_value_id anm_add_linear(anm_builder *b, const char *part, anm_value_id x,
                            int64_t n, int64_t k, bool bias)
{
    const anm_part_name name = anm_name_part(b, part);
    char weight[ANM_NAME_BYTES + 8], vector[ANM_NAME_BYTES + 8];

    snprintf(weight, sizeof(weight), "%s.weight", name.tensor);
    snprintf(vector, sizeof(vector), "%s.bias", name.tensor);
    const anm_value_id w = anm_add_matrix(b, weight, n, k);
    const anm_value_id inputs[] = { x, w,
                                    bias ? anm_add_vector(b, vector, n)
                                         : ANM_VALUE_NONE };
    return anm_graph_add(b->g, ANM_OP_LINEAR, name.node, inputs, 3, NULL);
}

void anm_builder_begin(anm_builder *b)
{
    const anm_shape row = { ANM_DTYPE_I32, 1, { ANM_DIM_TOKENS } };

    b->ids = anm_graph_input(b->g, "ids", &row);
    b->mask = anm_graph_input(b->g, "mask", &row);
}

void anm_builder_finish(anm_builder *b, anm_value_id rows)
{
    const anm_recipe *r = &b->s->recipe;
    const anm_attr pool = { .pool = r->pool };
    const anm_attr unit = { .eps = 1e-12 };

    anm_value_id x =
        anm_add_node2(b, ANM_OP_POOL, "module_1_pooling", rows, b->mask, &pool);
    if (r->normalize)
        x = anm_add_node1(b, ANM_OP_NORMALIZE, "module_2_normalize", x, &unit);
    anm_graph_result(b->g, x);
}
