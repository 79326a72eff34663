/* text_function.c - ids in, vector out, on the engine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/text_function.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/error.h"

struct anm_text_function {
    anm_engine *engine;
    float *vector; /* [dim] */
    size_t dims[2];
    anm_raw_array result;
    int32_t *ids; /* those that the mask keeps */
    size_t cap_ids;
};

anm_status anm_text_function_open(anm_text_function **out,
                                  const anm_options *options, anm_error *err)
{
    anm_text_function *f = anm_alloc_zero(sizeof(*f));

    *out = NULL;
    if (!f) return anm_fail(err, ANM_E_NOMEM, "model: out of memory");
    anm_status status = anm_engine_open(&f->engine, options, err);
    if (!status) {
        const size_t dim = anm_engine_source(f->engine)->recipe.dim;
        f->dims[0] = 1;
        f->dims[1] = dim;
        f->vector = anm_alloc_array(dim, sizeof(*f->vector));
        if (!f->vector)
            status = anm_fail(err, ANM_E_NOMEM, "model: out of memory");
    }
    if (status) {
        anm_text_function_close(f);
        return status;
    }
    f->result = (anm_raw_array){ .name = "vector",
                                 .type = ANM_RAW_FLOAT32,
                                 .dims = f->dims,
                                 .rank = 2,
                                 .floats = f->vector };
    *out = f;
    return ANM_OK;
}

void anm_text_function_close(anm_text_function *f)
{
    if (!f) return;
    anm_engine_close(f->engine);
    anm_free(f->vector);
    anm_free(f->ids);
    anm_free(f);
}

static anm_status check_input(const anm_raw_array *a, anm_error *err)
{
    const bool row = a->rank == 1 || (a->rank == 2 && a->dims[0] == 1);

    if (a->type == ANM_RAW_INT32 && row) return ANM_OK;
    return anm_fail(err, ANM_E_ARG,
                    "input %s: expected INT32 [tokens] or [1, tokens], found "
                    "%s of rank %zu",
                    a->name, anm_raw_type_name(a->type), a->rank);
}

static anm_status find_inputs(const anm_raw_array *inputs, size_t n,
                              const anm_raw_array **ids,
                              const anm_raw_array **mask, anm_error *err)
{
    *ids = *mask = NULL;
    for (size_t i = 0; i < n; i++) {
        const bool is_mask = strcmp(inputs[i].name, "mask") == 0;
        const anm_raw_array **place = is_mask ? mask : ids;
        if (!is_mask && strcmp(inputs[i].name, "ids") != 0)
            return anm_fail(err, ANM_E_ARG,
                            "input %s: there is none of this name; the model "
                            "takes ids and mask",
                            inputs[i].name);
        if (*place)
            return anm_fail(err, ANM_E_ARG, "input %s: given twice",
                            inputs[i].name);
        *place = &inputs[i];
        const anm_status status = check_input(*place, err);
        if (status) return status;
    }
    if (!*ids)
        return anm_fail(err, ANM_E_ARG,
                        "input ids: missing; the model takes ids and mask");
    return ANM_OK;
}

/* The ids that the mask keeps. */
static anm_status keep_ids(anm_text_function *f, const anm_raw_array *ids,
                           const anm_raw_array *mask, anm_ids *out,
                           anm_error *err)
{
    const size_t n = ids->dims[ids->rank - 1];

    if (mask && mask->dims[mask->rank - 1] != n)
        return anm_fail(err, ANM_E_ARG,
                        "input mask: expected %zu tokens as ids have, found "
                        "%zu",
                        n, mask->dims[mask->rank - 1]);
    if (!anm_grow(&f->ids, &f->cap_ids, n, sizeof(*f->ids)))
        return anm_fail(err, ANM_E_NOMEM, "input ids: out of memory");
    *out = (anm_ids){ .ids = f->ids };
    for (size_t i = 0; i < n; i++) {
        const int32_t kept = mask ? mask->ints[i] : 1;
        if (kept != 0 && kept != 1)
            return anm_fail(err, ANM_E_ARG,
                            "input mask: element %zu is %" PRId32
                            ", must be 0 or 1",
                            i, kept);
        if (kept) f->ids[out->n++] = ids->ints[i];
    }
    return ANM_OK;
}

anm_status anm_text_function_run(anm_text_function *f, const char *function,
                                 anm_raw_arrays inputs, anm_raw_arrays *outputs,
                                 anm_error *err)
{
    const anm_raw_array *ids, *mask;
    anm_ids row;

    if (function && strcmp(function, "main") != 0)
        return anm_fail(err, ANM_E_NOTFOUND, "no function %s; there are: main",
                        function);
    anm_status status = find_inputs(inputs.items, inputs.n, &ids, &mask, err);
    if (!status) status = keep_ids(f, ids, mask, &row, err);
    if (!status)
        status =
            anm_engine_embed_ids(f->engine, &row, 1, NULL,
                                 &(anm_answers){ .vectors = f->vector }, err);
    if (status) return status;
    *outputs = (anm_raw_arrays){ &f->result, 1 };
    return ANM_OK;
}
