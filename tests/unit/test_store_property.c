/* A random life of a store against a plain model of it in memory.
 *
 *     test_store_property [STEPS] [SEED]   (also $ANM_PROPERTY_STEPS, _SEED)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "store/scan.h"
#include "support/stores.h"

enum { DIM = 16, KEYS = 120, COLLECTIONS = 2, DEFAULT_STEPS = 2000 };

/* ---- The model ------------------------------------------------------------------- */

typedef struct entry {
    bool there;
    int text, meta;
    uint64_t vector; /* seed */
    int64_t id;      /* 0 until the store has told it */
} entry;

typedef struct life {
    const char *path;
    anm_store *s, *reader;
    anm_collection c[COLLECTIONS];
    anm_scan *scan[COLLECTIONS];
    anm_kern kern;
    entry model[COLLECTIONS][KEYS], saved[COLLECTIONS][KEYS];
    size_t step;
} life;

static int steps = DEFAULT_STEPS;
static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = seed;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static int below(int n)
{
    return (int)(next_random() % (uint64_t)n);
}

static const char *key_of(int k)
{
    static char keys[2][16];
    static unsigned next;
    char *key = keys[next++ % 2];

    snprintf(key, sizeof(keys[0]), "key-%d", k);
    return key;
}

/* ---- Steps ------------------------------------------------------------------------- */

static void put_one(life *l, int c, int k)
{
    entry *e = &l->model[c][k];
    const entry old = *e;
    char text[32], meta[64];

    // Half of the puts of a present item change one thing or nothing.
    if (!e->there || below(2)) {
        e->text = below(5);
        e->meta = below(5);
        e->vector = (uint64_t)below(60);
    } else if (below(2)) {
        e->meta = below(5);
    }
    snprintf(text, sizeof(text), "text %d", e->text);
    snprintf(meta, sizeof(meta), "{\"n\":%d,\"s\":\"m%d\"}", e->meta, e->meta);
    const anm_put what =
        test_store_put(l->s, &l->c[c], key_of(k), text, meta, e->vector);
    const bool same = old.there && old.text == e->text && old.meta == e->meta &&
                      old.vector == e->vector;
    assert_int_equal(what, !old.there ? ANM_PUT_NEW
                           : same     ? ANM_PUT_UNCHANGED
                                      : ANM_PUT_UPDATED);
    if (!old.there) e->id = 0;
    e->there = true;
}

static void remove_one(life *l, int c, int k)
{
    entry *e = &l->model[c][k];

    assert_int_equal(test_store_remove(l->s, &l->c[c], key_of(k)), e->there);
    *e = (entry){ 0 };
}

static void write_some(life *l)
{
    const int n = 1 + below(8), c = below(COLLECTIONS);

    memcpy(l->saved, l->model, sizeof(l->model));
    test_store_begin(l->s);
    for (int i = 0; i < n; i++) {
        if (below(4))
            put_one(l, c, below(KEYS));
        else
            remove_one(l, c, below(KEYS));
    }
    if (below(8)) {
        test_store_commit(l->s);
        return;
    }
    anm_store_rollback(l->s);
    memcpy(l->model, l->saved, sizeof(l->model));
}

static void check_get(life *l)
{
    const int c = below(COLLECTIONS), k = below(KEYS);
    entry *e = &l->model[c][k];
    char text[32];
    anm_item item;

    const anm_status status = anm_store_get(
        l->reader, &l->c[c], test_text(key_of(k)), true, &item, NULL);
    assert_int_equal(status, e->there ? ANM_OK : ANM_E_NOTFOUND);
    if (status) return;
    snprintf(text, sizeof(text), "text %d", e->text);
    assert_int_equal(item.text.len, strlen(text));
    assert_memory_equal(item.text.data, text, item.text.len);
    assert_memory_equal(item.vector, test_unit_vector(DIM, e->vector),
                        DIM * sizeof(float));
    // An item keeps its id for life.
    if (e->id) assert_int_equal(item.id, e->id);
    e->id = item.id;
    anm_item_deinit(&item);
}

static double exact_score(const float *q, uint64_t vector)
{
    const float *v = test_unit_vector(DIM, vector);
    double sum = 0.0;

    for (size_t i = 0; i < DIM; i++)
        sum += (double)v[i] * q[i];
    return sum;
}

/* The k best scores of the model, best first; returns how many. */
static size_t best_of_model(life *l, int c, int n_meta, const float *q,
                            double *scores)
{
    size_t n = 0;

    for (int k = 0; k < KEYS; k++) {
        const entry *e = &l->model[c][k];
        if (!e->there || (n_meta >= 0 && e->meta != n_meta)) continue;
        const double score = exact_score(q, e->vector);
        size_t at = n++;
        for (; at > 0 && scores[at - 1] < score; at--)
            scores[at] = scores[at - 1];
        scores[at] = score;
    }
    return n;
}

