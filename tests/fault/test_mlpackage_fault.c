/* Damage of any kind to a package gives an error or a package that can be read
 * to the last byte; memory that runs out gives an error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/packages.h"
#include "support/safetensors_write.h"

static const char GOOD[] = "op_constexpr_n8_ios18_fp16";

static void read_value(const anm_mil_value *v)
{
    volatile uint8_t sum = 0;

    for (size_t i = 0; i < v->data.len; i++)
        sum = (uint8_t)(sum + v->data.data[i]);
    for (uint64_t i = 0; v->strings && i < v->n; i++)
        sum = (uint8_t)(sum + strlen(v->strings[i]));
}

static void read_block(const anm_mil_block *b)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];

        for (size_t j = 0; j < op->n_attributes; j++)
            read_value(op->attributes[j].value);
        for (size_t j = 0; j < op->n_args; j++)
            if (op->args[j].bindings[0].value)
                read_value(op->args[j].bindings[0].value);
        for (size_t j = 0; j < op->n_blocks; j++)
            read_block(&op->blocks[j]);
    }
}

static anm_status try_open(const char *path)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };
    const anm_status status = anm_mlpackage_open(&p, path, &err);

    assert_int_equal(!p, status != ANM_OK);
    assert_int_equal(err.status, status);
    for (size_t i = 0; p && i < p->n_functions; i++)
        read_block(&p->functions[i].block);
    if (p) anm_mlpackage_check_runnable(p, NULL);
    anm_mlpackage_close(p);
    return status;
}

/* A file of a copied package, and its bytes. */
typedef struct victim {
    const char *package;
    char path[4200];
    char *bytes;
    size_t len;
} victim;

static victim choose(const char *name, const char *file)
{
    victim v = { .package = test_package_copy(name) };

    snprintf(v.path, sizeof(v.path), "%s/Data/com.apple.CoreML/%s", v.package,
             file);
    v.bytes = test_read(v.path, &v.len);
    return v;
}

/* The whole file is fine, and cut at every step-th byte it is none. */
static void cut(const char *name, const char *file, size_t step)
{
    victim v = choose(name, file);

    for (size_t n = 0; n < v.len; n += step) {
        test_write(v.path, v.bytes, n);
        if (try_open(v.package) != ANM_E_FORMAT)
            fail_msg("%s of %s cut at %zu", file, name, n);
    }
    test_write(v.path, v.bytes, v.len);
    assert_int_equal(try_open(v.package), ANM_OK);
    free(v.bytes);
}

static void every_truncation_is_format_error(void **state)
{
    (void)state;

    cut("immediate_only_ios16", "model.mlmodel", 1);
    cut("op_state_ios18", "model.mlmodel", 1);
    cut(GOOD, "model.mlmodel", 13);
    cut(GOOD, "weights/weight.bin", 5);
}

static size_t flip_every_bit(victim *v, size_t len)
{
    size_t n_errors = 0;

    for (size_t bit = 0; bit < len * 8; bit++) {
        v->bytes[bit / 8] = (char)(v->bytes[bit / 8] ^ (1 << bit % 8));
        test_write(v->path, v->bytes, v->len);
        n_errors += try_open(v->package) != ANM_OK;
        v->bytes[bit / 8] = (char)(v->bytes[bit / 8] ^ (1 << bit % 8));
    }
    return n_errors;
}

static void every_bit_flip_is_survived(void **state)
{
    (void)state;
    victim v = choose("immediate_only_ios16", "model.mlmodel");

    // Bytes of names, texts and numbers may pass unseen.
    assert_true(flip_every_bit(&v, v.len) > v.len * 8 / 3);
    free(v.bytes);
    v = choose(GOOD, "weights/weight.bin");
    assert_true(flip_every_bit(&v, 128) > 200);
    free(v.bytes);
}

static void every_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    static const char *const names[] = {
        "coreml/op_constexpr_n8_ios18_fp16.mlpackage",
        "coreml/refuse_cond_ios16.mlpackage",
    };

    for (size_t i = 0; i < 2; i++)
        for (uint64_t k = 1;; k++) {
            test_fault_arm(k);
            const anm_status status = try_open(test_data(names[i]));

            if (!test_fault_disarm()) {
                assert_int_equal(status, ANM_OK);
                assert_true(k > 5);
                break;
            }
            assert_int_equal(status, ANM_E_NOMEM);
        }
}

static int install(void **state)
{
    (void)state;
    test_fault_install();
    test_fault_spare_jansson(true);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_format_error),
        cmocka_unit_test(every_bit_flip_is_survived),
        cmocka_unit_test(every_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
