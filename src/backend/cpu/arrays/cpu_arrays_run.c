/* cpu_arrays_run.c - a run of an array program, and texts as runs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/clock.h"
#include "base/error.h"

/* ---- Inputs -------------------------------------------------------------- */

enum { FEW = 16 };

static anm_status check_shape(const anm_array *input,
                              const anm_array_view *view, anm_error *err)
{
    anm_array_type given = { .dtype = input->type.dtype, .rank = view->rank };
    char a[96], b[96];
    bool fits = view->rank == input->type.rank;
    uint64_t n = 1;

    for (unsigned i = 0; fits && i < view->rank; i++) {
        const int64_t d = view->dims[i];

        given.dims[i] = d;
        fits = d >= 0 && (input->type.dims[i] < 0 || input->type.dims[i] == d);
        if (!fits) break;
        if ((uint64_t)d > ANM_ARRAY_ELEMENTS_MAX ||
            (d && n > ANM_ARRAY_ELEMENTS_MAX / (uint64_t)d))
            return anm_fail(err, ANM_E_LIMIT,
                            "input %s: more than %" PRIu64 " elements",
                            input->name, ANM_ARRAY_ELEMENTS_MAX);
        n *= (uint64_t)d;
    }
    if (fits) return ANM_OK;
    if (given.rank > ANM_RANK_MAX) given.rank = 0;
    for (unsigned i = 0; i < given.rank; i++)
        given.dims[i] = view->dims[i];
    anm_array_type_text(&given, a, sizeof(a));
    anm_array_type_text(&input->type, b, sizeof(b));
    return anm_fail(err, ANM_E_ARG, "input %s: given %s, takes %s", input->name,
                    a, b);
}

static const anm_array_view *find_view(const anm_arrays_call *call,
                                       anm_value_id v)
{
    for (size_t i = 0; i < call->n_inputs; i++)
        if (call->inputs[i].value == v) return &call->inputs[i];
    return NULL;
}

/* Types of the inputs in the order of the program. */
static anm_status read_types(const anm_arrays *program,
                             const anm_arrays_call *call, anm_array_type *types,
                             anm_error *err)
{
    const size_t n = anm_arrays_n_inputs(program);
    anm_status status = ANM_OK;

    if (call->n_inputs != n)
        return anm_fail(err, ANM_E_ARG, "%zu inputs given, the program has %zu",
                        call->n_inputs, n);
    for (size_t i = 0; i < n && !status; i++) {
        const anm_value_id v = anm_arrays_input_at(program, i);
        const anm_array *input = anm_arrays_value(program, v);
        const anm_array_view *view = find_view(call, v);

        if (!view)
            return anm_fail(err, ANM_E_ARG, "input %s is missing", input->name);
        status = check_shape(input, view, err);
        if (status) break;
        types[i] =
            (anm_array_type){ .dtype = input->type.dtype, .rank = view->rank };
        memcpy(types[i].dims, view->dims, sizeof(view->dims));
    }
    return status;
}

static void copy_inputs(const anm_cpu_fit *fit, const anm_arrays_call *call)
{
    for (size_t i = 0; i < call->n_inputs; i++) {
        const anm_array_view *view = &call->inputs[i];
        const anm_cpu_array *a = &fit->values[view->value];
        const size_t n = anm_cpu_array_n(a);

        if (n) memcpy(a->data, view->data, n * sizeof(anm_cpu_cell));
    }
}

static void reset_states(const anm_runner *r)
{
    const anm_arrays *program = r->arrays->program;

    for (anm_value_id v = 0; v < anm_arrays_n_values(program); v++) {
        const anm_array *value = anm_arrays_value(program, v);

        if (value->kind == ANM_ARRAY_STATE)
            memset(r->arrays->consts[v].data, 0,
                   anm_array_elements(&value->type) * sizeof(anm_cpu_cell));
    }
}

/* ---- Steps --------------------------------------------------------------- */

