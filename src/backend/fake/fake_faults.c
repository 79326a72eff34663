/* fake_faults.c - what goes wrong and when, from a scenario's file. A fault has
 * the fields of its kind and no others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "backend/fake/fake.h"
#include "base/error.h"

#define N_OF(a)   (sizeof(a) / sizeof((a)[0]))
#define W(member) offsetof(anm_fake_when, member)
#define F(member) offsetof(anm_fake_fault, member)

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
    { "device", ANM_FAKE_CHOICE, F(device), 0, 0, ANM_FAKE_DEVICES },
    { "at", ANM_FAKE_CHOICE, F(at), 0, 0, "accepts|prepare|load|predict" },
    { "status", ANM_FAKE_CHOICE, F(status), 0, 0, statuses },
    { "output", ANM_FAKE_CHOICE, F(output), 0, 0, "nan|inf|zero|wrong|long" },
    { "answer", ANM_FAKE_CHOICE, F(answer), 0, 0, "corrupt|stale" },
    { "energy", ANM_FAKE_CHOICE, F(energy), 0, 0, ANM_FAKE_ANSWERS },
    { "footprint", ANM_FAKE_CHOICE, F(footprint), 0, 0, ANM_FAKE_ANSWERS },
    { "reason", ANM_FAKE_STRING, F(reason), 0, 0, NULL },
    { "shares", ANM_FAKE_SHARES, F(shares), 0, 0, NULL },
};

/* What a kind takes beside `kind` and `when`: a field with ! it cannot do
 * without. */
static const char *const taken[ANM_FAKE_KIND_COUNT] = {
    [ANM_FAKE_SLOW] = "ms|factor",
    [ANM_FAKE_CONTENTION] = "ms!|factor",
    [ANM_FAKE_QUOTA] = "ms!|factor",
    [ANM_FAKE_PAGING] = "ms!|factor",
    [ANM_FAKE_MEMORY] = "ms!|factor",
    [ANM_FAKE_BUSY] = "ms!|factor",
    [ANM_FAKE_IDLE] = "ms!|tau_ms",
    [ANM_FAKE_DRIFT] = "per_query!|max_factor",
    [ANM_FAKE_FREQUENCY] = "khz!",
    [ANM_FAKE_HOST] = "factor!",
    [ANM_FAKE_OVERHEAD] = "ms!|stage",
    [ANM_FAKE_PAD] = "tokens!",
    [ANM_FAKE_SUSPEND] = "ms!",
    [ANM_FAKE_EXECUTE] = "shares!",
    [ANM_FAKE_PLAN] = "device!|reason",
    [ANM_FAKE_ARTIFACT] = "answer!|factor|reason",
    [ANM_FAKE_EVIDENCE] = "energy|footprint",
    [ANM_FAKE_FAIL] = "at|status|reason",
    [ANM_FAKE_OUTPUT] = "output!",
    [ANM_FAKE_CRASH] = "",
};

static anm_status fail_missing(const json_t *o, const char *at,
                               const char *word, size_t len, anm_error *err)
{
    return anm_fail(
        err, ANM_E_FORMAT, "%s.%.*s: missing; a fault of kind %s needs it", at,
        (int)len, word, json_string_value(json_object_get(o, "kind")));
}

/* Every field that the kind needs is there, and no field of other kinds. */
static anm_status check_fault(const json_t *o, const char *at, size_t kind,
                              anm_error *err)
{
    char plain[64];
    size_t len = 0;
    const char *key;
    json_t *v;

    for (const char *w = taken[kind]; *w;) {
        const size_t n = strcspn(w, "!|");
        memcpy(plain + len, w, n);
        plain[len + n] = '\0';
        if (w[n] == '!' && !json_object_get(o, plain + len))
            return fail_missing(o, at, w, n, err);
        w += n + (w[n] == '!');
        len += n;
        if (*w) plain[len++] = *w++;
    }
    plain[len] = '\0';
    json_object_foreach(
        (json_t *)o, key,
        v) if (strcmp(key, "kind") != 0 && strcmp(key, "when") != 0 &&
               anm_fake_find_word(plain, key) ==
                   SIZE_MAX) return anm_fail(err, ANM_E_FORMAT,
                                             "%s.%s: no field of a fault of "
                                             "kind %s; allowed: "
                                             "when%s%s",
                                             at, key,
                                             json_string_value(
                                                 json_object_get(o, "kind")),
                                             *plain ? "|" : "", plain);
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
                           .shares = ANM_FAKE_NOT_SAID };
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
    if (f->status == ANM_OK)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s.status: OK is no failure; allowed: %s", at,
                        statuses + sizeof("OK"));
    snprintf(at_when, sizeof(at_when), "%.40s.when", at);
    status =
        anm_fake_fields_read(json_object_get(o, "when"), at_when, when_fields,
                             N_OF(when_fields), &f->when, err);
    return status ? status : check_fault(o, at, f->kind, err);
}

anm_status anm_fake_faults_read(anm_fake_scenario *s, const json_t *list,
                                anm_error *err)
{
    anm_status status = anm_fake_list_check(list, "faults", &s->n_faults, err);

    for (size_t i = 0; i < s->n_faults && !status; i++) {
        char at[ANM_FAKE_NAME];
        snprintf(at, sizeof(at), "faults[%zu]", i);
        status = read_fault(&s->faults[i], json_array_get(list, i), at, err);
    }
    return status;
}
