/* receipt_view.c - draws receipts: stages, where, contract, band, input,
 * artifact.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "receipt_view.h"

#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 80,
    LABEL = 14, /* column where values begin */
    BAR = 44,   /* columns of the stage bars */
    RULER = 25, /* columns of the band, odd so that it has a middle */
};

typedef struct view {
    FILE *out;
    const cli_term *term;
} view;

static void put_ink(const view *v, cli_ink ink)
{
    fputs(cli_ink_on(v->term, ink), v->out);
}

static void put_inked(const view *v, cli_ink ink, const char *text)
{
    put_ink(v, ink);
    fputs(text, v->out);
    put_ink(v, CLI_PLAIN);
}

static void put_label(const view *v, const char *label)
{
    put_ink(v, CLI_FAINT);
    fprintf(v->out, "  %-*s", LABEL - 2, label);
    put_ink(v, CLI_PLAIN);
}

static const char *dot(const view *v)
{
    return v->term->utf8 ? " · " : ", ";
}

static void put_wrapped(const view *v, const char *label, const char *text)
{
    put_label(v, label);
    cli_wrap(v->out, text, LABEL, WIDTH);
}

static void draw_head(const view *v, const anm_receipt *r)
{
    put_inked(v, CLI_BOLD, "receipt       ");
    cli_put_text(v->out, v->term, anm_text_of(r->model.name), 24);
    fputs(dot(v), v->out);
    cli_put_text(v->out, v->term, anm_text_of(r->model.architecture), 10);
    fprintf(v->out, "%s%s%s%zu numbers\n", dot(v),
            anm_precision_name(r->model.precision), dot(v), r->model.dim);
    put_label(v, "");
    put_ink(v, CLI_FAINT);
    cli_put_text(v->out, v->term, anm_text_of(r->model.fingerprint), 40);
    put_ink(v, CLI_PLAIN);
    fputs("\n\n", v->out);
}

/* A bar of `share` that begins at `offset`, both parts of 1. */
static void put_bar(const view *v, double offset, double share, cli_ink ink)
{
    static const char *const eighths[] = {
        "", "▏", "▎", "▍", "▌", "▋", "▊", "▉"
    };
    const size_t begin = (size_t)(offset * BAR);
    size_t parts = (size_t)((offset + share) * BAR * 8.0 + 0.5);

    parts = parts > begin * 8 ? parts - begin * 8 : 0;
    if (parts == 0) parts = 1;
    fprintf(v->out, "%*s", (int)begin, "");
    put_ink(v, ink);
    if (v->term->utf8) {
        for (size_t i = 0; i < parts / 8; i++)
            fputs("█", v->out);
        fputs(eighths[parts % 8], v->out);
    } else if (parts < 8) {
        fputc('|', v->out);
    } else {
        for (size_t i = 0; i < parts / 8; i++)
            fputc('#', v->out);
    }
    put_ink(v, CLI_PLAIN);
}

static cli_ink stage_ink(anm_stage stage)
{
    if (stage == ANM_STAGE_PREDICT) return CLI_CYAN;
    if (stage == ANM_STAGE_QUEUE) return CLI_YELLOW;
    if (stage == ANM_STAGE_UNACCOUNTED) return CLI_FAINT;
    return CLI_BLUE;
}

static void draw_stages(const view *v, const anm_receipt *r)
{
    const double total = r->total_ns ? (double)r->total_ns : 1.0;
    double before = 0.0;

    for (int i = 0; i < ANM_STAGE_COUNT; i++) {
        const anm_stage stage = (anm_stage)i;
        const double ns = (double)r->stages_ns[i];
        char time[32];
        if (ns <= 0.0) continue;
        cli_ns_text(time, ns);
        put_label(v, anm_stage_name(stage));
        fprintf(v->out, "%9s %5.1f %%  ", time, 100.0 * ns / total);
        put_bar(v, before / total, ns / total, stage_ink(stage));
        fputc('\n', v->out);
        before += ns;
    }
    char time[32];
    cli_ns_text(time, (double)r->total_ns);
    put_label(v, "total");
    put_ink(v, CLI_BOLD);
    fprintf(v->out, "%9s", time);
    put_ink(v, CLI_PLAIN);
    fputs("\n\n", v->out);
}

