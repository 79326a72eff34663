/* Packages while memory runs out, and while bits of their files are wrong: a
 * result, or an error, and nothing that leaks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/package.h"
#include "support/packed.h"

/* Run the first case of a package's reference with zeros for values. */
static anm_status predict(const char *path, const json_t *ref, anm_error *err)
{
    const json_t *inputs = json_object_get(
                     json_array_get(json_object_get(ref, "cases"), 0),
                     "inputs"),
                 *o, *dim;
    static const float zeros[4096];
    static const int32_t zero_ids[4096];
    anm_raw_array given[8];
    size_t dims[8][8], n = 0, i;
    const anm_raw_array *outputs;
    anm_predictor *p = NULL;
    anm_options options;

    anm_options_init(&options);
    options.model = path;
    options.threads = 1;
    json_array_foreach(inputs, i, o)
    {
        anm_raw_array *a = &given[n];
        size_t k;
        const char *type = json_string_value(json_object_get(o, "dtype"));
        *a = (anm_raw_array){
            .name = json_string_value(json_object_get(o, "name")),
            .dims = dims[n],
            .floats = zeros,
            .ints = zero_ids,
        };
        anm_raw_type_parse(&a->type, type, NULL);
        json_array_foreach(json_object_get(o, "shape"), k, dim)
        {
            dims[n][a->rank++] = (size_t)json_integer_value(dim);
        }
        n++;
    }
    anm_status status = anm_predictor_open(&p, &options, err);
    if (!status)
        status = anm_predictor_run(p, NULL, given, n, &outputs, &i, err);
    anm_predictor_close(p);
    return status;
}

static json_t *reference(const char *name)
{
    char file[128];

    snprintf(file, sizeof(file), "%s.ref.json", name);
    json_t *ref = json_load_file(test_packed(file), 0, NULL);
    assert_non_null(ref);
    return ref;
}

static void every_allocation_of_a_prediction_may_fail(void **state)
{
    static const char *const names[] = { "op_sdpa_ios18",
                                         "op_constexpr_n40_ios18",
                                         "state_running_mean_ios18",
                                         "op_slice_runtime_ios15" };
    (void)state;

    test_fault_spare_jansson(true);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[4096];
        json_t *ref = reference(names[i]);
        bool happened = true;
        snprintf(path, sizeof(path), "%s/%s.mlpackage", test_packed_folder(),
                 names[i]);
        // Some operations divide by zeros; that is no failure.
        for (uint64_t k = 1; happened; k++) {
            anm_error err = { .message = "" };
            test_fault_arm(k);
            const anm_status status = predict(path, ref, &err);
            happened = test_fault_disarm();
            if (happened ? status != ANM_E_NOMEM : status != ANM_OK)
                fail_msg("%s: allocation %llu: %s: %s", names[i],
                         (unsigned long long)k, anm_status_name(status),
                         err.message);
        }
        json_decref(ref);
    }
}

static void every_allocation_of_opening_a_model_may_fail(void **state)
{
    const anm_source_params params = {
        .tokenizer = test_data("coreml/bert-tokenizer.json"),
    };
    char path[4096];
    bool happened = true;
    (void)state;

    snprintf(path, sizeof(path), "%s", test_packed("bert_c_pal2.mlpackage"));
    // The reader and the tokenizer have tests of their own for each k.
    for (uint64_t k = 1; happened; k += k < 64 ? 1 : 37) {
        anm_error err = { .message = "" };
        uint8_t digest[ANM_SHA256_BYTES];
        anm_source *s = NULL;
        anm_arrays *a = NULL;
        anm_arrays_text text;
        test_fault_arm(k);
        anm_status status = anm_source_open(&s, path, &params, &err);
        if (!status) status = anm_package_build(s, &a, &text, &err);
        if (!status) status = anm_package_digest(s->package, digest, &err);
        happened = test_fault_disarm();
        anm_arrays_free(a);
        anm_source_close(s);
        if (happened ? status != ANM_E_NOMEM : status != ANM_OK)
            fail_msg("allocation %llu: %s: %s", (unsigned long long)k,
                     anm_status_name(status), err.message);
    }
}

/* One wrong bit at a time, spread over the model file: what is still a program
 * runs or is refused. */
static void wrong_bits_end_in_a_result_or_an_error(void **state)
{
    static const char *const names[] = { "op_reshape_ios17", "op_gather_ios17",
                                         "op_slice_ios17",
                                         "op_conv_lower_ios17",
                                         "op_constexpr_n40_ios18" };
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[4096], file[4200];
        size_t len;
        json_t *ref = reference(names[i]);
        snprintf(path, sizeof(path), "%s/%s.mlpackage", test_packed_folder(),
                 names[i]);
        snprintf(file, sizeof(file), "%s/Data/com.apple.CoreML/model.mlmodel",
                 path);
        char *data = test_read(file, &len);
        FILE *out = fopen(file, "r+b");
        assert_non_null(out);
        for (size_t bit = 0; bit < 120; bit++) {
            const size_t at = (bit * 7919 + i) % (len * 8);
            anm_error err = { .message = "" };
            const char wrong = (char)(data[at / 8] ^ 1 << at % 8);
            fseek(out, (long)(at / 8), SEEK_SET);
            fwrite(&wrong, 1, 1, out);
            fflush(out);
            const anm_status status = predict(path, ref, &err);
            if (status == ANM_E_INTERNAL || (status && !err.message[0]))
                fail_msg("%s: bit %zu: %s", names[i], at,
                         anm_status_name(status));
            fseek(out, (long)(at / 8), SEEK_SET);
            fwrite(&data[at / 8], 1, 1, out);
        }
        fclose(out);
        free(data);
        json_decref(ref);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_a_prediction_may_fail),
        cmocka_unit_test(every_allocation_of_opening_a_model_may_fail),
        cmocka_unit_test(wrong_bits_end_in_a_result_or_an_error),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
