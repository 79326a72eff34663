/* A log that others write, rotate and cut.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

typedef struct lines {
    char text[4096]; /* each with a '\n' */
    size_t n;
} lines;

static void take(void *ctx, const char *line, size_t len)
{
    lines *l = ctx;
    const size_t used = strlen(l->text);

    l->n++;
    if (used + len + 2 > sizeof(l->text)) return;
    memcpy(l->text + used, line, len);
    memcpy(l->text + used + len, "\n", 2);
}

static char *path_of(char *folder, const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* mode as fopen's. */
static void put(const char *path, const char *mode, const char *text)
{
    FILE *f = fopen(path, mode);

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

typedef struct following {
    char folder[64];
    char *path;
    cli_watch_log log;
    lines seen;
} following;

static void begin(following *f, const char *text)
{
    anm_error err;

    memset(f, 0, sizeof(*f));
    strcpy(f->folder, "/tmp/anemone-watch-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->path = strdup(path_of(f->folder, "log"));
    put(f->path, "w", text);
    assert_int_equal(cli_watch_log_open(&f->log, f->path, UINT64_MAX, &err),
                     ANM_OK);
}

static void expect_seen(following *f, const char *text)
{
    anm_error err;

    memset(&f->seen, 0, sizeof(f->seen));
    if (cli_watch_log_read(&f->log, take, &f->seen, &err))
        fail_msg("%s", err.message);
    assert_string_equal(f->seen.text, text);
}

static void end(following *f)
{
    cli_watch_log_close(&f->log);
    unlink(f->path);
    unlink(path_of(f->folder, "old"));
    assert_int_equal(rmdir(f->folder), 0);
    free(f->path);
}

static void lines_come_once_and_whole(void **state)
{
    following f;
    (void)state;

    begin(&f, "one\ntwo\n\nthr");
    expect_seen(&f, "one\ntwo\n");
    expect_seen(&f, "");
    put(f.path, "a", "ee\nfour\n");
    expect_seen(&f, "three\nfour\n");
    assert_int_equal(f.log.n_incomplete, 0);
    end(&f);
}

static void renamed_file_is_read_to_its_end_first(void **state)
{
    following f;
    (void)state;

    begin(&f, "one\n");
    expect_seen(&f, "one\n");
    put(f.path, "a", "two\nhal");
    assert_int_equal(rename(f.path, path_of(f.folder, "old")), 0);
    put(f.path, "w", "three\n");
    expect_seen(&f, "two\nthree\n");
    assert_int_equal(f.log.n_rotations, 1);
    assert_int_equal(f.log.n_incomplete, 1);
    end(&f);
}

static void file_that_became_shorter_begins_again(void **state)
{
    following f;
    (void)state;

    begin(&f, "a long first line\nanother\n");
    expect_seen(&f, "a long first line\nanother\n");
    put(f.path, "w", "new\n");
    expect_seen(&f, "new\n");
    assert_int_equal(f.log.n_rotations, 1);
    end(&f);
}

static void line_without_end_is_passed_over(void **state)
{
    const size_t len = CLI_WATCH_LINE_MAX + 100;
    char *text = malloc(len + 6);
    following f;
    (void)state;

    assert_non_null(text);
    memset(text, 'x', len);
    strcpy(text + len, "\nend\n");
    begin(&f, text);
    expect_seen(&f, "end\n");
    assert_int_equal(f.log.n_incomplete, 1);
    free(text);
    end(&f);
}

static void tail_begins_with_a_whole_line(void **state)
{
    following f;
    anm_error err;
    (void)state;

    begin(&f, "first\nsecond\nthird\n");
    cli_watch_log_close(&f.log);
    assert_int_equal(cli_watch_log_open(&f.log, f.path, 9, &err), ANM_OK);
    expect_seen(&f, "third\n");
    end(&f);
}

static void what_cannot_be_followed_is_refused(void **state)
{
    cli_watch_log log = { .fd = -1 };
    anm_error err;
    (void)state;

    assert_int_equal(cli_watch_log_open(&log, "/no/such/log", 0, &err),
                     ANM_E_NOTFOUND);
    assert_int_equal(cli_watch_log_open(&log, "/tmp", 0, &err), ANM_E_IO);
    cli_watch_log_close(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_once_and_whole),
        cmocka_unit_test(renamed_file_is_read_to_its_end_first),
        cmocka_unit_test(file_that_became_shorter_begins_again),
        cmocka_unit_test(line_without_end_is_passed_over),
        cmocka_unit_test(tail_begins_with_a_whole_line),
        cmocka_unit_test(what_cannot_be_followed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
