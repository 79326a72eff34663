/* machine.c - what /proc, /sys, cgroups, the PCI bus and sysctl tell.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/host.h"
#include "base/numbers.h"
#include "base/proc.h"

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* ---- Texts --------------------------------------------------------------------- */

void anm_machine_choice(const char *text, char *out, size_t cap)
{
    const char *open = strchr(text, '[');
    const char *end = open ? strchr(open, ']') : NULL;

    out[0] = '\0';
    if (!end) return;
    const size_t len = (size_t)(end - open) - 1;
    if (len < cap) snprintf(out, cap, "%.*s", (int)len, open + 1);
}

bool anm_machine_size(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    const long long n = strtoll(text, &end, 10);
    int shift = 0;

    if (end == text || errno || n < 0 || n > INT64_MAX >> 31) return false;
    if (*end == 'K') shift = 10;
    if (*end == 'M') shift = 20;
    if (*end == 'G') shift = 30;
    if (shift) end++;
    if (*end && *end != '\n') return false;
    *out = (int64_t)n << shift;
    return true;
}

bool anm_machine_psi(const char *text, double *out)
{
    static const char key[] = "some avg10=";
    char *end;

    if (strncmp(text, key, sizeof(key) - 1) != 0) return false;
    const anm_numbers numbers = anm_numbers_enter();
    const double value = strtod(text + sizeof(key) - 1, &end);
    anm_numbers_leave(numbers);
    if (end == text + sizeof(key) - 1 || *end != ' ') return false;
    if (!(value >= 0 && value <= 100)) return false;
    *out = value;
    return true;
}

/* ---- Everywhere ---------------------------------------------------------------- */

static void put(char *out, size_t cap, const char *text)
{
    size_t len = strcspn(text, "\n");

    if (len >= cap) len = cap - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[len] = '\0';
}

static void read_common(anm_machine *m)
{
    anm_cpu_budget budget;
    struct utsname name;
    char text[sizeof(m->system) * 2];

    if (uname(&name) == 0) {
        snprintf(text, sizeof(text), "%.64s %.64s", name.sysname, name.release);
        put(m->system, sizeof(m->system), text);
    }
    put(m->cpu, sizeof(m->cpu), anm_cpu_model());
    anm_cpu_budget_read(&budget);
    m->cpus = sysconf(_SC_NPROCESSORS_CONF);
    m->cpus_allowed = budget.affinity;
    m->cores = budget.physical;
    m->quota_cpus = budget.quota;
    errno = 0;
    const int nice = getpriority(PRIO_PROCESS, 0);
    if (!errno) m->nice = nice;
    double load;
    if (getloadavg(&load, 1) == 1) m->load_1min = load;
}

static anm_accelerator *add_accelerator(anm_machine *m)
{
    if (m->n_accelerators == ANM_ACCELERATORS_MAX) return NULL;
    return &m->accelerators[m->n_accelerators++];
}

#if defined(__linux__)

/* ---- Linux --------------------------------------------------------------------- */

static int64_t number_of(const char *path)
{
    char text[64];
    int64_t value;

    if (anm_proc_read(path, text, sizeof(text)) &&
        anm_proc_number(text, &value) && value >= 0)
        return value;
    return ANM_COUNTER_UNKNOWN;
}

static void read_text(const char *path, char *out, size_t cap)
{
    char text[128];

    if (anm_proc_read(path, text, sizeof(text))) put(out, cap, text);
}

static int64_t kib_of(const char *text, const char *key)
{
    int64_t kib;

    return anm_proc_value(text, key, &kib) && kib <= INT64_MAX / 1024
               ? kib * 1024
               : ANM_COUNTER_UNKNOWN;
}

static void read_memory(anm_machine *m)
{
    char text[4096];

    if (!anm_proc_read("/proc/meminfo", text, sizeof(text))) return;
    m->memory_bytes = kib_of(text, "MemTotal:");
    m->available_bytes = kib_of(text, "MemAvailable:");
    m->swap_bytes = kib_of(text, "SwapTotal:");
    m->swap_free_bytes = kib_of(text, "SwapFree:");
    m->swappiness = number_of("/proc/sys/vm/swappiness");
    if (anm_proc_read("/sys/kernel/mm/transparent_hugepage/enabled", text,
                      sizeof(text)))
        anm_machine_choice(text, m->huge_pages, sizeof(m->huge_pages));
}

/* The tightest limit from the process's folder up; a limit as large as the
 * machine is none. */
static void read_memory_limit(anm_machine *m, const char *controller,
                              const char *file)
{
    anm_cgroup c;
    char text[64];
    int64_t limit;

    if (!anm_cgroup_find(controller, &c)) return;
    do {
        if (!anm_cgroup_read(&c, file, text, sizeof(text)) ||
            !anm_proc_number(text, &limit) || limit <= 0)
            continue;
        if (m->memory_bytes != ANM_COUNTER_UNKNOWN && limit >= m->memory_bytes)
            continue;
        if (m->memory_limit_bytes == ANM_COUNTER_UNKNOWN ||
            limit < m->memory_limit_bytes)
            m->memory_limit_bytes = limit;
    } while (anm_cgroup_up(&c));
}

