/* memory_plan.c - lifetimes of values, and offsets for rooms.
 *
 * A room is what one or several values lie in, one after the other: a value
 * with its views, and whatever is computed in place over them. Rooms get offsets
 * largest first, each into the smallest gap among those that live at the same
 * time and are placed already. With the sizes of an encoder that reaches the
 * least possible block; in general nothing does in reasonable time. A room is
 * held against its neighbours in time alone, so that the work grows with the
 * sum of their numbers and not with the square of the nodes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "graph/memory_plan.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"

enum { GRAIN = 16 }; /* floats */

typedef struct room {
    size_t size, offset;
    size_t first, last; /* nodes */
    size_t earlier;     /* where its earlier neighbours begin */
    size_t n_earlier;
    bool placed;
} room;

typedef struct planner {
    const anm_graph *g;
    anm_memory_plan *p;
    anm_value_id *roots; /* [n_values] whose storage a value is in */
    anm_value_id *next;  /* [n_values] another value in the same storage that
                          may still be read, or NONE; a root heads its list */
    size_t *last;        /* [n_values] last node that reads the value */
    size_t *rooms_of;    /* [n_values] of a root: index of its room */
    room *rooms;         /* [n_rooms] in order of first */
    room **order;        /* [n_rooms] by size */
    room **near;         /* [n_rooms] neighbours of one room */
    size_t n_rooms;
    room **earlier; /* rooms that live when another begins, one after the
                       other */
    size_t n_earlier, cap_earlier;
} planner;

/* ---- Geometry ------------------------------------------------------------ */

typedef enum layout {
    PER_TOKEN,
    PER_TEXT,
    DENSE,
} layout;

static layout layout_of(const anm_shape *s)
{
    unsigned n_token_axes = 0;

    for (unsigned i = 0; i < s->rank; i++)
        n_token_axes += s->dims[i] == ANM_DIM_TOKENS;
    if (n_token_axes == 0) return PER_TEXT;
    return n_token_axes == 1 && s->dims[0] == ANM_DIM_TOKENS ? PER_TOKEN
                                                             : DENSE;
}

/* Width and ld of a value with room of its own, and the floats it needs; false
 * when they are too many. */
static bool measure(const anm_memory_plan *p, const anm_shape *s,
                    anm_place *place, size_t *floats)
{
    const layout kind = layout_of(s);
    const uint64_t limit = SIZE_MAX / sizeof(float) / 2;
    const uint64_t all = anm_shape_elements(s, p->rows);
    // A row of PER_TOKEN is what one token adds; of PER_TEXT everything.
    uint64_t width = anm_shape_elements(s, 1), total = all;

    if (kind == DENSE) {
        const int64_t last = s->dims[s->rank - 1];
        width = last == ANM_DIM_TOKENS ? p->rows : (uint64_t)last;
    }
    if (kind == PER_TEXT) {
        if (p->texts && all > limit / p->texts) return false;
        total = all * p->texts;
    }
    if (width > limit || total > limit) return false;
    *place = (anm_place){
        .ld = (size_t)width,
        .width = (size_t)width,
        .per_text = kind == PER_TEXT,
    };
    *floats = ((size_t)total + GRAIN - 1) / GRAIN * GRAIN;
    return true;
}

/* Try to make the value of a SLICE a view: its last axis must be a whole
 * row. */
static bool view_slice(const anm_node *node, const anm_shape *from,
                       const anm_place *source, anm_place *out)
{
    const layout kind = layout_of(from);

    if (kind == DENSE || from->rank != (kind == PER_TOKEN ? 2 : 1))
        return false;
    *out = *source;
    out->offset += (size_t)node->attr.begin;
    out->width = (size_t)node->attr.size;
    return true;
}

/* The same for RESHAPE: rows stay rows, or there is no gap between them. */
static bool view_reshape(const anm_shape *from, const anm_shape *to,
                         const anm_place *source, anm_place *out)
{
    const layout kind = layout_of(from);

    if (kind != DENSE && kind == layout_of(to)) {
        *out = *source;
        return true;
    }
    if (kind == PER_TEXT || source->ld != source->width) return false;
    out->offset = source->offset;
    return true;
}

