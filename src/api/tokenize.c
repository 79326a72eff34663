/* tokenize.c - tokenizers opened without weights.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "base/error.h"
#include "model/source.h"
#include "text/tokenizer.h"

anm_status anm_tokenizer_open(anm_tokenizer **out, const char *path,
                              anm_error *err)
{
    *out = NULL;
    if (!path || !*path)
        return anm_fail(err, ANM_E_ARG,
                        "tokenizer: must name a folder or a tokenizer.json");
    return anm_source_tokenizer(out, path, err);
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
