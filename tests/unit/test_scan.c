/* The exact nearest: against a plain computation, under changes, in parts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "store/scan.h"
#include "support/stores.h"

enum { DIM = 24, MAX_ITEMS = 2000 };

typedef struct fixture {
    const char *path;
    anm_store *s;
    anm_collection c;
    anm_kern kern;
    anm_scan *scan;
} fixture;

static int set_up(void **state)
{
    static fixture f;

    f.path = test_db_path();
    f.s = test_store_open(f.path, ANM_STORE_CREATE);
    f.c = test_store_collection(f.s, "notes", DIM);
    anm_kern_init(&f.kern, anm_cpu_detect());
    assert_int_equal(anm_scan_new(&f.scan, &f.kern, DIM, NULL), ANM_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    anm_scan_free(f->scan);
    anm_scan_free(NULL);
    anm_store_close(f->s);
    return 0;
}

static void refresh(fixture *f)
{
    anm_error err;

    if (anm_scan_refresh(f->scan, f->s, &f->c, &err))
        fail_msg("%s", err.message);
}

static void put_range(fixture *f, int from, int to, uint64_t salt)
{
    char key[16];

    test_store_begin(f->s);
    for (int i = from; i < to; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        test_store_put(f->s, &f->c, key, "text", "", salt + (uint64_t)i);
    }
    test_store_commit(f->s);
}

/* ---- The plain computation --------------------------------------------------- */

typedef struct plain {
    anm_hit hits[MAX_ITEMS];
    size_t n;
    const float *query;
    const anm_scan_query *q;
} plain;

static bool is_wanted(const anm_scan_query *q, int64_t id)
{
    for (size_t i = 0; q->only && i < q->n_only; i++) {
        if (q->only[i] == id) return true;
    }
    return !q->only;
}

static bool add_plain(void *ctx, const anm_item *item)
{
    plain *p = ctx;
    double sum = 0.0;

    if (!is_wanted(p->q, item->id)) return true;
    for (size_t i = 0; i < DIM; i++)
        sum += (double)item->vector[i] * p->query[i];
    p->hits[p->n++] = (anm_hit){ item->id, (float)sum };
    return true;
}

static int compare_hits(const void *a, const void *b)
{
    const anm_hit *x = a, *y = b;

    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Search in `parts` parts and merge; hits [k]. */
static size_t search(fixture *f, const anm_scan_query *q, size_t parts,
                     anm_hit *hits)
{
    anm_hit *part = calloc(q->k + 1, sizeof(*part));
    anm_hit *merged = calloc(q->k + 1, sizeof(*merged));
    size_t n = 0;

    anm_scan_enter(f->scan);
    const size_t rows = anm_scan_rows(f->scan);
    for (size_t i = 0; i < parts; i++) {
        const size_t first = rows * i / parts;
        size_t n_part;

        anm_scan_part(f->scan, q, first, rows * (i + 1) / parts - first, part,
                      &n_part);
        n = anm_hits_merge(merged, q->k, hits, n, part, n_part);
        if (n) memcpy(hits, merged, n * sizeof(*hits));
    }
    anm_scan_leave(f->scan);
    free(part);
    free(merged);
    return n;
}

static void check_search(fixture *f, const anm_scan_query *q, size_t parts)
{
    static plain p;
    static anm_hit hits[MAX_ITEMS];

    p = (plain){ .query = q->query, .q = q };
    assert_int_equal(anm_store_each(f->s, &f->c, true, add_plain, &p, NULL),
                     ANM_OK);
    qsort(p.hits, p.n, sizeof(p.hits[0]), compare_hits);
    const size_t n = search(f, q, parts, hits);
    assert_int_equal(n, p.n < q->k ? p.n : q->k);
    for (size_t i = 0; i < n; i++) {
        assert_float_equal(hits[i].score, p.hits[i].score, DIM * 0x1p-23f);
        if (i > 0) assert_true(compare_hits(&hits[i - 1], &hits[i]) < 0);
        // Scores that are one to the plain computation may be two here.
        if (hits[i].id != p.hits[i].id)
            assert_true(fabsf(hits[i].score - p.hits[i].score) <
                        DIM * 0x1p-23f);
    }
}

static void check_all(fixture *f)
{
    static const size_t ks[] = { 0, 1, 2, 10, 100, MAX_ITEMS };

    refresh(f);
    for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++) {
        anm_scan_query q = { .k = ks[i] };
        q.query = test_unit_vector(DIM, 77 + i);
        check_search(f, &q, 1);
        check_search(f, &q, 3);
    }
}

/* ---- Tests ---------------------------------------------------------------------- */

static void empty_collection_has_no_hits(void **state)
{
    check_all(*state);
    assert_int_equal(anm_scan_n(((fixture *)*state)->scan), 0);
}

