/* fuzz_mlpackage.c - a model file of any bytes, with a blob file beside it: an
 * error, or a package that can be linted and whose constants can be read to the
 * last byte. The first two bytes say how many of the last are the blob file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/mil_lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char manifest[] =
    "{\"fileFormatVersion\":\"1.0.0\",\"rootModelIdentifier\":\"a\","
    "\"itemInfoEntries\":{\"a\":{\"path\":\"m\"}}}";
static char folder[64], text[128];

static void write_file(const char *name, const void *data, size_t size)
{
    snprintf(text, sizeof(text), "%s/%s", folder, name);
    FILE *file = fopen(text, "wb");
    if (!file || (size && !fwrite(data, size, 1, file))) abort();
    fclose(file);
}

static void remove_folder(void)
{
    snprintf(text, sizeof(text), "rm -r %s", folder);
    if (system(text)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t blob = size < 2 ? 0 : (size_t)data[0] << 8 | data[1];
    anm_mlpackage *p = NULL;
    anm_lint *lint = NULL;
    double x = 0;

    if (size < 2 + blob) return 0;
    if (!folder[0]) {
        snprintf(folder, sizeof(folder), "/tmp/fuzz-%ld", (long)getpid());
        snprintf(text, sizeof(text), "mkdir -p %s/Data/weights", folder);
        if (system(text) || atexit(remove_folder)) abort();
        write_file("Manifest.json", manifest, sizeof(manifest) - 1);
    }
    write_file("Data/m", data + 2, size - 2 - blob);
    write_file("Data/weights/weight.bin", data + size - blob, blob);
    if (anm_mlpackage_open(&p, folder, NULL)) return 0;
    for (size_t i = 0; p->main && i < p->main->block.n_ops; i++) {
        const anm_mil_value *v =
            anm_mil_op_value(&p->main->block.ops[i], "val");
        for (uint64_t k = 0; v && anm_mil_value_real(v, k, &x);)
            k++;
    }
    if (anm_lint_new(&lint, p, NULL)) abort();
    anm_lint_free(lint);
    anm_mlpackage_close(p);
    return 0;
}
