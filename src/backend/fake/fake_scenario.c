/* fake_scenario.c - a scenario from its file, with every default.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/alloc.h"
#include "base/error.h"

#define DEVICES ANM_FAKE_DEVICES
#define ANSWERS ANM_FAKE_ANSWERS
#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static const size_t bytes_max = 1 << 20;

#define S(member) offsetof(anm_fake_scenario, member)
#define P(member) offsetof(anm_fake_step, member)
#define D(member) offsetof(anm_fake_device, member)

static const anm_fake_field top_fields[] = {
    { "anemone_scenario", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "name", ANM_FAKE_STRING, S(name), 0, 0, NULL },
    { "about", ANM_FAKE_STRING, S(about), 0, 0, NULL },
    { "seed", ANM_FAKE_COUNT, S(seed), 1, 1e9, NULL },
    { "settings", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "model", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "machine", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "devices", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "plan", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "executes", ANM_FAKE_SHARES, S(executes), 0, 0, NULL },
    { "evidence", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "stages", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "warm", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "workload", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "faults", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "expect", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
};
static const anm_fake_field settings_fields[] = {
    { "units", ANM_FAKE_STRING, S(settings.units), 0, 0, NULL },
    { "require", ANM_FAKE_STRING, S(settings.require), 0, 0, NULL },
    { "allow_fallback", ANM_FAKE_STRING, S(settings.allow_fallback), 0, 0,
      NULL },
    { "threads", ANM_FAKE_COUNT, S(settings.threads), 1, 64, NULL },
};
static const anm_fake_field model_fields[] = {
    { "dim", ANM_FAKE_COUNT, S(model.dim), 8, 1024, NULL },
    { "layers", ANM_FAKE_COUNT, S(model.layers), 1, 24, NULL },
    { "max_tokens", ANM_FAKE_COUNT, S(model.max_tokens), 16, 8192, NULL },
    { "words", ANM_FAKE_COUNT, S(model.words), 32, 30000, NULL },
};
static const anm_fake_field machine_fields[] = {
    { "name", ANM_FAKE_STRING, S(machine.name), 0, 0, NULL },
    { "clock_read_ns", ANM_FAKE_COUNT, S(machine.clock_read_ns), 1, 1e6, NULL },
    { "freq_khz", ANM_FAKE_COUNT, S(machine.freq_khz), 1e5, 1e7, NULL },
    { "absent", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
};
static const anm_fake_field plan_fields[] = {
    { "known", ANM_FAKE_BOOL, S(plan.known), 0, 0, NULL },
    { "prefer", ANM_FAKE_CHOICE, S(plan.prefer), 0, 0, DEVICES },
    { "share", ANM_FAKE_REAL, S(plan.share), 0, 1, NULL },
    { "reason", ANM_FAKE_STRING, S(plan.reason), 0, 0, NULL },
    { "ops", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
};
static const anm_fake_field evidence_fields[] = {
    { "plan", ANM_FAKE_BOOL, S(evidence.plan), 0, 0, NULL },
    { "cpu_time", ANM_FAKE_BOOL, S(evidence.cpu_time), 0, 0, NULL },
    { "energy", ANM_FAKE_CHOICE, S(evidence.energy), 0, 0, ANSWERS },
    { "footprint", ANM_FAKE_CHOICE, S(evidence.footprint), 0, 0, ANSWERS },
};
static const anm_fake_field stages_fields[] = {
    { "tokenize_ms", ANM_FAKE_REAL, S(stages.tokenize_ms), 0, 1e6, NULL },
    { "bind_ms", ANM_FAKE_REAL, S(stages.bind_ms), 0, 1e6, NULL },
    { "post_ms", ANM_FAKE_REAL, S(stages.post_ms), 0, 1e6, NULL },
    { "load_ms", ANM_FAKE_REAL, S(stages.load_ms), 0, 1e6, NULL },
};
static const anm_fake_field warm_fields[] = {
    { "skip", ANM_FAKE_BOOL, S(warm.skip), 0, 0, NULL },
    { "again", ANM_FAKE_BOOL, S(warm.again), 0, 0, NULL },
    { "budget_ms", ANM_FAKE_COUNT, S(warm.budget_ms), 1, 4e9, NULL },
    { "lengths", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
};
static const anm_fake_field device_fields[] = {
    { "ms", ANM_FAKE_REAL, D(ms), 0, 1e6, NULL },
    { "ms_per_token", ANM_FAKE_REAL, D(ms_per_token), 0, 1e4, NULL },
    { "spread", ANM_FAKE_REAL, D(spread), 0, 2, NULL },
    { "tail_chance", ANM_FAKE_REAL, D(tail_chance), 0, 1, NULL },
    { "tail_factor", ANM_FAKE_REAL, D(tail_factor), 1, 1000, NULL },
};
static const anm_fake_field step_fields[] = {
    { "restart", ANM_FAKE_BOOL, P(restart), 0, 0, NULL },
    { "warm", ANM_FAKE_BOOL, P(warm), 0, 0, NULL },
    { "again", ANM_FAKE_BOOL, P(again), 0, 0, NULL },
    { "queries", ANM_FAKE_COUNT, P(queries), 0, 1e5, NULL },
    { "start_ms", ANM_FAKE_REAL, P(start_ms), 0, 1e9, NULL },
    { "gap_ms", ANM_FAKE_RANGE, P(gap_ms), 0, 1.5552e10, NULL },
    { "tokens", ANM_FAKE_RANGE, P(tokens), 3, 8192, NULL },
    { "texts", ANM_FAKE_COUNT, P(texts), 1, 256, NULL },
    { "caller", ANM_FAKE_STRING, P(caller), 0, 0, NULL },
    { "prompt", ANM_FAKE_STRING, P(prompt), 0, 0, NULL },
    { "same_text", ANM_FAKE_BOOL, P(same_text), 0, 0, NULL },
};
/* Read for the sake of mistakes: run.py takes them from the file. */
typedef struct expectation {
    double from_query, to_query, every, exit, errors;
    bool quiet;
} expectation;

