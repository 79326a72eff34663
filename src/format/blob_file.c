/* blob_file.c - records of a blob file, held against what the program says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/blob_file.h"

#include <inttypes.h>

#include "base/error.h"

enum { HEAD_BYTES = 64, RECORD_BYTES = 64, ALIGN = 64, VERSION = 2 };

static const uint32_t SENTINEL = 0xDEADBEEF;

typedef struct record {
    uint32_t sentinel, code;
    uint64_t size, offset, padding_bits;
} record;

static bool take_record(anm_bytes b, record *out)
{
    return anm_take_u32le(&b, &out->sentinel) &&
           anm_take_u32le(&b, &out->code) && anm_take_u64le(&b, &out->size) &&
           anm_take_u64le(&b, &out->offset) &&
           anm_take_u64le(&b, &out->padding_bits);
}

static anm_mil_type type_of_code(uint32_t code)
{
    static const uint32_t codes[] = {
#define X(name, number, blob_code, bits) [ANM_MIL_##name] = blob_code,
        ANM_MIL_TYPE_LIST(X)
#undef X
    };

    for (size_t i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i] == code) return (anm_mil_type)i;
    return ANM_MIL_NONE;
}

anm_status anm_blob_file_check(anm_bytes file, anm_error *err)
{
    uint32_t n = 0, version = 0;
    anm_bytes head = { 0 };
    const char *mistaken = anm_bytes_mistaken(file);

    if (!anm_take(&file, HEAD_BYTES, &head))
        return anm_fail(err, ANM_E_FORMAT, "%zu bytes, at least %d expected",
                        file.len, HEAD_BYTES);
    (void)anm_take_u32le(&head, &n);
    (void)anm_take_u32le(&head, &version);
    if (version == VERSION) return ANM_OK;
    if (mistaken) return anm_fail(err, ANM_E_FORMAT, "%s", mistaken);
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "storage version %" PRIu32 ", must be %d", version,
                    VERSION);
}

static anm_status read_record(anm_bytes file, uint64_t offset, record *out,
                              anm_error *err)
{
    anm_bytes bytes = { 0 };

    if (offset % ALIGN || offset < HEAD_BYTES)
        return anm_fail(err, ANM_E_FORMAT,
                        "record offset %" PRIu64
                        ", must be a multiple of %d from %d on",
                        offset, ALIGN, HEAD_BYTES);
    if (!anm_bytes_slice(file, offset, RECORD_BYTES, &bytes) ||
        !take_record(bytes, out))
        return anm_fail(err, ANM_E_FORMAT,
                        "record offset %" PRIu64 " in a file of %zu bytes",
                        offset, file.len);
    if (out->sentinel == SENTINEL) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "record at %" PRIu64 ": sentinel 0x%08" PRIX32
                    ", must be 0x%08" PRIX32,
                    offset, out->sentinel, SENTINEL);
}

static anm_status check_type(const record *r, anm_mil_type t, anm_error *err)
{
    const anm_mil_type found = type_of_code(r->code);

    if (found == ANM_MIL_NONE)
        return anm_fail(err, ANM_E_FORMAT,
                        "dtype code %" PRIu32 " is not known", r->code);
    if (found == t) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT, "dtype %s, the program says %s",
                    anm_mil_type_name(found), anm_mil_type_name(t));
}

/* n <= ANM_MIL_ELEMENTS_MAX keeps the products below 2^64. */
static anm_status check_size(const record *r, anm_mil_type t, uint64_t n,
                             anm_error *err)
{
    const uint64_t bits = n * anm_mil_type_bits(t);
    const uint64_t bytes = bits / 8 + (bits % 8 != 0);

    if (r->size != bytes)
        return anm_fail(err, ANM_E_FORMAT,
                        "size of %" PRIu64 " bytes, %" PRIu64
                        " elements of %s take %" PRIu64,
                        r->size, n, anm_mil_type_name(t), bytes);
    if (r->padding_bits == bytes * 8 - bits) return ANM_OK;
    // Whole bytes have no padding, and older writers left this word as it was.
    if (bits % 8 == 0 && anm_mil_type_bits(t) >= 8) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "size: %" PRIu64 " padding bits for %" PRIu64
                    " elements of %s, must be %" PRIu64,
                    r->padding_bits, n, anm_mil_type_name(t), bytes * 8 - bits);
}

static anm_status slice_data(anm_bytes file, const record *r, anm_bytes *out,
                             anm_error *err)
{
    if (r->offset % ALIGN || r->offset < HEAD_BYTES)
        return anm_fail(err, ANM_E_FORMAT,
                        "data offset %" PRIu64
                        ", must be a multiple of %d from %d on",
                        r->offset, ALIGN, HEAD_BYTES);
    if (anm_bytes_slice(file, r->offset, r->size, out)) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "data offset %" PRIu64 ", size %" PRIu64
                    " in a file of %zu bytes",
                    r->offset, r->size, file.len);
}

anm_status anm_blob_file_data(anm_bytes file, uint64_t offset, anm_mil_type t,
                              uint64_t n, anm_bytes *out, anm_error *err)
{
    record r = { 0 };
    anm_status status = read_record(file, offset, &r, err);

    if (status) return status;
    status = check_type(&r, t, err);
    if (!status) status = check_size(&r, t, n, err);
    if (!status) status = slice_data(file, &r, out, err);
    if (!status) return ANM_OK;
    return anm_fail_prefix(err, status, "record at %" PRIu64, offset);
}
