/* cpu_workspace.c - room for the values of one pass, and where each one lies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/error.h"

size_t anm_cpu_pass_rows(const anm_runner *r)
{
    const size_t most = r->program.max_tokens;

    if (!r->packed || most > ANM_CPU_PASS_ROWS) return most;
    return ANM_CPU_PASS_ROWS;
}

/* Bytes of the parts that follow one another in the block. */
typedef struct layout {
    size_t values, scratch, ids, bounds, total;
} layout;

/* n elements as whole cache lines; false on overflow. */
static bool add_part(size_t *total, size_t *part, size_t n, size_t size)
{
    size_t bytes = 0;

    if (!anm_mul_size(n, size, &bytes) ||
        !anm_add_size(bytes, ANM_CACHE_LINE - 1, &bytes))
        return false;
    *part = bytes / ANM_CACHE_LINE * ANM_CACHE_LINE;
    return anm_add_size(*total, *part, total);
}

static bool lay_out(layout *l, const anm_runner *r, anm_cpu_workspace *ws)
{
    const size_t most = r->program.max_tokens;
    const size_t longest = ws->rows < most ? ws->rows : most;
    size_t blocks = 0;

    *l = (layout){ 0 };
    ws->scratch_len =
        r->head_dim ? anm_attention_scratch(longest, r->head_dim) : 0;
    // Members do not share a cache line.
    ws->scratch_len = (ws->scratch_len + 15) / 16 * 16;
    return add_part(&l->total, &l->values, ws->plan.floats, sizeof(float)) &&
           anm_mul_size(ws->scratch_len, r->n_members, &l->scratch) &&
           add_part(&l->total, &l->scratch, l->scratch, sizeof(float)) &&
           add_part(&l->total, &l->ids, ws->rows, sizeof(int32_t)) &&
           add_part(&l->total, &l->bounds, ws->texts + 1, sizeof(size_t)) &&
           add_part(&l->total, &blocks, ws->texts + 1, sizeof(size_t));
}

static anm_status alloc_block(const anm_runner *r, anm_cpu_workspace *ws,
                              anm_error *err)
{
    layout l;

    if (lay_out(&l, r, ws))
        ws->block = anm_alloc_aligned(ANM_CACHE_LINE, l.total);
    if (!ws->block)
        return anm_fail(err, ANM_E_NOMEM,
                        "room for %zu tokens of %zu texts: out of memory",
                        ws->rows, ws->texts);
    // Touches every page, so that no prediction faults one.
    memset(ws->block, 0, l.total);
    char *at = (char *)ws->block + l.values;
    ws->scratch = (void *)at;
    ws->ids = (void *)(at += l.scratch);
    ws->bounds = (void *)(at += l.ids);
    ws->blocks = (void *)(at + l.bounds);
    return ANM_OK;
}

static void place_operand(const anm_cpu_workspace *ws, anm_cpu_operand *o,
                          anm_value_id id)
{
    if (o->home == ANM_CPU_IDS) o->data = (const void *)ws->ids;
    if (o->home == ANM_CPU_TEMP)
        o->data = ws->block + ws->plan.places[id].offset;
}

static void place_steps(anm_runner *r)
{
    for (size_t i = 0; i < r->n_steps; i++) {
        anm_cpu_step *s = &r->steps[i];

        for (size_t j = 0; j < ANM_INPUTS_MAX; j++)
            place_operand(&r->ws, &s->in[j], s->node->inputs[j]);
        place_operand(&r->ws, &s->out, s->node->output);
        s->y = r->ws.block + r->ws.plan.places[s->node->output].offset;
    }
}

anm_status anm_cpu_workspace_grow(anm_runner *r, size_t rows, size_t texts,
                                  anm_error *err)
{
    if (rows <= r->ws.rows && texts <= r->ws.texts) return ANM_OK;

    anm_cpu_workspace ws = {
        .rows = rows > r->ws.rows ? rows : r->ws.rows,
        .texts = texts > r->ws.texts ? texts : r->ws.texts,
    };
    anm_status status = anm_memory_plan_make(&ws.plan, r->program.graph,
                                             ws.rows, ws.texts, err);

    if (!status) status = alloc_block(r, &ws, err);
    if (status) {
        anm_cpu_workspace_deinit(&ws);
        return status;
    }
    anm_cpu_workspace_deinit(&r->ws);
    r->ws = ws;
    place_steps(r);
    return ANM_OK;
}

void anm_cpu_workspace_deinit(anm_cpu_workspace *ws)
{
    anm_memory_plan_deinit(&ws->plan);
    anm_free_aligned(ws->block);
    *ws = (anm_cpu_workspace){ 0 };
}

anm_status anm_cpu_reserve(anm_runner *r, size_t tokens, size_t texts,
                           anm_error *err)
{
    if (r->arrays) return anm_cpu_arrays_reserve(r, tokens, err);
    const size_t most = anm_cpu_pass_rows(r);
    const size_t rows = tokens < most ? tokens : most;

    if (!r->packed) texts = 1;
    if (texts > rows) texts = rows;
    return anm_cpu_workspace_grow(r, rows ? rows : 1, texts ? texts : 1, err);
}
