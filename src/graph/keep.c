/* keep.c - precisions: in which type a model's weights are kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/keep.h"

#include "graph/storage.h"

/* A precision, and weights that have it. */
typedef struct row {
    anm_precision precision;
    unsigned stored;  /* bits 1 << anm_dtype: as they are */
    unsigned rounded; /* … or rounded to */
    anm_dtype weight, table;
} row;

enum {
    F32 = 1 << ANM_DTYPE_F32,
    F16 = 1 << ANM_DTYPE_F16,
    BF16 = 1 << ANM_DTYPE_BF16,
};

static const row rows[] = {
    { ANM_PRECISION_F32, ~0u, 0, ANM_DTYPE_F32, ANM_DTYPE_F32 },
    { ANM_PRECISION_BF16, BF16, F32, ANM_DTYPE_BF16, ANM_DTYPE_BF16 },
    { ANM_PRECISION_INT8, 1 << ANM_DTYPE_Q8_0, F32 | F16 | BF16, ANM_DTYPE_Q8_0,
      ANM_DTYPE_Q8_0 },
    // Few rows of a table are read at a time: half its bytes save little there.
    { ANM_PRECISION_INT4, 1 << ANM_DTYPE_Q4_0 | 1 << ANM_DTYPE_Q4_K,
      F32 | F16 | BF16, ANM_DTYPE_Q4_0, ANM_DTYPE_Q8_0 },
};

static const row *find_row(anm_precision precision)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].precision == precision) return &rows[i];
    return NULL;
}

anm_precision anm_precision_of(anm_dtype stored)
{
    // From behind: the first is for any type.
    for (size_t i = sizeof(rows) / sizeof(rows[0]); i-- > 1;)
        if (rows[i].stored >> stored & 1u) return rows[i].precision;
    return rows[0].precision;
}

bool anm_precision_possible(anm_dtype stored, anm_precision precision)
{
    const row *r = find_row(precision);

    return r && ((r->stored | r->rounded) >> stored & 1u);
}

bool anm_precision_rounds(anm_dtype stored, anm_precision precision)
{
    const row *r = find_row(precision);

    return r && !(r->stored >> stored & 1u) && (r->rounded >> stored & 1u);
}

/* ---- Constants ------------------------------------------------------------ */

typedef enum role { ROLE_NONE, ROLE_WEIGHT, ROLE_TABLE } role;

static role role_of(const anm_graph *g, const anm_node *node, size_t input)
{
    const anm_value_id id = node->inputs[input];

    if (id == ANM_VALUE_NONE || g->values[id].kind != ANM_VALUE_CONST)
        return ROLE_NONE;
    if (node->op == ANM_OP_LINEAR && input == 1) return ROLE_WEIGHT;
    return node->op == ANM_OP_GATHER && input == 0 ? ROLE_TABLE : ROLE_NONE;
}

static bool has_whole_blocks(const anm_shape *s, anm_dtype type)
{
    const size_t elements = anm_dtype_block(type).elements;

    return s->rank == 2 && (uint64_t)s->dims[1] % elements == 0;
}

/* One that several nodes read stays in the wider type. */
static bool is_wider(anm_dtype a, anm_dtype b)
{
    const anm_block x = anm_dtype_block(a), y = anm_dtype_block(b);

    return x.bytes * y.elements > y.bytes * x.elements;
}

void anm_graph_keep(anm_graph *g, anm_precision precision)
{
    const row *r = find_row(precision);

    if (!anm_precision_rounds(anm_graph_main_type(g), precision)) return;
    for (size_t i = 0; i < g->n_nodes; i++) {
        for (size_t k = 0; k < ANM_INPUTS_MAX; k++) {
            const role is = role_of(g, &g->nodes[i], k);
            if (is == ROLE_NONE) continue;
            anm_value *v = &g->values[g->nodes[i].inputs[k]];
            const anm_dtype to = is == ROLE_TABLE ? r->table : r->weight;
            const bool decided = v->kept != v->shape.dtype;
            if (!(r->rounded >> v->shape.dtype & 1u) ||
                !has_whole_blocks(&v->shape, to) ||
                (decided && !is_wider(to, v->kept)))
                continue;
            v->kept = to;
        }
    }
}

anm_kept anm_graph_count_kept(const anm_graph *g)
{
    anm_kept sum = { 0 };

    for (size_t i = 0; i < g->n_nodes; i++) {
        for (size_t k = 0; k < ANM_INPUTS_MAX; k++) {
            if (role_of(g, &g->nodes[i], k) == ROLE_NONE) continue;
            const anm_value *v = &g->values[g->nodes[i].inputs[k]];
            const uint64_t n = anm_shape_elements(&v->shape, 0);
            sum.weights += n;
            sum.rounded += v->kept != v->shape.dtype ? n : 0;
        }
    }
    return sum;
}
