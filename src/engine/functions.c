/* functions.c - opens a package, loads its functions one by one, checks what
 * goes in against what the package declares.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/functions.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/error.h"
#include "engine/artifact_file.h"
#include "engine/text_function.h"
#include "graph/arrays_pass.h"
#include "model/mil.h"
#include "model/mil_inputs.h"

/* One function, loaded. */
typedef struct loaded {
    const anm_mil_function *function;
    anm_mil_constants *constants;
    anm_arrays *arrays;
    anm_program program;
    anm_frame_writer *sections; /* prepared, in memory */
    anm_runner *runner;
    bool fresh; /* its states are to be zeros at the next run */
    anm_array_view *inputs, *outputs;
    anm_raw_array *results; /* [n_outputs] what the caller gets */
    size_t *dims;           /* [n_outputs, ANM_RANK_MAX] of the results */
    float *halves;          /* inputs that were rounded */
    size_t cap_halves;
} loaded;

struct anm_functions {
    anm_text_function *text; /* of a model that is no package; or NULL and */
    anm_mlpackage *package;
    const anm_backend *backend;
    anm_log log;
    anm_load_params load;
    loaded *functions; /* [functions of the package] */
};

/* ---- Loading --------------------------------------------------------------- */

static void unload(anm_functions *f, loaded *l)
{
    if (l->runner) f->backend->unload(l->runner);
    anm_frame_writer_free(l->sections);
    anm_arrays_free(l->arrays);
    anm_mil_constants_free(l->constants);
    anm_free(l->inputs);
    anm_free(l->outputs);
    anm_free(l->results);
    anm_free(l->dims);
    anm_free(l->halves);
    *l = (loaded){ .function = l->function };
}

static anm_status choose_backend(anm_functions *f, const anm_program *program,
                                 anm_error *err)
{
    anm_status status =
        anm_fail(err, ANM_E_UNSUPPORTED, "no backend built in takes arrays");

    for (const anm_backend *const *b = anm_backends(); *b; b++) {
        if (!(*b)->run) continue;
        status = (*b)->accepts(program, &f->load, err);
        if (status) continue;
        f->backend = *b;
        return ANM_OK;
    }
    return status;
}

static anm_status prepare(anm_functions *f, loaded *l, anm_error *err)
{
    const anm_frame_writer_params params = { .path = NULL };
    anm_sections sections;
    anm_status status = anm_frame_writer_new(&l->sections, &params, err);

    if (status) return status;
    const anm_section_sink sink = anm_frame_writer_sink(l->sections);
    status = f->backend->prepare(&l->program, &f->load, &sink, err);
    if (!status)
        status = anm_frame_writer_sections(l->sections, &sections, err);
    if (!status)
        status =
            f->backend->load(&l->runner, &l->program, &f->load, &sections, err);
    return status;
}

static anm_status make_room(loaded *l, anm_error *err)
{
    const size_t n_in = anm_arrays_n_inputs(l->arrays);
    const size_t n_out = anm_arrays_n_outputs(l->arrays);

    l->inputs = anm_alloc_array(n_in, sizeof(*l->inputs));
    l->outputs = anm_alloc_array(n_out, sizeof(*l->outputs));
    l->results = anm_alloc_array(n_out, sizeof(*l->results));
    l->dims = anm_alloc_array(n_out, ANM_RANK_MAX * sizeof(*l->dims));
    if (l->inputs && l->outputs && l->results && l->dims) return ANM_OK;
    return anm_fail(err, ANM_E_NOMEM, "function %s: out of memory",
                    l->function->name);
}

static bool is_described_real(const anm_feature *f)
{
    return f->type == ANM_MIL_FLOAT16 || f->type == ANM_MIL_FLOAT32 ||
           f->type == ANM_MIL_FLOAT64;
}

/* A caller has the description alone to tell where its numbers are. */
static anm_status check_kind(const loaded *l, anm_value_id v,
                             const anm_feature *features, size_t n,
                             anm_error *err)
{
    const anm_array *value = anm_arrays_value(l->arrays, v);
    const anm_feature *f = anm_feature_find(features, n, value->name);

    if (!f || is_described_real(f) == anm_array_is_float(value->type.dtype))
        return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "function %s: %s is described as %s, and is %s",
                    l->function->name, f->name, anm_mil_type_name(f->type),
                    anm_dtype_name(value->type.dtype));
}

