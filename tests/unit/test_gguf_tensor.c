/* test_gguf_tensor.c - tensors: their shapes, types and places.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "support/gguf_write.h"

static const uint64_t three[] = { 3, 0 };

static void
tensors_are_found_by_name_with_the_outermost_size_first(void **state)
{
    test_gguf f = { 0 };
    anm_gguf *g = NULL;

    (void)state;
    test_gguf_sample(&f);
    assert_int_equal(anm_gguf_open(&g, test_gguf_write(&f, "x"), NULL), ANM_OK);
    assert_int_equal(anm_gguf_n_tensors(g), 3);
    assert_string_equal(anm_gguf_tensor_at(g, 0)->name, "a");
    assert_null(anm_gguf_tensor_find(g, "c"));

    const anm_gguf_tensor *b = anm_gguf_tensor_find(g, "b");
    assert_ptr_equal(b, anm_gguf_tensor_at(g, 1));
    assert_int_equal(b->rank, 2);
    assert_int_equal(b->dims[0], 2);
    assert_int_equal(b->dims[1], 3);
    assert_int_equal(b->dtype, ANM_DTYPE_F32);
    assert_int_equal(b->data.len, 24);
    assert_int_equal(b->data.data[5], 5);

    const anm_gguf_tensor *a = anm_gguf_tensor_find(g, "a");
    assert_string_equal(a->type, "Q8_0");
    assert_int_equal(a->dtype, ANM_DTYPE_Q8_0);
    assert_int_equal(a->data.len, 34);
    assert_int_equal(a->data.data[0], 32);
    assert_int_equal(anm_gguf_tensor_find(g, "none")->data.len, 0);
    anm_gguf_close(g);
    free(f.data);
}

/* tests/data/tiny-gguf/blocks.gguf was written by ggml's own package. */
static void types_that_are_not_built_in_have_their_name(void **state)
{
    static const char *const names[] = { "Q4_1", "Q5_1",   "Q2_K",
                                         "Q3_K", "IQ4_NL", "IQ4_XS" };
    anm_gguf *g = NULL;

    (void)state;
    assert_int_equal(
        anm_gguf_open(&g, test_data("tiny-gguf/blocks.gguf"), NULL), ANM_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[32];

        snprintf(name, sizeof(name), "blocks.%s", names[i]);
        const anm_gguf_tensor *t = anm_gguf_tensor_find(g, name);
        assert_non_null(t);
        assert_string_equal(t->type, names[i]);
        assert_int_equal(t->dtype, ANM_DTYPE_COUNT);
        assert_int_equal(t->dims[0], 3);
    }
    anm_gguf_close(g);
}

static void check_refused(test_gguf *f, anm_status expected, const char *words)
{
    anm_gguf *g = NULL;
    anm_error err = { 0 };

    assert_int_equal(anm_gguf_open(&g, test_gguf_write(f, "x.gguf"), &err),
                     expected);
    if (!strstr(err.message, words)) print_message("%s\n", err.message);
    assert_non_null(strstr(err.message, words));
    free(f->data);
    *f = (test_gguf){ 0 };
}

/* One tensor "t" with 64 bytes of data behind it. */
static void put_one(test_gguf *f, const uint64_t *sizes, uint32_t type,
                    uint64_t offset)
{
    static const char zeros[64];

    test_gguf_head(f, 3, 1, 0);
    test_gguf_tensor(f, "t", sizes, type, offset);
    test_gguf_pad(f, 32);
    test_gguf_bytes(f, zeros, sizeof(zeros));
}

static void unknown_and_removed_types_are_refused(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    put_one(&f, three, 999, 0);
    check_refused(&f, ANM_E_UNSUPPORTED, "t: type 999 of ggml is not known");
    put_one(&f, three, UINT32_MAX, 0);
    check_refused(&f, ANM_E_UNSUPPORTED, "t: type 4294967295");
    put_one(&f, three, 31, 0);
    check_refused(&f, ANM_E_UNSUPPORTED, "t: type Q4_0_4_4, which ggml");
}

static void shapes_are_held_against_type_and_data(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    put_one(&f, (const uint64_t[]){ 33, 0 }, 8, 0);
    check_refused(&f, ANM_E_FORMAT,
                  "t: rows of 33 are no whole blocks of Q8_0");
    put_one(&f, (const uint64_t[]){ 1ull << 62, 4, 0 }, 0, 0);
    check_refused(&f, ANM_E_FORMAT, "t: more bytes than 64 bits count");
    put_one(&f, (const uint64_t[]){ 1, UINT64_MAX, 1, 0 }, 0, 0);
    check_refused(&f, ANM_E_FORMAT, "t: more bytes than 64 bits count");
    put_one(&f, (const uint64_t[]){ 17, 0 }, 0, 0);
    check_refused(&f, ANM_E_FORMAT, "t: 68 bytes at offset 0 of 64 bytes");
    put_one(&f, (const uint64_t[]){ 1, 1, 1, 1, 1, 0 }, 0, 0);
    check_refused(&f, ANM_E_LIMIT, "t: 5 axes, at most 4");
}

