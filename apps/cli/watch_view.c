/* watch_view.c - receipts of a log as a live picture, as lines, as counts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "document.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { LABEL = 12, WIDTH_MAX = 100, WIDTH_MIN = 40, CAUSES_SHOWN = 5 };

/* ---- Taking receipts ----------------------------------------------------------------- */

/* A line may say anything: what has no place in 64 bits is the most that has. */
static double number_of(const json_t *o, const char *name)
{
    return fmin(cli_member_number(o, name, -1), 9e18);
}

static void take_text(char *out, size_t cap, const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    snprintf(out, cap, "%s", s ? s : "-");
}

static int verdict_of(const json_t *band)
{
    const char *name = json_string_value(json_object_get(band, "verdict"));

    for (int v = ANM_VERDICT_NONE; name && v <= ANM_VERDICT_BELOW; v++)
        if (strcmp(name, anm_verdict_name((anm_verdict)v)) == 0) return v;
    return ANM_VERDICT_NONE;
}

static void count_cause(cli_watch *w, const char *name, double explained)
{
    size_t i = 0;

    while (i < w->n_causes && strcmp(w->causes[i].name, name))
        i++;
    if (i == CLI_WATCH_CAUSES) return;
    if (i == w->n_causes)
        snprintf(w->causes[w->n_causes++].name, sizeof(w->causes[i].name), "%s",
                 name);
    w->causes[i].n++;
    if (explained > 0) w->causes[i].explained_ns += explained;
}

static void take_causes(cli_watch *w, cli_watch_call *c, const json_t *causes)
{
    const json_t *one;
    size_t i;

    json_array_foreach(causes, i, one)
    {
        char name[32];
        take_text(name, sizeof(name), one, "name");
        if (strcmp(name, "none") == 0 || i > 2) continue;
        count_cause(w, name, number_of(one, "explained_ns"));
        if (*c->cause) continue;
        memcpy(c->cause, name, sizeof(name));
        c->explained_ns = number_of(one, "explained_ns");
    }
}

static void take_call(cli_watch *w, const json_t *r)
{
    cli_watch_call *c = &w->calls[w->n_calls++ % CLI_WATCH_CALLS];
    const json_t *stages = json_object_get(r, "stages_ns");
    const json_t *counters = json_object_get(r, "counters");
    const json_t *band = json_object_get(r, "band");
    const json_t *where = json_object_get(r, "where");
    const json_t *model = json_object_get(r, "model");

    *c = (cli_watch_call){
        .at_ms = number_of(r, "at_ms"),
        .total_ns = number_of(stages, "total"),
        .p50_ns = number_of(band, "p50_ns"),
        .low_ns = number_of(band, "low_ns"),
        .high_ns = number_of(band, "high_ns"),
        .queue_ns = number_of(stages, "queue"),
        .run_delay_ns = number_of(counters, "run_delay_ns"),
        .major_faults = number_of(counters, "major_faults"),
        .throttled_ns = number_of(counters, "throttled_ns"),
        .idle_ns = number_of(counters, "idle_before"),
        .verdict = verdict_of(band),
    };
    w->n_judged += c->verdict != ANM_VERDICT_NONE;
    w->n_above += c->verdict == ANM_VERDICT_ABOVE;
    take_causes(w, c, json_object_get(r, "causes"));
    take_text(w->model, sizeof(w->model), model, "name");
    take_text(w->precision, sizeof(w->precision), model, "precision");
    take_text(w->units, sizeof(w->units), r, "units");
    take_text(w->device, sizeof(w->device), where, "device");
    take_text(w->evidence, sizeof(w->evidence), where, "evidence");
}

bool cli_watch_add(cli_watch *w, const char *line, size_t len)
{
    json_t *r = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *version = json_object_get(r, "anemone_receipt");
    const bool is_receipt =
        json_integer_value(version) == 1 &&
        number_of(json_object_get(r, "stages_ns"), "total") >= 0;

    if (is_receipt) {
        take_call(w, r);
    } else {
        w->n_damaged++;
    }
    json_decref(r);
    return is_receipt;
}

const cli_watch_call *cli_watch_at(const cli_watch *w, size_t i)
{
    return &w->calls[(w->n_calls - 1 - i) % CLI_WATCH_CALLS];
}

/* ---- Drawing ---------------------------------------------------------------------------- */

static const char *dot(const cli_term *t)
{
    return t->utf8 ? " · " : ", ";
}

static void put_label(FILE *out, const cli_term *t, const char *label)
{
    fprintf(out, "%s%-*s%s", cli_ink_on(t, CLI_FAINT), LABEL, label,
            cli_ink_on(t, CLI_PLAIN));
}

static void put_clipped(FILE *out, const cli_term *t, const char *text,
                        size_t columns)
{
    cli_put_text(out, t, anm_text_of(text), columns);
}

static cli_ink ink_of(const cli_watch_call *c)
{
    return c->verdict == ANM_VERDICT_ABOVE    ? CLI_RED
           : c->verdict == ANM_VERDICT_INSIDE ? CLI_GREEN
                                              : CLI_CYAN;
}

