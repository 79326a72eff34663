/* remember.h - digests of big files, computed once.
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

#endif
