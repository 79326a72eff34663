/* kill -9 at a random moment: what was acknowledged is there, nothing is half.
 *
 *     test_kill [ROUNDS] [SEED]      (also $ANM_KILL_ROUNDS, $ANM_KILL_SEED)
 *
 * A child works on a store and writes the number of each batch to a pipe after
 * its commit. The parent kills it, opens the store and compares. Rounds take
 * turns: creation, writing, writing with compactions, writing with backups,
 * migration from version 1. A migration is also killed at its first step, its
 * second, and so on to its end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/fault_vfs.h"
#include "support/stores.h"

enum { DIM = 96, BATCH = 3, DEFAULT_ROUNDS = 50 };

typedef enum work { CREATE, WRITE, COMPACT, BACKUP, MIGRATE, N_WORKS } work;

static int rounds = DEFAULT_ROUNDS;
static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = seed;
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* ---- The child ---------------------------------------------------------------- */

/* Batch b adds items b.0 to b.2, gives item 0 its number as text, and removes
 * an item of the batch before the last where b is divisible by three. */
static void write_batch(anm_store *s, const anm_collection *c, int b)
{
    char key[32], text[32];

    if (anm_store_begin(s, NULL)) _exit(3);
    snprintf(text, sizeof(text), "%d", b);
    for (int i = 0; i < BATCH; i++) {
        snprintf(key, sizeof(key), "%d.%d", b, i);
        test_store_put(s, c, key, text, "{\"n\":1}", (uint64_t)(b + i));
    }
    test_store_put(s, c, "last", text, "", (uint64_t)b);
    if (b % 3 == 0 && b > 2) {
        snprintf(key, sizeof(key), "%d.0", b - 2);
        if (!test_store_remove(s, c, key)) _exit(4);
    }
    if (anm_store_commit(s, NULL)) _exit(5);
}

/* Acknowledge: one write of four bytes is whole or not at all. */
static void acknowledge(int fd, int b)
{
    if (write(fd, &b, sizeof(b)) != sizeof(b)) _exit(6);
}

static void work_on(const char *path, work kind, int first, int fd)
{
    anm_store *s = NULL;
    anm_collection c = test_collection("notes", DIM);
    uint64_t before, after;
    char copy[640];

    if (anm_store_open(&s, path, ANM_STORE_CREATE, 5000, NULL)) _exit(1);
    if (anm_store_begin(s, NULL) || anm_store_need_collection(s, &c, NULL) ||
        anm_store_commit(s, NULL))
        _exit(2);
    for (int b = first;; b++) {
        write_batch(s, &c, b);
        acknowledge(fd, b);
        if (kind == COMPACT && anm_store_compact(s, &before, &after, NULL))
            _exit(7);
        snprintf(copy, sizeof(copy), "%s.copy%d", path, b);
        if (kind == BACKUP && anm_store_backup(s, copy, NULL, NULL, NULL))
            _exit(8);
    }
}

/* ---- The parent ---------------------------------------------------------------- */

/* Work of the child until the kill; returns its last acknowledged batch. */
static int run_child(const char *path, work kind, int last)
{
    int fds[2], b, status;
    const uint64_t most =
        kind == CREATE || kind == MIGRATE ? 12000000 : 150000000;

    assert_int_equal(pipe(fds), 0);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        work_on(path, kind, last + 1, fds[1]);
    }
    close(fds[1]);
    anm_sleep_ns(next_random() % most);
    kill(child, SIGKILL);
    while (read(fds[0], &b, sizeof(b)) == sizeof(b)) {
        assert_int_equal(b, last + 1);
        last = b;
    }
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    // Anything but the kill is a failure of the child's own.
    if (!WIFSIGNALED(status)) fail_msg("the child ended by itself: %d", status);
    return last;
}

/* Items after batches 1 to n: three each and "last", less those removed. */
static uint64_t items_after(int n)
{
    return n == 0 ? 0 : (uint64_t)(BATCH * n + 1 - (n > 2 ? n / 3 : 0));
}

static int number_in(anm_store *s, const anm_collection *c)
{
    anm_item item;
    char text[32];

    if (anm_store_get(s, c, test_text("last"), true, &item, NULL)) return 0;
    snprintf(text, sizeof(text), "%.*s", (int)item.text.len, item.text.data);
    anm_item_deinit(&item);
    return atoi(text);
}

/* The last batch that a store holds, whole, or -1 with what is wrong. */
static int check_store(const char *path, anm_store_mode mode)
{
    anm_store *s = test_store_open(path, mode);
    anm_collection c;
    int n = 0;

    const char *problems = test_store_problems(s);
    if (problems[0]) print_message("%s: %s\n", path, problems);
    if (problems[0]) n = -1;
    if (n == 0 && !anm_store_collection(s, "notes", &c, NULL)) {
        n = number_in(s, &c);
        if (c.items != items_after(n)) {
            print_message("%s: %d items after batch %d, not %d\n", path,
                          (int)c.items, n, (int)items_after(n));
            n = -1;
        }
    }
    anm_store_close(s);
    return n;
}

