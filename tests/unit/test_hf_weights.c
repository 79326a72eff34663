/* Finding the weights of a folder and the names they go by.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/model_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *copy(void)
{
    return test_model_copy("tiny-bert-mean");
}

static void prefix_of_the_checkpoint_is_found_and_noted(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights w = test_weights_read(folder);

    test_weights_write(folder, "model.safetensors", &w, "", "0.model.bert.");
    anm_source *s = test_open(folder);
    assert_string_equal(s->prefix, "0.model.bert.");
    assert_non_null(strstr(test_note(s, "weights"), "\"0.model.bert.\""));
    anm_graph *g = test_build(s);
    assert_int_not_equal(
        anm_graph_find(g, "encoder.layer.2.output.dense.weight"),
        ANM_VALUE_NONE);
    anm_graph_free(g);
    anm_source_close(s);

    test_weights_write(folder, "model.safetensors", &w, "", "my");
    test_refused(folder, ANM_E_FORMAT,
                 "model.safetensors|embeddings.word_embeddings.weight");
    test_weights_free(&w);
}

static void two_token_tables_are_refused_with_both_names(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights_edit(folder, "pooler.dense.weight",
                      "twin.embeddings.word_embeddings.weight", "{}");
    test_refused(folder, ANM_E_FORMAT,
                 "embeddings.word_embeddings.weight|"
                 "twin.embeddings.word_embeddings.weight");
}

static void weights_without_a_token_table_are_refused(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights_edit(folder, "embeddings.word_embeddings.weight",
                      "embed_tokens.weight", "{}");
    test_refused(folder, ANM_E_FORMAT,
                 "model.safetensors|embeddings.word_embeddings.weight");
}

static void endless_prefix_is_over_the_limit(void **state)
{
    (void)state;
    const char *folder = copy();
    char prefix[300];
    test_weights w = test_weights_read(folder);

    memset(prefix, 'p', sizeof(prefix));
    prefix[255] = '.';
    prefix[256] = '\0';
    test_weights_write(folder, "model.safetensors", &w, "", prefix);
    test_refused(folder, ANM_E_LIMIT, "256 bytes|255");
    prefix[254] = '.';
    prefix[255] = '\0';
    test_weights_write(folder, "model.safetensors", &w, "", prefix);
    anm_source *s = test_open(folder);
    anm_graph_free(test_build(s));
    anm_source_close(s);
    test_weights_free(&w);
}

static void layers_beyond_the_settings_are_left_out_with_a_note(void **state)
{
    (void)state;
    const char *folder = copy();
    anm_source *s = test_open(folder);
    assert_string_equal(test_note(s, "layers"), "");
    anm_source_close(s);

    test_model_set(folder, "config.json", "{\"num_hidden_layers\": 1}");
    s = test_open(folder);
    assert_string_equal(test_note(s, "layers"),
                        "config.json says 1 and is followed; the 32 tensors of "
                        "layers 1 to 2 are not used");
    anm_graph *g = test_build(s);
    assert_int_not_equal(
        anm_graph_find(g, "encoder.layer.0.output.dense.weight"),
        ANM_VALUE_NONE);
    assert_int_equal(anm_graph_find(g, "encoder.layer.1.output.dense.weight"),
                     ANM_VALUE_NONE);
    anm_graph_free(g);
    anm_source_close(s);
}

static void what_only_looks_like_a_layer_is_none(void **state)
{
    static const char *const names[] = { "encoder.layers.9.output.dense.weight",
                                         "encoder.layer.x.weight",
                                         "encoder.layer.9",
                                         "encoder.layer..weight",
                                         "other.encoder.layer.9.weight" };
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *folder = copy();
        test_weights_edit(folder, "pooler.dense.weight", names[i], "{}");
        anm_source *s = test_open(folder);
        assert_string_equal(test_note(s, "layers"), "");
        anm_source_close(s);
    }
}

static void folder_without_weights_says_what_it_looked_for(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_remove(folder, "model.safetensors");
    test_refused(folder, ANM_E_NOTFOUND,
                 "model.safetensors|model.safetensors.index.json");
    test_model_write(folder, "pytorch_model.bin", "x", 1);
    test_refused(folder, ANM_E_NOTFOUND,
                 "pytorch_model.bin|model.safetensors is needed");
}

static void write_index(const char *folder, const test_weights *w)
{
    json_t *map = json_object();
    const char *name;
    json_t *entry;

    json_object_foreach(w->header, name, entry) json_object_set_new(
        map, name,
        json_string(strncmp(name, "encoder.", 8) == 0 ? "encoder.safetensors"
                    : strncmp(name, "embeddings.", 11) == 0
                        ? "embeddings.safetensors"
                        : "pooler.safetensors"));
    json_t *index = json_pack("{s:{},s:o}", "metadata", "weight_map", map);
    char *text = json_dumps(index, 0);
    test_model_write(folder, "model.safetensors.index.json", text,
                     strlen(text));
    free(text);
    json_decref(index);
}

static void shards_are_read_and_one_file_wins_over_them(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights w = test_weights_read(folder);

    test_weights_write(folder, "encoder.safetensors", &w, "encoder.", "");
    test_weights_write(folder, "embeddings.safetensors", &w, "embeddings.", "");
    test_weights_write(folder, "pooler.safetensors", &w, "pooler.", "");
    write_index(folder, &w);
    anm_source *s = test_open(folder);
    assert_int_equal(s->weights.n_files, 1);
    assert_non_null(strstr(test_note(s, "weights"), "the first is read"));
    anm_source_close(s);

    test_model_remove(folder, "model.safetensors");
    s = test_open(folder);
    assert_int_equal(s->weights.n_files, 3);
    anm_graph_free(test_build(s));
    anm_source_close(s);
    test_weights_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefix_of_the_checkpoint_is_found_and_noted),
        cmocka_unit_test(two_token_tables_are_refused_with_both_names),
        cmocka_unit_test(weights_without_a_token_table_are_refused),
        cmocka_unit_test(endless_prefix_is_over_the_limit),
        cmocka_unit_test(layers_beyond_the_settings_are_left_out_with_a_note),
        cmocka_unit_test(what_only_looks_like_a_layer_is_none),
        cmocka_unit_test(folder_without_weights_says_what_it_looked_for),
        cmocka_unit_test(shards_are_read_and_one_file_wins_over_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