static void draw_head(FILE *out, const cli_term *t, const cli_watch *w,
                      const cli_watch_log *log, size_t width)
{
    char n[32], judged[32], above[32];

    cli_count_text(n, w->n_calls);
    fprintf(out, "%swatching%s    ", cli_ink_on(t, CLI_BOLD),
            cli_ink_on(t, CLI_PLAIN));
    put_clipped(out, t, log->path, width - LABEL);
    fputc('\n', out);
    put_label(out, t, "");
    cli_count_text(judged, w->n_judged);
    cli_count_text(above, w->n_above);
    fprintf(out, "%s receipts%s%s judged%s%s above their band", n, dot(t),
            judged, dot(t), above);
    const size_t n_bad = w->n_damaged + log->n_incomplete;
    if (n_bad)
        fprintf(out, "%s%s%zu no receipts%s", dot(t), cli_ink_on(t, CLI_YELLOW),
                n_bad, cli_ink_on(t, CLI_PLAIN));
    if (log->n_rotations)
        fprintf(out, "%s%zu rotation%s", dot(t), log->n_rotations,
                log->n_rotations == 1 ? "" : "s");
    fputs("\n\n", out);
}

static void draw_where(FILE *out, const cli_term *t, const cli_watch *w)
{
    put_label(out, t, "model");
    put_clipped(out, t, w->model, 40);
    fputs(dot(t), out);
    put_clipped(out, t, w->precision, 16);
    fputs(dot(t), out);
    put_clipped(out, t, w->units, 16);
    fputc('\n', out);
    put_label(out, t, "where");
    fputs(cli_ink_on(t, CLI_BOLD), out);
    put_clipped(out, t, w->device, 16);
    fprintf(out, "%s%s", cli_ink_on(t, CLI_PLAIN), dot(t));
    put_clipped(out, t, w->evidence, 16);
    fputc('\n', out);
}

static void draw_last(FILE *out, const cli_term *t, const cli_watch *w)
{
    const cli_watch_call *c = cli_watch_at(w, 0);
    char total[32], low[32], high[32], p50[32];

    cli_ns_text(total, c->total_ns);
    put_label(out, t, "last call");
    fprintf(out, "%s%s %s%s", cli_ink_on(t, ink_of(c)), total,
            anm_verdict_name((anm_verdict)c->verdict),
            cli_ink_on(t, CLI_PLAIN));
    if (c->p50_ns > 0) {
        cli_ns_text(low, c->low_ns);
        cli_ns_text(high, c->high_ns);
        cli_ns_text(p50, c->p50_ns);
        fprintf(out, "%sband %s to %s, median %s", dot(t), low, high, p50);
    }
    fputc('\n', out);
}

/* Eighths of a cell that a call fills: 1 to 3 from the low to the high end of
 * its band, 5 to 8 beyond it, an eighth for each half of a doubling. */
static size_t height_of(const cli_watch_call *c)
{
    const double span = c->high_ns - c->low_ns;

    if (!(c->high_ns > 0) || !(span > 0)) return 1;
    if (c->total_ns > c->high_ns) {
        const double doublings = log2(c->total_ns / c->high_ns);
        return 4 + (doublings >= 1.5 ? 3 : (size_t)(2 * doublings));
    }
    const double part = (c->total_ns - c->low_ns) / span;
    return part > 0 ? (size_t)(2.999 * part) : 0;
}

static void draw_spark(FILE *out, const cli_term *t, const cli_watch *w,
                       size_t width)
{
    static const char *const blocks[] = {
        "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"
    };
    static const char ascii[] = "...-=+*#";
    size_t n = w->n_calls < CLI_WATCH_CALLS ? w->n_calls : CLI_WATCH_CALLS;

    n = n < width - LABEL ? n : width - LABEL;
    put_label(out, t, "calls");
    for (size_t i = n; i-- > 0;) {
        const cli_watch_call *c = cli_watch_at(w, i);
        fputs(cli_ink_on(t, ink_of(c)), out);
        if (t->utf8) {
            fputs(blocks[height_of(c)], out);
        } else {
            fputc(ascii[height_of(c)], out);
        }
        fputs(cli_ink_on(t, CLI_PLAIN), out);
    }
    fputc('\n', out);
    put_label(out, t, "");
    for (size_t i = n; i-- > 0;)
        fputs(cli_watch_at(w, i)->verdict != ANM_VERDICT_ABOVE ? " "
              : t->utf8                                        ? "▴"
                                                               : "^",
              out);
    fputc('\n', out);
}

