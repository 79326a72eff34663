/* packages.c - see packages.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/packages.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static json_t *load(const char *folder, const char *name, const char *what)
{
    char path[8192 + 32];

    snprintf(path, sizeof(path), "%.4095s/%.4095s.%s.json", folder, name, what);
    return json_load_file(path, 0, NULL);
}

/* The package of an info file, when it is there. */
static bool visit(const char *info_path,
                  void (*fn)(const test_package *p, void *ctx), void *ctx)
{
    static const char *const endings[] = { "mlpackage", "mlmodel" };
    char folder[4096], *name;
    test_package p = { 0 };

    snprintf(folder, sizeof(folder), "%s", info_path);
    name = strrchr(folder, '/');
    *name++ = '\0';
    name[strlen(name) - strlen(".info.json")] = '\0';
    p.name = name;
    for (size_t i = 0; i < 2 && !p.info; i++) {
        const int len = snprintf(p.path, sizeof(p.path), "%s/%s.%s", folder,
                                 name, endings[i]);
        assert_in_range(len, 1, sizeof(p.path) - 1);
        if (access(p.path, R_OK) == 0) p.info = load(folder, name, "info");
    }
    if (!p.info) return false;
    p.ref = load(folder, name, "ref");
    assert_non_null(p.ref);
    fn(&p, ctx);
    json_decref(p.info);
    json_decref(p.ref);
    return true;
}

size_t test_each_package(void (*fn)(const test_package *p, void *ctx),
                         void *ctx)
{
    const char *folder = test_shared("coreml");

    return folder ? test_each_package_in(folder, fn, ctx) : 0;
}

size_t test_each_package_in(const char *folder,
                            void (*fn)(const test_package *p, void *ctx),
                            void *ctx)
{
    char pattern[4096];
    glob_t found = { 0 };
    size_t n = 0;

    snprintf(pattern, sizeof(pattern), "%s/*.info.json", folder);
    glob(pattern, 0, NULL, &found);
    snprintf(pattern, sizeof(pattern), "%s/real/*.info.json", folder);
    glob(pattern, GLOB_APPEND, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++)
        n += visit(found.gl_pathv[i], fn, ctx);
    globfree(&found);
    return n;
}

anm_mlpackage *test_open_package(const char *path)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };

    if (anm_mlpackage_open(&p, path, &err)) fail_msg("%s", err.message);
    return p;
}

const char *test_package_copy(const char *name)
{
    static char path[4096];
    char command[4 * 4096];

    snprintf(path, sizeof(path), "%s/%s.mlpackage", test_temp_folder(), name);
    snprintf(command, sizeof(command),
             "cp -r '%s/coreml/%s.mlpackage' '%s' && chmod -R u+w '%s' && "
             "mkdir -p '%s/Data/com.apple.CoreML/weights'",
             ANM_TEST_DATA, name, path, path, path);
    assert_int_equal(system(command), 0);
    return path;
}

bool test_holds(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}
