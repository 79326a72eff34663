/* test_opening.c - opening: states, contract, levels, what is refused and how.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support/model_folder.h"
#include "support/models.h"

static const char tiny[] = "tiny-bert-mean";

static anm_status open_fails(const anm_options *o, anm_error *err)
{
    anm_model *m = (void *)(uintptr_t)1;
    const anm_status status = anm_model_open(&m, o, err);

    assert_true(status != ANM_OK);
    assert_null(m);
    return status;
}

static void open_model_is_ready_and_says_what_it_is(void **state)
{
    const anm_options o = test_options(tiny);
    (void)state;

    anm_model *m = test_model_open(&o);
    assert_int_equal(anm_model_state(m), ANM_STATE_READY);
    assert_string_equal(anm_model_name(m), tiny);
    assert_int_equal(anm_model_dim(m), 48);
    assert_int_equal(anm_model_max_tokens(m), 64);
    assert_int_equal(anm_model_threads(m), 1);
    assert_int_equal(strncmp(anm_model_fingerprint(m), "sha256:", 7), 0);
    assert_int_equal(strlen(anm_model_fingerprint(m)), 7 + 64);
    assert_true(anm_model_cost(m, 32).macs > anm_model_cost(m, 8).macs * 3.9);
    anm_model_close(m);
}

static void cpu_runs_under_all_and_cpu_only(void **state)
{
    static const anm_units units[] = { ANM_UNITS_ALL, ANM_UNITS_CPU_ONLY };
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        anm_options o = test_options(tiny);
        o.units = units[i];
        anm_model_close(test_model_open(&o));
    }
}

static void device_that_is_not_here_is_refused_before_any_weight(void **state)
{
    static const anm_units units[] = { ANM_UNITS_CPU_AND_GPU,
                                       ANM_UNITS_CPU_AND_NE };
    anm_error err;
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        const char *cache = test_temp_folder();
        anm_options o = test_options(tiny);
        anm_names names;
        o.units = units[i];
        o.cache_dir = cache;
        assert_int_equal(open_fails(&o, &err), ANM_E_CONTRACT);
        assert_non_null(strstr(err.message, i ? "ane:0.5" : "gpu:0.5"));
        assert_non_null(strstr(err.message, "present: cpu"));
        assert_non_null(strstr(err.message, "--allow-fallback cpu"));
        assert_int_equal(anm_folder_list(cache, &names, NULL), ANM_OK);
        assert_int_equal(names.n, 0); // nothing hashed, nothing prepared
        anm_names_deinit(&names);
    }
}

static void allowed_fallback_runs_and_every_receipt_says_so(void **state)
{
    anm_options o = test_options(tiny);
    anm_receipt r;
    float v[48];
    const anm_text text = anm_text_of("a river");
    (void)state;

    o.units = ANM_UNITS_CPU_AND_NE;
    o.allow_fallback = 1u << ANM_DEVICE_CPU;
    anm_model *m = test_model_open(&o);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(anm_embed_with(m, &text, 1, NULL, v, NULL, &r, NULL),
                         ANM_OK);
        assert_false(r.contract.met);
        assert_true(r.contract.fallback);
        assert_string_equal(r.contract.require, "ane:0.5");
        assert_non_null(strstr(r.contract.reason, "ane is not present"));
        assert_int_equal(r.where.device, ANM_DEVICE_CPU);
    }
    anm_model_close(m);
}

static void requiring_nothing_permits_every_units(void **state)
{
    anm_options o = test_options(tiny);
    (void)state;

    o.units = ANM_UNITS_CPU_AND_GPU;
    o.require = "none";
    anm_model_close(test_model_open(&o));
}

static void levels_of_this_machine_agree(void **state)
{
    float *first = NULL;
    (void)state;

    for (const char *const *level = anm_cpu_levels(); *level; level++) {
        anm_options o = test_options(tiny);
        o.cpu = *level;
        anm_model *m = test_model_open(&o);
        float *v = test_embed(m, "the old house by the river");
        for (size_t i = 0; first && i < 48; i++)
            assert_true(v[i] - first[i] < 2e-6f && first[i] - v[i] < 2e-6f);
        if (!first) first = v;
        if (v != first) free(v);
        anm_model_close(m);
    }
    free(first);
}

static void bad_options_name_value_and_allowed(void **state)
{
    anm_options o = test_options(tiny);
    anm_error err;
    (void)state;

    o.cpu = "avx1024";
    assert_int_equal(open_fails(&o, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "avx1024"));
    o = test_options(tiny);
    o.require = "tpu:1";
    assert_int_equal(open_fails(&o, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "tpu:1"));
    o = test_options(tiny);
    o.threads = 5000;
    assert_int_equal(open_fails(&o, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "5000"));
    o = test_options(tiny);
    o.model = "";
    assert_int_equal(open_fails(&o, &err), ANM_E_ARG);
    o = test_options("/nonexistent/model");
    assert_int_equal(open_fails(&o, &err), ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "/nonexistent/model"));
    assert_int_equal(open_fails(NULL, &err), ANM_E_ARG);
}

static void precision_that_is_not_possible_is_refused(void **state)
{
    anm_options o = test_options(tiny);
    anm_error err;
    (void)state;

    o.precision = ANM_PRECISION_INT8;
    assert_int_equal(open_fails(&o, &err), ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "int8"));
}

/* A copy of the model whose weights have no more than bfloat16 holds, stored so
 * or as F32. */
