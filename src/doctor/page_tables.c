/* page_tables.c - hypotheses, machine, model, bands, receipts, settings.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "doctor/page_parts.h"

/* ---- Rows ------------------------------------------------------------------------------ */

static void put_row(anm_buf *b, const char *name, const char *value)
{
    if (!*value) return;
    anm_buf_puts(b, "<tr><th>");
    anm_put_escaped(b, name);
    anm_buf_puts(b, "</th><td>");
    anm_put_escaped(b, value);
    anm_buf_puts(b, "</td></tr>\n");
}

/* Nothing for a member that is not there: absent is not 0. */
static void put_number_row(anm_buf *b, const char *name, anm_amount kind,
                           double value)
{
    char text[32];

    if (isnan(value)) return;
    anm_amount_text(text, kind, value);
    put_row(b, name, text);
}

typedef struct field {
    const char *member, *name;
    anm_amount kind;
    double scale;
} field;

static void put_fields(anm_buf *b, const json_t *o, const field *fields,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_row(b, fields[i].name, anm_look_text(o, fields[i].member));
        put_number_row(b, fields[i].name, fields[i].kind,
                       anm_look_number(o, fields[i].member) * fields[i].scale);
    }
}

#define PUT_FIELDS(b, o, fields)                                               \
    put_fields(b, o, fields, sizeof(fields) / sizeof((fields)[0]))

static void begin_table(anm_buf *b, const char *title)
{
    anm_buf_printf(b, "<article><h3>%s</h3><table class=\"facts\">\n", title);
}

static void end_table(anm_buf *b)
{
    anm_buf_puts(b, "</table></article>\n");
}

/* ---- Hypotheses ------------------------------------------------------------------------------ */

static void put_hypotheses(const anm_page *p, anm_buf *b)
{
    const json_t *list = anm_look(p->doc, "hypotheses"), *h;
    size_t i;

    if (json_array_size(list) == 0) return;
    anm_page_title(b, "The four hypotheses",
                   "Why would a model be slower live than at warm-up?");
    anm_buf_puts(b, "<table class=\"hypotheses\">\n");
    json_array_foreach(list, i, h)
    {
        anm_buf_puts(b, "<tr><td>");
        anm_page_span(b, "tag", anm_look_text(h, "hypothesis"));
        anm_buf_puts(b, "<b>");
        anm_put_escaped(b, anm_look_text(h, "title"));
        anm_buf_puts(b, "</b> ");
        anm_page_verdict(b, anm_look_text(h, "verdict"));
        anm_buf_puts(b, "<br>");
        anm_put_escaped(b, anm_look_text(h, "claim"));
        anm_buf_puts(b, "</td><td>");
        anm_put_escaped(b, anm_look_text(h, "because"));
        anm_buf_puts(b, "</td></tr>\n");
    }
    anm_buf_puts(b, "</table>\n");
}

/* ---- Machine ------------------------------------------------------------------------------------ */

static void put_devices(const json_t *machine, anm_buf *b)
{
    const json_t *one, *device;
    size_t i, k;

    json_array_foreach(anm_look(machine, "backends"), i, one)
    {
        char text[64] = "";
        size_t used = 0;
        json_array_foreach(anm_look(one, "devices"), k, device)
        {
            const char *name = json_string_value(device);
            if (!name || strlen(name) > 8 || used > 40) continue;
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
                                     used ? ", " : "", name);
        }
        anm_buf_puts(b, "<tr><th>backend ");
        anm_put_escaped(b, anm_look_text(one, "name"));
        anm_buf_puts(b, "</th><td>");
        anm_put_escaped(b, text);
        anm_buf_puts(b, "</td></tr>\n");
    }
    json_array_foreach(anm_look(machine, "accelerators"), i, one)
    {
        anm_buf_puts(b, "<tr><th>accelerator</th><td>");
        anm_put_escaped(b, anm_look_text(one, "name"));
        anm_buf_puts(b, anm_look_true(one, "usable") ? ", used by a backend"
                                                     : ", not used: ");
        anm_put_escaped(b, anm_look_text(one, "why"));
        anm_buf_puts(b, "</td></tr>\n");
    }
}

