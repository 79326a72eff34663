/* gguf_tensor.c - the tensors of a GGUF file: read, held against the data and
 * against each other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>

#include "base/error.h"
#include "format/gguf_file.h"

#define NONE ANM_DTYPE_COUNT

/* The types of ggml by their numbers; a block of 0 elements: a type that ggml
 * has removed. */
static const struct {
    const char *name; /* NULL: no such number */
    anm_block block;
    anm_dtype dtype;
} types[] = {
    [0] = { "F32", { 1, 4 }, ANM_DTYPE_F32 },
    [1] = { "F16", { 1, 2 }, ANM_DTYPE_F16 },
    [2] = { "Q4_0", { 32, 18 }, ANM_DTYPE_Q4_0 },
    [3] = { "Q4_1", { 32, 20 }, NONE },
    [4] = { "Q4_2", { 0, 0 }, NONE },
    [5] = { "Q4_3", { 0, 0 }, NONE },
    [6] = { "Q5_0", { 32, 22 }, ANM_DTYPE_Q5_0 },
    [7] = { "Q5_1", { 32, 24 }, NONE },
    [8] = { "Q8_0", { 32, 34 }, ANM_DTYPE_Q8_0 },
    [9] = { "Q8_1", { 32, 40 }, NONE },
    [10] = { "Q2_K", { 256, 84 }, NONE },
    [11] = { "Q3_K", { 256, 110 }, NONE },
    [12] = { "Q4_K", { 256, 144 }, ANM_DTYPE_Q4_K },
    [13] = { "Q5_K", { 256, 176 }, ANM_DTYPE_Q5_K },
    [14] = { "Q6_K", { 256, 210 }, ANM_DTYPE_Q6_K },
    [15] = { "Q8_K", { 256, 292 }, NONE },
    [16] = { "IQ2_XXS", { 256, 66 }, NONE },
    [17] = { "IQ2_XS", { 256, 74 }, NONE },
    [18] = { "IQ3_XXS", { 256, 98 }, NONE },
    [19] = { "IQ1_S", { 256, 50 }, NONE },
    [20] = { "IQ4_NL", { 32, 18 }, NONE },
    [21] = { "IQ3_S", { 256, 110 }, NONE },
    [22] = { "IQ2_S", { 256, 82 }, NONE },
    [23] = { "IQ4_XS", { 256, 136 }, NONE },
    [24] = { "I8", { 1, 1 }, ANM_DTYPE_I8 },
    [25] = { "I16", { 1, 2 }, ANM_DTYPE_I16 },
    [26] = { "I32", { 1, 4 }, ANM_DTYPE_I32 },
    [27] = { "I64", { 1, 8 }, ANM_DTYPE_I64 },
    [28] = { "F64", { 1, 8 }, ANM_DTYPE_F64 },
    [29] = { "IQ1_M", { 256, 56 }, NONE },
    [30] = { "BF16", { 1, 2 }, ANM_DTYPE_BF16 },
    [31] = { "Q4_0_4_4", { 0, 0 }, NONE },
    [32] = { "Q4_0_4_8", { 0, 0 }, NONE },
    [33] = { "Q4_0_8_8", { 0, 0 }, NONE },
    [34] = { "TQ1_0", { 256, 54 }, NONE },
    [35] = { "TQ2_0", { 256, 66 }, NONE },
    [36] = { "IQ4_NL_4_4", { 0, 0 }, NONE },
    [37] = { "IQ4_NL_4_8", { 0, 0 }, NONE },
    [38] = { "IQ4_NL_8_8", { 0, 0 }, NONE },
    [39] = { "MXFP4", { 32, 17 }, NONE },
    [40] = { "NVFP4", { 64, 36 }, NONE },
    [41] = { "Q1_0", { 128, 18 }, NONE },
};

enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

enum {
    TENSOR_BYTES_MIN = 8 + 4 + 4 + 8, /* without a name and axes */
    ALIGNMENT_DEFAULT = 32,
    ALIGNMENT_MAX = 1 << 20,
};

/* ---- One tensor ---------------------------------------------------------- */

static anm_status take_name(anm_gguf *g, anm_bytes *rest, anm_gguf_tensor *t,
                            anm_error *err)
{
    anm_text name;
    const anm_status status = anm_gguf_take_string(rest, &name, err);

    if (status) return anm_fail_prefix(err, status, "a tensor's name");
    if (name.len > ANM_GGUF_NAME_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "a tensor's name of %zu bytes, at most %d", name.len,
                        ANM_GGUF_NAME_MAX);
    if (name.len == 0 || memchr(name.data, 0, name.len))
        return anm_fail(err, ANM_E_FORMAT, "a tensor's name is %s",
                        name.len ? "cut by a byte 0" : "empty");
    t->name = anm_arena_copy(&g->arena, name.data, name.len);
    return t->name ? ANM_OK : anm_fail(err, ANM_E_NOMEM, "out of memory");
}

