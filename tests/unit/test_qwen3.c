/* The Qwen3 graph: what it computes, and what it refuses to build.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_eval.h"
#include "support/model_open.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/pass.h"
#include "model/architecture.h"

static const char *copy(void)
{
    return test_model_copy("tiny-qwen3");
}

/* ---- What it computes ---------------------------------------------------- */

/* Largest difference as a share of the step's largest value, per the bar of
 * the goldens: 1e-5. */
static void compare_step(const test_eval *e, const json_t *step)
{
    const char *name = json_string_value(json_object_get(step, "name"));
    const char *file = json_string_value(json_object_get(step, "file"));
    char path[256];
    size_t bytes, n;
    double most = 0, worst = 0;

    snprintf(path, sizeof(path), "tiny-qwen3/golden/trace/%s", file);
    char *data = test_read(test_data(path), &bytes);
    const double *got = test_eval_value(e, name, &n);
    assert_int_equal(bytes, n * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        float expected;
        memcpy(&expected, data + i * sizeof(float), sizeof(float));
        most = fmax(most, fabs((double)expected));
        worst = fmax(worst, fabs((double)expected - got[i]));
    }
    if (!(worst <= 1e-5 * most))
        fail_msg("%s: off by %g of %g", name, worst, most);
    free(data);
}

static size_t read_ids(const json_t *trace, int32_t ids[512])
{
    const json_t *list = json_object_get(trace, "ids");
    const size_t n = json_array_size(list);

    assert_in_range(n, 1, 512);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return n;
}

static json_t *load_trace(void)
{
    json_error_t e;
    json_t *trace =
        json_load_file(test_data("tiny-qwen3/golden/trace/trace.json"), 0, &e);

    if (!trace) fail_msg("%s", e.text);
    return trace;
}

static void graph_computes_every_step_of_the_trace(void **state)
{
    json_t *trace = load_trace();
    const json_t *steps = json_object_get(trace, "steps");
    int32_t ids[512];

    (void)state;
    const size_t n = read_ids(trace, ids);
    anm_source *s = test_open(copy());
    anm_graph *g = test_build(s);
    test_eval e = test_eval_run(g, ids, n);
    assert_int_equal(json_array_size(steps), 19);
    for (size_t i = 0; i < json_array_size(steps); i++)
        compare_step(&e, json_array_get(steps, i));
    test_eval_free(&e);
    anm_graph_free(g);
    anm_source_close(s);
    json_decref(trace);
}

static size_t count_ops(const anm_graph *g, anm_op op)
{
    size_t n = 0;
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        n += anm_graph_node(g, i)->op == op;
    return n;
}

/* Four products a layer are what remains of seven. */
static void passes_keep_the_vector_and_leave_four_linears_a_layer(void **state)
{
    json_t *trace = load_trace();
    int32_t ids[512];
    double before[64];
    size_t n_out;

    (void)state;
    const size_t n = read_ids(trace, ids);
    anm_source *s = test_open(copy());
    anm_graph *g = test_build(s);
    assert_int_equal(count_ops(g, ANM_OP_LINEAR), 3 * 7);
    test_eval e = test_eval_run(g, ids, n);
    const double *v = test_eval_value(&e, "module_2_normalize", &n_out);
    assert_int_equal(n_out, 64);
    memcpy(before, v, sizeof(before));
    test_eval_free(&e);

    assert_int_equal(anm_graph_optimize(g, ANM_PASS_ALL, NULL), ANM_OK);
    assert_int_equal(count_ops(g, ANM_OP_LINEAR), 3 * 4);
    assert_int_equal(count_ops(g, ANM_OP_GLU), 3);
    assert_int_equal(count_ops(g, ANM_OP_ACT), 0);
    assert_int_equal(count_ops(g, ANM_OP_ADD), 0);
    assert_int_equal(count_ops(g, ANM_OP_ANGLES), 1);
    e = test_eval_run(g, ids, n);
    v = test_eval_value(&e, "module_2_normalize", &n_out);
    for (size_t i = 0; i < 64; i++)
        assert_true(fabs(v[i] - before[i]) < 1e-12);
    test_eval_free(&e);
    anm_graph_free(g);
    anm_source_close(s);
    json_decref(trace);
}

