/* cpu_accept.c - which programs the cpu backend can run. What is refused is
 * refused here, by name; the steps rely on it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/error.h"
#include "graph/keep.h"

/* ---- Precision ----------------------------------------------------------- */

static anm_status refuse_precision(const anm_program *program, anm_dtype stored,
                                   anm_error *err)
{
    char possible[64] = "";
    size_t len = 0;

    for (int p = ANM_PRECISION_F32; p <= ANM_PRECISION_INT4; p++)
        if (anm_precision_possible(stored, (anm_precision)p) &&
            len < sizeof(possible))
            len += (size_t)snprintf(possible + len, sizeof(possible) - len,
                                    "%s%s", len ? ", " : "",
                                    anm_precision_name((anm_precision)p));
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "precision %s is not possible for weights stored as %s; "
                    "possible: %s",
                    anm_precision_name(program->precision),
                    anm_dtype_name(stored), possible);
}

/* Arithmetic is float32 on widened weights whatever they are kept as. A
 * precision that rounds has to round most of them, or its name would say what is
 * not so. */
static anm_status check_precision(const anm_program *program, anm_error *err)
{
    const anm_dtype stored = anm_graph_main_type(program->graph);

    if (!anm_precision_possible(stored, program->precision))
        return refuse_precision(program, stored, err);
    if (!anm_precision_rounds(stored, program->precision)) return ANM_OK;
    const anm_kept kept = anm_graph_count_kept(program->graph);
    if (kept.rounded > kept.weights / 2) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "precision %s would reach %" PRIu64 " of %" PRIu64
                    " weights: the rows of the others are no whole blocks",
                    anm_precision_name(program->precision), kept.rounded,
                    kept.weights);
}

/* ---- Values -------------------------------------------------------------- */

typedef enum place_kind {
    PLACE_NONE,
    PLACE_ROWS,  /* float32, computed */
    PLACE_CONST, /* a constant that widens to float32 */
    PLACE_IDS,   /* the ids, or positions made from them */
    PLACE_MASK,
    PLACE_OTHER,
} place_kind;

static const char *const place_names[] = {
    [PLACE_NONE] = "nothing",
    [PLACE_ROWS] = "a computed F32 value",
    [PLACE_CONST] = "a constant",
    [PLACE_IDS] = "ids or positions",
    [PLACE_MASK] = "the mask",
    [PLACE_OTHER] = "something else than ids, mask and F32",
};

static bool can_widen(anm_dtype t)
{
    float nothing;

    return anm_widen_f32(&nothing, "", t, 0);
}

/* The canonical form of a text has two parts. */
static place_kind kind_of_input(const anm_value *v)
{
    const anm_shape *s = &v->shape;

    if (s->dtype != ANM_DTYPE_I32 || s->rank != 1 ||
        s->dims[0] != ANM_DIM_TOKENS)
        return PLACE_OTHER;
    if (strcmp(v->name, "ids") == 0) return PLACE_IDS;
    return strcmp(v->name, "mask") == 0 ? PLACE_MASK : PLACE_OTHER;
}

static place_kind kind_of(const anm_graph *g, anm_value_id id)
{
    if (id == ANM_VALUE_NONE) return PLACE_NONE;
    const anm_value *v = anm_graph_value(g, id);

    switch (v->kind) {
    case ANM_VALUE_CONST:
        return can_widen(v->shape.dtype) ? PLACE_CONST : PLACE_OTHER;
    case ANM_VALUE_TEMP:
        if (v->shape.dtype == ANM_DTYPE_F32) return PLACE_ROWS;
        return v->shape.dtype == ANM_DTYPE_I32 ? PLACE_IDS : PLACE_OTHER;
    case ANM_VALUE_INPUT:
        return kind_of_input(v);
    }
    return PLACE_OTHER;
}

/* What each input of an operation may be: bits 1 << place_kind. */
enum {
    ABSENT = 1u << PLACE_NONE,
    ROWS = 1u << PLACE_ROWS,
    CONST = 1u << PLACE_CONST,
    IDS = 1u << PLACE_IDS,
    MASK = 1u << PLACE_MASK,
};

static const unsigned allowed[ANM_OP_COUNT][ANM_INPUTS_MAX] = {
    [ANM_OP_POSITION] = { IDS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_GATHER] = { CONST, IDS, ABSENT, ABSENT },
    [ANM_OP_ADD] = { ROWS, ROWS | CONST, ABSENT, ABSENT },
    [ANM_OP_MUL] = { ROWS, ROWS | CONST, ABSENT, ABSENT },
    [ANM_OP_SCALE] = { ROWS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_LINEAR] = { ROWS, CONST, CONST | ABSENT, ROWS | ABSENT },
    [ANM_OP_ACT] = { ROWS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_GLU] = { ROWS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_LAYER_NORM] = { ROWS, CONST, CONST, ABSENT },
    [ANM_OP_RMS_NORM] = { ROWS, CONST, ABSENT, ABSENT },
    [ANM_OP_ANGLES] = { IDS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_ROPE] = { ROWS, ROWS, ABSENT, ABSENT },
    [ANM_OP_RESHAPE] = { ROWS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_TRANSPOSE] = { ROWS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_SLICE] = { ROWS, ABSENT, ABSENT, ABSENT },
    [ANM_OP_MATMUL] = { ROWS, ROWS | CONST, ABSENT, ABSENT },
    [ANM_OP_SOFTMAX] = { ROWS, MASK | ABSENT, ABSENT, ABSENT },
    [ANM_OP_ATTENTION] = { ROWS, ROWS, ROWS, MASK },
    [ANM_OP_POOL] = { ROWS, MASK, ABSENT, ABSENT },
    [ANM_OP_NORMALIZE] = { ROWS, ABSENT, ABSENT, ABSENT },
};

