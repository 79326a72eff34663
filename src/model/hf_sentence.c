/* hf_sentence.c - what sentence-transformers adds to the encoder: longest
 * text, lower-casing, prompts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "model/hf_reading.h"

/* Keyword arguments for loading: those that change no vector pass, any other
 * would be disobeyed. */
static anm_status check_arguments(const anm_hf_doc *d, anm_error *err)
{
    static const char *const objects[] = {
        "model_args",  "model_kwargs",  "tokenizer_args",    "processor_kwargs",
        "config_args", "config_kwargs", "processing_kwargs",
    };
    static const char harmless[] =
        " trust_remote_code torch_dtype dtype attn_implementation "
        "add_pooling_layer use_safetensors low_cpu_mem_usage ";
    const char *key;
    json_t *value;

    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        json_object_foreach(json_object_get(d->root, objects[i]), key, value)
        {
            char word[64];
            snprintf(word, sizeof(word), " %s ", key);
            if (!strstr(harmless, word))
                return anm_fail(err, ANM_E_UNSUPPORTED,
                                "%s: %s.%s is not built in", d->path,
                                objects[i], key);
        }
    }
    return ANM_OK;
}

static anm_status check_task(const anm_hf_doc *d, anm_error *err)
{
    static const char *const wanted[][2] = {
        { "transformer_task", "feature-extraction" },
        { "module_output_name", "token_embeddings" },
    };

    for (size_t i = 0; i < 2; i++) {
        const char *word = NULL;
        const anm_status status = anm_json_string_or(
            d->root, wanted[i][0], d->path, wanted[i][1], &word, err);
        if (status) return status;
        if (strcmp(word, wanted[i][1]) != 0)
            return anm_fail(err, ANM_E_UNSUPPORTED,
                            "%s: %s \"%s\" is not built in; built in: %s",
                            d->path, wanted[i][0], word, wanted[i][1]);
    }
    return check_arguments(d, err);
}

/* What the original does only where a caller names the task. */
static anm_status note_tasks(anm_hf_reading *r, const anm_hf_doc *d,
                             const char *name, anm_error *err)
{
    static const char *const keys[] = { "query_length", "document_length",
                                        "query_expansion" };
    anm_status status = ANM_OK;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !status; i++) {
        const json_t *v = json_object_get(d->root, keys[i]);
        if (v && !json_is_null(v))
            status = anm_source_note(r->s, err, keys[i],
                                     "%s says it of one task; every text is "
                                     "read alike here",
                                     name);
    }
    return status;
}

static anm_status read_sentence_config(anm_hf_reading *r, const anm_hf_doc *d,
                                       const char *name, anm_error *err)
{
    int64_t longest = 0;
    anm_status status = check_task(d, err);
    if (!status) status = note_tasks(r, d, name, err);
    if (status) return status;

    status = anm_json_int_or(d->root, "max_seq_length", d->path,
                             (anm_int_rule){ .min = 1, .max = INT64_MAX },
                             &longest, err);
    if (status) return status;
    r->max_seq_length = (uint64_t)longest;
    r->length_file = name;
    return anm_json_bool_or(d->root, "do_lower_case", d->path, false,
                            &r->lowercase, err);
}

/* The encoder's own file has had a name per architecture; the first that says
 * anything counts. */
anm_status anm_hf_read_sentence_config(anm_hf_reading *r, anm_error *err)
{
    static const char *const names[] = {
        "sentence_bert_config.json",       "sentence_roberta_config.json",
        "sentence_distilbert_config.json", "sentence_camembert_config.json",
        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
        "sentence_xlnet_config.json",
    };
    anm_status status = ANM_OK;
    bool found = false;

    for (size_t i = 0; !status && !found && i < sizeof(names) / sizeof(*names);
         i++) {
        anm_hf_doc d = { 0 };
        status =
            anm_hf_doc_open(&d, r->transformer, names[i], JSON_OBJECT, err);
        found = !status && json_object_size(d.root) > 0;
        if (found) status = read_sentence_config(r, &d, names[i], err);
        anm_hf_doc_close(&d);
    }
    return status;
}

/* null is the original's spelling of the empty prompt. */
static anm_status read_prompt(anm_hf_reading *r, const anm_hf_doc *d,
                              const char *name, const json_t *text,
                              anm_prompt *out, anm_error *err)
{
    anm_arena *arena = &r->s->arena;

    if (!json_is_string(text) && !json_is_null(text))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: prompts.%s: expected string, found %s", d->path,
                        name, anm_json_type_name(text));
    const char *value = json_is_null(text) ? "" : json_string_value(text);
    if (json_is_string(text) && strlen(value) != json_string_length(text))
        return anm_fail(err, ANM_E_FORMAT, "%s: prompts.%s: holds U+0000",
                        d->path, name);
    out->name = anm_arena_copy(arena, name, strlen(name));
    out->text = anm_arena_copy(arena, value, strlen(value));
    return out->name && out->text ? ANM_OK : anm_hf_fail_memory(r, err);
}

