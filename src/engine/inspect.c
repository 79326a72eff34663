/* inspect.c - what a model is, as JSON. Loads nothing on a device and never
 * refuses by contract.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/inspect_parts.h"

#include "base/error.h"
#include "engine/describe.h"
#include "engine/floor.h"
#include "engine/json_text.h"
#include "engine/state.h"
#include "format/mlpackage.h"

/* ---- Graph ------------------------------------------------------------------ */

static json_t *make_shape(const anm_shape *shape)
{
    json_t *dims = json_array();

    for (unsigned i = 0; i < shape->rank; i++)
        if (!anm_inspect_append(&dims, shape->dims[i] == ANM_DIM_TOKENS
                                           ? json_string("tokens")
                                           : json_integer(shape->dims[i])))
            break;
    return dims;
}

static json_t *make_value(const char *name, const anm_shape *shape)
{
    return json_pack("{s:o, s:s, s:o}", "name", anm_json_text(name), "dtype",
                     anm_dtype_name(shape->dtype), "shape", make_shape(shape));
}

static json_t *make_inputs(const anm_graph *g)
{
    json_t *inputs = json_array();

    for (size_t i = 0; i < anm_graph_n_values(g); i++) {
        const anm_value *v = anm_graph_value(g, (anm_value_id)i);
        if (v->kind == ANM_VALUE_INPUT &&
            !anm_inspect_append(&inputs, make_value(v->name, &v->shape)))
            break;
    }
    return inputs;
}

static json_t *make_outputs(const anm_graph *g)
{
    const anm_value *v = anm_graph_value(g, anm_graph_result_of(g));

    return json_pack("[o]", make_value("vector", &v->shape));
}

static json_t *make_op_counts(const anm_graph *g)
{
    size_t counts[ANM_OP_COUNT] = { 0 };
    json_t *ops = json_object();

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        counts[anm_graph_node(g, i)->op]++;
    for (int op = 0; op < ANM_OP_COUNT; op++)
        if (counts[op] &&
            !anm_inspect_set(&ops, anm_op_describe((anm_op)op)->name,
                             anm_inspect_number(counts[op])))
            break;
    return ops;
}

static json_t *make_op_list(const anm_graph *g)
{
    json_t *list = json_array();

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *n = anm_graph_node(g, i);
        const anm_value *v = anm_graph_value(g, n->output);
        if (!anm_inspect_append(&list,
                                json_pack("{s:o, s:s, s:s, s:o}", "name",
                                          anm_json_text(n->name), "type",
                                          anm_op_describe(n->op)->name, "dtype",
                                          anm_dtype_name(v->shape.dtype),
                                          "shape", make_shape(&v->shape))))
            break;
    }
    return list;
}

/* ---- Tensors ----------------------------------------------------------------- */

static json_t *make_unused(const anm_weights *w)
{
    json_t *names = json_array();

    for (size_t i = 0; i < w->n; i++)
        if (!w->tensors[i].used &&
            !anm_inspect_append(&names, anm_json_text(w->tensors[i].stored)))
            break;
    return names;
}

static json_t *make_tensor_dims(const anm_weight *t)
{
    json_t *dims = json_array();

    for (unsigned i = 0; i < t->rank; i++)
        if (!anm_inspect_append(&dims, anm_inspect_number(t->dims[i]))) break;
    return dims;
}

static json_t *make_tensors(const anm_weights *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->n; i++) {
        const anm_weight *t = &w->tensors[i];
        if (!anm_inspect_append(&list,
                                json_pack("{s:o, s:s, s:o, s:o, s:b}", "name",
                                          anm_json_text(t->stored), "dtype",
                                          anm_dtype_name(t->dtype), "shape",
                                          make_tensor_dims(t), "bytes",
                                          anm_inspect_number(t->data.len),
                                          "used", t->used)))
            break;
    }
    return list;
}

/* ---- Roofline ---------------------------------------------------------------- */

static json_t *make_floor(const anm_engine *e, size_t tokens,
                          const anm_peak *peak)
{
    const anm_cost cost = anm_engine_cost(e, tokens);
    // Activations may stay in a cache; weights are read from memory.
    const double memory = cost.weight_bytes / peak->bytes_per_s;
    const double compute = cost.macs / peak->macs_per_s;

    return json_pack("{s:o, s:f, s:s, s:f, s:f, s:f}", "tokens",
                     anm_inspect_number(tokens), "floor_ms",
                     (memory > compute ? memory : compute) * 1e3, "bound",
                     memory > compute ? "memory" : "compute", "macs", cost.macs,
                     "weight_bytes", cost.weight_bytes, "activation_bytes",
                     cost.activation_bytes);
}

