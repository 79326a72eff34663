/* report_machine.c - the machine block of the document.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/cpu.h"
#include "base/host.h"
#include "doctor/report.h"
#include "engine/json_text.h"

static json_t *known(int64_t value)
{
    return value == ANM_COUNTER_UNKNOWN ? json_null() : json_integer(value);
}

static json_t *known_real(double value, bool is_known)
{
    return is_known ? json_real(value) : json_null();
}

static json_t *text_known(const char *text)
{
    return *text ? json_string(text) : json_null();
}

/* ---- Devices ------------------------------------------------------------------- */

static json_t *make_backends(unsigned *devices)
{
    json_t *list = json_array();
    anm_backend_view view;

    *devices = 0;
    for (size_t i = 0; anm_engine_backend(i, &view); i++) {
        *devices |= view.devices;
        json_t *one = json_pack("{s:s, s:o}", "name", view.name, "devices",
                                anm_json_devices(view.devices));
        if (json_array_append_new(list, one)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static const char *why_unused(const anm_accelerator *a, unsigned devices)
{
    if (a->kind < ANM_DEVICE_COUNT && devices >> a->kind & 1) return NULL;
    if (a->seen_as[0] == '/' && !a->can_be_opened)
        return "no backend of this build drives it, and this process may not "
               "open its device node";
    return "no backend of this build drives it";
}

static json_t *make_accelerator(const anm_accelerator *a, unsigned devices)
{
    const char *why = why_unused(a, devices);

    return json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", a->name, "seen_as",
                     a->seen_as, "device", anm_device_name(a->kind), "usable",
                     !why, "why", why ? json_string(why) : json_null());
}

static json_t *make_accelerators(const anm_machine *m, unsigned devices)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->n_accelerators; i++) {
        if (json_array_append_new(
                list, make_accelerator(&m->accelerators[i], devices))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* ---- Parts ----------------------------------------------------------------------- */

static json_t *make_cpu(const anm_report *r)
{
    const anm_machine *m = r->machine;
    const char *level = r->exam ? anm_engine_facts_of(r->exam->engine).level
                                : anm_cpu_level_name(anm_cpu_detect());

    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "model", m->cpu, "level", level, "features", text_known(m->features),
        "cpus", known(m->cpus), "cpus_allowed", known(m->cpus_allowed), "cores",
        known(m->cores), "quota_cpus",
        known_real(m->quota_cpus, m->quota_cpus > 0), "l1d_bytes",
        known(m->l1d_bytes), "l2_bytes", known(m->l2_bytes), "l3_bytes",
        known(m->l3_bytes), "freq_khz", known(m->freq_khz), "freq_max_khz",
        known(m->freq_max_khz), "governor", text_known(m->governor));
}

static json_t *make_memory(const anm_machine *m)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "bytes",
        known(m->memory_bytes), "available_bytes", known(m->available_bytes),
        "limit_bytes", known(m->memory_limit_bytes), "swap_bytes",
        known(m->swap_bytes), "swap_free_bytes", known(m->swap_free_bytes),
        "swappiness", known(m->swappiness), "huge_pages",
        text_known(m->huge_pages), "resident_bytes",
        known(anm_host_resident_bytes()), "peak_resident_bytes",
        known(anm_host_peak_resident_bytes()));
}

static json_t *make_load(const anm_machine *m)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "load_1min",
                     known_real(m->load_1min, m->load_1min >= 0), "psi_cpu",
                     known_real(m->psi_cpu, m->psi_cpu >= 0), "psi_memory",
                     known_real(m->psi_memory, m->psi_memory >= 0), "psi_io",
                     known_real(m->psi_io, m->psi_io >= 0), "nice",
                     known(m->nice));
}

static json_t *make_peak(const anm_peak *peak)
{
    if (!peak) return json_null();
    return json_pack("{s:f, s:f}", "macs_per_s", peak->macs_per_s,
                     "bytes_per_s", peak->bytes_per_s);
}

json_t *anm_report_machine(const anm_report *r)
{
    char identity[256];
    unsigned devices = 0;
    json_t *backends = make_backends(&devices);

    anm_host_identity(identity, sizeof(identity));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "identity", identity, "system", r->machine->system,
                     "virtualisation", text_known(r->machine->virtualisation),
                     "cpu", make_cpu(r), "memory", make_memory(r->machine),
                     "load", make_load(r->machine), "peak", make_peak(r->peak),
                     "backends", backends, "accelerators",
                     make_accelerators(r->machine, devices));
}
