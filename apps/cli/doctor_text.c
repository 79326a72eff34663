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
             "%.0f of %.0f calls took %s longer (%.2f times as long); %s in "
             "all. This is %s (%.1f %%), from %s.",
             number_of(f, "calls"), number_of(f, "of"), effect,
             number_of(f, "effect_ratio"), cost,
             how_sure(number_of(f, "confidence")),
             100 * number_of(f, "confidence"),
             strcmp(string_of(f, "source"), "baseline")
                 ? "recorded receipts"
                 : "calls that nothing was changed for");
    print_paragraph(out, text);
    json_array_foreach(json_object_get(f, "evidence"), i, one)
    {
        snprintf(text, sizeof(text), "- %s", json_string_value(one));
        print_paragraph(out, text);
    }
    snprintf(text, sizeof(text), "Do: %s", string_of(f, "do"));
    print_paragraph(out, text);
}

static void print_findings(FILE *out, const cli_term *term, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "findings"), *one;
    const double disturbed =
        number_of(json_object_get(doc, "rounds"), "disturbed");
    size_t i;

    if (json_array_size(list) == 0)
        fprintf(out,
                "\n%sNo finding.%s Calls leave their band no more often "
                "than a steady machine's do.\n",
                cli_ink_on(term, CLI_GREEN), cli_ink_on(term, CLI_PLAIN));
    json_array_foreach(list, i, one) print_finding(out, term, i + 1, one);
    if (disturbed > 0)
        fprintf(out,
                "\n%.0f rounds were discarded: the host itself was slower "
                "during them.\n",
                disturbed);
    if (json_is_true(json_object_get(doc, "interrupted")))
        fputs("\nInterrupted: this is what had been measured by then.\n", out);
}

/* ---- What conditions cost -------------------------------------------------------- */

static void add_arm(cli_table *t, const json_t *e, const json_t *arm,
                    bool is_first)
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
    cli_table_add(t, "%s\t%s\t%.0f\t%s\t%s\t%s",
                  is_first ? string_of(e, "name") : "", string_of(arm, "name"),
                  number_of(arm, "n"), p50, ratio,
                  is_first ? string_of(e, "verdict") : "");
}

static void print_costs(FILE *out, const cli_term *term, const json_t *doc)
{
    const json_t *e, *arm;
    cli_table t = { 0 };
    size_t i, k;

    if (json_array_size(json_object_get(doc, "experiments")) == 0) return;
    print_title(out, term, "What conditions cost here");
    cli_table_add(&t, "EXPERIMENT\tARM\tN\tP50\tTIMES (95 %%)\tVERDICT");
    json_array_foreach(json_object_get(doc, "experiments"), i, e)
        json_array_foreach(json_object_get(e, "arms"), k, arm)
            add_arm(&t, e, arm, k == 0);
    cli_table_print(&t, "llrrl", true, term, out);
}

/* Experiments without arms say what they have to say in words. */
static void print_words(FILE *out, const cli_term *term, const json_t *doc)
{
    const json_t *e;
    bool any = false;
    size_t i;

    json_array_foreach(json_object_get(doc, "experiments"), i, e)
    {
        char text[TEXT_MAX];
        const bool has_arms = json_array_size(json_object_get(e, "arms")) > 0;
        if (has_arms && strcmp(string_of(e, "verdict"), "not_testable"))
            continue;
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
    const json_t *h;
    cli_table t = { 0 };
    size_t i;

    if (json_array_size(json_object_get(doc, "experiments")) == 0) return;
    print_title(out, term, "The four hypotheses");
    cli_table_add(&t, "HYPOTHESIS\tVERDICT\tBECAUSE");
    json_array_foreach(json_object_get(doc, "hypotheses"), i, h) cli_table_add(
        &t, "%s %s\t%s\t%s", string_of(h, "hypothesis"), string_of(h, "title"),
        string_of(h, "verdict"), string_of(h, "because"));
    cli_table_print(&t, "lll", true, term, out);
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
