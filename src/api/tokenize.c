/* tokenize.c - tokenizers opened without weights.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "base/alloc.h"
#include "base/error.h"
#include "engine/engine.h"
#include "model/source.h"
#include "text/tokenizer.h"

anm_status anm_tokenizer_open(anm_tokenizer **out, const char *path,
                              anm_error *err)
{
    const anm_status status = anm_check_given(out, "out", err);
    if (status) return status;
    *out = NULL;
    if (!path || !*path)
        return anm_fail(err, ANM_E_ARG,
                        "tokenizer: must name a folder or a tokenizer.json");
    return anm_source_tokenizer(out, path, NULL, err);
}

/* Where compiled tokenizers are kept; a system without a cache folder keeps
 * none. */
static anm_status find_memory(const anm_options *o, char **out, anm_error *err)
{
    char *cache = NULL;
    anm_error why;

    *out = NULL;
    if (o->verify) return ANM_OK;
    anm_status status = anm_engine_cache_folder(o->cache_dir, &cache, &why);
    if (status == ANM_E_NOTFOUND) return ANM_OK;
    if (status) return anm_fail(err, status, "%s", why.message);
    status = anm_engine_memory_folder(cache, out, err);
    anm_free(cache);
    return status;
}

anm_status anm_tokenizer_open_with(anm_tokenizer **out,
                                   const anm_options *options, anm_error *err)
{
    char *memory = NULL;
    anm_status status = anm_check_given(out, "out", err);

    if (status) return status;
    *out = NULL;
    status = anm_check_given(options, "options", err);
    if (!status) status = anm_check_choices(options, err);
    if (status) return status;
    const char *path = options->tokenizer ? options->tokenizer : options->model;
    if (!path || !*path)
        return anm_fail(err, ANM_E_ARG,
                        "options: tokenizer or model must name a model or a "
                        "tokenizer.json");
    status = find_memory(options, &memory, err);
    const anm_source_params params = {
        .lowercase = options->lowercase,
        .add_eos = options->add_eos,
        .memory = memory,
    };
    if (!status) status = anm_source_tokenizer(out, path, &params, err);
    anm_free(memory);
    return status;
}

void anm_tokenizer_close(anm_tokenizer *t)
{
    anm_tokenizer_free(t);
}

anm_status anm_tokenize(const anm_tokenizer *t, anm_text text, bool special,
                        anm_encoding *e, anm_error *err)
{
    anm_status status = anm_check_given(t, "tokenizer", err);

    if (!status) status = anm_check_given(e, "encoding", err);
    if (!status) status = anm_check_texts(&text, 1, err);
    if (status) return status;
    if (text.len > ANM_TEXT_MAX_BYTES)
        return anm_fail(err, ANM_E_LIMIT, "%zu bytes, at most %zu", text.len,
                        ANM_TEXT_MAX_BYTES);
    return anm_tokenizer_encode(t, text, special, e, err);
}
