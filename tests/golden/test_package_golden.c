/* test_package_golden.c - packages as models: ids without padding go in, the
 * vector of the reference comes out, whatever its shapes, opset, compression,
 * layout and padding.
 *
 * References are those of the arrays (test_predict_golden.c): ids padded by
 * whoever made them. Here the engine pads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/packed.h"

/* A package, how it is to be opened, and how far a vector may be off. */
typedef struct model {
    const char *name;
    double most;
    const char *function, *output, *pooling;
    const char *wanted; /* name of the reference's output; NULL: the only one */
} model;

static anm_model *open_model(const char *folder, const model *m)
{
    char path[4096];
    anm_options o;
    anm_model *opened = NULL;
    anm_error err;

    snprintf(path, sizeof(path), "%s/%s.mlpackage", folder, m->name);
    anm_options_init(&o);
    o.model = path;
    o.tokenizer = test_data("coreml/bert-tokenizer.json");
    o.function = m->function;
    o.output = m->output;
    o.pooling = m->pooling;
    o.cache_dir = "";
    o.threads = 1;
    if (anm_model_open(&opened, &o, &err)) fail_msg("%s", err.message);
    return opened;
}

static const json_t *find(const json_t *list, const char *name)
{
    const json_t *o;
    size_t i;

    json_array_foreach(list, i, o)
    {
        if (!name ||
            !strcmp(json_string_value(json_object_get(o, "name")), name))
            return o;
    }
    return NULL;
}

static size_t size_at(const json_t *o, size_t i)
{
    return (size_t)json_integer_value(
        json_array_get(json_object_get(o, "shape"), i));
}

/* The ids of a row that its mask keeps; all of them without a mask. */
static size_t read_row(const json_t *inputs, size_t row, int32_t *ids)
{
    const json_t *all = find(inputs, "input_ids");
    const json_t *mask =
        json_object_get(find(inputs, "attention_mask"), "values");
    const size_t len = size_at(all, 1);
    size_t n = 0;

    for (size_t i = row * len; i < (row + 1) * len; i++)
        if (!mask || json_integer_value(json_array_get(mask, i)))
            ids[n++] = (int32_t)json_integer_value(
                json_array_get(json_object_get(all, "values"), i));
    return n;
}

static void check_row(const model *m, anm_model *opened, const json_t *one,
                      size_t row)
{
    const json_t *want = find(json_object_get(one, "outputs"), m->wanted);
    const json_t *values = json_object_get(want, "values");
    const size_t dim = anm_model_dim(opened);
    int32_t ids[512];
    float v[512];
    const anm_ids given = { ids, read_row(json_object_get(one, "inputs"), row,
                                          ids) };
    anm_receipt receipt;
    anm_error err;

    assert_int_equal(json_array_size(json_object_get(want, "shape")), 2);
    assert_int_equal(dim, size_at(want, 1));
    if (anm_embed_ids(opened, &given, 1, NULL, v, &receipt, &err))
        fail_msg("%s: %s", m->name, err.message);
    for (size_t i = 0; i < dim; i++) {
        const double w =
            json_number_value(json_array_get(values, row * dim + i));
        if (!(fabs(v[i] - w) <= m->most))
            fail_msg("%s: row %zu, number %zu is %.9g, must be %.9g", m->name,
                     row, i, (double)v[i], w);
    }
}

static void check_model(const char *folder, const model *m)
{
    char path[4096];
    anm_model *opened = open_model(folder, m);
    const json_t *one;
    size_t i, n = 0;

    snprintf(path, sizeof(path), "%s/%s.ref.json", folder, m->name);
    json_t *ref = json_load_file(path, 0, NULL);
    assert_non_null(ref);
    json_array_foreach(json_object_get(ref, "cases"), i, one)
    {
        const char *function =
            json_string_value(json_object_get(one, "function"));
        if (m->function && strcmp(function, m->function)) continue;
        const json_t *ids = find(json_object_get(one, "inputs"), "input_ids");
        for (size_t row = 0; row < size_at(ids, 0); row++)
            check_row(m, opened, one, row);
        n++;
    }
    assert_true(n > 0);
    json_decref(ref);
    anm_model_close(opened);
}

static void committed_packages_take_texts(void **state)
{
    static const model models[] = {
        { .name = "bert_c_pal2", .most = 2e-6 },
        { .name = "qwen_c_pal2", .most = 5e-4 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        check_model(test_packed_folder(), &models[i]);
}

static void packages_of_every_kind_take_texts(void **state)
{
    static const model models[] = {
        { .name = "bert_mean_fp16_ios15", .most = 2e-6 },
        { .name = "bert_mean_fp32_ios15", .most = 2e-6 },
        { .name = "bert_cls_sdpa_fp16_ios18", .most = 2e-6 },
        { .name = "bert_batch4_fp16_ios16", .most = 2e-6 },
        { .name = "bert_enum_fp16_ios16", .most = 2e-6 },
        { .name = "bert_range_fp16_ios16", .most = 2e-6 },
        { .name = "bert_range2_fp16_ios17", .most = 2e-6 },
        { .name = "bert_c_sparse_pal6_lut8", .most = 2e-6 },
        { .name = "bert_c_block_int4", .most = 2e-6 },
        { .name = "bert_hidden_cls_fp16_ios16",
          .most = 5e-6,
          .output = "cls",
          .wanted = "cls" },
        // Rows pooled here are what the package pools itself.
        { .name = "bert_hidden_cls_fp16_ios16",
          .most = 5e-6,
          .output = "hidden",
          .pooling = "cls",
          .wanted = "cls" },
        { .name = "multifunction_bert_ios18",
          .most = 2e-6,
          .function = "len16" },
        { .name = "ane_bert_einsum_fp16_ios15", .most = 2e-4 },
        { .name = "decoder_sdpa_bool_fp16_ios18", .most = 5e-4 },
        { .name = "qwen_mean4_fp16_default", .most = 5e-4 },
        { .name = "qwen_last_fp16_ios18", .most = 5e-4 },
    };
    const char *shared = test_shared("coreml");
    char folder[2048];
    (void)state;

    if (!shared) {
        print_message("skipped: there is no ../shared/data/coreml\n");
        skip();
    }
    snprintf(folder, sizeof(folder), "%s", shared);
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        check_model(folder, &models[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_packages_take_texts),
        cmocka_unit_test(packages_of_every_kind_take_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
