/* progress.c - one line that is drawn over and wiped at the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <string.h>

enum { QUIET_NS = 500000000, REDRAW_NS = 100000000, BAR_MAX = 30 };

void cli_progress_init(cli_progress *p, const cli_term *term, bool quiet)
{
    memset(p, 0, sizeof(*p));
    p->enabled = term->progress && !quiet;
    p->utf8 = term->utf8;
    p->columns = term->columns;
}

void cli_progress_begin(cli_progress *p, const char *what, const char *unit)
{
    cli_progress_end(p);
    snprintf(p->what, sizeof(p->what), "%s", what);
    p->unit = unit;
    p->begin_ns = cli_now_ns();
    p->drawn_ns = 0;
}

static void put_bar(const cli_progress *p, double part, size_t width)
{
    // Eighths of a cell, from empty to seven.
    static const char *const eighths[] = {
        "", "▏", "▎", "▍", "▌", "▋", "▊", "▉"
    };
    const size_t filled = (size_t)(part * (double)width * 8.0);
    size_t cells = filled / 8;

    fputs(p->utf8 ? "▕" : "[", stderr);
    for (size_t i = 0; i < cells; i++)
        fputs(p->utf8 ? "█" : "#", stderr);
    if (p->utf8 && filled % 8) {
        fputs(eighths[filled % 8], stderr);
        cells++;
    }
    fprintf(stderr, "%*s%s", (int)(width - cells), "", p->utf8 ? "▏" : "]");
}

static void draw(const cli_progress *p, double part, const char *tail)
{
    const size_t used = strlen(p->what) + strlen(tail) + 12;
    size_t width = p->columns > used ? p->columns - used : 0;

    if (width > BAR_MAX) width = BAR_MAX;
    fprintf(stderr, "\r%s ", p->what);
    if (part >= 0.0 && width >= 5) {
        put_bar(p, part, width);
        fprintf(stderr, " %3.0f %%", part * 100.0);
    }
    fprintf(stderr, "%s\033[K", tail);
    fflush(stderr);
}

void cli_progress_show(cli_progress *p, uint64_t done, uint64_t total,
                       uint64_t counted)
{
    if (!p->enabled) return;
    const uint64_t now = cli_now_ns(), spent = now - p->begin_ns;
    if (spent < QUIET_NS || now - p->drawn_ns < REDRAW_NS) return;

    char tail[80] = "";
    const double seconds = (double)spent / 1e9;
    int len = 0;
    if (p->unit)
        len = snprintf(tail, sizeof(tail), "  %.0f %s",
                       (double)counted / seconds, p->unit);
    if (total && done && done <= total)
        snprintf(tail + len, sizeof(tail) - (size_t)len, "  %.0f s left",
                 seconds * (double)(total - done) / (double)done);
    draw(p,
         total ? (double)(done < total ? done : total) / (double)total : -1.0,
         tail);
    p->drawn_ns = now;
    p->shown = true;
}

void cli_progress_end(cli_progress *p)
{
    if (!p->shown) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->shown = false;
}
