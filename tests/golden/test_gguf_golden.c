/* test_gguf_golden.c - GGUF files give the vectors of the original
 * implementation on their own dequantised weights, and the ids of the folder
 * they were made from: in default and in float32 precision, at every ISA level.
 *
 * The bars are those of ../shared/data/tiny/README.md: no number further than
 * 2e-6, no cosine further from 1 than 1e-9.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/models.h"

static const double most_apart = 2e-6;
static const double most_turned = 1e-9;

// Under a sanitizer a call takes some ten times as long: a few texts do there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STEP = 16 };
#else
enum { STEP = 1 };
#endif

enum { N_PROBES = 2 };

typedef struct golden {
    char model[4096];
    float *vectors; /* [n, dim] */
    test_texts texts;
    size_t dim;
} golden;

static void compare(const golden *g, size_t row, const float *v,
                    const char *level)
{
    const float *want = g->vectors + row * g->dim;
    double dot = 0, a = 0, b = 0;

    for (size_t i = 0; i < g->dim; i++) {
        if (!(fabs((double)v[i] - want[i]) <= most_apart))
            fail_msg("%s at %s, text %zu, number %zu: %.9g, golden %.9g",
                     g->model, level, row, i, (double)v[i], (double)want[i]);
        dot += (double)v[i] * want[i];
        a += (double)v[i] * v[i];
        b += (double)want[i] * want[i];
    }
    if (!(1 - dot / sqrt(a * b) <= most_turned))
        fail_msg("%s at %s, text %zu: 1 - cosine is %g", g->model, level, row,
                 1 - dot / sqrt(a * b));
}

/* Levels that share their kernels give the same bits: the vectors of the first
 * texts tell whether there is anything new to check. */
static void check_level(const golden *g, const char *level,
                        anm_precision precision, float *probe)
{
    const anm_embed_params bulk = { .bulk = true, .prompt = "" };
    const size_t probe_bytes = N_PROBES * g->dim * sizeof(*probe);
    const size_t n = (g->texts.n + STEP - 1) / STEP;
    anm_options o = test_options(g->model);
    anm_text *texts = calloc(n, sizeof(*texts));
    float *v = calloc(n * g->dim, sizeof(*v));
    anm_error err;

    o.cpu = level;
    o.precision = precision;
    anm_model *m = test_model_open(&o);
    assert_int_equal(anm_model_dim(m), g->dim);
    for (size_t i = 0; i < n; i++)
        texts[i] = g->texts.items[i * STEP];
    if (anm_embed_with(m, texts, N_PROBES, &bulk, v, NULL, NULL, &err))
        fail_msg("%s", err.message);
    if (memcmp(v, probe, probe_bytes) != 0) {
        memcpy(probe, v, probe_bytes);
        if (anm_embed_with(m, texts, n, &bulk, v, NULL, NULL, &err))
            fail_msg("%s", err.message);
        for (size_t i = 0; i < n; i++)
            compare(g, i * STEP, v + i * g->dim, level);
    }
    free(texts);
    free(v);
    anm_model_close(m);
}

static void check_levels(const golden *g, anm_precision precision)
{
    float *probe = calloc(N_PROBES * g->dim, sizeof(*probe));

    for (const char *const *level = anm_cpu_levels(); *level; level++)
        check_level(g, *level, precision, probe);
    free(probe);
}

/* ---- Ids ------------------------------------------------------------------- */

typedef struct ids_check {
    anm_model *m;
    const golden *g;
} ids_check;

static void compare_ids(void *ctx, size_t i, const json_t *line)
{
    const ids_check *c = ctx;
    const json_t *own = json_object_get(line, "ids_model");
    const json_t *ids = own ? own : json_object_get(line, "ids");
    int32_t got[1024];
    size_t n;

    assert_int_equal(anm_model_ids(c->m, c->g->texts.items[i], NULL, got, 1024,
                                   &n, NULL, NULL),
                     ANM_OK);
    assert_int_equal(n, json_integer_value(json_object_get(line, "n_model")));
    assert_int_equal(n, json_array_size(ids));
    for (size_t t = 0; t < n; t++)
        if (got[t] != json_integer_value(json_array_get(ids, t)))
            fail_msg("%s, text %zu: id %zu is %d", c->g->model, i, t, got[t]);
}

static void check_ids(const golden *g, const char *folder)
{
    const anm_options o = test_options(g->model);
    ids_check c = { test_model_open(&o), g };
    char path[8192];

    snprintf(path, sizeof(path), "%s/golden/ids.jsonl", test_data(folder));
    test_each_line(path, compare_ids, &c);
    anm_model_close(c.m);
}

/* ---- Files ----------------------------------------------------------------- */

static void check_file(const char *gguf, const char *vectors,
                       const char *folder)
{
    golden g = { .texts = test_texts_read(test_data("tiny-texts.jsonl")) };
    size_t len;

    snprintf(g.model, sizeof(g.model), "%s", gguf);
    g.vectors = (float *)(void *)test_read(vectors, &len);
    g.dim = len / sizeof(float) / g.texts.n;
    check_ids(&g, folder);
    check_levels(&g, ANM_PRECISION_DEFAULT);
    check_levels(&g, ANM_PRECISION_F32);
    free(g.vectors);
    test_texts_free(&g.texts);
}

static void the_committed_file_gives_the_original_vectors(void **state)
{
    char vectors[4096];

    (void)state;
    snprintf(vectors, sizeof(vectors), "%s",
             test_data("tiny-gguf/tiny-qwen3-Q4_0.vectors.f32"));
    check_file(test_data("tiny-gguf/tiny-qwen3-Q4_0.gguf"), vectors,
               "tiny-qwen3");
}

static void every_stored_type_gives_the_original_vectors(void **state)
{
    static const char *const folders[] = { "tiny-bert-mean", "tiny-qwen3" };
    static const char *const types[] = { "F32", "F16", "BF16", "Q8_0", "Q4_0" };

    (void)state;
    if (!test_shared("tiny/tiny-gguf")) {
        print_message("no ../shared/data/tiny/tiny-gguf: other types are "
                      "skipped\n");
        skip();
    }
    for (size_t f = 0; f < 2; f++)
        for (size_t t = 0; t < 5; t++) {
            char name[128], gguf[4096], vectors[4096];

            snprintf(name, sizeof(name), "tiny/tiny-gguf/%s-%s.gguf",
                     folders[f], types[t]);
            snprintf(gguf, sizeof(gguf), "%s", test_shared(name));
            snprintf(name, sizeof(name), "tiny/tiny-gguf/%s-%s.vectors.f32",
                     folders[f], types[t]);
            snprintf(vectors, sizeof(vectors), "%s", test_shared(name));
            check_file(gguf, vectors, folders[f]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_file_gives_the_original_vectors),
        cmocka_unit_test(every_stored_type_gives_the_original_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
