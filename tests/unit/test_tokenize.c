/* test_tokenize.c - tokenizers opened without weights, with what a file leaves
 * open settled, and kept compiled from one start to the next.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "support/models.h"

static const char text[] = "The quick <|im_start|> fox";

static const char *gguf(void)
{
    return test_data("tiny-gguf/tiny-qwen3-Q4_0.gguf");
}

static anm_options options_of(const char *tokenizer)
{
    anm_options o;

    anm_options_init(&o);
    o.tokenizer = tokenizer;
    o.cache_dir = "";
    return o;
}

static size_t ids_of(const anm_options *o, int32_t ids[64])
{
    anm_tokenizer *t = NULL;
    anm_encoding *e = NULL;
    anm_error err = { .message = "" };

    if (anm_tokenizer_open_with(&t, o, &err)) fail_msg("%s", err.message);
    assert_int_equal(anm_encoding_new(&e, NULL), ANM_OK);
    assert_int_equal(anm_tokenize(t, anm_text_of(text), true, e, NULL), ANM_OK);
    const size_t n = anm_encoding_n(e);
    assert_in_range(n, 1, 64);
    memcpy(ids, anm_encoding_ids(e), n * sizeof(*ids));
    anm_encoding_free(e);
    anm_tokenizer_close(t);
    return n;
}

static void check_same_ids(const anm_options *a, const anm_options *b)
{
    int32_t left[64], right[64];
    const size_t n = ids_of(a, left);

    assert_int_equal(n, ids_of(b, right));
    assert_memory_equal(left, right, n * sizeof(*left));
}

static void check_refused(const anm_options *o, anm_status status,
                          const char *word)
{
    anm_tokenizer *t = (anm_tokenizer *)&t;
    anm_error err = { .message = "" };

    assert_int_equal(anm_tokenizer_open_with(&t, o, &err), status);
    assert_null(t);
    if (!strstr(err.message, word)) fail_msg("%s", err.message);
}

static void a_tokenizer_comes_from_folder_file_or_gguf(void **state)
{
    char path[4096];

    (void)state;
    snprintf(path, sizeof(path), "%s", test_data("tiny-qwen3"));
    const anm_options folder = options_of(path);
    anm_options other = options_of(test_data("tiny-qwen3/tokenizer.json"));
    check_same_ids(&folder, &other);
    other = options_of(gguf());
    check_same_ids(&folder, &other);
    other = options_of(NULL);
    other.model = path;
    check_same_ids(&folder, &other);
    // The tokenizer counts before the model.
    other = folder;
    other.model = test_data("tiny-bert-mean");
    check_same_ids(&folder, &other);
}

static void the_end_token_of_a_gguf_can_be_chosen(void **state)
{
    anm_options o = options_of(gguf());
    int32_t with[64], without[64];

    (void)state;
    const size_t n = ids_of(&o, with);
    o.add_eos = ANM_CHOICE_NO;
    assert_int_equal(ids_of(&o, without), n - 1);
    assert_memory_equal(with, without, (n - 1) * sizeof(*with));
}

static void what_is_not_open_cannot_be_chosen(void **state)
{
    anm_options o = options_of(test_data("tiny-qwen3"));

    (void)state;
    o.add_eos = ANM_CHOICE_YES;
    check_refused(&o, ANM_E_ARG, "add_eos cannot be chosen");
    o = options_of(test_data("tiny-bert-mean/tokenizer.json"));
    o.lowercase = ANM_CHOICE_NO;
    check_refused(&o, ANM_E_ARG, "lowercase cannot be chosen");
    o = options_of(gguf());
    o.add_eos = (anm_choice)7;
    check_refused(&o, ANM_E_ARG, "options.add_eos: 7");
    o = options_of(NULL);
    check_refused(&o, ANM_E_ARG, "tokenizer or model must name");
    check_refused(NULL, ANM_E_ARG, "options");
    assert_int_equal(anm_tokenizer_open_with(NULL, &o, NULL), ANM_E_ARG);
}

/* Files that end so in the memory of a cache folder. */
static size_t count_kept(const char *cache)
{
    char folder[600];
    anm_names names;
    size_t n = 0;

    snprintf(folder, sizeof(folder), "%s/remembered", cache);
    if (anm_folder_list(folder, &names, NULL)) return 0;
    for (size_t i = 0; i < names.n; i++)
        n += strstr(names.names[i], ".kept") != NULL;
    anm_names_deinit(&names);
    return n;
}

static void a_compiled_tokenizer_is_kept_once_a_file(void **state)
{
    static const char *const paths[] = { "tiny-qwen3",
                                         "tiny-qwen3/tokenizer.json" };
    anm_options o = options_of(NULL), fresh = options_of(NULL);

    (void)state;
    o.cache_dir = test_temp_folder();
    for (size_t i = 0; i < 4; i++) {
        fresh.tokenizer = o.tokenizer = test_data(paths[i % 2]);
        o.verify = i == 0; // trusts nothing remembered, and keeps nothing
        check_same_ids(&o, &fresh);
        assert_int_equal(count_kept(o.cache_dir), i > 0);
    }
    o.tokenizer = gguf();
    fresh.tokenizer = gguf();
    check_same_ids(&o, &fresh);
    check_same_ids(&o, &fresh);
    assert_int_equal(count_kept(o.cache_dir), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tokenizer_comes_from_folder_file_or_gguf),
        cmocka_unit_test(the_end_token_of_a_gguf_can_be_chosen),
        cmocka_unit_test(what_is_not_open_cannot_be_chosen),
        cmocka_unit_test(a_compiled_tokenizer_is_kept_once_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
