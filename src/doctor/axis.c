/* axis.c - amounts with their units, and axes with round ticks.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* ---- Numbers ------------------------------------------------------------------- */

enum { DECIMALS_MAX = 6 };

/* At most 22 bytes. printf() would ask the locale for the decimal mark. */
static void number_text(char out[32], double value, int decimals, bool trim)
{
    uint64_t unit = 1;

    if (!isfinite(value)) value = 0;
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    const double limit = 9e18 / (double)unit; // what 63 bits hold
    value = fmin(fmax(value, -limit), limit);
    const uint64_t whole = (uint64_t)llround(fabs(value) * (double)unit);
    const char *sign = value < 0 && whole ? "-" : "";
    int n = snprintf(out, 32, "%s%" PRIu64, sign, whole / unit);
    if (decimals == 0) return;
    n += snprintf(out + n, 32 - (size_t)n, ".%0*" PRIu64, decimals,
                  whole % unit);
    while (trim && out[n - 1] == '0')
        out[--n] = '\0';
    if (out[n - 1] == '.') out[--n] = '\0';
}

void anm_put_number(anm_buf *b, double value, int decimals)
{
    char text[32];

    number_text(text, value, decimals, true);
    anm_buf_puts(b, text);
}

/* ---- Units ----------------------------------------------------------------------- */

typedef struct unit {
    double scale;
    const char *name;
} unit;

enum { UNITS_MAX = 5 };

static const unit units[][UNITS_MAX] = {
    [ANM_AMOUNT_DURATION] = { { 1, "ns" },
                              { 1e3, "µs" },
                              { 1e6, "ms" },
                              { 1e9, "s" } },
    [ANM_AMOUNT_CLOCK] = { { 1e6, "ms" },
                           { 1e9, "s" },
                           { 60e9, "min" },
                           { 3600e9, "h" },
                           { 86400e9, "days" } },
    [ANM_AMOUNT_COUNT] = { { 1, "" } },
    [ANM_AMOUNT_SHARE] = { { 0.01, "%" } },
    [ANM_AMOUNT_TIMES] = { { 1, "×" } },
    [ANM_AMOUNT_HERTZ] = { { 1, "Hz" },
                           { 1e3, "kHz" },
                           { 1e6, "MHz" },
                           { 1e9, "GHz" } },
    [ANM_AMOUNT_BYTES] = { { 1, "B" },
                           { 1e3, "kB" },
                           { 1e6, "MB" },
                           { 1e9, "GB" },
                           { 1e12, "TB" } },
};

/* The largest unit of which `value` is at least `least`. */
static const unit *unit_for(anm_amount kind, double value, double least)
{
    const unit *best = &units[kind][0];

    for (int i = 1; i < UNITS_MAX && units[kind][i].name; i++)
        if (value >= least * units[kind][i].scale) best = &units[kind][i];
    return best;
}

void anm_amount_text(char out[32], anm_amount kind, double value)
{
    char number[32];

    if (!isfinite(value)) {
        snprintf(out, 32, "-");
        return;
    }
    // 999.6 would be written as 1000.
    const unit *u = unit_for(kind, fabs(value), 0.9995);
    const double n = value / u->scale;
    const double size = fabs(n);
    const bool is_whole = kind == ANM_AMOUNT_COUNT && n == floor(n);
    number_text(number, n,
                is_whole || size >= 99.95 ? 0
                : size >= 9.995           ? 1
                                          : 2,
                kind == ANM_AMOUNT_COUNT || kind == ANM_AMOUNT_SHARE ||
                    (kind != ANM_AMOUNT_TIMES && u->scale == 1));
    snprintf(out, 32, "%.24s%s%s", number, *u->name ? " " : "", u->name);
}

/* ---- Axes -------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, at least `least`. */
static double round_step(double least)
{
    const double power = pow(10, floor(log10(least)));
    const double parts[] = { 1, 2, 5, 10 };

    for (int i = 0; i < 4; i++)
        if (parts[i] * power >= least * (1 - 1e-9)) return parts[i] * power;
    return 10 * power;
}

/* Steps of clocks: no tenth of an hour is round. */
static double clock_step(double least)
{
    static const double steps[] = {
        1,   2,   5,    10,   15,   30,    60,    120,   300,
        600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
    };

    if (least < 1e9) return round_step(least);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i] * 1e9 >= least * (1 - 1e-9)) return steps[i] * 1e9;
    return 86400e9 * round_step(least / 86400e9);
}

/* Ends that can be drawn, and so far apart that six digits behind the point
 * tell ticks from each other. */
static void widen(const anm_axis_params *p, double *low, double *high)
{
    static const double limit = 5e16; // as ns a year and a half
    const double least = 1e-3 * units[p->kind][0].scale;

    *low = isfinite(p->low) ? fmin(fmax(p->low, -limit), limit) : 0;
    *high = isfinite(p->high) ? fmin(fmax(p->high, -limit), limit) : *low;
    if (p->is_log) {
        *low = fmax(*low, least);
        *high = fmax(*high, 2 * *low);
    } else {
        const double size = fmax(fabs(*low), fabs(*high));
        const double span = fmax(1e-4 * size, least);
        if (*high - *low < span)
            *high = *low + fmax(span, units[p->kind][0].scale);
    }
}

