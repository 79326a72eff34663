/* contract.c - units permit, the contract requires; this file judges.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/contract.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"

/* What a device must take over when only its name is written, and what units
 * imply when nothing is. */
static const struct device_row {
    const char *name;
    double share;
} devices[ANM_DEVICE_COUNT] = {
    [ANM_DEVICE_CPU] = { "cpu", 1.0 },
    [ANM_DEVICE_GPU] = { "gpu", 0.5 },
    [ANM_DEVICE_ANE] = { "ane", 0.5 },
};

static const struct units_row {
    unsigned permitted;
    anm_device required;
    bool requires;
} units_rows[] = {
    [ANM_UNITS_ALL] = { 7, ANM_DEVICE_CPU, false },
    [ANM_UNITS_CPU_AND_GPU] = { 1u << ANM_DEVICE_CPU | 1u << ANM_DEVICE_GPU,
                                ANM_DEVICE_GPU, true },
    [ANM_UNITS_CPU_AND_NE] = { 1u << ANM_DEVICE_CPU | 1u << ANM_DEVICE_ANE,
                               ANM_DEVICE_ANE, true },
    [ANM_UNITS_CPU_ONLY] = { 1u << ANM_DEVICE_CPU, ANM_DEVICE_CPU, true },
};

// Shares are estimates; this much below the requirement is rounding.
static const double share_grain = 1e-6;

unsigned anm_units_permitted(anm_units units)
{
    return units_rows[units].permitted;
}

/* ---- Reading a requirement ------------------------------------------------ */

static bool is_name(const char *text, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++)
        if (!name[i] || tolower((unsigned char)text[i]) != name[i])
            return false;
    return name[len] == '\0';
}

/* Digits with at most one point, in (0, 1]. By hand, because strtod() reads
 * the decimal mark of the host's locale. */
static bool parse_share(const char *text, double *out)
{
    double value = 0, unit = 1;
    bool point = false;
    size_t n_digits = 0;

    for (; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9') return false;
        n_digits++;
        if (point) unit /= 10;
        value =
            point ? value + (*text - '0') * unit : value * 10 + (*text - '0');
    }
    *out = value;
    return n_digits && value > 0 && value <= 1;
}

static bool parse_device(const char *text, size_t len, anm_device *out)
{
    for (int d = 0; d < ANM_DEVICE_COUNT; d++)
        if (is_name(text, len, devices[d].name)) {
            *out = (anm_device)d;
            return true;
        }
    return false;
}

anm_status anm_require_parse(anm_require *out, const char *text,
                             anm_units units, anm_error *err)
{
    const struct units_row *implied = &units_rows[units];
    anm_require r = { implied->required, 0 };

    if (!text) {
        if (implied->requires) r.share = devices[r.device].share;
        *out = r;
        return ANM_OK;
    }
    if (is_name(text, strlen(text), "none")) {
        *out = r;
        return ANM_OK;
    }
    const char *colon = strchr(text, ':');
    const size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (!parse_device(text, len, &r.device) ||
        (colon && !parse_share(colon + 1, &r.share)))
        return anm_fail(err, ANM_E_ARG,
                        "require: '%s' is not allowed; allowed are none, or "
                        "DEVICE[:SHARE] with device cpu, gpu or ane and share "
                        "above 0 and at most 1",
                        text);
    if (!colon) r.share = devices[r.device].share;
    *out = r;
    return ANM_OK;
}

/* A share without the locale's decimal mark: "1", "0.5", "0.333". */
static void share_text(double share, char *out, size_t cap)
{
    const unsigned millionths = (unsigned)(share * 1e6 + 0.5);
    int n = snprintf(out, cap, "%u.%06u", millionths / 1000000,
                     millionths % 1000000);

    while (n > 0 && out[n - 1] == '0')
        out[--n] = '\0';
    if (n > 0 && out[n - 1] == '.') out[n - 1] = '\0';
}

