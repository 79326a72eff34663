/* memory_model.c - which model embeds for a collection.
 *
 * Vectors may be compared only when fingerprints agree: a model is the right
 * one when its fingerprint is the collection's, whatever its name or path.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "memory/memory_parts.h"

/* ---- Whether it is the one ---------------------------------------------------- */

static bool is_model_of(const anm_engine *e, const anm_collection *c)
{
    return strcmp(anm_engine_fingerprint(e), c->fingerprint) == 0 &&
           anm_engine_source(e)->recipe.dim == c->dim;
}

static anm_status fail_other_model(const anm_engine *e, const anm_collection *c,
                                   anm_error *err)
{
    const anm_source *s = anm_engine_source(e);

    return anm_fail(err, ANM_E_MISMATCH,
                    "collection %s: made with %s, fingerprint %s, dimension "
                    "%zu; the model %s has fingerprint %s, dimension %zu",
                    c->name, c->model, c->fingerprint, c->dim, s->name,
                    anm_engine_fingerprint(e), s->recipe.dim);
}

/* ---- Models that the archive opens itself ------------------------------------- */

static anm_status open_hinted(anm_archive *a, const anm_collection *c,
                              anm_engine **out, anm_error *err)
{
    anm_options options = a->open;
    anm_error why;

    options.model = c->model_path;
    anm_status status = *c->model_path ? anm_engine_open(out, &options, &why)
                                       : anm_fail(&why, ANM_E_NOTFOUND,
                                                  "its path is not known");
    if (status)
        return anm_fail(err, status,
                        "collection %s: needs the model %s (%s), fingerprint "
                        "%s: %s",
                        c->name, c->model, c->model_path, c->fingerprint,
                        why.message);
    if (is_model_of(*out, c)) return ANM_OK;
    status = fail_other_model(*out, c, err);
    anm_engine_close(*out);
    *out = NULL;
    return anm_fail_prefix(err, status, "%s", c->model_path);
}

/* The one opened before, or a new one; `opening` is held. */
static anm_status find_or_open(anm_archive *a, const anm_collection *c,
                               anm_engine **out, anm_error *err)
{
    for (anm_own_model *own = a->own; own; own = own->next) {
        if (!is_model_of(own->engine, c)) continue;
        *out = own->engine;
        return ANM_OK;
    }
    anm_own_model *own = anm_alloc_zero(sizeof(*own));
    if (!own) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", a->path);
    const anm_status status = open_hinted(a, c, &own->engine, err);
    if (status) {
        anm_free(own);
        return status;
    }
    own->next = a->own;
    a->own = own;
    *out = own->engine;
    return ANM_OK;
}

anm_status anm_model_of(anm_archive *a, const anm_collection *c,
                        anm_engine **out, anm_error *err)
{
    *out = NULL;
    if (a->given) {
        if (!is_model_of(a->given, c))
            return fail_other_model(a->given, c, err);
        *out = a->given;
        return ANM_OK;
    }
    anm_mutex_lock(&a->opening);
    const anm_status status = find_or_open(a, c, out, err);
    anm_mutex_unlock(&a->opening);
    return status;
}

/* ---- New collections ------------------------------------------------------------ */

/* As sentence-transformers chooses: the first of the names that the model
 * defines, else its default, else none. */
static const char *first_prompt(const anm_recipe *r, const char *const *names)
{
    for (; *names; names++)
        if (anm_recipe_prompt(r, *names)) return *names;
    return r->default_prompt ? r->default_prompt : "";
}

static anm_status put_string(char *out, size_t cap, const char *value,
                             const char *what, anm_error *err)
{
    const size_t len = strlen(value);

    if (len >= cap)
        return anm_fail(err, ANM_E_LIMIT,
                        "%s of the model: %zu bytes, at most "
                        "%zu",
                        what, len, cap - 1);
    memcpy(out, value, len + 1);
    return ANM_OK;
}

static anm_status describe_prompts(const anm_recipe *r, anm_collection *spec,
                                   anm_error *err)
{
    static const char *const document[] = { "document", "passage", "corpus",
                                            NULL };
    static const char *const query[] = { "query", NULL };
    const anm_status status =
        put_string(spec->doc_prompt, sizeof(spec->doc_prompt),
                   first_prompt(r, document), "prompt name", err);

    if (status) return status;
    return put_string(spec->query_prompt, sizeof(spec->query_prompt),
                      first_prompt(r, query), "prompt name", err);
}

void anm_model_hint(const anm_engine *e, anm_collection *spec)
{
    char *path = anm_path_absolute(anm_engine_source(e)->path);

    // A path that cannot be kept is left out.
    if (path && strlen(path) < sizeof(spec->model_path))
        memcpy(spec->model_path, path, strlen(path) + 1);
    anm_free(path);
}

anm_status anm_model_of_new(anm_archive *a, const char *name,
                            anm_collection *spec, anm_engine **out,
                            anm_error *err)
{
    *out = a->given;
    if (!a->given)
        return anm_fail(err, ANM_E_NOTFOUND,
                        "collection %s: not in %s, and no model was given to "
                        "create it for",
                        name, a->path);
    const anm_source *s = anm_engine_source(a->given);
    *spec = (anm_collection){ .dim = s->recipe.dim };
    anm_status status =
        put_string(spec->name, sizeof(spec->name), name, "collection", err);
    if (!status)
        status =
            put_string(spec->fingerprint, sizeof(spec->fingerprint),
                       anm_engine_fingerprint(a->given), "fingerprint", err);
    if (!status) status = describe_prompts(&s->recipe, spec, err);
    if (status) return status;
    snprintf(spec->model, sizeof(spec->model), "%s", s->name);
    anm_model_hint(a->given, spec);
    return ANM_OK;
}

/* ---- Embedding -------------------------------------------------------------------- */

void anm_model_normalize(const anm_archive *a, const anm_engine *e,
                         float *vectors, size_t n)
{
    const anm_recipe *recipe = &anm_engine_source(e)->recipe;

    // The engine's guard let no zero vector through.
    for (size_t i = 0; i < n && !recipe->normalize; i++)
        a->kern.normalize_f32(vectors + i * recipe->dim, recipe->dim, 1e-12);
}
