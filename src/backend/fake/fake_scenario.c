/* fake_scenario.c - a scenario from its file, with every default.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/alloc.h"
#include "base/error.h"

#define DEVICES "cpu|gpu|ane"
#define ANSWERS "absent|honest|cpu|gpu|ane"
#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static const size_t bytes_max = 1 << 20;

#define S(member) offsetof(anm_fake_scenario, member)
#define W(member) offsetof(anm_fake_when, member)
#define F(member) offsetof(anm_fake_fault, member)
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
static const anm_fake_field when_fields[] = {
    { "phase", ANM_FAKE_CHOICE, W(phase), 0, 0, "open|warm|live|any" },
    { "start", ANM_FAKE_COUNT, W(start), 1, 1e6, NULL },
    { "from_start", ANM_FAKE_COUNT, W(from_start), 1, 1e6, NULL },
    { "from_query", ANM_FAKE_COUNT, W(from_query), 1, 1e9, NULL },
    { "to_query", ANM_FAKE_COUNT, W(to_query), 1, 1e9, NULL },
    { "every", ANM_FAKE_COUNT, W(every), 1, 1e9, NULL },
    { "from_ms", ANM_FAKE_REAL, W(from_ms), 0, 1e12, NULL },
    { "to_ms", ANM_FAKE_REAL, W(to_ms), 0, 1e12, NULL },
    { "min_idle_ms", ANM_FAKE_REAL, W(min_idle_ms), 0, 1e12, NULL },
    { "min_tokens", ANM_FAKE_COUNT, W(min_tokens), 0, 1e6, NULL },
    { "max_tokens", ANM_FAKE_COUNT, W(max_tokens), 0, 1e6, NULL },
    { "chance", ANM_FAKE_REAL, W(chance), 0, 1, NULL },
    { "first_on_thread", ANM_FAKE_BOOL, W(first_on_thread), 0, 0, NULL },
    { "first_of_length", ANM_FAKE_BOOL, W(first_of_length), 0, 0, NULL },
    { "caller", ANM_FAKE_STRING, W(caller), 0, 0, NULL },
};

static const char kinds[] =
#define X(name, text) text "|"
    ANM_FAKE_KIND_LIST(X)
#undef X
    ;
static const char statuses[] =
#define X(name, code, text) #name "|"
    ANM_STATUS_LIST(X)
#undef X
    ;

static const anm_fake_field fault_fields[] = {
    { "kind", ANM_FAKE_CHOICE, F(kind), 0, 0, kinds },
    { "when", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "ms", ANM_FAKE_RANGE, F(ms), 0, 1e9, NULL },
    { "factor", ANM_FAKE_REAL, F(factor), 0.01, 1000, NULL },
    { "per_query", ANM_FAKE_REAL, F(per_query), 0, 100, NULL },
    { "max_factor", ANM_FAKE_REAL, F(max_factor), 1, 1000, NULL },
    { "tau_ms", ANM_FAKE_REAL, F(tau_ms), 1e-3, 1e9, NULL },
    { "khz", ANM_FAKE_COUNT, F(khz), 1e5, 1e7, NULL },
    { "tokens", ANM_FAKE_COUNT, F(tokens), 1, 8192, NULL },
    { "stage", ANM_FAKE_CHOICE, F(stage), 0, 0, "tokenize|bind|post" },
    { "device", ANM_FAKE_CHOICE, F(device), 0, 0, DEVICES },
    { "at", ANM_FAKE_CHOICE, F(at), 0, 0, "accepts|prepare|load|predict" },
    { "status", ANM_FAKE_CHOICE, F(status), 0, 0, statuses },
    { "output", ANM_FAKE_CHOICE, F(output), 0, 0, "nan|inf|zero|wrong|long" },
    { "answer", ANM_FAKE_CHOICE, F(answer), 0, 0, "corrupt|stale" },
    { "energy", ANM_FAKE_CHOICE, F(energy), 0, 0, ANSWERS },
    { "footprint", ANM_FAKE_CHOICE, F(footprint), 0, 0, ANSWERS },
    { "reason", ANM_FAKE_STRING, F(reason), 0, 0, NULL },
    { "shares", ANM_FAKE_SHARES, F(shares), 0, 0, NULL },
};

static const anm_fake_field expect_fields[] = {
    { "causes", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "from_query", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "to_query", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "every", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "quiet", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "exit", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
    { "errors", ANM_FAKE_ELSEWHERE, 0, 0, 0, NULL },
};

static const anm_fake_shares not_said = { { -1, -1, -1 } };

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

static anm_status read_absent(anm_fake_scenario *s, const json_t *machine,
                              anm_error *err)
{
    static const char words[] = "run_delay|switches|faults|throttled|psi|freq";
    const json_t *list = json_object_get(machine, "absent");

    if (!list) return ANM_OK;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const size_t bit = word_at(list, i, words);
        if (bit == SIZE_MAX)
            return anm_fail(err, ANM_E_FORMAT,
                            "machine.absent[%zu]: allowed: %s", i, words);
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
        return anm_fail(err, ANM_E_FORMAT,
                        "devices: expected an object with at least one of "
                        "cpu, gpu, ane");
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
            return anm_fail(err, ANM_E_FORMAT, "plan.ops.%s: allowed: " DEVICES,
                            key);
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
            return anm_fail(err, ANM_E_FORMAT,
                            "warm.lengths[%zu]: allowed: a whole number from 3 "
                            "to 8192",
                            i);
        s->warm.lengths[s->warm.n_lengths++] = (size_t)json_integer_value(v);
    }
    return ANM_OK;
}

/* ---- Lists ----------------------------------------------------------------- */

