/* test_gguf_blocks.c - whole models of Q6_K, of Q4_K or Q5_K and Q6_K mixed as
 * llama-quantize mixes them, and of Q5_0: a vector has the bits of the model whose weights
 * are the same numbers as F32, at every ISA level, alone and among others, and
 * in float32 precision too.
 *
 * Which number a block stands for is ggml's to say (test_widen); what becomes of
 * F32 weights is held by goldens of the original (test_gguf_golden).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/gguf_model.h"
#include "support/models.h"

// Under a sanitizer the first level and the last stand for those between.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { EVERY_LEVEL = 0 };
#else
enum { EVERY_LEVEL = 1 };
#endif

enum { N_TEXTS = 4, DIM = 256 };

static const char *const texts[N_TEXTS] = {
    "a",
    "The café on Łódź street opens at 7, ring twice: who was here first?",
    "",
    "one two three four five six seven eight",
};

static anm_model *open_at(const char *path, const char *level,
                          anm_precision precision)
{
    anm_options o = test_options(path);

    o.cpu = level;
    o.precision = precision;
    anm_model *m = test_model_open(&o);
    assert_int_equal(anm_model_dim(m), DIM);
    return m;
}

static void embed_all(anm_model *m, float *vectors)
{
    const anm_embed_params bulk = { .bulk = true, .prompt = "" };
    anm_text all[N_TEXTS];
    anm_error err;

    for (size_t i = 0; i < N_TEXTS; i++)
        all[i] = anm_text_of(texts[i]);
    if (anm_embed_with(m, all, N_TEXTS, &bulk, vectors, NULL, NULL, &err))
        fail_msg("%s", err.message);
}

static void check_bits(const char *path, const char *level,
                       anm_precision precision, const float *want)
{
    float got[N_TEXTS * DIM];
    anm_model *m = open_at(path, level, precision);

    embed_all(m, got);
    assert_memory_equal(got, want, sizeof(got));
    float *alone = test_embed(m, texts[1]);
    assert_memory_equal(alone, want + DIM, DIM * sizeof(float));
    free(alone);
    anm_model_close(m);
}

static void check_level(const char *stored, const char *widened,
                        const char *level, bool in_float32)
{
    float want[N_TEXTS * DIM];
    anm_model *m = open_at(widened, level, ANM_PRECISION_DEFAULT);

    embed_all(m, want);
    anm_model_close(m);
    for (size_t i = 0; i < N_TEXTS * DIM; i++)
        assert_true(isfinite(want[i]));
    check_bits(stored, level, ANM_PRECISION_DEFAULT, want);
    if (in_float32) check_bits(stored, level, ANM_PRECISION_F32, want);
}

static void check_mix(test_mix mix)
{
    static const char *const folders[] = { "tiny-bert-mean", "tiny-qwen3" };

    for (size_t f = 0; f < 2; f++) {
        const test_gguf_how blocks = { .mix = mix };
        const test_gguf_how floats = { .mix = mix, .widened = true };
        const char *stored = test_gguf_model(folders[f], &blocks);
        const char *widened = test_gguf_model(folders[f], &floats);

        for (const char *const *level = anm_cpu_levels(); *level; level++)
            if (EVERY_LEVEL || level == anm_cpu_levels() || !level[1])
                check_level(stored, widened, *level, !level[1]);
    }
}

static void a_model_of_q6_k_gives_the_bits_of_its_numbers(void **state)
{
    (void)state;
    check_mix(TEST_MIX_Q6_K);
}

static void a_mixed_model_gives_the_bits_of_its_numbers(void **state)
{
    (void)state;
    check_mix(TEST_MIX_Q4_K_M);
}

static void q5_types_give_the_bits_of_their_numbers(void **state)
{
    (void)state;
    check_mix(TEST_MIX_Q5_K_M);
    check_mix(TEST_MIX_Q5_0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_of_q6_k_gives_the_bits_of_its_numbers),
        cmocka_unit_test(a_mixed_model_gives_the_bits_of_its_numbers),
        cmocka_unit_test(q5_types_give_the_bits_of_their_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
