/* A fingerprint changes with everything that can change a vector, and with
 * nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sha256.h"
#include "model/fingerprint.h"

typedef struct print {
    char text[ANM_FINGERPRINT_TEXT];
} print;

static print make(const char *folder, anm_precision precision,
                  const anm_fingerprint_params *params)
{
    anm_source *s = test_open(folder);
    anm_graph *g = test_build(s);
    anm_error err = { .message = "" };
    print p;

    if (anm_fingerprint_make(s, g, precision, params, p.text, &err))
        fail_msg("%s", err.message);
    anm_graph_free(g);
    anm_source_close(s);
    return p;
}

static print print_of(const char *folder)
{
    const anm_fingerprint_params params = { 0 };
    return make(folder, ANM_PRECISION_F32, &params);
}

static bool is_equal(print a, print b)
{
    return strcmp(a.text, b.text) == 0;
}

static const char *copy(void)
{
    return test_model_copy("tiny-bert-mean");
}

static void copies_agree_and_the_text_is_a_digest(void **state)
{
    (void)state;
    const print p = print_of(test_data("tiny-bert-mean"));
    assert_int_equal(strlen(p.text), 71);
    assert_int_equal(strncmp(p.text, "sha256:", 7), 0);
    assert_int_equal(strspn(p.text + 7, "0123456789abcdef"), 64);
    assert_true(is_equal(p, print_of(copy())));
    assert_false(is_equal(p, print_of(test_data("tiny-bert-cls"))));
}

/* Flip one bit of a tensor's last byte. */
static void touch_tensor(const char *folder, const char *name)
{
    test_weights w = test_weights_read(folder);
    const json_t *entry = json_object_get(w.header, name);
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const size_t end = (size_t)json_integer_value(json_array_get(offsets, 1));

    assert_true(end > 0);
    w.data[end - 1] ^= 1;
    test_weights_write(folder, "model.safetensors", &w, "", "");
    test_weights_free(&w);
}

static void one_bit_of_any_used_tensor_changes_it(void **state)
{
    (void)state;
    static const char *const names[] = {
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.LayerNorm.bias",
        "encoder.layer.0.attention.self.query.weight",
        "encoder.layer.2.output.LayerNorm.weight",
    };
    const print p = print_of(test_data("tiny-bert-mean"));

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *folder = copy();
        touch_tensor(folder, names[i]);
        assert_false(is_equal(p, print_of(folder)));
        touch_tensor(folder, names[i]);
        assert_true(is_equal(p, print_of(folder)));
    }
}

static void unused_tensors_do_not_count(void **state)
{
    (void)state;
    const print p = print_of(test_data("tiny-bert-mean"));
    const char *folder = copy();

    touch_tensor(folder, "pooler.dense.weight");
    // The last byte of this table is of type 1, which no single text has.
    touch_tensor(folder, "embeddings.token_type_embeddings.weight");
    assert_true(is_equal(p, print_of(folder)));
}

static void prefix_and_old_names_do_not_count(void **state)
{
    (void)state;
    const print p = print_of(test_data("tiny-bert-mean"));
    const char *folder = copy();
    test_weights w = test_weights_read(folder);

    test_weights_write(folder, "model.safetensors", &w, "", "bert.");
    assert_true(is_equal(p, print_of(folder)));
    test_weights_write(folder, "model.safetensors", &w, "", "");
    test_weights_free(&w);
    test_weights_edit(folder, "embeddings.LayerNorm.weight",
                      "embeddings.LayerNorm.gamma", "{}");
    assert_true(is_equal(p, print_of(folder)));
}

static void sharding_does_not_count(void **state)
{
    (void)state;
    const print p = print_of(test_data("tiny-bert-mean"));
    const char *folder = copy(), *name;
    test_weights w = test_weights_read(folder);
    json_t *map = json_object(), *entry;

    json_object_foreach(w.header, name, entry) json_object_set_new(
        map, name,
        json_string(name[0] == 'e' && name[1] == 'n' ? "a.safetensors"
                    : name[0] == 'e'                 ? "b.safetensors"
                                                     : "c.safetensors"));
    json_t *index = json_pack("{s:o}", "weight_map", map);
    char *text = json_dumps(index, 0);
    test_weights_write(folder, "a.safetensors", &w, "en", "");
    test_weights_write(folder, "b.safetensors", &w, "em", "");
    test_weights_write(folder, "c.safetensors", &w, "p", "");
    test_model_write(folder, "model.safetensors.index.json", text,
                     strlen(text));
    test_model_remove(folder, "model.safetensors");
    assert_true(is_equal(p, print_of(folder)));
    free(text);
    json_decref(index);
    test_weights_free(&w);
}

static void recipe_tokenizer_and_settings_count(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        { "1_Pooling/config.json", "{\"pooling_mode\": \"cls\"}" },
        { "sentence_bert_config.json", "{\"max_seq_length\": 32}" },
        { "config_sentence_transformers.json",
          "{\"prompts\": {\"query\": \"q: \"}}" },
        { "config_sentence_transformers.json",
          "{\"prompts\": {\"query\": \"r: \"}}" },
        { "config_sentence_transformers.json",
          "{\"default_prompt_name\": \"query\"}" },
        { "tokenizer_config.json", "{\"do_lower_case\": false}" },
        { "config.json", "{\"num_hidden_layers\": 2}" },
    };
    const char *folder = copy();
    print seen[8];
    size_t n = 0;

    seen[n++] = print_of(folder);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        test_model_set(folder, changes[i][0], changes[i][1]);
        seen[n++] = print_of(folder);
        for (size_t j = 0; j + 1 < n; j++)
            assert_false(is_equal(seen[n - 1], seen[j]));
    }
}

