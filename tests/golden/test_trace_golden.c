/* test_trace_golden.c - models as the original runs them: every step of the
 * tiny models, every vector of the real one, at every level.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"
#include "support/support.h"

#include "base/clock.h"
#include "graph/pass.h"
#include "model/source.h"

#undef malloc
#undef calloc
#undef realloc

enum { MOST = 512 };

/* ---- A model on the cpu backend ------------------------------------------ */

typedef struct model {
    anm_source *source;
    anm_graph *graph;
    anm_program program;
    test_runner runner;
} model;

static void model_init(model *m, const char *folder, unsigned passes,
                       unsigned threads, unsigned cpu)
{
    anm_error err;

    if (anm_source_open(&m->source, folder, NULL, &err) ||
        anm_source_build(m->source, &m->graph, &err) ||
        anm_graph_optimize(m->graph, passes, &err))
        fail_msg("%s: %s", folder, err.message);
    m->program = test_program(m->graph, m->source->recipe.max_tokens);
    test_runner_init(&m->runner, &m->program, threads, cpu);
}

static void model_deinit(model *m)
{
    test_runner_deinit(&m->runner);
    anm_graph_free(m->graph);
    anm_source_close(m->source);
}

/* ---- Traces -------------------------------------------------------------- */

/* The goldens list the last norm of a layer twice; in the graph it is the
 * layer's value. */
static const char *value_name(const char *step)
{
    static char name[64];
    const char *end = strstr(step, ".output.LayerNorm");

    if (!end || strstr(step, ".attention.")) return step;
    snprintf(name, sizeof(name), "%.*s", (int)(end - step), step);
    return name;
}

/* Off by at most 1e-5 of the step's largest value, the bar of the goldens. */
static void compare_step(const char *path, const anm_tap *tap)
{
    size_t bytes = 0;
    char *data = test_read(path, &bytes);
    double most = 0.0, worst = 0.0;

    assert_int_equal(bytes, tap->n * sizeof(float));
    for (size_t i = 0; i < tap->n; i++) {
        float expected;
        memcpy(&expected, data + i * sizeof(expected), sizeof(expected));
        most = fmax(most, fabs((double)expected));
        worst = fmax(worst, fabs((double)expected - (double)tap->out[i]));
    }
    if (!(worst <= 1e-5 * most))
        fail_msg("%s: off by %g of %g", path, worst, most);
    free(data);
}

/* Compare one step; false when the passes left no value of this name. */
static bool check_step(model *m, const char *golden, const json_t *step,
                       const anm_input *input)
{
    const char *value =
        value_name(json_string_value(json_object_get(step, "name")));
    static float out[MOST * 512], vector[1024];
    anm_tap tap = { .name = value, .out = out, .cap = MOST * 512 };
    const anm_call call = { .inputs = input,
                            .n_inputs = 1,
                            .vectors = vector,
                            .taps = &tap,
                            .n_taps = 1 };
    uint64_t bind_ns;
    anm_error err;
    char path[4352];

    if (anm_graph_find(m->graph, value) == ANM_VALUE_NONE) return false;
    if (anm_backend_cpu.predict(m->runner.runner, &call, &bind_ns, &err))
        fail_msg("%s", err.message);
    snprintf(path, sizeof(path), "%s/trace/%s", golden,
             json_string_value(json_object_get(step, "file")));
    compare_step(path, &tap);
    return true;
}

/* At least `least` steps of the trace in a folder of goldens. */
static void check_trace(const char *folder, const char *golden, unsigned passes,
                        unsigned cpu, size_t least)
{
    int32_t ids[MOST], mask[MOST];
    char path[4352];
    json_error_t e;
    model m;
    size_t n_checked = 0;

    snprintf(path, sizeof(path), "%s/trace/trace.json", golden);
    json_t *trace = json_load_file(path, 0, &e);
    if (!trace) fail_msg("%s: %s", path, e.text);
    const json_t *list = json_object_get(trace, "ids");
    const json_t *steps = json_object_get(trace, "steps");
    const anm_input input = { ids, mask, json_array_size(list) };

    assert_in_range(input.len, 1, MOST);
    for (size_t i = 0; i < input.len; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
        mask[i] = 1;
    }
    model_init(&m, folder, passes, 2, cpu);
    for (size_t i = 0; i < json_array_size(steps); i++)
        n_checked += check_step(&m, golden, json_array_get(steps, i), &input);
    if (n_checked < least)
        fail_msg("%s: %zu steps found, %zu expected", path, n_checked, least);
    model_deinit(&m);
    json_decref(trace);
}

