/* path.c - names of files, and where the cache belongs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

char *anm_path_join(const char *folder, const char *name)
{
    const size_t len = strlen(folder);
    const bool needs_slash = len && folder[len - 1] != '/';
    anm_buf b = { 0 };

    anm_buf_append(&b, folder, len);
    if (needs_slash) anm_buf_puts(&b, "/");
    anm_buf_puts(&b, name);
    return anm_buf_take(&b);
}

char *anm_path_base(const char *path)
{
    size_t end = strlen(path);

    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && path[start - 1] != '/')
        start--;
    // The root is nothing but its slash.
    if (start == end && end) start--;
    return anm_copy_bytes(path + start, end - start);
}

char *anm_path_absolute(const char *path)
{
    char resolved[PATH_MAX];

    return realpath(path, resolved) ? anm_copy_string(resolved) : NULL;
}

/* The absolute path in a variable, or NULL. */
static const char *absolute_from(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0] == '/' ? value : NULL;
}

#if defined(__APPLE__)
static const char home_cache[] = "Library/Caches/anemone";
#else
static const char home_cache[] = ".cache/anemone";
#endif

anm_status anm_path_cache(char **out, anm_error *err)
{
    const char *xdg = absolute_from("XDG_CACHE_HOME");
    const char *home = absolute_from("HOME");

    if (!xdg && !home)
        return anm_fail(err, ANM_E_NOTFOUND,
                        "no cache folder: neither XDG_CACHE_HOME nor HOME is "
                        "set to an absolute path");
    char *path =
        xdg ? anm_path_join(xdg, "anemone") : anm_path_join(home, home_cache);
    if (!path) return anm_fail(err, ANM_E_NOMEM, "cache folder: out of memory");
    *out = path;
    return ANM_OK;
}
