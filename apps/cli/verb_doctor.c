/* verb_doctor.c - `doctor`: experiments and findings, of this machine or of a
 * receipt log; `--settings`: every setting and where it came from.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "document.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {
    { "quick", 0, CLI_SWITCH, offsetof(doctor_options, quick), NULL,
      "in about 15 s instead of 90 s", 0, 0 },
    { "experiment", 0, CLI_STRING, offsetof(doctor_options, experiment), "NAME",
      "only this one, and what it needs", 0, 0 },
    { "receipts", 0, CLI_STRING, offsetof(doctor_options, receipts), "FILE",
      "find causes in a receipt log; without -m in nothing else", 0, 0 },
    { "report", 0, CLI_STRING, offsetof(doctor_options, report), "DIR",
      "write index.html, a page to read and to pass on, and doctor.json", 0,
      0 },
    { "bundle", 0, CLI_STRING, offsetof(doctor_options, bundle), "FILE.tar.gz",
      "report, machine, settings, model, plan and receipts in one file", 0, 0 },
    { "with-texts", 0, CLI_SWITCH, offsetof(doctor_options, with_texts), NULL,
      "put the receipt log into the bundle as it is, with whatever it holds", 0,
      0 },
    { "settings", 0, CLI_SWITCH, offsetof(doctor_options, settings), NULL,
      "print every setting, its value and where it came from", 0, 0 },
};

/* One run, as the library's callbacks see it. */
typedef struct doctor_run {
    cli *c;
    cli_session session;
    const char *model;
    char step[40];
    uint64_t done, total;
    cli_doctor_kin kin;
} doctor_run;

/* ---- Settings -------------------------------------------------------------------- */

/* Nothing is measured and nothing written: what else was asked for would be
 * passed over. */
static anm_status check_alone(const cli *c, const doctor_options *o,
                              anm_error *err)
{
    const char *other = o->quick        ? "--quick"
                        : o->experiment ? "--experiment"
                        : o->receipts   ? "--receipts"
                        : o->report     ? "--report"
                        : o->bundle     ? "--bundle"
                        : o->with_texts ? "--with-texts"
                        : c->n_args     ? "MODEL"
                                        : NULL;

    if (!other) return ANM_OK;
    return cli_fail(err, ANM_E_ARG, "--settings and %s exclude each other",
                    other);
}

static int print_settings(cli *c, const doctor_options *o)
{
    anm_error err;

    if (check_alone(c, o, &err)) return cli_report(c, &err);
    if (c->json) {
        fputs("{\"anemone_doctor\":1,\"settings\":", stdout);
        cli_settings_json(&c->settings, stdout);
        fputs("}\n", stdout);
    } else {
        cli_settings_print(&c->settings, &c->term, stdout);
    }
    return cli_finish(c, CLI_DONE);
}

/* As a JSON text for the document; NULL when memory is out. */
static char *settings_text(const cli *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (!stream) return NULL;
    cli_settings_json(&c->settings, stream);
    if (fclose(stream) == 0) return text;
    free(text);
    return NULL;
}

/* ---- Callbacks ---------------------------------------------------------------------- */

static void note_step(void *ctx, const char *step, uint64_t done,
                      uint64_t total)
{
    doctor_run *r = ctx;

    snprintf(r->step, sizeof(r->step), "%s", step);
    r->done = done;
    r->total = total;
    snprintf(r->session.progress.what, sizeof(r->session.progress.what), "%s",
             step);
    cli_progress_show(&r->session.progress, done, total, done);
}

static bool is_interrupted(void *ctx)
{
    doctor_run *r = ctx;

    cli_progress_show(&r->session.progress, r->done, r->total, r->done);
    return cli_interrupted();
}

static bool measure_fresh(void *ctx, anm_fresh *out, char *why, size_t cap)
{
    doctor_run *r = ctx;

    return cli_doctor_fresh(&r->kin, r->c, r->model, out, why, cap);
}

/* ---- Running ------------------------------------------------------------------------- */

