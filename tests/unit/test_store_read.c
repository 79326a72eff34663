/* Reading: what was put comes back byte by byte; changes reach a follower.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "support/stores.h"

static void item_comes_back_byte_by_byte_with_nul(void **state)
{
    test_notes *f = *state;
    const anm_record r = {
        { "k\0ey", 4 },
        { "te\0xt \xf0\x9f\x8c\x8a\0", 11 },
        test_text("{ \"n\" : 0.10 }"),
        test_unit_vector(8, 3),
    };
    anm_put what;
    anm_item item;

    test_store_begin(f->s);
    assert_int_equal(anm_store_put(f->s, &f->c, &r, &what, NULL), ANM_OK);
    test_store_commit(f->s);
    assert_int_equal(anm_store_get(f->s, &f->c, r.key, true, &item, NULL),
                     ANM_OK);
    assert_int_equal(item.key.len, 4);
    assert_memory_equal(item.key.data, "k\0ey", 4);
    assert_int_equal(item.text.len, 11);
    assert_memory_equal(item.text.data, r.text.data, 11);
    assert_int_equal(item.meta.len, r.meta.len);
    assert_memory_equal(item.meta.data, r.meta.data, r.meta.len);
    assert_int_equal(item.dim, 8);
    assert_memory_equal(item.vector, test_unit_vector(8, 3), 32);
    assert_true(item.updated_ms > INT64_C(1500000000000));
    const int64_t id = item.id;
    anm_item_deinit(&item);
    assert_int_equal(anm_store_get_id(f->s, &f->c, id, false, &item, NULL),
                     ANM_OK);
    assert_null(item.vector);
    assert_int_equal(item.text.len, 11);
    anm_item_deinit(&item);
    // A key that ends where the other has its NUL is another key.
    assert_int_equal(
        anm_store_get(f->s, &f->c, test_text("k"), true, &item, NULL),
        ANM_E_NOTFOUND);
}

static void empty_text_is_a_text(void **state)
{
    test_notes *f = *state;
    anm_item item;

    test_store_add(f->s, &f->c, "k", "", "", 1);
    assert_int_equal(
        anm_store_get(f->s, &f->c, test_text("k"), false, &item, NULL), ANM_OK);
    assert_int_equal(item.text.len, 0);
    assert_memory_equal(item.meta.data, "{}", 2);
    anm_item_deinit(&item);
}

static void absent_key_names_key_and_collection(void **state)
{
    test_notes *f = *state;
    anm_item item;
    anm_error err;
    anm_collection c;

    assert_int_equal(
        anm_store_get(f->s, &f->c, test_text("nix"), true, &item, &err),
        ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "nix"));
    assert_non_null(strstr(err.message, "notes"));
    assert_int_equal(anm_store_get_id(f->s, &f->c, 99, true, &item, &err),
                     ANM_E_NOTFOUND);
    assert_int_equal(anm_store_collection(f->s, "goals", &c, &err),
                     ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "goals"));
    assert_non_null(strstr(err.message, f->path));
}

static void collections_are_apart_and_in_order_of_name(void **state)
{
    test_notes *f = *state;
    const anm_collection b = test_store_collection(f->s, "b", 4);
    anm_collection *all;
    size_t n;

    test_store_add(f->s, &f->c, "k", "in notes", "", 1);
    test_store_add(f->s, &b, "k", "in b", "", 1);
    assert_string_equal(test_store_list(f->s, &f->c), "k=in notes");
    assert_string_equal(test_store_list(f->s, &b), "k=in b");
    assert_int_equal(anm_store_collections(f->s, &all, &n, NULL), ANM_OK);
    assert_int_equal(n, 2);
    assert_string_equal(all[0].name, "b");
    assert_int_equal(all[0].dim, 4);
    assert_int_equal(all[0].items, 1);
    assert_string_equal(all[1].name, "notes");
    anm_free(all);
}

/* ---- Changes ---------------------------------------------------------------- */

static char seen[4096];
static int64_t last_seq;
static size_t stop_after;

