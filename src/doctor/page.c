/* page.c - the document checked, and the page from its head to its foot.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "doctor/page_parts.h"
#include "doctor/statistics.h"

enum { VERSION = 1 };

/* ---- Head ------------------------------------------------------------------------------- */

/* Nothing is fetched and nothing runs, whatever got into the page. */
static void put_head(const anm_page *p, anm_buf *b)
{
    const char *model = anm_look_text(anm_look(p->doc, "model"), "name");

    anm_buf_puts(
        b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
           "<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
           "'none'; style-src 'unsafe-inline'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, "
           "initial-scale=1\">\n<meta name=\"referrer\" "
           "content=\"no-referrer\">\n<title>anemone doctor");
    if (*model) anm_buf_puts(b, ": ");
    anm_put_escaped(b, model);
    anm_buf_puts(b, "</title>\n<style>\n");
    for (size_t i = 0; anm_page_styles[i]; i++)
        anm_buf_puts(b, anm_page_styles[i]);
    anm_buf_puts(b, "</style>\n</head>\n<body>\n");
}

static void put_top(const anm_page *p, anm_buf *b)
{
    const json_t *model = anm_look(p->doc, "model");
    char date[32];

    anm_page_date(date, anm_look_number(p->doc, "started_ms"));
    anm_buf_puts(b, "<header>\n<p class=\"top\">anemone doctor");
    if (*anm_look_text(model, "name")) {
        anm_buf_puts(b, " · ");
        anm_put_escaped(b, anm_look_text(model, "name"));
        anm_buf_puts(b, " · ");
        anm_put_escaped(b, anm_look_text(model, "precision"));
    }
    if (*date) anm_buf_printf(b, " · %s", date);
    anm_buf_puts(b, "</p>\n");
}

/* Whether the page has calls of this run beside those of a log. */
static bool has_both(const anm_page *p)
{
    return json_is_object(anm_look(p->doc, "receipts")) &&
           json_array_size(anm_look(p->doc, "experiments")) > 0;
}

static bool is_of_log(const json_t *finding)
{
    return strcmp(anm_look_text(finding, "source"), "receipts") == 0;
}

/* "3 of 40 calls ". */
static void put_shown_by(const json_t *finding, anm_buf *b)
{
    anm_page_amount(b, ANM_AMOUNT_COUNT, anm_look_number(finding, "calls"));
    anm_buf_puts(b, " of ");
    anm_page_amount(b, ANM_AMOUNT_COUNT, anm_look_number(finding, "of"));
    anm_buf_printf(b, " %s ", anm_look_text(finding, "unit"));
}

/* ---- The answer ---------------------------------------------------------------------------- */

static void put_facts(const json_t *f, anm_buf *b)
{
    anm_buf_puts(b, "<p>");
    put_shown_by(f, b);
    anm_buf_puts(b, "took ");
    anm_page_amount(b, ANM_AMOUNT_DURATION, anm_look_number(f, "effect_ns"));
    anm_buf_puts(b, strcmp(anm_look_text(f, "unit"), "starts")
                        ? " longer than the median of their band"
                        : " longer than one that finds its prepared model");
    if (anm_look_number(f, "effect_ratio") > 0) {
        anm_buf_puts(b, ", ");
        anm_page_amount(b, ANM_AMOUNT_TIMES,
                        anm_look_number(f, "effect_ratio"));
        anm_buf_puts(b, " as long");
    }
    anm_buf_puts(b, "; ");
    anm_page_amount(b, ANM_AMOUNT_DURATION, anm_look_number(f, "cost_ns"));
    anm_buf_puts(b, " in all. ");
    const double confidence = anm_look_number(f, "confidence");
    if (!isnan(confidence))
        anm_buf_printf(b, "This is %s. ", anm_page_sureness(confidence));
    anm_buf_printf(b, "Seen in %s.</p>\n",
                   is_of_log(f) ? "recorded receipts"
                                : "calls that nothing was imposed on");
}

