/* look.c - models, plans and caches looked at from outside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/engine.h"

anm_status anm_inspect(const anm_options *options, unsigned flags, char **json,
                       anm_error *err)
{
    const unsigned known = ANM_INSPECT_TENSORS | ANM_INSPECT_OPS;
    anm_status status = anm_check_options(options, err);

    if (!status) status = anm_check_given(json, "json", err);
    if (status) return status;
    if (flags & ~known)
        return anm_fail(err, ANM_E_ARG, "flags: 0x%x, allowed bits are 0x%x",
                        flags, known);
    return anm_engine_inspect(options, flags, json, err);
}

anm_status anm_plan(const anm_options *options, char **json, bool *met,
                    anm_error *err)
{
    bool ignored;
    anm_status status = anm_check_options(options, err);

    if (!status) status = anm_check_given(json, "json", err);
    if (status) return status;
    return anm_engine_plan(options, NULL, json, met ? met : &ignored, err);
}

anm_status anm_plan_from(const anm_options *options, const char *recorded,
                         char **json, bool *met, anm_error *err)
{
    bool ignored;
    anm_status status = anm_check_options(options, err);

    if (!status) status = anm_check_given(recorded, "recorded", err);
    if (!status) status = anm_check_given(json, "json", err);
    if (status) return status;
    return anm_engine_plan(options, recorded, json, met ? met : &ignored, err);
}

/* ---- Caches ---------------------------------------------------------------- */

/* A folder that does not exist is an empty cache; a file is a mistake. */
static anm_status check_folder(const char *cache_dir, char **out,
                               anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    const anm_status status = anm_file_look(cache_dir, &kind, &id, err);

    if (status) return status;
    if (kind == ANM_FILE_REGULAR || kind == ANM_FILE_OTHER)
        return anm_fail(
            err, ANM_E_IO, "cache folder %s: %s, a folder expected", cache_dir,
            kind == ANM_FILE_REGULAR ? "a file" : "a device or a pipe");
    return anm_engine_cache_folder(cache_dir, out, err);
}

static anm_status find_folder(const char *cache_dir, char **json, char **out,
                              anm_error *err)
{
    const anm_status status = anm_check_given(json, "json", err);

    if (status) return status;
    if (cache_dir && !*cache_dir)
        return anm_fail(err, ANM_E_ARG,
                        "cache folder: '' is none, nothing to look at");
    return cache_dir ? check_folder(cache_dir, out, err)
                     : anm_engine_cache_folder(NULL, out, err);
}

anm_status anm_cache_ls(const char *cache_dir, char **json, anm_error *err)
{
    char *folder;
    anm_status status = find_folder(cache_dir, json, &folder, err);

    if (status) return status;
    status = anm_artifacts_ls(folder, json, err);
    anm_free(folder);
    return status;
}

anm_status anm_cache_verify(const char *cache_dir, char **json, bool *sound,
                            anm_error *err)
{
    char *folder;
    anm_status status = find_folder(cache_dir, json, &folder, err);

    if (status) return status;
    status = anm_artifacts_verify(folder, json, sound, err);
    anm_free(folder);
    return status;
}

anm_status anm_cache_prune(const char *cache_dir, unsigned unused_days,
                           char **json, anm_error *err)
{
    char *folder;
    anm_status status = find_folder(cache_dir, json, &folder, err);

    if (status) return status;
    status = anm_artifacts_prune(folder, unused_days, json, err);
    anm_free(folder);
    return status;
}
