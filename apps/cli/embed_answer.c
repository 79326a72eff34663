/* embed_answer.c - what arguments and lines share: the buffers, and the fields
 * of one answer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"
#include "floats.h"

#include <stdlib.h>

anm_status cli_embed_reserve(embed_job *job, size_t n, anm_error *err)
{
    const size_t max = anm_model_max_tokens(job->session.model);

    job->cap = n;
    job->vectors = calloc(n * job->dim, sizeof(*job->vectors));
    job->infos = calloc(n, sizeof(*job->infos));
    job->ids = calloc(max, sizeof(*job->ids));
    if (job->vectors && job->infos && job->ids) return ANM_OK;
    return cli_fail(err, ANM_E_NOMEM, "out of memory for %zu texts", n);
}

anm_status cli_embed_put_fields(embed_job *job, size_t i, anm_text text,
                                anm_error *err)
{
    const float *vector = job->vectors + i * job->dim;

    fputs(",\"vector\":", stdout);
    if (job->o.encoding == EMBED_BASE64) {
        cli_put_base64(stdout, vector, job->dim);
    } else {
        cli_put_floats(stdout, vector, job->dim);
    }
    printf(",\"tokens\":%zu,\"truncated\":%zu", job->infos[i].tokens,
           job->infos[i].truncated);
    if (!job->o.ids) return ANM_OK;

    size_t n;
    const anm_status status =
        anm_model_ids(job->session.model, text, &job->params, job->ids,
                      anm_model_max_tokens(job->session.model), &n, NULL, err);
    if (status) return status;
    fputs(",\"ids\":", stdout);
    cli_put_ids(stdout, job->ids, n);
    return ANM_OK;
}