static void put_finding(const json_t *f, size_t number, anm_buf *b)
{
    const char *cause = anm_look_text(f, "cause");
    const json_t *one;
    size_t i;

    anm_buf_printf(b, "<article class=\"finding\"><h3>%zu. ", number);
    anm_put_escaped(b, anm_page_cause(cause));
    anm_buf_puts(b, " <code>");
    anm_put_escaped(b, cause);
    anm_buf_puts(b, "</code></h3>\n");
    put_facts(f, b);
    anm_buf_puts(b, "<ul>\n");
    json_array_foreach(anm_look(f, "evidence"), i, one)
    {
        if (!json_is_string(one)) continue;
        anm_buf_puts(b, "<li>");
        anm_put_escaped(b, json_string_value(one));
        anm_buf_puts(b, "</li>\n");
    }
    anm_buf_puts(b, "</ul>\n");
    if (*anm_look_text(f, "do")) {
        anm_buf_puts(b, "<p><b>Do:</b> ");
        anm_put_escaped(b, anm_look_text(f, "do"));
        anm_buf_puts(b, "</p>\n");
    }
    anm_buf_puts(b, "</article>\n");
}

static void put_warning(const json_t *judged, anm_buf *b)
{
    const char *warning = anm_look_text(judged, "warning");

    if (!*warning) return;
    anm_buf_puts(b, "<p>");
    anm_put_escaped(b, warning);
    anm_buf_puts(b, "</p>\n");
}

static void put_headline(const anm_page *p, anm_buf *b)
{
    const json_t *list = anm_look(p->doc, "findings");
    const json_t *first = json_array_get(list, 0);
    const json_t *judged = anm_look(p->doc, "judged");
    const size_t n = json_array_size(list);

    if (n == 0) {
        anm_buf_puts(b, "<h1>No finding</h1>\n<p class=\"key\">");
        anm_put_escaped(b, anm_look_text(judged, "says"));
        anm_buf_puts(b, "</p>\n");
        put_warning(judged, b);
        return;
    }
    anm_buf_puts(b, "<h1>");
    anm_put_escaped(b, anm_page_cause(anm_look_text(first, "cause")));
    anm_buf_puts(b, "</h1>\n<p class=\"key\">");
    put_shown_by(first, b);
    if (has_both(p))
        anm_buf_puts(b, is_of_log(first) ? "of the log " : "of this run ");
    anm_buf_puts(b, "took ");
    anm_page_amount(b, ANM_AMOUNT_DURATION,
                    anm_look_number(first, "effect_ns"));
    anm_buf_puts(b, " longer for it");
    if (n > 1)
        anm_buf_printf(b, "; %zu more finding%s below", n - 1,
                       n > 2 ? "s" : "");
    anm_buf_puts(b, ".</p>\n");
    put_warning(judged, b);
}

/* ---- Figures ----------------------------------------------------------------------------------- */

static void put_tile(anm_buf *b, anm_amount kind, double value,
                     const char *what)
{
    if (isnan(value)) return;
    anm_buf_puts(b, "<li><b>");
    anm_page_amount(b, kind, value);
    anm_buf_printf(b, "</b>%s</li>\n", what);
}

/* The median total of calls that nothing was imposed on; NAN without any. */
static double median_total(const anm_page *p, anm_buf *b)
{
    double *totals = anm_alloc_array(p->n_calls + 1, sizeof(*totals));
    size_t n = 0;

    b->failed |= !totals;
    for (size_t i = 0; totals && i < p->n_calls; i++)
        if (!p->calls[i].imposed) totals[n++] = p->calls[i].total;
    const double median = n ? anm_median(totals, n) : NAN;
    anm_free(totals);
    return median;
}

/* All of the log: the document holds a part of its calls, or none of them. */
static void put_log_tiles(const json_t *log, anm_buf *b)
{
    put_tile(b, ANM_AMOUNT_COUNT, anm_look_number(log, "calls"),
             "receipts of the log");
    put_tile(b, ANM_AMOUNT_COUNT, anm_look_number(log, "judged"),
             "judged by a band");
    put_tile(b, ANM_AMOUNT_COUNT, anm_look_number(log, "above"), "above it");
}

/* Calls of this run that the document has. */
static void put_own_tiles(const anm_page *p, anm_buf *b)
{
    double n_judged = 0, n_above = 0, n_free = 0;

    for (size_t i = 0; i < p->n_calls; i++) {
        if (p->calls[i].imposed) continue;
        n_free++;
        n_judged += p->calls[i].is_judged;
        n_above += p->calls[i].is_above;
    }
    put_tile(b, ANM_AMOUNT_COUNT, n_free, "calls, nothing imposed");
    put_tile(b, ANM_AMOUNT_COUNT, n_judged, "judged by a band");
    put_tile(b, ANM_AMOUNT_COUNT, n_above, "above it");
}

