/* The doctor asked through anemone.h: names, a run that is stopped, arguments.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/models.h"

static json_t *take_document(char *json)
{
    json_t *doc = json_loads(json, 0, NULL);

    anm_free(json);
    assert_non_null(doc);
    return doc;
}

static bool stop_at_once(void *ctx)
{
    (void)ctx;
    return true;
}

static void names_are_those_of_the_table(void **state)
{
    const char *const *names = anm_doctor_experiments();
    size_t n = 0;
    (void)state;

    for (; names[n]; n++)
        assert_true(strspn(names[n], "abcdefghijklmnopqrstuvwxyz_") ==
                    strlen(names[n]));
    assert_int_equal(n, 23);
    assert_string_equal(names[0], "cached_handle");
}

static void stopped_run_lists_every_experiment(void **state)
{
    const anm_options options = test_options("tiny-bert-mean");
    const anm_doctor_params params = { .quick = true,
                                       .settings = "[{\"name\":\"x\"}]",
                                       .stop = stop_at_once };
    char *json;
    size_t n_findings = 9;
    anm_error err;
    (void)state;

    assert_int_equal(anm_doctor(&options, &params, &json, &n_findings, &err),
                     ANM_OK);
    json_t *doc = take_document(json);
    assert_true(json_is_true(json_object_get(doc, "interrupted")));
    assert_int_equal(json_array_size(json_object_get(doc, "experiments")), 23);
    assert_int_equal(json_array_size(json_object_get(doc, "hypotheses")), 4);
    assert_int_equal(json_array_size(json_object_get(doc, "settings")), 1);
    assert_int_equal(json_array_size(json_object_get(doc, "findings")),
                     n_findings);
    json_decref(doc);
}

static void wrong_arguments_are_refused(void **state)
{
    const anm_options options = test_options("tiny-bert-mean"), none = { 0 };
    const anm_doctor_params params = { .experiment = "nothing" };
    char *json = NULL;
    anm_error err;
    (void)state;

    assert_int_equal(anm_doctor(&options, &params, &json, NULL, &err),
                     ANM_E_ARG);
    assert_non_null(strstr(err.message, "overhead"));
    assert_int_equal(anm_doctor(&none, NULL, &json, NULL, &err), ANM_E_ARG);
    assert_int_equal(anm_doctor(&options, NULL, NULL, NULL, &err), ANM_E_ARG);
    assert_int_equal(anm_doctor_receipts(NULL, NULL, &json, NULL, &err),
                     ANM_E_ARG);
    assert_int_equal(
        anm_doctor_receipts("/no/such/log", NULL, &json, NULL, &err),
        ANM_E_NOTFOUND);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_table),
        cmocka_unit_test(stopped_run_lists_every_experiment),
        cmocka_unit_test(wrong_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
