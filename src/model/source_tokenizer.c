/* source_tokenizer.c - the tokenizer alone, by the kind of what lies at the
 * path: what `tokenize` uses, and whoever is told to take another's; and
 * whether a tokenizer is that of the weights.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/file.h"
#include "model/architecture.h"
#include "model/gguf_source.h"
#include "model/hf.h"
#include "model/package.h"

anm_status anm_source_tokenizer(anm_tokenizer **out, const char *path,
                                const anm_source_params *params, anm_error *err)
{
    static const anm_source_params nothing;
    anm_hf_tokenizer t = { 0 };
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    bool is_gguf = false;

    *out = NULL;
    if (!params) params = &nothing;
    anm_status status = anm_file_look(path, &kind, &id, err);
    if (!status && kind == ANM_FILE_REGULAR)
        status = anm_gguf_source_is(path, &is_gguf, err);
    if (status) return status;
    if (is_gguf) return anm_gguf_source_tokenizer(out, path, params, err);
    if (params->lowercase || params->add_eos)
        return anm_fail(err, ANM_E_ARG,
                        "%s: %s cannot be chosen: the files of the tokenizer "
                        "say it",
                        path, params->lowercase ? "lowercase" : "add_eos");
    if (kind != ANM_FILE_ABSENT && anm_mlpackage_is(path))
        return anm_package_tokenizer(out, path, params, err);
    if (kind == ANM_FILE_FOLDER)
        return anm_hf_source_tokenizer(out, path, params->memory, err);
    status = anm_hf_tokenizer_open(&t, path, params->memory, err);
    if (!status) *out = t.tokenizer;
    return status;
}

/* Whether ids that every text gets are in the table. */
static bool has_frame(const anm_source *s)
{
    const anm_tokenizer_frame f = anm_tokenizer_frame_of(s->tokenizer);

    for (size_t i = 0; i < f.n_before; i++)
        if ((size_t)f.before[i] >= s->vocab_rows) return false;
    for (size_t i = 0; i < f.n_after; i++)
        if ((size_t)f.after[i] >= s->vocab_rows) return false;
    return true;
}

anm_status anm_source_check_ids(anm_source *s, const char *at,
                                const char *table, anm_error *err)
{
    anm_tokenizer_info info;

    anm_tokenizer_describe(s->tokenizer, &info);
    if (info.vocab_size <= s->vocab_rows) return ANM_OK;
    if (!has_frame(s) || !anm_tokenizer_only_adds(s->tokenizer, s->vocab_rows))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: the tokenizer has ids below %zu, %s %zu rows", at,
                        info.vocab_size, table, s->vocab_rows);
    return anm_source_note(s, err, "tokenizer",
                           "added tokens have ids up to %zu, %s %zu rows: a "
                           "text that holds one beyond is refused",
                           info.vocab_size - 1, table, s->vocab_rows);
}
