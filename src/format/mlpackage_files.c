/* mlpackage_files.c - what a package is made of: its budget of memory, its
 * manifest, its files, all inside it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/mlpackage_reading.h"

#include "base/error.h"
#include "base/json.h"

/* ---- Memory -------------------------------------------------------------- */

void *anm_reading_array(anm_mlpackage_reading *r, size_t n, size_t size)
{
    enum { OVERHEAD = 16 }; // alignment in the arena
    size_t total = 0;

    r->over_budget = !anm_mul_size(n, size, &total) ||
                     !anm_add_size(total, OVERHEAD, &total) ||
                     total > r->memory_left;
    if (r->over_budget) return NULL;
    void *array = anm_arena_array(&r->arena, n, size);
    if (array) r->memory_left -= total;
    return array;
}

const char *anm_reading_copy(anm_mlpackage_reading *r, anm_bytes text)
{
    char *copy = anm_reading_array(r, text.len + 1, 1);

    if (copy && text.len) memcpy(copy, text.data, text.len);
    return copy;
}

anm_status anm_reading_fail(const anm_mlpackage_reading *r, anm_error *err)
{
    if (r->over_budget)
        return anm_fail(err, ANM_E_LIMIT,
                        "reading takes more memory than the model file's size "
                        "and %zu bytes",
                        ANM_MLPACKAGE_MEMORY_MAX);
    return anm_fail(err, ANM_E_NOMEM, "out of memory");
}

/* ---- Files --------------------------------------------------------------- */

const char *anm_reading_join(anm_mlpackage_reading *r, const char *folder,
                             anm_bytes name)
{
    const size_t len = strlen(folder);
    char *path = anm_reading_array(r, len + name.len + 2, 1);

    if (!path) return NULL;
    memcpy(path, folder, len);
    path[len] = '/';
    memcpy(path + len + 1, name.data, name.len);
    return path;
}

/* NULL for a part of a path that stays where it is, else what is wrong. */
static const char *part_trouble(anm_bytes part)
{
    if (!part.len) return "an empty part, or absolute";
    if (anm_bytes_equal(part, anm_bytes_of("..", 2))) return "leads upwards";
    if (anm_bytes_equal(part, anm_bytes_of(".", 1))) return "a part \".\"";
    for (size_t i = 0; i < part.len; i++) {
        if (part.data[i] == '\\') return "a backslash";
        if (part.data[i] < ' ') return "a control character";
    }
    return NULL;
}

/* A path inside a package: plain parts with one '/' between them. */
static anm_status check_path(anm_bytes path, anm_error *err)
{
    size_t begin = 0;

    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.data[i] != '/') continue;
        const char *trouble =
            part_trouble((anm_bytes){ path.data + begin, i - begin });
        begin = i + 1;
        if (!trouble) continue;
        return anm_fail(err, ANM_E_FORMAT, "path \"%.*s\": %s",
                        (int)(path.len < 200 ? path.len : 200),
                        (const char *)path.data, trouble);
    }
    return ANM_OK;
}

/* Links may lead from one place of the package to another and nowhere else.
 * What does not exist passes: opening it says so. */
static anm_status check_links(const anm_mlpackage_reading *r, const char *path,
                              anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    const size_t len = strlen(r->root);
    anm_status status = anm_file_look(path, &kind, &id, err);

    if (status || kind == ANM_FILE_ABSENT) return status;
    char *real = anm_path_absolute(path);
    if (!real) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    if (strncmp(real, r->root, len) != 0 || real[len] != '/')
        status = anm_fail(err, ANM_E_FORMAT,
                          "%s: a link that leads out of the package, to %s; "
                          "put the file itself there",
                          path, real);
    anm_free(real);
    return status;
}