static void list_devices(char *out, size_t cap, unsigned bits)
{
    out[0] = '\0';
    for (int d = 0; d < ANM_DEVICE_COUNT; d++) {
        const size_t len = strlen(out);
        if (bits & 1u << d)
            snprintf(out + len, cap - len, "%s%s", len ? " " : "",
                     anm_device_name((anm_device)d));
    }
}

static void draw_where(const view *v, const anm_receipt *r)
{
    char excluded[32];

    put_label(v, "where");
    put_inked(v, CLI_BOLD, anm_device_name(r->where.device));
    fprintf(v->out, "%s%s", dot(v), anm_evidence_name(r->where.evidence));
    if (r->where.share >= 0.0)
        fprintf(v->out, "%s%.0f %% of the work", dot(v),
                100.0 * r->where.share);
    fputc('\n', v->out);
    if (r->where.how[0]) put_wrapped(v, "known by", r->where.how);
    list_devices(excluded, sizeof(excluded), r->where.excluded);
    put_label(v, "permitted");
    fprintf(v->out, "%s%s%s%s\n", anm_units_name(r->units),
            excluded[0] ? dot(v) : "", excluded[0] ? "ruled out: " : "",
            excluded);
    put_label(v, "required");
    fprintf(v->out, "%s", r->contract.require);
    if (strcmp(r->contract.require, "none")) {
        fputs(dot(v), v->out);
        put_inked(v, r->contract.met ? CLI_GREEN : CLI_RED,
                  r->contract.met ? "met" : "not met");
    }
    if (r->contract.fallback) put_inked(v, CLI_YELLOW, ", on the fallback");
    fputc('\n', v->out);
    if (r->contract.reason[0]) put_wrapped(v, "", r->contract.reason);
}

/* The part of a call that its band is about: all of it but the search. */
static double embedding_ns(const anm_receipt *r)
{
    const uint64_t *ns = r->stages_ns;
    if (!ns[ANM_STAGE_SEARCH] && !ns[ANM_STAGE_MERGE])
        return (double)r->total_ns;
    uint64_t sum = 0;
    for (int i = ANM_STAGE_QUEUE; i <= ANM_STAGE_POST; i++)
        sum += ns[i];
    return (double)sum;
}

static size_t ruler_at(double ns, double begin, double span)
{
    const double at = (ns - begin) / span * (RULER - 1) + 0.5;
    if (at < 0.0) return 0;
    return at >= RULER ? RULER - 1 : (size_t)at;
}

static void put_ruler(const view *v, const anm_receipt *r, cli_ink ink)
{
    static const char *const wide[] = { " ", "─", "├", "┤", "┼", "●" };
    static const char *const ascii[] = { " ", "-", "[", "]", "|", "*" };
    enum { VOID, LINE, LOW, HIGH, MIDDLE, HERE };
    const double low = (double)r->band.low_ns, high = (double)r->band.high_ns;
    const double here = embedding_ns(r);
    const double begin = here < low ? here : low;
    const double end = here > high ? here : high;
    const double span = end > begin ? end - begin : 1.0;
    const size_t at_low = ruler_at(low, begin, span);
    const size_t at_high = ruler_at(high, begin, span);
    int cells[RULER] = { VOID };

    for (size_t i = at_low; i <= at_high; i++)
        cells[i] = LINE;
    cells[ruler_at((double)r->band.p50_ns, begin, span)] = MIDDLE;
    cells[at_low] = LOW;
    cells[at_high] = HIGH;
    const size_t at_here = ruler_at(here, begin, span);
    for (size_t i = 0; i < RULER; i++) {
        if (i == at_here) put_ink(v, ink);
        const int cell = i == at_here ? HERE : cells[i];
        fputs(v->term->utf8 ? wide[cell] : ascii[cell], v->out);
        if (i == at_here) put_ink(v, CLI_PLAIN);
    }
}

