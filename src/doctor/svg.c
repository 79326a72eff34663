/* svg.c - shapes. See axis.c for axes and amounts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/svg.h"

#include <math.h>
#include <string.h>

/* ---- Texts -------------------------------------------------------------------- */

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        break;
    }
    const unsigned char u = (unsigned char)c;
    return (u < 0x20 && c != '\n' && c != '\t') || u == 0x7f ? "\xef\xbf\xbd"
                                                             : NULL;
}

void anm_put_escaped(anm_buf *b, const char *text)
{
    size_t from = 0, i = 0;

    for (; text[i]; i++) {
        const char *e = entity(text[i]);
        if (!e) continue;
        anm_buf_append(b, text + from, i - from);
        anm_buf_puts(b, e);
        from = i + 1;
    }
    anm_buf_append(b, text + from, i - from);
}

/* ---- Attributes ---------------------------------------------------------------- */

static void put_attribute(anm_buf *b, const char *name, double value)
{
    anm_buf_printf(b, " %s=\"", name);
    anm_put_number(b, value, 1);
    anm_buf_puts(b, "\"");
}

static void put_open(anm_buf *b, const char *element, const char *class)
{
    anm_buf_printf(b, "<%s class=\"%s\"", element, class);
}

static void put_close(anm_buf *b, const char *element, const char *hint)
{
    if (!hint) {
        anm_buf_puts(b, "/>");
        return;
    }
    anm_buf_puts(b, "><title>");
    anm_put_escaped(b, hint);
    anm_buf_printf(b, "</title></%s>", element);
}

/* ---- Shapes --------------------------------------------------------------------- */

void anm_svg_begin(anm_buf *b, const char *class, double w, double h,
                   const char *label)
{
    put_open(b, "svg", class);
    put_attribute(b, "width", w);
    put_attribute(b, "height", h);
    anm_buf_puts(b, " viewBox=\"0 0 ");
    anm_put_number(b, w, 1);
    anm_buf_puts(b, " ");
    anm_put_number(b, h, 1);
    anm_buf_puts(b, "\" role=\"img\" aria-label=\"");
    anm_put_escaped(b, label);
    anm_buf_puts(b, "\">\n");
}

void anm_svg_end(anm_buf *b)
{
    anm_buf_puts(b, "</svg>\n");
}

void anm_svg_line(anm_buf *b, const char *class, anm_spot from, anm_spot to)
{
    put_open(b, "line", class);
    put_attribute(b, "x1", from.x);
    put_attribute(b, "y1", from.y);
    put_attribute(b, "x2", to.x);
    put_attribute(b, "y2", to.y);
    anm_buf_puts(b, "/>");
}

void anm_svg_bar(anm_buf *b, const char *class, anm_area area, const char *hint)
{
    if (!(area.w > 0) || !(area.h > 0)) return;
    put_open(b, "rect", class);
    put_attribute(b, "x", area.x);
    put_attribute(b, "y", area.y);
    put_attribute(b, "width", area.w);
    put_attribute(b, "height", area.h);
    put_close(b, "rect", hint);
}

void anm_svg_dot(anm_buf *b, const char *class, anm_spot at, double r,
                 const char *hint)
{
    put_open(b, "circle", class);
    put_attribute(b, "cx", at.x);
    put_attribute(b, "cy", at.y);
    put_attribute(b, "r", r);
    put_close(b, "circle", hint);
}

void anm_svg_text(anm_buf *b, const char *class, anm_anchor anchor, anm_spot at,
                  const char *text)
{
    static const char *const anchors[] = { "", " text-anchor=\"middle\"",
                                           " text-anchor=\"end\"" };

    put_open(b, "text", class);
    put_attribute(b, "x", at.x);
    put_attribute(b, "y", at.y);
    anm_buf_printf(b, "%s>", anchors[anchor]);
    anm_put_escaped(b, text);
    anm_buf_puts(b, "</text>");
}

/* ---- Paths ---------------------------------------------------------------------- */

void anm_svg_path_begin(anm_buf *b, const char *class)
{
    put_open(b, "path", class);
    anm_buf_puts(b, " d=\"");
}

static void put_spot(anm_buf *b, char letter, anm_spot at)
{
    anm_buf_append(b, &letter, 1);
    anm_put_number(b, at.x, 1);
    anm_buf_puts(b, " ");
    anm_put_number(b, at.y, 1);
}

void anm_svg_path_move(anm_buf *b, anm_spot to)
{
    put_spot(b, 'M', to);
}

void anm_svg_path_line(anm_buf *b, anm_spot to)
{
    put_spot(b, 'L', to);
}