/* Indices of causes, the dearest first. */
static size_t order_causes(const cli_watch *w, size_t *order)
{
    for (size_t i = 0; i < w->n_causes; i++) {
        size_t at = i;
        for (; at > 0; at--) {
            const cli_watch_cause *before = &w->causes[order[at - 1]];
            const cli_watch_cause *one = &w->causes[i];
            if (before->explained_ns > one->explained_ns ||
                (before->explained_ns == one->explained_ns &&
                 before->n >= one->n))
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return w->n_causes < CAUSES_SHOWN ? w->n_causes : CAUSES_SHOWN;
}

static void draw_causes(FILE *out, const cli_term *t, const cli_watch *w)
{
    size_t order[CLI_WATCH_CAUSES];
    const size_t n = order_causes(w, order);

    if (n == 0) {
        put_label(out, t, "causes");
        fputs("none\n", out);
    }
    for (size_t i = 0; i < n; i++) {
        const cli_watch_cause *c = &w->causes[order[i]];
        char explained[32];
        cli_ns_text(explained, c->explained_ns);
        put_label(out, t, i ? "" : "causes");
        put_clipped(out, t, c->name, 28);
        fprintf(out, "%*s%zu call%s, %s\n",
                (int)(26 - (strlen(c->name) < 25 ? strlen(c->name) : 25)), "",
                c->n, c->n == 1 ? "" : "s", explained);
    }
}

static void put_counter(FILE *out, const cli_term *t, const char *name,
                        double value, bool is_time, bool *any)
{
    char text[32];

    if (value < 0) return;
    if (is_time) {
        cli_ns_text(text, value);
    } else {
        cli_count_text(text, (uint64_t)value);
    }
    fprintf(out, "%s%s %s", *any ? dot(t) : "", name, text);
    *any = true;
}

static void draw_counters(FILE *out, const cli_term *t, const cli_watch *w)
{
    const cli_watch_call *c = cli_watch_at(w, 0);
    bool any = false;

    put_label(out, t, "counters");
    put_counter(out, t, "idle before", c->idle_ns, true, &any);
    put_counter(out, t, "queue", c->queue_ns, true, &any);
    put_counter(out, t, "run delay", c->run_delay_ns, true, &any);
    fputc('\n', out);
    any = false;
    put_label(out, t, "");
    put_counter(out, t, "major faults", c->major_faults, false, &any);
    put_counter(out, t, "throttled", c->throttled_ns, true, &any);
    fputc('\n', out);
}

void cli_watch_draw(FILE *out, const cli_term *term, const cli_watch *w,
                    const cli_watch_log *log)
{
    const size_t width = term->columns > WIDTH_MAX   ? WIDTH_MAX
                         : term->columns < WIDTH_MIN ? WIDTH_MIN
                                                     : term->columns;

    draw_head(out, term, w, log, width);
    if (w->n_calls == 0) {
        fputs("no receipt yet\n", out);
        return;
    }
    draw_where(out, term, w);
    draw_last(out, term, w);
    draw_spark(out, term, w, width);
    draw_causes(out, term, w);
    draw_counters(out, term, w);
}

/* ---- Lines and counts ---------------------------------------------------------------------- */

void cli_watch_line(FILE *out, const cli_term *term, const cli_watch *w)
{
    const cli_watch_call *c = cli_watch_at(w, 0);
    char total[32], p50[32], explained[32], at[32] = "-";
    const time_t seconds = (time_t)(c->at_ms / 1000);
    struct tm when;

    if (c->at_ms > 0 && gmtime_r(&seconds, &when))
        strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &when);
    cli_ns_text(total, c->total_ns);
    fprintf(out, "%s  %s  %s", at, total,
            anm_verdict_name((anm_verdict)c->verdict));
    if (c->p50_ns > 0) {
        cli_ns_text(p50, c->p50_ns);
        fprintf(out, " (median %s)", p50);
    }
    fputs("  ", out);
    put_clipped(out, term, w->device, 16);
    fputs(" (", out);
    put_clipped(out, term, w->evidence, 16);
    fputc(')', out);
    if (*c->cause) {
        fputs("  ", out);
        put_clipped(out, term, c->cause, 32);
        if (c->explained_ns > 0) {
            cli_ns_text(explained, c->explained_ns);
            fprintf(out, " %s", explained);
        }
    }
    fputc('\n', out);
}

void cli_watch_json(FILE *out, const cli_watch *w, const cli_watch_log *log)
{
    size_t order[CLI_WATCH_CAUSES];

    order_causes(w, order);
    fprintf(out,
            "{\"anemone_watch\":1,\"receipts\":%zu,\"judged\":%zu,\"above\":%zu"
            ",\"damaged\":%zu,\"rotations\":%zu,\"causes\":[",
            w->n_calls, w->n_judged, w->n_above,
            w->n_damaged + log->n_incomplete, log->n_rotations);
    for (size_t i = 0; i < w->n_causes; i++) {
        const cli_watch_cause *c = &w->causes[order[i]];
        fputs(i ? ",{\"name\":" : "{\"name\":", out);
        cli_json_string(out, c->name);
        fprintf(out, ",\"calls\":%zu,\"explained_ns\":%.0f}", c->n,
                c->explained_ns);
    }
    fputs("]}\n", out);
}
