/* mil_array.c - arrays of constants, element by element.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "model/mil_array.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/types.h"

bool anm_mil_array_is_signed(const anm_mil_array *a)
{
    return a->type == ANM_MIL_INT4 || a->type == ANM_MIL_INT8 ||
           a->type == ANM_MIL_INT16 || a->type == ANM_MIL_INT32;
}

bool anm_mil_array_is_float(const anm_mil_array *a)
{
    return a->type == ANM_MIL_FLOAT16 || a->type == ANM_MIL_FLOAT32;
}

bool anm_mil_array_is_unsigned(const anm_mil_array *a)
{
    return anm_mil_array_bits(a) <= 32 && !anm_mil_array_is_signed(a) &&
           !anm_mil_type_is_float(a->type);
}

bool anm_mil_array_is_number(const anm_mil_array *a)
{
    return anm_mil_array_is_float(a) || anm_mil_array_is_signed(a) ||
           anm_mil_array_is_unsigned(a);
}

anm_status anm_mil_array_of(const anm_mil_value *v, const char *name,
                            anm_mil_array *out, anm_error *err)
{
    if (v->form != ANM_MIL_TENSOR || anm_mil_type_bits(v->type) == 0 ||
        v->rank > ANM_MIL_DENSE_RANK_MAX)
        return anm_fail(err, ANM_E_FORMAT,
                        "%s: %s of rank %u is no array of numbers with %u axes "
                        "at most",
                        name, anm_mil_type_name(v->type), v->rank,
                        (unsigned)ANM_MIL_DENSE_RANK_MAX);
    *out = (anm_mil_array){ .type = v->type, .rank = v->rank, .data = v->data };
    for (unsigned i = 0; i < v->rank; i++)
        out->dims[i] = v->dims[i];
    return ANM_OK;
}

bool anm_mil_array_elements(const anm_mil_array *a, uint64_t *n)
{
    *n = 1;
    for (unsigned i = 0; i < a->rank; i++) {
        if (a->dims[i] && *n > UINT64_MAX / a->dims[i]) return false;
        *n *= a->dims[i];
    }
    return true;
}

/* False when the bytes are more than 64 bits count. */
static bool bytes_of(const anm_mil_array *a, uint64_t *bytes)
{
    uint64_t n;

    const unsigned bits = anm_mil_array_bits(a);

    if (bits == 0 || !anm_mil_array_elements(a, &n) ||
        n > (UINT64_MAX - 7) / bits)
        return false;
    *bytes = (n * bits + 7) / 8;
    return true;
}

anm_status anm_mil_array_check(const anm_mil_array *a, const char *name,
                               anm_error *err)
{
    uint64_t bytes;

    if (bytes_of(a, &bytes) && bytes == a->data.len) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: %zu bytes are not those of its shape in %s", name,
                    a->data.len, anm_mil_type_name(a->type));
}

void anm_mil_array_deinit(anm_mil_array *a)
{
    anm_free(a->owned);
    *a = (anm_mil_array){ 0 };
}

anm_status anm_mil_array_make(anm_mil_array *a, uint64_t from, anm_error *err)
{
    uint64_t bytes;

    if (!bytes_of(a, &bytes) || bytes > ANM_MIL_DENSE_MAX ||
        (bytes > ANM_MIL_GROWTH_FREE &&
         (bytes - ANM_MIL_GROWTH_FREE) / ANM_MIL_GROWTH_MAX > from))
        return anm_fail(err, ANM_E_LIMIT,
                        "%" PRIu64 " bytes would become more than %" PRIu64
                        ", or more than %d times as many and %" PRIu64,
                        from, ANM_MIL_DENSE_MAX, ANM_MIL_GROWTH_MAX,
                        ANM_MIL_GROWTH_FREE);
    a->owned = bytes <= SIZE_MAX ? anm_alloc_zero((size_t)bytes) : NULL;
    if (!a->owned)
        return anm_fail(err, ANM_E_NOMEM, "%" PRIu64 " bytes: out of memory",
                        bytes);
    a->data = anm_bytes_of(a->owned, (size_t)bytes);
    return ANM_OK;
}

static float int_value(const anm_mil_array *a, uint64_t i)
{
    const uint8_t *at = a->data.data;
    const unsigned bits = anm_mil_array_bits(a);
    uint32_t v = 0;

    if (bits <= 8)
        v = anm_mil_array_code(a, i);
    else
        memcpy(&v, at + i * (bits / 8), bits / 8);
    if (!anm_mil_array_is_signed(a)) return (float)v;
    const uint32_t sign = 1u << (bits - 1);
    return (float)((int64_t)(v ^ sign) - (int64_t)sign);
}

void anm_mil_array_load(const anm_mil_array *a, uint64_t first, size_t n,
                        float *out)
{
    const uint8_t *at = a->data.data;

    if (a->type == ANM_MIL_FLOAT32) {
        memcpy(out, at + first * 4, n * 4);
    } else if (a->type == ANM_MIL_FLOAT16) {
        for (size_t i = 0; i < n; i++) {
            uint16_t h;
            memcpy(&h, at + (first + i) * 2, 2);
            out[i] = anm_f32_of_f16(h);
        }
    } else {
        for (size_t i = 0; i < n; i++)
            out[i] = int_value(a, first + i);
    }
}

void anm_mil_array_store(anm_mil_array *a, uint64_t first, size_t n,
                         const float *v)
{
    uint8_t *at = a->owned;

    if (a->type == ANM_MIL_FLOAT32) {
        memcpy(at + first * 4, v, n * 4);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = anm_f16_of_f32(v[i]);
        memcpy(at + (first + i) * 2, &h, 2);
    }
}

anm_status anm_mil_unpacked_view(const anm_mil_array *packed, anm_mil_type type,
                                 const anm_mil_value *shape, anm_mil_array *out,
                                 anm_error *err)
{
    *out = (anm_mil_array){ .type = type, .data = packed->data };
    if (packed->type != ANM_MIL_UINT8 || shape->n > ANM_RANK_MAX)
        return anm_fail(err, ANM_E_FORMAT,
                        "packed bytes of type %s and a shape of %" PRIu64
                        " axes",
                        anm_mil_type_name(packed->type), shape->n);
    out->rank = (unsigned)shape->n;
    for (unsigned i = 0; i < out->rank; i++) {
        int64_t dim = -1;
        if (!anm_mil_value_int(shape, i, &dim) || dim < 0)
            return anm_fail(err, ANM_E_FORMAT,
                            "shape: axis %u has %" PRId64 " elements", i, dim);
        out->dims[i] = (uint64_t)dim;
    }
    return anm_mil_array_check(out, "packed bytes", err);
}