static void join_root(planner *x, anm_value_id v, anm_value_id root)
{
    x->roots[v] = root;
    x->next[v] = x->next[root];
    x->next[root] = v;
}

/* Make the value of a node a view if it can be one. Offsets of views are
 * relative to their root until that has one. */
static bool try_view(planner *x, const anm_node *node)
{
    const anm_value_id from = node->inputs[0], to = node->output;
    const anm_value *source = anm_graph_value(x->g, from);
    anm_place *places = x->p->places;
    bool view = false;

    if (source->kind != ANM_VALUE_TEMP) return false;
    if (node->op == ANM_OP_SLICE)
        view = view_slice(node, &source->shape, &places[from], &places[to]);
    if (node->op == ANM_OP_RESHAPE)
        view = view_reshape(&source->shape, &anm_graph_value(x->g, to)->shape,
                            &places[from], &places[to]);
    if (!view) return false;
    places[to].view = true;
    join_root(x, to, x->roots[from]);
    return true;
}

/* ---- In place ------------------------------------------------------------ */

/* Which input the value of this operation may overwrite; ANM_INPUTS_MAX when
 * none. */
static size_t input_overwritten(anm_op op)
{
    if (op == ANM_OP_LINEAR) return 3;
    return op == ANM_OP_LAYER_NORM || op == ANM_OP_RMS_NORM ||
                   op == ANM_OP_ROPE || op == ANM_OP_GLU
               ? 0
               : ANM_INPUTS_MAX;
}

/* Two values in one storage have a float in common: all but slices of the same
 * rows have. */
static bool overlap(const planner *x, anm_value_id a, anm_value_id b)
{
    const anm_place *p = &x->p->places[a], *q = &x->p->places[b];

    if (layout_of(&anm_graph_value(x->g, a)->shape) == DENSE ||
        layout_of(&anm_graph_value(x->g, b)->shape) == DENSE || p->ld != q->ld)
        return true;
    return p->offset < q->offset + q->width && q->offset < p->offset + p->width;
}

/* Behind node i somebody reads what v covers. Values of this storage that
 * nobody reads any more leave the list. */
static bool is_read_later(planner *x, anm_value_id v, size_t i)
{
    const anm_value_id root = x->roots[v];

    if (x->last[root] > i && overlap(x, root, v)) return true;
    for (anm_value_id *at = &x->next[root]; *at != ANM_VALUE_NONE;) {
        if (x->last[*at] < i) {
            *at = x->next[*at];
            continue;
        }
        if (x->last[*at] > i && overlap(x, *at, v)) return true;
        at = &x->next[*at];
    }
    return false;
}

/* Node i reads what v covers in another way than as input k. */
static bool reads_twice(const planner *x, const anm_node *node, size_t k)
{
    const anm_value_id v = node->inputs[k];

    for (size_t other = 0; other < ANM_INPUTS_MAX; other++) {
        const anm_value_id id = node->inputs[other];

        if (other != k && id != ANM_VALUE_NONE && x->roots[id] == x->roots[v] &&
            overlap(x, id, v))
            return true;
    }
    return false;
}

/* Let node i compute in place if what it would overwrite dies with it. */
static void try_overwrite(planner *x, size_t i)
{
    const anm_node *node = anm_graph_node(x->g, i);
    const size_t k = input_overwritten(node->op);
    const anm_value_id v =
        k < ANM_INPUTS_MAX ? node->inputs[k] : ANM_VALUE_NONE;
    anm_place *place = &x->p->places[node->output];

    if (v == ANM_VALUE_NONE || anm_graph_value(x->g, v)->kind != ANM_VALUE_TEMP)
        return;
    // The halves of a row of several axes are not one run.
    if (node->op == ANM_OP_GLU && anm_graph_value(x->g, v)->shape.rank > 2)
        return;
    if (is_read_later(x, v, i) || reads_twice(x, node, k)) return;
    const size_t width = place->width;
    *place = x->p->places[v];
    place->view = false;
    if (node->op == ANM_OP_GLU) place->width = width;
    join_root(x, node->output, x->roots[v]);
}

/* ---- Lifetimes ----------------------------------------------------------- */

