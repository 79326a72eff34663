/* mil_cost.c - operations and bytes of an op from declared shapes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_cost.h"

#include <string.h>

const anm_mil_value_type *anm_mil_binding_type(const anm_mil_function *f,
                                               const anm_mil_binding *b)
{
    if (b->from) return &b->from->outputs[b->from_output].type;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->inputs[i].name == b->name) return &f->inputs[i].type;
    return NULL;
}

/* An axis from the end, 1 the last; 1 where it is unknown or not there. */
static double axis(const anm_mil_value_type *t, unsigned from_end)
{
    if (!t || from_end > t->rank || t->dims[t->rank - from_end] < 1) return 1;
    return (double)t->dims[t->rank - from_end];
}

static double elements(const anm_mil_value_type *t)
{
    double n = 1;

    for (unsigned i = 1; t && i <= t->rank; i++)
        n *= axis(t, i);
    return n;
}

static double bytes(const anm_mil_value_type *t)
{
    return t ? elements(t) * anm_mil_type_bits(t->type) / 8 : 0;
}

static const anm_mil_value_type *
type_of(const anm_mil_function *f, const anm_mil_op *op, const char *param)
{
    const anm_mil_arg *arg = anm_mil_op_arg(op, param);
    return arg ? anm_mil_binding_type(f, &arg->bindings[0]) : NULL;
}

/* Length of the axis that a matmul sums over. */
static double summed(const anm_mil_function *f, const anm_mil_op *op)
{
    const anm_mil_value *transpose = anm_mil_op_value(op, "transpose_x");
    int64_t is_transposed = 0;

    if (transpose) (void)anm_mil_value_int(transpose, 0, &is_transposed);
    return axis(type_of(f, op, "x"), is_transposed ? 2 : 1);
}

/* Multiply-accumulates for each element of the result. */
static double macs_each(const anm_mil_function *f, const anm_mil_op *op)
{
    const anm_mil_value_type *weight = type_of(f, op, "weight");
    const anm_mil_arg *values = anm_mil_op_arg(op, "values");

    if (strcmp(op->type, "linear") == 0 || strncmp(op->type, "conv", 4) == 0)
        return weight ? elements(weight) / axis(weight, weight->rank) : 0;
    if (strcmp(op->type, "matmul") == 0) return summed(f, op);
    // Both families of einsum sum over the last axis of the first operand.
    if (strcmp(op->type, "einsum") == 0 && values)
        return axis(anm_mil_binding_type(f, &values->bindings[0]), 1);
    if (strcmp(op->type, "scaled_dot_product_attention") == 0)
        return 2 * axis(type_of(f, op, "key"), 2);
    return 0;
}

double anm_mil_op_cost(const anm_mil_function *f, const anm_mil_op *op)
{
    double moved = 0, macs = 0;

    if (anm_mil_op_is_constant(op)) return 0;
    for (size_t i = 0; i < op->n_outputs; i++)
        moved += bytes(&op->outputs[i].type);
    if (strncmp(op->type, "gather", 6) == 0) return moved / 16;
    for (size_t i = 0; i < op->n_args; i++)
        for (size_t j = 0; j < op->args[i].n; j++)
            moved += bytes(anm_mil_binding_type(f, &op->args[i].bindings[j]));
    if (op->n_outputs) macs = macs_each(f, op) * elements(&op->outputs[0].type);
    return macs + moved / 16;
}
