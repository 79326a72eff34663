/* Any bytes as one JSON file of a model folder: the first byte says which, the
 * rest is its content. The other files are links to a good model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const files[] = { "config.json",
                                     "modules.json",
                                     "1_Pooling/config.json",
                                     "tokenizer_config.json",
                                     "sentence_bert_config.json",
                                     "config_sentence_transformers.json",
                                     "tokenizer.json",
                                     "model.safetensors" };

enum { N_FILES = sizeof(files) / sizeof(files[0]), N_JSON = N_FILES - 1 };

static char folder[] = "/tmp/anemone-fuzz-XXXXXX", path[4096];

static void place(const char *name, const uint8_t *data, size_t len)
{
    static const char here[] = __FILE__; // tests/fuzz/ of an absolute path
    char good[4096];
    FILE *f = NULL;

    snprintf(good, sizeof(good), "%.*s/../data/tiny-bert-mean/%s",
             (int)(strrchr(here, '/') - here), here, name);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
    if (data ? !(f = fopen(path, "wb")) || fwrite(data, 1, len, f) != len
             : symlink(good, path) != 0)
        exit(2);
    if (f && fclose(f)) exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    anm_source *s = NULL;
    anm_graph *g = NULL;

    if (len == 0) return 0;
    if (!path[0]) {
        snprintf(path, sizeof(path), "%s/1_Pooling", mkdtemp(folder));
        if (mkdir(path, 0700)) exit(2);
    }
    for (size_t i = 0; i < N_FILES; i++)
        place(files[i], i == data[0] % N_JSON ? data + 1 : NULL, len - 1);
    if (!anm_source_open(&s, folder, NULL, NULL)) anm_source_build(s, &g, NULL);
    anm_graph_free(g);
    anm_source_close(s);
    return 0;
}
