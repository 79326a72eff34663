/* page_experiments.c - what conditions cost: a cumulative distribution for each
 * arm, small and alike; and the idle curve and stage shares, which are
 * arrangements of all calls.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "doctor/page_parts.h"
#include "doctor/statistics.h"

enum { WIDTH = 290, HEIGHT = 140, LEFT = 44, RIGHT = 10, ARMS_MAX = 8 };

/* ---- Samples --------------------------------------------------------------------------- */

typedef struct samples {
    double *values; /* [n] sorted */
    size_t n;
} samples;

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* False when memory is out. */
static bool read_samples(const json_t *arm, samples *out)
{
    const json_t *list = anm_look(arm, "samples_ns"), *one;
    size_t i;

    *out = (samples){ 0 };
    out->values = anm_alloc_array(json_array_size(list) + 1, sizeof(double));
    if (!out->values) return false;
    json_array_foreach(list, i, one)
    {
        const double value = json_is_number(one) ? json_number_value(one) : 0;
        if (value > 0 && value <= 1e18) out->values[out->n++] = value;
    }
    qsort(out->values, out->n, sizeof(double), by_size);
    return true;
}

/* ---- One experiment --------------------------------------------------------------------- */

typedef struct trial {
    samples arms[ARMS_MAX]; /* [n] */
    size_t n, n_samples;
} trial;

static void release(trial *t)
{
    for (size_t i = 0; i < t->n; i++)
        anm_free(t->arms[i].values);
    *t = (trial){ 0 };
}

static bool read_trial(const json_t *experiment, trial *out)
{
    const json_t *arms = anm_look(experiment, "arms"), *arm;
    size_t i;

    *out = (trial){ 0 };
    json_array_foreach(arms, i, arm)
    {
        if (i == ARMS_MAX) break;
        if (!read_samples(arm, &out->arms[i])) {
            release(out);
            return false;
        }
        out->n++;
        out->n_samples += out->arms[i].n;
    }
    return true;
}

/* The look of an arm: the base, the base again, and conditions in order. */
static const char *class_of(const json_t *arms, size_t which)
{
    static const char *const conditions[] = { "c1", "c2", "c3", "c4",
                                              "c5", "c6", "c7" };
    size_t n = 0;

    for (size_t i = 0; i <= which; i++) {
        const char *role = anm_look_text(json_array_get(arms, i), "role");
        const bool is_again = strcmp(role, "base_again") == 0;
        if (strcmp(role, "base") == 0 || is_again) {
            if (i == which) return is_again ? "again" : "base";
            continue;
        }
        if (i == which) return conditions[n % 7];
        n++;
    }
    return "base";
}

static anm_axis axis_of(const trial *t)
{
    double low = INFINITY, high = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (!t->arms[i].n) continue;
        low = fmin(low, t->arms[i].values[0]);
        high = fmax(high, t->arms[i].values[t->arms[i].n - 1]);
    }
    // Arms that lie close together are told apart, and a tenth still looks
    // like one.
    const double from = high < 1.5 * low ? 0.8 * low : 0;
    const anm_axis_params params = {
        .kind = ANM_AMOUNT_DURATION,
        .low = high > 8 * low ? low : from,
        .high = high,
        .begin = LEFT,
        .end = WIDTH - RIGHT,
        .n_ticks = 4,
        .is_log = high > 8 * low,
    };
    return anm_axis_make(&params);
}

static void draw_trial(const trial *t, const json_t *arms, const char *name,
                       anm_buf *b)
{
    const anm_axis_params share = { .kind = ANM_AMOUNT_SHARE,
                                    .high = 1,
                                    .begin = HEIGHT - 22,
                                    .end = 10,
                                    .n_ticks = 2 };
    const anm_axis x = axis_of(t), y = anm_axis_make(&share);
    char label[160];

    snprintf(label, sizeof(label),
             "Share of calls that took at most a time, "
             "for each arm of %.60s",
             name);
    anm_svg_begin(b, "small-chart", WIDTH, HEIGHT, label);
    anm_svg_y_axis(b, &y, LEFT, WIDTH - RIGHT);
    anm_svg_x_axis(b, &x, y.end, y.begin);
    for (size_t i = 0; i < t->n; i++) {
        char class[24];
        snprintf(class, sizeof(class), "steps %s", class_of(arms, i));
        anm_svg_steps(b, class, &x, &y, t->arms[i].values, t->arms[i].n);
    }
    anm_svg_end(b);
}