static anm_status check_kinds(const loaded *l, anm_error *err)
{
    const anm_features *x = &l->function->features;
    const anm_arrays *a = l->arrays;
    anm_status status = ANM_OK;

    for (size_t i = 0; i < anm_arrays_n_inputs(a) && !status; i++)
        status = check_kind(l, anm_arrays_input_at(a, i), x->inputs,
                            x->n_inputs, err);
    for (size_t i = 0; i < anm_arrays_n_outputs(a) && !status; i++)
        status = check_kind(l, anm_arrays_output_at(a, i), x->outputs,
                            x->n_outputs, err);
    return status;
}

static anm_status load(anm_functions *f, loaded *l, anm_error *err)
{
    anm_status status = anm_mil_constants_new(&l->constants, l->function, err);

    if (!status)
        status =
            anm_mil_translate(&l->arrays, l->function, l->constants, NULL, err);
    if (!status)
        status = anm_arrays_optimize(l->arrays, ANM_ARRAYS_PASS_ALL, err);
    if (!status) status = check_kinds(l, err);
    if (status) return status;
    l->program =
        (anm_program){ .arrays = l->arrays, .precision = ANM_PRECISION_F32 };
    status = choose_backend(f, &l->program, err);
    if (!status) status = prepare(f, l, err);
    if (!status) status = make_room(l, err);
    l->fresh = true;
    return status;
}

/* ---- Opening --------------------------------------------------------------- */

static anm_status open_package(anm_functions *f, const char *path,
                               anm_error *err)
{
    anm_status status = anm_mlpackage_open(&f->package, path, err);
    if (status) return status;
    status = anm_mlpackage_check_runnable(f->package, err);
    if (status) return anm_fail_prefix(err, status, "%s", path);
    f->functions =
        anm_alloc_array(f->package->n_functions, sizeof(*f->functions));
    if (!f->functions)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < f->package->n_functions; i++)
        f->functions[i].function = &f->package->functions[i];
    return ANM_OK;
}

anm_status anm_functions_open(anm_functions **out, const anm_options *options,
                              anm_error *err)
{
    anm_cpu_budget budget;
    anm_functions *f = anm_alloc_zero(sizeof(*f));

    *out = NULL;
    if (!f) return anm_fail(err, ANM_E_NOMEM, "package: out of memory");
    f->log = (anm_log){ options->log, options->log_ctx, options->log_level };
    f->load.units = ANM_UNITS_CPU_ONLY;
    f->load.log = &f->log;
    f->load.threads = options->threads;
    if (!options->threads) {
        anm_cpu_budget_read(&budget);
        f->load.threads = budget.threads;
    }
    anm_status status = anm_cpu_parse(options->cpu, &f->load.cpu, err);
    if (!status)
        status = anm_mlpackage_is(options->model)
                     ? open_package(f, options->model, err)
                     : anm_text_function_open(&f->text, options, err);
    if (status) {
        anm_functions_close(f);
        return status;
    }
    *out = f;
    return ANM_OK;
}

void anm_functions_close(anm_functions *f)
{
    if (!f) return;
    for (size_t i = 0; f->functions && i < f->package->n_functions; i++)
        unload(f, &f->functions[i]);
    anm_free(f->functions);
    anm_text_function_close(f->text);
    anm_mlpackage_close(f->package);
    anm_free(f);
}

void anm_functions_reset(anm_functions *f)
{
    for (size_t i = 0; f->package && i < f->package->n_functions; i++)
        f->functions[i].fresh = true;
}

static anm_status find_function(anm_functions *f, const char *name,
                                loaded **out, anm_error *err)
{
    const anm_mil_function *found = NULL;
    anm_status status =
        anm_mlpackage_find_function(f->package, name, &found, err);

    if (status) return status;
    *out = &f->functions[found - f->package->functions];
    if ((*out)->runner) return ANM_OK;
    status = load(f, *out, err);
    if (status) unload(f, *out);
    return status ? anm_fail_prefix(err, status, "%s", f->package->path)
                  : ANM_OK;
}

/* ---- What goes in ---------------------------------------------------------- */

static const struct {
    anm_raw_type raw;
    anm_mil_type type;
} types[] = {
    { ANM_RAW_FLOAT32, ANM_MIL_FLOAT32 }, { ANM_RAW_FLOAT16, ANM_MIL_FLOAT16 },
    { ANM_RAW_FLOAT64, ANM_MIL_FLOAT64 }, { ANM_RAW_INT32, ANM_MIL_INT32 },
    { ANM_RAW_INT8, ANM_MIL_INT8 },
};

enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

