/* Unit tests of format/mlpackage_query.c: what can run here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/packages.h"
#include "support/pb_write.h"

static const char *with_op(const char *type)
{
    test_pb w = { 0 };

    test_mil_begin(&w);
    test_mil_op(&w, type);
    test_mil_arg(&w, "x", "x");
    test_mil_output(&w, "y", 11, TEST_DIMS(4));
    test_pb_end(&w);
    test_mil_end(&w);
    return test_pb_file(&w);
}

static void check_runnable(const char *path, anm_status want, const char *words)
{
    anm_mlpackage *p = test_open_package(path);
    anm_error err = { 0 };
    const anm_status status = anm_mlpackage_check_runnable(p, &err);

    assert_int_equal(status, want);
    if (status && !test_holds(err.message, words))
        fail_msg("no \"%s\" in \"%s\"", words, err.message);
    anm_mlpackage_close(p);
}

static void ops_that_never_run_here_are_named(void **state)
{
    static const char *const types[] = { "cond", "while_loop",   "lstm",
                                         "gru",  "custom_layer", "rnn" };
    (void)state;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        check_runnable(with_op(types[i]), ANM_E_UNSUPPORTED, types[i]);
    check_runnable(with_op("relu"), ANM_OK, "");
    check_runnable(test_data("coreml/refuse_cond_ios16.mlpackage"),
                   ANM_E_UNSUPPORTED, "op y of type cond");
}

static void other_kinds_of_models_are_named(void **state)
{
    static const struct {
        unsigned field;
        const char *name;
    } kinds[] = {
        { 202, "pipeline" },
        { 403, "neuralNetworkClassifier" },
        { 500, "neuralNetwork" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        test_pb w = { 0 };

        test_pb_int(&w, 1, 4);
        test_pb_begin(&w, kinds[i].field);
        test_pb_end(&w);
        check_runnable(test_pb_file(&w), ANM_E_UNSUPPORTED, kinds[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_that_never_run_here_are_named),
        cmocka_unit_test(other_kinds_of_models_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
