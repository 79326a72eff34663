/* Opening by what lies at the path, and what an opened source says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <string.h>

static void absent_folder_is_not_found_and_named(void **state)
{
    (void)state;
    anm_source *s = (anm_source *)&s;
    anm_error err;
    assert_int_equal(anm_source_open(&s, "/no/such/model", NULL, &err),
                     ANM_E_NOTFOUND);
    assert_null(s);
    assert_non_null(strstr(err.message, "/no/such/model"));
}

static void file_instead_of_folder_is_unsupported(void **state)
{
    (void)state;
    anm_source *s;
    anm_error err;
    assert_int_equal(anm_source_open(&s,
                                     test_data("tiny-bert-mean/config.json"),
                                     NULL, &err),
                     ANM_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "config.json"));
}

static void mean_model_says_what_its_files_say(void **state)
{
    (void)state;
    anm_source *s = test_open(test_data("tiny-bert-mean/"));
    assert_string_equal(s->name, "tiny-bert-mean");
    assert_string_equal(s->format, "hf");
    assert_string_equal(s->architecture, "bert");
    assert_string_equal(s->prefix, "");
    assert_int_equal(s->recipe.pool, ANM_POOL_MEAN);
    assert_true(s->recipe.normalize);
    assert_false(s->recipe.lowercase);
    assert_int_equal(s->recipe.dim, 48);
    assert_int_equal(s->recipe.max_tokens, 64);
    assert_int_equal(s->recipe.n_prompts, 0);
    assert_null(s->recipe.default_prompt);
    assert_int_equal(s->vocab_rows, 800);
    assert_int_equal(s->stored, ANM_DTYPE_F32);
    assert_int_equal(s->n_notes, 0);
    anm_source_close(s);
}

static void cls_model_says_what_its_files_say(void **state)
{
    (void)state;
    anm_source *s = test_open(test_data("tiny-bert-cls"));
    assert_int_equal(s->recipe.pool, ANM_POOL_CLS);
    assert_int_equal(s->recipe.dim, 64);
    assert_int_equal(s->recipe.max_tokens, 40);
    assert_int_equal(s->vocab_rows, 640);
    assert_int_equal(s->stored, ANM_DTYPE_F16);
    assert_int_equal(s->n_notes, 1);
    assert_string_equal(s->notes[0].where, "precision");
    assert_non_null(strstr(s->notes[0].text, "F16"));
    anm_source_close(s);
}

static void minilm_is_read_as_its_authors_run_it(void **state)
{
    (void)state;
    if (!test_minilm()) {
        print_message("skipped: $ANM_TEST_MINILM names no all-MiniLM-L6-v2\n");
        skip();
    }
    anm_source *s = test_open(test_minilm());
    assert_int_equal(s->recipe.max_tokens, 256);
    assert_int_equal(s->recipe.dim, 384);
    assert_int_equal(s->recipe.pool, ANM_POOL_MEAN);
    assert_true(s->recipe.normalize);
    const char *lengths = test_note(s, "max_tokens");
    assert_non_null(strstr(lengths, "256"));
    assert_non_null(strstr(lengths, "128"));
    assert_non_null(strstr(lengths, "512"));
    assert_non_null(strstr(test_note(s, "padding"), "128"));

    anm_graph *g = test_build(s);
    size_t used = 0;
    for (size_t i = 0; i < s->weights.n; i++)
        used += s->weights.tensors[i].used;
    assert_int_equal(s->weights.n, 104);
    assert_int_equal(used, 101);
    anm_graph_free(g);
    anm_source_close(s);
}

static void only_tensors_of_the_graph_are_used(void **state)
{
    (void)state;
    anm_source *s = test_open(test_data("tiny-bert-cls"));
    anm_graph_free(test_build(s));
    anm_graph *g = test_build(s); // a second build marks the same
    uint64_t elements = 0;

    for (size_t i = 0; i < s->weights.n; i++) {
        const anm_weight *t = &s->weights.tensors[i];
        const bool apart = strncmp(t->name, "pooler.", 7) == 0 ||
                           strcmp(t->name, "embeddings.position_ids") == 0;
        assert_int_equal(t->used, !apart);
        if (!apart) elements += t->data.len / 2;
    }
    // Of two token types the graph reads one.
    assert_int_equal(anm_source_parameters(g), elements - 64);
    anm_graph_free(g);
    anm_source_close(s);
}

static void a_folder_leaves_nothing_to_choose(void **state)
{
    const anm_source_params chosen[] = {
        { .pooling = "cls" },         { .normalize = ANM_CHOICE_NO },
        { .function = "main" },       { .output = "y" },
        { .padding = "left" },        { .lowercase = ANM_CHOICE_YES },
        { .add_eos = ANM_CHOICE_NO },
    };
    static const char *const words[] = { "pooling", "normalize", "function",
                                         "output",  "padding",   "lowercase",
                                         "add_eos" };
    const char *folder = test_data("tiny-bert-mean");
    anm_source *s;
    anm_error err;
    (void)state;

    for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
        assert_int_equal(anm_source_open(&s, folder, &chosen[i], &err),
                         ANM_E_ARG);
        assert_non_null(strstr(err.message, words[i]));
    }
}

static void another_tokenizer_can_take_the_place(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    const char *other = test_data("tiny-bert-cls/tokenizer.json");
    const anm_source_params params = { .tokenizer = other };
    anm_source *s;
    anm_error err;
    uint8_t own[32], taken[32], expected[32];
    anm_tokenizer *t;

    assert_int_equal(anm_source_tokenizer(&t, other, NULL, &err), ANM_OK);
    anm_tokenizer_digest(t, expected);
    anm_tokenizer_free(t);
    assert_int_equal(anm_source_tokenizer(&t, folder, NULL, &err), ANM_OK);
    anm_tokenizer_digest(t, own);
    anm_tokenizer_free(t);

    test_model_remove(folder, "tokenizer.json");
    test_model_remove(folder, "vocab.txt");
    assert_int_equal(anm_source_open(&s, folder, &params, &err), ANM_OK);
    anm_tokenizer_digest(s->tokenizer, taken);
    assert_memory_equal(taken, expected, 32);
    assert_memory_not_equal(taken, own, 32);
    assert_non_null(strstr(test_note(s, "tokenizer"), other));
    anm_source_close(s);
}

static void tokenizer_alone_needs_no_weights(void **state)
{
    (void)state;
    const char *folder = test_model_copy("tiny-bert-mean");
    anm_tokenizer *t;
    anm_error err;

    test_model_remove(folder, "model.safetensors");
    test_model_remove(folder, "modules.json");
    assert_int_equal(anm_source_tokenizer(&t, folder, NULL, &err), ANM_OK);
    anm_tokenizer_free(t);
    assert_int_equal(anm_source_tokenizer(&t, "/no/such/file", NULL, &err),
                     ANM_E_NOTFOUND);
    assert_null(t);
    assert_non_null(strstr(err.message, "/no/such/file"));
}

static void closing_nothing_is_allowed(void **state)
{
    (void)state;
    anm_source_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_folder_is_not_found_and_named),
        cmocka_unit_test(file_instead_of_folder_is_unsupported),
        cmocka_unit_test(mean_model_says_what_its_files_say),
        cmocka_unit_test(cls_model_says_what_its_files_say),
        cmocka_unit_test(minilm_is_read_as_its_authors_run_it),
        cmocka_unit_test(only_tensors_of_the_graph_are_used),
        cmocka_unit_test(a_folder_leaves_nothing_to_choose),
        cmocka_unit_test(another_tokenizer_can_take_the_place),
        cmocka_unit_test(tokenizer_alone_needs_no_weights),
        cmocka_unit_test(closing_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
