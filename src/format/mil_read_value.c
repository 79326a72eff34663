/* mil_read_value.c - the values of a program: whatever their spelling,
 * one layout.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/error.h"
#include "base/types.h"
#include "format/blob_file.h"
#include "format/mlpackage_parts.h"
#include "format/protobuf.h"

/* ---- Immediate tensors --------------------------------------------------- */

/* How the elements are spelt: the fields of TensorValue. */
typedef enum spelling {
    FLOATS = 1,
    INTS,
    BOOLS,
    STRINGS,
    LONG_INTS,
    DOUBLES,
    BYTES,
} spelling;

static const char *const spelling_names[] = {
    "", "floats", "ints", "bools", "strings", "longInts", "doubles", "bytes",
};

static anm_pb_wire wire_of(spelling s)
{
    if (s == FLOATS) return ANM_PB_FIXED32;
    return s == DOUBLES ? ANM_PB_FIXED64 : ANM_PB_VARINT;
}

static bool can_spell(spelling s, anm_mil_type t)
{
    const bool is_float = anm_mil_type_is_float(t);

    switch (s) {
    case FLOATS:
        return is_float && anm_mil_type_bits(t) > 8;
    case DOUBLES:
        return t == ANM_MIL_FLOAT64;
    case BOOLS:
        return t == ANM_MIL_BOOL;
    case STRINGS:
        return t == ANM_MIL_STRING;
    case INTS:
    case LONG_INTS:
        return !is_float && t != ANM_MIL_STRING;
    case BYTES:
        return t != ANM_MIL_STRING;
    }
    return false;
}

static uint16_t bf16_of_f32_bits(uint32_t bits)
{
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The bits of a type that a float of the file stands for. */
static uint64_t float_bits(anm_mil_type t, uint64_t raw)
{
    const uint32_t low = (uint32_t)raw;
    uint64_t bits = 0;
    float f = 0;

    memcpy(&f, &low, sizeof(f));
    const double d = f;
    if (t == ANM_MIL_FLOAT16) return anm_f16_of_f32(f);
    if (t == ANM_MIL_BFLOAT16) return bf16_of_f32_bits(low);
    if (t != ANM_MIL_FLOAT64) return raw;
    memcpy(&bits, &d, sizeof(bits));
    return bits;
}

/* Whether a varint of the file is an integer of type t. */
static bool fits(anm_mil_type t, uint64_t raw)
{
    const unsigned bits = t == ANM_MIL_BOOL ? 1 : anm_mil_type_bits(t);
    const bool is_signed = t == ANM_MIL_INT4 || t == ANM_MIL_INT8 ||
                           t == ANM_MIL_INT16 || t == ANM_MIL_INT32;

    if (bits == 64) return true;
    if (!is_signed) return raw >> bits == 0;
    return (raw + (UINT64_C(1) << (bits - 1))) >> bits == 0;
}

/* Below 2^40 for what check_elements() let pass. */
static uint64_t bytes_of(const anm_mil_value_type *t, uint64_t n)
{
    const uint64_t bits = n * anm_mil_type_bits(t->type);

    return bits / 8 + (bits % 8 != 0);
}

/* Put element i of `bits` bits into a zeroed stream. */
static void put_element(uint8_t *data, uint64_t i, unsigned bits, uint64_t raw)
{
    const uint64_t first = i * bits;

    for (unsigned done = 0; done < bits;) {
        const unsigned skip = (unsigned)((first + done) % 8);
        const unsigned take = bits - done < 8 - skip ? bits - done : 8 - skip;
        const uint64_t part = raw >> done & ((1u << take) - 1);

        data[(first + done) / 8] |= (uint8_t)(part << skip);
        done += take;
    }
}

static anm_status fail_count(const anm_mil_value_type *t, const char *what,
                             uint64_t found, uint64_t want, anm_error *err)
{
    char text[256];

    return anm_fail(err, ANM_E_FORMAT,
                    "immediate value of %" PRIu64 " %s, %s takes %" PRIu64,
                    found, what, anm_mil_value_type_text(t, text, sizeof(text)),
                    want);
}

/* Numbers of one field behind the *i already there. */
static anm_status put_run(const anm_mil_value_type *t, uint8_t *data,
                          spelling s, anm_pb_run *run, uint64_t *i,
                          anm_error *err)
{
    const unsigned bits = anm_mil_type_bits(t->type);

    for (;;) {
        uint64_t raw = 0;
        bool end = false;
        const anm_status status = anm_pb_run_next(run, &raw, &end, err);

        if (status || end) return status;
        if (s == FLOATS) raw = float_bits(t->type, raw);
        if (s == BOOLS) raw = raw != 0;
        if ((s == INTS || s == LONG_INTS) && !fits(t->type, raw))
            return anm_fail(err, ANM_E_FORMAT,
                            "immediate value %" PRId64 " is no %s",
                            (int64_t)raw, anm_mil_type_name(t->type));
        put_element(data, (*i)++, bits, raw);
    }
}

/* How many numbers the file spells. */
static anm_status count_numbers(anm_bytes message, spelling s, uint64_t *n,
                                anm_error *err)
{
    anm_pb_field f;
    anm_status status = ANM_OK;

    *n = 0;
    while (anm_pb_take(&message, &f, &status, err)) {
        anm_pb_run run;

        if (f.number != 1) continue;
        status = anm_pb_run_of(&f, wire_of(s), &run, err);
        if (status) return status;
        *n += anm_pb_run_len(&run);
    }
    return status;
}

static anm_status read_numbers(anm_mlpackage_reading *r, anm_bytes message,
                               const anm_mil_value_type *t, spelling s,
                               anm_mil_value *v, anm_error *err)
{
    uint64_t i = 0, found = 0;
    size_t len = 0;
    anm_status status = count_numbers(message, s, &found, err);

    if (!status && found != v->n)
        status = fail_count(t, "elements", found, v->n, err);
    if (status) return status;
    len = (size_t)bytes_of(t, v->n);
    uint8_t *data = anm_reading_array(r, len, 1);
    if (!data) return anm_reading_fail(r, err);
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_pb_run run;

        if (f.number != 1) continue;
        status = anm_pb_run_of(&f, wire_of(s), &run, err);
        if (!status) status = put_run(t, data, s, &run, &i, err);
    }
    if (status) return status;
    v->data = anm_bytes_of(data, len);
    return ANM_OK;
}

