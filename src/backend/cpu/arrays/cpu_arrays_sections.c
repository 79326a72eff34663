/* cpu_arrays_sections.c - constants become sections, and sections become
 * constants again.
 *
 *   cells         every constant that is read element by element, widened to
 *                 cells, each aligned to 64 bytes, in the order of the program
 *   panels/NAME   weights of products, packed in the type they are stored in
 *   table/NAME    rows that are looked up, as stored
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "backend/cpu/arrays/cpu_arrays.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

enum {
    BUFFER_CELLS = 1 << 14,
    PACK_BYTES = 1 << 18,
    ALIGNMENT = 64,
};

/* ---- Forms --------------------------------------------------------------- */

static bool is_packable(anm_dtype t)
{
    return t == ANM_DTYPE_F32 || t == ANM_DTYPE_F16 || t == ANM_DTYPE_BF16;
}

bool anm_cpu_array_is_lookup(const anm_array_node *node,
                             const anm_array_type *x)
{
    return node->op == ANM_ARRAY_GATHER && x->rank > 0 &&
           node->attr.batch_dims == 0 &&
           (node->attr.axis == 0 || node->attr.axis == -(int64_t)x->rank);
}

static unsigned form_of(const anm_arrays *program, const anm_array_node *node,
                        unsigned input)
{
    const anm_array_type *t =
        &anm_arrays_value(program, node->inputs[input])->type;

    if (!is_packable(t->dtype)) return ANM_CPU_ARRAY_CELLS;
    if (node->op == ANM_ARRAY_LINEAR && input == 1) return ANM_CPU_ARRAY_PANELS;
    if (node->op == ANM_ARRAY_CONV && input == 1 &&
        anm_cpu_array_is_pointwise(&node->attr, t))
        return ANM_CPU_ARRAY_PANELS;
    if (input == 0 && anm_cpu_array_is_lookup(node, t))
        return ANM_CPU_ARRAY_TABLE;
    return ANM_CPU_ARRAY_CELLS;
}

void anm_cpu_array_forms(const anm_arrays *program, unsigned char *forms)
{
    for (size_t i = 0; i < anm_arrays_n_nodes(program); i++) {
        const anm_array_node *node = anm_arrays_node(program, i);

        for (unsigned j = 0; j < node->n_inputs; j++) {
            const anm_value_id v = node->inputs[j];

            if (v == ANM_VALUE_NONE) continue;
            if (anm_arrays_value(program, v)->kind == ANM_ARRAY_CONST)
                forms[v] |= (unsigned char)form_of(program, node, j);
        }
    }
    for (size_t i = 0; i < anm_arrays_n_outputs(program); i++) {
        const anm_value_id v = anm_arrays_output_at(program, i);

        if (anm_arrays_value(program, v)->kind == ANM_ARRAY_CONST)
            forms[v] |= ANM_CPU_ARRAY_CELLS;
    }
}

/* ---- Sizes --------------------------------------------------------------- */

/* Weights [n, k] of a product. */
typedef struct weights {
    size_t n, k;
    bool turned; /* stored as [k, n] */
} weights;

/* How the product that reads v sees it; all readers of one see the same. */
static weights weights_of(const anm_arrays *program, anm_value_id v)
{
    const anm_array_type *t = &anm_arrays_value(program, v)->type;
    weights w = { (size_t)t->dims[0], (size_t)t->dims[1], false };

    for (size_t i = 0; i < anm_arrays_n_nodes(program); i++) {
        const anm_array_node *node = anm_arrays_node(program, i);

        if (node->op != ANM_ARRAY_LINEAR || node->inputs[1] != v) continue;
        w.turned = (node->attr.flags & ANM_ARRAY_TRANSPOSE_W) != 0;
        if (w.turned) w = (weights){ w.k, w.n, true };
        break;
    }
    return w;
}

static uint64_t panel_bytes(const anm_arrays *program, anm_value_id v)
{
    const weights w = weights_of(program, v);

    return (uint64_t)anm_panels(w.n) *
           anm_panel_bytes(anm_arrays_value(program, v)->type.dtype, w.k);
}

static uint64_t stored_bytes(const anm_array *v)
{
    uint64_t bytes = 0;

    anm_dtype_bytes(v->type.dtype, anm_array_elements(&v->type), &bytes);
    return bytes;
}

