/* gguf_reading.c - what the files that read a GGUF file ask of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/gguf_reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

anm_status anm_gguf_fail_memory(anm_error *err)
{
    return anm_fail(err, ANM_E_NOMEM, "out of memory");
}

const char *anm_gguf_key(const anm_gguf_reading *r, const char *name,
                         char out[ANM_GGUF_KEY_BYTES])
{
    snprintf(out, ANM_GGUF_KEY_BYTES, "%s.%s", r->kind->name, name);
    return out;
}

anm_status anm_gguf_rows(const anm_gguf_reading *r, const char *tensor,
                         int64_t *out, anm_error *err)
{
    const anm_gguf_tensor *t = anm_gguf_tensor_find(r->g, tensor);

    if (!t)
        return anm_fail(err, ANM_E_FORMAT, "tensor %s: not there, among %zu",
                        tensor, anm_gguf_n_tensors(r->g));
    if (t->rank != 2 || t->dims[0] > INT32_MAX)
        return anm_fail(err, ANM_E_FORMAT,
                        "tensor %s: %u axes and %" PRIu64
                        " rows, a matrix expected",
                        tensor, t->rank, t->rank ? t->dims[0] : 0);
    *out = (int64_t)t->dims[0];
    return ANM_OK;
}

anm_status anm_gguf_source_is(const char *path, bool *is_gguf, anm_error *err)
{
    static const char ending[] = ".gguf";
    const size_t len = strlen(path), n = sizeof(ending) - 1;

    *is_gguf = len >= n && strcmp(path + len - n, ending) == 0;
    return *is_gguf ? ANM_OK : anm_gguf_sniff(path, is_gguf, err);
}

anm_status anm_gguf_find_kind(anm_gguf_reading *r, anm_error *err)
{
    static const anm_gguf_kind *const kinds[] = { &anm_gguf_bert,
                                                  &anm_gguf_qwen3 };
    static const char key[] = "general.architecture";
    anm_text name;
    const anm_status status = anm_gguf_text(r->g, key, &name, err);

    if (status) return status;
    for (size_t i = 0; i < 2; i++) {
        if (!anm_text_is(name, kinds[i]->name)) continue;
        r->kind = kinds[i];
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: \"%.*s\" is not built in; built in: %s, %s", key,
                    (int)(name.len < 64 ? name.len : 64), name.data,
                    kinds[0]->name, kinds[1]->name);
}
