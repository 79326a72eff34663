/* check.c - the runner: walks the levels of this machine upward and checks
 * every kernel that a level brings.
 *
 *     check_kern [--bench] [--filter NAME] [--seed N] [--cpu LEVEL]
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"

typedef void kernel(void);

typedef struct slot {
    const char *name;
    size_t offset; /* in anm_kern */
    void (*check)(check *c, const anm_kern *k);
} slot;

#define SLOT(name)                                                             \
    {                                                                          \
#name, offsetof(anm_kern, name), check_##name                          \
    }

static const slot slots[] = {
    SLOT(pack),        SLOT(gemm_f32),       SLOT(act_f32),
    SLOT(softmax_f32), SLOT(layer_norm_f32), SLOT(attention_f32),
    SLOT(add_f32),     SLOT(gather_f32),     SLOT(mean_rows_f32),
    SLOT(dot_f32),     SLOT(normalize_f32),  SLOT(burn_fma),
    SLOT(read_f32),    SLOT(dot_rows_f32),   SLOT(rms_norm_f32),
    SLOT(angles_f32),  SLOT(rope_f32),       SLOT(glu_f32),
};

enum { N_SLOTS = sizeof(slots) / sizeof(slots[0]) };

static const struct level {
    const char *name;
    unsigned mask;
} levels[] = {
    { "scalar", 0 },
    { "avx2", ANM_CPU_AVX2 },
    { "avx512", ANM_CPU_AVX2 | ANM_CPU_AVX512 },
};

enum { N_LEVELS = sizeof(levels) / sizeof(levels[0]) };

typedef struct options {
    bool bench;
    const char *filter; /* or NULL */
    const char *cpu;    /* or NULL */
    uint64_t seed;
} options;

typedef struct totals {
    unsigned passed, failed, skipped;
} totals;

static kernel *kernel_of(const anm_kern *k, const slot *s)
{
    kernel *f;

    memcpy(&f, (const char *)k + s->offset, sizeof(f));
    return f;
}

/* Before the check, so that after a crash the last line names it. */
static void print_name(const options *o, const char *name, const char *level)
{
    printf("%s %s --seed %" PRIu64 "\n", name, level, o->seed);
    fflush(stdout);
}

static void count_result(totals *t, const check *c)
{
    if (c->failures == 0) {
        t->passed++;
        printf("  passed, %" PRIu64 " cases\n", c->cases);
    } else {
        t->failed++;
        printf("  FAILED, %" PRIu64 " of %" PRIu64 " cases\n", c->failures,
               c->cases);
    }
}

static bool is_wanted(const options *o, const char *name)
{
    return !o->filter || strstr(name, o->filter);
}

/* The best of many short runs, since neighbours take time from some. */
static double measure_peak(const anm_kern *k)
{
    double peak = 0.0;

    for (int i = 0; i < 1000; i++) {
        const uint64_t start = anm_now_ns();
        const uint64_t done = k->burn_fma(UINT64_C(1) << 22);
        const uint64_t ns = anm_now_ns() - start;
        const double rate = (double)done / (double)ns;

        if (rate > peak) peak = rate;
    }
    return peak;
}

static void check_level(totals *t, const options *o, const struct level *level,
                        const anm_kern *below)
{
    anm_kern k;
    check c = { .bench = o->bench };

    anm_kern_init(&k, level->mask);
    if (o->bench) {
        c.peak = measure_peak(&k);
        printf("peak %s: %.1f GFMA/s\n", level->name, c.peak);
    }
    for (size_t i = 0; i < N_SLOTS; i++) {
        const slot *s = &slots[i];

        if (!is_wanted(o, s->name)) continue;
        if (below && kernel_of(below, s) == kernel_of(&k, s)) continue;
        c.random = o->seed * 2654435761u + i + 1;
        c.failures = c.cases = 0;
        print_name(o, s->name, level->name);
        s->check(&c, &k);
        check_release(&c);
        count_result(t, &c);
    }
    if (o->bench && is_wanted(o, "forward")) bench_forward(&c, &k);
}

static void check_levels(totals *t, const options *o)
{
    const unsigned detected = anm_cpu_detect();
    anm_kern below;
    bool any = false;

    for (size_t i = 0; i < N_LEVELS; i++) {
        if (o->cpu && strcmp(o->cpu, levels[i].name) != 0) continue;
        if ((levels[i].mask & ~detected) != 0) {
            printf("skipped %s: not on this machine\n", levels[i].name);
            t->skipped++;
            continue;
        }
        check_level(t, o, &levels[i], any ? &below : NULL);
        anm_kern_init(&below, levels[i].mask);
        any = true;
    }
}

static void check_common(totals *t, const options *o)
{
    check c = { .random = o->seed + 1 };

    if (!is_wanted(o, "widen_f32")) return;
    print_name(o, "widen_f32", "any");
    check_widen_f32(&c);
    check_release(&c);
    count_result(t, &c);
}

static bool is_level(const char *name)
{
    for (size_t i = 0; i < N_LEVELS; i++) {
        if (!strcmp(name, levels[i].name)) return true;
    }
    return false;
}

static int usage(const char *argument)
{
    fprintf(stderr,
            "check_kern: %s is no flag or level; usage: check_kern [--bench] "
            "[--filter NAME] [--seed N] [--cpu scalar|avx2|avx512]\n",
            argument);
    return 2;
}

int main(int argc, char **argv)
{
    options o = { .seed = 1 };
    totals t = { 0 };

    for (int i = 1; i < argc; i++) {
        const bool has_value = i + 1 < argc;

        if (!strcmp(argv[i], "--bench"))
            o.bench = true;
        else if (!strcmp(argv[i], "--filter") && has_value)
            o.filter = argv[++i];
        else if (!strcmp(argv[i], "--cpu") && has_value)
            o.cpu = argv[++i];
        else if (!strcmp(argv[i], "--seed") && has_value)
            o.seed = strtoull(argv[++i], NULL, 10);
        else
            return usage(argv[i]);
    }
    if (o.cpu && !is_level(o.cpu)) return usage(o.cpu);
    check_common(&t, &o);
    check_levels(&t, &o);
    printf("%u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
    return t.failed > 0;
}