static bool is_type(anm_raw_type raw, anm_mil_type type)
{
    for (size_t i = 0; i < N_TYPES; i++)
        if (types[i].raw == raw) return types[i].type == type;
    return false;
}

static bool is_real(anm_raw_type type)
{
    return type == ANM_RAW_FLOAT16 || type == ANM_RAW_FLOAT32 ||
           type == ANM_RAW_FLOAT64;
}

static bool allows_axis(const anm_feature *f, unsigned axis, uint64_t size)
{
    if (axis >= f->n_ranges) return size == f->dims[axis];
    const anm_feature_range *r = &f->ranges[axis];
    return size >= r->low && (r->high < 0 || size <= (uint64_t)r->high);
}

static bool allows_shape(const anm_feature *f, const anm_raw_array *a)
{
    for (size_t s = 0; s < f->n_shapes; s++) {
        bool same = f->shape_ranks[s] == a->rank;
        for (size_t i = 0; same && i < a->rank; i++)
            same = f->shapes[s][i] == a->dims[i];
        if (same) return true;
    }
    if (f->n_shapes || a->rank != f->rank) return false;
    for (unsigned i = 0; i < f->rank; i++)
        if (!allows_axis(f, i, a->dims[i])) return false;
    return true;
}

static void array_text(const anm_raw_array *a, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "%s [", anm_raw_type_name(a->type));

    for (size_t i = 0; i < a->rank && len < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%zu", i ? ", " : "",
                                a->dims[i]);
    if (len < cap) snprintf(out + len, cap - len, "]");
}

static anm_status check_input(const anm_feature *f, const anm_raw_array *a,
                              anm_error *err)
{
    char expected[300], found[200];

    // What a description allows may be no array of any program.
    if (a->rank > ANM_RANK_MAX)
        return anm_fail(err, ANM_E_ARG,
                        "input %s: found %zu axes, at most %d are built in",
                        f->name, a->rank, ANM_RANK_MAX);
    if (is_type(a->type, f->type) && allows_shape(f, a)) return ANM_OK;
    array_text(a, found, sizeof(found));
    return anm_fail(err, ANM_E_ARG, "input %s: expected %s, found %s", f->name,
                    anm_feature_text(f, expected, sizeof(expected)), found);
}

static anm_status list_inputs(const loaded *l, const char *name, bool missing,
                              anm_error *err)
{
    const anm_features *f = &l->function->features;
    char text[300];
    anm_buf list = { 0 };

    for (size_t i = 0; i < f->n_inputs; i++)
        anm_buf_printf(&list, "%s%s %s", i ? ", " : "", f->inputs[i].name,
                       anm_feature_text(&f->inputs[i], text, sizeof(text)));
    char *all = anm_buf_take(&list);
    const anm_status status =
        anm_fail(err, ANM_E_ARG, "input %s: %s; function %s takes %s", name,
                 missing ? "missing" : "there is none of this name",
                 l->function->name, all ? all : "");
    anm_free(all);
    return status;
}

static const anm_raw_array *find_given(const anm_raw_array *inputs, size_t n,
                                       const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(inputs[i].name, name) == 0) return &inputs[i];
    return NULL;
}

static anm_status check_inputs(const loaded *l, const anm_raw_array *inputs,
                               size_t n, anm_error *err)
{
    const anm_features *f = &l->function->features;

    for (size_t i = 0; i < n; i++) {
        const anm_feature *feature =
            anm_feature_find(f->inputs, f->n_inputs, inputs[i].name);
        if (!feature) return list_inputs(l, inputs[i].name, false, err);
        if (find_given(inputs, i, inputs[i].name))
            return anm_fail(err, ANM_E_ARG, "input %s: given twice",
                            inputs[i].name);
        const anm_status status = check_input(feature, &inputs[i], err);
        if (status) return status;
    }
    for (size_t i = 0; i < f->n_inputs; i++)
        if (!find_given(inputs, n, f->inputs[i].name))
            return list_inputs(l, f->inputs[i].name, true, err);
    return ANM_OK;
}

static size_t elements_of(const anm_raw_array *a)
{
    size_t n = 1;

    for (size_t i = 0; i < a->rank; i++)
        n *= a->dims[i];
    return n;
}

/* Room for every input that is to be rounded. */
static anm_status reserve_halves(loaded *l, const anm_raw_array *inputs,
                                 size_t n, anm_error *err)
{
    size_t need = 0;

    for (size_t i = 0; i < n; i++)
        if (inputs[i].type == ANM_RAW_FLOAT16) need += elements_of(&inputs[i]);
    if (anm_grow(&l->halves, &l->cap_halves, need, sizeof(*l->halves)))
        return ANM_OK;
    return anm_fail(err, ANM_E_NOMEM, "inputs: out of memory");
}