static anm_status examine(doctor_run *r, const doctor_options *o, char **json,
                          size_t *n_findings, anm_error *err)
{
    anm_options how;

    cli_session_options(&r->session, r->c, &how);
    anm_status status = cli_session_model(r->c, &how, err);
    if (status) return status;
    r->model = how.model;
    how.progress = note_step;
    how.progress_ctx = r;
    char *settings = settings_text(r->c);
    const anm_doctor_params params = { .quick = o->quick,
                                       .experiment = o->experiment,
                                       .receipts = o->receipts,
                                       .settings = settings,
                                       .stop = is_interrupted,
                                       .fresh = measure_fresh,
                                       .ctx = r };
    cli_progress_begin(&r->session.progress, "opening", NULL);
    status = anm_doctor(&how, &params, json, n_findings, err);
    cli_progress_end(&r->session.progress);
    cli_doctor_kin_end(&r->kin);
    free(settings);
    return status;
}

static anm_status read_receipts(cli *c, const char *path, char **json,
                                size_t *n_findings, anm_error *err)
{
    char *settings = settings_text(c);
    const anm_status status =
        anm_doctor_receipts(path, settings, json, n_findings, err);

    free(settings);
    return status;
}

static anm_status show(const cli *c, const char *json, anm_error *err)
{
    if (c->json) {
        cli_document_write(stdout, json);
        return ANM_OK;
    }
    json_t *doc = cli_document_read(json, err);
    if (!doc) return ANM_E_INTERNAL;
    cli_doctor_print(stdout, &c->term, doc);
    json_decref(doc);
    return ANM_OK;
}

static anm_status write_files(doctor_run *r, const doctor_options *o,
                              const char *json, anm_error *err)
{
    anm_options model;
    anm_status status = ANM_OK;

    if (o->report) status = cli_doctor_report_write(o->report, json, err);
    if (status || !o->bundle) return status;
    // What was opened once is opened again; a bundle of receipts has no model.
    if (!r->model) return cli_doctor_bundle_write(o, NULL, json, err);
    cli_session_options(&r->session, r->c, &model);
    status = cli_session_model(r->c, &model, err);
    if (!status) status = cli_doctor_bundle_write(o, &model, json, err);
    cli_progress_end(&r->session.progress);
    return status;
}

static int run_doctor(cli *c, int argc, char **argv)
{
    doctor_options o = { 0 };
    doctor_run r = { .c = c };
    anm_error err;
    char *json = NULL;
    size_t n_findings = 0;

    if (!cli_begin(c, &o, argc, argv)) return c->exit_code;
    if (o.settings) return print_settings(c, &o);
    const bool has_model = c->n_args || c->settings.options.model;
    anm_status status = cli_doctor_files_prepare(&o, &err);
    if (!status)
        status = o.receipts && !has_model
                     ? read_receipts(c, o.receipts, &json, &n_findings, &err)
                     : examine(&r, &o, &json, &n_findings, &err);
    if (!status) status = write_files(&r, &o, json, &err);
    if (!status) status = show(c, json, &err);
    anm_free(json);
    if (status) return cli_report(c, &err);
    return cli_finish(c, cli_interrupted() ? CLI_INTERRUPTED
                         : n_findings      ? CLI_NEGATIVE
                                           : CLI_DONE);
}

const cli_verb cli_verb_doctor = {
    .name = "doctor",
    .summary = "find out why queries are slow here",
    .arguments = "[MODEL] | --receipts FILE | --settings",
    .about =
        "Measures what conditions cost on this machine (a fresh load, another "
        "thread, pauses, neighbours, longer texts and more), each against "
        "calls "
        "that nothing was changed for, and finds which of them are there "
        "without having been imposed. With --receipts it looks at what a "
        "process recorded with --receipt-log, of which no model is needed. "
        "Exits with 1 when there are findings.",
    .example = "anemone doctor -m all-MiniLM-L6-v2 --quick",
    .run = run_doctor,
    .options = options,
    .n_options = sizeof(options) / sizeof(options[0]),
};
