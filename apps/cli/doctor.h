/* doctor.h - the parts of `doctor`: the report for people (doctor_text.c), a
 * process of its own (doctor_fresh.c), files (doctor_files.c, doctor_bundle.c),
 * the verb (verb_doctor.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli.h"

#include <jansson.h>
#include <sys/types.h>

typedef struct doctor_options {
    bool settings, quick, with_texts;
    const char *experiment, *receipts, *report, *bundle;
} doctor_options;

/* Findings first, then what conditions cost, then the hypotheses. */
void cli_doctor_print(FILE *out, const cli_term *term, const json_t *doc);

/* Processes of their own for the same model. Zero-initialised is none. */
typedef struct cli_doctor_kin {
    pid_t pid; /* of a conversation that is kept; 0: none yet */
    int to, from;
    char *line; /* of its latest answer */
} cli_doctor_kin;

/* Start this command once more for one text, with the settings of c, and ask
 * another copy, which is kept, a text of its conversation. False with the
 * reason in why. */
bool cli_doctor_fresh(cli_doctor_kin *kin, const cli *c, const char *model,
                      anm_fresh *out, char *why, size_t cap);
void cli_doctor_kin_end(cli_doctor_kin *kin);

/* Make the folder for a report, and find out whether it and the bundle can be
 * written, before anything is measured. */
anm_status cli_doctor_files_prepare(const doctor_options *o, anm_error *err);

/* doctor.json and index.html in it. */
anm_status cli_doctor_report_write(const char *folder, const char *json,
                                   anm_error *err);

/* The report, machine, settings, model, plan and receipts as one .tar.gz.
 *
 * @param model  How it was opened; NULL: of receipts alone. */
anm_status cli_doctor_bundle_write(const doctor_options *o,
                                   const anm_options *model, const char *json,
                                   anm_error *err);

#endif