#define E(member) offsetof(expectation, member)
static const anm_fake_field expect_fields[] = {
    { "causes", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "from_query", ANM_FAKE_COUNT, E(from_query), 1, 1e9, NULL },
    { "to_query", ANM_FAKE_COUNT, E(to_query), 1, 1e9, NULL },
    { "every", ANM_FAKE_COUNT, E(every), 1, 1e9, NULL },
    { "quiet", ANM_FAKE_BOOL, E(quiet), 0, 0, NULL },
    { "exit", ANM_FAKE_COUNT, E(exit), -64, 255, NULL },
    { "errors", ANM_FAKE_COUNT, E(errors), 0, 1e9, NULL },
};

static const char causes[] =
#define X(name, text) text "|"
    ANM_CAUSE_LIST(X)
#undef X
    ;

static const anm_fake_shares not_said = ANM_FAKE_NOT_SAID;

static void set_defaults(anm_fake_scenario *s)
{
    *s = (anm_fake_scenario){ .name = "", .about = "", .seed = 1 };
    s->settings.threads = 2;
    s->model.dim = 48;
    s->model.layers = 2;
    s->model.max_tokens = 128;
    s->model.words = 800;
    s->machine.name = "played machine";
    s->machine.clock_read_ns = 20;
    s->machine.freq_khz = 3000000;
    s->plan.known = true;
    s->plan.prefer = ANM_DEVICE_COUNT;
    s->plan.share = 1;
    for (size_t i = 0; i < ANM_OP_COUNT; i++)
        s->plan.ops[i] = ANM_DEVICE_COUNT;
    s->executes = not_said;
    s->evidence.plan = true;
    s->stages.tokenize_ms = 0.05;
    s->stages.bind_ms = 0.02;
    s->stages.post_ms = 0.01;
    s->stages.load_ms = 50;
    s->warm.budget_ms = 600000;
}

/* ---- Parts ----------------------------------------------------------------- */

/* The position in a list of an array's string; SIZE_MAX: none. */
static size_t word_at(const json_t *list, size_t i, const char *words)
{
    const json_t *v = json_array_get(list, i);

    return json_is_string(v) ? anm_fake_find_word(words, json_string_value(v))
                             : SIZE_MAX;
}

