/* test_arrays_golden.c - every operation means what its package says: nothing is
 * fused here, so that each node is one operation of the file. With everything
 * fused, and through the library, test_predict_golden.c asks the same packages.
 *
 * The bar is the tolerance of the file and, where arithmetic is float32 between
 * the operations, the tighter one of the data's README.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "model/mil.h"
#include "support/packages.h"
#include "support/program.h"

/* ---- Numbers of the references ------------------------------------------- */

static double number_of(const json_t *v)
{
    const char *word = json_string_value(v);

    if (!word) return json_number_value(v);
    if (strcmp(word, "inf") == 0) return (double)INFINITY;
    return strcmp(word, "-inf") == 0 ? -(double)INFINITY : (double)NAN;
}

static bool is_float_name(const json_t *array)
{
    return strncmp(json_string_value(json_object_get(array, "dtype")), "FLOAT",
                   5) == 0;
}

static size_t shape_of(const json_t *array, unsigned *rank,
                       int64_t dims[ANM_RANK_MAX])
{
    const json_t *shape = json_object_get(array, "shape");
    size_t n = 1;

    *rank = (unsigned)json_array_size(shape);
    for (unsigned i = 0; i < *rank; i++) {
        dims[i] = json_integer_value(json_array_get(shape, i));
        n *= (size_t)dims[i];
    }
    return n;
}

/* One package that is wrong does not hide the others. */
static size_t n_wrong;

ANM_PRINTF(1, 2)
static bool wrong(const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_error("%s\n", text);
    n_wrong++;
    return false;
}

/* ---- One run ------------------------------------------------------------- */

enum {
    ARRAYS_MAX = 64,
    CASES_MAX = 5, /* of one package: a real one has twenty texts of 128 */
};

typedef struct machine {
    const test_package *package;
    const char *function;
    anm_arrays *arrays;
    anm_mil_constants *constants;
    test_runner runner;
    size_t n_nodes;
    double worst; /* largest |got - want| of a float */
} machine;

static void fill_input(const machine *m, const json_t *array,
                       anm_array_view *view, void *cells)
{
    const json_t *values = json_object_get(array, "values");
    const size_t n = shape_of(array, &view->rank, view->dims);
    const char *name = json_string_value(json_object_get(array, "name"));

    view->value = anm_arrays_find(m->arrays, name);
    view->data = cells;
    for (size_t i = 0; i < n; i++) {
        const double v = number_of(json_array_get(values, i));

        if (is_float_name(array))
            ((float *)cells)[i] = (float)v;
        else
            ((int32_t *)cells)[i] = (int32_t)v;
    }
}

static bool compare(machine *m, const json_t *want, const anm_array_view *got)
{
    const json_t *values = json_object_get(want, "values");
    const json_t *limits = json_object_get(want, "tolerance");
    const double abs = json_number_value(json_object_get(limits, "abs"));
    const double rel = json_number_value(json_object_get(limits, "rel"));
    const char *name = json_string_value(json_object_get(want, "name"));
    const bool is_float =
        anm_array_is_float(anm_arrays_value(m->arrays, got->value)->type.dtype);
    int64_t dims[ANM_RANK_MAX] = { 0 };
    unsigned rank = 0;
    const size_t n = shape_of(want, &rank, dims);

    if (rank != got->rank || memcmp(dims, got->dims, rank * sizeof(*dims)) != 0)
        return wrong("%s: %s has another shape", m->package->name, name);
    for (size_t i = 0; i < n; i++) {
        const double w = number_of(json_array_get(values, i));
        const double g = is_float ? (double)((const float *)got->data)[i]
                                  : (double)((const int32_t *)got->data)[i];

        if (g == w || (isnan(g) && isnan(w))) continue;
        if (fabs(g - w) > m->worst) m->worst = fabs(g - w);
        if (!(fabs(g - w) <= abs + rel * fabs(w)))
            return wrong("%s: %s[%zu] is %.9g, not %.9g", m->package->name,
                         name, i, g, w);
    }
    return true;
}

static const anm_array_view *find_output(const machine *m,
                                         const anm_array_view *views, size_t n,
                                         const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(anm_arrays_value(m->arrays, views[i].value)->name, name) ==
            0)
            return &views[i];
    }
    fail_msg("%s: no output %s", m->package->name, name);
    return NULL;
}