/* A line of no length, which round ends make a dot. */
void anm_svg_path_point(anm_buf *b, anm_spot at)
{
    put_spot(b, 'M', at);
    anm_buf_puts(b, "h0");
}

void anm_svg_path_box(anm_buf *b, anm_area area)
{
    put_spot(b, 'M', (anm_spot){ area.x, area.y });
    anm_buf_puts(b, "h");
    anm_put_number(b, area.w, 1);
    anm_buf_puts(b, "v");
    anm_put_number(b, area.h, 1);
    anm_buf_puts(b, "h");
    anm_put_number(b, -area.w, 1);
    anm_buf_puts(b, "z");
}

void anm_svg_path_end(anm_buf *b)
{
    anm_buf_puts(b, "\"/>\n");
}

/* ---- Axes and curves -------------------------------------------------------------- */

enum { TEXT_BELOW = 14, TEXT_LEFT = 6, HALF_TEXT = 4 };

/* The last text carries the unit, so that it stands once and near a number. */
static void put_tick(const anm_axis *a, const anm_tick *t, bool is_last,
                     anm_buf *text)
{
    anm_buf_reset(text);
    anm_buf_printf(text, "%s%s%s", t->text, is_last && *a->unit ? " " : "",
                   is_last ? a->unit : "");
}

/* The text of a tick below its axis, unless it would touch the one at its
 * right; *free_to is where that one begins. */
static void put_x_text(anm_buf *b, const anm_axis *a, double x, double y,
                       const char *text, double *free_to)
{
    // About the width of a digit of 11 pixels; µ and × take two bytes.
    const double w = 6.5 * (double)strlen(text);
    // In the middle of its tick a text would be cut at the end of the axis.
    const bool is_at_end = x + w / 2 > a->end;
    const double left = is_at_end ? a->end - w : x - w / 2;

    if (left + w > *free_to) return;
    *free_to = left - 6;
    anm_svg_text(b, "tick", is_at_end ? ANM_ANCHOR_END : ANM_ANCHOR_MIDDLE,
                 (anm_spot){ is_at_end ? a->end : x, y + TEXT_BELOW }, text);
}

void anm_svg_x_axis(anm_buf *b, const anm_axis *a, double from, double to)
{
    anm_tick ticks[ANM_TICKS_MAX];
    anm_buf text = { 0 };
    size_t n = anm_axis_ticks(a, ticks);
    double free_to = INFINITY;

    for (bool is_last = true; n-- > 0; is_last = false) {
        const double x = anm_axis_at(a, ticks[n].value);
        anm_svg_line(b, "grid", (anm_spot){ x, from }, (anm_spot){ x, to });
        put_tick(a, &ticks[n], is_last, &text);
        b->failed |= text.failed;
        if (text.failed) break;
        put_x_text(b, a, x, to, text.data, &free_to);
    }
    anm_buf_deinit(&text);
}

void anm_svg_y_axis(anm_buf *b, const anm_axis *a, double from, double to)
{
    anm_tick ticks[ANM_TICKS_MAX];
    anm_buf text = { 0 };
    const size_t n = anm_axis_ticks(a, ticks);

    for (size_t i = 0; i < n; i++) {
        const double y = anm_axis_at(a, ticks[i].value);
        anm_svg_line(b, "grid", (anm_spot){ from, y }, (anm_spot){ to, y });
        put_tick(a, &ticks[i], i + 1 == n, &text);
        b->failed |= text.failed;
        if (text.failed) break;
        anm_svg_text(b, "tick", ANM_ANCHOR_END,
                     (anm_spot){ from - TEXT_LEFT, y + HALF_TEXT }, text.data);
    }
    anm_buf_deinit(&text);
}

void anm_svg_steps(anm_buf *b, const char *class, const anm_axis *x,
                   const anm_axis *y, const double *sorted, size_t n)
{
    if (n == 0) return;
    anm_svg_path_begin(b, class);
    anm_spot at = { anm_axis_at(x, sorted[0]), anm_axis_at(y, 0) };
    anm_svg_path_move(b, at);
    for (size_t i = 0; i < n; i++) {
        const double right = anm_axis_at(x, sorted[i]);
        const double up = anm_axis_at(y, (double)(i + 1) / (double)n);
        // Of many values those that draw nothing new are left out.
        if (i + 1 < n && right - at.x < 0.1 && at.y - up < 0.1) continue;
        anm_svg_path_line(b, (anm_spot){ right, at.y });
        anm_svg_path_line(b, (anm_spot){ right, up });
        at = (anm_spot){ right, up };
    }
    anm_svg_path_line(b, (anm_spot){ x->end, at.y });
    anm_svg_path_end(b);
}
