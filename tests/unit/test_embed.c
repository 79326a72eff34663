/* test_embed.c - calls: prompts, limits, dimensions, ids, and what a failure
 * leaves behind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/model_folder.h"
#include "support/models.h"

enum { DIM = 48 };

static anm_model *model;

static int open_model(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    (void)state;
    model = test_model_open(&o);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    anm_model_close(model);
    return 0;
}

static const char long_text[] =
    "the old house by the river stands alone, and every window looks west "
    "over the water, where the boats come home before the night and people "
    "walk along the bank until the last light has gone from the hills";

static void embed_one(const char *text, const anm_embed_params *p, float *v)
{
    const anm_text t = anm_text_of(text);
    anm_error err;

    if (anm_embed_with(model, &t, 1, p, v, NULL, NULL, &err))
        fail_msg("%s", err.message);
}

/* ---- Texts ------------------------------------------------------------------- */

static void bad_utf8_names_text_and_byte_and_touches_nothing(void **state)
{
    const anm_text texts[] = { anm_text_of("a"), anm_text_of("b"),
                               anm_text_of("c"),
                               anm_text_of("seventeen bytes..\xc3(") };
    float v[4 * DIM];
    anm_error err;
    (void)state;

    for (size_t i = 0; i < 4 * DIM; i++)
        v[i] = 7;
    assert_int_equal(anm_embed(model, texts, 4, v, &err), ANM_E_ARG);
    assert_string_equal(err.message, "text 3: invalid UTF-8 at byte 17");
    for (size_t i = 0; i < 4 * DIM; i++)
        assert_true(v[i] == 7);
    assert_int_equal(anm_model_state(model), ANM_STATE_READY);
}

static void text_above_the_limit_is_refused_and_the_model_lives(void **state)
{
    const size_t len = ANM_TEXT_MAX_BYTES + 1;
    char *text = malloc(len);
    const anm_text t = { text, len };
    float v[DIM];
    (void)state;

    memset(text, 'a', len);
    assert_int_equal(anm_embed(model, &t, 1, v, NULL), ANM_E_LIMIT);
    free(text);
    embed_one("a", NULL, v);
}

static void text_of_ten_megabytes_is_cut(void **state)
{
    const size_t len = 10u << 20;
    char *text = malloc(len);
    const anm_text t = { text, len };
    anm_text_info info;
    float v[DIM];
    (void)state;

    for (size_t i = 0; i < len; i++)
        text[i] = i % 6 == 5 ? ' ' : 'a';
    assert_int_equal(anm_embed_with(model, &t, 1, NULL, v, &info, NULL, NULL),
                     ANM_OK);
    assert_int_equal(info.tokens, 64);
    assert_true(info.truncated > 1000000);
    free(text);
}

static void no_texts_are_no_work(void **state)
{
    (void)state;
    assert_int_equal(anm_embed(model, NULL, 0, NULL, NULL), ANM_OK);
}

static void empty_text_is_a_text(void **state)
{
    float v[DIM];
    (void)state;
    embed_one("", NULL, v);
}

static void null_arguments_are_named(void **state)
{
    const anm_text t = anm_text_of("a"), hole = { NULL, 3 };
    float v[DIM];
    anm_error err;
    (void)state;

    assert_int_equal(anm_embed(NULL, &t, 1, v, &err), ANM_E_ARG);
    assert_int_equal(anm_embed(model, NULL, 1, v, &err), ANM_E_ARG);
    assert_int_equal(anm_embed(model, &t, 1, NULL, &err), ANM_E_ARG);
    assert_int_equal(anm_embed(model, &hole, 1, v, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "text 0"));
}

/* ---- Parameters -------------------------------------------------------------- */

static void max_tokens_cuts_as_a_shorter_model_would(void **state)
{
    const anm_embed_params p = { .max_tokens = 10 };
    const anm_text t = anm_text_of(long_text);
    anm_text_info info;
    int32_t ids[64];
    size_t n;
    float v[DIM], by_ids[DIM];
    (void)state;

    assert_int_equal(anm_embed_with(model, &t, 1, &p, v, &info, NULL, NULL),
                     ANM_OK);
    assert_int_equal(info.tokens, 10);
    assert_int_equal(anm_model_ids(model, t, &p, ids, 64, &n, NULL, NULL),
                     ANM_OK);
    assert_int_equal(n, 10);
    const anm_ids row = { ids, n };
    assert_int_equal(anm_embed_ids(model, &row, 1, NULL, by_ids, NULL, NULL),
                     ANM_OK);
    assert_memory_equal(v, by_ids, sizeof(v));
}