static anm_status list_of(const json_t *top, const char *key, size_t *n,
                          const json_t **out, anm_error *err)
{
    const json_t *list = json_object_get(top, key);

    *out = list;
    *n = 0;
    if (!list) return ANM_OK;
    *n = json_array_size(list);
    if (json_is_array(list) && *n <= ANM_FAKE_ITEMS_MAX) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: expected an array of at most %d objects", key,
                    ANM_FAKE_ITEMS_MAX);
}

static anm_status read_workload(anm_fake_scenario *s, const json_t *top,
                                anm_error *err)
{
    const json_t *list;
    anm_status status = list_of(top, "workload", &s->n_steps, &list, err);

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

/* Fields that a kind cannot do without. */
static anm_status check_fault(const json_t *o, const char *at, size_t kind,
                              anm_error *err)
{
    static const struct {
        size_t kind;
        const char *field;
    } needed[] = {
        { ANM_FAKE_CONTENTION, "ms" },   { ANM_FAKE_QUOTA, "ms" },
        { ANM_FAKE_PAGING, "ms" },       { ANM_FAKE_MEMORY, "ms" },
        { ANM_FAKE_BUSY, "ms" },         { ANM_FAKE_IDLE, "ms" },
        { ANM_FAKE_OVERHEAD, "ms" },     { ANM_FAKE_SUSPEND, "ms" },
        { ANM_FAKE_DRIFT, "per_query" }, { ANM_FAKE_FREQUENCY, "khz" },
        { ANM_FAKE_HOST, "factor" },     { ANM_FAKE_EXECUTE, "shares" },
        { ANM_FAKE_PLAN, "device" },     { ANM_FAKE_ARTIFACT, "answer" },
        { ANM_FAKE_OUTPUT, "output" },   { ANM_FAKE_PAD, "tokens" },
    };

    for (size_t i = 0; i < N_OF(needed); i++)
        if (needed[i].kind == kind && !json_object_get(o, needed[i].field))
            return anm_fail(err, ANM_E_FORMAT,
                            "%s.%s: missing; a fault of kind %s needs it", at,
                            needed[i].field,
                            json_string_value(json_object_get(o, "kind")));
    return ANM_OK;
}

static anm_status read_fault(anm_fake_fault *f, const json_t *o, const char *at,
                             anm_error *err)
{
    char at_when[ANM_FAKE_NAME];

    *f = (anm_fake_fault){ .kind = ANM_FAKE_KIND_COUNT,
                           .factor = 1,
                           .max_factor = 1000,
                           .tau_ms = 1000,
                           .at = ANM_FAKE_AT_PREDICT,
                           .status = ANM_E_DEVICE,
                           .device = ANM_DEVICE_COUNT,
                           .reason = "",
                           .shares = not_said };
    f->when = (anm_fake_when){ .phase = ANM_FAKE_LIVE,
                               .to_query = 1e9,
                               .every = 1,
                               .to_ms = 1e12,
                               .max_tokens = 1e6,
                               .chance = 1 };
    anm_status status =
        anm_fake_fields_read(o, at, fault_fields, N_OF(fault_fields), f, err);
    if (status) return status;
    if (f->kind >= ANM_FAKE_KIND_COUNT)
        return anm_fail(err, ANM_E_FORMAT, "%s.kind: missing; allowed: %s", at,
                        kinds);
    snprintf(at_when, sizeof(at_when), "%.40s.when", at);
    status =
        anm_fake_fields_read(json_object_get(o, "when"), at_when, when_fields,
                             N_OF(when_fields), &f->when, err);
    return status ? status : check_fault(o, at, f->kind, err);
}

static anm_status read_faults(anm_fake_scenario *s, const json_t *top,
                              anm_error *err)
{
    const json_t *list;
    anm_status status = list_of(top, "faults", &s->n_faults, &list, err);

    for (size_t i = 0; i < s->n_faults && !status; i++) {
        char at[ANM_FAKE_NAME];
        snprintf(at, sizeof(at), "faults[%zu]", i);
        status = read_fault(&s->faults[i], json_array_get(list, i), at, err);
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
        { "expect", expect_fields, N_OF(expect_fields) },
    };

    for (size_t i = 0; i < N_OF(objects); i++) {
        const anm_status status = anm_fake_fields_read(
            json_object_get(top, objects[i].name), objects[i].name,
            objects[i].fields, objects[i].n, s, err);
        if (status) return status;
    }
    return ANM_OK;
}

static anm_status check_whole(const anm_fake_scenario *s, anm_error *err)
{
    static const char units[] = "ALL|CPU_AND_GPU|CPU_AND_NE|CPU_ONLY";

    if (s->settings.units &&
        anm_fake_find_word(units, s->settings.units) == SIZE_MAX)
        return anm_fail(err, ANM_E_FORMAT,
                        "settings.units: %.40s is not allowed; allowed: %s",
                        s->settings.units, units);
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
    if (!s->devices[ANM_DEVICE_CPU].present)
        return anm_fail(err, ANM_E_FORMAT,
                        "devices.cpu: missing; every machine has one");
    return ANM_OK;
}

static anm_status read_all(anm_fake_scenario *s, const json_t *top,
                           anm_error *err)
{
    int64_t version;
    anm_status status = anm_fake_fields_read(top, "scenario", top_fields,
                                             N_OF(top_fields), s, err);

    if (!status)
        status = anm_json_int(top, "anemone_scenario", "scenario", 1, 1,
                              &version, err);
    if (!status) status = read_objects(s, top, err);
    if (!status) status = read_absent(s, json_object_get(top, "machine"), err);
    if (!status) status = read_devices(s, json_object_get(top, "devices"), err);
    if (!status) status = read_ops(s, json_object_get(top, "plan"), err);
    if (!status) status = read_lengths(s, json_object_get(top, "warm"), err);
    if (!status) status = read_workload(s, top, err);
    if (!status) status = read_faults(s, top, err);
    return status ? status : check_whole(s, err);
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