static void put_arm(const json_t *arms, size_t which, anm_buf *b)
{
    const json_t *arm = json_array_get(arms, which);
    const json_t *interval = anm_look(arm, "ci95");

    anm_buf_printf(b, "<tr><td><i class=\"k line %s\"></i>",
                   class_of(arms, which));
    anm_put_escaped(b, anm_look_text(arm, "name"));
    anm_buf_puts(b, "</td><td>");
    anm_page_amount(b, ANM_AMOUNT_COUNT, anm_look_number(arm, "n"));
    anm_buf_puts(b, "</td><td>");
    anm_page_amount(b, ANM_AMOUNT_DURATION, anm_look_number(arm, "p50_ns"));
    anm_buf_puts(b, "</td><td>");
    if (isfinite(anm_look_number(arm, "ratio")))
        anm_page_amount(b, ANM_AMOUNT_TIMES, anm_look_number(arm, "ratio"));
    if (json_array_size(interval) == 2) {
        anm_buf_puts(b, " <small>");
        anm_put_number(b, json_number_value(json_array_get(interval, 0)), 2);
        anm_buf_puts(b, " to ");
        anm_put_number(b, json_number_value(json_array_get(interval, 1)), 2);
        anm_buf_puts(b, "</small>");
    }
    anm_buf_puts(b, "</td></tr>\n");
}

static void put_arms(const json_t *arms, size_t n, anm_buf *b)
{
    anm_buf_puts(b, "<table class=\"arms\"><tr><th>arm</th><th>n</th>"
                    "<th>median</th><th>times, 95 %</th></tr>\n");
    for (size_t i = 0; i < n; i++)
        put_arm(arms, i, b);
    anm_buf_puts(b, "</table>\n");
}

static void put_experiment(const json_t *e, const trial *t, anm_buf *b)
{
    const char *name = anm_look_text(e, "name");
    const json_t *arms = anm_look(e, "arms");
    const double disturbed = anm_look_number(e, "disturbed");

    anm_buf_puts(b, "<article><h3>");
    anm_put_escaped(b, name);
    anm_buf_puts(b, " ");
    if (*anm_look_text(e, "hypothesis"))
        anm_page_span(b, "tag", anm_look_text(e, "hypothesis"));
    anm_page_verdict(b, anm_look_text(e, "verdict"));
    anm_buf_puts(b, "</h3>\n<p>");
    anm_put_escaped(b, anm_look_text(e, "question"));
    anm_buf_puts(b, "</p>\n");
    draw_trial(t, arms, name, b);
    put_arms(arms, t->n, b);
    anm_buf_puts(b, "<p class=\"small\">");
    anm_put_escaped(b, anm_look_text(e, "evidence"));
    if (disturbed > 0) {
        anm_buf_puts(b, ". Disturbed rounds, left out: ");
        anm_put_number(b, disturbed, 0);
    }
    anm_buf_puts(b, "</p></article>\n");
}

/* ---- All of them ------------------------------------------------------------------------- */

/* Those that drew nothing: a table, in words. */
static void put_words(const anm_page *p, anm_buf *b)
{
    const json_t *e;
    size_t i;
    bool any = false;

    json_array_foreach(anm_look(p->doc, "experiments"), i, e)
    {
        trial t;
        const bool ok = read_trial(e, &t);
        const bool has_samples = ok && t.n_samples;
        b->failed |= !ok;
        release(&t);
        if (has_samples) continue;
        if (!any)
            anm_buf_puts(b, "<h3 class=\"after\">Answered without timing, or "
                            "not to be tested here</h3>\n"
                            "<table class=\"words\">\n");
        any = true;
        anm_buf_puts(b, "<tr><td>");
        anm_put_escaped(b, anm_look_text(e, "name"));
        anm_buf_puts(b, "</td><td>");
        anm_page_verdict(b, anm_look_text(e, "verdict"));
        anm_buf_puts(b, "</td><td>");
        anm_put_escaped(b, anm_look_text(e, "evidence"));
        anm_buf_puts(b, "</td></tr>\n");
    }
    if (any) anm_buf_puts(b, "</table>\n");
}

void anm_page_experiments(const anm_page *p, anm_buf *b)
{
    const json_t *list = anm_look(p->doc, "experiments"), *e;
    size_t i;

    if (json_array_size(list) == 0) return;
    anm_page_title(b, "What each condition costs here",
                   "Share of calls that took at most so long. A condition that "
                   "costs is no finding: it has to be there without being "
                   "imposed.");
    anm_buf_puts(b, "<div class=\"cards\">\n");
    json_array_foreach(list, i, e)
    {
        trial t;
        b->failed |= !read_trial(e, &t);
        if (t.n_samples) put_experiment(e, &t, b);
        release(&t);
    }
    anm_buf_puts(b, "</div>\n");
    put_words(p, b);
}

/* ---- The idle curve ------------------------------------------------------------------------ */

enum { BINS = 40 };

