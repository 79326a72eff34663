/* test_package_calls.c - vectors of packages: the same bits alone and among
 * others, with any number of threads; and a second identical call that
 * allocates nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "support/packed.h"

enum { TEXTS = 5, DIM = 64 };

static const char *const texts[TEXTS] = {
    "what are my Q2 goals?",
    "a",
    ("the committee postponed its decision until further evidence had been "
     "gathered and examined by everybody who was there"),
    "",
    "naïve café",
};

static anm_model *open_model(const char *path, const char *tokenizer,
                             unsigned threads)
{
    anm_options o;
    anm_model *m = NULL;
    anm_error err;

    anm_options_init(&o);
    o.model = path;
    o.tokenizer = tokenizer;
    o.threads = threads;
    o.cache_dir = "";
    if (anm_model_open(&m, &o, &err)) fail_msg("%s", err.message);
    assert_int_equal(anm_model_dim(m), DIM);
    return m;
}

static void embed(anm_model *m, const char *const *given, size_t n, float *v)
{
    anm_text all[TEXTS];
    anm_error err;

    for (size_t i = 0; i < n; i++)
        all[i] = anm_text_of(given[i]);
    if (anm_embed(m, all, n, v, &err)) fail_msg("%s", err.message);
}

static void check_bits(const char *path, const char *tokenizer)
{
    float alone[TEXTS][DIM], together[TEXTS][DIM], twice[TEXTS][DIM];
    anm_model *one = open_model(path, tokenizer, 1);
    anm_model *two = open_model(path, tokenizer, 2);

    for (size_t i = 0; i < TEXTS; i++)
        embed(one, &texts[i], 1, alone[i]);
    embed(one, texts, TEXTS, together[0]);
    embed(two, texts, TEXTS, twice[0]);
    assert_memory_equal(alone, together, sizeof(alone));
    assert_memory_equal(alone, twice, sizeof(alone));
    anm_model_close(one);
    anm_model_close(two);
}

static void rows_of_packages_do_not_depend_on_others(void **state)
{
    char path[4096], tokenizer[4096];
    (void)state;

    snprintf(tokenizer, sizeof(tokenizer), "%s",
             test_data("coreml/bert-tokenizer.json"));
    snprintf(path, sizeof(path), "%s", test_packed("bert_c_pal2.mlpackage"));
    check_bits(path, tokenizer);
    // Four texts a run, and lengths of their own.
    static const char *const shared[] = { "bert_batch4_fp16_ios16",
                                          "bert_enum_fp16_ios16",
                                          "bert_range2_fp16_ios17" };
    for (size_t i = 0; i < 3 && test_shared("coreml"); i++) {
        snprintf(path, sizeof(path), "%s/%s.mlpackage", test_shared("coreml"),
                 shared[i]);
        check_bits(path, tokenizer);
    }
}

static void a_second_identical_call_allocates_nothing(void **state)
{
    float first[TEXTS][DIM], second[TEXTS][DIM];
    anm_alloc_stats before, after;
    char path[4096];
    (void)state;

    snprintf(path, sizeof(path), "%s", test_packed("bert_c_pal2.mlpackage"));
    anm_model *m = open_model(path, test_data("coreml/bert-tokenizer.json"), 2);
    embed(m, texts, TEXTS, first[0]);
    anm_alloc_stats_read(&before);
    embed(m, texts, TEXTS, second[0]);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.n_allocs, before.n_allocs);
    assert_memory_equal(first, second, sizeof(first));
    anm_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_packages_do_not_depend_on_others),
        cmocka_unit_test(a_second_identical_call_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