static void put_machine(const anm_page *p, anm_buf *b)
{
    static const field head[] = {
        { "identity", "machine", 0, 1 },
        { "system", "system", 0, 1 },
        { "virtualisation", "virtualisation", 0, 1 },
    };
    static const field cpu[] = {
        { "level", "instruction set in use", 0, 1 },
        { "features", "features", 0, 1 },
        { "cpus", "CPUs", ANM_AMOUNT_COUNT, 1 },
        { "cpus_allowed", "of them allowed", ANM_AMOUNT_COUNT, 1 },
        { "cores", "cores", ANM_AMOUNT_COUNT, 1 },
        { "quota_cpus", "quota in CPUs", ANM_AMOUNT_COUNT, 1 },
        { "l1d_bytes", "first cache", ANM_AMOUNT_BYTES, 1 },
        { "l2_bytes", "second cache", ANM_AMOUNT_BYTES, 1 },
        { "l3_bytes", "third cache", ANM_AMOUNT_BYTES, 1 },
        { "freq_khz", "frequency", ANM_AMOUNT_HERTZ, 1e3 },
        { "freq_max_khz", "highest frequency", ANM_AMOUNT_HERTZ, 1e3 },
        { "governor", "governor", 0, 1 },
    };
    static const field load[] = {
        { "load_1min", "load, 1 minute", ANM_AMOUNT_COUNT, 1 },
        { "psi_cpu", "stalled on CPUs, last 10 s", ANM_AMOUNT_SHARE, 0.01 },
        { "psi_memory", "stalled on memory", ANM_AMOUNT_SHARE, 0.01 },
        { "psi_io", "stalled on storage", ANM_AMOUNT_SHARE, 0.01 },
        { "nice", "nice", ANM_AMOUNT_COUNT, 1 },
    };
    const json_t *m = anm_look(p->doc, "machine");

    if (!json_is_object(m)) return;
    begin_table(b, "Processor");
    PUT_FIELDS(b, m, head);
    PUT_FIELDS(b, anm_look(m, "cpu"), cpu);
    PUT_FIELDS(b, anm_look(m, "load"), load);
    put_devices(m, b);
    end_table(b);
}

static void put_memory(const anm_page *p, anm_buf *b)
{
    static const field memory[] = {
        { "bytes", "memory", ANM_AMOUNT_BYTES, 1 },
        { "available_bytes", "available", ANM_AMOUNT_BYTES, 1 },
        { "limit_bytes", "limit of this process", ANM_AMOUNT_BYTES, 1 },
        { "swap_bytes", "swap", ANM_AMOUNT_BYTES, 1 },
        { "swap_free_bytes", "swap free", ANM_AMOUNT_BYTES, 1 },
        { "swappiness", "swappiness", ANM_AMOUNT_COUNT, 1 },
        { "huge_pages", "huge pages", 0, 1 },
        { "resident_bytes", "of this process, now", ANM_AMOUNT_BYTES, 1 },
        { "peak_resident_bytes", "and at most", ANM_AMOUNT_BYTES, 1 },
    };
    const json_t *m = anm_look(p->doc, "machine");
    const json_t *peak = anm_look(m, "peak");
    char text[32], rate[64];

    if (!json_is_object(anm_look(m, "memory"))) return;
    begin_table(b, "Memory and peak");
    PUT_FIELDS(b, anm_look(m, "memory"), memory);
    if (anm_look_number(peak, "bytes_per_s") > 0) {
        anm_amount_text(text, ANM_AMOUNT_BYTES,
                        anm_look_number(peak, "bytes_per_s"));
        snprintf(rate, sizeof(rate), "%s/s", text);
        put_row(b, "measured reading", rate);
    }
    if (anm_look_number(peak, "macs_per_s") > 0) {
        anm_amount_text(text, ANM_AMOUNT_COUNT,
                        anm_look_number(peak, "macs_per_s") / 1e9);
        snprintf(rate, sizeof(rate), "%s · 10⁹/s", text);
        put_row(b, "measured multiply-adds", rate);
    }
    end_table(b);
}

/* ---- Model and receipts ----------------------------------------------------------------------------- */

static void put_model(const anm_page *p, anm_buf *b)
{
    static const field model[] = {
        { "name", "model", 0, 1 },
        { "fingerprint", "fingerprint", 0, 1 },
        { "architecture", "architecture", 0, 1 },
        { "precision", "precision", 0, 1 },
        { "dim", "numbers in a vector", ANM_AMOUNT_COUNT, 1 },
        { "units", "units", 0, 1 },
        { "backend", "backend", 0, 1 },
        { "threads", "threads", ANM_AMOUNT_COUNT, 1 },
        { "plan", "plan", 0, 1 },
        { "open_ns", "opened in", ANM_AMOUNT_DURATION, 1 },
        { "mapped_bytes", "mapped", ANM_AMOUNT_BYTES, 1 },
        { "resident_bytes", "of it in memory", ANM_AMOUNT_BYTES, 1 },
    };
    static const field artifact[] = {
        { "state", "artifact", 0, 1 },
        { "bytes", "its size", ANM_AMOUNT_BYTES, 1 },
        { "load_ns", "ready in", ANM_AMOUNT_DURATION, 1 },
    };
    static const field floor[] = {
        { "floor_ns", "floor of a call", ANM_AMOUNT_DURATION, 1 },
        { "bound", "set by", 0, 1 },
    };
    const json_t *m = anm_look(p->doc, "model");

    if (!json_is_object(m)) return;
    begin_table(b, "Model");
    PUT_FIELDS(b, m, model);
    PUT_FIELDS(b, anm_look(m, "artifact"), artifact);
    PUT_FIELDS(b, anm_look(m, "floor"), floor);
    end_table(b);
}

