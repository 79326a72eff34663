/* Writing: what is refused, what counts as a change, what a transaction is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/stores.h"

static void put_refused(test_notes *f, const anm_record *r, anm_status status,
                        const char *part)
{
    anm_put what;
    anm_error err = { 0 };

    assert_int_equal(anm_store_put(f->s, &f->c, r, &what, &err), status);
    if (!strstr(err.message, part))
        fail_msg("\"%s\" lacks \"%s\"", err.message, part);
}

static void need_refused(anm_store *s, anm_collection spec, anm_status status,
                         const char *part)
{
    anm_error err = { 0 };

    assert_int_equal(anm_store_need_collection(s, &spec, &err), status);
    if (!strstr(err.message, part))
        fail_msg("\"%s\" lacks \"%s\"", err.message, part);
}

static void other_fingerprint_or_dimension_names_both(void **state)
{
    test_notes *f = *state;
    anm_collection spec = test_collection("notes", 8);

    test_store_begin(f->s);
    strcpy(spec.fingerprint, "sha256:other");
    need_refused(f->s, spec, ANM_E_MISMATCH, "sha256:notes");
    need_refused(f->s, spec, ANM_E_MISMATCH, "sha256:other");
    spec = test_collection("notes", 9);
    need_refused(f->s, spec, ANM_E_MISMATCH, "dimension 8");
    need_refused(f->s, spec, ANM_E_MISMATCH, "of 9");
    test_store_commit(f->s);
}

static void collection_names_and_dimensions_have_limits(void **state)
{
    test_notes *f = *state;
    anm_collection spec = test_collection("x", 0);

    test_store_begin(f->s);
    need_refused(f->s, spec, ANM_E_LIMIT, "dimension 0");
    spec.dim = 65537;
    need_refused(f->s, spec, ANM_E_LIMIT, "65537");
    need_refused(f->s, test_collection("", 4), ANM_E_ARG, "0 bytes");
    need_refused(f->s, test_collection("a\nb", 4), ANM_E_ARG, "control");
    need_refused(f->s, test_collection("a\xff", 4), ANM_E_ARG, "UTF-8");
    memset(spec.name, 'n', 129);
    spec.name[129] = '\0';
    need_refused(f->s, spec, ANM_E_ARG, "129 bytes");
    spec = test_collection("zweite Sammlung \xc3\xa4", 65536);
    assert_int_equal(anm_store_need_collection(f->s, &spec, NULL), ANM_OK);
    test_store_commit(f->s);
}

static void there_are_at_most_1024_collections(void **state)
{
    test_notes *f = *state;
    char name[32];

    test_store_begin(f->s);
    for (int i = 1; i < 1024; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        anm_collection spec = test_collection(name, 4);
        assert_int_equal(anm_store_need_collection(f->s, &spec, NULL), ANM_OK);
    }
    need_refused(f->s, test_collection("one more", 4), ANM_E_LIMIT, "1024");
    test_store_commit(f->s);
}

static void collection_is_held_and_its_hint_follows(void **state)
{
    test_notes *f = *state;
    anm_collection spec = test_collection("notes", 8), back;

    test_store_add(f->s, &f->c, "k", "text", "", 1);
    test_store_begin(f->s);
    strcpy(spec.model_path, "/models/new");
    assert_int_equal(anm_store_need_collection(f->s, &spec, NULL), ANM_OK);
    test_store_commit(f->s);
    assert_int_equal(spec.id, f->c.id);
    assert_int_equal(spec.items, 1);
    assert_true(spec.seq > 0);
    assert_int_equal(anm_store_collection(f->s, "notes", &back, NULL), ANM_OK);
    assert_string_equal(back.model_path, "/models/new");
    assert_string_equal(back.query_prompt, "query");
}

static void spoiling_vectors_are_refused_with_both_values(void **state)
{
    test_notes *f = *state;
    float v[8] = { 0 };
    const anm_record r = { test_text("k"), test_text("t"), { 0 }, v };

    test_store_begin(f->s);
    put_refused(f, &r, ANM_E_MISMATCH, "length 0,");
    v[3] = NAN;
    put_refused(f, &r, ANM_E_MISMATCH, "nan at 3");
    v[3] = -INFINITY;
    put_refused(f, &r, ANM_E_MISMATCH, "-inf at 3");
    v[3] = 1.5f;
    put_refused(f, &r, ANM_E_MISMATCH, "length 1.5, allowed is 1");
    v[3] = 3e38f;
    put_refused(f, &r, ANM_E_MISMATCH, "length 3e+38");
    v[3] = 0.9985f;
    put_refused(f, &r, ANM_E_MISMATCH, "length 0.9985");
    v[3] = 1e-30f;
    put_refused(f, &r, ANM_E_MISMATCH, "length 1e-30");
    assert_string_equal(test_store_list(f->s, &f->c), "");
    v[3] = 0.9995f;
    anm_put what;
    assert_int_equal(anm_store_put(f->s, &f->c, &r, &what, NULL), ANM_OK);
    test_store_commit(f->s);
}

static void keys_texts_and_metadata_have_limits(void **state)
{
    test_notes *f = *state;
    const size_t big = ANM_TEXT_MAX_BYTES + 1;
    char *bytes = malloc(big);
    anm_record r = { { "", 0 }, test_text("t"), { 0 }, test_unit_vector(8, 1) };

    assert_non_null(bytes);
    memset(bytes, 'x', big);
    test_store_begin(f->s);
    put_refused(f, &r, ANM_E_ARG, "key is empty");
    r.key = (anm_text){ bytes, 1025 };
    put_refused(f, &r, ANM_E_LIMIT, "1025 bytes, at most 1024");
    r.key.len = 1024;
    r.text = (anm_text){ bytes, big };
    put_refused(f, &r, ANM_E_LIMIT, "16777217 bytes");
    r.text.len = 1;
    r.meta = (anm_text){ bytes, (1 << 20) + 1 };
    put_refused(f, &r, ANM_E_LIMIT, "1048577 bytes");
    free(bytes);
    test_store_commit(f->s);
}

static void metadata_that_is_no_object_is_format_error(void **state)
{
    static const char *const bad[] = { "[]",    "1",
                                       "{",     "{'a':1}",
                                       "{} {}", "{\"a\":1e999}",
                                       "\"x\"", "{\"a\":1,\"a\":2}" };
    test_notes *f = *state;
    anm_record r = {
        test_text("k"), test_text("t"), { 0 }, test_unit_vector(8, 1)
    };

    test_store_begin(f->s);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        r.meta = test_text(bad[i]);
        put_refused(f, &r, ANM_E_FORMAT, "key k: metadata");
    }
    r.meta = test_text("{\"a\":\"x\\u0000y\"}");
    put_refused(f, &r, ANM_E_FORMAT, "u0000");
    test_store_commit(f->s);
}

/* Jansson reads deeper than SQLite. */
static void
metadata_nested_too_deep_is_refused_and_the_rest_goes_on(void **state)
{
    test_notes *f = *state;
    char deep[5000] = "{\"a\":";
    anm_record r = {
        test_text("k"), test_text("t"), { 0 }, test_unit_vector(8, 1)
    };
    anm_put what;

    memset(deep + 5, '[', 2030);
    memset(deep + 2035, ']', 2030);
    strcpy(deep + 4065, "}");
    r.meta = test_text(deep);
    test_store_begin(f->s);
    put_refused(f, &r, ANM_E_FORMAT, "nested");
    r.meta = test_text("{}");
    assert_int_equal(anm_store_put(f->s, &f->c, &r, &what, NULL), ANM_OK);
    assert_int_equal(what, ANM_PUT_NEW);
    test_store_commit(f->s);
}