/* The nearest of 1, 2, 5 times a power of ten on that side. */
static double round_log(double value, bool up)
{
    const double power = pow(10, floor(log10(value) + 1e-9));
    static const double parts[] = { 1, 2, 5, 10 };

    for (int i = 0; i < 4; i++) {
        if (up && parts[i] * power >= value * (1 - 1e-9))
            return parts[i] * power;
        if (!up && parts[3 - i] * power <= value * (1 + 1e-9))
            return parts[3 - i] * power;
    }
    return value;
}

/* The unit of one tick where each has its own: no power of ten is round in
 * minutes. */
static const unit *tick_unit(double value)
{
    return unit_for(ANM_AMOUNT_DURATION, fmin(value, 1e9), 1 - 1e-9);
}

anm_axis anm_axis_make(const anm_axis_params *p)
{
    anm_axis a = { .begin = p->begin, .end = p->end, .is_log = p->is_log };
    const size_t n = p->n_ticks < 2 ? 2 : p->n_ticks > 8 ? 8 : p->n_ticks;

    widen(p, &a.low, &a.high);
    const double least = (a.high - a.low) / (double)n;
    a.step =
        p->kind == ANM_AMOUNT_CLOCK ? clock_step(least) : round_step(least);
    if (p->kind == ANM_AMOUNT_COUNT && a.step < 1) a.step = 1;
    if (!p->is_tight && a.is_log) {
        a.low = round_log(a.low, false);
        a.high = round_log(a.high, true);
    } else if (!p->is_tight) {
        a.low = a.step * floor(a.low / a.step + 1e-9);
        a.high = a.step * ceil(a.high / a.step - 1e-9);
    }
    // A log axis is read from its small end, a linear one from its large one.
    const double size =
        a.is_log ? sqrt(a.low * a.high) : fmax(fabs(a.low), fabs(a.high));
    const unit *u =
        unit_for(p->kind, size, p->kind == ANM_AMOUNT_CLOCK ? 2 : 1);
    a.scale = u->scale;
    a.unit = u->name;
    // From microseconds to seconds, or beyond four digits, no unit suits both
    // ends.
    a.has_units = a.is_log && p->kind == ANM_AMOUNT_DURATION &&
                  (tick_unit(a.high)->scale >= 1e6 * tick_unit(a.low)->scale ||
                   a.high >= 0.999e4 * a.scale);
    if (a.has_units) a.unit = "";
    return a;
}

double anm_axis_at(const anm_axis *a, double value)
{
    if (!isfinite(value)) value = a->low;
    value = fmin(fmax(value, a->low), a->high);
    const double part = a->is_log ? log(value / a->low) / log(a->high / a->low)
                                  : (value - a->low) / (a->high - a->low);
    return a->begin + part * (a->end - a->begin);
}

static void put_tick(const anm_axis *a, double value, anm_tick *out)
{
    char text[32];
    const unit *own = a->has_units ? tick_unit(value) : NULL;
    const double n = value / (own ? own->scale : a->scale);
    // Enough for a step, or for a tick of 1, 2, 5 on a log axis.
    const double fine = a->is_log ? fabs(n) : a->step / a->scale;
    int decimals = fine > 0 ? (int)ceil(-log10(fine) - 1e-9) : 0;

    decimals = decimals < 0              ? 0
               : decimals > DECIMALS_MAX ? DECIMALS_MAX
                                         : decimals;
    number_text(text, n, decimals, true);
    *out = (anm_tick){ .value = value };
    snprintf(out->text, sizeof(out->text), "%.19s%s%s", text, own ? " " : "",
             own ? own->name : "");
}

static size_t log_ticks(const anm_axis *a, anm_tick out[ANM_TICKS_MAX])
{
    const double decades = log10(a->high / a->low);
    // 1-2-5 over two decades and a half, then 1 alone, then every n-th.
    const bool is_fine = decades <= 2.5;
    const double stride = pow(10, ceil(decades / 8));
    double power = pow(10, floor(log10(a->low) + 1e-9));
    size_t n = 0;

    for (; power <= a->high * (1 + 1e-9); power *= is_fine ? 10 : stride) {
        static const double parts[] = { 1, 2, 5 };
        for (int i = 0; i < (is_fine ? 3 : 1); i++) {
            const double value = parts[i] * power;
            if (value >= a->low * (1 - 1e-9) && value <= a->high * (1 + 1e-9) &&
                n < ANM_TICKS_MAX)
                put_tick(a, value, &out[n++]);
        }
    }
    return n;
}

size_t anm_axis_ticks(const anm_axis *a, anm_tick out[ANM_TICKS_MAX])
{
    size_t n = 0;

    if (a->is_log) return log_ticks(a, out);
    const double first = ceil(a->low / a->step - 1e-9);
    while (n < ANM_TICKS_MAX) {
        const double value = (first + (double)n) * a->step;
        if (value > a->high + 1e-6 * a->step) break;
        put_tick(a, value, &out[n++]);
    }
    return n;
}
