/* One query against the vectors of several collections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "memory/memory_parts.h"
#include "support/memories.h"

/* Two fields of 6 and 3 MiB: several units each, and enough for two threads. */
enum { DIM = 1024, N_FIRST = 1536, N_SECOND = 768 };

static float *vectors; /* [N_FIRST + N_SECOND, DIM] */
static float query[DIM];
static const char *path;

static uint32_t seed = 7;

static float next_float(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static void make_unit(float *v)
{
    double sum = 0;

    for (int i = 0; i < DIM; i++) {
        v[i] = next_float();
        sum += (double)v[i] * v[i];
    }
    for (int i = 0; i < DIM; i++)
        v[i] = (float)(v[i] / sqrt(sum));
}

static void put_items(anm_archive *a, const char *name, size_t first, size_t n)
{
    anm_collection c = { .dim = DIM, .fingerprint = "sha256:x" };

    snprintf(c.name, sizeof(c.name), "%s", name);
    assert_int_equal(anm_store_begin(a->writer, NULL), ANM_OK);
    assert_int_equal(anm_store_need_collection(a->writer, &c, NULL), ANM_OK);
    for (size_t i = first; i < first + n; i++) {
        char key[24], meta[40];
        anm_put what;
        snprintf(key, sizeof(key), "%zu", i);
        snprintf(meta, sizeof(meta), "{\"n\":%zu}", i);
        const anm_record r = { anm_text_of(key), anm_text_of("t"),
                               anm_text_of(meta), vectors + i * DIM };
        assert_int_equal(anm_store_put(a->writer, &c, &r, &what, NULL), ANM_OK);
    }
    assert_int_equal(anm_store_commit(a->writer, NULL), ANM_OK);
}

static int fill(void **state)
{
    const size_t n = N_FIRST + N_SECOND;
    (void)state;

    vectors = anm_alloc_array(n * DIM, sizeof(*vectors));
    for (size_t i = 0; i < n; i++)
        make_unit(vectors + i * DIM);
    // Equal scores across the border of two units, and of two fields.
    memcpy(vectors + 700 * DIM, vectors + 3 * DIM, DIM * sizeof(float));
    memcpy(vectors + 1600 * DIM, vectors + 3 * DIM, DIM * sizeof(float));
    make_unit(query);
    path = test_store_path();
    anm_archive *a = test_archive_open(path, 1);
    put_items(a, "first", 0, N_FIRST);
    put_items(a, "second", N_FIRST, N_SECOND);
    anm_archive_close(a);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    anm_free(vectors);
    return 0;
}

/* Ids are given in order from 1, so that item i has id i + 1. */
static float score_of(int64_t id)
{
    double sum = 0;

    for (int i = 0; i < DIM; i++)
        sum += (double)query[i] * vectors[(size_t)(id - 1) * DIM + (size_t)i];
    return (float)sum;
}

/* Descending, distinct, right, and nothing better left out. */
static void check_field(const anm_field *f, size_t k, int64_t first, size_t n,
                        int64_t upto)
{
    const int64_t last =
        first + (int64_t)n - 1 < upto ? first + (int64_t)n - 1 : upto;
    const size_t n_all = last < first ? 0 : (size_t)(last - first + 1);
    uint8_t *hit = anm_alloc_array(N_FIRST + N_SECOND + 1, 1);

    assert_int_equal(f->items, n);
    assert_int_equal(f->n_hits, k < n_all ? k : n_all);
    for (size_t i = 0; i < f->n_hits; i++) {
        const anm_hit *h = &f->hits[i];
        assert_true(h->id >= first && h->id <= last);
        assert_int_equal(hit[h->id]++, 0);
        assert_true(fabsf(h->score - score_of(h->id)) < 1e-5f);
        if (i)
            assert_true(h->score < h[-1].score ||
                        (h->score == h[-1].score && h->id > h[-1].id));
    }
    for (int64_t id = first; f->n_hits && id <= last; id++)
        if (!hit[id])
            assert_true(score_of(id) <= f->hits[f->n_hits - 1].score + 1e-5f);
    anm_free(hit);
}

static void search(anm_archive *a, size_t k, const char *where, int64_t upto)
{
    anm_reader *reader;
    anm_filter *filter = NULL;
    anm_search s = { .query = query, .k = k };
    anm_collection_list list;
    anm_field fields[2] = { 0 };
    anm_error err = { 0 };

    if (where) assert_int_equal(anm_filter_new(&filter, where, NULL), ANM_OK);
    assert_int_equal(anm_archive_collections(a, NULL, 0, &list, NULL), ANM_OK);
    assert_int_equal(list.n, 2);
    fields[0].collection = &list.items[0];
    fields[1].collection = &list.items[1];
    s.fields = fields;
    s.n_fields = list.n;
    s.generation = list.generation;
    s.filter = filter;
    assert_int_equal(anm_reader_take(a, &reader, NULL), ANM_OK);
    if (anm_search_run(a, reader->store, &s, &err)) fail_msg("%s", err.message);
    check_field(&fields[0], k, 1, N_FIRST, upto);
    check_field(&fields[1], k, N_FIRST + 1, N_SECOND, upto);
    assert_true(fields[0].ns > 0);
    anm_search_deinit(&s);
    anm_reader_give_back(a, reader);
    anm_filter_free(filter);
    anm_free(list.items);
}

static void check_threads(unsigned threads)
{
    const size_t ks[] = { 1, 10, 300, 1000, 5000 };
    anm_archive *a = test_archive_open(path, threads);

    for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++) {
        search(a, ks[i], NULL, INT64_MAX);
        search(a, ks[i], "n < 1000", 1000);
        search(a, ks[i], "n < 5", 5);
        search(a, ks[i], "n < 0", 0);
    }
    // Searches of this size use the pool where there may be one.
    assert_true((threads > 1) == (a->pool != NULL));
    assert_false(a->pool_busy);
    anm_archive_close(a);
}

static void units_of_one_thread_give_the_nearest(void **state)
{
    (void)state;
    check_threads(1);
}

static void units_of_more_threads_give_the_nearest(void **state)
{
    (void)state;
    check_threads(2);
    check_threads(3);
}

static void small_search_wakes_nobody(void **state)
{
    anm_archive *a = test_archive_open(path, 2);
    (void)state;

    search(a, 10, "n < 100", 100);
    assert_null(a->pool);
    anm_archive_close(a);
}

static void taken_pool_is_done_without(void **state)
{
    anm_archive *a = test_archive_open(path, 2);
    (void)state;

    a->pool_busy = true;
    search(a, 10, NULL, INT64_MAX);
    assert_null(a->pool);
    assert_true(a->pool_busy);
    a->pool_busy = false;
    anm_archive_close(a);
}

static void index_is_read_again_only_after_a_commit(void **state)
{
    anm_archive *a = test_archive_open(path, 1);
    (void)state;

    search(a, 1, NULL, INT64_MAX);
    const uint64_t generation = a->indexes->generation;
    const anm_index *index = a->indexes;
    search(a, 1, NULL, INT64_MAX);
    assert_ptr_equal(a->indexes, index);
    assert_int_equal(a->indexes->generation, generation);
    anm_archive_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_of_one_thread_give_the_nearest),
        cmocka_unit_test(units_of_more_threads_give_the_nearest),
        cmocka_unit_test(small_search_wakes_nobody),
        cmocka_unit_test(taken_pool_is_done_without),
        cmocka_unit_test(index_is_read_again_only_after_a_commit),
    };
    return cmocka_run_group_tests(tests, fill, drop);
}
