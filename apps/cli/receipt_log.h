/* receipt_log.h - receipts appended to a file, a JSON line each.
 *
 * One write a line, at the end of the file, so that processes may share it and
 * a crash tears at most the last line. At 64 MiB the file is renamed to
 * FILE.1, in place of an earlier one, and begun anew.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_RECEIPT_LOG_H
#define CLI_RECEIPT_LOG_H

#include "anemone.h"

#define CLI_RECEIPT_LOG_MAX ((uint64_t)64 << 20)

typedef struct cli_receipt_log {
    const char *path; /* borrowed; NULL: off */
    uint64_t max_bytes;
    int fd;
    bool torn; /* the last line of the file was cut short */
} cli_receipt_log;

/* path NULL gives a log that keeps nothing. */
anm_status cli_receipt_log_open(cli_receipt_log *l, const char *path,
                                anm_error *err);
void cli_receipt_log_close(cli_receipt_log *l);

/* Append one. The call that it tells of has its answer either way. */
anm_status cli_receipt_log_add(cli_receipt_log *l, const anm_receipt *receipt,
                               anm_error *err);

#endif
