/* Opening: whose file it is, what is touched, who may write.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "support/stores.h"

static void write_bytes(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
}

/* Names in the folder of a path, joined. */
static const char *names_beside(const char *path)
{
    static char joined[1024];
    char folder[512];
    anm_names names = { 0 };

    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path),
             path);
    joined[0] = '\0';
    assert_int_equal(anm_folder_list(folder, &names, NULL), ANM_OK);
    for (size_t i = 0; i < names.n; i++) {
        strcat(joined, names.names[i]);
        strcat(joined, " ");
    }
    anm_names_deinit(&names);
    return joined;
}

static void create_makes_parents_and_the_store_stays(void **state)
{
    char path[600];
    (void)state;

    snprintf(path, sizeof(path), "%s/a/b/m.db", test_temp_folder());
    anm_store *s = test_store_open(path, ANM_STORE_CREATE);
    const anm_collection c = test_store_collection(s, "notes", 8);
    test_store_add(s, &c, "k", "text", "", 1);
    anm_store_close(s);
    s = test_store_open(path, ANM_STORE_READ);
    assert_string_equal(test_store_list(s, &c), "k=text");
    test_store_sound(s);
    anm_store_close(s);
    anm_store_close(NULL);
}

static void absent_store_is_not_found_and_not_made(void **state)
{
    const char *path = test_db_path();
    (void)state;

    test_store_refused(path, ANM_STORE_READ, ANM_E_NOTFOUND, path);
    test_store_refused(path, ANM_STORE_WRITE, ANM_E_NOTFOUND, path);
    test_store_refused("", ANM_STORE_CREATE, ANM_E_ARG, "empty");
    assert_string_equal(names_beside(path), "");
}

