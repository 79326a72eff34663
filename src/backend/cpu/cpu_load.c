/* cpu_load.c - a runner: sections bound by name, and each node resolved into a
 * step that needs no look-up.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "graph/cost.h"

/* ---- Operands ------------------------------------------------------------ */

static anm_status bind_section(anm_runner *r, anm_cpu_operand *o,
                               const anm_value *v, anm_cpu_form form,
                               const anm_sections *sections, anm_error *err)
{
    const uint64_t expected = anm_cpu_form_bytes(v, form);
    anm_bytes bytes = { 0 };
    char *name = anm_cpu_section_name(v, form);
    anm_status status = ANM_OK;

    if (!name) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    if (!anm_sections_find(sections, name, &bytes))
        status = anm_fail(err, ANM_E_CORRUPT, "no section %s among %zu", name,
                          sections->n);
    else if (bytes.len != expected)
        status = anm_fail(err, ANM_E_CORRUPT,
                          "section %s: %zu bytes found, %" PRIu64 " expected",
                          name, bytes.len, expected);
    else if ((uintptr_t)bytes.data % ANM_CACHE_LINE != 0)
        status =
            anm_fail(err, ANM_E_CORRUPT, "section %s: not aligned to %d bytes",
                     name, ANM_CACHE_LINE);
    anm_free(name);
    if (status) return status;
    o->data = (const void *)bytes.data;
    o->type = anm_cpu_form_type(v, form);
    r->sections[r->n_sections++] = bytes;
    if (form == ANM_CPU_TABLE && bytes.len > r->table.len) r->table = bytes;
    return ANM_OK;
}

/* Rows of a constant are those of its first axis; a vector is one row. */
static void shape_constant(anm_cpu_operand *o, const anm_shape *shape)
{
    o->width = (size_t)anm_shape_elements(shape, 0);
    o->ld = shape->rank > 1 ? o->width / (size_t)shape->dims[0] : o->width;
}

static anm_status resolve_input(anm_runner *r, anm_cpu_step *s, size_t i,
                                const anm_sections *sections, anm_error *err)
{
    const anm_value_id id = s->node->inputs[i];
    anm_cpu_operand *o = &s->in[i];

    if (id == ANM_VALUE_NONE) return ANM_OK;
    const anm_value *v = anm_graph_value(r->program.graph, id);
    const anm_place *place = &r->ws.plan.places[id];

    o->shape = &v->shape;
    switch (v->kind) {
    case ANM_VALUE_CONST:
        o->home = ANM_CPU_SECTION;
        shape_constant(o, &v->shape);
        return bind_section(r, o, v, anm_cpu_form_of(s->node, i), sections,
                            err);
    case ANM_VALUE_INPUT:
        if (strcmp(v->name, "ids") != 0) return ANM_OK;
        o->home = ANM_CPU_IDS;
        o->ld = o->width = 1;
        return ANM_OK;
    case ANM_VALUE_TEMP:
        o->home = ANM_CPU_TEMP;
        o->ld = place->ld;
        o->width = place->width;
        o->per_text = place->per_text;
        return ANM_OK;
    }
    return ANM_OK;
}

static void resolve_output(const anm_runner *r, anm_cpu_step *s)
{
    const anm_place *place = &r->ws.plan.places[s->node->output];

    s->out = (anm_cpu_operand){
        .home = ANM_CPU_TEMP,
        .ld = place->ld,
        .width = place->width,
        .per_text = place->per_text,
        .shape = &anm_graph_value(r->program.graph, s->node->output)->shape,
    };
}

/* ---- Steps --------------------------------------------------------------- */

