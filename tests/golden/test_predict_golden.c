/* test_predict_golden.c - every package gives the numbers of its reference, or
 * is refused with the words it should be.
 *
 * The files of the shared data hold tolerances that a device which rounds to
 * fp16 between operations meets. This executor keeps float32: where its makers
 * measured what that gives, the bar here is a small multiple of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/packed.h"

/* The largest error that packages of a class may have, absolute. */
typedef struct class
{
    const char *prefix;
    double most;
    size_t n;     /* outputs seen */
    double worst; /* of these */
    char where[160];
} class;

static class classes[] = {
    // Matched in order: the first prefix counts.
    { .prefix = "bert_inf_mask", .most = INFINITY },
    { .prefix = "bert_hidden_cls", .most = 5e-6 },
    { .prefix = "bert_", .most = 2e-6 },
    { .prefix = "multifunction_bert", .most = 2e-6 },
    { .prefix = "qwen_last", .most = 5e-4 },
    { .prefix = "qwen_", .most = 5e-4 },
    { .prefix = "decoder_", .most = 5e-4 },
    { .prefix = "ane_", .most = 2e-4 },
    { .prefix = "minilm_", .most = 5e-5 },
    { .prefix = "", .most = INFINITY },
};

static class *class_of(const char *name)
{
    size_t i = 0;

    while (strncmp(name, classes[i].prefix, strlen(classes[i].prefix)))
        i++;
    return &classes[i];
}

/* ---- Arrays of the reference ------------------------------------------------ */

typedef struct array {
    size_t dims[8], rank, n;
    double *values;
    float *floats;
    int32_t *ints;
} array;

static double number_of(const json_t *v)
{
    const char *word = json_string_value(v);

    if (!word) return json_number_value(v);
    if (!strcmp(word, "nan")) return NAN;
    return word[0] == '-' ? -INFINITY : INFINITY;
}

static array read_array(const json_t *o)
{
    const json_t *shape = json_object_get(o, "shape"), *v;
    array a = { .rank = json_array_size(shape), .n = 1 };
    size_t i;

    assert_true(a.rank <= 8);
    json_array_foreach(shape, i, v)
    {
        a.dims[i] = (size_t)json_integer_value(v);
        a.n *= a.dims[i];
    }
    a.values = calloc(a.n + 1, sizeof(*a.values));
    a.floats = calloc(a.n + 1, sizeof(*a.floats));
    a.ints = calloc(a.n + 1, sizeof(*a.ints));
    assert_int_equal(json_array_size(json_object_get(o, "values")), a.n);
    json_array_foreach(json_object_get(o, "values"), i, v)
    {
        a.values[i] = number_of(v);
        a.floats[i] = (float)a.values[i];
        a.ints[i] = json_is_integer(v) ? (int32_t)json_integer_value(v) : 0;
    }
    return a;
}

static void free_array(array *a)
{
    free(a->values);
    free(a->floats);
    free(a->ints);
}

/* ---- Comparing --------------------------------------------------------------- */

static double value_at(const anm_raw_array *a, size_t i)
{
    return a->floats ? (double)a->floats[i] : (double)a->ints[i];
}

static void check_cosine(const char *where, const anm_raw_array *got,
                         const array *want, double least)
{
    double dot = 0, a = 0, b = 0;

    for (size_t i = 0; i < want->n; i++) {
        const double g = value_at(got, i);
        dot += g * want->values[i];
        a += g * g;
        b += want->values[i] * want->values[i];
    }
    if (!(dot / sqrt(a * b) >= least))
        fail_msg("%s: cosine %.9f, at least %.9f", where, dot / sqrt(a * b),
                 least);
}

static void check_output(const char *where, class *c, const anm_raw_array *got,
                         const json_t *o)
{
    const json_t *t = json_object_get(o, "tolerance");
    const double abs = json_number_value(json_object_get(t, "abs"));
    const double rel = json_number_value(json_object_get(t, "rel"));
    const json_t *cos = json_object_get(t, "cos");
    array want = read_array(o);

    assert_string_equal(anm_raw_type_name(got->type),
                        json_string_value(json_object_get(o, "dtype")));
    assert_int_equal(got->rank, want.rank);
    for (size_t i = 0; i < want.rank; i++)
        assert_int_equal(got->dims[i], want.dims[i]);
    for (size_t i = 0; i < want.n; i++) {
        const double g = value_at(got, i), w = want.values[i];
        if (g == w || (isnan(g) && isnan(w))) continue;
        const double error = fabs(g - w);
        if (!(error <= abs + rel * fabs(w)))
            fail_msg("%s: element %zu is %.9g, must be %.9g", where, i, g, w);
        if (error <= c->worst) continue;
        c->worst = error;
        snprintf(c->where, sizeof(c->where), "%s", where);
    }
    if (cos) check_cosine(where, got, &want, json_number_value(cos));
    c->n++;
    free_array(&want);
}