/* Two settings outside the graph's constants that change what it computes. */
static void settings_of_the_graph_count(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "{\"layer_norm_eps\": 1e-5}",
        "{\"hidden_act\": \"gelu_new\"}",
        "{\"num_attention_heads\": 8}",
    };
    const print p = print_of(test_data("tiny-bert-mean"));

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const char *folder = copy();
        test_model_set(folder, "config.json", changes[i]);
        assert_false(is_equal(p, print_of(folder)));
    }
}

static void order_of_prompts_does_not_count(void **state)
{
    (void)state;
    const char *folder = copy(), *file = "config_sentence_transformers.json";
    const char *orders[2] = { "{\"prompts\":{\"a\":\"1\",\"b\":\"2\"}}",
                              "{\"prompts\":{\"b\":\"2\",\"a\":\"1\"}}" };

    test_model_write(folder, file, orders[0], strlen(orders[0]));
    const print p = print_of(folder);
    test_model_write(folder, file, orders[1], strlen(orders[1]));
    assert_true(is_equal(p, print_of(folder)));
}

static void precision_counts(void **state)
{
    (void)state;
    const anm_fingerprint_params params = { 0 };
    const char *folder = test_data("tiny-bert-mean");

    assert_false(is_equal(make(folder, ANM_PRECISION_F32, &params),
                          make(folder, ANM_PRECISION_BF16, &params)));
}

/* Old enough for its digest to be kept. */
static const char *settled_copy(void)
{
    const char *folder = copy();
    const struct timespec tick = { .tv_nsec = 60000000 };
    nanosleep(&tick, NULL);
    return folder;
}

/* Replace the digest of the only entry by another valid one. */
static void forge_entry(const char *folder)
{
    char path[4400] = "", hex[ANM_SHA256_HEX];
    uint8_t check[ANM_SHA256_BYTES];
    DIR *dir = opendir(folder);

    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        assert_string_equal(path, "");
        snprintf(path, sizeof(path), "%s", e->d_name);
    }
    closedir(dir);
    assert_string_not_equal(path, "");

    size_t len;
    char *entry = test_read(test_model_path(folder, path), &len);
    char *digest = entry + len - 2 * 65;
    digest[0] = digest[0] == '0' ? '1' : '0';
    anm_sha256 *h = anm_sha256_new();
    anm_sha256_add(h, entry, len - 65);
    anm_sha256_read(h, check);
    anm_sha256_free(h);
    anm_sha256_hex(check, hex);
    memcpy(entry + len - 65, hex, 64);
    test_model_write(folder, path, entry, len);
    free(entry);
}

static void remembered_digest_is_used_unless_verified(void **state)
{
    (void)state;
    const char *folder = settled_copy();
    anm_fingerprint_params params = { .memory = test_temp_folder() };
    const print p = print_of(folder);

    assert_true(is_equal(p, make(folder, ANM_PRECISION_F32, &params)));
    assert_true(is_equal(p, make(folder, ANM_PRECISION_F32, &params)));
    forge_entry(params.memory);
    assert_false(is_equal(p, make(folder, ANM_PRECISION_F32, &params)));
    params.verify = true;
    assert_true(is_equal(p, make(folder, ANM_PRECISION_F32, &params)));
    params.verify = false; // the check has put the entry right
    assert_true(is_equal(p, make(folder, ANM_PRECISION_F32, &params)));
}

static void remembered_digest_does_not_hide_another_graph(void **state)
{
    (void)state;
    const char *folder = settled_copy();
    const anm_fingerprint_params params = { .memory = test_temp_folder() };

    make(folder, ANM_PRECISION_F32, &params);
    test_model_set(folder, "config.json", "{\"num_hidden_layers\": 2}");
    assert_true(
        is_equal(print_of(folder), make(folder, ANM_PRECISION_F32, &params)));
}

static void changed_weights_are_not_taken_for_the_old(void **state)
{
    (void)state;
    const char *folder = settled_copy();
    const anm_fingerprint_params params = { .memory = test_temp_folder() };

    const print p = make(folder, ANM_PRECISION_F32, &params);
    touch_tensor(folder, "embeddings.LayerNorm.bias");
    assert_false(is_equal(p, make(folder, ANM_PRECISION_F32, &params)));
}

static void count_calls(void *ctx, const char *step, uint64_t done,
                        uint64_t total)
{
    size_t *calls = ctx;

    assert_string_equal(step, "fingerprint");
    assert_true(done <= total);
    (*calls)++;
}

static void progress_of_a_big_model_is_told(void **state)
{
    (void)state;
    if (!test_minilm()) {
        print_message("skipped: $ANM_TEST_MINILM names no all-MiniLM-L6-v2\n");
        skip();
    }
    size_t calls = 0;
    const anm_fingerprint_params params = { .progress = count_calls,
                                            .progress_ctx = &calls };

    make(test_minilm(), ANM_PRECISION_F32, &params);
    assert_true(calls >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_agree_and_the_text_is_a_digest),
        cmocka_unit_test(one_bit_of_any_used_tensor_changes_it),
        cmocka_unit_test(unused_tensors_do_not_count),
        cmocka_unit_test(prefix_and_old_names_do_not_count),
        cmocka_unit_test(sharding_does_not_count),
        cmocka_unit_test(recipe_tokenizer_and_settings_count),
        cmocka_unit_test(settings_of_the_graph_count),
        cmocka_unit_test(order_of_prompts_does_not_count),
        cmocka_unit_test(precision_counts),
        cmocka_unit_test(remembered_digest_is_used_unless_verified),
        cmocka_unit_test(remembered_digest_does_not_hide_another_graph),
        cmocka_unit_test(changed_weights_are_not_taken_for_the_old),
        cmocka_unit_test(progress_of_a_big_model_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
