/* What is opened, what is refused, and what identifies a file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void write_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, strlen(content), f), strlen(content));
    fclose(f);
}

static void kinds_are_told_apart(void **state)
{
    anm_file_kind kind;
    anm_file_id id;
    (void)state;

    assert_int_equal(anm_file_look(path_of("none"), &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_ABSENT);
    assert_int_equal(anm_file_look(folder, &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_FOLDER);
    assert_int_equal(anm_file_look("/dev/null", &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_OTHER);
    write_file(path_of("file"), "12345");
    assert_int_equal(anm_file_look(path_of("file"), &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_REGULAR);
    assert_int_equal(id.size, 5);
    assert_int_equal(anm_file_look(path_of("file/x"), &kind, &id, NULL),
                     ANM_OK);
    assert_int_equal(kind, ANM_FILE_ABSENT);
}

static void endless_link_is_an_error_and_no_absence(void **state)
{
    anm_file_kind kind;
    anm_file_id id;
    anm_error err;
    (void)state;

    assert_int_equal(symlink("loop", path_of("loop")), 0);
    assert_int_equal(anm_file_look(path_of("loop"), &kind, &id, &err),
                     ANM_E_IO);
    assert_non_null(strstr(err.message, "/loop: "));
}

static void link_is_told_from_where_it_leads(void **state)
{
    (void)state;
    write_file(path_of("target"), "");
    assert_int_equal(symlink("target", path_of("to-file")), 0);
    assert_int_equal(symlink("nothing", path_of("to-nothing")), 0);
    assert_true(anm_path_is_link(path_of("to-file")));
    assert_true(anm_path_is_link(path_of("to-nothing")));
    assert_false(anm_path_is_link(path_of("target")));
    assert_false(anm_path_is_link(path_of("none")));
}

static void new_file_without_a_descriptor_is_not_left_behind(void **state)
{
    const char *path = path_of("unopened");
    int how = -1;
    (void)state;

    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit three = { 3, 3 };
        close(0);
        if (setrlimit(RLIMIT_NOFILE, &three) != 0) _exit(1);
        if (anm_open_fd(path, O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0) _exit(2);
        _exit(errno != EMFILE ? 3 : access(path, F_OK) == 0 ? 4 : 0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void identity_changes_with_the_file(void **state)
{
    anm_file_kind kind;
    anm_file_id first, again;
    (void)state;

    write_file(path_of("a"), "12345");
    anm_file_look(path_of("a"), &kind, &first, NULL);
    anm_file_look(path_of("a"), &kind, &again, NULL);
    assert_true(anm_file_id_equal(&first, &again));
    write_file(path_of("b"), "12345");
    assert_int_equal(rename(path_of("b"), path_of("a")), 0);
    anm_file_look(path_of("a"), &kind, &again, NULL);
    assert_false(anm_file_id_equal(&first, &again));
}

static void stamps_of_any_year_are_read(void **state)
{
    const struct timespec far[2] = { { .tv_sec = INT64_C(15000000000) },
                                     { .tv_sec = INT64_C(15000000000) } };
    anm_file_kind kind;
    anm_file_id id;
    (void)state;

    write_file(path_of("far"), "x");
    // A file system without such years keeps the last that it has.
    assert_int_equal(utimensat(AT_FDCWD, path_of("far"), far, 0), 0);
    assert_int_equal(anm_file_look(path_of("far"), &kind, &id, NULL), ANM_OK);
    assert_true(id.mtime_ns > 0);
    assert_true(anm_file_used_ns(path_of("far")) > 0);
}

static void pipes_and_folders_are_refused_without_waiting(void **state)
{
    anm_file_id id;
    anm_error err;
    int fd = -7;
    (void)state;

    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_int_equal(anm_open_regular(&fd, path_of("pipe"), &id, &err),
                     ANM_E_IO);
    assert_int_equal(anm_open_regular(&fd, folder, &id, &err), ANM_E_IO);
    assert_non_null(strstr(err.message, "a folder"));
    assert_int_equal(anm_open_regular(&fd, path_of("none"), &id, &err),
                     ANM_E_NOTFOUND);
    assert_int_equal(fd, -7);
}

static void standard_descriptors_are_never_used(void **state)
{
    const int kept = dup(0);
    (void)state;

    close(0);
    const int fd = anm_open_fd("/dev/null", O_RDONLY, 0);
    dup2(kept, 0);
    close(kept);
    assert_true(fd > 2);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(endless_link_is_an_error_and_no_absence),
        cmocka_unit_test(link_is_told_from_where_it_leads),
        cmocka_unit_test(new_file_without_a_descriptor_is_not_left_behind),
        cmocka_unit_test(identity_changes_with_the_file),
        cmocka_unit_test(stamps_of_any_year_are_read),
        cmocka_unit_test(pipes_and_folders_are_refused_without_waiting),
        cmocka_unit_test(standard_descriptors_are_never_used),
    };
    folder = test_temp_folder();
    return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