/* Cells of a constant in the section, with what aligns the next. */
static uint64_t padded_cells(const anm_array *v)
{
    const uint64_t step = ALIGNMENT / sizeof(anm_cpu_cell);
    return (anm_array_elements(&v->type) + step - 1) / step * step;
}

static uint64_t cells_bytes(const anm_arrays *program,
                            const unsigned char *forms)
{
    uint64_t cells = 0;

    for (anm_value_id v = 0; v < anm_arrays_n_values(program); v++) {
        if (forms[v] & ANM_CPU_ARRAY_CELLS)
            cells += padded_cells(anm_arrays_value(program, v));
    }
    return cells * sizeof(anm_cpu_cell);
}

/* "panels/NAME"; newly allocated, NULL when memory is out. */
static char *section_name(const char *kind, const anm_array *v)
{
    anm_buf name = { 0 };

    anm_buf_printf(&name, "%s/%s", kind, v->name);
    char *taken = anm_buf_take(&name);
    anm_buf_deinit(&name);
    return taken;
}

/* ---- Accept -------------------------------------------------------------- */

static anm_status check_weights(const anm_arrays *program,
                                const anm_array_node *node, anm_error *err)
{
    const anm_array *w = anm_arrays_value(program, node->inputs[1]);
    char text[96];

    anm_array_type_text(&w->type, text, sizeof(text));
    if (w->kind == ANM_ARRAY_CONST && is_packable(w->type.dtype) &&
        w->type.rank == 2 && w->type.dims[0] > 0 && w->type.dims[1] > 0)
        return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: weights of linear must be a constant matrix of "
                    "floats, %s is %s%s",
                    node->name, w->name,
                    w->kind == ANM_ARRAY_CONST ? "" : "computed, ", text);
}

/* Both products read it the same way round. */
static anm_status check_turns(const anm_arrays *program,
                              const anm_array_node *node, anm_error *err)
{
    const bool turned = (node->attr.flags & ANM_ARRAY_TRANSPOSE_W) != 0;

    if (weights_of(program, node->inputs[1]).turned == turned) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "%s: %s is the weight of another product as it stands",
                    node->name,
                    anm_arrays_value(program, node->inputs[1])->name);
}

/* Whether the axes before the last one hold as many rows as there are texts:
 * what is not declared is 1, but the first such axis counts the texts. */
static bool takes_rows(const anm_array_type *t, size_t n_texts)
{
    size_t n = 1;

    for (unsigned i = 0; i + 1 < t->rank; i++) {
        const int64_t d = t->dims[i];
        const size_t size = d >= 0 ? (size_t)d : n == 1 ? n_texts : 1;

        if (size > n_texts || !anm_mul_size(n, size, &n)) return false;
    }
    return t->rank > 0 && n == n_texts;
}

/* A package describes its inputs apart from its program: here they meet. */
static anm_status check_text(const anm_program *program, anm_error *err)
{
    const anm_arrays_text *t = program->text;

    if (t->n_feeds != anm_arrays_n_inputs(program->arrays) || t->batch == 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%zu inputs, and %zu of them are fed from a text",
                        anm_arrays_n_inputs(program->arrays), t->n_feeds);
    for (size_t i = 0; i < t->n_feeds; i++) {
        const anm_array *in =
            anm_arrays_value(program->arrays, t->feeds[i].input);
        char text[96];

        if (takes_rows(&in->type, t->batch)) continue;
        anm_array_type_text(&in->type, text, sizeof(text));
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "input %s is %s, which a row of ids for each of %zu "
                        "texts does not fill",
                        in->name, text, t->batch);
    }
    return ANM_OK;
}

anm_status anm_cpu_arrays_accepts(const anm_program *program, anm_error *err)
{
    const anm_arrays *a = program->arrays;
    anm_status status = ANM_OK;

    if (program->precision != ANM_PRECISION_F32)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "precision %s is not possible for an array program; "
                        "possible: %s",
                        anm_precision_name(program->precision),
                        anm_precision_name(ANM_PRECISION_F32));
    for (size_t i = 0; i < anm_arrays_n_nodes(a) && !status; i++) {
        const anm_array_node *node = anm_arrays_node(a, i);

        if (node->op != ANM_ARRAY_LINEAR) continue;
        status = check_weights(a, node, err);
        if (!status) status = check_turns(a, node, err);
    }
    if (status || !program->text) return status;
    return check_text(program, err);
}

