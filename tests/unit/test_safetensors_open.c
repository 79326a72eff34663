/* An index opens as one set of tensors when every tensor is exactly where it
 * says, in files beside it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/safetensors_write.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "format/safetensors.h"

#define ONE "{'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]}}"
#define TWO                                                                    \
    "{'c':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},"                    \
    "'b':{'dtype':'F16','shape':[1],'data_offsets':[1,3]}}"

/* A folder with two shards: "1.st" holds a, "2.st" holds b and c. */
static const char *make_folder(void)
{
    const char *folder = test_temp_folder();

    test_safetensors_write(folder, "1.st", ONE, 2);
    test_safetensors_write(folder, "2.st", TWO, 3);
    return folder;
}

static const char *write_map(const char *folder, const char *map)
{
    char json[1024];

    snprintf(json, sizeof(json), "{'metadata':{'total_size':5},%s}", map);
    return test_json_write(folder, "m.safetensors.index.json", json);
}

static anm_safetensors *open_good(const char *path)
{
    anm_safetensors *f = NULL;
    anm_error err = { 0 };

    if (anm_safetensors_open(&f, path, &err)) fail_msg("%s", err.message);
    return f;
}

static void assert_refused(const char *path, anm_status expected,
                           const char *words)
{
    anm_safetensors *f = (void *)1;
    anm_error err = { 0 };

    assert_int_equal(anm_safetensors_open(&f, path, &err), expected);
    assert_null(f);
    if (!strstr(err.message, words) || !strstr(err.message, path))
        fail_msg("\"%s\" not in: %s", words, err.message);
}

static void assert_map_refused(const char *map, anm_status expected,
                               const char *words)
{
    assert_refused(write_map(make_folder(), map), expected, words);
}

static void shards_open_as_one_sorted_set(void **state)
{
    (void)state;
    const char *folder = make_folder();
    anm_safetensors *f = open_good(
        write_map(folder, "'weight_map':{'c':'2.st','a':'1.st','b':'2.st'}"));
    static const unsigned shards[] = { 0, 1, 1 };
    char path[4096];

    assert_int_equal(anm_safetensors_n(f), 3);
    assert_int_equal(anm_safetensors_n_files(f), 2);
    for (size_t i = 0; i < 3; i++) {
        const char name[] = { (char)('a' + i), '\0' };
        const anm_tensor *t = anm_safetensors_at(f, i);

        assert_string_equal(t->name, name);
        assert_int_equal(t->shard, shards[i]);
        assert_ptr_equal(anm_safetensors_find(f, name), t);
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%zu.st", folder, i + 1);
        assert_string_equal(anm_safetensors_path(f, i), path);
        assert_int_equal(anm_safetensors_map(f, i)->bytes.data[8], '{');
    }
    assert_int_equal(anm_safetensors_find(f, "b")->data.data[0], 1);
    anm_safetensors_close(f);
}

static void empty_map_is_an_empty_set(void **state)
{
    (void)state;
    anm_safetensors *f = open_good(write_map(make_folder(), "'weight_map':{}"));

    assert_int_equal(anm_safetensors_n(f), 0);
    assert_int_equal(anm_safetensors_n_files(f), 0);
    anm_safetensors_close(f);
}

static void name_that_leads_elsewhere_is_format_error(void **state)
{
    (void)state;
    static const char *const names[] = {
        "../1.st", "/etc/passwd", "./1.st", "x/1.st", "..", ".", "", "1.st/",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char map[128];

        snprintf(map, sizeof(map), "'weight_map':{'a':'%s'}", names[i]);
        assert_map_refused(map, ANM_E_FORMAT, "not the name of a file");
    }
}

static void name_with_nul_is_format_error(void **state)
{
    (void)state;
    assert_map_refused("'weight_map':{'a':'1.st\\u0000x'}", ANM_E_FORMAT,
                       "weight_map: a");
}

static void map_of_wrong_form_is_format_error(void **state)
{
    (void)state;
    assert_map_refused("'other':{}", ANM_E_FORMAT, "weight_map");
    assert_map_refused("'weight_map':[]", ANM_E_FORMAT, "weight_map");
    assert_map_refused("'weight_map':{'a':1}", ANM_E_FORMAT, "a: expected");
    assert_map_refused("'weight_map':{'a':'1.st','a':'1.st'}", ANM_E_FORMAT,
                       "duplicate");
    assert_refused(test_json_write(test_temp_folder(), "x.index.json", "{"),
                   ANM_E_FORMAT, "");
}

static void missing_index_or_shard_is_not_found(void **state)
{
    (void)state;
    char path[4096];

    snprintf(path, sizeof(path), "%s/x.index.json", test_temp_folder());
    assert_refused(path, ANM_E_NOTFOUND, "");
    assert_map_refused("'weight_map':{'a':'1.st','b':'2.st','c':'2.st',"
                       "'d':'3.st'}",
                       ANM_E_NOTFOUND, "3.st");
}

