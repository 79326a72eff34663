/* test_fidelity.c - rounded weights are measured against those that are stored,
 * and what is too far away is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/gguf_model.h"
#include "support/model_folder.h"
#include "support/models.h"

static const char *const texts[] = {
    "what are my Q2 goals?",
    "The café on Łódź street opens at 7, ring twice: who was here first?",
    "one two three four five six seven eight nine ten",
};

enum { N_TEXTS = 3, DIM = 256 };

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static const char *wide_model(const char *folder)
{
    return test_gguf_model(
        folder, &(test_gguf_how){ .mix = TEST_MIX_Q6_K, .widened = true });
}

static anm_options in_precision(const char *path, anm_precision precision,
                                const char *cache)
{
    anm_options o = test_options(path);

    o.precision = precision;
    o.cache_dir = cache;
    return o;
}

/* The plan's object; steals nothing, to be decref'd. */
static json_t *plan_of(const anm_options *o)
{
    char *text = NULL;
    anm_error err;
    bool met;

    if (anm_plan(o, &text, &met, &err)) fail_msg("%s", err.message);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    anm_free(text);
    return root;
}

static double measured(const anm_options *o, const char *what)
{
    json_t *root = plan_of(o);
    const json_t *f = json_object_get(root, "fidelity");

    assert_non_null(f);
    assert_true(json_integer_value(json_object_get(f, "texts")) >= 15);
    const double value = json_number_value(json_object_get(f, what));
    json_decref(root);
    return value;
}

static void check_vectors(anm_model *rounded, anm_model *whole, double least)
{
    for (size_t i = 0; i < N_TEXTS; i++) {
        float *a = test_embed(rounded, texts[i]);
        float *b = test_embed(whole, texts[i]);
        const double c = cosine(a, b, anm_model_dim(whole));
        // Other texts than those that were measured, so not to the digit.
        if (!(1 - c <= 3 * (1 - least) + 1e-6))
            fail_msg("cosine %.6f, measured %.6f", c, least);
        assert_true(c < 1 - 1e-9);
        free(a);
        free(b);
    }
}

static void check_precision(const char *path, anm_precision precision,
                            double floor)
{
    const char *cache = test_temp_folder();
    const anm_options o = in_precision(path, precision, cache);
    const anm_options as_stored =
        in_precision(path, ANM_PRECISION_DEFAULT, cache);
    anm_receipt r, stored;
    const anm_text text = anm_text_of(texts[0]);

    anm_model *rounded = test_model_open(&o);
    anm_model *whole = test_model_open(&as_stored);
    float v[DIM];
    assert_int_equal(anm_model_dim(whole), DIM);
    assert_int_equal(anm_embed_with(rounded, &text, 1, NULL, v, NULL, &r, NULL),
                     ANM_OK);
    assert_int_equal(
        anm_embed_with(whole, &text, 1, NULL, v, NULL, &stored, NULL), ANM_OK);
    assert_int_equal(r.model.precision, precision);
    assert_string_equal(r.artifact.state, "built");
    // The measurement has left it there.
    assert_string_equal(stored.artifact.state, "hit");
    assert_string_not_equal(r.model.fingerprint, stored.model.fingerprint);
    const double least = measured(&o, "cosine_least");
    assert_true(least >= floor && least < 1);
    assert_true(measured(&o, "cosine_p50") >= least);
    check_vectors(rounded, whole, least);
    anm_model_close(rounded);
    anm_model_close(whole);
}

static void rounded_weights_say_how_near_they_are(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        const char *path = wide_model(f ? "tiny-qwen3" : "tiny-bert-mean");
        check_precision(path, ANM_PRECISION_BF16, 0.999);
        check_precision(path, ANM_PRECISION_INT8, 0.99);
    }
}

static void weights_as_stored_have_nothing_to_say(void **state)
{
    const anm_options o =
        in_precision(wide_model("tiny-bert-mean"), ANM_PRECISION_F32, "");
    (void)state;

    json_t *root = plan_of(&o);
    assert_null(json_object_get(root, "fidelity"));
    json_decref(root);
}

