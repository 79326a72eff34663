/* test_long_text.c - texts up to the limit: computed as they are in memory
 * that grows with their length and no faster, refused beyond by name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/decoder.h"
#include "support/model_folder.h"
#include "support/models.h"

#include "base/alloc.h"
#include "graph/pass.h"

// The texts of a test are its own.
#undef calloc

enum { DIM = 16, LONGEST = 8192 };

/* ---- Memory and bits ------------------------------------------------------ */

/* Small enough that the square of the length is paid here as well. */
static const test_decoder small = {
    .dim = DIM, .heads = 2, .kv_heads = 1, .head = 8, .inner = 24, .layers = 1
};

static void init(test_graph *t, anm_program *p)
{
    test_decoder_init(t, &small);
    assert_int_equal(anm_graph_optimize(t->graph, ANM_PASS_ALL, NULL), ANM_OK);
    *p = test_program(t->graph, LONGEST);
}

static uint64_t room_of(const anm_program *p, size_t tokens, unsigned threads)
{
    const anm_load_params params = { .threads = threads };
    anm_footprint f;
    anm_error err;

    if (anm_backend_cpu.footprint(p, &params, tokens, &f, &err))
        fail_msg("%s", err.message);
    return f.room;
}

static void room_grows_with_the_tokens_and_no_faster(void **state)
{
    test_graph t;
    anm_program p;

    (void)state;
    init(&t, &p);
    for (unsigned threads = 1; threads <= 4; threads *= 4) {
        const uint64_t some = room_of(&p, 512, threads);
        // What does not grow at all is small.
        for (size_t n = 1024; n <= LONGEST; n *= 2)
            assert_in_range(room_of(&p, n, threads), n / 512 * some * 9 / 10,
                            n / 512 * some);
    }
    test_graph_deinit(&t);
}

static uint64_t bytes_held(void)
{
    anm_alloc_stats stats;

    anm_alloc_stats_read(&stats);
    return stats.bytes_live;
}

/* A text of n tokens between masked positions, into a new runner. */
static void predict_alone(const anm_program *p, size_t n, size_t pad,
                          unsigned threads, unsigned cpu, float v[DIM],
                          uint64_t *held)
{
    static int32_t ids[LONGEST + 64], mask[LONGEST + 64];
    uint64_t seed = 4;
    test_runner r;

    memset(mask, 0, sizeof(mask));
    test_input(ids + pad, mask + pad, n, 97, &seed);
    const anm_input in = { ids, mask, pad + n + pad };
    test_runner_init(&r, p, threads, cpu);
    const uint64_t before = bytes_held();
    test_predict(&r, &in, 1, v);
    *held = bytes_held() - before;
    test_runner_deinit(&r);
}

static void room_is_what_a_call_takes(void **state)
{
    test_graph t;
    anm_program p;

    (void)state;
    init(&t, &p);
    for (size_t n = 1024; n <= LONGEST; n *= 2) {
        const uint64_t room = room_of(&p, n, 2);
        uint64_t held;
        float v[DIM];

        predict_alone(&p, n, 0, 2, ANM_CPU_AVX2, v, &held);
        // The room for a short text was there before.
        assert_in_range(held, room * 8 / 10, room + room / 10);
    }
    test_graph_deinit(&t);
}

static void longest_text_has_the_same_bits_on_threads_and_padded(void **state)
{
    unsigned masks[16];
    const size_t n = test_levels(masks);
    test_graph t;
    anm_program p;

    (void)state;
    init(&t, &p);
    for (size_t i = 1; i < n; i++) { // in the specification it takes seconds
        float alone[DIM], other[DIM];
        uint64_t held;

        predict_alone(&p, LONGEST, 0, 1, masks[i], alone, &held);
        predict_alone(&p, LONGEST, 20, 3, masks[i], other, &held);
        assert_memory_equal(alone, other, sizeof(alone));
    }
    test_graph_deinit(&t);
}

/* ---- The limit ------------------------------------------------------------ */

enum { QWEN_DIM = 64 };

/* The tiny Qwen3, as if it had been trained for 32,768 tokens. */
static anm_model *open_long(void)
{
    const char *folder = test_model_copy("tiny-qwen3");

    test_model_set(folder, "config.json",
                   "{\"max_position_embeddings\": 32768}");
    test_model_set(folder, "tokenizer_config.json",
                   "{\"model_max_length\": 131072}");
    const anm_options o = test_options(folder);
    return test_model_open(&o);
}

/* n words of one token each, and the end that the tokenizer adds. */
static char *make_words(anm_model *m, size_t tokens)
{
    char *text = calloc(2 * tokens, 1);
    int32_t ids[1];
    size_t n;

    assert_non_null(text);
    for (size_t i = 0; i < tokens; i++)
        memcpy(text + 2 * i, "1 ", 2);
    // Digits stand alone and so does the space between them.
    text[tokens - 1] = '\0';
    const anm_embed_params cut = { .max_tokens = ANM_TOKENS_MAX };
    anm_text_info info;
    assert_int_equal(
        anm_model_ids(m, anm_text_of(text), &cut, ids, 1, &n, &info, NULL),
        ANM_OK);
    assert_int_equal(info.tokens + info.truncated, tokens);
    return text;
}

static void text_above_the_limit_is_refused_by_name(void **state)
{
    anm_model *m = open_long();
    char *text = make_words(m, 9000);
    const anm_text texts[] = { anm_text_of("short"), anm_text_of(text) };
    const anm_embed_params longer = { .max_tokens = 9000 };
    const anm_embed_params too_long = { .max_tokens = 32769 };
    float v[2 * QWEN_DIM];
    int32_t *ids = calloc(9000, sizeof(*ids));
    anm_error err;

    (void)state;
    assert_int_equal(anm_model_max_tokens(m), ANM_TOKENS_MAX);
    assert_int_equal(anm_embed(m, texts, 2, v, &err), ANM_E_LIMIT);
    assert_non_null(strstr(err.message, "text 1: 9000 tokens, at most 8192"));
    assert_int_equal(anm_embed_with(m, texts, 2, &longer, v, NULL, NULL, &err),
                     ANM_E_LIMIT);
    assert_non_null(strstr(err.message, "9000: at most 8192"));
    assert_int_equal(
        anm_embed_with(m, texts, 2, &too_long, v, NULL, NULL, &err), ANM_E_ARG);
    assert_non_null(strstr(err.message, "32768"));
    const anm_ids row = { ids, 9000 };
    assert_int_equal(anm_embed_ids(m, &row, 1, NULL, v, NULL, &err),
                     ANM_E_LIMIT);
    assert_non_null(strstr(err.message, "9000 ids, at most 8192"));
    free(ids);
    free(text);
    anm_model_close(m);
}

static void text_above_the_limit_can_be_cut(void **state)
{
    anm_model *m = open_long();
    char *text = make_words(m, 9000);
    const anm_text t = anm_text_of(text);
    const anm_embed_params cut = { .max_tokens = 100 };
    float v[QWEN_DIM];
    anm_text_info info;
    anm_error err;

    (void)state;
    if (anm_embed_with(m, &t, 1, &cut, v, &info, NULL, &err))
        fail_msg("%s", err.message);
    assert_int_equal(info.tokens, 100);
    assert_int_equal(info.truncated, 8900);
    free(text);
    anm_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_grows_with_the_tokens_and_no_faster),
        cmocka_unit_test(room_is_what_a_call_takes),
        cmocka_unit_test(longest_text_has_the_same_bits_on_threads_and_padded),
        cmocka_unit_test(text_above_the_limit_is_refused_by_name),
        cmocka_unit_test(text_above_the_limit_can_be_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
