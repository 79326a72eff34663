/* protobuf.h - the wire format of protocol buffers over untrusted bytes.
 *
 * A message is a row of fields: a varint of (number << 3 | wire type), then
 * the value. This reads one field at a time and knows no schema: the caller
 * walks a message, takes the numbers it knows with the wire type it expects,
 * and lets the others pass. Nothing recurses and nothing is copied.
 *
 *     while (anm_pb_take(&rest, &f, &status, err)) {
 *         if (f.number == 3) status = anm_pb_message(&f, &inner, err);
 *     }
 *     if (status) …
 *
 * Errors are ANM_E_FORMAT; the caller says which message it was.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PROTOBUF_H
#define ANM_PROTOBUF_H

#include "anemone.h"
#include "base/bytes.h"

typedef enum anm_pb_wire {
    ANM_PB_VARINT = 0,
    ANM_PB_FIXED64 = 1,
    ANM_PB_BYTES = 2, /* strings, messages, packed numbers */
    ANM_PB_FIXED32 = 5,
} anm_pb_wire;

typedef struct anm_pb_field {
    uint32_t number;
    anm_pb_wire wire;
    uint64_t value;  /* of a varint or a fixed */
    anm_bytes bytes; /* of ANM_PB_BYTES */
} anm_pb_field;

/* Take the next field; rest is not empty. Refuses groups (wire types 3 and 4),
 * wire types 6 and 7, field number 0, and varints of more than 64 bits. */
anm_status anm_pb_next(anm_bytes *rest, anm_pb_field *out, anm_error *err);

/* The same as the head of a loop: false behind the last field, and where *status
 * is an error, be it of a field or of the loop's body. */
bool anm_pb_take(anm_bytes *rest, anm_pb_field *out, anm_status *status,
                 anm_error *err);
/* Likewise for the messages in fields of one number; others pass. */
bool anm_pb_take_message(anm_bytes *rest, uint32_t number, anm_bytes *out,
                         anm_status *status, anm_error *err);

/* The value of a field, which must have the wire type that goes with it. */
anm_status anm_pb_message(const anm_pb_field *f, anm_bytes *out,
                          anm_error *err);
anm_status anm_pb_int(const anm_pb_field *f, int64_t *out, anm_error *err);
anm_status anm_pb_uint(const anm_pb_field *f, uint64_t *out, anm_error *err);
anm_status anm_pb_bool(const anm_pb_field *f, bool *out, anm_error *err);

/* As anm_pb_message, and checked: valid UTF-8 without NUL. */
anm_status anm_pb_string(const anm_pb_field *f, anm_bytes *out, anm_error *err);

/* Key and value of a map's entry; absent ones are empty. */
anm_status anm_pb_entry(const anm_pb_field *f, anm_bytes *key, anm_bytes *value,
                        anm_error *err);

/* How often a field occurs in a message. Checks the message's fields (not what
 * is inside them). */
anm_status anm_pb_count(anm_bytes message, uint32_t number, size_t *n,
                        anm_error *err);

/* ---- Repeated numbers, packed or one field each ------------------------- */

/* The numbers that one field carries: one, or a packed run. */
typedef struct anm_pb_run {
    anm_bytes rest; /* packed and not yet taken */
    anm_pb_wire wire;
    uint64_t single;
    bool has_single;
} anm_pb_run;

/* wire: of one number. */
anm_status anm_pb_run_of(const anm_pb_field *f, anm_pb_wire wire,
                         anm_pb_run *out, anm_error *err);
/* How many are left, exact for a well-formed run. */
size_t anm_pb_run_len(const anm_pb_run *run);
/* Take the next; *end is true, and nothing is taken, behind the last. */
anm_status anm_pb_run_next(anm_pb_run *run, uint64_t *out, bool *end,
                           anm_error *err);

#endif
