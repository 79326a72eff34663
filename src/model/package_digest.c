/* package_digest.c - what a function computes, as one digest.
 *
 * Two conversions of one model differ in identifiers of items, in the order of
 * map entries and in offsets of blobs; none of these is hashed. Operations come
 * in the order of the program, their parameters and attributes in order of
 * name, constants as type, shape and stored bytes. Names of values are hashed:
 * they say what is read where.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/file.h"
#include "model/package.h"

static void add_type(anm_sha256 *h, const anm_mil_value_type *t)
{
    anm_sha256_add_u64(h, (uint64_t)t->form);
    anm_sha256_add_u64(h, t->is_state);
    anm_sha256_add_u64(h, (uint64_t)t->type);
    anm_sha256_add_u64(h, t->rank_known);
    anm_sha256_add_u64(h, t->rank);
    for (unsigned i = 0; i < t->rank; i++)
        anm_sha256_add_u64(h, (uint64_t)t->dims[i]);
}

/* Lists of lists end in tensors within the reader's limit of nesting. */
static void add_value(anm_sha256 *h, const anm_mil_value *v)
{
    anm_sha256_add_u64(h, (uint64_t)v->form);
    anm_sha256_add_u64(h, (uint64_t)v->type);
    anm_sha256_add_u64(h, v->rank);
    for (unsigned i = 0; i < v->rank; i++)
        anm_sha256_add_u64(h, v->dims[i]);
    anm_sha256_add_u64(h, v->n);
    if (v->form == ANM_MIL_TENSOR && v->type == ANM_MIL_STRING) {
        for (uint64_t i = 0; i < v->n; i++)
            anm_sha256_add_string(h, v->strings[i]);
    } else if (v->form == ANM_MIL_TENSOR) {
        anm_sha256_add(h, v->data.data, v->data.len);
        /* A file need not be held as a whole to be hashed. */
        if (v->in_file) anm_map_advise(v->data, ANM_MAP_DROP);
    } else {
        const uint64_t n = v->form == ANM_MIL_DICTIONARY ? 2 * v->n : v->n;
        for (uint64_t i = 0; i < n; i++)
            add_value(h, &v->items[i]);
    }
}

static void add_arg(anm_sha256 *h, const anm_mil_arg *arg)
{
    anm_sha256_add_string(h, arg->param);
    anm_sha256_add_u64(h, arg->n);
    for (size_t i = 0; i < arg->n; i++) {
        const anm_mil_binding *b = &arg->bindings[i];
        anm_sha256_add_u64(h, b->name != NULL);
        if (b->name)
            anm_sha256_add_string(h, b->name);
        else
            add_value(h, b->value);
    }
}

/* The entry whose name comes next after `after`; NULL when there is none. */
static const anm_mil_arg *next_arg(const anm_mil_op *op, const char *after)
{
    const anm_mil_arg *next = NULL;

    for (size_t i = 0; i < op->n_args; i++) {
        const anm_mil_arg *a = &op->args[i];
        if (after && strcmp(a->param, after) <= 0) continue;
        if (!next || strcmp(a->param, next->param) < 0) next = a;
    }
    return next;
}

static const anm_mil_attribute *next_attribute(const anm_mil_op *op,
                                               const char *after)
{
    const anm_mil_attribute *next = NULL;

    for (size_t i = 0; i < op->n_attributes; i++) {
        const anm_mil_attribute *a = &op->attributes[i];
        if (after && strcmp(a->name, after) <= 0) continue;
        if (!next || strcmp(a->name, next->name) < 0) next = a;
    }
    return next;
}

static void add_op(anm_sha256 *h, const anm_mil_op *op)
{
    anm_sha256_add_string(h, op->type);
    anm_sha256_add_u64(h, op->n_args);
    for (const anm_mil_arg *a = next_arg(op, NULL); a;
         a = next_arg(op, a->param))
        add_arg(h, a);
    anm_sha256_add_u64(h, op->n_attributes);
    for (const anm_mil_attribute *a = next_attribute(op, NULL); a;
         a = next_attribute(op, a->name)) {
        anm_sha256_add_string(h, a->name);
        add_value(h, a->value);
    }
    anm_sha256_add_u64(h, op->n_outputs);
    for (size_t i = 0; i < op->n_outputs; i++) {
        anm_sha256_add_string(h, op->outputs[i].name);
        add_type(h, &op->outputs[i].type);
    }
}

anm_status anm_package_digest(const anm_package *p,
                              uint8_t out[ANM_SHA256_BYTES], anm_error *err)
{
    const anm_mil_function *f = p->function;
    anm_sha256 *h = anm_sha256_new();

    if (!h) return anm_fail(err, ANM_E_NOMEM, "fingerprint: out of memory");
    anm_sha256_add_string(h, f->opset);
    anm_sha256_add_u64(h, f->n_inputs);
    for (size_t i = 0; i < f->n_inputs; i++) {
        anm_sha256_add_string(h, f->inputs[i].name);
        add_type(h, &f->inputs[i].type);
    }
    anm_sha256_add_u64(h, f->block.n_ops);
    for (size_t i = 0; i < f->block.n_ops; i++)
        add_op(h, &f->block.ops[i]);
    anm_sha256_read(h, out);
    anm_sha256_free(h);
    return ANM_OK;
}
