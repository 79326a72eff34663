/* page_timeline.c - every call against its band, causes and counters under it
 * on the same time axis.
 *
 *   experiments   ▄▄▄ ▄▄▄▄▄▄ ▄▄          which one was at work
 *   total         ·  ·▒▒▒▒▒▒·▒▒▒          against the band
 *   one lane      |    ||    |            a cause
 *   one row       ▂▁ ▁▁▂█▂   ▁            a counter
 *
 * Drawn twice, for wide and for narrow windows: a picture that is scaled down
 * to a phone cannot be read. What is written is bounded by its pixels, not by
 * the number of calls.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "doctor/page_parts.h"

enum {
    WIDE = 960,
    NARROW = 350,
    STRIP = 22, // height of the experiments
    PLOT = 230,
    LANE = 28,
    ROW = 50,
    BELOW = 22,
    HINTS_MAX = 300,
    CAUSES_MAX = 8,
};

typedef struct chart {
    double width, left, right;
    double plot_top, plot_bottom;
    anm_axis x, y;
} chart;

/* ---- Which lanes and rows there are ------------------------------------------------ */

typedef struct lane {
    const char *cause;
    size_t n_found, n_imposed;
} lane;

typedef struct lanes {
    lane items[CAUSES_MAX]; /* [n] */
    size_t n;
    bool has_row[ANM_PAGE_COUNTERS]; /* more than 0 somewhere */
    bool is_known[ANM_PAGE_COUNTERS];
    size_t n_rows;
    bool has_strip;
} lanes;

static const struct row {
    const char *name;
    anm_amount kind;
} rows[ANM_PAGE_COUNTERS] = {
    [ANM_PAGE_QUEUE] = { "waiting for a turn", ANM_AMOUNT_DURATION },
    [ANM_PAGE_RUN_DELAY] = { "waiting for a CPU", ANM_AMOUNT_DURATION },
    [ANM_PAGE_THROTTLED] = { "stopped by a quota", ANM_AMOUNT_DURATION },
    [ANM_PAGE_MAJOR_FAULTS] = { "pages read from storage", ANM_AMOUNT_COUNT },
    [ANM_PAGE_MINOR_FAULTS] = { "pages mapped again", ANM_AMOUNT_COUNT },
    [ANM_PAGE_PSI_MEMORY] = { "stalled on memory", ANM_AMOUNT_DURATION },
    [ANM_PAGE_PSI_IO] = { "stalled on storage", ANM_AMOUNT_DURATION },
    [ANM_PAGE_PSI_CPU] = { "stalled on CPUs", ANM_AMOUNT_DURATION },
    [ANM_PAGE_FREQUENCY] = { "CPU frequency", ANM_AMOUNT_HERTZ },
};

static void count_cause(lanes *l, const char *cause, bool imposed)
{
    size_t i = 0;

    while (i < l->n && strcmp(l->items[i].cause, cause))
        i++;
    if (i == CAUSES_MAX) return;
    if (i == l->n) l->items[l->n++] = (lane){ .cause = cause };
    if (imposed) {
        l->items[i].n_imposed++;
    } else {
        l->items[i].n_found++;
    }
}

static lanes find_lanes(const anm_page *p)
{
    lanes l = { 0 };

    for (size_t i = 0; i < p->n_calls; i++) {
        const anm_page_call *c = &p->calls[i];
        const json_t *one;
        size_t k;
        json_array_foreach(c->causes, k, one)
        {
            const char *name = anm_look_text(one, "name");
            if (*name) count_cause(&l, name, c->imposed);
        }
        for (k = 0; k < ANM_PAGE_COUNTERS; k++) {
            l.is_known[k] = l.is_known[k] || c->counters[k] >= 0;
            l.has_row[k] = l.has_row[k] || c->counters[k] > 0;
        }
        l.has_strip = l.has_strip || c->imposed;
    }
    for (size_t k = 0; k < ANM_PAGE_COUNTERS; k++)
        l.n_rows += l.has_row[k];
    return l;
}

/* ---- Axes ------------------------------------------------------------------------------ */

