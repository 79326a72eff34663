/* Texts become items.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory_parts.h"
#include "support/memories.h"

/* A model that counts the texts it sees: one line of its log each. */
static size_t n_seen;

static void count_inputs(void *ctx, anm_log_level level, const char *line)
{
    (void)ctx;
    if (level == ANM_LOG_DEBUG && strncmp(line, "input ids", 9) == 0) n_seen++;
}

static anm_model *model;

static int open_counting(void **state)
{
    anm_options o = test_options("tiny-bert-mean");
    (void)state;

    o.log = count_inputs;
    o.log_level = ANM_LOG_DEBUG;
    model = test_model_open(&o);
    return 0;
}

static int close_counting(void **state)
{
    (void)state;
    anm_model_close(model);
    return 0;
}

static void check_counts(anm_remembered c, size_t added, size_t updated,
                         size_t unchanged)
{
    assert_int_equal(c.added, added);
    assert_int_equal(c.updated, updated);
    assert_int_equal(c.unchanged, unchanged);
}

static void unchanged_text_is_not_embedded_again(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    (void)state;

    n_seen = 0;
    check_counts(test_remember(m, "c", "k", "the river", NULL), 1, 0, 0);
    assert_int_equal(n_seen, 1);
    check_counts(test_remember(m, "c", "k", "the river", NULL), 0, 0, 1);
    check_counts(test_remember(m, "c", "k", "the river", "{\"a\":1}"), 0, 1, 0);
    assert_int_equal(n_seen, 1);
    check_counts(test_remember(m, "c", "k", "the lake", "{\"a\":1}"), 0, 1, 0);
    assert_int_equal(n_seen, 2);
    // The same key elsewhere is another item.
    check_counts(test_remember(m, "d", "k", "the lake", NULL), 1, 0, 0);
    assert_int_equal(n_seen, 3);
    anm_memory_close(m);
}

static bool copy_item(void *ctx, const anm_remembered_item *item)
{
    snprintf(ctx, 200, "%.*s %.*s", (int)item->text.len, item->text.data,
             (int)item->meta.len, item->meta.data);
    return true;
}

static void last_of_equal_keys_in_one_call_wins(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    const anm_text key = anm_text_of("k");
    const anm_memo items[] = {
        { key, anm_text_of("second"), { 0 } },
        { key, anm_text_of("first"), anm_text_of("{\"a\":2}") },
        { key, anm_text_of("first"), anm_text_of("{\"a\":2}") },
    };
    anm_remembered counts;
    char text[200];
    (void)state;

    test_remember(m, "c", "k", "first", NULL);
    // The second one's text is stored when looked at and gone when written.
    assert_int_equal(
        anm_memory_remember(m, "c", items, 3, &counts, NULL, NULL, NULL),
        ANM_OK);
    check_counts(counts, 0, 2, 1);
    assert_int_equal(
        anm_memory_each(m, "c", &key, false, copy_item, text, NULL), ANM_OK);
    assert_string_equal(text, "first {\"a\":2}");
    anm_recall *r = test_recall(m, "first", 2, NULL);
    assert_int_equal(anm_recall_n(r), 1);
    assert_true(anm_recall_at(r, 0).score > 0.9999f);
    anm_recall_free(r);
    anm_memory_close(m);
}

static void many_items_are_one_transaction(void **state)
{
    enum { N = 600 }; // more than the engine gets at once
    anm_memory *m = test_memory_open(test_store_path(), model);
    static char keys[N][16], texts[N][40];
    static anm_memo items[N];
    anm_remembered counts;
    (void)state;

    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        snprintf(texts[i], sizeof(texts[i]), "house number %d at the river", i);
        items[i] =
            (anm_memo){ anm_text_of(keys[i]), anm_text_of(texts[i]), { 0 } };
    }
    assert_int_equal(
        anm_memory_remember(m, "c", items, N, &counts, NULL, NULL, NULL),
        ANM_OK);
    check_counts(counts, N, 0, 0);
    // Each text got its own vector, wherever a call of the engine began.
    for (int i = 0; i < N; i += 37) {
        anm_recall *r = test_recall(m, texts[i], 1, NULL);
        assert_true(test_key_is(r, 0, keys[i]));
        assert_true(anm_recall_at(r, 0).score > 0.9999f);
        anm_recall_free(r);
    }
    n_seen = 0;
    items[300].text = anm_text_of("something else");
    assert_int_equal(
        anm_memory_remember(m, "c", items, N, &counts, NULL, NULL, NULL),
        ANM_OK);
    check_counts(counts, 0, 1, N - 1);
    assert_int_equal(n_seen, 1);
    anm_memory_close(m);
}