/* The single field of a RepeatedBytes. */
static anm_status find_bytes(anm_bytes message, anm_bytes *out, anm_error *err)
{
    anm_pb_field f;
    anm_status status = ANM_OK;

    *out = (anm_bytes){ 0 };
    while (anm_pb_take(&message, &f, &status, err))
        if (f.number == 1) status = anm_pb_message(&f, out, err);
    return status;
}

static anm_status read_bytes(anm_mlpackage_reading *r, anm_bytes message,
                             const anm_mil_value_type *t, anm_mil_value *v,
                             anm_error *err)
{
    const uint64_t want = bytes_of(t, v->n);
    anm_bytes found = { 0 };
    const anm_status status = find_bytes(message, &found, err);

    if (status) return status;
    if (found.len != want) return fail_count(t, "bytes", found.len, want, err);
    uint8_t *data = anm_reading_array(r, found.len, 1);
    if (!data) return anm_reading_fail(r, err);
    for (size_t i = 0; i < found.len; i++)
        data[i] = t->type == ANM_MIL_BOOL ? found.data[i] != 0 : found.data[i];
    v->data = anm_bytes_of(data, found.len);
    return ANM_OK;
}

static anm_status read_strings(anm_mlpackage_reading *r, anm_bytes message,
                               const anm_mil_value_type *t, anm_mil_value *v,
                               anm_error *err)
{
    size_t n = 0, i = 0;
    anm_status status = anm_pb_count(message, 1, &n, err);

    if (status) return status;
    if (n != v->n) return fail_count(t, "strings", n, v->n, err);
    const char **strings = anm_reading_array(r, n, sizeof(*strings));
    if (!strings) return anm_reading_fail(r, err);
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes text = { 0 };

        if (f.number != 1) continue;
        status = anm_pb_string(&f, &text, err);
        if (status) return status;
        strings[i] = text.len ? anm_reading_copy(r, text) : "";
        if (!strings[i++]) return anm_reading_fail(r, err);
    }
    if (status) return status;
    v->strings = strings;
    return ANM_OK;
}

