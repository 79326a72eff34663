/* The BERT graph: what it computes, and what it refuses to build.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_eval.h"
#include "support/model_open.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *copy(void)
{
    return test_model_copy("tiny-bert-mean");
}

static json_t *load_trace(const char *model)
{
    char path[256];
    json_error_t e;

    snprintf(path, sizeof(path), "%s/golden/trace/trace.json", model);
    json_t *trace = json_load_file(test_data(path), 0, &e);
    if (!trace) fail_msg("%s: %s", path, e.text);
    return trace;
}

/* The goldens list the last norm of layer 0 twice; in the graph it is the
 * layer's value. */
static const char *value_name(const char *step)
{
    return strcmp(step, "layer_00.output.LayerNorm") == 0 ? "layer_00" : step;
}

/* Largest difference as a share of the step's largest value, per the bar of
 * the goldens: 1e-5. */
static void compare_step(const test_eval *e, const char *model,
                         const json_t *step)
{
    const char *name = json_string_value(json_object_get(step, "name"));
    const char *file = json_string_value(json_object_get(step, "file"));
    char path[256];
    size_t bytes, n;
    double most = 0, worst = 0;

    snprintf(path, sizeof(path), "%s/golden/trace/%s", model, file);
    char *data = test_read(test_data(path), &bytes);
    const double *got = test_eval_value(e, value_name(name), &n);
    assert_int_equal(bytes, n * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        float expected;
        memcpy(&expected, data + i * sizeof(float), sizeof(float));
        most = fmax(most, fabs((double)expected));
        worst = fmax(worst, fabs((double)expected - got[i]));
    }
    if (!(worst <= 1e-5 * most))
        fail_msg("%s %s: off by %g of %g", model, name, worst, most);
    free(data);
}

static void compare_trace(const char *model)
{
    json_t *trace = load_trace(model);
    const json_t *list = json_object_get(trace, "ids");
    const json_t *steps = json_object_get(trace, "steps");
    const size_t n = json_array_size(list);
    int32_t ids[512];

    assert_in_range(n, 1, 512);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    anm_source *s = test_open(test_data(model));
    anm_graph *g = test_build(s);
    test_eval e = test_eval_run(g, ids, n);
    for (size_t i = 0; i < json_array_size(steps); i++)
        compare_step(&e, model, json_array_get(steps, i));
    assert_true(json_array_size(steps) >= 14);
    test_eval_free(&e);
    anm_graph_free(g);
    anm_source_close(s);
    json_decref(trace);
}

static void graph_of_mean_model_computes_every_step_of_the_trace(void **state)
{
    (void)state;
    compare_trace("tiny-bert-mean");
}

static void graph_of_half_precision_cls_model_does_too(void **state)
{
    (void)state;
    compare_trace("tiny-bert-cls");
}

static size_t count_ops(const anm_graph *g, anm_op op)
{
    size_t n = 0;
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        n += anm_graph_node(g, i)->op == op;
    return n;
}

static void graph_has_the_primitive_form_that_passes_know(void **state)
{
    (void)state;
    anm_source *s = test_open(test_data("tiny-bert-mean"));
    anm_graph *g = test_build(s);
    assert_int_equal(count_ops(g, ANM_OP_LINEAR), 3 * 6);
    assert_int_equal(count_ops(g, ANM_OP_RESHAPE), 3 * 4);
    assert_int_equal(count_ops(g, ANM_OP_TRANSPOSE), 3 * 4);
    assert_int_equal(count_ops(g, ANM_OP_MATMUL), 3 * 2);
    assert_int_equal(count_ops(g, ANM_OP_SOFTMAX), 3);
    assert_int_equal(count_ops(g, ANM_OP_ACT), 3);
    assert_int_equal(count_ops(g, ANM_OP_LAYER_NORM), 3 * 2 + 1);
    assert_int_equal(count_ops(g, ANM_OP_ATTENTION), 0);
    anm_graph_free(g);
    anm_source_close(s);
}

static void node_names_are_distinct(void **state)
{
    (void)state;
    anm_source *s = test_open(test_data("tiny-bert-mean"));
    anm_graph *g = test_build(s);
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);
        assert_int_equal(anm_graph_find(g, node->name), node->output);
    }
    anm_graph_free(g);
    anm_source_close(s);
}

static anm_act act_of(const char *folder)
{
    anm_source *s = test_open(folder);
    anm_graph *g = test_build(s);
    anm_act act = ANM_ACT_NONE;

    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        if (anm_graph_node(g, i)->op == ANM_OP_ACT)
            act = anm_graph_node(g, i)->attr.act;
    anm_graph_free(g);
    anm_source_close(s);
    return act;
}

static void activation_and_epsilon_are_the_configs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        anm_act act;
    } cases[] = {
        { "gelu", ANM_ACT_GELU_ERF },
        { "gelu_new", ANM_ACT_GELU_TANH },
        { "gelu_pytorch_tanh", ANM_ACT_GELU_TANH },
        { "relu", ANM_ACT_RELU },
        { "silu", ANM_ACT_SILU },
        { "swish", ANM_ACT_SILU },
        { "tanh", ANM_ACT_TANH },
    };

    const char *folder = copy();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char patch[64];
        snprintf(patch, sizeof(patch), "{\"hidden_act\": \"%s\"}",
                 cases[i].name);
        test_model_set(folder, "config.json", patch);
        assert_int_equal(act_of(folder), cases[i].act);
    }
    test_model_set(folder, "config.json", "{\"layer_norm_eps\": 1e-5}");
    anm_source *s = test_open(folder);
    anm_graph *g = test_build(s);
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++)
        if (anm_graph_node(g, i)->op == ANM_OP_LAYER_NORM)
            assert_true(anm_graph_node(g, i)->attr.eps == 1e-5);
    anm_graph_free(g);
    anm_source_close(s);
}

