/* Unit tests of format/mlpackage_files.c: manifests, paths and links.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/packages.h"
#include "support/safetensors_write.h"

static const char GOOD[] = "op_constexpr_n8_ios18_fp16";
static const char MODEL[] = "Data/com.apple.CoreML/model.mlmodel";
static const char WEIGHTS[] = "Data/com.apple.CoreML/weights/weight.bin";

static const char *inside(const char *package, const char *name)
{
    static char paths[2][4096];
    static unsigned next;
    char *path = paths[next++ % 2];

    snprintf(path, sizeof(paths[0]), "%s/%s", package, name);
    return path;
}

static void check_refused(const char *package, anm_status want,
                          const char *words)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };
    const anm_status status = anm_mlpackage_open(&p, package, &err);

    if (status != want) fail_msg("%d: %s", (int)status, err.message);
    if (!test_holds(err.message, words))
        fail_msg("no \"%s\" in \"%s\"", words, err.message);
}

static const char *with_manifest(const char *json)
{
    const char *package = test_package_copy(GOOD);

    test_write(inside(package, "Manifest.json"), json, strlen(json));
    return package;
}

static const char *with_path(const char *path)
{
    char json[512];

    snprintf(json, sizeof(json),
             "{\"fileFormatVersion\":\"1.0.0\",\"rootModelIdentifier\":\"a\","
             "\"itemInfoEntries\":{\"a\":{\"path\":\"%s\"}}}",
             path);
    return with_manifest(json);
}

static void paths_stay_in_the_package(void **state)
{
    static const char *const bad[] = {
        "../model.mlmodel",
        "/etc/hostname",
        "com.apple.CoreML/../../../x",
        "com.apple.CoreML//model.mlmodel",
        "./com.apple.CoreML/model.mlmodel",
        "com.apple.CoreML\\\\model.mlmodel",
        "com.apple.CoreML/model.mlmodel\\u0001",
        "com.apple.CoreML/model.mlmodel/",
        "",
        "..",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_refused(with_path(bad[i]), ANM_E_FORMAT, "path");
    anm_mlpackage_close(
        test_open_package(with_path("com.apple.CoreML/model.mlmodel")));
}

static void another_item_with_a_bad_path_is_refused_too(void **state)
{
    (void)state;

    check_refused(
        with_manifest("{\"fileFormatVersion\":\"1.0.0\","
                      "\"rootModelIdentifier\":\"a\",\"itemInfoEntries\":{"
                      "\"a\":{\"path\":\"com.apple.CoreML/model.mlmodel\"},"
                      "\"b\":{\"path\":\"../weights\"}}}"),
        ANM_E_FORMAT, "../weights");
}

static void manifests_of_other_forms_are_refused(void **state)
{
    (void)state;

    check_refused(with_manifest("[]"), ANM_E_FORMAT, "Manifest.json");
    check_refused(with_manifest("{}"), ANM_E_FORMAT, "fileFormatVersion");
    check_refused(with_manifest("{\"fileFormatVersion\":\"1.0\"}"),
                  ANM_E_FORMAT, "form 1.0.0");
    check_refused(with_manifest("{\"fileFormatVersion\":\"1..0\"}"),
                  ANM_E_FORMAT, "form 1.0.0");
    check_refused(with_manifest("{\"fileFormatVersion\":\"1.0.0.0\"}"),
                  ANM_E_FORMAT, "form 1.0.0");
    check_refused(with_manifest("{\"fileFormatVersion\":\"10.0.0\"}"),
                  ANM_E_UNSUPPORTED, "10.0.0");
    check_refused(with_manifest("{\"fileFormatVersion\":\"1.2.3\","
                                "\"rootModelIdentifier\":\"b\","
                                "\"itemInfoEntries\":{}}"),
                  ANM_E_FORMAT, "rootModelIdentifier b is none of the 0");
}

static void what_the_manifest_names_must_be_there(void **state)
{
    (void)state;
    const char *package = test_package_copy(GOOD);

    unlink(inside(package, WEIGHTS));
    check_refused(package, ANM_E_NOTFOUND, "weight.bin");
    unlink(inside(package, MODEL));
    check_refused(package, ANM_E_NOTFOUND, "model.mlmodel");
    unlink(inside(package, "Manifest.json"));
    check_refused(package, ANM_E_NOTFOUND, "Manifest.json");
}

static void a_lost_folder_of_no_weights_is_fine(void **state)
{
    (void)state;
    const char *package = test_package_copy("immediate_only_ios16");

    assert_int_equal(rmdir(inside(package, "Data/com.apple.CoreML/weights")),
                     0);
    anm_mlpackage_close(test_open_package(package));
}

static void links_may_not_lead_out(void **state)
{
    (void)state;
    const char *package = test_package_copy(GOOD);
    char outside[4096];

    snprintf(outside, sizeof(outside), "%s.weights", package);
    assert_int_equal(rename(inside(package, WEIGHTS), outside), 0);
    assert_int_equal(symlink(outside, inside(package, WEIGHTS)), 0);
    check_refused(package, ANM_E_FORMAT, "a link that leads out");

    // Beside it, with a name that begins like the package's.
    char beside[4096];
    snprintf(beside, sizeof(beside), "../../../../%s",
             strrchr(outside, '/') + 1);
    unlink(inside(package, WEIGHTS));
    assert_int_equal(symlink(beside, inside(package, WEIGHTS)), 0);
    check_refused(package, ANM_E_FORMAT, "a link that leads out");
}

static void links_inside_are_followed(void **state)
{
    (void)state;
    const char *package = test_package_copy(GOOD);
    char link[4096];

    assert_int_equal(
        rename(inside(package, WEIGHTS), inside(package, "Data/kept")), 0);
    assert_int_equal(symlink("../../kept", inside(package, WEIGHTS)), 0);
    anm_mlpackage_close(test_open_package(package));

    // The package itself may be reached through a link.
    snprintf(link, sizeof(link), "%s/here.mlpackage", test_temp_folder());
    assert_int_equal(symlink(package, link), 0);
    anm_mlpackage_close(test_open_package(link));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_stay_in_the_package),
        cmocka_unit_test(another_item_with_a_bad_path_is_refused_too),
        cmocka_unit_test(manifests_of_other_forms_are_refused),
        cmocka_unit_test(what_the_manifest_names_must_be_there),
        cmocka_unit_test(a_lost_folder_of_no_weights_is_fine),
        cmocka_unit_test(links_may_not_lead_out),
        cmocka_unit_test(links_inside_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