/* With and without the passes, which fold some steps into others. */
static void check_traces(const char *folder, const char *golden)
{
    unsigned masks[16];
    const size_t n = test_levels(masks);

    for (size_t i = 0; i < n; i++) {
        check_trace(folder, golden, 0, masks[i], 14);
        check_trace(folder, golden, ANM_PASS_ALL, masks[i], 8);
    }
}

static void every_step_of_the_tiny_models_is_the_originals(void **state)
{
    (void)state;
    check_traces(test_data("tiny-bert-mean"),
                 test_data("tiny-bert-mean/golden"));
    check_traces(test_data("tiny-bert-cls"), test_data("tiny-bert-cls/golden"));
    check_traces(test_data("tiny-qwen3"), test_data("tiny-qwen3/golden"));
}

static void every_step_of_the_real_model_is_the_originals(void **state)
{
    const char *golden = test_shared("golden/all-MiniLM-L6-v2");

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); // a minute here; the optimised run takes it
#endif
    if (!test_minilm() || !golden) {
        print_message("needs ANM_TEST_MINILM and "
                      "../shared/data/golden/all-MiniLM-L6-v2\n");
        skip();
    }
    check_traces(test_minilm(), golden);
}

/* ---- Vectors ------------------------------------------------------------- */

/* The goldens of one model: ids and what came out. */
typedef struct golden {
    int32_t *ids, *mask; /* all texts, one after the other */
    size_t n_ids, cap;
    anm_input inputs[512];
    size_t starts[512];
    size_t n;
    float *vectors; /* [n, dim] */
} golden;

static void add_text(void *ctx, size_t i, const json_t *line)
{
    golden *g = ctx;
    const json_t *ids = json_object_get(line, "ids_model");

    if (!ids) ids = json_object_get(line, "ids");
    const size_t n = json_array_size(ids);
    assert_true(i < 512 && n > 0);
    if (g->n_ids + n > g->cap) {
        g->cap = 2 * (g->n_ids + n);
        g->ids = realloc(g->ids, g->cap * sizeof(*g->ids));
        g->mask = realloc(g->mask, g->cap * sizeof(*g->mask));
        assert_true(g->ids && g->mask);
    }
    g->starts[i] = g->n_ids;
    for (size_t j = 0; j < n; j++, g->n_ids++) {
        g->ids[g->n_ids] = (int32_t)json_integer_value(json_array_get(ids, j));
        g->mask[g->n_ids] = 1;
    }
    g->inputs[i].len = n;
    g->n = i + 1;
}

static void golden_init(golden *g, const char *ids, const char *vectors,
                        size_t dim)
{
    size_t bytes = 0;

    *g = (golden){ 0 };
    test_each_line(ids, add_text, g);
    for (size_t i = 0; i < g->n; i++) {
        g->inputs[i].ids = g->ids + g->starts[i];
        g->inputs[i].mask = g->mask + g->starts[i];
    }
    g->vectors = (void *)test_read(vectors, &bytes);
    assert_int_equal(bytes, g->n * dim * sizeof(float));
}

static void golden_deinit(golden *g)
{
    free(g->ids);
    free(g->mask);
    free(g->vectors);
}