static void hits_are_those_of_the_plain_computation(void **state)
{
    fixture *f = *state;

    put_range(f, 0, 1500, 1000);
    check_all(f);
    assert_int_equal(anm_scan_n(f->scan), 1500);
}

static void changes_arrive_whatever_their_order(void **state)
{
    fixture *f = *state;
    char key[16];

    put_range(f, 0, 100, 1000);
    check_all(f);
    // New items whose last changes come in another order than their ids.
    put_range(f, 100, 160, 1000);
    for (int i = 159; i >= 100; i -= 3)
        put_range(f, i, i + 1, 5000);
    put_range(f, 50, 60, 6000);
    check_all(f);
    test_store_begin(f->s);
    for (int i = 0; i < 160; i += 2) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_true(test_store_remove(f->s, &f->c, key));
    }
    test_store_commit(f->s);
    check_all(f);
    assert_int_equal(anm_scan_n(f->scan), 80);
    // More than a quarter was removed: the rows are given back.
    assert_int_equal(anm_scan_rows(f->scan), 80);
    put_range(f, 0, 10, 9000);
    check_all(f);
    test_store_begin(f->s);
    test_store_remove(f->s, &f->c, "k1");
    test_store_commit(f->s);
    check_all(f);
    assert_int_equal(anm_scan_rows(f->scan), anm_scan_n(f->scan) + 1);
}

static void removals_forgotten_by_a_compaction_are_noticed(void **state)
{
    fixture *f = *state;
    uint64_t before, after;

    put_range(f, 0, 30, 1);
    refresh(f);
    test_store_begin(f->s);
    test_store_remove(f->s, &f->c, "k7");
    test_store_commit(f->s);
    assert_int_equal(anm_store_compact(f->s, &before, &after, NULL), ANM_OK);
    check_all(f);
    assert_int_equal(anm_scan_n(f->scan), 29);
    check_all(f);
}

static void equal_scores_are_in_order_of_id(void **state)
{
    fixture *f = *state;
    anm_hit hits[5];
    anm_scan_query q = { .query = test_unit_vector(DIM, 4), .k = 5 };
    char key[16];

    test_store_begin(f->s);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        test_store_put(f->s, &f->c, key, "text", "", 9);
    }
    test_store_commit(f->s);
    refresh(f);
    for (size_t parts = 1; parts < 9; parts++) {
        assert_int_equal(search(f, &q, parts, hits), 5);
        for (int i = 0; i < 5; i++)
            assert_int_equal(hits[i].id, i + 1);
    }
}

static void lists_restrict_the_hits(void **state)
{
    fixture *f = *state;
    int64_t only[MAX_ITEMS];
    char key[16];

    put_range(f, 0, 900, 1);
    test_store_begin(f->s);
    for (int i = 0; i < 900; i += 9) {
        snprintf(key, sizeof(key), "k%d", i);
        test_store_remove(f->s, &f->c, key);
    }
    test_store_commit(f->s);
    refresh(f);
    for (int64_t step = 1; step < 1000; step = step * 2 + 1) {
        anm_scan_query q = { .query = test_unit_vector(DIM, 3), .only = only };
        for (int64_t id = -3; id < 1000; id += step)
            only[q.n_only++] = id;
        q.k = 7;
        check_search(f, &q, 1);
        check_search(f, &q, 5);
        q.k = MAX_ITEMS;
        check_search(f, &q, 2);
        q.n_only = 0;
        check_search(f, &q, 1);
    }
}

/* A list of few must cost few rows: counted at the kernel. */
static _Atomic size_t rows_read;
static anm_kern counted;

static void count_rows(float *out, const float *rows, size_t ld, size_t n,
                       size_t dim, const float *q)
{
    rows_read += n;
    counted.dot_rows_f32(out, rows, ld, n, dim, q);
}

static void list_of_few_reads_few_rows(void **state)
{
    fixture *f = *state;
    const int64_t only[] = { 5, 6, 7, 400, 2000 };
    anm_scan_query q = { test_unit_vector(DIM, 1), 10, only, 5 };
    anm_hit hits[10];

    put_range(f, 0, 1000, 1);
    counted = f->kern;
    f->kern.dot_rows_f32 = count_rows;
    refresh(f);
    rows_read = 0;
    assert_int_equal(search(f, &q, 1, hits), 4);
    assert_int_equal(rows_read, 4);
}

static void another_dimension_is_mismatch(void **state)
{
    fixture *f = *state;
    anm_collection c = test_store_collection(f->s, "other", DIM + 1);
    anm_error err;

    assert_int_equal(anm_scan_refresh(f->scan, f->s, &c, &err), ANM_E_MISMATCH);
    assert_non_null(strstr(err.message, "25"));
    assert_non_null(strstr(err.message, "24"));
}

