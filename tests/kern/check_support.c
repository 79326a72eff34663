/* check_support.c - random values, guarded buffers, comparisons, time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"

/* ---- Random values -------------------------------------------------------- */

uint64_t check_random(check *c)
{
    uint64_t x = c->random += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

size_t check_below(check *c, size_t n)
{
    return (size_t)(check_random(c) % n);
}

float check_unit(check *c)
{
    const int32_t mantissa = (int32_t)(check_random(c) >> 39);

    return (float)(mantissa - (1 << 24)) * 0x1p-24f;
}

/* ---- Buffers -------------------------------------------------------------- */

/* [unreadable page] [blank floats … | data] [unreadable page] */
struct check_block {
    check_block *next;
    unsigned char *map;
    size_t map_bytes;
    uint32_t *band; /* first float of the guard band */
    size_t band_len;
};

static const uint32_t blank = 0x7fadbee5;

bool check_is_blank(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits == blank;
}

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(70);
}

float *check_space(check *c, size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inner = (n * sizeof(float) + 256 + page - 1) / page * page;
    check_block *b = calloc(1, sizeof(*b));

    if (!b) give_up("calloc");
    b->map_bytes = inner + 2 * page;
    b->map = mmap(NULL, b->map_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->map == MAP_FAILED) give_up("mmap");
    if (mprotect(b->map, page, PROT_NONE) ||
        mprotect(b->map + page + inner, page, PROT_NONE))
        give_up("mprotect");
    b->band = (void *)(b->map + page);
    b->band_len = inner / sizeof(float) - n;
    for (size_t i = 0; i < inner / sizeof(float); i++)
        b->band[i] = blank;
    b->next = c->blocks;
    c->blocks = b;
    return (void *)(b->band + b->band_len);
}

float *check_floats(check *c, size_t n)
{
    float *x = check_space(c, n);

    for (size_t i = 0; i < n; i++)
        x[i] = ldexpf(check_unit(c), (int)check_below(c, 11) - 8);
    return x;
}

const anm_dtype check_types[CHECK_TYPES] = {
    ANM_DTYPE_F32,  ANM_DTYPE_F16,  ANM_DTYPE_BF16,
    ANM_DTYPE_Q8_0, ANM_DTYPE_Q4_0, ANM_DTYPE_Q5_0,
    ANM_DTYPE_Q4_K, ANM_DTYPE_Q5_K, ANM_DTYPE_Q6_K,
};

size_t check_bytes(anm_dtype type, size_t n)
{
    uint64_t bytes = 0;

    if (!anm_dtype_bytes(type, n, &bytes)) give_up("check_bytes");
    return (size_t)bytes;
}

/* A finite half: sign, an exponent 7 to 17 (2^-8 to 2^2), fraction; one in 16
 * is a subnormal. */
static uint16_t random_half(check *c)
{
    const unsigned exponent =
        check_below(c, 16) ? 7 + (unsigned)check_below(c, 11) : 0;

    return (uint16_t)(check_below(c, 2) << 15 | exponent << 10 |
                      check_below(c, 1 << 10));
}

void *check_stored(check *c, anm_dtype type, size_t n)
{
    const size_t bytes = check_bytes(type, n);

    if (type == ANM_DTYPE_F32) return check_floats(c, n);
    // Ends where its buffer does.
    const size_t floats = (bytes + sizeof(float) - 1) / sizeof(float);
    unsigned char *p = (unsigned char *)check_space(c, floats) +
                       (floats * sizeof(float) - bytes);
    const anm_block block = anm_dtype_block(type);

    for (size_t at = 0; at < bytes; at += block.bytes) {
        uint16_t head = random_half(c);
        const uint16_t second = random_half(c);

        if (type == ANM_DTYPE_BF16) {
            const float f = ldexpf(check_unit(c), (int)check_below(c, 11) - 8);
            uint32_t bits;

            memcpy(&bits, &f, sizeof(bits));
            head = (uint16_t)(bits >> 16);
        }
        for (size_t i = 0; i < block.bytes; i++)
            p[at + i] = (unsigned char)check_below(c, 256);
        // Of Q6_K the scale comes last, of Q4_K and Q5_K a second one follows.
        memcpy(p + at + (type == ANM_DTYPE_Q6_K ? 208 : 0), &head, 2);
        if (type == ANM_DTYPE_Q4_K || type == ANM_DTYPE_Q5_K)
            memcpy(p + at + 2, &second, 2);
    }
    return p;
}

