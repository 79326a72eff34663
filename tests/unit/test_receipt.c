/* test_receipt.c - what a receipt says is what happened.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "support/models.h"

enum { DIM = 48 };

static anm_receipt record(anm_model *m, const anm_text *texts, size_t n,
                          const anm_embed_params *p)
{
    static float v[200 * DIM];
    anm_receipt r;
    anm_error err;

    assert_true(n <= 200);
    if (anm_embed_with(m, texts, n, p, v, NULL, &r, &err))
        fail_msg("%s", err.message);
    return r;
}

static anm_receipt record_one(anm_model *m, const char *text)
{
    const anm_text t = anm_text_of(text);
    return record(m, &t, 1, NULL);
}

static anm_model *open_tiny(void)
{
    const anm_options o = test_options("tiny-bert-mean");
    return test_model_open(&o);
}

static void stages_and_unaccounted_are_exactly_the_total(void **state)
{
    test_texts texts = test_texts_read(test_data("tiny-texts.jsonl"));
    anm_model *m = open_tiny();
    (void)state;

    for (size_t n = 1; n <= texts.n; n += 27) {
        const anm_embed_params p = { .bulk = n % 2 == 0 };
        const anm_receipt r = record(m, texts.items, n, &p);
        uint64_t sum = 0;
        for (int s = 0; s < ANM_STAGE_COUNT; s++)
            sum += r.stages_ns[s];
        assert_true(sum == r.total_ns);
        assert_true(r.stages_ns[ANM_STAGE_PREDICT] > 0);
        assert_true(r.stages_ns[ANM_STAGE_TOKENIZE] > 0);
        assert_int_equal(r.stages_ns[ANM_STAGE_SEARCH], 0);
    }
    anm_model_close(m);
    test_texts_free(&texts);
}

static void ids_hash_is_over_little_endian_int32(void **state)
{
    anm_model *m = open_tiny();
    const anm_text texts[] = { anm_text_of("a river"), anm_text_of("two") };
    uint8_t bytes[4 * 64];
    size_t len = 0, tokens = 0;
    char hex[ANM_SHA256_HEX];
    uint8_t digest[ANM_SHA256_BYTES];
    (void)state;

    for (int i = 0; i < 2; i++) {
        int32_t ids[32];
        size_t n;
        assert_int_equal(
            anm_model_ids(m, texts[i], NULL, ids, 32, &n, NULL, NULL), ANM_OK);
        tokens += n;
        for (size_t t = 0; t < n; t++)
            for (int b = 0; b < 4; b++)
                bytes[len++] = (uint8_t)((uint32_t)ids[t] >> 8 * b);
    }
    anm_sha256 *h = anm_sha256_new();
    anm_sha256_add(h, bytes, len);
    anm_sha256_read(h, digest);
    anm_sha256_free(h);
    anm_sha256_hex(digest, hex);
    const anm_receipt r = record(m, texts, 2, NULL);
    assert_string_equal(r.input.ids_sha256, hex);
    assert_int_equal(r.input.tokens, tokens);
    assert_int_equal(r.input.texts, 2);
    assert_int_equal(r.input.bucket, 0);
    anm_model_close(m);
}

static void ids_hash_does_not_depend_on_chunks(void **state)
{
    test_texts texts = test_texts_read(test_data("tiny-texts.jsonl"));
    anm_model *m = open_tiny();
    const anm_embed_params bulk = { .bulk = true };
    (void)state;

    const anm_receipt a = record(m, texts.items, texts.n, NULL);
    const anm_receipt b = record(m, texts.items, texts.n, &bulk);
    assert_string_equal(a.input.ids_sha256, b.input.ids_sha256);
    anm_model_close(m);
    test_texts_free(&texts);
}

/* The chunks before the bad text have been hashed when it is found. */
static void failed_call_leaves_nothing_in_the_next_hash(void **state)
{
    enum { N = 300 };
    anm_model *m = open_tiny();
    const anm_embed_params bulk = { .bulk = true };
    static anm_text texts[N];
    static float v[N * DIM];
    anm_receipt r;
    (void)state;

    for (size_t i = 0; i < N; i++)
        texts[i] =
            anm_text_of(i + 1 < N ? "the old house by the river" : "\xff");
    const anm_receipt before = record_one(m, "a river");
    assert_int_equal(anm_embed_with(m, texts, N, &bulk, v, NULL, &r, NULL),
                     ANM_E_ARG);
    const anm_receipt after = record_one(m, "a river");
    assert_string_equal(after.input.ids_sha256, before.input.ids_sha256);
    anm_model_close(m);
}

static void device_is_what_was_observed(void **state)
{
    anm_model *m = open_tiny();
    (void)state;

    const anm_receipt r = record_one(m, "a river");
    assert_int_equal(r.where.device, ANM_DEVICE_CPU);
    assert_int_equal(r.where.evidence, ANM_EVIDENCE_OBSERVED);
    assert_true(strlen(r.where.how) > 0);
    assert_true(r.contract.met && !r.contract.fallback);
    assert_string_equal(r.contract.require, "none");
    assert_string_equal(r.model.architecture, "bert");
    assert_int_equal(r.model.dim, DIM);
    anm_model_close(m);
}

