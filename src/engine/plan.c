/* plan.c - where each operation would run, as JSON. Never refuses by contract.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan_parts.h"

#include "base/error.h"
#include "base/json.h"
#include "engine/describe.h"
#include "engine/fidelity.h"
#include "engine/json_text.h"
#include "engine/opening.h"
#include "engine/state.h"
#include "format/mlpackage.h"

static json_t *make_row(const anm_plan_row *r)
{
    return json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:s?}", "name",
                     anm_json_text(r->name), "type", r->type, "device",
                     anm_device_name(r->device), "variant", r->variant,
                     "cost_share", anm_plan_share(r->share), "evidence",
                     anm_evidence_name(r->evidence), "reason", r->reason);
}

static json_t *make_rows(const anm_engine *e)
{
    const anm_plan_row *rows;
    const size_t n = e->backend->plan(e->runner, &rows);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        if (json_array_append_new(list, make_row(&rows[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* NULL where no weight is rounded. */
static json_t *make_fidelity(const anm_engine *e)
{
    anm_fidelity f;

    if (!anm_fidelity_applies(e) || !anm_fidelity_read(e, &f)) return NULL;
    return json_pack("{s:f, s:f, s:i}", "cosine_least", (double)f.least,
                     "cosine_p50", (double)f.median, "texts", (int)f.texts);
}

static json_t *make_document(const anm_engine *e)
{
    return json_pack("{s:i, s:o, s:s, s:s, s:o*, s:o, s:o, s:o, s:o}",
                     "anemone_plan", 1, "model", anm_json_text(e->source->name),
                     "units", anm_units_name(e->load.units), "precision",
                     anm_precision_name(e->program.precision), "fidelity",
                     make_fidelity(e), "devices",
                     anm_json_devices(e->facts.present), "ops", make_rows(e),
                     "share", anm_plan_shares(&e->facts), "contract",
                     anm_plan_contract(&e->contract));
}

static anm_status refuse_recording(const char *model, anm_error *err)
{
    return anm_fail(err, ANM_E_ARG,
                    "%s: plans are recorded of Core ML packages only", model);
}

anm_status anm_engine_plan(const anm_options *options, const char *recorded,
                           char **json, bool *met, anm_error *err)
{
    anm_engine *e;

    if (anm_mlpackage_is(options->model))
        return anm_plan_package(options, recorded, json, met, err);
    if (recorded) return refuse_recording(options->model, err);
    anm_status status = anm_engine_describe(&e, options, err);
    if (status) return status;
    status = anm_engine_choose(e, options, err);
    if (!status) status = anm_engine_identify(e, options, err);
    if (!status) status = anm_engine_load(e, options, err);
    if (!status) status = anm_json_take_string(make_document(e), 0, json, err);
    if (!status) *met = e->contract.met;
    anm_engine_close(e);
    return status;
}