static anm_status check_inputs(const anm_graph *g, const anm_node *node,
                               anm_error *err)
{
    for (size_t i = 0; i < ANM_INPUTS_MAX; i++) {
        const place_kind kind = kind_of(g, node->inputs[i]);

        if (allowed[node->op][i] & (1u << kind)) continue;
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: the cpu backend cannot run %s with %s as input "
                        "%zu",
                        node->name, anm_op_describe(node->op)->name,
                        place_names[kind], i);
    }
    return ANM_OK;
}

/* Every id that a table is asked for is in it: ids are checked per call,
 * positions here. */
static anm_status check_table(const anm_program *program, const anm_node *node,
                              anm_error *err)
{
    const anm_graph *g = program->graph;
    const anm_value *table = anm_graph_value(g, node->inputs[0]);
    const int64_t rows = table->shape.dims[0];

    if (anm_graph_value(g, node->inputs[1])->kind == ANM_VALUE_INPUT)
        return ANM_OK;
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *from = anm_graph_node(g, i);
        if (from->output != node->inputs[1]) continue;

        const int64_t offset = from->attr.offset;
        const uint64_t end = (uint64_t)offset + program->max_tokens;
        if (from->op == ANM_OP_POSITION && offset >= 0 && offset <= rows &&
            end <= (uint64_t)rows)
            return ANM_OK;
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: positions %" PRId64 " to %" PRIu64
                        " of a text of %zu tokens, and a table of %" PRId64,
                        node->name, offset, end - 1, program->max_tokens, rows);
    }
    return ANM_OK;
}

/* The result is read as one float32 row per text. */
static anm_status check_result(const anm_program *program, anm_error *err)
{
    const anm_value *v =
        anm_graph_value(program->graph, anm_graph_result_of(program->graph));
    const anm_shape *s = &v->shape;

    if (v->kind == ANM_VALUE_TEMP && s->dtype == ANM_DTYPE_F32 &&
        s->rank == 1 && s->dims[0] == (int64_t)program->dim)
        return ANM_OK;
    char text[96];
    anm_shape_text(s, text, sizeof(text));
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "the result %s has shape %s, and a vector has [%zu]",
                    v->name, text, program->dim);
}

anm_status anm_cpu_accepts(const anm_program *program,
                           const anm_load_params *params, anm_error *err)
{
    const anm_graph *g = program->graph;

    assert(params->threads >= 1);
    (void)params;
    if (program->arrays) return anm_cpu_arrays_accepts(program, err);
    anm_status status = check_precision(program, err);
    if (status) return status;
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);

        status = check_inputs(g, node, err);
        if (!status && node->op == ANM_OP_GATHER)
            status = check_table(program, node, err);
        if (status) return status;
    }
    return check_result(program, err);
}

/* ---- What follows from the graph ----------------------------------------- */

static bool has_tokens(const anm_shape *s)
{
    for (unsigned i = 0; i < s->rank; i++) {
        if (s->dims[i] == ANM_DIM_TOKENS) return true;
    }
    return false;
}

/* Rows of a packed value meet rows of the same number, or one constant. */
static bool combines_by_rows(const anm_graph *g, const anm_node *node)
{
    if (node->op != ANM_OP_ADD && node->op != ANM_OP_MUL) return true;
    const anm_value *a = anm_graph_value(g, node->inputs[0]);
    const anm_value *b = anm_graph_value(g, node->inputs[1]);

    return b->kind == ANM_VALUE_CONST ||
           (has_tokens(&a->shape) == has_tokens(&b->shape) &&
            a->shape.rank == b->shape.rank);
}

bool anm_cpu_packable(const anm_graph *g)
{
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);

        if (!anm_op_describe(node->op)->packable) return false;
        if (!combines_by_rows(g, node)) return false;
    }
    return true;
}

size_t anm_cpu_head_dim(const anm_graph *g)
{
    size_t most = 0;

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);
        if (node->op != ANM_OP_ATTENTION) continue;

        const int64_t width = anm_graph_value(g, node->output)->shape.dims[1];
        const size_t dim = (size_t)width / node->attr.heads;
        if (dim > most) most = dim;
    }
    return most;
}

size_t anm_cpu_vocab_rows(const anm_graph *g)
{
    int64_t least = INT32_MAX;

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);
        if (node->op != ANM_OP_GATHER) continue;

        const anm_value *ids = anm_graph_value(g, node->inputs[1]);
        const anm_value *table = anm_graph_value(g, node->inputs[0]);
        if (ids->kind == ANM_VALUE_INPUT && table->shape.dims[0] < least)
            least = table->shape.dims[0];
    }
    return (size_t)least;
}