/* As a checkpoint of the whole model has them: a prefix, and a head that has
 * none. */
static void prefix_and_head_of_the_whole_model_change_nothing(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights w = test_weights_read(folder);
    json_t *header = json_object();
    const char *name;
    json_t *entry;

    json_object_foreach(w.header, name, entry)
    {
        char whole[256];
        snprintf(whole, sizeof(whole), "model.%s", name);
        json_object_set(header, whole, entry);
    }
    // Of a type that no weight has: whoever reads it fails.
    entry = json_deep_copy(json_object_get(w.header, "embed_tokens.weight"));
    assert_non_null(entry);
    json_object_set_new(entry, "dtype", json_string("U16"));
    json_object_set_new(header, "lm_head.weight", entry);
    json_decref(w.header);
    w.header = header;
    test_weights_write(folder, "model.safetensors", &w, "", "");
    test_weights_free(&w);
    test_model_set(folder, "config.json", "{\"tie_word_embeddings\": false}");

    anm_source *s = test_open(folder);
    anm_graph *g = test_build(s);
    assert_string_equal(s->prefix, "model.");
    assert_int_not_equal(anm_graph_find(g, "layers.2.mlp.down_proj.weight"),
                         ANM_VALUE_NONE);
    for (size_t i = 0; i < s->weights.n; i++) {
        const anm_weight *t = &s->weights.tensors[i];
        assert_int_equal(t->used, strcmp(t->stored, "lm_head.weight") != 0);
    }
    anm_graph_free(g);
    anm_source_close(s);
}

/* ---- Settings ------------------------------------------------------------ */

/* The attributes of the only, or last, node of an operation. */
static anm_attr attr_of(const char *folder, anm_op op)
{
    anm_source *s = test_open(folder);
    anm_graph *g = test_build(s);
    anm_attr attr = { 0 };

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        if (anm_graph_node(g, i)->op == op) attr = anm_graph_node(g, i)->attr;
    anm_graph_free(g);
    anm_source_close(s);
    return attr;
}

static void theta_stands_where_old_and_new_files_put_it(void **state)
{
    (void)state;
    const char *folder = copy();
    assert_true(attr_of(folder, ANM_OP_ANGLES).theta == 1e6);
    test_model_set(folder, "config.json",
                   "{\"rope_parameters\": {\"rope_type\": \"default\", "
                   "\"rope_theta\": 1000000}, \"rope_scaling\": {\"type\": "
                   "\"default\"}}");
    assert_true(attr_of(folder, ANM_OP_ANGLES).theta == 1e6);
    test_model_set(folder, "config.json",
                   "{\"rope_parameters\": {\"rope_theta\": 5e5}}");
    test_refused(folder, ANM_E_FORMAT, "rope_theta|1e+06|500000");
    test_model_unset(folder, "config.json", "rope_theta");
    assert_true(attr_of(folder, ANM_OP_ANGLES).theta == 5e5);
    test_model_unset(folder, "config.json", "rope_parameters");
    assert_true(attr_of(folder, ANM_OP_ANGLES).theta == 1e4);
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "rope_theta"), "config.json"));
    anm_source_close(s);
}

static void attention_is_causal_with_shared_heads(void **state)
{
    (void)state;
    const anm_attr a = attr_of(copy(), ANM_OP_ATTENTION);
    assert_true(a.flag);
    assert_int_equal(a.heads, 4);
    assert_int_equal(a.kv_heads, 2);
    assert_true(fabs((double)a.alpha - 1 / sqrt(32)) < 1e-8);
}

static void attention_bias_asks_for_four_vectors(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_set(folder, "config.json", "{\"attention_bias\": true}");
    test_refused(folder, ANM_E_FORMAT, "layers.0.self_attn.q_proj.bias");
}

static void silent_config_takes_the_default_with_a_note(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_unset(folder, "config.json", "rms_norm_eps");
    assert_true(attr_of(folder, ANM_OP_RMS_NORM).eps == 1e-6);
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "rms_norm_eps"), "config.json"));
    anm_source_close(s);

    // The default of the original, not hidden_size / num_attention_heads.
    test_model_unset(folder, "config.json", "head_dim");
    test_refused(folder, ANM_E_FORMAT,
                 "self_attn.q_proj.weight|[128, 64] found|[512, 64] expected");
}

