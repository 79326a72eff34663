/* Every failure of the disk and of memory, at every step: what was
 * acknowledged is there afterwards, nothing is half, and the error is one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "store/scan.h"
#include "support/fault_vfs.h"
#include "support/stores.h"

/* ---- The story ------------------------------------------------------------------
 * A store is made, filled, changed, compacted and copied. Each act that is
 * acknowledged must be there when the plain disk is back; an act that failed
 * may be there whole or not at all. */

enum { DIM = 32, ACTS = 7, ITEMS = 40 };

typedef struct story {
    char path[600], copy[600];
    anm_store *s;
    anm_collection c;
    unsigned acknowledged; /* bits 1u << act */
    anm_status failed;     /* the first */
} story;

static anm_status put(story *t, int i, const char *text, uint64_t seed)
{
    char key[16];
    anm_put what;

    snprintf(key, sizeof(key), "k%d", i);
    const anm_record r = {
        test_text(key), test_text(text), { 0 }, test_unit_vector(DIM, seed)
    };
    return anm_store_put(t->s, &t->c, &r, &what, NULL);
}

/* All puts, then commit; a put that fails gives the transaction up. */
static anm_status put_all(story *t, int from, int to, const char *text)
{
    anm_status status = anm_store_begin(t->s, NULL);

    if (status) return status;
    for (int i = from; !status && i < to; i++)
        status = put(t, i, text, (uint64_t)i);
    if (!status) return anm_store_commit(t->s, NULL);
    anm_store_rollback(t->s);
    return status;
}

static anm_status act_create(story *t)
{
    return anm_store_open(&t->s, t->path, ANM_STORE_CREATE, 0, NULL);
}

static anm_status act_collection(story *t)
{
    anm_status status = anm_store_begin(t->s, NULL);

    if (status) return status;
    t->c = test_collection("notes", DIM);
    status = anm_store_need_collection(t->s, &t->c, NULL);
    if (!status) return anm_store_commit(t->s, NULL);
    anm_store_rollback(t->s);
    return status;
}

static anm_status act_fill(story *t)
{
    return put_all(t, 0, ITEMS, "first");
}

static anm_status act_update(story *t)
{
    return put_all(t, 0, ITEMS / 2, "second");
}

static anm_status act_remove(story *t)
{
    bool removed;
    char key[16];
    anm_status status = anm_store_begin(t->s, NULL);

    if (status) return status;
    for (int i = 0; !status && i < 10; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        status = anm_store_remove(t->s, &t->c, test_text(key), &removed, NULL);
    }
    if (!status) return anm_store_commit(t->s, NULL);
    anm_store_rollback(t->s);
    return status;
}

static anm_status act_compact(story *t)
{
    uint64_t before, after;

    return anm_store_compact(t->s, &before, &after, NULL);
}

static anm_status act_backup(story *t)
{
    return anm_store_backup(t->s, t->copy, NULL, NULL, NULL);
}

static anm_status (*const acts[ACTS])(story *) = {
    act_create, act_collection, act_fill,   act_update,
    act_remove, act_compact,    act_backup,
};

static void tell(story *t)
{
    for (unsigned i = 0; i < ACTS; i++) {
        const anm_status status = acts[i](t);

        if (!status) t->acknowledged |= 1u << i;
        if (status && !t->failed) t->failed = status;
        // Nothing to act on without a store or a collection.
        if (status && i < 2) break;
    }
    anm_store_close(t->s);
    t->s = NULL;
}

typedef struct counts {
    size_t first, second, low; /* low: k0 to k9 */
} counts;

static bool count_item(void *ctx, const anm_item *item)
{
    counts *n = ctx;

    assert_int_equal(item->dim, DIM);
    n->first += item->text.len == 5;
    n->second += item->text.len == 6;
    n->low += item->key.len == 2;
    return true;
}