static void silent_config_takes_the_default_with_a_note(void **state)
{
    (void)state;
    const char *folder = copy();
    test_model_unset(folder, "config.json", "hidden_act");
    assert_int_equal(act_of(folder), ANM_ACT_GELU_ERF);
    anm_source *s = test_open(folder);
    assert_non_null(strstr(test_note(s, "hidden_act"), "config.json"));
    anm_source_close(s);
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
        { "{\"position_embedding_type\": \"alibi\"}", ANM_E_UNSUPPORTED,
          "position_embedding_type|alibi|absolute" },
        { "{\"is_decoder\": true}", ANM_E_UNSUPPORTED, "is_decoder" },
        { "{\"add_cross_attention\": true}", ANM_E_UNSUPPORTED,
          "add_cross_attention" },
        { "{\"pruned_heads\": {\"0\": [1]}}", ANM_E_UNSUPPORTED,
          "pruned_heads" },
        { "{\"num_attention_heads\": 5}", ANM_E_FORMAT,
          "hidden_size 48|num_attention_heads 5" },
        { "{\"num_attention_heads\": 0}", ANM_E_FORMAT, "num_attention_heads" },
        { "{\"num_hidden_layers\": 1025}", ANM_E_FORMAT,
          "num_hidden_layers|1025|1024" },
        { "{\"hidden_size\": 65537}", ANM_E_FORMAT, "hidden_size|65537" },
        { "{\"vocab_size\": -1}", ANM_E_FORMAT, "vocab_size|-1" },
        { "{\"layer_norm_eps\": -1e-12}", ANM_E_FORMAT, "layer_norm_eps" },
        { "{\"layer_norm_eps\": 2}", ANM_E_FORMAT, "layer_norm_eps|2" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *folder = copy();
        test_model_set(folder, "config.json", cases[i].patch);
        test_refused(folder, cases[i].status, cases[i].words);
        test_refused(folder, cases[i].status, "config.json");
    }
}

static void old_names_of_norms_are_understood(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights_edit(folder, "embeddings.LayerNorm.weight",
                      "embeddings.LayerNorm.gamma", "{}");
    test_weights_edit(folder, "encoder.layer.1.output.LayerNorm.bias",
                      "encoder.layer.1.output.LayerNorm.beta", "{}");
    anm_source *s = test_open(folder);
    anm_graph *g = test_build(s);
    // The canonical name is the new one, so fingerprints agree.
    assert_int_not_equal(anm_graph_find(g, "embeddings.LayerNorm.weight"),
                         ANM_VALUE_NONE);
    anm_graph_free(g);
    anm_source_close(s);
}

static void missing_tensor_is_named(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights_edit(folder, "encoder.layer.2.output.dense.bias", "elsewhere",
                      "{}");
    test_refused(folder, ANM_E_FORMAT,
                 "model.safetensors|encoder.layer.2.output.dense.bias");
}

static void wrong_shape_is_named_with_found_and_expected(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights_edit(folder, "encoder.layer.0.output.dense.weight",
                      "encoder.layer.0.output.dense.weight",
                      "{\"shape\": [96, 48]}");
    test_refused(folder, ANM_E_FORMAT,
                 "encoder.layer.0.output.dense.weight|[96, 48] found|[48, 96] "
                 "expected");
    folder = copy();
    test_weights_edit(folder, "embeddings.LayerNorm.bias",
                      "embeddings.LayerNorm.bias", "{\"shape\": [1, 48]}");
    test_refused(folder, ANM_E_FORMAT,
                 "embeddings.LayerNorm.bias|[1, 48] found|[48] expected");
    folder = copy();
    test_model_set(folder, "config.json", "{\"max_position_embeddings\": 65}");
    test_refused(folder, ANM_E_FORMAT,
                 "position_embeddings|[64, 48] found|[65, 48] expected");
}

static void wrong_type_is_named_with_found_and_expected(void **state)
{
    (void)state;
    const char *folder = copy();
    test_weights_edit(folder, "encoder.layer.0.output.dense.weight",
                      "encoder.layer.0.output.dense.weight",
                      "{\"dtype\": \"I32\"}");
    test_refused(folder, ANM_E_UNSUPPORTED,
                 "encoder.layer.0.output.dense.weight|I32 found|F32, F16 or "
                 "BF16");
    folder = copy();
    test_weights_edit(folder, "embeddings.LayerNorm.bias",
                      "embeddings.LayerNorm.bias",
                      "{\"dtype\": \"F64\", \"shape\": [24]}");
    test_refused(folder, ANM_E_UNSUPPORTED,
                 "embeddings.LayerNorm.bias|F64 found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_of_mean_model_computes_every_step_of_the_trace),
        cmocka_unit_test(graph_of_half_precision_cls_model_does_too),
        cmocka_unit_test(graph_has_the_primitive_form_that_passes_know),
        cmocka_unit_test(node_names_are_distinct),
        cmocka_unit_test(activation_and_epsilon_are_the_configs),
        cmocka_unit_test(silent_config_takes_the_default_with_a_note),
        cmocka_unit_test(settings_not_built_in_are_refused_by_name),
        cmocka_unit_test(old_names_of_norms_are_understood),
        cmocka_unit_test(missing_tensor_is_named),
        cmocka_unit_test(wrong_shape_is_named_with_found_and_expected),
        cmocka_unit_test(wrong_type_is_named_with_found_and_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
