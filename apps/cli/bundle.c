/* bundle.c - a tar archive through zlib.
 *
 *   header of 512 bytes, data filled up to blocks of 512, … two empty blocks
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { BLOCK = 512, GZIP = 16, WINDOW = 15, OUT = 65536 };

struct cli_bundle {
    cli_whole_file whole;
    z_stream z;
    char folder[64];
    uint64_t time_s;
    unsigned char out[OUT];
};

cli_bundle *cli_bundle_open(const char *path, const char *folder,
                            uint64_t time_s, anm_error *err)
{
    cli_bundle *b = calloc(1, sizeof(*b));

    if (!b || deflateInit2(&b->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                           WINDOW + GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        cli_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
        free(b);
        return NULL;
    }
    snprintf(b->folder, sizeof(b->folder), "%s", folder);
    b->time_s = time_s;
    if (cli_whole_file_open(&b->whole, path, err)) {
        cli_bundle_abandon(b);
        return NULL;
    }
    return b;
}

void cli_bundle_abandon(cli_bundle *b)
{
    if (!b) return;
    deflateEnd(&b->z);
    cli_whole_file_abandon(&b->whole);
    free(b);
}

/* Compress and write what there is; with Z_FINISH everything. */
static anm_status put(cli_bundle *b, const void *data, size_t len, int flush,
                      anm_error *err)
{
    const unsigned char *from = data;
    int state;

    do {
        // zlib counts in unsigned int.
        const size_t part = len < OUT ? len : OUT;
        unsigned char in[OUT];
        if (part) memcpy(in, from, part);
        from += part;
        len -= part;
        b->z.next_in = in;
        b->z.avail_in = (unsigned)part;
        const int how = len ? Z_NO_FLUSH : flush;
        do {
            b->z.next_out = b->out;
            b->z.avail_out = OUT;
            state = deflate(&b->z, how);
            const size_t n = OUT - b->z.avail_out;
            if (fwrite(b->out, 1, n, b->whole.file) != n)
                return cli_whole_file_fail(&b->whole, err);
        } while (b->z.avail_out == 0 && state != Z_STREAM_END);
    } while (len);
    return ANM_OK;
}

/* Octal with leading zeros, ended by NUL. */
static void put_octal(char *field, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 3)
        field[i] = (char)('0' + (value & 7));
}

static void make_header(const cli_bundle *b, const char *name, size_t len,
                        char header[BLOCK])
{
    unsigned sum = 0;

    memset(header, 0, BLOCK);
    snprintf(header, 100, "%s/%.30s", b->folder, name);
    put_octal(header + 100, 7, 0644);
    put_octal(header + 108, 7, 0);
    put_octal(header + 116, 7, 0);
    put_octal(header + 124, 11, len);
    put_octal(header + 136, 11, b->time_s);
    header[156] = '0';
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    // The sum is taken with blanks in its own place.
    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)header[i];
    put_octal(header + 148, 6, sum);
    header[154] = '\0';
}

anm_status cli_bundle_add(cli_bundle *b, const char *name, const void *data,
                          size_t len, anm_error *err)
{
    static const char blanks[BLOCK];
    char header[BLOCK];

    if (len >= UINT64_C(1) << 33)
        return cli_fail(err, ANM_E_LIMIT,
                        "%s: %zu bytes, less than 8 GiB fit into an archive",
                        name, len);
    make_header(b, name, len, header);
    anm_status status = put(b, header, BLOCK, Z_NO_FLUSH, err);
    if (!status && len) status = put(b, data, len, Z_NO_FLUSH, err);
    if (!status && len % BLOCK)
        status = put(b, blanks, BLOCK - len % BLOCK, Z_NO_FLUSH, err);
    return status;
}

anm_status cli_bundle_finish(cli_bundle *b, anm_error *err)
{
    static const char end[2 * BLOCK];

    anm_status status = put(b, end, sizeof(end), Z_FINISH, err);
    if (!status) status = cli_whole_file_finish(&b->whole, err);
    cli_bundle_abandon(b);
    return status;
}