static void run_case(machine *m, const json_t *c)
{
    const json_t *inputs = json_object_get(c, "inputs"), *want;
    const json_t *reset = json_object_get(c, "reset_state");
    const size_t n_inputs = json_array_size(inputs);
    const size_t n_outputs = anm_arrays_n_outputs(m->arrays);
    anm_array_view in[ARRAYS_MAX], out[ARRAYS_MAX];
    void *cells[ARRAYS_MAX];
    anm_error err = { 0 };
    size_t i;

    assert_true(n_inputs <= ARRAYS_MAX && n_outputs <= ARRAYS_MAX);
    for (i = 0; i < n_inputs; i++) {
        unsigned rank = 0;
        int64_t dims[ANM_RANK_MAX];
        const json_t *array = json_array_get(inputs, i);

        cells[i] = calloc(shape_of(array, &rank, dims) + 1, 4);
        fill_input(m, array, &in[i], cells[i]);
    }
    const anm_arrays_call call = { .inputs = in,
                                   .n_inputs = n_inputs,
                                   .reset_states = !json_is_false(reset),
                                   .outputs = out,
                                   .n_outputs = n_outputs };
    const json_t *outputs = json_object_get(c, "outputs");
    if (m->runner.backend->run(m->runner.runner, &call, &err)) {
        wrong("%s: %s", m->package->name, err.message);
        outputs = NULL;
    }
    json_array_foreach(outputs, i, want)
    {
        const char *name = json_string_value(json_object_get(want, "name"));
        compare(m, want, find_output(m, out, n_outputs, name));
    }
    for (i = 0; i < n_inputs; i++)
        free(cells[i]);
}

/* ---- One package --------------------------------------------------------- */

/* As test_runner_init(), which ends the test when something is wrong. */
static bool prepare(machine *m, const anm_program *program)
{
    const anm_load_params params = { .units = ANM_UNITS_CPU_ONLY,
                                     .threads = 1,
                                     .cpu = anm_cpu_detect() };
    const anm_section_sink sink = test_sink(&m->runner.sections);
    anm_error err = { 0 };

    if (anm_backend_cpu.prepare(program, &params, &sink, &err))
        return wrong("%s: %s", m->package->name, err.message);
    test_sections_sort(&m->runner.sections);
    if (anm_backend_cpu.load(&m->runner.runner, program, &params,
                             &m->runner.sections.view, &err))
        return wrong("%s: %s", m->package->name, err.message);
    return true;
}

static bool load(machine *m, const anm_mlpackage *p, const char *function)
{
    const anm_mil_function *f = anm_mlpackage_function(p, function);
    anm_error err = { 0 };

    m->function = function;
    if (!f) f = p->main;
    if (anm_mil_constants_new(&m->constants, f, &err) ||
        anm_mil_translate(&m->arrays, f, m->constants, NULL, &err))
        return wrong("%s: %s", m->package->name, err.message);
    m->n_nodes = anm_arrays_n_nodes(m->arrays);
    const anm_program program = { .arrays = m->arrays,
                                  .precision = ANM_PRECISION_F32 };
    return prepare(m, &program);
}

static void unload(machine *m)
{
    test_runner_deinit(&m->runner);
    m->runner = (test_runner){ .backend = &anm_backend_cpu };
    anm_arrays_free(m->arrays);
    anm_mil_constants_free(m->constants);
    m->arrays = NULL;
    m->constants = NULL;
}

/* The bar of arithmetic in float32; 0: that of the file. */
static double tight_bar(const char *name)
{
    if (strncmp(name, "bert_inf", 8) == 0) return 0.0;
    if (strncmp(name, "bert_hidden", 11) == 0) return 1e-5;
    if (strncmp(name, "bert_", 5) == 0) return 2e-6;
    if (strncmp(name, "qwen_", 5) == 0) return 5e-4;
    return 0.0;
}

static void check_package(const test_package *p, void *ctx)
{
    const char *expect = json_string_value(json_object_get(p->ref, "expect"));
    const char *only = getenv("ANM_TEST_PACKAGE");
    machine m = { .package = p, .runner = { .backend = &anm_backend_cpu } };
    const json_t *c;
    size_t i;

    (void)ctx;
    if (!expect || strcmp(expect, "run") != 0) return;
    if (only && !strstr(p->name, only)) return;
    anm_mlpackage *package = test_open_package(p->path);
    json_array_foreach(json_object_get(p->ref, "cases"), i, c)
    {
        if (i == CASES_MAX) break;
        const json_t *name = json_object_get(c, "function");
        const char *function = name ? json_string_value(name) : "main";

        if (!m.arrays || strcmp(m.function, function) != 0) {
            unload(&m);
            if (!load(&m, package, function)) break;
        }
        run_case(&m, c);
    }
    unload(&m);
    anm_mlpackage_close(package);
    if (only)
        print_message("%s: %zu nodes, off by %.3g\n", p->name, m.n_nodes,
                      m.worst);
    if (tight_bar(p->name) > 0.0 && m.worst > tight_bar(p->name))
        wrong("%s: off by %.3g, the bar is %.3g", p->name, m.worst,
              tight_bar(p->name));
}

static void packages_give_their_references(void **state)
{
    (void)state;
    if (test_each_package(check_package, NULL) == 0) {
        print_message("no ../shared/data/coreml\n");
        skip();
    }
    assert_int_equal(n_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_give_their_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
