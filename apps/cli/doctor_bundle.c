/* doctor_bundle.c - everything that somebody else needs to look at a finding,
 * in one file.
 *
 * No text of a user is in it unless asked for: documents of the library hold
 * none; of the lines of a receipt log only those that are receipts are taken,
 * and of those only the members that receipts have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "bundle.h"
#include "document.h"
#include "jsonl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char readme[] =
    "What `anemone doctor --bundle` collected.\n\n"
    "index.html      the report, for a browser\n"
    "doctor.json     the document it is made of: findings, experiments, calls\n"
    "machine.json    of that document: the machine\n"
    "settings.json   every setting and where it came from\n"
    "model.json      which model, by its fingerprint\n"
    "plan.json       where each operation runs (with a model only)\n"
    "version.json    which anemone\n"
    "receipts.jsonl  recorded calls (with --receipts only)\n\n";
static const char without_texts[] =
    "It holds no text that was embedded or searched for. Names of files and\n"
    "folders of the machine are in it.\n";
static const char with_texts[] =
    "The receipt log is in it as it was (--with-texts), whatever it holds.\n";

/* ---- Receipts ---------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

static void keep_members(json_t *o, const char *const *names)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(o, next, name, value)
    {
        if (!is_one_of(name, names)) json_object_del(o, name);
    }
}

/* A line as receipts are; nothing for one that is none. */
static void put_receipt(FILE *out, anm_text line)
{
    static const char *const members[] = {
        "anemone_receipt", "at_ms",    "model",     "units",    "contract",
        "where",           "input",    "stages_ns", "counters", "band",
        "causes",          "artifact", "first",     NULL,
    };
    static const char *const of_input[] = { "texts",     "tokens", "bucket",
                                            "truncated", "prompt", "ids_sha256",
                                            NULL };
    json_t *r = json_loadb(line.data, line.len, 0, NULL);
    const json_t *version = json_object_get(r, "anemone_receipt");

    if (json_integer_value(version) == 1) {
        keep_members(r, members);
        keep_members(json_object_get(r, "input"), of_input);
        json_dumpf(r, out, JSON_COMPACT);
        fputc('\n', out);
    }
    json_decref(r);
}

static anm_status put_log(FILE *out, const char *path, bool as_it_is,
                          anm_error *err)
{
    cli_lines lines;
    anm_text line;
    cli_line got;

    anm_status status = cli_lines_open(&lines, path, err);
    if (status) return status;
    while ((got = cli_lines_next(&lines, -1, &line, err)) != CLI_LINE_END) {
        if (got == CLI_LINE_FAILED) status = ANM_E_IO;
        if (got == CLI_LINE_FAILED || got == CLI_LINE_INTERRUPTED) break;
        if (got == CLI_LINE_BAD) continue;
        if (as_it_is) {
            fwrite(line.data, 1, line.len, out);
            fputc('\n', out);
        } else {
            put_receipt(out, line);
        }
    }
    cli_lines_close(&lines);
    return status;
}

/* The log and the one before it, the older first. */
static anm_status add_receipts(cli_bundle *b, const doctor_options *o,
                               anm_error *err)
{
    char *text = NULL, *older = malloc(strlen(o->receipts) + 3);
    size_t len = 0;
    struct stat there;
    FILE *out = older ? open_memstream(&text, &len) : NULL;
    anm_status status = ANM_OK;

    if (out) {
        strcat(strcpy(older, o->receipts), ".1");
        if (stat(older, &there) == 0)
            status = put_log(out, older, o->with_texts, err);
        if (!status) status = put_log(out, o->receipts, o->with_texts, err);
        if (fclose(out)) out = NULL;
    }
    if (!out)
        status = cli_fail(err, ANM_E_NOMEM, "%s: out of memory", o->receipts);
    if (!status) status = cli_bundle_add(b, "receipts.jsonl", text, len, err);
    free(older);
    free(text);
    return status;
}

/* ---- Documents --------------------------------------------------------------------- */

static anm_status add_text(cli_bundle *b, const char *name, const char *text,
                           anm_error *err)
{
    return cli_bundle_add(b, name, text, strlen(text), err);
}

static anm_status add_member(cli_bundle *b, const char *name,
                             const json_t *value, anm_error *err)
{
    char *text;

    if (!value || json_is_null(value)) return ANM_OK;
    text = json_dumps(value, JSON_INDENT(1) | JSON_ENCODE_ANY);
    if (!text) return cli_fail(err, ANM_E_NOMEM, "%s: out of memory", name);
    const anm_status status = add_text(b, name, text, err);
    free(text);
    return status;
}

/* A bundle without a plan is better than none. */
static anm_status add_plan(cli_bundle *b, const anm_options *model,
                           anm_error *err)
{
    char *plan = NULL;
    bool met;

    if (anm_plan(model, &plan, &met, NULL)) return ANM_OK;
    const anm_status status = add_text(b, "plan.json", plan, err);
    anm_free(plan);
    return status;
}

static anm_status add_page(cli_bundle *b, const char *json, anm_error *err)
{
    char *html;

    anm_status status = anm_doctor_page(json, &html, err);
    if (status) return status;
    status = add_text(b, "index.html", html, err);
    anm_free(html);
    return status;
}

static anm_status add_version(cli_bundle *b, anm_error *err)
{
    char *json;

    anm_status status = anm_build_json(NULL, &json, err);
    if (status) return status;
    status = add_text(b, "version.json", json, err);
    anm_free(json);
    return status;
}

static anm_status add_documents(cli_bundle *b, const json_t *doc,
                                anm_error *err)
{
    const json_t *model = json_object_get(doc, "model");

    if (!json_is_object(model))
        model = json_object_get(json_object_get(doc, "receipts"), "models");
    anm_status status =
        add_member(b, "machine.json", json_object_get(doc, "machine"), err);
    if (!status)
        status = add_member(b, "settings.json",
                            json_object_get(doc, "settings"), err);
    if (!status) status = add_member(b, "model.json", model, err);
    return status ? status : add_version(b, err);
}

static anm_status add_readme(cli_bundle *b, bool texts, anm_error *err)
{
    char text[sizeof(readme) + sizeof(without_texts) + sizeof(with_texts)];

    snprintf(text, sizeof(text), "%s%s", readme,
             texts ? with_texts : without_texts);
    return add_text(b, "README.txt", text, err);
}

anm_status cli_doctor_bundle_write(const doctor_options *o,
                                   const anm_options *model, const char *json,
                                   anm_error *err)
{
    json_t *doc = cli_document_read(json, err);

    if (!doc) return ANM_E_INTERNAL;
    const double started = cli_member_number(doc, "started_ms", 0);
    cli_bundle *b =
        cli_bundle_open(o->bundle, "anemone-doctor",
                        started > 0 ? (uint64_t)(started / 1000) : 0, err);
    anm_status status = b ? ANM_OK : err->status;
    if (!status) status = add_readme(b, o->with_texts, err);
    if (!status) status = add_text(b, "doctor.json", json, err);
    if (!status) status = add_page(b, json, err);
    if (!status) status = add_documents(b, doc, err);
    if (!status && model) status = add_plan(b, model, err);
    if (!status && o->receipts) status = add_receipts(b, o, err);
    json_decref(doc);
    if (!status) return cli_bundle_finish(b, err);
    cli_bundle_abandon(b);
    return status;
}