static void put_tells_new_updated_and_unchanged(void **state)
{
    test_notes *f = *state;

    assert_int_equal(test_store_add(f->s, &f->c, "k", "a", "{\"n\":1}", 1),
                     ANM_PUT_NEW);
    assert_int_equal(test_store_add(f->s, &f->c, "k", "a", "{\"n\":1}", 1),
                     ANM_PUT_UNCHANGED);
    assert_int_equal(test_store_add(f->s, &f->c, "k", "b", "{\"n\":1}", 1),
                     ANM_PUT_UPDATED);
    assert_int_equal(test_store_add(f->s, &f->c, "k", "b", "{\"n\":2}", 1),
                     ANM_PUT_UPDATED);
    assert_int_equal(test_store_add(f->s, &f->c, "k", "b", "{\"n\":2}", 2),
                     ANM_PUT_UPDATED);
    assert_int_equal(test_store_add(f->s, &f->c, "k", "b", "{\"n\":2}", 2),
                     ANM_PUT_UNCHANGED);
}

static void unchanged_text_needs_no_vector(void **state)
{
    test_notes *f = *state;
    anm_record r = { test_text("k"), test_text("a"), { 0 }, NULL };
    anm_put what;
    bool holds = true;

    assert_int_equal(
        anm_store_holds_text(f->s, &f->c, r.key, r.text, &holds, NULL), ANM_OK);
    assert_false(holds);
    test_store_begin(f->s);
    put_refused(f, &r, ANM_E_MISMATCH, "no such item");
    test_store_put(f->s, &f->c, "k", "a", "{\"n\":1}", 1);
    assert_int_equal(
        anm_store_holds_text(f->s, &f->c, r.key, r.text, &holds, NULL), ANM_OK);
    assert_true(holds);
    r.meta = test_text("{\"n\":2}");
    assert_int_equal(anm_store_put(f->s, &f->c, &r, &what, NULL), ANM_OK);
    assert_int_equal(what, ANM_PUT_UPDATED);
    r.text = test_text("b");
    put_refused(f, &r, ANM_E_MISMATCH, "not the one stored");
    test_store_commit(f->s);
    anm_item item;
    assert_int_equal(
        anm_store_get(f->s, &f->c, test_text("k"), true, &item, NULL), ANM_OK);
    assert_memory_equal(item.vector, test_unit_vector(8, 1), 32);
    assert_memory_equal(item.meta.data, "{\"n\":2}", item.meta.len);
    anm_item_deinit(&item);
}

