/* Unit tests of format/blob_file.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/blob_file.h"

#include <string.h>

#include "support/packages.h"

enum { SIZE = 192 };

typedef struct blob_file {
    _Alignas(64) uint8_t bytes[SIZE];
} blob_file;

static void put(blob_file *f, size_t at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        f->bytes[at + i] = (uint8_t)(v >> 8 * i);
}

/* One record at 64 whose data begin at 128. */
static blob_file make(uint32_t code, uint64_t size, uint64_t padding)
{
    blob_file f = { .bytes = { 0 } };

    put(&f, 0, 1, 4);
    put(&f, 4, 2, 4);
    put(&f, 64, 0xDEADBEEF, 4);
    put(&f, 68, code, 4);
    put(&f, 72, size, 8);
    put(&f, 80, 128, 8);
    put(&f, 88, padding, 8);
    for (size_t i = 128; i < SIZE; i++)
        f.bytes[i] = (uint8_t)i;
    return f;
}

static anm_bytes all(const blob_file *f)
{
    return anm_bytes_of(f->bytes, SIZE);
}

static void every_type_has_its_code_and_size(void **state)
{
    static const struct {
        anm_mil_type type;
        uint32_t code;
        uint64_t size, padding; /* of five elements */
    } cases[] = {
        { ANM_MIL_FLOAT16, 1, 10, 0 },    { ANM_MIL_FLOAT32, 2, 20, 0 },
        { ANM_MIL_UINT8, 3, 5, 0 },       { ANM_MIL_INT8, 4, 5, 0 },
        { ANM_MIL_BFLOAT16, 5, 10, 0 },   { ANM_MIL_INT16, 6, 10, 0 },
        { ANM_MIL_UINT16, 7, 10, 0 },     { ANM_MIL_INT4, 8, 3, 4 },
        { ANM_MIL_UINT1, 9, 1, 3 },       { ANM_MIL_UINT2, 10, 2, 6 },
        { ANM_MIL_UINT4, 11, 3, 4 },      { ANM_MIL_UINT3, 12, 2, 1 },
        { ANM_MIL_UINT6, 13, 4, 2 },      { ANM_MIL_INT32, 14, 20, 0 },
        { ANM_MIL_UINT32, 15, 20, 0 },    { ANM_MIL_FLOAT8E4M3FN, 16, 5, 0 },
        { ANM_MIL_FLOAT8E5M2, 17, 5, 0 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const blob_file f =
            make(cases[i].code, cases[i].size, cases[i].padding);
        anm_error err = { 0 };
        anm_bytes data = { 0 };

        if (anm_blob_file_data(all(&f), 64, cases[i].type, 5, &data, &err))
            fail_msg("code %u: %s", cases[i].code, err.message);
        assert_int_equal(data.len, cases[i].size);
        assert_int_equal(data.data[0], 128);
    }
}

static void check_refused(const blob_file *f, uint64_t offset, uint64_t n,
                          const char *word)
{
    anm_error err = { 0 };
    anm_bytes data = { 0 };

    assert_int_equal(
        anm_blob_file_data(all(f), offset, ANM_MIL_UINT8, n, &data, &err),
        ANM_E_FORMAT);
    assert_null(data.data);
    if (!test_holds(err.message, word))
        fail_msg("no \"%s\" in \"%s\"", word, err.message);
}

static void records_that_contradict_are_refused(void **state)
{
    (void)state;
    const blob_file good = make(3, 5, 0);
    blob_file bad = good;

    check_refused(&good, 0, 5, "record offset 0");
    check_refused(&good, 65, 5, "record offset 65");
    check_refused(&good, 192, 5, "record offset 192 in a file of 192 bytes");
    check_refused(&good, UINT64_MAX - 63, 5, "record offset");
    check_refused(&good, 64, 4, "size of 5 bytes, 4 elements of UINT8 take 4");
    check_refused(&good, 128, 5, "sentinel");
    put(&bad, 80, 129, 8);
    check_refused(&bad, 64, 5, "data offset 129");
    put(&bad, 80, 0, 8);
    check_refused(&bad, 64, 5, "data offset 0");
    put(&bad, 80, 192, 8);
    check_refused(&bad, 64, 5, "data offset 192, size 5");
    put(&bad, 80, UINT64_MAX - 63, 8);
    check_refused(&bad, 64, 5, "data offset");
    bad = make(4, 5, 0);
    check_refused(&bad, 64, 5, "dtype INT8, the program says UINT8");
    for (uint32_t code = 18; code < 3000; code += 7) {
        bad = make(code, 5, 0);
        check_refused(&bad, 64, 5, "dtype code");
    }
    bad = make(0, 5, 0);
    check_refused(&bad, 64, 5, "dtype code 0");
}

static void padding_of_parts_of_bytes_is_checked(void **state)
{
    (void)state;
    const blob_file short_by_two = make(13, 4, 0);
    blob_file garbage = make(3, 5, 77);
    anm_bytes data = { 0 };

    assert_int_equal(anm_blob_file_data(all(&short_by_two), 64, ANM_MIL_UINT6,
                                        5, &data, NULL),
                     ANM_E_FORMAT);
    // Whole bytes have none, and old files may hold anything in that word.
    assert_int_equal(
        anm_blob_file_data(all(&garbage), 64, ANM_MIL_UINT8, 5, &data, NULL),
        ANM_OK);
}

static void other_versions_are_unsupported(void **state)
{
    (void)state;
    anm_error err = { 0 };
    blob_file f = make(3, 5, 0);

    assert_int_equal(anm_blob_file_check(all(&f), NULL), ANM_OK);
    assert_int_equal(anm_blob_file_check(anm_bytes_of(f.bytes, 63), &err),
                     ANM_E_FORMAT);
    put(&f, 4, 1, 4);
    assert_int_equal(anm_blob_file_check(all(&f), &err), ANM_E_UNSUPPORTED);
    assert_string_equal(err.message, "storage version 1, must be 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_code_and_size),
        cmocka_unit_test(records_that_contradict_are_refused),
        cmocka_unit_test(padding_of_parts_of_bytes_is_checked),
        cmocka_unit_test(other_versions_are_unsupported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
