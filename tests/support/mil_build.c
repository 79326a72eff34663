/* mil_build.c - see mil_build.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/mil_build.h"

#include <stdio.h>
#include <string.h>

#include "support/support.h"

void test_mil_init(test_mil *m, const char *opset, int ios)
{
    memset(m, 0, sizeof(*m));
    m->function = (anm_mil_function){
        .name = "main", .opset = opset, .ios = ios, .inputs = m->inputs
    };
    m->function.block.ops = m->ops;
    m->function.block.outputs = m->results;
    m->function.features.inputs = m->features;
}

static anm_mil_value_type type_of(int64_t *kept, anm_mil_type type,
                                  const int64_t *dims)
{
    anm_mil_value_type t = { .type = type, .rank_known = true, .dims = kept };

    while (dims && dims[t.rank]) {
        kept[t.rank] = dims[t.rank];
        t.rank++;
    }
    return t;
}

void test_mil_input(test_mil *m, const char *name, anm_mil_type type,
                    const int64_t *dims)
{
    const size_t i = m->function.n_inputs++;
    int64_t *kept = m->dims[TEST_MIL_OPS + i];
    uint64_t *sizes = m->sizes[TEST_MIL_OPS + i];

    assert_true(i < 4);
    m->inputs[i] = (anm_mil_var){ name, type_of(kept, type, dims) };
    for (unsigned k = 0; k < m->inputs[i].type.rank; k++)
        sizes[k] = kept[k] < 0 ? 1 : (uint64_t)kept[k];
    m->features[i] = (anm_feature){ .name = name,
                                    .about = "",
                                    .kind = ANM_FEATURE_ARRAY,
                                    .type = type,
                                    .dims = sizes,
                                    .rank = m->inputs[i].type.rank };
    m->function.features.n_inputs = m->function.n_inputs;
}

/* The op whose output has this name; NULL: an input. */
static const anm_mil_op *find_op(const test_mil *m, const char *name,
                                 const char **kept)
{
    for (size_t i = 0; i < m->function.n_inputs; i++)
        if (!strcmp(m->inputs[i].name, name)) {
            *kept = m->inputs[i].name;
            return NULL;
        }
    for (size_t i = 0; i < m->function.block.n_ops; i++)
        if (!strcmp(m->ops[i].name, name)) {
            *kept = m->ops[i].name;
            return &m->ops[i];
        }
    fail_msg("no %s", name);
    return NULL;
}

static anm_mil_op *next_op(test_mil *m, const char *type, const char *name,
                           size_t *i)
{
    *i = m->function.block.n_ops++;
    assert_true(*i < TEST_MIL_OPS);
    m->ops[*i] = (anm_mil_op){ .type = type,
                               .name = name,
                               .args = m->args[*i],
                               .outputs = &m->outputs[*i],
                               .n_outputs = 1 };
    return &m->ops[*i];
}

void test_mil_add_const(test_mil *m, const char *name, anm_mil_type type,
                        const void *data, size_t n)
{
    size_t i;
    anm_mil_op *op = next_op(m, "const", name, &i);
    const int64_t dims[] = { (int64_t)n, 0 };
    const size_t elements = n ? n : 1;

    m->sizes[i][0] = n;
    m->values[i] = (anm_mil_value){
        .type = type,
        .rank = n ? 1 : 0,
        .dims = m->sizes[i],
        .n = elements,
        .data = anm_bytes_of(data, elements * anm_mil_type_bits(type) / 8),
    };
    m->attributes[i] = (anm_mil_attribute){ "val", &m->values[i] };
    op->attributes = &m->attributes[i];
    op->n_attributes = 1;
    m->outputs[i] = (anm_mil_var){ name, type_of(m->dims[i], type, dims) };
}

void test_mil_add(test_mil *m, const char *type, const char *name,
                  const char *params, anm_mil_type result, const int64_t *dims)
{
    static char kept[64][64];
    static size_t n_kept;
    size_t i;
    anm_mil_op *op = next_op(m, type, name, &i);

    for (const char *at = params; at && *at; op->n_args++) {
        char *param = kept[n_kept++ % 64], from[64];
        int used = 0;
        assert_int_equal(sscanf(at, "%63[^=]=%63s %n", param, from, &used), 2);
        anm_mil_binding *b = &m->bindings[i][op->n_args];
        b->from = find_op(m, from, &b->name);
        m->args[i][op->n_args] = (anm_mil_arg){ param, b, 1 };
        at += used;
    }
    m->outputs[i] = (anm_mil_var){ name, type_of(m->dims[i], result, dims) };
}

void test_mil_result(test_mil *m, const char *name)
{
    anm_mil_binding *b = &m->results[m->function.block.n_outputs++];

    b->from = find_op(m, name, &b->name);
}
