/* test_vectors_golden.c - vectors of the original implementation, through the
 * public interface: alone and in batches, at every ISA level of this machine.
 *
 * The bars are those of tests/data and ../shared/data/golden/README.md: no
 * number further than 2e-6, no cosine further from 1 than 1e-9.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/models.h"

static const double most_apart = 2e-6;
static const double most_turned = 1e-9;

// Under a sanitizer a call takes some ten times as long: a few texts of the real
// model have to do there.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
enum { MINILM_STEP = 64, MINILM_SCALAR_STEP = 256 };
#else
#define SANITIZED 0
enum { MINILM_STEP = 1, MINILM_SCALAR_STEP = 16 };
#endif

/* A model with its texts and what must come out. */
typedef struct golden {
    const char *model;
    anm_embed_params params; /* but for bulk */
    char *vectors_path, *ids_path;
    test_texts texts;
    float *vectors; /* [n, dim] */
    size_t dim;
} golden;

static char *copy_path(const char *folder, const char *file)
{
    char path[8192];

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    return strdup(path);
}

static golden open_golden(const char *model, const char *texts,
                          const char *folder, const char *vectors, size_t dim)
{
    golden g = { .model = model, .dim = dim };
    size_t len;

    g.vectors_path = copy_path(folder, vectors);
    g.ids_path = copy_path(folder, "ids.jsonl");
    g.texts = test_texts_read(texts);
    g.vectors = (float *)(void *)test_read(g.vectors_path, &len);
    assert_int_equal(len, g.texts.n * dim * sizeof(float));
    return g;
}

static void close_golden(golden *g)
{
    test_texts_free(&g->texts);
    free(g->vectors_path);
    free(g->ids_path);
    free(g->vectors);
}

static void compare(const golden *g, size_t row, const float *v,
                    const char *level)
{
    const float *want = g->vectors + row * g->dim;
    double dot = 0, a = 0, b = 0;

    for (size_t i = 0; i < g->dim; i++) {
        const double apart = fabs((double)v[i] - want[i]);
        if (!(apart <= most_apart))
            fail_msg("%s, text %zu, number %zu: %.9g, golden %.9g", level, row,
                     i, (double)v[i], (double)want[i]);
        dot += (double)v[i] * want[i];
        a += (double)v[i] * v[i];
        b += (double)want[i] * want[i];
    }
    if (!(1 - dot / sqrt(a * b) <= most_turned))
        fail_msg("%s, text %zu: 1 - cosine is %g", level, row,
                 1 - dot / sqrt(a * b));
}

/* Every `step`-th text alone, then all of those in one bulk call: golden both
 * times, and the same bits. */
static void check_level(const golden *g, const char *level, size_t step)
{
    anm_options o = test_options(g->model);
    anm_error err;

    o.cpu = level; // NULL: the best
    o.threads = 2;
    if (!level) level = "best";
    anm_model *m = test_model_open(&o);
    const size_t n = (g->texts.n + step - 1) / step;
    anm_text *texts = calloc(n, sizeof(*texts));
    float *together = calloc(n * g->dim, sizeof(*together));
    float *alone = calloc(n * g->dim, sizeof(*alone));
    for (size_t i = 0; i < n; i++)
        texts[i] = g->texts.items[i * step];

    for (size_t i = 0; i < n; i++) {
        if (anm_embed_with(m, &texts[i], 1, &g->params, alone + i * g->dim,
                           NULL, NULL, &err))
            fail_msg("%s", err.message);
        compare(g, i * step, alone + i * g->dim, level);
    }
    anm_embed_params bulk = g->params;
    bulk.bulk = true;
    if (anm_embed_with(m, texts, n, &bulk, together, NULL, NULL, &err))
        fail_msg("%s", err.message);
    assert_memory_equal(together, alone, n * g->dim * sizeof(*alone));
    free(texts);
    free(together);
    free(alone);
    anm_model_close(m);
}

enum { N_PROBES = 4 };

/* Levels that share their float32 kernels give the same bits: the vectors of a
 * few texts tell whether there is anything new to check at a level. */
static bool is_new_level(const golden *g, const char *level, float *probe)
{
    anm_options o = test_options(g->model);
    const size_t bytes = N_PROBES * g->dim * sizeof(*probe);
    float *now = malloc(bytes);
    anm_error err;

    o.cpu = level;
    anm_model *m = test_model_open(&o);
    if (anm_embed_with(m, g->texts.items, N_PROBES, &g->params, now, NULL, NULL,
                       &err))
        fail_msg("%s", err.message);
    anm_model_close(m);
    const bool is_new = memcmp(now, probe, bytes) != 0;
    memcpy(probe, now, bytes);
    free(now);
    return is_new;
}

