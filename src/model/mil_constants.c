/* mil_constants.c - const and constexpr ops, evaluated when asked for.
 *
 * A constexpr op may be fed by others (a palette that is itself quantised), so
 * they are evaluated recursively. Parameters are attributes in the iOS16 forms
 * and inputs in the iOS18 forms; which form an op has shows in its parameters,
 * not in the opset.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_constants.h"

#include <assert.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/error.h"

/* Longest chain of constexpr ops, and most outputs of one. */
enum { DEPTH_MAX = 16, OUTPUTS_MAX = 2 };

typedef struct slot {
    bool done;
    anm_mil_array arrays[OUTPUTS_MAX];
} slot;

struct anm_mil_constants {
    const anm_mil_function *function;
    slot **slots; /* [ops of the function]; NULL: never asked for */
    unsigned depth;
    anm_arena arena; /* of slots and lazy ones */
};

typedef struct lazy {
    anm_mil_constants *constants;
    const anm_mil_op *op;
    size_t output;
} lazy;

anm_status anm_mil_constants_new(anm_mil_constants **out,
                                 const anm_mil_function *f, anm_error *err)
{
    anm_mil_constants *c = anm_alloc_zero(sizeof(*c));

    *out = NULL;
    if (c) c->slots = anm_alloc_array(f->block.n_ops, sizeof(slot *));
    if (!c || !c->slots) {
        anm_free(c);
        return anm_fail(err, ANM_E_NOMEM, "constants: out of memory");
    }
    c->function = f;
    *out = c;
    return ANM_OK;
}

static void let_go(anm_mil_constants *c)
{
    for (size_t i = 0; i < c->function->block.n_ops; i++) {
        slot *s = c->slots[i];
        if (!s || !s->done) continue;
        for (size_t o = 0; o < OUTPUTS_MAX; o++)
            anm_mil_array_deinit(&s->arrays[o]);
        s->done = false;
    }
}

void anm_mil_constants_free(anm_mil_constants *c)
{
    if (!c) return;
    let_go(c);
    anm_arena_deinit(&c->arena);
    anm_free(c->slots);
    anm_free(c);
}

bool anm_mil_is_constant(const anm_mil_binding *b)
{
    return b->value || (b->from && anm_mil_op_is_constant(b->from));
}

static anm_status evaluate(anm_mil_constants *c, const anm_mil_op *op,
                           size_t output, const anm_mil_array **out,
                           anm_error *err);

/* ---- Parameters ------------------------------------------------------------ */

/* An array that an op reads: the result of another constexpr, kept there, or a
 * view of a value. NULL data in *out when the op has no such parameter. */
typedef struct operand {
    const anm_mil_array *array; /* NULL: absent */
    anm_mil_array view;
} operand;

static anm_status find_operand(anm_mil_constants *c, const anm_mil_op *op,
                               const char *param, operand *out, anm_error *err)
{
    const anm_mil_value *v = anm_mil_op_value(op, param);
    const anm_mil_arg *arg = anm_mil_op_arg(op, param);

    out->array = NULL;
    if (v) {
        out->array = &out->view;
        return anm_mil_array_of(v, param, &out->view, err);
    }
    if (!arg) return ANM_OK;
    if (arg->n != 1 || !anm_mil_is_constant(&arg->bindings[0]))
        return anm_fail(err, ANM_E_FORMAT, "%s must be one constant", param);
    return evaluate(c, arg->bindings[0].from, arg->bindings[0].from_output,
                    &out->array, err);
}

static anm_status need_operand(anm_mil_constants *c, const anm_mil_op *op,
                               const char *param, operand *out, anm_error *err)
{
    const anm_status status = find_operand(c, op, param, out, err);

    if (status || out->array) return status;
    return anm_fail(err, ANM_E_FORMAT, "it has no %s", param);
}

/* An integer parameter; `otherwise` when there is none. */
static anm_status read_axis(const anm_mil_op *op, const char *param,
                            int64_t otherwise, int64_t *out, anm_error *err)
{
    const anm_mil_value *v = anm_mil_op_value(op, param);

    *out = otherwise;
    if (!v || anm_mil_value_int(v, 0, out)) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "%s is no integer", param);
}

/* ---- The operations -------------------------------------------------------- */

typedef anm_status constexpr_fn(anm_mil_constants *c, const anm_mil_op *op,
                                anm_mil_array out[OUTPUTS_MAX], anm_error *err);

