/* A safetensors file is opened when every length in it agrees with every
 * other, and refused with the right status and values otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/safetensors_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "format/safetensors.h"

static anm_safetensors *open_good(const char *path)
{
    anm_safetensors *f = NULL;
    anm_error err = { 0 };

    if (anm_safetensors_open(&f, path, &err)) fail_msg("%s", err.message);
    return f;
}

/* The file is refused with this status and a message that holds `words` and
 * the path. */
static void assert_refused_path(const char *path, anm_status expected,
                                const char *words)
{
    anm_safetensors *f = (void *)1;
    anm_error err = { 0 };

    assert_int_equal(anm_safetensors_open(&f, path, &err), expected);
    assert_null(f);
    assert_int_equal(err.status, expected);
    if (!strstr(err.message, words) || !strstr(err.message, path))
        fail_msg("\"%s\" not in: %s", words, err.message);
}

static void assert_refused(const char *header, size_t data_len,
                           anm_status expected, const char *words)
{
    const char *path = test_safetensors_write(
        test_temp_folder(), "x.safetensors", header, data_len);
    assert_refused_path(path, expected, words);
}

static void tensors_come_in_order_of_name_with_their_bytes(void **state)
{
    (void)state;
    const char *path =
        test_safetensors_write(test_temp_folder(), "x.safetensors",
                               TEST_SAFETENSORS_HEADER, TEST_SAFETENSORS_DATA);
    anm_safetensors *f = open_good(path);
    static const struct {
        const char *name, *shape;
        anm_dtype dtype;
        size_t begin, len;
    } expected[] = {
        { "a.x", "[2]", ANM_DTYPE_F16, 24, 4 },
        { "b", "[2, 3]", ANM_DTYPE_F32, 0, 24 },
        { "c", "[]", ANM_DTYPE_I8, 28, 1 },
        { "none", "[0, 7]", ANM_DTYPE_F32, 28, 0 },
    };

    assert_int_equal(anm_safetensors_n(f), 4);
    for (size_t i = 0; i < 4; i++) {
        const anm_tensor *t = anm_safetensors_at(f, i);
        char shape[64];

        assert_string_equal(t->name, expected[i].name);
        assert_int_equal(t->dtype, expected[i].dtype);
        anm_dims_text(t->dims, t->rank, shape, sizeof(shape));
        assert_string_equal(shape, expected[i].shape);
        assert_int_equal(t->data.len, expected[i].len);
        for (size_t j = 0; j < t->data.len; j++)
            assert_int_equal(t->data.data[j], expected[i].begin + j);
        assert_ptr_equal(anm_safetensors_find(f, t->name), t);
    }
    anm_safetensors_close(f);
}

static void find_answers_null_for_what_is_not_there(void **state)
{
    (void)state;
    const char *path =
        test_safetensors_write(test_temp_folder(), "x.safetensors",
                               TEST_SAFETENSORS_HEADER, TEST_SAFETENSORS_DATA);
    anm_safetensors *f = open_good(path);
    static const char *const absent[] = { "",   "a",   "a.",          "a.xx",
                                          "bb", "zzz", "__metadata__" };

    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_null(anm_safetensors_find(f, absent[i]));
    anm_safetensors_close(f);
}

static void file_knows_its_path_and_map(void **state)
{
    (void)state;
    const char *path =
        test_safetensors_write(test_temp_folder(), "x.safetensors",
                               TEST_SAFETENSORS_HEADER, TEST_SAFETENSORS_DATA);
    anm_safetensors *f = open_good(path);
    const anm_map *map = anm_safetensors_map(f, 0);
    const anm_tensor *t = anm_safetensors_find(f, "c");

    assert_int_equal(anm_safetensors_n_files(f), 1);
    assert_string_equal(anm_safetensors_path(f, 0), path);
    assert_int_equal(t->shard, 0);
    assert_ptr_equal(t->data.data, map->bytes.data + map->bytes.len - 1);
    anm_safetensors_close(f);
}

static void file_without_tensors_is_empty(void **state)
{
    (void)state;
    static const char *const headers[] = { "{}", "{}   \n",
                                           "{'__metadata__':{}}" };

    for (size_t i = 0; i < 3; i++) {
        const char *path = test_safetensors_write(
            test_temp_folder(), "x.safetensors", headers[i], 0);
        anm_safetensors *f = open_good(path);
        assert_int_equal(anm_safetensors_n(f), 0);
        assert_null(anm_safetensors_find(f, "a"));
        anm_safetensors_close(f);
    }
}