static anm_status read_tensor(anm_mlpackage_reading *r, anm_bytes message,
                              const anm_mil_value_type *t, anm_mil_value *v,
                              anm_error *err)
{
    uint32_t given = 0;
    anm_bytes inner = { 0 };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number > BYTES) continue;
        if (given)
            return anm_fail(err, ANM_E_FORMAT,
                            "immediate value spelt twice, as %s and as %s",
                            spelling_names[given], spelling_names[f.number]);
        given = f.number;
        status = anm_pb_message(&f, &inner, err);
    }
    if (status) return status;
    const spelling s = (spelling)given;
    if (!given && v->n) return fail_count(t, "elements", 0, v->n, err);
    if (!given) return ANM_OK;
    if (!can_spell(s, t->type))
        return anm_fail(err, ANM_E_FORMAT,
                        "immediate value of dtype %s spelt as %s",
                        anm_mil_type_name(t->type), spelling_names[given]);
    if (s == STRINGS) return read_strings(r, inner, t, v, err);
    if (s == BYTES) return read_bytes(r, inner, t, v, err);
    return read_numbers(r, inner, t, s, v, err);
}

/* ---- Values in blob files ------------------------------------------------ */

static anm_status read_blob_name(anm_bytes message, anm_bytes *name,
                                 uint64_t *offset, anm_error *err)
{
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number == 1) status = anm_pb_string(&f, name, err);
        if (f.number == 2) status = anm_pb_uint(&f, offset, err);
    }
    return status;
}

/* The file of a blob, mapped; its head is checked when it is new. */
static anm_status blob_file(anm_mlpackage_reading *r, anm_bytes name,
                            unsigned *file, anm_error *err)
{
    static const char prefix[] = "@model_path/";
    const size_t before = r->view.n_files;
    anm_bytes head = { 0 }, rest = name;

    if (!anm_take(&rest, sizeof(prefix) - 1, &head) ||
        !anm_bytes_equal(head, anm_bytes_of(prefix, sizeof(prefix) - 1)))
        return anm_fail(err, ANM_E_FORMAT,
                        "blob file \"%.*s\", must begin with %s",
                        (int)(name.len < 200 ? name.len : 200),
                        (const char *)name.data, prefix);
    if (r->view.container == ANM_MLPACKAGE_FILE)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "its weights lie in %.*s, outside of a bare .mlmodel: "
                        "give the .mlpackage",
                        (int)(rest.len < 200 ? rest.len : 200),
                        (const char *)rest.data);
    anm_status status = anm_reading_file(r, r->folder, rest, file, err);
    if (status || r->view.n_files == before) return status;
    status = anm_blob_file_check(r->files[*file].map.bytes, err);
    if (status) return anm_fail_prefix(err, status, "%s", r->files[*file].path);
    return ANM_OK;
}

static anm_status read_blob(anm_mlpackage_reading *r, anm_bytes message,
                            anm_mil_value *v, anm_error *err)
{
    anm_bytes name = { 0 };
    anm_status status = read_blob_name(message, &name, &v->offset, err);

    if (!status) status = blob_file(r, name, &v->file, err);
    if (status) return status;
    v->in_file = true;
    status = anm_blob_file_data(r->files[v->file].map.bytes, v->offset, v->type,
                                v->n, &v->data, err);
    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "%s", r->files[v->file].path);
}

/* ---- Values -------------------------------------------------------------- */

static anm_status read_value(anm_mlpackage_reading *r, anm_bytes message,
                             int depth, anm_mil_value *out, anm_error *err);

/* A KeyValuePair into two items. */
static anm_status read_pair(anm_mlpackage_reading *r, anm_bytes message,
                            int depth, anm_mil_value *pair, anm_error *err)
{
    anm_bytes sides[2] = { { 0 }, { 0 } };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number == 1 || f.number == 2)
            status = anm_pb_message(&f, &sides[f.number - 1], err);
    }
    if (status) return status;
    status = read_value(r, sides[0], depth, &pair[0], err);
    return status ? status : read_value(r, sides[1], depth, &pair[1], err);
}