/* ---- Prepare ------------------------------------------------------------- */

typedef struct writer {
    const anm_program *program;
    const anm_kern *kern;
    const anm_section_sink *sink;
} writer;

/* The bytes of a constant: borrowed, or made in a buffer that must be freed. */
typedef struct source {
    anm_bytes bytes;
    void *made;
} source;

static anm_status open_source(source *s, const anm_array *v, anm_error *err)
{
    const uint64_t bytes = stored_bytes(v);

    *s = (source){ .bytes = v->data };
    if (!v->fill) return ANM_OK;
    s->made = anm_alloc((size_t)bytes);
    if (!s->made)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    s->bytes = (anm_bytes){ s->made, (size_t)bytes };
    return v->fill(v->fill_ctx, s->made, (size_t)bytes, err);
}

/* Pages of a file that have been read come back when they are wanted. */
static void close_source(const writer *w, source *s)
{
    for (size_t i = 0; i < w->program->n_maps && !s->made; i++) {
        const anm_bytes map = w->program->maps[i];

        if ((uintptr_t)s->bytes.data >= (uintptr_t)map.data &&
            (uintptr_t)s->bytes.data + s->bytes.len <=
                (uintptr_t)map.data + map.len)
            anm_map_advise(s->bytes, ANM_MAP_DROP);
    }
    anm_free(s->made);
}

static int32_t widen_int(const unsigned char *p, anm_dtype dtype)
{
    int32_t v = 0;

    switch ((int)dtype) {
    case ANM_DTYPE_I32:
        memcpy(&v, p, sizeof(v));
        return v;
    case ANM_DTYPE_I16:
        return (int16_t)(uint16_t)(p[0] | p[1] << 8);
    case ANM_DTYPE_U16:
        return p[0] | p[1] << 8;
    case ANM_DTYPE_I8:
        return (int8_t)p[0];
    case ANM_DTYPE_BOOL:
        return p[0] != 0;
    default:
        return p[0];
    }
}

static void widen(anm_cpu_cell *to, const unsigned char *from, anm_dtype dtype,
                  size_t n)
{
    const size_t size = anm_dtype_block(dtype).bytes;

    if (is_packable(dtype)) {
        anm_widen_f32(&to->f, from, dtype, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i].i = widen_int(from + i * size, dtype);
}

static anm_status write_cells(const writer *w, const anm_array *v,
                              anm_cpu_cell *buffer, anm_error *err)
{
    const size_t n = anm_array_elements(&v->type);
    const size_t size = anm_dtype_block(v->type.dtype).bytes;
    const size_t all = (size_t)padded_cells(v);
    source s;
    anm_status status = open_source(&s, v, err);

    for (size_t i = 0; i < all && !status; i += BUFFER_CELLS) {
        const size_t some = all - i < BUFFER_CELLS ? all - i : BUFFER_CELLS;
        const size_t real = i >= n ? 0 : n - i < some ? n - i : some;

        memset(buffer, 0, some * sizeof(*buffer));
        if (real) widen(buffer, s.bytes.data + i * size, v->type.dtype, real);
        status =
            w->sink->write(w->sink->ctx, buffer, some * sizeof(*buffer), err);
    }
    close_source(w, &s);
    return status;
}

static anm_status write_all_cells(const writer *w, const unsigned char *forms,
                                  anm_error *err)
{
    const anm_arrays *a = w->program->arrays;
    const uint64_t bytes = cells_bytes(a, forms);

    if (bytes == 0) return ANM_OK;
    anm_cpu_cell *buffer = anm_alloc_array(BUFFER_CELLS, sizeof(*buffer));
    if (!buffer) return anm_fail(err, ANM_E_NOMEM, "cells: out of memory");
    anm_status status = w->sink->begin(w->sink->ctx, "cells", bytes, err);

    for (anm_value_id v = 0; v < anm_arrays_n_values(a) && !status; v++) {
        if (forms[v] & ANM_CPU_ARRAY_CELLS)
            status = write_cells(w, anm_arrays_value(a, v), buffer, err);
    }
    anm_free(buffer);
    return status;
}

/* Rows [first, first + n) of weights that are stored as columns. */
static void turn_rows(unsigned char *to, const unsigned char *from,
                      const weights *w, size_t size, size_t first, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t d = 0; d < w->k; d++)
            memcpy(to + (j * w->k + d) * size,
                   from + (d * w->n + first + j) * size, size);
    }
}