static anm_status fail_item(const char *at, const json_t *list, size_t i,
                            const char *allowed, anm_error *err)
{
    char item[ANM_FAKE_NAME];

    snprintf(item, sizeof(item), "%s[%zu]", at, i);
    return anm_fake_fail_value("", item, json_array_get(list, i), allowed, err);
}

static anm_status read_absent(anm_fake_scenario *s, const json_t *machine,
                              anm_error *err)
{
    static const char words[] = "run_delay|switches|faults|throttled|psi|freq";
    const json_t *list = json_object_get(machine, "absent");

    if (!list) return ANM_OK;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const size_t bit = word_at(list, i, words);
        if (bit == SIZE_MAX)
            return fail_item("machine.absent", list, i, words, err);
        s->machine.absent |= 1u << bit;
    }
    if (json_is_array(list)) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "machine.absent: expected array, found %s",
                    anm_json_type_name(list));
}

static anm_status read_devices(anm_fake_scenario *s, const json_t *devices,
                               anm_error *err)
{
    const char *key;
    json_t *v;

    if (!json_is_object(devices) || json_object_size(devices) == 0)
        return anm_fake_fail_value(
            "", "devices", devices,
            "an object with cpu and what else is there of gpu, ane", err);
    json_object_foreach((json_t *)devices, key, v)
    {
        char at[ANM_FAKE_NAME];
        const size_t d = anm_fake_find_word(DEVICES, key);
        if (d == SIZE_MAX)
            return anm_fail(err, ANM_E_FORMAT,
                            "devices.%.40s: unknown field; allowed: cpu, gpu, "
                            "ane",
                            key);
        snprintf(at, sizeof(at), "devices.%s", key);
        s->devices[d] = (anm_fake_device){
            .present = true, .ms = 2, .spread = 0.01, .tail_factor = 1
        };
        const anm_status status = anm_fake_fields_read(
            v, at, device_fields, N_OF(device_fields), &s->devices[d], err);
        if (status) return status;
    }
    return ANM_OK;
}

static size_t find_op(const char *name)
{
    for (size_t i = 0; i < ANM_OP_COUNT; i++)
        if (strcmp(anm_op_describe((anm_op)i)->name, name) == 0) return i;
    return SIZE_MAX;
}

static anm_status read_ops(anm_fake_scenario *s, const json_t *plan,
                           anm_error *err)
{
    const json_t *ops = json_object_get(plan, "ops");
    const char *key;
    json_t *v;

    if (!ops) return ANM_OK;
    if (!json_is_object(ops))
        return anm_fail(err, ANM_E_FORMAT,
                        "plan.ops: expected object, found %s",
                        anm_json_type_name(ops));
    json_object_foreach((json_t *)ops, key, v)
    {
        const size_t op = find_op(key);
        const size_t d = json_is_string(v)
                             ? anm_fake_find_word(DEVICES, json_string_value(v))
                             : SIZE_MAX;
        if (op == SIZE_MAX)
            return anm_fail(err, ANM_E_FORMAT,
                            "plan.ops.%.40s: no operation has this name; "
                            "`anemone inspect --ops` lists those of a model",
                            key);
        if (d == SIZE_MAX)
            return anm_fake_fail_value("plan.ops", key, v, DEVICES, err);
        s->plan.ops[op] = d;
    }
    return ANM_OK;
}

static anm_status read_lengths(anm_fake_scenario *s, const json_t *warm,
                               anm_error *err)
{
    const json_t *list = json_object_get(warm, "lengths");

    if (!list) return ANM_OK;
    if (!json_is_array(list) || json_array_size(list) > N_OF(s->warm.lengths))
        return anm_fail(err, ANM_E_FORMAT,
                        "warm.lengths: expected an array of at most %zu "
                        "lengths",
                        N_OF(s->warm.lengths));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 3 ||
            json_integer_value(v) > 8192)
            return fail_item("warm.lengths", list, i,
                             "a whole number from 3 to 8192", err);
        s->warm.lengths[s->warm.n_lengths++] = (size_t)json_integer_value(v);
    }
    return ANM_OK;
}