static void put_tiles(const anm_page *p, anm_buf *b)
{
    static const char begin[] = "<ul class=\"tiles\">\n";
    const json_t *log = anm_look(p->doc, "receipts");

    if (has_both(p)) {
        anm_buf_printf(b, "<p class=\"small\">The log</p>\n%s", begin);
        put_log_tiles(log, b);
        anm_buf_puts(b, "</ul>\n<p class=\"small\">This run, whose calls are "
                        "on the charts below</p>\n");
    }
    anm_buf_puts(b, begin);
    if (json_is_object(log) && !has_both(p))
        put_log_tiles(log, b);
    else
        put_own_tiles(p, b);
    put_tile(b, ANM_AMOUNT_DURATION, median_total(p, b), "median of a call");
    put_tile(b, ANM_AMOUNT_COUNT,
             anm_look_number(anm_look(p->doc, "rounds"), "disturbed"),
             "rounds disturbed by the host");
    anm_buf_puts(b, "</ul>\n");
}

static void put_answer(const anm_page *p, anm_buf *b)
{
    const json_t *list = anm_look(p->doc, "findings"), *f;
    size_t i;

    put_headline(p, b);
    if (anm_look_true(p->doc, "interrupted"))
        anm_buf_puts(b,
                     "<p class=\"lead\">It was interrupted: this is what had "
                     "been measured by then.</p>\n");
    put_tiles(p, b);
    anm_buf_puts(b, "</header>\n");
    json_array_foreach(list, i, f) put_finding(f, i + 1, b);
}

/* ---- The whole ------------------------------------------------------------------------------------- */

static void put_foot(const anm_page *p, anm_buf *b)
{
    anm_buf_puts(b, "<p class=\"small\">");
    const double seconds = anm_look_number(p->doc, "seconds");
    if (seconds > 0) {
        anm_buf_puts(b, "Measured in ");
        anm_page_amount(b, ANM_AMOUNT_CLOCK, seconds * 1e9);
        anm_buf_puts(b, ". ");
    }
    const double seed = anm_look_number(p->doc, "seed");
    if (!isnan(seed)) {
        anm_buf_puts(b, "Seed ");
        anm_put_number(b, seed, 0);
        anm_buf_puts(b, ". ");
    }
    anm_buf_puts(b, "Every number of this page is in the document of "
                    "<code>anemone doctor --json</code>, version 1.</p>\n"
                    "</body>\n</html>\n");
}

static void put_page(const anm_page *p, anm_buf *b)
{
    put_head(p, b);
    put_top(p, b);
    put_answer(p, b);
    anm_page_timeline(p, b);
    anm_buf_puts(b, "<div class=\"cards\">\n");
    anm_page_stages(p, b);
    anm_page_idle(p, b);
    anm_buf_puts(b, "</div>\n");
    anm_page_experiments(p, b);
    anm_page_tables(p, b);
    put_foot(p, b);
}

static anm_status check_document(const json_t *doc, anm_error *err)
{
    int64_t version;

    if (!json_is_object(doc))
        return anm_fail(err, ANM_E_FORMAT,
                        "a document of the doctor is an object, this is of "
                        "type %s",
                        anm_json_type_name(doc));
    anm_status status =
        anm_json_int(doc, "anemone_doctor", "document",
                     (anm_int_rule){ .max = INT64_MAX }, &version, err);
    if (status) return status;
    if (version != VERSION)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "document of version %lld, this page shows version %d",
                        (long long)version, VERSION);
    if (!anm_look(doc, "findings"))
        return anm_fail(err, ANM_E_FORMAT,
                        "document: no findings; is it of doctor --settings?");
    return ANM_OK;
}

anm_status anm_page_write(const char *json, char **html, anm_error *err)
{
    const size_t len = strlen(json);
    anm_page p = { 0 };
    anm_buf b = { 0 };
    json_t *doc = NULL;

    *html = NULL;
    if (len > ANM_PAGE_BYTES_MAX)
        return anm_fail(err, ANM_E_LIMIT, "document of %zu bytes, at most %zu",
                        len, ANM_PAGE_BYTES_MAX);
    anm_status status = anm_json_parse(&doc, json, len, err);
    if (status) goto done;

    status = check_document(doc, err);
    if (status) goto done;

    p.doc = doc;
    status = anm_page_read_calls(&p, err);
    if (status) goto done;

    put_page(&p, &b);
    *html = anm_buf_take(&b);
    if (!*html) status = anm_fail(err, ANM_E_NOMEM, "page: out of memory");

done:
    anm_buf_deinit(&b);
    anm_free(p.calls);
    json_decref(doc);
    return status;
}
