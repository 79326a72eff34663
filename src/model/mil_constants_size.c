/* mil_constants_size.c - how large constants will be, before any is made.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "model/mil_constants.h"

/* ---- One operation -------------------------------------------------------- */

/* Elements of an operand as it is declared, whoever makes it. */
static bool operand_elements(const anm_mil_op *op, const char *param,
                             uint64_t *n)
{
    const anm_mil_value *v = anm_mil_op_value(op, param);
    const anm_mil_arg *arg = anm_mil_op_arg(op, param);

    *n = 1;
    if (v) {
        *n = v->n;
        return true;
    }
    if (!arg || arg->n != 1 || !arg->bindings[0].from) return false;
    const anm_mil_binding *b = &arg->bindings[0];
    const anm_mil_value_type *t = &b->from->outputs[b->from_output].type;
    for (unsigned i = 0; i < t->rank; i++) {
        if (t->dims[i] < 0 ||
            (t->dims[i] && *n > UINT64_MAX / (uint64_t)t->dims[i]))
            return false;
        *n *= (uint64_t)t->dims[i];
    }
    return true;
}

/* Values that one entry of a palette stands for. */
static uint64_t width_of(const anm_mil_op *op)
{
    const anm_mil_value *v = anm_mil_op_value(op, "lut");

    return v && v->rank ? v->dims[v->rank - 1] : 0;
}

/* The elements that come out by what goes in; false where only making it
 * tells. */
static bool result_elements(const anm_mil_op *op, size_t output, uint64_t *n)
{
    static const struct {
        const char *type, *param;
    } sources[] = {
        { "constexpr_affine_dequantize", "quantized_data" },
        { "constexpr_blockwise_shift_scale", "data" },
        { "constexpr_cast", "source_val" },
        { "constexpr_lut_to_dense", "indices" },
        { "constexpr_lut_to_sparse", "indices_mask" },
        { "constexpr_sparse_blockwise_shift_scale", "data_mask" },
        { "constexpr_sparse_to_dense", "mask" },
    };
    size_t i = 0;

    while (i < sizeof(sources) / sizeof(sources[0]) &&
           strcmp(sources[i].type, op->type) != 0)
        i++;
    // Packed bytes are held against their shape when they are unpacked; their
    // number of elements is not that of their bytes.
    if (i == sizeof(sources) / sizeof(sources[0]) || output > 0 ||
        anm_mil_op_value(op, "shape") ||
        !operand_elements(op, sources[i].param, n))
        return false;
    const uint64_t width =
        strncmp(op->type, "constexpr_lut", 13) == 0 ? width_of(op) : 1;
    if (width == 0 || *n > UINT64_MAX / width) return false;
    *n *= width;
    return true;
}

/* Packed bytes of one bit or more an element. */
static bool fits_packed(const anm_mil_op *op, uint64_t declared)
{
    const char *param =
        anm_mil_op_arg(op, "mask") || anm_mil_op_attribute(op, "mask")
            ? "mask"
            : "indices";
    const anm_mil_value *v = anm_mil_op_value(op, param);

    return !v || declared <= (uint64_t)v->data.len * 8;
}

anm_status anm_mil_constants_check(const anm_mil_op *op, anm_error *err)
{
    for (size_t o = 0; o < op->n_outputs; o++) {
        const anm_mil_value_type *t = &op->outputs[o].type;
        uint64_t declared = 1, n = 0;
        bool same = true;
        for (unsigned i = 0; i < t->rank; i++) {
            const uint64_t dim = t->dims[i] < 0 ? 0 : (uint64_t)t->dims[i];
            same = same && (dim == 0 || declared <= UINT64_MAX / dim);
            declared *= dim;
        }
        if (anm_mil_op_value(op, "shape"))
            same = same && fits_packed(op, declared);
        else if (result_elements(op, o, &n))
            same = same && declared == n;
        if (!same)
            return anm_fail(err, ANM_E_FORMAT,
                            "it declares %" PRIu64
                            " elements, and is not made of as many",
                            declared);
    }
    return ANM_OK;
}

/* ---- All of a function ------------------------------------------------------ */

enum { FILES_MAX = 1 + ANM_MLPACKAGE_FILES_MAX };

/* What a function is made of: files up to the last byte that it names, and
 * literals. */
typedef struct material {
    uint64_t ends[FILES_MAX];
    uint64_t literals;
} material;

static void count_value(material *m, const anm_mil_value *v)
{
    if (!v) return;
    if (!v->in_file || v->file >= FILES_MAX) {
        m->literals += v->data.len;
        return;
    }
    const uint64_t end = v->offset + v->data.len;
    if (end > m->ends[v->file]) m->ends[v->file] = end;
}

static uint64_t stored_bytes(const anm_mil_block *b)
{
    material m = { .literals = 0 };
    uint64_t all;

    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];
        for (size_t k = 0; k < op->n_attributes; k++)
            count_value(&m, op->attributes[k].value);
        for (size_t k = 0; k < op->n_args; k++)
            for (size_t n = 0; n < op->args[k].n; n++)
                count_value(&m, op->args[k].bindings[n].value);
    }
    all = m.literals;
    for (size_t i = 0; i < FILES_MAX; i++)
        all += m.ends[i];
    return all;
}

/* As cells of four bytes, which is what most become. */
static bool add_made(const anm_mil_op *op, uint64_t *bytes)
{
    for (size_t o = 0; o < op->n_outputs; o++) {
        const anm_mil_value_type *t = &op->outputs[o].type;
        uint64_t n = sizeof(float);

        for (unsigned i = 0; i < t->rank; i++) {
            const uint64_t dim = t->dims[i] < 0 ? 0 : (uint64_t)t->dims[i];
            if (dim && n > UINT64_MAX / dim) return false;
            n *= dim;
        }
        if (n > UINT64_MAX - *bytes) return false;
        *bytes += n;
    }
    return true;
}

anm_status anm_mil_constants_check_all(const anm_mil_function *f,
                                       const bool *needed, anm_error *err)
{
    const uint64_t stored = stored_bytes(&f->block);
    uint64_t made = 0;

    for (size_t i = 0; i < f->block.n_ops; i++) {
        const anm_mil_op *op = &f->block.ops[i];
        if (needed[i] && anm_mil_op_is_constant(op) && !add_made(op, &made))
            made = UINT64_MAX;
    }
    if (made <= ANM_MIL_GROWTH_FREE ||
        (made - ANM_MIL_GROWTH_FREE) / ANM_MIL_GROWTH_MAX <= stored)
        return ANM_OK;
    return anm_fail(err, ANM_E_LIMIT,
                    "function %s: constants of %" PRIu64 " bytes from %" PRIu64
                    " in the file; at most %d times as many and %" PRIu64,
                    f->name, made, stored, ANM_MIL_GROWTH_MAX,
                    ANM_MIL_GROWTH_FREE);
}
