/* hf.c - a Hugging Face folder, read as sentence-transformers reads it.
 *
 *     modules.json                       which of the parts below there are
 *     config.json                        the encoder's settings
 *     sentence_bert_config.json          longest text, lower-casing
 *     1_Pooling/config.json              how rows become one vector
 *     2_Normalize/config.json            (newer folders) what is normalised
 *     config_sentence_transformers.json  prompts
 *     model.safetensors[.index.json]     weights
 *     tokenizer.json or vocab.txt        hf_tokenizer.c
 *
 * The first four may lie in a folder that modules.json names. Without
 * modules.json the original makes a plain encoder, pools by the last token what
 * was made to predict the next and by the mean what was not, and reads no file
 * of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/hf.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "model/hf_reading.h"

/* The module kinds, in the only order that is built in. */
static const char *const kinds[] = { "Transformer", "Pooling", "Normalize" };

enum { TRANSFORMER, POOLING, NORMALIZE, N_KINDS };

/* Classes have moved between packages over the releases; the last part of the
 * name did not change. */
static bool is_kind(const char *type, const char *kind)
{
    static const char package[] = "sentence_transformers.";
    const char *last = strrchr(type, '.');

    return strncmp(type, package, sizeof(package) - 1) == 0 &&
           strcmp(last + 1, kind) == 0;
}

/* One component below the model's folder, or the folder itself. */
static bool is_inside(const char *path)
{
    return !strpbrk(path, "/\\:") && strcmp(path, ".") != 0 &&
           strcmp(path, "..") != 0;
}

/* What module i of n is to us: N_KINDS, nothing; -1, not built in. Where the
 * vector is somebody else's work, so are the modules that make it: of those
 * only the encoder's folder counts, and whether a Normalize comes last. */
static int kind_of_module(const anm_hf_reading *r, const char *type, size_t i,
                          size_t n)
{
    if (!r->is_pooled)
        return i < N_KINDS && is_kind(type, kinds[i]) ? (int)i : -1;
    if (i == TRANSFORMER) return TRANSFORMER;
    return i == n - 1 && is_kind(type, kinds[NORMALIZE]) ? NORMALIZE : N_KINDS;
}

static anm_status read_module(anm_hf_reading *r, const anm_hf_doc *d, size_t i,
                              anm_error *err)
{
    const json_t *module = json_array_get(d->root, i);
    char **const folders[N_KINDS] = { &r->transformer, &r->pooling,
                                      &r->normalize };
    const char *type = NULL, *path = NULL;
    char at[32];

    snprintf(at, sizeof(at), "module %zu", i);
    anm_status status = anm_json_string(module, "type", at, &type, err);
    if (!status) status = anm_json_string(module, "path", at, &path, err);
    if (status) return anm_fail_prefix(err, status, "%s", d->path);

    const int kind = kind_of_module(r, type, i, json_array_size(d->root));
    if (kind < 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: module %zu is %s; built in are Transformer, "
                        "Pooling and then at most Normalize",
                        d->path, i, type);
    if (!is_inside(path) || (i != TRANSFORMER && !path[0]))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: module %zu: path \"%s\", one folder inside the "
                        "model expected",
                        d->path, i, path);
    if (kind == N_KINDS) return ANM_OK;
    *folders[kind] =
        path[0] ? anm_path_join(r->root, path) : anm_copy_string(r->root);
    return *folders[kind] ? ANM_OK : anm_hf_fail_memory(r, err);
}

/* By config.json, which has been read. */
static bool predicts_next_token(const json_t *config)
{
    static const char ending[] = "ForCausalLM";
    const json_t *is_causal = json_object_get(config, "is_causal");
    const char *name = json_string_value(
        json_array_get(json_object_get(config, "architectures"), 0));
    const size_t len = name ? strlen(name) : 0, n = sizeof(ending) - 1;

    return len >= n && strcmp(name + len - n, ending) == 0 &&
           (!is_causal || json_is_true(is_causal));
}

static anm_status settle_without_modules(anm_hf_reading *r, anm_error *err)
{
    const bool last = predicts_next_token(r->s->config);

    r->s->recipe.pool = last ? ANM_POOL_LAST : ANM_POOL_MEAN;
    return anm_source_note(r->s, err, "modules",
                           "no modules.json: %s pooling without "
                           "normalisation, and no file of "
                           "sentence-transformers is read",
                           last ? "last token" : "mean");
}

