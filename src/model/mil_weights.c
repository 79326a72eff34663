/* mil_weights.c - palettes, scales and masks of compressed weights.
 *
 * Arrays are walked row by row, a row being the last axis: within one the
 * group of a palette or a scale changes at known places only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_weights.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

enum { RUN_MAX = 256 };

static float value_at(const anm_mil_array *a, uint64_t i)
{
    float v;
    anm_mil_array_load(a, i, 1, &v);
    return v;
}

static bool is_mask(const anm_mil_array *a)
{
    return anm_mil_array_is_unsigned(a) && anm_mil_array_bits(a) <= 8;
}

static bool same_shape(const anm_mil_array *a, const anm_mil_array *b)
{
    for (unsigned i = 0; i < a->rank && a->rank == b->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return a->rank == b->rank;
}

/* An axis counted from either end. */
static anm_status find_axis(int64_t axis, unsigned rank, unsigned *out,
                            anm_error *err)
{
    const int64_t at = axis < 0 ? axis + (int64_t)rank : axis;

    if (at < 0 || at >= (int64_t)rank)
        return anm_fail(err, ANM_E_FORMAT,
                        "axis %" PRId64 " of an array of rank %u", axis, rank);
    *out = (unsigned)at;
    return ANM_OK;
}

/* ---- Blocks ---------------------------------------------------------------- */

/* How the groups of a palette or a scale lie over an array: on axis i a group
 * covers size[i] elements, and the next group is step[i] further on. */
typedef struct blocks {
    unsigned rank;
    uint64_t size[ANM_MIL_DENSE_RANK_MAX], step[ANM_MIL_DENSE_RANK_MAX];
} blocks;

/* groups [rank] divides the axes of `over`. */
static anm_status lay_blocks(blocks *b, const anm_mil_array *over,
                             const uint64_t *groups, const char *name,
                             anm_error *err)
{
    uint64_t step = 1;

    b->rank = over->rank;
    for (unsigned i = over->rank; i-- > 0;) {
        if (groups[i] == 0 || over->dims[i] % groups[i])
            return anm_fail(err, ANM_E_FORMAT,
                            "%s: %" PRIu64 " groups on axis %u of %" PRIu64
                            " elements",
                            name, groups[i], i, over->dims[i]);
        b->size[i] = over->dims[i] / groups[i];
        b->step[i] = groups[i] == 1 ? 0 : step;
        step *= groups[i];
    }
    return ANM_OK;
}

/* The group that the first element of a row is in. */
static uint64_t group_of_row(const blocks *b, const anm_mil_array *over,
                             uint64_t row)
{
    uint64_t group = 0;

    for (unsigned i = b->rank; i-- > 1;) {
        const uint64_t dim = over->dims[i - 1];
        group += row % dim / b->size[i - 1] * b->step[i - 1];
        row /= dim;
    }
    return group;
}

/* Length of the rows of an array, and how many there are: none of no length, of
 * which a small file may declare more than anybody would wait for. */
typedef struct rows {
    uint64_t n, len;
} rows;

static rows rows_of(const anm_mil_array *a)
{
    rows r = { 1, a->rank ? a->dims[a->rank - 1] : 1 };

    if (r.len == 0) r.n = 0;
    for (unsigned i = 0; i + 1 < a->rank; i++)
        r.n *= a->dims[i];
    return r;
}

/* The group of element j of a row, and how many elements follow in it. */
static uint64_t group_at(const blocks *b, uint64_t base, uint64_t j,
                         uint64_t *left)
{
    if (b->rank == 0) {
        *left = 1;
        return 0;
    }
    const uint64_t size = b->size[b->rank - 1];
    *left = size - j % size;
    return base + j / size * b->step[b->rank - 1];
}

/* ---- Scales ---------------------------------------------------------------- */

typedef struct spread {
    const anm_mil_array *values; /* NULL: absent */
    blocks blocks;
} spread;

static void scale_row(const anm_mil_array *data, const spread *scale,
                      const spread *offset, uint64_t row, uint64_t len,
                      anm_mil_array *out)
{
    const uint64_t first = row * len;
    const uint64_t s_base = group_of_row(&scale->blocks, data, row);
    const uint64_t o_base =
        offset->values ? group_of_row(&offset->blocks, data, row) : 0;
    float run[RUN_MAX];

    for (uint64_t j = 0, n; j < len; j += n) {
        uint64_t left;
        const float s =
            value_at(scale->values, group_at(&scale->blocks, s_base, j, &n));
        float o = 0;
        if (offset->values) {
            o = value_at(offset->values,
                         group_at(&offset->blocks, o_base, j, &left));
            if (left < n) n = left;
        }
        if (n > RUN_MAX) n = RUN_MAX;
        anm_mil_array_load(data, first + j, (size_t)n, run);
        for (size_t i = 0; i < n; i++)
            run[i] = (run[i] - o) * s;
        anm_mil_array_store(out, first + j, (size_t)n, run);
    }
}

