/* whole_file.h - a file that appears complete or not at all.
 *
 * It is written beside its place, which a rename takes in the end: what a link
 * points to, and never a device, a pipe or a folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_WHOLE_FILE_H
#define CLI_WHOLE_FILE_H

#include "output.h"

/* Zero-initialised is valid to abandon. */
typedef struct cli_whole_file {
    FILE *file; /* write here; seek as you like */
    char *path, *beside;
} cli_whole_file;

anm_status cli_whole_file_open(cli_whole_file *w, const char *path,
                               anm_error *err);

/* The error of the last operation on it, by errno. */
anm_status cli_whole_file_fail(const cli_whole_file *w, anm_error *err);

/* Make the file appear; on failure nothing is left. */
anm_status cli_whole_file_finish(cli_whole_file *w, anm_error *err);

/* Remove what was written; does nothing after cli_whole_file_finish(). */
void cli_whole_file_abandon(cli_whole_file *w);

/* All of it at once. */
anm_status cli_whole_file_put(const char *path, const void *data, size_t len,
                              anm_error *err);

#endif
