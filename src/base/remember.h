/* remember.h - digests of big files, and what was made of files, computed once.
 *
 * A digest is remembered under the identity of the files it was made from
 * (device, inode, size, mtime, ctime of each) and a word for what it covers.
 * It is kept only when the reading began later than the files' last change by
 * more than the grain of their stamps: a change within one tick cannot hide.
 * One small file per entry in a folder; a damaged or foreign entry counts as
 * absent. Nothing here fails: what cannot be remembered is computed again.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_REMEMBER_H
#define ANM_REMEMBER_H

#include "base/file.h"
#include "base/sha256.h"

/* folder NULL: nothing is remembered. */
bool anm_remember_get(const char *folder, const anm_file_id *ids, size_t n,
                      const char *what, uint8_t out[ANM_SHA256_BYTES]);

/* began_ns: anm_wall_ns() before the first byte was read. */
void anm_remember_put(const char *folder, const anm_file_id *ids, size_t n,
                      const char *what, int64_t began_ns,
                      const uint8_t digest[ANM_SHA256_BYTES]);

/* What was made of files, whole: bytes under the same kind of identity. The
 * caller checks the bytes, which may be damaged, and closes the map. */
bool anm_remember_map(const char *folder, const anm_file_id *ids, size_t n,
                      const char *what, anm_map *map, anm_bytes *out);
void anm_remember_keep(const char *folder, const anm_file_id *ids, size_t n,
                       const char *what, int64_t began_ns, anm_bytes bytes);

/* The end of the names of files that anm_remember_keep() writes. */
#define ANM_REMEMBER_KEPT ".kept"

#endif