/* TupleValue, ListValue and DictionaryValue alike repeat field 1. */
static anm_status read_items(anm_mlpackage_reading *r, anm_bytes message,
                             int depth, anm_mil_value *v, anm_error *err)
{
    const size_t each = v->form == ANM_MIL_DICTIONARY ? 2 : 1;
    size_t n = 0, i = 0;
    anm_status status = anm_pb_count(message, 1, &n, err);

    if (status) return status;
    anm_mil_value *items = anm_reading_array(r, n, each * sizeof(*items));
    if (!items) return anm_reading_fail(r, err);
    anm_pb_field f;

    while (anm_pb_take(&message, &f, &status, err)) {
        anm_bytes inner = { 0 };

        if (f.number != 1) continue;
        status = anm_pb_message(&f, &inner, err);
        if (!status && each == 2)
            status = read_pair(r, inner, depth, &items[i], err);
        else if (!status)
            status = read_value(r, inner, depth, &items[i], err);
        if (status) return status;
        i += each;
    }
    if (status) return status;
    v->items = items;
    v->n = n;
    return ANM_OK;
}

/* The one field of an ImmediateValue that goes with the form. */
static anm_status read_immediate(anm_mlpackage_reading *r, anm_bytes message,
                                 int depth, const anm_mil_value_type *t,
                                 anm_mil_value *v, anm_error *err)
{
    static const uint32_t fields[] = { [ANM_MIL_TENSOR] = 1,
                                       [ANM_MIL_TUPLE] = 2,
                                       [ANM_MIL_LIST] = 3,
                                       [ANM_MIL_DICTIONARY] = 4 };
    anm_bytes inner = { 0 };
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number > 4) continue;
        if (f.number != fields[t->form])
            return anm_fail(err, ANM_E_FORMAT,
                            "immediate value of another form than its type");
        status = anm_pb_message(&f, &inner, err);
    }
    if (status) return status;
    if (t->form == ANM_MIL_TENSOR) return read_tensor(r, inner, t, v, err);
    return read_items(r, inner, depth + 1, v, err);
}

/* Dims of a constant: all known. */
static anm_status take_shape(anm_mlpackage_reading *r,
                             const anm_mil_value_type *t, anm_mil_value *v,
                             anm_error *err)
{
    char text[256];

    v->form = t->form;
    v->type = t->type;
    v->rank = t->rank;
    v->n = 1;
    if (t->form != ANM_MIL_TENSOR) return ANM_OK;
    uint64_t *dims = anm_reading_array(r, t->rank, sizeof(*dims));
    if (!dims) return anm_reading_fail(r, err);
    for (unsigned i = 0; i < t->rank; i++) {
        dims[i] = (uint64_t)t->dims[i];
        v->n *= t->dims[i] < 0 ? 0 : dims[i];
        if (t->dims[i] >= 0) continue;
        return anm_fail(err, ANM_E_FORMAT, "a constant of shape %s",
                        anm_mil_value_type_text(t, text, sizeof(text)));
    }
    v->dims = dims;
    if (t->rank_known && !t->is_state) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "a constant of type %s",
                    anm_mil_value_type_text(t, text, sizeof(text)));
}

static anm_status read_value(anm_mlpackage_reading *r, anm_bytes message,
                             int depth, anm_mil_value *out, anm_error *err)
{
    enum { TYPE = 2, IMMEDIATE = 3, BLOB = 5 };
    anm_bytes type = { 0 }, content = { 0 };
    anm_mil_value_type t = { 0 };
    uint32_t given = 0;

    if (depth > ANM_MIL_NEST_MAX)
        return anm_fail(err, ANM_E_LIMIT, "values nested deeper than %d",
                        ANM_MIL_NEST_MAX);
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&message, &f, &status, err)) {
        if (f.number == TYPE) status = anm_pb_message(&f, &type, err);
        if (f.number == IMMEDIATE || f.number == BLOB) {
            status = anm_pb_message(&f, &content, err);
            given = f.number;
        }
    }
    if (status) return status;
    status = anm_reading_type(r, type, depth, &t, err);
    if (!status) status = take_shape(r, &t, out, err);
    if (status) return status;
    if (given == IMMEDIATE)
        return read_immediate(r, content, depth, &t, out, err);
    if (given == BLOB && t.form == ANM_MIL_TENSOR)
        return read_blob(r, content, out, err);
    return anm_fail(err, ANM_E_FORMAT,
                    "a value neither immediate nor a tensor in a blob file");
}

anm_status anm_reading_value(anm_mlpackage_reading *r, anm_bytes message,
                             const anm_mil_value **out, anm_error *err)
{
    anm_mil_value *v = anm_reading_array(r, 1, sizeof(*v));

    if (!v) return anm_reading_fail(r, err);
    *out = v;
    return read_value(r, message, 0, v, err);
}