static anm_status apply_scale(const anm_mil_array *data, const spread *scale,
                              const spread *offset, anm_mil_array *out,
                              anm_error *err)
{
    *out = *data;
    out->owned = NULL;
    out->type = scale->values->type;
    const anm_status status = anm_mil_array_make(out, data->data.len, err);
    if (status) return status;
    const rows r = rows_of(data);
    for (uint64_t row = 0; row < r.n; row++)
        scale_row(data, scale, offset, row, r.len, out);
    return ANM_OK;
}

static anm_status check_scale(const anm_mil_array *data,
                              const anm_mil_array *scale,
                              const anm_mil_array *offset, anm_error *err)
{
    anm_status status = anm_mil_array_check(data, "data", err);

    if (!status) status = anm_mil_array_check(scale, "scale", err);
    if (!status && offset) status = anm_mil_array_check(offset, "offset", err);
    if (status) return status;
    if (!anm_mil_array_is_float(scale))
        return anm_fail(err, ANM_E_FORMAT,
                        "scale: %s is neither FLOAT16 nor "
                        "FLOAT32",
                        anm_mil_type_name(scale->type));
    if (!anm_mil_array_is_number(data) ||
        (offset && !anm_mil_array_is_number(offset)))
        return anm_fail(err, ANM_E_FORMAT,
                        "data of type %s and offset of type "
                        "%s",
                        anm_mil_type_name(data->type),
                        offset ? anm_mil_type_name(offset->type) : "NONE");
    return ANM_OK;
}

anm_status anm_mil_blockwise(const anm_mil_array *data,
                             const anm_mil_array *scale,
                             const anm_mil_array *offset, anm_mil_array *out,
                             anm_error *err)
{
    spread s = { .values = scale }, o = { .values = offset };
    anm_status status = check_scale(data, scale, offset, err);

    if (status) return status;
    if (scale->rank != data->rank || (offset && offset->rank != data->rank))
        return anm_fail(err, ANM_E_FORMAT,
                        "scale of rank %u and offset of rank %u for data of "
                        "rank %u",
                        scale->rank, offset ? offset->rank : data->rank,
                        data->rank);
    status = lay_blocks(&s.blocks, data, scale->dims, "scale", err);
    if (!status && offset)
        status = lay_blocks(&o.blocks, data, offset->dims, "offset", err);
    return status ? status : apply_scale(data, &s, &o, out, err);
}

/* A scalar, or one value for each place on the axis. */
static anm_status lay_along(spread *s, const anm_mil_array *data, unsigned axis,
                            const char *name, anm_error *err)
{
    uint64_t groups[ANM_MIL_DENSE_RANK_MAX], n = 0;

    if (!s->values) return ANM_OK;
    if (!anm_mil_array_elements(s->values, &n) ||
        (n != 1 && n != data->dims[axis]))
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %" PRIu64 " values for axis %u of %" PRIu64
                        " elements",
                        name, n, axis, data->dims[axis]);
    for (unsigned i = 0; i < data->rank; i++)
        groups[i] = i == axis ? n : 1;
    return lay_blocks(&s->blocks, data, groups, name, err);
}

anm_status anm_mil_affine(const anm_mil_array *data,
                          const anm_mil_array *zero_point,
                          const anm_mil_array *scale, int64_t axis,
                          anm_mil_array *out, anm_error *err)
{
    spread s = { .values = scale }, o = { .values = zero_point };
    unsigned at = 0;
    anm_status status = check_scale(data, scale, zero_point, err);

    if (!status) status = find_axis(axis, data->rank, &at, err);
    if (!status) status = lay_along(&s, data, at, "scale", err);
    if (!status) status = lay_along(&o, data, at, "zero_point", err);
    return status ? status : apply_scale(data, &s, &o, out, err);
}

/* ---- Palettes -------------------------------------------------------------- */

typedef struct palette {
    blocks blocks;
    uint64_t entries, width;
    size_t bytes;   /* of one value */
    uint64_t inner; /* elements behind the vector axis */
    const anm_mil_array *indices;
    const uint8_t *values; /* [groups, entries, width] */
} palette;

