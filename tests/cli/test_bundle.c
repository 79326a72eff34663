/* Files in one .tar.gz.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "support/support.h"

enum { CAP = 8192, BLOCK = 512 };

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/anemone-bundle-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof(path), "%s/b.tar.gz", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_bundle(const char *text)
{
    anm_error err;
    cli_bundle *b = cli_bundle_open(path, "anemone-doctor", 1767225600, &err);

    if (!b) fail_msg("%s", err.message);
    assert_int_equal(cli_bundle_add(b, "a.txt", text, strlen(text), &err),
                     ANM_OK);
    assert_int_equal(cli_bundle_add(b, "empty", "", 0, &err), ANM_OK);
    assert_int_equal(cli_bundle_finish(b, &err), ANM_OK);
}

/* What is inside, unpacked. [CAP] */
static size_t unpack(unsigned char *out)
{
    gzFile z = gzopen(path, "rb");

    assert_non_null(z);
    const int n = gzread(z, out, CAP);
    assert_int_equal(gzclose(z), Z_OK);
    assert_true(n > 0 && n < CAP);
    return (size_t)n;
}

/* Its checksum is over the header with blanks in its own place. */
static void check_header(const unsigned char *h, const char *name, size_t size)
{
    unsigned sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : h[i];
    assert_string_equal((const char *)h, name);
    assert_memory_equal(h + 257, "ustar", 5);
    assert_int_equal(strtoul((const char *)h + 148, NULL, 8), sum);
    assert_int_equal(strtoul((const char *)h + 124, NULL, 8), size);
    assert_int_equal(strtoul((const char *)h + 136, NULL, 8), 1767225600);
}

static void files_are_blocks_with_checked_headers(void **state)
{
    static unsigned char tar[CAP];
    (void)state;

    write_bundle("what was found");
    const size_t n = unpack(tar);
    assert_int_equal(n % BLOCK, 0);
    check_header(tar, "anemone-doctor/a.txt", 14);
    assert_memory_equal(tar + BLOCK, "what was found\0\0", 16);
    check_header(tar + 2 * BLOCK, "anemone-doctor/empty", 0);
    for (size_t i = n - 2 * BLOCK; i < n; i++)
        assert_int_equal(tar[i], 0);
}

static void same_files_are_the_same_bytes(void **state)
{
    static unsigned char one[CAP], two[CAP];
    (void)state;

    write_bundle("same");
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(one, 1, CAP, f);
    fclose(f);
    write_bundle("same");
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(two, 1, CAP, f), n);
    fclose(f);
    assert_memory_equal(one, two, n);
}

static void abandoned_bundle_leaves_no_file(void **state)
{
    anm_error err;
    (void)state;

    unlink(path);
    cli_bundle *b = cli_bundle_open(path, "anemone-doctor", 0, &err);
    assert_non_null(b);
    assert_int_equal(cli_bundle_add(b, "a", "x", 1, &err), ANM_OK);
    cli_bundle_abandon(b);
    assert_int_equal(access(path, F_OK), -1);
    cli_bundle_abandon(NULL);
    assert_null(cli_bundle_open("/no/such/folder/b", "f", 0, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_blocks_with_checked_headers),
        cmocka_unit_test(same_files_are_the_same_bytes),
        cmocka_unit_test(abandoned_bundle_leaves_no_file),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
