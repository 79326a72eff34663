/* test_gguf.c - the head of a file, and what opening refuses.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "support/gguf_write.h"
#include "support/safetensors_write.h"

/* Open what was put together, once; the words must be in the message. */
static void check_refused(test_gguf *f, anm_status expected, const char *words)
{
    const char *path = test_gguf_write(f, "x.gguf");
    anm_gguf *g = (anm_gguf *)f;
    anm_error err = { 0 };

    assert_int_equal(anm_gguf_open(&g, path, &err), expected);
    assert_null(g);
    assert_non_null(strstr(err.message, path));
    if (!strstr(err.message, words)) print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, words));
    free(f->data);
    *f = (test_gguf){ 0 };
}

static void versions_2_and_3_are_read(void **state)
{
    (void)state;
    for (uint32_t version = 2; version <= 3; version++) {
        test_gguf f = { 0 };
        anm_gguf *g = NULL;

        test_gguf_head(&f, version, 0, 0);
        assert_int_equal(anm_gguf_open(&g, test_gguf_write(&f, "x"), NULL),
                         ANM_OK);
        assert_int_equal(anm_gguf_n_entries(g), 0);
        assert_int_equal(anm_gguf_n_tensors(g), 0);
        assert_int_equal(anm_gguf_map(g)->bytes.len, f.len);
        anm_gguf_close(g);
        free(f.data);
    }
}

static void other_versions_are_refused_by_number(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_head(&f, 1, 0, 0);
    check_refused(&f, ANM_E_UNSUPPORTED, "version 1 of GGUF");
    test_gguf_head(&f, 4, 0, 0);
    check_refused(&f, ANM_E_UNSUPPORTED, "version 4 of GGUF");
    test_gguf_head(&f, 0, 0, 0);
    check_refused(&f, ANM_E_UNSUPPORTED, "version 0 of GGUF");
}

static void big_endian_is_refused_by_name(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_head(&f, 3u << 24, 0, 0);
    check_refused(&f, ANM_E_UNSUPPORTED, "big-endian");
}

static void another_file_is_no_gguf(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_bytes(&f, "GGML and more", 13);
    check_refused(&f, ANM_E_FORMAT, "GGUF");
    check_refused(&f, ANM_E_FORMAT, "GGUF"); // nothing at all
}

static void
counts_are_held_against_the_file_before_memory_is_taken(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    test_gguf_head(&f, 3, 0, UINT64_MAX);
    check_refused(&f, ANM_E_FORMAT, "18446744073709551615 entries");
    test_gguf_head(&f, 3, UINT64_MAX, 0);
    check_refused(&f, ANM_E_FORMAT, "18446744073709551615 tensors");
    test_gguf_head(&f, 3, 0, 2);
    test_gguf_bytes(&f, "0123456789012345678901234", 25);
    check_refused(&f, ANM_E_FORMAT, "2 entries");
}

/* Zeros are entries with empty keys of one byte: 65,537 of them. */
static void entries_have_a_limit(void **state)
{
    static const char zeros[13 * 65537];
    test_gguf f = { 0 };

    (void)state;
    test_gguf_head(&f, 3, 0, 65537);
    test_gguf_bytes(&f, zeros, sizeof(zeros));
    check_refused(&f, ANM_E_LIMIT, "65537 entries, at most 65536");
}

static void tensors_have_a_limit(void **state)
{
    test_gguf f = { 0 };
    char *zeros = calloc(24, 100001);

    (void)state;
    test_gguf_head(&f, 3, 100001, 0);
    test_gguf_bytes(&f, zeros, (size_t)24 * 100001);
    check_refused(&f, ANM_E_LIMIT, "100001 tensors, at most 100000");
    free(zeros);
}

static void a_file_shows_what_it_is_by_its_first_bytes(void **state)
{
    test_gguf f = { 0 };
    bool is_gguf = false;
    const char *folder = test_temp_folder();
    char path[4096];

    (void)state;
    test_gguf_head(&f, 3, 0, 0);
    assert_int_equal(anm_gguf_sniff(test_gguf_write(&f, "x"), &is_gguf, NULL),
                     ANM_OK);
    assert_true(is_gguf);
    free(f.data);

    snprintf(path, sizeof(path), "%s/short", folder);
    test_write(path, "GGU", 3);
    assert_int_equal(anm_gguf_sniff(path, &is_gguf, NULL), ANM_OK);
    assert_false(is_gguf);
    snprintf(path, sizeof(path), "%s/absent", folder);
    assert_int_equal(anm_gguf_sniff(path, &is_gguf, NULL), ANM_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_2_and_3_are_read),
        cmocka_unit_test(other_versions_are_refused_by_number),
        cmocka_unit_test(big_endian_is_refused_by_name),
        cmocka_unit_test(another_file_is_no_gguf),
        cmocka_unit_test(
            counts_are_held_against_the_file_before_memory_is_taken),
        cmocka_unit_test(entries_have_a_limit),
        cmocka_unit_test(tensors_have_a_limit),
        cmocka_unit_test(a_file_shows_what_it_is_by_its_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
