/* Arrays as JSON: what comes back, and what is refused in which words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/raw_array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static anm_status read_text(cli_arrays *out, const char *text, json_t **root,
                            anm_error *err)
{
    *root = json_loads(text, 0, NULL);
    assert_non_null(*root);
    return cli_arrays_read(out, *root, err);
}

static void expect_refused(const char *text, const char *words)
{
    cli_arrays a = { 0 };
    json_t *root;
    anm_error err;

    assert_int_equal(read_text(&a, text, &root, &err), ANM_E_FORMAT);
    if (!strstr(err.message, words))
        fail_msg("'%s' does not hold '%s'", err.message, words);
    cli_arrays_deinit(&a);
    json_decref(root);
}

static void arrays_are_read_with_type_and_shape(void **state)
{
    cli_arrays a = { 0 };
    json_t *root;
    anm_error err;
    (void)state;

    assert_int_equal(
        read_text(&a,
                  "[{\"name\":\"x\",\"dtype\":\"FLOAT16\",\"shape\":[2,2],"
                  "\"values\":[1,\"nan\",\"-inf\",2.5],\"other\":[]},"
                  "{\"name\":\"n\",\"dtype\":\"INT32\",\"shape\":[],"
                  "\"values\":[-7]},{\"name\":\"e\",\"dtype\":\"FLOAT32\","
                  "\"shape\":[3,0],\"values\":[]}]",
                  &root, &err),
        ANM_OK);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.items[0].type, ANM_RAW_FLOAT16);
    assert_int_equal(a.items[0].dims[1], 2);
    assert_true(isnan(a.items[0].floats[1]));
    assert_true(isinf(a.items[0].floats[2]) && a.items[0].floats[2] < 0);
    assert_null(a.items[0].ints);
    assert_int_equal(a.items[1].rank, 0);
    assert_int_equal(a.items[1].ints[0], -7);
    cli_arrays_deinit(&a);
    json_decref(root);
}

static void bad_arrays_are_named_with_what_was_found(void **state)
{
    (void)state;

    expect_refused("{}", "inputs must be a list, is an object");
    expect_refused("[{}]", "input 0: must be an object with a string \"name\"");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"F32\",\"shape\":[]}]",
                   "FLOAT32");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"INT32\"}]",
                   "input 'x': shape must be a list of sizes, is nothing");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"INT32\",\"shape\":[-1]}]",
                   "shape must be a list of sizes, is an integer");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"INT32\",\"shape\":[2],"
                   "\"values\":[1]}]",
                   "its shape has 2 elements, its values are 1");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"INT32\",\"shape\":[2],"
                   "\"values\":[1,1.5]}]",
                   "value 1 is 1.5, not one of INT32");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"INT8\",\"shape\":[1],"
                   "\"values\":[128]}]",
                   "value 0 is 128, not one of INT8");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"FLOAT32\",\"shape\":[1],"
                   "\"values\":[\"NaN\"]}]",
                   "value 0 is \"NaN\", not one of FLOAT32");
    expect_refused("[{\"name\":\"x\",\"dtype\":\"FLOAT32\","
                   "\"shape\":[4294967296,4294967296,4],\"values\":[]}]",
                   "too many elements");
}

static void what_is_written_is_read_back(void **state)
{
    const size_t dims[] = { 2, 2 };
    const float floats[] = { 0.1f, -INFINITY, NAN, 3 };
    const int32_t ints[] = { 1, -2, 3, INT32_MIN };
    const anm_raw_array arrays[] = {
        { "a \"b\"", ANM_RAW_FLOAT32, dims, 2, floats, NULL },
        { "n", ANM_RAW_INT32, dims, 2, NULL, ints },
    };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cli_arrays a = { 0 };
    json_t *root;
    anm_error err;
    (void)state;

    fputc('[', out);
    cli_array_write(out, &arrays[0]);
    fputc(',', out);
    cli_array_write(out, &arrays[1]);
    fputc(']', out);
    fclose(out);
    assert_int_equal(read_text(&a, text, &root, &err), ANM_OK);
    assert_string_equal(a.items[0].name, "a \"b\"");
    assert_true(a.items[0].floats[0] == 0.1f && isnan(a.items[0].floats[2]));
    assert_memory_equal(a.items[1].ints, ints, sizeof(ints));
    cli_arrays_deinit(&a);
    json_decref(root);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_read_with_type_and_shape),
        cmocka_unit_test(bad_arrays_are_named_with_what_was_found),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