anm_status anm_reading_file(anm_mlpackage_reading *r, const char *folder,
                            anm_bytes name, unsigned *index, anm_error *err)
{
    anm_status status = check_path(name, err);

    if (status) return status;
    const char *path = anm_reading_join(r, folder, name);
    if (!path) return anm_reading_fail(r, err);
    for (size_t i = 0; i < r->view.n_files; i++) {
        *index = (unsigned)i;
        if (strcmp(r->files[i].path, path) == 0) return ANM_OK;
    }
    if (r->view.n_files > ANM_MLPACKAGE_FILES_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%s: more than %d blob files", path,
                        ANM_MLPACKAGE_FILES_MAX);
    anm_mlpackage_file *file = &r->files[r->view.n_files];
    status = check_links(r, path, err);
    if (!status) status = anm_map_open(&file->map, path, err);
    if (status) return status;
    file->path = path;
    *index = (unsigned)r->view.n_files++;
    r->view.bytes += file->map.bytes.len;
    return ANM_OK;
}

/* ---- The manifest -------------------------------------------------------- */

/* "1.0.0": three numbers, the first of which is known. */
static anm_status check_version(const char *text, anm_error *err)
{
    int n_parts = 0, n_digits = 0;

    for (const char *p = text;; p++) {
        if (*p >= '0' && *p <= '9' && n_digits < 9) {
            n_digits++;
            continue;
        }
        n_parts += n_digits > 0 && (*p == '.' || !*p);
        if (*p != '.' || !n_digits) break;
        n_digits = 0;
    }
    if (n_parts != 3 || !n_digits)
        return anm_fail(err, ANM_E_FORMAT,
                        "fileFormatVersion \"%s\" is not of the form 1.0.0",
                        text);
    if (strncmp(text, "1.", 2) == 0) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "fileFormatVersion %s, 1.x.x is read", text);
}

/* The path of an item, relative to Data/. */
static anm_status item_path(const json_t *items, const char *id,
                            anm_bytes *path, anm_error *err)
{
    const json_t *item = NULL;
    const char *text = NULL;
    anm_status status =
        anm_json_object(items, id, "itemInfoEntries", &item, err);

    if (!status) status = anm_json_string(item, "path", id, &text, err);
    if (status) return status;
    *path =
        anm_bytes_of(text, json_string_length(json_object_get(item, "path")));
    return check_path(*path, err);
}

static anm_status read_items(anm_mlpackage_reading *r, const json_t *manifest,
                             anm_bytes *root, anm_error *err)
{
    const char *version = NULL, *id = NULL, *key;
    const json_t *items = NULL;
    json_t *item;
    anm_status status = anm_json_string(manifest, "fileFormatVersion",
                                        "Manifest.json", &version, err);

    if (!status) status = check_version(version, err);
    if (!status)
        status = anm_json_object(manifest, "itemInfoEntries", "Manifest.json",
                                 &items, err);
    if (!status)
        status = anm_json_string(manifest, "rootModelIdentifier",
                                 "Manifest.json", &id, err);
    if (status) return status;
    json_object_foreach((json_t *)items, key, item)
    {
        status = item_path(items, key, root, err);
        if (status) return status;
    }
    if (!json_object_get(items, id))
        return anm_fail(err, ANM_E_FORMAT,
                        "rootModelIdentifier %s is none of the %zu entries of "
                        "itemInfoEntries",
                        id, json_object_size(items));
    status = item_path(items, id, root, err);
    if (status) return status;
    root->data = (const uint8_t *)anm_reading_copy(r, *root);
    return root->data ? ANM_OK : anm_reading_fail(r, err);
}

anm_status anm_reading_manifest(anm_mlpackage_reading *r, anm_bytes *root,
                                anm_error *err)
{
    json_t *json = NULL;
    const char *path =
        anm_reading_join(r, r->view.path, anm_bytes_of("Manifest.json", 13));

    if (!path) return anm_reading_fail(r, err);
    anm_status status =
        anm_json_read(&json, path, ANM_MLPACKAGE_MANIFEST_MAX, err);
    if (status) return status;
    status = read_items(r, json, root, err);
    json_decref(json);
    return status ? anm_fail_prefix(err, status, "%s", path) : ANM_OK;
}
