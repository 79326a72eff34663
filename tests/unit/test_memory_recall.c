/* Questions become results.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory_parts.h"
#include "support/memories.h"

static size_t n_seen; /* texts that the model embedded */
static anm_model *model, *other_model;
static test_texts texts;

static void count_inputs(void *ctx, anm_log_level level, const char *line)
{
    (void)ctx;
    if (level == ANM_LOG_DEBUG && strncmp(line, "input ids", 9) == 0) n_seen++;
}

static int open_all(void **state)
{
    anm_options o = test_options("tiny-bert-mean");
    (void)state;

    o.log = count_inputs;
    o.log_level = ANM_LOG_DEBUG;
    model = test_model_open(&o);
    o = test_options("tiny-bert-cls");
    other_model = test_model_open(&o);
    texts = test_texts_read(test_data("tiny-texts.jsonl"));
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    anm_model_close(model);
    anm_model_close(other_model);
    test_texts_free(&texts);
    return 0;
}

enum { N_COLLECTIONS = 3 };
static const char *const names[N_COLLECTIONS] = { "goals", "notes", "people" };

/* Text i lies in collection i mod 3 under the key "i". */
static anm_memory *fill(const char *path)
{
    anm_memory *m = test_memory_open(path, model);
    static char keys[200][24], metas[200][64];
    anm_memo items[200];
    anm_error err;

    for (size_t c = 0; c < N_COLLECTIONS; c++) {
        size_t n = 0;
        for (size_t i = c; i < texts.n; i += N_COLLECTIONS, n++) {
            snprintf(keys[i], sizeof(keys[i]), "%zu", i);
            snprintf(metas[i], sizeof(metas[i]), "{\"n\":%zu,\"even\":%s}", i,
                     i % 2 ? "false" : "true");
            items[n] = (anm_memo){ anm_text_of(keys[i]), texts.items[i],
                                   anm_text_of(metas[i]) };
        }
        if (anm_memory_remember(m, names[c], items, n, NULL, NULL, NULL, &err))
            fail_msg("%s", err.message);
    }
    return m;
}

