/* cpu_prepare.c - constants become sections: weights packed into panels, tables
 * as they lie, both in the type they are kept in; everything else, which is
 * small, widened to float32.
 *
 * All of it runs through buffers of a few panels, so that the memory in use does not
 * grow with the model; source pages are dropped behind the reading.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

enum {
    BUFFER_ELEMENTS = 1 << 16, /* whole blocks of every type */
    WIDE_ELEMENTS = 256,       /* the same, on their way to a smaller one */
    DROP_BYTES = 1 << 22, /* pages of the source are dropped in such runs */
};

anm_cpu_form anm_cpu_form_of(const anm_node *node, size_t input)
{
    if (node->op == ANM_OP_LINEAR && input == 1) return ANM_CPU_PANELS;
    return node->op == ANM_OP_GATHER && input == 0 ? ANM_CPU_TABLE
                                                   : ANM_CPU_PLAIN;
}

anm_dtype anm_cpu_form_type(const anm_value *v, anm_cpu_form form)
{
    return form != ANM_CPU_PLAIN && anm_kern_keeps(v->kept) ? v->kept
                                                            : ANM_DTYPE_F32;
}

uint64_t anm_cpu_form_bytes(const anm_value *v, anm_cpu_form form)
{
    const anm_dtype type = anm_cpu_form_type(v, form);
    const uint64_t n = anm_shape_elements(&v->shape, 0);
    uint64_t bytes = 0;

    if (form == ANM_CPU_PANELS) {
        const uint64_t rows = (uint64_t)v->shape.dims[0];
        return anm_panels((size_t)rows) *
               anm_panel_bytes(type, (size_t)(n / rows));
    }
    // Its rows are whole blocks: the graph has seen to it.
    if (!anm_dtype_bytes(type, n, &bytes)) assert(false);
    return bytes;
}