static anm_status read_modules(anm_hf_reading *r, const anm_hf_doc *d,
                               anm_error *err)
{
    const size_t n = json_array_size(d->root);

    if (!d->root) {
        r->transformer = anm_copy_string(r->root);
        return r->transformer ? ANM_OK : anm_hf_fail_memory(r, err);
    }
    r->has_modules = true;
    for (size_t i = 0; i < n; i++) {
        const anm_status status = read_module(r, d, i, err);
        if (status) return status;
    }
    if (n <= (r->is_pooled ? TRANSFORMER : POOLING))
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: %zu modules; at least Transformer and Pooling "
                        "expected",
                        d->path, n);
    r->s->recipe.normalize = r->normalize != NULL;
    return ANM_OK;
}

static anm_status read_config(anm_hf_reading *r, const anm_hf_doc *d,
                              anm_error *err)
{
    const char *type = NULL;

    if (!d->root)
        return anm_fail(err, ANM_E_NOTFOUND,
                        "%s: not there; looked for config.json, "
                        "model.safetensors (or model.safetensors.index.json) "
                        "and tokenizer.json (or vocab.txt) in the folder that "
                        "%s",
                        d->path,
                        r->has_modules ? "modules.json names" : "is the model");
    anm_status status =
        anm_json_string(d->root, "model_type", d->path, &type, err);
    if (status) return status;
    if (json_object_size(json_object_get(d->root, "quantization_config")) > 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: quantization_config: quantised checkpoints are "
                        "not built in; F32, F16 and BF16 are",
                        d->path);
    status = anm_architecture_find(&r->architecture, type, d->path, err);
    if (status) return status;

    r->s->architecture = r->architecture->model_type;
    r->s->config = json_incref(d->root);
    status = r->architecture->measure(r->s, d->path, &r->extent, err);
    if (status) return status;
    r->s->recipe.dim = r->extent.hidden;
    anm_hf_read_declared_dims(r, d);
    r->s->vocab_rows = r->extent.vocab_rows;
    if (json_object_get(d->root, "auto_map"))
        return anm_source_note(r->s, err, "config",
                               "config.json names code of its own "
                               "(auto_map), which is not run");
    return ANM_OK;
}

typedef anm_status (*doc_reader)(anm_hf_reading *r, const anm_hf_doc *d,
                                 anm_error *err);

static anm_status read_doc(anm_hf_reading *r, const char *folder,
                           const char *name, json_type type, doc_reader read,
                           anm_error *err)
{
    anm_hf_doc d = { 0 };
    anm_status status = anm_hf_doc_open(&d, folder, name, type, err);

    if (!status) status = read(r, &d, err);
    anm_hf_doc_close(&d);
    return status;
}

/* The files that modules.json makes count. */
static anm_status read_modules_docs(anm_hf_reading *r, anm_error *err)
{
    anm_status status = ANM_OK;

    if (!r->is_pooled)
        status = read_doc(r, r->pooling, "config.json", JSON_OBJECT,
                          anm_hf_read_pooling, err);
    if (!status && r->normalize)
        status = read_doc(r, r->normalize, "config.json", JSON_OBJECT,
                          anm_hf_read_normalize, err);
    if (!status) status = anm_hf_read_sentence_config(r, err);
    if (!status)
        status = read_doc(r, r->root, "config_sentence_transformers.json",
                          JSON_OBJECT, anm_hf_read_prompts, err);
    return status;
}

static anm_status read_documents(anm_hf_reading *r, anm_error *err)
{
    const char *root = r->root;

    r->s->recipe.pool = ANM_POOL_MEAN;
    anm_status status =
        read_doc(r, root, "modules.json", JSON_ARRAY, read_modules, err);
    if (status) return status;

    status = read_doc(r, r->transformer, "config.json", JSON_OBJECT,
                      read_config, err);
    if (status) return status;

    return r->has_modules ? read_modules_docs(r, err)
                          : settle_without_modules(r, err);
}

/* What the files say about the longest text, in one line for a person. */
static void write_lengths(const anm_hf_reading *r, size_t truncation,
                          anm_buf *b)
{
    const size_t chosen = r->s->recipe.max_tokens;

    if (r->max_seq_length)
        anm_buf_printf(b, "%s says %" PRIu64, r->length_file,
                       r->max_seq_length);
    if (r->max_seq_length && r->max_seq_length <= r->extent.positions)
        anm_buf_puts(b, " and is followed");
    if (r->tokenizer.model_max != UINT64_MAX)
        anm_buf_printf(b, "%stokenizer_config.json says %" PRIu64,
                       b->len ? "; " : "", r->tokenizer.model_max);
    if (truncation)
        anm_buf_printf(b, "%stokenizer.json says %zu", b->len ? "; " : "",
                       truncation);
    anm_buf_printf(b, "%sconfig.json has %zu positions", b->len ? "; " : "",
                   r->extent.positions);
    anm_buf_printf(b, "; the limit is %zu", chosen);
}