static const anm_raw_array *find_output(const anm_raw_array *outputs, size_t n,
                                        const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(outputs[i].name, name)) return &outputs[i];
    fail_msg("no output %s", name);
    return NULL;
}

/* ---- Running ------------------------------------------------------------------ */

static anm_status run_case(anm_predictor *p, const json_t *c,
                           const anm_raw_array **outputs, size_t *n_outputs,
                           anm_error *err)
{
    const json_t *inputs = json_object_get(c, "inputs"), *o;
    anm_raw_array given[16];
    array arrays[16];
    const size_t n = json_array_size(inputs);
    size_t i;

    assert_true(n <= 16);
    json_array_foreach(inputs, i, o)
    {
        anm_raw_type type;
        assert_int_equal(
            anm_raw_type_parse(
                &type, json_string_value(json_object_get(o, "dtype")), err),
            ANM_OK);
        arrays[i] = read_array(o);
        given[i] = (anm_raw_array){
            .name = json_string_value(json_object_get(o, "name")),
            .type = type,
            .dims = arrays[i].dims,
            .rank = arrays[i].rank,
            .floats = type == ANM_RAW_INT32 ? NULL : arrays[i].floats,
            .ints = type == ANM_RAW_INT32 ? arrays[i].ints : NULL,
        };
    }
    if (json_is_true(json_object_get(c, "reset_state"))) anm_predictor_reset(p);
    const anm_status status =
        anm_predictor_run(p, json_string_value(json_object_get(c, "function")),
                          given, n, outputs, n_outputs, err);
    for (i = 0; i < n; i++)
        free_array(&arrays[i]);
    return status;
}

static void check_cases(const test_package *p, anm_predictor *predictor)
{
    class *c = class_of(p->name);
    const json_t *cases = json_object_get(p->ref, "cases"), *one, *o;
    const char *expect = json_string_value(json_object_get(p->ref, "expect"));
    size_t i, k;

    json_array_foreach(cases, i, one)
    {
        // A model of true size takes half a second a case here.
        if (i == 4 && !strncmp(p->name, "minilm_", 7)) break;
        const anm_raw_array *outputs = NULL;
        size_t n = 0;
        anm_error err = { 0 };
        const anm_status status = run_case(predictor, one, &outputs, &n, &err);
        if (status == ANM_E_DEVICE && !strcmp(expect, "run-or-nonfinite")) {
            assert_true(test_holds(err.message, "constant"));
            continue;
        }
        if (status) fail_msg("%s: case %zu: %s", p->name, i, err.message);
        json_array_foreach(json_object_get(one, "outputs"), k, o)
        {
            char where[160];
            const char *name = json_string_value(json_object_get(o, "name"));
            snprintf(where, sizeof(where), "%.60s case %zu %.60s", p->name, i,
                     name);
            check_output(where, c, find_output(outputs, n, name), o);
        }
    }
}

static void check_refused(const test_package *p, anm_status status,
                          const anm_error *err)
{
    const json_t *words =
                     json_object_get(json_object_get(p->ref, "error"), "words"),
                 *word;
    size_t i;

    assert_int_equal(status, ANM_E_UNSUPPORTED);
    json_array_foreach(words, i, word)
    {
        if (!test_holds(err->message, json_string_value(word)))
            fail_msg("%s: '%s' does not hold '%s'", p->name, err->message,
                     json_string_value(word));
    }
}

static void check_package(const test_package *p, void *ctx)
{
    anm_predictor *predictor = NULL;
    anm_options options;
    anm_error err = { 0 };
    size_t *n_run = ctx;
    const char *expect = json_string_value(json_object_get(p->ref, "expect"));

    anm_options_init(&options);
    options.model = p->path;
    options.threads = 1;
    const anm_status status = anm_predictor_open(&predictor, &options, &err);
    if (!strcmp(expect, "refuse")) {
        check_refused(p, status, &err);
        return;
    }
    if (status) fail_msg("%s: %s", p->name, err.message);
    check_cases(p, predictor);
    anm_predictor_close(predictor);
    (*n_run)++;
}

static void report(void)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        const class *c = &classes[i];
        if (c->n)
            print_message("%-20s %4zu outputs, worst %.3g (%s), bar %g\n",
                          c->prefix, c->n, c->worst, c->where, c->most);
        if (c->worst > c->most)
            fail_msg("%s: %.3g in %s, at most %g", c->prefix, c->worst,
                     c->where, c->most);
    }
}

static void every_package_gives_its_reference(void **state)
{
    size_t n_run = 0;
    (void)state;

    if (!test_each_package(check_package, &n_run)) {
        print_message("skipped: there is no ../shared/data/coreml\n");
        skip();
    }
    print_message("%zu packages run\n", n_run);
    report();
}

static void every_committed_package_gives_its_reference(void **state)
{
    size_t n_run = 0;
    (void)state;

    assert_int_equal(test_each_packed(check_package, &n_run), 78);
    report();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_committed_package_gives_its_reference),
        cmocka_unit_test(every_package_gives_its_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