static void bad_item_leaves_nothing_behind(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    const anm_memo items[] = {
        { anm_text_of("a"), anm_text_of("one"), { 0 } },
        { anm_text_of("b"), anm_text_of("two"), anm_text_of("{\"a\":") },
    };
    anm_remembered counts = { .added = 77 };
    anm_error err;
    char *json;
    (void)state;

    n_seen = 0;
    test_failed(
        anm_memory_remember(m, "c", items, 2, &counts, NULL, NULL, &err), &err,
        ANM_E_ARG, "item 1|meta");
    assert_int_equal(counts.added, 77);
    assert_int_equal(n_seen, 0);
    assert_int_equal(anm_memory_ls(m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_int_equal(json_array_size(json_object_get(doc, "collections")), 0);
    json_decref(doc);
    anm_memory_close(m);
}

static void refused_by_the_store_alone_leaves_nothing_behind(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    // JSON allows it; the store does not.
    const anm_memo items[] = {
        { anm_text_of("a"), anm_text_of("one"), { 0 } },
        { anm_text_of("b"), anm_text_of("two"),
          anm_text_of("{\"a\":\"\\u0000\"}") },
    };
    anm_error err;
    char *json;
    (void)state;

    assert_int_not_equal(
        anm_memory_remember(m, "c", items, 2, NULL, NULL, NULL, &err), ANM_OK);
    assert_int_equal(anm_memory_ls(m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_int_equal(json_array_size(json_object_get(doc, "collections")), 0);
    json_decref(doc);
    // The next transaction is not hindered.
    test_remember(m, "c", "a", "one", NULL);
    anm_memory_close(m);
}

typedef struct cuts {
    size_t n, index, tokens;
} cuts;

static void note_cut(void *ctx, size_t index, size_t tokens)
{
    cuts *c = ctx;

    c->n++;
    c->index = index;
    c->tokens = tokens;
}

static void truncated_texts_are_reported(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    char text[1000] = "";
    anm_remembered counts;
    cuts c = { 0 };
    (void)state;

    for (int i = 0; i < 100; i++)
        strcat(text, "the ");
    const anm_memo items[] = {
        { anm_text_of("a"), anm_text_of("short"), { 0 } },
        { anm_text_of("b"), anm_text_of(text), { 0 } },
    };
    assert_int_equal(
        anm_memory_remember(m, "c", items, 2, &counts, note_cut, &c, NULL),
        ANM_OK);
    assert_int_equal(counts.truncated, 1);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.index, 1);
    // [CLS] and [SEP] leave 62 of 64 places.
    assert_int_equal(c.tokens, 100 - 62);
    anm_memory_close(m);
}

static void no_items_are_no_error(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    anm_remembered counts = { .added = 77 };
    (void)state;

    assert_int_equal(
        anm_memory_remember(m, "c", NULL, 0, &counts, NULL, NULL, NULL),
        ANM_OK);
    check_counts(counts, 0, 0, 0);
    anm_memory_close(m);
}

static void empty_text_is_a_text(void **state)
{
    anm_memory *m = test_memory_open(test_store_path(), model);
    (void)state;

    check_counts(test_remember(m, "c", "k", "", NULL), 1, 0, 0);
    check_counts(test_remember(m, "c", "k", "", NULL), 0, 0, 1);
    anm_memory_close(m);
}

static void writer_that_waits_too_long_is_told(void **state)
{
    const char *path = test_store_path();
    anm_archive *holder = test_archive_open(path, 1);
    const anm_memory_options o = { .store = path,
                                   .model = model,
                                   .timeout_ms = 50 };
    const anm_memo memo = { anm_text_of("k"), anm_text_of("t"), { 0 } };
    anm_memory *m;
    anm_error err;
    (void)state;

    assert_int_equal(anm_memory_open(&m, &o, NULL), ANM_OK);
    assert_int_equal(anm_store_begin(holder->writer, NULL), ANM_OK);
    test_failed(anm_memory_remember(m, "c", &memo, 1, NULL, NULL, NULL, &err),
                &err, ANM_E_BUSY, "memory.db");
    anm_store_rollback(holder->writer);
    assert_int_equal(
        anm_memory_remember(m, "c", &memo, 1, NULL, NULL, NULL, &err), ANM_OK);
    anm_memory_close(m);
    anm_archive_close(holder);
}

static void texts_are_not_cut_where_that_is_forbidden(void **state)
{
    const anm_memory_options uncut = { .store = test_store_path(),
                                       .model = model,
                                       .no_truncate = true };
    char text[1000] = "";
    anm_memory *m = NULL;
    anm_remembered counts;
    anm_recall *found = NULL;
    anm_error err;
    (void)state;

    for (int i = 0; i < 100; i++)
        strcat(text, "the ");
    const anm_memo items[] = {
        { anm_text_of("b"), anm_text_of(text), { 0 } },
        { anm_text_of("a"), anm_text_of("short"), { 0 } },
    };
    assert_int_equal(anm_memory_open(&m, &uncut, &err), ANM_OK);
    test_failed(
        anm_memory_remember(m, "c", items, 1, &counts, NULL, NULL, &err), &err,
        ANM_E_LIMIT, "key b|102 tokens|at most 64");
    test_failed(
        anm_memory_remember(m, "c", items, 2, &counts, NULL, NULL, &err), &err,
        ANM_E_LIMIT, "items 0 to 1|text 0|102 tokens");
    assert_int_equal(
        anm_memory_remember(m, "c", items + 1, 1, &counts, NULL, NULL, &err),
        ANM_OK);
    const anm_recall_params params = { .k = 1 };
    test_failed(
        anm_memory_recall(m, anm_text_of(text), &params, &found, NULL, &err),
        &err, ANM_E_LIMIT, "102 tokens|at most 64");
    assert_null(found);
    anm_memory_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unchanged_text_is_not_embedded_again),
        cmocka_unit_test(last_of_equal_keys_in_one_call_wins),
        cmocka_unit_test(many_items_are_one_transaction),
        cmocka_unit_test(bad_item_leaves_nothing_behind),
        cmocka_unit_test(refused_by_the_store_alone_leaves_nothing_behind),
        cmocka_unit_test(truncated_texts_are_reported),
        cmocka_unit_test(texts_are_not_cut_where_that_is_forbidden),
        cmocka_unit_test(no_items_are_no_error),
        cmocka_unit_test(empty_text_is_a_text),
        cmocka_unit_test(writer_that_waits_too_long_is_told),
    };
    return cmocka_run_group_tests(tests, open_counting, close_counting);
}
