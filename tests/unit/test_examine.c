/* An open engine looked at from outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "engine/examine.h"
#include "support/models.h"

static anm_engine *open_model(const char *cache_dir)
{
    anm_options options = test_options("tiny-bert-mean");
    anm_engine *e;
    anm_error err;

    options.cache_dir = cache_dir;
    if (anm_engine_open(&e, &options, &err)) fail_msg("%s", err.message);
    return e;
}

static void ask(anm_engine *e, float *vector)
{
    const anm_text text = anm_text_of("a river");
    anm_error err;

    if (anm_engine_embed(e, &text, 1, NULL, &(anm_answers){ .vectors = vector },
                         &err))
        fail_msg("%s", err.message);
}

static void facts_are_those_of_the_options(void **state)
{
    anm_engine *e = open_model("");
    const anm_engine_facts f = anm_engine_facts_of(e);
    (void)state;

    assert_string_equal(f.backend, "cpu");
    assert_int_equal(f.precision, ANM_PRECISION_F32);
    assert_true(f.devices & 1u << ANM_DEVICE_CPU);
    assert_string_equal(f.artifact_state, "memory");
    assert_null(f.artifact_path);
    assert_true(f.open_ns > 0 && *f.level);
    anm_engine_close(e);
}

static void backends_end(void **state)
{
    anm_backend_view view;
    size_t n = 0;
    (void)state;

    while (n < 100 && anm_engine_backend(n, &view)) {
        assert_true(*view.name);
        n++;
    }
    assert_true(n > 0 && n < 100);
}

/* Pages that were let go of come back as they were. */
static void dropped_pages_give_the_same_vector(void **state)
{
    anm_engine *e = open_model("");
    const size_t dim = anm_engine_source(e)->recipe.dim;
    float *before = anm_alloc_array(dim, sizeof(float));
    float *after = anm_alloc_array(dim, sizeof(float));
    (void)state;

    assert_true(before && after);
    ask(e, before);
    const anm_engine_pages pages = anm_engine_pages_of(e);
    assert_true(pages.mapped_bytes > 0);
    // Known wherever the system knows it of any memory.
    if (anm_map_resident(anm_bytes_of(before, dim * sizeof(float))) ==
        ANM_COUNTER_UNKNOWN)
        assert_true(pages.resident_bytes == ANM_COUNTER_UNKNOWN);
    else
        assert_true(pages.resident_bytes >= 0 &&
                    (uint64_t)pages.resident_bytes >= pages.mapped_bytes / 2);
    anm_engine_pages_drop(e);
    ask(e, after);
    assert_memory_equal(before, after, dim * sizeof(float));
    anm_free(before);
    anm_free(after);
    anm_engine_close(e);
}

static void probe_takes_some_time_or_is_not_offered(void **state)
{
    anm_engine *e = open_model("");
    const uint64_t ns = anm_engine_probe(e);
    anm_bands bands;
    (void)state;

    assert_true(ns < UINT64_C(60000000000));
    anm_engine_bands(e, &bands);
    assert_int_equal(bands.n, 0); // nobody warmed up
    anm_engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_those_of_the_options),
        cmocka_unit_test(backends_end),
        cmocka_unit_test(dropped_pages_give_the_same_vector),
        cmocka_unit_test(probe_takes_some_time_or_is_not_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