float *check_copy(check *c, const float *x, size_t n)
{
    float *copy = check_space(c, n);

    memcpy(copy, x, n * sizeof(*x));
    return copy;
}

int32_t *check_ids(check *c, size_t n, size_t below)
{
    int32_t *ids = (void *)check_space(c, n);

    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)check_below(c, below);
    return ids;
}

void check_release(check *c)
{
    while (c->blocks) {
        check_block *b = c->blocks;
        bool whole = true;

        for (size_t i = 0; i < b->band_len; i++)
            whole = whole && b->band[i] == blank;
        check_true(c, whole, "bytes before a buffer were written");
        c->blocks = b->next;
        munmap(b->map, b->map_bytes);
        free(b);
    }
}

void check_gaps(check *c, const float *x, size_t ldx, size_t rows, size_t dim,
                const char *what)
{
    bool whole = true;

    for (size_t i = 0; i + 1 < rows; i++) {
        for (size_t j = dim; j < ldx; j++)
            whole = whole && check_is_blank(x[i * ldx + j]);
    }
    check_true(c, whole, "%s: written between rows", what);
}

/* ---- Comparisons ---------------------------------------------------------- */

enum { MAX_PRINTED = 10 };

static bool count_case(check *c, bool ok)
{
    c->cases++;
    if (ok) return true;
    return ++c->failures > MAX_PRINTED;
}

void check_near(check *c, double got, double exact, double tolerance,
                const char *format, ...)
{
    bool ok = fabs(got - exact) <= tolerance;

    if (isnan(exact) || isinf(exact))
        ok = isnan(exact) ? isnan(got) : got == exact;
    if (count_case(c, ok)) return;

    va_list args;
    va_start(args, format);
    printf("  ");
    vprintf(format, args);
    printf(": got %.9g, exact %.9g, off %.3g, allowed %.3g\n", got, exact,
           fabs(got - exact), tolerance);
    va_end(args);
}

void check_true(check *c, bool ok, const char *format, ...)
{
    if (count_case(c, ok)) return;

    va_list args;
    va_start(args, format);
    printf("  ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

void check_same(check *c, const float *a, const float *b, size_t n,
                const char *format, ...)
{
    if (count_case(c, n == 0 || !memcmp(a, b, n * sizeof(*a)))) return;

    va_list args;
    va_start(args, format);
    printf("  ");
    vprintf(format, args);
    for (size_t i = 0; i < n; i++) {
        if (!memcmp(&a[i], &b[i], sizeof(*a))) continue;
        printf(": other bits at %zu: %.9g and %.9g\n", i, (double)a[i],
               (double)b[i]);
        break;
    }
    va_end(args);
}

/* ---- Time ----------------------------------------------------------------- */

/* Runs of about 50 us are shorter than most disturbances. By the wall: the
 * thread's own clock leaves out what a host takes away, and least values of it
 * came out 8 % above the machine's peak. */
double check_time(void (*body)(void *ctx), void *ctx)
{
    const uint64_t begin = anm_now_ns();
    uint64_t n = 1, ns = 0;
    double best = HUGE_VAL;

    for (int runs = 0; runs < 8 || anm_now_ns() - begin < 60000000; runs++) {
        if (runs > 0 && ns < 50000) n *= 2;
        const uint64_t start = anm_now_ns();
        for (uint64_t i = 0; i < n; i++)
            body(ctx);
        ns = anm_now_ns() - start;
        best = fmin(best, (double)ns / (double)n);
    }
    return best;
}

void check_report(const check *c, const char *name, double ns, double fma,
                  double bytes)
{
    printf("  %-36s %10.0f ns", name, ns);
    if (fma > 0.0)
        printf(" %6.1f GFMA/s %3.0f %%", fma / ns, 100.0 * fma / ns / c->peak);
    if (bytes > 0.0) printf(" %6.1f GB/s", bytes / ns);
    printf("\n");
    fflush(stdout);
}
