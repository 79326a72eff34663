/* plan_recorded.c - see plan_recorded.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/plan_recorded.h"

#include <ctype.h>

#include "base/error.h"
#include "base/json.h"

/* An op of the package by the name of its output. */
typedef struct place {
    const char *output;
    size_t op;
} place;

typedef struct reading {
    anm_recorded_plan *plan;
    place *places; /* [n_places], by name */
    size_t n_places;
} reading;

static int compare_places(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return strcmp(x->output, y->output);
}

static anm_status fail_device(anm_error *err, const char *where,
                              const char *name)
{
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: device %.40s, must be cpu, gpu or ane", where, name);
}

static bool parse_device(const char *name, anm_device *out)
{
    for (int d = 0; d < ANM_DEVICE_COUNT; d++)
        if (strcmp(anm_device_name((anm_device)d), name) == 0) {
            *out = (anm_device)d;
            return true;
        }
    return false;
}

static anm_status read_devices(const json_t *o, const char *key,
                               const char *where, unsigned *out, anm_error *err)
{
    const json_t *list = NULL, *item;
    size_t i;
    anm_status status = anm_json_array(o, key, where, &list, err);

    *out = 0;
    if (status) return status;
    json_array_foreach((json_t *)list, i, item)
    {
        const char *name = json_string_value(item);
        anm_device device = ANM_DEVICE_CPU;

        if (!name || !parse_device(name, &device))
            return fail_device(err, where, name ? name : "that is no text");
        *out |= 1u << device;
    }
    return ANM_OK;
}

/* Plans put "ios16." before types that an opset redefined. */
static const char *without_opset(const char *type)
{
    const char *p = type;

    if (tolower((unsigned char)p[0]) != 'i' ||
        tolower((unsigned char)p[1]) != 'o' ||
        tolower((unsigned char)p[2]) != 's')
        return type;
    for (p += 3; *p >= '0' && *p <= '9'; p++)
        continue;
    return *p == '.' && p[-1] != 's' ? p + 1 : type;
}

static anm_status read_where(const json_t *o, const char *output,
                             anm_recorded_op *out, anm_error *err)
{
    const char *preferred = NULL;
    anm_status status =
        anm_json_string_or(o, "preferred", output, NULL, &preferred, err);

    if (status) return status;
    if (!preferred) return ANM_OK;
    if (!parse_device(preferred, &out->preferred))
        return fail_device(err, output, preferred);
    out->is_known = true;
    status = anm_json_real_or(o, "cost", output, -1, &out->cost, err);
    if (!status && out->cost > 1)
        status = anm_fail(err, ANM_E_FORMAT, "%s: cost %g, at most 1", output,
                          out->cost);
    if (!status)
        status = read_devices(o, "supported", output, &out->supported, err);
    if (!status && !(out->supported >> out->preferred & 1))
        status = anm_fail(err, ANM_E_FORMAT,
                          "%s: preferred %s is not among the supported", output,
                          preferred);
    return status;
}

static anm_status read_op(reading *x, const json_t *o, anm_error *err)
{
    const anm_mil_function *f = x->plan->function;
    const char *output = NULL, *type = NULL;
    anm_status status = anm_json_string(o, "output", "ops", &output, err);

    if (!status) status = anm_json_string(o, "type", output, &type, err);
    if (status) return status;
    const place wanted = { .output = output };
    const place *found = x->n_places ? bsearch(&wanted, x->places, x->n_places,
                                               sizeof(wanted), compare_places)
                                     : NULL;
    if (!found)
        return anm_fail(err, ANM_E_FORMAT,
                        "ops: no op of function %s gives %.200s: the plan is "
                        "of another package",
                        f->name, output);
    if (strcmp(without_opset(type), f->block.ops[found->op].type) != 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%.200s: type %.80s, in the package it is %.80s",
                        output, type, f->block.ops[found->op].type);
    return read_where(o, output, &x->plan->ops[found->op], err);
}

static anm_status make_places(reading *x, anm_arena *arena, anm_error *err)
{
    const anm_mil_block *b = &x->plan->function->block;
    size_t n = 0;

    for (size_t i = 0; i < b->n_ops; i++)
        n += b->ops[i].n_outputs;
    x->places = anm_arena_array(arena, n, sizeof(*x->places));
    x->plan->ops = anm_arena_array(arena, b->n_ops, sizeof(*x->plan->ops));
    if (!x->places || !x->plan->ops)
        return anm_fail(err, ANM_E_NOMEM, "out of memory");
    for (size_t i = 0; i < b->n_ops; i++)
        for (size_t j = 0; j < b->ops[i].n_outputs; j++)
            x->places[x->n_places++] =
                (place){ .output = b->ops[i].outputs[j].name, .op = i };
    if (n) qsort(x->places, n, sizeof(*x->places), compare_places);
    return ANM_OK;
}

static anm_status read_head(reading *x, const json_t *root,
                            const anm_mlpackage *p, anm_error *err)
{
    const char *units = NULL, *function = NULL;
    int64_t version = 0;
    anm_status status =
        anm_json_int(root, "anemone_recorded_plan", "plan",
                     (anm_int_rule){ .min = 1, .max = 1 }, &version, err);

    if (!status) status = anm_json_string(root, "units", "plan", &units, err);
    if (!status && anm_units_parse(&x->plan->units, units, err))
        status = anm_fail(err, ANM_E_FORMAT,
                          "units: %.40s, must be ALL, CPU_AND_GPU, CPU_AND_NE "
                          "or CPU_ONLY",
                          units);
    if (!status)
        status = anm_json_string_or(root, "function", "plan", p->main->name,
                                    &function, err);
    if (!status)
        status =
            read_devices(root, "devices", "devices", &x->plan->devices, err);
    if (status) return status;
    x->plan->function = anm_mlpackage_function(p, function);
    if (x->plan->function) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "function %.80s is none of the package's", function);
}

static anm_status read_plan(reading *x, anm_arena *arena, const json_t *root,
                            const anm_mlpackage *p, anm_error *err)
{
    const json_t *ops = NULL, *o;
    size_t i;
    anm_status status = read_head(x, root, p, err);

    if (!status) status = anm_json_array(root, "ops", "plan", &ops, err);
    if (!status) status = make_places(x, arena, err);
    if (status) return status;
    json_array_foreach((json_t *)ops, i, o)
    {
        status = read_op(x, o, err);
        if (status) return status;
    }
    x->plan->has_costs = true;
    for (size_t k = 0; k < x->plan->function->block.n_ops; k++)
        if (x->plan->ops[k].is_known && x->plan->ops[k].cost < 0)
            x->plan->has_costs = false;
    return ANM_OK;
}

anm_status anm_recorded_plan_read(anm_recorded_plan *out, anm_arena *arena,
                                  const char *path, const anm_mlpackage *p,
                                  anm_error *err)
{
    reading x = { .plan = out };
    json_t *root = NULL;
    anm_status status = anm_json_read(&root, path, ANM_PLAN_RECORDED_MAX, err);

    *out = (anm_recorded_plan){ 0 };
    if (status) return status;
    status = read_plan(&x, arena, root, p, err);
    json_decref(root);
    return status ? anm_fail_prefix(err, status, "%s", path) : ANM_OK;
}
