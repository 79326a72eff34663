/* mil_lint_weights.c - what one prediction reads of a package's weights.
 *
 * An op reads the constants that its arguments lead to, through any chain of
 * constexpr ops, in their stored form. A gather reads a few rows of its table:
 * the table is left out, unless another op reads it whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "base/alloc.h"
#include "model/mil_lint_rules.h"

/* Constexprs in constexprs: real chains have three. What a file made to be slow
 * asks for beyond these steps is not counted. */
enum { CHAIN_MAX = 8, STEPS_MAX = 1 << 20 };

/* A constant by its place: a record of a blob file, or memory. */
typedef struct stored {
    unsigned file;
    uint64_t offset, bytes;
} stored;

typedef struct reading {
    stored *blobs; /* [n], as met; shared ones several times */
    size_t n, cap, n_steps;
    bool failed;
} reading;

static void add_value(reading *x, const anm_mil_value *v)
{
    const stored s = {
        .file = v && v->in_file ? v->file : UINT_MAX,
        .offset = v && v->in_file ? v->offset : (uintptr_t)v,
        .bytes = v ? v->data.len : 0,
    };

    if (!s.bytes) return;
    if (!anm_grow(&x->blobs, &x->cap, x->n + 1, sizeof(*x->blobs))) {
        x->failed = true;
        return;
    }
    x->blobs[x->n++] = s;
}

static void add_binding(reading *x, const anm_mil_binding *b, int depth)
{
    if (x->n_steps++ > STEPS_MAX) return;
    add_value(x, b->value);
    if (!b->from || !anm_mil_op_is_constant(b->from) || depth > CHAIN_MAX)
        return;
    for (size_t i = 0; i < b->from->n_attributes; i++)
        add_value(x, b->from->attributes[i].value);
    for (size_t i = 0; i < b->from->n_args; i++)
        for (size_t j = 0; j < b->from->args[i].n; j++)
            add_binding(x, &b->from->args[i].bindings[j], depth + 1);
}

static void add_block(reading *x, const anm_mil_block *b)
{
    for (size_t i = 0; i < b->n_ops; i++) {
        const anm_mil_op *op = &b->ops[i];
        const bool is_gather = strncmp(op->type, "gather", 6) == 0;

        if (anm_mil_op_is_constant(op)) continue;
        for (size_t j = 0; j < op->n_args; j++) {
            if (is_gather && strcmp(op->args[j].param, "x") == 0) continue;
            for (size_t k = 0; k < op->args[j].n; k++)
                add_binding(x, &op->args[j].bindings[k], 0);
        }
        for (size_t j = 0; j < op->n_blocks; j++)
            add_block(x, &op->blocks[j]);
    }
}

static int compare(const void *a, const void *b)
{
    const stored *x = a, *y = b;

    if (x->file != y->file) return x->file < y->file ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

bool anm_lint_bytes_read(const anm_mil_function *f, uint64_t *out)
{
    reading x = { 0 };

    add_block(&x, &f->block);
    if (x.n) qsort(x.blobs, x.n, sizeof(*x.blobs), compare);
    *out = 0;
    for (size_t i = 0; i < x.n; i++)
        if (!i || compare(&x.blobs[i - 1], &x.blobs[i]) != 0)
            *out += x.blobs[i].bytes;
    anm_free(x.blobs);
    return !x.failed;
}
