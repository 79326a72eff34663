/* mil_shapes.c - operations that move elements, take them by index, make
 * arrays, and keep states.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "model/mil_ops.h"

/* ---- Words ----------------------------------------------------------------- */

int anm_mil_choice(anm_mil_walk *w, const char *param, const char *otherwise,
                   const anm_mil_word *words)
{
    const char *word = anm_mil_string(w, param, otherwise);
    char known[256] = "";

    for (size_t i = 0; words[i].word; i++) {
        if (strcmp(words[i].word, word) == 0) return words[i].value;
        const size_t len = strlen(known);
        snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "",
                 words[i].word);
    }
    anm_mil_fail(w, ANM_E_UNSUPPORTED, "%s \"%.60s\"; built in: %s", param,
                 word, known);
    return 0;
}

anm_dtype anm_mil_dtype_of(anm_mil_walk *w, const char *param)
{
    static const anm_mil_word types[] = {
        { "fp16", ANM_DTYPE_F16 },
        { "fp32", ANM_DTYPE_F32 },
        { "int32", ANM_DTYPE_I32 },
        { "int16", ANM_DTYPE_I16 },
        { "int8", ANM_DTYPE_I8 },
        { "uint16", ANM_DTYPE_U16 },
        { "uint8", ANM_DTYPE_U8 },
        { "bool", ANM_DTYPE_BOOL },
        { NULL, 0 },
    };

    return (anm_dtype)anm_mil_choice(w, param, "", types);
}

void anm_mil_need(anm_mil_walk *w, const char *params)
{
    for (const char *at = params; *at;) {
        char param[32];
        const size_t len = strcspn(at, " ");
        snprintf(param, sizeof(param), "%.*s", (int)len, at);
        if (!anm_mil_has(w, param))
            anm_mil_fail(w, ANM_E_FORMAT, "it has no %s", param);
        at += len + (at[len] == ' ');
    }
}

/* ---- Movement -------------------------------------------------------------- */

static void emit_axes(anm_mil_walk *w, const char *param)
{
    const anm_value_id x = anm_mil_in(w, "x");
    anm_array_attr attr = { 0 };

    attr.n_axes = (unsigned)anm_mil_ints(w, param, attr.axes, ANM_RANK_MAX);
    anm_mil_emit(w, w->row->op, &x, 1, &attr);
}

void anm_mil_axes(anm_mil_walk *w)
{
    emit_axes(w, "axes");
}

void anm_mil_expand_dims(anm_mil_walk *w)
{
    anm_mil_need(w, "axes");
    emit_axes(w, "axes");
}

void anm_mil_transpose(anm_mil_walk *w)
{
    anm_mil_need(w, "perm");
    emit_axes(w, "perm");
}

/* iOS15 and iOS16 copy the dimension at the index of a 0, iOS17 the one at the
 * same distance from the end. */
void anm_mil_reshape(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"),
                                    anm_mil_in(w, "shape") };
    const anm_array_attr attr = { .flags =
                                      w->ios >= 17 ? ANM_ARRAY_FROM_RIGHT : 0 };

    anm_mil_emit(w, ANM_ARRAY_RESHAPE, inputs, 2, &attr);
}

/* The part of a reference's shape that one row of reshape_like takes. */
static anm_value_id part_of_shape(anm_mil_walk *w, size_t i, anm_value_id ref,
                                  anm_value_id begin, anm_value_id end,
                                  bool to_end)
{
    const int64_t rank = anm_mil_rank(w, ref);
    const anm_array_type whole = { .dtype = ANM_DTYPE_I32,
                                   .rank = 1,
                                   .dims = { rank } };
    const anm_array_type one = { .dtype = ANM_DTYPE_I32,
                                 .rank = 1,
                                 .dims = { 1 } };
    const anm_array_type part = { .dtype = ANM_DTYPE_I32,
                                  .rank = 1,
                                  .dims = { -1 } };
    const anm_array_attr axis = { .n_axes = 1 };
    const anm_array_attr slice = { .end_mask = to_end };
    char name[4][32];

    for (size_t k = 0; k < 4; k++)
        snprintf(name[k], sizeof(name[k]), "part%zu.%zu", i, k);
    const anm_value_id inputs[] = {
        anm_mil_emit_extra(w, ANM_ARRAY_SHAPE, name[0], &ref, 1, NULL, &whole),
        anm_mil_emit_extra(w, ANM_ARRAY_EXPAND_DIMS, name[1], &begin, 1, &axis,
                           &one),
        anm_mil_emit_extra(w, ANM_ARRAY_EXPAND_DIMS, name[2], &end, 1, &axis,
                           &one),
    };
    return anm_mil_emit_extra(w, ANM_ARRAY_SLICE_BY_INDEX, name[3], inputs, 3,
                              &slice, &part);
}