static void read_caches(anm_machine *m)
{
    static const char folder[] = "/sys/devices/system/cpu/cpu0/cache/index";
    char path[96], type[32] = "", text[32];

    for (int i = 0; i < 8; i++) {
        int64_t bytes;
        snprintf(path, sizeof(path), "%s%d/type", folder, i);
        type[0] = '\0';
        read_text(path, type, sizeof(type));
        snprintf(path, sizeof(path), "%s%d/size", folder, i);
        if (!anm_proc_read(path, text, sizeof(text)) ||
            !anm_machine_size(text, &bytes))
            continue;
        snprintf(path, sizeof(path), "%s%d/level", folder, i);
        const int64_t level = number_of(path);
        if (level == 1 && strcmp(type, "Data") == 0) m->l1d_bytes = bytes;
        if (level == 2) m->l2_bytes = bytes;
        if (level == 3) m->l3_bytes = bytes;
    }
}

static double psi_of(const char *path)
{
    char text[256];
    double value;

    return anm_proc_read(path, text, sizeof(text)) &&
                   anm_machine_psi(text, &value)
               ? value
               : -1;
}

static void read_cpu(anm_machine *m)
{
    static const char freq[] = "/sys/devices/system/cpu/cpu0/cpufreq/";
    char path[96];

    snprintf(path, sizeof(path), "%sscaling_cur_freq", freq);
    m->freq_khz = number_of(path);
    snprintf(path, sizeof(path), "%scpuinfo_max_freq", freq);
    m->freq_max_khz = number_of(path);
    snprintf(path, sizeof(path), "%sscaling_governor", freq);
    read_text(path, m->governor, sizeof(m->governor));
    m->psi_cpu = psi_of("/proc/pressure/cpu");
    m->psi_memory = psi_of("/proc/pressure/memory");
    m->psi_io = psi_of("/proc/pressure/io");
}

/* Flags of /proc/cpuinfo that kernels could use, in the order of this list. */
static void read_features(anm_machine *m)
{
    static const char *const known[] = {
        "avx2",     "fma",         "f16c",        "avx_vnni",    "avx512f",
        "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
        "amx_int8", "amx_bf16",    "asimd",       "asimddp",     "i8mm",
        "bf16",     "sve",         "sve2",        "sme",
    };
    char text[16384];
    size_t used = 0;

    if (!anm_proc_read("/proc/cpuinfo", text, sizeof(text))) return;
    const char *line = strstr(text, "\nflags");
    if (!line) line = strstr(text, "\nFeatures");
    if (!line) return;
    char flags[8192];
    put(flags, sizeof(flags), line + 1);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        char word[24];
        snprintf(word, sizeof(word), " %s ", known[i]);
        const size_t len = strlen(flags), n = strlen(known[i]);
        const bool is_last = len > n && flags[len - n - 1] == ' ' &&
                             strcmp(flags + len - n, known[i]) == 0;
        if (!is_last && !strstr(flags, word)) continue;
        if (used + n + 2 > sizeof(m->features)) break;
        used += (size_t)snprintf(m->features + used, sizeof(m->features) - used,
                                 "%s%s", used ? " " : "", known[i]);
    }
}

static void read_virtualisation(anm_machine *m)
{
    char identity[256];

    anm_host_identity(identity, sizeof(identity));
    const char *name = strstr(identity, "hypervisor ");
    if (!name) return;
    name += strlen("hypervisor ");
    // What the processors' documents call them, said plainly.
    put(m->virtualisation, sizeof(m->virtualisation),
        strncmp(name, "KVM", 3) == 0             ? "KVM"
        : strncmp(name, "Microsoft Hv", 12) == 0 ? "Hyper-V"
        : strncmp(name, "VMware", 6) == 0        ? "VMware"
        : strncmp(name, "XenVMM", 6) == 0        ? "Xen"
                                                 : name);
}

/* ---- Accelerators -------------------------------------------------------------- */

static const char *vendor_name(int64_t id)
{
    switch (id) {
    case 0x10de:
        return "NVIDIA";
    case 0x1002:
    case 0x1022:
        return "AMD";
    case 0x8086:
        return "Intel";
    case 0x1d0f:
        return "Amazon";
    case 0x1ae0:
        return "Google";
    default:
        return "vendor";
    }
}

static bool read_hex(const char *path, int64_t *out)
{
    char text[32], *end;

    if (!anm_proc_read(path, text, sizeof(text))) return false;
    *out = strtoll(text, &end, 16);
    return end != text;
}

/* Displays with 3D (class 0x03) of the vendors that compute, and processing
 * accelerators (0x12). */
