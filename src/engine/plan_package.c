/* plan_package.c - where the ops of a Core ML package would run on a Mac.
 *
 * Without a recording each op gets a prediction by the rules of the lint, with
 * evidence `unknown`: nobody publishes where Core ML puts an op. The contract
 * is then judged on this machine, where all of a package runs on the CPU. With
 * a recording both rows and contract are the recorded plan's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/json_text.h"
#include "engine/plan_parts.h"
#include "engine/plan_recorded.h"
#include "model/mil_cost.h"
#include "model/mil_lint.h"

typedef struct planning {
    anm_mlpackage *package;
    const anm_mil_function *function;
    anm_arena arena;
    const char *whole; /* the rule that keeps all of it off the engine */
    bool is_recorded;
    anm_recorded_plan recorded;
    double total; /* of costs, or known ops where costs are unknown */
    double shares[ANM_DEVICE_COUNT]; /* of the rows */
    anm_contract_facts facts;
    anm_contract contract;
} planning;

/* One op. */
typedef struct row {
    const char *device, *evidence;
    double share; /* negative: unknown */
    char reason[160];
} row;

/* ---- Rows ---------------------------------------------------------------- */

static double weight_of(const planning *x, size_t i)
{
    const anm_recorded_op *o = &x->recorded.ops[i];

    if (!x->is_recorded)
        return anm_mil_op_cost(x->function, &x->function->block.ops[i]);
    if (!o->is_known) return 0;
    return x->recorded.has_costs ? o->cost : 1;
}

static void predict(const planning *x, const anm_mil_op *op, row *out,
                    anm_device *device)
{
    const char *rule = x->whole ? x->whole : anm_lint_op_off_ane(op);

    *device = rule ? ANM_DEVICE_CPU : ANM_DEVICE_ANE;
    out->evidence = anm_evidence_name(ANM_EVIDENCE_UNKNOWN);
    if (rule) snprintf(out->reason, sizeof(out->reason), "%s", rule);
}

/* Why it is not on the engine, where the units permit it. */
static void explain(const planning *x, const anm_mil_op *op,
                    const anm_recorded_op *o, row *out)
{
    const char *rule = anm_lint_op_off_ane(op);
    const bool permits_ane =
        anm_units_permitted(x->recorded.units) >> ANM_DEVICE_ANE & 1;

    if (!permits_ane || o->preferred == ANM_DEVICE_ANE) return;
    if (o->supported >> ANM_DEVICE_ANE & 1)
        snprintf(out->reason, sizeof(out->reason),
                 "the ane supports it; the %s was preferred",
                 anm_device_name(o->preferred));
    else
        snprintf(out->reason, sizeof(out->reason),
                 "not supported on the ane%s%s%s", rule ? " (" : "",
                 rule ? rule : "", rule ? ")" : "");
}

static void make_row(planning *x, size_t i, row *out)
{
    const anm_mil_op *op = &x->function->block.ops[i];
    anm_device device = ANM_DEVICE_CPU;

    *out = (row){ .share = x->total > 0 ? weight_of(x, i) / x->total : 0 };
    if (!x->is_recorded) {
        predict(x, op, out, &device);
    } else if (x->recorded.ops[i].is_known) {
        device = x->recorded.ops[i].preferred;
        out->evidence = anm_evidence_name(ANM_EVIDENCE_PLANNED);
        explain(x, op, &x->recorded.ops[i], out);
    } else {
        out->device = "unknown";
        out->evidence = anm_evidence_name(ANM_EVIDENCE_UNKNOWN);
        out->share = -1;
        snprintf(out->reason, sizeof(out->reason), "not in the recorded plan");
        return;
    }
    out->device = anm_device_name(device);
    x->shares[device] += out->share;
}

