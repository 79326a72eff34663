/* fuzz_filter.c - a filter of any bytes: an error, or SQL that SQLite takes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static anm_store *store;
static anm_collection c = { .name = "c", .dim = 1, .fingerprint = "f" };

/* One item with a field of each type. */
static void open_store(void)
{
    static const char meta[] =
        "{\"n\":1,\"s\":\"x\",\"b\":true,\"z\":null,\"o\":{\"n\":2.5}}";
    static const float one = 1.0f;
    const anm_record r = {
        { "k", 1 }, { "t", 1 }, { meta, sizeof(meta) - 1 }, &one
    };
    char path[64];
    anm_put what;

    snprintf(path, sizeof(path), "/tmp/fuzz-filter-%ld.db", (long)getpid());
    if (anm_store_open(&store, path, ANM_STORE_CREATE, 1000, NULL) ||
        anm_store_begin(store, NULL) ||
        anm_store_need_collection(store, &c, NULL) ||
        anm_store_put(store, &c, &r, &what, NULL) ||
        anm_store_commit(store, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    anm_filter *f = NULL;
    anm_error err = { 0 };
    int64_t *ids = NULL;
    size_t n = 0;
    char *text = NULL;

    if (!store) open_store();
    // Exactly as long as it is, so that an over-read is seen.
    text = malloc(size + 1);
    if (!text) abort();
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    if (!anm_filter_new(&f, text, &err)) {
        if (anm_store_filter(store, &c, f, &ids, &n, &err)) {
            fprintf(stderr, "%s: %s\n", text, err.message);
            abort();
        }
        anm_free(ids);
        anm_filter_free(f);
    } else if (!err.message[0]) {
        abort();
    }
    free(text);
    return 0;
}