static bool note_change(void *ctx, const anm_change *change)
{
    char one[64];

    (void)ctx;
    snprintf(one, sizeof(one), "%c%d ", change->removed ? '-' : '+',
             (int)change->id);
    strcat(seen, one);
    assert_int_equal(!change->vector, change->removed);
    if (!change->removed) assert_int_equal((uintptr_t)change->vector % 4, 0);
    last_seq = change->seq > last_seq ? change->seq : last_seq;
    return stop_after == 0 || --stop_after > 0;
}

static const char *changes(test_notes *f, int64_t after)
{
    anm_error err;

    seen[0] = '\0';
    last_seq = after;
    if (anm_store_changes(f->s, &f->c, after, note_change, NULL, &err))
        snprintf(seen, sizeof(seen), "%s", err.message);
    return seen;
}

static void follower_sees_the_last_change_of_each_item(void **state)
{
    test_notes *f = *state;
    const anm_collection other = test_store_collection(f->s, "other", 4);

    assert_string_equal(changes(f, 0), "");
    test_store_add(f->s, &f->c, "a", "1", "", 1);
    test_store_add(f->s, &f->c, "b", "2", "", 2);
    test_store_add(f->s, &other, "c", "3", "", 3);
    assert_string_equal(changes(f, 0), "+1 +2 ");
    const int64_t cursor = last_seq;
    test_store_add(f->s, &f->c, "b", "2b", "", 4);
    test_store_add(f->s, &f->c, "d", "4", "", 5);
    test_store_add(f->s, &f->c, "b", "2c", "", 6);
    test_store_begin(f->s);
    test_store_remove(f->s, &f->c, "a");
    test_store_commit(f->s);
    assert_string_equal(changes(f, cursor), "+4 +2 -1 ");
    assert_string_equal(changes(f, last_seq), "");
    assert_string_equal(changes(f, 0), "+2 +4 ");
}

static void follower_may_stop_and_go_on(void **state)
{
    test_notes *f = *state;

    for (int i = 0; i < 5; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%d", i);
        test_store_add(f->s, &f->c, key, "x", "", 1);
    }
    stop_after = 3;
    assert_string_equal(changes(f, 1), "+2 +3 +4 ");
    stop_after = 0;
    assert_string_equal(changes(f, last_seq), "+5 ");
}

static void forgotten_removals_are_told_not_skipped(void **state)
{
    test_notes *f = *state;
    uint64_t before, after;

    test_store_add(f->s, &f->c, "a", "1", "", 1);
    test_store_add(f->s, &f->c, "b", "2", "", 2);
    test_store_begin(f->s);
    test_store_remove(f->s, &f->c, "a");
    test_store_commit(f->s);
    assert_int_equal(anm_store_compact(f->s, &before, &after, NULL), ANM_OK);
    assert_non_null(strstr(changes(f, 2), "forgotten"));
    assert_string_equal(changes(f, 3), "");
    assert_string_equal(changes(f, 0), "+2 ");
}

static void moved_tells_commits_of_anyone_once(void **state)
{
    test_notes *f = *state;
    anm_store *other = test_store_open(f->path, ANM_STORE_WRITE);
    bool moved = false;

    assert_int_equal(anm_store_moved(f->s, &moved, NULL), ANM_OK);
    assert_true(moved);
    anm_store_moved(f->s, &moved, NULL);
    assert_false(moved);
    test_store_add(f->s, &f->c, "a", "1", "", 1);
    anm_store_moved(f->s, &moved, NULL);
    assert_true(moved);
    anm_store_moved(f->s, &moved, NULL);
    assert_false(moved);
    test_store_add(other, &f->c, "b", "1", "", 1);
    anm_store_moved(f->s, &moved, NULL);
    assert_true(moved);
    anm_store_moved(f->s, &moved, NULL);
    assert_false(moved);
    anm_store_close(other);
}

static bool put_another(void *ctx, const anm_item *item)
{
    test_notes *f = ctx;
    char key[64];

    snprintf(key, sizeof(key), "%.*s-", (int)item->key.len, item->key.data);
    test_store_add(f->s, &f->c, key, "y", "", 1);
    return item->key.len < 8;
}