static anm_status copy_taps(const anm_runner *r, const anm_cpu_array_step *s,
                            anm_tap *taps, size_t n_taps, anm_error *err)
{
    for (size_t i = 0; i < n_taps; i++) {
        for (unsigned j = 0; j < s->node->n_outputs; j++) {
            const char *name =
                anm_arrays_value(r->arrays->program, s->node->outputs[j])->name;
            const size_t n = anm_cpu_array_n(s->out[j]);

            if (strcmp(name, taps[i].name) != 0) continue;
            if (!anm_cpu_is_float(s->out[j]))
                return anm_fail(err, ANM_E_ARG, "tap %s: not of floats", name);
            if (n > taps[i].cap - taps[i].n)
                return anm_fail(err, ANM_E_ARG,
                                "tap %s: %zu floats, room for %zu", name, n,
                                taps[i].cap - taps[i].n);
            if (n)
                memcpy(taps[i].out + taps[i].n, s->out[j]->data,
                       n * sizeof(float));
            taps[i].n += n;
        }
    }
    return ANM_OK;
}

/* texts: the call that asks for taps or wants to be told; or NULL. */
static anm_status run_steps(anm_runner *r, const anm_cpu_fit *fit,
                            const anm_call *texts, anm_error *err)
{
    anm_status status = ANM_OK;

    for (size_t i = 0; i < fit->n_steps && !status; i++) {
        anm_cpu_array_step *s = &fit->steps[i];

        if (s->open) status = anm_cpu_step_open(r, s, err);
        if (!status && !s->skip) status = anm_cpu_step_run(r, s, err);
        if (status || !texts) continue;
        if (texts->told) texts->told(texts->told_ctx, i + 1, fit->n_steps);
        if (texts->n_taps)
            status = copy_taps(r, s, texts->taps, texts->n_taps, err);
    }
    return status;
}

static void show_outputs(const anm_cpu_fit *fit, const anm_arrays *program,
                         const anm_arrays_call *call)
{
    for (size_t i = 0; i < call->n_outputs; i++) {
        const anm_value_id v = anm_arrays_output_at(program, i);
        const anm_cpu_array *a = &fit->values[v];

        call->outputs[i] = (anm_array_view){ .value = v,
                                             .rank = a->type.rank,
                                             .data = a->data };
        memcpy(call->outputs[i].dims, a->type.dims, sizeof(a->type.dims));
    }
}

/* What a run leaves behind. */
typedef struct done {
    uint64_t bound_ns; /* when inputs were bound */
    anm_cpu_fit *fit;
} done;

/* texts: as of run_steps(). */
static anm_status run(anm_runner *r, const anm_arrays_call *call,
                      const anm_call *texts, done *d, anm_error *err)
{
    const anm_arrays *program = r->arrays->program;
    const size_t n = anm_arrays_n_inputs(program);
    anm_array_type few[FEW];
    anm_array_type *types = n > FEW ? anm_alloc_array(n, sizeof(*types)) : few;

    if (!types) return anm_fail(err, ANM_E_NOMEM, "%zu inputs: no memory", n);
    anm_status status = read_types(program, call, types, err);
    if (!status) status = anm_cpu_fit_get(r, types, &d->fit, err);
    if (types != few) anm_free(types);
    if (status) return status;
    copy_inputs(d->fit, call);
    if (call->reset_states) reset_states(r);
    d->bound_ns = anm_now_ns();
    status = run_steps(r, d->fit, texts, err);
    if (!status) show_outputs(d->fit, program, call);
    // Some are written and some are not: nobody could go on from there.
    if (status) reset_states(r);
    return status;
}

anm_status anm_cpu_arrays_run(anm_runner *r, const anm_arrays_call *call,
                              anm_error *err)
{
    done d = { 0 };

    if (!r->arrays)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "this model takes texts, not arrays");
    assert(call->n_outputs == anm_arrays_n_outputs(r->arrays->program));
    if (r->pool) anm_pool_begin(r->pool);
    const anm_status status = run(r, call, NULL, &d, err);
    if (r->pool) anm_pool_end_uncounted(r->pool);
    return status;
}

/* ---- Texts --------------------------------------------------------------- */