static anm_status read_expect(const json_t *expect, anm_error *err)
{
    expectation e;
    const json_t *list = json_object_get(expect, "causes");
    const anm_status status = anm_fake_fields_read(
        expect, "expect", expect_fields, N_OF(expect_fields), &e, err);

    if (status || !list) return status;
    if (!json_is_array(list))
        return anm_fail(err, ANM_E_FORMAT,
                        "expect.causes: expected array, found %s",
                        anm_json_type_name(list));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (word_at(list, i, causes) == SIZE_MAX)
            return fail_item("expect.causes", list, i, causes, err);
    return ANM_OK;
}

/* ---- Lists ----------------------------------------------------------------- */

static anm_status read_workload(anm_fake_scenario *s, const json_t *top,
                                anm_error *err)
{
    const json_t *list = json_object_get(top, "workload");
    anm_status status = anm_fake_list_check(list, "workload", &s->n_steps, err);

    for (size_t i = 0; i < s->n_steps && !status; i++) {
        char at[ANM_FAKE_NAME];
        snprintf(at, sizeof(at), "workload[%zu]", i);
        s->steps[i] = (anm_fake_step){ .warm = true,
                                       .gap_ms = { 1000, 1000 },
                                       .tokens = { 16, 16 },
                                       .texts = 1,
                                       .caller = "main" };
        status = anm_fake_fields_read(json_array_get(list, i), at, step_fields,
                                      N_OF(step_fields), &s->steps[i], err);
    }
    return status;
}

/* ---- The whole ------------------------------------------------------------- */

static anm_status read_objects(anm_fake_scenario *s, const json_t *top,
                               anm_error *err)
{
    const struct {
        const char *name;
        const anm_fake_field *fields;
        size_t n;
    } objects[] = {
        { "settings", settings_fields, N_OF(settings_fields) },
        { "model", model_fields, N_OF(model_fields) },
        { "machine", machine_fields, N_OF(machine_fields) },
        { "plan", plan_fields, N_OF(plan_fields) },
        { "evidence", evidence_fields, N_OF(evidence_fields) },
        { "stages", stages_fields, N_OF(stages_fields) },
        { "warm", warm_fields, N_OF(warm_fields) },
    };

    for (size_t i = 0; i < N_OF(objects); i++) {
        const anm_status status = anm_fake_fields_read(
            json_object_get(top, objects[i].name), objects[i].name,
            objects[i].fields, objects[i].n, s, err);
        if (status) return status;
    }
    return ANM_OK;
}

/* "none", or DEVICE[:SHARE]. */
static bool is_requirement(const char *text)
{
    char *end;
    char device[4] = "";
    const size_t n = strcspn(text, ":");

    if (strcmp(text, "none") == 0) return true;
    if (n >= sizeof(device)) return false;
    memcpy(device, text, n);
    if (anm_fake_find_word(DEVICES, device) == SIZE_MAX) return false;
    if (!text[n]) return true;
    const double share = strtod(text + n + 1, &end);
    return end != text + n + 1 && !*end && share > 0 && share <= 1;
}

/* Devices with commas between. */
static bool is_device_list(const char *text)
{
    for (;; text++) {
        char device[4] = "";
        const size_t n = strcspn(text, ",");
        if (n >= sizeof(device)) return false;
        memcpy(device, text, n);
        if (anm_fake_find_word(DEVICES, device) == SIZE_MAX) return false;
        text += n;
        if (!*text) return true;
    }
}

static anm_status fail_setting(const char *name, const char *found,
                               const char *allowed, anm_error *err)
{
    return anm_fail(err, ANM_E_FORMAT,
                    "settings.%s: \"%.40s\" is not allowed; allowed: %s", name,
                    found, allowed);
}