static void senseless_vector_is_named_and_never_a_hit(void **state)
{
    fixture *f = *state;
    anm_error err;

    put_range(f, 0, 3, 1);
    test_store_sql(f->path, "UPDATE vector SET v = zeroblob(96) WHERE iid = 2");
    assert_int_equal(anm_scan_refresh(f->scan, f->s, &f->c, &err),
                     ANM_E_CORRUPT);
    assert_non_null(strstr(err.message, "notes"));
    assert_non_null(strstr(err.message, "item 2"));
    put_range(f, 1, 2, 50);
    check_all(f);
}

/* Of two new items the older one changed last and is damaged: a reading stops
 * between them, and goes on when it is whole again. */
static void reading_that_broke_off_goes_on(void **state)
{
    fixture *f = *state;
    anm_error err;

    put_range(f, 0, 10, 1);
    refresh(f);
    put_range(f, 10, 13, 1);
    put_range(f, 10, 11, 70);
    test_store_sql(f->path,
                   "UPDATE vector SET v = zeroblob(96) WHERE iid = 11");
    assert_int_equal(anm_scan_refresh(f->scan, f->s, &f->c, &err),
                     ANM_E_CORRUPT);
    put_range(f, 10, 11, 90);
    check_all(f);
    assert_int_equal(anm_scan_n(f->scan), 13);
    put_range(f, 11, 12, 95);
    test_store_begin(f->s);
    assert_true(test_store_remove(f->s, &f->c, "k10"));
    test_store_commit(f->s);
    check_all(f);
    assert_int_equal(anm_scan_n(f->scan), 12);
}

static void memory_is_vectors_and_64_bytes_an_item(void **state)
{
    fixture *f = *state;
    anm_scan *big;
    const size_t dim = 384, n = 3000;
    char key[16];

    const anm_collection c = test_store_collection(f->s, "big", dim);
    test_store_begin(f->s);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        test_store_put(f->s, &c, key, "", "", i);
    }
    test_store_commit(f->s);
    assert_int_equal(anm_scan_new(&big, &f->kern, dim, NULL), ANM_OK);
    assert_int_equal(anm_scan_refresh(big, f->s, &c, NULL), ANM_OK);
    // And at most one block of 2 MiB that is not full.
    assert_true(anm_scan_bytes(big) <=
                n * (dim * sizeof(float) + 64) + (2 << 20));
    assert_true(anm_scan_bytes(big) >= n * dim * sizeof(float));
    anm_scan_free(big);
}

/* ---- Threads ------------------------------------------------------------------------ */

static atomic_bool stop;
static float shared_query[DIM];

/* NULL, or ctx when hits were out of order. */
static void *search_on(void *ctx)
{
    const anm_scan_query q = { shared_query, 10, NULL, 0 };

    while (!stop) {
        anm_hit hits[10];
        const size_t n = search(ctx, &q, 2, hits);

        for (size_t i = 1; i < n; i++) {
            if (compare_hits(&hits[i - 1], &hits[i]) >= 0) return ctx;
        }
    }
    return NULL;
}

static void searches_and_refreshes_do_not_meet(void **state)
{
    fixture *f = *state;
    pthread_t threads[2];
    void *bad;

    put_range(f, 0, 200, 1);
    refresh(f);
    memcpy(shared_query, test_unit_vector(DIM, 5), sizeof(shared_query));
    stop = false;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_on, f), 0);
    for (int i = 0; i < 30; i++) {
        put_range(f, 200 + i, 203 + i, (uint64_t)i);
        refresh(f);
    }
    stop = true;
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    check_all(f);
}

static void merge_keeps_order_and_stops_at_k(void **state)
{
    const anm_hit a[] = { { 3, 0.9f }, { 1, 0.5f }, { 7, 0.5f } };
    const anm_hit b[] = { { 2, 0.9f }, { 5, 0.5f } };
    const int64_t want[] = { 2, 3, 1, 5, 7 };
    anm_hit out[5];
    (void)state;

    assert_int_equal(anm_hits_merge(out, 5, a, 3, b, 2), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(out[i].id, want[i]);
    assert_int_equal(anm_hits_merge(out, 2, a, 3, b, 2), 2);
    assert_int_equal(anm_hits_merge(out, 5, a, 3, b, 0), 3);
    assert_int_equal(anm_hits_merge(out, 0, a, 3, b, 2), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(empty_collection_has_no_hits),
        TEST(hits_are_those_of_the_plain_computation),
        TEST(changes_arrive_whatever_their_order),
        TEST(removals_forgotten_by_a_compaction_are_noticed),
        TEST(equal_scores_are_in_order_of_id),
        TEST(lists_restrict_the_hits),
        TEST(list_of_few_reads_few_rows),
        TEST(another_dimension_is_mismatch),
        TEST(senseless_vector_is_named_and_never_a_hit),
        TEST(reading_that_broke_off_goes_on),
        TEST(memory_is_vectors_and_64_bytes_an_item),
        TEST(searches_and_refreshes_do_not_meet),
        cmocka_unit_test(merge_keeps_order_and_stops_at_k),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
