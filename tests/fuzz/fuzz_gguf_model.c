/* fuzz_gguf_model.c - a file of any bytes as a whole model: an error, or a
 * source that builds and tokenizes. The first byte asks for things that files
 * leave open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

static void place(const uint8_t *data, size_t size)
{
    if (!path[0]) atexit(remove_file);
    snprintf(path, sizeof(path), "/tmp/fuzz-%ld.model.gguf", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) exit(2);
}

static void use(anm_source *s)
{
    static const char text[] = "Un \xc3\xa9t\xc3\xa9 12!<|endoftext|>";
    anm_encoding *e = NULL;
    anm_graph *g = NULL;

    if (anm_encoding_new(&e, NULL)) abort();
    anm_tokenizer_encode(s->tokenizer, anm_text_of(text), true, e, NULL);
    anm_encoding_free(e);
    if (!anm_source_build(s, &g, NULL)) anm_source_parameters(g);
    anm_graph_free(g);
    anm_source_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const pools[] = { NULL, "mean", "cls", "last" };
    anm_source *s = NULL;

    if (size == 0) return 0;
    const anm_source_params params = {
        .pooling = pools[data[0] & 3],
        .add_eos = (anm_choice)((data[0] >> 2 & 3) % 3),
        .lowercase = (anm_choice)((data[0] >> 4 & 3) % 3),
    };
    place(data + 1, size - 1);
    if (!anm_source_open(&s, path, &params, NULL)) use(s);
    return 0;
}
