/* Members share a walk without gap or overlap, and integers wrap as C's do.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "support/support.h"

static void shares_cover_each_grain_once(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        for (unsigned members = 1; members < 6; members++) {
            size_t next = 0;

            for (unsigned m = 0; m < members; m++) {
                const anm_cpu_turn t = { .member = m, .n_members = members };
                const anm_cpu_range r = anm_cpu_array_share(&t, n, 16);

                if (r.n == 0) continue;
                assert_int_equal(r.first, next);
                assert_int_equal(r.first % 16, 0);
                next = r.first + r.n;
            }
            assert_int_equal(next, n);
        }
    }
}

static void integers_wrap_to_their_declared_type(void **state)
{
    (void)state;
    assert_int_equal(anm_cpu_wrap(300, ANM_DTYPE_U8), 44);
    assert_int_equal(anm_cpu_wrap(-1, ANM_DTYPE_U8), 255);
    assert_int_equal(anm_cpu_wrap(200, ANM_DTYPE_I8), -56);
    assert_int_equal(anm_cpu_wrap(40000, ANM_DTYPE_I16), -25536);
    assert_int_equal(anm_cpu_wrap(-1, ANM_DTYPE_U16), 65535);
    assert_int_equal(anm_cpu_wrap(2147483648, ANM_DTYPE_I32), INT32_MIN);
    assert_int_equal(anm_cpu_wrap(7, ANM_DTYPE_BOOL), 1);
    assert_int_equal(anm_cpu_int_of(-1.9f, ANM_DTYPE_I32), -1);
    assert_int_equal(anm_cpu_int_of(1e30f, ANM_DTYPE_I32), 0);
    assert_int_equal(anm_cpu_int_of(-0x1p63f, ANM_DTYPE_I32), 0);
    assert_int_equal(anm_cpu_int_of(4294967296.0f, ANM_DTYPE_I32), 0);
}

/* A copy turned around, in any number of shares. */
static void walks_of_any_steps_copy_each_element(void **state)
{
    const anm_array_type t = { ANM_DTYPE_I32, 3, { 3, 5, 7 } };
    anm_cpu_cell from[105], to[105];

    (void)state;
    for (int i = 0; i < 105; i++)
        from[i].i = i;
    for (unsigned members = 1; members < 5; members++) {
        anm_cpu_walk w;

        anm_cpu_walk_begin(&w, &t);
        w.n_operands = 2;
        w.steps[1][0] = 1; /* read as [3, 5, 7] of [5, 7, 3] */
        w.steps[1][1] = 21;
        w.steps[1][2] = 3;
        anm_cpu_walk_join(&w);
        assert_int_equal(w.rank, 2);
        memset(to, 0xff, sizeof(to));
        for (unsigned m = 0; m < members; m++)
            anm_cpu_walk_copy(
                &w, &(anm_cpu_turn){ .member = m, .n_members = members }, to,
                from);
        for (int i = 0; i < 105; i++)
            assert_int_equal(to[i].i, i % 35 * 3 + i / 35);
    }
}

static void walks_of_nothing_and_of_one(void **state)
{
    const anm_array_type none = { ANM_DTYPE_I32, 2, { 0, 4 } };
    const anm_array_type one = { ANM_DTYPE_I32, 0, { 0 } };
    const anm_cpu_turn t = { .n_members = 1 };
    anm_cpu_cell from = { .i = 9 }, to = { .i = 0 };
    anm_cpu_walk w;

    (void)state;
    anm_cpu_walk_begin(&w, &none);
    anm_cpu_walk_add(&w, &none);
    anm_cpu_walk_join(&w);
    anm_cpu_walk_copy(&w, &t, &to, &from);
    assert_int_equal(to.i, 0);
    anm_cpu_walk_begin(&w, &one);
    anm_cpu_walk_add(&w, &one);
    anm_cpu_walk_join(&w);
    anm_cpu_walk_copy(&w, &t, &to, &from);
    assert_int_equal(to.i, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_cover_each_grain_once),
        cmocka_unit_test(integers_wrap_to_their_declared_type),
        cmocka_unit_test(walks_of_any_steps_copy_each_element),
        cmocka_unit_test(walks_of_nothing_and_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