static void check_search(life *l)
{
    const int c = below(COLLECTIONS), n_meta = below(2) ? below(5) : -1;
    const float *query = test_unit_vector(DIM, 1000 + next_random() % 50);
    float q[DIM];
    double want[KEYS];
    anm_hit hits[KEYS];
    anm_filter *f = NULL;
    int64_t *ids = NULL;
    size_t n_ids = 0, n = 0;
    char expression[64];

    memcpy(q, query, sizeof(q));
    assert_int_equal(anm_scan_refresh(l->scan[c], l->reader, &l->c[c], NULL),
                     ANM_OK);
    snprintf(expression, sizeof(expression),
             below(2) ? "n = %d" : "s in ('m%d', 'x')", n_meta);
    if (n_meta >= 0) {
        assert_int_equal(anm_filter_new(&f, expression, NULL), ANM_OK);
        assert_int_equal(
            anm_store_filter(l->reader, &l->c[c], f, &ids, &n_ids, NULL),
            ANM_OK);
    }
    const anm_scan_query sq = { q, 1 + (size_t)below(KEYS),
                                n_meta >= 0 ? (ids ? ids : (int64_t[]){ 0 })
                                            : NULL,
                                n_ids };
    anm_scan_enter(l->scan[c]);
    anm_scan_part(l->scan[c], &sq, 0, anm_scan_rows(l->scan[c]), hits, &n);
    anm_scan_leave(l->scan[c]);
    const size_t all = best_of_model(l, c, n_meta, q, want);
    assert_int_equal(n, all < sq.k ? all : sq.k);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs(hits[i].score - want[i]) < 1e-5);
        if (i > 0 && hits[i].score == hits[i - 1].score)
            assert_true(hits[i].id > hits[i - 1].id);
    }
    anm_filter_free(f);
    anm_free(ids);
}

static bool count(void *ctx, const anm_item *item)
{
    (void)item;
    ++*(uint64_t *)ctx;
    return true;
}

static void check_counts(life *l)
{
    for (int c = 0; c < COLLECTIONS; c++) {
        uint64_t model = 0, walked = 0;
        anm_collection now;

        for (int k = 0; k < KEYS; k++)
            model += l->model[c][k].there;
        assert_int_equal(
            anm_store_each(l->reader, &l->c[c], false, count, &walked, NULL),
            ANM_OK);
        assert_int_equal(
            anm_store_collection(l->reader, l->c[c].name, &now, NULL), ANM_OK);
        assert_int_equal(walked, model);
        assert_int_equal(now.items, model);
    }
}

static void open_handles(life *l)
{
    l->s = test_store_open(l->path, ANM_STORE_CREATE);
    l->reader = test_store_open(l->path, ANM_STORE_READ);
}

static void close_handles(life *l)
{
    anm_store_close(l->s);
    anm_store_close(l->reader);
}

static void do_step(life *l)
{
    const int what = below(100);
    uint64_t before, after;

    if (what < 45) {
        write_some(l);
    } else if (what < 60) {
        check_get(l);
    } else if (what < 90) {
        check_search(l);
    } else if (what < 94) {
        check_counts(l);
    } else if (what < 97) {
        close_handles(l);
        open_handles(l);
    } else if (what < 98) {
        assert_int_equal(anm_store_compact(l->s, &before, &after, NULL),
                         ANM_OK);
    } else if (what < 99) {
        const char *path = below(2) ? "n" : "s";
        assert_int_equal(anm_store_index_path(l->s, &l->c[0], path, NULL),
                         ANM_OK);
    } else {
        test_store_sound(l->reader);
    }
}

static void random_life_agrees_with_the_model(void **state)
{
    static life l;
    (void)state;

    print_message("seed %llu, %d steps\n", (unsigned long long)seed, steps);
    l.path = test_db_path();
    anm_kern_init(&l.kern, anm_cpu_detect());
    open_handles(&l);
    for (int c = 0; c < COLLECTIONS; c++) {
        l.c[c] = test_store_collection(l.s, c ? "one" : "zero", DIM);
        assert_int_equal(anm_scan_new(&l.scan[c], &l.kern, DIM, NULL), ANM_OK);
    }
    for (l.step = 0; l.step < (size_t)steps; l.step++)
        do_step(&l);
    check_counts(&l);
    test_store_sound(l.s);
    for (int c = 0; c < COLLECTIONS; c++)
        anm_scan_free(l.scan[c]);
    close_handles(&l);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_life_agrees_with_the_model),
    };
    const char *env_steps = getenv("ANM_PROPERTY_STEPS");
    const char *env_seed = getenv("ANM_PROPERTY_SEED");

    if (argc > 1 || env_steps) steps = atoi(argc > 1 ? argv[1] : env_steps);
    seed = anm_now_ns();
    if (argc > 2 || env_seed)
        seed = strtoull(argc > 2 ? argv[2] : env_seed, NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
