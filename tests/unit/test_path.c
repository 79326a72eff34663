/* Names of files, and the cache folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "support/support.h"

static void one_slash_stands_between(void **state)
{
    static const char *const cases[][3] = {
        { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "/", "b", "/b" },
        { "", "b", "b" },    { "a", "", "a/" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *joined = anm_path_join(cases[i][0], cases[i][1]);
        assert_string_equal(joined, cases[i][2]);
        anm_free(joined);
    }
}

static void base_is_the_last_part(void **state)
{
    static const char *const cases[][2] = {
        { "/a/b", "b" }, { "b", "b" }, { "/a/b///", "b" }, { "/", "/" },
        { "///", "/" },  { "", "" },   { "a/.", "." },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *base = anm_path_base(cases[i][0]);
        assert_string_equal(base, cases[i][1]);
        anm_free(base);
    }
}

static void absolute_path_does_not_depend_on_the_current_folder(void **state)
{
    const char *folder = test_temp_folder();
    char dotted[600], before[1024];
    (void)state;

    assert_non_null(getcwd(before, sizeof(before)));
    char *want = anm_path_absolute(folder);
    assert_non_null(want);
    snprintf(dotted, sizeof(dotted), "%s/../%s/.", folder,
             strrchr(folder, '/') + 1);
    char *got = anm_path_absolute(dotted);
    assert_string_equal(got, want);
    anm_free(got);
    assert_int_equal(chdir(folder), 0);
    got = anm_path_absolute(".");
    assert_int_equal(chdir(before), 0);
    assert_string_equal(got, want);
    anm_free(got);
    anm_free(want);
    snprintf(dotted, sizeof(dotted), "%s/absent", folder);
    assert_null(anm_path_absolute(dotted));
}

static void expect_cache(const char *xdg, const char *home, const char *want)
{
    char *path = NULL;

    if (xdg)
        setenv("XDG_CACHE_HOME", xdg, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    if (home)
        setenv("HOME", home, 1);
    else
        unsetenv("HOME");
    const anm_status status = anm_path_cache(&path, NULL);
    assert_int_equal(status, want ? ANM_OK : ANM_E_NOTFOUND);
    if (want) assert_string_equal(path, want);
    anm_free(path);
}

static void cache_follows_the_environment(void **state)
{
    (void)state;

    expect_cache("/x", "/h", "/x/anemone");
#if !defined(__APPLE__)
    expect_cache(NULL, "/h", "/h/.cache/anemone");
    expect_cache("relative", "/h", "/h/.cache/anemone");
    expect_cache("", "/h", "/h/.cache/anemone");
#endif
    expect_cache(NULL, NULL, NULL);
    expect_cache("relative", "", NULL);
}

static void every_allocation_may_fail(void **state)
{
    char *path = NULL;
    (void)state;

    setenv("HOME", "/h", 1);
    test_fault_arm(1);
    assert_null(anm_path_join("a", "b"));
    assert_true(test_fault_disarm());
    test_fault_arm(1);
    assert_null(anm_path_base("a"));
    assert_true(test_fault_disarm());
    test_fault_arm(1);
    assert_int_equal(anm_path_cache(&path, NULL), ANM_E_NOMEM);
    assert_true(test_fault_disarm());
}

int main(void)
{
    test_fault_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slash_stands_between),
        cmocka_unit_test(base_is_the_last_part),
        cmocka_unit_test(absolute_path_does_not_depend_on_the_current_folder),
        cmocka_unit_test(cache_follows_the_environment),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
