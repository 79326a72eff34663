/* mil_read_type.c - the declared types of a program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "format/mlpackage_parts.h"
#include "format/protobuf.h"

static anm_status type_of_number(int64_t number, anm_mil_type *out,
                                 anm_error *err)
{
    switch (number) {
#define X(name, value, code, bits)                                             \
    case value:                                                                \
        *out = ANM_MIL_##name;                                                 \
        return ANM_OK;
        ANM_MIL_TYPE_LIST(X)
#undef X
    default:
        return anm_fail(err, ANM_E_FORMAT,
                        "dtype %" PRId64 " is no type of MIL", number);
    }
}

static anm_status read_constant_dim(anm_bytes message, int64_t *out,
                                    anm_error *err)
{
    uint64_t size = 0;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err))
        if (f.number == 1) status = anm_pb_uint(&f, &size, err);
    if (status) return status;
    if (size > ANM_MIL_ELEMENTS_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "shape: an axis of %" PRIu64 ", at most %" PRIu64, size,
                        ANM_MIL_ELEMENTS_MAX);
    *out = (int64_t)size;
    return ANM_OK;
}

static anm_status read_dim(anm_bytes message, int64_t *out, anm_error *err)
{
    bool is_given = false;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes inner = { 0 };

        if (f.number != 1 && f.number != 2) continue;
        status = anm_pb_message(&f, &inner, err);
        *out = -1;
        is_given = true;
        if (!status && f.number == 1)
            status = read_constant_dim(inner, out, err);
    }
    if (status) return status;
    if (is_given) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "shape: an axis neither constant nor unknown");
}

/* A product above the limit; unknown and empty axes count as one. */
static anm_status check_elements(const anm_mil_value_type *t, anm_error *err)
{
    uint64_t n = 1;
    char text[256];

    for (unsigned i = 0; i < t->rank; i++) {
        const uint64_t d = t->dims[i] > 0 ? (uint64_t)t->dims[i] : 1;

        if (n > ANM_MIL_ELEMENTS_MAX / d)
            return anm_fail(err, ANM_E_LIMIT,
                            "shape: %s has more than %" PRIu64 " elements",
                            anm_mil_value_type_text(t, text, sizeof(text)),
                            ANM_MIL_ELEMENTS_MAX);
        n *= d;
    }
    return ANM_OK;
}

/* Type and rank of a TensorType, and how many dimensions it lists. */
static anm_status read_tensor_head(anm_bytes rest, anm_mil_value_type *out,
                                   int64_t *rank, size_t *n_dims,
                                   anm_error *err)
{
    int64_t number = 0;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&rest, &f, &status, err)) {
        if (f.number == 1) status = anm_pb_int(&f, &number, err);
        if (f.number == 2) status = anm_pb_int(&f, rank, err);
        if (f.number == 3) ++*n_dims;
    }
    if (status) return status;
    return type_of_number(number, &out->type, err);
}

static anm_status check_rank(int64_t rank, size_t n_dims, anm_error *err)
{
    if (rank > ANM_MIL_RANK_MAX)
        return anm_fail(err, ANM_E_LIMIT, "rank %" PRId64 ", at most %d", rank,
                        ANM_MIL_RANK_MAX);
    if (rank >= -1 && n_dims == (rank < 0 ? 0 : (size_t)rank)) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "rank %" PRId64 " declared with %zu dimensions", rank,
                    n_dims);
}

static anm_status read_tensor_type(anm_mlpackage_reading *r, anm_bytes message,
                                   anm_mil_value_type *out, anm_error *err)
{
    int64_t rank = 0;
    size_t n_dims = 0, i = 0;
    anm_status status = read_tensor_head(message, out, &rank, &n_dims, err);

    if (!status) status = check_rank(rank, n_dims, err);
    if (status) return status;
    int64_t *dims = anm_reading_array(r, n_dims, sizeof(*dims));
    if (!dims) return anm_reading_fail(r, err);
    anm_bytes inner;

    while (anm_pb_take_message(&message, 3, &inner, &status, err))
        status = read_dim(inner, &dims[i++], err);
    if (status) return status;
    out->rank_known = rank >= 0;
    out->rank = (unsigned)n_dims;
    out->dims = dims;
    return check_elements(out, err);
}

/* ListType, TupleType, DictionaryType: the types inside are checked and not
 * kept. Their numbers of fields with types: 1; 1 repeated; 1 and 2. */
static anm_status check_inner_types(anm_mlpackage_reading *r, anm_bytes message,
                                    anm_mil_form form, int depth,
                                    anm_error *err)
{
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes inner = { 0 };
        anm_mil_value_type unused = { 0 };

        if (f.number != 1 && (f.number != 2 || form != ANM_MIL_DICTIONARY))
            continue;
        status = anm_pb_message(&f, &inner, err);
        if (!status)
            status = anm_reading_type(r, inner, depth + 1, &unused, err);
    }
    return status;
}

static anm_status read_state_type(anm_mlpackage_reading *r, anm_bytes message,
                                  int depth, anm_mil_value_type *out,
                                  anm_error *err)
{
    anm_bytes inner = { 0 };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err))
        if (f.number == 1) status = anm_pb_message(&f, &inner, err);
    if (status) return status;
    status = anm_reading_type(r, inner, depth + 1, out, err);
    if (status) return status;
    if (out->is_state || out->form != ANM_MIL_TENSOR)
        return anm_fail(err, ANM_E_FORMAT, "a state that holds no tensor");
    out->is_state = true;
    return ANM_OK;
}

anm_status anm_reading_type(anm_mlpackage_reading *r, anm_bytes message,
                            int depth, anm_mil_value_type *out, anm_error *err)
{
    static const anm_mil_form forms[] = { 0, ANM_MIL_TENSOR, ANM_MIL_LIST,
                                          ANM_MIL_TUPLE, ANM_MIL_DICTIONARY };
    uint32_t given = 0;
    anm_bytes inner = { 0 };

    if (depth > ANM_MIL_NEST_MAX)
        return anm_fail(err, ANM_E_LIMIT, "types nested deeper than %d",
                        ANM_MIL_NEST_MAX);
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number > 5) continue;
        if (given)
            return anm_fail(err, ANM_E_FORMAT, "two types where one is meant");
        given = f.number;
        status = anm_pb_message(&f, &inner, err);
    }
    if (status) return status;
    if (!given) return anm_fail(err, ANM_E_FORMAT, "no type given");
    if (given == 5) return read_state_type(r, inner, depth, out, err);
    *out = (anm_mil_value_type){ .form = forms[given] };
    if (given == 1) return read_tensor_type(r, inner, out, err);
    return check_inner_types(r, inner, out->form, depth, err);
}
