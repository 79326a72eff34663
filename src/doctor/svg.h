/* svg.h - drawing: axes with round ticks and units, and the few shapes that
 * charts are made of, appended to a buffer as SVG.
 *
 * Pure functions of their arguments. Numbers are written with a point whatever
 * the locale of the host is; texts are escaped here and nowhere else. What
 * cannot be placed (no number, below the range) is drawn at the edge of its
 * axis, never outside. `class` is a name of page_style.c and not escaped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_SVG_H
#define ANM_SVG_H

#include "base/buf.h"

/* ---- Amounts ------------------------------------------------------------------ */

typedef enum anm_amount {
    ANM_AMOUNT_DURATION, /* ns; shown in ns, µs, ms, s */
    ANM_AMOUNT_CLOCK, /* ns since a beginning; shown in ms, s, min, h, days */
    ANM_AMOUNT_COUNT,
    ANM_AMOUNT_SHARE, /* of 1; shown in % */
    ANM_AMOUNT_TIMES, /* 1.25 is 1.25 × */
    ANM_AMOUNT_HERTZ,
    ANM_AMOUNT_BYTES, /* shown in B, kB, MB, GB of 1000 */
} anm_amount;

/* A number with its unit and three digits: "2.33 ms", "1.08 ×"; "-" for what is
 * no number. At most 32 bytes. */
void anm_amount_text(char out[32], anm_amount kind, double value);

/* With `decimals` digits (0 to 6) behind the point, without trailing zeros;
 * 0 for what is no number. What 63 bits do not hold is cut off there. */
void anm_put_number(anm_buf *b, double value, int decimals);

/* A text of somebody else, for elements and quoted attributes: markup becomes
 * text, control characters U+FFFD. Valid UTF-8 in. */
void anm_put_escaped(anm_buf *b, const char *text);

/* ---- Axes --------------------------------------------------------------------- */

typedef struct anm_axis {
    double low, high;  /* values, low < high */
    double begin, end; /* where those are drawn */
    bool is_log;
    double step;      /* linear: of ticks */
    double scale;     /* value / scale is in `unit` */
    const char *unit; /* static; "" for none */
    bool has_units;   /* every tick has one of its own, and `unit` is "" */
} anm_axis;

typedef struct anm_axis_params {
    anm_amount kind;
    double low, high;  /* that must be shown */
    double begin, end; /* pixels of the ends */
    size_t n_ticks;    /* about so many, 2 to 8 */
    bool is_log;       /* both then above 0 */
    bool is_tight;     /* ends at low and high, not at ticks */
} anm_axis_params;

/* Any params give an axis: ends that are no numbers, equal or reversed are
 * widened to a range that can be drawn. */
anm_axis anm_axis_make(const anm_axis_params *p);

/* Where a value is drawn. */
double anm_axis_at(const anm_axis *a, double value);

enum { ANM_TICKS_MAX = 16 };

typedef struct anm_tick {
    double value;
    char text[24]; /* in the unit of the axis, without it, or with its own */
} anm_tick;

/* Ticks from low to high; how many. */
size_t anm_axis_ticks(const anm_axis *a, anm_tick out[ANM_TICKS_MAX]);

/* ---- Shapes ------------------------------------------------------------------- */

typedef struct anm_spot {
    double x, y;
} anm_spot;

typedef struct anm_area {
    double x, y, w, h;
} anm_area;

/* label: what a reader who does not see it is told. */
void anm_svg_begin(anm_buf *b, const char *class, double w, double h,
                   const char *label);
void anm_svg_end(anm_buf *b);

void anm_svg_line(anm_buf *b, const char *class, anm_spot from, anm_spot to);
/* hint: shown on pointing; or NULL. Nothing where w or h is not above 0. */
void anm_svg_bar(anm_buf *b, const char *class, anm_area area,
                 const char *hint);
void anm_svg_dot(anm_buf *b, const char *class, anm_spot at, double r,
                 const char *hint);

typedef enum anm_anchor {
    ANM_ANCHOR_START,
    ANM_ANCHOR_MIDDLE,
    ANM_ANCHOR_END,
} anm_anchor;

void anm_svg_text(anm_buf *b, const char *class, anm_anchor anchor, anm_spot at,
                  const char *text);

/* Lines, areas, and points (a move followed by _point()) of one look. */
void anm_svg_path_begin(anm_buf *b, const char *class);
void anm_svg_path_move(anm_buf *b, anm_spot to);
void anm_svg_path_line(anm_buf *b, anm_spot to);
void anm_svg_path_point(anm_buf *b, anm_spot at);
void anm_svg_path_box(anm_buf *b, anm_area area);
void anm_svg_path_end(anm_buf *b);

/* Grid lines across [from, to] of the other direction, and the tick texts: left
 * of `from` for y, below `to` for x. The unit stands at the last tick. */
void anm_svg_x_axis(anm_buf *b, const anm_axis *a, double from, double to);
void anm_svg_y_axis(anm_buf *b, const anm_axis *a, double from, double to);

/* Cumulative distribution of sorted values [n]: a step up by 1 / n at each. */
void anm_svg_steps(anm_buf *b, const char *class, const anm_axis *x,
                   const anm_axis *y, const double *sorted, size_t n);

#endif
