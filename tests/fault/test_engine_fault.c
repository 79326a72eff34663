/* test_engine_fault.c - allocation k fails, for every k, in every public call;
 * every artifact is cut and bent. Error or success, never a crash, and what
 * was usable stays usable.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "support/models.h"

static const char text_a[] = "the old house by the river";

static anm_options options_in(const char *folder)
{
    anm_options o = test_options("tiny-bert-mean");

    o.cache_dir = folder;
    o.cpu = "scalar";
    return o;
}

static float *expected; /* of text_a */
static size_t dim;

static int embed_expected(void **state)
{
    const anm_options o = options_in("");
    (void)state;

    anm_model *m = test_model_open(&o);
    dim = anm_model_dim(m);
    expected = test_embed(m, text_a);
    anm_model_close(m);
    return 0;
}

static int free_expected(void **state)
{
    (void)state;
    free(expected);
    return 0;
}

static void still_right(anm_model *m)
{
    float *v = test_embed(m, text_a);

    assert_memory_equal(v, expected, dim * sizeof(*v));
    free(v);
}

/* ---- Allocations ---------------------------------------------------------------- */

/* What a machine offers, and what was remembered, may stay unknown for lack of
 * memory; a model that opens all the same is the right one. */
typedef struct opening {
    const char *folder;
    anm_options options;
    anm_model *m;
} opening;

static anm_status open_model(void *ctx, anm_error *err)
{
    opening *o = ctx;
    const anm_status status = anm_model_open(&o->m, &o->options, err);

    assert_int_equal(status == ANM_OK, o->m != NULL);
    return status;
}

static void check_opened(void *ctx)
{
    opening *o = ctx;

    assert_int_equal(anm_model_state(o->m), ANM_STATE_READY);
    still_right(o->m);
    anm_model_close(o->m);
}

static void open_once(const anm_options *options)
{
    opening o = { .options = *options };

    assert_int_equal(open_model(&o, NULL), ANM_OK);
    check_opened(&o);
}

static void open_without_cache(void **state)
{
    opening o = { .options = options_in("") };
    (void)state;
    test_every_fault_borne(open_model, check_opened, &o);
}

static void open_that_hits(void **state)
{
    opening o = { .options = options_in(test_temp_folder()) };
    (void)state;
    open_once(&o.options);
    test_every_fault_borne(open_model, check_opened, &o);
    open_once(&o.options);
}

static anm_status open_in_fresh_folder(void *ctx, anm_error *err)
{
    static unsigned n;
    opening *o = ctx;
    char folder[600];

    snprintf(folder, sizeof(folder), "%s/%u", o->folder, n++);
    o->options = options_in(folder);
    return open_model(o, err);
}

static void open_that_builds(void **state)
{
    opening o = { .folder = test_temp_folder() };
    (void)state;
    test_every_fault_borne(open_in_fresh_folder, check_opened, &o);
}

static void embed_of_a_fresh_model(void **state)
{
    anm_options o = options_in(test_temp_folder());
    bool happened = true;
    (void)state;

    // Only what the calls allocate, not the opening.
    for (uint64_t k = 1; happened; k++) {
        anm_model *m = test_model_open(&o);
        anm_receipt receipt;
        float v[3 * 64];
        char *json = NULL;
        const anm_text texts[] = { anm_text_of(text_a), anm_text_of("two"),
                                   anm_text_of("") };
        const anm_embed_params params = { .dims = 7, .prompt_text = "query: " };
        memset(v, 1, sizeof(v));
        const float untouched = v[0];
        test_fault_arm(k);
        anm_status status =
            anm_embed_with(m, texts, 3, &params, v, NULL, &receipt, NULL);
        if (status) assert_memory_equal(&v[0], &untouched, sizeof(float));
        if (!status) status = anm_receipt_json(&receipt, &json, NULL);
        happened = test_fault_disarm();
        assert_int_equal(status, status ? ANM_E_NOMEM : ANM_OK);
        assert_true(!status || happened);
        if (!status) anm_free(json);
        assert_int_equal(anm_model_state(m), ANM_STATE_READY);
        still_right(m);
        anm_model_close(m);
    }
}

static anm_status ask_ids(void *ctx, anm_error *err)
{
    int32_t ids[64];
    size_t n;
    return anm_model_ids(ctx, anm_text_of(text_a), NULL, ids, 64, &n, NULL,
                         err);
}

static void ids_of_a_fresh_model(void **state)
{
    const anm_options o = options_in("");
    (void)state;
    anm_model *m = test_model_open(&o);
    test_every_fault(ask_ids, m);
    still_right(m);
    anm_model_close(m);
}

static anm_status warm_up(void *ctx, anm_error *err)
{
    const size_t length = 8;
    return anm_model_warm(ctx, &length, 1, 1, true, err);
}

/* Which threads have called may be lost for lack of memory. */
static void check_warmed(void *ctx)
{
    still_right(ctx);
}

static void warm_up_of_a_model(void **state)
{
    const anm_options o = options_in(test_temp_folder());
    (void)state;
    anm_model *m = test_model_open(&o);
    test_every_fault_borne(warm_up, check_warmed, m);
    still_right(m);
    anm_model_close(m);
}

static anm_status inspect(void *ctx, anm_error *err)
{
    char *json;
    const anm_status status =
        anm_inspect(ctx, ANM_INSPECT_TENSORS | ANM_INSPECT_OPS, &json, err);

    if (!status) anm_free(json);
    return status;
}

/* A document that is made again and again. */
typedef struct document {
    anm_options options;
    char *expected, *json;
} document;

