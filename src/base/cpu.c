/* cpu.c - the instructions of this machine, by level.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#include <pthread.h>
#include <string.h>

#include "base/compiler.h"
#include "base/cpu_levels.h"
#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

typedef struct level {
    const char *name;
    unsigned bit;
    unsigned includes; // itself and everything below it
} level;

enum {
    INCLUDES_AVX2 = ANM_CPU_AVX2,
    INCLUDES_AVXVNNI = INCLUDES_AVX2 | ANM_CPU_AVXVNNI,
    INCLUDES_AVX512 = INCLUDES_AVX2 | ANM_CPU_AVX512,
    INCLUDES_AVX512VNNI = INCLUDES_AVX512 | ANM_CPU_AVX512VNNI,
    INCLUDES_AVX512BF16 = INCLUDES_AVX512VNNI | ANM_CPU_AVX512BF16,
    INCLUDES_NEON = ANM_CPU_NEON,
    INCLUDES_DOTPROD = INCLUDES_NEON | ANM_CPU_DOTPROD,
    INCLUDES_I8MM = INCLUDES_DOTPROD | ANM_CPU_I8MM,
};

static const level levels[] = { { "scalar", 0, 0 },
#define X(name, bit, text) { text, ANM_CPU_##name, INCLUDES_##name },
                                ANM_CPU_LEVEL_LIST(X)
#undef X
};

enum { N_LEVELS = sizeof(levels) / sizeof(levels[0]) };

static bool has_all(uint32_t value, uint32_t bits)
{
    return (value & bits) == bits;
}

/* Bit numbers: Intel SDM volume 2A, CPUID; volume 3A, 13.3 for XCR0. */
unsigned anm_cpu_levels_x86(const anm_cpuid *r)
{
    const uint32_t fma_avx_f16c = 1u << 12 | 1u << 28 | 1u << 29;
    const uint32_t avx2_bmi2 = 1u << 5 | 1u << 8;
    const uint32_t avx512_f_dq_bw_vl =
        1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    const uint32_t saves_ymm = 0x06, saves_zmm = 0xe6;
    unsigned mask = 0;

    if (!has_all(r->xcr0, saves_ymm)) return 0;
    if (!has_all(r->leaf1_ecx, fma_avx_f16c)) return 0;
    if (!has_all(r->leaf7_ebx, avx2_bmi2)) return 0;
    mask |= ANM_CPU_AVX2;
    if (has_all(r->leaf7_1_eax, 1u << 4)) mask |= ANM_CPU_AVXVNNI;

    if (!has_all(r->xcr0, saves_zmm)) return mask;
    if (!has_all(r->leaf7_ebx, avx512_f_dq_bw_vl)) return mask;
    mask |= ANM_CPU_AVX512;
    if (!has_all(r->leaf7_ecx, 1u << 11)) return mask;
    mask |= ANM_CPU_AVX512VNNI;
    if (has_all(r->leaf7_1_eax, 1u << 5)) mask |= ANM_CPU_AVX512BF16;
    return mask;
}

#if defined(__x86_64__)

unsigned anm_cpu_detect(void)
{
    const uint32_t osxsave = 1u << 27;
    anm_cpuid r = { 0 };
    unsigned a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    r.leaf1_ecx = c;
    if (c & osxsave) r.xcr0 = anm_read_xcr0();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    r.leaf7_ebx = b;
    r.leaf7_ecx = c;
    // Leaf 7 says in eax how many of its subleaves exist.
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) r.leaf7_1_eax = a;
    return anm_cpu_levels_x86(&r);
}

static void read_model(char *out, size_t cap)
{
    unsigned r[12] = { 0 };

    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, &r[4 * i], &r[4 * i + 1],
                         &r[4 * i + 2], &r[4 * i + 3]))
            return;
    if (cap <= sizeof(r)) return;
    memcpy(out, r, sizeof(r));
    out[sizeof(r)] = '\0';
}

