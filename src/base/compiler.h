/* compiler.h - the compiler extensions the project uses, and no others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_COMPILER_H
#define ANM_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
/* The function takes a printf format at parameter f, its arguments from a. */
#define ANM_PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define ANM_ALWAYS_INLINE inline __attribute__((always_inline))
#define ANM_NOINLINE      __attribute__((noinline))
/* Before a loop of constant length whose every turn must become straight code:
 * an array indexed by its variable can then live in registers. */
#if defined(__clang__)
#define ANM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ANM_UNROLL _Pragma("GCC unroll 16")
#endif
/* At the head of a file of AVX-512 intrinsics: at -O0 those with an immediate
 * operand are macros, whose masks of all ones change sign in our lines. */
#define ANM_ALLOW_MASK_CASTS                                                   \
    _Pragma("GCC diagnostic ignored \"-Wsign-conversion\"")
#else
#define ANM_UNROLL
#define ANM_ALLOW_MASK_CASTS
#define ANM_PRINTF(f, a)
#define ANM_ALWAYS_INLINE inline
#define ANM_NOINLINE
#endif

/* Make the compiler forget how the value of an integer or pointer came about:
 * address arithmetic with it then stays within one instruction, where gcc would
 * keep every offset of an unrolled loop in a register of its own, and has not
 * enough of them. */
#if defined(__GNUC__) || defined(__clang__)
#define ANM_OPAQUE(x) __asm__("" : "+r"(x))
#else
#define ANM_OPAQUE(x) ((void)(x))
#endif

/* Tell the core that this is a spin loop: a sibling thread gets its resources
 * and leaving the loop costs no flush of the pipeline. */
static ANM_ALWAYS_INLINE void anm_spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("pause");
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

#if defined(__x86_64__)
/* The states that the system saves when it switches threads. Only after cpuid
 * said OSXSAVE. */
static ANM_ALWAYS_INLINE unsigned anm_read_xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

/* Bytes of a cache line, and the alignment of every tensor in memory. */
#define ANM_CACHE_LINE 64

#endif
