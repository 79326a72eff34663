/* arrays_rewrite.c - one sweep over an array program: who defines and reads
 * what, changes, and dead nodes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrays_rewrite.h"

#include <string.h>

/* ---- Looking ------------------------------------------------------------- */

const anm_array_type *anm_rewrite_type(const anm_arrays_rewrite *r,
                                       anm_value_id v)
{
    return &r->a->values[v].type;
}

anm_array_node *anm_rewrite_definer(const anm_arrays_rewrite *r, anm_value_id v,
                                    anm_array_op op)
{
    anm_array_node *node = v == ANM_VALUE_NONE ? NULL : r->definer[v];
    return node && node->op == op ? node : NULL;
}

anm_array_node *anm_rewrite_only(const anm_arrays_rewrite *r, anm_value_id v,
                                 anm_array_op op)
{
    anm_array_node *node = anm_rewrite_definer(r, v, op);
    return node && r->n_readers[v] == 1 ? node : NULL;
}

anm_array_node *anm_rewrite_operand(const anm_arrays_rewrite *r,
                                    const anm_array_node *node, anm_array_op op,
                                    anm_value_id *other)
{
    for (unsigned i = 0; i < 2; i++) {
        anm_array_node *found = anm_rewrite_only(r, node->inputs[i], op);

        if (!found) continue;
        *other = node->inputs[1 - i];
        return found;
    }
    return NULL;
}

/* Elements of a constant whose bytes are there; 0: none. */
static size_t count_stored(const anm_arrays_rewrite *r, anm_value_id v)
{
    const anm_array *c = &r->a->values[v];
    const size_t size = anm_dtype_block(c->type.dtype).bytes;

    if (c->kind != ANM_ARRAY_CONST || !c->data.data) return 0;
    return c->data.len / size;
}

bool anm_rewrite_scalar(const anm_arrays_rewrite *r, anm_value_id v,
                        double *out)
{
    const anm_array *c = &r->a->values[v];
    uint16_t half = 0;
    float single = 0.0f;
    int64_t whole = 0;

    if (count_stored(r, v) != 1) return false;
    if (anm_rewrite_int(r, v, 0, &whole)) {
        *out = (double)whole;
        return true;
    }
    if (c->type.dtype == ANM_DTYPE_F16) {
        memcpy(&half, c->data.data, sizeof(half));
        single = anm_f32_of_f16(half);
    } else if (c->type.dtype == ANM_DTYPE_F32) {
        memcpy(&single, c->data.data, sizeof(single));
    } else {
        return false;
    }
    *out = (double)single;
    return true;
}

bool anm_rewrite_int(const anm_arrays_rewrite *r, anm_value_id v, size_t i,
                     int64_t *out)
{
    const anm_array *c = &r->a->values[v];
    int32_t whole = 0;

    if (i >= count_stored(r, v) || c->type.dtype != ANM_DTYPE_I32) return false;
    memcpy(&whole, c->data.data + i * sizeof(whole), sizeof(whole));
    *out = whole;
    return true;
}

bool anm_rewrite_is_list(const anm_arrays_rewrite *r, anm_value_id v,
                         const int64_t *want, size_t n)
{
    int64_t found = 0;

    if (count_stored(r, v) != n) return false;
    for (size_t i = 0; i < n; i++) {
        if (!anm_rewrite_int(r, v, i, &found)) return false;
        if (want[i] != -1 && want[i] != found) return false;
    }
    return true;
}

bool anm_rewrite_is_vector(const anm_arrays_rewrite *r, anm_value_id v,
                           const anm_array_type *t, unsigned axis)
{
    const anm_array *c = &r->a->values[v];
    const anm_array_type *x = &c->type;

    if (c->kind != ANM_ARRAY_CONST || !anm_array_is_float(x->dtype) ||
        x->rank > t->rank || t->dims[axis] < 0)
        return false;
    for (unsigned i = 0; i < t->rank; i++) {
        const unsigned missing = t->rank - x->rank;
        const int64_t dim = i < missing ? 1 : x->dims[i - missing];

        if (dim != (i == axis ? t->dims[axis] : 1)) return false;
    }
    return true;
}

bool anm_rewrite_same_dims(const anm_array_type *a, const anm_array_type *b)
{
    if (a->rank != b->rank) return false;
    for (unsigned i = 0; i < a->rank; i++)
        if (a->dims[i] < 0 || a->dims[i] != b->dims[i]) return false;
    return true;
}

/* ---- Changing ------------------------------------------------------------ */

static void count_inputs(anm_arrays_rewrite *r, const anm_array_node *node,
                         size_t by)
{
    for (unsigned i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] != ANM_VALUE_NONE)
            r->n_readers[node->inputs[i]] += by;
    }
}

bool anm_rewrite_change(anm_arrays_rewrite *r, anm_array_node *node,
                        anm_array_op op, const anm_value_id *inputs, size_t n,
                        const anm_array_attr *attr)
{
    anm_value_id *ids = anm_arena_array(&r->a->arena, n, sizeof(*ids));
    const anm_array_attr copy = *attr;

    if (!ids) return false;
    memcpy(ids, inputs, n * sizeof(*ids));
    count_inputs(r, node, (size_t)-1);
    node->op = op;
    node->inputs = ids;
    node->n_inputs = (unsigned)n;
    node->attr = copy;
    count_inputs(r, node, 1);
    return true;
}

/* ---- The sweep ----------------------------------------------------------- */

bool anm_arrays_rewrite_init(anm_arrays_rewrite *r, anm_arrays *a)
{
    *r = (anm_arrays_rewrite){ .a = a };
    r->definer = anm_alloc_array(a->n_values, sizeof(anm_array_node *));
    r->n_readers = anm_alloc_array(a->n_values, sizeof(*r->n_readers));
    if (!r->definer || !r->n_readers) return false;
    for (size_t i = 0; i < a->n_nodes; i++) {
        anm_array_node *node = &a->nodes[i];

        count_inputs(r, node, 1);
        for (unsigned j = 0; j < node->n_outputs; j++)
            r->definer[node->outputs[j]] = node;
    }
    for (size_t i = 0; i < a->outputs.n; i++)
        r->n_readers[a->outputs.items[i]]++;
    return true;
}

static bool is_read(const anm_arrays_rewrite *r, const anm_array_node *node)
{
    if (node->n_outputs == 0) return true; /* writes a state */
    for (unsigned i = 0; i < node->n_outputs; i++)
        if (r->n_readers[node->outputs[i]] > 0) return true;
    return false;
}

/* From the last to the first, so that what only dead nodes read dies too. */
void anm_arrays_rewrite_drop_dead(anm_arrays_rewrite *r)
{
    anm_arrays *a = r->a;
    size_t kept = a->n_nodes;

    if (a->n_nodes == 0) return;
    for (size_t i = a->n_nodes; i-- > 0;) {
        if (is_read(r, &a->nodes[i])) {
            a->nodes[--kept] = a->nodes[i];
            continue;
        }
        count_inputs(r, &a->nodes[i], (size_t)-1);
    }
    a->n_nodes -= kept;
    memmove(a->nodes, a->nodes + kept, a->n_nodes * sizeof(*a->nodes));
}

void anm_arrays_rewrite_deinit(anm_arrays_rewrite *r)
{
    anm_free(r->definer);
    anm_free(r->n_readers);
}
