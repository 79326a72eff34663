/* memories.c - opening stores with a model, and filling them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/memories.h"

#include <stdio.h>
#include <string.h>

#include "memory/memory_parts.h"

const char *test_store_path(void)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/memory.db", test_temp_folder());
    return path;
}

anm_memory *test_memory_open(const char *store, anm_model *model)
{
    anm_memory *m = NULL;
    anm_error err = { 0 };
    const anm_memory_options o = { .store = store, .model = model };

    if (anm_memory_open(&m, &o, &err)) fail_msg("%s", err.message);
    assert_non_null(m);
    return m;
}

anm_remembered test_remember(anm_memory *m, const char *collection,
                             const char *key, const char *text,
                             const char *meta)
{
    const anm_memo memo = { anm_text_of(key), anm_text_of(text),
                            meta ? anm_text_of(meta) : (anm_text){ 0 } };
    anm_remembered counts;
    anm_error err = { 0 };

    if (anm_memory_remember(m, collection, &memo, 1, &counts, NULL, NULL, &err))
        fail_msg("%s", err.message);
    return counts;
}

anm_recall *test_recall(anm_memory *m, const char *question, size_t k,
                        const char *where)
{
    const anm_recall_params params = { .k = k, .where = where };
    anm_recall *r = NULL;
    anm_error err = { 0 };

    if (anm_memory_recall(m, anm_text_of(question), &params, &r, NULL, &err))
        fail_msg("%s", err.message);
    assert_non_null(r);
    return r;
}

bool test_key_is(const anm_recall *r, size_t i, const char *key)
{
    const anm_text got = anm_recall_at(r, i).key;
    return got.len == strlen(key) && memcmp(got.data, key, got.len) == 0;
}

void test_failed(anm_status got, const anm_error *err, anm_status status,
                 const char *words)
{
    char copy[512];

    if (got != status)
        fail_msg("%s: %s", anm_status_name(got), got ? err->message : "");
    snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok(copy, "|"); word; word = strtok(NULL, "|"))
        if (!strstr(err->message, word))
            fail_msg("no '%s' in: %s", word, err->message);
}

anm_archive *test_archive_open(const char *store, unsigned threads)
{
    anm_options open = test_options("tiny-bert-mean");
    anm_archive *a = NULL;
    anm_error err = { 0 };

    open.threads = threads;
    const anm_archive_options o = { .store = store, .open = &open };
    anm_store *made;
    if (anm_archive_open(&a, &o, &err)) fail_msg("%s", err.message);
    if (anm_writer_take(a, true, &made, &err)) fail_msg("%s", err.message);
    anm_writer_give_back(a);
    return a;
}
