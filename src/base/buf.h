/* buf.h - a growable run of bytes.
 *
 * Zero-initialised is a valid empty buffer. Appending never fails loudly: the
 * first allocation that fails marks the buffer, later appends do nothing, and
 * the owner asks once at the end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_BUF_H
#define ANM_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

typedef struct anm_buf {
    char *data; /* [len], followed by a NUL once anything was appended */
    size_t len;
    size_t cap;
    bool failed;
} anm_buf;

void anm_buf_append(anm_buf *b, const void *data, size_t len);
void anm_buf_puts(anm_buf *b, const char *s);
void anm_buf_printf(anm_buf *b, const char *format, ...) ANM_PRINTF(2, 3);

/* Keep memory, drop content (and the mark of failure). */
void anm_buf_reset(anm_buf *b);
void anm_buf_deinit(anm_buf *b);

/* Hand the bytes over as a NUL-terminated string for anm_free(); NULL when an
 * append failed. The buffer is empty afterwards. */
char *anm_buf_take(anm_buf *b);

#endif