static void offsets_are_aligned_and_inside(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    put_one(&f, three, 0, 16);
    check_refused(&f, ANM_E_FORMAT, "t: offset 16 is no multiple");
    put_one(&f, three, 0, 64);
    check_refused(&f, ANM_E_FORMAT, "t: 12 bytes at offset 64 of 64");
    put_one(&f, three, 0, UINT64_MAX - 31);
    check_refused(&f, ANM_E_FORMAT, "at offset 18446744073709551584");
}

static void put_two(test_gguf *f, const char *name, uint64_t offset)
{
    static const char zeros[96];

    test_gguf_head(f, 3, 2, 0);
    test_gguf_tensor(f, "t", (const uint64_t[]){ 9, 0 }, 0, 0);
    test_gguf_tensor(f, name, three, 0, offset);
    test_gguf_pad(f, 32);
    test_gguf_bytes(f, zeros, sizeof(zeros));
}

static void tensors_do_not_overlap_and_names_differ(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    put_two(&f, "u", 32);
    check_refused(&f, ANM_E_FORMAT,
                  "tensors overlap: u begins at 32, t ends at 36");
    put_two(&f, "u", 0);
    check_refused(&f, ANM_E_FORMAT, "tensors overlap");
    put_two(&f, "t", 64);
    check_refused(&f, ANM_E_FORMAT, "tensor t is there twice");
    put_two(&f, "", 64);
    check_refused(&f, ANM_E_FORMAT, "name is empty");
}

static void put_aligned(test_gguf *f, uint32_t alignment, size_t start)
{
    test_gguf_head(f, 3, 1, 1);
    test_gguf_key_u32(f, "general.alignment", alignment);
    test_gguf_tensor(f, "t", three, 0, 0);
    test_gguf_pad(f, start);
    for (unsigned char i = 0; i < 12; i++)
        test_gguf_bytes(f, &i, 1);
}

static void the_alignment_says_where_data_begins(void **state)
{
    (void)state;
    for (uint32_t alignment = 1; alignment <= 4096; alignment *= 2) {
        test_gguf f = { 0 };
        anm_gguf *g = NULL;

        put_aligned(&f, alignment, alignment);
        assert_int_equal(anm_gguf_open(&g, test_gguf_write(&f, "x"), NULL),
                         ANM_OK);
        assert_int_equal(anm_gguf_tensor_at(g, 0)->data.data[11], 11);
        anm_gguf_close(g);
        free(f.data);
    }
}

static void an_alignment_is_a_power_of_two(void **state)
{
    test_gguf f = { 0 };

    (void)state;
    put_aligned(&f, 24, 24);
    check_refused(&f, ANM_E_FORMAT, "general.alignment: 24 is no power of two");
    put_aligned(&f, 0, 32);
    check_refused(&f, ANM_E_FORMAT, "general.alignment: 0, allowed 1");
    put_aligned(&f, 1u << 31, 32);
    check_refused(&f, ANM_E_FORMAT, "general.alignment: 2147483648, allowed");
}

static void a_name_is_a_string_of_bounded_length(void **state)
{
    test_gguf f = { 0 };
    char name[257];

    (void)state;
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    test_gguf_head(&f, 3, 1, 0);
    test_gguf_tensor(&f, name, three, 0, 0);
    check_refused(&f, ANM_E_LIMIT, "name of 256 bytes, at most 255");
    test_gguf_head(&f, 3, 1, 0);
    test_gguf_u64(&f, 3);
    test_gguf_bytes(&f, "a\0b", 3);
    test_gguf_bytes(&f, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    check_refused(&f, ANM_E_FORMAT, "cut by a byte 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            tensors_are_found_by_name_with_the_outermost_size_first),
        cmocka_unit_test(types_that_are_not_built_in_have_their_name),
        cmocka_unit_test(unknown_and_removed_types_are_refused),
        cmocka_unit_test(shapes_are_held_against_type_and_data),
        cmocka_unit_test(offsets_are_aligned_and_inside),
        cmocka_unit_test(tensors_do_not_overlap_and_names_differ),
        cmocka_unit_test(the_alignment_says_where_data_begins),
        cmocka_unit_test(an_alignment_is_a_power_of_two),
        cmocka_unit_test(a_name_is_a_string_of_bounded_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
