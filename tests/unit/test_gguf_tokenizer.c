/* test_gguf_tokenizer.c - the tables of a file tokenize as the folder's
 * tokenizer does; WordPiece, byte-level BPE, and what is wrong with a table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/gguf_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/remember.h"
#include "support/model_open.h"
#include "support/models.h"

static const char bert[] = "tiny-bert-mean", qwen3[] = "tiny-qwen3";

static anm_source *open_with(const char *path, const anm_source_params *params)
{
    anm_source *s = NULL;
    anm_error err = { .message = "" };

    if (anm_source_open(&s, path, params, &err)) fail_msg("%s", err.message);
    return s;
}

/* Every text of tests/data/tiny-texts.jsonl has the same ids. */
static void check_same_ids(const anm_tokenizer *a, const anm_tokenizer *b)
{
    test_texts texts = test_texts_read(test_data("tiny-texts.jsonl"));
    anm_encoding *x = NULL, *y = NULL;

    assert_int_equal(anm_encoding_new(&x, NULL), ANM_OK);
    assert_int_equal(anm_encoding_new(&y, NULL), ANM_OK);
    for (size_t i = 0; i < texts.n; i++)
        for (int special = 0; special < 2; special++) {
            assert_int_equal(
                anm_tokenizer_encode(a, texts.items[i], special, x, NULL),
                ANM_OK);
            assert_int_equal(
                anm_tokenizer_encode(b, texts.items[i], special, y, NULL),
                ANM_OK);
            assert_int_equal(anm_encoding_n(x), anm_encoding_n(y));
            assert_memory_equal(anm_encoding_ids(x), anm_encoding_ids(y),
                                anm_encoding_n(x) * sizeof(int32_t));
        }
    anm_encoding_free(x);
    anm_encoding_free(y);
    test_texts_free(&texts);
}

static void check_like_folder(const char *folder, const char *path)
{
    anm_tokenizer *a = NULL, *b = NULL;

    assert_int_equal(anm_source_tokenizer(&a, test_data(folder), NULL, NULL),
                     ANM_OK);
    assert_int_equal(anm_source_tokenizer(&b, path, NULL, NULL), ANM_OK);
    check_same_ids(a, b);
    anm_tokenizer_free(a);
    anm_tokenizer_free(b);
}

static void tables_tokenize_as_the_folder_does(void **state)
{
    (void)state;
    check_like_folder(bert, test_gguf_model(bert, NULL));
    check_like_folder("tiny-bert-cls", test_gguf_model("tiny-bert-cls", NULL));
    check_like_folder(qwen3, test_gguf_model(qwen3, NULL));
}

/* ---- WordPiece ------------------------------------------------------------- */

static void the_vocabulary_shows_the_case(void **state)
{
    anm_tokenizer_info info;

    (void)state;
    anm_source *s = open_with(test_gguf_model(bert, NULL), NULL);
    anm_tokenizer_describe(s->tokenizer, &info);
    assert_true(info.lowercase);
    assert_non_null(strstr(test_note(s, "lowercase"), "are dropped"));
    anm_source_close(s);
    s = open_with(test_gguf_model("tiny-bert-cls", NULL), NULL);
    anm_tokenizer_describe(s->tokenizer, &info);
    assert_false(info.lowercase);
    assert_non_null(strstr(test_note(s, "lowercase"), "case is kept"));
    anm_source_close(s);
}

static void a_choice_settles_the_case(void **state)
{
    static const anm_choice choices[] = { ANM_CHOICE_YES, ANM_CHOICE_NO };
    anm_tokenizer_info info;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        anm_source *s =
            open_with(test_gguf_model(bert, NULL),
                      &(anm_source_params){ .lowercase = choices[i] });

        anm_tokenizer_describe(s->tokenizer, &info);
        assert_int_equal(info.lowercase, choices[i] == ANM_CHOICE_YES);
        assert_non_null(strstr(test_note(s, "lowercase"), "as asked"));
        anm_source_close(s);
    }
}

