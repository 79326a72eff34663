/* fuzz_safetensors.c - a file of any bytes: an error, or tensors that can be
 * read to the last byte.
 *
 * An input whose first byte is odd is the header's text; what the header
 * claims as data follows as zeros, up to a limit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

static void write_file(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[256];

    if (!path[0]) atexit(remove_file);
    snprintf(path, sizeof(path), "/tmp/fuzz-%ld.safetensors", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file) abort();
    if (size && data[0] & 1) {
        const uint64_t len = size - 1; // little-endian machines
        fwrite(&len, sizeof(len), 1, file);
        fwrite(data + 1, 1, size - 1, file);
        fwrite(zeros, 1, data[0], file);
    } else if (size) {
        fwrite(data + 1, 1, size - 1, file);
    }
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    anm_safetensors *f = NULL;
    volatile uint8_t sum = 0;

    write_file(data, size);
    if (anm_safetensors_open(&f, path, NULL)) return 0;
    for (size_t i = 0; i < anm_safetensors_n(f); i++) {
        const anm_tensor *t = anm_safetensors_at(f, i);
        if (anm_safetensors_find(f, t->name) != t) abort();
        for (size_t j = 0; j < t->data.len; j++)
            sum = (uint8_t)(sum + t->data.data[j]);
    }
    anm_safetensors_close(f);
    return 0;
}