static void rollback_leaves_nothing(void **state)
{
    test_notes *f = *state;
    anm_collection c = test_collection("gone", 4);

    test_store_add(f->s, &f->c, "k", "a", "", 1);
    test_store_begin(f->s);
    test_store_put(f->s, &f->c, "k", "b", "", 1);
    test_store_put(f->s, &f->c, "l", "c", "", 2);
    assert_int_equal(anm_store_need_collection(f->s, &c, NULL), ANM_OK);
    anm_store_rollback(f->s);
    assert_string_equal(test_store_list(f->s, &f->c), "k=a");
    assert_int_equal(anm_store_collection(f->s, "gone", &c, NULL),
                     ANM_E_NOTFOUND);
    assert_int_equal(test_store_add(f->s, &f->c, "l", "c", "", 2), ANM_PUT_NEW);
}

static void close_in_a_transaction_rolls_back(void **state)
{
    test_notes *f = *state;

    test_store_begin(f->s);
    test_store_put(f->s, &f->c, "k", "a", "", 1);
    anm_store_close(f->s);
    f->s = test_store_open(f->path, ANM_STORE_WRITE);
    assert_string_equal(test_store_list(f->s, &f->c), "");
    test_store_add(f->s, &f->c, "k", "a", "", 1);
}

static void counts_agree_inside_the_transaction_too(void **state)
{
    test_notes *f = *state;
    anm_collection now;

    test_store_begin(f->s);
    test_store_put(f->s, &f->c, "a", "1", "", 1);
    test_store_put(f->s, &f->c, "b", "2", "", 2);
    assert_int_equal(anm_store_collection(f->s, "notes", &now, NULL), ANM_OK);
    assert_int_equal(now.items, 2);
    assert_true(test_store_remove(f->s, &f->c, "a"));
    assert_false(test_store_remove(f->s, &f->c, "a"));
    test_store_commit(f->s);
    assert_int_equal(anm_store_collection(f->s, "notes", &now, NULL), ANM_OK);
    assert_int_equal(now.items, 1);
    assert_int_equal(now.seq, 3);
}

