/* safetensors.c - one file: its header read, every tensor held against the
 * data and against the others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/safetensors_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"

/* ---- The header ---------------------------------------------------------- */

/* Split a file into the text of its header and the data behind it. */
static anm_status split_file(anm_bytes file, anm_bytes *header, anm_bytes *data,
                             anm_error *err)
{
    anm_bytes rest = file;
    uint64_t len = 0;

    if (!anm_take_u64le(&rest, &len))
        return anm_fail(err, ANM_E_FORMAT, "%zu bytes, at least 8 expected",
                        file.len);
    if (!anm_take(&rest, len, header)) {
        const char *mistaken = anm_bytes_mistaken(file);
        if (mistaken) return anm_fail(err, ANM_E_FORMAT, "%s", mistaken);
        return anm_fail(err, ANM_E_FORMAT,
                        "header of %" PRIu64 " bytes in a file of %zu", len,
                        file.len);
    }
    if (len > ANM_SAFETENSORS_HEADER_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "header of %" PRIu64 " bytes, at most %d", len,
                        ANM_SAFETENSORS_HEADER_MAX);
    // The format allows blanks behind the object and none before.
    if (len == 0 || header->data[0] != '{')
        return anm_fail(err, ANM_E_FORMAT,
                        "header of %" PRIu64 " bytes does not begin with {",
                        len);
    *data = rest;
    return ANM_OK;
}

static anm_status read_dtype(anm_tensor *t, const json_t *o, anm_error *err)
{
    const char *name = NULL;
    const anm_status status = anm_json_string(o, "dtype", t->name, &name, err);

    if (status) return status;
    if (anm_dtype_parse(name, strlen(name), &t->dtype)) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: dtype: type %s is not built in", t->name, name);
}

/* Item i of an array of sizes. */
static anm_status read_size(const anm_tensor *t, const char *key,
                            const json_t *array, size_t i, uint64_t *out,
                            anm_error *err)
{
    const json_t *v = json_array_get(array, i);

    if (!json_is_integer(v))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s[%zu]: expected integer, found %s", t->name, key,
                        i, anm_json_type_name(v));
    if (json_integer_value(v) < 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s[%zu]: %" JSON_INTEGER_FORMAT
                        ", must not be negative",
                        t->name, key, i, json_integer_value(v));
    *out = (uint64_t)json_integer_value(v);
    return ANM_OK;
}

static anm_status read_shape(anm_tensor *t, const json_t *o, anm_error *err)
{
    const json_t *shape = NULL;
    anm_status status = anm_json_array(o, "shape", t->name, &shape, err);

    if (status) return status;
    const size_t rank = json_array_size(shape);
    if (rank > ANM_RANK_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%s: shape: %zu axes, at most %d",
                        t->name, rank, ANM_RANK_MAX);
    t->rank = (unsigned)rank;
    for (size_t i = 0; i < rank && !status; i++)
        status = read_size(t, "shape", shape, i, &t->dims[i], err);
    return status;
}

/* Bytes that shape and type ask for; false when there is no such number. */
static bool count_bytes(const anm_tensor *t, uint64_t *out)
{
    uint64_t n = anm_dtype_block(t->dtype).bytes;

    for (unsigned i = 0; i < t->rank; i++) {
        if (t->dims[i] && n > UINT64_MAX / t->dims[i]) return false;
        n *= t->dims[i];
    }
    *out = n;
    return true;
}

static anm_status read_data(anm_tensor *t, const json_t *o, anm_bytes data,
                            anm_error *err)
{
    const json_t *offsets = NULL;
    uint64_t begin = 0, end = 0, bytes = 0;
    char shape[160];
    anm_status status =
        anm_json_array(o, "data_offsets", t->name, &offsets, err);

    if (status) return status;
    if (json_array_size(offsets) != 2)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: data_offsets: %zu numbers, must be 2", t->name,
                        json_array_size(offsets));
    status = read_size(t, "data_offsets", offsets, 0, &begin, err);
    if (status) return status;
    status = read_size(t, "data_offsets", offsets, 1, &end, err);
    if (status) return status;

    if (begin > end || !anm_bytes_slice(data, begin, end - begin, &t->data))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: data_offsets: %" PRIu64 " to %" PRIu64
                        " in %zu bytes of data",
                        t->name, begin, end, data.len);
    if (count_bytes(t, &bytes) && bytes == end - begin) return ANM_OK;
    anm_dims_text(t->dims, t->rank, shape, sizeof(shape));
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: %" PRIu64 " bytes of data for %s of %s", t->name,
                    end - begin, shape, anm_dtype_name(t->dtype));
}

static anm_status read_tensor(anm_tensor *t, const json_t *o, anm_bytes data,
                              anm_error *err)
{
    anm_status status = read_dtype(t, o, err);

    if (!status) status = read_shape(t, o, err);
    return status ? status : read_data(t, o, data, err);
}

static anm_status fail_memory(anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "out of memory");
}

static anm_status read_tensors(anm_safetensors *f, const json_t *header,
                               anm_bytes data, anm_error *err)
{
    const size_t limit = ANM_SAFETENSORS_TENSORS_MAX;
    const char *name;
    json_t *o;

    if (json_object_size(header) > limit - f->n_tensors)
        return anm_fail(err, ANM_E_LIMIT, "%zu tensors, at most %zu",
                        f->n_tensors + json_object_size(header), limit);
    if (!anm_grow(&f->tensors, &f->cap_tensors,
                  f->n_tensors + json_object_size(header), sizeof(anm_tensor)))
        return fail_memory(err);
    json_object_foreach((json_t *)header, name, o)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        anm_tensor t = { .shard = (unsigned)f->n_files - 1 };

        t.name = anm_arena_copy(&f->arena, name, strlen(name));
        if (!t.name) return fail_memory(err);
        const anm_status status = read_tensor(&t, o, data, err);
        if (status) return status;
        f->tensors[f->n_tensors++] = t;
    }
    return ANM_OK;
}

