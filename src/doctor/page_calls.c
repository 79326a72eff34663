/* page_calls.c - the calls of the document, as charts need them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "doctor/page_parts.h"

static const char *const counter_names[ANM_PAGE_COUNTERS] = {
    [ANM_PAGE_RUN_DELAY] = "run_delay_ns",
    [ANM_PAGE_THROTTLED] = "throttled_ns",
    [ANM_PAGE_MAJOR_FAULTS] = "major_faults",
    [ANM_PAGE_MINOR_FAULTS] = "minor_faults",
    [ANM_PAGE_PSI_MEMORY] = "psi_memory_us",
    [ANM_PAGE_PSI_IO] = "psi_io_us",
    [ANM_PAGE_PSI_CPU] = "psi_cpu_us",
    [ANM_PAGE_FREQUENCY] = "freq_khz",
};

/* What is below 0 was not measured by a clock or a counter. */
static double amount(const json_t *o, const char *name)
{
    const double value = anm_look_number(o, name);
    return value >= 0 ? value : NAN;
}

static double scale_of(anm_page_counter c)
{
    if (c == ANM_PAGE_FREQUENCY) return 1e3;
    return c >= ANM_PAGE_PSI_MEMORY && c <= ANM_PAGE_PSI_CPU ? 1e3 : 1;
}

static void read_counters(anm_page_call *out, const json_t *call)
{
    const json_t *counters = anm_look(call, "counters");

    out->idle = amount(counters, "idle_before");
    out->counters[ANM_PAGE_QUEUE] = out->queue;
    for (int i = 0; i < ANM_PAGE_COUNTERS; i++)
        if (counter_names[i])
            out->counters[i] = amount(counters, counter_names[i]) *
                               scale_of((anm_page_counter)i);
}

static void read_call(anm_page_call *out, const json_t *call)
{
    const json_t *band = anm_look(call, "band");
    const json_t *stages = anm_look(call, "stages_ns");
    const char *verdict = anm_look_text(call, "verdict");

    *out = (anm_page_call){
        .at = amount(call, "at_ms"),
        .total = amount(call, "total_ns"),
        .queue = amount(call, "queue_ns"),
        .predict = amount(call, "predict_ns"),
        .prepare = amount(stages, "tokenize") + amount(stages, "bind"),
        .post = amount(stages, "post"),
        .p50 = amount(band, "p50_ns"),
        .low = amount(band, "low_ns"),
        .high = amount(band, "high_ns"),
        .experiment = anm_look_text(call, "experiment"),
        .causes = anm_look(call, "causes"),
        .imposed = anm_look_true(call, "imposed"),
        .is_above = strcmp(verdict, "above") == 0,
    };
    const double number = amount(call, "call");
    out->number = number <= 1e15 ? (unsigned long long)number : 0;
    if (!(out->p50 > 0) || !(out->high >= out->low))
        out->p50 = out->low = out->high = NAN;
    out->is_judged = out->p50 > 0 && strcmp(verdict, "none") != 0;
    read_counters(out, call);
}

/* Times from the first; or numbers when most calls tell no time. */
static void place_calls(anm_page *p)
{
    double first = INFINITY;
    size_t n_known = 0;

    for (size_t i = 0; i < p->n_calls; i++) {
        if (!isnan(p->calls[i].at)) n_known++;
        first = fmin(first, p->calls[i].at);
    }
    p->has_clock = n_known > 0 && n_known * 2 >= p->n_calls;
    for (size_t i = 0; i < p->n_calls; i++) {
        anm_page_call *c = &p->calls[i];
        c->at = p->has_clock ? (c->at - first) * 1e6
                             : (double)(c->number ? c->number : i + 1);
    }
}

/* Calls of 8 and of 512 tokens do not share an axis of milliseconds. */
static bool bands_differ(const anm_page *p)
{
    double least = INFINITY, most = 0;

    for (size_t i = 0; i < p->n_calls; i++) {
        if (p->calls[i].imposed || !p->calls[i].is_judged) continue;
        least = fmin(least, p->calls[i].p50);
        most = fmax(most, p->calls[i].p50);
    }
    return most > 1.5 * least;
}

anm_status anm_page_read_calls(anm_page *p, anm_error *err)
{
    const json_t *list = anm_look(p->doc, "calls");
    const size_t n = json_array_size(list);

    p->calls = anm_alloc_array(n + 1, sizeof(*p->calls));
    if (!p->calls)
        return anm_fail(err, ANM_E_NOMEM, "page of %zu calls: out of memory",
                        n);
    for (size_t i = 0; i < n; i++) {
        const json_t *call = json_array_get(list, i);
        if (!json_is_object(call)) continue;
        read_call(&p->calls[p->n_calls], call);
        if (!isnan(p->calls[p->n_calls].total)) p->n_calls++;
    }
    place_calls(p);
    p->by_ratio = bands_differ(p);
    return ANM_OK;
}

double anm_page_shown(const anm_page *p, const anm_page_call *c, double ns)
{
    return p->by_ratio ? ns / c->p50 : ns;
}
