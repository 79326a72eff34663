/* Unit tests of model/mil_cost.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_cost.h"

#include "support/packages.h"
#include "support/pb_write.h"

enum { F16 = 10 };

static void two(test_pb *w, const char *type, const char *a, const char *x,
                const char *b, const char *y, const char *name,
                const int64_t *dims, size_t n)
{
    test_mil_op(w, type);
    test_mil_arg(w, a, x);
    test_mil_arg(w, b, y);
    test_mil_output(w, name, F16, dims, n);
    test_pb_end(w);
}

static void constant(test_pb *w, const char *name, const int64_t *dims,
                     size_t n, size_t bytes)
{
    static const char zeros[4096];

    test_mil_const(w, name, F16, dims, n, 7);
    test_pb_bytes(w, 1, zeros, bytes);
    test_mil_const_end(w);
}

static void products_cost_their_multiplications(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_mil_begin(&w);
    constant(&w, "weight", TEST_DIMS(8, 4), 64);
    two(&w, "linear", "x", "x", "weight", "weight", "a", TEST_DIMS(2, 8));
    two(&w, "matmul", "x", "a", "y", "a", "b", TEST_DIMS(2, 2));
    two(&w, "gather", "x", "weight", "indices", "x", "c", TEST_DIMS(4));
    test_mil_relu(&w, "x", "y");
    test_mil_end(&w);
    anm_mlpackage *p = test_open_package(test_pb_file(&w));
    const anm_mil_function *f = p->main;
    const anm_mil_op *ops = f->block.ops;

    assert_true(anm_mil_op_cost(f, &ops[0]) == 0);
    // 16 results of 4 products; 16 bytes of x, 64 of weights, 32 of results.
    assert_true(anm_mil_op_cost(f, &ops[1]) == 64 + 112.0 / 16);
    assert_true(anm_mil_op_cost(f, &ops[2]) == 32 + 72.0 / 16);
    // Rows alone, not the table.
    assert_true(anm_mil_op_cost(f, &ops[3]) == 8.0 / 16);
    assert_true(anm_mil_op_cost(f, &ops[4]) == 32.0 / 16);
    anm_mlpackage_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_cost_their_multiplications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