/* ---- Tensors against each other ------------------------------------------ */

/* By begin, then end: an empty tensor comes before the one at its place. */
static int compare_places(const void *a, const void *b)
{
    const anm_bytes *x = a, *y = b;

    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->len > y->len) - (x->len < y->len);
}

/* The tensors cover the data from its first byte to its last, each byte
 * once. */
static anm_status check_cover(const anm_tensor *tensors, size_t n,
                              anm_bytes data, anm_error *err)
{
    anm_status status = ANM_OK;
    size_t end = 0;
    anm_bytes *runs = anm_alloc_array(n, sizeof(*runs));

    if (!runs) return fail_memory(err);
    for (size_t i = 0; i < n; i++)
        runs[i] = tensors[i].data;
    qsort(runs, n, sizeof(*runs), compare_places);
    for (size_t i = 0; i < n && !status; i++) {
        const size_t begin = (size_t)(runs[i].data - data.data);

        if (begin != end)
            status =
                anm_fail(err, ANM_E_FORMAT,
                         "tensors %s: one ends at byte %zu of the data, "
                         "the next begins at %zu",
                         begin < end ? "overlap" : "leave a hole", end, begin);
        end = begin + runs[i].len;
    }
    anm_free(runs);
    if (!status && end != data.len)
        status = anm_fail(err, ANM_E_FORMAT,
                          "tensors end at byte %zu of %zu bytes of data", end,
                          data.len);
    return status;
}

static anm_status read_file(anm_safetensors *f, anm_bytes file, anm_error *err)
{
    const size_t first = f->n_tensors;
    anm_bytes header = { 0 }, data = { 0 };
    json_t *json = NULL;
    anm_status status = split_file(file, &header, &data, err);

    if (status) return status;
    status = anm_json_parse(&json, (const char *)header.data, header.len, err);
    if (status) return anm_fail_prefix(err, status, "header");
    status = read_tensors(f, json, data, err);
    json_decref(json);
    if (status) return status;
    // A file without tensors has no array to point into.
    anm_tensor *added = f->n_tensors > first ? f->tensors + first : NULL;
    return check_cover(added, f->n_tensors - first, data, err);
}

anm_status anm_safetensors_add(anm_safetensors *f, const char *path,
                               anm_error *err)
{
    anm_safetensors_file file = { 0 };

    if (!anm_grow(&f->files, &f->cap_files, f->n_files + 1, sizeof(file)))
        return anm_fail_prefix(err, fail_memory(err), "%s", path);
    file.path = anm_arena_copy(&f->arena, path, strlen(path));
    if (!file.path) return anm_fail_prefix(err, fail_memory(err), "%s", path);
    anm_status status = anm_map_open(&file.map, path, err);
    if (status) return status;
    f->files[f->n_files++] = file;
    status = read_file(f, file.map.bytes, err);
    return status ? anm_fail_prefix(err, status, "%s", path) : ANM_OK;
}

static int compare_names(const void *a, const void *b)
{
    const anm_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

anm_status anm_safetensors_sort(anm_safetensors *f, const char *path,
                                anm_error *err)
{
    if (f->n_tensors)
        qsort(f->tensors, f->n_tensors, sizeof(*f->tensors), compare_names);
    for (size_t i = 1; i < f->n_tensors; i++) {
        const anm_tensor *a = &f->tensors[i - 1], *b = &f->tensors[i];

        if (strcmp(a->name, b->name) != 0) continue;
        return anm_fail(err, ANM_E_FORMAT, "%s: tensor %s is in %s and in %s",
                        path, a->name, f->files[a->shard].path,
                        f->files[b->shard].path);
    }
    return ANM_OK;
}

/* ---- Lifecycle ----------------------------------------------------------- */

void anm_safetensors_close(anm_safetensors *f)
{
    if (!f) return;
    for (size_t i = 0; i < f->n_files; i++)
        anm_map_close(&f->files[i].map);
    anm_free(f->files);
    anm_free(f->tensors);
    anm_arena_deinit(&f->arena);
    anm_free(f);
}

/* ---- Reading ------------------------------------------------------------- */

size_t anm_safetensors_n(const anm_safetensors *f)
{
    return f->n_tensors;
}

const anm_tensor *anm_safetensors_at(const anm_safetensors *f, size_t i)
{
    assert(i < f->n_tensors);
    return &f->tensors[i];
}

const anm_tensor *anm_safetensors_find(const anm_safetensors *f,
                                       const char *name)
{
    const anm_tensor wanted = { .name = name };

    if (!f->n_tensors) return NULL;
    return bsearch(&wanted, f->tensors, f->n_tensors, sizeof(wanted),
                   compare_names);
}

size_t anm_safetensors_n_files(const anm_safetensors *f)
{
    return f->n_files;
}

const char *anm_safetensors_path(const anm_safetensors *f, size_t i)
{
    assert(i < f->n_files);
    return f->files[i].path;
}

const anm_map *anm_safetensors_map(const anm_safetensors *f, size_t i)
{
    assert(i < f->n_files);
    return &f->files[i].map;
}
