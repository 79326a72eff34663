/* Opening packages as models: where a tokenizer lies, what the folder beside it
 * says, what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/model_folder.h"
#include "support/model_open.h"
#include "support/packed.h"
#include "support/pb_write.h"

static anm_status open_bert(anm_source **s, const anm_source_params *params,
                            anm_error *err)
{
    return anm_source_open(s, test_packed("bert_c_pal2.mlpackage"), params,
                           err);
}

static const char *bert_tokenizer(void)
{
    return test_data("coreml/bert-tokenizer.json");
}

static void a_package_becomes_a_source(void **state)
{
    const anm_source_params params = { .tokenizer = bert_tokenizer() };
    anm_source *s;
    anm_error err;
    (void)state;

    if (open_bert(&s, &params, &err)) fail_msg("%s", err.message);
    assert_string_equal(s->format, "mlpackage");
    assert_string_equal(s->architecture, "mlprogram");
    assert_string_equal(s->name, "bert_c_pal2.mlpackage");
    assert_int_equal(s->vocab_rows, 500);
    assert_int_equal(s->recipe.dim, 64);
    assert_int_equal(s->recipe.max_tokens, 32);
    assert_true(s->recipe.is_pooled && s->recipe.normalize);
    assert_true(s->package->normalizes && !s->package->unit);
    assert_false(s->package->pad_left);
    assert_int_equal(s->weights.n_files, 2);
    anm_source_close(s);
}

static void a_program_is_fed_by_roles(void **state)
{
    const anm_source_params params = { .tokenizer = bert_tokenizer() };
    anm_source *s;
    anm_arrays *a;
    anm_arrays_text text;
    anm_error err;
    (void)state;

    assert_int_equal(open_bert(&s, &params, &err), ANM_OK);
    assert_int_equal(anm_package_build(s, &a, &text, &err), ANM_OK);
    assert_int_equal(text.n_feeds, 2);
    assert_int_equal(text.feeds[0].role, ANM_ARRAY_ROLE_IDS);
    assert_int_equal(text.feeds[0].input, anm_arrays_find(a, "input_ids"));
    assert_int_equal(text.feeds[1].role, ANM_ARRAY_ROLE_MASK);
    assert_int_equal(text.n_lengths, 1);
    assert_int_equal(text.lengths[0], 32);
    assert_int_equal(text.vector, anm_arrays_find(a, "embedding"));
    anm_arrays_free(a);
    anm_source_close(s);
}

static void a_folder_beside_the_tokenizer_is_obeyed(void **state)
{
    const char *folder = test_model_copy("tiny-bert-mean");
    const anm_source_params params = { .tokenizer = folder };
    char *tokenizer = test_read(bert_tokenizer(), NULL);
    anm_source *s;
    anm_error err;
    (void)state;

    test_model_write(folder, "tokenizer.json", tokenizer, strlen(tokenizer));
    test_model_set(folder, "tokenizer_config.json",
                   "{\"padding_side\":\"left\"}");
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\":20}");
    if (open_bert(&s, &params, &err)) fail_msg("%s", err.message);
    assert_int_equal(s->recipe.max_tokens, 20);
    assert_true(s->package->pad_left);
    assert_int_equal(s->package->pad_id, 0); // [PAD]
    anm_source_close(s);
    free(tokenizer);
}

static void a_tokenizer_of_more_ids_is_refused(void **state)
{
    const anm_source_params params = { .tokenizer =
                                           test_data("tiny-bert-cls") };
    anm_source *s;
    anm_error err;
    (void)state;

    assert_int_equal(open_bert(&s, &params, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "ids below 640"));
    assert_non_null(strstr(err.message, "500 rows"));
}

/* A file of the tests' tokenizer, whose table of 500 it leaves with one added
 * token; `framed`: which every text ends with. */
static const char *tokenizer_with_more(bool framed)
{
    static char path[4096];
    json_t *root = json_load_file(bert_tokenizer(), 0, NULL);
    json_t *added = json_object_get(root, "added_tokens");
    json_t *more = json_deep_copy(json_array_get(added, 0));
    json_t *frame =
        json_object_get(json_object_get(json_object_get(root, "post_processor"),
                                        "special_tokens"),
                        "[SEP]");

    json_object_set_new(more, "id", json_integer(500));
    json_object_set_new(more, "content", json_string("<picture>"));
    assert_int_equal(json_array_append_new(added, more), 0);
    if (framed)
        json_array_set_new(json_object_get(frame, "ids"), 0, json_integer(500));
    snprintf(path, sizeof(path), "%s/tokenizer.json", test_temp_folder());
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    return path;
}

