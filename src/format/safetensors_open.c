/* safetensors_open.c - opening: one file, or the shards that a
 * model.safetensors.index.json lists.
 *
 *   {"metadata": {…}, "weight_map": {"tensor": "file", …}}
 *
 * Shards are numbered in order of file name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/safetensors_file.h"

#include "base/error.h"
#include "base/json.h"

/* One line of the weight map. Strings are the document's. */
typedef struct entry {
    const char *tensor, *file;
    unsigned shard;
} entry;

typedef struct weight_map {
    const char *path;
    json_t *json;
    char *folder;
    entry *entries; /* [n] */
    size_t n;
} weight_map;

static int compare_files(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return strcmp(x->file, y->file);
}

static int compare_tensors(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return strcmp(x->tensor, y->tensor);
}

/* A shard lies beside its index: nothing that leads elsewhere is followed. */
static bool is_file_name(const char *name)
{
    return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static anm_status read_entries(weight_map *x, const json_t *map, anm_error *err)
{
    const size_t n = json_object_size(map);
    const char *tensor;
    json_t *v;

    if (n > ANM_SAFETENSORS_TENSORS_MAX)
        return anm_fail(err, ANM_E_LIMIT, "weight_map: %zu tensors, at most %d",
                        n, ANM_SAFETENSORS_TENSORS_MAX);
    x->entries = anm_alloc_array(n, sizeof(*x->entries));
    if (!x->entries) return anm_fail(err, ANM_E_NOMEM, "out of memory");
    json_object_foreach((json_t *)map, tensor, v)
    {
        const char *file = NULL;
        const anm_status status =
            anm_json_string(map, tensor, "weight_map", &file, err);

        if (status) return status;
        if (!is_file_name(file))
            return anm_fail(err, ANM_E_FORMAT,
                            "weight_map: %s: \"%s\" is not the name of a file "
                            "in the same folder",
                            tensor, file);
        x->entries[x->n++] = (entry){ .tensor = tensor, .file = file };
    }
    return ANM_OK;
}

static anm_status read_index(weight_map *x, anm_error *err)
{
    const json_t *map = NULL;
    anm_status status =
        anm_json_read(&x->json, x->path, ANM_SAFETENSORS_HEADER_MAX, err);

    if (status) return status;
    status = anm_json_object(x->json, "weight_map", x->path, &map, err);
    if (status) return status;
    status = read_entries(x, map, err);
    return status ? anm_fail_prefix(err, status, "%s", x->path) : ANM_OK;
}

/* Number the shards; names[i] becomes the file of shard i. */
static anm_status number_shards(weight_map *x, const char **names,
                                size_t *n_shards, anm_error *err)
{
    size_t n = 0;

    qsort(x->entries, x->n, sizeof(*x->entries), compare_files);
    for (size_t i = 0; i < x->n; i++) {
        entry *e = &x->entries[i];

        if (n == 0 || strcmp(names[n - 1], e->file) != 0) {
            if (n == ANM_SAFETENSORS_SHARDS_MAX)
                return anm_fail(err, ANM_E_LIMIT, "%s: more than %d files",
                                x->path, ANM_SAFETENSORS_SHARDS_MAX);
            names[n++] = e->file;
        }
        e->shard = (unsigned)n - 1;
    }
    *n_shards = n;
    return ANM_OK;
}

static anm_status add_shard(anm_safetensors *f, const weight_map *x,
                            const char *name, anm_error *err)
{
    char *path = anm_path_join(x->folder, name);

    if (!path) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", x->path);
    anm_status status = anm_safetensors_add(f, path, err);
    if (status == ANM_E_NOTFOUND)
        status = anm_fail_prefix(err, status, "%s: missing shard", x->path);
    anm_free(path);
    return status;
}

/* Entries and tensors, both in order of tensor, are the same. */
static anm_status match_entries(const anm_safetensors *f, const weight_map *x,
                                anm_error *err)
{
    size_t i = 0, j = 0;

    while (i < x->n || j < f->n_tensors) {
        const entry *e = i < x->n ? &x->entries[i] : NULL;
        const anm_tensor *t = j < f->n_tensors ? &f->tensors[j] : NULL;
        const int order = !e ? 1 : !t ? -1 : strcmp(e->tensor, t->name);

        if (order < 0)
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: tensor %s is not in %s, nor in another file",
                            x->path, e->tensor, e->file);
        if (order > 0)
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: tensor %s of %s is not listed", x->path,
                            t->name, f->files[t->shard].path);
        if (e->shard != t->shard)
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: tensor %s is listed for %s and is in %s",
                            x->path, t->name, e->file, f->files[t->shard].path);
        i++;
        j++;
    }
    return ANM_OK;
}

static anm_status add_all(anm_safetensors *f, weight_map *x, anm_error *err)
{
    const char *names[ANM_SAFETENSORS_SHARDS_MAX];
    size_t n_shards = 0;
    anm_status status = number_shards(x, names, &n_shards, err);

    for (size_t i = 0; i < n_shards && !status; i++)
        status = add_shard(f, x, names[i], err);
    if (status) return status;
    status = anm_safetensors_sort(f, x->path, err);
    if (status) return status;
    qsort(x->entries, x->n, sizeof(*x->entries), compare_tensors);
    return match_entries(f, x, err);
}

/* The path up to its last '/', newly allocated; NULL when memory is out. */
static char *copy_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) return anm_copy_string(".");
    return anm_copy_bytes(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Add the shards of an index, and sort. */
static anm_status add_shards(anm_safetensors *f, const char *path,
                             anm_error *err)
{
    weight_map x = { .path = path };
    anm_status status = read_index(&x, err);

    if (status) goto done;
    x.folder = copy_folder(path);
    if (!x.folder) {
        status = anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
        goto done;
    }
    status = add_all(f, &x, err);

done:
    json_decref(x.json);
    anm_free(x.entries);
    anm_free(x.folder);
    return status;
}

/* ---- Opening ------------------------------------------------------------- */

static bool is_index(const char *path)
{
    static const char ending[] = ".index.json";
    const size_t len = strlen(path), n = sizeof(ending) - 1;

    return len >= n && strcmp(path + len - n, ending) == 0;
}

anm_status anm_safetensors_open(anm_safetensors **out, const char *path,
                                anm_error *err)
{
    anm_status status;

    *out = NULL;
    anm_safetensors *f = anm_alloc_zero(sizeof(*f));
    if (!f) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);

    if (is_index(path)) {
        status = add_shards(f, path, err);
    } else {
        status = anm_safetensors_add(f, path, err);
        if (!status) status = anm_safetensors_sort(f, path, err);
    }
    if (status) goto done;

    *out = f;
    f = NULL;

done:
    anm_safetensors_close(f);
    return status;
}
