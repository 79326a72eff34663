/* test_gguf_source.c - a GGUF file as a model: the same as the folder it was
 * made from; what it does not say is assumed aloud, settled, or refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_model.h"

#include <stdlib.h>
#include <string.h>

#include "model/fingerprint.h"
#include "support/model_open.h"

static anm_source *open_with(const char *path, const anm_source_params *params)
{
    anm_source *s = NULL;
    anm_error err = { .message = "" };

    if (anm_source_open(&s, path, params, &err)) fail_msg("%s", err.message);
    return s;
}

static void check_refused(const char *path, const anm_source_params *params,
                          anm_status status, const char *words)
{
    anm_source *s = (anm_source *)&s;
    anm_error err = { .message = "" };

    assert_int_equal(anm_source_open(&s, path, params, &err), status);
    assert_null(s);
    if (!strstr(err.message, words)) fail_msg("%s", err.message);
}

/* The note about `where` that says what was assumed; "" when there is none. */
static const char *assumed(const anm_source *s, const char *where)
{
    for (size_t i = 0; i < s->n_notes; i++)
        if (s->notes[i].assumed && strcmp(s->notes[i].where, where) == 0)
            return s->notes[i].text;
    return "";
}

static void check_same_fingerprint(const char *a, const char *b)
{
    const anm_fingerprint_params params = { 0 };
    const char *const paths[2] = { a, b };
    char text[2][ANM_FINGERPRINT_TEXT];

    for (size_t i = 0; i < 2; i++) {
        anm_source *s = test_open(paths[i]);
        anm_graph *g = test_build(s);

        assert_int_equal(anm_fingerprint_make(s, g, ANM_PRECISION_F32, &params,
                                              text[i], NULL),
                         ANM_OK);
        anm_graph_free(g);
        anm_source_close(s);
    }
    assert_string_equal(text[0], text[1]);
}

static void a_file_says_what_its_folder_says(void **state)
{
    (void)state;
    anm_source *s = open_with(test_gguf_model("tiny-bert-mean", NULL), NULL);

    assert_string_equal(s->name, "model");
    assert_string_equal(s->format, "gguf");
    assert_string_equal(s->architecture, "bert");
    assert_int_equal(s->recipe.pool, ANM_POOL_MEAN);
    assert_int_equal(s->recipe.dim, 48);
    assert_int_equal(s->recipe.max_tokens, 64);
    assert_int_equal(s->vocab_rows, 800);
    assert_int_equal(s->stored, ANM_DTYPE_F32);
    anm_source_close(s);
}

/* No prompts, the same types and bytes, the same tokenizer: one identity. */
static void a_converted_folder_has_the_fingerprint_of_the_folder(void **state)
{
    (void)state;
    check_same_fingerprint(test_data("tiny-bert-mean"),
                           test_gguf_model("tiny-bert-mean", NULL));
    check_same_fingerprint(test_data("tiny-bert-cls"),
                           test_gguf_model("tiny-bert-cls", NULL));
}

static void a_file_is_known_by_its_first_bytes_too(void **state)
{
    (void)state;
    test_gguf f = test_gguf_convert("tiny-bert-mean", NULL);
    anm_source *s = open_with(test_gguf_write(&f, "weights.bin"), NULL);

    assert_string_equal(s->format, "gguf");
    assert_string_equal(s->name, "weights.bin");
    anm_source_close(s);
    free(f.data);
    f = (test_gguf){ 0 };
    test_gguf_bytes(&f, "no", 2);
    check_refused(test_gguf_write(&f, "no.gguf"), NULL, ANM_E_FORMAT,
                  "does not begin with \"GGUF\"");
    check_refused(test_gguf_write(&f, "no.bin"), NULL, ANM_E_UNSUPPORTED,
                  "neither a folder nor a GGUF file");
    free(f.data);
}

static void what_a_file_never_says_is_assumed_aloud(void **state)
{
    (void)state;
    anm_source *s = open_with(test_gguf_model("tiny-bert-mean", NULL), NULL);

    assert_true(s->recipe.normalize);
    assert_string_not_equal(assumed(s, "normalize"), "");
    assert_string_not_equal(assumed(s, "lowercase"), "");
    assert_string_not_equal(assumed(s, "hidden_act"), "");
    assert_string_not_equal(assumed(s, "max_tokens"), "");
    assert_string_equal(assumed(s, "pooling"), "");
    anm_source_close(s);
    s = open_with(test_gguf_model("tiny-qwen3", NULL), NULL);
    assert_string_not_equal(assumed(s, "normalize"), "");
    assert_int_equal(s->n_notes, 1);
    anm_source_close(s);
}

/* ---- Pooling --------------------------------------------------------------- */

static void an_encoder_without_pooling_is_refused_and_settled(void **state)
{
    (void)state;
    const char *silent = test_gguf_edited(
        "tiny-bert-mean", (test_gguf_edit){ .key = "bert.pooling_type" });
    const char *none = test_gguf_edited(
        "tiny-bert-mean",
        (test_gguf_edit){ "bert.pooling_type", TEST_GGUF_U32, 0, NULL });

    check_refused(silent, NULL, ANM_E_UNSUPPORTED, "--pooling");
    check_refused(none, NULL, ANM_E_UNSUPPORTED, "--pooling");
    anm_source *s = open_with(silent, &(anm_source_params){ .pooling = "cls" });
    assert_int_equal(s->recipe.pool, ANM_POOL_CLS);
    assert_string_equal(assumed(s, "pooling"), "");
    assert_string_not_equal(test_note(s, "pooling"), "");
    anm_source_close(s);
}