static anm_status read_palette(palette *p, const anm_mil_array *indices,
                               const anm_mil_array *lut, int64_t vector_axis,
                               anm_mil_array *out, anm_error *err)
{
    const unsigned rank = indices->rank;
    unsigned axis = rank ? rank - 1 : 0;

    if (!is_mask(indices) || anm_mil_array_bits(lut) < 8 ||
        lut->rank != rank + 2)
        return anm_fail(err, ANM_E_FORMAT,
                        "a palette of rank %u and type %s for indices of rank "
                        "%u and type %s",
                        lut->rank, anm_mil_type_name(lut->type), rank,
                        anm_mil_type_name(indices->type));
    anm_status status =
        lay_blocks(&p->blocks, indices, lut->dims, "palette", err);
    if (status) return status;
    p->entries = lut->dims[rank];
    p->width = lut->dims[rank + 1];
    if (p->width > 1) status = find_axis(vector_axis, rank, &axis, err);
    if (status) return status;
    p->bytes = anm_mil_array_bits(lut) / 8;
    p->indices = indices;
    p->values = lut->data.data;
    p->inner = 1;
    for (unsigned i = axis + 1; i < rank; i++)
        p->inner *= indices->dims[i];
    *out = (anm_mil_array){ .type = lut->type, .rank = rank };
    memcpy(out->dims, indices->dims, sizeof(out->dims));
    if (rank && out->dims[axis] && p->width > UINT64_MAX / out->dims[axis])
        return anm_fail(err, ANM_E_LIMIT, "palette: %" PRIu64 " values wide",
                        p->width);
    if (rank) out->dims[axis] *= p->width;
    return ANM_OK;
}

/* The values of element i, which are those of one entry. */
static void put_entry(const palette *p, const uint8_t *entry, uint64_t i,
                      uint8_t *out)
{
    const uint64_t outer = i / p->inner, k = i % p->inner;

    for (uint64_t w = 0; w < p->width; w++)
        memcpy(out + ((outer * p->width + w) * p->inner + k) * p->bytes,
               entry + w * p->bytes, p->bytes);
}

static anm_status look_up_row(const palette *p, uint64_t row, uint64_t len,
                              uint8_t *out, anm_error *err)
{
    const anm_mil_array *indices = p->indices;
    const uint64_t base = group_of_row(&p->blocks, indices, row);
    const size_t stride = (size_t)p->width * p->bytes;

    for (uint64_t j = 0, n; j < len; j += n) {
        const uint64_t group = group_at(&p->blocks, base, j, &n);
        const uint8_t *entries = p->values + group * p->entries * stride;
        for (uint64_t i = row * len + j; i < row * len + j + n; i++) {
            const unsigned code = anm_mil_array_code(indices, i);
            if (code >= p->entries)
                return anm_fail(err, ANM_E_CORRUPT,
                                "index %u into a palette of %" PRIu64
                                " entries",
                                code, p->entries);
            if (p->width == 1)
                memcpy(out + i * p->bytes, entries + code * p->bytes, p->bytes);
            else
                put_entry(p, entries + code * stride, i, out);
        }
    }
    return ANM_OK;
}

anm_status anm_mil_lookup(const anm_mil_array *indices,
                          const anm_mil_array *lut, int64_t vector_axis,
                          anm_mil_array *out, anm_error *err)
{
    palette p = { .entries = 0 };
    anm_status status = anm_mil_array_check(indices, "indices", err);

    if (!status) status = anm_mil_array_check(lut, "palette", err);
    if (!status) status = read_palette(&p, indices, lut, vector_axis, out, err);
    if (!status)
        status =
            anm_mil_array_make(out, indices->data.len + lut->data.len, err);
    if (status) return status;
    const rows r = rows_of(indices);
    for (uint64_t row = 0; row < r.n && !status && p.width; row++)
        status = look_up_row(&p, row, r.len, out->owned, err);
    if (status) anm_mil_array_deinit(out);
    return status;
}

/* ---- Masks ----------------------------------------------------------------- */

static anm_status check_mask(const anm_mil_array *mask, uint64_t *n,
                             uint64_t *n_set, anm_error *err)
{
    const anm_status status = anm_mil_array_check(mask, "mask", err);

    if (status) return status;
    if (!is_mask(mask) || !anm_mil_array_elements(mask, n))
        return anm_fail(err, ANM_E_FORMAT, "a mask of type %s",
                        anm_mil_type_name(mask->type));
    *n_set = 0;
    for (uint64_t i = 0; i < *n; i++)
        *n_set += anm_mil_array_code(mask, i) != 0;
    return ANM_OK;
}

/* Copy one element; those below eight bits take a byte afterwards, and keep
 * their sign. */