static anm_cpu_step_fn run_of(anm_op op)
{
    switch (op) {
    case ANM_OP_POSITION:
        return anm_cpu_run_position;
    case ANM_OP_GATHER:
        return anm_cpu_run_gather;
    case ANM_OP_ADD:
        return anm_cpu_run_add;
    case ANM_OP_MUL:
        return anm_cpu_run_mul;
    case ANM_OP_SCALE:
        return anm_cpu_run_scale;
    case ANM_OP_LINEAR:
        return anm_cpu_run_linear;
    case ANM_OP_ACT:
        return anm_cpu_run_act;
    case ANM_OP_GLU:
        return anm_cpu_run_glu;
    case ANM_OP_LAYER_NORM:
        return anm_cpu_run_layer_norm;
    case ANM_OP_RMS_NORM:
        return anm_cpu_run_rms_norm;
    case ANM_OP_ANGLES:
        return anm_cpu_run_angles;
    case ANM_OP_ROPE:
        return anm_cpu_run_rope;
    case ANM_OP_TRANSPOSE:
        return anm_cpu_run_transpose;
    case ANM_OP_MATMUL:
        return anm_cpu_run_matmul;
    case ANM_OP_SOFTMAX:
        return anm_cpu_run_softmax;
    case ANM_OP_ATTENTION:
        return anm_cpu_run_attention;
    case ANM_OP_POOL:
        return anm_cpu_run_pool;
    case ANM_OP_NORMALIZE:
        return anm_cpu_run_normalize;
    case ANM_OP_RESHAPE:
        return anm_cpu_run_reshape;
    case ANM_OP_SLICE:
        return anm_cpu_run_slice;
    case ANM_OP_COUNT:
        break;
    }
    return NULL;
}

/* Rough nanoseconds at the widest level: a multiply-add of a product 0.02, a
 * weight streamed 0.05, an element passed over 0.2. */
static void estimate(anm_cpu_step *s)
{
    const double width = (double)s->out.width;

    s->ns_row = 0.2 * width;
    if (s->node->op == ANM_OP_LINEAR) {
        const double weights = (double)s->in[1].width;
        s->ns_base = 0.05 * weights;
        s->ns_row += 0.02 * weights;
    }
    if (s->node->op == ANM_OP_ATTENTION)
        s->ns_pair = 0.05 * width + 0.2 * s->node->attr.heads;
}

/* Operations over the last axis take rows that are evenly spaced. */
static bool is_even(const anm_cpu_operand *x)
{
    return x->home != ANM_CPU_TEMP || x->ld == x->width || x->shape->rank <= 2;
}

static anm_status check_spacing(const anm_cpu_step *s, anm_error *err)
{
    const anm_op op = s->node->op;

    if (op != ANM_OP_LINEAR && op != ANM_OP_LAYER_NORM && op != ANM_OP_GLU)
        return ANM_OK;
    if (is_even(&s->in[0]) && is_even(&s->in[3])) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: the cpu backend cannot run %s on a reshaped slice",
                    s->node->name, anm_op_describe(op)->name);
}

static anm_status resolve_step(anm_runner *r, size_t i,
                               const anm_sections *sections, anm_error *err)
{
    anm_cpu_step *s = &r->steps[i];
    anm_status status = ANM_OK;

    s->node = anm_graph_node(r->program.graph, i);
    s->kern = &r->kern;
    if (!r->ws.plan.places[s->node->output].view) s->run = run_of(s->node->op);
    s->split = anm_op_describe(s->node->op)->packable &&
               s->node->op != ANM_OP_POSITION && s->node->op != ANM_OP_SLICE;
    for (size_t j = 0; j < ANM_INPUTS_MAX && !status; j++)
        status = resolve_input(r, s, j, sections, err);
    if (status) return status;
    resolve_output(r, s);
    estimate(s);
    if (s->node->output == anm_graph_result_of(r->program.graph))
        r->result = &s->out;
    return check_spacing(s, err);
}

static void fill_plan_row(anm_runner *r, size_t i)
{
    const anm_program *p = &r->program;
    const anm_node *node = r->steps[i].node;
    const size_t tokens = p->max_tokens < 32 ? p->max_tokens : 32;

    r->plan_rows[i] = (anm_plan_row){
        .name = node->name,
        .type = anm_op_describe(node->op)->name,
        .variant = r->kern.level,
        .device = ANM_DEVICE_CPU,
        .share = anm_node_share(p->graph, i, tokens),
        .evidence = ANM_EVIDENCE_PLANNED,
        .reason = r->unwanted,
    };
}

