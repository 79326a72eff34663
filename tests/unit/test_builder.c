/* test_builder.c - what builders share: settings by name, tensors held against
 * what the settings promise, constants and nodes by canonical names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/builder.h"

#include <string.h>

#include "support/support.h"

/* A source of three tensors: "p.0.part.weight" [2, 32], its bias [2] and
 * "blocks.weight", a matrix of one Q8_0 block a row. */
typedef struct fixture {
    anm_source source;
    anm_map map;
    anm_graph *graph;
    anm_builder b;
} fixture;

static const char bytes[256];

static void add(fixture *f, const char *name, anm_dtype dtype, unsigned rank,
                uint64_t columns, size_t len)
{
    const anm_weight w = { .name = name,
                           .stored = name,
                           .dtype = dtype,
                           .rank = rank,
                           .dims = { 2, columns },
                           .data = anm_bytes_of(bytes, len) };

    anm_weights_add(&f->source.weights, &w);
}

static void init(fixture *f)
{
    anm_weights *w = &f->source.weights;

    *f = (fixture){ .source = { .settings = "config.json", .prefix = "pre." } };
    f->map.bytes = anm_bytes_of(bytes, sizeof(bytes));
    assert_true(anm_weights_reset(w, &f->source.arena, 4, 1));
    anm_weights_add_file(w, "a.file", &f->map);
    add(f, "p.0.part.weight", ANM_DTYPE_F32, 2, 32, 256);
    add(f, "p.0.part.bias", ANM_DTYPE_F16, 1, 0, 4);
    add(f, "blocks.weight", ANM_DTYPE_Q8_0, 2, 32, 68);
    add(f, "ids.weight", ANM_DTYPE_I64, 2, 4, 64);
    assert_int_equal(anm_weights_finish(w, NULL), ANM_OK);
    assert_int_equal(anm_graph_new(&f->graph, NULL), ANM_OK);
    f->b = (anm_builder){ .s = &f->source, .g = f->graph, .layers = "p" };
    anm_builder_begin(&f->b);
}

static void deinit(fixture *f)
{
    anm_graph_free(f->graph);
    anm_arena_deinit(&f->source.arena);
}

/* What was asked for must have failed in the graph, with all of these words. */
static void check_failed(fixture *f, anm_status status,
                         const char *const *words)
{
    anm_error err = { .message = "" };

    assert_int_equal(anm_graph_finish(f->graph, &err), status);
    for (; *words; words++)
        if (!strstr(err.message, *words))
            fail_msg("no \"%s\": %s", *words, err.message);
    deinit(f);
}

static const anm_value *value_of(const fixture *f, const char *name)
{
    const anm_value_id id = anm_graph_find(f->graph, name);

    if (id == ANM_VALUE_NONE) fail_msg("no value %s", name);
    return anm_graph_value(f->graph, id);
}

/* ---- Settings -------------------------------------------------------------- */

static void check_act(const char *json, anm_status status, anm_act act,
                      const char *word)
{
    json_t *config = json_loads(json, 0, NULL);
    anm_error err = { .message = "" };
    anm_act got = ANM_ACT_TANH;

    assert_int_equal(anm_read_act(config, "c.json", "silu", &got, &err),
                     status);
    if (!status) assert_int_equal(got, act);
    assert_non_null(strstr(err.message, word));
    json_decref(config);
}

static void activations_are_known_by_every_name_of_theirs(void **state)
{
    (void)state;
    check_act("{\"hidden_act\": \"gelu\"}", ANM_OK, ANM_ACT_GELU_ERF, "");
    check_act("{\"hidden_act\": \"gelu_new\"}", ANM_OK, ANM_ACT_GELU_TANH, "");
    check_act("{\"hidden_act\": \"gelu_pytorch_tanh\"}", ANM_OK,
              ANM_ACT_GELU_TANH, "");
    check_act("{\"hidden_act\": \"swish\"}", ANM_OK, ANM_ACT_SILU, "");
    check_act("{}", ANM_OK, ANM_ACT_SILU, "");
    check_act("{\"hidden_act\": \"gelu_fast\"}", ANM_E_UNSUPPORTED, 0,
              "c.json: hidden_act \"gelu_fast\" is not built in");
    check_act("{\"hidden_act\": 3}", ANM_E_FORMAT, 0, "hidden_act");
}

static void a_part_of_a_layer_has_a_name_of_node_and_tensor(void **state)
{
    const anm_builder b = { .layer = 3, .layers = "encoder.layer" };
    const anm_part_name name = anm_name_part(&b, "output.dense");

    (void)state;
    assert_string_equal(name.node, "layer_03.output.dense");
    assert_string_equal(name.tensor, "encoder.layer.3.output.dense");
}

/* ---- Tensors --------------------------------------------------------------- */

static void tensors_become_constants_and_count_as_used(void **state)
{
    fixture f;

    (void)state;
    init(&f);
    anm_add_matrix(&f.b, "p.0.part.weight", 2, 32);
    anm_add_vector(&f.b, "p.0.part.bias", 2);
    anm_add_matrix(&f.b, "blocks.weight", 2, 32);
    const anm_value *v = value_of(&f, "blocks.weight");
    assert_int_equal(v->kind, ANM_VALUE_CONST);
    assert_int_equal(v->shape.dtype, ANM_DTYPE_Q8_0);
    assert_ptr_equal(v->parts[0].data.data, bytes);
    assert_int_equal(value_of(&f, "p.0.part.bias")->shape.rank, 1);
    const anm_weights *w = &f.source.weights;
    assert_true(anm_weights_find(w, "blocks.weight")->used);
    assert_false(anm_weights_find(w, "ids.weight")->used);
    deinit(&f);
}