static double cosine(const float *a, const float *b)
{
    double sum = 0;

    for (size_t i = 0; i < anm_model_dim(model); i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* Scores as plain arithmetic gives them, best first, must be the recall's. */
static void compare(const anm_recall *r, const char *question, size_t k,
                    bool even_only)
{
    const size_t dim = anm_model_dim(model);
    float *q = test_embed(model, question);
    float *v = anm_alloc_array(texts.n * dim, sizeof(*v));
    size_t n = 0;

    assert_int_equal(anm_embed(model, texts.items, texts.n, v, NULL), ANM_OK);
    for (size_t i = 0; i < texts.n; i++)
        n += !even_only || i % 2 == 0;
    assert_int_equal(anm_recall_n(r), k < n ? k : n);
    for (size_t h = 0; h < anm_recall_n(r); h++) {
        const anm_recalled hit = anm_recall_at(r, h);
        const size_t i = (size_t)strtoul(hit.key.data, NULL, 10);
        size_t better = 0;
        for (size_t j = 0; j < texts.n; j++)
            better += (!even_only || j % 2 == 0) &&
                      cosine(q, v + j * dim) > (double)hit.score + 1e-6;
        assert_true(better <= h);
        assert_true(fabs(cosine(q, v + i * dim) - (double)hit.score) < 1e-5);
        assert_string_equal(hit.collection, names[i % N_COLLECTIONS]);
        assert_int_equal(hit.text.len, texts.items[i].len);
        assert_memory_equal(hit.text.data, texts.items[i].data, hit.text.len);
        assert_non_null(strstr(hit.meta.data, i % 2 ? "false" : "true"));
        if (h) assert_true(hit.score <= anm_recall_at(r, h - 1).score);
    }
    free(q);
    anm_free(v);
}

static void hits_are_the_nearest_of_all_collections(void **state)
{
    static const char question[] = "where do the boats lie at night?";
    const size_t ks[] = { 1, 2, 10, 50, 1000 };
    anm_memory *m = fill(test_store_path());
    (void)state;

    for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++) {
        anm_recall *r = test_recall(m, question, ks[i], NULL);
        compare(r, question, ks[i], false);
        assert_true(anm_recall_certified(r));
        anm_recall_free(r);
    }
    anm_recall *r = test_recall(m, question, 0, NULL);
    compare(r, question, 10, false);
    anm_recall_free(r);
    anm_memory_close(m);
}

static void filter_limits_hits_and_candidates(void **state)
{
    static const char question[] = "a cup of tea";
    anm_memory *m = fill(test_store_path());
    anm_recall *r = test_recall(m, question, 1000, "even = true");
    uint64_t items = 0, candidates = 0;
    (void)state;

    compare(r, question, 1000, true);
    for (size_t i = 0; i < anm_recall_n_searched(r); i++) {
        items += anm_recall_searched(r, i).items;
        candidates += anm_recall_searched(r, i).candidates;
    }
    assert_int_equal(items, texts.n);
    assert_int_equal(candidates, (texts.n + 1) / 2);
    anm_recall_free(r);
    r = test_recall(m, question, 10, "n > 100000");
    assert_int_equal(anm_recall_n(r), 0);
    anm_recall_free(r);
    anm_memory_close(m);
}

static void bad_filter_is_an_error_before_anything_is_embedded(void **state)
{
    anm_memory *m = fill(test_store_path());
    const anm_recall_params params = { .where = "even = " };
    anm_recall *r;
    anm_error err;
    (void)state;

    n_seen = 0;
    test_failed(
        anm_memory_recall(m, anm_text_of("tea"), &params, &r, NULL, &err), &err,
        ANM_E_ARG, "column");
    assert_null(r);
    assert_int_equal(n_seen, 0);
    anm_memory_close(m);
}

static void question_is_embedded_exactly_once(void **state)
{
    anm_memory *m = fill(test_store_path());
    (void)state;

    for (int i = 0; i < 3; i++) {
        n_seen = 0;
        anm_recall_free(test_recall(m, "a cup of tea", 10, NULL));
        assert_int_equal(n_seen, 1);
    }
    anm_memory_close(m);
}

static void asked_collections_alone_are_searched(void **state)
{
    anm_memory *m = fill(test_store_path());
    const char *const wanted[] = { "people", "goals", "people" };
    const anm_recall_params params = { .collections = wanted,
                                       .n_collections = 3,
                                       .k = 1000 };
    anm_recall *r;
    (void)state;

    assert_int_equal(
        anm_memory_recall(m, anm_text_of("tea"), &params, &r, NULL, NULL),
        ANM_OK);
    assert_int_equal(anm_recall_n_searched(r), 2);
    assert_string_equal(anm_recall_searched(r, 0).collection, "goals");
    assert_string_equal(anm_recall_searched(r, 1).collection, "people");
    assert_int_equal(anm_recall_n(r), anm_recall_searched(r, 0).items +
                                          anm_recall_searched(r, 1).items);
    for (size_t i = 0; i < anm_recall_n(r); i++)
        assert_string_not_equal(anm_recall_at(r, i).collection, "notes");
    anm_recall_free(r);
    anm_memory_close(m);
}

static void unknown_collection_is_an_error_with_its_name(void **state)
{
    anm_memory *m = fill(test_store_path());
    const char *const wanted[] = { "goals", "dreams" };
    const anm_recall_params params = { .collections = wanted,
                                       .n_collections = 2 };
    anm_recall *r;
    anm_error err;
    (void)state;

    test_failed(
        anm_memory_recall(m, anm_text_of("tea"), &params, &r, NULL, &err), &err,
        ANM_E_NOTFOUND, "dreams");
    assert_null(r);
    anm_memory_close(m);
}

static void receipt_adds_up_and_keeps_the_verdict_of_the_embedding(void **state)
{
    anm_memory *m = fill(test_store_path());
    anm_receipt r = { 0 };
    anm_recall *found;
    uint64_t sum = 0;
    (void)state;

    const size_t length = 8;
    assert_int_equal(anm_model_warm(model, &length, 1, 200, true, NULL),
                     ANM_OK);
    assert_int_equal(
        anm_memory_recall(m, anm_text_of("tea"), NULL, &found, &r, NULL),
        ANM_OK);
    for (int s = 0; s < ANM_STAGE_COUNT; s++)
        sum += r.stages_ns[s];
    assert_int_equal(sum, r.total_ns);
    assert_true(r.stages_ns[ANM_STAGE_SEARCH] > 0);
    assert_true(r.stages_ns[ANM_STAGE_MERGE] > 0);
    assert_true(r.stages_ns[ANM_STAGE_PREDICT] > 0);
    assert_int_equal(r.input.texts, 1);
    assert_true(r.n_causes >= 1);
    for (size_t i = 0; i < anm_recall_n_searched(found); i++)
        assert_true(anm_recall_searched(found, i).ns > 0);
    anm_recall_free(found);
    anm_memory_close(m);
}

static void collections_of_two_models_cannot_be_asked_together(void **state)
{
    const char *path = test_store_path();
    anm_memory *m = test_memory_open(path, model);
    anm_memory *other = test_memory_open(path, other_model);
    const char *const wanted[] = { "theirs" };
    const anm_recall_params params = { .collections = wanted,
                                       .n_collections = 1 };
    char words[400];
    anm_recall *r;
    anm_error err;
    (void)state;

    test_remember(m, "ours", "k", "tea", NULL);
    test_remember(other, "theirs", "k", "tea", NULL);
    snprintf(words, sizeof(words), "ours|theirs|%s|%s",
             anm_model_fingerprint(model), anm_model_fingerprint(other_model));
    test_failed(anm_memory_recall(m, anm_text_of("tea"), NULL, &r, NULL, &err),
                &err, ANM_E_MISMATCH, words);
    assert_int_equal(
        anm_memory_recall(other, anm_text_of("tea"), &params, &r, NULL, NULL),
        ANM_OK);
    assert_int_equal(anm_recall_n(r), 1);
    anm_recall_free(r);
    anm_memory_close(m);
    anm_memory_close(other);
}

static void what_others_wrote_is_found_at_once(void **state)
{
    const char *path = test_store_path();
    anm_memory *m = test_memory_open(path, model);
    anm_memory *other = test_memory_open(path, model);
    const anm_text key = anm_text_of("b");
    (void)state;

    test_remember(m, "c", "a", "the old house by the river", NULL);
    anm_recall *r = test_recall(m, "a cup of tea", 10, NULL);
    assert_int_equal(anm_recall_n(r), 1);
    anm_recall_free(r);

    test_remember(other, "c", "b", "a cup of tea", NULL);
    r = test_recall(m, "a cup of tea", 10, NULL);
    assert_int_equal(anm_recall_n(r), 2);
    assert_true(test_key_is(r, 0, "b"));
    anm_recall_free(r);

    test_remember(other, "c", "b", "bread and butter", NULL);
    r = test_recall(m, "bread and butter", 1, NULL);
    assert_true(test_key_is(r, 0, "b"));
    assert_true(anm_recall_at(r, 0).score > 0.9999f);
    anm_recall_free(r);

    assert_int_equal(anm_memory_forget(other, "c", &key, 1, NULL, NULL, NULL),
                     ANM_OK);
    r = test_recall(m, "bread and butter", 10, NULL);
    assert_int_equal(anm_recall_n(r), 1);
    assert_true(test_key_is(r, 0, "a"));
    anm_recall_free(r);

    // A collection that was asked about before is not the only one seen.
    test_remember(other, "d", "x", "bread and butter", NULL);
    r = test_recall(m, "bread and butter", 1, NULL);
    assert_string_equal(anm_recall_at(r, 0).collection, "d");
    anm_recall_free(r);
    anm_memory_close(m);
    anm_memory_close(other);
}

static void empty_collection_gives_no_hits(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    const anm_text key = anm_text_of("k");
    (void)state;

    test_remember(m, "c", "k", "tea", NULL);
    assert_int_equal(anm_memory_forget(m, "c", &key, 1, NULL, NULL, NULL),
                     ANM_OK);
    anm_recall *r = test_recall(m, "tea", 10, NULL);
    assert_int_equal(anm_recall_n(r), 0);
    assert_int_equal(anm_recall_searched(r, 0).items, 0);
    anm_recall_free(r);
    r = test_recall(m, "tea", 10, "a = 1");
    assert_int_equal(anm_recall_n(r), 0);
    anm_recall_free(r);
    anm_memory_close(m);
}

/* An index that is behind the store gives a hit that cannot be fetched. */
static void hit_that_is_gone_is_left_out(void **state)
{
    const char *path = test_store_path();
    anm_memory *m = fill(path);
    anm_archive *a = test_archive_open(path, 1);
    const anm_recall_params params = { .k = 1000 };
    const anm_text key = anm_text_of("7");
    anm_collection_list list;
    anm_recall *r;
    (void)state;

    assert_int_equal(
        anm_archive_recall(a, anm_text_of("tea"), &params, &r, NULL, NULL),
        ANM_OK);
    assert_int_equal(anm_recall_n(r), texts.n);
    anm_recall_free(r);
    assert_int_equal(anm_memory_forget(m, names[7 % N_COLLECTIONS], &key, 1,
                                       NULL, NULL, NULL),
                     ANM_OK);
    assert_int_equal(anm_archive_collections(a, NULL, 0, &list, NULL), ANM_OK);
    anm_free(list.items);
    for (anm_index *index = a->indexes; index; index = index->next)
        index->generation = a->generation;
    assert_int_equal(
        anm_archive_recall(a, anm_text_of("tea"), &params, &r, NULL, NULL),
        ANM_OK);
    assert_int_equal(anm_recall_n(r), texts.n - 1);
    for (size_t i = 0; i < anm_recall_n(r); i++)
        assert_false(test_key_is(r, i, "7"));
    anm_recall_free(r);
    anm_archive_close(a);
    anm_memory_close(m);
}

/* An index that is behind the store gives a hit that is another text by now. */
static void hit_that_was_changed_is_looked_for_again(void **state)
{
    const char *path = test_store_path();
    anm_memory *m = fill(path);
    anm_archive *a = test_archive_open(path, 1);
    const anm_recall_params params = { .k = 1000 };
    anm_collection_list list;
    anm_recall *r;
    (void)state;

    assert_int_equal(
        anm_archive_recall(a, anm_text_of("tea"), &params, &r, NULL, NULL),
        ANM_OK);
    anm_recall_free(r);
    test_remember(m, names[7 % N_COLLECTIONS], "7", "tea", NULL);
    assert_int_equal(anm_archive_collections(a, NULL, 0, &list, NULL), ANM_OK);
    anm_free(list.items);
    for (anm_index *index = a->indexes; index; index = index->next)
        index->generation = a->generation;
    assert_int_equal(
        anm_archive_recall(a, anm_text_of("tea"), &params, &r, NULL, NULL),
        ANM_OK);
    assert_int_equal(anm_recall_n(r), texts.n);
    assert_true(test_key_is(r, 0, "7"));
    assert_true(anm_recall_at(r, 0).score > 0.9999f);
    anm_recall_free(r);
    anm_archive_close(a);
    anm_memory_close(m);
}

static void store_without_collections_says_so(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    anm_recall *r;
    anm_error err;
    (void)state;

    test_failed(anm_memory_recall(m, anm_text_of("tea"), NULL, &r, NULL, &err),
                &err, ANM_E_NOTFOUND, "memory.db|no collection");
    anm_memory_close(m);
}

static void equal_scores_come_in_order_of_remembering(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    static const char *const order[] = { "d", "a", "z", "b" };
    (void)state;

    for (int i = 0; i < 4; i++)
        test_remember(m, i % 2 ? "one" : "two", order[i], "tea", NULL);
    for (size_t k = 1; k <= 4; k++) {
        anm_recall *r = test_recall(m, "tea", k, NULL);
        assert_int_equal(anm_recall_n(r), k);
        for (size_t i = 0; i < k; i++)
            assert_true(test_key_is(r, i, order[i]));
        anm_recall_free(r);
    }
    anm_memory_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_are_the_nearest_of_all_collections),
        cmocka_unit_test(filter_limits_hits_and_candidates),
        cmocka_unit_test(bad_filter_is_an_error_before_anything_is_embedded),
        cmocka_unit_test(question_is_embedded_exactly_once),
        cmocka_unit_test(asked_collections_alone_are_searched),
        cmocka_unit_test(unknown_collection_is_an_error_with_its_name),
        cmocka_unit_test(
            receipt_adds_up_and_keeps_the_verdict_of_the_embedding),
        cmocka_unit_test(collections_of_two_models_cannot_be_asked_together),
        cmocka_unit_test(what_others_wrote_is_found_at_once),
        cmocka_unit_test(empty_collection_gives_no_hits),
        cmocka_unit_test(hit_that_is_gone_is_left_out),
        cmocka_unit_test(hit_that_was_changed_is_looked_for_again),
        cmocka_unit_test(store_without_collections_says_so),
        cmocka_unit_test(equal_scores_come_in_order_of_remembering),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