static void a_decoder_without_pooling_takes_the_last_token_aloud(void **state)
{
    (void)state;
    const char *silent = test_gguf_edited(
        "tiny-qwen3", (test_gguf_edit){ .key = "qwen3.pooling_type" });
    anm_source *s = open_with(silent, NULL);

    assert_int_equal(s->recipe.pool, ANM_POOL_LAST);
    assert_non_null(strstr(assumed(s, "pooling"), "last"));
    anm_source_close(s);
}

static void a_wish_takes_the_place_of_what_the_file_says(void **state)
{
    (void)state;
    const char *path = test_gguf_model("tiny-bert-mean", NULL);
    anm_source *s = open_with(path, &(anm_source_params){ .pooling = "cls" });

    assert_int_equal(s->recipe.pool, ANM_POOL_CLS);
    assert_non_null(strstr(test_note(s, "pooling"), "the file says mean"));
    anm_source_close(s);
    check_refused(path, &(anm_source_params){ .pooling = "max" }, ANM_E_ARG,
                  "\"max\", allowed: mean, cls, last");
}

static void a_reranker_is_refused(void **state)
{
    (void)state;
    check_refused(test_gguf_edited("tiny-bert-mean",
                                   (test_gguf_edit){ "bert.pooling_type",
                                                     TEST_GGUF_U32, 4, NULL }),
                  NULL, ANM_E_UNSUPPORTED, "4 (rank)");
}

static void a_folder_leaves_nothing_to_settle(void **state)
{
    (void)state;
    const char *folder = test_data("tiny-bert-mean");

    check_refused(folder, &(anm_source_params){ .pooling = "cls" }, ANM_E_ARG,
                  "pooling");
    check_refused(folder, &(anm_source_params){ .lowercase = ANM_CHOICE_YES },
                  ANM_E_ARG, "lowercase");
    check_refused(folder, &(anm_source_params){ .add_eos = ANM_CHOICE_NO },
                  ANM_E_ARG, "add_eos");
}

/* ---- What a file is -------------------------------------------------------- */

static void other_files_are_refused_by_name(void **state)
{
    static const struct {
        test_gguf_edit edit;
        const char *words;
    } rows[] = {
        { { "general.architecture", TEST_GGUF_STRING, 0, "llama" },
          "\"llama\" is not built in; built in: bert, qwen3" },
        { { "split.count", TEST_GGUF_U32, 3, NULL },
          "split.count: one of 3 files" },
        { { "general.type", TEST_GGUF_STRING, 0, "adapter" }, "\"adapter\"" },
        { { "general.quantization_version", TEST_GGUF_U32, 1, NULL },
          "general.quantization_version: 1, built in: 2" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_refused(test_gguf_edited("tiny-bert-mean", rows[i].edit), NULL,
                      ANM_E_UNSUPPORTED, rows[i].words);
}

static void the_context_bounds_a_text(void **state)
{
    (void)state;
    anm_source *s =
        open_with(test_gguf_edited("tiny-bert-mean",
                                   (test_gguf_edit){ "bert.context_length",
                                                     TEST_GGUF_U32, 20, NULL }),
                  NULL);

    assert_int_equal(s->recipe.max_tokens, 20);
    anm_source_close(s);
    check_refused(test_gguf_edited("tiny-bert-mean",
                                   (test_gguf_edit){ "bert.context_length",
                                                     TEST_GGUF_U32, 2, NULL }),
                  NULL, ANM_E_FORMAT, "2 tokens, at least 3 needed");
}

static void another_tokenizer_takes_the_place_of_the_own(void **state)
{
    (void)state;
    char other[4096];
    const char *unknown = test_gguf_edited(
        "tiny-bert-mean",
        (test_gguf_edit){ "tokenizer.ggml.model", TEST_GGUF_STRING, 0, "t5" });

    snprintf(other, sizeof(other), "%s", test_data("tiny-bert-mean"));
    check_refused(unknown, NULL, ANM_E_UNSUPPORTED, "--tokenizer");
    anm_source *s =
        open_with(unknown, &(anm_source_params){ .tokenizer = other });
    assert_string_not_equal(test_note(s, "tokenizer"), "");
    anm_source_close(s);
    check_refused(
        unknown,
        &(anm_source_params){ .tokenizer = other, .lowercase = ANM_CHOICE_NO },
        ANM_E_ARG, "lowercase");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_what_its_folder_says),
        cmocka_unit_test(a_converted_folder_has_the_fingerprint_of_the_folder),
        cmocka_unit_test(a_file_is_known_by_its_first_bytes_too),
        cmocka_unit_test(what_a_file_never_says_is_assumed_aloud),
        cmocka_unit_test(an_encoder_without_pooling_is_refused_and_settled),
        cmocka_unit_test(a_decoder_without_pooling_takes_the_last_token_aloud),
        cmocka_unit_test(a_wish_takes_the_place_of_what_the_file_says),
        cmocka_unit_test(a_reranker_is_refused),
        cmocka_unit_test(a_folder_leaves_nothing_to_settle),
        cmocka_unit_test(other_files_are_refused_by_name),
        cmocka_unit_test(the_context_bounds_a_text),
        cmocka_unit_test(another_tokenizer_takes_the_place_of_the_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
