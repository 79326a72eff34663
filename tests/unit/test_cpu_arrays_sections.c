/* Constants come out of their sections as they went in, whatever type they are
 * stored in and whoever reads them; and a damaged section is told.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "support/arrays_run.h"
#include "support/support.h"

/* ---- Types --------------------------------------------------------------- */

static void check_stored(anm_dtype stored, const void *bytes, size_t len,
                         const int64_t *dims, const void *numbers)
{
    const bool is_float = stored == ANM_DTYPE_F32 || stored == ANM_DTYPE_F16 ||
                          stored == ANM_DTYPE_BF16;
    anm_array_type type = { .dtype = stored };
    test_arrays t;

    for (; dims[type.rank] >= 0; type.rank++)
        type.dims[type.rank] = dims[type.rank];
    test_arrays_init(&t);
    test_arrays_in(&t, ANM_DTYPE_F32, D(1), F(0));
    const anm_value_id c =
        anm_arrays_const(t.program, "c", &type, anm_bytes_of(bytes, len));
    test_arrays_gives(&t,
                      &(test_node){ ANM_ARRAY_IDENTITY,
                                    { c },
                                    1,
                                    { 0 },
                                    is_float ? ANM_DTYPE_F32 : ANM_DTYPE_I32,
                                    dims },
                      numbers);
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static void every_stored_type_widens(void **state)
{
    /* Behind one byte, so that nothing is aligned. */
    static const unsigned char bytes[] = { 0,    0x00, 0x3c, 0x00, 0xc0,
                                           0xff, 0x7f, 0x01, 0x80 };

    (void)state;
    check_stored(ANM_DTYPE_F16, bytes + 1, 4, D(2), F(1, -2));
    check_stored(ANM_DTYPE_BF16, "\x80\x3f\x00\xc0", 4, D(2), F(1, -2));
    check_stored(ANM_DTYPE_I8, bytes + 4, 2, D(2), I(-64, -1));
    check_stored(ANM_DTYPE_U8, bytes + 4, 2, D(2), I(192, 255));
    check_stored(ANM_DTYPE_I16, bytes + 5, 4, D(2), I(32767, -32767));
    check_stored(ANM_DTYPE_U16, bytes + 5, 4, D(2), I(32767, 32769));
    check_stored(ANM_DTYPE_I32, bytes + 5, 4, D(1), I(-2147385345));
    check_stored(ANM_DTYPE_BOOL, bytes, 2, D(2, 1), I(0, 0));
    check_stored(ANM_DTYPE_BOOL, bytes + 7, 2, D(2), I(1, 1));
}

/* ---- Readers ------------------------------------------------------------- */

static const uint16_t halves[] = { 0x3c00, 0x4000, 0x4200,   /* 1 2 3 */
                                   0x4400, 0x4500, 0x4600 }; /* 4 5 6 */

/* One constant, as weights, as rows that are looked up, and element by element.
 */
static void build_shared(test_arrays *t, anm_value_id c)
{
    const anm_value_id x =
        test_arrays_in(t, ANM_DTYPE_F32, D(1, 3), F(1, 0, -1));
    const anm_value_id ix = test_arrays_in(t, ANM_DTYPE_I32, D(1), I(1));

    test_arrays_gives(
        t,
        &(test_node){
            ANM_ARRAY_LINEAR, { x, c }, 2, { 0 }, ANM_DTYPE_F32, D(1, 2) },
        F(-2, -2));
    test_arrays_gives(
        t,
        &(test_node){
            ANM_ARRAY_GATHER, { c, ix }, 2, { 0 }, ANM_DTYPE_F32, D(1, 3) },
        F(4, 5, 6));
    test_arrays_gives(
        t,
        &(test_node){
            ANM_ARRAY_MUL, { x, c }, 2, { 0 }, ANM_DTYPE_F32, D(2, 3) },
        F(1, 0, -3, 4, 0, -6));
}

static const anm_array_type matrix = { ANM_DTYPE_F16, 2, { 2, 3 } };

static void one_constant_serves_all_its_readers(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    build_shared(&t, anm_arrays_const(t.program, "c", &matrix,
                                      anm_bytes_of(halves, sizeof(halves))));
    test_arrays_check(&t);
    test_arrays_deinit(&t);
}

static anm_status fill_halves(void *ctx, void *dst, size_t bytes,
                              anm_error *err)
{
    size_t *n = ctx;

    if (*n == SIZE_MAX) return anm_fail(err, ANM_E_CORRUPT, "no such palette");
    assert_int_equal(bytes, sizeof(halves));
    memcpy(dst, halves, bytes);
    ++*n;
    return ANM_OK;
}

static void constants_are_made_when_asked_for(void **state)
{
    size_t n = 0;
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    build_shared(
        &t, anm_arrays_const_lazy(t.program, "c", &matrix, fill_halves, &n));
    assert_int_equal(n, 0);
    test_arrays_check(&t);
    assert_int_equal(n, 2 * 3); /* once a form, by two runners */
    n = SIZE_MAX;
    test_arrays_fails(&t, ANM_E_CORRUPT, "no such palette");
    test_arrays_deinit(&t);
}

/* More than a buffer of cells or panels holds, and rows that end in a panel. */
static void large_constants_are_whole(void **state)
{
    enum { K = 700, N = 50 };
    float *w = malloc(sizeof(float) * K * N), *x = malloc(sizeof(float) * K);
    float y[N];
    test_arrays t;

    (void)state;
    assert_non_null(w);
    assert_non_null(x);
    for (size_t k = 0; k < K; k++) {
        x[k] = (float)(k % 3);
        for (size_t n = 0; n < N; n++)
            w[k * N + n] = (float)((k + n) % 5);
    }
    for (size_t n = 0; n < N; n++) {
        y[n] = 0;
        for (size_t k = 0; k < K; k++)
            y[n] += x[k] * w[k * N + n];
    }
    test_arrays_init(&t);
    const anm_value_id v = test_arrays_in(&t, ANM_DTYPE_F32, D(K), x);
    const anm_value_id c = test_arrays_const(&t, ANM_DTYPE_F32, D(K, N), w);
    test_arrays_gives(&t,
                      &(test_node){ ANM_ARRAY_LINEAR,
                                    { v, c },
                                    2,
                                    { .flags = ANM_ARRAY_TRANSPOSE_W },
                                    ANM_DTYPE_F32,
                                    D(N) },
                      y);
    test_arrays_gives(
        &t,
        &(test_node){
            ANM_ARRAY_MATMUL, { v, c }, 2, { 0 }, ANM_DTYPE_F32, D(N) },
        y);
    test_arrays_check(&t);
    test_arrays_deinit(&t);
    free(w);
    free(x);
}

/* ---- What is refused ----------------------------------------------------- */

static void weights_must_be_constants(void **state)
{
    test_arrays t;

    (void)state;
    test_arrays_init(&t);
    const anm_value_id x =
        test_arrays_in(&t, ANM_DTYPE_F32, D(2, 2), F(1, 2, 3, 4));
    test_arrays_gives(
        &t,
        &(test_node){
            ANM_ARRAY_LINEAR, { x, x }, 2, { 0 }, ANM_DTYPE_F32, D(2, 2) },
        F(0, 0, 0, 0));
    test_arrays_fails(&t, ANM_E_UNSUPPORTED,
                      "v1: weights of linear must be a constant matrix of "
                      "floats, v0 is computed, F32 [2, 2]");
    test_arrays_deinit(&t);
}

static void sections_are_looked_at(void **state)
{
    const anm_load_params params = { .units = ANM_UNITS_CPU_ONLY,
                                     .threads = 1 };
    anm_error err = { 0 };
    test_arrays t;
    test_runner r;

    (void)state;
    test_arrays_init(&t);
    build_shared(&t, anm_arrays_const(t.program, "c", &matrix,
                                      anm_bytes_of(halves, sizeof(halves))));
    const anm_program program = { .arrays = t.program,
                                  .precision = ANM_PRECISION_F32 };
    test_arrays_load(&t, &r, 1);
    anm_sections s = r.sections.view;
    assert_int_equal(s.n, 3);
    for (size_t i = 0; i < s.n; i++) {
        anm_section *item = &r.sections.items[i];
        anm_runner *none = NULL;
        char words[128];

        snprintf(words, sizeof(words), "section %s: %zu bytes found, %zu",
                 item->name, item->bytes.len - 1, item->bytes.len);
        item->bytes.len--;
        assert_int_equal(
            anm_backend_cpu.load(&none, &program, &params, &s, &err),
            ANM_E_CORRUPT);
        if (!strstr(err.message, words))
            fail_msg("\"%s\" not in: %s", words, err.message);
        item->bytes.len++;
    }
    s.n = 0;
    anm_runner *none = NULL;
    assert_int_equal(anm_backend_cpu.load(&none, &program, &params, &s, &err),
                     ANM_E_CORRUPT);
    assert_non_null(strstr(err.message, "no section cells among 0"));
    test_runner_deinit(&r);
    test_arrays_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stored_type_widens),
        cmocka_unit_test(one_constant_serves_all_its_readers),
        cmocka_unit_test(constants_are_made_when_asked_for),
        cmocka_unit_test(large_constants_are_whole),
        cmocka_unit_test(weights_must_be_constants),
        cmocka_unit_test(sections_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