/* Copies that are there are whole; temporaries are nobody's. */
static int check_copies(const char *path)
{
    char folder[600], name[1200];
    int bad = 0;
    struct dirent *entry;

    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path),
             path);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (!strstr(entry->d_name, ".copy")) continue;
        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
        const char *end = entry->d_name + strlen(entry->d_name);
        if (end[-1] >= '0' && end[-1] <= '9')
            bad += check_store(name, ANM_STORE_READ) < 0;
    }
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (!strstr(entry->d_name, ".copy")) continue;
        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
        unlink(name);
    }
    closedir(dir);
    return bad;
}

static void acknowledged_batches_survive_kills(void **state)
{
    const char *path = NULL;
    int last = 0, bad = 0;
    uint64_t acknowledged = 0;
    (void)state;

    print_message("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < rounds; i++) {
        const work kind = (work)(i % N_WORKS);

        // Creation needs a new store; the works after it go on with it.
        if (kind == CREATE) path = test_db_path();
        if (kind == CREATE) last = 0;
        if (kind == MIGRATE) test_store_age(path);
        const int now = run_child(path, kind, last);
        acknowledged += (uint64_t)(now - last);
        const int held = check_store(path, kind == CREATE ? ANM_STORE_CREATE
                                                          : ANM_STORE_WRITE);
        // One batch may be there that was not yet acknowledged.
        if (held != now && held != now + 1) {
            print_message("round %d: acknowledged %d, there %d\n", i, now,
                          held);
            bad++;
        }
        bad += check_copies(path);
        last = held < 0 ? now : held;
    }
    print_message("rounds %d, acknowledged %llu, bad %d\n", rounds,
                  (unsigned long long)acknowledged, bad);
    assert_int_equal(bad, 0);
    assert_true(acknowledged > (uint64_t)rounds / 4);
}

/* ---- Every step of a migration -------------------------------------------------- */

/* Killed at step k of opening for writing; false when it has fewer steps. */
static bool kill_migration(const char *path, uint64_t k)
{
    anm_store *s;
    int status;

    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        test_disk_install();
        test_disk_arm(k, TEST_DISK_KILL);
        _exit(anm_store_open(&s, path, ANM_STORE_WRITE, 0, NULL) ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) return true;
    assert_int_equal(status, 0);
    return false;
}

static void holds_items(const char *path, anm_store_mode mode,
                        const char *items)
{
    anm_store *s = test_store_open(path, mode);
    anm_collection c;

    assert_int_equal(anm_store_collection(s, "notes", &c, NULL), ANM_OK);
    assert_string_equal(test_store_list(s, &c), items);
    test_store_sound(s);
    anm_store_close(s);
}

static const char *old_store(const char *path)
{
    static char items[4096];
    char key[16];
    anm_store *s = test_store_open(path, ANM_STORE_CREATE);
    const anm_collection c = test_store_collection(s, "notes", DIM);

    for (int i = 0; i < 120; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        test_store_add(s, &c, key, "text", "{\"n\":1}", (uint64_t)i);
    }
    snprintf(items, sizeof(items), "%s", test_store_list(s, &c));
    anm_store_close(s);
    test_store_age(path);
    return items;
}

/* Each step leaves a store that is read as it was or as it is to be, and that
 * the next writer completes. */
static void migration_may_be_killed_at_every_step(void **state)
{
    char old[512];
    uint64_t k = 0;
    bool killed = true;
    (void)state;

    snprintf(old, sizeof(old), "%s", test_db_path());
    const char *items = old_store(old);

    while (killed) {
        const char *path = test_db_path();

        test_file_copy(old, path);
        killed = kill_migration(path, ++k);
        holds_items(path, ANM_STORE_READ, items);
        holds_items(path, ANM_STORE_WRITE, items);
        holds_items(path, ANM_STORE_READ, items);
    }
    print_message("%d steps\n", (int)k - 1);
    assert_true(k > 5);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_batches_survive_kills),
        cmocka_unit_test(migration_may_be_killed_at_every_step),
    };
    const char *env_rounds = getenv("ANM_KILL_ROUNDS");
    const char *env_seed = getenv("ANM_KILL_SEED");

    if (argc > 1 || env_rounds) rounds = atoi(argc > 1 ? argv[1] : env_rounds);
    seed = anm_now_ns();
    if (argc > 2 || env_seed)
        seed = strtoull(argc > 2 ? argv[2] : env_seed, NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
