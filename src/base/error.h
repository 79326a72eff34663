/* error.h - filling in an anm_error.
 *
 * A function that fails says so once, where it knows the values: what, where,
 * the value found, the value allowed. A caller that knows more context (a
 * path, a tensor's name) prefixes it once. Nothing is logged besides.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_ERROR_H
#define ANM_ERROR_H

#include <errno.h>
#include <stdarg.h>

#include "anemone.h"
#include "base/compiler.h"

/* Write status and message into err (may be NULL) and return status. A message
 * longer than the struct is cut at a character boundary and ends in "…".
 * Control characters and invalid UTF-8 from file names or files come out as
 * \xNN, so a message is always one printable line. */
anm_status anm_fail(anm_error *err, anm_status status, const char *format, ...)
    ANM_PRINTF(3, 4);

/* Put "prefix: " before the message of err (may be NULL), keep its status and
 * return it. */
anm_status anm_fail_prefix(anm_error *err, anm_status status,
                           const char *format, ...) ANM_PRINTF(3, 4);

/* The status and message of an errno value: ENOENT and ENOTDIR are
 * ANM_E_NOTFOUND, ENOMEM is ANM_E_NOMEM, everything else ANM_E_IO. "what" is
 * the operation and its object: "open /x/y". */
anm_status anm_fail_errno(anm_error *err, int errno_value, const char *format,
                          ...) ANM_PRINTF(3, 4);

#endif