/* The shape is made of runs of the references' shapes, one after the other. */
void anm_mil_reshape_like(anm_mil_walk *w)
{
    const anm_array_type type = { .dtype = ANM_DTYPE_I32,
                                  .rank = 1,
                                  .dims = { -1 } };
    const anm_array_attr attr = { 0 };
    size_t n, n_begins, n_ends;
    const anm_value_id *refs = anm_mil_in_row(w, "ref_tensors", &n);
    const anm_value_id *begins = anm_mil_in_row(w, "begins", &n_begins);
    const anm_value_id *ends = anm_mil_in_row(w, "ends", &n_ends);
    const unsigned masks = anm_mil_row_bits(w, "end_masks", n);

    if (n == 0 || n > ANM_RANK_MAX || n != n_begins || n != n_ends) {
        anm_mil_fail(w, ANM_E_UNSUPPORTED,
                     "%zu ref_tensors, %zu begins and %zu ends; as many of "
                     "each, from 1 to %d, are built in",
                     n, n_begins, n_ends, ANM_RANK_MAX);
        return;
    }
    anm_value_id parts[ANM_RANK_MAX];
    for (size_t i = 0; i < n; i++)
        parts[i] =
            part_of_shape(w, i, refs[i], begins[i], ends[i], masks >> i & 1);
    const anm_value_id inputs[] = {
        anm_mil_in(w, "x"),
        anm_mil_emit_extra(w, ANM_ARRAY_CONCAT, "shape", parts, n, &attr,
                           &type),
    };
    anm_mil_emit(w, ANM_ARRAY_RESHAPE, inputs, 2, NULL);
}

void anm_mil_concat(anm_mil_walk *w)
{
    size_t n;
    const anm_value_id *values = anm_mil_in_row(w, "values", &n);
    anm_array_attr attr = { .axis = anm_mil_int(w, "axis", 0) };

    anm_mil_need(w, "axis");
    if (anm_mil_bool(w, "interleave", false)) attr.flags = ANM_ARRAY_INTERLEAVE;
    anm_mil_emit(w, w->row->op, values, n, &attr);
}

/* Equal parts are as many as there are outputs. */
void anm_mil_split(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"),
                                    anm_mil_in_or_none(w, "split_sizes") };
    const anm_array_attr attr = { .axis = anm_mil_int(w, "axis", 0) };
    const int64_t n = anm_mil_int(w, "num_splits", (int64_t)w->op->n_outputs);

    anm_mil_need(w, "axis");
    if (n != (int64_t)w->op->n_outputs)
        anm_mil_fail(w, ANM_E_FORMAT, "num_splits is %lld, its outputs are %zu",
                     (long long)n, w->op->n_outputs);
    anm_mil_emit(w, ANM_ARRAY_SPLIT, inputs, 2, &attr);
}

static void read_masks(anm_mil_walk *w, anm_array_attr *attr)
{
    attr->begin_mask = anm_mil_bits(w, "begin_mask");
    attr->end_mask = anm_mil_bits(w, "end_mask");
    attr->squeeze_mask = anm_mil_bits(w, "squeeze_mask");
}

void anm_mil_slice(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"), anm_mil_in(w, "begin"),
                                    anm_mil_in(w, "end"),
                                    anm_mil_in_or_none(w, "stride") };
    anm_array_attr attr = { 0 };

    read_masks(w, &attr);
    anm_mil_emit(w, ANM_ARRAY_SLICE_BY_INDEX, inputs, 4, &attr);
}

void anm_mil_slice_update(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"), anm_mil_in(w, "update"),
                                    anm_mil_in(w, "begin"),
                                    anm_mil_in(w, "end"),
                                    anm_mil_in_or_none(w, "stride") };
    anm_array_attr attr = { 0 };

    read_masks(w, &attr);
    anm_mil_emit(w, ANM_ARRAY_SLICE_UPDATE, inputs, 5, &attr);
}

