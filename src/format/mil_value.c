/* mil_value.c - asking types and values.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/mil_program.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/types.h"

typedef struct type_info {
    const char *name;
    unsigned bits;
} type_info;

static const type_info types[] = { [ANM_MIL_NONE] = { "NONE", 0 },
#define X(name, number, code, bits) [ANM_MIL_##name] = { #name, bits },
                                   ANM_MIL_TYPE_LIST(X)
#undef X
};

const char *anm_mil_type_name(anm_mil_type t)
{
    return types[t].name;
}

unsigned anm_mil_type_bits(anm_mil_type t)
{
    return types[t].bits;
}

bool anm_mil_type_is_float(anm_mil_type t)
{
    return t == ANM_MIL_FLOAT16 || t == ANM_MIL_FLOAT32 ||
           t == ANM_MIL_FLOAT64 || t == ANM_MIL_BFLOAT16 ||
           t == ANM_MIL_FLOAT8E4M3FN || t == ANM_MIL_FLOAT8E5M2;
}

static bool is_signed(anm_mil_type t)
{
    return t == ANM_MIL_INT4 || t == ANM_MIL_INT8 || t == ANM_MIL_INT16 ||
           t == ANM_MIL_INT32 || t == ANM_MIL_INT64;
}

const char *anm_mil_value_type_text(const anm_mil_value_type *t, char *out,
                                    size_t cap)
{
    static const char *const forms[] = {
        [ANM_MIL_TENSOR] = "tensor",
        [ANM_MIL_LIST] = "list",
        [ANM_MIL_TUPLE] = "tuple",
        [ANM_MIL_DICTIONARY] = "dictionary",
    };
    const char *const state = t->is_state ? "state " : "";

    if (t->form != ANM_MIL_TENSOR) {
        snprintf(out, cap, "%s%s", state, forms[t->form]);
        return out;
    }
    size_t len =
        (size_t)snprintf(out, cap, "%s%s %s", state, anm_mil_type_name(t->type),
                         t->rank_known ? "[" : "of any rank");
    for (unsigned i = 0; i < t->rank && len < cap; i++)
        if (t->dims[i] < 0)
            len += (size_t)snprintf(out + len, cap - len, "%s?", i ? ", " : "");
        else
            len += (size_t)snprintf(out + len, cap - len, "%s%" PRId64,
                                    i ? ", " : "", t->dims[i]);
    if (t->rank_known && len < cap) snprintf(out + len, cap - len, "]");
    return out;
}

/* ---- Elements ------------------------------------------------------------ */

/* Element i of a stream of elements of `bits` <= 64 bits, the first in the
 * lowest. False beyond the end. */
static bool element(const anm_mil_value *v, uint64_t i, uint64_t *out)
{
    const unsigned bits = anm_mil_type_bits(v->type);

    if (v->form != ANM_MIL_TENSOR || !bits || i >= v->n) return false;
    const uint64_t first = i * bits;
    uint64_t value = 0;
    for (unsigned got = 0; got < bits;) {
        const unsigned skip = (unsigned)((first + got) % 8);
        const uint64_t byte = v->data.data[(first + got) / 8];

        value |= (byte >> skip) << got;
        got += 8 - skip;
    }
    *out = bits == 64 ? value : value & ((UINT64_C(1) << bits) - 1);
    return true;
}

bool anm_mil_value_int(const anm_mil_value *v, uint64_t i, int64_t *out)
{
    uint64_t raw = 0;

    if (anm_mil_type_is_float(v->type) || !element(v, i, &raw)) return false;
    const unsigned bits = anm_mil_type_bits(v->type);
    const uint64_t sign = UINT64_C(1) << (bits - 1);

    if (is_signed(v->type))
        raw = (raw ^ sign) - sign;
    else if (raw > INT64_MAX)
        return false;
    *out = (int64_t)raw;
    return true;
}

/* E4M3FN has no infinities; all ones is its only NaN. */
static double e4m3fn(uint64_t b)
{
    const int exponent = (int)(b >> 3 & 15), mantissa = (int)(b & 7);
    const double sign = b & 0x80 ? -1.0 : 1.0;

    if (exponent == 15 && mantissa == 7) return NAN;
    if (!exponent) return sign * ldexp(mantissa, -9);
    return sign * ldexp(8 + mantissa, exponent - 10);
}

static double float_of(anm_mil_type t, uint64_t raw)
{
    const uint32_t low = (uint32_t)raw;
    double d = 0;
    float f = 0;

    switch ((int)t) {
    case ANM_MIL_FLOAT16:
        return anm_f32_of_f16((uint16_t)raw);
    case ANM_MIL_BFLOAT16:
        return anm_f32_of_bf16((uint16_t)raw);
    case ANM_MIL_FLOAT8E5M2: // the upper half of a half
        return anm_f32_of_f16((uint16_t)(raw << 8));
    case ANM_MIL_FLOAT8E4M3FN:
        return e4m3fn(raw);
    case ANM_MIL_FLOAT64:
        memcpy(&d, &raw, sizeof(d));
        return d;
    default:
        memcpy(&f, &low, sizeof(f));
        return f;
    }
}

bool anm_mil_value_real(const anm_mil_value *v, uint64_t i, double *out)
{
    uint64_t raw = 0;
    int64_t whole = 0;

    if (!anm_mil_type_is_float(v->type)) {
        if (!anm_mil_value_int(v, i, &whole)) return false;
        *out = (double)whole;
        return true;
    }
    if (!element(v, i, &raw)) return false;
    *out = float_of(v->type, raw);
    return true;
}

const char *anm_mil_value_string(const anm_mil_value *v)
{
    return v->type == ANM_MIL_STRING && v->n == 1 ? v->strings[0] : NULL;
}

/* ---- Ops ----------------------------------------------------------------- */

const anm_mil_arg *anm_mil_op_arg(const anm_mil_op *op, const char *param)
{
    for (size_t i = 0; i < op->n_args; i++)
        if (strcmp(op->args[i].param, param) == 0) return &op->args[i];
    return NULL;
}

const anm_mil_value *anm_mil_op_attribute(const anm_mil_op *op,
                                          const char *name)
{
    for (size_t i = 0; i < op->n_attributes; i++)
        if (strcmp(op->attributes[i].name, name) == 0)
            return op->attributes[i].value;
    return NULL;
}

bool anm_mil_op_is_constant(const anm_mil_op *op)
{
    return strcmp(op->type, "const") == 0 ||
           strncmp(op->type, "constexpr_", 10) == 0;
}

const anm_mil_value *anm_mil_binding_value(const anm_mil_binding *b)
{
    if (b->value) return b->value;
    if (!b->from || strcmp(b->from->type, "const") != 0) return NULL;
    return anm_mil_op_attribute(b->from, "val");
}

const anm_mil_value *anm_mil_op_value(const anm_mil_op *op, const char *param)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, param);

    if (!arg) return anm_mil_op_attribute(op, param);
    return arg->n == 1 ? anm_mil_binding_value(&arg->bindings[0]) : NULL;
}