/* Positions that a text of n tokens is padded to; 0: too long. */
static size_t length_for(const anm_arrays_text *t, size_t n)
{
    for (size_t i = 0; i < t->n_lengths; i++)
        if (t->lengths[i] >= n) return t->lengths[i];
    if (t->n_lengths || n > t->max_length) return 0;
    return n < t->min_length ? t->min_length : n;
}

static size_t count_kept(const anm_input *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->len; i++)
        n += in->mask[i] != 0;
    return n;
}

static anm_status grow_feeds(anm_runner *r, size_t length, anm_error *err)
{
    anm_cpu_arrays *a = r->arrays;
    const anm_arrays_text *t = r->program.text;
    size_t cells = 0;

    if (!anm_mul_size(t->n_feeds * t->batch, length, &cells))
        return anm_fail(err, ANM_E_LIMIT, "%zu positions", length);
    if (cells <= a->fed_cells) return ANM_OK;
    const anm_status status = anm_cpu_cells_take(a, cells, err);
    if (status)
        return anm_fail_prefix(err, status, "texts of %zu positions", length);
    anm_cpu_cell *fed = anm_alloc_array(cells, sizeof(*fed));
    if (!fed) {
        anm_cpu_cells_give(a, cells);
        return anm_fail(err, ANM_E_NOMEM, "%zu cells: no memory", cells);
    }
    anm_cpu_cells_give(a, a->fed_cells);
    anm_free(a->fed);
    a->fed = fed;
    a->fed_cells = cells;
    return ANM_OK;
}

/* The shape of an input: its declared one, the last axis of `length`. What else
 * is not declared is 1, but the first such axis counts the texts. */
static void shape_feed(const anm_runner *r, size_t i, size_t length)
{
    const anm_arrays_text *t = r->program.text;
    const anm_array *input =
        anm_arrays_value(r->arrays->program, t->feeds[i].input);
    anm_array_view *view = &r->arrays->feeds[i];
    size_t batch = 1;

    *view = (anm_array_view){ .value = t->feeds[i].input,
                              .rank = input->type.rank,
                              .data = r->arrays->fed + i * t->batch * length };
    for (unsigned j = 0; j + 1 < view->rank; j++) {
        const int64_t d = input->type.dims[j];

        view->dims[j] = d >= 0 ? d : batch == 1 ? (int64_t)t->batch : 1;
        batch *= (size_t)view->dims[j];
    }
    if (view->rank) view->dims[view->rank - 1] = (int64_t)length;
}

/* Row `row` of feed i: the text's kept positions, and padding. */
static void fill_row(const anm_runner *r, size_t i, size_t row,
                     const anm_input *in, size_t length)
{
    const anm_arrays_text *t = r->program.text;
    const anm_array *input =
        anm_arrays_value(r->arrays->program, t->feeds[i].input);
    const bool is_float = anm_array_is_float(input->type.dtype);
    anm_cpu_cell *cells = r->arrays->fed + (i * t->batch + row) * length;
    const size_t kept = count_kept(in);
    const size_t before = t->pad_left ? length - kept : 0;
    size_t from = 0;

    for (size_t p = 0; p < length; p++) {
        const bool real = p >= before && p < before + kept;
        int32_t v = 0;

        while (real && !in->mask[from])
            from++;
        switch (t->feeds[i].role) {
        case ANM_ARRAY_ROLE_IDS:
            v = real ? in->ids[from] : t->pad_id;
            break;
        case ANM_ARRAY_ROLE_MASK:
            v = real;
            break;
        case ANM_ARRAY_ROLE_POSITIONS:
            v = (int32_t)p;
            break;
        case ANM_ARRAY_ROLE_TYPES:
            break;
        }
        from += real;
        if (is_float)
            cells[p].f = (float)v;
        else
            cells[p].i = v;
    }
}

/* Texts [first, first + n) of a call into the feeds; rows of a batch that are
 * left over repeat the last text. */