static const char *make_cut_model(bool as_bf16)
{
    const char *folder = test_model_copy(tiny);
    test_weights w = test_weights_read(folder);
    const char *name;
    json_t *entry;

    json_object_foreach(w.header, name, entry)
    {
        json_t *offsets = json_object_get(entry, "data_offsets");
        const json_int_t begin = json_integer_value(json_array_get(offsets, 0));
        const json_int_t end = json_integer_value(json_array_get(offsets, 1));
        char *x = w.data + begin;
        const size_t n = (size_t)(end - begin) / 4;

        for (size_t i = 0; i < n; i++) {
            if (as_bf16)
                memmove(x + 2 * i, x + 4 * i + 2, 2);
            else
                memset(x + 4 * i, 0, 2);
        }
        if (!as_bf16) continue;
        json_object_set_new(entry, "dtype", json_string("BF16"));
        json_array_set_new(offsets, 1,
                           json_integer(begin + (json_int_t)(2 * n)));
    }
    test_weights_write(folder, "model.safetensors", &w, "", "");
    test_weights_free(&w);
    return folder;
}

static float *embed_with(const char *folder, anm_precision precision,
                         anm_precision expected)
{
    anm_options o = test_options(folder);
    anm_receipt r;
    const anm_text text = { "sand and sea", 12 };

    o.precision = precision;
    anm_model *m = test_model_open(&o);
    float *v = malloc(anm_model_dim(m) * sizeof(*v));
    assert_non_null(v);
    assert_int_equal(anm_embed_with(m, &text, 1, NULL, v, NULL, &r, NULL),
                     ANM_OK);
    assert_int_equal(r.model.precision, expected);
    anm_model_close(m);
    return v;
}

/* Weights are named as they are stored, and only their values count. */
static void how_exact_values_are_stored_does_not_show_in_vectors(void **state)
{
    const char *wide = make_cut_model(false), *narrow = make_cut_model(true);
    (void)state;

    float *a = embed_with(wide, ANM_PRECISION_DEFAULT, ANM_PRECISION_F32);
    float *b = embed_with(narrow, ANM_PRECISION_DEFAULT, ANM_PRECISION_BF16);
    float *c = embed_with(narrow, ANM_PRECISION_F32, ANM_PRECISION_F32);
    assert_memory_equal(a, b, 48 * sizeof(*a));
    assert_memory_equal(a, c, 48 * sizeof(*a));
    free(a);
    free(b);
    free(c);
}

static void half_precision_weights_are_f32(void **state)
{
    (void)state;
    free(embed_with("tiny-bert-cls", ANM_PRECISION_DEFAULT, ANM_PRECISION_F32));
}

