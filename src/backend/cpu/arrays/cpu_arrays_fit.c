/* cpu_arrays_fit.c - a program fitted to the shapes of its inputs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/error.h"

/* A larger array is computed in each run rather than kept, and so is what comes
 * when all that is kept is more. */
#define SETTLED_CELLS_MAX ((size_t)1 << 24)
#define SETTLED_ALL_MAX   ((size_t)1 << 25)

/* A step is split when that saves more than what starting and awaiting the
 * members costs. */
#define SPLIT_SAVES_NS 3000.0

/* ---- Running one step ----------------------------------------------------- */

typedef struct turn {
    const anm_runner *r;
    const anm_cpu_array_step *step;
} turn;

static void run_share(void *ctx, unsigned member, unsigned n_members)
{
    const turn *t = ctx;
    const anm_cpu_arrays *a = t->r->arrays;
    anm_cpu_turn own = { .kern = &t->r->kern,
                         .pool = t->r->pool,
                         .member = member,
                         .n_members = n_members };

    if (a->scratch) own.scratch = a->scratch + member * a->scratch_len;
    t->step->rule->run(t->step, &own);
}

static anm_status grow_scratch(anm_runner *r, size_t len, anm_error *err)
{
    anm_cpu_arrays *a = r->arrays;
    size_t all = 0, bytes = 0;

    if (len <= a->scratch_len) return ANM_OK;
    if (len > SIZE_MAX - ANM_CACHE_LINE) len = SIZE_MAX - ANM_CACHE_LINE;
    len = (len + 15) / 16 * 16;
    if (!anm_mul_size(len, r->n_members, &all) ||
        !anm_mul_size(all, sizeof(float), &bytes))
        return anm_fail(err, ANM_E_LIMIT, "a scratch of %zu floats", len);
    const anm_status status = anm_cpu_cells_take(a, all, err);
    if (status) return status;
    float *scratch = anm_alloc_aligned(ANM_CACHE_LINE, bytes);
    if (!scratch) {
        anm_cpu_cells_give(a, all);
        return anm_fail(err, ANM_E_NOMEM, "a scratch of %zu bytes", bytes);
    }
    memset(scratch, 0, bytes);
    anm_cpu_cells_give(a, a->scratch_len * r->n_members);
    anm_free_aligned(a->scratch);
    a->scratch = scratch;
    a->scratch_len = len;
    return ANM_OK;
}

static anm_status reserve_scratch(anm_runner *r, const anm_cpu_array_step *s,
                                  anm_error *err)
{
    if (!s->rule->room) return ANM_OK;
    return grow_scratch(r, s->rule->room(s, r->n_members), err);
}

/* Rough nanoseconds at the widest level, as of cpu_load.c. */
static double estimate(const anm_cpu_array_step *s)
{
    const double n = s->node->n_outputs ? (double)anm_cpu_array_n(s->out[0])
                                        : (double)anm_cpu_array_n(s->in[1]);
    const anm_array_type *x = s->node->n_inputs ? &s->in[0]->type : NULL;
    const double last = x && x->rank ? (double)x->dims[x->rank - 1] : 1.0;

    switch ((int)s->node->op) {
    case ANM_ARRAY_LINEAR:
        return 0.02 * n * last + 0.05 * (double)anm_cpu_array_n(s->in[1]);
    case ANM_ARRAY_CONV:
        return 0.05 * n * (double)anm_cpu_array_n(s->in[1]) /
               (double)(s->in[1]->type.dims[0] ? s->in[1]->type.dims[0] : 1);
    case ANM_ARRAY_MATMUL:
    case ANM_ARRAY_EINSUM:
        return 0.04 * n * last;
    case ANM_ARRAY_SDPA:
    case ANM_ARRAY_ATTENTION:
        return 0.1 * n *
               (double)(anm_cpu_array_n(s->in[1]) /
                        (last > 0 ? (size_t)last : 1));
    case ANM_ARRAY_GATHER:
        return 0.3 * n;
    default:
        return 1.0 * (x && (double)anm_array_elements(x) > n
                          ? (double)anm_array_elements(x)
                          : n);
    }
}

static bool is_worth_splitting(const anm_runner *r, const anm_cpu_array_step *s)
{
    return r->pool && !s->rule->alone &&
           s->ns - s->ns / r->n_members > SPLIT_SAVES_NS;
}