static anm_status bind_texts(anm_runner *r, const anm_call *call, size_t first,
                             size_t n, anm_error *err)
{
    const anm_arrays_text *t = r->program.text;
    size_t length = 0;

    for (size_t i = 0; i < n; i++) {
        const size_t kept = count_kept(&call->inputs[first + i]);
        const size_t one = kept ? length_for(t, kept) : 0;

        if (one == 0)
            return anm_fail(
                err, ANM_E_ARG, "text %zu: %zu tokens, allowed 1 to %zu",
                first + i, kept,
                t->n_lengths ? t->lengths[t->n_lengths - 1] : t->max_length);
        if (one > length) length = one;
    }
    const anm_status status = grow_feeds(r, length, err);
    if (status) return status;
    for (size_t i = 0; i < t->n_feeds; i++) {
        shape_feed(r, i, length);
        for (size_t row = 0; row < t->batch; row++)
            fill_row(r, i, row, &call->inputs[first + (row < n ? row : n - 1)],
                     length);
    }
    return ANM_OK;
}

static anm_status copy_vectors(const anm_runner *r, const anm_cpu_fit *fit,
                               const anm_call *call, size_t first, size_t n,
                               anm_error *err)
{
    const anm_arrays_text *t = r->program.text;
    const anm_cpu_array *v = &fit->values[t->vector];
    const size_t dim = r->program.dim;

    if (!anm_cpu_is_float(v) || anm_cpu_array_n(v) != t->batch * dim) {
        char text[96];
        anm_array_type_text(&v->type, text, sizeof(text));
        return anm_fail(err, ANM_E_FORMAT,
                        "%s is %s, not %zu vector%s of %zu floats",
                        anm_arrays_value(r->arrays->program, t->vector)->name,
                        text, t->batch, t->batch > 1 ? "s" : "", dim);
    }
    memcpy(call->vectors + first * dim, v->data, n * dim * sizeof(float));
    return ANM_OK;
}

static anm_status check_taps(const anm_runner *r, const anm_call *call,
                             anm_error *err)
{
    for (size_t i = 0; i < call->n_taps; i++) {
        const anm_value_id v =
            anm_arrays_find(r->arrays->program, call->taps[i].name);

        if (v == ANM_VALUE_NONE ||
            anm_arrays_value(r->arrays->program, v)->kind != ANM_ARRAY_TEMP)
            return anm_fail(err, ANM_E_ARG, "tap %s: no computed value",
                            call->taps[i].name);
        call->taps[i].n = 0;
    }
    return ANM_OK;
}

anm_status anm_cpu_arrays_texts(anm_runner *r, const anm_call *call,
                                uint64_t *bind_ns, anm_error *err)
{
    const anm_arrays_text *t = r->program.text;
    anm_status status = check_taps(r, call, err);

    if (!t)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "this model takes arrays, not texts");
    for (size_t first = 0; first < call->n_inputs && !status;) {
        const size_t left = call->n_inputs - first;
        const size_t n = left < t->batch ? left : t->batch;
        const uint64_t then = anm_now_ns();
        done d = { .bound_ns = then };

        status = bind_texts(r, call, first, n, err);
        if (status) break;
        const anm_arrays_call one = { .inputs = r->arrays->feeds,
                                      .n_inputs = t->n_feeds,
                                      .reset_states = true };
        status = run(r, &one, call, &d, err);
        if (!status) status = copy_vectors(r, d.fit, call, first, n, err);
        *bind_ns += anm_elapsed_ns(then, d.bound_ns);
        first += n;
    }
    return status;
}

anm_status anm_cpu_arrays_reserve(anm_runner *r, size_t tokens, anm_error *err)
{
    const anm_arrays_text *t = r->program.text;
    anm_array_type types[ANM_ARRAY_FEEDS_MAX];
    anm_arrays_call call = { .inputs = r->arrays->feeds };
    anm_cpu_fit *fit = NULL;

    if (!t) return ANM_OK;
    const size_t length = length_for(t, tokens ? tokens : 1);
    if (length == 0) return ANM_OK; /* such a call is refused */
    anm_status status = grow_feeds(r, length, err);
    if (status) return status;
    for (size_t i = 0; i < t->n_feeds; i++)
        shape_feed(r, i, length);
    call.n_inputs = t->n_feeds;
    status = read_types(r->arrays->program, &call, types, err);
    return status ? status : anm_cpu_fit_get(r, types, &fit, err);
}
