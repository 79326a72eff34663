/* Files that appear whole or not at all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "support/support.h"

static const char *folder;
static char path[512];

static size_t n_names(void)
{
    anm_names names;
    assert_int_equal(anm_folder_list(folder, &names, NULL), ANM_OK);
    const size_t n = names.n;
    anm_names_deinit(&names);
    return n;
}

static void expect_content(const char *content)
{
    size_t len = 0;
    char *data = test_read(path, &len);
    assert_int_equal(len, strlen(content));
    assert_memory_equal(data, content, len);
    free(data);
}

static int clean(void **state)
{
    (void)state;
    unlink(path);
    return n_names() == 0 ? 0 : -1;
}

static void nothing_is_visible_before_commit(void **state)
{
    anm_new_file f;
    (void)state;

    assert_int_equal(anm_new_file_open(&f, path, NULL), ANM_OK);
    assert_int_equal(anm_new_file_write(&f, "hello ", 6, NULL), ANM_OK);
    assert_int_equal(anm_new_file_write(&f, "world", 5, NULL), ANM_OK);
    assert_int_equal(f.written, 11);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(anm_new_file_patch(&f, 6, "W", 1, NULL), ANM_OK);
    assert_int_equal(anm_new_file_write(&f, "!", 1, NULL), ANM_OK);
    assert_int_equal(anm_new_file_commit(&f, NULL), ANM_OK);
    expect_content("hello World!");
    anm_new_file_close(&f);
    expect_content("hello World!");
    assert_int_equal(n_names(), 1);
}

static void close_without_commit_leaves_nothing(void **state)
{
    anm_new_file f;
    (void)state;

    assert_int_equal(anm_new_file_open(&f, path, NULL), ANM_OK);
    anm_new_file_write(&f, "x", 1, NULL);
    assert_int_equal(n_names(), 1);
    anm_new_file_close(&f);
    assert_int_equal(n_names(), 0);
    anm_new_file_close(&f);
    anm_new_file zero = { 0 };
    anm_new_file_close(&zero);
}

static void old_content_stays_until_commit(void **state)
{
    anm_new_file a, b;
    (void)state;

    assert_int_equal(anm_new_file_open(&a, path, NULL), ANM_OK);
    assert_int_equal(anm_new_file_open(&b, path, NULL), ANM_OK);
    anm_new_file_write(&a, "a", 1, NULL);
    anm_new_file_write(&b, "b", 1, NULL);
    assert_int_equal(anm_new_file_commit(&a, NULL), ANM_OK);
    expect_content("a");
    assert_int_equal(anm_new_file_commit(&b, NULL), ANM_OK);
    expect_content("b");
    assert_int_equal(n_names(), 1);
}

/* A limit on file size fails a write as a full disk does. */
static void full_disk_is_an_error_that_leaves_nothing(void **state)
{
    struct rlimit before, limit;
    static char block[100000];
    anm_new_file f;
    anm_error err;
    (void)state;

    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 150000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    const anm_status opened = anm_new_file_open(&f, path, NULL);
    const anm_status first = anm_new_file_write(&f, block, sizeof(block), NULL);
    const anm_status second =
        anm_new_file_write(&f, block, sizeof(block), &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(opened, ANM_OK);
    assert_int_equal(first, ANM_OK);
    assert_int_equal(second, ANM_E_IO);
    assert_non_null(strstr(err.message, path));
    anm_new_file_close(&f);
    assert_int_equal(n_names(), 0);
}

static void unwritable_place_is_named(void **state)
{
    anm_new_file f = { 0 };
    anm_error err;
    (void)state;

    assert_int_equal(anm_new_file_open(&f, "/no/such/folder/x", &err),
                     ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "/no/such/folder/x"));
    assert_int_equal(f.fd, 0);
    anm_new_file_close(&f);
}

static void failed_rename_leaves_nothing(void **state)
{
    char below[600];
    anm_new_file f;
    (void)state;

    // A folder that is not empty cannot be replaced by a file.
    snprintf(below, sizeof(below), "%s/below", path);
    assert_int_equal(anm_folder_make(below, NULL), ANM_OK);
    assert_int_equal(anm_new_file_open(&f, path, NULL), ANM_OK);
    assert_int_equal(anm_new_file_commit(&f, NULL), ANM_E_IO);
    anm_new_file_close(&f);
    assert_int_equal(n_names(), 1);
    rmdir(below);
    rmdir(path);
}

static void every_allocation_may_fail(void **state)
{
    anm_alloc_stats before, after;
    (void)state;

    anm_alloc_stats_read(&before);
    for (uint64_t k = 1;; k++) {
        anm_new_file f = { 0 };
        test_fault_arm(k);
        anm_status status = anm_new_file_open(&f, path, NULL);
        if (!status) status = anm_new_file_commit(&f, NULL);
        const bool happened = test_fault_disarm();
        anm_new_file_close(&f);
        // Memory for syncing the folder is the one thing done without.
        assert_true(status == ANM_OK || (happened && status == ANM_E_NOMEM));
        assert_int_equal(n_names(), status == ANM_OK);
        unlink(path);
        if (!happened) break;
    }
    anm_alloc_stats_read(&after);
    assert_int_equal(before.bytes_live, after.bytes_live);
}

/* Names that an earlier process of the same number left behind are passed
 * over, 99 of them and not one more. */
static void taken_names_are_passed_over(void **state)
{
    anm_new_file f;
    anm_error err;
    char name[640], first[600];
    unsigned n;
    (void)state;

    for (unsigned taken = 99; taken <= 100; taken++) {
        assert_int_equal(anm_new_file_open(&f, path, NULL), ANM_OK);
        snprintf(first, sizeof(first), "%s", f.temp_path);
        anm_new_file_close(&f);
        const size_t stem = (size_t)(strrchr(first, '.') - first);
        first[stem] = '\0'; // without .tmp
        char *number = strrchr(first, '.') + 1;
        assert_int_equal(sscanf(number, "%u", &n), 1);
        *number = '\0';
        for (unsigned i = 1; i <= taken; i++) {
            snprintf(name, sizeof(name), "%s%u.tmp", first, n + i);
            FILE *old = fopen(name, "wb");
            assert_non_null(old);
            fclose(old);
        }
        const anm_status status = anm_new_file_open(&f, path, &err);
        assert_int_equal(status, taken < 100 ? ANM_OK : ANM_E_IO);
        if (status) assert_non_null(strstr(err.message, "all temporary names"));
        if (!status) anm_new_file_close(&f);
        for (unsigned i = 1; i <= taken; i++) {
            snprintf(name, sizeof(name), "%s%u.tmp", first, n + i);
            assert_int_equal(unlink(name), 0);
        }
    }
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_is_visible_before_commit, clean),
        cmocka_unit_test_teardown(close_without_commit_leaves_nothing, clean),
        cmocka_unit_test_teardown(old_content_stays_until_commit, clean),
        cmocka_unit_test_teardown(full_disk_is_an_error_that_leaves_nothing,
                                  clean),
        cmocka_unit_test_teardown(unwritable_place_is_named, clean),
        cmocka_unit_test_teardown(failed_rename_leaves_nothing, clean),
        cmocka_unit_test_teardown(every_allocation_may_fail, clean),
        cmocka_unit_test_teardown(taken_names_are_passed_over, clean),
    };
    folder = test_temp_folder();
    snprintf(path, sizeof(path), "%s/final", folder);
    return cmocka_run_group_tests_name("new_file", tests, NULL, NULL);
}