static void firsts_are_said_once(void **state)
{
    anm_model *m = open_tiny();
    (void)state;

    assert_int_equal(record_one(m, "a").first,
                     ANM_FIRST_CALL | ANM_FIRST_LENGTH | ANM_FIRST_THREAD);
    assert_int_equal(record_one(m, "a").first, 0);
    assert_int_equal(record_one(m, "the old house by the river stands alone "
                                   "and looks west over the water")
                         .first,
                     ANM_FIRST_LENGTH);
    anm_model_close(m);
}

static void *record_in_thread(void *arg)
{
    static anm_receipt r;
    r = record_one(arg, "a");
    return &r;
}

static void another_thread_is_a_first(void **state)
{
    anm_model *m = open_tiny();
    pthread_t thread;
    void *r;
    (void)state;

    record_one(m, "a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&thread, NULL, record_in_thread, m), 0);
        pthread_join(thread, &r);
        assert_int_equal(((anm_receipt *)r)->first, ANM_FIRST_THREAD);
    }
    assert_int_equal(record_one(m, "a").first, 0);
    anm_model_close(m);
}

static void idle_gap_is_measured(void **state)
{
    anm_model *m = open_tiny();
    (void)state;

    record_one(m, "a");
    anm_sleep_ns(30000000);
    const anm_receipt r = record_one(m, "a");
    assert_in_range(r.counters.idle_before, 30000000, 10000000000);
    assert_int_equal(r.counters.in_flight, 1);
    anm_model_close(m);
}

static void counters_are_known_or_unknown_but_never_negative(void **state)
{
    anm_model *m = open_tiny();
    (void)state;

    const anm_receipt r = record_one(m, "a river");
    const int64_t values[] = {
        r.counters.cpu_ns,        r.counters.run_delay_ns,
        r.counters.vol_switches,  r.counters.invol_switches,
        r.counters.minor_faults,  r.counters.major_faults,
        r.counters.throttled_ns,  r.counters.psi_cpu_us,
        r.counters.psi_memory_us, r.counters.psi_io_us,
        r.counters.freq_khz,
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_true(values[i] >= 0 || values[i] == ANM_COUNTER_UNKNOWN);
    assert_true(r.counters.cpu_ns > 0);
    assert_in_range(r.counters.sample_age_ms, 0, 1000);
    anm_model_close(m);
}

static void bulk_and_many_texts_have_no_verdict(void **state)
{
    anm_model *m = open_tiny();
    const anm_text texts[] = { anm_text_of("a river"), anm_text_of("two") };
    const anm_embed_params bulk = { .bulk = true };
    const size_t lengths[] = { 3, 64 };
    (void)state;

    assert_int_equal(anm_model_warm(m, lengths, 2, 200, true, NULL), ANM_OK);
    assert_int_not_equal(record(m, texts, 1, NULL).band.verdict,
                         ANM_VERDICT_NONE);
    assert_int_equal(record(m, texts, 2, NULL).band.verdict, ANM_VERDICT_NONE);
    assert_int_equal(record(m, texts, 1, &bulk).band.verdict, ANM_VERDICT_NONE);
    anm_model_close(m);
}

static void without_warm_up_there_is_no_band(void **state)
{
    anm_model *m = open_tiny();
    (void)state;

    const anm_receipt r = record_one(m, "a river");
    assert_int_equal(r.band.verdict, ANM_VERDICT_NONE);
    assert_int_equal(r.band.n, 0);
    assert_int_equal(r.n_causes, 1);
    assert_int_equal(r.causes[0].cause, ANM_CAUSE_NONE);
    anm_model_close(m);
}

static void failed_call_writes_no_receipt(void **state)
{
    anm_model *m = open_tiny();
    anm_receipt r;
    const anm_text bad = anm_text_of("\xff");
    float v[DIM];
    (void)state;

    memset(&r, 0x5a, sizeof(r));
    assert_int_equal(anm_embed_with(m, &bad, 1, NULL, v, NULL, &r, NULL),
                     ANM_E_ARG);
    for (size_t i = 0; i < sizeof(r); i++)
        assert_int_equal(((const unsigned char *)&r)[i], 0x5a);
    anm_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_and_unaccounted_are_exactly_the_total),
        cmocka_unit_test(ids_hash_is_over_little_endian_int32),
        cmocka_unit_test(ids_hash_does_not_depend_on_chunks),
        cmocka_unit_test(failed_call_leaves_nothing_in_the_next_hash),
        cmocka_unit_test(device_is_what_was_observed),
        cmocka_unit_test(firsts_are_said_once),
        cmocka_unit_test(another_thread_is_a_first),
        cmocka_unit_test(idle_gap_is_measured),
        cmocka_unit_test(counters_are_known_or_unknown_but_never_negative),
        cmocka_unit_test(bulk_and_many_texts_have_no_verdict),
        cmocka_unit_test(without_warm_up_there_is_no_band),
        cmocka_unit_test(failed_call_writes_no_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