static anm_status read_prompts(anm_hf_reading *r, const anm_hf_doc *d,
                               anm_error *err)
{
    json_t *prompts = json_object_get(d->root, "prompts");
    anm_recipe *recipe = &r->s->recipe;
    const char *name;
    json_t *text;

    if (!prompts || json_is_null(prompts)) return ANM_OK;
    if (!json_is_object(prompts))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: prompts: expected object, found %s", d->path,
                        anm_json_type_name(prompts));
    recipe->prompts = anm_arena_array(&r->s->arena, json_object_size(prompts),
                                      sizeof(*recipe->prompts));
    if (!recipe->prompts) return anm_hf_fail_memory(r, err);
    json_object_foreach(prompts, name, text)
    {
        const anm_status status = read_prompt(
            r, d, name, text, &recipe->prompts[recipe->n_prompts++], err);
        if (status) return status;
    }
    return ANM_OK;
}

static anm_status choose_default_prompt(anm_hf_reading *r, const anm_hf_doc *d,
                                        anm_error *err)
{
    anm_recipe *recipe = &r->s->recipe;
    const char *name = NULL;
    const anm_status status = anm_json_string_or(d->root, "default_prompt_name",
                                                 d->path, NULL, &name, err);

    if (status || !name) return status;
    for (size_t i = 0; i < recipe->n_prompts; i++)
        if (strcmp(recipe->prompts[i].name, name) == 0)
            recipe->default_prompt = recipe->prompts[i].name;
    if (recipe->default_prompt) return ANM_OK;

    // The original always has these two, empty unless the file fills them.
    if (strcmp(name, "query") == 0 || strcmp(name, "document") == 0)
        return anm_source_note(r->s, err, "prompts",
                               "default_prompt_name is \"%s\", which has no "
                               "text: no default prompt",
                               name);
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: default_prompt_name \"%s\" is none of the %zu prompts",
                    d->path, name, recipe->n_prompts);
}

void anm_hf_read_declared_dims(anm_hf_reading *r, const anm_hf_doc *d)
{
    static const char *const keys[] = { "matryoshka_dimensions",
                                        "matryoshka_dims", "truncate_dim" };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const json_t *v = json_object_get(d->root, keys[i]);
        if (v && !json_is_null(v)) r->s->recipe.declares_dims = true;
    }
}

/* The length that a caller would ask for by `dims`. */
static anm_status note_truncate_dim(anm_hf_reading *r, const anm_hf_doc *d,
                                    anm_error *err)
{
    int64_t dim = 0;
    const anm_status status = anm_json_int_or(
        d->root, "truncate_dim", d->path,
        (anm_int_rule){ .min = 1, .max = INT32_MAX }, &dim, err);

    if (status || !dim || (size_t)dim == r->extent.hidden) return status;
    return anm_source_note(r->s, err, "dims",
                           "config_sentence_transformers.json says "
                           "truncate_dim %" PRId64
                           "; vectors of %zu are given unless a call asks for "
                           "fewer",
                           dim, r->extent.hidden);
}

anm_status anm_hf_read_prompts(anm_hf_reading *r, const anm_hf_doc *d,
                               anm_error *err)
{
    const char *kind = NULL, *similarity = NULL;

    if (!d->root) return ANM_OK;
    anm_status status = anm_json_string_or(d->root, "model_type", d->path,
                                           "SentenceTransformer", &kind, err);
    if (status) return status;
    if (strcmp(kind, "SentenceTransformer") != 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: model_type \"%s\" is not built in; built in: "
                        "SentenceTransformer",
                        d->path, kind);
    status = read_prompts(r, d, err);
    if (status) return status;

    status = choose_default_prompt(r, d, err);
    if (status) return status;

    anm_hf_read_declared_dims(r, d);
    status = note_truncate_dim(r, d, err);
    if (status) return status;

    status = anm_json_string_or(d->root, "similarity_fn_name", d->path, NULL,
                                &similarity, err);
    if (status || !similarity) return status;
    return anm_source_note(r->s, err, "similarity",
                           "config_sentence_transformers.json compares by "
                           "\"%s\"; vectors are given as they are",
                           similarity);
}
