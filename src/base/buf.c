/* buf.c - a growable run of bytes that remembers a failed append.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>

#include "base/alloc.h"

/* Room for len more bytes and the NUL; marks the buffer when there is none. */
static bool reserve(anm_buf *b, size_t len)
{
    size_t need = 0;

    if (b->failed) return false;
    b->failed = !anm_add_size(b->len, len, &need) ||
                !anm_add_size(need, 1, &need) ||
                !anm_grow(&b->data, &b->cap, need < 64 ? 64 : need, 1);
    return !b->failed;
}

void anm_buf_append(anm_buf *b, const void *data, size_t len)
{
    if (!reserve(b, len)) return;
    if (len) memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void anm_buf_puts(anm_buf *b, const char *s)
{
    anm_buf_append(b, s, strlen(s));
}

void anm_buf_printf(anm_buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) b->failed = true;
    if (n < 0 || !reserve(b, (size_t)n)) return;

    va_start(args, format);
    vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

void anm_buf_reset(anm_buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data) b->data[0] = '\0';
}

void anm_buf_deinit(anm_buf *b)
{
    anm_free(b->data);
    *b = (anm_buf){ 0 };
}

char *anm_buf_take(anm_buf *b)
{
    char *taken = NULL;

    anm_buf_append(b, "", 0);
    if (!b->failed) {
        taken = b->data;
        b->data = NULL;
    }
    anm_buf_deinit(b);
    return taken;
}