static void check_items(anm_store *s, const story *t)
{
    const bool filled = t->acknowledged & 1u << 2;
    const bool updated = t->acknowledged & 1u << 3;
    const bool removed = t->acknowledged & 1u << 4;
    counts n = { 0 };

    assert_int_equal(anm_store_each(s, &t->c, true, count_item, &n, NULL),
                     ANM_OK);
    const size_t all = n.first + n.second;
    if (filled && removed) assert_int_equal(all, ITEMS - 10);
    if (filled && updated && removed) assert_int_equal(n.second, 10);
    if (filled) assert_in_range(all, ITEMS - 10, ITEMS);
    if (filled && removed) assert_int_equal(n.low, 0);
    // Acts are whole: their counts are those of a story without some acts.
    assert_true(n.low == 0 || n.low == 10);
    assert_true(n.second == 0 || n.second == 10 || n.second == 20);
    assert_true(all == 0 || all == 10 || all == 20 || all == 30 ||
                all == ITEMS);
}

static void check_story(story *t)
{
    anm_store *s = NULL;
    anm_error err;

    if (t->acknowledged & 1)
        s = test_store_open(t->path, ANM_STORE_WRITE);
    else if (anm_store_open(&s, t->path, ANM_STORE_CREATE, 0, &err))
        fail_msg("creation is not completed: %s", err.message);
    test_store_sound(s);
    if (t->acknowledged & 2) check_items(s, t);
    // And it can be written.
    const anm_collection c = test_store_collection(s, "after", DIM);
    test_store_add(s, &c, "k", "text", "", 1);
    anm_store_close(s);
    const bool copied = access(t->copy, F_OK) == 0;
    if (t->acknowledged & 1u << 6) assert_true(copied);
    if (!copied) return;
    s = test_store_open(t->copy, ANM_STORE_READ);
    test_store_sound(s);
    anm_store_close(s);
}

static void begin_story(story *t)
{
    static unsigned n;
    static const char *folder;

    if (n % 200 == 0) folder = test_temp_folder();
    *t = (story){ 0 };
    snprintf(t->path, sizeof(t->path), "%s/%u.db", folder, n);
    snprintf(t->copy, sizeof(t->copy), "%s/%u.copy.db", folder, n++);
}

static void end_story(story *t)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-journal",
                                            ".lock" };
    char name[640];

    for (size_t i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "%s%s", t->path, suffixes[i]);
        unlink(name);
        snprintf(name, sizeof(name), "%s%s", t->copy, suffixes[i]);
        unlink(name);
    }
}

/* What a disk that fails may be called; a backup is refused by its target. */
static bool is_disk_status(anm_status status)
{
    return status == ANM_E_IO || status == ANM_E_CORRUPT;
}

static void tell_with_disk(test_disk_fault how)
{
    story t;
    bool happened = true;
    uint64_t k = 1;

    for (; happened; k++) {
        begin_story(&t);
        test_disk_arm(k, how);
        tell(&t);
        happened = test_disk_disarm();
        if (t.failed && !is_disk_status(t.failed))
            fail_msg("step %d: status %d", (int)k, (int)t.failed);
        if (!happened) assert_int_equal(t.acknowledged, (1u << ACTS) - 1);
        check_story(&t);
        end_story(&t);
    }
    print_message("%d steps of the disk failed\n", (int)k - 2);
    assert_true(k > 60);
}

static void every_step_of_the_disk_may_fail(void **state)
{
    (void)state;
    tell_with_disk(TEST_DISK_ERROR);
}

static void every_write_may_be_short(void **state)
{
    (void)state;
    tell_with_disk(TEST_DISK_SHORT);
}

static void disk_may_be_full_at_every_write(void **state)
{
    (void)state;
    tell_with_disk(TEST_DISK_FULL);
}

/* ---- Memory ------------------------------------------------------------------------- */

static void every_allocation_of_ours_may_fail(void **state)
{
    story t;
    bool happened = true;
    uint64_t k = 1;
    (void)state;

    for (; happened; k++) {
        begin_story(&t);
        test_fault_arm(k);
        tell(&t);
        happened = test_fault_disarm();
        if (happened && t.failed) assert_int_equal(t.failed, ANM_E_NOMEM);
        if (!happened) assert_int_equal(t.acknowledged, (1u << ACTS) - 1);
        check_story(&t);
        end_story(&t);
    }
    print_message("%d allocations failed\n", (int)k - 2);
}

static sqlite3_mem_methods plain_memory;
static int64_t sqlite_left;
static bool sqlite_failed;

static bool sqlite_must_fail(void)
{
    if (sqlite_left <= 0 || --sqlite_left > 0) return false;
    sqlite_failed = true;
    return true;
}