static json_t *make_rows(planning *x)
{
    const anm_mil_block *b = &x->function->block;
    json_t *list = json_array();

    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];
        row r;

        if (anm_mil_op_is_constant(op)) continue;
        make_row(x, i, &r);
        const char *name = op->n_outputs ? op->outputs[0].name : op->name;
        json_t *o = json_pack(
            "{s:o, s:o, s:s, s:n, s:o, s:s, s:s?}", "name", anm_json_text(name),
            "type", anm_json_text(op->type), "device", r.device, "variant",
            "cost_share", anm_plan_share(r.share), "evidence", r.evidence,
            "reason", r.reason[0] ? r.reason : NULL);
        if (json_array_append_new(list, o)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* ---- Contract ------------------------------------------------------------ */

static anm_status judge(planning *x, const anm_options *o, anm_error *err)
{
    anm_contract_facts *f = &x->facts;
    const bool runs_here = !x->is_recorded && anm_mlpackage_check_runnable(
                                                  x->package, NULL) == ANM_OK;

    f->units = x->is_recorded ? x->recorded.units : o->units;
    f->allow_fallback = o->allow_fallback;
    const anm_status status =
        anm_require_parse(&f->require, o->require, f->units, err);
    if (status) return status;
    for (const anm_backend *const *b = anm_backends(); *b; b++)
        f->present |= (*b)->devices();
    if (x->is_recorded) f->present = f->loadable = x->recorded.devices;
    if (runs_here) f->loadable = 1u << ANM_DEVICE_CPU;
    for (int d = 0; d < ANM_DEVICE_COUNT; d++)
        f->shares[d] =
            x->is_recorded ? x->shares[d] : runs_here && d == ANM_DEVICE_CPU;
    anm_contract_judge(f, &x->contract);
    return ANM_OK;
}

/* ---- The document -------------------------------------------------------- */

static json_t *make_predicted(const planning *x)
{
    json_t *o = json_object();

    for (int d = 0; d < ANM_DEVICE_COUNT; d++)
        if (x->shares[d] > 0 &&
            json_object_set_new(o, anm_device_name((anm_device)d),
                                anm_plan_share(x->shares[d]))) {
            json_decref(o);
            return NULL;
        }
    return o;
}

static json_t *make_document(const planning *x, json_t *rows)
{
    const char *name = strrchr(x->package->path, '/');

    return json_pack(
        "{s:i, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "anemone_plan", 1,
        "model", anm_json_text(name ? name + 1 : x->package->path), "function",
        anm_json_text(x->function->name), "units",
        anm_units_name(x->facts.units), "source",
        x->is_recorded ? "recorded" : "predicted", "devices",
        anm_json_devices(x->facts.present), "ops", rows, "predicted",
        x->is_recorded ? json_null() : make_predicted(x), "share",
        anm_plan_shares(&x->facts), "contract",
        anm_plan_contract(&x->contract));
}

static anm_status choose_function(planning *x, const anm_options *o,
                                  anm_error *err)
{
    const char *name = o->function;

    if (x->is_recorded && !name) name = x->recorded.function->name;
    const anm_status status =
        anm_mlpackage_find_function(x->package, name, &x->function, err);
    if (status) return anm_fail_prefix(err, status, "%s", x->package->path);
    if (!x->is_recorded || x->function == x->recorded.function) return ANM_OK;
    return anm_fail(err, ANM_E_ARG,
                    "function %s: the plan was recorded of function %s",
                    o->function, x->recorded.function->name);
}

/* Rules that speak of the whole function, and of all weights. */
static anm_status find_whole(planning *x, anm_error *err)
{
    anm_lint *lint = NULL;
    const anm_status status = anm_lint_new(&lint, x->package, err);

    if (status) return status;
    const anm_lint_finding *heavy = anm_lint_find(lint, "weights>2GiB");
    x->whole = anm_lint_function_off_ane(x->function);
    if (heavy && !x->whole) x->whole = heavy->rule->word;
    anm_lint_free(lint);
    return ANM_OK;
}

/* Only programs have ops to plan. */
static anm_status open_program(planning *x, const anm_options *o,
                               const char *recorded, anm_error *err)
{
    anm_status status = anm_mlpackage_open(&x->package, o->model, err);

    if (!status && !x->package->main) {
        status = anm_mlpackage_check_runnable(x->package, err);
        if (status) status = anm_fail_prefix(err, status, "%s", o->model);
    }
    if (!status && recorded)
        status = anm_recorded_plan_read(&x->recorded, &x->arena, recorded,
                                        x->package, err);
    x->is_recorded = recorded != NULL;
    if (!status) status = choose_function(x, o, err);
    return status ? status : find_whole(x, err);
}

anm_status anm_plan_package(const anm_options *options, const char *recorded,
                            char **json, bool *met, anm_error *err)
{
    planning x = { 0 };
    json_t *rows = NULL;
    anm_status status = open_program(&x, options, recorded, err);

    if (!status) {
        for (size_t i = 0; i < x.function->block.n_ops; i++)
            x.total += weight_of(&x, i);
        rows = make_rows(&x);
        status = judge(&x, options, err);
    }
    if (!status)
        status = anm_json_take_string(make_document(&x, rows), 0, json, err);
    else
        json_decref(rows);
    if (!status) *met = x.contract.met;
    anm_mlpackage_close(x.package);
    anm_arena_deinit(&x.arena);
    return status;
}
