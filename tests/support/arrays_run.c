/* arrays_run.c - see arrays_run.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/arrays_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

void test_arrays_init(test_arrays *t)
{
    *t = (test_arrays){ 0 };
    assert_int_equal(anm_arrays_new(&t->program, NULL), ANM_OK);
}

void test_arrays_deinit(test_arrays *t)
{
    anm_arrays_free(t->program);
    for (size_t i = 0; i < t->n_blocks; i++)
        free(t->blocks[i]);
    *t = (test_arrays){ 0 };
}

static anm_array_type type_of(anm_dtype dtype, const int64_t *dims)
{
    anm_array_type type = { .dtype = dtype };

    while (dims[type.rank] >= 0) {
        assert_true(type.rank < ANM_RANK_MAX);
        type.dims[type.rank] = dims[type.rank];
        type.rank++;
    }
    return type;
}

static size_t count(const anm_array_type *type)
{
    size_t n = 1;

    for (unsigned i = 0; i < type->rank; i++)
        n *= (size_t)type->dims[i];
    return n;
}

static void *keep(test_arrays *t, const void *data, size_t bytes)
{
    void *copy = malloc(bytes + 1);

    assert_non_null(copy);
    assert_true(t->n_blocks < 2 * TEST_ARRAYS_MAX);
    memcpy(copy, data, bytes);
    t->blocks[t->n_blocks++] = copy;
    return copy;
}

static const char *name_next(test_arrays *t)
{
    static char name[32];

    snprintf(name, sizeof(name), "v%zu", t->n_names++);
    return name;
}

static void must(const test_arrays *t, anm_value_id v)
{
    anm_error err = { 0 };

    if (v != ANM_VALUE_NONE) return;
    anm_arrays_finish(t->program, &err);
    fail_msg("%s", err.message);
}

anm_value_id test_arrays_in(test_arrays *t, anm_dtype dtype,
                            const int64_t *dims, const void *numbers)
{
    const anm_array_type type = type_of(dtype, dims);
    anm_array_type declared = type;
    anm_array_view *view = &t->inputs[t->n_inputs++];

    for (unsigned i = 0; i < type.rank && t->open; i++)
        declared.dims[i] = -1;
    assert_true(t->n_inputs <= TEST_ARRAYS_MAX);
    view->value = anm_arrays_input(t->program, name_next(t), &declared);
    must(t, view->value);
    view->rank = type.rank;
    memcpy(view->dims, type.dims, sizeof(type.dims));
    view->data = keep(t, numbers, count(&type) * 4);
    return view->value;
}

anm_value_id test_arrays_const(test_arrays *t, anm_dtype dtype,
                               const int64_t *dims, const void *numbers)
{
    const anm_array_type type = type_of(dtype, dims);
    const size_t bytes = count(&type) * 4;
    const anm_value_id v =
        anm_arrays_const(t->program, name_next(t), &type,
                         anm_bytes_of(keep(t, numbers, bytes), bytes));

    must(t, v);
    return v;
}

anm_value_id test_arrays_node(test_arrays *t, const test_node *node)
{
    anm_array_result result = { name_next(t),
                                type_of(node->dtype, node->dims) };

    for (unsigned i = 0; i < result.type.rank && t->open; i++)
        result.type.dims[i] = -1;
    const anm_value_id v =
        anm_arrays_add(t->program, node->op, result.name, node->in, node->n,
                       &node->attr, &result, 1);
    must(t, v);
    return v;
}

void test_arrays_expect(test_arrays *t, anm_value_id v, const int64_t *dims,
                        const void *numbers)
{
    const anm_array_type type = type_of(ANM_DTYPE_F32, dims);
    anm_array_view *view = &t->expected[t->n_expected++];

    assert_true(t->n_expected <= TEST_ARRAYS_MAX);
    *view = (anm_array_view){ .value = v, .rank = type.rank };
    memcpy(view->dims, type.dims, sizeof(type.dims));
    view->data = keep(t, numbers, count(&type) * 4);
    anm_arrays_output(t->program, v);
}

anm_value_id test_arrays_gives(test_arrays *t, const test_node *node,
                               const void *numbers)
{
    const anm_value_id v = test_arrays_node(t, node);

    test_arrays_expect(t, v, node->dims, numbers);
    return v;
}

/* ---- Running ------------------------------------------------------------- */

static anm_status try_load(test_arrays *t, test_runner *r, unsigned threads,
                           anm_error *err)
{
    const anm_program program = { .arrays = t->program,
                                  .precision = ANM_PRECISION_F32 };
    const anm_load_params params = { .units = ANM_UNITS_CPU_ONLY,
                                     .threads = threads,
                                     .cpu = anm_cpu_detect() };
    const anm_section_sink sink = test_sink(&r->sections);
    anm_status status = anm_arrays_finish(t->program, err);

    r->backend = &anm_backend_cpu;
    if (!status) status = r->backend->prepare(&program, &params, &sink, err);
    if (status) return status;
    test_sections_sort(&r->sections);
    return r->backend->load(&r->runner, &program, &params, &r->sections.view,
                            err);
}