static anm_axis time_axis(const anm_page *p, const chart *c)
{
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < p->n_calls; i++) {
        low = fmin(low, p->calls[i].at);
        high = fmax(high, p->calls[i].at);
    }
    const anm_axis_params params = {
        .kind = p->has_clock ? ANM_AMOUNT_CLOCK : ANM_AMOUNT_COUNT,
        .low = low,
        .high = high,
        .begin = c->left + 4,
        .end = c->width - c->right - 4,
        .n_ticks = c->width > 600 ? 8 : 4,
        .is_tight = true,
    };
    return anm_axis_make(&params);
}

static anm_axis total_axis(const anm_page *p, const chart *c)
{
    double least = INFINITY, most = 0;

    for (size_t i = 0; i < p->n_calls; i++) {
        const anm_page_call *one = &p->calls[i];
        const double total = anm_page_shown(p, one, one->total);
        if (total > 0) least = fmin(least, total);
        most = fmax(most, total);
        if (one->imposed || !one->is_judged) continue;
        most = fmax(most, anm_page_shown(p, one, one->high));
        if (one->low > 0) least = fmin(least, anm_page_shown(p, one, one->low));
    }
    const bool is_log = least > 0 && most > 8 * least;
    const anm_axis_params params = {
        .kind = p->by_ratio ? ANM_AMOUNT_TIMES : ANM_AMOUNT_DURATION,
        .low = is_log ? least : 0,
        .high = most,
        .begin = c->plot_bottom,
        .end = c->plot_top,
        .n_ticks = 5,
        .is_log = is_log,
    };
    return anm_axis_make(&params);
}

/* ---- The band ---------------------------------------------------------------------------- */

typedef struct column {
    double low, high, p50; /* high 0: no call */
} column;

static void fill_columns(const anm_page *p, const chart *c, column *columns)
{
    for (size_t i = 0; i < p->n_calls; i++) {
        const anm_page_call *one = &p->calls[i];
        if (one->imposed || !one->is_judged || isnan(one->at)) continue;
        column *at = &columns[(size_t)anm_axis_at(&c->x, one->at)];
        const double low = anm_page_shown(p, one, one->low);
        const double high = anm_page_shown(p, one, one->high);
        at->low = at->high > 0 ? fmin(at->low, low) : low;
        at->high = fmax(at->high, high);
        at->p50 = anm_page_shown(p, one, one->p50);
    }
}

static bool is_alike(const column *a, const column *b)
{
    return a->low == b->low && a->high == b->high && a->p50 == b->p50;
}

/* A band holds until the next call has another one. */
static void put_band(anm_buf *b, const chart *c, column *columns, bool median)
{
    const size_t begin = (size_t)c->x.begin, end = (size_t)c->x.end;
    size_t from = begin;

    while (from < end && !(columns[from].high > 0))
        from++;
    if (from < end) columns[begin] = columns[from];
    for (from = begin; from < end;) {
        size_t to = from + 1;
        while (to < end && (!(columns[to].high > 0) ||
                            is_alike(&columns[to], &columns[from])))
            to++;
        const column *at = &columns[from];
        const double x = (double)from, w = (double)(to - from);
        const double high = anm_axis_at(&c->y, at->high);
        const double p50 = anm_axis_at(&c->y, at->p50);
        if (at->high > 0 && !median) {
            anm_svg_path_box(
                b,
                (anm_area){ x, high, w, anm_axis_at(&c->y, at->low) - high });
        } else if (at->high > 0) {
            anm_svg_path_move(b, (anm_spot){ x, p50 });
            anm_svg_path_line(b, (anm_spot){ x + w, p50 });
        }
        from = to;
    }
}

static void draw_band(const anm_page *p, const chart *c, anm_buf *b)
{
    column columns[WIDE + 1] = { { 0 } };

    fill_columns(p, c, columns);
    anm_svg_path_begin(b, "band");
    put_band(b, c, columns, false);
    anm_svg_path_end(b);
    anm_svg_path_begin(b, "median");
    put_band(b, c, columns, true);
    anm_svg_path_end(b);
}