/* The writer writes while it reads: it may see its own rows, and must come to
 * an end and lose nothing. Another handle's snapshot stays as it was. */
static void snapshot_of_another_handle_stays(void **state)
{
    test_notes *f = *state;
    anm_store *r = test_store_open(f->path, ANM_STORE_READ);
    test_notes w = *f;
    anm_collection now;

    test_store_add(f->s, &f->c, "a", "1", "", 1);
    test_store_add(f->s, &f->c, "b", "2", "", 2);
    assert_int_equal(anm_store_each(r, &f->c, true, put_another, &w, NULL),
                     ANM_OK);
    assert_int_equal(anm_store_collection(r, "notes", &now, NULL), ANM_OK);
    assert_int_equal(now.items, 4);
    anm_store_close(r);
}

static void damaged_vector_is_named(void **state)
{
    test_notes *f = *state;
    anm_error err;
    anm_item item = { 0 };

    test_store_add(f->s, &f->c, "a", "1", "", 1);
    test_store_sql(f->path, "UPDATE vector SET v = x'00' WHERE iid = 1");
    assert_int_equal(
        anm_store_get(f->s, &f->c, test_text("a"), true, &item, &err),
        ANM_E_CORRUPT);
    assert_non_null(strstr(err.message, "item 1: vector of 1 bytes"));
    assert_non_null(strstr(err.message, "needed are 32"));
    assert_non_null(strstr(test_store_problems(f->s), "vector of 1 bytes"));
    test_store_begin(f->s);
    test_store_remove(f->s, &f->c, "a");
    test_store_commit(f->s);
}

/* One bit, which no length tells; and the way out of it. */
static void flipped_bit_is_refused_until_the_item_is_put_again(void **state)
{
    test_notes *f = *state;
    anm_error err;
    anm_item item = { 0 };
    bool holds = true;
    anm_put what;
    anm_record r = { test_text("a"), test_text("1"), { 0 }, NULL };

    test_store_add(f->s, &f->c, "a", "1", "", 1);
    test_store_sql(f->path,
                   "UPDATE vector SET v = x'01' || substr(v, 2) WHERE iid = 1");
    assert_int_equal(
        anm_store_get(f->s, &f->c, test_text("a"), true, &item, &err),
        ANM_E_CORRUPT);
    assert_non_null(strstr(err.message, "not the one that was put"));
    assert_int_equal(
        anm_store_get(f->s, &f->c, test_text("a"), false, &item, NULL), ANM_OK);
    anm_item_deinit(&item);
    assert_int_equal(anm_store_holds_text(f->s, &f->c, test_text("a"),
                                          test_text("1"), &holds, NULL),
                     ANM_OK);
    assert_false(holds);
    test_store_begin(f->s);
    assert_int_equal(anm_store_put(f->s, &f->c, &r, &what, &err),
                     ANM_E_MISMATCH);
    assert_non_null(strstr(err.message, "damaged"));
    r.vector = test_unit_vector(8, 1);
    assert_int_equal(anm_store_put(f->s, &f->c, &r, &what, NULL), ANM_OK);
    assert_int_equal(what, ANM_PUT_UPDATED);
    test_store_commit(f->s);
    test_store_sound(f->s);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, test_notes_set_up,                   \
                                    test_notes_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(item_comes_back_byte_by_byte_with_nul),
        TEST(empty_text_is_a_text),
        TEST(absent_key_names_key_and_collection),
        TEST(collections_are_apart_and_in_order_of_name),
        TEST(follower_sees_the_last_change_of_each_item),
        TEST(follower_may_stop_and_go_on),
        TEST(forgotten_removals_are_told_not_skipped),
        TEST(moved_tells_commits_of_anyone_once),
        TEST(snapshot_of_another_handle_stays),
        TEST(damaged_vector_is_named),
        TEST(flipped_bit_is_refused_until_the_item_is_put_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