static anm_status note_lengths(anm_hf_reading *r, size_t truncation,
                               anm_error *err)
{
    const size_t chosen = r->s->recipe.max_tokens;
    anm_buf b = { 0 };

    if ((!r->max_seq_length || r->max_seq_length == chosen) &&
        (r->tokenizer.model_max == UINT64_MAX ||
         r->tokenizer.model_max == chosen) &&
        (!truncation || truncation == chosen) && r->extent.positions == chosen)
        return ANM_OK;
    write_lengths(r, truncation, &b);
    char *text = anm_buf_take(&b);
    if (!text) return anm_hf_fail_memory(r, err);
    const anm_status status =
        anm_source_note(r->s, err, "max_tokens", "%s", text);
    anm_free(text);
    return status;
}

/* tokenizer_config.json has the last word on the side, as in the original. */
static anm_status check_cut_side(const anm_hf_reading *r,
                                 const anm_tokenizer_info *info, anm_error *err)
{
    const char *side = r->tokenizer.cut_side;

    if (side ? strcmp(side, "right") == 0 : !info->cuts_left) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: %s says that long texts lose their beginning, which "
                    "is not built in; built in: truncation on the right",
                    r->transformer,
                    side ? "truncation_side of tokenizer_config.json"
                         : "truncation of tokenizer.json");
}

/* The original takes the encoder's own file at its word, else the smaller of
 * tokenizer_config.json and config.json; truncation and padding of
 * tokenizer.json never count. Above the position table it fails at the first
 * long text; here the table is the limit. */
static anm_status settle_length(anm_hf_reading *r, anm_error *err)
{
    const uint64_t positions = r->extent.positions;
    const uint64_t said =
        r->max_seq_length ? r->max_seq_length : r->tokenizer.model_max;
    const anm_tokenizer_frame frame = anm_tokenizer_frame_of(r->s->tokenizer);
    const size_t least = frame.n_before + frame.n_after + 1;
    anm_tokenizer_info info;

    r->s->recipe.max_tokens = (size_t)(said < positions ? said : positions);
    if (r->s->recipe.max_tokens < least)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: longest text is %zu tokens, at least %zu needed "
                        "(%zu special ones and one)",
                        r->transformer, r->s->recipe.max_tokens, least,
                        least - 1);
    anm_tokenizer_describe(r->s->tokenizer, &info);
    anm_status status = check_cut_side(r, &info, err);
    if (!status) status = note_lengths(r, info.truncation, err);
    if (status || !info.padding) return status;
    return anm_source_note(r->s, err, "padding",
                           "tokenizer.json pads to %zu; nothing is padded",
                           info.padding);
}

static anm_status note_tokenizer(anm_hf_reading *r, const char *instead,
                                 anm_error *err)
{
    const anm_hf_tokenizer *t = &r->tokenizer;
    anm_status status = ANM_OK;

    if (instead)
        status =
            anm_source_note(r->s, err, "tokenizer",
                            "%s takes the place of the model's own", instead);
    if (!status && strcmp(t->file, "tokenizer.json") != 0)
        status = anm_source_note(r->s, err, "tokenizer",
                                 "no tokenizer.json: made from %s", t->file);
    if (!status && t->overruled[0])
        status = anm_source_note(r->s, err, "tokenizer",
                                 "tokenizer_config.json or its class says %s "
                                 "and is followed; tokenizer.json says "
                                 "otherwise",
                                 t->overruled);
    return status;
}

static anm_status open_tokenizer(anm_hf_reading *r,
                                 const anm_source_params *params,
                                 anm_error *err)
{
    const char *instead = params->tokenizer;
    anm_tokenizer_info info;
    anm_status status = anm_hf_tokenizer_open(
        &r->tokenizer, instead ? instead : r->transformer, params->memory, err);

    if (status) return status;
    r->s->tokenizer = r->tokenizer.tokenizer;
    status = anm_source_check_ids(r->s, instead ? instead : r->transformer,
                                  "the token table of config.json", err);
    if (status) return status;

    anm_tokenizer_describe(r->s->tokenizer, &info);
    // Lower-casing twice is lower-casing once.
    r->s->recipe.lowercase = r->lowercase && !info.lowercase;
    if (r->lowercase) status = anm_tokenizer_lower_first(r->s->tokenizer, err);
    return status ? status : note_tokenizer(r, instead, err);
}