/* ---- Calls -------------------------------------------------------------------------------- */

static bool is_drawn(const anm_page *p, const anm_page_call *c)
{
    return !isnan(c->at) && !isnan(anm_page_shown(p, c, c->total));
}

static anm_spot spot_of(const anm_page *p, const chart *c,
                        const anm_page_call *call)
{
    return (
        anm_spot){ anm_axis_at(&c->x, call->at),
                   anm_axis_at(&c->y, anm_page_shown(p, call, call->total)) };
}

static void put_hint(const anm_page_call *c, char *out, size_t cap)
{
    char total[32], p50[32];
    const char *cause = anm_look_text(json_array_get(c->causes, 0), "name");

    anm_amount_text(total, ANM_AMOUNT_DURATION, c->total);
    anm_amount_text(p50, ANM_AMOUNT_DURATION, c->p50);
    snprintf(out, cap, "call %llu: %s, median %s%s%.60s", c->number, total, p50,
             *cause ? ": " : "", cause);
}

typedef enum look { LOOK_IMPOSED, LOOK_INSIDE, LOOK_ABOVE } look;

static look look_of(const anm_page_call *c)
{
    return c->imposed ? LOOK_IMPOSED : c->is_above ? LOOK_ABOVE : LOOK_INSIDE;
}

/* The calls of one look; a pixel that has one already takes no other. taken
 * [width x PLOT + 1 rows], zeroed. */
static void draw_look(const anm_page *p, const chart *c, look which,
                      unsigned char *taken, anm_buf *b)
{
    static const char *const classes[] = { "imposed", "inside", "above" };

    anm_svg_path_begin(b, classes[which]);
    for (size_t i = 0; i < p->n_calls; i++) {
        const anm_page_call *one = &p->calls[i];
        if (look_of(one) != which || !is_drawn(p, one)) continue;
        const anm_spot at = spot_of(p, c, one);
        const size_t cell = (size_t)at.x + (size_t)(at.y - c->plot_top) * WIDE;
        if (taken[cell] > (unsigned char)which) continue;
        taken[cell] = (unsigned char)(which + 1);
        anm_svg_path_point(b, at);
    }
    anm_svg_path_end(b);
}

/* Calls that left their band say what they are when pointed at. */
static void draw_hints(const anm_page *p, const chart *c, anm_buf *b)
{
    size_t n = 0;
    char hint[200];

    for (size_t i = 0; i < p->n_calls && n < HINTS_MAX; i++) {
        const anm_page_call *one = &p->calls[i];
        if (look_of(one) != LOOK_ABOVE || !is_drawn(p, one)) continue;
        put_hint(one, hint, sizeof(hint));
        anm_svg_dot(b, "hint", spot_of(p, c, one), 6, hint);
        n++;
    }
}

static void draw_calls(const anm_page *p, const chart *c, anm_buf *b)
{
    unsigned char *taken = anm_alloc_zero((size_t)WIDE * (PLOT + 2));

    b->failed |= !taken;
    for (int i = LOOK_IMPOSED; taken && i <= LOOK_ABOVE; i++)
        draw_look(p, c, (look)i, taken, b);
    anm_free(taken);
    draw_hints(p, c, b);
}

/* ---- Experiments --------------------------------------------------------------------------- */

static void draw_part(anm_buf *b, const chart *c, const char *name, double from,
                      double to, size_t number)
{
    const double x = anm_axis_at(&c->x, from);
    const double w = fmax(anm_axis_at(&c->x, to) - x, 1);

    anm_svg_bar(b, number % 2 ? "part odd" : "part", (anm_area){ x, 2, w, 14 },
                name);
    if (w > 6.5 * (double)strlen(name) + 4)
        anm_svg_text(b, "small", ANM_ANCHOR_START, (anm_spot){ x + 3, 12.5 },
                     name);
}

