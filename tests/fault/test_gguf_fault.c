/* Damage of any kind to a GGUF file gives an error or metadata and tensors that
 * can be read to the last byte; memory that runs out gives an error; what is
 * allocated is in proportion to the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/safetensors_write.h"

static void read_all(const anm_gguf *g)
{
    volatile uint8_t sum = 0;

    for (size_t i = 0; i < anm_gguf_n_entries(g); i++) {
        const anm_gguf_entry *e = anm_gguf_entry_at(g, i);

        for (size_t j = 0; j < e->key.len; j++)
            sum = (uint8_t)(sum + (unsigned char)e->key.data[j]);
        for (size_t j = 0; j < e->value.len; j++)
            sum = (uint8_t)(sum + e->value.data[j]);
    }
    for (size_t i = 0; i < anm_gguf_n_tensors(g); i++) {
        const anm_gguf_tensor *t = anm_gguf_tensor_at(g, i);

        assert_ptr_equal(anm_gguf_tensor_find(g, t->name), t);
        for (size_t j = 0; j < t->data.len; j++)
            sum = (uint8_t)(sum + t->data.data[j]);
    }
}

static anm_status try_open(const char *path)
{
    anm_gguf *g = NULL;
    anm_error err = { 0 };
    const anm_status status = anm_gguf_open(&g, path, &err);

    assert_int_equal(!g, status != ANM_OK);
    assert_int_equal(err.status, status);
    if (g) read_all(g);
    anm_gguf_close(g);
    return status;
}

static const char *damaged_path(void)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/x.gguf", test_temp_folder());
    return path;
}

static void every_truncation_is_format_error(void **state)
{
    const char *path = damaged_path();
    test_gguf f = { 0 };

    (void)state;
    test_gguf_sample(&f);
    for (size_t n = 0; n < f.len; n++) {
        test_write(path, f.data, n);
        assert_int_equal(try_open(path), ANM_E_FORMAT);
    }
    test_write(path, f.data, f.len);
    assert_int_equal(try_open(path), ANM_OK);
    free(f.data);
}

static void every_bit_flip_of_the_header_is_survived(void **state)
{
    const char *path = damaged_path();
    test_gguf f = { 0 };
    size_t n_errors = 0;

    (void)state;
    test_gguf_sample(&f);
    const size_t n_bits = (f.len - 66) * 8;
    for (size_t bit = 0; bit < n_bits; bit++) {
        f.data[bit / 8] = (unsigned char)(f.data[bit / 8] ^ (1 << bit % 8));
        test_write(path, f.data, f.len);
        n_errors += try_open(path) != ANM_OK;
        f.data[bit / 8] = (unsigned char)(f.data[bit / 8] ^ (1 << bit % 8));
    }
    // What may pass unseen are characters and the values of numbers.
    assert_true(n_errors > n_bits / 2);
    free(f.data);
}

static void every_failed_allocation_is_out_of_memory(void **state)
{
    test_gguf f = { 0 };
    uint64_t k = 1;

    (void)state;
    test_gguf_sample(&f);
    const char *path = test_gguf_write(&f, "x.gguf");
    for (;; k++) {
        test_fault_arm(k);
        const anm_status status = try_open(path);

        if (!test_fault_disarm()) {
            assert_int_equal(status, ANM_OK);
            break;
        }
        assert_int_equal(status, ANM_E_NOMEM);
    }
    assert_true(k > 4);
    free(f.data);
}

/* As many of the smallest entries and tensors as fit in the file. */
static void memory_is_in_proportion_to_the_file(void **state)
{
    enum { N = 20000 };
    test_gguf f = { 0 };
    anm_gguf *g = NULL;
    anm_alloc_stats before, after;

    (void)state;
    test_gguf_head(&f, 3, N, N);
    for (unsigned i = 0; i < N; i++) {
        test_gguf_u64(&f, 2);
        test_gguf_bytes(&f, &(uint16_t){ (uint16_t)i }, 2);
        test_gguf_u32(&f, ANM_GGUF_U8);
        test_gguf_bytes(&f, "", 1);
    }
    for (unsigned i = 0; i < N; i++) {
        char name[8];

        snprintf(name, sizeof(name), "%x", i);
        test_gguf_tensor(&f, name, (const uint64_t[]){ 0 }, 24, i * 32ull);
    }
    test_gguf_pad(&f, 32);
    const size_t header = f.len;
    for (unsigned i = 0; i < N; i++)
        test_gguf_bytes(&f, "0123456789abcdef0123456789abcdef", 32);

    const char *path = test_gguf_write(&f, "x.gguf");
    anm_alloc_stats_read(&before);
    assert_int_equal(anm_gguf_open(&g, path, NULL), ANM_OK);
    anm_alloc_stats_read(&after);
    assert_true(after.bytes_live - before.bytes_live < 8 * header);
    assert_true(after.bytes_peak < before.bytes_peak + 8 * header);
    anm_gguf_close(g);
    free(f.data);
}

static int install(void **state)
{
    (void)state;
    test_fault_install();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_format_error),
        cmocka_unit_test(every_bit_flip_of_the_header_is_survived),
        cmocka_unit_test(every_failed_allocation_is_out_of_memory),
        cmocka_unit_test(memory_is_in_proportion_to_the_file),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