void test_arrays_load(test_arrays *t, test_runner *r, unsigned threads)
{
    anm_error err = { 0 };

    *r = (test_runner){ 0 };
    if (try_load(t, r, threads, &err)) fail_msg("%s", err.message);
}

anm_status test_arrays_run(test_arrays *t, test_runner *r, bool reset,
                           anm_array_view *outputs, anm_error *err)
{
    const anm_arrays_call call = { .inputs = t->inputs,
                                   .n_inputs = t->n_inputs,
                                   .reset_states = reset,
                                   .outputs = outputs,
                                   .n_outputs =
                                       anm_arrays_n_outputs(t->program) };
    return r->backend->run(r->runner, &call, err);
}

static void compare(const test_arrays *t, const anm_array_view *want,
                    const anm_array_view *got)
{
    const anm_array *value = anm_arrays_value(t->program, want->value);
    const double limit = t->tolerance > 0.0 ? t->tolerance : 2e-6;
    size_t n = 1;

    assert_int_equal(got->value, want->value);
    if (got->rank != want->rank)
        fail_msg("%s: rank %u, not %u", value->name, got->rank, want->rank);
    for (unsigned i = 0; i < want->rank; i++) {
        if (got->dims[i] != want->dims[i])
            fail_msg("%s: axis %u is %d, not %d", value->name, i,
                     (int)got->dims[i], (int)want->dims[i]);
        n *= (size_t)want->dims[i];
    }
    for (size_t i = 0; i < n; i++) {
        if (!anm_array_is_float(value->type.dtype)) {
            const int32_t g = ((const int32_t *)got->data)[i];
            const int32_t w = ((const int32_t *)want->data)[i];
            if (g != w) fail_msg("%s[%zu]: %d, not %d", value->name, i, g, w);
            continue;
        }
        const double g = (double)((const float *)got->data)[i];
        const double w = (double)((const float *)want->data)[i];
        if (g == w || (isnan(g) && isnan(w))) continue;
        if (!(fabs(g - w) <= limit * (1.0 + fabs(w))))
            fail_msg("%s[%zu]: %.9g, not %.9g", value->name, i, g, w);
    }
}

void test_arrays_check(test_arrays *t)
{
    anm_array_view one[TEST_ARRAYS_MAX], three[TEST_ARRAYS_MAX];
    anm_error err = { 0 };
    test_runner a, b;

    test_arrays_load(t, &a, 1);
    test_arrays_load(t, &b, 3);
    if (test_arrays_run(t, &a, true, one, &err) ||
        test_arrays_run(t, &b, true, three, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < t->n_expected; i++) {
        size_t n = 1;

        compare(t, &t->expected[i], &one[i]);
        for (unsigned j = 0; j < one[i].rank; j++)
            n *= (size_t)one[i].dims[j];
        assert_memory_equal(one[i].data, three[i].data, n * 4);
    }
    test_runner_deinit(&a);
    test_runner_deinit(&b);
}

void test_arrays_fails(test_arrays *t, anm_status expected, const char *words)
{
    anm_array_view outputs[TEST_ARRAYS_MAX];
    anm_error err = { 0 };
    test_runner r = { 0 };
    anm_status status = try_load(t, &r, 1, &err);

    if (!status) status = test_arrays_run(t, &r, true, outputs, &err);
    if (status != expected || !strstr(err.message, words))
        fail_msg("status %d, \"%s\", not \"%s\"", status, err.message, words);
    test_runner_deinit(&r);
}

/* ---- Tables -------------------------------------------------------------- */

static void add_row(test_arrays *t, const anm_value_id *given, size_t n_given,
                    const test_row *row)
{
    test_node node = {
        .op = row->op, .attr = row->attr, .dtype = row->dtype, .dims = row->dims
    };

    for (const int *in = row->in; in && *in != -1; in++) {
        assert_true(node.n < sizeof(node.in) / sizeof(*node.in));
        assert_true(*in == NOTHING || (size_t)*in < n_given);
        node.in[node.n++] = *in == NOTHING ? ANM_VALUE_NONE : given[*in];
    }
    test_arrays_gives(t, &node, row->want);
}

void test_arrays_rows(const test_given *given, size_t n_given,
                      const test_row *rows, size_t n_rows)
{
    anm_value_id ids[TEST_ARRAYS_MAX];
    test_arrays t;

    test_arrays_init(&t);
    assert_true(n_given <= TEST_ARRAYS_MAX);
    for (size_t i = 0; i < n_given; i++) {
        const test_given *g = &given[i];

        ids[i] = g->is_constant
                     ? test_arrays_const(&t, g->dtype, g->dims, g->numbers)
                     : test_arrays_in(&t, g->dtype, g->dims, g->numbers);
    }
    for (size_t i = 0; i < n_rows; i++)
        add_row(&t, ids, n_given, &rows[i]);
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}