static void find_last_reads(planner *x)
{
    const size_t n = anm_graph_n_nodes(x->g);

    for (size_t i = 0; i < n; i++) {
        const anm_node *node = anm_graph_node(x->g, i);

        x->last[node->output] = i;
        for (size_t k = 0; k < ANM_INPUTS_MAX; k++)
            if (node->inputs[k] != ANM_VALUE_NONE) x->last[node->inputs[k]] = i;
    }
    x->last[anm_graph_result_of(x->g)] = n;
}

/* ---- Rooms --------------------------------------------------------------- */

static anm_status plan_value(planner *x, size_t i, anm_error *err)
{
    const anm_node *node = anm_graph_node(x->g, i);
    const anm_value *v = anm_graph_value(x->g, node->output);
    anm_place *place = &x->p->places[node->output];
    char text[96];

    // Width and size first: they hold where no storage is shared.
    if (!measure(x->p, &v->shape, place, &x->rooms_of[node->output])) {
        anm_shape_text(&v->shape, text, sizeof(text));
        return anm_fail(err, ANM_E_LIMIT,
                        "%s: %s for %zu rows and %zu texts does not fit into "
                        "memory",
                        v->name, text, x->p->rows, x->p->texts);
    }
    if (!try_view(x, node)) try_overwrite(x, i);
    return ANM_OK;
}

/* Give the values that are roots their rooms, which live as long as any value
 * in them; rooms_of holds sizes before. */
static void make_rooms(planner *x)
{
    for (size_t i = 0; i < anm_graph_n_nodes(x->g); i++) {
        const anm_value_id v = anm_graph_node(x->g, i)->output;
        const anm_value_id root = x->roots[v];

        if (root == v) {
            x->rooms[x->n_rooms] = (room){ .size = x->rooms_of[v], .first = i };
            x->rooms_of[v] = x->n_rooms++;
        }
        room *r = &x->rooms[x->rooms_of[root]];
        if (x->last[v] > r->last) r->last = x->last[v];
    }
}

/* For each room those that began before it and still live; false when memory is
 * out. */
static bool find_earlier(planner *x)
{
    size_t n_live = 0;

    for (size_t i = 0; i < x->n_rooms; i++) {
        room *r = &x->rooms[i];
        size_t n = 0;

        for (size_t k = 0; k < n_live; k++)
            if (x->near[k]->last >= r->first) x->near[n++] = x->near[k];
        if (!anm_grow(&x->earlier, &x->cap_earlier, x->n_earlier + n,
                      sizeof(room *)))
            return false;
        if (n) memcpy(x->earlier + x->n_earlier, x->near, n * sizeof(room *));
        r->earlier = x->n_earlier;
        r->n_earlier = n;
        x->n_earlier += n;
        x->near[n++] = r;
        n_live = n;
    }
    return true;
}

static int compare_sizes(const void *a, const void *b)
{
    const room *const *x = a, *const *y = b;

    if ((*x)->size != (*y)->size) return (*x)->size > (*y)->size ? -1 : 1;
    return ((*x)->first > (*y)->first) - ((*x)->first < (*y)->first);
}

static int compare_offsets(const void *a, const void *b)
{
    const room *const *x = a, *const *y = b;

    return ((*x)->offset > (*y)->offset) - ((*x)->offset < (*y)->offset);
}

/* Placed rooms that live at the same time as r, by offset, into near. */
static size_t find_neighbours(planner *x, const room *r)
{
    size_t n = 0;

    for (size_t k = 0; k < r->n_earlier; k++) {
        room *other = x->earlier[r->earlier + k];
        if (other->placed) x->near[n++] = other;
    }
    for (room *other = x->rooms + (r - x->rooms) + 1;
         other < x->rooms + x->n_rooms && other->first <= r->last; other++)
        if (other->placed) x->near[n++] = other;
    if (n) qsort(x->near, n, sizeof(room *), compare_offsets);
    return n;
}

/* Put a room into the smallest gap that holds it; false when the block would
 * be too large. */
static bool place_room(planner *x, room *r)
{
    const size_t n = find_neighbours(x, r);
    size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        const room *other = x->near[i];
        const size_t gap = other->offset > end ? other->offset - end : 0;

        if (gap >= r->size && gap < best_gap) {
            best = end;
            best_gap = gap;
        }
        if (other->offset + other->size > end)
            end = other->offset + other->size;
    }
    r->offset = best == SIZE_MAX ? end : best;
    r->placed = true;
    return r->size <= SIZE_MAX / sizeof(float) - r->offset;
}

