/* A log of receipts that several processes share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/receipt_log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/support.h"

static char folder[64], path[128], older[160];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/anemone-log-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof(path), "%s/receipts.jsonl", folder);
    snprintf(older, sizeof(older), "%s.1", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(older);
    return rmdir(folder);
}

static off_t size_of(const char *name)
{
    struct stat st;

    return stat(name, &st) ? -1 : st.st_size;
}

/* A log that two lines fill. Returns how long a line is. */
static off_t open_small(cli_receipt_log *l, anm_receipt *receipt)
{
    anm_error err;

    *receipt = (anm_receipt){ .n_causes = 1 };
    assert_int_equal(cli_receipt_log_open(l, path, &err), ANM_OK);
    assert_int_equal(cli_receipt_log_add(l, receipt, &err), ANM_OK);
    const off_t line = size_of(path);
    l->max_bytes = (uint64_t)line * 2;
    return line;
}

static void add(cli_receipt_log *l, const anm_receipt *receipt)
{
    anm_error err;

    assert_int_equal(cli_receipt_log_add(l, receipt, &err), ANM_OK);
}

static void full_file_is_renamed_once_by_all_that_write(void **state)
{
    cli_receipt_log a, b;
    anm_receipt r;
    (void)state;

    const off_t line = open_small(&a, &r);
    open_small(&b, &r);
    add(&a, &r);
    assert_int_equal(size_of(older), 2 * line);
    assert_int_equal(size_of(path), line);
    add(&b, &r);
    assert_int_equal(size_of(older), 2 * line);
    assert_int_equal(size_of(path), 2 * line);
    cli_receipt_log_close(&a);
    cli_receipt_log_close(&b);
}

/* As two processes that find the file full in the same moment. */
static void who_finds_another_renaming_does_not_rename(void **state)
{
    cli_receipt_log l;
    anm_receipt r;
    (void)state;

    const off_t line = open_small(&l, &r);
    add(&l, &r);
    const int other = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(other, LOCK_EX), 0);
    add(&l, &r);
    assert_int_equal(size_of(older), -1);
    assert_int_equal(size_of(path), 3 * line);
    assert_int_equal(rename(path, older), 0);
    close(other);
    add(&l, &r);
    assert_int_equal(size_of(older), 3 * line);
    assert_int_equal(size_of(path), line);
    cli_receipt_log_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            full_file_is_renamed_once_by_all_that_write, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            who_finds_another_renaming_does_not_rename, make_folder,
            remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