void anm_require_text(const anm_require *r, char *out, size_t cap)
{
    char share[24];

    if (r->share <= 0) {
        snprintf(out, cap, "none");
        return;
    }
    share_text(r->share < share_grain ? share_grain : r->share, share,
               sizeof(share));
    snprintf(out, cap, "%s:%s", devices[r->device].name, share);
}

/* ---- Judging -------------------------------------------------------------- */

static void add(char *out, size_t cap, const char *format, ...)
    ANM_PRINTF(3, 4);

static void add(char *out, size_t cap, const char *format, ...)
{
    const size_t len = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + len, cap - len, format, args);
    va_end(args);
}

static void add_devices(char *out, size_t cap, unsigned set)
{
    const char *between = "";

    for (unsigned d = 0; d < ANM_DEVICE_COUNT; d++) {
        if (!(set >> d & 1)) continue;
        add(out, cap, "%s%s", between, devices[d].name);
        between = ", ";
    }
    if (!*between) add(out, cap, "none");
}

static void add_share(char *out, size_t cap, double share)
{
    char text[24] = "unknown";

    if (share >= 0) share_text(share, text, sizeof(text));
    add(out, cap, "%s", text);
}

/* The device with the largest planned share; UNKNOWN when none is known. */
static anm_device planned_device(const anm_contract_facts *f)
{
    anm_device best = ANM_DEVICE_UNKNOWN;
    double most = 0;

    for (int d = 0; d < ANM_DEVICE_COUNT; d++) {
        if (f->shares[d] <= most) continue;
        most = f->shares[d];
        best = (anm_device)d;
    }
    return best;
}

static bool is_met(const anm_contract_facts *f)
{
    const anm_require *r = &f->require;
    const unsigned bit = 1u << r->device;

    if (r->share <= 0) return true;
    return (f->present & bit) && (anm_units_permitted(f->units) & bit) &&
           f->shares[r->device] >= r->share - share_grain;
}

/* Why the required device does not take its share. */
static void add_obstacle(char *out, size_t cap, const anm_contract_facts *f)
{
    const char *name = devices[f->require.device].name;
    const unsigned bit = 1u << f->require.device;

    if (!(anm_units_permitted(f->units) & bit))
        add(out, cap, "units %s exclude it", anm_units_name(f->units));
    else if (!(f->present & bit))
        add(out, cap, "%s is not present", name);
    else if (!(f->loadable & bit) && f->require.device == ANM_DEVICE_ANE)
        add(out, cap, "ane cannot load this model: give it as .mlpackage");
    else if (!(f->loadable & bit))
        add(out, cap, "%s cannot load this model", name);
    else
        add(out, cap, "too little is planned there");
}

static void explain(const anm_contract_facts *f, anm_contract *c)
{
    const anm_device asked = f->require.device;
    char *out = c->reason;
    const size_t cap = sizeof(c->reason);

    add(out, cap, "units %s require %s, ", anm_units_name(f->units),
        c->require);
    add_obstacle(out, cap, f);
    add(out, cap, "; present: ");
    add_devices(out, cap, f->present);
    add(out, cap, "; share planned on %s: ", devices[asked].name);
    add_share(out, cap, f->shares[asked]);
    add(out, cap, ", required: ");
    add_share(out, cap, f->require.share);
    if (c->fallback)
        add(out, cap, "; runs on %s, a fallback that was allowed",
            anm_device_name(c->device));
    else if (c->device != ANM_DEVICE_UNKNOWN && c->device != asked)
        add(out, cap, "; to accept %s: --allow-fallback %s",
            devices[c->device].name, devices[c->device].name);
    else
        add(out, cap, "; to accept what is planned: --require none");
}

void anm_contract_judge(const anm_contract_facts *facts, anm_contract *out)
{
    memset(out, 0, sizeof(*out));
    anm_require_text(&facts->require, out->require, sizeof(out->require));
    out->device = planned_device(facts);
    out->met = is_met(facts);
    out->fallback = !out->met && out->device != ANM_DEVICE_UNKNOWN &&
                    out->device != facts->require.device &&
                    (facts->allow_fallback >> out->device & 1);
    out->runs = out->met || out->fallback;
    if (!out->met) explain(facts, out);
}
