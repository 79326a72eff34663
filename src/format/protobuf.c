/* protobuf.c - fields, numbers and runs of numbers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/protobuf.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/utf8.h"

enum { FIELD_NUMBER_MAX = (1 << 29) - 1, VARINT_BYTES_MAX = 10 };

static anm_status take_varint(anm_bytes *rest, uint64_t *out, anm_error *err)
{
    const size_t before = rest->len;
    uint64_t value = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t b = 0;

        if (!anm_take_u8(rest, &b))
            return anm_fail(err, ANM_E_FORMAT,
                            "varint that does not end in the %zu bytes left",
                            before);
        if (i == VARINT_BYTES_MAX - 1 && b > 1) break;
        value |= (uint64_t)(b & 0x7f) << (7 * i);
        if (b & 0x80) continue;
        *out = value;
        return ANM_OK;
    }
    return anm_fail(err, ANM_E_FORMAT, "varint of more than 64 bits");
}

static anm_status fail_short(anm_error *err, uint32_t number, uint64_t want,
                             size_t left)
{
    return anm_fail(err, ANM_E_FORMAT,
                    "field %" PRIu32 ": varint length of %" PRIu64
                    " bytes, %zu left",
                    number, want, left);
}

/* The value of a field whose number and wire type are known. */
static anm_status take_value(anm_bytes *rest, anm_pb_field *f, anm_error *err)
{
    uint32_t low = 0;
    uint64_t len = 0;
    anm_status status;

    switch (f->wire) {
    case ANM_PB_VARINT:
        return take_varint(rest, &f->value, err);
    case ANM_PB_FIXED64:
        if (anm_take_u64le(rest, &f->value)) return ANM_OK;
        return fail_short(err, f->number, 8, rest->len);
    case ANM_PB_FIXED32:
        if (!anm_take_u32le(rest, &low))
            return fail_short(err, f->number, 4, rest->len);
        f->value = low;
        return ANM_OK;
    case ANM_PB_BYTES:
        status = take_varint(rest, &len, err);
        if (status || anm_take(rest, len, &f->bytes)) return status;
        return fail_short(err, f->number, len, rest->len);
    }
    return anm_fail(err, ANM_E_FORMAT, "field %" PRIu32 " of wire type %d",
                    f->number, (int)f->wire);
}

anm_status anm_pb_next(anm_bytes *rest, anm_pb_field *out, anm_error *err)
{
    uint64_t key = 0;
    const anm_status status = take_varint(rest, &key, err);

    if (status) return status;
    if (key >> 3 == 0 || key >> 3 > FIELD_NUMBER_MAX)
        return anm_fail(err, ANM_E_FORMAT,
                        "field number %" PRIu64 ", must be 1 to %d", key >> 3,
                        FIELD_NUMBER_MAX);
    *out = (anm_pb_field){ .number = (uint32_t)(key >> 3),
                           .wire = (anm_pb_wire)(key & 7) };
    return take_value(rest, out, err);
}

/* ---- One value ----------------------------------------------------------- */

static anm_status expect(const anm_pb_field *f, anm_pb_wire wire,
                         anm_error *err)
{
    if (f->wire == wire) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "field %" PRIu32 ": wire type %d, must be %d", f->number,
                    (int)f->wire, (int)wire);
}

bool anm_pb_take(anm_bytes *rest, anm_pb_field *out, anm_status *status,
                 anm_error *err)
{
    if (*status || !rest->len) return false;
    *status = anm_pb_next(rest, out, err);
    return !*status;
}

bool anm_pb_take_message(anm_bytes *rest, uint32_t number, anm_bytes *out,
                         anm_status *status, anm_error *err)
{
    anm_pb_field f;

    while (anm_pb_take(rest, &f, status, err)) {
        if (f.number != number) continue;
        *status = anm_pb_message(&f, out, err);
        return !*status;
    }
    return false;
}

anm_status anm_pb_message(const anm_pb_field *f, anm_bytes *out, anm_error *err)
{
    const anm_status status = expect(f, ANM_PB_BYTES, err);

    if (!status) *out = f->bytes;
    return status;
}

