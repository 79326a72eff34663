/* cpu_workspace.c - room for the values of one pass, and where each one lies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/error.h"

size_t anm_cpu_pass_rows(const anm_runner *r)
{
    return r->packed ? ANM_CPU_PASS_ROWS : r->program.max_tokens;
}

/* What room is needed for. */
typedef struct demand {
    size_t floats; /* of values */
    size_t rows, texts;
    size_t longest; /* tokens of one text */
    size_t head_dim;
    unsigned n_members;
} demand;

/* Bytes of the parts that follow one another in the block. */
typedef struct layout {
    size_t values, scratch, ids, bounds, total;
    size_t scratch_len; /* floats of one member */
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

static bool lay_out(layout *l, const demand *d)
{
    size_t blocks = 0;

    *l = (layout){ 0 };
    l->scratch_len =
        d->head_dim ? anm_attention_scratch(d->longest, d->head_dim) : 0;
    // Members do not share a cache line.
    l->scratch_len = (l->scratch_len + 15) / 16 * 16;
    return add_part(&l->total, &l->values, d->floats, sizeof(float)) &&
           anm_mul_size(l->scratch_len, d->n_members, &l->scratch) &&
           add_part(&l->total, &l->scratch, l->scratch, sizeof(float)) &&
           add_part(&l->total, &l->ids, d->rows, sizeof(int32_t)) &&
           add_part(&l->total, &l->bounds, d->texts + 1, sizeof(size_t)) &&
           add_part(&l->total, &blocks, d->texts + 1, sizeof(size_t));
}

anm_status anm_cpu_room_bytes(const anm_program *program,
                              const anm_load_params *params, size_t tokens,
                              uint64_t *bytes, anm_error *err)
{
    anm_memory_plan plan = { 0 };
    const anm_status status =
        anm_memory_plan_make(&plan, program->graph, tokens, 1, err);
    const demand d = {
        .floats = plan.floats,
        .rows = tokens,
        .texts = 1,
        .longest = tokens,
        .head_dim = anm_cpu_head_dim(program->graph),
        .n_members = params->threads,
    };
    layout l;

    anm_memory_plan_deinit(&plan);
    if (status) return status;
    if (!lay_out(&l, &d))
        return anm_fail(err, ANM_E_LIMIT,
                        "room for %zu tokens does not fit into memory", tokens);
    *bytes = l.total;
    return ANM_OK;
}

static anm_status alloc_block(const anm_runner *r, anm_cpu_workspace *ws,
                              anm_error *err)
{
    const size_t most = r->program.max_tokens;
    const demand d = {
        .floats = ws->plan.floats,
        .rows = ws->rows,
        .texts = ws->texts,
        .longest = ws->rows < most ? ws->rows : most,
        .head_dim = r->head_dim,
        .n_members = r->n_members,
    };
    layout l;

    if (lay_out(&l, &d)) ws->block = anm_alloc_aligned(ANM_CACHE_LINE, l.total);
    if (!ws->block)
        return anm_fail(err, ANM_E_NOMEM,
                        "room for %zu tokens of %zu texts: out of memory",
                        ws->rows, ws->texts);
    ws->scratch_len = l.scratch_len;
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
    const size_t pass = anm_cpu_pass_rows(r), longest = r->program.max_tokens;
    const size_t most = longest > pass ? longest : pass;
    const size_t rows = tokens < most ? tokens : most;

    if (!r->packed) texts = 1;
    if (texts > rows) texts = rows;
    return anm_cpu_workspace_grow(r, rows ? rows : 1, texts ? texts : 1, err);
}