static void read_pci(anm_machine *m)
{
    static const char folder[] = "/sys/bus/pci/devices";
    anm_names names = { 0 };

    if (anm_folder_list(folder, &names, NULL)) return;
    for (size_t i = 0; i < names.n; i++) {
        char path[160];
        int64_t class, vendor, device;
        snprintf(path, sizeof(path), "%s/%.64s/class", folder, names.names[i]);
        if (!read_hex(path, &class)) continue;
        const bool is_gpu = class >> 16 == 0x03;
        if (!is_gpu && class >> 16 != 0x12) continue;
        snprintf(path, sizeof(path), "%s/%.64s/vendor", folder, names.names[i]);
        if (!read_hex(path, &vendor)) continue;
        snprintf(path, sizeof(path), "%s/%.64s/device", folder, names.names[i]);
        if (!read_hex(path, &device)) continue;
        // A virtual machine's plain screen computes nothing.
        if (is_gpu && strcmp(vendor_name(vendor), "vendor") == 0) continue;
        anm_accelerator *a = add_accelerator(m);
        if (!a) break;
        a->kind = is_gpu ? ANM_DEVICE_GPU : ANM_DEVICE_UNKNOWN;
        snprintf(a->name, sizeof(a->name), "%s [%04x:%04x]",
                 vendor_name(vendor), (unsigned)vendor & 0xffff,
                 (unsigned)device & 0xffff);
        snprintf(a->seen_as, sizeof(a->seen_as), "pci %.64s", names.names[i]);
        a->can_be_opened = false;
    }
    anm_names_deinit(&names);
}

/* Nodes that drivers make. */
static void read_nodes(anm_machine *m)
{
    static const struct {
        const char *path, *name;
        anm_device kind;
    } nodes[] = {
        { "/dev/nvidia0", "NVIDIA driver", ANM_DEVICE_GPU },
        { "/dev/dri/renderD128", "DRM render node", ANM_DEVICE_GPU },
        { "/dev/kfd", "AMD compute driver", ANM_DEVICE_GPU },
        { "/dev/accel/accel0", "compute accelerator", ANM_DEVICE_UNKNOWN },
        { "/dev/neuron0", "AWS Neuron driver", ANM_DEVICE_UNKNOWN },
    };

    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        if (access(nodes[i].path, F_OK) != 0) continue;
        anm_accelerator *a = add_accelerator(m);
        if (!a) return;
        a->kind = nodes[i].kind;
        a->can_be_opened = access(nodes[i].path, R_OK | W_OK) == 0;
        put(a->name, sizeof(a->name), nodes[i].name);
        put(a->seen_as, sizeof(a->seen_as), nodes[i].path);
    }
}

void anm_machine_read(anm_machine *out)
{
    *out = anm_machine_unknown();
    read_common(out);
    read_virtualisation(out);
    read_features(out);
    read_cpu(out);
    read_caches(out);
    read_memory(out);
    read_memory_limit(out, NULL, "memory.max");
    read_memory_limit(out, "memory", "memory.limit_in_bytes");
    read_pci(out);
    read_nodes(out);
}

#elif defined(__APPLE__)

/* ---- A Mac --------------------------------------------------------------------- */

static int64_t sysctl_number(const char *name)
{
    int64_t value = 0;
    size_t size = sizeof(value);

    if (sysctlbyname(name, &value, &size, NULL, 0) != 0)
        return ANM_COUNTER_UNKNOWN;
    return size == sizeof(int32_t) ? (int64_t)(int32_t)value : value;
}

static void read_features(anm_machine *m)
{
    static const char *const known[] = { "DotProd", "I8MM", "BF16", "FP16",
                                         "FHM",     "SME",  "SME2" };
    size_t used = 0;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        char name[64];
        snprintf(name, sizeof(name), "hw.optional.arm.FEAT_%s", known[i]);
        if (sysctl_number(name) != 1) continue;
        used += (size_t)snprintf(m->features + used, sizeof(m->features) - used,
                                 "%s%s", used ? " " : "", known[i]);
    }
}

void anm_machine_read(anm_machine *out)
{
    *out = anm_machine_unknown();
    read_common(out);
    read_features(out);
    out->memory_bytes = sysctl_number("hw.memsize");
    out->l1d_bytes = sysctl_number("hw.perflevel0.l1dcachesize");
    out->l2_bytes = sysctl_number("hw.perflevel0.l2cachesize");
    put(out->virtualisation, sizeof(out->virtualisation),
        sysctl_number("kern.hv_vmm_present") == 1 ? "virtual machine" : "none");
    // Every Mac with a chip of Apple's has both.
    if (sysctl_number("hw.optional.arm64") != 1) return;
    anm_accelerator *a = add_accelerator(out);
    a->kind = ANM_DEVICE_GPU;
    put(a->name, sizeof(a->name), "Apple GPU");
    put(a->seen_as, sizeof(a->seen_as), out->cpu);
    a = add_accelerator(out);
    a->kind = ANM_DEVICE_ANE;
    put(a->name, sizeof(a->name), "Apple Neural Engine");
    put(a->seen_as, sizeof(a->seen_as), out->cpu);
}

#else

void anm_machine_read(anm_machine *out)
{
    *out = anm_machine_unknown();
    read_common(out);
}

#endif