static void second_writer_is_busy_naming_file_and_time(void **state)
{
    test_notes *f = *state;
    anm_store *other;
    anm_error err;

    assert_int_equal(anm_store_open(&other, f->path, ANM_STORE_WRITE, 30, NULL),
                     ANM_OK);
    test_store_begin(f->s);
    assert_int_equal(anm_store_begin(other, &err), ANM_E_BUSY);
    assert_non_null(strstr(err.message, f->path));
    assert_non_null(strstr(err.message, "30 ms"));
    test_store_commit(f->s);
    test_store_begin(other);
    anm_store_rollback(other);
    anm_store_close(other);
}

/* Another program of SQLite's that holds the file does not know the lock. */
static void foreign_writer_is_busy_too(void **state)
{
    test_notes *f = *state;
    int ready[2], done[2];
    char byte;
    anm_store *other;
    anm_error err;

    assert_int_equal(pipe(ready) | pipe(done), 0);
    const pid_t child = fork();
    if (child == 0) {
        anm_store *s = test_store_open(f->path, ANM_STORE_WRITE);
        char lock[600], away[610];
        snprintf(lock, sizeof(lock), "%s.lock", f->path);
        snprintf(away, sizeof(away), "%s.away", lock);
        test_store_begin(s);
        rename(lock, away);
        if (write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1)
            _exit(1);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(anm_store_open(&other, f->path, ANM_STORE_WRITE, 30, NULL),
                     ANM_OK);
    assert_int_equal(anm_store_begin(other, &err), ANM_E_BUSY);
    assert_non_null(strstr(err.message, "30 ms"));
    assert_int_equal(write(done[1], "x", 1), 1);
    waitpid(child, NULL, 0);
    anm_store_close(other);
}

static void reader_cannot_write(void **state)
{
    test_notes *f = *state;
    anm_error err;
    uint64_t before, after;
    anm_store *r = test_store_open(f->path, ANM_STORE_READ);

    assert_int_equal(anm_store_begin(r, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "reading only"));
    assert_int_equal(anm_store_compact(r, &before, &after, &err), ANM_E_ARG);
    assert_int_equal(anm_store_index_path(r, &f->c, "a", &err), ANM_E_ARG);
    anm_store_close(r);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, test_notes_set_up,                   \
                                    test_notes_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(other_fingerprint_or_dimension_names_both),
        TEST(collection_names_and_dimensions_have_limits),
        TEST(there_are_at_most_1024_collections),
        TEST(collection_is_held_and_its_hint_follows),
        TEST(spoiling_vectors_are_refused_with_both_values),
        TEST(keys_texts_and_metadata_have_limits),
        TEST(metadata_that_is_no_object_is_format_error),
        TEST(metadata_nested_too_deep_is_refused_and_the_rest_goes_on),
        TEST(put_tells_new_updated_and_unchanged),
        TEST(unchanged_text_needs_no_vector),
        TEST(rollback_leaves_nothing),
        TEST(close_in_a_transaction_rolls_back),
        TEST(counts_agree_inside_the_transaction_too),
        TEST(second_writer_is_busy_naming_file_and_time),
        TEST(foreign_writer_is_busy_too),
        TEST(reader_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
