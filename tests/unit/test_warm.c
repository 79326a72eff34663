/* test_warm.c - bands are measured at the lengths that were asked for, kept,
 * and used again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "support/models.h"

enum { DIM = 48 };

#define LONG_TEXT                                                              \
    "the river keeps its old bed when rain falls on every hill and people "    \
    "walk home by night the river keeps its old bed when rain falls on every " \
    "hill and people walk home by night the river keeps its old bed when rain"

static anm_receipt record(anm_model *m, const char *text)
{
    const anm_text t = anm_text_of(text);
    anm_receipt r;
    float v[DIM];
    anm_error err;

    if (anm_embed_with(m, &t, 1, NULL, v, NULL, &r, &err))
        fail_msg("%s", err.message);
    return r;
}

static void warm(anm_model *m, const size_t *lengths, size_t n, bool again)
{
    anm_error err;

    if (anm_model_warm(m, lengths, n, 1000, again, &err))
        fail_msg("%s", err.message);
}

static anm_model *open_logged(test_log *log, const char *cache)
{
    anm_options o = test_options("tiny-bert-mean");

    o.log = test_log_line;
    o.log_ctx = log;
    o.log_level = ANM_LOG_INFO;
    o.cache_dir = cache;
    return test_model_open(&o);
}

static void default_lengths_reach_from_one_token_to_the_maximum(void **state)
{
    static const char *const lines[] = {
        "warm-up of 3 tokens", "warm-up of 8 tokens", "warm-up of 16 tokens",
        "warm-up of 32 tokens", "warm-up of 64 tokens"
    };
    test_log log = { 0 };
    anm_model *m = open_logged(&log, "");
    (void)state;

    log.n = 0;
    warm(m, NULL, 0, false);
    assert_int_equal(log.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(test_log_count(&log, ANM_LOG_INFO, lines[i]), 1);
    assert_int_not_equal(record(m, "a").band.verdict, ANM_VERDICT_NONE);
    assert_int_not_equal(record(m, "").band.verdict, ANM_VERDICT_NONE);
    anm_model_close(m);
}

static void call_between_lengths_has_an_interpolated_band(void **state)
{
    const size_t lengths[] = { 3, 64 };
    test_log log = { 0 };
    anm_model *m = open_logged(&log, "");
    (void)state;

    warm(m, lengths, 2, false);
    const anm_receipt r = record(m, "the old house by the river");
    assert_true(r.band.n >= 3);
    assert_true(r.band.tokens == r.input.tokens);
    assert_true(r.band.low_ns < r.band.p50_ns);
    assert_true(r.band.p50_ns < r.band.high_ns);
    assert_int_not_equal(r.band.verdict, ANM_VERDICT_NONE);
    anm_model_close(m);
}

static void lengths_are_clamped_and_measured_once(void **state)
{
    const size_t lengths[] = { 1000, 64, 0, 64, 3 };
    test_log log = { 0 };
    anm_model *m = open_logged(&log, "");
    (void)state;

    log.n = 0;
    warm(m, lengths, 5, false);
    assert_int_equal(log.n, 2);
    assert_int_equal(test_log_count(&log, ANM_LOG_INFO, "warm-up of 3 tokens"),
                     1);
    assert_int_equal(test_log_count(&log, ANM_LOG_INFO, "warm-up of 64 tokens"),
                     1);
    anm_model_close(m);
}

/* The one file of bands in a cache folder, parsed; NULL when there is none. */
static json_t *read_stored(const char *cache, char *path, size_t cap)
{
    char bands[512];
    anm_names names;

    snprintf(bands, sizeof(bands), "%s/bands", cache);
    if (anm_folder_list(bands, &names, NULL)) return NULL;
    assert_int_equal(names.n, 1);
    snprintf(path, cap, "%s/%s", bands, names.names[0]);
    anm_names_deinit(&names);
    return json_load_file(path, 0, NULL);
}

static void give_up(anm_model *m)
{
    anm_model_close(m);
    print_message("others keep this machine busy: no quiet run\n");
    skip();
}

/* On a busy machine a warm-up may keep nothing: then it is made again. */
static void warm_until_kept(anm_model *m, const char *cache,
                            const size_t *lengths, size_t n)
{
    for (int i = 0; i < 10; i++) {
        char path[1024];
        warm(m, lengths, n, i > 0);
        json_t *doc = read_stored(cache, path, sizeof(path));
        const size_t kept = json_array_size(json_object_get(doc, "items"));
        json_decref(doc);
        if (kept == n) return;
    }
    give_up(m);
}

/* Rewrite every stored p50 as a part of itself, with this high end above it. */
static void rewrite_stored(const char *cache, double factor, int64_t above)
{
    char path[1024];
    size_t i;
    json_t *item;

    json_t *doc = read_stored(cache, path, sizeof(path));
    assert_non_null(doc);
    json_array_foreach(json_object_get(doc, "items"), i, item)
    {
        const double p50 =
            (double)json_integer_value(json_object_get(item, "p50_ns"));
        const json_int_t now = (json_int_t)(factor * p50) + 1;
        json_object_set_new(item, "p50_ns", json_integer(now));
        json_object_set_new(item, "low_ns", json_integer(0));
        json_object_set_new(item, "high_ns", json_integer(now + above));
    }
    assert_int_equal(json_dump_file(doc, path, 0), 0);
    json_decref(doc);
}