static void refused_in_every_mode(const char *path, anm_status status,
                                  const char *part)
{
    size_t before_len, after_len;
    char *before = test_read(path, &before_len);

    for (int mode = ANM_STORE_READ; mode <= ANM_STORE_CREATE; mode++)
        test_store_refused(path, (anm_store_mode)mode, status, part);
    char *after = test_read(path, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    assert_string_equal(names_beside(path), "m.db ");
    free(before);
    free(after);
}

static void file_that_is_no_database_is_refused_untouched(void **state)
{
    const char *path = test_db_path();
    char zeros[8192] = { 0 };
    (void)state;

    write_bytes(path, "hello", 5);
    refused_in_every_mode(path, ANM_E_FORMAT, "no store of anemone");
    write_bytes(path, zeros, sizeof(zeros));
    refused_in_every_mode(path, ANM_E_FORMAT, "no store of anemone");
}

static void store_of_another_program_is_refused_untouched(void **state)
{
    const char *path = test_db_path();
    (void)state;

    test_store_sql(path, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    refused_in_every_mode(path, ANM_E_FORMAT, "0x00000000");
    test_store_sql(path, "PRAGMA application_id = 7; PRAGMA journal_mode=WAL");
    refused_in_every_mode(path, ANM_E_FORMAT, "0x00000007");
}

static void newer_version_is_refused_untouched_with_both_numbers(void **state)
{
    const char *path = test_db_path();
    (void)state;

    test_store_sql(path, "PRAGMA application_id = 1095650609;"
                         "PRAGMA user_version = 9; CREATE TABLE t(x)");
    refused_in_every_mode(path, ANM_E_UNSUPPORTED, "version 9");
    refused_in_every_mode(path, ANM_E_UNSUPPORTED, "up to 2");
}

/* A newer version that only the log has, not yet the file. */
static void newer_version_in_the_log_is_refused(void **state)
{
    const char *path = test_db_path();
    (void)state;

    anm_store *s = test_store_open(path, ANM_STORE_CREATE);
    test_store_collection(s, "notes", 4);
    const pid_t child = fork();
    if (child == 0) {
        test_store_sql(path, "PRAGMA wal_autocheckpoint=0;"
                             "PRAGMA user_version = 3");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    anm_store_close(s);
    test_store_refused(path, ANM_STORE_READ, ANM_E_UNSUPPORTED, "version 3");
    test_store_refused(path, ANM_STORE_WRITE, ANM_E_UNSUPPORTED, "version 3");
}

static void creation_that_was_cut_off_is_completed(void **state)
{
    const char *path = test_db_path();
    (void)state;

    write_bytes(path, "", 0);
    test_store_refused(path, ANM_STORE_READ, ANM_E_FORMAT, "no store");
    test_store_refused(path, ANM_STORE_WRITE, ANM_E_FORMAT, "no store");
    anm_store_close(test_store_open(path, ANM_STORE_CREATE));

    path = test_db_path();
    test_store_sql(path, "PRAGMA application_id = 1095650609");
    test_store_refused(path, ANM_STORE_READ, ANM_E_FORMAT, "version 0");
    anm_store *s = test_store_open(path, ANM_STORE_WRITE);
    test_store_collection(s, "notes", 4);
    test_store_sound(s);
    anm_store_close(s);
}

static void folder_is_no_store(void **state)
{
    const char *path = test_db_path();
    (void)state;

    assert_int_equal(mkdir(path, 0700), 0);
    test_store_refused(path, ANM_STORE_READ, ANM_E_IO, path);
    test_store_refused(path, ANM_STORE_CREATE, ANM_E_IO, path);
}

/* ":memory:" and "file:x" are special to SQLite, and names like others here. */
static void every_name_is_a_file(void **state)
{
    static const char *const names[] = { ":memory:", "file:x?mode=memory" };
    char cwd[1024], path[600];
    const char *folder = test_temp_folder();
    (void)state;

    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < 2; i++) {
        anm_store_close(test_store_open(names[i], ANM_STORE_CREATE));
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        assert_int_equal(access(path, F_OK), 0);
    }
    assert_int_equal(chdir(cwd), 0);
}

static void links_lead_to_one_lock(void **state)
{
    const char *path = test_db_path(), *link = test_db_path();
    anm_error err;
    (void)state;

    anm_store *a = test_store_open(path, ANM_STORE_CREATE);
    assert_int_equal(symlink(path, link), 0);
    anm_store *b = NULL;
    assert_int_equal(anm_store_open(&b, link, ANM_STORE_WRITE, 20, &err),
                     ANM_OK);
    test_store_begin(a);
    assert_int_equal(anm_store_begin(b, &err), ANM_E_BUSY);
    test_store_commit(a);
    anm_store_close(a);
    anm_store_close(b);
}

/* Another program that opens the store, looks and ends would take the log away
 * from under a process that no longer seems to have it open. */
static void another_handle_leaves_the_locks(void **state)
{
    // Where SQLite's file format has the lock of whoever has the file open.
    struct flock lock = { .l_type = F_WRLCK,
                          .l_whence = SEEK_SET,
                          .l_start = 0x40000002,
                          .l_len = 510 };
    const char *path = test_db_path();
    int how;
    (void)state;

    anm_store *a = test_store_open(path, ANM_STORE_CREATE);
    test_store_collection(a, "notes", 4);
    anm_store *b = test_store_open(path, ANM_STORE_READ);
    const pid_t child = fork();
    if (child == 0) {
        const int fd = open(path, O_RDWR);
        _exit(fd < 0 || fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK);
    }
    waitpid(child, &how, 0);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    anm_store_close(b);
    anm_store_close(a);
}

/* What a process that was killed leaves: everything in the log. */
static void write_and_end(const char *path)
{
    const pid_t child = fork();

    if (child == 0) {
        anm_store *s = test_store_open(path, ANM_STORE_CREATE);
        const anm_collection c = test_store_collection(s, "notes", 8);
        test_store_add(s, &c, "k", "text", "", 1);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static off_t log_bytes(const char *path)
{
    char wal[600];
    struct stat st;

    snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_equal(stat(wal, &st), 0);
    return st.st_size;
}

static void connection_keeps_the_rules_against_the_wal_defect(void **state)
{
    const char *path = test_db_path();
    anm_collection c;
    (void)state;

    write_and_end(path);
    const off_t before = log_bytes(path);
    assert_true(before > 0);
    // A reader that closes last neither checkpoints nor removes the log.
    anm_store *s = test_store_open(path, ANM_STORE_READ);
    assert_int_equal(anm_store_collection(s, "notes", &c, NULL), ANM_OK);
    assert_string_equal(test_store_list(s, &c), "k=text");
    anm_store_close(s);
    assert_int_equal(log_bytes(path), before);
    // Nor does a writer that has written nothing.
    anm_store_close(test_store_open(path, ANM_STORE_WRITE));
    assert_int_equal(log_bytes(path), before);
}

static void file_of_a_writer_that_closed_is_the_store(void **state)
{
    const char *path = test_db_path(), *alone = test_db_path();
    (void)state;

    write_and_end(path);
    anm_store *s = test_store_open(path, ANM_STORE_WRITE);
    const anm_collection c = test_store_collection(s, "notes", 8);
    test_store_add(s, &c, "l", "more", "", 2);
    anm_store_close(s);
    assert_int_equal(log_bytes(path), 0);
    test_file_copy(path, alone);
    s = test_store_open(alone, ANM_STORE_READ);
    assert_string_equal(test_store_list(s, &c), "k=text l=more");
    test_store_sound(s);
    anm_store_close(s);
}

/* Of a writer that was killed the file alone is not the store, and says so. */
static void file_without_its_log_says_what_is_missing(void **state)
{
    const char *path = test_db_path(), *alone = test_db_path();
    (void)state;

    write_and_end(path);
    test_file_copy(path, alone);
    test_store_refused(alone, ANM_STORE_READ, ANM_E_FORMAT, "m.db-wal was");
}

/* Neither waits for the other at the end, and nothing is lost. */
static void writer_that_closes_waits_for_nobody(void **state)
{
    const char *path = test_db_path();
    (void)state;

    anm_store *a = test_store_open(path, ANM_STORE_CREATE);
    const anm_collection c = test_store_collection(a, "notes", 8);
    anm_store *b = test_store_open(path, ANM_STORE_WRITE);
    test_store_add(b, &c, "k", "text", "", 1);
    test_store_begin(a);
    anm_store_close(b);
    assert_true(log_bytes(path) > 0);
    test_store_commit(a);
    assert_string_equal(test_store_list(a, &c), "k=text");
    anm_store_close(a);
    assert_int_equal(log_bytes(path), 0);
}

static void log_does_not_grow_without_end(void **state)
{
    const char *path = test_db_path();
    char wal[600], key[16];
    struct stat st;
    (void)state;

    anm_store *s = test_store_open(path, ANM_STORE_CREATE);
    const anm_collection c = test_store_collection(s, "notes", 384);
    for (int i = 0; i < 60; i++) {
        test_store_begin(s);
        for (int j = 0; j < 100; j++) {
            snprintf(key, sizeof(key), "%d", i * 100 + j);
            test_store_put(s, &c, key, "text", "", (uint64_t)j);
        }
        test_store_commit(s);
    }
    snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_equal(stat(wal, &st), 0);
    // 6,000 vectors are 9 MB; a log that is begun again stays near 4 MiB.
    assert_true(st.st_size < 7 << 20);
    anm_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_makes_parents_and_the_store_stays),
        cmocka_unit_test(absent_store_is_not_found_and_not_made),
        cmocka_unit_test(file_that_is_no_database_is_refused_untouched),
        cmocka_unit_test(store_of_another_program_is_refused_untouched),
        cmocka_unit_test(newer_version_is_refused_untouched_with_both_numbers),
        cmocka_unit_test(newer_version_in_the_log_is_refused),
        cmocka_unit_test(creation_that_was_cut_off_is_completed),
        cmocka_unit_test(folder_is_no_store),
        cmocka_unit_test(every_name_is_a_file),
        cmocka_unit_test(links_lead_to_one_lock),
        cmocka_unit_test(another_handle_leaves_the_locks),
        cmocka_unit_test(connection_keeps_the_rules_against_the_wal_defect),
        cmocka_unit_test(file_of_a_writer_that_closed_is_the_store),
        cmocka_unit_test(file_without_its_log_says_what_is_missing),
        cmocka_unit_test(writer_that_closes_waits_for_nobody),
        cmocka_unit_test(log_does_not_grow_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
