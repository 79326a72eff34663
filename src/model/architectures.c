/* architectures.c - those that are built in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/error.h"
#include "model/bert.h"
#include "model/qwen3.h"

static const anm_architecture *const architectures[] = {
    &anm_bert,
    &anm_qwen3,
};

enum { N_ARCHITECTURES = sizeof(architectures) / sizeof(architectures[0]) };

static anm_status refuse_architecture(const char *model_type, const char *at,
                                      anm_error *err)
{
    anm_buf names = { 0 };

    for (size_t i = 0; i < N_ARCHITECTURES; i++)
        anm_buf_printf(&names, "%s%s", i ? ", " : "",
                       architectures[i]->model_type);
    char *list = anm_buf_take(&names);
    if (!list) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", at);
    const anm_status status =
        anm_fail(err, ANM_E_UNSUPPORTED,
                 "%s: model_type \"%s\" is not built in; built in: %s", at,
                 model_type, list);
    anm_free(list);
    return status;
}

anm_status anm_architecture_find(const anm_architecture **out,
                                 const char *model_type, const char *at,
                                 anm_error *err)
{
    for (size_t i = 0; i < N_ARCHITECTURES; i++) {
        if (strcmp(architectures[i]->model_type, model_type) != 0) continue;
        *out = architectures[i];
        return ANM_OK;
    }
    return refuse_architecture(model_type, at, err);
}
