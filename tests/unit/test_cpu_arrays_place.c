/* A place is given to another value only when nobody reads the last one any
 * more: programs with random readers give what they must.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/arrays_run.h"
#include "support/support.h"

enum { NODES = 40, WIDTH = 3 };

/* What a value is, beside the program. */
typedef struct known {
    anm_value_id id;
    float numbers[WIDTH];
} known;

static void add_node(test_arrays *t, known *y, const known *a, const known *b,
                     unsigned kind)
{
    static const anm_array_op ops[] = { ANM_ARRAY_ADD, ANM_ARRAY_SUB,
                                        ANM_ARRAY_IDENTITY, ANM_ARRAY_ABS };
    const anm_array_op op = ops[kind];
    const bool binary = kind < 2;

    for (size_t i = 0; i < WIDTH; i++) {
        const float x = a->numbers[i], z = b->numbers[i];

        y->numbers[i] = kind == 0   ? x + z
                        : kind == 1 ? x - z
                        : kind == 2 ? x
                        : x < 0     ? -x
                                    : x;
    }
    y->id = test_arrays_node(t, &(test_node){ op,
                                              { a->id, b->id },
                                              binary ? 2 : 1,
                                              { 0 },
                                              ANM_DTYPE_F32,
                                              D(WIDTH) });
}

static void random_readers_see_what_they_should(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        known v[NODES + 1];
        uint64_t s = seed;
        test_arrays t;

        test_arrays_init(&t);
        memcpy(v[0].numbers, F(1, -2, 3), sizeof(v[0].numbers));
        v[0].id = test_arrays_in(&t, ANM_DTYPE_F32, D(WIDTH), v[0].numbers);
        for (size_t i = 1; i <= NODES; i++) {
            const size_t near = i < 4 ? i : 4;
            const known *a = &v[i - 1 - test_random(&s) % near];
            const known *b = &v[test_random(&s) % i];

            add_node(&t, &v[i], a, b, (unsigned)(test_random(&s) % 4));
            if (test_random(&s) % 5 == 0)
                test_arrays_expect(&t, v[i].id, D(WIDTH), v[i].numbers);
        }
        test_arrays_expect(&t, v[NODES].id, D(WIDTH), v[NODES].numbers);
        test_arrays_check(&t);
        test_arrays_deinit(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_readers_see_what_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