/* In memory alone, and with a row alone and among others. */
static void rounding_needs_no_folder_and_keeps_rows_apart(void **state)
{
    const anm_options o =
        in_precision(wide_model("tiny-bert-mean"), ANM_PRECISION_INT8, "");
    anm_model *m = test_model_open(&o);
    float all[N_TEXTS * DIM];
    anm_text batch[N_TEXTS];
    (void)state;

    assert_int_equal(anm_model_dim(m), DIM);
    for (size_t i = 0; i < N_TEXTS; i++)
        batch[i] = anm_text_of(texts[i]);
    assert_int_equal(anm_embed(m, batch, N_TEXTS, all, NULL), ANM_OK);
    for (size_t i = 0; i < N_TEXTS; i++) {
        float *alone = test_embed(m, texts[i]);
        assert_memory_equal(alone, all + i * DIM, sizeof(alone[0]) * DIM);
        free(alone);
    }
    anm_model_close(m);
}

/* A copy of the model whose widest layers say the same to everybody as well, which
 * the norm behind them takes away again: there what they say otherwise is lost in
 * fewer bits. */
static const char *make_loud_model(void)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    test_weights w = test_weights_read(folder);
    const char *name;
    json_t *entry;

    json_object_foreach(w.header, name, entry)
    {
        const json_t *offsets = json_object_get(entry, "data_offsets");
        const json_int_t begin = json_integer_value(json_array_get(offsets, 0));
        const json_int_t end = json_integer_value(json_array_get(offsets, 1));
        if (!strstr(name, "output.dense.weight")) continue;
        for (json_int_t at = begin; at < end; at += 4) {
            float x;
            memcpy(&x, w.data + at, sizeof(x));
            x += 8.0f;
            memcpy(w.data + at, &x, sizeof(x));
        }
    }
    test_weights_write(folder, "model.safetensors", &w, "", "");
    test_weights_free(&w);
    return folder;
}

static void what_is_too_far_away_is_refused_with_the_number(void **state)
{
    const char *folder = make_loud_model(), *cache = test_temp_folder();
    anm_options o = in_precision(folder, ANM_PRECISION_BF16, cache);
    anm_model *m = NULL;
    anm_error err = { 0 };
    (void)state;

    for (int again = 0; again < 2; again++) {
        assert_int_equal(anm_model_open(&m, &o, &err), ANM_E_UNSUPPORTED);
        assert_null(m);
        assert_non_null(strstr(err.message, "precision bf16: a text of "));
        assert_non_null(strstr(err.message, "must have 0.999"));
    }
    o.precision = ANM_PRECISION_F32;
    anm_model_close(test_model_open(&o));
}

/* The library's own: Jansson's are let through, see base/json.c. Some failures are
 * made up for. */
static void a_failed_allocation_leaves_no_model(void **state)
{
    const anm_options o =
        in_precision(test_model_copy("tiny-bert-mean"), ANM_PRECISION_BF16, "");
    bool failed = true;
    (void)state;

    json_set_alloc_funcs(malloc, free);
    for (uint64_t k = 1; failed; k += 1 + k / 16) {
        anm_model *m = NULL;
        anm_error err;
        test_fault_arm(k);
        const anm_status status = anm_model_open(&m, &o, &err);
        failed = test_fault_disarm();
        assert_true((status == ANM_OK) == (m != NULL));
        if (status && (!failed || status != ANM_E_NOMEM))
            fail_msg("allocation %d: %s", (int)k, err.message);
        anm_model_close(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounded_weights_say_how_near_they_are),
        cmocka_unit_test(weights_as_stored_have_nothing_to_say),
        cmocka_unit_test(rounding_needs_no_folder_and_keeps_rows_apart),
        cmocka_unit_test(what_is_too_far_away_is_refused_with_the_number),
        cmocka_unit_test(a_failed_allocation_leaves_no_model),
    };

    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