static void settings_not_built_in_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *patch;
        anm_status status;
        const char *words;
    } cases[] = {
        { "{\"hidden_act\": \"mish\"}", ANM_E_UNSUPPORTED, "hidden_act|mish" },
        { "{\"use_sliding_window\": 1}", ANM_E_FORMAT, "use_sliding_window" },
        { "{\"use_sliding_window\": true, \"sliding_window\": 127,"
          " \"max_window_layers\": 1}",
          ANM_E_UNSUPPORTED, "sliding_window of 127|layer 1 of 3|128" },
        { "{\"use_sliding_window\": true, \"sliding_window\": 0}", ANM_E_FORMAT,
          "sliding_window|0" },
        { "{\"use_sliding_window\": true, \"max_window_layers\": -1}",
          ANM_E_FORMAT, "max_window_layers|-1" },
        { "{\"use_sliding_window\": true, \"sliding_window\": 64,"
          " \"layer_types\": [\"sliding_attention\"]}",
          ANM_E_UNSUPPORTED, "layer 0|sliding_attention" },
        { "{\"is_causal\": false}", ANM_E_UNSUPPORTED, "is_causal|false" },
        { "{\"use_bidirectional_attention\": true}", ANM_E_UNSUPPORTED,
          "use_bidirectional_attention" },
        { "{\"layer_types\": [\"full_attention\", \"sliding_attention\"]}",
          ANM_E_UNSUPPORTED, "layer 1|sliding_attention|full_attention" },
        { "{\"layer_types\": [3]}", ANM_E_UNSUPPORTED, "layer 0" },
        { "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4.0}}",
          ANM_E_UNSUPPORTED, "rope_scaling|yarn|default" },
        { "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4.0}}",
          ANM_E_UNSUPPORTED, "rope_scaling|linear" },
        { "{\"rope_parameters\": {\"rope_type\": \"llama3\"}}",
          ANM_E_UNSUPPORTED, "rope_parameters|llama3" },
        { "{\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 1e6}}}",
          ANM_E_UNSUPPORTED, "rope_parameters: full_attention|kind of layer" },
        { "{\"rope_parameters\": {\"partial_rotary_factor\": 0.5}}",
          ANM_E_UNSUPPORTED, "partial_rotary_factor|0.5" },
        { "{\"rope_scaling\": \"none\"}", ANM_E_FORMAT, "rope_scaling" },
        { "{\"rope_theta\": 0.5}", ANM_E_FORMAT, "rope_theta|0.5" },
        { "{\"rope_theta\": -1}", ANM_E_FORMAT, "rope_theta|-1" },
        { "{\"num_key_value_heads\": 3}", ANM_E_FORMAT,
          "num_attention_heads 4|num_key_value_heads 3" },
        { "{\"head_dim\": 33}", ANM_E_FORMAT, "head_dim 33" },
        { "{\"num_attention_heads\": 0}", ANM_E_FORMAT, "num_attention_heads" },
        { "{\"num_hidden_layers\": 1025}", ANM_E_FORMAT,
          "num_hidden_layers|1025|1024" },
        { "{\"rms_norm_eps\": 2}", ANM_E_FORMAT, "rms_norm_eps|2" },
        { "{\"vocab_size\": -1}", ANM_E_FORMAT, "vocab_size|-1" },
    };

    const char *folder = copy();
    size_t len;
    char *config = test_read(test_model_path(folder, "config.json"), &len);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_model_write(folder, "config.json", config, len);
        test_model_set(folder, "config.json", cases[i].patch);
        test_refused(folder, cases[i].status, cases[i].words);
        test_refused(folder, cases[i].status, "config.json");
    }
    free(config);
}

