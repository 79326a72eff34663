/* Unit tests of format/mlpackage_model.c: containers, and how the description
 * fits the program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "support/packages.h"
#include "support/pb_write.h"

static void check_refused(const char *path, anm_status want, const char *words)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };

    assert_int_equal(anm_mlpackage_open(&p, path, &err), want);
    assert_null(p);
    if (!test_holds(err.message, words))
        fail_msg("no \"%s\" in \"%s\"", words, err.message);
}

static void committed_packages_are_read(void **state)
{
    (void)state;
    anm_mlpackage *p =
        test_open_package(test_data("coreml/immediate_only_ios16.mlpackage/"));

    assert_int_equal(p->container, ANM_MLPACKAGE_FOLDER);
    assert_string_equal(p->kind, "mlProgram");
    assert_int_equal(p->spec_version, 7);
    assert_int_equal(p->n_files, 1);
    assert_int_equal(p->main->block.n_ops, 3);
    assert_int_equal(anm_mlpackage_check_runnable(p, NULL), ANM_OK);
    anm_mlpackage_close(p);

    p = test_open_package(
        test_data("coreml/op_constexpr_n8_ios18_fp16.mlpackage"));
    assert_int_equal(p->n_files, 2);
    assert_int_equal(p->bytes,
                     p->files[0].map.bytes.len + p->files[1].map.bytes.len);
    anm_mlpackage_close(p);

    p = test_open_package(test_data("coreml/op_state_ios18.mlpackage"));
    assert_true(p->features.n_states > 0);
    anm_mlpackage_close(p);
}

static void a_bare_model_is_read(void **state)
{
    (void)state;
    anm_mlpackage *p = test_open_package(
        test_data("coreml/immediate_only_ios16.mlpackage/Data/com.apple.CoreML/"
                  "model.mlmodel"));

    assert_int_equal(p->container, ANM_MLPACKAGE_FILE);
    assert_int_equal(anm_mlpackage_check_runnable(p, NULL), ANM_OK);
    anm_mlpackage_close(p);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    char path[4096];

    snprintf(path, sizeof(path), "%s/none.mlpackage", test_temp_folder());
    check_refused(path, ANM_E_NOTFOUND, "none.mlpackage");
    check_refused(test_temp_folder(), ANM_E_NOTFOUND, "Manifest.json");
}

/* ---- Model --------------------------------------------------------------- */

static void the_model_must_say_what_it_is(void **state)
{
    (void)state;
    test_pb w = { 0 };

    check_refused(test_pb_file(&w), ANM_E_FORMAT, "no model of a known kind");
    test_pb_int(&w, 1, 4);
    test_pb_begin(&w, 500);
    test_pb_end(&w);
    test_pb_begin(&w, 202);
    test_pb_end(&w);
    check_refused(test_pb_file(&w), ANM_E_FORMAT, "neuralNetwork and pipeline");
    test_pb_int(&w, 1, 11);
    check_refused(test_pb_file(&w), ANM_E_UNSUPPORTED, "version 11");
    test_pb_begin(&w, 500);
    test_pb_end(&w);
    check_refused(test_pb_file(&w), ANM_E_FORMAT, "version 0");
}

/* A program of functions that return their input x, and a description that
 * the caller writes before. */
static void function(test_pb *w, const char *name)
{
    test_pb_entry(w, 2, name);
    test_mil_var(w, 1, "x", 11, TEST_DIMS(4));
    test_pb_text(w, 2, "CoreML8");
    test_pb_entry(w, 3, "CoreML8");
    test_mil_relu(w, "x", "y");
    test_pb_text(w, 2, "y");
    for (int i = 0; i < 4; i++)
        test_pb_end(w);
}

static void described(test_pb *w, const char *name)
{
    test_pb_begin(w, 20);
    test_pb_text(w, 1, name);
    test_mil_feature(w, 2, "x", 0x10020, TEST_DIMS(4));
    test_mil_feature(w, 3, "y", 0x10020, TEST_DIMS(4));
    test_pb_end(w);
}

static void begin_two(test_pb *w)
{
    test_pb_int(w, 1, 9);
    test_pb_begin(w, 502);
    function(w, "b");
    function(w, "a");
    test_pb_end(w);
    test_pb_begin(w, 2);
}

static void functions_are_found_by_name(void **state)
{
    (void)state;
    test_pb w = { 0 };

    begin_two(&w);
    described(&w, "a");
    described(&w, "b");
    test_pb_text(&w, 21, "b");
    test_pb_end(&w);
    anm_mlpackage *p = test_open_package(test_pb_file(&w));
    assert_int_equal(p->n_functions, 2);
    assert_string_equal(p->functions[0].name, "a");
    assert_ptr_equal(p->main, anm_mlpackage_function(p, "b"));
    assert_int_equal(p->functions[0].features.n_inputs, 1);
    assert_ptr_equal(p->features.inputs, p->main->features.inputs);
    assert_null(anm_mlpackage_function(p, "c"));
    const anm_mil_function *found = NULL;
    anm_error err;
    assert_int_equal(anm_mlpackage_find_function(p, NULL, &found, &err),
                     ANM_OK);
    assert_ptr_equal(found, p->main);
    assert_int_equal(anm_mlpackage_find_function(p, "c", &found, &err),
                     ANM_E_NOTFOUND);
    assert_string_equal(err.message, "no function c; there are: a, b");
    anm_mlpackage_close(p);
}

