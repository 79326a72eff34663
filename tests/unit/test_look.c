/* test_look.c - the documents of inspect, plan, build and cache, as anyone
 * outside gets them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support/models.h"

static json_t *inspect(unsigned flags)
{
    const anm_options o = test_options("tiny-bert-mean");
    char *json = NULL;
    anm_error err;

    if (anm_inspect(&o, flags, &json, &err)) fail_msg("%s", err.message);
    return test_take_json(json);
}

static json_int_t integer(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_integer(v)) fail_msg("%s is no integer", key);
    return json_integer_value(v);
}

static const char *string(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_string(v)) fail_msg("%s is no string", key);
    return json_string_value(v);
}

/* ---- Inspect ------------------------------------------------------------------ */

static void inspect_says_what_the_page_promises(void **state)
{
    static const char *const keys[] = {
        "path",     "format",     "architecture", "fingerprint",
        "dim",      "max_tokens", "parameters",   "bytes",
        "recipe",   "inputs",     "outputs",      "ops",
        "roofline", "lint",       "notes",        "tensors_unused",
    };
    json_t *doc = inspect(0);
    (void)state;

    assert_int_equal(integer(doc, "anemone_inspect"), 1);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!json_object_get(doc, keys[i])) fail_msg("no %s", keys[i]);
    assert_string_equal(string(doc, "format"), "hf");
    assert_int_equal(integer(doc, "dim"), 48);
    assert_int_equal(integer(doc, "max_tokens"), 64);
    const json_t *recipe = json_object_get(doc, "recipe");
    assert_string_equal(string(recipe, "pooling"), "mean");
    assert_true(json_is_true(json_object_get(recipe, "normalize")));
    assert_null(json_object_get(doc, "tensors"));
    assert_null(json_object_get(doc, "ops_list"));
    json_decref(doc);
}

static void inspect_and_model_agree_on_the_fingerprint(void **state)
{
    const anm_options o = test_options("tiny-bert-mean");
    json_t *doc = inspect(0);
    anm_model *m = test_model_open(&o);
    (void)state;

    assert_string_equal(string(doc, "fingerprint"), anm_model_fingerprint(m));
    anm_model_close(m);
    json_decref(doc);
}

static void tensors_say_which_are_used(void **state)
{
    json_t *doc = inspect(ANM_INSPECT_TENSORS);
    const json_t *list = json_object_get(doc, "tensors");
    const json_t *unused = json_object_get(doc, "tensors_unused");
    size_t i, n_unused = 0;
    json_int_t parameters = 0;
    json_t *t;
    (void)state;

    json_array_foreach(list, i, t)
    {
        json_int_t elements = 1;
        size_t k;
        json_t *dim;
        json_array_foreach(json_object_get(t, "shape"), k, dim) elements *=
            json_integer_value(dim);
        if (json_is_true(json_object_get(t, "used")))
            parameters += elements;
        else
            n_unused++;
    }
    assert_int_equal(n_unused, json_array_size(unused));
    // All but the second row of the type table, which no text reads.
    assert_int_equal(parameters, integer(doc, "parameters") + 48);
    json_decref(doc);
}

static void ops_list_agrees_with_the_counts(void **state)
{
    json_t *doc = inspect(ANM_INSPECT_OPS);
    const json_t *list = json_object_get(doc, "ops_list");
    json_int_t counted = 0;
    const char *key;
    json_t *n;
    (void)state;

    json_object_foreach(json_object_get(doc, "ops"), key, n) counted +=
        json_integer_value(n);
    assert_true(counted > 0);
    assert_int_equal(json_array_size(list), counted);
    json_decref(doc);
}

static void floor_grows_with_the_text(void **state)
{
    json_t *doc = inspect(0);
    const json_t *rows = json_object_get(doc, "roofline");
    double before = 0;
    size_t i;
    json_t *row;
    (void)state;

    assert_int_equal(json_array_size(rows), 3); // 8, 32, 64
    json_array_foreach(rows, i, row)
    {
        const double floor_ms =
            json_real_value(json_object_get(row, "floor_ms"));
        assert_true(floor_ms > 0 && floor_ms >= before);
        before = floor_ms;
    }
    json_decref(doc);
}

static void inspect_never_refuses_by_contract(void **state)
{
    anm_options o = test_options("tiny-bert-mean");
    char *json;
    (void)state;

    o.units = ANM_UNITS_CPU_AND_NE;
    assert_int_equal(anm_inspect(&o, 0, &json, NULL), ANM_OK);
    anm_free(json);
    assert_int_equal(anm_inspect(&o, 64, &json, NULL), ANM_E_ARG);
}

/* ---- Plan ---------------------------------------------------------------------- */