static bool place_rooms(planner *x)
{
    for (size_t i = 0; i < x->n_rooms; i++)
        x->order[i] = &x->rooms[i];
    qsort(x->order, x->n_rooms, sizeof(room *), compare_sizes);
    for (size_t i = 0; i < x->n_rooms; i++) {
        room *r = x->order[i];

        if (!place_room(x, r)) return false;
        if (r->offset + r->size > x->p->floats)
            x->p->floats = r->offset + r->size;
    }
    return true;
}

static void set_offsets(const planner *x)
{
    for (size_t i = 0; i < anm_graph_n_nodes(x->g); i++) {
        const anm_value_id v = anm_graph_node(x->g, i)->output;

        x->p->places[v].offset += x->rooms[x->rooms_of[x->roots[v]]].offset;
    }
}

/* ---- The plan ------------------------------------------------------------ */

static bool init_planner(planner *x, anm_memory_plan *p, const anm_graph *g)
{
    const size_t n = anm_graph_n_values(g), n_nodes = anm_graph_n_nodes(g);

    *x = (planner){ .g = g, .p = p };
    x->roots = anm_alloc_array(n, sizeof(*x->roots));
    x->next = anm_alloc_array(n, sizeof(*x->next));
    x->last = anm_alloc_array(n, sizeof(*x->last));
    x->rooms_of = anm_alloc_array(n, sizeof(*x->rooms_of));
    x->rooms = anm_alloc_array(n_nodes, sizeof(*x->rooms));
    x->order = anm_alloc_array(n_nodes, sizeof(*x->order));
    x->near = anm_alloc_array(n_nodes, sizeof(*x->near));
    if (!x->roots || !x->next || !x->last || !x->rooms_of || !x->rooms ||
        !x->order || !x->near)
        return false;
    for (size_t i = 0; i < n; i++) {
        x->roots[i] = (anm_value_id)i;
        x->next[i] = ANM_VALUE_NONE;
    }
    return true;
}

static void deinit_planner(planner *x)
{
    anm_free(x->roots);
    anm_free(x->next);
    anm_free(x->last);
    anm_free(x->rooms_of);
    anm_free(x->rooms);
    anm_free(x->order);
    anm_free(x->near);
    anm_free(x->earlier);
}

/* Room for n places, all zero. */
static bool reset_places(anm_memory_plan *p, size_t n)
{
    if (p->n_values != n) {
        anm_free(p->places);
        p->places = anm_alloc_array(n, sizeof(*p->places));
        p->n_values = p->places ? n : 0;
    } else if (n) {
        memset(p->places, 0, n * sizeof(*p->places));
    }
    return p->n_values == n;
}

static anm_status plan_all(planner *x, anm_error *err)
{
    find_last_reads(x);
    for (size_t i = 0; i < anm_graph_n_nodes(x->g); i++) {
        const anm_status status = plan_value(x, i, err);
        if (status) return status;
    }
    make_rooms(x);
    if (!find_earlier(x))
        return anm_fail(err, ANM_E_NOMEM, "memory plan: out of memory");
    if (!place_rooms(x))
        return anm_fail(err, ANM_E_LIMIT,
                        "values for %zu rows and %zu texts do not fit into "
                        "memory",
                        x->p->rows, x->p->texts);
    set_offsets(x);
    return ANM_OK;
}

anm_status anm_memory_plan_make(anm_memory_plan *p, const anm_graph *g,
                                size_t rows, size_t texts, anm_error *err)
{
    planner x;
    anm_status status;

    assert(anm_graph_result_of(g) != ANM_VALUE_NONE);
    p->floats = 0;
    p->rows = rows;
    p->texts = texts;
    if (init_planner(&x, p, g) && reset_places(p, anm_graph_n_values(g)))
        status = plan_all(&x, err);
    else
        status = anm_fail(err, ANM_E_NOMEM, "memory plan: out of memory");
    deinit_planner(&x);
    return status;
}

void anm_memory_plan_deinit(anm_memory_plan *p)
{
    anm_free(p->places);
    *p = (anm_memory_plan){ 0 };
}
