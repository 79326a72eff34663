/* blob_file.h - weight.bin, the MIL blob storage of version 2.
 *
 *   offset 0   u32 number of records, u32 version (2), 56 bytes reserved
 *   offset 64  records of 64 bytes at multiples of 64, data between them:
 *              u32 0xDEADBEEF, u32 type code, u64 bytes of data, u64 offset of
 *              the data, u64 unused bits of its last byte, 32 bytes reserved
 *
 * A program points at a record by its offset. Only records that it points at
 * are looked at. Little-endian throughout.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BLOB_FILE_H
#define ANM_BLOB_FILE_H

#include "format/mil_program.h"

/* Check the head of a file. */
anm_status anm_blob_file_check(anm_bytes file, anm_error *err);

/* The data of the record at `offset`, which must hold n elements of type t.
 * Borrowed from file; aligned to 64 where file is. */
anm_status anm_blob_file_data(anm_bytes file, uint64_t offset, anm_mil_type t,
                              uint64_t n, anm_bytes *out, anm_error *err);

#endif