static void load_is_one_line(void **state)
{
    test_log log = { 0 };
    anm_options o = test_options(tiny);
    (void)state;

    o.log = test_log_line;
    o.log_ctx = &log;
    o.log_level = ANM_LOG_INFO;
    anm_model_close(test_model_open(&o));
    assert_int_equal(log.n, 1);
    assert_non_null(strstr(log.lines[0], "units ALL, contract none met"));
    assert_non_null(strstr(log.lines[0], "plan cpu 1"));
    assert_non_null(strstr(log.lines[0], "artifact memory"));
}

static void call_is_one_line_without_its_text(void **state)
{
    test_log log = { 0 };
    anm_options o = test_options(tiny);
    (void)state;

    o.log = test_log_line;
    o.log_ctx = &log;
    o.log_level = ANM_LOG_DEBUG;
    anm_model *m = test_model_open(&o);
    log.n = 0;
    free(test_embed(m, "secretword of mine"));
    assert_int_equal(test_log_count(&log, ANM_LOG_INFO, "breakdown "), 1);
    assert_int_equal(test_log_count(&log, ANM_LOG_DEBUG, "input ids"), 1);
    for (size_t i = 0; i < log.n; i++)
        assert_null(strstr(log.lines[i], "secretword"));
    anm_model_close(m);
}

static void second_open_hits_the_artifact(void **state)
{
    static const char *const states[] = { "built", "hit", "hit" };
    anm_options o = test_options(tiny);
    const anm_text text = anm_text_of("a river");
    float v[48], first[48];
    (void)state;

    o.cache_dir = test_temp_folder();
    for (int i = 0; i < 3; i++) {
        anm_receipt r;
        anm_model *m = test_model_open(&o);
        assert_int_equal(anm_embed_with(m, &text, 1, NULL, v, NULL, &r, NULL),
                         ANM_OK);
        assert_string_equal(r.artifact.state, states[i]);
        assert_non_null(strstr(r.artifact.path, o.cache_dir));
        if (i == 0) memcpy(first, v, sizeof(v));
        assert_memory_equal(v, first, sizeof(v));
        anm_model_close(m);
    }
}

/* Verify trusts nothing remembered, and finds the same. */
static void verify_hits_too(void **state)
{
    anm_options o = test_options(tiny);
    (void)state;

    o.cache_dir = test_temp_folder();
    anm_model_close(test_model_open(&o));
    o.verify = true;
    anm_model_close(test_model_open(&o));
}

static void count_progress(void *ctx, const char *step, uint64_t done,
                           uint64_t total)
{
    unsigned *n = ctx;

    assert_non_null(step);
    assert_true(total == 0 || done <= total);
    (*n)++;
}

static void progress_never_passes_its_total(void **state)
{
    unsigned n = 0;
    anm_options o = test_options(tiny);
    (void)state;

    o.progress = count_progress;
    o.progress_ctx = &n;
    anm_model_close(test_model_open(&o));
}

static void close_accepts_null(void **state)
{
    (void)state;
    anm_model_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_model_is_ready_and_says_what_it_is),
        cmocka_unit_test(cpu_runs_under_all_and_cpu_only),
        cmocka_unit_test(device_that_is_not_here_is_refused_before_any_weight),
        cmocka_unit_test(allowed_fallback_runs_and_every_receipt_says_so),
        cmocka_unit_test(requiring_nothing_permits_every_units),
        cmocka_unit_test(levels_of_this_machine_agree),
        cmocka_unit_test(bad_options_name_value_and_allowed),
        cmocka_unit_test(precision_that_is_not_possible_is_refused),
        cmocka_unit_test(how_exact_values_are_stored_does_not_show_in_vectors),
        cmocka_unit_test(half_precision_weights_are_f32),
        cmocka_unit_test(load_is_one_line),
        cmocka_unit_test(call_is_one_line_without_its_text),
        cmocka_unit_test(second_open_hits_the_artifact),
        cmocka_unit_test(verify_hits_too),
        cmocka_unit_test(progress_never_passes_its_total),
        cmocka_unit_test(close_accepts_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
