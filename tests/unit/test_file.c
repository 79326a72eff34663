/* Whole small files, folders and names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/support.h"

static const char *folder;

static const char *path_of(const char *name)
{
    static char paths[2][512];
    static unsigned next;
    char *path = paths[next++ % 2];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (size_t i = 0; i < len; i++)
        fputc((int)(i % 251), f);
    fclose(f);
}

static uint64_t live(void)
{
    anm_alloc_stats s;
    anm_alloc_stats_read(&s);
    return s.bytes_live;
}

static void file_is_read_whole(void **state)
{
    static const size_t sizes[] = { 0, 1, 511, 512, 513, 100000 };
    (void)state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *data = NULL;
        size_t len = 0;
        write_file(path_of("f"), sizes[i]);
        assert_int_equal(
            anm_file_read(path_of("f"), sizes[i], &data, &len, NULL), ANM_OK);
        assert_int_equal(len, sizes[i]);
        for (size_t j = 0; j < len; j++)
            assert_int_equal((unsigned char)data[j], j % 251);
        assert_int_equal(data[len], 0);
        anm_free(data);
    }
}

static void file_over_the_limit_names_both_sizes(void **state)
{
    char *data = NULL;
    size_t len = 77;
    anm_error err;
    (void)state;

    write_file(path_of("f"), 100);
    assert_int_equal(anm_file_read(path_of("f"), 99, &data, &len, &err),
                     ANM_E_LIMIT);
    assert_non_null(strstr(err.message, "100 bytes"));
    assert_non_null(strstr(err.message, "99"));
    assert_null(data);
    assert_int_equal(len, 77);
}

/* Files under /proc claim to be empty and are not. */
static void claimed_size_is_not_believed(void **state)
{
    char *data = NULL;
    size_t len = 0;
    (void)state;

    if (access("/proc/self/status", R_OK) != 0) skip();
    assert_int_equal(
        anm_file_read("/proc/self/status", 1 << 16, &data, &len, NULL), ANM_OK);
    assert_true(len > 500);
    anm_free(data);
    assert_int_equal(anm_file_read("/proc/self/status", 100, &data, &len, NULL),
                     ANM_E_LIMIT);
}

static void huge_sparse_file_allocates_nothing(void **state)
{
    char *data = NULL;
    size_t len = 0;
    const uint64_t before = live();
    (void)state;

    write_file(path_of("sparse"), 1);
    if (truncate(path_of("sparse"), (off_t)1 << 40) != 0) skip();
    assert_int_equal(
        anm_file_read(path_of("sparse"), 1 << 20, &data, &len, NULL),
        ANM_E_LIMIT);
    assert_int_equal(live(), before);
}

static void every_allocation_of_a_read_may_fail(void **state)
{
    const uint64_t before = live();
    (void)state;

    write_file(path_of("f"), 5000);
    for (uint64_t k = 1;; k++) {
        char *data = NULL;
        size_t len = 0;
        test_fault_arm(k);
        const anm_status status =
            anm_file_read(path_of("f"), 5000, &data, &len, NULL);
        const bool happened = test_fault_disarm();
        assert_int_equal(status, happened ? ANM_E_NOMEM : ANM_OK);
        anm_free(data);
        if (!happened) break;
    }
    assert_int_equal(live(), before);
}