static void check_levels(const golden *g, size_t step, size_t scalar_step)
{
    float *probe = calloc(N_PROBES * g->dim, sizeof(*probe));

    for (const char *const *level = anm_cpu_levels(); *level; level++)
        if (is_new_level(g, *level, probe))
            check_level(g, *level,
                        strcmp(*level, "scalar") == 0 ? scalar_step : step);
    free(probe);
}

/* ---- Ids ----------------------------------------------------------------------- */

typedef struct ids_check {
    const golden *g;
    anm_model *m;
} ids_check;

static void compare_ids(void *ctx, size_t i, const json_t *line)
{
    const ids_check *c = ctx;
    const json_t *own = json_object_get(line, "ids_model");
    const json_t *ids = own ? own : json_object_get(line, "ids");
    int32_t got[1024];
    size_t n;
    anm_text_info info;

    assert_int_equal(anm_model_ids(c->m, c->g->texts.items[i], NULL, got, 1024,
                                   &n, &info, NULL),
                     ANM_OK);
    assert_int_equal(n, json_integer_value(json_object_get(line, "n_model")));
    assert_int_equal(info.tokens, n);
    assert_int_equal(info.tokens + info.truncated,
                     json_integer_value(json_object_get(line, "n")));
    if (json_array_size(ids) != n) fail_msg("text %zu: %zu ids", i, n);
    for (size_t t = 0; t < n; t++)
        if (got[t] != json_integer_value(json_array_get(ids, t)))
            fail_msg("text %zu: id %zu is %d", i, t, got[t]);
}

static void check_ids(const golden *g)
{
    const anm_options o = test_options(g->model);
    ids_check c = { g, test_model_open(&o) };

    test_each_line(g->ids_path, compare_ids, &c);
    anm_model_close(c.m);
}

/* ---- Models -------------------------------------------------------------------- */

static golden open_tiny_at(const char *path, const char *vectors, size_t dim)
{
    static char model[2][4096];
    static int turn;
    char folder[4200];
    char *kept = model[turn++ % 2];

    snprintf(kept, sizeof(model[0]), "%s", path);
    snprintf(folder, sizeof(folder), "%s/golden", kept);
    return open_golden(kept, test_data("tiny-texts.jsonl"), folder, vectors,
                       dim);
}

static golden open_tiny(const char *name, size_t dim)
{
    return open_tiny_at(test_data(name), "vectors.f32", dim);
}

static void tiny_mean_gives_the_original_vectors(void **state)
{
    (void)state;
    golden g = open_tiny("tiny-bert-mean", 48);
    check_ids(&g);
    check_levels(&g, 1, 1);
    close_golden(&g);
}

static void tiny_cls_gives_the_original_vectors(void **state)
{
    (void)state;
    golden g = open_tiny("tiny-bert-cls", 64);
    check_ids(&g);
    check_levels(&g, 1, 1);
    close_golden(&g);
}

static void tiny_qwen3_gives_the_original_vectors(void **state)
{
    (void)state;
    golden g = open_tiny("tiny-qwen3", 64);
    check_ids(&g);
    check_levels(&g, 1 + SANITIZED, 1 + 3 * SANITIZED);
    close_golden(&g);
}

