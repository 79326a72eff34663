/* weights.c - the table of tensors: filled once, put in order, searched.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/weights.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* ---- Filling ------------------------------------------------------------- */

bool anm_weights_reset(anm_weights *w, anm_arena *arena, size_t n,
                       size_t n_files)
{
    *w = (anm_weights){ .arena = arena, .cap = n, .cap_files = n_files };
    w->tensors = anm_arena_array(arena, n, sizeof(*w->tensors));
    w->files = anm_arena_array(arena, n_files, sizeof(*w->files));
    return w->tensors && w->files;
}

void anm_weights_add_file(anm_weights *w, const char *path, const anm_map *map)
{
    assert(w->n_files < w->cap_files);
    w->files[w->n_files++] = (anm_weight_file){ path, map };
}

void anm_weights_add(anm_weights *w, const anm_weight *tensor)
{
    assert(w->n < w->cap && tensor->file < w->n_files);
    w->tensors[w->n++] = *tensor;
}

static int compare_weights(const void *a, const void *b)
{
    const anm_weight *x = a, *y = b;
    const int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->stored, y->stored);
}

anm_status anm_weights_finish(anm_weights *w, anm_error *err)
{
    if (w->n) qsort(w->tensors, w->n, sizeof(*w->tensors), compare_weights);
    for (size_t i = 1; i < w->n; i++) {
        const anm_weight *x = &w->tensors[i - 1], *y = &w->tensors[i];

        if (!x->name[0] || strcmp(x->name, y->name) != 0) continue;
        return anm_fail(err, ANM_E_FORMAT, "%s: two tensors are %s: %s and %s",
                        anm_weights_path(w, y), y->name, x->stored, y->stored);
    }
    return ANM_OK;
}

/* ---- Reading ------------------------------------------------------------- */

anm_weight *anm_weights_find(const anm_weights *w, const char *name)
{
    size_t low = 0, high = w->n;

    assert(name[0]);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(w->tensors[middle].name, name);

        if (order == 0) return &w->tensors[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *anm_weights_path(const anm_weights *w, const anm_weight *tensor)
{
    return w->files[tensor->file].path;
}

static bool is_weight_type(anm_dtype t)
{
    return t == ANM_DTYPE_F32 || t == ANM_DTYPE_F16 || t == ANM_DTYPE_BF16 ||
           anm_dtype_block(t).elements > 1;
}

anm_dtype anm_weights_main_type(const anm_weights *w)
{
    uint64_t bytes[ANM_DTYPE_COUNT] = { 0 };
    anm_dtype most = ANM_DTYPE_F32;

    for (size_t i = 0; i < w->n; i++)
        bytes[w->tensors[i].dtype] += w->tensors[i].data.len;
    for (unsigned t = 0; t < ANM_DTYPE_COUNT; t++)
        if (is_weight_type((anm_dtype)t) && bytes[t] > bytes[most])
            most = (anm_dtype)t;
    return most;
}

uint64_t anm_weights_bytes(const anm_weights *w)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < w->n_files; i++)
        bytes += w->files[i].map->bytes.len;
    return bytes;
}