static void text_that_may_not_be_cut_is_refused_with_both_numbers(void **state)
{
    const anm_text texts[] = { anm_text_of("a river"), anm_text_of(long_text) };
    const anm_embed_params p = { .max_tokens = 10, .no_truncate = true };
    int32_t ids[64];
    size_t n;
    float v[2 * DIM];
    anm_text_info info;
    anm_error err;
    char expected[128];
    (void)state;

    assert_int_equal(
        anm_model_ids(model, texts[1], NULL, ids, 64, &n, &info, NULL), ANM_OK);
    snprintf(expected, sizeof(expected),
             "text 1: %zu tokens, at most 10 may enter uncut",
             info.tokens + info.truncated);
    assert_int_equal(anm_embed_with(model, texts, 2, &p, v, NULL, NULL, &err),
                     ANM_E_LIMIT);
    assert_string_equal(err.message, expected);
    assert_int_equal(anm_embed_with(model, texts, 1, &p, v, NULL, NULL, &err),
                     ANM_OK);
}

static void max_tokens_outside_is_refused_with_the_range(void **state)
{
    static const size_t bad[] = { 1, 2, 65, 100000 };
    const anm_text t = anm_text_of("a");
    float v[DIM];
    anm_error err;
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        const anm_embed_params p = { .max_tokens = bad[i] };
        assert_int_equal(anm_embed_with(model, &t, 1, &p, v, NULL, NULL, &err),
                         ANM_E_ARG);
        assert_non_null(strstr(err.message, "[3, 64]"));
    }
}

static void dims_cut_and_renormalise(void **state)
{
    const anm_embed_params p = { .dims = 16 };
    float v[DIM], cut[DIM];
    double norm = 0;
    (void)state;

    embed_one(long_text, NULL, v);
    embed_one(long_text, &p, cut);
    for (size_t i = 0; i < 16; i++)
        norm += (double)v[i] * v[i];
    norm = sqrt(norm);
    for (size_t i = 0; i < 16; i++)
        assert_true(fabs(cut[i] - v[i] / norm) < 1e-7);
}

/* Rows of a shortened bulk call lie dim apart while at work, dims apart in the
 * result. */
static void dims_of_many_texts_are_those_of_each(void **state)
{
    const anm_embed_params p = { .dims = 5, .bulk = true };
    test_texts texts = test_texts_read(test_data("tiny-texts.jsonl"));
    float *v = calloc(texts.n * 5, sizeof(*v)), one[5];
    anm_error err;
    (void)state;

    if (anm_embed_with(model, texts.items, texts.n, &p, v, NULL, NULL, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < texts.n; i++) {
        assert_int_equal(anm_embed_with(model, &texts.items[i], 1, &p, one,
                                        NULL, NULL, NULL),
                         ANM_OK);
        assert_memory_equal(one, v + 5 * i, sizeof(one));
    }
    free(v);
    test_texts_free(&texts);
}

static void dims_above_the_model_are_refused(void **state)
{
    const anm_embed_params p = { .dims = DIM + 1 };
    const anm_text t = anm_text_of("a");
    float v[DIM + 1];
    anm_error err;
    (void)state;

    assert_int_equal(anm_embed_with(model, &t, 1, &p, v, NULL, NULL, &err),
                     ANM_E_ARG);
    assert_non_null(strstr(err.message, "[1, 48]"));
}

static void shortening_what_declares_nothing_warns_once(void **state)
{
    test_log log = { 0 };
    anm_options o = test_options("tiny-bert-mean");
    const anm_embed_params p = { .dims = 8 };
    const anm_text t = anm_text_of("a");
    float v[DIM];
    (void)state;

    o.log = test_log_line;
    o.log_ctx = &log;
    anm_model *m = test_model_open(&o);
    for (int i = 0; i < 3; i++)
        assert_int_equal(anm_embed_with(m, &t, 1, &p, v, NULL, NULL, NULL),
                         ANM_OK);
    assert_int_equal(test_log_count(&log, ANM_LOG_WARN, "dims 8"), 1);
    anm_model_close(m);
}

/* ---- Prompts ----------------------------------------------------------------- */

static void prompt_text_stands_before_the_text(void **state)
{
    const anm_embed_params p = { .prompt_text = "the old " };
    float joined[DIM], prompted[DIM];
    (void)state;

    embed_one("the old house", NULL, joined);
    embed_one("house", &p, prompted);
    assert_memory_equal(joined, prompted, sizeof(joined));
}

static void unknown_prompt_is_refused_by_name(void **state)
{
    const anm_embed_params p = { .prompt = "query" };
    const anm_text t = anm_text_of("a");
    float v[DIM];
    anm_error err;
    (void)state;

    assert_int_equal(anm_embed_with(model, &t, 1, &p, v, NULL, NULL, &err),
                     ANM_E_ARG);
    assert_non_null(strstr(err.message, "prompt 'query'"));
}

static void both_prompts_exclude_each_other(void **state)
{
    const anm_embed_params p = { .prompt = "", .prompt_text = "x" };
    const anm_text t = anm_text_of("a");
    float v[DIM];
    (void)state;
    assert_int_equal(anm_embed_with(model, &t, 1, &p, v, NULL, NULL, NULL),
                     ANM_E_ARG);
}

static void prompts_of_the_folder_are_used_by_name_and_by_default(void **state)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    const anm_embed_params none = { .prompt = "" },
                           passage = { .prompt = "passage" };
    const anm_text t = anm_text_of("a river");
    float v[DIM], want[DIM];
    anm_receipt r;
    (void)state;

    test_model_set(folder, "config_sentence_transformers.json",
                   "{\"prompts\":{\"query\":\"the old \","
                   "\"passage\":\"every \"},"
                   "\"default_prompt_name\":\"query\"}");
    anm_options o = test_options(folder);
    anm_model *m = test_model_open(&o);
    assert_int_equal(anm_embed_with(m, &t, 1, NULL, v, NULL, &r, NULL), ANM_OK);
    assert_string_equal(r.input.prompt, "query");
    embed_one("the old a river", NULL, want);
    assert_memory_equal(v, want, sizeof(v));
    assert_int_equal(anm_embed_with(m, &t, 1, &passage, v, NULL, &r, NULL),
                     ANM_OK);
    assert_string_equal(r.input.prompt, "passage");
    embed_one("every a river", NULL, want);
    assert_memory_equal(v, want, sizeof(v));
    assert_int_equal(anm_embed_with(m, &t, 1, &none, v, NULL, &r, NULL),
                     ANM_OK);
    assert_string_equal(r.input.prompt, "");
    embed_one("a river", NULL, want);
    assert_memory_equal(v, want, sizeof(v));
    anm_model_close(m);
}

