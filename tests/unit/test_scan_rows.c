/* Rows in order of id, whatever the order of their coming and going.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/scan_rows.h"
#include "support/support.h"

enum { DIM = 8192, N = 300 }; /* 64 rows a block */

static void put(anm_rows *r, int64_t id, float mark)
{
    static float v[DIM];

    v[0] = mark;
    v[DIM - 1] = -mark;
    assert_true(anm_rows_put(r, id, v));
}

static float mark_at(const anm_rows *r, size_t row)
{
    size_t n;
    const float *v = anm_rows_at(r, row, &n);

    assert_true(n > 0 && row % r->per_block + n <= r->per_block);
    assert_true(v[DIM - 1] == -v[0]);
    return v[0];
}

static void any_order_of_new_rows_is_put_in_order(void **state)
{
    anm_rows r;
    (void)state;

    anm_rows_init(&r, DIM);
    assert_int_equal(r.per_block, 64);
    for (int64_t id = 1; id <= 100; id++)
        put(&r, id, (float)id);
    assert_true(anm_rows_settle(&r));
    // 7 and 200 have no factor in common: every residue once.
    for (int64_t i = 0; i < 200; i++)
        put(&r, 101 + i * 7 % 200, (float)(101 + i * 7 % 200));
    assert_true(anm_rows_settle(&r));
    assert_int_equal(r.n, N);
    for (size_t row = 0; row < N; row++) {
        assert_int_equal(anm_rows_id(&r, row), row + 1);
        assert_true(mark_at(&r, row) == (float)(row + 1));
    }
    anm_rows_deinit(&r);
}

/* Rows that were missed go to their place, and marks with their rows. */
static void older_rows_that_come_late_are_put_in_order(void **state)
{
    static const int64_t missed[] = { 9, 4, 60, 6 };
    anm_rows r;
    (void)state;

    anm_rows_init(&r, DIM);
    for (int64_t id = 1; id <= 40; id++)
        if (id != 4 && id != 6 && id != 9) put(&r, id, (float)id);
    assert_true(anm_rows_settle(&r));
    anm_rows_remove(&r, 3);
    anm_rows_remove(&r, 8);
    for (size_t i = 0; i < 4; i++)
        put(&r, missed[i], (float)missed[i]);
    assert_true(anm_rows_settle(&r));
    assert_int_equal(r.n, 41);
    for (size_t row = 0; row < r.n; row++) {
        const int64_t id = anm_rows_id(&r, row);
        assert_int_equal(id, row < 40 ? row + 1 : 60);
        assert_true(mark_at(&r, row) == (float)id);
        assert_true(anm_rows_is_dead(&r, row) == (id == 3 || id == 8));
    }
    anm_rows_deinit(&r);
}

static void removed_rows_stay_until_a_quarter_is_such(void **state)
{
    anm_rows r;
    (void)state;

    anm_rows_init(&r, DIM);
    for (int64_t id = 1; id <= N; id++)
        put(&r, id * 2, (float)id);
    assert_true(anm_rows_settle(&r));
    for (int64_t id = 1; id <= 75; id++) {
        anm_rows_remove(&r, id * 8);
        anm_rows_remove(&r, id * 8);
        anm_rows_remove(&r, id * 8 + 1);
    }
    assert_true(anm_rows_settle(&r));
    assert_int_equal(r.n_dead, 75);
    assert_int_equal(r.n, N);
    assert_true(anm_rows_is_dead(&r, 3));
    put(&r, 8, 1000.0f);
    assert_false(anm_rows_is_dead(&r, 3));
    assert_true(mark_at(&r, 3) == 1000.0f);
    anm_rows_remove(&r, 8);
    anm_rows_remove(&r, 2);
    const uint64_t before = anm_rows_bytes(&r);
    assert_true(anm_rows_settle(&r));
    assert_int_equal(r.n, 224);
    assert_int_equal(r.n_dead, 0);
    assert_true(anm_rows_bytes(&r) < before);
    for (size_t row = 1; row < r.n; row++)
        assert_true(anm_rows_id(&r, row - 1) < anm_rows_id(&r, row));
    put(&r, 10000, 1.0f);
    assert_true(anm_rows_settle(&r));
    assert_int_equal(anm_rows_id(&r, 224), 10000);
    anm_rows_deinit(&r);
}

static void seek_finds_the_first_not_below(void **state)
{
    anm_rows r;
    (void)state;

    anm_rows_init(&r, 4);
    for (int64_t id = 1; id <= N; id++)
        assert_true(anm_rows_put(&r, id * 3, (const float[]){ 1.0f, 0, 0, 0 }));
    assert_true(anm_rows_settle(&r));
    for (size_t from = 0; from < N; from += 37) {
        for (int64_t id = -1; id < 3 * N + 5; id++) {
            size_t want = from;
            while (want < N && (int64_t)(want + 1) * 3 < id)
                want++;
            assert_int_equal(anm_rows_seek(&r, from, N, id), want);
        }
    }
    assert_int_equal(anm_rows_seek(&r, 5, 5, 0), 5);
    anm_rows_deinit(&r);
}

static void growing_fails_whole(void **state)
{
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k++) {
        static const float v[DIM] = { 1.0f };
        anm_rows r;
        size_t n = 0;
        int64_t id = 200;

        anm_rows_init(&r, DIM);
        test_fault_arm(k);
        // Downwards, so that settling sorts.
        while (id > 0 && anm_rows_put(&r, id, v))
            n++, id--;
        assert_int_equal(r.n, n);
        const bool settled = anm_rows_settle(&r);
        happened = test_fault_disarm();
        assert_int_equal(r.n, settled ? n : 0);
        for (size_t row = 1; row < r.n; row++)
            assert_true(anm_rows_id(&r, row - 1) < anm_rows_id(&r, row));
        anm_rows_deinit(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_new_rows_is_put_in_order),
        cmocka_unit_test(older_rows_that_come_late_are_put_in_order),
        cmocka_unit_test(removed_rows_stay_until_a_quarter_is_such),
        cmocka_unit_test(seek_finds_the_first_not_below),
        cmocka_unit_test(growing_fails_whole),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