anm_status anm_pb_int(const anm_pb_field *f, int64_t *out, anm_error *err)
{
    const anm_status status = expect(f, ANM_PB_VARINT, err);

    if (!status) *out = (int64_t)f->value;
    return status;
}

anm_status anm_pb_uint(const anm_pb_field *f, uint64_t *out, anm_error *err)
{
    const anm_status status = expect(f, ANM_PB_VARINT, err);

    if (!status) *out = f->value;
    return status;
}

anm_status anm_pb_bool(const anm_pb_field *f, bool *out, anm_error *err)
{
    const anm_status status = expect(f, ANM_PB_VARINT, err);

    if (!status) *out = f->value != 0;
    return status;
}

static anm_status check_text(anm_bytes text, uint32_t number, anm_error *err)
{
    const size_t bad = anm_utf8_invalid_at((const char *)text.data, text.len);

    if (bad < text.len)
        return anm_fail(err, ANM_E_FORMAT,
                        "field %" PRIu32 ": not valid UTF-8 at byte %zu of %zu",
                        number, bad, text.len);
    for (size_t i = 0; i < text.len; i++)
        if (!text.data[i])
            return anm_fail(err, ANM_E_FORMAT,
                            "field %" PRIu32 ": a NUL at byte %zu of %zu",
                            number, i, text.len);
    return ANM_OK;
}

anm_status anm_pb_string(const anm_pb_field *f, anm_bytes *out, anm_error *err)
{
    const anm_status status = anm_pb_message(f, out, err);

    return status ? status : check_text(*out, f->number, err);
}

anm_status anm_pb_entry(const anm_pb_field *f, anm_bytes *key, anm_bytes *value,
                        anm_error *err)
{
    anm_pb_field inner;
    anm_bytes rest = { 0 };
    anm_status status = anm_pb_message(f, &rest, err);

    *key = *value = (anm_bytes){ 0 };
    while (anm_pb_take(&rest, &inner, &status, err)) {
        if (inner.number == 1) status = anm_pb_string(&inner, key, err);
        if (inner.number == 2) status = anm_pb_message(&inner, value, err);
    }
    return status;
}

anm_status anm_pb_count(anm_bytes message, uint32_t number, size_t *n,
                        anm_error *err)
{
    anm_pb_field f;
    anm_status status = ANM_OK;

    *n = 0;
    while (anm_pb_take(&message, &f, &status, err))
        *n += f.number == number;
    return status;
}

/* ---- Runs ---------------------------------------------------------------- */

anm_status anm_pb_run_of(const anm_pb_field *f, anm_pb_wire wire,
                         anm_pb_run *out, anm_error *err)
{
    *out = (anm_pb_run){ .wire = wire };
    if (f->wire == ANM_PB_BYTES) {
        out->rest = f->bytes;
        return ANM_OK;
    }
    out->single = f->value;
    out->has_single = true;
    return expect(f, wire, err);
}

size_t anm_pb_run_len(const anm_pb_run *run)
{
    size_t n = 0;

    if (run->has_single) return 1;
    if (run->wire == ANM_PB_FIXED32) return run->rest.len / 4;
    if (run->wire == ANM_PB_FIXED64) return run->rest.len / 8;
    // A varint ends in the one of its bytes that has no high bit.
    for (size_t i = 0; i < run->rest.len; i++)
        n += !(run->rest.data[i] & 0x80);
    return n;
}

anm_status anm_pb_run_next(anm_pb_run *run, uint64_t *out, bool *end,
                           anm_error *err)
{
    anm_pb_field f = { .number = 1, .wire = run->wire };

    *end = !run->has_single && !run->rest.len;
    if (*end) return ANM_OK;
    if (run->has_single) {
        *out = run->single;
        run->has_single = false;
        return ANM_OK;
    }
    const anm_status status = take_value(&run->rest, &f, err);
    if (!status) *out = f.value;
    return status;
}
