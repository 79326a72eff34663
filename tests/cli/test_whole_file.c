/* A file that appears whole or not at all, whatever lies beside it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/whole_file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

static char folder[64], path[128], leftover[160];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/anemone-whole-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof(path), "%s/v.npy", folder);
    snprintf(leftover, sizeof(leftover), "%s.%ld.0.part", path, (long)getpid());
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(leftover);
    return rmdir(folder);
}

static void put_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "wb");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void check_file(const char *name, const char *text)
{
    char found[32] = "";
    FILE *f = fopen(name, "rb");

    assert_non_null(f);
    assert_int_equal(fread(found, 1, sizeof(found) - 1, f), strlen(text));
    assert_string_equal(found, text);
    fclose(f);
}

static size_t count_files(void)
{
    DIR *d = opendir(folder);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; // but itself and its parent
}

/* In a container every process has the same number. */
static void what_a_dead_process_left_is_in_nobodys_way(void **state)
{
    anm_error err;
    (void)state;

    put_file(leftover, "half");
    if (cli_whole_file_put(path, "whole", 5, &err)) fail_msg("%s", err.message);
    check_file(path, "whole");
    check_file(leftover, "half");
    assert_int_equal(count_files(), 2);
}

static void abandoned_file_leaves_what_was_there(void **state)
{
    cli_whole_file w;
    (void)state;

    put_file(path, "before");
    assert_int_equal(cli_whole_file_open(&w, path, NULL), ANM_OK);
    assert_true(fputs("after", w.file) >= 0);
    cli_whole_file_abandon(&w);
    check_file(path, "before");
    assert_int_equal(count_files(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_a_dead_process_left_is_in_nobodys_way, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(abandoned_file_leaves_what_was_there,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