static void empty_tensors_may_stand_anywhere_between_others(void **state)
{
    (void)state;
    const char *path = test_safetensors_write(
        test_temp_folder(), "x.safetensors",
        "{'z1':{'dtype':'F32','shape':[0],'data_offsets':[0,0]},"
        "'a':{'dtype':'U8','shape':[2],'data_offsets':[0,2]},"
        "'z2':{'dtype':'F32','shape':[3,0],'data_offsets':[2,2]},"
        "'z3':{'dtype':'F32','shape':[0,1],'data_offsets':[2,2]},"
        "'b':{'dtype':'U8','shape':[1],'data_offsets':[2,3]},"
        "'z4':{'dtype':'F32','shape':[0],'data_offsets':[3,3]}}",
        3);
    anm_safetensors *f = open_good(path);

    assert_int_equal(anm_safetensors_n(f), 6);
    anm_safetensors_close(f);
}

static void only_empty_tensors_need_no_data(void **state)
{
    (void)state;
    const char *path = test_safetensors_write(
        test_temp_folder(), "x.safetensors",
        "{'a':{'dtype':'F32','shape':[0],'data_offsets':[0,0]},"
        "'b':{'dtype':'F32','shape':[0],'data_offsets':[0,0]}}",
        0);
    anm_safetensors_close(open_good(path));
}

static void unknown_members_of_a_tensor_are_ignored(void **state)
{
    (void)state;
    const char *path = test_safetensors_write(
        test_temp_folder(), "x.safetensors",
        "{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1],'more':[{}]}}", 1);
    anm_safetensors_close(open_good(path));
}

static void missing_file_is_not_found(void **state)
{
    (void)state;
    char path[4096];

    snprintf(path, sizeof(path), "%s/none.safetensors", test_temp_folder());
    assert_refused_path(path, ANM_E_NOTFOUND, "none.safetensors");
    assert_refused_path(test_temp_folder(), ANM_E_IO, "");
}

/* A file whose first 8 bytes say `header_len`, then `rest`. */
static const char *write_raw(uint64_t header_len, const char *rest, size_t len)
{
    static char path[4096];
    char bytes[64];

    snprintf(path, sizeof(path), "%s/raw.safetensors", test_temp_folder());
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (char)(header_len >> (8 * i) & 0xff);
    memcpy(bytes + 8, rest, len);
    test_write(path, bytes, 8 + len);
    return path;
}

static void header_longer_than_the_file_is_format_error(void **state)
{
    (void)state;
    assert_refused_path(write_raw(UINT64_C(1) << 63, "{}", 2), ANM_E_FORMAT,
                        "header of 9223372036854775808 bytes in a file of 10");
    assert_refused_path(write_raw(UINT64_MAX, "{}", 2), ANM_E_FORMAT,
                        "header of 18446744073709551615 bytes");
    assert_refused_path(write_raw(UINT64_MAX - 7, "{}", 2), ANM_E_FORMAT,
                        "header of");
    assert_refused_path(write_raw(3, "{}", 2), ANM_E_FORMAT,
                        "header of 3 bytes in a file of 10");
}

static void pointer_in_place_of_the_file_says_what_helps(void **state)
{
    (void)state;
    static const char rest[] = "https://git-lfs.github.com/spec/v1\noid x\n";

    // The length is the word "version " in little-endian.
    assert_refused_path(
        write_raw(UINT64_C(0x206e6f6973726576), rest, sizeof(rest) - 1),
        ANM_E_FORMAT, "git lfs pull");
    // A header may well begin like a text in UTF-16.
    assert_refused_path(write_raw(0xfeff, "{}", 2), ANM_E_FORMAT, "UTF-16");
}

static void header_above_16_mb_is_over_the_limit(void **state)
{
    (void)state;
    const char *path = write_raw(16000001, "{}", 2);
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, 16000020, SEEK_SET), 0);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    assert_refused_path(path, ANM_E_LIMIT,
                        "header of 16000001 bytes, at most 16000000");
}

static void header_that_is_no_object_is_format_error(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",     "[]",       " {}",         "1",          "{",
        "{} {", "{'a':1,}", "{'a':1}\xff", "{'\xff':1}", "{'a\\u0000':{}}",
    };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_refused(headers[i], 0, ANM_E_FORMAT, "header");
}

static void name_twice_is_format_error(void **state)
{
    (void)state;
    assert_refused("{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},"
                   "'a':{'dtype':'U8','shape':[1],'data_offsets':[1,2]}}",
                   2, ANM_E_FORMAT, "duplicate");
}

