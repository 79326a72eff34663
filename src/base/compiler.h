/* compiler.h - the compiler extensions the project uses, and no others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_COMPILER_H
#define ANM_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
/* The function takes a printf format at parameter f, its arguments from a. */
#define ANM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ANM_ALWAYS_INLINE inline __attribute__((always_inline))
#define ANM_NOINLINE __attribute__((noinline))
#else
#define ANM_PRINTF(f, a)
#define ANM_ALWAYS_INLINE inline
#define ANM_NOINLINE
#endif

/* Bytes of a cache line, and the alignment of every tensor in memory. */
#define ANM_CACHE_LINE 64

#endif
