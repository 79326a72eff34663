/* A folder as a function of arrays: the ids that the mask keeps, and no other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/support.h"

static anm_predictor *open_folder(void)
{
    anm_options o;
    anm_predictor *p = NULL;
    anm_error err;

    anm_options_init(&o);
    o.model = test_data("tiny-bert-mean");
    o.cache_dir = "";
    if (anm_predictor_open(&p, &o, &err)) fail_msg("%s", err.message);
    return p;
}

static anm_status run(anm_predictor *p, const int32_t *ids, const int32_t *mask,
                      size_t n, float *out, anm_error *err)
{
    const size_t dims[] = { 1, n };
    const anm_raw_array given[] = {
        { "mask", ANM_RAW_INT32, dims, 2, NULL, mask },
        { "ids", ANM_RAW_INT32, dims + 1, 1, NULL, ids },
    };
    const anm_raw_array *outputs;
    size_t n_outputs;
    const anm_status status =
        anm_predictor_run(p, NULL, mask ? given : given + 1, mask ? 2 : 1,
                          &outputs, &n_outputs, err);

    if (status) return status;
    assert_int_equal(n_outputs, 1);
    assert_string_equal(outputs[0].name, "vector");
    memcpy(out, outputs[0].floats, 8 * sizeof(*out));
    return ANM_OK;
}

static void masked_ids_do_not_exist(void **state)
{
    static const int32_t whole[] = { 2, 0, 30, 31, 0, 3 };
    static const int32_t mask[] = { 1, 0, 1, 1, 0, 1 };
    static const int32_t kept[] = { 2, 30, 31, 3 };
    anm_predictor *p = open_folder();
    float a[8], b[8];
    anm_error err;
    (void)state;

    assert_int_equal(run(p, whole, mask, 6, a, &err), ANM_OK);
    assert_int_equal(run(p, kept, NULL, 4, b, &err), ANM_OK);
    assert_memory_equal(a, b, sizeof(a));
    anm_predictor_close(p);
}

static void what_is_no_text_is_refused(void **state)
{
    static const int32_t ids[] = { 2, 1 << 20 }, mask[] = { 1, 2 };
    anm_predictor *p = open_folder();
    float v[8];
    anm_error err;
    (void)state;

    assert_int_equal(run(p, ids, NULL, 2, v, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "1048576"));
    assert_int_equal(run(p, ids, mask, 2, v, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "element 1 is 2"));
    assert_int_equal(run(p, ids, NULL, 0, v, &err), ANM_E_ARG);
    anm_predictor_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masked_ids_do_not_exist),
        cmocka_unit_test(what_is_no_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
