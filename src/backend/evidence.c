/* evidence.c - statements about devices: the only place that writes one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "backend/evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double share_when_unknown = 0.51;
static const double share_tolerance = 1e-6;

static anm_evidence strength_of(anm_witness by)
{
    switch (by) {
    case ANM_WITNESS_CONFIGURATION:
        return ANM_EVIDENCE_CONFIGURED;
    case ANM_WITNESS_PLAN:
        return ANM_EVIDENCE_PLANNED;
    case ANM_WITNESS_CPU_TIME:
    case ANM_WITNESS_DEVICE:
        return ANM_EVIDENCE_OBSERVED;
    }
    return ANM_EVIDENCE_UNKNOWN;
}

anm_statement anm_statement_make(anm_witness by, anm_device device,
                                 double share, const char *how, ...)
{
    anm_statement s = { .sealed = { .device = device,
                                    .evidence = strength_of(by),
                                    .share = share } };
    va_list args;

    va_start(args, how);
    vsnprintf(s.sealed.how, sizeof(s.sealed.how), how, args);
    va_end(args);
    return s;
}

anm_statement anm_statement_quote(anm_witness by, anm_device device,
                                  double share, const char *how)
{
    anm_statement s = { .sealed = { .device = device,
                                    .evidence = strength_of(by),
                                    .share = share } };

    memcpy(s.sealed.how, how, strnlen(how, sizeof(s.sealed.how) - 1));
    return s;
}

anm_device anm_statement_device(const anm_statement *s)
{
    return s->sealed.evidence == ANM_EVIDENCE_UNKNOWN ? ANM_DEVICE_UNKNOWN
                                                      : s->sealed.device;
}

anm_evidence anm_statement_evidence(const anm_statement *s)
{
    return s->sealed.evidence;
}

double anm_statement_share(const anm_statement *s)
{
    return s->sealed.evidence == ANM_EVIDENCE_UNKNOWN ? -1 : s->sealed.share;
}

const char *anm_statement_how(const anm_statement *s)
{
    return s->sealed.how;
}

static double claimed(const anm_statement *s)
{
    return s->sealed.share < 0 ? share_when_unknown : s->sealed.share;
}

bool anm_statements_contradict(const anm_statement *a, const anm_statement *b)
{
    const anm_device x = anm_statement_device(a), y = anm_statement_device(b);

    if (x >= ANM_DEVICE_COUNT || y >= ANM_DEVICE_COUNT || x == y) return false;
    return claimed(a) + claimed(b) > 1 + share_tolerance;
}

void anm_testimony_add(anm_testimony *t, const anm_statement *s)
{
    size_t at = t->n;

    if (t->n < ANM_TESTIMONY_MAX) {
        t->items[t->n++] = *s;
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        const anm_evidence least =
            at < t->n ? t->items[at].sealed.evidence : s->sealed.evidence;
        if (t->items[i].sealed.evidence < least) at = i;
    }
    if (at < t->n) t->items[at] = *s;
}

const anm_statement *anm_testimony_strongest(const anm_testimony *t)
{
    static const anm_statement nothing;
    const anm_statement *best = &nothing;

    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].sealed.evidence > best->sealed.evidence)
            best = &t->items[i];
    return best;
}

const anm_statement *anm_testimony_against(const anm_testimony *t)
{
    const anm_statement *strongest = anm_testimony_strongest(t);
    const anm_statement *best = NULL;

    for (size_t i = 0; i < t->n; i++) {
        const anm_statement *s = &t->items[i];
        if (!anm_statements_contradict(strongest, s)) continue;
        if (!best || s->sealed.evidence > best->sealed.evidence) best = s;
    }
    return best;
}

void anm_testimony_join(anm_testimony *t, const anm_testimony *next)
{
    const anm_device before = anm_statement_device(anm_testimony_strongest(t));
    anm_testimony joined = *next;

    if (t->n == 0) {
        *t = joined;
        return;
    }
    joined.excluded &= t->excluded;
    const anm_statement *last = anm_testimony_strongest(&joined);
    if (joined.n && anm_statement_device(last) != before) {
        anm_statement *s = &joined.items[last - joined.items];
        s->sealed.device = ANM_DEVICE_MIXED;
        s->sealed.share = -1;
    }
    *t = joined;
}
