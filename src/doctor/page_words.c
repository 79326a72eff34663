/* page_words.c - what names mean, and small parts of HTML.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "doctor/page_parts.h"

/* ---- Words ----------------------------------------------------------------------- */

static const struct sentence {
    const char *cause, *text;
} sentences[] = {
    { "cold_start", "The first call after a start is slow" },
    { "first_in_bucket", "The first call of a length is slow" },
    { "new_thread", "The first call on a thread is slow" },
    { "idle_wakeup", "Calls after a pause are slow" },
    { "queueing", "Queries wait for other queries" },
    { "cpu_contention", "Other processes take the CPUs" },
    { "throttled_quota", "A CPU quota stops this process" },
    { "paging", "Pages of the model have to be fetched again" },
    { "memory_pressure", "The machine is short of memory" },
    { "frequency", "The CPUs run at a lower frequency" },
    { "host_slower", "The host itself is slower" },
    { "thermal_drift", "Calls become slower the longer it runs" },
    { "device_busy", "The device is busy with other work" },
    { "longer_input", "Texts are longer than what warm-up measured" },
    { "input_changed", "Calls get another input than those before" },
    { "units_not_honoured", "It runs on a device that was not permitted" },
    { "fallback_load", "It was loaded on a fallback device" },
    { "slower_device_by_plan",
      "The plan puts it on another device than before" },
    { "stale_artifact", "What is used is not what the band was measured with" },
    { "overhead_outside_predict", "The time goes by outside the prediction" },
    { "band_moved", "All calls are slower than when the band was measured" },
    { "evidence_conflict", "What tells of the device contradicts itself" },
    { "unknown", "Calls are slow, and nothing that was measured says why" },
};

const char *anm_page_cause(const char *name)
{
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (strcmp(sentences[i].cause, name) == 0) return sentences[i].text;
    return name;
}

const char *anm_page_sureness(double confidence)
{
    return confidence >= 0.999  ? "as good as certain"
           : confidence >= 0.99 ? "very sure"
           : confidence >= 0.95 ? "sure"
                                : "not sure";
}

/* Days of the Gregorian calendar since 1970-01-01 into a date: gmtime() is not
 * for threads, and gmtime_r() not of this language. */
static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    // The era of 400 years begins on 1 March of year 0.
    const int64_t shifted = days + 719468;
    const int64_t era = shifted / 146097;
    const int64_t of_era = shifted % 146097;
    const int64_t y =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    const int64_t m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + 400 * era + (*month <= 2);
}

void anm_page_date(char out[32], double ms)
{
    int64_t year;
    int month, day;

    out[0] = '\0';
    if (!(ms > 0) || ms > 2.5e14) return; // the year 9892
    const int64_t seconds = (int64_t)(ms / 1000);
    const int of_day = (int)(seconds % 86400);
    date_of(seconds / 86400, &year, &month, &day);
    char text[64];
    snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d UTC", (int)year,
             month, day, of_day / 3600, of_day / 60 % 60, of_day % 60);
    snprintf(out, 32, "%.31s", text);
}

/* ---- Members ---------------------------------------------------------------------- */

const json_t *anm_look(const json_t *o, const char *name)
{
    return json_object_get(o, name);
}

const char *anm_look_text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

double anm_look_number(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    const double value = json_is_number(v) ? json_number_value(v) : NAN;

    return fabs(value) <= 1e18 ? value : NAN;
}

bool anm_look_true(const json_t *o, const char *name)
{
    return json_is_true(json_object_get(o, name));
}

/* ---- Parts ------------------------------------------------------------------------ */

void anm_page_title(anm_buf *b, const char *title, const char *lead)
{
    anm_buf_printf(b, "<h2>%s</h2>\n", title);
    if (*lead) anm_buf_printf(b, "<p class=\"lead\">%s</p>\n", lead);
}

void anm_page_span(anm_buf *b, const char *class, const char *text)
{
    anm_buf_printf(b, "<span class=\"%s\">", class);
    anm_put_escaped(b, text);
    anm_buf_puts(b, "</span>");
}

void anm_page_amount(anm_buf *b, anm_amount kind, double value)
{
    char text[32];

    anm_amount_text(text, kind, value);
    anm_buf_puts(b, text);
}

void anm_page_verdict(anm_buf *b, const char *verdict)
{
    static const char *const known[] = { "supported", "rejected", "undecided" };
    char text[32];
    const char *class = "verdict";
    char of[32];

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(verdict, known[i])) continue;
        snprintf(of, sizeof(of), "verdict %s", verdict);
        class = of;
    }
    snprintf(text, sizeof(text), "%s", verdict);
    if (strcmp(verdict, "not_testable") == 0)
        snprintf(text, sizeof(text), "not testable");
    anm_page_span(b, class, text);
}