static void *sqlite_alloc(int n)
{
    return sqlite_must_fail() ? NULL : plain_memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
    return sqlite_must_fail() ? NULL : plain_memory.xRealloc(p, n);
}

/* Thousands of allocations: every one at first, then ever fewer. */
static void allocations_of_sqlite_may_fail(void **state)
{
    story t;
    int64_t k = 1, tried = 0;
    (void)state;

    for (sqlite_failed = true; sqlite_failed; k += 1 + k / 40, tried++) {
        begin_story(&t);
        sqlite_failed = false;
        sqlite_left = k;
        tell(&t);
        sqlite_left = 0;
        if (t.failed && t.failed != ANM_E_NOMEM && !is_disk_status(t.failed))
            fail_msg("allocation %d: status %d", (int)k, (int)t.failed);
        check_story(&t);
        end_story(&t);
    }
    print_message("%d of about %d allocations of SQLite failed\n",
                  (int)tried - 1, (int)k);
}

static void index_survives_memory_that_runs_out(void **state)
{
    story t;
    anm_kern kern;
    anm_error err = { 0 };
    bool happened = true;
    (void)state;

    begin_story(&t);
    tell(&t);
    anm_kern_init(&kern, anm_cpu_detect());
    t.s = test_store_open(t.path, ANM_STORE_WRITE);
    for (uint64_t k = 1; happened; k++) {
        anm_scan *scan = NULL;

        test_fault_arm(k);
        anm_status status = anm_scan_new(&scan, &kern, DIM, &err);
        if (!status) status = anm_scan_refresh(scan, t.s, &t.c, &err);
        happened = test_fault_disarm();
        assert_int_equal(status, happened ? ANM_E_NOMEM : ANM_OK);
        // Memory is back: the next refresh has all.
        if (scan) {
            assert_int_equal(anm_scan_refresh(scan, t.s, &t.c, NULL), ANM_OK);
            assert_int_equal(anm_scan_n(scan), ITEMS - 10);
        }
        anm_scan_free(scan);
    }
    anm_store_close(t.s);
    end_story(&t);
}

static void filter_survives_memory_that_runs_out(void **state)
{
    story t;
    bool happened = true;
    (void)state;

    begin_story(&t);
    tell(&t);
    t.s = test_store_open(t.path, ANM_STORE_WRITE);
    for (uint64_t k = 1; happened; k++) {
        anm_filter *f = NULL;
        int64_t *ids = NULL;
        size_t n = 0;

        test_fault_arm(k);
        anm_status status = anm_filter_new(
            &f, "not a.b = 'x' or n in (1, 'y', null) and s != 'z'", NULL);
        if (!status) status = anm_store_filter(t.s, &t.c, f, &ids, &n, NULL);
        happened = test_fault_disarm();
        assert_int_equal(status, happened ? ANM_E_NOMEM : ANM_OK);
        if (!status) assert_int_equal(n, ITEMS - 10);
        anm_free(ids);
        anm_filter_free(f);
    }
    anm_store_close(t.s);
    end_story(&t);
}

/* ---- Other processes ------------------------------------------------------------------ */

enum { TURNS = 40 };

/* Each turn moves a pair of items together; both counters end at the sum. */
static void write_turns(const char *path, int who)
{
    anm_store *s = NULL;
    char key[48];
    anm_put what;
    anm_collection c;

    if (anm_store_open(&s, path, ANM_STORE_WRITE, 20000, NULL) ||
        anm_store_collection(s, "notes", &c, NULL))
        _exit(1);
    for (int i = 0; i < TURNS; i++) {
        if (anm_store_begin(s, NULL)) _exit(2);
        for (int j = 0; j < 2; j++) {
            snprintf(key, sizeof(key), "%d-%d-%d", who, i, j);
            const anm_record r = {
                test_text(key), test_text("x"), { 0 }, test_unit_vector(DIM, 1)
            };
            if (anm_store_put(s, &c, &r, &what, NULL)) _exit(3);
        }
        if (i % 5 == 4) {
            anm_store_rollback(s);
        } else if (anm_store_commit(s, NULL)) {
            _exit(4);
        }
    }
    anm_store_close(s);
    _exit(0);
}

static bool count_all(void *ctx, const anm_item *item)
{
    (void)item;
    ++*(size_t *)ctx;
    return true;
}