#elif defined(__aarch64__) && defined(__linux__)

unsigned anm_cpu_detect(void)
{
    const unsigned long has = getauxval(AT_HWCAP), has2 = getauxval(AT_HWCAP2);
    unsigned mask = ANM_CPU_NEON;

    if (!(has & HWCAP_ASIMDDP)) return mask;
    mask |= ANM_CPU_DOTPROD;
    if ((has2 & HWCAP2_I8MM) && (has2 & HWCAP2_BF16)) mask |= ANM_CPU_I8MM;
    return mask;
}

static void read_model(char *out, size_t cap)
{
    (void)out;
    (void)cap;
}

#elif defined(__APPLE__)

static bool has_feature(const char *name)
{
    int value = 0;
    size_t size = sizeof(value);
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value;
}

unsigned anm_cpu_detect(void)
{
    unsigned mask = ANM_CPU_NEON;

    if (!has_feature("hw.optional.arm.FEAT_DotProd")) return mask;
    mask |= ANM_CPU_DOTPROD;
    if (has_feature("hw.optional.arm.FEAT_I8MM") &&
        has_feature("hw.optional.arm.FEAT_BF16"))
        mask |= ANM_CPU_I8MM;
    return mask;
}

static void read_model(char *out, size_t cap)
{
    size_t size = cap;
    if (sysctlbyname("machdep.cpu.brand_string", out, &size, NULL, 0) != 0)
        out[0] = '\0';
}

#else

unsigned anm_cpu_detect(void)
{
    return 0;
}

static void read_model(char *out, size_t cap)
{
    (void)out;
    (void)cap;
}

#endif

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_in_any_case(const char *a, const char *b)
{
    while (*a && to_lower(*a) == to_lower(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

/* "scalar, avx2, avx512": what has can execute. */
static void list_levels(char *out, size_t cap, unsigned has)
{
    size_t n = 0;

    for (size_t i = 0; i < N_LEVELS; i++) {
        const level *l = &levels[i];
        const size_t needed = strlen(l->name) + 2;
        if ((has & l->includes) != l->includes || n + needed >= cap) continue;
        if (n) memcpy(out + n, ", ", 2);
        n += n ? 2 : 0;
        memcpy(out + n, l->name, needed - 2);
        n += needed - 2;
    }
    out[n] = '\0';
}

anm_status anm_cpu_parse(const char *name, unsigned *mask, anm_error *err)
{
    const unsigned has = anm_cpu_detect();
    char possible[160];

    if (!name) {
        *mask = has;
        return ANM_OK;
    }
    list_levels(possible, sizeof(possible), has);
    for (size_t i = 0; i < N_LEVELS; i++) {
        const level *l = &levels[i];
        if (!same_in_any_case(name, l->name)) continue;
        if ((has & l->includes) != l->includes)
            return anm_fail(err, ANM_E_ARG,
                            "cpu level \"%s\" cannot run on this machine, "
                            "which has %s",
                            l->name, possible);
        *mask = l->includes;
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_ARG, "cpu level \"%s\" is unknown; possible: %s",
                    name, possible);
}

const char *anm_cpu_level_name(unsigned mask)
{
    const char *name = levels[0].name;

    for (size_t i = 1; i < N_LEVELS; i++)
        if (mask & levels[i].bit) name = levels[i].name;
    return name;
}

static char model[64];

/* Brand strings are padded with blanks on either side. */
static void find_model(void)
{
    char raw[sizeof(model)] = "";

    read_model(raw, sizeof(raw));
    const char *start = raw + strspn(raw, " ");
    size_t len = strlen(start);
    while (len && start[len - 1] == ' ')
        len--;
    for (size_t i = 0; i < len; i++) {
        const char c = start[i];
        model[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    model[len] = '\0';
    if (!len) memcpy(model, "unknown", sizeof("unknown"));
}

const char *anm_cpu_model(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_model);
    return model;
}
