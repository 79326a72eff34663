/* source_tokenizer.c - the tokenizer alone, by the kind of what lies at the
 * path: what `tokenize` uses, and whoever is told to take another's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/file.h"
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