void anm_mil_pad(anm_mil_walk *w)
{
    static const anm_mil_word modes[] = {
        { "constant", ANM_ARRAY_MODE_CONSTANT },
        { "reflect", ANM_ARRAY_MODE_REFLECT },
        { "replicate", ANM_ARRAY_MODE_REPLICATE },
        { NULL, 0 },
    };
    const anm_value_id inputs[] = { anm_mil_in(w, "x"), anm_mil_in(w, "pad"),
                                    anm_mil_in_or_none(w, "constant_val") };
    const anm_array_attr attr = { .mode = (anm_array_mode)anm_mil_choice(
                                      w, "mode", "constant", modes) };

    anm_mil_emit(w, ANM_ARRAY_PAD, inputs, 3, &attr);
}

/* ---- By index -------------------------------------------------------------- */

/* Up to iOS16 a negative index counts from the end; from iOS17 on it means
 * nothing, and converters put arithmetic before it. */
static unsigned index_flags(const anm_mil_walk *w)
{
    return w->ios < 17 ? ANM_ARRAY_WRAP_INDEX : 0;
}

void anm_mil_gather(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "x"),
                                    anm_mil_in(w, "indices") };
    const anm_array_attr attr = { .flags = index_flags(w),
                                  .axis = anm_mil_int(w, "axis", 0),
                                  .batch_dims =
                                      anm_mil_int(w, "batch_dims", 0) };

    anm_mil_emit(w, w->row->op, inputs, 2, &attr);
}

/* Documents and code of the converter disagree on the default mode: it must be
 * written down. */
void anm_mil_scatter_op(anm_mil_walk *w)
{
    static const anm_mil_word modes[] = {
        { "update", ANM_ARRAY_MODE_UPDATE }, { "add", ANM_ARRAY_MODE_ADD },
        { "sub", ANM_ARRAY_MODE_SUB },       { "mul", ANM_ARRAY_MODE_MUL },
        { "div", ANM_ARRAY_MODE_DIV },       { "max", ANM_ARRAY_MODE_MAX },
        { "min", ANM_ARRAY_MODE_MIN },       { NULL, 0 },
    };
    const anm_value_id inputs[] = { anm_mil_in(w, "data"),
                                    anm_mil_in(w, "indices"),
                                    anm_mil_in(w, "updates") };
    const anm_array_attr attr = {
        .flags = index_flags(w),
        .axis = anm_mil_int(w, "axis", 0),
        .mode = (anm_array_mode)anm_mil_choice(w, "mode", "", modes),
    };

    anm_mil_emit(w, w->row->op, inputs, 3, &attr);
}

/* ---- Making ---------------------------------------------------------------- */

void anm_mil_one_hot(anm_mil_walk *w)
{
    anm_value_id inputs[] = { anm_mil_in(w, "indices"),
                              anm_mil_in(w, "one_hot_vector_size"),
                              anm_mil_in_or_none(w, "on_value"),
                              anm_mil_in_or_none(w, "off_value") };
    const anm_array_attr attr = { .axis = anm_mil_int(w, "axis", -1) };

    for (int i = 0; i < 2; i++)
        if (inputs[2 + i] == ANM_VALUE_NONE)
            inputs[2 + i] = anm_arrays_scalar_i32(
                w->program, anm_mil_name(w, i ? "off_value" : "on_value"),
                1 - i);
    anm_mil_emit(w, ANM_ARRAY_ONE_HOT, inputs, 4, &attr);
}

/* fill and fill_like: 0 where no value is given. */
void anm_mil_fill(anm_mil_walk *w)
{
    const bool like = w->row->op == ANM_ARRAY_FILL_LIKE;
    anm_value_id inputs[] = { anm_mil_in(w, like ? "ref_tensor" : "shape"),
                              anm_mil_in_or_none(w, "value") };

    if (inputs[1] == ANM_VALUE_NONE)
        inputs[1] =
            anm_arrays_scalar_f32(w->program, anm_mil_name(w, "value"), 0);
    anm_mil_emit(w, w->row->op, inputs, 2, NULL);
}

/* ---- States ---------------------------------------------------------------- */

/* Writes the state and gives what it then holds. */
void anm_mil_update_state(anm_mil_walk *w)
{
    const anm_value_id inputs[] = { anm_mil_in(w, "state"),
                                    anm_mil_in(w, "value") };

    anm_mil_emit_extra(w, ANM_ARRAY_WRITE_STATE, "write", inputs, 2, NULL,
                       NULL);
    anm_mil_emit(w, ANM_ARRAY_READ_STATE, inputs, 1, NULL);
}
