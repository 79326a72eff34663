/* hf_reading.c - the settings files of a folder: whether they are there, and
 * what they hold.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/hf_reading.h"

#include "base/error.h"
#include "base/file.h"

#define SETTINGS_BYTES ((size_t)4 << 20)

anm_status anm_hf_fail_memory(const anm_hf_reading *r, anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", r->s->path);
}

static anm_status refuse_other(const char *path, anm_file_kind kind,
                               anm_error *err)
{
    if (kind != ANM_FILE_ABSENT)
        return anm_fail(err, ANM_E_IO, "%s: %s, a file expected", path,
                        kind == ANM_FILE_FOLDER ? "a folder"
                                                : "a device or a pipe");
    return anm_path_is_link(path)
               ? anm_fail(err, ANM_E_NOTFOUND, "%s: a link that leads nowhere",
                          path)
               : ANM_OK;
}

anm_status anm_hf_has(const char *folder, const char *name, bool *has,
                      anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    char *path = anm_path_join(folder, name);

    if (!path) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", folder);
    anm_status status = anm_file_look(path, &kind, &id, err);
    *has = !status && kind == ANM_FILE_REGULAR;
    if (!status && !*has) status = refuse_other(path, kind, err);
    anm_free(path);
    return status;
}

anm_status anm_hf_doc_open(anm_hf_doc *d, const char *folder, const char *name,
                           json_type type, anm_error *err)
{
    bool has = false;
    anm_status status = anm_hf_has(folder, name, &has, err);

    if (status) return status;
    d->path = anm_path_join(folder, name);
    if (!d->path)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", folder);
    if (!has) return ANM_OK;

    status = anm_json_read(&d->root, d->path, SETTINGS_BYTES, err);
    if (status) return status;
    if (json_typeof(d->root) != type)
        return anm_fail(err, ANM_E_FORMAT, "%s: expected %s, found %s", d->path,
                        type == JSON_ARRAY ? "array" : "object",
                        anm_json_type_name(d->root));
    return ANM_OK;
}

void anm_hf_doc_close(anm_hf_doc *d)
{
    anm_free(d->path);
    json_decref(d->root);
    *d = (anm_hf_doc){ 0 };
}
