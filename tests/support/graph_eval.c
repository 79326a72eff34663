/* graph_eval.c - what a graph means, computed in double.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kern/kern.h"

static size_t dim(const test_eval *e, const anm_shape *s, size_t axis)
{
    const int64_t d = s->dims[axis];
    return d == ANM_DIM_TOKENS ? e->n_tokens : (size_t)d;
}

static const anm_shape *shape_of(const test_eval *e, anm_value_id v)
{
    return &anm_graph_value(e->g, v)->shape;
}

static size_t elements(const test_eval *e, anm_value_id v)
{
    const anm_shape *s = shape_of(e, v);
    size_t n = 1;
    for (size_t i = 0; i < s->rank; i++)
        n *= dim(e, s, i);
    return n;
}

static size_t last_dim(const test_eval *e, anm_value_id v)
{
    const anm_shape *s = shape_of(e, v);
    return dim(e, s, s->rank - 1);
}

static void load_const(test_eval *e, anm_value_id v, double *out)
{
    const anm_value *c = anm_graph_value(e->g, v);
    const anm_block block = anm_dtype_block(c->shape.dtype);
    float x[256];

    assert_true(block.elements <= 256);
    for (size_t p = 0; p < c->n_parts; p++)
        for (size_t i = 0; i < c->parts[p].data.len; i += block.bytes) {
            assert_true(anm_widen_f32(x, c->parts[p].data.data + i,
                                      c->shape.dtype, block.elements));
            for (size_t j = 0; j < block.elements; j++)
                *out++ = (double)x[j];
        }
}

static double activate(anm_act act, double x)
{
    if (act == ANM_ACT_NONE) return x;
    if (act == ANM_ACT_RELU) return x > 0 ? x : 0;
    if (act == ANM_ACT_SILU) return x / (1 + exp(-x));
    if (act == ANM_ACT_TANH) return tanh(x);
    if (act == ANM_ACT_GELU_ERF) return x / 2 * (1 + erf(x / sqrt(2)));
    return x / 2 *
           (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

static void run_linear(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]], *w = e->values[n->inputs[1]];
    const size_t k = last_dim(e, n->inputs[0]), m = last_dim(e, n->output);
    const size_t total = elements(e, n->output);

    for (size_t i = 0; i < total; i++) {
        const size_t row = i / m, col = i % m;
        double sum = 0;
        for (size_t j = 0; j < k; j++)
            sum += x[row * k + j] * w[col * k + j];
        if (n->inputs[2] != ANM_VALUE_NONE) sum += e->values[n->inputs[2]][col];
        out[i] = activate(n->attr.act, sum);
        if (n->inputs[3] != ANM_VALUE_NONE)
            out[i] += e->values[n->inputs[3]][i];
    }
}

static void run_norm(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->output), total = elements(e, n->output);

    for (size_t r = 0; r < total; r += d) {
        double mean = 0, var = 0;
        for (size_t j = 0; j < d; j++)
            mean += x[r + j] / (double)d;
        for (size_t j = 0; j < d; j++)
            var += (x[r + j] - mean) * (x[r + j] - mean) / (double)d;
        for (size_t j = 0; j < d; j++)
            out[r + j] = (x[r + j] - mean) / sqrt(var + n->attr.eps) *
                             e->values[n->inputs[1]][j] +
                         e->values[n->inputs[2]][j];
    }
}

static void run_rms_norm(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->inputs[1]), total = elements(e, n->output);

    for (size_t r = 0; r < total; r += d) {
        double squares = 0;
        for (size_t j = 0; j < d; j++)
            squares += x[r + j] * x[r + j];
        for (size_t j = 0; j < d; j++)
            out[r + j] = x[r + j] / sqrt(squares / (double)d + n->attr.eps) *
                         e->values[n->inputs[1]][j];
    }
}

/* Rounded where kern.h says so: that is the definition. */
static void run_angles(const test_eval *e, const anm_node *n, double *out)
{
    const double *p = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->output);

    for (size_t i = 0; i < e->n_tokens; i++)
        for (size_t j = 0; j < d / 2; j++) {
            const float share = (float)(2 * j) / (float)d;
            const float power = (float)pow((float)n->attr.theta, share);
            const float angle = (float)p[i] * (1.0f / power);
            out[i * d + j] = cos((double)angle);
            out[i * d + d / 2 + j] = sin((double)angle);
        }
}

static void run_rope(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->inputs[1]), half = d / 2;
    const size_t width = last_dim(e, n->output);
    const size_t total = elements(e, n->output);

    for (size_t i = 0; i < total; i++) {
        const double *angles = e->values[n->inputs[1]] + i / width * d;
        const size_t j = i % d % half;
        const bool first = i % d < half;
        const double other = first ? -x[i + half] : x[i - half];
        out[i] = x[i] * angles[j] + other * angles[half + j];
    }
}