/* The file has the innermost size first. */
static anm_status take_shape(anm_bytes *rest, anm_gguf_tensor *t,
                             anm_error *err)
{
    uint32_t rank = 0;

    if (!anm_take_u32le(rest, &rank))
        return anm_fail(err, ANM_E_FORMAT, "%s: ends before its rank", t->name);
    if (rank > ANM_GGUF_RANK_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%s: %" PRIu32 " axes, at most %d",
                        t->name, rank, ANM_GGUF_RANK_MAX);
    t->rank = rank;
    for (unsigned i = rank; i-- > 0;)
        if (!anm_take_u64le(rest, &t->dims[i]))
            return anm_fail(err, ANM_E_FORMAT, "%s: ends before its sizes",
                            t->name);
    return ANM_OK;
}

static anm_status take_type(anm_bytes *rest, anm_gguf_tensor *t,
                            anm_block *block, anm_error *err)
{
    uint32_t type = 0;

    if (!anm_take_u32le(rest, &type))
        return anm_fail(err, ANM_E_FORMAT, "%s: ends before its type", t->name);
    if (type >= N_TYPES || !types[type].name)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: type %" PRIu32 " of ggml is not known; known: 0 "
                        "(F32) to %d (%s)",
                        t->name, type, N_TYPES - 1, types[N_TYPES - 1].name);
    if (types[type].block.elements == 0)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "%s: type %s, which ggml has removed", t->name,
                        types[type].name);
    t->type = types[type].name;
    t->dtype = types[type].dtype;
    *block = types[type].block;
    return ANM_OK;
}

/* Bytes that shape and type ask for. */
static anm_status count_bytes(const anm_gguf_tensor *t, anm_block block,
                              uint64_t *out, anm_error *err)
{
    const uint64_t row = t->rank ? t->dims[t->rank - 1] : 1;
    uint64_t n = row / block.elements;

    if (row % block.elements != 0)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: rows of %" PRIu64
                        " are no whole blocks of %s, which hold %zu",
                        t->name, row, t->type, block.elements);
    bool too_many = n > UINT64_MAX / block.bytes;
    n *= block.bytes;
    for (unsigned i = 0; i + 1 < t->rank && !too_many; i++) {
        too_many = t->dims[i] && n > UINT64_MAX / t->dims[i];
        n *= t->dims[i];
    }
    *out = n;
    return too_many ? anm_fail(err, ANM_E_FORMAT,
                               "%s: more bytes than 64 bits count", t->name)
                    : ANM_OK;
}

/* Where a tensor lies, until all are read and the data's start is known. */
typedef struct place {
    uint64_t offset, bytes;
    size_t tensor;
} place;

static anm_status take_tensor(anm_gguf *g, anm_bytes *rest, anm_gguf_tensor *t,
                              place *p, anm_error *err)
{
    anm_block block = { 1, 1 };
    anm_status status = take_name(g, rest, t, err);

    if (!status) status = take_shape(rest, t, err);
    if (!status) status = take_type(rest, t, &block, err);
    if (!status) status = count_bytes(t, block, &p->bytes, err);
    if (status) return status;
    if (!anm_take_u64le(rest, &p->offset))
        return anm_fail(err, ANM_E_FORMAT, "%s: ends before its offset",
                        t->name);
    return ANM_OK;
}

/* ---- All of them --------------------------------------------------------- */

static anm_status read_alignment(const anm_gguf *g, size_t *out, anm_error *err)
{
    int64_t alignment = 0;
    const anm_status status = anm_gguf_int_or(
        g, "general.alignment",
        (anm_int_rule){
            .min = 1, .max = ALIGNMENT_MAX, .otherwise = ALIGNMENT_DEFAULT },
        &alignment, err);

    if (status) return status;
    if (alignment & (alignment - 1))
        return anm_fail(err, ANM_E_FORMAT,
                        "general.alignment: %" PRId64 " is no power of two",
                        alignment);
    *out = (size_t)alignment;
    return ANM_OK;
}

/* The data behind the header, of which `rest` is left. */
static anm_bytes find_data(const anm_gguf *g, anm_bytes rest, size_t alignment)
{
    const size_t at = g->map.bytes.len - rest.len;
    const size_t padding = (alignment - at % alignment) % alignment;
    anm_bytes data = { rest.data, 0 };

    anm_bytes_slice(rest, padding, rest.len > padding ? rest.len - padding : 0,
                    &data);
    return data;
}

