/* arrays_random.c - see arrays_random.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "support/arrays_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "graph/arrays_pass.h"
#include "graph/arrays_shape.h"
#include "support/program.h"

enum {
    VALUES_MAX = 200,
    NODES_MAX = 32,
    INPUTS = 4,
    ELEMENTS_MAX = 4096, /* of one value */
    RANDOM_CELLS = 64,
};

typedef struct maker {
    const uint8_t *data;
    size_t size;
    anm_arrays *a;
    anm_array_known known[VALUES_MAX]; /* dims -1 where open */
    bool open[VALUES_MAX];
    size_t n_values;
    anm_value_id state;
    int32_t ints[RANDOM_CELLS];
    float floats[RANDOM_CELLS];
    anm_array_view inputs[INPUTS];
} maker;

static unsigned next(maker *m)
{
    if (m->size == 0) return 0;
    m->size--;
    return *m->data++;
}

static int small(maker *m)
{
    return (int)(next(m) % 9) - 3;
}

/* ---- Values from outside ------------------------------------------------- */

static void note(maker *m, anm_value_id v, const anm_array_type *t,
                 const void *data)
{
    if (v == ANM_VALUE_NONE || v >= VALUES_MAX) return;
    m->known[v] = (anm_array_known){ true, *t, data };
    m->n_values = v + 1;
}

static void add_sources(maker *m)
{
    static const anm_array_type inputs[INPUTS] = {
        { ANM_DTYPE_F32, 3, { 2, 3, 4 } },
        { ANM_DTYPE_F16, 2, { 4, 4 } },
        { ANM_DTYPE_I32, 2, { 2, 3 } },
        { ANM_DTYPE_I32, 1, { 3 } },
    };
    static const anm_array_type constants[] = {
        { ANM_DTYPE_F32, 2, { 4, 4 } },       { ANM_DTYPE_F32, 1, { 4 } },
        { ANM_DTYPE_F32, 0, { 0 } },          { ANM_DTYPE_I32, 1, { 2 } },
        { ANM_DTYPE_I32, 1, { 3 } },          { ANM_DTYPE_I32, 0, { 0 } },
        { ANM_DTYPE_F32, 4, { 4, 4, 1, 1 } }, { ANM_DTYPE_I32, 1, { 4 } },
    };
    char name[32];

    for (size_t i = 0; i < RANDOM_CELLS; i++) {
        m->ints[i] = small(m);
        m->floats[i] = (float)small(m) / 2.0f;
    }
    for (size_t i = 0; i < INPUTS; i++) {
        const anm_array_type *t = &inputs[i];

        snprintf(name, sizeof(name), "in%zu", i);
        m->inputs[i] = (anm_array_view){ anm_arrays_input(m->a, name, t),
                                         t->rank,
                                         { 0 },
                                         i < 2 ? (const void *)m->floats
                                               : (const void *)m->ints };
        memcpy(m->inputs[i].dims, t->dims, sizeof(t->dims));
        note(m, m->inputs[i].value, t, NULL);
    }
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        const anm_array_type *t = &constants[i];
        const void *data = t->dtype == ANM_DTYPE_F32
                               ? (const void *)(m->floats + i)
                               : (const void *)(m->ints + i);

        snprintf(name, sizeof(name), "c%zu", i);
        note(m,
             anm_arrays_const(m->a, name, t,
                              anm_bytes_of(data, 4 * anm_array_elements(t))),
             t, data);
    }
    m->state = anm_arrays_state(m->a, "state", &inputs[1]);
    note(m, m->state, &inputs[1], NULL);
}

/* ---- Nodes --------------------------------------------------------------- */

static anm_array_attr random_attr(maker *m)
{
    anm_array_attr a = { .flags = next(m) & next(m),
                         .act = (anm_act)(next(m) % ANM_ACT_COUNT),
                         .mode = (anm_array_mode)(next(m) % 11),
                         .pad_type = (anm_array_pad_type)(next(m) % 4),
                         .axis = small(m),
                         .batch_dims = next(m) % 8 == 0,
                         .k = small(m),
                         .lower = small(m),
                         .upper = small(m),
                         .groups = next(m) % 3,
                         .n_axes = next(m) % 5,
                         .begin_mask = next(m) % 16,
                         .end_mask = next(m) % 16,
                         .squeeze_mask = next(m) % 8 == 0 ? next(m) % 16 : 0,
                         .alpha = small(m),
                         .beta = small(m),
                         .eps = (double)small(m) / 64.0 };

    a.flags |= (next(m) & next(m)) << 8 & 0xf00;
    for (size_t i = 0; i < ANM_RANK_MAX; i++)
        a.axes[i] = small(m);
    for (size_t i = 0; i < 3; i++) {
        a.strides[i] = next(m) % 3;
        a.dilations[i] = next(m) % 3;
    }
    for (size_t i = 0; i < 6; i++)
        a.pads[i] = next(m) % 3;
    a.dtype = ANM_DTYPE_F32;
    return a;
}

static void pick_inputs(maker *m, anm_array_op op, anm_value_id *in, unsigned n)
{
    const bool to_state =
        op == ANM_ARRAY_READ_STATE || op == ANM_ARRAY_WRITE_STATE;

    for (unsigned i = 0; i < n; i++) {
        do
            in[i] = next(m) % (unsigned)m->n_values;
        while (in[i] == m->state && next(m));
        if (in[i] == m->state) in[i] = 0;
        if (to_state && i == 0) in[i] = m->state;
    }
}

