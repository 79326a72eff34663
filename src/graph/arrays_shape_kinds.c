/* arrays_shape_kinds.c - which kinds of elements an operation takes and gives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "graph/arrays_infer.h"

/* Inputs before ">", outputs behind it: f float, i integer or BOOL, s one of
 * the two throughout, a any; the last letter counts for all that follow. None
 * given: "f>f". */
static const char *const kinds[ANM_ARRAY_OP_COUNT] = {
    [ANM_ARRAY_IDENTITY] = "s>s",
    [ANM_ARRAY_CAST] = "a>a",
    [ANM_ARRAY_RESHAPE] = "si>s",
    [ANM_ARRAY_EXPAND_DIMS] = "s>s",
    [ANM_ARRAY_SQUEEZE] = "s>s",
    [ANM_ARRAY_TRANSPOSE] = "s>s",
    [ANM_ARRAY_CONCAT] = "s>s",
    [ANM_ARRAY_STACK] = "s>s",
    [ANM_ARRAY_SPLIT] = "si>s",
    [ANM_ARRAY_TILE] = "si>s",
    [ANM_ARRAY_REVERSE] = "s>s",
    [ANM_ARRAY_SLICE_BY_INDEX] = "si>s",
    [ANM_ARRAY_SLICE_BY_SIZE] = "si>s",
    [ANM_ARRAY_SLICE_UPDATE] = "ssi>s",
    [ANM_ARRAY_PAD] = "sis>s",
    [ANM_ARRAY_GATHER] = "si>s",
    [ANM_ARRAY_GATHER_ALONG_AXIS] = "si>s",
    [ANM_ARRAY_GATHER_ND] = "si>s",
    [ANM_ARRAY_SCATTER] = "sis>s",
    [ANM_ARRAY_SCATTER_ALONG_AXIS] = "sis>s",
    [ANM_ARRAY_SCATTER_ND] = "sis>s",
    [ANM_ARRAY_ONE_HOT] = "iis>s",
    [ANM_ARRAY_TOPK] = "s>si",
    [ANM_ARRAY_NON_ZERO] = "a>i",
    [ANM_ARRAY_FILL] = "is>s",
    [ANM_ARRAY_FILL_LIKE] = "as>s",
    [ANM_ARRAY_RANGE_1D] = "s>s",
    [ANM_ARRAY_SHAPE] = "a>i",
    [ANM_ARRAY_BAND_PART] = "s>s",
    [ANM_ARRAY_CUMSUM] = "s>s",
    [ANM_ARRAY_ADD] = "s>s",
    [ANM_ARRAY_SUB] = "s>s",
    [ANM_ARRAY_MUL] = "s>s",
    [ANM_ARRAY_REAL_DIV] = "s>s",
    [ANM_ARRAY_FLOOR_DIV] = "s>s",
    [ANM_ARRAY_MOD] = "s>s",
    [ANM_ARRAY_POW] = "s>s",
    [ANM_ARRAY_MAXIMUM] = "s>s",
    [ANM_ARRAY_MINIMUM] = "s>s",
    [ANM_ARRAY_EQUAL] = "s>i",
    [ANM_ARRAY_NOT_EQUAL] = "s>i",
    [ANM_ARRAY_LESS] = "s>i",
    [ANM_ARRAY_LESS_EQUAL] = "s>i",
    [ANM_ARRAY_GREATER] = "s>i",
    [ANM_ARRAY_GREATER_EQUAL] = "s>i",
    [ANM_ARRAY_LOGICAL_AND] = "i>i",
    [ANM_ARRAY_LOGICAL_OR] = "i>i",
    [ANM_ARRAY_LOGICAL_XOR] = "i>i",
    [ANM_ARRAY_LOGICAL_NOT] = "i>i",
    [ANM_ARRAY_SELECT] = "is>s",
    [ANM_ARRAY_ABS] = "s>s",
    [ANM_ARRAY_CEIL] = "s>s",
    [ANM_ARRAY_FLOOR] = "s>s",
    [ANM_ARRAY_ROUND] = "s>s",
    [ANM_ARRAY_SIGN] = "s>s",
    [ANM_ARRAY_SQUARE] = "s>s",
    [ANM_ARRAY_RELU] = "s>s",
    [ANM_ARRAY_REDUCE_SUM] = "s>s",
    [ANM_ARRAY_REDUCE_MEAN] = "s>s",
    [ANM_ARRAY_REDUCE_MAX] = "s>s",
    [ANM_ARRAY_REDUCE_MIN] = "s>s",
    [ANM_ARRAY_REDUCE_PROD] = "s>s",
    [ANM_ARRAY_REDUCE_SUM_SQUARE] = "s>s",
    [ANM_ARRAY_REDUCE_L1_NORM] = "s>s",
    [ANM_ARRAY_REDUCE_ARGMAX] = "a>i",
    [ANM_ARRAY_REDUCE_ARGMIN] = "a>i",
    [ANM_ARRAY_SDPA] = "fffa>f",
    [ANM_ARRAY_QUANTIZE] = "ffa>i",
    [ANM_ARRAY_DEQUANTIZE] = "ifa>f",
    [ANM_ARRAY_READ_STATE] = "s>s",
    [ANM_ARRAY_WRITE_STATE] = "s>s",
    [ANM_ARRAY_ATTENTION] = "fffa>f",
};

/* Whether a type is what the letter says; *same is the kind that s stands for,
 * 0 before the first. */
static bool is_kind(char letter, anm_dtype dtype, char *same)
{
    const char kind = anm_array_is_float(dtype) ? 'f' : 'i';

    if (letter == 'a') return true;
    if (letter != 's') return letter == kind;
    if (!*same) *same = kind;
    return *same == kind;
}

anm_status anm_infer_kinds(const anm_infer *f)
{
    const char *in = kinds[f->node->op] ? kinds[f->node->op] : "f>f";
    const char *out = strchr(in, '>') + 1;
    char same = 0, why[64];

    for (unsigned i = 0; i < f->node->n_inputs; i++) {
        if (f->in[i].present && !is_kind(*in, f->in[i].type.dtype, &same)) {
            snprintf(why, sizeof(why), "element type of input %u", i);
            return anm_infer_fail(f, why);
        }
        if (in[1] != '>') in++;
    }
    for (unsigned i = 0; i < f->node->n_outputs; i++) {
        if (!is_kind(*out, f->out[i].dtype, &same))
            return anm_infer_fail(f, "element type of the result");
        if (out[1]) out++;
    }
    return ANM_OK;
}