static bool shows_idle(const anm_page_call *c)
{
    return c->idle > 0 && c->p50 > 0 && c->total > 0 &&
           (!c->imposed || strcmp(c->experiment, "idle") == 0);
}

/* Three bins a decade, from 1 us. */
static size_t bin_of(double idle)
{
    const double bin = floor(3 * (log10(idle) - 3));
    return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (size_t)bin;
}

/* Medians of total over the band's median and of the gap, by bin. */
static size_t find_curve(const anm_page *p, double *work, anm_spot out[BINS])
{
    size_t n_out = 0;

    for (size_t bin = 0; bin < BINS; bin++) {
        size_t n = 0;
        for (size_t i = 0; i < p->n_calls; i++)
            if (shows_idle(&p->calls[i]) && bin_of(p->calls[i].idle) == bin)
                work[n++] = p->calls[i].total / p->calls[i].p50;
        if (n == 0) continue;
        out[n_out].y = anm_median(work, n);
        n = 0;
        for (size_t i = 0; i < p->n_calls; i++)
            if (shows_idle(&p->calls[i]) && bin_of(p->calls[i].idle) == bin)
                work[n++] = p->calls[i].idle;
        out[n_out++].x = anm_median(work, n);
    }
    return n_out;
}

typedef struct idle_axes {
    anm_axis x, y;
} idle_axes;

static idle_axes make_idle_axes(const anm_page *p, const anm_spot *curve,
                                size_t n)
{
    double low = INFINITY, high = 0, most = 1.2;

    for (size_t i = 0; i < p->n_calls; i++) {
        const anm_page_call *c = &p->calls[i];
        if (!shows_idle(c)) continue;
        low = fmin(low, c->idle);
        high = fmax(high, c->idle);
        most = fmax(most, c->total / c->p50);
    }
    // Curves are compared at their medians; a few far calls go to the edge.
    double top = 1.2;
    for (size_t i = 0; i < n; i++)
        top = fmax(top, 1.6 * curve[i].y);
    const anm_axis_params x = { .kind = ANM_AMOUNT_DURATION,
                                .low = low,
                                .high = high,
                                .begin = LEFT,
                                .end = WIDTH - RIGHT,
                                .is_log = true };
    const anm_axis_params y = { .kind = ANM_AMOUNT_TIMES,
                                .high = fmin(most, top),
                                .begin = HEIGHT + 10,
                                .end = 10,
                                .n_ticks = 3 };
    return (idle_axes){ anm_axis_make(&x), anm_axis_make(&y) };
}

static anm_spot at_axes(const idle_axes *a, double x, double y)
{
    return (anm_spot){ anm_axis_at(&a->x, x), anm_axis_at(&a->y, y) };
}

static void draw_idle(const anm_page *p, const anm_spot *curve, size_t n,
                      anm_buf *b)
{
    const idle_axes axes = make_idle_axes(p, curve, n);

    anm_svg_begin(b, "small-chart", WIDTH, HEIGHT + 32,
                  "Time of a call over its band's median, by the pause before "
                  "it");
    anm_svg_y_axis(b, &axes.y, LEFT, WIDTH - RIGHT);
    anm_svg_x_axis(b, &axes.x, axes.y.end, axes.y.begin);
    anm_svg_path_begin(b, "imposed");
    for (size_t i = 0; i < p->n_calls; i++) {
        const anm_page_call *c = &p->calls[i];
        if (shows_idle(c))
            anm_svg_path_point(b, at_axes(&axes, c->idle, c->total / c->p50));
    }
    anm_svg_path_end(b);
    anm_svg_path_begin(b, "steps c1");
    for (size_t i = 0; i < n; i++) {
        const anm_spot at = at_axes(&axes, curve[i].x, curve[i].y);
        if (i) {
            anm_svg_path_line(b, at);
        } else {
            anm_svg_path_move(b, at);
        }
    }
    anm_svg_path_end(b);
    anm_svg_end(b);
}

void anm_page_idle(const anm_page *p, anm_buf *b)
{
    anm_spot curve[BINS];
    double *work = anm_alloc_array(p->n_calls + 1, sizeof(*work));

    if (!work) {
        b->failed = true;
        return;
    }
    const size_t n = find_curve(p, work, curve);
    anm_free(work);
    if (n < 2) return;
    anm_buf_puts(b, "<article><h3>After a pause</h3>\n<p>Time of a call over "
                    "its band's median, by how long the model had been idle; "
                    "the line goes through medians.</p>\n");
    draw_idle(p, curve, n, b);
    anm_buf_puts(b, "</article>\n");
}

/* ---- Stage shares ------------------------------------------------------------------------------ */

enum { STAGES = 5 };

typedef struct share {
    const char *name;
    size_t n;
    double ns[STAGES]; /* sums */
} share;