static void bands_of_an_earlier_start_are_used(void **state)
{
    const size_t lengths[] = { 3, 64 };
    const char *cache = test_temp_folder();
    test_log log = { 0 };
    (void)state;

    anm_model *m = open_logged(&log, cache);
    warm_until_kept(m, cache, lengths, 2);
    const anm_receipt first = record(m, "a river");
    anm_model_close(m);
    m = open_logged(&log, cache);
    const anm_receipt second = record(m, "a river");
    assert_int_equal(second.band.n, first.band.n);
    assert_true(second.band.p50_ns == first.band.p50_ns);
    anm_model_close(m);
}

/* A band that no machine leaves is never measured again unless asked. */
static void known_band_is_not_measured_again(void **state)
{
    const size_t lengths[] = { 3, 64 };
    const char *cache = test_temp_folder();
    test_log log = { 0 };
    (void)state;

    anm_model *m = open_logged(&log, cache);
    warm_until_kept(m, cache, lengths, 2);
    anm_model_close(m);
    rewrite_stored(cache, 0, INT64_C(1000000000000));
    m = open_logged(&log, cache);
    log.n = 0;
    warm(m, lengths, 2, false);
    assert_int_equal(log.n, 0);
    assert_int_equal(record(m, "a").band.p50_ns, 1);
    log.n = 0;
    warm(m, lengths, 2, true);
    assert_int_equal(log.n, 2);
    anm_model_close(m);
}

static void other_thread_counts_have_other_bands(void **state)
{
    const size_t length = 8;
    anm_options o = test_options("tiny-bert-mean");
    (void)state;

    o.cache_dir = test_temp_folder();
    anm_model *m = test_model_open(&o);
    warm(m, &length, 1, false);
    anm_model_close(m);
    o.threads = 2;
    m = test_model_open(&o);
    assert_int_equal(record(m, "the old house by the river").band.n, 0);
    anm_model_close(m);
}

/* The stored band is the yardstick: a slower today does not become it. */
static void slower_start_says_that_the_band_has_moved(void **state)
{
    const size_t length = 64;
    const char *cache = test_temp_folder();
    test_log log = { 0 };
    anm_model *m = open_logged(&log, cache);
    (void)state;

    warm_until_kept(m, cache, &length, 1);
    const uint64_t p50 = record(m, LONG_TEXT).band.p50_ns;
    anm_model_close(m);
    rewrite_stored(cache, 0.1, 1);
    m = open_logged(&log, cache);
    size_t said = 0;
    for (int k = 0; k < 10 && !said; k++) {
        log.n = 0;
        warm(m, &length, 1, false);
        said = test_log_count(&log, ANM_LOG_INFO, "in the stored band");
    }
    if (!said) give_up(m);
    assert_int_equal(said, 1);
    const anm_receipt r = record(m, LONG_TEXT);
    assert_in_range(r.band.p50_ns, 1, p50 / 5);
    assert_true(r.band.today_p50_ns > 2 * r.band.p50_ns);
    assert_int_equal(r.band.verdict, ANM_VERDICT_ABOVE);
    assert_true(r.counters.probe_ns > 0);
    bool moved = false;
    for (int i = 0; i < 50 && !moved; i++) {
        const anm_receipt again = record(m, LONG_TEXT);
        for (size_t k = 0; k < again.n_causes; k++)
            if (again.causes[k].cause == ANM_CAUSE_BAND_MOVED)
                moved = strstr(again.causes[k].evidence, "stored") != NULL;
    }
    assert_true(moved);
    anm_model_close(m);
}

static void faster_start_replaces_the_band(void **state)
{
    const size_t length = 64;
    const char *cache = test_temp_folder();
    test_log log = { 0 };
    anm_model *m = open_logged(&log, cache);
    (void)state;

    warm_until_kept(m, cache, &length, 1);
    anm_model_close(m);
    rewrite_stored(cache, 50, 1);
    m = open_logged(&log, cache);
    const uint64_t stored = record(m, LONG_TEXT).band.p50_ns;
    for (int k = 0; k < 10 && record(m, LONG_TEXT).band.p50_ns == stored; k++)
        warm(m, &length, 1, false);
    const uint64_t now = record(m, LONG_TEXT).band.p50_ns;
    if (now == stored) give_up(m);
    assert_true(now < stored / 2);
    anm_model_close(m);
}

static void warm_call_is_no_first_any_more(void **state)
{
    const size_t length = 3;
    test_log log = { 0 };
    anm_model *m = open_logged(&log, "");
    (void)state;

    warm(m, &length, 1, false);
    assert_int_equal(record(m, "a").first & ~(unsigned)ANM_FIRST_LENGTH, 0);
    anm_model_close(m);
}

static void too_many_lengths_are_refused(void **state)
{
    const size_t lengths[17] = { 0 };
    const anm_options o = test_options("tiny-bert-mean");
    anm_model *m = test_model_open(&o);
    anm_error err;
    (void)state;

    assert_int_equal(anm_model_warm(m, lengths, 17, 1, false, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "17"));
    assert_int_equal(anm_model_warm(m, NULL, 3, 1, false, NULL), ANM_E_ARG);
    anm_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_lengths_reach_from_one_token_to_the_maximum),
        cmocka_unit_test(call_between_lengths_has_an_interpolated_band),
        cmocka_unit_test(lengths_are_clamped_and_measured_once),
        cmocka_unit_test(bands_of_an_earlier_start_are_used),
        cmocka_unit_test(known_band_is_not_measured_again),
        cmocka_unit_test(other_thread_counts_have_other_bands),
        cmocka_unit_test(slower_start_says_that_the_band_has_moved),
        cmocka_unit_test(faster_start_replaces_the_band),
        cmocka_unit_test(warm_call_is_no_first_any_more),
        cmocka_unit_test(too_many_lengths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
