/* Constants of a function: views, chains, and what their declarations hold
 * them to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_constants.h"

#include <string.h>

#include "base/alloc.h"
#include "support/mil_build.h"
#include "support/support.h"

static const int64_t four[] = { 4, 0 };
static const uint8_t codes[] = { 3, 2, 1, 0 };
static const float lut[] = { 1, 2, 4, 8 }, scale = 10;

static anm_mil_binding result_of(const test_mil *m, size_t op)
{
    return (anm_mil_binding){ .name = m->ops[op].name, .from = &m->ops[op] };
}

static anm_status get(test_mil *m, size_t op, anm_mil_array *out,
                      anm_mil_constants **c, anm_error *err)
{
    const anm_mil_binding b = result_of(m, op);

    assert_int_equal(anm_mil_constants_new(c, &m->function, err), ANM_OK);
    assert_true(anm_mil_is_constant(&b));
    return anm_mil_constants_get(*c, &b, out, err);
}

static void a_const_is_a_view_of_the_file(void **state)
{
    test_mil m;
    anm_mil_constants *c;
    anm_mil_array a;
    anm_error err;
    (void)state;

    test_mil_init(&m, "CoreML8", 18);
    test_mil_add_const(&m, "lut", ANM_MIL_FLOAT32, lut, 4);
    assert_int_equal(get(&m, 0, &a, &c, &err), ANM_OK);
    assert_ptr_equal(a.data.data, lut);
    assert_int_equal(a.dims[0], 4);
    assert_null(a.owned);
    anm_mil_constants_free(c);
}

/* Scale of a scale: each is made once, whichever is asked for. */
static void chains_are_followed(void **state)
{
    static const float want[] = { 300, 200, 100, 0 };
    test_mil m;
    anm_mil_constants *c;
    anm_mil_array a;
    anm_error err;
    (void)state;

    test_mil_init(&m, "CoreML8", 18);
    test_mil_add_const(&m, "codes", ANM_MIL_UINT8, codes, 4);
    test_mil_add_const(&m, "scale", ANM_MIL_FLOAT32, &scale, 1);
    test_mil_add(&m, "constexpr_blockwise_shift_scale", "once",
                 "data=codes scale=scale", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "constexpr_blockwise_shift_scale", "twice",
                 "data=once scale=scale", ANM_MIL_FLOAT32, four);
    assert_int_equal(get(&m, 3, &a, &c, &err), ANM_OK);
    assert_memory_equal(a.data.data, want, sizeof(want));
    anm_mil_constants_free(c);
}

static void lazy_bytes_are_let_go_of_again(void **state)
{
    static const float want[] = { 30, 20, 10, 0 };
    test_mil m;
    anm_mil_constants *c;
    anm_alloc_stats before, after;
    float got[4];
    anm_error err;
    (void)state;

    test_mil_init(&m, "CoreML8", 18);
    test_mil_add_const(&m, "codes", ANM_MIL_UINT8, codes, 4);
    test_mil_add_const(&m, "scale", ANM_MIL_FLOAT32, &scale, 1);
    test_mil_add(&m, "constexpr_blockwise_shift_scale", "w",
                 "data=codes scale=scale", ANM_MIL_FLOAT32, four);
    assert_int_equal(anm_mil_constants_new(&c, &m.function, &err), ANM_OK);
    const anm_mil_binding b = result_of(&m, 2);
    void *lazy = anm_mil_constants_lazy(c, &b);
    anm_alloc_stats_read(&before);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(anm_mil_constants_fill(lazy, got, sizeof(got), &err),
                         ANM_OK);
        assert_memory_equal(got, want, sizeof(want));
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(before.bytes_live, after.bytes_live);
    assert_int_equal(anm_mil_constants_fill(lazy, got, 8, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "16 bytes, 8 are declared"));
    anm_mil_constants_free(c);
}

static void expect_refused(test_mil *m, size_t op, anm_status want,
                           const char *words)
{
    anm_mil_constants *c;
    anm_mil_array a;
    anm_error err = { .message = "" };

    assert_int_equal(get(m, op, &a, &c, &err), want);
    if (!strstr(err.message, words))
        fail_msg("'%s' does not hold '%s'", err.message, words);
    anm_mil_constants_free(c);
}

static void what_does_not_fit_is_refused_by_name(void **state)
{
    static const int64_t five[] = { 5, 0 };
    test_mil m;
    (void)state;

    test_mil_init(&m, "CoreML8", 18);
    test_mil_add_const(&m, "codes", ANM_MIL_UINT8, codes, 4);
    test_mil_add_const(&m, "scale", ANM_MIL_FLOAT32, &scale, 1);
    test_mil_add(&m, "constexpr_frobnicate", "f", "data=codes", ANM_MIL_FLOAT32,
                 four);
    test_mil_add(&m, "constexpr_blockwise_shift_scale", "g", "data=codes",
                 ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "constexpr_blockwise_shift_scale", "h",
                 "data=codes scale=scale", ANM_MIL_FLOAT32, five);
    test_mil_add(&m, "constexpr_blockwise_shift_scale", "i",
                 "data=codes scale=scale", ANM_MIL_FLOAT16, four);
    test_mil_add(&m, "relu", "r", "x=codes", ANM_MIL_FLOAT32, four);
    test_mil_add(&m, "constexpr_blockwise_shift_scale", "j",
                 "data=r scale=scale", ANM_MIL_FLOAT32, four);
    expect_refused(&m, 2, ANM_E_UNSUPPORTED,
                   "constexpr_frobnicate f: function main (CoreML8)");
    expect_refused(&m, 3, ANM_E_FORMAT, "g: it has no scale");
    expect_refused(&m, 4, ANM_E_FORMAT, "it declares FLOAT32 [5]");
    expect_refused(&m, 5, ANM_E_FORMAT, "it declares FLOAT16 [4]");
    expect_refused(&m, 7, ANM_E_FORMAT, "data must be one constant");

    // The size shows without making anything.
    anm_error err;
    assert_int_equal(anm_mil_constants_check(&m.ops[4], &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "declares 5 elements"));
    assert_int_equal(anm_mil_constants_check(&m.ops[5], &err), ANM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_const_is_a_view_of_the_file),
        cmocka_unit_test(chains_are_followed),
        cmocka_unit_test(lazy_bytes_are_let_go_of_again),
        cmocka_unit_test(what_does_not_fit_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
