/* mil_lint_rules.c - the tables of the lint.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_lint_rules.h"

static const anm_lint_rule rules[] = {
#define X(name, word, severity, known, why, what)                              \
    { word, ANM_LINT_##severity, ANM_LINT_KNOWN_##known, why, what },
    ANM_LINT_RULE_LIST(X)
#undef X
};

const anm_lint_rule *anm_lint_rule_at(size_t i)
{
    return i < sizeof(rules) / sizeof(rules[0]) ? &rules[i] : NULL;
}

const char *anm_lint_severity_name(anm_lint_severity s)
{
    static const char *const names[] = {
#define X(name, text) text,
        ANM_LINT_SEVERITY_LIST(X)
#undef X
    };
    return names[s];
}

const char *anm_lint_known_name(anm_lint_known k)
{
    static const char *const names[] = {
#define X(name, text) text,
        ANM_LINT_KNOWN_LIST(X)
#undef X
    };
    return names[k];
}

/* Neural Engines: what a community benchmark that streams weights measured.
 * Memory: what the vendor's data sheets say of the whole bus, which CPU and GPU
 * may reach in part. */
const anm_lint_floor *anm_lint_bandwidths(size_t *n)
{
    static const anm_lint_floor devices[] = {
        { "Neural Engine of M1 Pro", ANM_LINT_KNOWN_MEASURED, 55, 0 },
        { "Neural Engine of M1 or M2", ANM_LINT_KNOWN_MEASURED, 61, 0 },
        { "Neural Engine of M2 Pro, M3 or M4", ANM_LINT_KNOWN_MEASURED, 64, 0 },
        { "memory of M1", ANM_LINT_KNOWN_VENDOR, 68, 0 },
        { "Neural Engine of M5", ANM_LINT_KNOWN_MEASURED, 70, 0 },
        { "memory of M2 or M3", ANM_LINT_KNOWN_VENDOR, 100, 0 },
        { "memory of M4", ANM_LINT_KNOWN_VENDOR, 120, 0 },
        { "Neural Engine of M3 Max or M4 Pro", ANM_LINT_KNOWN_MEASURED, 125,
          0 },
        { "memory of M1 Pro or M2 Pro", ANM_LINT_KNOWN_VENDOR, 200, 0 },
        { "memory of M4 Pro", ANM_LINT_KNOWN_VENDOR, 273, 0 },
        { "memory of M1 Max or M2 Max", ANM_LINT_KNOWN_VENDOR, 400, 0 },
    };

    *n = sizeof(devices) / sizeof(devices[0]);
    return devices;
}
