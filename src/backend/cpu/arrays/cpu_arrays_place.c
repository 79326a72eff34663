/* cpu_arrays_place.c - a place in one block for every value of a fit, reused as
 * soon as the last reader is done.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/error.h"

/* Cells; places are aligned to 64 bytes. */
enum { GRAIN = 16 };

typedef struct extent {
    size_t offset, len;
    anm_value_id owner;
} extent;

typedef struct plan {
    anm_cpu_fit *fit;
    const anm_arrays *program;
    anm_value_id *root; /* [n_values] whose cells a view has; itself */
    size_t *last;       /* [n_values] of a root: node that reads it last */
    size_t *offset;     /* [n_values] of a root */
    extent *live;       /* [n_live] by offset */
    size_t n_live, cap_live;
    size_t end;
} plan;

static anm_value_id id_of(const plan *p, const anm_cpu_array *a)
{
    return (anm_value_id)(a - p->fit->values);
}

/* Values whose cells lie in the block. */
static bool is_placed(const plan *p, anm_value_id v)
{
    const anm_cpu_array *a = &p->fit->values[v];
    const anm_array_kind kind = anm_arrays_value(p->program, v)->kind;

    return !a->settled && !a->open &&
           (kind == ANM_ARRAY_INPUT || kind == ANM_ARRAY_TEMP);
}

/* ---- Who reads what, and when -------------------------------------------- */

static bool is_view(const anm_cpu_array_step *s)
{
    return s->skip && s->node->n_outputs == 1 && !s->out[0]->settled;
}

static void find_roots(plan *p)
{
    for (anm_value_id v = 0; v < p->fit->n_values; v++)
        p->root[v] = v;
    for (size_t i = 0; i < p->fit->n_steps; i++) {
        const anm_cpu_array_step *s = &p->fit->steps[i];

        for (unsigned j = 0; j < s->node->n_outputs; j++)
            p->last[id_of(p, s->out[j])] = i;
        if (is_view(s))
            p->root[id_of(p, s->out[0])] = p->root[id_of(p, s->in[0])];
        for (unsigned j = 0; j < s->node->n_inputs; j++) {
            if (s->in[j]) p->last[p->root[id_of(p, s->in[j])]] = i;
        }
    }
    for (size_t i = 0; i < anm_arrays_n_outputs(p->program); i++)
        p->last[p->root[anm_arrays_output_at(p->program, i)]] = SIZE_MAX;
}

/* ---- The block ----------------------------------------------------------- */

static size_t room_of(const anm_cpu_array *a)
{
    const size_t n = anm_cpu_array_n(a);
    return n ? (n + GRAIN - 1) / GRAIN * GRAIN : GRAIN;
}

/* The first gap that is large enough. */
static anm_status give_place(plan *p, anm_value_id v, anm_error *err)
{
    const size_t len = room_of(&p->fit->values[v]);
    size_t at = 0, i = 0;

    for (; i < p->n_live; i++) {
        if (p->live[i].offset - at >= len) break;
        at = p->live[i].offset + p->live[i].len;
    }
    if (!anm_grow(&p->live, &p->cap_live, p->n_live + 1, sizeof(*p->live)))
        return anm_fail(err, ANM_E_NOMEM, "places: out of memory");
    memmove(p->live + i + 1, p->live + i, (p->n_live - i) * sizeof(*p->live));
    p->live[i] = (extent){ at, len, v };
    p->n_live++;
    p->offset[v] = at;
    if (at + len > p->end) p->end = at + len;
    return ANM_OK;
}

static void take_back(plan *p, size_t node)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_live; i++) {
        if (p->last[p->live[i].owner] != node) p->live[n++] = p->live[i];
    }
    p->n_live = n;
}

/* Hand the place of an input that dies here to the output. */
static bool inherit_place(plan *p, const anm_cpu_array_step *s, size_t node)
{
    const anm_value_id v = id_of(p, s->out[0]);

    if (!s->rule->in_place || s->node->n_outputs != 1) return false;
    for (unsigned j = 0; j < s->node->n_inputs && j < 2; j++) {
        if (!s->in[j]) continue;
        const anm_value_id from = p->root[id_of(p, s->in[j])];

        if (!is_placed(p, from) || p->last[from] != node ||
            anm_cpu_array_n(s->in[j]) != anm_cpu_array_n(s->out[0]))
            continue;
        for (size_t i = 0; i < p->n_live; i++) {
            if (p->live[i].owner != from) continue;
            p->live[i].owner = v;
            p->offset[v] = p->offset[from];
            return true;
        }
    }
    return false;
}

static anm_status place_step(plan *p, size_t node, anm_error *err)
{
    const anm_cpu_array_step *s = &p->fit->steps[node];
    anm_status status = ANM_OK;

    if (!s->skip && !s->open && !inherit_place(p, s, node)) {
        for (unsigned j = 0; j < s->node->n_outputs && !status; j++)
            status = give_place(p, id_of(p, s->out[j]), err);
    }
    take_back(p, node);
    return status;
}

static anm_status place_all(plan *p, anm_error *err)
{
    anm_status status = ANM_OK;

    find_roots(p);
    for (size_t i = 0; i < anm_arrays_n_inputs(p->program) && !status; i++)
        status = give_place(p, anm_arrays_input_at(p->program, i), err);
    for (size_t i = 0; i < p->fit->n_steps && !status; i++)
        status = place_step(p, i, err);
    return status;
}

/* ---- Addresses ----------------------------------------------------------- */

static anm_status alloc_block(plan *p, anm_cpu_arrays *a, anm_error *err)
{
    anm_cpu_fit *fit = p->fit;
    const anm_status status = anm_cpu_cells_take(a, p->end, err);

    if (status) return status;
    fit->cells += p->end;
    const size_t bytes = p->end * sizeof(anm_cpu_cell);
    fit->block = anm_alloc_aligned(ANM_CACHE_LINE, bytes ? bytes : 1);
    if (!fit->block)
        return anm_fail(err, ANM_E_NOMEM, "a workspace of %zu bytes", bytes);
    /* No page is faulted in by a call. */
    memset(fit->block, 0, bytes);
    for (anm_value_id v = 0; v < fit->n_values; v++) {
        if (is_placed(p, v) && p->root[v] == v)
            fit->values[v].data = (anm_cpu_cell *)fit->block + p->offset[v];
    }
    for (anm_value_id v = 0; v < fit->n_values; v++) {
        if (p->root[v] != v) fit->values[v].data = fit->values[p->root[v]].data;
    }
    return ANM_OK;
}

anm_status anm_cpu_fit_place(anm_cpu_arrays *a, anm_cpu_fit *fit,
                             anm_error *err)
{
    const size_t n = fit->n_values;
    plan p = { .fit = fit, .program = a->program };
    anm_status status = ANM_OK;

    p.root = anm_alloc_array(n, sizeof(*p.root));
    p.last = anm_alloc_array(n, sizeof(*p.last));
    p.offset = anm_alloc_array(n, sizeof(*p.offset));
    if (!p.root || !p.last || !p.offset)
        status = anm_fail(err, ANM_E_NOMEM, "places: out of memory");
    if (!status) status = place_all(&p, err);
    if (!status) status = alloc_block(&p, a, err);
    anm_free(p.root);
    anm_free(p.last);
    anm_free(p.offset);
    anm_free(p.live);
    return status;
}
