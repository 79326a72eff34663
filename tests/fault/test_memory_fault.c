/* test_memory_fault.c - allocation k fails, for every k, in every public call
 * of the memory: error or success, never a crash; a call that failed changed
 * nothing, and what was usable stays usable.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/memories.h"

static anm_model *model;

static int open_model(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    (void)state;
    test_fault_install();
    model = test_model_open(&o);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    anm_model_close(model);
    return 0;
}

/* One public call under an armed fault. */
typedef anm_status (*call_fn)(void *ctx, anm_error *err);

/* SQLite's own allocations are not among those that fail, and what it keeps is
 * allocated once: a call may succeed although one failed. */
static void fail_each_allocation(call_fn fn, void *ctx)
{
    bool happened = true;

    for (uint64_t k = 1; happened; k++) {
        anm_error err = { 0 };
        test_fault_arm(k);
        const anm_status status = fn(ctx, &err);
        happened = test_fault_disarm();
        if (status && !happened)
            fail_msg("allocation %llu: %s", (unsigned long long)k, err.message);
        if (status && status != ANM_E_NOMEM && status != ANM_E_FORMAT &&
            status != ANM_E_ARG)
            fail_msg("allocation %llu: %s (%s)", (unsigned long long)k,
                     err.message, anm_status_name(status));
    }
}

static const anm_memo memos[] = {
    { { "a", 1 }, { "the old house", 13 }, { "{\"n\":1}", 7 } },
    { { "b", 1 }, { "by the river", 12 }, { NULL, 0 } },
};

typedef struct scene {
    const char *path;
    anm_memory *m;
} scene;

static size_t count_items(scene *s)
{
    char *json;
    size_t n = 0, i;
    json_t *c;

    assert_int_equal(anm_memory_ls(s->m, &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    json_array_foreach(json_object_get(doc, "collections"), i, c) n +=
        (size_t)json_integer_value(json_object_get(c, "items"));
    json_decref(doc);
    return n;
}

static anm_status open_and_close(void *ctx, anm_error *err)
{
    const anm_memory_options o = { .store = ctx, .model = model };
    anm_memory *m;
    const anm_status status = anm_memory_open(&m, &o, err);

    if (status) assert_null(m);
    anm_memory_close(m);
    return status;
}

static void opening(void **state)
{
    (void)state;
    fail_each_allocation(open_and_close, (void *)test_store_path());
}

/* Each time into a fresh store, through fresh handles. */
static void remembering(void **state)
{
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k++) {
        scene s = { .path = test_store_path() };
        anm_error err = { 0 };
        s.m = test_memory_open(s.path, model);
        test_fault_arm(k);
        anm_status status =
            anm_memory_remember(s.m, "c", memos, 2, NULL, NULL, NULL, &err);
        happened = test_fault_disarm();
        if (status && (!happened || status == ANM_E_INTERNAL))
            fail_msg("allocation %llu: %s", (unsigned long long)k, err.message);
        assert_int_equal(count_items(&s), status ? 0 : 2);
        assert_int_equal(
            anm_memory_remember(s.m, "c", memos, 2, NULL, NULL, NULL, &err),
            ANM_OK);
        assert_int_equal(count_items(&s), 2);
        anm_memory_close(s.m);
    }
}

static anm_status recall(void *ctx, anm_error *err)
{
    const anm_recall_params params = { .where = "n = 1" };
    scene *s = ctx;
    anm_receipt receipt;
    anm_recall *r = NULL;
    const anm_status status = anm_memory_recall(s->m, anm_text_of("the house"),
                                                &params, &r, &receipt, err);

    if (status) {
        assert_null(r);
        return status;
    }
    // A collection that could not be searched is no silent hole.
    assert_int_equal(anm_recall_n(r), 1);
    anm_recall_free(r);
    return ANM_OK;
}

static anm_status open_and_recall(void *ctx, anm_error *err)
{
    scene *s = ctx;
    const anm_memory_options o = { .store = s->path, .model = model };
    anm_status status = anm_memory_open(&s->m, &o, err);

    if (!status) status = recall(s, err);
    anm_memory_close(s->m);
    return status;
}

static void recalling(void **state)
{
    scene s = { .path = test_store_path() };
    (void)state;

    s.m = test_memory_open(s.path, model);
    assert_int_equal(
        anm_memory_remember(s.m, "c", memos, 2, NULL, NULL, NULL, NULL),
        ANM_OK);
    anm_memory_close(s.m);
    fail_each_allocation(open_and_recall, &s);
    s.m = test_memory_open(s.path, model);
    fail_each_allocation(recall, &s);
    anm_memory_close(s.m);
}

static bool ignore(void *ctx, const anm_remembered_item *item)
{
    (void)ctx;
    (void)item;
    return true;
}

static anm_status look(void *ctx, anm_error *err)
{
    scene *s = ctx;
    char *json = NULL;
    bool sound;
    anm_status status =
        anm_memory_each(s->m, "c", NULL, true, ignore, NULL, err);

    if (!status)
        status =
            anm_memory_each(s->m, "c", &memos[1].key, true, ignore, NULL, err);
    if (!status) status = anm_memory_ls(s->m, &json, err);
    if (status) return status;
    anm_free(json);
    status = anm_memory_stats(s->m, &json, err);
    if (status) return status;
    anm_free(json);
    status = anm_memory_check(s->m, &json, &sound, err);
    if (status) return status;
    anm_free(json);
    status = anm_memory_index(s->m, "c", "n", err);
    if (status) return status;
    status = anm_memory_compact(s->m, &json, err);
    if (!status) anm_free(json);
    return status;
}

static void looking(void **state)
{
    scene s = { .path = test_store_path() };
    (void)state;

    s.m = test_memory_open(s.path, model);
    assert_int_equal(
        anm_memory_remember(s.m, "c", memos, 2, NULL, NULL, NULL, NULL),
        ANM_OK);
    fail_each_allocation(look, &s);
    assert_int_equal(count_items(&s), 2);
    anm_memory_close(s.m);
}

/* Each time of fresh handles. */
static void forgetting(void **state)
{
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k++) {
        scene s = { .path = test_store_path() };
        anm_error err = { 0 };
        size_t removed = 77;
        s.m = test_memory_open(s.path, model);
        assert_int_equal(
            anm_memory_remember(s.m, "c", memos, 2, NULL, NULL, NULL, NULL),
            ANM_OK);
        test_fault_arm(k);
        const anm_status status =
            anm_memory_forget(s.m, "c", NULL, 0, "n = 1", &removed, &err);
        happened = test_fault_disarm();
        if (status && !happened) fail_msg("%s", err.message);
        assert_int_equal(removed, status ? 77 : 1);
        assert_int_equal(count_items(&s), status ? 2 : 1);
        anm_memory_close(s.m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),    cmocka_unit_test(remembering),
        cmocka_unit_test(recalling),  cmocka_unit_test(looking),
        cmocka_unit_test(forgetting),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
