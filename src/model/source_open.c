/* source_open.c - opening by the kind of what lies at the path, and building by
 * its architecture.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/source.h"

#include "base/error.h"
#include "base/file.h"
#include "model/architecture.h"
#include "model/gguf_source.h"
#include "model/hf.h"
#include "model/package.h"

static anm_status refuse_kind(const char *path, anm_file_kind kind,
                              anm_error *err)
{
    if (kind == ANM_FILE_ABSENT)
        return anm_fail(err, ANM_E_NOTFOUND, "%s: no such folder or file",
                        path);
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: neither a folder nor a GGUF file; a model is a "
                    "Hugging Face folder with config.json, model.safetensors "
                    "and tokenizer.json, a .gguf, or a Core ML package",
                    path);
}

static anm_status open_file(anm_source *s, const anm_source_params *params,
                            anm_error *err)
{
    bool is_gguf = false;
    const anm_status status = anm_gguf_source_is(s->path, &is_gguf, err);

    if (status) return status;
    return is_gguf ? anm_gguf_source_open(s, params, err)
                   : refuse_kind(s->path, ANM_FILE_REGULAR, err);
}

static anm_status name_source(anm_source *s, const char *path, anm_error *err)
{
    char *base = anm_path_base(path);

    s->path = anm_arena_copy(&s->arena, path, strlen(path));
    s->name = base ? anm_arena_copy(&s->arena, base, strlen(base)) : NULL;
    anm_free(base);
    if (!s->path || !s->name)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    return ANM_OK;
}

static anm_status note_limit(anm_source *s, anm_error *err)
{
    if (s->recipe.max_tokens <= ANM_TOKENS_MAX) return ANM_OK;
    return anm_source_note(s, err, "limit",
                           "the model takes %zu tokens; a text of more than "
                           "%zu is refused",
                           s->recipe.max_tokens, ANM_TOKENS_MAX);
}

anm_status anm_source_open(anm_source **out, const char *path,
                           const anm_source_params *params, anm_error *err)
{
    static const anm_source_params nothing;
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;

    *out = NULL;
    anm_status status = anm_file_look(path, &kind, &id, err);
    if (status) return status;
    const bool package = kind != ANM_FILE_ABSENT && anm_mlpackage_is(path);
    if (kind != ANM_FILE_FOLDER && kind != ANM_FILE_REGULAR)
        return refuse_kind(path, kind, err);

    anm_source *s = anm_alloc_zero(sizeof(*s));
    if (!s) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);

    status = name_source(s, path, err);
    if (status) goto done;

    if (!params) params = &nothing;
    status = package                   ? anm_package_open(s, params, err)
             : kind == ANM_FILE_FOLDER ? anm_hf_open(s, params, err)
                                       : open_file(s, params, err);
    if (status) goto done;

    status = note_limit(s, err);
    if (status) goto done;

    *out = s;
    s = NULL;

done:
    anm_source_close(s);
    return status;
}

void anm_source_close(anm_source *s)
{
    if (!s) return;
    anm_tokenizer_free(s->tokenizer);
    anm_safetensors_close(s->safetensors);
    anm_gguf_close(s->gguf);
    anm_package_close(s->package);
    json_decref(s->config);
    anm_arena_deinit(&s->arena);
    anm_free(s);
}

anm_status anm_source_build(anm_source *s, anm_graph **out, anm_error *err)
{
    const anm_architecture *a = NULL;
    anm_graph *g = NULL;

    *out = NULL;
    anm_status status =
        anm_architecture_find(&a, s->architecture, s->path, err);
    if (status) return status;
    status = anm_graph_new(&g, err);
    if (status) return status;

    for (size_t i = 0; i < s->weights.n; i++)
        s->weights.tensors[i].used = false;
    a->build(s, g);
    status = anm_graph_finish(g, err);
    if (status) {
        anm_graph_free(g);
        return status;
    }
    *out = g;
    return ANM_OK;
}

uint64_t anm_source_parameters(const anm_graph *g)
{
    uint64_t n = 0;

    for (size_t i = 0; i < anm_graph_n_values(g); i++) {
        const anm_value *v = anm_graph_value(g, (anm_value_id)i);
        if (v->kind == ANM_VALUE_CONST) n += anm_shape_elements(&v->shape, 0);
    }
    return n;
}