/* A few panels at a time. */
static anm_status pack_all(const writer *w, const anm_array *v,
                           const weights *m, const unsigned char *from,
                           anm_error *err)
{
    const anm_dtype type = v->type.dtype;
    const size_t size = anm_dtype_block(type).bytes;
    const size_t bytes = anm_panel_bytes(type, m->k);
    const size_t panels = bytes < PACK_BYTES ? PACK_BYTES / bytes : 1;
    unsigned char *buffer = anm_alloc_array(2 * panels, bytes);
    unsigned char *rows = buffer ? buffer + panels * bytes : NULL;
    anm_status status = ANM_OK;

    if (!buffer)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    for (size_t i = 0; i < m->n && !status; i += panels * ANM_PANEL) {
        const size_t most = panels * ANM_PANEL;
        const size_t n = m->n - i < most ? m->n - i : most;
        const unsigned char *src = from + i * m->k * size;

        if (m->turned) {
            turn_rows(rows, from, m, size, i, n);
            src = rows;
        }
        w->kern->pack(buffer, type, src, m->k, n, m->k);
        status =
            w->sink->write(w->sink->ctx, buffer, anm_panels(n) * bytes, err);
    }
    anm_free(buffer);
    return status;
}

static anm_status begin_section(const writer *w, const char *kind,
                                const anm_array *v, uint64_t bytes,
                                anm_error *err)
{
    char *name = section_name(kind, v);
    if (!name) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", v->name);
    const anm_status status = w->sink->begin(w->sink->ctx, name, bytes, err);

    anm_free(name);
    return status;
}

static anm_status write_panels(const writer *w, anm_value_id id, anm_error *err)
{
    const anm_array *v = anm_arrays_value(w->program->arrays, id);
    const weights m = weights_of(w->program->arrays, id);
    source s = { 0 };
    anm_status status =
        begin_section(w, "panels", v, panel_bytes(w->program->arrays, id), err);

    if (status) return status;
    status = open_source(&s, v, err);
    if (!status) status = pack_all(w, v, &m, s.bytes.data, err);
    close_source(w, &s);
    return status;
}

static anm_status write_table(const writer *w, const anm_array *v,
                              anm_error *err)
{
    source s = { 0 };
    anm_status status = begin_section(w, "table", v, stored_bytes(v), err);

    if (status) return status;
    status = open_source(&s, v, err);
    if (!status)
        status = w->sink->write(w->sink->ctx, s.bytes.data, s.bytes.len, err);
    close_source(w, &s);
    return status;
}

anm_status anm_cpu_arrays_prepare(const anm_program *program,
                                  const anm_kern *kern,
                                  const anm_section_sink *sink, anm_error *err)
{
    const writer w = { program, kern, sink };
    const size_t n = anm_arrays_n_values(program->arrays);
    unsigned char *forms = anm_alloc_zero(n);

    if (!forms) return anm_fail(err, ANM_E_NOMEM, "%zu values: no memory", n);
    anm_cpu_array_forms(program->arrays, forms);
    anm_status status = write_all_cells(&w, forms, err);
    for (anm_value_id v = 0; v < n && !status; v++) {
        if (forms[v] & ANM_CPU_ARRAY_PANELS) status = write_panels(&w, v, err);
        if (!status && (forms[v] & ANM_CPU_ARRAY_TABLE))
            status = write_table(&w, anm_arrays_value(program->arrays, v), err);
    }
    anm_free(forms);
    return status;
}

/* ---- Bind ---------------------------------------------------------------- */

