/* finding.h - which conditions are there: conclusions from calls that nobody
 * arranged.
 *
 * A cause is a finding when its calls are more frequent, somewhere in the
 * window or in all of it, than the band's nominal rate of 1 % allows, after
 * Holm's correction over every cause; when it takes at least 10 % of the band's
 * median and 50 us; and when more than one call shows it. First calls (of a
 * model, a length, a thread) are counted among first calls.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_FINDING_H
#define ANM_FINDING_H

#include "doctor/record.h"

enum { ANM_FINDING_EVIDENCE = 4, ANM_FINDINGS_MAX = ANM_CAUSE_COUNT };

typedef struct anm_finding {
    anm_cause cause;
    const char *source;         /* "baseline", "receipts" */
    size_t n_hits, n_of;        /* calls that show it, among calls that could */
    bool of_starts;             /* starts of a process instead */
    size_t n_banded;            /* all calls that were judged */
    double p;                   /* corrected */
    uint64_t effect_ns;         /* median of what it took of such a call */
    double effect_ratio;        /* such a call over the band's median */
    uint64_t cost_ns;           /* of all its calls together */
    size_t first, last;         /* records of the window in which it is dense */
    int64_t since_ms, until_ms; /* of those; ANM_COUNTER_UNKNOWN */
    char evidence[ANM_FINDING_EVIDENCE][240]; /* [n_evidence] */
    size_t n_evidence;
    const char *advice; /* what to do */
} anm_finding;

/* Findings, the costliest first.
 *
 * @param out  [ANM_FINDINGS_MAX] receives *n.
 * @return ANM_OK or ANM_E_NOMEM */
anm_status anm_findings_make(const anm_records *records, const char *source,
                             anm_finding *out, size_t *n, anm_error *err);

/* Bring findings of two sources together: what both show stays once, with the
 * evidence of both; the costliest first. `from` [n_from] goes to `into` [*n],
 * which has room for ANM_FINDINGS_MAX. */
void anm_findings_join(anm_finding *into, size_t *n, const anm_finding *from,
                       size_t n_from);

/* What to do about a cause; "" for none. */
const char *anm_cause_advice(anm_cause cause);

#endif