static void entry_of_wrong_form_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *entry, *words;
    } cases[] = {
        { "7", "integer" },
        { "{'shape':[1],'data_offsets':[0,1]}", "dtype" },
        { "{'dtype':3,'shape':[1],'data_offsets':[0,1]}", "dtype" },
        { "{'dtype':'U8','data_offsets':[0,1]}", "shape" },
        { "{'dtype':'U8','shape':1,'data_offsets':[0,1]}", "shape" },
        { "{'dtype':'U8','shape':[1.0],'data_offsets':[0,1]}", "shape[0]" },
        { "{'dtype':'U8','shape':['1'],'data_offsets':[0,1]}", "shape[0]" },
        { "{'dtype':'U8','shape':[1,-1],'data_offsets':[0,1]}", "shape[1]" },
        { "{'dtype':'U8','shape':[1]}", "data_offsets" },
        { "{'dtype':'U8','shape':[1],'data_offsets':[1]}", "1 numbers" },
        { "{'dtype':'U8','shape':[1],'data_offsets':[0,1,1]}", "3 numbers" },
        { "{'dtype':'U8','shape':[1],'data_offsets':[-1,1]}", "-1" },
        { "{'dtype':'U8','shape':[1],'data_offsets':[0,null]}", "null" },
        { "{'dtype':'U8','shape':[1],'data_offsets':[0,1e0]}", "real" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char header[256];

        snprintf(header, sizeof(header), "{'the.tensor':%s}", cases[i].entry);
        assert_refused(header, 1, ANM_E_FORMAT, cases[i].words);
        assert_refused(header, 1, ANM_E_FORMAT, "the.tensor");
    }
}

static void numbers_beyond_64_bits_are_format_error(void **state)
{
    (void)state;
    assert_refused("{'a':{'dtype':'U8','shape':[99999999999999999999],"
                   "'data_offsets':[0,1]}}",
                   1, ANM_E_FORMAT, "header");
}

static void unknown_type_is_unsupported(void **state)
{
    (void)state;
    static const char *const names[] = { "F8_E4M3", "f32", "F3", "F322", "" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char header[128];

        snprintf(header, sizeof(header),
                 "{'t':{'dtype':'%s','shape':[1],'data_offsets':[0,1]}}",
                 names[i]);
        assert_refused(header, 1, ANM_E_UNSUPPORTED, "t: dtype");
    }
}

static void seven_axes_are_over_the_limit(void **state)
{
    (void)state;
    assert_refused("{'a':{'dtype':'U8','shape':[1,1,1,1,1,1,1],"
                   "'data_offsets':[0,1]}}",
                   1, ANM_E_LIMIT, "7 axes, at most 6");
}

static void offsets_outside_the_data_are_format_error(void **state)
{
    (void)state;
    assert_refused("{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}", 3,
                   ANM_E_FORMAT, "0 to 4 in 3 bytes");
    assert_refused("{'a':{'dtype':'U8','shape':[1],'data_offsets':[2,1]}}", 3,
                   ANM_E_FORMAT, "2 to 1 in 3 bytes");
    assert_refused("{'a':{'dtype':'U8','shape':[0],"
                   "'data_offsets':[9223372036854775807,9223372036854775807]}}",
                   3, ANM_E_FORMAT, "in 3 bytes");
}

static void shape_that_disagrees_with_the_data_is_format_error(void **state)
{
    (void)state;
    assert_refused("{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}", 4,
                   ANM_E_FORMAT, "a: 4 bytes of data for [2] of F32");
    assert_refused("{'a':{'dtype':'F16','shape':[],'data_offsets':[0,4]}}", 4,
                   ANM_E_FORMAT, "a: 4 bytes of data for [] of F16");
}

static void shape_whose_product_overflows_is_format_error(void **state)
{
    (void)state;
    // 2^32 x 2^32 elements and 2^62 of 4 bytes are 0 bytes modulo 2^64.
    assert_refused("{'a':{'dtype':'U8','shape':[4294967296,4294967296],"
                   "'data_offsets':[0,0]}}",
                   0, ANM_E_FORMAT, "[4294967296, 4294967296]");
    assert_refused("{'a':{'dtype':'F32','shape':[4611686018427387904],"
                   "'data_offsets':[0,0]}}",
                   0, ANM_E_FORMAT, "[4611686018427387904] of F32");
}