/* A folder leaves nothing open that could be chosen. */
static anm_status refuse_choices(const anm_source *s,
                                 const anm_source_params *p, anm_error *err)
{
    const char *name = p->pooling     ? "pooling"
                       : p->normalize ? "normalize"
                       : p->lowercase ? "lowercase"
                       : p->add_eos   ? "add_eos"
                       : p->function  ? "function"
                       : p->output    ? "output"
                       : p->padding   ? "padding"
                                      : NULL;

    if (!name) return ANM_OK;
    return anm_fail(err, ANM_E_ARG,
                    "%s: %s cannot be chosen: the files of the folder say how "
                    "a text becomes a vector",
                    s->path, name);
}

anm_status anm_hf_open(anm_source *s, const anm_source_params *params,
                       anm_error *err)
{
    anm_hf_reading r = { .s = s, .root = s->path };

    s->format = "hf";
    s->settings = "config.json";
    anm_status status = refuse_choices(s, params, err);
    if (status) goto done;

    status = read_documents(&r, err);
    if (status) goto done;

    status = open_tokenizer(&r, params, err);
    if (status) goto done;

    status = settle_length(&r, err);
    if (status) goto done;

    status = anm_hf_open_weights(&r, err);

done:
    anm_free(r.transformer);
    anm_free(r.pooling);
    anm_free(r.normalize);
    return status;
}

/* ---- A tokenizer alone ------------------------------------------------------- */

/* Only where the encoder lies; the other modules are nothing to a tokenizer. */
static anm_status find_encoder(anm_hf_reading *r, const anm_hf_doc *d,
                               anm_error *err)
{
    r->has_modules = json_array_size(d->root) > 0;
    return r->has_modules ? read_module(r, d, 0, err) : ANM_OK;
}

/* What is built in for vectors does not bind who wants ids. */
static anm_status read_encoder(anm_hf_reading *r, anm_error *err)
{
    anm_status status =
        read_doc(r, r->root, "modules.json", JSON_ARRAY, find_encoder, err);

    if (!status && r->has_modules) status = anm_hf_read_sentence_config(r, err);
    return status == ANM_E_UNSUPPORTED ? ANM_OK : status;
}

anm_status anm_hf_source_tokenizer(anm_tokenizer **out, const char *folder,
                                   const char *memory, anm_error *err)
{
    anm_source s = { .path = folder };
    anm_hf_reading r = { .s = &s, .root = folder };
    anm_hf_tokenizer t = { 0 };
    anm_status status = read_encoder(&r, err);

    if (!status)
        status = anm_hf_tokenizer_open(
            &t, r.transformer ? r.transformer : folder, memory, err);
    if (!status && r.lowercase)
        status = anm_tokenizer_lower_first(t.tokenizer, err);
    if (status)
        anm_tokenizer_free(t.tokenizer);
    else
        *out = t.tokenizer;
    anm_free(r.transformer);
    anm_arena_deinit(&s.arena);
    return status;
}

/* ---- Beside a tokenizer ------------------------------------------------------ */

static anm_status read_beside(anm_hf_reading *r, anm_error *err)
{
    bool has = false;
    anm_status status = anm_hf_has(r->root, "modules.json", &has, err);

    if (status || !has) return status;
    r->extent.hidden = r->s->recipe.dim;
    status =
        read_doc(r, r->root, "modules.json", JSON_ARRAY, read_modules, err);
    return status ? status : read_modules_docs(r, err);
}

anm_status anm_hf_read_beside(anm_source *s, const char *folder,
                              anm_hf_beside *out, anm_error *err)
{
    anm_hf_reading r = { .s = s,
                         .root = folder,
                         .is_pooled = s->recipe.is_pooled };
    const anm_status status = read_beside(&r, err);

    *out = (anm_hf_beside){
        .has_modules = r.has_modules,
        .normalize = s->recipe.normalize,
        .pool = s->recipe.pool,
        .max_seq_length = r.max_seq_length,
        .lowercase = r.lowercase,
    };
    anm_free(r.transformer);
    anm_free(r.pooling);
    anm_free(r.normalize);
    return status;
}