/* ---- Ids --------------------------------------------------------------------- */

static void ids_report_how_many_there_are(void **state)
{
    int32_t ids[4] = { -7, -7, -7, -7 };
    size_t n;
    anm_text_info info;
    (void)state;

    assert_int_equal(anm_model_ids(model, anm_text_of(long_text), NULL, ids, 2,
                                   &n, &info, NULL),
                     ANM_OK);
    assert_true(n > 20);
    assert_int_equal(info.tokens, n);
    assert_true(ids[0] >= 0 && ids[1] >= 0);
    assert_int_equal(ids[2], -7);
    size_t again;
    assert_int_equal(anm_model_ids(model, anm_text_of(long_text), NULL, NULL, 0,
                                   &again, NULL, NULL),
                     ANM_OK);
    assert_int_equal(again, n);
}

static void ids_that_are_none_are_refused_by_row(void **state)
{
    const int32_t good[] = { 2, 3 }, bad[] = { 2, 1000000 };
    const anm_ids rows[] = { { good, 2 }, { bad, 2 } }, empty = { good, 0 };
    float v[2 * DIM];
    anm_error err;
    (void)state;

    assert_int_equal(anm_embed_ids(model, rows, 2, NULL, v, NULL, &err),
                     ANM_E_ARG);
    assert_non_null(strstr(err.message, "row 1: id 1 is 1000000"));
    assert_int_equal(anm_embed_ids(model, &empty, 1, NULL, v, NULL, &err),
                     ANM_E_ARG);
    const anm_embed_params p = { .max_tokens = 5 };
    assert_int_equal(anm_embed_ids(model, rows, 1, &p, v, NULL, &err),
                     ANM_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_utf8_names_text_and_byte_and_touches_nothing),
        cmocka_unit_test(text_above_the_limit_is_refused_and_the_model_lives),
        cmocka_unit_test(text_of_ten_megabytes_is_cut),
        cmocka_unit_test(no_texts_are_no_work),
        cmocka_unit_test(empty_text_is_a_text),
        cmocka_unit_test(null_arguments_are_named),
        cmocka_unit_test(max_tokens_cuts_as_a_shorter_model_would),
        cmocka_unit_test(text_that_may_not_be_cut_is_refused_with_both_numbers),
        cmocka_unit_test(max_tokens_outside_is_refused_with_the_range),
        cmocka_unit_test(dims_cut_and_renormalise),
        cmocka_unit_test(dims_of_many_texts_are_those_of_each),
        cmocka_unit_test(dims_above_the_model_are_refused),
        cmocka_unit_test(shortening_what_declares_nothing_warns_once),
        cmocka_unit_test(prompt_text_stands_before_the_text),
        cmocka_unit_test(unknown_prompt_is_refused_by_name),
        cmocka_unit_test(both_prompts_exclude_each_other),
        cmocka_unit_test(prompts_of_the_folder_are_used_by_name_and_by_default),
        cmocka_unit_test(ids_report_how_many_there_are),
        cmocka_unit_test(ids_that_are_none_are_refused_by_row),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
