/* open.h - opening a regular file, for the files of this room that keep a
 * descriptor.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_OPEN_H
#define ANM_OPEN_H

#include <sys/types.h>

#include "base/file.h"

/* open() with O_CLOEXEC, and never one of the descriptors 0 to 2, which other
 * code takes for the standard streams. -1 and errno on failure. */
int anm_open_fd(const char *path, int flags, mode_t mode);

/* Open for reading and say what was opened. What is not a regular file is
 * ANM_E_IO and, unless it is exchanged at that very moment, never opened. */
anm_status anm_open_regular(int *fd, const char *path, anm_file_id *id,
                            anm_error *err);

#endif
