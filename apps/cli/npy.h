/* npy.h - rows of float32 as a NumPy file, version 1.0.
 *
 * Written beside its place and renamed: the file is whole or not there. What a
 * rename would destroy, a device or a pipe, is refused; a link is followed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_NPY_H
#define CLI_NPY_H

#include "whole_file.h"

/* Zero-initialised is valid to abandon. */
typedef struct cli_npy {
    cli_whole_file whole;
    size_t n_rows, dim;
} cli_npy;

anm_status cli_npy_open(cli_npy *w, const char *path, size_t dim,
                        anm_error *err);
anm_status cli_npy_add(cli_npy *w, const float *rows, size_t n, anm_error *err);

/* Make the file appear; on failure nothing is left. */
anm_status cli_npy_finish(cli_npy *w, anm_error *err);

/* Remove what was written; does nothing after cli_npy_finish(). */
void cli_npy_abandon(cli_npy *w);

#endif