static void tensor_that_no_shard_holds_is_format_error(void **state)
{
    (void)state;
    assert_map_refused("'weight_map':{'a':'1.st','b':'2.st','bb':'2.st',"
                       "'c':'2.st'}",
                       ANM_E_FORMAT, "tensor bb");
    assert_map_refused("'weight_map':{'a':'1.st','z':'1.st'}", ANM_E_FORMAT,
                       "tensor z");
}

static void tensor_in_another_shard_is_format_error(void **state)
{
    (void)state;
    assert_map_refused("'weight_map':{'a':'2.st','b':'2.st','c':'1.st'}",
                       ANM_E_FORMAT, "tensor a is listed for 2.st");
}

static void tensor_that_is_not_listed_is_format_error(void **state)
{
    (void)state;
    assert_map_refused("'weight_map':{'a':'1.st','b':'2.st'}", ANM_E_FORMAT,
                       "tensor c");
}

static void tensor_in_two_shards_is_format_error(void **state)
{
    (void)state;
    const char *folder = make_folder();

    test_safetensors_write(folder, "3.st", ONE, 2);
    assert_refused(write_map(folder, "'weight_map':{'a':'1.st','z':'3.st'}"),
                   ANM_E_FORMAT, "tensor a is in ");
}

static void damaged_shard_is_named_by_its_path(void **state)
{
    (void)state;
    const char *folder = make_folder();
    anm_safetensors *f;
    anm_error err = { 0 };

    test_safetensors_write(folder, "2.st", TWO, 2);
    const char *path =
        write_map(folder, "'weight_map':{'a':'1.st','b':'2.st','c':'2.st'}");
    assert_int_equal(anm_safetensors_open(&f, path, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "/2.st: b: data_offsets"));
}

static void more_than_1024_shards_are_over_the_limit(void **state)
{
    (void)state;
    anm_buf map = { 0 };

    anm_buf_puts(&map, "{'weight_map':{");
    for (unsigned i = 0; i < 1025; i++)
        anm_buf_printf(&map, "%s't%u':'%u.st'", i ? "," : "", i, i);
    anm_buf_puts(&map, "}}");
    const char *path =
        test_json_write(test_temp_folder(), "x.index.json", map.data);
    anm_buf_deinit(&map);
    assert_refused(path, ANM_E_LIMIT, "more than 1024");
}

/* A map of n tensors, all of a file that is not there. */
static const char *write_long_map(unsigned n)
{
    anm_buf map = { 0 };

    anm_buf_puts(&map, "{'weight_map':{");
    for (unsigned i = 0; i < n; i++)
        anm_buf_printf(&map, "%s't%u':'x.st'", i ? "," : "", i);
    anm_buf_puts(&map, "}}");
    const char *path =
        test_json_write(test_temp_folder(), "x.index.json", map.data);
    anm_buf_deinit(&map);
    return path;
}

static void more_than_100000_tensors_are_over_the_limit(void **state)
{
    anm_safetensors *f;
    anm_error err;
    (void)state;

    assert_int_equal(anm_safetensors_open(&f, write_long_map(100000), &err),
                     ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "x.st"));
    assert_refused(write_long_map(100001), ANM_E_LIMIT, "100001 tensors");
}

static void sharded_model_holds_what_the_whole_one_holds(void **state)
{
    (void)state;
    const char *index = test_shared("tiny/tiny-qwen3-sharded/"
                                    "model.safetensors.index.json");
    const char *whole = test_shared("tiny/tiny-qwen3/model.safetensors");

    if (!index || !whole) {
        print_message("lacks tiny-qwen3-sharded\n");
        skip();
    }
    anm_safetensors *f = open_good(index), *g = open_good(whole);

    assert_int_equal(anm_safetensors_n_files(f), 2);
    assert_int_equal(anm_safetensors_n(f), anm_safetensors_n(g));
    for (size_t i = 0; i < anm_safetensors_n(f); i++) {
        const anm_tensor *a = anm_safetensors_at(f, i);
        const anm_tensor *b = anm_safetensors_at(g, i);

        assert_string_equal(a->name, b->name);
        assert_int_equal(a->dtype, b->dtype);
        assert_memory_equal(a->dims, b->dims, sizeof(a->dims));
        assert_true(anm_bytes_equal(a->data, b->data));
    }
    anm_safetensors_close(f);
    anm_safetensors_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_open_as_one_sorted_set),
        cmocka_unit_test(empty_map_is_an_empty_set),
        cmocka_unit_test(name_that_leads_elsewhere_is_format_error),
        cmocka_unit_test(name_with_nul_is_format_error),
        cmocka_unit_test(map_of_wrong_form_is_format_error),
        cmocka_unit_test(missing_index_or_shard_is_not_found),
        cmocka_unit_test(tensor_that_no_shard_holds_is_format_error),
        cmocka_unit_test(tensor_in_another_shard_is_format_error),
        cmocka_unit_test(tensor_that_is_not_listed_is_format_error),
        cmocka_unit_test(tensor_in_two_shards_is_format_error),
        cmocka_unit_test(damaged_shard_is_named_by_its_path),
        cmocka_unit_test(more_than_1024_shards_are_over_the_limit),
        cmocka_unit_test(more_than_100000_tensors_are_over_the_limit),
        cmocka_unit_test(sharded_model_holds_what_the_whole_one_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