static const char *const stage_names[STAGES] = { "predict", "queue", "prepare",
                                                 "post", "other" };
static const char *const stage_classes[STAGES] = { "s1", "s2", "s3", "s4",
                                                   "s5" };

static void add_call(share *s, const anm_page_call *c)
{
    // Documents of before have no more than two of the stages.
    const double prepare = isnan(c->prepare) ? 0 : c->prepare;
    const double post = isnan(c->post) ? 0 : c->post;
    const double rest = c->total - c->predict - c->queue - prepare - post;

    if (isnan(rest)) return;
    s->n++;
    s->ns[0] += c->predict;
    s->ns[1] += c->queue;
    s->ns[2] += prepare;
    s->ns[3] += post;
    s->ns[4] += fmax(rest, 0);
}

static void draw_share(const share *s, const anm_axis *x, double top,
                       anm_buf *b)
{
    double before = 0;
    char label[96];

    snprintf(label, sizeof(label), "%s (%zu)", s->name, s->n);
    anm_svg_text(b, "name", ANM_ANCHOR_START, (anm_spot){ 4, top + 10 }, label);
    for (int i = 0; i < STAGES; i++) {
        const double ns = s->ns[i] / (double)s->n;
        const double from = anm_axis_at(x, before);
        char text[32], hint[80];
        anm_amount_text(text, ANM_AMOUNT_DURATION, ns);
        snprintf(hint, sizeof(hint), "%s: %s", stage_names[i], text);
        anm_svg_bar(b, stage_classes[i],
                    (anm_area){ from, top + 15,
                                anm_axis_at(x, before + ns) - from, 16 },
                    hint);
        before += ns;
    }
}

static double sum_of(const share *s)
{
    double total = 0;

    for (int i = 0; i < STAGES; i++)
        total += s->ns[i];
    return total;
}

/* A stage is a row: five of them side by side are wider than the card. */
static void put_stage(const share *shares, size_t n, int stage, anm_buf *b)
{
    anm_buf_printf(b, "<tr><td><i class=\"k %s\"></i>%s</td>",
                   stage_classes[stage], stage_names[stage]);
    for (size_t i = 0; i < n; i++) {
        const double total = sum_of(&shares[i]), ns = shares[i].ns[stage];
        anm_buf_puts(b, "<td>");
        anm_page_amount(b, ANM_AMOUNT_DURATION, ns / (double)shares[i].n);
        anm_buf_puts(b, " <small>");
        anm_page_amount(b, ANM_AMOUNT_SHARE, total > 0 ? ns / total : 0);
        anm_buf_puts(b, "</small></td>");
    }
    anm_buf_puts(b, "</tr>\n");
}

static void draw_shares(const share *shares, size_t n, anm_buf *b)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, sum_of(&shares[i]) / (double)shares[i].n);
    const anm_axis_params px = { .kind = ANM_AMOUNT_DURATION,
                                 .high = most,
                                 .begin = 4,
                                 .end = WIDTH - RIGHT,
                                 .n_ticks = 4 };
    const anm_axis x = anm_axis_make(&px);
    const double bottom = 8 + 42 * (double)n;

    anm_svg_begin(b, "small-chart", WIDTH, bottom + 22,
                  "Mean time of each stage, of calls inside and above their "
                  "band");
    anm_svg_x_axis(b, &x, 4, bottom);
    for (size_t i = 0; i < n; i++)
        draw_share(&shares[i], &x, 6 + 42 * (double)i, b);
    anm_svg_end(b);
    anm_buf_puts(b, "<table class=\"arms stages\"><tr><th>mean</th>");
    for (size_t i = 0; i < n; i++)
        anm_buf_printf(b, "<th>%s</th>", shares[i].name);
    anm_buf_puts(b, "</tr>\n");
    for (int stage = 0; stage < STAGES; stage++)
        put_stage(shares, n, stage, b);
    anm_buf_puts(b, "</table>\n");
}

void anm_page_stages(const anm_page *p, anm_buf *b)
{
    share all[2] = { { .name = "inside the band" }, { .name = "above it" } };
    share shown[2];
    size_t n = 0;

    for (size_t i = 0; i < p->n_calls; i++)
        if (!p->calls[i].imposed)
            add_call(&all[p->calls[i].is_above], &p->calls[i]);
    for (int i = 0; i < 2; i++)
        if (all[i].n) shown[n++] = all[i];
    if (n == 0) return;
    anm_buf_puts(b, "<article><h3>Where the time goes</h3>\n<p>Stages of calls "
                    "that nothing was imposed on.</p>\n");
    draw_shares(shown, n, b);
    anm_buf_puts(b, "</article>\n");
}