char *anm_cpu_section_name(const anm_value *v, anm_cpu_form form)
{
    anm_buf name = { 0 };

    anm_buf_printf(&name, "%s/%s",
                   form == ANM_CPU_PANELS  ? "panels"
                   : form == ANM_CPU_TABLE ? "table"
                                           : "plain",
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

static size_t bytes_of(anm_dtype type, size_t n)
{
    uint64_t bytes = 0;

    if (!anm_dtype_bytes(type, n, &bytes)) assert(false);
    return (size_t)bytes;
}

/* Elements of a stored type become those of another: as they are, as float32, or
 * rounded. False when a value does not fit. */
static bool convert(void *to, anm_dtype type, const uint8_t *from,
                    anm_dtype stored, size_t n)
{
    float wide[WIDE_ELEMENTS];
    unsigned char *dst = to;

    if (type == stored) {
        memcpy(dst, from, bytes_of(stored, n));
        return true;
    }
    if (type == ANM_DTYPE_F32) return anm_widen_f32(to, from, stored, n);
    while (n > 0) {
        const size_t some = n < WIDE_ELEMENTS ? n : WIDE_ELEMENTS;

        if (!anm_widen_f32(wide, from, stored, some) ||
            !anm_quantize(dst, type, wide, some))
            return false;
        from += bytes_of(stored, some);
        dst += bytes_of(type, some);
        n -= some;
    }
    return true;
}

static anm_status refuse_value(const anm_value *v, anm_dtype type,
                               anm_error *err)
{
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: not every value of %s has a place in %s", v->name,
                    anm_dtype_name(v->shape.dtype), anm_dtype_name(type));
}

/* The next n elements, whole blocks of the type that is stored and of that they
 * become. Parts are whole rows, and so whole blocks of both. */
static anm_status read_elements(reader *r, void *to, anm_dtype type, size_t n,
                                anm_error *err)
{
    const anm_dtype stored = r->v->shape.dtype;
    const anm_block block = anm_dtype_block(stored);
    unsigned char *dst = to;

    while (n > 0) {
        const anm_bytes part = r->v->parts[r->part].data;
        const size_t left = (part.len - r->at) / block.bytes * block.elements;
        const size_t some = left < n ? left : n;
        const size_t bytes = bytes_of(stored, some);

        if (!convert(dst, type, part.data + r->at, stored, some))
            return refuse_value(r->v, type, err);
        dst += bytes_of(type, some);
        n -= some;
        r->at += bytes;
        if (some < left) {
            if (r->at - r->dropped >= DROP_BYTES) drop_pages(r, r->at);
            continue;
        }
        drop_pages(r, part.len);
        r->part++;
        r->at = r->dropped = 0;
        assert(n == 0 || r->part < r->v->n_parts);
    }
    return ANM_OK;
}

/* ---- Writing sections ---------------------------------------------------- */

typedef struct writer {
    const anm_program *program;
    const anm_kern *kern;
    const anm_section_sink *sink;
} writer;

/* Elements in their own order. */
static anm_status write_rows(const writer *w, const anm_value *v,
                             anm_dtype type, anm_error *err)
{
    reader r = { .program = w->program, .v = v };
    uint64_t left = anm_shape_elements(&v->shape, 0);
    void *buffer = anm_alloc(bytes_of(type, BUFFER_ELEMENTS));
    anm_status status = ANM_OK;

    if (!buffer)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    while (left > 0 && !status) {
        const size_t n =
            left < BUFFER_ELEMENTS ? (size_t)left : BUFFER_ELEMENTS;

        status = read_elements(&r, buffer, type, n, err);
        if (!status)
            status =
                w->sink->write(w->sink->ctx, buffer, bytes_of(type, n), err);
        left -= n;
    }
    anm_free(buffer);
    return status;
}

/* Rows of several panels at a time, reordered. */
static anm_status write_panels(const writer *w, const anm_value *v,
                               anm_dtype type, anm_error *err)
{
    reader r = { .program = w->program, .v = v };
    const size_t rows = (size_t)v->shape.dims[0];
    const size_t k = (size_t)v->shape.dims[1];
    const size_t fit = BUFFER_ELEMENTS / ANM_PANEL / k;
    const size_t panels = fit ? fit : 1;
    const size_t panel_bytes = anm_panel_bytes(type, k);
    unsigned char *buffer = anm_alloc_array(panels, 2 * panel_bytes);
    anm_status status = ANM_OK;

    if (!buffer)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    unsigned char *packed = buffer + panels * panel_bytes;
    for (size_t done = 0; done < rows && !status;) {
        const size_t most = panels * ANM_PANEL;
        const size_t some = rows - done < most ? rows - done : most;

        status = read_elements(&r, buffer, type, some * k, err);
        if (status) break;
        w->kern->pack(packed, type, buffer, k, some, k);
        status = w->sink->write(w->sink->ctx, packed,
                                anm_panels(some) * panel_bytes, err);
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
    const anm_dtype type = anm_cpu_form_type(v, form);
    return form == ANM_CPU_PANELS ? write_panels(w, v, type, err)
                                  : write_rows(w, v, type, err);
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

anm_status anm_cpu_sections_bytes(const anm_program *program, uint64_t *bytes,
                                  anm_error *err)
{
    const size_t n = anm_graph_n_values(program->graph);
    unsigned char *forms = anm_alloc_zero(n);

    if (!forms) return anm_fail(err, ANM_E_NOMEM, "%zu values: no memory", n);
    collect_forms(program->graph, forms);
    *bytes = 0;
    for (anm_value_id id = 0; id < n; id++) {
        const anm_value *v = anm_graph_value(program->graph, id);

        for (int form = ANM_CPU_PLAIN; form <= ANM_CPU_TABLE; form *= 2)
            if (forms[id] & form)
                *bytes += anm_cpu_form_bytes(v, (anm_cpu_form)form);
    }
    anm_free(forms);
    return ANM_OK;
}

anm_status anm_cpu_prepare(const anm_program *program,
                           const anm_load_params *params,
                           const anm_section_sink *sink, anm_error *err)
{
    anm_kern kern;
    const writer w = { .program = program, .kern = &kern, .sink = sink };
    anm_status status = anm_cpu_accepts(program, params, err);

    if (status) return status;
    anm_kern_init(&kern, params->cpu);
    if (program->arrays)
        return anm_cpu_arrays_prepare(program, &kern, sink, err);
    const size_t n = anm_graph_n_values(program->graph);
    unsigned char *forms = anm_alloc_zero(n);
    if (!forms) return anm_fail(err, ANM_E_NOMEM, "%zu values: no memory", n);
    collect_forms(program->graph, forms);
    for (anm_value_id id = 0; id < n && !status; id++) {
        const anm_value *v = anm_graph_value(program->graph, id);

        for (int form = ANM_CPU_PLAIN; form <= ANM_CPU_TABLE; form *= 2) {
            if (!status && forms[id] & form)
                status = write_section(&w, v, (anm_cpu_form)form, err);
        }
    }
    anm_free(forms);
    return status;
}