static void functions_and_descriptions_must_agree(void **state)
{
    (void)state;
    test_pb w = { 0 };

    begin_two(&w);
    described(&w, "a");
    test_pb_text(&w, 21, "a");
    test_pb_end(&w);
    check_refused(test_pb_file(&w), ANM_E_FORMAT,
                  "function b is not in the description");

    begin_two(&w);
    described(&w, "a");
    described(&w, "b");
    described(&w, "c");
    test_pb_text(&w, 21, "a");
    test_pb_end(&w);
    check_refused(test_pb_file(&w), ANM_E_FORMAT,
                  "a function c that the program lacks");

    begin_two(&w);
    described(&w, "a");
    described(&w, "b");
    test_pb_end(&w);
    check_refused(test_pb_file(&w), ANM_E_FORMAT,
                  "default function main is none of the 2 functions");

    test_pb_int(&w, 1, 9);
    test_pb_begin(&w, 502);
    function(&w, "a");
    function(&w, "a");
    test_pb_end(&w);
    check_refused(test_pb_file(&w), ANM_E_FORMAT, "two functions named a");
}

/* A model whose description has one input and one output of these names. */
static const char *with_features(test_pb *w, const char *input,
                                 const char *output)
{
    test_pb_int(w, 1, 9);
    test_pb_begin(w, 2);
    if (input) test_mil_feature(w, 1, input, 0x10020, TEST_DIMS(4));
    test_mil_feature(w, 10, output, 0x10020, TEST_DIMS(4));
    test_pb_end(w);
    test_pb_begin(w, 502);
    function(w, "main");
    test_pb_end(w);
    return test_pb_file(w);
}

static void features_and_inputs_must_agree(void **state)
{
    (void)state;
    test_pb w = { 0 };

    check_refused(with_features(&w, "z", "y"), ANM_E_FORMAT,
                  "input z that function main lacks");
    check_refused(with_features(&w, "x", "z"), ANM_E_FORMAT,
                  "output z that function main lacks");
    check_refused(with_features(&w, NULL, "y"), ANM_E_FORMAT,
                  "an input x that the description lacks");
    anm_mlpackage_close(test_open_package(with_features(&w, "x", "y")));
}

/* ---- Memory -------------------------------------------------------------- */

/* Open what is to be refused, and hold it to the budget. */
static void check_budget(const char *path, size_t size)
{
    anm_alloc_stats before, after;
    anm_mlpackage *p = NULL;

    anm_alloc_stats_read(&before);
    const anm_status status = anm_mlpackage_open(&p, path, NULL);
    anm_alloc_stats_read(&after);
    assert_true(after.bytes_peak - before.bytes_live < size + (64u << 20));
    anm_mlpackage_close(p);
    assert_int_equal(status, ANM_E_LIMIT);
}

static void many_small_ops_stay_in_the_budget(void **state)
{
    (void)state;
    enum { N = 400 * 1000 };
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_relu(&w, "x", "y");
    for (int i = 0; i < N; i++)
        test_pb_bytes(&w, 3, "\x0a\x01p", 3); // an op of type "p"
    test_mil_end(&w);
    check_budget(test_pb_file(&w), N * 5);
}

static void packed_numbers_stay_in_the_budget(void **state)
{
    (void)state;
    enum { N = 13 << 19 };
    static const char zeros[N];
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_const(&w, "c", 24, TEST_DIMS(N), 5);
    test_pb_bytes(&w, 1, zeros, N);
    test_mil_const_end(&w);
    test_mil_relu(&w, "x", "y");
    test_mil_end(&w);
    check_budget(test_pb_file(&w), N);
}

static void containers_are_recognised(void **state)
{
    (void)state;

    assert_true(anm_mlpackage_is("a/b.mlpackage/"));
    assert_true(anm_mlpackage_is("b.mlmodelc"));
    assert_true(anm_mlpackage_is("b.mlmodel"));
    assert_false(anm_mlpackage_is("b.gguf"));
    assert_false(anm_mlpackage_is(test_data("tiny-bert-mean")));
    assert_true(
        anm_mlpackage_is(test_data("coreml/op_state_ios18.mlpackage/.")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_packages_are_read),
        cmocka_unit_test(a_bare_model_is_read),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(the_model_must_say_what_it_is),
        cmocka_unit_test(functions_are_found_by_name),
        cmocka_unit_test(functions_and_descriptions_must_agree),
        cmocka_unit_test(features_and_inputs_must_agree),
        cmocka_unit_test(many_small_ops_stay_in_the_budget),
        cmocka_unit_test(packed_numbers_stay_in_the_budget),
        cmocka_unit_test(containers_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