static anm_status make_affine(anm_mil_constants *c, const anm_mil_op *op,
                              anm_mil_array out[OUTPUTS_MAX], anm_error *err)
{
    operand data, zero_point, scale;
    int64_t axis;
    anm_status status = need_operand(c, op, "quantized_data", &data, err);

    if (!status) status = find_operand(c, op, "zero_point", &zero_point, err);
    if (!status) status = need_operand(c, op, "scale", &scale, err);
    if (!status) status = read_axis(op, "axis", 0, &axis, err);
    if (status) return status;
    return anm_mil_affine(data.array, zero_point.array, scale.array, axis,
                          &out[0], err);
}

/* The unsigned type of this many bits; NONE when there is none. */
static anm_mil_type type_of_bits(unsigned bits)
{
    static const anm_mil_type types[] = { ANM_MIL_UINT1, ANM_MIL_UINT2,
                                          ANM_MIL_UINT3, ANM_MIL_UINT4,
                                          ANM_MIL_UINT6, ANM_MIL_UINT8 };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (anm_mil_type_bits(types[i]) == bits) return types[i];
    return ANM_MIL_NONE;
}

/* iOS16: packed bytes of as many bits as the palette's entries need. */
static anm_status make_packed_palette(const anm_mil_array *packed,
                                      const anm_mil_array *lut,
                                      const anm_mil_value *shape,
                                      anm_mil_array *out, anm_error *err)
{
    anm_mil_array indices, groups = *lut;
    uint64_t entries;
    unsigned bits = 0;

    if (!anm_mil_array_elements(lut, &entries)) entries = 0;
    while (bits < 8 && (uint64_t)1 << bits < entries)
        bits++;
    const anm_mil_type type = type_of_bits(bits);
    if (type == ANM_MIL_NONE || entries != (uint64_t)1 << bits)
        return anm_fail(err, ANM_E_FORMAT,
                        "a palette of %" PRIu64 " entries; 2, 4, 8, 16, 64 and "
                        "256 are known",
                        entries);
    const anm_status status =
        anm_mil_unpacked_view(packed, type, shape, &indices, err);
    if (status) return status;
    groups.rank = indices.rank + 2;
    for (unsigned i = 0; i < groups.rank; i++)
        groups.dims[i] = i == indices.rank ? entries : 1;
    return anm_mil_lookup(&indices, &groups, 0, out, err);
}

static anm_status make_palette(anm_mil_constants *c, const anm_mil_op *op,
                               anm_mil_array out[OUTPUTS_MAX], anm_error *err)
{
    const anm_mil_value *shape = anm_mil_op_value(op, "shape");
    operand indices, lut;
    int64_t axis;
    anm_status status = need_operand(c, op, "indices", &indices, err);

    if (!status) status = need_operand(c, op, "lut", &lut, err);
    if (!status) status = read_axis(op, "vector_axis", -1, &axis, err);
    if (status) return status;
    if (shape)
        return make_packed_palette(indices.array, lut.array, shape, &out[0],
                                   err);
    return anm_mil_lookup(indices.array, lut.array, axis, &out[0], err);
}

static anm_status make_sparse(anm_mil_constants *c, const anm_mil_op *op,
                              anm_mil_array out[OUTPUTS_MAX], anm_error *err)
{
    const anm_mil_value *shape = anm_mil_op_value(op, "shape");
    operand values, mask;
    anm_mil_array bits;
    anm_status status = need_operand(c, op, "nonzero_data", &values, err);

    if (!status) status = need_operand(c, op, "mask", &mask, err);
    if (status) return status;
    if (!shape) return anm_mil_scatter(values.array, mask.array, &out[0], err);
    status =
        anm_mil_unpacked_view(mask.array, ANM_MIL_UINT1, shape, &bits, err);
    return status ? status : anm_mil_scatter(values.array, &bits, &out[0], err);
}

static anm_status make_blockwise(anm_mil_constants *c, const anm_mil_op *op,
                                 anm_mil_array out[OUTPUTS_MAX], anm_error *err)
{
    operand data, scale, offset;
    anm_status status = need_operand(c, op, "data", &data, err);

    if (!status) status = need_operand(c, op, "scale", &scale, err);
    if (!status) status = find_operand(c, op, "offset", &offset, err);
    if (status) return status;
    return anm_mil_blockwise(data.array, scale.array, offset.array, &out[0],
                             err);
}

