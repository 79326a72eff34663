/* model_description.c - what a model takes and gives, in the words of its
 * ModelDescription.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "format/mlpackage_parts.h"
#include "format/protobuf.h"

/* MLMultiArrayDataType. */
static anm_status type_of_array(int64_t number, anm_mil_type *out,
                                anm_error *err)
{
    switch (number) {
    case 0: // not set
        *out = ANM_MIL_NONE;
        return ANM_OK;
    case 0x10010:
        *out = ANM_MIL_FLOAT16;
        return ANM_OK;
    case 0x10020:
        *out = ANM_MIL_FLOAT32;
        return ANM_OK;
    case 0x10040:
        *out = ANM_MIL_FLOAT64;
        return ANM_OK;
    case 0x20008:
        *out = ANM_MIL_INT8;
        return ANM_OK;
    case 0x20020:
        *out = ANM_MIL_INT32;
        return ANM_OK;
    default:
        return anm_fail(err, ANM_E_FORMAT,
                        "array dtype %" PRId64 " is not known", number);
    }
}

/* ---- Shapes -------------------------------------------------------------- */

/* The sizes of field 1, packed or not. */
static anm_status read_sizes(anm_mlpackage_reading *r, anm_bytes message,
                             const uint64_t **out, unsigned *rank,
                             anm_error *err)
{
    uint64_t dims[ANM_MIL_RANK_MAX];
    unsigned n = 0;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_pb_run run;
        bool end = false;

        if (f.number != 1) continue;
        status = anm_pb_run_of(&f, ANM_PB_VARINT, &run, err);
        while (!status && !end) {
            uint64_t d = 0;

            status = anm_pb_run_next(&run, &d, &end, err);
            if (status || end) continue;
            if (n == ANM_MIL_RANK_MAX)
                return anm_fail(err, ANM_E_LIMIT, "shape: rank above %d",
                                ANM_MIL_RANK_MAX);
            if (d > ANM_MIL_ELEMENTS_MAX)
                return anm_fail(err, ANM_E_LIMIT,
                                "shape: an axis of %" PRId64
                                ", must be 0 to %" PRIu64,
                                (int64_t)d, ANM_MIL_ELEMENTS_MAX);
            dims[n++] = d;
        }
    }
    if (status) return status;
    uint64_t *copy = anm_reading_array(r, n, sizeof(*copy));
    if (!copy) return anm_reading_fail(r, err);
    memcpy(copy, dims, n * sizeof(*copy));
    *out = copy;
    *rank = n;
    return ANM_OK;
}

static anm_status read_enumerated(anm_mlpackage_reading *r, anm_bytes message,
                                  anm_feature *out, anm_error *err)
{
    size_t n = 0, i = 0;
    anm_status status = anm_pb_count(message, 1, &n, err);

    if (status) return status;
    const uint64_t **shapes = anm_reading_array(r, n, sizeof(*shapes));
    unsigned *ranks = anm_reading_array(r, n, sizeof(*ranks));
    if (!shapes || !ranks) return anm_reading_fail(r, err);
    anm_bytes inner;

    while (anm_pb_take_message(&message, 1, &inner, &status, err)) {
        status = read_sizes(r, inner, &shapes[i], &ranks[i], err);
        i++;
    }
    if (status) return status;
    out->shapes = shapes;
    out->shape_ranks = ranks;
    out->n_shapes = n;
    return ANM_OK;
}

static anm_status read_range(anm_bytes message, anm_feature_range *out,
                             anm_error *err)
{
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number == 1) status = anm_pb_uint(&f, &out->low, err);
        if (f.number == 2) status = anm_pb_int(&f, &out->high, err);
    }
    if (status) return status;
    if (out->high < 0) {
        out->high = -1;
        return ANM_OK;
    }
    if (out->low <= (uint64_t)out->high) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "shape: a range from %" PRIu64 " to %" PRId64, out->low,
                    out->high);
}

static anm_status read_ranges(anm_mlpackage_reading *r, anm_bytes message,
                              anm_feature *out, anm_error *err)
{
    size_t n = 0, i = 0;
    anm_status status = anm_pb_count(message, 1, &n, err);

    if (status) return status;
    if (n > ANM_MIL_RANK_MAX)
        return anm_fail(err, ANM_E_LIMIT,
                        "shape: ranges of rank %zu, at most %d", n,
                        ANM_MIL_RANK_MAX);
    anm_feature_range *ranges = anm_reading_array(r, n, sizeof(*ranges));
    if (!ranges) return anm_reading_fail(r, err);
    anm_bytes inner;

    while (anm_pb_take_message(&message, 1, &inner, &status, err))
        status = read_range(inner, &ranges[i++], err);
    if (status) return status;
    out->ranges = ranges;
    out->n_ranges = n;
    return ANM_OK;
}