/* Lengths to tell figures for: some, and the longest. How many. */
enum { N_LENGTHS = 4 };

static size_t choose_lengths(const anm_engine *e, size_t out[N_LENGTHS])
{
    static const size_t some[N_LENGTHS - 1] = { 8, 32, 128 };
    const size_t most = e->program.max_tokens;
    size_t n = 0;

    while (n < N_LENGTHS - 1 && some[n] < most) {
        out[n] = some[n];
        n++;
    }
    out[n] = most;
    return n + 1;
}

/* Without a backend that can be measured there is no floor, and the list is
 * empty. */
static json_t *make_roofline(const anm_engine *e)
{
    size_t lengths[N_LENGTHS];
    const size_t n = choose_lengths(e, lengths);
    json_t *rows = json_array();
    anm_peak peak;

    if (!e->backend || anm_floor_measure(e, &peak, NULL)) return rows;
    for (size_t i = 0; i < n; i++)
        if (!anm_inspect_append(&rows, make_floor(e, lengths[i], &peak))) break;
    return rows;
}

/* What one text would take of memory: the weights, which lie in a mapped file,
 * and room for values. Empty where the backend cannot say. */
static json_t *make_memory(const anm_engine *e)
{
    size_t lengths[N_LENGTHS];
    const size_t n = choose_lengths(e, lengths);
    json_t *rows = json_array();
    anm_footprint f;

    for (size_t i = 0; i < n && e->backend && e->backend->footprint; i++) {
        if (e->backend->footprint(&e->program, &e->load, lengths[i], &f, NULL))
            break;
        if (f.room &&
            !anm_inspect_append(
                &rows, json_pack("{s:o, s:o, s:o}", "tokens",
                                 anm_inspect_number(lengths[i]), "weight_bytes",
                                 anm_inspect_number(f.weights), "room_bytes",
                                 anm_inspect_number(f.room))))
            break;
    }
    return rows;
}

/* ---- The document ------------------------------------------------------------- */

static json_t *make_document(const anm_engine *e, unsigned flags)
{
    const anm_source *s = e->source;
    json_t *doc = json_pack(
        "{s:i, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
        " s:o, s:o, s:o, s:o, s:o, s:[], s:o, s:s, s:o}",
        "anemone_inspect", 1, "path", anm_json_text(s->path), "name",
        anm_json_text(s->name), "format", s->format, "architecture",
        s->architecture, "fingerprint", e->fingerprint, "dim",
        anm_inspect_number(s->recipe.dim), "max_tokens",
        anm_inspect_number(s->recipe.max_tokens), "limit_tokens",
        anm_inspect_number(e->program.max_tokens), "parameters",
        anm_inspect_number(anm_source_parameters(e->graph)), "bytes",
        anm_inspect_number(anm_weights_bytes(&s->weights)), "recipe",
        anm_inspect_recipe(&s->recipe), "tokenizer",
        anm_inspect_tokenizer(s->tokenizer), "inputs", make_inputs(e->graph),
        "outputs", make_outputs(e->graph), "ops", make_op_counts(e->graph),
        "roofline", make_roofline(e), "memory", make_memory(e), "lint", "notes",
        anm_inspect_notes(s), "stored", anm_dtype_name(s->stored),
        "tensors_unused", make_unused(&s->weights));

    if (doc && flags & ANM_INSPECT_TENSORS)
        anm_inspect_set(&doc, "tensors", make_tensors(&s->weights));
    if (doc && flags & ANM_INSPECT_OPS)
        anm_inspect_set(&doc, "ops_list", make_op_list(e->graph));
    return doc;
}

anm_status anm_engine_inspect(const anm_options *options, unsigned flags,
                              char **json, anm_error *err)
{
    anm_engine *e;

    if (anm_mlpackage_is(options->model))
        return anm_inspect_package(options, flags, json, err);
    anm_status status = anm_engine_describe(&e, options, err);
    if (status) return status;
    // A model that no backend can run is inspected all the same.
    if (anm_engine_choose(e, options, NULL)) e->backend = NULL;
    status = anm_engine_identify(e, options, err);
    if (!status)
        status = anm_json_take_string(make_document(e, flags), 0, json, err);
    anm_engine_close(e);
    return status;
}