static json_t *plan(anm_units units, unsigned fallback, bool *met)
{
    anm_options o = test_options("tiny-bert-mean");
    char *json = NULL;
    anm_error err;

    o.units = units;
    o.allow_fallback = fallback;
    if (anm_plan(&o, &json, met, &err)) fail_msg("%s", err.message);
    return test_take_json(json);
}

static void shares_of_a_plan_are_one(void **state)
{
    bool met = false;
    json_t *doc = plan(ANM_UNITS_CPU_ONLY, 0, &met);
    double sum = 0;
    size_t i;
    json_t *op;
    (void)state;

    assert_true(met);
    assert_int_equal(integer(doc, "anemone_plan"), 1);
    json_array_foreach(json_object_get(doc, "ops"), i, op)
    {
        assert_string_equal(string(op, "device"), "cpu");
        assert_string_equal(string(op, "evidence"), "planned");
        sum += json_real_value(json_object_get(op, "cost_share"));
    }
    assert_true(fabs(sum - 1) < 1e-6);
    const json_t *share = json_object_get(doc, "share");
    assert_true(fabs(json_real_value(json_object_get(share, "cpu")) - 1) <
                1e-6);
    json_decref(doc);
}

static void plan_tells_a_contract_that_is_not_met(void **state)
{
    bool met = true;
    json_t *doc = plan(ANM_UNITS_CPU_AND_GPU, 0, &met);
    const json_t *contract = json_object_get(doc, "contract");
    (void)state;

    assert_false(met);
    assert_string_equal(string(contract, "require"), "gpu:0.5");
    assert_true(json_is_false(json_object_get(contract, "met")));
    assert_non_null(strstr(string(contract, "reason"), "gpu is not present"));
    json_decref(doc);
}

/* ---- Build --------------------------------------------------------------------- */

static void build_names_level_and_backends(void **state)
{
    char *json;
    anm_error err;
    (void)state;

    assert_int_equal(anm_build_json("scalar", &json, NULL), ANM_OK);
    json_t *doc = test_take_json(json);
    assert_string_equal(string(doc, "version"), ANM_VERSION);
    assert_string_equal(string(json_object_get(doc, "isa"), "in_use"),
                        "scalar");
    const json_t *backends = json_object_get(doc, "backends");
    assert_string_equal(string(json_array_get(backends, 0), "name"), "cpu");
    json_decref(doc);
    assert_int_equal(anm_build_json("avx9", &json, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "avx9"));
    assert_int_equal(anm_build_json(NULL, NULL, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "json"));
}

static void levels_begin_with_scalar_and_all_run(void **state)
{
    const char *const *levels = anm_cpu_levels();
    (void)state;

    assert_string_equal(levels[0], "scalar");
    for (; *levels; levels++) {
        char *json;
        assert_int_equal(anm_build_json(*levels, &json, NULL), ANM_OK);
        anm_free(json);
    }
}

/* ---- Cache --------------------------------------------------------------------- */

static const char *cache_with_two(void)
{
    static const char *const models[] = { "tiny-bert-mean", "tiny-bert-cls" };
    const char *folder = test_temp_folder();

    for (size_t i = 0; i < 2; i++) {
        anm_options o = test_options(models[i]);
        o.cache_dir = folder;
        anm_model_close(test_model_open(&o));
    }
    return folder;
}

static json_t *take(anm_status status, char **json)
{
    assert_int_equal(status, ANM_OK);
    return test_take_json(*json);
}