static void run_glu(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->output), total = elements(e, n->output);

    for (size_t i = 0; i < total; i++) {
        const double *gate = x + i / d * 2 * d + i % d;
        out[i] = activate(n->attr.act, gate[0]) * gate[d];
    }
}

static void run_transpose(const test_eval *e, const anm_node *n, double *out)
{
    const anm_shape *from = shape_of(e, n->inputs[0]);
    const anm_shape *to = shape_of(e, n->output);
    const size_t total = elements(e, n->output);

    for (size_t i = 0; i < total; i++) {
        size_t index[ANM_RANK_MAX] = { 0 }, rest = i, at = 0;
        for (size_t a = to->rank; a-- > 0;) {
            index[n->attr.perm[a]] = rest % dim(e, to, a);
            rest /= dim(e, to, a);
        }
        for (size_t a = 0; a < from->rank; a++)
            at = at * dim(e, from, a) + index[a];
        out[i] = e->values[n->inputs[0]][at];
    }
}

static void run_matmul(const test_eval *e, const anm_node *n, double *out)
{
    const double *a = e->values[n->inputs[0]], *b = e->values[n->inputs[1]];
    const anm_shape *s = shape_of(e, n->output);
    const size_t rows = dim(e, s, s->rank - 2), cols = dim(e, s, s->rank - 1);
    const size_t k = last_dim(e, n->inputs[0]);
    const size_t total = elements(e, n->output);

    for (size_t i = 0; i < total; i++) {
        const size_t batch = i / (rows * cols);
        const size_t row = i / cols % rows, col = i % cols;
        double sum = 0;
        for (size_t j = 0; j < k; j++) {
            const size_t at = n->attr.flag ? (batch * cols + col) * k + j
                                           : (batch * k + j) * cols + col;
            sum += a[(batch * rows + row) * k + j] * b[at];
        }
        out[i] = sum;
    }
}

static void run_softmax(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->output), total = elements(e, n->output);

    for (size_t r = 0; r < total; r += d) {
        double sum = 0, most = x[r];
        for (size_t j = 0; j < d; j++)
            most = fmax(most, x[r + j]);
        for (size_t j = 0; j < d; j++)
            sum += exp(x[r + j] - most);
        for (size_t j = 0; j < d; j++)
            out[r + j] = exp(x[r + j] - most) / sum;
    }
}

/* Element d of a query's mix of values: one head, one query. */
static void attend(const test_eval *e, const anm_node *n, size_t head, size_t i,
                   double *p, double *out)
{
    const size_t width = last_dim(e, n->output), size = width / n->attr.heads;
    const size_t kv_width = size * n->attr.kv_heads;
    const size_t kv = head / (n->attr.heads / n->attr.kv_heads) * size;
    const double *q = e->values[n->inputs[0]] + i * width + head * size;
    const double *k = e->values[n->inputs[1]] + kv;
    const double *v = e->values[n->inputs[2]] + kv;
    const size_t seen = n->attr.flag ? i + 1 : e->n_tokens;
    double most = -INFINITY, sum = 0;

    for (size_t j = 0; j < seen; j++) {
        p[j] = 0;
        for (size_t d = 0; d < size; d++)
            p[j] += (double)n->attr.alpha * q[d] * k[j * kv_width + d];
        most = fmax(most, p[j]);
    }
    for (size_t j = 0; j < seen; j++)
        sum += p[j] = exp(p[j] - most);
    for (size_t d = 0; d < size; d++) {
        double mix = 0;
        for (size_t j = 0; j < seen; j++)
            mix += p[j] / sum * v[j * kv_width + d];
        out[i * width + head * size + d] = mix;
    }
}

static void run_attention(const test_eval *e, const anm_node *n, double *out)
{
    double *p = calloc(e->n_tokens, sizeof(*p));

    assert_non_null(p);
    for (size_t head = 0; head < n->attr.heads; head++)
        for (size_t i = 0; i < e->n_tokens; i++)
            attend(e, n, head, i, p, out);
    free(p);
}

static void run_slice(const test_eval *e, const anm_node *n, double *out)
{
    const size_t d = last_dim(e, n->output), from = last_dim(e, n->inputs[0]);
    const size_t total = elements(e, n->output);

    for (size_t i = 0; i < total; i++)
        out[i] = e->values[n->inputs[0]]
                          [i / d * from + i % d + (size_t)n->attr.begin];
}

static void run_pool(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->output);
    const double *last = x + (e->n_tokens - 1) * d;

    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t i = 0; i < e->n_tokens; i++)
            sum += x[i * d + j];
        out[j] = n->attr.pool == ANM_POOL_CLS    ? x[j]
                 : n->attr.pool == ANM_POOL_LAST ? last[j]
                                                 : sum / (double)e->n_tokens;
    }
}

