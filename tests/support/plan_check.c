/* plan_check.c
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/plan_check.h"

#include <string.h>

anm_memory_plan test_plan(const anm_graph *g, size_t rows, size_t texts)
{
    anm_memory_plan p = { 0 };
    anm_error err = { 0 };

    if (anm_memory_plan_make(&p, g, rows, texts, &err))
        fail_msg("%s", err.message);
    assert_int_equal(p.n_values, anm_graph_n_values(g));
    assert_int_equal(p.rows, rows);
    assert_int_equal(p.texts, texts);
    return p;
}

const anm_place *test_plan_place(const anm_memory_plan *p, const anm_graph *g,
                                 const char *name)
{
    const anm_value_id v = anm_graph_find(g, name);

    assert_int_not_equal(v, ANM_VALUE_NONE);
    return &p->places[v];
}

/* ---- What a run would do to each float ----------------------------------- */

typedef struct run {
    const anm_graph *g;
    const anm_memory_plan *p;
    anm_value_id *owner; /* [floats] the value whose elements are there */
    anm_value_id *root;  /* [n_values] what a value is a view of, or itself */
} run;

/* Call fn for each float that a value covers. */
static void each_float(const run *r, anm_value_id v,
                       void (*fn)(const run *r, anm_value_id v, size_t at))
{
    const anm_place *place = &r->p->places[v];
    const anm_shape *s = &anm_graph_value(r->g, v)->shape;
    const size_t all = (size_t)anm_shape_elements(s, r->p->rows);
    const size_t n = place->per_text ? r->p->texts : all / place->width;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < place->width; j++) {
            const size_t at = place->offset + i * place->ld + j;
            assert_true(at < r->p->floats);
            fn(r, v, at);
        }
}

static void write_float(const run *r, anm_value_id v, size_t at)
{
    r->owner[at] = v;
}

static void read_float(const run *r, anm_value_id v, size_t at)
{
    if (r->owner[at] != r->root[v])
        fail_msg("%s is overwritten by %s when it is read",
                 anm_graph_value(r->g, v)->name,
                 anm_graph_value(r->g, r->owner[at])->name);
}

static bool is_temp(const anm_graph *g, anm_value_id v)
{
    return v != ANM_VALUE_NONE && anm_graph_value(g, v)->kind == ANM_VALUE_TEMP;
}

/* The output may cover an input only where an operation works in place. */
static bool may_cover(const anm_node *node, size_t input)
{
    if (node->op == ANM_OP_LINEAR) return input == 3;
    return input == 0 &&
           (node->op == ANM_OP_LAYER_NORM || node->op == ANM_OP_RMS_NORM ||
            node->op == ANM_OP_ROPE || node->op == ANM_OP_GLU);
}

static void step(const run *r, const anm_node *node)
{
    const anm_value_id y = node->output;
    const anm_place *place = &r->p->places[y];

    for (size_t k = 0; k < ANM_INPUTS_MAX; k++)
        if (is_temp(r->g, node->inputs[k]))
            each_float(r, node->inputs[k], read_float);
    if (place->view) {
        r->root[y] = r->root[node->inputs[0]];
        each_float(r, y, read_float);
        return;
    }
    each_float(r, y, write_float);
    for (size_t k = 0; k < ANM_INPUTS_MAX; k++) {
        const anm_value_id x = node->inputs[k];

        if (!is_temp(r->g, x)) continue;
        if (!may_cover(node, k) || r->p->places[x].offset != place->offset) {
            each_float(r, x, read_float);
            continue;
        }
        // In place: the same rows, no other.
        assert_int_equal(r->p->places[x].ld, place->ld);
        assert_int_equal(r->p->places[x].width, node->op == ANM_OP_GLU
                                                    ? 2 * place->width
                                                    : place->width);
    }
}

static size_t sum_of_sizes(const anm_graph *g, const anm_memory_plan *p)
{
    size_t sum = 0;

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_value_id v = anm_graph_node(g, i)->output;
        const size_t n =
            (size_t)anm_shape_elements(&anm_graph_value(g, v)->shape, p->rows);
        const size_t all = p->places[v].per_text ? n * p->texts : n;

        if (!p->places[v].view) sum += (all + 15) / 16 * 16;
    }
    return sum;
}

void test_plan_check(const anm_graph *g, const anm_memory_plan *p)
{
    const size_t n = anm_graph_n_values(g);
    run r = {
        .g = g,
        .p = p,
        .owner = test_malloc((p->floats + 1) * sizeof(*r.owner)),
        .root = test_malloc(n * sizeof(*r.root)),
    };

    memset(r.owner, 0xff, (p->floats + 1) * sizeof(*r.owner));
    for (size_t i = 0; i < n; i++)
        r.root[i] = (anm_value_id)i;
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        step(&r, anm_graph_node(g, i));
    each_float(&r, anm_graph_result_of(g), read_float);
    assert_true(p->floats <= sum_of_sizes(g, p));
    test_free(r.owner);
    test_free(r.root);
}