static void processes_write_in_turn_and_readers_see_pairs(void **state)
{
    story t;
    pid_t children[3];
    size_t n = 0, running = 3;
    (void)state;

    begin_story(&t);
    t.s = test_store_open(t.path, ANM_STORE_CREATE);
    t.c = test_store_collection(t.s, "notes", DIM);
    anm_store_close(t.s);
    fflush(stdout);
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) write_turns(t.path, i);
    }
    t.s = test_store_open(t.path, ANM_STORE_READ);
    while (running > 0) {
        int result;

        n = 0;
        assert_int_equal(anm_store_each(t.s, &t.c, true, count_all, &n, NULL),
                         ANM_OK);
        assert_int_equal(n % 2, 0);
        const pid_t ended = waitpid(-1, &result, WNOHANG);
        if (ended <= 0) continue;
        assert_int_equal(result, 0);
        running--;
    }
    n = 0;
    assert_int_equal(anm_store_each(t.s, &t.c, true, count_all, &n, NULL),
                     ANM_OK);
    assert_int_equal(n, 3 * 2 * (TURNS - TURNS / 5));
    test_store_sound(t.s);
    anm_store_close(t.s);
    end_story(&t);
}

/* 0 when writing into the folder of path fails as it should. */
static int try_read_only(const char *path)
{
    anm_store *s;
    anm_error err;

    // The superuser may write everywhere.
    if (geteuid() == 0 && (setgid(65534) || setuid(65534))) return 1;
    if (anm_store_open(&s, path, ANM_STORE_CREATE, 0, &err) != ANM_E_IO)
        return 2;
    return strstr(err.message, path) ? 0 : 3;
}

static void folder_that_is_read_only_is_io_error(void **state)
{
    char path[600];
    const char *folder = test_temp_folder();
    int result;
    (void)state;

    assert_int_equal(chmod(folder, 0555), 0);
    snprintf(path, sizeof(path), "%s/m.db", folder);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) _exit(try_read_only(path));
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    chmod(folder, 0700);
}

/* A store that may be read and not written, in a folder that may not either. */
static int try_reading(const char *path)
{
    anm_store *s;
    anm_error err;
    anm_collection c;

    if (geteuid() == 0 && (setgid(65534) || setuid(65534))) return 1;
    if (anm_store_open(&s, path, ANM_STORE_WRITE, 0, &err) != ANM_E_IO)
        return 2;
    if (anm_store_open(&s, path, ANM_STORE_READ, 0, &err)) return 3;
    if (anm_store_collection(s, "notes", &c, &err)) return 4;
    anm_store_close(s);
    return 0;
}

static void store_that_is_read_only_can_be_read(void **state)
{
    const char *path = test_db_path();
    char name[600];
    int result;
    (void)state;

    anm_store *s = test_store_open(path, ANM_STORE_CREATE);
    test_store_collection(s, "notes", DIM);
    anm_store_close(s);
    chmod(path, 0444);
    snprintf(name, sizeof(name), "%s-wal", path);
    chmod(name, 0444);
    snprintf(name, sizeof(name), "%s-shm", path);
    chmod(name, 0444);
    snprintf(name, sizeof(name), "%.*s", (int)(strrchr(path, '/') - path),
             path);
    chmod(name, 0555);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) _exit(try_reading(path));
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    chmod(name, 0700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_of_the_disk_may_fail),
        cmocka_unit_test(every_write_may_be_short),
        cmocka_unit_test(disk_may_be_full_at_every_write),
        cmocka_unit_test(every_allocation_of_ours_may_fail),
        cmocka_unit_test(allocations_of_sqlite_may_fail),
        cmocka_unit_test(index_survives_memory_that_runs_out),
        cmocka_unit_test(filter_survives_memory_that_runs_out),
        cmocka_unit_test(processes_write_in_turn_and_readers_see_pairs),
        cmocka_unit_test(folder_that_is_read_only_is_io_error),
        cmocka_unit_test(store_that_is_read_only_can_be_read),
    };

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain_memory);
    sqlite3_mem_methods memory = plain_memory;
    memory.xMalloc = sqlite_alloc;
    memory.xRealloc = sqlite_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    test_fault_install();
    test_disk_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
