/* Damage of any kind to a safetensors file gives an error or a set of tensors
 * that can be read to the last byte; memory that runs out gives an error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/safetensors_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/safetensors.h"

/* Open, and read every byte that is handed out. */
static anm_status try_open(const char *path)
{
    anm_safetensors *f = NULL;
    anm_error err = { 0 };
    volatile uint8_t sum = 0;
    const anm_status status = anm_safetensors_open(&f, path, &err);

    assert_int_equal(!f, status != ANM_OK);
    assert_int_equal(err.status, status);
    for (size_t i = 0; f && i < anm_safetensors_n(f); i++) {
        const anm_tensor *t = anm_safetensors_at(f, i);

        assert_ptr_equal(anm_safetensors_find(f, t->name), t);
        for (size_t j = 0; j < t->data.len; j++)
            sum = (uint8_t)(sum + t->data.data[j]);
    }
    anm_safetensors_close(f);
    return status;
}

static const char *damaged_path(void)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/x.safetensors", test_temp_folder());
    return path;
}

static void every_truncation_is_format_error(void **state)
{
    (void)state;
    const char *path = damaged_path();
    size_t len = 0;
    char *bytes = test_safetensors_make(TEST_SAFETENSORS_HEADER,
                                        TEST_SAFETENSORS_DATA, &len);

    for (size_t n = 0; n < len; n++) {
        test_write(path, bytes, n);
        assert_int_equal(try_open(path), ANM_E_FORMAT);
    }
    test_write(path, bytes, len);
    assert_int_equal(try_open(path), ANM_OK);
    free(bytes);
}

static void every_bit_flip_of_the_header_is_survived(void **state)
{
    (void)state;
    const char *path = damaged_path();
    size_t len = 0, n_errors = 0;
    char *bytes = test_safetensors_make(TEST_SAFETENSORS_HEADER,
                                        TEST_SAFETENSORS_DATA, &len);
    const size_t n_bits = (len - TEST_SAFETENSORS_DATA) * 8;

    for (size_t bit = 0; bit < n_bits; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        test_write(path, bytes, len);
        n_errors += try_open(path) != ANM_OK;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    // What may pass unseen are names, type letters of equal size, and shapes
    // of empty tensors: far less than half.
    assert_true(n_errors > n_bits / 2);
    free(bytes);
}

/* Fail each allocation of an open in turn; returns how many there are. */
static uint64_t fail_each_allocation(const char *path)
{
    for (uint64_t k = 1;; k++) {
        test_fault_arm(k);
        const anm_status status = try_open(path);

        if (!test_fault_disarm()) {
            assert_int_equal(status, ANM_OK);
            return k - 1;
        }
        assert_int_equal(status, ANM_E_NOMEM);
    }
}

static void every_failed_allocation_of_a_file_is_out_of_memory(void **state)
{
    (void)state;
    const char *path =
        test_safetensors_write(test_temp_folder(), "x.safetensors",
                               TEST_SAFETENSORS_HEADER, TEST_SAFETENSORS_DATA);
    assert_true(fail_each_allocation(path) > 10);
}

static void every_failed_allocation_of_an_index_is_out_of_memory(void **state)
{
    (void)state;
    const char *folder = test_temp_folder();

    test_safetensors_write(folder, "1.st", TEST_SAFETENSORS_HEADER,
                           TEST_SAFETENSORS_DATA);
    test_safetensors_write(
        folder, "2.st", "{'z':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}",
        1);
    const char *path = test_json_write(
        folder, "x.index.json",
        "{'weight_map':{'a.x':'1.st','b':'1.st','c':'1.st','none':'1.st',"
        "'z':'2.st'}}");
    assert_true(fail_each_allocation(path) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_format_error),
        cmocka_unit_test(every_bit_flip_of_the_header_is_survived),
        cmocka_unit_test(every_failed_allocation_of_a_file_is_out_of_memory),
        cmocka_unit_test(every_failed_allocation_of_an_index_is_out_of_memory),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
