/* fuzz_gguf.c - a file of any bytes: an error, or metadata and tensors that can
 * be read to the last byte.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];
static volatile uint8_t sum;

static void remove_file(void)
{
    unlink(path);
}

static void read_bytes(anm_bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        sum = (uint8_t)(sum + b.data[i]);
}

static void read_array(const anm_gguf_entry *e)
{
    anm_gguf_array a = { e->element, e->n, e->value };
    int64_t value = 0;
    anm_text text;
    uint64_t n = 0;

    if (e->type != ANM_GGUF_ARRAY) return;
    if (e->element == ANM_GGUF_STRING)
        while (anm_gguf_take_text(&a, &text))
            n++;
    else if (e->element == ANM_GGUF_I32)
        while (anm_gguf_take_int(&a, &value))
            n++;
    else
        return;
    if (n != e->n) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    anm_gguf *g = NULL;

    if (!path[0]) atexit(remove_file);
    snprintf(path, sizeof(path), "/tmp/fuzz-%ld.gguf", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file) abort();
    if (size) fwrite(data, 1, size, file);
    fclose(file);
    if (anm_gguf_open(&g, path, NULL)) return 0;
    for (size_t i = 0; i < anm_gguf_n_entries(g); i++) {
        read_bytes(anm_gguf_entry_at(g, i)->value);
        read_array(anm_gguf_entry_at(g, i));
    }
    for (size_t i = 0; i < anm_gguf_n_tensors(g); i++)
        read_bytes(anm_gguf_tensor_at(g, i)->data);
    anm_gguf_close(g);
    return 0;
}