static void added_tokens_beyond_the_table_are_noted(void **state)
{
    anm_source_params params = { .tokenizer = tokenizer_with_more(false) };
    anm_source *s;
    anm_error err;
    (void)state;

    if (open_bert(&s, &params, &err)) fail_msg("%s", err.message);
    assert_int_equal(s->vocab_rows, 500);
    assert_non_null(strstr(test_note(s, "tokenizer"), "up to 500"));
    assert_non_null(strstr(test_note(s, "tokenizer"), "500 rows"));
    anm_source_close(s);
    params.tokenizer = tokenizer_with_more(true);
    assert_int_equal(open_bert(&s, &params, &err), ANM_E_FORMAT);
    assert_non_null(strstr(err.message, "ids below 501"));
}

static void modules_of_a_pooled_package_are_its_own(void **state)
{
    static const char modules[] =
        "[{\"type\":\"own.Encoder\",\"path\":\"\"},"
        "{\"type\":\"sentence_transformers.models.Dense\","
        "\"path\":\"1_Dense\"},"
        "{\"type\":\"sentence_transformers.models.Normalize\","
        "\"path\":\"2_Normalize\"}]";
    const char *folder = test_model_copy("tiny-bert-mean");
    const anm_source_params params = { .tokenizer = folder };
    char *tokenizer = test_read(bert_tokenizer(), NULL);
    anm_source *s;
    anm_error err;
    (void)state;

    test_model_write(folder, "tokenizer.json", tokenizer, strlen(tokenizer));
    test_model_write(folder, "modules.json", modules, strlen(modules));
    test_model_set(folder, "sentence_bert_config.json",
                   "{\"max_seq_length\":20}");
    if (open_bert(&s, &params, &err)) fail_msg("%s", err.message);
    assert_int_equal(s->recipe.max_tokens, 20);
    assert_true(s->recipe.normalize);
    anm_source_close(s);
    free(tokenizer);
}

enum { BOOL = 1, STRING = 2, F32 = 11, I32 = 23 };

static void add_op(test_pb *w, const char *type, const char *a,
                   const char *a_is, const char *b, const char *b_is)
{
    test_mil_op(w, type);
    test_mil_arg(w, a, a_is);
    if (b) test_mil_arg(w, b, b_is);
}

static void add_number(test_pb *w, const char *name, float number)
{
    test_mil_const(w, name, F32, NULL, 0, 1);
    test_pb_bytes(w, 1, &number, sizeof(number));
    test_mil_const_end(w);
}

/* x / max(|x|, least) along the last axis of [1, 4, 2], x being the ids and
 * what is added to them. */
static void add_unit_rows(test_pb *w)
{
    test_mil_const(w, "type", STRING, NULL, 0, 4);
    test_pb_text(w, 1, "fp32");
    test_mil_const_end(w);
    test_mil_const(w, "axes", I32, TEST_DIMS(1), 2);
    test_pb_bytes(w, 1, "\2", 1);
    test_mil_const_end(w);
    test_mil_const(w, "keep", BOOL, NULL, 0, 3);
    test_pb_bytes(w, 1, "\1", 1);
    test_mil_const_end(w);
    add_number(w, "least", 1e-12f);
    add_number(w, "more", 0.5f);
    add_op(w, "cast", "x", "input_ids", "dtype", "type");
    test_mil_output(w, "floats", F32, TEST_DIMS(1, 4));
    test_pb_end(w);
    add_op(w, "add", "x", "floats", "y", "more");
    test_mil_output(w, "others", F32, TEST_DIMS(1, 4));
    test_pb_end(w);
    test_mil_op(w, "stack");
    test_pb_entry(w, 2, "values");
    for (int i = 0; i < 2; i++) {
        test_pb_begin(w, 1);
        test_pb_text(w, 1, i ? "others" : "floats");
        test_pb_end(w);
    }
    test_pb_end(w);
    test_pb_end(w);
    test_mil_arg(w, "axis", "last");
    test_mil_output(w, "rows", F32, TEST_DIMS(1, 4, 2));
    test_pb_end(w);
    add_op(w, "reduce_l2_norm", "x", "rows", "axes", "axes");
    test_mil_arg(w, "keep_dims", "keep");
    test_mil_output(w, "lengths", F32, TEST_DIMS(1, 4, 1));
    test_pb_end(w);
    add_op(w, "maximum", "x", "lengths", "y", "least");
    test_mil_output(w, "bound", F32, TEST_DIMS(1, 4, 1));
    test_pb_end(w);
    add_op(w, "real_div", "x", "rows", "y", "bound");
    test_mil_output(w, "y", F32, TEST_DIMS(1, 4, 2));
    test_pb_end(w);
}

