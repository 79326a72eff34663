/* cpu_prepare.c - constants become sections: weights packed into panels,
 * everything else widened to float32 as it lies.
 *
 * Both run through buffers of a few panels, so that the memory in use does not
 * grow with the model; source pages are dropped behind the reading.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "backend/cpu/cpu_backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

enum {
    BUFFER_FLOATS = 1 << 16,
    DROP_BYTES = 1 << 22, /* pages of the source are dropped in such runs */
};

anm_cpu_form anm_cpu_form_of(const anm_node *node, size_t input)
{
    return node->op == ANM_OP_LINEAR && input == 1 ? ANM_CPU_PANELS
                                                   : ANM_CPU_PLAIN;
}

uint64_t anm_cpu_form_bytes(const anm_value *v, anm_cpu_form form)
{
    const uint64_t n = anm_shape_elements(&v->shape, 0);

    if (form == ANM_CPU_PLAIN) return n * sizeof(float);
    const uint64_t rows = (uint64_t)v->shape.dims[0];
    return anm_panels((size_t)rows) * ANM_PANEL * (n / rows) * sizeof(float);
}

char *anm_cpu_section_name(const anm_value *v, anm_cpu_form form)
{
    anm_buf name = { 0 };

    anm_buf_printf(&name, "%s/%s", form == ANM_CPU_PANELS ? "panels" : "plain",
                   v->name);
    char *taken = anm_buf_take(&name);
    anm_buf_deinit(&name);
    return taken;
}

/* ---- Reading a constant -------------------------------------------------- */

/* Where in a constant's parts the reading stands. */
typedef struct reader {
    const anm_program *program;
    const anm_value *v;
    size_t part;
    size_t at;      /* bytes read of the part */
    size_t dropped; /* bytes dropped of the part */
} reader;

/* Only pages of a file come back: memory would be lost. */
static void drop_pages(reader *r, size_t end)
{
    const anm_bytes all = r->v->parts[r->part].data;
    const anm_bytes run = { all.data + r->dropped, end - r->dropped };

    for (size_t i = 0; i < r->program->n_maps; i++) {
        const anm_bytes map = r->program->maps[i];
        if ((uintptr_t)run.data >= (uintptr_t)map.data &&
            (uintptr_t)run.data + run.len <= (uintptr_t)map.data + map.len)
            anm_map_advise(run, ANM_MAP_DROP);
    }
    r->dropped = end;
}

/* The next n elements, whole blocks of their type, as float32. */
static void read_floats(reader *r, float *dst, size_t n)
{
    const anm_dtype type = r->v->shape.dtype;
    const anm_block block = anm_dtype_block(type);

    while (n > 0) {
        const anm_bytes part = r->v->parts[r->part].data;
        const size_t left = (part.len - r->at) / block.bytes * block.elements;
        const size_t some = left < n ? left : n;

        anm_widen_f32(dst, part.data + r->at, type, some);
        dst += some;
        n -= some;
        r->at += some / block.elements * block.bytes;
        if (some < left) {
            if (r->at - r->dropped >= DROP_BYTES) drop_pages(r, r->at);
            continue;
        }
        drop_pages(r, part.len);
        r->part++;
        r->at = r->dropped = 0;
        assert(n == 0 || r->part < r->v->n_parts);
    }
}

/* ---- Writing sections ---------------------------------------------------- */

typedef struct writer {
    const anm_program *program;
    const anm_kern *kern;
    const anm_section_sink *sink;
} writer;

static anm_status write_plain(const writer *w, const anm_value *v,
                              anm_error *err)
{
    reader r = { .program = w->program, .v = v };
    uint64_t left = anm_shape_elements(&v->shape, 0);
    float *buffer = anm_alloc(BUFFER_FLOATS * sizeof(*buffer));
    anm_status status = ANM_OK;

    if (!buffer)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    while (left > 0 && !status) {
        const size_t n = left < BUFFER_FLOATS ? (size_t)left : BUFFER_FLOATS;

        read_floats(&r, buffer, n);
        status = w->sink->write(w->sink->ctx, buffer, n * sizeof(*buffer), err);
        left -= n;
    }
    anm_free(buffer);
    return status;
}

/* Rows of several panels at a time, widened and then reordered. */
static anm_status write_panels(const writer *w, const anm_value *v,
                               anm_error *err)
{
    reader r = { .program = w->program, .v = v };
    const size_t rows = (size_t)v->shape.dims[0];
    const size_t k = (size_t)v->shape.dims[1];
    const size_t fit = BUFFER_FLOATS / ANM_PANEL / k;
    const size_t panels = fit ? fit : 1;
    const size_t len = panels * ANM_PANEL * k;
    float *buffer = anm_alloc_array(len, 2 * sizeof(*buffer));
    anm_status status = ANM_OK;

    if (!buffer)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    for (size_t done = 0; done < rows && !status;) {
        const size_t most = panels * ANM_PANEL;
        const size_t some = rows - done < most ? rows - done : most;
        float *packed = buffer + len;

        read_floats(&r, buffer, some * k);
        w->kern->pack(packed, ANM_DTYPE_F32, buffer, k, some, k);
        status = w->sink->write(
            w->sink->ctx, packed,
            anm_panels(some) * ANM_PANEL * k * sizeof(*packed), err);
        done += some;
    }
    anm_free(buffer);
    return status;
}

static anm_status write_section(const writer *w, const anm_value *v,
                                anm_cpu_form form, anm_error *err)
{
    char *name = anm_cpu_section_name(v, form);
    if (!name) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    const anm_status status =
        w->sink->begin(w->sink->ctx, name, anm_cpu_form_bytes(v, form), err);

    anm_free(name);
    if (status) return status;
    return form == ANM_CPU_PANELS ? write_panels(w, v, err)
                                  : write_plain(w, v, err);
}

/* For each value the forms that some node reads it in. */
static void collect_forms(const anm_graph *g, unsigned char *forms)
{
    for (size_t i = 0; i < anm_graph_n_nodes(g); i++) {
        const anm_node *node = anm_graph_node(g, i);

        for (size_t j = 0; j < ANM_INPUTS_MAX; j++) {
            const anm_value_id id = node->inputs[j];
            if (id == ANM_VALUE_NONE) continue;
            if (anm_graph_value(g, id)->kind == ANM_VALUE_CONST)
                forms[id] |= (unsigned char)anm_cpu_form_of(node, j);
        }
    }
}

anm_status anm_cpu_prepare(const anm_program *program,
                           const anm_load_params *params,
                           const anm_section_sink *sink, anm_error *err)
{
    anm_kern kern;
    const writer w = { .program = program, .kern = &kern, .sink = sink };
    const size_t n = anm_graph_n_values(program->graph);
    anm_status status = anm_cpu_accepts(program, params, err);

    if (status) return status;
    unsigned char *forms = anm_alloc_zero(n);
    if (!forms) return anm_fail(err, ANM_E_NOMEM, "%zu values: no memory", n);
    anm_kern_init(&kern, params->cpu);
    collect_forms(program->graph, forms);
    for (anm_value_id id = 0; id < n && !status; id++) {
        const anm_value *v = anm_graph_value(program->graph, id);

        if (forms[id] & ANM_CPU_PLAIN)
            status = write_section(&w, v, ANM_CPU_PLAIN, err);
        if (!status && (forms[id] & ANM_CPU_PANELS))
            status = write_section(&w, v, ANM_CPU_PANELS, err);
    }
    anm_free(forms);
    return status;
}
