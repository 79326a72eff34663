/* bundle.h - files in one .tar.gz: POSIX ustar, compressed by zlib.
 *
 * Holds names, bytes and one time; neither users nor modes of this machine.
 * The same files give the same bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_BUNDLE_H
#define CLI_BUNDLE_H

#include "whole_file.h"

typedef struct cli_bundle cli_bundle;

/* folder: of every name in it, at most 60 bytes. time_s: of every file, since
 * the epoch. NULL with err. */
cli_bundle *cli_bundle_open(const char *path, const char *folder,
                            uint64_t time_s, anm_error *err);

/* A file; name of at most 30 bytes. */
anm_status cli_bundle_add(cli_bundle *b, const char *name, const void *data,
                          size_t len, anm_error *err);

/* End it and make it appear; b is released in any case. */
anm_status cli_bundle_finish(cli_bundle *b, anm_error *err);

/* Release, leaving no file; NULL is nothing. */
void cli_bundle_abandon(cli_bundle *b);

#endif