/* The types of the results by inference; false when it refuses. */
static bool type_results(maker *m, const anm_array_node *node,
                         anm_array_result *results, bool *open)
{
    static const anm_dtype kinds[] = { ANM_DTYPE_F32, ANM_DTYPE_I32,
                                       ANM_DTYPE_BOOL, ANM_DTYPE_U8 };
    anm_array_known in[8];
    anm_array_type out[2];

    *open = false;
    for (unsigned i = 0; i < node->n_inputs; i++) {
        in[i] = m->known[node->inputs[i]];
        *open = *open || m->open[node->inputs[i]];
    }
    for (size_t k = 0; k < 4; k++) {
        for (unsigned i = 0; i < node->n_outputs; i++)
            out[i] = (anm_array_type){ .dtype = i && node->op == ANM_ARRAY_TOPK
                                                    ? ANM_DTYPE_I32
                                                    : kinds[k] };
        bool waits = false;
        if (!*open && anm_arrays_infer(node, in, out, &waits, NULL)) continue;
        *open = *open || waits;
        for (unsigned i = 0; i < node->n_outputs; i++) {
            if (*open) out[i].rank = next(m) % 4;
            for (unsigned d = 0; d < out[i].rank; d++)
                out[i].dims[d] = *open ? -1 : out[i].dims[d];
            if (!*open && anm_array_elements(&out[i]) > ELEMENTS_MAX)
                return false;
            results[i].type = out[i];
        }
        return true;
    }
    return false;
}

static void add_node(maker *m)
{
    const anm_array_op op = (anm_array_op)(next(m) % ANM_ARRAY_OP_COUNT);
    const anm_array_op_info *info = anm_array_op_describe(op);
    unsigned n = info->min_inputs + next(m) % 3;
    anm_value_id in[8];
    char names[2][32];
    anm_array_result results[2] = { { names[0], { 0 } }, { names[1], { 0 } } };
    anm_array_node node = { .op = op, .inputs = in };
    bool open = false;

    if (n > info->max_inputs) n = info->max_inputs;
    if (n > 8) n = 8;
    node.n_inputs = n;
    node.n_outputs = op == ANM_ARRAY_WRITE_STATE ? 0
                     : info->n_outputs           ? info->n_outputs
                                                 : 1 + next(m) % 2;
    pick_inputs(m, op, in, n);
    node.attr = random_attr(m);
    snprintf(names[0], sizeof(names[0]), "n%zu", m->n_values);
    snprintf(names[1], sizeof(names[1]), "n%zu.1", m->n_values);
    if (!type_results(m, &node, results, &open)) return;
    const anm_value_id v = anm_arrays_add(m->a, op, names[0], in, n, &node.attr,
                                          results, node.n_outputs);
    for (unsigned i = 0; i < node.n_outputs && v != ANM_VALUE_NONE; i++) {
        note(m, v + i, &results[i].type, NULL);
        if (v + i < VALUES_MAX) m->open[v + i] = open;
    }
}

/* ---- Running ------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * 1099511628211u;
    return hash;
}

static anm_status run(maker *m, test_runner *r, unsigned threads,
                      uint64_t *hash, anm_error *err)
{
    const anm_program program = { .arrays = m->a,
                                  .precision = ANM_PRECISION_F32 };
    const anm_load_params params = { .units = ANM_UNITS_CPU_ONLY,
                                     .threads = threads,
                                     .cpu = anm_cpu_detect() };
    const anm_section_sink sink = test_sink(&r->sections);
    anm_array_view outputs[VALUES_MAX];
    const anm_arrays_call call = { m->inputs, INPUTS, false, outputs,
                                   anm_arrays_n_outputs(m->a) };
    anm_status status = anm_backend_cpu.accepts(&program, &params, err);

    if (!status)
        status = anm_backend_cpu.prepare(&program, &params, &sink, err);
    if (status) return status;
    test_sections_sort(&r->sections);
    status = anm_backend_cpu.load(&r->runner, &program, &params,
                                  &r->sections.view, err);
    for (int i = 0; i < 2 && !status; i++)
        status = anm_backend_cpu.run(r->runner, &call, err);
    for (size_t i = 0; i < call.n_outputs && !status; i++) {
        size_t n = 1;

        for (unsigned d = 0; d < outputs[i].rank; d++)
            n *= (size_t)outputs[i].dims[d];
        if (n) *hash = mix(*hash, outputs[i].data, 4 * n);
    }
    return status;
}

anm_status test_random_arrays(const uint8_t *data, size_t size, unsigned passes,
                              unsigned threads, uint64_t *hash, anm_error *err)
{
    maker m = { .data = data, .size = size };
    test_runner r = { .backend = &anm_backend_cpu };
    anm_status status = anm_arrays_new(&m.a, err);

    *hash = 14695981039346656037u;
    if (status) return status;
    add_sources(&m);
    for (size_t i = 0; i < NODES_MAX && m.size && m.n_values < VALUES_MAX - 4;
         i++)
        add_node(&m);
    for (size_t i = 0; i < 6 && i < m.n_values; i++) {
        if (m.n_values - 1 - i != m.state)
            anm_arrays_output(m.a, (anm_value_id)(m.n_values - 1 - i));
    }
    status = anm_arrays_finish(m.a, err);
    if (!status) status = anm_arrays_optimize(m.a, passes, err);
    if (!status) status = run(&m, &r, threads, hash, err);
    test_runner_deinit(&r);
    anm_arrays_free(m.a);
    return status;
}
