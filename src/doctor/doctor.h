/* doctor.h - why are queries slow here: experiments, findings, one report.
 *
 * An experiment compares arms that take turns on this machine and says what a
 * condition costs. A finding says that a condition is there without having
 * been imposed: in the arms in which nothing was changed, or in recorded
 * receipts. What an experiment prices is never a finding by itself.
 *
 *   receipts of unchanged arms ─┐
 *   receipts of a log ──────────┴─> record.h ──> finding.h ──> findings
 *   rounds.h ──> experiment.h (one table) ─────> experiments, verdicts
 *                                     report.h ──> the JSON document
 *
 * This room measures through calls of the engine like any other caller; it
 * prints nothing and keeps no files of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_DOCTOR_H
#define ANM_DOCTOR_H

#include "anemone.h"

/* As the functions of anemone.h without _run and _read; arguments are checked
 * by their callers in api/. */
anm_status anm_doctor_run(const anm_options *options,
                          const anm_doctor_params *params, char **json,
                          size_t *n_findings, anm_error *err);
anm_status anm_doctor_read(const char *path, const char *settings, char **json,
                           size_t *n_findings, anm_error *err);

/* As anm_doctor_experiments(). */
const char *const *anm_doctor_names(void);

#endif
