/* Levels: a machine has one only with everything below it and the system's
 * consent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#include <string.h>

#include "base/cpu_levels.h"
#include "support/support.h"

static const struct {
    const char *name;
    unsigned mask;
} chains[] = {
    { "scalar", 0 },
    { "avx2", ANM_CPU_AVX2 },
    { "avxvnni", ANM_CPU_AVX2 | ANM_CPU_AVXVNNI },
    { "avx512", ANM_CPU_AVX2 | ANM_CPU_AVX512 },
    { "avx512vnni", ANM_CPU_AVX2 | ANM_CPU_AVX512 | ANM_CPU_AVX512VNNI },
    { "avx512bf16",
      ANM_CPU_AVX2 | ANM_CPU_AVX512 | ANM_CPU_AVX512VNNI | ANM_CPU_AVX512BF16 },
    { "neon", ANM_CPU_NEON },
    { "dotprod", ANM_CPU_NEON | ANM_CPU_DOTPROD },
    { "i8mm", ANM_CPU_NEON | ANM_CPU_DOTPROD | ANM_CPU_I8MM },
};

enum { N_CHAINS = sizeof(chains) / sizeof(chains[0]) };

/* A machine with everything, as a Zen 5 answers. */
static const anm_cpuid everything = {
    .leaf1_ecx = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29,
    .leaf7_ebx = 1u << 5 | 1u << 8 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31,
    .leaf7_ecx = 1u << 11,
    .leaf7_1_eax = 1u << 4 | 1u << 5,
    .xcr0 = 0xe7,
};

static void full_machine_has_all_levels(void **state)
{
    (void)state;
    assert_int_equal(anm_cpu_levels_x86(&everything),
                     ANM_CPU_AVX2 | ANM_CPU_AVXVNNI | ANM_CPU_AVX512 |
                         ANM_CPU_AVX512VNNI | ANM_CPU_AVX512BF16);
}

static void system_that_saves_no_state_has_no_level(void **state)
{
    anm_cpuid r = everything;
    (void)state;

    r.xcr0 = 0;
    assert_int_equal(anm_cpu_levels_x86(&r), 0);
    r.xcr0 = 0x03;
    assert_int_equal(anm_cpu_levels_x86(&r), 0);
    r.xcr0 = 0x07;
    assert_int_equal(anm_cpu_levels_x86(&r), ANM_CPU_AVX2 | ANM_CPU_AVXVNNI);
    r.xcr0 = 0x67;
    assert_int_equal(anm_cpu_levels_x86(&r), ANM_CPU_AVX2 | ANM_CPU_AVXVNNI);
}

/* Take one bit of one register away; what is left must still be a chain. */
static void missing_bit_takes_everything_above_it(void **state)
{
    (void)state;

    for (unsigned reg = 0; reg < 4; reg++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            anm_cpuid r = everything;
            uint32_t *registers[] = { &r.leaf1_ecx, &r.leaf7_ebx, &r.leaf7_ecx,
                                      &r.leaf7_1_eax };
            *registers[reg] &= ~(1u << bit);
            const unsigned mask = anm_cpu_levels_x86(&r);
            if (mask & ANM_CPU_AVX512BF16)
                assert_true(mask & ANM_CPU_AVX512VNNI);
            if (mask & ANM_CPU_AVX512VNNI) assert_true(mask & ANM_CPU_AVX512);
            if (mask) assert_true(mask & ANM_CPU_AVX2);
        }
    }
    const anm_cpuid nothing = { .xcr0 = 0xe7 };
    assert_int_equal(anm_cpu_levels_x86(&nothing), 0);
}

static void each_needed_bit_is_asked_for(void **state)
{
    static const unsigned leaf7_ebx_512[] = { 16, 17, 30, 31 };
    static const unsigned leaf1_avx2[] = { 12, 28, 29 };
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        anm_cpuid r = everything;
        r.leaf7_ebx &= ~(1u << leaf7_ebx_512[i]);
        assert_int_equal(anm_cpu_levels_x86(&r),
                         ANM_CPU_AVX2 | ANM_CPU_AVXVNNI);
    }
    for (size_t i = 0; i < 3; i++) {
        anm_cpuid r = everything;
        r.leaf1_ecx &= ~(1u << leaf1_avx2[i]);
        assert_int_equal(anm_cpu_levels_x86(&r), 0);
    }
    anm_cpuid r = everything;
    r.leaf7_1_eax = 0;
    assert_int_equal(anm_cpu_levels_x86(&r),
                     ANM_CPU_AVX2 | ANM_CPU_AVX512 | ANM_CPU_AVX512VNNI);
}

static void detected_levels_can_be_asked_for_by_name(void **state)
{
    const unsigned has = anm_cpu_detect();
    (void)state;

    for (size_t i = 0; i < N_CHAINS; i++) {
        unsigned mask = 0x5a5a;
        anm_error err;
        const bool possible = (has & chains[i].mask) == chains[i].mask;
        const anm_status status = anm_cpu_parse(chains[i].name, &mask, &err);
        assert_int_equal(status, possible ? ANM_OK : ANM_E_ARG);
        assert_int_equal(mask, possible ? chains[i].mask : 0x5a5a);
        if (!possible) assert_non_null(strstr(err.message, chains[i].name));
        assert_string_equal(anm_cpu_level_name(chains[i].mask), chains[i].name);
    }
}

static void no_name_is_everything(void **state)
{
    unsigned mask = 0x5a5a;
    (void)state;

    assert_int_equal(anm_cpu_parse(NULL, &mask, NULL), ANM_OK);
    assert_int_equal(mask, anm_cpu_detect());
    assert_int_equal(anm_cpu_parse("SCALAR", &mask, NULL), ANM_OK);
    assert_int_equal(mask, 0);
}

static void unknown_name_is_refused_with_the_possible_ones(void **state)
{
    static const char *const names[] = { "", "avx", "avx2 ", "avx2x", "sse" };
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unsigned mask = 7;
        anm_error err;
        assert_int_equal(anm_cpu_parse(names[i], &mask, &err), ANM_E_ARG);
        assert_non_null(strstr(err.message, "scalar"));
        assert_int_equal(mask, 7);
    }
}

static void model_is_printable(void **state)
{
    const char *name = anm_cpu_model();
    (void)state;

    assert_true(strlen(name) > 0);
    assert_ptr_equal(name, anm_cpu_model());
    for (const char *c = name; *c; c++)
        assert_in_range((unsigned char)*c, ' ', '~');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_machine_has_all_levels),
        cmocka_unit_test(system_that_saves_no_state_has_no_level),
        cmocka_unit_test(missing_bit_takes_everything_above_it),
        cmocka_unit_test(each_needed_bit_is_asked_for),
        cmocka_unit_test(detected_levels_can_be_asked_for_by_name),
        cmocka_unit_test(no_name_is_everything),
        cmocka_unit_test(unknown_name_is_refused_with_the_possible_ones),
        cmocka_unit_test(model_is_printable),
    };
    return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
