/* build.c - what this build is, and what it finds on this machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <string.h>

#include "api/check.h"
#include "backend/backend.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/host.h"
#include "base/json.h"
#include "store/store.h"

#ifndef ANM_COMMIT
#define ANM_COMMIT "unknown"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

/* ---- Levels ---------------------------------------------------------------- */

static const char *const all_levels[] = { "scalar",
#define X(name, bit, text) text,
                                          ANM_CPU_LEVEL_LIST(X)
#undef X
};
enum { N_LEVELS = sizeof(all_levels) / sizeof(all_levels[0]) };

enum { EMPTY, FILLING, FILLED };

const char *const *anm_cpu_levels(void)
{
    static const char *levels[N_LEVELS + 1];
    static atomic_int state = EMPTY;
    int was = EMPTY;

    if (atomic_compare_exchange_strong(&state, &was, FILLING)) {
        size_t n = 0;
        for (size_t i = 0; i < N_LEVELS; i++) {
            unsigned mask;
            if (!anm_cpu_parse(all_levels[i], &mask, NULL))
                levels[n++] = all_levels[i];
        }
        atomic_store(&state, FILLED);
    }
    // Another thread needs some microseconds to fill it, once.
    while (atomic_load(&state) != FILLED)
        anm_sleep_ns(1000);
    return levels;
}

/* ---- The document ---------------------------------------------------------- */

static json_t *make_levels(void)
{
    json_t *list = json_array();

    for (const char *const *level = anm_cpu_levels(); *level; level++) {
        if (json_array_append_new(list, json_string(*level))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *make_backend(const anm_backend *b)
{
    const unsigned devices = b->devices();
    json_t *list = json_array();

    for (int d = 0; d < ANM_DEVICE_COUNT; d++) {
        if (!(devices >> d & 1)) continue;
        if (json_array_append_new(
                list, json_string(anm_device_name((anm_device)d)))) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", "name", b->name, "devices", list);
}

static json_t *make_backends(void)
{
    json_t *list = json_array();

    for (const anm_backend *const *b = anm_backends(); *b; b++) {
        if (json_array_append_new(list, make_backend(*b))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *make_machine(void)
{
    char identity[256];
    anm_cpu_budget budget;

    anm_host_identity(identity, sizeof(identity));
    anm_cpu_budget_read(&budget);
    return json_pack(
        "{s:s, s:s, s:i, s:i, s:o, s:i, s:b}", "cpu", anm_cpu_model(),
        "identity", identity, "cpus_allowed", (int)budget.affinity, "cores",
        (int)budget.physical, "quota_cpus",
        budget.quota > 0 ? json_real(budget.quota) : json_null(), "threads",
        (int)budget.threads, "owns_all_cpus", budget.owns_all);
}

static json_t *bytes_or_null(int64_t value)
{
    return value == ANM_COUNTER_UNKNOWN ? json_null() : json_integer(value);
}

static json_t *make_process(void)
{
    return json_pack("{s:o, s:o}", "resident_bytes",
                     bytes_or_null(anm_host_resident_bytes()),
                     "peak_resident_bytes",
                     bytes_or_null(anm_host_peak_resident_bytes()));
}

anm_status anm_build_json(const char *cpu, char **json, anm_error *err)
{
    unsigned mask;
    anm_status status = anm_check_given(json, "json", err);

    if (!status) status = anm_cpu_parse(cpu, &mask, err);
    if (status) return status;
    return anm_json_take_string(
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:{s:s, s:o}, s:o, s:o, s:o}",
                  "anemone_build", 1, "version", ANM_VERSION, "commit",
                  ANM_COMMIT, "compiler", COMPILER, "sqlite",
                  anm_store_sqlite(), "isa", "in_use", anm_cpu_level_name(mask),
                  "available", make_levels(), "backends", make_backends(),
                  "machine", make_machine(), "process", make_process()),
        0, json, err);
}