static anm_status plan(void *ctx, anm_error *err)
{
    document *d = ctx;
    bool met;

    return anm_plan(&d->options, &d->json, &met, err);
}

static void check_document(void *ctx)
{
    document *d = ctx;

    if (!d->expected) {
        d->expected = d->json;
        return;
    }
    assert_string_equal(d->json, d->expected);
    anm_free(d->json);
}

static void plan_of_a_model(void **state)
{
    document d = { .options = options_in(test_temp_folder()) };
    (void)state;
    assert_int_equal(plan(&d, NULL), ANM_OK);
    check_document(&d);
    test_every_fault_borne(plan, check_document, &d);
    anm_free(d.expected);
}

static anm_status look_at_cache(void *ctx, anm_error *err)
{
    char *json;
    bool sound;
    anm_status status = anm_cache_ls(ctx, &json, err);

    if (status) return status;
    anm_free(json);
    status = anm_cache_verify(ctx, &json, &sound, err);
    if (status) return status;
    anm_free(json);
    assert_true(sound);
    status = anm_cache_prune(ctx, 1000, &json, err);
    if (!status) anm_free(json);
    return status;
}

/* What was remembered of an artifact may stay unknown, and no more. */
static void check_cache(void *ctx)
{
    char *json;

    assert_int_equal(anm_cache_ls(ctx, &json, NULL), ANM_OK);
    assert_non_null(strstr(json, ".anm"));
    assert_non_null(strstr(json, "\"damaged\":0"));
    anm_free(json);
}

static void cache_with_an_artifact(void **state)
{
    const char *folder = test_temp_folder();
    const anm_options o = options_in(folder);
    (void)state;
    open_once(&o);
    test_every_fault_borne(look_at_cache, check_cache, (void *)folder);
    open_once(&o);
}

static anm_status build_json(void *ctx, anm_error *err)
{
    document *d = ctx;

    return anm_build_json(NULL, &d->json, err);
}

/* What the process holds changes all the time. */
static void check_build(void *ctx)
{
    document *d = ctx;
    char *process = strstr(d->json, ",\"process\"");

    assert_non_null(process);
    *process = '\0';
    check_document(d);
}

static void build_document(void **state)
{
    document d = { 0 };
    (void)state;
    assert_int_equal(build_json(&d, NULL), ANM_OK);
    check_build(&d);
    test_every_fault_borne(build_json, check_build, &d);
    anm_free(d.expected);
}

/* Measuring takes 100 ms each time, so only some k are tried. */
static void inspect_of_a_model(void **state)
{
    anm_options o = options_in(test_temp_folder());
    bool happened = true;
    (void)state;

    for (uint64_t k = 1; happened; k += k < 20 ? 1 : 37) {
        anm_error err = { 0 };
        test_fault_arm(k);
        const anm_status status = inspect(&o, &err);
        happened = test_fault_disarm();
        if (status && !happened)
            fail_msg("allocation %llu: %s", (unsigned long long)k, err.message);
    }
    assert_int_equal(inspect(&o, NULL), ANM_OK);
}

/* ---- Artifacts -------------------------------------------------------------------- */

static void find_artifact(const char *folder, char *out, size_t cap)
{
    char artifacts[600];
    anm_names names;

    snprintf(artifacts, sizeof(artifacts), "%s/artifacts", folder);
    assert_int_equal(anm_folder_list(artifacts, &names, NULL), ANM_OK);
    out[0] = '\0';
    for (size_t i = 0; i < names.n; i++) {
        const size_t len = strlen(names.names[i]);
        if (len > 4 && strcmp(names.names[i] + len - 4, ".anm") == 0)
            snprintf(out, cap, "%s/%s", artifacts, names.names[i]);
    }
    anm_names_deinit(&names);
    assert_true(out[0]);
}

static void write_file(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void opens_rebuilt(const anm_options *o)
{
    anm_receipt receipt;
    float v[64];
    const anm_text t = anm_text_of(text_a);
    anm_model *m = test_model_open(o);

    assert_int_equal(anm_embed_with(m, &t, 1, NULL, v, NULL, &receipt, NULL),
                     ANM_OK);
    assert_string_equal(receipt.artifact.state, "rebuilt");
    assert_memory_equal(v, expected, dim * sizeof(*v));
    anm_model_close(m);
}

static void damaged_artifact_is_rebuilt_and_the_vector_right(void **state)
{
    const char *folder = test_temp_folder();
    const anm_options o = options_in(folder);
    char path[1024];
    size_t len;
    (void)state;

    open_once(&o);
    find_artifact(folder, path, sizeof(path));
    char *data = test_read(path, &len);
    for (size_t i = 0; i < len; i += i < 64 ? 8 : len / 12 + 1) {
        write_file(path, data, i);
        opens_rebuilt(&o);
        data[i] ^= 0x10;
        write_file(path, data, len);
        opens_rebuilt(&o);
        data[i] ^= 0x10;
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_without_cache),
        cmocka_unit_test(open_that_hits),
        cmocka_unit_test(open_that_builds),
        cmocka_unit_test(embed_of_a_fresh_model),
        cmocka_unit_test(ids_of_a_fresh_model),
        cmocka_unit_test(warm_up_of_a_model),
        cmocka_unit_test(plan_of_a_model),
        cmocka_unit_test(cache_with_an_artifact),
        cmocka_unit_test(build_document),
        cmocka_unit_test(inspect_of_a_model),
        cmocka_unit_test(damaged_artifact_is_rebuilt_and_the_vector_right),
    };
    test_fault_install();
    test_fault_spare_jansson(true);
    return cmocka_run_group_tests(tests, embed_expected, free_expected);
}
