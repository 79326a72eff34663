/* doctor_text.c - the doctor's document for people.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "document.h"
#include "table.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 3, TEXT_MAX = 1024 };

static const char *string_of(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

static double number_of(const json_t *o, const char *name)
{
    return cli_member_number(o, name, NAN);
}

static void print_title(FILE *out, const cli_term *term, const char *title)
{
    fprintf(out, "\n%s%s%s\n", cli_ink_on(term, CLI_BOLD), title,
            cli_ink_on(term, CLI_PLAIN));
}

/* ---- Head --------------------------------------------------------------------- */

static void print_model(FILE *out, const json_t *doc)
{
    const json_t *m = json_object_get(doc, "model");
    const json_t *cpu = json_object_get(json_object_get(doc, "machine"), "cpu");

    if (json_is_object(m))
        fprintf(out, "%s  %s, %.0f thread%s, %s, %s\n", string_of(m, "name"),
                string_of(m, "precision"), number_of(m, "threads"),
                number_of(m, "threads") == 1 ? "" : "s",
                string_of(cpu, "level"), string_of(m, "units"));
    fprintf(out, "%s, %s\n",
            string_of(json_object_get(doc, "machine"), "identity"),
            string_of(json_object_get(doc, "machine"), "system"));
}

static void print_log(FILE *out, const json_t *doc)
{
    const json_t *log = json_object_get(doc, "receipts");
    char total[32], excess[32];
    size_t i;
    const json_t *one;

    if (!json_is_object(log)) return;
    cli_ns_text(total, number_of(log, "total_ns"));
    cli_ns_text(excess, number_of(log, "excess_ns"));
    fprintf(out,
            "%.0f receipts of %.0f starts, %.0f judged, %.0f above their band; "
            "%s of %s beyond it\n",
            number_of(log, "calls"), number_of(log, "starts"),
            number_of(log, "judged"), number_of(log, "above"), excess, total);
    if (number_of(log, "damaged") > 0)
        fprintf(out,
                "%.0f of %.0f lines are no receipts and were passed over\n",
                number_of(log, "damaged"), number_of(log, "lines"));
    json_array_foreach(json_object_get(log, "damaged_lines"), i, one)
        fprintf(out, "  line %.0f%s%s: %s\n", number_of(one, "line"),
                *string_of(one, "file") ? " of the older file " : "",
                string_of(one, "file"), string_of(one, "why"));
}

/* ---- Findings ------------------------------------------------------------------ */

static void print_paragraph(FILE *out, const char *text)
{
    fprintf(out, "%*s", INDENT, "");
    cli_wrap(out, text, INDENT, WIDTH);
}

static const char *how_sure(double confidence)
{
    return confidence >= 0.999  ? "as good as certain"
           : confidence >= 0.99 ? "very sure"
           : confidence >= 0.95 ? "sure"
                                : "not sure";
}

static void print_finding(FILE *out, const cli_term *term, size_t number,
                          const json_t *f)
{
    char effect[32], cost[32], text[TEXT_MAX];
    size_t i;
    const json_t *one;

    cli_ns_text(effect, number_of(f, "effect_ns"));
    cli_ns_text(cost, number_of(f, "cost_ns"));
    fprintf(out, "\n%s%zu. %s%s\n", cli_ink_on(term, CLI_RED), number,
            string_of(f, "cause"), cli_ink_on(term, CLI_PLAIN));
    snprintf(text, sizeof(text),
             "%.0f of %.0f %s took %s longer (%.2f times as long); %s in "
             "all. This is %s (%.1f %%), from %s.",
             number_of(f, "calls"), number_of(f, "of"), string_of(f, "unit"),
             effect, number_of(f, "effect_ratio"), cost,
             how_sure(number_of(f, "confidence")),
             100 * number_of(f, "confidence"),
             strcmp(string_of(f, "source"), "baseline")
                 ? "recorded receipts"
                 : "calls that nothing was changed for");
    print_paragraph(out, text);
    json_array_foreach(json_object_get(f, "evidence"), i, one)
    {
        fprintf(out, "%*s- ", INDENT, "");
        cli_wrap(out, json_string_value(one), INDENT + 2, WIDTH);
    }
    snprintf(text, sizeof(text), "Do: %s", string_of(f, "do"));
    print_paragraph(out, text);
}

/* The band of the unchanged calls, where it is so wide that it hides things. */
static const json_t *find_wide_band(const json_t *doc)
{
    const json_t *band = json_object_get(
        json_array_get(json_object_get(doc, "calls"), 0), "band");

    if (!json_is_object(json_object_get(doc, "model"))) return NULL;
    return number_of(band, "high_ns") > 2 * number_of(band, "p50_ns") ? band
                                                                      : NULL;
}

static void print_no_finding(FILE *out, const cli_term *term, const json_t *doc)
{
    const json_t *judged = json_object_get(doc, "judged");
    const json_t *wide = find_wide_band(doc);
    char high[32], p50[32], text[TEXT_MAX];

    fprintf(out, "\n%sNo finding.%s ", cli_ink_on(term, CLI_GREEN),
            cli_ink_on(term, CLI_PLAIN));
    cli_wrap(out, string_of(judged, "says"), 12, WIDTH);
    if (!wide || number_of(judged, "blurred") > 0) return;
    cli_ns_text(high, number_of(wide, "high_ns"));
    cli_ns_text(p50, number_of(wide, "p50_ns"));
    snprintf(text, sizeof(text),
             "The band reaches up to %s around a median of %s: others were "
             "busy when it was measured, and it hides what costs less.",
             high, p50);
    cli_wrap(out, text, 0, WIDTH);
}