/* Vectors that the tiny Qwen3 gives when it is asked in other ways. */
static void tiny_qwen3_obeys_prompts_and_dims(void **state)
{
    static const struct {
        const char *vectors;
        size_t dim;
        anm_embed_params params;
    } cases[] = {
        { "vectors.query.f32", 64, { .prompt = "query" } },
        { "vectors.f32", 64, { .prompt = "document" } },
        { "vectors.query.f32",
          64,
          { .prompt_text =
                "Instruct: Given a web search query, retrieve "
                "relevant passages that answer the query\nQuery:" } },
        { "vectors.dim32.f32", 32, { .dims = 32 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        golden g = open_tiny_at(test_data("tiny-qwen3"), cases[i].vectors,
                                cases[i].dim);
        g.params = cases[i].params;
        check_level(&g, NULL, 1 + 2 * SANITIZED);
        close_golden(&g);
    }
}

static void sharded_qwen3_gives_the_original_vectors(void **state)
{
    const char *path = test_shared("tiny/tiny-qwen3-sharded");

    (void)state;
    if (!path) {
        print_message("no ../shared/data/tiny: tiny-qwen3-sharded is "
                      "skipped\n");
        skip();
    }
    golden g = open_tiny_at(path, "vectors.f32", 64);
    check_ids(&g);
    check_levels(&g, 1 + 4 * SANITIZED, 1 + 9 * SANITIZED);
    close_golden(&g);
}

/* False, with a line that says why, where the real model or its goldens are
 * not here. */
static bool open_minilm(golden *g)
{
    const char *texts = test_shared("golden/texts.jsonl");
    const char *folder = test_shared("golden/all-MiniLM-L6-v2");

    if (!test_minilm())
        print_message("no $ANM_TEST_MINILM: all-MiniLM-L6-v2 is skipped\n");
    else if (!texts || !folder)
        print_message(
            "no ../shared/data/golden: all-MiniLM-L6-v2 is skipped\n");
    else {
        *g = open_golden(test_minilm(), texts, folder, "vectors.f32", 384);
        return true;
    }
    return false;
}

static void minilm_sees_the_original_ids(void **state)
{
    golden g;
    (void)state;

    if (!open_minilm(&g)) skip();
    check_ids(&g);
    close_golden(&g);
}

static void minilm_gives_the_original_vectors(void **state)
{
    golden g;
    (void)state;

    if (!open_minilm(&g)) skip();
    check_levels(&g, MINILM_STEP, MINILM_SCALAR_STEP);
    close_golden(&g);
}

/* ---- Retrieval ----------------------------------------------------------------- */

enum { PAIRS = 60, DIM = 384 };

typedef struct pairs {
    anm_model *m;
    float queries[PAIRS][DIM], passages[PAIRS][DIM];
    size_t n;
} pairs;

static void embed_pair(void *ctx, size_t i, const json_t *line)
{
    pairs *p = ctx;
    const anm_text texts[] = {
        anm_text_of(json_string_value(json_object_get(line, "query"))),
        anm_text_of(json_string_value(json_object_get(line, "passage"))),
    };

    assert_true(i < PAIRS);
    assert_int_equal(anm_embed(p->m, &texts[0], 1, p->queries[i], NULL),
                     ANM_OK);
    assert_int_equal(anm_embed(p->m, &texts[1], 1, p->passages[i], NULL),
                     ANM_OK);
    p->n++;
}

static double dot(const float *a, const float *b)
{
    double sum = 0;

    for (size_t i = 0; i < DIM; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void compare_rank(void *ctx, size_t i, const json_t *line)
{
    const pairs *p = ctx;
    const double own = dot(p->queries[i], p->passages[i]);
    int rank = 1;

    for (size_t j = 0; j < PAIRS; j++)
        if (j != i && dot(p->queries[i], p->passages[j]) > own) rank++;
    if (rank != json_integer_value(json_object_get(line, "rank")))
        fail_msg("query %zu: rank %d", i, rank);
}

static void minilm_ranks_passages_as_the_original_does(void **state)
{
    if (SANITIZED) skip();
    const char *texts = test_shared("golden/retrieval.jsonl");
    char path[4096];
    (void)state;

    if (!test_minilm() || !texts) {
        print_message("no $ANM_TEST_MINILM or no ../shared/data/golden: "
                      "retrieval is skipped\n");
        skip();
    }
    pairs *p = calloc(1, sizeof(*p));
    const anm_options o = test_options(test_minilm());
    p->m = test_model_open(&o);
    test_each_line(texts, embed_pair, p);
    assert_int_equal(p->n, PAIRS);
    snprintf(path, sizeof(path), "%s",
             test_shared("golden/all-MiniLM-L6-v2/retrieval.jsonl"));
    test_each_line(path, compare_rank, p);
    anm_model_close(p->m);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_mean_gives_the_original_vectors),
        cmocka_unit_test(tiny_cls_gives_the_original_vectors),
        cmocka_unit_test(tiny_qwen3_gives_the_original_vectors),
        cmocka_unit_test(tiny_qwen3_obeys_prompts_and_dims),
        cmocka_unit_test(sharded_qwen3_gives_the_original_vectors),
        cmocka_unit_test(minilm_sees_the_original_ids),
        cmocka_unit_test(minilm_gives_the_original_vectors),
        cmocka_unit_test(minilm_ranks_passages_as_the_original_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