/* The joint forms go through the whole array: place the values that are there,
 * decompress all, and take those of the mask again. */
static anm_status make_sparse_palette(anm_mil_constants *c,
                                      const anm_mil_op *op,
                                      anm_mil_array out[OUTPUTS_MAX],
                                      anm_error *err)
{
    operand mask, indices, lut;
    anm_mil_array whole = { 0 }, dense = { 0 };
    int64_t axis;
    anm_status status = need_operand(c, op, "indices_mask", &mask, err);

    if (!status)
        status = need_operand(c, op, "indices_nonzero_data", &indices, err);
    if (!status) status = need_operand(c, op, "lut", &lut, err);
    if (!status) status = read_axis(op, "vector_axis", -1, &axis, err);
    if (status) return status;
    status = anm_mil_scatter(indices.array, mask.array, &whole, err);
    if (!status) status = anm_mil_lookup(&whole, lut.array, axis, &dense, err);
    if (!status) {
        // One value an entry leaves the shape, and any axis, as it was.
        const uint64_t width = lut.array->dims[lut.array->rank - 1];
        status = anm_mil_widen_mask(mask.array, width, width > 1 ? axis : -1,
                                    &out[0], err);
    }
    if (!status) status = anm_mil_collect(&dense, &out[0], &out[1], err);
    anm_mil_array_deinit(&whole);
    anm_mil_array_deinit(&dense);
    return status;
}

static anm_status make_sparse_blockwise(anm_mil_constants *c,
                                        const anm_mil_op *op,
                                        anm_mil_array out[OUTPUTS_MAX],
                                        anm_error *err)
{
    operand mask, values, scale, offset;
    anm_mil_array whole = { 0 }, dense = { 0 };
    anm_status status = need_operand(c, op, "data_mask", &mask, err);

    if (!status) status = need_operand(c, op, "nonzero_data", &values, err);
    if (!status) status = need_operand(c, op, "scale", &scale, err);
    if (!status) status = find_operand(c, op, "offset", &offset, err);
    if (status) return status;
    status = anm_mil_scatter(values.array, mask.array, &whole, err);
    if (!status)
        status =
            anm_mil_blockwise(&whole, scale.array, offset.array, &dense, err);
    if (!status) status = anm_mil_widen_mask(mask.array, 1, -1, &out[0], err);
    if (!status) status = anm_mil_collect(&dense, &out[0], &out[1], err);
    anm_mil_array_deinit(&whole);
    anm_mil_array_deinit(&dense);
    return status;
}

static anm_status make_cast(anm_mil_constants *c, const anm_mil_op *op,
                            anm_mil_array out[OUTPUTS_MAX], anm_error *err)
{
    const anm_mil_value *v = anm_mil_op_value(op, "output_dtype");
    const char *dtype = v ? anm_mil_value_string(v) : NULL;
    operand source;
    const anm_status status = need_operand(c, op, "source_val", &source, err);

    if (status) return status;
    if (!dtype || strcmp(dtype, "fp32") != 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "output_dtype \"%s\"; known: fp32", dtype ? dtype : "");
    return anm_mil_to_f32(source.array, &out[0], err);
}

/* ---- The table ------------------------------------------------------------- */

static const struct {
    const char *type;
    constexpr_fn *make;
} rows[] = {
    { "constexpr_affine_dequantize", make_affine },
    { "constexpr_blockwise_shift_scale", make_blockwise },
    { "constexpr_cast", make_cast },
    { "constexpr_lut_to_dense", make_palette },
    { "constexpr_lut_to_sparse", make_sparse_palette },
    { "constexpr_sparse_blockwise_shift_scale", make_sparse_blockwise },
    { "constexpr_sparse_to_dense", make_sparse },
};

static constexpr_fn *find_function(const char *type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].type, type) == 0) return rows[i].make;
    return NULL;
}

bool anm_mil_constexpr_known(const char *type)
{
    return find_function(type) != NULL;
}

