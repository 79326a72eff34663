/* types.h - small vocabularies that kernels, graph and containers share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_TYPES_H
#define ANM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Storage types of tensors: name in messages, bits of one element. Block types
 * (Q8_0 …) get rows of their own with the containers that hold them. */
#define ANM_DTYPE_LIST(X)                                                      \
    X(F32, "F32", 32)                                                          \
    X(F16, "F16", 16)                                                          \
    X(BF16, "BF16", 16)                                                        \
    X(F64, "F64", 64)                                                          \
    X(I64, "I64", 64)                                                          \
    X(I32, "I32", 32)                                                          \
    X(I16, "I16", 16)                                                          \
    X(I8, "I8", 8)                                                             \
    X(U64, "U64", 64)                                                          \
    X(U32, "U32", 32)                                                          \
    X(U16, "U16", 16)                                                          \
    X(U8, "U8", 8)                                                             \
    X(BOOL, "BOOL", 8)

typedef enum anm_dtype {
#define X(name, text, bits) ANM_DTYPE_##name,
    ANM_DTYPE_LIST(X)
#undef X
        ANM_DTYPE_COUNT,
} anm_dtype;

const char *anm_dtype_name(anm_dtype t);
unsigned anm_dtype_bits(anm_dtype t);

/* False when no type has this name. */
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

#endif