static const char *package_of_unit_rows(void)
{
    test_pb w = { 0 };

    test_pb_int(&w, 1, 7);
    test_pb_begin(&w, 2);
    test_mil_feature(&w, 1, "input_ids", 0x20020, TEST_DIMS(1, 4));
    test_mil_feature(&w, 10, "y", 0x10020, TEST_DIMS(1, 4, 2));
    test_pb_end(&w);
    test_pb_begin(&w, 502);
    test_pb_int(&w, 1, 1);
    test_pb_entry(&w, 2, "main");
    test_mil_var(&w, 1, "input_ids", I32, TEST_DIMS(1, 4));
    test_pb_text(&w, 2, "CoreML6");
    test_pb_entry(&w, 3, "CoreML6");
    test_mil_const(&w, "last", I32, NULL, 0, 2);
    test_pb_bytes(&w, 1, "\2", 1);
    test_mil_const_end(&w);
    add_unit_rows(&w);
    test_mil_end(&w);
    return test_pb_file(&w);
}

/* The mean of rows of unit length is shorter. */
static void pooled_rows_of_unit_length_are_normalised_again(void **state)
{
    const anm_source_params params = { .tokenizer = bert_tokenizer(),
                                       .pooling = "mean",
                                       .normalize = ANM_CHOICE_YES };
    anm_source *s;
    anm_error err;
    (void)state;

    if (anm_source_open(&s, package_of_unit_rows(), &params, &err))
        fail_msg("%s", err.message);
    assert_int_equal(s->package->layout, ANM_PACKAGE_ROWS);
    assert_true(s->recipe.normalize && s->package->unit);
    anm_source_close(s);
}

static void without_a_tokenizer_it_says_what_to_give(void **state)
{
    const anm_source_params nothing = { 0 };
    anm_tokenizer *t;
    anm_source *s;
    anm_error err;
    (void)state;

    assert_int_equal(open_bert(&s, &nothing, &err), ANM_E_NOTFOUND);
    assert_non_null(strstr(err.message, "--tokenizer"));
    assert_non_null(strstr(err.message, "bert_c_pal2.mlpackage: "));
    assert_int_equal(anm_package_tokenizer(&t,
                                           test_packed("bert_c_pal2.mlpackage"),
                                           &nothing, &err),
                     ANM_E_NOTFOUND);
}

static void digest_of(const char *name, uint8_t out[ANM_SHA256_BYTES])
{
    anm_mlpackage *file = test_open_package(test_packed(name));
    const anm_package p = { .file = file, .function = file->main };
    anm_error err;

    assert_int_equal(anm_package_digest(&p, out, &err), ANM_OK);
    anm_mlpackage_close(file);
}

static void a_digest_is_of_what_is_computed(void **state)
{
    uint8_t a[ANM_SHA256_BYTES], b[ANM_SHA256_BYTES], c[ANM_SHA256_BYTES];
    (void)state;

    digest_of("op_binary_ios15.mlpackage", a);
    digest_of("op_binary_ios15.mlpackage", b);
    digest_of("op_binary_mod_ios15.mlpackage", c);
    assert_memory_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, c, sizeof(a));
}

/* Parameters come in any order in a file: it does not count. */
static void the_order_of_parameters_is_not_digested(void **state)
{
    anm_mlpackage *file =
        test_open_package(test_packed("op_binary_ios15.mlpackage"));
    anm_mil_function turned = *file->main;
    anm_mil_op *ops = anm_alloc_array(turned.block.n_ops, sizeof(*ops));
    anm_mil_arg args[2];
    uint8_t a[ANM_SHA256_BYTES], b[ANM_SHA256_BYTES];
    anm_package p = { .file = file, .function = file->main };
    anm_error err;
    (void)state;

    assert_int_equal(anm_package_digest(&p, a, &err), ANM_OK);
    memcpy(ops, turned.block.ops, turned.block.n_ops * sizeof(*ops));
    for (size_t i = 0; i < turned.block.n_ops; i++) {
        if (ops[i].n_args != 2) continue;
        args[0] = ops[i].args[1];
        args[1] = ops[i].args[0];
        ops[i].args = args;
        break;
    }
    turned.block.ops = ops;
    p.function = &turned;
    assert_int_equal(anm_package_digest(&p, b, &err), ANM_OK);
    assert_memory_equal(a, b, sizeof(a));
    anm_free(ops);
    anm_mlpackage_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_becomes_a_source),
        cmocka_unit_test(a_program_is_fed_by_roles),
        cmocka_unit_test(a_folder_beside_the_tokenizer_is_obeyed),
        cmocka_unit_test(a_tokenizer_of_more_ids_is_refused),
        cmocka_unit_test(added_tokens_beyond_the_table_are_noted),
        cmocka_unit_test(modules_of_a_pooled_package_are_its_own),
        cmocka_unit_test(pooled_rows_of_unit_length_are_normalised_again),
        cmocka_unit_test(without_a_tokenizer_it_says_what_to_give),
        cmocka_unit_test(a_digest_is_of_what_is_computed),
        cmocka_unit_test(the_order_of_parameters_is_not_digested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