static bool are_alike(const anm_tokenizer *t, const char *a, const char *b)
{
    anm_encoding *x = NULL, *y = NULL;

    assert_int_equal(anm_encoding_new(&x, NULL), ANM_OK);
    assert_int_equal(anm_encoding_new(&y, NULL), ANM_OK);
    assert_int_equal(anm_tokenizer_encode(t, anm_text_of(a), true, x, NULL),
                     ANM_OK);
    assert_int_equal(anm_tokenizer_encode(t, anm_text_of(b), true, y, NULL),
                     ANM_OK);
    const size_t n = anm_encoding_n(x);
    const bool alike = n == anm_encoding_n(y) &&
                       memcmp(anm_encoding_ids(x), anm_encoding_ids(y),
                              n * sizeof(int32_t)) == 0;
    anm_encoding_free(x);
    anm_encoding_free(y);
    return alike;
}

/* Converters write the two since 2026; -1: the key is absent. */
static void what_the_file_says_of_the_case_is_obeyed(void **state)
{
    static const struct {
        const char *folder;
        int lower, strip;
        bool lowers, strips;
        const char *note; /* "": nothing is assumed */
    } rows[] = {
        { bert, 0, 0, false, false, "" },
        { bert, 0, -1, false, false, "" },
        { bert, 0, 1, false, true, "" },
        { bert, 1, 0, true, false, "" },
        { bert, 1, 1, true, true, "" },
        { bert, 1, -1, true, true, "what becomes of accents" },
        { bert, -1, 0, true, false, "what becomes of the case" },
        { "tiny-bert-cls", 1, 1, true, true, "" },
        { "tiny-bert-cls", -1, 1, false, true, "what becomes of the case" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_gguf_edit edits[3] = { { .key = NULL } };
        size_t n = 0;
        if (rows[i].lower >= 0)
            edits[n++] =
                (test_gguf_edit){ "tokenizer.ggml.normalizer.lowercase",
                                  TEST_GGUF_BOOL, rows[i].lower, NULL };
        if (rows[i].strip >= 0)
            edits[n++] =
                (test_gguf_edit){ "tokenizer.ggml.normalizer.strip_accents",
                                  TEST_GGUF_BOOL, rows[i].strip, NULL };
        anm_source *s = open_with(
            test_gguf_model(rows[i].folder, &(test_gguf_how){ .edits = edits }),
            NULL);
        const char *note = test_note(s, "lowercase");
        assert_int_equal(are_alike(s->tokenizer, "A", "a"), rows[i].lowers);
        assert_int_equal(are_alike(s->tokenizer, "a\u0301", "a"),
                         rows[i].strips);
        if (*rows[i].note)
            assert_non_null(strstr(note, rows[i].note));
        else
            assert_string_equal(note, "");
        anm_source_close(s);
    }
}

static void a_choice_goes_before_what_the_file_says_of_the_case(void **state)
{
    (void)state;
    const char *path = test_gguf_edited(
        bert, (test_gguf_edit){ "tokenizer.ggml.normalizer.lowercase",
                                TEST_GGUF_BOOL, 1, NULL });
    anm_source *s =
        open_with(path, &(anm_source_params){ .lowercase = ANM_CHOICE_NO });

    assert_false(are_alike(s->tokenizer, "A", "a"));
    assert_non_null(strstr(test_note(s, "lowercase"), "as asked"));
    anm_source_close(s);
}

static void old_conversions_tokenize_alike(void **state)
{
    static const char *const absent[] = {
        "tokenizer.ggml.cls_token_id",
        "tokenizer.ggml.unknown_token_id",
        "tokenizer.ggml.seperator_token_id",
        "tokenizer.ggml.pre",
    };
    const test_gguf_edit bos[] = {
        { .key = "tokenizer.ggml.cls_token_id" },
        { .key = "tokenizer.ggml.seperator_token_id" },
        { "tokenizer.ggml.bos_token_id", TEST_GGUF_U32, 2, NULL },
        { "tokenizer.ggml.eos_token_id", TEST_GGUF_U32, 3, NULL },
        { .key = NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        check_like_folder(
            bert, test_gguf_edited(bert, (test_gguf_edit){ .key = absent[i] }));
    check_like_folder(bert,
                      test_gguf_model(bert, &(test_gguf_how){ .edits = bos }));
    check_like_folder(
        bert, test_gguf_model(bert, &(test_gguf_how){ .keep_brackets = true }));
}

/* ---- Byte-level BPE -------------------------------------------------------- */

static size_t n_after(const anm_source *s)
{
    return anm_tokenizer_frame_of(s->tokenizer).n_after;
}

static void
an_end_token_that_the_file_leaves_open_is_assumed_aloud(void **state)
{
    (void)state;
    const char *silent = test_gguf_edited(
        qwen3, (test_gguf_edit){ .key = "tokenizer.ggml.add_eos_token" });
    anm_source *s = open_with(silent, NULL);

    assert_int_equal(n_after(s), 1);
    assert_int_equal(anm_tokenizer_frame_of(s->tokenizer).after[0], 874);
    assert_non_null(strstr(test_note(s, "end token"), "<|endoftext|>"));
    anm_source_close(s);

    s = open_with(silent, &(anm_source_params){ .add_eos = ANM_CHOICE_NO });
    assert_int_equal(n_after(s), 0);
    assert_non_null(strstr(test_note(s, "end token"), "as asked"));
    anm_source_close(s);
}

/* Files of mid 2025 name the token that ends a turn of a chat. */
static void the_end_token_of_early_files_is_not_the_one_they_name(void **state)
{
    const test_gguf_edit edits[] = {
        { .key = "tokenizer.ggml.add_eos_token" },
        { "tokenizer.ggml.eos_token_id", TEST_GGUF_U32, 876, NULL },
        { .key = NULL },
    };

    (void)state;
    anm_source *s = open_with(
        test_gguf_model(qwen3, &(test_gguf_how){ .edits = edits }), NULL);
    assert_int_equal(anm_tokenizer_frame_of(s->tokenizer).after[0], 874);
    anm_source_close(s);
}

static void what_the_file_says_of_the_end_token_is_obeyed(void **state)
{
    (void)state;
    anm_source *s =
        open_with(test_gguf_edited(
                      qwen3, (test_gguf_edit){ "tokenizer.ggml.add_eos_token",
                                               TEST_GGUF_BOOL, 0, NULL }),
                  NULL);

    assert_int_equal(n_after(s), 0);
    assert_string_equal(test_note(s, "end token"), "");
    anm_source_close(s);
}

/* A padding id of 0, which is "!" there, must not make a special token of it. */
static void a_key_makes_no_special_token_of_a_normal_one(void **state)
{
    (void)state;
    check_like_folder(
        qwen3, test_gguf_edited(
                   qwen3, (test_gguf_edit){ "tokenizer.ggml.padding_token_id",
                                            TEST_GGUF_U32, 0, NULL }));
}

/* ---- What is wrong --------------------------------------------------------- */

static void tokenizers_that_are_not_known_are_refused(void **state)
{
    static const struct {
        const char *folder;
        test_gguf_edit edit;
        anm_status status;
        const char *words;
    } rows[] = {
        { bert,
          { "tokenizer.ggml.model", TEST_GGUF_STRING, 0, "t5" },
          ANM_E_UNSUPPORTED,
          "\"t5\" is not built in (built in: bert, gpt2)" },
        { qwen3,
          { "tokenizer.ggml.pre", TEST_GGUF_STRING, 0, "tekken" },
          ANM_E_UNSUPPORTED,
          "\"tekken\" is not built in" },
        { qwen3,
          { .key = "tokenizer.ggml.pre" },
          ANM_E_UNSUPPORTED,
          "tokenizer.ggml.pre: not there|--tokenizer" },
        { qwen3,
          { .key = "tokenizer.ggml.merges" },
          ANM_E_FORMAT,
          "tokenizer.ggml.merges: not there" },
        { qwen3,
          { .key = "tokenizer.ggml.eos_token_id" },
          ANM_E_CORRUPT,
          "add_eos_token: true, and no tokenizer.ggml.eos_token_id" },
        { qwen3,
          { "tokenizer.ggml.add_space_prefix", TEST_GGUF_BOOL, 1, NULL },
          ANM_E_UNSUPPORTED,
          "add_space_prefix" },
        { qwen3,
          { "tokenizer.ggml.normalizer.lowercase", TEST_GGUF_BOOL, 1, NULL },
          ANM_E_UNSUPPORTED,
          "normalizer.lowercase: true" },
        { bert,
          { "tokenizer.ggml.normalizer.lowercase", TEST_GGUF_U32, 1, NULL },
          ANM_E_FORMAT,
          "normalizer.lowercase: expected bool, found u32" },
        { bert,
          { .key = "tokenizer.ggml.tokens" },
          ANM_E_FORMAT,
          "tokenizer.ggml.tokens: not there" },
        { bert,
          { "tokenizer.ggml.tokens", TEST_GGUF_U32, 1, NULL },
          ANM_E_FORMAT,
          "expected array of string, found u32" },
        { bert,
          { "tokenizer.ggml.cls_token_id", TEST_GGUF_U32, 800, NULL },
          ANM_E_CORRUPT,
          "cls_token_id: 800, the vocabulary ends at 800" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        test_refused(test_gguf_edited(rows[i].folder, rows[i].edit),
                     rows[i].status, rows[i].words);
}

static void two_tokens_of_one_spelling_are_refused(void **state)
{
    (void)state;
    test_refused(
        test_gguf_model(bert, &(test_gguf_how){ .respell = { "2", "1" } }),
        ANM_E_CORRUPT, "are both \"1\"");
}

static void a_token_that_is_no_utf8_is_refused(void **state)
{
    (void)state;
    test_refused(
        test_gguf_model(bert, &(test_gguf_how){ .respell = { "2", "\xff" } }),
        ANM_E_FORMAT, "tokenizer.ggml.tokens|is not UTF-8");
}

static void word_piece_of_another_spelling_is_refused(void **state)
{
    (void)state;
    test_refused(test_gguf_model(bert, &(test_gguf_how){ .keep_pieces = true }),
                 ANM_E_UNSUPPORTED, "tokenizer.ggml.tokens|U+2581|--tokenizer");
}

static void a_file_without_types_of_tokens_says_so(void **state)
{
    static const char where[] = "special tokens";
    anm_source *s = test_open(test_gguf_edited(
        bert, (test_gguf_edit){ .key = "tokenizer.ggml.token_type" }));

    (void)state;
    assert_non_null(strstr(test_note(s, where), "no types of tokens"));
    anm_source_close(s);
    s = test_open(test_gguf_model(bert, NULL));
    assert_string_equal(test_note(s, where), "");
    anm_source_close(s);
}

static void choices_that_a_tokenizer_has_not_are_refused(void **state)
{
    anm_source *s = NULL;

    (void)state;
    assert_int_equal(
        anm_source_open(&s, test_gguf_model(qwen3, NULL),
                        &(anm_source_params){ .lowercase = ANM_CHOICE_NO },
                        NULL),
        ANM_E_ARG);
    assert_int_equal(
        anm_source_open(&s, test_gguf_model(bert, NULL),
                        &(anm_source_params){ .add_eos = ANM_CHOICE_NO }, NULL),
        ANM_E_ARG);
}

/* ---- Compiled forms that are kept ------------------------------------------ */

typedef struct digest {
    uint8_t bytes[32];
} digest;

static digest digest_with(const char *path, const char *memory, anm_choice end)
{
    const anm_source_params params = { .memory = memory, .add_eos = end };
    anm_source *s = open_with(path, &params);
    digest d;

    anm_tokenizer_digest(s->tokenizer, d.bytes);
    anm_source_close(s);
    return d;
}

/* Make every kept file say what the first one does, behind its key's line. */
static size_t make_alike(const char *memory)
{
    char path[4096], *first = NULL;
    size_t len = 0, n = 0;
    anm_names names;

    assert_int_equal(anm_folder_list(memory, &names, NULL), ANM_OK);
    for (size_t i = 0; i < names.n; i++) {
        if (!strstr(names.names[i], ANM_REMEMBER_KEPT)) continue;
        snprintf(path, sizeof(path), "%s/%s", memory, names.names[i]);
        if (!n++) {
            first = test_read(path, &len);
            continue;
        }
        FILE *f = fopen(path, "r+");
        fseek(f, ANM_SHA256_HEX, SEEK_SET);
        fwrite(first + ANM_SHA256_HEX, 1, len - ANM_SHA256_HEX, f);
        assert_int_equal(ftruncate(fileno(f), (off_t)len), 0);
        fclose(f);
    }
    anm_names_deinit(&names);
    free(first);
    return n;
}

static bool is_equal(digest a, digest b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void a_compiled_form_is_kept_for_each_wish_about_the_end(void **state)
{
    const struct timespec moment = { 0, 60 * 1000 * 1000 };
    const char *path = test_gguf_model(qwen3, NULL);
    const char *memory = test_temp_folder();
    const digest yes = digest_with(path, NULL, ANM_CHOICE_YES);
    const digest no = digest_with(path, NULL, ANM_CHOICE_NO);

    (void)state;
    nanosleep(&moment, NULL); // or the file is too new to be remembered
    assert_false(is_equal(yes, no));
    for (int i = 0; i < 2; i++) {
        assert_true(is_equal(digest_with(path, memory, ANM_CHOICE_YES), yes));
        assert_true(is_equal(digest_with(path, memory, ANM_CHOICE_NO), no));
    }
    assert_int_equal(make_alike(memory), 2);
    // Only a reader of the kept files can take one for the other.
    assert_true(is_equal(digest_with(path, memory, ANM_CHOICE_YES),
                         digest_with(path, memory, ANM_CHOICE_NO)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_tokenize_as_the_folder_does),
        cmocka_unit_test(the_vocabulary_shows_the_case),
        cmocka_unit_test(a_choice_settles_the_case),
        cmocka_unit_test(what_the_file_says_of_the_case_is_obeyed),
        cmocka_unit_test(a_choice_goes_before_what_the_file_says_of_the_case),
        cmocka_unit_test(old_conversions_tokenize_alike),
        cmocka_unit_test(
            an_end_token_that_the_file_leaves_open_is_assumed_aloud),
        cmocka_unit_test(the_end_token_of_early_files_is_not_the_one_they_name),
        cmocka_unit_test(what_the_file_says_of_the_end_token_is_obeyed),
        cmocka_unit_test(a_key_makes_no_special_token_of_a_normal_one),
        cmocka_unit_test(tokenizers_that_are_not_known_are_refused),
        cmocka_unit_test(two_tokens_of_one_spelling_are_refused),
        cmocka_unit_test(a_token_that_is_no_utf8_is_refused),
        cmocka_unit_test(word_piece_of_another_spelling_is_refused),
        cmocka_unit_test(a_file_without_types_of_tokens_says_so),
        cmocka_unit_test(choices_that_a_tokenizer_has_not_are_refused),
        cmocka_unit_test(a_compiled_form_is_kept_for_each_wish_about_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
