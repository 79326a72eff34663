/* embed_api.c - texts and ids to vectors, and the receipt as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "api/model.h"
#include "base/error.h"

anm_status anm_embed(anm_model *m, const anm_text *texts, size_t n_texts,
                     float *vectors, anm_error *err)
{
    return anm_embed_with(m, texts, n_texts, NULL, vectors, NULL, NULL, err);
}

anm_status anm_embed_with(anm_model *m, const anm_text *texts, size_t n_texts,
                          const anm_embed_params *params, float *vectors,
                          anm_text_info *infos, anm_receipt *receipt,
                          anm_error *err)
{
    anm_status status = anm_check_given(m, "model", err);

    if (!status) status = anm_check_texts(texts, n_texts, err);
    if (!status && n_texts) status = anm_check_given(vectors, "vectors", err);
    if (!status) status = anm_check_params(params, err);
    if (status) return status;
    return anm_engine_embed(m->engine, texts, n_texts, params,
                            &(anm_answers){ vectors, infos, receipt }, err);
}

static anm_status check_rows(const anm_ids *rows, size_t n, anm_error *err)
{
    if (n && !rows) return anm_check_given(rows, "rows", err);
    for (size_t i = 0; i < n; i++)
        if (!rows[i].ids && rows[i].n)
            return anm_fail(err, ANM_E_ARG, "row %zu: %zu ids at NULL", i,
                            rows[i].n);
    return ANM_OK;
}

anm_status anm_embed_ids(anm_model *m, const anm_ids *rows, size_t n_rows,
                         const anm_embed_params *params, float *vectors,
                         anm_receipt *receipt, anm_error *err)
{
    anm_status status = anm_check_given(m, "model", err);

    if (!status) status = check_rows(rows, n_rows, err);
    if (!status && n_rows) status = anm_check_given(vectors, "vectors", err);
    if (status) return status;
    if (params && (params->prompt || params->prompt_text || params->max_tokens))
        return anm_fail(err, ANM_E_ARG, "ids take no prompt and no max_tokens");
    return anm_engine_embed_ids(m->engine, rows, n_rows, params,
                                &(anm_answers){ vectors, NULL, receipt }, err);
}

anm_status anm_model_ids(anm_model *m, anm_text text,
                         const anm_embed_params *params, int32_t *ids,
                         size_t cap, size_t *n_ids, anm_text_info *info,
                         anm_error *err)
{
    anm_status status = anm_check_given(m, "model", err);

    if (!status) status = anm_check_texts(&text, 1, err);
    if (!status) status = anm_check_params(params, err);
    if (!status && cap) status = anm_check_given(ids, "ids", err);
    if (!status) status = anm_check_given(n_ids, "n_ids", err);
    if (status) return status;
    anm_id_list list = { .ids = ids, .cap = cap };
    status = anm_engine_ids(m->engine, text, params, &list, err);
    if (status) return status;
    *n_ids = list.n;
    if (info) *info = list.info;
    return ANM_OK;
}

anm_status anm_receipt_json(const anm_receipt *receipt, char **json,
                            anm_error *err)
{
    anm_status status = anm_check_given(receipt, "receipt", err);

    if (!status) status = anm_check_given(json, "json", err);
    return status ? status : anm_receipt_write(receipt, json, err);
}
