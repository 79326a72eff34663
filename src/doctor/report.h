/* report.h - everything a run of the doctor knows, and its JSON document.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_REPORT_H
#define ANM_REPORT_H

#include <jansson.h>

#include "doctor/experiment.h"
#include "doctor/finding.h"

typedef struct anm_report {
    const char *mode; /* "quick", "full", "receipts" */
    int64_t started_ms;
    uint64_t ns;
    uint64_t seed;
    bool interrupted;
    const char *settings; /* JSON array, or NULL */
    const anm_machine *machine;
    const anm_exam *exam; /* NULL: of receipts alone */
    const anm_peak *peak; /* NULL: not measured */
    const anm_bands *bands;
    anm_outcome *outcomes; /* [n_outcomes] */
    size_t n_outcomes;
    const anm_records *log;                 /* of receipts; or NULL */
    anm_finding findings[ANM_FINDINGS_MAX]; /* [n_findings] */
    size_t n_findings;
} anm_report;

/* The document of docs/schema/doctor.schema.json. */
anm_status anm_report_write(const anm_report *r, char **json, anm_error *err);

/* The mission's four hypotheses, answered from experiments and findings
 * (hypotheses.c); NULL when memory is out. */
json_t *anm_report_hypotheses(const anm_report *r);

/* report_machine.c */
json_t *anm_report_machine(const anm_report *r);

#endif