/* What the bands could not show. */
static void print_warning(FILE *out, const json_t *doc)
{
    const char *warning = string_of(json_object_get(doc, "judged"), "warning");

    if (!*warning) return;
    fputs("\n", out);
    cli_wrap(out, warning, 0, WIDTH);
}

static void print_findings(FILE *out, const cli_term *term, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "findings"), *one;
    const double disturbed =
        number_of(json_object_get(doc, "rounds"), "disturbed");
    size_t i;

    if (json_array_size(list) == 0) print_no_finding(out, term, doc);
    json_array_foreach(list, i, one) print_finding(out, term, i + 1, one);
    print_warning(out, doc);
    if (disturbed > 0)
        fprintf(out,
                "\n%.0f round%s discarded: the host itself was slower "
                "meanwhile.\n",
                disturbed, disturbed > 1 ? "s were" : " was");
    if (json_is_true(json_object_get(doc, "interrupted")))
        fputs("\nInterrupted: this is what had been measured by then.\n", out);
}

/* ---- What conditions cost -------------------------------------------------------- */

static void add_arm(cli_table *t, const json_t *arm)
{
    char p50[32] = "-", ratio[48] = "";
    const json_t *ci = json_object_get(arm, "ci95");

    if (json_is_number(json_object_get(arm, "p50_ns")))
        cli_ns_text(p50, number_of(arm, "p50_ns"));
    if (json_is_number(json_array_get(ci, 1)))
        snprintf(ratio, sizeof(ratio), "%.2f (%.2f to %.2f)",
                 number_of(arm, "ratio"),
                 json_number_value(json_array_get(ci, 0)),
                 json_number_value(json_array_get(ci, 1)));
    else if (json_is_number(json_object_get(arm, "ratio")))
        snprintf(ratio, sizeof(ratio), "%.2f", number_of(arm, "ratio"));
    cli_table_add(t, "  %s\t%.0f\t%s\t%s", string_of(arm, "name"),
                  number_of(arm, "n"), p50, ratio);
}

/* Experiments that have no arms, or no round of them, say it in words. */
static bool is_told_in_words(const json_t *e)
{
    return json_array_size(json_object_get(e, "arms")) == 0 ||
           strcmp(string_of(e, "verdict"), "not_testable") == 0;
}

static void print_costs(FILE *out, const cli_term *term, const json_t *doc)
{
    const json_t *e, *arm;
    cli_table t = { 0 };
    size_t i, k;

    json_array_foreach(json_object_get(doc, "experiments"), i, e)
    {
        if (is_told_in_words(e)) continue;
        if (t.n == 0) cli_table_add(&t, "EXPERIMENT\tN\tP50\tTIMES (95 %%)");
        cli_table_add(&t, "%s\t\t\t%s", string_of(e, "name"),
                      string_of(e, "verdict"));
        json_array_foreach(json_object_get(e, "arms"), k,
                           arm) if (strcmp(string_of(arm, "role"),
                                           "base_again")) add_arm(&t, arm);
    }
    if (t.n) print_title(out, term, "What conditions cost here");
    cli_table_print(&t, "lrrl", true, term, out);
}

static void print_words(FILE *out, const cli_term *term, const json_t *doc)
{
    const json_t *e;
    bool any = false;
    size_t i;

    json_array_foreach(json_object_get(doc, "experiments"), i, e)
    {
        char text[TEXT_MAX];
        if (!is_told_in_words(e)) continue;
        if (!any) print_title(out, term, "What could only be looked at");
        any = true;
        snprintf(text, sizeof(text), "%s: %s: %s.", string_of(e, "name"),
                 string_of(e, "verdict"), string_of(e, "evidence"));
        print_paragraph(out, text);
    }
}

/* ---- Hypotheses --------------------------------------------------------------------- */

static void print_hypotheses(FILE *out, const cli_term *term, const json_t *doc)
{
    enum { NAME = 19, VERDICT = 14 };
    const json_t *h;
    size_t i;

    if (json_array_size(json_object_get(doc, "experiments")) == 0) return;
    print_title(out, term, "The four hypotheses");
    json_array_foreach(json_object_get(doc, "hypotheses"), i, h)
    {
        char name[64];
        snprintf(name, sizeof(name), "%s %s", string_of(h, "hypothesis"),
                 string_of(h, "title"));
        fprintf(out, "%-*s%-*s", NAME, name, VERDICT, string_of(h, "verdict"));
        cli_wrap(out, string_of(h, "because"), NAME + VERDICT, WIDTH);
    }
}

void cli_doctor_print(FILE *out, const cli_term *term, const json_t *doc)
{
    print_model(out, doc);
    print_log(out, doc);
    print_findings(out, term, doc);
    print_costs(out, term, doc);
    print_words(out, term, doc);
    print_hypotheses(out, term, doc);
    fprintf(out, "\n%.1f s\n", number_of(doc, "seconds"));
}
