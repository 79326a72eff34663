/* Between begin and commit everything happens or nothing, and the lock is held
 * exactly so long.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "store/statement.h"
#include "support/stores.h"

/* Another may have the lock now, or not. */
static bool lock_is_free(const test_notes *f)
{
    char name[600];
    anm_lock lock = { 0 };

    snprintf(name, sizeof(name), "%s.lock", f->path);
    const anm_status status = anm_lock_open(&lock, name, 0, NULL);
    anm_lock_close(&lock);
    return status == ANM_OK;
}

static void lock_is_held_from_begin_to_end(void **state)
{
    test_notes *f = *state;

    assert_true(lock_is_free(f));
    test_store_begin(f->s);
    assert_false(lock_is_free(f));
    test_store_commit(f->s);
    assert_true(lock_is_free(f));
    test_store_begin(f->s);
    anm_store_rollback(f->s);
    assert_true(lock_is_free(f));
}

static void begin_that_fails_holds_nothing(void **state)
{
    test_notes *f = *state;
    anm_error err;

    anm_store *r = test_store_open(f->path, ANM_STORE_READ);
    assert_int_equal(anm_store_begin(r, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "reading only"));
    anm_store_close(r);
    // Somebody writes without our lock: SQLite's own is in the way.
    anm_store *w = NULL;
    assert_int_equal(anm_store_open(&w, f->path, ANM_STORE_WRITE, 5, NULL),
                     ANM_OK);
    assert_int_equal(anm_sql_exec(f->s, "BEGIN IMMEDIATE", NULL), ANM_OK);
    assert_int_equal(anm_store_begin(w, &err), ANM_E_BUSY);
    assert_true(lock_is_free(f));
    assert_int_equal(anm_sql_exec(f->s, "ROLLBACK", NULL), ANM_OK);
    test_store_begin(w);
    test_store_commit(w);
    anm_store_close(w);
}

/* The log's numbers go on after a rollback without a gap that a follower could
 * mistake for something lost. */
static void sequence_goes_on_after_a_rollback(void **state)
{
    test_notes *f = *state;
    anm_collection now;

    test_store_add(f->s, &f->c, "a", "1", "", 1);
    test_store_begin(f->s);
    test_store_put(f->s, &f->c, "b", "2", "", 2);
    anm_store_rollback(f->s);
    test_store_add(f->s, &f->c, "c", "3", "", 3);
    assert_int_equal(anm_store_collection(f->s, "notes", &now, NULL), ANM_OK);
    assert_int_equal(now.seq, 2);
    assert_int_equal(now.items, 2);
    test_store_sound(f->s);
}

/* What _save began, _undo takes back, and what was before it stays. */
static void undo_takes_back_one_item_only(void **state)
{
    test_notes *f = *state;

    test_store_begin(f->s);
    test_store_put(f->s, &f->c, "a", "1", "", 1);
    assert_int_equal(anm_store_save(f->s, NULL), ANM_OK);
    assert_int_equal(anm_sql_exec(f->s, "DELETE FROM item", NULL), ANM_OK);
    anm_store_undo(f->s);
    assert_int_equal(anm_store_save(f->s, NULL), ANM_OK);
    assert_int_equal(anm_store_keep(f->s, NULL), ANM_OK);
    test_store_commit(f->s);
    assert_string_equal(test_store_list(f->s, &f->c), "a=1");
    test_store_sound(f->s);
}

/* As after some failures of the disk: the rest must not be written alone. */
static void transaction_given_up_by_sqlite_is_refused_to_the_end(void **state)
{
    test_notes *f = *state;
    anm_error err;
    anm_put what;
    bool removed;
    const anm_record r = {
        test_text("b"), test_text("2"), { 0 }, test_unit_vector(8, 2)
    };

    test_store_begin(f->s);
    test_store_put(f->s, &f->c, "a", "1", "", 1);
    assert_int_equal(anm_sql_exec(f->s, "ROLLBACK", NULL), ANM_OK);
    assert_int_equal(anm_store_put(f->s, &f->c, &r, &what, &err), ANM_E_IO);
    assert_non_null(strstr(err.message, "given up"));
    assert_int_equal(
        anm_store_remove(f->s, &f->c, test_text("a"), &removed, NULL),
        ANM_E_IO);
    assert_int_equal(anm_store_commit(f->s, &err), ANM_E_IO);
    assert_true(lock_is_free(f));
    test_store_add(f->s, &f->c, "c", "3", "", 3);
    assert_string_equal(test_store_list(f->s, &f->c), "c=3");
    test_store_sound(f->s);
}

/* Counts of several collections wait for the commit, or for who asks. */
static void counts_of_all_collections_are_written_once(void **state)
{
    test_notes *f = *state;
    anm_collection other = test_store_collection(f->s, "other", 8), now;

    test_store_begin(f->s);
    for (int i = 0; i < 6; i++) {
        const char key[] = { (char)('a' + i), 0 };
        test_store_put(f->s, i % 2 ? &f->c : &other, key, "x", "", 1);
    }
    assert_int_equal(f->s->n_touched, 2);
    assert_int_equal(anm_store_flush(f->s, NULL), ANM_OK);
    assert_int_equal(f->s->n_touched, 0);
    test_store_remove(f->s, &other, "a");
    test_store_commit(f->s);
    assert_int_equal(anm_store_collection(f->s, "other", &now, NULL), ANM_OK);
    assert_int_equal(now.items, 2);
    assert_int_equal(anm_store_collection(f->s, "notes", &now, NULL), ANM_OK);
    assert_int_equal(now.items, 3);
    test_store_sound(f->s);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, test_notes_set_up,                   \
                                    test_notes_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lock_is_held_from_begin_to_end),
        TEST(begin_that_fails_holds_nothing),
        TEST(sequence_goes_on_after_a_rollback),
        TEST(undo_takes_back_one_item_only),
        TEST(transaction_given_up_by_sqlite_is_refused_to_the_end),
        TEST(counts_of_all_collections_are_written_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