static void windows_that_hide_no_token_are_none(void **state)
{
    (void)state;
    static const char *const patches[] = {
        // What the folder says beside it: null, from layer 3 of 3 on.
        "{\"use_sliding_window\": true}",
        "{\"use_sliding_window\": true, \"sliding_window\": null,"
        " \"max_window_layers\": 0}",
        "{\"use_sliding_window\": true, \"sliding_window\": 128,"
        " \"max_window_layers\": 0}",
        "{\"use_sliding_window\": true, \"sliding_window\": 1,"
        " \"max_window_layers\": 3}",
        "{\"use_sliding_window\": false, \"sliding_window\": 1,"
        " \"max_window_layers\": 0}",
        "{\"use_sliding_window\": true, \"sliding_window\": 128,"
        " \"layer_types\": [\"full_attention\", \"sliding_attention\"]}",
        // A list of kinds stands above the first layer.
        "{\"use_sliding_window\": true, \"sliding_window\": 1,"
        " \"max_window_layers\": 0,"
        " \"layer_types\": [\"full_attention\", \"full_attention\"]}",
    };
    const char *folder = copy();
    size_t len;
    char *config = test_read(test_model_path(folder, "config.json"), &len);

    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        test_model_write(folder, "config.json", config, len);
        test_model_set(folder, "config.json", patches[i]);
        assert_true(attr_of(folder, ANM_OP_ATTENTION).flag);
    }
    free(config);
}

/* What no constant shows must change the fingerprint. */
static void settings_that_no_tensor_shows_are_digested(void **state)
{
    (void)state;
    static const char *const patches[] = {
        "{}",
        "{\"rope_theta\": 10000}",
        "{\"rms_norm_eps\": 1e-5}",
        "{\"hidden_act\": \"gelu\"}",
        "{\"num_attention_heads\": 8, \"num_key_value_heads\": 4}",
    };
    enum { N = sizeof(patches) / sizeof(patches[0]) };
    uint8_t digests[N][ANM_SHA256_BYTES];
    const char *folder = copy();
    const anm_architecture *a = NULL;

    assert_int_equal(anm_architecture_find(&a, "qwen3", "", NULL), ANM_OK);
    size_t len;
    char *config = test_read(test_model_path(folder, "config.json"), &len);
    for (size_t i = 0; i < N; i++) {
        test_model_write(folder, "config.json", config, len);
        test_model_set(folder, "config.json", patches[i]);
        anm_source *s = test_open(folder);
        anm_sha256 *h = anm_sha256_new();
        assert_non_null(h);
        a->digest(s, h);
        anm_sha256_read(h, digests[i]);
        anm_sha256_free(h);
        anm_source_close(s);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], ANM_SHA256_BYTES);
    }
    free(config);
}

/* ---- Tensors ------------------------------------------------------------- */

static void tensors_that_do_not_fit_are_named(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights_edit(folder, "layers.1.self_attn.k_norm.weight",
                      "layers.1.self_attn.k_norm.weight",
                      "{\"shape\": [4, 8]}");
    test_refused(folder, ANM_E_FORMAT,
                 "layers.1.self_attn.k_norm.weight|[4, 8] found|[32] "
                 "expected from config.json");
    folder = copy();
    test_weights_edit(folder, "norm.weight", "other", "{}");
    test_refused(folder, ANM_E_FORMAT, "model.safetensors|norm.weight");
    folder = copy();
    test_weights_edit(folder, "layers.0.mlp.up_proj.weight",
                      "layers.0.mlp.up_proj.weight", "{\"dtype\": \"I16\"}");
    test_refused(folder, ANM_E_UNSUPPORTED,
                 "layers.0.mlp.up_proj.weight|I16 found|BF16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_computes_every_step_of_the_trace),
        cmocka_unit_test(passes_keep_the_vector_and_leave_four_linears_a_layer),
        cmocka_unit_test(prefix_and_head_of_the_whole_model_change_nothing),
        cmocka_unit_test(theta_stands_where_old_and_new_files_put_it),
        cmocka_unit_test(attention_is_causal_with_shared_heads),
        cmocka_unit_test(attention_bias_asks_for_four_vectors),
        cmocka_unit_test(silent_config_takes_the_default_with_a_note),
        cmocka_unit_test(settings_not_built_in_are_refused_by_name),
        cmocka_unit_test(windows_that_hide_no_token_are_none),
        cmocka_unit_test(settings_that_no_tensor_shows_are_digested),
        cmocka_unit_test(tensors_that_do_not_fit_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