static anm_status read_array(anm_mlpackage_reading *r, anm_bytes message,
                             anm_feature *out, anm_error *err)
{
    enum { DATA_TYPE = 2, ENUMERATED = 21, RANGES = 31 };
    anm_status status = read_sizes(r, message, &out->dims, &out->rank, err);
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes inner = { 0 };
        int64_t number = 0;

        if (f.number == DATA_TYPE) {
            status = anm_pb_int(&f, &number, err);
            if (!status) status = type_of_array(number, &out->type, err);
        } else if (f.number == ENUMERATED || f.number == RANGES) {
            status = anm_pb_message(&f, &inner, err);
            if (!status && f.number == ENUMERATED)
                status = read_enumerated(r, inner, out, err);
            if (!status && f.number == RANGES)
                status = read_ranges(r, inner, out, err);
        }
    }
    return status;
}

/* StateFeatureType wraps an ArrayFeatureType. */
static anm_status read_state(anm_mlpackage_reading *r, anm_bytes message,
                             anm_feature *out, anm_error *err)
{
    anm_bytes inner = { 0 };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err))
        if (f.number == 1) status = anm_pb_message(&f, &inner, err);
    if (status) return status;
    return read_array(r, inner, out, err);
}

/* ---- Features ------------------------------------------------------------ */

static bool kind_of_field(uint32_t number, anm_feature_kind *out)
{
    switch (number) {
#define X(name, text, field)                                                   \
    case field:                                                                \
        *out = ANM_FEATURE_##name;                                             \
        return true;
        ANM_FEATURE_KIND_LIST(X)
#undef X
    default:
        return false;
    }
}

static anm_status read_feature_type(anm_mlpackage_reading *r, anm_bytes message,
                                    anm_feature *out, anm_error *err)
{
    enum { IS_OPTIONAL = 1000 };
    anm_bytes inner = { 0 };
    bool is_given = false;
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number == IS_OPTIONAL) {
            status = anm_pb_bool(&f, &out->optional, err);
        } else if (kind_of_field(f.number, &out->kind)) {
            status = anm_pb_message(&f, &inner, err);
            is_given = true;
        }
    }
    if (status) return status;
    if (!is_given) return anm_fail(err, ANM_E_FORMAT, "no type given");
    if (out->kind == ANM_FEATURE_ARRAY) return read_array(r, inner, out, err);
    if (out->kind == ANM_FEATURE_STATE) return read_state(r, inner, out, err);
    return ANM_OK;
}

static anm_status read_feature(anm_mlpackage_reading *r, anm_bytes message,
                               anm_feature *out, anm_error *err)
{
    anm_bytes name = { 0 }, about = { 0 }, type = { 0 };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number == 1) status = anm_pb_string(&f, &name, err);
        if (f.number == 2) status = anm_pb_string(&f, &about, err);
        if (f.number == 3) status = anm_pb_message(&f, &type, err);
    }
    if (status) return status;
    out->name = anm_reading_copy(r, name);
    out->about = about.len ? anm_reading_copy(r, about) : "";
    if (!out->name || !out->about) return anm_reading_fail(r, err);
    status = read_feature_type(r, type, out, err);
    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "feature %.80s", out->name);
}

/* All of field `number` of a description. */
static anm_status read_features(anm_mlpackage_reading *r, anm_bytes message,
                                uint32_t number, const anm_feature **out,
                                size_t *n, anm_error *err)
{
    size_t i = 0;
    anm_status status = anm_pb_count(message, number, n, err);

    if (status) return status;
    anm_feature *features = anm_reading_array(r, *n, sizeof(*features));
    if (!features) return anm_reading_fail(r, err);
    *out = features;
    anm_bytes inner;

    while (anm_pb_take_message(&message, number, &inner, &status, err))
        status = read_feature(r, inner, &features[i++], err);
    return status;
}