/* A run of calls of one experiment is one bar. */
static void draw_strip(const anm_page *p, const chart *c, anm_buf *b)
{
    size_t number = 0, first = 0;

    for (size_t i = 1; i <= p->n_calls; i++) {
        const char *name = p->calls[first].experiment;
        if (i < p->n_calls && strcmp(name, p->calls[i].experiment) == 0)
            continue;
        // Unchanged calls between experiments are the ground they stand on.
        if (strcmp(name, "baseline"))
            draw_part(b, c, name, p->calls[first].at, p->calls[i - 1].at,
                      number++);
        first = i;
    }
}

/* ---- Lanes and rows -------------------------------------------------------------------------- */

static void put_ticks(const anm_page *p, const chart *c, const lane *l,
                      double top, bool imposed, anm_buf *b)
{
    unsigned char taken[WIDE + 1] = { 0 };

    anm_svg_path_begin(b, imposed ? "mark imposed" : "mark");
    for (size_t i = 0; i < p->n_calls; i++) {
        const json_t *one;
        size_t k;
        if (p->calls[i].imposed != imposed || isnan(p->calls[i].at)) continue;
        json_array_foreach(p->calls[i].causes, k, one)
        {
            if (strcmp(anm_look_text(one, "name"), l->cause)) continue;
            const double x = anm_axis_at(&c->x, p->calls[i].at);
            if (taken[(size_t)x]++) continue;
            anm_svg_path_move(b, (anm_spot){ x, top + 14 });
            anm_svg_path_line(b, (anm_spot){ x, top + 25 });
            taken[(size_t)x] = 1;
        }
    }
    anm_svg_path_end(b);
}

static void draw_lane(const anm_page *p, const chart *c, const lane *l,
                      double top, anm_buf *b)
{
    char count[64];

    if (l->n_found) {
        snprintf(count, sizeof(count), "%zu call%s", l->n_found,
                 l->n_found == 1 ? "" : "s");
    } else {
        snprintf(count, sizeof(count), "only where imposed");
    }
    anm_svg_text(b, "name", ANM_ANCHOR_START, (anm_spot){ c->left, top + 10 },
                 l->cause);
    anm_svg_text(b, "tick", ANM_ANCHOR_END,
                 (anm_spot){ c->width - c->right, top + 10 }, count);
    anm_svg_line(b, "ground", (anm_spot){ c->left, top + 25.5 },
                 (anm_spot){ c->width - c->right, top + 25.5 });
    put_ticks(p, c, l, top, true, b);
    put_ticks(p, c, l, top, false, b);
}

static void draw_row(const anm_page *p, const chart *c, anm_page_counter which,
                     double top, anm_buf *b)
{
    double peaks[WIDE + 1] = { 0 }, most = 0;
    char text[32], label[48];

    for (size_t i = 0; i < p->n_calls; i++) {
        const double value = p->calls[i].counters[which];
        if (!(value > 0) || isnan(p->calls[i].at)) continue;
        const size_t x = (size_t)anm_axis_at(&c->x, p->calls[i].at);
        peaks[x] = fmax(peaks[x], value);
        most = fmax(most, value);
    }
    const anm_axis y = { .low = 0,
                         .high = most > 0 ? most : 1,
                         .begin = top + ROW - 6,
                         .end = top + 16 };
    anm_svg_path_begin(b, "stem");
    for (size_t x = 0; x <= WIDE; x++) {
        if (!(peaks[x] > 0)) continue;
        anm_svg_path_move(b, (anm_spot){ (double)x + 0.5, y.begin });
        anm_svg_path_line(
            b, (anm_spot){ (double)x + 0.5, anm_axis_at(&y, peaks[x]) });
    }
    anm_svg_path_end(b);
    anm_amount_text(text, rows[which].kind, most);
    snprintf(label, sizeof(label), "up to %s", text);
    anm_svg_text(b, "name", ANM_ANCHOR_START, (anm_spot){ c->left, top + 10 },
                 rows[which].name);
    anm_svg_text(b, "tick", ANM_ANCHOR_END,
                 (anm_spot){ c->width - c->right, top + 10 }, label);
    anm_svg_line(b, "ground", (anm_spot){ c->left, y.begin },
                 (anm_spot){ c->width - c->right, y.begin });
}

