/* stores.c - see stores.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/stores.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                                             \
    do {                                                                       \
        anm_error must_err = { 0 };                                            \
        anm_error *err = &must_err;                                            \
        if ((call) != ANM_OK) fail_msg("%s: %s", #call, must_err.message);     \
    } while (0)

anm_text test_text(const char *string)
{
    return (anm_text){ string, strlen(string) };
}

const char *test_db_path(void)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/m.db", test_temp_folder());
    return path;
}

anm_store *test_store_open(const char *path, anm_store_mode mode)
{
    anm_store *s = NULL;

    MUST(anm_store_open(&s, path, mode, 2000, err));
    assert_non_null(s);
    return s;
}

void test_store_refused(const char *path, anm_store_mode mode,
                        anm_status status, const char *part)
{
    anm_store *s;
    anm_error err = { 0 };

    assert_int_equal(anm_store_open(&s, path, mode, 0, &err), status);
    assert_null(s);
    if (!strstr(err.message, part))
        fail_msg("\"%s\" lacks \"%s\"", err.message, part);
}

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

const float *test_unit_vector(size_t dim, uint64_t seed)
{
    static float vectors[4][2048];
    static unsigned next;
    float *v = vectors[next++ % 4];
    double sum = 0.0;

    assert_in_range(dim, 1, 2048);
    for (size_t i = 0; i < dim; i++) {
        v[i] = (float)(mix(seed * 4099 + i) >> 40) * 0x1p-23f - 1.0f;
        sum += (double)v[i] * v[i];
    }
    for (size_t i = 0; i < dim; i++)
        v[i] = (float)(v[i] / sqrt(sum));
    return v;
}

anm_collection test_collection(const char *name, size_t dim)
{
    anm_collection c = { .dim = dim, .model = "tiny", .query_prompt = "query" };

    snprintf(c.name, sizeof(c.name), "%s", name);
    snprintf(c.fingerprint, sizeof(c.fingerprint), "sha256:%.60s", name);
    return c;
}

void test_store_begin(anm_store *s)
{
    MUST(anm_store_begin(s, err));
}

void test_store_commit(anm_store *s)
{
    MUST(anm_store_commit(s, err));
}

anm_collection test_store_collection(anm_store *s, const char *name, size_t dim)
{
    anm_collection c = test_collection(name, dim);

    test_store_begin(s);
    MUST(anm_store_need_collection(s, &c, err));
    test_store_commit(s);
    return c;
}

anm_put test_store_put(anm_store *s, const anm_collection *c, const char *key,
                       const char *text, const char *meta, uint64_t seed)
{
    anm_put what = ANM_PUT_NEW;
    const anm_record r = {
        .key = test_text(key),
        .text = test_text(text),
        .meta = test_text(meta),
        .vector = test_unit_vector(c->dim, seed),
    };

    MUST(anm_store_put(s, c, &r, &what, err));
    return what;
}

bool test_store_remove(anm_store *s, const anm_collection *c, const char *key)
{
    bool removed = false;

    MUST(anm_store_remove(s, c, test_text(key), &removed, err));
    return removed;
}

anm_put test_store_add(anm_store *s, const anm_collection *c, const char *key,
                       const char *text, const char *meta, uint64_t seed)
{
    test_store_begin(s);
    const anm_put what = test_store_put(s, c, key, text, meta, seed);
    test_store_commit(s);
    return what;
}

static char list[1 << 16];

static bool append_item(void *ctx, const anm_item *item)
{
    const size_t len = strlen(list);

    (void)ctx;
    snprintf(list + len, sizeof(list) - len, "%s%.*s=%.*s", len ? " " : "",
             (int)item->key.len, item->key.data, (int)item->text.len,
             item->text.data);
    return true;
}

const char *test_store_list(anm_store *s, const anm_collection *c)
{
    list[0] = '\0';
    MUST(anm_store_each(s, c, false, append_item, NULL, err));
    return list;
}

static void append_line(void *ctx, const char *line)
{
    const size_t len = strlen(list);

    (void)ctx;
    snprintf(list + len, sizeof(list) - len, "%s\n", line);
}

const char *test_store_problems(anm_store *s)
{
    list[0] = '\0';
    MUST(anm_store_check(s, append_line, NULL, err));
    return list;
}

int test_notes_set_up(void **state)
{
    static test_notes notes;

    notes = (test_notes){ 0 };
    snprintf(notes.path, sizeof(notes.path), "%s", test_db_path());
    notes.s = test_store_open(notes.path, ANM_STORE_CREATE);
    notes.c = test_store_collection(notes.s, "notes", 8);
    *state = &notes;
    return 0;
}

int test_notes_tear_down(void **state)
{
    test_notes *notes = *state;

    if (notes->s) test_store_sound(notes->s);
    anm_store_close(notes->s);
    return 0;
}

void test_store_sound(anm_store *s)
{
    assert_string_equal(test_store_problems(s), "");
}

void test_store_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, sql, NULL, NULL, &message);
    if (message) fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

void test_store_age(const char *path)
{
    test_store_sql(path, "BEGIN; ALTER TABLE vector DROP COLUMN sum;"
                         "ALTER TABLE vector RENAME TO vec;"
                         "PRAGMA user_version = 1; COMMIT");
}

void test_file_copy(const char *from, const char *to)
{
    size_t len = 0;
    char *bytes = test_read(from, &len);
    FILE *file = fopen(to, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}