static void put_receipts(const anm_page *p, anm_buf *b)
{
    static const field log[] = {
        { "lines", "lines", ANM_AMOUNT_COUNT, 1 },
        { "damaged", "of them no receipts", ANM_AMOUNT_COUNT, 1 },
        { "calls", "calls", ANM_AMOUNT_COUNT, 1 },
        { "judged", "judged", ANM_AMOUNT_COUNT, 1 },
        { "above", "above their band", ANM_AMOUNT_COUNT, 1 },
        { "total_ns", "time of all calls", ANM_AMOUNT_DURATION, 1 },
        { "excess_ns", "beyond their bands' medians", ANM_AMOUNT_DURATION, 1 },
        { "starts", "starts", ANM_AMOUNT_COUNT, 1 },
    };
    const json_t *r = anm_look(p->doc, "receipts"), *one;
    size_t i;

    if (!json_is_object(r)) return;
    begin_table(b, "Receipts");
    PUT_FIELDS(b, r, log);
    json_array_foreach(anm_look(r, "models"), i, one)
    {
        put_row(b, "model", anm_look_text(one, "name"));
        put_row(b, "fingerprint", anm_look_text(one, "fingerprint"));
    }
    json_array_foreach(anm_look(r, "damaged_lines"), i, one)
    {
        char at[64], number[32];
        anm_amount_text(number, ANM_AMOUNT_COUNT, anm_look_number(one, "line"));
        snprintf(at, sizeof(at), "line %s%.8s", number,
                 anm_look_text(one, "file"));
        put_row(b, at, anm_look_text(one, "why"));
    }
    end_table(b);
}

static void put_bands(const anm_page *p, anm_buf *b)
{
    static const field columns[] = {
        { "tokens", "tokens", ANM_AMOUNT_COUNT, 1 },
        { "p50_ns", "median", ANM_AMOUNT_DURATION, 1 },
        { "low_ns", "from", ANM_AMOUNT_DURATION, 1 },
        { "high_ns", "to", ANM_AMOUNT_DURATION, 1 },
        { "n", "runs", ANM_AMOUNT_COUNT, 1 },
        { "disturbed", "disturbed", ANM_AMOUNT_COUNT, 1 },
    };
    enum { N = sizeof(columns) / sizeof(columns[0]) };
    const json_t *list = anm_look(p->doc, "bands"), *band;
    size_t i;

    if (json_array_size(list) == 0) return;
    anm_buf_puts(b, "<article><h3>Bands of warm-up</h3>"
                    "<table class=\"arms\"><tr>");
    for (int k = 0; k < N; k++)
        anm_buf_printf(b, "<th>%s</th>", columns[k].name);
    anm_buf_puts(b, "</tr>\n");
    json_array_foreach(list, i, band)
    {
        anm_buf_puts(b, "<tr>");
        for (int k = 0; k < N; k++) {
            char text[32];
            anm_amount_text(text, columns[k].kind,
                            anm_look_number(band, columns[k].member));
            anm_buf_printf(b, "<td>%s</td>", text);
        }
        anm_buf_puts(b, "</tr>\n");
    }
    anm_buf_puts(b, "</table></article>\n");
}

/* ---- Settings ------------------------------------------------------------------------------------- */

static void put_settings(const anm_page *p, anm_buf *b)
{
    const json_t *list = anm_look(p->doc, "settings"), *one;
    size_t i;

    if (json_array_size(list) == 0) return;
    begin_table(b, "Settings");
    json_array_foreach(list, i, one)
    {
        char *value = NULL;
        const json_t *v = anm_look(one, "value");
        const char *origin = anm_look_text(one, "origin");
        anm_buf_puts(b, "<tr><th>");
        anm_put_escaped(b, anm_look_text(one, "name"));
        anm_buf_puts(b, "</th><td>");
        if (json_is_string(v)) {
            anm_put_escaped(b, json_string_value(v));
        } else if (v && !json_is_null(v)) {
            const anm_status status =
                anm_json_take_string(json_deep_copy(v), 0, &value, NULL);
            if (!status) anm_put_escaped(b, value);
            b->failed |= status != ANM_OK;
        }
        if (*origin && strcmp(origin, "default")) {
            anm_buf_puts(b, " <small>");
            anm_put_escaped(b, origin);
            anm_buf_puts(b, "</small>");
        }
        anm_buf_puts(b, "</td></tr>\n");
        anm_free(value);
    }
    end_table(b);
}

void anm_page_tables(const anm_page *p, anm_buf *b)
{
    put_hypotheses(p, b);
    anm_page_title(b, "The machine, the model, the settings", "");
    anm_buf_puts(b, "<div class=\"cards\">\n");
    put_model(p, b);
    put_receipts(p, b);
    put_machine(p, b);
    put_memory(p, b);
    put_bands(p, b);
    put_settings(p, b);
    anm_buf_puts(b, "</div>\n");
}