static void copy_element(const anm_mil_array *from, uint64_t i, uint8_t *to,
                         uint64_t at)
{
    const unsigned bits = anm_mil_array_bits(from);

    if (bits >= 8) {
        const size_t bytes = bits / 8;
        memcpy(to + at * bytes, from->data.data + i * bytes, bytes);
        return;
    }
    const unsigned code = anm_mil_array_code(from, i);
    const unsigned sign = 1u << (bits - 1);
    to[at] =
        (uint8_t)(anm_mil_array_is_signed(from) ? (code ^ sign) - sign : code);
}

static anm_mil_array whole_bytes(const anm_mil_array *like)
{
    const anm_mil_type byte =
        anm_mil_array_is_signed(like) ? ANM_MIL_INT8 : ANM_MIL_UINT8;

    return (anm_mil_array){ .type = anm_mil_array_bits(like) < 8 ? byte
                                                                 : like->type };
}

anm_status anm_mil_scatter(const anm_mil_array *values,
                           const anm_mil_array *mask, anm_mil_array *out,
                           anm_error *err)
{
    uint64_t n, n_set, n_values, next = 0;
    anm_status status = anm_mil_array_check(values, "nonzero data", err);

    if (!status) status = check_mask(mask, &n, &n_set, err);
    if (status) return status;
    if (!anm_mil_array_elements(values, &n_values) || n_values != n_set)
        return anm_fail(err, ANM_E_FORMAT,
                        "%" PRIu64 " values for a mask with %" PRIu64 " set",
                        n_values, n_set);
    *out = whole_bytes(values);
    out->rank = mask->rank;
    memcpy(out->dims, mask->dims, sizeof(out->dims));
    status = anm_mil_array_make(out, mask->data.len + values->data.len, err);
    for (uint64_t i = 0; i < n && !status; i++)
        if (anm_mil_array_code(mask, i))
            copy_element(values, next++, out->owned, i);
    return status;
}

anm_status anm_mil_collect(const anm_mil_array *whole,
                           const anm_mil_array *mask, anm_mil_array *out,
                           anm_error *err)
{
    uint64_t n, n_set, next = 0;
    anm_status status = check_mask(mask, &n, &n_set, err);

    if (!status) status = anm_mil_array_check(whole, "data", err);
    if (status) return status;
    if (!same_shape(whole, mask))
        return anm_fail(err, ANM_E_FORMAT,
                        "the mask has another shape than the data");
    *out = whole_bytes(whole);
    out->rank = 1;
    out->dims[0] = n_set;
    status = anm_mil_array_make(out, whole->data.len, err);
    for (uint64_t i = 0; i < n && !status; i++)
        if (anm_mil_array_code(mask, i))
            copy_element(whole, i, out->owned, next++);
    return status;
}

anm_status anm_mil_widen_mask(const anm_mil_array *mask, uint64_t width,
                              int64_t axis, anm_mil_array *out, anm_error *err)
{
    uint64_t n, n_set, inner = 1;
    unsigned at = 0;
    anm_status status = check_mask(mask, &n, &n_set, err);

    if (!status) status = find_axis(axis, mask->rank, &at, err);
    if (status) return status;
    if (mask->dims[at] && width > UINT64_MAX / mask->dims[at])
        return anm_fail(err, ANM_E_LIMIT, "palette: %" PRIu64 " values wide",
                        width);
    for (unsigned i = at + 1; i < mask->rank; i++)
        inner *= mask->dims[i];
    *out = whole_bytes(mask);
    out->rank = mask->rank;
    memcpy(out->dims, mask->dims, sizeof(out->dims));
    out->dims[at] *= width;
    status = anm_mil_array_make(out, mask->data.len, err);
    for (uint64_t i = 0; i < n && !status; i++)
        for (uint64_t w = 0; w < width; w++)
            ((uint8_t *)
                 out->owned)[(i / inner * width + w) * inner + i % inner] =
                (uint8_t)anm_mil_array_code(mask, i);
    return status;
}

/* ---- Types ----------------------------------------------------------------- */

anm_status anm_mil_to_f32(const anm_mil_array *a, anm_mil_array *out,
                          anm_error *err)
{
    uint64_t n;
    anm_status status = anm_mil_array_check(a, "source_val", err);

    if (status) return status;
    if (!anm_mil_array_is_float(a) || !anm_mil_array_elements(a, &n))
        return anm_fail(err, ANM_E_FORMAT, "source_val is of type %s",
                        anm_mil_type_name(a->type));
    *out = *a;
    out->owned = NULL;
    out->type = ANM_MIL_FLOAT32;
    status = anm_mil_array_make(out, a->data.len, err);
    if (!status) anm_mil_array_load(a, 0, (size_t)n, out->owned);
    return status;
}