anm_status anm_cpu_step_run(anm_runner *r, const anm_cpu_array_step *s,
                            anm_error *err)
{
    if (s->rule->check) {
        const anm_status status = s->rule->check(s, err);
        if (status) return anm_fail_prefix(err, status, "%s", s->node->name);
    }
    turn t = { .r = r, .step = s };
    if (is_worth_splitting(r, s))
        anm_pool_run(r->pool, run_share, &t);
    else
        run_share(&t, 0, 1);
    return ANM_OK;
}

/* ---- Shapes -------------------------------------------------------------- */

/* Inputs of a node, for inference; up to this many without allocating. */
enum { FEW = 16 };

static void look_up(const anm_cpu_array_step *s, bool running,
                    anm_array_known *known)
{
    for (unsigned i = 0; i < s->node->n_inputs; i++) {
        const anm_cpu_array *a = s->in[i];

        known[i] = (anm_array_known){ .present = a != NULL };
        if (!a) continue;
        known[i].type = a->type;
        if (a->settled || running) known[i].data = a->data;
    }
}

/* The shapes that the program declares hold. */
static anm_status check_declared(const anm_cpu_array_step *s, unsigned i,
                                 const anm_array_type *declared,
                                 const anm_array_type *found, anm_error *err)
{
    char a[96], b[96];
    bool same = declared->rank == found->rank;

    for (unsigned d = 0; same && d < found->rank; d++)
        same = declared->dims[d] < 0 || declared->dims[d] == found->dims[d];
    if (same) return ANM_OK;
    anm_array_type_text(declared, a, sizeof(a));
    anm_array_type_text(found, b, sizeof(b));
    return anm_fail(err, ANM_E_FORMAT, "%s: output %u is %s, declared %s",
                    s->node->name, i, b, a);
}

static anm_status infer(anm_cpu_array_step *s, bool running,
                        anm_array_type *types, bool *open, anm_error *err)
{
    anm_array_known few[FEW];
    const unsigned n = s->node->n_inputs;
    anm_array_known *known = n > FEW ? anm_alloc_array(n, sizeof(*known)) : few;

    if (!known)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", s->node->name);
    look_up(s, running, known);
    const anm_status status =
        anm_arrays_infer(s->node, known, types, open, err);
    if (known != few) anm_free(known);
    return status ? anm_fail_prefix(err, status, "%s", s->node->name) : ANM_OK;
}

/* Shapes of all outputs; types of outputs are set where *open stays false. */
static anm_status infer_outputs(const anm_arrays *program,
                                anm_cpu_array_step *s, bool running, bool *open,
                                anm_error *err)
{
    anm_array_type few[FEW];
    const unsigned n = s->node->n_outputs;
    anm_array_type *types = n > FEW ? anm_alloc_array(n, sizeof(*types)) : few;

    *open = false;
    if (!types)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", s->node->name);
    for (unsigned i = 0; i < n; i++)
        types[i] = (anm_array_type){ .dtype = s->out[i]->type.dtype };
    anm_status status = infer(s, running, types, open, err);
    for (unsigned i = 0; i < n && !status && !*open; i++) {
        if (program && s->node->op != ANM_ARRAY_NON_ZERO)
            status = check_declared(
                s, i, &anm_arrays_value(program, s->node->outputs[i])->type,
                &types[i], err);
        s->out[i]->type = types[i];
    }
    if (types != few) anm_free(types);
    return status;
}

/* ---- Open steps ---------------------------------------------------------- */

static anm_status grow_array(anm_cpu_arrays *all, anm_cpu_array *a,
                             anm_error *err)
{
    const size_t n = anm_cpu_array_n(a);

    if (n <= a->room && a->data) return ANM_OK;
    const size_t room = n < 16 ? 16 : n;
    const anm_status status = anm_cpu_cells_take(all, room, err);
    if (status) return status;
    void *data = anm_alloc_aligned(ANM_CACHE_LINE, room * sizeof(anm_cpu_cell));
    if (!data) {
        anm_cpu_cells_give(all, room);
        return anm_fail(err, ANM_E_NOMEM, "%zu cells: no memory", room);
    }
    anm_cpu_cells_give(all, a->room);
    anm_free_aligned(a->data);
    a->data = data;
    a->room = room;
    return ANM_OK;
}