static anm_status bind_inputs(loaded *l, const anm_raw_array *inputs, size_t n,
                              anm_error *err)
{
    anm_status status = reserve_halves(l, inputs, n, err);
    float *halves = l->halves;

    for (size_t i = 0; i < n && !status; i++) {
        const anm_raw_array *a = &inputs[i];
        anm_array_view *view = &l->inputs[i];
        *view = (anm_array_view){
            .value = anm_arrays_find(l->arrays, a->name),
            .rank = (unsigned)a->rank,
            .data = is_real(a->type) ? (const void *)a->floats : a->ints,
        };
        for (size_t k = 0; k < a->rank; k++)
            view->dims[k] = (int64_t)a->dims[k];
        if (a->type != ANM_RAW_FLOAT16) continue;
        view->data = halves;
        for (size_t k = 0, len = elements_of(a); k < len; k++)
            *halves++ = anm_f32_of_f16(anm_f16_of_f32(a->floats[k]));
    }
    return status;
}

/* ---- What comes out -------------------------------------------------------- */

static anm_raw_type result_type(const loaded *l, const anm_array *value)
{
    const anm_features *f = &l->function->features;
    const anm_feature *feature =
        anm_feature_find(f->outputs, f->n_outputs, value->name);

    for (size_t i = 0; i < N_TYPES && feature; i++)
        if (types[i].type == feature->type) return types[i].raw;
    if (!anm_array_is_float(value->type.dtype)) return ANM_RAW_INT32;
    return value->type.dtype == ANM_DTYPE_F16 ? ANM_RAW_FLOAT16
                                              : ANM_RAW_FLOAT32;
}

static void fill_result(loaded *l, size_t i)
{
    const anm_array_view *view = &l->outputs[i];
    const anm_array *value = anm_arrays_value(l->arrays, view->value);
    const bool real = anm_array_is_float(value->type.dtype);
    size_t *dims = l->dims + i * ANM_RANK_MAX;

    for (unsigned k = 0; k < view->rank; k++)
        dims[k] = (size_t)view->dims[k];
    l->results[i] = (anm_raw_array){
        .name = value->name,
        .type = result_type(l, value),
        .dims = dims,
        .rank = view->rank,
        .floats = real ? view->data : NULL,
        .ints = real ? NULL : view->data,
    };
}

/* Numbers that an infinite factor spoilt are no answer. Others that are none
 * are given: they may be what was asked for. */
static anm_status check_results(const loaded *l, size_t n, anm_error *err)
{
    const char *factor = anm_mil_infinite_factor(l->function);

    for (size_t i = 0; i < n && factor; i++) {
        const anm_raw_array *a = &l->results[i];
        for (size_t k = 0, len = a->floats ? elements_of(a) : 0; k < len; k++)
            if (isnan(a->floats[k]))
                return anm_fail(err, ANM_E_DEVICE,
                                "output %s: number %zu is nan: a product reads "
                                "constant %s, which is infinite, and 0 times "
                                "that is no number; where it is a mask, "
                                "convert with a large finite number for it",
                                a->name, k, factor);
    }
    return ANM_OK;
}

anm_status anm_functions_run(anm_functions *f, const char *function,
                             anm_raw_arrays inputs, anm_raw_arrays *outputs,
                             anm_error *err)
{
    loaded *l = NULL;

    if (f->text)
        return anm_text_function_run(f->text, function, inputs, outputs, err);
    anm_status status = find_function(f, function, &l, err);

    if (!status) status = check_inputs(l, inputs.items, inputs.n, err);
    if (!status) status = bind_inputs(l, inputs.items, inputs.n, err);
    if (status) return status;
    const anm_arrays_call call = {
        .inputs = l->inputs,
        .n_inputs = inputs.n,
        .reset_states = l->fresh,
        .outputs = l->outputs,
        .n_outputs = anm_arrays_n_outputs(l->arrays),
    };
    status = f->backend->run(l->runner, &call, err);
    if (status) return status;
    for (size_t i = 0; i < call.n_outputs; i++)
        fill_result(l, i);
    status = check_results(l, call.n_outputs, err);
    // What gave no numbers has left none in its states.
    l->fresh = status != ANM_OK;
    if (status) return status;
    *outputs = (anm_raw_arrays){ l->results, call.n_outputs };
    return ANM_OK;
}
