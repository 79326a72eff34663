/* words.c - the spellings of anemone.h, and reading them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/check.h"
#include "base/error.h"

/* Every list below has its words at the places of its enumeration. */
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const units_names[] = {
    [ANM_UNITS_ALL] = "ALL",
    [ANM_UNITS_CPU_AND_GPU] = "CPU_AND_GPU",
    [ANM_UNITS_CPU_AND_NE] = "CPU_AND_NE",
    [ANM_UNITS_CPU_ONLY] = "CPU_ONLY",
};

static const char *const device_names[] = {
    [ANM_DEVICE_CPU] = "cpu",     [ANM_DEVICE_GPU] = "gpu",
    [ANM_DEVICE_ANE] = "ane",     [ANM_DEVICE_UNKNOWN] = "unknown",
    [ANM_DEVICE_MIXED] = "mixed",
};

static const char *const evidence_names[] = {
    [ANM_EVIDENCE_UNKNOWN] = "unknown",
    [ANM_EVIDENCE_CONFIGURED] = "configured",
    [ANM_EVIDENCE_PLANNED] = "planned",
    [ANM_EVIDENCE_OBSERVED] = "observed",
};

static const char *const precision_names[] = {
    [ANM_PRECISION_DEFAULT] = "default", [ANM_PRECISION_F32] = "f32",
    [ANM_PRECISION_BF16] = "bf16",       [ANM_PRECISION_INT8] = "int8",
    [ANM_PRECISION_INT4] = "int4",
};

static const char *const state_names[] = {
    [ANM_STATE_EMPTY] = "empty",     [ANM_STATE_PREPARING] = "preparing",
    [ANM_STATE_LOADING] = "loading", [ANM_STATE_WARMING] = "warming",
    [ANM_STATE_READY] = "ready",     [ANM_STATE_DEGRADED] = "degraded",
    [ANM_STATE_FAILED] = "failed",
};

static const char *const stage_names[] = {
    [ANM_STAGE_QUEUE] = "queue", [ANM_STAGE_TOKENIZE] = "tokenize",
    [ANM_STAGE_BIND] = "bind",   [ANM_STAGE_PREDICT] = "predict",
    [ANM_STAGE_POST] = "post",   [ANM_STAGE_SEARCH] = "search",
    [ANM_STAGE_MERGE] = "merge", [ANM_STAGE_UNACCOUNTED] = "unaccounted",
};

static const char *const verdict_names[] = {
    [ANM_VERDICT_NONE] = "none",
    [ANM_VERDICT_INSIDE] = "inside",
    [ANM_VERDICT_ABOVE] = "above",
    [ANM_VERDICT_BELOW] = "below",
};

static const char *const cause_names[] = {
#define X(name, text) text,
    ANM_CAUSE_LIST(X)
#undef X
};

static const char *const raw_type_names[] = {
#define X(name) #name,
    ANM_RAW_TYPE_LIST(X)
#undef X
};

static const int exit_codes[] = {
#define X(name, exit_code, text) exit_code,
    ANM_STATUS_LIST(X)
#undef X
};

static const char *name_of(const char *const *names, size_t n, int value)
{
    return value >= 0 && (size_t)value < n ? names[value] : "?";
}

const char *anm_units_name(anm_units units)
{
    return name_of(units_names, COUNT(units_names), (int)units);
}

const char *anm_device_name(anm_device device)
{
    return name_of(device_names, COUNT(device_names), (int)device);
}

const char *anm_evidence_name(anm_evidence evidence)
{
    return name_of(evidence_names, COUNT(evidence_names), (int)evidence);
}

const char *anm_precision_name(anm_precision precision)
{
    return name_of(precision_names, COUNT(precision_names), (int)precision);
}

const char *anm_state_name(anm_state state)
{
    return name_of(state_names, COUNT(state_names), (int)state);
}

const char *anm_stage_name(anm_stage stage)
{
    return name_of(stage_names, COUNT(stage_names), (int)stage);
}

const char *anm_verdict_name(anm_verdict verdict)
{
    return name_of(verdict_names, COUNT(verdict_names), (int)verdict);
}

const char *anm_cause_name(anm_cause cause)
{
    return name_of(cause_names, COUNT(cause_names), (int)cause);
}

const char *anm_raw_type_name(anm_raw_type type)
{
    return name_of(raw_type_names, COUNT(raw_type_names), (int)type);
}

int anm_status_exit_code(anm_status status)
{
    const size_t i = (size_t)status;

    return i < COUNT(exit_codes) ? exit_codes[i] : exit_codes[ANM_E_INTERNAL];
}

anm_text anm_text_of(const char *string)
{
    return (anm_text){ string, string ? strlen(string) : 0 };
}

/* ---- Reading --------------------------------------------------------------- */

/* Letter case of ASCII alone, in every locale. */
static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_same(const char *a, const char *b)
{
    for (; *a && upper(*a) == upper(*b); a++)
        b++;
    return !*a && !*b;
}

/* What may be written for something. */
typedef struct words {
    const char *what;
    const char *const *names; /* [n]; those below first are not for users */
    size_t first, n;
} words;

/* The place of a name. */
static anm_status parse(const words *w, const char *name, int *out,
                        anm_error *err)
{
    char allowed[128];
    size_t used = 0;

    for (size_t i = w->first; i < w->n; i++) {
        if (name && is_same(w->names[i], name)) {
            *out = (int)i;
            return ANM_OK;
        }
        used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
                                 i > w->first ? ", " : "", w->names[i]);
        assert(used < sizeof(allowed));
    }
    return anm_fail(err, ANM_E_ARG, "%s: '%s' is not allowed; allowed are %s",
                    w->what, name ? name : "", allowed);
}

anm_status anm_units_parse(anm_units *out, const char *name, anm_error *err)
{
    const words w = { "units", units_names, 0, COUNT(units_names) };
    int value = 0;
    anm_status status = anm_check_given(out, "out", err);

    if (!status) status = parse(&w, name, &value, err);
    if (!status) *out = (anm_units)value;
    return status;
}

anm_status anm_precision_parse(anm_precision *out, const char *name,
                               anm_error *err)
{
    const words w = { "precision", precision_names, ANM_PRECISION_F32,
                      COUNT(precision_names) };
    int value = 0;
    anm_status status = anm_check_given(out, "out", err);

    if (!status) status = parse(&w, name, &value, err);
    if (!status) *out = (anm_precision)value;
    return status;
}

anm_status anm_raw_type_parse(anm_raw_type *out, const char *name,
                              anm_error *err)
{
    const words w = { "dtype", raw_type_names, 0, COUNT(raw_type_names) };
    int value = 0;
    anm_status status = anm_check_given(out, "out", err);

    if (!status) status = parse(&w, name, &value, err);
    if (!status) *out = (anm_raw_type)value;
    return status;
}