static anm_status check_settings(const anm_fake_scenario *s, anm_error *err)
{
    static const char units[] = "ALL|CPU_AND_GPU|CPU_AND_NE|CPU_ONLY";

    if (s->settings.units &&
        anm_fake_find_word(units, s->settings.units) == SIZE_MAX)
        return fail_setting("units", s->settings.units, units, err);
    if (s->settings.require && !is_requirement(s->settings.require))
        return fail_setting("require", s->settings.require,
                            "none, or DEVICE[:SHARE] with device " DEVICES
                            " and a share above 0 up to 1",
                            err);
    if (s->settings.allow_fallback &&
        !is_device_list(s->settings.allow_fallback))
        return fail_setting("allow_fallback", s->settings.allow_fallback,
                            "a list of " DEVICES " with commas between", err);
    return ANM_OK;
}

static anm_status check_devices(const anm_fake_scenario *s, anm_error *err)
{
    if (!s->devices[ANM_DEVICE_CPU].present)
        return anm_fail(err, ANM_E_FORMAT,
                        "devices.cpu: missing; every machine has one");
    for (size_t d = 0; d < ANM_DEVICE_COUNT; d++)
        if (s->executes.of[d] > 0 && !s->devices[d].present)
            return anm_fail(err, ANM_E_FORMAT,
                            "executes.%s: the device is not among devices",
                            anm_device_name((anm_device)d));
    for (size_t i = 0; i < s->n_faults; i++)
        for (size_t d = 0; d < ANM_DEVICE_COUNT; d++)
            if (s->faults[i].shares.of[d] > 0 && !s->devices[d].present)
                return anm_fail(err, ANM_E_FORMAT,
                                "faults[%zu].shares.%s: the device is not "
                                "among devices",
                                i, anm_device_name((anm_device)d));
    return ANM_OK;
}

static bool has_caller(const anm_fake_scenario *s, const char *name)
{
    for (size_t i = 0; i < s->n_steps; i++)
        if (s->steps[i].queries > 0 && strcmp(s->steps[i].caller, name) == 0)
            return true;
    return false;
}

/* Names of callers are the workload's: one that it does not have is a slip of
 * the pen, and the fault would never act. */
static anm_status check_callers(const anm_fake_scenario *s, anm_error *err)
{
    for (size_t i = 0; i < s->n_faults; i++) {
        const char *name = s->faults[i].when.caller;
        if (name && !has_caller(s, name))
            return anm_fail(err, ANM_E_FORMAT,
                            "faults[%zu].when.caller: \"%.40s\": no step of "
                            "the workload has queries of this caller",
                            i, name);
    }
    return ANM_OK;
}

static anm_status read_all(anm_fake_scenario *s, const json_t *top,
                           anm_error *err)
{
    const json_t *v = json_object_get(top, "anemone_scenario");
    anm_status status =
        anm_fake_fields_read(top, "", top_fields, N_OF(top_fields), s, err);

    if (!status && !(json_is_integer(v) && json_integer_value(v) == 1))
        status = anm_fake_fail_value("", "anemone_scenario", v, "1", err);
    if (!status) status = read_objects(s, top, err);
    if (!status) status = read_absent(s, json_object_get(top, "machine"), err);
    if (!status) status = read_devices(s, json_object_get(top, "devices"), err);
    if (!status) status = read_ops(s, json_object_get(top, "plan"), err);
    if (!status) status = read_lengths(s, json_object_get(top, "warm"), err);
    if (!status) status = read_workload(s, top, err);
    if (!status)
        status = anm_fake_faults_read(s, json_object_get(top, "faults"), err);
    if (!status) status = read_expect(json_object_get(top, "expect"), err);
    if (!status) status = check_settings(s, err);
    if (!status) status = check_devices(s, err);
    return status ? status : check_callers(s, err);
}

anm_status anm_fake_scenario_read(anm_fake_scenario *out, const char *path,
                                  anm_error *err)
{
    set_defaults(out);
    anm_status status = anm_json_read(&out->document, path, bytes_max, err);
    if (status) return status;
    status = read_all(out, out->document, err);
    if (!status) return ANM_OK;
    anm_fake_scenario_deinit(out);
    return anm_fail_prefix(err, status, "%s", path);
}

void anm_fake_scenario_deinit(anm_fake_scenario *s)
{
    json_decref(s->document);
    s->document = NULL;
}
