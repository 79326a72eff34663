/* Any bytes as JSONL input of the command: read, taken apart, answered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/jsonl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const added[] = { "vector", "tokens", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static FILE *nowhere, *file;
    cli_lines r;
    anm_text line;
    anm_error err;

    if (!nowhere) nowhere = fopen("/dev/null", "wb");
    if (!file) file = tmpfile();
    if (!nowhere || !file || ftruncate(fileno(file), 0) ||
        pwrite(fileno(file), data, len, 0) != (ssize_t)len ||
        lseek(fileno(file), 0, SEEK_SET))
        exit(2);
    if (cli_lines_open(&r, "/dev/null", &err)) exit(2);
    close(r.fd);
    r.fd = dup(fileno(file));
    for (;;) {
        cli_item item;
        const cli_line got = cli_lines_next(&r, -1, &line, &err);
        if (got == CLI_LINE_END) break;
        if (got != CLI_LINE_GIVEN || cli_item_read(&item, line, &err)) continue;
        anm_text meta;
        if (cli_item_value(&item, "meta", &meta))
            fwrite(meta.data, 1, meta.len, nowhere);
        cli_item_begin(nowhere, &item, added);
        cli_item_deinit(&item);
    }
    cli_lines_close(&r);
    return 0;
}
