/* test_retrieval_golden.c - the rankings of the original implementation,
 * through remember and recall.
 *
 * Two passages whose golden cosines are closer than the bar of the vectors
 * allows may change places.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/memories.h"

enum { PAIRS = 60, TOP = 10 };
static const double most_apart = 5e-6;

typedef struct pairs {
    anm_memory *m;
    char *ids[PAIRS], *queries[PAIRS], *passages[PAIRS];
    size_t n;
} pairs;

static char *copy_member(const json_t *line, const char *key)
{
    const char *s = json_string_value(json_object_get(line, key));

    assert_non_null(s);
    return strdup(s);
}

static void read_pair(void *ctx, size_t i, const json_t *line)
{
    pairs *p = ctx;

    assert_true(i < PAIRS);
    p->ids[i] = copy_member(line, "id");
    p->queries[i] = copy_member(line, "query");
    p->passages[i] = copy_member(line, "passage");
    p->n++;
}

static void free_pairs(pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->ids[i]);
        free(p->queries[i]);
        free(p->passages[i]);
    }
}

/* Passages lie in three collections in turn. */
static void remember_all(pairs *p)
{
    static const char *const names[] = { "goals", "notes", "contacts" };
    anm_memo items[PAIRS];
    anm_error err;

    for (size_t c = 0; c < 3; c++) {
        size_t n = 0;
        for (size_t i = c; i < p->n; i += 3)
            items[n++] = (anm_memo){ anm_text_of(p->ids[i]),
                                     anm_text_of(p->passages[i]),
                                     { 0 } };
        if (anm_memory_remember(p->m, names[c], items, n, NULL, NULL, NULL,
                                &err))
            fail_msg("%s", err.message);
    }
}

static size_t rank_of(const anm_recall *r, const char *key)
{
    size_t i = 0;

    while (i < anm_recall_n(r) && !test_key_is(r, i, key))
        i++;
    return i + 1;
}

static void compare(void *ctx, size_t i, const json_t *line)
{
    pairs *p = ctx;
    const json_t *top = json_object_get(line, "top10");
    anm_recall *r = test_recall(p->m, p->queries[i], PAIRS, NULL);

    assert_int_equal(anm_recall_n(r), PAIRS);
    assert_true(anm_recall_certified(r));
    assert_int_equal(rank_of(r, p->ids[i]),
                     json_integer_value(json_object_get(line, "rank")));
    assert_int_equal(json_array_size(top), TOP);
    for (size_t h = 0; h < TOP; h++) {
        const json_t *want = json_array_get(top, h);
        const double golden = json_real_value(json_array_get(want, 1));
        const char *key = json_string_value(json_array_get(want, 0));
        const size_t at = rank_of(r, key) - 1;
        assert_true(at < PAIRS);
        const double here = (double)anm_recall_at(r, h).score;
        const double its = (double)anm_recall_at(r, at).score;
        if (fabs(its - golden) > most_apart || fabs(here - golden) > most_apart)
            fail_msg("query %zu: %s at %zu with %.7f, golden %zu with %.7f", i,
                     key, at, its, h, golden);
    }
    anm_recall_free(r);
}

static void minilm_recalls_passages_as_the_original_ranks_them(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); // ten times slower here; the optimised run takes it
#endif
    const char *texts = test_shared("golden/retrieval.jsonl");
    const char *golden = test_shared("golden/all-MiniLM-L6-v2/retrieval.jsonl");
    pairs p = { 0 };
    (void)state;

    if (!test_minilm() || !texts || !golden) {
        print_message("no $ANM_TEST_MINILM or no ../shared/data/golden: "
                      "retrieval is skipped\n");
        skip();
    }
    const anm_options o = test_options(test_minilm());
    anm_model *model = test_model_open(&o);
    p.m = test_memory_open(test_store_path(), model);
    test_each_line(texts, read_pair, &p);
    assert_int_equal(p.n, PAIRS);
    remember_all(&p);
    test_each_line(golden, compare, &p);
    anm_memory_close(p.m);
    anm_model_close(model);
    free_pairs(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minilm_recalls_passages_as_the_original_ranks_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