static void a_tensor_that_is_absent_is_named_as_it_would_be_stored(void **state)
{
    static const char *const words[] = { "a.file", "no tensor pre.p.1.weight",
                                         "config.json", NULL };
    fixture f;

    (void)state;
    init(&f);
    assert_int_equal(anm_add_matrix(&f.b, "p.1.weight", 2, 2), ANM_VALUE_NONE);
    check_failed(&f, ANM_E_FORMAT, words);
}

static void another_shape_names_found_and_expected(void **state)
{
    static const char *const words[] = { "a.file", "p.0.part.weight",
                                         "[2, 32] found", "[2, 31] expected",
                                         NULL };
    static const char *const flat[] = { "p.0.part.weight", "[2, 32] found",
                                        "[64] expected", NULL };
    fixture f;

    (void)state;
    init(&f);
    anm_add_matrix(&f.b, "p.0.part.weight", 2, 31);
    check_failed(&f, ANM_E_FORMAT, words);
    init(&f);
    anm_add_vector(&f.b, "p.0.part.weight", 64);
    check_failed(&f, ANM_E_FORMAT, flat);
}

static void another_type_names_found_and_expected(void **state)
{
    static const char *const whole[] = { "ids.weight", "I64 found",
                                         "or a block type expected", NULL };
    static const char *const vector[] = { "blocks.weight", "Q8_0 found",
                                          "F32, F16 or BF16 expected", NULL };
    fixture f;

    (void)state;
    init(&f);
    anm_add_matrix(&f.b, "ids.weight", 2, 4);
    check_failed(&f, ANM_E_UNSUPPORTED, whole);
    init(&f);
    anm_add_vector(&f.b, "blocks.weight", 64);
    check_failed(&f, ANM_E_UNSUPPORTED, vector);
}

static void the_first_trouble_is_the_one_that_is_told(void **state)
{
    static const char *const words[] = { "no tensor pre.first", NULL };
    fixture f;

    (void)state;
    init(&f);
    anm_add_vector(&f.b, "first", 2);
    anm_add_vector(&f.b, "second", 2);
    anm_builder_finish(&f.b, f.b.ids);
    check_failed(&f, ANM_E_FORMAT, words);
}

/* ---- Nodes ----------------------------------------------------------------- */

/* [L, 32] numbers to go on from. */
static anm_value_id add_rows(fixture *f)
{
    const anm_value_id table = anm_add_matrix(&f->b, "blocks.weight", 2, 32);

    return anm_add_node2(&f->b, ANM_OP_GATHER, "rows", table, f->b.ids, NULL);
}

static void a_linear_takes_its_bias_where_it_has_one(void **state)
{
    fixture f;

    (void)state;
    for (int bias = 0; bias < 2; bias++) {
        init(&f);
        anm_add_linear(&f.b, "part", add_rows(&f), 2, 32, bias);
        const anm_node *n =
            anm_graph_node(f.graph, anm_graph_n_nodes(f.graph) - 1);
        assert_int_equal(n->op, ANM_OP_LINEAR);
        assert_string_equal(n->name, "layer_00.part");
        assert_int_equal(n->inputs[1],
                         anm_graph_find(f.graph, "p.0.part.weight"));
        assert_int_equal(n->inputs[2],
                         bias ? anm_graph_find(f.graph, "p.0.part.bias")
                              : ANM_VALUE_NONE);
        deinit(&f);
    }
}

static void the_recipe_decides_how_a_graph_ends(void **state)
{
    static const anm_pool_kind pools[] = { ANM_POOL_CLS, ANM_POOL_MEAN,
                                           ANM_POOL_LAST };
    fixture f;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        const bool normalize = i >= 3;
        init(&f);
        f.source.recipe.pool = pools[i % 3];
        f.source.recipe.normalize = normalize;
        anm_builder_finish(&f.b, add_rows(&f));
        assert_int_equal(anm_graph_finish(f.graph, NULL), ANM_OK);
        const size_t n = anm_graph_n_nodes(f.graph);
        const anm_node *last = anm_graph_node(f.graph, n - 1);
        const anm_node *pool = anm_graph_node(f.graph, n - (normalize ? 2 : 1));
        assert_int_equal(pool->op, ANM_OP_POOL);
        assert_int_equal(pool->attr.pool, pools[i % 3]);
        assert_int_equal(last->op, normalize ? ANM_OP_NORMALIZE : ANM_OP_POOL);
        assert_int_equal(anm_graph_result_of(f.graph), last->output);
        deinit(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_are_known_by_every_name_of_theirs),
        cmocka_unit_test(a_part_of_a_layer_has_a_name_of_node_and_tensor),
        cmocka_unit_test(tensors_become_constants_and_count_as_used),
        cmocka_unit_test(
            a_tensor_that_is_absent_is_named_as_it_would_be_stored),
        cmocka_unit_test(another_shape_names_found_and_expected),
        cmocka_unit_test(another_type_names_found_and_expected),
        cmocka_unit_test(the_first_trouble_is_the_one_that_is_told),
        cmocka_unit_test(a_linear_takes_its_bias_where_it_has_one),
        cmocka_unit_test(the_recipe_decides_how_a_graph_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
