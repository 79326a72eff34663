/* Items removed, and walked over.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/memories.h"

static anm_model *model;

static int open_model(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    (void)state;
    model = test_model_open(&o);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    anm_model_close(model);
    return 0;
}

/* Keys "a" to "e" with n = 0 to 4. */
static anm_memory *fill(void)
{
    anm_memory *m = test_memory_open(test_store_path(), model);

    for (int i = 0; i < 5; i++) {
        const char key[] = { (char)('a' + i), 0 };
        char text[40], meta[40];
        snprintf(text, sizeof(text), "text of item %d", i);
        snprintf(meta, sizeof(meta), "{\"n\":%d}", i);
        test_remember(m, "c", key, text, meta);
    }
    return m;
}

static bool append_key(void *ctx, const anm_remembered_item *item)
{
    strncat(ctx, item->key.data, item->key.len);
    assert_null(item->vector);
    return true;
}

static void check_left(anm_memory *m, const char *keys)
{
    char got[64] = "";

    assert_int_equal(
        anm_memory_each(m, "c", NULL, false, append_key, got, NULL), ANM_OK);
    assert_string_equal(got, keys);
    anm_recall *r = test_recall(m, "text", 100, NULL);
    assert_int_equal(anm_recall_n(r), strlen(keys));
    anm_recall_free(r);
}

static void keys_are_removed_and_counted_when_there(void **state)
{
    anm_memory *m = fill();
    const anm_text keys[] = { anm_text_of("b"), anm_text_of("nobody"),
                              anm_text_of("e"), anm_text_of("b") };
    size_t removed = 77;
    (void)state;

    assert_int_equal(anm_memory_forget(m, "c", keys, 4, NULL, &removed, NULL),
                     ANM_OK);
    assert_int_equal(removed, 2);
    check_left(m, "acd");
    assert_int_equal(anm_memory_forget(m, "c", keys, 0, NULL, &removed, NULL),
                     ANM_OK);
    assert_int_equal(removed, 0);
    check_left(m, "acd");
    anm_memory_close(m);
}

static void filter_removes_what_passes(void **state)
{
    anm_memory *m = fill();
    size_t removed = 77;
    (void)state;

    assert_int_equal(
        anm_memory_forget(m, "c", NULL, 0, "n >= 3 or n = 0", &removed, NULL),
        ANM_OK);
    assert_int_equal(removed, 3);
    check_left(m, "bc");
    assert_int_equal(
        anm_memory_forget(m, "c", NULL, 0, "n > 9", &removed, NULL), ANM_OK);
    assert_int_equal(removed, 0);
    anm_memory_close(m);
}

static void neither_keys_nor_filter_removes_nothing(void **state)
{
    anm_memory *m = fill();
    const anm_text key = anm_text_of("a");
    size_t removed = 77;
    anm_error err;
    (void)state;

    test_failed(anm_memory_forget(m, "c", NULL, 0, NULL, &removed, &err), &err,
                ANM_E_ARG, "keys");
    test_failed(anm_memory_forget(m, "c", &key, 1, "n = 1", &removed, &err),
                &err, ANM_E_ARG, "exclude");
    test_failed(anm_memory_forget(m, "c", NULL, 0, "n == ", &removed, &err),
                &err, ANM_E_ARG, "column");
    test_failed(anm_memory_forget(m, "other", &key, 1, NULL, &removed, &err),
                &err, ANM_E_NOTFOUND, "other");
    assert_int_equal(removed, 77);
    check_left(m, "abcde");
    anm_memory_close(m);
}

/* ---- Walking ------------------------------------------------------------------ */

static bool stop_at_second(void *ctx, const anm_remembered_item *item)
{
    (void)item;
    return ++*(int *)ctx < 2;
}

static void walk_stops_when_told(void **state)
{
    anm_memory *m = fill();
    int n = 0;
    (void)state;

    assert_int_equal(
        anm_memory_each(m, "c", NULL, false, stop_at_second, &n, NULL), ANM_OK);
    assert_int_equal(n, 2);
    anm_memory_close(m);
}

typedef struct seen {
    float vector[48];
    anm_remembered_item item;
} seen;

static bool keep(void *ctx, const anm_remembered_item *item)
{
    seen *s = ctx;

    s->item = *item;
    memcpy(s->vector, item->vector, sizeof(s->vector));
    return true;
}

static void one_item_comes_with_its_vector(void **state)
{
    anm_memory *m = fill();
    const anm_text key = anm_text_of("d");
    float *v = test_embed(model, "text of item 3");
    seen s = { 0 };
    (void)state;

    assert_int_equal(anm_memory_each(m, "c", &key, true, keep, &s, NULL),
                     ANM_OK);
    assert_int_equal(s.item.dim, 48);
    assert_memory_equal(s.vector, v, sizeof(s.vector));
    assert_int_equal(s.item.seq, 4);
    // Later than 2020.
    assert_true(s.item.updated_ms > INT64_C(1577836800000));
    free(v);
    anm_memory_close(m);
}

static void item_that_is_not_there_is_named(void **state)
{
    anm_memory *m = fill();
    const anm_text key = anm_text_of("nobody");
    char got[8] = "";
    anm_error err;
    (void)state;

    test_failed(anm_memory_each(m, "c", &key, false, append_key, got, &err),
                &err, ANM_E_NOTFOUND, "nobody");
    test_failed(anm_memory_each(m, "d", NULL, false, append_key, got, &err),
                &err, ANM_E_NOTFOUND, "d");
    assert_string_equal(got, "");
    anm_memory_close(m);
}

static bool forget_it(void *ctx, const anm_remembered_item *item)
{
    return anm_memory_forget(ctx, "c", &item->key, 1, NULL, NULL, NULL) ==
           ANM_OK;
}

static void walk_sees_one_snapshot_while_it_is_changed(void **state)
{
    anm_memory *m = fill();
    (void)state;

    assert_int_equal(anm_memory_each(m, "c", NULL, false, forget_it, m, NULL),
                     ANM_OK);
    check_left(m, "");
    anm_memory_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_removed_and_counted_when_there),
        cmocka_unit_test(filter_removes_what_passes),
        cmocka_unit_test(neither_keys_nor_filter_removes_nothing),
        cmocka_unit_test(walk_stops_when_told),
        cmocka_unit_test(one_item_comes_with_its_vector),
        cmocka_unit_test(item_that_is_not_there_is_named),
        cmocka_unit_test(walk_sees_one_snapshot_while_it_is_changed),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
