/* packed.c - unpacks a ustar archive that gzip has compressed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/packed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { BLOCK = 512, NAME = 100, SIZE_AT = 124, TYPE_AT = 156 };

static void make_folder(const char *path)
{
    if (mkdir(path, 0700) && errno != EEXIST) fail_msg("%s: no folder", path);
}

static void write_member(gzFile in, const char *path, size_t size)
{
    char block[BLOCK];
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    while (size) {
        const size_t n = size < BLOCK ? size : BLOCK;
        assert_int_equal(gzread(in, block, BLOCK), BLOCK);
        assert_int_equal(fwrite(block, 1, n, out), n);
        size -= n;
    }
    assert_int_equal(fclose(out), 0);
}

static void unpack(const char *archive, const char *folder)
{
    char header[BLOCK];
    gzFile in = gzopen(archive, "rb");

    assert_non_null(in);
    while (gzread(in, header, BLOCK) == BLOCK && header[0]) {
        char path[4096];
        char octal[13] = "";
        memcpy(octal, header + SIZE_AT, 12);
        snprintf(path, sizeof(path), "%.3000s/%.*s", folder, NAME, header);
        if (header[TYPE_AT] == '5')
            make_folder(path);
        else
            write_member(in, path, strtoul(octal, NULL, 8));
    }
    gzclose(in);
}

const char *test_packed_folder(void)
{
    static char folder[3072];

    if (folder[0]) return folder;
    snprintf(folder, sizeof(folder), "%.3000s/coreml", test_temp_folder());
    make_folder(folder);
    unpack(test_data("coreml/packages.tar.gz"), folder);
    return folder;
}

const char *test_packed(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/%s", test_packed_folder(), name);
    return path;
}

size_t test_each_packed(void (*fn)(const test_package *p, void *ctx), void *ctx)
{
    return test_each_package_in(test_packed_folder(), fn, ctx);
}