/* The bar of the data's README for two honest float32 implementations. */
static void compare_vector(const float *x, const float *y, size_t dim,
                           size_t text)
{
    double worst = 0.0, xy = 0.0, xx = 0.0, yy = 0.0;

    for (size_t j = 0; j < dim; j++) {
        worst = fmax(worst, fabs((double)x[j] - (double)y[j]));
        xy += (double)x[j] * (double)y[j];
        xx += (double)x[j] * (double)x[j];
        yy += (double)y[j] * (double)y[j];
    }
    const double off = 1.0 - xy / sqrt(xx * yy);
    if (!(worst <= 2e-6 && off <= 1e-9))
        fail_msg("text %zu: off by %g, 1 - cos %g", text, worst, off);
}

/* Texts to step over so that all of them take about a second at a level:
 * test_vectors_golden takes every text. */
#define MOST_MS 1000.0

static size_t find_stride(model *m, const golden *g, const char *level)
{
    float *vector = calloc(m->program.dim, sizeof(*vector));
    const uint64_t start = anm_now_ns();

    test_predict(&m->runner, &g->inputs[0], 1, vector);
    free(vector);
    const double ms = (double)(anm_now_ns() - start) / 1e6 * (double)g->n_ids /
                      (double)g->inputs[0].len;
    const size_t stride = 1 + (size_t)(2.0 * ms / MOST_MS);
    if (stride > 1)
        print_message("%s is slow here: every %zu. of %zu texts\n", level,
                      stride, g->n);
    return stride;
}

/* Texts alone, then in one call, which must give the same bits. */
static void check_vectors(model *m, const golden *g, size_t stride)
{
    const size_t dim = m->program.dim;
    float *alone = calloc(g->n * dim, sizeof(*alone));
    float *together = calloc(g->n * dim, sizeof(*together));
    anm_input inputs[512];
    size_t n = 0;

    for (size_t i = 0; i < g->n; i += stride, n++) {
        inputs[n] = g->inputs[i];
        test_predict(&m->runner, &inputs[n], 1, alone + n * dim);
        compare_vector(alone + n * dim, g->vectors + i * dim, dim, i);
    }
    test_predict(&m->runner, inputs, n, together);
    assert_memory_equal(alone, together, n * dim * sizeof(*alone));
    free(alone);
    free(together);
}

static void check_model(const char *folder, const char *ids,
                        const char *vectors)
{
    unsigned masks[16];
    const size_t n = test_levels(masks);
    golden g;

    for (size_t i = 0; i < n; i++) {
        model m;

        model_init(&m, folder, ANM_PASS_ALL, 2, masks[i]);
        golden_init(&g, ids, vectors, m.program.dim);
        check_vectors(&m, &g,
                      find_stride(&m, &g, anm_cpu_level_name(masks[i])));
        golden_deinit(&g);
        model_deinit(&m);
    }
}

static void vectors_of_the_tiny_models_are_the_originals(void **state)
{
    static const char *const names[] = { "tiny-bert-mean", "tiny-bert-cls",
                                         "tiny-qwen3" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char ids[512], vectors[512];

        snprintf(ids, sizeof(ids), "%s/golden/ids.jsonl", test_data(names[i]));
        snprintf(vectors, sizeof(vectors), "%s/golden/vectors.f32",
                 test_data(names[i]));
        check_model(test_data(names[i]), ids, vectors);
    }
}

static void vectors_of_the_real_model_are_the_originals(void **state)
{
    char ids[4096], vectors[4096];
    const char *data = test_shared("golden/all-MiniLM-L6-v2");

    (void)state;
    if (!test_minilm() || !data) {
        print_message("needs ANM_TEST_MINILM and "
                      "../shared/data/golden/all-MiniLM-L6-v2\n");
        skip();
    }
    snprintf(ids, sizeof(ids), "%s/ids.jsonl", data);
    snprintf(vectors, sizeof(vectors), "%s/vectors.f32", data);
    check_model(test_minilm(), ids, vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_of_the_tiny_models_is_the_originals),
        cmocka_unit_test(every_step_of_the_real_model_is_the_originals),
        cmocka_unit_test(vectors_of_the_tiny_models_are_the_originals),
        cmocka_unit_test(vectors_of_the_real_model_are_the_originals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