static void write_bytes(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static void listing_shows_each_artifact(void **state)
{
    const char *folder = cache_with_two();
    char *json;
    json_int_t bytes = 0;
    size_t i;
    json_t *a;
    (void)state;

    json_t *doc = take(anm_cache_ls(folder, &json, NULL), &json);
    const json_t *list = json_object_get(doc, "artifacts");
    assert_int_equal(json_array_size(list), 2);
    json_array_foreach(list, i, a)
    {
        assert_int_equal(strncmp(string(a, "model"), "tiny-bert-", 10), 0);
        assert_int_equal(strncmp(string(a, "fingerprint"), "sha256:", 7), 0);
        assert_string_equal(string(a, "backend"), "cpu");
        bytes += integer(a, "bytes");
    }
    assert_int_equal(integer(doc, "bytes"), bytes);
    json_decref(doc);
}

static void folder_that_is_not_there_is_empty(void **state)
{
    char *json;
    (void)state;

    json_t *doc = take(anm_cache_ls("/nonexistent/cache", &json, NULL), &json);
    assert_int_equal(json_array_size(json_object_get(doc, "artifacts")), 0);
    json_decref(doc);
    assert_int_equal(anm_cache_ls("", &json, NULL), ANM_E_ARG);
}

static void verify_finds_the_flipped_bit_and_prune_removes_it(void **state)
{
    const char *folder = cache_with_two();
    bool sound = false;
    char *json, path[1024], stranger[700], leftover[1100], kept[700];
    size_t len;
    anm_file_kind kind;
    anm_file_id id;
    (void)state;

    json_t *doc = take(anm_cache_verify(folder, &json, &sound, NULL), &json);
    assert_true(sound);
    const json_t *list = json_object_get(doc, "artifacts");
    assert_string_equal(string(json_array_get(list, 0), "state"), "sound");
    snprintf(path, sizeof(path), "%s", string(json_array_get(list, 1), "path"));
    json_decref(doc);

    char *data = test_read(path, &len);
    data[len / 2] ^= 1;
    write_bytes(path, data, len);
    free(data);
    snprintf(stranger, sizeof(stranger), "%s/artifacts/notes.txt", folder);
    write_bytes(stranger, "mine", 4);
    snprintf(leftover, sizeof(leftover), "%s.4242.0.tmp", path);
    write_bytes(leftover, "half", 4);
    snprintf(
        kept, sizeof(kept), "%s/remembered/%.64s.kept.4242.0.tmp", folder,
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    write_bytes(kept, "half", 4);

    doc = take(anm_cache_verify(folder, &json, &sound, NULL), &json);
    assert_false(sound);
    json_decref(doc);
    // prune does not hash: what is not remembered as sound stays.
    doc = take(anm_cache_prune(folder, 30, &json, NULL), &json);
    assert_int_equal(json_array_size(json_object_get(doc, "removed")), 1);
    assert_int_equal(integer(doc, "freed_bytes"), 4);
    json_decref(doc);
    assert_int_equal(anm_file_look(leftover, &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_ABSENT);

    write_bytes(path, "ANMART01", 8);
    doc = take(anm_cache_prune(folder, 30, &json, NULL), &json);
    const json_t *removed = json_object_get(doc, "removed");
    assert_int_equal(json_array_size(removed), 1);
    assert_string_equal(string(json_array_get(removed, 0), "path"), path);
    assert_int_equal(integer(doc, "kept"), 1);
    json_decref(doc);

    doc = take(anm_cache_prune(folder, UINT_MAX, &json, NULL), &json);
    assert_int_equal(integer(doc, "kept"), 1);
    json_decref(doc);
    doc = take(anm_cache_prune(folder, 0, &json, NULL), &json);
    assert_int_equal(integer(doc, "kept"), 0);
    json_decref(doc);
    assert_int_equal(anm_file_look(kept, &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_ABSENT);
    assert_int_equal(anm_file_look(stranger, &kind, &id, NULL), ANM_OK);
    assert_int_equal(kind, ANM_FILE_REGULAR);
}

/* The value of a line of its key text is bytes of the file like any other. */
static void damaged_key_is_listed_as_damaged(void **state)
{
    const char *folder = cache_with_two();
    bool sound = true;
    char *json, path[1024];
    size_t len, at = 64;
    (void)state;

    json_t *doc = take(anm_cache_ls(folder, &json, NULL), &json);
    const json_t *list = json_object_get(doc, "artifacts");
    snprintf(path, sizeof(path), "%s", string(json_array_get(list, 0), "path"));
    json_decref(doc);
    char *data = test_read(path, &len);
    while (strncmp(data + at, "\nlevel ", 7) != 0)
        at++;
    data[at + 8] ^= (char)0x80;
    write_bytes(path, data, len);
    free(data);

    doc = take(anm_cache_ls(folder, &json, NULL), &json);
    list = json_object_get(doc, "artifacts");
    assert_int_equal(json_array_size(list), 2);
    json_decref(doc);
    doc = take(anm_cache_verify(folder, &json, &sound, NULL), &json);
    list = json_object_get(doc, "artifacts");
    assert_false(sound);
    assert_string_equal(string(json_array_get(list, 0), "state"), "damaged");
    assert_string_equal(string(json_array_get(list, 1), "state"), "sound");
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inspect_says_what_the_page_promises),
        cmocka_unit_test(inspect_and_model_agree_on_the_fingerprint),
        cmocka_unit_test(tensors_say_which_are_used),
        cmocka_unit_test(ops_list_agrees_with_the_counts),
        cmocka_unit_test(floor_grows_with_the_text),
        cmocka_unit_test(inspect_never_refuses_by_contract),
        cmocka_unit_test(shares_of_a_plan_are_one),
        cmocka_unit_test(plan_tells_a_contract_that_is_not_met),
        cmocka_unit_test(build_names_level_and_backends),
        cmocka_unit_test(levels_begin_with_scalar_and_all_run),
        cmocka_unit_test(listing_shows_each_artifact),
        cmocka_unit_test(folder_that_is_not_there_is_empty),
        cmocka_unit_test(verify_finds_the_flipped_bit_and_prune_removes_it),
        cmocka_unit_test(damaged_key_is_listed_as_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