/* ---- Runners ------------------------------------------------------------- */

/* Why work is on the CPU although the units name another device. */
static const char *why_cpu(anm_units units)
{
    if (units == ANM_UNITS_CPU_AND_GPU) return "the cpu backend drives no GPU";
    if (units == ANM_UNITS_CPU_AND_NE)
        return "the cpu backend drives no Neural Engine";
    return NULL;
}

static anm_status alloc_parts(anm_runner *r, anm_error *err)
{
    const size_t n = r->n_steps;

    r->steps = anm_arena_array(&r->arena, n, sizeof(*r->steps));
    r->plan_rows = anm_arena_array(&r->arena, n, sizeof(*r->plan_rows));
    r->sections =
        anm_arena_array(&r->arena, n * ANM_INPUTS_MAX, sizeof(*r->sections));
    if (!r->steps || !r->plan_rows || !r->sections)
        return anm_fail(err, ANM_E_NOMEM, "%zu steps: out of memory", n);
    return ANM_OK;
}

/* The first plan tells geometry; offsets follow with the workspace. */
static anm_status resolve_graph(anm_runner *r, const anm_sections *sections,
                                anm_error *err)
{
    anm_status status =
        anm_memory_plan_make(&r->ws.plan, r->program.graph, 1, 1, err);

    for (size_t i = 0; i < r->n_steps && !status; i++) {
        status = resolve_step(r, i, sections, err);
        if (!status) fill_plan_row(r, i);
    }
    assert(status || r->result);
    return status;
}

static anm_status load_graph(anm_runner *r, const anm_sections *sections,
                             anm_error *err)
{
    r->n_steps = anm_graph_n_nodes(r->program.graph);
    r->packed = anm_cpu_packable(r->program.graph);
    r->vocab_rows = anm_cpu_vocab_rows(r->program.graph);
    r->head_dim = anm_cpu_head_dim(r->program.graph);
    anm_status status = alloc_parts(r, err);
    if (status) return status;

    status = resolve_graph(r, sections, err);
    if (status) return status;

    for (size_t i = 0; i < r->n_sections; i++)
        anm_map_populate(r->sections[i]);
    return anm_cpu_reserve(r, 64, 1, err);
}

static anm_status load_runner(anm_runner *r, const anm_load_params *params,
                              const anm_sections *sections, anm_error *err)
{
    if (params->threads > 1) {
        const anm_status status = anm_pool_new(&r->pool, params->threads, err);
        if (status) return status;
    }
    if (!r->program.arrays) return load_graph(r, sections, err);
    r->n_steps = anm_arrays_n_nodes(r->program.arrays);
    return anm_cpu_arrays_load(r, sections, err);
}

anm_status anm_cpu_load(anm_runner **out, const anm_program *program,
                        const anm_load_params *params,
                        const anm_sections *sections, anm_error *err)
{
    *out = NULL;
    anm_status status = anm_cpu_accepts(program, params, err);
    if (status) return status;

    anm_runner *r = anm_alloc_zero(sizeof(*r));
    if (!r) return anm_fail(err, ANM_E_NOMEM, "a runner: out of memory");
    r->program = *program;
    r->n_members = params->threads;
    r->unwanted = why_cpu(params->units);
    anm_kern_init(&r->kern, params->cpu);

    status = load_runner(r, params, sections, err);
    if (status) {
        anm_cpu_unload(r);
        return status;
    }
    *out = r;
    return ANM_OK;
}

void anm_cpu_unload(anm_runner *r)
{
    if (!r) return;
    anm_pool_free(r->pool);
    anm_cpu_arrays_unload(r);
    anm_cpu_workspace_deinit(&r->ws);
    anm_arena_deinit(&r->arena);
    anm_free(r);
}
