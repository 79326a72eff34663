/* Arguments of the memory are checked before anything happens.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/memories.h"

static anm_memory *memory;

static int open_memory(void **state)
{
    (void)state;
    memory = test_memory_open(test_store_path(), NULL);
    return 0;
}

static int close_memory(void **state)
{
    (void)state;
    anm_memory_close(memory);
    return 0;
}

static void refuse_memo(anm_memo memo, anm_status status, const char *words)
{
    const anm_memo items[] = { { anm_text_of("k"), anm_text_of("t"), { 0 } },
                               memo };
    anm_error err;

    test_failed(
        anm_memory_remember(memory, "c", items, 2, NULL, NULL, NULL, &err),
        &err, status, words);
}

static anm_text repeat(char *buffer, size_t n)
{
    memset(buffer, 'x', n);
    return (anm_text){ buffer, n };
}

static void bad_items_are_refused_with_their_number(void **state)
{
    const anm_text k = anm_text_of("k"), t = anm_text_of("t");
    const anm_text none = { 0 };
    static char buffer[(16 << 20) + 1];
    (void)state;

    refuse_memo((anm_memo){ none, t, none }, ANM_E_ARG, "item 1|key is empty");
    refuse_memo((anm_memo){ repeat(buffer, 1025), t, none }, ANM_E_ARG,
                "item 1|1025|1024");
    refuse_memo((anm_memo){ anm_text_of("a\xff"), t, none }, ANM_E_ARG,
                "item 1|key|UTF-8 at byte 1");
    refuse_memo((anm_memo){ k, anm_text_of("ab\xc0"), none }, ANM_E_ARG,
                "item 1|text|UTF-8 at byte 2");
    refuse_memo((anm_memo){ k, { NULL, 4 }, none }, ANM_E_ARG,
                "item 1|text|NULL");
    refuse_memo((anm_memo){ k, repeat(buffer, sizeof(buffer)), none },
                ANM_E_LIMIT, "item 1|text|16777217|16777216");
    refuse_memo((anm_memo){ k, t, anm_text_of("[1]") }, ANM_E_ARG,
                "item 1|meta|array|object");
    refuse_memo((anm_memo){ k, t, anm_text_of("{\"a\":1} x") }, ANM_E_ARG,
                "item 1|meta");
    refuse_memo((anm_memo){ k, t, anm_text_of("{\"a\":1,\"a\":2}") }, ANM_E_ARG,
                "item 1|meta");
    refuse_memo((anm_memo){ k, t, repeat(buffer, (1 << 20) + 1) }, ANM_E_LIMIT,
                "item 1|meta|1048577|1048576");
}

static void item_alone_is_refused_without_a_number(void **state)
{
    const anm_text k = anm_text_of("k"), t = anm_text_of("t");
    const anm_memo bad = { k, t, anm_text_of("[1]") };
    anm_error err;
    (void)state;

    test_failed(
        anm_memory_remember(memory, "c", &bad, 1, NULL, NULL, NULL, &err), &err,
        ANM_E_ARG, "meta: is of type array");
    assert_null(strstr(err.message, "item"));
}

static void bad_collection_names_are_refused(void **state)
{
    char longest[200];
    const char *const bad[] = { "", "a\nb", "a\x7f", "\xff", longest };
    const anm_memo memo = { anm_text_of("k"), anm_text_of("t"), { 0 } };
    anm_recall *r;
    anm_error err;
    (void)state;

    memset(longest, 'x', 129);
    longest[129] = '\0';
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const anm_recall_params params = { .collections = &bad[i],
                                           .n_collections = 1 };
        test_failed(anm_memory_remember(memory, bad[i], &memo, 1, NULL, NULL,
                                        NULL, &err),
                    &err, ANM_E_ARG, "collection");
        test_failed(anm_memory_recall(memory, anm_text_of("q"), &params, &r,
                                      NULL, &err),
                    &err, ANM_E_ARG, "collection");
        assert_null(r);
        test_failed(anm_memory_index(memory, bad[i], "a", &err), &err,
                    ANM_E_ARG, "collection");
    }
}

static void null_is_refused_by_name(void **state)
{
    const anm_recall_params params = { .n_collections = 1 };
    const anm_memory_options empty = { .store = "" };
    anm_memory *m;
    anm_recall *r;
    char *json;
    anm_error err;
    (void)state;

    test_failed(anm_memory_open(&m, NULL, &err), &err, ANM_E_ARG, "options");
    test_failed(anm_memory_open(&m, &empty, &err), &err, ANM_E_ARG, "store");
    assert_null(m);
    test_failed(
        anm_memory_remember(memory, NULL, NULL, 0, NULL, NULL, NULL, &err),
        &err, ANM_E_ARG, "collection");
    test_failed(
        anm_memory_remember(memory, "c", NULL, 2, NULL, NULL, NULL, &err), &err,
        ANM_E_ARG, "items");
    test_failed(
        anm_memory_recall(memory, anm_text_of("q"), NULL, NULL, NULL, &err),
        &err, ANM_E_ARG, "out");
    test_failed(
        anm_memory_recall(memory, anm_text_of("q"), &params, &r, NULL, &err),
        &err, ANM_E_ARG, "collections");
    test_failed(anm_memory_recall(NULL, anm_text_of("q"), NULL, &r, NULL, &err),
                &err, ANM_E_ARG, "memory");
    test_failed(anm_memory_each(memory, "c", NULL, false, NULL, NULL, &err),
                &err, ANM_E_ARG, "fn");
    test_failed(anm_memory_backup(memory, "", &json, &err), &err, ANM_E_ARG,
                "path");
    test_failed(anm_memory_ls(memory, NULL, &err), &err, ANM_E_ARG, "json");
}

/* How a model would be opened is judged before one is. */
static void options_of_a_model_opened_later_are_checked(void **state)
{
    static const struct {
        anm_options options;
        const char *words;
    } bad[] = {
        { { .units = (anm_units)77 }, "units|77|[0, 3]" },
        { { .precision = (anm_precision)77 }, "precision|77|[0, 4]" },
        { { .add_eos = (anm_choice)77 }, "add_eos|77|[0, 2]" },
        { { .threads = 1025 }, "threads|1025|1024" },
        { { .allow_fallback = 1u << 7 }, "allow_fallback|0x80|0x7" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const anm_memory_options options = { .store = test_store_path(),
                                             .open = &bad[i].options };
        anm_memory *m;
        anm_error err;
        test_failed(anm_memory_open(&m, &options, &err), &err, ANM_E_ARG,
                    bad[i].words);
        assert_null(m);
    }
}

static void release_functions_accept_null(void **state)
{
    (void)state;
    anm_memory_close(NULL);
    anm_recall_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_items_are_refused_with_their_number),
        cmocka_unit_test(item_alone_is_refused_without_a_number),
        cmocka_unit_test(bad_collection_names_are_refused),
        cmocka_unit_test(null_is_refused_by_name),
        cmocka_unit_test(options_of_a_model_opened_later_are_checked),
        cmocka_unit_test(release_functions_accept_null),
    };
    return cmocka_run_group_tests(tests, open_memory, close_memory);
}