static void draw_band(const view *v, const anm_receipt *r)
{
    static const cli_ink inks[] = { [ANM_VERDICT_NONE] = CLI_FAINT,
                                    [ANM_VERDICT_INSIDE] = CLI_GREEN,
                                    [ANM_VERDICT_ABOVE] = CLI_RED,
                                    [ANM_VERDICT_BELOW] = CLI_CYAN };
    const cli_ink ink = inks[r->band.verdict];

    put_label(v, "band");
    put_inked(v, ink, anm_verdict_name(r->band.verdict));
    if (r->band.n == 0) {
        fprintf(v->out, "%s%s\n", dot(v),
                r->bulk ? "a bulk call has no band"
                        : "none measured for this length");
        return;
    }
    char low[32], high[32], p50[32], here[32];
    cli_ns_text(low, (double)r->band.low_ns);
    cli_ns_text(high, (double)r->band.high_ns);
    cli_ns_text(p50, (double)r->band.p50_ns);
    cli_ns_text(here, embedding_ns(r));
    fprintf(v->out, "  %s to %s  ", low, high);
    put_ruler(v, r, ink);
    fputc('\n', v->out);
    put_label(v, "");
    fprintf(v->out, "%s %s, median %s of %u runs at %zu tokens\n",
            r->stages_ns[ANM_STAGE_SEARCH] ? "the embedding" : "this call",
            here, p50, r->band.n, r->band.tokens);
}

static void draw_causes(const view *v, const anm_receipt *r)
{
    if (r->n_causes == 0) return;
    if (r->causes[0].cause == ANM_CAUSE_NONE) {
        // What a call inside its band took more, where something can be told.
        if (r->causes[0].evidence[0])
            put_wrapped(v, "cause", r->causes[0].evidence);
        return;
    }
    for (size_t i = 0; i < r->n_causes; i++) {
        char line[400], excess[32], explained[32];
        cli_ns_text(excess, (double)r->causes[i].excess_ns);
        cli_ns_text(explained, (double)r->causes[i].explained_ns);
        snprintf(line, sizeof(line),
                 "%s explains %s of %s above the median%s%s",
                 anm_cause_name(r->causes[i].cause), explained, excess,
                 r->causes[i].evidence[0] ? ": " : "", r->causes[i].evidence);
        put_wrapped(v, i ? "" : "cause", line);
    }
}

static void draw_input(const view *v, const anm_receipt *r)
{
    char texts[32], tokens[32];

    cli_count_text(texts, r->input.texts);
    cli_count_text(tokens, r->input.tokens);
    put_label(v, "input");
    fprintf(v->out, "%s text%s%s%s tokens%s", texts,
            r->input.texts == 1 ? "" : "s", dot(v), tokens, dot(v));
    if (r->input.truncated) {
        fprintf(v->out, "%zu cut off", r->input.truncated);
    } else {
        fputs("nothing cut off", v->out);
    }
    fputc('\n', v->out);
    put_label(v, "");
    if (r->input.prompt[0]) {
        fputs("prompt ", v->out);
        cli_put_text(v->out, v->term, anm_text_of(r->input.prompt), 32);
        fputs(dot(v), v->out);
    }
    put_ink(v, CLI_FAINT);
    fprintf(v->out, "ids sha256 %.12s\n", r->input.ids_sha256);
    put_ink(v, CLI_PLAIN);
}

/* A path that begins in the home folder begins with ~. */
static void put_path(const view *v, const char *path, size_t columns)
{
    const char *home = getenv("HOME");
    const size_t len = home ? strlen(home) : 0;
    if (len > 1 && !strncmp(path, home, len) && path[len] == '/') {
        fputc('~', v->out);
        path += len;
        columns--;
    }
    cli_put_text(v->out, v->term, anm_text_of(path), columns);
}

static void draw_artifact(const view *v, const anm_receipt *r)
{
    char time[32];

    cli_ns_text(time, (double)r->artifact.load_ns);
    put_label(v, "artifact");
    fprintf(v->out, "%s%sready in %s\n", r->artifact.state, dot(v), time);
    if (!r->artifact.path[0]) return;
    put_label(v, "");
    put_ink(v, CLI_FAINT);
    put_path(v, r->artifact.path, WIDTH - LABEL);
    put_ink(v, CLI_PLAIN);
    fputc('\n', v->out);
}

void cli_receipt_draw(FILE *out, const cli_term *term, const anm_receipt *r)
{
    const view v = { out, term };

    draw_head(&v, r);
    draw_stages(&v, r);
    draw_where(&v, r);
    draw_band(&v, r);
    draw_causes(&v, r);
    draw_input(&v, r);
    draw_artifact(&v, r);
}

anm_status cli_receipt_write(FILE *out, const anm_receipt *r, anm_error *err)
{
    char *json;
    const anm_status status = anm_receipt_json(r, &json, err);
    if (status) return status;
    for (const char *s = json; *s; s++)
        if (*s != '\n') fputc(*s, out);
    anm_free(json);
    return ANM_OK;
}
