/* test_mlpackage_golden.c - every package is read as its makers describe it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/packages.h"

/* ---- Features ------------------------------------------------------------ */

static void check_feature(const test_package *p, const anm_feature *f,
                          const json_t *want)
{
    static const struct {
        anm_mil_type type;
        const char *name;
    } types[] = {
        { ANM_MIL_FLOAT16, "FLOAT16" },
        { ANM_MIL_FLOAT32, "FLOAT32" },
        { ANM_MIL_FLOAT64, "DOUBLE" },
        { ANM_MIL_INT32, "INT32" },
    };
    const json_t *shape = json_object_get(want, "shape");
    const char *dtype = json_string_value(json_object_get(want, "dtype"));
    const char *name = NULL;

    for (size_t i = 0; i < 4; i++)
        if (types[i].type == f->type) name = types[i].name;
    if (!name || strcmp(name, dtype) != 0)
        fail_msg("%s: %s is %s, expected %s", p->name, f->name, name, dtype);
    assert_string_equal(anm_feature_kind_name(f->kind),
                        json_string_value(json_object_get(want, "kind")));
    assert_int_equal(f->rank, json_array_size(shape));
    for (unsigned i = 0; i < f->rank; i++)
        assert_int_equal(f->dims[i],
                         json_integer_value(json_array_get(shape, i)));
    assert_int_equal(f->n_ranges,
                     json_array_size(json_object_get(want, "range")));
    assert_int_equal(f->n_shapes,
                     json_array_size(json_object_get(want, "enumerated")));
}

static void check_features(const test_package *p, const anm_feature *features,
                           size_t n, const json_t *want)
{
    if (n != json_array_size(want))
        fail_msg("%s: %zu features, expected %zu", p->name, n,
                 json_array_size(want));
    for (size_t i = 0; i < n; i++) {
        const json_t *w = json_array_get(want, i);
        const char *name = json_string_value(json_object_get(w, "name"));
        const anm_feature *f = anm_feature_find(features, n, name);

        if (!f) fail_msg("%s: no feature %s", p->name, name);
        check_feature(p, f, w);
    }
}

static void check_sets(const test_package *p, const anm_mlpackage *m)
{
    const json_t *functions = json_object_get(p->info, "functions");
    const char *name;
    json_t *want;

    json_object_foreach((json_t *)functions, name, want)
    {
        const anm_mil_function *f = anm_mlpackage_function(m, name);

        assert_non_null(f);
        check_features(p, f->features.inputs, f->features.n_inputs,
                       json_object_get(want, "inputs"));
        check_features(p, f->features.outputs, f->features.n_outputs,
                       json_object_get(want, "outputs"));
    }
    if (functions) {
        assert_string_equal(m->main->name, json_string_value(json_object_get(
                                               p->info, "default_function")));
        return;
    }
    check_features(p, m->features.inputs, m->features.n_inputs,
                   json_object_get(p->info, "inputs"));
    check_features(p, m->features.outputs, m->features.n_outputs,
                   json_object_get(p->info, "outputs"));
    check_features(p, m->features.states, m->features.n_states,
                   json_object_get(p->info, "states"));
}

/* ---- Ops ----------------------------------------------------------------- */

static void count_ops(const anm_mil_block *b, json_t *counts)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];
        const json_t *before = json_object_get(counts, op->type);

        json_object_set_new(counts, op->type,
                            json_integer(1 + json_integer_value(before)));
        for (size_t j = 0; j < op->n_blocks; j++)
            count_ops(&op->blocks[j], counts);
    }
}

/* Every constant has the elements that its type wants, all readable. */
static void check_constants(const anm_mil_block *b, double *sum)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_value *v = anm_mil_op_attribute(&b->ops[i], "val");
        double x = 0;

        if (!v) continue;
        assert_string_equal(b->ops[i].type, "const");
        assert_true(v->data.len || v->strings || !v->n);
        assert_false((uintptr_t)v->data.data % (v->in_file ? 64 : 16));
        for (uint64_t k = 0; v->type != ANM_MIL_STRING && k < v->n; k++) {
            assert_true(anm_mil_value_real(v, k, &x));
            *sum += x;
        }
        assert_false(anm_mil_value_real(v, v->n, &x));
    }
}

static void check_program(const test_package *p, const anm_mlpackage *m)
{
    json_t *counts = json_object();
    double sum = 0;

    for (size_t i = 0; i < m->n_functions; i++) {
        const anm_mil_function *f = &m->functions[i];

        count_ops(&f->block, counts);
        check_constants(&f->block, &sum);
        assert_string_equal(f->opset,
                            json_string_value(json_array_get(
                                json_object_get(p->info, "opsets"), 0)));
    }
    if (!json_equal(counts, json_object_get(p->info, "ops")))
        fail_msg("%s: ops differ", p->name);
    json_decref(counts);
}

/* ---- Refusals ------------------------------------------------------------ */

static void check_runnable(const test_package *p, const anm_mlpackage *m)
{
    const char *expect = json_string_value(json_object_get(p->ref, "expect"));
    const json_t *words =
        json_object_get(json_object_get(p->ref, "error"), "words");
    anm_error err = { 0 };
    const anm_status status = anm_mlpackage_check_runnable(m, &err);
    const char *word;
    size_t i;
    json_t *v;

    if (strcmp(expect, "refuse") != 0) {
        if (status) fail_msg("%s: %s", p->name, err.message);
        return;
    }
    assert_int_equal(status, ANM_E_UNSUPPORTED);
    json_array_foreach((json_t *)words, i, v)
    {
        word = json_string_value(v);
        if (!test_holds(err.message, word))
            fail_msg("%s: no \"%s\" in \"%s\"", p->name, word, err.message);
    }
}

static void check_package(const test_package *p, void *ctx)
{
    anm_mlpackage *m = test_open_package(p->path);

    (void)ctx;
    assert_string_equal(m->kind,
                        json_string_value(json_object_get(p->info, "kind")));
    assert_int_equal(m->spec_version, json_integer_value(json_object_get(
                                          p->info, "spec_version")));
    check_sets(p, m);
    check_program(p, m);
    check_runnable(p, m);
    anm_mlpackage_close(m);
}

static void packages_are_read_as_described(void **state)
{
    (void)state;
    const size_t n = test_each_package(check_package, NULL);

    if (!n) {
        print_message("../shared/data/coreml is not there\n");
        skip();
    }
    assert_true(n > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_are_read_as_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
