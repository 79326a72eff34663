/* test_mlpackage_damage.c - damaged packages end in the error that says what
 * is wrong, and never ask for much memory: read, or opened as a model.
 *
 * The damage is done by a script of the shared data.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/packages.h"

/* Beyond the size of the package. */
static const size_t MEMORY_MAX = (size_t)64 << 20;

/* What an op means is judged where programs are translated; here these are
 * well formed. */
static bool is_of_meaning(const char *name)
{
    static const char *const names[] = {
        "unknown_op",        "missing_argument", "unknown_argument",
        "axis_out_of_range", "shape_disagrees",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static bool is_of_kind(anm_status status, const char *kind)
{
    if (strcmp(kind, "format") == 0) return status == ANM_E_FORMAT;
    if (strcmp(kind, "unsupported") == 0) return status == ANM_E_UNSUPPORTED;
    if (strcmp(kind, "limit") == 0) return status == ANM_E_LIMIT;
    return status == ANM_E_NOTFOUND || status == ANM_E_IO;
}

/* Open, and ask whether it could run. */
static anm_status judge(const char *path, anm_error *err)
{
    anm_alloc_stats before, after;
    anm_mlpackage *p = NULL;

    anm_alloc_stats_read(&before);
    anm_status status = anm_mlpackage_open(&p, path, err);
    anm_alloc_stats_read(&after);
    assert_int_equal(!p, status != ANM_OK);
    assert_true(after.bytes_peak - before.bytes_live < MEMORY_MAX);
    if (!status) status = anm_mlpackage_check_runnable(p, err);
    anm_mlpackage_close(p);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.bytes_live, before.bytes_live);
    return status;
}

/* All the way to a first vector: translated, prepared in memory, fitted. */
static void open_as_model(const char *path)
{
    anm_alloc_stats before, after;
    anm_options o;
    anm_model *m = NULL;
    anm_error err;

    anm_options_init(&o);
    o.model = path;
    o.tokenizer = test_data("coreml/bert-tokenizer.json");
    o.cache_dir = "";
    o.threads = 1;
    anm_alloc_stats_read(&before);
    const anm_status status = anm_model_open(&m, &o, &err);
    anm_alloc_stats_read(&after);
    assert_int_equal(!m, status != ANM_OK);
    assert_true(after.bytes_peak - before.bytes_live < MEMORY_MAX);
    anm_model_close(m);
    anm_alloc_stats_read(&after);
    assert_int_equal(after.bytes_live, before.bytes_live);
}

static void check_case(const char *folder, const char *name, const json_t *want)
{
    const char *kind = json_string_value(json_object_get(want, "kind"));
    char path[4096];
    anm_error err = { 0 };
    size_t i;
    json_t *word;

    snprintf(path, sizeof(path), "%s/%s.mlpackage", folder, name);
    const anm_status status = judge(path, &err);
    open_as_model(path);
    if (is_of_meaning(name)) {
        assert_int_equal(status, ANM_OK);
        return;
    }
    if (!is_of_kind(status, kind))
        fail_msg("%s: %s, expected %s: %s", name, anm_status_name(status), kind,
                 err.message);
    json_array_foreach(json_object_get(want, "words"), i, word)
    {
        if (!test_holds(err.message, json_string_value(word)))
            fail_msg("%s: no \"%s\" in \"%s\"", name, json_string_value(word),
                     err.message);
    }
    if (getenv("ANM_TEST_SHOW")) print_message("%s: %s\n", name, err.message);
}

static void damaged_packages_give_the_error_expected(void **state)
{
    (void)state;
    const char *good = test_shared("coreml/bert_mean_fp16_ios15.mlpackage");
    const char *script = test_shared("../tools/damage_mlpackage.py");
    const char *folder = test_temp_folder(), *name;
    char command[3 * 4096], expected[4096];
    json_t *want;

    if (!good || !script || system("python3 -c '' 2>/dev/null") != 0) {
        print_message("no ../shared/data/coreml, or no python3\n");
        skip();
        return;
    }
    snprintf(command, sizeof(command),
             "python3 '%s' '%s' '%s' --truncate-every 9973 >/dev/null", script,
             good, folder);
    assert_int_equal(system(command), 0);
    snprintf(expected, sizeof(expected), "%s/expected.json", folder);
    json_t *cases = json_load_file(expected, 0, NULL);
    assert_true(json_object_size(cases) > 60);
    json_object_foreach(cases, name, want) check_case(folder, name, want);
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_packages_give_the_error_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