static anm_status find_section(const anm_sections *sections, const char *name,
                               uint64_t expected, anm_bytes *out,
                               anm_error *err)
{
    anm_bytes bytes = { 0 };

    if (!anm_sections_find(sections, name, &bytes))
        return anm_fail(err, ANM_E_CORRUPT, "no section %s among %zu", name,
                        sections->n);
    if (bytes.len != expected)
        return anm_fail(err, ANM_E_CORRUPT,
                        "section %s: %zu bytes found, %" PRIu64 " expected",
                        name, bytes.len, expected);
    if ((uintptr_t)bytes.data % ANM_CACHE_LINE != 0)
        return anm_fail(err, ANM_E_CORRUPT,
                        "section %s: not aligned to %d bytes", name,
                        ANM_CACHE_LINE);
    *out = bytes;
    return ANM_OK;
}

/* A section of which every call reads all. */
static const void *keep_resident(anm_runner *r, anm_bytes bytes)
{
    r->sections[r->n_sections++] = bytes;
    return bytes.data;
}

static anm_status find_stored(const anm_runner *r, const anm_sections *sections,
                              const char *kind, anm_value_id v, uint64_t bytes,
                              anm_bytes *out, anm_error *err)
{
    const anm_array *value = anm_arrays_value(r->arrays->program, v);
    char *name = section_name(kind, value);
    if (!name)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", value->name);
    const anm_status status = find_section(sections, name, bytes, out, err);

    anm_free(name);
    return status;
}

static anm_status bind_panels(anm_runner *r, const anm_sections *sections,
                              anm_value_id v, anm_error *err)
{
    anm_bytes found = { 0 };
    const anm_status status =
        find_stored(r, sections, "panels", v,
                    panel_bytes(r->arrays->program, v), &found, err);

    if (!status) r->arrays->consts[v].panels = keep_resident(r, found);
    return status;
}

/* A text reads a few rows of a table: the system is asked to have it at hand,
 * and this process has the pages that it has read. Of a small encoder half the
 * bytes are its vocabulary. */
static anm_status bind_table(anm_runner *r, const anm_sections *sections,
                             anm_value_id v, anm_error *err)
{
    anm_bytes found = { 0 };
    const anm_status status = find_stored(
        r, sections, "table", v,
        stored_bytes(anm_arrays_value(r->arrays->program, v)), &found, err);

    if (status) return status;
    anm_map_advise(found, ANM_MAP_SPARSE);
    r->arrays->consts[v].table = found.data;
    return ANM_OK;
}

static anm_status bind_const(anm_runner *r, const anm_sections *sections,
                             anm_value_id v, const anm_cpu_cell **cells,
                             anm_error *err)
{
    const anm_arrays *a = r->arrays->program;
    const unsigned forms = r->arrays->forms[v];
    anm_cpu_array *c = &r->arrays->consts[v];
    anm_status status = ANM_OK;

    c->settled = true;
    c->stored_type = c->type.dtype;
    if (c->type.dtype == ANM_DTYPE_BF16) c->type.dtype = ANM_DTYPE_F32;
    if (forms & ANM_CPU_ARRAY_CELLS) {
        /* Sections are mapped read-only, and no step writes to a constant. */
        c->data = (void *)(uintptr_t)*cells;
        *cells += padded_cells(anm_arrays_value(a, v));
    }
    if (forms & ANM_CPU_ARRAY_PANELS) status = bind_panels(r, sections, v, err);
    if (!status && (forms & ANM_CPU_ARRAY_TABLE))
        status = bind_table(r, sections, v, err);
    return status;
}

anm_status anm_cpu_arrays_bind(anm_runner *r, const anm_sections *sections,
                               anm_error *err)
{
    const anm_arrays *a = r->arrays->program;
    const uint64_t bytes = cells_bytes(a, r->arrays->forms);
    const anm_cpu_cell *at = NULL;
    anm_bytes cells = { 0 };
    anm_status status = ANM_OK;

    if (bytes) status = find_section(sections, "cells", bytes, &cells, err);
    if (bytes && !status) at = keep_resident(r, cells);
    for (anm_value_id v = 0; v < anm_arrays_n_values(a) && !status; v++) {
        const anm_array *value = anm_arrays_value(a, v);

        r->arrays->consts[v].type = value->type;
        if (value->kind == ANM_ARRAY_CONST)
            status = bind_const(r, sections, v, &at, err);
    }
    return status;
}
