/* bench_tokenizer.c - how long a tokenizer takes to make, and how many bytes a
 * second one thread tokenizes.
 *
 *     bench_tokenizer TOKENIZER.json TEXT_FILE...
 *
 * Each line of a file is one text. Time is that of the processor, so that a
 * busy machine disturbs little; the best of several rounds counts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/file.h"
#include "text/tokenizer.h"

enum { ROUNDS = 5, FILE_MAX = 1 << 30 };

static double ms_since(clock_t start)
{
    return (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC;
}

/* One round over all lines. */
static anm_status run_round(const anm_tokenizer *t, anm_encoding *e,
                            anm_text rest, uint64_t *n_ids, anm_error *err)
{
    *n_ids = 0;
    while (rest.len) {
        const char *end = memchr(rest.data, '\n', rest.len);
        const size_t len = end ? (size_t)(end - rest.data) : rest.len;
        const anm_status status =
            anm_tokenizer_encode(t, (anm_text){ rest.data, len }, true, e, err);
        if (status) return status;
        *n_ids += anm_encoding_n(e);
        rest.data += len + (end != NULL);
        rest.len -= len + (end != NULL);
    }
    return ANM_OK;
}

static anm_status bench_file(const anm_tokenizer *t, const char *path,
                             anm_error *err)
{
    anm_encoding *e = NULL;
    char *data = NULL;
    size_t len = 0;
    uint64_t n_ids = 0;
    double first = 0.0, best = 0.0;
    anm_status status = anm_file_read(path, FILE_MAX, &data, &len, err);

    if (!status) status = anm_encoding_new(&e, err);
    for (int round = 0; round < ROUNDS && !status; round++) {
        const clock_t start = clock();
        status = run_round(t, e, (anm_text){ data, len }, &n_ids, err);
        const double ms = ms_since(start);
        if (!round) first = ms;
        if (!round || ms < best) best = ms;
    }
    if (!status)
        printf("%s: %zu bytes, %" PRIu64 " ids, first %.1f MB/s, best %.1f "
               "MB/s\n",
               path, len, n_ids, (double)len / first / 1e3,
               (double)len / best / 1e3);
    anm_encoding_free(e);
    anm_free(data);
    return status;
}

static anm_status make(anm_tokenizer **out, const char *path, anm_error *err)
{
    char *json = NULL;
    size_t len = 0;
    anm_status status = anm_file_read(path, FILE_MAX, &json, &len, err);
    const clock_t start = clock();

    if (!status) status = anm_tokenizer_new(out, anm_bytes_of(json, len), err);
    if (!status)
        printf("%s: %zu bytes, made in %.1f ms\n", path, len, ms_since(start));
    anm_free(json);
    return status;
}

/* Saved and read back. */
static anm_status reload(const anm_tokenizer *t, anm_error *err)
{
    anm_buf saved = { 0 };
    anm_tokenizer *back = NULL;
    anm_status status = anm_tokenizer_save(t, &saved, err);
    const clock_t start = clock();

    if (!status)
        status =
            anm_tokenizer_load(&back, anm_bytes_of(saved.data, saved.len), err);
    if (!status)
        printf("saved: %zu bytes, loaded in %.1f ms\n", saved.len,
               ms_since(start));
    anm_buf_deinit(&saved);
    anm_tokenizer_free(back);
    return status;
}

int main(int argc, char **argv)
{
    anm_tokenizer *t = NULL;
    anm_error err;

    if (argc < 3) {
        fprintf(stderr, "usage: bench_tokenizer TOKENIZER.json TEXT_FILE...\n");
        return 2;
    }
    anm_status status = make(&t, argv[1], &err);
    if (!status) status = reload(t, &err);
    for (int i = 2; i < argc && !status; i++)
        status = bench_file(t, argv[i], &err);
    anm_tokenizer_free(t);
    if (!status) return EXIT_SUCCESS;
    fprintf(stderr, "bench_tokenizer: %s\n", err.message);
    return EXIT_FAILURE;
}