anm_status anm_cpu_step_open(anm_runner *r, anm_cpu_array_step *s,
                             anm_error *err)
{
    bool open = false;
    anm_status status = infer_outputs(r->arrays->program, s, true, &open, err);

    assert(status || !open);
    for (unsigned i = 0; i < s->node->n_outputs && !status; i++)
        status = grow_array(r->arrays, s->out[i], err);
    if (status) return anm_fail_prefix(err, status, "%s", s->node->name);
    s->ns = estimate(s);
    return reserve_scratch(r, s, err);
}

/* ---- Settled steps ------------------------------------------------------- */

static bool is_settled(const anm_cpu_fit *fit, const anm_cpu_array_step *s)
{
    const anm_array_op op = s->node->op;
    uint64_t all = fit->cells;

    if (s->node->n_outputs == 0) return false;
    for (unsigned i = 0; i < s->node->n_outputs; i++) {
        all += anm_cpu_array_n(s->out[i]);
        if (anm_cpu_array_n(s->out[i]) > SETTLED_CELLS_MAX) return false;
    }
    if (all > SETTLED_ALL_MAX) return false;
    for (unsigned i = 0; i < s->node->n_inputs; i++) {
        /* Of these only the shape is read. */
        if (i == 0 && (op == ANM_ARRAY_SHAPE || op == ANM_ARRAY_FILL_LIKE))
            continue;
        if (s->in[i] && !s->in[i]->settled) return false;
    }
    return true;
}

static anm_status settle(anm_runner *r, anm_cpu_fit *fit, anm_cpu_array_step *s,
                         anm_error *err)
{
    anm_status status = reserve_scratch(r, s, err);
    if (status) return status;

    for (unsigned i = 0; i < s->node->n_outputs; i++) {
        const size_t n = anm_cpu_array_n(s->out[i]);

        status = anm_cpu_cells_take(r->arrays, n, err);
        if (status) return anm_fail_prefix(err, status, "%s", s->node->name);
        fit->cells += n;
        s->out[i]->data =
            anm_arena_array(&fit->arena, n ? n : 1, sizeof(anm_cpu_cell));
        if (!s->out[i]->data)
            return anm_fail(err, ANM_E_NOMEM, "%s: out of memory",
                            s->node->name);
        s->out[i]->settled = true;
    }
    s->skip = true;
    return anm_cpu_step_run(r, s, err);
}

/* ---- Fits ---------------------------------------------------------------- */

static anm_status make_step(anm_cpu_fit *fit, const anm_arrays *program,
                            size_t i, anm_error *err)
{
    const anm_array_node *node = anm_arrays_node(program, i);
    anm_cpu_array_step *s = &fit->steps[i];

    s->node = node;
    s->rule = anm_cpu_array_rule_of(node->op);
    s->in = anm_arena_array(&fit->arena, node->n_inputs + 1u, sizeof(*s->in));
    s->out =
        anm_arena_array(&fit->arena, node->n_outputs + 1u, sizeof(*s->out));
    if (!s->in || !s->out)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", node->name);
    for (unsigned j = 0; j < node->n_inputs; j++) {
        const anm_value_id v = node->inputs[j];
        if (v != ANM_VALUE_NONE) s->in[j] = &fit->values[v];
    }
    for (unsigned j = 0; j < node->n_outputs; j++)
        s->out[j] = &fit->values[node->outputs[j]];
    return ANM_OK;
}

static bool is_view(const anm_cpu_array_step *s)
{
    return s->node->n_outputs == 1 &&
           anm_cpu_array_is_view(s->node, &s->in[0]->type, &s->out[0]->type);
}

static void leave_open(anm_cpu_array_step *s)
{
    s->open = true;
    for (unsigned i = 0; i < s->node->n_outputs; i++)
        s->out[i]->open = true;
}

static anm_status fit_step(anm_runner *r, anm_cpu_fit *fit, size_t i,
                           anm_error *err)
{
    const anm_arrays *program = r->arrays->program;
    anm_cpu_array_step *s = &fit->steps[i];
    anm_status status = make_step(fit, program, i, err);
    bool open = false;

    if (status) return status;
    for (unsigned j = 0; j < s->node->n_inputs; j++)
        open = open || (s->in[j] && s->in[j]->open);
    if (!open) status = infer_outputs(program, s, false, &open, err);
    if (status) return status;
    if (open) {
        leave_open(s);
        return ANM_OK;
    }
    s->ns = estimate(s);
    if (is_view(s)) {
        s->skip = true;
        s->out[0]->settled = s->in[0]->settled;
        if (s->in[0]->settled) s->out[0]->data = s->in[0]->data;
        return ANM_OK;
    }
    return is_settled(fit, s) ? settle(r, fit, s, err)
                              : reserve_scratch(r, s, err);
}

