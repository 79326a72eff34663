/* hf_weights.c - finding the weights of a folder and the names they go by.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/file.h"
#include "model/hf_reading.h"

static const char one_file[] = "model.safetensors";
static const char shards[] = "model.safetensors.index.json";

static anm_status fail_absent(const anm_hf_reading *r, anm_error *err)
{
    static const char *const pickles[] = { "pytorch_model.bin",
                                           "pytorch_model.bin.index.json" };

    for (size_t i = 0; i < 2; i++) {
        bool has = false;
        const anm_status status =
            anm_hf_has(r->transformer, pickles[i], &has, err);
        if (status) return status;
        if (has)
            return anm_fail(err, ANM_E_NOTFOUND,
                            "%s: weights only as %s; %s is needed, since a "
                            "pickle may run code",
                            r->transformer, pickles[i], one_file);
    }
    return anm_fail(err, ANM_E_NOTFOUND, "%s: no weights; looked for %s and %s",
                    r->transformer, one_file, shards);
}

static anm_status find_weights(anm_hf_reading *r, const char **name,
                               anm_error *err)
{
    bool whole = false, sharded = false;
    anm_status status = anm_hf_has(r->transformer, one_file, &whole, err);

    if (!status) status = anm_hf_has(r->transformer, shards, &sharded, err);
    if (status) return status;
    if (!whole && !sharded) return fail_absent(r, err);
    *name = whole ? one_file : shards;
    if (whole && sharded)
        return anm_source_note(r->s, err, "weights",
                               "%s and %s are there; the first is read",
                               one_file, shards);
    return ANM_OK;
}

/* Length of what stands before the canonical name `table`; SIZE_MAX when the
 * tensor is another one. */
static size_t prefix_len(const char *name, const char *table)
{
    const size_t len = strlen(name), tail = strlen(table);

    if (len < tail || strcmp(name + len - tail, table) != 0) return SIZE_MAX;
    if (len > tail && name[len - tail - 1] != '.') return SIZE_MAX;
    return len - tail;
}

static anm_status keep_prefix(anm_hf_reading *r, const char *name, size_t len,
                              anm_error *err)
{
    r->s->prefix = anm_arena_copy(&r->s->arena, name, len);
    if (!r->s->prefix) return anm_hf_fail_memory(r, err);
    if (len == 0) return ANM_OK;
    return anm_source_note(r->s, err, "weights",
                           "tensor names start with \"%s\"", r->s->prefix);
}

/* Exactly one tensor must be the token table, under whatever prefix. */
static anm_status find_prefix(anm_hf_reading *r, anm_error *err)
{
    const anm_safetensors *f = r->s->safetensors;
    const char *table = r->architecture->token_table, *found = NULL;
    size_t found_len = 0;

    for (size_t i = 0; i < anm_safetensors_n(f); i++) {
        const char *name = anm_safetensors_at(f, i)->name;
        const size_t len = prefix_len(name, table);

        if (len == SIZE_MAX) continue;
        if (len >= ANM_PREFIX_MAX)
            return anm_fail(err, ANM_E_LIMIT,
                            "%s: tensor %s: %zu bytes before %s, at most %d "
                            "allowed",
                            anm_safetensors_path(f, 0), name, len, table,
                            ANM_PREFIX_MAX - 1);
        if (found)
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: two token tables, %s and %s",
                            anm_safetensors_path(f, 0), found, name);
        found = name;
        found_len = len;
    }
    if (found) return keep_prefix(r, found, found_len, err);
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: no tensor %s, with or without a prefix, among %zu",
                    anm_safetensors_path(f, 0), table, anm_safetensors_n(f));
}

/* What the architecture calls the tensor: its name behind the prefix. */
static const char *canonical_name(const anm_source *s, const char *name)
{
    const size_t len = strlen(s->prefix);

    return strncmp(name, s->prefix, len) == 0 ? name + len : "";
}

static anm_status fill_table(anm_hf_reading *r, anm_error *err)
{
    anm_source *s = r->s;
    const anm_safetensors *f = s->safetensors;
    const size_t n = anm_safetensors_n(f);
    const size_t n_files = anm_safetensors_n_files(f);

    if (!anm_weights_reset(&s->weights, &s->arena, n, n_files))
        return anm_hf_fail_memory(r, err);
    for (size_t i = 0; i < n_files; i++)
        anm_weights_add_file(&s->weights, anm_safetensors_path(f, i),
                             anm_safetensors_map(f, i));
    for (size_t i = 0; i < n; i++) {
        const anm_tensor *t = anm_safetensors_at(f, i);
        anm_weight w = {
            .name = canonical_name(s, t->name),
            .stored = t->name,
            .dtype = t->dtype,
            .rank = t->rank,
            .data = t->data,
            .file = t->shard,
        };

        memcpy(w.dims, t->dims, sizeof(w.dims));
        anm_weights_add(&s->weights, &w);
    }
    return anm_weights_finish(&s->weights, err);
}

/* False unless name is of the layer of some number. */
static bool layer_of(const char *name, const char *layers, size_t *out)
{
    const size_t len = strlen(layers);
    size_t n = 0;

    if (strncmp(name, layers, len) != 0 || name[len] != '.') return false;
    name += len + 1;
    if (*name < '0' || *name > '9') return false;
    // What has more digits than any layer is none.
    for (; *name >= '0' && *name <= '9' && n < 100000; name++)
        n = n * 10 + (size_t)(*name - '0');
    *out = n;
    return *name == '.';
}

/* A file may hold more layers than config.json says; the original computes with
 * those that it says. */
static anm_status note_layers(anm_hf_reading *r, anm_error *err)
{
    const anm_weights *w = &r->s->weights;
    const size_t said = r->extent.layers;
    size_t n = 0, highest = 0;

    for (size_t i = 0; i < w->n; i++) {
        size_t layer;
        if (!layer_of(w->tensors[i].name, r->architecture->layers, &layer) ||
            layer < said)
            continue;
        n++;
        if (layer > highest) highest = layer;
    }
    if (!n) return ANM_OK;
    return anm_source_note(r->s, err, "layers",
                           "%s says %zu and is followed; the %zu tensors of "
                           "layers %zu to %zu are not used",
                           r->s->settings, said, n, said, highest);
}

anm_status anm_hf_open_weights(anm_hf_reading *r, anm_error *err)
{
    anm_source *s = r->s;
    const char *name = NULL;
    anm_status status = find_weights(r, &name, err);

    if (status) return status;
    char *path = anm_path_join(r->transformer, name);
    if (!path) return anm_hf_fail_memory(r, err);
    status = anm_safetensors_open(&s->safetensors, path, err);
    anm_free(path);
    if (status) return status;

    status = find_prefix(r, err);
    if (status) return status;
    status = fill_table(r, err);
    if (status) return status;
    status = note_layers(r, err);
    if (status) return status;

    s->stored = anm_weights_main_type(&s->weights);
    if (s->stored == ANM_DTYPE_F32) return ANM_OK;
    return anm_source_note(s, err, "precision",
                           "weights stay stored as %s; the arithmetic is "
                           "float32 on their exact values",
                           anm_dtype_name(s->stored));
}