/* What came out must be what the program declares; masks are bytes here. */
static anm_status check_declared(const anm_mil_op *op, size_t output,
                                 const anm_mil_array *a, anm_error *err)
{
    const anm_mil_value_type *t = &op->outputs[output].type;
    char text[160];
    bool same = t->form == ANM_MIL_TENSOR && t->rank_known &&
                t->rank == a->rank &&
                (t->type == a->type || anm_mil_type_bits(t->type) < 8 ||
                 t->type == ANM_MIL_BOOL);

    for (unsigned i = 0; same && i < a->rank; i++)
        same = t->dims[i] < 0 || (uint64_t)t->dims[i] == a->dims[i];
    if (same) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "it declares %s and gives %s of rank %u",
                    anm_mil_value_type_text(t, text, sizeof(text)),
                    anm_mil_type_name(a->type), a->rank);
}

static anm_status run_op(anm_mil_constants *c, const anm_mil_op *op, slot *s,
                         anm_error *err)
{
    if (strcmp(op->type, "const") == 0) {
        const anm_mil_value *v = anm_mil_op_attribute(op, "val");
        if (!v) return anm_fail(err, ANM_E_FORMAT, "it has no val");
        return anm_mil_array_of(v, "val", &s->arrays[0], err);
    }
    constexpr_fn *fn = find_function(op->type);
    if (!fn)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "function %s (%s): this operation is not built in",
                        c->function->name, c->function->opset);
    if (op->n_outputs > OUTPUTS_MAX)
        return anm_fail(err, ANM_E_FORMAT, "it has %zu outputs", op->n_outputs);
    anm_status status = fn(c, op, s->arrays, err);
    for (size_t i = 0; i < op->n_outputs && !status; i++)
        status = check_declared(op, i, &s->arrays[i], err);
    return status;
}

static anm_status evaluate(anm_mil_constants *c, const anm_mil_op *op,
                           size_t output, const anm_mil_array **out,
                           anm_error *err)
{
    assert(op >= c->function->block.ops);
    const size_t index = (size_t)(op - c->function->block.ops);
    assert(index < c->function->block.n_ops);
    if (!c->slots[index])
        c->slots[index] = anm_arena_alloc(&c->arena, sizeof(slot));
    slot *s = c->slots[index];
    if (!s) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", op->name);
    if (!s->done) {
        if (c->depth >= DEPTH_MAX)
            return anm_fail(err, ANM_E_LIMIT,
                            "%s: a chain of more than %d constexpr operations",
                            op->name, DEPTH_MAX);
        c->depth++;
        const anm_status status = run_op(c, op, s, err);
        c->depth--;
        if (status) {
            for (size_t i = 0; i < OUTPUTS_MAX; i++)
                anm_mil_array_deinit(&s->arrays[i]);
            return anm_fail_prefix(err, status, "%s %s", op->type, op->name);
        }
        s->done = true;
    }
    if (output >= OUTPUTS_MAX || output >= op->n_outputs)
        return anm_fail(err, ANM_E_FORMAT, "%s has no output %zu", op->name,
                        output);
    *out = &s->arrays[output];
    return ANM_OK;
}

anm_status anm_mil_constants_get(anm_mil_constants *c, const anm_mil_binding *b,
                                 anm_mil_array *out, anm_error *err)
{
    const anm_mil_array *kept = NULL;

    assert(anm_mil_is_constant(b));
    if (!b->from) return anm_mil_array_of(b->value, "literal", out, err);
    const anm_status status = evaluate(c, b->from, b->from_output, &kept, err);
    if (status) return status;
    *out = *kept;
    out->owned = NULL;
    return ANM_OK;
}

/* ---- Bytes when they are asked for ------------------------------------------ */

void *anm_mil_constants_lazy(anm_mil_constants *c, const anm_mil_binding *b)
{
    lazy *l = anm_arena_alloc(&c->arena, sizeof(*l));

    assert(b->from);
    if (l) *l = (lazy){ c, b->from, b->from_output };
    return l;
}

anm_status anm_mil_constants_fill(void *ctx, void *dst, size_t bytes,
                                  anm_error *err)
{
    const lazy *l = ctx;
    const anm_mil_array *a = NULL;
    anm_status status = evaluate(l->constants, l->op, l->output, &a, err);

    if (!status && a->data.len != bytes)
        status = anm_fail(err, ANM_E_FORMAT,
                          "%s %s: it gives %zu bytes, %zu are declared",
                          l->op->type, l->op->name, a->data.len, bytes);
    if (!status && bytes) memcpy(dst, a->data.data, bytes);
    let_go(l->constants);
    return status;
}