/* ---- The whole ---------------------------------------------------------------------------------- */

static void draw(const anm_page *p, const lanes *l, bool narrow, anm_buf *b)
{
    chart c = { .width = narrow ? NARROW : WIDE,
                .left = narrow ? 50 : 56,
                .right = narrow ? 2 : 8,
                .plot_top = l->has_strip ? STRIP + 8 : 8 };
    c.plot_bottom = c.plot_top + PLOT;
    const double lanes_top = c.plot_bottom + 18;
    const double rows_top = lanes_top + LANE * (double)l->n;
    const double bottom = rows_top + ROW * (double)l->n_rows;

    c.x = time_axis(p, &c);
    c.y = total_axis(p, &c);
    anm_svg_begin(b, narrow ? "narrow" : "wide", c.width, bottom + BELOW,
                  "Every call against its band, with causes and counters on "
                  "the same time axis");
    draw_band(p, &c, b);
    anm_svg_y_axis(b, &c.y, c.left, c.width - c.right);
    anm_svg_x_axis(b, &c.x, c.plot_top, bottom);
    if (l->has_strip) draw_strip(p, &c, b);
    draw_calls(p, &c, b);
    for (size_t i = 0; i < l->n; i++)
        draw_lane(p, &c, &l->items[i], lanes_top + LANE * (double)i, b);
    size_t n = 0;
    for (int i = 0; i < ANM_PAGE_COUNTERS; i++)
        if (l->has_row[i])
            draw_row(p, &c, (anm_page_counter)i, rows_top + ROW * (double)n++,
                     b);
    anm_svg_end(b);
}

static void put_names(anm_buf *b, const char *before, const bool *has)
{
    bool any = false;

    for (int i = 0; i < ANM_PAGE_COUNTERS; i++) {
        if (!has[i]) continue;
        anm_buf_printf(b, "%s%s", any ? ", " : before, rows[i].name);
        any = true;
    }
    if (any) anm_buf_puts(b, ". ");
}

static void put_legend(const anm_page *p, const lanes *l, anm_buf *b)
{
    bool is_zero[ANM_PAGE_COUNTERS], is_absent[ANM_PAGE_COUNTERS];
    char since[32];
    double first = NAN;

    for (size_t i = 0; i < p->n_calls && isnan(first); i++)
        first = anm_look_number(json_array_get(anm_look(p->doc, "calls"), i),
                                "at_ms");
    anm_page_date(since, first);
    anm_buf_puts(b, "<p class=\"legend\"><span><i class=\"k band\"></i>band, "
                    "median</span> <span><i class=\"k inside\"></i>a call"
                    "</span> <span><i class=\"k above\"></i>above its band"
                    "</span> ");
    if (l->has_strip)
        anm_buf_puts(b, "<span><i class=\"k imposed\"></i>something was imposed"
                        "</span>");
    anm_buf_puts(b, "</p>\n<p class=\"lead\">");
    anm_buf_printf(b, "%s%s. ", p->has_clock ? "Time runs from " : "",
                   !p->has_clock ? "Calls by their number" : since);
    for (int i = 0; i < ANM_PAGE_COUNTERS; i++) {
        is_zero[i] = l->is_known[i] && !l->has_row[i];
        is_absent[i] = !l->is_known[i];
    }
    put_names(b, "Nothing all the time of: ", is_zero);
    put_names(b, "Not told by this machine: ", is_absent);
    anm_buf_puts(b, "</p>\n");
}

void anm_page_timeline(const anm_page *p, anm_buf *b)
{
    if (p->n_calls == 0) return;
    const lanes l = find_lanes(p);
    anm_page_title(b, "Every call against its band",
                   p->by_ratio ? "Total time over the median of the call's own "
                                 "band: calls differ in length."
                               : "Total time of a call.");
    put_legend(p, &l, b);
    anm_buf_puts(b, "<figure>\n");
    draw(p, &l, false, b);
    draw(p, &l, true, b);
    anm_buf_puts(b, "</figure>\n");
}
