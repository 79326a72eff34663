/* types.h - small vocabularies that kernels, graph and containers share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TYPES_H
#define ANM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Storage types of tensors: name in messages, elements of a block, bytes of a
 * block. Plain types have blocks of one element. The block types are those of
 * ggml, little-endian; f16 is IEEE half:
 *
 *   Q8_0   f16 d, 32 x i8 q                 w = d q
 *   Q4_0   f16 d, 16 bytes: low nibbles are elements 0-15, high ones 16-31
 *                                           w = d (q - 8)
 *   Q5_0   f16 d, 4 bytes of fifth bits, 16 bytes as of Q4_0
 *                                           w = d (q - 16)
 *   Q4_K   f16 d, f16 dmin, 12 bytes of 6-bit scales and minima, 128 bytes
 *   Q5_K   the same with 32 bytes of fifth bits before the 128
 *   Q6_K   128 bytes low, 64 bytes high, 16 x i8 scales, f16 d */
#define ANM_DTYPE_LIST(X)                                                      \
    X(F32, "F32", 1, 4)                                                        \
    X(F16, "F16", 1, 2)                                                        \
    X(BF16, "BF16", 1, 2)                                                      \
    X(F64, "F64", 1, 8)                                                        \
    X(I64, "I64", 1, 8)                                                        \
    X(I32, "I32", 1, 4)                                                        \
    X(I16, "I16", 1, 2)                                                        \
    X(I8, "I8", 1, 1)                                                          \
    X(U64, "U64", 1, 8)                                                        \
    X(U32, "U32", 1, 4)                                                        \
    X(U16, "U16", 1, 2)                                                        \
    X(U8, "U8", 1, 1)                                                          \
    X(BOOL, "BOOL", 1, 1)                                                      \
    X(Q8_0, "Q8_0", 32, 34)                                                    \
    X(Q4_0, "Q4_0", 32, 18)                                                    \
    X(Q4_K, "Q4_K", 256, 144)                                                  \
    X(Q6_K, "Q6_K", 256, 210)                                                  \
    X(Q5_0, "Q5_0", 32, 22)                                                    \
    X(Q5_K, "Q5_K", 256, 176)

typedef enum anm_dtype {
#define X(name, text, elements, bytes) ANM_DTYPE_##name,
    ANM_DTYPE_LIST(X)
#undef X
        ANM_DTYPE_COUNT,
} anm_dtype;

const char *anm_dtype_name(anm_dtype t);

/* Elements and bytes of one block. */
typedef struct anm_block {
    size_t elements, bytes;
} anm_block;

anm_block anm_dtype_block(anm_dtype t);

/* Bytes of n elements; false when n is no whole number of blocks, or the bytes
 * are more than 64 bits count. */
bool anm_dtype_bytes(anm_dtype t, uint64_t n, uint64_t *bytes);

/* False when no plain type has this name. */
bool anm_dtype_parse(const char *name, size_t len, anm_dtype *out);

/* Most axes of a tensor anywhere. */
enum { ANM_RANK_MAX = 6 };

/* Activation functions. GELU_ERF is x/2 (1 + erf(x/sqrt 2)); GELU_TANH is
 * x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); SILU is x/(1 + e^-x). */
#define ANM_ACT_LIST(X)                                                        \
    X(NONE, "none")                                                            \
    X(GELU_ERF, "gelu")                                                        \
    X(GELU_TANH, "gelu_tanh")                                                  \
    X(RELU, "relu")                                                            \
    X(SILU, "silu")                                                            \
    X(TANH, "tanh")

typedef enum anm_act {
#define X(name, text) ANM_ACT_##name,
    ANM_ACT_LIST(X)
#undef X
        ANM_ACT_COUNT,
} anm_act;

const char *anm_act_name(anm_act act);

/* IEEE half and bfloat16 to float, exact. */
float anm_f32_of_f16(uint16_t h);
float anm_f32_of_bf16(uint16_t b);

/* The nearest IEEE half, ties to even; from 65,520 on infinity. Not a number
 * stays one. */
uint16_t anm_f16_of_f32(float f);

/* The nearest bfloat16, ties to even; beyond the largest one infinity. Not a
 * number stays one. */
uint16_t anm_bf16_of_f32(float f);

/* Dims as they stand in a file, "[30522, 384]", into out; for messages. What does
 * not fit is cut off. */
void anm_dims_text(const uint64_t *dims, unsigned rank, char *out, size_t cap);

/* What an integer that is read may be, and what it is where none is said and
 * none need be. */
typedef struct anm_int_rule {
    int64_t min, max, otherwise;
} anm_int_rule;

#endif
