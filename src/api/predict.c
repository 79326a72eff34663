/* predict.c - raw predictions: arguments checked, handed on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "base/alloc.h"
#include "base/error.h"
#include "engine/functions.h"

struct anm_predictor {
    anm_functions *functions;
};

anm_status anm_predictor_open(anm_predictor **out, const anm_options *options,
                              anm_error *err)
{
    anm_status status = anm_check_given(out, "out", err);
    if (status) return status;
    *out = NULL;
    status = anm_check_options(options, err);
    if (status) return status;
    anm_predictor *p = anm_alloc_zero(sizeof(*p));
    if (!p) return anm_fail(err, ANM_E_NOMEM, "predictor: out of memory");
    status = anm_functions_open(&p->functions, options, err);
    if (status) {
        anm_free(p);
        return status;
    }
    *out = p;
    return ANM_OK;
}

void anm_predictor_close(anm_predictor *p)
{
    if (!p) return;
    anm_functions_close(p->functions);
    anm_free(p);
}

static bool is_real(anm_raw_type type)
{
    return type == ANM_RAW_FLOAT32 || type == ANM_RAW_FLOAT16 ||
           type == ANM_RAW_FLOAT64;
}

/* That there is what the array says of itself. */
static anm_status check_array(const anm_raw_array *a, size_t i, anm_error *err)
{
    size_t n = 1;

    if (!a->name)
        return anm_fail(err, ANM_E_ARG, "input %zu: it has no name", i);
    if ((unsigned)a->type >= ANM_RAW_TYPE_COUNT)
        return anm_fail(err, ANM_E_ARG, "input %s: type %d, must be in [0, %d)",
                        a->name, (int)a->type, ANM_RAW_TYPE_COUNT);
    if (a->rank && !a->dims)
        return anm_fail(err, ANM_E_ARG, "input %s: %zu dims at NULL", a->name,
                        a->rank);
    for (size_t k = 0; k < a->rank; k++) {
        if (a->dims[k] && n > SIZE_MAX / sizeof(float) / a->dims[k])
            return anm_fail(err, ANM_E_ARG,
                            "input %s: its shape has too many elements",
                            a->name);
        n *= a->dims[k];
    }
    const void *data = is_real(a->type) ? (const void *)a->floats : a->ints;
    if (n && !data)
        return anm_fail(err, ANM_E_ARG, "input %s: %zu elements at NULL",
                        a->name, n);
    return ANM_OK;
}

anm_status anm_predictor_run(anm_predictor *p, const char *function,
                             const anm_raw_array *inputs, size_t n_inputs,
                             const anm_raw_array **outputs, size_t *n_outputs,
                             anm_error *err)
{
    anm_status status = anm_check_given(p, "predictor", err);

    if (!status && n_inputs) status = anm_check_given(inputs, "inputs", err);
    if (!status) status = anm_check_given(outputs, "outputs", err);
    if (!status) status = anm_check_given(n_outputs, "n_outputs", err);
    for (size_t i = 0; i < n_inputs && !status; i++)
        status = check_array(&inputs[i], i, err);
    if (status) return status;
    anm_raw_arrays results;
    status =
        anm_functions_run(p->functions, function,
                          (anm_raw_arrays){ inputs, n_inputs }, &results, err);
    if (status) return status;
    *outputs = results.items;
    *n_outputs = results.n;
    return ANM_OK;
}

void anm_predictor_reset(anm_predictor *p)
{
    if (p) anm_functions_reset(p->functions);
}