static void overlap_is_format_error(void **state)
{
    (void)state;
    assert_refused("{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,3]},"
                   "'b':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}}",
                   4, ANM_E_FORMAT, "overlap");
    assert_refused("{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},"
                   "'b':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}",
                   4, ANM_E_FORMAT, "overlap");
    assert_refused("{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},"
                   "'b':{'dtype':'U8','shape':[0],'data_offsets':[2,2]}}",
                   4, ANM_E_FORMAT, "overlap");
}

static void hole_is_format_error(void **state)
{
    (void)state;
    assert_refused("{'a':{'dtype':'U8','shape':[1],'data_offsets':[1,2]}}", 2,
                   ANM_E_FORMAT, "hole");
    assert_refused("{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},"
                   "'b':{'dtype':'U8','shape':[1],'data_offsets':[2,3]}}",
                   3, ANM_E_FORMAT, "hole");
    assert_refused("{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}", 2,
                   ANM_E_FORMAT, "end at byte 1 of 2");
    assert_refused("{}", 1, ANM_E_FORMAT, "end at byte 0 of 1");
}

/* A sort that is quadratic in either order would take minutes here. */
static void many_tensors_open_in_any_order(void **state)
{
    (void)state;
    enum { N = 100000 };
    anm_buf header = { 0 };

    anm_buf_puts(&header, "{");
    for (unsigned i = 0; i < N; i++) {
        const unsigned place = i % 2 ? i : N - 2 - i; // even places backwards
        anm_buf_printf(&header,
                       "%s'%u':{'dtype':'U8','shape':[1],'data_offsets':"
                       "[%u,%u]}",
                       i ? "," : "", place, place, place + 1);
    }
    anm_buf_puts(&header, "}");
    const char *path = test_safetensors_write(
        test_temp_folder(), "many.safetensors", header.data, N);
    anm_buf_deinit(&header);

    anm_safetensors *f = open_good(path);
    assert_int_equal(anm_safetensors_n(f), N);
    for (unsigned i = 0; i < N; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%u", i);
        const anm_tensor *t = anm_safetensors_find(f, name);
        assert_non_null(t);
        assert_int_equal(t->data.data[0], i & 0xff);
    }
    anm_safetensors_close(f);
}

static void committed_models_open(void **state)
{
    (void)state;
    static const char *const names[] = { "tiny-bert-mean/model.safetensors",
                                         "tiny-bert-cls/model.safetensors" };

    for (size_t i = 0; i < 2; i++) {
        anm_safetensors *f = open_good(test_data(names[i]));
        size_t bytes = 0;

        assert_true(anm_safetensors_n(f) > 0);
        for (size_t j = 0; j < anm_safetensors_n(f); j++)
            bytes += anm_safetensors_at(f, j)->data.len;
        assert_true(bytes < anm_safetensors_map(f, 0)->bytes.len);
        anm_safetensors_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_come_in_order_of_name_with_their_bytes),
        cmocka_unit_test(find_answers_null_for_what_is_not_there),
        cmocka_unit_test(file_knows_its_path_and_map),
        cmocka_unit_test(file_without_tensors_is_empty),
        cmocka_unit_test(empty_tensors_may_stand_anywhere_between_others),
        cmocka_unit_test(only_empty_tensors_need_no_data),
        cmocka_unit_test(unknown_members_of_a_tensor_are_ignored),
        cmocka_unit_test(missing_file_is_not_found),
        cmocka_unit_test(header_longer_than_the_file_is_format_error),
        cmocka_unit_test(pointer_in_place_of_the_file_says_what_helps),
        cmocka_unit_test(header_above_16_mb_is_over_the_limit),
        cmocka_unit_test(header_that_is_no_object_is_format_error),
        cmocka_unit_test(name_twice_is_format_error),
        cmocka_unit_test(entry_of_wrong_form_is_named),
        cmocka_unit_test(numbers_beyond_64_bits_are_format_error),
        cmocka_unit_test(unknown_type_is_unsupported),
        cmocka_unit_test(seven_axes_are_over_the_limit),
        cmocka_unit_test(offsets_outside_the_data_are_format_error),
        cmocka_unit_test(shape_that_disagrees_with_the_data_is_format_error),
        cmocka_unit_test(shape_whose_product_overflows_is_format_error),
        cmocka_unit_test(overlap_is_format_error),
        cmocka_unit_test(hole_is_format_error),
        cmocka_unit_test(many_tensors_open_in_any_order),
        cmocka_unit_test(committed_models_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
