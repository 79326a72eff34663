/* Unit tests of format/mlmodelc.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/packages.h"
#include "support/safetensors_write.h"

static const char *compiled(const char *metadata)
{
    static char folder[4096];
    char path[4200];

    snprintf(folder, sizeof(folder), "%s/x.mlmodelc", test_temp_folder());
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(path, sizeof(path), "%s/coremldata.bin", folder);
    test_write(path, "x", 1);
    snprintf(path, sizeof(path), "%s/metadata.json", folder);
    if (metadata) test_write(path, metadata, strlen(metadata));
    return folder;
}

static void check_refused(const char *metadata, anm_status want,
                          const char *words)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };

    assert_int_equal(anm_mlpackage_open(&p, compiled(metadata), &err), want);
    if (!test_holds(err.message, words))
        fail_msg("no \"%s\" in \"%s\"", words, err.message);
}

static void metadata_describes_what_cannot_be_run(void **state)
{
    (void)state;
    anm_mlpackage *p = test_open_package(compiled(
        "[{\"specificationVersion\":8,\"shortDescription\":\"what\","
        "\"modelType\":{\"name\":\"MLModelType_mlProgram\"},"
        "\"inputSchema\":[{\"name\":\"input_ids\",\"dataType\":\"Int32\","
        "\"shape\":\"[1, 32]\",\"isOptional\":\"0\",\"type\":\"MultiArray\"}],"
        "\"outputSchema\":[{\"name\":\"embedding\",\"dataType\":\"Float16\","
        "\"shape\":\"[]\",\"shapeRange\":\"[[1, 1], [1, -1]]\"}],"
        "\"mlProgramOperationTypeHistogram\":{\"Ios16.mul\":3,\"Gelu\":2},"
        "\"userDefinedMetadata\":{\"key\":\"value\"}}]"));
    anm_error err = { 0 };

    assert_int_equal(p->container, ANM_MLPACKAGE_COMPILED);
    assert_string_equal(p->kind, "mlProgram");
    assert_string_equal(p->about, "what");
    assert_int_equal(p->spec_version, 8);
    assert_int_equal(p->features.n_inputs, 1);
    assert_int_equal(p->features.inputs[0].type, ANM_MIL_INT32);
    assert_int_equal(p->features.inputs[0].dims[1], 32);
    assert_true(anm_feature_is_flexible(&p->features.outputs[0]));
    assert_int_equal(p->n_histogram, 2);
    assert_string_equal(p->histogram[0].value, "3");
    assert_string_equal(anm_mlpackage_user_defined(p, "key"), "value");
    assert_int_equal(anm_mlpackage_check_runnable(p, &err), ANM_E_UNSUPPORTED);
    assert_true(test_holds(err.message, "give the .mlpackage"));
    anm_mlpackage_close(p);
}

static void metadata_of_other_forms_is_refused(void **state)
{
    (void)state;

    check_refused(NULL, ANM_E_NOTFOUND, "metadata.json");
    check_refused("{}", ANM_E_FORMAT, "array of one object");
    check_refused("[{},{}]", ANM_E_FORMAT, "array of one object");
    check_refused("[", ANM_E_FORMAT, "metadata.json");
    check_refused("[5]", ANM_E_FORMAT, "metadata.json");
    check_refused("[{\"inputSchema\":[{}]}]", ANM_E_FORMAT, "name");
    check_refused("[{\"shortDescription\":5}]", ANM_E_FORMAT,
                  "shortDescription");
}

static void odd_schemas_are_survived(void **state)
{
    (void)state;
    anm_mlpackage *p = test_open_package(
        compiled("[{\"inputSchema\":[{\"name\":\"a\",\"shape\":\"nonsense\","
                 "\"shapeRange\":\"[[], 5, [null]]\"}],\"outputSchema\":7,"
                 "\"userDefinedMetadata\":[1]}]"));

    assert_int_equal(p->features.inputs[0].rank, 0);
    assert_int_equal(p->features.n_outputs, 0);
    anm_mlpackage_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_describes_what_cannot_be_run),
        cmocka_unit_test(metadata_of_other_forms_is_refused),
        cmocka_unit_test(odd_schemas_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