static anm_status place_tensors(anm_gguf *g, const place *places, size_t n,
                                anm_bytes data, size_t alignment,
                                anm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        anm_gguf_tensor *t = &g->tensors[i];
        const place *p = &places[i];

        if (p->offset % alignment != 0)
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: offset %" PRIu64
                            " is no multiple of the alignment %zu",
                            t->name, p->offset, alignment);
        if (!anm_bytes_slice(data, p->offset, p->bytes, &t->data))
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: %" PRIu64 " bytes at offset %" PRIu64
                            " of %zu bytes of data",
                            t->name, p->bytes, p->offset, data.len);
    }
    return ANM_OK;
}

/* By offset, then end: an empty tensor comes before the one at its place. */
static int compare_places(const void *a, const void *b)
{
    const place *x = a, *y = b;

    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static anm_status check_overlap(const anm_gguf *g, place *places, size_t n,
                                anm_error *err)
{
    if (n) qsort(places, n, sizeof(*places), compare_places);
    for (size_t i = 1; i < n; i++) {
        const place *x = &places[i - 1], *y = &places[i];

        if (x->bytes <= y->offset - x->offset) continue;
        return anm_fail(err, ANM_E_FORMAT,
                        "tensors overlap: %s begins at %" PRIu64
                        ", %s ends at %" PRIu64,
                        g->tensors[y->tensor].name, y->offset,
                        g->tensors[x->tensor].name, x->offset + x->bytes);
    }
    return ANM_OK;
}

static int compare_names(const void *a, const void *b)
{
    const anm_gguf_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static anm_status sort_tensors(anm_gguf *g, anm_error *err)
{
    if (g->n_tensors)
        qsort(g->tensors, g->n_tensors, sizeof(*g->tensors), compare_names);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (compare_names(&g->tensors[i - 1], &g->tensors[i]) == 0)
            return anm_fail(err, ANM_E_FORMAT, "tensor %s is there twice",
                            g->tensors[i].name);
    return ANM_OK;
}

/* Places as they stand in the file; room for as many tensors. */
static anm_status read_all(anm_gguf *g, place *places, size_t n,
                           anm_bytes *rest, anm_error *err)
{
    size_t alignment = 0;
    anm_status status = read_alignment(g, &alignment, err);

    for (size_t i = 0; i < n && !status; i++) {
        places[i].tensor = i;
        status = take_tensor(g, rest, &g->tensors[i], &places[i], err);
        if (status) anm_fail_prefix(err, status, "tensor %zu of %zu", i, n);
    }
    if (status) return status;
    status = place_tensors(g, places, n, find_data(g, *rest, alignment),
                           alignment, err);
    if (!status) status = check_overlap(g, places, n, err);
    if (status) return status;
    g->n_tensors = n;
    return sort_tensors(g, err);
}

anm_status anm_gguf_read_tensors(anm_gguf *g, uint64_t n, anm_bytes *rest,
                                 anm_error *err)
{
    if (n > rest->len / TENSOR_BYTES_MIN)
        return anm_fail(err, ANM_E_FORMAT,
                        "%" PRIu64 " tensors where %zu bytes are left", n,
                        rest->len);
    if (n > ANM_GGUF_TENSORS_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%" PRIu64 " tensors, at most %d", n,
                        ANM_GGUF_TENSORS_MAX);
    place *places = anm_alloc_array((size_t)n, sizeof(*places));
    g->tensors = anm_alloc_array((size_t)n, sizeof(*g->tensors));
    const anm_status status = places && g->tensors
                                  ? read_all(g, places, (size_t)n, rest, err)
                                  : anm_fail(err, ANM_E_NOMEM, "out of memory");

    anm_free(places);
    return status;
}

/* ---- Asking -------------------------------------------------------------- */

size_t anm_gguf_n_tensors(const anm_gguf *g)
{
    return g->n_tensors;
}

const anm_gguf_tensor *anm_gguf_tensor_at(const anm_gguf *g, size_t i)
{
    assert(i < g->n_tensors);
    return &g->tensors[i];
}

const anm_gguf_tensor *anm_gguf_tensor_find(const anm_gguf *g, const char *name)
{
    const anm_gguf_tensor wanted = { .name = name };

    if (!g->n_tensors) return NULL;
    return bsearch(&wanted, g->tensors, g->n_tensors, sizeof(wanted),
                   compare_names);
}
