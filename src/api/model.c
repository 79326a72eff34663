/* model.c - the handle of a loaded model.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/model.h"

#include "api/check.h"
#include "base/alloc.h"
#include "base/error.h"
#include "engine/band.h"

void anm_options_init(anm_options *options)
{
    *options = (anm_options){ .log_level = ANM_LOG_WARN };
}

anm_status anm_model_open(anm_model **out, const anm_options *options,
                          anm_error *err)
{
    anm_status status = anm_check_given(out, "out", err);
    if (status) return status;
    *out = NULL;
    status = anm_check_options(options, err);
    if (status) return status;
    anm_model *m = anm_alloc_zero(sizeof(*m));
    if (!m) return anm_fail(err, ANM_E_NOMEM, "model: out of memory");
    status = anm_engine_open(&m->engine, options, err);
    if (status) {
        anm_free(m);
        return status;
    }
    *out = m;
    return ANM_OK;
}

void anm_model_close(anm_model *m)
{
    if (!m) return;
    anm_engine_close(m->engine);
    anm_free(m);
}

anm_status anm_model_warm(anm_model *m, const size_t *lengths, size_t n_lengths,
                          unsigned budget_ms, bool again, anm_error *err)
{
    anm_status status = anm_check_given(m, "model", err);

    if (!status && n_lengths) status = anm_check_given(lengths, "lengths", err);
    if (status) return status;
    if (n_lengths > ANM_BAND_LENGTHS_MAX)
        return anm_fail(err, ANM_E_ARG, "lengths: %zu, at most %d", n_lengths,
                        ANM_BAND_LENGTHS_MAX);
    return anm_engine_warm(m->engine, lengths, n_lengths, budget_ms, again,
                           err);
}

/* ---- What it is ------------------------------------------------------------ */

size_t anm_model_dim(const anm_model *m)
{
    return anm_engine_source(m->engine)->recipe.dim;
}

size_t anm_model_max_tokens(const anm_model *m)
{
    return anm_engine_max_tokens(m->engine);
}

const char *anm_model_name(const anm_model *m)
{
    return anm_engine_source(m->engine)->name;
}

const char *anm_model_fingerprint(const anm_model *m)
{
    return anm_engine_fingerprint(m->engine);
}

unsigned anm_model_threads(const anm_model *m)
{
    return anm_engine_threads(m->engine);
}

anm_state anm_model_state(const anm_model *m)
{
    return anm_engine_state(m->engine);
}

anm_cost anm_model_cost(const anm_model *m, size_t tokens)
{
    return anm_engine_cost(m->engine, tokens);
}

anm_status anm_model_peak(anm_model *m, anm_peak *out, anm_error *err)
{
    anm_status status = anm_check_given(m, "model", err);

    if (!status) status = anm_check_given(out, "out", err);
    return status ? status : anm_engine_peak(m->engine, out, err);
}