/* Inputs, outputs and states in fields of these numbers. */
static anm_status read_set(anm_mlpackage_reading *r, anm_bytes message,
                           const uint32_t numbers[3], anm_features *out,
                           anm_error *err)
{
    anm_status status = read_features(r, message, numbers[0], &out->inputs,
                                      &out->n_inputs, err);

    if (!status)
        status = read_features(r, message, numbers[1], &out->outputs,
                               &out->n_outputs, err);
    if (!status)
        status = read_features(r, message, numbers[2], &out->states,
                               &out->n_states, err);
    return status;
}

/* ---- Metadata ------------------------------------------------------------ */

static anm_status read_pair(anm_mlpackage_reading *r, const anm_pb_field *f,
                            anm_mlpackage_pair *out, anm_error *err)
{
    anm_bytes key = { 0 }, value = { 0 };
    anm_status status = anm_pb_entry(f, &key, &value, err);
    const anm_pb_field text = { .number = f->number,
                                .wire = ANM_PB_BYTES,
                                .bytes = value };

    if (!status) status = anm_pb_string(&text, &value, err);
    if (status) return status;
    out->key = anm_reading_copy(r, key);
    out->value = anm_reading_copy(r, value);
    return out->key && out->value ? ANM_OK : anm_reading_fail(r, err);
}

static anm_status read_metadata(anm_mlpackage_reading *r, anm_bytes message,
                                anm_error *err)
{
    enum { USER_DEFINED = 100 };
    const char **const texts[] = { NULL, &r->view.about, &r->view.version,
                                   &r->view.author, &r->view.license };
    size_t n = 0, i = 0;
    anm_status status = anm_pb_count(message, USER_DEFINED, &n, err);

    if (status) return status;
    anm_mlpackage_pair *pairs = anm_reading_array(r, n, sizeof(*pairs));
    if (!pairs) return anm_reading_fail(r, err);
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes text = { 0 };

        if (f.number == USER_DEFINED && i < n)
            status = read_pair(r, &f, &pairs[i++], err);
        if (!status && f.number <= 4) {
            status = anm_pb_string(&f, &text, err);
            *texts[f.number] = status ? "" : anm_reading_copy(r, text);
            if (!*texts[f.number]) return anm_reading_fail(r, err);
        }
    }
    if (status) return anm_fail_prefix(err, status, "metadata");
    r->view.user_defined = pairs;
    r->view.n_user_defined = n;
    return ANM_OK;
}

/* ---- The description ----------------------------------------------------- */

static anm_status read_function(anm_mlpackage_reading *r, anm_bytes message,
                                anm_described_function *out, anm_error *err)
{
    static const uint32_t numbers[3] = { 2, 3, 6 };
    anm_bytes name = { 0 }, rest = message;
    anm_status status = ANM_OK;
    anm_pb_field f;

    while (anm_pb_take(&rest, &f, &status, err))
        if (f.number == 1) status = anm_pb_string(&f, &name, err);
    if (status) return status;
    out->name = anm_reading_copy(r, name);
    if (!out->name) return anm_reading_fail(r, err);
    return read_set(r, message, numbers, &out->features, err);
}

static anm_status read_functions(anm_mlpackage_reading *r, anm_bytes message,
                                 uint32_t number, anm_description *out,
                                 anm_error *err)
{
    size_t i = 0;
    anm_status status = anm_pb_count(message, number, &out->n, err);

    if (status) return status;
    out->functions = anm_reading_array(r, out->n, sizeof(*out->functions));
    if (!out->functions) return anm_reading_fail(r, err);
    anm_bytes inner;

    while (anm_pb_take_message(&message, number, &inner, &status, err))
        status = read_function(r, inner, &out->functions[i++], err);
    return status;
}

anm_status anm_reading_description(anm_mlpackage_reading *r, anm_bytes message,
                                   anm_description *out, anm_error *err)
{
    enum { FUNCTIONS = 20, MAIN = 21, METADATA = 100 };
    static const uint32_t numbers[3] = { 1, 10, 13 };
    anm_status status = read_set(r, message, numbers, &r->view.features, err);

    out->main = "";
    if (!status) status = read_functions(r, message, FUNCTIONS, out, err);
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes inner = { 0 };

        if (f.number == MAIN) {
            status = anm_pb_string(&f, &inner, err);
            if (status) break;
            out->main = anm_reading_copy(r, inner);
            if (!out->main) return anm_reading_fail(r, err);
        } else if (f.number == METADATA) {
            status = anm_pb_message(&f, &inner, err);
            if (!status) status = read_metadata(r, inner, err);
        }
    }
    return status ? anm_fail_prefix(err, status, "description") : ANM_OK;
}