static anm_status make_fit(anm_runner *r, anm_cpu_fit *fit,
                           const anm_array_type *inputs, anm_error *err)
{
    const anm_arrays *program = r->arrays->program;
    anm_status status = ANM_OK;

    fit->n_values = anm_arrays_n_values(program);
    fit->n_steps = anm_arrays_n_nodes(program);
    fit->values =
        anm_arena_array(&fit->arena, fit->n_values, sizeof(*fit->values));
    fit->steps =
        anm_arena_array(&fit->arena, fit->n_steps + 1, sizeof(*fit->steps));
    if (!fit->values || !fit->steps)
        return anm_fail(err, ANM_E_NOMEM, "%zu values: no memory",
                        fit->n_values);
    memcpy(fit->values, r->arrays->consts,
           fit->n_values * sizeof(*fit->values));
    for (size_t i = 0; i < anm_arrays_n_inputs(program); i++)
        fit->values[anm_arrays_input_at(program, i)].type = inputs[i];
    for (size_t i = 0; i < fit->n_steps && !status; i++)
        status = fit_step(r, fit, i, err);
    return status ? status : anm_cpu_fit_place(r->arrays, fit, err);
}

void anm_cpu_fit_free(anm_cpu_fit *fit)
{
    if (!fit) return;
    for (size_t i = 0; i < fit->n_values && fit->values; i++) {
        if (fit->values[i].open) anm_free_aligned(fit->values[i].data);
    }
    anm_free_aligned(fit->block);
    anm_arena_deinit(&fit->arena);
    anm_free(fit);
}

static bool is_fit_for(const anm_cpu_fit *fit, const anm_arrays *program,
                       const anm_array_type *inputs)
{
    for (size_t i = 0; i < anm_arrays_n_inputs(program); i++) {
        const anm_array_type *t =
            &fit->values[anm_arrays_input_at(program, i)].type;

        if (t->rank != inputs[i].rank ||
            memcmp(t->dims, inputs[i].dims, t->rank * sizeof(*t->dims)) != 0)
            return false;
    }
    return true;
}

static void drop_fit(anm_cpu_arrays *a, anm_cpu_fit *fit)
{
    anm_cpu_cells_give(a, fit->cells);
    for (size_t i = 0; i < fit->n_values && fit->values; i++) {
        if (fit->values[i].open) anm_cpu_cells_give(a, fit->values[i].room);
    }
    anm_cpu_fit_free(fit);
}

/* The place of a further fit: at the end, or that of the one unused longest. */
static anm_cpu_fit **find_place(anm_cpu_arrays *a)
{
    size_t oldest = 0;

    if (a->n_fits < ANM_CPU_FITS_MAX) return &a->fits[a->n_fits++];
    for (size_t i = 1; i < a->n_fits; i++) {
        if (a->fits[i]->last_used < a->fits[oldest]->last_used) oldest = i;
    }
    drop_fit(a, a->fits[oldest]);
    return &a->fits[oldest];
}

static anm_status new_fit(anm_runner *r, const anm_array_type *inputs,
                          anm_cpu_fit **out, anm_error *err)
{
    anm_cpu_fit *fit = anm_alloc_zero(sizeof(*fit));

    if (!fit) return anm_fail(err, ANM_E_NOMEM, "a fit: out of memory");
    const anm_status status = make_fit(r, fit, inputs, err);
    if (status)
        drop_fit(r->arrays, fit);
    else
        *out = fit;
    return status;
}

anm_status anm_cpu_fit_get(anm_runner *r, const anm_array_type *inputs,
                           anm_cpu_fit **out, anm_error *err)
{
    anm_cpu_arrays *a = r->arrays;

    a->n_runs++;
    for (size_t i = 0; i < a->n_fits; i++) {
        if (!is_fit_for(a->fits[i], a->program, inputs)) continue;
        *out = a->fits[i];
        (*out)->last_used = a->n_runs;
        return ANM_OK;
    }
    anm_status status = new_fit(r, inputs, out, err);
    if (status == ANM_E_LIMIT && a->n_fits) {
        /* Other shapes may be what is in the way. */
        while (a->n_fits)
            drop_fit(a, a->fits[--a->n_fits]);
        status = new_fit(r, inputs, out, err);
    }
    if (status) return status;
    (*out)->last_used = a->n_runs;
    *find_place(a) = *out;
    return ANM_OK;
}