static void missing_parents_are_made(void **state)
{
    anm_file_kind kind;
    anm_file_id id;
    struct stat s;
    (void)state;

    assert_int_equal(anm_folder_make(path_of("a//b/c/"), NULL), ANM_OK);
    anm_file_look(path_of("a/b/c"), &kind, &id, NULL);
    assert_int_equal(kind, ANM_FILE_FOLDER);
    assert_int_equal(stat(path_of("a/b"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(anm_folder_make(path_of("a/b/c"), NULL), ANM_OK);
    assert_int_equal(anm_folder_make("/", NULL), ANM_OK);
}

static void file_in_the_way_of_a_folder_is_named(void **state)
{
    anm_error err;
    (void)state;

    write_file(path_of("file"), 1);
    assert_int_equal(anm_folder_make(path_of("file/x"), &err), ANM_E_IO);
    assert_non_null(strstr(err.message, "/file: "));
    assert_int_equal(anm_folder_make(path_of("file"), &err), ANM_E_IO);
    assert_int_equal(anm_folder_make("", NULL), ANM_OK);
}

static void names_are_sorted(void **state)
{
    anm_names names;
    (void)state;

    assert_int_equal(anm_folder_make(path_of("list/b"), NULL), ANM_OK);
    write_file(path_of("list/c"), 1);
    write_file(path_of("list/B"), 1);
    write_file(path_of("list/.a"), 1);
    assert_int_equal(anm_folder_list(path_of("list"), &names, NULL), ANM_OK);
    assert_int_equal(names.n, 4);
    assert_string_equal(names.names[0], ".a");
    assert_string_equal(names.names[1], "B");
    assert_string_equal(names.names[2], "b");
    assert_string_equal(names.names[3], "c");
    anm_names_deinit(&names);
    assert_int_equal(anm_folder_list(path_of("absent"), &names, NULL),
                     ANM_E_NOTFOUND);
}

static void every_allocation_of_a_list_may_fail(void **state)
{
    const uint64_t before = live();
    (void)state;

    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof(name), "many/%d", i);
        anm_folder_make(path_of("many"), NULL);
        write_file(path_of(name), 0);
    }
    for (uint64_t k = 1;; k++) {
        anm_names names = { 0 };
        test_fault_arm(k);
        const anm_status status =
            anm_folder_list(path_of("many"), &names, NULL);
        const bool happened = test_fault_disarm();
        assert_int_equal(status, happened ? ANM_E_NOMEM : ANM_OK);
        assert_int_equal(names.n, happened ? 0 : 40);
        anm_names_deinit(&names);
        if (!happened) break;
    }
    assert_int_equal(live(), before);
}

static void removed_file_is_absent(void **state)
{
    (void)state;

    write_file(path_of("gone"), 1);
    assert_int_equal(anm_file_remove(path_of("gone"), NULL), ANM_OK);
    assert_int_equal(anm_file_remove(path_of("gone"), NULL), ANM_E_NOTFOUND);
    assert_int_equal(anm_file_remove(folder, NULL), ANM_E_IO);
}

static void touching_is_using(void **state)
{
    const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
    (void)state;

    write_file(path_of("t"), 1);
    assert_int_equal(utimensat(AT_FDCWD, path_of("t"), old, 0), 0);
    assert_int_equal(anm_file_used_ns(path_of("t")),
                     2000 * INT64_C(1000000000));
    anm_file_touch(path_of("t"));
    const int64_t used = anm_file_used_ns(path_of("t"));
    assert_true(used > anm_wall_ns() - INT64_C(60000000000));
    struct stat s;
    assert_int_equal(stat(path_of("t"), &s), 0);
    assert_int_equal(s.st_mtime, 2000);
    anm_file_touch(path_of("absent"));
    assert_int_equal(anm_file_used_ns(path_of("absent")), 0);
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_read_whole),
        cmocka_unit_test(file_over_the_limit_names_both_sizes),
        cmocka_unit_test(claimed_size_is_not_believed),
        cmocka_unit_test(huge_sparse_file_allocates_nothing),
        cmocka_unit_test(every_allocation_of_a_read_may_fail),
        cmocka_unit_test(missing_parents_are_made),
        cmocka_unit_test(file_in_the_way_of_a_folder_is_named),
        cmocka_unit_test(names_are_sorted),
        cmocka_unit_test(every_allocation_of_a_list_may_fail),
        cmocka_unit_test(removed_file_is_absent),
        cmocka_unit_test(touching_is_using),
    };
    folder = test_temp_folder();
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
