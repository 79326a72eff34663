/* Byte views: what is not there cannot be taken.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static const uint8_t nine[] = { 1, 2, 3, 4, 5, 6, 7, 8, 0xff };

static void integers_are_little_endian(void **state)
{
    anm_bytes rest = anm_bytes_of(nine, sizeof(nine));
    uint64_t u64;
    uint32_t u32;
    uint8_t u8;
    (void)state;

    assert_true(anm_take_u64le(&rest, &u64));
    assert_true(u64 == UINT64_C(0x0807060504030201));
    assert_true(anm_take_u8(&rest, &u8));
    assert_int_equal(u8, 0xff);
    assert_int_equal(rest.len, 0);
    rest = anm_bytes_of(nine + 5, 4);
    assert_true(anm_take_u32le(&rest, &u32));
    assert_true(u32 == 0xff080706u);
}

static void short_run_changes_nothing(void **state)
{
    (void)state;

    for (size_t len = 0; len < 8; len++) {
        // A block of its own size, so that an over-read is caught.
        uint8_t *copy = malloc(len ? len : 1);
        memcpy(copy, nine, len);
        anm_bytes rest = anm_bytes_of(copy, len), out = { nine, 3 };
        uint64_t u64 = 42;
        uint32_t u32 = 42;
        assert_false(anm_take_u64le(&rest, &u64));
        if (len < 4) assert_false(anm_take_u32le(&rest, &u32));
        assert_false(anm_take(&rest, len + 1, &out));
        assert_false(anm_take(&rest, UINT64_MAX, &out));
        assert_int_equal(u64, 42);
        assert_int_equal(u32, 42);
        assert_ptr_equal(rest.data, copy);
        assert_int_equal(rest.len, len);
        assert_int_equal(out.len, 3);
        free(copy);
    }
}

static void slice_is_inside_or_refused(void **state)
{
    const anm_bytes b = anm_bytes_of(nine, sizeof(nine));
    anm_bytes out = { 0 };
    (void)state;

    for (uint64_t offset = 0; offset <= 10; offset++) {
        for (uint64_t n = 0; n <= 10; n++) {
            const bool inside = offset + n <= sizeof(nine);
            assert_int_equal(anm_bytes_slice(b, offset, n, &out), inside);
            if (!inside) continue;
            assert_ptr_equal(out.data, nine + offset);
            assert_int_equal(out.len, n);
        }
    }
    assert_false(anm_bytes_slice(b, UINT64_MAX, 2, &out));
    assert_false(anm_bytes_slice(b, 2, UINT64_MAX, &out));
    assert_true(anm_bytes_slice((anm_bytes){ 0 }, 0, 0, &out));
}

static void equality_is_of_content(void **state)
{
    const uint8_t copy[] = { 1, 2, 3 };
    const anm_bytes empty = { 0 };
    (void)state;

    assert_true(anm_bytes_equal(anm_bytes_of(nine, 3), anm_bytes_of(copy, 3)));
    assert_false(anm_bytes_equal(anm_bytes_of(nine, 3), anm_bytes_of(copy, 2)));
    assert_false(
        anm_bytes_equal(anm_bytes_of(nine + 1, 3), anm_bytes_of(copy, 3)));
    assert_true(anm_bytes_equal(empty, anm_bytes_of(copy, 0)));
}

static void what_people_mistake_for_a_file_is_named(void **state)
{
    static const char *const rows[][2] = {
        { "version https://git-lfs.github.com/spec/v1\noid", "git lfs pull" },
        { "<!DOCTYPE html>", "web site" },
        { "<html>", "web site" },
        { "\xef\xbb\xbf{}", "byte order mark" },
        { "\xff\xfe{", "UTF-16" },
        { "version 1", NULL },
        { "\xef\xbb", NULL },
        { "", NULL },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got =
            anm_bytes_mistaken(anm_bytes_of(rows[i][0], strlen(rows[i][0])));
        assert_int_equal(got != NULL, rows[i][1] != NULL);
        if (got) assert_non_null(strstr(got, rows[i][1]));
    }
    assert_null(anm_bytes_mistaken((anm_bytes){ 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(short_run_changes_nothing),
        cmocka_unit_test(slice_is_inside_or_refused),
        cmocka_unit_test(equality_is_of_content),
        cmocka_unit_test(what_people_mistake_for_a_file_is_named),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