static void run_normalize(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t d = last_dim(e, n->output);
    double sum = 0;

    for (size_t j = 0; j < d; j++)
        sum += x[j] * x[j];
    for (size_t j = 0; j < d; j++)
        out[j] = x[j] / fmax(sqrt(sum), n->attr.eps);
}

static void run_elementwise(const test_eval *e, const anm_node *n, double *out)
{
    const double *x = e->values[n->inputs[0]];
    const size_t total = elements(e, n->output);

    for (size_t i = 0; i < total; i++) {
        if (n->op == ANM_OP_POSITION)
            out[i] = (double)i + (double)n->attr.offset;
        else if (n->op == ANM_OP_SCALE)
            out[i] = x[i] * (double)n->attr.alpha;
        else if (n->op == ANM_OP_ACT)
            out[i] = activate(n->attr.act, x[i]);
        else if (n->op == ANM_OP_ADD)
            out[i] =
                x[i] + e->values[n->inputs[1]][i % elements(e, n->inputs[1])];
        else if (n->op == ANM_OP_MUL)
            out[i] =
                x[i] * e->values[n->inputs[1]][i % elements(e, n->inputs[1])];
        else
            out[i] = x[i];
    }
}

static void run_gather(const test_eval *e, const anm_node *n, double *out)
{
    const double *table = e->values[n->inputs[0]];
    const double *ids = e->values[n->inputs[1]];
    const size_t d = last_dim(e, n->output);

    for (size_t i = 0; i < e->n_tokens; i++)
        memcpy(out + i * d, table + (size_t)ids[i] * d, d * sizeof(*out));
}

typedef void (*runner)(const test_eval *e, const anm_node *n, double *out);

static const runner runners[ANM_OP_COUNT] = {
    [ANM_OP_POSITION] = run_elementwise,
    [ANM_OP_GATHER] = run_gather,
    [ANM_OP_ADD] = run_elementwise,
    [ANM_OP_SCALE] = run_elementwise,
    [ANM_OP_LINEAR] = run_linear,
    [ANM_OP_ACT] = run_elementwise,
    [ANM_OP_LAYER_NORM] = run_norm,
    [ANM_OP_RESHAPE] = run_elementwise,
    [ANM_OP_TRANSPOSE] = run_transpose,
    [ANM_OP_MATMUL] = run_matmul,
    [ANM_OP_SOFTMAX] = run_softmax,
    [ANM_OP_POOL] = run_pool,
    [ANM_OP_NORMALIZE] = run_normalize,
    [ANM_OP_ATTENTION] = run_attention,
    [ANM_OP_SLICE] = run_slice,
    [ANM_OP_MUL] = run_elementwise,
    [ANM_OP_RMS_NORM] = run_rms_norm,
    [ANM_OP_ANGLES] = run_angles,
    [ANM_OP_ROPE] = run_rope,
    [ANM_OP_GLU] = run_glu,
};

static void define(test_eval *e, anm_value_id v, const int32_t *ids)
{
    const anm_value *value = anm_graph_value(e->g, v);

    if (value->kind == ANM_VALUE_TEMP) return;
    double *out = calloc(elements(e, v), sizeof(*out));
    assert_non_null(out);
    e->values[v] = out;
    if (value->kind == ANM_VALUE_CONST)
        load_const(e, v, out);
    else
        for (size_t i = 0; i < e->n_tokens; i++)
            out[i] = strcmp(value->name, "ids") == 0 ? ids[i] : 1;
}

test_eval test_eval_run(const anm_graph *g, const int32_t *ids, size_t n)
{
    const size_t n_values = anm_graph_n_values(g);
    test_eval e = { g, n, calloc(n_values, sizeof(double *)) };

    assert_non_null(e.values);
    for (size_t v = 0; v < n_values; v++)
        define(&e, (anm_value_id)v, ids);
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);
        double *out = calloc(elements(&e, node->output), sizeof(*out));
        assert_non_null(out);
        if (!runners[node->op]) fail_msg("no meaning of %s", node->name);
        runners[node->op](&e, node, out);
        e.values[node->output] = out;
    }
    return e;
}

void test_eval_free(test_eval *e)
{
    for (size_t v = 0; v < anm_graph_n_values(e->g); v++)
        free(e->values[v]);
    free(e->values);
}

const double *test_eval_value(const test_eval *e, const char *name, size_t *n)
{
    const anm_value_id v = anm_graph_find(e->g, name);

    if (v == ANM_VALUE_NONE || !e->values[v]) fail_msg("no value %s", name);
    *n = elements(e, v);
    return e->values[v];
}
